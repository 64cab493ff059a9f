//! The shell around the core, in one worker: takes what comes, one input at a time, carries out
//! effects, tells the tabs.
//!
//! Always holds: effects run after their step's commit, in order; inputs keep their order; between
//! two slices of work everything else gets a turn, so that a question is answered while thousands
//! of entries are read. Deliberately absent: anything that waits while it holds the core.

mod effects;
mod keeping;
mod line;

use crate::boundary::{Answer, Ask, LinkView, Question, Refusal, Told};
use crate::clock::{now_ms, sleep, turn};
use crate::desk::{Desk, answer, refusal};
use crate::files::Files;
use crate::http::Server;
use crate::kept::Kept;
use crate::store::Pool;
use comity_client::{Command, Core, CoreError, Event, Input};
use comity_wire::{UnixMs, proto};
use futures_util::future::AbortHandle;
use line::Line;
use rand::RngCore as _;
use serde_json::Value;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

/// Work is done for this long before everything else gets a turn.
const SLICE_MS: i64 = 16;
/// Views are told no more often than this.
const TELL_MS: i64 = 16;

/// What the store did not take is given again after this long, which doubles so often.
const GIVE_AGAIN_MS: i64 = 5_000;
const GIVE_AGAIN_DOUBLED: u32 = 6;
/// No telling counts for more: a device that slept in the middle of one was not busy with it.
const TOLD_MAX_MS: i64 = 1_000;

/// What comes from outside of the core.
pub(crate) enum Signal {
    Input(Input),
    /// The WebSocket of this session is open.
    Opened(u64),
    /// A message came on it.
    Batch(u64, Vec<u8>),
    /// One frame of a message.
    Frame(u64, proto::ServerFrame),
    /// It is gone.
    Closed(u64),
}

/// What the shell hands to JavaScript.
pub(crate) struct Outside {
    /// Called with a tab (empty for all) and a JSON list of what is told.
    pub(crate) tell: js_sys::Function,
    /// Called once the store is deleted.
    pub(crate) erased: js_sys::Function,
}

/// The running shell; clones are the same one.
#[derive(Clone)]
pub(crate) struct Shell(Rc<RefCell<Inner>>);

struct Inner {
    /// Gone once the store is deleted.
    core: Option<Core>,
    pool: Option<Pool>,
    server: Server,
    files: Files,
    kept: Kept,
    outside: Outside,
    desk: Desk,
    line: Line,
    signals: VecDeque<Signal>,
    pumping: bool,
    /// The time of the next tick, and which timer is good for it.
    wake_ms: Option<UnixMs>,
    events: Vec<Event>,
    telling: bool,
    /// The rest of a long list is being told.
    resting: bool,
    /// How long the last telling took.
    told_ms: i64,
    ended: Option<String>,
    /// What moves files, by the transfer's number.
    moving: HashMap<i64, AbortHandle>,
    /// The given files that go up, by the transfer's number.
    given: HashMap<i64, String>,
    /// How often in a row the store took nothing.
    refusals: u32,
}

impl Shell {
    /// Starts around an opened core.
    pub(crate) fn start(
        core: Core,
        pool: Pool,
        server: Server,
        (files, kept): (Files, Kept),
        outside: Outside,
    ) -> Self {
        let shell = Self(Rc::new(RefCell::new(Inner {
            core: Some(core),
            pool: Some(pool),
            server,
            files,
            kept,
            outside,
            desk: Desk::default(),
            line: Line::default(),
            signals: VecDeque::new(),
            pumping: false,
            wake_ms: None,
            events: Vec::new(),
            telling: false,
            resting: false,
            told_ms: 0,
            ended: None,
            moving: HashMap::new(),
            given: HashMap::new(),
            refusals: 0,
        })));
        shell.input(Input::Tick);
        shell
    }

    /// Gives the core an input, when its turn comes.
    pub(crate) fn input(&self, input: Input) {
        self.signal(Signal::Input(input));
    }

    /// Takes note of something from outside; it is worked on when its turn comes.
    pub(crate) fn signal(&self, signal: Signal) {
        let mut inner = self.0.borrow_mut();
        inner.signals.push_back(signal);
        if !inner.pumping {
            inner.pumping = true;
            spawn_local(self.clone().pump());
        }
    }

