//! What a process has used so far, as the kernel tells it.

use anyhow::{Context, Result};
use std::time::Duration;

/// Processor time, memory and bytes of one process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// Of all of its threads, in user and system, also of those that ended.
    pub(crate) cpu: Duration,
    /// Resident memory now.
    pub(crate) memory_bytes: u64,
    /// What it had the kernel send to the disk.
    pub(crate) written_bytes: u64,
}

impl Usage {
    /// Of a process of this machine.
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let read = |name: &str| {
            let path = format!("/proc/{pid}/{name}");
            std::fs::read_to_string(&path).with_context(|| path.clone())
        };
        let stat = read("stat")?;
        // The name of the program may hold anything; what follows is numbers.
        let (_, numbers) = stat.rsplit_once(") ").context("no such stat")?;
        let field = |place: usize| -> Result<u64> {
            let text = numbers.split(' ').nth(place).context("a short stat")?;
            Ok(text.parse()?)
        };
        let ticks = field(11)? + field(12)?;
        let ticks_a_second = rustix::param::clock_ticks_per_second();
        let pages: u64 = read("statm")?
            .split(' ')
            .nth(1)
            .context("a short statm")?
            .parse()?;
        let io = read("io")?;
        let written = io
            .lines()
            .find_map(|line| line.strip_prefix("write_bytes: "))
            .context("no write_bytes")?;
        Ok(Self {
            cpu: Duration::from_micros(ticks.saturating_mul(1_000_000) / ticks_a_second.max(1)),
            memory_bytes: pages * u64::try_from(rustix::param::page_size())?,
            written_bytes: written.trim().parse()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.memory_bytes > 100_000);
    }
}
