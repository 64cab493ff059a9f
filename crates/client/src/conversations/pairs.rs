//! One-to-one conversations of the same two people, begun at two apps at once: they become one.
//!
//! Each app keeps one conversation for a pair of addresses, and neither knows of the other's. Always
//! holds: the one whose hub is the app of the lower address goes on, with both people and on each of
//! their devices alike; what a device said in the other it says again, with what was done to it. Deliberately absent: leaving
//! the other at its hub; nobody reads it any more, and nothing is said there.

use super::{Conversation, State};
use crate::CoreError;
use crate::step::Step;
use comity_content::{Message as _, proto as said};
use comity_wire::{Address, AppId, ConversationId};
use std::collections::BTreeSet;

/// What is to be said of which line.
type Change = (Vec<u8>, said::content::Body);

impl Step<'_> {
    /// The hub of the conversation that goes on.
    fn hub_of_pair(&self, peer: &Address) -> Result<AppId, CoreError> {
        let me = self.me()?;
        Ok(me.address.clone().min(peer.clone()).app)
    }

    /// Whether `id` gives way to the conversation that this device has with the person already.
    pub(super) fn gives_way(
        &self,
        id: &ConversationId,
        peer: Option<&Address>,
    ) -> Result<bool, CoreError> {
        let Some(peer) = peer else { return Ok(false) };
        let Some(row) = self.conversation_with(peer)? else {
            return Ok(false);
        };
        let goes_on = matches!(
            row.state,
            State::Active | State::Creating | State::Rejoining
        );
        let Some(other) = row.conversation.filter(|_| goes_on) else {
            return Ok(false);
        };
        Ok(other.hub != id.hub && other.hub == self.hub_of_pair(peer)?)
    }

    /// A conversation that gives way is not entered: what was known of it goes to the other.
    pub(super) fn give_way(
        &mut self,
        id: &ConversationId,
        peer: Option<&Address>,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        self.groups
            .session(self.tx, &me.keys, &me.address)
            .delete(id)?;
        let known = self.conversation_by_cid(id.hub.as_str(), id.id.as_bytes())?;
        let other = match peer {
            Some(peer) => self.conversation_with(peer)?,
            None => None,
        };
        if let (Some(known), Some(mut other)) = (known, other)
            && known.id != other.id
        {
            self.go_over(&known)?;
            self.absorb(&known, &mut other)?;
        }
        Ok(())
    }

    /// The row is of another conversation from now on. What this device said in the one before is
    /// said again; of what others said there the lines stay, without a place: they say it again, too.
    pub(super) fn go_over(&mut self, row: &Conversation) -> Result<(), CoreError> {
        let me = self.me()?;
        let device = me.keys.id().to_vec();
        for table in ["trail", "missing", "mark_key", "mark", "cursor", "intent"] {
            self.tx.execute(
                &format!("DELETE FROM {table} WHERE conversation = ?1"),
                [row.id],
            )?;
        }
        self.say_anew(row.id)?;
        let own: Vec<(Vec<u8>, Vec<u8>)> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT message_id, content FROM message
                 WHERE conversation = ?1 AND outgoing = 1 AND author_device = ?2 AND seq > 0
                   AND status = 'sent' AND deleted = 0 AND length(content) > 0 ORDER BY seq",
            )?;
            statement
                .query_map((row.id, &device), |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?
        };
        let (edits, reactions) = (self.edits_there(row.id)?, self.reactions_there(row.id)?);
        for (message, content) in own {
            let content = said::Content::decode(content.as_slice())
                .map_err(|_| CoreError::Damaged("message"))?;
            self.tx.execute(
                "UPDATE message SET status = 'queued', seq = NULL WHERE conversation = ?1 AND message_id = ?2",
                (row.id, message),
            )?;
            self.enqueue(row.id, &content)?;
        }
        for (target, body) in edits.into_iter().chain(reactions) {
            let mentions = match &body {
                said::content::Body::Edit(_) => self.stored_mentions(row.id, &target)?,
                _ => Vec::new(),
            };
            let content = said::Content {
                message_id: self.random_bytes::<16>().to_vec(),
                written_ms: self.now,
                mentions,
                expires_after_s: self.timer_of(row.id, &target)?,
                body: Some(body),
                ..said::Content::default()
            };
            self.enqueue(row.id, &content)?;
        }
        self.tx.execute(
            "UPDATE message SET seq = 0 WHERE conversation = ?1 AND seq > 0",
            [row.id],
        )?;
        self.tx.execute(
            "UPDATE conversation SET read_seq = 0, mark_epoch = -1, joined_seq = 0, next_seq = 1, head_seq = 0 WHERE id = ?1",
            [row.id],
        )?;
        Ok(())
    }

    /// What waits to be said is sealed for the other conversation; an answer to what was under way is about the one before.
    fn say_anew(&mut self, conversation: i64) -> Result<(), CoreError> {
        let waiting: BTreeSet<i64> = {
            let mut statement = self.tx.prepare_cached(
                "UPDATE send_queue SET body = NULL, epoch = NULL, idempotency_key = NULL WHERE conversation = ?1 RETURNING id",
            )?;
            statement
                .query_map([conversation], |row| row.get(0))?
                .collect::<Result<_, _>>()?
        };
        self.forget_appends(&waiting);
        Ok(())
    }

    /// The texts that this device wrote there as they are now, where they are others by now.
    fn edits_there(&self, conversation: i64) -> Result<Vec<Change>, CoreError> {
        let device = self.me()?.keys.id().to_vec();
        let mut statement = self.tx.prepare_cached(
            "SELECT message_id, text FROM message WHERE conversation = ?1 AND outgoing = 1 AND author_device = ?2
                 AND seq > 0 AND status = 'sent' AND deleted = 0 AND edited > 0 AND kind = 'text' ORDER BY seq",
        )?;
        let rows = statement.query_map((conversation, device), |row| {
            let target: Vec<u8> = row.get(0)?;
            let edit = said::Edit {
                target: target.clone(),
                text: row.get(1)?,
            };
            Ok((target, said::content::Body::Edit(edit)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The own account's reactions there. One device says them, or each would.
    fn reactions_there(&self, conversation: i64) -> Result<Vec<Change>, CoreError> {
        let me = self.me()?;
        let first = me.manifest.manifest.devices.iter();
        if first.map(|device| device.id).min() != Some(me.keys.id()) {
            return Ok(Vec::new());
        }
        let mut statement = self.tx.prepare_cached(
            "SELECT target, emoji FROM reaction WHERE conversation = ?1 AND author = ?2 AND emoji <> '' ORDER BY at_ms, target",
        )?;
        let rows = statement.query_map((conversation, me.address.to_string()), |row| {
            let target: Vec<u8> = row.get(0)?;
            let reaction = said::Reaction {
                target: target.clone(),
                emoji: row.get(1)?,
            };
            Ok((target, said::content::Body::Reaction(reaction)))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}
