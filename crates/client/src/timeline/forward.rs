//! Forwarding: what somebody said, said again somewhere else.
//!
//! Always holds: what goes on is the text or file alone, marked as forwarded. Deliberately absent:
//! who said it and to whom, what it answered, whom it mentioned: that stays where it was said.

use crate::CoreError;
use crate::step::Step;
use comity_content::{Message as _, proto as said};
use comity_wire::MessageId;
use rusqlite::OptionalExtension;

impl Step<'_> {
    /// What a line holds, as it may be said elsewhere.
    pub(super) fn forwarded(
        &self,
        conversation: i64,
        message: &MessageId,
    ) -> Result<said::content::Body, CoreError> {
        let row: Option<(String, String, Vec<u8>)> = self
            .tx
            .query_row(
                "SELECT kind, text, content FROM message WHERE conversation = ?1 AND message_id = ?2 AND deleted = 0",
                (conversation, message.to_vec()),
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((kind, text, content)) = row else {
            return Err(CoreError::NoSuch("message"));
        };
        if kind == "text" {
            return Ok(said::content::Body::Text(said::Text { text }));
        }
        let content =
            said::Content::decode(content.as_slice()).map_err(|_| CoreError::Damaged("message"))?;
        match content.body {
            Some(said::content::Body::Attachment(file)) if file.blob.is_empty() => {
                Err(CoreError::NotNow("the file is still on its way"))
            }
            Some(said::content::Body::Attachment(file)) => {
                Ok(said::content::Body::Attachment(file))
            }
            _ => Err(CoreError::Refused(
                "only texts and files are forwarded".into(),
            )),
        }
    }

    /// Where this device has the file of a line: sent from there, or saved to there.
    pub(super) fn kept_copy(
        &self,
        conversation: i64,
        message: &MessageId,
    ) -> Result<Option<String>, CoreError> {
        Ok(self
            .tx
            .query_row(
                "SELECT path FROM transfer WHERE conversation = ?1 AND message_id = ?2 AND state = 'done' AND path IS NOT NULL
                     AND (direction = 'up' OR purpose = 'file') ORDER BY id DESC LIMIT 1",
                (conversation, message.to_vec()),
                |row| row.get(0),
            )
            .optional()?)
    }
}
