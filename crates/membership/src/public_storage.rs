//! Where OpenMLS keeps the public state of one group: a small map in memory.
//!
//! Always holds: one store belongs to one group, so group ids are not part of the keys.
//! Deliberately absent: files and SQL. [`crate::PublicState`] turns the whole map into one blob.

use openmls_traits::public_storage::PublicStorageProvider;
use openmls_traits::storage::{CURRENT_VERSION, traits};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The state can not be turned into bytes, or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the state of a group can not be encoded or decoded")]
pub(crate) struct CodecError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Part {
    Tree,
    Context,
    Transcript,
    Tag,
}

/// One queued proposal: its reference and itself, both encoded.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Queued(Vec<u8>, Vec<u8>);

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Values {
    parts: BTreeMap<Part, Vec<u8>>,
    proposals: Vec<Queued>,
}

/// The map behind a lock, because the library writes through a shared reference.
#[derive(Debug, Default)]
pub(crate) struct PublicStorage(Mutex<Values>);

pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    cbor4ii::serde::to_vec(Vec::new(), value).map_err(|_| CodecError)
}

pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    cbor4ii::serde::from_slice(bytes).map_err(|_| CodecError)
}

impl PublicStorage {
    pub(crate) fn new(values: Values) -> Self {
        Self(Mutex::new(values))
    }

    pub(crate) fn values(&self) -> Values {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Values> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put<T: Serialize>(&self, part: Part, value: &T) -> Result<(), CodecError> {
        let bytes = encode(value)?;
        self.lock().parts.insert(part, bytes);
        Ok(())
    }

    fn get<T: DeserializeOwned>(&self, part: Part) -> Result<Option<T>, CodecError> {
        self.lock()
            .parts
            .get(&part)
            .map(|bytes| decode(bytes))
            .transpose()
    }

    fn forget(&self, part: Part) {
        self.lock().parts.remove(&part);
    }
}

impl PublicStorageProvider<CURRENT_VERSION> for PublicStorage {
    type PublicError = CodecError;

    fn write_tree<G: traits::GroupId<CURRENT_VERSION>, T: traits::TreeSync<CURRENT_VERSION>>(
        &self,
        _: &G,
        tree: &T,
    ) -> Result<(), CodecError> {
        self.put(Part::Tree, tree)
    }

    fn write_interim_transcript_hash<
        G: traits::GroupId<CURRENT_VERSION>,
        T: traits::InterimTranscriptHash<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
        hash: &T,
    ) -> Result<(), CodecError> {
        self.put(Part::Transcript, hash)
    }

    fn write_context<
        G: traits::GroupId<CURRENT_VERSION>,
        T: traits::GroupContext<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
        context: &T,
    ) -> Result<(), CodecError> {
        self.put(Part::Context, context)
    }

    fn write_confirmation_tag<
        G: traits::GroupId<CURRENT_VERSION>,
        T: traits::ConfirmationTag<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
        tag: &T,
    ) -> Result<(), CodecError> {
        self.put(Part::Tag, tag)
    }

    fn queue_proposal<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        P: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
        reference: &R,
        proposal: &P,
    ) -> Result<(), CodecError> {
        let queued = Queued(encode(reference)?, encode(proposal)?);
        let mut values = self.lock();
        values.proposals.retain(|old| old.0 != queued.0);
        values.proposals.push(queued);
        Ok(())
    }

    fn queued_proposals<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
        P: traits::QueuedProposal<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<Vec<(R, P)>, CodecError> {
        let values = self.lock();
        values
            .proposals
            .iter()
            .map(|q| Ok((decode(&q.0)?, decode(&q.1)?)))
            .collect()
    }

    fn tree<G: traits::GroupId<CURRENT_VERSION>, T: traits::TreeSync<CURRENT_VERSION>>(
        &self,
        _: &G,
    ) -> Result<Option<T>, CodecError> {
        self.get(Part::Tree)
    }

    fn group_context<
        G: traits::GroupId<CURRENT_VERSION>,
        T: traits::GroupContext<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<Option<T>, CodecError> {
        self.get(Part::Context)
    }

    fn interim_transcript_hash<
        G: traits::GroupId<CURRENT_VERSION>,
        T: traits::InterimTranscriptHash<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<Option<T>, CodecError> {
        self.get(Part::Transcript)
    }

    fn confirmation_tag<
        G: traits::GroupId<CURRENT_VERSION>,
        T: traits::ConfirmationTag<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<Option<T>, CodecError> {
        self.get(Part::Tag)
    }

    fn delete_tree<G: traits::GroupId<CURRENT_VERSION>>(&self, _: &G) -> Result<(), CodecError> {
        self.forget(Part::Tree);
        Ok(())
    }

    fn delete_confirmation_tag<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _: &G,
    ) -> Result<(), CodecError> {
        self.forget(Part::Tag);
        Ok(())
    }

    fn delete_context<G: traits::GroupId<CURRENT_VERSION>>(&self, _: &G) -> Result<(), CodecError> {
        self.forget(Part::Context);
        Ok(())
    }

    fn delete_interim_transcript_hash<G: traits::GroupId<CURRENT_VERSION>>(
        &self,
        _: &G,
    ) -> Result<(), CodecError> {
        self.forget(Part::Transcript);
        Ok(())
    }

    fn remove_proposal<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
        reference: &R,
    ) -> Result<(), CodecError> {
        let reference = encode(reference)?;
        self.lock().proposals.retain(|queued| queued.0 != reference);
        Ok(())
    }

    fn clear_proposal_queue<
        G: traits::GroupId<CURRENT_VERSION>,
        R: traits::ProposalRef<CURRENT_VERSION>,
    >(
        &self,
        _: &G,
    ) -> Result<(), CodecError> {
        self.lock().proposals.clear();
        Ok(())
    }
}
