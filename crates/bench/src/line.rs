//! One device's connection: TCP, TLS, WebSocket, sign-in, batches of frames.

use anyhow::{Context, Result, bail};
use comity_e2ee::keys::DeviceKeys;
use comity_wire::proto::{
    ClientBatch, ClientFrame, Closing, Hello, Reply, ServerBatch, SignIn, SignedIn,
    client_frame::Act, reply, server_frame::Frame,
};
use comity_wire::{AppId, Message as _, PROTOCOL_VERSION, SIGN_IN_EXPORTER_LABEL, sign_in_message};
use futures_util::{SinkExt, StreamExt};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

/// Nothing that a bench waits for takes longer, unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// A connection for HTTP acts is used again within this time only.
const IDLE: Duration = Duration::from_secs(2);
/// The server's name in its certificate.
pub(crate) const SERVER_NAME: &str = "localhost";

/// How to reach the server.
#[derive(Clone)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    pub(crate) app: AppId,
    tls: Arc<rustls::ClientConfig>,
}

impl Target {
    pub(crate) fn new(
        address: SocketAddr,
        app: AppId,
        certificate: CertificateDer<'static>,
    ) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let pinned = Pinned {
            certificate,
            schemes: provider
                .signature_verification_algorithms
                .supported_schemes(),
        };
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(pinned))
            .with_no_client_auth();
        // Every handshake is a full one.
        tls.resumption = rustls::client::Resumption::disabled();
        Ok(Self {
            address,
            app,
            tls: Arc::new(tls),
        })
    }

    /// For HTTP acts.
    pub(crate) fn http(&self) -> Result<reqwest::Client> {
        Ok(reqwest::Client::builder()
            .tls_backend_preconfigured((*self.tls).clone())
            .no_proxy()
            .resolve(SERVER_NAME, self.address)
            .timeout(PATIENCE)
            // Before the server closes it.
            .pool_idle_timeout(IDLE)
            .build()?)
    }

    /// The whole address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("https://{SERVER_NAME}:{}{path}", self.address.port())
    }
}

/// Takes the one certificate that the server was given, and nothing else. That the server has its key
/// is not looked at: what that costs is the load's, and the machine has to do both.
#[derive(Debug)]
struct Pinned {
    certificate: CertificateDer<'static>,
    schemes: Vec<rustls::SignatureScheme>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if *end_entity == self.certificate {
            Ok(ServerCertVerified::assertion())
        } else {
            let other = rustls::CertificateError::ApplicationVerificationFailure;
            Err(other.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.schemes.clone()
    }
}

/// A connection, over a stream of bytes.
pub(crate) struct Line<S = TcpStream> {
    socket: WebSocketStream<TlsStream<S>>,
    exporter: [u8; 32],
    next: u64,
}

impl Line {
    /// Opens it and signs in.
    pub(crate) async fn open(target: &Target, keys: &DeviceKeys) -> Result<(Self, SignedIn)> {
        let opening = async {
            let mut line = Self::connect(target).await?;
            let signed_in = line.sign_in(target, keys).await?;
            Ok((line, signed_in))
        };
        tokio::time::timeout(PATIENCE, opening)
            .await
            .context("a device was not let in")?
    }

