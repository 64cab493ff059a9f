//! `cargo xtask demo`: set-up, build, and the program's own demo in this process's place.
//!
//! Always holds: what the demo does is decided by `comity demo`; signals and the exit code are
//! its own; the web app is the one that ships. Deliberately absent: a release build of the program,
//! which takes minutes more to show the same.

use crate::project::Project;
use crate::setup::{self, Purpose};
use crate::web::{self, How};
use anyhow::{Context, Result};
use std::os::unix::process::CommandExt as _;

/// Builds `comity` and becomes `comity demo`.
pub(crate) fn run(project: &Project, flags: &[String]) -> Result<()> {
    build(project)?;
    let program = project.target().join("debug/comity");
    let error = project
        .command(&program.to_string_lossy())
        .arg("demo")
        .args(flags)
        .exec();
    Err(error).context("starting comity demo")
}

/// Plays the demo's story once and returns, with the program that the tests run too.
pub(crate) fn check(project: &Project) -> Result<()> {
    project.build_tests()?;
    let program = project.target().join("debug/comity");
    project.run(
        project
            .command(&program.to_string_lossy())
            .args(["demo", "--check"]),
    )
}

fn build(project: &Project) -> Result<()> {
    setup::run(project, Purpose::Web, false)?;
    web::run(project, How::Small)?;
    project.run(
        project
            .cargo()
            .args(["build", "--locked", "--package", "comity"]),
    )
}
