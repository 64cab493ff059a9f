//! The sealed state of a conversation: name, description, photo and timer, under a key of the
//! epoch's exporter, kept by the hub beside the group.
//!
//! Whoever commits seals it anew for the next epoch; inside stays what its author signed, so that
//! sealing is no way to change it. Always holds for what [`open`] and [`verify`] give: a member of
//! that epoch sealed it for this conversation, and the device whose key is named wrote it for this
//! conversation. Deliberately absent: whether its author may change it
//! (`comity_membership::rules::may_edit_details`), and who that device is.

use crate::engine::{EngineError, Session};
use crate::keys::DeviceKeys;
use crate::sealed::{self, SealError, bound};
use comity_content::proto::{self as said, GroupState, SignedGroupState};
use comity_membership::manifest::holds;
use comity_wire::limits::STATE_BYTES_MAX;
use comity_wire::{Address, ConversationId, DeviceId, Message as _, Random};
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub(crate) const LABEL: &str = "comity group state";
/// Room for the nonce, the tag and the length.
const SEAL_BYTES: usize = 64;
/// The length of a sealed state says little.
const PAD_TO: usize = 512;
/// Characters of a group's name.
pub const NAME_CHARS_MAX: usize = 100;
/// Characters of its description.
pub const DESCRIPTION_CHARS_MAX: usize = 512;
/// The longest time after which messages may be set to vanish: a year.
pub const TIMER_S_MAX: u32 = 365 * 24 * 3_600;
/// Versions count from one: nobody comes near this.
pub const VERSION_MAX: u64 = 1 << 62;
/// A version that is further ahead than this was made up.
const LEAP_MAX: u64 = 1 << 20;

/// The key of one epoch's state.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct StateKey([u8; 32]);

impl fmt::Debug for StateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StateKey(secret)")
    }
}

impl StateKey {
    /// The key as the exporter gives it. 32 bytes.
    ///
    /// # Errors
    /// [`EngineError::Malformed`] when it has another length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EngineError> {
        bytes
            .try_into()
            .map(Self)
            .map_err(|_| EngineError::Malformed("a key of another length".into()))
    }
}

/// Why a state was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StateError {
    /// Sealed under another epoch's key, or damaged.
    #[error(transparent)]
    Sealed(#[from] SealError),
    /// It opens, and holds something else.
    #[error("not a group's state")]
    Malformed,
    /// The signature does not hold for this conversation.
    #[error("the signature does not hold")]
    Signature,
    /// A name, description or the whole is longer than it may be, or a number is none.
    #[error("too large")]
    TooLarge,
}

/// The key of the current epoch.
///
/// # Errors
/// [`EngineError::NotFound`], or when the store fails.
pub fn key(
    session: &mut Session<'_>,
    conversation: &ConversationId,
) -> Result<StateKey, EngineError> {
    let context = comity_membership::group_id(conversation).to_vec();
    StateKey::from_bytes(&session.export(conversation, LABEL, &context, 32)?)
}

/// Signs a state as its author.
#[must_use]
pub fn sign(
    keys: &DeviceKeys,
    author: &Address,
    conversation: &ConversationId,
    state: &GroupState,
) -> SignedGroupState {
    let bytes = state.encode_to_vec();
    let signature = keys.sign(&signed(conversation, author, &keys.id(), &bytes));
    SignedGroupState {
        state: bytes,
        author: Some(said::Address {
            app: author.app.to_string(),
            account: author.account.to_vec(),
        }),
        author_device: keys.id().to_vec(),
        signature_key: keys.public().to_vec(),
        signature: signature.to_vec(),
    }
}

/// A state whose signature holds.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedState {
    /// What it says.
    pub state: GroupState,
    /// Whose device wrote it, by its own word: the caller knows the devices.
    pub author: Address,
    /// Which device.
    pub device: DeviceId,
}

