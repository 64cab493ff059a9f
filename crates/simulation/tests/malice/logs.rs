//! Lies about a conversation's log.

use crate::screen::{alice_and_bob, screen, told};
use anyhow::Result;
use comity_simulation::lies::{How, Log, TwoWinners};
use comity_simulation::{Who, World};
use std::sync::{Arc, Mutex};

/// Alice and Bob; to Bob the log is told as the lie has it.
fn told_to_bob() -> Result<(Arc<Mutex<Log>>, World, Who, Who)> {
    let lie = told(Log::new("Bob"));
    let (world, alice, bob) = alice_and_bob(lie.clone())?;
    Ok((lie, world, alice, bob))
}

/// Says it, and lets all come to rest.
fn say(world: &mut World, from: Who, to: Who, text: &str) -> Result<()> {
    world.say(from, to, text)?;
    world.settle()
}

#[test]
fn a_message_that_was_left_out_shows_with_the_next_one() -> Result<()> {
    let (lie, mut world, alice, bob) = told_to_bob()?;
    say(&mut world, alice, bob, "Meet me at six.")?;
    lie.lock().unwrap().tell(How::Drop);
    say(&mut world, alice, bob, "No, at seven.")?;
    say(&mut world, alice, bob, "And bring the score.")?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
Alice: Meet me at six.
— someone saw other messages here than you did: the server may have dropped or changed some
Alice: And bring the score.
— warning: someone saw other messages here than you did: the server may have dropped or changed some
"
    );
    Ok(())
}

#[test]
fn messages_that_changed_places_show_with_the_next_one() -> Result<()> {
    let (lie, mut world, alice, bob) = told_to_bob()?;
    lie.lock().unwrap().tell(How::Reorder);
    say(&mut world, alice, bob, "Not at six.")?;
    say(&mut world, alice, bob, "At seven.")?;
    say(&mut world, alice, bob, "And bring the score.")?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
— someone saw other messages here than you did: the server may have dropped or changed some
Alice: At seven.
Alice: Not at six.
Alice: And bring the score.
— warning: someone saw other messages here than you did: the server may have dropped or changed some
"
    );
    Ok(())
}

#[test]
fn a_message_that_is_told_twice_is_not_read_twice() -> Result<()> {
    let (lie, mut world, alice, bob) = told_to_bob()?;
    say(&mut world, alice, bob, "Pay ten pounds.")?;
    lie.lock().unwrap().tell(How::Replay);
    say(&mut world, alice, bob, "Thanks.")?;
    say(&mut world, alice, bob, "See you.")?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
Alice: Pay ten pounds.
Alice: Thanks.
— someone saw other messages here than you did: the server may have dropped or changed some
Alice: See you.
— warning: the server gave something a second time; it is not shown again
— warning: someone saw other messages here than you did: the server may have dropped or changed some
"
    );
    Ok(())
}

#[test]
fn a_tail_that_is_kept_back_equals_delay() -> Result<()> {
    let (lie, mut world, alice, bob) = told_to_bob()?;
    say(&mut world, alice, bob, "Meet me at six.")?;
    lie.lock().unwrap().tell(How::WithholdTail);
    say(&mut world, alice, bob, "No, at seven.")?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
Alice: Meet me at six.
"
    );
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
me: Meet me at six.
me: No, at seven.
"
    );
    // When the server thinks better of it, nothing is missing.
    lie.lock().unwrap().stop();
    say(&mut world, alice, bob, "Do you read me?")?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
Alice: Meet me at six.
Alice: No, at seven.
Alice: Do you read me?
"
    );
    Ok(())
}

#[test]
fn a_message_that_is_kept_back_from_the_middle_is_missed() -> Result<()> {
    let (lie, mut world, alice, bob) = told_to_bob()?;
    lie.lock().unwrap().tell(How::Withhold);
    world.say(alice, bob, "Not at six.")?;
    world.run_for(2_000);
    world.say(alice, bob, "At seven.")?;
    world.run_for(60_000);
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
— the server keeps back messages of this conversation: nothing after them is shown
— warning: the server keeps back messages of a conversation
"
    );
    lie.lock().unwrap().stop();
    world.settle()?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
— the server keeps back messages of this conversation: nothing after them is shown
Alice: Not at six.
Alice: At seven.
— warning: the server keeps back messages of a conversation
"
    );
    Ok(())
}

#[test]
fn forged_numbers_are_not_believed() -> Result<()> {
    let (lie, mut world, alice, bob) = told_to_bob()?;
    lie.lock().unwrap().tell(How::Renumber(3));
    world.say(alice, bob, "Meet me at six.")?;
    world.run_for(60_000);
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
— the server keeps back messages of this conversation: nothing after them is shown
— warning: the server keeps back messages of a conversation
"
    );
    Ok(())
}

#[test]
fn a_message_that_was_changed_is_not_read() -> Result<()> {
    let (lie, mut world, alice, bob) = told_to_bob()?;
    lie.lock().unwrap().tell(How::Change);
    say(&mut world, alice, bob, "Meet me at six.")?;
    lie.lock().unwrap().stop();
    say(&mut world, alice, bob, "Understood?")?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
Alice: Meet me at six.
— someone saw other messages here than you did: the server may have dropped or changed some
Alice: Understood?
— warning: a message can not be read: it was changed, repeated, or is not meant for this device
— warning: someone saw other messages here than you did: the server may have dropped or changed some
"
    );
    Ok(())
}

#[test]
fn two_winners_are_a_fork_that_shows_and_heals() -> Result<()> {
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
— a message can not be read: it was changed, or sealed for others than this device
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
— a message can not be read: it was changed, or sealed for others than this device
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
    let (_, mut world, alice, bob) = told_to_bob()?;
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
— this conversation was repaired
me: Are you there?
Alice: I am.
— warning: the server may have told you and others two different stories; the conversation is being repaired
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
Bob: Are you there?
me: I am.
— warning: the server lost or hid the newest messages of a conversation
"
    );
    Ok(())
}

#[test]
fn who_writes_first_after_the_server_went_back_notices_by_the_place_of_the_message() -> Result<()> {
    let (_, mut world, alice, bob) = told_to_bob()?;
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
— this conversation was repaired
— some messages are missing here: your other devices are asked for them
Alice: Are you there?
me: I am.
— warning: the server may have told you and others two different stories; the conversation is being repaired
"
    );
    Ok(())
}
