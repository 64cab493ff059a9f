//! Devices that were revoked, went stale, or went with their account: the app proposes their
//! removal and the next commit takes it along.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use comity_chat::operator;
use comity_e2ee::engine::Plan;
use comity_e2ee::keys::DeviceKeys;
use comity_wire::http::MyConversations;
use comity_wire::proto::{Deliver, FetchState, Leave, client_frame::Act, reply};
use common::steps::{acknowledge, fetch, group, proposal, random, say, state};
use common::{House, Person, Socket, device, next_manifest};
use serde_json::Value;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_device_is_proposed_for_removal_and_the_next_commit_takes_it_along() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    // Bob's second device, with a store of its own.
    let second = DeviceKeys::generate(&mut random);
    let mut with = next_manifest(&bob.manifest);
    with.devices.push(device(&second));
    bob.put_manifest(&house, with, Vec::new()).await.unwrap();
    let mut tablet = Person::sign_in(
        &house,
        bob.address.clone(),
        bob.number.clone(),
        comity_e2ee::keys::RootKey::from_bytes(&bob.root.to_bytes()).unwrap(),
        second,
        bob.manifest.clone(),
    )
    .await;
    let conversation = group(&house, &mut alice, &mut [&mut bob, &mut tablet]).await;
    let log = conversation.id.to_vec();
    say(&mut tablet, &conversation, b"from the tablet").await;

    let mut without = next_manifest(&bob.manifest);
    without.devices.pop();
    without.revoked.push(tablet.keys.id());
    bob.put_manifest(&house, without, Vec::new()).await.unwrap();
    let proposed = proposal(&mut alice, &log).await;
    alice
        .session()
        .process_proposal(&conversation, &proposed.body)
        .unwrap();

    // The removal goes with the next commit, whatever that was meant for.
    let commit = alice.commit(
        &conversation,
        Plan {
            update_self: true,
            ..Plan::default()
        },
    );
    alice.socket.ask(Act::SubmitCommit(commit)).await.unwrap();
    let merged = alice.session().confirm_pending(&conversation).unwrap();
    assert_eq!(merged.change.removed[0].device, tablet.keys.id());
    assert_eq!(alice.session().members(&conversation).unwrap().len(), 2);
    assert!(state(&mut bob, &log).await.member);

    // Bob's remaining device joins anew from outside, as after a loss of its state.
    let fetch_state = FetchState {
        hub: String::new(),
        conversation: log.clone(),
        link_signature: Vec::new(),
        sealed_only: false,
    };
    let reply::Result::State(reply) = bob.socket.ask(Act::FetchState(fetch_state)).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(reply.epoch, 2);
    let pending = bob
        .session()
        .prepare_external_join(
            &conversation,
            &reply.group_info,
            &reply.ratchet_tree,
            &comity_membership::CommitHeader::default(),
            &mut |_, _, _| Ok(()),
        )
        .unwrap();
    let submit = comity_wire::proto::SubmitCommit {
        hub: String::new(),
        conversation: log.clone(),
        expected_epoch: 2,
        idempotency_key: common::random16().to_vec(),
        commit: pending.commit,
        welcome: Vec::new(),
        group_info: pending.group_info,
        sealed_state: vec![1, 2, 3],
    };
    bob.socket.ask(Act::SubmitCommit(submit)).await.unwrap();
    bob.session().confirm_pending(&conversation).unwrap();
    say(&mut bob, &conversation, b"back again").await;
    let listed: MyConversations = bob.get(&house, "/v1/me/conversations").await.unwrap();
    assert!(
        listed
            .conversations
            .iter()
            .any(|c| c.conversation == conversation && c.member)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_device_is_proposed_and_no_longer_holds_entries_back() {
    let house = House::open_with(|config| {
        config.retention.device_stale_ms = 3_000;
        config.retention.sweep_interval_ms = 200;
        config.retention.cursor_flush_ms = 50;
    })
    .await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let log = conversation.id.to_vec();
    let seq = say(&mut alice, &conversation, b"anybody?").await;
    acknowledge(&mut alice, &log, seq).await;
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(
        fetch(&mut alice, &log, 1).await.gap_until_seq,
        0,
        "Bob has not read it"
    );
    // Bob's connection goes, and he does not come back.
    bob.socket = Socket::connect(house.running().address).await;
    let proposed = proposal(&mut alice, &log).await;
    alice
        .session()
        .process_proposal(&conversation, &proposed.body)
        .unwrap();
    let mut gone = Deliver::default();
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        gone = fetch(&mut alice, &log, 1).await;
        if gone.gap_until_seq > 0 {
            break;
        }
    }
    assert_eq!(
        gone.gap_until_seq, seq,
        "what every reader has is gone, said as a gap"
    );
    assert_eq!(gone.entries[0].seq, seq + 1);
}

