//! The cryptography that the MLS library runs on.
//!
//! Always holds: without the feature `simulation`, which only the simulation turns on, this is the
//! library's own and nothing is remembered.

#[cfg(feature = "simulation")]
mod remembering;

#[cfg(feature = "simulation")]
pub use remembering::{Crypto, remember};

/// The library's own.
#[cfg(not(feature = "simulation"))]
pub type Crypto = openmls_rust_crypto::RustCrypto;

/// Whether a signature holds, by `check`.
#[cfg(not(feature = "simulation"))]
pub(crate) fn checked(_: [&[u8]; 3], check: impl FnOnce() -> bool) -> bool {
    check()
}

#[cfg(feature = "simulation")]
pub(crate) use remembering::checked;
