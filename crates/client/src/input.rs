//! What the core is told.

use crate::views::DraftView;
use comity_membership::Permissions;
use comity_wire::{
    Address, BlobId, Bytes64, DeviceId, ErrorCode, MessageId, UnixMs, WireError, proto,
};

/// One input, one step, one transaction.
#[derive(Debug)]
pub enum Input {
    /// A person's act.
    Command(Command),
    /// The WebSocket is open. `exporter`: 32 bytes of TLS exporter where the platform gives them.
    Connected {
        /// TLS exporter under `SIGN_IN_EXPORTER_LABEL`.
        exporter: Option<Vec<u8>>,
    },
    /// The WebSocket is gone.
    Disconnected,
    /// A frame of the server.
    Frame(proto::ServerFrame),
    /// The answer to [`crate::Effect::Http`].
    HttpDone {
        /// The effect's `call`.
        call: u64,
        /// The answer's body, or why there is none.
        result: Result<Vec<u8>, CallError>,
    },
    /// The blob of an upload exists; kept so that the upload can go on after a restart.
    UploadStarted {
        /// The effect's `transfer`.
        transfer: i64,
        /// The blob.
        blob: BlobId,
        /// What the source looked like (size, time of change): an upload goes on only from the
        /// same bytes, since its key seals them once.
        stamp: String,
    },
    /// Bytes that are through.
    TransferProgress {
        /// The effect's `transfer`.
        transfer: i64,
        /// Of the ciphertext.
        done_bytes: u64,
    },
    /// All is up.
    UploadDone {
        /// The effect's `transfer`.
        transfer: i64,
        /// BLAKE3 of the ciphertext.
        blake3: [u8; 32],
        /// Bytes of the ciphertext.
        blob_size: u64,
    },
    /// All is down, checked and decrypted.
    DownloadDone {
        /// The effect's `transfer`.
        transfer: i64,
        /// The plaintext, when the effect's target was memory.
        bytes: Option<Vec<u8>>,
    },
    /// It did not work.
    TransferFailed {
        /// The effect's `transfer`.
        transfer: i64,
        /// Stable code: an error code of the server, `unreachable`, `source_changed`, `damaged`, `disk`.
        code: String,
        /// Trying later may work.
        retry: bool,
    },
    /// Time passed (see [`crate::Output::wake_at_ms`]).
    Tick,
}

/// Why a call has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// The server refused.
    #[error(transparent)]
    Refused(#[from] WireError),
    /// The server was not reached: why, for people.
    #[error("the server was not reached: {0}")]
    Unreachable(String),
}

/// The longest that a server is obeyed which refuses an act for now.
const ACT_WAIT_MS_MAX: u32 = 60 * 60 * 1_000;

impl CallError {
    /// It says nothing about what was asked for: the same may be done a while later, or has been done
    /// and the answer was lost.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused(wire) => matches!(
                wire.code,
                ErrorCode::Unauthenticated
                    | ErrorCode::RateLimited
                    | ErrorCode::StorageFull
                    | ErrorCode::Unavailable
                    | ErrorCode::Internal
            ),
        }
    }

    /// How long the server says to wait, in milliseconds; 0 when it says nothing.
    pub(crate) fn wait_ms(&self) -> i64 {
        match self {
            Self::Unreachable(_) => 0,
            Self::Refused(wire) => wire.retry_after_ms.min(ACT_WAIT_MS_MAX).into(),
        }
    }
}

