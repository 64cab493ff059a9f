//! The public half of MLS: what a server and a client both check about who is in a conversation.
//!
//! Always holds: every function here decides from public bytes alone. Deliberately absent: private
//! keys, what anybody says, storage, clocks and sockets (except that OpenMLS looks at the clock
//! when it checks the lifetime of a key package).
//!
//! On the wire MLS objects are TLS-encoded `MLSMessage`s; a ratchet tree is the TLS encoding of
//! `optional<Node> ratchet_tree<V>`. The group id of a conversation is its 16 bytes followed by
//! the name of its hub ([`group_id`]).

pub mod change;
pub mod context;
pub mod crypto;
mod error;
pub mod franking;
pub mod introduction_key;
pub mod manifest;
mod member;
mod messages;
mod public_state;
mod public_storage;
pub mod rules;

pub use change::{Change, CommitHeader, Committer, ManifestRef};
pub use context::{Context, Permissions, Role};
pub use error::{MlsError, Refusal};
pub use member::{
    KeyPackageFacts, Member, capabilities, check_key_package, identity_of, parse_key_package,
    read_identity,
};
pub use messages::{
    PrivateMessageFacts, conversation_of, group_id, members_of_tree, parse_group_info,
    parse_message, parse_ratchet_tree, parse_welcome, private_message_facts,
};
pub use public_state::{PublicState, StagedPublic};

use comity_wire::DeviceId;
use openmls::prelude::Ciphersuite;
use sha2::{Digest, Sha256};

/// The cipher suite of every conversation that is created: post-quantum confidentiality by
/// ML-KEM-768 with X25519, signatures by Ed25519.
pub const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

/// The id of the device that signs with this key: the first 16 bytes of
/// SHA-256(`"comity device id"` ‖ key).
#[must_use]
pub fn device_id(signature_key: &[u8]) -> DeviceId {
    let digest: [u8; 32] = Sha256::new()
        .chain_update(b"comity device id")
        .chain_update(signature_key)
        .finalize()
        .into();
    let mut id = [0; DeviceId::LEN];
    id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    DeviceId::new(id)
}
