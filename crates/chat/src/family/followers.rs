//! As the hub: which siblings follow which log, and what a follower may know of one.
//!
//! Always holds: a sibling follows a log from the entry that let its first device in, to the entry
//! that put its last one out, or on to the next that let one in where it had not taken that; of
//! other apps it is told addresses and cursors of who is in, never more.

use super::SiblingNo;
use crate::logs::book::read_meta;
use crate::logs::entries::{self, Window};
use crate::logs::packed::Packed;
use crate::logs::{LogKind, LogMeta, LogName, Seat};
use comity_platform::Failure;
use comity_wire::proto::{CursorOf, FollowSyncReply, Followed, FollowerSeat, Mark};
use comity_wire::{Address, ErrorCode};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;

/// Logs in one answer.
const LOGS_MAX: usize = 50;

fn siblings(seats: &[Seat]) -> BTreeSet<SiblingNo> {
    seats.iter().filter_map(|seat| seat.sibling).collect()
}

/// After the entry `seq` changed the seats: siblings come and go with their devices.
pub(crate) fn update(
    conn: &Connection,
    log: i64,
    before: &[Seat],
    after: &[Seat],
    seq: u64,
) -> Result<(), rusqlite::Error> {
    let (before, after) = (siblings(before), siblings(after));
    for came in after.difference(&before) {
        conn.prepare_cached(
            "INSERT INTO follower (log, sibling, since, until, taken) VALUES (?1, ?2, ?3, NULL, ?3)
             ON CONFLICT (log, sibling) DO UPDATE SET until = NULL,
               since = CASE WHEN until > taken THEN since ELSE excluded.since END,
               taken = CASE WHEN until > taken THEN taken ELSE max(taken, excluded.taken) END",
        )?
        .execute(params![log, came.0, seq])?;
    }
    for went in before.difference(&after) {
        conn.prepare_cached("UPDATE follower SET until = ?3 WHERE log = ?1 AND sibling = ?2")?
            .execute(params![log, went.0, seq])?;
    }
    Ok(())
}

/// A sibling's window in a log, if it ever had one.
pub(super) fn window(
    conn: &Connection,
    log: i64,
    sibling: SiblingNo,
) -> Result<Option<Window>, rusqlite::Error> {
    conn.prepare_cached("SELECT since, until FROM follower WHERE log = ?1 AND sibling = ?2")?
        .query_row(params![log, sibling.0], |row| {
            Ok(Window {
                joined: row.get(0)?,
                removed: row.get(1)?,
            })
        })
        .optional()
}

/// The log of this name with the sibling's window in it.
///
/// # Errors
/// `not_member`.
pub(super) fn follow(
    conn: &Connection,
    name: &LogName,
    sibling: SiblingNo,
) -> Result<(LogMeta, Window), Failure> {
    let refused = || Failure::refused(ErrorCode::NotMember, "nobody of that app is in it");
    let meta = read_meta(conn, name)?
        .filter(|meta| meta.kind.is_hosted())
        .ok_or_else(refused)?;
    let window = window(conn, meta.id, sibling)?.ok_or_else(refused)?;
    Ok((meta, window))
}

