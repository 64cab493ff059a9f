//! What a hub keeps of a conversation's MLS group: everything public, nothing secret.
//!
//! Always holds: the state is that of some epoch, reached by commits that MLS accepts; whether a
//! change is allowed is for [`crate::rules::check`], which the hub asks between
//! [`PublicState::stage_commit`] and [`PublicState::merge`]. Deliberately absent: the log, the
//! group info (kept beside the state by who stores it), keys.

use crate::change::members_of;
use crate::crypto::Crypto;
use crate::messages::{group_id, parse_group_info, parse_message, parse_ratchet_tree};
use crate::public_storage::{PublicStorage, Values, decode, encode};
use crate::{Change, Committer, Context, Member, MlsError, SUITE};
use comity_wire::ConversationId;
use comity_wire::proto::ConversationKind;
use ed25519_dalek::{Signer as _, SigningKey};
use openmls::group::{GroupContext, PublicGroup, StagedCommit};
use openmls::messages::external_proposals::ExternalProposal;
use openmls::messages::group_info::VerifiableGroupInfo;
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _, Size as _, VLBytes};
use openmls::prelude::{
    Ciphersuite, LeafNodeIndex, OpenMlsSignaturePublicKey, ProcessedMessageContent, Proposal,
    ProposalStore, ProtocolMessage, Sender, SenderExtensionIndex, SignatureScheme, Verifiable as _,
};
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::signatures::{Signer, SignerError};
use serde::{Deserialize, Serialize};

/// The public state of one conversation's group.
#[derive(Debug)]
pub struct PublicState {
    group: PublicGroup,
    storage: PublicStorage,
    context: Context,
}

/// A commit that MLS accepts, not yet merged.
#[derive(Debug)]
pub struct StagedPublic {
    staged: Box<StagedCommit>,
    confirmation_tag: Vec<u8>,
    committer: Member,
}

#[derive(Serialize, Deserialize)]
struct Blob {
    version: u8,
    group_id: Vec<u8>,
    values: Values,
}

const BLOB_VERSION: u8 = 1;

fn invalid(error: impl std::fmt::Display) -> MlsError {
    MlsError::Invalid(error.to_string())
}

impl PublicState {
    /// The state of a conversation that was just made: one member, epoch 0, of [`SUITE`].
    ///
    /// # Errors
    /// [`MlsError`] when the objects do not verify, or describe another conversation.
    pub fn create(
        group_info: &[u8],
        ratchet_tree: &[u8],
        expected: &ConversationId,
        kind: ConversationKind,
    ) -> Result<Self, MlsError> {
        Self::create_of_suite(SUITE, group_info, ratchet_tree, expected, kind)
    }

    /// [`Self::create`] for a conversation that is pinned to another suite. It keeps that suite
    /// for ever: no commit changes it.
    ///
    /// # Errors
    /// [`MlsError`] when the objects do not verify, or describe another conversation.
    pub fn create_of_suite(
        suite: Ciphersuite,
        group_info: &[u8],
        ratchet_tree: &[u8],
        expected: &ConversationId,
        kind: ConversationKind,
    ) -> Result<Self, MlsError> {
        let info = parse_group_info(group_info)?;
        if info.ciphersuite() != suite {
            return Err(MlsError::Suite);
        }
        if *info.group_id() != group_id(expected) {
            return Err(MlsError::WrongGroup);
        }
        if info.epoch().as_u64() != 0 {
            return Err(MlsError::GroupInfo("the epoch is not 0"));
        }
        has_what_joiners_need(&info)?;
        let tree = parse_ratchet_tree(ratchet_tree)?;
        let storage = PublicStorage::default();
        let (group, _) = PublicGroup::from_external(
            &Crypto::default(),
            &storage,
            tree,
            info,
            ProposalStore::new(),
        )
        .map_err(invalid)?;
        let context = Context::of_extensions(group.group_context().extensions())?;
        if context.conversation != *expected || context.kind != kind {
            return Err(MlsError::Context("not the conversation that was announced"));
        }
        let state = Self {
            group,
            storage,
            context,
        };
        match state.members()?.as_slice() {
            [only] if state.context.names(&only.address) => Ok(state),
            _ => Err(MlsError::Context(
                "not one of a single member who has a role",
            )),
        }
    }

