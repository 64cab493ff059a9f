//! One-to-one conversations between terminal clients, told as stories, and the fields of every
//! `--json` answer.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]

#[path = "terminal_client/accounts.rs"]
mod accounts;
#[path = "terminal_client/codes.rs"]
mod codes;
#[path = "terminal_client/devices.rs"]
mod devices;
#[path = "terminal_client/events.rs"]
mod events;
#[path = "terminal_client/files.rs"]
mod files;
#[path = "terminal_client/group_talk.rs"]
mod group_talk;
#[path = "terminal_client/groups.rs"]
mod groups;
#[path = "terminal_client/healing.rs"]
mod healing;
#[path = "terminal_client/hostile.rs"]
mod hostile;
#[path = "terminal_client/past.rs"]
mod past;
#[path = "terminal_client/saying.rs"]
mod saying;
#[path = "terminal_client/screen.rs"]
mod screen;
#[path = "terminal_client/shapes.rs"]
mod shapes;
#[path = "support/mod.rs"]
mod support;
#[path = "terminal_client/talk.rs"]
mod talk;
#[path = "terminal_client/typed.rs"]
mod typed;
#[path = "terminal_client/unanswered.rs"]
mod unanswered;
#[path = "terminal_client/vanishing.rs"]
mod vanishing;

use support::{Person, World};

const ALICE: &str = "+12025550101";
const BOB: &str = "+12025550102";
const CAROL: &str = "+12025550103";

/// Alice and Bob, who talk already.
fn alice_and_bob(world: &World) -> (Person, Person) {
    let alice = world.person("alice", ALICE);
    let bob = world.person("bob", BOB);
    alice.say(BOB, "Hello Bob");
    bob.act(&["requests"]);
    bob.act(&["accept", ALICE]);
    alice.act(&["sync"]);
    (alice, bob)
}
