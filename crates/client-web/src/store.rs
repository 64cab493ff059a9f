//! The device's store in the browser: SQLite in OPFS, each page sealed under the data key.
//!
//! Pages, write-ahead log and journals are sealed by SQLite3 Multiple Ciphers: ChaCha20-Poly1305,
//! a one-time key for each page from a fresh nonce, tag and nonce in the page (docs/adr/0009).
//! The files lie in a pool of access handles that one worker holds.
//!
//! Always holds: a page that was changed or is under another key is not read; the write-ahead log
//! is used in exclusive mode, since the pool has no shared memory. Deliberately absent: another
//! VFS where OPFS lacks access handles, which would hold a store that can be lost.

use crate::shell::is_damage;
use comity_client::{Core, CoreError};
use data_encoding::HEXLOWER;
use rusqlite::{Connection, OpenFlags};
use sqlite_wasm_rs::WasmOsCallback;
use sqlite_wasm_vfs::sahpool::{OpfsSAHPoolCfgBuilder, OpfsSAHPoolUtil, install};
use zeroize::Zeroizing;

/// The pool's folder in OPFS; the only one that a store is in.
const FOLDER: &str = ".comity-store";
const POOL: &str = "opfs-sahpool";
/// Under this name SQLite3 Multiple Ciphers puts itself in front of the pool.
const SEALED_POOL: &str = "multipleciphers-opfs-sahpool";
const FILE: &str = "comity.db";
/// Database, write-ahead log, journal, and what a migration may need.
const FILES: u32 = 6;

/// Why there is no store.
#[derive(Debug)]
pub(crate) struct Unopened {
    /// Stable: `storage_unavailable`, `store_in_use`, `store_damaged`, or the core's.
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl From<CoreError> for Unopened {
    fn from(error: CoreError) -> Self {
        // Under a key that is not its own, or written over: more room makes nothing better.
        let damaged = is_damage(&error);
        Self {
            code: if damaged {
                "store_damaged"
            } else {
                error.code()
            },
            message: error.to_string(),
        }
    }
}

/// The pool that holds the store's files.
pub(crate) struct Pool(OpfsSAHPoolUtil);

impl Pool {
    /// Takes the pool's access handles.
    pub(crate) async fn open() -> Result<Self, Unopened> {
        let wanted = OpfsSAHPoolCfgBuilder::new()
            .vfs_name(POOL)
            .directory(FOLDER)
            .initial_capacity(FILES)
            .build();
        match install::<WasmOsCallback>(&wanted, false).await {
            Ok(pool) => Ok(Self(pool)),
            Err(error) => {
                let message = error.to_string();
                let in_use = format!("{error:?}").contains("NoModificationAllowed");
                let code = if in_use {
                    "store_in_use"
                } else {
                    "storage_unavailable"
                };
                Err(Unopened { code, message })
            }
        }
    }

    /// Opens the store under its data key, 32 bytes, making it if there is none.
    pub(crate) fn core(&self, key: &[u8; 32]) -> Result<Core, Unopened> {
        let conn = open_sealed(key).map_err(CoreError::from)?;
        Ok(Core::open(conn)?)
    }

    /// Deletes the store; its connection must be closed.
    pub(crate) async fn erase(&self) {
        let _ = self.0.delete_db(FILE);
        let _ = self.0.clear_all().await;
    }
}

fn open_sealed(key: &[u8; 32]) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let conn = Connection::open_with_flags_and_vfs(FILE, flags, SEALED_POOL)?;
    let hex = Zeroizing::new(HEXLOWER.encode(key));
    let unlock = Zeroizing::new(format!(
        "PRAGMA cipher = 'chacha20'; PRAGMA key = 'raw:{}'; PRAGMA locking_mode = EXCLUSIVE;",
        hex.as_str()
    ));
    conn.execute_batch(&unlock)?;
    // Reads the first page: under another key it is no database.
    conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    })?;
    Ok(conn)
}
