//! What a device opens: codes that it is shown, files, envelopes by a hostile member, sealed boxes.
//!
//! Always holds: keys are fixed, so that a genuine input of the corpus opens. Deliberately absent:
//! the recovery box, whose key derivation takes longer than a fuzzer has patience for; behind it
//! is the same opening as of a profile.

use crate::parts;
use comity_e2ee::group_state::{self, StateKey};
use comity_e2ee::invitation::Invitation;
use comity_e2ee::link::{LinkCode, check_offer};
use comity_e2ee::marks::{self, Lane, MarkKey, Place};
use comity_e2ee::{DeviceKeys, archive, attachment, envelope, introduction, link, profile, report};
use comity_membership::{Member, introduction_key};
use comity_wire::{AccountId, Address, ConversationId, Message, proto};

/// Every symmetric key of these targets.
pub const KEY: [u8; 32] = [7; 32];

/// The account that everything here is from and to. `None` only if its text were wrong.
#[must_use]
pub fn address() -> Option<Address> {
    Some(Address::new(
        "chat.example".parse().ok()?,
        AccountId::new([1; 16]),
    ))
}

/// The device that everything here is from and to. `None` only if its key were wrong.
#[must_use]
pub fn device() -> Option<DeviceKeys> {
    DeviceKeys::from_bytes(&KEY).ok()
}

/// The conversation that everything here is in. `None` only if its text were wrong.
#[must_use]
pub fn conversation() -> Option<ConversationId> {
    Some(ConversationId::new(
        "chat.example".parse().ok()?,
        comity_wire::Id16::new([2; 16]),
    ))
}

/// A code as somebody typed it, and the offer that the app gave.
pub(crate) fn link_code(input: &[u8]) {
    let Some([code, offer]) = parts(input) else {
        return;
    };
    let Some(code) = std::str::from_utf8(code)
        .ok()
        .and_then(|c| c.parse::<LinkCode>().ok())
    else {
        return;
    };
    assert!(
        code.to_string().parse() == Ok(code.clone()),
        "it does not read its own writing"
    );
    drop(check_offer(&code, offer));
}

/// An invitation link as somebody pasted it.
pub(crate) fn invitation(input: &[u8]) {
    let Some(invitation) = std::str::from_utf8(input)
        .ok()
        .and_then(|text| text.parse::<Invitation>().ok())
    else {
        return;
    };
    assert!(
        invitation.to_string().parse() == Ok(invitation),
        "it does not read its own writing"
    );
}

/// The sealed state of a group; or, behind a 1, what was sealed.
pub(crate) fn group_states(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else {
        return;
    };
    let (Ok(key), Some(conversation)) = (StateKey::from_bytes(&KEY), conversation()) else {
        return;
    };
    let document = match kind {
        0 => group_state::open(&key, &conversation, input).ok(),
        _ => comity_content::proto::SignedGroupState::decode(input).ok(),
    };
    let Some(document) = document else { return };
    if let Ok(verified) = group_state::verify(&conversation, &document) {
        assert!(
            group_state::fits(&verified.state).is_ok(),
            "verified, and larger than it may be"
        );
    }
}

/// Size, hash, ciphertext; opened as an archive, which is opened as a file first.
pub(crate) fn file(input: &[u8]) {
    let Some([size, hash, sealed]) = parts(input) else {
        return;
    };
    let Ok(size) = size.try_into().map(u64::from_be_bytes) else {
        return;
    };
    let Ok(key) = attachment::FileKey::from_bytes(&KEY) else {
        return;
    };
    drop(archive::open(sealed, &key, size, hash));
}

/// Authenticated data, plaintext.
pub(crate) fn envelopes(input: &[u8]) {
    let Some([header, plaintext]) = parts(input) else {
        return;
    };
    let Some((address, keys)) = address().zip(device()) else {
        return;
    };
    let signature_key = keys.public().to_vec();
    let sender = Member {
        leaf: 0,
        address,
        device: keys.id(),
        signature_key,
    };
    if let Ok(opened) = envelope::open(plaintext, header, &sender) {
        let (address, device) = (&sender.address, &sender.device);
        let (key, nonce) = (&opened.franking_key, &opened.sender_nonce);
        let proof = envelope::verify(&opened.content_bytes, key, nonce, header, address, device);
        assert!(proof.is_ok(), "opened, but could not be reported");
    }
}

/// The first byte chooses what is opened.
pub(crate) fn sealed(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else {
        return;
    };
    let Some((own, keys)) = address().zip(device()) else {
        return;
    };
    match kind {
        0 => drop(profile::open(&KEY, &own, input)),
        1 => mark(input, &keys),
        2 => {
            let Some([header, sealed]) = parts(input) else {
                return;
            };
            drop(introduction::open(&KEY, &KEY, sealed, &own, header));
        }
        3 => drop(report::open(&KEY, &KEY, input)),
        4 => drop(link::open_grant(&KEY, &keys, input)),
        5 => {
            if let Ok(message) = comity_content::proto::ReportedMessage::decode(input) {
                drop(report::verify(&message, &own));
            }
        }
        _ => {
            let device = comity_membership::manifest::Device::new(keys.public(), true, 0);
            if let Ok(key) = introduction_key::verify(input, &device) {
                assert!(proto::SignedIntroductionKey::decode(input).is_ok());
                assert_eq!(key.device, device.id);
            }
        }
    }
}

fn mark(input: &[u8], keys: &DeviceKeys) {
    let (Ok(key), Some(conversation)) = (MarkKey::from_bytes(&KEY), conversation()) else {
        return;
    };
    let place = Place {
        conversation: &conversation,
        epoch: 3,
        lane: Lane::Mark,
    };
    if let Ok(opened) = marks::open(&key, &keys.public(), &place, input, None) {
        let again = marks::open(&key, &keys.public(), &place, input, Some(opened.counter));
        assert!(again.is_err(), "a replay was taken");
    }
}
