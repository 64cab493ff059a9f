//! Folders and files of the origin's private file system.
//!
//! Always holds: a file is open in one place at a time, and is closed when its handle is dropped.
//! Deliberately absent: the store, whose files are those of its pool.

use crate::clock::{now_ms, worker};
use crate::transfer::Stopped;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemReadWriteOptions, FileSystemSyncAccessHandle,
};

/// A folder of this name, made if there is none.
async fn folder(name: &str) -> Result<FileSystemDirectoryHandle, JsValue> {
    let root: FileSystemDirectoryHandle =
        JsFuture::from(worker().navigator().storage().get_directory())
            .await?
            .unchecked_into();
    let create = FileSystemGetDirectoryOptions::new();
    create.set_create(true);
    Ok(
        JsFuture::from(root.get_directory_handle_with_options(name, &create))
            .await?
            .unchecked_into(),
    )
}

/// The names of a folder's files.
pub(crate) async fn names(of: &str) -> Result<Vec<String>, JsValue> {
    let keys = folder(of).await?.keys();
    let mut all = Vec::new();
    loop {
        let next: js_sys::IteratorNext = JsFuture::from(keys.next()?).await?.unchecked_into();
        if next.done() {
            return Ok(all);
        }
        all.extend(next.value().as_string());
    }
}

/// Whether a file was written in the last `ms` milliseconds.
pub(crate) async fn is_young(of: &str, name: &str, ms: i64) -> Result<bool, JsValue> {
    let folder = folder(of).await?;
    let handle: FileSystemFileHandle = JsFuture::from(folder.get_file_handle(name))
        .await?
        .unchecked_into();
    let file: File = JsFuture::from(handle.get_file()).await?.unchecked_into();
    Ok(now_ms() - (file.last_modified() as i64) < ms)
}

/// Deletes a file; fails where there is none, and while it is open.
pub(crate) async fn remove(of: &str, name: &str) -> Result<(), JsValue> {
    JsFuture::from(folder(of).await?.remove_entry(name)).await?;
    Ok(())
}

/// Bytes that the browser gives this app in all, where it says so.
pub(crate) async fn quota() -> Option<u64> {
    let asked = worker().navigator().storage().estimate().ok()?;
    let told = JsFuture::from(asked).await.ok()?;
    let quota = js_sys::Reflect::get(&told, &"quota".into()).ok()?;
    quota.as_f64().map(|bytes| bytes as u64)
}

/// Opens a file, and makes it where `create` says so.
pub(crate) async fn open(of: &str, name: &str, create: bool) -> Result<Handle, Stopped> {
    let gone = |_| Stopped::for_good(if create { "disk" } else { "source_gone" });
    let options = FileSystemGetFileOptions::new();
    options.set_create(create);
    let folder = folder(of).await.map_err(gone)?;
    let file: FileSystemFileHandle =
        JsFuture::from(folder.get_file_handle_with_options(name, &options))
            .await
            .map_err(gone)?
            .unchecked_into();
    let handle = JsFuture::from(file.create_sync_access_handle())
        .await
        .map_err(|_| Stopped::for_now("disk"))?;
    Ok(Handle(handle.unchecked_into()))
}

/// An open file; closed when dropped.
pub(crate) struct Handle(FileSystemSyncAccessHandle);

fn at(offset: u64) -> FileSystemReadWriteOptions {
    let options = FileSystemReadWriteOptions::new();
    options.set_at(offset as f64);
    options
}

impl Handle {
    /// Exactly so many bytes; a file that has fewer there is not what it was.
    pub(crate) fn read(&self, offset: u64, length: usize) -> Result<Vec<u8>, Stopped> {
        let mut bytes = vec![0; length];
        let read = self
            .0
            .read_with_u8_array_and_options(&mut bytes, &at(offset))
            .map_err(|_| Stopped::for_good("disk"))?;
        if read as usize == length {
            Ok(bytes)
        } else {
            Err(Stopped::for_good("source_changed"))
        }
    }

    /// All of these bytes, or a full disk.
    pub(crate) fn write(&self, bytes: &[u8], offset: u64) -> Result<(), Stopped> {
        let full = || Stopped::for_good("disk");
        let written = self
            .0
            .write_with_u8_array_and_options(bytes, &at(offset))
            .map_err(|_| full())?;
        if written as usize == bytes.len() {
            Ok(())
        } else {
            Err(full())
        }
    }

    /// Leaves nothing of what was in it.
    pub(crate) fn clear(&self) -> Result<(), Stopped> {
        self.0
            .truncate_with_u32(0)
            .map_err(|_| Stopped::for_good("disk"))
    }

    /// Bytes that it has.
    pub(crate) fn size(&self) -> Result<u64, Stopped> {
        let size = self.0.get_size().map_err(|_| Stopped::for_good("disk"))?;
        Ok(size as u64)
    }

    /// What was written outlives a power cut.
    pub(crate) fn flush(&self) -> Result<(), Stopped> {
        self.0.flush().map_err(|_| Stopped::for_good("disk"))
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.close();
    }
}
