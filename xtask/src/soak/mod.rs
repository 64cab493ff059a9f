//! `cargo xtask soak`: the full figures, too long for every change. Parts run in lots and resume.
//!
//! Always holds: a finished lot is tallied for the protocol code that it ran on, with what else the part
//! says it ran on, and counts for no other. Deliberately absent: what a part does; that is a test, told its seeds by environment.

mod browser;
mod fuzz;
mod load;
mod tally;

use crate::project::Project;
use crate::setup::{self, Purpose};
use anyhow::{Context, Result, bail};
use tally::Tally;

/// One part: seeds 0 to `total`, in lots, each lot by one call of `run`.
struct Part {
    name: &'static str,
    what: &'static str,
    /// What a seed is, in the plural.
    unit: &'static str,
    /// The full figure.
    total: u64,
    /// Seeds between two notes in the tally.
    lot: u64,
    /// What the machine needs for it.
    purpose: Purpose,
    /// What it runs on beside the protocol code: files and folders whose change makes its figures worthless, too.
    more: &'static [&'static str],
    run: fn(&Project, from: u64, count: u64) -> Result<()>,
}

const PARTS: &[Part] = &[
    Part {
        name: "kill",
        what: "kill -9 of server and clients at random points under load",
        unit: "kills",
        total: 100,
        lot: 10,
        purpose: Purpose::Test,
        more: &[],
        run: |project, from, count| story(project, "kill", from, count),
    },
    Part {
        name: "powerloss",
        what: "a file system that forgets what was not synced, at random points",
        unit: "power losses",
        total: 100,
        lot: 10,
        purpose: Purpose::Test,
        more: &[],
        run: |project, from, count| story(project, "powerloss", from, count),
    },
    Part {
        name: "year",
        what: "conversations, devices and history through a year under faketime",
        unit: "years",
        total: 1,
        lot: 1,
        purpose: Purpose::Test,
        more: &[],
        run: |project, from, count| story(project, "year", from, count),
    },
    Part {
        name: "simulation",
        what: "wild worlds of the simulation end with one history",
        unit: "worlds",
        total: 10_000,
        lot: 200,
        purpose: Purpose::Build,
        more: &[],
        run: crate::worlds::seeds,
    },
    Part {
        name: "planted",
        what: "each bug that is planted is found by the worlds of a thousand seeds",
        unit: "searches",
        total: 1,
        lot: 1,
        purpose: Purpose::Build,
        more: &[],
        run: crate::worlds::planted,
    },
    Part {
        name: "fuzz",
        what: "each decoder for 60 s: coverage grows, a planted panic is found",
        unit: "targets",
        total: fuzz::TARGETS,
        lot: 1,
        purpose: Purpose::Soak,
        more: &[],
        run: fuzz::run,
    },
    Part {
        name: "load",
        what: "comers and goers, slow readers, floods and abuse beside an even load that goes on",
        unit: "minutes",
        total: load::MINUTES,
        lot: load::LOT,
        purpose: Purpose::Build,
        more: &[],
        run: load::run,
    },
    Part {
        name: "browser",
        what: "kill -9 of a browser at random points of what its person does",
        unit: "kills",
        total: 50,
        lot: 10,
        purpose: Purpose::Test,
        more: browser::MORE,
        run: browser::run,
    },
];

/// Runs the part called `name`, all parts, or lists them.
pub(crate) fn run(
    project: &Project,
    name: Option<&str>,
    from: Option<u64>,
    count: Option<u64>,
) -> Result<()> {
    let Some(name) = name else {
        return list(project);
    };
    let parts: Vec<&Part> = PARTS
        .iter()
        .filter(|part| name == "all" || part.name == name)
        .collect();
    if parts.is_empty() {
        bail!("no part is called {name}; `cargo xtask soak` lists them");
    }
    if parts.len() > 1 && (from.is_some() || count.is_some()) {
        bail!("--from and --count are for one part");
    }
    parts
        .into_iter()
        .try_for_each(|part| soak(project, part, from, count))
}

fn list(project: &Project) -> Result<()> {
    for part in PARTS {
        let code = tally::code(project, part.more)?;
        let done = Tally::load(project, part.name, &code)?.done();
        println!(
            "{:<10} {:>4} of {:>4} {:<13} {}",
            part.name, done, part.total, part.unit, part.what
        );
    }
    Ok(())
}

fn soak(project: &Project, part: &Part, from: Option<u64>, count: Option<u64>) -> Result<()> {
    setup::run(project, part.purpose, false)?;
    let code = tally::code(project, part.more)?;
    let mut tally = Tally::load(project, part.name, &code)?;
    let mut next = from.unwrap_or_else(|| tally.next(0));
    let end = count.map_or(part.total.max(next), |count| next.saturating_add(count));
    if next >= end {
        println!(
            "{}: {} of {} {} are done on this code",
            part.name,
            tally.done(),
            part.total,
            part.unit
        );
        return Ok(());
    }
    if !code.clean {
        println!("What it runs on has changes that are not committed: nothing is tallied.");
    }
    while next < end {
        let lot = part.lot.min(end - next);
        println!(
            "\n=== {}: {} {next} to {}",
            part.name,
            part.unit,
            next + lot - 1
        );
        (part.run)(project, next, lot).with_context(|| {
            format!(
                "once more: cargo xtask soak {} --from {next} --count {lot}",
                part.name
            )
        })?;
        // Unless somebody changed it under the running lot.
        if tally::code(project, part.more)?.is_still(&code) {
            tally.add(next, lot);
            tally.save(project)?;
        }
        next += lot;
        if from.is_none() && count.is_none() {
            next = tally.next(next);
        }
    }
    println!(
        "{}: {} of {} {} are done on this code",
        part.name,
        tally.done(),
        part.total,
        part.unit
    );
    Ok(())
}

/// Runs the integration test of this name in the programs' crate, told its seeds by
/// `COMITY_<NAME>_FROM` and `COMITY_<NAME>_COUNT`.
fn story(project: &Project, test: &str, from: u64, count: u64) -> Result<()> {
    let name = test.to_uppercase();
    project.run(
        project
            .cargo()
            .args([
                "test",
                "--locked",
                "--workspace",
                "--test",
                test,
                "--",
                "--nocapture",
            ])
            .env(format!("COMITY_{name}_FROM"), from.to_string())
            .env(format!("COMITY_{name}_COUNT"), count.to_string()),
    )
}
