//! What opens a file whose ciphertext a shell has kept, and whether it is still wanted.
//!
//! Always holds: reading changes nothing; of what was deleted, or ran out, nothing is told.
//! Deliberately absent: keeping, which is the shell's.

use crate::account::Me;
use crate::{Core, CoreError, views};
use comity_content::Message as _;
use comity_content::proto::{Attachment, Content, GroupState, SignedGroupState, content::Body};
use comity_wire::{Address, Bytes64, MessageId};
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a file belongs to. There is one of each at a time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum FileOf {
    /// The file of a message.
    Message {
        /// Local id of the conversation.
        conversation: i64,
        /// The message.
        message: MessageId,
    },
    /// The picture of somebody's profile.
    Person(Address),
    /// A group's picture, by the local id of its conversation.
    Group(i64),
}

/// What opens a file and says that it is the right one.
#[derive(Clone, PartialEq, Eq)]
pub struct FileView {
    /// Its key, 32 bytes; empty while it has none.
    pub key: Vec<u8>,
    /// BLAKE3 of the ciphertext; empty while an own file is on its way.
    pub blake3: Vec<u8>,
    /// Bytes of the plaintext.
    pub plain_size: u64,
    /// Bytes of the ciphertext.
    pub blob_size: u64,
}

impl fmt::Debug for FileView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileView(secret)")
    }
}

impl From<Attachment> for FileView {
    fn from(file: Attachment) -> Self {
        Self {
            key: file.key,
            blake3: file.blake3,
            plain_size: file.size,
            blob_size: file.blob_size,
        }
    }
}

