//! Commands about the own account and its devices.

use super::{Asked, Talk};
use crate::chat::acts::{link_code, own_device, picture};
use crate::chat::words;
use anyhow::{Context, Result};
use comity_client::{AccountView, Command, Core, Event};

/// Commands of this module; `about` and `photo` where one is in no group.
pub(super) const COMMANDS: &[&str] = &[
    "profile",
    "devices",
    "approve",
    "remove-device",
    "recovery-phrase",
    "lock",
];

impl Talk<'_> {
    /// One command about the own account.
    pub(super) async fn about_account(&mut self, word: &str, rest: &str) -> Result<()> {
        let account = self.session.query(Core::account).await?;
        let account = account.context("nobody is signed up here")?;
        let command = match (word, rest) {
            ("devices", _) => {
                for device in &account.devices {
                    self.say(&format!("  {}", words::device(device)));
                }
                return Ok(());
            }
            ("profile", "") | ("about", "") => return self.show_profile(&account),
            ("profile", name) => Command::SetProfile {
                name: Some(name.to_owned()),
                about: None,
            },
            ("about", about) => Command::SetProfile {
                name: None,
                about: Some(about.to_owned()),
            },
            ("photo", "") => {
                return self
                    .usage("— /photo PATH of a picture, such as JPEG or PNG, of at most 1 MiB");
            }
            ("photo", path) => {
                let (path, size, media_type) = picture(std::path::Path::new(path))?;
                Command::SetPhoto {
                    path: Some(path),
                    size,
                    media_type,
                }
            }
            ("approve", "") => return self.usage("— /approve CODE, as the new device shows it"),
            ("approve", code) => Command::ApproveLink {
                code: link_code(code),
            },
            ("remove-device", "") => {
                return self.usage("— /remove-device NAME; /devices shows them");
            }
            ("remove-device", name) => return self.remove_device(&account, name).await,
            ("lock", "") => {
                return self.usage("— /lock PASSPHRASE of at least 8 characters, or /lock off: who takes your number needs it to begin a new account with it");
            }
            ("lock", "off") => {
                self.lock.push("— the registration lock is taken away");
                Command::SetRegistrationLock(None)
            }
            ("lock", passphrase) => {
                self.lock.push(
                    "— the registration lock is set: who takes your number needs its passphrase",
                );
                Command::SetRegistrationLock(Some(passphrase.to_owned()))
            }
            _ => {
                self.asked = Some(Asked::RecoveryPhrase);
                return self.usage("— make new words that bring the account back? Earlier ones are worthless then: /yes to do it");
            }
        };
        self.session.handle.act(command).await.map(|_| ())
    }

    fn usage(&self, how: &str) -> Result<()> {
        self.say(how);
        Ok(())
    }

    fn show_profile(&self, account: &AccountView) -> Result<()> {
        self.say(&format!(
            "{}  {}  {}",
            words::beside(&account.name),
            words::plain(&account.number),
            words::plain(&account.about)
        ));
        Ok(())
    }

    async fn remove_device(&mut self, account: &AccountView, name: &str) -> Result<()> {
        let device = own_device(self.session, name).await?;
        let listed = account.devices.iter().find(|one| one.device == device);
        let shown = listed.map(words::device).unwrap_or_default();
        self.say(&format!(
            "— take out {shown}? It erases itself when it hears of it: /yes to do it"
        ));
        self.asked = Some(Asked::RemoveDevice(device));
        Ok(())
    }

    pub(super) async fn recovery_phrase(&self) -> Result<()> {
        let (told, mut events) = self.session.act(Command::MakeRecoveryPhrase).await?;
        let mut saved = |event: &Event| {
            matches!(event, Event::Saved { what } if what == "recovery").then_some(())
        };
        self.session
            .wait(&mut events, &["recovery"], &mut saved)
            .await?;
        for event in told {
            if let Event::RecoveryPhrase { phrase } = event {
                self.say(&phrase);
                self.say("— write these words down: they are shown once, and whoever has them and the number has the account. Earlier ones are worthless");
            }
        }
        Ok(())
    }
}
