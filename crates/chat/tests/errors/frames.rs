//! Frames that are refused, and devices that are sent away.

use crate::common::{House, Person, Socket, device, introduction_key, next_manifest};
use crate::{Seen, rand_fill};
use comity_e2ee::engine::Plan;
use comity_e2ee::keys::DeviceKeys;
use comity_wire::proto::{
    Append, ClientBatch, ClientFrame, ConversationKind, Fetch, FetchState, FetchWelcome, Hello,
    PutMark, client_frame::Act, server_frame::Frame,
};
use comity_wire::{Bytes64, ErrorCode, Message as _, limits};
use serde_json::Value;

pub(crate) async fn connections(house: &House, alice: &Person, seen: &mut Seen) {
    let address = house.running().address;
    let hello = |version, device: Vec<u8>| Hello {
        version,
        device,
        agent: String::new(),
    };
    let device = alice.keys.id().to_vec();
    let mut socket = Socket::connect(address).await;
    let answer = socket.ask(Act::Hello(hello(99, device.clone()))).await;
    seen.frame(answer, ErrorCode::VersionUnsupported);
    let mut socket = Socket::connect(address).await;
    seen.frame(
        socket.ask(Act::Hello(hello(1, vec![1]))).await,
        ErrorCode::Malformed,
    );
    let mut socket = Socket::connect(address).await;
    let sync = Act::Sync(comity_wire::proto::Sync { since: 0 });
    seen.frame(socket.ask(sync).await, ErrorCode::Unauthenticated);
    // Somebody else's key, and a device that nobody knows.
    let stranger = DeviceKeys::generate(&mut rand_fill);
    let mut socket = Socket::connect(address).await;
    seen.frame(
        socket.sign_in(&house.app(), &stranger).await,
        ErrorCode::Unauthenticated,
    );
    let mut socket = Socket::connect(address).await;
    socket.send_raw(vec![0xff; 30]).await;
    seen.frame(socket.answer(0).await, ErrorCode::Malformed);
    let mut socket = Socket::connect(address).await;
    socket.send_text("hello").await;
    seen.frame(socket.answer(0).await, ErrorCode::Malformed);
    let mut socket = Socket::connect(address).await;
    let frames = vec![ClientFrame::default(); limits::BATCH_FRAMES_MAX + 1];
    socket
        .send_raw(ClientBatch { frames }.encode_to_vec())
        .await;
    seen.frame(socket.answer(0).await, ErrorCode::TooLarge);
    let mut socket = Socket::connect(address).await;
    socket.send_raw(vec![0; limits::FRAME_BYTES_MAX + 1]).await;
    seen.frame(socket.answer(0).await, ErrorCode::TooLarge);
}

