//! What an account sets: profile, registration lock, recovery box, number, introduction key,
//! blocks.

use super::me::{Nothing, nothing};
use super::{create, manifests, sql};
use crate::access::Signed;
use crate::app::App;
use crate::conversations::fits;
use crate::registration;
use axum::extract::State;
use comity_membership::introduction_key;
use comity_platform::clock::now_ms;
use comity_platform::{Failure, http::Json};
use comity_wire::http::{
    PutBlock, PutIntroductionKey, PutNumber, PutProfile, PutRecovery, PutRegistrationLock,
};
use comity_wire::{ErrorCode, limits};
use rusqlite::params;
use std::sync::Arc;

/// Bytes of a recovery box, a lock's proof and its salt.
const SMALL_BYTES_MAX: usize = 1024;

/// Addresses that an account may block.
const BLOCKS_MAX: u32 = 10_000;

/// `PUT /v1/me/profile`.
pub(crate) async fn profile(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<PutProfile>,
) -> Nothing {
    fits(&request.sealed.0, limits::PROFILE_BYTES_MAX, "a profile")?;
    app.db
        .write(move |conn, _| {
            conn.prepare_cached("UPDATE account SET profile = ?2 WHERE id = ?1")?
                .execute(params![signed.0.account.as_bytes(), request.sealed.0])?;
            Ok(())
        })
        .await?;
    nothing()
}

/// `PUT /v1/me/registration-lock`.
pub(crate) async fn lock(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<PutRegistrationLock>,
) -> Nothing {
    fits(&request.proof.0, SMALL_BYTES_MAX, "a proof")?;
    fits(&request.salt.0, SMALL_BYTES_MAX, "a salt")?;
    let account = signed.0.account;
    let hash = if request.proof.0.is_empty() {
        Vec::new()
    } else {
        create::lock_hash(&app.secrets.pepper, &account, &request.proof.0).to_vec()
    };
    app.db
        .write(move |conn, _| {
            conn.prepare_cached("UPDATE account SET lock_hash = ?2, lock_salt = ?3 WHERE id = ?1")?
                .execute(params![account.as_bytes(), hash, request.salt.0])?;
            Ok(())
        })
        .await?;
    nothing()
}

/// `PUT /v1/me/recovery`.
pub(crate) async fn recovery(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<PutRecovery>,
) -> Nothing {
    fits(&request.recovery_box.0, SMALL_BYTES_MAX, "a recovery box")?;
    app.db
        .write(move |conn, _| {
            conn.prepare_cached("UPDATE account SET recovery_box = ?2 WHERE id = ?1")?
                .execute(params![signed.0.account.as_bytes(), request.recovery_box.0])?;
            Ok(())
        })
        .await?;
    nothing()
}

/// `PUT /v1/me/number`.
pub(crate) async fn number(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<PutNumber>,
) -> Nothing {
    let account = signed.0.account;
    let on_app = app.clone();
    app.db
        .write(move |conn, _| {
            let now = now_ms();
            let token = &request.registration_token.0;
            let proven = registration::sql::by_token(conn, token, now)?;
            if let Some(made) = proven.made_account {
                return if made == account {
                    Ok(())
                } else {
                    Err(Failure::refused(
                        ErrorCode::CodeExpired,
                        "the registration was used",
                    ))
                };
            }
            if sql::by_number(conn, &proven.number)? != proven.existing {
                return Err(Failure::refused(
                    ErrorCode::NumberTaken,
                    "somebody else has the number now",
                ));
            }
            if proven.existing.is_some_and(|holder| holder != account) && !request.take_over {
                return Err(Failure::refused(
                    ErrorCode::NumberTaken,
                    "an account has this number: take it over, or leave it to them",
                ));
            }
            if proven.existing != Some(account) {
                let proof = request.lock_proof.as_ref().map(|proof| proof.0.as_slice());
                let loser = create::may_move(conn, &on_app, &proven.number, proof)?;
                sql::move_number(conn, &proven.number, &account, now)?;
                if let Some(loser) = loser {
                    create::tell_alias_moved(conn, &on_app, &loser, now)?;
                }
                create::tell_number_changed(conn, &account, now)?;
            }
            registration::sql::used(conn, token, &account)
        })
        .await?;
    app.outbox.notify_one();
    nothing()
}

/// `PUT /v1/me/introduction-key`.
pub(crate) async fn introduction_key(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<PutIntroductionKey>,
) -> Nothing {
    let address = app.address(signed.0.account);
    app.db
        .write(move |conn, _| {
            let manifest = manifests::must_get(conn, &address)?;
            let device = manifest.manifest.device(&signed.0.device).ok_or_else(|| {
                Failure::refused(
                    ErrorCode::DeviceRevoked,
                    "the device is not in the manifest",
                )
            })?;
            introduction_key::verify(&request.introduction_key.0, device).map_err(|error| {
                Failure::refused(ErrorCode::SignatureInvalid, error.to_string())
            })?;
            conn.prepare_cached("UPDATE device SET introduction_key = ?2 WHERE id = ?1")?
                .execute(params![
                    signed.0.device.as_bytes(),
                    request.introduction_key.0
                ])?;
            Ok(())
        })
        .await?;
    nothing()
}

/// `PUT /v1/me/blocks`.
pub(crate) async fn block(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<PutBlock>,
) -> Nothing {
    let account = signed.0.account;
    let address = request.address.to_string();
    app.db
        .write(move |conn, _| {
            if !request.blocked {
                conn.prepare_cached("DELETE FROM block WHERE account = ?1 AND address = ?2")?
                    .execute(params![account.as_bytes(), address])?;
                return Ok(());
            }
            let count: u32 = conn
                .prepare_cached("SELECT count(*) FROM block WHERE account = ?1")?
                .query_row([account.as_bytes()], |row| row.get(0))?;
            if count >= BLOCKS_MAX {
                return Err(Failure::refused(ErrorCode::TooMany, "too many are blocked"));
            }
            conn.prepare_cached("INSERT OR IGNORE INTO block (account, address) VALUES (?1, ?2)")?
                .execute(params![account.as_bytes(), address])?;
            Ok(())
        })
        .await?;
    nothing()
}
