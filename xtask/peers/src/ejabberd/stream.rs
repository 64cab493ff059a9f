//! An XMPP client's stream: TLS, account, sign-in, binding, stream management, and what is heard.
//!
//! Sources: RFC 6120 (streams, SASL, binding), RFC 6121 (messages), XEP-0077 (in-band registration), XEP-0198 (stream
//! management). Always holds: an error that the server names ends the stream. Deliberately absent: STARTTLS (TLS comes
//! first, XEP-0368), rosters, resumption.

use crate::server::SERVER_NAME;
use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use rustls_pki_types::ServerName;
use std::sync::Arc;
use tokio::io::{AsyncBufRead, AsyncWriteExt as _, BufReader, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// The domain that is served.
pub(super) const HOST: &str = SERVER_NAME;
const PASSWORD: &str = "bench";
const RESOURCE: &str = "bench";

/// How to reach the server.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) port: u16,
    pub(super) tls: Arc<rustls::ClientConfig>,
}

/// What the server said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// `<stream:features/>`.
    Features,
    /// SASL succeeded.
    Success,
    /// The answer to a request, by its type.
    Answer(String),
    /// `<enabled/>`: stream management is on.
    Enabled,
    /// `<r/>`: it asks how many stanzas came.
    Asked,
    /// `<a/>`: how many of ours it has handled.
    Handled(u64),
    /// A message's body.
    Message(String),
    /// A stanza that nothing follows from.
    Other,
    /// An error, by the names of what it holds; nobody is told of it otherwise than by the stream's end.
    Failed(String),
}

/// The listening half of a stream.
pub(super) struct Ear<R> {
    reader: Reader<R>,
    buffer: Vec<u8>,
}

/// A signed-in stream.
pub(super) struct Stream {
    pub(super) ear: Ear<BufReader<ReadHalf<TlsStream<TcpStream>>>>,
    pub(super) mouth: WriteHalf<TlsStream<TcpStream>>,
}

/// Where messages to this account's only device go.
pub(super) fn address(name: &str) -> String {
    format!("{name}@{HOST}/{RESOURCE}")
}

/// Makes an account.
pub(super) async fn register(target: &Target, name: &str) -> Result<()> {
    let mut stream = Stream::connect(target).await?;
    stream
        .ask(&format!(
            "<iq type='set' id='register'><query xmlns='jabber:iq:register'>\
             <username>{name}</username><password>{PASSWORD}</password></query></iq>"
        ))
        .await
        .with_context(|| format!("registering {name}"))?;
    stream.send("</stream:stream>").await
}

impl Stream {
    /// TCP, TLS, and the stream's opening.
    async fn connect(target: &Target) -> Result<Self> {
        let tcp = TcpStream::connect(("127.0.0.1", target.port)).await?;
        tcp.set_nodelay(true)?;
        let tls = tokio_rustls::TlsConnector::from(target.tls.clone())
            .connect(ServerName::try_from(SERVER_NAME)?, tcp)
            .await?;
        let (hears, mouth) = tokio::io::split(tls);
        let mut stream = Self {
            ear: Ear::new(BufReader::new(hears)),
            mouth,
        };
        stream.begin().await?;
        Ok(stream)
    }

    async fn begin(&mut self) -> Result<()> {
        let opening = format!(
            "<stream:stream to='{HOST}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>"
        );
        self.send(&opening).await?;
        self.expect(&Heard::Features).await
    }

    /// Signs in, binds, and turns stream management on: from now on stanzas are counted both ways.
    pub(super) async fn sign_in(target: &Target, name: &str) -> Result<Self> {
        let mut stream = Self::connect(target).await?;
        let plain = STANDARD.encode(format!("\0{name}\0{PASSWORD}"));
        stream
            .send(&format!(
                "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"
            ))
            .await?;
        stream.expect(&Heard::Success).await?;
        stream.begin().await?;
        stream
            .ask(&format!(
                "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
                 <resource>{RESOURCE}</resource></bind></iq>"
            ))
            .await
            .with_context(|| format!("signing in {name}"))?;
        stream.send("<enable xmlns='urn:xmpp:sm:3'/>").await?;
        stream.expect(&Heard::Enabled).await?;
        Ok(stream)
    }

    /// Sends it at once.
    pub(super) async fn send(&mut self, text: &str) -> Result<()> {
        self.mouth.write_all(text.as_bytes()).await?;
        Ok(self.mouth.flush().await?)
    }

    async fn ask(&mut self, request: &str) -> Result<()> {
        self.send(request).await?;
        self.expect(&Heard::Answer("result".to_owned())).await
    }

    async fn expect(&mut self, expected: &Heard) -> Result<()> {
        let heard = self.ear.next().await?;
        if heard != *expected {
            bail!("instead of {expected:?} the server says {heard:?}");
        }
        Ok(())
    }
}

impl<R: AsyncBufRead + Unpin> Ear<R> {
    fn new(reader: R) -> Self {
        Self {
            reader: Reader::from_reader(reader),
            buffer: Vec::new(),
        }
    }

