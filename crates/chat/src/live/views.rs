//! What connections know of logs without asking the database: seats, head and epoch.
//!
//! Always holds: a view is what some commit left; the writer decides again on what is durable.

use crate::app::Caller;
use crate::family::Followed;
use crate::logs::{LogKind, LogMeta, LogName, Seat};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// A log, seen from a connection.
#[derive(Debug, Clone)]
pub(crate) struct LogView {
    pub(crate) kind: LogKind,
    pub(crate) head: u64,
    pub(crate) epoch: u64,
    pub(crate) seats: Arc<Vec<Seat>>,
    pub(crate) followed: Option<Arc<Followed>>,
    activity: u64,
}

impl LogView {
    pub(crate) fn of(meta: &LogMeta) -> Self {
        Self {
            kind: meta.kind,
            head: meta.head,
            epoch: meta.epoch,
            seats: meta.seats.clone(),
            followed: meta.followed.clone(),
            activity: meta.activity,
        }
    }

    pub(crate) fn has(&self, caller: &Caller) -> bool {
        self.seats.iter().any(|seat| seat.is_of(caller))
    }
}

/// Views by log, as many as fit.
#[derive(Debug, Default)]
pub(crate) struct Views(Mutex<HashMap<LogName, LogView>>);

const VIEWS_MAX: usize = 200_000;

impl Views {
    pub(crate) fn get(&self, log: &LogName) -> Option<LogView> {
        self.0.lock().ok()?.get(log).cloned()
    }

    /// Takes a view, unless a newer one is there.
    pub(crate) fn update(&self, log: LogName, meta: &LogMeta) {
        let Ok(mut views) = self.0.lock() else { return };
        if views.len() >= VIEWS_MAX {
            views.clear();
        }
        match views.get_mut(&log) {
            Some(view) if view.activity > meta.activity => {}
            Some(view) => *view = LogView::of(meta),
            None => {
                views.insert(log, LogView::of(meta));
            }
        }
    }

    pub(crate) fn forget(&self, log: &LogName) {
        if let Ok(mut views) = self.0.lock() {
            views.remove(log);
        }
    }
}
