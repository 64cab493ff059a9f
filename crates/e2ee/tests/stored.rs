//! What is stored of a group: in which form, and how much of it for each message.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;

use comity_e2ee::engine::Plan;
use comity_membership::CommitHeader;
use comity_wire::proto::ConversationKind;
use common::{Hub, Phone};
use std::collections::BTreeMap;

/// Stored values, by kind and key.
type Rows = BTreeMap<(i64, Vec<u8>), Vec<u8>>;

fn rows(phone: &Phone) -> Rows {
    let mut statement = phone
        .store
        .prepare("SELECT kind, key, value FROM mls")
        .unwrap();
    statement
        .query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

/// Alice, Bob, so many others who are never seen again, and six epochs.
fn group(others: u8) -> (Phone, Phone, Hub) {
    let (mut alice, mut bob) = (Phone::new(1), Phone::new(2));
    let mut hub = Hub::create(&mut alice, ConversationKind::Group, None);
    hub.knows(&[&bob]);
    hub.add(&mut alice, &mut bob, &mut []);
    let plan = Plan {
        add: (0..others)
            .map(|name| {
                let mut other = Phone::new(3 + name);
                hub.knows(&[&other]);
                other.session().key_package(false).unwrap()
            })
            .collect(),
        ..Plan::default()
    };
    let header = CommitHeader::default();
    let pending = alice.session().commit(&hub.id, plan, &header).unwrap();
    hub.submit(&pending).unwrap();
    alice.session().confirm_pending(&hub.id).unwrap();
    hub.deliver(&mut bob);
    for _ in 0..5 {
        hub.update(&mut alice);
        hub.deliver(&mut bob);
    }
    (alice, bob, hub)
}

/// Bytes that Alice stores to say something, and Bob to read it.
fn a_message(alice: &mut Phone, bob: &mut Phone, hub: &Hub) -> (usize, usize) {
    let written = |phone: &Phone, before: &Rows| {
        let after = rows(phone);
        let changed = after
            .iter()
            .filter(|(key, value)| before.get(*key) != Some(*value));
        changed.map(|(_, value)| value.len()).sum()
    };
    let before = (rows(alice), rows(bob));
    let entry = alice.session().encrypt(&hub.id, b"Hello", b"").unwrap();
    bob.session().decrypt(&hub.id, &entry).unwrap();
    (written(alice, &before.0), written(bob, &before.1))
}

#[test]
fn a_message_stores_little_for_each_device_and_none_of_their_encryption_keys() {
    let (few, many) = (4, 44);
    let (mut alice, mut bob, hub) = group(few);
    let small = a_message(&mut alice, &mut bob, &hub);
    let (mut alice, mut bob, hub) = group(many);
    let large = a_message(&mut alice, &mut bob, &hub);
    // Identity and signature key of a device in each of five earlier epochs. An encryption key
    // alone has 1,216 bytes.
    let each = 5 * 400;
    let more = usize::from(many - few) * each;
    assert!(large.0 < small.0 + more, "{small:?} {large:?}");
    assert!(large.1 < small.1 + more, "{small:?} {large:?}");
}

#[test]
fn all_that_is_stored_is_as_its_reader_would_write_it() {
    let (mut alice, mut bob, hub) = group(3);
    a_message(&mut alice, &mut bob, &hub);
    bob.session().key_package(true).unwrap();
    let plan = Plan {
        update_self: true,
        ..Plan::default()
    };
    // A commit that waits, and one's secrets with it.
    alice
        .session()
        .commit(&hub.id, plan, &CommitHeader::default())
        .unwrap();
    for phone in [&alice, &bob] {
        let stored = rows(phone);
        assert!(stored.len() > 10);
        for ((kind, key), value) in &stored {
            for bytes in [key, value] {
                let read: ciborium::Value = ciborium::from_reader(bytes.as_slice()).unwrap();
                let mut written = Vec::new();
                ciborium::into_writer(&read, &mut written).unwrap();
                assert!(written == *bytes, "a row of kind {kind}");
            }
        }
    }
}
