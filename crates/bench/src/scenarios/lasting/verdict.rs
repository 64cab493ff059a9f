//! What has to hold under a load that lasts. A pure judgement of what was seen.

use super::field::Seen;
use std::fmt;

/// All of the server's memory, at most: what slow readers keep waiting is bounded for each.
const MEMORY_BYTES_MAX: u64 = 256 * MIB;
/// In the last third of the time it has at most so much more than in the second, in parts of 100, and so much beside: in
/// minutes caches are still being filled, in a longer time they are not.
const GROWTH_PERCENT_MAX: u64 = 10;
const GROWTH_BYTES_MAX: u64 = 32 * MIB;
const GROWTH_BYTES_MAX_LONG: u64 = 12 * MIB;
const LONG_S: f64 = 600.0;
/// When all have gone it has at most so much more than at the start: caches, and what its allocator keeps.
const KEPT_BYTES_MAX: u64 = 64 * MIB;
/// Each pair has at least so much of what it said, in parts of 100. A build for debugging is only to show that it is looked at.
const SHARE_PERCENT_MIN: f64 = if cfg!(debug_assertions) { 50.0 } else { 90.0 };
/// The median of the windows' p99 is at most so many times the one of the even load alone, or this where that is less.
const P99_FACTOR_MAX: f64 = 10.0;
const P99_MS_FLOOR: f64 = if cfg!(debug_assertions) {
    3_000.0
} else {
    250.0
};
/// Files that the server has open beside those of the start, at most: what the load holds, and as many that are just
/// being closed.
const FILES_MAX: usize = 400;
/// When all have gone: databases open some as they are used.
const FILES_KEPT_MAX: usize = 8;

const MIB: u64 = 1024 * 1024;

/// Refusals that have to have been met, each by its act and code.
const MET: &[&str] = &[
    "append: rate_limited",
    "append: taken",
    "asked by a slow reader",
    "came and said goodbye",
    "came and was gone",
    "giant message: too_large",
    "gone before the handshake's end",
    "gone before the sign-in",
    "malformed frame: malformed",
    "registration: rate_limited",
    "said to a slow reader",
    "signal nowhere: not_found",
    "silent WebSocket: unauthenticated",
    "unknown log: not_member",
    "unknown logs acknowledged",
    "wrong signature: unauthenticated",
];
/// In runs that are long enough for the server to lose its patience.
const MET_LATER: &[&str] = &[
    "head without end: hung up on",
    "silent connection: hung up on",
];
const LATER_S: f64 = 60.0;

/// The server before and after.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ends {
    pub(super) memory_bytes: u64,
    pub(super) files: usize,
    pub(super) connections: u64,
}

impl Ends {
    /// Whether nobody is there, as then, and what was kept for them is given back.
    pub(super) fn is_empty_as(&self, then: &Self) -> bool {
        self.connections == 0
            && self.files <= then.files + FILES_KEPT_MAX
            && self.memory_bytes <= then.memory_bytes + KEPT_BYTES_MAX
    }
}

/// Some time of the run.
#[derive(Debug, Clone)]
pub(super) struct Window {
    pub(super) seconds: f64,
    /// At its end.
    pub(super) memory_bytes: u64,
    pub(super) files: usize,
    /// Of the even load.
    pub(super) p99_ms: f64,
    /// By each pair of the even load.
    pub(super) said: Vec<u64>,
}

impl Window {
    pub(super) fn line(&self) -> String {
        format!(
            "{:>4} MiB, {:>4} files, {:>6} messages of the even load, p99 {:.1} ms",
            self.memory_bytes / MIB,
            self.files,
            self.said.iter().sum::<u64>(),
            self.p99_ms
        )
    }
}

/// All of a run.
#[derive(Debug, Clone)]
pub(super) struct Course {
    /// What each pair of the even load says.
    pub(super) per_second: u32,
    pub(super) quiet_p99_ms: f64,
    pub(super) at_start: Ends,
    pub(super) windows: Vec<Window>,
    pub(super) at_end: Ends,
    pub(super) seen: Seen,
}

