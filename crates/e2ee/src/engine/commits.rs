//! Making, confirming and taking commits.

use super::error::{malformed, of_processing, of_state};
use super::{
    EngineError, External, Judge, Merged, NewGroup, Pending, PendingRow, Plan, Result1, Session,
    context_of, encoded_header, join_config, leaf_parameters, load,
};
use crate::group_state::{LABEL, StateKey};
use crate::storage::Kind;
use comity_membership::change::{decode_header, member_at, members_of};
use comity_membership::rules::heir;
use comity_membership::{
    Change, CommitHeader, Committer, Context, Member, capabilities, parse_key_package,
    parse_message,
};
use comity_wire::{ConversationId, limits};
use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{
    CommitBuilderStageError, LeafNodeIndex, Lifetime, MergeCommitError, MergePendingCommitError,
    MlsGroup, MlsGroupCreateConfig, MlsMessageOut, OpenMlsCrypto as _, ProcessedMessageContent,
    Proposal, ProtocolMessage, QueuedProposal, Sender,
};
use openmls_traits::OpenMlsProvider as _;
use std::collections::BTreeSet;

/// What the library is told of a leaf's life. Hubs hand a key package out for
/// [`limits::KEY_PACKAGE_LIFE_MS`]; whoever was away as long as an entry is kept reads the commit
/// that used it only after that, and the library checks each addition against the reader's clock.
pub(super) const LIFETIME_S: u64 =
    ((limits::KEY_PACKAGE_LIFE_MS + limits::ENTRY_LIFE_MS) / 1000) as u64 + 24 * 3_600;

