//! Makes the stored state of a release, for the test that opens it with every later program:
//!
//! ```sh
//! cargo run --package comity --example keep_state -- target/release/comity crates/comity/tests/upgrades/VERSION.state
//! ```
//!
//! It is made once, with the program that is released, and never changes after that. It holds a
//! server and four devices of three people: a short conversation, a message that waits to be sent,
//! and notes to self; a group of all with a name, a picture, a timer and an invitation link, in which
//! one of them misses a line and has asked for it, and another waits to say one; and a group that one
//! of them wants to leave. Deliberately absent: files in messages, which would not shrink.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

#[path = "../tests/support/folder.rs"]
#[allow(unreachable_pub)]
mod folder;
#[path = "../tests/upgrades/house.rs"]
#[allow(unreachable_pub, dead_code)]
mod house;
#[path = "../tests/upgrades/packed.rs"]
#[allow(unreachable_pub, dead_code)]
mod packed;

use folder::copy;
use house::House;
use serde_json::Value;
use std::path::Path;

const ALICE: &str = "+12025550101";
const BOB: &str = "+12025550102";
const CAROL: &str = "+12025550103";
/// The group's picture.
const PHOTO: &[u8] = b"a small picture";

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, program, out] = arguments.as_slice() else {
        let name = arguments.first().map_or("keep_state", String::as_str);
        std::io::Write::write_all(
            &mut std::io::stderr(),
            format!("usage: {name} PROGRAM FILE\n").as_bytes(),
        )
        .unwrap();
        std::process::exit(2);
    };
    let program = std::fs::canonicalize(program).unwrap();
    let folder = tempfile::tempdir().unwrap();
    live(&program, folder.path());
    std::fs::write(out, packed::pack(folder.path())).unwrap();
}

fn live(program: &Path, folder: &Path) {
    let mut house = House::new(program, folder, None);
    house.open();
    house.register("alice", ALICE, "Alice");
    house.register("bob", BOB, "Bob");
    house.act("alice", &["send", BOB, "Hello Bob"]);
    house.act("bob", &["accept", ALICE]);
    house.act("alice", &["sync"]);
    let score = sent(&house.act("bob", &["send", ALICE, "Did you find the score?"]));
    house.act("alice", &["sync"]);
    house.act("alice", &["send", BOB, "Yes, here", "--reply", &score]);
    house.act("alice", &["react", BOB, &score, "🎶"]);
    let time = sent(&house.act("bob", &["send", ALICE, "Rehearsal at five"]));
    house.act("bob", &["edit", ALICE, &time, "Rehearsal at six"]);
    let wrong = sent(&house.act("bob", &["send", ALICE, "Not for you"]));
    house.act("bob", &["delete", ALICE, &wrong]);
    house.act("alice", &["send", "me", "Buy milk"]);
    house.link("alice", "tablet");
    house.act("tablet", &["send", BOB, "From the tablet"]);
    house.act("bob", &["read", ALICE]);
    sing(&house, folder);
    // What Alice has not fetched when the programs are replaced, and what Bob has not sent.
    house.act("bob", &["send", ALICE, "Still on its way to Alice"]);
    house.close();
    house.timeout_s = 1;
    for (to, text) in [
        (ALICE, "Written offline"),
        ("Choir", "Written offline to all"),
    ] {
        let queued = house.act("bob", &["send", to, text]);
        assert_eq!(queued[0]["queued"], true, "there is no server: {queued:?}");
    }
}

/// The groups.
fn sing(house: &House, folder: &Path) {
    house.register("carol", CAROL, "Carol");
    house.act("carol", &["send", ALICE, "Hello Alice"]);
    house.act("alice", &["accept", CAROL]);
    house.act("carol", &["sync"]);
    house.act("alice", &["group-create", "Band", CAROL]);
    house.act("carol", &["sync"]);
    house.act("alice", &["group-create", "Choir", BOB, CAROL]);
    let photo = folder.join("choir.png");
    std::fs::write(&photo, PHOTO).unwrap();
    let photo = photo.display().to_string();
    let details = ["--description", "Tuesdays", "--timer", "4w", "--photo"];
    house.act(
        "alice",
        &[&["group-set", "Choir"], &details[..], &[&photo]].concat(),
    );
    house.act("alice", &["group-link", "Choir"]);
    let score = sent(&house.act("bob", &["send", "Choir", "I bring the score"]));
    house.act("tablet", &["sync"]);
    house.act(
        "tablet",
        &["send", "Choir", "And I the wine", "--reply", &score],
    );
    house.act("carol", &["react", "Choir", &score, "🎶"]);
    house.act("carol", &["read", "Choir"]);
    // Carol's store is put back to an older copy: she comes in anew, and asks for what she forgot.
    // Nobody is there who could answer.
    let (store, older) = (folder.join("carol"), folder.join("older"));
    copy(&store, &older);
    house.act("alice", &["send", "Choir", "Who has the key?"]);
    // When all have it the server has it no more.
    for device in ["tablet", "bob", "carol"] {
        house.act(device, &["sync", "--stay", "1"]);
    }
    std::fs::remove_dir_all(&store).unwrap();
    copy(&older, &store);
    if house.try_act("carol", &["sync", "--stay", "2"]).is_err() {
        // It was used elsewhere.
        house.act("carol", &["go-on-here"]);
        house.act("carol", &["sync", "--stay", "2"]);
    }
    let lines = house.act("carol", &["history", "Choir", "--offline"]);
    let stands = |text: &str| lines.iter().any(|line| line["text"] == text);
    assert!(stands("gap") && !stands("Who has the key?"), "{lines:#?}");
    // Nobody has taken her out yet.
    house.act("carol", &["group-leave", "Band"]);
}

fn sent(lines: &[Value]) -> String {
    lines[0]["item"]["message"].as_str().unwrap().to_owned()
}
