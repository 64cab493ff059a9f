//! Coming into a conversation: by a welcome, or by asking the hub to be let in again.

use super::intents::Intent;
use super::{Conversation, State};
use crate::contacts::known_manifest;
use crate::step::{Request, Step};
use crate::store::meta;
use crate::{CallError, CoreError};
use comity_e2ee::engine::{EngineError, Joined};
use comity_membership::{Member, rules};
use comity_wire::http::MyConversations;
use comity_wire::proto::{self, ConversationKind, client_frame::Act};
use comity_wire::{Address, ConversationId, DeviceId, ErrorCode, Id16, WireError};
use std::collections::BTreeSet;

/// Times that device lists are asked for before joining a group with leaves that none lists. One
/// that still is not listed then is taken out once inside.
const REFRESHES_BEFORE_JOIN: i64 = 2;
/// People looked up at once when a group is joined.
const REFRESHED_AT_ONCE: usize = 16;
/// Time between two joiners' first updates, on the average.
const UPDATE_EACH_MS: i64 = 10_000;

impl Step<'_> {
    pub(crate) fn welcome_pointer(
        &mut self,
        pointer: &proto::WelcomePointer,
    ) -> Result<(), CoreError> {
        self.tx.execute(
            "INSERT OR IGNORE INTO welcome (hub, cid, commit_seq) VALUES (?1, ?2, ?3)",
            (&pointer.hub, &pointer.conversation, pointer.commit_seq),
        )?;
        Ok(())
    }

    pub(crate) fn pump_welcomes(&mut self) -> Result<(), CoreError> {
        let due: Vec<(String, Vec<u8>, u64)> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT hub, cid, commit_seq FROM welcome WHERE not_before_ms <= ?1 ORDER BY commit_seq",
            )?;
            statement
                .query_map([self.now], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?
                .collect::<Result<_, _>>()?
        };
        for (hub, cid, commit_seq) in due {
            let under_way = self.mem.requests.values().any(|request| {
                matches!(request, Request::Welcome { hub: h, cid: c, commit_seq: s } if *h == hub && *c == cid && *s == commit_seq)
            });
            if !under_way {
                self.request(
                    Request::Welcome {
                        hub: hub.clone(),
                        cid: cid.clone(),
                        commit_seq,
                    },
                    Act::FetchWelcome(proto::FetchWelcome {
                        hub,
                        conversation: cid,
                        commit_seq,
                    }),
                );
            }
        }
        Ok(())
    }

    fn welcome_done(&mut self, hub: &str, cid: &[u8], commit_seq: u64) -> Result<(), CoreError> {
        self.tx.execute(
            "DELETE FROM welcome WHERE hub = ?1 AND cid = ?2 AND commit_seq = ?3",
            (hub, cid, commit_seq),
        )?;
        Ok(())
    }

    pub(crate) fn welcome_refused(
        &mut self,
        hub: &str,
        cid: &[u8],
        commit_seq: u64,
        error: &WireError,
    ) -> Result<(), CoreError> {
        if matches!(
            error.code,
            ErrorCode::NotFound | ErrorCode::NotMember | ErrorCode::Gap
        ) {
            self.welcome_done(hub, cid, commit_seq)?;
            return self.join_by_asking(hub, cid, ConversationKind::Unspecified.into());
        }
        let at = self.now + i64::from(error.retry_after_ms).max(2_000);
        self.tx.execute(
            "UPDATE welcome SET not_before_ms = ?4, attempts = attempts + 1 WHERE hub = ?1 AND cid = ?2 AND commit_seq = ?3",
            (hub, cid, commit_seq, at),
        )?;
        self.wake(at);
        Ok(())
    }

    pub(crate) fn welcome_fetched(
        &mut self,
        hub: &str,
        cid: &[u8],
        commit_seq: u64,
        welcome: &proto::WelcomeReply,
    ) -> Result<(), CoreError> {
        self.welcome_done(hub, cid, commit_seq)?;
        let me = self.me()?;
        let app = if hub.is_empty() {
            me.address.app.clone()
        } else {
            hub.parse().unwrap_or(me.address.app.clone())
        };
        let Ok(id) = Id16::from_slice(cid) else {
            return Ok(());
        };
        let id = ConversationId::new(app, id);
        if let Some(known) = self.conversation_by_cid(hub, cid)?
            && known.is_active()
            && known.joined_seq >= commit_seq
        {
            return Ok(());
        }
        let outcome = self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .join(&welcome.welcome, &welcome.ratchet_tree);
        match outcome {
            Ok(joined) if joined.conversation == id => {
                self.joined(joined, commit_seq, &welcome.sealed_state)
            }
            Ok(joined) => {
                // A welcome into something else than the inbox said: not entered.
                self.groups
                    .session(self.tx, &me.keys, &me.address)
                    .delete(&joined.conversation)?;
                self.warn("welcome_swapped", None);
                self.join_by_asking(hub, cid, ConversationKind::Unspecified.into())
            }
            Err(EngineError::Storage(error)) => Err(EngineError::Storage(error).into()),
            Err(_) => {
                self.groups.forget(&id);
                self.warn("welcome_unusable", None);
                self.join_by_asking(hub, cid, ConversationKind::Unspecified.into())
            }
        }
    }

    /// In: checks who is there, binds what waited for this conversation.
    fn joined(
        &mut self,
        joined: Joined,
        commit_seq: u64,
        sealed_state: &[u8],
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let mut others: Vec<Address> = Vec::new();
        for member in &joined.members {
            if member.address != me.address && !others.contains(&member.address) {
                others.push(member.address.clone());
            }
        }
        let direct = joined.kind == ConversationKind::Direct;
        let fine = match joined.kind {
            ConversationKind::Self_ => others.is_empty(),
            ConversationKind::Direct => others.len() <= 1,
            _ => true,
        };
        if !fine {
            self.groups
                .session(self.tx, &me.keys, &me.address)
                .delete(&joined.conversation)?;
            self.warn("welcome_swapped", None);
            return Ok(());
        }
        self.check_listed(&joined.members)?;
        let peer = others.first().cloned().filter(|_| direct);
        let mut conversation =
            self.bind(&joined.conversation, joined.kind.into(), peer.as_ref())?;
        conversation.joined_seq = commit_seq;
        conversation.next_seq = commit_seq + 1;
        conversation.head_seq = conversation.head_seq.max(commit_seq);
        conversation.state = State::Active;
        self.tx.execute(
            "UPDATE conversation SET joined_seq = ?2, invitation = NULL, leaving = 0 WHERE id = ?1",
            (conversation.id, commit_seq),
        )?;
        self.entered(&mut conversation)?;
        self.details_of_welcome(&conversation, sealed_state)?;
        self.tell_added(&conversation, &joined.by)
    }

    /// Every leaf must stand in its account's device list, as far as it is known. People of a group
    /// who are not known here are looked up one after the other.
    fn check_listed(&mut self, members: &[Member]) -> Result<(), CoreError> {
        let mut asked: BTreeSet<&Address> = BTreeSet::new();
        for member in members {
            let fits = match known_manifest(self.tx, &member.address)? {
                Some(list) => list
                    .manifest
                    .device(&member.device)
                    .is_some_and(|d| d.signature_key[..] == member.signature_key[..]),
                None => false,
            };
            if !fits && asked.len() < REFRESHED_AT_ONCE && asked.insert(&member.address) {
                self.refresh_contact(&member.address)?;
            }
        }
        Ok(())
    }

    /// Common to every way in.
    fn entered(&mut self, conversation: &mut Conversation) -> Result<(), CoreError> {
        self.refresh_membership(conversation)?;
        self.tx.execute(
            "DELETE FROM intent WHERE conversation = ?1 AND kind IN ('create', 'rejoin')",
            [conversation.id],
        )?;
        self.set_state(conversation, State::Active)?;
        self.save_position(conversation)?;
        self.acknowledge(conversation);
        if conversation.kind == ConversationKind::Self_ as i32 {
            let id = conversation.cid()?.id;
            if self.me()?.self_conversation != Some(id) {
                self.change_me(|me| me.self_conversation = Some(id))?;
            }
        }
        if let Some(peer) = conversation.peer.clone() {
            self.direct_begun(conversation, &peer)?;
        }
        // Young leaves expire unless renewed once; not all at the same moment: after a lot of
        // additions each update is as large as the group, until enough of them were made.
        let delay = 30_000
            + i64::from(u16::from_be_bytes(self.random_bytes())) * 20
            + self.spread_ms(conversation.id, UPDATE_EACH_MS)?;
        self.want(conversation.id, "update", delay)?;
        self.want(conversation.id, "reconcile", delay)?;
        self.settle_wishes(conversation)?;
        let (hub, log) = conversation.wire_log(self);
        self.fetch(&hub, &log, conversation.next_seq - 1);
        Ok(())
    }

    /// The row of a conversation: what waited for it (an introduction, history) or a new one.
    fn bind(
        &mut self,
        id: &ConversationId,
        kind: i32,
        peer: Option<&Address>,
    ) -> Result<Conversation, CoreError> {
        let by_id = self.conversation_by_cid(id.hub.as_str(), id.id.as_bytes())?;
        let by_peer = peer
            .map(|peer| self.conversation_with(peer))
            .transpose()?
            .flatten();
        match (by_id, by_peer) {
            (Some(mut known), Some(waiting)) if known.id != waiting.id => {
                self.absorb(&waiting, &mut known)?;
                Ok(known)
            }
            (Some(mut known), _) => {
                if known.kind != kind && peer.is_none() {
                    self.tx.execute(
                        "UPDATE conversation SET kind = ?2 WHERE id = ?1",
                        (known.id, kind),
                    )?;
                    known.kind = kind;
                }
                if known.peer.is_none() && peer.is_some() {
                    self.tx.execute(
                        "UPDATE conversation SET peer = ?2, kind = ?3 WHERE id = ?1",
                        (known.id, peer.map(ToString::to_string), kind),
                    )?;
                    known.peer = peer.cloned();
                    known.kind = kind;
                }
                Ok(known)
            }
            (None, Some(mut waiting)) => {
                if let Some(old) = waiting.conversation.clone() {
                    let me = self.me()?;
                    self.groups
                        .session(self.tx, &me.keys, &me.address)
                        .delete(&old)?;
                }
                self.tx.execute(
                    "UPDATE conversation SET hub = ?2, cid = ?3 WHERE id = ?1",
                    (waiting.id, id.hub.as_str(), id.id.to_vec()),
                )?;
                waiting.conversation = Some(id.clone());
                Ok(waiting)
            }
            (None, None) => self.insert_conversation(Some(id), kind, peer, State::Active),
        }
    }

    /// The log no longer holds what this device missed.
    pub(crate) fn gap(
        &mut self,
        conversation: &mut Conversation,
        until: u64,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        self.insert_notice(conversation.id, &me.address, &DeviceId::new([0; 16]), "gap")?;
        conversation.next_seq = until + 1;
        self.save_position(conversation)?;
        self.heal(conversation, "gap")
    }

    fn join_by_asking(&mut self, hub: &str, cid: &[u8], kind: i32) -> Result<(), CoreError> {
        let conversation = match self.conversation_by_cid(hub, cid)? {
            Some(known) if known.is_active() => return Ok(()),
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
                self.insert_conversation(
                    Some(&ConversationId::new(app, id)),
                    kind,
                    None,
                    State::Rejoining,
                )?
            }
        };
        self.want(conversation.id, "rejoin", 0)
    }

    /// After a recovery: what the account is in, joined by external commit.
    pub(crate) fn my_conversations(
        &mut self,
        answer: Result<MyConversations, CallError>,
    ) -> Result<(), CoreError> {
        let Ok(listed) = answer else { return Ok(()) };
        meta::remove(self.tx, "rejoin_all")?;
        for entry in listed.conversations.iter().filter(|entry| !entry.member) {
            self.join_by_asking(
                entry.conversation.hub.as_str(),
                entry.conversation.id.as_bytes(),
                entry.kind,
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

    pub(crate) fn state_fetched(
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
                return Err(rules::Refusal::NotInManifest);
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
        self.groups
            .session(self.tx, &me.keys, &me.address)
            .confirm_pending(&id)?;
        self.fulfilled(intent)?;
        let by_link = self.joining_by(conversation)?.is_some();
        self.tx.execute(
            "UPDATE conversation SET invitation = NULL, leaving = 0 WHERE id = ?1",
            [conversation.id],
        )?;
        if !by_link && conversation.joined_seq > 0 && committed.seq > conversation.next_seq {
            self.insert_notice(conversation.id, &me.address, &DeviceId::new([0; 16]), "gap")?;
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
        if committed.seq < conversation.next_seq {
            conversation.head_seq = committed.seq;
        }
        conversation.joined_seq = committed.seq;
        conversation.next_seq = committed.seq + 1;
        conversation.head_seq = conversation.head_seq.max(committed.seq);
        conversation.state = State::Active;
        // What was on its way from here belongs to epochs that are gone: it is sealed anew.
        self.tx.execute(
            "UPDATE send_queue SET body = NULL, epoch = NULL WHERE conversation = ?1",
            [conversation.id],
        )?;
        self.tx.execute(
            "UPDATE conversation SET joined_seq = ?2 WHERE id = ?1",
            (conversation.id, committed.seq),
        )?;
        self.entered(conversation)?;
        self.want(conversation.id, "details", 0)?;
        self.check_listed(&members)?;
        if by_link {
            self.group_notice(conversation.id, &me.address, "joined_by_link")?;
        }
        Ok(())
    }

    /// A new session: what was asked for and not answered is asked again by the intents; logs
    /// that were not caught up are fetched on.
    pub(crate) fn reconnected_logs(&mut self) -> Result<(), CoreError> {
        self.fetch_inbox()?;
        for conversation in self.conversations_in(State::Active)? {
            if conversation.head_seq >= conversation.next_seq {
                let (hub, log) = conversation.wire_log(self);
                self.fetch(&hub, &log, conversation.next_seq - 1);
            }
        }
        Ok(())
    }
}
