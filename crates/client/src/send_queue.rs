//! The send queue: what was said and is not yet in the log.
//!
//! A message is stored before it is sealed, its ciphertext and idempotency key before they leave;
//! a retry sends the same bytes, also after this device came in anew and did not read where they may
//! stand. When the hub says that their epoch is too far back, and so that it did not take them and
//! never will, it is sealed anew under the same message id, after the log was read to its end.
//! Always holds: what is sealed in a later epoch leaves only when nothing before it waits for an answer in an
//! earlier one, which the hub may refuse: nothing that is said overtakes what was said before it.

use crate::conversations::{Conversation, State};
use crate::step::{Request, Step};
use crate::store::meta;
use crate::timeline::TOO_LATE;
use crate::{CallError, CoreError};
use comity_content::{Message as _, proto as said};
use comity_e2ee::engine::EngineError;
use comity_e2ee::envelope;
use comity_wire::planted::{self, Bug};
use comity_wire::proto::{self, client_frame::Act};
use comity_wire::{ErrorCode, IdempotencyKey, WireError};
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Appends of one conversation under way at once.
const IN_FLIGHT_MAX: usize = 64;

/// Where something stands that this device says again: its place, its time, and what it is reported by.
#[derive(Serialize, Deserialize)]
struct First {
    seq: u64,
    at_ms: i64,
    franking_key: Vec<u8>,
    sender_nonce: Vec<u8>,
    header: Vec<u8>,
    seal: Vec<u8>,
}

impl First {
    fn of(message: &said::ArchivedMessage) -> Self {
        Self {
            seq: message.seq,
            at_ms: message.at_ms,
            franking_key: message.franking_key.clone(),
            sender_nonce: message.sender_nonce.clone(),
            header: message.header.clone(),
            seal: message.seal.clone(),
        }
    }
}

/// Where it is kept at which place something stands that this device says again.
fn said_first(conversation: i64, message_id: &[u8]) -> String {
    let id = data_encoding::HEXLOWER.encode(message_id);
    format!("said_first/{conversation}/{id}")
}

struct Queued {
    id: i64,
    message_id: Vec<u8>,
    content: Vec<u8>,
    key: Option<Vec<u8>>,
    epoch: Option<u64>,
    body: Option<Vec<u8>>,
    nonce: Option<Vec<u8>>,
    header: Option<Vec<u8>>,
    franking_key: Option<Vec<u8>>,
}

const COLUMNS: &str =
    "id, message_id, content, idempotency_key, epoch, body, sender_nonce, header, franking_key";

fn queued(row: &rusqlite::Row<'_>) -> Result<Queued, rusqlite::Error> {
    Ok(Queued {
        id: row.get(0)?,
        message_id: row.get(1)?,
        content: row.get(2)?,
        key: row.get(3)?,
        epoch: row.get(4)?,
        body: row.get(5)?,
        nonce: row.get(6)?,
        header: row.get(7)?,
        franking_key: row.get(8)?,
    })
}

