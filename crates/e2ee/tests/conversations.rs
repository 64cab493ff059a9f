//! Stories of conversations: devices with real stores, and a hub that sees public bytes only.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use comity_e2ee::engine::{EngineError, Plan, Unreadable};
use comity_membership::change::CommitHeader;
use comity_membership::{Change, Committer, Context, Member, Refusal};
use comity_wire::proto::ConversationKind;
use common::{APP_SECRET, Hub, Phone, agree};

fn direct() -> (Phone, Phone, Hub) {
    let (mut alice, mut bob) = (Phone::new(1), Phone::new(2));
    let mut hub = Hub::create(&mut alice, ConversationKind::Direct, Some(&bob));
    hub.knows(&[&bob]);
    hub.add(&mut alice, &mut bob, &mut []);
    (alice, bob, hub)
}

fn says(from: &mut Phone, hub: &Hub, text: &str) -> Vec<u8> {
    from.session()
        .encrypt(&hub.id, text.as_bytes(), b"clear")
        .unwrap()
}

fn reads(by: &mut Phone, hub: &Hub, entry: &[u8]) -> Result<String, EngineError> {
    let read = by.session().decrypt(&hub.id, entry)?;
    assert_eq!(read.authenticated_data, b"clear");
    Ok(String::from_utf8(read.plaintext).unwrap())
}

fn anything(_: &Change, _: &[Member], _: &Context) -> Result<(), Refusal> {
    Ok(())
}

#[test]
fn two_people_talk_and_every_step_survives_a_restart() {
    let (mut alice, mut bob, mut hub) = direct();
    for round in 0..3 {
        alice.restart();
        bob.restart();
        let entry = says(&mut alice, &hub, "hello");
        let facts = comity_membership::private_message_facts(&entry).unwrap();
        assert!(facts.is_application && facts.conversation == Some(hub.id.clone()));
        assert_eq!(facts.authenticated_data, b"clear");
        let read = bob.session().decrypt(&hub.id, &entry).unwrap();
        assert_eq!(read.plaintext, b"hello");
        assert_eq!(
            (read.sender.address, read.sender.device),
            (alice.address.clone(), alice.keys.id())
        );
        assert_eq!(read.sender.signature_key, alice.keys.public());

        let answer = says(&mut bob, &hub, "hi");
        assert_eq!(reads(&mut alice, &hub, &answer).unwrap(), "hi");
        assert!(matches!(
            reads(&mut bob, &hub, &answer),
            Err(EngineError::OwnMessage)
        ));
        assert!(matches!(
            reads(&mut alice, &hub, &answer),
            Err(EngineError::SecretReused)
        ));

        let (by, other) = if round % 2 == 0 {
            (&mut alice, &mut bob)
        } else {
            (&mut bob, &mut alice)
        };
        let plan = Plan {
            update_self: true,
            ..Plan::default()
        };
        let pending = by
            .session()
            .commit(&hub.id, plan, &CommitHeader::default())
            .unwrap();
        by.restart();
        assert!(by.session().has_pending(&hub.id).unwrap());
        hub.submit(&pending).unwrap();
        let merged = by.session().confirm_pending(&hub.id).unwrap();
        assert_eq!(merged.change.updated.len(), 1);
        other.restart();
        hub.deliver(other);
        agree(&hub.id, &mut [&mut alice, &mut bob]);
        assert_eq!(alice.session().epoch(&hub.id).unwrap(), hub.state().epoch());
    }
}

#[test]
fn a_rollback_gives_the_key_back() {
    let (mut alice, mut bob, hub) = direct();
    let entry = says(&mut alice, &hub, "once");
    bob.store.execute_batch("BEGIN").unwrap();
    assert_eq!(reads(&mut bob, &hub, &entry).unwrap(), "once");
    bob.store.execute_batch("ROLLBACK").unwrap();
    bob.groups.forget_all();
    assert_eq!(reads(&mut bob, &hub, &entry).unwrap(), "once");
    assert!(matches!(
        reads(&mut bob, &hub, &entry),
        Err(EngineError::SecretReused)
    ));
}

