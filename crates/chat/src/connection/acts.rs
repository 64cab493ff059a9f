//! What a signed-in device asks for, frame by frame.
//!
//! Appends go into the writer's queue at once and in order, and are answered from there, so that
//! an answer and the pushes around it keep the log's order. Everything that reads runs beside.

use crate::app::{App, Caller};
use crate::conversations::{append, commit, create, leave, marks, read};
use crate::family::relay::{self, Errand, Lane};
use crate::family::{Sibling, SiblingNo};
use crate::limits::limited;
use crate::live::Outbound;
use crate::logs::entries::Added;
use comity_platform::Failure;
use comity_platform::clock::now_ms;
use comity_platform::rate::Bucket;
use comity_wire::proto::{Append, ClientFrame, Done, SubmitCommit, client_frame::Act, reply};
use comity_wire::{ErrorCode, WireError, limits};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Acts with large answers that one connection has under way at once.
const HEAVY_ACTS_MAX: usize = 4;
/// Sealed states and group infos that one connection replaces: enough for who comes back into many groups.
const DETAILS_PER_SECOND: u32 = 2;
const DETAILS_BURST: u32 = 60;

/// After an append was refused for its pace, those behind it are refused for this long.
const HELD_MS: i64 = 1_000;

/// What has to be awaited before the next frame is taken. Most frames need none: a connection's own
/// future stays small.
pub(super) type Before = Option<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// A signed-in connection.
pub(super) struct Session {
    app: Arc<App>,
    pub(super) caller: Caller,
    pub(super) outbound: Arc<Outbound>,
    bucket: Bucket,
    details: Bucket,
    in_flight: Arc<Semaphore>,
    /// Acts whose answers are large run few at a time, each after there is room for its answer.
    heavy: Arc<Semaphore>,
    order: Arc<Order>,
    /// The ways to other apps' logs, as they are needed.
    lanes: BTreeMap<SiblingNo, Lane>,
}

/// Keeps what a device says in its order when something is refused that a retry may heal: what it
/// sent behind that is refused too, until it knows.
#[derive(Default)]
struct Order {
    /// No append is taken before then.
    held_until_ms: AtomicI64,
}

impl Order {
    fn check(&self) -> Result<(), Failure> {
        let until = self.held_until_ms.load(Ordering::SeqCst);
        let left = until.saturating_sub(now_ms());
        if left <= 0 {
            return Ok(());
        }
        let code = if until == i64::MAX {
            ErrorCode::Unavailable
        } else {
            ErrorCode::RateLimited
        };
        let error = WireError::new(code, "one before this was refused");
        Err(error.retry_after_ms(left.min(HELD_MS)).into())
    }

    /// Holds what comes behind `failure`; true when only a new connection is in order again.
    fn hold(&self, failure: &Failure) -> bool {
        let ours = !matches!(failure, Failure::Refused(_));
        let until = match failure.code() {
            _ if ours => i64::MAX,
            ErrorCode::RateLimited => now_ms() + HELD_MS,
            _ => return false,
        };
        self.held_until_ms.fetch_max(until, Ordering::SeqCst);
        ours
    }
}

/// The right to answer one request. Dropping it makes room for the next.
struct Answer {
    app: Arc<App>,
    outbound: Arc<Outbound>,
    request: u64,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Answer {
    fn give(self, result: Result<reply::Result, Failure>) {
        let result = result.unwrap_or_else(|failure| {
            let error = WireError::from(failure);
            self.app.counts.errors.one(error.code.as_str());
            reply::Result::Error(error.into())
        });
        self.outbound.reply(self.request, result);
    }
}

impl Session {
    pub(super) fn new(app: Arc<App>, caller: Caller, outbound: Arc<Outbound>) -> Self {
        let bucket = Bucket::full(app.config.limits.appends_burst, now_ms());
        let details = Bucket::full(DETAILS_BURST, now_ms());
        let in_flight = Arc::new(Semaphore::new(limits::REQUESTS_IN_FLIGHT_MAX));
        Self {
            app,
            caller,
            outbound,
            bucket,
            details,
            in_flight,
            heavy: Arc::new(Semaphore::new(HEAVY_ACTS_MAX)),
            order: Arc::default(),
            lanes: BTreeMap::new(),
        }
    }

    /// The right to ask for one thing more: at most so many are under way at once.
    pub(super) async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        self.in_flight.clone().acquire_owned().await.ok()
    }

