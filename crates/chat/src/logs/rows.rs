//! How entries are stored: those of one log that came in the same commit share a row.
//!
//! Always holds: a row's entries are numbered without a hole; its columns are those of the first,
//! `others` says how many stand behind it, packed in `more` as they are on the wire; rows are in the
//! order of arrival; who reads sees single entries and never a row. Deliberately absent: what is in
//! memory only (`arrivals`).

use comity_wire::proto::Entry;
use comity_wire::{Message, UnixMs};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::borrow::Borrow;

/// Bytes of entries that share a row, at most, unless the first alone has more: who wants one of
/// them reads all.
const ROW_BYTES_MAX: usize = 32 * 1024;
/// Entries that share a row, at most.
const ROW_ENTRIES_MAX: usize = 256;

/// About what an entry takes beside its body, in bytes.
const FRAME_BYTES: usize = 96;

/// About what an entry takes in memory, on the way and in a row, in bytes.
pub(crate) fn bytes_of(entry: &Entry) -> usize {
    entry.body.len() + FRAME_BYTES
}

/// Whether an entry may stand in a row that has `entries` of `bytes` already.
pub(crate) fn fits_in(entries: usize, bytes: usize, entry: &Entry) -> bool {
    entries < ROW_ENTRIES_MAX && bytes + bytes_of(entry) <= ROW_BYTES_MAX
}

const COLUMNS: &str = "id, seq, kind, epoch, body, idempotency_key, at_ms, seal, others, more";

/// A row as it is read: the first entry, and the others still packed.
struct Stored {
    id: i64,
    first: Entry,
    others: u64,
    more: Vec<u8>,
}

impl Stored {
    fn of(row: &Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            id: row.get(0)?,
            first: Entry {
                seq: row.get(1)?,
                kind: row.get(2)?,
                epoch: row.get(3)?,
                body: row.get(4)?,
                idempotency_key: row.get(5)?,
                at_ms: row.get(6)?,
                seal: row.get(7)?,
            },
            others: row.get(8)?,
            more: row.get(9)?,
        })
    }

    fn last(&self) -> u64 {
        self.first.seq.saturating_add(self.others)
    }

    fn entries(self) -> Result<Vec<Entry>, rusqlite::Error> {
        let mut entries = vec![self.first];
        let mut more = self.more.as_slice();
        while !more.is_empty() {
            let entry = Entry::decode_length_delimited(&mut more)
                .map_err(|error| unreadable(Box::new(error)))?;
            entries.push(entry);
        }
        if entries.len() as u64 != self.others + 1 {
            return Err(unreadable("a row has other entries than it says".into()));
        }
        Ok(entries)
    }
}

fn unreadable(error: Box<dyn std::error::Error + Send + Sync>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(9, Type::Blob, error)
}

/// The first, how many others there are, and those packed; nothing of nothing.
fn packed<E: Borrow<Entry>>(entries: &[E]) -> Option<(&Entry, usize, Vec<u8>)> {
    let (first, others) = entries.split_first()?;
    let mut more = Vec::new();
    for entry in others {
        // A vector has room for everything.
        let _ = entry.borrow().encode_length_delimited(&mut more);
    }
    Some((first.borrow(), others.len(), more))
}

/// Puts a row. Its entries are of this log and numbered without a hole; `taken_ms` is set in a copy.
pub(crate) fn insert<E: Borrow<Entry>>(
    conn: &Connection,
    (id, log): (i64, i64),
    taken_ms: Option<UnixMs>,
    entries: &[E],
) -> Result<(), rusqlite::Error> {
    let Some((first, others, more)) = packed(entries) else {
        return Ok(());
    };
    conn.prepare_cached(
        "INSERT INTO entry
           (id, log, seq, kind, epoch, at_ms, idempotency_key, seal, body, taken_ms, others, more)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
    )?
    .execute(params![
        id,
        log,
        first.seq,
        first.kind,
        first.epoch,
        first.at_ms,
        first.idempotency_key,
        first.seal,
        first.body,
        taken_ms,
        others,
        more
    ])?;
    Ok(())
}

