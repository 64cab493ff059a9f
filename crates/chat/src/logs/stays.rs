//! Earlier stays: what a device was given by a seat that ended, and had not read when it got a new one.
//!
//! Always holds: a device reads each of its stays to its end, in order, before what its seat gives it;
//! nothing between them is for it. A stay goes with the entries that it was for.

use comity_wire::DeviceId;
use rusqlite::{Connection, OptionalExtension, params};

/// Stays kept for one device in one log: of who is taken out and brought back over and over without
/// reading, the first ones.
pub(crate) const STAYS_MAX: u32 = 4;

/// Before a device gets a seat: if it had one that ended, and has not read to there, that is kept.
pub(crate) fn keep(conn: &Connection, log: i64, device: &DeviceId) -> Result<(), rusqlite::Error> {
    let ended: Option<(u64, u64)> = conn
        .prepare_cached(
            "SELECT joined, removed FROM seat WHERE log = ?1 AND device = ?2 AND removed > cursor",
        )?
        .query_row(params![log, device.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    match ended {
        Some((joined, removed)) => add(conn, log, device, joined, removed),
        None => Ok(()),
    }
}

/// Keeps a stay; one that is known already is passed over.
pub(crate) fn add(
    conn: &Connection,
    log: i64,
    device: &DeviceId,
    joined: u64,
    removed: u64,
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached(
        "INSERT OR IGNORE INTO stay (log, device, joined, removed) SELECT ?1, ?2, ?3, ?4
         WHERE (SELECT count(*) FROM stay WHERE log = ?1 AND device = ?2) < ?5",
    )?
    .execute(params![log, device.as_bytes(), joined, removed, STAYS_MAX])?;
    Ok(())
}

/// The earliest stay that goes on behind `after` and of which something is left from entry `first` on:
/// where it began and the commit that ended it.
pub(crate) fn behind(
    conn: &Connection,
    log: i64,
    device: &DeviceId,
    after: u64,
    first: u64,
) -> Result<Option<(u64, u64)>, rusqlite::Error> {
    // What no column can hold is behind everything.
    let after = after
        .max(first.saturating_sub(1))
        .min(i64::MAX.unsigned_abs());
    conn.prepare_cached(
        "SELECT joined, removed FROM stay WHERE log = ?1 AND device = ?2 AND removed > ?3
         ORDER BY removed LIMIT 1",
    )?
    .query_row(params![log, device.as_bytes(), after], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
    .optional()
}

/// Whether a stay that was not read to its end began with this entry.
pub(crate) fn began(
    conn: &Connection,
    log: i64,
    device: &DeviceId,
    joined: u64,
) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM stay WHERE log = ?1 AND device = ?2 AND joined = ?3)",
    )?
    .query_row(
        params![log, device.as_bytes(), joined.min(i64::MAX.unsigned_abs())],
        |row| row.get(0),
    )
}

/// Forgets the stays of a device that came in by itself: it goes on from there, and reads no earlier one.
pub(crate) fn pass(conn: &Connection, log: i64, device: &DeviceId) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("DELETE FROM stay WHERE log = ?1 AND device = ?2")?
        .execute(params![log, device.as_bytes()])?;
    Ok(())
}

/// Forgets stays of which nothing is left from entry `first` on.
pub(crate) fn forget(conn: &Connection, log: i64, first: u64) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("DELETE FROM stay WHERE log = ?1 AND removed < ?2")?
        .execute(params![log, first])?;
    Ok(())
}
