//! Recovery: the root key and the profile key in a box that twelve words open; and the
//! registration lock.
//!
//! The words carry 128 random bits, so that the box may lie at the app; Argon2id is there for
//! words that were partly seen. The lock's passphrase is a person's, so its proof costs more.
//! Always holds: a box opens for its account alone.

use crate::keys::RootKey;
use crate::sealed::{self, SealError, bound};
use argon2::{Algorithm, Argon2, Params, Version};
use bip39::{Language, Mnemonic};
use comity_wire::{Address, Random};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

const ENTROPY_BYTES: usize = 16;
const SALT_BYTES: usize = 16;
/// Of a box that holds the root key alone, which earlier programs made.
const VERSION_ROOT: u8 = 1;
const VERSION: u8 = 2;
const PROFILE_KEY_BYTES: usize = 32;
/// Memory (KiB) and passes for the words, and for a passphrase.
const PHRASE_COST: (u32, u32) = (19 * 1024, 2);
const PASSPHRASE_COST: (u32, u32) = (64 * 1024, 3);

/// Why recovery went no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RecoveryError {
    /// Not twelve words of the list, or the last one does not check.
    #[error("these are not the words of a recovery phrase")]
    Phrase,
    /// The words do not open this box for this account.
    #[error("the words do not open the box")]
    Box,
    /// The key could not be derived.
    #[error("the key can not be derived")]
    Derivation,
}

impl From<SealError> for RecoveryError {
    fn from(_: SealError) -> Self {
        Self::Box
    }
}

/// Twelve new words.
pub fn new_phrase(random: &mut dyn Random) -> Zeroizing<String> {
    let mut entropy = Zeroizing::new([0; ENTROPY_BYTES]);
    random.fill(entropy.as_mut());
    // 16 bytes are always twelve words.
    let words = Mnemonic::from_entropy_in(Language::English, entropy.as_ref());
    Zeroizing::new(words.map(|words| words.to_string()).unwrap_or_default())
}

fn entropy_of(phrase: &str) -> Result<Zeroizing<Vec<u8>>, RecoveryError> {
    let lower = Zeroizing::new(phrase.to_lowercase());
    let words: Zeroizing<String> =
        Zeroizing::new(lower.split_whitespace().collect::<Vec<_>>().join(" "));
    let mnemonic = Mnemonic::parse_in_normalized(Language::English, &words)
        .map_err(|_| RecoveryError::Phrase)?;
    let entropy = Zeroizing::new(mnemonic.to_entropy());
    if entropy.len() == ENTROPY_BYTES {
        Ok(entropy)
    } else {
        Err(RecoveryError::Phrase)
    }
}

fn argon2id(
    secret: &[u8],
    salt: &[u8],
    cost: (u32, u32),
) -> Result<Zeroizing<[u8; 32]>, RecoveryError> {
    let params = Params::new(cost.0, cost.1, 1, Some(32)).map_err(|_| RecoveryError::Derivation)?;
    let mut out = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(secret, salt, out.as_mut())
        .map_err(|_| RecoveryError::Derivation)?;
    Ok(out)
}

fn box_key(phrase: &str, salt: &[u8]) -> Result<Zeroizing<[u8; 32]>, RecoveryError> {
    let stretched = argon2id(&entropy_of(phrase)?, salt, PHRASE_COST)?;
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(Some(salt), stretched.as_ref())
        .expand(b"comity recovery box v1", key.as_mut())
        .map_err(|_| RecoveryError::Derivation)?;
    Ok(key)
}

fn context(address: &Address) -> Vec<u8> {
    bound(b"comity recovery box v1", &[address.to_string().as_bytes()])
}

/// What a recovery box holds.
#[derive(Debug)]
pub struct Recovered {
    /// The account's root key.
    pub root: RootKey,
    /// The key of its profile; none in a box of an earlier program.
    pub profile_key: Option<[u8; PROFILE_KEY_BYTES]>,
}

/// Seals root key and profile key under a phrase: version ‖ salt ‖ sealed keys.
///
/// # Errors
/// [`RecoveryError::Phrase`] when it is none.
pub fn seal_box(
    phrase: &str,
    root: &RootKey,
    profile_key: &[u8; PROFILE_KEY_BYTES],
    address: &Address,
    random: &mut dyn Random,
) -> Result<Vec<u8>, RecoveryError> {
    let mut salt = [0; SALT_BYTES];
    random.fill(&mut salt);
    let key = box_key(phrase, &salt)?;
    let keys = Zeroizing::new([root.to_bytes().as_slice(), profile_key].concat());
    let sealed = sealed::seal(&key, &context(address), &keys, 1, random)?;
    Ok([[VERSION].as_slice(), &salt, &sealed].concat())
}

/// Opens the box of an account.
///
/// # Errors
/// [`RecoveryError`], by what is wrong.
pub fn open_box(
    phrase: &str,
    sealed: &[u8],
    address: &Address,
) -> Result<Recovered, RecoveryError> {
    let (version, rest) = sealed.split_first().ok_or(RecoveryError::Box)?;
    let (salt, rest) = rest
        .split_at_checked(SALT_BYTES)
        .ok_or(RecoveryError::Box)?;
    if !matches!(*version, VERSION_ROOT | VERSION) {
        return Err(RecoveryError::Box);
    }
    let key = box_key(phrase, salt)?;
    let bytes = Zeroizing::new(sealed::open(&key, &context(address), rest)?);
    let (root, profile_key) = if *version == VERSION {
        let (root, profile_key) = bytes
            .split_last_chunk::<PROFILE_KEY_BYTES>()
            .ok_or(RecoveryError::Box)?;
        (root, Some(*profile_key))
    } else {
        (bytes.as_slice(), None)
    };
    let root = RootKey::from_bytes(root).map_err(|_| RecoveryError::Box)?;
    Ok(Recovered { root, profile_key })
}

/// The proof of a registration lock's passphrase: Argon2id under the account's salt (16 bytes).
///
/// # Errors
/// When the salt is too short.
pub fn registration_lock_proof(
    passphrase: &str,
    salt: &[u8],
) -> Result<Zeroizing<[u8; 32]>, RecoveryError> {
    argon2id(passphrase.as_bytes(), salt, PASSPHRASE_COST)
}
