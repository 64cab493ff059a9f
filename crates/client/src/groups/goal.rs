//! What a commit of this device would have to do now: device lists, wishes, the app's proposals.

use super::{Wish, leaving};
use crate::CoreError;
use crate::contacts::known_manifest;
use crate::conversations::Conversation;
use crate::step::Step;
use comity_membership::rules::{acts_as_admin, may_add};
use comity_membership::{Context, Member, Permissions, Role};
use comity_wire::proto::ConversationKind;
use comity_wire::{Address, DeviceId};

/// What is missing and what is too much.
#[derive(Default)]
pub(crate) struct Goal {
    /// Devices without a leaf, by account.
    pub(crate) missing: Vec<(Address, Vec<DeviceId>)>,
    /// Devices whose leaf has to go.
    pub(crate) extra: Vec<DeviceId>,
    /// What the context has to become.
    pub(crate) context: Option<Context>,
}

impl Goal {
    pub(crate) fn is_reached(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.context.is_none()
    }

    /// There is something to commit besides additions.
    pub(crate) fn changes_without_additions(&self) -> bool {
        !self.extra.is_empty() || self.context.is_some()
    }
}

impl Step<'_> {
    /// Weighs device lists and wishes against the conversation as it is.
    pub(crate) fn goal(&mut self, conversation: &Conversation) -> Result<Goal, CoreError> {
        let mut goal = self.by_device_lists(conversation)?;
        if conversation.kind == ConversationKind::Group as i32 {
            // What is so already, perhaps by somebody else, asks for no commit.
            self.end_what_is_so(conversation)?;
            self.add_wishes(conversation, &mut goal)?;
        }
        self.keep_to_room(conversation, &mut goal)?;
        Ok(goal)
    }

    /// Which leaves are missing and which are too many, by the newest device lists known.
    fn by_device_lists(&self, conversation: &Conversation) -> Result<Goal, CoreError> {
        let me = self.me()?;
        let members = self.members(conversation.id)?;
        let mut by_account: std::collections::BTreeMap<Address, Vec<DeviceId>> =
            std::collections::BTreeMap::from([(me.address.clone(), Vec::new())]);
        if let Some(peer) = &conversation.peer {
            by_account.insert(peer.clone(), Vec::new());
        }
        for (device, address) in members {
            by_account.entry(address).or_default().push(device);
        }
        let mut goal = Goal::default();
        for (address, here) in by_account {
            let list = if address == me.address {
                Some(me.manifest.clone())
            } else {
                known_manifest(self.tx, &address)?
            };
            let Some(list) = list else { continue };
            goal.extra.extend(
                here.iter()
                    .filter(|device| list.manifest.device(device).is_none()),
            );
            // Other people's further devices are added by those people's own devices.
            if address == me.address || here.is_empty() {
                let listed = list.manifest.devices.iter().map(|device| device.id);
                let absent: Vec<DeviceId> = listed.filter(|id| !here.contains(id)).collect();
                if !absent.is_empty() {
                    goal.missing.push((address, absent));
                }
            }
        }
        Ok(goal)
    }

    fn add_wishes(&mut self, group: &Conversation, goal: &mut Goal) -> Result<(), CoreError> {
        let wishes = self.wishes(group.id)?;
        if wishes.iter().all(Wish::is_detail) {
            return Ok(());
        }
        let Some((context, members)) = self.group_now(group)? else {
            return Ok(());
        };
        let me = self.me()?;
        let admin = acts_as_admin(&context, &members, &me.address);
        let adds = may_add(&context, &members, &me.address);
        let mut after = context.clone();
        let speaks = wishes.iter().any(Wish::is_detail) || self.last_word_until(group)?.is_some();
        for wish in wishes.iter().filter(|wish| !wish.is_detail()) {
            if wish.kind == "resign" && speaks {
                continue;
            }
            let allowed = match wish.kind.as_str() {
                "add" => adds,
                // To lay down an own office is always right.
                "resign" => true,
                _ => admin,
            };
            if !allowed {
                self.wish_failed(wish, "forbidden", "only an admin of the group may do this")?;
                continue;
            }
            self.add_wish(group.id, wish, &members, &mut after, goal)?;
        }
        if after != context {
            goal.context = Some(after);
        }
        Ok(())
    }

    fn add_wish(
        &mut self,
        group: i64,
        wish: &Wish,
        members: &[Member],
        after: &mut Context,
        goal: &mut Goal,
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let is_here = |address: &Address| members.iter().any(|one| one.address == *address);
        match (wish.kind.as_str(), &wish.target) {
            ("add", Some(target)) if !is_here(target) => match known_manifest(self.tx, target)? {
                Some(list) => {
                    let devices = list.manifest.devices.iter().map(|device| device.id);
                    goal.missing.push((target.clone(), devices.collect()));
                }
                None => self.wish_failed(wish, "not_found", "nobody of this address is known")?,
            },
            ("remove", Some(target)) if is_here(target) => {
                let leaves = members.iter().filter(|one| one.address == *target);
                for leaf in leaves {
                    if !goal.extra.contains(&leaf.device) {
                        goal.extra.push(leaf.device);
                    }
                }
                // Who is put out does not come back by the link that they had.
                after.link_key = None;
                after.roles.remove(target);
                if !after.roles.values().any(|role| *role == Role::Admin) {
                    after.roles.insert(me.address.clone(), Role::Admin);
                }
            }
            ("admin", Some(target)) if is_here(target) => {
                after.roles.insert(target.clone(), Role::Admin);
                // Offices of people who are gone go with the first change of an heir.
                after.roles.retain(|address, _| is_here(address));
            }
            ("member", Some(target)) => {
                let others = after.roles.keys().any(|one| one != target && is_here(one));
                if others {
                    after.roles.remove(target);
                } else if is_here(target) {
                    self.wish_failed(
                        wish,
                        "refused",
                        "a group has an admin: name another one first",
                    )?;
                }
            }
            ("permissions", _) => {
                if let Some(permissions) = permissions_of(&wish.value) {
                    after.permissions = permissions;
                }
            }
            ("link", _) => after.link_key = wish.value.as_slice().try_into().ok(),
            ("resign", _) => {
                let heir = leaving::heir(self.tx, group, &me.address)?.filter(is_here);
                resign(&me.address, heir, members, after);
            }
            _ => {}
        }
        Ok(())
    }

    /// After a commit: what has come true is no wish any more; what has not is wished on.
    pub(crate) fn settle_wishes(&mut self, group: &Conversation) -> Result<(), CoreError> {
        if self.end_what_is_so(group)? {
            self.want(group.id, "reconcile", 0)?;
        }
        Ok(())
    }

    /// Ends the wishes that are so. True when others are left that a commit is to fulfil.
    fn end_what_is_so(&mut self, group: &Conversation) -> Result<bool, CoreError> {
        let wishes = self.wishes(group.id)?;
        if wishes.iter().all(Wish::is_detail) {
            return Ok(false);
        }
        let Some((context, members)) = self.group_now(group)? else {
            return Ok(false);
        };
        let me = self.me()?;
        let mut open = false;
        for wish in wishes.iter().filter(|wish| !wish.is_detail()) {
            let here = |target: &Address| members.iter().any(|one| one.address == *target);
            let so = match (wish.kind.as_str(), &wish.target) {
                ("add", Some(target)) => here(target),
                ("remove", Some(target)) => !here(target),
                ("admin", Some(target)) => context.is_admin(target) || !here(target),
                ("member", Some(target)) => !context.is_admin(target),
                ("permissions", _) => permissions_of(&wish.value) == Some(context.permissions),
                ("link", _) => context.link_key.map(Vec::from).unwrap_or_default() == wish.value,
                ("resign", _) => !context.is_admin(&me.address),
                _ => true,
            };
            if so {
                self.wish_ended(wish.id)?;
                if wish.kind == "link" && !wish.value.is_empty() {
                    self.tell_invitation(group, &wish.value, &wishes)?;
                }
            } else {
                open = true;
            }
        }
        Ok(open)
    }
}

/// Permissions as a wish keeps them.
pub(crate) fn permissions_of(value: &[u8]) -> Option<Permissions> {
    Permissions::of_flags(u32::from_be_bytes(value.try_into().ok()?))
}

/// Lays the office down; the last admin hands it to the heir.
fn resign(own: &Address, heir: Option<Address>, members: &[Member], after: &mut Context) {
    if after.roles.remove(own).is_none() {
        return;
    }
    if members.iter().any(|one| after.is_admin(&one.address)) {
        return;
    }
    match heir {
        Some(heir) => {
            after.roles = [(heir, Role::Admin)].into();
        }
        // Alone: there is nobody to hand it to.
        None => {
            after.roles.insert(own.clone(), Role::Admin);
        }
    }
}
