//! Instructions of hot functions, counted by callgrind and compared with what is kept in `crates/bench/counts.json`.
//!
//! What is counted is `crates/bench/examples/counts.rs`, in the tests' build: dependencies and what encrypts are optimised
//! there, and nothing is compiled for this alone. The processor that a program sees under callgrind is callgrind's own, the
//! same on every machine of one architecture with AVX2: code that is chosen by what a processor can is chosen alike. The
//! C library, which would choose by more than that, is told what to take; the MLS library has no threads, and chance and
//! time come from a seed. What is left are the compilers and the C library: they stand beside the counts, and are told
//! where they differ.
//!
//! Always holds: every function that the program lists has to be counted and expected; one that takes more than the
//! tolerance above what is expected fails. Deliberately absent: time, which other work on the machine changes.

use super::Count;
use crate::project::Project;
use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// What is expected, from the project's root.
const EXPECTED: &str = "crates/bench/counts.json";
/// The program's functions that are counted, as symbols.
const SYMBOLS: &str = "counts::hot::";
/// Where processors differ, the C library's oldest code for this architecture.
const C_LIBRARY: &str = "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-AVX_Fast_Unaligned_Load,-AVX_Usable,-BMI2,-ERMS,-FSRM,-LZCNT,-MOVBE";
/// Of a new file.
const TOLERANCE_PERCENT: f64 = 3.0;

/// Instructions of one call, by function.
type Counts = BTreeMap<String, u64>;

/// What is kept.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Expected {
    /// A function may take so much more than is expected.
    tolerance_percent: f64,
    /// By architecture.
    architectures: BTreeMap<String, Architecture>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Architecture {
    /// By what it was compiled and counted.
    made_by: BTreeMap<String, String>,
    /// What is expected.
    instructions: Counts,
}

/// Counts and compares.
pub(crate) fn run(project: &Project) -> Result<Count> {
    let file = project.root().join(EXPECTED);
    let expected: Expected = serde_json::from_str(&std::fs::read_to_string(&file)?)
        .with_context(|| file.display().to_string())?;
    let here = std::env::consts::ARCH;
    let Some(known) = expected.architectures.get(here) else {
        bail!("nothing is expected on {here} yet: `--write` keeps what is counted");
    };
    let counted = count(project)?;
    let (table, outcome) = compare(&known.instructions, &counted, expected.tolerance_percent);
    print!("{table}");
    let tools = tools(project);
    for (tool, version) in &known.made_by {
        match tools.get(tool) {
            Some(now) if now == version => {}
            now => println!(
                "The expected counts were made with {version}; here is {}.",
                now.map_or("no such thing", String::as_str)
            ),
        }
    }
    if outcome.failed > 0 {
        println!(
            "What grew on purpose is renewed by `cargo xtask test --share counts --write`, with the reason in the commit."
        );
    }
    Ok(outcome)
}

/// Counts and keeps it.
pub(crate) fn write(project: &Project) -> Result<()> {
    let file = project.root().join(EXPECTED);
    let mut expected: Expected = match std::fs::read_to_string(&file) {
        Ok(text) => serde_json::from_str(&text).with_context(|| file.display().to_string())?,
        Err(_) => Expected {
            tolerance_percent: TOLERANCE_PERCENT,
            ..Expected::default()
        },
    };
    let counted = count(project)?;
    let made = Architecture {
        made_by: tools(project),
        instructions: counted,
    };
    let here = std::env::consts::ARCH.to_owned();
    let old = expected.architectures.insert(here, made);
    if let (Some(old), Some(new)) = (old, expected.architectures.get(std::env::consts::ARCH)) {
        let (table, _) = compare(
            &old.instructions,
            &new.instructions,
            expected.tolerance_percent,
        );
        print!("{table}");
    }
    std::fs::write(&file, serde_json::to_string_pretty(&expected)? + "\n")?;
    Ok(())
}

/// A table of what is counted, and what of it fails.
fn compare(expected: &Counts, counted: &Counts, tolerance_percent: f64) -> (String, Count) {
    let mut table = String::new();
    let mut outcome = Count::default();
    let names: std::collections::BTreeSet<_> = expected.keys().chain(counted.keys()).collect();
    for name in names {
        let (text, fails) = match (expected.get(name), counted.get(name)) {
            (Some(expected), Some(counted)) => {
                let percent = change_percent(*expected, *counted);
                let verdict = if percent > tolerance_percent {
                    "grew"
                } else if percent < -tolerance_percent {
                    "less: renew it, so that it does not come back unseen"
                } else {
                    ""
                };
                let text = format!("{expected:>12} {counted:>12} {percent:>+8.1} %  {verdict}");
                (text, percent > tolerance_percent)
            }
            (Some(expected), None) => (format!("{expected:>12} {:>12} not counted", "–"), true),
            (None, counted) => {
                let counted = counted.copied().unwrap_or_default();
                (format!("{:>12} {counted:>12} not expected", "–"), true)
            }
        };
        let _ = writeln!(table, "{name:<32} {}", text.trim_end());
        outcome.passed += u64::from(!fails);
        outcome.failed += u64::from(fails);
    }
    (table, outcome)
}

#[allow(clippy::cast_precision_loss)]
fn change_percent(from: u64, to: u64) -> f64 {
    (to as f64 - from as f64) / (from.max(1) as f64) * 100.0
}

