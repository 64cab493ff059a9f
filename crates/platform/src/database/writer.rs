//! The one writer: a thread that takes jobs, runs all that are queued in one transaction, commits,
//! and only then answers.
//!
//! Always holds: when a job fails, its changes to the database and to the writer's state are undone
//! and the others stand. For that each job runs in a savepoint, but for those that say that they
//! change one thing only: a savepoint copies every page that is touched in it, which costs more than
//! such a job. When the commit fails, all that shared it fail, and the state forgets what it held.

use crate::Failure;
use crate::telemetry::{Counter, Histogram, Metrics};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::mpsc::{self, error::TrySendError};

/// Jobs that share one commit, at most: bounds the time to the first answer.
const BATCH_JOBS_MAX: usize = 2_048;
/// Under load a transaction begins no sooner after the one before: what comes singly then shares a
/// commit. One that had a single job makes the next one wait for nothing.
const BEGINNINGS_APART: Duration = Duration::from_millis(1);
/// Jobs that may wait before who submits one waits too.
const QUEUE_JOBS_MAX: usize = 16_384;

/// What the writer holds in memory beside the database, and how it follows its transactions.
pub trait WriterState: Send + 'static {
    /// The last job succeeded: its changes stand.
    fn job_succeeded(&mut self);
    /// The last job failed: undo its changes.
    fn job_failed(&mut self);
    /// Writes what was kept back until the end of the transaction.
    ///
    /// # Errors
    /// When the database refuses; the transaction then fails.
    fn before_commit(&mut self, conn: &Connection) -> Result<(), rusqlite::Error>;
    /// The transaction was lost: forget everything that may come from it.
    fn lost(&mut self);
    /// The jobs of a transaction are going to be answered, all on this thread.
    fn before_answers(&mut self) {}
    /// They have been.
    fn after_answers(&mut self) {}
}

trait Job<S>: Send {
    /// It changes one thing in the database at most, and nothing that can fail comes after that.
    fn changes_one_thing(&self) -> bool;
    /// True when it succeeded.
    fn run(&mut self, conn: &Connection, state: &mut S) -> bool;
    /// After the commit; an error when there was none.
    fn done(self: Box<Self>, lost: Option<&Lost>);
}

/// Why a whole transaction was lost.
#[derive(Clone)]
enum Lost {
    Full,
    Other(String),
}

struct Work<T, F, D> {
    one_thing: bool,
    job: Option<F>,
    result: Option<Result<T, Failure>>,
    done: D,
}

impl<S, T, F, D> Job<S> for Work<T, F, D>
where
    T: Send,
    F: FnOnce(&Connection, &mut S) -> Result<T, Failure> + Send,
    D: FnOnce(Result<T, Failure>) + Send,
{
    fn changes_one_thing(&self) -> bool {
        self.one_thing
    }

    fn run(&mut self, conn: &Connection, state: &mut S) -> bool {
        if let Some(job) = self.job.take() {
            let result = catch_unwind(AssertUnwindSafe(|| job(conn, state)))
                .unwrap_or_else(|_| Err(Failure::internal("a job panicked")));
            self.result = Some(result);
        }
        matches!(self.result, Some(Ok(_)))
    }

    fn done(self: Box<Self>, lost: Option<&Lost>) {
        let result = match (self.result, lost) {
            // A job that was refused is refused whatever became of the others.
            (Some(Err(failure)), _) => Err(failure),
            (_, Some(Lost::Full)) => Err(Failure::StorageFull),
            (_, Some(Lost::Other(reason))) => Err(Failure::Internal(reason.clone())),
            (Some(ok), None) => ok,
            (None, None) => Err(Failure::Stopped),
        };
        (self.done)(result);
    }
}

type Queue<S> = mpsc::Sender<Box<dyn Job<S>>>;

/// Where the writer runs.
enum Home {
    Thread(JoinHandle<()>),
    #[cfg(feature = "simulation")]
    Task(tokio::task::JoinHandle<()>),
}

pub(super) struct Writer<S> {
    /// None once it is closed.
    jobs: Arc<Mutex<Option<Queue<S>>>>,
    home: Arc<Mutex<Option<Home>>>,
}

impl<S> Clone for Writer<S> {
    fn clone(&self) -> Self {
        Self {
            jobs: self.jobs.clone(),
            home: self.home.clone(),
        }
    }
}

