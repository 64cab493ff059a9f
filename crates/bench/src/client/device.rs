//! A real core with what a program keeps around it: the line to its app and the HTTP acts.
//!
//! Always holds: what the core asks for is done in its order, one thing after the other. Deliberately absent: files,
//! reconnecting, and a thread of its own; whoever waits for something makes the device go on.

use super::tally::Tally;
use crate::line::{Line, PATIENCE, Target};
use crate::person::{code, number, random};
use anyhow::{Context, Result, bail, ensure};
use comity_client::{CallError, Command, Core, Effect, Event, Input, Method, Say, What, Whom};
use comity_wire::http::{ErrorBody, PostKeyPackages};
use comity_wire::proto::{ClientFrame, ServerFrame, client_frame::Act};
use comity_wire::{Address, ConversationId, ErrorCode, UnixMs, WireError};
use rusqlite::Connection;
use std::collections::VecDeque;
use std::time::{Duration, Instant, SystemTime};

/// After so long without a word everything is taken to be at rest.
const QUIET: Duration = Duration::from_millis(60);
/// Key packages that a device keeps at the app, and how few are too few: making them is not what is measured.
const KEY_PACKAGES: (usize, usize) = (8, 2);

/// An HTTP act that was asked for.
struct Call {
    call: u64,
    method: Method,
    path: String,
    body: Option<Vec<u8>>,
    token: Option<String>,
}

/// Somebody's client.
pub(crate) struct Device {
    core: Core,
    target: Target,
    http: reqwest::Client,
    line: Option<Line>,
    wanted: bool,
    wake_ms: Option<UnixMs>,
    calls: VecDeque<Call>,
    told: VecDeque<Event>,
    /// What the core's steps took.
    pub(crate) tally: Tally,
    /// Length of the newest entry that it sent, sealed.
    pub(crate) sealed_bytes: usize,
    /// One of those that it left at the app, for who adds it to a group without asking there.
    key_package: Option<Vec<u8>>,
}

fn now_ms() -> UnixMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

impl Device {
    /// On a store, which may be new.
    pub(crate) fn new(conn: Connection, target: &Target, http: &reqwest::Client) -> Result<Self> {
        let (most, few) = KEY_PACKAGES;
        Ok(Self {
            core: Core::open(conn)?.keeping_key_packages(most, few),
            target: target.clone(),
            http: http.clone(),
            line: None,
            wanted: false,
            wake_ms: None,
            calls: VecDeque::new(),
            told: VecDeque::new(),
            tally: Tally::default(),
            sealed_bytes: 0,
            key_package: None,
        })
    }

    /// Signs the `place`th person up and waits until they are online.
    pub(crate) async fn sign_up(&mut self, name: &str, place: usize) -> Result<()> {
        let number = number(place)?;
        let start = Command::StartRegistration {
            number: number.clone(),
            country: None,
        };
        self.act(start).await?;
        self.until(|event| matches!(event, Event::CodeSent { .. }).then_some(()))
            .await?;
        let code = code(&self.target, &self.http, &number).await?;
        let name = name.to_owned();
        self.act(Command::EnterCode { code, name }).await?;
        self.until(|event| matches!(event, Event::Online).then_some(()))
            .await?;
        self.settle().await
    }

    /// The core, for reading.
    pub(crate) const fn core(&self) -> &Core {
        &self.core
    }

    /// Its account.
    pub(crate) fn address(&self) -> Result<Address> {
        Ok(self.core.account()?.context("nobody signed up")?.address)
    }

    /// A key package that nobody used yet.
    pub(crate) fn key_package(&mut self) -> Result<Vec<u8>> {
        self.key_package.take().context("no key package was made")
    }

    /// The local id of a conversation, once the core has come in.
    pub(crate) fn local(&self, conversation: &ConversationId) -> Result<Option<i64>> {
        for view in self.core.conversations()? {
            let id = self.core.conversation_id(view.conversation)?;
            if id.as_ref() == Some(conversation) && view.state == "active" {
                return Ok(Some(view.conversation));
            }
        }
        Ok(None)
    }

    /// A person's act.
    pub(crate) async fn act(&mut self, command: Command) -> Result<()> {
        self.step(Input::Command(command)).await
    }

    /// Says a text.
    pub(crate) async fn say(&mut self, to: Whom, text: String) -> Result<()> {
        let (quote, id, mentions, what) = (None, None, Vec::new(), What::Text(text));
        self.act(Command::Send(Say {
            to,
            quote,
            id,
            mentions,
            what,
        }))
        .await
    }

    /// Goes on until the core tells something that fits; what it told before is passed over.
    pub(crate) async fn until<T>(&mut self, fits: impl Fn(&Event) -> Option<T>) -> Result<T> {
        let end = Instant::now() + PATIENCE;
        let mut failed = String::new();
        loop {
            while let Some(event) = self.told.pop_front() {
                if let Some(found) = fits(&event) {
                    return Ok(found);
                }
                if let Event::Failed { act, code, .. } = event {
                    failed = format!("; {act} failed: {code}");
                }
            }
            let left = end.saturating_duration_since(Instant::now());
            ensure!(!left.is_zero(), "a device waits in vain{failed}");
            self.go_on(left).await?;
        }
    }

