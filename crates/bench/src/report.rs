//! What was measured, as numbers and as a table.

mod client;

pub use client::ClientMeasured;

use crate::clock::Times;
use crate::machine::Machine;
use crate::sample::Usage;
use crate::server::Sample;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// Everything that was measured in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Of the program.
    pub version: String,
    /// It was built for speed.
    pub optimised: bool,
    /// Where.
    pub machine: Machine,
    /// By scenario of the server.
    pub results: Vec<Measured>,
    /// By scenario of the client.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub client: Vec<ClientMeasured>,
}

/// One scenario of the server. What it does not have is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Short name.
    pub name: String,
    /// In words.
    pub what: String,
    /// Messages (for `logins` sign-ins) that were counted.
    pub messages: u64,
    /// Time that they took.
    pub seconds: f64,
    /// Messages a second.
    pub per_second: f64,
    /// Half of the messages took no longer, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    /// 99 of 100 took no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
    /// Processor seconds of the server for 100,000 messages.
    pub server_cpu_s_per_100k: f64,
    /// Processor seconds of the load for 100,000 messages.
    pub load_cpu_s_per_100k: f64,
    /// Times that the server made something durable.
    pub syncs: u64,
    /// Messages that shared one commit.
    pub messages_per_commit: f64,
    /// Rows that were written for a message, its own among them.
    pub rows_per_message: f64,
    /// Bytes that went to the disk for a message, until the server had stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_message: Option<f64>,
    /// Length of a message as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_bytes: Option<usize>,
    /// Memory of the server for a connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_per_connection: Option<u64>,
    /// Memory of the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// Processor time of one Ed25519 signature just before and just after, in microseconds: how fast the machine was.
    #[serde(default)]
    pub yardstick_us: [f64; 2],
}

#[allow(clippy::cast_precision_loss)]
fn float(count: u64) -> f64 {
    count as f64
}

impl Measured {
    pub(crate) fn of(
        name: &str,
        what: String,
        messages: u64,
        before: &Sample,
        after: &Sample,
    ) -> Self {
        let count = float(messages.max(1));
        let seconds = after.at.saturating_duration_since(before.at).as_secs_f64();
        let cpu = |after: Usage, before: Usage| {
            after.cpu.saturating_sub(before.cpu).as_secs_f64() / count * 100_000.0
        };
        let grown = |name: &str| after.metrics.sum(name) - before.metrics.sum(name);
        let commits = grown("comity_commit_jobs_count");
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let syncs = grown("comity_syncs_total") as u64;
        Self {
            name: name.to_owned(),
            what,
            messages,
            seconds,
            per_second: float(messages) / seconds.max(1e-9),
            p50_ms: None,
            p99_ms: None,
            server_cpu_s_per_100k: cpu(after.usage, before.usage),
            load_cpu_s_per_100k: cpu(after.own, before.own),
            syncs,
            messages_per_commit: grown("comity_appends_total") / commits.max(1.0),
            rows_per_message: grown("comity_rows_written_total") / count,
            bytes_per_message: None,
            message_bytes: None,
            bytes_per_connection: None,
            memory_bytes: None,
            yardstick_us: [0.0; 2],
        }
    }

    pub(crate) fn times(&mut self, mut times: Times) {
        if !times.is_empty() {
            self.p50_ms = Some(times.percentile_ms(0.5));
            self.p99_ms = Some(times.percentile_ms(0.99));
        }
    }

    /// What had gone to the disk when the server had stopped.
    pub(crate) fn written(&mut self, before: &Sample, end: &Usage) {
        let bytes = end.written_bytes.saturating_sub(before.usage.written_bytes);
        self.bytes_per_message = Some(float(bytes) / float(self.messages.max(1)));
    }

    /// As one line.
    pub(crate) fn line(&self) -> String {
        let mut line = format!(
            "{:<10} {:>9.0}/s  {:>6.2} CPU-s/100k",
            self.name, self.per_second, self.server_cpu_s_per_100k
        );
        if let (Some(p50), Some(p99)) = (self.p50_ms, self.p99_ms) {
            let _ = write!(line, "  {p50:.1} / {p99:.1} ms");
        }
        if let Some(bytes) = self.bytes_per_connection {
            let _ = write!(line, "  {bytes} bytes a connection");
        }
        line
    }
}

impl Report {
    /// As a table.
    #[must_use]
    pub fn text(&self) -> String {
        let Machine {
            cores,
            processor,
            kernel,
            load_before,
        } = &self.machine;
        let mut text = format!(
            "comity {} on {cores} cores ({processor}, Linux {kernel}); load before: {load_before}\n",
            self.version
        );
        if !self.optimised {
            text += "A build for debugging: the figures say nothing about speed.\n";
        }
        if !self.results.is_empty() {
            text += &self.of_the_server();
        }
        text + &client::table(&self.client)
    }

    fn of_the_server(&self) -> String {
        let mut text = String::new();
        text += "\n           |  messages/s |  p50 ms |  p99 ms | CPU-s/100k |  load's | syncs/s | per commit | rows/msg | bytes/msg | yardstick\n";
        text += "-----------|------------:|--------:|--------:|-----------:|--------:|--------:|-----------:|---------:|----------:|----------:\n";
        let or_dash = |value: Option<f64>, digits: usize| {
            value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
        };
        for one in &self.results {
            let _ = writeln!(
                text,
                "{:<10} | {:>11.0} | {:>7} | {:>7} | {:>10.2} | {:>7.2} | {:>7.0} | {:>10.1} | {:>8.2} | {:>9} | {:>9.1}",
                one.name,
                one.per_second,
                or_dash(one.p50_ms, 1),
                or_dash(one.p99_ms, 1),
                one.server_cpu_s_per_100k,
                one.load_cpu_s_per_100k,
                float(one.syncs) / one.seconds.max(1e-9),
                one.messages_per_commit,
                one.rows_per_message,
                or_dash(one.bytes_per_message, 0),
                f64::midpoint(one.yardstick_us[0], one.yardstick_us[1]),
            );
        }
        text += "\nyardstick: µs of processor time of one Ed25519 signature, before and after.\n";
        for one in &self.results {
            let _ = write!(text, "{}: {}", one.name, one.what);
            if let Some(bytes) = one.message_bytes {
                let _ = write!(text, "; messages of {bytes} bytes");
            }
            if let Some(bytes) = one.bytes_per_connection {
                let _ = write!(text, "; {bytes} bytes of the server's memory each");
            }
            if let Some(bytes) = one.memory_bytes {
                let _ = write!(text, "; {} KiB of the server's memory", bytes / 1024);
            }
            text += "\n";
        }
        text += &self.proportions();
        text
    }

    /// What a message of each group writes, as so many times what one of `pair` does in the same run.
    fn proportions(&self) -> String {
        let of = |name: &str| self.results.iter().find(|one| one.name == name);
        let mut text = String::new();
        let Some(pair) = of("pair") else {
            return text;
        };
        for group in self
            .results
            .iter()
            .filter(|one| one.name.starts_with("group-"))
        {
            let rows = group.rows_per_message / pair.rows_per_message.max(1e-9);
            let _ = write!(text, "{}: {rows:.2} times the rows of pair", group.name);
            if let (Some(bytes), Some(of_pair)) = (group.bytes_per_message, pair.bytes_per_message)
            {
                let bytes = bytes / of_pair.max(1e-9);
                let _ = write!(text, ", {bytes:.2} times the bytes");
            }
            text += "\n";
        }
        text
    }
}
