//! Introductions: how a stranger asks to talk.
//!
//! Always holds: an introduction goes to every device of the account, sealed for each; the same id
//! is taken once; whoever is blocked gets the same answer as everybody and reaches nobody.

mod http;
pub(crate) mod sql;

pub(crate) use http::{post, take};
