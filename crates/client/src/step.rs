//! One step: what all parts of the core share while an input is taken.

use crate::account::{ListChange, Me};
use crate::calls::Call;
use crate::output::{Effect, Event, Method, Output};
use crate::shared::Shared;
use crate::store::{Rows, meta};
use crate::timeline::Differing;
use crate::{CallError, CoreError, Input};
use comity_e2ee::engine::Groups;
use comity_wire::{Address, AppId, DeviceId, Random, UnixMs, limits, proto};
use rusqlite::Connection;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

/// Where the connection stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) enum Link {
    /// No WebSocket.
    #[default]
    Down,
    /// Hello was sent.
    Greeting { exporter: Option<Vec<u8>> },
    /// The signature was sent.
    SigningIn,
    /// Signed in; `synced` once the first round of changes was asked for and answered.
    Up { token: String, synced: bool },
}

/// What is kept between steps and not stored: it can all be asked for again. It is copied at each
/// step, to go back to after an error: what is large is shared until it changes.
#[derive(Clone, Default)]
pub(crate) struct Memory {
    pub(crate) me: Option<Arc<Me>>,
    /// A copy of this store was used: see [`crate::copies`].
    pub(crate) used_elsewhere: bool,
    pub(crate) link: Link,
    pub(crate) next_call: u64,
    pub(crate) calls: Shared<BTreeMap<u64, Call>>,
    /// What was asked under a token, for as long as it may have to be asked again.
    pub(crate) asked: Shared<BTreeMap<u64, Asked>>,
    /// Frames that wait for a reply.
    pub(crate) requests: Shared<BTreeMap<u64, Request>>,
    /// Logs for which a fetch is under way.
    pub(crate) fetching: Shared<BTreeSet<(String, Vec<u8>)>>,
    /// The time of the newest step.
    pub(crate) now_ms: UnixMs,
    /// What waits longer than this, in milliseconds, is due at once: to be looked for.
    pub(crate) waits_unseen: Option<i64>,
    /// When to ask again for changes or entries that were refused.
    pub(crate) read_again_ms: Option<UnixMs>,
    /// What this device lets itself into, by intent: the leaves are checked, the rest is done in a
    /// later step, one in each.
    pub(crate) joining: Shared<BTreeMap<i64, Joining>>,
    /// Hints of a fork that were followed, by conversation.
    pub(crate) hints: Shared<BTreeMap<i64, Hint>>,
    /// Conversations whose details were replaced, as the hub says, and not looked at since, each with the newest
    /// version that was told of; 0 where any may be new.
    pub(crate) details_unseen: Shared<BTreeMap<i64, u64>>,
    /// Changes of the own device list that wait for one that is under way.
    pub(crate) list_changes: VecDeque<ListChange>,
    /// No change of the own device list is wanted, as was looked for once.
    pub(crate) no_list_wishes: bool,
    /// The app was told of everybody who is blocked, as was looked for once.
    pub(crate) no_blocks_untold: bool,
    /// When to ask again for a change of the own device list that could not be made for now.
    pub(crate) list_change_again_ms: Option<UnixMs>,
    /// When to ask again for device lists that did not come.
    pub(crate) lists_again_ms: Option<UnixMs>,
    /// How often device lists were refused for now since one came.
    pub(crate) lists_refused: i64,
    /// When to tell the app again who is blocked.
    pub(crate) blocks_again_ms: Option<UnixMs>,
    /// The app says that this device was taken out: the account's own list is to prove it.
    pub(crate) proof_wanted: bool,
    /// Until when the session's token is good.
    pub(crate) token_until_ms: UnixMs,
    /// The server went back to an earlier state; its logs are being compared with what is here.
    pub(crate) went_back: bool,
    /// How far each conversation was taken when this session began.
    pub(crate) taken: Shared<BTreeMap<i64, u64>>,
    /// How far the hub said, in this session, that this device has read each conversation.
    pub(crate) cursors_told: Shared<BTreeMap<i64, u64>>,
    /// Conversations of which the hub may not have heard how far this device has read; absent: all.
    pub(crate) unsure_read: Shared<Option<BTreeSet<i64>>>,
    /// Of which it was told in this session.
    pub(crate) told_read: Shared<BTreeSet<i64>>,
    /// Conversations of which the hub keeps entries back.
    pub(crate) withheld: Shared<BTreeSet<i64>>,
    /// Conversations into which a welcome waits, and of which the hub gave nothing from this entry on.
    pub(crate) dry: Shared<BTreeMap<i64, u64>>,
    /// One-time key packages that this device keeps at its app, and how few are too few.
    pub(crate) key_packages: (usize, usize),
    /// The next upkeep of keys.
    pub(crate) upkeep_ms: UnixMs,
    /// When to look at what history was promised to own devices.
    pub(crate) promises_ms: UnixMs,
    /// Transfers handed to the shell.
    pub(crate) transfers: Shared<BTreeSet<i64>>,
    /// The shell was told to keep a connection.
    pub(crate) connecting: bool,
    /// Warnings that this session gave and that one other could cause any number of times.
    pub(crate) warned: Shared<BTreeSet<(&'static str, i64)>>,
    /// What was told of authors who had seen other entries, by conversation and device.
    pub(crate) differing: Shared<BTreeMap<(i64, DeviceId), Differing>>,
    /// Up to where the hub says that this device has read, where that is more than it knows of.
    pub(crate) ahead: Shared<BTreeMap<i64, u64>>,
    /// Own marks that are on their way, or that the hub did not take, by conversation.
    pub(crate) marks_put: Shared<BTreeMap<i64, MarkPut>>,
    /// When typing was last told, by conversation.
    pub(crate) typing_sent: Shared<BTreeMap<i64, UnixMs>>,
    /// When the profiles of a conversation were read again, by conversation.
    pub(crate) profiles_read: Shared<BTreeMap<i64, UnixMs>>,
    /// To whom the own profile was given because they asked, and where.
    pub(crate) profiles_given: Shared<BTreeMap<(i64, Address), UnixMs>>,
    /// When the files of a conversation were looked after, by conversation.
    pub(crate) looked: Shared<BTreeMap<i64, UnixMs>>,
    /// The newest ids of rows that requests are made for, by table.
    newest_ids: Shared<BTreeMap<&'static str, i64>>,
}

/// Until when no hint of a fork is followed, and how long that is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hint {
    pub(crate) until_ms: UnixMs,
    pub(crate) wait_ms: i64,
}

