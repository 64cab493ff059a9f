//! Entries that this device could not read: asked for, and put in their place when they come.
//!
//! First the own other devices are asked, in the conversation with oneself: they give everything
//! that they show. What is missing still is asked for in the conversation itself, and each device
//! says again what it wrote, if everybody who reads there now did so then; of what it wrote for
//! programs alone it says that no timeline shows it.
//! Always holds: only what is missing is taken, and of others only their own words. Deliberately
//! absent: asking for ever. An answer is taken whenever it comes, so asking once is enough.

mod answers;

use crate::CoreError;
use crate::conversations::{Conversation, Intent, State};
use crate::step::Step;
use crate::store::meta;
use comity_content::proto::{Again, ArchivedMessage, SeqRange, Unread, content::Body};
use comity_membership::Member;
use comity_wire::proto::ConversationKind;
use comity_wire::{Address, DeviceId};
use rusqlite::Connection;

/// Time that the own devices have before others are asked.
const OWN_FIRST_MS: i64 = 3_000;
/// Ranges in one question.
const RANGES_MAX: usize = 64;
/// In a conversation of more devices than this each question goes to many: they are asked of one
/// range at a time, and not often.
const FEW: usize = 64;
const ASK_MANY_MS: i64 = 60_000;

/// Members whose words for one message that was missing are taken.
const CLAIMANTS_MAX: usize = 4;

struct Missing {
    range: SeqRange,
    line: Vec<u8>,
    asked: i64,
    asked_ms: i64,
}

