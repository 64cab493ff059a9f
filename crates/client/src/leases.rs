//! Leases of files at the app: a blob lives for 30 days from its upload or a member's renewal.
//!
//! Who looks at a conversation renews the files that it shows; what nobody looks at for that long
//! makes room. A forwarded file is renewed first, and uploaded again from this device's own copy
//! when its blob is gone.
//!
//! A group's picture is renewed by whoever looks at the group, the own profile's picture by the own
//! device for as long as it is used at all.
//!
//! Always holds: a copy goes up under a key of its own, and only when it is what the original was.
//! Deliberately absent: renewing what nobody looks at, which would fill the author's quota for ever.

use crate::calls::Call;
use crate::output::Method;
use crate::step::Step;
use crate::{CallError, CoreError};
use comity_content::{Message as _, proto as said};
use comity_wire::{ErrorCode, limits};
use rusqlite::OptionalExtension;

/// A lease that is younger is not renewed.
const YOUNG_MS: i64 = limits::BLOB_LEASE_MS / 2;
/// Lines that a person sees who opens a conversation.
const SHOWN: i64 = 100;
/// How often the files of a conversation are looked after while a person is in it.
const LOOK_MS: i64 = 12 * 3_600_000;

impl Step<'_> {
    /// A person looks at a conversation: what it shows stays.
    pub(crate) fn renew_shown(&mut self, conversation: i64) -> Result<(), CoreError> {
        let looked = self.mem.looked.get(&conversation).copied();
        if !self.is_synced() || looked.is_some_and(|at| self.now - at < LOOK_MS) {
            return Ok(());
        }
        self.mem.looked.insert(conversation, self.now);
        if let Some(photo) = self.group_photo(conversation)? {
            self.renew_photo(&photo, Some(conversation))?;
        }
        let shown: Vec<(Vec<u8>, i64, Vec<u8>)> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT message_id, at_ms, content FROM (
                     SELECT message_id, at_ms, content, kind, deleted, status FROM message WHERE conversation = ?1
                     ORDER BY coalesce(seq, 9223372036854775807) DESC, id DESC LIMIT ?2
                 ) WHERE kind = 'attachment' AND deleted = 0 AND status IN ('sent', 'received') AND at_ms < ?3",
            )?;
            statement
                .query_map((conversation, SHOWN, self.now - YOUNG_MS), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?
                .collect::<Result<_, _>>()?
        };
        for (message_id, at_ms, content) in shown {
            let content = said::Content::decode(content.as_slice()).unwrap_or_default();
            let Some(said::content::Body::Attachment(file)) = content.body else {
                continue;
            };
            let (renewed_ms, gone) = self.lease(&file.blob)?.unwrap_or((at_ms, false));
            if file.blob.is_empty() || gone || self.now - renewed_ms.max(at_ms) < YOUNG_MS {
                continue;
            }
            self.http::<()>(
                Method::Post,
                format!("/v1/blobs/{}/renew", file.blob),
                None,
                Call::Renewed {
                    conversation,
                    message_id,
                    blob: file.blob,
                },
            )?;
        }
        Ok(())
    }

    /// The own profile's picture stays for as long as this device is used.
    pub(crate) fn upkeep_photo(&mut self) -> Result<(), CoreError> {
        match self.own_photo()? {
            Some(photo) => self.renew_photo(&photo, None),
            None => Ok(()),
        }
    }

    fn renew_photo(
        &mut self,
        photo: &said::Attachment,
        conversation: Option<i64>,
    ) -> Result<(), CoreError> {
        // Since when it has been up is not known: asked about once, then noted.
        let (renewed_ms, gone) = self.lease(&photo.blob)?.unwrap_or((0, false));
        if photo.blob.is_empty() || gone || self.now - renewed_ms < YOUNG_MS {
            return Ok(());
        }
        self.http::<()>(
            Method::Post,
            format!("/v1/blobs/{}/renew", photo.blob),
            None,
            Call::PhotoRenewed {
                conversation,
                blob: photo.blob.clone(),
            },
        )
    }

    pub(crate) fn photo_renewed(
        &mut self,
        conversation: Option<i64>,
        blob: &str,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        match (result, conversation) {
            (Ok(_), _) => self.note_lease(blob, false),
            (Err(CallError::Refused(error)), Some(_)) if error.code == ErrorCode::NotFound => {
                self.blob_gone(blob)
            }
            (Err(CallError::Refused(error)), None) if error.code == ErrorCode::NotFound => {
                self.blob_gone(blob)?;
                self.put_photo_up_again(blob)
            }
            // The next look, or the next upkeep, asks again.
            (Err(_), Some(conversation)) => {
                self.mem.looked.remove(&conversation);
                Ok(())
            }
            (Err(_), None) => Ok(()),
        }
    }

    /// This device was away for longer than the lease: the picture goes up again from where it
    /// came from, if it still is what it was.
    fn put_photo_up_again(&mut self, blob: &str) -> Result<(), CoreError> {
        let Some(photo) = self.own_photo()?.filter(|photo| photo.blob == blob) else {
            return Ok(());
        };
        let key: [u8; 32] = self.random_bytes();
        self.tx.execute(
            "UPDATE transfer SET state = 'waiting', blob = NULL, stamp = '', key = ?2, copy_of = ?3, attempts = 0, not_before_ms = 0
             WHERE id = (SELECT max(id) FROM transfer WHERE purpose = 'photo' AND state = 'done' AND blob = ?1)",
            (blob, key, photo.encode_to_vec()),
        )?;
        Ok(())
    }

    /// When a blob was renewed, and whether it is known to be gone.
    fn lease(&self, blob: &str) -> Result<Option<(i64, bool)>, CoreError> {
        Ok(self
            .tx
            .prepare_cached("SELECT renewed_ms, gone FROM lease WHERE blob = ?1")?
            .query_row([blob], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()?)
    }

    pub(crate) fn note_lease(&mut self, blob: &str, gone: bool) -> Result<(), CoreError> {
        self.tx.execute(
            "INSERT INTO lease (blob, renewed_ms, gone) VALUES (?1, ?2, ?3)
             ON CONFLICT (blob) DO UPDATE SET renewed_ms = excluded.renewed_ms, gone = excluded.gone",
            (blob, self.now, gone),
        )?;
        Ok(())
    }

    /// The app no longer has a blob.
    pub(crate) fn blob_gone(&mut self, blob: &str) -> Result<(), CoreError> {
        self.note_lease(blob, true)
    }

    pub(crate) fn shown_renewed(
        &mut self,
        conversation: i64,
        message_id: &[u8],
        blob: &str,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        match result {
            Ok(_) => self.note_lease(blob, false),
            Err(CallError::Refused(error)) if error.code == ErrorCode::NotFound => {
                self.blob_gone(blob)?;
                self.item_changed(conversation, message_id)
            }
            // The next look asks again.
            Err(_) => {
                self.mem.looked.remove(&conversation);
                Ok(())
            }
        }
    }

    /// A file is forwarded: its lease first. `source`: where this device has the file.
    pub(crate) fn start_renewal(
        &mut self,
        conversation: i64,
        message_id: Vec<u8>,
        source: Option<String>,
        attachment: &said::Attachment,
    ) -> Result<(), CoreError> {
        let id = self.fresh_id("transfer")?;
        self.tx.execute(
            "INSERT INTO transfer (id, direction, purpose, conversation, message_id, path, key, blob, plain_size, content, state)
             VALUES (?1, 'renew', 'message', ?2, ?3, ?4, ?5, ?6, ?7, ?8, 'waiting')",
            rusqlite::params![
                id, conversation, message_id, source, attachment.key, attachment.blob, attachment.size, attachment.encode_to_vec()
            ],
        )?;
        Ok(())
    }

    pub(crate) fn ask_renewal(&mut self, transfer: i64, blob: &str) -> Result<(), CoreError> {
        self.http::<()>(
            Method::Post,
            format!("/v1/blobs/{blob}/renew"),
            None,
            Call::ForwardRenewed { transfer },
        )
    }

    /// The lease of a forwarded file was renewed, and it can be said; or it is gone.
    pub(crate) fn forward_renewed(
        &mut self,
        transfer: i64,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        if self.moved(transfer)?.is_none() {
            return Ok(());
        }
        let error = match result {
            Ok(_) => return self.forward_ready(transfer),
            Err(error) => error,
        };
        let CallError::Refused(error) = error else {
            return self.transfer_failed(transfer, "unreachable", true);
        };
        if error.code == ErrorCode::NotFound {
            return self.forward_anew(transfer);
        }
        let retry = error.code.http_status() >= 500
            || matches!(
                error.code,
                ErrorCode::RateLimited | ErrorCode::Unauthenticated
            );
        self.transfer_failed(transfer, error.code.as_str(), retry)
    }

    fn forward_ready(&mut self, transfer: i64) -> Result<(), CoreError> {
        let Some(row) = self.transfer(transfer)? else {
            return Ok(());
        };
        self.note_lease(&row.attachment.blob, false)?;
        self.tx.execute(
            "UPDATE transfer SET state = 'done', done_bytes = ?2 WHERE id = ?1",
            (transfer, row.attachment.blob_size),
        )?;
        let (Some(conversation), Some(message_id)) = (row.conversation, row.message_id) else {
            return Ok(());
        };
        match self.stored_content(conversation, &message_id)? {
            Some(content) if content.body.is_some() => self.enqueue(conversation, &content),
            // Taken back before it went out.
            _ => Ok(()),
        }
    }

    /// The blob is gone: up again from the own copy, under another key.
    fn forward_anew(&mut self, transfer: i64) -> Result<(), CoreError> {
        let Some(row) = self.transfer(transfer)? else {
            return Ok(());
        };
        self.blob_gone(&row.attachment.blob)?;
        if row.path.is_none() {
            return self.transfer_failed(transfer, "file_gone", false);
        }
        let key: [u8; 32] = self.random_bytes();
        self.tx.execute(
            "UPDATE transfer SET direction = 'up', blob = NULL, key = ?2, copy_of = content, attempts = 0 WHERE id = ?1",
            (transfer, key),
        )?;
        Ok(())
    }
}
