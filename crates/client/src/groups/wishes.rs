//! Wishes: what a person wants of a conversation, kept until it is so or can not be.

use crate::conversations::Conversation;
use crate::step::Step;
use crate::{CallError, CoreError};
use comity_wire::{Address, WireError};
use rusqlite::OptionalExtension;

/// A row of `wish`.
pub(crate) struct Wish {
    pub(crate) id: i64,
    pub(crate) kind: String,
    pub(crate) target: Option<Address>,
    pub(crate) value: Vec<u8>,
}

impl Wish {
    /// Wishes about the sealed state; the others are about the group itself.
    const DETAILS: [&'static str; 5] = ["name", "description", "timer", "photo", "link_seed"];

    pub(crate) fn is_detail(&self) -> bool {
        Self::DETAILS.contains(&self.kind.as_str())
    }
}

impl Step<'_> {
    pub(crate) fn wish(
        &mut self,
        conversation: i64,
        kind: &str,
        target: Option<&Address>,
        value: &[u8],
    ) -> Result<(), CoreError> {
        let target = target.map(ToString::to_string).unwrap_or_default();
        // The newest word counts.
        let opposite = match kind {
            "add" => "remove",
            "remove" => "add",
            "admin" => "member",
            "member" => "admin",
            _ => "",
        };
        self.tx.execute(
            "DELETE FROM wish WHERE conversation = ?1 AND kind = ?2 AND target = ?3",
            (conversation, opposite, &target),
        )?;
        self.tx.execute(
            "INSERT OR REPLACE INTO wish (conversation, kind, target, value) VALUES (?1, ?2, ?3, ?4)",
            (conversation, kind, target, value),
        )?;
        Ok(())
    }

    pub(crate) fn wishes(&self, conversation: i64) -> Result<Vec<Wish>, CoreError> {
        let mut statement = self.tx.prepare_cached(
            "SELECT id, kind, target, value FROM wish WHERE conversation = ?1 ORDER BY id",
        )?;
        let rows = statement.query_map([conversation], |row| {
            Ok(Wish {
                id: row.get(0)?,
                kind: row.get(1)?,
                target: row.get::<_, String>(2)?.parse().ok(),
                value: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    pub(crate) fn wish_ended(&mut self, wish: i64) -> Result<(), CoreError> {
        self.tx.execute("DELETE FROM wish WHERE id = ?1", [wish])?;
        Ok(())
    }

    /// It can not be: the person is told.
    pub(crate) fn wish_failed(
        &mut self,
        wish: &Wish,
        code: &str,
        message: &str,
    ) -> Result<(), CoreError> {
        self.wish_ended(wish.id)?;
        let act = match wish.kind.as_str() {
            "add" => "add_members",
            "remove" => "remove_member",
            "admin" | "member" => "set_role",
            "permissions" => "set_permissions",
            "link" | "link_seed" => "make_invitation",
            _ => "set_group_details",
        };
        self.refuse(act, code, message);
        Ok(())
    }

    /// A wish to add `address` that its server refuses.
    pub(crate) fn addition_refused(
        &mut self,
        conversation: i64,
        address: &Address,
        error: &WireError,
    ) -> Result<bool, CoreError> {
        let gone: Option<i64> = self
            .tx
            .query_row(
                "DELETE FROM wish WHERE conversation = ?1 AND kind = 'add' AND target = ?2 RETURNING id",
                (conversation, address.to_string()),
                |row| row.get(0),
            )
            .optional()?;
        if gone.is_some() {
            self.failed("add_members", &CallError::Refused(error.clone()));
        }
        Ok(gone.is_some())
    }

    /// The hub refuses what a commit for these wishes asks for, and will again.
    pub(crate) fn wishes_refused(
        &mut self,
        conversation: &Conversation,
        error: &WireError,
    ) -> Result<(), CoreError> {
        for wish in self.wishes(conversation.id)? {
            if !wish.is_detail() {
                self.wish_failed(&wish, error.code.as_str(), &error.message)?;
            }
        }
        Ok(())
    }
}
