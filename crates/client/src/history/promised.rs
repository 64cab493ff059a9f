//! Which of the own other devices is promised history, and what of it was given.
//!
//! Always holds: a promise is made before the device can hear that it was let in, and once for each;
//! of a conversation is given what was said before the entry that brought the device in, all of it,
//! because it is taken from the store once this device has read that entry. What keeps the device out
//! for long holds up nothing: it is given what there is, and the whole of it once it is in.
//! Deliberately absent: what is in a piece (the parent module).

use crate::output::Event;
use crate::step::Step;
use crate::store::meta;
use crate::{Core, CoreError};
use comity_wire::{DeviceId, UnixMs};
use serde::{Deserialize, Serialize};

/// Conversations that a device comes into within this time of each other are given together.
const TOGETHER_MS: i64 = 3_000;
/// So long the device is waited for in a conversation before it is given what there is.
const PATIENCE_MS: i64 = 180_000;
/// Where the promises are kept.
const PROMISES: &str = "promised_history";
/// Where a program of before kept the devices that had been promised it.
const PROMISED_BEFORE: &str = "history_promised";

/// What one of the own other devices is to be given.
#[derive(Serialize, Deserialize)]
struct Promise {
    device: DeviceId,
    /// The person was told that it is linked.
    told: bool,
    /// Since when it can read what is said to it.
    since_ms: Option<UnixMs>,
    /// When pieces were made last.
    given_ms: UnixMs,
    /// Pieces so far.
    pieces: u32,
    /// The device was told that there is another one.
    announced: bool,
    /// Conversations that were given whole.
    given: Vec<i64>,
    /// Conversations of which was given what there was, before the device came in.
    early: Vec<i64>,
    /// All of it was given.
    kept: bool,
}

impl Promise {
    const fn to(device: DeviceId, told: bool) -> Self {
        Self {
            device,
            told,
            since_ms: None,
            given_ms: 0,
            pieces: 0,
            announced: false,
            given: Vec::new(),
            early: Vec::new(),
            kept: false,
        }
    }
}

/// What is to be given now.
#[derive(Debug, Default, PartialEq, Eq)]
struct Due {
    /// Whole.
    whole: Vec<i64>,
    /// What there is.
    early: Vec<i64>,
    /// More comes after it.
    more: bool,
    /// When to look again.
    again_ms: Option<UnixMs>,
}

impl Promise {
    /// What is due, of the conversations in which the device is `here`, and those that it is
    /// `awaited` in.
    fn due(&self, here: Vec<i64>, awaited: &[i64], since_ms: UnixMs, now: UnixMs) -> Due {
        let whole = here;
        let new: Vec<i64> = awaited
            .iter()
            .filter(|id| !self.early.contains(id))
            .copied()
            .collect();
        if new.is_empty() {
            return Due {
                whole,
                ..Due::default()
            };
        }
        let patience_ms = since_ms.saturating_add(PATIENCE_MS);
        if now >= patience_ms {
            return Due {
                whole,
                early: new,
                ..Due::default()
            };
        }
        let together_ms = self.given_ms.max(since_ms).saturating_add(TOGETHER_MS);
        let (whole, again_ms) = if now >= together_ms {
            (whole, now.saturating_add(TOGETHER_MS))
        } else {
            (Vec::new(), together_ms)
        };
        Due {
            whole,
            early: Vec::new(),
            more: true,
            again_ms: Some(again_ms.min(patience_ms)),
        }
    }
}

impl Core {
    /// Devices of this account that are still to be given history from here.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn history_due(&self) -> Result<u64, CoreError> {
        let promises: Vec<Promise> = meta::get(self.store(), PROMISES)?.unwrap_or_default();
        let due = promises.iter().filter(|promise| !promise.kept).count();
        Ok(u64::try_from(due).unwrap_or(u64::MAX))
    }
}

