//! The connection to the app: one WebSocket at a time, taken up again with back-off.
//!
//! Always holds: what an older session's socket still says is passed over; what fails again and again
//! is tried less and less often, also where each connection succeeds. Deliberately absent: what is
//! said on it.

use super::{Shell, Signal};
use crate::clock::{now_ms, sleep};
use crate::socket::Socket;
use comity_client::Input;
use comity_wire::{UnixMs, decode_server_batch, proto};
use rand::RngCore as _;
use wasm_bindgen_futures::spawn_local;

const CONNECT_TIMEOUT_MS: i64 = 15_000;
/// A greeting or a question that has no answer, and nothing else that comes, for this long: the line is dead, whatever the browser says.
const ANSWER_TIMEOUT_MS: i64 = 30_000;
/// A session that lasted so long was a good one: the next attempt after it comes soon.
const LASTED_MS: i64 = 30_000;
/// However long a server says that it will be away.
const AWAY_MAX_MS: i64 = 15 * 60_000;

/// The connection as it stands.
#[derive(Default)]
pub(super) struct Line {
    /// A connection is to be kept.
    pub(super) wanted: bool,
    socket: Option<Socket>,
    /// Counts sockets: which one speaks.
    session: u64,
    open: bool,
    /// No attempt before this time, and how many failed in a row.
    retry_ms: UnixMs,
    attempts: u32,
    /// The time of the attempt that a timer is set for.
    due_ms: Option<UnixMs>,
    /// Since when this device is signed in on the socket.
    signed_in_ms: Option<UnixMs>,
    /// Questions that have no answer yet, and since when something is owed: the greeting, or the next answer.
    owed: usize,
    owed_ms: Option<UnixMs>,
}

impl Line {
    /// Sends a message with so many questions. Absent without an open socket; false when it broke.
    pub(super) fn send(&mut self, bytes: &[u8], asks: usize) -> Option<bool> {
        let socket = self.socket.as_ref().filter(|_| self.open)?;
        self.owed += asks;
        if asks > 0 {
            self.owed_ms.get_or_insert_with(now_ms);
        }
        Some(socket.send(bytes))
    }

    /// A message came, with so many answers: the line lives.
    fn heard(&mut self, answers: usize) {
        self.owed = self.owed.saturating_sub(answers);
        self.owed_ms = (self.owed > 0).then(now_ms);
    }

    pub(super) fn retry_view(&self) -> Option<UnixMs> {
        (self.wanted && self.socket.is_none()).then_some(self.retry_ms)
    }

    fn close(&mut self) {
        self.socket = None;
        self.open = false;
        (self.owed, self.owed_ms) = (0, None);
    }

    /// Closed, and opened again soon.
    pub(super) fn again_soon(&mut self) {
        self.close();
        (self.retry_ms, self.attempts) = (now_ms() + 200, 0);
    }

    /// Closed for good.
    pub(super) fn give_up(&mut self) {
        self.wanted = false;
        self.close();
    }

    /// Closed; the next attempt after 0.2 s, 0.4 s … 30 s, with jitter.
    fn lost(&mut self) {
        self.close();
        let since = self.signed_in_ms.take();
        if since.is_some_and(|since| now_ms() - since >= LASTED_MS) {
            self.attempts = 0;
        }
        let base = (200_i64 << self.attempts.min(8)).min(30_000);
        let jitter = i64::from(rand::rng().next_u32()) % (base / 2 + 1);
        self.retry_ms = now_ms() + base / 2 + jitter;
        self.attempts = self.attempts.saturating_add(1);
    }
}

impl Shell {
    /// Opens a socket as soon as one may be, if one is wanted.
    pub(super) fn connect_when_due(&self) {
        let at = {
            let line = &mut self.0.borrow_mut().line;
            let at = line.retry_ms.max(now_ms());
            if !line.wanted || line.socket.is_some() || line.due_ms.is_some_and(|due| due <= at) {
                return;
            }
            line.due_ms = Some(at);
            at
        };
        let shell = self.clone();
        spawn_local(async move {
            sleep(at - now_ms()).await;
            let due = {
                let line = &mut shell.0.borrow_mut().line;
                let due = line.due_ms == Some(at) && line.wanted && line.socket.is_none();
                if line.due_ms == Some(at) {
                    line.due_ms = None;
                }
                due
            };
            if due {
                shell.connect();
            }
        });
    }

