//! The shell around the core: the four steps load, decide, save, run effects, for ever.
//!
//! One task owns the core. It waits for whatever comes first: an act of the person, a frame, an
//! answer, the time; gives it to the core; carries out the effects in their order.
//!
//! Always holds: a line that owes an answer for [`ANSWER`] is closed, whatever the system says of it;
//! what fails again and again is tried less and less often, also where each connection succeeds.

use super::net::{Server, Socket, Trouble};
use super::session::Refused;
use super::transfer;
use super::words::now_ms;
use anyhow::Result;
use comity_client::{Command, Core, CoreError, Effect, Event, Input, Output};
use comity_wire::{Message as _, decode_server_batch, proto};
use futures_util::{FutureExt as _, SinkExt, StreamExt};
use rand::RngCore;
use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite;

/// A device says something at least this often, so that both sides notice a dead line.
const PING: Duration = Duration::from_secs(45);
/// A question or ping that has no answer for this long: the line is dead. Nor may writing take longer.
const ANSWER: Duration = Duration::from_secs(30);
/// A session that lasted so long was a good one: the next attempt after it comes soon.
const LASTED: Duration = Duration::from_secs(30);
/// However long a server says that it will be away.
const AWAY_MAX: Duration = Duration::from_secs(15 * 60);
/// What a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// The act of a failure that is the store's own.
pub(crate) const STORE: &str = "store";
/// What a damaged store's own words would say is of no help.
const DAMAGED: &str = "the store is damaged: what is in it can not be read any more";

/// A connection that is being made: the socket and its TLS exporter.
type Connecting = tokio::task::JoinHandle<Result<(Socket, Option<Vec<u8>>)>>;
type Query = Box<dyn FnOnce(&Core) + Send>;

enum Message {
    Act(Box<Command>, oneshot::Sender<Result<Vec<Event>, CoreError>>),
    Query(Query),
    Stop(oneshot::Sender<()>),
}

/// What nothing at the app is waited for after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The app says that the account is no more, or suspended.
    AccountGone,
    /// The store is deleted, for this reason.
    Erased(String),
}

/// The running shell, from outside.
#[derive(Clone)]
pub(crate) struct Handle {
    messages: mpsc::Sender<Message>,
    events: broadcast::Sender<Event>,
    damage: Arc<OnceLock<String>>,
    trouble: watch::Receiver<Option<Trouble>>,
    ended: watch::Receiver<Option<Ended>>,
}

impl Handle {
    /// Whether it ended for this device, also when that was told before anybody listened.
    pub(crate) fn ended(&self) -> watch::Receiver<Option<Ended>> {
        self.ended.clone()
    }

    /// Why the newest attempt to connect failed, or did not end in a session; changes with each
    /// attempt.
    pub(crate) fn trouble(&self) -> watch::Receiver<Option<Trouble>> {
        self.trouble.clone()
    }

    /// Gives an act to the core; what it tells at once comes back, what follows comes as events.
    pub(crate) async fn act(&self, command: Command) -> Result<Vec<Event>> {
        let (answer, wait) = oneshot::channel();
        self.messages
            .send(Message::Act(Box::new(command), answer))
            .await
            .map_err(|_| self.gone())?;
        wait.await.map_err(|_| self.gone())?.map_err(in_words)
    }

    /// Asks the core.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Core) -> Result<T, CoreError> + Send + 'static,
    ) -> Result<T> {
        let (answer, wait) = oneshot::channel();
        let query: Query = Box::new(move |core| drop(answer.send(ask(core))));
        self.messages
            .send(Message::Query(query))
            .await
            .map_err(|_| self.gone())?;
        wait.await.map_err(|_| self.gone())?.map_err(in_words)
    }

    /// All events from now on.
    pub(crate) fn events(&self) -> broadcast::Receiver<Event> {
        self.events.subscribe()
    }

    /// Why nothing can be asked any more.
    pub(crate) fn gone(&self) -> anyhow::Error {
        match self.damage.get() {
            Some(message) => Refused::here(STORE, "store_failed", message.clone()).into(),
            None => anyhow::anyhow!("the program's core has stopped"),
        }
    }

    /// Stops the shell, closing the connection.
    pub(crate) async fn stop(&self) {
        let (answer, wait) = oneshot::channel();
        if self.messages.send(Message::Stop(answer)).await.is_ok() {
            let _ = wait.await;
        }
    }
}

