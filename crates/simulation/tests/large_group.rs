//! A group with more devices than one commit may add, through everything that a group lives
//! through. The figures of a really large one are measured by the example `large_group`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../examples/large_group/bystanders.rs"]
#[allow(unreachable_pub)]
mod bystanders;

use anyhow::{Context as _, Result};
use comity_client::{Command, Permissions, What, Whom};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Malice, Who, World};
use comity_wire::limits::ADDITIONS_MAX;
use comity_wire::proto::{EntryKind, ServerFrame, server_frame::Frame};

fn group(world: &World, who: Who) -> Result<i64> {
    let all = world.core(who)?.conversations()?;
    let found = all.iter().find(|view| view.kind == "group");
    Ok(found.context("no group")?.conversation)
}

fn tell(world: &mut World, who: Who, text: &str) -> Result<()> {
    let group = Whom::Conversation(group(world, who)?);
    world.act(who, say(group, What::Text(text.to_owned())))?;
    world.settle()
}

fn spoken(world: &World, who: Who) -> Result<Vec<String>> {
    let items = world.core(who)?.timeline(group(world, who)?, None, 1_000)?;
    let texts = items
        .into_iter()
        .filter(|item| item.kind == comity_client::ItemKind::Text);
    Ok(texts.map(|item| item.text).collect())
}

/// Damages the next thing that is said on its way to Carol.
#[derive(Default)]
struct DamagesOne(bool);

impl Malice for DamagesOne {
    fn to_device(&mut self, device: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if let Some(Frame::Deliver(deliver)) = &mut frame.frame
            && device == "Carol"
            && !self.0
            && let Some(entry) = deliver.entries.first_mut()
            && entry.kind == i32::from(EntryKind::Content)
            && let Some(last) = entry.body.last_mut()
        {
            *last ^= 1;
            self.0 = true;
        }
        vec![frame]
    }
}

#[test]
fn many_are_added_in_lots_and_all_see_the_same() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(bob, alice)?;
    let mut others = bystanders::settle(&mut world, alice, ADDITIONS_MAX + 6)?;
    let late = others.pop().context("somebody")?;
    let leaves = others[0].clone();
    let members = vec![world.address(bob)?];
    world.act(
        alice,
        group_of("Everybody", members, Permissions::default()),
    )?;
    world.settle()?;
    let (conversation, members) = (group(&world, alice)?, others);
    world.act(
        alice,
        Command::AddMembers {
            conversation,
            members,
        },
    )?;
    world.settle()?;
    tell(&mut world, alice, "Hello everybody")?;
    tell(&mut world, bob, "Hello Alice")?;
    let members = vec![late];
    world.act(
        alice,
        Command::AddMembers {
            conversation,
            members,
        },
    )?;
    world.settle()?;
    let member = leaves;
    world.act(
        alice,
        Command::RemoveMember {
            conversation,
            member,
        },
    )?;
    world.settle()?;
    let link = world.invitation(alice, conversation)?;
    world.settle()?;
    world.act(carol, Command::JoinByInvitation { link })?;
    world.run_for(5_000);
    world.settle()?;
    tell(&mut world, carol, "I am here")?;
    let all = ["Hello everybody", "Hello Alice", "I am here"];
    assert_eq!(spoken(&world, alice)?, all);
    assert_eq!(spoken(&world, bob)?, all);
    assert_eq!(spoken(&world, carol)?, all[2..]);
    // Others are asked for what was damaged on its way, though they are many.
    world.set_malice(DamagesOne::default());
    tell(&mut world, bob, "Did you hear that?")?;
    world.run_for(30_000);
    world.settle()?;
    assert_eq!(spoken(&world, carol)?.last(), spoken(&world, bob)?.last());
    assert_eq!(spoken(&world, carol)?.len(), 2);
    // Alice, Bob, Carol, and the bystanders but the one who was put out.
    let here = ADDITIONS_MAX + 6 - 1 + 3;
    for who in [alice, bob, carol] {
        let members = world.core(who)?.group_members(group(&world, who)?)?;
        assert_eq!(members.len(), here);
    }
    world.nothing_is_wrong()
}
