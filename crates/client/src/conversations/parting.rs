//! A log that went back: what was taken of the branch that is gone makes room for the one that stands.
//!
//! Always holds: lines of the branch that is gone stay, in their order, before what is said from then on; no
//! mark and no cursor claims anything of the branch that stands but what was put on it; what stands there and
//! was not read here is asked for. Deliberately absent: finding out that it went back (`logs.rs`).

use super::Conversation;
use crate::CoreError;
use crate::missing::forget_questions;
use crate::step::Step;
use crate::store::meta;

impl Step<'_> {
    /// The hub has something else behind `until`, at the latest, than this device took. What it said that this
    /// device has read is what it remembers of it: behind that, all may be another thing.
    pub(crate) fn note_parting(&mut self, conversation: i64, until: u64) -> Result<(), CoreError> {
        let told = self.mem.cursors_told.get(&conversation).copied();
        let before: Option<u64> = meta::get(self.tx, &parted(conversation))?;
        let until = until
            .min(told.unwrap_or(until))
            .min(before.unwrap_or(until));
        meta::put(self.tx, &parted(conversation), &until)
    }

    /// The log went back, and this device is not in again.
    pub(crate) fn is_parting(&self, conversation: i64) -> Result<bool, CoreError> {
        Ok(meta::get::<u64>(self.tx, &parted(conversation))?.is_some())
    }

    /// Let in anew at `entry`: whether the log went back since this device read it, and if so, this device stands
    /// where both branches were one.
    pub(super) fn part(
        &mut self,
        conversation: &mut Conversation,
        entry: u64,
    ) -> Result<bool, CoreError> {
        let id = conversation.id;
        let mut noted: Option<u64> = meta::get(self.tx, &parted(id))?;
        meta::remove(self.tx, &parted(id))?;
        if noted.is_none() && entry < conversation.next_seq {
            noted = Some(self.mem.cursors_told.get(&id).copied().unwrap_or(u64::MAX));
        }
        let Some(noted) = noted else {
            return Ok(false);
        };
        let common = noted
            .min(entry.saturating_sub(1))
            .min(conversation.next_seq.saturating_sub(1));
        forget_questions(self.tx, id, common)?;
        self.make_room(id, common)?;
        self.tx.execute(
            "UPDATE member SET since_seq = ?3 WHERE conversation = ?1 AND since_seq > ?2",
            (id, common, entry),
        )?;
        self.tx.execute(
            "UPDATE member_since SET seq = ?3 WHERE conversation = ?1 AND seq > ?2",
            (id, common, entry),
        )?;
        self.mem.ahead.remove(&id);
        self.mem.withheld.remove(&id);
        conversation.next_seq = common + 1;
        conversation.head_seq = entry;
        self.save_position(conversation)?;
        self.count_unread(id)?;
        Ok(true)
    }

    /// Lines behind `common` stand at it, one behind the other as before, and nobody has read further.
    fn make_room(&self, conversation: i64, common: u64) -> Result<(), CoreError> {
        let at = (conversation, common);
        // A line that was not read has to stay so: rather one too many than one too few.
        let unread: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message m JOIN conversation c ON c.id = m.conversation
                 WHERE m.conversation = ?1 AND m.seq > ?2 AND m.seq > c.read_seq AND m.outgoing = 0 AND m.kind <> 'notice')",
            at,
            |row| row.get(0),
        )?;
        let read = if unread {
            common.saturating_sub(1)
        } else {
            common
        };
        self.tx.execute(
            "UPDATE conversation SET read_seq = min(read_seq, ?2), mark_epoch = -1 WHERE id = ?1",
            (conversation, read),
        )?;
        // The seal is of the place that a line had.
        self.tx.execute(
            "UPDATE message SET sealed_seq = coalesce(sealed_seq, seq), seq = ?2 WHERE conversation = ?1 AND seq > ?2",
            at,
        )?;
        self.tx.execute(
            "UPDATE mark SET read_seq = ?2 WHERE conversation = ?1 AND read_seq > ?2",
            at,
        )?;
        self.tx.execute(
            "UPDATE cursor SET seq = ?2 WHERE conversation = ?1 AND seq > ?2",
            at,
        )?;
        Ok(())
    }
}

/// Where it is kept up to where the branch that is gone and the one that stands are one.
fn parted(conversation: i64) -> String {
    format!("parted/{conversation}")
}
