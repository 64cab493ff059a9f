//! The client's core, compiled for the browser: with rustup's target where it is, else with
//! Debian's Rust.
//!
//! Always holds: its own target folder, so that native builds are not thrown away. Deliberately
//! absent: linking and running, which the browser shell's own tests do.

use super::{Count, one};
use crate::project::Project;
use crate::setup::{WASM_TARGET, rustup_has_wasm};
use anyhow::Result;

/// Debian's cargo that knows the browser.
const DEBIAN_CARGO: &str = "/usr/share/cargo/bin/cargo";
const DEBIAN_RUSTC: &str = "/usr/bin/rustc";

/// Checks `comity-client` for the browser.
pub(crate) fn run(project: &Project) -> Result<Count> {
    let mut command = if rustup_has_wasm(project) {
        project.cargo()
    } else {
        let mut command = project.command(DEBIAN_CARGO);
        // It brings the standard library as source, which only an unstable flag builds.
        command
            .env("RUSTC", DEBIAN_RUSTC)
            .env("RUSTC_BOOTSTRAP", "1");
        command.args(["-Zbuild-std=std,panic_abort"]);
        command
    };
    command
        .args([
            "check",
            "--locked",
            "--package",
            "comity-client",
            "--target",
            WASM_TARGET,
        ])
        .arg("--target-dir")
        .arg(project.target().join("wasm"))
        .env("RUSTFLAGS", "--cfg getrandom_backend=\"wasm_js\"")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", "wasm-ld-19")
        .env("CC_wasm32_unknown_unknown", "clang-19")
        .env("AR_wasm32_unknown_unknown", "llvm-ar-19");
    one(project.run(&mut command))
}
