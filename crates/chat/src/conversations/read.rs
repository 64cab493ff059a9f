//! Reading: entries, welcomes, and what a join from outside needs.

use super::group_state::{self, Stored};
use super::{fits, log_name, not_member};
use crate::app::{App, Caller};
use crate::live::{Item, LogView};
use crate::logs::book::read_meta;
use crate::logs::{LogKind, LogMeta, entries, stays, sync};
use comity_membership::Context;
use comity_membership::manifest::holds;
use comity_membership::rules::may_edit_details;
use comity_platform::Failure;
use comity_wire::proto::{
    ConversationKind, Deliver, Fetch, FetchState, FetchWelcome, PutGroupInfo, PutState,
    StateChanged, StateReply, SyncReply, WelcomeReply,
};
use comity_wire::{ErrorCode, limits, link_fetch_message};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

/// Bytes of entries in one answer, at most and when nothing is said.
const FETCH_BYTES_MAX: usize = 1024 * 1024;

/// Logs that changed.
pub(crate) async fn changes(app: &App, caller: Caller, since: u64) -> Result<SyncReply, Failure> {
    // A token is ours; whatever else is asked with, nothing came after it.
    let since = since.min(i64::MAX.unsigned_abs());
    let mut reply = app
        .db
        .read(move |conn| Ok(sync::changes(conn, &caller.device, since)?))
        .await?;
    for state in &mut reply.logs {
        let log = app.family.local_name(&app.id, &state.hub, &state.log)?;
        if let Some(cursor) = app.live.cursors.newer(&log, &caller.device) {
            state.cursor = cursor.max(state.cursor);
        }
        for cursor in &mut state.cursors {
            let device = comity_wire::DeviceId::from_slice(&cursor.device)?;
            if let Some(newer) = app.live.cursors.newer(&log, &device) {
                cursor.seq = newer.max(cursor.seq);
            }
        }
        if state.hub.is_empty() {
            state.hub = app.id.to_string();
        }
    }
    Ok(reply)
}

