//! How SQLite was compiled: `.cargo/config.toml` says it for every build in this folder.

#![allow(clippy::unwrap_used)]

#[test]
fn sqlite_is_without_what_all_connections_would_share() {
    let conn = rusqlite::Connection::open_in_memory().unwrap();
    let sql = "SELECT sqlite_compileoption_used(?1)";
    for (option, is_used) in [
        ("DEFAULT_MEMSTATUS=0", true),
        ("ENABLE_MEMORY_MANAGEMENT", false),
        ("ENABLE_STAT4", false),
        ("ENABLE_API_ARMOR", false),
    ] {
        let used: bool = conn.query_row(sql, [option], |row| row.get(0)).unwrap();
        assert_eq!(
            used, is_used,
            "{option}: LIBSQLITE3_FLAGS of .cargo/config.toml was not honoured"
        );
    }
}
