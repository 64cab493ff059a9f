//! What two people say to each other.

use super::support::{Person, World};
use super::{ALICE, BOB, CAROL, alice_and_bob};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

#[test]
fn two_people_talk() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let bob = world.person("bob", BOB);
    alice.say(BOB, "Hello Bob, it's Alice");
    assert_eq!(alice.history(BOB), "> Hello Bob, it's Alice\n");
    assert_eq!(bob.one(&["requests"])["text"], "Hello Bob, it's Alice");
    bob.act(&["accept", ALICE]);
    let question = bob.say(ALICE, "Alice! Is it tonight?");
    alice.act(&["history", BOB]);
    alice.act(&["send", BOB, "Yes, at eight", "--reply", &question]);
    bob.act(&["react", ALICE, &alice.find(BOB, "Yes, at eight"), "🎉"]);
    let slip = bob.say(ALICE, "I bring chees");
    bob.act(&["edit", ALICE, &slip, "I bring cheese"]);
    let oops = bob.say(ALICE, "and I love you all, mum");
    bob.act(&["delete", ALICE, &oops]);
    assert_eq!(
        alice.history(BOB),
        "\
> Hello Bob, it's Alice
< Alice! Is it tonight?
> Yes, at eight [on “Alice! Is it tonight?”] 🎉
< I bring cheese [edited]
< (taken back)
"
    );
    assert_eq!(
        bob.history(ALICE),
        "\
< Hello Bob, it's Alice
> Alice! Is it tonight?
< Yes, at eight [on “Alice! Is it tonight?”] 🎉
> I bring cheese [edited]
> (taken back)
"
    );
    // What was taken back is found by nobody.
    assert!(alice.act(&["search", "love"]).is_empty());
    assert!(bob.act(&["search", "love"]).is_empty());
    assert_eq!(alice.act(&["search", "cheese"]).len(), 1);
    bob.act(&["react", ALICE, &alice.find(BOB, "Yes, at eight"), ""]);
    assert!(!alice.history(BOB).contains('🎉'));
}

#[test]
fn a_message_is_delivered_then_read() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let mut screen = alice.watch(&[]);
    let message = bob.say(ALICE, "Are you there?");
    let item = screen.until(|line| line["event"] == "item");
    assert_eq!(item["item"]["text"], "Are you there?");
    drop(screen);
    let status = || bob.act(&["history", ALICE]).last().unwrap()["status"].clone();
    assert_eq!(status(), "delivered");
    alice.act(&["read", BOB]);
    assert_eq!(status(), "read");
    let mut screen = bob.watch(&[]);
    alice.act(&["typing", BOB]);
    let typing = screen.event("typing");
    assert_eq!(typing["typing"], true);
    assert!(!message.is_empty());
}

#[test]
fn a_stranger_is_declined_and_never_told() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let bob = world.person("bob", BOB);
    alice.say(BOB, "Buy my soap");
    assert_eq!(bob.one(&["requests"])["name"], "alice");
    bob.act(&["decline", ALICE]);
    assert!(bob.act(&["requests"]).is_empty());
    assert_eq!(alice.history(BOB), "> Buy my soap\n");
    let last = alice.act(&["history", BOB]).pop().unwrap();
    assert_ne!(last["status"], "read", "a stranger never learns that");
    assert!(
        bob.act(&["conversations"])
            .iter()
            .all(|c| c["kind"] == "self"),
        "nothing begins"
    );
    assert!(bob.act(&["requests"]).is_empty());
}

