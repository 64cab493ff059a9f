//! What comes again: entries and commits whose answers were lost, whenever that is noticed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use comity_chat::operator;
use comity_e2ee::engine::Plan;
use comity_e2ee::keys::{DeviceKeys, sign_manifest};
use comity_membership::manifest::{Device, Manifest, SEQ_STEP_MAX};
use comity_wire::Bytes64;
use comity_wire::http::{AccountCreated, CreateAccount, ExistingAccount};
use comity_wire::proto::{
    Acknowledge, Append, Position, SubmitCommit, client_frame::Act, reply, server_frame::Frame,
};
use common::steps::{group, say};
use common::{House, Person, introduction_key, next_manifest, number, prove, random16};
use std::time::Duration;

async fn holds(house: &House, n: u32) -> Option<ExistingAccount> {
    prove(house, &number(n)).await.unwrap().existing
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_asked_for_again_is_made_once_also_by_a_newer_code() {
    let house = House::open().await;
    let first = prove(&house, &number(1)).await.unwrap();
    let newer = prove(&house, &number(1)).await.unwrap();
    let (address, .., mut request) = Person::request(&house, &first.registration_token);
    let made: AccountCreated = house.post("/v1/accounts", &request).await.unwrap();
    // Proved before the account was there, and after.
    let newest = prove(&house, &number(1)).await.unwrap();
    for proof in [&first, &newer, &newest, &newest] {
        request.registration_token = proof.registration_token.clone();
        let again: AccountCreated = house.post("/v1/accounts", &request).await.unwrap();
        assert_eq!(again, made);
    }
    let holder = holds(&house, 1).await.unwrap();
    assert_eq!(holder.account, address.account);
    assert_eq!(holder.manifest, request.manifest);
    assert_eq!(count(&house, "SELECT count(*) FROM account"), 1);
    // For a device that is not in the list there is no account.
    let stranger = DeviceKeys::generate(&mut |bytes: &mut [u8]| bytes.fill(3));
    let mut another = request.clone();
    another.device = stranger.id();
    let refused = house.post::<AccountCreated>("/v1/accounts", &another).await;
    assert_eq!(common::code(refused), "code_expired");
    another.registration_token = prove(&house, &number(1)).await.unwrap().registration_token;
    let refused = house.post::<AccountCreated>("/v1/accounts", &another).await;
    assert_eq!(common::code(refused), "manifest_invalid");
    // By the proof of another number it is another act.
    let other = prove(&house, &number(2)).await.unwrap();
    request.registration_token = other.registration_token;
    let refused = house.post::<AccountCreated>("/v1/accounts", &request).await;
    assert_eq!(common::code(refused), "exists");
    assert!(holds(&house, 2).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn by_the_words_of_an_account_one_device_comes_in_and_as_an_owner() {
    let house = House::open().await;
    let alice = Person::sign_up(&house, 1).await;
    let proven = prove(&house, &number(1)).await.unwrap();
    let phone = DeviceKeys::generate(&mut |bytes: &mut [u8]| bytes.fill(3));
    let recovers = |list: &Manifest| CreateAccount {
        registration_token: proven.registration_token.clone(),
        recover: true,
        manifest: Bytes64(sign_manifest(list, Some(&alice.root), None)),
        device: phone.id(),
        introduction_key: Bytes64(introduction_key(&phone)),
        lock_proof: None,
    };
    let mut list = next_manifest(&alice.manifest);
    list.devices.push(Device::new(phone.public(), false, 1));
    let no_owner = recovers(&list);
    let mut in_anothers_name = no_owner.clone();
    in_anothers_name.device = alice.keys.id();
    if let Some(listed) = list.devices.last_mut() {
        listed.owner = true;
    }
    let very_next = list.seq;
    list.seq = alice.manifest.seq + SEQ_STEP_MAX + 1;
    let too_far = recovers(&list);
    for request in [&no_owner, &in_anothers_name, &too_far] {
        let refused = house.post::<AccountCreated>("/v1/accounts", request).await;
        assert_eq!(common::code(refused), "manifest_invalid");
    }
    list.seq = very_next;
    let done: AccountCreated = house.post("/v1/accounts", &recovers(&list)).await.unwrap();
    assert_eq!(done.address, alice.address);
}

async fn append(person: &mut Person, entry: &Append) -> (u64, i64, Vec<u8>) {
    match person.socket.ask(Act::Append(entry.clone())).await {
        Ok(reply::Result::Appended(done)) => (done.seq, done.at_ms, done.seal),
        other => panic!("{other:?}"),
    }
}

fn count(house: &House, sql: &str) -> i64 {
    let conn = operator::open(house.data()).unwrap();
    conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_comes_again_has_its_place_while_its_key_is_young_and_when_it_is_old() {
    let mut house = House::open_with(|config| config.retention.sweep_interval_ms = 100).await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let mut said = Vec::new();
    for number in 0..20_u8 {
        let entry = alice.entry(&conversation, &[number]);
        said.push((append(&mut alice, &entry).await, entry));
    }
    for (place, entry) in &said {
        assert_eq!(append(&mut alice, entry).await, *place, "while it is young");
    }
    // Nobody has read it: two sweeps later its key is in the table.
    let mut old = 0;
    for _ in 0..100 {
        old = count(&house, "SELECT count(*) FROM entry_key");
        if old >= 20 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(old >= 20, "{old}");
    for (place, entry) in &said {
        assert_eq!(append(&mut alice, entry).await, *place, "when it is old");
    }
    let late = alice.entry(&conversation, b"just before the end");
    let place = append(&mut alice, &late).await;
    house.restart().await;
    alice.reconnect(&house).await;
    for (place, entry) in said.iter().chain([&(place, late)]) {
        assert_eq!(append(&mut alice, entry).await, *place, "after a restart");
    }
    let next = say(&mut alice, &conversation, b"and on").await;
    assert_eq!(next, said[19].0.0 + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_comes_again_is_known_to_who_was_there_and_to_nobody_else() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let mut carol = Person::sign_up(&house, 3).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let plan = Plan {
        update_self: true,
        ..Plan::default()
    };
    let commit = alice.commit(&conversation, plan);
    let submit = |commit: &SubmitCommit| Act::SubmitCommit(commit.clone());
    let first = alice.socket.ask(submit(&commit)).await.unwrap();
    assert!(matches!(first, reply::Result::Committed(_)), "{first:?}");
    alice.session().confirm_pending(&conversation).unwrap();
    let again = alice.socket.ask(submit(&commit)).await.unwrap();
    assert_eq!(again, first);
    // By then the epoch has gone on: only the key says that it was taken.
    let mut other = commit.clone();
    other.idempotency_key = random16().to_vec();
    let refused = alice.socket.ask(submit(&other)).await.unwrap_err();
    assert_eq!(refused, "stale_epoch");
    assert_eq!(bob.socket.ask(submit(&commit)).await.unwrap(), first);
    let stranger = carol.socket.ask(submit(&commit)).await;
    assert!(stranger.is_err(), "{stranger:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_are_none_are_passed_over_by_the_thousand() {
    let mut house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let seq = say(&mut alice, &conversation, b"read me").await;
    // None is in memory then.
    house.restart().await;
    alice.reconnect(&house).await;
    bob.reconnect(&house).await;
    let position = |log: Vec<u8>| Position {
        hub: String::new(),
        log,
        seq,
    };
    let mut positions: Vec<_> = (0..1_200).map(|_| position(random16().to_vec())).collect();
    positions.insert(700, position(conversation.id.to_vec()));
    let acknowledge = Act::Acknowledge(Acknowledge { positions });
    bob.socket.ask(acknowledge).await.unwrap();
    let cursors = alice
        .socket
        .push(|frame| match frame {
            Frame::Cursors(cursors) => Some(cursors.cursors),
            _ => None,
        })
        .await;
    assert_eq!(cursors.len(), 1);
    assert_eq!(cursors[0].device, bob.keys.id().to_vec());
    assert_eq!(cursors[0].seq, seq);
}
