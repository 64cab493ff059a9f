//! Answers of HTTP acts are replaced: other key packages, other device lists, other files.

use crate::{Answer, Ask, Malice};
use bytes::Bytes;

/// Changes the answers that one device gets below a path.
pub struct Answers<F> {
    device: String,
    path: String,
    change: F,
    told: u64,
}

impl<F> std::fmt::Debug for Answers<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answers({})", self.path)
    }
}

impl<F: FnMut(&[u8]) -> Vec<u8> + Send> Answers<F> {
    /// Successful answers to this device whose path begins so are what `change` makes of them.
    pub fn new(device: &str, path: &str, change: F) -> Self {
        Self {
            device: device.to_owned(),
            path: path.to_owned(),
            change,
            told: 0,
        }
    }

    /// How many answers were changed.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.told
    }
}

impl<F: FnMut(&[u8]) -> Vec<u8> + Send> Malice for Answers<F> {
    fn answer(&mut self, device: &str, ask: &Ask, answer: Answer) -> Answer {
        let here = device == self.device && ask.path.starts_with(&self.path);
        if !here || !(200..300).contains(&answer.status) {
            return answer;
        }
        let body = (self.change)(&answer.body);
        if body != answer.body {
            self.told += 1;
        }
        Answer {
            status: answer.status,
            body: Bytes::from(body),
        }
    }
}
