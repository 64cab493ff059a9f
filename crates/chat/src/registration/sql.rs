//! SQL of registrations.

use super::decision::DAY_MS;
use comity_platform::{Failure, secret};
use comity_wire::{AccountId, ErrorCode, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

/// By so much the clock may have gone back without being called wrong.
const CLOCK_ERROR_MS: i64 = 60_000;

/// Times of the codes sent to a number in the last day, the newest first.
pub(super) fn sent_ms(
    conn: &Connection,
    number: &str,
    now_ms: UnixMs,
) -> Result<Vec<UnixMs>, rusqlite::Error> {
    let mut select = conn.prepare_cached(
        "SELECT made_ms FROM registration WHERE number = ?1 AND made_ms > ?2 AND made_ms <= ?3
         ORDER BY made_ms DESC",
    )?;
    // What was made in the future was made under a wrong clock: it keeps nobody waiting.
    let rows = select.query_map(
        params![number, now_ms - DAY_MS, now_ms + CLOCK_ERROR_MS],
        |row| row.get(0),
    )?;
    rows.collect()
}

/// A registration that waits for its code.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) number: String,
    pub(super) code_hash: Vec<u8>,
    pub(super) attempts: u32,
    pub(super) expires_ms: UnixMs,
}

pub(super) fn waiting(conn: &Connection, id: &str) -> Result<Option<Waiting>, rusqlite::Error> {
    conn.prepare_cached(
        "SELECT number, code_hash, attempts, expires_ms FROM registration WHERE id = ?1",
    )?
    .query_row([id], |row| {
        Ok(Waiting {
            number: row.get(0)?,
            code_hash: row.get(1)?,
            attempts: row.get(2)?,
            expires_ms: row.get(3)?,
        })
    })
    .optional()
}

/// A number that was proven.
#[derive(Debug)]
pub(crate) struct Proven {
    pub(crate) number: String,
    /// Who had it then.
    pub(crate) existing: Option<AccountId>,
    /// What the token was used for.
    pub(crate) made_account: Option<AccountId>,
}

/// The number that a token proves.
///
/// # Errors
/// `code_expired` when the token is unknown or over.
pub(crate) fn by_token(conn: &Connection, token: &[u8], now_ms: UnixMs) -> Result<Proven, Failure> {
    conn.prepare_cached(
        "SELECT number, existing, made_account FROM registration
         WHERE token_hash = ?1 AND token_expires_ms > ?2 AND made_ms <= ?3",
    )?
    .query_row(
        params![
            secret::hash(token).as_slice(),
            now_ms,
            now_ms + CLOCK_ERROR_MS
        ],
        |row| {
            Ok(Proven {
                number: row.get(0)?,
                existing: row.get::<_, Option<[u8; 16]>>(1)?.map(AccountId::new),
                made_account: row.get::<_, Option<[u8; 16]>>(2)?.map(AccountId::new),
            })
        },
    )
    .optional()?
    .ok_or_else(|| Failure::refused(ErrorCode::CodeExpired, "the registration is over"))
}

/// Remembers what a token was used for.
pub(crate) fn used(conn: &Connection, token: &[u8], account: &AccountId) -> Result<(), Failure> {
    conn.prepare_cached("UPDATE registration SET made_account = ?2 WHERE token_hash = ?1")?
        .execute(params![secret::hash(token).as_slice(), account.as_bytes()])?;
    Ok(())
}

/// Deletes registrations and codes that are over.
pub(crate) fn sweep(conn: &Connection, now_ms: UnixMs) -> Result<(), rusqlite::Error> {
    conn.execute(
        "DELETE FROM registration WHERE made_ms < ?1",
        [now_ms - DAY_MS],
    )?;
    conn.execute(
        "DELETE FROM code_outbox WHERE at_ms < ?1",
        [now_ms - DAY_MS],
    )?;
    Ok(())
}
