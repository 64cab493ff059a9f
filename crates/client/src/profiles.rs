//! Profiles: name, about and picture, sealed under a key that their owner gives to whom they talk
//! with; read again when they say that it is another now, and while somebody looks at a conversation,
//! and by the owner's other devices at once.
//!
//! Always holds: of one's own profile what was set last of each field stands, what this device has not yet
//! published is not overwritten, and nothing is published before what the app has was read: who changes
//! one field leaves the others, and publishes again where a device that had not read that took it back. Deliberately absent: pictures' bytes, which a screen fetches.

use crate::account::{ABOUT_CHARS_MAX, NAME_CHARS_MAX, address_of};
use crate::calls::Call;
use crate::contacts::known_manifest;
use crate::conversations::Conversation;
use crate::names;
use crate::output::{Event, Method};
use crate::step::Step;
use crate::store::meta;
use crate::{CallError, CoreError};
use comity_content::{Message as _, proto as said};
use comity_wire::http::ProfileOf;
use comity_wire::proto::ConversationKind;
use comity_wire::{Address, Bytes64};
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};

/// A profile that somebody looks at is read again after this time.
const FRESH_MS: i64 = 600_000;
/// Who asks for the own profile's key gets it this often.
const ASKED_MS: i64 = 3_600_000;
/// Profiles that are read again at once, the oldest first.
const AT_ONCE: i64 = 20;
/// Set while the own profile has to be read: after a recovery, after linking, before each change.
pub(crate) const UNREAD: &str = "own_profile_unread";
/// What the person set of the own profile and the app does not have yet.
const GIVEN: &str = "profile_given";
/// Where something was said within this time the others hear at once that the profile is another.
const LIVELY_MS: i64 = 30 * 24 * 3_600_000;
/// What was in the own profile when the others were told last that it is another.
const TOLD: &str = "profile_told";
/// Version of the own profile as this device knows it.
const VERSION: &str = "profile_version";

/// When the fields of the own profile were set.
const SET: &str = "profile_set";
/// What was published again because the app had it no more.
const AGAIN: &str = "profile_again";
/// How often that is done: what the app gives may be an older one each time.
const AGAIN_MAX: u32 = 3;

/// When each field of the own profile was set, as in [`said::Profile`].
#[derive(Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SetMs {
    pub(crate) name: u64,
    pub(crate) about: u64,
    pub(crate) photo: u64,
}

impl SetMs {
    const fn of(profile: &said::Profile) -> Self {
        Self {
            name: profile.name_ms,
            about: profile.about_ms,
            photo: profile.photo_ms,
        }
    }
}

/// Whether the app's value of a field is taken. `set` is when the one here was set; what is `given` here
/// is set later than what the app has. `newer`: the app's whole profile is newer than all known here.
fn takes(set: &mut u64, theirs: u64, given: bool, newer: bool) -> bool {
    let before = *set;
    if given {
        *set = before.max(theirs.saturating_add(1));
        return false;
    }
    *set = before.max(theirs);
    theirs > before || (theirs == before && newer)
}

/// Which fields of the own profile somebody set here.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) name: bool,
    pub(crate) about: bool,
    pub(crate) photo: bool,
}

impl Given {
    pub(crate) const PHOTO: Self = Self {
        name: false,
        about: false,
        photo: true,
    };
}

