//! `cargo xtask web`: the browser's core, built and put where the pages import it from.
//!
//! Always holds: its own target folder, so that native builds are not thrown away. Deliberately
//! absent: the pages themselves, which npm builds.

use crate::project::Project;
use crate::share::wasm;
use anyhow::Result;

/// Where `web/src/core/worker.ts` imports it from; not kept in the repository.
const FOLDER: &str = "web/src/core/wasm";
const PACKAGE: &str = "comity-client-web";

/// Builds the core for the browser.
pub(crate) fn run(project: &Project) -> Result<()> {
    let how = ["--locked", "--lib", "--profile", "web"];
    project.run(
        wasm::cargo(project, "build")
            .args(how)
            .args(wasm::of(PACKAGE)),
    )?;
    let built = wasm::target(project)
        .join(crate::setup::WASM_TARGET)
        .join("web/comity_client_web.wasm");
    let bind = ["run", "--quiet", "--locked", "--package", "xtask-web", "--"];
    project.run(
        project
            .cargo()
            .args(bind)
            .arg(built)
            .arg(project.root().join(FOLDER)),
    )
}
