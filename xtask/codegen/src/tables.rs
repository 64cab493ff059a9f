//! The tables of docs/protocol.md, from the code that enforces them. `--check` only says what is stale.
//!
//! Always holds: text outside the markers is left as its author wrote it. Deliberately absent: a
//! table that is kept by hand beside the code.

use anyhow::{Context, Result, bail};
use comity_wire::error::{ErrorCode, Fault};
use comity_wire::limits;
use std::fmt::Write as _;

const FILE: &str = "docs/protocol.md";

fn main() -> Result<()> {
    let check = std::env::args().any(|argument| argument == "--check");
    let before = std::fs::read_to_string(FILE).with_context(|| format!("reading {FILE}"))?;
    let after = replace(&before, "errors", &errors()?)?;
    let after = replace(&after, "limits", &limits()?)?;
    if after == before {
        return Ok(());
    }
    if check {
        bail!("stale: {FILE}; run `cargo xtask codegen`");
    }
    std::fs::write(FILE, after).with_context(|| format!("writing {FILE}"))
}

/// Puts `table` between `<!-- generated: NAME -->` and `<!-- end: NAME -->`.
fn replace(text: &str, name: &str, table: &str) -> Result<String> {
    let (start, end) = (
        format!("<!-- generated: {name} -->\n"),
        format!("<!-- end: {name} -->"),
    );
    let (head, rest) = text
        .split_once(&start)
        .with_context(|| format!("{FILE} has no {start}"))?;
    let (_, tail) = rest
        .split_once(&end)
        .with_context(|| format!("{FILE} has no {end}"))?;
    Ok(format!("{head}{start}{table}{end}{tail}"))
}

fn errors() -> Result<String> {
    let mut out = String::from(
        "| code | HTTP | who has to change something | meaning |\n|---|---|---|---|\n",
    );
    for code in ErrorCode::ALL {
        let fault = match code.fault() {
            Fault::Caller => "the caller: can never work as sent",
            Fault::Right => "the caller lacks a right",
            Fault::State => "the state moved on: look again",
            Fault::Limit => "wait, or make room",
            Fault::Server => "the server: try again with back-off",
        };
        let meaning = code.meaning().trim();
        writeln!(
            out,
            "| `{}` | {} | {fault} | {meaning} |",
            code.as_str(),
            code.http_status()
        )?;
    }
    Ok(out)
}

fn limits() -> Result<String> {
    let mut out = String::from("| limit | value | meaning |\n|---|---|---|\n");
    for (name, value, meaning) in limits::TABLE {
        writeln!(
            out,
            "| `{name}` | {} | {} |",
            readable(name, *value),
            meaning.trim()
        )?;
    }
    Ok(out)
}

/// The value with its unit, which the name tells.
fn readable(name: &str, value: u64) -> String {
    const UNITS: &[(&str, &[(u64, &str)])] = &[
        (
            "_MS",
            &[
                (86_400_000, "d"),
                (3_600_000, "h"),
                (60_000, "min"),
                (1_000, "s"),
                (1, "ms"),
            ],
        ),
        (
            "BYTES",
            &[
                (1 << 30, "GiB"),
                (1 << 20, "MiB"),
                (1 << 10, "KiB"),
                (1, "B"),
            ],
        ),
    ];
    UNITS
        .iter()
        .filter(|(mark, _)| name.contains(mark))
        .flat_map(|(_, units)| units.iter())
        .find(|(size, _)| value >= *size && value.is_multiple_of(*size))
        .map_or_else(
            || value.to_string(),
            |(size, unit)| format!("{} {unit}", value / size),
        )
}
