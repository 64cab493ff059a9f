//! How long entries are kept: until every device that is not stale has them, up to where it was
//! taken out, and no longer than their life.
//!
//! Always holds: what goes, goes from the front, so that a log is a gap and then a run without
//! holes. The decision is [`keep_from`]; the rest is SQL.

use super::book::{LogBook, LogName};
use super::packed::Packed;
use super::{rows, stays};
use comity_platform::Failure;
use comity_wire::UnixMs;
use rusqlite::{Connection, params};
use std::collections::BTreeMap;

/// How far a device with a seat has read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) cursor: u64,
    pub(crate) seen_ms: UnixMs,
}

/// The oldest entry to keep, because some reader who is not stale lacks it. Without any such
/// reader nothing goes before its life is over.
pub(crate) fn keep_from(readers: &[Reader], first: u64, head: u64, stale_before_ms: UnixMs) -> u64 {
    readers
        .iter()
        .filter(|reader| reader.seen_ms >= stale_before_ms)
        .map(|reader| reader.cursor.saturating_add(1))
        .min()
        .unwrap_or(first)
        .clamp(first, head.saturating_add(1).max(first))
}

/// Logs that changed since they were last swept, behind the one of number `after`, with their numbers.
pub(crate) fn unswept(
    conn: &Connection,
    after: i64,
    count: usize,
) -> Result<Vec<(i64, LogName)>, rusqlite::Error> {
    let mut select = conn.prepare_cached(
        "SELECT id, name FROM log WHERE id > ?1 AND activity > swept AND head >= first
         ORDER BY id LIMIT ?2",
    )?;
    let count = i64::try_from(count).unwrap_or(i64::MAX);
    let rows = select.query_map([after, count], |row| Ok((row.get(0)?, row.get(1)?)))?;
    rows.collect()
}

/// Deletes what every reader has.
pub(crate) fn sweep_read(
    conn: &Connection,
    book: &mut LogBook,
    name: &LogName,
    stale_before_ms: UnixMs,
) -> Result<usize, Failure> {
    let Some(meta) = book.find(conn, name)? else {
        return Ok(0);
    };
    let mut select = conn.prepare_cached(
        // A sibling keeps for its devices what it took. Who was taken out, or left on another device, reads
        // up to there, and a sibling takes up to where its last device was.
        "SELECT s.cursor, coalesce(d.seen_ms, 0), s.device
         FROM seat s LEFT JOIN device d ON d.id = s.device
         WHERE s.log = ?1 AND (s.removed IS NULL OR s.cursor < s.removed)
           AND coalesce(d.revoked, 0) = 0 AND s.sibling = 0
         UNION ALL SELECT f.taken, b.seen_ms, x'' FROM follower f JOIN sibling b ON b.id = f.sibling
         WHERE f.log = ?1 AND (f.until IS NULL OR f.taken < f.until)",
    )?;
    let packed = Packed::read(conn, meta.id)?;
    let readers = select
        .query_map([meta.id], |row| {
            Ok(Reader {
                cursor: packed.further(&row.get::<_, Vec<u8>>(2)?, row.get(0)?),
                seen_ms: row.get(1)?,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let keep = keep_from(&readers, meta.first, meta.head, stale_before_ms);
    let gone = cut(conn, book, name, keep)?;
    conn.prepare_cached("UPDATE log SET swept = ?2 WHERE id = ?1")?
        .execute(params![meta.id, meta.activity])?;
    Ok(gone)
}

/// Deletes entries that came before `cutoff_ms`, at most those of `count` rows; true when there may be
/// more.
pub(crate) fn sweep_old(
    conn: &Connection,
    book: &mut LogBook,
    cutoff_ms: UnixMs,
    count: usize,
) -> Result<bool, Failure> {
    let mut until = BTreeMap::<LogName, u64>::new();
    let mut all_old = true;
    for row in rows::oldest(conn, count)? {
        if row.at_ms >= cutoff_ms {
            all_old = false;
            break;
        }
        let last = until.entry(row.log).or_default();
        *last = row.last.max(*last);
    }
    let some = !until.is_empty();
    for (name, last) in until {
        cut(conn, book, &name, last + 1)?;
    }
    conn.prepare_cached("DELETE FROM welcome WHERE at_ms < ?1")?
        .execute([cutoff_ms])?;
    Ok(all_old && some)
}

/// Deletes what is before `keep`; how many entries those were.
fn cut(conn: &Connection, book: &mut LogBook, name: &LogName, keep: u64) -> Result<usize, Failure> {
    let Some(mut meta) = book.find(conn, name)? else {
        return Ok(0);
    };
    if keep <= meta.first {
        return Ok(0);
    }
    let gone = usize::try_from(keep - meta.first).unwrap_or(usize::MAX);
    book.cut(conn, &mut meta, keep)?;
    stays::forget(conn, meta.id, keep)?;
    book.put_quietly(*name, &meta);
    Ok(gone)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(cursor: u64, seen_ms: UnixMs) -> Reader {
        Reader { cursor, seen_ms }
    }

    #[test]
    fn the_slowest_reader_who_is_not_stale_decides() {
        assert_eq!(keep_from(&[reader(7, 100), reader(3, 100)], 1, 9, 50), 4);
        assert_eq!(keep_from(&[reader(7, 100), reader(3, 10)], 1, 9, 50), 8);
    }

    #[test]
    fn without_readers_nothing_goes() {
        assert_eq!(keep_from(&[], 5, 9, 50), 5);
        assert_eq!(keep_from(&[reader(9, 10)], 5, 9, 50), 5);
    }

    #[test]
    fn a_cursor_beyond_the_head_does_not_cut_the_future() {
        assert_eq!(keep_from(&[reader(u64::MAX, 100)], 1, 9, 50), 10);
        assert_eq!(keep_from(&[reader(0, 100)], 4, 9, 50), 4);
    }
}
