//! What an author had seen, beside what this device has: where the two differ, the hub told two
//! stories.
//!
//! Always holds: of one author's differing view the person is told once, not with each of the next
//! thirty words, all of which cover it; a further difference is told again. Deliberately absent:
//! what was left out or changed. A hash does not say it; the author is asked (`missing`).

use crate::CoreError;
use crate::conversations::Conversation;
use crate::step::Step;
use comity_e2ee::envelope::Opened;
use comity_wire::DeviceId;

/// What a person was told of one author's view.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Differing {
    /// The last entry that the author had seen then: what differs is not after it.
    seq: u64,
    /// Entries that the author had seen then, or last, beyond all that were here.
    short: u64,
}

impl Differing {
    /// Whether a view from `window_from` on, so many entries ahead, may differ in nothing else.
    const fn explains(self, window_from: u64, short: u64) -> bool {
        short <= self.short && (short > 0 || window_from <= self.seq)
    }
}

impl Step<'_> {
    /// Compares what the author had seen with what came here.
    pub(super) fn check_author_position(
        &mut self,
        conversation: &Conversation,
        author: &DeviceId,
        opened: &Opened,
    ) -> Result<(), CoreError> {
        let position = &opened.position;
        if position.running_hash.is_empty() {
            return Ok(());
        }
        let own = self.running_hash(conversation.id, position.window_from, position.last_seq)?;
        // Nobody has seen what comes after their own entry: something was left out here.
        let short = position
            .last_seq
            .saturating_add(1)
            .saturating_sub(conversation.next_seq);
        let key = (conversation.id, *author);
        let known = self.mem.differing.get(&key).copied();
        if let Some(known) = self.mem.differing.get_mut(&key) {
            known.short = known.short.min(short);
        }
        let differs = short > 0 || own.is_some_and(|own| own[..] != position.running_hash[..]);
        if !differs || known.is_some_and(|known| known.explains(position.window_from, short)) {
            return Ok(());
        }
        let seq = position.last_seq;
        self.mem.differing.insert(key, Differing { seq, short });
        self.warn("history_differs", Some(conversation.id));
        let me = self.me()?;
        let nobody = DeviceId::new([0; 16]);
        self.insert_notice(conversation.id, &me.address, &nobody, "history_differs")?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_difference_explains_what_covers_it_and_nothing_else() {
        let changed = Differing { seq: 10, short: 0 };
        assert!(changed.explains(1, 0) && changed.explains(10, 0));
        assert!(!changed.explains(11, 0), "it lies before this view");
        assert!(!changed.explains(1, 1), "one more was left out");
        let dropped = Differing { seq: 10, short: 1 };
        assert!(dropped.explains(40, 1), "the numbers stay shifted");
        assert!(!dropped.explains(40, 2), "one more was left out");
        assert!(!dropped.explains(40, 0), "none is left out, and it differs");
    }
}