    /// The same when it can be had at once.
    pub(super) fn permit_now(&self) -> Option<OwnedSemaphorePermit> {
        self.in_flight.clone().try_acquire_owned().ok()
    }

    /// Starts what a frame asks for, in the order of the frames.
    pub(super) fn take(
        &mut self,
        frame: ClientFrame,
        permit: Option<OwnedSemaphorePermit>,
    ) -> Before {
        let answer = Answer {
            app: self.app.clone(),
            outbound: self.outbound.clone(),
            request: frame.request,
            _permit: permit,
        };
        match frame.act {
            Some(act) => self.act(act, answer),
            None => {
                answer.give(Err(Failure::refused(
                    ErrorCode::Malformed,
                    "an empty frame",
                )));
                None
            }
        }
    }

    fn paced(&mut self) -> Result<(), Failure> {
        let limits = &self.app.config.limits;
        self.bucket
            .take(limits.appends_per_second, limits.appends_burst, now_ms())
            .map_err(limited)
    }

    /// What replaces something that all members wait for to stay: any of them could do so for ever.
    fn paced_details(&mut self) -> Result<(), Failure> {
        self.paced()?;
        self.details
            .take(DETAILS_PER_SECOND, DETAILS_BURST, now_ms())
            .map_err(limited)
    }

    fn act(&mut self, act: Act, answer: Answer) -> Before {
        let hub = relay::hub_of(&act).unwrap_or_default();
        match self.app.family.hub(&self.app.id, hub) {
            Ok(None) => return self.act_here(act, answer),
            Ok(Some(hub)) => self.act_there(&hub, act, answer),
            Err(failure) => answer.give(Err(failure)),
        }
        None
    }

    /// An act in a log whose hub is a sibling.
    fn act_there(&mut self, hub: &Arc<Sibling>, act: Act, answer: Answer) {
        if let Err(failure) = self.paced() {
            return answer.give(Err(failure));
        }
        let (app, caller) = (&self.app, self.caller);
        let open = || Lane::open(app.clone(), hub.clone(), caller);
        let lane = self.lanes.entry(hub.no).or_insert_with(open);
        let done = Box::new(move |given| answer.give(given));
        lane.send(Errand { act, done });
    }

    fn act_here(&mut self, act: Act, answer: Answer) -> Before {
        match act {
            Act::Append(append) => return self.append(append, answer),
            Act::PutMark(_) | Act::SendSignal(_) | Act::Leave(_) => match self.paced() {
                Ok(()) => self.beside(act, answer),
                Err(failure) => answer.give(Err(failure)),
            },
            Act::PutState(_) | Act::PutGroupInfo(_) => match self.paced_details() {
                Ok(()) => self.beside(act, answer),
                Err(failure) => answer.give(Err(failure)),
            },
            Act::SubmitCommit(request) => match self.paced() {
                Ok(()) => self.commit(request, answer),
                Err(failure) => answer.give(Err(failure)),
            },
            Act::Acknowledge(request) => {
                let (app, caller) = (self.app.clone(), self.caller);
                return Some(Box::pin(async move {
                    let result = marks::acknowledge(&app, caller, request.positions).await;
                    answer.give(result.map(|()| done()));
                }));
            }
            Act::Hello(_) | Act::SignIn(_) => {
                answer.give(Err(Failure::refused(
                    ErrorCode::Malformed,
                    "signed in already",
                )));
            }
            _ => self.beside(act, answer),
        }
        None
    }

