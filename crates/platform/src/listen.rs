//! The listener: TCP, TLS by rustls where there is a certificate, HTTP/1.1 with upgrades.
//!
//! Always holds: without a certificate it listens on loopback only; who connects has a bounded
//! time for the handshake and for each request's head. Deliberately absent: routes.

use crate::rate::network;
use crate::stop::Stop;
use axum::Router;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::HashMap;
use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt;

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// What is known of the connection that a request came over; an extension of each request.
#[derive(Debug, Clone)]
pub struct Peer {
    /// From where. Never logged.
    pub address: SocketAddr,
    /// The TLS exporter for sign-ins, where there is TLS.
    pub exporter: Option<[u8; 32]>,
}

/// Why listening did not start.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address can not be had.
    #[error("can not listen on {address}: {error}")]
    Bind {
        /// That was asked for.
        address: SocketAddr,
        /// The system's reason.
        error: std::io::Error,
    },
    /// Plain HTTP beyond this machine.
    #[error(
        "{0} is not a loopback address: set tls_certificate and tls_key, or listen on 127.0.0.1 behind a proxy that speaks TLS"
    )]
    PlainBeyondLoopback(SocketAddr),
    /// The certificate or key can not be used.
    #[error("TLS certificate or key: {0}")]
    Certificate(String),
}

/// An open listener.
pub struct Listener {
    tcp: TcpListener,
    tls: Option<Certificate>,
    address: SocketAddr,
    per_network: usize,
}

/// The certificate in use. It can be replaced while the listener serves: connections that are open
/// keep theirs.
#[derive(Clone)]
pub struct Certificate(Arc<Mutex<TlsAcceptor>>);

impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Certificate")
    }
}

impl Certificate {
    fn new(config: rustls::ServerConfig) -> Self {
        Self(Arc::new(Mutex::new(TlsAcceptor::from(Arc::new(config)))))
    }

    /// Takes another one for the connections to come.
    pub fn replace(&self, config: rustls::ServerConfig) {
        if let Ok(mut acceptor) = self.0.lock() {
            *acceptor = TlsAcceptor::from(Arc::new(config));
        }
    }

    fn acceptor(&self) -> Option<TlsAcceptor> {
        self.0.lock().ok().map(|acceptor| acceptor.clone())
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Listener({})", self.address)
    }
}

