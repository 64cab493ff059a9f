//! Both ends of a pair at ejabberd: messages acknowledged by stream management (XEP-0198), which ejabberd does after it
//! has archived them.
//!
//! Always holds: the server is asked once for each batch what it has handled; the reader answers when it is asked.
//! Deliberately absent: receipts of the reader (XEP-0184), which would be a second message for each.

use super::stream::{Ear, Heard, Stream};
use crate::flow::Flow;
use anyhow::{Result, bail, ensure};
use std::fmt::Write as _;
use std::rc::Rc;
use tokio::io::{AsyncBufRead, AsyncWrite, AsyncWriteExt as _};

const ASK: &str = "<r xmlns='urn:xmpp:sm:3'/>";

/// Says what the flow lets it say, until it is over.
pub(super) async fn write(stream: Stream, to: String, flow: Rc<Flow>) -> Result<()> {
    let Stream { ear, mouth } = stream;
    // Neither is ever cut off in the middle: what is half read would be lost.
    tokio::select! {
        said = say(mouth, &to, &flow) => said,
        heard = hear(ear, &flow) => heard,
    }
}

async fn say(mut mouth: impl AsyncWrite + Unpin, to: &str, flow: &Flow) -> Result<()> {
    loop {
        let text = batch(to, flow);
        if !text.is_empty() {
            mouth.write_all(text.as_bytes()).await?;
            mouth.flush().await?;
        }
        if flow.is_over() {
            return Ok(());
        }
        flow.changed().await;
    }
}

/// The messages that may be sent now, and the question how far the server is; nothing when there are none.
fn batch(to: &str, flow: &Flow) -> String {
    let mut text = String::new();
    for number in flow.take() {
        let body = flow.text(number);
        // Writing into a string can not fail.
        let _ = write!(
            text,
            "<message to='{to}' type='chat' id='{number}'><body>{body}</body></message>"
        );
    }
    if !text.is_empty() {
        text += ASK;
    }
    text
}

async fn hear(mut ear: Ear<impl AsyncBufRead + Unpin>, flow: &Flow) -> Result<()> {
    let mut handled = 0;
    loop {
        match ear.next().await? {
            Heard::Handled(count) => {
                ensure!(count >= handled, "the server counts backwards");
                for number in handled..count {
                    flow.acknowledged(number)?;
                }
                handled = count;
            }
            // What the writer is sent is nothing that counts.
            Heard::Asked | Heard::Other => {}
            other => bail!("the writer is told {other:?}"),
        }
    }
}

/// Gets what is pushed, and tells how much that was when it is asked.
pub(super) async fn read(mut stream: Stream, flow: Rc<Flow>) -> Result<()> {
    let mut stanzas = 0_u64;
    loop {
        match stream.ear.next().await? {
            Heard::Message(body) => {
                stanzas += 1;
                flow.received(body.as_bytes())?;
            }
            Heard::Other => stanzas += 1,
            Heard::Asked => {
                let answer = format!("<a xmlns='urn:xmpp:sm:3' h='{stanzas}'/>");
                stream.send(&answer).await?;
            }
            other => bail!("the reader is told {other:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::Run;

    #[test]
    fn a_batch_asks_once_and_nothing_asks_nothing() {
        let flow = Flow::new(3, 2, 64, Rc::new(Run::default()));
        let text = batch("reader3@localhost/bench", &flow);
        assert_eq!(text.matches("<message ").count(), 2);
        assert_eq!(text.matches(ASK).count(), 1);
        assert!(text.ends_with(ASK) && text.contains("<body>3 1 abc"));
        assert_eq!(batch("reader3@localhost/bench", &flow), "");
    }
}
