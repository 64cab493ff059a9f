//! Adding and reading entries.

use super::arrivals::Arrival;
use super::book::{LogBook, LogKind, LogMeta, LogName, Published};
use super::{keys, rows, stays};
use crate::app::Caller;
use crate::family::SiblingNo;
use comity_membership::franking;
use comity_platform::Failure;
use comity_wire::planted::{self, Bug};
use comity_wire::proto::{Deliver, Entry, EntryKind};
use comity_wire::{AppId, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

/// An entry to be.
#[derive(Debug)]
pub(crate) struct NewEntry {
    pub(crate) kind: EntryKind,
    pub(crate) epoch: u64,
    pub(crate) idempotency_key: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) at_ms: UnixMs,
    /// For content: what the hub's seal needs.
    pub(crate) seal: Option<SealWith>,
}

/// What a seal is made of, beside the entry's own number and time.
#[derive(Debug)]
pub(crate) struct SealWith {
    pub(crate) key: [u8; 32],
    pub(crate) log: Arc<str>,
    pub(crate) header: Vec<u8>,
}

/// What became of an entry.
#[derive(Debug)]
pub(crate) enum Added {
    /// It is in the log now.
    New(Published),
    /// It was there already, as this.
    Before(Entry),
}

/// Text of a conversation's id, as it is sealed.
pub(crate) fn log_text(app: &AppId, name: &LogName) -> Arc<str> {
    comity_wire::ConversationId::new(app.clone(), comity_wire::Id16::new(*name))
        .to_string()
        .into()
}

/// Adds an entry at the log's head. The picture `meta` is changed and put back.
pub(crate) fn add(
    conn: &Connection,
    book: &mut LogBook,
    name: LogName,
    meta: &mut LogMeta,
    mut new: NewEntry,
) -> Result<Added, Failure> {
    if planted::is(Bug::HubForgetsKeys) && new.kind == EntryKind::Content {
        new.idempotency_key = comity_platform::secret::random::<16>().to_vec();
    }
    if let Some(before) = book.by_key(conn, meta, &new.idempotency_key)? {
        return Ok(Added::Before(before));
    }
    let seq = meta.head + 1;
    let seal = new.seal.as_ref().map_or_else(Vec::new, |with| {
        let sealed = franking::Sealed {
            log: &with.log,
            seq,
            header: &with.header,
            at_ms: new.at_ms,
        };
        franking::seal(&with.key, &sealed).to_vec()
    });
    let key = keys::key(&new.idempotency_key)?;
    let entry = Arc::new(Entry {
        seq,
        kind: new.kind.into(),
        epoch: new.epoch,
        body: new.body,
        idempotency_key: new.idempotency_key,
        at_ms: new.at_ms,
        seal,
    });
    let arrival = Arrival {
        log: meta.id,
        entry: entry.clone(),
        key,
        taken_ms: None,
    };
    book.arrive(conn, arrival)?;
    let readers = meta.seats.clone();
    meta.head = seq;
    book.put(name, meta);
    Ok(Added::New(Published {
        log: name,
        meta: meta.clone(),
        entry,
        readers,
    }))
}

/// What part of a log somebody may read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window {
    /// Entries up to here are not theirs.
    pub(crate) joined: u64,
    /// The last that they may read, when their seat ended.
    pub(crate) removed: Option<u64>,
}

/// Entries in one answer, at most.
const ENTRIES_MAX: usize = 1_000;

/// Entries after `after_seq`, as many as fit into `bytes_max`, at least one; and the gap before
/// them, when some are gone.
pub(crate) fn read(
    conn: &Connection,
    meta: &LogMeta,
    window: Window,
    after_seq: u64,
    bytes_max: usize,
) -> Result<Deliver, rusqlite::Error> {
    // A copy may know of an end that its entries do not reach yet.
    let head_seq = window.removed.map_or(meta.head, |end| end.min(meta.head));
    let mut deliver = Deliver {
        head_seq,
        ..Deliver::default()
    };
    // Who asks may name any number; what is behind the head holds nothing.
    let after = after_seq.max(window.joined).min(meta.head.max(head_seq));
    if after.saturating_add(1) < meta.first {
        deliver.gap_until_seq = meta.first.saturating_sub(1).min(head_seq);
    }
    let mut bytes = 0;
    rows::read(conn, meta.id, (after, head_seq), |entry| {
        bytes += rows::bytes_of(&entry);
        if bytes > bytes_max && !deliver.entries.is_empty() {
            return false;
        }
        deliver.entries.push(entry);
        deliver.entries.len() < ENTRIES_MAX
    })?;
    Ok(deliver)
}

/// The device's window in this log, if it ever had a seat.
pub(crate) fn window(
    conn: &Connection,
    meta: &LogMeta,
    caller: &Caller,
) -> Result<Option<Window>, rusqlite::Error> {
    conn.prepare_cached(
        "SELECT joined, removed FROM seat WHERE log = ?1 AND device = ?2 AND sibling = ?3",
    )?
    .query_row(
        params![
            meta.id,
            caller.device.as_bytes(),
            SiblingNo::column(caller.sibling)
        ],
        |row| {
            Ok(Window {
                joined: row.get(0)?,
                removed: row.get(1)?,
            })
        },
    )
    .optional()
}

/// Where the device goes on reading behind `after`: an earlier stay that it has not read to its end, or
/// its seat.
pub(crate) fn window_behind(
    conn: &Connection,
    meta: &LogMeta,
    caller: &Caller,
    after: u64,
) -> Result<Option<Window>, rusqlite::Error> {
    let Some(seat) = window(conn, meta, caller)? else {
        return Ok(None);
    };
    let earlier = stays::behind(conn, meta.id, &caller.device, after, meta.first)?;
    Ok(Some(earlier.map_or(seat, |(joined, removed)| Window {
        joined,
        removed: Some(removed),
    })))
}

/// Adds an entry to a device's inbox; one that is there already, or a device without inbox, is
/// passed over.
pub(crate) fn add_to_inbox(
    conn: &Connection,
    book: &mut LogBook,
    device: &comity_wire::DeviceId,
    new: NewEntry,
) -> Result<Option<Published>, Failure> {
    let name = *device.as_bytes();
    let Some(mut meta) = book.find(conn, &name)? else {
        return Ok(None);
    };
    if meta.kind != LogKind::Inbox {
        return Ok(None);
    }
    match add(conn, book, name, &mut meta, new)? {
        Added::New(published) => Ok(Some(published)),
        Added::Before(_) => Ok(None),
    }
}
