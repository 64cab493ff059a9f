//! What could not be read comes back, from one's other devices and from who wrote it.

use super::support::{Person, World, copy};
use super::{ALICE, BOB, alice_and_bob};

/// What is done meanwhile is forgotten on this device: its store is put back to what it was.
fn forgetting(person: &Person, world: &World, meanwhile: impl FnOnce()) {
    let kept = world.folder().join("kept").join(person.name());
    copy(person.store(), &kept);
    meanwhile();
    std::fs::remove_dir_all(person.store()).unwrap();
    copy(&kept, person.store());
}

/// The device says that its store was used elsewhere, and its person that it goes on here.
fn goes_on(person: &Person) {
    assert_eq!(person.refused(&["sync"]).code, "store_used_elsewhere");
    person.act(&["go-on-here"]);
}

/// A conversation without what was said about devices.
fn spoken(who: &Person, with: &str) -> String {
    let history = who.history(with);
    let lines = history.lines().filter(|line| !line.starts_with("* device"));
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_device_put_back_to_an_old_copy_gets_what_it_forgot_from_its_sibling() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let tablet = world.device("tablet");
    bob.link(&tablet, "Bob's tablet");
    bob.say(ALICE, "Before the copy");
    tablet.act(&["sync"]);
    alice.act(&["sync"]);
    forgetting(&bob, &world, || {
        bob.say(ALICE, "Forgotten by Bob's phone");
        let answer = alice.say(BOB, "And this, too");
        bob.act(&["react", ALICE, &answer, "👍"]);
        tablet.act(&["sync"]);
    });
    goes_on(&bob);
    tablet.act(&["sync"]);
    let whole = "\
< Hello Bob
> Before the copy
> Forgotten by Bob's phone
< And this, too 👍
";
    assert_eq!(spoken(&tablet, ALICE), whole);
    let healed = spoken(&bob, ALICE);
    assert_eq!(healed.replace("* healed\n", ""), whole);
    // And it goes on as if nothing had been.
    bob.say(ALICE, "I remember everything");
    alice.say(BOB, "Good");
    assert!(spoken(&bob, ALICE).ends_with("> I remember everything\n< Good\n"));
    assert!(spoken(&alice, BOB).ends_with("< I remember everything\n> Good\n"));
}

#[test]
fn without_a_sibling_others_say_again_what_they_said_and_the_rest_is_said_to_be_missing() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    forgetting(&bob, &world, || {
        bob.say(ALICE, "Forgotten for ever");
        alice.say(BOB, "Said again");
        bob.act(&["sync"]);
    });
    goes_on(&bob);
    bob.act(&["sync", "--stay", "1"]);
    alice.act(&["sync"]);
    let lines = spoken(&bob, ALICE);
    assert!(lines.contains("< Said again\n"), "{lines}");
    assert!(!lines.contains("Forgotten for ever"), "{lines}");
    assert!(
        lines.contains("! [own_message]\n") || lines.contains("* gap\n"),
        "{lines}"
    );
    alice.say(BOB, "Are you back?");
    bob.say(ALICE, "I am");
    assert!(
        spoken(&alice, BOB)
            .ends_with("< Forgotten for ever\n> Said again\n> Are you back?\n< I am\n")
    );
}