/// Checks the author's signature, and sizes.
///
/// # Errors
/// [`StateError`].
pub fn verify(
    conversation: &ConversationId,
    document: &SignedGroupState,
) -> Result<VerifiedState, StateError> {
    let author = document.author.as_ref().ok_or(StateError::Malformed)?;
    let app = author.app.parse().map_err(|_| StateError::Malformed)?;
    let account =
        comity_wire::AccountId::from_slice(&author.account).map_err(|_| StateError::Malformed)?;
    let author = Address::new(app, account);
    let device =
        DeviceId::from_slice(&document.author_device).map_err(|_| StateError::Malformed)?;
    let message = signed(conversation, &author, &device, &document.state);
    if comity_membership::device_id(&document.signature_key) != device
        || !holds(&document.signature_key, &message, &document.signature)
    {
        return Err(StateError::Signature);
    }
    let state = GroupState::decode(document.state.as_slice()).map_err(|_| StateError::Malformed)?;
    fits(&state)?;
    if state.version > VERSION_MAX || !can_be_sealed(document.encoded_len()) {
        return Err(StateError::TooLarge);
    }
    Ok(VerifiedState {
        state,
        author,
        device,
    })
}

/// The version after another one.
#[must_use]
pub const fn next_version(version: u64) -> u64 {
    if version < VERSION_MAX {
        version + 1
    } else {
        1
    }
}

/// Whether one version is newer than another, on every device alike. The larger one is, unless it is
/// so much larger that it was made up: then the smaller one is, so that whoever may change a state
/// takes that from nobody else by a number.
#[must_use]
pub const fn is_newer(version: u64, than: u64) -> bool {
    if version > than {
        version - than <= LEAP_MAX
    } else {
        than - version > LEAP_MAX
    }
}

const fn can_be_sealed(bytes: usize) -> bool {
    bytes.next_multiple_of(PAD_TO) + PAD_TO + SEAL_BYTES <= STATE_BYTES_MAX
}

/// Whether name, description and timer are such as they may be.
///
/// # Errors
/// [`StateError::TooLarge`].
pub fn fits(state: &GroupState) -> Result<(), StateError> {
    let longer = |text: &str, chars: usize| text.chars().nth(chars).is_some();
    if longer(&state.name, NAME_CHARS_MAX)
        || longer(&state.description, DESCRIPTION_CHARS_MAX)
        || state.expires_after_s > TIMER_S_MAX
    {
        Err(StateError::TooLarge)
    } else {
        Ok(())
    }
}

/// Seals a document for the epoch of the key.
///
/// # Errors
/// [`StateError::TooLarge`].
pub fn seal(
    key: &StateKey,
    conversation: &ConversationId,
    document: &SignedGroupState,
    random: &mut dyn Random,
) -> Result<Vec<u8>, StateError> {
    let plaintext = document.encode_to_vec();
    if !can_be_sealed(plaintext.len()) {
        return Err(StateError::TooLarge);
    }
    Ok(sealed::seal(
        &key.0,
        &place(conversation),
        &plaintext,
        PAD_TO,
        random,
    )?)
}

/// Opens a sealed document.
///
/// # Errors
/// [`StateError::Sealed`] when it is of another epoch, [`StateError::Malformed`].
pub fn open(
    key: &StateKey,
    conversation: &ConversationId,
    sealed: &[u8],
) -> Result<SignedGroupState, StateError> {
    let plaintext = sealed::open(&key.0, &place(conversation), sealed)?;
    SignedGroupState::decode(plaintext.as_slice()).map_err(|_| StateError::Malformed)
}

fn place(conversation: &ConversationId) -> Vec<u8> {
    bound(LABEL.as_bytes(), &[conversation.to_string().as_bytes()])
}

