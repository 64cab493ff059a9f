//! Proving a phone number by a code.
//!
//! Always holds: codes and tokens are stored as keyed hashes only (the development outbox apart);
//! a registration takes five wrong codes and no more. Deliberately absent: what a proven number is
//! used for (`accounts::create`).

pub(crate) mod decision;
mod delivery;
pub(crate) mod http;
pub(crate) mod number;
pub(crate) mod sql;

pub(crate) use delivery::CodeDelivery;
