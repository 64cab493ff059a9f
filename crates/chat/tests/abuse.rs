//! Who asks for too much, or for what can not be: refused with a code, and nobody else is hurt.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use comity_wire::http::{BlobStarted, PutNumber, PutRegistrationLock, StartBlob};
use comity_wire::proto::{
    ClientBatch, ClientFrame, Fetch, Sync, client_frame::Act, reply, server_frame::Frame,
};
use comity_wire::{Bytes64, Message as _, limits};
use common::steps::{group, say};
use common::{House, Person, Socket, code, prove};

#[tokio::test(flavor = "multi_thread")]
async fn numbers_beyond_all_logs_stop_no_reader() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    say(&mut alice, &conversation, b"one").await;
    let fetch = |log: Vec<u8>, after_seq| {
        Act::Fetch(Fetch {
            log,
            after_seq,
            ..Fetch::default()
        })
    };
    // More often than there are readers.
    for after_seq in [u64::MAX, u64::MAX - 1, i64::MAX as u64, 1 << 63].repeat(4) {
        for log in [bob.keys.id().to_vec(), conversation.id.to_vec()] {
            match bob.socket.ask(fetch(log, after_seq)).await.unwrap() {
                reply::Result::Deliver(deliver) => assert!(deliver.entries.is_empty()),
                other => panic!("{other:?}"),
            }
        }
    }
    let since = u64::MAX;
    match bob.socket.ask(Act::Sync(Sync { since })).await.unwrap() {
        reply::Result::Sync(changes) => assert!(changes.logs.is_empty()),
        other => panic!("{other:?}"),
    }
    match bob.socket.ask(fetch(conversation.id.to_vec(), 0)).await {
        Ok(reply::Result::Deliver(deliver)) => assert!(!deliver.entries.is_empty()),
        other => panic!("{other:?}"),
    }
    let ready = house.http.get(house.url("/readyz")).send().await.unwrap();
    assert_eq!(ready.status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn millions_of_empty_frames_are_counted_and_not_made() {
    let house = House::open().await;
    let mut stranger = Socket::connect(house.running().address).await;
    stranger.send_raw([0x0a, 0x00].repeat(2_000_000)).await;
    let told = stranger
        .push(|frame| match frame {
            Frame::Closing(closing) => Some(closing.code),
            _ => None,
        })
        .await;
    assert_eq!(told, "too_large");
}

#[tokio::test(flavor = "multi_thread")]
async fn unfinished_uploads_have_a_number() {
    let house = House::open().await;
    let alice = Person::sign_up(&house, 1).await;
    let start = StartBlob { size: 1 };
    for _ in 0..limits::UPLOADS_MAX {
        let _: BlobStarted = alice
            .act(&house, "POST", "/v1/blobs", &start)
            .await
            .unwrap();
    }
    let refused = alice
        .act::<BlobStarted>(&house, "POST", "/v1/blobs", &start)
        .await;
    assert_eq!(code(refused), "too_many");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_lock_is_not_guessed() {
    let house = House::open().await;
    let owner = Person::sign_up(&house, 1).await;
    let thief = Person::sign_up(&house, 2).await;
    let lock = PutRegistrationLock {
        proof: Bytes64(vec![1; 32]),
        salt: Bytes64(vec![2; 16]),
    };
    let path = "/v1/me/registration-lock";
    let _: serde_json::Value = owner.act(&house, "PUT", path, &lock).await.unwrap();
    let proven = prove(&house, &owner.number).await.unwrap();
    let mut guess = PutNumber {
        take_over: true,
        registration_token: proven.registration_token.clone(),
        lock_proof: None,
    };
    for wrong in 0..limits::LOCK_PROOFS_PER_DAY {
        guess.lock_proof = Some(Bytes64(vec![wrong as u8 + 100; 32]));
        let refused = thief
            .act::<serde_json::Value>(&house, "PUT", "/v1/me/number", &guess)
            .await;
        assert_eq!(code(refused), "registration_locked");
    }
    // Not even the right one, until a day has passed.
    guess.lock_proof = Some(Bytes64(vec![1; 32]));
    let refused = thief
        .act::<serde_json::Value>(&house, "PUT", "/v1/me/number", &guess)
        .await;
    assert_eq!(code(refused), "rate_limited");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_for_much_at_once_and_reads_it_gets_all_of_it() {
    let house = House::open_with(|config| config.limits.outbound_bytes = 16_384).await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    for _ in 0..4 {
        say(&mut alice, &conversation, &[7; 6_000]).await;
    }
    // More than may be under way, and their answers are more than waits to be written.
    let fetch = ClientFrame {
        request: 0,
        act: Some(Act::Fetch(Fetch {
            log: conversation.id.to_vec(),
            ..Fetch::default()
        })),
    };
    let mut asked = 0;
    for _ in 0..6 {
        let mut batch = ClientBatch::default();
        for _ in 0..250 {
            asked += 1;
            batch.frames.push(ClientFrame {
                request: 1_000_000 + asked,
                ..fetch.clone()
            });
        }
        bob.socket.send_raw(batch.encode_to_vec()).await;
    }
    let mut answered = 0;
    while answered < asked {
        match bob.socket.frame().await.expect("the connection goes on") {
            Frame::Reply(reply) if reply.request > 1_000_000 => answered += 1,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_says_little_before_signing_in() {
    let house = House::open().await;
    let mut stranger = Socket::connect(house.running().address).await;
    stranger.send_raw(vec![0x0a; 1_000_000]).await;
    let mut code = String::new();
    while let Some(frame) = stranger.frame().await {
        if let Frame::Closing(closing) = frame {
            code = closing.code;
        }
    }
    assert_eq!(code, "too_large");
}
