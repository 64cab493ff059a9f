//! Timelines: what becomes of each thing said.
//!
//! Always holds: a message stands once, whatever way and how often it came; only its author
//! changes it; what can not be read leaves a line that says so.

mod apply;
pub(crate) mod arrived;
mod expiry;
mod forward;
mod mentions;
mod refused;
mod say;
mod told;

use arrived::Line;
pub(crate) use refused::TOO_LATE;
pub(crate) use told::Differing;

use crate::output::Event;
use crate::step::Step;
use crate::{CoreError, views};
use comity_content::{Message as _, proto as said};
use comity_wire::{Address, DeviceId};
use rusqlite::OptionalExtension;

/// How many lines of a conversation its person has not read.
const UNREAD: &str =
    "SELECT count(*) FROM message WHERE conversation = ?1 AND outgoing = 0 AND deleted = 0
     AND kind IN ('text', 'attachment', 'unknown', 'unreadable') AND seq > read_seq";

const PUT_NOTICE: &str = "INSERT INTO message (conversation, seq, message_id, author, author_device, outgoing, at_ms, kind, status, text, content)
     VALUES (?1, ?2, ?3, ?4, ?5, 0, ?6, 'notice', 'received', ?7, x'')";

/// A line about to be stored.
pub(crate) struct NewMessage<'a> {
    pub(crate) conversation: i64,
    pub(crate) seq: Option<u64>,
    pub(crate) author: Address,
    pub(crate) author_device: DeviceId,
    pub(crate) outgoing: bool,
    pub(crate) at_ms: i64,
    pub(crate) line: &'a Line,
    /// The content as its author franked it; absent for own ones.
    pub(crate) content_bytes: Option<&'a [u8]>,
    pub(crate) status: &'static str,
    /// Franking key, sender nonce, header, seal.
    pub(crate) franking: Option<[Vec<u8>; 4]>,
    /// The member who gave it as history.
    pub(crate) told_by: Option<Address>,
}

/// A new text for a line, with whom it mentions.
#[derive(Clone, Copy)]
pub(crate) struct Edited<'a> {
    pub(crate) text: &'a str,
    pub(crate) mentions: &'a [said::Mention],
    /// Until when it waits for a line that is not here yet; absent: for ever.
    pub(crate) expires_ms: Option<i64>,
}

/// The text that mentions stand in: of a file its caption.
fn text_of(content: &said::Content) -> &str {
    match &content.body {
        Some(said::content::Body::Text(text)) => &text.text,
        Some(said::content::Body::Attachment(file)) => &file.caption,
        _ => "",
    }
}