    /// The next whole element below the stream's. Dropped while it waits, it loses what it had read.
    pub(super) async fn next(&mut self) -> Result<Heard> {
        let mut depth = 0_usize;
        let mut heard = None;
        let mut body: Option<String> = None;
        let mut in_body = false;
        loop {
            self.buffer.clear();
            let event = self.reader.read_event_into_async(&mut self.buffer).await?;
            match event {
                Event::Start(start) if start.name().as_ref() == b"stream:stream" => {}
                Event::Start(start) => {
                    depth += 1;
                    in_body = depth == 2 && start.name().as_ref() == b"body";
                    if depth == 1 {
                        heard = Some(begun(&start)?);
                    } else {
                        explain(&mut heard, &start);
                    }
                }
                Event::Empty(start) if depth == 0 => return whole(begun(&start)?),
                Event::Empty(start) => explain(&mut heard, &start),
                Event::Text(text) if in_body => {
                    body.get_or_insert_default().push_str(&text.decode()?);
                }
                Event::End(_) if depth == 0 => bail!("the server ended the stream"),
                Event::End(_) => {
                    depth -= 1;
                    in_body = false;
                    if depth == 0 {
                        return match (heard, body) {
                            (Some(Heard::Message(_)), Some(body)) => Ok(Heard::Message(body)),
                            (Some(Heard::Message(_)), None) => Ok(Heard::Other),
                            (heard, _) => whole(heard.context("an end without a beginning")?),
                        };
                    }
                }
                Event::Eof => bail!("the server hung up"),
                _ => {}
            }
        }
    }
}

/// Adds why something failed.
fn explain(heard: &mut Option<Heard>, start: &BytesStart<'_>) {
    if let Some(Heard::Failed(why)) = heard {
        *why += " ";
        *why += &String::from_utf8_lossy(start.name().as_ref());
    }
}

/// Ends the stream when it is an error.
fn whole(heard: Heard) -> Result<Heard> {
    match heard {
        Heard::Failed(why) => bail!("the server says {why}"),
        heard => Ok(heard),
    }
}

/// What an element is, by its name and attributes.
fn begun(start: &BytesStart<'_>) -> Result<Heard> {
    let attribute = |name: &str| -> Result<Option<String>> {
        let found = start.try_get_attribute(name)?;
        Ok(found.map(|found| String::from_utf8_lossy(&found.value).into_owned()))
    };
    Ok(match start.name().as_ref() {
        b"stream:features" => Heard::Features,
        b"success" => Heard::Success,
        b"iq" => Heard::Answer(attribute("type")?.unwrap_or_default()),
        b"enabled" => Heard::Enabled,
        b"r" => Heard::Asked,
        b"a" => Heard::Handled(attribute("h")?.context("no count")?.parse()?),
        b"message" => match attribute("type")?.as_deref() {
            Some("error") => bail!("a message came back as an error"),
            _ => Heard::Message(String::new()),
        },
        b"stream:error" | b"failure" | b"failed" => {
            Heard::Failed(String::from_utf8_lossy(start.name().as_ref()).into_owned())
        }
        _ => Heard::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that is heard of a server that says this and hangs up; and why it ended.
    fn hear(text: &str) -> (Vec<Heard>, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(async {
            // Cut into small pieces, as a network may.
            let pieces = BufReader::with_capacity(7, text.as_bytes());
            let mut ear = Ear::new(pieces);
            let mut all = Vec::new();
            loop {
                match ear.next().await {
                    Ok(heard) => all.push(heard),
                    Err(error) => return (all, format!("{error:#}")),
                }
            }
        })
    }

    const OPENING: &str = "<?xml version='1.0'?><stream:stream id='1' version='1.0' from='localhost' \
         xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:client'>";

    #[test]
    fn a_sign_in_is_understood_step_by_step() {
        let text = format!(
            "{OPENING}<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
             <mechanism>PLAIN</mechanism></mechanisms></stream:features>\
             <success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>\
             {OPENING}<stream:features><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>\
             <iq type='result' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>a@localhost/bench</jid></bind></iq>\
             <enabled xmlns='urn:xmpp:sm:3'/>"
        );
        let (heard, _) = hear(&text);
        let answer = Heard::Answer("result".to_owned());
        let expected = [
            Heard::Features,
            Heard::Success,
            Heard::Features,
            answer,
            Heard::Enabled,
        ];
        assert_eq!(heard, expected);
    }

    #[test]
    fn a_message_is_its_body_whatever_stands_around_it() {
        let text = format!(
            "{OPENING}<message from='writer0@localhost/bench' type='chat'>\
             <archived by='reader0@localhost' id='1' xmlns='urn:xmpp:mam:tmp'/><body>0 12 abc</body>\
             <other><body>not this one</body></other></message>\
             <presence from='a@localhost'/><r xmlns='urn:xmpp:sm:3'/><a h='4711' xmlns='urn:xmpp:sm:3'/>\
             <message type='headline'><event/></message>"
        );
        let (heard, end) = hear(&text);
        let expected = [
            Heard::Message("0 12 abc".to_owned()),
            Heard::Other,
            Heard::Asked,
            Heard::Handled(4_711),
            Heard::Other,
        ];
        assert_eq!(heard, expected);
        assert!(end.contains("hung up"), "{end}");
    }

    #[test]
    fn what_goes_wrong_ends_the_stream() {
        for (text, why) in [
            (
                "<message type='error'><body>0 1 x</body></message>",
                "error",
            ),
            (
                "<failure><not-authorized/></failure>",
                "failure not-authorized",
            ),
            ("<failed xmlns='urn:xmpp:sm:3'/>", "failed"),
            (
                "<stream:error><conflict>a</conflict></stream:error>",
                "stream:error conflict",
            ),
            ("<a xmlns='urn:xmpp:sm:3'/>", "no count"),
            ("<a h='many'/>", "invalid digit"),
            ("</stream:stream>", "ended the stream"),
            ("<message><body>cut", "hung up"),
        ] {
            let (heard, end) = hear(&format!("{OPENING}{text}"));
            assert_eq!(heard, [], "{text}");
            assert!(end.contains(why), "{text}: {end}");
        }
    }
}
