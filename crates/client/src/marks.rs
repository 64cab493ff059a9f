//! Marks (read up to), cursors (delivered up to) and signals (typing).

use crate::CoreError;
use crate::conversations::Conversation;
use crate::logs::can_be_a_log;
use crate::output::Event;
use crate::step::{MarkPut, Request, Step};
use crate::store::meta;
use comity_content::{Message as _, proto as said};
use comity_e2ee::marks::{self, MarkKey};
use comity_wire::proto::{self, client_frame::Act};
use comity_wire::{Address, DeviceId, ErrorCode, WireError};
use data_encoding::HEXLOWER;
use rusqlite::OptionalExtension;

/// A typing signal is repeated at most this often.
const TYPING_MS: i64 = 4_000;
/// Until a mark that was refused for now is put again, at the least.
const AGAIN_MS: i64 = 5_000;
/// Marks of others that came before what opens them.
const EARLY_MAX: usize = 256;
const EARLY_BYTES_MAX: usize = 1_024;

impl Step<'_> {
    pub(crate) fn mark_read(&mut self, conversation: i64) -> Result<(), CoreError> {
        self.no_longer_marked(&self.conversation(conversation)?)?;
        // A request stands before the first entry: who has read it says so of that.
        let newest: u64 = self.tx.query_row(
            "SELECT max(coalesce(max(seq), 0), EXISTS (SELECT 1 FROM message
                 WHERE conversation = ?1 AND seq = 0 AND outgoing = 0 AND kind <> 'notice'))
             FROM message WHERE conversation = ?1 AND kind <> 'notice'",
            [conversation],
            |row| row.get(0),
        )?;
        let changed = self.tx.execute(
            "UPDATE conversation SET read_seq = max(read_seq, ?2), mark_epoch = -1 WHERE id = ?1 AND read_seq < ?2",
            (conversation, newest),
        )?;
        if changed > 0 {
            self.count_unread(conversation)?;
        }
        self.refresh_profiles(conversation)?;
        self.renew_shown(conversation)
    }

    /// Puts the own mark wherever it is newer than what the hub has, and again after each commit. What the hub
    /// has it says: a mark that was on its way when the line broke is put in the next session.
    pub(crate) fn pump_marks(&mut self) -> Result<(), CoreError> {
        let due: Vec<(i64, u64, u64)> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT id, read_seq, mark_counter FROM conversation INDEXED BY conversation_mark_due
                 WHERE state = 'active' AND read_seq > 0 AND mark_epoch <> epoch AND next_seq > head_seq",
            )?;
            statement
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                .collect::<Result<_, _>>()?
        };
        for (id, read_seq, counter) in due {
            let conversation = self.conversation(id)?;
            if let Some(put) = self.mem.marks_put.get(&id).copied()
                && (put.epoch, put.read_seq) == (conversation.epoch, read_seq)
                && put.again_ms.is_none_or(|at| at > self.now)
            {
                continue;
            }
            let body = said::MarkBody { read_seq }.encode_to_vec();
            let Some(sealed) =
                self.seal_mark(&conversation, counter + 1, &body, marks::Lane::Mark)?
            else {
                continue;
            };
            let (hub, log) = conversation.wire_log(self);
            let put = MarkPut {
                epoch: conversation.epoch,
                read_seq,
                again_ms: None,
            };
            self.mem.marks_put.insert(id, put);
            self.request(
                Request::Mark { conversation: id },
                Act::PutMark(proto::PutMark {
                    hub,
                    conversation: log,
                    epoch: conversation.epoch,
                    body: sealed,
                }),
            );
            self.tx.execute(
                "UPDATE conversation SET mark_counter = ?2 WHERE id = ?1",
                (id, counter + 1),
            )?;
        }
        Ok(())
    }

    /// The hub has the own mark.
    pub(crate) fn mark_put(&mut self, conversation: i64) -> Result<(), CoreError> {
        let Some(put) = self.mem.marks_put.get(&conversation).copied() else {
            return Ok(());
        };
        self.tx.execute(
            "UPDATE conversation SET mark_epoch = ?2 WHERE id = ?1 AND epoch = ?2 AND read_seq = ?3",
            (conversation, put.epoch, put.read_seq),
        )?;
        Ok(())
    }

    /// It does not take it: of another epoch, where a commit is on its way here and the mark is put behind it, or
    /// for now.
    pub(crate) fn mark_refused(&mut self, conversation: i64, error: &WireError) {
        if matches!(
            error.code,
            ErrorCode::StaleEpoch | ErrorCode::NotMember | ErrorCode::NotFound
        ) {
            return;
        }
        let at = self.now + i64::from(error.retry_after_ms).max(AGAIN_MS);
        if let Some(put) = self.mem.marks_put.get_mut(&conversation) {
            put.again_ms = Some(at);
            self.wake(at);
        }
    }

    /// A mark that can not be opened yet waits: its author puts it again only with the next thing that they read.
    pub(crate) fn early_mark(
        &mut self,
        hub: &str,
        conversation: &[u8],
        mark: &proto::Mark,
    ) -> Result<(), CoreError> {
        if mark.body.len() > EARLY_BYTES_MAX
            || DeviceId::from_slice(&mark.device).is_err()
            || !can_be_a_log(hub, conversation)
        {
            return Ok(());
        }
        let waiting = meta::under(self.tx, EARLY)?;
        if waiting.len() >= EARLY_MAX {
            for name in waiting {
                meta::remove(self.tx, &format!("{EARLY}{name}"))?;
            }
        }
        let key = early(hub, conversation) + &HEXLOWER.encode(&mark.device);
        meta::put(self.tx, &key, &(mark.epoch, mark.body.clone()))
    }

    /// In an epoch more: what came before it is opened now.
    pub(crate) fn early_marks(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        let (hub, log) = conversation.wire_log(self);
        let place = early(&hub, &log);
        for device in meta::under(self.tx, &place)? {
            let key = format!("{place}{device}");
            let Some((epoch, body)) = meta::get::<(u64, Vec<u8>)>(self.tx, &key)? else {
                continue;
            };
            if epoch > conversation.epoch {
                continue;
            }
            meta::remove(self.tx, &key)?;
            let device = HEXLOWER.decode(device.as_bytes()).unwrap_or_default();
            let mark = proto::Mark {
                device,
                epoch,
                body,
            };
            self.mark(conversation, &mark)?;
        }
        Ok(())
    }

    fn mark_key(&self, conversation: i64, epoch: u64) -> Result<Option<MarkKey>, CoreError> {
        let bytes: Option<Vec<u8>> = self
            .tx
            .query_row(
                "SELECT key FROM mark_key WHERE conversation = ?1 AND epoch = ?2",
                (conversation, epoch),
                |row| row.get(0),
            )
            .optional()?;
        Ok(bytes.and_then(|bytes| MarkKey::from_bytes(&bytes).ok()))
    }

    fn seal_mark(
        &mut self,
        conversation: &Conversation,
        counter: u64,
        body: &[u8],
        what: marks::Lane,
    ) -> Result<Option<Vec<u8>>, CoreError> {
        let me = self.me()?;
        let Some(key) = self.mark_key(conversation.id, conversation.epoch)? else {
            return Ok(None);
        };
        marks::seal(
            &key,
            &me.keys,
            &marks::Place {
                conversation: conversation.cid()?,
                epoch: conversation.epoch,
                lane: what,
            },
            counter,
            body,
            self.random,
        )
        .map(Some)
        .map_err(|error| CoreError::Crypto(error.to_string()))
    }

    fn signature_key(
        &self,
        conversation: i64,
        device: &DeviceId,
    ) -> Result<Option<(Address, Vec<u8>)>, CoreError> {
        let row: Option<(String, Vec<u8>)> = self
            .tx
            .query_row(
                "SELECT address, signature_key FROM member WHERE conversation = ?1 AND device = ?2",
                (conversation, device.to_vec()),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        row.map(|(address, key)| {
            Ok((
                address.parse().map_err(|_| CoreError::Damaged("member"))?,
                key,
            ))
        })
        .transpose()
    }

    pub(crate) fn marks(&mut self, marks: &proto::Marks) -> Result<(), CoreError> {
        let Some(conversation) = self.conversation_by_cid(&marks.hub, &marks.conversation)? else {
            // A welcome may be on its way.
            let hub = self.near_hub(&marks.hub).to_owned();
            return self.all_early(&hub, &marks.conversation, &marks.marks);
        };
        for mark in &marks.marks {
            self.mark(&conversation, mark)?;
        }
        Ok(())
    }

    /// Marks of a conversation that this device is not in yet.
    pub(crate) fn all_early(
        &mut self,
        hub: &str,
        conversation: &[u8],
        marks: &[proto::Mark],
    ) -> Result<(), CoreError> {
        marks
            .iter()
            .try_for_each(|mark| self.early_mark(hub, conversation, mark))
    }

    pub(crate) fn mark(
        &mut self,
        conversation: &Conversation,
        mark: &proto::Mark,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let Ok(device) = DeviceId::from_slice(&mark.device) else {
            return Ok(());
        };
        if device == me.keys.id() {
            return Ok(());
        }
        let Some(key) = self.mark_key(conversation.id, mark.epoch)? else {
            if mark.epoch > conversation.epoch || !conversation.is_active() {
                let (hub, log) = conversation.wire_log(self);
                return self.early_mark(&hub, &log, mark);
            }
            // Of an epoch that is gone: its author puts it again.
            return Ok(());
        };
        let Some((address, signature_key)) = self.signature_key(conversation.id, &device)? else {
            return Ok(());
        };
        let place = marks::Place {
            conversation: conversation.cid()?,
            epoch: mark.epoch,
            lane: marks::Lane::Mark,
        };
        let opened = marks::open(&key, &signature_key, &place, &mark.body, None);
        let Ok(marks::OpenedMark { counter, body }) = opened else {
            self.warn_once("mark_invalid", conversation.id);
            return Ok(());
        };
        // Numbers that no store could hold are nobody's.
        let (Ok(body), Ok(counter)) = (
            said::MarkBody::decode(body.as_slice()),
            i64::try_from(counter),
        ) else {
            return Ok(());
        };
        let Ok(read_seq) = i64::try_from(body.read_seq) else {
            return Ok(());
        };
        let changed = self.tx.execute(
            "INSERT INTO mark (conversation, device, counter, read_seq) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (conversation, device) DO UPDATE SET counter = excluded.counter, read_seq = max(read_seq, excluded.read_seq)
                WHERE excluded.counter > counter",
            (conversation.id, device.to_vec(), counter, read_seq),
        )?;
        if changed == 0 {
            return Ok(());
        }
        if address == me.address {
            // Read on another own device is read.
            self.tx.execute(
                "UPDATE conversation SET read_seq = max(read_seq, ?2) WHERE id = ?1",
                (conversation.id, read_seq),
            )?;
            return self.count_unread(conversation.id);
        }
        self.receipt(conversation, &address)
    }

    pub(crate) fn cursors(&mut self, cursors: &proto::Cursors) -> Result<(), CoreError> {
        let Some(conversation) = self.conversation_by_cid(&cursors.hub, &cursors.conversation)?
        else {
            return Ok(());
        };
        for cursor in &cursors.cursors {
            self.cursor(&conversation, cursor)?;
        }
        Ok(())
    }

    pub(crate) fn cursor(
        &mut self,
        conversation: &Conversation,
        cursor: &proto::CursorOf,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let Ok(device) = DeviceId::from_slice(&cursor.device) else {
            return Ok(());
        };
        if device == me.keys.id() {
            return Ok(());
        }
        let changed = self.tx.execute(
            "INSERT INTO cursor (conversation, device, seq) VALUES (?1, ?2, ?3)
             ON CONFLICT (conversation, device) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq",
            (conversation.id, device.to_vec(), cursor.seq),
        )?;
        if changed == 0 {
            return Ok(());
        }
        match self.signature_key(conversation.id, &device)? {
            Some((address, _)) if address != me.address => self.receipt(conversation, &address),
            _ => Ok(()),
        }
    }

    /// Tells how far a person's devices are: the furthest of each counts.
    fn receipt(&mut self, conversation: &Conversation, address: &Address) -> Result<(), CoreError> {
        let (delivered_seq, read_seq) =
            crate::views::reach(self.tx, conversation.id, Some(&address.to_string()))?;
        self.event(Event::Receipt {
            conversation: conversation.id,
            address: address.clone(),
            delivered_seq: delivered_seq.max(read_seq),
            read_seq,
        });
        Ok(())
    }

    pub(crate) fn typing(&mut self, conversation: i64, typing: bool) -> Result<(), CoreError> {
        let conversation = self.conversation(conversation)?;
        if !conversation.is_active() || !self.is_synced() {
            return Ok(());
        }
        let last = self
            .mem
            .typing_sent
            .get(&conversation.id)
            .copied()
            .unwrap_or(0);
        if typing && self.now - last < TYPING_MS {
            return Ok(());
        }
        self.mem
            .typing_sent
            .insert(conversation.id, if typing { self.now } else { 0 });
        let body = said::SignalBody { typing }.encode_to_vec();
        let counter = u64::try_from(self.now).unwrap_or(0);
        let Some(sealed) = self.seal_mark(&conversation, counter, &body, marks::Lane::Signal)?
        else {
            return Ok(());
        };
        let (hub, log) = conversation.wire_log(self);
        self.send(Act::SendSignal(proto::SendSignal {
            hub,
            conversation: log,
            epoch: conversation.epoch,
            body: sealed,
        }));
        Ok(())
    }

    pub(crate) fn signal(&mut self, signal: &proto::Signal) -> Result<(), CoreError> {
        let me = self.me()?;
        let Some(conversation) = self.conversation_by_cid(&signal.hub, &signal.conversation)?
        else {
            return Ok(());
        };
        let Ok(device) = DeviceId::from_slice(&signal.device) else {
            return Ok(());
        };
        let Some(key) = self.mark_key(conversation.id, signal.epoch)? else {
            return Ok(());
        };
        let Some((address, signature_key)) = self.signature_key(conversation.id, &device)? else {
            return Ok(());
        };
        if address == me.address || self.is_blocked(&address)? {
            return Ok(());
        }
        let place = marks::Place {
            conversation: conversation.cid()?,
            epoch: signal.epoch,
            lane: marks::Lane::Signal,
        };
        let opened = marks::open(&key, &signature_key, &place, &signal.body, None);
        let Ok(marks::OpenedMark { counter, body }) = opened else {
            return Ok(());
        };
        // An old signal played again says nothing.
        if self.now.abs_diff(i64::try_from(counter).unwrap_or(0)) > 60_000 {
            return Ok(());
        }
        if let Ok(body) = said::SignalBody::decode(body.as_slice()) {
            self.event(Event::Typing {
                conversation: conversation.id,
                address,
                typing: body.typing,
            });
        }
        Ok(())
    }
}

/// Where marks wait that came before what opens them.
const EARLY: &str = "early_mark/";

fn early(hub: &str, conversation: &[u8]) -> String {
    format!("{EARLY}{hub}/{}/", HEXLOWER.encode(conversation))
}
