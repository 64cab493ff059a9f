//! Name, description, photo and timer of a conversation: the sealed state.
//!
//! One intent, `details`, drives everything: it reads what the hub has, takes it when its author has
//! the right (or had it when this device looked last) and it is newer, applies the own wishes to it,
//! and puts it back, sealed for the epoch that is now. Always holds: nothing is taken by an author
//! without that right, the first document neither; who seals anew keeps the author's signature, or,
//! having the right, says the same in the own name where the author is gone or may no longer
//! (`rights`). Deliberately absent: details in a commit's place in the log; the line that tells a
//! change stands where this device learned of it.

use super::Wish;
use crate::conversations::{Conversation, Intent};
use crate::step::{Request, Step};
use crate::store::meta;
use crate::{CoreError, names};
use comity_content::Message as _;
use comity_content::proto::{Attachment, GroupState, SignedGroupState};
use comity_e2ee::engine::Pending;
use comity_e2ee::group_state::{self, VerifiedState};
use comity_wire::proto::{self, ConversationKind, client_frame::Act};
use comity_wire::{ErrorCode, WireError};

/// After a change of details, others' commits are looked at for this long.
const RECENT_MS: i64 = 60_000;

/// Times that a device which came in from outside waits for who was there to seal the details anew.
const LOOKS_BEFORE_SEALING: i64 = 6;

/// Times that a version is looked for that was told and is not given, before what is given is taken.
const LOOKS_FOR_LATER: i64 = 6;

/// What this device knows of a conversation's state.
pub(super) struct Known {
    pub(super) document: SignedGroupState,
    pub(super) state: GroupState,
}

