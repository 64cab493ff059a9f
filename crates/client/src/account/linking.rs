//! Linking: a new device shows a code that holds the hash of its key, an owner device lets it in.

use super::{ListChange, Me};
use crate::calls::{AfterAppInfo, Call};
use crate::conversations::State;
use crate::output::{Event, Method};
use crate::step::Step;
use crate::store::meta;
use crate::{CallError, CoreError};
use comity_content::{Message as _, proto as said};
use comity_e2ee::{
    keys::{DeviceKeys, RootKey},
    link,
};
use comity_membership::manifest::{self, Device};
use comity_wire::http::{LinkGrantBody, LinkOfferBody};
use comity_wire::proto::ConversationKind;
use comity_wire::{Address, Bytes64, ConversationId, DeviceId, ErrorCode, Id16, limits, proto};
use serde::{Deserialize, Serialize};

/// How often the new device asks whether it was let in.
const POLL_MS_MIN: i64 = 1_000;
const POLL_MS_MAX: i64 = 5_000;
/// Asking waits for this part of the time that the code is shown for.
const POLL_PART: i64 = 20;

/// What a device that wants in has to keep.
#[derive(Serialize, Deserialize)]
struct Offering {
    rendezvous: String,
    device: Bytes64,
    hpke_private: Bytes64,
    code: String,
    expires_ms: i64,
    asked_ms: i64,
}

/// When a new device looks which of its account's conversations it is not in yet.
pub(super) const LETS_ITSELF_IN_MS: &str = "lets_itself_in_ms";
/// The account's other devices have added it by then, where one of them is there and could.
const ADDED_WITHIN_MS: i64 = 120_000;

