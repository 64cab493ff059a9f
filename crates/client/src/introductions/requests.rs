//! What a stranger said first, until it is answered: one line, or one from each of their devices.
//!
//! Always holds: a request is shown by the newest of its lines, and all of them become lines of the
//! conversation; whatever takes a request away takes all of them. Deliberately absent: opening them.

use crate::CoreError;
use crate::step::Step;
use crate::store::meta;
use crate::timeline::NewMessage;
use crate::timeline::arrived::Said;
use comity_wire::{Address, DeviceId};
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};

/// Where it is kept what a stranger said before the line that their request is shown by.
const BEFORE: &str = "request_before/";
/// Lines of one stranger that are kept beside the newest.
const BEFORE_MAX: usize = 8;

/// One first line, as its introduction brought it.
#[derive(Serialize, Deserialize)]
struct FirstLine {
    content: Vec<u8>,
    at_ms: i64,
    device: Vec<u8>,
    /// Franking key, sender nonce, header, seal.
    franking: [Vec<u8>; 4],
    /// The introduction's name, under which its seal was made.
    introduction: Vec<u8>,
}

impl FirstLine {
    /// Whether it says the same message.
    fn is(&self, message_id: &[u8]) -> bool {
        matches!(Said::decode(&self.content), Ok(Said::Line(line)) if line.message.as_bytes() == message_id)
    }
}

impl Step<'_> {
    /// Another introduction of somebody who waits for an answer is about to take the place of theirs:
    /// another device of theirs wrote, too.
    pub(super) fn keep_first_line(
        &mut self,
        from: &Address,
        message_id: &[u8],
    ) -> Result<(), CoreError> {
        let Some(newest) = self.newest_first_line(from)? else {
            return Ok(());
        };
        let mut before = self.first_lines_before(from)?;
        before.retain(|line| !line.is(message_id));
        if !newest.is(message_id) && before.len() < BEFORE_MAX {
            before.push(newest);
        }
        meta::put(self.tx, &format!("{BEFORE}{from}"), &before)
    }

    fn first_lines_before(&self, from: &Address) -> Result<Vec<FirstLine>, CoreError> {
        Ok(meta::get(self.tx, &format!("{BEFORE}{from}"))?.unwrap_or_default())
    }

    fn newest_first_line(&self, from: &Address) -> Result<Option<FirstLine>, CoreError> {
        Ok(self
            .tx
            .query_row(
                "SELECT first, at_ms, from_device, franking_key, sender_nonce, header, seal, id FROM request WHERE address = ?1",
                [from.to_string()],
                |row| {
                    Ok(FirstLine {
                        content: row.get(0)?,
                        at_ms: row.get(1)?,
                        device: row.get(2)?,
                        franking: [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?],
                        introduction: row.get(7)?,
                    })
                },
            )
            .optional()?)
    }

    /// A request is answered, one way or the other; false where there is none.
    pub(crate) fn forget_request(&mut self, from: &Address) -> Result<bool, CoreError> {
        meta::remove(self.tx, &format!("{BEFORE}{from}"))?;
        let gone = self
            .tx
            .execute("DELETE FROM request WHERE address = ?1", [from.to_string()])?;
        Ok(gone > 0)
    }

    /// What a request says becomes the first of the conversation.
    pub(super) fn insert_request_message(
        &mut self,
        conversation: i64,
        from: &Address,
    ) -> Result<(), CoreError> {
        let mut lines = self.first_lines_before(from)?;
        lines.extend(self.newest_first_line(from)?);
        if lines.is_empty() {
            return Ok(());
        }
        // The first lines of all, or where the conversation stands by now. On a device that another one
        // brought in they have a place in the log, so that what is read of them elsewhere is read here.
        let seq: u64 = self.tx.query_row(
            "SELECT CASE WHEN joined_seq = 0 THEN 0
                 WHEN EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND seq > 0 AND kind <> 'notice') THEN next_seq - 1
                 ELSE 1 END FROM conversation WHERE id = ?1",
            [conversation],
            |row| row.get(0),
        )?;
        for line in lines {
            self.insert_first_line(conversation, from, seq, line)?;
        }
        Ok(())
    }

    fn insert_first_line(
        &mut self,
        conversation: i64,
        from: &Address,
        seq: u64,
        first: FirstLine,
    ) -> Result<(), CoreError> {
        let Ok(Said::Line(line)) = Said::decode(&first.content) else {
            self.warn("introduction_malformed", None);
            return Ok(());
        };
        self.insert_message(NewMessage {
            conversation,
            seq: Some(seq),
            author: from.clone(),
            author_device: DeviceId::from_slice(&first.device).unwrap_or(DeviceId::new([0; 16])),
            outgoing: false,
            at_ms: first.at_ms,
            line: &line,
            content_bytes: None,
            status: "received",
            franking: Some(first.franking),
            told_by: None,
        })?;
        self.tx.execute(
            "UPDATE message SET introduction = ?3 WHERE conversation = ?1 AND message_id = ?2 AND seal IS NOT NULL",
            (conversation, line.message.as_bytes(), first.introduction),
        )?;
        Ok(())
    }
}
