//! What a line shows that stands in other tables.

use super::{ITEM, MentionView, Progress, Status, TimelineItem, item};
use crate::CoreError;
use comity_content::{Message as _, proto as said};
use comity_wire::MessageId;
use rusqlite::{Connection, OptionalExtension as _};

/// The newest line of a conversation, and its text as lists show it; none where nothing was said.
pub(super) fn last(
    conn: &Connection,
    conversation: i64,
) -> Result<(Option<TimelineItem>, String), CoreError> {
    let found = conn
        .prepare_cached(&format!(
            "SELECT {ITEM} FROM message WHERE conversation = ?1 AND kind <> 'notice'
             ORDER BY coalesce(seq, 9223372036854775807) DESC, id DESC LIMIT 1"
        ))?
        .query_row([conversation], |row| Ok((item(row)?, row.get(7)?)))
        .optional()?;
    let Some((last, text)) = found else {
        return Ok((None, String::new()));
    };
    let (mut last, _) = last?;
    if let (Status::Sent, Some(seq)) = (last.status, last.seq) {
        (last.status, _) = Progress::of(conn, conversation)?.at(seq);
    }
    Ok((Some(last), text))
}

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
