//! People with several devices.

use super::support::World;
use super::{ALICE, BOB, alice_and_bob};

#[test]
fn two_devices_of_each_have_the_same_conversation() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    alice.say(BOB, "Before the tablet");
    let tablet = world.device("tablet");
    alice.link(&tablet, "Alice's tablet");
    let laptop = world.device("laptop");
    bob.link(&laptop, "Bob's laptop");
    tablet.say(BOB, "From the tablet");
    laptop.say(ALICE, "From the laptop");
    alice.say("me", "Buy milk");
    bob.say(ALICE, "Good");
    let own = "\
> Hello Bob
> Before the tablet
> From the tablet
< From the laptop
< Good
";
    let theirs = own
        .replace("> ", "= ")
        .replace("< ", "> ")
        .replace("= ", "< ");
    let spoken = |who: &super::Person, with: &str| -> String {
        let history = who.history(with);
        history
            .lines()
            .filter(|line| !line.starts_with("* device_added"))
            .map(|line| format!("{line}\n"))
            .collect()
    };
    assert_eq!(spoken(&alice, BOB), own);
    assert_eq!(spoken(&tablet, BOB), own);
    assert_eq!(spoken(&bob, ALICE), theirs);
    assert_eq!(spoken(&laptop, ALICE), theirs);
    assert_eq!(tablet.history("me"), "> Buy milk\n");
    let devices = alice.one(&["account"])["devices"].clone();
    assert_eq!(devices.as_array().unwrap().len(), 2);
    assert_eq!(devices[1]["name"], "Alice's tablet");
    // Each of them knows what both are called, and which it is.
    let seen = tablet.one(&["account"])["devices"].clone();
    for (at, (name, this)) in [("terminal", false), ("Alice's tablet", true)]
        .into_iter()
        .enumerate()
    {
        assert_eq!(
            (&seen[at]["name"], &seen[at]["this"]),
            (&name.into(), &this.into())
        );
    }
    assert_eq!(
        tablet.one(&["contacts"])["devices"],
        2,
        "Bob's new device is known to the tablet"
    );
}

#[test]
fn a_removed_device_reads_nothing_more_and_is_told() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let tablet = world.device("tablet");
    alice.link(&tablet, "Alice's tablet");
    bob.say(ALICE, "For both of you");
    assert!(tablet.history(BOB).ends_with("< For both of you\n"));
    let mut screen = tablet.watch(&[]);
    let devices = alice.one(&["account"])["devices"].clone();
    let device = devices[1]["device"].as_str().unwrap();
    alice.act(&["remove-device", device]);
    bob.say(ALICE, "For one of you");
    let erased = screen.event("erased");
    assert_eq!(erased["reason"], "device_revoked");
    let ended = screen.end();
    assert!(!ended.status.success());
    assert!(!ended.stdout.contains("For one of you"), "{}", ended.stdout);
    assert!(alice.history(BOB).ends_with("< For one of you\n"));
    assert!(
        !tablet.store().join("store.db").exists(),
        "nothing is left on it"
    );
    assert_eq!(
        alice.one(&["account"])["devices"].as_array().unwrap().len(),
        1
    );
    assert_eq!(bob.one(&["contacts"])["devices"], 1);
}

#[test]
fn a_promoted_device_may_let_others_in() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let tablet = world.device("tablet");
    alice.link(&tablet, "tablet");
    let phone = world.device("phone");
    assert_eq!(tablet.one(&["account"])["owner"], false);
    assert_eq!(
        tablet.refused(&["approve", "comity-link:AAAA"]).code,
        "not_now"
    );
    let devices = alice.one(&["account"])["devices"].clone();
    alice.act(&["promote-device", devices[1]["device"].as_str().unwrap()]);
    tablet.act(&["sync"]);
    assert_eq!(tablet.one(&["account"])["owner"], true);
    tablet.link(&phone, "phone");
    alice.say("me", "Three of us");
    assert_eq!(phone.history("me"), "> Three of us\n");
    // Who was there before the phone hears what it is called.
    alice.act(&["sync"]);
    let named = |who: &super::Person| -> Vec<String> {
        let devices = who.one(&["account"])["devices"].clone();
        let names = devices.as_array().unwrap().iter();
        names
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    };
    for who in [&alice, &tablet, &phone] {
        assert_eq!(named(who), ["terminal", "tablet", "phone"]);
    }
}

#[test]
fn a_link_code_with_a_slip_is_refused() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let refusal = alice.refused(&["approve", "comity-link:AEHH-IZLT"]);
    assert_eq!(refusal.code, "code_wrong");
}

#[test]
fn two_programs_on_one_store_are_refused() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let screen = alice.watch(&[]);
    let refusal = alice.refused(&["account"]);
    assert_eq!(refusal.code, "store_in_use");
    // As a person is told, by an act, one that wants no connection, and without an act.
    let store = alice.store().display().to_string();
    let words = format!(
        "comity: open: {store} is in use by another comity: two programs on one store would reuse keys (store_in_use)\n"
    );
    for act in [
        &["send", "me", "Hello"][..],
        &["history", "me", "--offline"],
        &[],
    ] {
        let mut second = alice.command();
        second.args(act).stdin(std::process::Stdio::null());
        let ended = second.output().unwrap();
        assert_eq!(String::from_utf8(ended.stderr).unwrap(), words, "{act:?}");
        assert_eq!(ended.stdout, b"", "{act:?}");
        assert_eq!(ended.status.code(), Some(1), "{act:?}");
    }
    drop(screen);
    alice.act(&["account"]);
}
