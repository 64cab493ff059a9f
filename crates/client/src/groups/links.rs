//! Invitation links: made and revoked by admins, and joined by.
//!
//! A link's public half is in the group's context, its seed in the sealed state: the two are wished
//! together. Always holds: a link is told only once its key is in the context.

use super::Wish;
use crate::conversations::{Conversation, State};
use crate::output::Event;
use crate::step::Step;
use crate::{CallError, CoreError};
use comity_e2ee::invitation::Invitation;
use comity_membership::rules::acts_as_admin;
use comity_wire::WireError;
use comity_wire::proto::ConversationKind;

impl Step<'_> {
    /// Makes an invitation link, in place of the one that there was.
    pub(crate) fn make_invitation(&mut self, conversation: i64) -> Result<(), CoreError> {
        let group = self.group(conversation)?;
        self.must_be_allowed(&group, acts_as_admin)?;
        let invitation = Invitation::generate(group.cid()?.clone(), self.random);
        self.wish(group.id, "link", None, &invitation.public_key())?;
        self.wish(group.id, "link_seed", None, invitation.seed())?;
        self.want(group.id, "reconcile", 0)?;
        self.want(group.id, "details", 500)
    }

    /// Makes the link worthless.
    pub(crate) fn revoke_invitation(&mut self, conversation: i64) -> Result<(), CoreError> {
        let group = self.group(conversation)?;
        self.must_be_allowed(&group, acts_as_admin)?;
        self.wish(group.id, "link", None, &[])?;
        self.wish(group.id, "link_seed", None, &[])?;
        self.want(group.id, "reconcile", 0)?;
        self.want(group.id, "details", 500)
    }

    /// Joins the group of a link.
    pub(crate) fn join_by_invitation(&mut self, link: &str) -> Result<(), CoreError> {
        self.me()?;
        let invitation: Invitation = link
            .parse()
            .map_err(|_| CoreError::Refused("this is not a whole invitation link".into()))?;
        let id = &invitation.conversation;
        let known = self.conversation_by_cid(id.hub.as_str(), id.id.as_bytes())?;
        let mut group = match known {
            Some(known) if known.is_active() => {
                self.event(Event::ConversationChanged {
                    conversation: known.id,
                });
                return Ok(());
            }
            Some(known) => known,
            None => self.insert_conversation(
                Some(id),
                ConversationKind::Group.into(),
                None,
                State::Rejoining,
            )?,
        };
        self.set_state(&mut group, State::Rejoining)?;
        self.tx.execute(
            "UPDATE conversation SET invitation = ?2, leaving = 0 WHERE id = ?1",
            (group.id, invitation.seed().as_slice()),
        )?;
        self.want(group.id, "rejoin", 0)
    }

    /// The invitation by which a conversation is being joined.
    pub(crate) fn joining_by(
        &self,
        conversation: &Conversation,
    ) -> Result<Option<Invitation>, CoreError> {
        let seed: Option<Vec<u8>> = self.tx.query_row(
            "SELECT invitation FROM conversation WHERE id = ?1",
            [conversation.id],
            |row| row.get(0),
        )?;
        let id = conversation.cid()?.clone();
        Ok(seed.and_then(|seed| Invitation::of_seed(id, &seed)))
    }

    /// The link is good for nothing: what was begun for it is undone.
    pub(crate) fn invitation_refused(
        &mut self,
        conversation: &Conversation,
        error: &WireError,
    ) -> Result<(), CoreError> {
        self.failed("join_by_invitation", &CallError::Refused(error.clone()));
        let had_been_here: bool = self.tx.query_row(
            "UPDATE conversation SET invitation = NULL WHERE id = ?1 RETURNING next_seq > 1",
            [conversation.id],
            |row| row.get(0),
        )?;
        if had_been_here {
            return self.shut_out(&mut conversation.clone());
        }
        self.tx
            .execute("DELETE FROM conversation WHERE id = ?1", [conversation.id])?;
        self.event(Event::ConversationChanged {
            conversation: conversation.id,
        });
        Ok(())
    }

    /// The link with this key is good from now on. Its seed may be in the details already.
    pub(super) fn tell_invitation(
        &mut self,
        group: &Conversation,
        key: &[u8],
        wishes: &[Wish],
    ) -> Result<(), CoreError> {
        let known = self.known_details(group.id)?;
        let known = known.iter().map(|known| &known.state.link_seed);
        let wished = wishes.iter().filter(|wish| wish.kind == "link_seed");
        let seeds = wished.map(|wish| &wish.value).chain(known);
        let id = group.cid()?;
        let mut links = seeds.filter_map(|seed| Invitation::of_seed(id.clone(), seed));
        if let Some(invitation) = links.find(|link| link.public_key()[..] == *key) {
            self.event(Event::Invitation {
                conversation: group.id,
                link: invitation.to_string(),
            });
        }
        Ok(())
    }
}