struct Shell {
    core: Core,
    server: Server,
    inputs: mpsc::Sender<Input>,
    events: broadcast::Sender<Event>,
    trouble: watch::Sender<Option<Trouble>>,
    ended: watch::Sender<Option<Ended>>,
    wanted: bool,
    socket: Option<Socket>,
    /// Time and attempt of the next connection.
    reconnect: (Instant, u32),
    /// Since when this device is signed in on the socket.
    signed_in: Option<Instant>,
    /// Since when an answer is owed on the socket.
    owed: Option<Instant>,
    wake: Option<Instant>,
    erase: Option<Box<dyn FnOnce() + Send>>,
    /// What moves files, by the transfer's number.
    moving: HashMap<i64, AbortHandle>,
    /// Set when the store is damaged: nothing goes on then.
    damage: Arc<OnceLock<String>>,
}

/// Starts the shell around an opened core. `erase` deletes the store when the account is gone. All
/// events from the first one on come with the handle.
pub(crate) fn start(
    core: Core,
    server: Server,
    erase: Box<dyn FnOnce() + Send>,
) -> (Handle, broadcast::Receiver<Event>) {
    let (messages, inbox) = mpsc::channel(64);
    let (inputs, answers) = mpsc::channel(64);
    let (events, all) = broadcast::channel(4_096);
    let (trouble, heard) = watch::channel(None);
    let (ended, end) = watch::channel(None);
    let handle = Handle {
        messages,
        events: events.clone(),
        damage: Arc::default(),
        trouble: heard,
        ended: end,
    };
    let shell = Shell {
        core,
        server,
        inputs,
        events,
        trouble,
        ended,
        wanted: false,
        socket: None,
        reconnect: (Instant::now(), 0),
        signed_in: None,
        owed: None,
        wake: None,
        erase: Some(erase),
        moving: HashMap::new(),
        damage: handle.damage.clone(),
    };
    tokio::spawn(shell.run(inbox, answers));
    (handle, all)
}

impl Shell {
    async fn run(mut self, mut inbox: mpsc::Receiver<Message>, mut answers: mpsc::Receiver<Input>) {
        let mut connecting: Option<Connecting> = None;
        let mut ping = tokio::time::interval(PING);
        self.give(Input::Tick).await;
        loop {
            if self.damage.get().is_some() {
                return;
            }
            if self.wanted
                && self.socket.is_none()
                && connecting.is_none()
                && Instant::now() >= self.reconnect.0
            {
                let server = self.server.clone();
                connecting = Some(tokio::spawn(async move { server.connect().await }));
            }
            let wake = self
                .wake
                .unwrap_or_else(|| Instant::now() + Duration::from_secs(3_600));
            let dead = self.owed.unwrap_or_else(Instant::now) + ANSWER;
            let owes = self.socket.is_some() && self.owed.is_some();
            let waiting_to_connect = self.wanted && self.socket.is_none() && connecting.is_none();
            tokio::select! {
                message = inbox.recv() => match message {
                    Some(Message::Act(command, answer)) => drop(answer.send(self.step(Input::Command(*command)).await)),
                    Some(Message::Query(query)) => query(&self.core),
                    Some(Message::Stop(answer)) => {
                        if let Some(socket) = self.socket.take() {
                            let _ = tokio::time::timeout(GOODBYE, goodbye(socket)).await;
                        }
                        drop(self);
                        let _ = answer.send(());
                        return;
                    }
                    None => return,
                },
                Some(input) = answers.recv() => self.give(input).await,
                frame = next_frame(&mut self.socket) => self.received(frame).await,
                outcome = joined(&mut connecting) => {
                    connecting = None;
                    match outcome {
                        Ok((socket, exporter)) => {
                            self.trouble.send_replace(None);
                            self.socket = Some(socket);
                            // The app speaks first, once it was greeted.
                            (self.signed_in, self.owed) = (None, Some(Instant::now()));
                            self.give(Input::Connected { exporter }).await;
                        }
                        Err(error) => {
                            self.trouble.send_replace(Some(Trouble::of(error.as_ref())));
                            self.lost();
                        }
                    }
                }
                () = sleep_until(wake) => {
                    self.wake = None;
                    self.give(Input::Tick).await;
                }
                () = sleep_until(self.reconnect.0), if waiting_to_connect => {}
                () = sleep_until(dead), if owes => {
                    // What came while a step took long is an answer, too.
                    match next_frame(&mut self.socket).now_or_never() {
                        Some(frame) => self.received(frame).await,
                        None => self.disconnect().await,
                    }
                }
                _ = ping.tick() => {
                    let ping = tungstenite::Message::Ping(Vec::new().into());
                    if self.socket.is_some() && !self.send(ping, true).await {
                        self.disconnect().await;
                    }
                }
            }
        }
    }

    /// Writes to the socket; false when it is broken, or takes nothing any more.
    async fn send(&mut self, message: tungstenite::Message, asks: bool) -> bool {
        let Some(socket) = &mut self.socket else {
            return false;
        };
        if asks {
            self.owed.get_or_insert_with(Instant::now);
        }
        let sent = tokio::time::timeout(ANSWER, socket.send(message)).await;
        matches!(sent, Ok(Ok(())))
    }

