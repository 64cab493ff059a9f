//! Project tasks: set-up, tests, soak, code generation, tidy checks.

mod codegen;

use anyhow::Result;

fn main() -> Result<()> {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(std::path::Path::to_path_buf).unwrap_or_default();
    codegen::run(&root, std::env::args().any(|a| a == "--check"))
}
