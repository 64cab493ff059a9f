//! Whose word the sealed state is, and whether it may stand.
//!
//! A document is judged by the group as it is now: its author may change details, and its device
//! has a leaf, or had one by its account's list; or by the group as it was when this device looked
//! last: who set something and left the office before everybody had it is believed. Always holds:
//! who holds a document whose author is gone or may no longer shows it on, but nobody who comes
//! takes it, save a sole admin who has none; the first editor who sees that says the same in the own
//! name. Deliberately absent: reading and putting documents (`details`).

use crate::CoreError;
use crate::contacts::known_manifest;
use crate::conversations::Conversation;
use crate::groups::changes::Before;
use crate::step::Step;
use comity_e2ee::group_state::{self, VerifiedState};
use comity_membership::rules::{acting_admins, may_edit_details};
use comity_membership::{Change, Committer, Member};
use comity_wire::proto::ConversationKind;
use comity_wire::{Address, DeviceId};
use std::collections::BTreeSet;

/// Editors who would say the same anew do not all do so at once.
const SPREAD_MS: i64 = 50;

impl Step<'_> {
    /// Whether this account may change the details.
    pub(super) fn may_edit(&mut self, conversation: &Conversation) -> Result<bool, CoreError> {
        let me = self.me()?;
        let now = self.group_now(conversation)?;
        Ok(now.is_none_or(|(context, members)| may_edit_details(&context, &members, &me.address)))
    }

    /// Whether somebody's device could say what a document says, now.
    pub(super) fn may_stand(
        &mut self,
        conversation: &Conversation,
        author: &Address,
        device: &DeviceId,
    ) -> Result<bool, CoreError> {
        let Some((context, members)) = self.group_now(conversation)? else {
            return Ok(false);
        };
        let here = members.iter().any(|member| member.address == *author);
        if !here || !may_edit_details(&context, &members, author) {
            return Ok(false);
        }
        if has_leaf(&members, author, device) {
            return Ok(true);
        }
        // One that the account had: its signature is as good as it was.
        self.had_device(author, device)
    }

    /// Notes who lost the right by a commit: what they said before, this device may not have yet.
    pub(crate) fn note_former_editors(
        &mut self,
        conversation: &Conversation,
        before: &Before,
    ) -> Result<(), CoreError> {
        let Some((context, members)) = self.group_now(conversation)? else {
            return Ok(());
        };
        let accounts: BTreeSet<&Address> = members.iter().map(|member| &member.address).collect();
        let admins = acting_admins(&context, &members);
        let may_still = |address: &Address| {
            accounts.contains(address)
                && (context.permissions.members_edit || admins.contains(address))
        };
        let editors = before.editors().into_iter();
        let former: Vec<Address> = editors.filter(|address| !may_still(address)).collect();
        for address in &former {
            self.tx.execute(
                "INSERT OR IGNORE INTO former_editor (conversation, address) VALUES (?1, ?2)",
                (conversation.id, address.to_string()),
            )?;
        }
        // Where all may, a word of one who is gone is no more than anybody's.
        if !former.is_empty() && !before.may_all_edit() {
            let delay = self.spread_ms(conversation.id, SPREAD_MS)?;
            self.want(conversation.id, "details", delay)?;
        }
        Ok(())
    }

    /// What the hub has was seen as the group is now: who lost the right says nothing any more.
    pub(super) fn looked_at_details(&mut self, conversation: i64) -> Result<(), CoreError> {
        self.tx
            .prepare_cached("DELETE FROM former_editor WHERE conversation = ?1")?
            .execute([conversation])?;
        Ok(())
    }

    /// Whether the author might say a document since this device looked last, by a device of theirs.
    pub(super) fn might_say_lately(
        &mut self,
        conversation: &Conversation,
        said: &VerifiedState,
    ) -> Result<bool, CoreError> {
        let lately: bool = self
            .tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM former_editor WHERE conversation = ?1 AND address = ?2)",
            )?
            .query_row((conversation.id, said.author.to_string()), |row| row.get(0))?;
        Ok(lately && self.had_device(&said.author, &said.device)?)
    }

    fn had_device(&self, author: &Address, device: &DeviceId) -> Result<bool, CoreError> {
        Ok(known_manifest(self.tx, author)?.is_some_and(|list| {
            list.manifest.device(device).is_some() || list.manifest.revoked.contains(device)
        }))
    }

    /// Whether this account alone may change the details: then nobody but it can say anew what one
    /// left who may no longer.
    pub(super) fn is_the_only_editor(
        &mut self,
        conversation: &Conversation,
    ) -> Result<bool, CoreError> {
        let Some((context, members)) = self.group_now(conversation)? else {
            return Ok(false);
        };
        let admins = acting_admins(&context, &members);
        Ok(admins.len() == 1 && admins.contains(&self.me()?.address))
    }

    /// Whether the document that this device knows may stand now.
    pub(super) fn vouched_for(&mut self, conversation: &Conversation) -> Result<bool, CoreError> {
        match self.known_author(conversation)? {
            Some(known) => self.may_stand(conversation, &known.author, &known.device),
            None => Ok(false),
        }
    }

    /// Whether the document that this device knows is by nobody who is here and may say it now.
    pub(super) fn is_orphaned(&mut self, conversation: &Conversation) -> Result<bool, CoreError> {
        let Some(known) = self.known_author(conversation)? else {
            // None, or one that nobody takes any more.
            return Ok(self.known_details(conversation.id)?.is_some());
        };
        let Some((context, members)) = self.group_now(conversation)? else {
            return Ok(false);
        };
        Ok(!has_leaf(&members, &known.author, &known.device)
            || !may_edit_details(&context, &members, &known.author))
    }

    fn known_author(
        &self,
        conversation: &Conversation,
    ) -> Result<Option<VerifiedState>, CoreError> {
        let Some(known) = self.known_details(conversation.id)? else {
            return Ok(None);
        };
        Ok(group_state::verify(conversation.cid()?, &known.document).ok())
    }

    /// Whether this account acts as an admin of the group.
    pub(super) fn is_acting_admin(&self, conversation: i64) -> Result<bool, CoreError> {
        let own = self.me()?.address.to_string();
        Ok(self
            .tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM member WHERE conversation = ?1 AND address = ?2 AND admin = 1)",
            )?
            .query_row((conversation, own), |row| row.get(0))?)
    }

    /// After a commit: the author of the details may have gone by it, or lost the right; who adds
    /// somebody gives them the details, which one who may not change them could have made up; and
    /// with each commit come details for who has none yet.
    pub(crate) fn check_details_author(
        &mut self,
        conversation: &Conversation,
        change: &Change,
    ) -> Result<(), CoreError> {
        let shifted = !change.removed.is_empty() || change.context_after.is_some();
        let by_another = match &change.committer {
            Committer::Member(member) => Some(&member.address),
            _ => None,
        };
        let lacks = conversation.kind == ConversationKind::Group as i32
            && self.known_details(conversation.id)?.is_none();
        let given = !change.added.is_empty()
            && self.is_acting_admin(conversation.id)?
            && match (by_another, self.group_now(conversation)?) {
                (Some(by), Some((context, members))) => !may_edit_details(&context, &members, by),
                _ => false,
            };
        if lacks
            || given
            || (shifted && self.is_orphaned(conversation)? && self.may_edit(conversation)?)
        {
            let delay = self.spread_ms(conversation.id, SPREAD_MS)?;
            self.want(conversation.id, "details", delay)?;
        }
        Ok(())
    }
}

fn has_leaf(members: &[Member], author: &Address, device: &DeviceId) -> bool {
    members
        .iter()
        .any(|member| member.device == *device && member.address == *author)
}
