//! Mentions, forwarding, who read, and how long the app keeps a file.

use super::support::{Person, World};
use super::{ALICE, BOB, CAROL, alice_and_bob};
use serde_json::Value;
use std::path::Path;

/// Carol, who talks with `other` already.
fn carol(world: &World, other: &Person, number: &str) -> Person {
    let carol = world.person("carol", CAROL);
    carol.say(number, "Hello");
    other.act(&["requests"]);
    other.act(&["accept", CAROL]);
    carol.act(&["sync"]);
    carol
}

fn last(who: &Person, with: &str) -> Value {
    who.act(&["history", with]).pop().unwrap()
}

/// Each mention's text, and whether it is the reader's own account.
fn mentions(item: &Value) -> Vec<(String, bool)> {
    let text = item["text"].as_str().unwrap();
    let all = item["mentions"].as_array().cloned().unwrap_or_default();
    all.iter()
        .map(|mention| {
            let start = usize::try_from(mention["start"].as_u64().unwrap()).unwrap();
            let length = usize::try_from(mention["length"].as_u64().unwrap()).unwrap();
            (
                text[start..start + length].to_owned(),
                mention["own"].as_bool().unwrap(),
            )
        })
        .collect()
}

fn of(who: &Person, with: &str, field: &str) -> Value {
    let all = who.act(&["conversations"]);
    let number = |person: &Value| person["number"] == with;
    let address = who.act(&["contacts"]).into_iter().find(number).unwrap()["address"].clone();
    let found = all.into_iter().find(|one| one["peer"] == address);
    found.unwrap()[field].clone()
}

#[test]
fn a_mention_is_for_whom_it_names() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    bob.act(&["read", ALICE]);
    let said = alice.one(&["send", BOB, "Zoë says: @Bob, come"]);
    assert_eq!(mentions(&said["item"]), [("@Bob".to_owned(), false)]);
    let message = said["item"]["message"].as_str().unwrap();
    assert_eq!(mentions(&last(&bob, ALICE)), [("@Bob".to_owned(), true)]);
    alice.say(BOB, "me@bob.example is no mention");
    assert_eq!(mentions(&last(&bob, ALICE)), []);
    assert_eq!(of(&bob, ALICE, "unread"), 2);
    assert_eq!(of(&bob, ALICE, "unread_mentions"), 1);
    // Who is not named in the text is named before it.
    alice.act(&["send", BOB, "now", "--mention", BOB]);
    let line = last(&bob, ALICE);
    assert_eq!(line["text"], "@bob now");
    assert_eq!(mentions(&line), [("@bob".to_owned(), true)]);
    bob.act(&["read", ALICE]);
    assert_eq!(of(&bob, ALICE, "unread_mentions"), 0);
    // An edit mentions anew; what is taken back mentions nobody.
    alice.act(&["edit", BOB, message, "Come, @bob!"]);
    let line = |who: &Person, with: &str| {
        let lines = who.act(&["history", with]);
        lines
            .into_iter()
            .find(|line| line["message"] == message)
            .unwrap()
    };
    assert_eq!(mentions(&line(&bob, ALICE)), [("@bob".to_owned(), true)]);
    alice.act(&["delete", BOB, message]);
    assert_eq!(mentions(&line(&bob, ALICE)), []);
    // Each screen says the name that it knows.
    assert!(bob.screen(&["history", ALICE]).contains("alice: @you now"));
    assert!(alice.screen(&["history", BOB]).contains("me: @bob now"));
    // Nobody is mentioned where they are not.
    let dave = world.person("dave", "+12025550104");
    let refusal = alice.refused(&["send", BOB, "hm", "--mention", "+12025550104"]);
    assert_eq!(refusal.code, "refused", "{refusal:?}");
    drop(dave);
}