impl Step<'_> {
    pub(crate) fn start_link(&mut self, device_name: String) -> Result<(), CoreError> {
        if self.mem.me.is_some() {
            return Err(CoreError::NotNow("this device is signed up already"));
        }
        let then = AfterAppInfo::Link { device_name };
        self.http::<()>(Method::Get, "/v1/app", None, Call::AppInfo { then })
    }

    pub(super) fn offer_link(&mut self, device_name: String) -> Result<(), CoreError> {
        self.leave_sign_up()?;
        let device = DeviceKeys::generate(self.random);
        let introduction_key = self.make_introduction_key(&device)?;
        let made = link::make_offer(
            &device,
            &device_name,
            introduction_key,
            self.app()?,
            self.random,
        )
        .map_err(|error| CoreError::Crypto(error.to_string()))?;
        let rendezvous = made.code.rendezvous();
        let offering = Offering {
            rendezvous: rendezvous.clone(),
            device: Bytes64(device.to_bytes().to_vec()),
            hpke_private: Bytes64(made.hpke_private.to_vec()),
            code: made.code.to_string(),
            expires_ms: self.now + limits::LINK_LIFE_MS,
            asked_ms: self.now,
        };
        meta::put(self.tx, "offering", &offering)?;
        self.http(
            Method::Put,
            format!("/v1/links/{rendezvous}/offer"),
            Some(&LinkOfferBody {
                offer: Bytes64(made.offer),
            }),
            Call::LinkOffered,
        )
    }

    pub(crate) fn link_offered(
        &mut self,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        if let Err(error) = result {
            meta::remove(self.tx, "offering")?;
            self.failed("link", &error);
            return Ok(());
        }
        if let Some(offering) = meta::get::<Offering>(self.tx, "offering")? {
            self.event(Event::LinkCode {
                code: offering.code,
                expires_ms: offering.expires_ms,
            });
        }
        Ok(())
    }

    /// Not signed up: asks from time to time whether an owner device has answered, or the app a
    /// sign-up.
    pub(crate) fn pump_link_poll(&mut self) -> Result<(), CoreError> {
        self.pump_sign_up()?;
        let Some(mut offering) = meta::get::<Offering>(self.tx, "offering")? else {
            return Ok(());
        };
        if self.now > offering.expires_ms {
            meta::remove(self.tx, "offering")?;
            self.refuse("link", "code_expired", "nobody used the code in time");
            return Ok(());
        }
        let waited_ms = self.now - (offering.expires_ms - limits::LINK_LIFE_MS);
        let pause_ms = (waited_ms / POLL_PART).clamp(POLL_MS_MIN, POLL_MS_MAX);
        if self.now >= offering.asked_ms + pause_ms {
            offering.asked_ms = self.now;
            meta::put(self.tx, "offering", &offering)?;
            let path = format!("/v1/links/{}/grant", offering.rendezvous);
            self.http::<()>(Method::Get, path, None, Call::LinkGrant)?;
        }
        self.wake(offering.asked_ms + pause_ms);
        Ok(())
    }

    pub(crate) fn link_grant(
        &mut self,
        answer: Result<LinkGrantBody, CallError>,
    ) -> Result<(), CoreError> {
        let Ok(body) = answer else { return Ok(()) };
        let Some(offering) = meta::get::<Offering>(self.tx, "offering")? else {
            return Ok(());
        };
        let keys = DeviceKeys::from_bytes(&offering.device.0)
            .map_err(|_| CoreError::Damaged("device keys"))?;
        let opened = link::open_grant(&offering.hpke_private.0, &keys, &body.grant.0);
        let Some(me) = opened
            .ok()
            .and_then(|grant| self.accept_grant(keys, &grant).transpose())
            .transpose()?
        else {
            meta::remove(self.tx, "offering")?;
            self.refuse(
                "link",
                "grant_invalid",
                "the answer does not come from the device that took the code",
            );
            return Ok(());
        };
        meta::remove(self.tx, "offering")?;
        meta::put(self.tx, LETS_ITSELF_IN_MS, &(self.now + ADDED_WITHIN_MS))?;
        meta::put(self.tx, crate::profiles::UNREAD, &true)?;
        // Known before this device is let in there, so that what is told to the own other devices
        // meanwhile waits, and is not lost.
        if let Some(id) = me.self_conversation {
            let own = ConversationId::new(me.address.app.clone(), id);
            let kind = ConversationKind::Self_ as i32;
            self.insert_conversation(Some(&own), kind, None, State::Known)?;
        }
        self.become_me(me)
    }

    fn accept_grant(
        &mut self,
        keys: DeviceKeys,
        grant: &said::LinkGrant,
    ) -> Result<Option<Me>, CoreError> {
        let Ok(list) = manifest::verify(&grant.signed_manifest) else {
            return Ok(None);
        };
        let Some(address) = grant.address.as_ref().and_then(address_of) else {
            return Ok(None);
        };
        let (Some(own), Ok(profile_key)) = (
            list.manifest.device(&keys.id()),
            grant.profile_key.as_slice().try_into(),
        ) else {
            return Ok(None);
        };
        if address != list.manifest.address || address.app != self.app()? {
            return Ok(None);
        }
        let root = if own.owner {
            RootKey::from_bytes(&grant.root_secret).ok()
        } else {
            None
        };
        self.blocks_synced(&grant.blocked)?;
        let mut name = String::new();
        for contact in &grant.contacts {
            if contact.address.as_ref().and_then(address_of).as_ref() == Some(&address) {
                name = crate::names::shown(&contact.name)
                    .chars()
                    .take(super::NAME_CHARS_MAX)
                    .collect();
            } else {
                self.contact_synced(contact)?;
            }
        }
        self.devices_named(&grant.devices)?;
        Ok(Some(Me {
            address,
            keys,
            root,
            number: grant.alias.clone(),
            // Shown until the whole profile was read.
            name,
            about: String::new(),
            manifest: list,
            profile_key,
            self_conversation: Id16::from_slice(&grant.self_conversation).ok(),
            app_key: meta::get::<Bytes64>(self.tx, "app_key")?
                .unwrap_or_default()
                .0,
            moderation_key: meta::get::<Bytes64>(self.tx, "moderation_key")?
                .unwrap_or_default()
                .0,
        }))
    }

    pub(crate) fn approve_link(&mut self, code: &str) -> Result<(), CoreError> {
        let me = self.me()?;
        if me.root.is_none() {
            return Err(CoreError::NotNow(
                "only an owner device may let a device in",
            ));
        }
        let parsed: link::LinkCode = match code.parse() {
            Ok(parsed) => parsed,
            Err(_) => {
                self.refuse(
                    "approve_link",
                    "code_wrong",
                    "this is not a whole link code",
                );
                return Ok(());
            }
        };
        if parsed.app != me.address.app {
            self.refuse("approve_link", "wrong_app", "the code is of another app");
            return Ok(());
        }
        let path = format!("/v1/links/{}/offer", parsed.rendezvous());
        self.http::<()>(
            Method::Get,
            path,
            None,
            Call::ApproveOffer {
                code: code.to_owned(),
            },
        )
    }

    pub(crate) fn approve_offer(
        &mut self,
        code: &str,
        answer: Result<LinkOfferBody, CallError>,
    ) -> Result<(), CoreError> {
        let body = match answer {
            Ok(body) => body,
            Err(error) => {
                self.failed("approve_link", &error);
                return Ok(());
            }
        };
        let Ok(parsed) = code.parse::<link::LinkCode>() else {
            return Ok(());
        };
        let Ok(link::CheckedOffer { offer, device_name }) =
            link::check_offer(&parsed, &body.offer.0)
        else {
            // The app handed out another key than the one on the new device's screen.
            self.warn("link_key_swapped", None);
            self.refuse(
                "approve_link",
                "link_key_swapped",
                "the app gave another key than the device showed: nothing was linked",
            );
            return Ok(());
        };
        let device = comity_membership::device_id(&offer.signature_key);
        let rendezvous = parsed.rendezvous();
        meta::put(self.tx, &format!("device_name/{device}"), &device_name)?;
        self.change_list(ListChange::Admit {
            offer: body.offer.0,
            rendezvous,
        })
    }

    /// Puts the list with the device that offers itself; the offer was checked.
    pub(super) fn put_with(&mut self, bytes: Vec<u8>, rendezvous: String) -> Result<(), CoreError> {
        let offer = proto::LinkOffer::decode(bytes.as_slice())
            .map_err(|_| CoreError::Damaged("link offer"))?;
        let id = comity_membership::device_id(&offer.signature_key);
        if self.me()?.manifest.manifest.device(&id).is_some() {
            // Let in while this waited.
            self.next_list_change()?;
            return self.grant_link(&offer, &rendezvous);
        }
        let Ok(signature_key) = offer.signature_key.as_slice().try_into() else {
            return Ok(());
        };
        let now = self.now;
        let next = self.next_manifest(|list| {
            list.devices.push(Device {
                id,
                signature_key,
                owner: false,
                attributes: Vec::new(),
                added_ms: now,
            });
        })?;
        let keys = vec![Bytes64(offer.introduction_key)];
        self.put_manifest(
            &next,
            keys,
            Call::ApproveManifest {
                offer: bytes,
                rendezvous,
            },
        )
    }

    pub(crate) fn approve_manifest(
        &mut self,
        offer: &[u8],
        rendezvous: &str,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        if let Err(error) = result {
            self.failed("approve_link", &error);
            return self.refresh_contact(&self.me()?.address.clone());
        }
        self.manifest_taken()?;
        self.next_list_change()?;
        let offer =
            proto::LinkOffer::decode(offer).map_err(|_| CoreError::Damaged("link offer"))?;
        self.grant_link(&offer, rendezvous)
    }

    fn grant_link(&mut self, offer: &proto::LinkOffer, rendezvous: &str) -> Result<(), CoreError> {
        let me = self.me()?;
        let device = comity_membership::device_id(&offer.signature_key);
        let own = proto_address(&me.address);
        let mut contacts = self.contacts_to_sync()?;
        // The own name is not read from the app on the device that gave it.
        for contact in &mut contacts {
            if contact.address.as_ref() == Some(&own) {
                contact.name.clone_from(&me.name);
            }
        }
        let grant = said::LinkGrant {
            signed_manifest: me.manifest.bytes.clone(),
            address: Some(own),
            profile_key: me.profile_key.to_vec(),
            self_conversation: me
                .self_conversation
                .map(|id| id.to_vec())
                .unwrap_or_default(),
            contacts,
            alias: me.number.clone(),
            root_secret: Vec::new(),
            devices: self.device_names()?,
            blocked: self.blocks_to_sync()?,
        };
        let sealed = link::seal_grant(offer, &grant)
            .map_err(|error| CoreError::Crypto(error.to_string()))?;
        // Before the app has the grant: whether the answer comes or not, the new device is in then.
        let again = self.promise_history(device)?;
        self.http(
            Method::Put,
            format!("/v1/links/{rendezvous}/grant"),
            Some(&LinkGrantBody {
                grant: Bytes64(sealed),
            }),
            Call::ApproveGrant { device, again },
        )
    }

    /// What became of a grant. `again`: this device made one before, of which it may not have heard
    /// that the app took it.
    pub(crate) fn approve_grant(
        &mut self,
        device: DeviceId,
        again: bool,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        match result {
            Ok(_) => {}
            Err(CallError::Refused(error)) if error.code == ErrorCode::Exists => {
                if !again {
                    self.promise_no_history(device)?;
                }
            }
            Err(error) => {
                self.failed("approve_link", &error);
                return Ok(());
            }
        }
        self.tell_linked(device)
    }
}

/// An address off the content's wire form.
pub(crate) fn address_of(address: &said::Address) -> Option<Address> {
    Some(Address::new(
        address.app.parse().ok()?,
        comity_wire::AccountId::from_slice(&address.account).ok()?,
    ))
}

/// An address in the content's wire form.
pub(crate) fn proto_address(address: &Address) -> said::Address {
    said::Address {
        app: address.app.as_str().to_owned(),
        account: address.account.to_vec(),
    }
}
