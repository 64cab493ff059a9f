//! An in-memory disk that loses power: what was written and not synced is kept or lost by the
//! dice, each sector for itself.
//!
//! Always holds: every write, sync, truncation and deletion is one counted storage call; a disk
//! that was told to fail at a call fails at it and at every later one, until power comes back; a
//! file that was opened before that stays dead. Deliberately absent: folders, locks, a full disk
//! (the tests of `comity` have that, under the real programs).

use crate::dice::Dice;
use crate::pages::Pages;
use crate::vfs;
use rusqlite::{Connection, OpenFlags};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// What is kept or lost as a whole.
const SECTOR_BYTES: usize = 4096;

/// The disk has no power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the disk has no power")]
pub struct Down;

/// One disk. Clones are the same disk.
#[derive(Debug, Clone)]
pub struct Disk(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    number: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    files: BTreeMap<String, File>,
    /// Counts the times that power came back.
    generation: u64,
    calls: u64,
    fail_at: Option<u64>,
    down: bool,
}

#[derive(Debug, Default, Clone)]
struct File {
    /// What a reader sees.
    now: Pages,
    /// What was done since the last sync, in order, each with what it takes to undo it: what a
    /// power loss can not take is what is left when all of it is undone.
    pending: Vec<Done>,
}

#[derive(Debug, Clone)]
struct Done {
    change: Undo,
    /// How long the file was.
    length: usize,
}

#[derive(Debug, Clone)]
enum Undo {
    /// So many bytes were written at this offset, over these.
    Write(usize, usize, Vec<u8>),
    /// These were cut off, to this length.
    Truncate(usize, Vec<u8>),
}

/// What was done, once more.
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

static DISKS: Mutex<BTreeMap<u64, Weak<Shared>>> = Mutex::new(BTreeMap::new());
static NEXT: AtomicU64 = AtomicU64::new(1);

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Shared {
    fn drop(&mut self) {
        locked(&DISKS).remove(&self.number);
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}

impl Disk {
    /// An empty disk with power.
    #[must_use]
    pub fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let shared = Arc::new(Shared {
            number,
            state: Mutex::default(),
        });
        locked(&DISKS).insert(number, Arc::downgrade(&shared));
        Self(shared)
    }

    pub(crate) fn find(number: u64) -> Option<Self> {
        locked(&DISKS).get(&number)?.upgrade().map(Self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.0.state)
    }

    /// Opens an SQLite database on this disk, set up for its one connection.
    ///
    /// # Errors
    /// When SQLite can not open it.
    pub fn database(&self, name: &str) -> Result<Connection, rusqlite::Error> {
        vfs::register();
        let path = format!("/{}/{}/{name}", self.0.number, self.state().generation);
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags_and_vfs(path, flags, vfs::NAME)?;
        // Without shared memory a write-ahead log has one connection, which says so first.
        conn.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        Ok(conn)
    }

    /// A second disk with the same bytes, all of them durable.
    #[must_use]
    pub fn copy(&self) -> Self {
        let copy = Self::new();
        let files = self.state().files.clone();
        copy.state().files = files
            .into_iter()
            .map(|(name, file)| {
                let file = File {
                    now: file.now,
                    pending: Vec::new(),
                };
                (name, file)
            })
            .collect();
        copy
    }

    /// Storage calls so far.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// Power goes at the `after`th storage call from now, 0 being the next one.
    pub fn fail_after(&self, after: u64) {
        let mut state = self.state();
        state.fail_at = Some(state.calls + after);
    }

    /// An ordered power loss does not come.
    pub fn stays_on(&self) {
        self.state().fail_at = None;
    }

    /// Power goes now.
    pub fn fail(&self) {
        self.state().down = true;
    }

    /// Whether it has no power.
    #[must_use]
    pub fn is_down(&self) -> bool {
        self.state().down
    }

    /// Power comes back: the dice say what of the unsynced writes is there.
    pub fn restart(&self, dice: &mut Dice) {
        let mut state = self.state();
        for file in state.files.values_mut() {
            file.settle(dice);
        }
        state.generation += 1;
        state.fail_at = None;
        state.down = false;
    }

    /// Whether power has not gone since `generation`.
    pub(crate) fn is_of(&self, generation: u64) -> bool {
        self.state().generation == generation
    }

    pub(crate) fn open(&self, name: &str, create: bool) -> Result<Open, Down> {
        let mut state = self.state();
        if state.down || !(create || state.files.contains_key(name)) {
            return Err(Down);
        }
        state.files.entry(name.to_owned()).or_default();
        Ok(Open {
            disk: self.clone(),
            name: name.to_owned(),
            generation: state.generation,
        })
    }

    pub(crate) fn delete(&self, name: &str) -> Result<bool, Down> {
        let mut state = self.state();
        state.call()?;
        Ok(state.files.remove(name).is_some())
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.state().files.contains_key(name)
    }
}

