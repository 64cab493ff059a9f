//! Bad input of each kind gets its stable code: every code that this server can give is provoked.

mod common;

use comity_chat::config::CodeSender;
use comity_e2ee::engine::Plan;
use comity_e2ee::keys::{DeviceKeys, sign_manifest};
use comity_wire::http::{
    AccountCreated, BlobOffset, BlobStarted, CheckCode, CodeChecked, Found, Lookup,
    PostKeyPackages, PostReport, PutNumber, PutRegistrationLock, RegistrationStarted, StartBlob,
    StartRegistration,
};
use comity_wire::proto::{
    Append, ClientBatch, ClientFrame, ConversationKind, Fetch, FetchState, FetchWelcome, Hello,
    PutMark, client_frame::Act, server_frame::Frame,
};
use comity_wire::{Bytes64, ErrorCode, Message as _, limits};
use common::{
    Answer, House, Person, Socket, code, device, introduction_key, next_manifest, number, prove,
    random16,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The codes that were seen.
#[derive(Default)]
struct Seen(BTreeSet<String>);

impl Seen {
    #[track_caller]
    fn http<T: std::fmt::Debug>(&mut self, answer: Answer<T>, wanted: ErrorCode) {
        let (status, body) = answer.unwrap_err();
        assert_eq!(body.error.code, wanted.as_str(), "{}", body.error.message);
        assert_eq!(status, wanted.http_status());
        self.0.insert(body.error.code);
    }

    #[track_caller]
    fn frame<T: std::fmt::Debug>(&mut self, answer: Result<T, String>, wanted: ErrorCode) {
        let code = answer.unwrap_err();
        assert_eq!(code, wanted.as_str());
        self.0.insert(code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_is_given_where_it_belongs() {
    let mut seen = Seen::default();
    let house = House::open_with(|config| {
        config.limits.appends_burst = 20;
        config.limits.appends_per_second = 1;
        config.limits.blob_quota_bytes = 1_000;
        config.limits.lookups_per_day = 5;
    })
    .await;
    requests(&house, &mut seen).await;
    registrations(&house, &mut seen).await;
    let mut alice = Person::sign_up(&house, 11).await;
    let mut bob = Person::sign_up(&house, 12).await;
    acts(&house, &mut alice, &bob, &mut seen).await;
    blobs(&house, &alice, &bob, &mut seen).await;
    connections(&house, &alice, &mut seen).await;
    conversations(&house, &mut alice, &mut bob, &mut seen).await;
    numbers(&house, &alice, &bob, &mut seen).await;
    endings(&house, alice, bob, &mut seen).await;
    webhook(&mut seen).await;
    // A blob is not announced with a hash; a full disk and a fault of the server have tests of
    // their own, where they can be made to happen (`platform`).
    let elsewhere = [
        ErrorCode::HashMismatch,
        ErrorCode::StorageFull,
        ErrorCode::Internal,
    ];
    let missing: Vec<_> = ErrorCode::ALL
        .iter()
        .filter(|code| !elsewhere.contains(code) && !seen.0.contains(code.as_str()))
        .collect();
    assert!(missing.is_empty(), "never given: {missing:?}");
}

async fn requests(house: &House, seen: &mut Seen) {
    seen.http(
        house.get::<Value>("/v1/nothing").await,
        ErrorCode::NoSuchEndpoint,
    );
    seen.http(
        house.get::<Value>("/v1/accounts").await,
        ErrorCode::NoSuchEndpoint,
    );
    seen.http(
        house.post::<Value>("/v1/registrations", &json!([])).await,
        ErrorCode::Malformed,
    );
    let long = "x".repeat(limits::JSON_BYTES_MAX + 1);
    seen.http(
        house
            .post::<Value>("/v1/registrations", &json!({ "number": long }))
            .await,
        ErrorCode::TooLarge,
    );
    seen.http(
        house.get::<Value>("/v1/me").await,
        ErrorCode::Unauthenticated,
    );
    seen.http(
        house
            .call::<Value>("GET", "/v1/me", Some(&[1; 72]), None::<&()>)
            .await,
        ErrorCode::Unauthenticated,
    );
    seen.http(
        house.get::<Value>("/v1/accounts/zz").await,
        ErrorCode::Malformed,
    );
    let nobody = format!("/v1/accounts/{}", "00".repeat(16));
    seen.http(house.get::<Value>(&nobody).await, ErrorCode::NotFound);
    seen.http(
        house.get::<Value>("/v1/connect").await,
        ErrorCode::Malformed,
    );
}

async fn registrations(house: &House, seen: &mut Seen) {
    let start = |number: &str| StartRegistration {
        number: number.to_owned(),
        country: None,
    };
    seen.http(
        house.post::<Value>("/v1/registrations", &start("12")).await,
        ErrorCode::NumberInvalid,
    );
    let started: RegistrationStarted = house
        .post("/v1/registrations", &start(&number(1)))
        .await
        .unwrap();
    let path = format!("/v1/registrations/{}/code", started.registration);
    let wrong = CheckCode {
        code: "wrong".to_owned(),
    };
    for _ in 0..limits::CODE_ATTEMPTS_MAX {
        seen.http(
            house.post::<Value>(&path, &wrong).await,
            ErrorCode::CodeWrong,
        );
    }
    seen.http(
        house.post::<Value>(&path, &wrong).await,
        ErrorCode::CodeExpired,
    );
    for _ in 1..limits::CODES_PER_NUMBER_PER_DAY {
        let _: RegistrationStarted = house
            .post("/v1/registrations", &start(&number(1)))
            .await
            .unwrap();
    }
    let refused = house
        .post::<Value>("/v1/registrations", &start(&number(1)))
        .await;
    assert!(refused.as_ref().unwrap_err().1.error.retry_after_ms > 0);
    seen.http(refused, ErrorCode::RateLimited);

    let (.., request) = Person::request(house, &Bytes64(vec![1; 32]));
    seen.http(
        house.post::<Value>("/v1/accounts", &request).await,
        ErrorCode::CodeExpired,
    );
    let token = prove(house, &number(2)).await.unwrap().registration_token;
    let (.., mut request) = Person::request(house, &token);
    let good = request.manifest.clone();
    if let Some(last) = request.manifest.0.last_mut() {
        *last ^= 1;
    }
    seen.http(
        house.post::<Value>("/v1/accounts", &request).await,
        ErrorCode::SignatureInvalid,
    );
    request.manifest = Bytes64(vec![0xff; 10]);
    seen.http(
        house.post::<Value>("/v1/accounts", &request).await,
        ErrorCode::Malformed,
    );
    request.manifest = good;
    request.introduction_key = Bytes64(introduction_key(&DeviceKeys::generate(&mut rand_fill)));
    seen.http(
        house.post::<Value>("/v1/accounts", &request).await,
        ErrorCode::SignatureInvalid,
    );

    // Somebody else takes the number between the code and the account.
    let first = prove(house, &number(3)).await.unwrap().registration_token;
    let second = prove(house, &number(3)).await.unwrap().registration_token;
    let (.., request) = Person::request(house, &first);
    let made: AccountCreated = house.post("/v1/accounts", &request).await.unwrap();
    let again: AccountCreated = house.post("/v1/accounts", &request).await.unwrap();
    assert_eq!(made, again, "a retry gets the first answer");
    let (.., request) = Person::request(house, &second);
    seen.http(
        house.post::<Value>("/v1/accounts", &request).await,
        ErrorCode::NumberTaken,
    );
}

fn rand_fill(bytes: &mut [u8]) {
    rand::RngCore::fill_bytes(&mut rand::rng(), bytes);
}

async fn acts(house: &House, alice: &mut Person, bob: &Person, seen: &mut Seen) {
    let report = PostReport {
        sealed: Bytes64(vec![1]),
    };
    seen.http(
        alice
            .act::<Value>(house, "POST", "/v1/reports", &report)
            .await,
        ErrorCode::NotFound,
    );
    let lookup = Lookup {
        number: number(99),
        country: None,
    };
    for _ in 0..4 {
        seen.http(
            alice
                .act::<Found>(house, "POST", "/v1/directory/lookup", &lookup)
                .await,
            ErrorCode::NotFound,
        );
    }
    let last = alice
        .act::<Found>(house, "POST", "/v1/directory/lookup", &lookup)
        .await;
    assert!(matches!(code(last).as_str(), "not_found" | "rate_limited"));
    seen.http(
        alice
            .act::<Found>(house, "POST", "/v1/directory/lookup", &lookup)
            .await,
        ErrorCode::RateLimited,
    );
    seen.http(
        alice.fetch_key_packages(house, &bob.address, None).await,
        ErrorCode::ConsentNeeded,
    );
    let elsewhere = format!("{}@other.example", bob.address.account)
        .parse()
        .unwrap();
    seen.http(
        alice.fetch_key_packages(house, &elsewhere, None).await,
        ErrorCode::WrongApp,
    );
    let many = PostKeyPackages {
        one_time: vec![Bytes64(vec![0]); limits::KEY_PACKAGES_MAX + 1],
        last_resort: None,
    };
    seen.http(
        alice
            .act::<Value>(house, "POST", "/v1/me/key-packages", &many)
            .await,
        ErrorCode::TooMany,
    );
    let garbage = PostKeyPackages {
        one_time: vec![Bytes64(vec![0; 8])],
        last_resort: None,
    };
    seen.http(
        alice
            .act::<Value>(house, "POST", "/v1/me/key-packages", &garbage)
            .await,
        ErrorCode::MlsInvalid,
    );
    // A manifest that skips its predecessor's hash is a fork.
    let mut fork = next_manifest(&alice.manifest);
    fork.previous_hash = vec![7; 32];
    seen.http(
        alice.put_manifest(house, fork, Vec::new()).await,
        ErrorCode::ManifestInvalid,
    );
}

async fn blobs(house: &House, alice: &Person, bob: &Person, seen: &mut Seen) {
    let start = |size| StartBlob { size };
    seen.http(
        alice
            .act::<Value>(house, "POST", "/v1/blobs", &start(1_001))
            .await,
        ErrorCode::QuotaExceeded,
    );
    seen.http(
        alice
            .act::<Value>(house, "POST", "/v1/blobs", &start(u64::MAX))
            .await,
        ErrorCode::TooLarge,
    );
    let started: BlobStarted = alice
        .act(house, "POST", "/v1/blobs", &start(10))
        .await
        .unwrap();
    let path = format!("/v1/blobs/{}", started.blob);
    seen.http(house.get::<Value>(&path).await, ErrorCode::NotFound);
    let upload = format!("{path}/upload");
    seen.http(bob.get::<Value>(house, &upload).await, ErrorCode::Forbidden);
    let patch = |offset: &str, bytes: &'static [u8]| {
        house
            .http
            .patch(house.url(&path))
            .bearer_auth(data_encoding::BASE64URL_NOPAD.encode(&alice.token))
            .header("upload-offset", offset)
            .body(bytes)
            .send()
    };
    let answer = House::read::<BlobOffset>(patch("3", b"abc").await.unwrap()).await;
    seen.http(answer, ErrorCode::OffsetMismatch);
    let answer = House::read::<BlobOffset>(patch("no", b"abc").await.unwrap()).await;
    seen.http(answer, ErrorCode::Malformed);
    let answer = House::read::<BlobOffset>(patch("0", b"more than ten").await.unwrap()).await;
    seen.http(answer, ErrorCode::TooLarge);
    let offset: BlobOffset = alice.get(house, &upload).await.unwrap();
    assert!(!offset.complete);
    let none = format!("/v1/blobs/{}", "00".repeat(32));
    seen.http(
        alice
            .act::<Value>(house, "POST", &format!("{none}/renew"), &json!({}))
            .await,
        ErrorCode::NotFound,
    );
}

async fn connections(house: &House, alice: &Person, seen: &mut Seen) {
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

async fn conversations(house: &House, alice: &mut Person, bob: &mut Person, seen: &mut Seen) {
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

async fn numbers(house: &House, alice: &Person, bob: &Person, seen: &mut Seen) {
    let lock = PutRegistrationLock {
        proof: Bytes64(vec![1; 32]),
        salt: Bytes64(vec![2; 16]),
    };
    let _: Value = alice
        .act(house, "PUT", "/v1/me/registration-lock", &lock)
        .await
        .unwrap();
    let proven: CodeChecked = prove(house, &alice.number).await.unwrap();
    let existing = proven.existing.unwrap();
    assert_eq!(existing.account, alice.address.account);
    assert!(existing.locked_until_ms.is_some());
    let (.., request) = Person::request(house, &proven.registration_token);
    let refused = house.post::<Value>("/v1/accounts", &request).await;
    assert!(refused.as_ref().unwrap_err().1.error.retry_after_ms > 0);
    seen.http(refused, ErrorCode::RegistrationLocked);
    let change = PutNumber {
        registration_token: proven.registration_token.clone(),
        lock_proof: Some(Bytes64(vec![9; 32])),
    };
    seen.http(
        bob.act::<Value>(house, "PUT", "/v1/me/number", &change)
            .await,
        ErrorCode::RegistrationLocked,
    );
    // With the passphrase's proof it goes.
    let change = PutNumber {
        lock_proof: Some(Bytes64(vec![1; 32])),
        ..change
    };
    let _: Value = bob
        .act(house, "PUT", "/v1/me/number", &change)
        .await
        .unwrap();
    let found: Found = bob
        .act(
            house,
            "POST",
            "/v1/directory/lookup",
            &Lookup {
                number: alice.number.clone(),
                country: None,
            },
        )
        .await
        .unwrap();
    assert_eq!(found.address, bob.address);
}

async fn endings(house: &House, mut alice: Person, bob: Person, seen: &mut Seen) {
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
    let _ = (random16(), sign_manifest(&alice.manifest, None, None));
}

async fn webhook(seen: &mut Seen) {
    let house = House::open_with(|config| {
        config.codes.sender = CodeSender::Webhook;
        config.codes.webhook_url = Some("http://127.0.0.1:1/".to_owned());
        config.codes.webhook_tries = 2;
        config.moderation_key = Some("AQ".to_owned());
    })
    .await;
    let start = StartRegistration {
        number: number(1),
        country: None,
    };
    seen.http(
        house.post::<Value>("/v1/registrations", &start).await,
        ErrorCode::Unavailable,
    );
}
