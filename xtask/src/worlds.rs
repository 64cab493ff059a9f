//! The simulation's program: wild worlds by the seed.
//!
//! Always holds: the tests' few worlds run in the tests' build, so that nothing is compiled twice;
//! the soak's many in an optimised one. Deliberately absent: what a world is (`crates/simulation`).

use crate::project::Project;
use anyhow::Result;

const PROGRAM: &str = "comity-worlds";
/// Of Cargo.toml.
const PROFILE: &str = "worlds";

/// What `cargo xtask test` holds.
pub(crate) fn few(project: &Project) -> Result<()> {
    project.build_tests()?;
    run(project, "debug", &["--from", "0", "--count", "200"])
}

/// Each planted bug, in up to a thousand seeds.
pub(crate) fn planted(project: &Project, _: u64, _: u64) -> Result<()> {
    build(project)?;
    run(project, PROFILE, &["--bugs", "--count", "1000"])
}

/// Seeds `from` to `from + count`.
pub(crate) fn seeds(project: &Project, from: u64, count: u64) -> Result<()> {
    build(project)?;
    let (from, count) = (from.to_string(), count.to_string());
    run(project, PROFILE, &["--from", &from, "--count", &count])
}

fn build(project: &Project) -> Result<()> {
    let what = ["build", "--locked", "--package", "comity-simulation"];
    let program = ["--profile", PROFILE, "--bin", PROGRAM];
    project.run(project.cargo().args(what).args(program))
}

fn run(project: &Project, build: &str, words: &[&str]) -> Result<()> {
    let program = project.target().join(build).join(PROGRAM);
    let mut command = project.command(&program.to_string_lossy());
    // Each world has memory of its own for a second: giving it back and asking again took a fifth of it.
    command.env("MIMALLOC_PURGE_DELAY", "-1");
    project.run(command.args(words))
}
