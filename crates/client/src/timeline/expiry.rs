//! Disappearing messages: what a conversation's timer takes away again.
//!
//! A message says itself how long it stays, counted from when the hub took it; a clock that is
//! behind the hub's counts from its arrival. Always holds: once its time is over, nothing of it is
//! left on this device (text, keys of its file, words of the search, reactions, what quotes it,
//! changes that wait), whether the device was on or not, and nothing brings it back. Deliberately
//! absent: files that a person saved to a place of their own.

use crate::CoreError;
use crate::conversations::Conversation;
use crate::output::Event;
use crate::step::Step;
use comity_content::{Message as _, proto as said};
use comity_wire::{MessageId, UnixMs};
use rusqlite::OptionalExtension;

impl Step<'_> {
    /// How long what is said there stays; 0: it stays.
    pub(super) fn timer_s(&self, conversation: &Conversation) -> Result<u32, CoreError> {
        Ok(self
            .tx
            .prepare_cached("SELECT timer_s FROM conversation WHERE id = ?1")?
            .query_row([conversation.id], |row| row.get(0))?)
    }

    /// How long a message stays that something is said about.
    pub(crate) fn timer_of(&self, conversation: i64, message_id: &[u8]) -> Result<u32, CoreError> {
        Ok(self
            .stored_content(conversation, message_id)?
            .map_or(0, |content| content.expires_after_s))
    }

    /// When what the hub took at `at_ms` is over; absent when it stays.
    pub(crate) fn expiry(&self, expires_after_s: u32, at_ms: UnixMs) -> Option<UnixMs> {
        (expires_after_s > 0).then(|| at_ms.min(self.now) + i64::from(expires_after_s) * 1_000)
    }

    /// The hub has an own message: its time begins.
    pub(super) fn begin_expiry(
        &mut self,
        conversation: i64,
        message_id: &[u8],
        at_ms: UnixMs,
    ) -> Result<(), CoreError> {
        let timer_s = self.timer_of(conversation, message_id)?;
        if let Some(expires_ms) = self.expiry(timer_s, at_ms) {
            self.tx.execute(
                "UPDATE message SET expires_ms = ?3 WHERE conversation = ?1 AND message_id = ?2",
                (conversation, message_id, expires_ms),
            )?;
        }
        Ok(())
    }

    /// Takes away whatever is over.
    pub(crate) fn expire(&mut self) -> Result<(), CoreError> {
        let any: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message WHERE expires_ms <= ?1)
                 OR EXISTS (SELECT 1 FROM reaction WHERE expires_ms <= ?1)
                 OR EXISTS (SELECT 1 FROM amendment WHERE expires_ms <= ?1)",
            [self.now],
            |row| row.get(0),
        )?;
        if !any {
            return Ok(());
        }
        let over: Vec<(i64, Vec<u8>)> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT conversation, message_id FROM message WHERE expires_ms <= ?1 ORDER BY expires_ms",
            )?;
            statement
                .query_map([self.now], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?
        };
        let mut touched: Vec<i64> = over.iter().map(|(conversation, _)| *conversation).collect();
        touched.dedup();
        for (conversation, message_id) in over {
            self.vanish(conversation, &message_id)?;
        }
        for conversation in touched {
            self.count_unread(conversation)?;
        }
        for table in ["reaction", "amendment"] {
            self.tx
                .prepare_cached(&format!("DELETE FROM {table} WHERE expires_ms <= ?1"))?
                .execute([self.now])?;
        }
        Ok(())
    }

    /// Asks to be woken when the next message is over.
    pub(crate) fn wake_for_expiry(&mut self) -> Result<(), CoreError> {
        let next: Option<UnixMs> = self
            .tx
            .prepare_cached("SELECT min(expires_ms) FROM message WHERE expires_ms IS NOT NULL")?
            .query_row([], |row| row.get(0))?;
        if let Some(next) = next {
            self.wake(next);
        }
        Ok(())
    }

    fn vanish(&mut self, conversation: i64, message_id: &[u8]) -> Result<(), CoreError> {
        let content: Option<Vec<u8>> = self
            .tx
            .query_row(
                "DELETE FROM message WHERE conversation = ?1 AND message_id = ?2 RETURNING content",
                (conversation, message_id),
                |row| row.get(0),
            )
            .optional()?;
        for (table, column) in [
            ("mention", "message_id"),
            ("reaction", "target"),
            ("amendment", "target"),
            ("before_change", "target"),
        ] {
            self.tx.execute(
                &format!("DELETE FROM {table} WHERE conversation = ?1 AND {column} = ?2"),
                (conversation, message_id),
            )?;
        }
        let transfers: Vec<i64> = {
            let mut statement = self.tx.prepare(
                "DELETE FROM transfer WHERE conversation = ?1 AND message_id = ?2 RETURNING id",
            )?;
            statement
                .query_map((conversation, message_id), |row| row.get(0))?
                .collect::<Result<_, _>>()?
        };
        for transfer in transfers {
            self.mem.transfers.remove(&transfer);
        }
        let content = said::Content::decode(content.unwrap_or_default().as_slice());
        if let Some(said::content::Body::Attachment(file)) = content.unwrap_or_default().body {
            self.tx
                .execute("DELETE FROM lease WHERE blob = ?1", [file.blob])?;
        }
        self.drop_unsent_about(conversation, message_id)?;
        self.blank_quotes(conversation, message_id)?;
        if let Ok(message) = MessageId::from_slice(message_id) {
            self.event(Event::Expired {
                conversation,
                message,
            });
        }
        Ok(())
    }

    /// Edits of it and reactions to it that have not left.
    fn drop_unsent_about(&mut self, conversation: i64, target: &[u8]) -> Result<(), CoreError> {
        let waiting: Vec<(i64, Vec<u8>)> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT id, content FROM send_queue WHERE conversation = ?1 AND body IS NULL",
            )?;
            statement
                .query_map([conversation], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?
        };
        for (id, content) in waiting {
            let content = said::Content::decode(content.as_slice()).unwrap_or_default();
            let about = match &content.body {
                Some(said::content::Body::Edit(edit)) => &edit.target,
                Some(said::content::Body::Reaction(reaction)) => &reaction.target,
                Some(said::content::Body::Deletion(deletion)) => &deletion.target,
                _ => continue,
            };
            if about == target {
                self.tx
                    .execute("DELETE FROM send_queue WHERE id = ?1", [id])?;
            }
        }
        Ok(())
    }

    /// What quotes it quotes nothing any more. A quote whose author copied the words is made anew
    /// without them; it can not be reported then.
    fn blank_quotes(&mut self, conversation: i64, quoted: &[u8]) -> Result<(), CoreError> {
        let quoting: Vec<(Vec<u8>, Vec<u8>)> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT message_id, content FROM message WHERE conversation = ?1 AND quoted = ?2 AND deleted = 0",
            )?;
            statement
                .query_map((conversation, quoted), |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?
        };
        for (message_id, content) in quoting {
            let mut content = said::Content::decode(content.as_slice()).unwrap_or_default();
            if let Some(quote) = &mut content.quote
                && !quote.preview.is_empty()
            {
                quote.preview.clear();
                self.tx.execute(
                    "UPDATE message SET content = ?3, franking_key = NULL, sender_nonce = NULL, header = NULL, seal = NULL
                     WHERE conversation = ?1 AND message_id = ?2",
                    (conversation, &message_id, content.encode_to_vec()),
                )?;
            }
            self.item_changed(conversation, &message_id)?;
        }
        Ok(())
    }
}
