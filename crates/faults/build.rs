//! Compiles the layer, a shared library that real programs are started with.

use std::path::Path;
use std::{env, error::Error};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=src/layer.c");
    if env::var("CARGO_CFG_TARGET_OS")? != "linux" {
        return Err("the layer intercepts Linux's libc".into());
    }
    let library = Path::new(&env::var("OUT_DIR")?).join("libcomity_faults.so");
    let status = cc::Build::new()
        .opt_level(2)
        .get_compiler()
        .to_command()
        .args([
            "-shared", "-fPIC", "-pthread", "-Wall", "-Wextra", "-Werror",
        ])
        .args(["-fvisibility=hidden", "-o"])
        .arg(&library)
        .arg("src/layer.c")
        .status()?;
    if !status.success() {
        return Err(format!("compiling the layer: {status}").into());
    }
    println!("cargo:rustc-env=COMITY_FAULTS_LAYER={}", library.display());
    Ok(())
}
