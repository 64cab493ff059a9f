//! Two apps whose people talk: one hosts the log, the other follows it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use comity_chat::family::{Fate, Way};
use comity_e2ee::engine::Plan;
use comity_e2ee::keys::sign_manifest;
use comity_membership::{CommitHeader, franking};
use comity_wire::http::{IntroductionPosted, MyConversations, PostIntroduction, SealedForDevice};
use comity_wire::proto::{
    ConversationKind, EntryKind, IntroductionEnvelope, Mark, PutMark, SendSignal, SubmitCommit,
    client_frame::Act, server_frame::Frame,
};
use comity_wire::{Bytes64, ConversationId, DeviceAddress, DeviceId, Message as _, MessageId};
use common::Person;
use common::family::{
    Two, acknowledge, commit, entry, follow_commits, insist, join, pointer, read, read_to, say,
    send, state, state_is, welcome,
};
use std::time::Duration;

/// The next entry of the conversation that is pushed, decrypted.
async fn hear(person: &mut Person, conversation: &ConversationId) -> Vec<u8> {
    let (hub, log) = (conversation.hub.to_string(), conversation.id.to_vec());
    let own = person.address.app == conversation.hub;
    let entry = person
        .socket
        .push(|frame| match frame {
            Frame::Deliver(mut deliver) if deliver.log == log => {
                assert!(deliver.hub == hub || (own && deliver.hub.is_empty()));
                deliver
                    .entries
                    .retain(|entry| entry.kind() == EntryKind::Content);
                deliver.entries.pop()
            }
            _ => None,
        })
        .await;
    let session = &mut person.session();
    session
        .decrypt(conversation, &entry.body)
        .unwrap()
        .plaintext
}

fn put_mark(conversation: &ConversationId, epoch: u64, body: u8) -> Act {
    Act::PutMark(PutMark {
        hub: conversation.hub.to_string(),
        conversation: conversation.id.to_vec(),
        epoch,
        body: vec![body],
    })
}

async fn marks(person: &mut Person) -> Vec<Mark> {
    person
        .socket
        .push(|frame| match frame {
            Frame::Marks(marks) => Some(marks.marks),
            _ => None,
        })
        .await
}

