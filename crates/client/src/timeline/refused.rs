//! Edits, deletions and reactions that this device shows before the hub has them.
//!
//! Always holds: what the line showed before is kept until the change has its place in the log. What
//! the log brings of the line meanwhile stands before the change, and goes there: the line goes on to
//! show the change. When the change is refused, or is too late, the line shows that again, unless
//! something else has become of it, and the person is told. It goes with the line. Other devices are told
//! of a line without it, since they see the change where it has its place. Deliberately absent: trying
//! again what was refused.

use super::arrived::Reaction;
use super::{Edited, mentions};
use crate::CoreError;
use crate::step::Step;
use comity_content::{Message as _, proto as said};
use comity_wire::limits;
use rusqlite::OptionalExtension as _;
use serde::{Deserialize, Serialize};

/// Why a change is refused that the log has, or would have, only after its window.
pub(crate) const TOO_LATE: &str = "too_late";

/// How long after a message was taken an edit of it counts, or a deletion, in milliseconds.
pub(super) const fn window_ms(is_edit: bool) -> i64 {
    if is_edit {
        limits::EDIT_WINDOW_MS
    } else {
        limits::DELETE_WINDOW_MS
    }
}

/// What of a line a change changes: changes of one part follow each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    /// By an edit or a deletion.
    Words,
    /// The own account's.
    Reaction,
}

impl Part {
    const fn of(change: &said::Content) -> Option<Self> {
        match &change.body {
            Some(said::content::Body::Edit(_) | said::content::Body::Deletion(_)) => {
                Some(Self::Words)
            }
            Some(said::content::Body::Reaction(_)) => Some(Self::Reaction),
            _ => None,
        }
    }
}

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
    /// The own account's; of what other devices are told, everybody's.
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

impl Thought {
    fn of(row: &rusqlite::Row<'_>) -> Result<Self, rusqlite::Error> {
        Ok(Self {
            author: row.get(0)?,
            emoji: row.get(1)?,
            at_ms: row.get(2)?,
            expires_ms: row.get(3)?,
        })
    }
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

    /// Whether this is how the line looks when `change` was made.
    fn is_after(&self, change: &said::Content) -> bool {
        match &change.body {
            Some(said::content::Body::Edit(edit)) => !self.deleted && self.text == edit.text,
            Some(said::content::Body::Deletion(_)) => self.deleted,
            Some(said::content::Body::Reaction(reaction)) => {
                self.reactions.iter().any(|one| one.emoji == reaction.emoji)
            }
            _ => false,
        }
    }

    /// Has a part from `before` again.
    fn take_back(&mut self, part: Part, before: Self) {
        if part == Part::Reaction {
            self.reactions = before.reactions;
            return;
        }
        self.text = before.text;
        self.mentions = before.mentions;
        self.edited = before.edited;
        if self.deleted && !before.deleted {
            self.deleted = false;
            self.content = before.content;
            // What the hub said of it since it was deleted here holds.
            for (now, was) in self.franking.iter_mut().zip(before.franking) {
                *now = was.or(now.take());
            }
        }
    }
}

