//! Coming in from outside: after a gap, a recovery or a fork, or by an invitation link.
//!
//! Always holds: what lies between is asked for, and a line says that it is missing until it came.

use super::{Conversation, Intent, State};
use crate::contacts::known_manifest;
use crate::step::{Joining, Request, Step};
use crate::store::meta;
use crate::{CallError, CoreError};
use comity_e2ee::engine::EngineError;
use comity_membership::{Refusal, rules};
use comity_wire::http::MyConversations;
use comity_wire::proto::{self, ConversationKind, client_frame::Act};
use comity_wire::{Address, ConversationId, DeviceId, Id16};
use std::sync::Arc;

/// Times that device lists are asked for before joining a group with leaves that none lists. One
/// that still is not listed then is taken out once inside.
const REFRESHES_BEFORE_JOIN: i64 = 2;

/// Time until it is asked again what the account is in, when the answer did not come.
const ASK_AGAIN_MS: i64 = 60_000;

impl Step<'_> {
    /// The log no longer holds what this device missed.
    pub(crate) fn gap(
        &mut self,
        conversation: &mut Conversation,
        until: u64,
    ) -> Result<(), CoreError> {
        // What comes after one's own account said that it leaves is not for it.
        if self.is_leaving(conversation.id)? {
            return self.close_left(conversation);
        }
        let me = self.me()?;
        let line =
            self.insert_notice(conversation.id, &me.address, &DeviceId::new([0; 16]), "gap")?;
        self.note_missing(conversation.id, conversation.next_seq, until, &line)?;
        conversation.next_seq = until + 1;
        self.save_position(conversation)?;
        self.heal(conversation, "gap")
    }

    /// Asks to be let in, where this device has a seat from entry `since` on, or may have one.
    pub(super) fn join_by_asking(
        &mut self,
        hub: &str,
        cid: &[u8],
        kind: i32,
        since: u64,
    ) -> Result<(), CoreError> {
        let conversation = match self.conversation_by_cid(hub, cid)? {
            Some(known) if known.is_active() && known.next_seq > since => return Ok(()),
            Some(mut known) => {
                self.set_state(&mut known, State::Rejoining)?;
                known
            }
            None => {
                let Ok(id) = Id16::from_slice(cid) else {
                    return Ok(());
                };
                let app = if hub.is_empty() {
                    Some(self.app()?)
                } else {
                    hub.parse().ok()
                };
                let Some(app) = app else { return Ok(()) };
                let mut new = self.insert_conversation(
                    Some(&ConversationId::new(app, id)),
                    kind,
                    None,
                    State::Rejoining,
                )?;
                if since > 0 {
                    // From there on all of it is this device's.
                    (new.joined_seq, new.next_seq) = (since, since + 1);
                    self.tx.execute(
                        "UPDATE conversation SET joined_seq = ?2 WHERE id = ?1",
                        (new.id, since),
                    )?;
                    self.save_position(&new)?;
                }
                new
            }
        };
        self.want(conversation.id, "rejoin", 0)
    }

    /// After a recovery, and where nobody has added a new device: what the account is in, joined by
    /// external commit.
    pub(crate) fn my_conversations(
        &mut self,
        answer: Result<MyConversations, CallError>,
    ) -> Result<(), CoreError> {
        let listed = match answer {
            Ok(listed) => listed,
            Err(error) if error.may_pass() => {
                let pause_ms = error.wait_ms().max(ASK_AGAIN_MS);
                self.mem.upkeep_ms = self.mem.upkeep_ms.min(self.now + pause_ms);
                self.wake(self.mem.upkeep_ms);
                return Ok(());
            }
            // Looked at again with the next upkeep.
            Err(_) => return Ok(()),
        };
        meta::remove(self.tx, "rejoin_all")?;
        for entry in listed.conversations.iter().filter(|entry| !entry.member) {
            self.join_by_asking(
                entry.conversation.hub.as_str(),
                entry.conversation.id.as_bytes(),
                entry.kind,
                0,
            )?;
        }
        let own = listed
            .conversations
            .iter()
            .find(|entry| entry.kind == ConversationKind::Self_ as i32);
        if let Some(own) = own {
            let id = own.conversation.id;
            self.change_me(|me| me.self_conversation = Some(id))?;
        }
        self.mem.upkeep_ms = 0;
        Ok(())
    }

    pub(super) fn pursue_rejoin(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
    ) -> Result<(), CoreError> {
        if let Some(joining) = self.mem.joining.get(&intent.id).cloned() {
            self.wake(self.now);
            if joining.after_ms >= self.now {
                return Ok(());
            }
            self.mem.joining.remove(&intent.id);
            for other in self.mem.joining.values_mut() {
                other.after_ms = self.now;
            }
            return self.join_from_outside(intent.id, &joining.state);
        }
        let (hub, log) = conversation.wire_log(self);
        let device = self.me()?.keys.id();
        let link_signature = self
            .joining_by(conversation)?
            .map(|invitation| invitation.sign_fetch(&device))
            .unwrap_or_default();
        self.request(
            Request::State { intent: intent.id },
            Act::FetchState(proto::FetchState {
                hub,
                conversation: log,
                link_signature,
                sealed_only: false,
            }),
        );
        Ok(())
    }

    /// Checks the leaves of the conversation. A thousand of them take as long as all the rest, which
    /// is done in a step of its own.
    pub(crate) fn state_fetched(
        &mut self,
        intent: i64,
        state: proto::StateReply,
    ) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        let conversation = self.conversation(row.conversation)?;
        let me = self.me()?;
        let checked = self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .check_leaves(conversation.cid()?, &state.ratchet_tree);
        if checked.is_err() {
            self.warn("rejoin_failed", Some(conversation.id));
            return self.try_later(&row);
        }
        // What was given up meanwhile is forgotten.
        for other in self.mem.joining.keys().copied().collect::<Vec<_>>() {
            if self.intent_row(other)?.is_none() {
                self.mem.joining.remove(&other);
            }
        }
        let joining = Joining {
            state: Arc::new(state),
            after_ms: self.now,
        };
        self.mem.joining.insert(intent, joining);
        self.wake(self.now);
        Ok(())
    }

    fn join_from_outside(
        &mut self,
        intent: i64,
        state: &proto::StateReply,
    ) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        let conversation = self.conversation(row.conversation)?;
        let id = conversation.cid()?.clone();
        let me = self.me()?;
        self.tx.execute(
            "UPDATE conversation SET kind = ?2 WHERE id = ?1",
            (conversation.id, state.kind),
        )?;
        let link_signature = self.joining_by(&conversation)?.map(|invitation| {
            let (device, key) = (me.keys.id(), me.keys.public());
            invitation.sign_join(state.epoch, &me.address, &device, &key)
        });
        let header = proto::CommitHeader {
            version: 1,
            manifests: vec![me.manifest.bytes.clone()],
            judged_by: Vec::new(),
            link_signature: link_signature.unwrap_or_default(),
        };
        let tx = self.tx;
        let group = state.kind == ConversationKind::Group as i32;
        let own = me.clone();
        // Device lists may have changed while this device was away: with the old ones it would
        // refuse what the others rightly do later on.
        let refresh_first = row.attempts < REFRESHES_BEFORE_JOIN;
        let mut outdated: Vec<Address> = Vec::new();
        let mut judge = |change: &comity_membership::Change,
                         before: &[comity_membership::Member],
                         context: &comity_membership::context::Context| {
            let lookup = |address: &Address| {
                if *address == own.address {
                    Some(own.manifest.clone())
                } else {
                    known_manifest(tx, address).ok().flatten()
                }
            };
            for member in before {
                // In a group there may be a thousand people of whom nothing is known yet.
                let listed = match lookup(&member.address) {
                    Some(list) => list.manifest.device(&member.device).is_some(),
                    None => group,
                };
                if !listed && !outdated.contains(&member.address) {
                    outdated.push(member.address.clone());
                }
            }
            if refresh_first && !outdated.is_empty() {
                return Err(Refusal::NotInManifest);
            }
            rules::check(change, before, context, &lookup)
        };
        let outcome = self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .prepare_external_join(
                &id,
                &state.group_info,
                &state.ratchet_tree,
                &header,
                &mut judge,
            );
        match outcome {
            Ok(pending) => self.send_commit(&row, &conversation, pending),
            Err(EngineError::Storage(error)) => Err(EngineError::Storage(error).into()),
            Err(EngineError::Refused(Refusal::TooManyDevices)) => {
                self.groups.forget(&id);
                self.no_room_to_join(&row, &conversation)
            }
            Err(_) if refresh_first && !outdated.is_empty() => {
                for address in &outdated {
                    self.refresh_contact(address)?;
                }
                self.try_later(&row)
            }
            Err(_) => {
                self.groups.forget(&id);
                self.warn("rejoin_failed", Some(conversation.id));
                self.try_later(&row)
            }
        }
    }

    /// Let in again: what lies between is a gap, said plainly.
    pub(super) fn rejoined(
        &mut self,
        conversation: &mut Conversation,
        intent: i64,
        committed: &proto::Committed,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let outcome = self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .confirm_pending(&id);
        match outcome {
            Ok(_) => {}
            Err(EngineError::Storage(error)) => return Err(EngineError::Storage(error).into()),
            // The hub says it took a commit that is no longer there: it is made anew.
            Err(_) => {
                self.groups.forget(&id);
                self.warn("rejoin_failed", Some(conversation.id));
                return match self.intent_row(intent)? {
                    Some(row) => self.try_later(&row),
                    None => Ok(()),
                };
            }
        }
        self.fulfilled(intent)?;
        self.welcomes_are_old(&id, committed.seq)?;
        let by_link = self.joining_by(conversation)?.is_some();
        self.tx.execute(
            "UPDATE conversation SET invitation = NULL, leaving = 0 WHERE id = ?1",
            [conversation.id],
        )?;
        let parted = self.part(conversation, committed.seq)?;
        // Who has read something here, from a welcome on or as its maker.
        let has_read = parted || conversation.next_seq > 1;
        if !by_link && has_read && committed.seq > conversation.next_seq {
            self.note_gap(conversation, committed.seq)?;
        } else {
            self.stays(conversation)?;
        }
        let members = self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .members(&id)?;
        let kind = self.conversation(conversation.id)?.kind;
        conversation.kind = kind;
        if kind == ConversationKind::Direct as i32
            && let Some(peer) = members
                .iter()
                .map(|member| member.address.clone())
                .find(|address| *address != me.address)
        {
            if self.gives_way(&id, Some(&peer))? {
                return self.give_way(&id, Some(&peer));
            }
            *conversation = self.bind(&id, kind, Some(&peer))?;
            if known_manifest(self.tx, &peer)?.is_none() {
                self.refresh_contact(&peer)?;
            }
        }
        // The log may have gone back, or parted: what is compared begins anew here.
        self.tx.execute(
            "DELETE FROM trail WHERE conversation = ?1",
            [conversation.id],
        )?;
        conversation.joined_seq = committed.seq;
        conversation.next_seq = committed.seq + 1;
        conversation.head_seq = conversation.head_seq.max(committed.seq);
        conversation.state = State::Active;
        // What was on its way may stand in what this device did not read: it is sent again as it
        // was, and the hub says where it stands, or that it is too late for it. Unless it is of
        // epochs that the log does not have: those are another branch's.
        let epoch = self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .epoch(&id)?;
        self.tx.execute(
            "UPDATE send_queue SET body = NULL, epoch = NULL WHERE conversation = ?1 AND epoch >= ?2",
            (conversation.id, epoch),
        )?;
        self.tx.execute(
            "UPDATE conversation SET joined_seq = ?2 WHERE id = ?1",
            (conversation.id, committed.seq),
        )?;
        self.entered(conversation)?;
        self.details_may_be_old(conversation.id)?;
        self.check_listed(&members)?;
        if kind == ConversationKind::Group as i32
            && (by_link || self.lacks_profiles(conversation.id)?)
        {
            self.introduce_to(conversation)?;
        }
        if by_link || parted {
            self.answer_owed(conversation)?;
        }
        if by_link {
            self.expect_history(conversation)?;
            self.group_notice(conversation.id, &me.address, "joined_by_link")?;
        }
        Ok(())
    }

    /// What lies between what was read and the entry at which this device came in anew was this account's,
    /// all or in part: it is said, and asked for.
    pub(super) fn note_gap(
        &mut self,
        conversation: &Conversation,
        entry: u64,
    ) -> Result<(), CoreError> {
        let (own, nobody) = (self.me()?.address.clone(), DeviceId::new([0; 16]));
        let line = self.insert_notice(conversation.id, &own, &nobody, "gap")?;
        self.note_missing(conversation.id, conversation.next_seq, entry - 1, &line)
    }

    /// The hub does not let this device in again: its account has left, or was taken out. Where it
    /// was being repaired, that is what it came to.
    pub(crate) fn shut_out(&mut self, conversation: &mut Conversation) -> Result<(), CoreError> {
        self.tx.execute(
            "DELETE FROM intent WHERE conversation = ?1 AND kind != 'ask'",
            [conversation.id],
        )?;
        self.tx.execute(
            "DELETE FROM wish WHERE conversation = ?1",
            [conversation.id],
        )?;
        self.healing_became(conversation.id, "removed_you")?;
        self.set_state(conversation, State::Left)
    }

    /// The lines that said that the conversation is being repaired say that it was.
    pub(super) fn tell_healed(&mut self, conversation: i64) -> Result<(), CoreError> {
        self.healing_became(conversation, "healed")
    }

    fn healing_became(&mut self, conversation: i64, what: &str) -> Result<(), CoreError> {
        let lines: Vec<Vec<u8>> = {
            let mut statement = self.tx.prepare_cached(
                "UPDATE message SET text = ?2 WHERE conversation = ?1 AND kind = 'notice' AND text = 'healing' RETURNING message_id",
            )?;
            statement
                .query_map((conversation, what), |row| row.get(0))?
                .collect::<Result<_, _>>()?
        };
        for line in lines {
            self.item_changed(conversation, &line)?;
        }
        Ok(())
    }

    /// A new session: what was asked for and not answered is asked again by the intents; logs
    /// that were not caught up are fetched on.
    pub(crate) fn reconnected_logs(&mut self) -> Result<(), CoreError> {
        self.fetch_inbox()?;
        for conversation in self.conversations_in(State::Active)? {
            self.read_further(&conversation);
        }
        self.read_on_again()
    }
}
