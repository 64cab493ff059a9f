//! The HPKE key that introductions to a device are sealed to, signed by the device.
//!
//! Always holds: an [`IntroductionKey`] that came out of [`verify`] belongs to the device asked
//! for. Deliberately absent: the private half (`e2ee::introduction`), and rotation.

use crate::manifest::{Device, holds};
use comity_wire::{DeviceId, Message, UnixMs, proto};

/// A device's introduction key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntroductionKey {
    /// Whose.
    pub device: DeviceId,
    /// MLS cipher suite whose HPKE is used.
    pub suite: u16,
    /// HPKE public key.
    pub public_key: Vec<u8>,
    /// When it was made.
    pub made_ms: UnixMs,
    /// Nothing is sealed to it after then.
    pub expires_ms: UnixMs,
}

/// Why an introduction key was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IntroductionKeyError {
    /// Not an encoded introduction key, or over a limit.
    #[error("not an introduction key")]
    Malformed,
    /// Names another device.
    #[error("the introduction key is another device's")]
    OtherDevice,
    /// Not signed by the device.
    #[error("the device did not sign the introduction key")]
    Signature,
    /// Another cipher suite than this version offers.
    #[error("the introduction key's suite is not offered")]
    Suite,
}

/// The bytes that are signed, not yet signed.
#[must_use]
pub fn encode(key: &IntroductionKey) -> Vec<u8> {
    proto::IntroductionKey {
        device: key.device.to_vec(),
        suite: u32::from(key.suite),
        public_key: key.public_key.clone(),
        made_ms: key.made_ms,
        expires_ms: key.expires_ms,
    }
    .encode_to_vec()
}

/// What the device signs: `"comity introduction key v1"` ‖ the encoded key.
#[must_use]
pub fn sign_message(bytes: &[u8]) -> Vec<u8> {
    [b"comity introduction key v1".as_slice(), bytes].concat()
}

/// Checks a `SignedIntroductionKey` of `device`.
///
/// # Errors
/// [`IntroductionKeyError`], by what is wrong.
pub fn verify(bytes: &[u8], device: &Device) -> Result<IntroductionKey, IntroductionKeyError> {
    if bytes.len() > 4096 {
        return Err(IntroductionKeyError::Malformed);
    }
    let signed =
        proto::SignedIntroductionKey::decode(bytes).map_err(|_| IntroductionKeyError::Malformed)?;
    let key = proto::IntroductionKey::decode(signed.key.as_slice())
        .map_err(|_| IntroductionKeyError::Malformed)?;
    if key.device != device.id.as_bytes() {
        return Err(IntroductionKeyError::OtherDevice);
    }
    if !holds(
        &device.signature_key,
        &sign_message(&signed.key),
        &signed.signature,
    ) {
        return Err(IntroductionKeyError::Signature);
    }
    let suite = u16::try_from(key.suite).map_err(|_| IntroductionKeyError::Malformed)?;
    if suite != crate::SUITE as u16 {
        return Err(IntroductionKeyError::Suite);
    }
    if key.public_key.is_empty() || key.expires_ms < key.made_ms {
        return Err(IntroductionKeyError::Malformed);
    }
    Ok(IntroductionKey {
        device: device.id,
        suite,
        public_key: key.public_key,
        made_ms: key.made_ms,
        expires_ms: key.expires_ms,
    })
}
