//! Power loss, full disks and failing disks under real programs, for tests.
//!
//! A program is started with a small library before libc ([`Layer::around`]) that writes down how
//! each change below one folder is undone, until it is synced. After the program was killed,
//! [`Layer::power_loss`] undoes what a disk may have lost: each page and each name that was not
//! synced is, by the seed, as it was at its last sync, as it was last written, or between.
//!
//! Always holds: what was synced (a file's bytes by a sync of the file, a name by a sync of its
//! folder) is never undone; the same seed on the same folder and log undoes the same.
//! Deliberately absent: writes through mmap, io_uring or raw system calls, files named `*-shm`. No program of the product may depend on this crate.

mod control;
mod dice;
mod layer;
mod log;
mod replay;

pub use dice::Dice;
pub use layer::Layer;
pub use replay::{Lost, Names};

/// Why a fault could not be played.
#[derive(Debug, thiserror::Error)]
pub enum FaultError {
    /// A file of the folder or of the log could not be read or changed.
    #[error("{what}: {source}")]
    File {
        /// Which.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// The folder that is watched and the log's lie in one another.
    #[error("the log's folder and the watched one must lie apart")]
    Nested,
    /// The log holds what the layer never writes.
    #[error("the log is damaged at byte {0}")]
    Damaged(usize),
}

/// Names the file in an error.
pub(crate) fn at<T>(what: &std::path::Path, result: std::io::Result<T>) -> Result<T, FaultError> {
    result.map_err(|source| FaultError::File {
        what: what.display().to_string(),
        source,
    })
}