    /// The whole state as one blob.
    ///
    /// # Errors
    /// [`MlsError::State`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, MlsError> {
        let blob = Blob {
            version: BLOB_VERSION,
            group_id: self.group.group_id().to_vec(),
            values: self.storage.values(),
        };
        encode(&blob).map_err(|_| MlsError::State)
    }

    /// Back from [`Self::to_bytes`].
    ///
    /// # Errors
    /// [`MlsError::State`] when it is not such a blob.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MlsError> {
        let blob: Blob = decode(bytes).map_err(|_| MlsError::State)?;
        if blob.version != BLOB_VERSION {
            return Err(MlsError::State);
        }
        let storage = PublicStorage::new(blob.values);
        let id = openmls::prelude::GroupId::from_slice(&blob.group_id);
        let group = PublicGroup::load(&storage, &id)
            .map_err(|_| MlsError::State)?
            .ok_or(MlsError::State)?;
        let context = Context::of_extensions(group.group_context().extensions())?;
        Ok(Self {
            group,
            storage,
            context,
        })
    }

    /// The current epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.group.group_context().epoch().as_u64()
    }

    /// The members, by leaf index.
    ///
    /// # Errors
    /// [`MlsError::Identity`]: can not happen after the checks that let them in.
    pub fn members(&self) -> Result<Vec<Member>, MlsError> {
        members_of(&self.group)
    }

    /// The conversation's context.
    #[must_use]
    pub fn context(&self) -> &Context {
        &self.context
    }

    /// The current tree, TLS-encoded.
    ///
    /// # Errors
    /// [`MlsError::State`].
    pub fn ratchet_tree(&self) -> Result<Vec<u8>, MlsError> {
        self.group
            .export_ratchet_tree()
            .tls_serialize_detached()
            .map_err(|_| MlsError::State)
    }

    /// Leaves whose removal the app proposed in this epoch.
    #[must_use]
    pub fn proposed_removals(&self) -> Vec<u32> {
        let queued: Vec<(openmls::prelude::hash_ref::ProposalRef, _)> = self
            .group
            .queued_proposals(&self.storage)
            .unwrap_or_default();
        queued
            .iter()
            .filter_map(|(_, queued)| match queued.proposal() {
                Proposal::Remove(remove) => Some(remove.removed().u32()),
                _ => None,
            })
            .collect()
    }

    /// Checks a commit as far as MLS goes: framing, epoch, signatures, tree.
    ///
    /// # Errors
    /// [`MlsError`], by what is wrong.
    pub fn stage_commit(&self, commit: &[u8]) -> Result<(Change, StagedPublic), MlsError> {
        let message = parse_message(commit)?;
        let ProtocolMessage::PublicMessage(public) = &message else {
            return Err(MlsError::Malformed("public message"));
        };
        if public.group_id() != self.group.group_id() {
            return Err(MlsError::WrongGroup);
        }
        match public.epoch().as_u64().cmp(&self.epoch()) {
            std::cmp::Ordering::Less => return Err(MlsError::StaleEpoch),
            std::cmp::Ordering::Greater => return Err(MlsError::FutureEpoch),
            std::cmp::Ordering::Equal => {}
        }
        let confirmation_tag = public
            .confirmation_tag()
            .and_then(|tag| tag.tls_serialize_detached().ok())
            .ok_or(MlsError::Malformed("commit"))?;
        let processed = self
            .group
            .process_message(&Crypto::default(), message)
            .map_err(invalid)?;
        let sender: Sender = processed.sender().clone();
        let authenticated_data = processed.aad().to_vec();
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            return Err(MlsError::Malformed("commit"));
        };
        let change = Change::of_commit(&self.group, &staged, &sender, &authenticated_data)?;
        let committer = match &change.committer {
            Committer::Member(member) | Committer::External { joiner: member } => member.clone(),
            Committer::App => return Err(MlsError::Unsupported("a commit by the app")),
        };
        // An update keeps the key (`rules::check`), so the key before is the key after.
        Ok((
            change,
            StagedPublic {
                staged,
                confirmation_tag,
                committer,
            },
        ))
    }

    /// Checks that a group info describes the epoch that the commit leads to, and is signed by
    /// the committer.
    ///
    /// The external key inside can not be checked from outside: a member may replace a group info
    /// with which a join failed.
    ///
    /// # Errors
    /// [`MlsError::GroupInfo`] and others, by what is wrong.
    pub fn check_group_info(
        &self,
        staged: &StagedPublic,
        group_info: &[u8],
    ) -> Result<(), MlsError> {
        let info = parse_group_info(group_info)?;
        check_info(
            &info,
            staged.staged.group_context(),
            &staged.confirmation_tag,
            &staged.committer,
        )
    }

    /// Checks a group info for the current epoch, by any member: for replacing a broken one.
    ///
    /// # Errors
    /// [`MlsError::GroupInfo`] and others, by what is wrong.
    pub fn check_current_group_info(&self, group_info: &[u8]) -> Result<(), MlsError> {
        let info = parse_group_info(group_info)?;
        let (_, signer) = tail(&info)?;
        let node = self.group.leaf(LeafNodeIndex::new(signer));
        let node = node.ok_or(MlsError::GroupInfo("its signer is not a member"))?;
        let member = Member::of_leaf(signer, node)?;
        let tag = self.group.confirmation_tag().tls_serialize_detached();
        let tag = tag.map_err(|_| MlsError::State)?;
        check_info(&info, self.group.group_context(), &tag, &member)
    }

    /// Takes a staged commit: the next epoch begins. Proposals of the epoch before are gone.
    ///
    /// # Errors
    /// [`MlsError::State`]; the state must then be read from its blob again.
    pub fn merge(&mut self, staged: StagedPublic) -> Result<(), MlsError> {
        self.group
            .merge_commit(&self.storage, *staged.staged)
            .map_err(|_| MlsError::State)?;
        self.context = Context::of_extensions(self.group.group_context().extensions())?;
        Ok(())
    }

    /// Proposes, as the app, to remove a leaf; the proposal is kept, so that a commit that refers
    /// to it validates. Returns the message for the log.
    ///
    /// # Errors
    /// [`MlsError`] when there is no such leaf or the key is not the app's.
    pub fn propose_removal(
        &mut self,
        leaf: u32,
        app_signing_key: &[u8; 32],
    ) -> Result<Vec<u8>, MlsError> {
        crate::change::member_at(&self.group, leaf)?;
        let message = ExternalProposal::new_remove::<OpenMlsRustCrypto>(
            LeafNodeIndex::new(leaf),
            self.group.group_id().clone(),
            self.group.group_context().epoch(),
            &AppSigner(SigningKey::from_bytes(app_signing_key)),
            SenderExtensionIndex::new(0),
        )
        .map_err(invalid)?;
        let bytes = message
            .tls_serialize_detached()
            .map_err(|_| MlsError::State)?;
        let processed = self
            .group
            .process_message(&Crypto::default(), parse_message(&bytes)?)
            .map_err(invalid)?;
        let ProcessedMessageContent::ProposalMessage(proposal) = processed.into_content() else {
            return Err(MlsError::State);
        };
        self.group
            .add_proposal(&self.storage, *proposal)
            .map_err(|_| MlsError::State)?;
        Ok(bytes)
    }
}

