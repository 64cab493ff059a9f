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

/// What stands behind `prefix` in the names of values; it ends with a slash.
pub(crate) fn under(conn: &Connection, prefix: &str) -> Result<Vec<String>, CoreError> {
    let mut statement = conn.prepare_cached(
        "SELECT substr(key, 1 + length(?1)) FROM meta WHERE key >= ?1 AND key < ?2",
    )?;
    // A nought comes after the slash.
    let end = format!("{}0", prefix.trim_end_matches('/'));
    let names = statement.query_map((prefix, end), |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// Forgets the value under `key`.
pub(crate) fn remove(conn: &Connection, key: &str) -> Result<(), CoreError> {
    conn.prepare_cached("DELETE FROM meta WHERE key = ?1")?
        .execute([key])?;
    Ok(())
}
