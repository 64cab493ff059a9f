//! Signing up: a number, a code, then a new account, a recovered one, or a number taken over.
//!
//! Always holds: keys are stored before anything that names them leaves the device, so a crash
//! at any point leaves a sign-up that can be begun again, and one that was taken is found again
//! ([`super::pending`]).

use super::Me;
use super::pending::Pending;
use crate::calls::{AfterAppInfo, Call};
use crate::output::{Effect, Event, Method};
use crate::step::Step;
use crate::store::meta;
use crate::{CallError, CoreError};
use comity_e2ee::keys::{DeviceKeys, RootKey, sign_manifest};
use comity_e2ee::recovery;
use comity_membership::manifest::{self, Device, Manifest, VerifiedManifest};
use comity_wire::http::{
    AppInfo, CheckCode, CodeChecked, CreateAccount, ExistingAccount, RegistrationStarted,
    StartRegistration,
};
use comity_wire::{AccountId, Address, Bytes64};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A number that was proved and not yet used.
#[derive(Serialize, Deserialize)]
pub(super) struct Proved {
    pub(super) token: Bytes64,
    pub(super) number: String,
    pub(super) name: String,
    pub(super) existing: Option<ExistingAccount>,
}

impl Proved {
    /// The proof of a registration lock's passphrase, where the number's account has one.
    pub(super) fn lock_proof(
        &self,
        passphrase: Option<&str>,
    ) -> Result<Option<Bytes64>, CoreError> {
        let salt = self
            .existing
            .as_ref()
            .and_then(|existing| existing.lock_salt.as_ref());
        match (passphrase, salt) {
            (Some(passphrase), Some(salt)) => Ok(Some(lock_proof(passphrase, &salt.0)?)),
            _ => Ok(None),
        }
    }
}

