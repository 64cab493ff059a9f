//! Reports: sealed by the reporter to the operator's moderation key, stored as they are.
//!
//! Always holds: the server can not read a report; it is opened by `comity admin reports` with a
//! key that is not here.

use crate::access::Signed;
use crate::accounts::me::{Nothing, nothing};
use crate::app::App;
use crate::conversations::fits;
use axum::extract::State;
use comity_platform::clock::now_ms;
use comity_platform::{Failure, http::Json};
use comity_wire::http::PostReport;
use comity_wire::{ErrorCode, limits};
use rusqlite::params;
use std::sync::Arc;

/// `POST /v1/reports`.
pub(crate) async fn post(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<PostReport>,
) -> Nothing {
    fits(&request.sealed.0, limits::REPORT_BYTES_MAX, "a report")?;
    if app.config.moderation_key.is_none() {
        return Err(Failure::refused(
            ErrorCode::NotFound,
            "the operator of this app set no moderation key",
        ));
    }
    app.rates.lookup(signed.0.account)?;
    app.db
        .write(move |conn, _| {
            conn.prepare_cached("INSERT INTO report (at_ms, sealed) VALUES (?1, ?2)")?
                .execute(params![now_ms(), request.sealed.0])?;
            Ok(())
        })
        .await?;
    nothing()
}
