//! What two people say to each other.

use super::support::World;

const ALICE: &str = "+12025550101";
const BOB: &str = "+12025550102";

#[test]
fn two_people_talk() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let bob = world.person("bob", BOB);
    alice.say(BOB, "Hello Bob");
    assert_eq!(bob.one(&["requests"])["text"], "Hello Bob");
    bob.act(&["accept", ALICE]);
    bob.say(ALICE, "Hello Alice");
    assert_eq!(alice.history(BOB), "");
    assert_eq!(bob.history(ALICE), "");
}
