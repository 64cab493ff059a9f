//! What JavaScript sees of the core.

use crate::files::Files;
use crate::http::Server;
use crate::kept::Kept;
use crate::shell::{Outside, Shell};
use crate::store::{Pool, Unopened};
use crate::transfer::Stopped;
use comity_client::FileOf;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Blob;
use zeroize::Zeroizing;

/// The running core of this device.
#[wasm_bindgen]
pub struct Device(Shell);

/// An error of JavaScript whose `name` is a stable code.
fn thrown(code: &str, message: &str) -> JsValue {
    let error = js_sys::Error::new(message);
    error.set_name(code);
    error.into()
}

impl From<Unopened> for JsValue {
    fn from(error: Unopened) -> Self {
        thrown(error.code, &error.message)
    }
}

impl From<Stopped> for JsValue {
    fn from(stopped: Stopped) -> Self {
        thrown(&stopped.code, "the file could not be kept")
    }
}

#[wasm_bindgen]
impl Device {
    /// Opens the store under `key` (32 bytes; the caller empties its own copy) and starts the core for the app at
    /// `origin`. `tell(tab, json)` is called with a JSON list of `Told`, for one tab or, when
    /// `tab` is empty, for all; `erased()` once the store was deleted.
    ///
    /// # Errors
    /// Throws an error whose `name` is `storage_unavailable`, `store_in_use`, `store_damaged` or a code of the core.
    pub async fn start(
        key: Vec<u8>,
        origin: String,
        tell: js_sys::Function,
        erased: js_sys::Function,
    ) -> Result<Device, JsValue> {
        let key = Zeroizing::new(key);
        let mut own = Zeroizing::new([0_u8; 32]);
        if key.len() != own.len() {
            return Err(thrown("malformed", "a data key has 32 bytes"));
        }
        own.copy_from_slice(&key);
        let pool = Pool::open().await?;
        let core = pool.core(&own)?;
        let outside = Outside { tell, erased };
        let (files, kept) = (Files::new(&own), Kept::new(&own));
        let both = (files.clone(), kept);
        let shell = Shell::start(core, pool, Server::new(&origin), both, outside);
        let wanted = shell.outgoing().map_err(Unopened::from)?;
        // What stays is a file that nobody will ask for: the next start tries again.
        let _ = files.keep_only(&wanted.into_iter().collect()).await;
        shell.sweep();
        Ok(Self(shell))
    }

    /// Takes a `Question`, as JSON, of a tab. The answer comes by `tell`.
    pub fn ask(&self, tab: &str, question: &str) {
        self.0.ask(tab, question);
    }

    /// A tab is gone: nobody watches for it any more.
    pub fn forget(&self, tab: &str) {
        self.0.forget(tab);
    }

    /// The network is back, or somebody looks at the screen.
    #[wasm_bindgen(js_name = tryNow)]
    pub fn try_now(&self) {
        self.0.try_now();
    }

    /// Keeps a sealed copy of a file that an act will send under this name: 16 to 64 letters,
    /// digits or dashes, drawn at random.
    ///
    /// # Errors
    /// Throws an error whose `name` is `source_gone`, `source_changed`, `damaged` (too large),
    /// `disk` or `malformed`.
    pub async fn give(&self, name: String, file: Blob) -> Result<(), JsValue> {
        if !Files::is_name(&name) {
            return Err(thrown("malformed", "not a name for a file"));
        }
        // Without the borrow of the shell: this waits.
        let files = self.0.files();
        files.give(&name, &file).await?;
        Ok(())
    }

    /// A file that an act fetched under this name; it can be taken once.
    pub fn take(&self, name: &str) -> Option<Blob> {
        self.0.files().take_made(name)
    }

    /// The file of a message, or the picture of a person or group, where it is kept: `of` is a
    /// `FileOf`, as JSON. Works without a network.
    ///
    /// # Errors
    /// Throws an error whose `name` is `malformed`.
    pub async fn kept(&self, of: String) -> Result<Option<Blob>, JsValue> {
        let of: FileOf =
            serde_json::from_str(&of).map_err(|error| thrown("malformed", &error.to_string()))?;
        let shell = self.0.clone();
        Ok(shell.read_kept(&of).await)
    }

    /// Closes connection and store.
    pub fn stop(&self) {
        self.0.stop();
    }
}
