//! Every limit on what comes from outside, in one table. Sizes in bytes, times in milliseconds.

macro_rules! limits {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $value:expr;)+) => {
        $($(#[doc = $doc])+ pub const $name: $type = $value;)+

        /// Name, value and meaning of each limit, for the documentation.
        pub const TABLE: &[(&str, u64, &str)] =
            &[$((stringify!($name), $name as u64, concat!($($doc),+))),+];
    };
}

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

limits! {
    /// One content entry's ciphertext.
    ENTRY_BYTES_MAX: usize = 64 * 1024;
    /// One commit with its welcome and group info.
    COMMIT_BYTES_MAX: usize = 4 * 1024 * 1024;
    /// One WebSocket message from a device.
    FRAME_BYTES_MAX: usize = 5 * 1024 * 1024;
    /// Frames in one batch.
    BATCH_FRAMES_MAX: usize = 256;
    /// JSON body of an HTTP act.
    JSON_BYTES_MAX: usize = 1024 * 1024;
    /// A text as its author wrote it.
    TEXT_BYTES_MAX: usize = 16 * 1024;
    /// The text of an introduction.
    INTRODUCTION_TEXT_BYTES_MAX: usize = 2 * 1024;
    /// An introduction sealed to one device.
    INTRODUCTION_BYTES_MAX: usize = 24 * 1024;
    /// An attachment's plaintext.
    ATTACHMENT_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;
    /// A blob with its chunk tags and padding.
    BLOB_BYTES_MAX: u64 = ATTACHMENT_BYTES_MAX + ATTACHMENT_BYTES_MAX / 16;
    /// One piece of an upload.
    UPLOAD_PIECE_BYTES_MAX: usize = 4 * 1024 * 1024;
    /// A piece of which nothing comes for this long ends with what came.
    UPLOAD_SILENCE_MS: u64 = 30_000;
    /// Blobs an account may keep, together.
    BLOB_QUOTA_BYTES: u64 = 20 * 1024 * 1024 * 1024;
    /// A mark's or signal's ciphertext.
    MARK_BYTES_MAX: usize = 512;
    /// A sealed group state.
    STATE_BYTES_MAX: usize = 16 * 1024;
    /// A sealed profile.
    PROFILE_BYTES_MAX: usize = 8 * 1024;
    /// A sealed report.
    REPORT_BYTES_MAX: usize = 512 * 1024;
    /// A signed manifest.
    MANIFEST_BYTES_MAX: usize = 32 * 1024;
    /// A device's name.
    DEVICE_NAME_BYTES_MAX: usize = 64;
    /// A key package.
    KEY_PACKAGE_BYTES_MAX: usize = 8 * 1024;
    /// Devices of one account at once.
    DEVICES_MAX: usize = 16;
    /// Devices of one conversation.
    CONVERSATION_DEVICES_MAX: usize = 1_024;
    /// Devices added by one commit.
    ADDITIONS_MAX: usize = 64;
    /// One-time key packages kept for a device.
    KEY_PACKAGES_MAX: usize = 100;
    /// One-time key packages that a device keeps on its server.
    KEY_PACKAGES_TARGET: usize = 30;
    /// Below this many a device sends new ones.
    KEY_PACKAGES_LOW: usize = 10;
    /// A key package's life.
    KEY_PACKAGE_LIFE_MS: i64 = 30 * DAY;
    /// Introduction keys are rotated this often.
    INTRODUCTION_KEY_ROTATION_MS: i64 = 7 * DAY;
    /// An old introduction key is kept this long.
    INTRODUCTION_KEY_LIFE_MS: i64 = 30 * DAY;
    /// An entry is kept at most this long.
    ENTRY_LIFE_MS: i64 = 30 * DAY;
    /// A device unseen for this long is stale: its conversations go on without it.
    DEVICE_STALE_MS: i64 = 30 * DAY;
    /// A blob's lease, from its upload or a renewal.
    BLOB_LEASE_MS: i64 = 30 * DAY;
    /// An unfinished upload is kept this long.
    UPLOAD_LIFE_MS: i64 = 24 * HOUR;
    /// Unfinished uploads of one account at once.
    UPLOADS_MAX: u32 = 256;
    /// Blobs of one account at once.
    BLOBS_MAX: u32 = 1_000_000;
    /// Wrong proofs of one registration lock in a day.
    LOCK_PROOFS_PER_DAY: u32 = 10;
    /// Positions in one acknowledgement.
    POSITIONS_MAX: usize = 65_536;
    /// Epochs before the current one whose content is still taken.
    EPOCHS_BEHIND_MAX: u64 = 3;
    /// Epochs before the current one that a device still reads.
    EPOCHS_KEPT: usize = 5;
    /// A bearer token's life.
    TOKEN_LIFE_MS: i64 = HOUR;
    /// A verification code's life.
    CODE_LIFE_MS: i64 = 10 * 60 * SECOND;
    /// Wrong codes before a registration is void.
    CODE_ATTEMPTS_MAX: u32 = 5;
    /// Codes sent to one number in a day.
    CODES_PER_NUMBER_PER_DAY: u32 = 10;
    /// Time between two codes to one number.
    CODE_INTERVAL_MS: i64 = 20 * SECOND;
    /// Idle time after which a registration lock no longer holds.
    REGISTRATION_LOCK_IDLE_MS: i64 = 7 * DAY;
    /// Unanswered introductions a person may have made in a day.
    INTRODUCTIONS_PER_DAY: u32 = 20;
    /// Directory look-ups of one account in a day.
    LOOKUPS_PER_DAY: u32 = 1_000;
    /// Key package fetches of one requester for one target in a day; beyond, the last-resort one is served.
    KEY_PACKAGE_FETCHES_PER_DAY: u32 = 50;
    /// A link offer waits this long.
    LINK_LIFE_MS: i64 = 10 * 60 * SECOND;
    /// Appends of one connection in a second, sustained.
    APPENDS_PER_SECOND: u32 = 50;
    /// Appends of one connection at once.
    APPENDS_BURST: u32 = 2_000;
    /// Requests of one connection that wait for an answer.
    REQUESTS_IN_FLIGHT_MAX: usize = 1_024;
    /// Time a connection has to sign in.
    SIGN_IN_TIMEOUT_MS: i64 = 10 * SECOND;
    /// What a connection may send until it has signed in.
    SIGN_IN_BYTES_MAX: usize = 64 * 1024;
    /// A connection that says nothing for this long is closed; devices ping within it.
    IDLE_TIMEOUT_MS: i64 = 120 * SECOND;
    /// A text may be edited this long after it was written.
    EDIT_WINDOW_MS: i64 = 24 * HOUR;
    /// A message may be deleted for everyone this long after it was written.
    DELETE_WINDOW_MS: i64 = 48 * HOUR;
}
