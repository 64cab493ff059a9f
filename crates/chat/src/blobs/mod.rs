//! Blobs: encrypted attachments, by a random id that is the right to read them.
//!
//! Always holds: an offset is acknowledged only when the bytes before it are on the disk and the
//! offset is in the database; a blob can be read only when it is complete; each account keeps no
//! more than its quota. Deliberately absent: keys and content.

pub(crate) mod http;
pub(crate) mod range;
pub(crate) mod sql;
mod staging;
mod store;

#[cfg(feature = "simulation")]
pub use staging::memory::Files;
pub(crate) use store::Blobs;
