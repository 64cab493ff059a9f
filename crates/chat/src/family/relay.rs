//! What this app's devices do in logs whose hub is a sibling: relayed, with this app's word.
//!
//! Always holds: the acts of one connection reach a hub in their order, and when one was refused
//! that a retry may heal, those behind it are refused until it comes again or a moment has passed.
//! A retry sends the device's own bytes: the hub answers once what it took once. A device is told
//! that it is done only after the hub said so, or after this app wrote down that it will be (marks).
//! When an entry was taken, the copy holds it before its author is answered, and a welcome's commit
//! before who is welcomed gets it.

use super::follow::catch_up;
use super::{Sibling, name_of, vouch};
use crate::accounts::sql as accounts;
use crate::app::{App, Caller};
use crate::conversations::{fits, log_name};
use crate::logs::LogName;
use comity_platform::Failure;
use comity_platform::clock::now_ms;
use comity_wire::proto::{
    Append, ClientFrame, Done, PutMark, PutState, Relay, RelayedAct, SubmitCommit,
    client_frame::Act, family_reply, family_request, relayed_act, relayed_result, reply,
};
use comity_wire::{DeviceId, ErrorCode, Message, WireError, limits};
use rusqlite::params;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Acts in one request.
const ACTS_MAX: usize = 64;
/// Bytes in one request, about.
const BYTES_MAX: usize = 512 * 1024;
/// Acts that may wait in one lane: as many as a connection may have unanswered, so that it never
/// waits for a lane.
const WAITING_MAX: usize = limits::REQUESTS_IN_FLIGHT_MAX;
/// Times that a request is sent when the hub has forgotten the session.
const TRIES: usize = 3;
/// After an act was refused, those behind it are refused for at most this long.
const HELD_MS: i64 = 1_000;

type Given = Result<reply::Result, Failure>;

/// The hub that an act is for, as the frame names it; none for acts that this app answers itself.
pub(crate) fn hub_of(act: &Act) -> Option<&str> {
    Some(match act {
        Act::Append(act) => &act.hub,
        Act::SubmitCommit(act) => &act.hub,
        Act::FetchWelcome(act) => &act.hub,
        Act::FetchState(act) => &act.hub,
        Act::PutMark(act) => &act.hub,
        Act::SendSignal(act) => &act.hub,
        Act::PutState(act) => &act.hub,
        Act::Leave(act) => &act.hub,
        Act::PutGroupInfo(act) => &act.hub,
        _ => return None,
    })
}

/// Whether the same may work later.
pub(super) fn may_heal(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RateLimited
            | ErrorCode::Unavailable
            | ErrorCode::Unauthenticated
            | ErrorCode::Internal
            | ErrorCode::StorageFull
            | ErrorCode::QuotaExceeded
    )
}

/// One act on its way.
pub(crate) struct Errand {
    pub(crate) act: Act,
    pub(crate) done: Box<dyn FnOnce(Given) + Send>,
}

/// The way of one connection to one hub.
#[derive(Debug)]
pub(crate) struct Lane(mpsc::Sender<Errand>);

impl Lane {
    /// Opens it; it ends when it is dropped and empty.
    pub(crate) fn open(app: Arc<App>, hub: Arc<Sibling>, caller: Caller) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        tokio::spawn(run(app, hub, caller, receiver));
        Self(sender)
    }

    /// Sends an act after those before it.
    pub(crate) fn send(&self, errand: Errand) {
        if let Err(lost) = self.0.try_send(errand) {
            (lost.into_inner().done)(Err(Failure::Stopped));
        }
    }
}

/// Keeps what a device says in its order through refusals.
#[derive(Default)]
struct Order {
    /// The append that was refused, and until when those behind it are.
    held: Option<(Vec<u8>, i64)>,
}

impl Order {
    fn check(&mut self, act: &Act) -> Result<(), Failure> {
        let (Act::Append(append), Some((key, until))) = (act, &self.held) else {
            return Ok(());
        };
        let left = until - now_ms();
        if *key == append.idempotency_key || left <= 0 {
            self.held = None;
            return Ok(());
        }
        let error = WireError::new(ErrorCode::Unavailable, "one before this was refused");
        Err(error.retry_after_ms(left).into())
    }

