//! Lies about who is in a conversation.

use crate::screen::{alice_and_bob, screen};
use anyhow::{Context as _, Result};
use comity_simulation::lies::{Ghost, Told};

#[test]
fn a_ghost_that_joins_from_outside_ends_the_conversation_aloud() -> Result<()> {
    let lie = Told::new(Ghost::new());
    let (mut world, alice, bob) = alice_and_bob(lie.clone())?;
    let captured = lie.steer().captured().context("a conversation")?;
    let ghost = captured.entry(&world.address(alice)?)?;
    world.inject(bob, ghost);
    world.run_for(5_000);
    world.say(bob, alice, "Who else is here?")?;
    world.run_for(5_000);
    assert_eq!(screen(&world, bob, alice)?, "");
    assert_eq!(screen(&world, alice, bob)?, "");
    Ok(())
}