/// A person's act.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "boundary", derive(serde::Deserialize, ts_rs::TS))]
#[cfg_attr(feature = "boundary", serde(rename_all = "snake_case"))]
pub enum Command {
    /// A copy of this store was used elsewhere, and it is this one that goes on.
    GoOnHere,
    /// Asks for a code to `number`. Also the first act of a number change.
    StartRegistration {
        /// As typed.
        number: String,
        /// ISO 3166-1 alpha-2, for numbers without a country code.
        country: Option<String>,
    },
    /// The code that arrived.
    EnterCode {
        /// Six digits.
        code: String,
        /// The person's name, for the profile.
        name: String,
    },
    /// The number has an account: be its device again, by the recovery phrase.
    Recover {
        /// Twelve words.
        phrase: String,
    },
    /// The number has an account that is someone else's, or given up: make a new one, or, where
    /// one is signed up, take the number for it.
    TakeOver {
        /// Of the registration lock, when there is one.
        passphrase: Option<String>,
    },
    /// What this device is called in its own device list.
    NameDevice(String),
    /// This device wants to join an account: shows a code.
    StartLink {
        /// Shown in the device list.
        device_name: String,
    },
    /// Lets the device with this code into the account.
    ApproveLink {
        /// As shown by the new device.
        code: String,
    },
    /// Takes a device out of the account.
    RemoveDevice(DeviceId),
    /// Makes a device an owner: it may change the device list.
    PromoteDevice(DeviceId),
    /// Name and about, sealed to contacts. What is absent stays as the app has it.
    SetProfile {
        /// At most 64 characters.
        name: Option<String>,
        /// At most 140 characters.
        about: Option<String>,
    },
    /// Path of a picture for the profile, already small.
    SetPhoto {
        /// A file that the shell can read; absent removes the photo.
        path: Option<String>,
        /// Its size in bytes.
        size: u64,
        /// Its media type.
        media_type: String,
    },
    /// Makes a new recovery phrase, told by [`crate::Event::RecoveryPhrase`].
    MakeRecoveryPhrase,
    /// A passphrase that a take-over of the number needs; absent removes it.
    SetRegistrationLock(Option<String>),
    /// With the code to the new number (after `StartRegistration` for it).
    ChangeNumber {
        /// Six digits.
        code: String,
    },
    /// Deletes the account at the app, then the store.
    DeleteAccount,

