//! What every storage of logs must do, told as laws over the functions that the writer uses.

use super::entries::{self, Added, NewEntry, Window};
use super::packed::Packed;
use super::{LogBook, LogKind, LogName, Seat, outbox, retention, sync};
use crate::migrations::MIGRATIONS;
use comity_platform::Failure;
use comity_platform::database::{Database, Options};
use comity_platform::telemetry::Metrics;
use comity_wire::proto::{ConversationKind, EntryKind};
use comity_wire::{DeviceId, ErrorCode};
use rusqlite::{Connection, params};

const LOG: LogName = [1; 16];
const ANNE: DeviceId = DeviceId::new([2; 16]);
const BEN: DeviceId = DeviceId::new([3; 16]);

struct Storage {
    db: Database<LogBook>,
    folder: tempfile::TempDir,
}

fn open(folder: &std::path::Path) -> Database<LogBook> {
    let options = Options {
        path: folder.join("test.sqlite"),
        readers: 1,
        migrations: MIGRATIONS,
    };
    Database::open(&options, &Metrics::default(), LogBook::load).unwrap()
}

async fn storage() -> Storage {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path());
    db.write(|conn, book| {
        let seats = [ANNE, BEN].map(|device| Seat::new(device, 0));
        let kind = LogKind::Conversation(ConversationKind::Group);
        let meta = book.create(conn, LOG, kind, seats.to_vec())?;
        for device in [ANNE, BEN] {
            seat(conn, meta.id, &device)?;
            let inbox = book.create(
                conn,
                *device.as_bytes(),
                LogKind::Inbox,
                vec![Seat::new(device, 0)],
            )?;
            seat(conn, inbox.id, &device)?;
            conn.execute(
                "INSERT INTO device (id, account, signature_key, seen_ms)
                 VALUES (?1, x'00', x'00', 100)",
                [device.as_bytes()],
            )?;
        }
        Ok(())
    })
    .await
    .unwrap();
    Storage { db, folder }
}

fn seat(conn: &Connection, log: i64, device: &DeviceId) -> Result<(), Failure> {
    conn.execute(
        "INSERT INTO seat (log, device, address, leaf, joined, cursor)
         VALUES (?1, ?2, 'a', 0, 0, 0)",
        params![log, device.as_bytes()],
    )?;
    Ok(())
}

fn entry(key: u8, at_ms: i64) -> NewEntry {
    NewEntry {
        kind: EntryKind::Content,
        epoch: 0,
        idempotency_key: vec![key; 16],
        body: vec![key; 100],
        at_ms,
        seal: None,
    }
}

fn add(conn: &Connection, book: &mut LogBook, new: NewEntry) -> Result<(u64, bool), Failure> {
    let mut meta = book.get(conn, &LOG)?;
    Ok(match entries::add(conn, book, LOG, &mut meta, new)? {
        Added::New(published) => (published.entry.seq, true),
        Added::Before(entry) => (entry.seq, false),
    })
}

async fn added(storage: &Storage, key: u8) -> (u64, bool) {
    storage
        .db
        .write(move |conn, book| add(conn, book, entry(key, 100)))
        .await
        .unwrap()
}

async fn read(storage: &Storage, window: Window, after: u64, bytes: usize) -> (u64, Vec<u64>) {
    storage
        .db
        .read(move |conn| {
            let meta = super::book::read_meta(conn, &LOG)?.unwrap();
            let deliver = entries::read(conn, &meta, window, after, bytes)?;
            let seqs = deliver.entries.iter().map(|entry| entry.seq).collect();
            Ok((deliver.gap_until_seq, seqs))
        })
        .await
        .unwrap()
}

const ALL: Window = Window {
    joined: 0,
    removed: None,
};

#[tokio::test]
async fn numbers_have_no_holes_whatever_fails_in_between() {
    let storage = storage().await;
    assert_eq!(added(&storage, 1).await, (1, true));
    let failed: Result<(), _> = storage
        .db
        .write(|conn, book| {
            add(conn, book, entry(2, 100))?;
            add(conn, book, entry(3, 100))?;
            Err(Failure::refused(ErrorCode::Forbidden, "on purpose"))
        })
        .await;
    assert!(failed.is_err());
    assert_eq!(added(&storage, 4).await, (2, true));
    assert_eq!(added(&storage, 1).await, (1, false), "a key is used once");
    assert_eq!(read(&storage, ALL, 0, 10_000).await, (0, vec![1, 2]));
    // Another program on the same file goes on with the next number.
    storage.db.close().await;
    let again = open(storage.folder.path());
    let next = again
        .write(|conn, book| add(conn, book, entry(5, 100)))
        .await
        .unwrap();
    assert_eq!(next, (3, true));
}

