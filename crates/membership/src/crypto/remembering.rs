//! For simulations, in which one thread is all the devices of a world: what one of them has
//! computed no other computes again.
//!
//! Always holds: only functions of what they are given are remembered, by all that they are given
//! (its SHA-256); only successes are; nothing is, until the thread asks for it; what is made by
//! chance is made anew. What was sealed to a key opens with that key's other half to what was
//! sealed: that is taken from the sealing, and tested where nothing is remembered (`e2ee`).

use super::ahead::{Key, key};
use openmls_traits::types::{CryptoError, HpkeCiphertext, HpkeConfig, HpkeKeyPair};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// Of each kind: then it begins anew.
const REMEMBERED_MAX: usize = 8_192;

#[derive(Default)]
struct Memory {
    /// Signatures that hold.
    hold: HashSet<Key>,
    /// Key pairs by what they are derived from.
    pairs: HashMap<Key, HpkeKeyPair>,
    /// Public keys by the private ones.
    publics: HashMap<Key, Vec<u8>>,
    /// What was sealed, by key, context and ciphertext.
    sealed: HashMap<Key, Vec<u8>>,
}

thread_local! {
    static MEMORY: RefCell<Option<Memory>> = const { RefCell::new(None) };
}

/// From now on this thread remembers, from nothing on, or no longer does.
pub fn remember(on: bool) {
    MEMORY.set(on.then(Memory::default));
}

fn with<T>(act: impl FnOnce(&mut Memory) -> T) -> Option<T> {
    MEMORY.with_borrow_mut(|memory| memory.as_mut().map(act))
}

fn put<T>(map: &mut HashMap<Key, T>, key: Key, value: T) {
    if map.len() >= REMEMBERED_MAX {
        map.clear();
    }
    map.insert(key, value);
}

fn is_remembered(key: &Key) -> bool {
    with(|memory| memory.hold.contains(key)).unwrap_or(false)
}

fn holds(key: Key) {
    with(|memory| {
        if memory.hold.len() >= REMEMBERED_MAX {
            memory.hold.clear();
        }
        memory.hold.insert(key);
    });
}

fn is_on() -> bool {
    MEMORY.with_borrow(Option::is_some)
}

/// Whether a signature holds, by `check` or by what it said before.
pub(crate) fn checked(parts: [&[u8]; 3], check: impl FnOnce() -> bool) -> bool {
    if !is_on() {
        return check();
    }
    let key = key("strict", &parts);
    let outcome = is_remembered(&key) || check();
    if outcome {
        holds(key);
    }
    outcome
}

fn named(config: &HpkeConfig) -> [u8; 6] {
    let (kem, kdf, aead) = (config.0 as u16, config.1 as u16, config.2 as u16);
    let [a, b] = kem.to_be_bytes();
    let [c, d] = kdf.to_be_bytes();
    let [e, f] = aead.to_be_bytes();
    [a, b, c, d, e, f]
}

fn of_sealed(
    config: &HpkeConfig,
    public: &[u8],
    info: &[u8],
    aad: &[u8],
    sealed: &HpkeCiphertext,
) -> Key {
    let (kem, text) = (sealed.kem_output.as_slice(), sealed.ciphertext.as_slice());
    key("sealed", &[&named(config), public, info, aad, kem, text])
}

/// A signature that `verify` says holds, or said so before.
pub(super) fn verified(
    parts: [&[u8]; 4],
    verify: impl FnOnce() -> Result<(), CryptoError>,
) -> Result<(), CryptoError> {
    if !is_on() {
        return verify();
    }
    let key = key("signature", &parts);
    if !is_remembered(&key) {
        verify()?;
        holds(key);
    }
    Ok(())
}

/// This was sealed to that key.
pub(super) fn sealed(
    config: &HpkeConfig,
    public: &[u8],
    info: &[u8],
    aad: &[u8],
    sealed: &HpkeCiphertext,
    plain: &[u8],
) {
    with(|memory| {
        let key = of_sealed(config, public, info, aad, sealed);
        put(&mut memory.sealed, key, plain.to_vec());
    });
}

/// What was sealed, where it was sealed here and its key pair derived here.
pub(super) fn opened(
    config: &HpkeConfig,
    sealed: &HpkeCiphertext,
    private: &[u8],
    info: &[u8],
    aad: &[u8],
) -> Option<Vec<u8>> {
    with(|memory| {
        let public = memory
            .publics
            .get(&key("private", &[&named(config), private]))?;
        let key = of_sealed(config, public, info, aad, sealed);
        memory.sealed.get(&key).cloned()
    })
    .flatten()
}

/// The pair that `derive` makes of this, or made before.
pub(super) fn derived(
    config: &HpkeConfig,
    ikm: &[u8],
    derive: impl FnOnce() -> Result<HpkeKeyPair, CryptoError>,
) -> Result<HpkeKeyPair, CryptoError> {
    if !is_on() {
        return derive();
    }
    let from = key("pair", &[&named(config), ikm]);
    if let Some(pair) = with(|memory| memory.pairs.get(&from).cloned()).flatten() {
        return Ok(pair);
    }
    let pair = derive()?;
    with(|memory| {
        let private = key("private", &[&named(config), &pair.private]);
        put(&mut memory.publics, private, pair.public.clone());
        put(&mut memory.pairs, from, pair.clone());
    });
    Ok(pair)
}
