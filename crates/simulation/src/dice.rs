//! The dice: all chance of a world comes from its seed.
//!
//! Always holds: two dice with one seed and name fall alike; dice of different names do not move
//! each other, so that one more throw in one place does not change all others.

use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use sha2::{Digest, Sha256};

/// One stream of chance.
#[derive(Debug, Clone)]
pub struct Dice(StdRng);

impl Dice {
    /// From a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::named(seed, "")
    }

    /// The stream of this name.
    #[must_use]
    pub fn named(seed: u64, name: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_be_bytes());
        hash.update(name.as_bytes());
        Self(StdRng::from_seed(hash.finalize().into()))
    }

    /// From `low` to `high`, both included.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        self.0.random_range(low..=high.max(low))
    }

    /// True `chance` times in a hundred.
    pub fn percent(&mut self, chance: u64) -> bool {
        self.between(1, 100) <= chance
    }

    /// True `chance` times in ten thousand.
    pub fn per_ten_thousand(&mut self, chance: u64) -> bool {
        self.between(1, 10_000) <= chance
    }

    /// An index below `length`; 0 when there is none.
    pub fn index(&mut self, length: usize) -> usize {
        let last = u64::try_from(length.saturating_sub(1)).unwrap_or(0);
        usize::try_from(self.between(0, last)).unwrap_or(0)
    }

    /// One of these.
    ///
    /// # Panics
    /// When there are none.
    #[allow(clippy::indexing_slicing)]
    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())]
    }

    /// Random bytes.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.0.fill_bytes(bytes);
    }
}
