//! What is said in a group: how far it is, how long it stays, and where it goes on.

use super::groups::choir;
use super::support::{Person, World, told};
use super::{ALICE, BOB};
use serde_json::Value;

fn said(who: &Person) -> String {
    let lines = who.act(&["history", "Choir", "--offline", "--limit", "500"]);
    let lines: Vec<Value> = lines
        .into_iter()
        .filter(|line| line["kind"] != "notice")
        .collect();
    told(&lines)
}

#[test]
fn with_a_timer_a_line_vanishes_for_everybody() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    alice.say("Choir", "This stays");
    alice.act(&["group-set", "Choir", "--timer", "1h"]);
    for who in [&bob, &carol] {
        who.act(&["sync"]);
    }
    assert_eq!(carol.one(&["timer", "Choir"])["timer_s"], 3_600);
    let secret = bob.say("Choir", "The password is swordfish");
    alice.act(&["sync"]);
    alice.act(&["send", "Choir", "Thanks", "--reply", &secret]);
    bob.act(&["sync"]);
    let before = "\
< This stays
> The password is swordfish
< Thanks [on “The password is swordfish”]
";
    assert_eq!(said(&bob), before);
    // Nobody has a connection an hour later; Carol was away all the time.
    for who in [&alice, &bob] {
        let late = who.later("+61m");
        assert!(late.act(&["search", "swordfish"]).is_empty());
        assert!(said(&late).ends_with("This stays\n"), "{}", said(&late));
    }
    let late = carol.later("+61m");
    late.act(&["sync"]);
    assert_eq!(said(&late), "< This stays\n");
    assert!(late.act(&["search", "swordfish"]).is_empty());
}

#[test]
fn an_own_line_says_who_read_it_and_who_did_not() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    let own = bob.one(&["account"])["address"].clone();
    let said = alice.one(&["send", "Choir", "Rehearsal at six?"]);
    let message = said["item"]["message"].as_str().unwrap().to_owned();
    let seq = said["item"]["seq"].as_u64().unwrap();
    let info = || {
        let screen = alice.screen(&["info", "Choir", &message]);
        // People stand there in the order of their addresses.
        let lists = screen.lines().filter(|line| line.starts_with("— "));
        let lists = lists.map(|line| line.replace("carol, bob", "bob, carol"));
        lists.collect::<Vec<_>>()
    };
    // What the line itself shows: two ticks are for all of them.
    let shown = || {
        let info = alice.one(&["info", "Choir", &message]);
        let counts = ["people", "delivered", "read"];
        let counts = counts.map(|count| info["item"]["progress"][count].as_u64().unwrap());
        (info["item"]["status"].clone(), counts)
    };
    assert_eq!(info(), ["— not yet: bob, carol"]);
    assert_eq!(shown(), ("sent".into(), [2, 0, 0]));
    let mut screen = alice.watch(&[]);
    bob.act(&["sync"]);
    screen.until(|line| {
        line["event"] == "receipt"
            && line["address"] == own
            && line["delivered_seq"].as_u64() >= Some(seq)
    });
    drop(screen);
    assert_eq!(info(), ["— delivered to: bob", "— not yet: carol"]);
    assert_eq!(shown(), ("sent".into(), [2, 1, 0]));
    carol.act(&["read", "Choir"]);
    assert_eq!(info(), ["— read by: carol", "— delivered to: bob"]);
    assert_eq!(shown(), ("delivered".into(), [2, 2, 1]));
    let line = || alice.screen(&["history", "Choir", "--limit", "1"]);
    let one = line();
    assert!(
        one.ends_with("Rehearsal at six? ✓✓ read by 1 of 2"),
        "{one}"
    );
    bob.act(&["read", "Choir"]);
    assert_eq!(info(), ["— read by: bob, carol"]);
    assert_eq!(shown(), ("read".into(), [2, 2, 2]));
    assert!(line().ends_with("Rehearsal at six? ✓✓ read"));
    // The same for programs.
    let shown = alice.one(&["info", "Choir", &message]);
    let people = shown["people"].as_array().unwrap();
    assert_eq!(people.len(), 2, "{shown}");
    assert!(
        people
            .iter()
            .all(|one| one["read"] == true && one["delivered"] == true),
        "{shown}"
    );
    // Who was in the group when it was said: nobody who came or went later.
    alice.act(&["group-remove", "Choir", "carol"]);
    let later = alice.say("Choir", "And who sings now?");
    assert_eq!(
        alice.screen(&["info", "Choir", &later]).lines().last(),
        Some("— not yet: bob")
    );
    // Of what others said only they see it.
    let theirs = bob.one(&["info", "Choir", &message]);
    assert_eq!(theirs["people"], serde_json::json!([]));
}

