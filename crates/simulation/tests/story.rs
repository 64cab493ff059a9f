//! A world in which people sign up and talk, on a good day and on bad ones.

use anyhow::Result;
use comity_simulation::{Faults, World};

fn two_talk(world: &mut World) -> Result<()> {
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.say(bob, alice, "Did you find the score?")?;
    world.settle()?;
    world.say(alice, bob, "Yes.")?;
    world.settle()?;
    assert_eq!(
        world.chat(bob, alice)?,
        "Alice: Hello, this is Alice.\nme: Did you find the score? ✓✓\nAlice: Yes.\n"
    );
    world.nothing_is_wrong()
}

#[test]
fn two_people_talk() -> Result<()> {
    two_talk(&mut World::calm(1)?)
}

#[test]
fn the_same_seed_is_the_same_run() -> Result<()> {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mut world = World::new(3, Faults::WILD)?;
        world.keep_lines();
        let said = two_talk(&mut world);
        runs.push((world.lines().to_vec(), said.is_ok()));
    }
    for (index, (one, other)) in runs[0].0.iter().zip(&runs[1].0).enumerate() {
        assert_eq!(one, other, "line {index}");
    }
    assert_eq!(runs[0].0.len(), runs[1].0.len());
    Ok(())
}