impl Step<'_> {
    pub(crate) fn profile_key_of(&self, address: &Address) -> Result<Option<Vec<u8>>, CoreError> {
        Ok(self
            .tx
            .prepare_cached("SELECT profile_key FROM contact WHERE address = ?1")?
            .query_row([address.to_string()], |row| row.get(0))
            .optional()?
            .flatten())
    }

    /// Gives the others there the key to the own profile, and asks for theirs where this account
    /// came back with a recovery phrase and does not know them all.
    pub(crate) fn share_profile(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        let me = self.me()?;
        let recovered = meta::get(self.tx, "recovered")?.unwrap_or(false);
        let body = said::content::Body::ProfileShared(said::ProfileShared {
            profile_key: me.profile_key.to_vec(),
            ask: recovered && self.lacks_profiles(conversation.id)?,
        });
        self.enqueue_hidden(conversation.id, body)
    }

    /// Whether somebody is there whose profile this device can not read.
    pub(crate) fn lacks_profiles(&self, conversation: i64) -> Result<bool, CoreError> {
        let own = self.me()?.address.to_string();
        Ok(self
            .tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM member m LEFT JOIN contact c ON c.address = m.address
                     WHERE m.conversation = ?1 AND m.address <> ?2 AND c.profile_key IS NULL)",
            )?
            .query_row((conversation, own), |row| row.get(0))?)
    }

    /// They gave theirs and ask for the own one: they get it, once an hour.
    pub(crate) fn profile_asked(
        &mut self,
        conversation: &Conversation,
        by: &Address,
    ) -> Result<(), CoreError> {
        let asked = (conversation.id, by.clone());
        let given = self.mem.profiles_given.get(&asked).copied();
        if !conversation.is_active() || given.is_some_and(|at| self.now - at < ASKED_MS) {
            return Ok(());
        }
        self.mem.profiles_given.insert(asked, self.now);
        if conversation.kind == ConversationKind::Group as i32 {
            self.introduce_to(conversation)
        } else {
            self.share_profile(conversation)
        }
    }

    /// Someone gave the key to their profile: read it.
    pub(crate) fn profile_shared(
        &mut self,
        address: &Address,
        key: &[u8],
    ) -> Result<(), CoreError> {
        if key.len() != 32 {
            return Ok(());
        }
        let before = self.profile_key_of(address)?;
        // Another key than before: they came back with a recovery phrase, and know nobody's.
        if before.is_some_and(|before| before != key)
            && let Some(conversation) = self.conversation_with(address)?
            && conversation.is_active()
        {
            self.share_profile(&conversation)?;
        }
        let known = self.tx.execute(
            "UPDATE contact SET profile_key = ?2, changed_ms = ?3 WHERE address = ?1",
            (address.to_string(), key, self.now),
        )?;
        if known == 0 {
            // Somebody of a group who is new here: kept until their device list was seen.
            meta::put(self.tx, &format!("profile_key/{address}"), &key)?;
            return self.refresh_contact(address);
        }
        self.fetch_profile(address)
    }

    /// Another own device knows the key to the profile of somebody in a group: it is taken where this
    /// device knows none, and agrees to nothing. Who is not known here yet is looked up with `look_up`,
    /// else once their device list comes.
    pub(crate) fn member_synced(
        &mut self,
        member: &said::Contact,
        look_up: bool,
    ) -> Result<(), CoreError> {
        let Some(address) = member.address.as_ref().and_then(address_of) else {
            return Ok(());
        };
        if self.profile_key_of(&address)?.is_some() {
            return Ok(());
        }
        match known_manifest(self.tx, &address)? {
            Some(list) if list.manifest.root_key[..] == member.root_key[..] => {
                self.profile_shared(&address, &member.profile_key)
            }
            // Who is met by another key than there is not who gave that one.
            Some(_) => Ok(()),
            None if look_up => self.profile_shared(&address, &member.profile_key),
            None if member.profile_key.len() == 32 => meta::put(
                self.tx,
                &format!("profile_key/{address}"),
                &member.profile_key,
            ),
            None => Ok(()),
        }
    }

    pub(crate) fn apply_profile_key(&mut self, address: &Address) -> Result<(), CoreError> {
        let name = format!("profile_key/{address}");
        let Some(key) = meta::get::<Vec<u8>>(self.tx, &name)? else {
            return Ok(());
        };
        meta::remove(self.tx, &name)?;
        if known_manifest(self.tx, address)?.is_none() {
            return Ok(());
        }
        self.profile_shared(address, &key)
    }

    pub(crate) fn fetch_profile(&mut self, address: &Address) -> Result<(), CoreError> {
        self.ask_for_profile(address, false)
    }

    /// Reads a profile; who was `looked_up` is told of once it was read, or could not be.
    pub(crate) fn ask_for_profile(
        &mut self,
        address: &Address,
        looked_up: bool,
    ) -> Result<(), CoreError> {
        self.http::<()>(
            Method::Get,
            format!("/v1/accounts/{}/profile", self.account_path(address)?),
            None,
            Call::Profile {
                address: address.clone(),
                looked_up,
            },
        )
    }

    pub(crate) fn profile_fetched(
        &mut self,
        address: &Address,
        answer: Result<ProfileOf, CallError>,
    ) -> Result<(), CoreError> {
        let own = *address == self.me()?.address;
        match answer {
            Ok(found) => self.profile_read(address, &found)?,
            // Asked again with the next upkeep, or when somebody looks.
            Err(error) => {
                if own && meta::get::<Given>(self.tx, GIVEN)?.is_some() {
                    self.failed("profile", &error);
                }
                return Ok(());
            }
        }
        if own && meta::get(self.tx, UNREAD)?.unwrap_or(false) {
            meta::remove(self.tx, UNREAD)?;
            if meta::get(self.tx, "publish_profile")?.unwrap_or(false) {
                let asked = meta::get::<Given>(self.tx, GIVEN)?.is_some();
                return self.publish_profile(!asked);
            }
        }
        Ok(())
    }

    /// What is to be published is something else than what the person set: who comes back, or signs
    /// up, gave a name and nothing else.
    fn given(&self) -> Result<Given, CoreError> {
        let unpublished = meta::get(self.tx, "publish_profile")?.unwrap_or(false);
        Ok(meta::get(self.tx, GIVEN)?.unwrap_or(Given {
            name: unpublished,
            ..Given::default()
        }))
    }

    /// The person set something of the own profile. What the app has is read first: another own device
    /// may have changed the rest.
    pub(crate) fn profile_given(&mut self, now: Given) -> Result<(), CoreError> {
        let before = self.given()?;
        let given = Given {
            name: before.name || now.name,
            about: before.about || now.about,
            photo: before.photo || now.photo,
        };
        meta::put(self.tx, GIVEN, &given)?;
        let mut set = self.profile_set()?;
        let at = u64::try_from(self.now).unwrap_or(0);
        for (field, set) in [
            (now.name, &mut set.name),
            (now.about, &mut set.about),
            (now.photo, &mut set.photo),
        ] {
            if field {
                *set = at.max(set.saturating_add(1));
            }
        }
        meta::put(self.tx, SET, &set)?;
        meta::put(self.tx, "publish_profile", &true)?;
        meta::put(self.tx, UNREAD, &true)?;
        if !self.is_synced() {
            return Ok(());
        }
        let own = self.me()?.address.clone();
        self.fetch_profile(&own)
    }

    /// The app has the own profile, unless it was changed again meanwhile.
    pub(crate) fn profile_published(&mut self) -> Result<(), CoreError> {
        if meta::get(self.tx, UNREAD)?.unwrap_or(false) {
            return Ok(());
        }
        meta::remove(self.tx, GIVEN)?;
        meta::remove(self.tx, "publish_profile")
    }

    fn profile_read(&mut self, address: &Address, found: &ProfileOf) -> Result<(), CoreError> {
        let key = self.profile_key_of(address)?;
        let Some(key) = key.and_then(|key| <[u8; 32]>::try_from(key).ok()) else {
            return Ok(());
        };
        if found.sealed.0.is_empty() {
            return Ok(());
        }
        let Ok(mut profile) = comity_e2ee::profile::open(&key, address, &found.sealed.0) else {
            self.warn("profile_unreadable", None);
            return Ok(());
        };
        // What is longer than the own program writes is cut.
        let cut = |text: &str, chars| text.chars().take(chars).collect::<String>();
        profile.name = cut(names::shown(&profile.name), NAME_CHARS_MAX);
        profile.about = cut(&profile.about, ABOUT_CHARS_MAX);
        let photo = profile.photo.as_ref().map(said::Attachment::encode_to_vec);
        self.tx.execute(
            "UPDATE contact SET name = ?2, about = ?3, photo = ?4, profile_ms = ?5, changed_ms = ?5 WHERE address = ?1",
            (address.to_string(), &profile.name, &profile.about, photo, self.now),
        )?;
        if *address == self.me()?.address {
            self.own_profile_fetched(profile)?;
        }
        self.event(Event::ContactChanged {
            address: address.clone(),
        });
        if let Some(conversation) = self.conversation_with(address)? {
            self.event(Event::ConversationChanged {
                conversation: conversation.id,
            });
        }
        Ok(())
    }

    /// When the fields of the own profile were set, as far as is known here.
    pub(crate) fn profile_set(&self) -> Result<SetMs, CoreError> {
        Ok(meta::get(self.tx, SET)?.unwrap_or_default())
    }

    /// Another own device may have changed it: of each field what was set last counts, but for what is
    /// still to be published from here.
    fn own_profile_fetched(&mut self, profile: said::Profile) -> Result<(), CoreError> {
        let known: u64 = meta::get(self.tx, VERSION)?.unwrap_or(0);
        let newer = profile.version > known || known == 0;
        let theirs = SetMs::of(&profile);
        if !newer && theirs == SetMs::default() {
            return Ok(());
        }
        meta::put(self.tx, VERSION, &profile.version.max(known))?;
        let given = self.given()?;
        let mut set = self.profile_set()?;
        // A program that dates no field means them all.
        let undated = theirs == SetMs::default();
        let theirs = if undated { set } else { theirs };
        let lacks = theirs.name < set.name && !given.name
            || theirs.about < set.about && !given.about
            || theirs.photo < set.photo && !given.photo;
        let name = takes(&mut set.name, theirs.name, given.name, newer);
        let about = takes(&mut set.about, theirs.about, given.about, newer);
        if takes(&mut set.photo, theirs.photo, given.photo, newer) {
            match profile.photo {
                Some(photo) => meta::put(self.tx, "photo", &Bytes64(photo.encode_to_vec()))?,
                None => meta::remove(self.tx, "photo")?,
            }
        }
        meta::put(self.tx, SET, &set)?;
        self.change_me(|me| {
            if name {
                me.name = profile.name;
            }
            if about {
                me.about = profile.about;
            }
        })?;
        if lacks {
            self.publish_again(set)
        } else {
            Ok(())
        }
    }

    /// Another own device published without having read what was set here, and took it back.
    fn publish_again(&mut self, set: SetMs) -> Result<(), CoreError> {
        let before: Option<(SetMs, u32)> = meta::get(self.tx, AGAIN)?;
        let times = before.map_or(0, |(of, times)| if of == set { times } else { 0 });
        if times >= AGAIN_MAX {
            return Ok(());
        }
        meta::put(self.tx, AGAIN, &(set, times + 1))?;
        // Nothing of it is set anew.
        meta::put(self.tx, GIVEN, &self.given()?)?;
        meta::put(self.tx, "publish_profile", &true)?;
        if meta::get(self.tx, UNREAD)?.unwrap_or(false) {
            // It is published once this reading is over.
            return Ok(());
        }
        self.publish_profile(true)
    }

    /// The app has the own profile: when another name, about line or picture is in it than the others
    /// were told of last, they are given its key once more, upon which they read it. Where nobody has
    /// spoken for long, and in a large group, with the next word.
    pub(crate) fn tell_profile_changed(&mut self) -> Result<(), CoreError> {
        let me = self.me()?;
        let photo = self.own_photo()?.map(|photo| photo.encode_to_vec());
        let now = (me.name.clone(), me.about.clone(), photo);
        let told: Option<(String, String, Option<Vec<u8>>)> = meta::get(self.tx, TOLD)?;
        if told.as_ref() == Some(&now) {
            return Ok(());
        }
        meta::put(self.tx, TOLD, &now)?;
        self.tx.execute(
            "UPDATE conversation SET profile_due = 1 WHERE state = 'active' AND kind IN (?1, ?2)",
            (
                ConversationKind::Direct as i32,
                ConversationKind::Group as i32,
            ),
        )?;
        let lively: Vec<i64> = self
            .tx
            .prepare_cached(
                "SELECT id FROM conversation WHERE state = 'active' AND profile_due = 1 AND last_ms > ?1 ORDER BY id",
            )?
            .query_map([self.now - LIVELY_MS], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for id in lively {
            let conversation = self.conversation(id)?;
            let at_once = match &conversation.peer {
                Some(peer) => !self.is_blocked(peer)?,
                None => self.introduces_at_once(&conversation)?,
            };
            if at_once {
                self.introduce_before_word(id)?;
            }
        }
        Ok(())
    }

    /// The version of a profile that is published now: newer than all that this device knows of.
    pub(crate) fn next_profile_version(&mut self) -> Result<u64, CoreError> {
        let before: u64 = meta::get(self.tx, VERSION)?.unwrap_or(0);
        let version = u64::try_from(self.now)
            .unwrap_or(0)
            .max(before.saturating_add(1));
        meta::put(self.tx, VERSION, &version)?;
        Ok(version)
    }

    /// A person looks at a conversation: who is in it may have another name by now.
    pub(crate) fn refresh_profiles(&mut self, conversation: i64) -> Result<(), CoreError> {
        let read = self.mem.profiles_read.get(&conversation).copied();
        if !self.is_synced() || read.is_some_and(|at| self.now - at < FRESH_MS) {
            return Ok(());
        }
        self.mem.profiles_read.insert(conversation, self.now);
        let own = self.me()?.address.to_string();
        let stale: Vec<String> = self
            .tx
            .prepare_cached(
                "SELECT address FROM contact WHERE profile_key IS NOT NULL AND profile_ms < ?2 AND address <> ?3
                     AND address IN (SELECT address FROM member WHERE conversation = ?1)
                 ORDER BY profile_ms LIMIT ?4",
            )?
            .query_map((conversation, self.now - FRESH_MS, own, AT_ONCE), |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for address in stale {
            let address: Address = address.parse().map_err(|_| CoreError::Damaged("address"))?;
            self.fetch_profile(&address)?;
        }
        Ok(())
    }
}
