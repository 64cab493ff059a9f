//! What wild worlds found, each as a story of its own: an answer is lost, somebody is taken out in
//! the middle of a sentence, and all ends well.

#![allow(clippy::unwrap_used)]

use anyhow::{Context, Result};
use comity_client::{Command, GroupDetails, Permissions, Status, What, Whom};
use comity_simulation::story::say;
use comity_simulation::{Malice, Who, World};
use comity_wire::Address;
use comity_wire::proto::{ServerFrame, reply, server_frame::Frame};

/// Loses the answer to the first thing that was created from now on.
#[derive(Default)]
struct LosesCreated(bool);

impl Malice for LosesCreated {
    fn to_device(&mut self, _: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        let created = matches!(
            &frame.frame,
            Some(Frame::Reply(reply)) if matches!(reply.result, Some(reply::Result::Created(_)))
        );
        if created && !std::mem::replace(&mut self.0, true) {
            return Vec::new();
        }
        vec![frame]
    }
}

/// Loses the answer to the first thing that a device says from now on, and then has nothing more of
/// what stands in that log.
struct LosesWords {
    device: &'static str,
    answered: bool,
    gave: bool,
}

impl Malice for LosesWords {
    fn to_device(&mut self, device: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        let Some(Frame::Reply(reply)) = &mut frame.frame else {
            return vec![frame];
        };
        match &mut reply.result {
            Some(reply::Result::Appended(_)) if device == self.device && !self.answered => {
                self.answered = true;
                Vec::new()
            }
            Some(reply::Result::Deliver(deliver))
                if device == self.device && self.answered && !self.gave =>
            {
                self.gave = true;
                deliver.entries.clear();
                deliver.gap_until_seq = deliver.head_seq;
                vec![frame]
            }
            _ => vec![frame],
        }
    }
}

fn make_group(world: &mut World, who: Who, members: Vec<Address>) -> Result<()> {
    let command = Command::CreateGroup {
        details: GroupDetails {
            name: Some("Choir".to_owned()),
            ..GroupDetails::default()
        },
        members,
        permissions: Permissions::default(),
    };
    world.act(who, command)?;
    Ok(())
}

/// The group's local id.
fn group(world: &World, who: Who) -> Result<i64> {
    let all = world.core(who)?.conversations()?;
    let group = all.into_iter().find(|view| view.kind == "group");
    let group = group.with_context(|| format!("{} has no group", world.name(who)))?;
    Ok(group.conversation)
}

#[test]
fn a_group_is_the_same_one_when_the_answer_to_its_creation_was_lost() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.set_malice(LosesCreated::default());
    let member = world.address(bob)?;
    make_group(&mut world, alice, vec![member])?;
    world.run_for(3_000);
    world.cut_off(alice, 1_000);
    world.settle()?;
    let here = group(&world, alice)?;
    let what = What::Text("Welcome.".to_owned());
    world.act(alice, say(Whom::Conversation(here), what))?;
    world.settle()?;
    for who in [tablet, bob] {
        let there = group(&world, who)?;
        let chat = world.chat_of(who, there)?;
        assert!(chat.contains("Welcome."), "{}: {chat}", world.name(who));
    }
    world.nothing_is_wrong()
}

#[test]
fn who_is_taken_out_is_told_that_the_last_word_was_not_said() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    let member = world.address(bob)?;
    make_group(&mut world, alice, vec![member.clone()])?;
    world.settle()?;
    world.cut_off(bob, 10_000);
    let there = group(&world, bob)?;
    let what = What::Text("Am I still here?".to_owned());
    world.act(bob, say(Whom::Conversation(there), what))?;
    let conversation = group(&world, alice)?;
    world.act(
        alice,
        Command::RemoveMember {
            conversation,
            member,
        },
    )?;
    world.settle()?;
    let items = world.core(bob)?.timeline(there, None, 100)?;
    let word = items.iter().find(|item| item.text == "Am I still here?");
    let word = word.context("the line is gone")?;
    assert_eq!(
        (word.status, word.failure.as_str()),
        (Status::Failed, "not_member")
    );
    assert_eq!(world.core(bob)?.unsent()?, 0);
    world.nothing_is_wrong()
}

#[test]
fn what_was_said_before_coming_in_anew_is_not_said_twice() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.set_malice(LosesWords {
        device: "Alice",
        answered: false,
        gave: false,
    });
    world.say(alice, bob, "Rehearsal at six?")?;
    world.run_for(3_000);
    world.cut_off(alice, 1_000);
    world.settle()?;
    // It did come in anew.
    let warned = world.warnings(alice);
    assert!(warned.contains(&"gap".to_owned()), "{warned:?}");
    let mut places = Vec::new();
    for who in [alice, tablet, bob] {
        let core = world.core(who)?;
        let all = core.conversations()?;
        let direct = all.iter().find(|view| view.kind == "direct");
        let direct = direct.context("no conversation")?.conversation;
        let items = core.timeline(direct, None, 100)?;
        let lines = items.iter().filter(|item| item.text == "Rehearsal at six?");
        places.extend(lines.map(|item| item.seq));
        let missing = items.iter().filter(|item| item.text == "gap");
        assert_eq!(missing.count(), 0, "{}", world.name(who));
    }
    assert_eq!(places.len(), 3);
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
    Ok(())
}
