//! Lies about who is in a conversation.

use crate::screen::{alice_and_bob, screen, told};
use anyhow::{Context as _, Result};
use comity_simulation::lies::Ghost;

#[test]
fn a_ghost_that_joins_from_outside_ends_the_conversation_aloud() -> Result<()> {
    let lie = told(Ghost::new());
    let (mut world, alice, bob) = alice_and_bob(lie.clone())?;
    let captured = lie.lock().unwrap().captured().context("a conversation")?;
    let ghost = captured.entry(&world.address(alice)?)?;
    world.inject(bob, ghost);
    world.run_for(5_000);
    let refused = world.say(bob, alice, "Who else is here?").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the app changed this conversation against its rules: nothing is sent"
    );
    world.run_for(5_000);
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
— the server changed this conversation against its rules (a device is not in its account's manifest): nothing more is sent or read here
— warning: the server accepted a change of a conversation that breaks its rules; it is refused
"
    );
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
"
    );
    Ok(())
}
