//! Who is connected now, and what is on its way to them.
//!
//! Always holds: everything here may be lost at any time; the database is the truth and `Sync`
//! and `Fetch` lead back to it. Entries are pushed in the log's order.

pub(crate) mod cursors;
mod outbound;
mod views;

pub(crate) use outbound::{Item, Outbound, WireLog, give_wakes, hold_wakes};
pub(crate) use views::LogView;

use crate::app::Caller;
use crate::family::SiblingNo;
use crate::logs::{LogName, Published, Seat};
use comity_wire::proto::EntryKind;
use comity_wire::{DeviceId, ErrorCode};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const SHARDS: usize = 16;

type Shard = Mutex<BTreeMap<DeviceId, Connected>>;

/// A device's connection, and when it said hello among all.
#[derive(Debug)]
struct Connected {
    arrival: u64,
    outbound: Arc<Outbound>,
}

/// The connected devices, and the siblings that follow.
#[derive(Debug)]
pub(crate) struct Live {
    shards: [Shard; SHARDS],
    arrivals: AtomicU64,
    siblings: Mutex<BTreeMap<SiblingNo, Arc<Outbound>>>,
    pub(crate) views: views::Views,
    pub(crate) cursors: cursors::Cursors,
}

impl Live {
    pub(crate) fn new() -> Self {
        Self {
            shards: std::array::from_fn(|_| Mutex::default()),
            arrivals: AtomicU64::new(0),
            siblings: Mutex::default(),
            views: views::Views::default(),
            cursors: cursors::Cursors::default(),
        }
    }

    fn shard(&self, device: &DeviceId) -> Option<&Shard> {
        let byte = device.as_bytes().first().copied().unwrap_or_default();
        self.shards.get(usize::from(byte) % SHARDS)
    }

    /// The place of a connection that says hello now.
    pub(crate) fn arrive(&self) -> u64 {
        self.arrivals.fetch_add(1, Ordering::Relaxed)
    }

    /// Registers a device's connection; one that it had before is closed. False when the device has
    /// one that arrived later: a program that was killed in the middle of signing in may be
    /// answered after the one that was started in its place, which must not take that for a copy.
    pub(crate) fn connect(&self, device: DeviceId, outbound: Arc<Outbound>, arrival: u64) -> bool {
        let Some(mut shard) = self.shard(&device).and_then(|shard| shard.lock().ok()) else {
            return true;
        };
        if shard
            .get(&device)
            .is_some_and(|current| current.arrival > arrival)
        {
            return false;
        }
        let before = shard.insert(device, Connected { arrival, outbound });
        drop(shard);
        if let Some(before) = before {
            before.outbound.replace();
        }
        true
    }

    /// Forgets a connection, unless the device has a newer one.
    pub(crate) fn disconnect(&self, device: &DeviceId, outbound: &Arc<Outbound>) {
        let Some(mut shard) = self.shard(device).and_then(|shard| shard.lock().ok()) else {
            return;
        };
        if shard
            .get(device)
            .is_some_and(|current| Arc::ptr_eq(&current.outbound, outbound))
        {
            shard.remove(device);
        }
    }

    pub(crate) fn outbound(&self, device: &DeviceId) -> Option<Arc<Outbound>> {
        let shard = self.shard(device)?.lock().ok()?;
        shard.get(device).map(|current| current.outbound.clone())
    }

    /// Closes a device's connection, if it has one; its inbox is gone.
    pub(crate) fn dismiss(&self, device: &DeviceId, code: ErrorCode) {
        self.views.forget(device.as_bytes());
        if let Some(outbound) = self.outbound(device) {
            outbound.close(code, 0);
        }
    }

    pub(crate) fn close_all(&self, code: ErrorCode, retry_after_ms: u32) {
        let siblings = self
            .siblings
            .lock()
            .map(|mut all| std::mem::take(&mut *all));
        for outbound in self
            .all()
            .iter()
            .chain(siblings.unwrap_or_default().values())
        {
            outbound.close(code, retry_after_ms);
        }
    }

    /// Every connection with its device.
    fn connected<T>(&self, of: impl Fn(&DeviceId, &Arc<Outbound>) -> T) -> Vec<T> {
        let mut found = Vec::new();
        for shard in &self.shards {
            if let Ok(shard) = shard.lock() {
                found.extend(
                    shard
                        .iter()
                        .map(|(device, current)| of(device, &current.outbound)),
                );
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
    pub(crate) fn publish(&self, published: &Published, except: Option<&Caller>) {
        self.views.update(published.log, &published.meta);
        let log = WireLog::of(published.log, published.meta.followed.as_ref());
        let head_seq = published.meta.head;
        let item = Item::Entry {
            log: log.clone(),
            entry: published.entry.clone(),
            head_seq,
        };
        for seat in published.readers.iter() {
            let gets_reply = except.is_some_and(|caller| seat.is_of(caller));
            if gets_reply || seat.sibling.is_some() || published.entry.seq <= seat.joined {
                continue;
            }
            if let Some(outbound) = self.outbound(&seat.device) {
                outbound.push(item.clone());
            }
        }
        if published.entry.kind() == EntryKind::Commit {
            // Seats may change with it: a sibling fetches both together.
            let grown = Item::Grown { log, head_seq };
            let seats = published.readers.iter().chain(published.meta.seats.iter());
            self.push_to_siblings(seats, &grown);
        } else {
            self.push_to_siblings(published.readers.iter(), &item);
        }
    }

    /// Pushes something about a log to all of its seats but one, and to the siblings that follow.
    pub(crate) fn push_to_others(&self, view: &LogView, except: &Caller, item: &Item) {
        for seat in view.seats.iter() {
            if seat.sibling.is_some() || seat.is_of(except) {
                continue;
            }
            if let Some(outbound) = self.outbound(&seat.device) {
                outbound.push(item.clone());
            }
        }
        self.push_to_siblings(view.seats.iter(), item);
    }

    /// Pushes to the siblings that have devices among the seats, once to each.
    pub(crate) fn push_to_siblings<'s>(
        &self,
        seats: impl IntoIterator<Item = &'s Seat>,
        item: &Item,
    ) {
        let siblings: BTreeSet<_> = seats.into_iter().filter_map(|seat| seat.sibling).collect();
        if siblings.is_empty() {
            return;
        }
        let Ok(connected) = self.siblings.lock() else {
            return;
        };
        for outbound in siblings.iter().filter_map(|no| connected.get(no)) {
            outbound.push(item.clone());
        }
    }

    /// Registers what waits for a sibling; what it had before is closed.
    pub(crate) fn sibling_follows(&self, sibling: SiblingNo, outbound: Arc<Outbound>) {
        let before = self
            .siblings
            .lock()
            .ok()
            .and_then(|mut siblings| siblings.insert(sibling, outbound));
        if let Some(before) = before {
            before.close(ErrorCode::Exists, 0);
        }
    }

    /// Forgets it, unless the sibling has a newer one.
    pub(crate) fn sibling_left(&self, sibling: SiblingNo, outbound: &Arc<Outbound>) {
        if let Ok(mut siblings) = self.siblings.lock()
            && siblings
                .get(&sibling)
                .is_some_and(|current| Arc::ptr_eq(current, outbound))
        {
            siblings.remove(&sibling);
        }
    }

    /// The log's view, if it is in memory.
    pub(crate) fn view(&self, log: &LogName) -> Option<LogView> {
        self.views.get(log)
    }
}