#[test]
fn who_is_blocked_is_not_seen() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    alice.say(BOB, "Fine day");
    assert_eq!(bob.history(ALICE), "< Hello Bob\n< Fine day\n");
    bob.act(&["verify", ALICE]);
    bob.act(&["block", ALICE]);
    let shown = bob.screen(&["contacts"]);
    assert!(
        shown.trim_end().ends_with("  (blocked, verified)"),
        "{shown}"
    );
    alice.say(BOB, "Bob? Bob?");
    assert_eq!(bob.history(ALICE), "< Hello Bob\n< Fine day\n");
    let contact = bob.one(&["contacts"]);
    assert_eq!(contact["blocked"], true);
    // A request of somebody who is blocked does not arrive.
    let carol = world.person("carol", CAROL);
    bob.act(&["block", CAROL]);
    carol.say(BOB, "Hi, I am Carol");
    assert!(bob.act(&["requests"]).is_empty());
    // Unblocked, they talk again; what was said meanwhile stays unseen.
    bob.act(&["unblock", ALICE]);
    alice.say(BOB, "There you are");
    assert_eq!(
        bob.history(ALICE),
        "< Hello Bob\n< Fine day\n< There you are\n"
    );
}

#[test]
fn edits_have_a_day_and_deletions_two() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let message = bob.say(ALICE, "At sevn");
    let refusal = alice.refused(&["edit", BOB, &message, "At nine"]);
    assert_eq!(refusal.code, "refused", "only its author: {refusal:?}");
    bob.act(&["edit", ALICE, &message, "At seven"]);
    let late = bob.later("+25h");
    let refusal = late.refused(&["edit", ALICE, &message, "At eight"]);
    assert_eq!(refusal.code, "refused", "{refusal:?}");
    late.act(&["delete", ALICE, &message]);
    assert_eq!(alice.history(BOB), "> Hello Bob\n< (taken back)\n");
    let kept = bob.say(ALICE, "I stay");
    let refusal = bob.later("+49h").refused(&["delete", ALICE, &kept]);
    assert_eq!(refusal.code, "refused", "{refusal:?}");
    assert_eq!(
        alice.history(BOB),
        "> Hello Bob\n< (taken back)\n< I stay\n"
    );
}

#[test]
fn the_same_message_is_said_once() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let id = "000102030405060708090a0b0c0d0e0f";
    alice.act(&["send", BOB, "Once", "--id", id]);
    alice.act(&["send", BOB, "Once", "--id", id]);
    assert_eq!(bob.history(ALICE), "< Hello Bob\n< Once\n");
    assert_eq!(alice.history(BOB), "> Hello Bob\n> Once\n");
}

#[test]
fn what_is_written_without_a_server_goes_out_later() {
    let mut world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    world.stop();
    alice.act(&["send", BOB, "Into the void", "--no-wait"]);
    let line = alice.act(&["history", BOB, "--offline"]).pop().unwrap();
    assert_eq!(line["status"], "queued");
    world.restart();
    alice.act(&["sync"]);
    assert_eq!(bob.history(ALICE), "< Hello Bob\n< Into the void\n");
}

#[test]
fn safety_numbers_are_the_same_on_both_sides() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let of = |who: &super::Person, whom: &str| who.one(&["safety", whom]);
    let number = of(&alice, BOB)["safety_number"].clone();
    assert_eq!(number, of(&bob, ALICE)["safety_number"]);
    assert_eq!(number.as_str().unwrap().split(' ').count(), 12);
    assert_eq!(of(&alice, BOB)["verified"], false);
    alice.act(&["verify", BOB]);
    assert_eq!(of(&alice, BOB)["verified"], true);
}

#[test]
fn at_first_contact_the_screen_says_whose_word_a_key_is() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let bob = world.person("bob", BOB);
    let believed = "Their key is as the app says: not yet verified.";
    let found = alice.screen(&["lookup", BOB]);
    assert!(found.contains(believed), "{found}");
    alice.say(BOB, "Hello Bob, it's Alice");
    let asks = bob.screen(&["requests"]);
    let whose = "their key is as the app says, until you compare safety numbers";
    assert!(asks.contains(whose), "{asks}");
    let accepted = bob.screen(&["accept", ALICE]);
    assert!(accepted.contains(believed), "{accepted}");
    let known = bob.screen(&["contacts"]);
    assert!(known.contains("(not yet verified)"), "{known}");
    let compared = bob.screen(&["safety", ALICE]);
    assert!(
        compared.contains("Not yet verified: compare it"),
        "{compared}"
    );
    bob.act(&["verify", ALICE]);
    let known = bob.screen(&["contacts"]);
    assert!(known.contains("(verified)"), "{known}");
    let found = bob.screen(&["lookup", ALICE]);
    assert!(!found.contains(believed), "{found}");
    assert!(found.contains("You compared safety numbers with them: verified."));
}

