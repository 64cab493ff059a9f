//! Members of a conversation, whichever implementation of MLS they run, behind one set of acts.
//!
//! What a member by the other implementation has to bring along is what docs/protocol.md asks of a
//! leaf: our credential, our context extension among its capabilities, handshakes as public
//! messages, the tree outside of group info and welcome.

#![allow(unreachable_pub, missing_docs)]

use crate::common::{Hub, Phone, app_key};
use comity_e2ee::engine::Plan;
use comity_membership::{Change, CommitHeader, Context, Member, Refusal, Role, identity_of};
use comity_membership::{PublicState, group_id};
use comity_wire::proto::ConversationKind;
use comity_wire::{ConversationId, Message as _};
use mls_rs::client_builder::{BaseConfig, WithCryptoProvider, WithIdentityProvider};
use mls_rs::crypto::{SignaturePublicKey, SignatureSecretKey};
use mls_rs::extension::ExtensionType;
use mls_rs::group::{ExportedTree, ReceivedMessage};
use mls_rs::identity::SigningIdentity;
use mls_rs::identity::basic::{BasicCredential, BasicIdentityProvider};
use mls_rs::mls_rs_codec::{MlsDecode as _, MlsEncode as _};
use mls_rs::mls_rules::{CommitOptions, DefaultMlsRules, EncryptionOptions};
use mls_rs::{CipherSuite, Client, ExtensionList, Group, MlsMessage};
use mls_rs_crypto_rustcrypto::RustCryptoProvider;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::{Ciphersuite, Extensions};
use std::collections::HashMap;
use std::time::Duration;

/// The suite that both implementations speak.
pub const CLASSICAL: Ciphersuite = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;

type Config =
    WithIdentityProvider<BasicIdentityProvider, WithCryptoProvider<RustCryptoProvider, BaseConfig>>;

/// A member by our engine, or by the other implementation.
#[allow(clippy::large_enum_variant)]
pub enum Someone {
    Ours(Phone),
    Theirs(Theirs),
}

/// A member by the other implementation. Its phone holds only who it is.
pub struct Theirs {
    phone: Phone,
    client: Client<Config>,
    group: Option<Group<Config>>,
}

/// A commit, whoever made it.
pub struct Made {
    pub commit: Vec<u8>,
    pub welcome: Option<Vec<u8>>,
    pub group_info: Vec<u8>,
}

fn client_of(phone: &Phone, life: Duration) -> Client<Config> {
    let credential = identity_of(&phone.address, &phone.keys.id());
    let identity = SigningIdentity::new(
        BasicCredential::new(credential.serialized_content().to_vec()).into_credential(),
        SignaturePublicKey::new(phone.keys.public().to_vec()),
    );
    let pair = [phone.keys.to_bytes().as_slice(), &phone.keys.public()].concat();
    let rules = DefaultMlsRules::new()
        .with_commit_options(
            CommitOptions::new()
                .with_ratchet_tree_extension(false)
                .with_allow_external_commit(true),
        )
        .with_encryption_options(EncryptionOptions::new(false, Default::default()));
    Client::builder()
        .crypto_provider(RustCryptoProvider::with_enabled_cipher_suites(vec![
            CipherSuite::CURVE25519_AES128,
        ]))
        .identity_provider(BasicIdentityProvider)
        .extension_type(ExtensionType::new(comity_membership::context::EXTENSION))
        .key_package_lifetime(life)
        .mls_rules(rules)
        .signing_identity(
            identity,
            SignatureSecretKey::new(pair),
            CipherSuite::CURVE25519_AES128,
        )
        .build()
}

/// By our engine.
pub fn ours(name: u8) -> Someone {
    Someone::Ours(Phone::of_suite(name, CLASSICAL))
}

/// By the other implementation.
pub fn theirs(name: u8) -> Someone {
    theirs_for(name, Duration::from_secs(61 * 24 * 3_600))
}

