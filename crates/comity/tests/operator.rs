//! The operator's tool beside a running server: what it shows, and that a report proves itself.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

#[path = "support/mod.rs"]
mod support;

use serde_json::Value;
use support::World;

const ALICE: &str = "+12025550101";
const BOB: &str = "+12025550102";

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap()
}

#[test]
fn a_report_shows_what_was_said_and_that_it_was_said() {
    let world = World::start();
    let (alice, bob) = (world.person("alice", ALICE), world.person("bob", BOB));
    alice.say(BOB, "Hello Bob");
    bob.act(&["requests"]);
    bob.act(&["accept", ALICE]);
    alice.act(&["sync"]);
    alice.say(BOB, "something nasty");
    bob.act(&["sync"]);
    let message = bob.find(ALICE, "something nasty");
    bob.act(&["report", ALICE, &message, "--reason", "insult"]);

    let key = world.moderation_key().display().to_string();
    let report = json(&world.admin(&["reports", "--json", "--key", &key]));
    assert_eq!(report["reason"], "insult");
    let messages = report["messages"].as_array().unwrap();
    let nasty = messages
        .iter()
        .find(|message| message["text"] == "something nasty")
        .unwrap();
    assert_eq!(nasty["genuine"], true, "{nasty}");
    let number = report["report"].to_string();
    world.admin(&["reports", "--key", &key, "--delete", &number]);
    assert_eq!(world.admin(&["reports", "--json", "--key", &key]), "");
}

#[test]
fn accounts_are_counted_shown_suspended_and_backed_up() {
    let mut world = World::start();
    world.person("alice", ALICE);
    let stats = json(&world.admin(&["stats", "--json"]));
    assert_eq!(
        (&stats["accounts"], &stats["devices"]),
        (&1.into(), &1.into())
    );
    let shown = json(&world.admin(&["account", "show", ALICE, "--json"]));
    assert_eq!(shown["suspended"], false);
    let id = shown["account"].as_str().unwrap().to_owned();
    let key = json(&world.admin(&["app-key", "--json"]));
    assert_eq!(key["app_key"].as_str().unwrap().len(), 43);

    world.admin(&["account", "suspend", &id]);
    let shown = json(&world.admin(&["account", "show", &id, "--json"]));
    assert_eq!(shown["suspended"], true);
    world.admin(&["account", "resume", &id]);

    let backup = world.folder().join("backup");
    let backup = backup.display().to_string();
    world.admin(&["backup", &backup]);
    world.stop();
    std::fs::remove_dir_all(world.data()).unwrap();
    let done = json(&world.admin(&["restore", &backup, "--json"]));
    assert_eq!(done["done"], "restore");
    world.restart();
    assert_eq!(json(&world.admin(&["stats", "--json"]))["accounts"], 1);
    assert!(world.folder().join("backup").exists());
}
