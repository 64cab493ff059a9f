//! HTTP acts of key packages.

use super::sql;
use crate::access::Signed;
use crate::accounts::{manifests, sql as accounts};
use crate::app::{App, Caller};
use crate::introductions;
use axum::extract::State;
use comity_membership::check_key_package;
use comity_platform::clock::now_ms;
use comity_platform::{Failure, http::Json};
use comity_wire::http::{
    DeviceKeyPackage, FetchKeyPackages, KeyPackagesFetched, KeyPackagesKept, PostKeyPackages,
};
use comity_wire::{Address, Bytes64, ErrorCode, limits};
use rusqlite::Connection;
use std::sync::Arc;

/// `POST /v1/me/key-packages`.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<PostKeyPackages>,
) -> Result<Json<KeyPackagesKept>, Failure> {
    if request.one_time.len() > limits::KEY_PACKAGES_MAX {
        return Err(Failure::refused(
            ErrorCode::TooMany,
            "too many key packages at once",
        ));
    }
    let address = app.address(signed.0.account);
    let device = signed.0.device;
    let checked = app
        .db
        .read(move |conn| {
            let manifest = manifests::must_get(conn, &address)?;
            let certificate = manifest.manifest.device(&device).ok_or_else(|| {
                Failure::refused(
                    ErrorCode::DeviceRevoked,
                    "the device is not in the manifest",
                )
            })?;
            let mut checked = Vec::new();
            let one_time = request
                .one_time
                .into_iter()
                .map(|package| (package.0, false));
            let last_resort = request
                .last_resort
                .into_iter()
                .map(|package| (package.0, true));
            for (bytes, last_resort) in one_time.chain(last_resort) {
                let facts = check_key_package(&bytes, &address, certificate)
                    .map_err(|error| crate::error::mls(&error))?;
                if facts.last_resort != last_resort {
                    return Err(Failure::refused(
                        ErrorCode::MlsInvalid,
                        "one-time and last-resort key packages are marked as such",
                    ));
                }
                let expires_ms = i64::try_from(facts.expires_s.saturating_mul(1_000))
                    .unwrap_or(i64::MAX)
                    .min(now_ms() + limits::KEY_PACKAGE_LIFE_MS);
                checked.push((bytes, last_resort, expires_ms));
            }
            Ok(checked)
        })
        .await?;
    app.db
        .write(move |conn, _| {
            let now = now_ms();
            for (bytes, last_resort, expires_ms) in checked {
                sql::insert(conn, &device, last_resort, expires_ms, &bytes)?;
            }
            let one_time = sql::left(conn, &device, now)?;
            if usize::try_from(one_time).is_ok_and(|count| count > limits::KEY_PACKAGES_MAX) {
                return Err(Failure::refused(
                    ErrorCode::TooMany,
                    "too many key packages",
                ));
            }
            Ok(Json(KeyPackagesKept { one_time }))
        })
        .await
}

/// `POST /v1/key-packages/fetch`.
pub(crate) async fn fetch(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<FetchKeyPackages>,
) -> Result<Json<KeyPackagesFetched>, Failure> {
    let here = app.family.hub(&app.id, request.address.app.as_str())?;
    let fetched = match here {
        None => fetch_here(&app, signed.0, request).await?,
        Some(sibling) => sibling.fetch_key_packages(&app, signed.0, request).await?,
    };
    Ok(Json(fetched))
}

/// Takes one key package for each device of an account of this app.
pub(crate) async fn fetch_here(
    app: &Arc<App>,
    caller: Caller,
    request: FetchKeyPackages,
) -> Result<KeyPackagesFetched, Failure> {
    let on_app = app.clone();
    let requester = app.address_of(&caller)?;
    app.db
        .write(move |conn, _| {
            let target = request.address.account;
            accounts::must_exist(conn, &target)?;
            let token = request.token.as_ref().map(|token| token.0.as_slice());
            may_fetch(conn, &requester, &request.address, token)?;
            let manifest = manifests::must_get(conn, &request.address)?;
            let one_time = requester == request.address
                || on_app.rates.one_time_key_packages(requester, target);
            let mut packages = Vec::new();
            for device in &manifest.manifest.devices {
                if !request.devices.is_empty() && !request.devices.contains(&device.id) {
                    continue;
                }
                if let Some(body) = sql::take(conn, &device.id, one_time, now_ms())? {
                    packages.push(DeviceKeyPackage {
                        device: device.id,
                        key_package: Bytes64(body),
                    });
                }
            }
            Ok(KeyPackagesFetched {
                manifest: Bytes64(manifest.bytes),
                packages,
            })
        })
        .await
}

/// The rule: the own account, a conversation of the two, or the token of an introduction from the
/// target to the requester, which is answered by that; nobody whom the target blocked.
fn may_fetch(
    conn: &Connection,
    requester: &Address,
    target: &Address,
    token: Option<&[u8]>,
) -> Result<(), Failure> {
    if requester == target {
        return Ok(());
    }
    if introductions::sql::is_blocked(conn, &target.account, &requester.to_string())? {
        return Err(consent_needed());
    }
    if let Some(token) = token
        && introductions::sql::answer(conn, &target.account, requester, token)?
    {
        return Ok(());
    }
    if sql::have_conversation(conn, &requester.to_string(), &target.to_string())? {
        return Ok(());
    }
    Err(consent_needed())
}

fn consent_needed() -> Failure {
    Failure::refused(
        ErrorCode::ConsentNeeded,
        "no conversation with this account and no token of its introduction",
    )
}