#[tokio::test]
async fn a_reader_sees_its_window_in_pieces_that_fit() {
    let storage = storage().await;
    for key in 1..=6 {
        added(&storage, key).await;
    }
    let late = Window {
        joined: 2,
        removed: None,
    };
    assert_eq!(read(&storage, late, 0, 10_000).await, (0, vec![3, 4, 5, 6]));
    let gone = Window {
        joined: 0,
        removed: Some(4),
    };
    assert_eq!(read(&storage, gone, 2, 10_000).await, (0, vec![3, 4]));
    assert_eq!(read(&storage, ALL, 0, 400).await, (0, vec![1, 2]));
    assert_eq!(
        read(&storage, ALL, 3, 1).await,
        (0, vec![4]),
        "at least one"
    );
    assert_eq!(read(&storage, ALL, 6, 100).await, (0, vec![]));
}

#[tokio::test]
async fn what_goes_leaves_a_gap_in_front_and_the_rest_whole() {
    let storage = storage().await;
    for key in 1..=5 {
        added(&storage, key).await;
    }
    let sweep = |anne: u64, ben: u64, stale: i64| {
        let db = storage.db.clone();
        async move {
            db.write(move |conn, book| {
                let log = book.get(conn, &LOG)?.id;
                for (device, cursor) in [(ANNE, anne), (BEN, ben)] {
                    conn.execute(
                        "UPDATE seat SET cursor = ?3 WHERE log = ?1 AND device = ?2",
                        params![log, device.as_bytes(), cursor],
                    )?;
                }
                retention::sweep_read(conn, book, &LOG, stale)
            })
            .await
            .unwrap()
        }
    };
    assert_eq!(sweep(3, 2, 50).await, 2);
    assert_eq!(read(&storage, ALL, 0, 10_000).await, (2, vec![3, 4, 5]));
    assert_eq!(sweep(3, 2, 500).await, 0, "without readers nothing goes");
    let old = storage
        .db
        .write(|conn, book| retention::sweep_old(conn, book, 200, 10))
        .await;
    assert!(old.unwrap());
    assert_eq!(read(&storage, ALL, 0, 10_000).await, (5, vec![]));
    assert_eq!(added(&storage, 9).await, (6, true));
}

#[tokio::test]
async fn packed_cursors_count_like_those_of_the_seats() {
    let storage = storage().await;
    for key in 1..=5 {
        added(&storage, key).await;
    }
    let (gone, reply) = storage
        .db
        .write(|conn, book| {
            let meta = book.get(conn, &LOG)?;
            let mut packed = Packed::read(conn, meta.id)?;
            packed.advance(ANNE, 3);
            packed.advance(BEN, 4);
            packed.write(conn, meta.id)?;
            let reply = sync::changes(conn, &ANNE, 0)?;
            Ok((retention::sweep_read(conn, book, &LOG, 50)?, reply))
        })
        .await
        .unwrap();
    let state = reply.logs.iter().find(|state| state.log == LOG).unwrap();
    assert_eq!(state.cursor, 3);
    let mut seen: Vec<u64> = state.cursors.iter().map(|cursor| cursor.seq).collect();
    seen.sort_unstable();
    assert_eq!(seen, [3, 4]);
    assert_eq!(gone, 3, "the slowest has read so far");
    assert_eq!(read(&storage, ALL, 0, 10_000).await, (3, vec![4, 5]));
}

#[tokio::test]
async fn the_outbox_brings_each_thing_once() {
    let storage = storage().await;
    for _ in 0..2 {
        // The second time as after a crash between queueing and the answer.
        let moved = storage
            .db
            .write(|conn, book| {
                outbox::queue(conn, (None, &ANNE), EntryKind::Welcome, &[b"x"], b"pointer")?;
                outbox::queue(
                    conn,
                    (None, &DeviceId::new([9; 16])),
                    EntryKind::Welcome,
                    &[b"x"],
                    b"p",
                )?;
                outbox::drain(conn, book, 100, 10)
            })
            .await
            .unwrap();
        assert!(!moved.1);
    }
    let head = storage
        .db
        .write(|conn, book| Ok(book.get(conn, ANNE.as_bytes())?.head))
        .await
        .unwrap();
    assert_eq!(head, 1);
}

#[tokio::test]
async fn a_token_leads_to_what_came_after_it_and_to_nothing_else() {
    let storage = storage().await;
    added(&storage, 1).await;
    let changes = |since: u64| {
        let db = storage.db.clone();
        async move {
            db.read(move |conn| Ok(sync::changes(conn, &ANNE, since)?))
                .await
                .unwrap()
        }
    };
    let first = changes(0).await;
    assert_eq!(first.logs.len(), 2);
    assert!(changes(first.token).await.logs.is_empty());
    added(&storage, 2).await;
    let second = changes(first.token).await;
    assert_eq!(second.logs.len(), 1);
    assert_eq!(second.logs[0].head_seq, 2);
    assert!(second.token > first.token);
}
