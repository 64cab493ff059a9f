//! What the operator does on the database, beside the running server: read codes, look at
//! accounts, suspend or delete them, count, take reports out, back up and restore.
//!
//! Always holds: nothing here can show what people say; accounts are shown without their numbers
//! unless asked by number.

mod backup;

pub use backup::{BackupError, backup, restore};

use crate::migrations::MIGRATIONS;
use comity_platform::database;
use comity_wire::{AccountId, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Name of the database's file in the data folder.
pub const DATABASE_FILE: &str = "comity.sqlite";

/// A code of the development outbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentCode {
    /// To this number, E.164.
    pub number: String,
    /// Six digits.
    pub code: String,
    /// When it was made.
    pub at_ms: UnixMs,
}

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountFacts {
    /// Its id.
    pub account: AccountId,
    /// When it was made.
    pub created_ms: UnixMs,
    /// It can not sign in; also when it is to be deleted.
    pub suspended: bool,
    /// Devices that are not revoked.
    pub devices: u32,
    /// Conversations hosted here.
    pub conversations: u32,
    /// Bytes of blobs kept.
    pub blob_bytes: u64,
    /// When one of its devices was last here.
    pub active_ms: UnixMs,
}

/// Counts of everything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stats {
    /// Accounts.
    pub accounts: u64,
    /// Devices that are not revoked.
    pub devices: u64,
    /// Conversations.
    pub conversations: u64,
    /// Entries kept.
    pub entries: u64,
    /// Blobs kept or being uploaded.
    pub blobs: u64,
    /// Their bytes.
    pub blob_bytes: u64,
    /// Reports that wait.
    pub reports: u64,
}

/// A report as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredReport {
    /// Its number.
    pub id: i64,
    /// When it came.
    pub at_ms: UnixMs,
    /// Sealed to the moderation key.
    pub sealed: Vec<u8>,
}

/// Opens the database of a data folder, which a server may have open as well.
///
/// # Errors
/// When there is none, or it is another version's.
pub fn open(data: &Path) -> Result<Connection, rusqlite::Error> {
    let path = data.join(DATABASE_FILE);
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let probe = Connection::open_with_flags(&path, flags)?;
    let version: usize = probe.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if version != MIGRATIONS.len() {
        return Err(rusqlite::Error::InvalidParameterName(format!(
            "the database has version {version}, this program has {}",
            MIGRATIONS.len()
        )));
    }
    drop(probe);
    database::connect(&path)
}

/// Codes of the development outbox, the newest first.
///
/// # Errors
/// SQLite's.
pub fn codes(conn: &Connection) -> Result<Vec<SentCode>, rusqlite::Error> {
    let mut select =
        conn.prepare("SELECT number, code, at_ms FROM code_outbox ORDER BY id DESC LIMIT 100")?;
    let rows = select.query_map([], |row| {
        Ok(SentCode {
            number: row.get(0)?,
            code: row.get(1)?,
            at_ms: row.get(2)?,
        })
    })?;
    rows.collect()
}

/// The account that has a number now.
///
/// # Errors
/// SQLite's.
pub fn account_of_number(
    conn: &Connection,
    number: &str,
) -> Result<Option<AccountId>, rusqlite::Error> {
    crate::accounts::sql::by_number(conn, number)
}

/// What is known of an account.
///
/// # Errors
/// SQLite's.
pub fn account(
    conn: &Connection,
    account: &AccountId,
) -> Result<Option<AccountFacts>, rusqlite::Error> {
    conn.query_row(
        "SELECT a.created_ms, a.suspended,
           (SELECT count(*) FROM device WHERE account = a.id AND revoked = 0),
           (SELECT count(DISTINCT s.log) FROM seat s JOIN log l ON l.id = s.log
             JOIN device d ON d.id = s.device
             WHERE d.account = a.id AND l.kind != 0 AND s.removed IS NULL),
           (SELECT coalesce(sum(size), 0) FROM blob WHERE account = a.id),
           (SELECT coalesce(max(seen_ms), 0) FROM device WHERE account = a.id)
         FROM account a WHERE a.id = ?1",
        [account.as_bytes()],
        |row| {
            Ok(AccountFacts {
                account: *account,
                created_ms: row.get(0)?,
                suspended: row.get(1)?,
                devices: row.get(2)?,
                conversations: row.get(3)?,
                blob_bytes: row.get(4)?,
                active_ms: row.get(5)?,
            })
        },
    )
    .optional()
}

