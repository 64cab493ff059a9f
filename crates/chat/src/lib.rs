//! An app's messaging server: accounts, key packages, conversations, blobs, delivery.
//!
//! Always holds: what is acknowledged is durable; the server keeps no plaintext, no key to any,
//! and no record of who wrote a content entry. Deliberately absent: content types, private keys of
//! people (this crate can not reach them), push services, and the network face of the family.
//!
//! [`Server::start`] runs an app inside any program; [`operator`] is what its operator does on the
//! database.

mod access;
mod accounts;
mod app;
mod background;
mod blobs;
pub mod config;
mod connection;
mod conversations;
#[cfg(feature = "simulation")]
pub mod embedded;
mod error;
pub mod family;
mod introductions;
mod key_packages;
mod limits;
mod links;
mod live;
mod logs;
mod migrations;
pub mod operator;
mod pages;
mod registration;
mod reports;
mod router;
mod secrets;
mod server;

pub use config::Config;
pub use pages::openapi_document;
pub use secrets::Secrets;
pub use server::{JoinError, Running, Server, StartError};
