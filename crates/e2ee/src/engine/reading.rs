//! What can be asked of a group without changing it.

use super::commits::encode;
use super::error::malformed;
use super::{EngineError, Result1, Session, context_of, load};
use crate::storage::Kind;
use comity_membership::change::members_of;
use comity_membership::{Context, Member};
use comity_wire::ConversationId;
use openmls::prelude::MlsGroup;
use openmls::treesync::LeafNodeSource;
use openmls_traits::OpenMlsProvider as _;
use zeroize::Zeroizing;

impl Session<'_> {
    fn group(&mut self, conversation: &ConversationId) -> Result1<&mut MlsGroup> {
        load(self.loaded, &self.provider, conversation)
    }

    /// True when there is a group of the conversation, even one that this device was removed from.
    ///
    /// # Errors
    /// When the store fails.
    pub fn has(&mut self, conversation: &ConversationId) -> Result1<bool> {
        match self.group(conversation) {
            Ok(_) => Ok(true),
            Err(EngineError::NotFound) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// True when this device is in the conversation, as far as it knows.
    ///
    /// # Errors
    /// When the store fails.
    pub fn is_active(&mut self, conversation: &ConversationId) -> Result1<bool> {
        match self.group(conversation) {
            Ok(group) => Ok(group.is_active()),
            Err(EngineError::NotFound) => Ok(false),
            Err(other) => Err(other),
        }
    }

    /// True when a commit of our own waits, a join from outside included.
    ///
    /// # Errors
    /// When the store fails.
    pub fn has_pending(&mut self, conversation: &ConversationId) -> Result1<bool> {
        Ok(self.pending_row(conversation)?.is_some())
    }

    /// True when a removal that the app proposed waits to be committed.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], or when the store fails.
    pub fn has_proposals(&mut self, conversation: &ConversationId) -> Result1<bool> {
        Ok(self.group(conversation)?.has_pending_proposals())
    }

    /// The members, by leaf index.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], or when the store fails.
    pub fn members(&mut self, conversation: &ConversationId) -> Result1<Vec<Member>> {
        Ok(members_of(self.group(conversation)?.public_group())?)
    }

    /// The epoch.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], or when the store fails.
    pub fn epoch(&mut self, conversation: &ConversationId) -> Result1<u64> {
        Ok(self.group(conversation)?.epoch().as_u64())
    }

    /// The context.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], or when the store fails.
    pub fn context(&mut self, conversation: &ConversationId) -> Result1<Context> {
        context_of(self.group(conversation)?)
    }

    /// The first bytes of the epoch authenticator: two members at one epoch that differ here are
    /// on two branches.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], or when the store fails.
    pub fn epoch_authenticator(&mut self, conversation: &ConversationId) -> Result1<[u8; 8]> {
        let group = self.group(conversation)?;
        group
            .epoch_authenticator()
            .as_slice()
            .first_chunk()
            .copied()
            .ok_or_else(|| malformed("a short epoch authenticator"))
    }

    /// When the own leaf's keys were made (Unix seconds): they are due for an update some time
    /// after. `None` when it was never noted.
    ///
    /// # Errors
    /// When the store fails.
    pub fn own_leaf_made_s(&mut self, conversation: &ConversationId) -> Result1<Option<u64>> {
        Ok(self
            .provider
            .storage
            .get(Kind::LeafMade, &Self::group_id(conversation))?)
    }

    /// True while the own leaf is the one of its key package: it expires, and wants an update.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], or when the store fails.
    pub fn own_leaf_never_updated(&mut self, conversation: &ConversationId) -> Result1<bool> {
        let leaf = self
            .group(conversation)?
            .own_leaf_node()
            .ok_or(EngineError::NotFound)?;
        Ok(matches!(
            leaf.leaf_node_source(),
            LeafNodeSource::KeyPackage(_)
        ))
    }

    /// A new group info of the current epoch, signed by this device: in place of one with which a
    /// join failed.
    ///
    /// # Errors
    /// [`EngineError::PendingCommit`] while a join of this device waits, and others.
    pub fn group_info(&mut self, conversation: &ConversationId) -> Result1<Vec<u8>> {
        self.not_joining(conversation)?;
        let group = load(self.loaded, &self.provider, conversation)?;
        if !group.is_active() {
            return Err(EngineError::NotFound);
        }
        let info = group
            .export_group_info(self.provider.crypto(), self.keys, false)
            .map_err(malformed)?;
        encode(&info)
    }

    /// A secret of the current epoch, for this label and context.
    ///
    /// # Errors
    /// [`EngineError::NotFound`], or when the store fails.
    pub fn export(
        &mut self,
        conversation: &ConversationId,
        label: &str,
        context: &[u8],
        length: usize,
    ) -> Result1<Zeroizing<Vec<u8>>> {
        let group = load(self.loaded, &self.provider, conversation)?;
        if !group.is_active() {
            return Err(EngineError::NotFound);
        }
        group
            .export_secret(self.provider.crypto(), label, context, length)
            .map(Zeroizing::new)
            .map_err(malformed)
    }
}
