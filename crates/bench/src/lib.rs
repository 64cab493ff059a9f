//! `comity bench`: how fast a server is and what it costs, measured from outside; and the same of the client's core
//! (`client`).
//!
//! A real server is a process of its own, with TLS on loopback and every sync that it always makes; what is measured is
//! that process's processor time, memory and bytes written. The load is real too: accounts that signed up, devices that
//! sign in, conversations made by MLS commits, entries sealed by MLS. An entry is sealed once for each conversation,
//! before the run, and sent many times under idempotency keys of its own: a hub can not tell, and checks each of them.
//!
//! Always holds: nothing leaves this machine; every run ends by itself; a message that was refused, lost or doubled makes
//! the run fail. Deliberately absent: comparing with anything else, and asserting on speed.

mod client;
mod clock;
mod engine;
mod line;
mod machine;
mod metrics;
mod options;
mod person;
mod picture;
mod prepare;
mod report;
mod sample;
mod scenarios;
mod server;
mod traffic;
mod world;

pub use clock::Times;
pub use machine::{Machine, yardstick_us};
pub use options::BenchArgs;
pub use report::{ClientMeasured, Measured, Report};

use anyhow::{Context, Result, anyhow};
use std::path::Path;

/// Runs what was asked for against servers started from `program`; `say` is told how it goes.
///
/// # Errors
/// When a server does not start, or does not do what it should.
pub fn run(args: &BenchArgs, program: &Path, say: &dyn Fn(&str)) -> Result<Report> {
    // Fails only when a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One thread: what the load itself costs is then bounded by one core and easily told.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    let report = local.block_on(&runtime, async {
        tokio::select! {
            report = scenarios::run(args, program, say) => report,
            // The server does not stay behind.
            signal = asked_to_stop() => Err(signal.map_or_else(Into::into, |()| anyhow!("stopped"))),
        }
    })?;
    if let Some(file) = &args.json_file {
        let text = serde_json::to_string_pretty(&report)?;
        std::fs::write(file, text + "\n").with_context(|| file.display().to_string())?;
    }
    if let Some(file) = &args.picture {
        picture::draw(&report, file).with_context(|| file.display().to_string())?;
    }
    Ok(report)
}

async fn asked_to_stop() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut end, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    tokio::select! {
        _ = end.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

/// Draws the picture of a report that was written as JSON.
///
/// # Errors
/// When the file can not be written.
pub fn draw(report: &Report, file: &Path) -> Result<()> {
    picture::draw(report, file)
}
