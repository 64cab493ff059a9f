//! Key packages: kept for devices, handed out one for each device of an account at once.
//!
//! Always holds: a one-time package is handed out once; whoever has neither a conversation with
//! the account nor a token of its introduction gets none.

mod http;
mod sql;

pub(crate) use http::{fetch, fetch_here, post};
pub(crate) use sql::{left, sweep};
