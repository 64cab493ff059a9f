//! Chance by a seed: the same seed gives the same throws.
//!
//! Deliberately absent: anything good enough for cryptography (this is SplitMix64, by Steele,
//! Lea and Flood, 2014).

/// A seeded source of chance.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Chance by this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Self(seed);
        // Neighbouring seeds share nothing after one throw.
        let _ = dice.throw();
        dice
    }

    /// Any number.
    pub fn throw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`; 0 when there is none.
    pub fn below(&mut self, end: u64) -> u64 {
        self.throw().checked_rem(end).unwrap_or(0)
    }

    /// How many of the newest `count` changes are lost: all for half of the throws, else as many
    /// as it comes.
    pub(crate) fn lost_of(&mut self, count: usize) -> usize {
        let all = u64::try_from(count).unwrap_or(u64::MAX);
        if self.below(2) == 0 {
            return count;
        }
        usize::try_from(self.below(all.saturating_add(1))).unwrap_or(count)
    }
}
