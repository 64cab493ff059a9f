//! The in-memory disks as a file system of SQLite's ("VFS"): the one place with unsafe code, since
//! SQLite asks for C functions.
//!
//! Always holds: one connection a file, so locks are always given; no shared memory, so
//! write-ahead logs need `locking_mode = EXCLUSIVE`; randomness and time, which SQLite itself
//! asks for only to name temporary files, are constant. Deliberately absent: temporary files (our
//! connections keep them in memory), loadable extensions.
//!
//! Safety: SQLite hands each callback the pointers that its documentation ("The SQLite OS
//! Interface or VFS") promises: a file is `szOsFile` bytes that we filled in `open` and that is
//! not used after `close`; buffers have the length that comes with them; names end with a zero.
#![allow(unsafe_code)]

use crate::disk::{Disk, Open};
use rusqlite::ffi::{self, sqlite3_file, sqlite3_io_methods, sqlite3_vfs};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::null_mut;
use std::sync::Once;

/// The file system's name.
pub(crate) const NAME: &CStr = c"comity-simulation";

#[repr(C)]
struct File {
    base: sqlite3_file,
    open: *mut Open,
}

/// Registers the file system, once a process.
pub(crate) fn register() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let vfs = Box::new(sqlite3_vfs {
            iVersion: 1,
            szOsFile: c_int::try_from(size_of::<File>()).unwrap_or(c_int::MAX),
            mxPathname: 256,
            pNext: null_mut(),
            zName: NAME.as_ptr(),
            pAppData: null_mut(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            xFullPathname: Some(full_pathname),
            xDlOpen: None,
            xDlError: None,
            xDlSym: None,
            xDlClose: None,
            xRandomness: Some(randomness),
            xSleep: Some(sleep),
            xCurrentTime: Some(current_time),
            xGetLastError: None,
            xCurrentTimeInt64: None,
            xSetSystemCall: None,
            xGetSystemCall: None,
            xNextSystemCall: None,
        });
        // SAFETY: SQLite keeps the pointer for the life of the process; it is never freed.
        unsafe {
            ffi::sqlite3_vfs_register(Box::into_raw(vfs), 0);
        }
    });
}

static METHODS: sqlite3_io_methods = sqlite3_io_methods {
    iVersion: 1,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(lock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: None,
    xShmLock: None,
    xShmBarrier: None,
    xShmUnmap: None,
    xFetch: None,
    xUnfetch: None,
};

/// A path is the disk's number, how often its power had come back when the connection was made, and
/// the file's name. Who has lived through a power loss finds nothing.
unsafe fn place(name: *const c_char) -> Option<(Disk, String)> {
    if name.is_null() {
        return None;
    }
    let path = unsafe { CStr::from_ptr(name) }.to_str().ok()?;
    let (disk, rest) = path.trim_start_matches('/').split_once('/')?;
    let (generation, file) = rest.split_once('/')?;
    let disk = Disk::find(disk.parse().ok()?)?;
    disk.is_of(generation.parse().ok()?)
        .then(|| (disk, file.to_owned()))
}

unsafe extern "C" fn open(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    file: *mut sqlite3_file,
    flags: c_int,
    out_flags: *mut c_int,
) -> c_int {
    let file = file.cast::<File>();
    unsafe {
        (*file).base.pMethods = std::ptr::null();
    }
    let Some((disk, name)) = (unsafe { place(name) }) else {
        return ffi::SQLITE_CANTOPEN;
    };
    match disk.open(&name, flags & ffi::SQLITE_OPEN_CREATE != 0) {
        Ok(open) => unsafe {
            (*file).open = Box::into_raw(Box::new(open));
            (*file).base.pMethods = &raw const METHODS;
            if !out_flags.is_null() {
                *out_flags = flags;
            }
            ffi::SQLITE_OK
        },
        Err(_) => ffi::SQLITE_CANTOPEN,
    }
}

unsafe fn opened<'f>(file: *mut sqlite3_file) -> &'f Open {
    unsafe { &*(*file.cast::<File>()).open }
}

unsafe extern "C" fn close(file: *mut sqlite3_file) -> c_int {
    unsafe {
        drop(Box::from_raw((*file.cast::<File>()).open));
        (*file).pMethods = std::ptr::null();
    }
    ffi::SQLITE_OK
}

fn size(bytes: impl TryInto<usize>) -> usize {
    bytes.try_into().unwrap_or(0)
}

unsafe extern "C" fn read(
    file: *mut sqlite3_file,
    into: *mut c_void,
    length: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let into = unsafe { std::slice::from_raw_parts_mut(into.cast::<u8>(), size(length)) };
    match unsafe { opened(file) }.read(size(offset), into) {
        Ok(true) => ffi::SQLITE_OK,
        Ok(false) => ffi::SQLITE_IOERR_SHORT_READ,
        Err(_) => ffi::SQLITE_IOERR_READ,
    }
}

unsafe extern "C" fn write(
    file: *mut sqlite3_file,
    from: *const c_void,
    length: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    let from = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), size(length)) };
    match unsafe { opened(file) }.write(size(offset), from) {
        Ok(()) => ffi::SQLITE_OK,
        Err(_) => ffi::SQLITE_IOERR_WRITE,
    }
}

