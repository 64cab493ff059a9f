//! Making a conversation at its hub, and finding that it is there already.

use super::intents::{Intent, made_anew};
use super::{Conversation, State};
use crate::CoreError;
use crate::groups::permissions_of;
use crate::step::{Request, Step};
use crate::store::meta;
use comity_membership::{Context, Role};
use comity_wire::proto::{self, ConversationKind, client_frame::Act};
use comity_wire::{ConversationId, Id16};

impl Step<'_> {
    pub(super) fn pursue_create(
        &mut self,
        intent: &Intent,
        mut conversation: Conversation,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        if conversation.conversation.is_none() {
            let id = ConversationId::new(me.address.app.clone(), Id16::random(self.random));
            self.tx.execute(
                "UPDATE conversation SET hub = ?2, cid = ?3 WHERE id = ?1",
                (conversation.id, id.hub.as_str(), id.id.to_vec()),
            )?;
            conversation.conversation = Some(id);
        }
        let id = conversation.cid()?.clone();
        let kind =
            ConversationKind::try_from(conversation.kind).unwrap_or(ConversationKind::Direct);
        let mut mls = self.groups.session(self.tx, &me.keys, &me.address);
        // The hub may have taken it, and the answer was lost: what it has is this group, and no
        // other that is made in its place.
        let group = if mls.has(&id)? {
            mls.made(&id)?
        } else {
            let context = self.first_context(&conversation)?;
            let mut mls = self.groups.session(self.tx, &me.keys, &me.address);
            mls.create(&id, &context)?
        };
        let peer = conversation.peer.clone();
        self.request(
            Request::Create { intent: intent.id },
            Act::CreateConversation(proto::CreateConversation {
                conversation: id.id.to_vec(),
                kind: kind.into(),
                group_info: group.group_info,
                ratchet_tree: group.ratchet_tree,
                peer_app: peer
                    .as_ref()
                    .map(|peer| peer.app.to_string())
                    .unwrap_or_default(),
                peer_account: peer.map(|peer| peer.account.to_vec()).unwrap_or_default(),
            }),
        );
        Ok(())
    }

    /// The context that a conversation begins with.
    fn first_context(&self, conversation: &Conversation) -> Result<Context, CoreError> {
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let kind =
            ConversationKind::try_from(conversation.kind).unwrap_or(ConversationKind::Direct);
        let roles = match (kind, &conversation.peer) {
            (ConversationKind::Group, _) => [(me.address.clone(), Role::Admin)].into(),
            (_, Some(peer)) => Context::direct_roles(&me.address, peer),
            (_, None) => Context::self_roles(&me.address),
        };
        let mut context = Context::new(id, kind, &me.app_key, roles);
        if kind == ConversationKind::Group {
            let wished = self.wishes(conversation.id)?;
            let wished = wished.iter().find(|wish| wish.kind == "permissions");
            context.permissions = wished
                .and_then(|wish| permissions_of(&wish.value))
                .unwrap_or_default();
        }
        Ok(context)
    }

    pub(crate) fn created(
        &mut self,
        intent: i64,
        created: &proto::Created,
    ) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        let mut conversation = self.conversation(row.conversation)?;
        let id = conversation.cid()?.clone();
        let existing = match created.existing.as_slice() {
            [] => id.id,
            bytes => match Id16::from_slice(bytes) {
                Ok(existing) => existing,
                Err(_) => {
                    self.warn("server_confused", Some(conversation.id));
                    return self.try_later(&row);
                }
            },
        };
        self.fulfilled(intent)?;
        meta::remove(self.tx, &made_anew(conversation.id))?;
        if existing == id.id {
            self.set_state(&mut conversation, State::Active)?;
            self.refresh_membership(&mut conversation)?;
            self.save_position(&conversation)?;
            // Another own device may have come in before the answer did.
            self.read_further(&conversation);
            if conversation.kind == ConversationKind::Group as i32 {
                self.settle_wishes(&conversation)?;
                self.want(conversation.id, "details", 0)?;
            }
            if let Some(peer) = conversation.peer.clone() {
                self.share_profile(&conversation)?;
                self.fetch_profile(&peer)?;
            }
            return self.want(conversation.id, "reconcile", 0);
        }
        // Another own device, or the other person, was faster: join what there is.
        let me = self.me()?;
        self.groups
            .session(self.tx, &me.keys, &me.address)
            .delete(&id)?;
        if conversation.kind == ConversationKind::Self_ as i32 {
            self.change_me(|me| me.self_conversation = Some(existing))?;
        }
        if let Some(mut known) = self.conversation_by_cid(id.hub.as_str(), existing.as_bytes())? {
            self.absorb(&conversation, &mut known)?;
            return Ok(());
        }
        self.tx.execute(
            "UPDATE conversation SET cid = ?2 WHERE id = ?1",
            (conversation.id, existing.to_vec()),
        )?;
        self.set_state(&mut conversation, State::Rejoining)?;
        self.want(conversation.id, "rejoin", 3_000)
    }

    /// Two rows turned out to be one conversation: what waited in `from` goes on in `into`.
    pub(super) fn absorb(
        &mut self,
        from: &Conversation,
        into: &mut Conversation,
    ) -> Result<(), CoreError> {
        let peer = from.peer.clone().or(into.peer.clone());
        self.tx.execute(
            "UPDATE OR IGNORE message SET conversation = ?2 WHERE conversation = ?1",
            (from.id, into.id),
        )?;
        self.tx.execute(
            "UPDATE send_queue SET conversation = ?2 WHERE conversation = ?1",
            (from.id, into.id),
        )?;
        self.tx.execute(
            "UPDATE OR IGNORE before_change SET conversation = ?2 WHERE conversation = ?1",
            (from.id, into.id),
        )?;
        self.tx.execute(
            "UPDATE transfer SET conversation = ?2 WHERE conversation = ?1",
            (from.id, into.id),
        )?;
        self.tx.execute(
            "UPDATE conversation SET (draft, draft_quote) = (SELECT draft, draft_quote FROM conversation WHERE id = ?1)
             WHERE id = ?2 AND draft = '' AND draft_quote IS NULL",
            (from.id, into.id),
        )?;
        self.tx
            .execute("DELETE FROM conversation WHERE id = ?1", [from.id])?;
        self.tx.execute(
            "UPDATE conversation SET peer = ?2 WHERE id = ?1",
            (into.id, peer.as_ref().map(ToString::to_string)),
        )?;
        into.peer = peer;
        for conversation in [from.id, into.id] {
            self.event(crate::Event::ConversationChanged { conversation });
        }
        Ok(())
    }
}