#[test]
fn a_new_device_knows_whom_an_edited_text_mentions() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let message = alice.say(BOB, "Come");
    alice.act(&["edit", BOB, &message, "Come, @bob!"]);
    bob.act(&["sync"]);
    let laptop = world.device("laptop");
    bob.link(&laptop, "laptop");
    let lines = laptop.act(&["history", ALICE]);
    let line = lines
        .iter()
        .find(|line| line["message"] == message.as_str());
    assert_eq!(mentions(line.unwrap()), [("@bob".to_owned(), true)]);
}

#[test]
fn what_is_forwarded_is_the_text_alone() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let carol = carol(&world, &alice, ALICE);
    let question = bob.say(ALICE, "Who comes?");
    let answer = bob.one(&["send", ALICE, "@alice: I do", "--reply", &question]);
    let answer = answer["item"]["message"].as_str().unwrap();
    bob.act(&["edit", ALICE, answer, "@alice: I do, at eight"]);
    let said = alice.one(&["forward", BOB, answer, CAROL]);
    assert_eq!(said["item"]["forwarded"], true);
    let line = last(&carol, ALICE);
    assert_eq!(line["text"], "@alice: I do, at eight");
    assert_eq!(line["forwarded"], true);
    for field in ["quote", "mentions"] {
        assert!(line.get(field).is_none(), "{line}");
    }
    assert_eq!(line["edited"], false);
    assert_ne!(line["message"], answer);
    assert!(
        carol
            .screen(&["history", ALICE])
            .contains("(forwarded) @alice: I do")
    );
    // What was taken back goes nowhere.
    bob.act(&["delete", ALICE, answer]);
    alice.act(&["sync"]);
    let refusal = alice.refused(&["forward", BOB, answer, CAROL]);
    assert_eq!(refusal.code, "not_found", "{refusal:?}");
}

fn write(folder: &Path, name: &str, byte: u8) -> String {
    let path = folder.join(name);
    std::fs::write(&path, vec![byte; 300_000]).unwrap();
    path.display().to_string()
}

fn save(who: &Person, with: &str, message: &Value, to: &str) -> bool {
    who.try_act(&["save", with, message.as_str().unwrap(), to])
        .is_ok()
}

#[test]
fn a_forwarded_file_is_there_also_after_its_lease() {
    let world = World::start_with("[retention]\nblob_lease_ms = 5000");
    let (alice, bob) = alice_and_bob(&world);
    let carol = carol(&world, &bob, BOB);
    let folder = world.folder();
    let path = write(folder, "photo.jpg", 7);
    let sent = alice.one(&["file", BOB, &path, "--caption", "look"]);
    let message = &sent["item"]["message"];
    let kept = folder.join("kept.jpg").display().to_string();
    assert!(save(&bob, ALICE, message, &kept));
    let other = alice.one(&["file", BOB, &write(folder, "other.jpg", 8)]);
    let other = &other["item"]["message"];
    bob.act(&["sync"]);
    // While the app has it, it is the same blob: nothing goes up again.
    let forwarded = bob.one(&["forward", ALICE, message.as_str().unwrap(), CAROL]);
    assert_eq!(forwarded["item"]["text"], "look");
    let line = last(&carol, BOB);
    assert_eq!(line["attachment"]["file_name"], "photo.jpg");
    let to = |name: &str| folder.join(name).display().to_string();
    assert!(save(&carol, BOB, &line["message"], &to("one.jpg")));
    std::thread::sleep(std::time::Duration::from_millis(6_000));
    assert!(!save(&carol, BOB, &line["message"], &to("late.jpg")));
    let gone = last(&carol, BOB);
    assert_eq!(gone["attachment"]["available"], false);
    // Bob saved it: it goes up again from there.
    bob.act(&["forward", ALICE, message.as_str().unwrap(), CAROL]);
    let line = last(&carol, BOB);
    assert_eq!(line["attachment"]["available"], true);
    assert!(save(&carol, BOB, &line["message"], &to("two.jpg")));
    assert_eq!(
        std::fs::read(to("two.jpg")).unwrap(),
        std::fs::read(&path).unwrap()
    );
    // The other one he never saved, and another file than the first was goes to nobody.
    let refusal = bob.refused(&["forward", ALICE, other.as_str().unwrap(), CAROL]);
    assert!(refusal.code == "file_gone", "{refusal:?}");
    std::fs::write(&kept, vec![9; 300_000]).unwrap();
    std::thread::sleep(std::time::Duration::from_millis(6_000));
    let refusal = bob.refused(&["forward", ALICE, message.as_str().unwrap(), CAROL]);
    assert!(refusal.code == "source_changed", "{refusal:?}");
}

