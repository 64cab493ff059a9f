//! Reading: entries, welcomes, and what a join from outside needs.

use super::group_state::{self, Stored};
use super::{fits, log_name, not_member};
use crate::app::{App, Caller};
use crate::logs::book::read_meta;
use crate::logs::{LogKind, LogMeta, entries, sync};
use comity_platform::Failure;
use comity_wire::proto::{
    ConversationKind, Deliver, Fetch, FetchState, FetchWelcome, PutState, StateReply, SyncReply,
    WelcomeReply,
};
use comity_wire::{ErrorCode, limits};
use rusqlite::{Connection, OptionalExtension, params};

/// Bytes of entries in one answer, at most and when nothing is said.
const FETCH_BYTES_MAX: usize = 1024 * 1024;

/// Logs that changed.
pub(crate) async fn changes(app: &App, caller: Caller, since: u64) -> Result<SyncReply, Failure> {
    let mut reply = app
        .db
        .read(move |conn| Ok(sync::changes(conn, &caller.device, since)?))
        .await?;
    for state in &mut reply.logs {
        let log = log_name(&state.log)?;
        if let Some(cursor) = app.live.cursors.newer(&log, &caller.device) {
            state.cursor = cursor.max(state.cursor);
        }
        for cursor in &mut state.cursors {
            let device = comity_wire::DeviceId::from_slice(&cursor.device)?;
            if let Some(newer) = app.live.cursors.newer(&log, &device) {
                cursor.seq = newer.max(cursor.seq);
            }
        }
        state.hub = app.id.to_string();
    }
    Ok(reply)
}

/// Entries of a log.
pub(crate) async fn fetch(app: &App, caller: Caller, request: Fetch) -> Result<Deliver, Failure> {
    app.is_here(&request.hub)?;
    let log = log_name(&request.log)?;
    let bytes_max = match usize::try_from(request.bytes_max).unwrap_or(usize::MAX) {
        0 => FETCH_BYTES_MAX,
        bytes => bytes.min(FETCH_BYTES_MAX),
    };
    let mut deliver = app
        .db
        .read(move |conn| {
            let meta = read_meta(conn, &log)?.ok_or_else(not_member)?;
            let window = entries::window(conn, &meta, &caller.device)?.ok_or_else(not_member)?;
            Ok(entries::read(
                conn,
                &meta,
                window,
                request.after_seq,
                bytes_max,
            )?)
        })
        .await?;
    deliver.hub = app.id.to_string();
    deliver.log = request.log;
    Ok(deliver)
}

/// The welcome by which the device joined.
pub(crate) async fn welcome(
    app: &App,
    caller: Caller,
    request: FetchWelcome,
) -> Result<WelcomeReply, Failure> {
    app.is_here(&request.hub)?;
    let log = log_name(&request.conversation)?;
    app.db
        .read(move |conn| {
            let meta = read_meta(conn, &log)?.ok_or_else(not_member)?;
            let window = entries::window(conn, &meta, &caller.device)?.ok_or_else(not_member)?;
            if window.joined < request.commit_seq {
                return Err(not_member());
            }
            conn.prepare_cached(
                "SELECT welcome, ratchet_tree, sealed_state FROM welcome
                 WHERE log = ?1 AND seq = ?2",
            )?
            .query_row(params![meta.id, request.commit_seq], |row| {
                Ok(WelcomeReply {
                    welcome: row.get(0)?,
                    ratchet_tree: row.get(1)?,
                    sealed_state: row.get(2)?,
                })
            })
            .optional()?
            .ok_or_else(|| Failure::refused(ErrorCode::Gap, "the welcome is gone"))
        })
        .await
}

/// The group as a joiner from outside needs it: for devices of accounts that are, or may be, in
/// the conversation.
pub(crate) async fn state(
    app: &App,
    caller: Caller,
    request: FetchState,
) -> Result<StateReply, Failure> {
    app.is_here(&request.hub)?;
    let log = log_name(&request.conversation)?;
    let address = app.address(caller.account).to_string();
    app.db
        .read(move |conn| {
            let (meta, kind) = conversation(conn, &log)?;
            if !may_join(conn, &meta, &address)? {
                return Err(not_member());
            }
            let stored = Stored::read(conn, meta.id)?;
            let state = stored.state()?;
            let ratchet_tree = state
                .ratchet_tree()
                .map_err(|error| crate::error::mls(&error))?;
            Ok(StateReply {
                group_info: stored.group_info,
                ratchet_tree,
                sealed_state: stored.sealed_state,
                epoch: meta.epoch,
                state_version: stored.sealed_version,
                head_seq: meta.head,
                kind: kind.into(),
            })
        })
        .await
}

fn conversation(
    conn: &Connection,
    log: &crate::logs::LogName,
) -> Result<(LogMeta, ConversationKind), Failure> {
    let meta = read_meta(conn, log)?.ok_or_else(not_member)?;
    match meta.kind {
        LogKind::Conversation(kind) => Ok((meta, kind)),
        LogKind::Inbox => Err(not_member()),
    }
}

fn may_join(conn: &Connection, meta: &LogMeta, address: &str) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM seat WHERE log = ?1 AND address = ?2 AND removed IS NULL)
             OR EXISTS (SELECT 1 FROM pair WHERE log = ?1 AND ?2 IN (lower, higher))",
    )?
    .query_row(params![meta.id, address], |row| row.get(0))
}

/// Replaces the members' sealed document: a compare-and-swap on epoch and version.
pub(crate) async fn put_state(app: &App, caller: Caller, request: PutState) -> Result<(), Failure> {
    app.is_here(&request.hub)?;
    let log = log_name(&request.conversation)?;
    fits(
        &request.sealed_state,
        limits::STATE_BYTES_MAX,
        "a sealed state",
    )?;
    app.db
        .write(move |conn, book| {
            let mut meta = book.get(conn, &log)?;
            if meta.seat(&caller.device).is_none() || meta.kind == LogKind::Inbox {
                return Err(not_member());
            }
            let stored = Stored::read(conn, meta.id)?;
            if meta.epoch != request.expected_epoch
                || stored.sealed_version != request.expected_version
            {
                return Err(Failure::refused(
                    ErrorCode::StaleEpoch,
                    "the state moved on",
                ));
            }
            let version = stored.sealed_version + 1;
            group_state::write_sealed(conn, meta.id, &request.sealed_state, version)?;
            // The group's state must not be taken from before this by a commit being judged.
            meta.version += 1;
            book.put(log, &mut meta);
            Ok(())
        })
        .await
}
