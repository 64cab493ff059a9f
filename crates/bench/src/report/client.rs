//! What was measured of the client.

use crate::client::Tally;
use crate::sample::Usage;
use serde::{Deserialize, Serialize};
use std::fmt::Write;

/// One scenario of the client. What it does not have is left out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClientMeasured {
    /// Short name.
    pub name: String,
    /// In words.
    pub what: String,
    /// Messages (openings, loads) that were counted.
    pub messages: u64,
    /// Time that the client was busy with them; of `client-catch-up` all the time that it took.
    pub seconds: f64,
    /// Messages a second.
    pub per_second: f64,
    /// Processor time of the core for each, in microseconds.
    pub cpu_us: f64,
    /// Half of them kept the core busy no longer, in milliseconds on the wall.
    pub p50_ms: f64,
    /// 99 of 100 took no longer.
    pub p99_ms: f64,
    /// Bytes that went to the disk for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub written_bytes: Option<f64>,
    /// Processor time of the last fifth of them by that of the first: near one where a message costs the same however
    /// many came before it. Absent where they are too few, or do not build on one another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub growth: Option<f64>,
    /// Length of a message as it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_bytes: Option<usize>,
    /// Length of the store's files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_bytes: Option<u64>,
    /// Processor time of one Ed25519 signature just before and just after, in microseconds: how fast the machine was.
    #[serde(default)]
    pub yardstick_us: [f64; 2],
}

#[allow(clippy::cast_precision_loss)]
fn float(count: u64) -> f64 {
    count as f64
}

impl ClientMeasured {
    pub(crate) fn of(name: &str, what: String, tally: &Tally) -> Self {
        let mut times = tally.times();
        let messages = tally.messages();
        let mut measured = Self {
            name: name.to_owned(),
            what,
            messages,
            seconds: 0.0,
            per_second: 0.0,
            cpu_us: tally.cpu().as_secs_f64() * 1e6 / float(messages.max(1)),
            p50_ms: times.percentile_ms(0.5),
            p99_ms: times.percentile_ms(0.99),
            written_bytes: None,
            growth: tally.growth(),
            message_bytes: None,
            store_bytes: None,
            yardstick_us: [0.0; 2],
        };
        measured.took(tally.wall().as_secs_f64());
        measured
    }

    /// They took so long.
    pub(crate) fn took(&mut self, seconds: f64) {
        self.seconds = seconds;
        self.per_second = float(self.messages) / seconds.max(1e-9);
    }

    /// None of them comes upon what another one left: nothing can grow.
    pub(crate) const fn of_equals(&mut self) {
        self.growth = None;
    }

    /// What this process had the kernel write meanwhile.
    pub(crate) fn written(&mut self, before: &Usage, after: &Usage) {
        let bytes = after.written_bytes.saturating_sub(before.written_bytes);
        self.written_bytes = Some(float(bytes) / float(self.messages.max(1)));
    }

    /// As one line.
    pub(crate) fn line(&self) -> String {
        format!(
            "{:<15} {:>9.0} CPU-µs each  {:.1} / {:.1} ms",
            self.name, self.cpu_us, self.p50_ms, self.p99_ms
        )
    }
}

/// All of them as a table; nothing when there are none.
pub(super) fn table(all: &[ClientMeasured]) -> String {
    let mut text = String::new();
    if all.is_empty() {
        return text;
    }
    text += "\nclient          | CPU-µs each |  p50 ms |  p99 ms |     a second | bytes written each |  growth | yardstick\n";
    text += "----------------|------------:|--------:|--------:|-------------:|-------------------:|--------:|----------:\n";
    let or_dash = |value: Option<f64>, digits: usize| {
        value.map_or_else(|| "–".to_owned(), |value| format!("{value:.digits$}"))
    };
    for one in all {
        let _ = writeln!(
            text,
            "{:<15} | {:>11.0} | {:>7.1} | {:>7.1} | {:>12.0} | {:>18} | {:>7} | {:>9.1}",
            one.name,
            one.cpu_us,
            one.p50_ms,
            one.p99_ms,
            one.per_second,
            or_dash(one.written_bytes, 0),
            or_dash(one.growth, 2),
            f64::midpoint(one.yardstick_us[0], one.yardstick_us[1]),
        );
    }
    text += "\ngrowth: processor time of the last fifth by that of the first; yardstick: µs of one Ed25519 signature.\n";
    for one in all {
        let _ = write!(text, "{}: {}: {}", one.name, one.messages, one.what);
        if let Some(bytes) = one.message_bytes {
            let _ = write!(text, "; messages of {bytes} bytes, sealed");
        }
        if let Some(bytes) = one.store_bytes {
            let _ = write!(text, "; a store of {} KiB", bytes / 1024);
        }
        text += "\n";
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_only_there_when_something_was_measured() {
        assert_eq!(table(&[]), "");
        let mut tally = Tally::default();
        tally.lap(10);
        let mut one = ClientMeasured::of("decrypt-2", "texts read".to_owned(), &tally);
        one.took(2.0);
        assert!((one.per_second - 5.0).abs() < 1e-9);
        let text = table(&[one]);
        assert!(text.contains("decrypt-2       |"), "{text}");
        assert!(text.contains("decrypt-2: 10: texts read"), "{text}");
    }
}
