//! Messages that vanish.

use super::support::{Person, World};
use super::{ALICE, BOB, alice_and_bob};
use std::time::Duration;

fn timer(who: &Person, with: &str, after: &str) {
    who.act(&["timer", with, after]);
}

#[test]
fn with_a_timer_nothing_is_left_of_a_message() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    assert_eq!(alice.one(&["timer", BOB])["timer_s"], 0);
    alice.say(BOB, "I stay");
    timer(&alice, BOB, "1h");
    bob.act(&["sync"]);
    assert_eq!(bob.one(&["timer", ALICE])["timer_s"], 3_600);
    let secret = alice.say(BOB, "Tha password is swordfish");
    alice.act(&["edit", BOB, &secret, "The password is swordfish"]);
    let line = bob.act(&["history", ALICE]).pop().unwrap();
    let taken = line["at_ms"].as_i64().unwrap();
    assert_eq!(line["expires_ms"].as_i64(), Some(taken + 3_600_000));
    bob.act(&["react", ALICE, &secret, "👍"]);
    // A quote shows the words as long as they are there.
    timer(&bob, ALICE, "off");
    alice.act(&["sync"]);
    bob.act(&["send", ALICE, "Got it", "--reply", &secret]);
    assert_eq!(
        alice.history(BOB),
        "\
> Hello Bob
> I stay
* timer:3600
> The password is swordfish [edited] 👍
* timer:0
< Got it [on “The password is swordfish”]
"
    );
    bob.act(&["sync"]);
    // An hour later, without a connection and after a new start.
    let left = |who: &Person, with: &str| {
        let late = who.later("+61m");
        assert!(late.act(&["search", "swordfish"]).is_empty());
        super::support::told(&late.act(&["history", with, "--offline"]))
    };
    let rest = "\
> Hello Bob
> I stay
* timer:3600
* timer:0
< Got it [on “”]
";
    assert_eq!(left(&alice, BOB), rest);
    let theirs = rest
        .replace("> ", "= ")
        .replace("< ", "> ")
        .replace("= ", "< ");
    assert_eq!(left(&bob, ALICE), theirs);
    let refusal = bob.refused(&["forward", ALICE, &secret, "me"]);
    assert_eq!(refusal.code, "not_found", "{refusal:?}");
}

#[test]
fn it_vanishes_everywhere_at_once_and_comes_to_no_new_device() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let laptop = world.device("laptop");
    bob.link(&laptop, "laptop");
    timer(&alice, BOB, "10s");
    bob.act(&["sync"]);
    let mut screens = [bob.watch(&[]), laptop.watch(&[])];
    let file = world.folder().join("note.txt");
    std::fs::write(&file, "for ten seconds").unwrap();
    let sent = alice.one(&["file", BOB, &file.display().to_string()]);
    let message = sent["item"]["message"].clone();
    for screen in &mut screens {
        let here =
            screen.until(|line| line["event"] == "item" && line["item"]["message"] == message);
        let until = here["item"]["expires_ms"].as_i64().unwrap();
        screen.until(|line| line["event"] == "expired" && line["message"] == message);
        let now = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        assert!(
            i64::try_from(now.as_millis()).unwrap() >= until,
            "too early"
        );
    }
    drop(screens);
    for (who, with) in [(&alice, BOB), (&bob, ALICE), (&laptop, ALICE)] {
        assert!(!who.history(with).contains("note.txt"), "{}", who.name());
    }
    let saved = world.folder().join("saved").display().to_string();
    let refusal = bob.refused(&["save", ALICE, message.as_str().unwrap(), &saved]);
    assert_eq!(refusal.code, "not_found", "its key is gone: {refusal:?}");
    let tablet = world.device("tablet");
    bob.link(&tablet, "tablet");
    assert!(!tablet.history(ALICE).contains("note.txt"));
}

#[test]
fn what_vanished_before_it_came_is_never_shown() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    timer(&alice, BOB, "2s");
    bob.act(&["sync"]);
    let message = alice.say(BOB, "Too late for you");
    alice.act(&["react", BOB, &message, "⏳"]);
    std::thread::sleep(Duration::from_secs(3));
    let history = bob.history(ALICE);
    assert!(!history.contains("Too late"), "{history}");
    assert!(bob.act(&["search", "late"]).is_empty());
    let all = bob.act(&["conversations"]);
    assert!(all.iter().all(|one| one["last_text"] != "Too late for you"));
}
