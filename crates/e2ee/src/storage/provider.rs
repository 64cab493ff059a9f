//! OpenMLS's storage, method by method, on the table of the module above.

use super::{Kind, Result, Storage, StorageError};
use openmls_traits::storage::{CURRENT_VERSION, StorageProvider, traits};

/// A put and a get of one value of a group.
macro_rules! group_values {
    ($($kind:ident, $trait:ident: $put:ident, $get:ident;)+) => {$(
        fn $put<G: traits::GroupId<CURRENT_VERSION>, T: traits::$trait<CURRENT_VERSION>>(
            &self,
            group_id: &G,
            value: &T,
        ) -> Result<()> {
            self.put(Kind::$kind, group_id, value)
        }

        fn $get<G: traits::GroupId<CURRENT_VERSION>, T: traits::$trait<CURRENT_VERSION>>(
            &self,
            group_id: &G,
        ) -> Result<Option<T>> {
            self.get(Kind::$kind, group_id)
        }
    )+};
}

macro_rules! group_deletes {
    ($($kind:ident: $delete:ident;)+) => {$(
        fn $delete<G: traits::GroupId<CURRENT_VERSION>>(&self, group_id: &G) -> Result<()> {
            self.forget(Kind::$kind, group_id)
        }
    )+};
}

impl StorageProvider<CURRENT_VERSION> for Storage<'_> {
    type Error = StorageError;

    group_values! {
        JoinConfig, MlsGroupJoinConfig: write_mls_join_config, mls_group_join_config;
        Tree, TreeSync: write_tree, tree;
        Transcript, InterimTranscriptHash: write_interim_transcript_hash, interim_transcript_hash;
        Context, GroupContext: write_context, group_context;
        ConfirmationTag, ConfirmationTag: write_confirmation_tag, confirmation_tag;
        ResumptionPsks, ResumptionPskStore: write_resumption_psk_store, resumption_psk_store;
        OwnLeafIndex, LeafNodeIndex: write_own_leaf_index, own_leaf_index;
        EpochSecrets, GroupEpochSecrets: write_group_epoch_secrets, group_epoch_secrets;
    }

    group_deletes! {
        OwnLeafNodes: delete_own_leaf_nodes;
        JoinConfig: delete_group_config;
        Tree: delete_tree;
        ConfirmationTag: delete_confirmation_tag;
        GroupState: delete_group_state;
        Context: delete_context;
        Transcript: delete_interim_transcript_hash;
        MessageSecrets: delete_message_secrets;
        ResumptionPsks: delete_all_resumption_psk_secrets;
        OwnLeafIndex: delete_own_leaf_index;
        EpochSecrets: delete_group_epoch_secrets;
    }

    fn write_message_secrets<
        G: traits::GroupId<CURRENT_VERSION>,
        M: traits::MessageSecrets<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        secrets: &M,
    ) -> Result<()> {
        self.put_message_secrets(group_id, secrets)
    }

    fn message_secrets<
        G: traits::GroupId<CURRENT_VERSION>,
        M: traits::MessageSecrets<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
    ) -> Result<Option<M>> {
        self.get(Kind::MessageSecrets, group_id)
    }

    fn write_group_state<
        S: traits::GroupState<CURRENT_VERSION>,
        G: traits::GroupId<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        state: &S,
    ) -> Result<()> {
        self.put(Kind::GroupState, group_id, state)
    }

    fn group_state<S: traits::GroupState<CURRENT_VERSION>, G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<Option<S>> {
        self.get(Kind::GroupState, group_id)
    }

    fn append_own_leaf_node<
        G: traits::GroupId<CURRENT_VERSION>,
        L: traits::LeafNode<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        leaf_node: &L,
    ) -> Result<()> {
        let mut nodes: Vec<ciborium::Value> = self.list(Kind::OwnLeafNodes, group_id)?;
        nodes.push(ciborium::Value::serialized(leaf_node).map_err(|_| StorageError::Codec)?);
        self.put(Kind::OwnLeafNodes, group_id, &nodes)
    }

    fn own_leaf_nodes<G: traits::GroupId<CURRENT_VERSION>, L: traits::LeafNode<CURRENT_VERSION>>(
        &self,
        group_id: &G,
    ) -> Result<Vec<L>> {
        self.list(Kind::OwnLeafNodes, group_id)
    }

    fn queue_proposal<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        P: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        reference: &R,
        proposal: &P,
    ) -> Result<()> {
        self.put(Kind::Proposal, &(group_id, reference), proposal)?;
        let mut refs: Vec<ciborium::Value> = self.list(Kind::ProposalRefs, group_id)?;
        let reference = ciborium::Value::serialized(reference).map_err(|_| StorageError::Codec)?;
        if !refs.contains(&reference) {
            refs.push(reference);
        }
        self.put(Kind::ProposalRefs, group_id, &refs)
    }

    fn queued_proposal_refs<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
    ) -> Result<Vec<R>> {
        self.list(Kind::ProposalRefs, group_id)
    }

    fn queued_proposals<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        P: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
    ) -> Result<Vec<(R, P)>> {
        let refs: Vec<R> = self.list(Kind::ProposalRefs, group_id)?;
        refs.into_iter()
            .map(|reference| {
                let proposal = self
                    .get(Kind::Proposal, &(group_id, &reference))?
                    .ok_or(StorageError::Codec)?;
                Ok((reference, proposal))
            })
            .collect()
    }

    fn remove_proposal<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        reference: &R,
    ) -> Result<()> {
        self.forget(Kind::Proposal, &(group_id, reference))?;
        let mut refs: Vec<ciborium::Value> = self.list(Kind::ProposalRefs, group_id)?;
        let gone = ciborium::Value::serialized(reference).map_err(|_| StorageError::Codec)?;
        refs.retain(|reference| *reference != gone);
        self.put(Kind::ProposalRefs, group_id, &refs)
    }

    fn clear_proposal_queue<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
    ) -> Result<()> {
        let refs: Vec<R> = self.list(Kind::ProposalRefs, group_id)?;
        for reference in refs {
            self.forget(Kind::Proposal, &(group_id, reference))?;
        }
        self.forget(Kind::ProposalRefs, group_id)
    }

    fn write_signature_key_pair<
        K: traits::SignaturePublicKey<CURRENT_VERSION>,
        P: traits::SignatureKeyPair<CURRENT_VERSION>,
    >(
        &self,
        public_key: &K,
        pair: &P,
    ) -> Result<()> {
        self.put(Kind::SignatureKeys, public_key, pair)
    }

    fn signature_key_pair<
        K: traits::SignaturePublicKey<CURRENT_VERSION>,
        P: traits::SignatureKeyPair<CURRENT_VERSION>,
    >(
        &self,
        public_key: &K,
    ) -> Result<Option<P>> {
        self.get(Kind::SignatureKeys, public_key)
    }

    fn delete_signature_key_pair<K: traits::SignaturePublicKey<CURRENT_VERSION>>(
        &self,
        public_key: &K,
    ) -> Result<()> {
        self.forget(Kind::SignatureKeys, public_key)
    }

    fn write_encryption_key_pair<
        K: traits::EncryptionKey<CURRENT_VERSION>,
        P: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        public_key: &K,
        pair: &P,
    ) -> Result<()> {
        self.put(Kind::EncryptionKeys, public_key, pair)
    }

    fn encryption_key_pair<
        P: traits::HpkeKeyPair<CURRENT_VERSION>,
        K: traits::EncryptionKey<CURRENT_VERSION>,
    >(
        &self,
        public_key: &K,
    ) -> Result<Option<P>> {
        self.get(Kind::EncryptionKeys, public_key)
    }

    fn delete_encryption_key_pair<K: traits::EncryptionKey<CURRENT_VERSION>>(
        &self,
        public_key: &K,
    ) -> Result<()> {
        self.forget(Kind::EncryptionKeys, public_key)
    }

    fn write_encryption_epoch_key_pairs<
        G: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
        P: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
        pairs: &[P],
    ) -> Result<()> {
        self.put(
            Kind::EpochEncryptionKeys,
            &(group_id, epoch, leaf_index),
            pairs,
        )
    }

    fn encryption_epoch_key_pairs<
        G: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
        P: traits::HpkeKeyPair<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<Vec<P>> {
        self.list(Kind::EpochEncryptionKeys, &(group_id, epoch, leaf_index))
    }

    fn delete_encryption_epoch_key_pairs<
        G: traits::GroupId<CURRENT_VERSION>,
        E: traits::EpochKey<CURRENT_VERSION>,
    >(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<()> {
        self.forget(Kind::EpochEncryptionKeys, &(group_id, epoch, leaf_index))
    }

    fn write_key_package<
        R: traits::HashReference<CURRENT_VERSION>,
        K: traits::KeyPackage<CURRENT_VERSION>,
    >(
        &self,
        reference: &R,
        key_package: &K,
    ) -> Result<()> {
        self.put(Kind::KeyPackage, reference, key_package)
    }

    fn key_package<
        R: traits::HashReference<CURRENT_VERSION>,
        K: traits::KeyPackage<CURRENT_VERSION>,
    >(
        &self,
        reference: &R,
    ) -> Result<Option<K>> {
        self.get(Kind::KeyPackage, reference)
    }

    fn delete_key_package<R: traits::HashReference<CURRENT_VERSION>>(
        &self,
        reference: &R,
    ) -> Result<()> {
        self.forget(Kind::KeyPackage, reference)?;
        self.forget(Kind::KeyPackageExpiry, reference)
    }

    fn write_psk<P: traits::PskId<CURRENT_VERSION>, B: traits::PskBundle<CURRENT_VERSION>>(
        &self,
        psk_id: &P,
        psk: &B,
    ) -> Result<()> {
        self.put(Kind::Psk, psk_id, psk)
    }

    fn psk<B: traits::PskBundle<CURRENT_VERSION>, P: traits::PskId<CURRENT_VERSION>>(
        &self,
        psk_id: &P,
    ) -> Result<Option<B>> {
        self.get(Kind::Psk, psk_id)
    }

    fn delete_psk<P: traits::PskId<CURRENT_VERSION>>(&self, psk_id: &P) -> Result<()> {
        self.forget(Kind::Psk, psk_id)
    }
}
