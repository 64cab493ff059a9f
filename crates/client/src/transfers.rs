//! Attachments on their way up or down. The shell moves the bytes; what it needs and what came of
//! it stands here, so that each goes on after a restart.

use crate::output::{CopyOf, Download, Effect, Event, Source, Target, Upload};
use crate::step::Step;
use crate::timeline::arrived::check_file;
use crate::{CoreError, views};
use comity_content::{Message as _, proto as said};
use comity_wire::{Address, BlobId, ErrorCode, MessageId};
use rusqlite::OptionalExtension;

pub(crate) struct Transfer {
    id: i64,
    direction: String,
    purpose: String,
    pub(crate) conversation: Option<i64>,
    pub(crate) message_id: Option<Vec<u8>>,
    pub(crate) path: Option<String>,
    inline: Option<Vec<u8>>,
    key: Vec<u8>,
    blob: Option<String>,
    plain_size: u64,
    pub(crate) attachment: said::Attachment,
    attempts: i64,
    stamp: String,
    copy_of: Option<CopyOf>,
    /// It is still to be moved.
    waits: bool,
}

/// Why a transfer failed that its person stopped.
const STOPPED: &str = "stopped";

const COLUMNS: &str = "id, direction, purpose, conversation, message_id, path, inline, key, blob, plain_size, content, attempts, stamp, copy_of, state = 'waiting'";

fn transfer(row: &rusqlite::Row<'_>) -> Result<Transfer, rusqlite::Error> {
    let content: Vec<u8> = row.get(10)?;
    let copy_of: Option<Vec<u8>> = row.get(13)?;
    let copy_of = copy_of.and_then(|bytes| said::Attachment::decode(bytes.as_slice()).ok());
    Ok(Transfer {
        id: row.get(0)?,
        direction: row.get(1)?,
        purpose: row.get(2)?,
        conversation: row.get(3)?,
        message_id: row.get(4)?,
        path: row.get(5)?,
        inline: row.get(6)?,
        key: row.get(7)?,
        blob: row.get(8)?,
        plain_size: row.get(9)?,
        attachment: said::Attachment::decode(content.as_slice()).unwrap_or_default(),
        attempts: row.get(11)?,
        stamp: row.get(12)?,
        copy_of: copy_of.map(|original| CopyOf {
            key: original.key,
            blake3: original.blake3,
        }),
        waits: row.get(14)?,
    })
}

