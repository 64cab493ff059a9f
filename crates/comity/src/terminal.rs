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

/// A time for an operator: RFC 3339, in UTC.
pub(crate) fn time(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// Somebody's words on one line that can not pass for another: what moves the cursor, breaks the
/// line or turns the direction is shown as a mark.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '\n' => '⏎',
            _ if letter.is_control() => '·',
            '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' => '·',
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '·',
            _ => letter,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{one_line, time};

    #[test]
    fn words_stay_on_their_line() {
        assert_eq!(
            one_line("a\n  [genuine] b\u{1b}[2J\u{202e}c"),
            "a⏎  [genuine] b·[2J·c"
        );
    }

    #[test]
    fn times_are_read_by_people() {
        assert_eq!(time(1_700_000_000_000), "2023-11-14 22:13:20Z");
    }
}