    /// Sets the time of the next attempt: 0.2 s, 0.4 s … 30 s, with jitter.
    fn lost(&mut self) {
        if self
            .signed_in
            .take()
            .is_some_and(|since| since.elapsed() >= LASTED)
        {
            self.reconnect.1 = 0;
        }
        let attempt = self.reconnect.1.min(8);
        let base = (200_u64 << attempt).min(30_000);
        let jitter = u64::from(rand::rng().next_u32()) % (base / 2 + 1);
        self.reconnect = (
            Instant::now() + Duration::from_millis(base / 2 + jitter),
            attempt + 1,
        );
    }

    async fn received(&mut self, frame: Option<Result<tungstenite::Message, tungstenite::Error>>) {
        if let Some(Ok(_)) = &frame {
            self.owed = None;
        }
        match frame {
            Some(Ok(tungstenite::Message::Binary(bytes))) => {
                let Ok(batch) = decode_server_batch(&bytes) else {
                    return self.disconnect().await;
                };
                for frame in batch.frames {
                    let news = News::of(&frame);
                    match news {
                        News::SignedIn => self.signed_in = Some(Instant::now()),
                        News::Closing(away) => self.reconnect.0 = Instant::now() + away,
                        News::Taken | News::Other => {}
                    }
                    self.give(Input::Frame(frame)).await;
                    if self.socket.is_none() {
                        return;
                    }
                    if news == News::Taken {
                        self.reconnect.1 = 0;
                    }
                }
            }
            Some(Ok(tungstenite::Message::Close(_)) | Err(_)) | None => self.disconnect().await,
            Some(Ok(_)) => {}
        }
    }

    async fn disconnect(&mut self) {
        self.socket = None;
        // What is known already says more.
        if self.trouble.borrow().is_none() {
            let broke_off = Trouble::passing("the connection broke off");
            self.trouble.send_replace(Some(broke_off));
        }
        if Instant::now() >= self.reconnect.0 {
            self.lost();
        }
        self.give(Input::Disconnected).await;
    }

    /// Gives an input whose failure only the log can hear of.
    async fn give(&mut self, input: Input) {
        if let Err(error) = self.step(input).await {
            tracing::error!(code = error.code(), %error, "a step failed and was undone");
            // Who waits for what the step was about hears why it does not come.
            let failed = |message: String, retry_after_ms| {
                let _ = self.events.send(Event::Failed {
                    act: STORE.to_owned(),
                    code: error.code().to_owned(),
                    message,
                    retry_after_ms,
                });
            };
            if is_damage(&error) {
                let _ = self.damage.set(DAMAGED.to_owned());
                return failed(DAMAGED.to_owned(), 0);
            }
            failed(error.to_string(), 1);
            // What the step was about is asked for again by the next session.
            self.socket = None;
            self.lost();
            let disconnected = Box::pin(self.step(Input::Disconnected));
            let _ = disconnected.await;
        }
    }

    async fn step(&mut self, input: Input) -> Result<Vec<Event>, CoreError> {
        let mut random = |bytes: &mut [u8]| rand::rng().fill_bytes(bytes);
        let Output {
            effects,
            events,
            wake_at_ms,
        } = self.core.step(now_ms(), &mut random, input)?;
        if let Some(at) = wake_at_ms {
            let at = Instant::now()
                + Duration::from_millis(u64::try_from(at.saturating_sub(now_ms())).unwrap_or(0));
            self.wake = Some(self.wake.map_or(at, |other| other.min(at)));
        }
        self.run_effects(effects).await;
        for event in &events {
            let _ = self.events.send(event.clone());
        }
        // After the events: who listens hears these first.
        for event in &events {
            if let Some(trouble) = Trouble::of_event(event) {
                self.trouble.send_replace(Some(trouble));
            }
            let ended = match event {
                Event::Online => None,
                Event::Gone { reason } if reason == "account_gone" => Some(Ended::AccountGone),
                Event::Erased { reason } => Some(Ended::Erased(reason.clone())),
                _ => continue,
            };
            self.ended.send_replace(ended);
        }
        Ok(events)
    }

