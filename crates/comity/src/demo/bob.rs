//! Bob while the demo stays up: he accepts and reads, and answers each newcomer once, with a text
//! and a file, so that there is something to react to, to quote and to save.

use super::people::{People, field};
use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Bob, on a thread of his own; his program ends with him.
pub(crate) struct Bob {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<Result<()>>>,
}

#[derive(Default)]
struct Shared {
    stopped: AtomicBool,
    watching: Mutex<Option<Child>>,
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::SeqCst)
    }

    /// Ends the program that watches: a store has one program at a time.
    fn end_watching(&self) {
        let watching = self.watching.lock().ok().and_then(|mut one| one.take());
        if let Some(mut watching) = watching {
            let _ = watching.kill();
            let _ = watching.wait();
        }
    }
}

impl Bob {
    /// Begins to watch.
    pub(crate) fn start(people: Arc<People>) -> Self {
        let shared = Arc::new(Shared::default());
        let his = shared.clone();
        let thread = std::thread::spawn(move || live(&people, &his));
        Self {
            shared,
            thread: Some(thread),
        }
    }

    /// Whether his program ended by itself.
    pub(crate) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Bob {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        self.shared.end_watching();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn live(people: &People, shared: &Shared) -> Result<()> {
    let id = |line: &Value| line.pointer("/conversation").and_then(Value::as_i64);
    let known = people.act("bob", &["conversations"])?;
    let mut answered: BTreeSet<i64> = known.iter().filter_map(id).collect();
    while !shared.is_stopped() {
        let mut watching = people.bot("bob")?;
        let lines = BufReader::new(watching.stdout.take().context("no output")?).lines();
        if let Ok(mut one) = shared.watching.lock() {
            *one = Some(watching);
        }
        // Stopped in between: the lines end at once.
        if shared.is_stopped() {
            shared.end_watching();
        }
        let newcomer = lines
            .map_while(std::result::Result::ok)
            .filter_map(|line| serde_json::from_str::<Value>(&line).ok())
            .filter(|line| field(line, "/event") == "item")
            .filter(|line| line.pointer("/item/outgoing") == Some(&Value::Bool(false)))
            .filter(|line| field(line, "/item/kind") == "text")
            .find_map(|line| id(&line).filter(|one| !answered.contains(one)));
        shared.end_watching();
        match newcomer {
            _ if shared.is_stopped() => {}
            None => bail!("Bob's program ended"),
            Some(conversation) => {
                answered.insert(conversation);
                answer(people, &format!("#{conversation}"))?;
            }
        }
    }
    Ok(())
}

fn answer(people: &People, to: &str) -> Result<()> {
    people.act(
        "bob",
        &[
            "send",
            to,
            "Hello! I am Bob of the demo: I answer once. Here is a file; try /reply, /react 🎶 and /save.",
        ],
    )?;
    let score = people.folder().join("Evensong.txt");
    people.act(
        "bob",
        &[
            "file",
            to,
            &score.display().to_string(),
            "--caption",
            "The score",
        ],
    )?;
    Ok(())
}