    async fn pump(self) {
        loop {
            let until = now_ms() + SLICE_MS;
            while now_ms() <= until {
                let next = self.0.borrow_mut().signals.pop_front();
                let Some(signal) = next else {
                    self.0.borrow_mut().pumping = false;
                    return;
                };
                self.take(signal);
            }
            turn().await;
        }
    }

    fn take(&self, signal: Signal) {
        match signal {
            Signal::Input(input) => self.give(input),
            Signal::Opened(session) => self.opened(session),
            Signal::Batch(session, bytes) => self.batch(session, &bytes),
            Signal::Frame(session, frame) => self.frame(session, frame),
            Signal::Closed(session) => self.closed(session),
        }
    }

    /// Gives an input whose failure nobody waits for. What the store does not take is given once more after a
    /// while, where nobody else would: a session asks anew only for what it asked.
    fn give(&self, input: Input) {
        if self.0.borrow().core.is_none() {
            // The store is deleted.
            return;
        }
        let again = again(&input);
        let Err(error) = self.step(input) else {
            self.0.borrow_mut().refusals = 0;
            return;
        };
        let retry_after_ms = u32::from(!is_damage(&error));
        let failed = Event::Failed {
            act: "store".to_owned(),
            code: error.code().to_owned(),
            message: error.to_string(),
            retry_after_ms,
        };
        self.0.borrow_mut().events.push(failed);
        if is_damage(&error) {
            self.end("store_damaged");
        } else {
            self.lose_line();
            let _ = self.step(Input::Disconnected);
            if let Some(again) = again {
                self.give_again(again);
            }
        }
        self.tell_soon();
    }

    fn give_again(&self, input: Input) {
        let wait = {
            let mut inner = self.0.borrow_mut();
            if let Input::TransferFailed { transfer, .. } = &input
                && let Some(moving) = inner.moving.remove(transfer)
            {
                // What it moves to is not known: nothing comes of it.
                moving.abort();
            }
            let wait = GIVE_AGAIN_MS << inner.refusals.min(GIVE_AGAIN_DOUBLED);
            inner.refusals = inner.refusals.saturating_add(1);
            wait
        };
        let shell = self.clone();
        spawn_local(async move {
            sleep(wait).await;
            shell.input(input);
        });
    }

    /// One step of the core and its effects.
    fn step(&self, input: Input) -> Result<Vec<Event>, CoreError> {
        let done_upload = match &input {
            Input::UploadDone { transfer, .. } => Some(*transfer),
            _ => None,
        };
        let of_draft = matches!(&input, Input::Command(Command::SetDraft { .. }));
        let output = {
            let inner = &mut *self.0.borrow_mut();
            let Some(core) = &mut inner.core else {
                return Err(CoreError::NotNow("the store is deleted"));
            };
            let mut random = |bytes: &mut [u8]| rand::rng().fill_bytes(bytes);
            core.step(now_ms(), &mut random, input)?
        };
        if let Some(at) = output.wake_at_ms {
            self.wake_at(at);
        }
        let events = output.events;
        // The last effect may take the store away: what it leaves to tell is noted before.
        {
            let mut inner = self.0.borrow_mut();
            for event in &events {
                if of_draft {
                    inner.desk.heard_of_draft(event);
                } else {
                    inner.desk.heard(event);
                }
                inner.note_end(event);
                inner.events.push(event.clone());
            }
        }
        self.let_go(&events);
        if let Some(transfer) = done_upload {
            self.went_up(transfer);
        }
        self.run_effects(output.effects);
        if !events.is_empty() {
            self.tell_soon();
        }
        Ok(events)
    }

    /// An upload is known to be done: the file that was given for it goes, unless another still sends it.
    fn went_up(&self, transfer: i64) {
        let Some(name) = self.0.borrow_mut().given.remove(&transfer) else {
            return;
        };
        let still = self.outgoing().is_ok_and(|wanted| wanted.contains(&name));
        if !still {
            let files = self.files();
            spawn_local(async move { files.forget(&name).await });
        }
    }