/// By the other implementation, with key packages and leaves that are over after `life`.
pub fn theirs_for(name: u8, life: Duration) -> Someone {
    let phone = Phone::of_suite(name, CLASSICAL);
    Someone::Theirs(Theirs {
        client: client_of(&phone, life),
        phone,
        group: None,
    })
}

fn message(bytes: &[u8]) -> MlsMessage {
    MlsMessage::from_bytes(bytes).unwrap()
}

fn extensions(context: &Context) -> ExtensionList {
    let bytes = context
        .to_extensions()
        .unwrap()
        .tls_serialize_detached()
        .unwrap();
    ExtensionList::mls_decode(&mut bytes.as_slice()).unwrap()
}

fn header() -> Vec<u8> {
    CommitHeader {
        version: 1,
        ..CommitHeader::default()
    }
    .encode_to_vec()
}

impl Theirs {
    pub fn group(&mut self) -> &mut Group<Config> {
        self.group.as_mut().unwrap()
    }

    fn index_of(&mut self, device: &comity_wire::DeviceId) -> Option<u32> {
        let roster = self.group().roster().members();
        roster
            .iter()
            .find(|member| {
                comity_membership::device_id(member.signing_identity.signature_key.as_bytes())
                    == *device
            })
            .map(|member| member.index)
    }

    fn commit(&mut self, plan: Plan) -> Made {
        let removed: Vec<u32> = plan
            .remove
            .iter()
            .filter_map(|device| self.index_of(device))
            .collect();
        let mut builder = self.group().commit_builder().authenticated_data(header());
        for package in &plan.add {
            builder = builder.add_member(message(package)).unwrap();
        }
        for index in removed {
            builder = builder.remove_member(index).unwrap();
        }
        if let Some(context) = &plan.context {
            builder = builder.set_group_context_ext(extensions(context)).unwrap();
        }
        let made = builder.build().unwrap();
        let bytes = |message: &MlsMessage| message.to_bytes().unwrap();
        Made {
            commit: bytes(&made.commit_message),
            welcome: made.welcome_messages.first().map(bytes),
            group_info: bytes(&made.external_commit_group_info.unwrap()),
        }
    }

    fn join_from_outside(&mut self, hub: &Hub) -> Made {
        let replaced = hub
            .state()
            .members()
            .unwrap()
            .into_iter()
            .find(|member| member.device == self.phone.keys.id())
            .map(|member| member.leaf);
        let mut builder = self
            .client
            .external_commit_builder()
            .unwrap()
            .with_authenticated_data(header())
            .with_tree_data(ExportedTree::from_bytes(&hub.tree()).unwrap());
        if let Some(leaf) = replaced {
            builder = builder.with_removal(leaf);
        }
        let (group, commit) = builder.build(message(&hub.group_info)).unwrap();
        let info = group.group_info_message_allowing_ext_commit(false).unwrap();
        self.group = Some(group);
        Made {
            commit: commit.to_bytes().unwrap(),
            welcome: None,
            group_info: info.to_bytes().unwrap(),
        }
    }
}

impl Someone {
    pub fn phone(&self) -> &Phone {
        match self {
            Self::Ours(phone) => phone,
            Self::Theirs(theirs) => &theirs.phone,
        }
    }

    pub fn device(&self) -> comity_wire::DeviceId {
        self.phone().keys.id()
    }

    /// Makes a group conversation with this member as its admin.
    pub fn create(&mut self, id: &ConversationId) -> Hub {
        let roles = [(self.phone().address.clone(), Role::Admin)].into();
        let context = Context::new(id.clone(), ConversationKind::Group, &app_key(), roles);
        let (group_info, tree) = match self {
            Self::Ours(phone) => {
                let made = phone.session().create(id, &context).unwrap();
                (made.group_info, made.ratchet_tree)
            }
            Self::Theirs(theirs) => {
                let group = theirs
                    .client
                    .create_group_with_id(
                        group_id(id).to_vec(),
                        extensions(&context),
                        ExtensionList::new(),
                        None,
                    )
                    .unwrap();
                let info = group.group_info_message_allowing_ext_commit(false).unwrap();
                let tree = group.export_tree().to_bytes().unwrap();
                theirs.group = Some(group);
                (info.to_bytes().unwrap(), tree)
            }
        };
        let state = PublicState::create_of_suite(
            CLASSICAL,
            &group_info,
            &tree,
            id,
            ConversationKind::Group,
        )
        .unwrap();
        let mut hub = Hub {
            id: id.clone(),
            state: state.to_bytes().unwrap(),
            group_info,
            manifests: HashMap::new(),
            log: Vec::new(),
        };
        hub.knows(&[self.phone()]);
        hub
    }

