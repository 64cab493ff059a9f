//! Leaving a group: say so, then ask the hub; some other member commits the removal.

use super::Wish;
use crate::conversations::{Conversation, Intent, State};
use crate::output::Event;
use crate::step::{Request, Step};
use crate::{Core, CoreError};
use comity_content::proto as said;
use comity_e2ee::group_state;
use comity_wire::proto::{self, ConversationKind, client_frame::Act};
use comity_wire::{Address, ErrorCode, UnixMs, WireError};
use rusqlite::{Connection, OptionalExtension};

/// Time that the others have to take what was changed last.
const LAST_WORD_MS: i64 = 5_000;

impl Core {
    /// Who becomes the admin of a group when this account leaves it: nobody where it is no admin, or
    /// another one stays.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn heir(&self, conversation: i64) -> Result<Option<Address>, CoreError> {
        let own = self.own_address()?;
        let sole: bool = self
            .store()
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM member WHERE conversation = ?1 AND admin AND address = ?2)
                     AND NOT EXISTS (SELECT 1 FROM member WHERE conversation = ?1 AND admin AND address <> ?2)",
            )?
            .query_row((conversation, own.to_string()), |row| row.get(0))?;
        if sole {
            heir(self.store(), conversation, &own)
        } else {
            Ok(None)
        }
    }

    fn own_address(&self) -> Result<Address, CoreError> {
        crate::account::Me::load_address(self.store())?
            .parse()
            .map_err(|_| CoreError::Damaged("address"))
    }
}

/// Who takes the office over when the only admin, `own`, goes: who has been there longest, as far as
/// this device knows; of several one who is verified, else who agreed to talk; and who is blocked
/// only where there is nobody else.
pub(super) fn heir(
    store: &Connection,
    conversation: i64,
    own: &Address,
) -> Result<Option<Address>, CoreError> {
    let found: Option<String> = store
        .prepare_cached(
            "SELECT m.address FROM member m
             LEFT JOIN member_since s ON s.conversation = m.conversation AND s.address = m.address
             LEFT JOIN contact c ON c.address = m.address
             WHERE m.conversation = ?1 AND m.address <> ?2 GROUP BY m.address
             ORDER BY coalesce(c.blocked, 0), coalesce(s.seq, 0),
                 CASE WHEN c.verified_root = c.root_key THEN 0 WHEN c.accepted = 1 THEN 1 ELSE 2 END, m.address
             LIMIT 1",
        )?
        .query_row((conversation, own.to_string()), |row| row.get(0))
        .optional()?;
    found
        .map(|address| address.parse().map_err(|_| CoreError::Damaged("member")))
        .transpose()
}

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
        // What was changed a moment ago is put before the right to do it goes.
        for wish in self.wishes(group.id)? {
            if wish.is_detail() {
                self.want(group.id, "details", 0)?;
            } else {
                self.wish_ended(wish.id)?;
            }
        }
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
        let wishes = self.wishes(group.id)?;
        if wishes.iter().any(Wish::is_detail) && !alone {
            return Ok(());
        }
        if let Some(until) = self.last_word_until(group)?.filter(|_| !alone) {
            self.tx.execute(
                "UPDATE intent SET not_before_ms = ?2 WHERE id = ?1",
                (intent.id, until),
            )?;
            self.wake(until);
            return Ok(());
        }
        if wishes.iter().any(|wish| wish.kind == "resign") && !alone {
            return self.want_if_not_wanted(group.id, "reconcile");
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
        if self.has_unsent(group.id)? {
            return Ok(());
        }
        let (hub, conversation) = group.wire_log(self);
        self.request(
            Request::Leave { intent: intent.id },
            Act::Leave(proto::Leave { hub, conversation }),
        );
        Ok(())
    }

    /// Until when the own office is kept after details that this account changed: who has not seen them
    /// by the time that it goes takes them from nobody.
    pub(super) fn last_word_until(
        &self,
        group: &Conversation,
    ) -> Result<Option<UnixMs>, CoreError> {
        let changed_ms: i64 = self.tx.query_row(
            "SELECT details_ms FROM conversation WHERE id = ?1",
            [group.id],
            |row| row.get(0),
        )?;
        let until = changed_ms.saturating_add(LAST_WORD_MS);
        if until <= self.now || changed_ms > self.now {
            return Ok(None);
        }
        let Some(known) = self.known_details(group.id)? else {
            return Ok(None);
        };
        let verified = group_state::verify(group.cid()?, &known.document);
        let own =
            verified.is_ok_and(|verified| self.me().is_ok_and(|me| verified.author == me.address));
        Ok(own.then_some(until))
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
        self.saw_the_end(group)?;
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