    fn note(&mut self, key: Option<Vec<u8>>, given: &Given) {
        if let (Some(key), Err(failure), None) = (key, given, &self.held)
            && may_heal(failure.code())
        {
            self.held = Some((key, now_ms() + HELD_MS));
        }
    }
}

async fn run(
    app: Arc<App>,
    hub: Arc<Sibling>,
    caller: Caller,
    mut errands: mpsc::Receiver<Errand>,
) {
    let mut order = Order::default();
    let mut next = errands.recv().await;
    while let Some(first) = next.take() {
        let mut lot = Vec::new();
        let mut bytes = 0;
        let mut more = Some(first);
        while let Some(errand) = more.take() {
            match order.check(&errand.act) {
                Err(failure) => (errand.done)(Err(failure)),
                Ok(()) => {
                    bytes += size(&errand.act);
                    lot.push(errand);
                }
            }
            if lot.len() < ACTS_MAX && bytes < BYTES_MAX {
                more = errands.try_recv().ok();
            }
        }
        if !lot.is_empty() {
            carry_out(&app, &hub, &caller, &mut order, lot).await;
        }
        next = errands.recv().await;
    }
}

fn size(act: &Act) -> usize {
    match act {
        Act::Append(act) => act.encoded_len(),
        Act::SubmitCommit(act) => act.encoded_len(),
        _ => 1_024,
    }
}

async fn carry_out(
    app: &Arc<App>,
    hub: &Arc<Sibling>,
    caller: &Caller,
    order: &mut Order,
    lot: Vec<Errand>,
) {
    let acts = lot.iter().map(|errand| of_frame(&errand.act)).collect();
    let results = match ask(app, hub, caller, acts).await {
        Ok(results) => results.into_iter().map(reply_of).collect(),
        Err(failure) => lot.iter().map(|_| Err(again(&failure))).collect::<Vec<_>>(),
    };
    for (errand, given) in lot.into_iter().zip(results) {
        let given = finish(app, hub, caller, &errand.act, given).await;
        let key = match &errand.act {
            Act::Append(append) => Some(append.idempotency_key.clone()),
            _ => None,
        };
        order.note(key, &given);
        (errand.done)(given);
    }
}

/// The same refusal for each of a lot.
fn again(failure: &Failure) -> Failure {
    match failure {
        Failure::Refused(error) => Failure::Refused(error.clone()),
        Failure::StorageFull => Failure::StorageFull,
        Failure::Stopped => Failure::Stopped,
        Failure::Database(_) | Failure::File(_) | Failure::Internal(_) => {
            Failure::internal("a relayed act failed")
        }
    }
}

/// What this app has to do before the device is answered.
async fn finish(
    app: &Arc<App>,
    hub: &Arc<Sibling>,
    caller: &Caller,
    act: &Act,
    given: Given,
) -> Given {
    match (act, given) {
        (Act::Append(request), Ok(reply::Result::Appended(taken))) => {
            let conversation = log_name(&request.conversation)?;
            follow_to(app, hub, conversation, Some(taken.seq)).await?;
            Ok(reply::Result::Appended(taken))
        }
        (Act::SubmitCommit(request), Ok(reply::Result::Committed(taken))) => {
            let conversation = log_name(&request.conversation)?;
            follow_to(app, hub, conversation, Some(taken.seq)).await?;
            Ok(reply::Result::Committed(taken))
        }
        (Act::FetchWelcome(request), Ok(reply::Result::Welcome(welcome))) => {
            let conversation = log_name(&request.conversation)?;
            follow_to(app, hub, conversation, Some(request.commit_seq)).await?;
            Ok(reply::Result::Welcome(welcome))
        }
        // What was first is in the hub's log, also what took the device out: it is going to look for it in the
        // copy.
        (Act::Append(Append { conversation, .. }), Err(failure))
        | (Act::SubmitCommit(SubmitCommit { conversation, .. }), Err(failure))
        | (Act::PutState(PutState { conversation, .. }), Err(failure))
            if matches!(failure.code(), ErrorCode::StaleEpoch | ErrorCode::NotMember) =>
        {
            follow_to(app, hub, log_name(conversation)?, None).await?;
            Err(failure)
        }
        (Act::PutMark(request), Err(failure)) if may_heal(failure.code()) => {
            keep_mark(app, hub, caller, request).await?;
            Ok(reply::Result::Done(Done {}))
        }
        (Act::PutMark(request), Ok(result)) => {
            forget_mark(app, hub, caller.device, request).await?;
            Ok(result)
        }
        (_, given) => given,
    }
}

