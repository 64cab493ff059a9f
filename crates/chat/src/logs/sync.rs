//! "What changed since this token": the logs of a device by a global number of activity.

use super::book::{LogKind, LogName};
use super::packed::Packed;
use comity_wire::DeviceId;
use comity_wire::proto::{CursorOf, LogState, Mark, SyncReply};
use rusqlite::{Connection, params};

/// Logs in one answer.
const LOGS_MAX: usize = 200;

/// One log that changed, with the number of its row.
struct Found {
    log: i64,
    kind: LogKind,
    activity: u64,
    state: LogState,
}

/// Logs with activity after `since` in which the device has, or had, a seat.
pub(crate) fn changes(
    conn: &Connection,
    device: &DeviceId,
    since: u64,
) -> Result<SyncReply, rusqlite::Error> {
    let newest: u64 = conn
        .prepare_cached("SELECT activity FROM counter")?
        .query_row([], |row| row.get(0))?;
    let mut select = conn.prepare_cached(
        "SELECT l.id, l.kind, l.activity, l.name, l.head, l.first, l.epoch,
                s.joined, s.removed, s.cursor,
                coalesce((SELECT sealed_version FROM group_state g WHERE g.log = l.id),
                         f.state_version, 0),
                b.app, f.conversation
         FROM seat s JOIN log l ON l.id = s.log
         LEFT JOIN followed f ON f.log = l.id LEFT JOIN sibling b ON b.id = f.sibling
         WHERE s.device = ?1 AND s.sibling = 0 AND l.activity > ?2 ORDER BY l.activity LIMIT ?3",
    )?;
    let limit = i64::try_from(LOGS_MAX + 1).unwrap_or(i64::MAX);
    let mut found = select
        .query_map(params![device.as_bytes(), since, limit], |row| {
            let removed: Option<u64> = row.get(8)?;
            let head: u64 = row.get(4)?;
            let first: u64 = row.get(5)?;
            let joined: u64 = row.get(7)?;
            let name: LogName = row.get(3)?;
            let (hub, conversation): (Option<String>, Option<LogName>) =
                (row.get(11)?, row.get(12)?);
            Ok(Found {
                log: row.get(0)?,
                kind: LogKind::of_number(row.get(1)?),
                activity: row.get(2)?,
                state: LogState {
                    hub: hub.unwrap_or_default(),
                    log: conversation.unwrap_or(name).to_vec(),
                    // What was not followed yet is not to be had here.
                    head_seq: removed.unwrap_or(head).min(head),
                    first_seq: first.max(joined + 1),
                    cursor: row.get(9)?,
                    epoch: row.get(6)?,
                    cursors: Vec::new(),
                    marks: Vec::new(),
                    member: removed.is_none(),
                    state_version: row.get(10)?,
                },
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let more = found.len() > LOGS_MAX;
    found.truncate(LOGS_MAX);
    let token = if more {
        found.last().map_or(newest, |last| last.activity)
    } else {
        newest
    };
    let mut logs = Vec::with_capacity(found.len());
    for mut found in found {
        let packed = Packed::read(conn, found.log)?;
        found.state.cursor = packed.further(device.as_bytes(), found.state.cursor);
        if found.kind != LogKind::Inbox && found.state.member {
            found.state.cursors = cursors(conn, found.log)?;
            for cursor in &mut found.state.cursors {
                cursor.seq = packed.further(&cursor.device, cursor.seq);
            }
            found.state.marks = marks(conn, found.log)?;
        }
        logs.push(found.state);
    }
    Ok(SyncReply { token, more, logs })
}

fn cursors(conn: &Connection, log: i64) -> Result<Vec<CursorOf>, rusqlite::Error> {
    let mut select = conn.prepare_cached(
        "SELECT device, cursor FROM seat WHERE log = ?1 AND removed IS NULL
         UNION ALL SELECT device, seq FROM followed_cursor WHERE log = ?1",
    )?;
    let rows = select.query_map([log], |row| {
        Ok(CursorOf {
            device: row.get(0)?,
            seq: row.get(1)?,
        })
    })?;
    rows.collect()
}

fn marks(conn: &Connection, log: i64) -> Result<Vec<Mark>, rusqlite::Error> {
    let mut select = conn.prepare_cached("SELECT device, epoch, body FROM mark WHERE log = ?1")?;
    let rows = select.query_map([log], |row| {
        Ok(Mark {
            device: row.get(0)?,
            epoch: row.get(1)?,
            body: row.get(2)?,
        })
    })?;
    rows.collect()
}