impl Step<'_> {
    pub(crate) fn start_registration(
        &mut self,
        number: String,
        country: Option<String>,
    ) -> Result<(), CoreError> {
        let then = AfterAppInfo::Register { number, country };
        self.http::<()>(Method::Get, "/v1/app", None, Call::AppInfo { then })
    }

    pub(crate) fn app_info(
        &mut self,
        then: AfterAppInfo,
        answer: Result<AppInfo, CallError>,
    ) -> Result<(), CoreError> {
        let info = match answer {
            Ok(info) => info,
            Err(error) => {
                if !matches!(then, AfterAppInfo::Refresh) {
                    self.failed("connect", &error);
                }
                return Ok(());
            }
        };
        if let Some(me) = &self.mem.me {
            if info.app != me.address.app {
                self.warn("wrong_app", None);
                return Ok(());
            }
        } else {
            meta::put(self.tx, "app", &info.app)?;
            meta::put(self.tx, "app_key", &info.app_key)?;
            meta::put(self.tx, "moderation_key", &info.moderation_key)?;
        }
        match then {
            AfterAppInfo::Register { number, country } => self.http(
                Method::Post,
                "/v1/registrations",
                Some(&StartRegistration { number, country }),
                Call::StartRegistration,
            ),
            AfterAppInfo::Link { device_name } => self.offer_link(device_name),
            AfterAppInfo::Refresh => {
                if let Some(me) = self.mem.me.clone()
                    && me.moderation_key != info.moderation_key.0
                {
                    self.change_me(|me| me.moderation_key.clone_from(&info.moderation_key.0))?;
                }
                // Asked for in an earlier session, or moved by another own device.
                self.own_number_moved()
            }
        }
    }

    pub(crate) fn registration_started(
        &mut self,
        answer: Result<RegistrationStarted, CallError>,
    ) -> Result<(), CoreError> {
        match answer {
            Ok(started) => {
                self.leave_other_sign_up(&started.number)?;
                meta::put(self.tx, "registration", &started)?;
                self.event(Event::CodeSent {
                    number: started.number,
                    expires_ms: started.expires_ms,
                });
            }
            Err(error) => self.failed("register", &error),
        }
        Ok(())
    }

    /// The registration that a code belongs to.
    pub(super) fn registration_path(&self) -> Result<(String, String), CoreError> {
        let started: RegistrationStarted =
            meta::get(self.tx, "registration")?.ok_or(CoreError::NotNow("ask for a code first"))?;
        Ok((
            format!("/v1/registrations/{}/code", started.registration),
            started.number,
        ))
    }

    pub(crate) fn enter_code(&mut self, code: &str, name: String) -> Result<(), CoreError> {
        if self.mem.me.is_some() {
            return Err(CoreError::NotNow("this device is signed up already"));
        }
        super::settings::check_name(&name)?;
        let (path, _) = self.registration_path()?;
        let body = CheckCode {
            code: as_sent(code),
        };
        self.http(Method::Post, path, Some(&body), Call::EnterCode { name })
    }

    pub(crate) fn code_checked(
        &mut self,
        name: String,
        answer: Result<CodeChecked, CallError>,
    ) -> Result<(), CoreError> {
        let checked = match answer {
            Ok(checked) => checked,
            Err(error) => {
                self.failed("code", &error);
                return Ok(());
            }
        };
        if self.mem.me.is_some() {
            // What was asked for before was answered meanwhile.
            return Ok(());
        }
        let (_, number) = self.registration_path()?;
        let existing = checked.existing.clone();
        if let Some(existing) = &existing
            && self.is_account_asked_for(&number, &name, &existing.manifest.0)?
        {
            return Ok(());
        }
        meta::put(
            self.tx,
            "proved",
            &Proved {
                token: checked.registration_token,
                number,
                name,
                existing: checked.existing,
            },
        )?;
        match existing {
            None => self.create_account(None),
            Some(existing) => {
                self.event(Event::NumberHasAccount {
                    recoverable: existing.recovery_box.is_some(),
                    locked_until_ms: existing.locked_until_ms,
                });
                Ok(())
            }
        }
    }

    pub(super) fn proved(&self) -> Result<Proved, CoreError> {
        meta::get(self.tx, "proved")?.ok_or(CoreError::NotNow("prove a number first"))
    }

    pub(crate) fn take_over(&mut self, passphrase: Option<&str>) -> Result<(), CoreError> {
        let proved = self.proved()?;
        let proof = proved.lock_proof(passphrase)?;
        if self.mem.me.is_some() {
            return self.put_number(&proved, true, proof);
        }
        self.create_account(proof)
    }

    pub(super) fn create_account(&mut self, lock_proof: Option<Bytes64>) -> Result<(), CoreError> {
        let proved = self.proved()?;
        if let Some(mut pending) = self.asked_before(&proved.number, false)? {
            pending.name.clone_from(&proved.name);
            return self.ask_anew(&proved, pending, lock_proof, false, true);
        }
        let address = Address::new(self.app()?, AccountId::random(self.random));
        let (device, root) = (
            DeviceKeys::generate(self.random),
            RootKey::generate(self.random),
        );
        let list = Manifest {
            address: address.clone(),
            root_key: root.public(),
            seq: 1,
            previous_hash: Vec::new(),
            devices: vec![own_device(&device, self.now)],
            revoked: Vec::new(),
            at_ms: self.now,
        };
        let pending = Pending {
            address,
            device: Bytes64(device.to_bytes().to_vec()),
            root: Bytes64(root.to_bytes().to_vec()),
            manifest: Bytes64(sign_manifest(&list, Some(&root), Some(&device))),
            profile_key: self.random_bytes(),
            name: proved.name.clone(),
            number: proved.number.clone(),
        };
        self.ask_anew(&proved, pending, lock_proof, false, false)
    }

    pub(crate) fn recover(&mut self, phrase: &str) -> Result<(), CoreError> {
        let proved = self.proved()?;
        let Some(existing) = &proved.existing else {
            return Err(CoreError::NotNow("the number has no account to recover"));
        };
        let known = manifest::verify(&existing.manifest.0)
            .map_err(|error| CoreError::Refused(format!("the account's device list: {error}")))?;
        let Some(sealed) = &existing.recovery_box else {
            self.refuse(
                "recover",
                "not_recoverable",
                "the account has no recovery phrase",
            );
            return Ok(());
        };
        let address = known.manifest.address.clone();
        let recovered = match recovery::open_box(phrase, &sealed.0, &address) {
            Ok(recovered) if recovered.root.public() == known.manifest.root_key => recovered,
            _ => {
                self.refuse(
                    "recover",
                    "phrase_wrong",
                    "these words do not open the account",
                );
                return Ok(());
            }
        };
        // The profile, sealed under the key that contacts have, is read before anything is put
        // in its place.
        match recovered.profile_key {
            Some(key) => meta::put(self.tx, "recovered_profile_key", &key)?,
            // One of an attempt before this may be another account's.
            None => meta::remove(self.tx, "recovered_profile_key")?,
        }
        let before = self.asked_before(&proved.number, true)?;
        let before = before.filter(|before| before.address == address);
        let (device, again) = match before.as_ref().map(Pending::device_keys).transpose()? {
            Some(device) if is_new(&device, &known.manifest) => (device, true),
            _ => (DeviceKeys::generate(self.random), false),
        };
        let fresh_key: [u8; 32] = self.random_bytes();
        let manifest = match before {
            Some(before) if again && follows(&before.list()?, &known) => before.manifest.0,
            _ => {
                let mut list = known.manifest.clone();
                list.seq += 1;
                list.previous_hash = known.hash.to_vec();
                list.at_ms = self.now;
                list.devices.push(own_device(&device, self.now));
                sign_manifest(&list, Some(&recovered.root), None)
            }
        };
        let pending = Pending {
            address,
            device: Bytes64(device.to_bytes().to_vec()),
            root: Bytes64(recovered.root.to_bytes().to_vec()),
            manifest: Bytes64(manifest),
            profile_key: recovered.profile_key.unwrap_or(fresh_key),
            name: proved.name.clone(),
            number: proved.number.clone(),
        };
        self.ask_anew(&proved, pending, None, true, again)
    }

    /// Asks for the account by this proof of the number. `again`: its keys were posted before.
    fn ask_anew(
        &mut self,
        proved: &Proved,
        pending: Pending,
        lock_proof: Option<Bytes64>,
        recover: bool,
        again: bool,
    ) -> Result<(), CoreError> {
        let device = pending.device_keys()?;
        let body = CreateAccount {
            registration_token: proved.token.clone(),
            recover,
            manifest: pending.manifest.clone(),
            device: device.id(),
            introduction_key: Bytes64(self.make_introduction_key(&device)?),
            lock_proof,
        };
        self.ask_for_account(&pending, body, again)
    }

    /// This device is signed up now.
    pub(super) fn become_me(&mut self, me: Me) -> Result<(), CoreError> {
        self.leave_sign_up()?;
        me.save(self.tx)?;
        self.remember_self(&me)?;
        self.event(Event::Ready {
            address: me.address.clone(),
            number: me.number.clone(),
        });
        self.mem.me = Some(Arc::new(me));
        self.mem.connecting = true;
        self.effect(Effect::Connect);
        Ok(())
    }

    /// Changes the own account's stored facts.
    pub(crate) fn change_me(&mut self, change: impl FnOnce(&mut Me)) -> Result<(), CoreError> {
        let mut me =
            Me::load(self.tx)?.ok_or(CoreError::NotNow("nobody is signed up on this device"))?;
        change(&mut me);
        me.save(self.tx)?;
        self.mem.me = Some(Arc::new(me));
        Ok(())
    }
}

/// A device's own row in a manifest: an owner.
fn own_device(keys: &DeviceKeys, now: i64) -> Device {
    Device {
        id: keys.id(),
        signature_key: keys.public(),
        owner: true,
        attributes: Vec::new(),
        added_ms: now,
    }
}

/// Whether a device was never in the account.
fn is_new(device: &DeviceKeys, known: &Manifest) -> bool {
    known.device(&device.id()).is_none() && !known.revoked.contains(&device.id())
}

/// Whether a list is the very next one after what is known.
fn follows(list: &VerifiedManifest, known: &VerifiedManifest) -> bool {
    list.manifest.previous_hash == known.hash
}

/// A code without what people put between its digits.
pub(super) fn as_sent(code: &str) -> String {
    code.chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '-' | '\u{2010}'..='\u{2015}'))
        .collect()
}

pub(super) fn lock_proof(passphrase: &str, salt: &[u8]) -> Result<Bytes64, CoreError> {
    recovery::registration_lock_proof(passphrase, salt)
        .map(|proof| Bytes64(proof.to_vec()))
        .map_err(|error| CoreError::Crypto(error.to_string()))
}
