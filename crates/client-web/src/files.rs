//! Files that pass through: given by a tab to be sent, made here to be shown or saved.
//!
//! A given file is sealed into a folder of OPFS before the act that sends it is answered, so that
//! an upload goes on after a reload, when the page's own handle of the file is gone. The sealing is
//! that of attachments, under a key of this one file that comes from the data key and its name.
//!
//! Always holds: no byte of a file lies in OPFS in the clear; a sealed file that was changed does
//! not open. Deliberately absent: names and types of files; those are the message's.

use crate::opfs::{self, Handle};
use crate::transfer::Stopped;
use comity_client::attachment::{
    CHUNK_BYTES, CiphertextHash, Decryptor, Encryptor, FileKey, Layout,
};
use js_sys::{Array, Uint8Array};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::Blob;
use zeroize::Zeroizing;

const FOLDER: &str = ".comity-outgoing";
const CONTEXT: &str = "comity 2026 outgoing file of a browser's device";
/// Size of the plaintext and BLAKE3 of the ciphertext, before it.
const HEADER: usize = 8 + 32;
/// An act that names a given file comes sooner after it.
const YOUNG_MS: i64 = 60 * 60 * 1_000;

/// Files on their way.
#[derive(Clone)]
pub(crate) struct Files {
    key: Rc<Zeroizing<[u8; 32]>>,
    made: Rc<RefCell<BTreeMap<String, Blob>>>,
}

impl Files {
    pub(crate) fn new(key: &[u8; 32]) -> Self {
        Self {
            key: Rc::new(Zeroizing::new(*key)),
            made: Rc::default(),
        }
    }

    /// A name that may stand for a file: the tab draws it.
    pub(crate) fn is_name(name: &str) -> bool {
        (16..=64).contains(&name.len())
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    }

    fn key_of(&self, name: &str) -> Result<FileKey, Stopped> {
        let mut material = Zeroizing::new(self.key.to_vec());
        material.extend_from_slice(name.as_bytes());
        let key = Zeroizing::new(blake3::derive_key(CONTEXT, &material));
        Ok(FileKey::from_bytes(key.as_slice())?)
    }

    /// Keeps a sealed copy of a tab's file; it is safe when this returns, and where it can not be kept
    /// whole, nothing of it stays.
    pub(crate) async fn give(&self, name: &str, file: &Blob) -> Result<(), Stopped> {
        // What is open already is another's who gives the same.
        let out = opfs::open(FOLDER, name, true).await?;
        let kept = self.seal_into(&out, name, file).await;
        drop(out);
        if kept.is_err() {
            self.forget(name).await;
        }
        kept
    }

    async fn seal_into(&self, out: &Handle, name: &str, file: &Blob) -> Result<(), Stopped> {
        let size = file.size() as u64;
        let encryptor = Encryptor::new(&self.key_of(name)?, size)?;
        let layout = *encryptor.layout();
        let mut hash = CiphertextHash::new();
        let mut at = HEADER as u64;
        for index in 0..layout.chunks() {
            let (from, length) = layout.plaintext(index);
            let plain = Zeroizing::new(read_blob(file, from, length).await?);
            let sealed = encryptor.chunk(index, &plain)?;
            hash.update(&sealed);
            out.write(&sealed, at)?;
            at += sealed.len() as u64;
        }
        let mut header = size.to_le_bytes().to_vec();
        header.extend_from_slice(&hash.finish());
        out.write(&header, 0)?;
        out.flush()
    }

    /// Opens a given file, to be read from its beginning.
    pub(crate) async fn open(&self, name: &str) -> Result<Given, Stopped> {
        if !Self::is_name(name) {
            return Err(Stopped::for_good("source_gone"));
        }
        let file = opfs::open(FOLDER, name, false).await?;
        let header = file.read(0, HEADER)?;
        let (size, blake3) = header
            .split_at_checked(8)
            .ok_or(Stopped::for_good("source_changed"))?;
        let size = size
            .try_into()
            .map(u64::from_le_bytes)
            .map_err(|_| Stopped::for_good("source_changed"))?;
        let layout = Layout::new(size)?;
        let decryptor = Decryptor::new(&self.key_of(name)?, size, layout.sealed_size(), blake3)?;
        Ok(Given {
            file,
            layout,
            decryptor,
        })
    }

    /// A given file is no longer needed.
    pub(crate) async fn forget(&self, name: &str) {
        let _ = opfs::remove(FOLDER, name).await;
    }

    /// Deletes all given files but these and the young ones: a tab may have given one to the worker that
    /// had the core before, and names it with its next act.
    pub(crate) async fn keep_only(&self, wanted: &BTreeSet<String>) -> Result<(), JsValue> {
        for name in opfs::names(FOLDER).await? {
            if !wanted.contains(&name) && !opfs::is_young(FOLDER, &name, YOUNG_MS).await? {
                opfs::remove(FOLDER, &name).await?;
            }
        }
        Ok(())
    }

    /// Deletes all given files.
    pub(crate) async fn erase(&self) {
        for name in opfs::names(FOLDER).await.unwrap_or_default() {
            self.forget(&name).await;
        }
    }

    /// A file that was fetched, until a tab takes it.
    pub(crate) fn put_made(&self, name: String, parts: &Array) -> Result<(), Stopped> {
        let blob =
            Blob::new_with_u8_array_sequence(parts).map_err(|_| Stopped::for_good("disk"))?;
        self.made.borrow_mut().insert(name, blob);
        Ok(())
    }

    pub(crate) fn has_made(&self, name: &str) -> bool {
        self.made.borrow().contains_key(name)
    }

    pub(crate) fn take_made(&self, name: &str) -> Option<Blob> {
        self.made.borrow_mut().remove(name)
    }
}

/// A given file that is open.
pub(crate) struct Given {
    file: Handle,
    layout: Layout,
    decryptor: Decryptor,
}

impl Given {
    pub(crate) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The next chunk's plaintext.
    pub(crate) fn next(&mut self) -> Result<Vec<u8>, Stopped> {
        let (at, length) = self.layout.sealed(self.decryptor.next_chunk());
        let sealed = self.file.read(HEADER as u64 + at, length)?;
        self.decryptor
            .chunk(&sealed)
            .map_err(|_| Stopped::for_good("source_changed"))
    }
}

/// The bytes of a blob; a chunk at a time, so that no more is in memory.
async fn read_blob(file: &Blob, from: u64, length: usize) -> Result<Vec<u8>, Stopped> {
    debug_assert!(length <= CHUNK_BYTES);
    let gone = |_| Stopped::for_good("source_gone");
    let slice = file
        .slice_with_f64_and_f64(from as f64, (from + length as u64) as f64)
        .map_err(gone)?;
    let buffer = JsFuture::from(slice.array_buffer()).await.map_err(gone)?;
    let bytes = Uint8Array::new(&buffer).to_vec();
    if bytes.len() == length {
        Ok(bytes)
    } else {
        Err(Stopped::for_good("source_changed"))
    }
}
