//! Copies of a store: two programs with one device's keys would use the same secrets twice.
//!
//! Always holds: once this store knows that a copy of it was used, it connects and sends nothing
//! until its person says that it goes on here; then it comes into every conversation anew, with
//! fresh secrets. Deliberately absent: telling which copy is the right one; only the person knows.

use crate::conversations::{Conversation, State};
use crate::output::Effect;
use crate::step::Step;
use crate::store::meta;
use crate::{Core, CoreError};

/// Of the mark in the store.
pub(crate) const KEY: &str = "used_elsewhere";
/// By what it was noticed.
const HOW: &str = "used_elsewhere_how";
/// The inbox goes on where the other copy left it.
const INBOX: &str = "inbox_from_cursor";

impl Step<'_> {
    /// This device signed in from elsewhere, or the hub saw more of it than this store knows of.
    /// `how` it shows goes into the message.
    pub(crate) fn used_elsewhere(&mut self, how: &str) -> Result<(), CoreError> {
        if self.mem.used_elsewhere {
            return Ok(());
        }
        self.mem.used_elsewhere = true;
        meta::put(self.tx, KEY, &true)?;
        meta::put(self.tx, HOW, &how)?;
        self.disconnected();
        self.effect(Effect::Disconnect);
        self.refuse(
            "sign_in",
            "store_used_elsewhere",
            &format!("a copy of this device's store is or was in use elsewhere ({how}): nothing is sent from here"),
        );
        Ok(())
    }

    /// What the hub says that this device has read is read now. A device that was taken out and
    /// let in again has its place in the log from that: reading its removal clears it.
    pub(crate) fn check_cursor(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        let Some(cursor) = self.mem.ahead.get(&conversation.id).copied() else {
            return Ok(());
        };
        if !conversation.is_active() {
            self.mem.ahead.remove(&conversation.id);
        } else if conversation.next_seq > cursor {
            self.mem.ahead.remove(&conversation.id);
            return self.used_elsewhere("it has read more of a conversation");
        }
        Ok(())
    }

    /// While it is not clear whether a copy of this store was used, nothing is done but reading.
    /// Who was taken out and let in again while away has its place from the second, and the hub
    /// does not give the removal any more: the welcome that waits is what is read next.
    pub(crate) fn reads_what_it_read(&mut self) -> Result<bool, CoreError> {
        let ahead: Vec<(i64, u64)> = self.mem.ahead.iter().map(|(id, at)| (*id, *at)).collect();
        for (id, cursor) in ahead {
            let going_on = self.conversations_in(State::Active)?;
            let conversation = going_on.iter().find(|conversation| conversation.id == id);
            let explained = match conversation {
                Some(conversation) => self
                    .welcome_waits(conversation)?
                    .is_some_and(|joined| joined >= cursor),
                None => true,
            };
            if explained {
                self.mem.ahead.remove(&id);
            }
        }
        Ok(!self.mem.ahead.is_empty())
    }

    pub(crate) fn check_inbox_cursor(&mut self, cursor: u64) -> Result<(), CoreError> {
        let next: u64 = meta::get(self.tx, "inbox_next")?.unwrap_or(1);
        if cursor < next {
            return Ok(());
        }
        if meta::get(self.tx, INBOX)?.unwrap_or(false) {
            meta::remove(self.tx, INBOX)?;
            return meta::put(self.tx, "inbox_next", &(cursor + 1));
        }
        self.used_elsewhere("it has read more of the inbox")
    }

    /// The person says that the store goes on here.
    pub(crate) fn go_on_here(&mut self) -> Result<(), CoreError> {
        if !self.mem.used_elsewhere {
            return Err(CoreError::Refused(
                "this store is not known to be in use elsewhere".into(),
            ));
        }
        self.mem.used_elsewhere = false;
        self.mem.connecting = false;
        meta::remove(self.tx, KEY)?;
        meta::put(self.tx, INBOX, &true)?;
        for mut conversation in self.conversations_in(State::Active)? {
            self.heal(&mut conversation, "store_used_elsewhere")?;
        }
        Ok(())
    }
}

impl Core {
    /// A copy of this store was used: nothing is sent from here until [`crate::Command::GoOnHere`].
    #[must_use]
    pub const fn is_used_elsewhere(&self) -> bool {
        self.memory.used_elsewhere
    }

    /// By what the other copy was noticed: `it signed in`, `it has read more of the inbox` and the
    /// like; none while no copy is known of.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn used_elsewhere_how(&self) -> Result<Option<String>, CoreError> {
        if self.memory.used_elsewhere {
            Ok(Some(meta::get(&self.conn, HOW)?.unwrap_or_default()))
        } else {
            Ok(None)
        }
    }
}
