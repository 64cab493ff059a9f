//! A person with one device, from sign-up to an encrypted entry.

use super::{Answer, House, Socket, bytes64};
use comity_chat::operator::SentCode;
use comity_e2ee::engine::{Groups, Plan, Session};
use comity_e2ee::introduction;
use comity_e2ee::keys::{DeviceKeys, RootKey, sign_manifest};
use comity_e2ee::storage::SCHEMA;
use comity_membership::manifest::{self, Device, Manifest};
use comity_membership::{CommitHeader, Role, franking};
use comity_wire::http::{
    AccountCreated, CheckCode, CodeChecked, CreateAccount, DeviceKeyPackage, FetchKeyPackages,
    KeyPackagesFetched, KeyPackagesKept, PostKeyPackages, PutManifest, RegistrationStarted,
    StartRegistration,
};
use comity_wire::proto::{
    Append, ConversationKind, CreateConversation, Created, SubmitCommit, client_frame::Act, reply,
};
use comity_wire::{AccountId, Address, Bytes64, ConversationId, DeviceAddress, Id16};
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

/// A number that can exist.
pub fn number(n: u32) -> String {
    format!("+1202555{:04}", 100 + n)
}

pub fn random(bytes: &mut [u8]) {
    rand::RngCore::fill_bytes(&mut rand::rng(), bytes);
}

pub fn random16() -> [u8; 16] {
    let mut bytes = [0; 16];
    random(&mut bytes);
    bytes
}

pub struct Person {
    pub address: Address,
    pub number: String,
    pub root: RootKey,
    pub keys: DeviceKeys,
    pub manifest: Manifest,
    pub store: Connection,
    pub groups: Groups,
    pub token: Vec<u8>,
    pub socket: Socket,
}

pub fn device(keys: &DeviceKeys) -> Device {
    Device::new(keys.public(), true, 1)
}

pub fn introduction_key(keys: &DeviceKeys) -> Vec<u8> {
    introduction::make_key(keys, 1, i64::MAX).unwrap().signed
}

/// Proves a number by the development outbox.
pub async fn prove(house: &House, number: &str) -> Answer<CodeChecked> {
    let started: RegistrationStarted = house
        .post(
            "/v1/registrations",
            &StartRegistration {
                number: number.to_owned(),
                country: None,
            },
        )
        .await?;
    let codes: Vec<SentCode> = house.get("/dev/codes").await?;
    let code = codes
        .into_iter()
        .find(|sent| sent.number == number)
        .unwrap()
        .code;
    house
        .post(
            &format!("/v1/registrations/{}/code", started.registration),
            &CheckCode { code },
        )
        .await
}

pub fn first_manifest(address: &Address, root: &RootKey, keys: &DeviceKeys) -> Manifest {
    Manifest {
        address: address.clone(),
        root_key: root.public(),
        seq: 1,
        previous_hash: Vec::new(),
        devices: vec![device(keys)],
        revoked: Vec::new(),
        at_ms: 1,
    }
}

pub fn next_manifest(before: &Manifest) -> Manifest {
    let hash = manifest::hash(&manifest::encode(before));
    Manifest {
        seq: before.seq + 1,
        previous_hash: hash.to_vec(),
        ..before.clone()
    }
}

impl Person {
    /// The sign-up request of somebody new, with their keys.
    pub fn request(
        house: &House,
        token: &Bytes64,
    ) -> (Address, RootKey, DeviceKeys, Manifest, CreateAccount) {
        let root = RootKey::generate(&mut random);
        let keys = DeviceKeys::generate(&mut random);
        let address = Address::new(house.app(), AccountId::new(random16()));
        let manifest = first_manifest(&address, &root, &keys);
        let request = CreateAccount {
            registration_token: token.clone(),
            recover: false,
            manifest: Bytes64(sign_manifest(&manifest, Some(&root), None)),
            device: keys.id(),
            introduction_key: Bytes64(introduction_key(&keys)),
            lock_proof: None,
        };
        (address, root, keys, manifest, request)
    }

    pub async fn sign_up(house: &House, n: u32) -> Self {
        let number = number(n);
        let proven = prove(house, &number).await.unwrap();
        let (address, root, keys, manifest, request) =
            Self::request(house, &proven.registration_token);
        let created: AccountCreated = house.post("/v1/accounts", &request).await.unwrap();
        assert_eq!(created.address, address);
        Self::sign_in(house, address, number, root, keys, manifest).await
    }

    pub async fn sign_in(
        house: &House,
        address: Address,
        number: String,
        root: RootKey,
        keys: DeviceKeys,
        manifest: Manifest,
    ) -> Self {
        let mut socket = Socket::connect(house.running().address).await;
        let signed_in = socket.sign_in(&house.app(), &keys).await.unwrap();
        let store = Connection::open_in_memory().unwrap();
        store.execute_batch(SCHEMA).unwrap();
        Self {
            address,
            number,
            root,
            keys,
            manifest,
            store,
            groups: Groups::new(),
            token: signed_in.token,
            socket,
        }
    }

    pub async fn reconnect(&mut self, house: &House) {
        self.socket = Socket::connect(house.running().address).await;
        self.token = self
            .socket
            .sign_in(&house.app(), &self.keys)
            .await
            .unwrap()
            .token;
    }

