//! The laws of device lists, told as the story of an account and those who would change it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use comity_membership::manifest::{
    Attribute, Device, Manifest, ManifestError, SEQ_AHEAD_MAX, SEQ_MAX, SEQ_STEP_MAX,
    VerifiedManifest, encode, is_by_owner, sign_message, verify, verify_next, verify_step,
};
use comity_membership::rules::{check, check_taken};
use comity_membership::{Change, CommitHeader, Committer, Context, Member, Refusal, Role};
use comity_wire::proto::ConversationKind;
use comity_wire::{ConversationId, Id16, Message as _, proto};
use ed25519_dalek::{Signer as _, SigningKey};

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn device(seed: u8, owner: bool) -> Device {
    Device::new(key(seed).verifying_key().to_bytes(), owner, 0)
}

fn first() -> Manifest {
    Manifest {
        address: "00112233445566778899aabbccddeeff@chat.example"
            .parse()
            .unwrap(),
        root_key: key(1).verifying_key().to_bytes(),
        seq: 1,
        previous_hash: Vec::new(),
        devices: vec![device(2, true), device(3, false)],
        revoked: Vec::new(),
        at_ms: 5,
    }
}

/// Signed by the root (seed 1) or by the device of another seed.
fn signed(manifest: &Manifest, by: &[u8]) -> Vec<u8> {
    let bytes = encode(manifest);
    let signatures = by
        .iter()
        .map(|seed| proto::ManifestSignature {
            signer: if *seed == 1 {
                Vec::new()
            } else {
                device(*seed, true).id.to_vec()
            },
            signature: key(*seed).sign(&sign_message(&bytes)).to_bytes().to_vec(),
        })
        .collect();
    proto::SignedManifest {
        manifest: bytes,
        signatures,
    }
    .encode_to_vec()
}

fn start() -> VerifiedManifest {
    verify(&signed(&first(), &[1])).unwrap()
}

fn after(previous: &VerifiedManifest, change: impl FnOnce(&mut Manifest)) -> Manifest {
    let mut next = previous.manifest.clone();
    next.seq += 1;
    next.previous_hash = previous.hash.to_vec();
    change(&mut next);
    next
}

#[test]
fn the_root_or_an_owner_of_the_list_before_may_sign_the_next() {
    let one = start();
    assert_eq!(one.manifest, first());
    let next = after(&one, |m| m.devices.push(device(4, false)));
    assert_eq!(
        verify_next(&one, &signed(&next, &[1])).unwrap().manifest,
        next
    );
    assert_eq!(
        verify_next(&one, &signed(&next, &[2])).unwrap().manifest,
        next
    );
    for stranger in [3, 4, 9] {
        let refused = verify_next(&one, &signed(&next, &[stranger]));
        assert_eq!(refused, Err(ManifestError::Signature), "device {stranger}");
    }
    assert_eq!(
        verify_next(&one, &signed(&next, &[])),
        Err(ManifestError::Signature)
    );
    // Standing alone, an owner's signature says nothing.
    assert_eq!(verify(&signed(&next, &[2])), Err(ManifestError::Signature));
}

#[test]
fn a_broken_signature_is_none() {
    let mut envelope = proto::SignedManifest::decode(signed(&first(), &[1]).as_slice()).unwrap();
    envelope.signatures[0].signature[0] ^= 1;
    assert_eq!(
        verify(&envelope.encode_to_vec()),
        Err(ManifestError::Signature)
    );
}

#[test]
fn lists_only_go_forward_and_never_part() {
    let one = start();
    let two = after(&one, |m| m.at_ms = 6);
    let two = verify_next(&one, &signed(&two, &[1])).unwrap();
    assert_eq!(verify_next(&two, &one.bytes), Err(ManifestError::Rollback));
    assert_eq!(verify_next(&two, &two.bytes).unwrap(), two);
    let other = after(&one, |m| m.at_ms = 7);
    assert_eq!(
        verify_next(&two, &signed(&other, &[1])),
        Err(ManifestError::Fork)
    );
    let unchained = after(&two, |m| m.previous_hash = one.hash.to_vec());
    assert_eq!(
        verify_next(&two, &signed(&unchained, &[1])),
        Err(ManifestError::Fork)
    );
    // Later than the next: the root may, an owner may not.
    let far = after(&two, |m| m.seq = 9);
    assert!(verify_next(&two, &signed(&far, &[1])).is_ok());
    assert_eq!(
        verify_next(&two, &signed(&far, &[2])),
        Err(ManifestError::Signature)
    );
    let elsewhere = after(&two, |m| m.root_key = key(8).verifying_key().to_bytes());
    assert_eq!(
        verify_next(&two, &signed(&elsewhere, &[1])),
        Err(ManifestError::OtherAccount)
    );
}

#[test]
fn numbers_can_not_be_used_up() {
    let one = start();
    let at = |seq: u64| signed(&after(&one, |m| m.seq = seq), &[1]);
    // An account's app lets it go on by so much at once.
    let farthest = verify_step(&one, &at(1 + SEQ_STEP_MAX)).unwrap();
    let beyond = at(2 + SEQ_STEP_MAX);
    assert_eq!(verify_step(&one, &beyond), Err(ManifestError::TooFar));
    assert_eq!(verify_step(&one, &one.bytes).unwrap(), one);
    // From there it goes on as from anywhere.
    let next = after(&farthest, |m| m.devices.push(device(4, false)));
    assert!(verify_step(&farthest, &signed(&next, &[2])).is_ok());
    // Who was away follows farther, and not to the end.
    assert!(verify_next(&one, &beyond).is_ok());
    assert!(verify_next(&one, &at(1 + SEQ_AHEAD_MAX)).is_ok());
    for seq in [2 + SEQ_AHEAD_MAX, SEQ_MAX] {
        assert_eq!(verify_next(&one, &at(seq)), Err(ManifestError::TooFar));
    }
    for seq in [SEQ_MAX + 1, i64::MAX.unsigned_abs(), u64::MAX] {
        let refused = verify(&at(seq));
        assert!(matches!(refused, Err(ManifestError::Invalid(_))), "{seq}");
    }
}

