//! The client's core and its shell, compiled for the browser: with rustup's target where it is,
//! else with Debian's Rust.
//!
//! Always holds: its own target folder, so that native builds are not thrown away. Deliberately
//! absent: linking and running, which the browser shell's own tests do.

use super::{Count, one};
use crate::project::Project;
use crate::setup::{WASM_TARGET, rustup_has_wasm};
use anyhow::Result;
use std::path::PathBuf;
use std::process::Command;

/// Debian's cargo that knows the browser.
const DEBIAN_CARGO: &str = "/usr/share/cargo/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Checks `comity-client-web`, and with it the core, for the browser.
pub(crate) fn run(project: &Project) -> Result<Count> {
    one(project.run(
        cargo(project, "check")
            .arg("--locked")
            .args(of("comity-client-web")),
    ))
}

/// Where what is compiled for the browser lies.
pub(crate) fn target(project: &Project) -> PathBuf {
    project.target().join("wasm")
}

/// The package, for the browser.
pub(crate) fn of(package: &str) -> [&str; 4] {
    ["--package", package, "--target", WASM_TARGET]
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
            .env("RUSTC_BOOTSTRAP", "1");
        command.args([task, "-Zbuild-std=std,panic_abort"]);
    }
    command
        .arg("--target-dir")
        .arg(target(project))
        .env("RUSTFLAGS", "--cfg getrandom_backend=\"wasm_js\"")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19")
        .env("CC_wasm32_unknown_unknown", "clang-19")
        .env("AR_wasm32_unknown_unknown", "llvm-ar-19");
    command
}
