//! What can go wrong in a conversation's group, sorted by what the caller does about it.

use crate::storage::StorageError;
use comity_membership::{MlsError, Refusal};
use openmls::framing::errors::{MessageDecryptionError, SecretTreeError};
use openmls::group::{
    MlsGroupStateError, ProcessMessageError, StageCommitError, ValidationError, WelcomeError,
};

/// Why an entry's content can not be read, now or ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// Its epoch's keys are gone (more than the epochs kept ago), or were never here.
    #[error("its epoch's keys are not here")]
    EpochGone,
    /// Too far ahead in its sender's ratchet.
    #[error("too far ahead in its sender's ratchet")]
    TooFarAhead,
    /// It does not decrypt: another branch of a fork, or damage.
    #[error("it does not decrypt")]
    Undecryptable,
    /// Its sender was not a member then, or its signature does not hold.
    #[error("its sender is not who it says")]
    Sender,
    /// It decrypts to something that is not content.
    #[error("it does not hold content")]
    NotContent,
}

/// Why an act on a group failed. After [`EngineError::Storage`] the transaction must be rolled
/// back and the groups in memory forgotten.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Made for an epoch that is over.
    #[error("made for an epoch that is over")]
    StaleEpoch,
    /// Made for an epoch that is not reached: process what comes before first.
    #[error("made for an epoch that is not reached")]
    FutureEpoch,
    /// The entry's content can not be read.
    #[error("unreadable: {0}")]
    Unreadable(Unreadable),
    /// Decrypted before, or its key was passed over too long ago.
    #[error("its key was used, or passed over")]
    SecretReused,
    /// Encrypted by this device, which can not read it.
    #[error("this device's own message")]
    OwnMessage,
    /// There is no group of this conversation here, or this device is no longer in it.
    #[error("no such group, or no longer in it")]
    NotFound,
    /// The rules forbid it; nothing was merged.
    #[error("refused: {0}")]
    Refused(#[from] Refusal),
    /// The bytes are not what they should be, or MLS does not accept them.
    #[error("not acceptable: {0}")]
    Malformed(String),
    /// The store failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The welcome is for a key package that is not here (any more).
    #[error("no key package for this welcome")]
    NoMatchingKeyPackage,
    /// The welcome leads into another conversation than was asked for.
    #[error("the welcome is of another conversation")]
    AnotherConversation,
    /// A commit of this very epoch does not fit our state: we may be on another branch.
    #[error("this commit is of another branch than our state")]
    ForkSuspected,
    /// Our own commit waits to be accepted: confirm or discard it first.
    #[error("a commit of our own waits to be accepted")]
    PendingCommit,
    /// There is no commit of our own that waits.
    #[error("no commit of our own waits")]
    NoPendingCommit,
    /// The app proposed a removal: commit it before sending.
    #[error("a removal is proposed: commit it before sending")]
    CommitFirst,
}

impl From<MlsError> for EngineError {
    fn from(error: MlsError) -> Self {
        match error {
            MlsError::StaleEpoch => Self::StaleEpoch,
            MlsError::FutureEpoch => Self::FutureEpoch,
            other => Self::Malformed(other.to_string()),
        }
    }
}

/// For library errors that have no meaning of their own here.
pub(super) fn malformed(error: impl std::fmt::Display) -> EngineError {
    EngineError::Malformed(error.to_string())
}

pub(super) fn of_state(error: MlsGroupStateError) -> EngineError {
    match error {
        MlsGroupStateError::UseAfterEviction => EngineError::NotFound,
        MlsGroupStateError::PendingProposal => EngineError::CommitFirst,
        MlsGroupStateError::PendingCommit => EngineError::PendingCommit,
        MlsGroupStateError::NoPendingCommit => EngineError::NoPendingCommit,
        other => malformed(other),
    }
}

pub(super) fn of_processing(error: ProcessMessageError<StorageError>) -> EngineError {
    match error {
        ProcessMessageError::StorageError(error) => EngineError::Storage(error),
        ProcessMessageError::GroupStateError(error) => of_state(error),
        ProcessMessageError::ValidationError(error) => of_validation(error),
        // The epoch number is ours and the secrets are not: the branches parted before.
        ProcessMessageError::InvalidCommit(
            StageCommitError::ConfirmationTagMismatch
            | StageCommitError::OwnCommitMismatch
            | StageCommitError::UpdatePathError(_),
        ) => EngineError::ForkSuspected,
        other => malformed(other),
    }
}

fn of_validation(error: ValidationError) -> EngineError {
    match error {
        ValidationError::UnableToDecrypt(MessageDecryptionError::SecretTreeError(error)) => {
            match error {
                SecretTreeError::SecretReuseError | SecretTreeError::TooDistantInThePast => {
                    EngineError::SecretReused
                }
                SecretTreeError::TooDistantInTheFuture => {
                    EngineError::Unreadable(Unreadable::TooFarAhead)
                }
                _ => EngineError::Unreadable(Unreadable::Undecryptable),
            }
        }
        ValidationError::UnableToDecrypt(MessageDecryptionError::GenerationOutOfBound) => {
            EngineError::Unreadable(Unreadable::TooFarAhead)
        }
        ValidationError::UnableToDecrypt(_) => EngineError::Unreadable(Unreadable::Undecryptable),
        ValidationError::NoPastEpochData => EngineError::Unreadable(Unreadable::EpochGone),
        ValidationError::UnknownMember | ValidationError::InvalidSignature => {
            EngineError::Unreadable(Unreadable::Sender)
        }
        ValidationError::InvalidMembershipTag => EngineError::ForkSuspected,
        other => malformed(other),
    }
}

pub(super) fn of_welcome(error: WelcomeError<StorageError>) -> EngineError {
    match error {
        WelcomeError::NoMatchingKeyPackage
        | WelcomeError::NoMatchingEncryptionKey
        | WelcomeError::JoinerSecretNotFound => EngineError::NoMatchingKeyPackage,
        WelcomeError::StorageError(error) => EngineError::Storage(error),
        other => malformed(other),
    }
}