#[test]
fn messages_of_five_epochs_ago_are_read_and_of_six_are_not() {
    let (mut alice, mut bob, mut hub) = direct();
    let early = says(&mut alice, &hub, "six ago");
    hub.update(&mut alice);
    hub.deliver(&mut bob);
    let late = says(&mut alice, &hub, "five ago");
    for _ in 0..5 {
        hub.update(&mut alice);
        hub.deliver(&mut bob);
    }
    bob.restart();
    assert_eq!(reads(&mut bob, &hub, &late).unwrap(), "five ago");
    assert!(matches!(
        reads(&mut bob, &hub, &early),
        Err(EngineError::Unreadable(Unreadable::EpochGone))
    ));
}

#[test]
fn generations_may_be_missing_and_come_late_within_limits() {
    let (mut alice, mut bob, hub) = direct();
    let entries: Vec<_> = (0..70)
        .map(|n| says(&mut alice, &hub, &n.to_string()))
        .collect();
    assert_eq!(reads(&mut bob, &hub, &entries[50]).unwrap(), "50");
    assert_eq!(reads(&mut bob, &hub, &entries[20]).unwrap(), "20");
    assert!(matches!(
        reads(&mut bob, &hub, &entries[10]),
        Err(EngineError::SecretReused)
    ));
    assert_eq!(reads(&mut bob, &hub, &entries[69]).unwrap(), "69");
}

#[test]
fn a_commit_that_lost_is_redone_after_the_winner() {
    let (mut alice, mut bob, mut hub) = direct();
    let plan = || Plan {
        update_self: true,
        ..Plan::default()
    };
    let of_alice = alice
        .session()
        .commit(&hub.id, plan(), &CommitHeader::default())
        .unwrap();
    let of_bob = bob
        .session()
        .commit(&hub.id, plan(), &CommitHeader::default())
        .unwrap();
    hub.submit(&of_bob).unwrap();
    assert!(hub.submit(&of_alice).is_err());
    bob.session().confirm_pending(&hub.id).unwrap();
    assert!(matches!(
        alice
            .session()
            .commit(&hub.id, plan(), &CommitHeader::default()),
        Err(EngineError::PendingCommit)
    ));
    hub.deliver(&mut alice);
    assert!(!alice.session().has_pending(&hub.id).unwrap());
    let again = alice
        .session()
        .commit(&hub.id, plan(), &CommitHeader::default())
        .unwrap();
    hub.submit(&again).unwrap();
    // It comes back in the log, and is known as our own.
    let merged = alice
        .session()
        .process_commit(&hub.id, &again.commit, &mut anything)
        .unwrap();
    assert!(matches!(merged.change.committer, Committer::Member(m) if m.device == alice.keys.id()));
    hub.deliver(&mut bob);
    agree(&hub.id, &mut [&mut alice, &mut bob]);
    let old = bob
        .session()
        .process_commit(&hub.id, &again.commit, &mut anything);
    assert!(matches!(old, Err(EngineError::StaleEpoch)));
}

#[test]
fn a_pending_commit_may_be_discarded() {
    let (mut alice, mut bob, hub) = direct();
    let plan = Plan {
        update_self: true,
        ..Plan::default()
    };
    alice
        .session()
        .commit(&hub.id, plan, &CommitHeader::default())
        .unwrap();
    alice.session().discard_pending(&hub.id).unwrap();
    alice.restart();
    assert!(!alice.session().has_pending(&hub.id).unwrap());
    let entry = says(&mut alice, &hub, "still here");
    assert_eq!(reads(&mut bob, &hub, &entry).unwrap(), "still here");
}

#[test]
fn a_removed_device_reads_nothing_more_and_can_not_send() {
    let (mut alice, mut bob, mut hub) = direct();
    // Bob's account drops the device: then Alice may remove it.
    let mut other = Phone::new(2);
    other.keys = comity_e2ee::DeviceKeys::generate(&mut common::random(77));
    hub.knows(&[&other]);
    let plan = Plan {
        remove: vec![bob.keys.id()],
        ..Plan::default()
    };
    let pending = alice
        .session()
        .commit(&hub.id, plan, &CommitHeader::default())
        .unwrap();
    hub.submit(&pending).unwrap();
    alice.session().confirm_pending(&hub.id).unwrap();
    let merged = hub.deliver(&mut bob);
    assert!(merged.self_removed);
    assert!(!bob.session().is_active(&hub.id).unwrap());
    assert!(matches!(
        bob.session().encrypt(&hub.id, b"x", b""),
        Err(EngineError::NotFound)
    ));
    let entry = says(&mut alice, &hub, "alone");
    assert!(reads(&mut bob, &hub, &entry).is_err());
    assert_eq!(hub.state().members().unwrap().len(), 1);
}

