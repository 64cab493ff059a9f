//! Structured logs and metrics.
//!
//! Always holds: neither has a field for a person's data; addresses of networks, numbers and ids
//! of accounts are not given to it. Deliberately absent: tracing of single requests.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For eyes.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging to standard error. A second call changes nothing.
pub fn start_logs(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Colours are for eyes: a file or a journal gets none.
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // An error means that a test or the program has logging already.
    let _ = match format {
        LogFormat::Text => builder.with_target(false).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// The metrics of one server, and their text form for Prometheus.
#[derive(Debug, Clone, Default)]
pub struct Metrics(prometheus::Registry);

impl Metrics {
    /// A counter; a name given twice counts on the side, unseen.
    #[must_use]
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        let counter = prometheus::IntCounter::new(name, help).ok();
        if let Some(counter) = &counter {
            let _ = self.0.register(Box::new(counter.clone()));
        }
        Counter(counter)
    }

    /// A counter by the value of one label, which must have few values.
    #[must_use]
    pub fn counter_by(&self, name: &str, help: &str, label: &str) -> CounterBy {
        let counter =
            prometheus::IntCounterVec::new(prometheus::Opts::new(name, help), &[label]).ok();
        if let Some(counter) = &counter {
            let _ = self.0.register(Box::new(counter.clone()));
        }
        CounterBy(counter)
    }

    /// A number that rises and falls.
    #[must_use]
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        let gauge = prometheus::IntGauge::new(name, help).ok();
        if let Some(gauge) = &gauge {
            let _ = self.0.register(Box::new(gauge.clone()));
        }
        Gauge(gauge)
    }

    /// A distribution over these upper bounds.
    #[must_use]
    pub fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Histogram {
        let options = prometheus::HistogramOpts::new(name, help).buckets(bounds.to_vec());
        let histogram = prometheus::Histogram::with_opts(options).ok();
        if let Some(histogram) = &histogram {
            let _ = self.0.register(Box::new(histogram.clone()));
        }
        Histogram(histogram)
    }

    /// All of them as text.
    #[must_use]
    pub fn text(&self) -> String {
        prometheus::TextEncoder::new()
            .encode_to_string(&self.0.gather())
            .unwrap_or_default()
    }
}

/// Counts.
#[derive(Debug, Clone)]
pub struct Counter(Option<prometheus::IntCounter>);

impl Counter {
    /// So many more.
    pub fn add(&self, times: u64) {
        if let Some(counter) = &self.0 {
            counter.inc_by(times);
        }
    }
}

/// Counts by a label.
#[derive(Debug, Clone)]
pub struct CounterBy(Option<prometheus::IntCounterVec>);

impl CounterBy {
    /// One more of this kind.
    pub fn one(&self, value: &str) {
        if let Some(counter) = &self.0 {
            counter.with_label_values(&[value]).inc();
        }
    }
}

/// Rises and falls.
#[derive(Debug, Clone)]
pub struct Gauge(Option<prometheus::IntGauge>);

impl Gauge {
    /// By so many.
    pub fn add(&self, by: i64) {
        if let Some(gauge) = &self.0 {
            gauge.add(by);
        }
    }

    /// To this.
    pub fn set(&self, to: i64) {
        if let Some(gauge) = &self.0 {
            gauge.set(to);
        }
    }
}

/// A distribution.
#[derive(Debug, Clone)]
pub struct Histogram(Option<prometheus::Histogram>);

impl Histogram {
    /// One more of this size.
    pub fn observe(&self, value: f64) {
        if let Some(histogram) = &self.0 {
            histogram.observe(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_in_the_text() {
        let metrics = Metrics::default();
        metrics.counter("appends_total", "Entries taken").add(3);
        metrics
            .counter_by("errors_total", "Errors by code", "code")
            .one("gap");
        let text = metrics.text();
        assert!(text.contains("appends_total 3"));
        assert!(text.contains("errors_total{code=\"gap\"} 1"));
    }
}
