//! People: what this device pinned of them, and what they and the person decided.
//!
//! Always holds: a root key never changes silently, a device list never goes back.

use crate::account::{Me, address_of, proto_address};
use crate::calls::Call;
use crate::output::{Event, Method};
use crate::step::Step;
use crate::store::meta;
use crate::{CallError, CoreError, blocks, views};
use comity_content::proto as said;
use comity_membership::manifest::{self, ManifestError, VerifiedManifest};
use comity_wire::http::{Found, Lookup};
use comity_wire::{AccountId, Address, DeviceId, UnixMs};
use rusqlite::{Connection, OptionalExtension};

/// Where it is kept whose list was asked for and has not come.
const WANTED_LIST: &str = "wanted_list/";
/// Where it is kept what another own device knows of somebody who was not met here yet.
const EXPECTED: &str = "expected/";
/// Root key, number, name, profile key, and whether the root key was compared.
type Facts = (Vec<u8>, String, String, Vec<u8>, bool);
/// Time until it is asked for again at the earliest.
const LISTS_AGAIN_MS: i64 = 15_000;

/// Where it is kept of whom another own device told that nobody agreed to talk with them.
fn stranger(address: &Address) -> String {
    format!("stranger/{address}")
}

/// What taking a manifest did.
pub(crate) struct Adopted {
    pub(crate) manifest: VerifiedManifest,
    pub(crate) first_contact: bool,
    pub(crate) added: Vec<DeviceId>,
    pub(crate) removed: Vec<DeviceId>,
}

/// The newest manifest that this device knows of an account.
pub(crate) fn known_manifest(
    tx: &Connection,
    address: &Address,
) -> Result<Option<VerifiedManifest>, CoreError> {
    let bytes: Option<Vec<u8>> = tx
        .prepare_cached("SELECT manifest FROM contact WHERE address = ?1")?
        .query_row([address.to_string()], |row| row.get(0))
        .optional()?;
    bytes
        .map(|bytes| manifest::pinned(&bytes).map_err(|_| CoreError::Damaged("pinned manifest")))
        .transpose()
}

/// Pins a manifest, or takes a newer one that follows from the pinned one.
pub(crate) fn adopt(
    tx: &Connection,
    now: UnixMs,
    bytes: &[u8],
) -> Result<Result<Adopted, ManifestError>, CoreError> {
    let offered = match manifest::verify(bytes) {
        Ok(offered) => offered,
        Err(error) => return Ok(Err(error)),
    };
    let address = offered.manifest.address.clone();
    let Some(known) = known_manifest(tx, &address)? else {
        tx.execute(
            "INSERT INTO contact (address, root_key, manifest, manifest_seq, changed_ms, blocked) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                address.to_string(), offered.manifest.root_key, &offered.bytes, offered.manifest.seq, now,
                blocks::is_decided(tx, &address)?,
            ),
        )?;
        return Ok(Ok(Adopted {
            manifest: offered,
            first_contact: true,
            added: Vec::new(),
            removed: Vec::new(),
        }));
    };
    let next = match manifest::verify_next(&known, bytes) {
        Ok(next) => next,
        Err(error) => return Ok(Err(error)),
    };
    let ids = |list: &VerifiedManifest| {
        list.manifest
            .devices
            .iter()
            .map(|d| d.id)
            .collect::<Vec<_>>()
    };
    let (before, after) = (ids(&known), ids(&next));
    if next.hash != known.hash {
        tx.execute(
            "UPDATE contact SET manifest = ?2, manifest_seq = ?3 WHERE address = ?1",
            (address.to_string(), &next.bytes, next.manifest.seq),
        )?;
    }
    Ok(Ok(Adopted {
        added: after
            .iter()
            .filter(|id| !before.contains(id))
            .copied()
            .collect(),
        removed: before
            .iter()
            .filter(|id| !after.contains(id))
            .copied()
            .collect(),
        manifest: next,
        first_contact: false,
    }))
}

