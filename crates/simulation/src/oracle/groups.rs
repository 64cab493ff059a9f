//! What a group is, besides what is said in it: the same at everybody who is in it.
//!
//! Always holds: compared is what people are shown. Deliberately absent: the invitation link, which
//! only some devices know.

use super::{LogName, Shown, short};
use crate::world::World;
use comity_client::{ConversationView, Core, CoreError};
use std::collections::BTreeMap;

/// A group's details, rights and people as one line; nothing for another conversation.
pub(super) fn canonical(core: &Core, view: &ConversationView) -> Result<Option<String>, CoreError> {
    let Some(group) = &view.group else {
        return Ok(None);
    };
    let mut people: Vec<String> = core
        .group_members(view.conversation)?
        .iter()
        .map(|member| {
            let role = if member.admin { "admin" } else { "member" };
            format!("{} {role} {}", member.address, member.devices)
        })
        .collect();
    people.sort();
    Ok(Some(format!(
        "{:?} {:?} photo {:?} timer {} {:?} {people:?}",
        view.title, group.description, group.photo, view.timer_s, group.permissions
    )))
}

/// All who are in a group are shown the same group.
pub(super) fn alike(world: &World, logs: &BTreeMap<LogName, Vec<Shown>>, wrong: &mut Vec<String>) {
    for (log, shown) in logs {
        let mut first: Option<(&str, &str)> = None;
        let inside = shown
            .iter()
            .filter(|device| device.state == "active" && device.may_read(u64::MAX));
        for device in inside {
            let (name, Some(group)) = (world.name(device.who), device.group.as_deref()) else {
                continue;
            };
            match first {
                None => first = Some((name, group)),
                Some((other, as_other)) if as_other != group => wrong.push(format!(
                    "{name} shows the group {} as {group}, {other} as {as_other}",
                    short(log)
                )),
                Some(_) => {}
            }
        }
    }
}
