//! The one WebSocket that a device keeps open.
//!
//! Always holds: before the sign-in nothing is answered but the challenge; replies carry their
//! request's number; appends of one connection keep their order. This module takes any stream of
//! bytes; how the stream came about (`upgrade`) is apart.

mod acts;
mod guard;
mod run;
mod sign_in;
mod upgrade;

pub(crate) use acts::run_act;
#[cfg(feature = "simulation")]
pub(crate) use run::run;
pub(crate) use upgrade::connect;
