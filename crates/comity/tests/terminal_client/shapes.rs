//! The fields of every `--json` answer and event, and that docs/terminal-client.md has them all.
//!
//! A field that may be absent or null is listed by what it is otherwise.

use super::events::{events, name};
use super::support::{PROGRAM, Person, World};
use super::{ALICE, BOB, CAROL};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Field paths with what they hold, by act or event.
#[derive(Default)]
struct Shapes(BTreeMap<String, BTreeMap<String, BTreeSet<&'static str>>>);

impl Shapes {
    fn add(&mut self, of: &str, value: &Value) {
        let fields = self.0.entry(of.to_owned()).or_default();
        for (name, inner) in value.as_object().into_iter().flatten() {
            walk(name, inner, fields);
        }
    }

    fn act(&mut self, who: &Person, act: &[&str]) -> Vec<Value> {
        let lines = who.act(act);
        for line in &lines {
            self.add(act[0], line);
        }
        self.0.entry(act[0].to_owned()).or_default();
        lines
    }

    fn text(&self) -> String {
        let mut out = String::new();
        for (of, fields) in &self.0 {
            out.push_str(&format!("{of}\n"));
            for (path, kinds) in fields {
                let kinds: Vec<&str> = kinds
                    .iter()
                    .copied()
                    .filter(|kind| *kind != "null")
                    .collect();
                let kinds = if kinds.is_empty() {
                    "null".to_owned()
                } else {
                    kinds.join(" or ")
                };
                out.push_str(&format!("    {path}: {kinds}\n"));
            }
        }
        out
    }

    /// All field names, without the paths to them.
    fn names(&self) -> BTreeSet<String> {
        let paths = self.0.values().flat_map(BTreeMap::keys);
        let names = paths.flat_map(|path| path.split('.'));
        names
            .map(|name| name.trim_end_matches("[]").to_owned())
            .collect()
    }
}

fn walk(path: &str, value: &Value, fields: &mut BTreeMap<String, BTreeSet<&'static str>>) {
    match value {
        Value::Object(inner) => {
            for (name, value) in inner {
                walk(&format!("{path}.{name}"), value, fields);
            }
        }
        Value::Array(items) => {
            fields
                .entry(format!("{path}[]"))
                .or_default()
                .insert("array");
            for item in items {
                walk(&format!("{path}[]"), item, fields);
            }
        }
        leaf => {
            fields
                .entry(path.to_owned())
                .or_default()
                .insert(match leaf {
                    Value::Null => "null",
                    Value::Bool(_) => "bool",
                    Value::Number(_) => "number",
                    _ => "string",
                });
        }
    }
}

/// Every act, in a short story.
fn live() -> Shapes {
    let world = World::start();
    let mut shapes = Shapes::default();
    let (alice, bob, carol) = (
        world.device("alice"),
        world.device("bob"),
        world.device("carol"),
    );
    shapes.act(&alice, &["request-code", ALICE]);
    for (who, number) in [(&alice, ALICE), (&bob, BOB), (&carol, CAROL)] {
        let code = who.code_command();
        shapes.act(
            who,
            &[
                "register",
                number,
                "--name",
                who.name(),
                "--code-command",
                &code,
            ],
        );
    }
    shapes.act(&alice, &["profile", "--about", "Singing"]);
    shapes.act(&alice, &["lookup", BOB]);
    shapes.act(&alice, &["send", BOB, "Hello"]);
    shapes.act(&carol, &["send", BOB, "Buy soap"]);
    shapes.act(&bob, &["requests"]);
    shapes.act(&bob, &["accept", ALICE]);
    shapes.act(&bob, &["report", CAROL, "--reason", "soap"]);
    shapes.act(&bob, &["decline", CAROL]);
    let question = bob.say(ALICE, "Now?");
    alice.act(&["sync"]);
    shapes.act(&alice, &["send", BOB, "@bob: yes", "--reply", &question]);
    shapes.act(&alice, &["info", BOB, &question]);
    shapes.act(&alice, &["forward", BOB, &question, "me"]);
    shapes.act(&alice, &["timer", BOB, "7d"]);
    shapes.act(&alice, &["timer", BOB, "off"]);
    shapes.act(&alice, &["react", BOB, &question, "👍"]);
    bob.act(&["sync"]);
    shapes.act(&bob, &["edit", ALICE, &question, "Today?"]);
    let file = world.folder().join("file.txt");
    std::fs::write(&file, "text").unwrap();
    let sent = shapes.act(
        &alice,
        &["file", BOB, &file.display().to_string(), "--caption", "c"],
    );
    let sent = sent[0]["item"]["message"].as_str().unwrap();
    shapes.act(&bob, &["read", ALICE]);
    let saved = world.folder().join("saved.txt");
    shapes.act(&bob, &["save", ALICE, sent, &saved.display().to_string()]);
    shapes.act(&bob, &["history", ALICE]);
    alice.act(&["sync"]);
    shapes.act(&alice, &["search", "Today"]);
    shapes.act(&alice, &["delete", BOB, sent]);
    shapes.act(&alice, &["keep", BOB, "mute", "8h"]);
    shapes.act(&alice, &["conversations"]);
    shapes.act(&alice, &["contacts"]);
    shapes.act(&alice, &["safety", BOB]);
    shapes.act(&alice, &["verify", BOB]);
    shapes.act(&alice, &["typing", BOB]);
    shapes.act(&bob, &["block", CAROL]);
    shapes.act(&bob, &["unblock", CAROL]);
    shapes.act(&bob, &["sync"]);
    group(&world, &mut shapes, [&alice, &bob, &carol]);
    link(&world, &mut shapes, &alice);
    let devices = shapes.act(&alice, &["account"])[0]["devices"].clone();
    let device = devices[1]["device"].as_str().unwrap();
    shapes.act(&alice, &["promote-device", device]);
    shapes.act(&alice, &["remove-device", device]);
    shapes.act(&alice, &["recovery-phrase"]);
    shapes.act(&alice, &["token"]);
    shapes.act(&alice, &["lock", "open sesame"]);
    let code = alice.code_command();
    shapes.act(
        &alice,
        &["change-number", "+12025550199", "--code-command", &code],
    );
    shapes.act(&alice, &["watch", "--seconds", "1"]);
    copied(&world, &mut shapes, &bob);
    shapes.act(&alice, &["delete-account", "--yes"]);
    let refusal = bob
        .command()
        .args(["edit", ALICE, &question, "", "--json"])
        .output()
        .unwrap();
    let refusal = String::from_utf8(refusal.stdout).unwrap();
    shapes.add(
        "any act that is refused",
        &serde_json::from_str(refusal.trim()).unwrap(),
    );
    let refused = bob
        .command()
        .args(["lookup", "+12025550177", "--json"])
        .output()
        .unwrap();
    let refused = String::from_utf8(refused.stdout).unwrap();
    shapes.add(
        "any act that is refused",
        &serde_json::from_str(refused.trim()).unwrap(),
    );
    shapes
}

fn group(world: &World, shapes: &mut Shapes, [alice, bob, carol]: [&Person; 3]) {
    shapes.act(
        alice,
        &["group-create", "Choir", "--description", "Sundays"],
    );
    shapes.act(alice, &["group-add", "Choir", BOB]);
    shapes.act(bob, &["group", "Choir"]);
    shapes.act(alice, &["group-admin", "Choir", BOB]);
    shapes.act(alice, &["group-allow", "Choir", "--members-add", "true"]);
    let photo = world.folder().join("photo.png");
    std::fs::write(&photo, "picture").unwrap();
    let photo = photo.display().to_string();
    shapes.act(
        alice,
        &["group-set", "Choir", "--timer", "7d", "--photo", &photo],
    );
    let saved = world.folder().join("saved.png").display().to_string();
    shapes.act(bob, &["group-photo", "Choir", &saved]);
    let made = shapes.act(alice, &["group-link", "Choir"]);
    let link = made[0]["group"]["link"].as_str().unwrap();
    shapes.act(carol, &["group-join", link]);
    shapes.act(alice, &["group-unlink", "Choir"]);
    shapes.act(alice, &["group-remove", "Choir", CAROL]);
    shapes.act(bob, &["group-leave", "Choir"]);
}

fn link(world: &World, shapes: &mut Shapes, alice: &Person) {
    let tablet = world.device("tablet");
    let mut linking = super::support::Running::start(tablet.command().args(["link", "--json"]));
    let shown = linking.until(|line| line["event"] == "link_code");
    shapes.add("link", &shown);
    shapes.act(alice, &["approve", shown["code"].as_str().unwrap()]);
    let ended = linking.end();
    assert!(ended.status.success(), "{}", ended.stderr);
    for line in ended.stdout.lines() {
        shapes.add("link", &serde_json::from_str(line).unwrap());
    }
}

/// A store that was copied, and the copy used after the store: only one goes on.
fn copied(world: &World, shapes: &mut Shapes, bob: &Person) {
    let copy = world.device("copy");
    bob.act(&["sync"]);
    std::fs::create_dir_all(copy.store()).unwrap();
    for file in std::fs::read_dir(bob.store()).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.store().join(file.file_name())).unwrap();
    }
    bob.say("me", "Said by the one that was copied");
    for _ in 0..2 {
        let refused = copy.refused(&["send", "me", "Said by the copy"]);
        assert_eq!(refused.code, "store_used_elsewhere", "{refused:?}");
    }
    shapes.act(&copy, &["go-on-here"]);
    copy.say("me", "Said by the copy, later");
    assert_eq!(bob.refused(&["sync"]).code, "store_used_elsewhere");
    shapes.act(bob, &["go-on-here"]);
}

