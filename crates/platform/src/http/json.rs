//! JSON bodies: too large and malformed are told apart, both with their code.

use super::error_response;
use crate::Failure;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use comity_wire::{ErrorCode, WireError, limits};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// A JSON body is small: who takes longer for it holds memory and says nothing.
const BODY_TIMEOUT: Duration = Duration::from_secs(20);

/// A JSON body, in or out.
#[derive(Debug)]
pub struct Json<T>(pub T);

/// The value of these bytes.
///
/// # Errors
/// `malformed`, with the place but not the content.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, WireError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Data => "fields are missing or of the wrong form",
            _ => "not JSON",
        };
        WireError::new(
            ErrorCode::Malformed,
            format!("{what} (line {}, column {})", error.line(), error.column()),
        )
    })
}

/// Why a body could not be read whole.
fn unread(error: axum::Error) -> WireError {
    if error.into_inner().is::<http_body_util::LengthLimitError>() {
        WireError::new(ErrorCode::TooLarge, "the body is too large")
    } else {
        WireError::new(ErrorCode::Malformed, "the body broke off, or is not HTTP")
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let read = axum::body::to_bytes(request.into_body(), limits::JSON_BYTES_MAX);
        let body = tokio::time::timeout(BODY_TIMEOUT, read)
            .await
            .map_err(|_| {
                error_response(WireError::new(
                    ErrorCode::Unavailable,
                    "the body took too long",
                ))
            })?
            .map_err(|error| error_response(unread(error)))?;
        parse(&body).map(Self).map_err(error_response)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl<T> From<Json<T>> for Result<Json<T>, Failure> {
    fn from(json: Json<T>) -> Self {
        Ok(json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_where_and_not_what() {
        let error = parse::<Vec<u32>>(b"[1, \"secret\"]").unwrap_err();
        assert_eq!(error.code, ErrorCode::Malformed);
        assert!(!error.message.contains("secret"));
    }
}
