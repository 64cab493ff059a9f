//! The database under what goes wrong: failing jobs, a full disk, a lost transaction, a restart.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use comity_platform::Failure;
use comity_platform::database::{Database, Options, WriterState};
use comity_platform::telemetry::Metrics;
use comity_wire::ErrorCode;
use rusqlite::Connection;
use std::path::Path;

/// A count in memory that follows the rows in the table.
#[derive(Default)]
struct Count {
    rows: u64,
    before_job: u64,
    lost: bool,
}

impl WriterState for Count {
    fn job_succeeded(&mut self) {
        self.before_job = self.rows;
    }

    fn job_failed(&mut self) {
        self.rows = self.before_job;
    }

    fn before_commit(&mut self, _: &Connection) -> Result<(), rusqlite::Error> {
        Ok(())
    }

    fn lost(&mut self) {
        self.lost = true;
    }
}

fn open(folder: &Path) -> Database<Count> {
    let options = Options {
        path: folder.join("test.sqlite"),
        readers: 2,
        migrations: &["CREATE TABLE row (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT"],
    };
    Database::open(&options, &Metrics::default(), |conn| {
        let rows: i64 = conn.query_row("SELECT count(*) FROM row", [], |row| row.get(0))?;
        let rows = u64::try_from(rows).unwrap();
        Ok(Count {
            rows,
            before_job: rows,
            lost: false,
        })
    })
    .unwrap()
}

async fn add(db: &Database<Count>, bytes: usize) -> Result<u64, Failure> {
    db.write(move |conn, count| {
        count.rows += 1;
        conn.execute("INSERT INTO row (body) VALUES (?1)", [vec![7_u8; bytes]])?;
        Ok(count.rows)
    })
    .await
}

