//! Marks (read up to), cursors (delivered up to) and signals (typing).

use crate::CoreError;
use crate::conversations::Conversation;
use crate::output::Event;
use crate::step::Step;
use comity_content::{Message as _, proto as said};
use comity_e2ee::marks::{self, MarkKey};
use comity_wire::proto::{self, client_frame::Act};
use comity_wire::{Address, DeviceId};
use rusqlite::OptionalExtension;

/// A typing signal is repeated at most this often.
const TYPING_MS: i64 = 4_000;

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

    /// Puts the own mark wherever it is newer than what the hub has, and again after each commit.
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
            let body = said::MarkBody { read_seq }.encode_to_vec();
            let Some(sealed) =
                self.seal_mark(&conversation, counter + 1, &body, marks::Lane::Mark)?
            else {
                continue;
            };
            let (hub, log) = conversation.wire_log(self);
            self.send(Act::PutMark(proto::PutMark {
                hub,
                conversation: log,
                epoch: conversation.epoch,
                body: sealed,
            }));
            self.tx.execute(
                "UPDATE conversation SET mark_counter = ?2, mark_epoch = epoch WHERE id = ?1",
                (id, counter + 1),
            )?;
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
            return Ok(());
        };
        for mark in &marks.marks {
            self.mark(&conversation, mark)?;
        }
        Ok(())
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
        // A mark of an epoch that is gone, or not here yet: its author puts it again.
        let Some(key) = self.mark_key(conversation.id, mark.epoch)? else {
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
