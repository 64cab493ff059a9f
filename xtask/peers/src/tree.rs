//! A server and all processes that came from it: what they have used together, and their end.
//!
//! Always holds: time of a process that ended counts, through its parent, which the kernel adds it to once it was waited
//! for; only processes below the given ones are touched. Deliberately absent: what has left the tree.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::time::Duration;

/// Processor time, user and system, of these processes and all below them, also of those that ended.
///
/// # Errors
/// When one of the given ones is gone.
pub(crate) fn processor_time(roots: &[u32]) -> Result<Duration> {
    let mut ticks = 0;
    for root in roots {
        let family = family(*root);
        for pid in &family {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
            match stat.ok().as_deref().and_then(ticks_of) {
                Some(more) => ticks += more,
                // One that just ended is in its parent's figures.
                None => anyhow::ensure!(pid != root, "process {root} is gone"),
            }
        }
    }
    let per_second = rustix::param::clock_ticks_per_second().max(1);
    Ok(Duration::from_micros(
        ticks.saturating_mul(1_000_000) / per_second,
    ))
}

/// Ticks of a line of `/proc/PID/stat` (proc(5)): utime, stime, and cutime and cstime of children that were waited for.
fn ticks_of(stat: &str) -> Option<u64> {
    // The name of the program may hold anything; what follows is numbers, from the third field on.
    let (_, numbers) = stat.rsplit_once(") ")?;
    let fields = numbers.split(' ').skip(11).take(4);
    let mut ticks = 0;
    let mut found = 0;
    for field in fields {
        ticks += field.parse::<u64>().ok()?;
        found += 1;
    }
    (found == 4).then_some(ticks)
}

/// The process and all below it, itself first.
fn family(root: u32) -> Vec<u32> {
    let mut family = vec![root];
    let mut next = 0;
    while let Some(pid) = family.get(next).copied() {
        next += 1;
        for child in children(pid) {
            if !family.contains(&child) {
                family.push(child);
            }
        }
    }
    family
}

fn children(pid: u32) -> Vec<u32> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
    let tasks = tasks.into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    lists
        .flat_map(|list| {
            let pids = list.split_whitespace().filter_map(|pid| pid.parse().ok());
            pids.collect::<Vec<_>>()
        })
        .collect()
}

/// Ends these processes and all below them at once, with nothing that they could still do.
///
/// # Errors
/// When one may not be ended.
pub(crate) fn kill(roots: &[u32]) -> Result<()> {
    // Whoever has children goes before them, and so has no time to make others.
    for pid in roots.iter().flat_map(|root| family(*root)) {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        match kill_process(pid.context("no process")?, Signal::KILL) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Asks one process to end.
///
/// # Errors
/// When it is gone.
pub(crate) fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    Ok(kill_process(pid.context("no process")?, signal)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn time_is_read_past_any_name() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 100 20 3 4 15 16";
        assert_eq!(ticks_of(&format!("12 (beam.smp) {rest}")), Some(127));
        assert_eq!(ticks_of(&format!("12 (a) b 9) {rest}")), Some(127));
        assert_eq!(ticks_of("12 (short) S 1 2 3"), None);
        assert_eq!(ticks_of(""), None);
    }

    #[test]
    fn work_of_children_counts_while_they_live_and_after_they_ended() {
        // One child works and ends; another one works on.
        let work = "i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done";
        let script = format!("( {work} ); echo done; ( {work}; sleep 60 ) & wait");
        let mut shell = Command::new("sh")
            .args(["-c", &script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = shell.stdout.take().unwrap();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
        assert_eq!(line, "done\n");
        let pid = shell.id();
        let end = std::time::Instant::now() + Duration::from_secs(60);
        let alone =
            |pid: u32| ticks_of(&std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap());
        while family(pid).len() < 2 && std::time::Instant::now() < end {
            std::thread::sleep(Duration::from_millis(5));
        }
        assert!(family(pid).len() >= 2, "the second child lives");
        // The first child's time is the shell's by now; with the second one's it is more.
        let first = processor_time(&[pid]).unwrap();
        assert!(first > Duration::ZERO && alone(pid).unwrap() > 0);
        while processor_time(&[pid]).unwrap() <= first && std::time::Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(processor_time(&[pid]).unwrap() > first);

        kill(&[pid]).unwrap();
        shell.wait().unwrap();
        assert!(processor_time(&[pid]).is_err(), "it is gone");
    }
}
