//! Entries of the transaction that runs: they become rows together, just before its commit.
//!
//! Always holds: what a failed job added is taken back, and nothing of the jobs before it; what a
//! lost transaction added is forgotten; an entry is found by its key whether it is in a row already
//! or not. Entries that are large together become rows before the commit, so that few bytes wait.

use super::keys::{self, Key, Keys};
use super::{LogMeta, rows};
use comity_platform::Failure;
use comity_wire::UnixMs;
use comity_wire::proto::Entry;
use rusqlite::Connection;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of entries that wait for their rows, at most, beside the last.
const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// An entry that is to be in a row.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// The number of its log.
    pub(crate) log: i64,
    pub(crate) entry: Arc<Entry>,
    pub(crate) key: Key,
    /// Set in a copy: when it was taken.
    pub(crate) taken_ms: Option<UnixMs>,
}

/// What came in this transaction, and the keys in memory.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    pub(crate) keys: Keys,
    /// Not in rows yet, in the order of arrival.
    waiting: Vec<Arrival>,
    waiting_bytes: usize,
    pub(crate) waiting_bytes_max: usize,
    /// So many of those in front are of jobs that succeeded.
    settled: usize,
    /// Became rows while the job that runs did; so many in front are of earlier jobs.
    early: Vec<Arrival>,
    early_settled: usize,
    /// The number of the next row. None is used twice: keys of the rows before one of them are in
    /// the table.
    next_row: i64,
}

impl Arrivals {
    pub(crate) fn load(conn: &Connection) -> Result<Self, rusqlite::Error> {
        let keyed: i64 = conn.query_row("SELECT keyed FROM counter", [], |row| row.get(0))?;
        Ok(Self {
            keys: Keys::load(conn)?,
            waiting_bytes_max: WAITING_BYTES_MAX,
            next_row: keyed.max(rows::newest(conn)?) + 1,
            ..Self::default()
        })
    }

    /// Takes an entry whose key no other entry of its log has. When this fails nothing was taken, and
    /// the transaction is to be given up.
    pub(crate) fn push(
        &mut self,
        conn: &Connection,
        arrival: Arrival,
    ) -> Result<(), rusqlite::Error> {
        if self.waiting_bytes > self.waiting_bytes_max {
            self.write(conn)?;
        }
        self.keys.note(arrival.log, arrival.key, arrival.entry.seq);
        self.waiting_bytes += rows::bytes_of(&arrival.entry);
        self.waiting.push(arrival);
        Ok(())
    }

    /// The entry that has this key, if it is there.
    pub(crate) fn find(
        &self,
        conn: &Connection,
        meta: &LogMeta,
        key: &[u8],
    ) -> Result<Option<Entry>, Failure> {
        let short = keys::key(key)?;
        let seq = match self.keys.find(meta.id, &short) {
            Some(seq) => Some(seq),
            None if meta.keyed => keys::find_old(conn, meta.id, &short)?,
            None => None,
        };
        let Some(seq) = seq.filter(|seq| *seq >= meta.first) else {
            return Ok(None);
        };
        let mut waiting = self.waiting.iter().rev();
        let waits = waiting.find(|one| one.log == meta.id && one.entry.seq == seq);
        let found = match waits {
            Some(arrival) => Some((*arrival.entry).clone()),
            None => rows::at(conn, meta.id, seq)?,
        };
        // The number of a log that is gone may be another's now.
        Ok(found.filter(|entry| entry.idempotency_key == key))
    }

    /// Makes rows of all that waits.
    pub(crate) fn write(&mut self, conn: &Connection) -> Result<(), rusqlite::Error> {
        let mut row = self.next_row;
        let mut placed = Vec::with_capacity(self.waiting.len());
        for arrivals in by_row(&self.waiting) {
            let entries: Vec<&Entry> = arrivals.iter().map(|one| &*one.entry).collect();
            if let Some(first) = arrivals.first() {
                rows::insert(conn, (row, first.log), first.taken_ms, &entries)?;
            }
            placed.extend(arrivals.iter().map(|one| (row, *one)));
            row += 1;
        }
        for (row, one) in placed {
            self.keys.arrive(row, one.log, one.key, one.entry.seq);
        }
        self.next_row = row;
        if self.early.is_empty() {
            self.early_settled = self.settled;
        }
        self.early.append(&mut self.waiting);
        self.settled = 0;
        self.waiting_bytes = 0;
        Ok(())
    }

    pub(crate) fn job_succeeded(&mut self) {
        self.settled = self.waiting.len();
        self.early.clear();
        self.early_settled = 0;
    }

    pub(crate) fn job_failed(&mut self) {
        let own = self.waiting.split_off(self.settled);
        self.forget(&own);
        if !self.early.is_empty() {
            // Its savepoint takes these rows back.
            self.keys.take_back(self.early.len());
            let own = self.early.split_off(self.early_settled);
            self.forget(&own);
            self.waiting = std::mem::take(&mut self.early);
            self.settled = std::mem::take(&mut self.early_settled);
        }
        let bytes = self.waiting.iter().map(|one| rows::bytes_of(&one.entry));
        self.waiting_bytes = bytes.sum();
    }

    /// The transaction is over, and durable unless it was lost.
    pub(crate) fn settle(&mut self) {
        self.early.clear();
        self.early_settled = 0;
        self.keys.settle();
    }

    pub(crate) fn lost(&mut self) {
        let waiting = std::mem::take(&mut self.waiting);
        self.forget(&waiting);
        self.waiting_bytes = 0;
        self.settled = 0;
        self.early.clear();
        self.early_settled = 0;
        self.keys.lost();
    }

    fn forget(&mut self, arrivals: &[Arrival]) {
        for one in arrivals.iter().rev() {
            self.keys.forget(one.log, one.key, one.entry.seq);
        }
    }
}

/// What goes into each row, in the order of the rows' first entries.
fn by_row(waiting: &[Arrival]) -> Vec<Vec<&Arrival>> {
    struct Open<'a> {
        arrivals: Vec<&'a Arrival>,
        bytes: usize,
    }
    let mut rows: Vec<Open<'_>> = Vec::new();
    let mut open = HashMap::<i64, usize>::new();
    for arrival in waiting {
        let entry = &arrival.entry;
        let row = open.get(&arrival.log).and_then(|row| rows.get_mut(*row));
        let follows = |row: &&mut Open<'_>| {
            let last = row.arrivals.last().map(|last| last.entry.seq + 1);
            last == Some(entry.seq) && rows::fits_in(row.arrivals.len(), row.bytes, entry)
        };
        if let Some(row) = row.filter(follows) {
            row.arrivals.push(arrival);
            row.bytes += rows::bytes_of(entry);
        } else {
            open.insert(arrival.log, rows.len());
            rows.push(Open {
                arrivals: vec![arrival],
                bytes: rows::bytes_of(entry),
            });
        }
    }
    rows.into_iter().map(|row| row.arrivals).collect()
}

#[cfg(test)]
mod tests;