impl Step<'_> {
    /// Remembers what a line shows now that a change is to be made of it; nothing of one that is deleted for
    /// all.
    pub(super) fn before_change(
        &mut self,
        conversation: i64,
        change: &[u8],
        target: &[u8],
    ) -> Result<(), CoreError> {
        let Some(shown) = self.shown(conversation, target)? else {
            return Ok(());
        };
        if shown.deleted && !self.may_come_back(conversation, target)? {
            return Ok(());
        }
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO before_change (conversation, message_id, target, shown) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute((conversation, change, target, encode(&shown)?))?;
        Ok(())
    }

    /// Whether a line that is deleted here is so only until the hub has answered.
    fn may_come_back(&self, conversation: i64, target: &[u8]) -> Result<bool, CoreError> {
        Ok(self
            .tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM before_change WHERE conversation = ?1 AND target = ?2)",
            )?
            .query_row((conversation, target), |row| row.get(0))?)
    }

    /// A change has its place in the log, and counts from there, unless that was too late for it. `queue`: its
    /// row in the send queue, and its content.
    pub(crate) fn change_in_place(
        &mut self,
        conversation: i64,
        queue: (i64, &[u8]),
        (seq, at_ms): (u64, i64),
    ) -> Result<(), CoreError> {
        let change =
            said::Content::decode(queue.1).map_err(|_| CoreError::Damaged("queued content"))?;
        // What is said for itself has nothing that it could be taken back to.
        if Part::of(&change).is_some() {
            if self.is_too_late(conversation, &change, at_ms)? {
                return self.change_refused(conversation, queue, TOO_LATE);
            }
            self.before_of(conversation, &change.message_id)?;
        }
        self.own_change_in_place(conversation, &change, (seq, at_ms))
    }

    /// Whether everybody refuses a change that the hub takes at `at_ms`. The time of a message begins when the
    /// hub has it.
    pub(crate) fn is_too_late(
        &self,
        conversation: i64,
        change: &said::Content,
        at_ms: i64,
    ) -> Result<bool, CoreError> {
        let (Some(target), Some(Part::Words)) = (target(change), Part::of(change)) else {
            return Ok(false);
        };
        let is_edit = matches!(change.body, Some(said::content::Body::Edit(_)));
        let written_ms: Option<i64> = self
            .tx
            .prepare_cached(
                "SELECT at_ms FROM message WHERE conversation = ?1 AND message_id = ?2 AND status <> 'queued'",
            )?
            .query_row((conversation, target), |row| row.get(0))
            .optional()?;
        Ok(written_ms
            .is_some_and(|written_ms| at_ms.saturating_sub(written_ms) > window_ms(is_edit)))
    }

    /// What a line showed before a change, which is forgotten with that.
    fn before_of(&self, conversation: i64, change: &[u8]) -> Result<Option<Shown>, CoreError> {
        let before: Option<Vec<u8>> = self
            .tx
            .prepare_cached(
                "DELETE FROM before_change WHERE conversation = ?1 AND message_id = ?2 RETURNING shown",
            )?
            .query_row((conversation, change), |row| row.get(0))
            .optional()?;
        before.map(|before| decode(&before)).transpose()
    }

    /// A change will not be: the line shows what it showed before. `queue`: the row that it had in the send
    /// queue, and its content.
    pub(crate) fn change_refused(
        &mut self,
        conversation: i64,
        queue: (i64, &[u8]),
        code: &str,
    ) -> Result<(), CoreError> {
        let change =
            said::Content::decode(queue.1).map_err(|_| CoreError::Damaged("queued content"))?;
        let before = self.before_of(conversation, &change.message_id)?;
        let (Some(before), Some(target), Some(part)) = (before, target(&change), Part::of(&change))
        else {
            return Ok(());
        };
        let behind = self.under_way(conversation, target, part, queue.0)?;
        if let Some((later, mut shown)) = behind {
            // What is under way behind it began with what is now undone.
            shown.take_back(part, before);
            self.keep_before(conversation, &later, &shown)?;
        } else if let Some(mut now) = self.shown(conversation, target)?
            && now.is_after(&change)
        {
            now.take_back(part, before);
            match part {
                Part::Words => self.show_words(conversation, target, &now)?,
                Part::Reaction => self.show_reaction(conversation, target, &now)?,
            }
        }
        let why = if code == TOO_LATE {
            "the time in which this message could be changed is over"
        } else {
            "a change of a message was refused"
        };
        self.refuse("send", code, why);
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
        for part in [Part::Words, Part::Reaction] {
            let first = self.under_way(conversation, target, part, i64::MIN)?;
            let Some((_, before)) = first else {
                continue;
            };
            // What the log has deleted is so, whatever is on its way.
            let stands = part == Part::Words
                && shown.deleted
                && !self.is_being_deleted(conversation, target)?;
            if !stands {
                shown.take_back(part, before);
            }
        }
        let me = self.me()?.address.to_string();
        shown.reactions.retain(|one| one.author == me);
        let mut statement = self.tx.prepare_cached(
            "SELECT author, emoji, at_ms, expires_ms FROM reaction WHERE conversation = ?1 AND target = ?2 AND author <> ?3",
        )?;
        let others = statement.query_map((conversation, target, me), Thought::of)?;
        for one in others {
            shown.reactions.push(one?);
        }
        Ok(Some(shown))
    }

    /// Whether a deletion of a line is on its way from here.
    fn is_being_deleted(&self, conversation: i64, target: &[u8]) -> Result<bool, CoreError> {
        let mut statement = self.tx.prepare_cached(
            "SELECT q.content FROM before_change b JOIN send_queue q ON q.conversation = b.conversation AND q.message_id = b.message_id
             WHERE b.conversation = ?1 AND b.target = ?2",
        )?;
        let mut rows = statement.query((conversation, target))?;
        while let Some(row) = rows.next()? {
            let content = said::Content::decode(row.get::<_, Vec<u8>>(0)?.as_slice())
                .map_err(|_| CoreError::Damaged("queued content"))?;
            if matches!(content.body, Some(said::content::Body::Deletion(_))) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The first change of this part of a line that is under way behind a row of the send queue, and what the
    /// line shows without it and those behind it.
    fn under_way(
        &self,
        conversation: i64,
        target: &[u8],
        part: Part,
        behind: i64,
    ) -> Result<Option<(Vec<u8>, Shown)>, CoreError> {
        let mut statement = self.tx.prepare_cached(
            "SELECT b.message_id, b.shown, q.content
             FROM before_change b JOIN send_queue q ON q.conversation = b.conversation AND q.message_id = b.message_id
             WHERE b.conversation = ?1 AND b.target = ?2 AND q.id > ?3 ORDER BY q.id",
        )?;
        let mut rows = statement.query((conversation, target, behind))?;
        while let Some(row) = rows.next()? {
            let content = said::Content::decode(row.get::<_, Vec<u8>>(2)?.as_slice())
                .map_err(|_| CoreError::Damaged("queued content"))?;
            if Part::of(&content) == Some(part) {
                let shown: Vec<u8> = row.get(1)?;
                return Ok(Some((row.get(0)?, decode(&shown)?)));
            }
        }
        Ok(None)
    }

    /// A text that the log has goes before a change that is under way; false when there is none.
    pub(super) fn retexted_before(
        &mut self,
        conversation: i64,
        target: &[u8],
        edited: Edited<'_>,
        edited_ms: i64,
    ) -> Result<bool, CoreError> {
        let first = self.under_way(conversation, target, Part::Words, i64::MIN)?;
        let Some((change, mut shown)) = first else {
            return Ok(false);
        };
        let is_text: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND message_id = ?2 AND kind = 'text')",
            (conversation, target),
            |row| row.get(0),
        )?;
        if !is_text {
            return Ok(false);
        }
        edited.text.clone_into(&mut shown.text);
        shown.mentions = encode_mentions(edited.mentions.to_vec());
        shown.edited = edited_ms;
        self.keep_before(conversation, &change, &shown)?;
        Ok(true)
    }

    /// The same of a reaction of the own account.
    pub(super) fn reacted_before(
        &mut self,
        conversation: i64,
        reaction: &Reaction,
        at_ms: i64,
        expires_ms: Option<i64>,
    ) -> Result<bool, CoreError> {
        let target = reaction.target.as_bytes();
        let first = self.under_way(conversation, target, Part::Reaction, i64::MIN)?;
        let Some((change, mut shown)) = first else {
            return Ok(false);
        };
        shown.reactions = vec![Thought {
            author: self.me()?.address.to_string(),
            emoji: reaction.emoji.clone(),
            at_ms,
            expires_ms,
        }];
        self.keep_before(conversation, &change, &shown)?;
        Ok(true)
    }

    fn keep_before(
        &mut self,
        conversation: i64,
        change: &[u8],
        shown: &Shown,
    ) -> Result<(), CoreError> {
        self.tx
            .prepare_cached(
                "UPDATE before_change SET shown = ?3 WHERE conversation = ?1 AND message_id = ?2",
            )?
            .execute((conversation, change, encode(shown)?))?;
        Ok(())
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
        shown.mentions = encode_mentions(self.stored_mentions(conversation, target)?);
        let me = self.me()?.address.to_string();
        let mut statement = self.tx.prepare_cached(
            "SELECT author, emoji, at_ms, expires_ms FROM reaction WHERE conversation = ?1 AND target = ?2 AND author = ?3",
        )?;
        let rows = statement.query_map((conversation, target, me), Thought::of)?;
        shown.reactions = rows.collect::<Result<_, _>>()?;
        Ok(Some(shown))
    }

    fn show_words(
        &mut self,
        conversation: i64,
        target: &[u8],
        shown: &Shown,
    ) -> Result<(), CoreError> {
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
        // The hub may have taken it while it was deleted here: then its time has begun.
        let sent_ms: Option<i64> = self
            .tx
            .query_row(
                "SELECT at_ms FROM message WHERE conversation = ?1 AND message_id = ?2 AND status = 'sent' AND expires_ms IS NULL",
                (conversation, target),
                |row| row.get(0),
            )
            .optional()?;
        if let Some(sent_ms) = sent_ms {
            self.begin_expiry(conversation, target, sent_ms)?;
        }
        self.count_unread(conversation)?;
        self.item_changed(conversation, target)
    }

    fn show_reaction(
        &mut self,
        conversation: i64,
        target: &[u8],
        shown: &Shown,
    ) -> Result<(), CoreError> {
        let me = self.me()?.address.to_string();
        self.tx.execute(
            "DELETE FROM reaction WHERE conversation = ?1 AND target = ?2 AND author = ?3",
            (conversation, target, &me),
        )?;
        // An older program kept those of everybody.
        for one in shown.reactions.iter().filter(|one| one.author == me) {
            self.tx.execute(
                "INSERT INTO reaction (conversation, target, author, emoji, at_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                (conversation, target, &one.author, &one.emoji, one.at_ms, one.expires_ms),
            )?;
        }
        self.item_changed(conversation, target)
    }
}

fn encode_mentions(mentions: Vec<said::Mention>) -> Vec<u8> {
    said::Content {
        mentions,
        ..Default::default()
    }
    .encode_to_vec()
}

fn encode(shown: &Shown) -> Result<Vec<u8>, CoreError> {
    cbor4ii::serde::to_vec(Vec::new(), shown).map_err(|_| CoreError::Damaged("a line"))
}

fn decode(bytes: &[u8]) -> Result<Shown, CoreError> {
    cbor4ii::serde::from_slice(bytes).map_err(|_| CoreError::Damaged("a line"))
}
