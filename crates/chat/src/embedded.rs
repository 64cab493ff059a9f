//! An app without listener, threads or files, for simulations: the real acts, SQL and connections
//! on a database connection and a runtime that are handed in.
//!
//! Always holds: HTTP goes through the same routes, a connection is the same WebSocket over a
//! stream in memory. Deliberately absent: TLS, the lock on the data folder, the checkpoint thread.

use crate::app::App;
use crate::background;
use crate::blobs::Blobs;
pub use crate::blobs::Files;
use crate::config::Config;
use crate::connection;
use crate::family::{self, Family, Link};
use crate::logs::LogBook;
use crate::migrations::MIGRATIONS;
use crate::router::router;
use crate::secrets::Secrets;
use crate::server::{self, JoinError, StartError};
use axum::Router;
use axum::body::{Body, Bytes};
use comity_platform::Failure;
use comity_platform::database::{Database, OpenError, Pace};
use comity_platform::listen::Peer;
use comity_platform::stop::{self, Stopper};
use comity_platform::telemetry::Metrics;
use comity_wire::{AppId, WireError};
use http::{Request, StatusCode};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::DuplexStream;
use tokio::task::JoinSet;
use tower::ServiceExt;

/// Bytes that one side of a connection may have written and the other not read.
const STREAM_BYTES: usize = 1 << 20;

/// A running app.
#[derive(Debug)]
pub struct Embedded {
    app: Arc<App>,
    routes: Router,
    stopper: Stopper,
    tasks: JoinSet<()>,
}

/// The ways into a running app; clones lead to the same one.
#[derive(Debug, Clone)]
pub struct Door {
    app: Arc<App>,
    routes: Router,
}

impl Embedded {
    /// Starts an app on the current runtime, its database on this connection, its blobs in `files`,
    /// which outlive it.
    ///
    /// # Errors
    /// [`StartError`]; nothing is left running.
    pub fn start(
        config: Config,
        conn: rusqlite::Connection,
        files: &Files,
        pace: Pace,
    ) -> Result<Self, StartError> {
        let id = config.check()?;
        let metrics = Metrics::default();
        let mut secrets = None;
        let mut family = Family::default();
        let db = Database::without_threads(conn, MIGRATIONS, &metrics, pace, |conn| {
            secrets = Some(Secrets::load(conn)?);
            family = Family::load(conn)?;
            LogBook::load(conn)
        })?;
        let secrets = secrets.ok_or(OpenError::InUse)?;
        let (stopper, stop) = stop::pair();
        let blobs = Blobs::in_memory(files);
        let state = (db, secrets, family);
        let app = server::app(config, id, state, blobs, metrics, stop)?;
        let mut tasks = background::start(&app);
        family::start(&app, &mut tasks);
        let routes = router(app.clone(), None);
        Ok(Self {
            app,
            routes,
            stopper,
            tasks,
        })
    }

    /// The ways in.
    #[must_use]
    pub fn door(&self) -> Door {
        Door {
            app: self.app.clone(),
            routes: self.routes.clone(),
        }
    }

    /// Ed25519 public key of the app.
    #[must_use]
    pub fn app_key(&self) -> [u8; 32] {
        self.app.secrets.app_public()
    }

    /// The app's id.
    #[must_use]
    pub fn id(&self) -> &AppId {
        &self.app.id
    }

    /// The newest code that was sent to a number, from the outbox.
    pub async fn code(&self, number: &str) -> Option<String> {
        let number = number.to_owned();
        self.app
            .db
            .read(move |conn| {
                let sql =
                    "SELECT code FROM code_outbox WHERE number = ?1 ORDER BY at_ms DESC, id DESC";
                Ok(conn.query_row(sql, [number], |row| row.get(0))?)
            })
            .await
            .ok()
    }

    /// Where siblings' requests come in.
    #[must_use]
    pub fn family_door(&self) -> family::Door {
        family::Door {
            app: self.app.clone(),
        }
    }

    /// Joins this app with another, or gives a new link to one that it is joined with.
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

    /// Gives a new link to an app that this one is joined with; false when it is not.
    #[must_use]
    pub fn relink(&self, sibling: &AppId, link: Arc<dyn Link>) -> bool {
        self.app.family.relink(sibling, link)
    }

    /// Every sibling is followed, and nothing is left to be told.
    #[must_use]
    pub fn family_unsettled(&self) -> Option<String> {
        self.app.family.unsettled()
    }

    /// Reads the database.
    ///
    /// # Errors
    /// The reading's own.
    pub async fn inspect<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        self.app.db.read(|conn| Ok(read(conn)?)).await
    }

    /// Changes the database behind the app's back, as a malicious operator could. What the app
    /// holds in memory is as before: start it anew on the same disk.
    ///
    /// # Errors
    /// The change's own.
    pub async fn tamper<T: Send + 'static>(
        &self,
        change: impl FnOnce(&rusqlite::Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        self.app.db.write(|conn, _| Ok(change(conn)?)).await
    }

    /// Ends as a crash does: nothing is finished, written or told.
    pub fn crash(mut self) {
        self.tasks.abort_all();
        self.stopper.stop();
    }
}

impl Door {
    /// Carries out an HTTP act.
    pub async fn call(&self, mut request: Request<Bytes>) -> (StatusCode, Bytes) {
        request.extensions_mut().insert(Peer {
            address: SocketAddr::from(([127, 0, 0, 1], 1)),
            exporter: None,
        });
        let Ok(response) = self.routes.clone().oneshot(request.map(Body::from)).await;
        let status = response.status();
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        (status, body.unwrap_or_default())
    }

    /// Opens a connection, as `GET /v1/connect` does once it is upgraded.
    #[must_use]
    pub fn connect(&self) -> DuplexStream {
        let (here, there) = tokio::io::duplex(STREAM_BYTES);
        tokio::spawn(connection::run(self.app.clone(), Box::new(there), None));
        here
    }
}
