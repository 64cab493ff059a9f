//! `cargo xtask peers`: peers and Comity side by side, in one run, each durable before it acknowledges.
//!
//! Each peer is set up in a folder of its own that is thrown away, loaded in the shape of `comity bench` (pairs, messages
//! on their way, bytes, TLS on loopback, an acknowledgement and a reader for each message), and measured in turns with
//! Comity: A, B, C, A, B, C. Before that it has to prove that what it acknowledged outlives a power cut.
//!
//! Always holds: a ratio comes from one run on one machine; a peer is as durable as we are and otherwise as it comes;
//! everything that is started ends with this program. Deliberately absent: installing anything, which is xtask's; and
//! asserting on speed.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it speaks to a terminal"
)]

mod disk;
mod drive;
mod ejabberd;
mod flow;
mod nats;
mod options;
mod ours;
mod proof;
mod report;
mod server;
mod tree;

use anyhow::{Context, Result, anyhow};
use clap::Parser;
use comity_bench::Machine;
use options::{Kind, Options};
use proof::Proof;
use report::{Entry, Figures, OURS, Report};
use server::{Place, Server, Sync};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::ExitCode;

/// Below the folder that is thrown away.
const LOGS: &str = "logs";

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<()> {
    // Fails only when a provider is there already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // One thread, as the bench has: what the load costs is then bounded by one core.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, async {
        tokio::select! {
            done = work(options) => done,
            // Servers and disks do not stay behind.
            signal = asked_to_stop() => Err(signal.map_or_else(Into::into, |()| anyhow!("stopped"))),
        }
    })
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

async fn work(options: &Options) -> Result<()> {
    let machine = Machine::look();
    let folder = tempfile::tempdir()?;
    disk::is_on_a_disk(folder.path())?;
    // Who is not root must get to what is theirs below it.
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
    let done = all(options, machine, folder.path()).await;
    if done.is_err() {
        // What servers said last may tell why.
        let kept = std::env::temp_dir().join(format!("comity-peers-{}", std::process::id()));
        if std::fs::rename(folder.path().join(LOGS), &kept).is_ok() {
            eprintln!("what the servers printed is kept in {}", kept.display());
        }
    }
    done
}

/// Proofs, rounds, and what came of them.
async fn all(options: &Options, machine: Machine, folder: &Path) -> Result<()> {
    let mut proofs = Vec::new();
    for kind in options.kinds() {
        let proof = match options.no_proof {
            true => None,
            false => Some(prove(kind, options, folder).await?),
        };
        proofs.push((kind, proof));
    }
    if options.proof || options.control {
        return Ok(());
    }
    let report = compare(options, machine, proofs, folder).await?;
    println!("{}", report.text().trim_end());
    if let Some(file) = &options.json_file {
        let text = serde_json::to_string_pretty(&report)? + "\n";
        std::fs::write(file, text).with_context(|| file.display().to_string())?;
        eprintln!("written: {}", file.display());
    }
    if let Some(file) = &options.picture {
        report.draw(file)?;
        eprintln!("drawn: {}", file.display());
    }
    Ok(())
}

/// The proof that is asked for; says what came of it.
async fn prove(kind: Kind, options: &Options, folder: &Path) -> Result<Proof> {
    let name = kind.name();
    let logs = folder.join(LOGS);
    let folder = folder.join(format!("proof-{name}"));
    std::fs::create_dir_all(&folder)?;
    let sync = if options.control {
        Sync::Off
    } else {
        Sync::Always
    };
    eprintln!("{name}: cutting the power in the middle of the load");
    let proof = proof::play(kind, options, &folder, &logs, sync)
        .await
        .with_context(|| format!("{name}: the proof"))?;
    let judged = match sync {
        Sync::Always => proof.holds(),
        Sync::Off => proof.sees_a_loss(),
    };
    judged.with_context(|| name.to_owned())?;
    let control = if options.control {
        ", as they must"
    } else {
        ""
    };
    println!("{name}: {}{control} ({})", proof.words(), proof.settings);
    std::fs::remove_dir_all(folder)?;
    Ok(proof)
}

/// All rounds, one after the other.
async fn compare(
    options: &Options,
    machine: Machine,
    proofs: Vec<(Kind, Option<Proof>)>,
    folder: &Path,
) -> Result<Report> {
    let program = options
        .comity
        .as_ref()
        .context("no comity to measure: give it by --comity FILE")?;
    let mut report = Report {
        load: options.load(),
        machine,
        optimised: !cfg!(debug_assertions),
        entries: vec![entry(OURS, None)],
        ratios: Vec::new(),
    };
    let proofs = proofs.into_iter();
    report
        .entries
        .extend(proofs.map(|(kind, proof)| entry(kind.name(), proof)));
    let prepared = folder.join("comity");
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        let (figures, bench) = ours::measure(program, options, &prepared).await?;
        report.optimised &= bench.optimised;
        let settings =
            "SQLite, write-ahead log, synchronous = FULL; every check that it ships with";
        note(&mut report, OURS, &bench.version, settings, figures);
        for kind in options.kinds() {
            let place = Place {
                options,
                folder: folder.join(format!("{}-{round}", kind.name())),
                logs: folder.join(LOGS),
                sync: Sync::Always,
            };
            let server = Server::start(kind, &place).await?;
            server.prepare(options.pairs).await?;
            let figures = drive::measure(&server, options)
                .await
                .with_context(|| kind.name().to_owned())?;
            let (version, settings) = (server.version().to_owned(), server.settings().to_owned());
            note(&mut report, kind.name(), &version, &settings, figures);
            server.stop().await?;
            std::fs::remove_dir_all(&place.folder)?;
        }
    }
    report.finish();
    Ok(report)
}

fn entry(name: &str, proof: Option<Proof>) -> Entry {
    Entry {
        name: name.to_owned(),
        version: String::new(),
        settings: String::new(),
        proof,
        rounds: Vec::new(),
        median: None,
    }
}

/// Adds a round and says it.
fn note(report: &mut Report, name: &str, version: &str, settings: &str, figures: Figures) {
    eprintln!(
        "{name:<10} {:>9.0}/s  {:>6.2} CPU-s/100k  {:.1} / {:.1} ms",
        figures.per_second, figures.server_cpu_s_per_100k, figures.p50_ms, figures.p99_ms
    );
    let mut entries = report.entries.iter_mut();
    if let Some(entry) = entries.find(|entry| entry.name == name) {
        version.clone_into(&mut entry.version);
        settings.clone_into(&mut entry.settings);
        entry.rounds.push(figures);
    }
}
