//! Who asks: the bearer token of an HTTP act.
//!
//! Always holds: a [`Signed`] comes from a token that is genuine, not over, and of a device that
//! its account did not revoke.

use crate::accounts::sql;
use crate::app::{App, Caller};
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use comity_platform::Failure;
use comity_platform::clock::now_ms;
use comity_platform::listen::Peer;
use comity_platform::token::Claim;
use comity_wire::ErrorCode;
use http::header::AUTHORIZATION;
use http::request::Parts;
use std::net::IpAddr;
use std::sync::Arc;

/// The right to act for an account, with the device that signed in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signed(pub(crate) Caller);

fn bearer(parts: &Parts) -> Option<Vec<u8>> {
    let text = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let token = text.strip_prefix("Bearer ")?;
    data_encoding::BASE64URL_NOPAD
        .decode(token.trim().as_bytes())
        .ok()
}

impl FromRequestParts<Arc<App>> for Signed {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Failure> {
        let token = bearer(parts)
            .ok_or_else(|| Failure::refused(ErrorCode::Unauthenticated, "no bearer token"))?;
        let claim = Claim::open(&token, &app.secrets.token, now_ms()).ok_or_else(|| {
            Failure::refused(ErrorCode::Unauthenticated, "the token is unknown or over")
        })?;
        let caller = Caller {
            account: claim.account,
            device: claim.device,
            sibling: None,
        };
        app.db
            .read(move |conn| sql::may_act(conn, &caller.account, &caller.device))
            .await?;
        Ok(Self(caller))
    }
}

impl OptionalFromRequestParts<Arc<App>> for Signed {
    type Rejection = Failure;

    async fn from_request_parts(
        parts: &mut Parts,
        app: &Arc<App>,
    ) -> Result<Option<Self>, Failure> {
        if !parts.headers.contains_key(AUTHORIZATION) {
            return Ok(None);
        }
        <Self as FromRequestParts<Arc<App>>>::from_request_parts(parts, app)
            .await
            .map(Some)
    }
}

/// The network address that a request came from, for counting.
pub(crate) fn from(peer: &Peer) -> IpAddr {
    peer.address.ip()
}
