//! A pool of connections that only read.

use crate::Failure;
use rusqlite::Connection;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::sync::Semaphore;

#[derive(Clone)]
pub(super) struct Readers {
    free: Arc<Mutex<Vec<Connection>>>,
    permits: Arc<Semaphore>,
    #[cfg(feature = "simulation")]
    shared: Option<(Arc<Mutex<Connection>>, super::Pace)>,
}

impl Readers {
    pub(super) fn open(path: &Path, count: usize) -> Result<Self, rusqlite::Error> {
        let mut free = Vec::with_capacity(count);
        for _ in 0..count {
            let conn = super::connect(path)?;
            conn.pragma_update(None, "query_only", "ON")?;
            free.push(conn);
        }
        Ok(Self {
            free: Arc::new(Mutex::new(free)),
            permits: Arc::new(Semaphore::new(count)),
            #[cfg(feature = "simulation")]
            shared: None,
        })
    }

    /// All reading on the writer's own connection, between its transactions.
    #[cfg(feature = "simulation")]
    pub(super) fn shared(conn: Arc<Mutex<Connection>>, pace: super::Pace) -> Self {
        Self {
            free: Arc::default(),
            permits: Arc::new(Semaphore::new(0)),
            shared: Some((conn, pace)),
        }
    }

    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        #[cfg(feature = "simulation")]
        if let Some((conn, pace)) = &self.shared {
            tokio::time::sleep(pace()).await;
            let conn = conn.lock().map_err(|_| Failure::Stopped)?;
            return snapshot(&conn, read);
        }
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| Failure::Stopped)?;
        let free = self.free.clone();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let conn = free.lock().ok().and_then(|mut free| free.pop());
            let Some(conn) = conn else {
                return Err(Failure::internal("no reader is free"));
            };
            // Given back whatever happens: a reading that panics takes no connection with it.
            let lent = Lent {
                conn: Some(conn),
                free,
            };
            match &lent.conn {
                Some(conn) => snapshot(conn, read),
                None => Err(Failure::Stopped),
            }
        })
        .await
        .map_err(|error| Failure::internal(format!("a reading ended early: {error}")))?
    }
}

/// A connection that goes back to the pool when this is dropped.
struct Lent {
    conn: Option<Connection>,
    free: Arc<Mutex<Vec<Connection>>>,
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(conn), Ok(mut free)) = (self.conn.take(), self.free.lock()) {
            free.push(conn);
        }
    }
}

fn snapshot<T>(
    conn: &Connection,
    read: impl FnOnce(&Connection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let tx = conn.unchecked_transaction()?;
    let result = read(&tx)?;
    tx.commit()?;
    Ok(result)
}
