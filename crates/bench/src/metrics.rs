//! The server's own counts, as `/metrics` tells them.

use std::collections::BTreeMap;

/// Values by name, with labels as they stand there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    pub(crate) fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let values = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(values.collect())
    }

    pub(crate) fn get(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// The sum over all labels.
    pub(crate) fn sum(&self, name: &str) -> f64 {
        let with_labels = format!("{name}{{");
        let of_name = self
            .0
            .iter()
            .filter(|(key, _)| key.starts_with(&with_labels));
        of_name.map(|(_, value)| value).sum::<f64>() + self.get(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_by_name() {
        let text = "# HELP a b\n# TYPE a counter\na 3\ne{code=\"gap\"} 1\ne{code=\"other\"} 2\nh_sum 0.5\n";
        let metrics = Metrics::parse(text);
        assert!((metrics.get("a") - 3.0).abs() < 1e-9);
        assert!((metrics.sum("e") - 3.0).abs() < 1e-9);
        assert!((metrics.get("h_sum") - 0.5).abs() < 1e-9);
        assert!(metrics.get("none").abs() < 1e-9);
    }
}
