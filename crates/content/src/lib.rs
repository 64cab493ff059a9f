//! What people say to one another: versioned content types, the plaintext inside a sealed entry.
//!
//! Always holds: a reader keeps what it does not understand. Deliberately absent: how it is
//! sealed (`e2ee`) and what a timeline makes of it (`client`).

pub mod proto;

pub use prost::Message;
pub use proto::{Content, Envelope};
