//! Entries and their keys through jobs that fail, transactions that are lost and crashes, held
//! against a model that knows nothing of rows, and nothing of memory and table.

use crate::logs::book::{LogBook, LogKind, LogName};
use crate::logs::entries::{self, Added, NewEntry, Window};
use crate::logs::keys::Bounds;
use crate::migrations::MIGRATIONS;
use comity_platform::Failure;
use comity_platform::database::WriterState;
use comity_wire::proto::{ConversationKind, EntryKind};
use proptest::prelude::*;
use rusqlite::Connection;
use std::collections::BTreeMap;

const LOGS: [LogName; 2] = [[1; 16], [2; 16]];
const KEYS: u8 = 24;

/// Few are many, so that every path is taken.
const SMALL: Bounds = Bounds {
    crowded: 12,
    most: 20,
    kept: 3,
    lot: 3,
};

fn key(number: u8) -> Vec<u8> {
    vec![number; 16]
}

fn entry(number: u8, bytes: usize) -> NewEntry {
    NewEntry {
        kind: EntryKind::Content,
        epoch: 0,
        idempotency_key: key(number),
        body: vec![number; bytes],
        at_ms: 100,
        seal: None,
    }
}

/// The writer's turns, by hand.
struct Turns {
    conn: Connection,
    book: LogBook,
}

impl Turns {
    fn new() -> Self {
        let conn = Connection::open_in_memory().unwrap();
        for migration in MIGRATIONS {
            conn.execute_batch(migration).unwrap();
        }
        let book = loaded(&conn);
        let mut turns = Self { conn, book };
        turns.begin();
        for log in LOGS {
            let kind = LogKind::Conversation(ConversationKind::Group);
            let made = turns.job(|conn, book| book.create(conn, log, kind, Vec::new()));
            made.unwrap();
        }
        turns.commit();
        turns
    }

    fn begin(&self) {
        self.conn.execute_batch("BEGIN IMMEDIATE").unwrap();
    }

    fn job<T>(
        &mut self,
        job: impl FnOnce(&Connection, &mut LogBook) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.conn.execute_batch("SAVEPOINT job").unwrap();
        let result = job(&self.conn, &mut self.book);
        if result.is_ok() {
            self.book.job_succeeded();
            self.conn.execute_batch("RELEASE job").unwrap();
        } else {
            self.book.job_failed();
            let back = "ROLLBACK TO job; RELEASE job";
            self.conn.execute_batch(back).unwrap();
        }
        result
    }

    fn commit(&mut self) {
        self.book.before_commit(&self.conn).unwrap();
        self.conn.execute_batch("COMMIT").unwrap();
        self.book.before_answers();
        self.book.after_answers();
    }

    /// The commit is tried and fails, as when the disk is full.
    fn lose(&mut self) {
        self.book.before_commit(&self.conn).unwrap();
        self.conn.execute_batch("ROLLBACK").unwrap();
        self.book.lost();
        self.book.before_answers();
        self.book.after_answers();
    }

    /// The process is killed and started again.
    fn crash(&mut self) {
        self.conn.execute_batch("ROLLBACK").unwrap();
        self.book = loaded(&self.conn);
    }

    fn add(&mut self, log: LogName, new: NewEntry) -> Result<(u64, bool), Failure> {
        self.job(|conn, book| add(conn, book, log, new))
    }

    fn place(&mut self, log: LogName, number: u8) -> Option<u64> {
        let meta = self.book.get(&self.conn, &log).unwrap();
        let found = self.book.by_key(&self.conn, &meta, &key(number)).unwrap();
        found.map(|entry| {
            assert_eq!(entry.idempotency_key, key(number));
            entry.seq
        })
    }

