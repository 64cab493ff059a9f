//! Starting and stopping one app.
//!
//! Always holds: one server has a data folder at a time; stopping finishes what was taken, tells
//! the connected devices, writes the cursors and moves the write-ahead log.

use crate::app::{App, Counts, Db};
use crate::background;
use crate::blobs::Blobs;
use crate::config::Config;
use crate::family::{self, Door, Family, Link};
use crate::limits::Rates;
use crate::live::Live;
use crate::logs::LogBook;
use crate::migrations::MIGRATIONS;
use crate::operator::DATABASE_FILE;
use crate::registration::CodeDelivery;
use crate::router::router;
use crate::secrets::Secrets;
use comity_platform::config::ConfigError;
use comity_platform::database::{Database, OpenError, Options};
use comity_platform::listen::{ListenError, Listener, tls_config};
use comity_platform::stop::{self, Stop, Stopper};
use comity_platform::telemetry::Metrics;
use comity_wire::{AppId, ErrorCode, SIGN_IN_EXPORTER_LABEL, WireError};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The database.
    #[error(transparent)]
    Database(#[from] OpenError),
    /// The address or certificate.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The data folder.
    #[error("data folder: {0}")]
    Data(#[from] std::io::Error),
    /// The client for the code webhook.
    #[error("code webhook: {0}")]
    Webhook(#[from] reqwest::Error),
}

/// Time that requests have to end when the server stops.
const DRAIN: Duration = Duration::from_secs(10);
/// Devices come back after about this long.
const BACK_MS: u32 = 1_000;

/// Why this app was not joined with another.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct JoinError(#[from] pub WireError);

/// Starts servers.
#[derive(Debug)]
pub struct Server;

/// A running server.
#[derive(Debug)]
pub struct Running {
    /// Where it listens, with the port that was chosen.
    pub address: SocketAddr,
    /// It speaks TLS.
    pub tls: bool,
    app: Arc<App>,
    stopper: Stopper,
    listening: JoinHandle<()>,
    tasks: JoinSet<()>,
    _lock: std::fs::File,
}

impl Server {
    /// Starts a server on the current runtime.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        Self::start_with(config, None).await
    }

    /// The same, with pages of somebody else's: theirs is what stands at `/`. Nothing of theirs is below
    /// `/v1`.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub async fn start_with(
        config: Config,
        pages: Option<axum::Router>,
    ) -> Result<Running, StartError> {
        let id = config.check()?;
        // Fails only when a provider is there already, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let tls = match (&config.tls_certificate, &config.tls_key) {
            (Some(certificate), Some(key)) => Some(tls_config(certificate, key)?),
            _ => None,
        };
        let listener = Listener::bind(config.listen, tls)
            .await?
            .per_network(config.limits.connections_per_address);
        make_private(&config.data)?;
        let lock = lock(&config)?;
        let metrics = Metrics::default();
        let options = Options {
            path: config.data.join(DATABASE_FILE),
            readers: config.limits.database_readers,
            migrations: MIGRATIONS,
        };
        let mut secrets = None;
        let mut family = Family::default();
        let db = Database::open(&options, &metrics, |conn| {
            secrets = Some(Secrets::load(conn)?);
            family = Family::load(conn)?;
            LogBook::load(conn)
        })?;
        let secrets = secrets.ok_or(OpenError::InUse)?;
        let (stopper, stop) = stop::pair();
        let blobs = Blobs::open(&config.data)?;
        let state = (db, secrets, family);
        let app = app(config, id, state, blobs, metrics, stop.clone())?;
        let mut tasks = background::start(&app);
        family::start(&app, &mut tasks);
        let (address, tls) = (listener.address(), listener.is_tls());
        if let Some(certificate) = listener.certificate() {
            tasks.spawn(background::renew_certificate(app.clone(), certificate));
        }
        let routes = router(app.clone(), pages);
        let listening = tokio::spawn(listener.serve(routes, SIGN_IN_EXPORTER_LABEL, stop, DRAIN));
        tracing::info!(%address, tls, app = %app.id, "serving");
        Ok(Running {
            address,
            tls,
            app,
            stopper,
            listening,
            tasks,
            _lock: lock,
        })
    }
}

/// The parts put together; nothing of it runs yet.
pub(crate) fn app(
    config: Config,
    id: AppId,
    (db, secrets, family): (Db, Secrets, Family),
    blobs: Blobs,
    metrics: Metrics,
    stop: Stop,
) -> Result<Arc<App>, StartError> {
    Ok(Arc::new(App {
        id,
        db,
        secrets,
        live: Live::new(),
        blobs,
        rates: Rates::new(&config.limits),
        codes: CodeDelivery::new(&config.codes)?,
        counts: Counts::new(&metrics),
        metrics,
        stop,
        outbox: Notify::new(),
        removals: Notify::new(),
        family,
        config,
    }))
}

/// The database holds numbers and keys: the folder is for the server's own user, also when it was
/// there already.
pub(crate) fn make_private(folder: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut permissions = std::fs::metadata(folder)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(permissions.mode() & !0o077);
        std::fs::set_permissions(folder, permissions)?;
    }
    Ok(())
}

/// Two servers on one folder would each keep their own picture of the logs.
fn lock(config: &Config) -> Result<std::fs::File, StartError> {
    let file = std::fs::File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(config.data.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => Err(OpenError::InUse.into()),
    }
}

impl Running {
    /// The address for clients, as a URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!(
            "{}://{}",
            if self.tls { "https" } else { "http" },
            self.address
        )
    }

    /// Ed25519 public key of the app.
    #[must_use]
    pub fn app_key(&self) -> [u8; 32] {
        self.app.secrets.app_public()
    }

    /// Where siblings' requests come in, for what carries them.
    #[must_use]
    pub fn door(&self) -> Door {
        Door {
            app: self.app.clone(),
        }
    }

    /// Joins this app with another, whose key is pinned for ever; or gives a new link to one that
    /// it is joined with.
    ///
    /// # Errors
    /// [`JoinError`].
    pub async fn join(
        &mut self,
        sibling: AppId,
        key: [u8; 32],
        link: Arc<dyn Link>,
    ) -> Result<(), JoinError> {
        family::join(&self.app, &mut self.tasks, sibling, key, link)
            .await
            .map_err(|failure| JoinError(WireError::from(failure)))
    }

    /// Stops: nothing new is taken, what was taken is finished, devices are told.
    pub async fn stop(mut self) {
        tracing::info!("stopping");
        self.stopper.stop();
        self.app.live.close_all(ErrorCode::Unavailable, BACK_MS);
        // Connections have a moment to write what waits for them.
        for _ in 0..100 {
            if self.app.live.all().is_empty() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _ = self.listening.await;
        while self.tasks.join_next().await.is_some() {}
        if let Err(failure) = background::flush_cursors(&self.app).await {
            tracing::warn!(%failure, "cursors were not written");
        }
        self.app.db.close().await;
        tracing::info!("stopped");
    }
}
