//! A clock and chance that a simulation gives to the servers on its own thread.
//!
//! Always holds: this module exists only under the feature `simulation`, which no program turns on;
//! what is set holds for the thread that set it. Deliberately absent: a way to set them from a
//! configuration.

use comity_wire::UnixMs;
use std::cell::Cell;

/// Tells the time.
pub type Clock = fn() -> UnixMs;
/// Fills bytes.
pub type Chance = fn(&mut [u8]);

thread_local! {
    static CLOCK: Cell<Option<Clock>> = const { Cell::new(None) };
    static CHANCE: Cell<Option<Chance>> = const { Cell::new(None) };
}

/// Sets both for this thread; none is the system's.
pub fn set(clock: Option<Clock>, chance: Option<Chance>) {
    CLOCK.set(clock);
    CHANCE.set(chance);
}

pub(crate) fn clock() -> Option<Clock> {
    CLOCK.get()
}

pub(crate) fn chance() -> Option<Chance> {
    CHANCE.get()
}
