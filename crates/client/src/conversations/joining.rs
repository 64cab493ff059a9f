//! Coming into a conversation by a welcome, and what is common to every way in.

use super::{Conversation, State};
use crate::CoreError;
use crate::contacts::known_manifest;
use crate::step::{Request, Step};
use comity_e2ee::engine::{EngineError, Joined};
use comity_membership::Member;
use comity_wire::proto::{self, ConversationKind, client_frame::Act};
use comity_wire::{Address, ConversationId, ErrorCode, Id16, WireError};
use std::collections::BTreeSet;

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
                // One after the other: what was given between two is read before the second.
                "SELECT hub, cid, commit_seq FROM welcome w WHERE not_before_ms <= ?1
                     AND NOT EXISTS (SELECT 1 FROM welcome e WHERE e.hub = w.hub AND e.cid = w.cid AND e.commit_seq < w.commit_seq)
                 ORDER BY commit_seq",
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
            if !under_way && !self.reads_first(&hub, &cid, commit_seq)? {
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

    /// Who is in, as far as this device knows, and is let in anew further on was taken out between: what
    /// it was given until then is read before it goes on behind that. True until then.
    fn reads_first(&mut self, hub: &str, cid: &[u8], commit_seq: u64) -> Result<bool, CoreError> {
        let Some(known) = self.conversation_by_cid(hub, cid)? else {
            return Ok(false);
        };
        let dry = self.mem.dry.get(&known.id) == Some(&known.next_seq);
        if dry || !known.is_active() || known.next_seq >= commit_seq {
            return Ok(false);
        }
        // Where asking failed, it is asked again when its time comes.
        if self.mem.read_again_ms.is_none() {
            let (hub, log) = known.wire_log(self);
            self.fetch(&hub, &log, known.next_seq - 1);
        }
        Ok(true)
    }

    /// Where the newest welcome into a conversation begins that was not fetched yet.
    pub(crate) fn welcome_waits(
        &self,
        conversation: &Conversation,
    ) -> Result<Option<u64>, CoreError> {
        let Some(id) = &conversation.conversation else {
            return Ok(None);
        };
        Ok(self
            .tx
            .prepare_cached(
                "SELECT max(commit_seq) FROM welcome WHERE hub IN (?1, ?2) AND cid = ?3",
            )?
            .query_row(
                (id.hub.as_str(), self.wire_hub(&id.hub), id.id.to_vec()),
                |row| row.get(0),
            )?)
    }

    /// Another welcome into the same conversation is still to be taken.
    fn another_waits(&self, hub: &str, cid: &[u8]) -> Result<bool, CoreError> {
        Ok(self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM welcome WHERE hub = ?1 AND cid = ?2)",
            (hub, cid),
            |row| row.get(0),
        )?)
    }

    /// False when it did not wait any more.
    fn welcome_done(&mut self, hub: &str, cid: &[u8], commit_seq: u64) -> Result<bool, CoreError> {
        let done = self.tx.execute(
            "DELETE FROM welcome WHERE hub = ?1 AND cid = ?2 AND commit_seq = ?3",
            (hub, cid, commit_seq),
        )?;
        Ok(done > 0)
    }

    /// Came in by itself with entry `seq`: a welcome from before leads into a seat that is over.
    pub(super) fn welcomes_are_old(&self, id: &ConversationId, seq: u64) -> Result<(), CoreError> {
        self.tx.execute(
            "DELETE FROM welcome WHERE hub IN (?1, ?2) AND cid = ?3 AND commit_seq <= ?4",
            (id.hub.as_str(), self.wire_hub(&id.hub), id.id.to_vec(), seq),
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
            if self.another_waits(hub, cid)? {
                return Ok(());
            }
            // It was into a seat that is over, and nothing was in it that is not known here.
            if error.code == ErrorCode::NotFound {
                let known = self.conversation_by_cid(hub, cid)?;
                let over = known.is_none_or(|known| {
                    known.state == State::Left && known.joined_seq >= commit_seq
                });
                if over {
                    return Ok(());
                }
            }
            return self.join_by_asking(hub, cid, ConversationKind::Unspecified.into(), commit_seq);
        }
        let wait = i64::from(error.retry_after_ms).max(2_000);
        self.welcome_later(hub, cid, commit_seq, wait)
    }

    fn welcome_later(
        &mut self,
        hub: &str,
        cid: &[u8],
        commit_seq: u64,
        wait_ms: i64,
    ) -> Result<(), CoreError> {
        let at = self.now + wait_ms;
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
        // A join from outside is under way: the hub may have taken it, and it would be the newer
        // place. What came of it is known first.
        if let Some(known) = self.conversation_by_cid(hub, cid)?
            && known.state == State::Rejoining
            && self.has_commit_under_way(known.id)?
        {
            return self.welcome_later(hub, cid, commit_seq, 2_000);
        }
        if !self.welcome_done(hub, cid, commit_seq)? {
            return Ok(());
        }
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
            .join_this(&id, &welcome.welcome, &welcome.ratchet_tree);
        match outcome {
            Ok(joined) => self.joined(joined, commit_seq, &welcome.sealed_state),
            // A welcome into something else than the inbox said: not entered.
            Err(EngineError::AnotherConversation) => {
                self.warn("welcome_swapped", None);
                self.join_by_asking(hub, cid, ConversationKind::Unspecified.into(), commit_seq)
            }
            Err(EngineError::Storage(error)) => Err(EngineError::Storage(error).into()),
            Err(_) => {
                self.groups.forget(&id);
                self.warn("welcome_unusable", None);
                self.join_by_asking(hub, cid, ConversationKind::Unspecified.into(), commit_seq)
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
        if self.gives_way(&joined.conversation, peer.as_ref())? {
            return self.give_way(&joined.conversation, peer.as_ref());
        }
        let id = &joined.conversation;
        if let Some(mut known) = self.conversation_by_cid(id.hub.as_str(), id.id.as_bytes())?
            && self.is_parting(known.id)?
        {
            self.part(&mut known, commit_seq)?;
        }
        let was_reading = self.was_reading(&joined.conversation, commit_seq)?;
        let mut conversation =
            self.bind(&joined.conversation, joined.kind.into(), peer.as_ref())?;
        if was_reading {
            self.note_gap(&conversation, commit_seq)?;
        } else {
            self.stays(&conversation)?;
        }
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
        self.answer_owed(&conversation)?;
        self.tell_added(&conversation, &joined.by)
    }

    /// Whether this device was in, was taken out and is brought in again before it had read up to there.
    fn was_reading(&self, id: &ConversationId, commit_seq: u64) -> Result<bool, CoreError> {
        let known = self.conversation_by_cid(id.hub.as_str(), id.id.as_bytes())?;
        let Some(known) = known else { return Ok(false) };
        Ok(matches!(known.state, State::Active | State::Rejoining)
            && known.next_seq > 1
            && commit_seq > known.next_seq
            && self.joining_by(&known)?.is_none())
    }

    /// Every leaf must stand in its account's device list, as far as it is known. People of a group
    /// who are not known here are looked up one after the other.
    pub(super) fn check_listed(&mut self, members: &[Member]) -> Result<(), CoreError> {
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
    pub(super) fn entered(&mut self, conversation: &mut Conversation) -> Result<(), CoreError> {
        let asked = self.conversation(conversation.id)?.state == State::Asking;
        self.refresh_membership(conversation)?;
        self.all_listed(conversation.id)?;
        self.tx.execute(
            "DELETE FROM intent WHERE conversation = ?1 AND kind IN ('create', 'rejoin')",
            [conversation.id],
        )?;
        self.set_state(conversation, State::Active)?;
        self.has_room(conversation.id)?;
        self.tell_healed(conversation.id)?;
        self.save_position(conversation)?;
        self.acknowledge(conversation);
        if conversation.kind == ConversationKind::Self_ as i32 {
            let id = conversation.cid()?.id;
            if self.me()?.self_conversation != Some(id) {
                self.change_me(|me| me.self_conversation = Some(id))?;
            }
        }
        if let Some(peer) = conversation.peer.clone() {
            self.direct_begun(conversation, &peer, asked)?;
        }
        // Young leaves expire unless renewed once; not all at the same moment: after a lot of
        // additions each update is as large as the group, until enough of them were made.
        let delay = 30_000
            + i64::from(u16::from_be_bytes(self.random_bytes())) * 20
            + self.spread_ms(conversation.id, UPDATE_EACH_MS)?;
        self.want(conversation.id, "update", delay)?;
        // Whoever added this account may have had an older device list: the own devices that are
        // missing are waited for on their screens.
        let soon = if self.lacks_own_devices(conversation.id)? {
            2_000 + self.spread_ms(conversation.id, 100)?
        } else {
            delay
        };
        self.want(conversation.id, "reconcile", soon)?;
        self.settle_wishes(conversation)?;
        self.ask_on(conversation.id)?;
        self.read_on(conversation)
    }

    fn lacks_own_devices(&self, conversation: i64) -> Result<bool, CoreError> {
        let me = self.me()?;
        let members = self.members(conversation)?;
        let mut own = me.manifest.manifest.devices.iter();
        Ok(own.any(|device| members.iter().all(|(member, _)| *member != device.id)))
    }

    /// The row of a conversation: what waited for it (an introduction, history) or a new one.
    pub(super) fn bind(
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
                if let Some(old) = &waiting.conversation {
                    let me = self.me()?;
                    self.groups
                        .session(self.tx, &me.keys, &me.address)
                        .delete(old)?;
                    self.go_over(&waiting)?;
                }
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
                    if old.hub != id.hub {
                        self.go_over(&waiting)?;
                        waiting = self.conversation(waiting.id)?;
                    }
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
}
