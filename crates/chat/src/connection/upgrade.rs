//! `GET /v1/connect`: from HTTP to WebSocket.

use super::run;
use crate::app::App;
use axum::extract::{Extension, Request, State};
use axum::response::Response;
use comity_platform::Failure;
use comity_platform::listen::Peer;
use comity_wire::ErrorCode;
use http::{HeaderValue, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

/// The handshake; the connection then runs in a task of its own.
pub(crate) async fn connect(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    mut request: Request,
) -> Result<Response, Failure> {
    let malformed = || Failure::refused(ErrorCode::Malformed, "not a WebSocket handshake");
    let headers = request.headers();
    let has = |name, wanted: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| {
                value
                    .split(',')
                    .any(|part| part.trim().eq_ignore_ascii_case(wanted))
            })
    };
    if !has(header::CONNECTION, "upgrade")
        || !has(header::UPGRADE, "websocket")
        || !has(header::SEC_WEBSOCKET_VERSION, "13")
    {
        return Err(malformed());
    }
    let accept = headers
        .get(header::SEC_WEBSOCKET_KEY)
        .and_then(|key| HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok())
        .ok_or_else(malformed)?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        // A fresh task: the handshake's own state is gone by now.
        tokio::spawn(run::run(
            app,
            Box::new(TokioIo::new(upgraded)),
            peer.exporter,
        ));
    });
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    Ok(response)
}
