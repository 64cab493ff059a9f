//! What this server knows of one sibling while it runs: the link, the session, what waits.
//!
//! Always holds: everything here may be lost; what must not is in the database.

use super::SiblingNo;
use super::link::{Link, LinkError};
use super::sql::SiblingRow;
use super::vouch::Guest;
use crate::app::App;
use crate::logs::LogName;
use comity_platform::clock::now_ms;
use comity_platform::rate::Bucket;
use comity_platform::{Failure, secret};
use comity_wire::proto::{FamilyReply, FamilyRequest, family_reply, family_request};
use comity_wire::{AppId, DeviceId, ErrorCode, Message, WireError};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};

/// Requests of one sibling that are carried out at once.
const REQUESTS_MAX: usize = 256;
/// Logs are caught up with one at a time in each of so many lanes.
const TURNS: usize = 32;

/// How far devices are in a log.
pub(super) type Positions = BTreeMap<DeviceId, u64>;

/// One sibling.
#[derive(Debug)]
pub(crate) struct Sibling {
    pub(crate) no: SiblingNo,
    pub(crate) app: AppId,
    pub(super) key: [u8; 32],
    link: RwLock<Option<Arc<dyn Link>>>,
    /// As its follower: the session that the hub gave.
    session: watch::Sender<Option<[u8; 16]>>,
    number: AtomicU64,
    failures: AtomicU32,
    wanted: Mutex<BTreeSet<LogName>>,
    reports: Mutex<BTreeMap<LogName, Positions>>,
    pub(super) turns: [tokio::sync::Mutex<()>; TURNS],
    /// There is something for the follower to do.
    pub(super) wake: Notify,
    pub(super) pointers: Notify,
    /// Something in the outbox was not handed over yet.
    pub(super) handing_over: AtomicBool,
    pub(super) over: Notify,
    /// As its hub: the session that was given to it, and its quota.
    pub(super) guest: Mutex<Guest>,
    pub(super) bucket: Mutex<Option<Bucket>>,
    pub(super) requests: Semaphore,
}

impl Sibling {
    pub(super) fn new(row: SiblingRow) -> Self {
        Self {
            no: row.no,
            app: row.app,
            key: row.key,
            link: RwLock::default(),
            session: watch::Sender::new(None),
            number: AtomicU64::new(0),
            failures: AtomicU32::new(0),
            wanted: Mutex::default(),
            reports: Mutex::default(),
            turns: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            wake: Notify::new(),
            pointers: Notify::new(),
            handing_over: AtomicBool::new(true),
            over: Notify::new(),
            guest: Mutex::default(),
            bucket: Mutex::default(),
            requests: Semaphore::new(REQUESTS_MAX),
        }
    }

    pub(super) fn set_link(&self, link: Arc<dyn Link>) {
        if let Ok(mut current) = self.link.write() {
            *current = Some(link);
        }
        self.failures.store(0, Ordering::Relaxed);
        self.wake.notify_one();
        self.pointers.notify_one();
        self.over.notify_one();
    }

    pub(super) fn link(&self) -> Option<Arc<dyn Link>> {
        self.link.read().ok()?.clone()
    }

    // ---- the session as a follower ----

    pub(super) fn session(&self) -> Option<[u8; 16]> {
        *self.session.borrow()
    }

    pub(super) fn set_session(&self, session: Option<[u8; 16]>) {
        self.session.send_replace(session);
    }

    /// The hub no longer knows this session: the follower greets it anew.
    pub(super) fn forget_session(&self, session: [u8; 16]) {
        self.session.send_if_modified(|current| {
            (*current == Some(session))
                .then(|| *current = None)
                .is_some()
        });
        self.wake.notify_one();
    }

    /// A session, when there is one soon.
    pub(super) async fn session_within(&self, time: Duration) -> Option<[u8; 16]> {
        let mut session = self.session.subscribe();
        let some = tokio::time::timeout(time, session.wait_for(Option::is_some)).await;
        some.ok()?.ok().and_then(|session| *session)
    }

    /// The next number to vouch with.
    pub(super) fn next_number(&self) -> u64 {
        self.number.fetch_add(1, Ordering::Relaxed) + 1
    }

    // ---- back-off ----

    pub(super) fn succeeded(&self) {
        self.failures.store(0, Ordering::Relaxed);
    }