impl Core {
    /// What opens this file; absent where there is none, or none any more.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn file(&self, of: &FileOf) -> Result<Option<FileView>, CoreError> {
        let found = match of {
            FileOf::Message {
                conversation,
                message,
            } => self.file_of_message(*conversation, message)?,
            FileOf::Person(address) if address.to_string() == Me::load_address(self.store())? => {
                self.own_picture()?
            }
            FileOf::Person(address) => views::photo_of(self.store(), address)?,
            FileOf::Group(conversation) => self.picture_of_group(*conversation)?,
        };
        Ok(found.map(FileView::from))
    }

    /// What the file belongs to that a transfer moves; absent for parts of a history, for what
    /// becomes a picture, and where it can not be told any more.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn file_of_transfer(&self, transfer: i64) -> Result<Option<FileOf>, CoreError> {
        type Row = (String, Option<i64>, Option<Vec<u8>>, Vec<u8>);
        let found: Option<Row> = self
            .store()
            .prepare_cached(
                "SELECT purpose, conversation, message_id, content FROM transfer WHERE id = ?1",
            )?
            .query_row([transfer], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
            })
            .optional()?;
        let Some((purpose, conversation, message, content)) = found else {
            return Ok(None);
        };
        Ok(match (purpose.as_str(), conversation, message) {
            ("file" | "message", Some(conversation), Some(message)) => {
                MessageId::from_slice(&message)
                    .ok()
                    .map(|message| FileOf::Message {
                        conversation,
                        message,
                    })
            }
            ("file", Some(conversation), None) => Some(FileOf::Group(conversation)),
            ("file", None, None) => self.whose_picture(&content)?.map(FileOf::Person),
            _ => None,
        })
    }

    /// Whether there is a conversation of this local id.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn has_conversation(&self, conversation: i64) -> Result<bool, CoreError> {
        Ok(self
            .store()
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM conversation WHERE id = ?1)")?
            .query_row([conversation], |row| row.get(0))?)
    }

    fn file_of_message(
        &self,
        conversation: i64,
        message: &MessageId,
    ) -> Result<Option<Attachment>, CoreError> {
        let content: Option<Vec<u8>> = self
            .store()
            .prepare_cached(
                "SELECT content FROM message WHERE conversation = ?1 AND message_id = ?2 AND deleted = 0",
            )?
            .query_row((conversation, message.as_bytes()), |row| row.get(0))
            .optional()?;
        let content = content.and_then(|bytes| Content::decode(bytes.as_slice()).ok());
        Ok(match content.and_then(|content| content.body) {
            Some(Body::Attachment(file)) => Some(file),
            _ => None,
        })
    }

    fn own_picture(&self) -> Result<Option<Attachment>, CoreError> {
        let photo: Option<Bytes64> = crate::store::meta::get(self.store(), "photo")?;
        Ok(photo.and_then(|bytes| Attachment::decode(bytes.0.as_slice()).ok()))
    }

    fn picture_of_group(&self, conversation: i64) -> Result<Option<Attachment>, CoreError> {
        let details: Option<Vec<u8>> = self
            .store()
            .prepare_cached("SELECT details FROM conversation WHERE id = ?1")?
            .query_row([conversation], |row| row.get(0))
            .optional()?
            .flatten();
        Ok(details
            .and_then(|bytes| SignedGroupState::decode(bytes.as_slice()).ok())
            .and_then(|signed| GroupState::decode(signed.state.as_slice()).ok())
            .and_then(|state| state.photo))
    }

    fn whose_picture(&self, photo: &[u8]) -> Result<Option<Address>, CoreError> {
        if self
            .own_picture()?
            .is_some_and(|own| own.encode_to_vec() == photo)
        {
            return Ok(Me::load_address(self.store())?.parse().ok());
        }
        let address: Option<String> = self
            .store()
            .prepare_cached("SELECT address FROM contact WHERE photo = ?1 LIMIT 1")?
            .query_row([photo], |row| row.get(0))
            .optional()?;
        Ok(address.and_then(|address| address.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    const PERSON: &str = "00112233445566778899aabbccddeeff@chat.example";

    fn attachment(digest: u8) -> Attachment {
        Attachment {
            blob: "blob".to_owned(),
            key: vec![1; 32],
            blake3: vec![digest; 32],
            size: 5,
            blob_size: 21,
            ..Default::default()
        }
    }

    /// A conversation with a message that has a file, and a person with a picture.
    fn core() -> Core {
        let core = Core::open(Connection::open_in_memory().unwrap()).unwrap();
        let content = Content {
            body: Some(Body::Attachment(attachment(7))),
            ..Default::default()
        };
        let conn = core.store();
        conn.execute(
            "INSERT INTO conversation (id, kind, state) VALUES (1, 1, 'active')",
            [],
        )
        .unwrap();
        conn.execute(
            "INSERT INTO message (conversation, message_id, author, author_device, outgoing, at_ms, kind, status, content)
             VALUES (1, ?1, ?2, x'00', 0, 1, 'attachment', 'received', ?3)",
            ([3_u8; 16], PERSON, content.encode_to_vec()),
        )
        .unwrap();
        conn.execute(
            "INSERT INTO contact (address, photo, root_key, manifest, manifest_seq, changed_ms) VALUES (?1, ?2, x'00', x'00', 1, 1)",
            (PERSON, attachment(8).encode_to_vec()),
        )
        .unwrap();
        core
    }

    fn message() -> FileOf {
        FileOf::Message {
            conversation: 1,
            message: MessageId::new([3; 16]),
        }
    }

    fn moves(core: &Core, purpose: &str, of: Option<(i64, [u8; 16])>, file: &Attachment) -> i64 {
        let (conversation, message) = of.unzip();
        core.store()
            .execute(
                "INSERT INTO transfer (direction, purpose, conversation, message_id, key, plain_size, content, state)
                 VALUES ('down', ?1, ?2, ?3, x'00', 5, ?4, 'waiting')",
                (purpose, conversation, message, file.encode_to_vec()),
            )
            .unwrap();
        core.store().last_insert_rowid()
    }

    #[test]
    fn a_file_is_told_while_its_message_stands() {
        let core = core();
        assert_eq!(core.file(&message()).unwrap(), Some(attachment(7).into()));
        core.store()
            .execute("UPDATE message SET deleted = 1, content = x''", [])
            .unwrap();
        assert_eq!(core.file(&message()).unwrap(), None);
        assert!(core.has_conversation(1).unwrap());
        core.store()
            .execute("DELETE FROM conversation", [])
            .unwrap();
        assert_eq!(core.file(&message()).unwrap(), None);
        assert_eq!(core.file(&FileOf::Group(1)).unwrap(), None);
        assert!(!core.has_conversation(1).unwrap());
    }

    #[test]
    fn a_transfer_says_what_its_file_belongs_to() {
        let core = core();
        let person = FileOf::Person(PERSON.parse().unwrap());
        assert_eq!(core.file(&person).unwrap(), Some(attachment(8).into()));
        let of = |id| core.file_of_transfer(id).unwrap();
        let here = Some((1, [3; 16]));
        assert_eq!(
            of(moves(&core, "file", here, &attachment(7))),
            Some(message())
        );
        assert_eq!(
            of(moves(&core, "message", here, &attachment(7))),
            Some(message())
        );
        assert_eq!(of(moves(&core, "file", None, &attachment(8))), Some(person));
        // Nobody has this picture any more; and what is no picture and no message's file.
        assert_eq!(of(moves(&core, "file", None, &attachment(9))), None);
        assert_eq!(of(moves(&core, "history", None, &attachment(8))), None);
        assert_eq!(of(4_711), None);
    }

    #[test]
    fn what_opens_a_file_is_not_written_down() {
        let view = FileView::from(attachment(7));
        assert_eq!(format!("{view:?}"), "FileView(secret)");
    }
}