/// Runs the program under callgrind; instructions of one call of each of its functions.
fn count(project: &Project) -> Result<Counts> {
    project.build_tests()?;
    let program = project.target().join("debug/examples/counts");
    let program = program.to_string_lossy().into_owned();
    let listed = project.read(project.command(&program).arg("--list"))?;
    let names: Vec<&str> = listed.lines().collect();
    ensure!(!names.is_empty(), "{program} lists nothing");

    let file = project.target().join("counts.callgrind");
    let mut command = project.command("valgrind");
    command
        .args(["--tool=callgrind", "--quiet", "--error-exitcode=9"])
        .args(["--compress-strings=no", "--compress-pos=no"])
        .arg(format!("--callgrind-out-file={}", file.display()));
    for name in &names {
        command.arg(format!("--toggle-collect={SYMBOLS}{name}"));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    command
        .arg(&program)
        .env_clear()
        .env("PATH", path)
        .env("LC_ALL", "C")
        .env("RAYON_NUM_THREADS", "1")
        .env("GLIBC_TUNABLES", C_LIBRARY);
    println!("$ valgrind --tool=callgrind … {program}");
    let said = project.read(&mut command)?;
    let times = times(&said)?;
    let totals = totals(&std::fs::read_to_string(&file)?)?;
    let mut counts = Counts::new();
    for name in names {
        let times = times
            .get(name)
            .with_context(|| format!("{name} was not done"))?;
        let total = totals
            .get(name)
            .with_context(|| format!("callgrind saw no {SYMBOLS}{name}"))?;
        counts.insert(name.to_owned(), total / times.max(&1));
    }
    Ok(counts)
}

/// How often each function's work was done, as the program says: `NAME TIMES`.
fn times(said: &str) -> Result<Counts> {
    said.lines()
        .map(|line| {
            let (name, times) = line.split_once(' ').context("an odd line")?;
            Ok((name.to_owned(), times.parse()?))
        })
        .collect()
}

/// What calls of each function took, with all that they called, as callgrind wrote it: `cfn=` names who was called, and
/// the line after `calls=` ends with the instructions.
fn totals(text: &str) -> Result<Counts> {
    let mut totals = Counts::new();
    let mut called = None;
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(name) = line.strip_prefix("cfn=") {
            called = name.strip_prefix(SYMBOLS);
        } else if line.starts_with("calls=") {
            let cost = lines.next().and_then(|line| line.rsplit(' ').next());
            if let Some(name) = called.take() {
                let cost: u64 = cost.context("a call without a cost")?.parse()?;
                *totals.entry(name.to_owned()).or_default() += cost;
            }
        }
    }
    Ok(totals)
}

/// What has a part in how many instructions there are.
fn tools(project: &Project) -> BTreeMap<String, String> {
    let first_line = |program: &str, argument: &str| {
        let said = project.read(project.command(program).arg(argument)).ok()?;
        Some(said.lines().next()?.trim().to_owned())
    };
    [
        ("rust", "rustc", "--version"),
        ("c compiler", "cc", "--version"),
        ("c library", "getconf", "GNU_LIBC_VERSION"),
        ("callgrind", "valgrind", "--version"),
    ]
    .into_iter()
    .filter_map(|(what, program, argument)| Some((what.to_owned(), first_line(program, argument)?)))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(all: &[(&str, u64)]) -> Counts {
        all.iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    }

    #[test]
    fn what_grew_beyond_the_tolerance_fails_and_the_rest_does_not() {
        let expected = counts(&[
            ("same", 1_000),
            ("more", 1_000),
            ("less", 1_000),
            ("much", 1_000),
        ]);
        let counted = counts(&[
            ("same", 1_000),
            ("more", 1_029),
            ("less", 500),
            ("much", 1_031),
        ]);
        let (table, outcome) = compare(&expected, &counted, 3.0);
        assert_eq!((outcome.passed, outcome.failed), (3, 1), "{table}");
        let much = table.lines().find(|line| line.starts_with("much")).unwrap();
        assert!(
            much.contains("1031") && much.contains("+3.1 %  grew"),
            "{table}"
        );
        assert!(table.contains("-50.0 %  less"), "{table}");
    }

    #[test]
    fn what_is_not_counted_or_not_expected_fails() {
        let (table, outcome) = compare(&counts(&[("gone", 5)]), &counts(&[("new", 6)]), 3.0);
        assert_eq!((outcome.passed, outcome.failed), (0, 2), "{table}");
    }

    #[test]
    fn what_calls_took_is_read_with_all_that_they_called() {
        let text = "fn=counts::main\ncfn=counts::hot::say\ncalls=1 5\n12 700\ncfn=counts::other\ncalls=2 6\n12 9\n\n\
                    fn=counts::hot::say\n5 100\ncob=lib\ncfi=a.rs\ncfn=core::deep\ncalls=3 8\n5 600\n";
        assert_eq!(totals(text).unwrap(), counts(&[("say", 700)]));
        assert!(totals("cfn=counts::hot::say\ncalls=1 5\n").is_err());
    }

    #[test]
    fn the_program_says_how_often() {
        assert_eq!(
            times("say 16\nhear 32\n").unwrap(),
            counts(&[("say", 16), ("hear", 32)])
        );
        assert!(times("say").is_err());
    }
}
