//! What a commit changed in a group, told in its timeline.
//!
//! Codes of the lines, with what stands behind the colon: `added:ADDRESS`, `removed:ADDRESS`,
//! `left`, `joined_by_link`, `admin:ADDRESS`, `member:ADDRESS`, `permissions:FLAGS`, `link_made`,
//! `link_revoked`. The line's author did it.

use crate::CoreError;
use crate::conversations::Conversation;
use crate::step::Step;
use comity_e2ee::engine::Merged;
use comity_membership::rules::acting_admins;
use comity_membership::{Committer, Context};
use comity_wire::Address;
use comity_wire::proto::ConversationKind;
use std::collections::BTreeSet;

/// A group before a commit.
pub(crate) struct Before {
    context: Context,
    accounts: BTreeSet<Address>,
    admins: BTreeSet<Address>,
}

impl Before {
    /// Whether everybody might change the details.
    pub(super) const fn may_all_edit(&self) -> bool {
        self.context.permissions.members_edit
    }

    /// Who might.
    pub(super) fn editors(&self) -> BTreeSet<Address> {
        if self.may_all_edit() {
            self.accounts.clone()
        } else {
            self.admins.clone()
        }
    }
}

/// Lines about people that one commit leaves at most; a lot of additions is told by its number.
const LINES_MAX: usize = 16;

impl Step<'_> {
    /// What is to be compared with after the merge; nothing for conversations that are no groups.
    pub(crate) fn before_commit(
        &mut self,
        conversation: &Conversation,
    ) -> Result<Option<Before>, CoreError> {
        if conversation.kind != ConversationKind::Group as i32 {
            return Ok(None);
        }
        Ok(self
            .group_now(conversation)?
            .map(|(context, members)| Before {
                admins: acting_admins(&context, &members),
                context,
                accounts: members.into_iter().map(|member| member.address).collect(),
            }))
    }

    /// Tells what is different now.
    pub(crate) fn tell_changes(
        &mut self,
        group: &Conversation,
        before: &Before,
        merged: &Merged,
    ) -> Result<(), CoreError> {
        let Some((context, members)) = self.group_now(group)? else {
            return Ok(());
        };
        let me = self.me()?;
        let now: BTreeSet<Address> = members.into_iter().map(|member| member.address).collect();
        let (by, from_outside) = match &merged.change.committer {
            Committer::Member(member) => (member.address.clone(), false),
            Committer::External { joiner } => (joiner.address.clone(), true),
            Committer::App => (me.address.clone(), false),
        };
        // In the order in which they were added.
        let mut joined: Vec<&Address> = Vec::new();
        let came = merged.change.added.iter().map(|one| &one.address);
        for one in came.chain(from_outside.then_some(&by)) {
            if !before.accounts.contains(one) && now.contains(one) && !joined.contains(&one) {
                joined.push(one);
            }
        }
        if from_outside && joined.contains(&&by) {
            self.group_notice(group.id, &by, "joined_by_link")?;
        } else if joined.len() > LINES_MAX {
            self.group_notice(group.id, &by, &format!("added_many:{}", joined.len()))?;
        } else {
            for one in &joined {
                self.group_notice(group.id, &by, &format!("added:{one}"))?;
            }
        }
        for one in &joined {
            if **one != me.address && !self.is_accepted(one)? {
                // Who is new does not know who the others are.
                self.introduce_to(group)?;
                break;
            }
        }
        let adder = match &merged.change.committer {
            Committer::Member(member) => Some(member.device),
            _ => None,
        };
        self.owe_history(group, adder, &joined)?;
        for gone in before.accounts.difference(&now) {
            let by_app = merged.change.removed.iter().any(|one| {
                one.address == *gone && merged.change.removed_by_app.contains(&one.leaf)
            });
            if by_app {
                self.tell_left(group, gone)?;
            } else if *gone != by {
                self.group_notice(group.id, &by, &format!("removed:{gone}"))?;
            }
        }
        self.tell_context(group, &by, &before.context, &context, &now)
    }

    fn tell_context(
        &mut self,
        group: &Conversation,
        by: &Address,
        before: &Context,
        after: &Context,
        members: &BTreeSet<Address>,
    ) -> Result<(), CoreError> {
        for member in members {
            if after.is_admin(member) && !before.is_admin(member) {
                self.group_notice(group.id, by, &format!("admin:{member}"))?;
            }
        }
        for member in members {
            if before.is_admin(member) && !after.is_admin(member) {
                self.group_notice(group.id, by, &format!("member:{member}"))?;
            }
        }
        if before.permissions != after.permissions {
            let flags = after.permissions.to_flags();
            self.group_notice(group.id, by, &format!("permissions:{flags}"))?;
        }
        if before.link_key != after.link_key {
            let what = if after.link_key.is_some() {
                "link_made"
            } else {
                "link_revoked"
            };
            self.group_notice(group.id, by, what)?;
        }
        Ok(())
    }
}
