//! What carries bytes between two apps' servers.
//!
//! Always holds: a link knows which app is at its other end. Deliberately absent: what the bytes
//! mean, retries (who asks decides), any promise that an answer comes.

use std::fmt::Debug;
use std::pin::Pin;

/// A future that can be kept in a box.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why nothing came back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// The sibling can not be reached.
    #[error("the sibling can not be reached")]
    Down,
    /// No answer came in time; whether the request arrived is not known.
    #[error("the sibling did not answer in time")]
    Late,
}

/// The way to one sibling.
pub trait Link: Debug + Send + Sync {
    /// An encoded `FamilyRequest` there, an encoded `FamilyReply` back.
    fn ask(&self, request: Vec<u8>) -> BoxFuture<'_, Result<Vec<u8>, LinkError>>;

    /// Opens the stream of what the sibling's logs bring.
    fn open(&self) -> BoxFuture<'_, Result<Box<dyn Pushes>, LinkError>>;
}

/// Encoded `ServerBatch`es, in their order.
pub trait Pushes: Send {
    /// The next; none when the stream ended.
    fn next(&mut self) -> BoxFuture<'_, Option<Vec<u8>>>;
}
