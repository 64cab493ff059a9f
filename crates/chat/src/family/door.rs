//! The hub's door: what siblings ask.
//!
//! Always holds: who asks is known from the link; what needs a session is refused outside of the
//! current one; acts of one request are carried out in their order. A sibling's requests have a
//! quota of their own, and what waits for it is bounded: it then hears that it is behind.

use super::hand_over;
use super::{Sibling, accounts, followers, link::BoxFuture, link::Pushes, vouch};
use crate::app::{App, Caller};
use crate::conversations::{append, commit, log_name};
use crate::live::Outbound;
use crate::logs::LogName;
use crate::logs::entries::Added;
use comity_platform::Failure;
use comity_wire::proto::{
    Append, ClientFrame, Done, FamilyReply, FamilyRequest, FollowGone, FollowTaken, Greeted, Relay,
    RelayReply, RelayedAct, RelayedResult, Reply, ServerBatch, SubmitCommit, VouchedAct,
    client_frame, family_reply, family_request, relayed_act, relayed_result, reply,
};
use comity_wire::{
    AppId, DeviceId, ErrorCode, Message, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, WireError, limits,
};
use std::sync::Arc;

/// Bytes of entries in one answer, at most and when nothing is said.
const FETCH_BYTES_MAX: usize = 1024 * 1024;
/// Acts in one request.
const ACTS_MAX: usize = limits::BATCH_FRAMES_MAX;

/// Where siblings' requests come in.
#[derive(Debug, Clone)]
pub struct Door {
    pub(crate) app: Arc<App>,
}

impl Door {
    /// The app behind it.
    #[must_use]
    pub fn id(&self) -> &AppId {
        &self.app.id
    }

    /// Answers an encoded `FamilyRequest` of the app `from`, which the link vouches for.
    pub async fn answer(&self, from: &AppId, request: &[u8]) -> Vec<u8> {
        let result = self.act(from, request).await.unwrap_or_else(|failure| {
            let error = WireError::from(failure);
            self.app.counts.errors.one(error.code.as_str());
            family_reply::Result::Error(error.into())
        });
        FamilyReply {
            result: Some(result),
        }
        .encode_to_vec()
    }

    /// Opens the stream of pushes for the app `from`.
    ///
    /// # Errors
    /// `wrong_app` when this app is not joined with it.
    pub fn open(&self, from: &AppId) -> Result<Box<dyn Pushes>, WireError> {
        let sibling = self.sibling(from)?;
        let outbound = Arc::new(Outbound::new(self.app.config.family.outbound_bytes));
        self.app.live.sibling_follows(sibling.no, outbound.clone());
        Ok(Box::new(Stream {
            app: self.app.clone(),
            sibling,
            outbound,
            ended: false,
        }))
    }

    fn sibling(&self, from: &AppId) -> Result<Arc<Sibling>, Failure> {
        if self.app.stop.is_stopped() {
            return Err(Failure::Stopped);
        }
        self.app.family.named(from.as_str()).ok_or_else(|| {
            Failure::refused(ErrorCode::WrongApp, "this app is not joined with that one")
        })
    }

    async fn act(&self, from: &AppId, request: &[u8]) -> Result<family_reply::Result, Failure> {
        let sibling = self.sibling(from)?;
        if request.len() > limits::FRAME_BYTES_MAX {
            return Err(Failure::refused(
                ErrorCode::TooLarge,
                "the request is too large",
            ));
        }
        let malformed = || Failure::refused(ErrorCode::Malformed, "not a request");
        let request = FamilyRequest::decode(request).map_err(|_| malformed())?;
        let act = request.act.ok_or_else(malformed)?;
        let _permit = sibling.requests.try_acquire().map_err(|_| {
            Failure::from(
                WireError::new(ErrorCode::RateLimited, "too many requests at once")
                    .retry_after_ms(1_000),
            )
        })?;
        run(&self.app, &sibling, &request.session, act).await
    }
}

fn done() -> family_reply::Result {
    family_reply::Result::Done(Done {})
}