    pub fn session(&mut self) -> Session<'_> {
        self.groups.session(&self.store, &self.keys, &self.address)
    }

    pub async fn act<T: DeserializeOwned>(
        &self,
        house: &House,
        method: &str,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Answer<T> {
        house
            .call(method, path, Some(&self.token), Some(body))
            .await
    }

    pub async fn get<T: DeserializeOwned>(&self, house: &House, path: &str) -> Answer<T> {
        house
            .call("GET", path, Some(&self.token), None::<&()>)
            .await
    }

    pub async fn post_key_packages(&mut self, house: &House, count: usize) -> KeyPackagesKept {
        let one_time: Vec<_> = (0..count)
            .map(|_| Bytes64(self.session().key_package(false).unwrap()))
            .collect();
        let last_resort = Some(Bytes64(self.session().key_package(true).unwrap()));
        let body = PostKeyPackages {
            one_time,
            last_resort,
        };
        self.act(house, "POST", "/v1/me/key-packages", &body)
            .await
            .unwrap()
    }

    pub async fn fetch_key_packages(
        &self,
        house: &House,
        of: &Address,
        token: Option<&[u8]>,
    ) -> Answer<Vec<DeviceKeyPackage>> {
        let body = FetchKeyPackages {
            address: of.clone(),
            token: token.map(bytes64),
            devices: Vec::new(),
        };
        let fetched: KeyPackagesFetched = self
            .act(house, "POST", "/v1/key-packages/fetch", &body)
            .await?;
        Ok(fetched.packages)
    }

    pub async fn put_manifest(
        &mut self,
        house: &House,
        next: Manifest,
        introduction_keys: Vec<Bytes64>,
    ) -> Answer<serde_json::Value> {
        let bytes = sign_manifest(&next, Some(&self.root), Some(&self.keys));
        let body = PutManifest {
            manifest: Bytes64(bytes),
            introduction_keys,
        };
        let answer = self.act(house, "PUT", "/v1/me/manifest", &body).await?;
        self.manifest = next;
        Ok(answer)
    }

    pub fn conversation(&self) -> ConversationId {
        ConversationId::new(self.address.app.clone(), Id16::new(random16()))
    }

    pub fn creation(
        &mut self,
        house: &House,
        conversation: &ConversationId,
        kind: ConversationKind,
        peer: Option<&Address>,
    ) -> CreateConversation {
        let roles = match (kind, peer) {
            (ConversationKind::Self_, _) => comity_membership::Context::self_roles(&self.address),
            (ConversationKind::Direct, Some(peer)) => {
                comity_membership::Context::direct_roles(&self.address, peer)
            }
            _ => BTreeMap::from([(self.address.clone(), Role::Admin)]),
        };
        let app_key = house.running().app_key();
        let made = self
            .session()
            .create(
                conversation,
                &comity_membership::Context::new(conversation.clone(), kind, &app_key, roles),
            )
            .unwrap();
        CreateConversation {
            conversation: conversation.id.to_vec(),
            kind: kind.into(),
            group_info: made.group_info,
            ratchet_tree: made.ratchet_tree,
            peer_app: peer.map(|peer| peer.app.to_string()).unwrap_or_default(),
            peer_account: peer.map(|peer| peer.account.to_vec()).unwrap_or_default(),
        }
    }

    pub async fn create(
        &mut self,
        house: &House,
        conversation: &ConversationId,
        kind: ConversationKind,
        peer: Option<&Address>,
    ) -> Result<Created, String> {
        let request = self.creation(house, conversation, kind, peer);
        match self.socket.ask(Act::CreateConversation(request)).await? {
            reply::Result::Created(created) => Ok(created),
            other => panic!("{other:?}"),
        }
    }

    pub fn commit(&mut self, conversation: &ConversationId, plan: Plan) -> SubmitCommit {
        let header = CommitHeader::default();
        let pending = self.session().commit(conversation, plan, &header).unwrap();
        SubmitCommit {
            hub: String::new(),
            conversation: conversation.id.to_vec(),
            expected_epoch: pending.epoch_before,
            idempotency_key: random16().to_vec(),
            commit: pending.commit,
            welcome: pending.welcome.unwrap_or_default(),
            group_info: pending.group_info,
            sealed_state: Vec::new(),
        }
    }

    /// An entry, sealed as it crosses; the nonce is right.
    pub fn entry(&mut self, conversation: &ConversationId, text: &[u8]) -> Append {
        let r = [7; 32];
        let device = DeviceAddress::new(self.address.app.clone(), self.keys.id());
        let header = franking::Header {
            tag: [1; 32],
            sender_commitment: franking::sender_commitment(&device, &self.address, &r),
            epoch_authenticator: [2; 8],
        };
        let epoch = self.session().epoch(conversation).unwrap();
        let body = self
            .session()
            .encrypt(conversation, text, &header.encode())
            .unwrap();
        Append {
            hub: String::new(),
            conversation: conversation.id.to_vec(),
            epoch,
            idempotency_key: random16().to_vec(),
            body,
            sender_nonce: r.to_vec(),
        }
    }
}
