//! One running app: what every connection and every HTTP act shares.

use crate::blobs::Blobs;
use crate::config::Config;
use crate::family::{Family, SiblingNo};
use crate::limits::Rates;
use crate::live::{Live, LogView};
use crate::logs::book::read_meta;
use crate::logs::{LogBook, LogMeta, LogName, Published};
use crate::registration::CodeDelivery;
use crate::secrets::Secrets;
use comity_platform::Failure;
use comity_platform::clock::now_ms;
use comity_platform::database::Database;
use comity_platform::stop::Stop;
use comity_platform::telemetry::{Counter, CounterBy, Gauge, Metrics};
use comity_wire::{AccountId, Address, AppId, DeviceId, ErrorCode};
use rusqlite::Connection;
use std::collections::HashMap;
use tokio::sync::Notify;

/// Logs that are looked up in one reading: others do not wait long behind it.
const LOOKED_UP_MAX: usize = 500;

/// The database with the writer's picture of the logs.
pub(crate) type Db = Database<LogBook>;

/// One running app.
#[derive(Debug)]
pub(crate) struct App {
    pub(crate) id: AppId,
    pub(crate) config: Config,
    pub(crate) db: Db,
    pub(crate) secrets: Secrets,
    pub(crate) live: Live,
    pub(crate) blobs: Blobs,
    pub(crate) rates: Rates,
    pub(crate) codes: CodeDelivery,
    pub(crate) metrics: Metrics,
    pub(crate) counts: Counts,
    pub(crate) stop: Stop,
    /// Something is in the outbox.
    pub(crate) outbox: Notify,
    /// Devices may have to be removed from conversations.
    pub(crate) removals: Notify,
    pub(crate) family: Family,
}

/// What is counted.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) connections: Gauge,
    pub(crate) appends: Counter,
    pub(crate) commits: Counter,
    pub(crate) errors: CounterBy,
}

impl Counts {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self {
            connections: metrics.gauge("comity_connections", "Devices connected now"),
            appends: metrics.counter("comity_appends_total", "Content entries taken"),
            commits: metrics.counter("comity_commits_total", "Commits taken"),
            errors: metrics.counter_by("comity_errors_total", "Errors given, by code", "code"),
        }
    }
}

/// Who acts: a device of an account of this app, which only the checks of a sign-in or a token
/// make; or one of a sibling, which only the check of a vouch makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) account: AccountId,
    pub(crate) device: DeviceId,
    /// The app that both are of, when it is not this one.
    pub(crate) sibling: Option<SiblingNo>,
}

impl App {
    pub(crate) fn address(&self, account: AccountId) -> Address {
        Address::new(self.id.clone(), account)
    }

    /// The app of who acts.
    ///
    /// # Errors
    /// Our own fault: a caller of an app that is not known.
    pub(crate) fn app_of(&self, caller: &Caller) -> Result<AppId, Failure> {
        match caller.sibling {
            None => Ok(self.id.clone()),
            Some(no) => self.family.app(no),
        }
    }

    /// The address of who acts.
    ///
    /// # Errors
    /// As [`Self::app_of`].
    pub(crate) fn address_of(&self, caller: &Caller) -> Result<Address, Failure> {
        Ok(Address::new(self.app_of(caller)?, caller.account))
    }

    /// Refuses what is for another app. Nothing means this one.
    ///
    /// # Errors
    /// `wrong_app`.
    pub(crate) fn is_here(&self, hub: &str) -> Result<(), Failure> {
        if hub.is_empty() || hub == self.id.as_str() {
            Ok(())
        } else {
            Err(Failure::refused(
                ErrorCode::WrongApp,
                "this app is not that hub",
            ))
        }
    }

    /// The precision with which it is kept when a device was last seen.
    pub(crate) fn seen_precision_ms(&self) -> i64 {
        (self.config.retention.device_stale_ms / 30).max(1)
    }

    /// Now, as far as it is kept of a device.
    pub(crate) fn seen_now_ms(&self) -> i64 {
        let precision = self.seen_precision_ms();
        now_ms() / precision * precision
    }

    /// The log's view; from the database when it is not in memory.
    ///
    /// # Errors
    /// `not_found`.
    pub(crate) async fn view(&self, log: LogName) -> Result<LogView, Failure> {
        if let Some(view) = self.live.view(&log) {
            return Ok(view);
        }
        let found = self.look_up(vec![log]).await?;
        let view = found.into_values().next();
        view.ok_or_else(|| Failure::refused(ErrorCode::NotFound, "no such log"))
    }

    /// The views of these logs; those that are not in memory are looked up together. What is no log
    /// is not among them.
    ///
    /// # Errors
    /// The database's.
    pub(crate) async fn look_up(
        &self,
        logs: Vec<LogName>,
    ) -> Result<HashMap<LogName, LogView>, Failure> {
        let mut views = HashMap::with_capacity(logs.len());
        let mut unknown = Vec::new();
        for log in logs {
            match self.live.view(&log) {
                Some(view) => drop(views.insert(log, view)),
                None => unknown.push(log),
            }
        }
        for lot in unknown.chunks(LOOKED_UP_MAX) {
            let lot = lot.to_vec();
            let read = move |conn: &Connection| {
                let meta = |log| Ok(read_meta(conn, log)?.map(|meta| (*log, meta)));
                lot.iter().filter_map(|log| meta(log).transpose()).collect()
            };
            let found: Vec<(LogName, LogMeta)> = self.db.read(read).await?;
            for (log, meta) in found {
                self.live.views.update(log, &meta);
                // What another left meanwhile is newer.
                let view = self.live.view(&log);
                views.insert(log, view.unwrap_or_else(|| LogView::of(&meta)));
            }
        }
        Ok(views)
    }

    /// Pushes what a job published.
    pub(crate) fn publish_all(&self, published: &[Published]) {
        for published in published {
            self.live.publish(published, None);
        }
    }
}
