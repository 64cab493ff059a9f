//! TypeScript's types of what passes between screens and the core (`web/src/core/types.ts`), from
//! the types that the core reads and writes. `--check` only says whether they are stale.

use anyhow::{Context, Result, bail};

const FILE: &str = "web/src/core/types.ts";

fn main() -> Result<()> {
    let check = std::env::args().any(|argument| argument == "--check");
    let fresh = comity_client_web::boundary::typescript::file();
    // A file that is not there is as stale as one can be.
    if std::fs::read_to_string(FILE).is_ok_and(|before| before == fresh) {
        return Ok(());
    }
    if check {
        bail!("stale: {FILE}; run `cargo xtask codegen`");
    }
    std::fs::write(FILE, fresh).with_context(|| format!("writing {FILE}"))
}
