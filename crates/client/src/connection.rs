//! The WebSocket's life: greeting, signing in, asking for changes, and the replies to frames.

use crate::conversations::{Conversation, State};
use crate::output::{Effect, Event};
use crate::step::{Link, Request, Step};
use crate::store::meta;
use crate::{CallError, CoreError, arrival};
use comity_wire::proto::{self, client_frame::Act, reply, server_frame::Frame};
use comity_wire::{AppId, ErrorCode, PROTOCOL_VERSION, WireError, sign_in_message};

/// How long before its end a token is no longer relied on.
const TOKEN_MARGIN_MS: i64 = 5 * 60 * 1_000;
/// The longest that a server is obeyed which refuses a request of the line for now.
const LINE_WAIT_MS_MAX: u32 = 60 * 60 * 1_000;
/// Frames of one fetch, in bytes.
const FETCH_BYTES: u32 = 512 * 1024;

impl Step<'_> {
    pub(crate) fn connected(&mut self, exporter: Option<Vec<u8>>) -> Result<(), CoreError> {
        let me = self.me()?;
        self.forget_session();
        self.mem.link = Link::Greeting { exporter };
        self.send(Act::Hello(proto::Hello {
            version: PROTOCOL_VERSION,
            device: me.keys.id().to_vec(),
            agent: concat!("comity/", env!("CARGO_PKG_VERSION")).to_owned(),
        }));
        Ok(())
    }

    pub(crate) fn disconnected(&mut self) {
        if matches!(self.mem.link, Link::Up { .. }) {
            self.event(Event::Offline);
        }
        self.forget_session();
    }

    /// Nothing of a connection outlives it: what is still wanted is asked for again.
    fn forget_session(&mut self) {
        self.mem.link = Link::Down;
        self.mem.requests.clear();
        self.mem.fetching.clear();
        self.mem.warned.clear();
        self.mem.ahead.clear();
        self.mem.dry.clear();
        self.mem.joining.clear();
        self.mem.read_again_ms = None;
    }

    pub(crate) fn frame(&mut self, frame: proto::ServerFrame) -> Result<(), CoreError> {
        if !arrival::is_sound(&frame) {
            return self.unsound(frame);
        }
        match frame.frame {
            Some(Frame::Challenge(challenge)) => self.challenge(&challenge),
            Some(Frame::Reply(reply)) => self.reply(reply),
            Some(Frame::Deliver(deliver)) => self.deliver(deliver, false),
            Some(Frame::Cursors(cursors)) => self.cursors(&cursors),
            Some(Frame::Marks(marks)) => self.marks(&marks),
            Some(Frame::Signal(signal)) => self.signal(&signal),
            Some(Frame::Behind(_)) => {
                self.ask_for_changes()?;
                Ok(())
            }
            Some(Frame::StateChanged(changed)) => self.state_changed(&changed),
            Some(Frame::Closing(closing)) if closing.code == ErrorCode::Exists.as_str() => {
                self.used_elsewhere("it signed in")
            }
            // The shell sees the socket close and comes back after a while.
            Some(Frame::Closing(_)) | None => Ok(()),
        }
    }

    /// A frame with numbers that no log has: whatever waited for it waits no longer.
    fn unsound(&mut self, frame: proto::ServerFrame) -> Result<(), CoreError> {
        self.warn("server_confused", None);
        let Some(Frame::Reply(reply)) = frame.frame else {
            return Ok(());
        };
        match self.take_request(reply.request) {
            Some(request) => self.makes_no_sense(request),
            None => Ok(()),
        }
    }

    /// What an answer belongs to. It is no longer under way, whatever the answer is.
    fn take_request(&mut self, number: u64) -> Option<Request> {
        let request = self.mem.requests.remove(&number)?;
        if let Request::Fetch { hub, log } = &request {
            self.mem.fetching.remove(&(hub.clone(), log.clone()));
        }
        Some(request)
    }

    /// The server is at fault, and may have done what it was asked. That is asked for again after a pause, with the
    /// same bytes; a sign-in and a look back are not, before the next connection.
    fn makes_no_sense(&mut self, request: Request) -> Result<(), CoreError> {
        let error = WireError::new(ErrorCode::Unavailable, "the server's answer makes no sense");
        self.request_failed(request, error)
    }

    fn challenge(&mut self, challenge: &proto::Challenge) -> Result<(), CoreError> {
        let Link::Greeting { exporter } = self.mem.link.clone() else {
            return Ok(());
        };
        let me = self.me()?;
        let app: Option<AppId> = challenge.app.parse().ok();
        if app.as_ref() != Some(&me.address.app) {
            self.warn("wrong_app", None);
            return Ok(());
        }
        let message = sign_in_message(
            &me.address.app,
            &me.keys.id(),
            &challenge.nonce,
            exporter.as_deref(),
        );
        let signature = me.keys.sign(&message).to_vec();
        self.mem.link = Link::SigningIn;
        self.request(
            Request::SignIn,
            Act::SignIn(proto::SignIn {
                signature,
                exporter: exporter.is_some(),
            }),
        );
        Ok(())
    }

    fn signed_in(&mut self, signed_in: &proto::SignedIn) -> Result<(), CoreError> {
        self.mem.proof_wanted = false;
        let token = data_encoding::BASE64URL_NOPAD.encode(&signed_in.token);
        self.mem.link = Link::Up {
            token,
            synced: false,
        };
        self.mem.upkeep_ms = 0;
        self.waits_are_unseen();
        // By this device's clock, whatever the server's shows.
        let good_ms = signed_in
            .token_expires_ms
            .saturating_sub(signed_in.now_ms)
            .max(0);
        self.mem.token_until_ms = self.now.saturating_add(good_ms);
        meta::put(
            self.tx,
            "key_packages_left",
            &signed_in.one_time_key_packages,
        )?;
        self.ask_again();
        self.own_manifest_seen(signed_in.manifest_seq)?;
        let active = self.conversations_in(State::Active)?;
        let taken = active.iter().map(|row| (row.id, row.next_seq - 1));
        *self.mem.taken = taken.collect();
        self.mem.cursors_told.clear();
        self.mem.marks_put.clear();
        self.ask_for_changes()
    }

    /// After a sleep the token may be over before anything was done: sign in first.
    pub(crate) fn leave_expired_session(&mut self) {
        if matches!(self.mem.link, Link::Up { .. }) && self.now >= self.mem.token_until_ms {
            self.sign_in_anew();
        }
    }

    /// The token is good for nothing any more: begin the session anew.
    pub(crate) fn sign_in_anew(&mut self) {
        if matches!(self.mem.link, Link::Up { .. }) {
            self.mem.token_until_ms = i64::MAX;
            self.event(Event::Offline);
            self.forget_session();
            self.effect(Effect::Reconnect);
        }
    }

    /// A token lives an hour: before it is over the session is begun anew, when nothing is under way.
    pub(crate) fn pump_session(&mut self) {
        let renew_ms = self.mem.token_until_ms.saturating_sub(TOKEN_MARGIN_MS);
        if self.now < renew_ms {
            self.wake(renew_ms);
        } else if self.mem.calls.is_empty() && self.mem.transfers.is_empty() {
            self.mem.token_until_ms = i64::MAX;
            self.effect(Effect::Reconnect);
        } else {
            self.wake(self.now + 1_000);
        }
    }

    /// Reading that was refused is asked for again when its time has come.
    pub(crate) fn pump_reading(&mut self) -> Result<(), CoreError> {
        let (Some(at), Link::Up { synced, .. }) = (self.mem.read_again_ms, &self.mem.link) else {
            return Ok(());
        };
        if self.now < at {
            self.wake(at);
            return Ok(());
        }
        let synced = *synced;
        self.mem.read_again_ms = None;
        if synced {
            self.reconnected_logs()
        } else {
            self.ask_for_changes()
        }
    }

    pub(crate) fn ask_for_changes(&mut self) -> Result<(), CoreError> {
        if self
            .mem
            .requests
            .values()
            .any(|request| matches!(request, Request::Sync))
        {
            return Ok(());
        }
        let since = meta::get(self.tx, "sync_token")?.unwrap_or(0);
        self.request(Request::Sync, Act::Sync(proto::Sync { since }));
        Ok(())
    }

    fn changes(&mut self, changes: &proto::SyncReply) -> Result<(), CoreError> {
        let since: u64 = meta::get(self.tx, "sync_token")?.unwrap_or(0);
        if changes.token < since {
            // The server has forgotten what it told before: everything is compared anew.
            self.warn("server_went_back", None);
            self.mem.went_back = true;
            meta::put(self.tx, "sync_token", &0_u64)?;
            return self.ask_for_changes();
        }
        for log in &changes.logs {
            self.log_state(log)?;
        }
        if self.mem.used_elsewhere {
            return Ok(());
        }
        meta::put(self.tx, "sync_token", &changes.token)?;
        if changes.more {
            return self.ask_for_changes();
        }
        self.mem.went_back = false;
        if let Link::Up { synced, .. } = &mut self.mem.link
            && !*synced
        {
            *synced = true;
            self.mem.lists_again_ms = Some(self.now);
            self.event(Event::Online);
            self.reconnected_logs()?;
            self.acknowledge_again()?;
        }
        Ok(())
    }

    /// What follows in its log is asked for: what comes may be what this device has to know first.
    pub(crate) fn is_reading(&self, conversation: &Conversation) -> bool {
        self.mem.fetching.contains(&conversation.wire_log(self))
    }

    /// Asks for what follows `after_seq`, unless that is under way.
    pub(crate) fn fetch(&mut self, hub: &str, log: &[u8], after_seq: u64) {
        if !self.mem.fetching.insert((hub.to_owned(), log.to_vec())) {
            return;
        }
        self.request(
            Request::Fetch {
                hub: hub.to_owned(),
                log: log.to_vec(),
            },
            Act::Fetch(proto::Fetch {
                hub: hub.to_owned(),
                log: log.to_vec(),
                after_seq,
                bytes_max: FETCH_BYTES,
            }),
        );
    }

    fn reply(&mut self, reply: proto::Reply) -> Result<(), CoreError> {
        let Some(request) = self.take_request(reply.request) else {
            return Ok(());
        };
        let Some(result) = reply.result else {
            self.warn("server_confused", None);
            return self.makes_no_sense(request);
        };
        match request {
            Request::Details { intent } | Request::PutDetails { intent, .. } => {
                self.pursuing(intent, |step| step.answered(request, result))
            }
            _ => self.answered(request, result),
        }
    }

    fn answered(&mut self, request: Request, result: reply::Result) -> Result<(), CoreError> {
        match (request, result) {
            (Request::SignIn, reply::Result::SignedIn(signed_in)) => self.signed_in(&signed_in),
            (Request::Sync, reply::Result::Sync(changes)) => self.changes(&changes),
            (Request::Fetch { .. }, reply::Result::Deliver(deliver)) => self.deliver(deliver, true),
            (Request::LookBack { conversation }, reply::Result::Deliver(deliver)) => {
                self.looked_back(conversation, &deliver)
            }
            (Request::Append { queue }, reply::Result::Appended(appended)) => {
                self.appended(queue, &appended)
            }
            (Request::Create { intent }, reply::Result::Created(created)) => {
                self.created(intent, &created)
            }
            (Request::Create { intent }, reply::Result::Done(_)) => {
                self.created(intent, &proto::Created::default())
            }
            (Request::Commit { intent }, reply::Result::Committed(committed)) => {
                self.committed(intent, &committed)
            }
            (
                Request::Welcome {
                    hub,
                    cid,
                    commit_seq,
                },
                reply::Result::Welcome(welcome),
            ) => self.welcome_fetched(&hub, &cid, commit_seq, &welcome),
            (Request::State { intent }, reply::Result::State(state)) => {
                self.state_fetched(intent, state)
            }
            (Request::Details { intent }, reply::Result::State(state)) => {
                self.details_fetched(intent, &state)
            }
            (
                Request::PutDetails {
                    intent,
                    document,
                    epoch,
                },
                reply::Result::Done(_),
            ) => self.details_put(intent, &document, epoch),
            (Request::Leave { intent }, reply::Result::Done(_)) => self.left(intent),
            (Request::Positions, reply::Result::Done(_)) => {
                self.positions_taken();
                Ok(())
            }
            (Request::Mark { conversation }, reply::Result::Done(_)) => self.mark_put(conversation),
            (request, reply::Result::Error(error)) => self.request_failed(request, error.into()),
            // An answer of another kind than the question.
            (request, _) => {
                self.warn("server_confused", None);
                self.makes_no_sense(request)
            }
        }
    }

    fn request_failed(&mut self, request: Request, error: WireError) -> Result<(), CoreError> {
        let error = bounded(error);
        match request {
            Request::SignIn => self.sign_in_refused(error),
            Request::Sync | Request::Fetch { .. } => {
                if let Request::Fetch { hub, log } = &request
                    && matches!(error.code, ErrorCode::NotMember | ErrorCode::NotFound)
                {
                    return self.log_closed(hub, log);
                }
                let at = self.now + i64::from(error.retry_after_ms).max(1_000);
                self.mem.read_again_ms = Some(at);
                self.wake(at);
                self.failed("sync", &CallError::Refused(error));
                Ok(())
            }
            Request::LookBack { conversation } => self.not_looked_back(conversation),
            // They are told again by the next session.
            Request::Positions => Ok(()),
            Request::Append { queue } => self.append_refused(queue, error),
            Request::Mark { conversation } => {
                self.mark_refused(conversation, &error);
                Ok(())
            }
            Request::Create { intent } | Request::Commit { intent } | Request::State { intent } => {
                self.intent_refused(intent, &error)
            }
            Request::Details { intent } | Request::PutDetails { intent, .. } => {
                self.details_refused(intent, &error)
            }
            Request::Leave { intent } => self.leave_refused(intent, &error),
            Request::Welcome {
                hub,
                cid,
                commit_seq,
            } => self.welcome_refused(&hub, &cid, commit_seq, &error),
        }
    }

    fn sign_in_refused(&mut self, error: WireError) -> Result<(), CoreError> {
        match error.code {
            // The app's word alone deletes nothing here. That a device was taken out is proved by
            // the account's own signed list, which is asked for.
            ErrorCode::DeviceRevoked | ErrorCode::AccountGone => {
                self.mem.link = Link::Down;
                self.effect(Effect::Disconnect);
                let reason = error.code.as_str().to_owned();
                self.event(Event::Gone { reason });
                if error.code == ErrorCode::DeviceRevoked {
                    self.mem.proof_wanted = true;
                    let address = self.me()?.address.clone();
                    self.refresh_contact(&address)?;
                }
                Ok(())
            }
            _ => {
                self.mem.link = Link::Down;
                self.failed("sign_in", &CallError::Refused(error));
                Ok(())
            }
        }
    }
}

/// As the server has it, with a time to wait that is worth the name.
fn bounded(mut error: WireError) -> WireError {
    error.retry_after_ms = error.retry_after_ms.min(LINE_WAIT_MS_MAX);
    error
}
