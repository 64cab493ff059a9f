//! The folder of kept files in OPFS: written as a file comes or goes up, read back for a tab,
//! swept at each start.
//!
//! Always holds: a label is written last, so half a file has none; a file that is not opened whole
//! is deleted, and fetched again by whoever wants it; one thing is done to the folder at a time, but
//! for writing, which takes as long as a file is on its way. What can not be kept is not kept, and
//! nothing else fails by it. Deliberately absent: flushes; what a power cut leaves does not open.

use super::{FILE_BYTES_MAX, Index, LABEL_BYTES, Label, Labels, stamp};
use crate::clock::{now_ms, turn};
use crate::opfs::{self, Handle};
use crate::shell::Shell;
use crate::transfer::Stopped;
use comity_client::attachment::{Decryptor, FileKey};
use comity_client::{Core, Event, FileOf, FileView};
use futures_util::lock::Mutex;
use js_sys::{Array, Uint8Array};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;

const FOLDER: &str = ".comity-kept";

/// Files that were looked at; clones are the same ones.
#[derive(Clone)]
pub(crate) struct Kept(Rc<State>);

struct State {
    labels: Labels,
    index: RefCell<Index>,
    /// Names of files that are on their way into the folder.
    coming: RefCell<BTreeSet<String>>,
    /// Whoever has it reads, opens or deletes.
    alone: Mutex<()>,
}

impl Kept {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self(Rc::new(State {
            labels: Labels::new(key),
            index: RefCell::default(),
            coming: RefCell::default(),
            alone: Mutex::new(()),
        }))
    }

    fn is_coming(&self, name: &str) -> bool {
        self.0.coming.borrow().contains(name)
    }

    /// Begins to keep a file of which so many bytes come; absent where it is not kept.
    pub(crate) async fn begin(&self, of: FileOf, bytes: u64) -> Option<Keeping> {
        let name = self.0.labels.name(&of);
        if bytes > FILE_BYTES_MAX || !self.0.coming.borrow_mut().insert(name.clone()) {
            return None;
        }
        // From here on its end tidies up.
        let mut keeping = Keeping {
            kept: self.clone(),
            of,
            name,
            file: None,
            at: LABEL_BYTES as u64,
        };
        let _alone = self.0.alone.lock().await;
        let old = {
            let mut index = self.0.index.borrow_mut();
            index.remove(&keeping.of);
            index.make_room(bytes + LABEL_BYTES as u64)
        };
        self.delete(&old).await;
        let file = opfs::open(FOLDER, &keeping.name, true).await.ok()?;
        file.clear().ok()?;
        keeping.file = Some(file);
        Some(keeping)
    }

    /// A kept file, opened by what the core says of it; absent where it is not kept.
    pub(crate) async fn read(&self, of: &FileOf, file: &FileView) -> Option<Blob> {
        let name = self.0.labels.name(of);
        let _alone = self.0.alone.lock().await;
        if self.is_coming(&name) {
            return None;
        }
        let Ok(handle) = opfs::open(FOLDER, &name, false).await else {
            self.0.index.borrow_mut().remove(of);
            return None;
        };
        if let Ok(parts) = self.opened(&handle, &name, file).await {
            return Blob::new_with_u8_array_sequence(&parts).ok();
        }
        // Damaged, or another picture's.
        drop(handle);
        self.0.index.borrow_mut().remove(of);
        let _ = opfs::remove(FOLDER, &name).await;
        None
    }

    async fn opened(&self, from: &Handle, name: &str, file: &FileView) -> Result<Array, Stopped> {
        let damaged = || Stopped::for_good("damaged");
        let label = self.0.labels.read(name, &from.read(0, LABEL_BYTES)?);
        let label = label
            .filter(|label| label.blake3[..] == file.blake3[..])
            .ok_or_else(damaged)?;
        let key = FileKey::from_bytes(&file.key)?;
        let mut opening = Decryptor::new(&key, file.plain_size, file.blob_size, &file.blake3)?;
        let layout = *opening.layout();
        let parts = Array::new();
        for index in 0..layout.chunks() {
            let (at, length) = layout.sealed(index);
            let plain = opening.chunk(&from.read(LABEL_BYTES as u64 + at, length)?)?;
            parts.push(&Uint8Array::from(plain.as_slice()));
            // Opening keeps the worker busy: what tabs ask goes between.
            turn().await;
        }
        opening.finish()?;
        let now = now_ms();
        let mut index = self.0.index.borrow_mut();
        if !index.has(&label.of) {
            index.put(&label, from.size()?);
        }
        if index.used(&label.of, now) {
            from.write(&stamp(now), 0)?;
        }
        Ok(parts)
    }

    /// What nobody wants any more after these events goes.
    pub(crate) fn let_go(&self, core: &Core, events: &[Event]) {
        for event in events {
            let gone = self.0.index.borrow_mut().let_go(core, event);
            for of in gone {
                self.discard(of);
            }
        }
    }

    /// Deletes a file when its turn comes, unless it was kept anew by then.
    fn discard(&self, of: FileOf) {
        let kept = self.clone();
        spawn_local(async move {
            let _alone = kept.0.alone.lock().await;
            kept.delete(&[of]).await;
        });
    }

    /// Only for who is alone with the folder.
    async fn delete(&self, all: &[FileOf]) {
        for of in all {
            let name = self.0.labels.name(of);
            if !self.is_coming(&name) && !self.0.index.borrow().has(of) {
                let _ = opfs::remove(FOLDER, &name).await;
            }
        }
    }

    /// Looks through the folder once: what is half, foreign or no longer wanted goes, and how much
    /// is kept is known from then on.
    pub(crate) async fn sweep(&self, shell: &Shell) {
        for name in opfs::names(FOLDER).await.unwrap_or_default() {
            let _alone = self.0.alone.lock().await;
            if self.is_coming(&name) {
                continue;
            }
            // One that is open elsewhere, as of a worker that is ending, is looked at next time.
            let Ok(handle) = opfs::open(FOLDER, &name, false).await else {
                continue;
            };
            let label = handle.read(0, LABEL_BYTES).ok();
            let label = label.and_then(|bytes| self.0.labels.read(&name, &bytes));
            let size = handle.size().unwrap_or_default();
            drop(handle);
            // Nothing waits between what the core says and what is noted of it.
            let wanted = match &label {
                Some(label) if self.0.index.borrow().has(&label.of) => Some(true),
                Some(label) => shell.is_wanted(&label.of, &label.blake3),
                None => Some(false),
            };
            match (wanted, label) {
                (Some(true), Some(label)) => {
                    let mut index = self.0.index.borrow_mut();
                    if !index.has(&label.of) {
                        index.put(&label, size);
                    }
                }
                (Some(_), _) => {
                    let _ = opfs::remove(FOLDER, &name).await;
                }
                (None, _) => {}
            }
        }
        // A browser that says nothing gives little.
        let quota = opfs::quota().await.unwrap_or_default();
        let _alone = self.0.alone.lock().await;
        let old = {
            let mut index = self.0.index.borrow_mut();
            index.share_of(quota);
            index.make_room(0)
        };
        self.delete(&old).await;
    }

    /// Deletes all of it.
    pub(crate) async fn erase(&self) {
        let _alone = self.0.alone.lock().await;
        *self.0.index.borrow_mut() = Index::default();
        for name in opfs::names(FOLDER).await.unwrap_or_default() {
            // One that is still coming is not wanted once it is there.
            let _ = opfs::remove(FOLDER, &name).await;
        }
    }
}

