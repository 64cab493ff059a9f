//! The client's own codes, each where the document says that it comes; and what is only queued.

use super::support::World;
use super::{ALICE, BOB, alice_and_bob};

#[test]
fn each_refusal_has_its_code() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let code = |act: &[&str]| alice.refused(act).code;
    assert_eq!(code(&["no-such-act"]), "usage");
    assert_eq!(code(&["send", BOB]), "usage", "a text is missing");
    assert_eq!(code(&["send", "Nobody", "Hello"]), "not_found");
    assert_eq!(code(&["file", BOB, "/no/such/file"]), "source_gone");
    let message = bob.say(ALICE, "Now?");
    alice.act(&["sync"]);
    for emoji in ["ab", "👍👍", "yes", "1"] {
        assert_eq!(
            code(&["react", BOB, &message, emoji]),
            "malformed",
            "{emoji}"
        );
    }
    for emoji in ["👩‍👩‍👧", "1️⃣", "🇪🇺", "ℹ️", ""] {
        alice.act(&["react", BOB, &message, emoji]);
    }
    let file = world.folder().join("file.txt");
    std::fs::write(&file, "text").unwrap();
    let file = file.display().to_string();
    assert_eq!(code(&["save", BOB, &message, &file]), "exists");
    let new = world.folder().join("new.txt").display().to_string();
    let refusal = alice.refused(&["save", BOB, &message, &new]);
    assert_eq!(refusal.code, "not_found");
    assert!(refusal.message.contains("no file"), "{refusal:?}");
    let refusal = alice.refused(&["profile", "--photo", &file]);
    assert_eq!(refusal.code, "refused");
    assert!(refusal.message.contains("JPEG"), "{refusal:?}");
    alice.act(&["group-create", "Choir"]);
    let refusal = alice.refused(&["group-remove", "Choir", "me"]);
    assert!(refusal.message.contains("group-leave Choir"), "{refusal:?}");
    assert_eq!(alice.one(&["timer", "Choir", "1w"])["timer_s"], 604_800);
    assert_eq!(code(&[]), "usage", "a screen has no JSON");
    // No clock goes so far.
    let ever = u64::MAX.to_string();
    for act in [
        ["watch", "--seconds", &ever],
        ["sync", "--stay", &ever],
        ["link", "--timeout", &ever],
    ] {
        let refusal = alice.refused(&act);
        assert_eq!(refusal.code, "usage", "{refusal:?}");
        assert!(refusal.message.contains(act[1]), "{refusal:?}");
    }
    // Bytes that are no text are an act that is not written as it is to be.
    let odd = std::os::unix::ffi::OsStringExt::from_vec(vec![b'a', 0xFF]);
    let odd: std::ffi::OsString = odd;
    let ended = alice
        .command()
        .args(["send", BOB, "--json"])
        .arg(odd)
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let told: serde_json::Value = serde_json::from_slice(&ended.stdout).unwrap();
    assert_eq!(told["error"], "usage");
    // Options of the store stand behind the act as well; a new store wants a passphrase that is one.
    let mut act = std::process::Command::new(env!("CARGO_BIN_EXE_comity"));
    act.args(["chat", "account", "--offline", "--json", "--store"]);
    let told = |act: &mut std::process::Command| -> serde_json::Value {
        serde_json::from_slice(&act.output().unwrap().stdout).unwrap()
    };
    act.arg(alice.store()).env("COMITY_PASSPHRASE", "wrong");
    assert_eq!(told(&mut act)["error"], "passphrase_wrong");
    let fresh = world.device("fresh");
    let mut act = fresh.command();
    act.args(["sync", "--json"]).env("COMITY_PASSPHRASE", "a");
    assert_eq!(told(&mut act)["error"], "usage");
    // A server's address that is none says how one is written.
    for server in [
        "chat.example",
        "chat.example:443",
        "ftp://chat.example",
        "http://chat.example",
    ] {
        let mut act = std::process::Command::new(env!("CARGO_BIN_EXE_comity"));
        act.args(["chat", "sync", "--json", "--server", server, "--store"])
            .arg(world.folder().join("people").join("new"));
        let told = told(act.env("COMITY_PASSPHRASE", "correct horse"));
        assert_eq!(told["error"], "usage", "{server}: {told}");
        assert!(
            told["message"].as_str().unwrap().contains("https"),
            "{told}"
        );
    }
    let nowhere = World::start().device("nowhere");
    assert_eq!(
        nowhere.refused(&["request-code", ALICE]).code,
        "unreachable"
    );
}

#[test]
fn a_folder_of_others_is_left_as_it_is() {
    use std::os::unix::fs::PermissionsExt as _;
    let world = World::start();
    let folder = world.folder().join("shared");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("letter.txt"), "Dear all").unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&folder, open).unwrap();
    let mut act = std::process::Command::new(env!("CARGO_BIN_EXE_comity"));
    act.args(["chat", "account", "--offline", "--json", "--store"])
        .arg(&folder);
    let told: serde_json::Value = serde_json::from_slice(&act.output().unwrap().stdout).unwrap();
    assert_eq!(told["error"], "not_a_store", "{told}");
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o755);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);

    // Settings that can not be read are not taken for none.
    let alice = world.person("alice", ALICE);
    let settings = alice.store().join("settings.toml");
    let good = std::fs::read(&settings).unwrap();
    for bad in [&b"\xff\xfe"[..], b"no = = toml"] {
        std::fs::write(&settings, bad).unwrap();
        assert_ne!(alice.refused(&["account"]).code, "failed");
        assert_eq!(std::fs::read(&settings).unwrap(), bad);
    }
    std::fs::write(&settings, good).unwrap();
    alice.act(&["sync"]);
}

#[test]
fn what_waits_is_kept_and_goes_out_once() {
    let mut world = World::start();
    let alice = world.person("alice", ALICE);
    let bob = world.person("bob", BOB);
    let first = alice.one(&["send", BOB, "Hello Bob"]);
    assert_eq!(first["queued"], false);
    assert!(first["item"]["seq"].is_null(), "a request stands in no log");
    let second = alice.one(&["send", BOB, "Are you there?"]);
    assert_eq!(second["queued"], true);
    assert_eq!(second["waits_for"], "not_accepted");
    // Also who accepts without a look at the requests knows whose number it is.
    bob.act(&["accept", "alice"]);
    assert_eq!(bob.one(&["contacts"])["number"], ALICE);
    alice.act(&["sync"]);
    assert_eq!(bob.history(ALICE), "< Hello Bob\n< Are you there?\n");
    world.stop();
    let third = alice.one(&["send", BOB, "Into the void"]);
    assert_eq!(third["queued"], true);
    assert_eq!(third["waits_for"], "unreachable");
    let id = third["item"]["message"].as_str().unwrap();
    let here = alice.act(&["conversations"]);
    assert!(here.iter().any(|one| one["kind"] == "direct"), "{here:?}");
    assert_eq!(alice.refused(&["sync"]).code, "unreachable");
    world.restart();
    // Said again under its name, it is said once.
    let again = alice.one(&["send", BOB, "Into the void", "--id", id]);
    assert_eq!(again["queued"], false);
    let told = "< Hello Bob\n< Are you there?\n< Into the void\n";
    assert_eq!(bob.history(ALICE), told);
    bob.act(&["read", ALICE]);
    alice.act(&["sync"]);
    for line in alice.act(&["history", BOB]) {
        assert_eq!(line["status"], "read", "{line}");
    }
}
