//! An account that was asked for and is not known to be there: kept, asked for again, recognised.
//!
//! Always holds: what a post holds is stored before it leaves, and its keys serve for that account
//! until it is this device's; a repeat names the same account, device and device list, so that the
//! app can answer it as it answered the first. Deliberately absent: the keys' making
//! ([`super::sign_up`]).

use super::Me;
use crate::calls::Call;
use crate::output::Method;
use crate::step::Step;
use crate::store::meta;
use crate::waits::BACK_OFF_MS_MAX;
use crate::{CallError, Core, CoreError};
use comity_e2ee::keys::{DeviceKeys, RootKey};
use comity_membership::manifest::{self, VerifiedManifest};
use comity_wire::http::{AccountCreated, CreateAccount, Found};
use comity_wire::{Address, Bytes64, ErrorCode, UnixMs};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

/// The account that was asked for.
const PENDING: &str = "pending_account";
/// What was posted for it and not answered.
const UNANSWERED: &str = "account_unanswered";

/// An account about to be created: kept so that an answer that got lost does no harm.
#[derive(Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) address: Address,
    pub(super) device: Bytes64,
    pub(super) root: Bytes64,
    pub(super) manifest: Bytes64,
    pub(super) profile_key: [u8; 32],
    pub(super) name: String,
    pub(super) number: String,
}

impl Pending {
    pub(super) fn device_keys(&self) -> Result<DeviceKeys, CoreError> {
        DeviceKeys::from_bytes(&self.device.0).map_err(|_| CoreError::Damaged("device keys"))
    }

    pub(super) fn root_key(&self) -> Result<RootKey, CoreError> {
        RootKey::from_bytes(&self.root.0).map_err(|_| CoreError::Damaged("root key"))
    }

    pub(super) fn list(&self) -> Result<VerifiedManifest, CoreError> {
        manifest::verify(&self.manifest.0).map_err(|_| CoreError::Damaged("own manifest"))
    }

    /// A list of this account, under its root key, that names this device.
    fn own(&self, bytes: &[u8]) -> Result<Option<VerifiedManifest>, CoreError> {
        let Ok(list) = manifest::verify(bytes) else {
            return Ok(None);
        };
        let (keys, about) = (self.device_keys()?, &list.manifest);
        let listed = about
            .device(&keys.id())
            .is_some_and(|device| device.signature_key == keys.public());
        let same = about.address == self.address && about.root_key == self.root_key()?.public();
        Ok((listed && same).then_some(list))
    }
}

/// What was posted and not answered.
#[derive(Serialize, Deserialize)]
struct Unanswered {
    body: CreateAccount,
    /// These keys were posted before: the account may be there whatever the answer is.
    before: bool,
    /// Answers that did not come.
    lost: i64,
    /// When it is posted again.
    again_ms: UnixMs,
}

/// Whether nobody knows after such an answer what the app has done.
fn is_open(error: &CallError) -> bool {
    match error {
        CallError::Unreachable(_) => true,
        CallError::Refused(wire) => {
            matches!(wire.code, ErrorCode::Internal | ErrorCode::Unavailable)
        }
    }
}

fn number_unanswered(conn: &Connection) -> Result<Option<String>, CoreError> {
    if meta::get::<Unanswered>(conn, UNANSWERED)?.is_none() {
        return Ok(None);
    }
    Ok(meta::get::<Pending>(conn, PENDING)?.map(|pending| pending.number))
}

impl Core {
    /// The number (E.164) of a sign-up, recovery or take-over that the app was asked for and has
    /// not answered: it is asked again by itself, until [`crate::Event::Ready`] or an
    /// [`crate::Event::Failed`] of `create_account` that waiting does not help.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn sign_up_unanswered(&self) -> Result<Option<String>, CoreError> {
        number_unanswered(self.store())
    }

    /// Before the first step: a code is to be ordered for this number (E.164), and what was asked for
    /// with another one, and not answered, is not asked for again.
    ///
    /// # Errors
    /// When the store can not be read or written.
    pub fn leave_other_sign_up(&self, number: &str) -> Result<(), CoreError> {
        match number_unanswered(self.store())? {
            Some(other) if other != number => meta::remove(self.store(), UNANSWERED),
            _ => Ok(()),
        }
    }
}

