//! The log that the layer writes: `struct record` and `enum kind` in layer.c, in the machine's
//! own byte order.

use crate::FaultError;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

const MAGIC: u32 = 0x5954_4d43;
const HEAD_BYTES: usize = 40;

/// What was about to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change<'l> {
    /// Bytes of a file; `before` may be shorter than `length`: zeros, or nothing, followed.
    /// `cut`: by the change of size before this record.
    Bytes {
        inode: u64,
        offset: u64,
        length: u64,
        before: &'l [u8],
        cut: bool,
    },
    /// A file's size.
    Size { inode: u64, before: u64 },
    /// A name came into being, for something new or (a link) for something that has others.
    Created {
        folder: u64,
        path: PathBuf,
        is_folder: bool,
    },
    /// A file's name went; the file is kept under the record's position.
    Unlinked { folder: u64, path: PathBuf },
    /// A name became another; what had that one before is kept when `over`.
    Renamed {
        folder: u64,
        inode: u64,
        over: bool,
        from: PathBuf,
        to: PathBuf,
    },
    /// An empty folder went.
    Removed { folder: u64, path: PathBuf },
    /// All before `until` of this file or folder (0: of all) is durable.
    Synced { inode: u64, until: usize },
    /// The change of that record failed.
    Undone { position: usize },
}

/// A change and where it is in the log, which is its name.
#[derive(Debug)]
pub(crate) struct Record<'l> {
    pub(crate) position: usize,
    pub(crate) change: Change<'l>,
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

/// Reads a log. Half a record at its end is of a change that was not made.
pub(crate) fn read(log: &[u8]) -> Result<Vec<Record<'_>>, FaultError> {
    let mut records = Vec::new();
    let mut position = 0;
    while let Some(head) = log.get(position..position + HEAD_BYTES) {
        let damaged = || FaultError::Damaged(position);
        let u32_at = |at: usize| -> Result<u32, FaultError> {
            let bytes = head.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
            Ok(u32::from_ne_bytes(bytes.ok_or_else(damaged)?))
        };
        let u64_at = |at: usize| -> Result<u64, FaultError> {
            let bytes = head.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            Ok(u64::from_ne_bytes(bytes.ok_or_else(damaged)?))
        };
        let size_at = |at: usize| usize::try_from(u64_at(at)?).map_err(|_| damaged());
        if u32_at(0)? != MAGIC {
            return Err(damaged());
        }
        let text1 = usize::try_from(u32_at(32)?).map_err(|_| damaged())?;
        let text2 = usize::try_from(u32_at(36)?).map_err(|_| damaged())?;
        let body = position + HEAD_BYTES;
        let next = body + text1 + text2;
        let (Some(one), Some(two)) = (log.get(body..body + text1), log.get(body + text1..next))
        else {
            break;
        };
        let (a, b, c) = (u64_at(8)?, u64_at(16)?, u64_at(24)?);
        let change = match u32_at(4)? {
            kind @ (1 | 3) => Change::Bytes {
                inode: a,
                offset: b,
                length: c,
                before: one,
                cut: kind == 3,
            },
            2 => Change::Size {
                inode: a,
                before: b,
            },
            4 => Change::Synced {
                inode: a,
                until: size_at(16)?,
            },
            5 => Change::Created {
                folder: a,
                path: path(one),
                is_folder: b == 1,
            },
            6 => Change::Created {
                folder: a,
                path: path(one),
                is_folder: false,
            },
            7 => Change::Unlinked {
                folder: a,
                path: path(one),
            },
            8 => Change::Renamed {
                folder: a,
                inode: b,
                over: c == 1,
                from: path(one),
                to: path(two),
            },
            9 => Change::Removed {
                folder: a,
                path: path(one),
            },
            10 => Change::Undone {
                position: size_at(8)?,
            },
            _ => return Err(damaged()),
        };
        records.push(Record { position, change });
        position = next;
    }
    Ok(records)
}
