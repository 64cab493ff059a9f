//! The writer's own picture of the logs: heads, epochs and seats, in memory, written at the end of
//! each transaction.
//!
//! Always holds: what a failed job changed is undone; after a lost transaction everything is read
//! from the database again.

use super::arrivals::{Arrival, Arrivals};
use super::{keys, rows};
use crate::app::Caller;
use crate::family::{Followed, SiblingNo};
use comity_platform::Failure;
use comity_platform::database::WriterState;
use comity_wire::proto::{ConversationKind, Entry};
use comity_wire::{DeviceId, ErrorCode};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use tokio::sync::Notify;

/// A log's name on the wire: a conversation's 16 bytes, or a device's id.
pub(crate) type LogName = [u8; 16];

/// What a log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogKind {
    /// A device's own.
    Inbox,
    /// A conversation of this kind, whose hub is this app.
    Conversation(ConversationKind),
    /// A conversation of this kind, whose hub is a sibling.
    Followed(ConversationKind),
}

/// Added to the number of a followed conversation's kind.
const FOLLOWED: i32 = 16;

impl LogKind {
    pub(crate) fn number(self) -> i32 {
        match self {
            Self::Inbox => 0,
            Self::Conversation(kind) => kind.into(),
            Self::Followed(kind) => i32::from(kind) + FOLLOWED,
        }
    }

    pub(crate) fn of_number(number: i32) -> Self {
        let kind = |number| match ConversationKind::try_from(number) {
            Ok(ConversationKind::Unspecified) | Err(_) => None,
            Ok(kind) => Some(kind),
        };
        match (kind(number), kind(number - FOLLOWED)) {
            (Some(kind), _) => Self::Conversation(kind),
            (None, Some(kind)) => Self::Followed(kind),
            (None, None) => Self::Inbox,
        }
    }

    /// A conversation whose hub is this app.
    pub(crate) fn is_hosted(self) -> bool {
        matches!(self, Self::Conversation(_))
    }
}

/// A device's place in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) device: DeviceId,
    /// The app that the device is of, when it is not this one.
    pub(crate) sibling: Option<SiblingNo>,
    /// Entries up to here are not for it.
    pub(crate) joined: u64,
    /// Only admins speak, and its account is none.
    pub(crate) muted: bool,
    /// Its account has asked to leave: nothing is taken from it any more.
    pub(crate) leaving: bool,
}

impl Seat {
    /// A seat of a device of this app, with every right.
    pub(crate) fn new(device: DeviceId, joined: u64) -> Self {
        Self {
            device,
            sibling: None,
            joined,
            muted: false,
            leaving: false,
        }
    }

    pub(crate) fn is_of(&self, caller: &Caller) -> bool {
        self.device == caller.device && self.sibling == caller.sibling
    }
}

/// What is known of a log.
#[derive(Debug, Clone)]
pub(crate) struct LogMeta {
    pub(crate) id: i64,
    pub(crate) kind: LogKind,
    pub(crate) epoch: u64,
    /// The first epoch that all who are here now can read: nobody came in after it began.
    pub(crate) read_from: u64,
    /// Of the public group state: grows with each change to it.
    pub(crate) version: u64,
    pub(crate) head: u64,
    /// Oldest entry kept.
    pub(crate) first: u64,
    pub(crate) activity: u64,
    /// Of a followed log only those of this app's devices.
    pub(crate) seats: Arc<Vec<Seat>>,
    /// Set when the log's hub is a sibling: nothing is numbered here then.
    pub(crate) followed: Option<Arc<Followed>>,
    /// In the writer: keys of its entries may be in the table, not only in memory.
    pub(crate) keyed: bool,
}

impl LogMeta {
    pub(crate) fn seat(&self, caller: &Caller) -> Option<&Seat> {
        self.seats.iter().find(|seat| seat.is_of(caller))
    }

    /// The seat of a device from which something is taken: it is not on its way out.
    pub(crate) fn active_seat(&self, caller: &Caller) -> Option<&Seat> {
        self.seat(caller).filter(|seat| !seat.leaving)
    }
}