async fn run(
    app: &Arc<App>,
    sibling: &Arc<Sibling>,
    session: &[u8],
    act: family_request::Act,
) -> Result<family_reply::Result, Failure> {
    use family_request::Act;
    match act {
        Act::Greet(greet) => {
            let (no, seen_ms) = (sibling.no, app.seen_now_ms());
            app.db
                .write(move |conn, _| Ok(followers::seen(conn, no, seen_ms)?))
                .await?;
            return greeted(sibling, greet.version);
        }
        Act::HandOver(request) => {
            sibling.paced(app)?;
            hand_over::take(app, sibling, request).await?;
            return Ok(done());
        }
        Act::AskAccount(request) => {
            sibling.paced(app)?;
            let reply = accounts::tell(app, &request).await?;
            return Ok(family_reply::Result::Account(reply));
        }
        _ => {}
    }
    let current = sibling
        .guest
        .lock()
        .is_ok_and(|guest| guest.is_current(session));
    if !current {
        return Err(Failure::refused(
            ErrorCode::Unauthenticated,
            "another session",
        ));
    }
    let no = sibling.no;
    Ok(match act {
        Act::Sync(request) => {
            let reply = app
                .db
                .read(move |conn| followers::changes(conn, no, request.since))
                .await?;
            family_reply::Result::Sync(reply)
        }
        Act::Fetch(request) => {
            let name = log_name(&request.conversation)?;
            let bytes_max = match usize::try_from(request.bytes_max).unwrap_or(usize::MAX) {
                0 => FETCH_BYTES_MAX,
                bytes => bytes.min(FETCH_BYTES_MAX),
            };
            let followed = app
                .db
                .read(move |conn| followers::fetch(conn, &name, no, request.after_seq, bytes_max))
                .await?;
            family_reply::Result::Followed(followed)
        }
        Act::Taken(request) => {
            taken(app, sibling, request).await?;
            done()
        }
        Act::Gone(request) => {
            gone(app, sibling, request).await?;
            done()
        }
        Act::Relay(request) => {
            family_reply::Result::Relay(relay(app, sibling, session, request).await?)
        }
        Act::Greet(_) | Act::HandOver(_) | Act::AskAccount(_) => done(),
    })
}

fn greeted(sibling: &Sibling, version: u32) -> Result<family_reply::Result, Failure> {
    if !(PROTOCOL_VERSION_MIN..=PROTOCOL_VERSION).contains(&version) {
        return Err(Failure::refused(
            ErrorCode::VersionUnsupported,
            format!("versions {PROTOCOL_VERSION_MIN} to {PROTOCOL_VERSION} are spoken"),
        ));
    }
    let mut guest = sibling.guest.lock().map_err(Failure::internal)?;
    Ok(family_reply::Result::Greeted(Greeted {
        version: PROTOCOL_VERSION,
        session: guest.greet().to_vec(),
    }))
}

/// Cursors are kept as those of own devices are; what the sibling has may be deleted here.
async fn taken(app: &App, sibling: &Sibling, request: FollowTaken) -> Result<(), Failure> {
    let mut positions: Vec<(LogName, u64)> = Vec::new();
    for position in request.positions {
        let name = log_name(&position.conversation)?;
        let view = match app.view(name).await {
            Ok(view) if view.kind.is_hosted() => view,
            Ok(_) => continue,
            Err(failure) if failure.code() == ErrorCode::NotFound => continue,
            Err(failure) => return Err(failure),
        };
        for cursor in position.cursors {
            let device = DeviceId::from_slice(&cursor.device)?;
            let seated = view
                .seats
                .iter()
                .any(|seat| seat.device == device && seat.sibling == Some(sibling.no));
            if seated {
                let seq = cursor.seq.min(view.head);
                app.live.cursors.advance(name, device, seq, true);
            }
        }
        positions.push((name, position.taken_seq.min(view.head)));
    }
    let (no, seen_ms) = (sibling.no, app.seen_now_ms());
    app.db
        .write(move |conn, book| {
            for (name, seq) in positions {
                if let Some(meta) = book.find(conn, &name)? {
                    followers::taken(conn, meta.id, no, seq.min(meta.head))?;
                }
            }
            Ok(followers::seen(conn, no, seen_ms)?)
        })
        .await
}

async fn gone(app: &App, sibling: &Sibling, request: FollowGone) -> Result<(), Failure> {
    let name = log_name(&request.conversation)?;
    let no = sibling.no;
    app.db
        .write(move |conn, _| {
            let (meta, _) = followers::follow(conn, &name, no)?;
            for device in request.devices {
                followers::gone(conn, meta.id, no, &device)?;
            }
            Ok(())
        })
        .await?;
    app.removals.notify_one();
    Ok(())
}

// ---- acts of the sibling's devices ----

fn is_retryable(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::RateLimited
            | ErrorCode::Unavailable
            | ErrorCode::Internal
            | ErrorCode::StorageFull
            | ErrorCode::QuotaExceeded
    )
}

async fn relay(
    app: &Arc<App>,
    sibling: &Arc<Sibling>,
    session: &[u8],
    request: Relay,
) -> Result<RelayReply, Failure> {
    if request.acts.len() > ACTS_MAX {
        return Err(Failure::refused(ErrorCode::TooLarge, "too many acts"));
    }
    let mut results = Vec::with_capacity(request.acts.len());
    let mut held = false;
    for vouched in request.acts {
        let outcome = if held {
            let error = WireError::new(ErrorCode::Unavailable, "one before this was refused");
            Err(Failure::from(error.retry_after_ms(1_000)))
        } else {
            one(app, sibling, session, vouched).await
        };
        let result = outcome.unwrap_or_else(|failure| {
            let error = WireError::from(failure);
            held |= is_retryable(error.code);
            of_reply(reply::Result::Error(error.into()))
        });
        results.push(RelayedResult {
            result: Some(result),
        });
    }
    Ok(RelayReply { results })
}

