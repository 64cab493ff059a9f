//! The narrow face before the MLS library: conversations as groups.
//!
//! A [`Session`] acts for one device inside one SQLite transaction of the caller's. [`Groups`]
//! remembers groups between sessions; it is only ever a copy of what the table holds, so it may be
//! forgotten at any time, and after a rollback it must be.
//!
//! Always holds: a commit of our own is merged only by [`Session::confirm_pending`]; a commit of
//! somebody else only after the caller's judge said yes; after an error the group is as it was.
//! Deliberately absent: the log's order and the network. Which commit won is the caller's to say.
//!
//! A join from outside ([`Session::prepare_external_join`]) replaces the old group at once, since
//! the library merges it while it makes it; until it is confirmed nothing else is done with the
//! group ([`EngineError::PendingCommit`]), and discarding it leaves no group.

pub(crate) mod chance;
mod commits;
mod error;
mod joining;
mod messages;
mod packages;
mod reading;

pub use error::{EngineError, Unreadable};

use self::chance::SystemChance;
use crate::group_state::StateKey;
use crate::keys::DeviceKeys;
use crate::storage::{Kind, Storage};
use comity_membership::crypto::Crypto;
use comity_membership::{
    Change, CommitHeader, Context, Member, Refusal, SUITE, capabilities, identity_of,
};
use comity_wire::limits::EPOCHS_KEPT;
use comity_wire::planted::{self, Bug};
use comity_wire::{Address, ConversationId, Message as _};
use openmls::prelude::{
    Ciphersuite, CredentialWithKey, LeafNodeParameters, MlsGroup, MlsGroupJoinConfig,
    PURE_PLAINTEXT_WIRE_FORMAT_POLICY, SenderRatchetConfiguration,
};
use openmls_traits::OpenMlsProvider;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;

/// Groups kept in memory at once.
const LOADED_MAX: usize = 256;
/// A ciphertext's length is a multiple of this.
const PADDING_BYTES: usize = 64;
/// Messages of one sender that may come late, and that may be missing before one.
const GENERATIONS_LATE: u32 = 32;
const GENERATIONS_AHEAD: u32 = 2_000;

/// Decides on a change, given the members and the context before it.
pub type Judge<'j> = &'j mut dyn FnMut(&Change, &[Member], &Context) -> Result<(), Refusal>;

/// Groups in memory, all of one cipher suite.
pub struct Groups {
    loaded: HashMap<ConversationId, MlsGroup>,
    crypto: Crypto,
    suite: Ciphersuite,
}

impl Default for Groups {
    fn default() -> Self {
        Self::of_suite(SUITE)
    }
}

impl fmt::Debug for Groups {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Groups({})", self.loaded.len())
    }
}

impl Groups {
    /// None yet, of [`SUITE`].
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// None yet, of another suite. Whatever is of a suite that is not this one is refused, so one
    /// conversation is never continued in another suite.
    #[must_use]
    pub fn of_suite(suite: Ciphersuite) -> Self {
        Self {
            loaded: HashMap::new(),
            crypto: Crypto::default(),
            suite,
        }
    }

    /// Forgets all: after a rollback.
    pub fn forget_all(&mut self) {
        self.loaded.clear();
    }

    /// Forgets one.
    pub fn forget(&mut self, conversation: &ConversationId) {
        self.loaded.remove(conversation);
    }

    /// Acts for a device, inside the connection's current transaction.
    pub fn session<'a>(
        &'a mut self,
        connection: &'a Connection,
        keys: &'a DeviceKeys,
        address: &'a Address,
    ) -> Session<'a> {
        let provider = Provider {
            crypto: &self.crypto,
            storage: Storage(connection),
            suite: self.suite,
        };
        Session {
            loaded: &mut self.loaded,
            provider,
            keys,
            address,
        }
    }
}

/// Acts for one device.
pub struct Session<'a> {
    loaded: &'a mut HashMap<ConversationId, MlsGroup>,
    provider: Provider<'a>,
    keys: &'a DeviceKeys,
    address: &'a Address,
}

impl fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Session")
    }
}

/// A new conversation, for its hub.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// MLS group info.
    pub group_info: Vec<u8>,
    /// Ratchet tree.
    pub ratchet_tree: Vec<u8>,
}

/// What a commit is to do.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Key packages of devices to add.
    pub add: Vec<Vec<u8>>,
    /// Devices to remove.
    pub remove: Vec<comity_wire::DeviceId>,
    /// Renew the own leaf's keys even if nothing else demands it.
    pub update_self: bool,
    /// What the group's context becomes: roles, permissions, link.
    pub context: Option<Context>,
}

/// A commit that waits to be accepted by the hub.
#[derive(Debug, Clone)]
pub struct Pending {
    /// MLS public message.
    pub commit: Vec<u8>,
    /// One welcome for all who are added.
    pub welcome: Option<Vec<u8>>,
    /// Group info of the epoch that it leads to.
    pub group_info: Vec<u8>,
    /// The epoch that it is made for.
    pub epoch_before: u64,
    /// Key of the sealed state in the epoch that it leads to.
    pub state_key: StateKey,
}

/// A commit that took effect.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The epoch now.
    pub epoch: u64,
    /// What changed.
    pub change: Change,
    /// This device is no longer in the group.
    pub self_removed: bool,
}

/// An entry's content.
#[derive(Clone)]
pub struct Decrypted {
    /// Who sent it. The key is empty for a member that is gone since.
    pub sender: Member,
    /// What it holds: an encoded envelope.
    pub plaintext: Vec<u8>,
    /// The clear data that came with it, now authenticated.
    pub authenticated_data: Vec<u8>,
    /// The epoch it was made in.
    pub epoch: u64,
}

