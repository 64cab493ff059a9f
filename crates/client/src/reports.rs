//! Reports to the operator: chosen messages with their proofs, sealed to the moderation key.

use crate::account::proto_address;
use crate::calls::Call;
use crate::conversations::Conversation;
use crate::output::{Event, Method};
use crate::step::Step;
use crate::{CallError, CoreError};
use comity_content::proto as said;
use comity_wire::http::PostReport;
use comity_wire::{Address, Bytes64, MessageId};
use rusqlite::{OptionalExtension, Row};

fn reported(row: &Row<'_>) -> Result<said::ReportedMessage, rusqlite::Error> {
    Ok(said::ReportedMessage {
        content: row.get(0)?,
        franking_key: row.get(1)?,
        sender_nonce: row.get(2)?,
        header: row.get(3)?,
        seal: row.get(4)?,
        seq: row.get(5)?,
        at_ms: row.get(6)?,
        author_device: row.get(7)?,
        introduction: row.get::<_, Option<Vec<u8>>>(8)?.unwrap_or_default(),
    })
}

impl Step<'_> {
    pub(crate) fn report(
        &mut self,
        address: &Address,
        messages: &[MessageId],
        reason: String,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        if me.moderation_key.is_empty() {
            return Err(CoreError::NotNow("this app's operator takes no reports"));
        }
        if reason.len() > 2_000 || messages.len() > 50 {
            return Err(CoreError::Refused(
                "a report has at most 50 messages and 2,000 bytes of reason".into(),
            ));
        }
        let mut report = said::Report {
            reporter: Some(proto_address(&me.address)),
            reported: Some(proto_address(address)),
            reason,
            ..Default::default()
        };
        if messages.is_empty() {
            self.add_request(&mut report, address)?;
        } else {
            let conversation = self.said_in(address, messages)?;
            if let Some(id) = &conversation.conversation {
                report.hub = id.hub.to_string();
                report.conversation = id.id.to_vec();
            }
            for message in messages {
                let row = self
                    .tx
                    .query_row(
                        "SELECT content, franking_key, sender_nonce, header, seal, iif(introduction IS NULL, coalesce(sealed_seq, seq), 0), at_ms,
                             author_device, introduction FROM message
                         WHERE conversation = ?1 AND message_id = ?2 AND author = ?3 AND deleted = 0 AND seal IS NOT NULL",
                        (conversation.id, message.to_vec(), address.to_string()),
                        reported,
                    )
                    .optional()?;
                report
                    .messages
                    .push(row.ok_or(CoreError::NoSuch("message of this person"))?);
            }
        }
        let sealed = comity_e2ee::report::seal(&report, &me.moderation_key)
            .map_err(|error| CoreError::Crypto(error.to_string()))?;
        self.http(
            Method::Post,
            "/v1/reports",
            Some(&PostReport {
                sealed: Bytes64(sealed),
            }),
            Call::Report,
        )
    }

    /// Where they said these: with this account alone, or in a group.
    fn said_in(
        &self,
        address: &Address,
        messages: &[MessageId],
    ) -> Result<Conversation, CoreError> {
        let first = messages.first().ok_or(CoreError::NoSuch("message"))?;
        let found: Option<i64> = self
            .tx
            .query_row(
                "SELECT conversation FROM message WHERE message_id = ?1 AND author = ?2",
                (first.to_vec(), address.to_string()),
                |row| row.get(0),
            )
            .optional()?;
        self.conversation(found.ok_or(CoreError::NoSuch("message of this person"))?)
    }

    /// The request itself, or the first line of the conversation that it became.
    fn add_request(
        &mut self,
        report: &mut said::Report,
        address: &Address,
    ) -> Result<(), CoreError> {
        let row = self
            .tx
            .query_row(
                "SELECT first, franking_key, sender_nonce, header, seal, 0, at_ms, from_device, id FROM request WHERE address = ?1
                 UNION ALL
                 SELECT * FROM (SELECT content, franking_key, sender_nonce, header, seal, 0, at_ms, author_device, introduction FROM message
                     WHERE author = ?1 AND introduction IS NOT NULL AND deleted = 0 ORDER BY id LIMIT 1)",
                [address.to_string()],
                reported,
            )
            .optional()?;
        let Some(message) = row else {
            return Err(CoreError::NoSuch("request"));
        };
        report.introduction.clone_from(&message.introduction);
        report.messages.push(message);
        Ok(())
    }

    pub(crate) fn report_posted(
        &mut self,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        match result {
            Ok(_) => self.event(Event::Reported),
            Err(error) => self.failed("report", &error),
        }
        Ok(())
    }
}