fn signed(
    conversation: &ConversationId,
    author: &Address,
    device: &DeviceId,
    state: &[u8],
) -> Vec<u8> {
    bound(
        b"comity group state signature",
        &[
            conversation.to_string().as_bytes(),
            author.to_string().as_bytes(),
            device.as_bytes(),
            state,
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Counting(u8);
    impl Random for Counting {
        fn fill(&mut self, bytes: &mut [u8]) {
            for byte in bytes {
                self.0 = self.0.wrapping_add(1);
                *byte = self.0;
            }
        }
    }

    fn conversation(digit: &str) -> ConversationId {
        format!("{}@chat.example", digit.repeat(32))
            .parse()
            .unwrap()
    }

    fn ana() -> Address {
        format!("{}@chat.example", "a".repeat(32)).parse().unwrap()
    }

    #[test]
    fn a_state_opens_for_its_epoch_and_conversation_only() {
        let keys = DeviceKeys::generate(&mut Counting(0));
        let state = GroupState {
            name: "Choir".into(),
            ..GroupState::default()
        };
        let id = conversation("1");
        let document = sign(&keys, &ana(), &id, &state);
        let key = StateKey([7; 32]);
        let sealed = seal(&key, &id, &document, &mut Counting(9)).unwrap();
        let opened = open(&key, &id, &sealed).unwrap();
        let verified = verify(&id, &opened).unwrap();
        assert_eq!((verified.state, verified.author), (state, ana()));
        assert!(open(&StateKey([8; 32]), &id, &sealed).is_err());
        assert!(open(&key, &conversation("2"), &sealed).is_err());
        assert_eq!(
            verify(&conversation("2"), &opened),
            Err(StateError::Signature)
        );
    }

    #[test]
    fn nobody_changes_a_state_in_anothers_name() {
        let keys = DeviceKeys::generate(&mut Counting(0));
        let other = DeviceKeys::generate(&mut Counting(50));
        let id = conversation("1");
        let document = sign(&keys, &ana(), &id, &GroupState::default());
        let mut forged = document.clone();
        forged.state = GroupState {
            name: "Mine".into(),
            ..GroupState::default()
        }
        .encode_to_vec();
        assert_eq!(verify(&id, &forged), Err(StateError::Signature));
        let mut forged = document;
        forged.signature_key = other.public().to_vec();
        assert_eq!(verify(&id, &forged), Err(StateError::Signature));
    }

    #[test]
    fn what_is_too_long_is_refused() {
        let keys = DeviceKeys::generate(&mut Counting(0));
        let id = conversation("1");
        let state = GroupState {
            name: "é".repeat(NAME_CHARS_MAX + 1),
            ..GroupState::default()
        };
        let document = sign(&keys, &ana(), &id, &state);
        assert_eq!(verify(&id, &document), Err(StateError::TooLarge));
        for (version, expires_after_s) in [(VERSION_MAX + 1, 0), (u64::MAX, 0), (1, u32::MAX)] {
            let state = GroupState {
                version,
                expires_after_s,
                ..GroupState::default()
            };
            let document = sign(&keys, &ana(), &id, &state);
            assert_eq!(verify(&id, &document), Err(StateError::TooLarge));
        }
        let mut big = sign(&keys, &ana(), &id, &GroupState::default());
        big.state = vec![0; STATE_BYTES_MAX];
        assert_eq!(
            seal(&StateKey([1; 32]), &id, &big, &mut Counting(0)),
            Err(StateError::TooLarge)
        );
    }

    #[test]
    fn no_version_is_the_last_word() {
        for (one, other) in [(2, 1), (1 << 20, 1), (1, VERSION_MAX), (7, u64::MAX)] {
            assert!(is_newer(one, other), "{one} {other}");
            assert!(!is_newer(other, one), "{one} {other}");
        }
        assert!(!is_newer(3, 3));
        assert_eq!(next_version(6), 7);
        for version in [0, 1, LEAP_MAX, VERSION_MAX - 1, VERSION_MAX, u64::MAX] {
            assert!(is_newer(next_version(version), version), "{version}");
        }
    }
}
