//! End-to-end encryption: conversations (OpenMLS behind a narrow face), and everything else that
//! is sealed, signed or derived on a device.
//!
//! Always holds: nothing here reads a file, opens a socket or starts a thread; state is kept
//! through the SQLite connection that the caller hands in, inside the caller's transaction; types
//! that hold secrets show nothing of them in `Debug` and wipe them when dropped. Deliberately
//! absent: clocks (except where OpenMLS looks at lifetimes), what is sent when, and what a
//! timeline makes of it (`client`).

pub mod archive;
pub mod attachment;
pub mod engine;
pub mod envelope;
pub mod group_state;
mod hpke;
pub mod introduction;
pub mod invitation;
pub mod keys;
pub mod link;
pub mod marks;
pub mod profile;
pub mod recovery;
pub mod report;
pub mod safety;
mod sealed;
pub mod storage;

pub use engine::{
    Decrypted, EngineError, Groups, Joined, Merged, NewGroup, Pending, Plan, Session, Unreadable,
};
pub use hpke::{HpkeKeys, HpkeOpenError};
pub use keys::{DeviceKeys, RootKey, sign_manifest};
pub use sealed::SealError;
