//! `cargo xtask codegen`: hands over to the generators, which have heavier dependencies.
//!
//! Always holds: types first, tables second, since the tables come from the compiled types.
//! Deliberately absent: the generators themselves (`xtask/codegen`).

use crate::project::Project;
use anyhow::Result;

/// Writes what is generated, or with `check` fails when something is stale.
pub(crate) fn run(project: &Project, check: bool) -> Result<()> {
    let package = ["run", "--quiet", "--locked", "--package", "xtask-codegen"];
    let flag: &[&str] = if check { &["--", "--check"] } else { &[] };
    project.run(
        project
            .cargo()
            .args(package)
            .args(["--bin", "codegen-protobuf"])
            .args(flag),
    )?;
    let tables = ["--features", "tables", "--bin", "codegen-tables"];
    project.run(project.cargo().args(package).args(tables).args(flag))
}
