//! What the programs print. The one place that writes to standard output and standard error.

use crate::chat::{complaint, is_escaped_in_json};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use serde::Serialize;
use std::io::Write;
use std::sync::OnceLock;

/// How the terminal was when the program began; absent where standard input is none.
static AS_FOUND: OnceLock<Option<Termios>> = OnceLock::new();

/// Gives the terminal back as it was found: when dropped, on a panic, on a signal that ends the program.
///
/// A line editor and a question for a passphrase change it, each on a thread that may not come to
/// its own end.
pub(crate) struct AsFound;

impl AsFound {
    /// Remembers how the terminal is now.
    pub(crate) fn keep() -> Self {
        AS_FOUND.get_or_init(|| tcgetattr(std::io::stdin()).ok());
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore();
            before(panic);
        }));
        Self
    }

    /// Whether there is a terminal.
    pub(crate) fn is_there() -> bool {
        matches!(AS_FOUND.get(), Some(Some(_)))
    }
}

impl Drop for AsFound {
    fn drop(&mut self) {
        restore();
    }
}

/// Sets the terminal as it was found.
pub(crate) fn restore() {
    if let Some(Some(found)) = AS_FOUND.get() {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, found);
    }
}

/// Waits for a signal that ends programs, gives the terminal back, ends. `own_interrupt`: what
/// runs hears of an interrupt itself.
pub(crate) async fn end_on_signal(own_interrupt: bool) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut end, mut hang_up) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::hangup())?,
    );
    let mut interrupt = signal(SignalKind::interrupt())?;
    let number = loop {
        tokio::select! {
            _ = end.recv() => break 15,
            _ = hang_up.recv() => break 1,
            _ = interrupt.recv() => if !own_interrupt { break 2 },
        }
    };
    restore();
    std::process::exit(128 + number);
}

/// A line for a person or a script; on a terminal it breaks between words.
pub(crate) fn say(line: &str) {
    let line = match columns() {
        Some(columns) => wrapped(line, columns),
        None => line.to_owned(),
    };
    print(&line);
}

fn print(line: &str) {
    // A reader that went away is no reason to fail.
    let _ = writeln!(std::io::stdout().lock(), "{line}");
}

/// Columns of the terminal; absent where standard output is none.
pub(crate) fn columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    // A terminal that does not know says 0.
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// Breaks what is wider than the terminal between words; what goes on stands further in.
pub(crate) fn wrapped(text: &str, columns: usize) -> String {
    let further_in = if columns < 60 { "  " } else { "       " };
    let options = textwrap::Options::new(columns.max(20)).subsequent_indent(further_in);
    let lines = text.split('\n').map(|line| {
        // What is one word, a link or a code, is copied whole: the terminal breaks it.
        let copied = !line.is_empty() && !line.contains(char::is_whitespace);
        if copied || textwrap::core::display_width(line) <= columns {
            line.to_owned()
        } else {
            textwrap::wrap(line, &options).join("\n")
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A value as one line of JSON.
pub(crate) fn say_json<T: Serialize>(value: &T) {
    match serde_json::to_string(value) {
        Ok(line) => print(&escaped(&line)),
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
    let _ = writeln!(std::io::stderr().lock(), "comity: {}", complaint(line));
}

/// How this program was called: by its path, or by its name where that finds it.
pub(crate) fn program() -> String {
    let called = std::env::args_os().next().unwrap_or_default();
    let called = called.to_string_lossy().into_owned();
    let plain = |c: char| c.is_alphanumeric() || "/._-~+".contains(c);
    if !called.contains('/') {
        "comity".to_owned()
    } else if called.chars().all(plain) {
        called
    } else {
        format!("'{called}'")
    }
}

/// A time for an operator: RFC 3339, in UTC.
pub(crate) fn time(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A day for an operator, in UTC.
pub(crate) fn day(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%Y-%m-%d").to_string()
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
    fn a_link_stands_whole_on_its_line() {
        let link = format!("comity:group/{}", "AbC-d".repeat(40));
        assert_eq!(wrapped(&link, 80), link);
        let text = wrapped(&format!("who has this link joins: it is\n{link}"), 20);
        assert!(text.lines().any(|line| line == link), "{text}");
        assert!(text.lines().count() > 2, "the words are broken: {text}");
    }

    #[test]
    fn times_are_read_by_people() {
        assert_eq!(time(1_700_000_000_000), "2023-11-14 22:13:20Z");
        assert_eq!(day(1_700_000_000_000), "2023-11-14");
    }
}
