//! A server that goes a long way back: an older copy of its database, with much said since.

use crate::screen::{alice_and_bob, group};
use anyhow::{Context, Result};
use comity_client::{Command, ItemKind, Permissions, Status, TimelineItem, What, Whom};
use comity_simulation::story::{group_of, say as in_conversation};
use comity_simulation::{Honest, Malice, Who, World};
use comity_wire::proto::{ServerFrame, reply, server_frame::Frame};
use std::sync::{Arc, Mutex};

/// More than a device remembers of a log.
const FAR: usize = 80;

fn lines(world: &World, who: Who, conversation: i64) -> Result<Vec<TimelineItem>> {
    Ok(world.core(who)?.timeline(conversation, None, 1_000)?)
}

fn texts(world: &World, who: Who, conversation: i64) -> Result<Vec<String>> {
    let said = |line: &TimelineItem| line.kind == ItemKind::Text;
    let all = lines(world, who, conversation)?;
    Ok(all.into_iter().filter(said).map(|line| line.text).collect())
}

fn status(world: &World, who: Who, conversation: i64, text: &str) -> Result<Status> {
    let all = lines(world, who, conversation)?;
    let line = all.into_iter().find(|line| line.text == text);
    Ok(line.context("no such line")?.status)
}

/// Says it, whoever runs.
fn speak(world: &mut World, who: Who, conversation: i64, text: &str) -> Result<()> {
    let what = What::Text(text.to_owned());
    world.act(who, in_conversation(Whom::Conversation(conversation), what))?;
    world.run_for(10_000);
    Ok(())
}

/// Says it, and lets all come to rest.
fn say(world: &mut World, from: Who, to: Who, text: &str) -> Result<()> {
    world.say(from, to, text)?;
    world.settle()
}

/// Alice says many lines that Bob reads; then the server forgets them.
fn forgets_much(world: &mut World, alice: Who, bob: Who, lost: usize) -> Result<Vec<String>> {
    say(world, alice, bob, "Before.")?;
    world.run_for(60_000);
    let before = world.hub_snapshot();
    let mut said = vec!["Hello, this is Alice.".to_owned(), "Before.".to_owned()];
    for number in 0..lost {
        let text = format!("Lost {number}");
        say(world, alice, bob, &text)?;
        said.push(text);
    }
    let conversation = world.conversation(bob, alice)?.conversation;
    world.act(bob, Command::MarkRead { conversation })?;
    world.run_for(60_000);
    let own = world.conversation(alice, bob)?.conversation;
    let last = said.last().context("nothing said")?;
    assert_eq!(status(world, alice, own, last)?, Status::Read);
    world.hub_restore(&before)?;
    Ok(said)
}

fn who_is_away_gets_what_is_new(lost: usize, new: usize) -> Result<()> {
    let (mut world, alice, bob) = alice_and_bob(Honest)?;
    let mut said = forgets_much(&mut world, alice, bob, lost)?;
    let (at_alice, at_bob) = (
        world.conversation(alice, bob)?.conversation,
        world.conversation(bob, alice)?.conversation,
    );
    world.crash(bob, 600_000);
    for number in 0..new {
        let text = format!("New {number}");
        speak(&mut world, alice, at_alice, &text)?;
        assert_eq!(
            status(&world, alice, at_alice, &text)?,
            Status::Sent,
            "{lost} lost, {text}"
        );
        said.push(text);
    }
    world.run_for(600_000);
    world.settle()?;
    assert_eq!(texts(&world, bob, at_bob)?, said, "{lost} lost, {new} new");
    assert_eq!(
        texts(&world, alice, at_alice)?,
        said,
        "{lost} lost, {new} new"
    );
    let unread = world.conversation(bob, alice)?.unread;
    assert_eq!(unread, u32::try_from(new)?, "{lost} lost, {new} new");
    world.act(
        bob,
        Command::MarkRead {
            conversation: at_bob,
        },
    )?;
    world.run_for(60_000);
    for text in said.iter().skip(2 + lost) {
        assert_eq!(
            status(&world, alice, at_alice, text)?,
            Status::Read,
            "{lost} lost, {text}"
        );
    }
    // And on they talk.
    say(&mut world, bob, alice, "So we go on.")?;
    said.push("So we go on.".to_owned());
    assert_eq!(texts(&world, alice, at_alice)?, said);
    assert_eq!(texts(&world, bob, at_bob)?, said);
    Ok(())
}

#[test]
fn who_was_away_while_a_server_went_far_back_gets_what_was_said_since() -> Result<()> {
    for (lost, new) in [(2, 2), (30, 2), (3, 12), (FAR, 5)] {
        who_is_away_gets_what_is_new(lost, new)?;
    }
    Ok(())
}

#[test]
fn a_line_that_was_read_and_then_forgotten_by_the_server_can_still_be_reported() -> Result<()> {
    let (mut world, alice, bob) = alice_and_bob(Honest)?;
    forgets_much(&mut world, alice, bob, 5)?;
    let conversation = world.conversation(bob, alice)?.conversation;
    let place = |world: &World| -> Result<Option<u64>> {
        let all = lines(world, bob, conversation)?;
        let line = all.iter().find(|line| line.text == "Lost 3");
        Ok(line.context("no such line")?.seq)
    };
    let was = place(&world)?;
    world.run_for(60_000);
    say(&mut world, alice, bob, "New.")?;
    world.settle()?;
    assert!(place(&world)? < was);
    // The hub's seal is of the place that the line had.
    world.alter(bob, |store| {
        let sealed: Option<u64> = store.query_row(
            "SELECT sealed_seq FROM message WHERE text = 'Lost 3'",
            [],
            |row| row.get(0),
        )?;
        assert_eq!(sealed, was);
        Ok(())
    })
}