unsafe extern "C" fn truncate(file: *mut sqlite3_file, length: ffi::sqlite3_int64) -> c_int {
    match unsafe { opened(file) }.truncate(size(length)) {
        Ok(()) => ffi::SQLITE_OK,
        Err(_) => ffi::SQLITE_IOERR_TRUNCATE,
    }
}

unsafe extern "C" fn sync(file: *mut sqlite3_file, _: c_int) -> c_int {
    match unsafe { opened(file) }.sync() {
        Ok(()) => ffi::SQLITE_OK,
        Err(_) => ffi::SQLITE_IOERR_FSYNC,
    }
}

unsafe extern "C" fn file_size(file: *mut sqlite3_file, out: *mut ffi::sqlite3_int64) -> c_int {
    match unsafe { opened(file) }.size() {
        Ok(bytes) => {
            unsafe { *out = ffi::sqlite3_int64::try_from(bytes).unwrap_or(i64::MAX) };
            ffi::SQLITE_OK
        }
        Err(_) => ffi::SQLITE_IOERR_FSTAT,
    }
}

unsafe extern "C" fn lock(_: *mut sqlite3_file, _: c_int) -> c_int {
    ffi::SQLITE_OK
}

unsafe extern "C" fn check_reserved_lock(_: *mut sqlite3_file, out: *mut c_int) -> c_int {
    unsafe { *out = 0 };
    ffi::SQLITE_OK
}

unsafe extern "C" fn file_control(_: *mut sqlite3_file, _: c_int, _: *mut c_void) -> c_int {
    ffi::SQLITE_NOTFOUND
}

unsafe extern "C" fn sector_size(_: *mut sqlite3_file) -> c_int {
    4096
}

/// As of an ordinary disk: a write of a sector does not touch its neighbours, nothing more.
unsafe extern "C" fn device_characteristics(_: *mut sqlite3_file) -> c_int {
    ffi::SQLITE_IOCAP_POWERSAFE_OVERWRITE
}

unsafe extern "C" fn delete(_: *mut sqlite3_vfs, name: *const c_char, _: c_int) -> c_int {
    match unsafe { place(name) } {
        Some((disk, name)) => match disk.delete(&name) {
            Ok(true) => ffi::SQLITE_OK,
            Ok(false) => ffi::SQLITE_IOERR_DELETE_NOENT,
            Err(_) => ffi::SQLITE_IOERR_DELETE,
        },
        None => ffi::SQLITE_IOERR_DELETE,
    }
}

unsafe extern "C" fn access(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    _: c_int,
    out: *mut c_int,
) -> c_int {
    let there = unsafe { place(name) }.is_some_and(|(disk, name)| disk.has(&name));
    unsafe { *out = c_int::from(there) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn full_pathname(
    _: *mut sqlite3_vfs,
    name: *const c_char,
    room: c_int,
    out: *mut c_char,
) -> c_int {
    let name = unsafe { CStr::from_ptr(name) }.to_bytes_with_nul();
    if name.len() > size(room) {
        return ffi::SQLITE_CANTOPEN;
    }
    // SAFETY: `out` has `room` bytes.
    unsafe { std::ptr::copy_nonoverlapping(name.as_ptr(), out.cast::<u8>(), name.len()) };
    ffi::SQLITE_OK
}

unsafe extern "C" fn randomness(_: *mut sqlite3_vfs, length: c_int, out: *mut c_char) -> c_int {
    // SAFETY: `out` has `length` bytes.
    unsafe { std::ptr::write_bytes(out.cast::<u8>(), 7, size(length)) };
    length
}

unsafe extern "C" fn sleep(_: *mut sqlite3_vfs, microseconds: c_int) -> c_int {
    microseconds
}

unsafe extern "C" fn current_time(_: *mut sqlite3_vfs, out: *mut f64) -> c_int {
    // A Julian day of our time.
    unsafe { *out = 2_461_000.5 };
    ffi::SQLITE_OK
}