    fn append(&mut self, append: Append, answer: Answer) -> Before {
        if let Err(failure) = self.order.check() {
            answer.give(Err(failure));
            return None;
        }
        let checked = self
            .paced()
            .and_then(|()| append::check(&self.app, self.caller, append));
        let checked = match checked {
            Ok(checked) => checked,
            Err(failure) => {
                self.order.hold(&failure);
                answer.give(Err(failure));
                return None;
            }
        };
        let (app, caller) = (self.app.clone(), self.caller);
        let (order, after, outbound) = (
            self.order.clone(),
            self.order.clone(),
            self.outbound.clone(),
        );
        let submitted = self.app.db.submit_one_thing(
            move |conn, book| {
                order.check()?;
                append::add(conn, book, &caller, checked).inspect_err(|failure| {
                    order.hold(failure);
                })
            },
            move |added| {
                // Also when it was lost with its transaction.
                let broken = added.as_ref().is_err_and(|failure| after.hold(failure));
                // On the writer's thread, in the log's order.
                answer.give(added.map(|added| match added {
                    Added::New(published) => {
                        app.counts.appends.add(1);
                        app.live.publish(&published, Some(&caller));
                        reply::Result::Appended(append::answer(&published.entry))
                    }
                    Added::Before(entry) => reply::Result::Appended(append::answer(&entry)),
                }));
                if broken {
                    outbound.close(ErrorCode::Unavailable, 1_000);
                }
            },
        );
        match submitted {
            Ok(None) => None,
            Ok(Some(waiting)) => {
                let outbound = self.outbound.clone();
                Some(Box::pin(async move {
                    if waiting.await.is_err() {
                        outbound.close(ErrorCode::Unavailable, 1_000);
                    }
                }))
            }
            Err(_) => {
                self.outbound.close(ErrorCode::Unavailable, 1_000);
                None
            }
        }
    }

    fn commit(&self, request: SubmitCommit, answer: Answer) {
        let (app, caller) = (self.app.clone(), self.caller);
        // Answered once: by the writer when it takes the commit, else below.
        let answer = Arc::new(std::sync::Mutex::new(Some(answer)));
        tokio::spawn(async move {
            let (on_app, once) = (app.clone(), answer.clone());
            let done = move |result: Result<_, Failure>| {
                let Some(answer) = once.lock().ok().and_then(|mut answer| answer.take()) else {
                    return;
                };
                answer.give(result.map(|(committed, published)| {
                    if let Some(published) = published {
                        on_app.counts.commits.add(1);
                        on_app.live.publish(&published, Some(&caller));
                        on_app.outbox.notify_one();
                        on_app.family.wake_pointers();
                    }
                    reply::Result::Committed(committed)
                }));
            };
            if let Err(failure) = commit::submit(&app, caller, request, done).await
                && let Some(answer) = answer.lock().ok().and_then(|mut answer| answer.take())
            {
                answer.give(Err(failure));
            }
        });
    }

    /// Runs an act that does not need its place in the order.
    fn beside(&self, act: Act, answer: Answer) {
        let (app, caller, outbound) = (self.app.clone(), self.caller, self.outbound.clone());
        let only_reads = matches!(
            act,
            Act::Fetch(_) | Act::Sync(_) | Act::FetchState(_) | Act::FetchWelcome(_)
        );
        let heavy = only_reads.then(|| self.heavy.clone());
        tokio::spawn(async move {
            let _permit = match heavy {
                Some(heavy) => heavy.acquire_owned().await.ok(),
                None => None,
            };
            outbound.has_room().await;
            // What a slow reader asked for and nobody will read costs others nothing. What was asked to be
            // done is done, though who asked has left.
            if !(only_reads && outbound.is_closing()) {
                answer.give(run_act(&app, caller, act).await);
            }
        });
    }
}

fn done() -> reply::Result {
    reply::Result::Done(Done {})
}

pub(crate) async fn run_act(
    app: &Arc<App>,
    caller: Caller,
    act: Act,
) -> Result<reply::Result, Failure> {
    Ok(match act {
        Act::Sync(request) => reply::Result::Sync(read::changes(app, caller, request.since).await?),
        Act::Fetch(request) => reply::Result::Deliver(read::fetch(app, caller, request).await?),
        Act::CreateConversation(request) => {
            reply::Result::Created(create::create(app, caller, request).await?)
        }
        Act::FetchWelcome(request) => {
            reply::Result::Welcome(read::welcome(app, caller, request).await?)
        }
        Act::FetchState(request) => reply::Result::State(read::state(app, caller, request).await?),
        Act::PutMark(request) => {
            marks::put(app, caller, request).await?;
            done()
        }
        Act::SendSignal(request) => {
            marks::signal(app, caller, request).await?;
            done()
        }
        Act::PutState(request) => {
            read::put_state(app, caller, request).await?;
            done()
        }
        Act::PutGroupInfo(request) => {
            read::put_group_info(app, caller, request).await?;
            done()
        }
        Act::Leave(request) => {
            leave::leave(app, caller, request).await?;
            done()
        }
        _ => {
            return Err(Failure::refused(
                ErrorCode::Malformed,
                "not to be asked now",
            ));
        }
    })
}
