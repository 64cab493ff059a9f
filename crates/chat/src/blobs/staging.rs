//! Where an upload's bytes are until all of them are here: a file each.
//!
//! Always holds: what was finished is synced, file and folder. Deliberately absent: checks of who
//! may write.

use comity_platform::Failure;
use comity_wire::BlobId;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncRead, AsyncSeekExt, AsyncWriteExt};

/// Uploads that are not complete.
#[derive(Debug)]
pub(super) enum Staging {
    /// Files in this folder.
    Folder(PathBuf),
    /// In memory, for simulations.
    #[cfg(feature = "simulation")]
    Memory(memory::Staged),
}

/// Writes to one upload.
pub(super) enum Writer {
    File(tokio::fs::File),
    #[cfg(feature = "simulation")]
    Memory(memory::Writer),
}

pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    std::fs::File::open(folder)?.sync_all()
}

fn named(folder: &Path, blob: &BlobId) -> PathBuf {
    folder.join(blob.to_string())
}

impl Staging {
    /// Makes the empty file, durably.
    pub(super) async fn start(&self, blob: &BlobId) -> Result<(), Failure> {
        match self {
            Self::Folder(folder) => {
                let file = tokio::fs::File::create(named(folder, blob)).await?;
                file.sync_all().await?;
                let folder = folder.clone();
                tokio::task::spawn_blocking(move || sync_folder(&folder))
                    .await
                    .map_err(Failure::internal)??;
            }
            #[cfg(feature = "simulation")]
            Self::Memory(staged) => staged.start(blob),
        }
        Ok(())
    }

    /// Writes from `offset` on. Bytes behind it may be anything after a crash: they go.
    pub(super) async fn writer(&self, blob: &BlobId, offset: u64) -> Result<Writer, Failure> {
        Ok(match self {
            Self::Folder(folder) => {
                let path = named(folder, blob);
                let mut file = tokio::fs::OpenOptions::new().write(true).open(path).await?;
                file.set_len(offset).await?;
                file.seek(std::io::SeekFrom::Start(offset)).await?;
                Writer::File(file)
            }
            #[cfg(feature = "simulation")]
            Self::Memory(staged) => Writer::Memory(staged.writer(blob, offset)),
        })
    }

    /// Reads from the start.
    pub(super) async fn reader(
        &self,
        blob: &BlobId,
    ) -> Result<Box<dyn AsyncRead + Send + Unpin>, Failure> {
        Ok(match self {
            Self::Folder(folder) => Box::new(tokio::fs::File::open(named(folder, blob)).await?),
            #[cfg(feature = "simulation")]
            Self::Memory(staged) => Box::new(std::io::Cursor::new(staged.bytes(blob))),
        })
    }

    /// Removes it, if it is there.
    pub(super) async fn remove(&self, blob: &BlobId) {
        match self {
            Self::Folder(folder) => {
                let _ = tokio::fs::remove_file(named(folder, blob)).await;
            }
            #[cfg(feature = "simulation")]
            Self::Memory(staged) => staged.remove(blob),
        }
    }

    /// All that are here.
    pub(super) async fn all(&self) -> Result<Vec<BlobId>, Failure> {
        let mut found = Vec::new();
        match self {
            Self::Folder(folder) => {
                let mut folder = tokio::fs::read_dir(folder).await?;
                while let Some(file) = folder.next_entry().await? {
                    let name = file.file_name();
                    found.extend(name.to_str().and_then(|name| name.parse::<BlobId>().ok()));
                }
            }
            #[cfg(feature = "simulation")]
            Self::Memory(staged) => found.extend(staged.all()),
        }
        Ok(found)
    }
}

impl Writer {
    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::File(file) => file.write_all(bytes).await?,
            #[cfg(feature = "simulation")]
            Self::Memory(writer) => writer.write(bytes),
        }
        Ok(())
    }

    /// All that was written is durable.
    pub(super) async fn finish(self) -> Result<(), Failure> {
        match self {
            Self::File(mut file) => {
                file.flush().await?;
                file.sync_all().await?;
            }
            #[cfg(feature = "simulation")]
            Self::Memory(_) => {}
        }
        Ok(())
    }
}

/// The files of a simulated app, which outlive its crashes.
#[cfg(feature = "simulation")]
pub(super) mod memory {
    use comity_wire::BlobId;
    use std::collections::BTreeMap;
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    /// Blobs and uploads. Clones are the same.
    #[derive(Debug, Clone)]
    pub struct Files {
        pub(in crate::blobs) staging: Staged,
        pub(in crate::blobs) store: Arc<object_store::memory::InMemory>,
    }

    impl Default for Files {
        fn default() -> Self {
            Self {
                staging: Staged::default(),
                store: Arc::new(object_store::memory::InMemory::new()),
            }
        }
    }

    impl Files {
        /// Others with the same bytes.
        #[must_use]
        pub fn copy(&self) -> Self {
            Self {
                staging: Staged(Arc::new(Mutex::new(self.staging.map().clone()))),
                store: Arc::new(self.store.fork()),
            }
        }
    }

    type Map = BTreeMap<BlobId, Vec<u8>>;

    #[derive(Debug, Clone, Default)]
    pub(in crate::blobs) struct Staged(Arc<Mutex<Map>>);

    pub(in crate::blobs) struct Writer {
        staged: Staged,
        blob: BlobId,
    }

    impl Staged {
        fn map(&self) -> MutexGuard<'_, Map> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)
        }

        pub(super) fn start(&self, blob: &BlobId) {
            self.map().insert(*blob, Vec::new());
        }

        pub(super) fn writer(&self, blob: &BlobId, offset: u64) -> Writer {
            if let Some(bytes) = self.map().get_mut(blob) {
                bytes.resize(usize::try_from(offset).unwrap_or(0), 0);
            }
            Writer {
                staged: self.clone(),
                blob: *blob,
            }
        }

        pub(super) fn bytes(&self, blob: &BlobId) -> Vec<u8> {
            self.map().get(blob).cloned().unwrap_or_default()
        }

        pub(super) fn remove(&self, blob: &BlobId) {
            self.map().remove(blob);
        }

        pub(super) fn all(&self) -> Vec<BlobId> {
            self.map().keys().copied().collect()
        }
    }

    impl Writer {
        pub(super) fn write(&self, bytes: &[u8]) {
            if let Some(file) = self.staged.map().get_mut(&self.blob) {
                file.extend_from_slice(bytes);
            }
        }
    }
}
