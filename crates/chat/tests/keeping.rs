//! What is kept and how long: entries that everybody has, uploads, backups.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use comity_chat::operator;
use comity_wire::http::{BlobOffset, BlobStarted, Me, StartBlob};
use common::steps::{acknowledge, fetch, group, say, state};
use common::{House, Person, code};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn what_everybody_has_goes_and_what_is_too_old_goes_as_well() {
    let house = House::open_with(|config| {
        config.retention.sweep_interval_ms = 100;
        config.retention.cursor_flush_ms = 50;
        config.retention.entry_life_ms = 2_500;
    })
    .await;
    let mut alice = Person::sign_up(&house, 1).await;
    let mut bob = Person::sign_up(&house, 2).await;
    let conversation = group(&house, &mut alice, &mut [&mut bob]).await;
    let log = conversation.id.to_vec();
    let first = say(&mut alice, &conversation, b"one").await;
    acknowledge(&mut alice, &log, first).await;
    acknowledge(&mut bob, &log, first).await;
    let second = say(&mut alice, &conversation, b"two").await;
    let mut now = state(&mut bob, &log).await;
    for _ in 0..30 {
        if now.first_seq == second {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        now = state(&mut bob, &log).await;
    }
    assert_eq!((now.first_seq, now.head_seq), (second, second));
    // The second is kept for Bob, until its life is over.
    assert_eq!(fetch(&mut bob, &log, first).await.entries.len(), 1);
    tokio::time::sleep(Duration::from_millis(3_500)).await;
    let gone = fetch(&mut bob, &log, first).await;
    assert_eq!((gone.gap_until_seq, gone.entries.len()), (second, 0));
    // Numbers go on.
    assert_eq!(say(&mut alice, &conversation, b"three").await, second + 1);
}

/// A body that begins with some bytes and goes on when it is told to.
fn slow_body(first: Vec<u8>) -> (tokio::sync::oneshot::Sender<Vec<u8>>, reqwest::Body) {
    let (go_on, rest) = tokio::sync::oneshot::channel();
    let begun = futures_util::stream::once(async move { Ok::<_, std::io::Error>(first) });
    let ended =
        futures_util::stream::once(async move { rest.await.map_err(std::io::Error::other) });
    let body = reqwest::Body::wrap_stream(futures_util::StreamExt::chain(begun, ended));
    (go_on, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_account_goes_meanwhile_is_no_fault_of_the_server() {
    let house = House::open().await;
    let alice = Person::sign_up(&house, 1).await;
    let mut answers = Vec::new();
    for (size, last) in [(200, 100), (200, 50)] {
        let started: BlobStarted = alice
            .act(&house, "POST", "/v1/blobs", &StartBlob { size })
            .await
            .unwrap();
        let (go_on, body) = slow_body(vec![1; 100]);
        let request = house
            .http
            .patch(house.url(&format!("/v1/blobs/{}", started.blob)))
            .bearer_auth(data_encoding::BASE64URL_NOPAD.encode(&alice.token))
            .header("upload-offset", "0")
            .body(body);
        answers.push((go_on, last, tokio::spawn(request.send())));
    }
    // Both are being taken: another piece is refused as long as they are.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let _: serde_json::Value = alice.act(&house, "DELETE", "/v1/me", &()).await.unwrap();
    for (go_on, last, answer) in answers {
        go_on.send(vec![2; last]).unwrap();
        let refused = House::read::<BlobOffset>(answer.await.unwrap().unwrap()).await;
        assert_eq!(code(refused), "not_found");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_it_was_and_a_backup_has_it() {
    let mut house = House::open().await;
    let alice = Person::sign_up(&house, 1).await;
    let data: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let start = StartBlob {
        size: data.len() as u64,
    };
    let started: BlobStarted = alice
        .act(&house, "POST", "/v1/blobs", &start)
        .await
        .unwrap();
    let path = format!("/v1/blobs/{}", started.blob);
    let piece = |house: &House, from: usize, to: usize| {
        house
            .http
            .patch(house.url(&path))
            .bearer_auth(data_encoding::BASE64URL_NOPAD.encode(&alice.token))
            .header("upload-offset", from.to_string())
            .body(data[from..to].to_vec())
            .send()
    };
    let first = House::read::<BlobOffset>(piece(&house, 0, 100_000).await.unwrap())
        .await
        .unwrap();
    assert_eq!((first.offset, first.complete), (100_000, false));
    house.restart().await;
    let there: BlobOffset = alice.get(&house, &format!("{path}/upload")).await.unwrap();
    assert_eq!(there.offset, 100_000);
    let last = piece(&house, 100_000, data.len()).await.unwrap();
    assert!(House::read::<BlobOffset>(last).await.unwrap().complete);
    let whole = house.http.get(house.url(&path)).send().await.unwrap();
    assert_eq!(whole.status(), 200);
    assert_eq!(whole.bytes().await.unwrap(), data);
    let part = house
        .http
        .get(house.url(&path))
        .header("range", "bytes=99990-100009");
    let part = part.send().await.unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.headers()["content-range"], "bytes 99990-100009/300000");
    assert_eq!(part.bytes().await.unwrap(), data[99_990..100_010]);
    let me: Me = alice.get(&house, "/v1/me").await.unwrap();
    assert_eq!(me.blob_bytes, data.len() as u64);

    // A backup of the running server, put in place elsewhere.
    let backup = house.folder.path().join("backup");
    assert_eq!(operator::backup(house.data(), &backup).unwrap(), 1);
    let mode = |folder: &std::path::Path| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::metadata(folder).unwrap().permissions().mode() & 0o777
    };
    assert_eq!((mode(&backup), mode(house.data())), (0o700, 0o700));
    assert!(
        operator::backup(house.data(), &backup).is_err(),
        "nothing is overwritten"
    );
    house.running.take().unwrap().stop().await;
    house.config.data = house.folder.path().join("restored");
    assert_eq!(operator::restore(&backup, &house.config.data).unwrap(), 1);
    house.running = Some(
        comity_chat::Server::start(house.config.clone())
            .await
            .unwrap(),
    );
    let again = house.http.get(house.url(&path)).send().await.unwrap();
    assert_eq!(again.bytes().await.unwrap(), data);
    let me: Me = alice.get(&house, "/v1/me").await.unwrap();
    assert_eq!(me.address, alice.address);
}
