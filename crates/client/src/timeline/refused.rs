//! Edits, deletions and reactions that this device shows before the hub has them.
//!
//! Always holds: what the line showed before is kept until the change has its place in the log; when
//! the change is refused the line shows that again, unless something else has become of it, and the
//! person is told. It goes with the line. Other devices are told of a line without it, since they see
//! the change where it has its place. Deliberately absent: trying again what was refused.

use super::mentions;
use crate::CoreError;
use crate::step::Step;
use comity_content::{Message as _, proto as said};
use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};

/// What a line showed, and what the own account thought of it.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Shown {
    pub(crate) text: String,
    /// Mentions, as a content carries them.
    mentions: Vec<u8>,
    pub(crate) edited: i64,
    pub(crate) deleted: bool,
    pub(crate) content: Vec<u8>,
    /// Franking key, sender nonce, header, seal.
    pub(crate) franking: [Option<Vec<u8>>; 4],
    pub(crate) reactions: Vec<Thought>,
}

/// A reaction.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Thought {
    pub(crate) author: String,
    pub(crate) emoji: String,
    pub(crate) at_ms: i64,
    expires_ms: Option<i64>,
}

/// What a change is about.
fn target(change: &said::Content) -> Option<&[u8]> {
    match &change.body {
        Some(said::content::Body::Edit(edit)) => Some(&edit.target),
        Some(said::content::Body::Deletion(deletion)) => Some(&deletion.target),
        Some(said::content::Body::Reaction(reaction)) => Some(&reaction.target),
        _ => None,
    }
}

impl Shown {
    /// Whom it mentions.
    pub(crate) fn mentions(&self) -> Result<Vec<said::Mention>, CoreError> {
        Ok(said::Content::decode(self.mentions.as_slice())
            .map_err(|_| CoreError::Damaged("mentions"))?
            .mentions)
    }

    fn own<'s>(&'s self, me: &'s str) -> impl Iterator<Item = &'s Thought> {
        self.reactions.iter().filter(move |one| one.author == me)
    }

    /// Whether this is how the line looks when `change` was made.
    fn is_after(&self, change: &said::Content, me: &str) -> bool {
        match &change.body {
            Some(said::content::Body::Edit(edit)) => !self.deleted && self.text == edit.text,
            Some(said::content::Body::Deletion(_)) => self.deleted,
            Some(said::content::Body::Reaction(reaction)) => {
                self.own(me).any(|one| one.emoji == reaction.emoji)
            }
            _ => false,
        }
    }

    /// The same without `change`, which was made when the line showed `before`.
    fn without(&self, change: &said::Content, before: &Self, me: &str) -> Self {
        let mut shown = self.clone();
        match &change.body {
            Some(said::content::Body::Edit(_)) => {
                shown.text.clone_from(&before.text);
                shown.mentions.clone_from(&before.mentions);
                shown.edited = before.edited;
            }
            Some(said::content::Body::Reaction(_)) => {
                shown.reactions.retain(|one| one.author != me);
                shown.reactions.extend(before.own(me).cloned());
            }
            _ => shown.clone_from(before),
        }
        shown
    }
}

