//! The cryptography that the MLS library runs on.
//!
//! Always holds: without the feature `simulation`, which only the simulation turns on, nothing is
//! remembered but signatures that were checked ahead.

mod ahead;
mod fast;
#[cfg(feature = "simulation")]
mod remembering;
#[cfg(not(feature = "simulation"))]
#[path = "crypto/forgetting.rs"]
mod remembering;

pub use fast::Crypto;
pub(crate) use remembering::checked;
#[cfg(feature = "simulation")]
pub use remembering::remember;
