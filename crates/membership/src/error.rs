//! Why something about a group was refused. No text here holds anybody's data.

use comity_wire::limits::CONVERSATION_DEVICES_MAX;

/// An MLS object that can not be taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MlsError {
    /// The bytes are not the MLS object that was asked for.
    #[error("the bytes are not a {0}")]
    Malformed(&'static str),
    /// Made for an epoch that is over: catch up and do it again.
    #[error("made for an epoch that is over")]
    StaleEpoch,
    /// Made for an epoch that is not reached.
    #[error("made for an epoch that is not reached")]
    FutureEpoch,
    /// Belongs to another conversation.
    #[error("belongs to another conversation")]
    WrongGroup,
    /// Another cipher suite than the conversation's, or one that is not offered.
    #[error("not the cipher suite of the conversation")]
    Suite,
    /// A leaf's credential does not name the device that its key belongs to.
    #[error("a credential does not fit its key")]
    Identity,
    /// The conversation's context is missing, malformed, or not as announced.
    #[error("the conversation's context is {0}")]
    Context(&'static str),
    /// Allowed by MLS, but not used by this protocol.
    #[error("{0} is not used in this protocol")]
    Unsupported(&'static str),
    /// The group info does not describe the state that the commit leads to.
    #[error("the group info does not fit the commit: {0}")]
    GroupInfo(&'static str),
    /// A key package whose life is over, or has not begun.
    #[error("not within its lifetime")]
    OutOfDate,
    /// A check of MLS failed: signature, tree, lifetime, transcript.
    #[error("refused by MLS: {0}")]
    Invalid(String),
    /// The stored state of the group can not be read.
    #[error("the stored state of the group can not be read")]
    State,
}

/// A change that MLS would take and this protocol does not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The manifest of an account whose device is added is not known.
    #[error("the manifest of an added device's account is not known")]
    NoManifest(comity_wire::Address),
    /// A device is not in its account's manifest, or was revoked.
    #[error("a device is not in its account's manifest")]
    NotInManifest,
    /// The leaf's key is not the one that the manifest gives for the device.
    #[error("a leaf has another key than the manifest gives")]
    KeyMismatch,
    /// The device would have two leaves.
    #[error("a device would be twice in the conversation")]
    DuplicateDevice,
    /// An update would change who a leaf stands for.
    #[error("an update changes a leaf's identity")]
    IdentityChanged,
    /// The committer is not a member, or a joiner's account is not.
    #[error("the committer's account is not in the conversation")]
    NotMember,
    /// Only an admin may do this.
    #[error("only an admin may do this")]
    NotAdmin,
    /// The account can not be in this conversation.
    #[error("the account can not be in this conversation")]
    WrongAccount,
    /// A joiner from outside removed somebody else.
    #[error("a joiner may only replace its own leaf")]
    JoinerRemoves,
    /// More devices at once than may be.
    #[error("too many additions at once")]
    TooManyAdditions,
    /// More devices than a conversation may have.
    #[error("a conversation has at most {CONVERSATION_DEVICES_MAX} devices")]
    TooManyDevices,
    /// The app did something else than remove a device.
    #[error("the app may only remove devices")]
    AppMayOnlyRemove,
    /// What was to change in the context never changes: of a conversation that is no group all of
    /// it, of a group its id, kind and hub's key.
    #[error("this part of the conversation's context never changes")]
    ContextFixed,
    /// A role for an account that is not in the group after the commit.
    #[error("a role for an account that is not in the group")]
    RoleOfNobody,
    /// The last admin goes and nobody takes the office over.
    #[error("the last admin goes and nobody takes the office over")]
    NoHeir,
    /// Joins by an invitation link that is not, or no longer, the group's.
    #[error("the invitation link does not hold")]
    LinkInvalid,
}