/// Hands over the entries after `after` up to `until`, in order, until `take` has enough of them
/// (it gives false).
pub(crate) fn read(
    conn: &Connection,
    log: i64,
    (after, until): (u64, u64),
    mut take: impl FnMut(Entry) -> bool,
) -> Result<(), rusqlite::Error> {
    // The first that is wanted may stand within a row that begins before it.
    let mut select = conn.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM entry WHERE log = ?1 AND seq <= ?3
           AND seq >= coalesce((SELECT seq FROM entry WHERE log = ?1 AND seq <= ?2
                                ORDER BY seq DESC LIMIT 1), 0)
         ORDER BY seq"
    ))?;
    let mut rows = select.query(params![log, after.saturating_add(1), until])?;
    while let Some(row) = rows.next()? {
        let row = Stored::of(row)?;
        if row.last() <= after {
            continue;
        }
        for entry in row.entries()? {
            if entry.seq > after && (entry.seq > until || !take(entry)) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The entry of this number.
pub(crate) fn at(conn: &Connection, log: i64, seq: u64) -> Result<Option<Entry>, rusqlite::Error> {
    let mut found = None;
    read(conn, log, (seq.saturating_sub(1), seq), |entry| {
        found = Some(entry);
        false
    })?;
    Ok(found)
}

/// Hands over number, log and entries of each row behind the row `id`, in the order of arrival.
pub(crate) fn behind(
    conn: &Connection,
    id: i64,
    mut take: impl FnMut(i64, i64, &Entry),
) -> Result<(), rusqlite::Error> {
    let mut select = conn.prepare(&format!(
        "SELECT {COLUMNS}, log FROM entry WHERE id > ?1 ORDER BY id"
    ))?;
    let mut rows = select.query([id])?;
    while let Some(row) = rows.next()? {
        let log = row.get(10)?;
        let row = Stored::of(row)?;
        let id = row.id;
        row.entries()?.iter().for_each(|entry| take(id, log, entry));
    }
    Ok(())
}

/// The highest number that a row has.
pub(crate) fn newest(conn: &Connection) -> Result<i64, rusqlite::Error> {
    conn.query_row("SELECT coalesce(max(id), 0) FROM entry", [], |row| {
        row.get(0)
    })
}

/// Deletes a log's entries before `keep`. A row that has some from before and some that stay is
/// written anew with those that stay.
pub(crate) fn cut(conn: &Connection, log: i64, keep: u64) -> Result<(), rusqlite::Error> {
    let last = conn
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM entry WHERE log = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT 1"
        ))?
        .query_row(params![log, keep], Stored::of)
        .optional()?;
    let Some(last) = last else {
        return Ok(());
    };
    if last.last() >= keep {
        trim(conn, last, keep)?;
    }
    conn.prepare_cached("DELETE FROM entry WHERE log = ?1 AND seq < ?2")?
        .execute(params![log, keep])?;
    Ok(())
}

fn trim(conn: &Connection, row: Stored, keep: u64) -> Result<(), rusqlite::Error> {
    let id = row.id;
    let mut entries = row.entries()?;
    entries.retain(|entry| entry.seq >= keep);
    let Some((first, others, more)) = packed(&entries) else {
        return Ok(());
    };
    conn.prepare_cached(
        "UPDATE entry SET seq = ?2, kind = ?3, epoch = ?4, at_ms = ?5, idempotency_key = ?6,
           seal = ?7, body = ?8, others = ?9, more = ?10
         WHERE id = ?1",
    )?
    .execute(params![
        id,
        first.seq,
        first.kind,
        first.epoch,
        first.at_ms,
        first.idempotency_key,
        first.seal,
        first.body,
        others,
        more
    ])?;
    Ok(())
}

/// A row in front: the name of its log, its last entry's number, and when its first was taken.
pub(crate) struct Oldest {
    pub(crate) log: [u8; 16],
    pub(crate) last: u64,
    pub(crate) at_ms: UnixMs,
}