/// Waits until a query about the server's database has this answer.
async fn until(house: &House, sql: &str, wanted: i64) {
    let conn = operator::open(house.data()).unwrap();
    let mut found = None;
    for _ in 0..100 {
        found = Some(conn.query_row(sql, [], |row| row.get(0)).unwrap());
        if found == Some(wanted) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{sql}: {found:?} instead of {wanted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_taken_out_of_a_large_group_stays_where_they_were_and_nothing_is_left_of_it() {
    let house = House::open_with(|config| {
        config.retention.sweep_interval_ms = 100;
        config.retention.cursor_flush_ms = 100;
    })
    .await;
    let mut people = Vec::new();
    for number in 1..=10 {
        people.push(Person::sign_up(&house, number).await);
    }
    let [alice, bob, others @ ..] = &mut people[..] else {
        panic!()
    };
    let mut members = vec![&mut *bob];
    members.extend(&mut *others);
    let conversation = group(&house, alice, &mut members).await;
    let log = conversation.id.to_vec();
    let mut said = 0;
    for text in [b"one", b"two", b"six"] {
        said = say(alice, &conversation, text).await;
    }
    // All at once: their cursors stand in one row.
    acknowledge(alice, &log, said).await;
    acknowledge(bob, &log, said - 1).await;
    for other in &mut *others {
        acknowledge(other, &log, said).await;
    }
    let group = format!("(SELECT id FROM log WHERE kind = 3 AND head >= {said})");
    let bobs = format!("{group} AND device = x'{}'", hex(bob.keys.id().as_bytes()));
    until(&house, "SELECT count(*) FROM packed_cursor", 1).await;
    let first = format!("SELECT first FROM log WHERE id = {group}");
    until(&house, &first, i64::try_from(said).unwrap()).await;
    assert_eq!(state(bob, &log).await.cursor, said - 1);

    let plan = Plan {
        remove: vec![bob.keys.id()],
        ..Plan::default()
    };
    let commit = alice.commit(&conversation, plan);
    alice.socket.ask(Act::SubmitCommit(commit)).await.unwrap();
    alice.session().confirm_pending(&conversation).unwrap();
    let removed = state(bob, &log).await;
    assert_eq!((removed.member, removed.cursor), (false, said - 1));
    // The row of the others does not grow with those who were in it.
    let cursor = format!("SELECT cursor FROM seat WHERE log = {bobs}");
    until(&house, &cursor, i64::try_from(said - 1).unwrap()).await;
    // The others go on, and what they read is written packed again.
    let last = say(alice, &conversation, b"he is gone").await;
    acknowledge(alice, &log, last).await;
    for other in &mut *others {
        acknowledge(other, &log, last).await;
    }
    let swept = format!("SELECT activity = swept FROM log WHERE id = {group}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    until(&house, &swept, 1).await;
    let after = state(bob, &log).await;
    assert_eq!((after.cursor, after.first_seq), (said - 1, said));
    let kept = fetch(bob, &log, said - 1).await;
    assert_eq!((kept.gap_until_seq, kept.entries.len()), (0, 2));
    // Once he has read up to there nothing is kept for him.
    acknowledge(bob, &log, last - 1).await;
    until(&house, &first, i64::try_from(last + 1).unwrap()).await;
    until(&house, &cursor, i64::try_from(last - 1).unwrap()).await;

    // All others leave: each keeps how far they were.
    let leave = Leave {
        hub: String::new(),
        conversation: log.clone(),
    };
    let stay = others.iter_mut().chain([&mut *alice]);
    for person in stay {
        let left = person.socket.ask(Act::Leave(leave.clone())).await;
        left.unwrap();
    }
    let there = format!("SELECT count(*) FROM seat WHERE log = {group} AND cursor = {last}");
    until(&house, &there, 9).await;
    // When an account goes that was in it, nothing of the group is left.
    until(&house, "SELECT count(*) FROM packed_cursor", 1).await;
    let _: Value = alice.act(&house, "DELETE", "/v1/me", &()).await.unwrap();
    until(&house, "SELECT count(*) FROM packed_cursor", 0).await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_deleted_leaves_nothing() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let log = conversation.id.to_vec();
    let _: Value = bob.act(&house, "DELETE", "/v1/me", &()).await.unwrap();
    let proposed = proposal(&mut alice, &log).await;
    alice
        .session()
        .process_proposal(&conversation, &proposed.body)
        .unwrap();
    let commit = alice.commit(
        &conversation,
        Plan {
            update_self: true,
            ..Plan::default()
        },
    );
    alice.socket.ask(Act::SubmitCommit(commit)).await.unwrap();
    let conn = operator::open(house.data()).unwrap();
    assert_eq!(
        operator::account(&conn, &bob.address.account).unwrap(),
        None
    );
    assert_eq!(
        operator::account_of_number(&conn, &bob.number).unwrap(),
        None
    );
    // Every row that names the account, its number or its device.
    let device = bob.keys.id().to_vec();
    let account = bob.address.account.to_vec();
    for (sql, value) in [
        ("SELECT count(*) FROM device WHERE account = ?1", &account),
        ("SELECT count(*) FROM alias WHERE account = ?1", &account),
        ("SELECT count(*) FROM blob WHERE account = ?1", &account),
        (
            "SELECT count(*) FROM introduction WHERE from_account = ?1 OR to_account = ?1",
            &account,
        ),
        (
            "SELECT count(*) FROM key_package WHERE device = ?1",
            &device,
        ),
        ("SELECT count(*) FROM log WHERE name = ?1", &device),
        (
            "SELECT count(*) FROM seat WHERE removed IS NULL AND device = ?1",
            &device,
        ),
    ] {
        let rows: i64 = conn.query_row(sql, [value], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0, "{sql}");
    }
}
