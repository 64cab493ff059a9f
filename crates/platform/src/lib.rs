//! What every Comity server needs: the database with its one writer, HTTP errors, bearer tokens,
//! rate limits, the TLS listener, configuration, telemetry and stopping.
//!
//! Always holds: nothing here knows what a server is for; an answer to a write leaves only after
//! the commit that made it durable. Deliberately absent: accounts, conversations, any content.

pub mod clock;
pub mod config;
pub mod database;
mod failure;
pub mod http;
pub mod listen;
pub mod rate;
pub mod secret;
pub mod stop;
pub mod telemetry;
pub mod token;

pub use failure::Failure;
