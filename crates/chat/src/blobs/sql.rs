//! SQL of blobs.

use comity_wire::{AccountId, BlobId, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

/// A blob as it is stored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub(super) account: AccountId,
    pub(super) size: u64,
    pub(super) safe: u64,
    pub(super) complete: bool,
}

pub(super) fn get(
    conn: &Connection,
    blob: &BlobId,
    now_ms: UnixMs,
) -> Result<Option<Row>, rusqlite::Error> {
    conn.prepare_cached(
        "SELECT account, size, safe, complete FROM blob WHERE id = ?1 AND until_ms > ?2",
    )?
    .query_row(params![blob.as_bytes(), now_ms], |row| {
        Ok(Row {
            account: AccountId::new(row.get(0)?),
            size: row.get(1)?,
            safe: row.get(2)?,
            complete: row.get(3)?,
        })
    })
    .optional()
}

/// Bytes that an account keeps, uploads counted in full.
pub(crate) fn bytes_of(conn: &Connection, account: &AccountId) -> Result<u64, rusqlite::Error> {
    conn.prepare_cached("SELECT coalesce(sum(size), 0) FROM blob WHERE account = ?1")?
        .query_row([account.as_bytes()], |row| row.get(0))
}

/// Unfinished uploads, and blobs in all, of an account.
pub(super) fn counts(
    conn: &Connection,
    account: &AccountId,
) -> Result<(u32, u32), rusqlite::Error> {
    conn.prepare_cached(
        "SELECT (SELECT count(*) FROM blob WHERE account = ?1 AND complete = 0),
                (SELECT count(*) FROM blob WHERE account = ?1)",
    )?
    .query_row([account.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
}

pub(super) fn insert(
    conn: &Connection,
    blob: &BlobId,
    account: &AccountId,
    size: u64,
    now_ms: UnixMs,
    until_ms: UnixMs,
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached(
        "INSERT INTO blob (id, account, size, made_ms, until_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        blob.as_bytes(),
        account.as_bytes(),
        size,
        now_ms,
        until_ms
    ])?;
    Ok(())
}

/// Remembers how much of an upload is safe; false when nobody owns it any more.
pub(super) fn set_safe(
    conn: &Connection,
    blob: &BlobId,
    safe: u64,
) -> Result<bool, rusqlite::Error> {
    let known = conn
        .prepare_cached("UPDATE blob SET safe = ?2 WHERE id = ?1")?
        .execute(params![blob.as_bytes(), safe])?;
    Ok(known > 0)
}

pub(super) fn set_complete(
    conn: &Connection,
    blob: &BlobId,
    until_ms: UnixMs,
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("UPDATE blob SET complete = 1, until_ms = ?2 WHERE id = ?1")?
        .execute(params![blob.as_bytes(), until_ms])?;
    Ok(())
}

/// Renews a lease; false when there is no such complete blob.
pub(super) fn renew(
    conn: &Connection,
    blob: &BlobId,
    now_ms: UnixMs,
    until_ms: UnixMs,
) -> Result<bool, rusqlite::Error> {
    let renewed = conn
        .prepare_cached(
            "UPDATE blob SET until_ms = max(until_ms, ?3)
             WHERE id = ?1 AND complete = 1 AND until_ms > ?2",
        )?
        .execute(params![blob.as_bytes(), now_ms, until_ms])?;
    Ok(renewed > 0)
}

/// Takes out blobs whose lease is over; their files are the caller's to delete.
pub(crate) fn take_over(
    conn: &Connection,
    now_ms: UnixMs,
    count: usize,
) -> Result<Vec<BlobId>, rusqlite::Error> {
    let mut delete = conn.prepare_cached(
        "DELETE FROM blob WHERE id IN (SELECT id FROM blob WHERE until_ms <= ?1 LIMIT ?2)
         RETURNING id",
    )?;
    let rows = delete.query_map(
        params![now_ms, i64::try_from(count).unwrap_or(i64::MAX)],
        |row| Ok(BlobId::new(row.get(0)?)),
    )?;
    rows.collect()
}

/// Whether the database knows a blob.
pub(crate) fn is_known(conn: &Connection, blob: &BlobId) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM blob WHERE id = ?1)")?
        .query_row([blob.as_bytes()], |row| row.get(0))
}
