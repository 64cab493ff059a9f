//! Numbered migrations, counted in `user_version`.

use rusqlite::{Connection, TransactionBehavior};

/// Why a database could not be brought to this program's version.
#[derive(Debug, thiserror::Error)]
pub enum MigrationError {
    /// A newer program wrote it.
    #[error(
        "the database has version {found}, this program knows up to {known}: use a newer program"
    )]
    Newer {
        /// The file's.
        found: usize,
        /// Ours.
        known: usize,
    },
    /// A step failed; the file is as before it.
    #[error("migration to version {version} failed: {error}")]
    Step {
        /// That was being made.
        version: usize,
        /// SQLite's reason.
        error: rusqlite::Error,
    },
    /// The version could not be read.
    #[error("can not read the database's version: {0}")]
    Read(#[from] rusqlite::Error),
}

/// Runs the steps that the file has not seen, each in a transaction of its own.
pub(super) fn run(conn: &mut Connection, steps: &[&str]) -> Result<(), MigrationError> {
    let found: i64 = conn.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let found = usize::try_from(found).unwrap_or(usize::MAX);
    if found > steps.len() {
        return Err(MigrationError::Newer {
            found,
            known: steps.len(),
        });
    }
    for (index, sql) in steps.iter().enumerate().skip(found) {
        let version = index + 1;
        step(conn, sql, version).map_err(|error| MigrationError::Step { version, error })?;
        tracing::info!(version, "database migrated");
    }
    Ok(())
}

fn step(conn: &mut Connection, sql: &str, version: usize) -> Result<(), rusqlite::Error> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute_batch(sql)?;
    tx.pragma_update(
        None,
        "user_version",
        i64::try_from(version).unwrap_or(i64::MAX),
    )?;
    tx.commit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_runs_once_and_a_newer_file_is_refused() {
        let mut conn = Connection::open_in_memory().unwrap();
        run(&mut conn, &["CREATE TABLE a(x) "]).unwrap();
        run(&mut conn, &["CREATE TABLE a(x)", "CREATE TABLE b(x)"]).unwrap();
        conn.execute("INSERT INTO b VALUES (1)", []).unwrap();
        assert!(matches!(
            run(&mut conn, &["CREATE TABLE a(x)"]),
            Err(MigrationError::Newer { found: 2, known: 1 })
        ));
    }

    #[test]
    fn a_step_that_fails_leaves_nothing() {
        let mut conn = Connection::open_in_memory().unwrap();
        assert!(run(&mut conn, &["CREATE TABLE a(x); SELECT nonsense"]).is_err());
        run(&mut conn, &["CREATE TABLE a(x)"]).unwrap();
    }
}
