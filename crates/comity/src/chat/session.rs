//! A running client with its waits: for being online, for an event, for a message's fate.

use super::ChatArgs;
use super::net::Server;
use super::refused::kept;
pub(crate) use super::refused::{Kept, Refused};
use super::shell::{self, Ended, Handle, STORE};
use super::store::StoreFolder;
use super::words;
use crate::terminal::complain;
use anyhow::{Context, Result, bail};
use comity_client::{Command, Core, CoreError, Event, Status, TimelineItem, Whom};
use comity_wire::MessageId;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, broadcast};

/// Code of a store that was copied and used twice.
pub(crate) const USED_ELSEWHERE: &str = "store_used_elsewhere";
/// An app that was not reached within this time is given up for now.
const NO_WAY: Duration = Duration::from_secs(8);

/// What became of something that was said.
pub(crate) struct Said {
    pub(crate) item: TimelineItem,
    /// It is kept here and goes out by itself; a code for what that waits for, where it is known.
    pub(crate) waits_for: Option<String>,
}

impl Said {
    /// It is on this device only, for now.
    pub(crate) fn is_queued(&self) -> bool {
        self.item.status == Status::Queued
    }
}

/// A client under way.
pub(crate) struct Session {
    pub(crate) handle: Handle,
    pub(crate) json: bool,
    pub(crate) timeout: Duration,
    /// An earlier start asked for an account and was not answered, and this one asks again: what it
    /// tells from its beginning on.
    unanswered: Option<Mutex<broadcast::Receiver<Event>>>,
    folder: Arc<StoreFolder>,
}

impl Session {
    /// Opens the core on an unlocked store and starts the shell. `orders`: the number that the act is
    /// to order a code for; a sign-up with another one is left before it would go on by itself.
    pub(crate) fn start(
        folder: StoreFolder,
        conn: Connection,
        args: &ChatArgs,
        orders: Option<String>,
    ) -> Result<Self> {
        let server = Server::new(&folder.settings.server, folder.settings.ca.as_deref())?;
        let core = Core::open(conn).map_err(shell::in_words)?;
        if let Some(number) = orders {
            core.leave_other_sign_up(&number)?;
        }
        let unanswered = core.sign_up_unanswered()?.is_some();
        let folder = Arc::new(folder);
        let erased = folder.clone();
        let (handle, events) = shell::start(
            core,
            server,
            Box::new(move || {
                if let Err(error) = erased.erase() {
                    complain(&format!("the store could not be deleted: {error:#}"));
                }
            }),
        );
        Ok(Self {
            handle,
            json: args.json,
            timeout: Duration::from_secs(args.timeout),
            unanswered: unanswered.then(|| Mutex::new(events)),
            folder,
        })
    }

    /// How an act on this store is typed.
    pub(crate) fn hint(&self, act: &str) -> String {
        let path = self.folder.path.as_os_str();
        let known =
            std::env::var_os("COMITY_STORE").map_or(path == "comity-chat", |set| set == path);
        let program = crate::terminal::program();
        // Without an act it is a conversation on the screen.
        let act = format!(" {act}");
        let act = act.trim_end();
        if known {
            return format!("`{program} chat{act}`");
        }
        let path = path.to_string_lossy();
        let plain = path
            .chars()
            .all(|c| c.is_alphanumeric() || "/._-~".contains(c));
        if plain {
            format!("`{program} chat --store {path}{act}`")
        } else {
            format!("`{program} chat --store '{path}'{act}`")
        }
    }

    /// Ends the client.
    pub(crate) async fn stop(&self) {
        self.handle.stop().await;
    }

    /// Gives an act and hears everything from then on.
    pub(crate) async fn act(
        &self,
        command: Command,
    ) -> Result<(Vec<Event>, broadcast::Receiver<Event>)> {
        let events = self.handle.events();
        let told = self.handle.act(command).await?;
        Ok((told, events))
    }

    /// Gives an act and waits for the event that `pick` takes; an event of failure ends the wait.
    pub(crate) async fn act_until<T>(
        &self,
        command: Command,
        acts: &[&str],
        mut pick: impl FnMut(&Event) -> Option<T>,
    ) -> Result<T> {
        let (_, mut events) = self.act(command).await?;
        self.wait(&mut events, acts, &mut pick).await
    }

