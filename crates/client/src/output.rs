//! What the core asks for and tells.

use crate::views::{ContactView, RequestView, TimelineItem};
use comity_wire::{Address, BlobId, DeviceId, MessageId, UnixMs, proto};
use serde::Serialize;

/// What a step asks for and tells. Effects are to be carried out in order, after the step.
#[derive(Debug, Default)]
pub struct Output {
    /// To be carried out.
    pub effects: Vec<Effect>,
    /// To be shown.
    pub events: Vec<Event>,
    /// Give [`crate::Input::Tick`] then, if nothing came before.
    pub wake_at_ms: Option<UnixMs>,
}

/// Method of an HTTP act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// GET
    Get,
    /// POST
    Post,
    /// PUT
    Put,
    /// DELETE
    Delete,
}

/// Something that has to happen outside. Each may be repeated without harm.
#[derive(Debug)]
pub enum Effect {
    /// Keep a WebSocket open from now on (reconnecting with back-off).
    Connect,
    /// Close the WebSocket and open it again.
    Reconnect,
    /// Close the WebSocket and open none until the next start.
    Disconnect,
    /// Close the WebSocket for good, delete the store.
    Erase,
    /// A frame for the WebSocket; dropped when there is none.
    Send(proto::ClientFrame),
    /// An HTTP act; answered by [`crate::Input::HttpDone`].
    Http {
        /// Names the call.
        call: u64,
        /// The method.
        method: Method,
        /// Path with query, from `/v1` on.
        path: String,
        /// JSON body.
        body: Option<Vec<u8>>,
        /// Bearer token, base64url.
        token: Option<String>,
    },
    /// Encrypt and upload, from where the blob's offset stands.
    Upload(Upload),
    /// Download, check and decrypt.
    Download(Download),
    /// Stop the upload or download of this number; nothing is told of it any more.
    StopTransfer(i64),
}

/// An upload under way.
#[derive(Debug)]
pub struct Upload {
    /// Names the transfer.
    pub transfer: i64,
    /// From where.
    pub source: Source,
    /// Attachment key, 32 bytes.
    pub key: Vec<u8>,
    /// The blob, when it was started before.
    pub blob: Option<BlobId>,
    /// The stamp that was told with it; another source is not to be sealed under this key.
    pub stamp: String,
    /// The attachment that this is a copy of: the source must be what that one was made from.
    pub copy_of: Option<CopyOf>,
    /// Bytes of the plaintext.
    pub plain_size: u64,
    /// Bearer token, base64url.
    pub token: String,
}

/// What tells that a source is the plaintext of an attachment.
#[derive(Debug, Clone)]
pub struct CopyOf {
    /// The attachment's key, 32 bytes. Nothing but its own plaintext may leave under it.
    pub key: Vec<u8>,
    /// BLAKE3 of its ciphertext.
    pub blake3: Vec<u8>,
}

/// A download under way.
#[derive(Debug)]
pub struct Download {
    /// Names the transfer.
    pub transfer: i64,
    /// The blob.
    pub blob: BlobId,
    /// Attachment key, 32 bytes.
    pub key: Vec<u8>,
    /// BLAKE3 of the ciphertext.
    pub blake3: Vec<u8>,
    /// Bytes of the plaintext.
    pub plain_size: u64,
    /// Bytes of the ciphertext.
    pub blob_size: u64,
    /// Where to.
    pub target: Target,
    /// Bearer token, base64url.
    pub token: String,
}

/// Where an upload's plaintext is.
#[derive(Debug, Clone)]
pub enum Source {
    /// A file of the shell's.
    File(String),
    /// Here.
    Memory(Vec<u8>),
}

/// Where a download's plaintext goes.
#[derive(Debug, Clone)]
pub enum Target {
    /// A file of the shell's, which must not exist yet.
    File(String),
    /// Back with [`crate::Input::DownloadDone`].
    Memory,
}