/// Brings the copy up to an entry that its device is about to be told of, or to the end of the hub's
/// log: a device that knows more
/// than the copy would take it for a log that was set back. When that does not work now, the device
/// asks again with the same bytes, and the hub says what it said.
///
/// # Errors
/// `unavailable`.
async fn follow_to(
    app: &Arc<App>,
    hub: &Arc<Sibling>,
    conversation: LogName,
    until: Option<u64>,
) -> Result<(), Failure> {
    match catch_up(app, hub, conversation, until).await {
        Err(failure) if may_heal(failure.code()) => {
            tracing::debug!(%failure, "a copy is behind what the hub took");
            hub.want(conversation);
            Err(hub.unavailable(app))
        }
        // Of a log that can not be followed the device has the hub's word at least.
        Ok(()) | Err(_) => Ok(()),
    }
}

fn of_frame(act: &Act) -> RelayedAct {
    RelayedAct {
        act: Some(relayed_act::Act::Frame(ClientFrame {
            request: 0,
            act: Some(act.clone()),
        })),
    }
}

fn reply_of(result: relayed_result::Result) -> Given {
    match result {
        relayed_result::Result::Reply(reply) => match reply.result {
            Some(reply::Result::Error(error)) => Err(Failure::Refused(error.into())),
            Some(result) => Ok(result),
            None => Err(confused()),
        },
        relayed_result::Result::KeyPackages(_) | relayed_result::Result::Introduced(_) => {
            Err(confused())
        }
    }
}

fn confused() -> Failure {
    Failure::refused(
        ErrorCode::Unavailable,
        "the hub's answer is of another kind",
    )
}

/// Vouches for the acts of a device and asks the sibling to carry them out.
pub(super) async fn ask(
    app: &Arc<App>,
    hub: &Sibling,
    caller: &Caller,
    acts: Vec<RelayedAct>,
) -> Result<Vec<relayed_result::Result>, Failure> {
    let caller = *caller;
    app.db
        .read(move |conn| accounts::may_act(conn, &caller.account, &caller.device))
        .await?;
    let acts: Vec<Vec<u8>> = acts.iter().map(Message::encode_to_vec).collect();
    let soon = Duration::from_millis(app.config.family.ask_timeout_ms / 4);
    for _ in 0..TRIES {
        // Of a hub that is known to be away nothing is waited for.
        let session = match hub.session() {
            None if !hub.is_away() => hub.session_within(soon).await,
            session => session,
        };
        let session = session.ok_or_else(|| hub.unavailable(app))?;
        let vouched = acts
            .iter()
            .map(|act| vouch::vouch(app, hub, &session, &caller, act.clone()))
            .collect();
        let request = family_request::Act::Relay(Relay { acts: vouched });
        match hub.ask(app, Some(session), request).await {
            Ok(family_reply::Result::Relay(reply)) if reply.results.len() == acts.len() => {
                let results = reply.results.into_iter().map(|result| result.result);
                let results: Vec<_> = results.collect::<Option<_>>().ok_or_else(confused)?;
                // A request that arrived twice: this is the answer to the second one. What was
                // asked is asked anew; the hub answers once what it took once.
                if !results.iter().any(is_vouch_refused) {
                    return Ok(results);
                }
            }
            Ok(_) => return Err(confused()),
            Err(failure) if failure.code() == ErrorCode::Unauthenticated => {
                hub.forget_session(session);
            }
            Err(failure) => return Err(failure),
        }
    }
    // No device can mend this: its own app has to.
    tracing::warn!("a hub does not take this app's word");
    Err(hub.unavailable(app))
}

fn is_vouch_refused(result: &relayed_result::Result) -> bool {
    let relayed_result::Result::Reply(reply) = result else {
        return false;
    };
    matches!(&reply.result, Some(reply::Result::Error(error))
        if error.code == ErrorCode::VouchInvalid.as_str())
}

// ---- a fetch of the copy ----

