//! The client's core in a browser: the shell that a dedicated worker runs, and the boundary that
//! screens in TypeScript are written against.
//!
//! Always holds: one worker of one tab has the core; its store is open under the device's data key
//! and nowhere else. Deliberately absent: which tab that is, and the wrapping of the data key,
//! which the browser's own interfaces do (`web/src/core/`).

pub mod boundary;
pub mod desk;
pub mod kept;
mod lines;
mod rows;

#[cfg(target_family = "wasm")]
mod clock;
#[cfg(target_family = "wasm")]
mod files;
#[cfg(target_family = "wasm")]
mod http;
#[cfg(target_family = "wasm")]
mod opfs;
#[cfg(target_family = "wasm")]
mod shell;
#[cfg(target_family = "wasm")]
mod socket;
#[cfg(target_family = "wasm")]
mod store;
#[cfg(target_family = "wasm")]
mod transfer;
#[cfg(target_family = "wasm")]
mod worker;

#[cfg(target_family = "wasm")]
pub use worker::Device;
