//! Virtual time: the runtime's paused clock, counted from noon of a day that is the same for all.
//!
//! Always holds: time moves only when every task waits. What asks the system for the date or for
//! chance gets these ones (`system`), where the system lets us; elsewhere the day is the real one,
//! since MLS checks lifetimes against it.

use crate::dice::Dice;
use comity_wire::UnixMs;
use std::cell::{Cell, RefCell};
use std::time::Duration;
use tokio::time::Instant;

/// Noon, so that hours of a story do not cross midnight.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub(crate) const NOON_MS: UnixMs = 1_780_315_200_000;

thread_local! {
    static START: Cell<Option<(UnixMs, Instant)>> = const { Cell::new(None) };
    static HUB: RefCell<Option<Dice>> = const { RefCell::new(None) };
    /// What libraries take from the system.
    static LIBRARIES: RefCell<Option<Dice>> = const { RefCell::new(None) };
}

#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
fn noon_ms() -> UnixMs {
    crate::system::keep();
    NOON_MS
}

#[cfg(not(all(target_os = "linux", target_pointer_width = "64")))]
fn noon_ms() -> UnixMs {
    const DAY_MS: i64 = 86_400_000;
    let real = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(real.as_millis()).unwrap_or(0) / DAY_MS * DAY_MS + DAY_MS / 2
}

/// From now on libraries on this thread get the seed's chance: before a world's runtime is built.
pub(crate) fn chance_begins(seed: u64) {
    LIBRARIES.set(Some(Dice::named(seed, "libraries")));
}

/// Begins a world's time on this thread, so much after noon; called inside its runtime.
pub(crate) fn begin(seed: u64, later_ms: u64) {
    let later = i64::try_from(later_ms).unwrap_or(0);
    START.set(Some((noon_ms() + later, Instant::now())));
    HUB.set(Some(Dice::named(seed, "hub")));
    comity_platform::simulated::set(Some(now_ms), Some(chance));
}

/// Ends it: this thread has the system's clock again.
pub(crate) fn end() {
    START.set(None);
    HUB.set(None);
    LIBRARIES.set(None);
    comity_platform::simulated::set(None, None);
}

/// Virtual milliseconds since the world began. Inside its runtime.
#[must_use]
pub fn elapsed_ms() -> u64 {
    let Some((_, start)) = START.get() else {
        return 0;
    };
    u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Virtual milliseconds since noon of the day that all worlds begin with, however often others went
/// on from one. Inside the world's runtime.
pub(crate) fn since_noon_ms() -> u64 {
    u64::try_from(now_ms() - noon_ms()).unwrap_or(0)
}

/// Virtual milliseconds since the Unix epoch. Inside the world's runtime.
#[must_use]
pub fn now_ms() -> UnixMs {
    let base = START.get().map_or(0, |(base, _)| base);
    base + i64::try_from(elapsed_ms()).unwrap_or(0)
}

/// The instant of a virtual time.
pub(crate) fn instant(at_ms: u64) -> Instant {
    let start = START.get().map_or_else(Instant::now, |(_, start)| start);
    start + Duration::from_millis(at_ms)
}

fn with_hub<T>(act: impl FnOnce(&mut Dice) -> T) -> Option<T> {
    HUB.with(|dice| dice.borrow_mut().as_mut().map(act))
}

fn chance(bytes: &mut [u8]) {
    with_hub(|dice| dice.fill(bytes));
}

/// Fills what a library asks the system for; false outside of a world.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub(crate) fn library_chance(bytes: &mut [u8]) -> bool {
    LIBRARIES
        .try_with(|dice| match dice.try_borrow_mut() {
            Ok(mut dice) => dice.as_mut().map(|dice| dice.fill(bytes)).is_some(),
            Err(_) => false,
        })
        .unwrap_or(false)
}

/// The date as the system tells it to libraries; none outside of a world.
#[cfg(all(target_os = "linux", target_pointer_width = "64"))]
pub(crate) fn date_ms() -> Option<UnixMs> {
    let (base, start) = START.try_with(Cell::get).ok().flatten()?;
    let since = i64::try_from(start.elapsed().as_millis()).unwrap_or(0);
    Some(base + since)
}

/// How long a job of the hub's database waits: a disk's time.
pub(crate) fn pace() -> Duration {
    let ms = with_hub(|dice| {
        if dice.percent(70) {
            0
        } else {
            dice.between(1, 8)
        }
    });
    Duration::from_millis(ms.unwrap_or(0))
}