impl Step<'_> {
    /// Stores a line, unless it stands already.
    pub(crate) fn insert_message(&mut self, new: NewMessage<'_>) -> Result<(), CoreError> {
        let Line {
            message,
            kind,
            text,
            content,
        } = new.line;
        // The time of an own message begins when the hub has it.
        let expires_ms = match new.status {
            "queued" => None,
            _ => self.expiry(content.expires_after_s, new.at_ms),
        };
        if expires_ms.is_some_and(|at| at <= self.now) {
            return Ok(());
        }
        let quoted = content.quote.as_ref().map(|quote| &quote.message_id);
        let [franking_key, nonce, header, seal] = match new.franking {
            Some([a, b, c, d]) => [Some(a), Some(b), Some(c), Some(d)],
            None => [None, None, None, None],
        };
        let inserted = self
            .tx
            .prepare_cached(
                "INSERT OR IGNORE INTO message (conversation, seq, message_id, author, author_device, outgoing, at_ms, kind, status,
                     text, content, franking_key, sender_nonce, header, seal, expires_ms, quoted, told_by)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
            )?
            .execute(rusqlite::params![
                new.conversation,
                new.seq,
                message.as_bytes(),
                new.author.to_string(),
                new.author_device.to_vec(),
                new.outgoing,
                new.at_ms,
                kind,
                new.status,
                text,
                new.content_bytes.map_or_else(|| content.encode_to_vec(), <[u8]>::to_vec),
                franking_key,
                nonce,
                header,
                seal,
                expires_ms,
                quoted,
                new.told_by.map(|teller| teller.to_string()),
            ])?;
        if inserted == 0 {
            return Ok(());
        }
        mentions::store(
            self.tx,
            new.conversation,
            message.as_bytes(),
            text_of(content),
            &content.mentions,
        )?;
        self.tx.execute(
            "UPDATE conversation SET last_ms = max(last_ms, ?2) WHERE id = ?1",
            (new.conversation, new.at_ms),
        )?;
        self.apply_amendments(new.conversation, message.as_bytes(), &new.author)?;
        if let Some(item) = views::item_by_message(self.tx, new.conversation, message.as_bytes())? {
            self.event(Event::Item {
                conversation: new.conversation,
                item,
            });
        }
        if !new.outgoing {
            self.count_one_more(new.conversation, message.as_bytes())?;
        }
        Ok(())
    }

    /// A line is new here: the others need not be counted.
    fn count_one_more(&mut self, conversation: i64, message_id: &[u8]) -> Result<(), CoreError> {
        self.tx.execute(
            &format!(
                "UPDATE conversation SET unread = unread + ({UNREAD} AND message_id = ?2) WHERE id = ?1"
            ),
            (conversation, message_id),
        )?;
        self.event(Event::ConversationChanged { conversation });
        Ok(())
    }

    pub(crate) fn count_unread(&mut self, conversation: i64) -> Result<(), CoreError> {
        self.tx.execute(
            &format!("UPDATE conversation SET unread = ({UNREAD}) WHERE id = ?1"),
            [conversation],
        )?;
        self.event(Event::ConversationChanged { conversation });
        Ok(())
    }

    /// A line that nobody said: a device was added, history is missing.
    pub(crate) fn insert_notice(
        &mut self,
        conversation: i64,
        about: &Address,
        device: &DeviceId,
        what: &str,
    ) -> Result<[u8; 16], CoreError> {
        let seq: u64 = self.tx.query_row(
            "SELECT next_seq - 1 FROM conversation WHERE id = ?1",
            [conversation],
            |row| row.get(0),
        )?;
        let message_id: [u8; 16] = self.random_bytes();
        self.tx.execute(
            PUT_NOTICE,
            rusqlite::params![
                conversation,
                seq,
                message_id,
                about.to_string(),
                device.to_vec(),
                self.now,
                what
            ],
        )?;
        if let Some(item) = views::item_by_message(self.tx, conversation, &message_id)? {
            self.event(Event::Item { conversation, item });
        }
        Ok(message_id)
    }

    /// A notice goes behind what stands at `seq`.
    pub(crate) fn move_notice(
        &mut self,
        conversation: i64,
        message_id: &[u8],
        seq: u64,
    ) -> Result<(), CoreError> {
        // Lines of one place stand in the order of their rows, and this one comes last.
        let row: Option<(String, Vec<u8>, i64, String)> = self
            .tx
            .prepare_cached(
                "DELETE FROM message WHERE conversation = ?1 AND message_id = ?2 AND kind = 'notice'
                 RETURNING author, author_device, at_ms, text",
            )?
            .query_row((conversation, message_id), |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((about, device, at_ms, what)) = row else {
            return Ok(());
        };
        self.tx.execute(
            PUT_NOTICE,
            rusqlite::params![conversation, seq, message_id, about, device, at_ms, what],
        )?;
        self.item_changed(conversation, message_id)
    }

    pub(crate) fn item_changed(
        &mut self,
        conversation: i64,
        message_id: &[u8],
    ) -> Result<(), CoreError> {
        if let Some(item) = views::item_by_message(self.tx, conversation, message_id)? {
            self.event(Event::ItemChanged { conversation, item });
        }
        Ok(())
    }

    /// The hub has it.
    pub(crate) fn message_sent(
        &mut self,
        conversation: i64,
        message_id: &[u8],
        seq: Option<u64>,
        at_ms: i64,
        seal: &[u8],
    ) -> Result<(), CoreError> {
        let changed = self.tx.execute(
            "UPDATE message SET status = 'sent', seq = ?3, at_ms = ?4, seal = ?5, failure = '' WHERE conversation = ?1 AND message_id = ?2",
            (conversation, message_id, seq.or(Some(0)), at_ms, seal),
        )?;
        if changed > 0 {
            self.begin_expiry(conversation, message_id, at_ms)?;
            self.tx.execute(
                "UPDATE conversation SET last_ms = max(last_ms, ?2) WHERE id = ?1",
                (conversation, at_ms),
            )?;
            self.item_changed(conversation, message_id)?;
        }
        Ok(())
    }

    /// It can not be sent; the line says why.
    pub(crate) fn message_failed(
        &mut self,
        conversation: i64,
        message_id: &[u8],
        code: &str,
    ) -> Result<(), CoreError> {
        // It stands where it was tried, before what is said later.
        self.tx.execute(
            "UPDATE message SET status = 'failed', failure = ?3,
                 seq = (SELECT max(next_seq - 1, 0) FROM conversation WHERE id = ?1) WHERE conversation = ?1 AND message_id = ?2",
            (conversation, message_id, code),
        )?;
        self.item_changed(conversation, message_id)
    }
}
