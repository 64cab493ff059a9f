//! The own account and this device's place in it.

mod deletion;
mod devices;
pub(crate) use devices::ListChange;
mod keys;
mod linking;
pub(crate) use linking::{address_of, proto_address};
mod pending;
mod settings;
pub(crate) use settings::{ABOUT_CHARS_MAX, NAME_CHARS_MAX};
mod sign_up;

use crate::CoreError;
use crate::store::meta;
use comity_e2ee::keys::{DeviceKeys, RootKey};
use comity_membership::manifest::{self, VerifiedManifest};
use comity_wire::{Address, Bytes64, Id16};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

/// Who this device is, once it is signed up.
pub(crate) struct Me {
    pub(crate) address: Address,
    pub(crate) keys: DeviceKeys,
    /// On owner devices only.
    pub(crate) root: Option<RootKey>,
    pub(crate) number: String,
    pub(crate) name: String,
    pub(crate) about: String,
    pub(crate) manifest: VerifiedManifest,
    pub(crate) profile_key: [u8; 32],
    pub(crate) self_conversation: Option<Id16>,
    pub(crate) app_key: Vec<u8>,
    pub(crate) moderation_key: Vec<u8>,
}

/// The stored form of [`Me`].
#[derive(Serialize, Deserialize)]
struct StoredMe {
    address: Address,
    device: Bytes64,
    root: Option<Bytes64>,
    number: String,
    name: String,
    about: String,
    manifest: Bytes64,
    profile_key: [u8; 32],
    self_conversation: Option<Id16>,
    app_key: Bytes64,
    moderation_key: Bytes64,
}

impl Me {
    /// Reads it from the store; absent before sign-up.
    pub(crate) fn load(conn: &Connection) -> Result<Option<Self>, CoreError> {
        let Some(stored) = meta::get::<StoredMe>(conn, "me")? else {
            return Ok(None);
        };
        let damaged = |_| CoreError::Damaged("own account");
        Ok(Some(Self {
            keys: DeviceKeys::from_bytes(&stored.device.0)
                .map_err(|_| CoreError::Damaged("device keys"))?,
            root: stored
                .root
                .map(|bytes| RootKey::from_bytes(&bytes.0))
                .transpose()
                .map_err(|_| CoreError::Damaged("root key"))?,
            manifest: manifest::verify(&stored.manifest.0).map_err(damaged)?,
            address: stored.address,
            number: stored.number,
            name: stored.name,
            about: stored.about,
            profile_key: stored.profile_key,
            self_conversation: stored.self_conversation,
            app_key: stored.app_key.0,
            moderation_key: stored.moderation_key.0,
        }))
    }

    /// The own address as text; empty before sign-up.
    pub(crate) fn load_address(conn: &Connection) -> Result<String, CoreError> {
        Ok(meta::get::<StoredMe>(conn, "me")?
            .map(|me| me.address.to_string())
            .unwrap_or_default())
    }

    /// Writes it to the store.
    pub(crate) fn save(&self, conn: &Connection) -> Result<(), CoreError> {
        meta::put(
            conn,
            "me",
            &StoredMe {
                address: self.address.clone(),
                device: Bytes64(self.keys.to_bytes().to_vec()),
                root: self
                    .root
                    .as_ref()
                    .map(|root| Bytes64(root.to_bytes().to_vec())),
                number: self.number.clone(),
                name: self.name.clone(),
                about: self.about.clone(),
                manifest: Bytes64(self.manifest.bytes.clone()),
                profile_key: self.profile_key,
                self_conversation: self.self_conversation,
                app_key: Bytes64(self.app_key.clone()),
                moderation_key: Bytes64(self.moderation_key.clone()),
            },
        )
    }
}