impl Step<'_> {
    /// The entries `from ..= to` could not be read; `line` says so in the timeline.
    pub(crate) fn note_missing(
        &mut self,
        conversation: i64,
        from: u64,
        to: u64,
        line: &[u8],
    ) -> Result<(), CoreError> {
        if from > to {
            return Ok(());
        }
        self.tx.execute(
            "INSERT OR IGNORE INTO missing (conversation, from_seq, to_seq, line) VALUES (?1, ?2, ?3, ?4)",
            (conversation, from, to, line),
        )?;
        self.want(conversation, "ask", 100)
    }

    fn missing(&self, conversation: i64) -> Result<Vec<Missing>, CoreError> {
        let mut statement = self.tx.prepare_cached(
            "SELECT from_seq, to_seq, line, asked, asked_ms FROM missing WHERE conversation = ?1 ORDER BY from_seq",
        )?;
        let rows = statement.query_map([conversation], |row| {
            Ok(Missing {
                range: SeqRange {
                    from: row.get(0)?,
                    to: row.get(1)?,
                },
                line: row.get(2)?,
                asked: row.get(3)?,
                asked_ms: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Asks whoever is next to be asked.
    pub(crate) fn pursue_ask(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
    ) -> Result<(), CoreError> {
        let rows = self.missing(conversation.id)?;
        let own = if self.me()?.manifest.manifest.devices.len() > 1 {
            self.self_conversation()?
        } else {
            None
        };
        // While it heals, too, what is put in its queue waits there until it has.
        let own = own.filter(|own| own.is_active() || own.state == State::Rejoining);
        let siblings = own.is_some();
        let fresh: Vec<SeqRange> = ranges(&rows, |row| row.asked == 0);
        if let Some(own) = own
            && !fresh.is_empty()
        {
            let id = conversation.cid()?.clone();
            let question = Unread {
                hub: id.hub.to_string(),
                conversation: id.id.to_vec(),
                device: self.me()?.keys.id().to_vec(),
                ranges: fresh.clone(),
            };
            self.enqueue_hidden(own.id, Body::Unread(question))?;
            self.note_asked(conversation.id, &fresh, 1)?;
            return self.ask_later(intent, OWN_FIRST_MS);
        }
        let patience = self.now - OWN_FIRST_MS;
        let mut due = ranges(&rows, |row| {
            (row.asked == 0 && !siblings) || (row.asked == 1 && row.asked_ms <= patience)
        });
        if !due.is_empty() && self.members(conversation.id)?.len() > FEW {
            let asked = rows.iter().filter(|row| row.asked == 2);
            let last_ms = asked.map(|row| row.asked_ms).max();
            if let Some(next) = last_ms.map(|last_ms| last_ms + ASK_MANY_MS)
                && next > self.now
            {
                return self.ask_later(intent, next - self.now);
            }
            due.truncate(1);
        }
        if !due.is_empty() {
            if !self.ask_others(conversation, &due)? {
                // Not here, or not now: see `ask_on`.
                return self.fulfilled(intent.id);
            }
            self.note_asked(conversation.id, &due, 2)?;
        }
        match self
            .missing(conversation.id)?
            .iter()
            .filter(|row| row.asked < 2)
            .map(|row| row.asked_ms + OWN_FIRST_MS)
            .min()
        {
            Some(next) => self.ask_later(intent, (next - self.now).max(1)),
            None => self.fulfilled(intent.id),
        }
    }

    /// What nobody was asked for while this account might not speak, or was out, is asked for now that it may.
    pub(crate) fn ask_on(&mut self, conversation: i64) -> Result<(), CoreError> {
        let waits: bool = self
            .tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM missing WHERE conversation = ?1 AND asked < 2)",
            )?
            .query_row([conversation], |row| row.get(0))?;
        if waits {
            self.want(conversation, "ask", 0)?;
        }
        Ok(())
    }

    /// Asks in the conversation itself; false where this account may not.
    fn ask_others(
        &mut self,
        conversation: &Conversation,
        ranges: &[SeqRange],
    ) -> Result<bool, CoreError> {
        let own = conversation.kind == ConversationKind::Self_ as i32;
        let over = !conversation.is_active();
        if own || over || self.is_leaving(conversation.id)? || !self.may_say(conversation)? {
            return Ok(false);
        }
        let question = Unread {
            device: self.me()?.keys.id().to_vec(),
            ranges: ranges.to_vec(),
            ..Unread::default()
        };
        self.enqueue_hidden(conversation.id, Body::Unread(question))?;
        Ok(true)
    }

    fn note_asked(
        &mut self,
        conversation: i64,
        ranges: &[SeqRange],
        asked: i64,
    ) -> Result<(), CoreError> {
        let mut update = self.tx.prepare_cached(
            "UPDATE missing SET asked = ?3, asked_ms = ?4 WHERE conversation = ?1 AND from_seq = ?2",
        )?;
        for range in ranges {
            update.execute((conversation, range.from, asked, self.now))?;
        }
        Ok(())
    }

    fn ask_later(&mut self, intent: &Intent, delay_ms: i64) -> Result<(), CoreError> {
        let at = self.now + delay_ms;
        self.tx.execute(
            "UPDATE intent SET not_before_ms = ?2 WHERE id = ?1",
            (intent.id, at),
        )?;
        self.wake(at);
        Ok(())
    }

    /// Another device asks.
    pub(crate) fn unread_asked(
        &mut self,
        place: &Conversation,
        by: &Member,
        question: &Unread,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        // A question is for the one who asks it.
        if question.device != by.device.as_bytes() || by.device == me.keys.id() {
            return Ok(());
        }
        let asked = question
            .ranges
            .get(..RANGES_MAX)
            .unwrap_or(&question.ranges);
        if place.kind == ConversationKind::Self_ as i32 {
            let meant = self.conversation_by_cid(&question.hub, &question.conversation)?;
            let Some(meant) = meant.filter(|_| by.address == me.address) else {
                return Ok(());
            };
            return self.answer_sibling(place, &meant, asked, &question.device);
        }
        if by.address == me.address {
            // Asked in the conversation with oneself already.
            return Ok(());
        }
        let begun: u64 = self.tx.query_row(
            "SELECT coalesce(max(since_seq), 0) FROM member WHERE conversation = ?1",
            [place.id],
            |row| row.get(0),
        )?;
        let mut messages = Vec::new();
        for range in asked {
            let readable = SeqRange {
                from: range.from.max(begun),
                to: range.to,
            };
            messages.extend(self.archived_range(place, &readable, true)?);
        }
        let nothing = self.unshown_in(place.id, asked)?;
        if messages.is_empty() && nothing.is_empty() {
            return Ok(());
        }
        if !nothing.is_empty() {
            // It may have been the key to the own profile.
            self.profile_asked(place, &by.address)?;
        }
        self.say_again(place.id, &question.device, place, messages, nothing)
    }

    /// Somebody says again what this device missed.
    pub(crate) fn said_again(
        &mut self,
        place: &Conversation,
        by: &Member,
        again: &Again,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        if again.for_device != me.keys.id().as_bytes() {
            return Ok(());
        }
        let sibling = place.kind == ConversationKind::Self_ as i32 && by.address == me.address;
        let meant = if sibling {
            self.conversation_by_cid(&again.hub, &again.conversation)?
        } else {
            Some(place.clone())
        };
        let Some(meant) = meant else { return Ok(()) };
        for message in &again.messages {
            self.take_again(&meant, message, (!sibling).then_some(by))?;
        }
        for range in &again.covered {
            if sibling {
                self.covered(meant.id, range)?;
                self.partly_covered(meant.id, range)?;
            } else if range.from == range.to {
                self.take_nothing(&meant, range.from, by)?;
            }
        }
        self.count_unread(meant.id)
    }

    /// A member says that what could not be read was theirs, and nothing that a timeline shows.
    fn take_nothing(
        &mut self,
        meant: &Conversation,
        seq: u64,
        by: &Member,
    ) -> Result<(), CoreError> {
        if !self.is_missing(meant.id, seq)? {
            return self.claimed_by_another(meant, seq, None, by);
        }
        self.claim(meant.id, seq, by)?;
        self.covered(meant.id, &SeqRange { from: seq, to: seq })
    }

    fn is_missing(&self, conversation: i64, seq: u64) -> Result<bool, CoreError> {
        Ok(self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM missing WHERE conversation = ?1 AND ?2 BETWEEN from_seq AND to_seq)",
            (conversation, seq),
            |row| row.get(0),
        )?)
    }

    /// These are the words that are taken for what was missing.
    fn claim(&self, conversation: i64, seq: u64, by: &Member) -> Result<(), CoreError> {
        meta::put(
            self.tx,
            &claimed(conversation, seq),
            &vec![by.address.clone()],
        )
    }

    /// One message, if it is missing here (or, from an own device, stands here already).
    fn take_again(
        &mut self,
        meant: &Conversation,
        message: &ArchivedMessage,
        only_by: Option<&Member>,
    ) -> Result<(), CoreError> {
        if let Some(member) = only_by
            && (message.author_device != member.device.as_bytes()
                || message.author.as_ref().and_then(crate::account::address_of)
                    != Some(member.address.clone()))
        {
            return Ok(());
        }
        let is_missing = self.is_missing(meant.id, message.seq)?;
        if only_by.is_none() && !is_missing {
            self.own_words_stand(meant, message)?;
        }
        if let Some(member) = only_by
            && !is_missing
        {
            return self.claimed_by_another(meant, message.seq, Some(message), member);
        }
        if !is_missing && !self.stands(meant.id, message)? {
            return Ok(());
        }
        if self.take_archived(meant, message, only_by.is_some())? {
            if let Some(member) = only_by {
                self.claim(meant.id, message.seq, member)?;
            }
            self.covered(
                meant.id,
                &SeqRange {
                    from: message.seq,
                    to: message.seq,
                },
            )?;
        }
        Ok(())
    }

    /// A member says that an entry was theirs which is not missing any more. Nothing vouches for
    /// such words but who says them: when another has said so of the same entry before, one of
    /// the two lies. Then the words of both are shown, where there are some, and that it is so.
    fn claimed_by_another(
        &mut self,
        meant: &Conversation,
        seq: u64,
        message: Option<&ArchivedMessage>,
        by: &Member,
    ) -> Result<(), CoreError> {
        let claim = claimed(meant.id, seq);
        let mut claimants: Vec<Address> = meta::get(self.tx, &claim)?.unwrap_or_default();
        if claimants.is_empty()
            || claimants.contains(&by.address)
            || claimants.len() >= CLAIMANTS_MAX
        {
            return Ok(());
        }
        claimants.push(by.address.clone());
        meta::put(self.tx, &claim, &claimants)?;
        if let Some(message) = message {
            self.take_archived(meant, message, true)?;
        }
        if self.mem.warned.insert(("again_contradicted", meant.id)) {
            self.warn("again_contradicted", Some(meant.id));
            let nobody = DeviceId::new([0; 16]);
            self.insert_notice(meant.id, &by.address, &nobody, "again_contradicted")?;
        }
        Ok(())
    }

    fn stands(&self, conversation: i64, message: &ArchivedMessage) -> Result<bool, CoreError> {
        Ok(self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND seq = ?2 AND author = ?3)",
            (
                conversation,
                message.seq,
                message
                    .author
                    .as_ref()
                    .and_then(crate::account::address_of)
                    .map(|author| author.to_string()),
            ),
            |row| row.get(0),
        )?)
    }

    /// Nothing of this range is missing any more: the lines that said so go.
    fn covered(&mut self, conversation: i64, range: &SeqRange) -> Result<(), CoreError> {
        for row in self.missing(conversation)? {
            if row.range.from >= range.from && row.range.to <= range.to {
                self.tx.execute(
                    "DELETE FROM missing WHERE conversation = ?1 AND from_seq = ?2",
                    (conversation, row.range.from),
                )?;
                self.tx.execute(
                    "DELETE FROM message WHERE conversation = ?1 AND message_id = ?2 AND kind IN ('unreadable', 'notice')",
                    (conversation, &row.line),
                )?;
            }
        }
        Ok(())
    }

    /// What stands at this place is known.
    pub(crate) fn is_here(&mut self, conversation: i64, seq: u64) -> Result<(), CoreError> {
        self.covered(conversation, &SeqRange { from: seq, to: seq })
    }

    /// An answer that was cut off: what is left is asked for again, behind what came.
    fn partly_covered(&mut self, conversation: i64, range: &SeqRange) -> Result<(), CoreError> {
        let rows = self.missing(conversation)?;
        let Some(row) = rows.iter().find(|row| overlap(&row.range, range)) else {
            return Ok(());
        };
        if row.range.from >= range.from {
            self.tx.execute(
                "UPDATE missing SET from_seq = ?3 WHERE conversation = ?1 AND from_seq = ?2",
                (conversation, row.range.from, range.to + 1),
            )?;
            // The line stands where what is missing begins.
            self.move_notice(conversation, &row.line, range.to)?;
        } else if row.range.to <= range.to {
            self.tx.execute(
                "UPDATE missing SET to_seq = ?3 WHERE conversation = ?1 AND from_seq = ?2",
                (conversation, row.range.from, range.from - 1),
            )?;
        } else {
            return Ok(());
        }
        self.tx.execute(
            "UPDATE missing SET asked = 0 WHERE conversation = ?1 AND from_seq > ?2 AND asked = 1",
            (conversation, range.to),
        )?;
        self.tx.execute(
            "UPDATE missing SET asked = 0 WHERE conversation = ?1 AND to_seq >= ?2 AND line = ?3",
            (conversation, row.range.from, &row.line),
        )?;
        self.want(conversation, "ask", 100)
    }
}