    fn read(&mut self, log: LogName) -> Vec<(u64, Vec<u8>)> {
        let meta = crate::logs::book::read_meta(&self.conn, &log).unwrap();
        let all = Window {
            joined: 0,
            removed: None,
        };
        let read = entries::read(&self.conn, &meta.unwrap(), all, 0, usize::MAX).unwrap();
        let pairs = read.entries.into_iter();
        pairs
            .map(|entry| (entry.seq, entry.idempotency_key))
            .collect()
    }
}

fn loaded(conn: &Connection) -> LogBook {
    let mut book = LogBook::load(conn).unwrap();
    book.small(SMALL, 1_000);
    book
}

fn add(
    conn: &Connection,
    book: &mut LogBook,
    log: LogName,
    new: NewEntry,
) -> Result<(u64, bool), Failure> {
    let mut meta = book.get(conn, &log)?;
    Ok(match entries::add(conn, book, log, &mut meta, new)? {
        Added::New(published) => (published.entry.seq, true),
        Added::Before(entry) => (entry.seq, false),
    })
}

fn cut(conn: &Connection, book: &mut LogBook, log: LogName, keep: u64) -> Result<(), Failure> {
    let mut meta = book.get(conn, &log)?;
    if keep > meta.first && keep <= meta.head + 1 {
        book.cut(conn, &mut meta, keep)?;
        book.put_quietly(log, &meta);
    }
    Ok(())
}

/// What happens to a server.
#[derive(Debug, Clone)]
enum Step {
    Add(usize, u8, usize),
    /// A job that adds all of these, deletes so much, and then fails.
    Fail(Vec<(usize, u8, usize)>, u64),
    Cut(usize, u64),
    Sweep,
    Lot,
    Commit,
    Lose,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    let adding = (0..LOGS.len(), 0..KEYS, 0..700usize);
    prop_oneof![
        12 => adding.clone().prop_map(|(log, key, bytes)| Step::Add(log, key, bytes)),
        1 => (proptest::collection::vec(adding, 0..6), 0..20u64)
            .prop_map(|(adds, keep)| Step::Fail(adds, keep)),
        1 => (0..LOGS.len(), 1..40u64).prop_map(|(log, keep)| Step::Cut(log, keep)),
        1 => Just(Step::Sweep),
        2 => Just(Step::Lot),
        4 => Just(Step::Commit),
        1 => Just(Step::Lose),
        1 => Just(Step::Crash),
    ]
}

/// A log as its readers know it.
#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    head: u64,
    first: u64,
    kept: BTreeMap<u64, u8>,
}

impl Model {
    fn place(&self, key: u8) -> Option<u64> {
        let mut kept = self.kept.iter();
        kept.find(|(_, its)| **its == key).map(|(seq, _)| *seq)
    }

    fn add(&mut self, key: u8) -> (u64, bool) {
        if let Some(before) = self.place(key) {
            return (before, false);
        }
        self.head += 1;
        self.kept.insert(self.head, key);
        (self.head, true)
    }

    fn cut(&mut self, keep: u64) {
        if keep > self.first.max(1) && keep <= self.head + 1 {
            self.first = keep;
            self.kept.retain(|seq, _| *seq >= keep);
        }
    }
}

