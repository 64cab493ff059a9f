//! Commands about people and requests, and the answers to what was asked.

use super::{Asked, Talk};
use crate::chat::{people, words};
use anyhow::Result;
use comity_client::{Command, Core, Event, ItemKind, TimelineItem, What, Whom};
use comity_wire::Address;

impl Talk<'_> {
    /// Commands about a person: the one that is named, or whom one talks with.
    pub(super) async fn about_person(&mut self, word: &str, rest: &str) -> Result<()> {
        let named = !rest.is_empty();
        let address = if named {
            people::anyone(self.session, rest).await?
        } else if let Some(address) = self.whom().await? {
            address
        } else {
            self.say("— first say with whom: /to NUMBER or NAME");
            return Ok(());
        };
        match word {
            "verify" => {
                self.asked = Some(Asked::Verify(address));
                self.say("— did you compare the safety number (/safety) by voice or side by side, and it was the same? /yes to say so");
            }
            "block" => {
                let names = super::names(self.session).await?;
                let who = words::somebody(&names, &address);
                self.say(&format!("— block {who}? What they write reaches none of your devices then, also not after /unblock: /yes to do it"));
                self.asked = Some(Asked::Block(address));
            }
            "unblock" => {
                let blocked = false;
                self.session
                    .handle
                    .act(Command::Block { address, blocked })
                    .await?;
                self.say("— no longer blocked");
            }
            _ => {
                let found = self
                    .session
                    .query(move |core| core.contact(&address))
                    .await?;
                if let Some(contact) = found {
                    self.say(&contact.safety_number);
                    self.say(if contact.verified {
                        "— verified"
                    } else {
                        "— not yet verified: compare, then /verify"
                    });
                }
            }
        }
        Ok(())
    }

    /// The person whom one talks with, also where the conversation was named.
    pub(super) async fn whom(&self) -> Result<Option<Address>> {
        Ok(match self.with.clone() {
            Some(Whom::Person(address)) => Some(address),
            Some(Whom::Conversation(id)) => {
                let all = self.session.query(Core::conversations).await?;
                let mut all = all.into_iter();
                all.find(|view| view.conversation == id)
                    .and_then(|view| view.peer)
            }
            _ => None,
        })
    }

    /// Asks whether a line is to be reported: the newest of others, or the one that `:3` names; where
    /// nothing was said yet, their request.
    pub(super) async fn report(&mut self, rest: &str) -> Result<()> {
        let (theirs, reason) = match self.current().await? {
            Some(conversation) => match self.numbered(conversation, rest).await? {
                Some((item, _)) if item.outgoing || item.kind == ItemKind::Notice => {
                    self.say("— only what somebody else said can be reported");
                    return Ok(());
                }
                Some((item, reason)) => (Some(item), reason),
                None => {
                    let theirs = |item: &TimelineItem| {
                        !item.outgoing && !item.deleted && item.kind != ItemKind::Notice
                    };
                    (self.newest(conversation, theirs).await?, rest)
                }
            },
            None => (None, rest),
        };
        let with = match &theirs {
            Some(item) => Some(item.author.clone()),
            None => self.whom().await?,
        };
        let Some(address) = with else {
            self.say("— /report REASON is about the newest line of others, /report :3 REASON about line 3");
            return Ok(());
        };
        let names = super::names(self.session).await?;
        let who = words::somebody(&names, &address);
        let what = match &theirs {
            Some(item) => format!("{who}’s line {}", words::quoted(&item.text)),
            None => format!("{who}’s request"),
        };
        self.say(&format!("— this gives {what} and your reason to the operator's moderators, who can read it then: /yes to do it"));
        self.asked = Some(Asked::Report {
            address,
            messages: theirs.map(|item| item.message).into_iter().collect(),
            reason: reason.to_owned(),
        });
        Ok(())
    }

    /// Takes a line as the answer to what was asked; false where it is a command of its own. A text
    /// is never sent in place of an answer.
    pub(super) async fn answered(&mut self, asked: Asked, line: &str) -> Result<bool> {
        let word = line.strip_prefix('/').unwrap_or(line).to_ascii_lowercase();
        match word.as_str() {
            "y" | "yes" => self.agreed(asked).await?,
            "n" | "no" => self.say("— not done"),
            _ if line.starts_with('/') && !line.starts_with("//") => {
                self.say("— not done: that was no yes");
                return Ok(false);
            }
            _ => self.say("— not done, and your line was not sent: it stood where yes or no was asked for. Type it again to send it"),
        }
        Ok(true)
    }

    /// What was asked is to be done.
    async fn agreed(&mut self, asked: Asked) -> Result<()> {
        match asked {
            Asked::Verify(address) => {
                self.session.handle.act(Command::Verify(address)).await?;
                self.say("— verified");
            }
            Asked::Report {
                address,
                messages,
                reason,
            } => {
                let command = Command::Report {
                    address,
                    messages,
                    reason,
                };
                self.session.handle.act(command).await?;
            }
            Asked::Leave(conversation) => {
                let command = Command::LeaveGroup { conversation };
                self.session.handle.act(command).await?;
                self.with = None;
                self.say("— you left it");
            }
            Asked::Block(address) => {
                let blocked = true;
                self.session
                    .handle
                    .act(Command::Block { address, blocked })
                    .await?;
                self.say("— blocked");
            }
            Asked::Delete(target) => self.speak(What::Delete { target }, None).await?,
            Asked::RecoveryPhrase => {
                self.session.online().await?;
                self.recovery_phrase().await?;
            }
            Asked::Do(command) => {
                self.session.handle.act(*command).await?;
            }
            Asked::RemoveDevice(device) => {
                let command = Command::RemoveDevice(device);
                self.session.handle.act(command).await?;
            }
        }
        Ok(())
    }

    pub(super) async fn contacts(&self) -> Result<()> {
        let contacts = self.session.query(Core::contacts).await?;
        if contacts.is_empty() {
            self.say("— you know nobody yet: /to and a number, + and the country code first, asks somebody to talk");
        }
        for contact in contacts {
            self.say(&words::contact(&contact, false));
        }
        Ok(())
    }

    pub(super) async fn requests(&self) -> Result<()> {
        people::check_numbers(self.session, None).await?;
        let requests = self.session.query(Core::requests).await?;
        if requests.is_empty() {
            self.say("— nobody asks to talk");
        }
        for request in requests {
            self.say(
                &words::event(&words::Names::new(), &Event::Request { request })
                    .unwrap_or_default(),
            );
        }
        Ok(())
    }
}
