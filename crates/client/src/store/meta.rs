//! Single values of the store, each under its name.

use crate::CoreError;
use rusqlite::{Connection, OptionalExtension};
use serde::{Serialize, de::DeserializeOwned};

/// Reads the value under `key`.
pub(crate) fn get<T: DeserializeOwned>(
    conn: &Connection,
    key: &str,
) -> Result<Option<T>, CoreError> {
    let bytes: Option<Vec<u8>> = conn
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    bytes
        .map(|bytes| cbor4ii::serde::from_slice(&bytes).map_err(|_| CoreError::Damaged("meta")))
        .transpose()
}

/// Writes the value under `key`.
pub(crate) fn put<T: Serialize>(conn: &Connection, key: &str, value: &T) -> Result<(), CoreError> {
    let bytes =
        cbor4ii::serde::to_vec(Vec::new(), value).map_err(|_| CoreError::Damaged("meta value"))?;
    conn.prepare_cached(
        "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2",
    )?
    .execute((key, bytes))?;
    Ok(())
}

/// The numbers behind `prefix` under which there is a value.
pub(crate) fn numbered(conn: &Connection, prefix: &str) -> Result<Vec<i64>, CoreError> {
    let mut statement = conn.prepare_cached("SELECT key FROM meta WHERE key >= ?1 AND key < ?2")?;
    // A colon comes after the digits.
    let range = (prefix, format!("{prefix}:"));
    let mut numbers = Vec::new();
    for key in statement.query_map(range, |row| row.get::<_, String>(0))? {
        let number: Option<i64> = key?.strip_prefix(prefix).and_then(|n| n.parse().ok());
        numbers.extend(number);
    }
    Ok(numbers)
}

/// Forgets the value under `key`.
pub(crate) fn remove(conn: &Connection, key: &str) -> Result<(), CoreError> {
    conn.execute("DELETE FROM meta WHERE key = ?1", [key])?;
    Ok(())
}