impl Step<'_> {
    pub(super) fn known_details(&self, conversation: i64) -> Result<Option<Known>, CoreError> {
        let bytes: Option<Vec<u8>> = self.tx.query_row(
            "SELECT details FROM conversation WHERE id = ?1",
            [conversation],
            |row| row.get(0),
        )?;
        let Some(bytes) = bytes else { return Ok(None) };
        let damaged = |_| CoreError::Damaged("details");
        let document = SignedGroupState::decode(bytes.as_slice()).map_err(damaged)?;
        let state = GroupState::decode(document.state.as_slice()).map_err(damaged)?;
        Ok(Some(Known { document, state }))
    }

    /// The group's picture, as far as this device knows.
    pub(crate) fn group_photo(&self, conversation: i64) -> Result<Option<Attachment>, CoreError> {
        let known = self.known_details(conversation)?;
        Ok(known.and_then(|known| known.state.photo))
    }

    pub(crate) fn keep_details(
        &mut self,
        conversation: i64,
        document: &SignedGroupState,
        state: &GroupState,
    ) -> Result<(), CoreError> {
        self.tx.execute(
            "UPDATE conversation SET details = ?2, name = ?3, description = ?4, timer_s = ?5, details_ms = CASE WHEN details IS NULL THEN 0 ELSE ?6 END, details_epoch = epoch WHERE id = ?1",
            (
                conversation,
                document.encode_to_vec(),
                names::shown(&state.name),
                &state.description,
                state.expires_after_s,
                self.now,
            ),
        )?;
        self.event(crate::Event::ConversationChanged { conversation });
        Ok(())
    }

    /// This device came in from outside: what it knows of the details is from before. Who was there seals
    /// what they are now, and this device says nothing of them until it has looked.
    pub(crate) fn details_may_be_old(&mut self, conversation: i64) -> Result<(), CoreError> {
        if self.known_details(conversation)?.is_some() {
            meta::put(self.tx, &from_before(conversation), &true)?;
        }
        self.details_told(conversation, 0);
        self.want(conversation, "details", 0)
    }

    /// The hub says that there is this version; 0: that there may be any.
    fn details_told(&mut self, conversation: i64, version: u64) {
        let told = self.mem.details_unseen.entry(conversation).or_default();
        *told = version.max(*told);
    }

    /// Whether a later version was told than this device has seen.
    fn is_later_told(&self, conversation: i64, seen: u64) -> bool {
        let told = self.mem.details_unseen.get(&conversation);
        told.is_some_and(|told| *told > seen)
    }

    /// What was wanted of the details is done, as of this version at the hub. Where a later one was told meanwhile,
    /// that is looked at next.
    fn details_done(&mut self, intent: i64, conversation: i64, seen: u64) -> Result<(), CoreError> {
        self.fulfilled(intent)?;
        if self.is_later_told(conversation, seen) {
            return self.want(conversation, "details", 0);
        }
        self.mem.details_unseen.remove(&conversation);
        Ok(())
    }

    fn are_details_old(&self, conversation: i64) -> Result<bool, CoreError> {
        Ok(meta::get(self.tx, &from_before(conversation))?.unwrap_or(false))
    }

    /// The state for the epoch that a commit leads to; empty when this device does not know it.
    pub(crate) fn seal_for(
        &mut self,
        conversation: &Conversation,
        pending: &Pending,
    ) -> Result<Vec<u8>, CoreError> {
        if self.are_details_old(conversation.id)? {
            return Ok(Vec::new());
        }
        let Some(known) = self.known_details(conversation.id)? else {
            return Ok(Vec::new());
        };
        let id = conversation.cid()?;
        // What can not be sealed any more holds up no commit: who knows it seals it afterwards.
        let sealed = group_state::seal(&pending.state_key, id, &known.document, self.random);
        Ok(sealed.unwrap_or_default())
    }

    pub(crate) fn pursue_details(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
    ) -> Result<(), CoreError> {
        if conversation.kind == ConversationKind::Self_ as i32 {
            return self.fulfilled(intent.id);
        }
        let (hub, log) = conversation.wire_log(self);
        self.request(
            Request::Details { intent: intent.id },
            Act::FetchState(proto::FetchState {
                hub,
                conversation: log,
                link_signature: Vec::new(),
                sealed_only: true,
            }),
        );
        Ok(())
    }

    /// What the welcome brought.
    pub(crate) fn details_of_welcome(
        &mut self,
        conversation: &Conversation,
        sealed: &[u8],
    ) -> Result<(), CoreError> {
        if !sealed.is_empty()
            && let Some(found) = self.open_details(conversation, sealed)?
        {
            self.adopt_details(conversation, found.0, &found.1)?;
            // They came with the commit that began this epoch: who ends it has read that.
            self.details_epoch(conversation.id, None)?;
        }
        // Nothing, or nothing readable: somebody seals it anew.
        let delay = 500 + self.spread_ms(conversation.id, 20)?;
        self.want(conversation.id, "details", delay)
    }

    fn open_details(
        &mut self,
        conversation: &Conversation,
        sealed: &[u8],
    ) -> Result<Option<(SignedGroupState, VerifiedState)>, CoreError> {
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let mut mls = self.groups.session(self.tx, &me.keys, &me.address);
        let key = group_state::key(&mut mls, &id)?;
        let Ok(document) = group_state::open(&key, &id, sealed) else {
            return Ok(None);
        };
        match group_state::verify(&id, &document) {
            Ok(verified) => Ok(Some((document, verified))),
            Err(_) => {
                self.warn("details_refused", Some(conversation.id));
                Ok(None)
            }
        }
    }

    /// The hub's document: take it, change it, or seal it anew.
    pub(crate) fn details_fetched(
        &mut self,
        intent: i64,
        reply: &proto::StateReply,
    ) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        let conversation = self.conversation(row.conversation)?;
        if !conversation.is_caught_up() || reply.epoch != conversation.epoch {
            return self.try_later(&row);
        }
        let found = match reply.sealed_state.as_slice() {
            [] => None,
            sealed => self.open_details(&conversation, sealed)?,
        };
        if found.is_none() && !reply.sealed_state.is_empty() {
            let is_old = self.are_details_old(conversation.id)?;
            if is_old && row.attempts < LOOKS_BEFORE_SEALING {
                return self.try_later(&row);
            }
        }
        let mut readable = found.is_some();
        if let Some((document, verified)) = found {
            readable = self.adopt_details(&conversation, document, &verified)?;
            // Of two that nobody vouches for now, neither takes the other's place.
            readable = readable || !self.vouched_for(&conversation)?;
        }
        // What was told of a later one came another way, and overtook this.
        if self.is_later_told(conversation.id, reply.state_version)
            && row.attempts < LOOKS_FOR_LATER
        {
            return self.try_later(&row);
        }
        meta::remove(self.tx, &from_before(conversation.id))?;
        self.mem.details_unseen.remove(&conversation.id);
        self.looked_at_details(conversation.id)?;
        self.tx.execute(
            "UPDATE conversation SET state_version = ?2 WHERE id = ?1",
            (conversation.id, reply.state_version),
        )?;
        let changed = self.apply_detail_wishes(&conversation)?;
        let Some(document) = changed.clone().or(self
            .known_details(conversation.id)?
            .map(|known| known.document))
        else {
            // Nobody has said anything yet, or who knows it has yet to seal it anew.
            return self.fulfilled(intent);
        };
        if readable && changed.is_none() {
            return self.fulfilled(intent);
        }
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let mut mls = self.groups.session(self.tx, &me.keys, &me.address);
        let key = group_state::key(&mut mls, &id)?;
        let Ok(sealed) = group_state::seal(&key, &id, &document, self.random) else {
            let too_large = ErrorCode::TooLarge.as_str();
            let why = "this does not fit into a group's details";
            self.detail_wishes_failed(conversation.id, too_large, why)?;
            return self.fulfilled(intent);
        };
        let (hub, log) = conversation.wire_log(self);
        self.request(
            Request::PutDetails {
                intent,
                document: document.encode_to_vec(),
                epoch: conversation.epoch,
            },
            Act::PutState(proto::PutState {
                hub,
                conversation: log,
                expected_epoch: conversation.epoch,
                expected_version: reply.state_version,
                sealed_state: sealed,
                resealed: changed.is_none(),
            }),
        );
        Ok(())
    }

    /// The hub has them, since `epoch`.
    pub(crate) fn details_put(
        &mut self,
        intent: i64,
        document: &[u8],
        epoch: u64,
    ) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        let conversation = self.conversation(row.conversation)?;
        let version: u64 = self.tx.query_row(
            "UPDATE conversation SET state_version = state_version + 1 WHERE id = ?1 RETURNING state_version",
            [conversation.id],
            |row| row.get(0),
        )?;
        self.details_done(intent, conversation.id, version)?;
        let document =
            SignedGroupState::decode(document).map_err(|_| CoreError::Damaged("details"))?;
        // What an earlier program of this device took, and no program takes now.
        let Ok(verified) = group_state::verify(conversation.cid()?, &document) else {
            return Ok(());
        };
        let state = verified.state.clone();
        self.adopt_details(&conversation, document, &verified)?;
        self.details_epoch(conversation.id, Some(epoch))?;
        // What was wished meanwhile stays wished. The commit that ended the epoch may be read already.
        let mut open = conversation.epoch != epoch;
        for wish in self.wishes(conversation.id)? {
            if wish.is_detail() {
                if is_so(&wish, &state) {
                    self.wish_ended(wish.id)?;
                } else {
                    open = true;
                }
            }
        }
        if open {
            self.want(conversation.id, "details", 0)?;
        }
        Ok(())
    }

    pub(crate) fn details_refused(
        &mut self,
        intent: i64,
        error: &WireError,
    ) -> Result<(), CoreError> {
        match error.code {
            ErrorCode::NotMember | ErrorCode::NotFound => self.fulfilled(intent),
            ErrorCode::Forbidden | ErrorCode::TooLarge | ErrorCode::Malformed => {
                // It will be refused again.
                if let Some(row) = self.intent_row(intent)? {
                    self.detail_wishes_failed(
                        row.conversation,
                        error.code.as_str(),
                        &error.message,
                    )?;
                    let version = self.details_version(row.conversation)?;
                    self.details_done(intent, row.conversation, version)?;
                }
                Ok(())
            }
            _ => {
                let Some(row) = self.intent_row(intent)? else {
                    return Ok(());
                };
                self.try_later(&row)
            }
        }
    }

    /// Takes a document whose author has the right, and that is newer than the one known, if that is
    /// one that may still stand. False when the one known is better.
    fn adopt_details(
        &mut self,
        conversation: &Conversation,
        document: SignedGroupState,
        verified: &VerifiedState,
    ) -> Result<bool, CoreError> {
        let known = self.known_details(conversation.id)?;
        if let Some(known) = &known
            && known.document.state == document.state
        {
            if self.became_so_before(conversation)? {
                self.details_epoch(conversation.id, None)?;
            }
            return Ok(true);
        }
        if !self.may_stand(conversation, &verified.author, &verified.device)? {
            // Who came in after the one who set them was gone, and alone may set them: the others wait
            // for this account to say them anew.
            if known.is_none() && self.is_the_only_editor(conversation)? {
                self.keep_details(conversation.id, &document, &verified.state)?;
                return Ok(true);
            }
            // Set by somebody who still might, while this device was away.
            let newer = known
                .as_ref()
                .is_none_or(|known| is_newer(&verified.state, &document, known));
            if newer && self.might_say_lately(conversation, verified)? {
                self.keep_details(conversation.id, &document, &verified.state)?;
                if let Some(known) = known {
                    self.tell_details(conversation, &known.state, verified)?;
                }
                return Ok(true);
            }
            self.warn_once("details_refused", conversation.id);
            return Ok(false);
        }
        let Some(known) = known else {
            self.keep_details(conversation.id, &document, &verified.state)?;
            if conversation.kind == ConversationKind::Direct as i32 {
                // Both were here when the first timer was set.
                self.tell_details(conversation, &GroupState::default(), verified)?;
            }
            return Ok(true);
        };
        // Two who changed it at once: the version decides, then the bytes, on every device alike.
        if !is_newer(&verified.state, &document, &known) && self.vouched_for(conversation)? {
            // Or who ended the epoch had not heard of them.
            if !self.became_so_before(conversation)? {
                self.warn("details_older", Some(conversation.id));
            }
            return Ok(false);
        }
        self.keep_details(conversation.id, &document, &verified.state)?;
        self.tell_details(conversation, &known.state, verified)?;
        Ok(true)
    }

    /// Since which epoch the hub has what is known here, until a later one was seen to have it, too.
    fn details_epoch(&mut self, conversation: i64, epoch: Option<u64>) -> Result<(), CoreError> {
        self.tx.execute(
            "UPDATE conversation SET details_epoch = ?2 WHERE id = ?1",
            (conversation, epoch),
        )?;
        Ok(())
    }

    /// Whether the hub has had what is known here in an epoch before this one, and was not yet seen to have
    /// it in a later one.
    fn became_so_before(&self, conversation: &Conversation) -> Result<bool, CoreError> {
        Ok(self
            .became_so_in(conversation.id)?
            .is_some_and(|epoch| epoch < conversation.epoch))
    }

    fn became_so_in(&self, conversation: i64) -> Result<Option<u64>, CoreError> {
        Ok(self.tx.query_row(
            "SELECT details_epoch FROM conversation WHERE id = ?1",
            [conversation],
            |row| row.get(0),
        )?)
    }

    fn tell_details(
        &mut self,
        conversation: &Conversation,
        before: &GroupState,
        after: &VerifiedState,
    ) -> Result<(), CoreError> {
        let (id, by, now) = (conversation.id, &after.author, &after.state);
        // Who says anew what another had set did not change it; and who changed it last need not have
        // changed what else is new to a device that was away.
        let missed = now.version != group_state::next_version(before.version);
        let how = if now.retold || missed { "now_" } else { "" };
        if before.name != now.name && !names::is_blank(&now.name) {
            self.group_notice(id, by, &format!("{how}name:{}", now.name))?;
        }
        if before.description != now.description {
            self.group_notice(id, by, &format!("{how}description"))?;
        }
        if before.photo != now.photo {
            self.group_notice(id, by, &format!("{how}photo"))?;
        }
        if before.expires_after_s != now.expires_after_s {
            let timer = now.expires_after_s;
            self.group_notice(id, by, &format!("{how}timer:{timer}"))?;
        }
        Ok(())
    }

    /// The state with the own wishes in it, signed; absent when nothing is to change. What is known
    /// by somebody who is gone, or may no longer, is said anew by who may.
    fn apply_detail_wishes(
        &mut self,
        conversation: &Conversation,
    ) -> Result<Option<SignedGroupState>, CoreError> {
        let wishes = self.wishes(conversation.id)?;
        let orphaned = self.is_orphaned(conversation)?;
        if !orphaned && !wishes.iter().any(Wish::is_detail) {
            return Ok(None);
        }
        let me = self.me()?;
        let allowed = self.may_edit(conversation)?;
        let before = self
            .known_details(conversation.id)?
            .map(|known| known.state)
            .unwrap_or_default();
        let mut state = before.clone();
        for wish in wishes.iter().filter(|wish| wish.is_detail()) {
            if !allowed {
                self.wish_failed(wish, "forbidden", "only an admin of the group may do this")?;
            } else if is_so(wish, &state) {
                self.wish_ended(wish.id)?;
            } else {
                apply(wish, &mut state);
            }
        }
        if state == before && !(orphaned && allowed) {
            return Ok(None);
        }
        let retold = state == before;
        if !retold {
            state.changed_ms = self.now;
        }
        state.retold = retold;
        state.version = group_state::next_version(before.version);
        let id = conversation.cid()?;
        Ok(Some(group_state::sign(&me.keys, &me.address, id, &state)))
    }

    /// What was wished can not be: it is not tried for ever.
    fn detail_wishes_failed(
        &mut self,
        conversation: i64,
        code: &str,
        why: &str,
    ) -> Result<(), CoreError> {
        for wish in self.wishes(conversation)? {
            if wish.is_detail() {
                self.wish_failed(&wish, code, why)?;
            }
        }
        Ok(())
    }

    /// The hub says that its document was replaced.
    pub(crate) fn state_changed(&mut self, changed: &proto::StateChanged) -> Result<(), CoreError> {
        let hub = self.near_hub(&changed.hub).to_owned();
        let Some(conversation) = self.conversation_by_cid(&hub, &changed.conversation)? else {
            return Ok(());
        };
        if !conversation.is_active() {
            return Ok(());
        }
        // What was sealed anew may be older than what is known here, or newer: whoever sealed it said
        // what they knew. Admins look first, the others when these may have mended it.
        let unknown = self.known_details(conversation.id)?.is_none();
        let soon = unknown || !changed.resealed || self.is_acting_admin(conversation.id)?;
        self.details_told(conversation.id, changed.state_version);
        let delay = self.spread_ms(conversation.id, if soon { 10 } else { 50 })?;
        self.want(conversation.id, "details", delay)?;
        Ok(())
    }

    /// The version at the hub, as far as this device has seen.
    fn details_version(&self, conversation: i64) -> Result<u64, CoreError> {
        Ok(self.tx.query_row(
            "SELECT state_version FROM conversation WHERE id = ?1",
            [conversation],
            |row| row.get(0),
        )?)
    }

    /// What the round of changes says of the document.
    pub(crate) fn state_version_seen(
        &mut self,
        conversation: &Conversation,
        version: u64,
    ) -> Result<(), CoreError> {
        let known = self.details_version(conversation.id)?;
        if conversation.is_active() && version > known {
            self.details_told(conversation.id, version);
            self.want(conversation.id, "details", 0)?;
        }
        Ok(())
    }

    /// Somebody committed in the epoch in which the details changed, or shortly after, perhaps without
    /// having seen it: who has seen it looks whether the newest is there.
    pub(crate) fn check_recent_details(
        &mut self,
        conversation: &Conversation,
    ) -> Result<(), CoreError> {
        let (changed_ms, changed_in): (i64, Option<u64>) = self.tx.query_row(
            "SELECT details_ms, details_epoch FROM conversation WHERE id = ?1",
            [conversation.id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let ended_now = changed_in.is_some_and(|epoch| epoch + 1 == conversation.epoch);
        if ended_now || self.now - changed_ms < RECENT_MS {
            let delay = self.spread_ms(conversation.id, 50)?;
            self.want(conversation.id, "details", delay)?;
        }
        Ok(())
    }

    /// After a join from outside: who knows the details seals them for the new epoch, not all at once.
    pub(crate) fn want_resealed(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        if self.known_details(conversation.id)?.is_some() {
            let delay = self.spread_ms(conversation.id, 50)?;
            self.want(conversation.id, "details", delay)?;
        }
        Ok(())
    }
}

fn from_before(conversation: i64) -> String {
    format!("details_from_before/{conversation}")
}

/// Of two versions that are one, the bytes decide.
fn is_newer(state: &GroupState, document: &SignedGroupState, known: &Known) -> bool {
    if state.version == known.state.version {
        return document.state > known.document.state;
    }
    group_state::is_newer(state.version, known.state.version)
}

fn timer_of(value: &[u8]) -> u32 {
    value.try_into().map(u32::from_be_bytes).unwrap_or_default()
}

fn photo_of(value: &[u8]) -> Option<Attachment> {
    Attachment::decode(value)
        .ok()
        .filter(|photo| !photo.blob.is_empty())
}

fn text_of(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}

fn is_so(wish: &Wish, state: &GroupState) -> bool {
    match wish.kind.as_str() {
        "name" => state.name.as_bytes() == wish.value,
        "description" => state.description.as_bytes() == wish.value,
        "timer" => state.expires_after_s == timer_of(&wish.value),
        "photo" => state.photo == photo_of(&wish.value),
        "link_seed" => state.link_seed == wish.value,
        _ => true,
    }
}

fn apply(wish: &Wish, state: &mut GroupState) {
    match wish.kind.as_str() {
        "name" => state.name = text_of(&wish.value),
        "description" => state.description = text_of(&wish.value),
        "timer" => state.expires_after_s = timer_of(&wish.value),
        "photo" => state.photo = photo_of(&wish.value),
        "link_seed" => state.link_seed.clone_from(&wish.value),
        _ => {}
    }
}
