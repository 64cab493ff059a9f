//! The server's clock: the one place that asks the system what time it is.

use comity_wire::UnixMs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since the Unix epoch, now.
#[must_use]
pub fn now_ms() -> UnixMs {
    #[cfg(feature = "simulation")]
    if let Some(clock) = crate::simulated::clock() {
        return clock();
    }
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            UnixMs::try_from(since.as_millis()).unwrap_or(UnixMs::MAX)
        })
}
