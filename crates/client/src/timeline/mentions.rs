//! Mentions: parts of a text that name a member.
//!
//! Always holds: what is stored covers whole characters of the text, in order and without overlap.
//! Deliberately absent: names. Who is meant is an address; each screen shows its own name for it,
//! whatever the author wrote there.

use crate::CoreError;
use crate::account::{address_of, proto_address};
use crate::conversations::Conversation;
use crate::input::Mention;
use crate::step::Step;
use comity_content::proto as said;
use comity_wire::Address;
use rusqlite::Connection;

/// Mentions of one message that are shown.
const MENTIONS_MAX: usize = 100;

/// Those that hold against the text, in order.
fn fitting(text: &str, mentions: &[said::Mention]) -> Vec<Mention> {
    let mut found: Vec<Mention> = mentions
        .iter()
        .filter_map(|mention| {
            Some(Mention {
                start: mention.start,
                length: mention.length,
                address: mention.who.as_ref().and_then(address_of)?,
            })
        })
        .filter(|mention| mention.range().is_some_and(|part| text.get(part).is_some()))
        .collect();
    found.sort_by_key(|mention| mention.start);
    let mut end = 0;
    found.retain(|mention| {
        let free = mention.start >= end;
        if free {
            end = mention.start.saturating_add(mention.length);
        }
        free
    });
    found.truncate(MENTIONS_MAX);
    found
}

/// Writes down whom a text mentions, in place of what stood there.
pub(super) fn store(
    tx: &Connection,
    conversation: i64,
    message_id: &[u8],
    text: &str,
    mentions: &[said::Mention],
) -> Result<(), CoreError> {
    forget(tx, conversation, message_id)?;
    let mut insert = tx.prepare_cached(
        "INSERT INTO mention (conversation, message_id, start, length, address) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    for mention in fitting(text, mentions) {
        insert.execute((
            conversation,
            message_id,
            mention.start,
            mention.length,
            mention.address.to_string(),
        ))?;
    }
    Ok(())
}

pub(super) fn forget(
    tx: &Connection,
    conversation: i64,
    message_id: &[u8],
) -> Result<(), CoreError> {
    tx.prepare_cached("DELETE FROM mention WHERE conversation = ?1 AND message_id = ?2")?
        .execute((conversation, message_id))?;
    Ok(())
}

impl Step<'_> {
    /// The mentions of something that is said here: each covers a part of the text and names
    /// somebody who reads it.
    pub(super) fn mentions(
        &self,
        conversation: &Conversation,
        text: &str,
        mentions: &[Mention],
    ) -> Result<Vec<said::Mention>, CoreError> {
        for mention in mentions {
            if !self.is_party(conversation, &mention.address)? {
                return Err(CoreError::Refused(
                    "only members of the conversation are mentioned in it".into(),
                ));
            }
        }
        let written: Vec<said::Mention> = mentions
            .iter()
            .map(|mention| said::Mention {
                start: mention.start,
                length: mention.length,
                who: Some(proto_address(&mention.address)),
            })
            .collect();
        if fitting(text, &written).len() < written.len() {
            return Err(CoreError::Refused(format!(
                "a mention covers a part of the text that no other covers, and there are at most {MENTIONS_MAX}"
            )));
        }
        Ok(written)
    }

    /// The mentions of a line, as they go into an archive.
    pub(crate) fn stored_mentions(
        &self,
        conversation: i64,
        message_id: &[u8],
    ) -> Result<Vec<said::Mention>, CoreError> {
        let mut statement = self.tx.prepare_cached(
            "SELECT start, length, address FROM mention WHERE conversation = ?1 AND message_id = ?2 ORDER BY start",
        )?;
        let rows = statement.query_map((conversation, message_id), |row| {
            Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?))
        })?;
        rows.map(|row| {
            let (start, length, address) = row?;
            let address: Address = address.parse().map_err(|_| CoreError::Damaged("mention"))?;
            Ok(said::Mention {
                start,
                length,
                who: Some(proto_address(&address)),
            })
        })
        .collect()
    }

    fn is_party(&self, conversation: &Conversation, who: &Address) -> Result<bool, CoreError> {
        Ok(conversation.peer.as_ref() == Some(who)
            || self
                .tx
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM member WHERE conversation = ?1 AND address = ?2)",
                )?
                .query_row((conversation.id, who.to_string()), |row| row.get(0))?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mention(start: u32, length: u32) -> said::Mention {
        said::Mention {
            start,
            length,
            who: Some(said::Address {
                app: "a.example".to_owned(),
                account: vec![1; 16],
            }),
        }
    }

    fn places(text: &str, mentions: &[said::Mention]) -> Vec<(u32, u32)> {
        fitting(text, mentions)
            .iter()
            .map(|mention| (mention.start, mention.length))
            .collect()
    }

    #[test]
    fn only_what_holds_against_the_text_is_kept() {
        let text = "@Zoë and @Bob";
        assert_eq!(
            places(text, &[mention(10, 4), mention(0, 5)]),
            [(0, 5), (10, 4)]
        );
        assert_eq!(places(text, &[mention(0, 4)]), [], "half a character");
        assert_eq!(places(text, &[mention(0, 0)]), [], "nothing");
        assert_eq!(places(text, &[mention(10, 5)]), [], "beyond the end");
        assert_eq!(places(text, &[mention(u32::MAX, u32::MAX)]), []);
        assert_eq!(
            places(text, &[mention(0, 5), mention(1, 2)]),
            [(0, 5)],
            "overlap"
        );
        let nobody = said::Mention {
            who: None,
            ..mention(0, 5)
        };
        assert_eq!(places(text, &[nobody]), []);
        let many: Vec<_> = (0..200).map(|at| mention(at, 1)).collect();
        assert_eq!(places(&"x".repeat(200), &many).len(), MENTIONS_MAX);
    }
}
