//! What a power loss leaves: the changes that were not synced are undone, newest first, as far as
//! the seed says.
//!
//! A page of 4 KiB is one thing that a disk writes: each ends up as one of the versions that it
//! had since the last sync of its file, independently of the others, so writes are torn and
//! reordered. So does a file's size. A folder keeps the first of its changes of names and loses
//! the rest. A truncation's bytes come back with the size, as in every file system that journals.

use crate::log::{self, Change, Record};
use crate::{Dice, FaultError, at};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::OpenOptions;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

const PAGE_BYTES: u64 = 4096;

/// What makes a name durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Names {
    /// A sync of its folder, as POSIX promises and no more.
    Strict,
    /// Any later sync, of whatever: the file system has one journal (ext4, XFS, Btrfs, mostly).
    Journaled,
}

/// What a power loss undid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lost {
    /// Pages that are not as they were last written.
    pub pages: u64,
    /// Pages that were not synced and are as they were last written all the same.
    pub pages_kept: u64,
    /// Files whose size is not the last one.
    pub sizes: u64,
    /// Changes of names.
    pub names: u64,
}

/// The unsynced changes of one file, oldest first.
#[derive(Default)]
struct Changes<'l> {
    sizes: Vec<(usize, u64)>,
    pages: BTreeMap<u64, Vec<Bytes<'l>>>,
}

struct Bytes<'l> {
    position: usize,
    offset: u64,
    length: u64,
    before: &'l [u8],
    cut: bool,
}

/// Undoes what the seed says of the log's unsynced changes below `root`.
pub(crate) fn undo(
    root: &Path,
    kept: &Path,
    log: &[u8],
    seed: u64,
    names: Names,
) -> Result<Lost, FaultError> {
    let records = log::read(log)?;
    let durable = Durable::of(&records, names);
    let mut dice = Dice::new(seed);
    let mut lost = Lost::default();
    let mut paths = HashMap::new();
    find(root, &mut paths)?;
    find(kept, &mut paths)?;
    for (inode, changes) in unsynced(&records, &durable) {
        if let Some(path) = paths.get(&inode) {
            undo_contents(path, &changes, &mut dice, &mut lost)?;
        }
    }
    undo_names(&records, &durable, kept, &mut dice, &mut lost)?;
    Ok(lost)
}

/// Up to where changes are durable.
struct Durable {
    until: HashMap<u64, usize>,
    names_until: usize,
    undone: HashSet<usize>,
}

impl Durable {
    fn of(records: &[Record<'_>], names: Names) -> Self {
        let mut durable = Self {
            until: HashMap::new(),
            names_until: 0,
            undone: HashSet::new(),
        };
        for record in records {
            match record.change {
                Change::Synced { inode, until } => {
                    let known = durable.until.entry(inode).or_default();
                    *known = until.max(*known);
                    if inode == 0 || names == Names::Journaled {
                        durable.names_until = until.max(durable.names_until);
                    }
                }
                Change::Undone { position } => {
                    durable.undone.insert(position);
                }
                _ => {}
            }
        }
        durable
    }

    fn content(&self, inode: u64, position: usize) -> bool {
        let until = |inode| self.until.get(&inode).copied().unwrap_or(0);
        position < until(inode).max(until(0))
    }

    fn name(&self, folder: u64, position: usize) -> bool {
        position < self.names_until
            || self.content(folder, position)
            || self.undone.contains(&position)
    }
}

/// The paths of all files below a folder, by inode.
fn find(folder: &Path, paths: &mut HashMap<u64, PathBuf>) -> Result<(), FaultError> {
    for entry in at(folder, std::fs::read_dir(folder))? {
        let path = at(folder, entry)?.path();
        let data = at(&path, path.symlink_metadata())?;
        if data.is_dir() {
            find(&path, paths)?;
        } else if data.is_file() {
            paths.insert(data.ino(), path);
        }
    }
    Ok(())
}

fn unsynced<'l>(records: &[Record<'l>], durable: &Durable) -> BTreeMap<u64, Changes<'l>> {
    let mut files: BTreeMap<u64, Changes<'l>> = BTreeMap::new();
    for record in records {
        let position = record.position;
        match record.change {
            Change::Bytes {
                inode,
                offset,
                length,
                before,
                cut,
            } if !durable.content(inode, position) => {
                let pages = &mut files.entry(inode).or_default().pages;
                let page = pages.entry(offset / PAGE_BYTES).or_default();
                page.push(Bytes {
                    position,
                    offset,
                    length,
                    before,
                    cut,
                });
            }
            Change::Size { inode, before } if !durable.content(inode, position) => {
                files
                    .entry(inode)
                    .or_default()
                    .sizes
                    .push((position, before));
            }
            _ => {}
        }
    }
    files
}