impl Course {
    fn seconds(&self) -> f64 {
        self.windows.iter().map(|window| window.seconds).sum()
    }

    pub(super) fn said(&self) -> u64 {
        self.windows.iter().flat_map(|window| &window.said).sum()
    }

    pub(super) fn most_memory(&self) -> u64 {
        let memory = self.windows.iter().map(|window| window.memory_bytes);
        memory.max().unwrap_or_default()
    }

    /// The least that a pair had of what it said, in parts of 100.
    fn least_share(&self) -> f64 {
        let pairs = self.windows.first().map_or(0, |window| window.said.len());
        let due = f64::from(self.per_second) * self.seconds();
        let of = |pair: usize| -> u64 {
            let said = self
                .windows
                .iter()
                .filter_map(|window| window.said.get(pair));
            said.sum()
        };
        #[allow(clippy::cast_precision_loss)]
        let shares = (0..pairs).map(|pair| 100.0 * of(pair) as f64 / due.max(1.0));
        shares.fold(f64::INFINITY, f64::min)
    }

    fn p99_ms(&self) -> f64 {
        let mut all: Vec<f64> = self.windows.iter().map(|window| window.p99_ms).collect();
        all.sort_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::INFINITY)
    }

    /// The median of memory in the `third` of three parts of the time.
    fn memory_in(&self, third: usize) -> u64 {
        let length = self.windows.len() / 3;
        let part = self.windows.iter().skip(third * length);
        let part = part.take(if third == 2 { usize::MAX } else { length });
        let mut memory: Vec<u64> = part.map(|window| window.memory_bytes).collect();
        memory.sort_unstable();
        memory.get(memory.len() / 2).copied().unwrap_or_default()
    }
}

impl fmt::Display for Course {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "each pair had {:.0} of 100 at least, p99 {:.1} ms, alone {:.1} ms; memory {} MiB at most, {} before and {} after",
            self.least_share(),
            self.p99_ms(),
            self.quiet_p99_ms,
            self.most_memory() / MIB,
            self.at_start.memory_bytes / MIB,
            self.at_end.memory_bytes / MIB
        )
    }
}

/// What did not hold, each in a sentence.
pub(super) fn judge(course: &Course) -> Vec<String> {
    let mut findings = course.seen.wrong.clone();
    memory(course, &mut findings);
    even(course, &mut findings);
    files(course, &mut findings);
    let later = if course.seconds() >= LATER_S {
        MET_LATER
    } else {
        &[]
    };
    for met in MET.iter().chain(later) {
        if !course.seen.counts.contains_key(*met) {
            findings.push(format!("never met: {met}"));
        }
    }
    findings
}

fn memory(course: &Course, findings: &mut Vec<String>) {
    let most = course.most_memory();
    if most > MEMORY_BYTES_MAX {
        let (most, bound) = (most / MIB, MEMORY_BYTES_MAX / MIB);
        findings.push(format!("memory: {most} MiB, more than {bound}"));
    }
    let (middle, last) = (course.memory_in(1), course.memory_in(2));
    let beside = if course.seconds() >= LONG_S {
        GROWTH_BYTES_MAX_LONG
    } else {
        GROWTH_BYTES_MAX
    };
    if last > middle + middle * GROWTH_PERCENT_MAX / 100 + beside {
        let (middle, last) = (middle / MIB, last / MIB);
        findings.push(format!(
            "memory grows: {middle} MiB in the second third, {last} in the last"
        ));
    }
    let kept = course.at_end.memory_bytes;
    if kept > course.at_start.memory_bytes + KEPT_BYTES_MAX {
        let (start, kept) = (course.at_start.memory_bytes / MIB, kept / MIB);
        findings.push(format!(
            "memory does not fall: {start} MiB at the start, {} at most, {kept} when all had gone",
            most / MIB
        ));
    }
}

fn even(course: &Course, findings: &mut Vec<String>) {
    let share = course.least_share();
    if share.is_nan() || share < SHARE_PERCENT_MIN {
        findings.push(format!(
            "a pair of the even load had only {share:.0} of 100 of what it said"
        ));
    }
    let (p99_ms, alone) = (course.p99_ms(), course.quiet_p99_ms);
    if p99_ms > P99_MS_FLOOR.max(P99_FACTOR_MAX * alone) {
        findings.push(format!(
            "the even load waits: p99 {p99_ms:.1} ms, alone {alone:.1} ms"
        ));
    }
}