    /// Opens it; signing in is left to the caller.
    pub(crate) async fn connect(target: &Target) -> Result<Self> {
        Self::over(tcp(target).await?, target).await
    }
}

/// An open socket, on which nothing was said.
pub(crate) async fn tcp(target: &Target) -> Result<TcpStream> {
    let tcp = TcpStream::connect(target.address).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// TLS over a stream.
pub(crate) async fn secured<S>(stream: S, target: &Target) -> Result<TlsStream<S>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let name = ServerName::try_from(SERVER_NAME)?;
    let connector = tokio_rustls::TlsConnector::from(target.tls.clone());
    Ok(connector.connect(name, stream).await?)
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    /// The WebSocket over a stream; nobody has signed in.
    pub(crate) async fn over(stream: S, target: &Target) -> Result<Self> {
        let stream = secured(stream, target).await?;
        let exporter =
            stream
                .get_ref()
                .1
                .export_keying_material([0; 32], SIGN_IN_EXPORTER_LABEL, None)?;
        let config = WebSocketConfig::default()
            .read_buffer_size(4 * 1024)
            .write_buffer_size(0)
            .max_message_size(Some(64 << 20))
            .max_frame_size(Some(64 << 20));
        let url = format!("wss://{SERVER_NAME}/v1/connect");
        let (socket, _) =
            tokio_tungstenite::client_async_with_config(url, stream, Some(config)).await?;
        Ok(Self {
            socket,
            exporter,
            next: 1,
        })
    }

    /// Signs in as this device.
    pub(crate) async fn sign_in(&mut self, target: &Target, keys: &DeviceKeys) -> Result<SignedIn> {
        let nonce = self.challenge(keys).await?;
        let message = sign_in_message(&target.app, &keys.id(), &nonce, Some(&self.exporter));
        let sign_in = Act::SignIn(SignIn {
            signature: keys.sign(&message).to_vec(),
            exporter: true,
        });
        match self.ask(sign_in).await? {
            reply::Result::SignedIn(signed_in) => Ok(signed_in),
            other => bail!("instead of a token: {other:?}"),
        }
    }

    /// Says hello; the nonce that is to be signed.
    pub(crate) async fn challenge(&mut self, keys: &DeviceKeys) -> Result<Vec<u8>> {
        let hello = Act::Hello(Hello {
            version: PROTOCOL_VERSION,
            device: keys.id().to_vec(),
            agent: "bench".to_owned(),
        });
        self.send(vec![quiet(hello)]).await?;
        match self.frames().await?.into_iter().next() {
            Some(Frame::Challenge(challenge)) => Ok(challenge.nonce),
            other => bail!("instead of a challenge: {other:?}"),
        }
    }

    /// What binds a sign-in to this connection.
    pub(crate) const fn exporter(&self) -> [u8; 32] {
        self.exporter
    }

    /// A number for a request.
    pub(crate) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Sends one batch.
    pub(crate) async fn send(&mut self, frames: Vec<ClientFrame>) -> Result<()> {
        self.send_bytes(ClientBatch { frames }.encode_to_vec())
            .await
    }

    /// Sends one message of these bytes, whatever they are.
    pub(crate) async fn send_bytes(&mut self, bytes: Vec<u8>) -> Result<()> {
        Ok(self.socket.send(Message::Binary(bytes.into())).await?)
    }

    /// The frames of the next batch. Dropped while it waits, it loses nothing.
    pub(crate) async fn frames(&mut self) -> Result<Vec<Frame>> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Binary(bytes))) => {
                    let batch = ServerBatch::decode(bytes)?;
                    return Ok(batch.frames.into_iter().filter_map(|f| f.frame).collect());
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => bail!("the server says {other:?}"),
                Some(Err(error)) => return Err(error.into()),
                None => bail!("the server hung up"),
            }
        }
    }

    /// Asks and waits for the answer; what is pushed meanwhile is passed over.
    pub(crate) async fn ask(&mut self, act: Act) -> Result<reply::Result> {
        match self.answer(act).await? {
            reply::Result::Error(error) => bail!("refused: {} ({})", error.code, error.message),
            other => Ok(other),
        }
    }

    /// The same where a refusal is an answer, too.
    pub(crate) async fn answer(&mut self, act: Act) -> Result<reply::Result> {
        let request = self.number();
        self.send(vec![ClientFrame {
            request,
            act: Some(act),
        }])
        .await?;
        let waiting = async {
            loop {
                for frame in self.frames().await? {
                    match frame {
                        Frame::Reply(Reply {
                            request: of,
                            result: Some(result),
                        }) if of == request => return Ok(result),
                        Frame::Closing(closing) => bail!("closed: {}", closing.code),
                        _ => {}
                    }
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .context("an answer did not come")?
    }

    /// The code and the hint by which the server ends this connection; none when it only hangs up.
    pub(crate) async fn last_word(&mut self) -> Option<Closing> {
        loop {
            let frames = self.frames().await.ok()?;
            let closing = frames.into_iter().find_map(|frame| match frame {
                Frame::Closing(closing) => Some(closing),
                _ => None,
            });
            if closing.is_some() {
                return closing;
            }
        }
    }

    /// Says goodbye and waits until it was heard.
    pub(crate) async fn close(mut self) {
        let _ = tokio::time::timeout(Duration::from_secs(5), async {
            let _ = self.socket.close(None).await;
            while let Some(Ok(_)) = self.socket.next().await {}
        })
        .await;
    }
}

/// A frame that asks for no reply.
pub(crate) fn quiet(act: Act) -> ClientFrame {
    ClientFrame {
        request: 0,
        act: Some(act),
    }
}
