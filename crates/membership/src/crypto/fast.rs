//! The MLS library's cryptography, with its HPKE computed by libcrux: what is sealed and opened is
//! the same, in less time, by code that is formally verified. A commit to a thousand devices is a
//! thousand encapsulations.
//!
//! Always holds: every other function is the library's own; a signature is checked again, unless it
//! was checked ahead. Deliberately absent: cryptography; this
//! names one crate's constants in the other's words.

use super::ahead::Ahead;
use super::remembering;
use hpke_rs::{Hpke, HpkeError, HpkePrivateKey, HpkePublicKey, Mode};
use hpke_rs_crypto::types::{AeadAlgorithm, KdfAlgorithm, KemAlgorithm};
use hpke_rs_libcrux::HpkeLibcrux;
use openmls_rust_crypto::RustCrypto;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{
    AeadType, Ciphersuite, CryptoError, ExporterSecret, HashType, HpkeAeadType, HpkeCiphertext,
    HpkeConfig, HpkeKdfType, HpkeKemType, HpkeKeyPair, KemOutput, SignatureScheme,
};

/// The type of the library's secrets, which it does not name.
type Secret = openmls::prelude::tls_codec::SecretVLBytes;

/// The cryptography that everything here runs on.
#[derive(Debug, Default)]
#[allow(unreachable_pub, reason = "the module above gives it to all")]
pub struct Crypto {
    library: RustCrypto,
    ahead: Ahead,
}

/// Bytes of what belongs to a key encapsulation. libcrux takes it for granted that all are there.
struct Sizes {
    public: usize,
    private: usize,
    encapsulated: usize,
}

const XWING: Sizes = Sizes {
    public: 1_216,
    private: 32,
    encapsulated: 1_120,
};
const X25519: Sizes = Sizes {
    public: 32,
    private: 32,
    encapsulated: 32,
};

/// Of a key encapsulation that libcrux does not have nothing is known here.
fn hpke(config: &HpkeConfig) -> Option<(Hpke<HpkeLibcrux>, Sizes)> {
    let (kem, sizes) = match config.0 {
        HpkeKemType::XWingKemDraft6 => (KemAlgorithm::XWingDraft06, XWING),
        HpkeKemType::DhKem25519 => (KemAlgorithm::DhKem25519, X25519),
        _ => return None,
    };
    let kdf = match config.1 {
        HpkeKdfType::HkdfSha256 => KdfAlgorithm::HkdfSha256,
        HpkeKdfType::HkdfSha384 => KdfAlgorithm::HkdfSha384,
        HpkeKdfType::HkdfSha512 => KdfAlgorithm::HkdfSha512,
    };
    let aead = match config.2 {
        HpkeAeadType::AesGcm128 => AeadAlgorithm::Aes128Gcm,
        HpkeAeadType::AesGcm256 => AeadAlgorithm::Aes256Gcm,
        HpkeAeadType::ChaCha20Poly1305 => AeadAlgorithm::ChaCha20Poly1305,
        HpkeAeadType::Export => return None,
    };
    Some((Hpke::new(Mode::Base, kem, kdf, aead), sizes))
}

const fn failed(error: &HpkeError) -> CryptoError {
    match error {
        HpkeError::InvalidInput => CryptoError::InvalidLength,
        _ => CryptoError::CryptoLibraryError,
    }
}

/// The library's type does not copy itself.
const fn again(config: &HpkeConfig) -> HpkeConfig {
    HpkeConfig(config.0, config.1, config.2)
}

impl Crypto {
    /// Checks signatures that will be checked again in a later step: those that hold are found to
    /// hold there without being computed. A step stays short so.
    pub fn check_ahead<T>(&self, check: impl FnOnce(&Self) -> T) -> T {
        self.ahead.note(true);
        let outcome = check(self);
        self.ahead.note(false);
        outcome
    }