impl<S: WriterState> Writer<S> {
    pub(super) fn start(
        conn: Connection,
        mut state: S,
        metrics: &Metrics,
    ) -> Result<Self, std::io::Error> {
        let (sender, mut receiver) = mpsc::channel(QUEUE_JOBS_MAX);
        let counts = Counts::new(metrics);
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                let (mut begun, mut jobs) = (Instant::now(), 0);
                while let Some(first) = receiver.blocking_recv() {
                    std::thread::sleep(pause(jobs, begun.elapsed()));
                    begun = Instant::now();
                    jobs = turn(&conn, &mut state, first, &mut receiver, &counts);
                }
            })?;
        Ok(Self {
            jobs: Arc::new(Mutex::new(Some(sender))),
            home: Arc::new(Mutex::new(Some(Home::Thread(thread)))),
        })
    }

    /// The same turns in a task of the current runtime.
    #[cfg(feature = "simulation")]
    pub(super) fn task(
        conn: Arc<Mutex<Connection>>,
        mut state: S,
        metrics: &Metrics,
        pace: super::Pace,
    ) -> Self {
        let (sender, mut receiver) = mpsc::channel(QUEUE_JOBS_MAX);
        let counts = Counts::new(metrics);
        let task = tokio::spawn(async move {
            while let Some(first) = receiver.recv().await {
                // What is queued meanwhile shares the commit.
                tokio::time::sleep(pace()).await;
                let Ok(conn) = conn.lock() else { return };
                turn(&conn, &mut state, first, &mut receiver, &counts);
            }
        });
        Self {
            jobs: Arc::new(Mutex::new(Some(sender))),
            home: Arc::new(Mutex::new(Some(Home::Task(task)))),
        }
    }

    /// Queues a job. What is given is to be awaited when the queue is full.
    pub(super) fn submit<T, F, D>(
        &self,
        one_thing: bool,
        job: F,
        done: D,
    ) -> Result<Option<super::Waiting>, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &mut S) -> Result<T, Failure> + Send + 'static,
        D: FnOnce(Result<T, Failure>) + Send + 'static,
    {
        let work = Box::new(Work {
            one_thing,
            job: Some(job),
            result: None,
            done,
        });
        let jobs = self.jobs.lock().map_err(|_| Failure::Stopped)?;
        let sender = jobs.as_ref().ok_or(Failure::Stopped)?;
        match sender.try_send(work) {
            Ok(()) => Ok(None),
            Err(TrySendError::Closed(_)) => Err(Failure::Stopped),
            Err(TrySendError::Full(work)) => {
                let sender = sender.clone();
                Ok(Some(Box::pin(async move {
                    sender.send(work).await.map_err(|_| Failure::Stopped)
                })))
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.jobs
            .lock()
            .is_ok_and(|jobs| jobs.as_ref().is_some_and(|sender| !sender.is_closed()))
    }

    /// Takes no more, finishes what is queued, ends the thread.
    pub(super) async fn close(&self) {
        if let Ok(mut jobs) = self.jobs.lock() {
            jobs.take();
        }
        let home = self.home.lock().ok().and_then(|mut home| home.take());
        match home {
            Some(Home::Thread(thread)) => {
                let _ = tokio::task::spawn_blocking(move || thread.join()).await;
            }
            #[cfg(feature = "simulation")]
            Some(Home::Task(task)) => drop(task.await),
            None => {}
        }
    }
}

/// What is counted of each turn.
struct Counts {
    sizes: Histogram,
    times: Histogram,
    syncs: Counter,
    rows: Counter,
}

impl Counts {
    fn new(metrics: &Metrics) -> Self {
        Self {
            sizes: metrics.histogram(
                "comity_commit_jobs",
                "Jobs that shared one commit",
                &[1.0, 4.0, 16.0, 64.0, 256.0, 1_024.0, 2_048.0],
            ),
            times: metrics.histogram(
                "comity_commit_seconds",
                "Time of one transaction with its commit",
                &[0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
            ),
            syncs: metrics.counter(
                "comity_syncs_total",
                "Transactions that were written and synced",
            ),
            rows: metrics.counter(
                "comity_rows_written_total",
                "Rows that were inserted, updated or deleted",
            ),
        }
    }
}

/// How long a transaction waits for others to share it, after one of so many jobs that began so long
/// ago.
fn pause(jobs: usize, passed: Duration) -> Duration {
    if jobs > 1 {
        BEGINNINGS_APART.saturating_sub(passed)
    } else {
        Duration::ZERO
    }
}

/// One transaction; how many jobs shared it.
fn turn<S: WriterState>(
    conn: &Connection,
    state: &mut S,
    first: Box<dyn Job<S>>,
    queue: &mut mpsc::Receiver<Box<dyn Job<S>>>,
    counts: &Counts,
) -> usize {
    let start = Instant::now();
    let rows_before = conn.total_changes();
    let mut ran = Vec::new();
    let outcome = fill(conn, state, first, queue, &mut ran)
        .and_then(|()| state.before_commit(conn))
        .and_then(|()| execute(conn, "COMMIT"));
    #[allow(clippy::cast_precision_loss)]
    counts.sizes.observe(ran.len() as f64);
    counts.times.observe(start.elapsed().as_secs_f64());
    let rows = conn.total_changes().saturating_sub(rows_before);
    if outcome.is_ok() && rows > 0 {
        counts.rows.add(rows);
        counts.syncs.add(1);
    }
    let lost = outcome.err().map(|error| {
        tracing::error!(%error, jobs = ran.len(), "a transaction was lost");
        if !conn.is_autocommit() {
            // SQLite may have rolled back by itself; else we do.
            let _ = execute(conn, "ROLLBACK");
        }
        state.lost();
        if crate::failure::is_disk_full(&error) {
            Lost::Full
        } else {
            Lost::Other(format!("a transaction was lost: {error}"))
        }
    });
    let jobs = ran.len();
    state.before_answers();
    for job in ran {
        let lost = lost.as_ref();
        // The others are answered all the same.
        if catch_unwind(AssertUnwindSafe(move || job.done(lost))).is_err() {
            tracing::error!("an answer panicked");
        }
    }
    state.after_answers();
    jobs
}

/// Runs the first job and all that are queued. An error means that the transaction is gone.
fn fill<S: WriterState>(
    conn: &Connection,
    state: &mut S,
    first: Box<dyn Job<S>>,
    queue: &mut mpsc::Receiver<Box<dyn Job<S>>>,
    ran: &mut Vec<Box<dyn Job<S>>>,
) -> Result<(), rusqlite::Error> {
    let mut next = Some(first);
    let begun = execute(conn, "BEGIN IMMEDIATE");
    while let Some(mut job) = next.take() {
        if let Err(error) = begun {
            ran.push(job);
            return Err(error);
        }
        let result = guarded(conn, state, job.as_mut());
        ran.push(job);
        result?;
        if ran.len() < BATCH_JOBS_MAX {
            next = queue.try_recv().ok();
        }
    }
    Ok(())
}

fn guarded<S: WriterState>(
    conn: &Connection,
    state: &mut S,
    job: &mut dyn Job<S>,
) -> Result<(), rusqlite::Error> {
    if job.changes_one_thing() {
        return unguarded(conn, state, job);
    }
    execute(conn, "SAVEPOINT job")?;
    if job.run(conn, state) {
        state.job_succeeded();
        return execute(conn, "RELEASE job");
    }
    state.job_failed();
    still_open(conn)?;
    execute(conn, "ROLLBACK TO job")?;
    execute(conn, "RELEASE job")
}

/// Runs a job that changes one thing: a statement that fails undoes itself. One that failed all the
/// same after a change did not keep its word, and the transaction is lost with it.
fn unguarded<S: WriterState>(
    conn: &Connection,
    state: &mut S,
    job: &mut dyn Job<S>,
) -> Result<(), rusqlite::Error> {
    let rows_before = conn.total_changes();
    if job.run(conn, state) {
        state.job_succeeded();
        return Ok(());
    }
    state.job_failed();
    still_open(conn)?;
    if conn.total_changes() == rows_before {
        return Ok(());
    }
    Err(gone(
        rusqlite::ffi::SQLITE_MISUSE,
        "a job failed after its change",
    ))
}

/// A full disk or a failing one: SQLite may have rolled the whole transaction back.
fn still_open(conn: &Connection) -> Result<(), rusqlite::Error> {
    if conn.is_autocommit() {
        return Err(gone(
            rusqlite::ffi::SQLITE_FULL,
            "the transaction was rolled back",
        ));
    }
    Ok(())
}

fn gone(code: std::ffi::c_int, why: &str) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(why.to_owned()))
}

fn execute(conn: &Connection, sql: &str) -> Result<(), rusqlite::Error> {
    conn.prepare_cached(sql)?.execute([]).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_under_load_a_transaction_waits_and_then_not_for_long() {
        let ms = Duration::from_millis;
        assert_eq!(pause(0, Duration::ZERO), Duration::ZERO, "the first");
        assert_eq!(pause(1, Duration::ZERO), Duration::ZERO, "a lone sender");
        assert_eq!(pause(2, ms(1)), Duration::ZERO);
        assert_eq!(pause(2_000, ms(60_000)), Duration::ZERO, "an idle server");
        let left = pause(2, Duration::from_micros(300));
        assert_eq!(left, Duration::from_micros(700));
    }
}
