//! Who may change what: one function, used by the hub before it takes a commit and by every
//! member before it merges one.
//!
//! Always holds after [`check`] said yes: each device has one leaf, with the key that its
//! account's manifest gives; a direct conversation has devices of its two parties only; only
//! admins (and members where the group permits it) change whose accounts are in a group, besides
//! who joins by its invitation link. Deliberately absent: which manifest is the right
//! one (the caller gives it), and everything that MLS itself checks.

pub use crate::Refusal;
use crate::manifest::{VerifiedManifest, holds};
use crate::{Change, Committer, Context, Member};
use comity_wire::limits::{ADDITIONS_MAX, CONVERSATION_DEVICES_MAX};
use comity_wire::proto::ConversationKind;
use comity_wire::{Address, link_join_message};
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
    let lists = Lists {
        newest: manifests,
        carried: None,
    };
    judge(change, before, context, lists)
}

/// Judges a commit that the hub took, perhaps long ago, by lists that may be newer than it: a device
/// that its account has revoked since counts as listed when the list that the commit brought
/// (`carried`) has it, or when it had its leaf before. All members judge alike then, whatever else
/// they know; who knows of the revocation takes the device out with the next commit.
///
/// # Errors
/// The first rule that it breaks.
pub fn check_taken(
    change: &Change,
    before: &[Member],
    context: &Context,
    newest: Manifests<'_>,
    carried: Manifests<'_>,
) -> Result<(), Refusal> {
    let lists = Lists {
        newest,
        carried: Some(carried),
    };
    judge(change, before, context, lists)
}

/// The device lists to judge by.
#[derive(Clone, Copy)]
struct Lists<'a> {
    newest: Manifests<'a>,
    /// Those that the commit brought, when it was taken before now.
    carried: Option<Manifests<'a>>,
}

impl Lists<'_> {
    /// The account has revoked the device since the commit was taken, as far as that may be.
    fn revoked_since(&self, known: &VerifiedManifest, member: &Member) -> bool {
        self.carried.is_some() && known.manifest.revoked.contains(&member.device)
    }

    /// The list that the commit brought has the device.
    fn was_listed(&self, known: &VerifiedManifest, member: &Member) -> bool {
        let brought = self.carried.and_then(|carried| carried(&member.address));
        brought.is_some_and(|list| {
            list.manifest.root_key == known.manifest.root_key
                && list
                    .manifest
                    .device(&member.device)
                    .is_some_and(|device| device.signature_key[..] == member.signature_key[..])
        })
    }
}