impl Step<'_> {
    /// Puts a content at the end of a conversation's queue.
    pub(crate) fn enqueue(
        &mut self,
        conversation: i64,
        content: &said::Content,
    ) -> Result<(), CoreError> {
        let id = self.fresh_id("send_queue")?;
        self.tx.execute(
            "INSERT INTO send_queue (id, conversation, message_id, content) VALUES (?1, ?2, ?3, ?4)",
            (id, conversation, &content.message_id, content.encode_to_vec()),
        )?;
        Ok(())
    }

    /// Answers to what was asked for these rows are about something else than they are now.
    pub(crate) fn forget_appends(&mut self, rows: &BTreeSet<i64>) {
        self.mem.requests.retain(
            |_, request| !matches!(request, Request::Append { queue } if rows.contains(queue)),
        );
    }

    /// Something between devices that no timeline shows.
    pub(crate) fn enqueue_hidden(
        &mut self,
        conversation: i64,
        body: said::content::Body,
    ) -> Result<(), CoreError> {
        let content = said::Content {
            message_id: self.random_bytes::<16>().to_vec(),
            written_ms: self.now,
            body: Some(body),
            ..Default::default()
        };
        self.enqueue(conversation, &content)
    }

    /// Tells the own other devices something, through the conversation with oneself.
    pub(crate) fn sync_devices(&mut self, sync: said::DeviceSync) -> Result<(), CoreError> {
        let me = self.me()?;
        if me.manifest.manifest.devices.len() < 2 {
            return Ok(());
        }
        let Some(own) = self.self_conversation()? else {
            return Ok(());
        };
        self.enqueue_hidden(own.id, said::content::Body::DeviceSync(sync))
    }

    pub(crate) fn self_conversation(&self) -> Result<Option<Conversation>, CoreError> {
        let Some(id) = self.me()?.self_conversation else {
            return Ok(None);
        };
        self.conversation_by_cid("", id.as_bytes())
    }

    pub(crate) fn pump_send_queue(&mut self) -> Result<(), CoreError> {
        let waiting: Vec<i64> = {
            let mut statement = self
                .tx
                .prepare_cached("SELECT DISTINCT conversation FROM send_queue")?;
            statement
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?
        };
        for conversation in waiting {
            let conversation = self.conversation(conversation)?;
            if matches!(conversation.state, State::Left | State::Refused) {
                self.nothing_leaves(&conversation)?;
            } else if (conversation.is_caught_up() && !self.is_reading(&conversation)
                || planted::is(Bug::SealsRetriesAnew))
                && self.is_anyone_there(&conversation)?
            {
                self.pump_conversation(&conversation)?;
            }
        }
        Ok(())
    }

    pub(crate) fn has_unsent(&self, conversation: i64) -> Result<bool, CoreError> {
        Ok(self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM send_queue WHERE conversation = ?1)",
            [conversation],
            |row| row.get(0),
        )?)
    }

    /// Out of it: what waited to be said is not sent, and its lines say so. Who comes back may try
    /// again.
    fn nothing_leaves(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        let waiting: Vec<(i64, Vec<u8>, Vec<u8>)> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT id, message_id, content FROM send_queue WHERE conversation = ?1 ORDER BY id",
            )?;
            statement
                .query_map([conversation.id], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })?
                .collect::<Result<_, _>>()?
        };
        // A one-to-one conversation ends with the account of the other side.
        let code = match conversation.peer {
            Some(_) => ErrorCode::AccountGone,
            None => ErrorCode::NotMember,
        };
        for (id, message_id, content) in waiting {
            self.tx
                .execute("DELETE FROM send_queue WHERE id = ?1", [id])?;
            self.message_failed(conversation.id, &message_id, code.as_str())?;
            self.change_refused(conversation.id, (id, &content), code.as_str())?;
        }
        Ok(())
    }

    /// A one-to-one conversation has both sides in it, a group the people it was made with: what is
    /// said before that, nobody could read.
    fn is_anyone_there(&self, conversation: &Conversation) -> Result<bool, CoreError> {
        let Some(peer) = &conversation.peer else {
            return Ok(self
                .tx
                .prepare_cached(
                    "SELECT NOT EXISTS (SELECT 1 FROM wish WHERE conversation = ?1 AND kind = 'add')
                         OR EXISTS (SELECT 1 FROM member WHERE conversation = ?1 AND address <> ?2)",
                )?
                .query_row(
                    (conversation.id, self.me()?.address.to_string()),
                    |row| row.get(0),
                )?);
        };
        Ok(self
            .tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM member WHERE conversation = ?1 AND address = ?2)",
            )?
            .query_row((conversation.id, peer.to_string()), |row| row.get(0))?)
    }

    fn pump_conversation(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        let under_way: BTreeSet<i64> = self
            .mem
            .requests
            .values()
            .filter_map(|request| match request {
                Request::Append { queue } => Some(*queue),
                _ => None,
            })
            .collect();
        // Nothing overtakes what waits.
        let until: Option<i64> = self.tx.query_row(
            "SELECT max(not_before_ms) FROM send_queue WHERE conversation = ?1 AND not_before_ms > ?2",
            (conversation.id, self.now),
            |row| row.get(0),
        )?;
        if let Some(until) = until {
            self.wake(until);
            return Ok(());
        }
        let due: Vec<Queued> = {
            let mut statement = self.tx.prepare_cached(&format!(
                "SELECT {COLUMNS} FROM send_queue WHERE conversation = ?1 ORDER BY id LIMIT ?2"
            ))?;
            statement
                .query_map(
                    (conversation.id, i64::try_from(IN_FLIGHT_MAX).unwrap_or(64)),
                    queued,
                )?
                .collect::<Result<_, _>>()?
        };
        let mut before = u64::MAX;
        for item in due {
            let is_under_way = under_way.contains(&item.id);
            let again = !planted::is(Bug::SealsRetriesAnew);
            let epoch = match item.epoch {
                Some(epoch) if again || is_under_way => epoch,
                // On its way, and to be sealed anew unless it was taken.
                None if is_under_way => 0,
                _ => conversation.epoch,
            };
            // What is before it may be too old for the hub, and this not.
            if epoch > before {
                break;
            }
            before = epoch;
            if is_under_way {
                continue;
            }
            let (Some(body), Some(key), Some(nonce), Some(_), true) =
                (&item.body, &item.key, &item.nonce, item.epoch, again)
            else {
                if !self.seal_and_send(conversation, &item)? {
                    break;
                }
                continue;
            };
            self.send_append(
                conversation,
                item.id,
                epoch,
                key.clone(),
                body.clone(),
                nonce.clone(),
            );
        }
        Ok(())
    }

    fn send_append(
        &mut self,
        conversation: &Conversation,
        queue: i64,
        epoch: u64,
        key: Vec<u8>,
        body: Vec<u8>,
        nonce: Vec<u8>,
    ) {
        let (hub, log) = conversation.wire_log(self);
        self.request(
            Request::Append { queue },
            Act::Append(proto::Append {
                hub,
                conversation: log,
                epoch,
                idempotency_key: key,
                body,
                sender_nonce: nonce,
            }),
        );
    }

    /// Seals an item for the current epoch; false when the group can not seal now. A change for which it is too
    /// late by now does not leave: everybody would refuse it.
    fn seal_and_send(
        &mut self,
        conversation: &Conversation,
        item: &Queued,
    ) -> Result<bool, CoreError> {
        if self.has_unlisted(conversation.id)? {
            return Ok(false);
        }
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let content = said::Content::decode(item.content.as_slice())
            .map_err(|_| CoreError::Damaged("queued content"))?;
        // What was sealed before may have been taken in time.
        if item.key.is_none() && self.is_too_late(conversation.id, &content, self.now)? {
            self.tx
                .execute("DELETE FROM send_queue WHERE id = ?1", [item.id])?;
            self.change_refused(conversation.id, (item.id, &item.content), TOO_LATE)?;
            return Ok(true);
        }
        let (from, last, hash) = self.author_position(conversation)?;
        let mut mls = self.groups.session(self.tx, &me.keys, &me.address);
        let position = envelope::AuthorPosition {
            window_from: from,
            last_seq: last,
            running_hash: hash,
        };
        let hint = mls.epoch_authenticator(&id)?;
        let sealed = envelope::seal(
            &content,
            &me.address,
            &me.keys.id(),
            &position,
            hint,
            self.random,
        );
        let franked = &sealed.franked;
        let body = match mls.encrypt(&id, &sealed.plaintext, &franked.header) {
            Ok(body) => body,
            Err(EngineError::Storage(error)) => return Err(EngineError::Storage(error).into()),
            Err(_) => {
                // A proposal of the app waits to be committed first.
                self.want(conversation.id, "reconcile", 0)?;
                return Ok(false);
            }
        };
        let epoch = mls.epoch(&id)?;
        let key = IdempotencyKey::random(self.random);
        self.tx
            .prepare_cached(
                "UPDATE send_queue SET idempotency_key = ?2, epoch = ?3, body = ?4, franking_key = ?5, sender_nonce = ?6, header = ?7 WHERE id = ?1",
            )?
            .execute((item.id, key.to_vec(), epoch, &body, franked.franking_key, franked.sender_nonce, &franked.header))?;
        self.send_append(
            conversation,
            item.id,
            epoch,
            key.to_vec(),
            body,
            franked.sender_nonce.to_vec(),
        );
        Ok(true)
    }

    /// The hub took it: when its turn has come it is part of the log, else the log is read first.
    pub(crate) fn appended(
        &mut self,
        queue: i64,
        appended: &proto::Appended,
    ) -> Result<(), CoreError> {
        let row: Option<(i64, Queued)> = self
            .tx
            .query_row(
                &format!("SELECT {COLUMNS}, conversation FROM send_queue WHERE id = ?1"),
                [queue],
                |row| Ok((row.get(9)?, queued(row)?)),
            )
            .optional()?;
        let Some((conversation, item)) = row else {
            return Ok(());
        };
        let mut conversation = self.conversation(conversation)?;
        if !conversation.is_active() {
            return Ok(());
        }
        // Said before this device came in anew: the place is one that it did not read.
        if appended.seq <= conversation.joined_seq {
            self.own_entry(
                &conversation,
                &item,
                appended.seq,
                appended.at_ms,
                &appended.seal,
            )?;
            return self.is_here(conversation.id, appended.seq);
        }
        if appended.seq < conversation.next_seq {
            return self.place_was_taken(&mut conversation, appended.seq);
        }
        if appended.seq != conversation.next_seq {
            conversation.head_seq = conversation.head_seq.max(appended.seq);
            self.save_position(&conversation)?;
            // The entry comes with what stands before it.
            let (hub, log) = conversation.wire_log(self);
            self.fetch(&hub, &log, conversation.next_seq - 1);
            return Ok(());
        }
        let body = item.body.clone().unwrap_or_default();
        self.own_entry(
            &conversation,
            &item,
            appended.seq,
            appended.at_ms,
            &appended.seal,
        )?;
        self.passed(
            &mut conversation,
            appended.seq,
            proto::EntryKind::Content.into(),
            &body,
        )?;
        self.save_position(&conversation)?;
        self.acknowledge(&conversation);
        Ok(())
    }

    /// Recognises an entry of this device by its idempotency key.
    pub(crate) fn take_own_entry(
        &mut self,
        conversation: &Conversation,
        entry: &proto::Entry,
    ) -> Result<bool, CoreError> {
        let item: Option<Queued> = self
            .tx
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM send_queue WHERE idempotency_key = ?1 AND conversation = ?2"
            ))?
            .query_row((&entry.idempotency_key, conversation.id), queued)
            .optional()?;
        let Some(item) = item else { return Ok(false) };
        self.own_entry(conversation, &item, entry.seq, entry.at_ms, &entry.seal)?;
        Ok(true)
    }

    /// Another own device shows where something stands that this one said. What was said before this device was out,
    /// and whose answer was lost, is not said again; what was said again stands where it stood first.
    pub(crate) fn was_said(
        &mut self,
        conversation: &Conversation,
        message: &said::ArchivedMessage,
        id: &[u8],
    ) -> Result<(), CoreError> {
        let first = First::of(message);
        if self.stands_first(conversation.id, id, &first)? {
            return self.item_changed(conversation.id, id);
        }
        if self.has_failed(conversation.id, id)? {
            // Given up while the account was out: it was said all the same.
            return self.was_sent_first(conversation.id, id, &first);
        }
        let item: Option<Queued> = self
            .tx
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM send_queue WHERE conversation = ?1 AND message_id = ?2"
            ))?
            .query_row((conversation.id, id), queued)
            .optional()?;
        let Some(item) = item else { return Ok(()) };
        if conversation.is_active() {
            // It is on its way again, and everybody else keeps what came first.
            return meta::put(self.tx, &said_first(conversation.id, id), &first);
        }
        self.own_entry(
            conversation,
            &item,
            message.seq,
            message.at_ms,
            &message.seal,
        )
    }

    fn has_failed(&self, conversation: i64, id: &[u8]) -> Result<bool, CoreError> {
        Ok(self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND message_id = ?2 AND outgoing = 1 AND status = 'failed')",
            (conversation, id),
            |row| row.get(0),
        )?)
    }

    /// A line that stands behind the place where it was said first goes there.
    fn stands_first(&self, conversation: i64, id: &[u8], first: &First) -> Result<bool, CoreError> {
        let moved = self.tx.execute(
            "UPDATE message SET seq = ?3, at_ms = ?4
             WHERE conversation = ?1 AND message_id = ?2 AND seq > ?3 AND status NOT IN ('queued', 'failed')",
            (conversation, id, first.seq, first.at_ms),
        )?;
        if moved > 0 {
            self.is_reported_by(conversation, id, first)?;
        }
        Ok(moved > 0)
    }

    fn own_entry(
        &mut self,
        conversation: &Conversation,
        item: &Queued,
        seq: u64,
        at_ms: i64,
        seal: &[u8],
    ) -> Result<(), CoreError> {
        self.tx
            .execute("DELETE FROM send_queue WHERE id = ?1", [item.id])?;
        self.tx.execute(
            "UPDATE message SET franking_key = ?3, sender_nonce = ?4, header = ?5 WHERE conversation = ?1 AND message_id = ?2",
            (conversation.id, &item.message_id, &item.franking_key, &item.nonce, &item.header),
        )?;
        self.change_in_place(conversation.id, (item.id, &item.content), (seq, at_ms))?;
        match self.take_first(conversation.id, &item.message_id)? {
            Some(first) if first.seq < seq => {
                self.was_sent_first(conversation.id, &item.message_id, &first)
            }
            _ => self.message_sent(conversation.id, &item.message_id, Some(seq), at_ms, seal),
        }
    }

    fn was_sent_first(
        &mut self,
        conversation: i64,
        id: &[u8],
        first: &First,
    ) -> Result<(), CoreError> {
        self.message_sent(conversation, id, Some(first.seq), first.at_ms, &first.seal)?;
        self.is_reported_by(conversation, id, first)
    }

    fn is_reported_by(&self, conversation: i64, id: &[u8], first: &First) -> Result<(), CoreError> {
        self.tx.execute(
            "UPDATE message SET franking_key = ?3, sender_nonce = ?4, header = ?5, seal = ?6 WHERE conversation = ?1 AND message_id = ?2",
            (
                conversation,
                id,
                &first.franking_key,
                &first.sender_nonce,
                &first.header,
                &first.seal,
            ),
        )?;
        Ok(())
    }

    /// Where something was said first that is on its way again; forgotten with that.
    fn take_first(&self, conversation: i64, id: &[u8]) -> Result<Option<First>, CoreError> {
        let key = said_first(conversation, id);
        let first = meta::get(self.tx, &key)?;
        if first.is_some() {
            meta::remove(self.tx, &key)?;
        }
        Ok(first)
    }

    pub(crate) fn append_refused(&mut self, queue: i64, error: WireError) -> Result<(), CoreError> {
        let row: Option<(i64, Vec<u8>, Vec<u8>, i64)> = self
            .tx
            .query_row(
                "SELECT conversation, message_id, content, attempts FROM send_queue WHERE id = ?1",
                [queue],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .optional()?;
        let Some((conversation, message_id, content, attempts)) = row else {
            return Ok(());
        };
        let row = self.conversation(conversation)?;
        match error.code {
            ErrorCode::StaleEpoch => {
                self.tx.execute(
                    "UPDATE send_queue SET body = NULL, epoch = NULL WHERE id = ?1",
                    [queue],
                )?;
                let (hub, log) = row.wire_log(self);
                self.fetch(&hub, &log, row.next_seq - 1);
                Ok(())
            }
            ErrorCode::NotMember | ErrorCode::NotFound => {
                let (hub, log) = row.wire_log(self);
                self.log_closed(&hub, &log)
            }
            ErrorCode::RateLimited
            | ErrorCode::Unavailable
            | ErrorCode::Internal
            | ErrorCode::StorageFull
            | ErrorCode::QuotaExceeded => {
                // Of what was on its way together each is refused: that is one time, and no reason to wait longer.
                let not_before_ms: i64 = self.tx.query_row(
                    "SELECT not_before_ms FROM send_queue WHERE id = ?1",
                    [queue],
                    |row| row.get(0),
                )?;
                let waits = not_before_ms > self.now;
                let wait = if waits { 0 } else { self.back_off_ms(attempts) };
                let at = (self.now + wait.max(i64::from(error.retry_after_ms))).max(not_before_ms);
                // The whole queue waits, so that the order stays.
                self.tx.execute(
                    "UPDATE send_queue SET not_before_ms = ?2, attempts = attempts + ?3 WHERE conversation = ?1",
                    (conversation, at, !waits),
                )?;
                self.wake(at);
                if error.code != ErrorCode::RateLimited {
                    self.failed("send", &CallError::Refused(error));
                }
                Ok(())
            }
            code => {
                self.tx
                    .execute("DELETE FROM send_queue WHERE id = ?1", [queue])?;
                if let Some(first) = self.take_first(conversation, &message_id)? {
                    // It is not said a second time: it was said.
                    let place = (first.seq, first.at_ms);
                    self.change_in_place(conversation, (queue, &content), place)?;
                    return self.was_sent_first(conversation, &message_id, &first);
                }
                self.message_failed(conversation, &message_id, code.as_str())?;
                self.change_refused(conversation, (queue, &content), code.as_str())
            }
        }
    }

    pub(crate) fn retry_message(
        &mut self,
        conversation: i64,
        message: comity_wire::MessageId,
    ) -> Result<(), CoreError> {
        let content: Option<Vec<u8>> = self
            .tx
            .query_row(
                "SELECT content FROM message WHERE conversation = ?1 AND message_id = ?2 AND status = 'failed' AND deleted = 0",
                (conversation, message.to_vec()),
                |row| row.get(0),
            )
            .optional()?;
        let Some(content) = content else {
            return Err(CoreError::NoSuch("failed message"));
        };
        let content =
            said::Content::decode(content.as_slice()).map_err(|_| CoreError::Damaged("message"))?;
        self.tx.execute(
            "UPDATE message SET status = 'queued', failure = '', seq = NULL WHERE conversation = ?1 AND message_id = ?2",
            (conversation, message.to_vec()),
        )?;
        let row = self.conversation(conversation)?;
        if row.conversation.is_none()
            && let Some(peer) = row.peer
        {
            self.introduce_with(&peer, &content)?;
        } else if let Some(said::content::Body::Attachment(_)) = &content.body
            && self.restart_upload(conversation, &content.message_id)?
        {
        } else {
            self.enqueue(conversation, &content)?;
        }
        self.item_changed(conversation, &content.message_id)
    }
}