impl State {
    /// One storage call.
    fn call(&mut self) -> Result<(), Down> {
        if self.fail_at.is_some_and(|at| self.calls >= at) {
            self.down = true;
        }
        if self.down {
            return Err(Down);
        }
        self.calls += 1;
        Ok(())
    }
}

impl File {
    fn write(&mut self, offset: usize, data: &[u8]) {
        let length = self.now.length;
        let over = length.saturating_sub(offset).min(data.len());
        let mut old = vec![0; over];
        self.now.read(offset, &mut old);
        self.now.write(offset, data);
        let change = Undo::Write(offset, data.len(), old);
        self.pending.push(Done { change, length });
    }

    fn truncate(&mut self, to: usize) {
        let length = self.now.length;
        let mut tail = vec![0; length.saturating_sub(to)];
        self.now.read(to, &mut tail);
        self.now.resize(to);
        let change = Undo::Truncate(to, tail);
        self.pending.push(Done { change, length });
    }

    /// Goes back to what a power loss can not take; what was done since, in order.
    fn undo(&mut self) -> Vec<Change> {
        let mut changes = Vec::with_capacity(self.pending.len());
        while let Some(Done { change, length }) = self.pending.pop() {
            match change {
                Undo::Write(offset, size, old) => {
                    let mut data = vec![0; size];
                    self.now.read(offset, &mut data);
                    self.now.write(offset, &old);
                    self.now.resize(length);
                    changes.push(Change::Write(offset, data));
                }
                Undo::Truncate(to, tail) => {
                    self.now.resize(length);
                    self.now.write(to, &tail);
                    changes.push(Change::Truncate(to));
                }
            }
        }
        changes.reverse();
        changes
    }

    /// What a power loss leaves.
    fn settle(&mut self, dice: &mut Dice) {
        // Often a disk has written all or nothing; the mixtures are what bites.
        let keep_percent = dice.one_of(&[0, 0, 100, 50, 85]);
        for change in self.undo() {
            match change {
                Change::Write(offset, data) => {
                    let mut at = 0;
                    while at < data.len() {
                        let end = ((offset + at) / SECTOR_BYTES + 1) * SECTOR_BYTES - offset;
                        let piece = data.get(at..end.min(data.len())).unwrap_or_default();
                        if dice.percent(keep_percent) {
                            self.now.write(offset + at, piece);
                        }
                        at = end;
                    }
                }
                Change::Truncate(length) => {
                    if dice.percent(keep_percent) {
                        self.now.resize(length);
                    }
                }
            }
        }
    }
}

/// An open file.
#[derive(Debug)]
pub(crate) struct Open {
    disk: Disk,
    name: String,
    generation: u64,
}

