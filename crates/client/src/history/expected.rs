//! Which history a new member fetches: what it can have been promised by joining, and no other file
//! that a member names.
//!
//! Always holds: nothing is fetched but for the own joining, for some time after it, from members who
//! were there before, each piece of each once, in sizes that fit into memory. Deliberately absent:
//! what is taken of a piece (`group`).

use super::PIECE;
use super::group::{GIVEN_MAX, OWED_MS, PIECE_BYTES_MAX};
use crate::CoreError;
use crate::conversations::Conversation;
use crate::step::Step;
use crate::store::meta;
use comity_content::proto as said;
use comity_wire::Address;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Pieces that one member gives at most.
const PIECES_MAX: u32 = (GIVEN_MAX / PIECE) as u32;
/// Members from whom who joined takes history: the first may give little, or nothing that is true.
const GIVERS_MAX: usize = 3;

/// Who joined is to be given history, for some time.
#[derive(Serialize, Deserialize)]
struct Expected {
    /// The epoch that began with the joining.
    epoch: u64,
    since_ms: i64,
    /// What has been taken: each piece of each giver once.
    taken: Vec<(Address, u32)>,
}

impl Expected {
    /// Whether a piece may be fetched; it then counts as taken.
    fn takes(&mut self, from: &Address, given: &said::GroupHistory, now: i64) -> bool {
        let fits = given.joined_epoch == self.epoch
            && now.saturating_sub(self.since_ms) <= 2 * OWED_MS
            && given.index < given.total
            && given.total <= PIECES_MAX
            && !self
                .taken
                .iter()
                .any(|(giver, index)| giver == from && *index == given.index);
        let givers: BTreeSet<&Address> = self.taken.iter().map(|(giver, _)| giver).collect();
        if !fits || (givers.len() >= GIVERS_MAX && !givers.contains(from)) {
            return false;
        }
        self.taken.push((from.clone(), given.index));
        true
    }
}

fn expected_key(group: i64) -> String {
    format!("history_expected/{group}")
}

impl Step<'_> {
    /// This account has just joined: members may give it what was said before.
    pub(crate) fn expect_history(&mut self, group: &Conversation) -> Result<(), CoreError> {
        let expected = Expected {
            epoch: group.epoch,
            since_ms: self.now,
            taken: Vec::new(),
        };
        meta::put(self.tx, &expected_key(group.id), &expected)
    }

    /// Only what is expected is fetched, from who was there before, and in pieces that are small.
    pub(super) fn takes_piece(
        &mut self,
        group: &Conversation,
        from: &Address,
        given: &said::GroupHistory,
        archive: &said::Attachment,
    ) -> Result<bool, CoreError> {
        let key = expected_key(group.id);
        let Some(mut expected) = meta::get::<Expected>(self.tx, &key)? else {
            return Ok(false);
        };
        let largest = u64::try_from(PIECE_BYTES_MAX).unwrap_or(u64::MAX);
        let small = archive.size <= largest && archive.blob_size <= largest.saturating_mul(2);
        // Of who was there before this device, it is not known since when.
        let earlier: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM member_since WHERE conversation = ?1 AND address = ?2 AND seq < ?3)",
            (group.id, from.to_string(), group.joined_seq),
            |row| row.get(0),
        )?;
        if !small || !earlier || !expected.takes(from, given, self.now) {
            return Ok(false);
        }
        meta::put(self.tx, &key, &expected)?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn giver(digit: &str) -> Address {
        format!("{}@chat.example", digit.repeat(32))
            .parse()
            .unwrap()
    }

    fn piece(index: u32, total: u32) -> said::GroupHistory {
        said::GroupHistory {
            joined_epoch: 5,
            index,
            total,
            ..Default::default()
        }
    }

    #[test]
    fn each_piece_of_a_few_givers_counts_once_for_the_own_joining() {
        let mut expected = Expected {
            epoch: 5,
            since_ms: 1_000,
            taken: Vec::new(),
        };
        let now = 2_000;
        assert!(expected.takes(&giver("1"), &piece(0, 2), now));
        assert!(!expected.takes(&giver("1"), &piece(0, 2), now), "twice");
        assert!(!expected.takes(&giver("1"), &piece(2, 2), now), "beyond");
        assert!(!expected.takes(&giver("1"), &piece(1, PIECES_MAX + 1), now));
        let of_another_joining = said::GroupHistory {
            joined_epoch: 6,
            ..piece(1, 2)
        };
        assert!(!expected.takes(&giver("1"), &of_another_joining, now));
        assert!(!expected.takes(&giver("1"), &piece(1, 2), now + 2 * OWED_MS));
        assert!(expected.takes(&giver("2"), &piece(0, 2), now));
        assert!(expected.takes(&giver("3"), &piece(0, 2), now));
        assert!(!expected.takes(&giver("4"), &piece(0, 2), now), "too many");
        assert!(expected.takes(&giver("1"), &piece(1, 2), now));
    }
}
