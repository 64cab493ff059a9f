//! Profile, recovery phrase, registration lock, change of number.

use super::sign_up::{Proved, as_sent, lock_proof};
use crate::calls::Call;
use crate::output::{Event, Method, Source};
use crate::profiles::Given;
use crate::step::Step;
use crate::store::meta;
use crate::{CallError, Core, CoreError, names};
use comity_content::{Message as _, proto as said};
use comity_e2ee::{profile, recovery};
use comity_wire::http::{
    CheckCode, CodeChecked, PutNumber, PutProfile, PutRecovery, PutRegistrationLock,
};
use comity_wire::{Bytes64, DeviceId};

/// Longest name, in characters.
pub(crate) const NAME_CHARS_MAX: usize = 64;
/// Longest about, in characters.
pub(crate) const ABOUT_CHARS_MAX: usize = 140;
/// The number that the app was asked to move the account to, and has not answered for.
const NUMBER_ASKED: &str = "number_asked";
/// Largest photo.
const PHOTO_BYTES_MAX: u64 = 1024 * 1024;

/// Refuses a person's name that is too long, or that shows nothing though it is not empty.
pub(crate) fn check_name(name: &str) -> Result<(), CoreError> {
    if name.chars().count() > NAME_CHARS_MAX {
        return Err(CoreError::Refused(format!(
            "a name has at most {NAME_CHARS_MAX} characters"
        )));
    }
    if !name.is_empty() && names::is_blank(name) {
        return Err(CoreError::Refused("a name shows something".into()));
    }
    Ok(())
}

impl Core {
    /// The number (E.164) that the app was asked to move the account to, where its answer did not
    /// come: the account is asked once a session is there, which [`Event::Saved`] tells.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn number_unanswered(&self) -> Result<Option<String>, CoreError> {
        meta::get(self.store(), NUMBER_ASKED)
    }
}