struct AppSigner(SigningKey);

impl Signer for AppSigner {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

fn check_info(
    info: &VerifiableGroupInfo,
    context: &GroupContext,
    confirmation_tag: &[u8],
    signed_by: &Member,
) -> Result<(), MlsError> {
    // Group, suite, epoch, tree hash, transcript and extensions, all at once.
    if info.group_context() != context {
        return Err(MlsError::GroupInfo("another group context"));
    }
    has_what_joiners_need(info)?;
    let (tag, signer) = tail(info)?;
    if tag != confirmation_tag {
        return Err(MlsError::GroupInfo("another confirmation tag"));
    }
    if signer != signed_by.leaf {
        return Err(MlsError::GroupInfo("not signed by the committer"));
    }
    let key = OpenMlsSignaturePublicKey::new(
        signed_by.signature_key.clone().into(),
        info.ciphersuite().signature_algorithm(),
    )
    .map_err(|_| MlsError::GroupInfo("the signer's key"))?;
    info.verify_no_out(&Crypto::default(), &key)
        .map_err(|_| MlsError::GroupInfo("its signature does not hold"))
}

fn has_what_joiners_need(info: &VerifiableGroupInfo) -> Result<(), MlsError> {
    if info.extensions().external_pub().is_none() {
        return Err(MlsError::GroupInfo("no external key to join by"));
    }
    if info.extensions().ratchet_tree().is_some() {
        return Err(MlsError::GroupInfo("the tree is inside"));
    }
    Ok(())
}

/// Confirmation tag (encoded) and signer of a group info, which the library keeps to itself: they
/// follow the context and the extensions (RFC 9420, 12.4.3).
fn tail(info: &VerifiableGroupInfo) -> Result<(Vec<u8>, u32), MlsError> {
    let malformed = || MlsError::Malformed("group info");
    let bytes = info.tls_serialize_detached().map_err(|_| malformed())?;
    let skip = info.group_context().tls_serialized_len() + info.extensions().tls_serialized_len();
    let mut rest = bytes.get(skip..).ok_or_else(malformed)?;
    let tag = VLBytes::tls_deserialize(&mut rest).map_err(|_| malformed())?;
    let signer = u32::tls_deserialize(&mut rest).map_err(|_| malformed())?;
    Ok((
        tag.tls_serialize_detached().map_err(|_| malformed())?,
        signer,
    ))
}
