//! TypeScript's types of what passes between screens and the core (`web/src/core/types.ts`), from
//! the types that the core reads and writes. Whether they are stale a test of `comity-client-web` says.

use anyhow::{Context, Result};

const FILE: &str = "web/src/core/types.ts";

fn main() -> Result<()> {
    let fresh = comity_client_web::boundary::typescript::file();
    // A file that is not there is as stale as one can be.
    if std::fs::read_to_string(FILE).is_ok_and(|before| before == fresh) {
        return Ok(());
    }
    std::fs::write(FILE, fresh).with_context(|| format!("writing {FILE}"))
}