impl Step<'_> {
    /// What was asked for with this number before, of this app and in the same way, and not seen to be
    /// there.
    pub(super) fn asked_before(
        &self,
        number: &str,
        recover: bool,
    ) -> Result<Option<Pending>, CoreError> {
        if meta::get(self.tx, "recovered")?.unwrap_or(false) != recover {
            return Ok(None);
        }
        let (pending, app) = (meta::get::<Pending>(self.tx, PENDING)?, self.app()?);
        Ok(pending.filter(|pending| pending.number == number && pending.address.app == app))
    }

    /// Keeps what is asked for, and asks. `before`: its keys were posted before.
    pub(super) fn ask_for_account(
        &mut self,
        pending: &Pending,
        body: CreateAccount,
        before: bool,
    ) -> Result<(), CoreError> {
        meta::put(self.tx, PENDING, pending)?;
        meta::put(self.tx, "recovered", &body.recover)?;
        let asked = Unanswered {
            body,
            before,
            lost: 0,
            again_ms: self.now,
        };
        meta::put(self.tx, UNANSWERED, &asked)?;
        self.post_account(&asked)
    }

    fn post_account(&mut self, asked: &Unanswered) -> Result<(), CoreError> {
        let token = asked.body.registration_token.0.clone();
        self.http(
            Method::Post,
            "/v1/accounts",
            Some(&asked.body),
            Call::CreateAccount { token },
        )
    }

    /// Not signed up: what was not answered is asked for again, first thing after a start and from
    /// time to time.
    pub(super) fn pump_sign_up(&mut self) -> Result<(), CoreError> {
        let Some(mut asked) = meta::get::<Unanswered>(self.tx, UNANSWERED)? else {
            return Ok(());
        };
        let mut calls = self.mem.calls.values();
        if calls.any(Call::is_of_sign_up) {
            return Ok(());
        }
        let has_started = self.mem.next_call == 0;
        let waits = self.now < asked.again_ms && asked.again_ms - self.now <= BACK_OFF_MS_MAX;
        if waits && !has_started {
            self.wake(asked.again_ms);
            return Ok(());
        }
        asked.before = true;
        meta::put(self.tx, UNANSWERED, &asked)?;
        self.post_account(&asked)
    }

    /// What was asked for is not asked for again; its keys stay.
    pub(super) fn leave_sign_up(&mut self) -> Result<(), CoreError> {
        meta::remove(self.tx, UNANSWERED)
    }

    /// A code is on its way to this number: what was asked for with another one is left.
    pub(super) fn leave_other_sign_up(&mut self, number: &str) -> Result<(), CoreError> {
        match number_unanswered(self.tx)? {
            Some(other) if other != number => self.leave_sign_up(),
            _ => Ok(()),
        }
    }

    pub(crate) fn account_created(
        &mut self,
        token: &[u8],
        answer: Result<AccountCreated, CallError>,
    ) -> Result<(), CoreError> {
        if self.mem.me.is_some() {
            return Ok(());
        }
        let Some(pending) = meta::get::<Pending>(self.tx, PENDING)? else {
            return Ok(());
        };
        match answer {
            Ok(created) if created.address != pending.address => self.account_confused(token),
            Ok(_) => {
                let list = pending.list()?;
                self.account_is_there(pending, list)
            }
            Err(error) => self.account_refused(&pending, token, error),
        }
    }

    /// The answer is about another account: what became of this one is as little known as without it.
    fn account_confused(&mut self, token: &[u8]) -> Result<(), CoreError> {
        self.warn("server_confused", None);
        let asked: Option<Unanswered> = meta::get(self.tx, UNANSWERED)?;
        let Some(asked) = asked.filter(|asked| asked.body.registration_token.0 == token) else {
            return Ok(());
        };
        self.ask_account_again(asked)?;
        self.refuse(
            "create_account",
            "server_confused",
            "the app answered with another account than was asked for",
        );
        Ok(())
    }

    fn account_refused(
        &mut self,
        pending: &Pending,
        token: &[u8],
        error: CallError,
    ) -> Result<(), CoreError> {
        let asked: Option<Unanswered> = meta::get(self.tx, UNANSWERED)?;
        let Some(asked) = asked.filter(|asked| asked.body.registration_token.0 == token) else {
            // Another proof of the number is under way.
            return Ok(());
        };
        if is_open(&error) {
            return self.ask_account_later(asked, &error);
        }
        if !asked.before {
            self.leave_sign_up()?;
            meta::remove(self.tx, PENDING)?;
            self.failed("create_account", &error);
            return Ok(());
        }
        if is_code(&error, ErrorCode::Exists) && !asked.body.recover {
            // It is there, and lost the number meanwhile: a new one begins.
            meta::remove(self.tx, PENDING)?;
            return self.create_account(asked.body.lock_proof);
        }
        // It is refused now, and may have been taken before.
        let path = format!("/v1/accounts/{}", self.account_path(&pending.address)?);
        self.http::<()>(
            Method::Get,
            path,
            None,
            Call::PendingAccount { refused: error },
        )
    }

    fn ask_account_later(&mut self, asked: Unanswered, error: &CallError) -> Result<(), CoreError> {
        self.ask_account_again(asked)?;
        self.failed("create_account", error);
        Ok(())
    }

    fn ask_account_again(&mut self, mut asked: Unanswered) -> Result<(), CoreError> {
        asked.again_ms = self.now + self.back_off_ms(asked.lost);
        asked.lost += 1;
        meta::put(self.tx, UNANSWERED, &asked)
    }

    /// What the app says of the account that it now refuses to make.
    pub(crate) fn pending_account(
        &mut self,
        refused: &CallError,
        answer: Result<Found, CallError>,
    ) -> Result<(), CoreError> {
        let (None, Some(asked)) = (&self.mem.me, meta::get::<Unanswered>(self.tx, UNANSWERED)?)
        else {
            return Ok(());
        };
        let pending: Pending =
            meta::get(self.tx, PENDING)?.ok_or(CoreError::Damaged("pending account"))?;
        match answer {
            Ok(found) => {
                if let Some(list) = pending.own(&found.manifest.0)? {
                    return self.account_is_there(pending, list);
                }
            }
            Err(error) if is_open(&error) => return self.ask_account_later(asked, &error),
            Err(_) => {}
        }
        self.leave_sign_up()?;
        self.failed("create_account", refused);
        Ok(())
    }

    /// The account that a number belongs to is the one that was asked for: this device is in it.
    pub(super) fn is_account_asked_for(
        &mut self,
        number: &str,
        name: &str,
        manifest: &[u8],
    ) -> Result<bool, CoreError> {
        let Some(mut pending) = meta::get::<Pending>(self.tx, PENDING)? else {
            return Ok(false);
        };
        let Some(list) = pending.own(manifest)? else {
            return Ok(false);
        };
        number.clone_into(&mut pending.number);
        if !name.is_empty() {
            name.clone_into(&mut pending.name);
        }
        self.account_is_there(pending, list)?;
        Ok(true)
    }

    fn account_is_there(
        &mut self,
        pending: Pending,
        list: VerifiedManifest,
    ) -> Result<(), CoreError> {
        let me = Me {
            keys: pending.device_keys()?,
            root: Some(pending.root_key()?),
            address: pending.address,
            number: pending.number,
            name: pending.name,
            about: String::new(),
            manifest: list,
            profile_key: pending.profile_key,
            self_conversation: None,
            app_key: meta::get::<Bytes64>(self.tx, "app_key")?
                .unwrap_or_default()
                .0,
            moderation_key: meta::get::<Bytes64>(self.tx, "moderation_key")?
                .unwrap_or_default()
                .0,
        };
        for key in [PENDING, UNANSWERED, "proved", "registration"] {
            meta::remove(self.tx, key)?;
        }
        let recovered = meta::get(self.tx, "recovered")?.unwrap_or(false);
        if recovered {
            meta::put(self.tx, "rejoin_all", &true)?;
            if meta::get::<[u8; 32]>(self.tx, "recovered_profile_key")?.is_some() {
                meta::put(self.tx, crate::profiles::UNREAD, &true)?;
            }
        }
        meta::remove(self.tx, "recovered_profile_key")?;
        // Who comes back without a name keeps what contacts know of them.
        if !recovered || !me.name.is_empty() {
            meta::put(self.tx, "publish_profile", &true)?;
        }
        self.become_me(me)
    }
}

fn is_code(error: &CallError, code: ErrorCode) -> bool {
    matches!(error, CallError::Refused(wire) if wire.code == code)
}
