//! A person's device: each act is a process of `comity chat --json`.

use super::process::{Ended, Running};
use super::{PROGRAM, World};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Of the stores of all tests.
pub const PASSPHRASE: &str = "correct horse";

/// A device and its store.
#[derive(Debug, Clone)]
pub struct Person {
    name: String,
    url: String,
    store: PathBuf,
    config: PathBuf,
    environment: Vec<(String, String)>,
}

/// An act that was refused.
#[derive(Debug)]
pub struct Refusal {
    /// `error` of the last line.
    pub code: String,
    /// `message` of the last line.
    pub message: String,
    /// Lines before it.
    pub lines: Vec<Value>,
    /// What was complained.
    pub stderr: String,
}

/// `watch` under way.
pub struct Watch(Running);

impl Person {
    pub(super) fn new(world: &World, name: &str) -> Self {
        Self {
            name: name.to_owned(),
            url: world.url(),
            store: world.folder().join("people").join(name),
            config: world.config(),
            environment: Vec::new(),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same device whose clock is ahead by that much: `+25h`.
    pub fn later(&self, by: &str) -> Self {
        let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
        assert!(Path::new(library).exists(), "faketime is needed: {library}");
        let mut later = self.clone();
        for (name, value) in [
            ("LD_PRELOAD", library),
            ("FAKETIME", by),
            ("DONT_FAKE_MONOTONIC", "1"),
        ] {
            later.environment.push((name.to_owned(), value.to_owned()));
        }
        later
    }

    pub fn store(&self) -> &Path {
        &self.store
    }

    /// The client on this store, without an act yet.
    pub fn command(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        command
            .args(["chat", "--server", &self.url, "--timeout", "60", "--store"])
            .arg(&self.store)
            .env("COMITY_PASSPHRASE", PASSPHRASE)
            .envs(self.environment.iter().cloned());
        command
    }

    fn run(&self, act: &[&str]) -> Ended {
        std::fs::create_dir_all(self.store.parent().unwrap()).unwrap();
        let begun = std::time::Instant::now();
        let ended = Running::start(self.command().args(act)).end();
        if std::env::var_os("COMITY_TEST_TIMES").is_some() {
            eprintln!(
                "{:>6} ms  {} {act:?}",
                begun.elapsed().as_millis(),
                self.name
            );
        }
        ended
    }

    /// An act that may be refused.
    pub fn try_act(&self, act: &[&str]) -> Result<Vec<Value>, Refusal> {
        let ended = self.run(&[act, &["--json"]].concat());
        let mut lines: Vec<Value> = ended
            .stdout
            .lines()
            .map(|line| {
                serde_json::from_str(line)
                    .unwrap_or_else(|error| panic!("{} {act:?}: {error}: {line}", self.name))
            })
            .collect();
        if ended.status.success() {
            return Ok(lines);
        }
        let last = match lines.last() {
            Some(last) if last.get("error").is_some() => lines.pop().unwrap(),
            _ => Value::Null,
        };
        let text = |field: &str| last[field].as_str().unwrap_or_default().to_owned();
        Err(Refusal {
            code: text("error"),
            message: text("message"),
            lines,
            stderr: ended.stderr,
        })
    }

    /// An act that works; its lines.
    #[track_caller]
    pub fn act(&self, act: &[&str]) -> Vec<Value> {
        match self.try_act(act) {
            Ok(lines) => lines,
            Err(refusal) => panic!("{}: comity chat {act:?}: {refusal:#?}", self.name),
        }
    }

    /// An act that answers with one line.
    #[track_caller]
    pub fn one(&self, act: &[&str]) -> Value {
        let mut lines = self.act(act);
        assert!(!lines.is_empty(), "{}: {act:?} said nothing", self.name);
        lines.swap_remove(0)
    }

    /// An act that does not work; why.
    #[track_caller]
    pub fn refused(&self, act: &[&str]) -> Refusal {
        match self.try_act(act) {
            Ok(lines) => panic!("{}: comity chat {act:?} worked: {lines:#?}", self.name),
            Err(refusal) => refusal,
        }
    }

    /// An act as a person sees it.
    #[track_caller]
    pub fn screen(&self, act: &[&str]) -> String {
        let ended = self.run(act);
        assert!(
            ended.status.success(),
            "{}: comity chat {act:?}: {}",
            self.name,
            ended.stderr
        );
        ended.stdout
    }

    /// Signs up, with the code from the server's outbox.
    #[track_caller]
    pub fn register(&self, number: &str, more: &[&str]) -> Value {
        let code = self.code_command();
        let act = ["register", number, "--code-command", &code];
        self.one(&[&act, more].concat())
    }

    /// A command that prints the newest code to `$NUMBER`.
    pub fn code_command(&self) -> String {
        format!(
            "'{PROGRAM}' admin codes --config '{}' --number \"$NUMBER\"",
            self.config.display()
        )
    }

    /// Says a text; the id of its message.
    #[track_caller]
    pub fn say(&self, to: &str, text: &str) -> String {
        let said = self.one(&["send", to, text]);
        said["item"]["message"].as_str().unwrap().to_owned()
    }

    /// Links `new` to this person's account and waits until it has the history.
    #[track_caller]
    pub fn link(&self, new: &Self, device_name: &str) {
        std::fs::create_dir_all(new.store.parent().unwrap()).unwrap();
        let act = ["link", "--name", device_name, "--json"];
        let mut linking = Running::start(new.command().args(act));
        let shown = linking.until(|line| line["event"] == "link_code");
        self.act(&["approve", shown["code"].as_str().unwrap()]);
        let begun = std::time::Instant::now();
        let ended = linking.end();
        if std::env::var_os("COMITY_TEST_TIMES").is_some() {
            eprintln!(
                "{:>6} ms  {} linked: {}",
                begun.elapsed().as_millis(),
                new.name,
                ended.stdout
            );
        }
        assert!(
            ended.status.success(),
            "{}: link: {}\n{}",
            new.name,
            ended.stdout,
            ended.stderr
        );
    }

    /// Stays online and tells what happens, from when it caught up on.
    pub fn watch(&self, more: &[&str]) -> Watch {
        let act = ["watch", "--json"];
        let mut watch = Running::start(self.command().args(act).args(more));
        watch.until(|line| line["event"] == "watching");
        Watch(watch)
    }

    /// The conversation as lines: who, what, how far; see [`told`].
    #[track_caller]
    pub fn history(&self, with: &str) -> String {
        told(&self.act(&["history", with, "--limit", "500"]))
    }

    /// The message of a text in a conversation.
    #[track_caller]
    pub fn find(&self, with: &str, text: &str) -> String {
        let lines = self.act(&["history", with, "--limit", "500", "--offline"]);
        let found = lines.iter().find(|line| line["text"] == text);
        let found = found.unwrap_or_else(|| panic!("{}: no “{text}”: {lines:#?}", self.name));
        found["message"].as_str().unwrap().to_owned()
    }
}

/// Timeline lines as text: `> ` own, `< ` theirs, `! ` unreadable, `* ` notices; with what was
/// done to them in brackets.
pub fn told(lines: &[Value]) -> String {
    let mut out = String::new();
    for line in lines {
        let text = line["text"].as_str().unwrap_or_default();
        let own = line["outgoing"] == true;
        let mark = match (line["kind"].as_str(), own) {
            (Some("notice"), _) => "*",
            (Some("unreadable"), _) => "!",
            (_, true) => ">",
            (_, false) => "<",
        };
        out.push_str(mark);
        if line["deleted"] == true {
            out.push_str(" (taken back)");
        } else if !text.is_empty() {
            out.push_str(&format!(" {text}"));
        }
        if let Some(preview) = line["quote"]["preview"].as_str() {
            out.push_str(&format!(" [on “{preview}”]"));
        }
        if let Some(name) = line["attachment"]["file_name"].as_str() {
            out.push_str(&format!(" [{name}, {} bytes]", line["attachment"]["size"]));
        }
        if line["edited"] == true && line["deleted"] != true {
            out.push_str(" [edited]");
        }
        for reaction in line["reactions"].as_array().into_iter().flatten() {
            out.push_str(&format!(" {}", reaction["emoji"].as_str().unwrap()));
        }
        // The other steps of a message depend on who was faster.
        if own && (line["status"] == "queued" || line["status"] == "failed") {
            out.push_str(&format!(" ({})", line["status"].as_str().unwrap()));
        }
        if let Some(failure) = line["failure"].as_str() {
            out.push_str(&format!(" [{failure}]"));
        }
        out.push('\n');
    }
    out
}

impl Watch {
    /// The next event that `pick` takes.
    pub fn until(&mut self, pick: impl Fn(&Value) -> bool) -> Value {
        self.0.until(pick)
    }

    /// The next event of a kind.
    pub fn event(&mut self, kind: &str) -> Value {
        self.0.until(|line| line["event"] == kind)
    }

    /// Events that are there already.
    pub fn drain(&mut self) -> Vec<Value> {
        std::iter::from_fn(|| self.0.line_now())
            .filter_map(|line| serde_json::from_str(&line).ok())
            .collect()
    }

    pub fn kill9(mut self) {
        self.0.kill9();
    }

    /// Waits for its end by itself.
    pub fn end(self) -> Ended {
        self.0.end()
    }
}