/// An entry that is in the log, and who gets it.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) log: LogName,
    pub(crate) meta: LogMeta,
    pub(crate) entry: Arc<Entry>,
    /// Seats from before the entry, when it changed them.
    pub(crate) readers: Arc<Vec<Seat>>,
}

/// The writer's state.
#[derive(Debug)]
pub(crate) struct LogBook {
    logs: HashMap<LogName, LogMeta>,
    dirty: BTreeSet<LogName>,
    undo: Vec<(LogName, Option<LogMeta>)>,
    activity: u64,
    activity_before_job: u64,
    activity_written: u64,
    /// Devices that their account revoked: nothing is taken from them.
    revoked: HashSet<DeviceId>,
    arrivals: Arrivals,
    /// There are so many keys in memory that a sweep is to begin early.
    crowded: Arc<Notify>,
    crowded_told: bool,
}

/// Logs kept in memory; above it those that are not being written are forgotten.
const LOGS_MAX: usize = 100_000;

impl LogBook {
    pub(crate) fn load(conn: &Connection) -> Result<Self, rusqlite::Error> {
        let mut book = Self {
            logs: HashMap::new(),
            dirty: BTreeSet::new(),
            undo: Vec::new(),
            activity: 0,
            activity_before_job: 0,
            activity_written: 0,
            revoked: HashSet::new(),
            arrivals: Arrivals::load(conn)?,
            crowded: Arc::default(),
            crowded_told: false,
        };
        book.read_counters(conn)?;
        Ok(book)
    }

    fn read_counters(&mut self, conn: &Connection) -> Result<(), rusqlite::Error> {
        self.activity = conn.query_row("SELECT activity FROM counter", [], |row| row.get(0))?;
        self.activity_before_job = self.activity;
        self.activity_written = self.activity;
        let mut revoked = conn.prepare("SELECT id FROM device WHERE revoked = 1")?;
        let rows = revoked.query_map([], |row| row.get::<_, [u8; 16]>(0))?;
        self.revoked = rows
            .map(|row| row.map(DeviceId::new))
            .collect::<Result<_, _>>()?;
        Ok(())
    }

    pub(crate) fn revoke(&mut self, device: DeviceId) {
        // Stays when the job fails: refusing too long is safe, the next start reads it anew.
        self.revoked.insert(device);
    }

    /// Refuses a device that its account revoked. Of a sibling's device the sibling knows.
    ///
    /// # Errors
    /// `device_revoked`.
    pub(crate) fn may_act(&self, caller: &Caller) -> Result<(), Failure> {
        if caller.sibling.is_none() && self.revoked.contains(&caller.device) {
            return Err(Failure::refused(
                ErrorCode::DeviceRevoked,
                "the device was revoked",
            ));
        }
        Ok(())
    }

    /// The log of this name.
    ///
    /// # Errors
    /// `not_found`.
    pub(crate) fn get(&mut self, conn: &Connection, name: &LogName) -> Result<LogMeta, Failure> {
        self.find(conn, name)?
            .ok_or_else(|| Failure::refused(ErrorCode::NotFound, "no such log"))
    }

    pub(crate) fn find(
        &mut self,
        conn: &Connection,
        name: &LogName,
    ) -> Result<Option<LogMeta>, Failure> {
        if let Some(meta) = self.logs.get(name) {
            return Ok(Some(meta.clone()));
        }
        let mut meta = read_meta(conn, name)?;
        if let Some(meta) = &mut meta {
            meta.keyed = keys::any_old(conn, meta.id)?;
            if self.logs.len() >= LOGS_MAX {
                let dirty = &self.dirty;
                self.logs.retain(|name, _| dirty.contains(name));
            }
            self.logs.insert(*name, meta.clone());
        }
        Ok(meta)
    }

    /// Puts a changed picture of a log; its activity becomes the newest of all.
    pub(crate) fn put(&mut self, name: LogName, meta: &mut LogMeta) {
        self.activity += 1;
        meta.activity = self.activity;
        let before = self.logs.insert(name, meta.clone());
        self.undo.push((name, before));
        self.dirty.insert(name);
    }

