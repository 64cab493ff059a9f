//! Logs: how far this device has read each, and what is done with every entry in turn.
//!
//! Always holds: entries are taken strictly in order, each once; the position moves in the same
//! transaction as what the entry brought.

use crate::conversations::{Conversation, State};
use crate::step::{Request, Step};
use crate::store::meta;
use crate::{CoreError, arrival};
use comity_wire::planted::{self, Bug};
use comity_wire::proto::{self, EntryKind, client_frame::Act};
use comity_wire::{AppId, DeviceId, Id16};
use data_encoding::HEXLOWER;
use rusqlite::OptionalExtension as _;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Digests kept per conversation.
const TRAIL: i64 = 64;
/// Entries that an author's running hash covers.
const WINDOW: u64 = 32;
/// Of what is asked for only to be compared.
const LOOK_BACK_BYTES: u32 = 256 * 1_024;
/// Seats whose end is remembered; with more of them, those of conversations that are not known go.
const SEATS_ENDED_MAX: usize = 256;

impl Step<'_> {
    /// What the server says of a log: catch up with it.
    pub(crate) fn log_state(&mut self, log: &proto::LogState) -> Result<(), CoreError> {
        let me = self.me()?;
        let hub = self.near_hub(&log.hub);
        if hub.is_empty() && log.log == me.keys.id().as_bytes() {
            // The sync token moves on now: what is still to be fetched is remembered beside it.
            let known: u64 = meta::get(self.tx, "inbox_head")?.unwrap_or(0);
            if self.mem.went_back {
                let next: u64 = meta::get(self.tx, "inbox_next")?.unwrap_or(1);
                meta::put(self.tx, "inbox_next", &next.min(log.head_seq + 1))?;
                meta::put(self.tx, "inbox_head", &log.head_seq)?;
                return self.fetch_inbox();
            }
            meta::put(self.tx, "inbox_head", &log.head_seq.max(known))?;
            self.check_inbox_cursor(log.cursor)?;
            let asked = self.fetch_inbox();
            if planted::is(Bug::ForgetsTheInbox) {
                meta::put(self.tx, "inbox_head", &0_u64)?;
            }
            return asked;
        }
        let Some(mut conversation) = self.conversation_by_cid(hub, &log.log)? else {
            // A welcome that is still on its way, or one of which nothing is left here.
            if !log.member {
                self.ends_early(log)?;
            }
            return self.all_early(hub, &log.log, &log.marks);
        };
        let cursor = log.cursor.min(log.head_seq);
        self.mem.cursors_told.insert(conversation.id, cursor);
        if conversation.is_active() && cursor >= conversation.next_seq {
            // What this device is said to have read can not be read any more, and it is more than
            // the seat that it may have been given anew while it was away.
            if log.first_seq > conversation.next_seq && cursor >= log.first_seq {
                return self.used_elsewhere("it has read what is no longer to be had");
            }
            self.mem.ahead.insert(conversation.id, cursor);
        }
        conversation.head_seq = if self.mem.went_back {
            // What it had more before is no longer to be had.
            log.head_seq.max(conversation.next_seq - 1)
        } else {
            log.head_seq.max(conversation.head_seq)
        };
        if planted::is(Bug::JumpsToOwnEntry) && self.has_unsent(conversation.id)? {
            conversation.next_seq = conversation.head_seq + 1;
            self.save_position(&conversation)?;
        }
        self.tx.execute(
            "UPDATE conversation SET head_seq = ?2 WHERE id = ?1",
            (conversation.id, conversation.head_seq),
        )?;
        let had = self.mem.taken.get(&conversation.id);
        if conversation.is_active() && had.is_some_and(|had| log.head_seq < *had) {
            return self.log_went_back(&mut conversation, "rolled_back", log.head_seq);
        }
        // It never heard how far this device has read; or it has forgotten that, and has had more since.
        if conversation.is_active() && cursor + 1 < conversation.next_seq {
            self.look_back(&conversation);
        }
        self.read_further(&conversation);
        if !log.member && !conversation.is_active() && log.head_seq >= conversation.next_seq {
            // Of a seat into which a welcome leads.
            meta::put(self.tx, &seat_ended(hub, &log.log), &log.head_seq)?;
        }
        if !log.member && conversation.is_active() {
            meta::put(self.tx, &seat_ended(hub, &log.log), &log.head_seq)?;
            if self.is_at_the_end(&conversation)? {
                return self.log_ended(&mut conversation);
            }
        }
        self.state_version_seen(&conversation, log.state_version)?;
        for cursor in &log.cursors {
            self.cursor(&conversation, cursor)?;
        }
        for mark in &log.marks {
            self.mark(&conversation, mark)?;
        }
        Ok(())
    }

    /// Just in: what stands behind the entry is asked for, and asked for anew when no answer comes. What
    /// the hub told of the log before was told to a device that did not know it.
    pub(crate) fn read_on(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        meta::put(self.tx, &unread_since_entry(conversation.id), &true)?;
        let (hub, log) = conversation.wire_log(self);
        self.fetch(&hub, &log, conversation.next_seq - 1);
        Ok(())
    }

    /// The conversations that were come into and not read since, once more.
    pub(crate) fn read_on_again(&mut self) -> Result<(), CoreError> {
        let names = meta::under(self.tx, UNREAD_SINCE_ENTRY)?;
        for id in names.iter().filter_map(|name| name.parse().ok()) {
            match self.active(id)? {
                Some(conversation) => self.read_on(&conversation)?,
                None => meta::remove(self.tx, &unread_since_entry(id))?,
            }
        }
        Ok(())
    }

    /// The seat has ended for which the welcome is still to be fetched. It is said once, so it is kept for who
    /// comes in by that welcome and has read to the end.
    fn ends_early(&mut self, log: &proto::LogState) -> Result<(), CoreError> {
        let hub = self.near_hub(&log.hub);
        if !can_be_a_log(hub, &log.log) {
            return Ok(());
        }
        let kept = meta::under(self.tx, SEAT_ENDED)?;
        if kept.len() >= SEATS_ENDED_MAX {
            self.forget_seats_of_nothing(&kept)?;
        }
        meta::put(self.tx, &seat_ended(hub, &log.log), &log.head_seq)
    }

    /// Those `kept` go of which no conversation is known: their welcomes never came.
    fn forget_seats_of_nothing(&mut self, kept: &[String]) -> Result<(), CoreError> {
        for place in kept {
            let (hub, log) = place.rsplit_once('/').unwrap_or_default();
            let log = HEXLOWER.decode(log.as_bytes()).unwrap_or_default();
            if self.conversation_by_cid(hub, &log)?.is_none() {
                meta::remove(self.tx, &format!("{SEAT_ENDED}{place}"))?;
            }
        }
        Ok(())
    }

    /// Whether all that this device may read was read, and nothing in it took the device out, whose seat has ended.
    fn is_at_the_end(&self, conversation: &Conversation) -> Result<bool, CoreError> {
        let (hub, log) = conversation.wire_log(self);
        let place = seat_ended(&hub, &log);
        let Some(ended) = meta::get::<u64>(self.tx, &place)? else {
            return Ok(false);
        };
        if ended < conversation.next_seq {
            // Of a seat that it has no more, or looked at now.
            meta::remove(self.tx, &place)?;
        }
        Ok(ended + 1 == conversation.next_seq)
    }

    /// The conversation, if this device stands in it.
    fn active(&self, id: i64) -> Result<Option<Conversation>, CoreError> {
        match self.conversation(id) {
            Ok(conversation) => Ok(Some(conversation).filter(Conversation::is_active)),
            // It is in another one now.
            Err(CoreError::NoSuch(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Entries, `asked` for or pushed.
    pub(crate) fn deliver(
        &mut self,
        deliver: proto::Deliver,
        asked: bool,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let hub = self.near_hub(&deliver.hub);
        if hub.is_empty() && deliver.log == me.keys.id().as_bytes() {
            return self.deliver_inbox(&deliver);
        }
        let Some(mut conversation) = self.conversation_by_cid(hub, &deliver.log)? else {
            return Ok(());
        };
        if !conversation.is_active() {
            return Ok(());
        }
        if deliver.gap_until_seq >= conversation.next_seq {
            self.gap(&mut conversation, deliver.gap_until_seq)?;
        }
        let before = conversation.next_seq;
        for entry in &deliver.entries {
            if entry.seq < conversation.next_seq {
                if self.is_another_entry(&conversation, entry)? {
                    let before = entry.seq.saturating_sub(1);
                    return self.log_went_back(&mut conversation, "rewritten", before);
                }
                continue;
            }
            let hole = entry.seq > conversation.next_seq && !planted::is(Bug::TakesAHole);
            if hole || !conversation.is_active() || self.mem.used_elsewhere {
                break;
            }
            self.entry(&mut conversation, entry)?;
        }
        conversation.head_seq = conversation.head_seq.max(deliver.head_seq);
        self.save_position(&conversation)?;
        if asked {
            meta::remove(self.tx, &unread_since_entry(conversation.id))?;
            if conversation.next_seq == before && self.welcome_waits(&conversation)?.is_some() {
                self.mem.dry.insert(conversation.id, before);
            }
        }
        self.check_cursor(&conversation)?;
        if self.mem.used_elsewhere {
            return Ok(());
        }
        if conversation.next_seq > before {
            self.acknowledge(&conversation);
        }
        if asked && conversation.is_active() && self.is_at_the_end(&conversation)? {
            return self.log_ended(&mut conversation);
        }
        if conversation.is_active() && conversation.head_seq >= conversation.next_seq {
            if asked && conversation.next_seq == before {
                return self.withheld(&conversation);
            }
            self.fetch(hub, &deliver.log, conversation.next_seq - 1);
        } else if conversation.is_active() && conversation.next_seq > before {
            self.answer_owed(&conversation)?;
        }
        Ok(())
    }

    /// The hub says that there are more entries and does not give the next one: said once, and
    /// asked again after a while. Nothing behind it is read before it.
    fn withheld(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        const ASK_AGAIN_MS: i64 = 15_000;
        let at = self.now + ASK_AGAIN_MS;
        self.mem.read_again_ms = Some(self.mem.read_again_ms.map_or(at, |other| other.min(at)));
        self.wake(at);
        // Let in anew after a removal that this device did not hear of: nothing before is for it.
        let inbox: u64 = meta::get(self.tx, "inbox_next")?.unwrap_or(1);
        if meta::get::<u64>(self.tx, "inbox_head")?.unwrap_or(0) >= inbox
            || self.welcome_waits(conversation)?.is_some()
        {
            return Ok(());
        }
        if self.mem.withheld.insert(conversation.id) {
            self.warn("withheld", Some(conversation.id));
            let me = self.me()?;
            let nobody = DeviceId::new([0; 16]);
            self.insert_notice(conversation.id, &me.address, &nobody, "withheld")?;
        }
        Ok(())
    }

    /// Whether an entry that this device has taken is another one now.
    fn is_another_entry(
        &self,
        conversation: &Conversation,
        entry: &proto::Entry,
    ) -> Result<bool, CoreError> {
        let known: Option<Vec<u8>> = self
            .tx
            .prepare_cached("SELECT digest FROM trail WHERE conversation = ?1 AND seq = ?2")?
            .query_row((conversation.id, entry.seq), |row| row.get(0))
            .optional()?;
        Ok(known.is_some_and(|known| known != digest(entry.seq, entry.kind, &entry.body)))
    }

    /// What this device last took is asked for once more: whether the hub still has it.
    pub(crate) fn look_back(&mut self, conversation: &Conversation) {
        let (hub, log) = conversation.wire_log(self);
        let after = conversation.next_seq.saturating_sub(WINDOW + 1);
        self.request(
            Request::LookBack {
                conversation: conversation.id,
            },
            Act::Fetch(proto::Fetch {
                hub,
                log,
                after_seq: after,
                bytes_max: LOOK_BACK_BYTES,
            }),
        );
    }

    /// Whether the hub has something else now where it gave this device an entry. Then it went back, or
    /// tells others something else, and that is no guess. Else it is told how far this device has read.
    pub(crate) fn looked_back(
        &mut self,
        conversation: i64,
        deliver: &proto::Deliver,
    ) -> Result<(), CoreError> {
        let mut conversation = self.conversation(conversation)?;
        if !matches!(conversation.state, State::Rejoining | State::Active) {
            return Ok(());
        }
        for entry in &deliver.entries {
            if self.is_another_entry(&conversation, entry)? {
                let before = entry.seq.saturating_sub(1);
                if conversation.is_active() {
                    return self.log_went_back(&mut conversation, "rewritten", before);
                }
                self.note_parting(conversation.id, before)?;
                self.warn("rewritten", Some(conversation.id));
                let me = self.me()?;
                let nobody = DeviceId::new([0; 16]);
                self.insert_notice(conversation.id, &me.address, &nobody, "rewritten")?;
                // What is compared begins anew where this device is let in.
                self.tx.execute(
                    "DELETE FROM trail WHERE conversation = ?1",
                    [conversation.id],
                )?;
                return Ok(());
            }
        }
        if conversation.is_active() {
            self.acknowledge(&conversation);
        }
        self.read_further(&conversation);
        Ok(())
    }

    /// It could not be compared: what follows says what there is to say.
    pub(crate) fn not_looked_back(&mut self, conversation: i64) -> Result<(), CoreError> {
        match self.conversation(conversation) {
            Ok(conversation) => self.read_further(&conversation),
            // It is in another one now.
            Err(CoreError::NoSuch(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// What the log has more is asked for, once it is known that it is the log that was read.
    pub(crate) fn read_further(&mut self, conversation: &Conversation) {
        let more = conversation.is_active() && conversation.head_seq >= conversation.next_seq;
        if more && !self.is_looking_back(conversation.id) {
            let (hub, log) = conversation.wire_log(self);
            self.fetch(&hub, &log, conversation.next_seq - 1);
        }
    }

    fn is_looking_back(&self, id: i64) -> bool {
        let mut all = self.mem.requests.values();
        all.any(
            |request| matches!(request, Request::LookBack { conversation } if *conversation == id),
        )
    }

    /// The hub has another log than it had, behind `until` at the latest: said, and joined anew where it
    /// stands now.
    fn log_went_back(
        &mut self,
        conversation: &mut Conversation,
        notice: &str,
        until: u64,
    ) -> Result<(), CoreError> {
        self.note_parting(conversation.id, until)?;
        let me = self.me()?;
        let nobody = DeviceId::new([0; 16]);
        self.mem.taken.remove(&conversation.id);
        self.insert_notice(conversation.id, &me.address, &nobody, notice)?;
        self.save_position(conversation)?;
        self.heal(conversation, notice)
    }

    /// The hub gives what this device sent a place at which something else stood: it has forgotten
    /// that.
    pub(crate) fn place_was_taken(
        &mut self,
        conversation: &mut Conversation,
        seq: u64,
    ) -> Result<(), CoreError> {
        if conversation.is_active() {
            return self.log_went_back(conversation, "rolled_back", seq.saturating_sub(1));
        }
        Ok(())
    }

    /// One entry whose turn it is. The position moves, whatever the entry turns out to be.
    fn entry(
        &mut self,
        conversation: &mut Conversation,
        entry: &proto::Entry,
    ) -> Result<(), CoreError> {
        match EntryKind::try_from(entry.kind) {
            Ok(EntryKind::Content) => self.content_entry(conversation, entry)?,
            Ok(EntryKind::Commit) => self.commit_entry(conversation, entry)?,
            Ok(EntryKind::Proposal) => self.proposal_entry(conversation, entry)?,
            _ => self.warn("entry_unknown", Some(conversation.id)),
        }
        self.passed(conversation, entry.seq, entry.kind, &entry.body)
    }

    /// The entry `seq` was taken: remember its digest and move on.
    pub(crate) fn passed(
        &mut self,
        conversation: &mut Conversation,
        seq: u64,
        kind: i32,
        body: &[u8],
    ) -> Result<(), CoreError> {
        self.note_digest(conversation.id, seq, kind, body)?;
        conversation.next_seq = seq + 1;
        conversation.head_seq = conversation.head_seq.max(seq);
        // Also between the entries of one batch: the lines that the next one leaves stand by it.
        self.save_position(conversation)
    }

    fn note_digest(
        &mut self,
        conversation: i64,
        seq: u64,
        kind: i32,
        body: &[u8],
    ) -> Result<(), CoreError> {
        self.tx
            .prepare_cached(
                "INSERT OR REPLACE INTO trail (conversation, seq, digest) VALUES (?1, ?2, ?3)",
            )?
            .execute((conversation, seq, digest(seq, kind, body)))?;
        let oldest = i64::try_from(seq).unwrap_or(i64::MAX) - TRAIL;
        self.tx
            .prepare_cached("DELETE FROM trail WHERE conversation = ?1 AND seq < ?2")?
            .execute((conversation, oldest))?;
        Ok(())
    }

    /// Whether these bytes stood in the log before, at another place. Whoever puts them in again,
    /// the hub or a member, says nothing by it.
    pub(crate) fn stood_before(
        &self,
        conversation: i64,
        entry: &proto::Entry,
    ) -> Result<bool, CoreError> {
        let mut statement = self
            .tx
            .prepare_cached("SELECT seq, digest FROM trail WHERE conversation = ?1 AND seq < ?2")?;
        let mut rows = statement.query((conversation, entry.seq))?;
        while let Some(row) = rows.next()? {
            let known: Vec<u8> = row.get(1)?;
            if known == digest(row.get(0)?, entry.kind, &entry.body) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The running hash over `from ..= to`; absent when this device did not see all of them.
    pub(crate) fn running_hash(
        &self,
        conversation: i64,
        from: u64,
        to: u64,
    ) -> Result<Option<[u8; 16]>, CoreError> {
        // An author's word: only what can be a place in a log is looked up.
        if from > to || i64::try_from(to).is_err() {
            return Ok(None);
        }
        let mut statement = self.tx.prepare_cached(
            "SELECT seq, digest FROM trail WHERE conversation = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq",
        )?;
        let mut rows = statement.query((conversation, from, to))?;
        let (mut hash, mut expected) = (Sha256::new(), from);
        while let Some(row) = rows.next()? {
            if row.get::<_, u64>(0)? != expected {
                return Ok(None);
            }
            hash.update(row.get::<_, Vec<u8>>(1)?);
            expected += 1;
        }
        if expected != to + 1 {
            return Ok(None);
        }
        Ok(hash
            .finalize()
            .get(..16)
            .and_then(|bytes| bytes.try_into().ok()))
    }

    /// Where this device stands, for what it says now: window start, last seq, running hash.
    pub(crate) fn author_position(
        &self,
        conversation: &Conversation,
    ) -> Result<(u64, u64, [u8; 16]), CoreError> {
        let to = conversation.next_seq - 1;
        let oldest: Option<u64> = self.tx.query_row(
            "SELECT min(seq) FROM trail WHERE conversation = ?1",
            [conversation.id],
            |row| row.get(0),
        )?;
        let from = oldest
            .unwrap_or(to + 1)
            .max(to.saturating_sub(WINDOW - 1))
            .max(1);
        let hash = self.running_hash(conversation.id, from, to)?;
        Ok(hash.map_or((0, 0, [0; 16]), |hash| (from, to, hash)))
    }

    pub(crate) fn save_position(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        self.tx
            .prepare_cached("UPDATE conversation SET next_seq = ?2, head_seq = ?3, epoch = ?4, state = ?5 WHERE id = ?1")?
            .execute((
                conversation.id,
                conversation.next_seq,
                conversation.head_seq,
                conversation.epoch,
                conversation.state.as_str(),
            ))?;
        Ok(())
    }

    pub(crate) fn acknowledge(&mut self, conversation: &Conversation) {
        if !self.mem.told_read.contains(&conversation.id) {
            self.mem.told_read.insert(conversation.id);
        }
        let positions = vec![self.position(conversation)];
        self.send(Act::Acknowledge(proto::Acknowledge { positions }));
    }

    fn position(&self, conversation: &Conversation) -> proto::Position {
        let (hub, log) = conversation.wire_log(self);
        let seq = if planted::is(Bug::AcknowledgesUnread) {
            conversation.head_seq
        } else {
            conversation.next_seq - 1
        };
        proto::Position { hub, log, seq }
    }

    /// A new session: what was told before of how far this device has read may not have arrived, or not have
    /// been kept, and nothing is given again that would bring it up. The first session of a program tells all.
    pub(crate) fn acknowledge_again(&mut self) -> Result<(), CoreError> {
        let told = std::mem::take(&mut *self.mem.told_read);
        if let Some(unsure) = &mut *self.mem.unsure_read {
            unsure.extend(told);
        }
        let unsure = (*self.mem.unsure_read).clone();
        let mut positions = Vec::new();
        let inbox: u64 = meta::get(self.tx, "inbox_next")?.unwrap_or(1);
        if inbox > 1 {
            positions.push(proto::Position {
                hub: String::new(),
                log: self.me()?.keys.id().to_vec(),
                seq: inbox - 1,
            });
        }
        for state in [State::Active, State::Left] {
            for conversation in self.conversations_in(state)? {
                let known = conversation.conversation.is_some() && conversation.next_seq > 1;
                let meant = unsure
                    .as_ref()
                    .is_none_or(|unsure| unsure.contains(&conversation.id));
                // Of another branch than the hub's its numbers say nothing: where that may be, it is compared first.
                let another =
                    self.is_looking_back(conversation.id) || self.is_parting(conversation.id)?;
                if known && meant && !another {
                    positions.push(self.position(&conversation));
                }
            }
        }
        if !positions.is_empty() {
            let act = Act::Acknowledge(proto::Acknowledge { positions });
            self.request(Request::Positions, act);
        }
        Ok(())
    }

    /// The hub knows how far this device has read.
    pub(crate) fn positions_taken(&mut self) {
        *self.mem.unsure_read = Some(BTreeSet::new());
    }

    /// Asks for what the inbox holds beyond what was taken, as far as is known.
    pub(crate) fn fetch_inbox(&mut self) -> Result<(), CoreError> {
        let next: u64 = meta::get(self.tx, "inbox_next")?.unwrap_or(1);
        let head: u64 = meta::get(self.tx, "inbox_head")?.unwrap_or(0);
        if head >= next {
            let inbox = self.me()?.keys.id().to_vec();
            self.fetch("", &inbox, next - 1);
        }
        Ok(())
    }

    fn deliver_inbox(&mut self, deliver: &proto::Deliver) -> Result<(), CoreError> {
        let mut next: u64 = meta::get(self.tx, "inbox_next")?.unwrap_or(1);
        let before = next;
        next = next.max(deliver.gap_until_seq + 1);
        for entry in &deliver.entries {
            if entry.seq < next {
                continue;
            }
            if entry.seq > next {
                break;
            }
            self.inbox_entry(entry)?;
            next = entry.seq + 1;
        }
        meta::put(self.tx, "inbox_next", &next)?;
        if next > before {
            self.send(Act::Acknowledge(proto::Acknowledge {
                positions: vec![proto::Position {
                    hub: String::new(),
                    log: deliver.log.clone(),
                    seq: next - 1,
                }],
            }));
        }
        if deliver.head_seq >= next {
            self.fetch("", &deliver.log, next - 1);
        }
        Ok(())
    }

    fn inbox_entry(&mut self, entry: &proto::Entry) -> Result<(), CoreError> {
        use comity_wire::Message as _;
        let body = entry.body.as_slice();
        match EntryKind::try_from(entry.kind) {
            Ok(EntryKind::Welcome) => {
                if let Ok(pointer) = proto::WelcomePointer::decode(body)
                    && arrival::is_place(pointer.commit_seq)
                {
                    return self.welcome_pointer(&pointer);
                }
            }
            Ok(EntryKind::Introduction) => {
                if let Ok(envelope) = proto::IntroductionEnvelope::decode(body) {
                    return self.introduced(&envelope);
                }
            }
            Ok(EntryKind::Notice) => {
                if let Ok(notice) = proto::Notice::decode(body) {
                    return self.notice(&notice);
                }
            }
            _ => {}
        }
        self.warn("inbox_malformed", None);
        Ok(())
    }

    fn notice(&mut self, notice: &proto::Notice) -> Result<(), CoreError> {
        match &notice.notice {
            Some(proto::notice::Notice::ManifestChanged(changed)) => {
                self.own_manifest_changed(changed.seq)
            }
            Some(proto::notice::Notice::AliasMoved(moved)) => self.alias_moved(&moved.from_account),
            None => Ok(()),
        }
    }
}

/// Whether a log of a conversation can have this name: nothing is kept of others.
pub(crate) fn can_be_a_log(near_hub: &str, log: &[u8]) -> bool {
    (near_hub.is_empty() || near_hub.parse::<AppId>().is_ok()) && Id16::from_slice(log).is_ok()
}

/// Where it is kept that nothing was read since this device came in.
const UNREAD_SINCE_ENTRY: &str = "unread_since_entry/";

fn unread_since_entry(conversation: i64) -> String {
    format!("{UNREAD_SINCE_ENTRY}{conversation}")
}

/// Where it is kept which entry of a log was the last that this device may read.
const SEAT_ENDED: &str = "seat_ended/";

fn seat_ended(hub: &str, log: &[u8]) -> String {
    format!("{SEAT_ENDED}{hub}/{}", HEXLOWER.encode(log))
}

/// What stands for an entry in the trail.
fn digest(seq: u64, kind: i32, body: &[u8]) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(b"comity entry");
    hash.update(seq.to_be_bytes());
    hash.update(kind.to_be_bytes());
    hash.update(body);
    let mut short = [0; 16];
    for (to, from) in short.iter_mut().zip(hash.finalize()) {
        *to = from;
    }
    short
}