    fn connect(&self) {
        let (session, url) = {
            let inner = &mut *self.0.borrow_mut();
            inner.line.session += 1;
            // From here on only the app names a time; one that was drawn by a clock that ran ahead means nothing.
            inner.line.retry_ms = 0;
            (inner.line.session, inner.server.socket_url())
        };
        match Socket::open(&url, self, session) {
            Ok(socket) => self.0.borrow_mut().line.socket = Some(socket),
            Err(_) => return self.lose_line(),
        }
        let shell = self.clone();
        spawn_local(async move {
            sleep(CONNECT_TIMEOUT_MS).await;
            if shell.is_at(session) && !shell.0.borrow().line.open {
                shell.closed(session);
            }
        });
    }

    fn is_at(&self, session: u64) -> bool {
        let line = &self.0.borrow().line;
        line.session == session && line.socket.is_some()
    }

    pub(super) fn opened(&self, session: u64) {
        if !self.is_at(session) {
            return;
        }
        {
            let line = &mut self.0.borrow_mut().line;
            (line.open, line.signed_in_ms) = (true, None);
            (line.owed, line.owed_ms) = (0, Some(now_ms()));
        }
        // A browser tells nobody about the TLS under it.
        self.give(Input::Connected { exporter: None });
        let shell = self.clone();
        spawn_local(async move {
            while shell.is_at(session) {
                sleep(ANSWER_TIMEOUT_MS / 3).await;
                let owed = shell.0.borrow().line.owed_ms;
                if owed.is_some_and(|since| now_ms() - since > ANSWER_TIMEOUT_MS) {
                    shell.closed(session);
                }
            }
        });
    }

    pub(super) fn batch(&self, session: u64, bytes: &[u8]) {
        if !self.is_at(session) {
            return;
        }
        let Ok(batch) = decode_server_batch(bytes) else {
            return self.closed(session);
        };
        let answers = batch
            .frames
            .iter()
            .filter(|frame| matches!(frame.frame, Some(proto::server_frame::Frame::Reply(_))));
        self.0.borrow_mut().line.heard(answers.count());
        // In the message's place, each to be worked on by itself: a message may hold much.
        let mut inner = self.0.borrow_mut();
        for frame in batch.frames.into_iter().rev() {
            inner.signals.push_front(Signal::Frame(session, frame));
        }
    }

    pub(super) fn frame(&self, session: u64, frame: proto::ServerFrame) {
        if self.is_at(session) {
            self.note(&frame);
            let is_taken = is_taken(&frame);
            self.give(Input::Frame(frame));
            // A step that failed has closed the socket.
            if is_taken && self.is_at(session) {
                self.0.borrow_mut().line.attempts = 0;
            }
        }
    }

    fn note(&self, frame: &proto::ServerFrame) {
        let line = &mut self.0.borrow_mut().line;
        match &frame.frame {
            Some(proto::server_frame::Frame::Reply(reply))
                if matches!(reply.result, Some(proto::reply::Result::SignedIn(_))) =>
            {
                line.signed_in_ms = Some(now_ms());
            }
            Some(proto::server_frame::Frame::Closing(closing)) => {
                line.retry_ms = now_ms() + i64::from(closing.retry_after_ms).min(AWAY_MAX_MS);
            }
            _ => {}
        }
    }

    pub(super) fn closed(&self, session: u64) {
        if self.is_at(session) {
            self.lose_line();
            self.give(Input::Disconnected);
        }
    }

    /// Closes the socket, and opens another after a while.
    pub(super) fn lose_line(&self) {
        {
            let inner = &mut *self.0.borrow_mut();
            let told = inner.line.retry_ms;
            inner.line.lost();
            // Where the app named a time, that stands.
            inner.line.retry_ms = inner.line.retry_ms.max(told);
            inner.desk.link_changed();
        }
        self.connect_when_due();
    }

    /// The network is back, or somebody looks: no more waiting.
    pub(crate) fn try_now(&self) {
        {
            let line = &mut self.0.borrow_mut().line;
            if line.socket.is_some() {
                return;
            }
            (line.retry_ms, line.attempts) = (now_ms(), 0);
        }
        self.connect_when_due();
    }
}

/// Whether something was said, or what was said here is with the app: where the core takes that, the
/// session is a good one.
fn is_taken(frame: &proto::ServerFrame) -> bool {
    use proto::reply::Result as Answer;
    use proto::server_frame::Frame;
    match &frame.frame {
        Some(Frame::Deliver(_)) => true,
        Some(Frame::Reply(reply)) => {
            matches!(reply.result, Some(Answer::Deliver(_) | Answer::Appended(_)))
        }
        _ => false,
    }
}
