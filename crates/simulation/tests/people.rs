//! Who is in a group and takes it over, who has what was said there, and how all are called: on the
//! devices that were there from the beginning, and on those that came later.

use anyhow::{Context as _, Result};
use comity_client::{Command, Event, Permissions, Status, TimelineItem, What, Whom};
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
    let people: [Who; N] = people.try_into().ok().context("as many as names")?;
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

fn say_in_group(world: &mut World, who: Who, text: &str) -> Result<()> {
    let there = Whom::Conversation(group(world, who)?);
    world.act(who, say(there, What::Text(text.to_owned())))?;
    world.settle()
}

fn read(world: &mut World, who: Who) -> Result<()> {
    let conversation = group(world, who)?;
    world.act(who, Command::MarkRead { conversation })?;
    world.settle()
}

/// The line with this text.
fn line(world: &World, who: Who, text: &str) -> Result<TimelineItem> {
    let items = world.core(who)?.timeline(group(world, who)?, None, 1_000)?;
    let found = items.into_iter().find(|item| item.text == text);
    found.with_context(|| format!("{} has no line {text}", world.name(who)))
}

#[test]
fn a_new_device_does_not_say_who_had_what_was_said_before_it_came() -> Result<()> {
    let (mut world, [alice, bob, carol]) = acquainted(22, ["Alice", "Bob", "Carol"])?;
    let members = vec![world.address(bob)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    say_in_group(&mut world, alice, "At six?")?;
    // She was not there, and has read nothing of it.
    add(&mut world, alice, carol)?;
    let tablet = world.link(alice, "Alice's tablet")?;
    world.run_for(30_000);
    world.settle()?;
    say_in_group(&mut world, alice, "At seven.")?;
    let before = line(&world, tablet, "At six?")?;
    assert_eq!(before.progress, None, "{:?}", before.status);
    let there = group(&world, tablet)?;
    let info = world.core(tablet)?.info(there, &before.message)?;
    assert!(!info.people_known && info.people.is_empty());
    let later = line(&world, tablet, "At seven.")?;
    assert_eq!(later.progress.map(|of| of.people), Some(2));
    let info = world.core(tablet)?.info(there, &later.message)?;
    assert!(info.people_known && info.people.len() == 2);
    // Where it was said, it is known.
    let info = world
        .core(alice)?
        .info(group(&world, alice)?, &before.message)?;
    let people: Vec<_> = info.people.into_iter().map(|one| one.address).collect();
    assert_eq!(people, [world.address(bob)?]);
    world.nothing_is_wrong()
}

#[test]
fn what_all_have_read_stays_read_when_they_have_left() -> Result<()> {
    let (mut world, [alice, bob]) = acquainted(23, ["Alice", "Bob"])?;
    let members = vec![world.address(bob)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    say_in_group(&mut world, alice, "At six?")?;
    read(&mut world, bob)?;
    say_in_group(&mut world, alice, "Or at seven?")?;
    let statuses = |world: &World| -> Result<[Status; 2]> {
        let one = line(world, alice, "At six?")?.status;
        Ok([one, line(world, alice, "Or at seven?")?.status])
    };
    assert_eq!(statuses(&world)?, [Status::Read, Status::Delivered]);
    let conversation = group(&world, bob)?;
    world.act(bob, Command::LeaveGroup { conversation })?;
    world.run_for(30_000);
    world.settle()?;
    assert_eq!(statuses(&world)?, [Status::Read, Status::Delivered]);
    add(&mut world, alice, bob)?;
    assert_eq!(statuses(&world)?, [Status::Read, Status::Delivered]);
    world.nothing_is_wrong()
}

#[test]
fn the_first_words_are_read_by_who_accepts_on_all_devices() -> Result<()> {
    let mut world = World::calm(24)?;
    let [kim, hal] = ["Kim", "Hal"].map(|name| world.sign_up(name));
    let (kim, hal) = (kim?, hal?);
    let [kims_tablet, hals_tablet] = [
        world.link(kim, "Kim's tablet")?,
        world.link(hal, "Hal's tablet")?,
    ];
    world.settle()?;
    world.befriend(kim, hal)?;
    world.run_for(30_000);
    world.settle()?;
    let address = world.address(hal)?;
    for device in [kim, kims_tablet] {
        let told = world
            .events(device)
            .iter()
            .filter(|event| matches!(event, Event::Accepted { address: by, .. } if *by == address));
        assert_eq!(told.count(), 1, "{}", world.name(device));
    }
    let told = |event: &Event| matches!(event, Event::Accepted { .. });
    assert!(!world.events(hal).iter().any(told));
    assert!(!world.events(hals_tablet).iter().any(told));
    let conversation = world.conversation(hal, kim)?.conversation;
    world.act(hal, Command::MarkRead { conversation })?;
    world.settle()?;
    for device in [kim, kims_tablet] {
        assert_eq!(
            world.chat(device, hal)?,
            "me: Hello, this is Kim. ✓✓ read\n",
            "{}",
            world.name(device)
        );
    }
    for device in [hal, hals_tablet] {
        let view = world.conversation(device, kim)?;
        assert_eq!(view.unread, 0, "{}", world.name(device));
    }
    world.nothing_is_wrong()
}

#[test]
fn a_new_device_knows_how_strangers_in_a_group_are_called() -> Result<()> {
    let (mut world, [alice, bob, hal]) = acquainted(25, ["Alice", "Bob", "Hal"])?;
    let members = vec![world.address(bob)?, world.address(hal)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    say_in_group(&mut world, hal, "Hello")?;
    let called = |world: &World, by: Who| -> Result<Option<String>> {
        let contact = world.core(by)?.contact(&world.address(hal)?)?;
        Ok(contact.map(|contact| contact.name))
    };
    assert_eq!(called(&world, bob)?.as_deref(), Some("Hal"));
    let tablet = world.link(bob, "Bob's tablet")?;
    world.run_for(30_000);
    world.settle()?;
    assert_eq!(called(&world, tablet)?.as_deref(), Some("Hal"));
    let contact = world.core(tablet)?.contact(&world.address(hal)?)?;
    assert!(contact.is_some_and(|contact| !contact.accepted));
    world.nothing_is_wrong()
}