#[test]
fn who_looks_at_a_file_keeps_it() {
    let mut world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let path = write(world.folder(), "photo.jpg", 7);
    let seen = alice.one(&["file", BOB, &path])["item"]["message"].clone();
    let unseen = alice.one(&["file", "me", &path])["item"]["message"].clone();
    bob.act(&["sync"]);
    let travel = |world: &mut World, by: &str| {
        world.stop();
        let library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";
        world.environment("LD_PRELOAD", library);
        world.environment("FAKETIME", by);
        world.environment("DONT_FAKE_MONOTONIC", "1");
        world.restart();
    };
    travel(&mut world, "+20d");
    alice.later("+20d").act(&["sync"]);
    bob.later("+20d").act(&["read", ALICE]);
    travel(&mut world, "+35d");
    let to = |name: &str| world.folder().join(name).display().to_string();
    assert!(save(&bob.later("+35d"), ALICE, &seen, &to("seen.jpg")));
    assert!(!save(
        &alice.later("+35d"),
        "me",
        &unseen,
        &to("unseen.jpg")
    ));
}

#[test]
fn an_own_message_says_who_read_it() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let message = alice.say(BOB, "Did you hear?");
    let reached = || {
        let info = alice.one(&["info", BOB, &message]);
        let people = info["people"].as_array().unwrap().clone();
        assert_eq!(people.len(), 1, "{info}");
        let of = |field: &str| people[0][field].as_bool().unwrap();
        (of("delivered"), of("read"))
    };
    assert_eq!(reached(), (false, false));
    // How far others are is told to who is there, and written down a little later.
    let mut screen = alice.watch(&[]);
    bob.act(&["sync"]);
    screen.event("receipt");
    drop(screen);
    assert_eq!(reached(), (true, false));
    assert!(
        alice
            .screen(&["info", BOB, &message])
            .contains("— delivered to: bob")
    );
    bob.act(&["read", ALICE]);
    assert_eq!(reached(), (true, true));
    assert!(
        alice
            .screen(&["info", BOB, &message])
            .contains("— read by: bob")
    );
    // Of what somebody else said, nobody says how far it came.
    let theirs = bob.one(&["info", ALICE, &message]);
    assert_eq!(theirs["people"], serde_json::json!([]));
    // A stranger is on no list.
    world.person("carol", CAROL);
    let asked = alice.say(CAROL, "Hello Carol");
    assert_eq!(
        alice.one(&["info", CAROL, &asked])["people"],
        serde_json::json!([])
    );
}

#[test]
fn the_same_on_a_screen() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let mut talk = alice.command();
    let mut talk = talk
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let lines = format!("/to {BOB}\n@bob: come\n/info\n/forward me\n/quit\n");
    std::io::Write::write_all(&mut talk.stdin.take().unwrap(), lines.as_bytes()).unwrap();
    let ended = talk.wait_with_output().unwrap();
    assert!(ended.status.success());
    let screen = String::from_utf8(ended.stdout).unwrap();
    assert!(screen.contains("— forwarded"), "{screen}");
    alice.act(&["sync"]);
    assert_eq!(mentions(&last(&bob, ALICE)), [("@bob".to_owned(), true)]);
    assert_eq!(last(&alice, "me")["forwarded"], true);
}