/// An own mark as it was last put in this session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarkPut {
    pub(crate) epoch: u64,
    pub(crate) read_seq: u64,
    /// It was refused for now: when it is put again.
    pub(crate) again_ms: Option<UnixMs>,
}

/// The state of a conversation that this device lets itself into.
#[derive(Clone, Debug)]
pub(crate) struct Joining {
    pub(crate) state: Arc<proto::StateReply>,
    /// It is for a step after this.
    pub(crate) after_ms: UnixMs,
}

/// An HTTP act under a token.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    method: Method,
    path: String,
    body: Option<Vec<u8>>,
    /// It was refused as `unauthenticated` before and asked again.
    again: bool,
    /// It waits for a new token.
    waits: bool,
}

/// What a reply will be about.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    SignIn,
    Sync,
    Fetch {
        hub: String,
        log: Vec<u8>,
    },
    /// Entries that were taken, to be compared with.
    LookBack {
        conversation: i64,
    },
    Append {
        queue: i64,
    },
    Create {
        intent: i64,
    },
    Commit {
        intent: i64,
    },
    Welcome {
        hub: String,
        cid: Vec<u8>,
        commit_seq: u64,
    },
    State {
        intent: i64,
    },
    Details {
        intent: i64,
    },
    PutDetails {
        intent: i64,
        document: Vec<u8>,
        epoch: u64,
    },
    Leave {
        intent: i64,
    },
    Mark {
        conversation: i64,
    },
    /// How far this device has read, told again.
    Positions,
}

impl Request {
    /// The intent that it is made for.
    pub(crate) const fn intent(&self) -> Option<i64> {
        match self {
            Self::Create { intent }
            | Self::Commit { intent }
            | Self::State { intent }
            | Self::Details { intent }
            | Self::PutDetails { intent, .. }
            | Self::Leave { intent } => Some(*intent),
            _ => None,
        }
    }
}

