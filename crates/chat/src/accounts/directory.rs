//! Finding accounts: by number, for who is signed in; by id, for who knows it.

use super::{manifests, sql};
use crate::access::{Signed, from};
use crate::app::App;
use crate::registration::number;
use axum::extract::{Extension, Path, State};
use comity_platform::listen::Peer;
use comity_platform::{Failure, http::Json};
use comity_wire::http::{Found, Lookup, ProfileOf};
use comity_wire::{AccountId, Bytes64, ErrorCode};
use rusqlite::Connection;
use std::sync::Arc;

/// `POST /v1/directory/lookup`.
pub(crate) async fn lookup(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<Lookup>,
) -> Result<Json<Found>, Failure> {
    let number = number::parse(&request.number, request.country.as_deref())?;
    app.rates.lookup(signed.0.account)?;
    let on_app = app.clone();
    app.db
        .read(move |conn| {
            let account = sql::by_number(conn, &number)?
                .ok_or_else(|| Failure::refused(ErrorCode::NotFound, "nobody has this number"))?;
            found(conn, &on_app, account, Some(number)).map(Json)
        })
        .await
}

/// `GET /v1/accounts/{account}`.
pub(crate) async fn account(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    signed: Option<Signed>,
    Path(account): Path<String>,
) -> Result<Json<Found>, Failure> {
    if signed.is_none() {
        app.rates.network(from(&peer))?;
    }
    let account: AccountId = account.parse()?;
    let on_app = app.clone();
    app.db
        .read(move |conn| found(conn, &on_app, account, None).map(Json))
        .await
}

fn found(
    conn: &Connection,
    app: &App,
    account: AccountId,
    number: Option<String>,
) -> Result<Found, Failure> {
    sql::must_exist(conn, &account)?;
    let address = app.address(account);
    let manifest = manifests::bytes(conn, &address)?
        .ok_or_else(|| Failure::internal("an account without manifest"))?;
    let keys = sql::introduction_keys(conn, &account)?;
    Ok(Found {
        address,
        number,
        manifest: Bytes64(manifest),
        introduction_keys: keys.into_iter().map(Bytes64).collect(),
    })
}

/// `GET /v1/accounts/{account}/profile`.
pub(crate) async fn profile(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    signed: Option<Signed>,
    Path(account): Path<String>,
) -> Result<Json<ProfileOf>, Failure> {
    if signed.is_none() {
        app.rates.network(from(&peer))?;
    }
    let account: AccountId = account.parse()?;
    app.db
        .read(move |conn| {
            sql::must_exist(conn, &account)?;
            let sealed = conn
                .prepare_cached("SELECT profile FROM account WHERE id = ?1")?
                .query_row([account.as_bytes()], |row| row.get(0))?;
            Ok(Json(ProfileOf {
                sealed: Bytes64(sealed),
            }))
        })
        .await
}
