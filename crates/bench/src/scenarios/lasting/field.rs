//! What all guests share: the server, the end, and a tally of how they were treated.

use crate::line::Target;
use crate::server::Server;
use comity_wire::ErrorCode;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::sync::Notify;

/// Things that went wrong that are told; more say no more.
const WRONG_MAX: usize = 20;

/// How guests were treated.
#[derive(Debug, Default, Clone)]
pub(super) struct Seen {
    /// How often what happened: `act: code` for a refusal.
    pub(super) counts: BTreeMap<String, u64>,
    /// What must not happen, and did.
    pub(super) wrong: Vec<String>,
}

/// Where guests are.
pub(super) struct Field {
    pub(super) target: Target,
    pub(super) http: reqwest::Client,
    /// Time that a connection has to sign in.
    pub(super) sign_in: Duration,
    seen: RefCell<Seen>,
    stopping: Cell<bool>,
    stopped: Notify,
}

impl Field {
    pub(super) fn new(server: &Server, sign_in: Duration) -> Self {
        Self {
            target: server.target.clone(),
            http: server.http.clone(),
            sign_in,
            seen: RefCell::default(),
            stopping: Cell::new(false),
            stopped: Notify::new(),
        }
    }

    pub(super) fn stop(&self) {
        self.stopping.set(true);
        self.stopped.notify_waiters();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.get()
    }

    /// Runs it unless the end comes first; none then.
    pub(super) async fn until_end<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut stopped = std::pin::pin!(self.stopped.notified());
        stopped.as_mut().enable();
        if self.is_stopping() {
            return None;
        }
        tokio::select! {
            done = work => Some(done),
            () = stopped => None,
        }
    }

    /// Waits, not beyond the end.
    pub(super) async fn pause(&self, ms: u64) {
        self.until_end(tokio::time::sleep(Duration::from_millis(ms)))
            .await;
    }

    pub(super) fn count(&self, what: impl Into<String>) {
        *self
            .seen
            .borrow_mut()
            .counts
            .entry(what.into())
            .or_default() += 1;
    }

    pub(super) fn wrong(&self, what: impl Into<String>) {
        let mut seen = self.seen.borrow_mut();
        // Once the end has come, a connection that breaks is no surprise.
        if !self.is_stopping() && seen.wrong.len() < WRONG_MAX {
            seen.wrong.push(what.into());
        }
    }

    /// An act was refused: by a code of the table, and who came too often is told how long to wait.
    pub(super) fn refused(&self, act: &str, code: &str, retry_after_ms: u64) {
        self.count(format!("{act}: {code}"));
        match ErrorCode::parse(code) {
            None => self.wrong(format!("{act}: {code:?} is no code")),
            Some(ErrorCode::RateLimited) if retry_after_ms == 0 => {
                self.wrong(format!("{act}: {code} without a time to wait"));
            }
            Some(ErrorCode::Internal) => self.wrong(format!("{act}: a fault of the server")),
            Some(_) => {}
        }
    }

    pub(super) fn take(&self) -> Seen {
        self.seen.take()
    }
}