    pub fn key_package(&mut self) -> Vec<u8> {
        let package = match self {
            Self::Ours(phone) => phone.session().key_package(false).unwrap(),
            Self::Theirs(theirs) => theirs
                .client
                .generate_key_package_message(Default::default(), Default::default(), None)
                .unwrap()
                .to_bytes()
                .unwrap(),
        };
        comity_membership::parse_key_package(&package).unwrap();
        package
    }

    /// A commit that waits for the hub.
    pub fn commit(&mut self, id: &ConversationId, plan: Plan) -> Made {
        match self {
            Self::Ours(phone) => {
                let made = phone
                    .session()
                    .commit(id, plan, &CommitHeader::default())
                    .unwrap();
                Made {
                    commit: made.commit,
                    welcome: made.welcome,
                    group_info: made.group_info,
                }
            }
            Self::Theirs(theirs) => theirs.commit(plan),
        }
    }

    /// The hub took it.
    pub fn confirm(&mut self, id: &ConversationId) {
        match self {
            Self::Ours(phone) => drop(phone.session().confirm_pending(id).unwrap()),
            Self::Theirs(theirs) => drop(theirs.group().apply_pending_commit().unwrap()),
        }
    }

    /// Somebody else's came first.
    pub fn discard(&mut self, id: &ConversationId) {
        match self {
            Self::Ours(phone) => phone.session().discard_pending(id).unwrap(),
            Self::Theirs(theirs) => theirs.group().clear_pending_commit(),
        }
    }

    /// Takes the newest commit of the log.
    pub fn take(&mut self, hub: &Hub) {
        match self {
            Self::Ours(phone) => drop(hub.deliver(phone)),
            Self::Theirs(theirs) => {
                let commit = message(hub.log.last().unwrap());
                let taken = theirs.group().process_incoming_message(commit).unwrap();
                assert!(matches!(taken, ReceivedMessage::Commit(_)));
            }
        }
    }

    /// Joins by a welcome, with the tree of its epoch.
    pub fn join(&mut self, hub: &Hub, welcome: &[u8]) {
        match self {
            Self::Ours(phone) => drop(phone.session().join(welcome, &hub.tree()).unwrap()),
            Self::Theirs(theirs) => {
                let tree = ExportedTree::from_bytes(&hub.tree()).unwrap();
                let joined = theirs
                    .client
                    .join_group(Some(tree), &message(welcome), None);
                theirs.group = Some(joined.unwrap().0);
            }
        }
    }

    /// Joins by itself, or comes back.
    pub fn join_from_outside(&mut self, hub: &mut Hub) -> Result<Change, String> {
        let made = match self {
            Self::Ours(phone) => {
                let (info, tree) = (hub.group_info.clone(), hub.tree());
                let header = CommitHeader::default();
                let anything = &mut |_: &Change, _: &[Member], _: &Context| Ok::<(), Refusal>(());
                let made = phone
                    .session()
                    .prepare_external_join(&hub.id, &info, &tree, &header, anything)
                    .unwrap();
                Made {
                    commit: made.commit,
                    welcome: None,
                    group_info: made.group_info,
                }
            }
            Self::Theirs(theirs) => theirs.join_from_outside(hub),
        };
        let outcome = hub.take(&made.commit, &made.group_info);
        if let Self::Ours(phone) = self {
            match &outcome {
                Ok(change) => {
                    let merged = phone.session().confirm_pending(&hub.id).unwrap();
                    assert_eq!(merged.change, *change);
                }
                Err(_) => phone.session().discard_pending(&hub.id).unwrap(),
            }
        }
        outcome
    }

