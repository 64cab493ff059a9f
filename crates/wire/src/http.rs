//! Bodies of the HTTP acts, all under `/v1`, all JSON except blobs. Errors are [`ErrorBody`].
//!
//! Unauthenticated: app, registrations, accounts, links (by their random id), blobs' reading (by
//! their random id). Everything else carries `Authorization: Bearer <token>`, the token of
//! `SignedIn` as base64url.

use crate::{AccountId, Address, AppId, BlobId, Bytes64, DeviceId, UnixMs};
use serde::{Deserialize, Serialize};

/// A body, for documents made from this table.
#[derive(Debug, Clone, Copy)]
pub struct Body {
    /// Its type's name.
    pub name: &'static str,
    /// What it is.
    pub doc: &'static str,
    /// Its fields.
    pub fields: &'static [Field],
}

/// A field of a [`Body`].
#[derive(Debug, Clone, Copy)]
pub struct Field {
    /// Its name in JSON.
    pub name: &'static str,
    /// Its Rust type as written here.
    pub type_name: &'static str,
    /// It may be left out.
    pub optional: bool,
    /// What it is.
    pub doc: &'static str,
}

macro_rules! body {
    ($($(#[doc = $doc:literal])+ $name:ident {
        $($(#[doc = $fdoc:literal])+ $(#[serde($serde:meta)])? $field:ident: $type:ty,)*
    })+) => {
        $($(#[doc = $doc])+
        #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
        pub struct $name { $($(#[doc = $fdoc])+ $(#[serde($serde)])? pub $field: $type,)* })+

        /// All bodies.
        pub const BODIES: &[Body] = &[$(Body {
            name: stringify!($name),
            doc: concat!($($doc),+),
            fields: &[$(Field {
                name: stringify!($field),
                type_name: stringify!($type),
                optional: {
                    let rules: &[&str] = &[$(stringify!($serde))?];
                    !rules.is_empty()
                },
                doc: concat!($($fdoc),+),
            }),*],
        }),+];
    };
}

body! {
    /// Any error.
    ErrorBody {
        /// What went wrong.
        error: ErrorDetail,
    }
    /// Inside of [`ErrorBody`].
    ErrorDetail {
        /// From the table of error codes.
        code: String,
        /// For developers.
        message: String,
        /// Wait this long before trying again; 0 when that will not help. Also in `Retry-After`.
        retry_after_ms: u32,
    }

    /// `GET /v1/app`: what runs here.
    AppInfo {
        /// Permanent DNS name.
        app: AppId,
        /// Shown to people.
        name: String,
        /// What identifies people: `phone_number`.
        identity: String,
        /// Newest protocol version.
        version: u32,
        /// Oldest protocol version.
        version_min: u32,
        /// HPKE public key that reports are sealed to; empty when the operator set none.
        moderation_key: Bytes64,
        /// Ed25519 public key of the app: signs removals of stale devices.
        app_key: Bytes64,
        /// The server's clock.
        now_ms: UnixMs,
    }

    /// `POST /v1/registrations`: asks for a code to a number.
    StartRegistration {
        /// As typed; parsed to E.164 by the server with `country` as default.
        number: String,
        /// ISO 3166-1 alpha-2, for numbers without a country code.
        #[serde(default)]
        country: Option<String>,
    }
    /// Answer to [`StartRegistration`].
    RegistrationStarted {
        /// Names this registration.
        registration: String,
        /// The number as E.164.
        number: String,
        /// The code is good until then.
        expires_ms: UnixMs,
        /// A new code may be asked for after then.
        next_code_ms: UnixMs,
    }
    /// `POST /v1/registrations/{registration}/code`.
    CheckCode {
        /// Six digits.
        code: String,
    }
    /// Answer to [`CheckCode`].
    CodeChecked {
        /// The right to create an account for the number, or to recover the one there is.
        registration_token: Bytes64,
        /// The account that has the number now.
        existing: Option<ExistingAccount>,
    }
    /// The account that a number belongs to, told to who proved the number.
    ExistingAccount {
        /// Its id.
        account: AccountId,
        /// Its newest `SignedManifest`.
        manifest: Bytes64,
        /// Its recovery box, if it made one.
        recovery_box: Option<Bytes64>,
        /// A take-over needs this passphrase's proof until then.
        locked_until_ms: Option<UnixMs>,
        /// Salt of the registration lock, for its proof.
        lock_salt: Option<Bytes64>,
    }
    /// `POST /v1/accounts`. Creates an account with its first device (manifest 1, signed by the
    /// root); or, when `recover` is set, lets a new device into the number's account (the next
    /// manifest, signed by the root). Creating for a number that has an account takes the number
    /// over: a *new* account; the old one loses the alias. The same call again is answered as it
    /// was: by the same token, and by a newer proof while that account has the number and this
    /// manifest.
    CreateAccount {
        /// From [`CodeChecked`].
        registration_token: Bytes64,
        /// Recover the number's account instead of creating one.
        #[serde(default)]
        recover: bool,
        /// `SignedManifest`; names account and devices.
        manifest: Bytes64,
        /// The device that signs in now; in the manifest.
        device: DeviceId,
        /// `SignedIntroductionKey` of that device.
        introduction_key: Bytes64,
        /// Proof of the registration lock's passphrase, when the number is locked.
        #[serde(default)]
        lock_proof: Option<Bytes64>,
    }
    /// Answer to [`CreateAccount`].
    AccountCreated {
        /// The account's address.
        address: Address,
        /// Its number as E.164.
        number: String,
    }

    /// `GET /v1/me`.
    Me {
        /// Own address.
        address: Address,
        /// Own number.
        number: Option<String>,
        /// Newest `SignedManifest`.
        manifest: Bytes64,
        /// Devices as the server knows them.
        devices: Vec<DeviceStatus>,
        /// A registration lock is set.
        locked: bool,
        /// A recovery box is kept.
        recoverable: bool,
        /// Bytes of blobs kept.
        blob_bytes: u64,
    }
    /// One device, as its server sees it.
    DeviceStatus {
        /// Its id.
        device: DeviceId,
        /// Day it was last connected.
        last_seen_ms: UnixMs,
        /// One-time key packages left.
        key_packages: u32,
    }
    /// `GET /v1/me/conversations`: where the account has a device, for a device that joins by
    /// itself (after a recovery).
    MyConversations {
        /// Those hosted here.
        conversations: Vec<ListedConversation>,
    }
    /// One of [`MyConversations`].
    ListedConversation {
        /// Its id.
        conversation: crate::ConversationId,
        /// Number of the `ConversationKind`.
        kind: i32,
        /// The asking device is a leaf of it.
        member: bool,
    }
    /// `PUT /v1/me/manifest`: the next device list.
    PutManifest {
        /// `SignedManifest`.
        manifest: Bytes64,
        /// `SignedIntroductionKey`s of devices that are new.
        introduction_keys: Vec<Bytes64>,
    }
    /// `PUT /v1/me/profile`.
    PutProfile {
        /// Sealed under the profile key.
        sealed: Bytes64,
    }
    /// `GET /v1/accounts/{account}/profile`.
    ProfileOf {
        /// Sealed under the profile key; empty when there is none.
        sealed: Bytes64,
    }
    /// `PUT /v1/me/registration-lock`; an empty proof removes the lock.
    PutRegistrationLock {
        /// Argon2id of the passphrase under `salt`; the server keeps a hash of it.
        proof: Bytes64,
        /// 16 random bytes.
        salt: Bytes64,
    }
    /// `PUT /v1/me/recovery`; an empty box removes it.
    PutRecovery {
        /// The root key sealed under the recovery phrase.
        recovery_box: Bytes64,
    }
    /// `PUT /v1/me/number`: the account keeps all, its number changes.
    PutNumber {
        /// From [`CodeChecked`] for the new number.
        registration_token: Bytes64,
        /// Takes the number from the account that has it; without this, such a number is refused.
        #[serde(default)]
        take_over: bool,
        /// Proof of the lock of the account that has the new number, when it is locked.
        #[serde(default)]
        lock_proof: Option<Bytes64>,
    }
    /// `PUT /v1/me/introduction-key`.
    PutIntroductionKey {
        /// `SignedIntroductionKey`.
        introduction_key: Bytes64,
    }
    /// `POST /v1/me/key-packages`.
    PostKeyPackages {
        /// MLS KeyPackages (TLS encoding), each for one use.
        one_time: Vec<Bytes64>,
        /// Replaces the one kept for when the others are used up.
        #[serde(default)]
        last_resort: Option<Bytes64>,
    }
    /// Answer to [`PostKeyPackages`].
    KeyPackagesKept {
        /// One-time ones on the server now.
        one_time: u32,
    }
    /// `PUT /v1/me/blocks`.
    PutBlock {
        /// Who.
        address: Address,
        /// True: their introductions are dropped.
        blocked: bool,
    }

    /// `POST /v1/directory/lookup`.
    Lookup {
        /// E.164, or as typed with `country`.
        number: String,
        /// ISO 3166-1 alpha-2.
        #[serde(default)]
        country: Option<String>,
    }
    /// Answer to [`Lookup`] and to `GET /v1/accounts/{account}`.
    Found {
        /// Whose number it is.
        address: Address,
        /// The number as E.164; absent when asked by account.
        number: Option<String>,
        /// Newest `SignedManifest`.
        manifest: Bytes64,
        /// `SignedIntroductionKey`s of its devices.
        introduction_keys: Vec<Bytes64>,
    }
    /// `POST /v1/key-packages/fetch`: one for each device of an account, at once.
    FetchKeyPackages {
        /// Whose.
        address: Address,
        /// From the introduction that is being accepted; not needed for the own account and for
        /// accounts in a common conversation.
        #[serde(default)]
        token: Option<Bytes64>,
        /// Only these devices; all when empty.
        #[serde(default)]
        devices: Vec<DeviceId>,
    }
    /// Answer to [`FetchKeyPackages`].
    KeyPackagesFetched {
        /// Newest `SignedManifest`.
        manifest: Bytes64,
        /// One a device; a device that has none is missing.
        packages: Vec<DeviceKeyPackage>,
    }
    /// One device's key package.
    DeviceKeyPackage {
        /// Whose.
        device: DeviceId,
        /// MLS KeyPackage.
        key_package: Bytes64,
    }
    /// `POST /v1/introductions`.
    PostIntroduction {
        /// To whom.
        to: Address,
        /// 16 bytes, hexadecimal; a retry with the same id is answered, not repeated.
        id: crate::MessageId,
        /// One for each device.
        sealed: Vec<SealedForDevice>,
        /// SHA-256 of the token that the introduction carries.
        token_hash: Bytes64,
        /// `FrankingHeader`.
        header: Bytes64,
        /// r, checked and forgotten.
        sender_nonce: Bytes64,
    }
    /// One device's copy.
    SealedForDevice {
        /// Whose.
        device: DeviceId,
        /// The introduction key it was sealed to.
        introduction_key: Bytes64,
        /// HPKE ciphertext with its encapsulated key.
        sealed: Bytes64,
    }
    /// Answer to [`PostIntroduction`].
    IntroductionPosted {
        /// When the app took it.
        at_ms: UnixMs,
        /// The app's franking seal.
        seal: Bytes64,
    }

    /// `PUT /v1/links/{id}/offer` by the new device, `GET` by the owner device.
    LinkOfferBody {
        /// An encoded `LinkOffer`.
        offer: Bytes64,
    }
    /// `PUT /v1/links/{id}/grant` by the owner device, `GET` by the new device.
    LinkGrantBody {
        /// A `LinkGrant`, sealed to the offer's HPKE key.
        grant: Bytes64,
    }

    /// `POST /v1/blobs`.
    StartBlob {
        /// Bytes that will be sent.
        size: u64,
    }
    /// Answer to [`StartBlob`].
    BlobStarted {
        /// The blob, also its capability.
        blob: BlobId,
    }
    /// Answer to `PATCH /v1/blobs/{blob}` (body: the next bytes, header `upload-offset`) and to
    /// `GET /v1/blobs/{blob}/upload`.
    BlobOffset {
        /// Bytes that are safe.
        offset: u64,
        /// Bytes in all.
        size: u64,
        /// The blob can be read.
        complete: bool,
    }
    /// `POST /v1/reports`.
    PostReport {
        /// A `Report`, sealed to the app's moderation key.
        sealed: Bytes64,
    }
}
