//! How a world stands, for finding out why it ended as it did: what each device still wants, and
//! where it and the hub think that it is.
//!
//! Always holds: nothing goes on after this, since the stores are opened beside their cores.
//! Deliberately absent: judging.

use crate::world::World;
use anyhow::Result;
use rusqlite::types::ValueRef;

/// What each device's store is asked for.
const OF_A_DEVICE: [(&str, &str); 8] = [
    (
        "conversation",
        "SELECT id, hub, lower(substr(hex(cid), 1, 6)), kind, state, name, 'joined', joined_seq, 'next', next_seq, 'head', head_seq, 'epoch', epoch, 'leaving', leaving FROM conversation",
    ),
    (
        "intent",
        "SELECT conversation, kind, 'attempts', attempts, 'due', not_before_ms, frame IS NOT NULL FROM intent",
    ),
    ("wish", "SELECT conversation, kind, target FROM wish"),
    (
        "to send",
        "SELECT conversation, 'attempts', attempts, 'due', not_before_ms, 'epoch', epoch FROM send_queue",
    ),
    (
        "missing",
        "SELECT conversation, from_seq, to_seq, 'asked', asked FROM missing",
    ),
    (
        "welcome",
        "SELECT substr(hex(cid), 1, 6), commit_seq, 'attempts', attempts FROM welcome",
    ),
    (
        "shows",
        "SELECT conversation, seq, substr(author, 1, 6), substr(hex(author_device), 1, 6), kind, status, text, failure FROM message ORDER BY conversation, seq, id",
    ),
    (
        "meta",
        "SELECT key, value FROM meta WHERE key IN ('inbox_next', 'inbox_head', 'rejoin_all')",
    ),
];

const OF_THE_HUB: &str = "SELECT CASE WHEN f.log IS NULL THEN 'hub' ELSE 'copy' END, lower(substr(hex(coalesce(f.conversation, l.name)), 1, 6)), 'head', l.head, 'first', l.first, 'epoch', l.epoch, substr(s.address, 1, 6), substr(hex(s.device), 1, 6), 'joined', s.joined, 'removed', s.removed, 'cursor', s.cursor, 'leaving', s.leaving, 'gone', s.gone FROM seat s JOIN log l ON l.id = s.log LEFT JOIN followed f ON f.log = l.id ORDER BY l.id, s.address";

/// Cursors that are not in their seats: 32 digits of a device's id and 16 of its number each.
const PACKED: &str = "SELECT 'packed', lower(substr(hex(l.name), 1, 6)), hex(p.packed) FROM packed_cursor p JOIN log l ON l.id = p.log ORDER BY l.id";

fn rows(conn: &rusqlite::Connection, query: &str) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = conn.prepare(query)?;
    let columns = statement.column_count();
    let rows = statement.query_map([], |row| {
        let words: Result<Vec<String>, rusqlite::Error> = (0..columns)
            .map(|column| {
                Ok(match row.get_ref(column)? {
                    ValueRef::Null => "-".to_owned(),
                    ValueRef::Integer(number) => number.to_string(),
                    ValueRef::Real(number) => number.to_string(),
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                        String::from_utf8_lossy(bytes).into_owned()
                    }
                })
            })
            .collect();
        Ok(words?.join(" "))
    })?;
    rows.collect()
}

/// A line for everything that is open anywhere.
///
/// # Errors
/// When a store can not be read.
pub(crate) fn of(world: &mut World) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for (app, seats) in world
        .inspect_apps(|conn| Ok([rows(conn, OF_THE_HUB)?, rows(conn, PACKED)?].concat()))?
        .into_iter()
        .enumerate()
    {
        lines.extend(seats.into_iter().map(|row| format!("app {app}: {row}")));
    }
    for who in world.everyone() {
        if world.is_erased(who) {
            continue;
        }
        let (name, device) = (world.name(who).to_owned(), world.core(who)?.account()?);
        let id = device.map(|account| format!("{} {}", account.address, account.device));
        lines.push(format!("{name}: {id:?}"));
        world.alter(who, |conn| {
            for (what, query) in OF_A_DEVICE {
                let found = rows(conn, query)?;
                lines.extend(found.into_iter().map(|row| format!("{name}: {what} {row}")));
            }
            Ok(())
        })?;
    }
    Ok(lines)
}