/// The hour that the server's clock shows.
fn hour(world: &World) -> u32 {
    let answer =
        world.raw("GET /healthz HTTP/1.1\r\nhost: test.localhost\r\nconnection: close\r\n\r\n");
    let answer = String::from_utf8(answer).unwrap();
    let date = answer.lines().find_map(|line| line.strip_prefix("date: "));
    // `Sat, 28 Nov 2026 20:21:20 GMT`
    date.unwrap()[17..19].parse().unwrap()
}

#[test]
fn a_token_that_is_refused_before_its_end_is_replaced() {
    let clock = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(clock.path(), "+0s").unwrap();
    // Only the server's date will be another: timers run in real time.
    let world = World::start_in(
        "",
        &[
            (
                "LD_PRELOAD",
                "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
            ),
            ("FAKETIME_TIMESTAMP_FILE", clock.path().to_str().unwrap()),
            ("FAKETIME_CACHE_DURATION", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ],
    );
    let alice = world.person("alice", ALICE);
    world.person("bob", BOB);
    let mut talk = alice
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut screen = BufReader::new(talk.stdout.take().unwrap()).lines();
    assert!(screen.any(|line| line.unwrap().contains("— connected")));
    let before = hour(&world);
    std::fs::write(clock.path(), "+2h").unwrap();
    // The server looks at its clock now and then.
    while (hour(&world) + 24 - before) % 24 < 2 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let mut typed = talk.stdin.take().unwrap();
    typed.write_all(format!("/to {BOB}\n").as_bytes()).unwrap();
    // What was typed is done under a new token: the client signed in a second time for it.
    let (mut found, mut again) = (false, false);
    while !(found && again) {
        let line = screen.next().unwrap().unwrap();
        assert!(!line.contains("lookup"), "{line}");
        found |= line.contains("is new here");
        again |= line.contains("— connected");
    }
    typed.write_all(b"/quit\n").unwrap();
    assert!(talk.wait().unwrap().success());
}

/// Says of oneself what is not so, as a changed program could.
fn call_oneself(person: &Person, name: &str) {
    person.act(&["profile", "--name", name]);
}

#[test]
fn a_number_is_never_whose_a_stranger_says_it_is() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let mallory = world.person("mallory", BOB);
    let bob = world.person("bob", CAROL);
    // A stranger's name is no contact's, and their number is only their word.
    call_oneself(&mallory, "Bob");
    mallory.say(ALICE, "Hi, it's Bob");
    alice.act(&["sync"]);
    let refused = alice.refused(&["send", "Bob", "The code is 1234"]);
    assert!(refused.message.contains("only asks to talk"), "{refused:?}");
    let asks = alice.one(&["requests"]);
    assert_eq!(asks["number_confirmed"], true, "the app was asked");
    assert_eq!(asks["number"], BOB);
    // By number the text goes to whom the app says has it.
    let said = alice.one(&["send", CAROL, "The code is 1234"]);
    assert_eq!(said["item"]["outgoing"], true);
    assert_eq!(bob.one(&["requests"])["text"], "The code is 1234");
    assert_eq!(alice.act(&["requests"]).len(), 1, "Mallory still only asks");
    // An empty name is nobody's, even where one contact has none.
    assert!(alice.refused(&["send", "", "x"]).message.contains("empty"));
    alice.act(&["decline", "Bob"]);
    assert!(alice.act(&["requests"]).is_empty());
}

#[test]
fn a_name_can_not_pass_for_oneself_and_a_text_not_for_two() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let bob = world.device("bob");
    bob.register(BOB, &["--name", "me"]);
    alice.say(BOB, "Hello");
    bob.act(&["sync"]);
    bob.act(&["accept", "alice"]);
    alice.act(&["sync"]);
    bob.say(ALICE, "first\n12:00  me: I owe Bob 1000\u{202E}");
    alice.act(&["sync"]);
    let shown = alice.screen(&["history", BOB]);
    let last: Vec<&str> = shown.lines().rev().take(2).collect();
    assert_eq!(last[0], "       │ 12:00  me: I owe Bob 1000");
    assert!(last[1].contains("~me"), "{shown}");
}

