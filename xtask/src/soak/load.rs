//! The part `load`: `comity bench lasting`, in the optimised build, a minute a seed.
//!
//! Always holds: a lot is one run of one server, long enough for a leak to show against the caches that fill at first;
//! its accounts and data are made for it and thrown away. Deliberately absent: what has to hold; `comity bench` judges that.

use crate::project::Project;
use anyhow::Result;

/// An hour.
pub(crate) const MINUTES: u64 = 60;
/// Minutes of one run.
pub(crate) const LOT: u64 = 20;

/// Runs it for `count` minutes.
pub(crate) fn run(project: &Project, _: u64, count: u64) -> Result<()> {
    let build = ["build", "--release", "--locked", "--package", "comity"];
    project.run(project.cargo().args(build))?;
    let seconds = (60 * count).to_string();
    let program = project.target().join("release/comity");
    let mut command = project.command(&program.display().to_string());
    project.run(command.args(["bench", "lasting", "--seconds", &seconds]))
}
