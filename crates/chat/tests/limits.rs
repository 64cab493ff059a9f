//! Limits at the hub, each on both sides of its edge: epochs behind, key packages that run out.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use comity_e2ee::engine::Plan;
use comity_wire::Bytes64;
use comity_wire::http::{Me, PostKeyPackages};
use comity_wire::proto::{Append, client_frame::Act};
use common::steps::{fetch, group, state};
use common::{House, Person};
use std::collections::HashSet;

async fn renew(person: &mut Person, conversation: &comity_wire::ConversationId) {
    let plan = Plan {
        update_self: true,
        ..Plan::default()
    };
    let commit = person.commit(conversation, plan);
    person.socket.ask(Act::SubmitCommit(commit)).await.unwrap();
    person.session().confirm_pending(conversation).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn content_of_three_epochs_ago_is_taken_and_read_and_of_four_is_refused() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let log = conversation.id.to_vec();
    let before = state(&mut alice, &log).await.head_seq;
    // Bob seals three entries and is slow to send them; meanwhile Alice commits.
    let mut entries: Vec<Append> = Vec::new();
    for text in ["two", "three", "four"] {
        entries.push(bob.entry(&conversation, text.as_bytes()));
    }
    let [two, three, four] = <[Append; 3]>::try_from(entries).unwrap();
    renew(&mut alice, &conversation).await;
    renew(&mut alice, &conversation).await;
    bob.socket.ask(Act::Append(two)).await.unwrap();
    renew(&mut alice, &conversation).await;
    bob.socket.ask(Act::Append(three)).await.unwrap();
    renew(&mut alice, &conversation).await;
    let refused = bob.socket.ask(Act::Append(four)).await.unwrap_err();
    assert_eq!(refused, "stale_epoch");
    // What was taken is read by who is four epochs on.
    let mut read = Vec::new();
    for entry in fetch(&mut alice, &log, before).await.entries {
        if let Ok(said) = alice.session().decrypt(&conversation, &entry.body) {
            read.push(String::from_utf8(said.plaintext).unwrap());
        }
    }
    assert_eq!(read, ["two", "three"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_key_packages_run_out_the_last_resort_one_is_served() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let one_time: Vec<Bytes64> = (0..2)
        .map(|_| Bytes64(alice.session().key_package(false).unwrap()))
        .collect();
    let last_resort = Bytes64(alice.session().key_package(true).unwrap());
    let posted = PostKeyPackages {
        one_time: one_time.clone(),
        last_resort: Some(last_resort.clone()),
    };
    let _: serde_json::Value = alice
        .act(&house, "POST", "/v1/me/key-packages", &posted)
        .await
        .unwrap();
    let mut served = Vec::new();
    for _ in 0..4 {
        let address = alice.address.clone();
        let packages = alice
            .fetch_key_packages(&house, &address, None)
            .await
            .unwrap();
        served.push(packages[0].key_package.0.clone());
    }
    let one_time: HashSet<_> = one_time.into_iter().map(|bytes| bytes.0).collect();
    assert!(served[..2].iter().all(|package| one_time.contains(package)));
    assert_ne!(served[0], served[1], "each is served once");
    assert!(served[2..].iter().all(|package| *package == last_resort.0));
    // The device is told, and makes new ones.
    let me: Me = alice.get(&house, "/v1/me").await.unwrap();
    assert_eq!(me.devices[0].key_packages, 0);
    assert_eq!(alice.post_key_packages(&house, 3).await.one_time, 3);
}
