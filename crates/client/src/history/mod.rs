//! History for a newly linked device: sealed archives, newest messages first, piece by piece.
//!
//! Each piece is a blob of its own, so the giving and the taking device can both stop anywhere
//! and go on; a message that is there already stays as it is.

mod asked;
mod expected;
mod group;
mod promised;

use crate::CoreError;
use crate::account::{address_of, proto_address};
use crate::arrival;
use crate::conversations::{Conversation, State};
use crate::output::{Event, Source};
use crate::step::Step;
use crate::timeline::arrived::{Line, Reaction, Said};
use crate::timeline::{Edited, NewMessage};
use comity_content::{Message as _, proto as said};
use comity_wire::{Address, ConversationId, DeviceId, Id16, UnixMs, limits};
use rusqlite::{OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Messages in a piece.
const PIECE: i64 = 500;
/// When a piece that could not be put up is tried again.
const PIECE_AGAIN_MS: i64 = 10 * 60_000;
/// People of groups who are looked up at once when another own device tells of them.
const MEMBERS_LOOKED_UP: usize = 64;

/// Lines of which other devices are told.
const GIVEN: &str =
    "m.kind IN ('text', 'attachment', 'unknown') AND m.seq IS NOT NULL AND m.status <> 'failed'";

/// What [`archived`] reads of a message and its conversation.
const ARCHIVED: &str =
    "m.id, c.hub, c.cid, m.seq, m.author, m.author_device, m.at_ms, m.outgoing, m.message_id,
    m.conversation, m.told_by";

fn address(text: &str) -> Result<Address, CoreError> {
    text.parse().map_err(|_| CoreError::Damaged("author"))
}

/// A message as it goes into an archive: what is on its way to the log is not told as if it stood there.
fn archived(step: &Step<'_>, row: &Row<'_>) -> Result<said::ArchivedMessage, CoreError> {
    let author = address(&row.get::<_, String>(4)?)?;
    let (message_id, conversation): (Vec<u8>, i64) = (row.get(8)?, row.get(9)?);
    let shown = step
        .shown_by_log(conversation, &message_id)?
        .ok_or(CoreError::NoSuch("message"))?;
    let edited = shown.edited != 0;
    let edited_mentions = if edited {
        shown.mentions()?
    } else {
        Vec::new()
    };
    let content = if shown.deleted {
        said::Content {
            message_id,
            ..Default::default()
        }
        .encode_to_vec()
    } else {
        shown.content
    };
    let reactions = shown.reactions.into_iter().map(|one| {
        Ok(said::ArchivedReaction {
            author: Some(proto_address(&address(&one.author)?)),
            emoji: one.emoji,
            at_ms: one.at_ms,
        })
    });
    let [franking_key, sender_nonce, header, seal] = shown.franking.map(Option::unwrap_or_default);
    let told_by: Option<String> = row.get(10)?;
    Ok(said::ArchivedMessage {
        hub: row.get(1)?,
        conversation: row.get(2)?,
        seq: row.get(3)?,
        author: Some(proto_address(&author)),
        author_device: row.get(5)?,
        at_ms: row.get(6)?,
        content,
        outgoing: row.get(7)?,
        franking_key,
        sender_nonce,
        header,
        seal,
        edited_text: if edited { shown.text } else { String::new() },
        edited,
        deleted: shown.deleted,
        reactions: reactions.collect::<Result<_, CoreError>>()?,
        edited_mentions,
        told_by: told_by
            .map(|teller| address(&teller).map(|teller| proto_address(&teller)))
            .transpose()?,
        edited_ms: shown.edited,
    })
}

/// Which piece an upload is.
#[derive(Serialize, Deserialize)]
struct Piece {
    device: DeviceId,
    index: u32,
    total: u32,
}

impl Step<'_> {
    /// Prepares the pieces of these conversations for a device, the first of which is its `first`th, and
    /// says that another one follows when `more` comes; gives how many the device has with them.
    fn give_history(
        &mut self,
        device: DeviceId,
        conversations: &[i64],
        first: u32,
        more: bool,
    ) -> Result<u32, CoreError> {
        let ids = conversations.iter().map(ToString::to_string);
        let ids = ids.collect::<Vec<_>>().join(",");
        let (count, newest): (i64, i64) = self.tx.prepare(&format!(
            "SELECT count(*), coalesce(max(m.id), 0) FROM message m WHERE {GIVEN} AND m.conversation IN ({ids})"
        ))?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let pieces = u32::try_from((count + PIECE - 1) / PIECE)
            .unwrap_or(u32::MAX)
            .max(1);
        let after = first.saturating_add(pieces);
        let mut before = (UnixMs::MAX, newest + 1);
        for index in first..after {
            let (mut archive, next) = self.history_archive(&ids, before)?;
            before = next;
            if index == 0 {
                archive.blocked = self.blocks_to_sync()?;
                archive.contacts = self.contacts_to_sync()?;
                archive.members = self.members_to_sync()?;
                archive.settings = self.settings_to_sync()?;
                archive.requests = self.requests_to_archive()?;
            }
            if index > first {
                // Each piece can be taken before the others.
                let spoken: BTreeSet<(&str, &[u8])> = archive
                    .messages
                    .iter()
                    .map(|message| (message.hub.as_str(), message.conversation.as_slice()))
                    .collect();
                archive.conversations.retain(|known| {
                    spoken.contains(&(known.hub.as_str(), known.conversation.as_slice()))
                });
            }
            let piece = Piece {
                device,
                index,
                total: after.saturating_add(more.into()),
            };
            self.give_piece_of_history(&archive, &piece)?;
        }
        Ok(after)
    }

    fn give_piece_of_history(
        &mut self,
        archive: &said::HistoryArchive,
        piece: &Piece,
    ) -> Result<(), CoreError> {
        let bytes = archive.encode_to_vec();
        let attachment = said::Attachment {
            size: bytes.len().try_into().unwrap_or(u64::MAX),
            ..Default::default()
        };
        self.start_upload("history", None, None, Source::Memory(bytes), attachment)?;
        let transfer = self.tx.last_insert_rowid();
        crate::store::meta::put(self.tx, &format!("piece/{transfer}"), piece)
    }

    /// Up to [`PIECE`] messages of these conversations older than `before` (time, row), newest first.
    fn history_archive(
        &self,
        ids: &str,
        before: (UnixMs, i64),
    ) -> Result<(said::HistoryArchive, (UnixMs, i64)), CoreError> {
        let mut archive = said::HistoryArchive {
            conversations: self.conversations_to_archive(ids)?,
            ..Default::default()
        };
        let mut next = before;
        let mut statement = self.tx.prepare(&format!(
            "SELECT {ARCHIVED} FROM message m JOIN conversation c ON c.id = m.conversation
             WHERE {GIVEN} AND m.conversation IN ({ids}) AND (m.at_ms, m.id) < (?1, ?2)
             ORDER BY m.at_ms DESC, m.id DESC LIMIT ?3"
        ))?;
        let mut rows = statement.query((before.0, before.1, PIECE))?;
        while let Some(row) = rows.next()? {
            next = (row.get(6)?, row.get(0)?);
            archive.messages.push(archived(self, row)?);
        }
        Ok((archive, next))
    }

    fn conversations_to_archive(
        &self,
        ids: &str,
    ) -> Result<Vec<said::ArchivedConversation>, CoreError> {
        let mut known = Vec::new();
        let mut statement = self.tx.prepare(&format!(
            "SELECT hub, cid, kind, peer, read_seq FROM conversation WHERE id IN ({ids}) AND cid IS NOT NULL",
        ))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let peer: Option<String> = row.get(3)?;
            let peer = peer
                .map(|peer| peer.parse::<Address>())
                .transpose()
                .map_err(|_| CoreError::Damaged("peer"))?;
            known.push(said::ArchivedConversation {
                hub: row.get(0)?,
                conversation: row.get(1)?,
                kind: row.get(2)?,
                peer: peer.as_ref().map(proto_address),
                read_seq: Some(row.get(4)?),
            });
        }
        Ok(known)
    }

    /// The lines of a conversation in a range of its log, oldest first; `own`: those that this
    /// device wrote.
    pub(crate) fn archived_range(
        &self,
        conversation: &Conversation,
        range: &said::SeqRange,
        own: bool,
    ) -> Result<Vec<said::ArchivedMessage>, CoreError> {
        let device = self.me()?.keys.id().to_vec();
        let mut statement = self.tx.prepare_cached(&format!(
            "SELECT {ARCHIVED} FROM message m JOIN conversation c ON c.id = m.conversation
             WHERE {GIVEN} AND c.cid IS NOT NULL AND m.conversation = ?1 AND m.seq BETWEEN ?2 AND ?3
                 AND (?4 IS NULL OR m.author_device = ?4)
             ORDER BY m.seq, m.id LIMIT ?5"
        ))?;
        let mut rows = statement.query((
            conversation.id,
            range.from,
            range.to,
            own.then_some(device),
            PIECE,
        ))?;
        let mut messages = Vec::new();
        while let Some(row) = rows.next()? {
            messages.push(archived(self, row)?);
        }
        Ok(messages)
    }

    /// A piece is up: tell the device where.
    pub(crate) fn history_part_uploaded(
        &mut self,
        transfer: i64,
        attachment: &said::Attachment,
    ) -> Result<(), CoreError> {
        let key = format!("piece/{transfer}");
        let Some(piece) = crate::store::meta::get::<Piece>(self.tx, &key)? else {
            return Ok(());
        };
        crate::store::meta::remove(self.tx, &key)?;
        let Some(own) = self.self_conversation()? else {
            return Ok(());
        };
        self.enqueue_hidden(
            own.id,
            said::content::Body::HistoryPart(said::HistoryPart {
                for_device: piece.device.to_vec(),
                index: piece.index,
                total: piece.total,
                archive: Some(attachment.clone()),
            }),
        )
    }

    /// A piece could not be put up, and trying again at once would not help: it is tried again later, and
    /// the person is told. Gives the wait, unless nobody is waiting for the piece.
    pub(crate) fn history_part_failed(
        &mut self,
        transfer: i64,
        code: &str,
    ) -> Result<Option<i64>, CoreError> {
        let piece: Option<Piece> = crate::store::meta::get(self.tx, &format!("piece/{transfer}"))?;
        if piece.is_none() {
            return Ok(None);
        }
        if self.mem.warned.insert(("history", 0)) {
            self.event(Event::Failed {
                act: "history".to_owned(),
                code: code.to_owned(),
                message:
                    "a part of the history for another own device was not put up: it is tried again"
                        .to_owned(),
                retry_after_ms: u32::try_from(PIECE_AGAIN_MS).unwrap_or(u32::MAX),
            });
        }
        Ok(Some(PIECE_AGAIN_MS))
    }

    /// Another own device has a piece for this one.
    pub(crate) fn history_part(&mut self, part: &said::HistoryPart) -> Result<(), CoreError> {
        let me = self.me()?;
        let Some(attachment) = &part.archive else {
            return Ok(());
        };
        if part.for_device != me.keys.id().as_bytes() {
            return Ok(());
        }
        let fresh = self.tx.execute(
            "INSERT OR IGNORE INTO history_part (part, total, attachment) VALUES (?1, ?2, ?3)",
            (part.index, part.total, attachment.encode_to_vec()),
        )?;
        if fresh > 0 {
            let transfer = self.start_download("history", None, None, None, attachment)?;
            crate::store::meta::put(self.tx, &format!("part/{transfer}"), &part.index)?;
        }
        Ok(())
    }

    pub(crate) fn history_part_here(
        &mut self,
        transfer: i64,
        bytes: &[u8],
    ) -> Result<(), CoreError> {
        let key = format!("part/{transfer}");
        let index: Option<u32> = crate::store::meta::get(self.tx, &key)?;
        crate::store::meta::remove(self.tx, &key)?;
        match said::HistoryArchive::decode(bytes) {
            Ok(archive) => self.take_archive(&archive)?,
            Err(_) => self.warn("history_malformed", None),
        }
        self.tx
            .execute("UPDATE history_part SET done = 1 WHERE part = ?1", [index])?;
        let (done, total): (u32, u32) = self.tx.query_row(
            "SELECT sum(done), max(total) FROM history_part",
            [],
            |row| {
                Ok((
                    row.get::<_, Option<u32>>(0)?.unwrap_or(0),
                    row.get::<_, Option<u32>>(1)?.unwrap_or(0),
                ))
            },
        )?;
        self.event(Event::HistoryProgress { done, total });
        Ok(())
    }

    fn take_archive(&mut self, archive: &said::HistoryArchive) -> Result<(), CoreError> {
        self.blocks_synced(&archive.blocked)?;
        self.look_up_blocked(&archive.blocked)?;
        for contact in &archive.contacts {
            self.contact_synced(contact)?;
        }
        for (index, member) in archive.members.iter().enumerate() {
            self.member_synced(member, index < MEMBERS_LOOKED_UP)?;
        }
        for known in &archive.conversations {
            self.archived_conversation(known)?;
            self.read_elsewhere(known)?;
        }
        self.settings_synced(&archive.settings)?;
        for request in &archive.requests {
            self.request_given(request)?;
        }
        for message in &archive.messages {
            self.archived_message(message)?;
        }
        Ok(())
    }

    fn archived_conversation(
        &mut self,
        known: &said::ArchivedConversation,
    ) -> Result<(), CoreError> {
        let peer = known.peer.as_ref().and_then(address_of);
        if let Some(peer) = &peer
            && self.conversation_with(peer)?.is_some()
        {
            return Ok(());
        }
        if let Some(here) = self.conversation_by_cid(&known.hub, &known.conversation)? {
            if here.peer.is_none()
                && let Some(peer) = peer
            {
                // It lets itself in, and could not know with whom it will talk.
                self.tx.execute(
                    "UPDATE conversation SET peer = ?2, kind = ?3 WHERE id = ?1",
                    (here.id, peer.to_string(), known.kind),
                )?;
            }
            return Ok(());
        }
        let (Ok(hub), Ok(id)) = (known.hub.parse(), Id16::from_slice(&known.conversation)) else {
            return Ok(());
        };
        self.insert_conversation(
            Some(&ConversationId::new(hub, id)),
            known.kind.try_into().unwrap_or(0),
            peer.as_ref(),
            State::Known,
        )?;
        Ok(())
    }

    fn archived_message(&mut self, message: &said::ArchivedMessage) -> Result<(), CoreError> {
        let Some(conversation) = self.conversation_by_cid(&message.hub, &message.conversation)?
        else {
            return Ok(());
        };
        if self.take_archived(&conversation, message, false)? {
            self.count_unread(conversation.id)?;
        }
        Ok(())
    }

    /// What another own device has read is read, and nothing else that comes from it.
    fn read_elsewhere(&mut self, known: &said::ArchivedConversation) -> Result<(), CoreError> {
        let Some(conversation) = self.conversation_by_cid(&known.hub, &known.conversation)? else {
            return Ok(());
        };
        // A program that does not say it gives what was read.
        let read = known.read_seq.unwrap_or(conversation.joined_seq);
        if arrival::is_place(read) {
            self.tx.execute(
                "UPDATE conversation SET read_seq = max(read_seq, ?2) WHERE id = ?1",
                (conversation.id, read),
            )?;
        }
        self.count_unread(conversation.id)
    }

    /// Puts a message from another device into its place; false when it is malformed. `foreign`:
    /// the device is another person's.
    pub(crate) fn take_archived(
        &mut self,
        conversation: &Conversation,
        message: &said::ArchivedMessage,
        foreign: bool,
    ) -> Result<bool, CoreError> {
        let (Some(author), Ok(device), true, Ok(Said::Line(line))) = (
            message.author.as_ref().and_then(address_of),
            DeviceId::from_slice(&message.author_device),
            arrival::is_place(message.seq),
            Said::decode(&message.content),
        ) else {
            self.warn("history_malformed", Some(conversation.id));
            return Ok(false);
        };
        let target = line.message.as_bytes();
        let own = author == self.me()?.address;
        if !foreign && device == self.me()?.keys.id() {
            self.was_said(conversation, message, target)?;
        }
        self.insert_message(NewMessage {
            conversation: conversation.id,
            seq: Some(message.seq),
            author: author.clone(),
            author_device: device,
            outgoing: own,
            at_ms: message.at_ms,
            line: &line,
            content_bytes: Some(&message.content),
            status: if own { "sent" } else { "received" },
            franking: Some([
                message.franking_key.clone(),
                message.sender_nonce.clone(),
                message.header.clone(),
                message.seal.clone(),
            ]),
            told_by: message.told_by.as_ref().and_then(address_of),
        })?;
        self.archived_changes(conversation.id, &line, message, foreign)?;
        if message.deleted {
            self.tx.execute(
                "UPDATE message SET text = '', content = x'', deleted = 1 WHERE conversation = ?1 AND message_id = ?2",
                (conversation.id, target),
            )?;
            self.tx.execute(
                "DELETE FROM reaction WHERE conversation = ?1 AND target = ?2",
                (conversation.id, target),
            )?;
        }
        Ok(true)
    }

    /// Another own device shows something that this one may have said.
    pub(crate) fn own_words_stand(
        &mut self,
        conversation: &Conversation,
        message: &said::ArchivedMessage,
    ) -> Result<(), CoreError> {
        if message.author_device != self.me()?.keys.id().as_bytes()
            || !arrival::is_place(message.seq)
        {
            return Ok(());
        }
        match Said::decode(&message.content) {
            Ok(Said::Line(line)) => self.was_said(conversation, message, line.message.as_bytes()),
            _ => Ok(()),
        }
    }

    /// What was done to an archived message: reactions and a new text. What the own account did,
    /// and another person tells it of (`foreign`), it has itself, or did not do.
    fn archived_changes(
        &mut self,
        conversation: i64,
        line: &Line,
        message: &said::ArchivedMessage,
        foreign: bool,
    ) -> Result<(), CoreError> {
        let me = self.me()?.address.clone();
        let target = line.message.as_bytes();
        let edited_ms: Option<i64> = self
            .tx
            .query_row(
                "SELECT edited FROM message WHERE conversation = ?1 AND message_id = ?2",
                (conversation, target),
                |row| row.get(0),
            )
            .optional()?;
        // It had disappeared already.
        let Some(edited_ms) = edited_ms else {
            return Ok(());
        };
        for reaction in &message.reactions {
            if let Some(author) = reaction.author.as_ref().and_then(address_of)
                && !(foreign && author == me)
                && let Ok(set) = Reaction::arrive(target, &reaction.emoji)
            {
                // Nothing was done later than now: it would stand for ever.
                let at_ms = reaction.at_ms.min(self.now);
                let newer: bool = self.tx.query_row(
                    "SELECT EXISTS (SELECT 1 FROM reaction WHERE conversation = ?1 AND target = ?2 AND author = ?3 AND at_ms > ?4)",
                    (conversation, target, author.to_string(), at_ms),
                    |row| row.get(0),
                )?;
                if newer {
                    continue;
                }
                let expires_ms = self.expiry(line.content.expires_after_s, message.at_ms);
                self.apply_reaction(conversation, &author, &set, at_ms, expires_ms)?;
            }
        }
        // Whoever made the archive may not have seen yet what this device has.
        let newer = message.edited_ms >= edited_ms;
        if message.edited && newer && message.edited_text.len() <= limits::TEXT_BYTES_MAX {
            let edited = Edited {
                text: &message.edited_text,
                mentions: &message.edited_mentions,
                expires_ms: None,
            };
            self.retext(
                conversation,
                target,
                edited,
                message.edited_ms.min(self.now),
            )?;
        }
        Ok(())
    }
}
