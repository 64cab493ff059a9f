//! Marks and signals: sealed under a key of the epoch, signed by the leaf key, counted.
//!
//! They do not use the message ratchets, so a typing signal burns no key that a message may need.
//! Always holds for what [`open`] gives: it was made by the device whose key is given, for this
//! conversation, epoch and lane, and its counter is higher than the last one seen. Deliberately
//! absent: keeping keys for the epochs kept, and counters.

use crate::engine::{EngineError, Session};
use crate::keys::DeviceKeys;
use crate::sealed::{self, SealError, bound};
use comity_membership::manifest::holds;
use comity_wire::{ConversationId, Random};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

const LABEL: &str = "comity marks";
const SIGNATURE_BYTES: usize = 64;
/// A body's length says nothing below this.
const PAD_TO: usize = 128;

/// The key of marks and signals of one epoch.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct MarkKey([u8; 32]);

impl fmt::Debug for MarkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MarkKey(secret)")
    }
}

impl MarkKey {
    /// Back from [`Self::as_bytes`].
    ///
    /// # Errors
    /// When there are not exactly 32 bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MarkError> {
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| MarkError::Sealed(SealError))
    }

    /// For the encrypted store.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// Which of the two lanes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Kept, latest wins.
    Mark,
    /// Never stored.
    Signal,
}

/// Where a mark belongs.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The conversation.
    pub conversation: &'a ConversationId,
    /// The epoch whose key it is sealed under.
    pub epoch: u64,
    /// The lane.
    pub lane: Lane,
}

/// An opened mark or signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenedMark {
    /// To be kept: the next one of this device and lane must be higher.
    pub counter: u64,
    /// An encoded `MarkBody` or `SignalBody`.
    pub body: Vec<u8>,
}

/// Why a mark was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// It does not open under this epoch's key.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// The device did not sign it.
    #[error("the device did not sign it")]
    Signature,
    /// One as new or newer was seen.
    #[error("one as new or newer was seen")]
    Replayed,
}

/// The key of the current epoch.
///
/// # Errors
/// As [`Session::export`].
pub fn derive_key(
    session: &mut Session<'_>,
    conversation: &ConversationId,
) -> Result<MarkKey, EngineError> {
    let context = comity_membership::group_id(conversation).to_vec();
    let bytes = session.export(conversation, LABEL, &context, 32)?;
    MarkKey::from_bytes(&bytes).map_err(|e| EngineError::Malformed(e.to_string()))
}

/// Seals a mark or signal. `counter` must grow with each of a lane, across restarts (the time in
/// milliseconds does, if it never goes back).
///
/// # Errors
/// When the body is too large to seal.
pub fn seal(
    key: &MarkKey,
    keys: &DeviceKeys,
    place: &Place<'_>,
    counter: u64,
    body: &[u8],
    random: &mut dyn Random,
) -> Result<Vec<u8>, MarkError> {
    let signature = keys.sign(&signed(place, counter, body));
    let plaintext = [counter.to_be_bytes().as_slice(), &signature, body].concat();
    Ok(sealed::seal(
        &key.0,
        &context(place),
        &plaintext,
        PAD_TO,
        random,
    )?)
}

/// Opens a mark or signal of the device with this signature key; `last` is the highest counter
/// seen of it in this lane.
///
/// # Errors
/// [`MarkError`], by what is wrong.
pub fn open(
    key: &MarkKey,
    signature_key: &[u8],
    place: &Place<'_>,
    sealed_bytes: &[u8],
    last: Option<u64>,
) -> Result<OpenedMark, MarkError> {
    let plaintext = sealed::open(&key.0, &context(place), sealed_bytes)?;
    let (counter, rest) = plaintext.split_first_chunk::<8>().ok_or(SealError)?;
    let (signature, body) = rest.split_at_checked(SIGNATURE_BYTES).ok_or(SealError)?;
    let counter = u64::from_be_bytes(*counter);
    if !holds(signature_key, &signed(place, counter, body), signature) {
        return Err(MarkError::Signature);
    }
    if last.is_some_and(|last| counter <= last) {
        return Err(MarkError::Replayed);
    }
    Ok(OpenedMark {
        counter,
        body: body.to_vec(),
    })
}

fn parts(place: &Place<'_>) -> (Vec<u8>, [u8; 8], [u8; 1]) {
    let lane = match place.lane {
        Lane::Mark => 1,
        Lane::Signal => 2,
    };
    let group_id = comity_membership::group_id(place.conversation).to_vec();
    (group_id, place.epoch.to_be_bytes(), [lane])
}

fn context(place: &Place<'_>) -> Vec<u8> {
    let (group_id, epoch, lane) = parts(place);
    bound(b"comity mark context v1", &[&lane, &group_id, &epoch])
}

fn signed(place: &Place<'_>, counter: u64, body: &[u8]) -> Vec<u8> {
    let (group_id, epoch, lane) = parts(place);
    bound(
        b"comity mark v1",
        &[&lane, &group_id, &epoch, &counter.to_be_bytes(), body],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random() -> impl Random {
        let mut next = 0_u8;
        move |bytes: &mut [u8]| {
            next = next.wrapping_add(1);
            bytes.fill(next);
        }
    }

    #[test]
    fn a_mark_opens_once_and_only_where_it_belongs() {
        let (mut random, key) = (random(), MarkKey([3; 32]));
        let keys = DeviceKeys::generate(&mut random);
        let conversation = "00112233445566778899aabbccddeeff@chat.example"
            .parse()
            .unwrap();
        let place = Place {
            conversation: &conversation,
            epoch: 4,
            lane: Lane::Mark,
        };
        let sealed = seal(&key, &keys, &place, 10, b"body", &mut random).unwrap();

        let opened = open(&key, &keys.public(), &place, &sealed, Some(9)).unwrap();
        assert_eq!(
            opened,
            OpenedMark {
                counter: 10,
                body: b"body".to_vec()
            }
        );

        let again = open(&key, &keys.public(), &place, &sealed, Some(10));
        assert_eq!(again, Err(MarkError::Replayed));
        let later = Place { epoch: 5, ..place };
        assert_eq!(
            open(&key, &keys.public(), &later, &sealed, None),
            Err(MarkError::Sealed(SealError))
        );
        let signal = Place {
            lane: Lane::Signal,
            ..place
        };
        assert!(open(&key, &keys.public(), &signal, &sealed, None).is_err());
        let mallory = DeviceKeys::generate(&mut random);
        let forged = seal(&key, &mallory, &place, 11, b"body", &mut random).unwrap();
        assert_eq!(
            open(&key, &keys.public(), &place, &forged, None),
            Err(MarkError::Signature)
        );
        assert_eq!(format!("{key:?}"), "MarkKey(secret)");
        assert!(sealed.len() <= comity_wire::limits::MARK_BYTES_MAX);
    }
}