fn of_reply(result: reply::Result) -> relayed_result::Result {
    relayed_result::Result::Reply(Reply {
        request: 0,
        result: Some(result),
    })
}

async fn one(
    app: &Arc<App>,
    sibling: &Sibling,
    session: &[u8],
    vouched: VouchedAct,
) -> Result<relayed_result::Result, Failure> {
    sibling.paced(app)?;
    let caller = vouch::check(app, sibling, session, &vouched)?;
    let malformed = || Failure::refused(ErrorCode::Malformed, "not an act");
    let act = RelayedAct::decode(vouched.act.as_slice()).map_err(|_| malformed())?;
    match act.act.ok_or_else(malformed)? {
        relayed_act::Act::Frame(ClientFrame { act: Some(act), .. }) => {
            frame(app, caller, act).await.map(of_reply)
        }
        relayed_act::Act::Frame(_) => Err(malformed()),
        relayed_act::Act::AskKeyPackages(request) => {
            let packages = accounts::key_packages(app, caller, request).await?;
            Ok(relayed_result::Result::KeyPackages(packages))
        }
        relayed_act::Act::Introduce(request) => {
            let introduced = accounts::introduced(app, caller, request).await?;
            Ok(relayed_result::Result::Introduced(introduced))
        }
    }
}

async fn frame(
    app: &Arc<App>,
    caller: Caller,
    act: client_frame::Act,
) -> Result<reply::Result, Failure> {
    use client_frame::Act;
    match act {
        Act::Append(request) => take_append(app, caller, request).await,
        Act::SubmitCommit(request) => take_commit(app, caller, request).await,
        Act::FetchWelcome(_)
        | Act::FetchState(_)
        | Act::PutMark(_)
        | Act::SendSignal(_)
        | Act::PutState(_)
        | Act::PutGroupInfo(_)
        | Act::Leave(_) => crate::connection::run_act(app, caller, act).await,
        _ => Err(Failure::refused(
            ErrorCode::Malformed,
            "not to be asked through a sibling",
        )),
    }
}

async fn take_append(
    app: &Arc<App>,
    caller: Caller,
    request: Append,
) -> Result<reply::Result, Failure> {
    let checked = append::check(app, caller, request)?;
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let on_app = app.clone();
    app.db
        .submit(
            move |conn, book| append::add(conn, book, &caller, checked),
            move |added| {
                // On the writer's thread, in the log's order.
                let answer = added.map(|added| match added {
                    Added::New(published) => {
                        on_app.counts.appends.add(1);
                        on_app.live.publish(&published, None);
                        append::answer(&published.entry)
                    }
                    Added::Before(entry) => append::answer(&entry),
                });
                let _ = sender.send(answer);
            },
        )
        .await?;
    let answer = receiver.await.map_err(|_| Failure::Stopped)??;
    Ok(reply::Result::Appended(answer))
}

async fn take_commit(
    app: &Arc<App>,
    caller: Caller,
    request: SubmitCommit,
) -> Result<reply::Result, Failure> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let sender = Arc::new(std::sync::Mutex::new(Some(sender)));
    let on_app = app.clone();
    let done = move |result: Result<(_, Option<crate::logs::Published>), Failure>| {
        let Some(sender) = sender.lock().ok().and_then(|mut sender| sender.take()) else {
            return;
        };
        let _ = sender.send(result.map(|(committed, published)| {
            if let Some(published) = published {
                on_app.counts.commits.add(1);
                on_app.live.publish(&published, None);
                on_app.outbox.notify_one();
                on_app.family.wake_pointers();
            }
            committed
        }));
    };
    commit::submit(app, caller, request, done).await?;
    let committed = receiver.await.map_err(|_| Failure::Stopped)??;
    Ok(reply::Result::Committed(committed))
}

/// What is pushed to one follower.
struct Stream {
    app: Arc<App>,
    sibling: Arc<Sibling>,
    outbound: Arc<Outbound>,
    ended: bool,
}

impl Pushes for Stream {
    fn next(&mut self) -> BoxFuture<'_, Option<Vec<u8>>> {
        Box::pin(async move {
            while !self.ended {
                let turn = self.outbound.take();
                self.ended = turn.last;
                if !turn.frames.is_empty() {
                    let batch = ServerBatch {
                        frames: turn.frames,
                    };
                    return Some(batch.encode_to_vec());
                }
                if !self.ended {
                    self.outbound.filled().await;
                }
            }
            None
        })
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.app.live.sibling_left(self.sibling.no, &self.outbound);
    }
}
