//! What was measured: rounds, medians and ratios; as a table, as JSON, as a picture.
//!
//! Always holds: a ratio is made of medians of one run, in which everybody had the same rounds; beside it stands how far
//! it was apart in single rounds. Deliberately absent: comparing with figures of another run or machine.

use crate::proof::Proof;
use anyhow::{Context, Result};
use comity_bench::{Machine, Measured};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::Path;

/// Ours, in tables.
pub(crate) const OURS: &str = "comity";

/// One round of one program, or the medians of all.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// Messages that were acknowledged and received within the time.
    pub(crate) messages: u64,
    pub(crate) seconds: f64,
    pub(crate) per_second: f64,
    /// Milliseconds from sending until both ends had it, for half of the messages and for 99 of 100.
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// Processor seconds, user and system, of all processes of the server, for 100,000 messages.
    pub(crate) server_cpu_s_per_100k: f64,
    /// The same of the program that makes the load.
    pub(crate) load_cpu_s_per_100k: f64,
    /// Processor time of one Ed25519 signature around it, in microseconds: how fast the machine was.
    pub(crate) yardstick_us: f64,
}

/// One program, in all rounds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) version: String,
    /// How it was set up, in its own words.
    pub(crate) settings: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) proof: Option<Proof>,
    pub(crate) rounds: Vec<Figures>,
    /// Of each column for itself.
    pub(crate) median: Option<Figures>,
}

/// Ours divided by a peer's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ratio {
    pub(crate) peer: String,
    pub(crate) per_second: f64,
    /// The smallest and the largest of single rounds.
    pub(crate) per_second_of_rounds: [f64; 2],
    pub(crate) server_cpu: f64,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
}

/// Everything of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The load in words.
    pub(crate) load: String,
    pub(crate) machine: Machine,
    /// Both ours and the program that loads the peers were built for speed.
    pub(crate) optimised: bool,
    /// Ours first.
    pub(crate) entries: Vec<Entry>,
    pub(crate) ratios: Vec<Ratio>,
}

impl Figures {
    /// What `comity bench` measured.
    ///
    /// # Errors
    /// When it has no latencies.
    pub(crate) fn of(measured: &Measured) -> Result<Self> {
        let [before, after] = measured.yardstick_us;
        Ok(Self {
            messages: measured.messages,
            seconds: measured.seconds,
            per_second: measured.per_second,
            p50_ms: measured.p50_ms.context("no latencies")?,
            p99_ms: measured.p99_ms.context("no latencies")?,
            server_cpu_s_per_100k: measured.server_cpu_s_per_100k,
            load_cpu_s_per_100k: measured.load_cpu_s_per_100k,
            yardstick_us: f64::midpoint(before, after),
        })
    }

    /// The median of each column; none of no rounds.
    pub(crate) fn median(rounds: &[Self]) -> Option<Self> {
        let of = |column: fn(&Self) -> f64| median(rounds.iter().map(column).collect());
        let mut messages: Vec<_> = rounds.iter().map(|round| round.messages).collect();
        messages.sort_unstable();
        Some(Self {
            messages: *messages.get(messages.len() / 2)?,
            seconds: of(|round| round.seconds)?,
            per_second: of(|round| round.per_second)?,
            p50_ms: of(|round| round.p50_ms)?,
            p99_ms: of(|round| round.p99_ms)?,
            server_cpu_s_per_100k: of(|round| round.server_cpu_s_per_100k)?,
            load_cpu_s_per_100k: of(|round| round.load_cpu_s_per_100k)?,
            yardstick_us: of(|round| round.yardstick_us)?,
        })
    }
}

/// The middle one, or what lies between the two in the middle.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

impl Ratio {
    /// Of two programs that had the same rounds; none before both had one.
    fn of(ours: &Entry, peer: &Entry) -> Option<Self> {
        let (our, their) = (ours.median?, peer.median?);
        let rounds = ours.rounds.iter().zip(&peer.rounds);
        let rounds = rounds.map(|(our, their)| over(our.per_second, their.per_second));
        let (least, most) = rounds.fold((f64::INFINITY, 0.0), |(least, most), ratio| {
            (f64::min(least, ratio), f64::max(most, ratio))
        });
        Some(Self {
            peer: peer.name.clone(),
            per_second: over(our.per_second, their.per_second),
            per_second_of_rounds: [least, most],
            server_cpu: over(our.server_cpu_s_per_100k, their.server_cpu_s_per_100k),
            p50: over(our.p50_ms, their.p50_ms),
            p99: over(our.p99_ms, their.p99_ms),
        })
    }
}

