//! What `remembering` is in every program: nothing is remembered.
//!
//! Always holds: what is asked for is computed. Deliberately absent: state.

use openmls_traits::types::{CryptoError, HpkeCiphertext, HpkeConfig, HpkeKeyPair};

/// Whether a signature holds, by `check`.
pub(crate) fn checked(_: [&[u8]; 3], check: impl FnOnce() -> bool) -> bool {
    check()
}

pub(super) fn verified(
    _: [&[u8]; 4],
    verify: impl FnOnce() -> Result<(), CryptoError>,
) -> Result<(), CryptoError> {
    verify()
}

pub(super) const fn sealed(
    _: &HpkeConfig,
    _: &[u8],
    _: &[u8],
    _: &[u8],
    _: &HpkeCiphertext,
    _: &[u8],
) {
}

pub(super) const fn opened(
    _: &HpkeConfig,
    _: &HpkeCiphertext,
    _: &[u8],
    _: &[u8],
    _: &[u8],
) -> Option<Vec<u8>> {
    None
}

pub(super) fn derived(
    _: &HpkeConfig,
    _: &[u8],
    derive: impl FnOnce() -> Result<HpkeKeyPair, CryptoError>,
) -> Result<HpkeKeyPair, CryptoError> {
    derive()
}