    /// Waits for the event that `pick` takes.
    pub(crate) async fn wait<T>(
        &self,
        events: &mut broadcast::Receiver<Event>,
        acts: &[&str],
        pick: &mut impl FnMut(&Event) -> Option<T>,
    ) -> Result<T> {
        self.wait_within(self.timeout, events, acts, pick).await
    }

    /// The same, within another time than `--timeout`.
    pub(crate) async fn wait_within<T>(
        &self,
        time: Duration,
        events: &mut broadcast::Receiver<Event>,
        acts: &[&str],
        pick: &mut impl FnMut(&Event) -> Option<T>,
    ) -> Result<T> {
        let found = async {
            loop {
                let event = tokio::select! {
                    biased;
                    event = events.recv() => event,
                    error = self.ended() => return Err(error),
                };
                let event = match event {
                    Ok(event) => event,
                    Err(broadcast::error::RecvError::Lagged(_)) => continue,
                    Err(broadcast::error::RecvError::Closed) => return Err(self.handle.gone()),
                };
                if let Some(found) = pick(&event) {
                    return Ok(found);
                }
                match event {
                    Event::Failed {
                        act,
                        code,
                        message,
                        retry_after_ms,
                    } if acts.contains(&act.as_str()) || act == STORE || code == USED_ELSEWHERE => {
                        let message = match act.as_str() {
                            "sign_in" => super::words::sign_in(&code, &message),
                            _ => message,
                        };
                        bail!(Refused {
                            act,
                            code,
                            message,
                            retry_after_ms
                        });
                    }
                    _ => {}
                }
            }
        };
        match tokio::time::timeout(time, found).await {
            Ok(found) => found,
            Err(_) => bail!(self.late(acts.first().copied().unwrap_or("wait"), "nothing happened")),
        }
    }

    /// Ends when nothing comes from the app any more: the account is gone, or the store erased. A
    /// device that was taken out waits for the proof, and then erases itself.
    async fn ended(&self) -> anyhow::Error {
        let mut ended = self.handle.ended();
        loop {
            match ended.borrow_and_update().clone() {
                Some(Ended::AccountGone) => return Refused::account_gone().into(),
                Some(Ended::Erased(reason)) => {
                    return anyhow::anyhow!(super::words::erased(&reason));
                }
                None => {}
            }
            if ended.changed().await.is_err() {
                return self.handle.gone();
            }
        }
    }

    /// The app was reached and does not let this device sign in: nothing goes out by itself.
    pub(crate) fn may_not_sign_in(&self) -> bool {
        let trouble = self.handle.trouble();
        let trouble = trouble.borrow();
        let code = trouble.as_ref().map(|trouble| trouble.code.as_str());
        code == Some(comity_wire::ErrorCode::Unauthenticated.as_str())
    }

    /// What was waited for did not come within `--timeout`: why, where that is known.
    pub(crate) fn late(&self, act: &str, what: &str) -> Refused {
        let trouble = self.handle.trouble().borrow().clone();
        if let Some(trouble) = trouble {
            return trouble.into();
        }
        let message = format!("{what} within {} seconds", self.timeout.as_secs());
        Refused::here(act, "timeout", message)
    }

    /// Refused while a copy of this store is known to have been used.
    async fn only_one(&self) -> Result<()> {
        if let Some(how) = self.handle.query(Core::used_elsewhere_how).await? {
            bail!(Refused {
                act: "sign_in".to_owned(),
                code: USED_ELSEWHERE.to_owned(),
                message: format!(
                    "a copy of this device's store is or was in use elsewhere ({how}): nothing is sent from here. Use only one; if it is this one: {}",
                    self.hint("go-on-here")
                ),
                retry_after_ms: 0,
            });
        }
        Ok(())
    }

    /// Waits for the answer to what an earlier start asked for and was not answered, where there is
    /// something of the kind.
    ///
    /// # Errors
    /// While there is no answer. What is refused for good is none.
    pub(crate) async fn answered(&self) -> Result<()> {
        let Some(events) = &self.unanswered else {
            return Ok(());
        };
        let mut events = events.lock().await;
        if self.query(Core::sign_up_unanswered).await?.is_some() {
            let mut ready = |event: &Event| matches!(event, Event::Ready { .. }).then_some(());
            let outcome = self.wait(&mut events, &["create_account"], &mut ready);
            if let Err(error) = outcome.await
                && self.query(Core::sign_up_unanswered).await?.is_some()
            {
                return Err(error);
            }
        }
        Ok(())
    }

