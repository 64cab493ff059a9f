//! How far a message is, where the line is bad or what comes is too early.

use anyhow::{Context, Result};
use comity_client::{Command, Event, Status, What, Whom};
use comity_simulation::story::say;
use comity_simulation::{Malice, Who, World};
use comity_wire::proto::ClientFrame;
use comity_wire::proto::client_frame::Act;
use std::sync::{Arc, Mutex};

fn status(world: &World, who: Who, with: Who, text: &str) -> Result<Status> {
    let conversation = world.conversation(who, with)?.conversation;
    let lines = world.core(who)?.timeline(conversation, None, 100)?;
    let line = lines.into_iter().find(|line| line.text == text);
    Ok(line.context("no such line")?.status)
}

fn read(world: &mut World, who: Who, with: Who) -> Result<()> {
    let conversation = world.conversation(who, with)?.conversation;
    world.act(who, Command::MarkRead { conversation })?;
    Ok(())
}

#[test]
fn first_words_that_were_read_before_their_author_was_back_are_read() -> Result<()> {
    const HELLO: &str = "Hello, it is me.";
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let to = world.look_up(alice, bob)?;
    let before = world.events(bob).len();
    world.act(alice, say(Whom::Person(to), What::Text(HELLO.into())))?;
    let asks = world.wait_for(bob, before, |event| match event {
        Event::Request { request } => Some(request.address.clone()),
        _ => None,
    })?;
    // Conversation, welcome and mark are there when she comes, the mark before what opens it.
    world.cut_off(alice, 60_000);
    world.act(bob, Command::Accept(asks))?;
    world.run_for(10_000);
    read(&mut world, bob, alice)?;
    world.run_for(120_000);
    world.settle()?;
    assert_eq!(status(&world, alice, bob, HELLO)?, Status::Read);
    Ok(())
}

/// Loses the first mark that a device puts.
#[derive(Default)]
struct LosesAMark(bool);

impl Malice for LosesAMark {
    fn to_hub(&mut self, _: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        let mark = matches!(frame.act, Some(Act::PutMark(_)));
        if mark && std::mem::take(&mut self.0) {
            return Vec::new();
        }
        vec![frame]
    }
}

#[test]
fn a_mark_that_was_on_its_way_when_the_line_broke_is_put_again() -> Result<()> {
    let mut world = World::calm(2)?;
    let lie = Arc::new(Mutex::new(LosesAMark::default()));
    world.set_malice(lie.clone());
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.say(alice, bob, "At six?")?;
    world.settle()?;
    lie.lock().unwrap().0 = true;
    read(&mut world, bob, alice)?;
    world.run_for(500);
    assert!(!lie.lock().unwrap().0, "no mark was put");
    world.cut_off(bob, 5_000);
    world.run_for(60_000);
    world.settle()?;
    assert_eq!(status(&world, alice, bob, "At six?")?, Status::Read);
    Ok(())
}

/// Loses all that a device says of how far it has read, while it is on.
#[derive(Default)]
struct LosesPositions(bool);

impl Malice for LosesPositions {
    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        let lost = self.0 && device == "Bob" && matches!(frame.act, Some(Act::Acknowledge(_)));
        if lost { Vec::new() } else { vec![frame] }
    }
}

/// What Alice says reaches Bob, and that it did is lost.
fn it_is_lost_that_it_arrived() -> Result<(World, Who, Who)> {
    let mut world = World::calm(3)?;
    let lie = Arc::new(Mutex::new(LosesPositions::default()));
    world.set_malice(lie.clone());
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.run_for(60_000);
    lie.lock().unwrap().0 = true;
    world.say(alice, bob, "At six?")?;
    world.settle()?;
    let shown = world.conversation(bob, alice)?;
    assert_eq!(shown.last_text, "At six?");
    assert_eq!(status(&world, alice, bob, "At six?")?, Status::Sent);
    lie.lock().unwrap().0 = false;
    Ok((world, alice, bob))
}

#[test]
fn that_a_message_arrived_is_told_again_when_the_line_broke_over_it() -> Result<()> {
    let (mut world, alice, bob) = it_is_lost_that_it_arrived()?;
    world.cut_off(bob, 5_000);
    world.run_for(60_000);
    world.settle()?;
    assert_eq!(status(&world, alice, bob, "At six?")?, Status::Delivered);
    Ok(())
}

#[test]
fn and_by_a_program_that_was_started_anew() -> Result<()> {
    let (mut world, alice, bob) = it_is_lost_that_it_arrived()?;
    world.crash(bob, 5_000);
    world.run_for(60_000);
    world.settle()?;
    assert_eq!(status(&world, alice, bob, "At six?")?, Status::Delivered);
    Ok(())
}

#[test]
fn a_server_that_was_killed_before_it_wrote_down_who_has_what_hears_it_again() -> Result<()> {
    let mut world = World::calm(4)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.run_for(60_000);
    world.cut_off(alice, 120_000);
    world.run_for(1_000);
    let conversation = world.conversation(bob, alice)?.conversation;
    world.act(
        bob,
        say(Whom::Conversation(conversation), What::Text("Here.".into())),
    )?;
    world.run_for(130_000);
    // Alice has it, and the server knows it for a moment only.
    let had = world.run_until(30_000, |world| {
        world
            .conversation(alice, bob)
            .is_ok_and(|view| view.last_text == "Here.")
    });
    assert!(had);
    world.crash_hub(2_000);
    world.run_for(60_000);
    world.settle()?;
    assert_eq!(status(&world, bob, alice, "Here.")?, Status::Delivered);
    Ok(())
}
