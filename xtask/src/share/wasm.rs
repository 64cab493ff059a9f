//! The client's core and its shell, built for the browser and bound to JavaScript: with rustup's
//! target where it is, else with Debian's Rust.
//!
//! Always holds: its own target folder, so that native builds are not thrown away. Deliberately
//! absent: running it, which the share `web` does.

use super::{Count, one};
use crate::project::Project;
use crate::setup::{WASM_TARGET, rustup_has_wasm};
use crate::web::{self, How};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// What every crate is compiled with. The stack is four times what the linker would give: a program
/// on a desk has eight, and what would run out of it is stopped in the middle of a step.
const FLAGS: &str = "--cfg getrandom_backend=\"wasm_js\" -C link-arg=-zstack-size=4194304";

/// Debian's cargo that knows the browser.
const DEBIAN_CARGO: &str = "/usr/share/cargo/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Builds `comity-client-web`, and with it the core, binds it, and builds the pages over it.
pub(crate) fn run(project: &Project) -> Result<Count> {
    one(web::run(project, How::Quick))
}

/// Where what is compiled for the browser lies.
pub(crate) fn target(project: &Project) -> PathBuf {
    project.target().join("wasm")
}

/// The package, for the browser.
pub(crate) fn of(package: &str) -> [&str; 4] {
    ["--package", package, "--target", WASM_TARGET]
}

/// What SQLite leaves out.
fn c_flags(project: &Project) -> String {
    let header = project.root().join("crates/client-web/sqlite.h");
    format!("-include {}", header.display())
}

/// A cargo that compiles for the browser, with the task that it is to do.
pub(crate) fn cargo(project: &Project, task: &str) -> Command {
    let mut command;
    if rustup_has_wasm(project) {
        command = project.cargo();
        command.arg(task);
    } else {
        command = project.command(DEBIAN_CARGO);
        // It brings the standard library as source, which only an unstable flag builds.
        command
            .env("RUSTC", DEBIAN_RUSTC)
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19");
        command.args([task, "-Zbuild-std=std,panic_abort"]);
    }
    command
        .arg("--target-dir")
        .arg(target(project))
        .env("RUSTFLAGS", FLAGS)
        .env("CFLAGS_wasm32_unknown_unknown", c_flags(project))
        .env("CC_wasm32_unknown_unknown", "clang-19")
        .env("AR_wasm32_unknown_unknown", "llvm-ar-19");
    command
}