fn judge(
    change: &Change,
    before: &[Member],
    context: &Context,
    lists: Lists<'_>,
) -> Result<(), Refusal> {
    sizes(change, before)?;
    match &change.committer {
        Committer::App => app(change)?,
        Committer::External { joiner } => external(change, before, context, joiner, lists)?,
        Committer::Member(member) => by_member(change, before, context, member, lists)?,
    }
    updates(change, before, lists)?;
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
    if change.added.is_empty() && change.updated.is_empty() && change.context_after.is_none() {
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
    lists: Lists<'_>,
) -> Result<(), Refusal> {
    let a_party = context.kind != ConversationKind::Group && context.names(&joiner.address);
    if !a_party && !before.iter().any(|member| member.address == joiner.address) {
        by_link(change, context, joiner)?;
    }
    may_be_in(context, &joiner.address)?;
    if !change.added.is_empty() || change.context_after.is_some() {
        return Err(Refusal::NotMember);
    }
    if !change.removed.iter().all(|gone| same_device(gone, joiner)) {
        return Err(Refusal::JoinerRemoves);
    }
    in_manifest(joiner, lists)
}

/// Who is not in the group yet shows the invitation link's signature, made for this device and epoch.
fn by_link(change: &Change, context: &Context, joiner: &Member) -> Result<(), Refusal> {
    let signature = &change.header.link_signature;
    if context.kind != ConversationKind::Group || signature.is_empty() {
        return Err(Refusal::NotMember);
    }
    let key = context.link_key.ok_or(Refusal::LinkInvalid)?;
    let message = link_join_message(
        &context.conversation,
        change.epoch_after.saturating_sub(1),
        &joiner.address,
        &joiner.device,
        &joiner.signature_key,
    );
    if holds(&key, &message, signature) {
        Ok(())
    } else {
        Err(Refusal::LinkInvalid)
    }
}

fn by_member(
    change: &Change,
    before: &[Member],
    context: &Context,
    committer: &Member,
    lists: Lists<'_>,
) -> Result<(), Refusal> {
    if !before.contains(committer) {
        return Err(Refusal::NotMember);
    }
    let group = context.kind == ConversationKind::Group;
    let admin = acts_as_admin(context, before, &committer.address);
    for added in &change.added {
        may_be_in(context, &added.address)?;
        let own = added.address == committer.address;
        if group && !own && !may_add(context, before, &committer.address) {
            return Err(Refusal::NotAdmin);
        }
        in_manifest(added, lists)?;
    }
    let mut put_out = BTreeSet::new();
    for removed in &change.removed {
        let own = removed.address == committer.address;
        let by_app = change.removed_by_app.contains(&removed.leaf);
        if own || by_app || dropped(removed, lists.newest) {
            continue;
        }
        if !admin {
            return Err(Refusal::NotAdmin);
        }
        put_out.insert(&removed.address);
    }
    let inherits = heir(context, before, &|leaf| {
        change.removed.iter().any(|gone| gone.leaf == leaf)
    });
    if let Some(after) = &change.context_after {
        let office = inherits
            .as_ref()
            .is_some_and(|heir| *after == context.with_admin(heir));
        new_context(change, before, context, after, admin || office)?;
    }
    let after = change.context_after.as_ref().unwrap_or(context);
    // Else the next one who comes by the link could be it.
    let had_one = before.iter().any(|one| context.is_admin(&one.address));
    let has_one = || {
        after
            .roles
            .keys()
            .any(|one| after.is_admin(one) && stays(change, before, one))
    };
    if had_one && inherits.is_some() && !has_one() {
        return Err(Refusal::NoHeir);
    }
    // Who is put out and comes back one day is no admin by an old role.
    let out = |address: &Address| !stays(change, before, address);
    if group && put_out.into_iter().any(|one| after.names(one) && out(one)) {
        return Err(Refusal::RoleOfNobody);
    }
    Ok(())
}

fn new_context(
    change: &Change,
    before: &[Member],
    context: &Context,
    after: &Context,
    admin: bool,
) -> Result<(), Refusal> {
    if context.kind != ConversationKind::Group
        || after.kind != context.kind
        || after.conversation != context.conversation
        || after.app_key != context.app_key
    {
        return Err(Refusal::ContextFixed);
    }
    if !admin {
        return Err(Refusal::NotAdmin);
    }
    let known = |address: &Address| stays(change, before, address) || context.names(address);
    if after.roles.keys().all(known) {
        Ok(())
    } else {
        Err(Refusal::RoleOfNobody)
    }
}

/// The account has a leaf after the commit.
fn stays(change: &Change, before: &[Member], address: &Address) -> bool {
    let remains = |member: &&Member| !change.removed.iter().any(|gone| gone.leaf == member.leaf);
    before
        .iter()
        .filter(remains)
        .chain(&change.added)
        .any(|member| member.address == *address)
}

/// Who takes the office over when those whose leaves are `gone` go, because no admin that `context`
/// names stays: the account of the lowest leaf that does. Any member's commit names it.
#[must_use]
pub fn heir(context: &Context, before: &[Member], gone: &dyn Fn(u32) -> bool) -> Option<Address> {
    if context.kind != ConversationKind::Group {
        return None;
    }
    let stay = || before.iter().filter(|member| !gone(member.leaf));
    if stay().any(|one| context.is_admin(&one.address)) {
        return None;
    }
    let lowest = stay().min_by_key(|member| member.leaf);
    lowest.map(|member| member.address.clone())
}

/// True when the account acts as an admin of a group: it is named one and has a leaf; or, when no
/// admin that is named has a leaf any more, it is that of the lowest leaf.
#[must_use]
pub fn acts_as_admin(context: &Context, members: &[Member], address: &Address) -> bool {
    if context.kind != ConversationKind::Group {
        return false;
    }
    let mut named = members.iter().filter(|one| context.is_admin(&one.address));
    if named.clone().next().is_some() {
        return named.any(|one| one.address == *address);
    }
    let heir = members.iter().min_by_key(|member| member.leaf);
    heir.is_some_and(|heir| heir.address == *address)
}

/// Everybody who [`acts_as_admin`].
#[must_use]
pub fn acting_admins(context: &Context, members: &[Member]) -> BTreeSet<Address> {
    if context.kind != ConversationKind::Group {
        return BTreeSet::new();
    }
    let named = members.iter().filter(|one| context.is_admin(&one.address));
    let named: BTreeSet<Address> = named.map(|one| one.address.clone()).collect();
    if named.is_empty() {
        let heir = members.iter().min_by_key(|member| member.leaf);
        return heir.map(|heir| heir.address.clone()).into_iter().collect();
    }
    named
}

/// True when the account may add other people.
#[must_use]
pub fn may_add(context: &Context, members: &[Member], address: &Address) -> bool {
    context.kind == ConversationKind::Group
        && (context.permissions.members_add || acts_as_admin(context, members, address))
}

/// True when the account may say something.
#[must_use]
pub fn may_speak(context: &Context, members: &[Member], address: &Address) -> bool {
    !context.permissions.only_admins_speak || acts_as_admin(context, members, address)
}

/// True when the account may change name, description, photo and timer. In a conversation of two
/// both may.
#[must_use]
pub fn may_edit_details(context: &Context, members: &[Member], address: &Address) -> bool {
    context.kind != ConversationKind::Group
        || context.permissions.members_edit
        || acts_as_admin(context, members, address)
}

fn updates(change: &Change, before: &[Member], lists: Lists<'_>) -> Result<(), Refusal> {
    for updated in &change.updated {
        // The same leaf, account, device and key as before.
        if !before.contains(updated) {
            return Err(Refusal::IdentityChanged);
        }
        let Some(known) = (lists.newest)(&updated.address) else {
            continue;
        };
        if lists.revoked_since(&known, updated) {
            continue;
        }
        match in_manifest(updated, lists) {
            // Of what the hub took long ago: who was brought in since may know an older list than the members
            // who let the device in. It has its leaf by them; whom no list has the next commit takes out.
            Err(Refusal::NotInManifest) if lists.carried.is_some() => {}
            judged => judged?,
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

fn in_manifest(member: &Member, lists: Lists<'_>) -> Result<(), Refusal> {
    let known = (lists.newest)(&member.address)
        .ok_or_else(|| Refusal::NoManifest(member.address.clone()))?;
    let Some(device) = known.manifest.device(&member.device) else {
        return if lists.revoked_since(&known, member) && lists.was_listed(&known, member) {
            Ok(())
        } else {
            Err(Refusal::NotInManifest)
        };
    };
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
