//! Waits that a clock which was wrong made too long.
//!
//! Always holds: whatever became of the clock, what is to be done again waits no longer than any app or
//! back-off asks for. Deliberately absent: waits within a step's memory that end with the session.

use crate::CoreError;
use crate::shared::Shared;
use crate::step::Step;
use crate::store::meta;
use comity_wire::UnixMs;

/// The clock was put back when it is behind what it showed before by more than this.
const BACK_MS: i64 = 60_000;
/// Longer than this no repeat waits for itself: the longest back-off with its jitter, and some time.
pub(crate) const BACK_OFF_MS_MAX: i64 = 400_000;
/// Longer than this nothing waits: an app's limits are of a day.
pub(crate) const WAIT_MS_MAX: i64 = 25 * 3_600_000;
/// What the clock showed at the newest upkeep.
const CLOCK: &str = "clock_ms";
/// Tables whose rows are due at a time.
const WAITING: [&str; 6] = [
    "introduction",
    "intent",
    "send_queue",
    "owed_history",
    "transfer",
    "welcome",
];

impl Step<'_> {
    /// A step begins. Times that this session noted by a clock that was ahead are over.
    pub(crate) fn note_time(&mut self) {
        if self.now.saturating_add(BACK_MS) < self.mem.now_ms {
            self.mem.waits_unseen = Some(BACK_OFF_MS_MAX);
            self.mem.upkeep_ms = 0;
            self.mem.lists_again_ms = self.mem.lists_again_ms.map(|_| self.now);
            self.mem.list_change_again_ms = None;
            self.mem.blocks_again_ms = None;
            self.mem.read_again_ms = self.mem.read_again_ms.map(|_| self.now);
            self.mem.hints = Shared::default();
            self.mem.typing_sent = Shared::default();
            self.mem.profiles_read = Shared::default();
            self.mem.profiles_given = Shared::default();
            self.mem.looked = Shared::default();
        }
        self.mem.now_ms = self.now;
    }

    /// A session begins.
    pub(crate) fn waits_are_unseen(&mut self) {
        self.mem.waits_unseen = self.mem.waits_unseen.or(Some(WAIT_MS_MAX));
    }

    /// Once in a session, and when the clock was put back: what would wait longer than anything does is
    /// due now.
    pub(crate) fn pump_waits(&mut self) -> Result<(), CoreError> {
        let Some(mut longest) = self.mem.waits_unseen.take() else {
            return Ok(());
        };
        let before: Option<UnixMs> = meta::get(self.tx, CLOCK)?;
        if before.is_some_and(|before| self.now.saturating_add(BACK_MS) < before) {
            longest = BACK_OFF_MS_MAX;
        }
        for table in WAITING {
            self.tx.execute(
                &format!("UPDATE {table} SET not_before_ms = 0 WHERE not_before_ms > ?1"),
                [self.now.saturating_add(longest)],
            )?;
        }
        self.tx.execute(
            "UPDATE contact SET profile_ms = 0 WHERE profile_ms > ?1",
            [self.now.saturating_add(BACK_MS)],
        )?;
        self.note_clock()
    }

    /// Kept for the next start.
    pub(crate) fn note_clock(&mut self) -> Result<(), CoreError> {
        meta::put(self.tx, CLOCK, &self.now)
    }
}