    /// Finds who has a number.
    Lookup {
        /// As typed.
        number: String,
        /// ISO 3166-1 alpha-2.
        country: Option<String>,
    },
    /// Says something, in a conversation or to someone new (an introduction).
    Send(Say),
    /// Accepts a stranger's request.
    Accept(Address),
    /// Declines it; nothing is told to them.
    Decline(Address),
    /// Blocks or unblocks.
    Block {
        /// Whom.
        address: Address,
        /// True to block.
        blocked: bool,
    },
    /// The person compared the safety number and it was the same.
    Verify(Address),
    /// Reports messages of a conversation, or the request of a stranger, to the operator.
    Report {
        /// Who wrote them.
        address: Address,
        /// Which; empty for the request.
        messages: Vec<MessageId>,
        /// In the reporter's words.
        reason: String,
    },
    /// Read up to the newest message.
    MarkRead {
        /// Local id of the conversation.
        conversation: i64,
    },
    /// How the account keeps a conversation, on all its devices.
    SetConversation {
        /// Local id of the conversation.
        conversation: i64,
        /// What.
        setting: ConversationSetting,
    },
    /// What a person began to write, on this device alone.
    SetDraft {
        /// Local id of the conversation.
        conversation: i64,
        /// Absent when nothing is left of it.
        draft: Option<DraftView>,
    },
    /// Typing, or no longer.
    Typing {
        /// Local id of the conversation.
        conversation: i64,
        /// Typing now.
        typing: bool,
    },
    /// Fetches an attachment to a file.
    SaveAttachment {
        /// Local id of the conversation.
        conversation: i64,
        /// The message that has it.
        message: MessageId,
        /// Where to; it must not exist.
        path: String,
    },
    /// Stops the way of a message's file, up or down. Up, the message has failed with `stopped`, and
    /// can be tried again.
    StopTransfer(i64),
    /// Fetches the picture of a person's profile to a file, or the own.
    SavePhoto {
        /// Whose.
        address: Address,
        /// Where to; it must not exist.
        path: String,
    },
    /// Makes a group of which this account is the admin.
    CreateGroup {
        /// With a name.
        details: GroupDetails,
        /// Who is in it besides oneself: people who agreed to talk.
        members: Vec<Address>,
        /// What members may do.
        #[cfg_attr(
            feature = "boundary",
            serde(deserialize_with = "permissions"),
            ts(as = "crate::PermissionsView")
        )]
        permissions: Permissions,
    },
    /// Adds people to a group.
    AddMembers {
        /// Local id of the group.
        conversation: i64,
        /// People who agreed to talk.
        members: Vec<Address>,
    },
    /// Takes a person out of a group.
    RemoveMember {
        /// Local id of the group.
        conversation: i64,
        /// Whom.
        member: Address,
    },
    /// Makes a person an admin of a group, or no admin any more.
    SetRole {
        /// Local id of the group.
        conversation: i64,
        /// Whom; oneself, to lay the office down.
        member: Address,
        /// An admin from now on.
        admin: bool,
    },
    /// Sets what members of a group may do who are no admins.
    SetPermissions {
        /// Local id of the group.
        conversation: i64,
        /// All of them.
        #[cfg_attr(
            feature = "boundary",
            serde(deserialize_with = "permissions"),
            ts(as = "crate::PermissionsView")
        )]
        permissions: Permissions,
    },
    /// Sets name and description of a group, or the timer of a group or a conversation of two.
    SetGroupDetails {
        /// Local id of the conversation.
        conversation: i64,
        /// What is absent stays.
        details: GroupDetails,
    },
    /// Sets the picture of a group.
    SetGroupPhoto {
        /// Local id of the group.
        conversation: i64,
        /// A file that the shell can read; absent removes the picture.
        path: Option<String>,
        /// Its size in bytes.
        size: u64,
        /// Its media type.
        media_type: String,
    },
    /// Fetches a group's picture to a file.
    SaveGroupPhoto {
        /// Local id of the group.
        conversation: i64,
        /// Where to; it must not exist.
        path: String,
    },
    /// Makes an invitation link, in place of the one that there was; told by [`crate::Event::Invitation`].
    MakeInvitation {
        /// Local id of the group.
        conversation: i64,
    },
    /// Makes the group's invitation link worthless.
    RevokeInvitation {
        /// Local id of the group.
        conversation: i64,
    },
    /// Joins the group of an invitation link.
    JoinByInvitation {
        /// The link.
        link: String,
    },
    /// Leaves a group, with all own devices.
    LeaveGroup {
        /// Local id of the group.
        conversation: i64,
    },
    /// Tries again what failed for good: a message.
    Retry {
        /// Local id of the conversation.
        conversation: i64,
        /// The message.
        message: MessageId,
    },
}

/// What a conversation is called, and how long its messages stay. What is absent stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "boundary", derive(serde::Deserialize, ts_rs::TS))]
#[cfg_attr(feature = "boundary", serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "boundary", ts(optional_fields))]
pub struct GroupDetails {
    /// At most 100 characters; of a group only.
    pub name: Option<String>,
    /// At most 512 characters; of a group only.
    pub description: Option<String>,
    /// Seconds after which messages vanish; 0: they stay.
    pub expires_after_s: Option<u32>,
}

/// To whom.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "boundary", derive(serde::Deserialize, ts_rs::TS))]
#[cfg_attr(feature = "boundary", serde(rename_all = "snake_case"))]
pub enum Whom {
    /// A conversation by its local id.
    Conversation(i64),
    /// A person: the conversation with them, or an introduction.
    Person(Address),
    /// Notes to self.
    Myself,
}

/// Something to say.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "boundary", derive(serde::Deserialize, ts_rs::TS))]
#[cfg_attr(feature = "boundary", serde(rename_all = "snake_case"))]
#[cfg_attr(feature = "boundary", ts(optional_fields))]
pub struct Say {
    /// To whom.
    pub to: Whom,
    /// Quoted message.
    pub quote: Option<MessageId>,
    /// Names the message; drawn when absent. With a name a repeated command says it once.
    pub id: Option<MessageId>,
    /// Members that a text, or the text with a file, names.
    #[cfg_attr(feature = "boundary", serde(default), ts(optional, as = "Option<_>"))]
    pub mentions: Vec<Mention>,
    /// What.
    pub what: What,
}