impl Step<'_> {
    pub(crate) fn set_profile(
        &mut self,
        name: Option<String>,
        about: Option<String>,
    ) -> Result<(), CoreError> {
        let long = |text: &String| text.chars().count() > ABOUT_CHARS_MAX;
        if about.as_ref().is_some_and(long) {
            return Err(CoreError::Refused(format!(
                "the about line has at most {ABOUT_CHARS_MAX} characters"
            )));
        }
        check_name(name.as_deref().unwrap_or_default())?;
        let given = Given {
            name: name.is_some(),
            about: about.is_some(),
            photo: false,
        };
        self.change_me(|me| {
            me.name = name.unwrap_or_else(|| me.name.clone());
            me.about = about.unwrap_or_else(|| me.about.clone());
        })?;
        self.profile_given(given)
    }

    pub(crate) fn name_device(&mut self, name: &str) -> Result<(), CoreError> {
        if name.chars().count() > NAME_CHARS_MAX {
            return Err(CoreError::Refused(format!(
                "a device's name has at most {NAME_CHARS_MAX} characters"
            )));
        }
        let device = self.me()?.keys.id();
        meta::put(self.tx, &format!("device_name/{device}"), &name)?;
        self.tell_device_names()
    }

    /// What the own devices are called, as far as is known here.
    pub(crate) fn device_names(&self) -> Result<Vec<said::DeviceName>, CoreError> {
        let mut names = Vec::new();
        for listed in &self.me()?.manifest.manifest.devices {
            let name = meta::get(self.tx, &format!("device_name/{}", listed.id))?;
            names.extend(name.map(|name| said::DeviceName {
                device: listed.id.to_vec(),
                name,
            }));
        }
        Ok(names)
    }

    /// Tells the own other devices what they are called.
    pub(crate) fn tell_device_names(&mut self) -> Result<(), CoreError> {
        self.sync_devices(said::DeviceSync {
            devices: self.device_names()?,
            ..Default::default()
        })
    }

    /// Another own device says what devices are called.
    pub(crate) fn devices_named(&mut self, told: &[said::DeviceName]) -> Result<(), CoreError> {
        for one in told {
            let fits = one.name.chars().count() <= NAME_CHARS_MAX;
            if let (Ok(device), true) = (DeviceId::from_slice(&one.device), fits) {
                meta::put(self.tx, &format!("device_name/{device}"), &one.name)?;
            }
        }
        Ok(())
    }

    /// Seals the profile under the profile key and gives it to the app.
    pub(crate) fn publish_profile(&mut self, quiet: bool) -> Result<(), CoreError> {
        let me = self.me()?;
        let photo = self.own_photo()?;
        let set = self.profile_set()?;
        let body = said::Profile {
            name: me.name.clone(),
            about: me.about.clone(),
            photo,
            version: self.next_profile_version()?,
            name_ms: set.name,
            about_ms: set.about,
            photo_ms: set.photo,
        };
        let sealed = profile::seal(&me.profile_key, &me.address, &body, self.random)
            .map_err(|error| CoreError::Crypto(error.to_string()))?;
        self.http(
            Method::Put,
            "/v1/me/profile",
            Some(&PutProfile {
                sealed: Bytes64(sealed),
            }),
            Call::Setting {
                what: "profile",
                quiet,
            },
        )
    }

    /// The picture of the own profile, as this device put it up.
    pub(crate) fn own_photo(&self) -> Result<Option<said::Attachment>, CoreError> {
        let photo: Option<Bytes64> = meta::get(self.tx, "photo")?;
        Ok(photo.and_then(|bytes| said::Attachment::decode(bytes.0.as_slice()).ok()))
    }

    pub(crate) fn set_photo(
        &mut self,
        path: Option<String>,
        size: u64,
        media_type: String,
    ) -> Result<(), CoreError> {
        let Some(path) = path else {
            meta::remove(self.tx, "photo")?;
            return self.profile_given(Given::PHOTO);
        };
        if size > PHOTO_BYTES_MAX || !media_type.starts_with("image/") {
            return Err(CoreError::Refused(
                "a photo is a picture of at most 1 MiB".into(),
            ));
        }
        let attachment = said::Attachment {
            kind: said::AttachmentKind::Image.into(),
            media_type,
            size,
            ..Default::default()
        };
        self.start_upload("photo", None, None, Source::File(path), attachment)
    }

    /// The photo is up.
    pub(crate) fn photo_uploaded(
        &mut self,
        attachment: &said::Attachment,
    ) -> Result<(), CoreError> {
        meta::put(self.tx, "photo", &Bytes64(attachment.encode_to_vec()))?;
        self.note_lease(&attachment.blob, false)?;
        self.profile_given(Given::PHOTO)
    }

    pub(crate) fn setting_put(
        &mut self,
        what: &'static str,
        quiet: bool,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        match result {
            Ok(_) => {
                if what == "profile" {
                    self.profile_published()?;
                    // The other own devices read it now.
                    let own = self.me()?.address.clone();
                    self.sync_contact(&own)?;
                }
                if !quiet {
                    self.event(Event::Saved {
                        what: what.to_owned(),
                    });
                }
            }
            Err(error) => self.failed(what, &error),
        }
        Ok(())
    }

    pub(crate) fn make_recovery_phrase(&mut self) -> Result<(), CoreError> {
        let me = self.me()?;
        let Some(root) = &me.root else {
            return Err(CoreError::NotNow(
                "only an owner device has the key that a recovery phrase guards",
            ));
        };
        let phrase = recovery::new_phrase(self.random);
        let sealed = recovery::seal_box(&phrase, root, &me.profile_key, &me.address, self.random)
            .map_err(|error| CoreError::Crypto(error.to_string()))?;
        self.http(
            Method::Put,
            "/v1/me/recovery",
            Some(&PutRecovery {
                recovery_box: Bytes64(sealed),
            }),
            Call::Setting {
                what: "recovery",
                quiet: false,
            },
        )?;
        self.event(Event::RecoveryPhrase {
            phrase: phrase.to_string(),
        });
        Ok(())
    }

    pub(crate) fn set_registration_lock(
        &mut self,
        passphrase: Option<&str>,
    ) -> Result<(), CoreError> {
        self.me()?;
        let salt: [u8; 16] = self.random_bytes();
        let proof = match passphrase {
            Some(passphrase) if passphrase.chars().count() < 8 => {
                return Err(CoreError::Refused(
                    "a passphrase has at least 8 characters".into(),
                ));
            }
            Some(passphrase) => lock_proof(passphrase, &salt)?,
            None => Bytes64::default(),
        };
        self.http(
            Method::Put,
            "/v1/me/registration-lock",
            Some(&PutRegistrationLock {
                proof,
                salt: Bytes64(salt.to_vec()),
            }),
            Call::Setting {
                what: "registration_lock",
                quiet: false,
            },
        )
    }

    pub(crate) fn change_number(&mut self, code: &str) -> Result<(), CoreError> {
        self.me()?;
        let (path, _) = self.registration_path()?;
        let body = CheckCode {
            code: as_sent(code),
        };
        self.http(Method::Post, path, Some(&body), Call::ChangeNumberCode)
    }

    pub(crate) fn change_number_checked(
        &mut self,
        answer: Result<CodeChecked, CallError>,
    ) -> Result<(), CoreError> {
        let checked = match answer {
            Ok(checked) => checked,
            Err(error) => {
                self.failed("code", &error);
                return Ok(());
            }
        };
        let own = self.me()?.address.account;
        let (_, number) = self.registration_path()?;
        if matches!(&checked.existing, Some(holder) if holder.account == own) {
            // It moved before, and the answer was lost.
            return self.number_is(number);
        }
        let holder = checked.existing;
        let proved = Proved {
            token: checked.registration_token,
            number,
            name: String::new(),
            existing: holder,
        };
        meta::put(self.tx, "proved", &proved)?;
        match &proved.existing {
            None => self.put_number(&proved, false, None),
            // Whose number it is has to be said first, and `TakeOver` given.
            Some(holder) => {
                self.event(Event::NumberHasAccount {
                    recoverable: holder.recovery_box.is_some(),
                    locked_until_ms: holder.locked_until_ms,
                });
                Ok(())
            }
        }
    }

    pub(super) fn put_number(
        &mut self,
        proved: &Proved,
        take_over: bool,
        lock_proof: Option<Bytes64>,
    ) -> Result<(), CoreError> {
        meta::put(self.tx, NUMBER_ASKED, &proved.number)?;
        self.http(
            Method::Put,
            "/v1/me/number",
            Some(&PutNumber {
                registration_token: proved.token.clone(),
                take_over,
                lock_proof,
            }),
            Call::PutNumber,
        )
    }

    pub(crate) fn number_put(
        &mut self,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        match result {
            Ok(_) => {
                let asked = meta::get(self.tx, NUMBER_ASKED)?;
                // Else it was learned meanwhile.
                asked.map_or(Ok(()), |number| self.number_is(number))
            }
            // What the app said, or did before, is asked of the account itself.
            Err(refused) => {
                self.http::<()>(Method::Get, "/v1/me", None, Call::NumberAsked { refused })
            }
        }
    }

    /// What the own number is, after the answer to its change was lost or a refusal.
    pub(crate) fn number_told(
        &mut self,
        refused: &CallError,
        answer: Result<comity_wire::http::Me, CallError>,
    ) -> Result<(), CoreError> {
        let Some(asked) = meta::get::<String>(self.tx, NUMBER_ASKED)? else {
            return Ok(());
        };
        // Where there is no answer either, the next session asks.
        if let Ok(answer) = answer {
            let own = answer.address == self.me()?.address;
            if own && answer.number.as_ref() == Some(&asked) {
                return self.number_is(asked);
            }
            meta::remove(self.tx, NUMBER_ASKED)?;
        }
        self.failed("number", refused);
        Ok(())
    }

    /// Whether an answer about the number that was asked for is to come.
    fn number_under_way(&self) -> bool {
        let mut calls = self.mem.calls.values();
        calls.any(|call| matches!(call, Call::PutNumber | Call::NumberAsked { .. }))
    }

    /// The own number is the one that was asked for.
    fn number_is(&mut self, number: String) -> Result<(), CoreError> {
        for key in [NUMBER_ASKED, "proved", "registration"] {
            meta::remove(self.tx, key)?;
        }
        self.change_me(|me| me.number = number)?;
        self.remember_self(&*self.me()?)?;
        self.event(Event::Saved {
            what: "number".to_owned(),
        });
        Ok(())
    }

    /// The own number may be another one: what it is now is asked for.
    pub(crate) fn own_number_moved(&mut self) -> Result<(), CoreError> {
        self.http::<()>(Method::Get, "/v1/me", None, Call::OwnNumber)
    }

    pub(crate) fn own_number(
        &mut self,
        answer: Result<comity_wire::http::Me, CallError>,
    ) -> Result<(), CoreError> {
        let Ok(answer) = answer else { return Ok(()) };
        let me = self.me()?;
        let now = answer.number.unwrap_or_default();
        if answer.address != me.address {
            return Ok(());
        }
        if meta::get(self.tx, NUMBER_ASKED)?.as_ref() == Some(&now) {
            return self.number_is(now);
        }
        if !self.number_under_way() {
            meta::remove(self.tx, NUMBER_ASKED)?;
        }
        if now == me.number {
            return Ok(());
        }
        let before = me.number.clone();
        let lost = now.is_empty();
        self.change_me(|me| me.number = now)?;
        self.remember_self(&*self.me()?)?;
        if !lost {
            // Moved by another own device, or late: the app tells all of the account's devices.
            self.event(Event::Saved {
                what: "number".to_owned(),
            });
            return Ok(());
        }
        self.event(Event::NumberLost { number: before });
        if let Some(own) = self.self_conversation()? {
            let device = me.keys.id();
            self.insert_notice(own.id, &me.address, &device, "number_lost")?;
        }
        Ok(())
    }
}