impl Step<'_> {
    fn promises(&self) -> Result<Vec<Promise>, CoreError> {
        if let Some(promises) = meta::get(self.tx, PROMISES)? {
            return Ok(promises);
        }
        let before: Vec<DeviceId> = meta::get(self.tx, PROMISED_BEFORE)?.unwrap_or_default();
        let told = before.into_iter().map(|device| Promise::to(device, true));
        Ok(told.collect())
    }

    fn put_promises(&mut self, promises: &[Promise]) -> Result<(), CoreError> {
        meta::remove(self.tx, PROMISED_BEFORE)?;
        meta::put(self.tx, PROMISES, &promises)?;
        self.look_at_promises();
        Ok(())
    }

    /// Something has become of a conversation that a promise may have waited for.
    pub(crate) fn look_at_promises(&mut self) {
        self.mem.promises_ms = 0;
    }

    /// A device is about to be let in: it gets history as soon as it can read what is said to it. True
    /// when it was promised before.
    pub(crate) fn promise_history(&mut self, device: DeviceId) -> Result<bool, CoreError> {
        let mut promises = self.promises()?;
        if promises.iter().any(|promise| promise.device == device) {
            return Ok(true);
        }
        promises.push(Promise::to(device, false));
        self.put_promises(&promises)?;
        Ok(false)
    }

    /// Another own device lets this one in, and gives it history.
    pub(crate) fn promise_no_history(&mut self, device: DeviceId) -> Result<(), CoreError> {
        let mut promises = self.promises()?;
        promises.retain(|promise| promise.device != device);
        self.put_promises(&promises)
    }

    /// A device was let in: the person is told, and the own other devices.
    pub(crate) fn tell_linked(&mut self, device: DeviceId) -> Result<(), CoreError> {
        let mut promises = self.promises()?;
        for promise in &mut promises {
            promise.told |= promise.device == device;
        }
        self.put_promises(&promises)?;
        let name = meta::get(self.tx, &format!("device_name/{device}"))?.unwrap_or_default();
        self.event(Event::Linked { device, name });
        // The new device was told with the grant; the others hear of it.
        if self.me()?.manifest.manifest.devices.len() > 2 {
            self.tell_device_names()?;
        }
        Ok(())
    }

    /// Gives what is due of what was promised.
    pub(crate) fn pump_promises(&mut self) -> Result<(), CoreError> {
        let (now, due_ms) = (self.now, self.mem.promises_ms);
        if due_ms == i64::MAX {
            return Ok(());
        }
        // No longer, unless the clock was put back.
        if now < due_ms && due_ms - now <= PATIENCE_MS {
            self.wake(due_ms);
            return Ok(());
        }
        let mut promises = self.promises()?;
        let known = promises.len();
        self.forget_unlisted(&mut promises)?;
        let mut next_ms = i64::MAX;
        if promises.len() != known || promises.iter().any(|promise| !promise.kept) {
            for promise in promises.iter_mut().filter(|promise| !promise.kept) {
                if let Some(at) = self.keep_promise(promise)? {
                    next_ms = next_ms.min(at);
                }
            }
            self.put_promises(&promises)?;
        }
        self.mem.promises_ms = next_ms;
        if next_ms < i64::MAX {
            self.wake(next_ms);
        }
        Ok(())
    }

    /// Who is not listed any more is promised nothing, and no piece is on its way to it.
    fn forget_unlisted(&mut self, promises: &mut Vec<Promise>) -> Result<(), CoreError> {
        let me = self.me()?;
        let list = &me.manifest.manifest;
        promises.retain(|promise| list.device(&promise.device).is_some());
        for transfer in meta::under(self.tx, "piece/")? {
            let key = format!("piece/{transfer}");
            let piece: Option<super::Piece> = meta::get(self.tx, &key)?;
            if piece.is_some_and(|piece| list.device(&piece.device).is_none()) {
                meta::remove(self.tx, &key)?;
                self.tx
                    .execute("DELETE FROM transfer WHERE id = ?1", [transfer])?;
            }
        }
        Ok(())
    }

    /// Gives what is due of one; when to look again.
    fn keep_promise(&mut self, promise: &mut Promise) -> Result<Option<UnixMs>, CoreError> {
        let Some(own) = self.self_conversation()? else {
            return Ok(None);
        };
        let members = self.members(own.id)?;
        if members.iter().all(|(member, _)| *member != promise.device) {
            return Ok(None);
        }
        if !promise.told {
            // What became of the grant was not heard.
            promise.told = true;
            self.tell_linked(promise.device)?;
        }
        // The clock may have been put back.
        let since_ms = promise.since_ms.unwrap_or(self.now).min(self.now);
        promise.since_ms = Some(since_ms);
        promise.given_ms = promise.given_ms.min(self.now);
        let (here, awaited) = self.conversations_of(promise)?;
        let due = promise.due(here, &awaited, since_ms, self.now);
        let ids = [&due.whole[..], &due.early].concat();
        // What was announced comes, though what it was announced for is gone.
        if !ids.is_empty() || (promise.announced && !due.more) {
            promise.pieces = self.give_history(promise.device, &ids, promise.pieces, due.more)?;
            promise.announced = due.more;
            promise.given_ms = self.now;
            promise.early.retain(|id| !due.whole.contains(id));
            promise.given.extend(due.whole);
            promise.early.extend(due.early);
        }
        promise.kept = !due.more && promise.early.is_empty();
        Ok(due.again_ms)
    }

    /// The conversations that are still to be given: those whose entries from before the device it has
    /// no other way to, and those that it is still to come into.
    fn conversations_of(&self, promise: &Promise) -> Result<(Vec<i64>, Vec<i64>), CoreError> {
        let mut statement = self.tx.prepare_cached(
            "SELECT id, state NOT IN ('active', 'rejoining', 'creating')
                 OR EXISTS (SELECT 1 FROM member WHERE conversation = c.id AND device = ?1)
             FROM conversation c WHERE cid IS NOT NULL ORDER BY id",
        )?;
        let mut rows = statement.query([promise.device.to_vec()])?;
        let (mut here, mut awaited) = (Vec::new(), Vec::new());
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            if promise.given.contains(&id) {
                continue;
            }
            if row.get(1)? {
                here.push(id);
            } else {
                awaited.push(id);
            }
        }
        Ok((here, awaited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(promise: &Promise, here: &[i64], awaited: &[i64], now: UnixMs) -> Due {
        promise.due(here.to_vec(), awaited, 1_000, now)
    }

    #[test]
    fn conversations_are_given_together_and_none_for_long_without_the_device() {
        let mut promise = Promise::to(DeviceId::new([1; 16]), true);
        let all = due(&promise, &[1, 2], &[], 1_000);
        assert_eq!(
            (&all.whole[..], all.more, all.again_ms),
            (&[1, 2][..], false, None)
        );
        let none = due(&promise, &[1], &[2], 1_000);
        assert!(none.whole.is_empty() && none.more);
        let some = due(&promise, &[1], &[2], 1_000 + TOGETHER_MS);
        assert!(some.whole == [1] && some.early.is_empty() && some.more);
        promise.given.push(1);
        promise.given_ms = 1_000 + TOGETHER_MS;
        let long = 1_000 + PATIENCE_MS;
        assert!(due(&promise, &[], &[2], long - 1).more);
        let rest = due(&promise, &[], &[2], long);
        assert!(rest.early == [2] && !rest.more && rest.again_ms.is_none());
        promise.early.push(2);
        assert_eq!(due(&promise, &[], &[2], long + 1), Due::default());
        assert_eq!(due(&promise, &[2], &[], long + 2).whole, [2], "and whole");
    }
}
