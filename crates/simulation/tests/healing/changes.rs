//! Words and changes of them that are on their way when something else happens.

use super::group;
use anyhow::{Context, Result};
use comity_client::{Command, Permissions, TimelineItem, What, Whom};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Malice, Who, World};
use comity_wire::MessageId;
use comity_wire::proto::{ClientFrame, ServerFrame};
use comity_wire::proto::{client_frame::Act, reply, server_frame::Frame};
use std::sync::{Arc, Mutex};

/// The line of one device is slow: what it says waits on its way there, or the answers on their way back.
#[derive(Default)]
struct Slow {
    device: &'static str,
    there: bool,
    back: bool,
    said: Vec<ClientFrame>,
    answers: Vec<ServerFrame>,
}

impl Malice for Slow {
    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        if device != self.device {
            return vec![frame];
        }
        if self.there && matches!(frame.act, Some(Act::Append(_))) {
            self.said.push(frame);
            return Vec::new();
        }
        let waited = if self.there {
            Vec::new()
        } else {
            std::mem::take(&mut self.said)
        };
        waited.into_iter().chain([frame]).collect()
    }

    fn to_device(&mut self, device: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        let is_answer = matches!(
            &frame.frame,
            Some(Frame::Reply(reply))
                if matches!(reply.result, Some(reply::Result::Appended(_) | reply::Result::Error(_)))
        );
        if self.back && device == self.device && is_answer {
            self.answers.push(frame);
            return Vec::new();
        }
        vec![frame]
    }
}

/// What a device says arrives from now on, with what waited; that it types goes with it.
fn arrives(world: &mut World, who: Who, line: &Mutex<Slow>) -> Result<()> {
    line.lock().unwrap().there = false;
    let conversation = group(world, who)?;
    let typing = true;
    world.act(
        who,
        Command::Typing {
            conversation,
            typing,
        },
    )?;
    world.run_for(1_000);
    Ok(())
}

/// The answers that a device waited for come; how many they are.
fn answered(world: &mut World, who: Who, line: &Mutex<Slow>) -> usize {
    let answers = {
        let mut line = line.lock().unwrap();
        line.back = false;
        std::mem::take(&mut line.answers)
    };
    let count = answers.len();
    for answer in answers {
        world.inject(who, answer);
    }
    world.run_for(100);
    count
}

/// In the group.
fn tell(world: &mut World, who: Who, what: What) -> Result<()> {
    let to = Whom::Conversation(group(world, who)?);
    world.act(who, say(to, what))?;
    Ok(())
}

fn text(text: &str) -> What {
    What::Text(text.to_owned())
}

fn edit(target: MessageId, text: &str) -> What {
    let text = text.to_owned();
    What::Edit { target, text }
}

fn react(target: MessageId, emoji: &str) -> What {
    let emoji = emoji.to_owned();
    What::React { target, emoji }
}

/// The lines of the group that somebody said.
fn lines(world: &World, who: Who) -> Result<Vec<TimelineItem>> {
    let mut items = world.core(who)?.timeline(group(world, who)?, None, 100)?;
    items.retain(|item| item.kind != comity_client::ItemKind::Notice);
    Ok(items)
}

fn item(world: &World, who: Who, message: MessageId) -> Result<TimelineItem> {
    let item = world.core(who)?.item(group(world, who)?, &message)?;
    item.with_context(|| format!("{} does not show it", world.name(who)))
}

/// The name of the line that says this.
fn named(world: &World, who: Who, text: &str) -> Result<MessageId> {
    let all = lines(world, who)?;
    let line = all.iter().find(|item| item.text == text);
    Ok(line
        .with_context(|| format!("{text:?} is not shown"))?
        .message)
}

/// What is shown of a line: its text, whether it was deleted, and its reactions.
fn look(world: &World, who: Who, message: MessageId) -> Result<String> {
    let item = item(world, who, message)?;
    let mut shown = if item.deleted {
        "(deleted)".to_owned()
    } else {
        item.text
    };
    for reaction in item.reactions {
        shown = format!("{shown} {}", reaction.emoji);
    }
    Ok(shown)
}

