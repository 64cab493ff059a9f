//! HTTP answers: errors with their stable code, JSON bodies in and out.
//!
//! Always holds: every error is an `ErrorBody`, and when waiting helps `Retry-After` says how long.

mod json;
mod segment;

pub use json::{Json, parse};
pub use segment::Segment;

use crate::Failure;
use axum::response::{IntoResponse, Response};
use comity_wire::WireError;
use comity_wire::http::{ErrorBody, ErrorDetail};
use http::{HeaderValue, StatusCode, header};

/// The HTTP form of an error.
pub fn error_response(error: WireError) -> Response {
    let status =
        StatusCode::from_u16(error.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let retry_after_ms = error.retry_after_ms;
    let body = ErrorBody {
        error: ErrorDetail {
            code: error.code.as_str().to_owned(),
            message: error.message,
            retry_after_ms,
        },
    };
    let mut response = (status, axum::Json(body)).into_response();
    if retry_after_ms > 0 {
        let seconds = retry_after_ms.div_ceil(1_000);
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // For counting by code without reading the body again.
    response.extensions_mut().insert(error.code);
    response
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        error_response(self.into())
    }
}
