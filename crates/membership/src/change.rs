//! What a commit does to a conversation, in our own words, so that rules can be read without MLS.

use crate::{Context, Member, MlsError};
use comity_wire::Message as _;
use openmls::group::PublicGroup;
use openmls::prelude::{Proposal, ProposalOrRefType, Sender, StagedCommit};

/// Who made a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committer {
    /// A member, as it was before the commit.
    Member(Member),
    /// A device that joined by itself; it is in neither `added` nor `updated`.
    External {
        /// The new leaf.
        joiner: Member,
    },
    /// The hub's app, by a proposal.
    App,
}

pub use comity_wire::proto::{CommitHeader, ManifestRef};

/// Reads the authenticated data of a commit; none at all is an empty header.
///
/// # Errors
/// [`MlsError::Malformed`].
pub fn decode_header(bytes: &[u8]) -> Result<CommitHeader, MlsError> {
    if bytes.is_empty() {
        return Ok(CommitHeader::default());
    }
    CommitHeader::decode(bytes)
        .ok()
        .filter(|header| header.version == 1)
        .ok_or(MlsError::Malformed("commit header"))
}

/// What a commit does.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Who made it.
    pub committer: Committer,
    /// Devices added by proposals. Their leaf indices are not settled before the merge, and 0.
    pub added: Vec<Member>,
    /// Leaves that go.
    pub removed: Vec<Member>,
    /// Leaf indices of `removed` whose removal the app proposed.
    pub removed_by_app: Vec<u32>,
    /// New leaves in the place of old ones: the committer's, and those of update proposals.
    pub updated: Vec<Member>,
    /// What the context becomes, when the commit replaces it.
    pub context_after: Option<Context>,
    /// The epoch that it leads to.
    pub epoch_after: u64,
    /// From the authenticated data.
    pub header: CommitHeader,
}

impl Change {
    /// Reads a staged commit against the group that it changes.
    ///
    /// # Errors
    /// [`MlsError`] when it holds something that this protocol does not use, or a leaf whose
    /// credential does not fit its key.
    pub fn of_commit(
        group: &PublicGroup,
        staged: &StagedCommit,
        sender: &Sender,
        authenticated_data: &[u8],
    ) -> Result<Self, MlsError> {
        let mut change = Self {
            committer: Committer::App,
            added: Vec::new(),
            removed: Vec::new(),
            removed_by_app: Vec::new(),
            updated: Vec::new(),
            context_after: None,
            epoch_after: staged.epoch().as_u64(),
            header: decode_header(authenticated_data)?,
        };
        let path = staged.update_path_leaf_node();
        match sender {
            Sender::Member(index) => {
                change.committer = Committer::Member(member_at(group, index.u32())?);
                if let Some(leaf) = path {
                    change.updated.push(Member::of_leaf(index.u32(), leaf)?);
                }
            }
            Sender::NewMemberCommit => {
                let leaf = group
                    .ext_commit_sender_index(staged)
                    .map_err(|e| MlsError::Invalid(e.to_string()))?;
                let node = path.ok_or(MlsError::Malformed("external commit"))?;
                change.committer = Committer::External {
                    joiner: Member::of_leaf(leaf.u32(), node)?,
                };
            }
            _ => return Err(MlsError::Unsupported("a commit by this kind of sender")),
        }
        for queued in staged.queued_proposals() {
            change.take(
                group,
                queued.proposal(),
                queued.sender(),
                queued.proposal_or_ref_type(),
            )?;
        }
        Ok(change)
    }

    /// What the app asks for by a proposal on its own.
    ///
    /// # Errors
    /// As [`Self::of_commit`].
    pub fn of_app_proposal(group: &PublicGroup, proposal: &Proposal) -> Result<Self, MlsError> {
        let Proposal::Remove(remove) = proposal else {
            return Err(MlsError::Unsupported(
                "a proposal of the app that is not a removal",
            ));
        };
        let leaf = remove.removed().u32();
        Ok(Self {
            committer: Committer::App,
            added: Vec::new(),
            removed: vec![member_at(group, leaf)?],
            removed_by_app: vec![leaf],
            updated: Vec::new(),
            context_after: None,
            epoch_after: group.group_context().epoch().as_u64().saturating_add(1),
            header: CommitHeader::default(),
        })
    }

    fn take(
        &mut self,
        group: &PublicGroup,
        proposal: &Proposal,
        sender: &Sender,
        form: ProposalOrRefType,
    ) -> Result<(), MlsError> {
        match proposal {
            Proposal::Add(add) => {
                self.added
                    .push(Member::of_leaf(0, add.key_package().leaf_node())?);
            }
            Proposal::Remove(remove) => {
                let leaf = remove.removed().u32();
                if matches!(sender, Sender::External(_)) {
                    self.removed_by_app.push(leaf);
                }
                self.removed.push(member_at(group, leaf)?);
            }
            Proposal::Update(update) => {
                let Sender::Member(index) = sender else {
                    return Err(MlsError::Unsupported("an update by this kind of sender"));
                };
                self.updated
                    .push(Member::of_leaf(index.u32(), update.leaf_node())?);
            }
            Proposal::GroupContextExtensions(change) => {
                self.context_after = Some(Context::of_extensions(change.extensions())?);
            }
            Proposal::ExternalInit(_)
                if form == ProposalOrRefType::Proposal
                    && matches!(self.committer, Committer::External { .. }) => {}
            _ => return Err(MlsError::Unsupported("this kind of proposal")),
        }
        // Members change things by committing; only the app proposes.
        if form == ProposalOrRefType::Reference && !matches!(sender, Sender::External(_)) {
            return Err(MlsError::Unsupported("a proposal on its own by a member"));
        }
        Ok(())
    }
}

/// The member at a leaf of the group.
///
/// # Errors
/// [`MlsError`] when the leaf is blank or its credential does not fit.
pub fn member_at(group: &PublicGroup, leaf: u32) -> Result<Member, MlsError> {
    let index = openmls::prelude::LeafNodeIndex::new(leaf);
    let node = group.leaf(index).ok_or(MlsError::Malformed("leaf index"))?;
    Member::of_leaf(leaf, node)
}

/// All members of the group, by leaf index.
///
/// # Errors
/// [`MlsError::Identity`] when a credential does not fit its key.
pub fn members_of(group: &PublicGroup) -> Result<Vec<Member>, MlsError> {
    group
        .members()
        .map(|m| Member::of_parts(m.index.u32(), &m.credential, &m.signature_key))
        .collect()
}
