//! Reading MLS messages off the wire, and the names of groups.
//!
//! Every parser takes exactly one object: bytes left over are refused.

use crate::{Member, MlsError};
use comity_wire::{ConversationId, Id16};
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _, Size as _, VLBytes};
use openmls::prelude::{
    ContentType, GroupId, MlsMessageBodyIn, MlsMessageIn, ProtocolMessage, RatchetTreeIn, Welcome,
};

/// The MLS group id of a conversation: its 16 bytes ‖ the name of its hub.
#[must_use]
pub fn group_id(conversation: &ConversationId) -> GroupId {
    let bytes = [
        conversation.id.as_bytes().as_slice(),
        conversation.hub.as_str().as_bytes(),
    ];
    GroupId::from_slice(&bytes.concat())
}

/// The conversation that an MLS group id names.
#[must_use]
pub fn conversation_of(group_id: &[u8]) -> Option<ConversationId> {
    let (id, hub) = group_id.split_at_checked(Id16::LEN)?;
    let hub = std::str::from_utf8(hub).ok()?.parse().ok()?;
    Some(ConversationId::new(hub, Id16::from_slice(id).ok()?))
}

fn parse(bytes: &[u8], what: &'static str) -> Result<MlsMessageBodyIn, MlsError> {
    MlsMessageIn::tls_deserialize_exact(bytes)
        .map(MlsMessageIn::extract)
        .map_err(|_| MlsError::Malformed(what))
}

/// A commit, proposal or application message.
///
/// # Errors
/// [`MlsError::Malformed`].
pub fn parse_message(bytes: &[u8]) -> Result<ProtocolMessage, MlsError> {
    match parse(bytes, "protocol message")? {
        MlsMessageBodyIn::PublicMessage(message) => Ok(message.into()),
        MlsMessageBodyIn::PrivateMessage(message) => Ok(message.into()),
        _ => Err(MlsError::Malformed("protocol message")),
    }
}

/// A group info, not yet verified.
///
/// # Errors
/// [`MlsError::Malformed`].
pub fn parse_group_info(bytes: &[u8]) -> Result<VerifiableGroupInfo, MlsError> {
    match parse(bytes, "group info")? {
        MlsMessageBodyIn::GroupInfo(info) => Ok(info),
        _ => Err(MlsError::Malformed("group info")),
    }
}

/// A welcome.
///
/// # Errors
/// [`MlsError::Malformed`].
pub fn parse_welcome(bytes: &[u8]) -> Result<Welcome, MlsError> {
    match parse(bytes, "welcome")? {
        MlsMessageBodyIn::Welcome(welcome) => Ok(welcome),
        _ => Err(MlsError::Malformed("welcome")),
    }
}

/// A ratchet tree, not yet verified.
///
/// # Errors
/// [`MlsError::Malformed`].
pub fn parse_ratchet_tree(bytes: &[u8]) -> Result<RatchetTreeIn, MlsError> {
    RatchetTreeIn::tls_deserialize_exact(bytes).map_err(|_| MlsError::Malformed("ratchet tree"))
}

/// The members of a tree: what who joins from outside looks at first. Nothing vouches for them yet:
/// that each leaf is signed, and the tree the group info's, is checked where the join is made. Of a
/// thousand leaves that takes a while, and once is enough.
///
/// # Errors
/// [`MlsError`] when it is no tree, or an identity does not fit its key.
pub fn members_of_tree(ratchet_tree: &[u8]) -> Result<Vec<Member>, MlsError> {
    let malformed = || MlsError::Malformed("ratchet tree");
    let tree = parse_ratchet_tree(ratchet_tree)?;
    // The library gives the nodes without the blanks between them; the encoding has both
    // (RFC 9420, 12.4.3.3: a presence byte, then the node; leaves at even places).
    let bytes = tree.tls_serialize_detached().map_err(|_| malformed())?;
    let encoded = VLBytes::tls_deserialize_exact(bytes).map_err(|_| malformed())?;
    let mut rest = encoded.as_slice();
    let (mut nodes, mut leaves) = (tree.nodes(), tree.leaves());
    let mut members = Vec::new();
    let mut place = 0_u32;
    while let Some((present, tail)) = rest.split_first() {
        let mut length = 0;
        if *present == 1 {
            let node = nodes.next().ok_or_else(malformed)?;
            length = node.tls_serialized_len();
            // What is no leaf where one has its place is refused with the tree.
            if place.is_multiple_of(2) {
                let leaf = leaves.next().ok_or_else(malformed)?;
                let (credential, key) = (leaf.credential(), leaf.signature_key());
                members.push(Member::of_parts(place / 2, credential, key.as_slice())?);
            }
        }
        rest = tail.get(length..).ok_or_else(malformed)?;
        place += 1;
    }
    Ok(members)
}

/// What can be seen of a private message from outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivateMessageFacts {
    /// The MLS group id.
    pub group_id: Vec<u8>,
    /// The conversation that it names, when it names one.
    pub conversation: Option<ConversationId>,
    /// The epoch that it was made in.
    pub epoch: u64,
    /// Clear data; authenticated to who can decrypt it, unverified here.
    pub authenticated_data: Vec<u8>,
    /// It holds content (and not a handshake).
    pub is_application: bool,
}

/// Reads what a private message shows to everybody.
///
/// # Errors
/// [`MlsError::Malformed`] when it is not one.
pub fn private_message_facts(bytes: &[u8]) -> Result<PrivateMessageFacts, MlsError> {
    let MlsMessageBodyIn::PrivateMessage(message) = parse(bytes, "private message")? else {
        return Err(MlsError::Malformed("private message"));
    };
    Ok(PrivateMessageFacts {
        group_id: message.group_id().to_vec(),
        conversation: conversation_of(message.group_id().as_slice()),
        epoch: message.epoch().as_u64(),
        authenticated_data: message.aad().to_vec(),
        is_application: message.content_type() == ContentType::Application,
    })
}
