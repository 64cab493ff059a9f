//! For simulations, in which one thread is all the devices of a world: what one of them has
//! computed no other computes again.
//!
//! Always holds: only functions of what they are given are remembered, by all that they are given
//! (its SHA-256); only successes are; nothing is, until the thread asks for it; what is made by
//! chance is made anew. What was sealed to a key opens with that key's other half to what was
//! sealed: that is taken from the sealing, and tested where nothing is remembered (`e2ee`).

use super::fast;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeCiphertext, HpkeConfig,
    HpkeKeyPair, KemOutput, SignatureScheme,
};
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

/// The type of the library's secrets, which it does not name.
type Secret = openmls::prelude::tls_codec::SecretVLBytes;

/// Of each kind: then it begins anew.
const REMEMBERED_MAX: usize = 8_192;

type Key = [u8; 32];

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

fn key(kind: &str, parts: &[&[u8]]) -> Key {
    let mut digest = Sha256::new().chain_update(kind).chain_update([0]);
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
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

/// The cryptography, which remembers.
#[derive(Debug, Default)]
pub struct Crypto(fast::Crypto);

fn named(config: &HpkeConfig) -> [u8; 6] {
    let (kem, kdf, aead) = (config.0 as u16, config.1 as u16, config.2 as u16);
    let [a, b] = kem.to_be_bytes();
    let [c, d] = kdf.to_be_bytes();
    let [e, f] = aead.to_be_bytes();
    [a, b, c, d, e, f]
}

/// The library's type does not copy itself.
fn again(config: &HpkeConfig) -> HpkeConfig {
    HpkeConfig(config.0, config.1, config.2)
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

impl OpenMlsCrypto for Crypto {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        self.0.supports(ciphersuite)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        self.0.supported_ciphersuites()
    }

    fn hkdf_extract(
        &self,
        hash_type: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<Secret, CryptoError> {
        self.0.hkdf_extract(hash_type, salt, ikm)
    }

    fn hmac(&self, hash_type: HashType, key: &[u8], message: &[u8]) -> Result<Secret, CryptoError> {
        self.0.hmac(hash_type, key, message)
    }

    fn hkdf_expand(
        &self,
        hash_type: HashType,
        prk: &[u8],
        info: &[u8],
        okm_len: usize,
    ) -> Result<Secret, CryptoError> {
        self.0.hkdf_expand(hash_type, prk, info, okm_len)
    }

    fn hash(&self, hash_type: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.hash(hash_type, data)
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.0.aead_encrypt(alg, key, data, nonce, aad)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.0.aead_decrypt(alg, key, ct_tag, nonce, aad)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        self.0.signature_key_gen(alg)
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        if !is_on() {
            return self.0.verify_signature(alg, data, pk, signature);
        }
        let scheme = (alg as u16).to_be_bytes();
        let key = key("signature", &[&scheme, data, pk, signature]);
        if !is_remembered(&key) {
            self.0.verify_signature(alg, data, pk, signature)?;
            holds(key);
        }
        Ok(())
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.0.sign(alg, data, key)
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let sealed = self.0.hpke_seal(again(&config), pk_r, info, aad, ptxt)?;
        with(|memory| {
            let key = of_sealed(&config, pk_r, info, aad, &sealed);
            put(&mut memory.sealed, key, ptxt.to_vec());
        });
        Ok(sealed)
    }

    fn hpke_open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let known = with(|memory| {
            let public = memory
                .publics
                .get(&key("private", &[&named(&config), sk_r]))?;
            let key = of_sealed(&config, public, info, aad, input);
            memory.sealed.get(&key).cloned()
        });
        match known.flatten() {
            Some(plain) => Ok(plain),
            None => self.0.hpke_open(config, input, sk_r, info, aad),
        }
    }

    fn hpke_setup_sender_and_export(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<(KemOutput, ExporterSecret), CryptoError> {
        self.0
            .hpke_setup_sender_and_export(config, pk_r, info, exporter_context, exporter_length)
    }

    fn hpke_setup_receiver_and_export(
        &self,
        config: HpkeConfig,
        enc: &[u8],
        sk_r: &[u8],
        info: &[u8],
        exporter_context: &[u8],
        exporter_length: usize,
    ) -> Result<ExporterSecret, CryptoError> {
        self.0.hpke_setup_receiver_and_export(
            config,
            enc,
            sk_r,
            info,
            exporter_context,
            exporter_length,
        )
    }

    fn derive_hpke_keypair(
        &self,
        config: HpkeConfig,
        ikm: &[u8],
    ) -> Result<HpkeKeyPair, CryptoError> {
        if !is_on() {
            return self.0.derive_hpke_keypair(config, ikm);
        }
        let from = key("pair", &[&named(&config), ikm]);
        if let Some(pair) = with(|memory| memory.pairs.get(&from).cloned()).flatten() {
            return Ok(pair);
        }
        let pair = self.0.derive_hpke_keypair(again(&config), ikm)?;
        with(|memory| {
            let private = key("private", &[&named(&config), &pair.private]);
            put(&mut memory.publics, private, pair.public.clone());
            put(&mut memory.pairs, from, pair.clone());
        });
        Ok(pair)
    }
}
