//! `cargo xtask bench-web`: builds the app and the programs, and measures the app in a browser.
//!
//! Always holds: what is measured is what ships, unless it is to be quick. Deliberately absent: the measuring
//! (`web/tests/bench`), and judging by time.

use crate::project::Project;
use crate::setup::{self, Purpose};
use crate::share::web;
use crate::web::How;
use anyhow::Result;

/// Builds, then measures. `quick`: everything for work and tests, and few messages.
pub(crate) fn run(project: &Project, quick: bool) -> Result<()> {
    setup::run(project, Purpose::Test, false)?;
    let (how, folder) = if quick {
        (How::Quick, "debug")
    } else {
        (How::Small, "release")
    };
    // The program carries the pages: they come first.
    crate::web::run(project, how)?;
    if quick {
        project.build_tests()?;
    } else {
        let build = ["build", "--locked", "--release", "--package", "comity"];
        project.run(project.cargo().args(build))?;
    }
    let mut bench = web::npm(project);
    bench
        .args(["run", "bench"])
        .env("CARGO_TARGET_DIR", project.target())
        .env(
            "COMITY_PROGRAM",
            project.target().join(folder).join("comity"),
        );
    if quick {
        bench.env("COMITY_BENCH_QUICK", "1");
    }
    project.run(&mut bench)
}
