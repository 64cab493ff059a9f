//! JSON bodies of the HTTP acts.
//!
//! Always holds: a body that is accepted survives a round. Deliberately absent: answers that only a
//! server writes, unless a client reads them from a server that it does not trust.

use comity_wire::http;
use serde::{Serialize, de::DeserializeOwned};

/// The first byte chooses the body.
pub(crate) fn bodies(input: &[u8]) {
    let Some((kind, input)) = input.split_first() else {
        return;
    };
    match kind {
        0 => survives::<http::StartRegistration>(input),
        1 => survives::<http::CheckCode>(input),
        2 => survives::<http::CreateAccount>(input),
        3 => survives::<http::PutManifest>(input),
        4 => survives::<http::PutProfile>(input),
        5 => survives::<http::PutRegistrationLock>(input),
        6 => survives::<http::PutRecovery>(input),
        7 => survives::<http::PutNumber>(input),
        8 => survives::<http::PutIntroductionKey>(input),
        9 => survives::<http::PostKeyPackages>(input),
        10 => survives::<http::PutBlock>(input),
        11 => survives::<http::Lookup>(input),
        12 => survives::<http::FetchKeyPackages>(input),
        13 => survives::<http::PostIntroduction>(input),
        14 => survives::<http::LinkOfferBody>(input),
        15 => survives::<http::StartBlob>(input),
        16 => survives::<http::PostReport>(input),
        17 => survives::<http::AppInfo>(input),
        18 => survives::<http::CodeChecked>(input),
        19 => survives::<http::Found>(input),
        20 => survives::<http::KeyPackagesFetched>(input),
        _ => survives::<http::ErrorBody>(input),
    }
}

fn survives<T: Serialize + DeserializeOwned + PartialEq>(input: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(input) {
        let again =
            serde_json::to_vec(&value).and_then(|bytes| serde_json::from_slice::<T>(&bytes));
        assert!(again.is_ok_and(|again| again == value), "it changed");
    }
}
