//! Who and what there is at a server: made once, kept beside its data.

use crate::person::Person;
use anyhow::{Context, Result};
use comity_wire::proto::Append;
use comity_wire::{Bytes64, Id16};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The version of this file; another one is not read.
const VERSION: u32 = 1;

/// Everybody and everything.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct World {
    version: u32,
    /// Length that sealed messages were made to have at least.
    pub(crate) bytes: usize,
    pub(crate) people: Vec<Person>,
    /// Direct conversations: of the people 0 and 1, 2 and 3, and so on.
    pub(crate) pairs: Vec<Pair>,
    /// Conversations of two, of the pairs in turn: each has as many as every other, or one more.
    pub(crate) many: Vec<Voice>,
    /// How many pairs share those.
    pub(crate) many_pairs: usize,
    /// The first one writes, all others read.
    pub(crate) groups: Vec<Group>,
}

/// A direct conversation, from both of its ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub(crate) first: Voice,
    pub(crate) second: Voice,
}

/// A group of so many devices.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Group {
    pub(crate) devices: usize,
    pub(crate) voice: Voice,
}

/// What one device says in one conversation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Voice {
    pub(crate) conversation: Id16,
    pub(crate) epoch: u64,
    /// An entry, sealed.
    pub(crate) body: Bytes64,
    /// The nonce of its franking header.
    pub(crate) nonce: Bytes64,
}

impl Voice {
    /// The entry under another idempotency key: for the hub another one.
    pub(crate) fn append(&self, idempotency_key: [u8; 16]) -> Append {
        Append {
            hub: String::new(),
            conversation: self.conversation.to_vec(),
            epoch: self.epoch,
            idempotency_key: idempotency_key.to_vec(),
            body: self.body.0.clone(),
            sender_nonce: self.nonce.0.clone(),
        }
    }
}

impl World {
    fn new(bytes: usize) -> Self {
        Self {
            version: VERSION,
            bytes,
            people: Vec::new(),
            pairs: Vec::new(),
            many: Vec::new(),
            many_pairs: 0,
            groups: Vec::new(),
        }
    }

    /// The one of this folder, or an empty one.
    pub(crate) fn load(folder: &Path, bytes: usize) -> Result<Self> {
        let file = folder.join("world.json");
        if !file.exists() {
            return Ok(Self::new(bytes));
        }
        let name = || file.display().to_string();
        let text = std::fs::read(&file).with_context(name)?;
        let world: Self = serde_json::from_slice(&text).with_context(name)?;
        anyhow::ensure!(
            world.version == VERSION && world.bytes == bytes,
            "{} was prepared by another version or for messages of another length: give another folder",
            folder.display()
        );
        Ok(world)
    }

    /// Keeps it, whole or not at all.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        let (file, made) = (folder.join("world.json"), folder.join("world.json.new"));
        std::fs::write(&made, serde_json::to_vec(self)?)?;
        Ok(std::fs::rename(made, file)?)
    }

    /// The group of so many devices.
    pub(crate) fn group(&self, devices: usize) -> Result<&Group> {
        let mut groups = self.groups.iter();
        groups
            .find(|group| group.devices == devices)
            .context("no such group")
    }
}
