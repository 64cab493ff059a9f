//! The two signing keys that a device may hold: its own, and its account's root.
//!
//! Always holds: neither shows anything in `Debug`, and both are wiped when dropped.
//! Deliberately absent: where they are kept (`client` stores [`DeviceKeys::to_bytes`] in its
//! encrypted store).

use comity_membership::introduction_key::{self, IntroductionKey};
use comity_membership::{device_id, manifest};
use comity_wire::{DeviceId, Message, Random, proto};
use ed25519_dalek::{Signer as _, SigningKey};
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use std::fmt;
use zeroize::Zeroizing;

/// Bytes that are not a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not the bytes of a key")]
pub struct KeyBytesError;

macro_rules! signing_key {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name(SigningKey);

        impl $name {
            /// A new key.
            pub fn generate(random: &mut dyn Random) -> Self {
                let mut seed = Zeroizing::new([0; 32]);
                random.fill(seed.as_mut());
                Self(SigningKey::from_bytes(&seed))
            }

            /// The secret half, for the encrypted store.
            #[must_use]
            pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
                Zeroizing::new(self.0.to_bytes().to_vec())
            }

            /// Back from [`Self::to_bytes`].
            ///
            /// # Errors
            /// When there are not exactly 32 bytes.
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyBytesError> {
                let seed = Zeroizing::new(<[u8; 32]>::try_from(bytes).map_err(|_| KeyBytesError)?);
                Ok(Self(SigningKey::from_bytes(&seed)))
            }

            /// The Ed25519 public key.
            #[must_use]
            pub fn public(&self) -> [u8; 32] {
                self.0.verifying_key().to_bytes()
            }

            /// An Ed25519 signature.
            #[must_use]
            pub fn sign(&self, message: &[u8]) -> [u8; 64] {
                self.0.sign(message).to_bytes()
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(secret)"))
            }
        }
    };
}

signing_key! {
    /// The key of a device: signs in, signs its leaf in every conversation.
    DeviceKeys
}
signing_key! {
    /// The root of an account: signs manifest 1 and recoveries; it *is* the account.
    RootKey
}

impl DeviceKeys {
    /// The device's id, which comes from its key.
    #[must_use]
    pub fn id(&self) -> DeviceId {
        device_id(&self.public())
    }

    /// An encoded `SignedIntroductionKey`.
    #[must_use]
    pub fn sign_introduction_key(&self, key: &IntroductionKey) -> Vec<u8> {
        let bytes = introduction_key::encode(key);
        let signature = self.sign(&introduction_key::sign_message(&bytes)).to_vec();
        proto::SignedIntroductionKey {
            key: bytes,
            signature,
        }
        .encode_to_vec()
    }
}

impl Signer for DeviceKeys {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(Self::sign(self, payload).to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// An encoded `SignedManifest`, signed by whoever is given. It is checked by nobody here: what
/// nobody may sign is refused by `membership::manifest`.
#[must_use]
pub fn sign_manifest(
    manifest: &manifest::Manifest,
    root: Option<&RootKey>,
    owner: Option<&DeviceKeys>,
) -> Vec<u8> {
    let bytes = manifest::encode(manifest);
    let message = manifest::sign_message(&bytes);
    let by_root = root.map(|key| proto::ManifestSignature {
        signer: Vec::new(),
        signature: key.sign(&message).to_vec(),
    });
    let by_owner = owner.map(|keys| proto::ManifestSignature {
        signer: keys.id().to_vec(),
        signature: keys.sign(&message).to_vec(),
    });
    let signatures = by_root.into_iter().chain(by_owner).collect();
    proto::SignedManifest {
        manifest: bytes,
        signatures,
    }
    .encode_to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_bytes_and_show_nothing() {
        let mut random = |bytes: &mut [u8]| bytes.fill(7);
        let keys = DeviceKeys::generate(&mut random);
        let again = DeviceKeys::from_bytes(&keys.to_bytes()).unwrap();
        assert_eq!(again.public(), keys.public());
        assert_eq!(again.id(), keys.id());
        assert_eq!(format!("{keys:?}"), "DeviceKeys(secret)");
        assert_eq!(
            format!("{:?}", RootKey::generate(&mut random)),
            "RootKey(secret)"
        );
        assert!(DeviceKeys::from_bytes(&[1; 31]).is_err());
    }
}
