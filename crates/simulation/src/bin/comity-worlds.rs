//! `comity-worlds --from 0 --count 200`: wild worlds by the seed, on all cores.
//!
//! Always holds: a seed that fails is told with what was wrong and how to run it again, and the
//! program then fails. `--family` makes worlds of two apps. `--lines` tells everything that happened, for one seed. Deliberately
//! absent: malice, which has stories of its own.

use anyhow::{Context, Result, bail};
use comity_platform::telemetry::LogFormat;
use comity_simulation::planted::Bug;
use comity_simulation::wild::{self, Report, Size};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

/// A world allocates all the time, and each lives on one thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Wanted {
    from: u64,
    count: u64,
    lines: bool,
    traces: bool,
    size: Size,
    bugs: Vec<Bug>,
}

fn wanted() -> Result<Wanted> {
    let mut wanted = Wanted {
        from: 0,
        count: 200,
        lines: false,
        traces: false,
        size: Size::SEED,
        bugs: Vec::new(),
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64> {
            let text = words.next().context("a number is missing")?;
            text.parse().with_context(|| text.clone())
        };
        match word.as_str() {
            "--from" => wanted.from = number()?,
            "--count" => wanted.count = number()?,
            "--lines" => wanted.lines = true,
            "--traces" => wanted.traces = true,
            "--family" => wanted.size = Size::FAMILY,
            "--bugs" => wanted.bugs.extend(Bug::ALL),
            "--bug" => wanted
                .bugs
                .push(bug(&words.next().context("a name is missing")?)?),
            other => bail!(
                "{other}: there are --from N, --count N, --family, --lines, --traces, --bug NAME and --bugs"
            ),
        }
    }
    Ok(wanted)
}

fn bug(name: &str) -> Result<Bug> {
    let mut all = Bug::ALL.iter();
    let found = all.find(|bug| format!("{bug:?}") == name);
    found
        .copied()
        .with_context(|| format!("{name}: there are {:?}", Bug::ALL))
}

fn tell(report: &Report, traces: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if traces {
        let trace = report.trace.iter().map(|byte| format!("{byte:02x}"));
        writeln!(out, "seed {} {}", report.seed, trace.collect::<String>())?;
    }
    for line in &report.lines {
        writeln!(out, "{line}")?;
    }
    if !report.wrong.is_empty() {
        writeln!(out, "seed {}:", report.seed)?;
        for wrong in &report.wrong {
            writeln!(out, "  {wrong}")?;
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Plants each bug in turn and tells the first seed that finds it.
fn find_bugs(wanted: &Wanted) -> Result<()> {
    let next = AtomicUsize::new(0);
    let missed = Mutex::new(Vec::new());
    let work = || -> Result<()> {
        while let Some(bug) = wanted.bugs.get(next.fetch_add(1, Ordering::Relaxed)) {
            let started = Instant::now();
            let found = wild::first_to_find(*bug, wanted.from, wanted.count)?;
            let took = started.elapsed().as_secs_f64();
            let mut out = std::io::stdout().lock();
            match &found {
                Some((seed, wrong)) => writeln!(out, "{bug:?}: seed {seed}, {took:.1} s: {wrong}")?,
                None => writeln!(out, "{bug:?}: not found, {took:.1} s")?,
            }
            if found.is_none()
                && let Ok(mut missed) = missed.lock()
            {
                missed.push(*bug);
            }
        }
        Ok(())
    };
    on_all_cores(&work)?;
    match missed.into_inner().unwrap_or_default().as_slice() {
        [] => Ok(()),
        missed => bail!("planted and not found: {missed:?}"),
    }
}

fn on_all_cores(work: &(impl Fn() -> Result<()> + Sync)) -> Result<()> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        for thread in threads {
            match thread.join() {
                Ok(outcome) => outcome?,
                Err(_) => bail!("a world panicked"),
            }
        }
        Ok(())
    })
}

fn run() -> Result<()> {
    let wanted = wanted()?;
    if wanted.lines {
        // Faults of the hub, with their reason, which no device is told.
        comity_platform::telemetry::start_logs(LogFormat::Text, "error");
    }
    if !wanted.bugs.is_empty() {
        return find_bugs(&wanted);
    }
    let started = Instant::now();
    let next = AtomicU64::new(wanted.from);
    let end = wanted.from + wanted.count;
    let (failed, taken) = (Mutex::new(Vec::new()), AtomicU64::new(0));
    let most_steps = AtomicU64::new(0);
    let work = || -> Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return Ok(());
            }
            let report = wild::live(seed, wanted.size, wanted.lines)
                .with_context(|| format!("seed {seed}"))?;
            tell(&report, wanted.traces)?;
            taken.fetch_add(u64::try_from(report.taken)?, Ordering::Relaxed);
            most_steps.fetch_max(report.steps, Ordering::Relaxed);
            if !report.wrong.is_empty()
                && let Ok(mut failed) = failed.lock()
            {
                failed.push(seed);
            }
        }
    };
    on_all_cores(&work)?;
    let mut failed = failed.into_inner().unwrap_or_default();
    failed.sort_unstable();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} worlds, {} acts, at most {} steps, {} failed, {:.1} s",
        wanted.count,
        taken.into_inner(),
        most_steps.into_inner(),
        failed.len(),
        started.elapsed().as_secs_f64()
    )?;
    if let Some(first) = failed.first() {
        bail!(
            "failed: {failed:?}; once more: target/debug/comity-worlds{} --from {first} --count 1 --lines",
            if wanted.size.apps > 1 {
                " --family"
            } else {
                ""
            }
        );
    }
    Ok(())
}
