//! One device's connection: TCP, TLS, WebSocket, sign-in, batches of frames.

use anyhow::{Context, Result, bail};
use comity_e2ee::keys::DeviceKeys;
use comity_wire::proto::{
    ClientBatch, ClientFrame, Hello, Reply, ServerBatch, SignIn, SignedIn, client_frame::Act,
    reply, server_frame::Frame,
};
use comity_wire::{AppId, Message as _, PROTOCOL_VERSION, SIGN_IN_EXPORTER_LABEL, sign_in_message};
use futures_util::{SinkExt, StreamExt};
use rustls_pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
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
        let mut roots = rustls::RootCertStore::empty();
        roots.add(certificate)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
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

/// A connection.
pub(crate) struct Line {
    socket: WebSocketStream<TlsStream<TcpStream>>,
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
        let tcp = TcpStream::connect(target.address).await?;
        tcp.set_nodelay(true)?;
        let stream = tokio_rustls::TlsConnector::from(target.tls.clone())
            .connect(ServerName::try_from(SERVER_NAME)?, tcp)
            .await?;
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

    async fn sign_in(&mut self, target: &Target, keys: &DeviceKeys) -> Result<SignedIn> {
        let device = keys.id();
        let hello = Act::Hello(Hello {
            version: PROTOCOL_VERSION,
            device: device.to_vec(),
            agent: "bench".to_owned(),
        });
        self.send(vec![quiet(hello)]).await?;
        let challenge = match self.frames().await?.into_iter().next() {
            Some(Frame::Challenge(challenge)) => challenge,
            other => bail!("instead of a challenge: {other:?}"),
        };
        let message = sign_in_message(&target.app, &device, &challenge.nonce, Some(&self.exporter));
        let sign_in = Act::SignIn(SignIn {
            signature: keys.sign(&message).to_vec(),
            exporter: true,
        });
        match self.ask(sign_in).await? {
            reply::Result::SignedIn(signed_in) => Ok(signed_in),
            other => bail!("instead of a token: {other:?}"),
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
        let bytes = ClientBatch { frames }.encode_to_vec();
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
        let result = tokio::time::timeout(PATIENCE, waiting)
            .await
            .context("an answer did not come")??;
        match result {
            reply::Result::Error(error) => bail!("refused: {} ({})", error.code, error.message),
            other => Ok(other),
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