#[test]
fn in_a_group_nobody_who_was_away_misses_what_was_said_after_the_server_went_back() -> Result<()> {
    let (mut world, alice, bob) = alice_and_bob(Honest)?;
    let carol = world.sign_up("Carol")?;
    world.befriend(alice, carol)?;
    let members = vec![world.address(bob)?, world.address(carol)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.run_for(60_000);
    world.settle()?;
    let groups: Vec<i64> = [alice, bob, carol]
        .iter()
        .map(|who| group(&world, *who, "Choir"))
        .collect::<Result<_>>()?;
    let before = world.hub_snapshot();
    let mut said = Vec::new();
    for number in 0..30 {
        let text = format!("Lost {number}");
        speak(&mut world, alice, groups[0], &text)?;
        said.push(text);
    }
    for (who, conversation) in [(bob, groups[1]), (carol, groups[2])] {
        world.act(who, Command::MarkRead { conversation })?;
    }
    world.run_for(60_000);
    world.settle()?;
    world.crash(bob, 300_000);
    world.crash(carol, 300_000);
    world.hub_restore(&before)?;
    world.run_for(30_000);
    for number in 0..3 {
        let text = format!("New {number}");
        speak(&mut world, alice, groups[0], &text)?;
        assert_eq!(status(&world, alice, groups[0], &text)?, Status::Sent);
        said.push(text);
    }
    world.run_for(600_000);
    world.settle()?;
    for (who, conversation) in [alice, bob, carol].into_iter().zip(&groups) {
        assert_eq!(
            texts(&world, who, *conversation)?,
            said,
            "{}",
            world.name(who)
        );
    }
    Ok(())
}

#[test]
fn who_was_taken_out_after_the_server_went_back_reads_on_behind_what_was_there() -> Result<()> {
    let (mut world, alice, bob) = alice_and_bob(Honest)?;
    let members = vec![world.address(bob)?];
    let him = members.clone();
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.run_for(60_000);
    world.settle()?;
    let (at_alice, at_bob) = (group(&world, alice, "Choir")?, group(&world, bob, "Choir")?);
    let before = world.hub_snapshot();
    let mut said = Vec::new();
    for number in 0..30 {
        let text = format!("Lost {number}");
        speak(&mut world, alice, at_alice, &text)?;
        said.push(text);
    }
    world.act(
        bob,
        Command::MarkRead {
            conversation: at_bob,
        },
    )?;
    world.run_for(60_000);
    world.settle()?;
    world.crash(bob, 120_000);
    world.hub_restore(&before)?;
    world.run_for(30_000);
    let [member] = him.as_slice() else {
        anyhow::bail!("one member");
    };
    world.act(
        alice,
        Command::RemoveMember {
            conversation: at_alice,
            member: member.clone(),
        },
    )?;
    // He comes, notices that the log went back, and is not let in.
    world.run_for(240_000);
    world.settle()?;
    world.act(
        alice,
        Command::AddMembers {
            conversation: at_alice,
            members: him,
        },
    )?;
    world.run_for(60_000);
    world.settle()?;
    speak(&mut world, alice, at_alice, "Here again.")?;
    said.push("Here again.".to_owned());
    world.run_for(60_000);
    world.settle()?;
    assert_eq!(texts(&world, bob, at_bob)?, said);
    let all = world.core(bob)?.conversations()?;
    let view = all.iter().find(|one| one.conversation == at_bob);
    assert_eq!(view.context("no group")?.unread, 1);
    Ok(())
}

/// Keeps from Bob, while it is on, what is said to him.
#[derive(Default)]
struct KeepsFromBob(bool);

impl Malice for KeepsFromBob {
    fn to_device(&mut self, device: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        let said = match &frame.frame {
            Some(Frame::Deliver(_)) => true,
            Some(Frame::Reply(reply)) => matches!(&reply.result, Some(reply::Result::Deliver(_))),
            _ => false,
        };
        if self.0 && said && device == "Bob" {
            return Vec::new();
        }
        vec![frame]
    }
}

#[test]
fn who_knew_of_more_than_it_had_read_goes_on_where_the_server_went_back_to() -> Result<()> {
    let lie = Arc::new(Mutex::new(KeepsFromBob::default()));
    let (mut world, alice, bob) = alice_and_bob(lie.clone())?;
    say(&mut world, alice, bob, "Before.")?;
    world.run_for(60_000);
    let before = world.hub_snapshot();
    lie.lock().unwrap().0 = true;
    let at_alice = world.conversation(alice, bob)?.conversation;
    for number in 0..20 {
        speak(&mut world, alice, at_alice, &format!("Lost {number}"))?;
    }
    world.cut_off(bob, 5_000);
    world.run_for(60_000);
    world.hub_restore(&before)?;
    lie.lock().unwrap().0 = false;
    world.run_for(60_000);
    world.settle()?;
    say(&mut world, bob, alice, "I am here.")?;
    let last = world.conversation(alice, bob)?.last_text;
    assert_eq!(last, "I am here.");
    Ok(())
}
