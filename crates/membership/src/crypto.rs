//! The cryptography that the MLS library runs on.
//!
//! Always holds: without the feature `simulation`, which only the simulation turns on, nothing is
//! remembered.

mod fast;
#[cfg(feature = "simulation")]
mod remembering;

#[cfg(feature = "simulation")]
pub use remembering::{Crypto, remember};

#[cfg(not(feature = "simulation"))]
pub use fast::Crypto;

/// Whether a signature holds, by `check`.
#[cfg(not(feature = "simulation"))]
pub(crate) fn checked(_: [&[u8]; 3], check: impl FnOnce() -> bool) -> bool {
    check()
}

#[cfg(feature = "simulation")]
pub(crate) use remembering::checked;
