//! Numbers, locks, recovery, deletion.

use super::support::World;
use super::{ALICE, BOB, alice_and_bob};

#[test]
fn a_lost_phone_is_replaced_by_twelve_words() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    bob.say(ALICE, "See you");
    alice.act(&["read", BOB]);
    let phrase = alice.one(&["recovery-phrase"])["phrase"].clone();
    let phrase = phrase.as_str().unwrap();
    assert_eq!(phrase.split(' ').count(), 12);
    let address = alice.one(&["account"])["address"].clone();

    let phone = world.device("new phone");
    let code = phone.code_command();
    let wrong = "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about";
    let refusal = phone.refused(&[
        "register",
        ALICE,
        "--code-command",
        &code,
        "--recover",
        wrong,
    ]);
    assert_eq!(refusal.code, "phrase_wrong", "{refusal:?}");
    let phone = world.device("newer phone");
    let ready = phone.register(ALICE, &["--recover", phrase]);
    assert_eq!(ready["address"], address, "the same account");
    phone.say(BOB, "New phone, same me");
    bob.say(ALICE, "Welcome back");
    let history = bob.history(ALICE);
    assert!(
        history.contains("< New phone, same me\n") && history.ends_with("> Welcome back\n"),
        "{history}"
    );
    let history = phone.history(BOB);
    assert!(
        history.contains("> New phone, same me\n") && history.ends_with("< Welcome back\n"),
        "{history}"
    );
    assert!(!history.contains('!'), "nothing unreadable: {history}");
    let contact = bob.one(&["contacts"]);
    assert_eq!(contact["number_moved"], false);
}

#[test]
fn a_number_that_somebody_else_got_is_a_new_account() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let old = alice.one(&["account"])["address"].clone();
    let stranger = world.device("stranger");
    let refusal = stranger.refused(&[
        "register",
        ALICE,
        "--code-command",
        &stranger.code_command(),
    ]);
    assert_eq!(refusal.code, "number_taken", "{refusal:?}");
    let stranger = world.device("stranger again");
    let ready = stranger.register(ALICE, &["--name", "Stranger", "--take-over"]);
    assert_ne!(ready["address"], old, "a new account");
    let history = bob.history(old.as_str().unwrap());
    assert_eq!(history, "< Hello Bob\n* number_moved\n");
    let known = bob.act(&["contacts"]);
    assert_eq!(known[0]["number_moved"], true);
    let refusal = bob.refused(&["send", old.as_str().unwrap(), "Alice, are you there?"]);
    assert_eq!(refusal.code, "refused", "it does not continue: {refusal:?}");
    // The number is the stranger's now: a new conversation, by request.
    bob.say(ALICE, "Who are you?");
    assert_eq!(stranger.one(&["requests"])["text"], "Who are you?");
}

#[test]
fn a_registration_lock_refuses_who_does_not_know_the_passphrase() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    alice.act(&["lock", "open sesame"]);
    let thief = world.device("thief");
    let code = thief.code_command();
    let act = ["register", ALICE, "--code-command", &code, "--take-over"];
    assert_eq!(thief.refused(&act).code, "registration_locked");
    let guess = [&act[..], &["--lock-passphrase", "open barley"]].concat();
    assert_eq!(
        world.device("thief 2").refused(&guess).code,
        "registration_locked"
    );
    alice.act(&["account"]);
    alice.say("me", "Still mine");
    alice.act(&["lock"]);
    let act = ["--take-over", "--name", "New"];
    world.device("heir").register(ALICE, &act);
}

#[test]
fn a_changed_number_keeps_everything() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let address = alice.one(&["account"])["address"].clone();
    let new = "+12025550199";
    let code = alice.code_command();
    alice.act(&["change-number", new, "--code-command", &code]);
    let account = alice.one(&["account"]);
    assert_eq!(account["number"], new);
    assert_eq!(account["address"], address);
    alice.say(BOB, "I have a new number");
    bob.say(address.as_str().unwrap(), "So I see");
    assert_eq!(bob.one(&["lookup", new])["address"], address);
    assert_eq!(bob.refused(&["lookup", ALICE]).code, "not_found");
    assert_eq!(
        alice.history(BOB),
        "> Hello Bob\n> I have a new number\n< So I see\n"
    );
}

#[test]
fn a_deleted_account_is_gone() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    alice.act(&["delete-account", "--yes"]);
    assert!(!alice.store().join("store.db").exists());
    assert_eq!(bob.refused(&["lookup", ALICE]).code, "not_found");
    assert!(world.admin(&["stats", "--json"]).contains("\"accounts\":1"));
    // The number is free: who signs up with it is somebody new.
    let heir = world.device("heir");
    heir.register(ALICE, &["--name", "Heir"]);
    assert_eq!(bob.history("#2").lines().next(), Some("< Hello Bob"));
}

#[test]
fn a_wrong_code_is_refused() {
    let world = World::start();
    let alice = world.device("alice");
    let refusal = alice.refused(&["register", ALICE, "--code", "000000x"]);
    assert!(
        refusal.code == "code_wrong" || refusal.code == "malformed",
        "{refusal:?}"
    );
    let refusal = alice.refused(&["register", "+1202555", "--code", "123456"]);
    assert_eq!(refusal.code, "number_invalid");
    assert_eq!(world.device("nobody").refused(&["sync"]).code, "failed");
}