    /// Takes a removal that the app proposes.
    pub fn take_proposal(&mut self, id: &ConversationId, proposal: &[u8]) {
        match self {
            Self::Ours(phone) => drop(phone.session().process_proposal(id, proposal).unwrap()),
            Self::Theirs(theirs) => {
                let taken = theirs.group().process_incoming_message(message(proposal));
                assert!(matches!(taken.unwrap(), ReceivedMessage::Proposal(_)));
            }
        }
    }

    pub fn says(&mut self, id: &ConversationId, text: &str) -> Vec<u8> {
        match self {
            Self::Ours(phone) => phone
                .session()
                .encrypt(id, text.as_bytes(), b"clear")
                .unwrap(),
            Self::Theirs(theirs) => theirs
                .group()
                .encrypt_application_message(text.as_bytes(), b"clear".to_vec())
                .unwrap()
                .to_bytes()
                .unwrap(),
        }
    }

    /// Who said what, or that it can not be read.
    pub fn reads(&mut self, id: &ConversationId, entry: &[u8]) -> Option<(u32, String)> {
        match self {
            Self::Ours(phone) => {
                let read = phone.session().decrypt(id, entry).ok()?;
                assert_eq!(read.authenticated_data, b"clear");
                let text = String::from_utf8(read.plaintext).unwrap();
                Some((read.sender.leaf, text))
            }
            Self::Theirs(theirs) => {
                let group = theirs.group.as_mut()?;
                let read = group.process_incoming_message(message(entry)).ok()?;
                let ReceivedMessage::ApplicationMessage(read) = read else {
                    return None;
                };
                assert_eq!(read.authenticated_data, b"clear");
                let text = String::from_utf8(read.data().to_vec()).unwrap();
                Some((read.sender_index, text))
            }
        }
    }

    /// All that two members of one epoch must agree in: epoch, authenticator, an exported secret,
    /// the group's context, the tree, the members.
    pub fn view(&mut self, id: &ConversationId) -> View {
        const LABEL: &str = "EXPORTER-comity test";
        match self {
            Self::Ours(phone) => {
                let mut session = phone.session();
                View {
                    epoch: session.epoch(id).unwrap(),
                    authenticator: session.epoch_authenticator(id).unwrap().to_vec(),
                    exported: session.export(id, LABEL, b"here", 48).unwrap().to_vec(),
                    context: session.context(id).unwrap(),
                    members: session.members(id).unwrap(),
                }
            }
            Self::Theirs(theirs) => {
                let group = theirs.group();
                let context = group.context().extensions.mls_encode_to_vec().unwrap();
                View {
                    epoch: group.current_epoch(),
                    authenticator: group.epoch_authenticator().unwrap()[..8].to_vec(),
                    exported: group
                        .export_secret(LABEL.as_bytes(), b"here", 48)
                        .unwrap()
                        .to_vec(),
                    context: context_of(&context),
                    members: members_of(group),
                }
            }
        }
    }
}

/// What a member sees of its conversation.
#[derive(Debug, PartialEq, Eq)]
pub struct View {
    pub epoch: u64,
    pub authenticator: Vec<u8>,
    pub exported: Vec<u8>,
    pub context: Context,
    pub members: Vec<Member>,
}

fn context_of(encoded: &[u8]) -> Context {
    let extensions = Extensions::tls_deserialize(&mut &encoded[..]).unwrap();
    Context::of_extensions(&extensions).unwrap()
}

fn members_of(group: &Group<Config>) -> Vec<Member> {
    group
        .roster()
        .members()
        .iter()
        .map(|member| {
            let basic = member.signing_identity.credential.as_basic().unwrap();
            let credential =
                openmls::prelude::BasicCredential::new(basic.identifier.clone()).into();
            let key = member.signing_identity.signature_key.as_bytes();
            Member::of_parts(member.index, &credential, key).unwrap()
        })
        .collect()
}
