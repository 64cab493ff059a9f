//! `cargo xtask codegen`: hands over to the generators, which have heavier dependencies.
//!
//! Always holds: types first, then tables and screens, which come from the compiled types.
//! Deliberately absent: the generators themselves (`xtask/codegen`).

use crate::project::Project;
use anyhow::Result;

const TYPES: &str = "codegen-protobuf";
const TABLES: &str = "codegen-tables";
const SCREENS: &str = "codegen-screens";

/// Writes what is generated, or with `check` fails when something is stale.
pub(crate) fn run(project: &Project, check: bool) -> Result<()> {
    if check {
        compare(project)
    } else {
        write(project)
    }
}

fn write(project: &Project) -> Result<()> {
    let package = ["run", "--quiet", "--locked", "--package", "xtask-codegen"];
    project.run(project.cargo().args(package).args(["--bin", TYPES]))?;
    let tables = ["--features", "tables", "--bin", TABLES];
    project.run(project.cargo().args(package).args(tables))?;
    let screens = ["--features", "screens", "--bin", SCREENS];
    project.run(project.cargo().args(package).args(screens))
}

/// Built with the whole workspace, so that the tests' build finds its dependencies compiled. The screens'
/// types are compared by a test of `comity-client-web`, which has the client compiled as it is tested.
fn compare(project: &Project) -> Result<()> {
    let what = ["build", "--quiet", "--locked", "--workspace"];
    let generators = ["--features", "xtask-codegen/tables"];
    let programs = ["--bin", TYPES, "--bin", TABLES];
    project.run(project.cargo().args(what).args(generators).args(programs))?;
    for program in [TYPES, TABLES] {
        let program = project.target().join("debug").join(program);
        project.run(project.command(&program.to_string_lossy()).arg("--check"))?;
    }
    Ok(())
}