fn over(one: f64, other: f64) -> f64 {
    // What is too small to be told is taken for the smallest that can be.
    one / other.max(1e-6)
}

impl Report {
    /// Makes medians of the rounds, and ratios of those.
    pub(crate) fn finish(&mut self) {
        for entry in &mut self.entries {
            entry.median = Figures::median(&entry.rounds);
        }
        let (ours, peers): (Vec<_>, Vec<_>) =
            self.entries.iter().partition(|entry| entry.name == OURS);
        let pairs = ours.iter().flat_map(|ours| {
            let ratios = peers.iter().map(|peer| Ratio::of(ours, peer));
            ratios.flatten().collect::<Vec<_>>()
        });
        self.ratios = pairs.collect();
    }

    /// As a table.
    pub(crate) fn text(&self) -> String {
        let Machine {
            cores,
            processor,
            kernel,
            load_before,
        } = &self.machine;
        let rounds = self.entries.iter().map(|entry| entry.rounds.len()).max();
        let mut text = format!(
            "{}; medians of {} rounds on {cores} cores ({processor}, Linux {kernel}); load before: {load_before}\n",
            self.load,
            rounds.unwrap_or_default()
        );
        if !self.optimised {
            text += "A build for debugging: the figures say nothing about speed.\n";
        }
        text += "\n             |  messages/s |  p50 ms |  p99 ms | CPU-s/100k |  load's | yardstick | messages/s of each round\n";
        text += "-------------|------------:|--------:|--------:|-----------:|--------:|----------:|-------------------------\n";
        for entry in &self.entries {
            row(&mut text, entry);
        }
        text += "\nComity divided by a peer:\n\n";
        text += "             |  messages/s | (of rounds)   | CPU-s/100k |     p50 |     p99\n";
        text += "-------------|------------:|--------------:|-----------:|--------:|--------:\n";
        for ratio in &self.ratios {
            let [least, most] = ratio.per_second_of_rounds;
            let _ = writeln!(
                text,
                "{:<12} | {:>10.2}× | {:>13} | {:>9.3}× | {:>6.3}× | {:>6.3}×",
                ratio.peer,
                ratio.per_second,
                format!("{least:.2}–{most:.2}×"),
                ratio.server_cpu,
                ratio.p50,
                ratio.p99
            );
        }
        text += "\n";
        for entry in &self.entries {
            let _ = writeln!(text, "{} {}: {}", entry.name, entry.version, entry.settings);
            match &entry.proof {
                Some(proof) => {
                    let _ = writeln!(text, "  proof: {}", proof.words());
                }
                None if entry.name != OURS => {
                    text += "  its durability was not proven in this run\n"
                }
                None => {}
            }
        }
        text
    }

    /// Draws the medians, as the bench draws its scenarios.
    ///
    /// # Errors
    /// When the file can not be written.
    pub(crate) fn draw(&self, file: &Path) -> Result<()> {
        let results = self.entries.iter().filter_map(|entry| {
            let median = entry.median?;
            Some(Measured {
                name: entry.name.clone(),
                what: entry.settings.clone(),
                messages: median.messages,
                seconds: median.seconds,
                per_second: median.per_second,
                p50_ms: Some(median.p50_ms),
                p99_ms: Some(median.p99_ms),
                server_cpu_s_per_100k: median.server_cpu_s_per_100k,
                load_cpu_s_per_100k: median.load_cpu_s_per_100k,
                syncs: 0,
                messages_per_commit: 0.0,
                rows_per_message: 0.0,
                bytes_per_message: None,
                message_bytes: None,
                bytes_per_connection: None,
                memory_bytes: None,
                yardstick_us: [median.yardstick_us; 2],
            })
        });
        let report = comity_bench::Report {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            optimised: self.optimised,
            machine: self.machine.clone(),
            client: Vec::new(),
            results: results.collect(),
        };
        comity_bench::draw(&report, file)
    }
}

