//! The line being typed and what appears above it.
//!
//! Always holds: the line editor waits for the next prompt before it touches the terminal again, so
//! that nothing is being read when the program ends; and who talks waits for no line to be shown.
//! The editor takes one such line at a time and none between two prompts, so that a second would wait
//! for the next prompt, and the prompt for it.

use crate::terminal;
use anyhow::Result;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{Context, Editor, ExternalPrinter, Helper};
use std::io::{BufRead, ErrorKind, IsTerminal};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;

/// The next prompt waits this long for the lines above it. Longer where the editor takes none before
/// it has a prompt; they are shown then.
const SHOWN: Duration = Duration::from_millis(100);

/// A line that is to be typed.
pub(super) struct Prompt {
    /// What stands before it.
    pub(super) text: String,
    /// What can be completed in it.
    pub(super) names: Vec<String>,
    /// What is no command will stand among the other lines, and is taken away where it was typed.
    pub(super) is_said: bool,
    /// What stands in it already: a line that could not be kept is given back.
    pub(super) typed: String,
}

/// What stands before the line being typed: as it was when the line began, and what it became since.
///
/// The editor shows it anew with each line above it, and counts with the columns that it had at
/// first: what follows fills as many.
struct Before([OnceLock<String>; TEXTS_MOST]);

/// A line to be typed, with what stands before it.
type Wanted = (Arc<Before>, Prompt);

/// What can stand before one line. What follows is seen with the next one.
const TEXTS_MOST: usize = 16;

impl Before {
    fn new(text: String) -> Self {
        let before = Self(Default::default());
        before.put(text);
        before
    }

    fn put(&self, text: String) {
        if let Some(free) = self.0.iter().find(|one| one.get().is_none()) {
            let _ = free.set(text);
        }
    }

    fn text(&self) -> &str {
        self.0
            .iter()
            .map_while(OnceLock::get)
            .last()
            .map_or("", String::as_str)
    }

    /// It is this from now on.
    fn becomes(&self, text: &str) {
        let columns = textwrap::core::display_width(self.text());
        let text = in_columns(text, columns);
        if text != self.text() {
            self.put(text);
        }
    }
}

impl rustyline::Prompt for Before {
    fn raw(&self) -> &str {
        self.text()
    }
}

/// A prompt in so many columns: filled up before it, or with a shorter name.
fn in_columns(text: &str, columns: usize) -> String {
    let width = textwrap::core::display_width(text);
    if width <= columns {
        return format!("{}{text}", " ".repeat(columns - width));
    }
    let end = if text.starts_with('‹') {
        "…›> "
    } else {
        "…> "
    };
    let name = text.strip_suffix("> ").unwrap_or(text);
    let room = columns.saturating_sub(textwrap::core::display_width(end));
    let mut cut = String::new();
    for c in name.chars() {
        cut.push(c);
        if textwrap::core::display_width(&cut) > room {
            cut.pop();
            break;
        }
    }
    let left = room.saturating_sub(textwrap::core::display_width(&cut));
    format!("{}{cut}{end}", " ".repeat(left))
}

/// What is shown above the line being typed.
enum Above {
    Line(String),
    /// Asks whether everything before this is shown.
    Shown(Sender<()>),
}

/// Where talk is shown and typed.
pub(super) struct Screen {
    /// Absent where the input is a file or a pipe.
    terminal: Option<(Sender<Above>, Sender<Wanted>)>,
    /// Before the line that is being typed.
    before: Option<Arc<Before>>,
}

impl Screen {
    /// Begins to read lines, on a thread of its own.
    pub(super) fn open(lines: mpsc::Sender<String>) -> Result<Self> {
        if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
            std::thread::spawn(move || {
                let mut input = std::io::stdin().lock();
                let mut line = Vec::new();
                while input
                    .read_until(b'\n', &mut line)
                    .is_ok_and(|read| read > 0)
                {
                    // Bytes that are no text are nothing that was said.
                    let text: String = line.utf8_chunks().map(|part| part.valid()).collect();
                    if lines.blocking_send(text).is_err() {
                        break;
                    }
                    line.clear();
                }
            });
            return Ok(Self {
                terminal: None,
                before: None,
            });
        }
        let mut editor = Editor::<Completing, DefaultHistory>::new()?;
        editor.set_helper(Some(Completing::default()));
        let mut printer = editor.create_external_printer()?;
        let (above, to_show) = channel();
        std::thread::spawn(move || {
            while let Ok(above) = to_show.recv() {
                match above {
                    Above::Line(line) => drop(printer.print(line)),
                    Above::Shown(answer) => drop(answer.send(())),
                }
            }
        });
        let (prompts, wanted) = channel::<Wanted>();
        std::thread::spawn(move || {
            while let Ok((before, prompt)) = wanted.recv() {
                if let Some(completing) = editor.helper_mut() {
                    completing.names = prompt.names;
                }
                let line = loop {
                    match editor.readline_with_initial(&*before, (&prompt.typed, "")) {
                        // A key that is no text of UTF-8: the line begins anew.
                        Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                        }
                        line => break line,
                    }
                };
                let Ok(line) = line else { break };
                if prompt.is_said && !line.trim().is_empty() && super::command(&line).is_none() {
                    take_away(before.text(), &line);
                }
                let _ = editor.add_history_entry(&line);
                if lines.blocking_send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            terminal: Some((above, prompts)),
            before: None,
        })
    }

    /// A line above the one being typed.
    pub(super) fn say(&self, line: &str) {
        let Some((above, _)) = &self.terminal else {
            return terminal::say(line);
        };
        let line = terminal::columns().map_or_else(
            || line.to_owned(),
            |columns| terminal::wrapped(line, columns),
        );
        let _ = above.send(Above::Line(format!("{line}\n")));
    }

    /// Lets the next line be typed.
    pub(super) fn ask(&mut self, prompt: Prompt) {
        self.shown();
        match &self.terminal {
            Some((_, prompts)) => {
                let before = Arc::new(Before::new(prompt.text.clone()));
                self.before = Some(before.clone());
                let _ = prompts.send((before, prompt));
            }
            None if prompt.typed.is_empty() => {}
            None => terminal::say(&format!("— not sent: {}", prompt.typed)),
        }
    }

    /// What stands before the line being typed is another from the next line above it on.
    pub(super) fn asks_as(&self, text: &str) {
        if let Some(before) = &self.before {
            before.becomes(text);
        }
    }

    /// Waits until what was said is shown, where that needs no prompt.
    pub(super) fn shown(&self) {
        if let Some((above, _)) = &self.terminal {
            let (answer, shown) = channel();
            let _ = above.send(Above::Shown(answer));
            let _ = shown.recv_timeout(SHOWN);
        }
    }
}

