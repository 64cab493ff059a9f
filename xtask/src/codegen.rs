//! `cargo xtask codegen`: hands over to the generators, which have heavier dependencies.
//!
//! Always holds: types first, tables second, since the tables come from the compiled types.
//! Deliberately absent: the generators themselves (`xtask/codegen`).

use crate::project::Project;
use anyhow::Result;

const TYPES: &str = "codegen-protobuf";
const TABLES: &str = "codegen-tables";

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
    project.run(project.cargo().args(package).args(tables))
}

/// Built with the whole workspace, so that the tests' build finds its dependencies compiled.
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