impl Step<'_> {
    pub(crate) fn start_upload(
        &mut self,
        purpose: &str,
        conversation: Option<i64>,
        message_id: Option<Vec<u8>>,
        source: Source,
        attachment: said::Attachment,
    ) -> Result<(), CoreError> {
        let key: [u8; 32] = self.random_bytes();
        let (path, inline) = match source {
            Source::File(path) => (Some(path), None),
            Source::Memory(bytes) => (None, Some(bytes)),
        };
        let id = self.fresh_id("transfer")?;
        self.tx.execute(
            "INSERT INTO transfer (id, direction, purpose, conversation, message_id, path, inline, key, plain_size, content, state)
             VALUES (?1, 'up', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'waiting')",
            rusqlite::params![id, purpose, conversation, message_id, path, inline, key, attachment.size, attachment.encode_to_vec()],
        )?;
        Ok(())
    }

    pub(crate) fn start_download(
        &mut self,
        purpose: &str,
        conversation: Option<i64>,
        message_id: Option<Vec<u8>>,
        path: Option<String>,
        attachment: &said::Attachment,
    ) -> Result<i64, CoreError> {
        check_file(attachment)?;
        let id = self.fresh_id("transfer")?;
        self.tx.execute(
            "INSERT INTO transfer (id, direction, purpose, conversation, message_id, path, key, blob, plain_size, content, state)
             VALUES (?1, 'down', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'waiting')",
            rusqlite::params![
                id, purpose, conversation, message_id, path, attachment.key, attachment.blob, attachment.size, attachment.encode_to_vec()
            ],
        )?;
        Ok(id)
    }

    pub(crate) fn save_attachment(
        &mut self,
        conversation: i64,
        message: MessageId,
        path: String,
    ) -> Result<(), CoreError> {
        let content = self
            .stored_content(conversation, message.as_bytes())?
            .ok_or(CoreError::NoSuch("message"))?;
        let Some(said::content::Body::Attachment(attachment)) = content.body else {
            return Err(CoreError::NoSuch("attachment"));
        };
        if attachment.blob.is_empty() {
            return Err(CoreError::NotNow("the file is still on its way"));
        }
        self.start_download(
            "file",
            Some(conversation),
            Some(message.to_vec()),
            Some(path),
            &attachment,
        )?;
        Ok(())
    }

    /// Hands waiting transfers to the shell, two at a time.
    pub(crate) fn pump_transfers(&mut self) -> Result<(), CoreError> {
        const AT_ONCE: usize = 2;
        let Some(token) = self.token() else {
            return Ok(());
        };
        let due: Vec<Transfer> = {
            let mut statement = self.tx.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM transfer WHERE state = 'waiting' AND not_before_ms <= ?1 ORDER BY id"
            ))?;
            statement
                .query_map([self.now], transfer)?
                .collect::<Result<_, _>>()?
        };
        for transfer in due {
            if self.mem.transfers.len() >= AT_ONCE {
                break;
            }
            if self.mem.transfers.contains(&transfer.id) {
                continue;
            }
            self.mem.transfers.insert(transfer.id);
            let blob: Option<BlobId> = transfer.blob.as_deref().and_then(|blob| blob.parse().ok());
            if transfer.direction == "renew" {
                self.ask_renewal(transfer.id, &transfer.attachment.blob)?;
                continue;
            }
            let effect = if transfer.direction == "up" {
                Effect::Upload(Upload {
                    transfer: transfer.id,
                    source: match (transfer.path, transfer.inline) {
                        (_, Some(bytes)) => Source::Memory(bytes),
                        (path, None) => Source::File(path.unwrap_or_default()),
                    },
                    key: transfer.key,
                    blob,
                    stamp: transfer.stamp,
                    copy_of: transfer.copy_of,
                    plain_size: transfer.plain_size,
                    token: token.clone(),
                })
            } else {
                let Some(blob) = blob else {
                    self.fail_transfer(transfer.id, "malformed")?;
                    continue;
                };
                Effect::Download(Download {
                    transfer: transfer.id,
                    blob,
                    key: transfer.key,
                    blake3: transfer.attachment.blake3,
                    plain_size: transfer.plain_size,
                    blob_size: transfer.attachment.blob_size,
                    target: transfer.path.map_or(Target::Memory, Target::File),
                    token: token.clone(),
                })
            };
            self.effect(effect);
        }
        let next: Option<i64> = self.tx.query_row(
            "SELECT min(not_before_ms) FROM transfer WHERE state = 'waiting' AND not_before_ms > ?1",
            [self.now],
            |row| row.get(0),
        )?;
        if let Some(next) = next {
            self.wake(next);
        }
        Ok(())
    }

    pub(crate) fn transfer(&self, id: i64) -> Result<Option<Transfer>, CoreError> {
        Ok(self
            .tx
            .query_row(
                &format!("SELECT {COLUMNS} FROM transfer WHERE id = ?1"),
                [id],
                transfer,
            )
            .optional()?)
    }

    pub(crate) fn upload_started(
        &mut self,
        transfer: i64,
        blob: BlobId,
        stamp: &str,
    ) -> Result<(), CoreError> {
        self.tx.execute(
            "UPDATE transfer SET blob = ?2, stamp = ?3 WHERE id = ?1",
            (transfer, blob.to_string(), stamp),
        )?;
        Ok(())
    }

    pub(crate) fn transfer_progress(
        &mut self,
        transfer: i64,
        done_bytes: u64,
    ) -> Result<(), CoreError> {
        let changed = self.tx.execute(
            "UPDATE transfer SET done_bytes = ?2 WHERE id = ?1 AND state = 'waiting'",
            (transfer, done_bytes),
        )?;
        if changed == 0 {
            return Ok(());
        }
        self.transfer_event(transfer, "running", None)
    }

    pub(crate) fn transfer_event(
        &mut self,
        transfer: i64,
        state: &str,
        failure: Option<&str>,
    ) -> Result<(), CoreError> {
        if let Some(view) = views::transfer(self.tx, transfer)? {
            self.event(Event::Transfer {
                transfer,
                conversation: view.conversation,
                message: view.message,
                upload: view.upload,
                done_bytes: view.done_bytes,
                total_bytes: view.total_bytes,
                state: state.to_owned(),
                path: view.path,
                failure: failure.map(str::to_owned),
            });
        }
        Ok(())
    }

    pub(crate) fn upload_done(
        &mut self,
        transfer: i64,
        blake3: [u8; 32],
        blob_size: u64,
    ) -> Result<(), CoreError> {
        let Some(row) = self.moved(transfer)? else {
            return Ok(());
        };
        let me = self.me()?;
        let mut attachment = row.attachment;
        attachment.blob = row.blob.unwrap_or_default();
        attachment.app = me.address.app.to_string();
        attachment.key = row.key;
        attachment.blake3 = blake3.to_vec();
        attachment.blob_size = blob_size;
        self.tx.execute(
            "UPDATE transfer SET state = 'done', done_bytes = ?2, inline = NULL WHERE id = ?1",
            (transfer, blob_size),
        )?;
        self.transfer_event(transfer, "done", None)?;
        match (row.purpose.as_str(), row.conversation, row.message_id) {
            ("message", Some(conversation), Some(message_id)) => {
                let Some(mut content) = self.stored_content(conversation, &message_id)? else {
                    return Ok(());
                };
                if content.body.is_none() {
                    // Deleted before it was up.
                    return Ok(());
                }
                content.body = Some(said::content::Body::Attachment(attachment));
                self.tx.execute(
                    "UPDATE message SET content = ?3 WHERE conversation = ?1 AND message_id = ?2",
                    (conversation, &message_id, content.encode_to_vec()),
                )?;
                self.enqueue(conversation, &content)
            }
            ("history", _, _) => self.history_part_uploaded(transfer, &attachment),
            ("group_history", _, _) => self.owed_piece_uploaded(transfer, &attachment),
            ("photo", _, _) => self.photo_uploaded(&attachment),
            ("group_photo", Some(conversation), _) => {
                self.group_photo_uploaded(conversation, &attachment)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn download_done(
        &mut self,
        transfer: i64,
        bytes: Option<Vec<u8>>,
    ) -> Result<(), CoreError> {
        let Some(row) = self.moved(transfer)? else {
            return Ok(());
        };
        self.tx.execute(
            "UPDATE transfer SET state = 'done', done_bytes = ?2 WHERE id = ?1",
            (transfer, row.attachment.blob_size),
        )?;
        self.transfer_event(transfer, "done", None)?;
        match (row.purpose.as_str(), bytes) {
            ("history", Some(bytes)) => self.history_part_here(transfer, &bytes),
            ("group_history", Some(bytes)) => {
                self.given_piece_here(transfer, row.conversation.unwrap_or_default(), &bytes)
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn transfer_failed(
        &mut self,
        transfer: i64,
        code: &str,
        retry: bool,
    ) -> Result<(), CoreError> {
        let Some(row) = self.moved(transfer)? else {
            return Ok(());
        };
        if code == ErrorCode::Unauthenticated.as_str() {
            self.sign_in_anew();
        }
        let gives_history = row.direction == "up" && row.purpose == "history";
        let wait = match (retry, gives_history) {
            (true, _) => Some(self.back_off_ms(row.attempts)),
            // The other device has no other way to it.
            (false, true) => self.history_part_failed(transfer, code)?,
            (false, false) => None,
        };
        if let Some(wait) = wait {
            let at = self.now + wait;
            // A blob that the app has forgotten, or does not take, is begun anew.
            let fresh_key: [u8; 32] = self.random_bytes();
            let forget_blob = row.direction == "up" && (code == "not_found" || !retry);
            self.tx.execute(
                "UPDATE transfer SET attempts = attempts + 1, not_before_ms = ?2, blob = CASE WHEN ?3 THEN NULL ELSE blob END,
                     key = CASE WHEN ?3 THEN ?4 ELSE key END WHERE id = ?1",
                (transfer, at, forget_blob, fresh_key),
            )?;
            self.wake(at);
            return Ok(());
        }
        self.fail_transfer(transfer, code)?;
        if row.direction == "down" && code == "damaged" {
            self.warn("file_damaged", row.conversation);
        }
        match (row.purpose.as_str(), row.conversation, row.message_id) {
            ("message", Some(conversation), Some(message_id)) => {
                self.message_failed(conversation, &message_id, code)
            }
            ("file", Some(conversation), Some(message_id)) if code == "not_found" => {
                self.blob_gone(&row.attachment.blob)?;
                self.item_changed(conversation, &message_id)
            }
            ("group_history", _, _) if row.direction == "up" => self.owed_piece_failed(transfer),
            ("group_history", _, _) => self.given_piece_over(transfer),
            ("group_photo", _, _) => {
                self.refuse("set_group_details", code, "the picture could not be moved");
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The shell is done with a transfer; absent when it was stopped, and nothing comes of it.
    pub(crate) fn moved(&mut self, transfer: i64) -> Result<Option<Transfer>, CoreError> {
        self.mem.transfers.remove(&transfer);
        let found = self.transfer(transfer)?;
        Ok(found.filter(|row| row.waits))
    }

    /// The person does not want a message's file to move any more.
    pub(crate) fn stop_transfer(&mut self, transfer: i64) -> Result<(), CoreError> {
        let row = self
            .transfer(transfer)?
            .ok_or(CoreError::NoSuch("transfer"))?;
        if !row.waits {
            return Ok(());
        }
        if !matches!(row.purpose.as_str(), "message" | "file") {
            return Err(CoreError::Refused(
                "only the files of messages can be stopped".into(),
            ));
        }
        if self.mem.transfers.remove(&transfer) {
            self.effect(Effect::StopTransfer(transfer));
        }
        self.fail_transfer(transfer, STOPPED)?;
        match (row.purpose.as_str(), row.conversation, row.message_id) {
            ("message", Some(conversation), Some(message_id)) => {
                self.message_failed(conversation, &message_id, STOPPED)
            }
            _ => Ok(()),
        }
    }

    /// Fetches the picture of a profile.
    pub(crate) fn save_photo(&mut self, address: &Address, path: String) -> Result<(), CoreError> {
        let photo = if *address == self.me()?.address {
            self.own_photo()?
        } else {
            views::photo_of(self.tx, address)?
        };
        let photo = photo.ok_or(CoreError::NoSuch("picture of the profile"))?;
        self.start_download("file", None, None, Some(path), &photo)?;
        Ok(())
    }

    pub(crate) fn fail_transfer(&mut self, transfer: i64, code: &str) -> Result<(), CoreError> {
        self.tx.execute(
            "UPDATE transfer SET state = 'failed', failure = ?2 WHERE id = ?1",
            (transfer, code),
        )?;
        self.transfer_event(transfer, "failed", Some(code))
    }

    /// Tries the failed upload or renewal of a message's file again; false when there is none.
    pub(crate) fn restart_upload(
        &mut self,
        conversation: i64,
        message_id: &[u8],
    ) -> Result<bool, CoreError> {
        let key: [u8; 32] = self.random_bytes();
        // Under another number: what still comes of the one before is not about this one.
        let fresh = self.fresh_id("transfer")?;
        let changed = self.tx.execute(
            "UPDATE transfer SET id = ?4, state = 'waiting', attempts = 0, not_before_ms = 0, failure = '', stamp = '',
                 blob = CASE WHEN direction = 'up' THEN NULL ELSE blob END, key = CASE WHEN direction = 'up' THEN ?3 ELSE key END
             WHERE id = (SELECT max(id) FROM transfer
                 WHERE conversation = ?1 AND message_id = ?2 AND direction IN ('up', 'renew') AND state = 'failed')",
            (conversation, message_id, key, fresh),
        )?;
        Ok(changed > 0)
    }
}
