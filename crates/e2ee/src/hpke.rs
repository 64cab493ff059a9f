//! HPKE with the suite of the conversations (hybrid, post-quantum), for what is sealed to a device
//! or an operator outside of a group: introductions, link grants, reports.

use crate::engine::chance::SystemChance;
use comity_membership::SUITE;
use comity_membership::crypto::Crypto;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{HpkeCiphertext, OpenMlsCrypto as _, OpenMlsRand as _};
use std::fmt;
use zeroize::Zeroizing;

/// It does not open, or could not be sealed: another key, another context, or damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it can not be sealed or opened with this key")]
pub struct HpkeOpenError;

/// An HPKE key pair.
pub struct HpkeKeys {
    /// The private key.
    pub private: Zeroizing<Vec<u8>>,
    /// The public key.
    pub public: Vec<u8>,
}

impl fmt::Debug for HpkeKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HpkeKeys(secret)")
    }
}

impl HpkeKeys {
    /// A new pair, by the system's randomness (as for everything in HPKE).
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, HpkeOpenError> {
        let seed = Zeroizing::new(SystemChance.random_vec(64).map_err(|_| HpkeOpenError)?);
        let pair = Crypto::default()
            .derive_hpke_keypair(SUITE.hpke_config(), &seed)
            .map_err(|_| HpkeOpenError)?;
        Ok(Self {
            private: Zeroizing::new(pair.private.to_vec()),
            public: pair.public,
        })
    }
}

pub(crate) fn seal(public: &[u8], info: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, HpkeOpenError> {
    Crypto::default()
        .hpke_seal(SUITE.hpke_config(), public, info, &[], plaintext)
        .ok()
        .and_then(|sealed| sealed.tls_serialize_detached().ok())
        .ok_or(HpkeOpenError)
}

pub(crate) fn open(
    private: &[u8],
    info: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, HpkeOpenError> {
    let sealed = HpkeCiphertext::tls_deserialize_exact(sealed).map_err(|_| HpkeOpenError)?;
    Crypto::default()
        .hpke_open(SUITE.hpke_config(), &sealed, private, info, &[])
        .map(Zeroizing::new)
        .map_err(|_| HpkeOpenError)
}
