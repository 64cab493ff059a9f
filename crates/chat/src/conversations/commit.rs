//! Committing: one compare-and-swap on the epoch.
//!
//! The commit is judged outside the writer, on a snapshot; the writer then takes the result only
//! when epoch and version of the group are still those of the snapshot. Always holds: entry,
//! group state, seats, welcome and pointers to it are stored together or not at all.

use super::create::insert_seat;
use super::group_state::{self, Stored};
use super::{fits, idempotency_key, log_name};
use crate::accounts::manifests;
use crate::app::{App, Caller};
use crate::family::followers;
use crate::logs::book::{LogMeta, read_meta};
use crate::logs::entries::{self, Added, NewEntry};
use crate::logs::{LogBook, LogKind, LogName, Published, Seat, outbox, packed, stays};
use comity_membership::manifest::VerifiedManifest;
use comity_membership::{Change, Committer, Context, Member, PublicState, parse_welcome, rules};
use comity_platform::Failure;
use comity_platform::clock::now_ms;
use comity_wire::proto::{
    Committed, ConversationKind, Entry, EntryKind, SubmitCommit, WelcomePointer,
};
use comity_wire::{AppId, DeviceId, ErrorCode, Message, limits};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What a judged commit leads to.
#[derive(Debug)]
struct Judged {
    log: LogName,
    kind: ConversationKind,
    epoch: u64,
    version: u64,
    key: Vec<u8>,
    commit: Vec<u8>,
    public: Vec<u8>,
    group_info: Vec<u8>,
    /// The members' document, sealed for the new epoch.
    sealed: Option<Vec<u8>>,
    welcome: Option<(Vec<u8>, Vec<u8>)>,
    members: Vec<Member>,
    /// Devices of those who may not speak.
    muted: Vec<DeviceId>,
    /// Devices that the commit gives a (new) leaf.
    joined: Vec<DeviceId>,
    manifests: Vec<VerifiedManifest>,
}

/// What became of it in the writer.
pub(crate) enum Outcome {
    /// Taken now.
    New(Committed, Box<Published>),
    /// Taken before, under the same key.
    Before(Committed),
    /// The group changed since it was judged.
    Moved,
}

/// Times that a commit is judged anew because a proposal of the app came between.
const JUDGED_MAX: usize = 4;

/// Takes a commit. `done` is called on the writer's thread, in the log's order, once.
pub(crate) async fn submit<D>(
    app: &Arc<App>,
    caller: Caller,
    request: SubmitCommit,
    done: D,
) -> Result<(), Failure>
where
    D: Fn(Result<(Committed, Option<Published>), Failure>) + Clone + Send + 'static,
{
    app.is_here(&request.hub)?;
    let bytes = request.commit.len() + request.welcome.len() + request.group_info.len();
    if bytes > limits::COMMIT_BYTES_MAX {
        return Err(Failure::refused(
            ErrorCode::TooLarge,
            "the commit is too large",
        ));
    }
    fits(
        &request.sealed_state,
        limits::STATE_BYTES_MAX,
        "a sealed state",
    )?;
    let request = Arc::new(request);
    for _ in 0..JUDGED_MAX {
        let (for_judge, on_app) = (request.clone(), app.clone());
        let judged = app
            .db
            .read(move |conn| judge(conn, &on_app, caller, &for_judge))
            .await;
        let judged = match judged {
            Ok(judged) => judged,
            Err(refusal) => {
                let before = taken_before(app, caller, &request).await?;
                done(before.map(|committed| (committed, None)).ok_or(refusal));
                return Ok(());
            }
        };
        let (moved, was_moved) = tokio::sync::oneshot::channel();
        let done = done.clone();
        let hub = app.id.clone();
        app.db
            .submit(
                move |conn, book| take(conn, book, &hub, caller, *judged),
                move |result| {
                    let answer = match result {
                        Ok(Outcome::Moved) => {
                            let _ = moved.send(true);
                            return;
                        }
                        Ok(Outcome::New(committed, published)) => Ok((committed, Some(*published))),
                        Ok(Outcome::Before(committed)) => Ok((committed, None)),
                        Err(failure) => Err(failure),
                    };
                    done(answer);
                    let _ = moved.send(false);
                },
            )
            .await?;
        if !was_moved.await.map_err(|_| Failure::Stopped)? {
            return Ok(());
        }
    }
    Err(Failure::refused(
        ErrorCode::StaleEpoch,
        "the group changed meanwhile",
    ))
}

