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
        })
    }

    pub(super) async fn read<T, F>(&self, read: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
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
            let result = snapshot(&conn, read);
            if let Ok(mut free) = free.lock() {
                free.push(conn);
            }
            result
        })
        .await
        .map_err(|error| Failure::internal(format!("a reading ended early: {error}")))?
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