/// Says how far others are, and nothing else.
const fn is_news(input: &Input) -> bool {
    use proto::server_frame::Frame::{Cursors, Marks, Signal};
    match input {
        Input::Frame(frame) => matches!(frame.frame, Some(Cursors(_) | Marks(_) | Signal(_))),
        _ => false,
    }
}

impl Memory {
    pub(crate) fn load(conn: &Connection) -> Result<Self, CoreError> {
        Ok(Self {
            me: Me::load(conn)?.map(Arc::new),
            key_packages: (limits::KEY_PACKAGES_TARGET, limits::KEY_PACKAGES_LOW),
            used_elsewhere: meta::get(conn, crate::copies::KEY)?.unwrap_or(false),
            ..Self::default()
        })
    }
}

/// A step under way.
pub(crate) struct Step<'a> {
    pub(crate) tx: &'a Rows<'a>,
    pub(crate) groups: &'a mut Groups,
    pub(crate) mem: &'a mut Memory,
    pub(crate) now: UnixMs,
    pub(crate) random: &'a mut dyn Random,
    effects: Vec<Effect>,
    events: Vec<Event>,
    wake_at: Option<UnixMs>,
}

impl<'a> Step<'a> {
    pub(crate) fn new(
        tx: &'a Rows<'a>,
        groups: &'a mut Groups,
        mem: &'a mut Memory,
        now: UnixMs,
        random: &'a mut dyn Random,
    ) -> Self {
        Self {
            tx,
            groups,
            mem,
            now,
            random,
            effects: Vec::new(),
            events: Vec::new(),
            wake_at: None,
        }
    }

    /// Takes the input, then does whatever has become possible.
    pub(crate) fn take(&mut self, input: Input) -> Result<(), CoreError> {
        self.note_time();
        let is_news = is_news(&input);
        self.leave_expired_session();
        self.expire()?;
        match input {
            Input::Command(command) => self.command(command)?,
            Input::Connected { exporter } => self.connected(exporter)?,
            Input::Disconnected => self.disconnected(),
            Input::Frame(frame) => self.frame(frame)?,
            Input::HttpDone { call, result } => self.http_done(call, result)?,
            Input::UploadStarted {
                transfer,
                blob,
                stamp,
            } => self.upload_started(transfer, blob, &stamp)?,
            Input::TransferProgress {
                transfer,
                done_bytes,
            } => self.transfer_progress(transfer, done_bytes)?,
            Input::UploadDone {
                transfer,
                blake3,
                blob_size,
            } => self.upload_done(transfer, blake3, blob_size)?,
            Input::DownloadDone { transfer, bytes } => self.download_done(transfer, bytes)?,
            Input::TransferFailed {
                transfer,
                code,
                retry,
            } => self.transfer_failed(transfer, &code, retry)?,
            Input::Tick => {}
        }
        if is_news {
            // What others have got and read makes nothing possible here, and comes all the time.
            return Ok(());
        }
        self.pump()?;
        self.wake_for_expiry()
    }

    /// Whatever is due and possible now.
    fn pump(&mut self) -> Result<(), CoreError> {
        if self.mem.me.is_none() {
            return self.pump_link_poll();
        }
        if self.mem.used_elsewhere {
            return Ok(());
        }
        if !self.mem.connecting {
            self.mem.connecting = true;
            self.effect(Effect::Connect);
        }
        self.pump_reading()?;
        if self.is_synced() && !self.reads_what_it_read()? {
            self.pump_waits()?;
            self.pump_upkeep()?;
            self.pump_lists()?;
            self.next_list_change()?;
            self.pump_blocks()?;
            self.pump_introductions()?;
            self.pump_welcomes()?;
            self.pump_intents()?;
            self.pump_owed_history()?;
            self.pump_promises()?;
            self.pump_send_queue()?;
            self.pump_marks()?;
            self.pump_transfers()?;
            self.pump_session();
        } else if self.mem.proof_wanted {
            self.pump_lists()?;
        }
        Ok(())
    }

