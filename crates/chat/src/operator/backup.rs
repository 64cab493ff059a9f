//! Backing up a data folder while its server runs, and putting a backup in place.
//!
//! Always holds: the database in a backup is one consistent snapshot, and every complete blob that
//! it names is in the backup: blobs are copied after the database, and a blob that was deleted
//! meanwhile is left out of both.

use super::DATABASE_FILE;
use comity_wire::BlobId;
use rusqlite::Connection;
use rusqlite::backup::Backup;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why there is no backup, or it was not put in place.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// A file.
    #[error("{path}: {error}")]
    File {
        /// Which.
        path: PathBuf,
        /// The system's reason.
        error: std::io::Error,
    },
    /// SQLite.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
    /// Something is there already.
    #[error("{0} is not empty: nothing is overwritten")]
    NotEmpty(PathBuf),
    /// No backup.
    #[error("{0} holds no backup")]
    NoBackup(PathBuf),
}

fn at(path: &Path) -> impl FnOnce(std::io::Error) -> BackupError {
    let path = path.to_owned();
    move |error| BackupError::File { path, error }
}

fn make_empty(folder: &Path) -> Result<(), BackupError> {
    if folder.exists() {
        let mut entries = fs::read_dir(folder).map_err(at(folder))?;
        if entries.next().is_some() {
            return Err(BackupError::NotEmpty(folder.to_owned()));
        }
    }
    // Numbers and keys go in: for the operator's own user.
    crate::server::make_private(folder).map_err(at(folder))
}

fn blob_file(data: &Path, blob: &BlobId) -> PathBuf {
    let name = blob.to_string();
    let folder = name
        .split_at_checked(2)
        .map_or("", |(folder, _)| folder)
        .to_owned();
    data.join("blobs").join(folder).join(name)
}

fn copy(from: &Path, to: &Path) -> Result<bool, BackupError> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(at(folder))?;
    }
    match fs::copy(from, to) {
        Ok(_) => {
            let file = fs::File::open(to).map_err(at(to))?;
            file.sync_all().map_err(at(to))?;
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(at(from)(error)),
    }
}

/// Copies a data folder, which a server may be using, into an empty one. Returns the number of
/// blobs.
///
/// # Errors
/// [`BackupError`]; the target is then not a backup.
pub fn backup(data: &Path, target: &Path) -> Result<usize, BackupError> {
    make_empty(target)?;
    let source = super::open(data)?;
    let to = target.join(DATABASE_FILE);
    let mut copied = Connection::open(&to)?;
    Backup::new(&source, &mut copied)?.run_to_completion(512, Duration::from_millis(2), None)?;
    // A backup is one file: without a write-ahead log beside it.
    copied.pragma_update(None, "journal_mode", "DELETE")?;
    let mut blobs = Vec::new();
    {
        let mut select = copied.prepare("SELECT id FROM blob WHERE complete = 1")?;
        let rows = select.query_map([], |row| Ok(BlobId::new(row.get(0)?)))?;
        for row in rows {
            blobs.push(row?);
        }
    }
    let mut count = 0;
    for blob in &blobs {
        if copy(&blob_file(data, blob), &blob_file(target, blob))? {
            count += 1;
        } else {
            copied.execute("DELETE FROM blob WHERE id = ?1", [blob.as_bytes()])?;
        }
    }
    // Uploads that were under way start again.
    copied.execute("DELETE FROM blob WHERE complete = 0", [])?;
    drop(copied);
    fs::File::open(&to)
        .and_then(|file| file.sync_all())
        .map_err(at(&to))?;
    fs::File::open(target)
        .and_then(|folder| folder.sync_all())
        .map_err(at(target))?;
    Ok(count)
}

fn copy_folder(from: &Path, to: &Path) -> Result<usize, BackupError> {
    let mut count = 0;
    for entry in fs::read_dir(from).map_err(at(from))? {
        let entry = entry.map_err(at(from))?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(at(from))?.is_dir() {
            count += copy_folder(&entry.path(), &target)?;
        } else if copy(&entry.path(), &target)? {
            count += 1;
        }
    }
    Ok(count)
}

/// Puts a backup in place as a data folder, which must be empty or absent. Returns the number of
/// blobs.
///
/// # Errors
/// [`BackupError`].
pub fn restore(backup: &Path, data: &Path) -> Result<usize, BackupError> {
    let from = backup.join(DATABASE_FILE);
    if !from.is_file() {
        return Err(BackupError::NoBackup(backup.to_owned()));
    }
    make_empty(data)?;
    copy(&from, &data.join(DATABASE_FILE))?;
    let blobs = backup.join("blobs");
    if blobs.is_dir() {
        copy_folder(&blobs, &data.join("blobs"))
    } else {
        Ok(0)
    }
}
