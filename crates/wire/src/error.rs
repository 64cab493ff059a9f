//! Error codes that cross the network: one table, stable for ever.

use crate::proto;

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $code:literal, $status:literal, $fault:ident;)+) => {
        /// A stable error code. Rows are added, never changed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ErrorCode { $($(#[doc = $doc])+ $name,)+ }

        impl ErrorCode {
            /// All codes, in the table's order.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as it stands on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The HTTP status that goes with it.
            #[must_use]
            pub const fn http_status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// Who has to change something.
            #[must_use]
            pub const fn fault(self) -> Fault {
                match self { $(Self::$name => Fault::$fault),+ }
            }

            /// What it means, for the documentation.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+)),+ }
            }

            /// The code of this name, if there is one.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                match text { $($code => Some(Self::$name),)+ _ => None }
            }
        }
    };
}

/// Who has to change something before the same call can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The caller sent what can never work.
    Caller,
    /// The caller lacks a right.
    Right,
    /// The state moved on: look again, then decide.
    State,
    /// Too much or too often: wait `retry_after_ms`.
    Limit,
    /// The server: try again with back-off.
    Server,
}

codes! {
    /// The bytes are not what the endpoint or frame asks for.
    Malformed = "malformed", 400, Caller;
    /// Larger than the limit that docs/protocol.md gives for it.
    TooLarge = "too_large", 413, Caller;
    /// No such endpoint, or not with this method.
    NoSuchEndpoint = "no_such_endpoint", 404, Caller;
    /// This server does not speak the protocol version any more, or not yet.
    VersionUnsupported = "version_unsupported", 426, Caller;
    /// Addressed to another app than this one, and not one it is joined with.
    WrongApp = "wrong_app", 421, Caller;
    /// The text is not an E.164 phone number that could exist.
    NumberInvalid = "number_invalid", 400, Caller;
    /// A signature does not verify.
    SignatureInvalid = "signature_invalid", 400, Caller;
    /// The manifest does not follow from the one the server holds.
    ManifestInvalid = "manifest_invalid", 409, State;
    /// The MLS object was refused: a commit, key package, group info or tree that breaks a rule.
    MlsInvalid = "mls_invalid", 400, Caller;
    /// Not signed in, or the token is unknown or over.
    Unauthenticated = "unauthenticated", 401, Right;
    /// Signed in, but not allowed to do this.
    Forbidden = "forbidden", 403, Right;
    /// The device is not a member of the conversation.
    NotMember = "not_member", 403, Right;
    /// The device was revoked by its account.
    DeviceRevoked = "device_revoked", 403, Right;
    /// The account was deleted or suspended.
    AccountGone = "account_gone", 410, Right;
    /// An app's word for a device does not hold: of another app's device, of another session, used before.
    VouchInvalid = "vouch_invalid", 403, Right;
    /// Asks for a token of an introduction, or for a conversation with this account.
    ConsentNeeded = "consent_needed", 403, Right;
    /// There is no such thing, or none that the caller may know of.
    NotFound = "not_found", 404, State;
    /// It exists already.
    Exists = "exists", 409, State;
    /// The commit's or content's epoch is not the log's: catch up, then do it again.
    StaleEpoch = "stale_epoch", 409, State;
    /// The log no longer holds what was asked for: rejoin.
    Gap = "gap", 410, State;
    /// The code is wrong.
    CodeWrong = "code_wrong", 403, Caller;
    /// The code is over, or was tried too often: ask for a new one.
    CodeExpired = "code_expired", 410, State;
    /// The number has a registration lock: its passphrase is needed, or days without activity.
    RegistrationLocked = "registration_locked", 423, Right;
    /// The number belongs to an account: recover it or take the number over.
    NumberTaken = "number_taken", 409, State;
    /// The upload is at another offset.
    OffsetMismatch = "offset_mismatch", 409, State;
    /// The upload's bytes do not have the hash that was announced.
    HashMismatch = "hash_mismatch", 400, Caller;
    /// The account's storage is full.
    QuotaExceeded = "quota_exceeded", 507, Limit;
    /// Too many of these: wait.
    RateLimited = "rate_limited", 429, Limit;
    /// As many as there may be: one must go first.
    TooMany = "too_many", 409, Limit;
    /// The server's disk is full: nothing was taken.
    StorageFull = "storage_full", 507, Server;
    /// The server is stopping or overloaded.
    Unavailable = "unavailable", 503, Server;
    /// A fault of the server. It is logged; nothing was taken.
    Internal = "internal", 500, Server;
}

/// An error with its code, as it crosses the network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", code.as_str())]
pub struct WireError {
    /// The stable code.
    pub code: ErrorCode,
    /// For developers. Holds nobody's data.
    pub message: String,
    /// Wait this long before trying again; 0 when that will not help.
    pub retry_after_ms: u32,
}

impl WireError {
    /// An error of this code.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after_ms: 0,
        }
    }

    /// The same error with a time to wait.
    #[must_use]
    pub fn retry_after_ms(mut self, ms: i64) -> Self {
        self.retry_after_ms = u32::try_from(ms.max(1)).unwrap_or(u32::MAX);
        self
    }
}

impl From<WireError> for proto::Error {
    fn from(error: WireError) -> Self {
        Self {
            code: error.code.as_str().to_owned(),
            message: error.message,
            retry_after_ms: error.retry_after_ms,
        }
    }
}

impl From<proto::Error> for WireError {
    fn from(error: proto::Error) -> Self {
        Self {
            code: ErrorCode::parse(&error.code).unwrap_or(ErrorCode::Internal),
            message: error.message,
            retry_after_ms: error.retry_after_ms,
        }
    }
}
