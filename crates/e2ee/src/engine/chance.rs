//! Randomness for the MLS library: the operating system's, asked each time.
//!
//! Always holds: nothing is kept between two draws, so no generator's state can be copied with a
//! process or read out of its memory, and what replaces the system's generator (a simulation)
//! replaces all. Deliberately absent: a generator of our own.

use openmls_traits::random::OpenMlsRand;
use rand::TryRngCore as _;
use rand::rand_core::OsError;
use rand::rngs::OsRng;

/// The operating system's generator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemChance;

impl OpenMlsRand for SystemChance {
    type Error = OsError;

    fn random_array<const N: usize>(&self) -> Result<[u8; N], OsError> {
        let mut bytes = [0; N];
        OsRng.try_fill_bytes(&mut bytes)?;
        Ok(bytes)
    }

    fn random_vec(&self, len: usize) -> Result<Vec<u8>, OsError> {
        let mut bytes = vec![0; len];
        OsRng.try_fill_bytes(&mut bytes)?;
        Ok(bytes)
    }
}
