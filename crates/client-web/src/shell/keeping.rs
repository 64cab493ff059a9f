//! What the core says of kept files, and the tabs that ask for them.

use super::Shell;
use crate::kept::{Kept, is_wanted};
use comity_client::{Event, FileOf};
use wasm_bindgen_futures::spawn_local;
use web_sys::Blob;

impl Shell {
    pub(crate) fn kept(&self) -> Kept {
        self.0.borrow().kept.clone()
    }

    /// What a transfer's file belongs to, where it is something that is kept.
    pub(crate) fn file_of_transfer(&self, transfer: i64) -> Option<FileOf> {
        let inner = self.0.borrow();
        inner.core.as_ref()?.file_of_transfer(transfer).ok()?
    }

    /// Whether a file with this digest is wanted; absent where the store can not be asked. Once it
    /// is deleted, nothing is.
    pub(crate) fn is_wanted(&self, of: &FileOf, blake3: &[u8]) -> Option<bool> {
        match &self.0.borrow().core {
            Some(core) => is_wanted(core, of, blake3).ok(),
            None => Some(false),
        }
    }

    /// A kept file for a tab; absent where it is not kept.
    pub(crate) async fn read_kept(&self, of: &FileOf) -> Option<Blob> {
        let (kept, file) = {
            let inner = self.0.borrow();
            let file = inner.core.as_ref()?.file(of).ok()??;
            (inner.kept.clone(), file)
        };
        kept.read(of, &file).await
    }

    /// Kept files that nobody wants any more after these events go.
    pub(super) fn let_go(&self, events: &[Event]) {
        let inner = self.0.borrow();
        if let Some(core) = &inner.core {
            inner.kept.let_go(core, events);
        }
    }

    /// Looks through the kept files, beside everything else.
    pub(crate) fn sweep(&self) {
        let shell = self.clone();
        spawn_local(async move { shell.kept().sweep(&shell).await });
    }
}