    /// That somebody is signed up here.
    pub(crate) async fn signed_up(&self) -> Result<()> {
        self.answered().await?;
        if self.handle.query(Core::account).await?.is_some() {
            return Ok(());
        }
        bail!(Refused {
            act: "sign_in".to_owned(),
            code: "not_now".to_owned(),
            message: format!(
                "nobody is signed up in {}: {} or {} first",
                self.folder.path.display(),
                self.hint("register +…"),
                self.hint("link")
            ),
            retry_after_ms: 0,
        })
    }

    /// Waits until signed in and caught up.
    pub(crate) async fn online(&self) -> Result<()> {
        self.online_within(NO_WAY).await
    }

    async fn online_within(&self, patience: Duration) -> Result<()> {
        let mut events = self.handle.events();
        self.signed_up().await?;
        self.only_one().await?;
        if self.handle.query(|core| Ok(core.is_online())).await? {
            return Ok(());
        }
        let mut online = |event: &Event| matches!(event, Event::Online).then_some(());
        tokio::select! {
            // What is told came before what is known of the connection's end.
            biased;
            online = self.wait(&mut events, &["sign_in"], &mut online) => online,
            unreachable = self.no_way(patience) => Err(unreachable),
        }
    }

    /// Catches up when the app is there, and says so when what follows is only what was here
    /// before.
    pub(crate) async fn catch_up(&self, offline: bool) -> Result<()> {
        self.signed_up().await?;
        if offline {
            return Ok(());
        }
        let caught_up = match self.online_within(Duration::ZERO).await {
            Ok(()) => self.settled().await,
            Err(error) => Err(error),
        };
        match caught_up {
            Err(error) if error.downcast_ref::<Refused>().is_some() => {
                let why = super::in_words(&error);
                complain(&format!("only what is on this device: {why}"));
                Ok(())
            }
            other => other,
        }
    }

    /// Ends when there was no way to the app for so long, or none will be before somebody mends it.
    async fn no_way(&self, patience: Duration) -> anyhow::Error {
        let end = tokio::time::Instant::now() + patience.min(self.timeout);
        let mut trouble = self.handle.trouble();
        loop {
            let now = trouble.borrow_and_update().clone();
            let over = tokio::time::Instant::now() >= end;
            if let Some(trouble) = now
                && (trouble.stays || over)
            {
                return Refused::from(trouble).into();
            }
            tokio::select! {
                changed = trouble.changed() => if changed.is_err() { std::future::pending::<()>().await },
                () = tokio::time::sleep_until(end), if !over => {}
            }
        }
    }

    /// Waits until a message is with the app, is refused, or is known to wait for something else.
    pub(crate) async fn sent(&self, conversation: i64, message: MessageId) -> Result<Said> {
        let mut events = self.handle.events();
        let mut moved = |event: &Event| match event {
            Event::ItemChanged { item, .. } if item.message == message => {
                (item.status != Status::Queued).then_some(())
            }
            _ => None,
        };
        let now = self.item(conversation, message).await?;
        let mut waits_for = None;
        if now.is_some_and(|item| item.status == Status::Queued) {
            let steps = ["send", "introduce", "sign_in"];
            let outcome = tokio::select! {
                biased;
                moved = self.wait(&mut events, &steps, &mut moved) => moved,
                unreachable = self.no_way(NO_WAY) => Err(unreachable),
                asked = self.only_asked(conversation) => asked,
            };
            if let Err(error) = outcome {
                match error.downcast_ref::<Refused>() {
                    // Until its person has decided which copy goes on, nothing goes out by itself.
                    Some(refused) if refused.code == USED_ELSEWHERE => {
                        bail!(Kept(Refused {
                            message: format!(
                                "what you said is kept here and goes out after {}: do not say it again. A copy of this device's store is or was in use elsewhere",
                                self.hint("go-on-here")
                            ),
                            ..refused.clone()
                        }));
                    }
                    Some(refused) => waits_for = Some(refused.code.clone()),
                    None => return Err(error),
                }
            }
        }
        let item = self.item(conversation, message).await?;
        let item = item.context("the message is gone")?;
        if item.status == Status::Failed {
            bail!(Refused {
                act: "send".to_owned(),
                code: item.failure.clone(),
                message: format!("not sent: {}", words::not_sent(&item.failure)),
                retry_after_ms: 0,
            });
        }
        let waits_for = waits_for.filter(|_| item.status == Status::Queued);
        Ok(Said { item, waits_for })
    }

