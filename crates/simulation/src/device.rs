//! A device: the real core on its own disk, with what the shell keeps around it.

use crate::dice::Dice;
use crate::disk::Disk;
use crate::lane::Lane;
use anyhow::{Context, Result, anyhow};
use comity_client::{Core, Event};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

pub(crate) struct Device {
    pub(crate) name: String,
    /// Which app it is at: 0 is the first.
    pub(crate) app: usize,
    pub(crate) disk: Disk,
    /// None while it has crashed.
    pub(crate) core: Option<Core>,
    /// Counts starts: what is on its way to an earlier one is void.
    pub(crate) start: u64,
    pub(crate) dice: Dice,
    pub(crate) skew_ms: i64,
    pub(crate) wanted: bool,
    pub(crate) lane: Option<Lane>,
    pub(crate) connecting: bool,
    pub(crate) attempts: u32,
    /// When it asked to be woken, in virtual time.
    pub(crate) wake_ms: Option<u64>,
    /// Its store was deleted.
    pub(crate) erased: bool,
    /// What it told, in order.
    pub(crate) events: Vec<Event>,
    /// Processor time that its core's steps took.
    pub(crate) pace: crate::Pace,
    /// The newest token that its calls went with.
    pub(crate) token: Option<String>,
    /// Its person's files.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
}

/// The disk of a device that was never used. Making the store's tables is the same for all: it is
/// done once a process, on a thread without a world, which would not know of it the next time.
pub(crate) fn new_disk() -> Result<Disk> {
    static NEW: Mutex<Option<Disk>> = Mutex::new(None);
    let mut new = NEW.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(disk) = &*new {
        return Ok(disk.copy());
    }
    let disk = std::thread::spawn(|| {
        let disk = Disk::new();
        Core::open(disk.database("store.db")?)?;
        anyhow::Ok(disk)
    });
    let disk = disk.join().map_err(|_| anyhow!("it panicked"));
    Ok(new.insert(disk.flatten().context("a new store")?).copy())
}

impl Device {
    pub(crate) fn new(seed: u64, name: &str, skew_ms_max: u64, disk: Disk) -> Self {
        let mut dice = Dice::named(seed, &format!("device/{name}"));
        let skew = i64::try_from(dice.between(0, skew_ms_max * 2)).unwrap_or(0);
        let skew_ms = skew - i64::try_from(skew_ms_max).unwrap_or(0);
        Self {
            name: name.to_owned(),
            app: 0,
            disk,
            core: None,
            start: 0,
            dice,
            skew_ms,
            wanted: false,
            lane: None,
            connecting: false,
            attempts: 0,
            wake_ms: None,
            erased: false,
            events: Vec::new(),
            pace: crate::Pace::default(),
            token: None,
            files: BTreeMap::new(),
        }
    }

    /// Opens the core on what the disk holds.
    pub(crate) fn open(&mut self) -> Result<()> {
        let conn = self.disk.database("store.db")?;
        let core = Core::open(conn).with_context(|| format!("{}'s store", self.name))?;
        // Making them is most of what a device computes in its short life here.
        self.core = Some(core.keeping_key_packages(4, 2));
        self.start += 1;
        Ok(())
    }

    /// Everything in memory is gone.
    pub(crate) fn forget(&mut self) {
        self.core = None;
        self.lane = None;
        self.wanted = false;
        self.connecting = false;
        self.attempts = 0;
        self.wake_ms = None;
    }
}
