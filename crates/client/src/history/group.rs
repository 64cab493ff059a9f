//! History for new members: earlier messages of a group for who has just joined it, where the
//! group's policy says so.
//!
//! Who added them gives it, newest first, one sealed piece after the other; to who came by the link,
//! an admin does. When nothing comes, another member begins after a while. Always holds: it is given
//! and taken only while the policy is on, by members, in small pieces; what came this way never
//! replaces a line, and says which member gave it, since nobody else vouches for it. Deliberately
//! absent: own words from others' hands; what was taken back or has disappeared; which pieces are
//! fetched (`expected`).

use super::expected::Offered;
use super::{ARCHIVED, PIECE, archived};
use crate::CoreError;
use crate::account::{address_of, proto_address};
use crate::conversations::Conversation;
use crate::output::Source;
use crate::step::Step;
use crate::store::meta;
use crate::timeline::NewMessage;
use crate::timeline::arrived::Said;
use comity_content::{Message as _, proto as said};
use comity_membership::rules::may_speak;
use comity_wire::proto::ConversationKind;
use comity_wire::{Address, DeviceId};
use rusqlite::OptionalExtension;

/// Messages that a new member is given at most.
pub(super) const GIVEN_MAX: i64 = 10_000;
/// How long a member waits for another who is to give, or has begun to.
const PATIENCE_MS: i64 = 60_000;
/// The same of who came by the link, where nobody is known to be connected.
const JOINER_PATIENCE_MS: i64 = 15_000;
/// Each member waits that much longer for each that there is, in the mean, so that one begins.
const SPREAD_MS: i64 = 10_000;
/// Who has not given it for so long does not give it any more.
pub(super) const OWED_MS: i64 = 7 * 24 * 3_600_000;
/// A piece is no larger; what does not fit goes into the next one.
pub(super) const PIECE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// A row of `owed_history`: what a new member is still to be given.
struct Owed {
    id: i64,
    conversation: i64,
    address: String,
    epoch: u64,
    joined_seq: u64,
    since_ms: i64,
    next: u32,
    total: u32,
    before_seq: u64,
    before_id: i64,
}

fn owed(row: &rusqlite::Row<'_>) -> Result<Owed, rusqlite::Error> {
    Ok(Owed {
        id: row.get(0)?,
        conversation: row.get(1)?,
        address: row.get(2)?,
        epoch: row.get(3)?,
        joined_seq: row.get(4)?,
        since_ms: row.get(5)?,
        next: row.get(6)?,
        total: row.get(7)?,
        before_seq: row.get(8)?,
        before_id: row.get(9)?,
    })
}

const OWED: &str =
    "id, conversation, address, epoch, joined_seq, since_ms, next, total, before_seq, before_id";