    /// Puts a changed picture that no reader needs to hear of.
    pub(crate) fn put_quietly(&mut self, name: LogName, meta: &LogMeta) {
        let before = self.logs.insert(name, meta.clone());
        self.undo.push((name, before));
        self.dirty.insert(name);
    }

    /// Makes a log.
    pub(crate) fn create(
        &mut self,
        conn: &Connection,
        name: LogName,
        kind: LogKind,
        seats: Vec<Seat>,
    ) -> Result<LogMeta, Failure> {
        conn.prepare_cached(
            "INSERT INTO log (name, kind, epoch, version, head, first, activity)
             VALUES (?1, ?2, 0, 0, 0, 1, 0)",
        )?
        .execute(params![name.as_slice(), kind.number()])?;
        let mut meta = LogMeta {
            id: conn.last_insert_rowid(),
            kind,
            epoch: 0,
            read_from: 0,
            version: 0,
            head: 0,
            first: 1,
            activity: 0,
            seats: Arc::new(seats),
            followed: None,
            keyed: false,
        };
        self.put(name, &mut meta);
        Ok(meta)
    }

    /// Takes an entry at a log's head; it is in the database when this transaction is.
    pub(crate) fn arrive(&mut self, conn: &Connection, arrival: Arrival) -> Result<(), Failure> {
        Ok(self.arrivals.push(conn, arrival)?)
    }

    /// The entry of this log that has this key, if it is there.
    pub(crate) fn by_key(
        &self,
        conn: &Connection,
        meta: &LogMeta,
        key: &[u8],
    ) -> Result<Option<Entry>, Failure> {
        self.arrivals.find(conn, meta, key)
    }

    /// Deletes a log's entries before `keep`. The picture `meta` is changed.
    pub(crate) fn cut(
        &mut self,
        conn: &Connection,
        meta: &mut LogMeta,
        keep: u64,
    ) -> Result<(), rusqlite::Error> {
        self.arrivals.write(conn)?;
        rows::cut(conn, meta.id, keep)?;
        if meta.keyed {
            keys::cut_old(conn, meta.id, keep)?;
            meta.keyed = keys::any_old(conn, meta.id)?;
        }
        meta.first = keep;
        Ok(())
    }

    /// A sweep: keys that are old by now go to the table, lot by lot ([`Self::write_keys`]).
    pub(crate) fn sweep_keys(&mut self) {
        self.arrivals.keys.sweep();
        self.crowded_told = false;
    }