/// What was refused now may have been taken before, and its answer lost. Only the writer knows all
/// keys: it is asked for who has or had a seat, and for nobody else.
async fn taken_before(
    app: &App,
    caller: Caller,
    request: &SubmitCommit,
) -> Result<Option<Committed>, Failure> {
    let log = log_name(&request.conversation)?;
    let key = idempotency_key(request.idempotency_key.clone())?;
    let seated = app
        .db
        .read(move |conn| match read_meta(conn, &log)? {
            Some(meta) if meta.kind.is_hosted() => Ok(entries::window(conn, &meta, &caller)?),
            _ => Ok(None),
        })
        .await?;
    if seated.is_none() {
        return Ok(None);
    }
    app.db
        .write(move |conn, book| {
            let meta = book.get(conn, &log)?;
            if let Some(before) = book.by_key(conn, &meta, &key)? {
                return Ok(Some(committed(&before)));
            }
            Ok(came_in_by(conn, meta.id, &caller.device, &key)?)
        })
        .await
}

/// A device came in by itself, by this commit.
fn came_in(
    conn: &Connection,
    log: i64,
    device: &DeviceId,
    commit: &Entry,
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached(
        "UPDATE seat SET came_key = ?3, came_epoch = ?4, came_ms = ?5 WHERE log = ?1 AND device = ?2",
    )?
    .execute(params![
        log,
        device.as_bytes(),
        commit.idempotency_key,
        commit.epoch,
        commit.at_ms
    ])?;
    Ok(())
}

/// What a device is answered that came in by this commit and did not hear of it. Its seat begins behind the
/// commit, so that this may have gone, read by all others.
fn came_in_by(
    conn: &Connection,
    log: i64,
    device: &DeviceId,
    key: &[u8],
) -> Result<Option<Committed>, rusqlite::Error> {
    conn.prepare_cached(
        "SELECT joined, came_epoch, came_ms FROM seat WHERE log = ?1 AND device = ?2 AND came_key = ?3",
    )?
    .query_row(params![log, device.as_bytes(), key], |row| {
        Ok(Committed {
            seq: row.get(0)?,
            epoch: row.get::<_, u64>(1)? + 1,
            at_ms: row.get(2)?,
        })
    })
    .optional()
}

