//! Who may change what: one function, used by the hub before it takes a commit and by every
//! member before it merges one.
//!
//! Always holds after [`check`] said yes: each device has one leaf, with the key that its
//! account's manifest gives; a direct conversation has devices of its two parties only; only
//! admins change whose accounts are in a group. Deliberately absent: which manifest is the right
//! one (the caller gives it), and everything that MLS itself checks.

pub use crate::Refusal;
use crate::manifest::VerifiedManifest;
use crate::{Change, Committer, Context, Member};
use comity_wire::Address;
use comity_wire::limits::{ADDITIONS_MAX, CONVERSATION_DEVICES_MAX};
use comity_wire::proto::ConversationKind;
use std::collections::BTreeSet;

/// Manifests by account, as far as they are known.
pub type Manifests<'a> = &'a dyn Fn(&Address) -> Option<VerifiedManifest>;

/// Judges a change against the members and the context before it.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(
    change: &Change,
    before: &[Member],
    context: &Context,
    manifests: Manifests<'_>,
) -> Result<(), Refusal> {
    sizes(change, before)?;
    match &change.committer {
        Committer::App => app(change)?,
        Committer::External { joiner } => external(change, before, context, joiner, manifests)?,
        Committer::Member(member) => by_member(change, before, context, member, manifests)?,
    }
    updates(change, before, manifests)?;
    one_leaf_a_device(change, before)
}

fn sizes(change: &Change, before: &[Member]) -> Result<(), Refusal> {
    if change.added.len() > ADDITIONS_MAX {
        return Err(Refusal::TooManyAdditions);
    }
    let joined = usize::from(matches!(change.committer, Committer::External { .. }));
    let after = (before.len() + change.added.len() + joined).saturating_sub(change.removed.len());
    if after > CONVERSATION_DEVICES_MAX {
        Err(Refusal::TooManyDevices)
    } else {
        Ok(())
    }
}

fn app(change: &Change) -> Result<(), Refusal> {
    if change.added.is_empty() && change.updated.is_empty() && !change.context_changed {
        Ok(())
    } else {
        Err(Refusal::AppMayOnlyRemove)
    }
}

fn external(
    change: &Change,
    before: &[Member],
    context: &Context,
    joiner: &Member,
    manifests: Manifests<'_>,
) -> Result<(), Refusal> {
    let a_party = context.kind != ConversationKind::Group && context.names(&joiner.address);
    if !a_party && !before.iter().any(|member| member.address == joiner.address) {
        return Err(Refusal::NotMember);
    }
    may_be_in(context, &joiner.address)?;
    if !change.added.is_empty() || change.context_changed {
        return Err(Refusal::NotMember);
    }
    if !change.removed.iter().all(|gone| same_device(gone, joiner)) {
        return Err(Refusal::JoinerRemoves);
    }
    in_manifest(joiner, manifests)
}

fn by_member(
    change: &Change,
    before: &[Member],
    context: &Context,
    committer: &Member,
    manifests: Manifests<'_>,
) -> Result<(), Refusal> {
    if !before.contains(committer) {
        return Err(Refusal::NotMember);
    }
    let group = context.kind == ConversationKind::Group;
    let admin = group && context.is_admin(&committer.address);
    if change.context_changed {
        return if !group {
            Err(Refusal::ContextFixed)
        } else if admin {
            Ok(())
        } else {
            Err(Refusal::NotAdmin)
        };
    }
    for added in &change.added {
        may_be_in(context, &added.address)?;
        if group && !admin && added.address != committer.address {
            return Err(Refusal::NotAdmin);
        }
        in_manifest(added, manifests)?;
    }
    for removed in &change.removed {
        let own = removed.address == committer.address;
        let by_app = change.removed_by_app.contains(&removed.leaf);
        if !own && !admin && !by_app && !dropped(removed, manifests) {
            return Err(Refusal::NotAdmin);
        }
    }
    Ok(())
}

fn updates(change: &Change, before: &[Member], manifests: Manifests<'_>) -> Result<(), Refusal> {
    for updated in &change.updated {
        // The same leaf, account, device and key as before.
        if !before.contains(updated) {
            return Err(Refusal::IdentityChanged);
        }
        if manifests(&updated.address).is_some() {
            in_manifest(updated, manifests)?;
        }
    }
    Ok(())
}

fn one_leaf_a_device(change: &Change, before: &[Member]) -> Result<(), Refusal> {
    let gone: BTreeSet<u32> = change.removed.iter().map(|member| member.leaf).collect();
    let joiner = match &change.committer {
        Committer::External { joiner } => Some(joiner),
        _ => None,
    };
    let mut seen = BTreeSet::new();
    let stays = before.iter().filter(|member| !gone.contains(&member.leaf));
    for member in stays.chain(&change.added).chain(joiner) {
        if !seen.insert((&member.address, member.device)) {
            return Err(Refusal::DuplicateDevice);
        }
    }
    Ok(())
}

/// Only the parties are in a direct or self conversation; anybody can be in a group.
fn may_be_in(context: &Context, address: &Address) -> Result<(), Refusal> {
    if context.kind == ConversationKind::Group || context.names(address) {
        Ok(())
    } else {
        Err(Refusal::WrongAccount)
    }
}

fn in_manifest(member: &Member, manifests: Manifests<'_>) -> Result<(), Refusal> {
    let known =
        manifests(&member.address).ok_or_else(|| Refusal::NoManifest(member.address.clone()))?;
    let device = known
        .manifest
        .device(&member.device)
        .ok_or(Refusal::NotInManifest)?;
    if device.signature_key.as_slice() == member.signature_key {
        Ok(())
    } else {
        Err(Refusal::KeyMismatch)
    }
}

/// The account itself no longer has the device.
fn dropped(member: &Member, manifests: Manifests<'_>) -> bool {
    manifests(&member.address).is_some_and(|m| m.manifest.device(&member.device).is_none())
}

fn same_device(one: &Member, other: &Member) -> bool {
    one.address == other.address && one.device == other.device
}
