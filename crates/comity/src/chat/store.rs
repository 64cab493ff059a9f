//! The store's folder: one process at a time, pages encrypted under a data key that the
//! passphrase wraps.
//!
//! `store.db` is an SQLCipher database under 32 random bytes; `key.json` holds them, sealed by
//! XChaCha20-Poly1305 under Argon2id of the passphrase. Always holds: what is wrong with a store is said
//! by this program alone, with its path. Deliberately absent: a way around the passphrase.

use super::session::Refused;
use anyhow::{Context, Result, bail};
use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use comity_wire::Bytes64;
use rand::RngCore;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// "Cmty", in the header of the database.
const APPLICATION: i32 = 0x436d_7479;
/// More than any store of this program asks for: KiB of memory, passes, lanes.
const MEMORY_KIB_MAX: u32 = 1024 * 1024;
const PASSES_MAX: u32 = 64;
const LANES_MAX: u32 = 64;

/// A page of the database. One that was ever made has at least one; of less SQLite would make a new one.
const PAGE_BYTES: u64 = 4096;

/// Of `key.json`.
const VERSION: u32 = 1;
const AAD: &[u8] = b"comity store key v1";

/// How the data key is wrapped.
#[derive(Serialize, Deserialize)]
struct WrappedKey {
    version: u32,
    /// Argon2id: KiB of memory, passes, lanes.
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    salt: Bytes64,
    nonce: Bytes64,
    sealed: Bytes64,
}

/// What the folder remembers besides the store.
#[derive(Serialize, Deserialize, Default)]
pub(crate) struct Settings {
    /// Address of the app: `https://…`.
    pub(crate) server: String,
    /// PEM file of a certificate authority to trust besides the usual ones.
    pub(crate) ca: Option<PathBuf>,
}

/// An open folder, locked for this process.
pub(crate) struct StoreFolder {
    pub(crate) path: PathBuf,
    pub(crate) settings: Settings,
    _lock: File,
}

