//! HTTP acts that are refused.

use crate::common::{House, Person, code, introduction_key, next_manifest, number, prove};
use crate::{Seen, rand_fill};
use comity_chat::config::CodeSender;
use comity_e2ee::keys::DeviceKeys;
use comity_wire::http::{
    AccountCreated, BlobOffset, BlobStarted, CheckCode, CodeChecked, Found, Lookup,
    PostKeyPackages, PostReport, PutNumber, PutRegistrationLock, RegistrationStarted, StartBlob,
    StartRegistration,
};
use comity_wire::{Bytes64, ErrorCode, limits};
use serde_json::{Value, json};

pub(crate) async fn requests(house: &House, seen: &mut Seen) {
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
    for no_text in ["/v1/accounts/%ff", "/v1/blobs/%ff", "/v1/links/%ff/offer"] {
        seen.http(house.get::<Value>(no_text).await, ErrorCode::Malformed);
    }
    let nobody = format!("/v1/accounts/{}", "00".repeat(16));
    seen.http(house.get::<Value>(&nobody).await, ErrorCode::NotFound);
    seen.http(
        house.get::<Value>("/v1/connect").await,
        ErrorCode::Malformed,
    );
}

pub(crate) async fn registrations(house: &House, seen: &mut Seen) {
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

pub(crate) async fn acts(house: &House, alice: &mut Person, bob: &Person, seen: &mut Seen) {
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

pub(crate) async fn blobs(house: &House, alice: &Person, bob: &Person, seen: &mut Seen) {
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
    let there: BlobOffset = alice.get(house, &upload).await.unwrap();
    assert_eq!((there.offset, there.complete), (0, false), "none of it");
    let none = format!("/v1/blobs/{}", "00".repeat(32));
    seen.http(
        alice
            .act::<Value>(house, "POST", &format!("{none}/renew"), &json!({}))
            .await,
        ErrorCode::NotFound,
    );
}

pub(crate) async fn numbers(house: &House, alice: &Person, bob: &Person, seen: &mut Seen) {
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
        take_over: false,
        lock_proof: Some(Bytes64(vec![1; 32])),
    };
    // A number that somebody has goes to nobody by the way.
    seen.http(
        bob.act::<Value>(house, "PUT", "/v1/me/number", &change)
            .await,
        ErrorCode::NumberTaken,
    );
    let change = PutNumber {
        take_over: true,
        lock_proof: Some(Bytes64(vec![9; 32])),
        ..change
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

pub(crate) async fn webhook(seen: &mut Seen) {
    let house = House::open_with(|config| {
        config.codes.sender = CodeSender::Webhook;
        config.codes.webhook_url = Some("http://127.0.0.1:1/".to_owned());
        config.codes.webhook_tries = 2;
        config.moderation_key = Some(data_encoding::BASE64URL_NOPAD.encode(&[1; 1_216]));
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
