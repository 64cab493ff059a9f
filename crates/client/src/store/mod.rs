//! The store: one SQLite database, schema by numbered migrations.
//!
//! Always holds: tables are STRICT; identifiers stand as raw bytes, addresses as text.

pub(crate) mod meta;
mod rows;
mod schema;

pub(crate) use rows::Rows;

use crate::CoreError;
use comity_wire::planted::{self, Bug};
use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// As many as the core has: a statement is read and planned once, not at each step.
const STATEMENTS_KEPT: usize = 512;

/// Brings the store up to date.
pub(crate) fn migrate(conn: &Connection) -> Result<(), CoreError> {
    conn.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY;",
    )?;
    // Else what has a bound `LIMIT` is planned anew each time that it runs.
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    if planted::is(Bug::DeviceDoesNotSync) {
        conn.execute_batch("PRAGMA synchronous = OFF")?;
    }
    conn.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    let found: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = i64::try_from(schema::MIGRATIONS.len()).unwrap_or(i64::MAX);
    if found > known {
        return Err(CoreError::NewerStore { found, known });
    }
    for (index, migration) in schema::MIGRATIONS
        .iter()
        .enumerate()
        .skip(usize::try_from(found).unwrap_or(0))
    {
        let tx = conn.unchecked_transaction()?;
        tx.execute_batch(migration)?;
        if index == 0 {
            tx.execute_batch(comity_e2ee::storage::SCHEMA)?;
        }
        tx.pragma_update(
            None,
            "user_version",
            i64::try_from(index + 1).unwrap_or(i64::MAX),
        )?;
        tx.commit()?;
    }
    Ok(())
}