    /// Does something of which, when it fails by what it is about, nothing remains but the error. A
    /// fault of the store fails the whole step.
    pub(crate) fn attempt(
        &mut self,
        what: impl FnOnce(&mut Self) -> Result<(), CoreError>,
    ) -> Result<Result<(), CoreError>, CoreError> {
        let (effects, events, memory) = (self.effects.len(), self.events.len(), self.mem.clone());
        self.tx.execute("SAVEPOINT attempt", [])?;
        match what(self) {
            Err(error) if !error.is_of_the_store() => {
                self.tx.execute("ROLLBACK TO attempt", [])?;
                self.tx.execute("RELEASE attempt", [])?;
                self.effects.truncate(effects);
                self.events.truncate(events);
                *self.mem = memory;
                self.groups.forget_all();
                Ok(Err(error))
            }
            Err(error) => Err(error),
            Ok(()) => {
                self.tx.execute("RELEASE attempt", [])?;
                Ok(Ok(()))
            }
        }
    }

    pub(crate) fn finish(self) -> Output {
        Output {
            effects: self.effects,
            events: self.events,
            wake_at_ms: self.wake_at,
        }
    }

    pub(crate) fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(crate) fn event(&mut self, event: Event) {
        self.events.push(event);
    }

    pub(crate) fn warn(&mut self, code: &str, conversation: Option<i64>) {
        self.event(Event::Warning {
            code: code.to_owned(),
            conversation,
        });
    }

    /// A warning that is given once a session and conversation, however often it would be due.
    pub(crate) fn warn_once(&mut self, code: &'static str, conversation: i64) {
        if self.mem.warned.insert((code, conversation)) {
            self.warn(code, Some(conversation));
        }
    }

    pub(crate) fn failed(&mut self, act: &str, error: &CallError) {
        self.tell_failed(act, error, 0);
    }

    /// It did not work for now: it is kept and done later.
    pub(crate) fn failed_for_now(&mut self, act: &str, error: &CallError) {
        self.tell_failed(act, error, 1);
    }

    fn tell_failed(&mut self, act: &str, error: &CallError, wait_ms_min: u32) {
        let (code, message, retry_after_ms) = match error {
            CallError::Refused(wire) => (
                wire.code.as_str().to_owned(),
                server_words(&wire.message),
                wire.retry_after_ms,
            ),
            CallError::Unreachable(_) => ("unreachable".to_owned(), error.to_string(), 1),
        };
        self.event(Event::Failed {
            act: act.to_owned(),
            code,
            message,
            retry_after_ms: retry_after_ms.max(wait_ms_min),
        });
    }

    pub(crate) fn refuse(&mut self, act: &str, code: &str, message: &str) {
        self.event(Event::Failed {
            act: act.to_owned(),
            code: code.to_owned(),
            message: message.to_owned(),
            retry_after_ms: 0,
        });
    }

    /// Asks to be woken at `at`, if not earlier.
    pub(crate) fn wake(&mut self, at: UnixMs) {
        let at = at.max(self.now + 1);
        self.wake_at = Some(self.wake_at.map_or(at, |other| other.min(at)));
    }

    pub(crate) fn me(&self) -> Result<Arc<Me>, CoreError> {
        self.mem
            .me
            .clone()
            .ok_or(CoreError::NotNow("nobody is signed up on this device"))
    }

    pub(crate) fn is_synced(&self) -> bool {
        matches!(self.mem.link, Link::Up { synced: true, .. })
    }

    pub(crate) fn token(&self) -> Option<String> {
        match &self.mem.link {
            Link::Up { token, .. } => Some(token.clone()),
            _ => None,
        }
    }

    pub(crate) fn app(&self) -> Result<AppId, CoreError> {
        if let Some(me) = &self.mem.me {
            return Ok(me.address.app.clone());
        }
        meta::get(self.tx, "app")?.ok_or(CoreError::NotNow("the app is not known yet"))
    }

