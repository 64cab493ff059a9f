//! Commands about people and requests, and what waits for a `/yes`.

use super::{Asked, Talk};
use crate::chat::{people, words};
use anyhow::Result;
use comity_client::{Command, Core, Event, What, Whom, called};

impl Talk<'_> {
    /// Commands about a person: the one that is named, or whom one talks with.
    pub(super) async fn about_person(&mut self, word: &str, rest: &str) -> Result<()> {
        let named = !rest.is_empty() && word != "report";
        let address = if named {
            people::anyone(self.session, rest).await?
        } else if let Some(Whom::Person(address)) = self.with.clone() {
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
                let who = words::plain(&words::name(&names, &address));
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
            "report" => {
                let theirs = match self.current().await? {
                    Some(conversation) => {
                        self.newest(conversation, |item| !item.outgoing && !item.deleted)
                            .await?
                    }
                    None => None,
                };
                let what = match &theirs {
                    Some(item) => format!("their line “{}”", words::plain(&item.text)),
                    None => "their request".to_owned(),
                };
                self.say(&format!("— this gives {what} and your reason to the operator's moderators, who can read it then: /yes to do it"));
                self.asked = Some(Asked::Report {
                    address,
                    messages: theirs.map(|item| item.message).into_iter().collect(),
                    reason: rest.to_owned(),
                });
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

    /// `/yes`.
    pub(super) async fn agreed(&mut self, asked: Option<Asked>) -> Result<()> {
        match asked {
            None => self.say("— nothing was asked"),
            Some(Asked::Verify(address)) => {
                self.session.handle.act(Command::Verify(address)).await?;
                self.say("— verified");
            }
            Some(Asked::Report {
                address,
                messages,
                reason,
            }) => {
                let command = Command::Report {
                    address,
                    messages,
                    reason,
                };
                self.session.handle.act(command).await?;
            }
            Some(Asked::Leave(conversation)) => {
                let command = Command::LeaveGroup { conversation };
                self.session.handle.act(command).await?;
                self.with = None;
                self.say("— you left it");
            }
            Some(Asked::Block(address)) => {
                let blocked = true;
                self.session
                    .handle
                    .act(Command::Block { address, blocked })
                    .await?;
                self.say("— blocked");
            }
            Some(Asked::Delete(target)) => self.speak(What::Delete { target }, None).await?,
            Some(Asked::RemoveDevice(device)) => {
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
            let state = match (contact.blocked, contact.number_moved, contact.verified) {
                (true, _, _) => ", blocked",
                (_, true, _) => ", their number belongs to someone else now",
                (_, _, true) => ", verified",
                _ => "",
            };
            self.say(&format!(
                "{}  {}{state}",
                words::plain(&contact.number),
                words::plain(&called(&contact.name, ""))
            ));
        }
        Ok(())
    }

    pub(super) async fn requests(&self) -> Result<()> {
        if self.session.query(|core| Ok(core.is_online())).await? {
            people::check_numbers(self.session).await?;
        }
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