    fn wake_at(&self, at: UnixMs) {
        let mut inner = self.0.borrow_mut();
        if inner.wake_ms.is_some_and(|other| other <= at) {
            return;
        }
        inner.wake_ms = Some(at);
        let shell = self.clone();
        spawn_local(async move {
            sleep(at - now_ms()).await;
            let due = {
                let mut inner = shell.0.borrow_mut();
                let due = inner.wake_ms == Some(at);
                if due {
                    inner.wake_ms = None;
                }
                due
            };
            if due {
                shell.input(Input::Tick);
            }
        });
    }

    /// Answers a tab's question; what it watches follows.
    pub(crate) fn ask(&self, tab: &str, text: &str) {
        let (id, outcome) = match serde_json::from_str::<Question>(text) {
            Ok(question) => (question.id, self.answer(tab, question.ask)),
            Err(error) => {
                let malformed = Refusal {
                    code: "malformed".to_owned(),
                    message: error.to_string(),
                };
                (id_of(text), Err(malformed))
            }
        };
        let (ok, error) = match outcome {
            Ok(value) => (Some(value), None),
            Err(refusal) => (None, Some(refusal)),
        };
        self.0
            .borrow()
            .tell(tab, &[Told::Answer(Answer { id, ok, error })]);
        // What a key press changed is on the screen with the next frame.
        if self.0.borrow().desk.is_stale() {
            self.tell_now();
        }
    }

    fn answer(&self, tab: &str, ask: Ask) -> Result<Value, Refusal> {
        match ask {
            Ask::Do(command) => {
                let silent = Desk::is_silent(&command);
                let events = self
                    .step(Input::Command(command))
                    .map_err(|error| refusal(&error))?;
                self.0.borrow_mut().desk.acted(silent);
                Ok(serde_json::to_value(events).unwrap_or(Value::Null))
            }
            Ask::Watch { watch, view } => {
                self.0.borrow_mut().desk.watch(tab, watch, view);
                Ok(Value::Null)
            }
            Ask::Unwatch(watch) => {
                self.0.borrow_mut().desk.unwatch(tab, watch);
                Ok(Value::Null)
            }
            read => {
                let inner = self.0.borrow();
                let gone = CoreError::NotNow("the store is deleted");
                let core = inner.core.as_ref().ok_or_else(|| refusal(&gone))?;
                let value = answer(core, &read).map_err(|error| refusal(&error))?;
                Ok(value.unwrap_or(Value::Null))
            }
        }
    }

    /// A tab is gone.
    pub(crate) fn forget(&self, tab: &str) {
        self.0.borrow_mut().desk.forget(tab);
    }

    fn tell_soon(&self) {
        let mut inner = self.0.borrow_mut();
        if inner.telling {
            return;
        }
        inner.telling = true;
        // Where reading the views takes long, most of the time is still for what they show.
        let wait = TELL_MS.max(3 * inner.told_ms);
        let shell = self.clone();
        spawn_local(async move {
            sleep(wait).await;
            shell.0.borrow_mut().telling = false;
            shell.tell_now();
        });
    }

    fn tell_now(&self) {
        let mut inner = self.0.borrow_mut();
        let started = now_ms();
        let link = inner.link_view();
        let mut by_tab: BTreeMap<String, Vec<Told>> = BTreeMap::new();
        let inner = &mut *inner;
        if let Some(core) = &inner.core {
            for (tab, told) in inner.desk.changes(core, &link) {
                by_tab.entry(tab).or_default().push(told);
            }
        }
        let events: Vec<Told> = inner
            .events
            .drain(..)
            .map(|event| Told::Event(Box::new(event)))
            .collect();
        if !events.is_empty() {
            inner.tell("", &events);
        }
        for (tab, told) in by_tab {
            inner.tell(&tab, &told);
        }
        inner.told_ms = (now_ms() - started).clamp(0, TOLD_MAX_MS);
        if inner.desk.has_more() && !inner.resting {
            inner.resting = true;
            spawn_local(self.clone().tell_rest());
        }
    }

