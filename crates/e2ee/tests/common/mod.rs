//! People with devices, and a hub that keeps only public state: what the stories are told with.
#![allow(dead_code, unreachable_pub, missing_docs)]

use comity_e2ee::engine::{Groups, Merged, Pending, Plan, Session};
use comity_e2ee::keys::{DeviceKeys, RootKey, sign_manifest};
use comity_e2ee::storage::SCHEMA;
use comity_membership::change::CommitHeader;
use comity_membership::manifest::{self, Device, Manifest, VerifiedManifest};
use comity_membership::{Change, Context, Member, PublicState, Refusal, SUITE, rules};
use comity_wire::proto::ConversationKind;
use comity_wire::{Address, ConversationId};
use openmls::prelude::Ciphersuite;
use rusqlite::Connection;
use std::collections::HashMap;

pub const APP_SECRET: [u8; 32] = [42; 32];

pub fn app_key() -> [u8; 32] {
    ed25519_dalek::SigningKey::from_bytes(&APP_SECRET)
        .verifying_key()
        .to_bytes()
}

/// Randomness that repeats from run to run.
pub fn random(seed: u8) -> impl FnMut(&mut [u8]) {
    let mut counter = 0_u64;
    move |bytes: &mut [u8]| {
        for chunk in bytes.chunks_mut(32) {
            counter += 1;
            let block = blake3::keyed_hash(&[seed; 32], &counter.to_be_bytes());
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

/// One device of one account, with its store.
pub struct Phone {
    pub address: Address,
    pub root: RootKey,
    pub keys: DeviceKeys,
    pub store: Connection,
    pub groups: Groups,
}

impl Phone {
    pub fn new(name: u8) -> Self {
        Self::of_suite(name, SUITE)
    }

    pub fn of_suite(name: u8, suite: Ciphersuite) -> Self {
        let mut random = random(name);
        let root = RootKey::generate(&mut random);
        let text = format!("{:032x}@chat.example", u128::from(name));
        Self {
            groups: Groups::of_suite(suite),
            ..Self::of(text.parse().unwrap(), root, name)
        }
    }

    pub fn of(address: Address, root: RootKey, seed: u8) -> Self {
        let keys = DeviceKeys::generate(&mut random(seed.wrapping_add(100)));
        let store = Connection::open_in_memory().unwrap();
        store.execute_batch(SCHEMA).unwrap();
        Self {
            address,
            root,
            keys,
            store,
            groups: Groups::new(),
        }
    }

    pub fn session(&mut self) -> Session<'_> {
        self.groups.session(&self.store, &self.keys, &self.address)
    }

    /// As after a restart of the program: only what is stored is left.
    pub fn restart(&mut self) {
        self.groups = Groups::new();
        self.keys = DeviceKeys::from_bytes(&self.keys.to_bytes()).unwrap();
    }

    pub fn device(&self) -> Device {
        Device::new(self.keys.public(), true, 0)
    }
}

/// Manifest 1 of these devices of one account.
pub fn manifest_of(devices: &[&Phone]) -> VerifiedManifest {
    let first = devices[0];
    let list = Manifest {
        address: first.address.clone(),
        root_key: first.root.public(),
        seq: 1,
        previous_hash: Vec::new(),
        devices: devices.iter().map(|phone| phone.device()).collect(),
        revoked: Vec::new(),
        at_ms: 0,
    };
    manifest::verify(&sign_manifest(&list, Some(&first.root), None)).unwrap()
}

/// The hub of one conversation.
#[derive(Clone)]
pub struct Hub {
    pub id: ConversationId,
    pub state: Vec<u8>,
    pub group_info: Vec<u8>,
    pub manifests: HashMap<Address, VerifiedManifest>,
    pub log: Vec<Vec<u8>>,
}

impl Hub {
    pub fn create(phone: &mut Phone, kind: ConversationKind, with: Option<&Phone>) -> Self {
        let id: ConversationId = "0123456789abcdef0123456789abcdef@chat.example"
            .parse()
            .unwrap();
        let roles = match with {
            Some(other) => Context::direct_roles(&phone.address, &other.address),
            None if kind == ConversationKind::Self_ => Context::self_roles(&phone.address),
            None => [(phone.address.clone(), comity_membership::Role::Admin)].into(),
        };
        let made = phone
            .session()
            .create(&id, &Context::new(id.clone(), kind, &app_key(), roles))
            .unwrap();
        let state = PublicState::create(&made.group_info, &made.ratchet_tree, &id, kind).unwrap();
        Self {
            id,
            state: state.to_bytes().unwrap(),
            group_info: made.group_info,
            manifests: HashMap::from([(phone.address.clone(), manifest_of(&[phone]))]),
            log: Vec::new(),
        }
    }

    pub fn state(&self) -> PublicState {
        PublicState::from_bytes(&self.state).unwrap()
    }

    pub fn knows(&mut self, devices: &[&Phone]) {
        self.manifests
            .insert(devices[0].address.clone(), manifest_of(devices));
    }

    pub fn judge(
        &self,
        change: &Change,
        before: &[Member],
        context: &Context,
    ) -> Result<(), Refusal> {
        rules::check(change, before, context, &|address| {
            self.manifests.get(address).cloned()
        })
    }

    /// Compare-and-swap, as the server does it.
    pub fn submit(&mut self, pending: &Pending) -> Result<Change, String> {
        self.take(&pending.commit, &pending.group_info)
    }

    pub fn take(&mut self, commit: &[u8], group_info: &[u8]) -> Result<Change, String> {
        let mut state = self.state();
        let (change, staged) = state.stage_commit(commit).map_err(|e| e.to_string())?;
        self.judge(&change, &state.members().unwrap(), state.context())
            .map_err(|e| e.to_string())?;
        state
            .check_group_info(&staged, group_info)
            .map_err(|e| e.to_string())?;
        state.merge(staged).unwrap();
        self.state = state.to_bytes().unwrap();
        self.group_info = group_info.to_vec();
        self.log.push(commit.to_vec());
        Ok(change)
    }

    pub fn tree(&self) -> Vec<u8> {
        self.state().ratchet_tree().unwrap()
    }

    /// A member takes the newest commit of the log.
    pub fn deliver(&self, phone: &mut Phone) -> Merged {
        let commit = self.log.last().unwrap();
        let mut judge = |change: &Change, before: &[Member], context: &Context| {
            self.judge(change, before, context)
        };
        phone
            .session()
            .process_commit(&self.id, commit, &mut judge)
            .unwrap()
    }

    /// `by` adds `who`, who joins by the welcome; the others are given the commit.
    pub fn add(&mut self, by: &mut Phone, who: &mut Phone, others: &mut [&mut Phone]) {
        let package = who.session().key_package(false).unwrap();
        let plan = Plan {
            add: vec![package],
            ..Plan::default()
        };
        let pending = by
            .session()
            .commit(&self.id, plan, &CommitHeader::default())
            .unwrap();
        self.submit(&pending).unwrap();
        by.session().confirm_pending(&self.id).unwrap();
        for other in others {
            self.deliver(other);
        }
        let joined = who
            .session()
            .join(&pending.welcome.unwrap(), &self.tree())
            .unwrap();
        assert_eq!(joined.conversation, self.id);
    }

    pub fn update(&mut self, by: &mut Phone) {
        let plan = Plan {
            update_self: true,
            ..Plan::default()
        };
        let pending = by
            .session()
            .commit(&self.id, plan, &CommitHeader::default())
            .unwrap();
        self.submit(&pending).unwrap();
        by.session().confirm_pending(&self.id).unwrap();
    }
}

pub fn agree(id: &ConversationId, phones: &mut [&mut Phone]) {
    let seen: Vec<_> = phones
        .iter_mut()
        .map(|phone| {
            let mut session = phone.session();
            (
                session.epoch(id).unwrap(),
                session.epoch_authenticator(id).unwrap(),
            )
        })
        .collect();
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "{seen:?}");
}