    fn seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let Some((mut hpke, sizes)) = hpke(&config) else {
            return self.library.hpke_seal(config, pk_r, info, aad, ptxt);
        };
        if pk_r.len() != sizes.public {
            return Err(CryptoError::InvalidLength);
        }
        let key = HpkePublicKey::from(pk_r);
        let (kem_output, ciphertext) = hpke
            .seal(&key, info, aad, ptxt, None, None, None)
            .map_err(|error| failed(&error))?;
        Ok(HpkeCiphertext {
            kem_output: kem_output.into(),
            ciphertext: ciphertext.into(),
        })
    }

    fn open(
        &self,
        config: HpkeConfig,
        input: &HpkeCiphertext,
        sk_r: &[u8],
        info: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        let Some((hpke, sizes)) = hpke(&config) else {
            return self.library.hpke_open(config, input, sk_r, info, aad);
        };
        let (encapsulated, sealed) = (input.kem_output.as_slice(), input.ciphertext.as_slice());
        if encapsulated.len() != sizes.encapsulated || sk_r.len() != sizes.private {
            return Err(CryptoError::HpkeDecryptionError);
        }
        let key = HpkePrivateKey::from(sk_r);
        hpke.open(encapsulated, &key, info, aad, sealed, None, None, None)
            .map_err(|_| CryptoError::HpkeDecryptionError)
    }

    fn derive(&self, config: HpkeConfig, ikm: &[u8]) -> Result<HpkeKeyPair, CryptoError> {
        let Some((hpke, _)) = hpke(&config) else {
            return self.library.derive_hpke_keypair(config, ikm);
        };
        let pair = hpke.derive_key_pair(ikm).map_err(|error| failed(&error))?;
        let (private, public) = pair.into_keys();
        Ok(HpkeKeyPair {
            private: private.as_slice().into(),
            public: public.as_slice().into(),
        })
    }
}

impl OpenMlsCrypto for Crypto {
    fn supports(&self, ciphersuite: Ciphersuite) -> Result<(), CryptoError> {
        self.library.supports(ciphersuite)
    }

    fn supported_ciphersuites(&self) -> Vec<Ciphersuite> {
        self.library.supported_ciphersuites()
    }

    fn hkdf_extract(
        &self,
        hash_type: HashType,
        salt: &[u8],
        ikm: &[u8],
    ) -> Result<Secret, CryptoError> {
        self.library.hkdf_extract(hash_type, salt, ikm)
    }

    fn hmac(&self, hash_type: HashType, key: &[u8], message: &[u8]) -> Result<Secret, CryptoError> {
        self.library.hmac(hash_type, key, message)
    }

    fn hkdf_expand(
        &self,
        hash_type: HashType,
        prk: &[u8],
        info: &[u8],
        okm_len: usize,
    ) -> Result<Secret, CryptoError> {
        self.library.hkdf_expand(hash_type, prk, info, okm_len)
    }

    fn hash(&self, hash_type: HashType, data: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.library.hash(hash_type, data)
    }

    fn aead_encrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        data: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.library.aead_encrypt(alg, key, data, nonce, aad)
    }

    fn aead_decrypt(
        &self,
        alg: AeadType,
        key: &[u8],
        ct_tag: &[u8],
        nonce: &[u8],
        aad: &[u8],
    ) -> Result<Vec<u8>, CryptoError> {
        self.library.aead_decrypt(alg, key, ct_tag, nonce, aad)
    }

    fn signature_key_gen(&self, alg: SignatureScheme) -> Result<(Vec<u8>, Vec<u8>), CryptoError> {
        self.library.signature_key_gen(alg)
    }

    fn verify_signature(
        &self,
        alg: SignatureScheme,
        data: &[u8],
        pk: &[u8],
        signature: &[u8],
    ) -> Result<(), CryptoError> {
        let scheme = (alg as u16).to_be_bytes();
        let parts = [scheme.as_slice(), data, pk, signature];
        self.ahead.verified(parts, || {
            remembering::verified(parts, || {
                self.library.verify_signature(alg, data, pk, signature)
            })
        })
    }

    fn sign(&self, alg: SignatureScheme, data: &[u8], key: &[u8]) -> Result<Vec<u8>, CryptoError> {
        self.library.sign(alg, data, key)
    }

    fn hpke_seal(
        &self,
        config: HpkeConfig,
        pk_r: &[u8],
        info: &[u8],
        aad: &[u8],
        ptxt: &[u8],
    ) -> Result<HpkeCiphertext, CryptoError> {
        let sealed = self.seal(again(&config), pk_r, info, aad, ptxt)?;
        remembering::sealed(&config, pk_r, info, aad, &sealed, ptxt);
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
        match remembering::opened(&config, input, sk_r, info, aad) {
            Some(plain) => Ok(plain),
            None => self.open(config, input, sk_r, info, aad),
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
        self.library.hpke_setup_sender_and_export(
            config,
            pk_r,
            info,
            exporter_context,
            exporter_length,
        )
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
        self.library.hpke_setup_receiver_and_export(
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
        remembering::derived(&config, ikm, || self.derive(again(&config), ikm))
    }
}
