//! `POST /v1/introductions`.

use super::sql::{self, Posted};
use crate::access::Signed;
use crate::accounts::sql as accounts;
use crate::app::{App, Caller};
use crate::conversations::fits;
use crate::family::Sibling;
use crate::logs::entries::{self, NewEntry};
use crate::logs::{LogBook, Published};
use axum::extract::State;
use comity_membership::franking;
use comity_platform::clock::now_ms;
use comity_platform::secret::{self, equal};
use comity_platform::{Failure, http::Json};
use comity_wire::http::{IntroductionPosted, PostIntroduction};
use comity_wire::proto::{EntryKind, IntroductionEnvelope};
use comity_wire::{
    AccountId, Address, Bytes64, DeviceAddress, ErrorCode, Message, UnixMs, WireError, limits,
};
use rusqlite::Connection;
use std::sync::Arc;

const DAY_MS: i64 = 24 * 3_600_000;

/// Whether another introduction may be made: `unanswered_ms` are the times of those of the last
/// day that nobody answered, the oldest first.
///
/// # Errors
/// `rate_limited`, with the time until one may.
fn may_introduce(unanswered_ms: &[UnixMs], max: u32, now_ms: UnixMs) -> Result<(), WireError> {
    let max = usize::try_from(max).unwrap_or(usize::MAX);
    if unanswered_ms.len() < max {
        return Ok(());
    }
    let oldest = unanswered_ms.first().copied().unwrap_or(now_ms);
    Err(WireError::new(
        ErrorCode::RateLimited,
        "too many introductions without an answer",
    )
    .retry_after_ms((oldest + DAY_MS - now_ms).max(1)))
}

/// `POST /v1/introductions`.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<PostIntroduction>,
) -> Result<Json<IntroductionPosted>, Failure> {
    let there = app.family.hub(&app.id, request.to.app.as_str())?;
    let posted = match there {
        None => take(&app, signed.0, request).await?,
        Some(sibling) => pass_on(&app, &sibling, signed.0, request).await?,
    };
    Ok(Json(posted))
}

/// Takes an introduction to an account of this app, from here or from a sibling.
pub(crate) async fn take(
    app: &Arc<App>,
    caller: Caller,
    request: PostIntroduction,
) -> Result<IntroductionPosted, Failure> {
    check(app, &caller, &request)?;
    let on_app = app.clone();
    let from = app.address_of(&caller)?;
    let (posted, published) = app
        .db
        .write(move |conn, book| deliver(conn, book, &on_app, &from, &request))
        .await?;
    app.publish_all(&published);
    Ok(IntroductionPosted {
        at_ms: posted.at_ms,
        seal: Bytes64(posted.seal),
    })
}

/// Passes an introduction on to the app of who is introduced to; its token stays here.
async fn pass_on(
    app: &Arc<App>,
    sibling: &Sibling,
    caller: Caller,
    request: PostIntroduction,
) -> Result<IntroductionPosted, Failure> {
    check(app, &caller, &request)?;
    let (id, account) = (request.id, caller.account);
    let max = app.config.limits.introductions_per_day;
    let before = app
        .db
        .read(move |conn| {
            let before = sql::posted(conn, &account, &id)?;
            if before.is_none() {
                let at_ms = now_ms();
                let unanswered = sql::unanswered(conn, &account, at_ms - DAY_MS)?;
                may_introduce(&unanswered, max, at_ms)?;
            }
            Ok(before)
        })
        .await?;
    let posted = match before {
        Some(posted) => posted,
        None => {
            let introduced = sibling.introduce(app, caller, &request).await?;
            let posted = Posted {
                at_ms: introduced.at_ms,
                seal: introduced.seal,
            };
            app.db
                .write(move |conn, _| {
                    if let Some(before) = sql::posted(conn, &account, &id)? {
                        return Ok(before);
                    }
                    let to = &request.to.account;
                    sql::insert(conn, &account, &id, to, &request.token_hash.0, &posted)?;
                    Ok(posted)
                })
                .await?
        }
    };
    Ok(IntroductionPosted {
        at_ms: posted.at_ms,
        seal: Bytes64(posted.seal),
    })
}

