//! The embedded database: one writer with group commit, a pool of readers, a checkpoint thread.
//!
//! Always holds: a job's answer leaves only after the commit that made it durable (write-ahead
//! log, `synchronous = FULL`); everything that queued during the last commit shares the next one;
//! a job that fails undoes only itself. Deliberately absent: SQL of any feature.

mod checkpoint;
mod migrate;
mod readers;
mod writer;

pub use migrate::MigrationError;
pub use writer::WriterState;

use crate::{Failure, telemetry::Metrics};
use comity_wire::planted::{self, Bug};
use readers::Readers;
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How to open a database.
#[derive(Debug, Clone)]
pub struct Options {
    /// The file.
    pub path: PathBuf,
    /// Connections for reading.
    pub readers: usize,
    /// SQL that leads from version n to n+1, in order. Only ever extended.
    pub migrations: &'static [&'static str],
}

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite says no.
    #[error("can not open the database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// Its version could not be brought up.
    #[error(transparent)]
    Migration(#[from] MigrationError),
    /// A thread or folder could not be made.
    #[error("can not open the database: {0}")]
    System(#[from] std::io::Error),
    /// Another process has it.
    #[error("another process uses this data folder")]
    InUse,
}

/// One open database, with the writer's own state `S`.
pub struct Database<S> {
    writer: writer::Writer<S>,
    readers: Readers,
    checkpoint: Option<Arc<checkpoint::Checkpoint>>,
}

/// A job that waits for room in the queue.
pub type Waiting = Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// How long a job waits before it is taken, where a simulation says so.
#[cfg(feature = "simulation")]
pub type Pace = fn() -> Duration;

impl<S> Clone for Database<S> {
    fn clone(&self) -> Self {
        Self {
            writer: self.writer.clone(),
            readers: self.readers.clone(),
            checkpoint: self.checkpoint.clone(),
        }
    }
}

impl<S> std::fmt::Debug for Database<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Database")
    }
}

/// A connection with the settings that all of ours have.
///
/// # Errors
/// When SQLite can not open the file.
pub fn connect(path: &Path) -> Result<Connection, rusqlite::Error> {
    let conn = Connection::open(path)?;
    conn.busy_timeout(Duration::from_secs(10))?;
    settings(&conn)?;
    Ok(conn)
}

fn settings(conn: &Connection) -> Result<(), rusqlite::Error> {
    // Else what has a bound `LIMIT` is planned anew each time that it runs.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.pragma_update(None, "journal_mode", "WAL")?;
    conn.pragma_update(None, "synchronous", "FULL")?;
    if planted::is(Bug::HubDoesNotSync) {
        conn.pragma_update(None, "synchronous", "OFF")?;
    }
    conn.pragma_update(None, "foreign_keys", "ON")?;
    conn.pragma_update(None, "secure_delete", "ON")?;
    conn.pragma_update(None, "temp_store", "MEMORY")?;
    conn.set_prepared_statement_cache_capacity(256);
    Ok(())
}

impl<S: WriterState> Database<S> {
    /// Opens the file, brings it to the newest version and starts the threads.
    ///
    /// # Errors
    /// When it can not be opened or its version is newer than this program's.
    pub fn open(
        options: &Options,
        metrics: &Metrics,
        state: impl FnOnce(&Connection) -> Result<S, rusqlite::Error>,
    ) -> Result<Self, OpenError> {
        let mut conn = connect(&options.path)?;
        migrate::run(&mut conn, options.migrations)?;
        // Checkpoints have a thread of their own: a commit never waits for one.
        conn.pragma_update(None, "wal_autocheckpoint", 0)?;
        // Enough for what is written again and again. Each commit that split a page looks through the whole
        // table of cached pages, so more of them cost more than the reads that they save.
        conn.pragma_update(None, "cache_size", -16_384)?;
        let state = state(&conn)?;
        let readers = Readers::open(&options.path, options.readers.max(1))?;
        let checkpoint = Arc::new(checkpoint::Checkpoint::start(&options.path)?);
        let writer = writer::Writer::start(conn, state, metrics)?;
        Ok(Self {
            writer,
            readers,
            checkpoint: Some(checkpoint),
        })
    }

    /// The same database without threads, for simulations: jobs run in tasks of the current
    /// runtime, all on this one connection, with the same batches, savepoints and commits.
    ///
    /// # Errors
    /// When it can not be read or its version is newer than this program's.
    #[cfg(feature = "simulation")]
    pub fn without_threads(
        mut conn: Connection,
        migrations: &'static [&'static str],
        metrics: &Metrics,
        pace: Pace,
        state: impl FnOnce(&Connection) -> Result<S, rusqlite::Error>,
    ) -> Result<Self, OpenError> {
        settings(&conn)?;
        migrate::run(&mut conn, migrations)?;
        let state = state(&conn)?;
        let conn = Arc::new(std::sync::Mutex::new(conn));
        Ok(Self {
            readers: Readers::shared(conn.clone(), pace),
            writer: writer::Writer::task(conn, state, metrics, pace),
            checkpoint: None,
        })
    }

    /// Runs a job in the writer and waits until it is durable.
    ///
    /// # Errors
    /// The job's own, or the commit's.
    pub async fn write<T, F>(&self, job: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut S) -> Result<T, Failure> + Send + 'static,
    {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        self.submit(job, move |result| {
            // Nobody waits any more: the job is done all the same.
            let _ = sender.send(result);
        })
        .await?;
        receiver.await.map_err(|_| Failure::Stopped)?
    }

    /// Queues a job; `done` runs on the writer's thread after the commit, in the order in which
    /// the jobs ran. It must be quick.
    ///
    /// # Errors
    /// When the writer has stopped; `done` is then never called.
    pub async fn submit<T, F, D>(&self, job: F, done: D) -> Result<(), Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut S) -> Result<T, Failure> + Send + 'static,
        D: FnOnce(Result<T, Failure>) + Send + 'static,
    {
        match self.writer.submit(false, job, done)? {
            Some(waiting) => waiting.await,
            None => Ok(()),
        }
    }

    /// The same for a job that changes one thing: it has one statement at most that writes, which is
    /// the last thing in it that can fail. It costs no savepoint. A job that fails after its change
    /// loses the whole transaction.
    ///
    /// What is given is to be awaited before anything else is submitted that is to come after it: the
    /// queue is full.
    ///
    /// # Errors
    /// When the writer has stopped; `done` is then never called.
    pub fn submit_one_thing<T, F, D>(&self, job: F, done: D) -> Result<Option<Waiting>, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut S) -> Result<T, Failure> + Send + 'static,
        D: FnOnce(Result<T, Failure>) + Send + 'static,
    {
        self.writer.submit(true, job, done)
    }

    /// Reads from one consistent snapshot.
    ///
    /// # Errors
    /// The reading's own.
    pub async fn read<T, F>(&self, read: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Failure> + Send + 'static,
    {
        self.readers.read(read).await
    }

    /// Whether the writer still takes jobs.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.writer.is_open()
    }

    /// Finishes what is queued, then moves the write-ahead log into the file.
    pub async fn close(&self) {
        self.writer.close().await;
        if let Some(checkpoint) = &self.checkpoint {
            checkpoint.finish();
        }
    }
}