    /// What the core told and nobody waited for.
    pub(crate) fn told(&mut self) -> impl Iterator<Item = Event> + '_ {
        self.told.drain(..)
    }

    /// Goes on until nothing is under way and nothing comes any more.
    pub(crate) async fn settle(&mut self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        loop {
            let moved = self.go_on(QUIET).await?;
            if !moved && self.core.is_settled()? && self.core.unsent()? == 0 {
                self.told.clear();
                return Ok(());
            }
            ensure!(Instant::now() < end, "a device does not come to rest");
        }
    }

    /// Goes on until all that was said is with the app.
    pub(crate) async fn sent(&mut self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while self.core.unsent()? > 0 {
            self.go_on(QUIET).await?;
            ensure!(Instant::now() < end, "the app does not take a message");
        }
        self.told.clear();
        Ok(())
    }

    /// Does the next thing there is to do, and waits so long for one. False: there was none.
    pub(crate) async fn go_on(&mut self, patience: Duration) -> Result<bool> {
        if let Some(call) = self.calls.pop_front() {
            let id = call.call;
            let result = self.answer(call).await?;
            self.step(Input::HttpDone { call: id, result }).await?;
            return Ok(true);
        }
        if self.wanted && self.line.is_none() {
            let line = Line::connect(&self.target).await?;
            let exporter = Some(line.exporter().to_vec());
            self.line = Some(line);
            self.step(Input::Connected { exporter }).await?;
            return Ok(true);
        }
        let until_wake = self.wake_ms.map_or(patience, |at| {
            let left = u64::try_from(at.saturating_sub(now_ms())).unwrap_or(0);
            Duration::from_millis(left)
        });
        if until_wake.is_zero() {
            self.wake_ms = None;
            self.step(Input::Tick).await?;
            return Ok(true);
        }
        let Some(line) = &mut self.line else {
            tokio::time::sleep(patience.min(until_wake)).await;
            return Ok(false);
        };
        let waiting = tokio::time::timeout(patience.min(until_wake), line.frames());
        let Ok(frames) = waiting.await else {
            return Ok(until_wake < patience);
        };
        for frame in frames? {
            let frame = Some(frame);
            self.step(Input::Frame(ServerFrame { frame })).await?;
        }
        Ok(true)
    }

    /// Hangs up and stays away.
    pub(crate) async fn leave(&mut self) -> Result<()> {
        self.wanted = false;
        if let Some(line) = self.line.take() {
            line.close().await;
        }
        self.step(Input::Disconnected).await?;
        self.told.clear();
        Ok(())
    }

    /// Comes back.
    pub(crate) const fn come_back(&mut self) {
        self.wanted = true;
    }

    async fn step(&mut self, input: Input) -> Result<()> {
        let core = &mut self.core;
        let output = self
            .tally
            .time(|| core.step(now_ms(), &mut random, input))?;
        if let Some(at) = output.wake_at_ms {
            self.wake_ms = Some(self.wake_ms.map_or(at, |other| other.min(at)));
        }
        self.told.extend(output.events);
        let mut frames = Vec::new();
        for effect in output.effects {
            match effect {
                Effect::Send(frame) => frames.push(frame),
                Effect::Connect => self.wanted = true,
                Effect::Http {
                    call,
                    method,
                    path,
                    body,
                    token,
                } => self.calls.push_back(Call {
                    call,
                    method,
                    path,
                    body,
                    token,
                }),
                other => bail!("a device of a bench does not do this: {other:?}"),
            }
        }
        self.send(frames).await
    }

    async fn send(&mut self, frames: Vec<ClientFrame>) -> Result<()> {
        for frame in &frames {
            if let Some(Act::Append(append)) = &frame.act {
                self.sealed_bytes = append.body.len();
            }
        }
        match &mut self.line {
            Some(line) if !frames.is_empty() => line.send(frames).await,
            // What is not sent is asked for again by the next session.
            _ => Ok(()),
        }
    }

    async fn answer(&mut self, call: Call) -> Result<Result<Vec<u8>, CallError>> {
        let method = match call.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = self.http.request(method, self.target.url(&call.path));
        if let Some(token) = &call.token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = call.body {
            if call.path == "/v1/me/key-packages" {
                let mut posted: PostKeyPackages = serde_json::from_slice(&body)?;
                self.key_package = posted.one_time.pop().map(|package| package.0);
            }
            request = request
                .header("content-type", "application/json")
                .body(body);
        }
        let again = request.try_clone().context("a body that is gone")?;
        let response = match request.send().await {
            Ok(response) => response,
            // A connection may be closed in the moment that it is used again. What a core asks for may be repeated.
            Err(_) => again.send().await?,
        };
        let is_good = response.status().is_success();
        let bytes = response.bytes().await?.to_vec();
        if is_good {
            return Ok(Ok(bytes));
        }
        let told: ErrorBody = serde_json::from_slice(&bytes)
            .with_context(|| format!("{} was refused without a reason", call.path))?;
        let code = ErrorCode::parse(&told.error.code).context("an unknown error code")?;
        Ok(Err(CallError::Refused(WireError {
            code,
            message: told.error.message,
            retry_after_ms: told.error.retry_after_ms,
        })))
    }
}
