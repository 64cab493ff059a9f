//! What the figures were measured on.

use crate::clock::thread_time;
use serde::{Deserialize, Serialize};

/// The machine and how busy it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Cores that this program may use.
    pub cores: usize,
    /// Name of the processor.
    pub processor: String,
    /// Release of the kernel.
    pub kernel: String,
    /// Programs that wanted to run in the minute before: whatever is above nothing disturbed the figures.
    pub load_before: f64,
}

/// Signatures that are made to see how fast the machine is just now.
const SIGNATURES: u32 = 1_000;

/// Processor time of one Ed25519 signature, in microseconds: what else runs on the machine makes the same work cost more,
/// here as in the server.
#[must_use]
pub fn yardstick_us() -> f64 {
    let keys = comity_e2ee::DeviceKeys::generate(&mut |bytes: &mut [u8]| bytes.fill(7));
    let before = thread_time();
    for _ in 0..SIGNATURES {
        std::hint::black_box(keys.sign(std::hint::black_box(b"a yardstick")));
    }
    thread_time().saturating_sub(before).as_secs_f64() * 1e6 / f64::from(SIGNATURES)
}

impl Machine {
    /// This machine, now. What it does not tell is empty or zero.
    #[must_use]
    pub fn look() -> Self {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let processor = read("/proc/cpuinfo")
            .lines()
            .find_map(|line| line.strip_prefix("model name"))
            .map_or_else(String::new, |rest| {
                rest.trim_start_matches([' ', '\t', ':']).to_owned()
            });
        let load = read("/proc/loadavg");
        Self {
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            processor,
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_before: load
                .split(' ')
                .next()
                .and_then(|first| first.parse().ok())
                .unwrap_or_default(),
        }
    }
}