impl Session<'_> {
    /// Makes a conversation with this device alone in it, at epoch 0. A group with this id that
    /// is here already is replaced.
    ///
    /// # Errors
    /// [`EngineError`] when the roles do not fit the kind, or the store fails.
    pub fn create(
        &mut self,
        conversation: &ConversationId,
        context: &Context,
    ) -> Result1<NewGroup> {
        if context.conversation != *conversation {
            return Err(malformed("the context is another conversation's"));
        }
        self.delete(conversation)?;
        debug_assert!(self.provider.crypto().supports(self.provider.suite).is_ok());
        let join = join_config();
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(self.provider.suite)
            .capabilities(capabilities(self.provider.suite))
            .lifetime(Lifetime::new(LIFETIME_S))
            .wire_format_policy(join.wire_format_policy())
            .padding_size(join.padding_size())
            .max_past_epochs(super::past_epochs())
            .sender_ratchet_configuration(*join.sender_ratchet_configuration())
            .use_ratchet_tree_extension(false)
            .with_group_context_extensions(context.to_extensions()?)
            .build();
        let group = MlsGroup::new_with_group_id(
            &self.provider,
            self.keys,
            &config,
            Self::group_id(conversation),
            self.credential(),
        )
        .map_err(malformed)?;
        self.loaded.insert(conversation.clone(), group);
        self.note_leaf(conversation)?;
        self.made(conversation)
    }

    /// A group of this device's as a hub that does not have it yet wants it: the same group, however
    /// often it is asked for.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn made(&mut self, conversation: &ConversationId) -> Result1<NewGroup> {
        let group_info = self.group_info(conversation)?;
        let group = load(self.loaded, &self.provider, conversation)?;
        Ok(NewGroup {
            group_info,
            ratchet_tree: group
                .export_ratchet_tree()
                .tls_serialize_detached()
                .map_err(malformed)?,
        })
    }

    /// Makes a commit; it waits in the stored group until it is confirmed, discarded, or another
    /// one wins. Removals that the app proposed go with it.
    ///
    /// # Errors
    /// [`EngineError::PendingCommit`] when one waits already, and others.
    pub fn commit(
        &mut self,
        conversation: &ConversationId,
        plan: Plan,
        header: &CommitHeader,
    ) -> Result1<Pending> {
        if self.pending_row(conversation)?.is_some() {
            return Err(EngineError::PendingCommit);
        }
        let packages = plan
            .add
            .iter()
            .map(|bytes| parse_key_package(bytes))
            .collect::<Result<Vec<_>, _>>()?;
        let group = load(self.loaded, &self.provider, conversation)?;
        if !group.is_active() {
            return Err(EngineError::NotFound);
        }
        let members = members_of(group.public_group())?;
        let own = group.own_leaf_index();
        let removed: Vec<_> = members
            .iter()
            .filter(|member| plan.remove.contains(&member.device))
            .map(|member| LeafNodeIndex::new(member.leaf))
            .collect();
        let context = with_heir(group, &members, &removed, plan.context)?;
        let extensions = context.as_ref().map(Context::to_extensions);
        let extensions = extensions.transpose()?;
        let not_own_removal = |queued: &QueuedProposal| !matches!(queued.proposal(), Proposal::Remove(remove) if remove.removed() == own);
        let epoch_before = group.epoch().as_u64();
        let aad = encoded_header(header);
        group.set_aad(aad.clone());
        let mut builder = group
            .commit_builder()
            .propose_adds(packages)
            .propose_removals(removed);
        if let Some(extensions) = extensions {
            builder = builder
                .propose_group_context_extensions(extensions)
                .map_err(malformed)?;
        }
        let made = builder
            .force_self_update(plan.update_self)
            .leaf_node_parameters(leaf_parameters(self.provider.suite))
            .load_psks(self.provider.storage())
            .map_err(malformed)
            .and_then(|builder| {
                builder
                    .use_ratchet_tree_extension(false)
                    .create_group_info(true)
                    .build(
                        self.provider.rand(),
                        self.provider.crypto(),
                        self.keys,
                        not_own_removal,
                    )
                    .map_err(malformed)
            })
            .and_then(|builder| {
                builder
                    .stage_commit(&self.provider)
                    .map_err(|error| match error {
                        CommitBuilderStageError::KeyStoreError(error) => {
                            EngineError::Storage(error)
                        }
                        other => malformed(other),
                    })
            });
        let bundle = match made {
            Ok(bundle) => bundle,
            Err(error) => {
                // Not persisted: the next message must not carry it.
                group.set_aad(Vec::new());
                return Err(error);
            }
        };
        let staged = group.pending_commit().ok_or(EngineError::NoPendingCommit)?;
        let new_leaf = staged.update_path_leaf_node().is_some();
        let place = Self::group_id(conversation);
        let exported = staged
            .export_secret(self.provider.crypto(), LABEL, place.as_slice(), 32)
            .map_err(malformed)?;
        let state_key = StateKey::from_bytes(&exported)?;
        let row = PendingRow {
            epoch_before,
            header: aad,
            external: None,
            new_leaf,
        };
        self.provider
            .storage
            .put(Kind::Pending, &Self::group_id(conversation), &row)?;
        let info = bundle
            .group_info()
            .ok_or_else(|| malformed("no group info was made"))?
            .clone();
        Ok(Pending {
            commit: encode(bundle.commit())?,
            welcome: bundle.to_welcome_msg().as_ref().map(encode).transpose()?,
            group_info: encode(&MlsMessageOut::from(info))?,
            epoch_before,
            state_key,
        })
    }

    /// The hub took our commit: it takes effect.
    ///
    /// # Errors
    /// [`EngineError::NoPendingCommit`], and others.
    pub fn confirm_pending(&mut self, conversation: &ConversationId) -> Result1<Merged> {
        let row = self
            .pending_row(conversation)?
            .ok_or(EngineError::NoPendingCommit)?;
        let header = decode_header(&row.header)?;
        let group = load(self.loaded, &self.provider, conversation)?;
        let own = group.own_leaf_index();
        let change = if let Some(External { replaced }) = row.external {
            let joiner = member_at(group.public_group(), own.u32())?;
            external_change(joiner, replaced, group.epoch().as_u64(), header)
        } else {
            let staged = group.pending_commit().ok_or(EngineError::NoPendingCommit)?;
            let sender = Sender::Member(own);
            let change = Change::of_commit(group.public_group(), staged, &sender, &row.header)?;
            group
                .merge_pending_commit(&self.provider)
                .map_err(|error| match error {
                    MergePendingCommitError::MlsGroupStateError(error) => of_state(error),
                    MergePendingCommitError::MergeCommitError(error) => of_merge(error),
                })?;
            change
        };
        let epoch = group.epoch().as_u64();
        self.forget_pending_row(conversation)?;
        if row.new_leaf {
            self.note_leaf(conversation)?;
        }
        Ok(Merged {
            epoch,
            change,
            self_removed: false,
        })
    }

    /// The hub refused our commit, or another one won. A join from outside that is discarded
    /// leaves no group.
    ///
    /// # Errors
    /// Only when the store fails; nothing pending is no error.
    pub fn discard_pending(&mut self, conversation: &ConversationId) -> Result1<()> {
        match self.pending_row(conversation)? {
            None => Ok(()),
            Some(row) if row.external.is_some() => self.delete(conversation),
            Some(_) => {
                let group = load(self.loaded, &self.provider, conversation)?;
                group.clear_pending_commit(self.provider.storage())?;
                self.forget_pending_row(conversation)
            }
        }
    }

    /// Takes somebody else's commit: stages it, asks the judge, merges it. A commit of our own
    /// that waited is gone then; our own commit, come back, is confirmed.
    ///
    /// # Errors
    /// [`EngineError`]; nothing was merged.
    pub fn process_commit(
        &mut self,
        conversation: &ConversationId,
        body: &[u8],
        judge: Judge<'_>,
    ) -> Result1<Merged> {
        self.not_joining(conversation)?;
        let group = load(self.loaded, &self.provider, conversation)?;
        let message = public_message(group, body)?;
        let processed = group
            .process_message(&self.provider, message)
            .map_err(of_processing)?;
        let sender = processed.sender().clone();
        let aad = processed.aad().to_vec();
        let staged = match processed.into_content() {
            ProcessedMessageContent::StagedCommitMessage(staged) => staged,
            ProcessedMessageContent::OwnPendingCommit => return self.confirm_pending(conversation),
            _ => return Err(malformed("not a commit")),
        };
        let change = Change::of_commit(group.public_group(), &staged, &sender, &aad)?;
        let context = context_of(group)?;
        judge(&change, &members_of(group.public_group())?, &context)?;
        let self_removed = staged.self_removed();
        group
            .merge_staged_commit(&self.provider, *staged)
            .map_err(of_merge)?;
        let epoch = group.epoch().as_u64();
        self.forget_pending_row(conversation)?;
        Ok(Merged {
            epoch,
            change,
            self_removed,
        })
    }

    /// Takes a removal that the hub's app proposes; it waits for the next commit, ours or
    /// another's. Nothing is sent before ([`EngineError::CommitFirst`]).
    ///
    /// # Errors
    /// [`EngineError`] when it is anything else than a removal by the app.
    pub fn process_proposal(
        &mut self,
        conversation: &ConversationId,
        body: &[u8],
    ) -> Result1<Change> {
        self.not_joining(conversation)?;
        let group = load(self.loaded, &self.provider, conversation)?;
        let message = public_message(group, body)?;
        let processed = group
            .process_message(&self.provider, message)
            .map_err(of_processing)?;
        if !matches!(processed.sender(), Sender::External(_)) {
            return Err(malformed("a proposal on its own that is not the app's"));
        }
        let ProcessedMessageContent::ProposalMessage(proposal) = processed.into_content() else {
            return Err(malformed("not a proposal"));
        };
        let change = Change::of_app_proposal(group.public_group(), proposal.proposal())?;
        group.store_pending_proposal(self.provider.storage(), *proposal)?;
        Ok(change)
    }
}

