//! Earlier messages for who joins a group.

use super::support::{PASSPHRASE, Person, World, told};
use super::{ALICE, BOB, CAROL};
use serde_json::Value;
use std::io::Write as _;

const DAVE: &str = "+12025550104";

fn acquaint(one: &Person, number: &str, other: &Person, other_number: &str) {
    one.say(other_number, "Hello");
    other.act(&["accept", number]);
    one.act(&["sync"]);
}

/// Alice, whom Bob and Carol know; a group of hers with Bob, where history is for new members.
fn choir(world: &World) -> (Person, Person, Person) {
    let alice = world.person("alice", ALICE);
    let bob = world.person("bob", BOB);
    let carol = world.person("carol", CAROL);
    acquaint(&alice, ALICE, &bob, BOB);
    acquaint(&alice, ALICE, &carol, CAROL);
    alice.act(&["group-create", "Choir", BOB, "--history-for-new", "true"]);
    bob.act(&["sync"]);
    (alice, bob, carol)
}

/// What people said, without notices, and by whom it was told.
fn heard(who: &Person) -> (String, Vec<Value>) {
    let lines = who.act(&["history", "Choir", "--limit", "5000"]);
    let said: Vec<Value> = lines
        .into_iter()
        .filter(|line| line["kind"] != "notice")
        .collect();
    let tellers = said.iter().map(|line| line["told_by"].clone()).collect();
    (told(&said), tellers)
}

#[test]
fn who_joins_gets_earlier_messages_where_the_group_wants_it() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    let first = alice.say("Choir", "Welcome");
    let slip = bob.say("Choir", "At sevn");
    bob.act(&["edit", "Choir", &slip, "At seven"]);
    alice.act(&["sync"]);
    alice.act(&["react", "Choir", &slip, "👍"]);
    bob.act(&["send", "Choir", "Thanks, @alice", "--reply", &first]);
    let oops = bob.say("Choir", "Wrong group");
    bob.act(&["delete", "Choir", &oops]);
    let file = world.folder().join("score.txt");
    std::fs::write(&file, "do re mi").unwrap();
    let sent = alice.one(&["file", "Choir", &file.display().to_string()]);
    alice.act(&["group-add", "Choir", CAROL]);
    alice.say("Choir", "Carol sings, too");
    let (said, tellers) = heard(&carol);
    assert_eq!(
        said,
        "\
< Welcome
< At seven [edited] 👍
< Thanks, @alice [on “Welcome”]
< [score.txt, 8 bytes]
< Carol sings, too
"
    );
    let by = alice.one(&["account"])["address"].clone();
    let nobody = Value::Null;
    assert_eq!(tellers, [by.clone(), by.clone(), by.clone(), by, nobody]);
    let lines = carol.act(&["history", "Choir"]);
    let thanks = lines.iter().find(|line| line["text"] == "Thanks, @alice");
    assert_eq!(thanks.unwrap()["mentions"].as_array().unwrap().len(), 1);
    let screen = carol.screen(&["history", "Choir"]);
    assert!(screen.contains("Welcome (as alice tells it)"), "{screen}");
    let saved = world.folder().join("saved.txt").display().to_string();
    carol.act(&[
        "save",
        "Choir",
        sent["item"]["message"].as_str().unwrap(),
        &saved,
    ]);
    assert_eq!(std::fs::read(saved).unwrap(), b"do re mi");
    // Nothing of it is new, and nobody is told that it was read.
    let all = carol.act(&["conversations"]);
    let choir = all.iter().find(|one| one["title"] == "Choir").unwrap();
    assert_eq!(choir["unread"], 1);
    let info = alice.one(&["info", "Choir", &first]);
    assert_eq!(info["people"].as_array().unwrap().len(), 1, "{info}");
}

#[test]
fn it_is_off_unless_the_group_wants_it() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    alice.act(&["group-allow", "Choir", "--history-for-new", "false"]);
    bob.act(&["sync"]);
    bob.say("Choir", "Between us");
    alice.act(&["group-add", "Choir", CAROL]);
    alice.act(&["sync"]);
    bob.later("+10m").act(&["sync"]);
    assert_eq!(heard(&carol).0, "");
}

#[test]
fn it_is_off_where_nobody_has_said_anything_of_it() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let bob = world.person("bob", BOB);
    let carol = world.person("carol", CAROL);
    let dave = world.person("dave", DAVE);
    acquaint(&alice, ALICE, &bob, BOB);
    acquaint(&alice, ALICE, &carol, CAROL);
    let group = alice.one(&["group-create", "Choir", BOB]);
    assert_eq!(group["group"]["permissions"]["history_for_new"], false);
    bob.act(&["sync"]);
    bob.say("Choir", "Between us");
    alice.act(&["group-add", "Choir", CAROL]);
    let group = alice.one(&["group-link", "Choir"]);
    dave.act(&["group-join", group["group"]["link"].as_str().unwrap()]);
    // Everybody who could give it was there, also later on.
    for by in ["+0m", "+10m", "+20m"] {
        alice.later(by).act(&["sync"]);
        bob.later(by).act(&["sync"]);
    }
    alice.say("Choir", "Hello to both");
    assert_eq!(heard(&carol).0, "< Hello to both\n");
    assert_eq!(heard(&dave).0, "< Hello to both\n");
}

#[test]
fn another_member_gives_it_where_the_adder_does_not() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    let dave = world.person("dave", DAVE);
    alice.say("Choir", "Welcome");
    bob.say("Choir", "Thanks");
    let group = alice.one(&["group-link", "Choir"]);
    // Nobody added him: he came by the link.
    dave.act(&["group-join", group["group"]["link"].as_str().unwrap()]);
    bob.act(&["sync"]);
    assert_eq!(
        heard(&dave).0,
        "",
        "Bob waits whether somebody else gives it"
    );
    bob.later("+10m").act(&["sync"]);
    assert_eq!(heard(&dave).0, "< Welcome\n< Thanks\n");
    // Alice sees that it was given, and gives nothing a second time.
    alice.act(&["sync"]);
    let before = dave.act(&["history", "Choir"]).len();
    alice.later("+20m").act(&["sync"]);
    assert_eq!(dave.act(&["history", "Choir"]).len(), before);
    let teller = dave.act(&["history", "Choir"])[0]["told_by"].clone();
    assert_eq!(teller, bob.one(&["account"])["address"]);
    drop(carol);
}

#[test]
fn a_long_past_comes_in_pieces() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    // More than two pieces, typed on a screen.
    let mut talk = alice.command();
    let mut talk = talk
        .env("COMITY_PASSPHRASE", PASSPHRASE)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = "/to Choir\n".to_owned();
    for number in 1..=1_100 {
        lines.push_str(&format!("line {number}\n"));
    }
    talk.stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    assert!(talk.wait().unwrap().success());
    alice.act(&["sync"]);
    bob.act(&["sync"]);
    alice.act(&["group-add", "Choir", CAROL]);
    let expected: String = (1..=1_100)
        .map(|number| format!("< line {number}\n"))
        .collect();
    assert_eq!(heard(&carol).0, expected);
}
