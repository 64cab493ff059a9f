//! `cargo xtask peers`: installs the peers, builds what measures them, and hands over.
//!
//! Always holds: says what it installs before it does, and what is missing where it can not; what is measured is built for
//! speed. Deliberately absent: the measuring (`xtask/peers`); stopping what Debian starts when it installs a server.

use crate::nats;
use crate::project::Project;
use crate::setup::{self, Package, Purpose, package};
use anyhow::{Context, Result};
use std::path::PathBuf;

const NATS: &str = "nats";
const EJABBERD: &str = "ejabberd";

/// What ejabberd with its archive in PostgreSQL takes.
const PACKAGES: &[Package] = &[
    package("ejabberd", Purpose::Soak, "a peer: an XMPP server"),
    package(
        "erlang-p1-pgsql",
        Purpose::Soak,
        "lets ejabberd use PostgreSQL",
    ),
    package("postgresql", Purpose::Soak, "keeps ejabberd's archive"),
    package("e2fsprogs", Purpose::Soak, "makes the disk of the proof"),
];

/// What can be asked for. What only the measuring understands stands behind `--`.
#[derive(clap::Args)]
pub(crate) struct Peers {
    /// Only this peer.
    #[arg(long, value_parser = [NATS, EJABBERD])]
    only: Option<String>,
    /// A comity that is built already; else this checkout's is built.
    #[arg(long, value_name = "FILE")]
    comity: Option<PathBuf>,
    /// A nats-server, 2.10 or later; else the machine's own, else Debian's.
    #[arg(long, value_name = "FILE")]
    nats_server: Option<PathBuf>,
    /// Only prove that what peers acknowledge outlives a power cut.
    #[arg(long, conflicts_with = "control")]
    proof: bool,
    /// Show that the proof can fail: peers that do not sync must lose something.
    #[arg(long)]
    control: bool,
    /// For the measuring: `--seconds N`, `--rounds N`, `--scenario one-to-one` …; `-- --help` lists them.
    #[arg(last = true)]
    flags: Vec<String>,
}

impl Peers {
    fn wants(&self, peer: &str) -> bool {
        self.only.as_deref().is_none_or(|only| only == peer)
    }

    fn measures(&self) -> bool {
        !self.proof && !self.control
    }
}

/// Installs, builds, runs.
pub(crate) fn run(project: &Project, asked: &Peers) -> Result<()> {
    setup::run(project, Purpose::Build, false)?;
    let help = asked.flags.iter().any(|flag| flag == "--help");
    let folder = project.target().join("peers");
    std::fs::create_dir_all(&folder)?;
    if asked.wants(EJABBERD) && !help {
        setup::need(project, PACKAGES)
            .context("ejabberd can not be set up without these; `--only nats` leaves it out")?;
    }
    let nats_server = match &asked.nats_server {
        Some(file) => Some(std::path::absolute(file)?),
        None if asked.wants(NATS) && !help => Some(nats::server(project, &folder)?),
        None => None,
    };
    build(project, asked)?;
    let program = project.target().join("release/comity-peers");
    let mut command = project.command(&program.to_string_lossy());
    for (name, file) in [
        ("--json-file", folder.join("report.json")),
        ("--picture", folder.join("report.svg")),
    ] {
        command.arg(name).arg(file);
    }
    if let Some(only) = &asked.only {
        command.args(["--only", only]);
    }
    if let Some(file) = nats_server {
        command.arg("--nats-server").arg(file);
    }
    if asked.measures() {
        let own = || Ok(project.target().join("release/comity"));
        let comity = asked
            .comity
            .as_ref()
            .map_or_else(own, std::path::absolute)?;
        command.arg("--comity").arg(comity);
    }
    command.args(asked.proof.then_some("--proof"));
    command.args(asked.control.then_some("--control"));
    project.run(command.args(&asked.flags))
}

fn build(project: &Project, asked: &Peers) -> Result<()> {
    let mut build = project.cargo();
    build.args([
        "build",
        "--locked",
        "--release",
        "--package",
        "comity-peers",
    ]);
    if asked.measures() && asked.comity.is_none() {
        build.args(["--package", "comity"]);
    }
    project.run(&mut build)
}
