//! What can be asked for.
//!
//! Always holds: one shape of the load goes to every program that is measured. Deliberately absent: shapes that only one
//! of them knows.

use clap::{Parser, ValueEnum};
use std::path::PathBuf;

/// A program that does comparable work and makes it durable first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Kind {
    /// NATS JetStream, file storage, `sync_interval: always`.
    Nats,
    /// ejabberd with its message archive in PostgreSQL.
    Ejabberd,
}

impl Kind {
    /// As it is written in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Ejabberd => "ejabberd",
        }
    }
}

/// A kind of load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// Everybody is there; each pair's writer has so many messages on their way.
    #[value(alias = "pairs")]
    OneToOne,
}

impl Scenario {
    /// What `comity bench` calls it.
    pub(crate) const fn of_bench(self) -> &'static str {
        match self {
            Self::OneToOne => "pairs",
        }
    }
}

/// Arguments of `comity-peers`, which `cargo xtask peers` starts.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "cargo xtask peers",
    about = "Measures peers and Comity beside one another, in one run"
)]
pub(crate) struct Options {
    /// Only this peer.
    #[arg(long, value_enum, value_name = "PEER")]
    pub(crate) only: Option<Kind>,
    /// The program to measure; not needed for proofs alone.
    #[arg(long, value_name = "FILE")]
    pub(crate) comity: Option<PathBuf>,
    /// A nats-server that has `sync_interval: always`: 2.10 or later.
    #[arg(long, value_name = "FILE")]
    pub(crate) nats_server: Option<PathBuf>,
    /// Only prove that what a peer acknowledged outlives a power cut; measure nothing.
    #[arg(long, conflicts_with = "control")]
    pub(crate) proof: bool,
    /// Show that the proof can fail: peers run without syncing, and must lose what they acknowledged.
    #[arg(long)]
    pub(crate) control: bool,
    /// Measure without the proof, which needs root.
    #[arg(long, conflicts_with_all = ["proof", "control"])]
    pub(crate) no_proof: bool,
    /// The load.
    #[arg(long, value_enum, default_value = "one-to-one")]
    pub(crate) scenario: Scenario,
    /// Seconds that each is measured for in each round, after one second of warming up.
    #[arg(long, value_name = "SECONDS", default_value = "8", value_parser = seconds)]
    pub(crate) seconds: f64,
    /// Rounds; in each, one is measured after the other. Medians are told.
    #[arg(long, value_name = "COUNT", default_value = "3", value_parser = count)]
    pub(crate) rounds: usize,
    /// People who write, each to one who reads.
    #[arg(long, value_name = "COUNT", default_value = "64", value_parser = count)]
    pub(crate) pairs: usize,
    /// Messages of each writer that are on their way at once.
    #[arg(long, value_name = "COUNT", default_value = "8", value_parser = count)]
    pub(crate) in_flight: usize,
    /// Bytes of a message: of what NATS is given to carry, of an XMPP message's body, of a sealed entry at least.
    #[arg(long, value_name = "BYTES", default_value = "300", value_parser = bytes)]
    pub(crate) bytes: usize,
    /// NATS: streams that the pairs are spread over. One for each pair is a log for each conversation, as ours are.
    #[arg(long, value_name = "COUNT", value_parser = count)]
    pub(crate) streams: Option<usize>,
    /// Write the report as JSON into this file.
    #[arg(long, value_name = "FILE", overrides_with = "json_file")]
    pub(crate) json_file: Option<PathBuf>,
    /// Draw the medians into this file, as SVG.
    #[arg(long, value_name = "FILE", overrides_with = "picture")]
    pub(crate) picture: Option<PathBuf>,
}

impl Options {
    /// The peers that are asked for, in the order of their turns.
    pub(crate) fn kinds(&self) -> Vec<Kind> {
        match self.only {
            Some(kind) => vec![kind],
            None => Kind::value_variants().to_vec(),
        }
    }

    /// Streams that NATS has, at most one for each pair.
    pub(crate) fn streams(&self) -> usize {
        self.streams.unwrap_or(self.pairs).clamp(1, self.pairs)
    }

    /// The load in words.
    pub(crate) fn load(&self) -> String {
        format!(
            "one-to-one, {} pairs, {} in flight each, messages of {} bytes",
            self.pairs, self.in_flight, self.bytes
        )
    }
}

fn count(text: &str) -> Result<usize, String> {
    let count: usize = text.parse().map_err(|_| "not a count".to_owned())?;
    if count == 0 || count > 10_000 {
        return Err("from 1 to 10,000".to_owned());
    }
    Ok(count)
}

fn bytes(text: &str) -> Result<usize, String> {
    let bytes: usize = text.parse().map_err(|_| "not a count".to_owned())?;
    if !(64..=16_384).contains(&bytes) {
        return Err("from 64 to 16,384".to_owned());
    }
    Ok(bytes)
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if !(0.1..=3_600.0).contains(&seconds) {
        return Err("from 0.1 to 3,600".to_owned());
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(words: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from(std::iter::once(&"peers").chain(words))
    }

    #[test]
    fn without_words_the_shape_is_that_of_the_bench() {
        let options = parse(&[]).unwrap();
        assert_eq!(options.kinds(), [Kind::Nats, Kind::Ejabberd]);
        let shape = (options.pairs, options.in_flight, options.bytes);
        assert_eq!(shape, (64, 8, 300));
        assert_eq!(options.streams(), 64);
        assert_eq!(options.scenario.of_bench(), "pairs");
    }

    #[test]
    fn one_to_one_is_also_called_as_the_bench_calls_it() {
        for name in ["one-to-one", "pairs"] {
            let options = parse(&["--scenario", name, "--only", "nats"]).unwrap();
            assert_eq!(options.scenario, Scenario::OneToOne);
            assert_eq!(options.kinds(), [Kind::Nats]);
        }
    }

    #[test]
    fn what_could_measure_nothing_is_refused() {
        for words in [
            ["--rounds", "0"],
            ["--seconds", "0"],
            ["--seconds", "NaN"],
            ["--pairs", "0"],
            ["--in-flight", "0"],
            ["--bytes", "10"],
            ["--only", "mosquitto"],
        ] {
            assert!(parse(&words).is_err(), "{words:?}");
        }
        assert!(parse(&["--proof", "--control"]).is_err());
        assert!(parse(&["--no-proof", "--proof"]).is_err());
    }

    #[test]
    fn a_file_that_is_named_again_stands_in_for_the_first() {
        let options = parse(&["--json-file", "a", "--json-file", "b"]).unwrap();
        assert_eq!(options.json_file, Some(PathBuf::from("b")));
    }

    #[test]
    fn there_are_never_more_streams_than_pairs() {
        assert_eq!(parse(&["--pairs", "3"]).unwrap().streams(), 3);
        let many = parse(&["--pairs", "3", "--streams", "9"]).unwrap();
        assert_eq!(many.streams(), 3);
        assert_eq!(parse(&["--streams", "1"]).unwrap().streams(), 1);
    }
}
