//! Idempotency keys: of young entries in memory, of older ones in a table.
//!
//! A key is random, so in a table that is ordered by it each changes a page of its own; and most
//! entries are read and gone before anybody would look for theirs. So a key stays in memory while a
//! retry is likely, and of those whose entries are still there then, many are written together, in
//! the table's order, in small lots.
//!
//! Always holds: an entry that is there is found by its key, also after a crash at any point: keys of
//! the rows behind `counter.keyed` are read from the rows when the program starts, all before have
//! been written to the table. What is in memory is bounded. Deliberately absent: keys of entries that
//! are gone; who looks one up checks that the entry is there.

use super::rows;
use comity_platform::Failure;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{HashMap, VecDeque};

/// An idempotency key.
pub(crate) type Key = [u8; 16];

/// How many keys are in memory, and how many go to the table at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// From which on a sweep begins early.
    pub(crate) crowded: usize,
    /// At most, give or take a commit's; each takes about 100 bytes.
    pub(crate) most: usize,
    /// Where there are too many, so many stay.
    pub(crate) kept: usize,
    /// Keys written to the table in one job: others do not wait long behind it.
    pub(crate) lot: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        // In simulations few are many, so that worlds come across what that leads to.
        let simulated = cfg!(feature = "simulation");
        Self {
            crowded: 100_000,
            most: if simulated { 48 } else { 250_000 },
            kept: if simulated { 8 } else { 50_000 },
            lot: if simulated { 4 } else { 1_000 },
        }
    }
}

/// Lots written with a commit when there are too many keys: more than a commit brings.
const LOTS_A_COMMIT: usize = 4;

/// The key in these bytes.
///
/// # Errors
/// Our own fault: keys off the wire are checked before.
pub(crate) fn key(bytes: &[u8]) -> Result<Key, Failure> {
    bytes
        .try_into()
        .map_err(|_| Failure::internal("an idempotency key of another length"))
}

/// A key in memory, and where its entry stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Young {
    /// The row that the entry is in.
    row: i64,
    pub(crate) log: i64,
    key: Key,
    pub(crate) seq: u64,
}

/// The keys that are in memory.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    pub(crate) bounds: Bounds,
    young: HashMap<(i64, Key), u64>,
    /// Of the transaction that runs: places that a key had before, of entries that are gone unless it
    /// is lost, by the place that it has now.
    replaced: HashMap<(i64, Key, u64), u64>,
    /// Those that are in rows, in the rows' order, without those that leave.
    order: VecDeque<Young>,
    /// On their way into the table, in its order; those before `written` are there.
    leaving: Vec<Young>,
    written: usize,
    /// All of the rows up to here are in the table when those that leave are written.
    leaving_until: i64,
    /// The newest row at the last sweep: what was there then is old at the next.
    swept_at: i64,
    /// Of the transaction that runs: keys at the end of `order`, and `written` before it.
    arrived: usize,
    written_before: usize,
}

impl Keys {
    /// Reads those that are not in the table.
    pub(crate) fn load(conn: &Connection) -> Result<Self, rusqlite::Error> {
        let mut keys = Self::default();
        let keyed = conn.query_row("SELECT keyed FROM counter", [], |row| row.get(0))?;
        rows::behind(conn, keyed, |row, log, entry| {
            if let Ok(key) = entry.idempotency_key.as_slice().try_into() {
                keys.note(log, key, entry.seq);
                keys.arrive(row, log, key, entry.seq);
            }
        })?;
        keys.settle();
        Ok(keys)
    }

    pub(crate) fn len(&self) -> usize {
        self.order.len() + self.leaving.len() - self.written
    }

    /// The place of the entry that has this key in memory.
    pub(crate) fn find(&self, log: i64, key: &Key) -> Option<u64> {
        self.young.get(&(log, *key)).copied()
    }

    /// An entry has this key now.
    pub(crate) fn note(&mut self, log: i64, key: Key, seq: u64) {
        if let Some(before) = self.young.insert((log, key), seq) {
            self.replaced.insert((log, key, seq), before);
        }
    }

    /// It has not, after all. Of several that came, the last is to be forgotten first.
    pub(crate) fn forget(&mut self, log: i64, key: Key, seq: u64) {
        if self.young.get(&(log, key)) != Some(&seq) {
            return;
        }
        match self.replaced.remove(&(log, key, seq)) {
            Some(before) => self.young.insert((log, key), before),
            None => self.young.remove(&(log, key)),
        };
    }

    /// The entry was written into this row.
    pub(crate) fn arrive(&mut self, row: i64, log: i64, key: Key, seq: u64) {
        self.order.push_back(Young { row, log, key, seq });
        self.arrived += 1;
    }