fn undo_contents(
    path: &Path,
    changes: &Changes<'_>,
    dice: &mut Dice,
    lost: &mut Lost,
) -> Result<(), FaultError> {
    let file = at(path, OpenOptions::new().read(true).write(true).open(path))?;
    let now = at(path, file.metadata())?.len();
    let sizes_lost = dice.lost_of(changes.sizes.len());
    let oldest = changes.sizes.iter().rev().take(sizes_lost).next_back();
    let size = oldest.map_or(now, |(_, before)| *before);
    let cut_from = oldest.map_or(usize::MAX, |(position, _)| *position);
    lost.sizes += u64::from(size != now);
    for versions in changes.pages.values() {
        let lose = dice
            .lost_of(versions.len())
            .max(with_the_size(versions, cut_from));
        let mut touched = false;
        for version in versions.iter().rev().take(lose) {
            if version.cut && version.position < cut_from {
                // The truncation stands: what was there before it is gone for good.
                break;
            }
            let length = usize::try_from(version.length).unwrap_or(usize::MAX);
            let mut bytes = version.before.to_vec();
            bytes.resize(length, 0);
            at(path, file.write_all_at(&bytes, version.offset))?;
            touched = true;
        }
        lost.pages += u64::from(touched);
        lost.pages_kept += u64::from(!touched);
    }
    at(path, file.set_len(size))
}

/// How many of a page's newest versions go because a truncation is undone: its bytes come back,
/// and what was written after it was never on the disk.
fn with_the_size(versions: &[Bytes<'_>], cut_from: usize) -> usize {
    let oldest = versions
        .iter()
        .position(|version| version.cut && version.position >= cut_from);
    oldest.map_or(0, |index| versions.len().saturating_sub(index))
}

fn undo_names(
    records: &[Record<'_>],
    durable: &Durable,
    kept: &Path,
    dice: &mut Dice,
    lost: &mut Lost,
) -> Result<(), FaultError> {
    let mut folders: BTreeMap<u64, usize> = BTreeMap::new();
    for record in records {
        if let Some(folder) = folder_of(&record.change)
            && !durable.name(folder, record.position)
        {
            *folders.entry(folder).or_default() += 1;
        }
    }
    for count in folders.values_mut() {
        *count = dice.lost_of(*count);
    }
    for record in records.iter().rev() {
        let Some(folder) = folder_of(&record.change) else {
            continue;
        };
        if durable.name(folder, record.position) {
            continue;
        }
        let Some(left) = folders.get_mut(&folder).filter(|left| **left > 0) else {
            continue;
        };
        *left -= 1;
        lost.names += 1;
        undo_name(&record.change, &kept.join(record.position.to_string()))?;
    }
    Ok(())
}

fn folder_of(change: &Change<'_>) -> Option<u64> {
    match change {
        Change::Created { folder, .. }
        | Change::Unlinked { folder, .. }
        | Change::Renamed { folder, .. }
        | Change::Removed { folder, .. } => Some(*folder),
        _ => None,
    }
}

/// Undoes one change. A record may be of a change that the kill came before: then there is
/// nothing to undo.
fn undo_name(change: &Change<'_>, kept: &Path) -> Result<(), FaultError> {
    match change {
        Change::Created {
            path,
            is_folder: true,
            ..
        } if path.is_dir() => {
            // What was made in it goes with it, whether synced or not.
            at(path, std::fs::remove_dir_all(path))
        }
        Change::Created {
            path,
            is_folder: false,
            ..
        } if path.symlink_metadata().is_ok() => at(path, std::fs::remove_file(path)),
        Change::Unlinked { path, .. } => bring_back(kept, path),
        Change::Renamed {
            inode,
            over,
            from,
            to,
            ..
        } => {
            if to.symlink_metadata().is_ok_and(|data| data.ino() == *inode) {
                if from.parent().is_some_and(Path::is_dir) {
                    at(to, std::fs::rename(to, from))?;
                } else {
                    at(to, std::fs::remove_file(to))?;
                }
            }
            if *over { bring_back(kept, to) } else { Ok(()) }
        }
        Change::Removed { path, .. } if path.parent().is_some_and(Path::is_dir) => {
            at(path, std::fs::create_dir_all(path))
        }
        _ => Ok(()),
    }
}

fn bring_back(kept: &Path, path: &Path) -> Result<(), FaultError> {
    let folder_is_there = path.parent().is_some_and(Path::is_dir);
    if path.symlink_metadata().is_ok() || !folder_is_there || !kept.exists() {
        return Ok(());
    }
    at(path, std::fs::hard_link(kept, path))
}
