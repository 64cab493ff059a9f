//! `cargo xtask test`: every kind of test, as named shares that run one after the other.
//!
//! Always holds: a share passes or fails, there is no third outcome and no retry; the last line
//! counts. Deliberately absent: what takes longer than minutes (`soak`).

mod arrows;
mod counts;
mod links;
mod nextest;
mod tidy;
pub(crate) mod wasm;
pub(crate) mod web;

use crate::project::Project;
use crate::setup::{self, Purpose};
use crate::{codegen, demo};
use anyhow::{Result, bail};
use std::time::{Duration, Instant};

/// Single checks that passed and failed.
#[derive(Clone, Copy, Default)]
pub(crate) struct Count {
    passed: u64,
    failed: u64,
}

struct Share {
    name: &'static str,
    what: &'static str,
    run: fn(&Project) -> Result<Count>,
}

const SHARES: &[Share] = &[
    Share {
        name: "fmt",
        what: "formatting",
        run: fmt,
    },
    Share {
        name: "tidy",
        what: "sizes, headers, forbidden words, links in the documents",
        run: tidy::run,
    },
    Share {
        name: "arrows",
        what: "which crate may use which",
        run: arrows::run,
    },
    Share {
        name: "codegen",
        what: "generated types and tables are fresh",
        run: fresh,
    },
    Share {
        name: "deny",
        what: "licences, bans and sources of the dependencies",
        run: deny,
    },
    Share {
        name: "wasm",
        what: "the web app is built, which the server's program carries",
        run: wasm::run,
    },
    Share {
        name: "clippy",
        what: "lints, warnings denied, all targets",
        run: clippy,
    },
    Share {
        name: "unit",
        what: "unit and integration tests, fuzz corpora among them",
        run: nextest::run,
    },
    Share {
        name: "simulation",
        what: "200 wild worlds end with one history",
        run: simulation,
    },
    Share {
        name: "counts",
        what: "hot functions take no more instructions than they did",
        run: counts::run,
    },
    Share {
        name: "doc",
        what: "examples in the documentation",
        run: doc,
    },
    Share {
        name: "web",
        what: "the web's parts and core: types, lints, tests, and in a real browser",
        run: web::run,
    },
    Share {
        name: "demo",
        what: "the demo's story, from start to end",
        run: story,
    },
];

/// Prints the shares' names.
pub(crate) fn list() -> Result<()> {
    for share in SHARES {
        println!("{:<10} {}", share.name, share.what);
    }
    Ok(())
}

/// Runs the named shares, or all.
pub(crate) fn run(project: &Project, names: &[String], keep_going: bool) -> Result<()> {
    for name in names {
        if !SHARES.iter().any(|share| share.name == name) {
            bail!("no share is called {name}; `cargo xtask test --list` tells them");
        }
    }
    setup::run(project, Purpose::Test, false)?;
    let mut results: Vec<(&Share, Count, Duration)> = Vec::new();
    for share in SHARES
        .iter()
        .filter(|s| names.is_empty() || names.iter().any(|n| n == s.name))
    {
        println!("\n=== {}: {}", share.name, share.what);
        let started = Instant::now();
        let count = (share.run)(project).unwrap_or_else(|error| {
            eprintln!("{error:#}");
            Count {
                passed: 0,
                failed: 1,
            }
        });
        results.push((share, count, started.elapsed()));
        if count.failed > 0 && !keep_going {
            break;
        }
    }
    summarise(project, &results)
}

/// Renews what a share compares with; of `counts` alone.
pub(crate) fn write(project: &Project, names: &[String]) -> Result<()> {
    if names != ["counts"] {
        bail!("`--write` goes with `--share counts` alone");
    }
    setup::run(project, Purpose::Test, false)?;
    counts::write(project)
}

fn summarise(project: &Project, results: &[(&Share, Count, Duration)]) -> Result<()> {
    println!("\nshare       passed  failed  seconds");
    let mut all = Count::default();
    for (share, count, time) in results {
        println!(
            "{:<10} {:>7} {:>7} {:>8.1}",
            share.name,
            count.passed,
            count.failed,
            time.as_secs_f64()
        );
        all.passed += count.passed;
        all.failed += count.failed;
    }
    let line = format!("{} passed, {} failed", all.passed, all.failed);
    std::fs::create_dir_all(project.target())?;
    std::fs::write(
        project.target().join("test-summary.txt"),
        format!("{line}\n"),
    )?;
    println!("\n{line}");
    if all.failed > 0 {
        bail!("red");
    }
    Ok(())
}

/// A share that is one check.
fn one(result: Result<()>) -> Result<Count> {
    result.map(|()| Count {
        passed: 1,
        failed: 0,
    })
}

/// A share whose checks each say what they found.
fn findings(checks: u64, found: &[String]) -> Count {
    for line in found {
        println!("{line}");
    }
    let failed = u64::try_from(found.len()).unwrap_or(u64::MAX);
    Count {
        passed: if failed == 0 {
            checks
        } else {
            checks.saturating_sub(failed)
        },
        failed,
    }
}

fn fmt(project: &Project) -> Result<Count> {
    one(project.run(project.cargo().args(["fmt", "--all", "--check"])))
}

fn fresh(project: &Project) -> Result<Count> {
    one(codegen::run(project, true))
}

fn deny(project: &Project) -> Result<Count> {
    one(project.run(
        project
            .cargo()
            .args(["deny", "--locked", "check", "licenses", "bans", "sources"]),
    ))
}

fn clippy(project: &Project) -> Result<Count> {
    let what = [
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    one(project.run(project.cargo().args(what)))
}

fn doc(project: &Project) -> Result<Count> {
    one(project.run(
        project
            .cargo()
            .args(["test", "--locked", "--workspace", "--doc", "--quiet"]),
    ))
}

fn simulation(project: &Project) -> Result<Count> {
    one(crate::worlds::few(project))
}

fn story(project: &Project) -> Result<Count> {
    one(demo::check(project))
}
