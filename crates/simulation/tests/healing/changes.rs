//! Words and changes of them that are on their way when something else happens.

use super::group;
use anyhow::{Context, Result};
use comity_client::{Command, Event, Permissions, TimelineItem, What, Whom};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Faults, Malice, Who, World};
use comity_wire::MessageId;
use comity_wire::proto::{ClientFrame, ServerFrame};
use comity_wire::proto::{client_frame::Act, reply, server_frame::Frame};
use std::sync::{Arc, Mutex};

const HOUR_MS: u64 = 3_600_000;

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

/// How often a device was told that a change is not made, for this reason.
fn refused(world: &World, who: Who, why: &str) -> usize {
    let events = world.events(who).iter();
    let told = events.filter(
        |event| matches!(event, Event::Failed { act, code, .. } if act == "send" && code == why),
    );
    told.count()
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

#[test]
fn a_change_that_comes_too_late_is_taken_back_on_its_authors_screen() -> Result<()> {
    // By a clock that is two hours slow she is in time all along; the hub's clock counts.
    for ahead_ms in [0, -2 * HOUR_MS.cast_signed()] {
        let mut world = World::calm(1)?;
        let alice = world.sign_up("Alice")?;
        let tablet = world.link(alice, "Alice's tablet")?;
        let bob = world.sign_up("Bob")?;
        world.befriend(bob, alice)?;
        let members = vec![world.address(alice)?];
        world.act(bob, group_of("Choir", members, Permissions::default()))?;
        world.settle()?;
        tell(&mut world, alice, text("Rehearsal at six?"))?;
        world.settle()?;
        let asked = named(&world, alice, "Rehearsal at six?")?;
        let standing = world.standing().later(24 * HOUR_MS);
        drop(world);
        let mut world = World::going_on(2, Faults::CALM, &standing)?;
        world.settle()?;
        tell(&mut world, alice, text("I bring the score."))?;
        world.settle()?;
        let score = named(&world, alice, "I bring the score.")?;
        let standing = world.standing().later(23 * HOUR_MS + HOUR_MS / 2);
        drop(world);
        let mut world = World::going_on(3, Faults::CALM, &standing)?;
        world.set_clock(alice, ahead_ms);
        world.settle()?;
        world.cut_off(alice, HOUR_MS);
        let away = world.run_until(HOUR_MS / 6, |world| !world.core(alice).unwrap().is_online());
        assert!(away, "she is away");
        tell(&mut world, alice, What::Delete { target: asked })?;
        tell(&mut world, alice, edit(score, "Bob brings the score."))?;
        tell(&mut world, alice, edit(score, "Nobody brings the score."))?;
        assert_eq!(look(&world, alice, asked)?, "(deleted)");
        assert_eq!(look(&world, alice, score)?, "Nobody brings the score.");
        tell(&mut world, bob, react(asked, "👍"))?;
        world.run_for(HOUR_MS + 60_000);
        world.settle()?;
        for who in [alice, tablet, bob] {
            let name = world.name(who).to_owned();
            assert_eq!(look(&world, who, asked)?, "Rehearsal at six? 👍", "{name}");
            assert_eq!(look(&world, who, score)?, "I bring the score.", "{name}");
            assert!(!item(&world, who, score)?.edited, "{name}");
        }
        assert_eq!(refused(&world, alice, "too_late"), 3);
        assert_eq!(world.core(alice)?.unsent()?, 0);
        if ahead_ms == 0 {
            // What is known to be too late does not even leave.
            assert_eq!(world.warnings(bob), [""; 0]);
        }
        world.nothing_is_wrong()?;
    }
    Ok(())
}

/// Alice's group, with Bob in it, who has a tablet. What his phone says is on its way for long.
struct Choir {
    world: World,
    alice: Who,
    bob: Who,
    tablet: Who,
    line: Arc<Mutex<Slow>>,
}

impl Choir {
    fn new(said: &[(&str, &str)]) -> Result<Self> {
        let mut world = World::calm(1)?;
        let alice = world.sign_up("Alice")?;
        let bob = world.sign_up("Bob")?;
        let tablet = world.link(bob, "Bob's tablet")?;
        world.befriend(alice, bob)?;
        let members = vec![world.address(bob)?];
        world.act(alice, group_of("Choir", members, Permissions::default()))?;
        world.settle()?;
        for (name, words) in said {
            let who = if *name == "Alice" { alice } else { bob };
            tell(&mut world, who, text(words))?;
            world.settle()?;
        }
        let line = Arc::new(Mutex::new(Slow {
            device: "Bob",
            there: true,
            ..Slow::default()
        }));
        world.set_malice(line.clone());
        Ok(Self {
            world,
            alice,
            bob,
            tablet,
            line,
        })
    }

    fn named(&self, text: &str) -> Result<MessageId> {
        named(&self.world, self.alice, text)
    }

    /// Only admins speak from now on, and what Bob's phone said arrives.
    fn refuses(&mut self) -> Result<()> {
        let world = &mut self.world;
        let permissions = Permissions {
            only_admins_speak: true,
            ..Permissions::default()
        };
        let conversation = group(world, self.alice)?;
        world.act(
            self.alice,
            Command::SetPermissions {
                conversation,
                permissions,
            },
        )?;
        world.run_for(2_000);
        arrives(world, self.bob, &self.line)?;
        world.settle()
    }

    /// All show this of a line.
    fn all_show(&self, message: MessageId, wanted: &str) -> Result<()> {
        for who in [self.alice, self.tablet, self.bob] {
            let name = self.world.name(who);
            assert_eq!(look(&self.world, who, message)?, wanted, "{name}");
        }
        Ok(())
    }
}

#[test]
fn a_deletion_that_is_refused_takes_nothing_of_what_others_did_meanwhile() -> Result<()> {
    let mut choir = Choir::new(&[("Bob", "Six it is."), ("Bob", "I bring the score.")])?;
    let (six, score) = (
        choir.named("Six it is.")?,
        choir.named("I bring the score.")?,
    );
    tell(&mut choir.world, choir.alice, react(six, "👍"))?;
    choir.world.run_for(1_000);
    tell(&mut choir.world, choir.bob, What::Delete { target: six })?;
    tell(&mut choir.world, choir.bob, What::Delete { target: score })?;
    choir.world.run_for(1_000);
    tell(&mut choir.world, choir.alice, react(six, "❤"))?;
    tell(&mut choir.world, choir.tablet, edit(six, "Seven it is."))?;
    tell(
        &mut choir.world,
        choir.tablet,
        What::Delete { target: score },
    )?;
    choir.world.run_for(2_000);
    for line in [six, score] {
        assert_eq!(look(&choir.world, choir.bob, line)?, "(deleted)");
    }
    choir.refuses()?;
    choir.all_show(six, "Seven it is. ❤")?;
    choir.all_show(score, "(deleted)")?;
    choir.world.nothing_is_wrong()
}

#[test]
fn a_deletion_that_is_taken_leaves_no_reaction() -> Result<()> {
    let mut choir = Choir::new(&[("Bob", "Six it is.")])?;
    let six = choir.named("Six it is.")?;
    tell(&mut choir.world, choir.bob, What::Delete { target: six })?;
    choir.world.run_for(1_000);
    tell(&mut choir.world, choir.alice, react(six, "❤"))?;
    choir.world.run_for(1_000);
    arrives(&mut choir.world, choir.bob, &choir.line)?;
    choir.world.settle()?;
    choir.all_show(six, "(deleted)")?;
    let disk = choir.world.snapshot(choir.bob)?;
    let left: i64 = disk.database("store.db")?.query_row(
        "SELECT (SELECT count(*) FROM reaction) + (SELECT count(*) FROM before_change)",
        [],
        |row| row.get(0),
    )?;
    assert_eq!(left, 0);
    choir.world.nothing_is_wrong()
}

#[test]
fn what_is_refused_takes_back_nothing_that_another_own_device_did_alike() -> Result<()> {
    let said = [("Alice", "Rehearsal at six?"), ("Bob", "Six it is.")];
    let mut choir = Choir::new(&said)?;
    let (asked, six) = (
        choir.named("Rehearsal at six?")?,
        choir.named("Six it is.")?,
    );
    for who in [choir.bob, choir.tablet] {
        tell(&mut choir.world, who, react(asked, "👍"))?;
        tell(&mut choir.world, who, edit(six, "Seven it is."))?;
        choir.world.run_for(1_000);
    }
    choir.refuses()?;
    choir.all_show(asked, "Rehearsal at six? 👍")?;
    choir.all_show(six, "Seven it is.")?;
    assert_eq!(refused(&choir.world, choir.bob, "forbidden"), 2);
    choir.world.nothing_is_wrong()
}

#[test]
fn what_was_changed_twice_shows_the_second_while_both_are_on_their_way() -> Result<()> {
    let said = [("Alice", "Rehearsal at six?"), ("Bob", "Six it is.")];
    let mut choir = Choir::new(&said)?;
    let (asked, six) = (
        choir.named("Rehearsal at six?")?,
        choir.named("Six it is.")?,
    );
    let set = |there, back| {
        let mut line = choir.line.lock().unwrap();
        (line.there, line.back) = (there, back);
    };
    set(false, true);
    tell(&mut choir.world, choir.bob, edit(six, "Seven it is."))?;
    tell(&mut choir.world, choir.bob, react(asked, "👍"))?;
    choir.world.run_for(1_000);
    set(true, true);
    tell(&mut choir.world, choir.bob, edit(six, "Eight it is."))?;
    tell(&mut choir.world, choir.bob, react(asked, "❤"))?;
    choir.world.run_for(1_000);
    let line = choir.line.clone();
    assert_eq!(answered(&mut choir.world, choir.bob, &line), 2);
    let now = [six, asked].map(|line| look(&choir.world, choir.bob, line).unwrap());
    assert_eq!(now, ["Eight it is.", "Rehearsal at six? ❤"]);
    // Refused, the second leaves the first.
    choir.refuses()?;
    choir.all_show(six, "Seven it is.")?;
    choir.all_show(asked, "Rehearsal at six? 👍")?;
    choir.world.nothing_is_wrong()
}
