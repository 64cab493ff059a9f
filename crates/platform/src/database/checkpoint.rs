//! Moves the write-ahead log into the database file, on a thread and connection of its own.
//!
//! Always holds: a commit never waits for it, except when the log has grown beyond
//! [`LOG_BYTES_MAX`], which stops it from filling the disk.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Above this the log is moved while others go on.
const LOG_BYTES_WORTH: u64 = 4 * 1024 * 1024;
/// Above this the log is moved and cut, and writers wait.
const LOG_BYTES_MAX: u64 = 512 * 1024 * 1024;

pub(super) struct Checkpoint {
    stop: SyncSender<()>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Checkpoint {
    pub(super) fn start(path: &Path) -> Result<Self, super::OpenError> {
        let conn = super::connect(path)?;
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        let log = PathBuf::from(log);
        let (stop, stopped) = sync_channel::<()>(1);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || {
                while stopped.recv_timeout(Duration::from_millis(500))
                    == Err(RecvTimeoutError::Timeout)
                {
                    let bytes = std::fs::metadata(&log).map_or(0, |meta| meta.len());
                    if bytes >= LOG_BYTES_MAX {
                        move_log(&conn, "PRAGMA wal_checkpoint(TRUNCATE)");
                    } else if bytes >= LOG_BYTES_WORTH {
                        move_log(&conn, "PRAGMA wal_checkpoint(PASSIVE)");
                    }
                }
                move_log(&conn, "PRAGMA wal_checkpoint(TRUNCATE)");
            })?;
        Ok(Self {
            stop,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// The last move; returns when it is done.
    pub(super) fn finish(&self) {
        let _ = self.stop.try_send(());
        let thread = self.thread.lock().ok().and_then(|mut thread| thread.take());
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

fn move_log(conn: &rusqlite::Connection, sql: &str) {
    if let Err(error) = conn.query_row(sql, [], |_| Ok(())) {
        tracing::warn!(%error, "the write-ahead log was not moved");
    }
}
