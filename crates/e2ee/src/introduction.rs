//! Introductions: a first word to a stranger, sealed to each of their devices.
//!
//! Always holds for what [`open`] gives: it was sealed to this key and account, and its franking
//! fits its first message. Who wrote it is only told by [`signature_holds`], with a device out of
//! the sender's verified manifest. Deliberately absent: the app's part (who it says wrote), limits
//! on how many.

use crate::envelope::{self, EnvelopeError};
use crate::hpke::{self, HpkeKeys, HpkeOpenError};
use crate::keys::DeviceKeys;
use crate::sealed::bound;
use comity_content::Message as _;
use comity_content::proto::Introduction;
use comity_membership::SUITE;
use comity_membership::introduction_key::IntroductionKey;
use comity_membership::manifest::{Device, holds};
use comity_wire::limits::{INTRODUCTION_BYTES_MAX, INTRODUCTION_TEXT_BYTES_MAX};
use comity_wire::{AccountId, Address, DeviceId, UnixMs};
use std::fmt;
use zeroize::Zeroizing;

/// A new introduction key.
pub struct MadeKey {
    /// HPKE public key.
    pub public_key: Vec<u8>,
    /// HPKE private key, for the encrypted store.
    pub private_key: Zeroizing<Vec<u8>>,
    /// The `SignedIntroductionKey` to publish.
    pub signed: Vec<u8>,
}

impl fmt::Debug for MadeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MadeKey(secret)")
    }
}

/// Why an introduction could not be sealed, or was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntroductionError {
    /// It does not open with this key, or not for this account.
    #[error(transparent)]
    Sealed(#[from] HpkeOpenError),
    /// It is not an introduction.
    #[error("not an introduction")]
    Malformed,
    /// It is larger than it may be.
    #[error("too large")]
    TooLarge,
    /// Its franking does not fit.
    #[error(transparent)]
    Franking(#[from] EnvelopeError),
}

/// Makes an introduction key of this device.
///
/// # Errors
/// When the system gives no randomness.
pub fn make_key(
    keys: &DeviceKeys,
    made_ms: UnixMs,
    expires_ms: UnixMs,
) -> Result<MadeKey, IntroductionError> {
    let pair = HpkeKeys::generate()?;
    let signed = keys.sign_introduction_key(&IntroductionKey {
        device: keys.id(),
        suite: SUITE as u16,
        public_key: pair.public.clone(),
        made_ms,
        expires_ms,
    });
    Ok(MadeKey {
        public_key: pair.public,
        private_key: pair.private,
        signed,
    })
}

fn info(label: &[u8], public_key: &[u8], to: &Address) -> Vec<u8> {
    bound(label, &[public_key, to.to_string().as_bytes()])
}

/// Seals an introduction (signed by [`sign`]) to one device of the account.
///
/// # Errors
/// [`IntroductionError`] when it is too large, or the key is none.
pub fn seal(
    introduction: &Introduction,
    key: &IntroductionKey,
    to: &Address,
) -> Result<Vec<u8>, IntroductionError> {
    let label = info(b"comity introduction v1", &key.public_key, to);
    let sealed = hpke::seal(&key.public_key, &label, &introduction.encode_to_vec())?;
    if sealed.len() > INTRODUCTION_BYTES_MAX {
        return Err(IntroductionError::TooLarge);
    }
    Ok(sealed)
}

/// Opens an introduction and checks its franking (`header`) against the device that it names.
///
/// # Errors
/// [`IntroductionError`], by what is wrong.
pub fn open(
    public_key: &[u8],
    private_key: &[u8],
    sealed: &[u8],
    own: &Address,
    header: &[u8],
) -> Result<Introduction, IntroductionError> {
    if sealed.len() > INTRODUCTION_BYTES_MAX {
        return Err(IntroductionError::TooLarge);
    }
    let label = info(b"comity introduction v1", public_key, own);
    let plaintext = hpke::open(private_key, &label, sealed)?;
    let malformed = || IntroductionError::Malformed;
    let opened = Introduction::decode(plaintext.as_slice()).map_err(|_| malformed())?;
    let first = opened.first.as_ref().ok_or_else(malformed)?;
    if let Some(comity_content::proto::content::Body::Text(text)) = &first.body
        && text.text.len() > INTRODUCTION_TEXT_BYTES_MAX
    {
        return Err(IntroductionError::TooLarge);
    }
    let from = opened.from.as_ref().ok_or_else(malformed)?;
    let address = Address::new(
        from.app.parse().map_err(|_| malformed())?,
        AccountId::from_slice(&from.account).map_err(|_| malformed())?,
    );
    let device = DeviceId::from_slice(&opened.from_device).map_err(|_| malformed())?;
    envelope::verify(
        &first.encode_to_vec(),
        &opened.franking_key,
        &opened.sender_nonce,
        header,
        &address,
        &device,
    )?;
    Ok(opened)
}

/// Everything but the signature, and to whom.
fn signed_bytes(introduction: &Introduction, to: &Address) -> Vec<u8> {
    let unsigned = Introduction {
        signature: Vec::new(),
        ..introduction.clone()
    };
    bound(
        b"comity introduction signature v1",
        &[to.to_string().as_bytes(), &unsigned.encode_to_vec()],
    )
}

/// Signs an introduction by the device that sends it.
#[must_use]
pub fn sign(mut introduction: Introduction, keys: &DeviceKeys, to: &Address) -> Introduction {
    introduction.signature = keys.sign(&signed_bytes(&introduction, to)).to_vec();
    introduction
}

/// True when `device` signed the introduction to this account.
#[must_use]
pub fn signature_holds(introduction: &Introduction, device: &Device, own: &Address) -> bool {
    introduction.from_device == device.id.as_bytes()
        && holds(
            &device.signature_key,
            &signed_bytes(introduction, own),
            &introduction.signature,
        )
}

/// Seals other bytes to a device's introduction key, for a purpose (`label`).
///
/// # Errors
/// When the key is none.
pub fn seal_bytes(
    key: &IntroductionKey,
    label: &[u8],
    bytes: &[u8],
) -> Result<Vec<u8>, IntroductionError> {
    Ok(hpke::seal(
        &key.public_key,
        &bound(label, &[&key.public_key]),
        bytes,
    )?)
}

/// Opens what [`seal_bytes`] sealed.
///
/// # Errors
/// When it does not open.
pub fn open_bytes(
    public_key: &[u8],
    private_key: &[u8],
    label: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, IntroductionError> {
    Ok(hpke::open(
        private_key,
        &bound(label, &[public_key]),
        sealed,
    )?)
}