fn judge(
    conn: &Connection,
    app: &App,
    caller: Caller,
    request: &SubmitCommit,
) -> Result<Box<Judged>, Failure> {
    let address = app.address_of(&caller)?;
    let log = log_name(&request.conversation)?;
    let key = idempotency_key(request.idempotency_key.clone())?;
    let meta = read_meta(conn, &log)?
        .ok_or_else(|| Failure::refused(ErrorCode::NotFound, "no such conversation"))?;
    let LogKind::Conversation(kind) = meta.kind else {
        return Err(Failure::refused(
            ErrorCode::NotFound,
            "no such conversation",
        ));
    };
    // Everybody left: what the group still has as members are leaves of nobody.
    if meta.seats.is_empty() || super::leave::is_leaving(conn, meta.id, &address)? {
        return Err(super::not_member());
    }
    same_epoch(&meta, request.expected_epoch)?;
    let stored = Stored::read(conn, meta.id)?;
    let mut state = stored.state()?;
    let invalid = |error| crate::error::mls(&error);
    let (change, staged) = state.stage_commit(&request.commit).map_err(invalid)?;
    let committer = match &change.committer {
        Committer::Member(member) | Committer::External { joiner: member } => member.clone(),
        Committer::App => return Err(Failure::refused(ErrorCode::Forbidden, "not by the app")),
    };
    if committer.device != caller.device || committer.address != address {
        return Err(Failure::refused(
            ErrorCode::Forbidden,
            "committed by another device",
        ));
    }
    let joiner = match &change.committer {
        Committer::External { joiner } => Some(joiner),
        _ => None,
    };
    for member in change.added.iter().chain(joiner) {
        // Nobody could bring it its entries.
        app.family.hub(&app.id, member.address.app.as_str())?;
    }
    let manifests = manifests::for_commit(conn, &app.id, &change)?;
    let before = state.members().map_err(invalid)?;
    rules::check(&change, &before, state.context(), &|address| {
        manifests.get(address)
    })
    .map_err(|refusal| crate::error::refusal(&refusal))?;
    includes_removals(&state, &change, &committer)?;
    state
        .check_group_info(&staged, &request.group_info)
        .map_err(invalid)?;
    if change.added.is_empty() != request.welcome.is_empty() {
        return Err(Failure::refused(
            ErrorCode::MlsInvalid,
            "a welcome goes with additions",
        ));
    }
    state.merge(staged).map_err(invalid)?;
    let mut welcome = None;
    if !request.welcome.is_empty() {
        parse_welcome(&request.welcome).map_err(invalid)?;
        welcome = Some((
            request.welcome.clone(),
            state.ratchet_tree().map_err(invalid)?,
        ));
    }
    let mut joined: Vec<DeviceId> = change.added.iter().map(|member| member.device).collect();
    if let Committer::External { joiner } = &change.committer {
        joined.push(joiner.device);
    }
    let members = state.members().map_err(invalid)?;
    let sealed = Some(request.sealed_state.clone());
    Ok(Box::new(Judged {
        log,
        kind,
        epoch: meta.epoch,
        version: meta.version,
        key,
        commit: request.commit.clone(),
        public: state.to_bytes().map_err(invalid)?,
        group_info: request.group_info.clone(),
        sealed: sealed.filter(|sealed| !sealed.is_empty()),
        welcome,
        muted: muted(state.context(), &members),
        members,
        joined,
        manifests: manifests.adopted,
    }))
}

/// Devices of those who may not speak, by the context.
fn muted(context: &Context, members: &[Member]) -> Vec<DeviceId> {
    if !context.permissions.only_admins_speak {
        return Vec::new();
    }
    members
        .iter()
        .filter(|member| !rules::may_speak(context, members, &member.address))
        .map(|member| member.device)
        .collect()
}

fn same_epoch(meta: &LogMeta, expected: u64) -> Result<(), Failure> {
    if meta.epoch == expected {
        Ok(())
    } else {
        let text = format!("the log is at epoch {}", meta.epoch);
        Err(Failure::refused(ErrorCode::StaleEpoch, text))
    }
}

/// What the app proposed is in the next commit of a member (a joiner from outside can not take it
/// along, and nobody removes itself).
fn includes_removals(
    state: &PublicState,
    change: &Change,
    committer: &Member,
) -> Result<(), Failure> {
    if matches!(change.committer, Committer::External { .. }) {
        return Ok(());
    }
    let missing = state.proposed_removals().into_iter().any(|leaf| {
        leaf != committer.leaf && !change.removed.iter().any(|removed| removed.leaf == leaf)
    });
    if missing {
        Err(Failure::refused(
            ErrorCode::MlsInvalid,
            "a proposed removal is not in the commit",
        ))
    } else {
        Ok(())
    }
}

fn committed(entry: &Entry) -> Committed {
    Committed {
        seq: entry.seq,
        epoch: entry.epoch + 1,
        at_ms: entry.at_ms,
    }
}

