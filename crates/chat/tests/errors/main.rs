//! Bad input of each kind gets its stable code: every code that this server can give is provoked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

#[path = "../common/mod.rs"]
mod common;
mod frames;
mod http;

use comity_wire::ErrorCode;
use common::{Answer, House, Person};
use std::collections::BTreeSet;

fn rand_fill(bytes: &mut [u8]) {
    rand::RngCore::fill_bytes(&mut rand::rng(), bytes);
}

/// The codes that were seen.
#[derive(Default)]
pub(crate) struct Seen(BTreeSet<String>);

impl Seen {
    #[track_caller]
    pub(crate) fn http<T: std::fmt::Debug>(&mut self, answer: Answer<T>, wanted: ErrorCode) {
        let (status, body) = answer.unwrap_err();
        assert_eq!(body.error.code, wanted.as_str(), "{}", body.error.message);
        assert_eq!(status, wanted.http_status());
        self.0.insert(body.error.code);
    }

    #[track_caller]
    pub(crate) fn frame<T: std::fmt::Debug>(
        &mut self,
        answer: Result<T, String>,
        wanted: ErrorCode,
    ) {
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
    http::requests(&house, &mut seen).await;
    http::registrations(&house, &mut seen).await;
    let mut alice = Person::sign_up(&house, 11).await;
    let mut bob = Person::sign_up(&house, 12).await;
    http::acts(&house, &mut alice, &bob, &mut seen).await;
    http::blobs(&house, &alice, &bob, &mut seen).await;
    frames::connections(&house, &alice, &mut seen).await;
    frames::conversations(&house, &mut alice, &mut bob, &mut seen).await;
    http::numbers(&house, &alice, &bob, &mut seen).await;
    frames::endings(&house, alice, bob, &mut seen).await;
    http::webhook(&mut seen).await;
    // A blob is not announced with a hash; a full disk and a fault of the server have tests of
    // their own, where they can be made to happen (`platform`), and so has what only another app
    // is told (`family_trust`).
    let elsewhere = [
        ErrorCode::VouchInvalid,
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
