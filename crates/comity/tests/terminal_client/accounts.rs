//! Numbers, locks, recovery, deletion.

use super::support::World;
use super::{ALICE, BOB, alice_and_bob};
use serde_json::json;

#[test]
fn a_lost_phone_is_replaced_by_twelve_words() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    bob.say(ALICE, "See you");
    alice.act(&["read", BOB]);
    alice.act(&["profile", "--about", "In the hills"]);
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
    // Bob's phone saw that Alice began anew, and told her again who he is.
    let contact = phone.one(&["contacts"]);
    assert_eq!(contact["name"], "bob", "{contact}");
    // Her profile was sealed under a key that the words bring back.
    let account = phone.one(&["account"]);
    assert_eq!(
        (&account["name"], &account["about"]),
        (&json!("alice"), &json!("In the hills")),
    );
    bob.act(&["lookup", ALICE]);
    let contact = bob.one(&["contacts"]);
    assert_eq!(contact["name"], "alice", "{contact}");
    assert_eq!(contact["about"], "In the hills", "{contact}");
}

#[test]
fn who_recovers_an_account_is_seen_on_its_other_devices() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let tablet = world.device("tablet");
    alice.link(&tablet, "tablet");
    tablet.act(&["sync"]);
    let phrase = alice.one(&["recovery-phrase"])["phrase"].clone();
    let mut screen = alice.watch(&[]);
    let thief = world.device("thief");
    thief.register(ALICE, &["--recover", phrase.as_str().unwrap()]);
    let warned = screen.until(|line| line["code"] == "device_recovered");
    assert_eq!(warned["event"], "warning");
    let changed = screen.event("devices_changed");
    let own = thief.one(&["account"]);
    assert_eq!(changed["address"], own["address"]);
    assert_eq!(changed["added"], json!([own["device"]]));
    drop(screen);
    // For later, too, and on the device that was away.
    for who in [&alice, &tablet] {
        who.act(&["sync"]);
        assert_eq!(who.history("me"), "* device_recovered\n", "{}", who.name());
    }
    let shown = alice.screen(&["history", "me"]);
    assert!(
        shown.contains("your account was recovered with its phrase, on a new device"),
        "{shown}"
    );
    // A device that is let in is told of otherwise, and not where it was let in.
    let phone = world.device("phone");
    alice.link(&phone, "phone");
    tablet.act(&["sync"]);
    assert_eq!(alice.history("me"), "* device_recovered\n");
    assert_eq!(tablet.history("me"), "* device_recovered\n* device_added\n");
    drop(bob);
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
    let refusal = thief.refused(&act);
    assert_eq!(refusal.code, "registration_locked");
    assert!(
        refusal.message.contains("--lock-passphrase opens it"),
        "{refusal:?}"
    );
    let guess = [&act[..], &["--lock-passphrase", "open barley"]].concat();
    let refusal = world.device("thief 2").refused(&guess);
    assert_eq!(refusal.code, "registration_locked");
    assert!(refusal.message.contains("is another one"), "{refusal:?}");
    alice.act(&["account"]);
    alice.say("me", "Still mine");
    assert_eq!(alice.refused(&["lock"]).code, "usage", "it goes when told");
    alice.act(&["lock", "--off"]);
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
    let tablet = world.device("tablet");
    alice.link(&tablet, "tablet");
    tablet.act(&["sync"]);
    assert_eq!(tablet.history(BOB), "> Hello Bob\n");
    alice.act(&["delete-account", "--yes"]);
    // However soon the app says it, and whatever was asked for: nothing waits for its time to be over.
    for _ in 0..4 {
        assert_eq!(tablet.refused(&["sync"]).code, "account_gone");
        let said = tablet.one(&["send", BOB, "Still me"]);
        assert_eq!(said["waits_for"], "account_gone");
        for act in [["read", BOB], ["history", BOB]] {
            let ended = tablet.command().args(act).output().unwrap();
            let complaint = String::from_utf8(ended.stderr).unwrap();
            assert!(complaint.contains("(account_gone)"), "{act:?}: {complaint}");
        }
    }
    assert!(
        tablet.history(BOB).starts_with("> Hello Bob\n"),
        "what is here stays readable"
    );
    assert!(!alice.store().join("store.db").exists());
    assert_eq!(bob.refused(&["lookup", ALICE]).code, "not_found");
    // Who talked to her hears of it, and does not wait for what never comes.
    bob.act(&["sync"]);
    let refusal = bob.refused(&["send", ALICE, "Are you there?"]);
    assert_eq!(refusal.code, "account_gone", "{refusal:?}");
    bob.act(&["sync"]);
    assert!(bob.history(ALICE).contains("* account_gone\n"));
    assert!(world.admin(&["stats", "--json"]).contains("\"accounts\":1"));
    // The number is free: who signs up with it is somebody new.
    let heir = world.device("heir");
    heir.register(ALICE, &["--name", "Heir"]);
    assert_eq!(bob.history("#2").lines().next(), Some("< Hello Bob"));
}

