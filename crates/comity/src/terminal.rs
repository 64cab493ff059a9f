//! What the programs print. The one place that writes to standard output and standard error.

use crate::chat::is_escaped_in_json;
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
        Ok(line) => say(&escaped(&line)),
        Err(error) => complain(&format!("{error}")),
    }
}

/// JSON in which nothing is left that a terminal could take for an order. Such characters stand in
/// strings only, where an escape is the same character.
fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_escaped_in_json(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
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

/// A time for an operator: RFC 3339, in UTC.
pub(crate) fn time(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_json_is_the_same_value() {
        let value = serde_json::json!({ "text": "\u{9B}2J\u{7F}\u{202E}é" });
        let line = escaped(&value.to_string());
        assert_eq!(line, r#"{"text":"\u009b2J\u007f\u202eé"}"#);
        assert_eq!(
            serde_json::from_str::<serde_json::Value>(&line).unwrap(),
            value
        );
    }

    #[test]
    fn times_are_read_by_people() {
        assert_eq!(time(1_700_000_000_000), "2023-11-14 22:13:20Z");
    }
}
