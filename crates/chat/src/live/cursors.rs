//! Cursors on their way to the database and to other members: both late on purpose, so that an
//! acknowledgement costs no write.
//!
//! Always holds: a cursor only grows; one that is lost is told again by its device, with its next session.

use crate::logs::LogName;
use comity_wire::DeviceId;
use std::collections::BTreeMap;
use std::sync::Mutex;

#[derive(Debug, Default)]
struct Inner {
    unwritten: BTreeMap<(LogName, DeviceId), u64>,
    unannounced: BTreeMap<LogName, BTreeMap<DeviceId, u64>>,
}

/// Cursors that are in memory only.
#[derive(Debug, Default)]
pub(crate) struct Cursors(Mutex<Inner>);

impl Cursors {
    /// A device has read a log up to here; `announce` says whether other members are told.
    pub(crate) fn advance(&self, log: LogName, device: DeviceId, seq: u64, announce: bool) {
        let Ok(mut inner) = self.0.lock() else { return };
        let cursor = inner.unwritten.entry((log, device)).or_default();
        if seq <= *cursor {
            return;
        }
        *cursor = seq;
        if announce {
            inner
                .unannounced
                .entry(log)
                .or_default()
                .insert(device, seq);
        }
    }

    /// What is newer than the database, for this device and for these logs.
    pub(crate) fn newer(&self, log: &LogName, device: &DeviceId) -> Option<u64> {
        self.0.lock().ok()?.unwritten.get(&(*log, *device)).copied()
    }

    /// Takes what other members were not told yet, of the logs of which they are to be told now.
    pub(crate) fn take_unannounced(
        &self,
        mut is_due: impl FnMut(&LogName) -> bool,
    ) -> BTreeMap<LogName, BTreeMap<DeviceId, u64>> {
        let Ok(mut inner) = self.0.lock() else {
            return BTreeMap::new();
        };
        let (due, kept) = std::mem::take(&mut inner.unannounced)
            .into_iter()
            .partition(|(log, _)| is_due(log));
        inner.unannounced = kept;
        due
    }

    /// What is to be written. It stays here until [`Self::written`].
    pub(crate) fn unwritten(&self) -> Vec<(LogName, DeviceId, u64)> {
        self.0.lock().map_or_else(
            |_| Vec::new(),
            |inner| {
                inner
                    .unwritten
                    .iter()
                    .map(|((log, device), seq)| (*log, *device, *seq))
                    .collect()
            },
        )
    }

    /// These are in the database now.
    pub(crate) fn written(&self, cursors: &[(LogName, DeviceId, u64)]) {
        let Ok(mut inner) = self.0.lock() else { return };
        for (log, device, seq) in cursors {
            let key = (*log, *device);
            if inner.unwritten.get(&key).is_some_and(|now| now <= seq) {
                inner.unwritten.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_that_moved_while_it_was_written_is_written_again() {
        let cursors = Cursors::default();
        let (log, device) = ([1; 16], DeviceId::new([2; 16]));
        cursors.advance(log, device, 5, true);
        let writing = cursors.unwritten();
        cursors.advance(log, device, 7, true);
        cursors.advance(log, device, 6, true);
        cursors.written(&writing);
        assert_eq!(cursors.unwritten(), [(log, device, 7)]);
        assert!(cursors.take_unannounced(|_| false).is_empty());
        assert_eq!(cursors.take_unannounced(|_| true)[&log][&device], 7);
        assert!(cursors.take_unannounced(|_| true).is_empty());
    }
}