/// A file on its way into the folder. Dropped before its end, it leaves nothing.
pub(crate) struct Keeping {
    kept: Kept,
    of: FileOf,
    name: String,
    /// Absent once something of it could not be written.
    file: Option<Handle>,
    at: u64,
}

impl Keeping {
    /// The next chunk of the ciphertext.
    pub(crate) fn write(&mut self, sealed: &[u8]) {
        let written = |file: &Handle| file.write(sealed, self.at).is_ok();
        if self.file.as_ref().is_some_and(written) {
            self.at += sealed.len() as u64;
        } else {
            self.file = None;
        }
    }

    /// The whole came and was checked: from now on it is kept, if it is still wanted.
    pub(crate) fn finish(mut self, shell: &Shell, blake3: [u8; 32]) {
        let Some(file) = self.file.take() else {
            return;
        };
        let label = Label {
            of: self.of.clone(),
            blake3,
            used_ms: now_ms(),
        };
        let written = |bytes: Vec<u8>| file.write(&bytes, 0).is_ok();
        if shell.is_wanted(&label.of, &blake3) == Some(true)
            && self.kept.0.labels.write(&label).is_ok_and(written)
        {
            self.kept.0.index.borrow_mut().put(&label, self.at);
        }
    }
}

impl Drop for Keeping {
    fn drop(&mut self) {
        // Closed first: what is open can not be deleted.
        self.file = None;
        self.kept.0.coming.borrow_mut().remove(&self.name);
        if !self.kept.0.index.borrow().has(&self.of) {
            self.kept.discard(self.of.clone());
        }
    }
}