async fn rows(db: &Database<Count>) -> u64 {
    db.read(|conn| {
        let rows: i64 = conn.query_row("SELECT count(*) FROM row", [], |row| row.get(0))?;
        Ok(u64::try_from(rows).unwrap())
    })
    .await
    .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_share_commits_and_a_failing_one_undoes_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let mut waiting = Vec::new();
    for n in 0..200 {
        let db = db.clone();
        waiting.push(tokio::spawn(async move {
            if n % 4 == 0 {
                let failed: Result<(), _> = db
                    .write(|conn, count| {
                        count.rows += 1;
                        conn.execute("INSERT INTO row (body) VALUES (x'00')", [])?;
                        Err(Failure::refused(ErrorCode::Exists, "on purpose"))
                    })
                    .await;
                assert_eq!(failed.unwrap_err().code(), ErrorCode::Exists);
            } else {
                add(&db, 10).await.unwrap();
            }
        }));
    }
    for task in waiting {
        task.await.unwrap();
    }
    assert_eq!(rows(&db).await, 150);
    assert_eq!(add(&db, 1).await.unwrap(), 151);
    db.close().await;
    assert!(!db.is_open());
    assert_eq!(
        add(&db, 1).await.unwrap_err().code(),
        ErrorCode::Unavailable
    );
    let again = open(folder.path());
    assert_eq!(rows(&again).await, 151);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_panics_fails_alone() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let failed: Result<(), _> = db
        .write(|conn, count| {
            count.rows += 1;
            conn.execute("INSERT INTO row (body) VALUES (x'00')", [])?;
            panic!("on purpose")
        })
        .await;
    assert_eq!(failed.unwrap_err().code(), ErrorCode::Internal);
    assert_eq!(add(&db, 1).await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_said_and_takes_nothing_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    add(&db, 100).await.unwrap();
    // As if the disk had room for a few more pages and no more.
    db.write(|conn, _| {
        let pages: i64 = conn.query_row("PRAGMA page_count", [], |row| row.get(0))?;
        conn.pragma_update(None, "max_page_count", pages + 8)?;
        Ok(())
    })
    .await
    .unwrap();
    let mut taken = 1;
    let failure = loop {
        match add(&db, 3_000).await {
            Ok(_) => taken += 1,
            Err(failure) => break failure,
        }
    };
    assert_eq!(failure.code(), ErrorCode::StorageFull);
    assert_eq!(rows(&db).await, taken, "nothing half done");
    // With room again everything goes on.
    db.write(|conn, _| {
        conn.pragma_update(None, "max_page_count", 1_000_000)?;
        Ok(())
    })
    .await
    .unwrap();
    add(&db, 3_000).await.unwrap();
    assert_eq!(rows(&db).await, taken + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_after_the_commit_and_in_the_jobs_order() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    for n in 0..100_u64 {
        let (sender, path) = (sender.clone(), folder.path().join("test.sqlite"));
        db.submit(
            move |conn, count| {
                count.rows += 1;
                conn.execute("INSERT INTO row (body) VALUES (x'01')", [])?;
                Ok(count.rows)
            },
            move |result: Result<u64, Failure>| {
                // Another connection sees the row already.
                let other = Connection::open(path).unwrap();
                let seen: i64 = other
                    .query_row("SELECT count(*) FROM row", [], |row| row.get(0))
                    .unwrap();
                assert!(u64::try_from(seen).unwrap() >= result.unwrap());
                sender.send(n).unwrap();
            },
        )
        .await
        .unwrap();
    }
    for n in 0..100 {
        assert_eq!(receiver.recv().await, Some(n));
    }
}

/// Queues a job that changes one thing, and waits for its answer.
async fn one_thing(
    db: &Database<Count>,
    job: impl FnOnce(&Connection) -> Result<(), Failure> + Send + 'static,
) -> Result<(), Failure> {
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let waiting = db.submit_one_thing(
        move |conn, count: &mut Count| {
            count.rows += 1;
            job(conn)
        },
        move |result| drop(sender.send(result)),
    )?;
    if let Some(waiting) = waiting {
        waiting.await?;
    }
    receiver.await.unwrap()
}

fn insert(conn: &Connection) -> Result<(), Failure> {
    conn.execute("INSERT INTO row (body) VALUES (x'01')", [])?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_that_change_one_thing_undo_only_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let refused = || Failure::refused(ErrorCode::Forbidden, "no");
    let (one, two, three, four) = tokio::join!(
        one_thing(&db, insert),
        one_thing(&db, move |_| Err(refused())),
        // The statement itself fails: there is no body.
        one_thing(&db, |conn| {
            conn.execute("INSERT INTO row (body) VALUES (NULL)", [])?;
            Ok(())
        }),
        one_thing(&db, insert),
    );
    one.unwrap();
    assert_eq!(two.unwrap_err().code(), ErrorCode::Forbidden);
    assert!(three.is_err());
    four.unwrap();
    assert_eq!(rows(&db).await, 2);
    let (counted, lost) = db
        .write(|_, count| Ok((count.rows, count.lost)))
        .await
        .unwrap();
    assert_eq!((counted, lost), (2, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_fails_after_its_one_change_loses_the_transaction() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    one_thing(&db, insert).await.unwrap();
    let broken = one_thing(&db, |conn| {
        insert(conn)?;
        Err(Failure::refused(ErrorCode::Forbidden, "too late"))
    });
    broken.await.unwrap_err();
    assert_eq!(rows(&db).await, 1, "nothing of it stands");
    let lost = db.write(|_, count| Ok(count.lost)).await.unwrap();
    assert!(lost, "the writer's state was told");
    one_thing(&db, insert).await.unwrap();
    assert_eq!(rows(&db).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_queued_when_it_closes_is_done_and_answered() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    // The first ones share a transaction: the one after them would wait for more.
    for n in 0..500 {
        let sender = sender.clone();
        let job = |conn: &Connection, _: &mut Count| insert(conn);
        let done = move |result: Result<(), Failure>| sender.send((n, result.is_ok())).unwrap();
        let waiting = db.submit_one_thing(job, done).unwrap();
        assert!(waiting.is_none(), "there is room");
    }
    db.close().await;
    for n in 0..500 {
        assert_eq!(receiver.try_recv().unwrap(), (n, true));
    }
    assert_eq!(rows(&open(folder.path())).await, 500);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_room_in_a_full_queue_comes_in_turn() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let (order, mut answers) = tokio::sync::mpsc::unbounded_channel();
    let (go_on, held) = std::sync::mpsc::channel::<()>();
    let submit = |n: usize, held: Option<std::sync::mpsc::Receiver<()>>| {
        let order = order.clone();
        db.submit_one_thing(
            move |_, _| {
                // The writer stands still until it is told to go on.
                held.into_iter().for_each(|held| held.recv().unwrap());
                Ok(())
            },
            move |_| order.send(n).unwrap(),
        )
        .unwrap()
    };
    assert!(submit(0, Some(held)).is_none());
    let mut waiting = None;
    let mut last = 0;
    while waiting.is_none() {
        last += 1;
        assert!(last < 100_000, "the queue has an end");
        waiting = submit(last, None);
    }
    // Who waits is in the queue for room from then on.
    let first = tokio::spawn(waiting.unwrap());
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    let second = submit(last + 1, None).expect("still no room");
    go_on.send(()).unwrap();
    first.await.unwrap().unwrap();
    second.await.unwrap();
    for n in 0..=last + 1 {
        assert_eq!(answers.recv().await, Some(n));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_panics_harms_only_itself() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    let broken = |result: Result<(), Failure>| {
        result.unwrap();
        panic!("on purpose");
    };
    let job = |conn: &Connection, _: &mut Count| insert(conn);
    assert!(db.submit_one_thing(job, broken).unwrap().is_none());
    one_thing(&db, insert).await.unwrap();
    assert!(db.is_open());
    assert_eq!(rows(&db).await, 2);
}
