//! Joining a conversation: by a welcome, or from outside.

use super::commits::{encode, external_change};
use super::error::{malformed, of_welcome};
use super::{
    EngineError, External, Joined, Judge, Pending, PendingRow, Provider, Result1, Session,
    context_of, encoded_header, join_config, leaf_parameters,
};
use crate::storage::Kind;
use comity_membership::{
    CommitHeader, Context, Member, conversation_of, members_of_tree, parse_group_info,
    parse_ratchet_tree, parse_welcome,
};
use comity_wire::ConversationId;
use openmls::prelude::{
    ExternalCommitBuilderFinalizeError, MlsGroup, MlsMessageOut, StagedWelcome,
};
use openmls_traits::OpenMlsProvider as _;

impl Session<'_> {
    /// Joins by a welcome, with the tree of its epoch. An old group of the conversation is
    /// replaced. Leaves' lifetimes are not checked: one that never updated must not keep
    /// everybody out.
    ///
    /// Who is in it is for the caller to judge: to refuse, it rolls back, or deletes the group
    /// (then the key package is used up).
    ///
    /// # Errors
    /// [`EngineError::NoMatchingKeyPackage`], and others.
    pub fn join(&mut self, welcome: &[u8], ratchet_tree: &[u8]) -> Result1<Joined> {
        self.join_if(welcome, ratchet_tree, |_| true)
    }

    /// As [`Self::join`], into this conversation only. A welcome that leads elsewhere may be a real
    /// one of a conversation that this device is in already: nothing of that one is touched.
    ///
    /// # Errors
    /// [`EngineError::AnotherConversation`], and as [`Self::join`].
    pub fn join_this(
        &mut self,
        conversation: &ConversationId,
        welcome: &[u8],
        ratchet_tree: &[u8],
    ) -> Result1<Joined> {
        self.join_if(welcome, ratchet_tree, |named| named == conversation)
    }

    fn join_if(
        &mut self,
        welcome: &[u8],
        ratchet_tree: &[u8],
        wanted: impl FnOnce(&ConversationId) -> bool,
    ) -> Result1<Joined> {
        let welcome = parse_welcome(welcome)?;
        let tree = parse_ratchet_tree(ratchet_tree)?;
        let staged = StagedWelcome::build_from_welcome(&self.provider, &join_config(), welcome)
            .map_err(of_welcome)?
            .with_ratchet_tree(tree)
            .replace_old_group()
            .skip_lifetime_validation()
            .build()
            .map_err(of_welcome)?;
        let context = Context::of_extensions(staged.group_context().extensions())?;
        let conversation = conversation_of(staged.group_context().group_id().as_slice())
            .filter(|named| *named == context.conversation)
            .ok_or_else(|| malformed("the welcome names no conversation"))?;
        if !wanted(&conversation) {
            return Err(EngineError::AnotherConversation);
        }
        if staged.group_context().ciphersuite() != self.provider.suite {
            return Err(malformed("not the cipher suite of this protocol"));
        }
        let members = staged
            .members()
            .map(|m| Member::of_parts(m.index.u32(), &m.credential, &m.signature_key))
            .collect::<Result<Vec<_>, _>>()?;
        let by = staged.welcome_sender_index().u32();
        let by = members
            .iter()
            .find(|member| member.leaf == by)
            .cloned()
            .ok_or_else(|| malformed("the welcome is by nobody in the group"))?;
        self.delete(&conversation)?;
        let group = staged.into_group(&self.provider).map_err(of_welcome)?;
        let epoch = group.epoch().as_u64();
        self.loaded.insert(conversation.clone(), group);
        self.note_leaf(&conversation)?;
        Ok(Joined {
            conversation,
            kind: context.kind,
            context,
            members,
            by,
            epoch,
        })
    }

    /// Checks the signatures of a tree's leaves, a step before
    /// [`Self::prepare_external_join`] with the same tree: it takes so much less time then.
    ///
    /// # Errors
    /// When one does not hold, or it is no tree.
    pub fn check_leaves(
        &mut self,
        conversation: &ConversationId,
        ratchet_tree: &[u8],
    ) -> Result1<()> {
        let tree = parse_ratchet_tree(ratchet_tree)?;
        let (suite, group_id) = (self.provider.suite, Self::group_id(conversation));
        self.provider
            .crypto
            .check_ahead(|crypto| tree.into_verified(suite, crypto, &group_id))
            .map_err(malformed)?;
        Ok(())
    }

    /// Makes a commit by which this device joins by itself, or comes back. The old group is
    /// replaced at once (see the module); the judge sees the members before.
    ///
    /// # Errors
    /// [`EngineError`]; the old group is still there then, unless the store failed.
    pub fn prepare_external_join(
        &mut self,
        conversation: &ConversationId,
        group_info: &[u8],
        ratchet_tree: &[u8],
        header: &CommitHeader,
        judge: Judge<'_>,
    ) -> Result1<Pending> {
        let info = parse_group_info(group_info)?;
        if *info.group_id() != Self::group_id(conversation)
            || info.ciphersuite() != self.provider.suite
        {
            return Err(malformed("not a group info of this conversation"));
        }
        let epoch_before = info.epoch().as_u64();
        let aad = encoded_header(header);
        let before = members_of_tree(ratchet_tree)?;
        let context = Context::of_extensions(info.group_context().extensions())?;
        if context.conversation != *conversation {
            return Err(malformed("not the context of this conversation"));
        }
        let own_key = self.keys.public();
        let replaced = before
            .iter()
            .find(|member| member.signature_key == own_key)
            .map(|member| member.leaf);
        // In the order of leaves: the first place that is not the next member's is free.
        let taken = (0..)
            .zip(&before)
            .take_while(|(place, member)| member.leaf == *place && Some(*place) != replaced);
        let free = u32::try_from(taken.count()).ok();
        let joiner = Member {
            leaf: free.unwrap_or_default(),
            address: self.address.clone(),
            device: self.keys.id(),
            signature_key: own_key.to_vec(),
        };
        let change = external_change(
            joiner,
            replaced,
            epoch_before.saturating_add(1),
            header.clone(),
        );
        judge(&change, &before, &context)?;
        // In memory the old group goes now; in the table not before everything was checked, so
        // that after an error it is loaded again.
        let old = self.loaded.remove(conversation);
        let provider = &self.provider;
        let builder = MlsGroup::external_commit_builder()
            .with_ratchet_tree(parse_ratchet_tree(ratchet_tree)?)
            .with_config(join_config())
            .with_aad(aad.clone())
            .skip_lifetime_validation()
            .build_group(provider, info, self.credential())
            .map_err(malformed)?;
        let complete = builder
            .leaf_node_parameters(leaf_parameters(provider.suite))
            .load_psks(provider.storage())
            .map_err(malformed)?
            .use_ratchet_tree_extension(false)
            .create_group_info(true)
            .build(provider.rand(), provider.crypto(), self.keys, |_| true)
            .map_err(malformed)?;
        delete_group(provider, conversation, old)?;
        let (group, bundle) = complete.finalize(provider).map_err(|error| match error {
            ExternalCommitBuilderFinalizeError::StorageError(error) => EngineError::Storage(error),
            other => malformed(other),
        })?;
        context_of(&group)?;
        let row = PendingRow {
            epoch_before,
            header: aad,
            external: Some(External { replaced }),
            new_leaf: true,
        };
        self.provider
            .storage
            .put(Kind::Pending, &Self::group_id(conversation), &row)?;
        self.loaded.insert(conversation.clone(), group);
        let info = bundle
            .group_info()
            .ok_or_else(|| malformed("no group info was made"))?
            .clone();
        Ok(Pending {
            commit: encode(bundle.commit())?,
            welcome: None,
            group_info: encode(&MlsMessageOut::from(info))?,
            epoch_before,
            state_key: crate::group_state::key(self, conversation)?,
        })
    }

    /// Deletes the group and all its keys.
    ///
    /// # Errors
    /// Only when the store fails; no group is no error.
    pub fn delete(&mut self, conversation: &ConversationId) -> Result1<()> {
        let loaded = self.loaded.remove(conversation);
        delete_group(&self.provider, conversation, loaded)
    }
}

fn delete_group(
    provider: &Provider<'_>,
    conversation: &ConversationId,
    loaded: Option<MlsGroup>,
) -> Result1<()> {
    let group_id = Session::group_id(conversation);
    let group = match loaded {
        Some(group) => Some(group),
        None => MlsGroup::load(&provider.storage, &group_id)?,
    };
    if let Some(mut group) = group {
        group.delete(provider.storage())?;
    }
    provider.storage.forget(Kind::Pending, &group_id)?;
    Ok(provider.storage.forget(Kind::LeafMade, &group_id)?)
}