impl Step<'_> {
    /// Accounts joined a group by the entry at hand: each is to be given what was said before. `by`
    /// is the device that added them.
    pub(crate) fn owe_history(
        &mut self,
        group: &Conversation,
        by: Option<DeviceId>,
        joined: &[&Address],
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        if joined.is_empty() || !self.gives_history(group)? {
            return Ok(());
        }
        let begins = match by {
            Some(adder) => adder == me.keys.id(),
            None => self.begins_for_joiners(group, joined)?,
        };
        let wait = match (begins, by) {
            (true, _) => 0,
            (false, Some(_)) => PATIENCE_MS + self.spread_ms(group.id, 2 * SPREAD_MS)?,
            // Nobody is known to be there.
            (false, None) => JOINER_PATIENCE_MS + self.spread_ms(group.id, SPREAD_MS)?,
        };
        for address in joined {
            if **address == me.address {
                continue;
            }
            self.tx.execute(
                "INSERT OR REPLACE INTO owed_history (conversation, address, epoch, joined_seq, since_ms, not_before_ms, before_seq)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?4)",
                (
                    group.id,
                    address.to_string(),
                    group.epoch,
                    group.next_seq,
                    self.now,
                    self.now + wait,
                ),
            )?;
        }
        Ok(())
    }

    /// Nobody added who came by the link: the first device of the first admin stands for who would
    /// have, the same one for all members.
    fn begins_for_joiners(
        &self,
        group: &Conversation,
        joined: &[&Address],
    ) -> Result<bool, CoreError> {
        let mut statement = self.tx.prepare_cached(
            "SELECT address, device FROM member WHERE conversation = ?1 AND admin = 1 ORDER BY address, device",
        )?;
        let mut rows = statement.query([group.id])?;
        while let Some(row) = rows.next()? {
            let address: String = row.get(0)?;
            if joined.iter().all(|one| one.to_string() != address) {
                return Ok(row.get::<_, Vec<u8>>(1)? == self.me()?.keys.id().to_vec());
            }
        }
        Ok(false)
    }

    /// The policy is on, as of the epoch at hand.
    fn gives_history(&mut self, group: &Conversation) -> Result<bool, CoreError> {
        if group.kind != ConversationKind::Group as i32 {
            return Ok(false);
        }
        let now = self.group_now(group)?;
        Ok(now.is_some_and(|(context, _)| context.permissions.history_for_new))
    }

    /// Makes the next piece of what is owed and due.
    pub(crate) fn pump_owed_history(&mut self) -> Result<(), CoreError> {
        let due: Vec<Owed> = {
            let mut statement = self.tx.prepare_cached(&format!(
                "SELECT {OWED} FROM owed_history WHERE not_before_ms <= ?1 AND transfer IS NULL ORDER BY id"
            ))?;
            statement
                .query_map([self.now], owed)?
                .collect::<Result<_, _>>()?
        };
        for owed in due {
            self.give_piece(&owed)?;
        }
        let next: Option<i64> = self
            .tx
            .prepare_cached(
                "SELECT min(not_before_ms) FROM owed_history WHERE transfer IS NULL AND not_before_ms > ?1",
            )?
            .query_row([self.now], |row| row.get(0))?;
        if let Some(next) = next {
            self.wake(next);
        }
        Ok(())
    }

    fn give_piece(&mut self, owed: &Owed) -> Result<(), CoreError> {
        let group = self.conversation(owed.conversation)?;
        if !group.is_caught_up() {
            // Perhaps it was given meanwhile.
            return Ok(());
        }
        if self.now - owed.since_ms > OWED_MS || !self.may_give(&group, &owed.address)? {
            return self.settle_owed(owed.id);
        }
        let total = if owed.next == 0 {
            let count: i64 = self.tx.query_row(
                "SELECT count(*) FROM message WHERE conversation = ?1 AND coalesce(seq, 0) BETWEEN 1 AND ?2 - 1
                     AND kind IN ('text', 'attachment', 'unknown') AND deleted = 0 AND status <> 'failed'",
                (owed.conversation, owed.joined_seq),
                |row| row.get(0),
            )?;
            u32::try_from((count.min(GIVEN_MAX) + PIECE - 1) / PIECE).unwrap_or(0)
        } else {
            owed.total
        };
        if owed.next >= total {
            return self.settle_owed(owed.id);
        }
        let (archive, seq, id) = self.group_archive(owed)?;
        let bytes = archive.encode_to_vec();
        let attachment = said::Attachment {
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            ..Default::default()
        };
        self.start_upload(
            "group_history",
            Some(owed.conversation),
            None,
            Source::Memory(bytes),
            attachment,
        )?;
        self.tx.execute(
            "UPDATE owed_history SET transfer = ?2, total = ?3, before_seq = ?4, before_id = ?5 WHERE id = ?1",
            (owed.id, self.tx.last_insert_rowid(), total, seq, id),
        )?;
        Ok(())
    }

    /// The policy is still on, who joined is still there, and this account may say something.
    fn may_give(&mut self, group: &Conversation, to: &str) -> Result<bool, CoreError> {
        let me = self.me()?;
        let Some((context, members)) = self.group_now(group)? else {
            return Ok(false);
        };
        Ok(context.permissions.history_for_new
            && members
                .iter()
                .any(|member| member.address.to_string() == to)
            && may_speak(&context, &members, &me.address))
    }

    fn settle_owed(&mut self, id: i64) -> Result<(), CoreError> {
        self.tx
            .execute("DELETE FROM owed_history WHERE id = ?1", [id])?;
        Ok(())
    }

    /// The newest messages before where the last piece ended; where this one ends.
    fn group_archive(&self, owed: &Owed) -> Result<(said::HistoryArchive, u64, i64), CoreError> {
        let mut archive = said::HistoryArchive::default();
        let (mut seq, mut id) = (owed.before_seq, owed.before_id);
        let mut statement = self.tx.prepare_cached(&format!(
            "SELECT {ARCHIVED} FROM message m JOIN conversation c ON c.id = m.conversation
             WHERE m.conversation = ?1 AND (coalesce(m.seq, 9223372036854775807), m.id) < (?2, ?3) AND m.seq > 0
                 AND m.kind IN ('text', 'attachment', 'unknown') AND m.deleted = 0 AND m.status <> 'failed'
             ORDER BY coalesce(m.seq, 9223372036854775807) DESC, m.id DESC LIMIT ?4"
        ))?;
        let mut rows = statement.query((owed.conversation, seq, id, PIECE))?;
        let mut bytes = 0;
        while let Some(row) = rows.next()? {
            let mut message = archived(self, row)?;
            message.outgoing = false;
            // With what stands before each.
            bytes += message.encoded_len() + 16;
            if bytes > PIECE_BYTES_MAX {
                break;
            }
            (seq, id) = (row.get(3)?, row.get(0)?);
            archive.messages.push(message);
        }
        Ok((archive, seq, id))
    }

    /// A piece is up: say where.
    pub(crate) fn owed_piece_uploaded(
        &mut self,
        transfer: i64,
        archive: &said::Attachment,
    ) -> Result<(), CoreError> {
        self.tx
            .execute("DELETE FROM transfer WHERE id = ?1", [transfer])?;
        let row: Option<Owed> = self
            .tx
            .query_row(
                &format!("SELECT {OWED} FROM owed_history WHERE transfer = ?1"),
                [transfer],
                owed,
            )
            .optional()?;
        let Some(owed) = row else { return Ok(()) };
        let address: Address = owed
            .address
            .parse()
            .map_err(|_| CoreError::Damaged("owed history"))?;
        let group = self.conversation(owed.conversation)?;
        if !group.is_active() || !self.may_give(&group, &owed.address)? {
            return self.settle_owed(owed.id);
        }
        self.enqueue_hidden(
            owed.conversation,
            said::content::Body::GroupHistory(said::GroupHistory {
                for_account: Some(proto_address(&address)),
                joined_epoch: owed.epoch,
                index: owed.next,
                total: owed.total,
                archive: Some(archive.clone()),
            }),
        )?;
        if owed.next + 1 >= owed.total {
            return self.settle_owed(owed.id);
        }
        self.tx.execute(
            "UPDATE owed_history SET next = next + 1, transfer = NULL WHERE id = ?1",
            [owed.id],
        )?;
        Ok(())
    }

    /// A piece could not be put up: later.
    pub(crate) fn owed_piece_failed(&mut self, transfer: i64) -> Result<(), CoreError> {
        self.tx.execute(
            "UPDATE owed_history SET transfer = NULL, next = 0, before_seq = joined_seq, before_id = 0, not_before_ms = ?2
             WHERE transfer = ?1",
            (transfer, self.now + 10 * PATIENCE_MS),
        )?;
        self.tx
            .execute("DELETE FROM transfer WHERE id = ?1", [transfer])?;
        Ok(())
    }

    /// A member gives a new one a piece.
    pub(crate) fn group_history(
        &mut self,
        group: &Conversation,
        from: &Address,
        given: &said::GroupHistory,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let (Some(to), Some(archive)) = (
            given.for_account.as_ref().and_then(address_of),
            &given.archive,
        ) else {
            return Ok(());
        };
        if to != me.address {
            // Another own device gives, too.
            return self.another_gives(group, &to, given);
        }
        if *from == me.address {
            return Ok(());
        }
        let offered = match self.gives_history(group)? {
            true => self.takes_piece(group, from, given, archive)?,
            false => Offered::Refused,
        };
        match offered {
            Offered::Wanted => {}
            Offered::Needless => return Ok(()),
            Offered::Refused => {
                self.warn_once("history_refused", group.id);
                return Ok(());
            }
        }
        let transfer = self.start_download("group_history", Some(group.id), None, None, archive)?;
        meta::put(self.tx, &format!("given/{transfer}"), from)
    }

    /// Somebody else has begun to give: this device waits, or is done.
    fn another_gives(
        &mut self,
        group: &Conversation,
        to: &Address,
        given: &said::GroupHistory,
    ) -> Result<(), CoreError> {
        if given.index.saturating_add(1) >= given.total {
            self.tx.execute(
                "DELETE FROM owed_history WHERE conversation = ?1 AND address = ?2 AND epoch = ?3 AND next = 0 AND transfer IS NULL",
                (group.id, to.to_string(), given.joined_epoch),
            )?;
            return Ok(());
        }
        let wait = 2 * PATIENCE_MS + self.spread_ms(group.id, 2 * SPREAD_MS)?;
        self.tx.execute(
            "UPDATE owed_history SET not_before_ms = ?4
             WHERE conversation = ?1 AND address = ?2 AND epoch = ?3 AND next = 0 AND transfer IS NULL",
            (group.id, to.to_string(), given.joined_epoch, self.now + wait),
        )?;
        Ok(())
    }

    /// A piece for this account is here.
    pub(crate) fn given_piece_here(
        &mut self,
        transfer: i64,
        conversation: i64,
        bytes: &[u8],
    ) -> Result<(), CoreError> {
        let key = format!("given/{transfer}");
        let from: Option<Address> = meta::get(self.tx, &key)?;
        self.given_piece_over(transfer)?;
        let Some(from) = from else { return Ok(()) };
        let group = self.conversation(conversation)?;
        // It was given while the group wanted it: who gave it did no wrong.
        if !self.gives_history(&group)? {
            return Ok(());
        }
        let Ok(archive) = said::HistoryArchive::decode(bytes) else {
            self.warn("history_malformed", Some(conversation));
            return Ok(());
        };
        for message in &archive.messages {
            self.given_message(&group, &from, message)?;
        }
        self.count_unread(conversation)
    }

    /// Nothing of a piece stays once it was taken, or can not be.
    pub(crate) fn given_piece_over(&mut self, transfer: i64) -> Result<(), CoreError> {
        meta::remove(self.tx, &format!("given/{transfer}"))?;
        self.tx
            .execute("DELETE FROM transfer WHERE id = ?1", [transfer])?;
        Ok(())
    }

    fn given_message(
        &mut self,
        group: &Conversation,
        from: &Address,
        message: &said::ArchivedMessage,
    ) -> Result<(), CoreError> {
        let (Some(author), Ok(device), Ok(Said::Line(line))) = (
            message.author.as_ref().and_then(address_of),
            DeviceId::from_slice(&message.author_device),
            Said::decode(&message.content),
        ) else {
            self.warn("history_malformed", Some(group.id));
            return Ok(());
        };
        let here = group.conversation.as_ref().is_some_and(|id| {
            id.hub.as_str() == message.hub && id.id.as_bytes()[..] == message.conversation[..]
        });
        // What was said since this device is in, it has itself; what it said itself, nobody tells it.
        let earlier = message.seq > 0 && message.seq < group.joined_seq;
        if !here || !earlier || message.deleted || author == self.me()?.address {
            return Ok(());
        }
        let known: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND (message_id = ?2 OR seq = ?3 AND kind <> 'notice'))",
            (group.id, line.message.as_bytes(), message.seq),
            |row| row.get(0),
        )?;
        if known {
            return Ok(());
        }
        // Read by who was there: nothing of it is new.
        self.tx.execute(
            "UPDATE conversation SET read_seq = max(read_seq, ?2) WHERE id = ?1",
            (group.id, message.seq),
        )?;
        self.insert_message(NewMessage {
            conversation: group.id,
            seq: Some(message.seq),
            author: author.clone(),
            author_device: device,
            outgoing: false,
            at_ms: message.at_ms.min(self.now),
            line: &line,
            content_bytes: Some(&message.content),
            status: "received",
            franking: Some([
                message.franking_key.clone(),
                message.sender_nonce.clone(),
                message.header.clone(),
                message.seal.clone(),
            ]),
            told_by: Some(from.clone()),
        })?;
        self.archived_changes(group.id, &line, message, true)
    }
}
