//! Signing up: a number, a code, then a new account, a recovered one, or a number taken over.
//!
//! Always holds: keys are stored before anything that names them leaves the device, so a crash
//! at any point leaves a sign-up that can be begun again.

use super::Me;
use crate::calls::{AfterAppInfo, Call};
use crate::output::{Effect, Event, Method};
use crate::step::Step;
use crate::store::meta;
use crate::{CallError, CoreError};
use comity_e2ee::keys::{DeviceKeys, RootKey, sign_manifest};
use comity_e2ee::recovery;
use comity_membership::manifest::{self, Device, Manifest};
use comity_wire::http::{
    AccountCreated, AppInfo, CheckCode, CodeChecked, CreateAccount, ExistingAccount,
    RegistrationStarted, StartRegistration,
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

/// An account about to be created: kept so that an answer that got lost does no harm.
#[derive(Serialize, Deserialize)]
struct Pending {
    address: Address,
    device: Bytes64,
    root: Bytes64,
    manifest: Bytes64,
    profile_key: [u8; 32],
    name: String,
    number: String,
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
                Ok(())
            }
        }
    }

    pub(crate) fn registration_started(
        &mut self,
        answer: Result<RegistrationStarted, CallError>,
    ) -> Result<(), CoreError> {
        match answer {
            Ok(started) => {
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
        let (_, number) = self.registration_path()?;
        let existing = checked.existing.clone();
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

    fn create_account(&mut self, lock_proof: Option<Bytes64>) -> Result<(), CoreError> {
        let proved = self.proved()?;
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
        let signed = sign_manifest(&list, Some(&root), Some(&device));
        self.post_account(&proved, address, &device, &root, signed, lock_proof, false)
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
        let device = DeviceKeys::generate(self.random);
        let mut list = known.manifest.clone();
        list.seq += 1;
        list.previous_hash = known.hash.to_vec();
        list.at_ms = self.now;
        list.devices.push(own_device(&device, self.now));
        let root = recovered.root;
        let signed = sign_manifest(&list, Some(&root), None);
        // The profile, sealed under the key that contacts have, is read before anything is put
        // in its place.
        match recovered.profile_key {
            Some(key) => meta::put(self.tx, "recovered_profile_key", &key)?,
            // One of an attempt before this may be another account's.
            None => meta::remove(self.tx, "recovered_profile_key")?,
        }
        self.post_account(&proved, address, &device, &root, signed, None, true)
    }

    #[allow(clippy::too_many_arguments)]
    fn post_account(
        &mut self,
        proved: &Proved,
        address: Address,
        device: &DeviceKeys,
        root: &RootKey,
        manifest: Vec<u8>,
        lock_proof: Option<Bytes64>,
        recover: bool,
    ) -> Result<(), CoreError> {
        let fresh_key: [u8; 32] = self.random_bytes();
        let profile_key = match recover {
            true => meta::get(self.tx, "recovered_profile_key")?.unwrap_or(fresh_key),
            false => fresh_key,
        };
        meta::put(
            self.tx,
            "pending_account",
            &Pending {
                address,
                device: Bytes64(device.to_bytes().to_vec()),
                root: Bytes64(root.to_bytes().to_vec()),
                manifest: Bytes64(manifest.clone()),
                profile_key,
                name: proved.name.clone(),
                number: proved.number.clone(),
            },
        )?;
        meta::put(self.tx, "recovered", &recover)?;
        let introduction_key = self.make_introduction_key(device)?;
        let body = CreateAccount {
            registration_token: proved.token.clone(),
            recover,
            manifest: Bytes64(manifest),
            device: device.id(),
            introduction_key: Bytes64(introduction_key),
            lock_proof,
        };
        self.http(
            Method::Post,
            "/v1/accounts",
            Some(&body),
            Call::CreateAccount,
        )
    }

    pub(crate) fn account_created(
        &mut self,
        answer: Result<AccountCreated, CallError>,
    ) -> Result<(), CoreError> {
        let created = match answer {
            Ok(created) => created,
            Err(error) => {
                self.failed("create_account", &error);
                return Ok(());
            }
        };
        let pending: Pending =
            meta::get(self.tx, "pending_account")?.ok_or(CoreError::Damaged("pending account"))?;
        if created.address != pending.address {
            self.warn("server_confused", None);
            return Ok(());
        }
        let me = Me {
            address: pending.address,
            keys: DeviceKeys::from_bytes(&pending.device.0)
                .map_err(|_| CoreError::Damaged("device keys"))?,
            root: Some(
                RootKey::from_bytes(&pending.root.0).map_err(|_| CoreError::Damaged("root key"))?,
            ),
            number: pending.number,
            name: pending.name,
            about: String::new(),
            manifest: manifest::verify(&pending.manifest.0)
                .map_err(|_| CoreError::Damaged("own manifest"))?,
            profile_key: pending.profile_key,
            self_conversation: None,
            app_key: meta::get::<Bytes64>(self.tx, "app_key")?
                .unwrap_or_default()
                .0,
            moderation_key: meta::get::<Bytes64>(self.tx, "moderation_key")?
                .unwrap_or_default()
                .0,
        };
        for key in ["pending_account", "proved", "registration"] {
            meta::remove(self.tx, key)?;
        }
        let recovered = meta::get(self.tx, "recovered")?.unwrap_or(false);
        if recovered {
            meta::put(self.tx, "rejoin_all", &true)?;
        }
        if meta::get::<[u8; 32]>(self.tx, "recovered_profile_key")?.is_some() {
            meta::remove(self.tx, "recovered_profile_key")?;
            meta::put(self.tx, crate::profiles::UNREAD, &true)?;
        }
        // Who comes back without a name keeps what contacts know of them.
        if !recovered || !me.name.is_empty() {
            meta::put(self.tx, "publish_profile", &true)?;
        }
        self.become_me(me)
    }

    /// This device is signed up now.
    pub(super) fn become_me(&mut self, me: Me) -> Result<(), CoreError> {
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
