//! The line being typed and what appears above it.
//!
//! Always holds: the line editor waits for the next prompt before it touches the terminal again, so
//! that nothing is being read when the program ends.

use crate::terminal;
use anyhow::Result;
use rustyline::ExternalPrinter;
use rustyline::error::ReadlineError;
use std::io::{BufRead, ErrorKind, IsTerminal};
use std::sync::Mutex;
use tokio::sync::mpsc;

type Printer = Box<dyn ExternalPrinter + Send>;

/// Where talk is shown and typed.
pub(super) struct Screen {
    /// Absent where the input is a file or a pipe.
    terminal: Option<(Mutex<Printer>, std::sync::mpsc::Sender<String>)>,
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
            return Ok(Self { terminal: None });
        }
        let mut editor = rustyline::DefaultEditor::new()?;
        let printer: Printer = Box::new(editor.create_external_printer()?);
        let (prompts, wanted) = std::sync::mpsc::channel::<String>();
        std::thread::spawn(move || {
            while let Ok(prompt) = wanted.recv() {
                let line = loop {
                    match editor.readline(&prompt) {
                        // A key that is no text of UTF-8: the line begins anew.
                        Err(ReadlineError::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                        }
                        line => break line,
                    }
                };
                let Ok(line) = line else { break };
                let _ = editor.add_history_entry(&line);
                if lines.blocking_send(line).is_err() {
                    break;
                }
            }
        });
        Ok(Self {
            terminal: Some((Mutex::new(printer), prompts)),
        })
    }

    /// A line above the one being typed.
    pub(super) fn say(&self, line: &str) {
        let Some((printer, _)) = &self.terminal else {
            return terminal::say(line);
        };
        let line = terminal::columns().map_or_else(
            || line.to_owned(),
            |columns| terminal::wrapped(line, columns),
        );
        if let Ok(mut printer) = printer.lock() {
            let _ = printer.print(format!("{line}\n"));
        }
    }

    /// Lets the next line be typed.
    pub(super) fn ask(&self, prompt: &str) {
        if let Some((_, prompts)) = &self.terminal {
            let _ = prompts.send(prompt.to_owned());
        }
    }

    /// Takes away a line that was typed and will stand among the others.
    pub(super) fn take_away(&self, prompt: &str, line: &str) {
        let (Some((printer, _)), Some(columns)) = (&self.terminal, terminal::columns()) else {
            return;
        };
        let width = textwrap::core::display_width(prompt) + textwrap::core::display_width(line);
        let rows = width / columns.max(1) + 1;
        if let Ok(mut printer) = printer.lock() {
            let _ = printer.print(format!("\x1b[{rows}A\r\x1b[J"));
        }
    }
}
