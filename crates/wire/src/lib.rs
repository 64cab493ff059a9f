//! What crosses the network between a Comity device and its app: identifiers, frames, HTTP
//! endpoint types, error codes and limits.
//!
//! Always holds: no type here can carry what a person says, except as opaque ciphertext.
//! Deliberately absent: sockets, clocks, storage, cryptography beyond hashing an identifier.

mod batch;
mod bytes64;
pub mod error;
pub mod http;
mod id;
pub mod limits;
pub mod planted;
pub mod proto;

pub use batch::{decode_batch, decode_server_batch};
pub use bytes64::Bytes64;
pub use error::{ErrorCode, WireError};
pub use id::{
    AccountId, Address, AppId, BlobId, ConversationId, DeviceAddress, DeviceId, Id16, IdError,
    IdempotencyKey, MessageId, Random,
};
pub use prost::Message;

/// Version of the protocol that this build speaks.
pub const PROTOCOL_VERSION: u32 = 1;
/// Oldest version that this build still answers.
pub const PROTOCOL_VERSION_MIN: u32 = 1;

/// Milliseconds since the Unix epoch.
pub type UnixMs = i64;

/// What a device signs to sign in: `"comity sign-in v1" ‖ len(app) ‖ app ‖ device ‖ nonce ‖ exporter`,
/// where `exporter` is the TLS exporter with label `comity sign-in` (32 bytes), or nothing on
/// platforms that do not give it.
#[must_use]
pub fn sign_in_message(
    app: &AppId,
    device: &DeviceId,
    nonce: &[u8],
    exporter: Option<&[u8]>,
) -> Vec<u8> {
    let mut out = Vec::with_capacity(128);
    out.extend_from_slice(b"comity sign-in v1");
    out.push(u8::try_from(app.as_str().len()).unwrap_or(u8::MAX));
    out.extend_from_slice(app.as_str().as_bytes());
    out.extend_from_slice(device.as_bytes());
    out.extend_from_slice(nonce);
    out.extend_from_slice(exporter.unwrap_or_default());
    out
}

/// What the invitation link's key signs so that a device that holds the link is shown the group:
/// `"comity link fetch v1" ‖ len(hub) ‖ hub ‖ conversation ‖ device`.
#[must_use]
pub fn link_fetch_message(conversation: &ConversationId, device: &DeviceId) -> Vec<u8> {
    let mut out = of_link(b"comity link fetch v1", conversation);
    out.extend_from_slice(device.as_bytes());
    out
}

/// What the invitation link's key signs for a join: `"comity link join v1" ‖ len(hub) ‖ hub ‖
/// conversation ‖ epoch before the join, u64 big-endian ‖ len(app) ‖ app ‖ account ‖ device ‖
/// signature key`. Each length is one byte.
#[must_use]
pub fn link_join_message(
    conversation: &ConversationId,
    epoch: u64,
    joiner: &Address,
    device: &DeviceId,
    signature_key: &[u8],
) -> Vec<u8> {
    let mut out = of_link(b"comity link join v1", conversation);
    out.extend_from_slice(&epoch.to_be_bytes());
    out.push(u8::try_from(joiner.app.as_str().len()).unwrap_or(u8::MAX));
    out.extend_from_slice(joiner.app.as_str().as_bytes());
    out.extend_from_slice(joiner.account.as_bytes());
    out.extend_from_slice(device.as_bytes());
    out.extend_from_slice(signature_key);
    out
}

/// What an app's key signs so that a sibling takes an act of one of its devices: `"comity vouch v1"
/// ‖ len(hub) ‖ hub ‖ session ‖ number, u64 big-endian ‖ len(app) ‖ app ‖ account ‖ device ‖ digest`.
/// Each length is one byte; the session has 16; the digest is the SHA-256 of the act's bytes.
#[must_use]
pub fn vouch_message(
    hub: &AppId,
    session: &[u8],
    number: u64,
    of: &Address,
    device: &DeviceId,
    act_digest: &[u8; 32],
) -> Vec<u8> {
    let mut out = b"comity vouch v1".to_vec();
    out.push(u8::try_from(hub.as_str().len()).unwrap_or(u8::MAX));
    out.extend_from_slice(hub.as_str().as_bytes());
    out.extend_from_slice(session);
    out.extend_from_slice(&number.to_be_bytes());
    out.push(u8::try_from(of.app.as_str().len()).unwrap_or(u8::MAX));
    out.extend_from_slice(of.app.as_str().as_bytes());
    out.extend_from_slice(of.account.as_bytes());
    out.extend_from_slice(device.as_bytes());
    out.extend_from_slice(act_digest);
    out
}

fn of_link(label: &[u8], conversation: &ConversationId) -> Vec<u8> {
    let hub = conversation.hub.as_str();
    let mut out = label.to_vec();
    out.push(u8::try_from(hub.len()).unwrap_or(u8::MAX));
    out.extend_from_slice(hub.as_bytes());
    out.extend_from_slice(conversation.id.as_bytes());
    out
}

/// Label of the TLS exporter that a sign-in is bound to.
pub const SIGN_IN_EXPORTER_LABEL: &[u8] = b"EXPORTER-comity sign-in";