fn take(
    conn: &Connection,
    book: &mut LogBook,
    hub: &AppId,
    caller: Caller,
    mut judged: Judged,
) -> Result<Outcome, Failure> {
    book.may_act(&caller)?;
    let mut meta = book.get(conn, &judged.log)?;
    if let Some(before) = book.by_key(conn, &meta, &judged.key)? {
        return Ok(Outcome::Before(committed(&before)));
    }
    if meta.seat(&caller).is_some_and(|seat| seat.leaving) {
        return Err(super::not_member());
    }
    same_epoch(&meta, judged.epoch)?;
    if meta.version != judged.version {
        return Ok(Outcome::Moved);
    }
    let at_ms = now_ms();
    let new = NewEntry {
        kind: EntryKind::Commit,
        epoch: judged.epoch,
        idempotency_key: std::mem::take(&mut judged.key),
        body: std::mem::take(&mut judged.commit),
        at_ms,
        seal: None,
    };
    let Added::New(mut published) = entries::add(conn, book, judged.log, &mut meta, new)? else {
        return Err(Failure::internal("a commit's key was there after all"));
    };
    let seq = published.entry.seq;
    let seats = reseat(conn, hub, &meta, &judged, seq)?;
    // Nobody adds itself but who comes in by itself.
    if judged.joined.contains(&caller.device) {
        came_in(conn, meta.id, &caller.device, &published.entry)?;
        stays::pass(conn, meta.id, &caller.device)?;
    }
    followers::update(conn, meta.id, &meta.seats, &seats, seq)?;
    meta.seats = Arc::new(seats);
    meta.epoch += 1;
    if !judged.joined.is_empty() {
        meta.read_from = meta.epoch;
    }
    meta.version += 1;
    let sealed_state = group_state::write_commit(
        conn,
        meta.id,
        &judged.public,
        &judged.group_info,
        judged.sealed.as_deref(),
    )?;
    if let Some((welcome, tree)) = &judged.welcome {
        conn.prepare_cached(
            "INSERT INTO welcome (log, seq, welcome, ratchet_tree, sealed_state, at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![meta.id, seq, welcome, tree, sealed_state, at_ms])?;
        let pointer = WelcomePointer {
            hub: hub.to_string(),
            conversation: judged.log.to_vec(),
            commit_seq: seq,
            kind: judged.kind.into(),
        }
        .encode_to_vec();
        for seat in meta
            .seats
            .iter()
            .filter(|seat| seat.joined == seq && !seat.is_of(&caller))
        {
            let what: [&[u8]; 3] = [b"welcome", &judged.log, &seq.to_be_bytes()];
            let to = (seat.sibling, &seat.device);
            outbox::queue(conn, to, EntryKind::Welcome, &what, &pointer)?;
        }
    }
    for manifest in &judged.manifests {
        manifests::adopt(conn, manifest)?;
    }
    book.put(judged.log, &mut meta);
    let committed = committed(&published.entry);
    published.meta = meta;
    Ok(Outcome::New(committed, Box::new(published)))
}

/// Ends the seats of those who left, gives seats to those who joined.
fn reseat(
    conn: &Connection,
    hub: &AppId,
    meta: &LogMeta,
    judged: &Judged,
    seq: u64,
) -> Result<Vec<Seat>, Failure> {
    let stay: HashSet<DeviceId> = judged.members.iter().map(|member| member.device).collect();
    let before: HashMap<DeviceId, &Seat> =
        meta.seats.iter().map(|seat| (seat.device, seat)).collect();
    let muted: HashSet<DeviceId> = judged.muted.iter().copied().collect();
    let go = meta.seats.iter().map(|seat| seat.device);
    packed::unpack(conn, meta.id, go.filter(|device| !stay.contains(device)))?;
    for seat in meta.seats.iter() {
        if !stay.contains(&seat.device) {
            conn.prepare_cached("UPDATE seat SET removed = ?3 WHERE log = ?1 AND device = ?2")?
                .execute(params![meta.id, seat.device.as_bytes(), seq])?;
            conn.prepare_cached("DELETE FROM mark WHERE log = ?1 AND device = ?2")?
                .execute(params![meta.id, seat.device.as_bytes()])?;
        }
    }
    let mut seats = Vec::with_capacity(judged.members.len());
    for member in &judged.members {
        let mut seat = if judged.joined.contains(&member.device) {
            let sibling = if member.address.app == *hub {
                None
            } else {
                Some(crate::family::sql::sibling(conn, &member.address.app)?)
            };
            insert_seat(conn, meta.id, member, sibling, seq)?;
            Seat {
                sibling,
                ..Seat::new(member.device, seq)
            }
        } else {
            before
                .get(&member.device)
                .map(|seat| (*seat).clone())
                .ok_or_else(|| Failure::internal("a member without a seat"))?
        };
        let muted = muted.contains(&member.device);
        if seat.muted != muted {
            seat.muted = muted;
            conn.prepare_cached("UPDATE seat SET muted = ?3 WHERE log = ?1 AND device = ?2")?
                .execute(params![meta.id, member.device.as_bytes(), muted])?;
        }
        seats.push(seat);
    }
    Ok(seats)
}