#[test]
fn a_device_that_lost_its_way_comes_back_by_itself() {
    let (mut alice, mut bob, mut hub) = direct();
    let bobs = Phone::new(2);
    for _ in 0..2 {
        let mut judge = |c: &Change, b: &[Member], x: &Context| hub.judge(c, b, x);
        let (info, tree, header) = (hub.group_info.clone(), hub.tree(), CommitHeader::default());
        let pending = bob
            .session()
            .prepare_external_join(&hub.id, &info, &tree, &header, &mut judge)
            .unwrap();
        assert!(matches!(
            bob.session().encrypt(&hub.id, b"x", b""),
            Err(EngineError::PendingCommit)
        ));
        bob.restart();
        let change = hub.submit(&pending).unwrap();
        assert!(
            matches!(change.committer, Committer::External { ref joiner } if joiner.device == bobs.keys.id())
        );
        let merged = bob.session().confirm_pending(&hub.id).unwrap();
        assert_eq!(merged.change, change);
        hub.deliver(&mut alice);
        agree(&hub.id, &mut [&mut alice, &mut bob]);
        assert_eq!(hub.state().members().unwrap().len(), 2);
        let entry = says(&mut alice, &hub, "welcome back");
        assert_eq!(reads(&mut bob, &hub, &entry).unwrap(), "welcome back");
    }
}

#[test]
fn leaves_that_were_checked_ahead_stand_for_no_others() {
    let (_alice, mut bob, hub) = direct();
    let tree = hub.tree();
    let mut other = tree.clone();
    // The end of the tree is the last leaf's signature.
    *other.last_mut().unwrap() ^= 1;
    bob.session().check_leaves(&hub.id, &tree).unwrap();
    assert!(bob.session().check_leaves(&hub.id, &other).is_err());
    let join = |bob: &mut Phone, tree: &[u8]| {
        let header = CommitHeader::default();
        bob.session()
            .prepare_external_join(&hub.id, &hub.group_info, tree, &header, &mut anything)
    };
    assert!(matches!(
        join(&mut bob, &other),
        Err(EngineError::Malformed(_))
    ));
    join(&mut bob, &tree).unwrap();
}

#[test]
fn a_join_that_was_too_late_is_discarded_and_made_again() {
    let (mut alice, mut bob, mut hub) = direct();
    let join = |bob: &mut Phone, hub: &Hub| {
        let header = CommitHeader::default();
        bob.session()
            .prepare_external_join(
                &hub.id,
                &hub.group_info,
                &hub.tree(),
                &header,
                &mut anything,
            )
            .unwrap()
    };
    let late = join(&mut bob, &hub);
    hub.update(&mut alice);
    assert!(hub.submit(&late).is_err());
    bob.session().discard_pending(&hub.id).unwrap();
    assert!(!bob.session().has(&hub.id).unwrap());
    let again = join(&mut bob, &hub);
    hub.submit(&again).unwrap();
    bob.session().confirm_pending(&hub.id).unwrap();
    hub.deliver(&mut alice);
    agree(&hub.id, &mut [&mut alice, &mut bob]);
}

#[test]
fn a_stranger_with_the_group_info_does_not_get_in() {
    let (mut alice, _bob, mut hub) = direct();
    let mut mallory = Phone::new(3);
    hub.knows(&[&mallory]);
    let header = CommitHeader::default();
    let pending = mallory
        .session()
        .prepare_external_join(
            &hub.id,
            &hub.group_info,
            &hub.tree(),
            &header,
            &mut anything,
        )
        .unwrap();
    assert!(hub.submit(&pending).is_err());
    let mut judge = |c: &Change, b: &[Member], x: &Context| hub.judge(c, b, x);
    let refused = alice
        .session()
        .process_commit(&hub.id, &pending.commit, &mut judge);
    assert!(matches!(
        refused,
        Err(EngineError::Refused(Refusal::NotMember))
    ));
    // Nothing was merged.
    assert_eq!(alice.session().epoch(&hub.id).unwrap(), hub.state().epoch());
}

