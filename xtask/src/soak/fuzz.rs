//! The part `fuzz`: one target after the other, on the fuzz crate outside of the workspace.
//!
//! Always holds: a target is done when it ran its time without a crash, saw more code than its
//! corpus shows, and found a panic planted in it. Deliberately absent: adding to the committed
//! corpus; what was found stays under the target folder until somebody picks from it.

use crate::project::Project;
use anyhow::{Context, Result, bail};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The names in fuzz/Cargo.toml, a seed each.
const NAMES: &[&str] = &[
    "arrived",
    "client_batch",
    "commit",
    "content",
    "documents",
    "envelope",
    "family",
    "file",
    "group_state",
    "http_bodies",
    "identifiers",
    "invitation",
    "key_package",
    "link_code",
    "manifest",
    "mls_message",
    "new_conversation",
    "sealed",
    "server_batch",
];

/// How many targets there are.
pub(crate) const TARGETS: u64 = NAMES.len() as u64;

const SECONDS: u64 = 60;
/// A planted panic is found in seconds; this is when to give up.
const PLANTED_SECONDS_MAX: u64 = 120;

/// Runs the targets `from` to `from + count`.
pub(crate) fn run(project: &Project, from: u64, count: u64) -> Result<()> {
    // The versions that the product is built with.
    let lock = project.root().join("Cargo.lock");
    std::fs::copy(lock, project.root().join("fuzz/Cargo.lock"))?;
    for index in from..from.saturating_add(count) {
        let name = NAMES
            .get(usize::try_from(index)?)
            .context("there are fewer targets")?;
        explore(project, name)?;
        find_planted(project, name)?;
    }
    Ok(())
}

/// 60 seconds from the committed corpus; coverage must grow.
fn explore(project: &Project, name: &str) -> Result<()> {
    let found = project.target().join("fuzz-found").join(name);
    let _ = std::fs::remove_dir_all(&found);
    std::fs::create_dir_all(&found)?;
    let mut command = cargo_fuzz(project, name);
    command
        .arg(&found)
        .arg(project.root().join("fuzz/corpus").join(name));
    command.args([
        "--",
        &format!("-max_total_time={SECONDS}"),
        "-timeout=10",
        "-rss_limit_mb=2048",
    ]);
    let Seen {
        success, coverage, ..
    } = watch(&mut command)?;
    let (first, last) = (coverage.first().copied(), coverage.last().copied());
    if !success {
        bail!("{name}: crashed; the input is under fuzz/artifacts/{name}");
    }
    match (first, last) {
        (Some(first), Some(last)) if last > first => {
            println!("{name}: coverage grew from {first} to {last}");
            Ok(())
        }
        _ => bail!("{name}: coverage did not grow: {coverage:?}"),
    }
}

/// A panic on a rare input, armed on demand, must be found.
fn find_planted(project: &Project, name: &str) -> Result<()> {
    let artifacts = project.target().join("fuzz-planted").join(name);
    let found = artifacts.join("found");
    let _ = std::fs::remove_dir_all(&artifacts);
    std::fs::create_dir_all(&found)?;
    let mut command = cargo_fuzz(project, name);
    // From nothing, and short: long inputs are seldom changed where the panic looks.
    command.arg(&found).env("COMITY_FUZZ_PLANTED", "1");
    command.args(["--", "-max_len=64", "-len_control=0"]);
    command.arg(format!("-max_total_time={PLANTED_SECONDS_MAX}"));
    command.arg(format!("-artifact_prefix={}/", artifacts.display()));
    let seen = watch(&mut command)?;
    if !seen.planted {
        bail!("{name}: the planted panic was not found in {PLANTED_SECONDS_MAX} s");
    }
    println!("{name}: the planted panic was found");
    Ok(())
}

fn cargo_fuzz(project: &Project, name: &str) -> Command {
    let mut command = project.cargo();
    // The stable compiler instruments as well as the nightly one, once it is asked to.
    command
        .env("RUSTC_BOOTSTRAP", "1")
        .args(["fuzz", "run", "--sanitizer", "none"]);
    let folder: PathBuf = project.target().join("fuzz");
    command.arg("--target-dir").arg(folder).arg(name);
    command
}

/// What a run of the fuzzer showed.
#[derive(Default)]
struct Seen {
    success: bool,
    /// Told on the way, ascending.
    coverage: Vec<u64>,
    /// It came to the planted panic, and not to another.
    planted: bool,
}

/// Runs it, showing what it says.
fn watch(command: &mut Command) -> Result<Seen> {
    let mut child = command
        .stderr(Stdio::piped())
        .spawn()
        .context("starting cargo fuzz")?;
    let mut seen = Seen::default();
    if let Some(stderr) = child.stderr.take() {
        for line in BufReader::new(stderr).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            eprintln!("{line}");
            seen.coverage.extend(coverage_of(&line));
            seen.planted |= line.contains("the planted panic was reached");
        }
    }
    seen.success = child.wait()?.success();
    Ok(seen)
}

/// 812 from `#4096 pulse cov: 812 ft: 1507 corp: 93/1234b …`.
fn coverage_of(line: &str) -> Option<u64> {
    let (_, rest) = line.strip_prefix('#')?.split_once("cov: ")?;
    rest.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{NAMES, coverage_of};

    #[test]
    fn no_target_is_left_out() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/fuzz_targets");
        let mut names: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|file| {
                file.unwrap()
                    .path()
                    .file_stem()
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned()
            })
            .collect();
        names.sort();
        assert_eq!(names, NAMES);
    }

    #[test]
    fn coverage_is_read_from_the_fuzzers_lines() {
        assert_eq!(
            coverage_of("#4096\tpulse  cov: 812 ft: 1507 corp: 93/12b"),
            Some(812)
        );
        assert_eq!(coverage_of("INFO: seed corpus: files: 4"), None);
    }
}
