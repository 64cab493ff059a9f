//! `comity-worlds --from 0 --count 200`: wild worlds by the seed, on all cores.
//!
//! Always holds: a seed that fails is told with what was wrong and how to run it again, and the
//! program then fails. `--lines` tells everything that happened, for one seed. Deliberately
//! absent: malice, which has stories of its own.

use anyhow::{Context, Result, bail};
use comity_simulation::wild::{self, Report, Size};
use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

struct Wanted {
    from: u64,
    count: u64,
    lines: bool,
}

fn wanted() -> Result<Wanted> {
    let mut wanted = Wanted {
        from: 0,
        count: 200,
        lines: false,
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
            other => bail!("{other}: there are --from N, --count N and --lines"),
        }
    }
    Ok(wanted)
}

fn tell(report: &Report) -> Result<()> {
    let mut out = std::io::stdout().lock();
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

fn run() -> Result<()> {
    let wanted = wanted()?;
    let started = Instant::now();
    let next = AtomicU64::new(wanted.from);
    let end = wanted.from + wanted.count;
    let (failed, taken) = (Mutex::new(Vec::new()), AtomicU64::new(0));
    let work = || -> Result<()> {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                return Ok(());
            }
            let report = wild::live(seed, Size::SEED, wanted.lines)
                .with_context(|| format!("seed {seed}"))?;
            tell(&report)?;
            taken.fetch_add(u64::try_from(report.taken)?, Ordering::Relaxed);
            if !report.wrong.is_empty()
                && let Ok(mut failed) = failed.lock()
            {
                failed.push(seed);
            }
        }
    };
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
    })?;
    let mut failed = failed.into_inner().unwrap_or_default();
    failed.sort_unstable();
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{} worlds, {} acts, {} failed, {:.1} s",
        wanted.count,
        taken.into_inner(),
        failed.len(),
        started.elapsed().as_secs_f64()
    )?;
    if let Some(first) = failed.first() {
        bail!(
            "failed: {failed:?}; once more: target/debug/comity-worlds --from {first} --count 1 --lines"
        );
    }
    Ok(())
}
