//! A server that tells two stories: two branches of one log, two commits of one epoch, and a log that
//! went back to an earlier state.

use crate::screen::{alice_and_bob, screen, told};
use anyhow::Result;
use comity_simulation::lies::{Fork, TwoWinners};
use comity_simulation::{Honest, Who, World};

/// Says it, and lets all come to rest.
fn say(world: &mut World, from: Who, to: Who, text: &str) -> Result<()> {
    world.say(from, to, text)?;
    world.settle()
}

#[test]
fn two_branches_show_when_they_are_told_as_one() -> Result<()> {
    let lie = told(Fork::new("Bob"));
    let (mut world, alice, bob) = alice_and_bob(lie.clone())?;
    lie.lock().unwrap().part();
    world.say(alice, bob, "Pay him.")?;
    world.run_for(2_000);
    world.say(bob, alice, "Whom?")?;
    world.run_for(2_000);
    // Apart, each branch is one whose other side says nothing.
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
me: Whom?
"
    );
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
me: Pay him.
"
    );
    lie.lock().unwrap().join();
    say(&mut world, alice, bob, "Did you?")?;
    say(&mut world, bob, alice, "What?")?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
me: Whom?
— someone saw other messages here than you did: the server may have dropped or changed some
Alice: Did you?
me: What?
— warning: someone saw other messages here than you did: the server may have dropped or changed some
"
    );
    // What Bob saw begins before Alice came in: his words she can not compare yet.
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
me: Pay him.
me: Did you?
Bob: What?
"
    );
    Ok(())
}

#[test]
fn two_winners_show_and_heal() -> Result<()> {
    let lie = told(TwoWinners::new("Bob"));
    let (mut world, alice, bob) = alice_and_bob(lie.clone())?;
    lie.lock().unwrap().arm();
    world.link(alice, "Alice's tablet")?;
    world.run_for(5_000);
    world.link(bob, "Bob's laptop")?;
    assert!(world.run_until(60_000, |_| lie.lock().unwrap().is_told()));
    world.say(alice, bob, "Are we alone?")?;
    world.run_for(5_000);
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
— this conversation was repaired
— Alice uses a new device
Alice: Are we alone?
— warning: the server may have told you and others two different stories; the conversation is being repaired
"
    );
    world.settle()?;
    say(&mut world, alice, bob, "Again: are we alone?")?;
    say(&mut world, bob, alice, "We are now.")?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
— this conversation was repaired
— Alice uses a new device
Alice: Are we alone?
Alice: Again: are we alone?
me: We are now.
— warning: the server may have told you and others two different stories; the conversation is being repaired
"
    );
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
me: Are we alone?
— Bob uses a new device
me: Again: are we alone?
Bob: We are now.
"
    );
    Ok(())
}

#[test]
fn a_server_that_goes_back_in_time_is_told_of() -> Result<()> {
    let (mut world, alice, bob) = alice_and_bob(Honest)?;
    say(&mut world, alice, bob, "Meet me at six.")?;
    let before = world.hub_snapshot();
    say(&mut world, alice, bob, "No, at seven.")?;
    say(&mut world, bob, alice, "At seven.")?;
    world.hub_restore(&before)?;
    world.run_for(60_000);
    world.settle()?;
    say(&mut world, bob, alice, "Are you there?")?;
    say(&mut world, alice, bob, "I am.")?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
Alice: Meet me at six.
Alice: No, at seven.
me: At seven.
— the server has something else now in the place of what it gave this device: it went back to an earlier state, or tells two stories
— this conversation was repaired
— some messages may be missing here: this device did not get them in time. What others still give of them is put here
me: Are you there?
Alice: I am.
— warning: the server has something else now in the place of what it gave this device: it went back to an earlier state, or tells two stories
"
    );
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
me: Meet me at six.
me: No, at seven.
Bob: At seven.
— the server lost or hid the newest messages of this conversation: it went back to an earlier state
— this conversation was repaired
— some messages may be missing here: this device did not get them in time. What others still give of them is put here
Bob: Are you there?
me: I am.
— warning: the server lost or hid the newest messages of a conversation
"
    );
    Ok(())
}

#[test]
fn who_writes_first_after_the_server_went_back_notices_by_the_place_of_the_message() -> Result<()> {
    let (mut world, alice, bob) = alice_and_bob(Honest)?;
    say(&mut world, alice, bob, "Meet me at six.")?;
    world.run_for(60_000);
    let before = world.hub_snapshot();
    say(&mut world, alice, bob, "No, at seven.")?;
    world.hub_restore(&before)?;
    world.say(alice, bob, "Are you there?")?;
    world.run_for(60_000);
    world.settle()?;
    say(&mut world, bob, alice, "I am.")?;
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
me: Meet me at six.
me: No, at seven.
— the server lost or hid the newest messages of this conversation: it went back to an earlier state
— this conversation was repaired
me: Are you there?
Bob: I am.
— warning: the server lost or hid the newest messages of a conversation
"
    );
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
Alice: Meet me at six.
Alice: No, at seven.
— the server has something else now in the place of what it gave this device: it went back to an earlier state, or tells two stories
— this conversation was repaired
— some messages may be missing here: this device did not get them in time. What others still give of them is put here
Alice: Are you there?
me: I am.
— warning: the server has something else now in the place of what it gave this device: it went back to an earlier state, or tells two stories
"
    );
    Ok(())
}