#[test]
fn a_number_of_somebody_else_is_not_taken_by_the_way() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    bob.act(&["lock", "open sesame"]);
    let code = alice.code_command();
    let act = ["change-number", BOB, "--code-command", &code];
    let refusal = alice.refused(&act);
    assert_eq!(refusal.code, "number_taken", "{refusal:?}");
    assert_eq!(alice.one(&["account"])["number"], ALICE);
    let act = [&act[..], &["--take-over"]].concat();
    assert_eq!(alice.refused(&act).code, "registration_locked");
    let act = [&act[..], &["--lock-passphrase", "open sesame"]].concat();
    let mut screen = bob.watch(&[]);
    alice.act(&act);
    assert_eq!(alice.one(&["account"])["number"], BOB);
    // Who lost it is told, at once and for later.
    assert_eq!(screen.event("number_lost")["number"], BOB);
    screen.kill9();
    assert_eq!(bob.one(&["account"])["number"], "");
    assert_eq!(bob.history("me"), "* number_lost\n");
    bob.say(
        alice.one(&["account"])["address"].as_str().unwrap(),
        "That was mine",
    );
}

#[test]
fn a_code_is_ordered_first_and_given_later() {
    let world = World::start();
    let alice = world.device("alice");
    let refusal = alice.refused(&["register", ALICE, "--code", "123456"]);
    assert_eq!(refusal.code, "not_now", "no code is wasted: {refusal:?}");
    assert_eq!(alice.one(&["request-code", ALICE])["number"], ALICE);
    let codes = world.admin(&["codes", "--number", ALICE]);
    let code = codes.trim();
    let wrong = if code == "000000" { "000001" } else { "000000" };
    let refusal = alice.refused(&["register", ALICE, "--code", wrong]);
    assert_eq!(refusal.code, "code_wrong", "{refusal:?}");
    // The same code still holds, as people write it.
    let written = format!(" {} - {} ", &code[..3], &code[3..]);
    let ready = alice.one(&["register", ALICE, "--name", "Alice", "--code", &written]);
    assert_eq!(ready["number"], ALICE);
    assert_eq!(world.admin(&["codes", "--number", ALICE]).trim(), code);
}

#[test]
fn a_wrong_code_is_refused() {
    let world = World::start();
    let alice = world.device("alice");
    let refusal = alice.refused(&["request-code", "+1202555"]);
    assert_eq!(refusal.code, "number_invalid");
    let refusal = world.device("typist").refused(&["register", "0151 2345"]);
    assert_eq!(refusal.code, "number_invalid");
    assert!(
        !world.device("typist").store().exists(),
        "nothing was begun"
    );
    let refusal = alice.refused(&["register", ALICE]);
    assert_eq!(refusal.code, "usage", "nowhere to type it: {refusal:?}");
    assert_eq!(world.device("nobody").refused(&["sync"]).code, "not_now");
}
