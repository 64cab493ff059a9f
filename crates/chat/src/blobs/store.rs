//! The files: a staging file while a blob is uploaded, then an object store.

use super::staging::{Staging, sync_folder};
use bytes::Bytes;
use comity_platform::Failure;
use comity_wire::{BlobId, ErrorCode, WireError, limits};
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt, PutPayload};
use std::collections::HashSet;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// Longest silence of who uploads.
const BODY_SILENCE: Duration = Duration::from_millis(limits::UPLOAD_SILENCE_MS);
/// Bytes that are moved at once.
const PART_BYTES: usize = 4 * 1024 * 1024;

/// Where blobs are.
#[derive(Debug)]
pub(crate) struct Blobs {
    staging: Staging,
    store: Arc<dyn ObjectStore>,
    /// Uploads that a request is writing to now.
    busy: Arc<Mutex<HashSet<BlobId>>>,
}

/// The right to write to an upload; ends when dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    blob: BlobId,
    busy: Arc<Mutex<HashSet<BlobId>>>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Ok(mut busy) = self.busy.lock() {
            busy.remove(&self.blob);
        }
    }
}

fn store_failure(error: object_store::Error) -> Failure {
    let mut source: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(inner) = source {
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && io.kind() == std::io::ErrorKind::StorageFull
        {
            return Failure::StorageFull;
        }
        source = inner.source();
    }
    match error {
        object_store::Error::NotFound { .. } => {
            Failure::refused(ErrorCode::NotFound, "no such blob")
        }
        // Its text would name the blob.
        _ => Failure::internal("the blob store failed"),
    }
}

impl Blobs {
    pub(crate) fn open(data: &Path) -> Result<Self, std::io::Error> {
        let (staging, kept) = (data.join("staging"), data.join("blobs"));
        std::fs::create_dir_all(&staging)?;
        std::fs::create_dir_all(&kept)?;
        sync_folder(data)?;
        let store = LocalFileSystem::new_with_prefix(&kept)
            .map_err(std::io::Error::other)?
            .with_fsync(true);
        Ok(Self {
            staging: Staging::Folder(staging),
            store: Arc::new(store),
            busy: Arc::default(),
        })
    }

    /// On what a simulation keeps.
    #[cfg(feature = "simulation")]
    pub(crate) fn in_memory(files: &super::Files) -> Self {
        Self {
            staging: Staging::Memory(files.staging.clone()),
            store: files.store.clone(),
            busy: Arc::default(),
        }
    }

    fn object(blob: &BlobId) -> ObjectPath {
        let name = blob.to_string();
        let (folder, _) = name.split_at_checked(2).unwrap_or_default();
        ObjectPath::from(format!("{folder}/{name}"))
    }

    /// Claims an upload for one request.
    ///
    /// # Errors
    /// `rate_limited` when another request is writing to it.
    pub(crate) fn claim(&self, blob: BlobId) -> Result<Claim, Failure> {
        let fresh = self.busy.lock().is_ok_and(|mut busy| busy.insert(blob));
        if !fresh {
            let error = WireError::new(ErrorCode::RateLimited, "another request is uploading");
            return Err(error.retry_after_ms(500).into());
        }
        Ok(Claim {
            blob,
            busy: self.busy.clone(),
        })
    }

    /// Makes the empty staging file, durably.
    pub(crate) async fn start(&self, blob: &BlobId) -> Result<(), Failure> {
        self.staging.start(blob).await
    }

    /// Writes what comes at `offset`, up to `end`, and syncs it. Returns the new offset, also when
    /// the sender went away in the middle; `true` when it sent more than there is room for.
    pub(crate) async fn write(
        &self,
        blob: &BlobId,
        offset: u64,
        end: u64,
        mut body: BoxStream<'_, Result<Bytes, ()>>,
    ) -> Result<(u64, bool), Failure> {
        let mut file = self.staging.writer(blob, offset).await?;
        let mut at = offset;
        let written = async {
            // Who says nothing for so long is gone, and others of the account may go on.
            while let Ok(Some(Ok(bytes))) = tokio::time::timeout(BODY_SILENCE, body.next()).await {
                let length = bytes.len() as u64;
                if at + length > end {
                    return Ok(true);
                }
                file.write_all(&bytes).await?;
                at += length;
            }
            Ok(false)
        }
        .await;
        match written {
            Ok(too_much) => {
                file.finish().await?;
                Ok((at, too_much))
            }
            Err(failure) => {
                // What was written of the piece would keep a full disk full.
                drop(file);
                let _ = self.staging.writer(blob, offset).await;
                Err(failure)
            }
        }
    }

    /// Moves a complete upload into the store, durably. The staging file stays.
    pub(crate) async fn keep(&self, blob: &BlobId) -> Result<(), Failure> {
        let mut file = self.staging.reader(blob).await?;
        let object = Self::object(blob);
        let mut upload = self
            .store
            .put_multipart(&object)
            .await
            .map_err(store_failure)?;
        let result = async {
            loop {
                let mut part = Vec::new();
                (&mut file)
                    .take(PART_BYTES as u64)
                    .read_to_end(&mut part)
                    .await?;
                if part.is_empty() {
                    break;
                }
                upload
                    .put_part(PutPayload::from(part))
                    .await
                    .map_err(store_failure)?;
            }
            upload.complete().await.map_err(store_failure)
        }
        .await;
        if result.is_err() {
            // What was written of it is of no use; a second failure changes nothing.
            let _ = upload.abort().await;
        }
        result.map(|_| ())
    }

    /// Removes the staging file of a blob that is in the store.
    pub(crate) async fn unstage(&self, blob: &BlobId) {
        self.staging.remove(blob).await;
    }

    /// Streams a part of a blob.
    pub(crate) async fn read(
        &self,
        blob: &BlobId,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, object_store::Result<Bytes>>, Failure> {
        if range.is_empty() {
            return Ok(futures_util::stream::empty().boxed());
        }
        let options = GetOptions {
            range: Some(GetRange::Bounded(range)),
            ..GetOptions::default()
        };
        let result = self
            .store
            .get_opts(&Self::object(blob), options)
            .await
            .map_err(store_failure)?;
        Ok(result.into_stream())
    }

    /// Deletes a blob's files.
    pub(crate) async fn delete(&self, blob: &BlobId) {
        self.unstage(blob).await;
        match self.store.delete(&Self::object(blob)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(_) => tracing::warn!("a blob's file was not deleted"),
        }
    }

    /// Blobs that have a file of either kind.
    pub(crate) async fn files(&self) -> Result<Vec<BlobId>, Failure> {
        let mut found = self.staging.all().await?;
        let mut objects = self.store.list(None);
        while let Some(object) = objects.next().await {
            let object = object.map_err(store_failure)?;
            found.extend(
                object
                    .location
                    .filename()
                    .and_then(|name| name.parse::<BlobId>().ok()),
            );
        }
        Ok(found)
    }
}
