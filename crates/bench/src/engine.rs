//! A device that is nothing but its MLS state, in memory: it makes conversations at the hub over a line of its own.
//!
//! Deliberately absent: timelines and a store, which the client's core has (`client`).

use crate::line::{Line, Target};
use crate::person::{Person, random_bytes};
use crate::world::Voice;
use anyhow::{Result, bail};
use comity_e2ee::engine::{Groups, Plan, Session};
use comity_e2ee::keys::DeviceKeys;
use comity_e2ee::storage::SCHEMA;
use comity_membership::{CommitHeader, Context as GroupContext, Role, franking};
use comity_wire::proto::{
    ConversationKind, CreateConversation, FetchWelcome, SubmitCommit, client_frame::Act, reply,
};
use comity_wire::{Address, Bytes64, ConversationId, DeviceAddress, Id16, limits::ADDITIONS_MAX};
use rusqlite::Connection;
use std::collections::BTreeMap;

/// With this bit a byte is no small number, and takes as much room in CBOR as any other such byte: the rows of one
/// conversation are then as long as those of another.
const SIZE_IS_ONE: u8 = 0x20;

/// A device with its MLS state in memory.
pub(crate) struct Engine {
    store: Connection,
    groups: Groups,
    pub(crate) keys: DeviceKeys,
    pub(crate) address: Address,
}

impl Engine {
    pub(crate) fn new(person: &Person, target: &Target) -> Result<Self> {
        let store = Connection::open_in_memory()?;
        store.execute_batch(SCHEMA)?;
        Ok(Self {
            store,
            groups: Groups::new(),
            keys: person.keys()?,
            address: person.address(target),
        })
    }

    pub(crate) fn session(&mut self) -> Session<'_> {
        self.groups.session(&self.store, &self.keys, &self.address)
    }

    /// An entry of at least `bytes` bytes and at most 63 more, sealed; longer when nothing is as short.
    pub(crate) fn voice(&mut self, conversation: &ConversationId, bytes: usize) -> Result<Voice> {
        let nonce = random_bytes::<32>();
        let device = DeviceAddress::new(self.address.app.clone(), self.keys.id());
        let header = franking::Header {
            tag: random_bytes(),
            sender_commitment: franking::sender_commitment(&device, &self.address, &nonce),
            epoch_authenticator: self.session().epoch_authenticator(conversation)?,
        };
        // What is sealed is padded: the first try tells what is added.
        let mut seal = |length: usize| {
            self.session()
                .encrypt(conversation, &vec![0; length], &header.encode())
        };
        let least = seal(1)?.len();
        let body = seal(bytes.saturating_sub(least).div_ceil(64) * 64 + 1)?;
        Ok(Voice {
            conversation: conversation.id,
            epoch: self.session().epoch(conversation)?,
            body: Bytes64(body),
            nonce: Bytes64(nonce.to_vec()),
        })
    }

    /// Makes a conversation and adds devices to it, over the device's own line.
    pub(crate) async fn open(
        &mut self,
        line: &mut Line,
        kind: ConversationKind,
        peer: Option<&Address>,
        (app_key, key_packages): (&[u8], Vec<Vec<u8>>),
    ) -> Result<(ConversationId, u64)> {
        let id = random_bytes().map(|byte: u8| byte | SIZE_IS_ONE);
        let conversation = ConversationId::new(self.address.app.clone(), Id16::new(id));
        let roles = match peer {
            Some(peer) => GroupContext::direct_roles(&self.address, peer),
            None => BTreeMap::from([(self.address.clone(), Role::Admin)]),
        };
        let context = GroupContext::new(conversation.clone(), kind, app_key, roles);
        let made = self.session().create(&conversation, &context)?;
        let create = CreateConversation {
            conversation: conversation.id.to_vec(),
            kind: kind.into(),
            group_info: made.group_info,
            ratchet_tree: made.ratchet_tree,
            peer_app: peer.map(|peer| peer.app.to_string()).unwrap_or_default(),
            peer_account: peer.map(|peer| peer.account.to_vec()).unwrap_or_default(),
        };
        match line.ask(Act::CreateConversation(create)).await? {
            reply::Result::Created(created) if created.existing.is_empty() => {}
            other => bail!("a conversation was not made: {other:?}"),
        }
        let mut seq = 0;
        for add in key_packages.chunks(ADDITIONS_MAX) {
            let plan = Plan {
                add: add.to_vec(),
                ..Plan::default()
            };
            let header = CommitHeader::default();
            let pending = self.session().commit(&conversation, plan, &header)?;
            let commit = SubmitCommit {
                hub: String::new(),
                conversation: conversation.id.to_vec(),
                expected_epoch: pending.epoch_before,
                idempotency_key: random_bytes::<16>().to_vec(),
                commit: pending.commit,
                welcome: pending.welcome.unwrap_or_default(),
                group_info: pending.group_info,
                sealed_state: Vec::new(),
            };
            match line.ask(Act::SubmitCommit(commit)).await? {
                reply::Result::Committed(committed) => seq = committed.seq,
                other => bail!("a commit was not taken: {other:?}"),
            }
            self.session().confirm_pending(&conversation)?;
        }
        Ok((conversation, seq))
    }

    /// Joins by the welcome that came with a commit.
    pub(crate) async fn join(
        &mut self,
        line: &mut Line,
        conversation: &ConversationId,
        commit_seq: u64,
    ) -> Result<()> {
        let fetch = FetchWelcome {
            hub: String::new(),
            conversation: conversation.id.to_vec(),
            commit_seq,
        };
        let reply::Result::Welcome(welcome) = line.ask(Act::FetchWelcome(fetch)).await? else {
            bail!("no welcome")
        };
        let _joined = self
            .session()
            .join(&welcome.welcome, &welcome.ratchet_tree)?;
        Ok(())
    }
}