fn row(text: &mut String, entry: &Entry) {
    let Some(median) = entry.median else {
        return;
    };
    let rounds = entry.rounds.iter();
    let rounds: Vec<_> = rounds
        .map(|round| format!("{:.0}", round.per_second))
        .collect();
    let _ = writeln!(
        text,
        "{:<12} | {:>11.0} | {:>7.1} | {:>7.1} | {:>10.2} | {:>7.2} | {:>9.1} | {}",
        entry.name,
        median.per_second,
        median.p50_ms,
        median.p99_ms,
        median.server_cpu_s_per_100k,
        median.load_cpu_s_per_100k,
        median.yardstick_us,
        rounds.join(" ")
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(per_second: f64, cpu: f64) -> Figures {
        Figures {
            messages: 80,
            seconds: 8.0,
            per_second,
            p50_ms: 1_000.0 / per_second,
            p99_ms: 4_000.0 / per_second,
            server_cpu_s_per_100k: cpu,
            load_cpu_s_per_100k: 1.0,
            yardstick_us: 20.0,
        }
    }

    fn entry(name: &str, rounds: &[Figures]) -> Entry {
        Entry {
            name: name.to_owned(),
            version: "1".to_owned(),
            settings: "as it comes".to_owned(),
            proof: None,
            rounds: rounds.to_vec(),
            median: None,
        }
    }

    fn report() -> Report {
        let mut report = Report {
            load: "one-to-one".to_owned(),
            machine: Machine::look(),
            optimised: true,
            entries: vec![
                entry(
                    OURS,
                    &[
                        figures(60_000.0, 1.0),
                        figures(90_000.0, 1.4),
                        figures(80_000.0, 1.2),
                    ],
                ),
                entry(
                    "nats",
                    &[
                        figures(4_000.0, 18.0),
                        figures(3_000.0, 12.0),
                        figures(2_000.0, 17.0),
                    ],
                ),
            ],
            ratios: Vec::new(),
        };
        report.finish();
        report
    }

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-9
    }

    #[test]
    fn a_median_is_the_middle_of_the_rounds_in_each_column_for_itself() {
        let report = report();
        let ours = report.entries.first().unwrap().median.unwrap();
        assert!(near(ours.per_second, 80_000.0) && near(ours.server_cpu_s_per_100k, 1.2));
        let theirs = report.entries.get(1).unwrap().median.unwrap();
        assert!(near(theirs.per_second, 3_000.0) && near(theirs.server_cpu_s_per_100k, 17.0));
        assert!(near(median(vec![4.0, 1.0, 2.0, 3.0]).unwrap(), 2.5));
        assert_eq!(Figures::median(&[]), None);
    }

    #[test]
    fn a_ratio_is_ours_over_theirs_and_tells_how_far_rounds_were_apart() {
        let report = report();
        let ratio = report.ratios.first().unwrap();
        assert_eq!((report.ratios.len(), ratio.peer.as_str()), (1, "nats"));
        assert!(near(ratio.per_second, 80.0 / 3.0));
        let [least, most] = ratio.per_second_of_rounds;
        assert!(near(least, 15.0) && near(most, 40.0), "{least} {most}");
        assert!(near(ratio.server_cpu, 1.2 / 17.0));
        assert!(near(ratio.p50, 3.0 / 80.0) && near(ratio.p99, 3.0 / 80.0));
    }

    #[test]
    fn the_table_says_what_was_not_proven() {
        let mut report = report();
        let text = report.text();
        assert!(
            text.contains("26.67×") && text.contains("15.00–40.00×"),
            "{text}"
        );
        assert!(text.contains("60000 90000 80000"), "{text}");
        assert!(
            text.contains("nats 1: as it comes\n  its durability was not proven"),
            "{text}"
        );
        assert!(!text.contains("debugging"));
        report.optimised = false;
        report.entries.get_mut(1).unwrap().proof = Some(Proof {
            acknowledged: 4_000,
            lost: 0,
            settings: "sync_always = true".to_owned(),
            stayed_away: None,
        });
        let text = report.text();
        assert!(
            text.contains("debugging") && text.contains("0 of 4000"),
            "{text}"
        );
        assert!(!text.contains("not proven"), "{text}");
    }

    #[test]
    fn it_is_read_back_as_it_was_written_and_drawn_with_every_name() {
        let report = report();
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("peers.svg");
        report.draw(&file).unwrap();
        let drawn = std::fs::read_to_string(file).unwrap();
        assert!(drawn.starts_with("<svg") && drawn.contains("nats") && drawn.contains("comity"));
    }
}
