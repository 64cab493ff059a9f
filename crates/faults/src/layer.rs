//! A layer under the programs that use one folder.

use crate::control::{Control, Field};
use crate::replay::{self, Lost, Names};
use crate::{FaultError, at};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The library, as the build made it.
const LIBRARY: &str = env!("COMITY_FAULTS_LAYER");

/// A layer under the programs that use one folder. May be opened again on the same log.
#[derive(Debug)]
pub struct Layer {
    root: PathBuf,
    log: PathBuf,
    control: Control,
    lies: bool,
}

impl Layer {
    /// Watches what is below `root` and keeps its log in `log`; both are made when absent, and
    /// must lie on one file system, neither in the other. What is below `root` now counts as
    /// durable, unless the log says otherwise.
    ///
    /// # Errors
    /// When the folders can not be made or lie in one another.
    pub fn new(root: &Path, log: &Path) -> Result<Self, FaultError> {
        at(root, std::fs::create_dir_all(root))?;
        let kept = log.join("kept");
        at(&kept, std::fs::create_dir_all(&kept))?;
        let root = at(root, root.canonicalize())?;
        let log = at(log, log.canonicalize())?;
        if root.starts_with(&log) || log.starts_with(&root) {
            return Err(FaultError::Nested);
        }
        let control = Control::open(&log.join("control"))?;
        Ok(Self {
            root,
            log,
            control,
            lies: false,
        })
    }

    /// The folder that is watched.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Puts the layer under a program that is about to be started.
    pub fn around<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        command.envs(self.environment())
    }

    /// The variables with which a program runs on the layer.
    #[must_use]
    pub fn environment(&self) -> Vec<(&'static str, &Path)> {
        let mut variables = vec![
            ("LD_PRELOAD", Path::new(LIBRARY)),
            ("COMITY_FAULT_ROOT", &self.root),
            ("COMITY_FAULT_LOG", &self.log),
        ];
        if self.lies {
            variables.push(("COMITY_FAULT_LIES", Path::new("1")));
        }
        variables
    }

    /// The same on a disk that lies: it says that it synced, and nothing is durable. For tests of
    /// tests, which have to notice it.
    #[must_use]
    pub fn that_lies(mut self) -> Self {
        self.lies = true;
        self
    }

    /// Files may grow by so many bytes more, together; `None`: as much as they like. Then writes
    /// that make a file longer end short or fail with `ENOSPC`. Seen at once.
    ///
    /// # Errors
    /// When the control file can not be written.
    pub fn set_room(&self, bytes: Option<u64>) -> Result<(), FaultError> {
        self.control.set(Field::Room, bytes)
    }

    /// Bytes by which files may still grow.
    ///
    /// # Errors
    /// When the control file can not be read.
    pub fn room(&self) -> Result<Option<u64>, FaultError> {
        self.control.get(Field::Room)
    }

    /// The program is killed (`SIGKILL`) before its n-th changing or syncing call from now.
    ///
    /// # Errors
    /// When the control file can not be written.
    pub fn kill_in(&self, calls: Option<u64>) -> Result<(), FaultError> {
        self.control.set(Field::KillIn, calls)
    }

    /// The n-th write, truncation or sync from now fails with `EIO`, once.
    ///
    /// # Errors
    /// When the control file can not be written.
    pub fn fail_in(&self, calls: Option<u64>) -> Result<(), FaultError> {
        self.control.set(Field::FailIn, calls)
    }

    /// Changing or syncing calls so far.
    ///
    /// # Errors
    /// When the control file can not be read.
    pub fn calls(&self) -> Result<u64, FaultError> {
        Ok(self.control.get(Field::Calls)?.unwrap_or(0))
    }

    /// Leaves the folder as a disk may after a power loss, then starts a new log and switches all
    /// faults off. No program may be using the folder.
    ///
    /// # Errors
    /// When the log is damaged or a file can not be brought back.
    pub fn power_loss(&self, seed: u64, names: Names) -> Result<Lost, FaultError> {
        let file = self.log.join("log");
        let bytes = if file.exists() {
            at(&file, std::fs::read(&file))?
        } else {
            Vec::new()
        };
        let kept = self.log.join("kept");
        let lost = replay::undo(&self.root, &kept, &bytes, seed, names)?;
        self.forget()?;
        Ok(lost)
    }

    /// Counts everything as durable from here on, as after a quiet time, and switches all faults
    /// off. No program may be using the folder.
    ///
    /// # Errors
    /// When the log can not be written.
    pub fn forget(&self) -> Result<(), FaultError> {
        let (file, kept) = (self.log.join("log"), self.log.join("kept"));
        at(&file, std::fs::write(&file, []))?;
        at(&kept, std::fs::remove_dir_all(&kept))?;
        at(&kept, std::fs::create_dir_all(&kept))?;
        self.control.reset()
    }
}
