//! What a line shows that stands in other tables.

use super::MentionView;
use crate::CoreError;
use comity_content::{Message as _, proto as said};
use comity_wire::MessageId;
use rusqlite::Connection;

/// The app no longer has a line's file.
pub(super) fn is_gone(
    tx: &Connection,
    conversation: i64,
    message: &MessageId,
) -> Result<bool, CoreError> {
    let content: Vec<u8> = tx.query_row(
        "SELECT content FROM message WHERE conversation = ?1 AND message_id = ?2",
        (conversation, message.to_vec()),
        |row| row.get(0),
    )?;
    let content = said::Content::decode(content.as_slice()).unwrap_or_default();
    let Some(said::content::Body::Attachment(file)) = content.body else {
        return Ok(false);
    };
    Ok(tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM lease WHERE blob = ?1 AND gone = 1)")?
        .query_row([file.blob], |row| row.get(0))?)
}

/// Whom a line mentions; `own` is the own address.
pub(super) fn mentions(
    tx: &Connection,
    conversation: i64,
    message: &MessageId,
    own: &str,
) -> Result<Vec<MentionView>, CoreError> {
    let mut statement = tx.prepare_cached(
        "SELECT start, length, address FROM mention WHERE conversation = ?1 AND message_id = ?2 ORDER BY start",
    )?;
    let rows = statement.query_map((conversation, message.to_vec()), |row| {
        Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
    })?;
    rows.map(|row| {
        let (start, length, address) = row?;
        Ok(MentionView {
            start,
            length,
            own: address == own,
            address: address.parse().map_err(|_| CoreError::Damaged("mention"))?,
        })
    })
    .collect()
}