/// What a person should notice. The JSON form is part of the terminal client's face.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A code is on its way to the number.
    CodeSent {
        /// E.164.
        number: String,
        /// Good until then.
        expires_ms: UnixMs,
    },
    /// The number belongs to an account already.
    NumberHasAccount {
        /// It made a recovery phrase.
        recoverable: bool,
        /// A take-over needs the passphrase until then.
        locked_until_ms: Option<UnixMs>,
    },
    /// The own number belongs to another account now; this one goes on without a number.
    NumberLost {
        /// The number that it had.
        number: String,
    },
    /// Signed up, recovered or linked.
    Ready {
        /// Own address.
        address: Address,
        /// Own number.
        number: String,
    },
    /// Show this to the other device.
    LinkCode {
        /// Text, also for a QR.
        code: String,
        /// Good until then.
        expires_ms: UnixMs,
    },
    /// A device was let in.
    Linked {
        /// Which.
        device: DeviceId,
        /// Its name.
        name: String,
    },
    /// Write this down: the recovery phrase.
    RecoveryPhrase {
        /// Twelve words.
        phrase: String,
    },
    /// A setting is kept by the app: `profile`, `photo`, `registration_lock`, `recovery`, `number`, `device_removed`, `device_promoted`.
    Saved {
        /// Which.
        what: String,
    },
    /// Signed in and caught up with what there was.
    Online,
    /// Not connected.
    Offline,
    /// The app says that this device or account is no more: nothing is sent or fetched, what is
    /// here stays readable.
    Gone {
        /// `device_revoked` or `account_gone`.
        reason: String,
    },
    /// The store is deleted.
    Erased {
        /// `deleted` by this device, or `device_revoked`: proved by the account's signed device list.
        reason: String,
    },
    /// Someone was found by number.
    Found {
        /// Who.
        contact: ContactView,
    },
    /// A stranger asks to talk.
    Request {
        /// What they say.
        request: RequestView,
    },
    /// Somebody who was asked to talk accepted: the conversation has begun.
    Accepted {
        /// Local id of the conversation.
        conversation: i64,
        /// Who.
        address: Address,
    },
    /// A new line in a timeline.
    Item {
        /// Local id of the conversation.
        conversation: i64,
        /// The line.
        item: TimelineItem,
    },
    /// A line changed: status, text, reactions, deleted.
    ItemChanged {
        /// Local id of the conversation.
        conversation: i64,
        /// The line as it is now.
        item: TimelineItem,
    },
    /// A line disappeared: its time was over.
    Expired {
        /// Local id of the conversation.
        conversation: i64,
        /// The message.
        message: MessageId,
    },
    /// A conversation changed: new, its state, its counts.
    ConversationChanged {
        /// Local id of the conversation.
        conversation: i64,
    },
    /// Name, about line or picture of a person are others now, or what was decided about them.
    ContactChanged {
        /// Who.
        address: Address,
    },
    /// An invitation link is good from now on: who has it joins the group by itself.
    Invitation {
        /// Local id of the group.
        conversation: i64,
        /// The link.
        link: String,
    },
    /// Delivered or read by more devices than before, up to an entry.
    Receipt {
        /// Local id of the conversation.
        conversation: i64,
        /// Whose device.
        address: Address,
        /// Everything of ours up to here is on it.
        delivered_seq: u64,
        /// Everything up to here was read on it.
        read_seq: u64,
    },
    /// Someone types, or stopped.
    Typing {
        /// Local id of the conversation.
        conversation: i64,
        /// Who.
        address: Address,
        /// Typing now.
        typing: bool,
    },
    /// The keys of a person changed: their account was made anew.
    RootChanged {
        /// Who.
        address: Address,
    },
    /// A person's device list changed. Nothing new and nothing gone: in the own list other devices are
    /// owners.
    DevicesChanged {
        /// Who.
        address: Address,
        /// New devices.
        added: Vec<DeviceId>,
        /// Devices that are gone.
        removed: Vec<DeviceId>,
    },
    /// An attachment moves.
    Transfer {
        /// Names the transfer.
        transfer: i64,
        /// The conversation whose message it moves the file of.
        conversation: Option<i64>,
        /// The message.
        message: Option<MessageId>,
        /// To the app, not from it.
        upload: bool,
        /// Bytes through.
        done_bytes: u64,
        /// Bytes in all.
        total_bytes: u64,
        /// `running`, `done`, `failed`.
        state: String,
        /// Where it is, when it was saved to a file.
        path: Option<String>,
        /// Stable code of why it failed, when it did: see [`Input::TransferFailed`](crate::Input).
        failure: Option<String>,
    },
    /// History from another own device.
    HistoryProgress {
        /// Parts here.
        done: u32,
        /// Parts in all.
        total: u32,
    },
    /// A report was taken.
    Reported,
    /// Something against what the server or a peer may do was noticed.
    Warning {
        /// Stable code, see docs/protocol.md.
        code: String,
        /// Conversation, when it is about one.
        conversation: Option<i64>,
    },
    /// An act did not work.
    Failed {
        /// The act.
        act: String,
        /// Stable code.
        code: String,
        /// For developers.
        message: String,
        /// Wait this long before trying again; 0 when that will not help.
        retry_after_ms: u32,
    },
}
