//! One way to seal a small value under a 32-byte key: XChaCha20-Poly1305 with a random nonce in
//! front, and padding so that its length says little.

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use comity_wire::Random;
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;

/// It does not open: another key, another context, or damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not open")]
pub struct SealError;

/// nonce ‖ AEAD(length as u32 ‖ plaintext ‖ zeros up to a multiple of `pad_to`).
pub(crate) fn seal(
    key: &[u8; 32],
    context: &[u8],
    plaintext: &[u8],
    pad_to: usize,
    random: &mut dyn Random,
) -> Result<Vec<u8>, SealError> {
    let length = u32::try_from(plaintext.len()).map_err(|_| SealError)?;
    let mut padded = Zeroizing::new(Vec::with_capacity(plaintext.len() + 4 + pad_to));
    padded.extend_from_slice(&length.to_be_bytes());
    padded.extend_from_slice(plaintext);
    let full = padded.len().next_multiple_of(pad_to.max(1));
    padded.resize(full, 0);
    let mut nonce = [0; NONCE_BYTES];
    random.fill(&mut nonce);
    let payload = Payload {
        msg: &padded,
        aad: context,
    };
    let sealed = XChaCha20Poly1305::new(key.into())
        .encrypt(XNonce::from_slice(&nonce), payload)
        .map_err(|_| SealError)?;
    Ok([nonce.as_slice(), &sealed].concat())
}

pub(crate) fn open(
    key: &[u8; 32],
    context: &[u8],
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let (nonce, sealed) = sealed.split_at_checked(NONCE_BYTES).ok_or(SealError)?;
    let payload = Payload {
        msg: sealed,
        aad: context,
    };
    let padded = XChaCha20Poly1305::new(key.into())
        .decrypt(XNonce::from_slice(nonce), payload)
        .map(Zeroizing::new)
        .map_err(|_| SealError)?;
    let (length, rest) = padded.split_first_chunk::<4>().ok_or(SealError)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| SealError)?;
    rest.get(..length)
        .map(|plaintext| Zeroizing::new(plaintext.to_vec()))
        .ok_or(SealError)
}

/// Appends a text or bytes with their length in front, so that parts can not run together.
pub(crate) fn put(to: &mut Vec<u8>, part: &[u8]) {
    to.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend_from_slice(part);
}

/// A label and parts, each with its length: what is signed, or bound as context.
pub(crate) fn bound(label: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, label);
    parts.iter().for_each(|part| put(&mut out, part));
    out
}
