//! Commits in the log: own ones confirmed, others' judged before they count.

use super::{Conversation, State};
use crate::CoreError;
use crate::contacts::{Adopted, adopt, known_manifest};
use crate::groups::Before;
use crate::step::Step;
use crate::store::meta;
use comity_e2ee::engine::{EngineError, Merged};
use comity_membership::manifest::{self, VerifiedManifest};
use comity_membership::{Change, Committer, Context, Member, Refusal, rules};
use comity_wire::planted::{self, Bug};
use comity_wire::{Address, DeviceId, proto};
use rusqlite::OptionalExtension;
use std::collections::{BTreeMap, BTreeSet};

impl Step<'_> {
    pub(crate) fn commit_entry(
        &mut self,
        conversation: &mut Conversation,
        entry: &proto::Entry,
    ) -> Result<(), CoreError> {
        let own: Option<i64> = self
            .tx
            .query_row(
                "SELECT id FROM intent WHERE conversation = ?1 AND idempotency_key = ?2 AND frame IS NOT NULL",
                (conversation.id, &entry.idempotency_key),
                |row| row.get(0),
            )
            .optional()?;
        if let Some(intent) = own {
            return self.confirm(conversation, intent);
        }
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let before = self.before_commit(conversation)?;
        let (tx, now) = (self.tx, self.now);
        let mut adopted: Vec<Adopted> = Vec::new();
        let mut fault: Option<CoreError> = None;
        let outcome = {
            let mut judge =
                |change: &Change,
                 before: &[comity_membership::Member],
                 context: &comity_membership::context::Context| {
                    let mut carried: BTreeMap<Address, VerifiedManifest> = BTreeMap::new();
                    for bytes in &change.header.manifests {
                        if let Ok(list) = manifest::verify(bytes) {
                            carried.insert(list.manifest.address.clone(), list);
                        }
                        match adopt(tx, now, bytes) {
                            Ok(Ok(fresh)) => adopted.push(fresh),
                            // What does not follow from what is pinned is not used to judge by.
                            Ok(Err(_)) => {}
                            Err(error) => fault = Some(error),
                        }
                    }
                    let lookup = |address: &Address| known_manifest(tx, address).ok().flatten();
                    let brought = |address: &Address| carried.get(address).cloned();
                    rules::check_taken(change, before, context, &lookup, &brought)
                };
            self.groups
                .session(self.tx, &me.keys, &me.address)
                .process_commit(&id, &entry.body, &mut judge)
        };
        if let Some(fault) = fault {
            return Err(fault);
        }
        match outcome {
            Ok(merged) => {
                for fresh in &adopted {
                    if fresh.manifest.manifest.address == me.address {
                        let bytes = fresh.manifest.bytes.clone();
                        self.adopt_own_manifest(&bytes)?;
                    } else {
                        self.note_adopted(fresh)?;
                    }
                }
                // A commit of ours that lost to this one is made anew from its intent.
                if planted::is(Bug::LoserGivesUp) {
                    self.tx.execute(
                        "DELETE FROM intent WHERE conversation = ?1 AND kind = 'reconcile'",
                        [conversation.id],
                    )?;
                }
                self.tx.execute(
                    "UPDATE intent SET frame = NULL, idempotency_key = NULL WHERE conversation = ?1",
                    [conversation.id],
                )?;
                self.merged(conversation, &merged, before.as_ref())
            }
            Err(EngineError::StaleEpoch) => Ok(()),
            Err(EngineError::Refused(refusal)) => self.commit_refused(conversation, &refusal),
            Err(EngineError::Storage(error)) => Err(EngineError::Storage(error).into()),
            Err(_) => self.heal(conversation, "fork_suspected"),
        }
    }

    /// The hub accepted something that no honest one would: stop, and say it.
    fn commit_refused(
        &mut self,
        conversation: &mut Conversation,
        refusal: &Refusal,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        self.insert_notice(
            conversation.id,
            &me.address,
            &DeviceId::new([0; 16]),
            &format!("refused: {refusal}"),
        )?;
        self.warn("commit_refused", Some(conversation.id));
        self.set_state(conversation, State::Refused)
    }

    /// The group on this device and the log no longer fit: be let in again.
    pub(crate) fn heal(
        &mut self,
        conversation: &mut Conversation,
        why: &str,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        self.warn(why, Some(conversation.id));
        self.insert_notice(
            conversation.id,
            &me.address,
            &DeviceId::new([0; 16]),
            "healing",
        )?;
        self.tx.execute(
            "DELETE FROM intent WHERE conversation = ?1 AND kind NOT IN ('rejoin', 'leave', 'details', 'ask')",
            [conversation.id],
        )?;
        // Only what was missed may hold what is on its way. Of another log, or another branch, others
        // may never read it, wherever it stands: there it is said anew.
        if !matches!(why, "gap" | "was_away") {
            self.tx.execute(
                "UPDATE send_queue SET body = NULL, epoch = NULL WHERE conversation = ?1",
                [conversation.id],
            )?;
        }
        if why == "fork_suspected" {
            self.look_back(conversation);
        }
        self.want(conversation.id, "rejoin", 0)?;
        self.set_state(conversation, State::Rejoining)
    }

    /// A commit of this device was accepted at its place in the log.
    fn confirm(&mut self, conversation: &mut Conversation, intent: i64) -> Result<(), CoreError> {
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let before = self.before_commit(conversation)?;
        if planted::is(Bug::MergesEarly) {
            self.fulfilled(intent)?;
            return self.refresh_membership(conversation);
        }
        let outcome = self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .confirm_pending(&id);
        let merged = match outcome {
            Ok(merged) => merged,
            Err(EngineError::Storage(error)) => return Err(EngineError::Storage(error).into()),
            // The hub says it took a commit that gave way to another's.
            Err(_) => return self.heal(conversation, "fork_suspected"),
        };
        self.fulfilled(intent)?;
        self.all_listed(conversation.id)?;
        self.merged(conversation, &merged, before.as_ref())?;
        self.want_missing(conversation, !merged.change.added.is_empty())
    }

    pub(crate) fn committed(
        &mut self,
        intent: i64,
        committed: &proto::Committed,
    ) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        let mut conversation = self.conversation(row.conversation)?;
        if row.kind == "rejoin" {
            return self.rejoined(&mut conversation, intent, committed);
        }
        // What was before this device came in anew is none of its business.
        if committed.seq <= conversation.joined_seq {
            self.tx.execute(
                "UPDATE intent SET frame = NULL, idempotency_key = NULL WHERE id = ?1",
                [intent],
            )?;
            return Ok(());
        }
        if committed.seq < conversation.next_seq {
            return self.place_was_taken(&mut conversation, committed.seq);
        }
        if committed.seq != conversation.next_seq {
            let (hub, log) = conversation.wire_log(self);
            conversation.head_seq = conversation.head_seq.max(committed.seq);
            self.save_position(&conversation)?;
            self.fetch(&hub, &log, conversation.next_seq - 1);
            return Ok(());
        }
        let body = row
            .frame
            .as_deref()
            .and_then(|frame| <proto::SubmitCommit as comity_wire::Message>::decode(frame).ok())
            .map(|frame| frame.commit)
            .unwrap_or_default();
        self.confirm(&mut conversation, intent)?;
        self.passed(
            &mut conversation,
            committed.seq,
            proto::EntryKind::Commit.into(),
            &body,
        )?;
        self.save_position(&conversation)?;
        self.acknowledge(&conversation);
        Ok(())
    }

    /// A new epoch has begun.
    fn merged(
        &mut self,
        conversation: &mut Conversation,
        merged: &Merged,
        before: Option<&Before>,
    ) -> Result<(), CoreError> {
        conversation.epoch = merged.epoch;
        // This device came in anew, and this store knows nothing of it: a copy did.
        if let Committer::External { joiner } = &merged.change.committer
            && joiner.device == self.me()?.keys.id()
        {
            return self.used_elsewhere("it came into a conversation anew");
        }
        if merged.self_removed {
            return self.removed(conversation, merged);
        }
        self.refresh_membership(conversation)?;
        if let Some(before) = before {
            self.tell_changes(conversation, before, merged)?;
            self.note_former_editors(conversation, before)?;
        }
        self.settle_wishes(conversation)?;
        self.ask_on(conversation.id)?;
        self.room_was_made(conversation, &merged.change)?;
        self.check_details_author(conversation, &merged.change)?;
        if matches!(merged.change.committer, Committer::External { .. }) {
            self.want_resealed(conversation)?;
        } else {
            // The own one, too: it may have brought what stood before a change that was on its way.
            self.check_recent_details(conversation)?;
        }
        // A device that is listed nowhere, or no longer, is taken out at once, and nothing is
        // sealed before: who brings it may be in league with the hub.
        if self.brought_unlisted(&merged.change)? {
            meta::put(self.tx, &unlisted(conversation.id), &true)?;
            let delay = self.spread_ms(conversation.id, 100)?;
            self.want(conversation.id, "reconcile", delay)?;
        }
        Ok(())
    }

    /// This device was taken out.
    fn removed(
        &mut self,
        conversation: &mut Conversation,
        merged: &Merged,
    ) -> Result<(), CoreError> {
        if self.is_leaving(conversation.id)? {
            return self.close_left(conversation);
        }
        let me = self.me()?;
        // The app takes out who stayed away too long, and a revoked device could not read this:
        // back in, with what lies between as a gap.
        let stale = merged.change.removed.iter().any(|gone| {
            gone.device == me.keys.id() && merged.change.removed_by_app.contains(&gone.leaf)
        });
        if stale {
            return self.heal(conversation, "was_away");
        }
        let by = match &merged.change.committer {
            Committer::Member(member) | Committer::External { joiner: member } => {
                member.address.clone()
            }
            Committer::App => me.address.clone(),
        };
        self.insert_notice(conversation.id, &by, &me.keys.id(), "removed_you")?;
        self.tx.execute(
            "DELETE FROM wish WHERE conversation = ?1",
            [conversation.id],
        )?;
        self.saw_the_end(conversation)?;
        self.set_state(conversation, State::Left)
    }

    /// Whether there may be a leaf of a device that its account does not list: nothing is sealed
    /// for it.
    pub(crate) fn has_unlisted(&self, conversation: i64) -> Result<bool, CoreError> {
        Ok(meta::get(self.tx, &unlisted(conversation))?.unwrap_or(false))
    }

    /// All leaves are those of listed devices.
    pub(crate) fn all_listed(&mut self, conversation: i64) -> Result<(), CoreError> {
        meta::remove(self.tx, &unlisted(conversation))
    }

    /// Whether the commit gave a leaf to a device that its account does not list.
    fn brought_unlisted(&self, change: &Change) -> Result<bool, CoreError> {
        let joiner = match &change.committer {
            Committer::External { joiner } => Some(joiner),
            _ => None,
        };
        for member in change.added.iter().chain(joiner) {
            if let Some(list) = known_manifest(self.tx, &member.address)?
                && list.manifest.device(&member.device).is_none()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Copies members and the mark key of the new epoch out of the group.
    pub(crate) fn refresh_membership(
        &mut self,
        conversation: &mut Conversation,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let mut mls = self.groups.session(self.tx, &me.keys, &me.address);
        let members = mls.members(&id)?;
        let context = mls.context(&id)?;
        conversation.epoch = mls.epoch(&id)?;
        let key = comity_e2ee::marks::derive_key(&mut mls, &id)?;
        self.tx.execute(
            "INSERT OR REPLACE INTO mark_key (conversation, epoch, key) VALUES (?1, ?2, ?3)",
            (conversation.id, conversation.epoch, key.as_bytes()),
        )?;
        let oldest = i64::try_from(conversation.epoch).unwrap_or(i64::MAX)
            - i64::try_from(comity_wire::limits::EPOCHS_KEPT).unwrap_or(5);
        self.tx.execute(
            "DELETE FROM mark_key WHERE conversation = ?1 AND epoch < ?2",
            (conversation.id, oldest),
        )?;
        self.tx.execute(
            "UPDATE conversation SET epoch = ?2, permissions = ?3, link_key = ?4 WHERE id = ?1",
            (
                conversation.id,
                conversation.epoch,
                context.permissions.to_flags(),
                context.link_key,
            ),
        )?;
        let fresh = self.copy_members(conversation, &context, &members)?;
        self.note_members_since(conversation, &fresh)?;
        for address in fresh {
            if address != me.address {
                self.apply_expected(&address)?;
            }
        }
        self.look_at_promises();
        if me.self_conversation == Some(id.id) {
            self.settings_to_fresh(conversation)?;
        }
        self.early_marks(conversation)
    }

    /// Brings the table of members in line; gives the accounts of new rows. Only what differs is
    /// written: a large group has a thousand rows.
    fn copy_members(
        &mut self,
        conversation: &Conversation,
        context: &Context,
        members: &[Member],
    ) -> Result<BTreeSet<Address>, CoreError> {
        let since: BTreeMap<String, u64> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT address, min(since_seq) FROM member WHERE conversation = ?1 GROUP BY address",
            )?;
            statement
                .query_map([conversation.id], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?
        };
        let mut before: BTreeMap<Vec<u8>, (String, Vec<u8>, bool)> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT device, address, signature_key, admin FROM member WHERE conversation = ?1",
            )?;
            statement
                .query_map([conversation.id], |row| {
                    Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?)))
                })?
                .collect::<Result<_, _>>()?
        };
        let here: BTreeSet<Vec<u8>> = members.iter().map(|one| one.device.to_vec()).collect();
        if conversation.kind == proto::ConversationKind::Group as i32
            && before.keys().any(|device| !here.contains(device))
        {
            let last = conversation.next_seq.saturating_sub(1);
            crate::views::keep_reached(self.tx, conversation.id, last)?;
        }
        let admins = rules::acting_admins(context, members);
        let mut fresh = BTreeSet::new();
        let mut put = self.tx.prepare_cached(
            "INSERT OR REPLACE INTO member (conversation, device, address, signature_key, admin, since_seq) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for member in members {
            let device = member.device.to_vec();
            let row = (
                member.address.to_string(),
                member.signature_key.clone(),
                admins.contains(&member.address),
            );
            let known = before.remove(&device);
            if known.as_ref() == Some(&row) {
                continue;
            }
            if known.is_none() {
                fresh.insert(member.address.clone());
            }
            let since = since.get(&row.0).copied().unwrap_or(conversation.next_seq);
            put.execute((conversation.id, device, row.0, row.1, row.2, since))?;
        }
        let mut gone = self
            .tx
            .prepare_cached("DELETE FROM member WHERE conversation = ?1 AND device = ?2")?;
        for device in before.keys() {
            gone.execute((conversation.id, device))?;
        }
        if !before.is_empty() {
            self.tx.execute(
                "DELETE FROM member_since WHERE conversation = ?1
                     AND address NOT IN (SELECT address FROM member WHERE conversation = ?1)",
                [conversation.id],
            )?;
        }
        Ok(fresh)
    }

    /// Since when accounts are in a conversation: who was there before this device from the
    /// beginning, who comes later from the entry at hand on.
    fn note_members_since(
        &self,
        conversation: &Conversation,
        fresh: &BTreeSet<Address>,
    ) -> Result<(), CoreError> {
        let begun: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM member_since WHERE conversation = ?1)",
            [conversation.id],
            |row| row.get(0),
        )?;
        let since = if begun { conversation.next_seq } else { 0 };
        let mut insert = self.tx.prepare_cached(
            "INSERT OR IGNORE INTO member_since (conversation, address, seq) VALUES (?1, ?2, ?3)",
        )?;
        for address in fresh {
            insert.execute((conversation.id, address.to_string(), since))?;
        }
        Ok(())
    }

    /// Devices and accounts of a conversation.
    pub(crate) fn members(&self, conversation: i64) -> Result<Vec<(DeviceId, Address)>, CoreError> {
        let mut statement = self.tx.prepare_cached(
            "SELECT device, address FROM member WHERE conversation = ?1 ORDER BY device",
        )?;
        let rows = statement.query_map([conversation], |row| {
            Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?))
        })?;
        rows.map(|row| {
            let (device, address) = row?;
            Ok((
                DeviceId::from_slice(&device).map_err(|_| CoreError::Damaged("member"))?,
                address.parse().map_err(|_| CoreError::Damaged("member"))?,
            ))
        })
        .collect()
    }

    /// The app proposes to take a stale or revoked device out: some member commits it.
    pub(crate) fn proposal_entry(
        &mut self,
        conversation: &mut Conversation,
        entry: &proto::Entry,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        match self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .process_proposal(&id, &entry.body)
        {
            Ok(_) => {
                let delay = self.spread_ms(conversation.id, 100)?;
                self.want(conversation.id, "reconcile", delay)
            }
            Err(EngineError::Storage(error)) => Err(EngineError::Storage(error).into()),
            Err(EngineError::StaleEpoch) => Ok(()),
            Err(_) => {
                self.warn("proposal_refused", Some(conversation.id));
                Ok(())
            }
        }
    }
}

fn unlisted(conversation: i64) -> String {
    format!("unlisted/{conversation}")
}
