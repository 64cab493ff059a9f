//! Binds the browser's core, as cargo built it, to JavaScript: `xtask-web CORE.wasm FOLDER`.
//!
//! Always holds: the same version of `wasm-bindgen` on both sides, since this links it and so does
//! the core, from one lock file. Deliberately absent: making it small (`wasm-opt`).

use anyhow::{Context, Result};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (Some(wasm), Some(folder)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: xtask-web CORE.wasm FOLDER");
    };
    Bindgen::new()
        .input_path(&wasm)
        .out_name("comity_client_web")
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(&folder)
        .with_context(|| format!("binding {wasm}"))
}
