//! Measures ways to encrypt a device's store: pages by SQLCipher, or values one by one. Plain
//! SQLite stands beside them to show what encryption costs. The figures are in docs/adr/0001.
//!
//! Always holds: the three ways hold the same messages and answer the same questions, checked.
//! Deliberately absent: the real schema; what differs between the ways does not depend on it.
#![allow(clippy::print_stdout, reason = "it prints a table")]

use anyhow::{Context, Result, ensure};
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::{Duration, Instant};

const MESSAGES: u32 = 100_000;
const CONVERSATIONS: u32 = 200;
const SINGLE_INSERTS: u32 = 1_000;
/// Inputs of a catch-up share one transaction.
const BATCH: u32 = 100;
const ROUNDS: usize = 3;
/// One message in this many holds the word that is searched for.
const RARE: u32 = 1_000;

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Plain,
    Pages,
    Values,
}

struct Store {
    connection: Connection,
    cipher: Option<XChaCha20Poly1305>,
}

fn main() -> Result<()> {
    println!("{MESSAGES} messages in {CONVERSATIONS} conversations, medians of {ROUNDS} rounds\n");
    println!(
        "| way | insert, {BATCH} a transaction | insert, one a transaction | open and newest 50 | read all | search a rare word | file |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, way) in [
        ("plain SQLite", Way::Plain),
        ("pages: SQLCipher, FTS5 inside", Way::Pages),
        ("values: XChaCha20-Poly1305, search opens each", Way::Values),
    ] {
        let mut rounds = (0..ROUNDS)
            .map(|_| measure(way))
            .collect::<Result<Vec<_>>>()?;
        let mut median = |of: fn(&Figures) -> Duration| {
            rounds.sort_by_key(of);
            rounds.get(ROUNDS / 2).map(of).unwrap_or_default()
        };
        let per = |time: Duration, count: u32| {
            format!("{:.1} µs", time.as_secs_f64() * 1e6 / f64::from(count))
        };
        let ms = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        println!(
            "| {name} | {} | {} | {} | {} | {} | {:.1} MB |",
            per(median(|f| f.batched), MESSAGES),
            per(median(|f| f.single), SINGLE_INSERTS),
            ms(median(|f| f.newest)),
            ms(median(|f| f.all)),
            ms(median(|f| f.search)),
            rounds.first().map_or(0.0, |f| f.bytes / 1e6),
        );
    }
    Ok(())
}

struct Figures {
    batched: Duration,
    single: Duration,
    newest: Duration,
    all: Duration,
    search: Duration,
    bytes: f64,
}

fn measure(way: Way) -> Result<Figures> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("store.db");
    let mut store = Store::open(&path, way)?;
    store.create()?;
    let batched =
        timed(|| (0..MESSAGES / BATCH).try_for_each(|lot| store.insert(lot * BATCH, BATCH)))?;
    let single = timed(|| (0..SINGLE_INSERTS).try_for_each(|n| store.insert(MESSAGES + n, 1)))?;
    store
        .connection
        .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    drop(store);
    let newest = timed(|| {
        ensure!(
            Store::open(&path, way)?.newest(7)? == 50,
            "the newest 50 are not 50"
        );
        Ok(())
    })?;
    let store = Store::open(&path, way)?;
    let total = u64::from(MESSAGES + SINGLE_INSERTS);
    let all = timed(|| {
        ensure!(store.count("m")? == total, "some can not be read");
        Ok(())
    })?;
    let expected = total.div_ceil(u64::from(RARE));
    let search = timed(|| {
        ensure!(
            store.search("marmalade", way)? == expected,
            "the search missed some"
        );
        Ok(())
    })?;
    let length = std::fs::metadata(&path)?.len();
    #[allow(clippy::cast_precision_loss, reason = "shown in megabytes")]
    Ok(Figures {
        batched,
        single,
        newest,
        all,
        search,
        bytes: length as f64,
    })
}

fn timed(act: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let started = Instant::now();
    act()?;
    Ok(started.elapsed())
}