/// Suspends an account, or lets it back. A running server refuses its next sign-in and token.
///
/// # Errors
/// SQLite's.
pub fn suspend(
    conn: &Connection,
    account: &AccountId,
    suspended: bool,
) -> Result<bool, rusqlite::Error> {
    let changed = conn.execute(
        "UPDATE account SET suspended = ?2 WHERE id = ?1 AND suspended != 2",
        params![account.as_bytes(), suspended],
    )?;
    Ok(changed > 0)
}

/// Counts everything.
///
/// # Errors
/// SQLite's.
pub fn stats(conn: &Connection) -> Result<Stats, rusqlite::Error> {
    let count = |sql: &str| conn.query_row(sql, [], |row| row.get::<_, u64>(0));
    Ok(Stats {
        accounts: count("SELECT count(*) FROM account")?,
        devices: count("SELECT count(*) FROM device WHERE revoked = 0")?,
        conversations: count("SELECT count(*) FROM log WHERE kind != 0")?,
        entries: count("SELECT coalesce(sum(1 + others), 0) FROM entry")?,
        blobs: count("SELECT count(*) FROM blob")?,
        blob_bytes: count("SELECT coalesce(sum(size), 0) FROM blob")?,
        reports: count("SELECT count(*) FROM report")?,
    })
}

/// Reports, the oldest first.
///
/// # Errors
/// SQLite's.
pub fn reports(conn: &Connection) -> Result<Vec<StoredReport>, rusqlite::Error> {
    let mut select = conn.prepare("SELECT id, at_ms, sealed FROM report ORDER BY id")?;
    let rows = select.query_map([], |row| {
        Ok(StoredReport {
            id: row.get(0)?,
            at_ms: row.get(1)?,
            sealed: row.get(2)?,
        })
    })?;
    rows.collect()
}

/// The server's keys, for verifying franking seals and for naming the app's key.
///
/// # Errors
/// SQLite's.
pub fn secrets(conn: &Connection) -> Result<crate::Secrets, rusqlite::Error> {
    crate::Secrets::load(conn)
}

/// What a reported message says about its passage through this server.
#[derive(Debug, Clone, Copy)]
pub struct Passage<'a> {
    /// Text of the conversation's id, or of the introduction's.
    pub log: &'a str,
    /// Number in the log; 0 for an introduction.
    pub seq: u64,
    /// The encoded franking header.
    pub header: &'a [u8],
    /// When it passed.
    pub at_ms: UnixMs,
    /// The seal that it was given.
    pub seal: &'a [u8],
}

/// Whether this server sealed it.
#[must_use]
pub fn seal_holds(secrets: &crate::Secrets, passage: &Passage<'_>) -> bool {
    let sealed = comity_membership::franking::Sealed {
        log: passage.log,
        seq: passage.seq,
        header: passage.header,
        at_ms: passage.at_ms,
    };
    comity_membership::franking::verify_seal(&secrets.franking, &sealed, passage.seal)
}

/// Marks a report as handled by deleting it.
///
/// # Errors
/// SQLite's.
pub fn delete_report(conn: &Connection, id: i64) -> Result<bool, rusqlite::Error> {
    Ok(conn.execute("DELETE FROM report WHERE id = ?1", [id])? > 0)
}

/// Orders an account deleted: it is refused at once, and the server deletes it within seconds, or
/// when it is next started.
///
/// # Errors
/// SQLite's.
pub fn order_deletion(conn: &Connection, account: &AccountId) -> Result<bool, rusqlite::Error> {
    let changed = conn.execute(
        "UPDATE account SET suspended = 2 WHERE id = ?1",
        params![account.as_bytes()],
    )?;
    Ok(changed > 0)
}