    /// The last try to reach it failed.
    pub(super) fn is_away(&self) -> bool {
        self.failures.load(Ordering::Relaxed) > 0
    }

    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// The time to wait after as many failures as there were: doubled with each, with jitter.
    pub(super) fn back_off(&self, app: &App) -> Duration {
        let family = &app.config.family;
        let failures = self.failures.load(Ordering::Relaxed).clamp(1, 16);
        let most = family
            .back_off_min_ms
            .saturating_mul(1 << (failures - 1))
            .min(family.back_off_max_ms);
        Duration::from_millis(most / 2 + secret::random_below(most / 2 + 1))
    }

    /// What a device is told while the sibling is away.
    pub(super) fn unavailable(&self, app: &App) -> Failure {
        let wait = i64::try_from(self.back_off(app).as_millis()).unwrap_or(i64::MAX);
        WireError::new(ErrorCode::Unavailable, "the conversation's app is away")
            .retry_after_ms(wait.max(1_000))
            .into()
    }

    // ---- asking ----

    /// Asks and waits for the answer, for as long as the configuration says.
    pub(super) async fn ask(
        &self,
        app: &App,
        session: Option<[u8; 16]>,
        act: family_request::Act,
    ) -> Result<family_reply::Result, Failure> {
        let link = self.link().ok_or_else(|| self.unavailable(app))?;
        let request = FamilyRequest {
            session: session.map(|session| session.to_vec()).unwrap_or_default(),
            act: Some(act),
        };
        let time = Duration::from_millis(app.config.family.ask_timeout_ms);
        let answer = tokio::time::timeout(time, link.ask(request.encode_to_vec()))
            .await
            .unwrap_or(Err(LinkError::Late));
        let bytes = answer.map_err(|_| self.unavailable(app))?;
        let confused = || Failure::refused(ErrorCode::Unavailable, "the sibling's answer is none");
        let reply = FamilyReply::decode(bytes.as_slice()).map_err(|_| confused())?;
        match reply.result.ok_or_else(confused)? {
            family_reply::Result::Error(error) => Err(Failure::Refused(error.into())),
            result => Ok(result),
        }
    }

    // ---- what the follower has to do ----

    /// More of this log is to be fetched.
    pub(super) fn want(&self, conversation: LogName) {
        if let Ok(mut wanted) = self.wanted.lock() {
            wanted.insert(conversation);
        }
        self.wake.notify_one();
    }

    pub(super) fn take_wanted(&self) -> BTreeSet<LogName> {
        self.wanted
            .lock()
            .map(|mut wanted| std::mem::take(&mut *wanted))
            .unwrap_or_default()
    }

    /// A device has read up to here.
    pub(super) fn report(&self, conversation: LogName, device: DeviceId, seq: u64) {
        if let Ok(mut reports) = self.reports.lock() {
            let known = reports.entry(conversation).or_default();
            let known = known.entry(device).or_default();
            *known = seq.max(*known);
        }
    }

    /// The copy grew: its hub is told how far it goes.
    pub(super) fn report_taken(&self, conversation: LogName) {
        if let Ok(mut reports) = self.reports.lock() {
            reports.entry(conversation).or_default();
        }
    }

    pub(super) fn has_reports(&self) -> bool {
        self.reports.lock().is_ok_and(|reports| !reports.is_empty())
    }

    /// Takes at most `count` logs' worth of reports.
    pub(super) fn take_reports(&self, count: usize) -> BTreeMap<LogName, Positions> {
        let Ok(mut reports) = self.reports.lock() else {
            return BTreeMap::new();
        };
        let names: Vec<_> = reports.keys().take(count).copied().collect();
        names
            .into_iter()
            .filter_map(|name| reports.remove_entry(&name))
            .collect()
    }

    #[cfg(feature = "simulation")]
    /// What is left to do, unless it is followed without a break and there is nothing to fetch,
    /// report or hand over.
    pub(super) fn unsettled(&self) -> Option<&'static str> {
        let all = [
            (self.session().is_none(), "is not followed"),
            (
                self.wanted.lock().is_ok_and(|wanted| !wanted.is_empty()),
                "has logs to fetch from",
            ),
            (self.has_reports(), "waits for reports"),
            (
                self.handing_over.load(Ordering::Relaxed),
                "waits for pointers",
            ),
        ];
        all.into_iter()
            .find_map(|(open, what)| open.then_some(what))
    }

    // ---- its quota here ----

    /// Counts one act.
    pub(super) fn paced(&self, app: &App) -> Result<(), Failure> {
        let family = &app.config.family;
        let (rate, burst) = (family.acts_per_second, family.acts_burst);
        let mut bucket = self.bucket.lock().map_err(Failure::internal)?;
        bucket
            .get_or_insert_with(|| Bucket::full(burst, now_ms()))
            .take(rate, burst, now_ms())
            .map_err(crate::limits::limited)
    }
}