/// The rows that arrived first, at most `count`. What shared a commit is of one age.
pub(crate) fn oldest(conn: &Connection, count: usize) -> Result<Vec<Oldest>, rusqlite::Error> {
    let mut select = conn.prepare_cached(
        "SELECT l.name, e.seq + e.others, coalesce(e.taken_ms, e.at_ms)
         FROM entry e JOIN log l ON l.id = e.log ORDER BY e.id LIMIT ?1",
    )?;
    let rows = select.query_map([i64::try_from(count).unwrap_or(i64::MAX)], |row| {
        Ok(Oldest {
            log: row.get(0)?,
            last: row.get(1)?,
            at_ms: row.get(2)?,
        })
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn database() -> Connection {
        let conn = Connection::open_in_memory().unwrap();
        for migration in crate::migrations::MIGRATIONS {
            conn.execute_batch(migration).unwrap();
        }
        conn
    }

    fn entry(seq: u64) -> Entry {
        let byte = u8::try_from(seq % 251).unwrap();
        Entry {
            seq,
            kind: 1,
            epoch: seq / 3,
            body: vec![byte; usize::from(byte)],
            idempotency_key: vec![byte; 16],
            at_ms: 1_000 + i64::from(byte),
            seal: if seq.is_multiple_of(2) {
                vec![byte; 32]
            } else {
                Vec::new()
            },
        }
    }

    /// Rows of these lengths, one behind the other, and a row of another log between any two.
    fn stored(conn: &Connection, lengths: &[u64]) -> Vec<Entry> {
        let mut all = Vec::new();
        for (id, length) in (1..).step_by(2).zip(lengths) {
            let from = all.len() as u64 + 1;
            let row: Vec<Entry> = (from..from + length).map(entry).collect();
            insert(conn, (id, 7), None, &row).unwrap();
            insert(conn, (id + 1, 8), None, &[entry(from)]).unwrap();
            all.extend(row);
        }
        all
    }

    fn all_of(conn: &Connection, (after, until): (u64, u64)) -> Vec<Entry> {
        let mut found = Vec::new();
        read(conn, 7, (after, until), |entry| {
            found.push(entry);
            true
        })
        .unwrap();
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// However entries came to share rows, reading and cutting are those of single entries.
        #[test]
        fn rows_are_never_seen(
            lengths in proptest::collection::vec(1u64..12, 1..8),
            after in 0u64..80,
            span in 0u64..80,
            keeps in proptest::collection::vec(0u64..90, 0..4),
        ) {
            let conn = database();
            let mut model = stored(&conn, &lengths);
            let other_before: i64 = of_other(&conn);
            let mut floor = 0;
            for keep in keeps {
                let range = (after, after + span);
                let want: Vec<Entry> = model
                    .iter()
                    .filter(|entry| entry.seq > range.0 && entry.seq <= range.1)
                    .cloned()
                    .collect();
                prop_assert_eq!(all_of(&conn, range), want);
                for seq in [after, span, keep] {
                    let want = model.iter().find(|entry| entry.seq == seq).cloned();
                    prop_assert_eq!(at(&conn, 7, seq).unwrap(), want);
                }
                cut(&conn, 7, keep).unwrap();
                floor = keep.max(floor);
                model.retain(|entry| entry.seq >= floor);
                prop_assert_eq!(all_of(&conn, (0, 1_000)), model.clone());
                let mut behind_all = Vec::new();
                behind(&conn, 0, |_, log, entry| {
                    if log == 7 {
                        behind_all.push(entry.clone());
                    }
                }).unwrap();
                prop_assert_eq!(behind_all, model.clone());
            }
            prop_assert_eq!(of_other(&conn), other_before);
        }
    }

    fn of_other(conn: &Connection) -> i64 {
        conn.query_row("SELECT count(*) FROM entry WHERE log = 8", [], |row| {
            row.get(0)
        })
        .unwrap()
    }

    #[test]
    fn who_has_enough_is_given_no_more() {
        let conn = database();
        stored(&conn, &[3, 3]);
        let mut seen = Vec::new();
        read(&conn, 7, (1, 6), |entry| {
            seen.push(entry.seq);
            seen.len() < 3
        })
        .unwrap();
        assert_eq!(seen, [2, 3, 4]);
    }

    #[test]
    fn a_row_that_was_written_to_by_a_stranger_is_an_error_and_no_wrong_entry() {
        let conn = database();
        stored(&conn, &[3]);
        for wrong in [
            "UPDATE entry SET others = 3",
            "UPDATE entry SET more = x'ff'",
        ] {
            conn.execute_batch(&format!("SAVEPOINT before; {wrong}"))
                .unwrap();
            assert!(read(&conn, 7, (0, 3), |_| true).is_err(), "{wrong}");
            conn.execute_batch("ROLLBACK TO before").unwrap();
        }
        assert_eq!(all_of(&conn, (0, 3)).len(), 3);
    }

    #[test]
    fn a_row_has_its_bounds() {
        let small = entry(1);
        assert!(fits_in(ROW_ENTRIES_MAX - 1, 0, &small));
        assert!(!fits_in(ROW_ENTRIES_MAX, 0, &small));
        assert!(fits_in(1, ROW_BYTES_MAX - bytes_of(&small), &small));
        assert!(!fits_in(1, ROW_BYTES_MAX - bytes_of(&small) + 1, &small));
    }
}
