//! The simulation's program: wild worlds by the seed.
//!
//! Always holds: it is built with the whole workspace, as the tests are. Deliberately absent: what
//! a world is (`crates/simulation`).

use crate::project::Project;
use anyhow::Result;

/// Runs it.
pub(crate) fn run(project: &Project, words: &[&str]) -> Result<()> {
    let program = project.target().join("debug").join("comity-worlds");
    project.run(std::process::Command::new(program).args(words))
}

/// Seeds `from` to `from + count`.
pub(crate) fn seeds(project: &Project, from: u64, count: u64) -> Result<()> {
    project.build_tests()?;
    let (from, count) = (from.to_string(), count.to_string());
    run(project, &["--from", &from, "--count", &count])
}
