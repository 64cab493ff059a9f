//! How SQLite was compiled: `.cargo/config.toml` says it for every build in this folder.

#![allow(clippy::unwrap_used)]

#[test]
fn sqlite_counts_no_memory() {
    let conn = rusqlite::Connection::open_in_memory().unwrap();
    let sql = "SELECT sqlite_compileoption_used('DEFAULT_MEMSTATUS=0')";
    let used: bool = conn.query_row(sql, [], |row| row.get(0)).unwrap();
    assert!(
        used,
        "LIBSQLITE3_FLAGS of .cargo/config.toml was not honoured"
    );
}
