//! SQL of introductions.

use comity_platform::secret;
use comity_wire::{AccountId, Address, MessageId, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

/// What was answered to an introduction.
#[derive(Debug, Clone)]
pub(super) struct Posted {
    pub(super) at_ms: UnixMs,
    pub(super) seal: Vec<u8>,
}

pub(super) fn posted(
    conn: &Connection,
    from: &AccountId,
    id: &MessageId,
) -> Result<Option<Posted>, rusqlite::Error> {
    conn.prepare_cached("SELECT at_ms, seal FROM introduction WHERE from_account = ?1 AND id = ?2")?
        .query_row(params![from.as_bytes(), id.as_bytes()], |row| {
            Ok(Posted {
                at_ms: row.get(0)?,
                seal: row.get(1)?,
            })
        })
        .optional()
}

/// Times of introductions since then that nobody answered, the oldest first.
pub(super) fn unanswered(
    conn: &Connection,
    from: &AccountId,
    since_ms: UnixMs,
) -> Result<Vec<UnixMs>, rusqlite::Error> {
    let mut select = conn.prepare_cached(
        "SELECT at_ms FROM introduction WHERE from_account = ?1 AND at_ms > ?2 AND answered = 0
         ORDER BY at_ms",
    )?;
    let rows = select.query_map(params![from.as_bytes(), since_ms], |row| row.get(0))?;
    rows.collect()
}

pub(super) fn insert(
    conn: &Connection,
    from: &AccountId,
    id: &MessageId,
    to: &AccountId,
    token_hash: &[u8],
    posted: &Posted,
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached(
        "INSERT INTO introduction (from_account, id, to_account, token_hash, at_ms, seal)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        from.as_bytes(),
        id.as_bytes(),
        to.as_bytes(),
        token_hash,
        posted.at_ms,
        posted.seal
    ])?;
    Ok(())
}

/// Whether the account blocked this address.
pub(crate) fn is_blocked(
    conn: &Connection,
    by: &AccountId,
    address: &str,
) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM block WHERE account = ?1 AND address = ?2)")?
        .query_row(params![by.as_bytes(), address], |row| row.get(0))
}

/// Whether `token` came with an introduction from `from` to `to`; it counts as answered then.
pub(crate) fn answer(
    conn: &Connection,
    from: &AccountId,
    to: &Address,
    token: &[u8],
) -> Result<bool, rusqlite::Error> {
    let answered = conn
        .prepare_cached(
            "UPDATE introduction SET answered = 1
             WHERE token_hash = ?1 AND from_account = ?2 AND to_account = ?3",
        )?
        .execute(params![
            secret::hash(token).as_slice(),
            from.as_bytes(),
            to.account.as_bytes()
        ])?;
    Ok(answered > 0)
}

/// Forgets introductions that are too old to be accepted.
pub(crate) fn sweep(conn: &Connection, before_ms: UnixMs) -> Result<(), rusqlite::Error> {
    conn.execute("DELETE FROM introduction WHERE at_ms < ?1", [before_ms])?;
    Ok(())
}