#[test]
fn whether_an_own_device_made_a_list_can_be_seen() {
    let one = start();
    let next = after(&one, |m| m.devices.push(device(4, true)));
    for (by, is) in [
        (&[1_u8, 2][..], true),
        (&[2], true),
        (&[1], false),
        // No owner of the list before.
        (&[1, 3], false),
        (&[1, 4], false),
    ] {
        let bytes = signed(&next, by);
        if let Ok(next) = verify_next(&one, &bytes) {
            assert_eq!(is_by_owner(&one.manifest, &next), is, "{by:?}");
        }
    }
    let later = after(&one, |m| m.seq = 3);
    let later = verify_next(&one, &signed(&later, &[1, 2])).unwrap();
    assert!(!is_by_owner(&one.manifest, &later));
}

#[test]
fn a_revoked_device_never_returns() {
    let one = start();
    let gone = device(3, false);
    let two = after(&one, |m| {
        m.devices.retain(|d| d.id != gone.id);
        m.revoked.push(gone.id);
    });
    let two = verify_next(&one, &signed(&two, &[2])).unwrap();
    assert!(two.manifest.device(&gone.id).is_none());
    let back = after(&two, |m| {
        m.revoked.clear();
        m.devices.push(gone.clone());
    });
    assert_eq!(
        verify_next(&two, &signed(&back, &[1])),
        Err(ManifestError::Resurrected)
    );
}

#[test]
fn a_list_that_breaks_a_law_by_itself_is_refused() {
    let refused = |change: &dyn Fn(&mut Manifest)| {
        let mut manifest = first();
        change(&mut manifest);
        verify(&signed(&manifest, &[1])).unwrap_err()
    };
    let invalid = |error: ManifestError| matches!(error, ManifestError::Invalid(_));
    assert!(invalid(refused(&|m| m.seq = 0)));
    assert!(invalid(refused(&|m| m.previous_hash = vec![1; 32])));
    assert!(invalid(refused(&|m| m.devices.clear())));
    assert!(invalid(refused(&|m| m
        .devices
        .iter_mut()
        .for_each(|d| d.owner = false))));
    assert!(invalid(refused(&|m| m.devices.push(device(2, false)))));
    assert!(invalid(refused(&|m| m.revoked.push(device(2, false).id))));
    assert!(invalid(refused(&|m| m.devices[0].id = device(9, true).id)));
    assert!(invalid(refused(&|m| m
        .devices
        .extend((10..30).map(|n| device(n, false))))));
    let attribute = |name: &str, critical| Attribute {
        name: name.into(),
        value: vec![],
        critical,
    };
    assert!(invalid(refused(&|m| m.devices[0]
        .attributes
        .push(attribute("new", true)))));
    let mut fine = first();
    fine.devices[0].attributes = vec![attribute("new", false), attribute("kind", true)];
    assert_eq!(verify(&signed(&fine, &[1])).unwrap().manifest, fine);
}

#[test]
fn bytes_that_are_no_manifest_are_refused() {
    for bytes in [vec![], vec![0xff; 10], vec![0; 40_000]] {
        assert!(matches!(
            verify(&bytes),
            Err(ManifestError::Malformed(_) | ManifestError::Invalid(_))
        ));
    }
}

/// A device of the account of [`first`], at leaf 1; at leaf 0 there is another one's.
fn renews_its_leaf(member: &Member) -> (Vec<Member>, Context, Change) {
    let app = "chat.example".parse().unwrap();
    let other = Member {
        leaf: 0,
        address: "ffeeddccbbaa99887766554433221100@chat.example"
            .parse()
            .unwrap(),
        device: device(9, true).id,
        signature_key: device(9, true).signature_key.to_vec(),
    };
    let id = ConversationId::new(app, Id16::new([3; 16]));
    let roles = [(other.address.clone(), Role::Admin)].into();
    let context = Context::new(id, ConversationKind::Group, &[5; 32], roles);
    let change = Change {
        committer: Committer::Member(member.clone()),
        added: Vec::new(),
        removed: Vec::new(),
        updated: vec![member.clone()],
        removed_by_app: Vec::new(),
        context_after: None,
        header: CommitHeader::default(),
        epoch_after: 2,
    };
    (vec![other, member.clone()], context, change)
}

#[test]
fn what_a_device_commits_that_others_let_in_is_taken_by_who_knows_an_older_list() {
    let known = start();
    let of = |seed: u8, key_of: u8| Member {
        leaf: 1,
        address: known.manifest.address.clone(),
        device: device(seed, false).id,
        signature_key: device(key_of, false).signature_key.to_vec(),
    };
    let lists = |address: &comity_wire::Address| {
        (*address == known.manifest.address).then(|| known.clone())
    };
    let new = of(4, 4);
    let (before, context, change) = renews_its_leaf(&new);
    assert_eq!(
        check_taken(&change, &before, &context, &lists, &|_| None),
        Ok(())
    );
    // The hub knows the newest list, and takes it from nobody whom that does not have.
    assert_eq!(
        check(&change, &before, &context, &lists),
        Err(Refusal::NotInManifest)
    );
    // A device that is listed has the key of its list, whoever let it in.
    let (before, context, change) = renews_its_leaf(&of(3, 4));
    assert_eq!(
        check_taken(&change, &before, &context, &lists, &|_| None),
        Err(Refusal::KeyMismatch)
    );
}