/// Reads a certificate chain and its key from PEM files.
///
/// # Errors
/// When they can not be read or do not belong together.
pub fn tls_config(certificate: &Path, key: &Path) -> Result<rustls::ServerConfig, ListenError> {
    let wrong = |error: &dyn std::fmt::Display| ListenError::Certificate(error.to_string());
    let chain: Vec<_> = CertificateDer::pem_file_iter(certificate)
        .map_err(|error| wrong(&error))?
        .collect::<Result<_, _>>()
        .map_err(|error| wrong(&error))?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|error| wrong(&error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // No tickets: devices stay connected, and what a session would be resumed by is memory of each
    // connection, and a key by which the network could tell that it is the same device.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
    Ok(config)
}

impl Listener {
    /// Listens.
    ///
    /// # Errors
    /// When the address can not be had, or is beyond loopback without TLS.
    pub async fn bind(
        address: SocketAddr,
        tls: Option<rustls::ServerConfig>,
    ) -> Result<Self, ListenError> {
        if tls.is_none() && !address.ip().is_loopback() {
            return Err(ListenError::PlainBeyondLoopback(address));
        }
        let wrong = |error| ListenError::Bind { address, error };
        let tcp = TcpListener::bind(address).await.map_err(wrong)?;
        let address = tcp.local_addr().map_err(wrong)?;
        Ok(Self {
            tcp,
            tls: tls.map(Certificate::new),
            address,
            per_network: usize::MAX,
        })
    }

    /// Bounds the connections that one network has open at once; loopback, where a proxy is, has
    /// no bound.
    #[must_use]
    pub fn per_network(self, most: usize) -> Self {
        Self {
            per_network: most,
            ..self
        }
    }

    /// The certificate in use, where there is TLS.
    #[must_use]
    pub fn certificate(&self) -> Option<Certificate> {
        self.tls.clone()
    }

    /// Where it listens: with the port that the system chose, if it was asked to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Whether it speaks TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until told to stop; then takes no more connections and waits for running requests,
    /// at most `drain`. Upgraded connections are their owners' to end.
    pub async fn serve(
        self,
        router: Router,
        exporter_label: &'static [u8],
        mut stop: Stop,
        drain: Duration,
    ) {
        let open = Arc::new(AtomicUsize::new(0));
        let networks = Networks::default();
        loop {
            let accepted = tokio::select! {
                accepted = self.tcp.accept() => accepted,
                () = stop.wait() => break,
            };
            match accepted {
                Ok((tcp, address)) => {
                    // A socket of both families gives IPv4 mapped into IPv6: one network for all.
                    let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                    let Some(seat) = networks.enter(address.ip(), self.per_network) else {
                        continue;
                    };
                    let guard = Open::new(&open);
                    let tls = self.tls.as_ref().and_then(Certificate::acceptor);
                    let (router, stop) = (router.clone(), stop.clone());
                    // Frames are packed by us; waiting for more would only delay them.
                    let _ = tcp.set_nodelay(true);
                    let stream = Seated {
                        stream: tcp,
                        _seat: seat,
                    };
                    tokio::spawn(async move {
                        connection(stream, address, tls, router, exporter_label, stop).await;
                        drop(guard);
                    });
                }
                Err(error) => {
                    // Out of files, most likely: others must end first.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        let end = tokio::time::Instant::now() + drain;
        while open.load(Ordering::Acquire) > 0 && tokio::time::Instant::now() < end {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Open connections, by network.
#[derive(Clone, Default)]
struct Networks(Arc<Mutex<HashMap<IpAddr, usize>>>);

/// A place of one connection; given back when dropped.
struct Seat {
    network: Option<IpAddr>,
    networks: Networks,
}

impl Networks {
    /// A place, unless the network has all that it may have.
    fn enter(&self, address: IpAddr, most: usize) -> Option<Seat> {
        if address.is_loopback() {
            return Some(Seat {
                network: None,
                networks: self.clone(),
            });
        }
        let network = network(address);
        let mut counts = self.0.lock().ok()?;
        let count = counts.entry(network).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Seat {
            network: Some(network),
            networks: self.clone(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let (Some(network), Ok(mut counts)) = (self.network, self.networks.0.lock()) else {
            return;
        };
        if let Some(count) = counts.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&network);
            }
        }
    }
}

/// A stream that keeps its place for as long as it lives: also when it is no longer HTTP's.
struct Seated<T> {
    stream: T,
    _seat: Seat,
}

impl<T: AsyncRead + Unpin> AsyncRead for Seated<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Seated<T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

struct Open(Arc<AtomicUsize>);

impl Open {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn connection(
    tcp: Seated<TcpStream>,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    router: Router,
    exporter_label: &'static [u8],
    stop: Stop,
) {
    let Some(tls) = tls else {
        return http(
            tcp,
            Peer {
                address,
                exporter: None,
            },
            router,
            stop,
        )
        .await;
    };
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, tls.accept(tcp)).await else {
        return;
    };
    let exporter = stream
        .get_ref()
        .1
        .export_keying_material([0; 32], exporter_label, None)
        .ok();
    http(stream, Peer { address, exporter }, router, stop).await;
}

async fn http<T>(stream: T, peer: Peer, router: Router, mut stop: Stop)
where
    T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = router.map_request(move |mut request: http::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(peer.clone());
        request.map(axum::body::Body::new)
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(64 * 1024)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        () = stop.wait() => connection.as_mut().graceful_shutdown(),
    }
    // An error here is the peer's going away.
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_so_many_connections_and_loopback_any_number() {
        let networks = Networks::default();
        let far: IpAddr = "2001:db8::1".parse().unwrap();
        let same: IpAddr = "2001:db8::2".parse().unwrap();
        let one = networks.enter(far, 2).unwrap();
        let _two = networks.enter(same, 2).unwrap();
        assert!(networks.enter(far, 2).is_none());
        drop(one);
        assert!(networks.enter(far, 2).is_some());
        let near: IpAddr = "127.0.0.1".parse().unwrap();
        let many: Vec<_> = (0..10).map(|_| networks.enter(near, 2)).collect();
        assert!(many.iter().all(Option::is_some));
    }

    #[tokio::test]
    async fn who_upgraded_keeps_the_place() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let networks = Networks::default();
        let far: IpAddr = "2001:db8::1".parse().unwrap();
        let (mut theirs, ours) = tokio::io::duplex(4_096);
        let stream = Seated {
            stream: ours,
            _seat: networks.enter(far, 1).unwrap(),
        };
        let (upgraded, mut sockets) = tokio::sync::mpsc::channel(1);
        let router = Router::new().fallback(move |request: axum::extract::Request| async move {
            tokio::spawn(async move {
                let _ = upgraded.send(hyper::upgrade::on(request).await).await;
            });
            let headers = [("connection", "upgrade"), ("upgrade", "test")];
            (http::StatusCode::SWITCHING_PROTOCOLS, headers)
        });
        let peer = Peer {
            address: SocketAddr::new(far, 1),
            exporter: None,
        };
        let (_stopping, stop) = crate::stop::pair();
        let served = tokio::spawn(http(stream, peer, router, stop));
        theirs
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: test\r\n\r\n")
            .await
            .unwrap();
        let mut answer = [0; 12];
        theirs.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 101");
        let socket = sockets.recv().await.unwrap().unwrap();
        served.await.unwrap();
        assert!(networks.enter(far, 1).is_none(), "it is still there");
        drop(socket);
        assert!(networks.enter(far, 1).is_some());
    }
}
