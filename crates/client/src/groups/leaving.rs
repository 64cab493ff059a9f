//! Leaving a group: say so, then ask the hub; some other member commits the removal.

use crate::CoreError;
use crate::conversations::{Conversation, Intent, State};
use crate::output::Event;
use crate::step::{Request, Step};
use comity_content::proto as said;
use comity_wire::proto::{self, ConversationKind, client_frame::Act};
use comity_wire::{Address, ErrorCode, WireError};

impl Step<'_> {
    pub(crate) fn leave_group(&mut self, conversation: i64) -> Result<(), CoreError> {
        let group = self.conversation(conversation)?;
        if group.kind != ConversationKind::Group as i32 {
            return Err(CoreError::Refused("this is not a group".into()));
        }
        match group.state {
            State::Left => return Ok(()),
            State::Creating => {
                self.tx
                    .execute("DELETE FROM conversation WHERE id = ?1", [group.id])?;
                self.event(Event::ConversationChanged { conversation });
                return Ok(());
            }
            _ => {}
        }
        self.tx
            .execute("DELETE FROM wish WHERE conversation = ?1", [group.id])?;
        let me = self.me()?;
        if let Some((context, _)) = self.group_now(&group)?
            && context.is_admin(&me.address)
        {
            self.wish(group.id, "resign", None, &[])?;
            self.want(group.id, "reconcile", 0)?;
        }
        self.want(group.id, "leave", 0)
    }

    /// The office is laid down, what was said is out: now the last word and the request.
    pub(crate) fn pursue_leave(
        &mut self,
        intent: &Intent,
        group: &Conversation,
    ) -> Result<(), CoreError> {
        if group.state == State::Left {
            return self.fulfilled(intent.id);
        }
        if !group.is_caught_up() {
            return Ok(());
        }
        let me = self.me()?;
        let alone = self
            .members(group.id)?
            .iter()
            .all(|(_, address)| *address == me.address);
        let resigns = self
            .wishes(group.id)?
            .iter()
            .any(|wish| wish.kind == "resign");
        if resigns && !alone {
            return Ok(());
        }
        let told: bool = self.tx.query_row(
            "SELECT leaving FROM conversation WHERE id = ?1",
            [group.id],
            |row| row.get(0),
        )?;
        if !told && !alone && self.may_say(group)? {
            self.tx.execute(
                "UPDATE conversation SET leaving = 1 WHERE id = ?1",
                [group.id],
            )?;
            return self.enqueue_hidden(group.id, said::content::Body::Left(said::Left {}));
        }
        let unsent: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM send_queue WHERE conversation = ?1)",
            [group.id],
            |row| row.get(0),
        )?;
        if unsent {
            return Ok(());
        }
        let (hub, conversation) = group.wire_log(self);
        self.request(
            Request::Leave { intent: intent.id },
            Act::Leave(proto::Leave { hub, conversation }),
        );
        Ok(())
    }

    /// The hub knows: nothing more comes from here.
    pub(crate) fn left(&mut self, intent: i64) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        self.fulfilled(intent)?;
        let mut group = self.conversation(row.conversation)?;
        self.close_left(&mut group)
    }

    pub(crate) fn leave_refused(
        &mut self,
        intent: i64,
        error: &WireError,
    ) -> Result<(), CoreError> {
        // Not in it any more is as good as left.
        if matches!(error.code, ErrorCode::NotMember | ErrorCode::NotFound) {
            return self.left(intent);
        }
        self.intent_refused(intent, error)
    }

    /// The own account is out by its own will.
    pub(crate) fn close_left(&mut self, group: &mut Conversation) -> Result<(), CoreError> {
        let me = self.me()?;
        self.tx.execute(
            "UPDATE conversation SET leaving = 1 WHERE id = ?1",
            [group.id],
        )?;
        self.tx
            .execute("DELETE FROM intent WHERE conversation = ?1", [group.id])?;
        self.tx
            .execute("DELETE FROM wish WHERE conversation = ?1", [group.id])?;
        self.tell_left(group, &me.address)?;
        self.set_state(group, State::Left)
    }

    /// The own account has said that it leaves, on this or another device.
    pub(crate) fn is_leaving(&self, conversation: i64) -> Result<bool, CoreError> {
        Ok(self.tx.query_row(
            "SELECT leaving FROM conversation WHERE id = ?1",
            [conversation],
            |row| row.get(0),
        )?)
    }

    /// `who` says that they leave. By their word alone nobody is out, so no line says so: it comes
    /// with the commit that takes them out. The own devices know by it that it is their person's will.
    pub(crate) fn says_left(
        &mut self,
        group: &Conversation,
        who: &Address,
    ) -> Result<(), CoreError> {
        if group.kind == ConversationKind::Group as i32 && *who == self.me()?.address {
            self.tx.execute(
                "UPDATE conversation SET leaving = 1 WHERE id = ?1",
                [group.id],
            )?;
        }
        Ok(())
    }

    /// One line a departure, once it is so.
    pub(super) fn tell_left(
        &mut self,
        group: &Conversation,
        who: &Address,
    ) -> Result<(), CoreError> {
        let told: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND author = ?2 AND kind = 'notice'
                 AND text = 'left' AND id > coalesce((SELECT max(id) FROM message
                     WHERE conversation = ?1 AND kind = 'notice' AND (text = 'added:' || ?2 OR (author = ?2 AND text = 'joined_by_link'))), 0))",
            (group.id, who.to_string()),
            |row| row.get(0),
        )?;
        if told {
            return Ok(());
        }
        self.group_notice(group.id, who, "left")
    }
}
