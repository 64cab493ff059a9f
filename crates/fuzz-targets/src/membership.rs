//! Signed device lists and the public half of MLS: what a server decides from, and clients too.
//!
//! Always holds: what verifies keeps the promises of its type. Deliberately absent: forging
//! signatures; the corpus holds genuine ones to start from.

use crate::parts;
use comity_membership::manifest::{self, Device};
use comity_membership::{Member, MlsError, PublicState, change, check_key_package};
use comity_membership::{
    introduction_key, parse_group_info, parse_key_package, parse_message, parse_ratchet_tree,
    parse_welcome, private_message_facts,
};
use comity_wire::ConversationId;
use comity_wire::proto::ConversationKind;

/// A manifest, the next one, and an introduction key by one of its devices.
pub(crate) fn manifests(input: &[u8]) {
    let Some([first, next, key]) = parts(input) else {
        return;
    };
    let Ok(first) = manifest::verify(first) else {
        return;
    };
    assert!(
        !first.manifest.devices.is_empty(),
        "an account without a device"
    );
    assert!(
        manifest::verify(&first.bytes).is_ok(),
        "it does not stand alone"
    );
    let newest = match manifest::verify_next(&first, next) {
        Ok(next) => {
            assert!(next.manifest.seq >= first.manifest.seq, "a rollback");
            assert_eq!(next.manifest.address, first.manifest.address);
            assert_eq!(next.manifest.root_key, first.manifest.root_key);
            next
        }
        Err(_) => first,
    };
    for device in &newest.manifest.devices {
        if let Ok(key) = introduction_key::verify(key, device) {
            assert_eq!(key.device, device.id);
        }
    }
}

pub(crate) fn key_package(input: &[u8]) {
    let Ok(package) = parse_key_package(input) else {
        return;
    };
    let Ok(member) = Member::of_leaf(0, package.leaf_node()) else {
        return;
    };
    let Ok(key) = <[u8; 32]>::try_from(member.signature_key.as_slice()) else {
        return;
    };
    let device = Device::new(key, false, 0);
    if check_key_package(input, &member.address, &device).is_ok() {
        assert_eq!(member.device, device.id, "a device under another's name");
    }
    let other = Device::new([7; 32], false, 0);
    assert!(
        check_key_package(input, &member.address, &other).is_err(),
        "another device's"
    );
}

/// Everything that stands on its own.
pub(crate) fn messages(input: &[u8]) {
    if let Ok(facts) = private_message_facts(input) {
        assert!(parse_message(input).is_ok(), "read, but not parsed");
        assert!(facts.authenticated_data.len() <= input.len());
    }
    drop(parse_message(input));
    drop(parse_group_info(input));
    drop(parse_welcome(input));
    drop(parse_ratchet_tree(input));
}

/// Conversation, group info, tree: what a new conversation is made from.
pub(crate) fn new_conversation(input: &[u8]) {
    let Some([id, group_info, tree]) = parts(input) else {
        return;
    };
    let Some(id) = std::str::from_utf8(id)
        .ok()
        .and_then(|id| id.parse::<ConversationId>().ok())
    else {
        return;
    };
    if let Ok(state) = PublicState::create(group_info, tree, &id, ConversationKind::Group) {
        assert_eq!(state.epoch(), 0);
        assert!(kept(&state).is_ok(), "taken, but can not be kept");
    }
}

/// A kept state, a commit, the group info that came with it.
pub(crate) fn commit(input: &[u8]) {
    let Some([state, commit, group_info]) = parts(input) else {
        return;
    };
    let Ok(mut state) = PublicState::from_bytes(state) else {
        return;
    };
    let Ok((change, staged)) = state.stage_commit(commit) else {
        return;
    };
    drop(change::decode_header(group_info));
    assert_eq!(change.epoch_after, state.epoch() + 1);
    if state.check_group_info(&staged, group_info).is_ok() && state.merge(staged).is_ok() {
        assert_eq!(change.epoch_after, state.epoch());
        assert!(kept(&state).is_ok(), "merged, but can not be kept");
    }
}

/// What is kept must come back the same.
fn kept(state: &PublicState) -> Result<(), MlsError> {
    let again = PublicState::from_bytes(&state.to_bytes()?)?;
    assert_eq!(again.epoch(), state.epoch());
    assert_eq!(again.members()?, state.members()?);
    Ok(())
}