impl Open {
    fn with<T>(&self, counted: bool, act: impl FnOnce(&mut File) -> T) -> Result<T, Down> {
        let mut state = self.disk.state();
        if state.generation != self.generation {
            return Err(Down);
        }
        if counted {
            state.call()?;
        } else if state.down {
            return Err(Down);
        }
        state.files.get_mut(&self.name).map(act).ok_or(Down)
    }

    /// True when there was enough to read.
    pub(crate) fn read(&self, offset: usize, into: &mut [u8]) -> Result<bool, Down> {
        self.with(false, |file| file.now.read(offset, into))
    }

    pub(crate) fn write(&self, offset: usize, data: &[u8]) -> Result<(), Down> {
        self.with(true, |file| file.write(offset, data))
    }

    pub(crate) fn truncate(&self, length: usize) -> Result<(), Down> {
        self.with(true, |file| file.truncate(length))
    }

    pub(crate) fn sync(&self) -> Result<(), Down> {
        self.with(true, |file| file.pending.clear())
    }

    pub(crate) fn size(&self) -> Result<usize, Down> {
        self.with(false, |file| file.now.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(disk: &Disk) -> Connection {
        let conn = disk.database("t.db").unwrap();
        conn.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE IF NOT EXISTS t (x INTEGER PRIMARY KEY, y BLOB) STRICT;",
        )
        .unwrap();
        conn
    }

    #[test]
    fn what_was_committed_is_there_whichever_call_the_power_went_at() {
        let mut found = [0_u64; 2];
        for after in 0..60 {
            for seed in 0..8 {
                let mut dice = Dice::new(seed);
                let disk = Disk::new();
                let conn = filled(&disk);
                disk.fail_after(after);
                let mut committed = 0;
                for x in 0..12_u64 {
                    let size = 1_000 * (x as usize % 4 + 1);
                    if conn
                        .execute("INSERT INTO t VALUES (?1, zeroblob(?2))", (x, size))
                        .is_err()
                    {
                        break;
                    }
                    committed = x + 1;
                }
                let died = disk.is_down();
                drop(conn);
                disk.restart(&mut dice);
                let conn = filled(&disk);
                let check: String = conn
                    .query_row("PRAGMA integrity_check", [], |row| row.get(0))
                    .unwrap();
                assert_eq!(check, "ok", "call {after}, seed {seed}");
                let there: u64 = conn
                    .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
                    .unwrap();
                // The transaction that was cut off may be there or not.
                assert!(
                    there == committed || died && there == committed + 1,
                    "call {after}, seed {seed}: {there} of {committed}"
                );
                found[usize::from(there > committed)] += 1;
            }
        }
        assert!(found[0] > 50 && found[1] > 5, "both happen: {found:?}");
    }

    /// A connection that outlives its program's end takes nothing from the next one: SQLite deletes the
    /// log when the last connection is closed.
    #[test]
    fn what_was_open_before_deletes_nothing_when_it_is_closed() {
        let disk = Disk::new();
        let conn = filled(&disk);
        conn.execute_batch("INSERT INTO t VALUES (1, NULL); PRAGMA wal_checkpoint(TRUNCATE);")
            .unwrap();
        disk.fail();
        disk.restart(&mut Dice::new(1));
        let next = filled(&disk);
        next.execute("INSERT INTO t VALUES (2, NULL)", []).unwrap();
        drop(conn);
        disk.fail();
        disk.restart(&mut Dice::new(1));
        let there: u64 = filled(&disk)
            .query_row("SELECT count(*) FROM t", [], |row| row.get(0))
            .unwrap();
        assert_eq!(there, 2);
    }

    #[test]
    fn a_file_that_was_open_before_stays_dead() {
        let disk = Disk::new();
        let conn = filled(&disk);
        disk.fail();
        disk.restart(&mut Dice::new(1));
        assert!(conn.execute("INSERT INTO t VALUES (1, NULL)", []).is_err());
        drop(conn);
        filled(&disk)
            .execute("INSERT INTO t VALUES (1, NULL)", [])
            .unwrap();
    }
}
