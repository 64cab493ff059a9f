//! A peer's server, whichever it is.
//!
//! Always holds: it ends when this is dropped; its data lies below one folder, and a server that is started on the folder
//! of an earlier one has what that one made durable. Deliberately absent: what only one peer knows.

use crate::flow::Flow;
use crate::options::{Kind, Options};
use crate::{ejabberd, nats};
use anyhow::{Context, Result, ensure};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use std::collections::BTreeSet;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Child;

/// Nothing that is waited for takes longer, also on a machine that others keep busy, unless something is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);
/// The servers' name in their certificates.
pub(crate) const SERVER_NAME: &str = "localhost";

/// Whether a server waits for the disk before it acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// As it is measured.
    Always,
    /// For the control of the proof only.
    Off,
}

/// What one end of a pair does until the run is over.
pub(crate) type Task = Pin<Box<dyn Future<Output = Result<()>>>>;

/// Both ends of a pair, connected.
pub(crate) struct Ends {
    /// Ends when its flow is over.
    pub(crate) writer: Task,
    /// Goes on until it is dropped.
    pub(crate) reader: Task,
}

/// Where a server is, and how it is started.
pub(crate) struct Place<'a> {
    pub(crate) options: &'a Options,
    /// Of its configuration and data; whoever it runs as must be able to get there.
    pub(crate) folder: PathBuf,
    /// Of what it prints.
    pub(crate) logs: PathBuf,
    pub(crate) sync: Sync,
}

/// A running server.
pub(crate) enum Server {
    Nats(nats::Server),
    Ejabberd(ejabberd::Server),
}

impl Server {
    /// Starts one on what is in its folder, waits until it answers, and holds it to the asked settings by its own word.
    ///
    /// # Errors
    /// When it is not installed, does not start, or tells of other settings.
    pub(crate) async fn start(kind: Kind, place: &Place<'_>) -> Result<Self> {
        std::fs::create_dir_all(&place.folder)?;
        std::fs::create_dir_all(&place.logs)?;
        let starting = async {
            Ok(match kind {
                Kind::Nats => Self::Nats(nats::Server::start(place).await?),
                Kind::Ejabberd => Self::Ejabberd(ejabberd::Server::start(place).await?),
            })
        };
        tokio::time::timeout(PATIENCE, starting)
            .await
            .with_context(|| format!("{} does not start", kind.name()))?
    }

    /// Makes what so many pairs need.
    pub(crate) async fn prepare(&self, pairs: usize) -> Result<()> {
        match self {
            Self::Nats(server) => server.prepare(pairs).await,
            Self::Ejabberd(server) => server.prepare(pairs).await,
        }
    }

    /// Connects both ends of the flow's pair.
    pub(crate) async fn open(&self, flow: Rc<Flow>) -> Result<Ends> {
        match self {
            Self::Nats(server) => server.open(flow).await,
            Self::Ejabberd(server) => server.open(flow).await,
        }
    }

    /// Pair and number of every message that the server has.
    pub(crate) async fn stored(&self) -> Result<BTreeSet<(usize, u64)>> {
        match self {
            Self::Nats(server) => server.stored().await,
            Self::Ejabberd(server) => server.stored().await,
        }
    }

    /// The first processes of it; all others are below them.
    pub(crate) fn roots(&self) -> Vec<u32> {
        match self {
            Self::Nats(server) => server.roots(),
            Self::Ejabberd(server) => server.roots(),
        }
    }

    /// Its version.
    pub(crate) fn version(&self) -> &str {
        match self {
            Self::Nats(server) => &server.version,
            Self::Ejabberd(server) => &server.version,
        }
    }

    /// What it says about how durable it is, and how it was set up.
    pub(crate) fn settings(&self) -> &str {
        match self {
            Self::Nats(server) => &server.settings,
            Self::Ejabberd(server) => &server.settings,
        }
    }

    /// Ends it, whose data is not wanted any more; what it has of the kernel it gives back.
    pub(crate) async fn stop(self) -> Result<()> {
        match self {
            Self::Nats(_) => self.kill().await,
            Self::Ejabberd(server) => server.stop().await,
        }
    }

    /// Ends it with SIGKILL, all processes at once, and waits until they are gone.
    pub(crate) async fn kill(self) -> Result<()> {
        crate::tree::kill(&self.roots())?;
        let children = match self {
            Self::Nats(server) => server.into_children(),
            Self::Ejabberd(server) => server.into_children(),
        };
        for mut child in children {
            tokio::time::timeout(PATIENCE, child.wait()).await??;
        }
        Ok(())
    }
}

/// The certificate for TLS that is in the folder, or a new one: `certificate.pem`, `key.pem` and `both.pem`.
pub(crate) fn certificate(folder: &Path) -> Result<CertificateDer<'static>> {
    let chain = folder.join("certificate.pem");
    if !chain.exists() {
        let names = [SERVER_NAME.to_owned(), "127.0.0.1".to_owned()];
        let mut parameters = rcgen::CertificateParams::new(names)?;
        // By default it holds for two thousand years, for which Erlang has no timer.
        let year = this_year()?;
        parameters.not_before = rcgen::date_time_ymd(year - 1, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(year + 2, 1, 1);
        let key = rcgen::KeyPair::generate()?;
        let certificate = parameters.self_signed(&key)?.pem();
        let key = key.serialize_pem();
        std::fs::write(folder.join("key.pem"), &key)?;
        std::fs::write(folder.join("both.pem"), format!("{key}{certificate}"))?;
        std::fs::write(&chain, certificate)?;
    }
    Ok(CertificateDer::from_pem_file(&chain)?)
}

/// Near its ends it may be the one beside it.
fn this_year() -> Result<i32> {
    const SECONDS: u64 = 31_556_952;
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(1970 + i32::try_from(since_1970.as_secs() / SECONDS)?)
}

/// TLS of the clients: trusts this certificate alone; every handshake is a full one.
pub(crate) fn tls(certificate: CertificateDer<'static>) -> Result<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificate)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.resumption = rustls::client::Resumption::disabled();
    Ok(tls)
}

/// A port of loopback that nobody listens on just now.
pub(crate) fn free_port() -> Result<u16> {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0))?;
    Ok(listener.local_addr()?.port())
}

/// Fails when the process has ended.
pub(crate) fn lives(child: &mut Child, log: &Path) -> Result<()> {
    let ended = child.try_wait()?;
    ensure!(
        ended.is_none(),
        "it ended at once: {}",
        std::fs::read_to_string(log).unwrap_or_else(|_| log.display().to_string())
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_made_once_and_trusted() {
        let folder = tempfile::tempdir().unwrap();
        let made = certificate(folder.path()).unwrap();
        assert_eq!(certificate(folder.path()).unwrap(), made);
        assert!(tls(made).is_ok());
        let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
        let both = read("both.pem");
        assert!(both.contains(&read("key.pem")) && both.contains(&read("certificate.pem")));
        assert!((2026..2100).contains(&this_year().unwrap()));
    }
}
