//! What the server tells about itself: a page for people, health, metrics, the OpenAPI document.
//!
//! Always holds: no page holds a script or anything from another host; metrics hold no person's
//! data and are for loopback or a token.

mod acts;
mod home;
mod openapi;

pub(crate) use home::home;
pub use openapi::document as openapi_document;

use crate::app::App;
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use comity_platform::clock::now_ms;
use comity_platform::listen::Peer;
use comity_platform::secret::equal;
use comity_platform::{Failure, http::Json};
use comity_wire::http::AppInfo;
use comity_wire::{Bytes64, ErrorCode, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN};
use http::{HeaderMap, header};
use std::sync::Arc;

/// `GET /v1/app`.
pub(crate) async fn app_info(State(app): State<Arc<App>>) -> Result<Json<AppInfo>, Failure> {
    Ok(Json(AppInfo {
        app: app.id.clone(),
        name: app.config.name.clone(),
        identity: "phone_number".to_owned(),
        version: PROTOCOL_VERSION,
        version_min: PROTOCOL_VERSION_MIN,
        moderation_key: Bytes64(app.config.moderation_key().unwrap_or_default()),
        app_key: Bytes64(app.secrets.app_public().to_vec()),
        now_ms: now_ms(),
    }))
}

/// `GET /healthz`: the process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers within this, or the server is not ready.
const READY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// `GET /readyz`: it can read and write.
pub(crate) async fn readyz(State(app): State<Arc<App>>) -> Result<&'static str, Failure> {
    if app.stop.is_stopped() || !app.db.is_open() {
        return Err(Failure::Stopped);
    }
    let works = async {
        app.db
            .read(|conn| Ok(conn.query_row("SELECT 1", [], |_| Ok(()))?))
            .await?;
        // A commit that changes nothing would not touch the disk.
        app.db
            .write(|conn, _| {
                conn.prepare_cached("UPDATE probe SET at_ms = ?1")?
                    .execute([now_ms()])?;
                Ok(())
            })
            .await
    };
    match tokio::time::timeout(READY_TIMEOUT, works).await {
        Ok(result) => result.map(|()| "ready\n"),
        Err(_) => Err(Failure::refused(
            comity_wire::ErrorCode::Unavailable,
            "the database did not answer in time",
        )),
    }
}

/// `GET /metrics`.
pub(crate) async fn metrics(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let given = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .unwrap_or_default();
    let token = app.config.metrics_token.as_ref();
    let allowed = peer.address.ip().is_loopback()
        || token
            .is_some_and(|token| !token.is_empty() && equal(token.as_bytes(), given.as_bytes()));
    if !allowed {
        return Err(Failure::refused(
            ErrorCode::Forbidden,
            "metrics are for the operator",
        ));
    }
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4")];
    Ok((kind, app.metrics.text()).into_response())
}

/// `GET /openapi.json`.
pub(crate) async fn openapi() -> Response {
    axum::Json(openapi::document()).into_response()
}

/// `GET /dev/codes`, in development only: a page for browsers, JSON for programs.
pub(crate) async fn codes(
    State(app): State<Arc<App>>,
    headers: http::HeaderMap,
) -> Result<Response, Failure> {
    let codes = app
        .db
        .read(|conn| Ok(crate::operator::codes(conn)?))
        .await?;
    let wants_page = headers
        .get(header::ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.contains("text/html"));
    Ok(if wants_page {
        home::codes_page(&codes, now_ms())
    } else {
        Json(codes).into_response()
    })
}