    /// How a hub stands in frames: empty for the own app.
    /// An id for a row that requests are made for. None that was used while this program runs: a
    /// reply to what was asked for a row that is gone is about no other.
    pub(crate) fn fresh_id(&mut self, table: &'static str) -> Result<i64, CoreError> {
        let stored: i64 = self
            .tx
            .prepare_cached(&format!("SELECT coalesce(max(id), 0) FROM {table}"))?
            .query_row([], |row| row.get(0))?;
        let newest = self.mem.newest_ids.entry(table).or_default();
        *newest = stored.max(*newest) + 1;
        Ok(*newest)
    }

    pub(crate) fn wire_hub(&self, hub: &AppId) -> String {
        match &self.mem.me {
            Some(me) if me.address.app == *hub => String::new(),
            _ => hub.as_str().to_owned(),
        }
    }

    /// A hub off the wire, empty when it is the own app, which servers may name or not.
    pub(crate) fn near_hub<'h>(&self, hub: &'h str) -> &'h str {
        match &self.mem.me {
            Some(me) if me.address.app.as_str() == hub => "",
            _ => hub,
        }
    }

    pub(crate) fn random_bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// An HTTP act.
    pub(crate) fn http<B: Serialize>(
        &mut self,
        method: Method,
        path: impl Into<String>,
        body: Option<&B>,
        call: Call,
    ) -> Result<(), CoreError> {
        let body = body
            .map(|body| serde_json::to_vec(body).map_err(|_| CoreError::Damaged("call body")))
            .transpose()?;
        self.mem.next_call += 1;
        let id = self.mem.next_call;
        self.mem.calls.insert(id, call);
        let (token, path) = (self.token(), path.into());
        if token.is_some() {
            let asked = Asked {
                method,
                path: path.clone(),
                body: body.clone(),
                again: false,
                waits: false,
            };
            self.mem.asked.insert(id, asked);
        }
        self.effect(Effect::Http {
            call: id,
            method,
            path,
            body,
            token,
        });
        Ok(())
    }

    /// The answer to an HTTP act has come. True when the token was refused before its end: then the
    /// act waits for another one, once.
    pub(crate) fn asks_again(&mut self, call: u64, refused: bool) -> bool {
        let Some(mut asked) = self.mem.asked.remove(&call) else {
            return false;
        };
        if !refused || asked.again {
            return false;
        }
        (asked.again, asked.waits) = (true, true);
        self.mem.asked.insert(call, asked);
        self.sign_in_anew();
        true
    }

    /// There is a new token: what waited for it is asked again.
    pub(crate) fn ask_again(&mut self) {
        let token = self.token();
        let waiting: Vec<u64> = self
            .mem
            .asked
            .iter()
            .filter_map(|(call, asked)| asked.waits.then_some(*call))
            .collect();
        for call in waiting {
            let Some(asked) = self.mem.asked.get_mut(&call) else {
                continue;
            };
            asked.waits = false;
            let asked = asked.clone();
            self.effect(Effect::Http {
                call,
                method: asked.method,
                path: asked.path,
                body: asked.body,
                token: token.clone(),
            });
        }
    }

    /// A frame that wants a reply.
    pub(crate) fn request(&mut self, request: Request, act: proto::client_frame::Act) {
        self.mem.next_call += 1;
        let id = self.mem.next_call;
        self.mem.requests.insert(id, request);
        self.effect(Effect::Send(proto::ClientFrame {
            request: id,
            act: Some(act),
        }));
    }

    /// A frame that wants none.
    pub(crate) fn send(&mut self, act: proto::client_frame::Act) {
        self.effect(Effect::Send(proto::ClientFrame {
            request: 0,
            act: Some(act),
        }));
    }

    /// Back-off after `attempts` failures: 1 s, 2 s, 4 s … 5 min, with a quarter of jitter.
    pub(crate) fn back_off_ms(&mut self, attempts: i64) -> i64 {
        let base = 1_000_i64 << attempts.clamp(0, 8);
        let base = base.min(300_000);
        let jitter = i64::from(u16::from_be_bytes(self.random_bytes())) * base / 4 / 65_536;
        base + jitter
    }
}

/// What a server says of an error: one line, not too long, in the order in which it is read.
fn server_words(message: &str) -> String {
    const CHARS_MAX: usize = 300;
    message
        .chars()
        .filter(|c| !matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}'))
        .take(CHARS_MAX)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
