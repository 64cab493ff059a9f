//! The own device list: taking a device out, making one an owner, hearing of a newer list.
//!
//! Always holds: a device that another one let in, that the recovery phrase brought, or that became an
//! owner, is told of on the screen of every device that is listed still; and as a warning where no own
//! device is seen to have done it. What the person wants of a device is kept until it is so or refused.

use crate::calls::Call;
use crate::output::{Event, Method};
use crate::step::Step;
use crate::store::meta;
use crate::{CallError, CoreError};
use comity_content::proto as said;
use comity_e2ee::{introduction, keys::sign_manifest};
use comity_membership::manifest::{self, Manifest, VerifiedManifest};
use comity_wire::http::{Found, PutManifest};
use comity_wire::{Bytes64, DeviceId, ErrorCode};
use serde::{Deserialize, Serialize};

/// Where it is kept what the person wants of a device.
const WANTED: &str = "list_change/";
/// Time until a change is asked for again that may be made later.
const AGAIN_MS: i64 = 15_000;

/// What is to become of a device.
#[derive(Serialize, Deserialize)]
struct Wanted {
    /// It is made an owner and given the root key; else it is taken out.
    owner: bool,
    /// The number of the own list when the app refused the one after it: another owner device may
    /// have been faster.
    refused_seq: Option<u64>,
    /// How often it could not be done for now.
    attempts: i64,
}

impl Wanted {
    const fn act(&self) -> &'static str {
        if self.owner {
            "device_promoted"
        } else {
            "device_removed"
        }
    }
}

const fn only_owners() -> CoreError {
    CoreError::NotNow("only an owner device may change the device list")
}

/// A change of the own device list.
#[derive(Clone, Debug)]
pub(crate) enum ListChange {
    Remove(DeviceId),
    Promote(DeviceId),
    Admit { offer: Vec<u8>, rendezvous: String },
}

/// Who made a newer list, as far as this device sees it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    /// An owner device of the list before.
    OwnDevice,
    /// Who has the root key from elsewhere, which are the words of the recovery phrase.
    Phrase,
    /// Lists are between that this device missed.
    Unseen,
}

impl By {
    fn of(before: &Manifest, after: &VerifiedManifest) -> Self {
        if before.seq.checked_add(1) != Some(after.manifest.seq) {
            Self::Unseen
        } else if manifest::is_by_owner(before, after) {
            Self::OwnDevice
        } else {
            Self::Phrase
        }
    }
}

