//! Finding accounts: by number, for who is signed in; by id, for who knows it.

use super::{manifests, sql};
use crate::access::{Signed, from};
use crate::app::App;
use crate::family::Sibling;
use crate::registration::number;
use axum::extract::{Extension, State};
use comity_platform::listen::Peer;
use comity_platform::{
    Failure,
    http::{Json, Segment},
};
use comity_wire::http::{Found, Lookup, ProfileOf};
use comity_wire::{AccountId, Address, Bytes64, ErrorCode};
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
    Segment(account): Segment,
) -> Result<Json<Found>, Failure> {
    if signed.is_none() {
        app.rates.network(from(&peer))?;
    }
    let account = match elsewhere(&app, signed.as_ref(), &account)? {
        Where::Here(account) => account,
        Where::At(sibling, account) => return Ok(Json(sibling.found(&app, account).await?)),
    };
    let on_app = app.clone();
    app.db
        .read(move |conn| found(conn, &on_app, account, None).map(Json))
        .await
}

/// Where an account lives.
enum Where {
    Here(AccountId),
    At(Arc<Sibling>, AccountId),
}

/// Reads an account, or an address for one of another app: whoever is signed in may ask through
/// this app.
fn elsewhere(app: &App, signed: Option<&Signed>, text: &str) -> Result<Where, Failure> {
    if !text.contains('@') {
        return Ok(Where::Here(text.parse()?));
    }
    let address: Address = text.parse()?;
    match app.family.hub(&app.id, address.app.as_str())? {
        None => Ok(Where::Here(address.account)),
        Some(_) if signed.is_none() => Err(Failure::refused(
            ErrorCode::Unauthenticated,
            "who asks about another app's account is signed in",
        )),
        Some(sibling) => Ok(Where::At(sibling, address.account)),
    }
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
    Segment(account): Segment,
) -> Result<Json<ProfileOf>, Failure> {
    if signed.is_none() {
        app.rates.network(from(&peer))?;
    }
    let account = match elsewhere(&app, signed.as_ref(), &account)? {
        Where::Here(account) => account,
        Where::At(sibling, account) => return Ok(Json(sibling.profile(&app, account).await?)),
    };
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
