//! Two people, from sign-up to a conversation that outlives the server's restart.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use comity_e2ee::engine::Plan;
use comity_wire::http::{Found, Lookup, PostIntroduction, SealedForDevice};
use comity_wire::proto::{
    Acknowledge, ClientBatch, ClientFrame, ConversationKind, EntryKind, Fetch, FetchWelcome,
    IntroductionEnvelope, Position, PutMark, SendSignal, Sync, WelcomePointer, client_frame::Act,
    reply, server_frame::Frame,
};
use comity_wire::{Bytes64, DeviceAddress, Message as _, MessageId};

use std::collections::BTreeSet;

use common::{House, Person, Socket, number, random16};

fn log_of(person: &Person) -> Vec<u8> {
    person.keys.id().to_vec()
}

/// Alice introduces herself to Bob, Bob accepts and makes the conversation; both are in it.
async fn talk(house: &House) -> (Person, Person, comity_wire::ConversationId) {
    let mut alice = Person::sign_up(house, 1).await;
    let mut bob = Person::sign_up(house, 2).await;
    assert_eq!(alice.post_key_packages(house, 5).await.one_time, 5);

    // Alice finds Bob by his number.
    let found: Found = alice
        .act(
            house,
            "POST",
            "/v1/directory/lookup",
            &Lookup {
                number: number(2),
                country: None,
            },
        )
        .await
        .unwrap();
    assert_eq!(found.address, bob.address);
    assert_eq!(found.introduction_keys.len(), 1);

    // She introduces herself.
    let token = [9; 32];
    let r = [5; 32];
    let device = DeviceAddress::new(house.app(), alice.keys.id());
    let header = comity_membership::franking::Header {
        tag: [1; 32],
        sender_commitment: comity_membership::franking::sender_commitment(
            &device,
            &alice.address,
            &r,
        ),
        epoch_authenticator: [0; 8],
    };
    let introduction = PostIntroduction {
        to: bob.address.clone(),
        id: MessageId::new(random16()),
        sealed: vec![SealedForDevice {
            device: bob.keys.id(),
            introduction_key: Bytes64(vec![1]),
            sealed: Bytes64(b"opaque".to_vec()),
        }],
        token_hash: Bytes64(comity_platform::secret::hash(&token).to_vec()),
        header: Bytes64(header.encode()),
        sender_nonce: Bytes64(r.to_vec()),
    };
    let first: comity_wire::http::IntroductionPosted = alice
        .act(house, "POST", "/v1/introductions", &introduction)
        .await
        .unwrap();
    let again: comity_wire::http::IntroductionPosted = alice
        .act(house, "POST", "/v1/introductions", &introduction)
        .await
        .unwrap();
    assert_eq!(first, again, "a retry gets the first answer");

    // It is pushed into Bob's inbox.
    let inbox = log_of(&bob);
    let entry = bob
        .socket
        .push(|frame| match frame {
            Frame::Deliver(mut deliver) if deliver.log == inbox => Some(deliver.entries.remove(0)),
            _ => None,
        })
        .await;
    assert_eq!(entry.kind(), EntryKind::Introduction);
    let envelope = IntroductionEnvelope::decode(entry.body.as_slice()).unwrap();
    assert_eq!(envelope.from_account, alice.address.account.to_vec());
    assert_eq!(envelope.seal, first.seal.0);

    // Strangers get no key packages; with the token Bob does.
    assert_eq!(
        common::code(bob.fetch_key_packages(house, &alice.address, None).await),
        "consent_needed"
    );
    let packages = bob
        .fetch_key_packages(house, &alice.address, Some(&token))
        .await
        .unwrap();
    assert_eq!(packages.len(), 1);

    let conversation = bob.conversation();
    let alice_address = alice.address.clone();
    let created = bob
        .create(
            house,
            &conversation,
            ConversationKind::Direct,
            Some(&alice_address),
        )
        .await
        .unwrap();
    assert!(created.existing.is_empty());
    let plan = Plan {
        add: vec![packages[0].key_package.0.clone()],
        ..Plan::default()
    };
    let commit = bob.commit(&conversation, plan);
    let reply::Result::Committed(committed) = bob
        .socket
        .ask(Act::SubmitCommit(commit.clone()))
        .await
        .unwrap()
    else {
        panic!()
    };
    assert_eq!((committed.seq, committed.epoch), (1, 1));
    let reply::Result::Committed(again) = bob.socket.ask(Act::SubmitCommit(commit)).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(again, committed, "a retry gets the first answer");
    bob.session().confirm_pending(&conversation).unwrap();

    // Alice gets a pointer, fetches the welcome, joins.
    let pointer = alice
        .socket
        .push(|frame| match frame {
            Frame::Deliver(deliver) => {
                let entry = &deliver.entries[0];
                (entry.kind() == EntryKind::Welcome)
                    .then(|| WelcomePointer::decode(entry.body.as_slice()).unwrap())
            }
            _ => None,
        })
        .await;
    assert_eq!(pointer.conversation, conversation.id.to_vec());
    let fetch = FetchWelcome {
        hub: pointer.hub,
        conversation: pointer.conversation,
        commit_seq: pointer.commit_seq,
    };
    let reply::Result::Welcome(welcome) = alice.socket.ask(Act::FetchWelcome(fetch)).await.unwrap()
    else {
        panic!()
    };
    let joined = alice
        .session()
        .join(&welcome.welcome, &welcome.ratchet_tree)
        .unwrap();
    assert_eq!(joined.conversation, conversation);
    (alice, bob, conversation)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_people_talk_and_nothing_is_lost_over_a_restart() {
    let mut house = House::open().await;
    let (mut alice, mut bob, conversation) = talk(&house).await;
    let log = conversation.id.to_vec();

    // Bob says something; Alice is pushed it and reads it.
    let said = bob.entry(&conversation, b"hello, Alice");
    let reply::Result::Appended(appended) =
        bob.socket.ask(Act::Append(said.clone())).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(appended.seq, 2);
    assert_eq!(appended.seal.len(), 32);
    let reply::Result::Appended(again) = bob.socket.ask(Act::Append(said)).await.unwrap() else {
        panic!()
    };
    assert_eq!(again, appended, "a retry gets the first answer");
    let entry = alice
        .socket
        .push(|frame| match frame {
            Frame::Deliver(mut deliver) if deliver.log == log => Some(deliver.entries.remove(0)),
            _ => None,
        })
        .await;
    assert_eq!(entry.seq, 2);
    let read = alice.session().decrypt(&conversation, &entry.body).unwrap();
    assert_eq!(read.plaintext, b"hello, Alice");
    assert_eq!(read.sender.address, bob.address);

    // She acknowledges; Bob hears that it was delivered.
    let positions = vec![Position {
        hub: String::new(),
        log: log.clone(),
        seq: 2,
    }];
    alice
        .socket
        .ask(Act::Acknowledge(Acknowledge { positions }))
        .await
        .unwrap();
    let cursors = bob
        .socket
        .push(|frame| match frame {
            Frame::Cursors(cursors) => Some(cursors),
            _ => None,
        })
        .await;
    assert_eq!(cursors.cursors[0].seq, 2);
    assert_eq!(cursors.cursors[0].device, alice.keys.id().to_vec());

    // Marks are kept and pushed, signals only passed on.
    let mark = PutMark {
        hub: String::new(),
        conversation: log.clone(),
        epoch: 1,
        body: vec![3],
    };
    alice.socket.ask(Act::PutMark(mark)).await.unwrap();
    let signal = SendSignal {
        hub: String::new(),
        conversation: log.clone(),
        epoch: 1,
        body: vec![4],
    };
    alice.socket.ask(Act::SendSignal(signal)).await.unwrap();
    let marks = bob
        .socket
        .push(|frame| match frame {
            Frame::Marks(marks) => Some(marks),
            _ => None,
        })
        .await;
    assert_eq!(marks.marks[0].body, [3]);
    let signal = bob
        .socket
        .push(|frame| match frame {
            Frame::Signal(signal) => Some(signal),
            _ => None,
        })
        .await;
    assert_eq!(
        (signal.body, signal.device),
        (vec![4], alice.keys.id().to_vec())
    );

    // What is said last is heard, though who said it leaves at once and reads no answer.
    let last: Vec<u8> = (10..26).collect();
    let frames = last.iter().map(|word| ClientFrame {
        request: u64::from(*word) + 1_000,
        act: Some(Act::SendSignal(SendSignal {
            hub: String::new(),
            conversation: log.clone(),
            epoch: 1,
            body: vec![*word],
        })),
    });
    let frames = frames.collect();
    alice
        .socket
        .send_raw(ClientBatch { frames }.encode_to_vec())
        .await;
    alice.socket.goodbye().await;
    let mut heard = BTreeSet::new();
    while heard.len() < last.len() {
        let signal = bob
            .socket
            .push(|frame| match frame {
                Frame::Signal(signal) => Some(signal),
                _ => None,
            })
            .await;
        heard.extend(signal.body);
    }
    assert_eq!(heard.into_iter().collect::<Vec<_>>(), last);

    // The server goes away and comes back; both say where they are.
    house.restart().await;
    alice.reconnect(&house).await;
    bob.reconnect(&house).await;
    let reply::Result::Sync(sync) = bob.socket.ask(Act::Sync(Sync { since: 0 })).await.unwrap()
    else {
        panic!()
    };
    assert!(!sync.more);
    let state = sync.logs.iter().find(|state| state.log == log).unwrap();
    assert_eq!((state.head_seq, state.epoch, state.member), (2, 1, true));
    let delivered = state
        .cursors
        .iter()
        .find(|c| c.device == alice.keys.id().to_vec())
        .unwrap();
    assert_eq!(
        delivered.seq, 2,
        "the cursor was written when the server stopped"
    );
    assert_eq!(state.marks.len(), 1);
    let since = sync.token;
    let fetch = Fetch {
        hub: String::new(),
        log: log.clone(),
        after_seq: 0,
        bytes_max: 0,
    };
    let reply::Result::Deliver(deliver) = bob.socket.ask(Act::Fetch(fetch)).await.unwrap() else {
        panic!()
    };
    let kinds: Vec<_> = deliver.entries.iter().map(|entry| entry.kind()).collect();
    assert_eq!(kinds, [EntryKind::Commit, EntryKind::Content]);
    assert_eq!(deliver.entries[1].body, entry.body);

    // Alice answers; only that is new for Bob.
    let answer = alice.entry(&conversation, b"hello, Bob");
    alice.socket.ask(Act::Append(answer)).await.unwrap();
    let reply::Result::Sync(sync) = bob.socket.ask(Act::Sync(Sync { since })).await.unwrap() else {
        panic!()
    };
    assert_eq!(sync.logs.len(), 1);
    assert_eq!(sync.logs[0].head_seq, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_appends_from_both_sides_are_one_order_without_holes() {
    let house = House::open().await;
    let (mut alice, mut bob, conversation) = talk(&house).await;
    let log = conversation.id.to_vec();
    let mut asked = Vec::new();
    for n in 0..50_u8 {
        let one = alice.entry(&conversation, &[n]);
        let other = bob.entry(&conversation, &[n]);
        asked.push((
            alice.socket.send(Act::Append(one)).await,
            bob.socket.send(Act::Append(other)).await,
        ));
    }
    // Each side sees replies and pushes as one contiguous run.
    for (person, own) in [(&mut alice, 0), (&mut bob, 1)] {
        let mut next = 2;
        let mut replies = 0;
        while next < 102 {
            match person.socket.frame().await.unwrap() {
                Frame::Reply(reply) => {
                    let Some(reply::Result::Appended(appended)) = reply.result else {
                        panic!()
                    };
                    assert_eq!(appended.seq, next);
                    let asked = asked[replies];
                    assert_eq!(reply.request, if own == 0 { asked.0 } else { asked.1 });
                    next += 1;
                    replies += 1;
                }
                Frame::Deliver(deliver) if deliver.log == log => {
                    for entry in deliver.entries {
                        assert_eq!(entry.seq, next);
                        next += 1;
                    }
                }
                _ => {}
            }
        }
        assert_eq!(replies, 50);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_killed_while_signing_in_displaces_nobody() {
    let house = House::open().await;
    let mut alice = Person::sign_up(&house, 1).await;
    // A program says hello and answers the challenge, but its answer is looked at late …
    let mut killed = Socket::connect(house.running().address).await;
    let nonce = killed.hello(&alice.keys).await.unwrap();
    // … when the one that was started after it is signed in.
    alice.reconnect(&house).await;
    killed
        .prove(&house.app(), &alice.keys, &nonce)
        .await
        .unwrap();
    // Whichever of the two the server notes first, she is the one who stays.
    let ended = closing(&mut killed).await;
    assert!(
        ["unavailable", "exists"].contains(&ended.as_str()),
        "{ended}"
    );
    let sync = Act::Sync(Sync::default());
    assert!(alice.socket.ask(sync).await.is_ok(), "she is still there");
    // A copy of her store that comes now is told of to her.
    let mut copy = Socket::connect(house.running().address).await;
    copy.sign_in(&house.app(), &alice.keys).await.unwrap();
    assert_eq!(closing(&mut alice.socket).await, "exists");
}

/// The code that a connection ends with.
async fn closing(socket: &mut Socket) -> String {
    loop {
        match socket.frame().await.expect("it says why it ends") {
            Frame::Closing(closing) => return closing.code,
            _ => continue,
        }
    }
}
