//! The rules at a conversation's limits, each on both sides of its edge: the last device that fits,
//! and the one after it, whoever brings it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use comity_membership::manifest::{
    Device, Manifest, VerifiedManifest, encode, sign_message, verify,
};
use comity_membership::rules::check;
use comity_membership::{Change, CommitHeader, Committer, Context, Member, Refusal, Role};
use comity_wire::limits::{ADDITIONS_MAX, CONVERSATION_DEVICES_MAX};
use comity_wire::proto::{self, ConversationKind};
use comity_wire::{AccountId, Address, ConversationId, Id16, Message as _, link_join_message};
use ed25519_dalek::{Signer as _, SigningKey};

/// Somebody with one device, who does nothing.
fn member(number: usize) -> Member {
    let mut key = [7; 32];
    key[..8].copy_from_slice(&number.to_be_bytes());
    of(number, key)
}

/// An account by its number, and its device by its key.
fn of(number: usize, key: [u8; 32]) -> Member {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&number.to_be_bytes());
    let device = Device::new(key, true, 0);
    Member {
        leaf: u32::try_from(number).unwrap(),
        address: Address::new("chat.example".parse().unwrap(), AccountId::new(id)),
        device: device.id,
        signature_key: device.signature_key.to_vec(),
    }
}

/// Somebody who comes in.
struct Somebody {
    member: Member,
    list: VerifiedManifest,
}

fn somebody(number: usize) -> Somebody {
    let mut seed = [8; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    let key = SigningKey::from_bytes(&seed);
    let public = key.verifying_key().to_bytes();
    let member = of(number, public);
    // The root and the device have one key here.
    let bytes = encode(&Manifest {
        address: member.address.clone(),
        root_key: public,
        seq: 1,
        previous_hash: Vec::new(),
        devices: vec![Device::new(public, true, 0)],
        revoked: Vec::new(),
        at_ms: 5,
    });
    let signed = proto::SignedManifest {
        signatures: vec![proto::ManifestSignature {
            signer: Vec::new(),
            signature: key.sign(&sign_message(&bytes)).to_bytes().to_vec(),
        }],
        manifest: bytes,
    };
    let list = verify(&signed.encode_to_vec()).unwrap();
    Somebody { member, list }
}

fn link() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

/// A group of so many, whose admin is the first; with an invitation link.
fn group(count: usize) -> (Vec<Member>, Context) {
    let members: Vec<Member> = (0..count).map(member).collect();
    let id = ConversationId::new("chat.example".parse().unwrap(), Id16::new([3; 16]));
    let roles = [(members[0].address.clone(), Role::Admin)].into();
    let mut context = Context::new(id, ConversationKind::Group, &[5; 32], roles);
    context.link_key = Some(link().verifying_key().to_bytes());
    (members, context)
}

fn change(committer: Committer) -> Change {
    Change {
        committer,
        added: Vec::new(),
        removed: Vec::new(),
        removed_by_app: Vec::new(),
        updated: Vec::new(),
        context_after: None,
        epoch_after: 8,
        header: CommitHeader::default(),
    }
}

/// The admin of a group of so many adds so many, and takes the last `removes` out.
fn adds(here: usize, added: usize, removes: usize) -> Result<(), Refusal> {
    let (members, context) = group(here);
    let new: Vec<Somebody> = (here..here + added).map(somebody).collect();
    let mut change = change(Committer::Member(members[0].clone()));
    change.added = new.iter().map(|one| one.member.clone()).collect();
    change.removed = members[here - removes..].to_vec();
    check(&change, &members, &context, &|address| {
        let mut new = new.iter();
        new.find(|one| one.member.address == *address)
            .map(|one| one.list.clone())
    })
}

/// Somebody joins a group of so many by its link; `again`: it is the last one's device, which comes
/// in anew.
fn joins(here: usize, again: bool) -> Result<(), Refusal> {
    let (mut members, context) = group(here);
    let new = somebody(if again { here - 1 } else { here });
    if again {
        members[here - 1] = new.member.clone();
    }
    let joiner = new.member.clone();
    let message = link_join_message(
        &context.conversation,
        7,
        &joiner.address,
        &joiner.device,
        &joiner.signature_key,
    );
    let mut change = change(Committer::External {
        joiner: joiner.clone(),
    });
    change.header.link_signature = link().sign(&message).to_bytes().to_vec();
    if again {
        change.removed = vec![joiner];
    }
    check(&change, &members, &context, &|_| Some(new.list.clone()))
}

#[test]
fn the_last_device_that_fits_is_added_and_the_one_after_it_is_not() {
    const MOST: usize = CONVERSATION_DEVICES_MAX;
    assert_eq!(adds(MOST - 1, 1, 0), Ok(()));
    assert_eq!(adds(MOST, 1, 0), Err(Refusal::TooManyDevices));
    assert_eq!(adds(MOST - 1, 2, 0), Err(Refusal::TooManyDevices));
    // Who goes with the same commit makes room.
    assert_eq!(adds(MOST, 1, 1), Ok(()));
    assert_eq!(adds(MOST, 2, 1), Err(Refusal::TooManyDevices));
}

#[test]
fn by_the_link_the_last_device_that_fits_comes_in_and_the_one_after_it_does_not() {
    const MOST: usize = CONVERSATION_DEVICES_MAX;
    assert_eq!(joins(MOST - 1, false), Ok(()));
    assert_eq!(joins(MOST, false), Err(Refusal::TooManyDevices));
    // A member comes back into a full group.
    assert_eq!(joins(MOST, true), Ok(()));
}

#[test]
fn one_commit_adds_so_many_and_no_more() {
    assert_eq!(adds(1, ADDITIONS_MAX, 0), Ok(()));
    assert_eq!(
        adds(1, ADDITIONS_MAX + 1, 0),
        Err(Refusal::TooManyAdditions)
    );
}

#[test]
fn a_full_conversation_is_told_of_in_words() {
    assert_eq!(
        Refusal::TooManyDevices.to_string(),
        "a conversation has at most 1024 devices"
    );
}
