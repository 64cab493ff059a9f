//! Other people's words, made fit for a terminal.
//!
//! Always holds: nothing that passed here moves the cursor, begins a line of its own, or turns the
//! order of what stands beside it. Deliberately absent: judging what the words say.

use std::io::IsTerminal;
use std::sync::LazyLock;

/// Begins a further line of a text: no line of a conversation begins so.
const CONTINUED: &str = "\n       │ ";

/// Right-to-left text is isolated from what stands around it, where a person reads along.
static ISOLATE: LazyLock<bool> = LazyLock::new(|| std::io::stdout().is_terminal());

/// A name, a file's name, a quote: on one line, without characters that steer.
pub(crate) fn plain(text: &str) -> String {
    isolated(one_line(text), *ISOLATE)
}

/// A text: its further lines are indented, so that none can be taken for somebody's line.
pub(crate) fn text(text: &str) -> String {
    lines(text, *ISOLATE)
}

/// As [`plain`], as it is wherever it is shown.
pub(crate) fn one_line(text: &str) -> String {
    let mut in_flag = false;
    text.chars()
        .filter_map(|c| {
            in_flag = c == BLACK_FLAG || in_flag && is_tag(c);
            match c {
                '\n' | '\r' | '\t' => Some(' '),
                _ if is_control(c) => Some('\u{FFFD}'),
                _ if turns(c) || is_mark(c) || is_unseen(c) => None,
                _ if is_tag(c) && !in_flag => None,
                _ => Some(c),
            }
        })
        .collect()
}

/// What this program says of a failure: as it is, without what steers. Its lines stay lines, since an
/// operator's file is quoted so.
pub(crate) fn complaint(text: &str) -> String {
    let fit = |c: char| match c {
        '\n' => Some(c),
        '\t' => Some(' '),
        _ if is_control(c) => Some('\u{FFFD}'),
        _ if overrides(c) => None,
        _ => Some(c),
    };
    text.chars().filter_map(fit).collect()
}

fn lines(text: &str, isolate: bool) -> String {
    text.replace("\r\n", "\n")
        .split([
            '\n', '\r', '\u{B}', '\u{C}', '\u{85}', '\u{2028}', '\u{2029}',
        ])
        .map(|line| {
            let line = line.chars().filter_map(|c| match c {
                '\t' => Some(' '),
                _ if is_control(c) => Some('\u{FFFD}'),
                _ if turns(c) => None,
                _ => Some(c),
            });
            isolated(line.collect(), isolate)
        })
        .collect::<Vec<_>>()
        .join(CONTINUED)
}

fn isolated(text: String, isolate: bool) -> String {
    if isolate && text.chars().any(|c| is_right_to_left(c) || is_mark(c)) {
        format!("\u{2068}{text}\u{2069}")
    } else {
        text
    }
}

/// C0, C1, and the separators that some terminals take for the end of a line.
const fn is_control(c: char) -> bool {
    matches!(c, '\0'..='\u{1F}' | '\u{7F}'..='\u{9F}' | '\u{2028}' | '\u{2029}')
}

/// Embeddings, overrides, isolates: they turn the order of what follows.
const fn turns(c: char) -> bool {
    overrides(c) || matches!(c, '\u{2066}'..='\u{2069}')
}

/// Those of them that nothing here ever begins.
const fn overrides(c: char) -> bool {
    matches!(c, '\u{202A}'..='\u{202E}')
}

/// Invisible marks of direction: of use within a text, only of harm in a name.
const fn is_mark(c: char) -> bool {
    matches!(c, '\u{200E}' | '\u{200F}' | '\u{61C}')
}

/// Shows nothing: two names that differ in it only would look the same. Joiners are none of these: letters and emoji
/// need them.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{AD}' | '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180E}' | '\u{200B}'
            | '\u{2060}'..='\u{2064}' | '\u{206A}'..='\u{206F}' | '\u{3164}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF9}'..='\u{FFFB}'
    )
}

/// What follows it as tags names a region's flag.
const BLACK_FLAG: char = '\u{1F3F4}';

/// Shows nothing but behind a flag.
const fn is_tag(c: char) -> bool {
    matches!(c, '\u{E0000}'..='\u{E007F}')
}

const fn is_right_to_left(c: char) -> bool {
    matches!(
        c,
        '\u{590}'..='\u{8FF}'
            | '\u{FB1D}'..='\u{FDFF}'
            | '\u{FE70}'..='\u{FEFE}'
            | '\u{10800}'..='\u{10FFF}'
            | '\u{1E800}'..='\u{1EFFF}'
    )
}

/// Whether a terminal could take a character of JSON for something else: these are escaped.
pub(crate) const fn is_escaped_in_json(c: char) -> bool {
    matches!(c, '\u{7F}'..='\u{9F}' | '\u{2028}' | '\u{2029}') || turns(c) || is_mark(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_that_steers_nothing() {
        assert_eq!(
            one_line("Bob\n12:00  me: I owe you"),
            "Bob 12:00  me: I owe you"
        );
        assert_eq!(one_line("photo\u{202E}gpj.exe"), "photogpj.exe");
        assert_eq!(
            one_line("\u{1B}[2J\u{9B}2J\u{85}"),
            "\u{FFFD}[2J\u{FFFD}2J\u{FFFD}"
        );
        assert_eq!(one_line("a\u{2028}b\u{200F}c"), "a\u{FFFD}bc");
        assert_eq!(one_line("👩‍👩‍👧 Åse"), "👩‍👩‍👧 Åse");
    }

    #[test]
    fn no_two_names_differ_in_what_shows_nothing_only() {
        for unseen in ["\u{200B}", "\u{AD}", "\u{3164}", "\u{E0041}\u{E007F}"] {
            assert_eq!(one_line(&format!("Al{unseen}ice")), "Alice");
        }
        let scotland = "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F}";
        assert_eq!(one_line(scotland), scotland);
        assert_eq!(one_line("🏴a\u{E0062}"), "🏴a");
        // Persian needs the joiner that joins nothing.
        assert_eq!(one_line("می\u{200C}خواهم"), "می\u{200C}خواهم");
    }

    #[test]
    fn no_line_of_a_text_looks_like_anothers() {
        for end in [
            "\n", "\r\n", "\r", "\u{85}", "\u{2028}", "\u{2029}", "\u{B}",
        ] {
            let shown = lines(&format!("hello{end}12:00  me: I owe you"), false);
            assert_eq!(shown, "hello\n       │ 12:00  me: I owe you", "{end:?}");
        }
    }

    #[test]
    fn a_complaint_steers_nothing() {
        assert_eq!(
            complaint("line 3:\n  | data\u{1B}[2J\u{202E}x\u{9B}"),
            "line 3:\n  | data\u{FFFD}[2Jx\u{FFFD}"
        );
    }

    #[test]
    fn right_to_left_is_isolated_on_a_screen_only() {
        assert_eq!(isolated("שלום".into(), true), "\u{2068}שלום\u{2069}");
        assert_eq!(isolated("שלום".into(), false), "שלום");
        assert_eq!(isolated("hello".into(), true), "hello");
        assert_eq!(lines("\u{202E}abc\u{2069}", true), "abc");
    }
}
