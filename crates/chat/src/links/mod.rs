//! The meeting place for linking a device: an offer by the new one, a grant by an owner, both
//! opaque, under an id that only the two know.
//!
//! Always holds: each is put once, and both are gone when the offer's life is over; a grant can be
//! read by the new device again until then, should an answer be lost.

use crate::access::{Signed, from};
use crate::accounts::me::{Nothing, nothing};
use crate::app::App;
use crate::conversations::fits;
use axum::extract::{Extension, State};
use comity_platform::clock::now_ms;
use comity_platform::listen::Peer;
use comity_platform::{
    Failure,
    http::{Json, Segment},
};
use comity_wire::http::{LinkGrantBody, LinkOfferBody};
use comity_wire::{Bytes64, ErrorCode, UnixMs, limits};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

const OFFER_BYTES_MAX: usize = 8 * 1024;
/// A grant holds the contacts.
const GRANT_BYTES_MAX: usize = 512 * 1024;

/// Offers that may wait at once.
const OFFERS_MAX: u32 = 10_000;

fn check_id(id: &str) -> Result<(), Failure> {
    let fine = (16..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if fine {
        Ok(())
    } else {
        Err(Failure::refused(ErrorCode::Malformed, "not a link's id"))
    }
}

fn gone() -> Failure {
    Failure::refused(ErrorCode::NotFound, "no such link, or it is over")
}

type Row = (Vec<u8>, Option<Vec<u8>>);

fn read(conn: &Connection, id: &str, now_ms: UnixMs) -> Result<Option<Row>, rusqlite::Error> {
    conn.prepare_cached("SELECT offer, sealed_grant FROM link WHERE id = ?1 AND made_ms > ?2")?
        .query_row(params![id, now_ms - limits::LINK_LIFE_MS], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
}

/// Forgets links that are over.
pub(crate) fn sweep(conn: &Connection, now_ms: UnixMs) -> Result<(), rusqlite::Error> {
    conn.execute(
        "DELETE FROM link WHERE made_ms <= ?1",
        [now_ms - limits::LINK_LIFE_MS],
    )?;
    Ok(())
}

/// `PUT /v1/links/{id}/offer`.
pub(crate) async fn put_offer(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    Segment(id): Segment,
    Json(request): Json<LinkOfferBody>,
) -> Nothing {
    check_id(&id)?;
    fits(&request.offer.0, OFFER_BYTES_MAX, "an offer")?;
    app.rates.network(from(&peer))?;
    app.db
        .write(move |conn, _| {
            let now = now_ms();
            sweep(conn, now)?;
            match read(conn, &id, now)? {
                Some((offer, _)) if offer == request.offer.0 => return Ok(()),
                Some(_) => return Err(Failure::refused(ErrorCode::Exists, "the id is in use")),
                None => {}
            }
            let count: u32 = conn.query_row("SELECT count(*) FROM link", [], |row| row.get(0))?;
            if count >= OFFERS_MAX {
                return Err(crate::limits::limited(limits::LINK_LIFE_MS));
            }
            conn.prepare_cached("INSERT INTO link (id, made_ms, offer) VALUES (?1, ?2, ?3)")?
                .execute(params![id, now, request.offer.0])?;
            Ok(())
        })
        .await?;
    nothing()
}

/// `GET /v1/links/{id}/offer`.
pub(crate) async fn get_offer(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
) -> Result<Json<LinkOfferBody>, Failure> {
    check_id(&id)?;
    let (offer, _) = app
        .db
        .read(move |conn| read(conn, &id, now_ms())?.ok_or_else(gone))
        .await?;
    Ok(Json(LinkOfferBody {
        offer: Bytes64(offer),
    }))
}

/// `PUT /v1/links/{id}/grant`.
pub(crate) async fn put_grant(
    State(app): State<Arc<App>>,
    _signed: Signed,
    Segment(id): Segment,
    Json(request): Json<LinkGrantBody>,
) -> Nothing {
    check_id(&id)?;
    fits(&request.grant.0, GRANT_BYTES_MAX, "a grant")?;
    app.db
        .write(move |conn, _| {
            match read(conn, &id, now_ms())?.ok_or_else(gone)? {
                (_, Some(grant)) if grant == request.grant.0 => return Ok(()),
                (_, Some(_)) => {
                    return Err(Failure::refused(
                        ErrorCode::Exists,
                        "it was granted already",
                    ));
                }
                (_, None) => {}
            }
            conn.prepare_cached("UPDATE link SET sealed_grant = ?2 WHERE id = ?1")?
                .execute(params![id, request.grant.0])?;
            Ok(())
        })
        .await?;
    nothing()
}

/// `GET /v1/links/{id}/grant`.
pub(crate) async fn get_grant(
    State(app): State<Arc<App>>,
    Segment(id): Segment,
) -> Result<Json<LinkGrantBody>, Failure> {
    check_id(&id)?;
    let (_, grant) = app
        .db
        .read(move |conn| read(conn, &id, now_ms())?.ok_or_else(gone))
        .await?;
    let grant = grant.ok_or_else(|| Failure::refused(ErrorCode::NotFound, "not granted yet"))?;
    Ok(Json(LinkGrantBody {
        grant: Bytes64(grant),
    }))
}