    async fn run_effects(&mut self, effects: Vec<Effect>) {
        let mut frames = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send(frame) => frames.push(frame),
                Effect::Connect => self.wanted = true,
                Effect::Reconnect => {
                    self.socket = None;
                    self.reconnect.0 = Instant::now() + Duration::from_millis(200);
                    let _ = self.inputs.try_send(Input::Disconnected);
                }
                Effect::Disconnect => {
                    self.wanted = false;
                    self.socket = None;
                }
                Effect::Erase => {
                    self.wanted = false;
                    self.socket = None;
                    if let Some(erase) = self.erase.take() {
                        erase();
                    }
                }
                Effect::Http {
                    call,
                    method,
                    path,
                    body,
                    token,
                } => {
                    let (server, inputs) = (self.server.clone(), self.inputs.clone());
                    tokio::spawn(async move {
                        let result = server.call(method, &path, body, token.as_deref()).await;
                        let _ = inputs.send(Input::HttpDone { call, result }).await;
                    });
                }
                Effect::Upload(job) => {
                    let (server, inputs) = (self.server.clone(), self.inputs.clone());
                    let transfer = job.transfer;
                    self.moves(
                        transfer,
                        tokio::spawn(transfer::upload(server, inputs, job)),
                    );
                }
                Effect::Download(job) => {
                    let (server, inputs) = (self.server.clone(), self.inputs.clone());
                    let transfer = job.transfer;
                    self.moves(
                        transfer,
                        tokio::spawn(transfer::download(server, inputs, job)),
                    );
                }
                Effect::StopTransfer(transfer) => {
                    if let Some(moving) = self.moving.remove(&transfer) {
                        moving.abort();
                    }
                }
            }
        }
        self.send_frames(frames).await;
    }

    fn moves(&mut self, transfer: i64, task: JoinHandle<()>) {
        self.moving.retain(|_, moving| !moving.is_finished());
        self.moving.insert(transfer, task.abort_handle());
    }

    /// All frames of a step in one message, or a few when there are many.
    async fn send_frames(&mut self, frames: Vec<proto::ClientFrame>) {
        let mut frames = frames.into_iter().peekable();
        while frames.peek().is_some() {
            let mut batch = proto::ClientBatch::default();
            let mut bytes = 0;
            while let Some(frame) = frames.next_if(|frame| {
                batch.frames.is_empty()
                    || (batch.frames.len() < comity_wire::limits::BATCH_FRAMES_MAX
                        && bytes + frame.encoded_len() < comity_wire::limits::FRAME_BYTES_MAX / 2)
            }) {
                bytes += frame.encoded_len();
                batch.frames.push(frame);
            }
            if self.socket.is_none() {
                return;
            }
            let asks = batch.frames.iter().any(|frame| frame.request != 0);
            let message = tungstenite::Message::Binary(batch.encode_to_vec().into());
            if !self.send(message, asks).await {
                self.socket = None;
                self.lost();
                let _ = self.inputs.try_send(Input::Disconnected);
                return;
            }
        }
    }
}

/// What a frame means for the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    SignedIn,
    /// The app is away for so long.
    Closing(Duration),
    /// Something was said, or what was said here is with the app.
    Taken,
    Other,
}

impl News {
    fn of(frame: &proto::ServerFrame) -> Self {
        use proto::reply::Result as Answer;
        use proto::server_frame::Frame;
        match &frame.frame {
            Some(Frame::Closing(closing)) => {
                let away = Duration::from_millis(u64::from(closing.retry_after_ms));
                Self::Closing(away.min(AWAY_MAX))
            }
            Some(Frame::Deliver(_)) => Self::Taken,
            Some(Frame::Reply(reply)) => match &reply.result {
                Some(Answer::SignedIn(_)) => Self::SignedIn,
                Some(Answer::Deliver(_) | Answer::Appended(_)) => Self::Taken,
                _ => Self::Other,
            },
            _ => Self::Other,
        }
    }
}

/// Closes a connection, and reads until the app has heard: a socket that is left with unread bytes is reset,
/// and what was said last may be lost on its way.
async fn goodbye(mut socket: Socket) {
    if socket.close(None).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}

/// What the core refuses; of a broken store in words of its own, since SQLite has none that help.
pub(crate) fn in_words(error: CoreError) -> anyhow::Error {
    if is_damage(&error) {
        Refused::here(STORE, error.code(), DAMAGED.to_owned()).into()
    } else {
        error.into()
    }
}

/// Whether the store's file itself is broken: trying again makes nothing better.
fn is_damage(error: &CoreError) -> bool {
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

async fn next_frame(
    socket: &mut Option<Socket>,
) -> Option<Result<tungstenite::Message, tungstenite::Error>> {
    match socket {
        Some(socket) => socket.next().await,
        None => std::future::pending().await,
    }
}

async fn joined<T>(task: &mut Option<tokio::task::JoinHandle<Result<T>>>) -> Result<T> {
    match task {
        Some(task) => task.await?,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing(retry_after_ms: u32) -> News {
        let closing = proto::Closing {
            code: "unavailable".to_owned(),
            retry_after_ms,
        };
        News::of(&proto::ServerFrame {
            frame: Some(proto::server_frame::Frame::Closing(closing)),
        })
    }

    #[test]
    fn no_server_sends_a_device_away_for_long() {
        assert_eq!(closing(5_000), News::Closing(Duration::from_secs(5)));
        assert_eq!(closing(u32::MAX), News::Closing(Duration::from_secs(900)));
    }
}
