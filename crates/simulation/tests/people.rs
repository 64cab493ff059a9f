//! Who is in a group and takes it over, who has what was said there, and how all are called: on the
//! devices that were there from the beginning, and on those that came later.

use anyhow::{Context as _, Result};
use comity_client::{Command, Permissions, What, Whom};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Who, World};

/// The group's local id.
fn group(world: &World, who: Who) -> Result<i64> {
    let all = world.core(who)?.conversations()?;
    let group = all.into_iter().find(|view| view.kind == "group");
    Ok(group.context("a group")?.conversation)
}

/// A day without faults: these people have signed up, and the first one knows all the others.
fn acquainted<const N: usize>(seed: u64, names: [&str; N]) -> Result<(World, [Who; N])> {
    let mut world = World::calm(seed)?;
    let people = names.map(|name| world.sign_up(name));
    let people: Vec<Who> = people.into_iter().collect::<Result<_>>()?;
    if let [first, others @ ..] = &people[..] {
        for other in others {
            world.befriend(*first, *other)?;
        }
    }
    let people = people.try_into().ok().context("as many as names")?;
    Ok((world, people))
}

fn add(world: &mut World, by: Who, who: Who) -> Result<()> {
    let conversation = group(world, by)?;
    let members = vec![world.address(who)?];
    let command = Command::AddMembers {
        conversation,
        members,
    };
    world.act(by, command)?;
    world.settle()
}

#[test]
fn the_last_admin_hands_a_group_to_who_was_there_longest() -> Result<()> {
    let (mut world, [alice, carol, bob]) = acquainted(21, ["Alice", "Carol", "Bob"])?;
    world.act(alice, group_of("Choir", Vec::new(), Permissions::default()))?;
    world.settle()?;
    add(&mut world, alice, carol)?;
    add(&mut world, alice, bob)?;
    let conversation = group(&world, alice)?;
    // Her place in the tree becomes that of the stranger who comes by the link.
    let member = world.address(carol)?;
    world.act(
        alice,
        Command::RemoveMember {
            conversation,
            member,
        },
    )?;
    world.settle()?;
    let link = world.invitation(alice, conversation)?;
    let ian = world.sign_up("Ian")?;
    world.act(ian, Command::JoinByInvitation { link })?;
    world.settle()?;
    let there = group(&world, ian)?;
    assert_eq!(world.core(ian)?.heir(there)?, None, "he is no admin");
    assert_eq!(
        world.core(alice)?.heir(conversation)?,
        Some(world.address(bob)?)
    );
    world.act(alice, Command::LeaveGroup { conversation })?;
    world.run_for(30_000);
    world.settle()?;
    for who in [bob, ian] {
        let members = world.core(who)?.group_members(group(&world, who)?)?;
        let admins: Vec<_> = members.iter().filter(|one| one.admin).collect();
        assert_eq!(members.len(), 2, "{}: {members:?}", world.name(who));
        assert!(
            matches!(admins[..], [one] if one.address == world.address(bob)?),
            "{}: {members:?}",
            world.name(who)
        );
    }
    world.nothing_is_wrong()
}
