//! Latencies: collected whole, so that a percentile is one of them.

use rustix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// Processor time that this process has used, the MLS library's own threads with it.
pub(crate) fn processor_time() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// Processor time that this thread has used.
pub(crate) fn thread_time() -> Duration {
    read(ClockId::ThreadCPUTime)
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanoseconds)
}

/// Times that something took.
#[derive(Debug, Default)]
pub struct Times(Vec<u32>);

impl Times {
    /// One more, kept in microseconds.
    pub fn add(&mut self, time: Duration) {
        self.0
            .push(u32::try_from(time.as_micros()).unwrap_or(u32::MAX));
    }

    /// All of the others, too.
    pub(crate) fn append(&mut self, others: &Self) {
        self.0.extend_from_slice(&others.0);
    }

    /// None was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The smallest time that this part of all of them does not exceed, in milliseconds (0.5: the
    /// median). Zero when there are none.
    pub fn percentile_ms(&mut self, part: f64) -> f64 {
        self.0.sort_unstable();
        let count = self.0.len();
        #[allow(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss
        )]
        let place = ((count as f64 * part).ceil() as usize).clamp(1, count.max(1)) - 1;
        self.0
            .get(place)
            .map_or(0.0, |micros| f64::from(*micros) / 1_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percentile_is_one_of_the_times() {
        let mut times = Times::default();
        assert_eq!(times.percentile_ms(0.5).to_bits(), 0.0_f64.to_bits());
        for ms in (1..=100).rev() {
            times.add(Duration::from_millis(ms));
        }
        assert!((times.percentile_ms(0.5) - 50.0).abs() < 1e-9);
        assert!((times.percentile_ms(0.99) - 99.0).abs() < 1e-9);
        assert!((times.percentile_ms(1.0) - 100.0).abs() < 1e-9);
    }
}