#[test]
fn a_ghost_device_of_a_member_is_refused() {
    let (mut alice, mut bob, mut hub) = direct();
    let mut ghost = Phone::of(bob.address.clone(), Phone::new(2).root, 9);
    let package = ghost.session().key_package(false).unwrap();
    let plan = Plan {
        add: vec![package],
        ..Plan::default()
    };
    let pending = alice
        .session()
        .commit(&hub.id, plan, &CommitHeader::default())
        .unwrap();
    assert!(hub.submit(&pending).is_err());
    let mut judge = |c: &Change, b: &[Member], x: &Context| hub.judge(c, b, x);
    let refused = bob
        .session()
        .process_commit(&hub.id, &pending.commit, &mut judge);
    assert!(matches!(
        refused,
        Err(EngineError::Refused(Refusal::NotInManifest))
    ));
    // Once the account's manifest has it, it is let in, and a second leaf of it is not.
    hub.knows(&[&bob, &ghost]);
    hub.submit(&pending).unwrap();
    alice.session().confirm_pending(&hub.id).unwrap();
    hub.deliver(&mut bob);
    let joined = ghost
        .session()
        .join(&pending.welcome.unwrap(), &hub.tree())
        .unwrap();
    assert_eq!(joined.members.len(), 3);
    agree(&hub.id, &mut [&mut alice, &mut bob, &mut ghost]);
}

#[test]
fn the_app_removes_a_stale_device_by_the_next_commit() {
    let (mut alice, bob, mut hub) = direct();
    let leaf = hub
        .state()
        .members()
        .unwrap()
        .iter()
        .find(|m| m.device == bob.keys.id())
        .unwrap()
        .leaf;
    let mut state = hub.state();
    assert!(
        state.propose_removal(leaf, &[1; 32]).is_err(),
        "another key than the app's"
    );
    let proposal = state.propose_removal(leaf, &APP_SECRET).unwrap();
    assert_eq!(state.proposed_removals(), [leaf]);
    hub.state = state.to_bytes().unwrap();

    let change = alice
        .session()
        .process_proposal(&hub.id, &proposal)
        .unwrap();
    assert_eq!(
        (change.committer, change.removed.len()),
        (Committer::App, 1)
    );
    assert!(matches!(
        alice.session().encrypt(&hub.id, b"x", b""),
        Err(EngineError::CommitFirst)
    ));
    alice.restart();
    assert!(alice.session().has_proposals(&hub.id).unwrap());
    let pending = alice
        .session()
        .commit(&hub.id, Plan::default(), &CommitHeader::default())
        .unwrap();
    let change = hub.submit(&pending).unwrap();
    assert_eq!(change.removed_by_app, [leaf]);
    alice.session().confirm_pending(&hub.id).unwrap();
    assert_eq!(hub.state().members().unwrap().len(), 1);
    says(&mut alice, &hub, "on");
}

#[test]
fn a_welcome_is_used_once_and_a_last_resort_one_again() {
    let (mut alice, mut bob) = (Phone::new(1), Phone::new(2));
    let mut hub = Hub::create(&mut alice, ConversationKind::Direct, Some(&bob));
    hub.knows(&[&bob]);
    for last_resort in [false, true] {
        let package = bob.session().key_package(last_resort).unwrap();
        let facts =
            comity_membership::check_key_package(&package, &bob.address, &bob.device()).unwrap();
        assert_eq!(facts.last_resort, last_resort);
        assert!(
            comity_membership::check_key_package(&package, &alice.address, &alice.device())
                .is_err()
        );
        let plan = Plan {
            add: vec![package],
            ..Plan::default()
        };
        let pending = alice
            .session()
            .commit(&hub.id, plan, &CommitHeader::default())
            .unwrap();
        let mut fork = Hub {
            state: hub.state.clone(),
            log: vec![],
            manifests: hub.manifests.clone(),
            group_info: vec![],
            id: hub.id.clone(),
        };
        fork.submit(&pending).unwrap();
        let (welcome, tree) = (pending.welcome.unwrap(), fork.tree());
        let joined = bob.session().join(&welcome, &tree).unwrap();
        assert_eq!(joined.kind, ConversationKind::Direct);
        let again = bob.session().join(&welcome, &tree);
        if last_resort {
            assert_eq!(again.unwrap().epoch, joined.epoch);
        } else {
            assert!(matches!(again, Err(EngineError::NoMatchingKeyPackage)));
        }
        alice.session().discard_pending(&hub.id).unwrap();
    }
    assert_eq!(bob.session().purge_key_packages(u64::MAX).unwrap(), 1);
}