/// Where it is kept whose words stand for a message that was missing.
fn claimed(conversation: i64, seq: u64) -> String {
    format!("again/{conversation}/{seq}")
}

/// What is behind `common` is of a branch that is gone: nobody can give it any more, and what was said of
/// its places says nothing of those that have their numbers now.
pub(crate) fn forget_questions(
    conn: &Connection,
    conversation: i64,
    common: u64,
) -> Result<(), CoreError> {
    // The lines go that said it: one for all of it comes in their place.
    conn.execute(
        "DELETE FROM message WHERE conversation = ?1 AND kind IN ('unreadable', 'notice') AND message_id IN
             (SELECT line FROM missing WHERE conversation = ?1 AND from_seq > ?2)",
        (conversation, common),
    )?;
    conn.execute(
        "DELETE FROM missing WHERE conversation = ?1 AND from_seq > ?2",
        (conversation, common),
    )?;
    conn.execute(
        "UPDATE missing SET to_seq = ?2 WHERE conversation = ?1 AND to_seq > ?2",
        (conversation, common),
    )?;
    for seq in meta::under(conn, &format!("again/{conversation}/"))? {
        if let Ok(seq) = seq.parse()
            && seq > common
        {
            meta::remove(conn, &claimed(conversation, seq))?;
        }
    }
    answers::forget_places(conn, conversation, common)
}

fn ranges(rows: &[Missing], wanted: impl Fn(&Missing) -> bool) -> Vec<SeqRange> {
    rows.iter()
        .filter(|row| wanted(row))
        .map(|row| row.range)
        .take(RANGES_MAX)
        .collect()
}

const fn overlap(one: &SeqRange, other: &SeqRange) -> bool {
    one.from <= other.to && other.from <= one.to
}
