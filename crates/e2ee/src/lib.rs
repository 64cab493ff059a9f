//! End-to-end encryption: conversations (OpenMLS behind a narrow face), and everything else that
//! is sealed, signed or derived on a device.
//!
//! Always holds: nothing here reads a file, opens a socket or starts a thread; state is kept
//! through the SQLite connection that the caller hands in, inside the caller's transaction; types
//! that hold secrets show nothing of them in `Debug` and wipe them when dropped. Deliberately
//! absent: clocks (except where OpenMLS looks at lifetimes), what is sent when, and what a
//! timeline makes of it (`client`).

//X pub mod archive;
//X pub mod attachment;
pub mod engine;
//X pub mod envelope;
//X mod hpke;
//X pub mod introduction;
pub mod keys;
//X pub mod link;
//X pub mod marks;
//X pub mod profile;
//X pub mod recovery;
//X pub mod report;
//X pub mod safety;
//X mod sealed;
pub mod storage;

pub use engine::{
    Decrypted, EngineError, Groups, Joined, Merged, NewGroup, Pending, Plan, Session, Unreadable,
};
//X pub use hpke::{HpkeKeys, HpkeOpenError};
pub use keys::{DeviceKeys, RootKey, sign_manifest};