    /// Tells the rest of long lists, a part with each turn.
    async fn tell_rest(self) {
        loop {
            turn().await;
            let inner = &mut *self.0.borrow_mut();
            let Some(core) = inner.core.as_ref().filter(|_| inner.desk.has_more()) else {
                inner.resting = false;
                return;
            };
            for (tab, told) in inner.desk.more(core) {
                inner.tell(&tab, &[told]);
            }
        }
    }

    /// The store can not be used any more, for this reason.
    fn end(&self, reason: &str) {
        self.lose_line();
        let mut inner = self.0.borrow_mut();
        inner.line.wanted = false;
        inner.ended = Some(reason.to_owned());
        inner.desk.link_changed();
    }

    /// The files that the core still has to send.
    pub(crate) fn outgoing(&self) -> Result<Vec<String>, CoreError> {
        match &self.0.borrow().core {
            Some(core) => core.outgoing_files(),
            None => Ok(Vec::new()),
        }
    }

    pub(crate) fn files(&self) -> Files {
        self.0.borrow().files.clone()
    }

    /// Closes connection and store; nothing can be asked any more.
    pub(crate) fn stop(&self) {
        self.lose_line();
        let mut inner = self.0.borrow_mut();
        inner.line.wanted = false;
        inner.core = None;
    }
}

impl Inner {
    fn tell(&self, tab: &str, told: &[Told]) {
        let text = serde_json::to_string(told).unwrap_or_default();
        let (tab, text) = (JsValue::from_str(tab), JsValue::from_str(&text));
        // What JavaScript makes of it is its own.
        let _ = self.outside.tell.call2(&JsValue::NULL, &tab, &text);
    }

    fn note_end(&mut self, event: &Event) {
        let ended = match event {
            Event::Online => None,
            Event::Gone { reason } | Event::Erased { reason } => Some(reason.clone()),
            _ => return,
        };
        self.ended = ended;
        self.desk.link_changed();
    }

    fn link_view(&self) -> LinkView {
        LinkView {
            online: self.core.as_ref().is_some_and(Core::is_online),
            wanted: self.line.wanted,
            retry_ms: self.line.retry_view(),
            ended: self.ended.clone(),
        }
    }
}

/// The number of a question that is none, so that the tab hears which.
fn id_of(text: &str) -> u32 {
    serde_json::from_str::<Value>(text)
        .ok()
        .and_then(|value| value.get("id")?.as_u64())
        .and_then(|id| u32::try_from(id).ok())
        .unwrap_or(0)
}

/// What is to be given once more where a step of it failed: what came of something that is not asked for again by
/// itself. An upload whose beginning is not known is given up, and begins anew.
fn again(input: &Input) -> Option<Input> {
    Some(match input {
        Input::HttpDone { call, result } => Input::HttpDone {
            call: *call,
            result: result.clone(),
        },
        Input::UploadDone {
            transfer,
            blake3,
            blob_size,
        } => Input::UploadDone {
            transfer: *transfer,
            blake3: *blake3,
            blob_size: *blob_size,
        },
        Input::DownloadDone { transfer, bytes } => Input::DownloadDone {
            transfer: *transfer,
            bytes: bytes.clone(),
        },
        Input::TransferFailed {
            transfer,
            code,
            retry,
        } => Input::TransferFailed {
            transfer: *transfer,
            code: code.clone(),
            retry: *retry,
        },
        Input::UploadStarted { transfer, .. } => Input::TransferFailed {
            transfer: *transfer,
            code: "disk".to_owned(),
            retry: true,
        },
        Input::Command(_)
        | Input::Connected { .. }
        | Input::Disconnected
        | Input::Frame(_)
        | Input::TransferProgress { .. }
        | Input::Tick => return None,
    })
}

/// Whether the store's file itself is broken: trying again makes nothing better.
pub(crate) fn is_damage(error: &CoreError) -> bool {
    matches!(error, CoreError::Store(error) if matches!(
        error.sqlite_error_code(),
        Some(
            rusqlite::ErrorCode::DatabaseCorrupt
                | rusqlite::ErrorCode::NotADatabase
                // What a page says that does not open under the store's key.
                | rusqlite::ErrorCode::OutOfMemory
        )
    ))
}