    /// Writes a lot of the keys that are old; true when there are more. Of an entry that is gone
    /// none is written.
    pub(crate) fn write_keys(&mut self, conn: &Connection) -> Result<bool, rusqlite::Error> {
        let lot = self.arrivals.keys.lot();
        if lot.is_empty() {
            return Ok(false);
        }
        for of_log in lot.chunk_by(|one, next| one.log == next.log) {
            let Some(log) = of_log.first().map(|young| young.log) else {
                continue;
            };
            let found: Option<(LogName, u64)> = conn
                .prepare_cached("SELECT name, first FROM log WHERE id = ?1")?
                .query_row([log], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((name, mut first)) = found else {
                continue;
            };
            if let Some(meta) = self.logs.get_mut(&name) {
                // Also when this is undone: then they are looked for in vain.
                meta.keyed = true;
                first = meta.first;
            }
            for young in of_log.iter().filter(|young| young.seq >= first) {
                keys::put_old(conn, young)?;
            }
        }
        self.arrivals.keys.lot_written(conn, lot.len())?;
        Ok(!self.arrivals.keys.lot().is_empty())
    }

    #[cfg(test)]
    pub(crate) fn small(&mut self, bounds: keys::Bounds, waiting_bytes_max: usize) {
        self.arrivals.keys.bounds = bounds;
        self.arrivals.waiting_bytes_max = waiting_bytes_max;
    }

    #[cfg(test)]
    pub(crate) fn young_keys(&self) -> usize {
        self.arrivals.keys.len()
    }

    /// Told when a sweep is to begin early.
    pub(crate) fn crowded(&self) -> Arc<Notify> {
        self.crowded.clone()
    }

    /// Forgets a log that was deleted.
    pub(crate) fn forget(&mut self, name: &LogName) {
        let before = self.logs.remove(name);
        self.dirty.remove(name);
        self.undo.push((*name, before));
    }
}

/// Reads a log's picture from the database.
pub(crate) fn read_meta(
    conn: &Connection,
    name: &LogName,
) -> Result<Option<LogMeta>, rusqlite::Error> {
    let meta = conn
        .prepare_cached(
            "SELECT l.id, l.kind, l.epoch, l.version, l.head, l.first, l.activity,
                    f.sibling, s.app, f.conversation, l.read_from
             FROM log l LEFT JOIN followed f ON f.log = l.id LEFT JOIN sibling s ON s.id = f.sibling
             WHERE l.name = ?1",
        )?
        .query_row([name.as_slice()], |row| {
            Ok(LogMeta {
                id: row.get(0)?,
                kind: LogKind::of_number(row.get(1)?),
                epoch: row.get(2)?,
                version: row.get(3)?,
                head: row.get(4)?,
                first: row.get(5)?,
                activity: row.get(6)?,
                seats: Arc::default(),
                followed: Followed::of_row(row, 7)?.map(Arc::new),
                read_from: row.get(10)?,
                keyed: false,
            })
        })
        .optional()?;
    let Some(mut meta) = meta else {
        return Ok(None);
    };
    let mut seats = conn.prepare_cached(
        "SELECT device, joined, muted, leaving, sibling FROM seat
         WHERE log = ?1 AND removed IS NULL",
    )?;
    let rows = seats.query_map([meta.id], |row| {
        Ok(Seat {
            device: DeviceId::new(row.get(0)?),
            sibling: SiblingNo::of_column(row.get(4)?),
            joined: row.get(1)?,
            muted: row.get(2)?,
            leaving: row.get(3)?,
        })
    })?;
    meta.seats = Arc::new(rows.collect::<Result<_, _>>()?);
    Ok(Some(meta))
}

impl WriterState for LogBook {
    fn job_succeeded(&mut self) {
        self.undo.clear();
        self.activity_before_job = self.activity;
        self.arrivals.job_succeeded();
    }

    fn job_failed(&mut self) {
        while let Some((name, before)) = self.undo.pop() {
            match before {
                Some(meta) => self.logs.insert(name, meta),
                None => self.logs.remove(&name),
            };
        }
        self.activity = self.activity_before_job;
        self.arrivals.job_failed();
    }

    fn before_commit(&mut self, conn: &Connection) -> Result<(), rusqlite::Error> {
        self.arrivals.write(conn)?;
        let mut update = conn.prepare_cached(
            "UPDATE log SET epoch = ?2, version = ?3, head = ?4, first = ?5, activity = ?6,
                 read_from = ?7
             WHERE id = ?1",
        )?;
        for name in std::mem::take(&mut self.dirty) {
            if let Some(meta) = self.logs.get(&name) {
                update.execute(params![
                    meta.id,
                    meta.epoch,
                    meta.version,
                    meta.head,
                    meta.first,
                    meta.activity,
                    meta.read_from
                ])?;
            }
        }
        if self.activity != self.activity_written {
            conn.prepare_cached("UPDATE counter SET activity = ?1")?
                .execute([self.activity])?;
            self.activity_written = self.activity;
        }
        for _ in 0..self.arrivals.keys.lots_due() {
            self.write_keys(conn)?;
        }
        Ok(())
    }

    fn lost(&mut self) {
        self.logs.clear();
        self.dirty.clear();
        self.undo.clear();
        // Numbers of activity may be skipped, never used twice: the old count goes on.
        self.activity_written = 0;
        self.arrivals.lost();
    }

    fn before_answers(&mut self) {
        self.arrivals.settle();
        if self.arrivals.keys.is_crowded() && !self.crowded_told {
            self.crowded_told = true;
            self.crowded.notify_one();
        }
        crate::live::hold_wakes();
    }

    fn after_answers(&mut self) {
        crate::live::give_wakes();
    }
}