impl fmt::Debug for Decrypted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decrypted")
            .field("sender", &self.sender)
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// A conversation that was joined by a welcome. The caller judges the members, before it commits
/// the transaction.
#[derive(Debug, Clone)]
#[must_use]
pub struct Joined {
    /// Which.
    pub conversation: ConversationId,
    /// Of which kind.
    pub kind: comity_wire::proto::ConversationKind,
    /// Its context.
    pub context: Context,
    /// Its members, with this device.
    pub members: Vec<Member>,
    /// Who made the commit that added this device.
    pub by: Member,
    /// Its epoch.
    pub epoch: u64,
}

/// What is remembered beside a pending commit.
#[derive(Serialize, Deserialize)]
struct PendingRow {
    epoch_before: u64,
    header: Vec<u8>,
    /// Set for a join from outside.
    external: Option<External>,
    /// The own leaf is new.
    new_leaf: bool,
}

/// A join from outside. A struct of its own: CBOR does not tell `Some(None)` from `None`.
#[derive(Serialize, Deserialize)]
struct External {
    /// The own leaf that it replaced, when one was left.
    replaced: Option<u32>,
}

/// The library's provider: its crypto, the system's chance, our storage, and the suite that all is
/// of.
struct Provider<'a> {
    crypto: &'a Crypto,
    storage: Storage<'a>,
    suite: Ciphersuite,
}

impl<'a> OpenMlsProvider for Provider<'a> {
    type CryptoProvider = Crypto;
    type RandProvider = SystemChance;
    type StorageProvider = Storage<'a>;

    fn storage(&self) -> &Self::StorageProvider {
        &self.storage
    }

    fn crypto(&self) -> &Self::CryptoProvider {
        self.crypto
    }

    fn rand(&self) -> &Self::RandProvider {
        &SystemChance
    }
}

type Result1<T> = Result<T, EngineError>;

impl Session<'_> {
    fn credential(&self) -> CredentialWithKey {
        CredentialWithKey {
            credential: identity_of(self.address, &self.keys.id()),
            signature_key: self.keys.public().to_vec().into(),
        }
    }

    fn group_id(conversation: &ConversationId) -> openmls::prelude::GroupId {
        comity_membership::group_id(conversation)
    }

    fn pending_row(&self, conversation: &ConversationId) -> Result1<Option<PendingRow>> {
        Ok(self
            .provider
            .storage
            .get(Kind::Pending, &Self::group_id(conversation))?)
    }

    fn forget_pending_row(&self, conversation: &ConversationId) -> Result1<()> {
        Ok(self
            .provider
            .storage
            .forget(Kind::Pending, &Self::group_id(conversation))?)
    }

    /// Notes when the own leaf was made, for its renewal.
    fn note_leaf(&self, conversation: &ConversationId) -> Result1<()> {
        let group_id = Self::group_id(conversation);
        Ok(self
            .provider
            .storage
            .put(Kind::LeafMade, &group_id, &library_now_s())?)
    }

    /// Refuses to act on a group whose join is not confirmed.
    fn not_joining(&self, conversation: &ConversationId) -> Result1<()> {
        match self.pending_row(conversation)? {
            Some(row) if row.external.is_some() => Err(EngineError::PendingCommit),
            _ => Ok(()),
        }
    }
}

/// The group of a conversation, from memory or the table.
fn load<'m>(
    loaded: &'m mut HashMap<ConversationId, MlsGroup>,
    provider: &Provider<'_>,
    conversation: &ConversationId,
) -> Result1<&'m mut MlsGroup> {
    if !loaded.contains_key(conversation) {
        let group = MlsGroup::load(&provider.storage, &Session::group_id(conversation))?
            .ok_or(EngineError::NotFound)?;
        if group.ciphersuite() != provider.suite {
            return Err(error::malformed("a group of another cipher suite"));
        }
        if loaded.len() >= LOADED_MAX {
            loaded.clear();
        }
        loaded.insert(conversation.clone(), group);
    }
    loaded.get_mut(conversation).ok_or(EngineError::NotFound)
}

/// Epochs before the current one whose messages are still read.
fn past_epochs() -> usize {
    if planted::is(Bug::ForgetsPastEpochs) {
        0
    } else {
        EPOCHS_KEPT
    }
}

fn join_config() -> MlsGroupJoinConfig {
    MlsGroupJoinConfig::builder()
        .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
        .padding_size(PADDING_BYTES)
        .max_past_epochs(past_epochs())
        .sender_ratchet_configuration(SenderRatchetConfiguration::new(
            // The library counts the newest one among those that may come late.
            GENERATIONS_LATE + 1,
            GENERATIONS_AHEAD,
        ))
        .use_ratchet_tree_extension(false)
        .build()
}

fn leaf_parameters(suite: Ciphersuite) -> LeafNodeParameters {
    LeafNodeParameters::builder()
        .with_capabilities(capabilities(suite))
        .build()
}

fn context_of(group: &MlsGroup) -> Result1<Context> {
    Ok(Context::of_extensions(group.extensions())?)
}

/// As it is put into a commit's authenticated data.
fn encoded_header(header: &CommitHeader) -> Vec<u8> {
    CommitHeader {
        version: 1,
        ..header.clone()
    }
    .encode_to_vec()
}

/// Unix seconds, by the only clock there is here: the library's, in a lifetime of no length.
fn library_now_s() -> u64 {
    openmls::prelude::Lifetime::new(0).not_after()
}
