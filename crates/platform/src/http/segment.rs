//! The variable part of a path.
//!
//! Always holds: one that is no text is refused with a stable code, as one is that names nothing.

use crate::Failure;
use axum::extract::{FromRequestParts, Path};
use comity_wire::ErrorCode;
use http::request::Parts;

/// The one variable part of a path, decoded.
#[derive(Debug, Clone)]
pub struct Segment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(text)) => Ok(Self(text)),
            Err(_) => Err(Failure::refused(
                ErrorCode::Malformed,
                "a part of the path is no text",
            )),
        }
    }
}
