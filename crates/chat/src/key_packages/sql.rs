//! SQL of key packages.

use crate::logs::LogKind;
use comity_wire::proto::ConversationKind;
use comity_wire::{DeviceId, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

/// One-time packages left for a device.
pub(crate) fn left(
    conn: &Connection,
    device: &DeviceId,
    now_ms: UnixMs,
) -> Result<u32, rusqlite::Error> {
    conn.prepare_cached(
        "SELECT count(*) FROM key_package
         WHERE device = ?1 AND last_resort = 0 AND expires_ms > ?2",
    )?
    .query_row(params![device.as_bytes(), now_ms], |row| row.get(0))
}

pub(super) fn insert(
    conn: &Connection,
    device: &DeviceId,
    last_resort: bool,
    expires_ms: UnixMs,
    body: &[u8],
) -> Result<(), rusqlite::Error> {
    if last_resort {
        conn.prepare_cached("DELETE FROM key_package WHERE device = ?1 AND last_resort = 1")?
            .execute([device.as_bytes()])?;
    }
    let same: bool = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM key_package WHERE device = ?1 AND body = ?2)",
        )?
        .query_row(params![device.as_bytes(), body], |row| row.get(0))?;
    if !same {
        conn.prepare_cached(
            "INSERT INTO key_package (device, last_resort, expires_ms, body)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![device.as_bytes(), last_resort, expires_ms, body])?;
    }
    Ok(())
}

/// Takes one package of a device: a one-time one while there are and may be, else the last resort.
pub(super) fn take(
    conn: &Connection,
    device: &DeviceId,
    one_time: bool,
    now_ms: UnixMs,
) -> Result<Option<Vec<u8>>, rusqlite::Error> {
    if one_time {
        let found: Option<(i64, Vec<u8>)> = conn
            .prepare_cached(
                "SELECT id, body FROM key_package
                 WHERE device = ?1 AND last_resort = 0 AND expires_ms > ?2 ORDER BY id LIMIT 1",
            )?
            .query_row(params![device.as_bytes(), now_ms], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        if let Some((id, body)) = found {
            conn.prepare_cached("DELETE FROM key_package WHERE id = ?1")?
                .execute([id])?;
            return Ok(Some(body));
        }
    }
    conn.prepare_cached(
        "SELECT body FROM key_package WHERE device = ?1 AND last_resort = 1 AND expires_ms > ?2",
    )?
    .query_row(params![device.as_bytes(), now_ms], |row| row.get(0))
    .optional()
}

/// Whether the two talk in private, `other` of this app. A common group does not count: there
/// nobody asked whom they are with.
pub(super) fn have_conversation(
    conn: &Connection,
    one: &str,
    other: &str,
) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM seat a JOIN seat b ON b.log = a.log JOIN log l ON l.id = a.log
           WHERE a.address = ?1 AND b.address = ?2 AND a.removed IS NULL AND b.removed IS NULL
             AND l.kind = ?3)
         OR EXISTS (SELECT 1 FROM followed_member a JOIN seat b ON b.log = a.log
                    JOIN log l ON l.id = a.log
           WHERE a.address = ?1 AND b.address = ?2 AND b.removed IS NULL AND l.kind = ?4)",
    )?
    .query_row(
        params![
            one,
            other,
            LogKind::Conversation(ConversationKind::Direct).number(),
            LogKind::Followed(ConversationKind::Direct).number()
        ],
        |row| row.get(0),
    )
}

/// Deletes packages that are over.
pub(crate) fn sweep(conn: &Connection, now_ms: UnixMs) -> Result<(), rusqlite::Error> {
    conn.execute("DELETE FROM key_package WHERE expires_ms <= ?1", [now_ms])?;
    Ok(())
}