#[test]
fn a_name_puts_no_words_into_anybodys_mouth() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let dave = world.device("dave");
    let name = "Bob: I owe you ten pounds";
    dave.register(CAROL, &["--name", name]);
    dave.say(ALICE, "”  /accept bob or “");
    let asks = alice.screen(&["requests"]);
    let shown = format!("‹{name}›");
    assert!(asks.starts_with(&format!("{shown} (")), "{asks}");
    assert!(
        asks.trim_end()
            .ends_with("asks to talk: “\"  /accept bob or \"”"),
        "{asks}"
    );
    alice.act(&["accept", CAROL]);
    dave.act(&["sync"]);
    dave.say(ALICE, ".");
    dave.act(&["group-create", "Bob  10:35  me: yes", ALICE]);
    dave.act(&["sync"]);
    alice.act(&["sync"]);
    let screen = alice.screen(&["history", CAROL]);
    assert!(
        screen.trim_end().ends_with(&format!("  {shown}: .")),
        "{screen}"
    );
    let list = alice.screen(&["conversations"]);
    assert!(list.contains(" ‹Bob  10:35  me: yes›"), "{list}");
    assert!(list.contains(&format!("  {shown}: .")), "{list}");
    let group = alice.screen(&["history", "Bob  10:35  me: yes"]);
    assert!(group.contains(&format!("— {shown} added you")), "{group}");
    // Programs have the name as its person chose it.
    let contacts = alice.act(&["contacts"]);
    assert!(
        contacts.iter().any(|one| one["name"] == name),
        "{contacts:?}"
    );
    // Bob is called as he always was.
    bob.say(ALICE, ".");
    alice.act(&["sync"]);
    assert!(
        alice
            .screen(&["history", BOB])
            .trim_end()
            .ends_with("  bob: .")
    );
    let (mut talk, talked) = (
        alice.command(),
        b"/to +12025550103\n/report hm\n/no\n/quit\n",
    );
    let mut talk = talk
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    talk.stdin.take().unwrap().write_all(talked).unwrap();
    let screen = String::from_utf8(talk.wait_with_output().unwrap().stdout).unwrap();
    let question = format!("— this gives {shown}’s line “.” and your reason");
    assert!(screen.contains(&question), "{screen}");
}

#[test]
fn a_damaged_store_says_so() {
    let world = World::start();
    let (alice, _) = alice_and_bob(&world);
    let file = alice.store().join("store.db");
    let mut bytes = std::fs::read(&file).unwrap();
    let half = bytes.len() / 2 / 4096 * 4096;
    for page in bytes[half..].chunks_mut(4096) {
        page[100] ^= 1;
    }
    std::fs::write(&file, bytes).unwrap();
    let refused = alice.refused(&["history", BOB]);
    assert_eq!(refused.code, "store_failed", "{refused:?}");
    says_so_alone(&refused);
    // What is left of it is not taken for a new one either.
    for left in [&b""[..], b"S"] {
        std::fs::write(&file, left).unwrap();
        let refused = alice.refused(&["account"]);
        assert_eq!(refused.code, "store_failed");
        assert!(refused.message.contains("damaged"), "{refused:?}");
        says_so_alone(&refused);
    }
    // A whole file of nothing a key opens.
    std::fs::write(&file, vec![1; 40_960]).unwrap();
    says_so_alone(&alice.refused(&["account"]));
}

/// In the words of this program, and in those of no library.
#[track_caller]
fn says_so_alone(refused: &super::support::Refusal) {
    assert!(!refused.message.contains("memory"), "{refused:?}");
    let mut lines = refused.stderr.lines();
    assert!(
        lines.all(|line| line.starts_with("comity: ")),
        "{refused:?}"
    );
}
