//! Room: who fits into a conversation, and what becomes of who does not.
//!
//! Always holds: for who does not fit no key packages are used up and no bytes move again and
//! again. Of people somebody's wish says so and ends; of the account's own devices a line says it
//! once, and they come in when somebody has left. Deliberately absent: the rule itself
//! (`comity_membership::rules`), which the hub and every member hold.

use super::Goal;
use crate::conversations::{Conversation, Intent, State};
use crate::step::Step;
use crate::store::meta;
use crate::{CoreError, Event};
use comity_membership::{Change, Committer, Refusal};
use comity_wire::limits::CONVERSATION_DEVICES_MAX;
use comity_wire::{Address, DeviceId, ErrorCode, UnixMs, WireError};
use serde::{Deserialize, Serialize};

/// A hub that says that there is no room where this device counts some is believed for so long.
const BELIEVED_MS: i64 = 24 * 3_600_000;
/// A device that does not fit asks to be let in this often.
const ASKED_EACH_MS: i64 = 3_600_000;

/// Own devices that have no room in a conversation.
#[derive(Default, Serialize, Deserialize)]
struct NoRoom {
    /// Those of which the person was told.
    told: Vec<DeviceId>,
    /// Until then the hub's word counts.
    believed_until_ms: UnixMs,
}

fn key(conversation: i64) -> String {
    format!("no_room/{conversation}")
}

impl Goal {
    /// Leaves out who does not fit; gives them. Of the own devices as many come in as there is
    /// `own` room, of somebody else all or none.
    fn keep_to(&mut self, room: usize, own: (&Address, usize)) -> (Vec<DeviceId>, Vec<Address>) {
        let (mut room, mut own_out, mut others_out) = (room, Vec::new(), Vec::new());
        for (address, mut devices) in std::mem::take(&mut self.missing) {
            if address == *own.0 {
                let fitting = devices.len().min(room).min(own.1);
                own_out.extend(devices.split_off(fitting));
            } else if devices.len() > room {
                others_out.push(address);
                continue;
            }
            room -= devices.len();
            if !devices.is_empty() {
                self.missing.push((address, devices));
            }
        }
        (own_out, others_out)
    }
}