impl Step<'_> {
    /// Takes what someone gives as the newest manifest of `address`. Absent: it was refused.
    pub(crate) fn adopt_manifest(
        &mut self,
        address: &Address,
        bytes: &[u8],
    ) -> Result<Option<VerifiedManifest>, CoreError> {
        match adopt(self.tx, self.now, bytes)? {
            Ok(adopted) if adopted.manifest.manifest.address == *address => {
                self.note_adopted(&adopted)?;
                Ok(Some(adopted.manifest))
            }
            Ok(_) => {
                self.warn("manifest_of_another", None);
                Ok(None)
            }
            Err(error) => {
                self.note_manifest_refused(&error);
                // An older one is what a slow server gives; the known one goes on.
                if matches!(error, ManifestError::Rollback) {
                    known_manifest(self.tx, address)
                } else {
                    Ok(None)
                }
            }
        }
    }

    pub(crate) fn note_manifest_refused(&mut self, error: &ManifestError) {
        let code = match error {
            ManifestError::Rollback => "manifest_rollback",
            ManifestError::Fork => "manifest_fork",
            ManifestError::TooFar => "manifest_too_far",
            _ => "manifest_invalid",
        };
        self.warn(code, None);
    }

    /// Says what a manifest changed: in the conversation with that person, and as an event.
    pub(crate) fn note_adopted(&mut self, adopted: &Adopted) -> Result<(), CoreError> {
        if adopted.first_contact || (adopted.added.is_empty() && adopted.removed.is_empty()) {
            return Ok(());
        }
        let address = adopted.manifest.manifest.address.clone();
        if let Some(conversation) = self.conversation_with(&address)? {
            for device in &adopted.added {
                self.insert_notice(conversation.id, &address, device, "device_added")?;
            }
            for device in &adopted.removed {
                self.insert_notice(conversation.id, &address, device, "device_removed")?;
            }
        }
        for device in &adopted.removed {
            self.take_out_everywhere(&address, device)?;
        }
        if address == self.me()?.address {
            // Told where the own list is taken over.
            return Ok(());
        }
        self.event(Event::DevicesChanged {
            address,
            added: adopted.added.clone(),
            removed: adopted.removed.clone(),
        });
        Ok(())
    }

    /// A device that its account no longer lists goes from every conversation that it is in.
    fn take_out_everywhere(
        &mut self,
        address: &Address,
        device: &DeviceId,
    ) -> Result<(), CoreError> {
        let conversations: Vec<i64> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT m.conversation FROM member m JOIN conversation c ON c.id = m.conversation
                 WHERE m.address = ?1 AND m.device = ?2 AND c.state = 'active'",
            )?;
            statement
                .query_map((address.to_string(), device.to_vec()), |row| row.get(0))?
                .collect::<Result<_, _>>()?
        };
        for conversation in conversations {
            let delay = 500 + self.spread_ms(conversation, 1_000)?;
            self.want(conversation, "reconcile", delay)?;
        }
        Ok(())
    }

    /// The own account's row: its name in timelines, its manifest for judging commits.
    pub(crate) fn remember_self(&mut self, me: &Me) -> Result<(), CoreError> {
        if let Err(error) = adopt(self.tx, self.now, &me.manifest.bytes)? {
            self.note_manifest_refused(&error);
        }
        self.tx.execute(
            "UPDATE contact SET accepted = 1, alias = ?2, profile_key = ?3 WHERE address = ?1",
            (me.address.to_string(), &me.number, me.profile_key),
        )?;
        Ok(())
    }

    pub(crate) fn lookup(
        &mut self,
        number: String,
        country: Option<String>,
    ) -> Result<(), CoreError> {
        self.me()?;
        if self.token().is_none() {
            self.refuse(
                "lookup",
                "unreachable",
                "the server was not reached: not connected",
            );
            return Ok(());
        }
        self.http(
            Method::Post,
            "/v1/directory/lookup",
            Some(&Lookup { number, country }),
            Call::Lookup,
        )
    }

    pub(crate) fn looked_up(&mut self, answer: Result<Found, CallError>) -> Result<(), CoreError> {
        let found = match answer {
            Ok(found) => found,
            Err(error) => {
                self.failed("lookup", &error);
                return Ok(());
            }
        };
        if self
            .adopt_manifest(&found.address, &found.manifest.0)?
            .is_none()
        {
            self.refuse(
                "lookup",
                "manifest_invalid",
                "the app's answer about this person was refused",
            );
            return Ok(());
        }
        let number = found.number.unwrap_or_default();
        // Whom this number led to before has another one now, or none.
        let moved: Vec<String> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT address FROM contact WHERE alias = ?1 AND address <> ?2 AND alias <> ''",
            )?;
            statement
                .query_map((&number, found.address.to_string()), |row| row.get(0))?
                .collect::<Result<_, _>>()?
        };
        for old in moved {
            if let Ok(old) = old.parse() {
                self.mark_alias_moved(&old)?;
            }
        }
        self.found_under(&found.address, &number)?;
        if self.profile_key_of(&found.address)?.is_some() {
            // What they call themselves now is told with the answer.
            return self.ask_for_profile(&found.address, true);
        }
        self.tell_found(&found.address)
    }

    /// The app says that this is their number: whatever became of an earlier one is of no account any
    /// more, here and on the own other devices.
    fn found_under(&mut self, address: &Address, number: &str) -> Result<(), CoreError> {
        let was_moved: bool = self.tx.query_row(
            "SELECT alias_moved AND accepted AND ?2 <> '' FROM contact WHERE address = ?1",
            (address.to_string(), number),
            |row| row.get(0),
        )?;
        self.tx.execute(
            "UPDATE contact SET alias = CASE WHEN ?2 = '' THEN alias ELSE ?2 END, changed_ms = ?3, alias_moved = alias_moved AND ?2 = ''
             WHERE address = ?1",
            (address.to_string(), number, self.now),
        )?;
        if was_moved {
            self.sync_contact(address)?;
        }
        Ok(())
    }

    pub(crate) fn tell_found(&mut self, address: &Address) -> Result<(), CoreError> {
        if let Some(contact) = views::contact(self.tx, address)? {
            self.event(Event::Found { contact });
        }
        Ok(())
    }

    pub(crate) fn alias_moved(&mut self, account: &[u8]) -> Result<(), CoreError> {
        let Ok(account) = AccountId::from_slice(account) else {
            return Ok(());
        };
        let address = Address::new(self.app()?, account);
        if address == self.me()?.address {
            return self.own_number_moved();
        }
        self.mark_alias_moved(&address)
    }

    fn mark_alias_moved(&mut self, address: &Address) -> Result<(), CoreError> {
        let changed = self.tx.execute(
            "UPDATE contact SET alias_moved = 1 WHERE address = ?1 AND alias_moved = 0",
            [address.to_string()],
        )?;
        if changed == 0 {
            return Ok(());
        }
        if let Some(conversation) = self.conversation_with(address)? {
            self.insert_notice(
                conversation.id,
                address,
                &DeviceId::new([0; 16]),
                "number_moved",
            )?;
        }
        self.event(Event::RootChanged {
            address: address.clone(),
        });
        Ok(())
    }

    /// How the own app is asked about an account: by its address when it is at another app.
    pub(crate) fn account_path(&self, address: &Address) -> Result<String, CoreError> {
        Ok(if address.app == self.app()? {
            address.account.to_string()
        } else {
            address.to_string()
        })
    }

    /// Asks the app for an account's newest manifest, until it has come.
    pub(crate) fn refresh_contact(&mut self, address: &Address) -> Result<(), CoreError> {
        meta::put(self.tx, &format!("{WANTED_LIST}{address}"), &true)?;
        self.ask_for_list(address)
    }

    /// Whether the newest list of an account was asked for and has not come.
    pub(crate) fn awaits_list(&self, address: &Address) -> Result<bool, CoreError> {
        Ok(meta::get(self.tx, &format!("{WANTED_LIST}{address}"))?.unwrap_or(false))
    }

    /// Lists that were asked for and did not come, once more: with an old one this device would refuse
    /// what the account's new devices rightly do.
    pub(crate) fn pump_lists(&mut self) -> Result<(), CoreError> {
        let Some(at) = self.mem.lists_again_ms else {
            return Ok(());
        };
        if self.now < at {
            self.wake(at);
            return Ok(());
        }
        self.mem.lists_again_ms = None;
        for address in meta::under(self.tx, WANTED_LIST)? {
            let Ok(address) = address.parse::<Address>() else {
                continue;
            };
            let mut under_way = self.mem.calls.values();
            let asked =
                |call: &Call| matches!(call, Call::Refresh { address: of } if *of == address);
            if !under_way.any(asked) {
                self.ask_for_list(&address)?;
            }
        }
        Ok(())
    }

    fn ask_for_list(&mut self, address: &Address) -> Result<(), CoreError> {
        self.http::<()>(
            Method::Get,
            format!("/v1/accounts/{}", self.account_path(address)?),
            None,
            Call::Refresh {
                address: address.clone(),
            },
        )
    }

    /// Lists that did not come are asked for again after a pause: a longer one each time that the app
    /// answers and has them not, which may last while another app is away.
    fn lists_later(&mut self, error: &CallError) {
        let waits = self.mem.lists_again_ms.filter(|at| *at > self.now);
        let mut pause_ms = error.wait_ms().max(LISTS_AGAIN_MS);
        if let CallError::Refused(_) = error {
            // What was asked for together is refused together: that is one time.
            self.mem.lists_refused += i64::from(waits.is_none());
            pause_ms = pause_ms.max(self.back_off_ms(self.mem.lists_refused));
        }
        let at = self.now + pause_ms;
        let at = match waits {
            Some(other) if error.wait_ms() > 0 => at.max(other),
            Some(other) => at.min(other),
            None => at,
        };
        self.mem.lists_again_ms = Some(at);
        self.wake(at);
    }

    pub(crate) fn refreshed(
        &mut self,
        address: &Address,
        answer: Result<Found, CallError>,
    ) -> Result<(), CoreError> {
        match &answer {
            Err(error) if error.may_pass() => self.lists_later(error),
            _ => {
                self.mem.lists_refused = 0;
                meta::remove(self.tx, &format!("{WANTED_LIST}{address}"))?;
            }
        }
        match answer {
            Ok(found) if *address == self.me()?.address => {
                self.adopt_own_manifest(&found.manifest.0)?;
                self.next_list_change()
            }
            Ok(found) => {
                self.adopt_manifest(address, &found.manifest.0)?;
                self.apply_expected(address)?;
                self.apply_profile_key(address)
            }
            Err(error) => {
                self.failed("refresh", &error);
                if error.may_pass() || *address != self.me()?.address {
                    return Ok(());
                }
                self.next_list_change()
            }
        }
    }

    pub(crate) fn verify(&mut self, address: &Address) -> Result<(), CoreError> {
        let changed = self.tx.execute(
            "UPDATE contact SET verified_root = root_key, changed_ms = ?2 WHERE address = ?1",
            (address.to_string(), self.now),
        )?;
        if changed == 0 {
            return Err(CoreError::NoSuch("contact"));
        }
        self.sync_contact(address)
    }

    pub(crate) fn is_accepted(&self, address: &Address) -> Result<bool, CoreError> {
        Ok(self
            .tx
            .prepare_cached("SELECT accepted FROM contact WHERE address = ?1")?
            .query_row([address.to_string()], |row| row.get(0))
            .optional()?
            .unwrap_or(false))
    }

    /// Tells the own devices about a contact.
    pub(crate) fn sync_contact(&mut self, address: &Address) -> Result<(), CoreError> {
        let contacts = self.contacts_where("address = ?1", [address.to_string()])?;
        self.sync_devices(said::DeviceSync {
            contacts,
            ..Default::default()
        })
    }

    /// All contacts, for a device that is let in.
    pub(crate) fn contacts_to_sync(&self) -> Result<Vec<said::Contact>, CoreError> {
        self.contacts_where("accepted = 1 OR blocked = 1", [])
    }

    /// People of groups who have not agreed to talk, with their profiles' keys, for a device that is
    /// let in: they gave them before it came.
    pub(crate) fn members_to_sync(&self) -> Result<Vec<said::Contact>, CoreError> {
        self.contacts_where(
            "accepted = 0 AND blocked = 0 AND length(profile_key) = 32 AND address IN (SELECT address FROM member)",
            [],
        )
    }

    fn contacts_where<P: rusqlite::Params>(
        &self,
        filter: &str,
        params: P,
    ) -> Result<Vec<said::Contact>, CoreError> {
        let mut statement = self.tx.prepare(&format!(
            "SELECT address, alias, root_key, profile_key, name, verified_root, changed_ms, accepted FROM contact WHERE {filter}"
        ))?;
        let rows = statement.query_map(params, |row| {
            let root_key: Vec<u8> = row.get(2)?;
            let verified: Option<Vec<u8>> = row.get(5)?;
            Ok((
                row.get::<_, String>(0)?,
                said::Contact {
                    address: None,
                    alias: row.get(1)?,
                    verified: verified.as_ref() == Some(&root_key),
                    root_key,
                    profile_key: row.get::<_, Option<Vec<u8>>>(3)?.unwrap_or_default(),
                    name: row.get(4)?,
                    changed_ms: row.get::<_, i64>(6)?.try_into().unwrap_or(0),
                    stranger: !row.get::<_, bool>(7)?,
                },
            ))
        })?;
        let mut contacts = Vec::new();
        for row in rows {
            let (address, mut contact) = row?;
            let address: Address = address.parse().map_err(|_| CoreError::Damaged("address"))?;
            contact.address = Some(proto_address(&address));
            contacts.push(contact);
        }
        Ok(contacts)
    }

    /// Another own device tells of a contact. Facts only: keys are pinned from manifests. What it does not
    /// know takes nothing away from what is known here.
    pub(crate) fn contact_synced(&mut self, contact: &said::Contact) -> Result<(), CoreError> {
        let Some(address) = contact.address.as_ref().and_then(address_of) else {
            return Ok(());
        };
        let root: Option<Vec<u8>> = self
            .tx
            .query_row(
                "SELECT root_key FROM contact WHERE address = ?1",
                [address.to_string()],
                |row| row.get(0),
            )
            .optional()?;
        let Some(root) = root else {
            meta::put(self.tx, &stranger(&address), &contact.stranger)?;
            return self.expect_contact(&address, contact);
        };
        if root != contact.root_key {
            self.warn("root_differs_between_devices", None);
            return Ok(());
        }
        self.tx.execute(
            "UPDATE contact SET alias_moved = alias_moved AND (?2 = '' OR ?2 = alias),
                 alias = CASE WHEN ?2 = '' THEN alias ELSE ?2 END, profile_key = coalesce(profile_key, ?3), accepted = max(accepted, ?6),
                 name = CASE WHEN name = '' THEN ?4 ELSE name END,
                 verified_root = CASE WHEN ?5 THEN root_key ELSE verified_root END
             WHERE address = ?1",
            (
                address.to_string(),
                &contact.alias,
                (contact.profile_key.len() == 32).then_some(&contact.profile_key),
                &contact.name,
                contact.verified,
                !contact.stranger,
            ),
        )?;
        self.event(Event::ContactChanged {
            address: address.clone(),
        });
        if let Some(conversation) = self.conversation_with(&address)? {
            self.event(Event::ConversationChanged {
                conversation: conversation.id,
            });
        }
        if contact.profile_key.len() == 32 && self.token().is_some() {
            return self.fetch_profile(&address);
        }
        Ok(())
    }

    /// Kept until this person's manifest is seen; then its root has to be this one.
    fn expect_contact(
        &mut self,
        address: &Address,
        contact: &said::Contact,
    ) -> Result<(), CoreError> {
        let key = format!("{EXPECTED}{address}");
        let before: Option<Facts> = meta::get(self.tx, &key)?;
        let before = before.filter(|before| before.0 == contact.root_key);
        let (_, mut alias, mut name, mut profile_key, verified) = before.unwrap_or_default();
        if !contact.alias.is_empty() {
            alias.clone_from(&contact.alias);
        }
        if name.is_empty() {
            name.clone_from(&contact.name);
        }
        if profile_key.is_empty() {
            profile_key.clone_from(&contact.profile_key);
        }
        let verified = verified || contact.verified;
        let facts: Facts = (contact.root_key.clone(), alias, name, profile_key, verified);
        meta::put(self.tx, &key, &facts)
    }

    /// What another own device said of a person before their manifest was seen here.
    pub(crate) fn apply_expected(&mut self, address: &Address) -> Result<(), CoreError> {
        let key = format!("{EXPECTED}{address}");
        let Some((root_key, alias, name, profile_key, verified)) =
            meta::get::<Facts>(self.tx, &key)?
        else {
            return Ok(());
        };
        meta::remove(self.tx, &key)?;
        let is_stranger = meta::get(self.tx, &stranger(address))?.unwrap_or(false);
        meta::remove(self.tx, &stranger(address))?;
        self.contact_synced(&said::Contact {
            address: Some(proto_address(address)),
            alias,
            root_key,
            profile_key,
            name,
            verified,
            changed_ms: 0,
            stranger: is_stranger,
        })
    }

    /// What another own device decided.
    pub(crate) fn device_sync(&mut self, sync: &said::DeviceSync) -> Result<(), CoreError> {
        self.blocks_synced(&sync.blocked)?;
        for contact in &sync.contacts {
            self.contact_synced(contact)?;
        }
        for request in &sync.requests {
            self.request_synced(request)?;
        }
        if let Some(promotion) = &sync.promotion {
            self.promoted(promotion)?;
        }
        self.settings_synced(&sync.settings)?;
        self.devices_named(&sync.devices)
    }
}
