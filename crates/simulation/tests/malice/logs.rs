//! Lies about a conversation's log.

use crate::screen::{alice_and_bob, screen, told};
use anyhow::Result;
use comity_simulation::lies::{How, Log};
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