fn run(steps: Vec<Step>) {
    let mut turns = Turns::new();
    let mut durable: [Model; 2] = Default::default();
    let mut now = durable.clone();
    turns.begin();
    for step in steps {
        match step {
            Step::Add(log, number, bytes) => {
                let added = turns.add(LOGS[log], entry(number, bytes)).unwrap();
                assert_eq!(added, now[log].add(number));
            }
            Step::Fail(adds, keep) => {
                let failed = turns.job(|conn, book| {
                    for (log, number, bytes) in adds {
                        add(conn, book, LOGS[log], entry(number, bytes))?;
                    }
                    cut(conn, book, LOGS[0], keep)?;
                    Err::<(), _>(Failure::Stopped)
                });
                assert!(failed.is_err());
            }
            Step::Cut(log, keep) => {
                let done = turns.job(|conn, book| cut(conn, book, LOGS[log], keep));
                done.unwrap();
                now[log].cut(keep);
            }
            Step::Sweep => turns.book.sweep_keys(),
            Step::Lot => {
                let written = turns.job(|conn, book| Ok(book.write_keys(conn)?));
                written.unwrap();
            }
            Step::Commit => {
                turns.commit();
                durable = now.clone();
                turns.begin();
            }
            Step::Lose => {
                turns.lose();
                now = durable.clone();
                turns.begin();
            }
            Step::Crash => {
                turns.crash();
                now = durable.clone();
                turns.begin();
            }
        }
        for (log, model) in LOGS.iter().zip(&now) {
            for number in 0..KEYS {
                assert_eq!(turns.place(*log, number), model.place(number), "{number}");
            }
        }
    }
    turns.commit();
    for (log, model) in LOGS.iter().zip(&now) {
        let kept = model.kept.iter().map(|(seq, number)| (*seq, key(*number)));
        assert_eq!(turns.read(*log), kept.collect::<Vec<_>>());
    }
}

#[test]
fn a_key_that_is_used_anew_is_the_first_ones_again_when_the_transaction_is_lost() {
    use Step::{Add, Commit, Cut, Fail, Lose};
    let begun = [
        Add(0, 12, 0),
        Add(0, 1, 0),
        Commit,
        Cut(0, 2),
        Add(0, 12, 0),
    ];
    let again = [Cut(0, 4), Add(0, 12, 0)];
    run(begun.iter().cloned().chain([Lose]).collect());
    run(begun.iter().cloned().chain(again).chain([Lose]).collect());
    let failed = [Add(0, 12, 0), Commit, Fail(vec![(0, 12, 0)], 2)];
    run(failed.to_vec());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 100 } else { 2_000 }))]

    #[test]
    fn a_key_is_known_for_as_long_as_its_entry_whatever_fails(
        steps in proptest::collection::vec(step(), 1..120)
    ) {
        run(steps);
    }
}

fn count(turns: &Turns, sql: &str) -> i64 {
    turns.conn.query_row(sql, [], |row| row.get(0)).unwrap()
}

const ROWS: &str = "SELECT count(*) FROM entry";
const OLD: &str = "SELECT count(*) FROM entry_key";

#[test]
fn what_shares_a_commit_shares_a_row_and_its_keys_cost_no_row_while_they_are_young() {
    let mut turns = Turns::new();
    turns.book.small(SMALL, 1_000_000);
    turns.begin();
    for number in 0..8 {
        turns.add(LOGS[0], entry(number, 10)).unwrap();
        turns.add(LOGS[1], entry(number, 10)).unwrap();
    }
    turns.commit();
    assert_eq!(count(&turns, ROWS), 2);
    assert_eq!(count(&turns, OLD), 0);
    assert_eq!(turns.read(LOGS[0]).len(), 8);
}

#[test]
fn of_what_was_read_meanwhile_no_key_is_written() {
    let mut turns = Turns::new();
    turns.begin();
    for number in 0..8 {
        turns.add(LOGS[0], entry(number, 10)).unwrap();
    }
    turns.commit();
    turns.begin();
    turns.job(|conn, book| cut(conn, book, LOGS[0], 7)).unwrap();
    turns.commit();
    // Young at the first sweep, old at the second.
    turns.book.sweep_keys();
    turns.book.sweep_keys();
    turns.begin();
    let mut lots = 1;
    while turns.job(|conn, book| Ok(book.write_keys(conn)?)).unwrap() {
        lots += 1;
    }
    turns.commit();
    assert_eq!((lots, count(&turns, OLD)), (3, 2));
    assert_eq!(turns.place(LOGS[0], 7), Some(8));
    assert_eq!(turns.place(LOGS[0], 0), None);
    // With the entries the last keys go.
    turns.begin();
    turns.job(|conn, book| cut(conn, book, LOGS[0], 9)).unwrap();
    turns.commit();
    assert_eq!((count(&turns, ROWS), count(&turns, OLD)), (0, 0));
}

