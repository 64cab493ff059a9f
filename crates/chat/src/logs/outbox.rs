//! The durable outbox: pointers and notices that one log's transaction leaves for inboxes, so that
//! no transaction spans two logs.
//!
//! Always holds: what is queued arrives once (its idempotency key is unique in the inbox), also
//! after a crash between the two transactions.

use super::book::{LogBook, Published};
use super::entries::{NewEntry, add_to_inbox};
use crate::family::SiblingNo;
use comity_platform::{Failure, secret};
use comity_wire::planted::{self, Bug};
use comity_wire::proto::EntryKind;
use comity_wire::{DeviceId, UnixMs};
use rusqlite::{Connection, params};

/// Queues an entry for the inbox of a device, of this app or a sibling. `what` names it for ever.
pub(crate) fn queue(
    conn: &Connection,
    (sibling, device): (Option<SiblingNo>, &DeviceId),
    kind: EntryKind,
    what: &[&[u8]],
    body: &[u8],
) -> Result<(), rusqlite::Error> {
    let mut name = Vec::new();
    for part in what {
        name.extend_from_slice(&(part.len() as u64).to_be_bytes());
        name.extend_from_slice(part);
    }
    let hash = secret::hash(&name);
    let key = hash.get(..16).unwrap_or_default();
    conn.prepare_cached(
        "INSERT INTO outbox (device, kind, idempotency_key, body, sibling)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        device.as_bytes(),
        i32::from(kind),
        key,
        body,
        SiblingNo::column(sibling)
    ])?;
    Ok(())
}

/// Moves up to `count` of those for devices of this app; true when there may be more.
pub(crate) fn drain(
    conn: &Connection,
    book: &mut LogBook,
    now_ms: UnixMs,
    count: usize,
) -> Result<(Vec<Published>, bool), Failure> {
    let mut select = conn.prepare_cached(
        "SELECT id, device, kind, idempotency_key, body FROM outbox WHERE sibling = 0
         ORDER BY id LIMIT ?1",
    )?;
    let rows = select
        .query_map([i64::try_from(count).unwrap_or(i64::MAX)], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                row.get::<_, [u8; 16]>(1)?,
                row.get::<_, i32>(2)?,
                row.get::<_, Vec<u8>>(3)?,
                row.get::<_, Vec<u8>>(4)?,
            ))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let more = rows.len() == count;
    let mut published = Vec::new();
    for (id, device, kind, idempotency_key, body) in rows {
        let new = NewEntry {
            kind: EntryKind::try_from(kind).unwrap_or_default(),
            epoch: 0,
            idempotency_key,
            body,
            at_ms: now_ms,
            seal: None,
        };
        let lost = planted::is(Bug::LosesWelcomes) && id % 5 == 3;
        if lost && new.kind == EntryKind::Welcome {
            conn.execute("DELETE FROM outbox WHERE id = ?1", [id])?;
            continue;
        }
        published.extend(add_to_inbox(conn, book, &DeviceId::new(device), new)?);
        conn.prepare_cached("DELETE FROM outbox WHERE id = ?1")?
            .execute([id])?;
    }
    Ok((published, more))
}