/// Logs with activity after `since` that the sibling follows, or followed.
pub(super) fn changes(
    conn: &Connection,
    sibling: SiblingNo,
    since: u64,
) -> Result<FollowSyncReply, Failure> {
    let newest: u64 = conn
        .prepare_cached("SELECT activity FROM counter")?
        .query_row([], |row| row.get(0))?;
    let mut select = conn.prepare_cached(
        "SELECT l.name, l.activity FROM follower f JOIN log l ON l.id = f.log
         WHERE f.sibling = ?1 AND l.activity > ?2 ORDER BY l.activity LIMIT ?3",
    )?;
    let limit = i64::try_from(LOGS_MAX + 1).unwrap_or(i64::MAX);
    let mut found = select
        .query_map(params![sibling.0, since, limit], |row| {
            Ok((row.get::<_, LogName>(0)?, row.get::<_, u64>(1)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    let more = found.len() > LOGS_MAX;
    found.truncate(LOGS_MAX);
    let token = found
        .last()
        .filter(|_| more)
        .map_or(newest, |(_, activity)| *activity);
    let mut logs = Vec::with_capacity(found.len());
    for (name, _) in found {
        let (meta, window) = follow(conn, &name, sibling)?;
        logs.push(state(conn, &name, &meta, window, sibling)?);
    }
    Ok(FollowSyncReply { token, more, logs })
}

/// A log's state for its follower, with entries after `after_seq`.
pub(super) fn fetch(
    conn: &Connection,
    name: &LogName,
    sibling: SiblingNo,
    after_seq: u64,
    bytes_max: usize,
) -> Result<Followed, Failure> {
    let (meta, window) = follow(conn, name, sibling)?;
    let mut followed = state(conn, name, &meta, window, sibling)?;
    followed.entries = Some(entries::read(conn, &meta, window, after_seq, bytes_max)?);
    Ok(followed)
}

fn state(
    conn: &Connection,
    name: &LogName,
    meta: &LogMeta,
    window: Window,
    sibling: SiblingNo,
) -> Result<Followed, Failure> {
    let LogKind::Conversation(kind) = meta.kind else {
        return Err(Failure::internal("a follower of no conversation"));
    };
    let state_version = conn
        .prepare_cached("SELECT sealed_version FROM group_state WHERE log = ?1")?
        .query_row([meta.id], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    let mut followed = Followed {
        conversation: name.to_vec(),
        kind: kind.into(),
        since_seq: window.joined,
        until_seq: window.removed.unwrap_or(0),
        epoch: meta.epoch,
        as_of: meta.activity,
        state_version,
        seats: seats(conn, meta.id, sibling)?,
        entries: None,
        ..Followed::default()
    };
    if window.removed.is_none() {
        followed.cursors = cursors(conn, meta.id, sibling)?;
        followed.marks = marks(conn, meta.id)?;
        followed.members = members(conn, meta.id, sibling)?;
    }
    Ok(followed)
}

fn seats(conn: &Connection, log: i64, sibling: SiblingNo) -> Result<Vec<FollowerSeat>, Failure> {
    let mut select = conn.prepare_cached(
        // Earlier stays before the seat, which is each device's last row.
        "SELECT s.address, s.device, t.joined, t.removed FROM seat s
         JOIN stay t ON t.log = s.log AND t.device = s.device AND t.removed > s.cursor
         WHERE s.log = ?1 AND s.sibling = ?2
         UNION ALL SELECT address, device, joined, coalesce(removed, 0) FROM seat
         WHERE log = ?1 AND sibling = ?2",
    )?;
    let rows = select.query_map(params![log, sibling.0], |row| {
        Ok((
            row.get::<_, String>(0)?,
            FollowerSeat {
                account: Vec::new(),
                device: row.get(1)?,
                joined_seq: row.get(2)?,
                removed_seq: row.get(3)?,
            },
        ))
    })?;
    let mut seats = Vec::new();
    for row in rows {
        let (address, mut seat) = row?;
        let address: Address = address
            .parse()
            .map_err(|_| Failure::internal("a stored address is none"))?;
        seat.account = address.account.to_vec();
        seats.push(seat);
    }
    Ok(seats)
}

fn cursors(
    conn: &Connection,
    log: i64,
    sibling: SiblingNo,
) -> Result<Vec<CursorOf>, rusqlite::Error> {
    let mut select = conn.prepare_cached(
        "SELECT device, cursor FROM seat WHERE log = ?1 AND removed IS NULL AND sibling != ?2",
    )?;
    let packed = Packed::read(conn, log)?;
    let rows = select.query_map(params![log, sibling.0], |row| {
        let device: Vec<u8> = row.get(0)?;
        let seq = packed.further(&device, row.get(1)?);
        Ok(CursorOf { device, seq })
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

fn members(
    conn: &Connection,
    log: i64,
    sibling: SiblingNo,
) -> Result<Vec<String>, rusqlite::Error> {
    let mut select = conn.prepare_cached(
        "SELECT DISTINCT address FROM seat
         WHERE log = ?1 AND removed IS NULL AND sibling != ?2",
    )?;
    let rows = select.query_map(params![log, sibling.0], |row| row.get(0))?;
    rows.collect()
}

/// The follower has the entries durably up to here.
pub(super) fn taken(
    conn: &Connection,
    log: i64,
    sibling: SiblingNo,
    seq: u64,
) -> Result<(), rusqlite::Error> {
    let moved = conn
        .prepare_cached(
            "UPDATE follower SET taken = ?3 WHERE log = ?1 AND sibling = ?2 AND taken < ?3",
        )?
        .execute(params![log, sibling.0, seq])?;
    if moved > 0 {
        // What it has may go now.
        conn.prepare_cached("UPDATE log SET swept = 0 WHERE id = ?1")?
            .execute([log])?;
    }
    Ok(())
}

/// A sibling says that devices of its are no more.
pub(super) fn gone(
    conn: &Connection,
    log: i64,
    sibling: SiblingNo,
    device: &[u8],
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached(
        "UPDATE seat SET gone = 1 WHERE log = ?1 AND sibling = ?2 AND device = ?3",
    )?
    .execute(params![log, sibling.0, device])?;
    Ok(())
}

/// The sibling was here.
pub(super) fn seen(
    conn: &Connection,
    sibling: SiblingNo,
    at_ms: i64,
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("UPDATE sibling SET seen_ms = ?2 WHERE id = ?1 AND seen_ms < ?2")?
        .execute(params![sibling.0, at_ms])?;
    Ok(())
}
