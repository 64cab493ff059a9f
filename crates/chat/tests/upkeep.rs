//! Over time: devices that were revoked or went stale, entries that everybody has, blobs that are
//! resumed, accounts that end, backups that come back, TLS.

mod common;

use comity_chat::operator;
use comity_e2ee::engine::Plan;
use comity_e2ee::keys::DeviceKeys;
use comity_wire::http::{BlobOffset, BlobStarted, Me, MyConversations, StartBlob};
use comity_wire::proto::{
    Acknowledge, ConversationKind, Deliver, Entry, EntryKind, Fetch, FetchState, LogState,
    Position, Sync, client_frame::Act, reply, server_frame::Frame,
};
use comity_wire::{ConversationId, SIGN_IN_EXPORTER_LABEL};
use common::{House, Person, Socket, device, next_manifest};
use serde_json::Value;
use std::time::Duration;

fn random(bytes: &mut [u8]) {
    rand::RngCore::fill_bytes(&mut rand::rng(), bytes);
}

/// Alice makes a group and adds the others.
async fn group(house: &House, alice: &mut Person, others: &mut [&mut Person]) -> ConversationId {
    let conversation = alice.conversation();
    alice
        .create(house, &conversation, ConversationKind::Group, None)
        .await
        .unwrap();
    let mut add = Vec::new();
    for other in others.iter_mut() {
        add.push(other.session().key_package(false).unwrap());
    }
    let commit = alice.commit(
        &conversation,
        Plan {
            add,
            ..Plan::default()
        },
    );
    let seq = match alice.socket.ask(Act::SubmitCommit(commit)).await.unwrap() {
        reply::Result::Committed(committed) => committed.seq,
        other => panic!("{other:?}"),
    };
    alice.session().confirm_pending(&conversation).unwrap();
    for other in others {
        let fetch = comity_wire::proto::FetchWelcome {
            hub: String::new(),
            conversation: conversation.id.to_vec(),
            commit_seq: seq,
        };
        let reply::Result::Welcome(welcome) =
            other.socket.ask(Act::FetchWelcome(fetch)).await.unwrap()
        else {
            panic!()
        };
        let _ = other
            .session()
            .join(&welcome.welcome, &welcome.ratchet_tree)
            .unwrap();
    }
    conversation
}

async fn say(person: &mut Person, conversation: &ConversationId, text: &[u8]) -> u64 {
    let entry = person.entry(conversation, text);
    match person.socket.ask(Act::Append(entry)).await.unwrap() {
        reply::Result::Appended(appended) => appended.seq,
        other => panic!("{other:?}"),
    }
}

async fn fetch(person: &mut Person, log: &[u8], after_seq: u64) -> Deliver {
    let fetch = Fetch {
        hub: String::new(),
        log: log.to_vec(),
        after_seq,
        bytes_max: 0,
    };
    match person.socket.ask(Act::Fetch(fetch)).await.unwrap() {
        reply::Result::Deliver(deliver) => deliver,
        other => panic!("{other:?}"),
    }
}

async fn acknowledge(person: &mut Person, log: &[u8], seq: u64) {
    let positions = vec![Position {
        hub: String::new(),
        log: log.to_vec(),
        seq,
    }];
    person
        .socket
        .ask(Act::Acknowledge(Acknowledge { positions }))
        .await
        .unwrap();
}

async fn state(person: &mut Person, log: &[u8]) -> LogState {
    match person
        .socket
        .ask(Act::Sync(Sync { since: 0 }))
        .await
        .unwrap()
    {
        reply::Result::Sync(sync) => sync
            .logs
            .into_iter()
            .find(|found| found.log == log)
            .unwrap(),
        other => panic!("{other:?}"),
    }
}

async fn proposal(person: &mut Person, log: &[u8]) -> Entry {
    person
        .socket
        .push(|frame| match frame {
            Frame::Deliver(deliver) if deliver.log == log => deliver
                .entries
                .into_iter()
                .find(|entry| entry.kind() == EntryKind::Proposal),
            _ => None,
        })
        .await
}

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

#[tokio::test(flavor = "multi_thread")]
async fn the_operator_suspends_and_orders_deletions_beside_the_server() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    let conn = operator::open(house.data()).unwrap();
    let account = alice.address.account;
    assert!(operator::suspend(&conn, &account, true).unwrap());
    let closing = alice
        .socket
        .push(|frame| match frame {
            Frame::Closing(closing) => Some(closing.code),
            _ => None,
        })
        .await;
    assert_eq!(closing, "account_gone");
    let refused = Socket::connect(house.running().address)
        .await
        .sign_in(&house.app(), &alice.keys)
        .await;
    assert_eq!(refused.unwrap_err(), "account_gone");
    assert!(operator::suspend(&conn, &account, false).unwrap());
    alice.reconnect(&house).await;
    assert_eq!(operator::stats(&conn).unwrap().accounts, 1);
    assert!(operator::order_deletion(&conn, &account).unwrap());
    for _ in 0..100 {
        if operator::stats(&conn).unwrap().accounts == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the account is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_over_tls_is_bound_to_the_connection() {
    let folder = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (
        folder.path().join("cert.pem"),
        folder.path().join("key.pem"),
    );
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let mut house = House::open().await;
    let alice = Person::sign_up(&house, 1).await;
    house.config.tls_certificate = Some(certificate);
    house.config.tls_key = Some(key);
    house.restart().await;

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let config = rustls::ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(config));
    let address = house.running().address;
    for (right, wanted) in [(true, Ok(())), (false, Err("unauthenticated".to_owned()))] {
        let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
        let name = rustls_pki_types::ServerName::try_from("localhost").unwrap();
        let tls = connector.connect(name, tcp).await.unwrap();
        let exporter = tls
            .get_ref()
            .1
            .export_keying_material([0; 32], SIGN_IN_EXPORTER_LABEL, None)
            .unwrap();
        let exporter = if right { exporter } else { [1; 32] };
        let mut socket = Socket::over(Box::new(tls), address, Some(exporter)).await;
        assert_eq!(
            socket.sign_in(&house.app(), &alice.keys).await.map(|_| ()),
            wanted
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_says_what_runs_and_refuses_plain_text_beyond_loopback() {
    let house = House::open().await;
    let home = house.http.get(house.url("/")).send().await.unwrap();
    assert_eq!(home.status(), 200);
    let policy = home.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(policy.starts_with("default-src 'none'"));
    assert!(home.text().await.unwrap().contains("comity chat"));
    for path in ["/healthz", "/readyz", "/openapi.json", "/v1/app"] {
        assert_eq!(
            house
                .http
                .get(house.url(path))
                .send()
                .await
                .unwrap()
                .status(),
            200,
            "{path}"
        );
    }
    let metrics = house.http.get(house.url("/metrics")).send().await.unwrap();
    assert!(metrics.text().await.unwrap().contains("comity_commit_jobs"));

    let second = comity_chat::Server::start(house.config.clone()).await;
    assert!(second.unwrap_err().to_string().contains("another process"));
    let folder = tempfile::tempdir().unwrap();
    let mut open = house.config.clone();
    open.data = folder.path().join("data");
    open.listen = "0.0.0.0:0".parse().unwrap();
    let refused = comity_chat::Server::start(open).await.unwrap_err();
    assert!(refused.to_string().contains("loopback"));
}