    /// The last `count` were not, after all; their keys are still noted.
    pub(crate) fn take_back(&mut self, count: usize) {
        self.order.truncate(self.order.len().saturating_sub(count));
        self.arrived = self.arrived.saturating_sub(count);
    }

    /// Whether there are so many that a sweep is to begin early.
    pub(crate) fn is_crowded(&self) -> bool {
        self.len() > self.bounds.crowded
    }

    /// A sweep: what was there at the one before leaves, and more when there are many.
    pub(crate) fn sweep(&mut self) {
        let newest = self.durable_but(0);
        let due = std::mem::replace(&mut self.swept_at, newest);
        let many = if self.is_crowded() {
            self.durable_but(self.bounds.kept)
        } else {
            0
        };
        self.leave(due.max(many));
    }

    /// The row of the newest durable key but `count`; 0 when there are no more.
    fn durable_but(&self, count: usize) -> i64 {
        let durable = self.order.len().saturating_sub(self.arrived);
        let last = durable.checked_sub(count + 1);
        let last = last.and_then(|last| self.order.get(last));
        last.map_or(0, |young| young.row)
    }

    /// Those of the rows up to here leave, all of which are durable.
    fn leave(&mut self, until: i64) {
        if !self.leaving.is_empty() {
            return;
        }
        while let Some(young) = self.order.front().filter(|young| young.row <= until) {
            self.leaving.push(*young);
            self.order.pop_front();
        }
        self.leaving
            .sort_unstable_by_key(|young| (young.log, young.key));
        self.leaving_until = until;
        if self.young.capacity() / 4 > self.young.len() {
            self.young.shrink_to(self.young.len() * 2);
        }
    }

    /// The next lot for the table, in its order.
    pub(crate) fn lot(&self) -> Vec<Young> {
        let left = self.leaving.get(self.written..).unwrap_or_default();
        left.iter().take(self.bounds.lot).copied().collect()
    }

    /// A lot of so many is in the table, or needs not be.
    pub(crate) fn lot_written(&mut self, conn: &Connection, count: usize) -> rusqlite::Result<()> {
        if self.written + count == self.leaving.len() {
            conn.prepare_cached("UPDATE counter SET keyed = ?1")?
                .execute([self.leaving_until])?;
        }
        self.written += count;
        Ok(())
    }

    /// Lots that are to be written with this commit, since there are too many keys in memory.
    pub(crate) fn lots_due(&mut self) -> usize {
        if self.len() <= self.bounds.most {
            return 0;
        }
        self.leave(self.durable_but(self.bounds.kept));
        LOTS_A_COMMIT
    }

    /// The transaction is durable: what is in the table needs not be here.
    pub(crate) fn settle(&mut self) {
        self.arrived = 0;
        self.replaced = HashMap::new();
        if self.written == self.written_before {
            return;
        }
        let done = self.leaving.get(self.written_before..self.written);
        for young in done.unwrap_or_default().to_vec() {
            self.forget(young.log, young.key, young.seq);
        }
        if self.written == self.leaving.len() {
            self.leaving = Vec::new();
            self.written = 0;
        }
        self.written_before = self.written;
    }

    /// The transaction was lost: keys that came with it are none.
    pub(crate) fn lost(&mut self) {
        for _ in 0..std::mem::take(&mut self.arrived) {
            if let Some(young) = self.order.pop_back() {
                self.forget(young.log, young.key, young.seq);
            }
        }
        self.written = self.written_before;
    }
}

/// The place of the entry that has this key in the table.
pub(crate) fn find_old(
    conn: &Connection,
    log: i64,
    key: &Key,
) -> Result<Option<u64>, rusqlite::Error> {
    conn.prepare_cached("SELECT seq FROM entry_key WHERE log = ?1 AND key = ?2")?
        .query_row(params![log, key], |row| row.get(0))
        .optional()
}

/// Whether the table has any key of this log.
pub(crate) fn any_old(conn: &Connection, log: i64) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM entry_key WHERE log = ?1)")?
        .query_row([log], |row| row.get(0))
}

/// Puts a key into the table. One that an entry had which is gone may be used anew.
pub(crate) fn put_old(conn: &Connection, young: &Young) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("INSERT OR REPLACE INTO entry_key (log, key, seq) VALUES (?1, ?2, ?3)")?
        .execute(params![young.log, young.key, young.seq])?;
    Ok(())
}

/// Deletes the keys of a log's entries before `keep` from the table.
pub(crate) fn cut_old(conn: &Connection, log: i64, keep: u64) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("DELETE FROM entry_key WHERE log = ?1 AND seq < ?2")?
        .execute(params![log, keep])?;
    Ok(())
}
