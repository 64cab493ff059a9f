//! Unit and integration tests, through nextest: a process a test, no retries.
//!
//! Always holds: a skipped test fails the share; a test runs or is deleted. Deliberately absent:
//! choosing tests; call `cargo nextest run` for that.

use super::Count;
use crate::project::Project;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

/// Runs every test of the workspace.
pub(crate) fn run(project: &Project) -> Result<Count> {
    let mut command = project.cargo();
    command
        .args([
            "nextest",
            "run",
            "--locked",
            "--workspace",
            "--no-fail-fast",
            "--retries",
            "0",
        ])
        .args(["--status-level", "slow", "--final-status-level", "fail"])
        .args(["--test-threads", &side_by_side().to_string()])
        .stderr(Stdio::piped());
    let mut child = command.spawn().context("starting cargo nextest")?;
    let mut counts = None;
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).lines() {
            let line = line?;
            eprintln!("{line}");
            counts = summary(&line).or(counts);
        }
    }
    let status = child.wait()?;
    match counts {
        Some((_, _, skipped)) if skipped > 0 => bail!("{skipped} tests were skipped"),
        Some((passed, 0, _)) if status.success() && passed > 0 => Ok(Count { passed, failed: 0 }),
        Some((passed, failed, _)) => Ok(Count {
            passed,
            failed: failed.max(1),
        }),
        None => bail!("cargo nextest failed: {status}"),
    }
}

/// Tests at a time: programs that wait for one another leave a third of the cores to others.
fn side_by_side() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores + cores.div_ceil(2)
}

/// Passed, failed, skipped from `Summary [ 1.2s] 9 tests run: 7 passed (1 slow), 2 failed, 0 skipped`.
fn summary(line: &str) -> Option<(u64, u64, u64)> {
    let (_, counts) = line
        .trim_start()
        .strip_prefix("Summary")?
        .split_once("run:")?;
    let of = |kind: &str| {
        counts
            .split([',', '('])
            .map(|part| part.trim().trim_end_matches(')'))
            .filter_map(|part| part.split_once(' '))
            .find(|(_, what)| what.trim() == kind)
            .and_then(|(number, _)| number.parse().ok())
            .unwrap_or(0)
    };
    Some((of("passed"), of("failed") + of("timed out"), of("skipped")))
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn a_summary_is_counted_whatever_stands_in_brackets() {
        let line = "     Summary [   0.6s] 9 tests run: 6 passed (1 slow), 2 failed, 1 timed out, 4 skipped";
        assert_eq!(summary(line), Some((6, 3, 4)));
        assert_eq!(
            summary("     Summary [   0.6s] 1 test run: 1 passed, 0 skipped"),
            Some((1, 0, 0))
        );
        assert_eq!(summary("        PASS [   0.6s] run: something"), None);
    }
}
