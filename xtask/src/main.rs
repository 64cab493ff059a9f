//! `cargo xtask`: the project's tasks, the same on every machine and in CI.
//!
//! Always holds: depends on no crate of the product and on few others, so that it builds in
//! seconds in a fresh clone. Deliberately absent: anything that a shell alias of cargo could do.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "it speaks to a terminal"
)]

mod bench_web;
mod codegen;
mod demo;
mod nats;
mod peers;
mod project;
mod setup;
mod share;
mod soak;
mod web;
mod worlds;

use anyhow::Result;
use clap::{Parser, Subcommand};
use project::Project;
use std::process::ExitCode;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Set-up, tests, soak, demo, peers and code generation"
)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Installs what a fresh Debian 12 lacks; prints the list where it may not.
    Setup {
        /// What for: to build and run, to test, or to soak.
        #[arg(long = "for", value_enum, default_value = "test")]
        purpose: setup::Purpose,
        /// Only say what is missing.
        #[arg(long)]
        list: bool,
    },
    /// Builds and plays the demo; flags go through to `comity demo`.
    Demo {
        /// For `comity demo`: `--check`, `--keep`, `--env FILE` …
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        flags: Vec<String>,
    },
    /// Runs every kind of test, in shares.
    Test {
        /// Only these shares.
        #[arg(long)]
        share: Vec<String>,
        /// Lists the shares.
        #[arg(long)]
        list: bool,
        /// Runs the other shares too when one is red.
        #[arg(long)]
        keep_going: bool,
        /// With `--share counts`: keeps what was counted as what is expected from now on.
        #[arg(long)]
        write: bool,
    },
    /// Runs the full figures of one part, resuming where it stopped; without a name, lists them.
    Soak {
        /// The part, or `all`.
        name: Option<String>,
        /// First seed; else the first that this code has not finished.
        #[arg(long)]
        from: Option<u64>,
        /// How many; else up to the part's full figure.
        #[arg(long)]
        count: Option<u64>,
    },
    /// Measures the app in a browser, with a large store, by the browser's own performance entries.
    BenchWeb {
        /// Few messages, programs for work and tests: in minutes, and says nothing about speed.
        #[arg(long)]
        quick: bool,
    },
    /// Measures peers and Comity side by side, in one run; installs the peers first.
    Peers(peers::Peers),
    /// Writes the generated types and tables.
    Codegen {
        /// Only say what is stale.
        #[arg(long)]
        check: bool,
    },
    /// Builds the browser's core and puts it where the pages import it from.
    Web {
        /// Sooner, for work and tests: several times as large, and slower.
        #[arg(long)]
        quick: bool,
    },
    /// Known advisories against the dependencies, where the advisory database can be reached.
    Audit,
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> Result<()> {
    let project = Project::find()?;
    match cli.task {
        Task::Setup { purpose, list } => setup::run(&project, purpose, list),
        Task::Demo { flags } => demo::run(&project, &flags),
        Task::Test { list: true, .. } => share::list(),
        Task::Test {
            share, write: true, ..
        } => share::write(&project, &share),
        Task::Test {
            share, keep_going, ..
        } => share::run(&project, &share, keep_going),
        Task::Soak { name, from, count } => soak::run(&project, name.as_deref(), from, count),
        Task::BenchWeb { quick } => bench_web::run(&project, quick),
        Task::Peers(asked) => peers::run(&project, &asked),
        Task::Codegen { check } => codegen::run(&project, check),
        Task::Web { quick } => {
            let how = if quick {
                web::How::Quick
            } else {
                web::How::Small
            };
            setup::run(&project, setup::Purpose::Web, false)?;
            web::run(&project, how)
        }
        Task::Audit => {
            setup::run(&project, setup::Purpose::Test, false)?;
            project.run(project.cargo().args(["deny", "check", "advisories"]))
        }
    }
}
