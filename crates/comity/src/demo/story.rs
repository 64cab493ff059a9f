//! The demo's story, and what each side must have seen of it.

use super::people::{People, field};
use super::server::Server;
use crate::terminal::say;
use anyhow::{Context, Result, bail};
use serde_json::Value;

const ALICE: &str = "+12025550101";
const BOB: &str = "+12025550102";

/// What someone saw: their name, their screen, their timeline.
pub(crate) struct Seen {
    who: &'static str,
    screen: String,
    lines: Vec<Value>,
}

fn message(said: &[Value]) -> Result<String> {
    let id = said
        .first()
        .and_then(|line| line.pointer("/item/message").and_then(Value::as_str));
    Ok(id.context("nothing was said")?.to_owned())
}

/// Plays it.
pub(crate) fn play(people: &People, server: &mut Server) -> Result<()> {
    say("Alice and Bob sign up by phone number …");
    people.register("alice", ALICE, "Alice")?;
    people.register("bob", BOB, "Bob")?;
    say("Alice writes to Bob, who does not know her: he sees a request and accepts …");
    people.act(
        "alice",
        &["send", BOB, "Hello Bob, it's Alice from the choir."],
    )?;
    people.act("bob", &["requests"])?;
    people.act("bob", &["accept", ALICE])?;
    let question =
        message(&people.act("bob", &["send", ALICE, "Alice! Did you find the score?"])?)?;
    say("Alice answers with a file, then the server is killed in the middle of the conversation …");
    people.act("alice", &["read", BOB])?;
    people.act(
        "alice",
        &["send", BOB, "Yes — here it is.", "--reply", &question],
    )?;
    let score = people.folder().join("Evensong.txt");
    std::fs::write(&score, "Andante\n".repeat(40_000))?;
    people.act(
        "alice",
        &[
            "file",
            BOB,
            &score.display().to_string(),
            "--caption",
            "The whole score",
        ],
    )?;
    server.kill_and_restart()?;
    say("… and is back; nothing is lost. Bob reads, saves the file, reacts …");
    let seen = people.act("bob", &["read", ALICE])?;
    let file = seen
        .iter()
        .find(|line| field(line, "/kind") == "attachment")
        .and_then(|line| line.pointer("/message").and_then(Value::as_str))
        .context("Bob did not get the file")?
        .to_owned();
    let saved = people.folder().join("Bob's copy.txt");
    people.act("bob", &["save", ALICE, &file, &saved.display().to_string()])?;
    if std::fs::read(&score)? != std::fs::read(&saved)? {
        bail!("the file that Bob saved is not the one that Alice sent");
    }
    people.act("bob", &["react", ALICE, &file, "🎶"])?;
    let slip = message(&people.act("bob", &["send", ALICE, "Reherasal at six?"])?)?;
    people.act("bob", &["edit", ALICE, &slip, "Rehearsal at six?"])?;
    say("Alice links her tablet; her history comes along …");
    people.link("alice", "alice-tablet", "Alice's tablet")?;
    people.act("alice-tablet", &["send", BOB, "Six it is."])?;
    people.act("bob", &["read", ALICE])?;
    people.act("alice", &["read", BOB])?;
    people.act("alice", &["send", "me", "Rehearsal: six o'clock"])?;
    people.act("bob", &["sync"])?;
    Ok(())
}

/// The conversation on each device.
pub(crate) fn as_each_side_saw_it(people: &People) -> Result<Vec<Seen>> {
    let mut seen = Vec::new();
    for (who, with) in [("alice", BOB), ("alice-tablet", BOB), ("bob", ALICE)] {
        let screen = people.screen(who, &["history", with])?;
        let lines = people.act(who, &["history", with, "--offline"])?;
        say("");
        say(&format!("── as {} saw it ──", who.replace('-', "'s ")));
        say(screen.trim_end());
        seen.push(Seen { who, screen, lines });
    }
    Ok(seen)
}

/// Fails unless every device has the whole conversation, once and in order.
pub(crate) fn check(seen: &[Seen]) -> Result<()> {
    let expected = [
        "Hello Bob, it's Alice from the choir.",
        "Alice! Did you find the score?",
        "Yes — here it is.",
        "The whole score",
        "Rehearsal at six?",
        "Six it is.",
    ];
    for seen in seen {
        let said: Vec<&str> = seen
            .lines
            .iter()
            .filter(|line| field(line, "/kind") == "text" || field(line, "/kind") == "attachment")
            .filter_map(|line| line.pointer("/text").and_then(Value::as_str))
            .collect();
        if said != expected {
            bail!("{} saw {said:?}\n{}", seen.who, seen.screen);
        }
        let unreadable = seen.lines.iter().any(|line| {
            field(line, "/kind") == "unreadable" || !field(line, "/failure").is_empty()
        });
        if unreadable {
            bail!("{} could not read something:\n{}", seen.who, seen.screen);
        }
        let file = seen
            .lines
            .iter()
            .find(|line| field(line, "/kind") == "attachment")
            .context("the file")?;
        if field(file, "/reactions/0/emoji") != "🎶" {
            bail!("{} did not see the reaction", seen.who);
        }
    }
    let alice = seen
        .iter()
        .find(|seen| seen.who == "alice")
        .context("alice")?;
    let read = alice
        .lines
        .iter()
        .any(|line| field(line, "/status") == "read");
    if !read {
        bail!("no read tick came to Alice:\n{}", alice.screen);
    }
    Ok(())
}
