//! The way to the app: HTTP acts and the WebSocket, over TLS, or plain on loopback.

use anyhow::{Context, Result, bail};
use comity_client::{CallError, Event, Method};
use comity_wire::http::ErrorBody;
use comity_wire::{ErrorCode, SIGN_IN_EXPORTER_LABEL, WireError};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// Of one answer or message of the server: several times the largest.
const ANSWER_BYTES_MAX: usize = 64 << 20;
const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Code of an app that was not reached.
pub(crate) const UNREACHABLE: &str = "unreachable";

/// Either kind of stream.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A WebSocket to the app.
pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// How to reach one app.
#[derive(Clone)]
pub(crate) struct Server {
    base: reqwest::Url,
    tls: Arc<rustls::ClientConfig>,
    pub(crate) http: reqwest::Client,
}

impl Server {
    /// The app at `base`; plain `http` on loopback only.
    pub(crate) fn new(base: &str, ca: Option<&Path>) -> Result<Self> {
        let base: reqwest::Url = base
            .parse()
            .with_context(|| format!("{base} is not an address like https://chat.example"))?;
        let loopback = match base.host_str() {
            Some("localhost") => true,
            Some(host) => host
                .trim_matches(['[', ']'])
                .parse::<std::net::IpAddr>()
                .is_ok_and(|ip| ip.is_loopback()),
            None => bail!("{base} is not an address like https://chat.example"),
        };
        match base.scheme() {
            "https" => {}
            "http" if loopback => {}
            "http" => bail!("plain http goes to loopback only: use https"),
            other => bail!("{other} is not http or https"),
        }
        let mut roots = rustls::RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        if let Some(ca) = ca {
            for certificate in CertificateDer::pem_file_iter(ca)
                .with_context(|| format!("reading {}", ca.display()))?
            {
                roots.add(certificate?)?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(CALL_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()?;
        Ok(Self {
            base,
            tls: Arc::new(tls),
            http,
        })
    }

    /// The whole address of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base.as_str().trim_end_matches('/'))
    }

    /// An HTTP act.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
        token: Option<&str>,
    ) -> Result<Vec<u8>, CallError> {
        let method = match method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self
            .http
            .request(method, self.url(path))
            .timeout(CALL_TIMEOUT);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let response = request.send().await.map_err(|error| unreachable(&error))?;
        let ok = response.status().is_success();
        let bytes = answer(response, ANSWER_BYTES_MAX).await?;
        if ok {
            Ok(bytes)
        } else {
            Err(CallError::Refused(refusal(&bytes)))
        }
    }

    /// Opens the WebSocket; gives the TLS exporter where there is TLS.
    pub(crate) async fn connect(&self) -> Result<(Socket, Option<Vec<u8>>)> {
        tokio::time::timeout(CONNECT_TIMEOUT, self.connect_now())
            .await
            .context("the server does not answer")?
    }

    async fn connect_now(&self) -> Result<(Socket, Option<Vec<u8>>)> {
        let host = self
            .base
            .host_str()
            .context("no host")?
            .trim_matches(['[', ']'])
            .to_owned();
        let port = self.base.port_or_known_default().context("no port")?;
        let tcp = TcpStream::connect((host.as_str(), port)).await?;
        tcp.set_nodelay(true)?;
        let plain = self.base.scheme() == "http";
        let (stream, exporter): (Box<dyn Stream>, _) = if plain {
            (Box::new(tcp), None)
        } else {
            let name = ServerName::try_from(host)?;
            let stream = tokio_rustls::TlsConnector::from(self.tls.clone())
                .connect(name, tcp)
                .await?;
            let exporter = stream.get_ref().1.export_keying_material(
                [0_u8; 32],
                SIGN_IN_EXPORTER_LABEL,
                None,
            )?;
            (Box::new(stream), Some(exporter.to_vec()))
        };
        let mut url = self.base.clone();
        let _ = url.set_scheme(if plain { "ws" } else { "wss" });
        url.set_path("/v1/connect");
        let config = WebSocketConfig::default()
            .max_message_size(Some(ANSWER_BYTES_MAX))
            .max_frame_size(Some(ANSWER_BYTES_MAX));
        let (socket, _) =
            tokio_tungstenite::client_async_with_config(url.as_str(), stream, Some(config)).await?;
        Ok((socket, exporter))
    }
}

/// The whole body of an answer, unless it is longer than it may be.
pub(crate) async fn answer(
    mut response: reqwest::Response,
    bytes_max: usize,
) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while let Some(more) = response
        .chunk()
        .await
        .map_err(|error| unreachable(&error))?
    {
        if bytes.len() + more.len() > bytes_max {
            let why = "its answer is longer than any that there is";
            return Err(CallError::Unreachable(why.to_owned()));
        }
        bytes.extend_from_slice(&more);
    }
    Ok(bytes)
}