impl Sibling {
    /// Makes sure that there is a copy of the log in which the device has a place, or had one.
    ///
    /// # Errors
    /// `not_member`, or `unavailable` while the hub can not say.
    pub(crate) async fn know(
        self: &Arc<Self>,
        app: &Arc<App>,
        conversation: &[u8],
        name: LogName,
        caller: &Caller,
    ) -> Result<(), Failure> {
        if app.live.view(&name).is_some_and(|view| view.has(caller)) {
            return Ok(());
        }
        let device = caller.device;
        let known = app
            .db
            .read(move |conn| {
                let sql = "SELECT EXISTS (SELECT 1 FROM log l JOIN seat s ON s.log = l.id
                                          WHERE l.name = ?1 AND s.device = ?2)";
                let found = params![name.as_slice(), device.as_bytes()];
                Ok(conn
                    .prepare_cached(sql)?
                    .query_row(found, |row| row.get::<_, bool>(0))?)
            })
            .await?;
        if known {
            return Ok(());
        }
        match catch_up(app, self, log_name(conversation)?, None).await {
            Err(failure) if failure.code() == ErrorCode::Unauthenticated => {
                Err(self.unavailable(app))
            }
            caught_up => caught_up,
        }
    }
}

// ---- marks that wait for their hub ----

async fn keep_mark(
    app: &App,
    hub: &Sibling,
    caller: &Caller,
    request: &PutMark,
) -> Result<(), Failure> {
    fits(&request.body, limits::MARK_BYTES_MAX, "a mark")?;
    let conversation = log_name(&request.conversation)?;
    let name = name_of(&hub.app, &conversation);
    if !app.view(name).await.is_ok_and(|view| view.has(caller)) {
        return Err(crate::conversations::not_member());
    }
    let (no, caller, request) = (hub.no, *caller, request.clone());
    app.db
        .write(move |conn, _| {
            conn.prepare_cached(
                "INSERT OR REPLACE INTO pending_mark
                   (sibling, conversation, device, account, epoch, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                no.0,
                conversation.as_slice(),
                caller.device.as_bytes(),
                caller.account.as_bytes(),
                request.epoch,
                request.body
            ])?;
            Ok(())
        })
        .await
}

async fn forget_mark(
    app: &App,
    hub: &Sibling,
    device: DeviceId,
    request: &PutMark,
) -> Result<(), Failure> {
    let (no, conversation) = (hub.no, log_name(&request.conversation)?);
    let waits = app
        .db
        .read(move |conn| {
            let sql = "SELECT EXISTS (SELECT 1 FROM pending_mark WHERE sibling = ?1
                                      AND conversation = ?2 AND device = ?3)";
            let which = params![no.0, conversation.as_slice(), device.as_bytes()];
            Ok(conn
                .prepare_cached(sql)?
                .query_row(which, |row| row.get::<_, bool>(0))?)
        })
        .await?;
    if !waits {
        return Ok(());
    }
    app.db
        .write(move |conn, _| {
            conn.prepare_cached(
                "DELETE FROM pending_mark WHERE sibling = ?1 AND conversation = ?2 AND device = ?3",
            )?
            .execute(params![no.0, conversation.as_slice(), device.as_bytes()])?;
            Ok(())
        })
        .await
}

/// Sends the marks that wait for this hub.
pub(super) async fn send_pending_marks(app: &Arc<App>, hub: &Arc<Sibling>) -> Result<(), Failure> {
    let no = hub.no;
    let waiting = app
        .db
        .read(move |conn| {
            let mut select = conn.prepare_cached(
                "SELECT account, device, conversation, epoch, body FROM pending_mark
                 WHERE sibling = ?1",
            )?;
            let rows = select.query_map([no.0], |row| {
                let caller = Caller {
                    account: comity_wire::AccountId::new(row.get(0)?),
                    device: DeviceId::new(row.get(1)?),
                    sibling: None,
                };
                let mark = PutMark {
                    hub: String::new(),
                    conversation: row.get(2)?,
                    epoch: row.get(3)?,
                    body: row.get(4)?,
                };
                Ok((caller, mark))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
    for (caller, mark) in waiting {
        let act = of_frame(&Act::PutMark(mark.clone()));
        let given = match ask(app, hub, &caller, vec![act]).await {
            Ok(results) => results.into_iter().next().map_or(Err(confused()), reply_of),
            Err(failure) => Err(failure),
        };
        match given {
            Err(failure) if may_heal(failure.code()) => return Err(failure),
            // Taken, or never to be taken: its device puts the next one.
            Ok(_) | Err(_) => forget_mark(app, hub, caller.device, &mark).await?,
        }
    }
    Ok(())
}
