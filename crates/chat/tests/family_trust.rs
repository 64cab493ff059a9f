//! What one app may not do to another: raw requests at the hub's door.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod common;

use comity_chat::family::Door;
use comity_wire::proto::{
    Append, ClientFrame, FamilyReply, FamilyRequest, FetchState, FollowFetch, FollowSync, Greet,
    HandOver, HandedOver, Relay, RelayedAct, Reply, ServerBatch, Vouch, VouchedAct, WelcomePointer,
    client_frame, family_reply, family_request, relayed_act, relayed_result, reply,
    server_frame::Frame,
};
use comity_wire::{Address, AppId, ConversationId, DeviceId, Message as _, vouch_message};
use common::Person;
use common::family::{Two, app_key_of, entry, say, state};
use ed25519_dalek::{Signer, SigningKey};
use std::time::{Duration, Instant};

/// A sibling that says what it likes.
struct Raw {
    door: Door,
    from: AppId,
    hub: AppId,
    key: SigningKey,
    session: Vec<u8>,
}

impl Raw {
    /// In the place of the other app's server, which is cut off.
    async fn of(two: &Two) -> Self {
        two.cut();
        let mut raw = Self {
            door: two.one.running().door(),
            from: two.other.app(),
            hub: two.one.app(),
            key: app_key_of(&two.other),
            session: Vec::new(),
        };
        raw.greet().await;
        raw
    }

    async fn greet(&mut self) {
        let greet = family_request::Act::Greet(Greet { version: 1 });
        let family_reply::Result::Greeted(greeted) = self.ask(greet).await.unwrap() else {
            panic!()
        };
        self.session = greeted.session;
    }

    async fn ask(&self, act: family_request::Act) -> Result<family_reply::Result, String> {
        let request = FamilyRequest {
            session: self.session.clone(),
            act: Some(act),
        };
        let bytes = self.door.answer(&self.from, &request.encode_to_vec()).await;
        match FamilyReply::decode(bytes.as_slice())
            .unwrap()
            .result
            .unwrap()
        {
            family_reply::Result::Error(error) => Err(error.code),
            result => Ok(result),
        }
    }

    fn vouch(
        &self,
        of: &Address,
        device: DeviceId,
        number: u64,
        act: client_frame::Act,
    ) -> VouchedAct {
        let act = RelayedAct {
            act: Some(relayed_act::Act::Frame(ClientFrame {
                request: 0,
                act: Some(act),
            })),
        }
        .encode_to_vec();
        let digest = comity_platform::secret::hash(&act);
        let message = vouch_message(&self.hub, &self.session, number, of, &device, &digest);
        VouchedAct {
            act,
            vouch: Some(Vouch {
                account: of.account.to_vec(),
                app: of.app.to_string(),
                device: device.to_vec(),
                number,
                signature: self.key.sign(&message).to_bytes().to_vec(),
            }),
        }
    }

    async fn relay(&self, acts: Vec<VouchedAct>) -> Vec<Result<reply::Result, String>> {
        let relay = family_request::Act::Relay(Relay { acts });
        let family_reply::Result::Relay(reply) = self.ask(relay).await.unwrap() else {
            panic!()
        };
        let of = |result| match result {
            Some(relayed_result::Result::Reply(Reply {
                result: Some(reply::Result::Error(error)),
                ..
            })) => Err(error.code),
            Some(relayed_result::Result::Reply(Reply { result, .. })) => Ok(result.unwrap()),
            other => panic!("{other:?}"),
        };
        reply
            .results
            .into_iter()
            .map(|one| of(one.result))
            .collect()
    }

    async fn one(&self, act: VouchedAct) -> Result<reply::Result, String> {
        self.relay(vec![act]).await.remove(0)
    }
}

