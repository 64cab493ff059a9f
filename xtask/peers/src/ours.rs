//! Comity under the same load: `comity bench`, as a program of its own.
//!
//! Always holds: pairs, messages on their way, bytes and seconds are those of the peers; its data lies on the same disk.
//! Deliberately absent: measuring Comity in any other way than its own bench does.

use crate::options::Options;
use crate::report::Figures;
use anyhow::{Context, Result, bail};
use std::path::Path;
use std::process::Stdio;
use tokio::process::Command;

/// One round, and whether the program was built for speed. Accounts and conversations stay in `prepared` for the next.
///
/// # Errors
/// When the program can not be started, fails, or reports something else.
pub(crate) async fn measure(
    program: &Path,
    options: &Options,
    prepared: &Path,
) -> Result<(Figures, comity_bench::Report)> {
    let output = Command::new(program)
        .args(arguments(options))
        .arg("--prepared")
        .arg(prepared)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?
        .wait_with_output()
        .await?;
    if !output.status.success() {
        bail!("{} bench failed: {}", program.display(), output.status);
    }
    let report: comity_bench::Report = serde_json::from_slice(&output.stdout)?;
    let [measured] = report.results.as_slice() else {
        bail!("the bench reports {} results", report.results.len());
    };
    let figures = Figures::of(measured)?;
    Ok((figures, report))
}

fn arguments(options: &Options) -> Vec<String> {
    let mut words = vec![
        "bench".to_owned(),
        options.scenario.of_bench().to_owned(),
        "--json".to_owned(),
    ];
    for (name, value) in [
        ("--seconds", options.seconds.to_string()),
        ("--pairs", options.pairs.to_string()),
        ("--in-flight", options.in_flight.to_string()),
        ("--bytes", options.bytes.to_string()),
    ] {
        words.extend([name.to_owned(), value]);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser as _;
    use comity_bench::BenchArgs;

    #[derive(clap::Parser)]
    struct Bench {
        #[command(flatten)]
        args: BenchArgs,
    }

    #[test]
    fn the_bench_understands_what_it_is_asked_and_it_is_the_peers_load() {
        let options = [
            "peers",
            "--seconds",
            "2.5",
            "--pairs",
            "3",
            "--in-flight",
            "5",
        ];
        let options = Options::try_parse_from(options).unwrap();
        let bench = Bench::try_parse_from(arguments(&options)).unwrap().args;
        assert_eq!(bench.scenarios.len(), 1);
        assert!((bench.seconds - 2.5).abs() < 1e-9 && bench.json && !bench.quick);
        assert_eq!((bench.pairs, bench.in_flight, bench.bytes), (3, 5, 300));
    }
}
