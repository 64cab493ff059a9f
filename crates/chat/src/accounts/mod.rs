//! Accounts: their devices, numbers, manifests, profile, locks, blocks, and their end.
//!
//! Always holds: a manifest is replaced only by one that follows from it; a device that an account
//! revoked never acts again; deleting an account deletes what is kept of it. Deliberately absent:
//! verifying numbers (`registration`).

pub(crate) mod create;
pub(crate) mod deletion;
pub(crate) mod directory;
pub(crate) mod manifests;
pub(crate) mod me;
pub(crate) mod settings;
pub(crate) mod sql;
