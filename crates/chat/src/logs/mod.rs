//! Logs: conversations and inboxes alike. What the writer knows of them in memory, how an entry is
//! added, how entries are read, how long they are kept.
//!
//! Always holds: sequence numbers of a log are 1, 2, 3 … without holes; an entry's idempotency key
//! is unique in its log; who wrote a content entry is not stored. Deliberately absent: what is
//! inside an entry, and whether somebody may add it (`conversations`, `introductions`).

pub(crate) mod arrivals;
pub(crate) mod book;
#[cfg(test)]
mod conformance;
pub(crate) mod entries;
pub(crate) mod keys;
pub(crate) mod outbox;
pub(crate) mod packed;
pub(crate) mod retention;
pub(crate) mod rows;
pub(crate) mod stays;
pub(crate) mod sync;

pub(crate) use book::{LogBook, LogKind, LogMeta, LogName, Published, Seat};