/// A part of a text that names a member.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "boundary", derive(serde::Deserialize, ts_rs::TS))]
#[cfg_attr(feature = "boundary", serde(rename_all = "snake_case"))]
pub struct Mention {
    /// Where it begins, in UTF-8 bytes of the text.
    pub start: u32,
    /// Bytes that it covers.
    pub length: u32,
    /// Who is meant.
    pub address: Address,
}

impl Mention {
    /// The bytes of the text that it covers; absent when there are none.
    #[must_use]
    pub fn range(&self) -> Option<std::ops::Range<usize>> {
        let start = usize::try_from(self.start).ok()?;
        let length = usize::try_from(self.length)
            .ok()
            .filter(|length| *length > 0)?;
        Some(start..start.checked_add(length)?)
    }
}

/// What is said.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "boundary", derive(serde::Deserialize, ts_rs::TS))]
#[cfg_attr(feature = "boundary", serde(rename_all = "snake_case"))]
pub enum What {
    /// A text.
    Text(String),
    /// An emoji on a message; empty removes it.
    React {
        /// The message.
        target: MessageId,
        /// One emoji.
        emoji: String,
    },
    /// A new text for an own message.
    Edit {
        /// The message.
        target: MessageId,
        /// The new text.
        text: String,
    },
    /// Takes an own message back from everyone.
    Delete {
        /// The message.
        target: MessageId,
    },
    /// A text or file of a conversation again, as a new message.
    Forward {
        /// Local id of the conversation that it stands in.
        conversation: i64,
        /// The message.
        message: MessageId,
    },
    /// A file.
    File {
        /// Where the shell reads it.
        path: String,
        /// Shown name.
        file_name: String,
        /// IANA media type.
        media_type: String,
        /// Bytes.
        size: u64,
        /// Text with it.
        caption: String,
        /// What a screen shows before the file is there.
        #[cfg_attr(feature = "boundary", serde(default))]
        look: Box<Look>,
    },
}

/// What is known of a picture, a video or a sound without opening it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "boundary", derive(serde::Deserialize, ts_rs::TS))]
#[cfg_attr(feature = "boundary", serde(default), ts(optional_fields))]
pub struct Look {
    /// Pixels; 0: not known.
    pub width: u32,
    /// Pixels; 0: not known.
    pub height: u32,
    /// How long it plays; 0: not known.
    pub duration_ms: u32,
    /// A tiny blurred picture, base64url; at most 4 KiB.
    #[cfg_attr(feature = "boundary", ts(as = "Option<String>"))]
    pub preview: Bytes64,
    /// Somebody speaks: a voice note.
    pub voice: bool,
}

/// How a conversation is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "boundary", derive(serde::Deserialize, ts_rs::TS))]
#[cfg_attr(feature = "boundary", serde(rename_all = "snake_case"))]
pub enum ConversationSetting {
    /// It stands above the others; it is no longer archived then.
    Pinned(bool),
    /// It is put away; it is no longer pinned then.
    Archived(bool),
    /// No notification is shown of it until then; 0: they are. The end of the year 9999,
    /// 253402300799999, or later: for ever.
    MutedUntil(UnixMs),
    /// It stands as unread, until somebody looks.
    MarkedUnread(bool),
}

/// Permissions as a screen shows them.
#[cfg(feature = "boundary")]
fn permissions<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Permissions, D::Error> {
    let shown = <crate::PermissionsView as serde::Deserialize>::deserialize(from)?;
    Ok(Permissions {
        members_add: shown.members_add,
        members_edit: shown.members_edit,
        only_admins_speak: shown.only_admins_speak,
        history_for_new: shown.history_for_new,
    })
}
