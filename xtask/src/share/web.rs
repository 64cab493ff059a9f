//! The web: types, lints, unit tests, the build, and in a real browser the page of parts, and the
//! core against the real programs.
//!
//! Always holds: packages are those of the lock file, installed anew when it changed; every test of
//! all runs is counted. Deliberately absent: screenshots (`npm run shots` in `web/`), which are for
//! eyes.

use super::{Count, one};
use crate::project::Project;
use crate::web::How;
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Command;

/// What vitest's JSON report says of a run.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    num_passed_tests: u64,
    num_failed_tests: u64,
    num_pending_tests: u64,
    num_todo_tests: u64,
    success: bool,
}

/// Runs it all; what needs something that failed is not run.
pub(crate) fn run(project: &Project) -> Result<Count> {
    // The core, whose types the pages are checked against, and the programs that it talks with.
    crate::web::run(project, How::Quick)?;
    project.build_tests()?;
    let mut count = one(project.run(npm(project).args(["run", "types"])))?;
    add(
        &mut count,
        one(project.run(npm(project).args(["run", "lint"]))),
    );
    add(&mut count, tests(project, "unit"));
    let built = one(project.run(npm(project).args(["run", "build"])));
    let is_built = built.is_ok();
    add(&mut count, built);
    if is_built {
        add(&mut count, tests(project, "browser"));
    }
    add(&mut count, tests(project, "core"));
    Ok(count)
}

/// npm, called there.
pub(crate) fn npm(project: &Project) -> Command {
    command(project, "npm")
}

/// A program, called in `web/`.
pub(crate) fn command(project: &Project, program: &str) -> Command {
    let mut command = project.command(program);
    command.current_dir(folder(project));
    command
}

/// A program of the packages that are installed there.
pub(crate) fn tool(project: &Project, program: &str) -> Command {
    let path = folder(project).join("node_modules/.bin").join(program);
    command(project, &path.to_string_lossy())
}

/// Where pages, their packages and their tests lie.
pub(crate) fn folder(project: &Project) -> PathBuf {
    project.root().join("web")
}

/// Installs the packages of the lock file, unless it was done since the file changed.
pub(crate) fn install(project: &Project) -> Result<()> {
    let lock = std::fs::read(folder(project).join("package-lock.json"))
        .context("reading web/package-lock.json")?;
    let kept = folder(project).join("node_modules/.lock-installed");
    if std::fs::read(&kept).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    project.run(npm(project).args(["ci", "--no-audit", "--no-fund"]))?;
    std::fs::write(&kept, lock)?;
    Ok(())
}

/// Runs one of vitest's projects and counts its tests.
fn tests(project: &Project, name: &str) -> Result<Count> {
    let report = project.target().join(format!("web-{name}.json"));
    std::fs::create_dir_all(project.target())?;
    if report.exists() {
        std::fs::remove_file(&report)?;
    }
    let ran = project.run(
        npm(project)
            .env("CARGO_TARGET_DIR", project.target())
            .args(["run", name, "--", "--reporter=default", "--reporter=json"])
            .arg(format!("--outputFile.json={}", report.display())),
    );
    match std::fs::read(&report) {
        Ok(text) => counted(&text, ran.is_ok()),
        // It did not get as far as to count.
        Err(_) => ran.and_then(|()| bail!("{name}: vitest wrote no report")),
    }
}

/// What a report counts; red when anything was left out, or the run failed beside its tests.
fn counted(text: &[u8], ran: bool) -> Result<Count> {
    let report: Report = serde_json::from_slice(text).context("reading vitest's report")?;
    let left_out = report
        .num_pending_tests
        .saturating_add(report.num_todo_tests);
    if left_out > 0 {
        bail!("{left_out} tests were left out");
    }
    let green = ran && report.success && report.num_passed_tests > 0;
    Ok(Count {
        passed: report.num_passed_tests,
        failed: if green {
            report.num_failed_tests
        } else {
            report.num_failed_tests.max(1)
        },
    })
}

fn add(count: &mut Count, more: Result<Count>) {
    let more = more.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        Count {
            passed: 0,
            failed: 1,
        }
    });
    count.passed += more.passed;
    count.failed += more.failed;
}

#[cfg(test)]
mod tests {
    use super::counted;

    fn report(passed: u64, failed: u64, pending: u64, success: bool) -> Vec<u8> {
        format!(
            r#"{{"numTotalTests":9,"numPassedTests":{passed},"numFailedTests":{failed},
            "numPendingTests":{pending},"numTodoTests":0,"success":{success}}}"#
        )
        .into_bytes()
    }

    #[test]
    fn a_run_is_green_only_when_all_of_it_ran_and_passed() {
        let green = counted(&report(9, 0, 0, true), true).expect("a report");
        assert_eq!((green.passed, green.failed), (9, 0));
        let failing = counted(&report(7, 2, 0, false), false).expect("a report");
        assert_eq!((failing.passed, failing.failed), (7, 2));
        // A file that did not compile has no test that failed.
        let broken = counted(&report(7, 0, 0, false), false).expect("a report");
        assert_eq!((broken.passed, broken.failed), (7, 1));
        let empty = counted(&report(0, 0, 0, true), true).expect("a report");
        assert_eq!((empty.passed, empty.failed), (0, 1));
        assert!(counted(&report(8, 0, 1, true), true).is_err());
        assert!(counted(b"{", true).is_err());
    }
}