impl Step<'_> {
    /// One change after another: each is made of the list that the one before led to. What is asked for
    /// while one is under way waits for it.
    pub(super) fn change_list(&mut self, change: ListChange) -> Result<(), CoreError> {
        if self.is_list_changing() {
            self.mem.list_changes.push_back(change);
            return Ok(());
        }
        match change {
            ListChange::Remove(device) => self.put_without(device),
            ListChange::Promote(device) => self.put_promoted(device),
            ListChange::Admit { offer, rendezvous } => self.put_with(offer, rendezvous),
        }
    }

    fn is_list_changing(&self) -> bool {
        let mut under_way = self.mem.calls.values();
        under_way.any(|call| {
            matches!(
                call,
                Call::OwnManifest { .. } | Call::ApproveManifest { .. } | Call::Promotion { .. }
            )
        })
    }

    /// What waited for the newest own list goes on, once that is here.
    pub(crate) fn next_list_change(&mut self) -> Result<(), CoreError> {
        if self.mem.list_changes.is_empty() && self.mem.no_list_wishes {
            return Ok(());
        }
        if self.is_list_changing() || self.awaits_list(&self.me()?.address)? {
            return Ok(());
        }
        let change = match self.mem.list_changes.pop_front() {
            Some(change) => change,
            None => match self.wanted_change()? {
                Some(change) => change,
                None => return Ok(()),
            },
        };
        let (act, device) = match &change {
            ListChange::Remove(device) => ("device_removed", Some(*device)),
            ListChange::Promote(device) => ("device_promoted", Some(*device)),
            ListChange::Admit { .. } => ("approve_link", None),
        };
        match self.change_list(change) {
            Err(error @ (CoreError::NoSuch(_) | CoreError::NotNow(_) | CoreError::Refused(_))) => {
                if let Some(device) = device {
                    self.is_not_wanted(&device)?;
                }
                self.refuse(act, error.code(), &error.to_string());
                self.next_list_change()
            }
            other => other,
        }
    }

    /// What the person wants and can be asked for now: who is to go goes first.
    fn wanted_change(&mut self) -> Result<Option<ListChange>, CoreError> {
        let mut to_promote = None;
        let wanted = meta::under(self.tx, WANTED)?;
        self.mem.no_list_wishes = wanted.is_empty();
        if wanted.is_empty() || !self.is_synced() {
            return Ok(None);
        }
        if let Some(at) = self.mem.list_change_again_ms {
            if self.now < at {
                self.wake(at);
                return Ok(None);
            }
            self.mem.list_change_again_ms = None;
        }
        for device in wanted {
            let device = device.parse().map_err(|_| CoreError::Damaged("device"))?;
            match self.wanted(&device)? {
                Some(wanted) if !wanted.owner => return Ok(Some(ListChange::Remove(device))),
                _ => to_promote = Some(ListChange::Promote(device)),
            }
        }
        Ok(to_promote)
    }

    fn wanted(&self, device: &DeviceId) -> Result<Option<Wanted>, CoreError> {
        meta::get(self.tx, &format!("{WANTED}{device}"))
    }

    fn put_wanted(&mut self, device: &DeviceId, wanted: &Wanted) -> Result<(), CoreError> {
        self.mem.no_list_wishes = false;
        meta::put(self.tx, &format!("{WANTED}{device}"), wanted)
    }

    fn is_not_wanted(&self, device: &DeviceId) -> Result<(), CoreError> {
        meta::remove(self.tx, &format!("{WANTED}{device}"))
    }

    /// The person wants it. It is done with the newest list, as soon as there is a session.
    fn want_of_device(&mut self, device: &DeviceId, owner: bool) -> Result<(), CoreError> {
        if self.me()?.root.is_none() {
            return Err(only_owners());
        }
        let before = self.wanted(device)?;
        if owner && before.is_some_and(|before| !before.owner) {
            // It is about to go.
            return Err(CoreError::NoSuch("device"));
        }
        let wanted = Wanted {
            owner,
            refused_seq: None,
            attempts: 0,
        };
        self.put_wanted(device, &wanted)?;
        self.mem.list_change_again_ms = None;
        if self.token().is_none() {
            let error = CallError::Unreachable("not connected".to_owned());
            self.failed(wanted.act(), &error);
        }
        Ok(())
    }

    /// The list is as it was wanted, whoever made it so.
    fn is_as_wanted(&mut self, device: &DeviceId) -> Result<(), CoreError> {
        let Some(wanted) = self.wanted(device)? else {
            return Ok(());
        };
        self.is_not_wanted(device)?;
        self.event(Event::Saved {
            what: wanted.act().to_owned(),
        });
        Ok(())
    }

    /// The app refused the list after this one, and has no newer one: that is told and left.
    fn is_refused(&mut self, device: &DeviceId) -> Result<bool, CoreError> {
        let seq = self.me()?.manifest.manifest.seq;
        let wanted = self.wanted(device)?;
        let Some(wanted) = wanted.filter(|wanted| wanted.refused_seq == Some(seq)) else {
            return Ok(false);
        };
        self.is_not_wanted(device)?;
        self.refuse(
            wanted.act(),
            ErrorCode::ManifestInvalid.as_str(),
            "the app does not take the device list",
        );
        Ok(true)
    }

    /// An act for what is wanted of a device did not work: it is done later, or told and left.
    fn wanted_failed(&mut self, device: &DeviceId, error: &CallError) -> Result<(), CoreError> {
        let Some(mut wanted) = self.wanted(device)? else {
            return Ok(());
        };
        if matches!(error, CallError::Refused(wire) if wire.code == ErrorCode::ManifestInvalid) {
            wanted.refused_seq = Some(self.me()?.manifest.manifest.seq);
            return self.put_wanted(device, &wanted);
        }
        if !error.may_pass() {
            self.failed(wanted.act(), error);
            return self.is_not_wanted(device);
        }
        if wanted.attempts == 0 {
            self.failed_for_now(wanted.act(), error);
        }
        let pause_ms = self.back_off_ms(wanted.attempts).max(AGAIN_MS);
        let at = self.now + pause_ms.max(error.wait_ms());
        self.mem.list_change_again_ms = Some(at);
        self.wake(at);
        wanted.attempts += 1;
        self.put_wanted(device, &wanted)
    }

    /// The next manifest, changed by `change`, signed by this owner device and the root.
    pub(super) fn next_manifest(
        &mut self,
        change: impl FnOnce(&mut Manifest),
    ) -> Result<VerifiedManifest, CoreError> {
        let me = self.me()?;
        let Some(root) = &me.root else {
            return Err(only_owners());
        };
        let mut list = me.manifest.manifest.clone();
        list.seq += 1;
        list.previous_hash = me.manifest.hash.to_vec();
        list.at_ms = self.now;
        change(&mut list);
        let signed = sign_manifest(&list, Some(root), Some(&me.keys));
        manifest::verify(&signed).map_err(|error| CoreError::Refused(error.to_string()))
    }

    pub(super) fn put_manifest(
        &mut self,
        next: &VerifiedManifest,
        introduction_keys: Vec<Bytes64>,
        call: Call,
    ) -> Result<(), CoreError> {
        let body = PutManifest {
            manifest: Bytes64(next.bytes.clone()),
            introduction_keys,
        };
        meta::put(self.tx, "manifest_putting", &Bytes64(next.bytes.clone()))?;
        self.http(Method::Put, "/v1/me/manifest", Some(&body), call)
    }

    /// The list that was being put was taken by the app.
    pub(super) fn manifest_taken(&mut self) -> Result<(), CoreError> {
        let bytes: Bytes64 = meta::get(self.tx, "manifest_putting")?
            .ok_or(CoreError::Damaged("manifest under way"))?;
        self.adopt_own_manifest(&bytes.0)
    }

    pub(crate) fn remove_device(&mut self, device: DeviceId) -> Result<(), CoreError> {
        let me = self.me()?;
        if me.manifest.manifest.device(&device).is_none() {
            return Err(CoreError::NoSuch("device"));
        }
        if device == me.keys.id() {
            return Err(CoreError::Refused("a device does not take itself out: use another owner device, or delete the account".into()));
        }
        self.want_of_device(&device, false)
    }

    fn put_without(&mut self, device: DeviceId) -> Result<(), CoreError> {
        if self.me()?.manifest.manifest.device(&device).is_none() {
            // Taken out while this waited, or before its answer was lost.
            self.is_as_wanted(&device)?;
            return self.next_list_change();
        }
        if self.is_refused(&device)? {
            return self.next_list_change();
        }
        let next = self.next_manifest(|list| {
            list.devices.retain(|other| other.id != device);
            list.revoked.push(device);
        })?;
        self.put_manifest(
            &next,
            Vec::new(),
            Call::OwnManifest {
                what: "device_removed",
                device,
            },
        )
    }

    pub(crate) fn promote_device(&mut self, device: DeviceId) -> Result<(), CoreError> {
        let me = self.me()?;
        if me.manifest.manifest.device(&device).is_none() {
            return Err(CoreError::NoSuch("device"));
        }
        self.want_of_device(&device, true)
    }

    /// An owner is listed first, then given the root key.
    fn put_promoted(&mut self, device: DeviceId) -> Result<(), CoreError> {
        let me = self.me()?;
        let Some(listed) = me.manifest.manifest.device(&device) else {
            return Err(CoreError::NoSuch("device"));
        };
        if listed.owner {
            return self.http::<()>(
                Method::Get,
                format!("/v1/accounts/{}", me.address.account),
                None,
                Call::Promotion { device },
            );
        }
        if self.is_refused(&device)? {
            return self.next_list_change();
        }
        let next = self.next_manifest(|list| {
            for other in &mut list.devices {
                other.owner |= other.id == device;
            }
        })?;
        self.put_manifest(
            &next,
            Vec::new(),
            Call::OwnManifest {
                what: "device_promoted",
                device,
            },
        )
    }

    pub(crate) fn own_manifest_put(
        &mut self,
        what: &'static str,
        device: DeviceId,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        if let Err(error) = result {
            let wanted = self.wanted(&device)?;
            if wanted.is_some_and(|wanted| wanted.act() == what) {
                self.wanted_failed(&device, &error)?;
            }
            // Another owner device may have been faster, or the list was taken.
            return self.refresh_contact(&self.me()?.address.clone());
        }
        self.manifest_taken()?;
        if what == "device_removed" {
            self.is_as_wanted(&device)?;
        }
        self.next_list_change()
    }

    /// Gives the root key to a device that is an owner now, sealed to its introduction key.
    pub(crate) fn promote_seal(
        &mut self,
        device: DeviceId,
        answer: Result<Found, CallError>,
    ) -> Result<(), CoreError> {
        if !self.wanted(&device)?.is_some_and(|wanted| wanted.owner) {
            // Meanwhile it is to go.
            return Ok(());
        }
        let found = match answer {
            Ok(found) => found,
            Err(error) => return self.wanted_failed(&device, &error),
        };
        let me = self.me()?;
        let (Some(listed), Some(root)) = (me.manifest.manifest.device(&device), &me.root) else {
            return self.is_not_wanted(&device);
        };
        if self.self_conversation()?.is_none() {
            // Where it is told; it is on its way to this device.
            self.mem.list_change_again_ms = Some(self.now + AGAIN_MS);
            return Ok(());
        }
        let key = found
            .introduction_keys
            .iter()
            .find_map(|bytes| comity_membership::introduction_key::verify(&bytes.0, listed).ok());
        let Some(key) = key else {
            self.is_not_wanted(&device)?;
            self.refuse(
                "device_promoted",
                "not_found",
                "the device has published no key yet: try again when it was online",
            );
            return Ok(());
        };
        let sealed_root = introduction::seal_bytes(&key, b"comity root key", &root.to_bytes())
            .map_err(|error| CoreError::Crypto(error.to_string()))?;
        self.sync_devices(said::DeviceSync {
            promotion: Some(said::Promotion {
                device: device.to_vec(),
                introduction_key: key.public_key.clone(),
                sealed_root,
            }),
            ..Default::default()
        })?;
        self.is_as_wanted(&device)
    }

    /// Another own device gave this one the root key.
    pub(crate) fn promoted(&mut self, promotion: &said::Promotion) -> Result<(), CoreError> {
        let me = self.me()?;
        if promotion.device != me.keys.id().as_bytes() || me.root.is_some() {
            return Ok(());
        }
        let Some(private) = self.introduction_private(&promotion.introduction_key)? else {
            return Ok(());
        };
        let opened = introduction::open_bytes(
            &promotion.introduction_key,
            &private,
            b"comity root key",
            &promotion.sealed_root,
        );
        let root = opened
            .ok()
            .and_then(|bytes| comity_e2ee::keys::RootKey::from_bytes(&bytes).ok());
        match root {
            Some(root) if root.public() == me.manifest.manifest.root_key => {
                self.change_me(move |me| me.root = Some(root))?;
                self.event(Event::Saved {
                    what: "device_promoted".to_owned(),
                });
                Ok(())
            }
            _ => {
                self.warn("promotion_invalid", None);
                Ok(())
            }
        }
    }

    /// The server holds this manifest number: fetch it when it is newer than the one known.
    pub(crate) fn own_manifest_seen(&mut self, seq: u64) -> Result<(), CoreError> {
        let me = self.me()?;
        if seq > me.manifest.manifest.seq {
            let address = me.address.clone();
            return self.refresh_contact(&address);
        }
        if seq < me.manifest.manifest.seq && seq != 0 {
            self.warn("manifest_rollback", None);
        }
        Ok(())
    }

    /// The inbox says that the list became this one: one that is known, or older than the known one, was
    /// said before this device heard of the newer.
    pub(crate) fn own_manifest_changed(&mut self, seq: u64) -> Result<(), CoreError> {
        let me = self.me()?;
        if seq <= me.manifest.manifest.seq {
            return Ok(());
        }
        self.refresh_contact(&me.address.clone())
    }

    /// A newer own device list, from the app or another own device.
    pub(crate) fn adopt_own_manifest(&mut self, bytes: &[u8]) -> Result<(), CoreError> {
        let me = self.me()?;
        let address = me.address.clone();
        let Some(next) = self.adopt_manifest(&address, bytes)? else {
            return Ok(());
        };
        if next.hash != me.manifest.hash {
            let (before, after) = (me.manifest.manifest.clone(), next.clone());
            let put: Option<Bytes64> = meta::get(self.tx, "manifest_putting")?;
            let put_here = put.is_some_and(|put| put.0 == next.bytes);
            self.change_me(move |me| me.manifest = next)?;
            self.own_devices_changed(&before, &after, put_here)?;
        }
        Ok(())
    }

    fn own_devices_changed(
        &mut self,
        before: &Manifest,
        next: &VerifiedManifest,
        put_here: bool,
    ) -> Result<(), CoreError> {
        let (me, after) = (self.me()?, &next.manifest);
        if after.device(&me.keys.id()).is_none() {
            // Signed by the account itself: this device is to keep nothing.
            self.event(Event::Erased {
                reason: "device_revoked".to_owned(),
            });
            self.effect(crate::Effect::Erase);
            return Ok(());
        }
        let changed = before
            .devices
            .iter()
            .map(|d| d.id)
            .ne(after.devices.iter().map(|d| d.id));
        if changed && me.root.is_some() {
            self.reconcile_all(0)?;
        }
        if !put_here {
            self.note_own_devices(before, after, By::of(before, next))?;
        }
        self.tell_own_devices(before, after);
        Ok(())
    }

    /// Says as an event what is another in the own list.
    fn tell_own_devices(&mut self, before: &Manifest, after: &Manifest) {
        let only_in = |list: &Manifest, other: &Manifest| -> Vec<DeviceId> {
            let devices = list.devices.iter().map(|device| device.id);
            devices.filter(|id| other.device(id).is_none()).collect()
        };
        let (added, removed) = (only_in(after, before), only_in(before, after));
        let mut stayed = after.devices.iter();
        let owners = stayed.any(|device| {
            let was = before.device(&device.id);
            was.is_some_and(|was| was.owner != device.owner)
        });
        if owners || !added.is_empty() || !removed.is_empty() {
            self.event(Event::DevicesChanged {
                address: after.address.clone(),
                added,
                removed,
            });
        }
    }

    /// Says in the notes to self what this device did not do: who came into the own list, who is an
    /// owner now or is none any more. That another device made this one an owner is its own to say.
    fn note_own_devices(
        &mut self,
        before: &Manifest,
        after: &Manifest,
        by: By,
    ) -> Result<(), CoreError> {
        let this = self.me()?.keys.id();
        for device in &after.devices {
            let was = before.device(&device.id).map(|was| was.owner);
            let (what, warns) = match (was, device.owner) {
                (Some(true), true) | (Some(false), false) => continue,
                (Some(false), true) if device.id == this => continue,
                // A device is let in as no owner.
                (None, _) if by == By::Phrase => ("device_recovered", true),
                (None, true) => ("owner_added", true),
                (None, false) => ("device_added", false),
                (Some(false), true) => ("owner_added", by != By::OwnDevice),
                (Some(true), false) => ("owner_removed", by != By::OwnDevice),
            };
            self.note_own_device(&device.id, what, warns)?;
        }
        Ok(())
    }

    fn note_own_device(
        &mut self,
        device: &DeviceId,
        what: &str,
        warns: bool,
    ) -> Result<(), CoreError> {
        let address = self.me()?.address.clone();
        let own = self.self_conversation()?.map(|own| own.id);
        if warns {
            self.warn(what, own);
        }
        if let Some(own) = own {
            self.insert_notice(own, &address, device, what)?;
        }
        Ok(())
    }
}
