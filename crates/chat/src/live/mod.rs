//! Who is connected now, and what is on its way to them.
//!
//! Always holds: everything here may be lost at any time; the database is the truth and `Sync`
//! and `Fetch` lead back to it. Entries are pushed in the log's order.

pub(crate) mod cursors;
mod outbound;
mod views;

pub(crate) use outbound::{Item, Outbound};
pub(crate) use views::LogView;

use crate::logs::{LogName, Published};
use comity_wire::{DeviceId, ErrorCode};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const SHARDS: usize = 16;

type Shard = Mutex<BTreeMap<DeviceId, Arc<Outbound>>>;

/// The connected devices.
#[derive(Debug)]
pub(crate) struct Live {
    shards: [Shard; SHARDS],
    pub(crate) views: views::Views,
    pub(crate) cursors: cursors::Cursors,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            views: views::Views::default(),
            cursors: cursors::Cursors::default(),
        }
    }

    fn shard(&self, device: &DeviceId) -> Option<&Shard> {
        let byte = device.as_bytes().first().copied().unwrap_or_default();
        self.shards.get(usize::from(byte) % SHARDS)
    }

    /// Registers a device's connection; one that it had before is closed.
    pub(crate) fn connect(&self, device: DeviceId, outbound: Arc<Outbound>) {
        let before = self
            .shard(&device)
            .and_then(|shard| shard.lock().ok()?.insert(device, outbound));
        if let Some(before) = before {
            before.close(ErrorCode::Exists, 0);
        }
    }

    /// Forgets a connection, unless the device has a newer one.
    pub(crate) fn disconnect(&self, device: &DeviceId, outbound: &Arc<Outbound>) {
        let Some(mut shard) = self.shard(device).and_then(|shard| shard.lock().ok()) else {
            return;
        };
        if shard
            .get(device)
            .is_some_and(|current| Arc::ptr_eq(current, outbound))
        {
            shard.remove(device);
        }
    }

    pub(crate) fn outbound(&self, device: &DeviceId) -> Option<Arc<Outbound>> {
        self.shard(device)?.lock().ok()?.get(device).cloned()
    }

    /// Closes a device's connection, if it has one; its inbox is gone.
    pub(crate) fn dismiss(&self, device: &DeviceId, code: ErrorCode) {
        self.views.forget(device.as_bytes());
        if let Some(outbound) = self.outbound(device) {
            outbound.close(code, 0);
        }
    }

    pub(crate) fn close_all(&self, code: ErrorCode, retry_after_ms: u32) {
        for outbound in self.all() {
            outbound.close(code, retry_after_ms);
        }
    }

    /// Every connection with its device.
    fn connected<T>(&self, of: impl Fn(&DeviceId, &Arc<Outbound>) -> T) -> Vec<T> {
        let mut found = Vec::new();
        for shard in &self.shards {
            if let Ok(shard) = shard.lock() {
                found.extend(shard.iter().map(|(device, outbound)| of(device, outbound)));
            }
        }
        found
    }

    pub(crate) fn all(&self) -> Vec<Arc<Outbound>> {
        self.connected(|_, outbound| outbound.clone())
    }

    /// Devices that are connected now.
    pub(crate) fn devices(&self) -> Vec<DeviceId> {
        self.connected(|device, _| *device)
    }

    /// Pushes an entry to its readers, except to the connection that gets a reply instead. Called
    /// in the log's order.
    pub(crate) fn publish(&self, published: &Published, except: Option<&DeviceId>) {
        self.views.update(published.log, &published.meta);
        for seat in published.readers.iter() {
            if Some(&seat.device) == except || published.entry.seq <= seat.joined {
                continue;
            }
            if let Some(outbound) = self.outbound(&seat.device) {
                outbound.push(Item::Entry {
                    log: published.log,
                    entry: published.entry.clone(),
                    head_seq: published.meta.head,
                });
            }
        }
    }

    /// Pushes something about a log to all of its seats but one.
    pub(crate) fn push_to_others(&self, view: &LogView, except: &DeviceId, item: &Item) {
        for seat in view.seats.iter().filter(|seat| seat.device != *except) {
            if let Some(outbound) = self.outbound(&seat.device) {
                outbound.push(item.clone());
            }
        }
    }

    /// The log's view, if it is in memory.
    pub(crate) fn view(&self, log: &LogName) -> Option<LogView> {
        self.views.get(log)
    }
}
