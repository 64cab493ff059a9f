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

/// What is to become of a piece that a member offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offered {
    /// It is fetched, and counts as taken.
    Wanted,
    /// This device has no use for it, and who gives it did no wrong: it was given before, enough
    /// others gave some, or it is for an earlier joining of the account by another device.
    Needless,
    /// Nobody who keeps to the rules gives it.
    Refused,
}

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
    /// Whether a piece is fetched; it then counts as taken.
    fn takes(&mut self, from: &Address, given: &said::GroupHistory, now: i64) -> Offered {
        let fits = given.joined_epoch == self.epoch
            && now.saturating_sub(self.since_ms) <= 2 * OWED_MS
            && given.index < given.total
            && given.total <= PIECES_MAX;
        if !fits {
            return Offered::Refused;
        }
        let known = |(giver, index): &(Address, u32)| giver == from && *index == given.index;
        let givers: BTreeSet<&Address> = self.taken.iter().map(|(giver, _)| giver).collect();
        let enough = givers.len() >= GIVERS_MAX && !givers.contains(from);
        if enough || self.taken.iter().any(known) {
            return Offered::Needless;
        }
        self.taken.push((from.clone(), given.index));
        Offered::Wanted
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
    ) -> Result<Offered, CoreError> {
        let key = expected_key(group.id);
        let expected = meta::get::<Expected>(self.tx, &key)?;
        let own = expected.as_ref().map(|expected| expected.epoch);
        if given.joined_epoch < own.unwrap_or(group.epoch.saturating_add(1))
            && self.came_after_own_device(group)?
        {
            return Ok(Offered::Needless);
        }
        let Some(mut expected) = expected else {
            return Ok(Offered::Refused);
        };
        let largest = u64::try_from(PIECE_BYTES_MAX).unwrap_or(u64::MAX);
        let small = archive.size <= largest && archive.blob_size <= largest.saturating_mul(2);
        // Of who was there before this device, it is not known since when: who came while this account
        // was out of the group stands there as of the entry behind its coming back.
        let earlier: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM member_since WHERE conversation = ?1 AND address = ?2 AND seq <= ?3 + 1)",
            (group.id, from.to_string(), group.joined_seq),
            |row| row.get(0),
        )?;
        if !small || !earlier {
            return Ok(Offered::Refused);
        }
        let offered = expected.takes(from, given, self.now);
        if offered == Offered::Wanted {
            meta::put(self.tx, &key, &expected)?;
        }
        Ok(offered)
    }

    /// Another device of the own account is in the group, for whose joining a piece can be.
    fn came_after_own_device(&self, group: &Conversation) -> Result<bool, CoreError> {
        let me = self.me()?;
        Ok(self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM member WHERE conversation = ?1 AND address = ?2 AND device <> ?3)",
            (group.id, me.address.to_string(), me.keys.id().to_vec()),
            |row| row.get(0),
        )?)
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
        let mut offer = |from: &str, piece: &said::GroupHistory, now: i64| {
            expected.takes(&giver(from), piece, now)
        };
        assert_eq!(offer("1", &piece(0, 2), now), Offered::Wanted);
        assert_eq!(offer("1", &piece(0, 2), now), Offered::Needless, "twice");
        assert_eq!(offer("1", &piece(2, 2), now), Offered::Refused, "beyond");
        let longer = piece(1, PIECES_MAX + 1);
        assert_eq!(offer("1", &longer, now), Offered::Refused);
        let of_another_joining = said::GroupHistory {
            joined_epoch: 6,
            ..piece(1, 2)
        };
        assert_eq!(offer("1", &of_another_joining, now), Offered::Refused);
        let late = now + 2 * OWED_MS;
        assert_eq!(offer("1", &piece(1, 2), late), Offered::Refused);
        assert_eq!(offer("2", &piece(0, 2), now), Offered::Wanted);
        assert_eq!(offer("3", &piece(0, 2), now), Offered::Wanted);
        assert_eq!(offer("4", &piece(0, 2), now), Offered::Needless, "enough");
        assert_eq!(offer("1", &piece(1, 2), now), Offered::Wanted);
    }
}
