//! The connection as a step sees it: whatever is asked of it is prepared once and kept.
//!
//! Always holds: the same statements with the same outcome as on the connection itself.

use rusqlite::{Connection, Params, Row};
use std::ops::Deref;

/// The store within a transaction.
pub(crate) struct Rows<'c>(pub(crate) &'c Connection);

impl Rows<'_> {
    /// Rows that the statement changed.
    pub(crate) fn execute<P: Params>(&self, sql: &str, params: P) -> rusqlite::Result<usize> {
        self.0.prepare_cached(sql)?.execute(params)
    }

    /// What the first row says.
    pub(crate) fn query_row<T, P, F>(&self, sql: &str, params: P, row: F) -> rusqlite::Result<T>
    where
        P: Params,
        F: FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    {
        self.0.prepare_cached(sql)?.query_row(params, row)
    }
}

impl Deref for Rows<'_> {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        self.0
    }
}