pub(crate) async fn conversations(
    house: &House,
    alice: &mut Person,
    bob: &mut Person,
    seen: &mut Seen,
) {
    let conversation = alice.conversation();
    let id = conversation.id.to_vec();
    let mut bad = alice.creation(house, &conversation, ConversationKind::Group, None);
    bad.group_info.push(0);
    let answer = alice.socket.ask(Act::CreateConversation(bad)).await;
    seen.frame(answer, ErrorCode::MlsInvalid);
    alice
        .create(house, &conversation, ConversationKind::Group, None)
        .await
        .unwrap();
    let same = bob.creation(house, &conversation, ConversationKind::Group, None);
    seen.frame(
        bob.socket.ask(Act::CreateConversation(same)).await,
        ErrorCode::Exists,
    );

    // Self and direct conversations are one each.
    let own = alice.conversation();
    alice
        .create(house, &own, ConversationKind::Self_, None)
        .await
        .unwrap();
    let second = alice.conversation();
    let created = alice
        .create(house, &second, ConversationKind::Self_, None)
        .await
        .unwrap();
    assert_eq!(created.existing, own.id.to_vec());

    let outsider = Fetch {
        hub: String::new(),
        log: id.clone(),
        after_seq: 0,
        bytes_max: 0,
    };
    seen.frame(
        bob.socket.ask(Act::Fetch(outsider.clone())).await,
        ErrorCode::NotMember,
    );
    let elsewhere = Fetch {
        hub: "other.example".to_owned(),
        ..outsider
    };
    seen.frame(
        bob.socket.ask(Act::Fetch(elsewhere)).await,
        ErrorCode::WrongApp,
    );
    let state = FetchState {
        hub: String::new(),
        conversation: id.clone(),
        link_signature: Vec::new(),
        sealed_only: false,
    };
    seen.frame(
        bob.socket.ask(Act::FetchState(state)).await,
        ErrorCode::NotMember,
    );
    let welcome = FetchWelcome {
        hub: String::new(),
        conversation: id.clone(),
        commit_seq: 0,
    };
    seen.frame(
        alice.socket.ask(Act::FetchWelcome(welcome)).await,
        ErrorCode::Gap,
    );

    let good = alice.entry(&conversation, b"text");
    let big = Append {
        body: vec![0; limits::ENTRY_BYTES_MAX + 1],
        ..good.clone()
    };
    seen.frame(
        alice.socket.ask(Act::Append(big)).await,
        ErrorCode::TooLarge,
    );
    let early = Append {
        epoch: 5,
        ..good.clone()
    };
    seen.frame(
        alice.socket.ask(Act::Append(early)).await,
        ErrorCode::MlsInvalid,
    );
    let nonce = Append {
        sender_nonce: vec![8; 32],
        ..good.clone()
    };
    seen.frame(
        alice.socket.ask(Act::Append(nonce)).await,
        ErrorCode::SignatureInvalid,
    );
    // What Alice made can not be sent by Bob.
    seen.frame(
        bob.socket.ask(Act::Append(good.clone())).await,
        ErrorCode::SignatureInvalid,
    );
    let key = Append {
        idempotency_key: vec![1],
        ..good
    };
    seen.frame(
        alice.socket.ask(Act::Append(key)).await,
        ErrorCode::Malformed,
    );
    let mark = PutMark {
        hub: String::new(),
        conversation: id.clone(),
        epoch: 9,
        body: vec![1],
    };
    seen.frame(
        alice.socket.ask(Act::PutMark(mark.clone())).await,
        ErrorCode::StaleEpoch,
    );
    let mark = PutMark {
        body: vec![0; limits::MARK_BYTES_MAX + 1],
        ..mark
    };
    seen.frame(
        alice.socket.ask(Act::PutMark(mark)).await,
        ErrorCode::TooLarge,
    );

    let commit = alice.commit(
        &conversation,
        Plan {
            update_self: true,
            ..Plan::default()
        },
    );
    let mut stale = commit.clone();
    stale.expected_epoch = 4;
    seen.frame(
        alice.socket.ask(Act::SubmitCommit(stale)).await,
        ErrorCode::StaleEpoch,
    );
    let mut forged = commit.clone();
    if let Some(last) = forged.group_info.last_mut() {
        *last ^= 1;
    }
    seen.frame(
        alice.socket.ask(Act::SubmitCommit(forged)).await,
        ErrorCode::MlsInvalid,
    );
    let bobs = bob.socket.ask(Act::SubmitCommit(commit)).await;
    seen.frame(bobs, ErrorCode::Forbidden);
    seen.frame(
        alice.socket.ask(Act::Hello(Hello::default())).await,
        ErrorCode::Malformed,
    );

    // Too fast: the bucket of this connection is nearly empty by now.
    alice.session().discard_pending(&conversation).unwrap();
    let mut limited = false;
    for _ in 0..30 {
        let entry = alice.entry(&conversation, b"again");
        if let Err(code) = alice.socket.ask(Act::Append(entry)).await {
            assert_eq!(code, "rate_limited");
            limited = true;
        }
    }
    assert!(limited);
}

pub(crate) async fn endings(house: &House, mut alice: Person, bob: Person, seen: &mut Seen) {
    // A second device is added, then taken back: it may not do anything any more.
    let second = DeviceKeys::generate(&mut rand_fill);
    let mut with = next_manifest(&alice.manifest);
    with.devices.push(device(&second));
    let keys = vec![Bytes64(introduction_key(&second))];
    alice.put_manifest(house, with, keys).await.unwrap();
    let mut socket = Socket::connect(house.running().address).await;
    let token = socket.sign_in(&house.app(), &second).await.unwrap().token;
    let mut without = next_manifest(&alice.manifest);
    without.devices.pop();
    without.revoked.push(second.id());
    alice
        .put_manifest(house, without, Vec::new())
        .await
        .unwrap();
    let closing = socket
        .push(|frame| match frame {
            Frame::Closing(closing) => Some(closing.code),
            _ => None,
        })
        .await;
    assert_eq!(closing, "device_revoked");
    seen.http(
        house
            .call::<Value>("GET", "/v1/me", Some(&token), None::<&()>)
            .await,
        ErrorCode::DeviceRevoked,
    );
    let mut socket = Socket::connect(house.running().address).await;
    seen.frame(
        socket.sign_in(&house.app(), &second).await,
        ErrorCode::DeviceRevoked,
    );

    // Bob leaves for good.
    let _: Value = bob.act(house, "DELETE", "/v1/me", &()).await.unwrap();
    seen.http(
        bob.get::<Value>(house, "/v1/me").await,
        ErrorCode::AccountGone,
    );
    let path = format!("/v1/accounts/{}", bob.address.account);
    seen.http(house.get::<Value>(&path).await, ErrorCode::AccountGone);
    let nobody = format!("/v1/links/{}/offer", "a".repeat(32));
    seen.http(house.get::<Value>(&nobody).await, ErrorCode::NotFound);
}