impl Store {
    fn open(path: &Path, way: Way) -> Result<Self> {
        let connection = Connection::open(path)?;
        if way == Way::Pages {
            // A raw key: deriving it from a passphrase costs the same either way.
            connection.execute_batch(&format!("PRAGMA key = \"x'{}'\"", "5a".repeat(32)))?;
        }
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;",
        )?;
        let cipher = (way == Way::Values).then(|| XChaCha20Poly1305::new(&[0x5a; 32].into()));
        Ok(Self { connection, cipher })
    }

    fn create(&self) -> Result<()> {
        self.connection.execute_batch(
            "CREATE TABLE message(id INTEGER PRIMARY KEY, conversation INTEGER NOT NULL,
               at_ms INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
             CREATE INDEX message_by_time ON message(conversation, at_ms);",
        )?;
        if self.cipher.is_none() {
            self.connection.execute_batch(
                "CREATE VIRTUAL TABLE found USING fts5(text, content = '', tokenize = 'unicode61')",
            )?;
        }
        Ok(())
    }

    fn insert(&mut self, from: u32, count: u32) -> Result<()> {
        let transaction = self.connection.transaction()?;
        for n in from..from + count {
            let text = text_of(n);
            let body = match &self.cipher {
                Some(cipher) => cipher
                    .encrypt(&nonce(n), text.as_bytes())
                    .ok()
                    .context("sealing a message")?,
                None => text.clone().into_bytes(),
            };
            transaction
                .prepare_cached("INSERT INTO message VALUES(?, ?, ?, ?)")?
                .execute(params![n, n % CONVERSATIONS, n, body])?;
            if self.cipher.is_none() {
                transaction
                    .prepare_cached("INSERT INTO found(rowid, text) VALUES(?, ?)")?
                    .execute(params![n, text])?;
            }
        }
        Ok(transaction.commit()?)
    }

    /// How many of the 50 newest messages of a conversation can be read.
    fn newest(&self, conversation: u32) -> Result<u64> {
        let mut statement = self.connection.prepare(
            "SELECT id, body FROM message WHERE conversation = ? ORDER BY at_ms DESC LIMIT 50",
        )?;
        let mut rows = statement.query([conversation])?;
        let mut read = 0;
        while let Some(row) = rows.next()? {
            read += u64::from(
                self.text(row.get(0)?, row.get_ref(1)?.as_blob()?)?
                    .contains('m'),
            );
        }
        Ok(read)
    }

    /// How many messages hold `word`, by reading every one.
    fn count(&self, word: &str) -> Result<u64> {
        let mut statement = self.connection.prepare("SELECT id, body FROM message")?;
        let mut rows = statement.query([])?;
        let mut found = 0;
        while let Some(row) = rows.next()? {
            found += u64::from(
                self.text(row.get(0)?, row.get_ref(1)?.as_blob()?)?
                    .contains(word),
            );
        }
        Ok(found)
    }

    fn search(&self, word: &str, way: Way) -> Result<u64> {
        if way == Way::Values {
            return self.count(word);
        }
        let query = "SELECT count(*) FROM found WHERE found MATCH ?";
        Ok(u64::from(self.connection.query_row(
            query,
            [word],
            |row| row.get::<_, u32>(0),
        )?))
    }

    fn text(&self, id: u32, body: &[u8]) -> Result<String> {
        let plain = match &self.cipher {
            Some(cipher) => cipher
                .decrypt(&nonce(id), body)
                .ok()
                .context("opening a message")?,
            None => body.to_vec(),
        };
        Ok(String::from_utf8(plain)?)
    }
}

/// The measurement draws no randomness; a real store would keep a random nonce beside each value.
fn nonce(id: u32) -> XNonce {
    let mut bytes = [0; 24];
    bytes
        .iter_mut()
        .zip(id.to_le_bytes())
        .for_each(|(to, from)| *to = from);
    bytes.into()
}

fn text_of(n: u32) -> String {
    const WORDS: &[&str] = &[
        "morning", "market", "tomorrow", "coffee", "train", "number", "home", "maybe",
    ];
    let mut text = String::from("m");
    for step in 0..18_u32 {
        let at = n.wrapping_mul(2_654_435_761).rotate_left(step) as usize % WORDS.len();
        text.push(' ');
        text.push_str(WORDS.get(at).copied().unwrap_or_default());
    }
    if n.is_multiple_of(RARE) {
        text.push_str(" marmalade");
    }
    text
}