fn show(conversation: &ConversationId) -> client_frame::Act {
    client_frame::Act::FetchState(FetchState {
        conversation: conversation.id.to_vec(),
        ..FetchState::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_app_vouches_for_its_own_devices_only_and_each_word_counts_once() {
    let two = Two::open().await;
    let (mut alice, mut bob, conversation) = two.talk().await;
    let raw = Raw::of(&two).await;
    let own = |number| raw.vouch(&bob.address, bob.keys.id(), number, show(&conversation));

    // Its own device, once; the same word again, and an older number, count no more.
    let word = own(5);
    raw.one(word.clone()).await.unwrap();
    assert_eq!(raw.one(word).await.unwrap_err(), "vouch_invalid");
    raw.one(own(4)).await.unwrap();
    assert_eq!(raw.one(own(4)).await.unwrap_err(), "vouch_invalid");

    // Alice's device is not of that app, whatever it signs.
    let hers = raw.vouch(&alice.address, alice.keys.id(), 6, show(&conversation));
    assert_eq!(raw.one(hers).await.unwrap_err(), "vouch_invalid");
    // Called its own, her device is nobody in the log: nothing can be said in her name.
    let renamed = Address::new(raw.from.clone(), alice.address.account);
    let hers = raw.vouch(&renamed, alice.keys.id(), 7, show(&conversation));
    assert_eq!(raw.one(hers).await.unwrap_err(), "not_member");
    let said = entry(&mut alice, &conversation, b"not mine");
    let said = client_frame::Act::Append(said);
    let hers = raw.vouch(&renamed, alice.keys.id(), 8, said);
    assert_eq!(raw.one(hers).await.unwrap_err(), "signature_invalid");

    // Another act under the same word; another app's key.
    let mut swapped = own(9);
    swapped.act = raw
        .vouch(&bob.address, bob.keys.id(), 9, show_sealed(&conversation))
        .act;
    assert_eq!(raw.one(swapped).await.unwrap_err(), "vouch_invalid");
    let mut foreign = Raw::of(&two).await;
    foreign.key = app_key_of(&two.one);
    let word = foreign.vouch(&bob.address, bob.keys.id(), 1, show(&conversation));
    assert_eq!(foreign.one(word).await.unwrap_err(), "vouch_invalid");

    // A word of a session that is over; nothing in a session that is not the current one.
    let relay = family_request::Act::Relay(Relay {
        acts: vec![own(10)],
    });
    assert_eq!(raw.ask(relay).await.unwrap_err(), "unauthenticated");

    // Nothing of all that is kept.
    let words = entry(&mut bob, &conversation, b"the last");
    let last = foreign_of(&two).await;
    let vouched = last.vouch(
        &bob.address,
        bob.keys.id(),
        1,
        client_frame::Act::Append(words),
    );
    let signature = vouched.vouch.clone().unwrap().signature;
    last.one(vouched).await.unwrap();
    for file in std::fs::read_dir(two.one.data()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(path).unwrap();
            assert!(!bytes.windows(64).any(|part| part == signature.as_slice()));
        }
    }
}

fn show_sealed(conversation: &ConversationId) -> client_frame::Act {
    client_frame::Act::FetchState(FetchState {
        conversation: conversation.id.to_vec(),
        sealed_only: true,
        ..FetchState::default()
    })
}

async fn foreign_of(two: &Two) -> Raw {
    Raw::of(two).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_is_told_of_logs_that_its_people_are_in_and_no_others() {
    let two = Two::open().await;
    let (mut alice, bob, conversation) = two.talk().await;
    let mut carol = Person::sign_up(&two.one, 3).await;
    let private = common::steps::group(&two.one, &mut alice, &mut [&mut carol]).await;
    common::steps::say(&mut carol, &private, b"between us").await;
    let raw = Raw::of(&two).await;
    let family_reply::Result::Sync(sync) = raw
        .ask(family_request::Act::Sync(FollowSync { since: 0 }))
        .await
        .unwrap()
    else {
        panic!()
    };
    let logs: Vec<_> = sync
        .logs
        .iter()
        .map(|log| log.conversation.clone())
        .collect();
    assert_eq!(logs, [conversation.id.to_vec()]);
    let log = &sync.logs[0];
    assert_eq!(log.members, [alice.address.to_string()]);
    assert_eq!(log.seats.len(), 1);
    assert_eq!(log.seats[0].device, bob.keys.id().to_vec());
    let fetch = |conversation: Vec<u8>| {
        family_request::Act::Fetch(FollowFetch {
            conversation,
            ..FollowFetch::default()
        })
    };
    assert_eq!(
        raw.ask(fetch(private.id.to_vec())).await.unwrap_err(),
        "not_member"
    );
    let inbox = fetch(alice.keys.id().to_vec());
    assert_eq!(raw.ask(inbox).await.unwrap_err(), "not_member");
    // What was before its first device joined is not for it.
    let family_reply::Result::Followed(followed) =
        raw.ask(fetch(conversation.id.to_vec())).await.unwrap()
    else {
        panic!()
    };
    assert_eq!(followed.since_seq, 2);
    assert_eq!(followed.entries.unwrap().entries, []);
    // An app that is not joined is told nothing at all.
    let greet = FamilyRequest {
        session: Vec::new(),
        act: Some(family_request::Act::Greet(Greet { version: 1 })),
    };
    let unknown = "third.example".parse().unwrap();
    let bytes = raw.door.answer(&unknown, &greet.encode_to_vec()).await;
    let Some(family_reply::Result::Error(error)) =
        FamilyReply::decode(bytes.as_slice()).unwrap().result
    else {
        panic!()
    };
    assert_eq!(error.code, "wrong_app");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pointer_leads_to_its_own_app_only() {
    let two = Two::open().await;
    let (alice, _bob, conversation) = two.talk().await;
    let raw = Raw::of(&two).await;
    let hand_over = |hub: &str, kind: i32| {
        let body = WelcomePointer {
            hub: hub.to_owned(),
            conversation: conversation.id.to_vec(),
            commit_seq: 1,
            kind: 3,
        };
        family_request::Act::HandOver(HandOver {
            entries: vec![HandedOver {
                device: alice.keys.id().to_vec(),
                kind,
                idempotency_key: vec![1; 16],
                body: body.encode_to_vec(),
            }],
        })
    };
    assert_eq!(
        raw.ask(hand_over("chat.example", 4)).await.unwrap_err(),
        "forbidden"
    );
    // Notices about her account are her own app's matter.
    assert_eq!(
        raw.ask(hand_over("other.example", 6)).await.unwrap_err(),
        "malformed"
    );
    raw.ask(hand_over("other.example", 4)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_that_reads_nothing_holds_nobody_up_and_hears_that_it_is_behind() {
    let two = Two::open_with(|config| config.family.outbound_bytes = 100_000).await;
    let (mut alice, _bob, conversation) = two.talk().await;
    let mut carol = Person::sign_up(&two.one, 3).await;
    let package = carol.session().key_package(false).unwrap();
    let plan = comity_e2ee::engine::Plan {
        add: vec![package],
        ..comity_e2ee::engine::Plan::default()
    };
    common::family::commit(&mut alice, &conversation, plan).await;
    let raw = Raw::of(&two).await;
    let mut stream = raw.door.open(&raw.from).unwrap();
    let start = Instant::now();
    let head = state(&mut alice, &conversation).await.head_seq;
    for n in 0..30_u8 {
        say(&mut alice, &conversation, &[n; 20_000]).await;
    }
    // Carol, at the hub, was pushed all of it meanwhile.
    let log = conversation.id.to_vec();
    let mut heard = head;
    while heard < head + 30 {
        let entries = carol
            .socket
            .push(|frame| match frame {
                Frame::Deliver(deliver) if deliver.log == log => Some(deliver.entries),
                _ => None,
            })
            .await;
        for entry in entries {
            if entry.seq > head {
                assert_eq!(entry.seq, heard + 1);
                heard = entry.seq;
            }
        }
    }
    assert!(start.elapsed() < Duration::from_secs(20));
    // Some was pushed to the sibling, then only that it is behind.
    let mut pushed = 0;
    loop {
        let batch = stream.next().await.unwrap();
        let batch = ServerBatch::decode(batch.as_slice()).unwrap();
        let mut behind = false;
        for frame in batch.frames {
            match frame.frame.unwrap() {
                Frame::Deliver(deliver) => pushed += deliver.entries.len(),
                Frame::Behind(_) => behind = true,
                _ => {}
            }
        }
        if behind {
            break;
        }
    }
    assert!((1..15).contains(&pushed), "{pushed} were pushed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_has_a_quota_of_its_own() {
    let two = Two::open_with(|config| {
        config.family.acts_per_second = 1;
        config.family.acts_burst = 6;
    })
    .await;
    let (mut alice, mut bob, conversation) = two.talk().await;
    let raw = Raw::of(&two).await;
    let mut acts = Vec::new();
    for number in 1..=9 {
        let said: Append = entry(&mut bob, &conversation, b"more and more");
        let said = client_frame::Act::Append(said);
        acts.push(raw.vouch(&bob.address, bob.keys.id(), number, said));
    }
    let results = raw.relay(acts).await;
    assert!(results[0].is_ok());
    let refused = results.iter().position(Result::is_err).unwrap();
    assert_eq!(results[refused].as_ref().unwrap_err(), "rate_limited");
    // What stands behind it in the same request keeps its place.
    assert!(
        results[refused + 1..]
            .iter()
            .all(|one| one.as_ref().is_err_and(|code| code == "unavailable"))
    );
    say(&mut alice, &conversation, b"not my quota").await;
}
