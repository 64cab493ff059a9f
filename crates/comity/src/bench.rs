//! `comity bench`: measures a server that it starts for that, on loopback.

use crate::terminal;
use anyhow::Result;
use comity_bench::BenchArgs;

/// Runs it and prints what came out; how it goes is told on standard error.
pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let program = std::env::current_exe()?;
    let report = comity_bench::run(args, &program, &terminal::complain)?;
    if args.json {
        terminal::say_json(&serde_json::to_value(&report)?);
    } else {
        terminal::say(report.text().trim_end());
    }
    Ok(())
}