fn event_shapes() -> Shapes {
    let mut shapes = Shapes::default();
    for event in events() {
        let told = serde_json::to_value(&event).unwrap();
        assert_eq!(told["event"], name(&event));
        shapes.add(name(&event), &told);
    }
    shapes
}

fn snapshots(check: impl FnOnce()) {
    let mut settings = insta::Settings::clone_current();
    settings.set_omit_expression(true);
    settings.set_prepend_module_to_snapshot(false);
    settings.bind(check);
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Words in backquotes of the document.
fn documented() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs/terminal-client.md")).unwrap();
    text.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[track_caller]
fn all_documented(what: &str, words: impl IntoIterator<Item = String>) {
    let documented = documented();
    let missing: Vec<String> = words
        .into_iter()
        .filter(|word| !documented.contains(word))
        .collect();
    assert!(
        missing.is_empty(),
        "docs/terminal-client.md lacks {what}: {missing:?}"
    );
}

#[test]
fn every_act_answers_with_the_fields_that_are_documented() {
    let shapes = live();
    let help = Command::new(PROGRAM)
        .args(["chat", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let acts = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let acts = acts.take_while(|line| !line.is_empty());
    let acts: BTreeSet<&str> = acts
        .filter_map(|line| line.split_whitespace().next())
        .filter(|act| *act != "help")
        .collect();
    let lived: BTreeSet<&str> = shapes.0.keys().map(String::as_str).collect();
    let missing: Vec<_> = acts.difference(&lived).collect();
    assert!(
        missing.is_empty(),
        "acts without a line in the story: {missing:?}"
    );
    snapshots(|| insta::assert_snapshot!("acts", shapes.text()));
    all_documented("acts", acts.into_iter().map(str::to_owned));
    all_documented("fields", shapes.names());
}

#[test]
fn every_event_has_the_fields_that_are_documented() {
    let shapes = event_shapes();
    snapshots(|| insta::assert_snapshot!("events", shapes.text()));
    all_documented("events", shapes.0.keys().cloned());
    all_documented("fields", shapes.names());
}

#[test]
fn what_happens_on_a_screen_has_known_shapes() {
    let world = World::start();
    let (alice, bob) = super::alice_and_bob(&world);
    let mut known = event_shapes();
    known.add("watching", &serde_json::json!({ "event": "watching" }));
    let mut screen = alice.watch(&["--read"]);
    bob.say(ALICE, "One");
    bob.act(&["typing", ALICE]);
    world.person("carol", CAROL).say(ALICE, "Hi");
    let mut seen = Vec::new();
    for wanted in ["item", "typing", "request"] {
        seen.push(screen.event(wanted));
    }
    seen.extend(screen.drain());
    drop(screen);
    for line in seen {
        let mut shapes = Shapes::default();
        shapes.add("it", &line);
        let fields = known.0.get(line["event"].as_str().unwrap()).unwrap();
        for path in shapes.0["it"].keys() {
            assert!(fields.contains_key(path), "{path} of {line}");
        }
    }
}

/// What in the core says a code: a warning, a refusal, a notice. What gives its code on to one of
/// these stands here, too.
const SAYS: [&str; 8] = [
    "warn",
    "warn_once",
    "refuse",
    "insert_notice",
    "group_notice",
    "heal",
    "log_went_back",
    "note_own_device",
];

/// The functions of a source: name, and text to the next one's beginning.
fn functions(text: &str) -> Vec<(&str, &str)> {
    let mut begins = Vec::new();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let whole = ["pub(crate) ", "pub(super) ", "pub ", "async "]
            .iter()
            .fold(line.trim_start(), |rest, word| {
                rest.strip_prefix(word).unwrap_or(rest)
            });
        if let Some(name) = whole.strip_prefix("fn ") {
            let end = name.find(|c: char| !c.is_alphanumeric() && c != '_');
            begins.push((at, name.split_at(end.unwrap_or(name.len())).0));
        }
        at += line.len();
    }
    let ends = begins.iter().skip(1).map(|(at, _)| *at).chain([text.len()]);
    let ends: Vec<usize> = ends.collect();
    let parts = begins.iter().zip(ends);
    parts
        .map(|((at, name), end)| (*name, &text[*at..end]))
        .collect()
}

/// Texts in double quotes that can be codes; not what is only compared with.
fn codes(text: &str) -> Vec<String> {
    let parts: Vec<&str> = text.split('"').collect();
    let texts = parts.iter().skip(1).step_by(2);
    let after = parts.iter().skip(2).step_by(2);
    let is_code =
        |text: &str| text.contains('_') && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    texts
        .zip(after)
        .filter(|(text, after)| is_code(text) && !after.trim_start().starts_with(['=', '|']))
        .map(|(text, _)| (*text).to_owned())
        .collect()
}

/// A call's arguments, from behind its parenthesis on.
fn arguments(rest: &str) -> &str {
    let mut open = 1;
    let end = rest.find(|c| {
        match c {
            '(' => open += 1,
            ')' => open -= 1,
            _ => {}
        }
        open == 0
    });
    &rest[..end.unwrap_or(rest.len())]
}

/// Every code that the core can say. Where it is no literal of the call, it is one of those of the
/// function that calls, or that function gives it on and stands among those that say one.
fn said() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root().join("crates/client/src")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for (function, body) in functions(&text) {
                for call in SAYS {
                    for rest in body.split(&format!(".{call}(")).skip(1) {
                        let arguments = arguments(rest);
                        if arguments.contains('"') {
                            found.extend(codes(arguments));
                            continue;
                        }
                        let here = codes(body);
                        assert!(
                            !here.is_empty()
                                || SAYS.contains(&function)
                                // A code of the app, of the core's errors: those stand in tables.
                                || arguments.contains("as_str()")
                                || arguments.contains("code()"),
                            "{}: what does {function} say with {call}?",
                            path.display()
                        );
                        found.extend(here);
                    }
                }
            }
        }
    }
    // One that each way leads to.
    for code in [
        "manifest_fork",
        "device_recovered",
        "was_restored",
        "rolled_back",
    ] {
        assert!(found.contains(code), "{code} is not seen: {found:?}");
    }
    found
}

#[test]
fn every_code_is_documented() {
    all_documented("codes", said());
    let errors = std::fs::read_to_string(root().join("crates/client/src/error.rs")).unwrap();
    let codes = errors.split("=> \"").skip(1);
    let codes: Vec<String> = codes
        .map(|rest| rest.split('"').next().unwrap().to_owned())
        .collect();
    assert!(codes.len() >= 8, "{codes:?}");
    all_documented("codes of the core", codes);
}