/// Entries of a log.
pub(crate) async fn fetch(
    app: &Arc<App>,
    caller: Caller,
    request: Fetch,
) -> Result<Deliver, Failure> {
    let log = app.family.local_name(&app.id, &request.hub, &request.log)?;
    let bytes_max = match usize::try_from(request.bytes_max).unwrap_or(usize::MAX) {
        0 => FETCH_BYTES_MAX,
        bytes => bytes.min(FETCH_BYTES_MAX),
    };
    let hub = app.family.hub(&app.id, &request.hub)?;
    let followed = hub.is_some();
    if let Some(hub) = &hub {
        hub.know(app, &request.log, log, &caller).await?;
    }
    let mut deliver = app
        .db
        .read(move |conn| {
            let meta = read_meta(conn, &log)?
                .filter(|meta| meta.followed.is_some() == followed)
                .ok_or_else(not_member)?;
            let window = entries::window_behind(conn, &meta, &caller, request.after_seq)?;
            let window = window.ok_or_else(not_member)?;
            Ok(entries::read(
                conn,
                &meta,
                window,
                request.after_seq,
                bytes_max,
            )?)
        })
        .await?;
    deliver.hub = hub.map_or_else(|| app.id.to_string(), |hub| hub.app.to_string());
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
            let window = entries::window(conn, &meta, &caller)?.ok_or_else(not_member)?;
            if window.joined < request.commit_seq {
                return Err(not_member());
            }
            // A welcome leads into the seat that begins with it. Who came in anew since has that seat no more,
            // and would stand where the log gives it nothing.
            let earlier = window.joined > request.commit_seq
                && !stays::began(conn, meta.id, &caller.device, request.commit_seq)?;
            // The last account has left before the device came.
            let over = window.joined == request.commit_seq
                && window.removed.is_some_and(|end| end <= window.joined);
            if earlier || over {
                let text = "the welcome was into a seat that is over";
                return Err(Failure::refused(ErrorCode::NotFound, text));
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
    let address = app.address_of(&caller)?.to_string();
    app.db
        .read(move |conn| {
            let (meta, kind) = conversation(conn, &log)?;
            let stored = Stored::read(conn, meta.id)?;
            if request.sealed_only {
                meta.seat(&caller).ok_or_else(not_member)?;
                return Ok(StateReply {
                    sealed_state: stored.sealed_state,
                    epoch: meta.epoch,
                    state_version: stored.sealed_version,
                    head_seq: meta.head,
                    kind: kind.into(),
                    ..StateReply::default()
                });
            }
            // A group that everybody left is over, for who has its link too.
            if meta.seats.is_empty() {
                return Err(not_member());
            }
            let state = stored.state()?;
            if !may_join(conn, &meta, &address)? {
                by_link(state.context(), &caller, &request)?;
            }
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

/// Who is no member shows the signature of the invitation link's key.
fn by_link(context: &Context, caller: &Caller, request: &FetchState) -> Result<(), Failure> {
    if request.link_signature.is_empty() {
        return Err(not_member());
    }
    let message = link_fetch_message(&context.conversation, &caller.device);
    let good = context
        .link_key
        .is_some_and(|key| holds(&key, &message, &request.link_signature));
    if good {
        Ok(())
    } else {
        Err(Failure::refused(
            ErrorCode::Forbidden,
            "the invitation link does not hold",
        ))
    }
}

fn conversation(
    conn: &Connection,
    log: &crate::logs::LogName,
) -> Result<(LogMeta, ConversationKind), Failure> {
    let meta = read_meta(conn, log)?.ok_or_else(not_member)?;
    match meta.kind {
        LogKind::Conversation(kind) => Ok((meta, kind)),
        LogKind::Inbox | LogKind::Followed(_) => Err(not_member()),
    }
}

fn may_join(conn: &Connection, meta: &LogMeta, address: &str) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM seat WHERE log = ?1 AND address = ?2 AND removed IS NULL AND leaving = 0)
             OR EXISTS (SELECT 1 FROM pair WHERE log = ?1 AND ?2 IN (lower, higher))",
    )?
    .query_row(params![meta.id, address], |row| row.get(0))
}

/// Replaces the members' sealed document: a compare-and-swap on epoch and version.
pub(crate) async fn put_state(
    app: &Arc<App>,
    caller: Caller,
    request: PutState,
) -> Result<(), Failure> {
    app.is_here(&request.hub)?;
    let log = log_name(&request.conversation)?;
    fits(
        &request.sealed_state,
        limits::STATE_BYTES_MAX,
        "a sealed state",
    )?;
    if request.sealed_state.is_empty() {
        return Err(Failure::refused(
            ErrorCode::Malformed,
            "nothing is no sealed state",
        ));
    }
    let conversation = request.conversation.clone();
    let resealed = request.resealed;
    let address = app.address_of(&caller)?;
    let (told, answer) = tokio::sync::oneshot::channel();
    let on_app = app.clone();
    app.db
        .submit(
            move |conn, book| {
                let mut meta = book.get(conn, &log)?;
                if meta.active_seat(&caller).is_none() || !meta.kind.is_hosted() {
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
                if !resealed {
                    let group = stored.state()?;
                    let members = group.members().map_err(|error| crate::error::mls(&error))?;
                    // What is in it nobody sees here; that it is another one is for who may say that.
                    if !may_edit_details(group.context(), &members, &address) {
                        return Err(Failure::refused(
                            ErrorCode::Forbidden,
                            "only an admin of the group may change its details",
                        ));
                    }
                }
                let version = stored.sealed_version + 1;
                group_state::write_sealed(conn, meta.id, &request.sealed_state, version)?;
                // A commit that is being judged brings its own, or leaves this one.
                book.put(log, &mut meta);
                Ok((meta, version))
            },
            move |result| {
                // On the writer's thread: who hears of the commit that ends this epoch has heard of this.
                let _ = told.send(result.map(|(meta, state_version)| {
                    on_app.live.views.update(log, &meta);
                    let changed = StateChanged {
                        hub: on_app.id.to_string(),
                        conversation,
                        epoch: meta.epoch,
                        state_version,
                        resealed,
                    };
                    on_app.live.push_to_others(
                        &LogView::of(&meta),
                        &caller,
                        &Item::StateChanged(Arc::new(changed)),
                    );
                }));
            },
        )
        .await?;
    answer.await.map_err(|_| Failure::Stopped)?
}

/// Replaces the group info of the current epoch: the one that is there did not serve a joiner.
pub(crate) async fn put_group_info(
    app: &App,
    caller: Caller,
    request: PutGroupInfo,
) -> Result<(), Failure> {
    app.is_here(&request.hub)?;
    let log = log_name(&request.conversation)?;
    fits(
        &request.group_info,
        limits::COMMIT_BYTES_MAX,
        "a group info",
    )?;
    app.db
        .write(move |conn, book| {
            let meta = book.get(conn, &log)?;
            if meta.active_seat(&caller).is_none() || !meta.kind.is_hosted() {
                return Err(not_member());
            }
            if meta.epoch != request.epoch {
                return Err(Failure::refused(
                    ErrorCode::StaleEpoch,
                    format!("the log is at epoch {}", meta.epoch),
                ));
            }
            let stored = Stored::read(conn, meta.id)?;
            stored
                .state()?
                .check_current_group_info(&request.group_info)
                .map_err(|error| crate::error::mls(&error))?;
            // A commit that is being judged brings that of its own epoch.
            group_state::write_group_info(conn, meta.id, &request.group_info)?;
            Ok(())
        })
        .await
}