/// Takes away a line that was typed, and the prompt before it.
fn take_away(prompt: &str, line: &str) {
    if let Some(columns) = terminal::columns() {
        let rows = rows(&format!("{prompt}{line}"), columns.max(1));
        terminal::prompt(&format!("\x1b[{rows}A\r\x1b[J"));
    }
}

/// Rows of the screen that a typed text stands in, as the editor breaks it: at its line ends, which
/// a paste has, and where the screen ends. A full row is followed by one that the cursor stands in.
fn rows(text: &str, columns: usize) -> usize {
    /// How far the editor goes for a tabulator.
    const TAB: usize = 8;
    let (mut rows, mut column) = (1, 0);
    for c in text.chars() {
        if c == '\n' {
            (rows, column) = (rows + 1, 0);
            continue;
        }
        let width = match c {
            '\t' => TAB - column % TAB,
            c => textwrap::core::display_width(c.encode_utf8(&mut [0; 4])),
        };
        column += width;
        if column > columns {
            (rows, column) = (rows + 1, width);
        }
    }
    if column == columns { rows + 1 } else { rows }
}

/// Completes commands, and the names of people and groups behind them.
#[derive(Default)]
struct Completing {
    names: Vec<String>,
}

impl Completing {
    /// Where what is completed begins, and what it can be.
    fn candidates(&self, line: &str) -> (usize, Vec<String>) {
        let Some(command) = line.strip_prefix('/') else {
            return (line.len(), Vec::new());
        };
        let begins =
            |word: &str, typed: &str| word.to_lowercase().starts_with(&typed.to_lowercase());
        match command.split_once(' ') {
            None => {
                let all = super::help::commands().into_iter();
                let found = all.filter(|word| word.starts_with(command));
                (1, found.map(|word| format!("{word} ")).collect())
            }
            Some((_, typed)) => {
                let found = self.names.iter().filter(|name| begins(name, typed));
                (line.len() - typed.len(), found.cloned().collect())
            }
        }
    }
}

impl Completer for Completing {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(self.candidates(line.get(..at).unwrap_or_default()))
    }
}

impl Hinter for Completing {
    type Hint = String;
}
impl Highlighter for Completing {}
impl Validator for Completing {}
impl Helper for Completing {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prompt_keeps_its_columns_when_it_becomes_another() {
        let before = Before::new("+12025550103> ".to_owned());
        for (text, shown) in [
            ("Zoë> ", "         Zoë> "),
            ("Zoë of the hills> ", "Zoë of the …> "),
            ("‹Zoë: of the hills›> ", "‹Zoë: of t…›> "),
            ("日本日本日本日本> ", " 日本日本日…> "),
            ("+12025550103> ", "+12025550103> "),
        ] {
            before.becomes(text);
            assert_eq!(before.text(), shown);
            assert_eq!(textwrap::core::display_width(shown), 14, "{shown}");
        }
        for _ in 0..2 * TEXTS_MOST {
            before.becomes("a> ");
            before.becomes("b> ");
        }
        assert_eq!(textwrap::core::display_width(before.text()), 14);
    }

    #[test]
    fn what_was_typed_is_taken_away_whole() {
        for (text, expected) in [
            ("bob> Hello", 1),
            ("bob> Hello12345", 2),
            ("bob> Hello123456", 2),
            ("bob> one\ntwo", 2),
            ("bob> one\n\nthree", 3),
            ("bob> one\n", 2),
            ("bob> one\n0123456789012345", 3),
            // A full row that ends with a line's end is no row more.
            ("bob> Hello12345\ntwo", 2),
            // What is two columns wide and does not fit goes on in the next row.
            ("bob> Hello1234日", 2),
            ("bob> a\tb", 1),
        ] {
            assert_eq!(rows(text, 15), expected, "{text:?}");
        }
    }

    #[test]
    fn commands_and_names_are_completed() {
        let completing = Completing {
            names: vec!["Bob".to_owned(), "Choir".to_owned()],
        };
        let of = |line: &str| completing.candidates(line);
        assert_eq!(of("/dec"), (1, vec!["decline ".to_owned()]));
        assert_eq!(of("/to b"), (4, vec!["Bob".to_owned()]));
        assert_eq!(of("/to Zed"), (4, Vec::new()));
        assert_eq!(
            of("Hello"),
            (5, Vec::new()),
            "a text is nobody's to complete"
        );
    }
}