/// Bob's group, with Alice in it and room for Carol.
fn choir(world: &mut World) -> Result<[Who; 3]> {
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(alice, bob)?;
    world.befriend(carol, bob)?;
    let members = vec![world.address(alice)?];
    world.act(bob, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    Ok([alice, bob, carol])
}

/// Bob lets Carol in.
fn lets_in(world: &mut World, bob: Who, carol: Who) -> Result<()> {
    let (conversation, members) = (group(world, bob)?, vec![world.address(carol)?]);
    world.act(
        bob,
        Command::AddMembers {
            conversation,
            members,
        },
    )?;
    world.run_for(3_000);
    Ok(())
}

fn people(world: &World, who: Who) -> Result<usize> {
    Ok(world.core(who)?.group_members(group(world, who)?)?.len())
}

#[test]
fn nothing_overtakes_what_was_said_before_somebody_came_in() -> Result<()> {
    let mut world = World::calm(1)?;
    let [alice, bob, carol] = choir(&mut world)?;
    for (who, words) in [(alice, "Rehearsal at six?"), (bob, "I bring the score.")] {
        tell(&mut world, who, text(words))?;
        world.settle()?;
    }
    let asked = named(&world, alice, "Rehearsal at six?")?;
    let score = named(&world, alice, "I bring the score.")?;
    let line = Arc::new(Mutex::new(Slow {
        device: "Alice",
        there: true,
        back: true,
        ..Slow::default()
    }));
    world.set_malice(line.clone());
    tell(&mut world, alice, text("One"))?;
    tell(&mut world, alice, edit(asked, "Rehearsal at seven?"))?;
    tell(&mut world, alice, react(score, "👍"))?;
    world.run_for(1_000);
    lets_in(&mut world, bob, carol)?;
    assert_eq!(people(&world, alice)?, 3, "she has read that Carol came");
    // It was said before that: the hub does not take it, and its answers are slow. Nothing else leaves
    // before they are there.
    arrives(&mut world, alice, &line)?;
    assert_eq!(line.lock().unwrap().answers.len(), 3);
    tell(&mut world, alice, text("Two"))?;
    tell(&mut world, alice, edit(asked, "Rehearsal at eight?"))?;
    tell(&mut world, alice, react(score, "❤"))?;
    world.run_for(2_000);
    answered(&mut world, alice, &line);
    world.settle()?;
    for who in [alice, bob] {
        let name = world.name(who).to_owned();
        let said = lines(&world, who)?;
        let said: Vec<&str> = said.iter().map(|item| item.text.as_str()).collect();
        let wanted = ["Rehearsal at eight?", "I bring the score.", "One", "Two"];
        assert_eq!(said, wanted, "{name}");
        assert_eq!(look(&world, who, score)?, "I bring the score. ❤", "{name}");
    }
    let said = lines(&world, carol)?;
    let said: Vec<&str> = said.iter().map(|item| item.text.as_str()).collect();
    assert_eq!(said, ["One", "Two"]);
    world.nothing_is_wrong()
}

#[test]
fn nothing_overtakes_what_has_to_be_sent_again() -> Result<()> {
    let mut world = World::calm(1)?;
    let [alice, bob, carol] = choir(&mut world)?;
    let line = Arc::new(Mutex::new(Slow {
        device: "Alice",
        there: true,
        ..Slow::default()
    }));
    world.set_malice(line.clone());
    tell(&mut world, alice, text("One"))?;
    tell(&mut world, alice, text("Two"))?;
    world.run_for(1_000);
    // It is lost on its way, and she is away when Carol comes in.
    line.lock().unwrap().said.clear();
    world.cut_off(alice, 200_000);
    let away = world.run_until(150_000, |world| !world.core(alice).unwrap().is_online());
    assert!(away, "she is away");
    line.lock().unwrap().there = false;
    lets_in(&mut world, bob, carol)?;
    tell(&mut world, alice, text("Three"))?;
    world.run_for(200_000);
    world.settle()?;
    for who in [alice, bob, carol] {
        let said = lines(&world, who)?;
        let said: Vec<&str> = said.iter().map(|item| item.text.as_str()).collect();
        assert_eq!(said, ["One", "Two", "Three"], "{}", world.name(who));
    }
    world.nothing_is_wrong()
}