fn unreachable(error: &reqwest::Error) -> CallError {
    CallError::Unreachable(Trouble::of(error).reason)
}

/// Why there is no way to the app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// Stable code: `unreachable`, or why the app that was reached is not signed in to.
    pub(crate) code: String,
    /// For people.
    pub(crate) reason: String,
    /// Trying again changes nothing until somebody mends something.
    pub(crate) stays: bool,
}

impl Trouble {
    /// What an error of connecting comes from.
    pub(crate) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut last = error.to_string();
        let mut at = Some(error);
        while let Some(error) = at {
            if let Some(found) = Self::known(error) {
                return found;
            }
            last = error.to_string();
            at = error.source();
        }
        Self::passing(&last)
    }

    /// What may be over at the next attempt.
    pub(crate) fn passing(reason: &str) -> Self {
        Self::new(reason.to_owned(), false)
    }

    fn new(reason: String, stays: bool) -> Self {
        Self {
            code: UNREACHABLE.to_owned(),
            reason,
            stays,
        }
    }

    /// Why what was reached is not signed in to, where an event says that.
    pub(crate) fn of_event(event: &Event) -> Option<Self> {
        let (code, reason) = match event {
            Event::Warning { code, .. } if code == ErrorCode::WrongApp.as_str() => {
                (code, "the server at this address is another app".to_owned())
            }
            Event::Failed {
                act, code, message, ..
            } if act == "sign_in" => (code, super::words::sign_in(code, message)),
            _ => return None,
        };
        Some(Self {
            code: code.clone(),
            reason,
            stays: true,
        })
    }

    fn known(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        if let Some(error) = error.downcast_ref::<rustls::Error>() {
            return Some(Self::of_tls(error));
        }
        let error = error.downcast_ref::<std::io::Error>()?;
        // Such an error does not give what it wraps as its source.
        if let Some(inner) = error.get_ref()
            && let Some(found) = Self::known(inner)
        {
            return Some(found);
        }
        if error.to_string().contains("failed to lookup address") {
            return Some(Self::new("no such host".to_owned(), true));
        }
        match error.kind() {
            ErrorKind::ConnectionRefused => Some(Self::passing("connection refused")),
            ErrorKind::TimedOut => Some(Self::passing("no answer in time")),
            _ => None,
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        use rustls::CertificateError as Bad;
        let reason = match error {
            rustls::Error::InvalidCertificate(bad) => match bad {
                Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
                    format!("its certificate is for another name: {bad}")
                }
                Bad::UnknownIssuer => "its certificate is not trusted: no known authority signed it (--ca FILE adds one)".to_owned(),
                Bad::Expired | Bad::ExpiredContext { .. } => {
                    "its certificate is not trusted: it is over; or this machine's clock is wrong".to_owned()
                }
                Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
                    "its certificate is not trusted: it is not valid yet; or this machine's clock is wrong".to_owned()
                }
                // Only by its words is it told apart.
                bad if format!("{bad:?}").contains("CaUsedAsEndEntity") => {
                    "its certificate is not trusted: it is one of an authority, which a server can not show (docs/operating.md says how one is made)".to_owned()
                }
                bad => format!("its certificate is not trusted: {bad}"),
            },
            rustls::Error::InvalidMessage(_) => "it does not speak TLS there".to_owned(),
            other => format!("TLS: {other}"),
        };
        Self::new(reason, true)
    }
}

/// The error in an answer that is none.
pub(crate) fn refusal(body: &[u8]) -> WireError {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) => WireError {
            code: ErrorCode::parse(&body.error.code).unwrap_or(ErrorCode::Internal),
            message: body.error.message,
            retry_after_ms: body.error.retry_after_ms,
        },
        Err(_) => WireError::new(
            ErrorCode::Internal,
            "the server's answer is not one of Comity",
        ),
    }
}
