//! SQL of siblings.

use super::SiblingNo;
use comity_platform::Failure;
use comity_wire::{AppId, ErrorCode, UnixMs};
use rusqlite::{Connection, OptionalExtension, Row, params};

/// A sibling as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct SiblingRow {
    pub(crate) no: SiblingNo,
    pub(crate) app: AppId,
    pub(crate) key: [u8; 32],
}

fn of_row(row: &Row<'_>) -> Result<SiblingRow, rusqlite::Error> {
    let app: String = row.get(1)?;
    let app = app.parse().map_err(|error| {
        let text = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(1, text, Box::<comity_wire::IdError>::new(error))
    })?;
    Ok(SiblingRow {
        no: SiblingNo(row.get(0)?),
        app,
        key: row.get(2)?,
    })
}

pub(super) fn siblings(conn: &Connection) -> Result<Vec<SiblingRow>, rusqlite::Error> {
    let mut select = conn.prepare("SELECT id, app, key FROM sibling ORDER BY id")?;
    let rows = select.query_map([], of_row)?;
    rows.collect()
}

/// The number of the sibling of this name.
///
/// # Errors
/// `wrong_app`.
pub(crate) fn sibling(conn: &Connection, app: &AppId) -> Result<SiblingNo, Failure> {
    conn.prepare_cached("SELECT id FROM sibling WHERE app = ?1")?
        .query_row([app.as_str()], |row| Ok(SiblingNo(row.get(0)?)))
        .optional()?
        .ok_or_else(|| {
            Failure::refused(ErrorCode::WrongApp, "this app is not joined with that one")
        })
}

/// Keeps a sibling's key, the first time; later it has to be the same.
pub(super) fn pin(
    conn: &Connection,
    app: &AppId,
    key: &[u8; 32],
    seen_ms: UnixMs,
) -> Result<SiblingRow, Failure> {
    // One that has not asked for anything yet is waited for as one that just did.
    conn.prepare_cached(
        "INSERT INTO sibling (app, key, seen_ms) VALUES (?1, ?2, ?3) ON CONFLICT (app) DO NOTHING",
    )?
    .execute(params![app.as_str(), key.as_slice(), seen_ms])?;
    let row = conn
        .prepare_cached("SELECT id, app, key FROM sibling WHERE app = ?1")?
        .query_row([app.as_str()], of_row)?;
    if row.key == *key {
        Ok(row)
    } else {
        Err(Failure::refused(
            ErrorCode::Exists,
            "this app was joined with another key",
        ))
    }
}

/// Up to where this server knows what changed at the sibling.
pub(super) fn token(conn: &Connection, no: SiblingNo) -> Result<u64, rusqlite::Error> {
    conn.prepare_cached("SELECT token FROM sibling WHERE id = ?1")?
        .query_row([no.0], |row| row.get(0))
}

pub(super) fn set_token(
    conn: &Connection,
    no: SiblingNo,
    token: u64,
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("UPDATE sibling SET token = ?2 WHERE id = ?1")?
        .execute(params![no.0, token])?;
    Ok(())
}