impl StoreFolder {
    /// Opens or makes the folder; refused while another process has it.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let failed = |error| io_failed(path, &error);
        std::fs::create_dir_all(path).map_err(failed)?;
        if is_of_others(path).map_err(failed)? {
            bail!(Refused::here(
                "open",
                "not_a_store",
                format!(
                    "{} holds other files and no store: name a folder of its own",
                    path.display()
                ),
            ));
        }
        Self::make_private(path)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(failed)?;
        if lock.try_lock().is_err() {
            bail!(Refused {
                act: "open".to_owned(),
                code: "store_in_use".to_owned(),
                message: format!(
                    "{} is in use by another comity: two programs on one store would reuse keys",
                    path.display()
                ),
                retry_after_ms: 0,
            });
        }
        let settings = read_settings(&path.join("settings.toml"))?;
        Ok(Self {
            path: path.to_owned(),
            settings,
            _lock: lock,
        })
    }

    /// For this user alone.
    fn make_private(path: &Path) -> Result<(), Refused> {
        private_folder(path).map_err(|error| io_failed(path, &error))
    }

    /// Whether there is a store yet.
    pub(crate) fn exists(&self) -> bool {
        self.path.join("key.json").exists()
    }

    /// Writes the settings.
    pub(crate) fn save_settings(&self) -> Result<()> {
        let file = self.path.join("settings.toml");
        let text = toml::to_string(&self.settings)?;
        // A full disk is no reason not to read.
        if std::fs::read_to_string(&file).is_ok_and(|there| there == text) {
            return Ok(());
        }
        write_synced(&file, text.as_bytes()).map_err(|error| io_failed(&file, &error).into())
    }

    /// Opens the store under its passphrase, making it first if need be.
    pub(crate) fn unlock(&self, passphrase: &str) -> Result<Connection> {
        let key_file = self.path.join("key.json");
        let (key, fresh) = match std::fs::read(&key_file) {
            Ok(bytes) => (unwrap_key(&wrapped_key(&bytes)?, passphrase)?, false),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if self.path.join("store.db").exists() {
                    bail!(failed(
                        "store_failed",
                        format!(
                            "{} has a store but its key.json is gone: it can not be opened",
                            self.path.display()
                        )
                    ));
                }
                let (wrapped, key) = wrap_new_key(passphrase)?;
                write_synced(&key_file, &serde_json::to_vec_pretty(&wrapped)?)
                    .map_err(|error| io_failed(&key_file, &error))?;
                (key, true)
            }
            Err(error) => bail!(io_failed(&key_file, &error)),
        };
        let file = self.path.join("store.db");
        let empty = std::fs::metadata(&file).map_or(true, |facts| facts.len() < PAGE_BYTES);
        if empty && !fresh {
            bail!(Refused {
                act: "open".to_owned(),
                code: "store_failed".to_owned(),
                message: format!(
                    "{} has a key.json but its store.db is empty, cut off or gone: it is damaged. Where nobody ever signed up, delete the folder",
                    self.path.display()
                ),
                retry_after_ms: 0,
            });
        }
        open_database(&file, &key, fresh).map_err(|error| self.database_failed(&error).into())
    }

    /// Why the database does not open, in words.
    fn database_failed(&self, error: &rusqlite::Error) -> Refused {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase, OutOfMemory};
        let shown = self.path.display();
        let why = match error.sqlite_error_code() {
            // What a page says that does not open under the store's key.
            Some(DatabaseCorrupt | NotADatabase | OutOfMemory) => {
                "it is damaged, or its key.json belongs to another store".to_owned()
            }
            _ if is_full(&self.path) => "the disk is full".to_owned(),
            _ => error.to_string(),
        };
        failed(
            "store_failed",
            format!("the store in {shown} can not be opened: {why}"),
        )
    }

    /// Deletes everything in the folder.
    pub(crate) fn erase(&self) -> Result<()> {
        for name in [
            "key.json",
            "store.db",
            "store.db-wal",
            "store.db-shm",
            "settings.toml",
        ] {
            match std::fs::remove_file(self.path.join(name)) {
                Ok(()) => {}
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => return Err(error).with_context(|| format!("deleting {name}")),
            }
        }
        Ok(())
    }
}

/// What the file says; nothing where there is none.
fn read_settings(file: &Path) -> Result<Settings> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(toml::from_str(&text)
            .map_err(|error| failed("store_damaged", format!("{}: {error}", file.display())))?),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Settings::default()),
        Err(error) => Err(io_failed(file, &error).into()),
    }
}

/// Whether there is something in the folder, and nothing of a store.
fn is_of_others(folder: &Path) -> std::io::Result<bool> {
    const OURS: [&str; 4] = ["lock", "key.json", "settings.toml", "store.db"];
    let mut others = false;
    for entry in std::fs::read_dir(folder)? {
        if entry?
            .file_name()
            .to_str()
            .is_some_and(|name| OURS.contains(&name))
        {
            return Ok(false);
        }
        others = true;
    }
    Ok(others)
}

#[cfg(unix)]
fn private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))
}

#[cfg(not(unix))]
fn private_folder(_: &Path) -> std::io::Result<()> {
    Ok(())
}

fn failed(code: &str, message: String) -> Refused {
    Refused::here("open", code, message)
}

/// A file of the store that can not be read or written.
fn io_failed(path: &Path, error: &std::io::Error) -> Refused {
    let shown = path.display();
    let why = match error.kind() {
        std::io::ErrorKind::StorageFull => "the disk is full".to_owned(),
        _ => error.to_string(),
    };
    failed("store_failed", format!("{shown}: {why}"))
}

/// Whether the disk of this folder has no room left for this user.
fn is_full(folder: &Path) -> bool {
    const ROOM: u64 = 64 * 1024;
    rustix::fs::statvfs(folder).is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < ROOM)
}