impl Step<'_> {
    /// Takes out of the goal who does not fit.
    pub(super) fn keep_to_room(
        &mut self,
        conversation: &Conversation,
        goal: &mut Goal,
    ) -> Result<(), CoreError> {
        let me = self.me()?.address.clone();
        let known: Option<NoRoom> = meta::get(self.tx, &key(conversation.id))?;
        if known.is_some() && goal.missing.iter().all(|(address, _)| *address != me) {
            self.has_room(conversation.id)?;
        }
        if goal.missing.is_empty() {
            return Ok(());
        }
        let here = self.members(conversation.id)?.len();
        let room = (CONVERSATION_DEVICES_MAX + goal.extra.len()).saturating_sub(here);
        let believed = known.map_or(0, |known| known.believed_until_ms);
        let own_room = if self.now < believed { 0 } else { room };
        let (own, others) = goal.keep_to(room, (&me, own_room));
        if !own.is_empty() {
            self.tell_no_room(conversation, &own, None)?;
        }
        if others.is_empty() {
            return Ok(());
        }
        let full = format!("{}, and this one has {here}", Refusal::TooManyDevices);
        for wish in self.wishes(conversation.id)? {
            let whom = wish.target.as_ref().filter(|_| wish.kind == "add");
            if whom.is_some_and(|whom| others.contains(whom)) {
                self.wish_failed(&wish, ErrorCode::TooMany.as_str(), &full)?;
            }
        }
        Ok(())
    }

    /// The hub has no room for what a commit adds, though this device counts some. True when
    /// something is left to be done in the conversation.
    pub(crate) fn no_room_at_hub(
        &mut self,
        conversation: &Conversation,
    ) -> Result<bool, CoreError> {
        let me = self.me()?.address.clone();
        let missing = self.goal(conversation)?.missing;
        let own: Vec<DeviceId> = missing
            .into_iter()
            .filter(|(address, _)| *address == me)
            .flat_map(|(_, devices)| devices)
            .collect();
        if own.is_empty() {
            return Ok(true);
        }
        self.tell_no_room(conversation, &own, Some(self.now + BELIEVED_MS))?;
        Ok(!self.goal(conversation)?.is_reached())
    }

    /// This device does not fit: who came by a link is told and stays outside, another one asks
    /// again from time to time. Each question brings it the whole group, which is then large.
    pub(crate) fn no_room_to_join(
        &mut self,
        intent: &Intent,
        conversation: &Conversation,
    ) -> Result<(), CoreError> {
        if self.joining_by(conversation)?.is_some() {
            let full = WireError::new(ErrorCode::TooMany, Refusal::TooManyDevices.to_string());
            return self.invitation_refused(conversation, &full);
        }
        let own = self.me()?.keys.id();
        self.tell_no_room(conversation, &[own], None)?;
        let part = i64::from(u16::from_be_bytes(self.random_bytes()));
        self.put_off(intent, ASKED_EACH_MS + part * ASKED_EACH_MS / 65_536)
    }

    /// The person is told once of each device.
    fn tell_no_room(
        &mut self,
        conversation: &Conversation,
        own: &[DeviceId],
        believed_until_ms: Option<UnixMs>,
    ) -> Result<(), CoreError> {
        let mut known: NoRoom = meta::get(self.tx, &key(conversation.id))?.unwrap_or_default();
        let new: Vec<DeviceId> = own
            .iter()
            .copied()
            .filter(|device| !known.told.contains(device))
            .collect();
        if new.is_empty() && believed_until_ms.is_none() {
            return Ok(());
        }
        if let Some(device) = new.first() {
            let me = self.me()?.address.clone();
            self.insert_notice(conversation.id, &me, device, "no_room")?;
            self.event(Event::ConversationChanged {
                conversation: conversation.id,
            });
        }
        known.told.extend(new);
        known.believed_until_ms = believed_until_ms.unwrap_or(known.believed_until_ms);
        meta::put(self.tx, &key(conversation.id), &known)
    }

    /// After a commit: own devices that had no room may have some now.
    pub(crate) fn room_was_made(
        &mut self,
        conversation: &Conversation,
        change: &Change,
    ) -> Result<(), CoreError> {
        let joined = usize::from(matches!(change.committer, Committer::External { .. }));
        if change.removed.len() <= change.added.len() + joined {
            return Ok(());
        }
        let Some(mut known) = meta::get::<NoRoom>(self.tx, &key(conversation.id))? else {
            return Ok(());
        };
        known.believed_until_ms = 0;
        meta::put(self.tx, &key(conversation.id), &known)?;
        let delay = self.spread_ms(conversation.id, 100)?;
        self.want(conversation.id, "reconcile", delay)
    }

    /// Weighs anew where own devices had no room: this costs nothing where there still is none.
    pub(crate) fn upkeep_room(&mut self) -> Result<(), CoreError> {
        let full = meta::under(self.tx, "no_room/")?;
        if full.is_empty() {
            return Ok(());
        }
        for conversation in self.conversations_in(State::Active)? {
            if full.contains(&conversation.id.to_string()) {
                self.want_if_not_wanted(conversation.id, "reconcile")?;
            }
        }
        Ok(())
    }

    /// The own devices are in.
    pub(crate) fn has_room(&mut self, conversation: i64) -> Result<(), CoreError> {
        meta::remove(self.tx, &key(conversation))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_wire::AccountId;

    const OWN: u8 = 9;

    fn somebody(id: u8) -> Address {
        let app = "a.example".parse().unwrap();
        Address::new(app, AccountId::new([id; 16]))
    }

    fn devices(of: u8, count: u8) -> Vec<DeviceId> {
        (0..count)
            .map(|device| {
                let mut id = [of; 16];
                id[0] = device;
                DeviceId::new(id)
            })
            .collect()
    }

    /// Who is let in and with how many devices, how many own devices and who is left out.
    fn kept(
        missing: &[(u8, u8)],
        room: usize,
        own_room: usize,
    ) -> (Vec<(u8, usize)>, usize, Vec<u8>) {
        let named = |address: &Address| address.account.as_bytes()[0];
        let mut goal = Goal {
            missing: missing
                .iter()
                .map(|(id, count)| (somebody(*id), devices(*id, *count)))
                .collect(),
            ..Goal::default()
        };
        let (own, others) = goal.keep_to(room, (&somebody(OWN), own_room));
        let fit = goal.missing.iter();
        (
            fit.map(|(address, devices)| (named(address), devices.len()))
                .collect(),
            own.len(),
            others.iter().map(named).collect(),
        )
    }

    #[test]
    fn who_does_not_fit_is_left_out_and_who_does_is_not() {
        let all = [(1, 2), (2, 1), (3, 1)];
        assert_eq!(kept(&all, 5, 5), (all_of(&all), 0, vec![]));
        assert_eq!(kept(&all, 4, 4), (all_of(&all), 0, vec![]));
        assert_eq!(kept(&all, 3, 3), (vec![(1, 2), (2, 1)], 0, vec![3]));
        assert_eq!(kept(&all, 2, 2), (vec![(1, 2)], 0, vec![2, 3]));
        // Nobody comes in with half of their devices, and keeps nobody smaller out.
        assert_eq!(kept(&all, 1, 1), (vec![(2, 1)], 0, vec![1, 3]));
        assert_eq!(kept(&all, 0, 0), (vec![], 0, vec![1, 2, 3]));
    }

    #[test]
    fn own_devices_come_in_as_far_as_there_is_room() {
        assert_eq!(kept(&[(OWN, 3)], 3, 3), (vec![(OWN, 3)], 0, vec![]));
        assert_eq!(kept(&[(OWN, 3)], 2, 2), (vec![(OWN, 2)], 1, vec![]));
        assert_eq!(kept(&[(OWN, 3)], 0, 0), (vec![], 3, vec![]));
        let with_another = [(OWN, 3), (1, 2)];
        assert_eq!(kept(&with_another, 4, 4), (vec![(OWN, 3)], 0, vec![1]));
        // While the hub is believed the others are weighed by what this device counts.
        assert_eq!(kept(&with_another, 4, 0), (vec![(1, 2)], 3, vec![]));
    }

    fn all_of(missing: &[(u8, u8)]) -> Vec<(u8, usize)> {
        let all = missing.iter();
        all.map(|(id, count)| (*id, usize::from(*count))).collect()
    }
}