fn cursor_of(state: &comity_wire::proto::LogState, device: DeviceId) -> u64 {
    let mut cursors = state.cursors.iter();
    cursors
        .find(|cursor| cursor.device == device.to_vec())
        .map_or(0, |cursor| cursor.seq)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_two_apps_talk_in_one_log() {
    let two = Two::open().await;
    let (mut alice, mut bob, conversation) = two.talk().await;

    // Each hears the other as it is said.
    say(&mut alice, &conversation, b"hello, Bob").await;
    assert_eq!(hear(&mut bob, &conversation).await, b"hello, Bob");
    say(&mut bob, &conversation, b"hello, Alice").await;
    assert_eq!(hear(&mut alice, &conversation).await, b"hello, Alice");

    // Delivered and read cross both ways.
    let head = state(&mut bob, &conversation).await.head_seq;
    acknowledge(&mut bob, &conversation, head).await;
    acknowledge(&mut alice, &conversation, head).await;
    let (at_bob, at_alice) = (bob.keys.id(), alice.keys.id());
    let told = |device| move |state: &_| cursor_of(state, device) == head;
    state_is(&mut alice, &conversation, told(at_bob)).await;
    state_is(&mut bob, &conversation, told(at_alice)).await;
    bob.socket.ask(put_mark(&conversation, 2, 7)).await.unwrap();
    alice
        .socket
        .ask(put_mark(&conversation, 2, 8))
        .await
        .unwrap();
    let from_bob = marks(&mut alice).await;
    assert_eq!(
        (&from_bob[0].body, &from_bob[0].device),
        (&vec![7], &at_bob.to_vec())
    );
    let from_alice = marks(&mut bob).await;
    assert_eq!(from_alice[0].body, [8]);
    let kept = |state: &comity_wire::proto::LogState| state.marks.len() == 2;
    state_is(&mut bob, &conversation, kept).await;

    // Signals are passed on.
    for (from, to) in [(&mut alice, &mut bob)] {
        let typing = SendSignal {
            hub: conversation.hub.to_string(),
            conversation: conversation.id.to_vec(),
            epoch: 2,
            body: vec![4],
        };
        from.socket.ask(Act::SendSignal(typing)).await.unwrap();
        let signal = to
            .socket
            .push(|frame| match frame {
                Frame::Signal(signal) => Some(signal),
                _ => None,
            })
            .await;
        assert_eq!(
            (signal.body, signal.hub),
            (vec![4], conversation.hub.to_string())
        );
    }

    // Both sides have the same log: numbers, times, seals and bytes.
    let joined = state(&mut bob, &conversation).await.first_seq - 1;
    let there = read(&mut bob, &conversation, joined).await;
    let here = read(&mut alice, &conversation, joined).await;
    assert_eq!(there.entries, here.entries);
    assert_eq!(there.entries.len(), 2);
    let before = read(&mut bob, &conversation, 0).await;
    assert_eq!(
        before.entries, there.entries,
        "what was before him is not his"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn many_from_both_apps_are_one_order_on_both() {
    let two = Two::open().await;
    let (mut alice, mut bob, conversation) = two.talk().await;
    let joined = state(&mut alice, &conversation).await.head_seq;
    let mut asked = Vec::new();
    for n in 0..60_u8 {
        let (one, other) = (
            entry(&mut alice, &conversation, &[n]),
            entry(&mut bob, &conversation, &[n]),
        );
        asked.push((
            alice.socket.send(Act::Append(one)).await,
            bob.socket.send(Act::Append(other)).await,
        ));
    }
    for (at_alice, at_bob) in asked {
        alice.socket.answer(at_alice).await.unwrap();
        bob.socket.answer(at_bob).await.unwrap();
    }
    let there = read_to(&mut bob, &conversation, joined, joined + 120).await;
    let here = read_to(&mut alice, &conversation, joined, joined + 120).await;
    assert_eq!(there, here);
    let mut from_bob = Vec::new();
    for entry in &here {
        if let Ok(read) = alice.session().decrypt(&conversation, &entry.body) {
            from_bob.push(read.plaintext[0]);
        }
    }
    assert_eq!(
        from_bob,
        (0..60).collect::<Vec<_>>(),
        "in the order he said it"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_hub_is_away_it_is_said_and_afterwards_everything_goes_on() {
    let mut two = Two::open().await;
    let (mut alice, mut bob, conversation) = two.talk().await;
    let first = say(&mut bob, &conversation, b"before").await;
    acknowledge(&mut bob, &conversation, first).await;

    two.board.detach(&two.one.app());
    two.one.running.take().unwrap().stop().await;
    let waiting = entry(&mut bob, &conversation, b"while you are away");
    assert_eq!(
        send(&mut bob, waiting.clone()).await.unwrap_err(),
        "unavailable"
    );
    // A mark is kept for the hub; what is there can be read.
    bob.socket.ask(put_mark(&conversation, 2, 9)).await.unwrap();
    assert_eq!(
        read(&mut bob, &conversation, first - 1).await.entries.len(),
        1
    );

    two.one.running = Some(
        comity_chat::Server::start(two.one.config.clone())
            .await
            .unwrap(),
    );
    two.connect().await;
    alice.reconnect(&two.one).await;
    let seq = insist(&mut bob, waiting.clone()).await;
    assert_eq!(seq, first + 1);
    assert_eq!(
        send(&mut bob, waiting).await.unwrap(),
        seq,
        "a retry gets the first answer"
    );
    state_is(&mut alice, &conversation, |state| {
        state.marks.iter().any(|mark| mark.body == [9])
    })
    .await;
    // The hub had written the cursor, or hears it again.
    let device = bob.keys.id();
    state_is(&mut alice, &conversation, |state| {
        cursor_of(state, device) == first
    })
    .await;
    say(&mut alice, &conversation, b"back").await;
    read_to(&mut bob, &conversation, first - 1, seq + 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_that_was_away_has_no_holes() {
    let mut two = Two::open().await;
    let (mut alice, mut bob, conversation) = two.talk().await;
    let first = say(&mut alice, &conversation, b"one").await;
    read_to(&mut bob, &conversation, first - 1, first).await;

    two.board.detach(&two.other.app());
    two.other.running.take().unwrap().stop().await;
    for n in 0..40_u8 {
        say(&mut alice, &conversation, &[n]).await;
    }
    let update = Plan {
        update_self: true,
        ..Plan::default()
    };
    let committed = commit(&mut alice, &conversation, update).await;
    let last = say(&mut alice, &conversation, b"in the next epoch").await;

    two.other.running = Some(
        comity_chat::Server::start(two.other.config.clone())
            .await
            .unwrap(),
    );
    two.connect().await;
    bob.reconnect(&two.other).await;
    let there = read_to(&mut bob, &conversation, first - 1, last).await;
    let here = read_to(&mut alice, &conversation, first - 1, last).await;
    assert_eq!(there, here);
    follow_commits(&mut bob, &conversation, committed - 1).await;
    say(&mut bob, &conversation, b"I read it all").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_was_cut_for_long_is_caught_up_with() {
    let two = Two::open().await;
    let (mut alice, mut bob, conversation) = two.talk().await;
    let joined = state(&mut alice, &conversation).await.head_seq;
    two.cut();
    // More than one fetch holds: 40 entries of 60 kB.
    for n in 0..40_u8 {
        say(&mut alice, &conversation, &vec![n; 60_000]).await;
    }
    let mine = entry(&mut bob, &conversation, b"nobody hears me");
    assert_eq!(
        send(&mut bob, mine.clone()).await.unwrap_err(),
        "unavailable"
    );
    assert_eq!(state(&mut bob, &conversation).await.head_seq, joined);
    two.mend();
    let seq = insist(&mut bob, mine).await;
    assert_eq!(seq, joined + 41);
    let mut after = joined;
    let mut there = Vec::new();
    while after < seq {
        let deliver = read(&mut bob, &conversation, after).await;
        assert_eq!(deliver.head_seq, seq, "what is answered is in the copy");
        after = deliver.entries.last().unwrap().seq;
        there.extend(deliver.entries);
    }
    let mut here = Vec::new();
    while here.len() < 41 {
        let from = joined + here.len() as u64;
        here.extend(read(&mut alice, &conversation, from).await.entries);
    }
    assert_eq!(there, here);
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_doubled_requests_and_broken_streams_change_nothing() {
    let mut two = Two::open().await;
    two.other.config.family.ask_timeout_ms = 300;
    two.board.detach(&two.other.app());
    two.other.restart().await;
    two.connect().await;
    let (mut alice, mut bob, conversation) = two.talk().await;
    let joined = state(&mut alice, &conversation).await.head_seq;
    let mut count = 0_u32;
    two.board.set_fates(move |crossing| {
        count += 1;
        let nth = |n| count.is_multiple_of(n);
        Fate {
            lost: match crossing.way {
                Way::Request => nth(7),
                Way::Reply => nth(5),
                Way::Push => nth(11),
            },
            delay: Duration::from_millis(u64::from(count % 4) * 3),
            twice: nth(3),
        }
    });
    for n in 0..12_u8 {
        let own = entry(&mut bob, &conversation, &[n]);
        insist(&mut bob, own).await;
        say(&mut alice, &conversation, &[100 + n]).await;
    }
    two.board.no_fates();
    let last = say(&mut alice, &conversation, b"done").await;
    assert_eq!(last, joined + 25, "each was taken once");
    let there = read_to(&mut bob, &conversation, joined, last).await;
    let here = read_to(&mut alice, &conversation, joined, last).await;
    assert_eq!(there, here);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_welcome_reaches_the_other_app_once_also_after_a_break() {
    let two = Two::open().await;
    let (mut alice, mut bob, _) = two.talk().await;
    let carol = Person::sign_up(&two.one, 3).await;
    bob.post_key_packages(&two.other, 5).await;
    // Who does not talk with Bob gets nothing, nor who is in a group with him; who does talk with
    // him gets them through her own app.
    for person in [&carol, &alice] {
        let refused = person.fetch_key_packages(&two.one, &bob.address, None);
        assert_eq!(common::code(refused.await), "consent_needed");
    }
    let direct = alice.conversation();
    let kind = ConversationKind::Direct;
    alice
        .create(&two.one, &direct, kind, Some(&bob.address))
        .await
        .unwrap();
    let plan = Plan {
        add: vec![bob.session().key_package(false).unwrap()],
        ..Plan::default()
    };
    add(&mut alice, &bob, &direct, plan).await;
    let first = common::family::pointer(&mut bob).await;
    welcome(&mut bob, &first).await;
    let packages = alice
        .fetch_key_packages(&two.one, &bob.address, None)
        .await
        .unwrap();
    assert_eq!(packages.len(), 1);
    let found: comity_wire::http::Found = alice
        .get(&two.one, &format!("/v1/accounts/{}", bob.address))
        .await
        .unwrap();
    assert_eq!(found.address, bob.address);

    let group = alice.conversation();
    let kind = ConversationKind::Group;
    alice.create(&two.one, &group, kind, None).await.unwrap();
    two.cut();
    let plan = Plan {
        add: vec![packages[0].key_package.0.clone()],
        ..Plan::default()
    };
    add(&mut alice, &bob, &group, plan).await;
    let early = say(&mut alice, &group, b"can you hear me?").await;
    two.mend();
    let pointer = pointer(&mut bob).await;
    assert_eq!(
        (pointer.hub.as_str(), pointer.commit_seq),
        (group.hub.as_str(), 1)
    );
    welcome(&mut bob, &pointer).await;
    let heard = read_to(&mut bob, &group, 1, early).await;
    let read = bob.session().decrypt(&group, &heard[0].body).unwrap();
    assert_eq!(read.plaintext, b"can you hear me?");
    say(&mut bob, &group, b"yes").await;

    let conn = comity_chat::operator::open(two.one.data()).unwrap();
    let waiting: i64 = conn
        .query_row("SELECT count(*) FROM outbox", [], |row| row.get(0))
        .unwrap();
    assert_eq!(waiting, 0, "what was taken waits no more");
    let inbox = bob.keys.id();
    let inbox = common::steps::fetch(&mut bob, inbox.as_bytes(), 0).await;
    assert_eq!(inbox.entries.len(), 2, "each came once");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_whose_people_are_out_no_longer_follows() {
    let two = Two::open().await;
    let (mut alice, mut bob, conversation) = two.talk().await;
    let seq = say(&mut alice, &conversation, b"still here").await;
    let plan = Plan {
        remove: vec![bob.keys.id()],
        ..Plan::default()
    };
    let removal = commit(&mut alice, &conversation, plan).await;
    let out = state_is(&mut bob, &conversation, |state| !state.member).await;
    assert_eq!(
        out.head_seq, removal,
        "the removal is the last that he may read"
    );
    let last = read_to(&mut bob, &conversation, seq - 1, removal).await;
    assert_eq!(last.len(), 2);
    for _ in 0..5 {
        say(&mut alice, &conversation, b"he is gone").await;
    }
    // Asked for or not, nothing of it is at the other app.
    tokio::time::sleep(Duration::from_millis(1_300)).await;
    assert_eq!(read(&mut bob, &conversation, removal).await.entries, []);
    let conn = comity_chat::operator::open(two.other.data()).unwrap();
    let newest: u64 = conn
        .query_row(
            "SELECT max(e.seq + e.others) FROM entry e JOIN followed f ON f.log = e.log",
            [],
            |row| row.get::<_, i64>(0).map(|seq| u64::try_from(seq).unwrap()),
        )
        .unwrap();
    assert_eq!(newest, removal);
    let late = entry(&mut bob, &conversation, b"may I?");
    assert_eq!(send(&mut bob, late).await.unwrap_err(), "not_member");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_its_app_gave_up_is_taken_out_at_the_hub() {
    let two = Two::open().await;
    let (mut alice, bob, conversation) = two.talk().await;
    let _: serde_json::Value = bob.act(&two.other, "DELETE", "/v1/me", &()).await.unwrap();
    let proposed = common::steps::proposal(&mut alice, conversation.id.as_bytes()).await;
    alice
        .session()
        .process_proposal(&conversation, &proposed.body)
        .unwrap();
    let update = Plan {
        update_self: true,
        ..Plan::default()
    };
    commit(&mut alice, &conversation, update).await;
    assert_eq!(alice.session().members(&conversation).unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_member_and_who_knows_no_such_app_is_refused() {
    let two = Two::open().await;
    let (_alice, _bob, conversation) = two.talk().await;
    let mut dora = Person::sign_up(&two.other, 4).await;
    let stranger = comity_e2ee::invitation::Invitation::generate(
        conversation.clone(),
        &mut common::steps::random,
    );
    assert_eq!(
        join(&mut dora, &conversation, &stranger).await.unwrap_err(),
        "forbidden"
    );
    let fetch = comity_wire::proto::Fetch {
        hub: conversation.hub.to_string(),
        log: conversation.id.to_vec(),
        ..comity_wire::proto::Fetch::default()
    };
    assert_eq!(
        dora.socket
            .ask(Act::Fetch(fetch.clone()))
            .await
            .unwrap_err(),
        "not_member"
    );
    let elsewhere = comity_wire::proto::Fetch {
        hub: "third.example".to_owned(),
        ..fetch
    };
    assert_eq!(
        dora.socket.ask(Act::Fetch(elsewhere)).await.unwrap_err(),
        "wrong_app"
    );
}

/// Alice's introduction to Bob, as her program makes it.
fn introduction(alice: &Person, bob: &Person, token: &[u8]) -> PostIntroduction {
    let r = [5; 32];
    let device = DeviceAddress::new(alice.address.app.clone(), alice.keys.id());
    let header = franking::Header {
        tag: [1; 32],
        sender_commitment: franking::sender_commitment(&device, &alice.address, &r),
        epoch_authenticator: [0; 8],
    };
    PostIntroduction {
        to: bob.address.clone(),
        id: MessageId::new(common::random16()),
        sealed: vec![SealedForDevice {
            device: bob.keys.id(),
            introduction_key: Bytes64(vec![1]),
            sealed: Bytes64(b"opaque".to_vec()),
        }],
        token_hash: Bytes64(comity_platform::secret::hash(token).to_vec()),
        header: Bytes64(header.encode()),
        sender_nonce: Bytes64(r.to_vec()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_of_another_app_introduces_herself_and_is_answered() {
    let two = Two::open().await;
    let mut alice = Person::sign_up(&two.one, 1).await;
    let mut bob = Person::sign_up(&two.other, 2).await;
    alice.post_key_packages(&two.one, 5).await;
    let token = [9; 32];
    let post = introduction(&alice, &bob, &token);
    let posted = async || {
        alice
            .act::<IntroductionPosted>(&two.one, "POST", "/v1/introductions", &post)
            .await
            .unwrap()
    };
    assert_eq!(
        posted().await,
        posted().await,
        "a retry gets the first answer"
    );
    let inbox = bob.keys.id().to_vec();
    let envelope = bob
        .socket
        .push(|frame| match frame {
            Frame::Deliver(deliver) if deliver.log == inbox => {
                Some(IntroductionEnvelope::decode(deliver.entries[0].body.as_slice()).unwrap())
            }
            _ => None,
        })
        .await;
    assert_eq!(envelope.from_app, "chat.example");
    assert_eq!(envelope.from_account, alice.address.account.to_vec());

    // He accepts: her app gives her key packages for the token, his hosts the conversation.
    let without = bob
        .fetch_key_packages(&two.other, &alice.address, None)
        .await;
    assert_eq!(common::code(without), "consent_needed");
    let packages = bob
        .fetch_key_packages(&two.other, &alice.address, Some(&token))
        .await
        .unwrap();
    let conversation = bob.conversation();
    let (her, kind) = (alice.address.clone(), ConversationKind::Direct);
    bob.create(&two.other, &conversation, kind, Some(&her))
        .await
        .unwrap();
    let plan = Plan {
        add: vec![packages[0].key_package.0.clone()],
        ..Plan::default()
    };
    add(&mut bob, &alice, &conversation, plan).await;
    let pointer = pointer(&mut alice).await;
    assert_eq!(pointer.hub, "other.example");
    welcome(&mut alice, &pointer).await;
    say(&mut alice, &conversation, b"thank you").await;
    assert_eq!(hear(&mut bob, &conversation).await, b"thank you");
    let listed: MyConversations = alice.get(&two.one, "/v1/me/conversations").await.unwrap();
    let listed = &listed.conversations[0];
    assert_eq!((&listed.conversation, listed.member), (&conversation, true));
}

/// Adds somebody of another app, with the device list that the hub does not know yet.
async fn add(person: &mut Person, whom: &Person, conversation: &ConversationId, plan: Plan) {
    let header = CommitHeader {
        version: 1,
        manifests: vec![sign_manifest(&whom.manifest, Some(&whom.root), None)],
        ..CommitHeader::default()
    };
    let pending = person
        .session()
        .commit(conversation, plan, &header)
        .unwrap();
    let submit = SubmitCommit {
        conversation: conversation.id.to_vec(),
        expected_epoch: pending.epoch_before,
        idempotency_key: common::random16().to_vec(),
        commit: pending.commit,
        welcome: pending.welcome.unwrap(),
        group_info: pending.group_info,
        ..SubmitCommit::default()
    };
    person.socket.ask(Act::SubmitCommit(submit)).await.unwrap();
    person.session().confirm_pending(conversation).unwrap();
}
