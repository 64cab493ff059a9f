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
#[cfg(feature = "simulation")]
pub mod simulated;
pub mod stop;
pub mod telemetry;
pub mod token;

pub use failure::Failure;

/// Computes something that takes its time where it holds up nobody.
///
/// # Errors
/// The computation's own.
pub async fn off_thread<T, F>(compute: F) -> Result<T, Failure>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T, Failure> + Send + 'static,
{
    #[cfg(feature = "simulation")]
    if simulated::clock().is_some() {
        return compute();
    }
    tokio::task::spawn_blocking(compute)
        .await
        .map_err(Failure::internal)?
}