fn files(course: &Course, findings: &mut Vec<String>) {
    let before = course.at_start.files;
    let most = course.windows.iter().map(|window| window.files).max();
    let most = most.unwrap_or_default();
    if most > before + FILES_MAX {
        findings.push(format!("{most} files are open, and {before} at the start"));
    }
    let Ends {
        files, connections, ..
    } = course.at_end;
    if files > before + FILES_KEPT_MAX {
        findings.push(format!(
            "{files} files are open when all have gone, and {before} at the start"
        ));
    }
    if connections > 0 {
        findings.push(format!("{connections} connections are left of nobody"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Course {
        let window = |memory: u64| Window {
            seconds: 60.0,
            memory_bytes: memory * MIB,
            files: 150,
            p99_ms: 20.0,
            said: vec![600, 598],
        };
        let mut seen = Seen::default();
        for met in MET.iter().chain(MET_LATER) {
            seen.counts.insert((*met).to_owned(), 1);
        }
        let empty = |memory: u64| Ends {
            memory_bytes: memory * MIB,
            files: 20,
            connections: 0,
        };
        Course {
            per_second: 10,
            quiet_p99_ms: 10.0,
            at_start: empty(30),
            windows: (0..12).map(|number| window(60 + number % 3)).collect(),
            at_end: empty(50),
            seen,
        }
    }

    fn found(change: impl FnOnce(&mut Course)) -> String {
        let mut course = good();
        change(&mut course);
        judge(&course).join("; ")
    }

    #[test]
    fn a_good_run_is_found_good() {
        assert_eq!(found(|_| {}), "");
    }

    #[test]
    fn each_thing_that_does_not_hold_is_found() {
        let grows = found(|course| {
            for (window, mib) in course.windows.iter_mut().zip((60..).step_by(6)) {
                window.memory_bytes = mib * MIB;
            }
        });
        assert!(grows.starts_with("memory grows: 96 MiB"), "{grows}");
        let much = found(|course| course.windows[3].memory_bytes = 300 * MIB);
        assert_eq!(much, "memory: 300 MiB, more than 256");
        let kept = found(|course| course.at_end.memory_bytes = 95 * MIB);
        assert!(kept.starts_with("memory does not fall"), "{kept}");
        let unfair = found(|course| {
            for window in &mut course.windows {
                window.said[1] = 270;
            }
        });
        assert_eq!(
            unfair,
            "a pair of the even load had only 45 of 100 of what it said"
        );
        let slow = found(|course| {
            for window in &mut course.windows {
                window.p99_ms = P99_MS_FLOOR + 1.0;
            }
        });
        assert!(slow.starts_with("the even load waits"), "{slow}");
        let one = found(|course| course.windows[2].p99_ms = 10_000.0);
        assert_eq!(one, "", "one bad moment is the machine's");
        let many = found(|course| course.windows[5].files = 421);
        assert_eq!(many, "421 files are open, and 20 at the start");
        let left = found(|course| course.at_end.files = 29);
        assert!(left.starts_with("29 files are open when all"), "{left}");
        let nobody = found(|course| course.at_end.connections = 1);
        assert_eq!(nobody, "1 connections are left of nobody");
        for met in MET.iter().chain(MET_LATER) {
            let unmet = found(|course| {
                course.seen.counts.remove(*met);
            });
            assert_eq!(unmet, format!("never met: {met}"));
        }
        let wrong = found(|course| course.seen.wrong.push("so".to_owned()));
        assert_eq!(wrong, "so");
    }

    #[test]
    fn in_a_short_run_nobody_has_to_lose_patience() {
        let short = found(|course| {
            for window in &mut course.windows {
                window.seconds = 0.5;
                window.said = vec![5, 5];
            }
            for met in MET_LATER {
                course.seen.counts.remove(*met);
            }
        });
        assert_eq!(short, "");
    }
}
