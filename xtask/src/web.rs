//! `cargo xtask web`: the browser's core, built, bound to JavaScript, made small, and put where the
//! pages import it from.
//!
//! Always holds: its own target folder, so that native builds are not thrown away; what would make
//! a page's first load too heavy fails. Deliberately absent: the pages themselves, which npm builds.

use crate::project::Project;
use crate::share::{wasm, web};
use anyhow::Result;
use std::path::PathBuf;

/// Where `web/src/core/worker.ts` imports it from; not kept in the repository.
const FOLDER: &str = "src/core/wasm";
const PACKAGE: &str = "comity-client-web";
const NAME: &str = "comity_client_web";

/// The core's part, compressed, of a first load, for which 1.5 MB is asked: the rest is the pages'.
const BYTES_MAX: u32 = 1_250_000;

/// What rustc makes use of and every browser that has access handles knows, too.
const FEATURES: &[&str] = &[
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// How it is built.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    /// For work and tests: sooner, several times as large, and slower.
    Quick,
    /// As it ships.
    Small,
}

/// Builds the core for the browser.
pub(crate) fn run(project: &Project, how: How) -> Result<()> {
    let (profile, folder) = match how {
        How::Quick => ("dev", "debug"),
        How::Small => ("web", "web"),
    };
    project.run(
        wasm::cargo(project, "build")
            .args(["--locked", "--lib", "--profile", profile])
            .args(wasm::of(PACKAGE)),
    )?;
    let built = wasm::target(project)
        .join(crate::setup::WASM_TARGET)
        .join(folder)
        .join(format!("{NAME}.wasm"));
    let bind = ["run", "--quiet", "--locked", "--package", "xtask-web", "--"];
    project.run(project.cargo().args(bind).arg(built).arg(out(project)))?;
    if how == How::Small {
        make_small(project)?;
    }
    Ok(())
}

fn out(project: &Project) -> PathBuf {
    web::folder(project).join(FOLDER)
}

/// Optimises what was bound for its size, and weighs it.
fn make_small(project: &Project) -> Result<()> {
    web::install(project)?;
    let wasm = out(project).join(format!("{NAME}_bg.wasm"));
    let glue = out(project).join(format!("{NAME}.js"));
    project.run(
        web::tool(project, "wasm-opt")
            .arg("-Oz")
            .args(FEATURES)
            .arg("-o")
            .args([&wasm, &wasm]),
    )?;
    project.run(
        web::command(project, "node")
            .args(["scripts/weigh.mjs", &BYTES_MAX.to_string()])
            .args([wasm, glue]),
    )
}
