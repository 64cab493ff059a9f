//! The small file through which a test steers the layer while the program runs; `struct control`
//! in layer.c. The layer maps it, so a write here is seen at once.

use crate::{FaultError, at};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A number in the file, by its place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field {
    /// Bytes by which files may still grow.
    Room = 0,
    /// Calls until the program is killed.
    KillIn = 8,
    /// Writes and syncs until one fails.
    FailIn = 16,
    /// Changing or syncing calls so far.
    Calls = 24,
}

#[derive(Debug)]
pub(crate) struct Control {
    file: File,
    path: PathBuf,
}

impl Control {
    /// Makes the file, with no fault in it, unless there is one.
    pub(crate) fn open(path: &Path) -> Result<Self, FaultError> {
        let fresh = !path.exists();
        let file = at(
            path,
            OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path),
        )?;
        let control = Self {
            file,
            path: path.to_path_buf(),
        };
        if fresh {
            control.reset()?;
        }
        Ok(control)
    }

    /// No faults.
    pub(crate) fn reset(&self) -> Result<(), FaultError> {
        for field in [Field::Room, Field::KillIn, Field::FailIn] {
            self.set(field, None)?;
        }
        self.set(Field::Calls, Some(0))
    }

    /// `None` is written as a negative number: off.
    pub(crate) fn set(&self, field: Field, value: Option<u64>) -> Result<(), FaultError> {
        let number = value.map_or(-1, |value| i64::try_from(value).unwrap_or(i64::MAX));
        at(
            &self.path,
            self.file.write_all_at(&number.to_ne_bytes(), field as u64),
        )
    }

    pub(crate) fn get(&self, field: Field) -> Result<Option<u64>, FaultError> {
        let mut bytes = [0; 8];
        at(
            &self.path,
            self.file.read_exact_at(&mut bytes, field as u64),
        )?;
        Ok(u64::try_from(i64::from_ne_bytes(bytes)).ok())
    }
}