#[test]
fn the_hub_refuses_a_group_info_that_does_not_fit() {
    let (mut alice, mut bob, mut hub) = direct();
    let plan = || Plan {
        update_self: true,
        ..Plan::default()
    };
    let mut one = alice
        .session()
        .commit(&hub.id, plan(), &CommitHeader::default())
        .unwrap();
    let other = bob
        .session()
        .commit(&hub.id, plan(), &CommitHeader::default())
        .unwrap();
    let right = one.group_info.clone();
    for wrong in [other.group_info.clone(), hub.group_info.clone(), Vec::new()] {
        one.group_info = wrong;
        assert!(hub.submit(&one).is_err());
    }
    one.group_info = right.clone();
    let last = one.group_info.len() - 1;
    one.group_info[last] ^= 1;
    assert!(hub.submit(&one).is_err(), "its signature is broken");
    one.group_info = right;
    hub.submit(&one).unwrap();
    hub.state()
        .check_current_group_info(&one.group_info)
        .unwrap();
    assert!(
        hub.state()
            .check_current_group_info(&other.group_info)
            .is_err()
    );
}

#[test]
fn in_a_group_only_an_admin_changes_who_is_in_it() {
    let (mut alice, mut bob, mut carol) = (Phone::new(1), Phone::new(2), Phone::new(3));
    let mut hub = Hub::create(&mut alice, ConversationKind::Group, None);
    hub.knows(&[&bob]);
    hub.knows(&[&carol]);
    hub.add(&mut alice, &mut bob, &mut []);
    let package = carol.session().key_package(false).unwrap();
    let plan = Plan {
        add: vec![package],
        ..Plan::default()
    };
    let by_bob = bob
        .session()
        .commit(&hub.id, plan, &CommitHeader::default())
        .unwrap();
    assert!(hub.submit(&by_bob).unwrap_err().contains("admin"));
    bob.session().discard_pending(&hub.id).unwrap();
    hub.add(&mut alice, &mut carol, &mut [&mut bob]);
    agree(&hub.id, &mut [&mut alice, &mut bob, &mut carol]);
    let plan = Plan {
        remove: vec![alice.keys.id()],
        ..Plan::default()
    };
    let by_carol = carol
        .session()
        .commit(&hub.id, plan, &CommitHeader::default())
        .unwrap();
    assert!(hub.submit(&by_carol).is_err());
}

#[test]
fn leaves_know_their_age_and_the_mark_keys_agree() {
    let (mut alice, mut bob, mut hub) = direct();
    assert!(bob.session().own_leaf_made_s(&hub.id).unwrap().is_some());
    assert!(bob.session().own_leaf_never_updated(&hub.id).unwrap());
    hub.update(&mut bob);
    hub.deliver(&mut alice);
    assert!(!bob.session().own_leaf_never_updated(&hub.id).unwrap());
    let of_alice = comity_e2ee::marks::derive_key(&mut alice.session(), &hub.id).unwrap();
    let of_bob = comity_e2ee::marks::derive_key(&mut bob.session(), &hub.id).unwrap();
    assert!(of_alice == of_bob);
    bob.session().delete(&hub.id).unwrap();
    let left: i64 = bob
        .store
        .query_row("SELECT count(*) FROM mls", [], |row| row.get(0))
        .unwrap();
    assert_eq!(left, 0, "deleting leaves nothing behind");
}
