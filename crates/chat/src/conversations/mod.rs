//! Conversations: making one, appending, committing, reading, marks and signals, and the app's
//! proposals to remove devices.
//!
//! Always holds: whether somebody may do something is decided again in the writer, on what is
//! durable. Deliberately absent: keys and plaintext; who wrote a content entry is checked and
//! forgotten.

pub(crate) mod append;
pub(crate) mod commit;
pub(crate) mod create;
mod group_state;
pub(crate) mod leave;
pub(crate) mod marks;
pub(crate) mod read;
pub(crate) mod removal;

use crate::logs::LogName;
use comity_platform::Failure;
use comity_wire::{ErrorCode, Id16};

/// A log's name off the wire.
pub(crate) fn log_name(bytes: &[u8]) -> Result<LogName, Failure> {
    Ok(*Id16::from_slice(bytes)?.as_bytes())
}

/// An idempotency key off the wire.
pub(crate) fn idempotency_key(bytes: Vec<u8>) -> Result<Vec<u8>, Failure> {
    comity_wire::IdempotencyKey::from_slice(&bytes)?;
    Ok(bytes)
}

pub(crate) fn not_member() -> Failure {
    Failure::refused(
        ErrorCode::NotMember,
        "the device is not a member of the conversation",
    )
}

/// Refuses what is larger than its limit.
pub(crate) fn fits(bytes: &[u8], bytes_max: usize, what: &str) -> Result<(), Failure> {
    if bytes.len() > bytes_max {
        Err(Failure::refused(
            ErrorCode::TooLarge,
            format!("{what}: {bytes_max} bytes at most"),
        ))
    } else {
        Ok(())
    }
}