#[test]
fn who_takes_somebodys_name_is_told_apart_and_written_to_by_address() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    carol.act(&["profile", "--name", "Alice"]);
    carol.act(&["send", "Choir", "I am Alice, trust me"]);
    alice.act(&["send", "Choir", "I am"]);
    let screen = bob.screen(&["history", "Choir"]);
    let address = carol.one(&["account"])["address"]
        .as_str()
        .unwrap()
        .to_owned();
    let start: String = address.chars().take(8).collect();
    let apart = format!("Alice ({start}…): I am Alice, trust me");
    assert!(screen.contains(&apart), "{screen}");
    assert!(
        screen.contains("alice: I am\n") || screen.ends_with("alice: I am"),
        "{screen}"
    );
    let members = bob.screen(&["group", "Choir"]);
    assert!(
        members.contains(&format!("  Alice ({start}…)")),
        "{members}"
    );
    // The beginning of the address is enough to write to them.
    bob.act(&["send", &start, "Who are you?"]);
    carol.act(&["sync"]);
    assert_eq!(carol.one(&["requests"])["name"], "bob");
}

#[test]
fn what_stands_with_a_file_names_people_and_reactions_say_whose_they_are() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    let path = world.folder().join("score.txt");
    std::fs::write(&path, "la la la").unwrap();
    let path = path.to_str().unwrap();
    let sent = alice.one(&["file", "Choir", path, "--caption", "@bob: page two"]);
    let message = sent["item"]["message"].as_str().unwrap().to_owned();
    let there = bob.act(&["history", "Choir"]).pop().unwrap();
    assert_eq!(there["mentions"][0]["own"], true, "{there}");
    let screen = bob.screen(&["history", "Choir"]);
    assert!(screen.contains("@you: page two"), "{screen}");
    for (who, emoji) in [(&bob, "👍"), (&carol, "👍"), (&alice, "🎶")] {
        who.act(&["react", "Choir", &message, emoji]);
    }
    alice.act(&["sync"]);
    let screen = alice.screen(&["info", "Choir", &message]);
    assert!(
        screen.contains("👍 2") && screen.contains("— 🎶: you"),
        "{screen}"
    );
    let both = ["— 👍: bob, carol", "— 👍: carol, bob"];
    assert!(both.iter().any(|both| screen.contains(both)), "{screen}");
}

#[test]
fn a_line_is_forwarded_into_a_group_and_out_of_it() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    let question = alice.say(BOB, "Who has the score?");
    bob.act(&["sync"]);
    let answer = bob.one(&["send", ALICE, "@alice: I do", "--reply", &question]);
    let answer = answer["item"]["message"].as_str().unwrap();
    alice.act(&["sync"]);
    alice.act(&["forward", BOB, answer, "Choir"]);
    let line = carol.act(&["history", "Choir"]).pop().unwrap();
    assert_eq!(line["text"], "@alice: I do");
    assert_eq!(line["forwarded"], true);
    assert_eq!(line["author"], alice.one(&["account"])["address"]);
    // Who said it first, and to what, stays between the two.
    for field in ["quote", "mentions"] {
        assert!(line.get(field).is_none(), "{line}");
    }
    let screen = carol.screen(&["history", "Choir"]);
    assert!(
        screen.contains("alice: (forwarded) @alice: I do"),
        "{screen}"
    );
    // Out of it: with its file, which is there for whom it goes to.
    let file = world.folder().join("score.txt");
    std::fs::write(&file, "do re mi").unwrap();
    bob.act(&["sync"]);
    let path = file.display().to_string();
    let sent = bob.one(&["file", "Choir", &path, "--caption", "here"]);
    let sent = sent["item"]["message"].as_str().unwrap();
    carol.act(&["sync"]);
    carol.act(&["forward", "Choir", sent, "me"]);
    let message = carol.act(&["history", "me"]).pop().unwrap();
    assert_eq!(message["forwarded"], true);
    assert_eq!(message["text"], "here");
    let saved = world.folder().join("saved.txt").display().to_string();
    let name = message["message"].as_str().unwrap();
    carol.act(&["save", "me", name, &saved]);
    assert_eq!(std::fs::read(saved).unwrap(), b"do re mi");
    // Who is no longer in the group says nothing there, forwarded or not.
    alice.act(&["group-remove", "Choir", "carol"]);
    carol.act(&["sync"]);
    assert_eq!(
        carol.refused(&["forward", "me", name, "Choir"]).code,
        "refused"
    );
}
