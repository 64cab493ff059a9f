//! What the programs print. The one place that writes to standard output and standard error.

use serde::Serialize;
use std::io::Write;

/// A line for a person or a script.
pub(crate) fn say(line: &str) {
    // A reader that went away is no reason to fail.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// A value as one line of JSON.
pub(crate) fn say_json<T: Serialize>(value: &T) {
    match serde_json::to_string(value) {
        Ok(line) => say(&line),
        Err(error) => complain(&format!("{error}")),
    }
}

/// A prompt without a line's end.
pub(crate) fn prompt(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = write!(out, "{text}");
    let _ = out.flush();
}

/// What went wrong, or is only said by the way.
pub(crate) fn complain(line: &str) {
    let _ = writeln!(std::io::stderr().lock(), "comity: {line}");
}
