//! Makes the stored state of a release, for the test that opens it with every later program:
//!
//! ```sh
//! cargo run --package comity --example keep_state -- target/release/comity crates/comity/tests/upgrades/0.1.0.state
//! ```
//!
//! It is made once, with the program that is released, and never changes after that. It holds a
//! server and three devices of two people with a short conversation, a message that waits to be
//! sent, and notes to self. Deliberately absent: attachments, which would not shrink.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)]

#[path = "../tests/upgrades/house.rs"]
#[allow(unreachable_pub, dead_code)]
mod house;
#[path = "../tests/upgrades/packed.rs"]
#[allow(unreachable_pub, dead_code)]
mod packed;

use house::House;
use serde_json::Value;
use std::path::Path;

const ALICE: &str = "+12025550101";
const BOB: &str = "+12025550102";

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
    // What Alice has not fetched when the programs are replaced, and what Bob has not sent.
    house.act("bob", &["send", ALICE, "Still on its way to Alice"]);
    house.close();
    house.timeout_s = 1;
    let queued = house.try_act("bob", &["send", ALICE, "Written offline"]);
    assert!(queued.is_err(), "there is no server: {queued:?}");
}

fn sent(lines: &[Value]) -> String {
    lines[0]["item"]["message"].as_str().unwrap().to_owned()
}
