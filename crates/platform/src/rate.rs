//! Rate limits: decisions over numbers and times, and a table of them by key.
//!
//! Always holds: a refusal says how long to wait. Deliberately absent: a clock; the caller gives
//! the time.

use comity_wire::UnixMs;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Mutex;

/// A bucket that fills at a steady rate and holds a burst.
#[derive(Debug, Clone)]
pub struct Bucket {
    level: f64,
    at_ms: UnixMs,
}

impl Bucket {
    /// A full bucket.
    #[must_use]
    pub fn full(burst: u32, now_ms: UnixMs) -> Self {
        Self {
            level: f64::from(burst),
            at_ms: now_ms,
        }
    }

    /// Takes one, or says how many milliseconds to wait for it.
    ///
    /// # Errors
    /// The time to wait, when the bucket is empty.
    pub fn take(&mut self, per_second: u32, burst: u32, now_ms: UnixMs) -> Result<(), i64> {
        let passed_ms = (now_ms - self.at_ms).max(0);
        // Times of a test or of a machine that slept fit a double without loss that matters.
        #[allow(clippy::cast_precision_loss)]
        let gained = passed_ms as f64 * f64::from(per_second) / 1_000.0;
        self.level = (self.level + gained).min(f64::from(burst));
        self.at_ms = now_ms;
        if self.level >= 1.0 {
            self.level -= 1.0;
            Ok(())
        } else {
            #[allow(clippy::cast_possible_truncation)]
            let wait = ((1.0 - self.level) * 1_000.0 / f64::from(per_second.max(1))).ceil() as i64;
            Err(wait.max(1))
        }
    }
}

/// What is counted as one network: whoever has one IPv6 address has 2^64 of them.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.into(),
        IpAddr::V6(v6) => {
            let kept = u128::from(v6) >> 64 << 64;
            IpAddr::V6(kept.into())
        }
    }
}

/// How often something happened in the current window of time.
#[derive(Debug, Clone, Copy)]
struct Count {
    since_ms: UnixMs,
    times: u32,
}

/// At most so many in a window of time, for each key. Kept in memory: a restart forgives.
#[derive(Debug)]
pub struct Windows<K> {
    window_ms: i64,
    max: u32,
    counts: Mutex<HashMap<K, Count>>,
}

impl<K: Hash + Eq> Windows<K> {
    /// Keys above which those whose window is over are swept out.
    const KEYS_SWEPT_AT: usize = 100_000;

    /// At most `max` for each key within `window_ms`.
    #[must_use]
    pub fn new(max: u32, window_ms: i64) -> Self {
        Self {
            window_ms,
            max,
            counts: Mutex::new(HashMap::new()),
        }
    }

    /// Counts one, or says how many milliseconds to wait.
    ///
    /// # Errors
    /// The time to wait, when there were as many as may be.
    pub fn take(&self, key: K, now_ms: UnixMs) -> Result<(), i64> {
        let Ok(mut counts) = self.counts.lock() else {
            return Err(self.window_ms);
        };
        if counts.len() >= Self::KEYS_SWEPT_AT {
            counts.retain(|_, count| now_ms - count.since_ms < self.window_ms);
        }
        let count = counts.entry(key).or_insert(Count {
            since_ms: now_ms,
            times: 0,
        });
        if now_ms - count.since_ms >= self.window_ms {
            *count = Count {
                since_ms: now_ms,
                times: 0,
            };
        }
        if count.times >= self.max {
            return Err((count.since_ms + self.window_ms - now_ms).max(1));
        }
        count.times += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_holds_its_burst_then_its_rate() {
        let mut bucket = Bucket::full(3, 0);
        for _ in 0..3 {
            assert_eq!(bucket.take(10, 3, 0), Ok(()));
        }
        assert_eq!(bucket.take(10, 3, 0), Err(100));
        assert_eq!(bucket.take(10, 3, 100), Ok(()));
        assert!(bucket.take(10, 3, 100).is_err());
        // A clock that went back gives nothing and takes nothing.
        assert!(bucket.take(10, 3, 50).is_err());
    }

    #[test]
    fn a_window_counts_each_key_by_itself() {
        let windows = Windows::new(2, 1_000);
        assert_eq!(windows.take("a", 0), Ok(()));
        assert_eq!(windows.take("a", 10), Ok(()));
        assert_eq!(windows.take("a", 400), Err(600));
        assert_eq!(windows.take("b", 400), Ok(()));
        assert_eq!(windows.take("a", 1_000), Ok(()));
    }
}