    /// Ends when nothing is under way in a conversation that only was asked for.
    async fn only_asked(&self, conversation: i64) -> Result<()> {
        loop {
            self.settled().await?;
            let all = self.handle.query(Core::conversations).await?;
            let asking = |one: &comity_client::ConversationView| {
                one.conversation == conversation && one.state == "asking"
            };
            if self.handle.query(|core| core.is_settled()).await? && all.iter().any(asking) {
                bail!(Refused {
                    act: "send".to_owned(),
                    code: "not_accepted".to_owned(),
                    message: "they have not accepted the request yet".to_owned(),
                    retry_after_ms: 0,
                });
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// A line by its message.
    pub(crate) async fn item(
        &self,
        conversation: i64,
        message: MessageId,
    ) -> Result<Option<TimelineItem>> {
        self.handle
            .query(move |core| core.item(conversation, &message))
            .await
    }

    /// Waits until nothing of this device is unsent.
    pub(crate) async fn flushed(&self) -> Result<()> {
        let all = async {
            while self.handle.query(Core::unsent).await? > 0 {
                self.only_one().await?;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(())
        };
        let late = || Kept(self.late("send", "not everything could be sent"));
        tokio::select! {
            biased;
            sent = tokio::time::timeout(self.timeout, all) => sent.map_err(|_| late())?,
            error = self.ended() => Err(kept(error)),
        }
    }

    /// Waits until nothing is under way: entries to fetch, changes of membership, calls.
    pub(crate) async fn settled(&self) -> Result<()> {
        let quiet = async {
            let mut calm = 0;
            while calm < 3 {
                self.only_one().await?;
                calm = if self.handle.query(|core| core.is_settled()).await? {
                    calm + 1
                } else {
                    0
                };
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(())
        };
        tokio::select! {
            biased;
            // Something keeps trying; what was asked for is answered with what there is.
            quiet = tokio::time::timeout(self.timeout, quiet) => quiet.unwrap_or(Ok(())),
            error = self.ended() => Err(error),
        }
    }

    /// Waits, for a while, until every conversation has the devices that it should have. A device that stays
    /// away is let in when it comes: by this device's next start.
    pub(crate) async fn memberships_done(&self) -> Result<()> {
        self.none_due(Core::membership_changes_due).await
    }

    /// Waits, for a while, until a device that was let in has been given its history: that begins when it is
    /// in, and goes on at this device's next start where it takes longer.
    pub(crate) async fn history_given(&self) -> Result<()> {
        self.none_due(Core::history_due).await
    }

    async fn none_due(
        &self,
        due: fn(&Core) -> Result<u64, comity_client::CoreError>,
    ) -> Result<()> {
        let done = async {
            while self.handle.query(due).await? > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            anyhow::Ok(())
        };
        let patience = self.timeout.min(Duration::from_secs(20));
        tokio::select! {
            biased;
            done = tokio::time::timeout(patience, done) => done.unwrap_or(Ok(())),
            error = self.ended() => Err(error),
        }
    }

    /// Waits to be online where what follows needs the app: the first note to oneself, which has
    /// no conversation before.
    pub(crate) async fn online_for(&self, to: &Whom) -> Result<()> {
        self.signed_up().await?;
        self.only_one().await?;
        let all = self.handle.query(Core::conversations).await?;
        match to {
            Whom::Myself if !all.iter().any(|one| one.kind == "self") => self.online().await,
            _ => Ok(()),
        }
    }

    /// Reads from the core.
    pub(crate) async fn query<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&Core) -> Result<T, CoreError> + Send + 'static,
    ) -> Result<T> {
        self.handle.query(ask).await
    }
}