/// Checks everything that needs no database.
fn check(app: &App, caller: &Caller, request: &PostIntroduction) -> Result<(), Failure> {
    if request.sealed.is_empty() || request.sealed.len() > limits::DEVICES_MAX {
        return Err(Failure::refused(
            ErrorCode::Malformed,
            "one for each device",
        ));
    }
    for sealed in &request.sealed {
        fits(
            &sealed.sealed.0,
            limits::INTRODUCTION_BYTES_MAX,
            "an introduction",
        )?;
        fits(
            &sealed.introduction_key.0,
            limits::KEY_PACKAGE_BYTES_MAX,
            "an introduction key",
        )?;
    }
    if request.token_hash.0.len() != 32 {
        return Err(Failure::refused(
            ErrorCode::Malformed,
            "a token hash has 32 bytes",
        ));
    }
    let header = franking::Header::decode(&request.header.0)
        .map_err(|_| Failure::refused(ErrorCode::Malformed, "not a franking header"))?;
    let address = app.address_of(caller)?;
    let device = DeviceAddress::new(address.app.clone(), caller.device);
    let commitment = franking::sender_commitment(&device, &address, &request.sender_nonce.0);
    if request.sender_nonce.0.len() != 32 || !equal(&commitment, &header.sender_commitment) {
        return Err(Failure::refused(
            ErrorCode::SignatureInvalid,
            "the franking header does not commit to the sender",
        ));
    }
    Ok(())
}

/// By what an introducer is counted: the account, or of another app a name of its address.
fn counted(app: &App, from: &Address) -> AccountId {
    if from.app == app.id {
        return from.account;
    }
    let hash = secret::hash(format!("comity introducer {from}").as_bytes());
    let mut name = [0; 16];
    for (to, byte) in name.iter_mut().zip(hash) {
        *to = byte;
    }
    AccountId::new(name)
}

fn deliver(
    conn: &Connection,
    book: &mut LogBook,
    app: &App,
    from: &Address,
    request: &PostIntroduction,
) -> Result<(Posted, Vec<Published>), Failure> {
    let to = request.to.account;
    let counted = counted(app, from);
    if let Some(before) = sql::posted(conn, &counted, &request.id)? {
        return Ok((before, Vec::new()));
    }
    accounts::must_exist(conn, &to)?;
    let at_ms = now_ms();
    let unanswered = sql::unanswered(conn, &counted, at_ms - DAY_MS)?;
    may_introduce(&unanswered, app.config.limits.introductions_per_day, at_ms)?;
    let id = request.id.to_string();
    let sealed = franking::Sealed {
        log: &id,
        seq: 0,
        header: &request.header.0,
        at_ms,
    };
    let seal = franking::seal(&app.secrets.franking, &sealed).to_vec();
    let posted = Posted { at_ms, seal };
    sql::insert(
        conn,
        &counted,
        &request.id,
        &to,
        &request.token_hash.0,
        &posted,
    )?;
    if sql::is_blocked(conn, &to, &from.to_string())? {
        return Ok((posted, Vec::new()));
    }
    // Another app's introducer can not take the name of somebody else's introduction.
    let key = if from.app == app.id {
        request.id.to_vec()
    } else {
        let name = [counted.as_bytes().as_slice(), request.id.as_bytes()].concat();
        secret::hash(&name).get(..16).unwrap_or_default().to_vec()
    };
    let devices = accounts::devices(conn, &to)?;
    let mut published = Vec::new();
    for copy in &request.sealed {
        if !devices.contains(&copy.device) {
            continue;
        }
        let envelope = IntroductionEnvelope {
            id: request.id.to_vec(),
            from_app: from.app.to_string(),
            from_account: from.account.to_vec(),
            sealed: copy.sealed.0.clone(),
            introduction_key: copy.introduction_key.0.clone(),
            header: request.header.0.clone(),
            seal: posted.seal.clone(),
            at_ms,
        };
        let new = NewEntry {
            kind: EntryKind::Introduction,
            epoch: 0,
            idempotency_key: key.clone(),
            body: envelope.encode_to_vec(),
            at_ms,
            seal: None,
        };
        published.extend(entries::add_to_inbox(conn, book, &copy.device, new)?);
    }
    Ok((posted, published))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unanswered_introductions_are_limited_to_a_days() {
        assert!(may_introduce(&[1, 2], 3, 10).is_ok());
        let refused = may_introduce(&[1, 2, 3], 3, 10).unwrap_err();
        assert_eq!(i64::from(refused.retry_after_ms), 1 + DAY_MS - 10);
    }
}
