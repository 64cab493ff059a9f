//! The limits of the ratchets and of the epochs kept, each on both sides of its edge.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use comity_e2ee::engine::{EngineError, Plan, Unreadable};
use comity_membership::CommitHeader;
use comity_wire::limits::{EPOCHS_BEHIND_MAX, EPOCHS_KEPT};
use comity_wire::proto::ConversationKind;
use common::{Hub, Phone, agree};

fn direct() -> (Phone, Phone, Hub) {
    let (mut alice, mut bob) = (Phone::new(1), Phone::new(2));
    let mut hub = Hub::create(&mut alice, ConversationKind::Direct, Some(&bob));
    hub.knows(&[&bob]);
    hub.add(&mut alice, &mut bob, &mut []);
    (alice, bob, hub)
}

/// So many entries of one sender, in one epoch.
fn stream(from: &mut Phone, hub: &Hub, count: usize) -> Vec<Vec<u8>> {
    from.store.execute_batch("BEGIN").unwrap();
    let entries = (0..count)
        .map(|n| {
            from.session()
                .encrypt(&hub.id, &n.to_be_bytes(), b"")
                .unwrap()
        })
        .collect();
    from.store.execute_batch("COMMIT").unwrap();
    entries
}

fn reads(by: &mut Phone, hub: &Hub, entry: &[u8]) -> Result<usize, EngineError> {
    let read = by.session().decrypt(&hub.id, entry)?;
    Ok(usize::from_be_bytes(read.plaintext.try_into().unwrap()))
}

/// What reading gives, without having read.
fn would_read(by: &mut Phone, hub: &Hub, entry: &[u8]) -> Result<usize, EngineError> {
    by.store.execute_batch("BEGIN").unwrap();
    let read = reads(by, hub, entry);
    by.store.execute_batch("ROLLBACK").unwrap();
    by.groups.forget_all();
    read
}

#[test]
fn two_thousand_messages_of_one_sender_may_be_missing_and_no_more() {
    let (mut alice, mut bob, hub) = direct();
    let entries = stream(&mut alice, &hub, 2_002);
    for missing in [1_999, 2_000] {
        assert_eq!(
            would_read(&mut bob, &hub, &entries[missing]).unwrap(),
            missing
        );
    }
    assert!(matches!(
        would_read(&mut bob, &hub, &entries[2_001]),
        Err(EngineError::Unreadable(Unreadable::TooFarAhead))
    ));
    // The one beyond does no harm to those within.
    assert_eq!(reads(&mut bob, &hub, &entries[2_000]).unwrap(), 2_000);
}

#[test]
fn thirty_two_messages_of_one_sender_may_come_late_and_no_more() {
    let (mut alice, mut bob, hub) = direct();
    let entries = stream(&mut alice, &hub, 51);
    assert_eq!(reads(&mut bob, &hub, &entries[50]).unwrap(), 50);
    for late in [31, 32] {
        assert_eq!(
            would_read(&mut bob, &hub, &entries[50 - late]).unwrap(),
            50 - late
        );
    }
    assert!(matches!(
        would_read(&mut bob, &hub, &entries[50 - 33]),
        Err(EngineError::SecretReused)
    ));
}

#[test]
fn who_reads_keeps_more_epochs_than_the_hub_lets_pass() {
    assert!(u64::try_from(EPOCHS_KEPT).unwrap() > EPOCHS_BEHIND_MAX);
    let (mut alice, mut bob, mut hub) = direct();
    // One entry in each of seven epochs, all read in the last.
    let mut entries = Vec::new();
    for epoch in 0..7 {
        let text = usize::to_be_bytes(epoch);
        entries.push(alice.session().encrypt(&hub.id, &text, b"").unwrap());
        if epoch < 6 {
            hub.update(&mut alice);
            hub.deliver(&mut bob);
        }
    }
    bob.restart();
    for behind in [3, 4, 5, 0] {
        let epoch = 6 - behind;
        assert_eq!(reads(&mut bob, &hub, &entries[epoch]).unwrap(), epoch);
    }
    assert!(matches!(
        reads(&mut bob, &hub, &entries[0]),
        Err(EngineError::Unreadable(Unreadable::EpochGone))
    ));
}

#[test]
fn an_addition_with_a_package_that_was_used_fails_clearly_and_heals() {
    let (mut alice, mut bob, mut hub) = direct();
    // Bob's tablet has joined something else by the package that the hub hands out again.
    let mut tablet = Phone::of(bob.address.clone(), Phone::new(2).root, 40);
    hub.knows(&[&bob, &tablet]);
    let package = tablet.session().key_package(false).unwrap();
    let plan = || Plan {
        add: vec![package.clone()],
        ..Plan::default()
    };
    let header = CommitHeader::default();
    let elsewhere = alice.session().commit(&hub.id, plan(), &header).unwrap();
    let mut other = hub.clone();
    other.submit(&elsewhere).unwrap();
    let welcome = elsewhere.welcome.unwrap();
    drop(tablet.session().join(&welcome, &other.tree()).unwrap());
    tablet.session().delete(&hub.id).unwrap();
    alice.session().discard_pending(&hub.id).unwrap();

    let added = bob.session().commit(&hub.id, plan(), &header).unwrap();
    hub.submit(&added).unwrap();
    bob.session().confirm_pending(&hub.id).unwrap();
    hub.deliver(&mut alice);
    let failed = tablet.session().join(&added.welcome.unwrap(), &hub.tree());
    assert!(matches!(failed, Err(EngineError::NoMatchingKeyPackage)));
    assert!(!tablet.session().has(&hub.id).unwrap());

    // It has a leaf that it has no keys for: it takes its place by itself.
    let mut judge = |change: &_, before: &_, context: &_| hub.judge(change, before, context);
    let pending = tablet
        .session()
        .prepare_external_join(&hub.id, &hub.group_info, &hub.tree(), &header, &mut judge)
        .unwrap();
    hub.submit(&pending).unwrap();
    tablet.session().confirm_pending(&hub.id).unwrap();
    hub.deliver(&mut alice);
    hub.deliver(&mut bob);
    agree(&hub.id, &mut [&mut alice, &mut bob, &mut tablet]);
    assert_eq!(hub.state().members().unwrap().len(), 3);
}
