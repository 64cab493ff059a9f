//! HPKE by libcrux is the HPKE of the library's own provider: each opens what the other sealed.
#![allow(clippy::unwrap_used)]

use comity_membership::SUITE;
use comity_membership::crypto::Crypto;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{Ciphersuite, HpkeCiphertext, HpkeKeyPair};

const CLASSICAL: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519;
const INFO: &[u8] = b"what it is for";
const AAD: &[u8] = b"what goes with it";

fn pair(crypto: &impl OpenMlsCrypto, suite: Ciphersuite) -> HpkeKeyPair {
    let pair = crypto.derive_hpke_keypair(suite.hpke_config(), &[7; 64]);
    pair.unwrap()
}

fn seal(crypto: &impl OpenMlsCrypto, suite: Ciphersuite, to: &HpkeKeyPair) -> HpkeCiphertext {
    let sealed = crypto.hpke_seal(suite.hpke_config(), &to.public, INFO, AAD, b"Hello");
    sealed.unwrap()
}

fn open(
    crypto: &impl OpenMlsCrypto,
    suite: Ciphersuite,
    with: &HpkeKeyPair,
    sealed: &HpkeCiphertext,
    aad: &[u8],
) -> Option<Vec<u8>> {
    let opened = crypto.hpke_open(suite.hpke_config(), sealed, &with.private, INFO, aad);
    opened.ok()
}

#[test]
fn each_opens_what_the_other_sealed() {
    let (ours, librarys) = (Crypto::default(), RustCrypto::default());
    for suite in [SUITE, CLASSICAL] {
        let keys = pair(&ours, suite);
        let as_library = pair(&librarys, suite);
        assert_eq!(*keys.private, *as_library.private, "{suite:?}");
        assert_eq!(keys.public, as_library.public, "{suite:?}");
        let sealed = seal(&ours, suite, &keys);
        assert_eq!(
            open(&librarys, suite, &keys, &sealed, AAD).unwrap(),
            b"Hello"
        );
        let sealed = seal(&librarys, suite, &keys);
        assert_eq!(open(&ours, suite, &keys, &sealed, AAD).unwrap(), b"Hello");
        assert_eq!(open(&ours, suite, &keys, &sealed, b"another"), None);
    }
}

#[test]
fn what_is_no_key_is_refused() {
    let crypto = Crypto::default();
    for suite in [SUITE, CLASSICAL] {
        let keys = pair(&crypto, suite);
        for length in [0, 1, 31, 32, 33, 1_119, 1_121, 1_184, 1_215, 1_217, 4_096] {
            if length != keys.public.len() {
                let sealed =
                    crypto.hpke_seal(suite.hpke_config(), &vec![1; length], INFO, AAD, b"Hello");
                assert!(sealed.is_err(), "{suite:?} {length}");
            }
            let mut sealed = seal(&crypto, suite, &keys);
            if length != sealed.kem_output.as_slice().len() {
                sealed.kem_output = vec![0; length].into();
                assert_eq!(open(&crypto, suite, &keys, &sealed, AAD), None);
            }
            let mut sealed = seal(&crypto, suite, &keys);
            sealed.ciphertext = vec![0; length].into();
            assert_eq!(open(&crypto, suite, &keys, &sealed, AAD), None);
        }
        let mut short = pair(&crypto, suite);
        let sealed = seal(&crypto, suite, &short);
        short.private = short.private.get(1..).unwrap().into();
        assert_eq!(open(&crypto, suite, &short, &sealed, AAD), None);
    }
}

#[test]
fn bytes_that_are_no_point_and_no_polynomial_stop_nothing() {
    let crypto = Crypto::default();
    for byte in [0, 1, 0x7f, 0x80, 0xff] {
        for (suite, public, encapsulated) in [(SUITE, 1_216, 1_120), (CLASSICAL, 32, 32)] {
            // Whether it is taken or refused: it does not panic, and opens to nothing.
            let key = vec![byte; public];
            let _ = crypto.hpke_seal(suite.hpke_config(), &key, INFO, AAD, b"Hello");
            let keys = pair(&crypto, suite);
            let mut sealed = seal(&crypto, suite, &keys);
            sealed.kem_output = vec![byte; encapsulated].into();
            assert_eq!(open(&crypto, suite, &keys, &sealed, AAD), None);
        }
    }
}
