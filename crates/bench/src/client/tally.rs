//! What a core's steps took, message by message.
//!
//! Always holds: only what happens inside of a step counts, not the network between two of them. Deliberately absent:
//! averages over devices; a tally is of one.

use crate::clock::{Times, processor_time};
use std::time::{Duration, Instant};

/// Parts that the first and the last messages are, to see whether one costs more than the other.
const PARTS: usize = 5;
/// With fewer laps than this nothing is said about growth.
const LAPS_LEAST: usize = 10;

/// What some messages took, or one step.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Lap {
    cpu: Duration,
    wall: Duration,
    messages: u64,
}

/// What was taken so far.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    now: Lap,
    laps: Vec<Lap>,
}

impl Tally {
    /// Times something that belongs to the lap under way.
    pub(crate) fn time<T>(&mut self, act: impl FnOnce() -> T) -> T {
        let (cpu, wall) = (processor_time(), Instant::now());
        let outcome = act();
        self.now.wall += wall.elapsed();
        self.now.cpu += processor_time().saturating_sub(cpu);
        outcome
    }

    /// The lap under way is over: it was about so many messages.
    pub(crate) fn lap(&mut self, messages: u64) {
        self.now.messages = messages;
        self.laps.push(std::mem::take(&mut self.now));
    }

    /// Begins anew.
    pub(crate) fn begin(&mut self) {
        *self = Self::default();
    }

    /// Messages of all laps.
    pub(crate) fn messages(&self) -> u64 {
        self.laps.iter().map(|lap| lap.messages).sum()
    }

    /// Processor time of all laps.
    pub(crate) fn cpu(&self) -> Duration {
        self.laps.iter().map(|lap| lap.cpu).sum()
    }

    /// Time on the wall of all laps.
    pub(crate) fn wall(&self) -> Duration {
        self.laps.iter().map(|lap| lap.wall).sum()
    }

    /// Time on the wall, lap by lap.
    pub(crate) fn times(&self) -> Times {
        let mut times = Times::default();
        for lap in &self.laps {
            times.add(lap.wall);
        }
        times
    }

    /// What a message took in the last fifth of the laps, by what it took in the first; absent where there are few laps.
    /// Near one: the work for a message does not grow with those before it.
    pub(crate) fn growth(&self) -> Option<f64> {
        if self.laps.len() < LAPS_LEAST {
            return None;
        }
        let part = self.laps.len() / PARTS;
        let first = each(self.laps.get(..part)?)?;
        let last = each(self.laps.get(self.laps.len() - part..)?)?;
        Some(last / first)
    }
}

/// Processor seconds of a message.
fn each(laps: &[Lap]) -> Option<f64> {
    let messages: u64 = laps.iter().map(|lap| lap.messages).sum();
    let cpu: Duration = laps.iter().map(|lap| lap.cpu).sum();
    #[allow(clippy::cast_precision_loss)]
    let each = cpu.as_secs_f64() / messages as f64;
    (messages > 0 && each > 0.0).then_some(each)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laps(cpu_ms: impl IntoIterator<Item = u64>) -> Tally {
        let lap = |ms| Lap {
            cpu: Duration::from_millis(ms),
            wall: Duration::from_millis(2 * ms),
            messages: 2,
        };
        Tally {
            now: Lap::default(),
            laps: cpu_ms.into_iter().map(lap).collect(),
        }
    }

    #[test]
    fn what_grows_with_what_came_before_is_seen() {
        let growth = |tally: Tally| tally.growth().unwrap();
        assert!((growth(laps(vec![3; 20])) - 1.0).abs() < 1e-9);
        // Each message takes as long as there are messages: the last fifth nine times the first.
        assert!(growth(laps(1..=100)) > 8.0);
        assert_eq!(laps(vec![3; 9]).growth(), None);
    }

    #[test]
    fn a_lap_is_all_that_was_timed_since_the_last_one() {
        let mut tally = Tally::default();
        tally.time(|| std::thread::sleep(Duration::from_millis(2)));
        tally.time(|| std::thread::sleep(Duration::from_millis(2)));
        tally.lap(3);
        tally.lap(1);
        assert_eq!((tally.messages(), tally.laps.len()), (4, 2));
        assert!(tally.wall() >= Duration::from_millis(4));
        assert!(tally.wall() >= tally.cpu());
        tally.begin();
        assert_eq!(tally.messages(), 0);
    }
}
