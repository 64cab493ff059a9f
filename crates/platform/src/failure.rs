//! Why an act was not done, sorted by fault, and how that crosses the network.
//!
//! Always holds: what crosses carries a stable code; a fault of our own is logged here once and
//! its details stay here.

use comity_wire::{ErrorCode, WireError};
use rusqlite::ErrorCode as SqliteCode;

/// Why an act was not done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The caller's: refused with its code.
    #[error(transparent)]
    Refused(#[from] WireError),
    /// A local resource's: no room on the disk, nothing was taken.
    #[error("the disk is full")]
    StorageFull,
    /// A local resource's: the database did not do it.
    #[error("database: {0}")]
    Database(rusqlite::Error),
    /// A local resource's: a file could not be read or written.
    #[error("file: {0}")]
    File(std::io::Error),
    /// The server is stopping.
    #[error("the server is stopping")]
    Stopped,
    /// Our own bug's.
    #[error("{0}")]
    Internal(String),
}

impl Failure {
    /// Refused with this code.
    pub fn refused(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::Refused(WireError::new(code, message))
    }

    /// Our own fault.
    pub fn internal(what: impl std::fmt::Display) -> Self {
        Self::Internal(what.to_string())
    }

    /// The stable code, when the caller was refused.
    #[must_use]
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(error) => error.code,
            Self::StorageFull => ErrorCode::StorageFull,
            Self::Stopped => ErrorCode::Unavailable,
            Self::Database(_) | Self::File(_) | Self::Internal(_) => ErrorCode::Internal,
        }
    }
}

/// Whether this database error says that there is no room.
#[must_use]
pub(crate) fn is_disk_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(SqliteCode::DiskFull)
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        if is_disk_full(&error) {
            Self::StorageFull
        } else {
            Self::Database(error)
        }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            Self::StorageFull
        } else {
            Self::File(error)
        }
    }
}

impl From<comity_wire::IdError> for Failure {
    fn from(error: comity_wire::IdError) -> Self {
        Self::refused(ErrorCode::Malformed, error.to_string())
    }
}

impl From<Failure> for WireError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(error) => {
                // The code says nothing about anybody; who was refused is not known here.
                tracing::debug!(code = error.code.as_str(), "refused");
                error
            }
            Failure::StorageFull => {
                tracing::error!("the disk is full");
                Self::new(ErrorCode::StorageFull, "the server's disk is full")
                    .retry_after_ms(10_000)
            }
            Failure::Stopped => {
                Self::new(ErrorCode::Unavailable, "the server is stopping").retry_after_ms(2_000)
            }
            Failure::Database(_) | Failure::File(_) | Failure::Internal(_) => {
                tracing::error!(error = %failure, "an act failed");
                Self::new(ErrorCode::Internal, "a fault of the server").retry_after_ms(1_000)
            }
        }
    }
}
