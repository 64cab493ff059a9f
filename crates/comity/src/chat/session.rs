//! A running client with its waits: for being online, for an event, for a message's fate.

use super::net::Server;
use super::shell::{self, Handle};
use super::store::StoreFolder;
use anyhow::{Context, Result, bail};
use comity_client::{Command, Core, CoreError, Event, Status, TimelineItem, Whom};
use comity_wire::MessageId;
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::broadcast;

/// Code of a store that was copied and used twice.
pub(crate) const USED_ELSEWHERE: &str = "store_used_elsewhere";

/// A client under way.
pub(crate) struct Session {
    pub(crate) handle: Handle,
    pub(crate) json: bool,
    pub(crate) timeout: Duration,
    folder: Arc<StoreFolder>,
}

impl Session {
    /// Opens the core on an unlocked store and starts the shell.
    pub(crate) fn start(
        folder: StoreFolder,
        conn: Connection,
        json: bool,
        timeout_s: u64,
    ) -> Result<Self> {
        let server = Server::new(&folder.settings.server, folder.settings.ca.as_deref())?;
        let core = Core::open(conn)?;
        let folder = Arc::new(folder);
        let erased = folder.clone();
        let handle = shell::start(
            core,
            server,
            Box::new(move || {
                if let Err(error) = erased.erase() {
                    tracing::error!(%error, "the store could not be deleted");
                }
            }),
        );
        Ok(Self {
            handle,
            json,
            timeout: Duration::from_secs(timeout_s),
            folder,
        })
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
        let found = async {
            loop {
                let event = match events.recv().await {
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
                    } if acts.contains(&act.as_str()) || code == USED_ELSEWHERE => {
                        bail!(Refused {
                            act,
                            code,
                            message,
                            retry_after_ms
                        });
                    }
                    // A device that was taken out waits for the proof, and then erases itself.
                    Event::Gone { reason } if reason == "account_gone" => bail!(Refused {
                        act: "sign_in".to_owned(),
                        code: reason,
                        message: "the app says that this account is no more, or suspended"
                            .to_owned(),
                        retry_after_ms: 0,
                    }),
                    Event::Erased { reason } => bail!("this store is erased: {reason}"),
                    _ => {}
                }
            }
        };
        match tokio::time::timeout(self.timeout, found).await {
            Ok(found) => found,
            Err(_) => bail!("nothing within {} seconds", self.timeout.as_secs()),
        }
    }

    /// Refused while a copy of this store is known to have been used.
    async fn only_one(&self) -> Result<()> {
        if self
            .handle
            .query(|core| Ok(core.is_used_elsewhere()))
            .await?
        {
            bail!(Refused {
                act: "sign_in".to_owned(),
                code: USED_ELSEWHERE.to_owned(),
                message: "a copy of this device's store is or was in use elsewhere: nothing is sent from here. Use only one; if it is this one: comity chat go-on-here".to_owned(),
                retry_after_ms: 0,
            });
        }
        Ok(())
    }

    /// Waits until signed in and caught up.
    pub(crate) async fn online(&self) -> Result<()> {
        self.only_one().await?;
        let mut events = self.handle.events();
        let account = self.handle.query(Core::account).await?;
        if account.is_none() {
            bail!(
                "nobody is signed up in {}: `comity chat register` or `comity chat link` first",
                self.folder.path.display()
            );
        }
        if self.handle.query(|core| Ok(core.is_online())).await? {
            return Ok(());
        }
        self.wait(&mut events, &["sign_in"], &mut |event| {
            matches!(event, Event::Online).then_some(())
        })
        .await
        .context("signing in")
    }

    /// Waits until a message is with the app, or why it is not.
    pub(crate) async fn sent(&self, conversation: i64, message: MessageId) -> Result<TimelineItem> {
        let mut events = self.handle.events();
        let fate = |item: &TimelineItem| -> Option<Result<TimelineItem>> {
            match item.status {
                Status::Queued => None,
                Status::Failed => Some(Err(anyhow::anyhow!("not sent: {}", item.failure))),
                _ => Some(Ok(item.clone())),
            }
        };
        let now = self.item(conversation, message).await?;
        if let Some(fate) = now.as_ref().and_then(fate) {
            return fate;
        }
        self.wait(&mut events, &["send"], &mut |event| match event {
            Event::ItemChanged { item, .. } if item.message == message => fate(item),
            _ => None,
        })
        .await?
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
        tokio::time::timeout(self.timeout, all)
            .await
            .context("not everything could be sent in time")?
    }

    /// Waits until nothing is under way: entries to fetch, changes of membership, calls.
    pub(crate) async fn settled(&self) -> Result<()> {
        let quiet = async {
            let mut calm = 0;
            while calm < 3 {
                calm = if self.handle.query(|core| core.is_settled()).await? {
                    calm + 1
                } else {
                    0
                };
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            anyhow::Ok(())
        };
        match tokio::time::timeout(self.timeout, quiet).await {
            Ok(outcome) => outcome,
            // Something keeps trying; what was asked for is answered with what there is.
            Err(_) => Ok(()),
        }
    }

    /// Waits, for a while, until every conversation has the devices that it should have.
    pub(crate) async fn memberships_done(&self) -> Result<()> {
        let done = async {
            while self.handle.query(Core::membership_changes_due).await? > 0 {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            anyhow::Ok(())
        };
        // A device that stays away is let in when it comes: by this device's next start.
        tokio::time::timeout(self.timeout.min(Duration::from_secs(20)), done)
            .await
            .unwrap_or(Ok(()))
    }

    /// Waits to be online where what follows needs the app: a first word to a stranger.
    pub(crate) async fn online_for(&self, to: &Whom) -> Result<()> {
        self.only_one().await?;
        let account = self.handle.query(Core::account).await?;
        if account.is_none() {
            return self.online().await;
        }
        match to {
            Whom::Myself => self.online().await,
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

/// An act that the app or the core refused.
#[derive(Debug, thiserror::Error)]
#[error("{act}: {message} ({code})")]
pub(crate) struct Refused {
    /// The act.
    pub(crate) act: String,
    /// Stable code.
    pub(crate) code: String,
    /// For people and developers.
    pub(crate) message: String,
    /// 0 when waiting will not help.
    pub(crate) retry_after_ms: u32,
}