fn open_database(file: &Path, key: &[u8], fresh: bool) -> Result<Connection, rusqlite::Error> {
    let conn = Connection::open(file)?;
    // What is wrong it would write itself, too, to wherever standard error leads.
    if std::env::var_os("COMITY_LOG").is_none() {
        conn.execute_batch("PRAGMA cipher_log_level = NONE;")?;
    }
    let hex = data_encoding::HEXLOWER.encode(key);
    conn.execute_batch(&format!("PRAGMA key = \"x'{hex}'\";"))?;
    if fresh {
        // Something is in the file from now on: an empty one is a damaged one.
        conn.execute_batch(&format!("PRAGMA application_id = {APPLICATION};"))?;
    }
    conn.query_row("SELECT count(*) FROM sqlite_master", [], |row| {
        row.get::<_, i64>(0)
    })?;
    Ok(conn)
}

/// Whole or not at all, and there after a power loss.
fn write_synced(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn derive(
    passphrase: &str,
    salt: &[u8],
    memory_kib: u32,
    passes: u32,
    lanes: u32,
) -> Result<[u8; 32]> {
    let params = Params::new(memory_kib, passes, lanes, Some(32))
        .map_err(|error| failed("store_damaged", format!("key.json: {error}")))?;
    let mut key = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(passphrase.as_bytes(), salt, &mut key)
        .map_err(|e| anyhow::anyhow!("deriving the key: {e}"))?;
    Ok(key)
}

fn wrap_new_key(passphrase: &str) -> Result<(WrappedKey, Vec<u8>)> {
    let mut random = rand::rng();
    let (mut key, mut salt, mut nonce) = (vec![0; 32], vec![0; 16], vec![0; 24]);
    random.fill_bytes(&mut key);
    random.fill_bytes(&mut salt);
    random.fill_bytes(&mut nonce);
    let (memory_kib, passes, lanes) = (19 * 1024, 2, 1);
    let wrapping = derive(passphrase, &salt, memory_kib, passes, lanes)?;
    let sealed = XChaCha20Poly1305::new(&wrapping.into())
        .encrypt(
            XNonce::from_slice(&nonce),
            Payload {
                msg: &key,
                aad: AAD,
            },
        )
        .map_err(|_| anyhow::anyhow!("sealing the store's key"))?;
    let wrapped = WrappedKey {
        version: VERSION,
        memory_kib,
        passes,
        lanes,
        salt: salt.into(),
        nonce: nonce.into(),
        sealed: sealed.into(),
    };
    Ok((wrapped, key))
}

/// What `key.json` says, where this program knows its version.
fn wrapped_key(bytes: &[u8]) -> Result<WrappedKey> {
    #[derive(Deserialize)]
    struct Versioned {
        version: u32,
    }
    let damaged =
        |error: serde_json::Error| failed("store_damaged", format!("key.json is damaged: {error}"));
    let Versioned { version } = serde_json::from_slice(bytes).map_err(damaged)?;
    if version > VERSION {
        bail!(failed(
            "store_newer",
            format!(
                "key.json has version {version}: a newer comity wrote it, this one knows {VERSION}"
            )
        ));
    }
    Ok(serde_json::from_slice(bytes).map_err(damaged)?)
}

fn unwrap_key(wrapped: &WrappedKey, passphrase: &str) -> Result<Vec<u8>> {
    if wrapped.version != VERSION || wrapped.nonce.0.len() != 24 {
        bail!(failed(
            "store_damaged",
            "key.json is damaged: no program wrote it so".to_owned()
        ));
    }
    if wrapped.memory_kib > MEMORY_KIB_MAX
        || wrapped.passes > PASSES_MAX
        || wrapped.lanes > LANES_MAX
    {
        bail!(failed(
            "store_damaged",
            "key.json asks for more memory or time than any store of this program: it is damaged"
                .to_owned()
        ));
    }
    let wrapping = derive(
        passphrase,
        &wrapped.salt.0,
        wrapped.memory_kib,
        wrapped.passes,
        wrapped.lanes,
    )?;
    XChaCha20Poly1305::new(&wrapping.into())
        .decrypt(
            XNonce::from_slice(&wrapped.nonce.0),
            Payload {
                msg: &wrapped.sealed.0,
                aad: AAD,
            },
        )
        .map_err(|_| {
            Refused {
                act: "open".to_owned(),
                code: "passphrase_wrong".to_owned(),
                message: "wrong passphrase".to_owned(),
                retry_after_ms: 0,
            }
            .into()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_opens_with_its_passphrase_only_and_for_one_process_only() {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreFolder::open(folder.path()).unwrap();
        let conn = store.unlock("correct horse").unwrap();
        conn.execute_batch(
            "CREATE TABLE t (x TEXT); INSERT INTO t VALUES ('needle-in-the-store');",
        )
        .unwrap();
        drop(conn);
        assert!(
            StoreFolder::open(folder.path()).is_err(),
            "a second one is refused"
        );
        assert!(store.unlock("wrong").is_err());
        let bytes = std::fs::read(folder.path().join("store.db")).unwrap();
        assert!(
            !bytes.windows(6).any(|w| w == b"needle" || w == b"SQLite"),
            "pages are encrypted"
        );
        let conn = store.unlock("correct horse").unwrap();
        let x: String = conn
            .query_row("SELECT x FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(x, "needle-in-the-store");
    }

    #[test]
    fn an_empty_store_beside_its_key_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreFolder::open(folder.path()).unwrap();
        drop(store.unlock("correct horse").unwrap());
        let file = folder.path().join("store.db");
        assert!(std::fs::metadata(&file).unwrap().len() > 0);
        for left in [0, 1, 4_095] {
            File::create(&file).unwrap().set_len(left).unwrap();
            let refused = store.unlock("correct horse").unwrap_err();
            let refused = refused.downcast_ref::<Refused>().unwrap();
            assert_eq!(refused.code, "store_failed", "{left} bytes");
            assert!(refused.message.contains("damaged"), "{refused}");
        }
    }

    #[test]
    fn a_folder_that_can_not_be_made_private_is_named() {
        use std::os::unix::fs::PermissionsExt as _;
        // Nobody may change what stands there, whoever runs this.
        let folder = Path::new("/proc/self/task");
        let error = StoreFolder::make_private(folder).unwrap_err();
        assert_eq!(error.code, "store_failed");
        assert!(error.message.starts_with("/proc/self/task: "), "{error}");
        let own = tempfile::tempdir().unwrap();
        StoreFolder::make_private(own.path()).unwrap();
        let mode = std::fs::metadata(own.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_key_that_is_newer_or_broken_says_which() {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreFolder::open(folder.path()).unwrap();
        drop(store.unlock("correct horse").unwrap());
        let file = folder.path().join("key.json");
        let good = std::fs::read_to_string(&file).unwrap();
        let code = || {
            let error = store.unlock("correct horse").unwrap_err();
            error.downcast_ref::<Refused>().unwrap().code.clone()
        };
        std::fs::write(&file, r#"{"version": 2, "of": "another form"}"#).unwrap();
        assert_eq!(code(), "store_newer");
        for broken in ["", "{}", &good[..good.len() / 2], r#"{"version": 1}"#] {
            std::fs::write(&file, broken).unwrap();
            assert_eq!(code(), "store_damaged", "{broken}");
        }
        std::fs::remove_file(&file).unwrap();
        assert_eq!(code(), "store_failed");
        std::fs::write(&file, good).unwrap();
        store.unlock("correct horse").unwrap();
    }

    #[test]
    fn a_key_that_asks_for_all_memory_is_refused() {
        let (mut wrapped, _) = wrap_new_key("correct horse").unwrap();
        wrapped.memory_kib = u32::MAX;
        assert!(unwrap_key(&wrapped, "correct horse").is_err());
    }
}