#[test]
fn rows_that_are_gone_leave_their_numbers_unused() {
    let mut turns = Turns::new();
    turns.begin();
    turns.add(LOGS[0], entry(1, 10)).unwrap();
    turns.commit();
    turns.book.sweep_keys();
    turns.book.sweep_keys();
    turns.begin();
    turns.job(|conn, book| Ok(book.write_keys(conn)?)).unwrap();
    turns.job(|conn, book| cut(conn, book, LOGS[0], 2)).unwrap();
    turns.commit();
    assert_eq!(count(&turns, ROWS), 0);
    // After a start the table is empty; what comes now must not take a number whose keys count as
    // written.
    turns.begin();
    turns.crash();
    turns.begin();
    turns.add(LOGS[0], entry(2, 10)).unwrap();
    turns.commit();
    turns.begin();
    turns.crash();
    assert_eq!(turns.place(LOGS[0], 2), Some(2));
}

#[test]
fn however_many_come_at_once_few_keys_are_in_memory() {
    let mut turns = Turns::new();
    for round in 0..40_u8 {
        turns.begin();
        for place in 0..4 {
            turns.add(LOGS[0], entry(round * 4 + place, 10)).unwrap();
        }
        turns.commit();
        let young = turns.book.young_keys();
        assert!(young <= SMALL.most + 4, "{young} after {round}");
    }
    for number in 0..160 {
        assert_eq!(turns.place(LOGS[0], number), Some(u64::from(number) + 1));
    }
}

#[test]
fn a_store_of_the_version_before_has_its_entries_and_knows_their_keys() {
    let conn = Connection::open_in_memory().unwrap();
    let (before, since) = MIGRATIONS.split_at(8);
    for migration in before {
        conn.execute_batch(migration).unwrap();
    }
    conn.execute_batch(
        "INSERT INTO log (id, name, kind, epoch, version, head, first, activity)
         VALUES (3, x'01010101010101010101010101010101', 2, 0, 0, 7, 4, 1)",
    )
    .unwrap();
    // The oldest three are gone; numbers of rows have holes.
    for seq in 4..=7_u8 {
        conn.execute(
            "INSERT INTO entry (id, log, seq, kind, epoch, at_ms, idempotency_key, seal, body)
             VALUES (?1 * 10, 3, ?1, 1, 0, 100, ?2, x'', ?2)",
            rusqlite::params![seq, key(seq)],
        )
        .unwrap();
    }
    for migration in since {
        conn.execute_batch(migration).unwrap();
    }
    let book = loaded(&conn);
    assert_eq!(book.young_keys(), 0);
    let mut turns = Turns { conn, book };
    for seq in 4..=7_u8 {
        assert_eq!(turns.place(LOGS[0], seq), Some(u64::from(seq)));
    }
    turns.begin();
    assert_eq!(turns.add(LOGS[0], entry(5, 10)).unwrap(), (5, false));
    assert_eq!(turns.add(LOGS[0], entry(8, 10)).unwrap(), (8, true));
    assert_eq!(turns.add(LOGS[0], entry(9, 10)).unwrap(), (9, true));
    turns.commit();
    turns.begin();
    turns.crash();
    let keys: Vec<_> = turns.read(LOGS[0]);
    let all: Vec<_> = (4..=9_u8).map(|seq| (u64::from(seq), key(seq))).collect();
    assert_eq!(keys, all);
    for seq in 4..=9_u8 {
        assert_eq!(turns.place(LOGS[0], seq), Some(u64::from(seq)));
    }
    turns.begin();
    turns.job(|conn, book| cut(conn, book, LOGS[0], 9)).unwrap();
    turns.commit();
    assert_eq!(turns.read(LOGS[0]), [(9, key(9))]);
    assert_eq!(count(&turns, OLD), 0);
}