/// What a join from outside does.
pub(super) fn external_change(
    joiner: Member,
    replaced: Option<u32>,
    epoch_after: u64,
    header: CommitHeader,
) -> Change {
    Change {
        removed: replaced
            .map(|leaf| Member {
                leaf,
                ..joiner.clone()
            })
            .into_iter()
            .collect(),
        committer: Committer::External { joiner },
        added: Vec::new(),
        removed_by_app: Vec::new(),
        updated: Vec::new(),
        context_after: None,
        epoch_after,
        header,
    }
}

/// A handshake of this group and epoch.
fn public_message(group: &MlsGroup, body: &[u8]) -> Result1<ProtocolMessage> {
    if !group.is_active() {
        return Err(EngineError::NotFound);
    }
    let message = parse_message(body)?;
    if !matches!(message, ProtocolMessage::PublicMessage(_))
        || message.group_id() != group.group_id()
    {
        return Err(malformed("not a handshake of this conversation"));
    }
    match message.epoch().cmp(&group.epoch()) {
        std::cmp::Ordering::Less => Err(EngineError::StaleEpoch),
        std::cmp::Ordering::Greater => Err(EngineError::FutureEpoch),
        std::cmp::Ordering::Equal => Ok(message),
    }
}

pub(super) fn encode(message: &MlsMessageOut) -> Result1<Vec<u8>> {
    message.tls_serialize_detached().map_err(malformed)
}

fn of_merge(error: MergeCommitError<crate::storage::StorageError>) -> EngineError {
    match error {
        MergeCommitError::StorageError(error) => EngineError::Storage(error),
        other => malformed(other),
    }
}

/// The context that a commit says: as planned, and with an heir where the last admin goes by it or
/// by what the app proposed. None where it stays as it is.
fn with_heir(
    group: &MlsGroup,
    members: &[Member],
    removed: &[LeafNodeIndex],
    planned: Option<Context>,
) -> Result1<Option<Context>> {
    let own = group.own_leaf_index();
    let proposed = group
        .pending_proposals()
        .filter_map(|queued| match queued.proposal() {
            Proposal::Remove(remove) => Some(remove.removed()),
            _ => None,
        });
    let goes: BTreeSet<u32> = removed
        .iter()
        .copied()
        .chain(proposed)
        .filter(|leaf| *leaf != own)
        .map(|leaf| leaf.u32())
        .collect();
    let now = context_of(group)?;
    let after = planned.as_ref().unwrap_or(&now);
    match heir(after, members, &|leaf| goes.contains(&leaf)) {
        Some(heir) => Ok(Some(after.with_admin(&heir))),
        None => Ok(planned),
    }
}