impl Step<'_> {
    /// Remembers what a line shows now that a change is to be made of it.
    pub(super) fn before_change(
        &mut self,
        conversation: i64,
        change: &[u8],
        target: &[u8],
    ) -> Result<(), CoreError> {
        let Some(shown) = self.shown(conversation, target)? else {
            return Ok(());
        };
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO before_change (conversation, message_id, target, shown) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((conversation, change, target, encode(&shown)?))?;
        Ok(())
    }

    /// A change has its place in the log.
    pub(crate) fn change_stands(
        &mut self,
        conversation: i64,
        change: &[u8],
    ) -> Result<(), CoreError> {
        self.tx
            .prepare_cached(
                "DELETE FROM before_change WHERE conversation = ?1 AND message_id = ?2",
            )?
            .execute((conversation, change))?;
        Ok(())
    }

    /// A change will not be: the line shows what it showed before.
    pub(crate) fn change_refused(
        &mut self,
        conversation: i64,
        content: &[u8],
        code: &str,
    ) -> Result<(), CoreError> {
        let change =
            said::Content::decode(content).map_err(|_| CoreError::Damaged("queued content"))?;
        let before: Option<Vec<u8>> = self
            .tx
            .prepare_cached(
                "DELETE FROM before_change WHERE conversation = ?1 AND message_id = ?2 RETURNING shown",
            )?
            .query_row((conversation, &change.message_id), |row| row.get(0))
            .optional()?;
        let (Some(before), Some(target)) = (before, target(&change)) else {
            return Ok(());
        };
        let (before, me) = (decode(&before)?, self.me()?.address.to_string());
        // What is under way behind it began with what is now undone.
        for (later, shown) in self.changes_under_way(conversation, target)? {
            if shown.is_after(&change, &me) {
                let shown = shown.without(&change, &before, &me);
                self.tx.execute(
                    "UPDATE before_change SET shown = ?3 WHERE conversation = ?1 AND message_id = ?2",
                    (conversation, later, encode(&shown)?),
                )?;
            }
        }
        if let Some(now) = self.shown(conversation, target)?
            && now.is_after(&change, &me)
        {
            self.show(conversation, target, &now.without(&change, &before, &me))?;
        }
        self.refuse("send", code, "a change of a message was refused");
        Ok(())
    }

    /// What a line shows without the changes of it that are on their way: what the log makes of it, as
    /// far as this device has read.
    pub(crate) fn shown_by_log(
        &self,
        conversation: i64,
        target: &[u8],
    ) -> Result<Option<Shown>, CoreError> {
        let Some(mut shown) = self.shown(conversation, target)? else {
            return Ok(None);
        };
        // The newest one first: each was made of what the one before it led to.
        let mut statement = self.tx.prepare_cached(
            "SELECT q.content, b.shown FROM before_change b
                 JOIN send_queue q ON q.conversation = b.conversation AND q.message_id = b.message_id
             WHERE b.conversation = ?1 AND b.target = ?2 ORDER BY q.id DESC",
        )?;
        let me = self.me()?.address.to_string();
        let mut rows = statement.query((conversation, target))?;
        while let Some(row) = rows.next()? {
            let change = said::Content::decode(row.get::<_, Vec<u8>>(0)?.as_slice())
                .map_err(|_| CoreError::Damaged("queued content"))?;
            if shown.is_after(&change, &me) {
                shown = shown.without(&change, &decode(&row.get::<_, Vec<u8>>(1)?)?, &me);
            }
        }
        Ok(Some(shown))
    }

    fn changes_under_way(
        &self,
        conversation: i64,
        target: &[u8],
    ) -> Result<Vec<(Vec<u8>, Shown)>, CoreError> {
        let mut statement = self.tx.prepare_cached(
            "SELECT message_id, shown FROM before_change WHERE conversation = ?1 AND target = ?2",
        )?;
        let rows = statement.query_map((conversation, target), |row| {
            Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))
        })?;
        rows.map(|row| {
            let (change, shown) = row?;
            Ok((change, decode(&shown)?))
        })
        .collect()
    }

    fn shown(&self, conversation: i64, target: &[u8]) -> Result<Option<Shown>, CoreError> {
        let row = self
            .tx
            .prepare_cached(
                "SELECT text, edited, deleted, content, franking_key, sender_nonce, header, seal
                 FROM message WHERE conversation = ?1 AND message_id = ?2",
            )?
            .query_row((conversation, target), |row| {
                Ok(Shown {
                    text: row.get(0)?,
                    edited: row.get(1)?,
                    deleted: row.get(2)?,
                    content: row.get(3)?,
                    franking: [row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?],
                    ..Shown::default()
                })
            })
            .optional()?;
        let Some(mut shown) = row else {
            return Ok(None);
        };
        shown.mentions = said::Content {
            mentions: self.stored_mentions(conversation, target)?,
            ..Default::default()
        }
        .encode_to_vec();
        let mut statement = self.tx.prepare_cached(
            "SELECT author, emoji, at_ms, expires_ms FROM reaction WHERE conversation = ?1 AND target = ?2",
        )?;
        let rows = statement.query_map((conversation, target), |row| {
            Ok(Thought {
                author: row.get(0)?,
                emoji: row.get(1)?,
                at_ms: row.get(2)?,
                expires_ms: row.get(3)?,
            })
        })?;
        shown.reactions = rows.collect::<Result<_, _>>()?;
        Ok(Some(shown))
    }

    fn show(&mut self, conversation: i64, target: &[u8], shown: &Shown) -> Result<(), CoreError> {
        let [key, nonce, header, seal] = &shown.franking;
        self.tx.execute(
            "UPDATE message SET text = ?3, edited = ?4, deleted = ?5, content = ?6, franking_key = ?7, sender_nonce = ?8,
                 header = ?9, seal = ?10 WHERE conversation = ?1 AND message_id = ?2",
            rusqlite::params![
                conversation, target, shown.text, shown.edited, shown.deleted, shown.content, key, nonce, header, seal
            ],
        )?;
        let mentions = shown.mentions()?;
        mentions::store(self.tx, conversation, target, &shown.text, &mentions)?;
        self.tx.execute(
            "DELETE FROM reaction WHERE conversation = ?1 AND target = ?2",
            (conversation, target),
        )?;
        for one in &shown.reactions {
            self.tx.execute(
                "INSERT INTO reaction (conversation, target, author, emoji, at_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (conversation, target, &one.author, &one.emoji, one.at_ms, one.expires_ms),
            )?;
        }
        self.count_unread(conversation)?;
        self.item_changed(conversation, target)
    }
}

fn encode(shown: &Shown) -> Result<Vec<u8>, CoreError> {
    cbor4ii::serde::to_vec(Vec::new(), shown).map_err(|_| CoreError::Damaged("a line"))
}

fn decode(bytes: &[u8]) -> Result<Shown, CoreError> {
    cbor4ii::serde::from_slice(bytes).map_err(|_| CoreError::Damaged("a line"))
}
