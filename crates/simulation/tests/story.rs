//! A world in which people sign up and talk, on a good day and on bad ones.

use anyhow::{Context as _, Result};
use comity_client::{Command, Event, ItemKind, Permissions, What, Whom};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Faults, Who, World};

fn two_talk(world: &mut World) -> Result<()> {
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.say(bob, alice, "Did you find the score?")?;
    world.settle()?;
    world.say(alice, bob, "Yes.")?;
    world.settle()?;
    assert_eq!(
        world.chat(bob, alice)?,
        "Alice: Hello, this is Alice.\nme: Did you find the score? ✓✓\nAlice: Yes.\n"
    );
    world.nothing_is_wrong()
}

#[test]
fn two_people_talk() -> Result<()> {
    two_talk(&mut World::calm(1)?)
}

#[test]
fn the_same_seed_is_the_same_run() -> Result<()> {
    let mut runs = Vec::new();
    for _ in 0..2 {
        let mut world = World::new(3, Faults::WILD)?;
        world.keep_lines();
        let said = two_talk(&mut world);
        runs.push((world.lines().to_vec(), said.is_ok()));
    }
    for (index, (one, other)) in runs[0].0.iter().zip(&runs[1].0).enumerate() {
        assert_eq!(one, other, "line {index}");
    }
    assert_eq!(runs[0].0.len(), runs[1].0.len());
    Ok(())
}

#[test]
fn more_than_fits_into_one_answer_comes_in_several() -> Result<()> {
    let mut world = World::calm(41)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    let tablet = world.link(bob, "Bob's tablet")?;
    world.settle()?;
    let before = world.snapshot(tablet)?;
    let mut said = Vec::new();
    for number in 0..620 {
        let text = format!("Line {number}.");
        world.say(alice, bob, &text)?;
        said.push(format!("Alice: {text}\n"));
    }
    world.settle()?;
    assert!(world.chat(tablet, alice)?.ends_with(&said.concat()));
    world.run_for(10_000);
    // All of it is forgotten, and the hub keeps the last three entries only, or the row that they are in.
    world.tamper_hub(|hub| {
        let log: i64 =
            hub.query_row("SELECT id FROM log ORDER BY head DESC LIMIT 1", [], |row| {
                row.get(0)
            })?;
        hub.execute(
            "UPDATE log SET first = (SELECT max(seq) FROM entry
                                     WHERE log = ?1 AND seq <= head - 2) WHERE id = ?1",
            [log],
        )?;
        hub.execute(
            "DELETE FROM entry WHERE log = ?1 AND seq < (SELECT first FROM log WHERE id = ?1)",
            [log],
        )?;
        Ok(())
    })?;
    world.restore(tablet, &before)?;
    world.run_for(20_000);
    world.act(tablet, comity_client::Command::GoOnHere)?;
    world.settle()?;
    world.run_for(60_000);
    world.settle()?;
    let shown = world.chat(tablet, alice)?;
    let lines: Vec<String> = shown
        .lines()
        .filter(|line| line.starts_with("Alice: Line"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert_eq!(lines, said);
    assert!(
        !shown.contains("gap") && !shown.contains("missing"),
        "{shown}"
    );
    world.nothing_is_wrong()
}

/// How somebody is called in another's list of people.
fn called(world: &World, by: Who, who: Who) -> Result<String> {
    let contact = world.core(by)?.contact(&world.address(who)?)?;
    Ok(contact.map_or_else(|| "nobody".to_owned(), |contact| contact.name))
}

/// The group's local id.
fn group(world: &World, who: Who) -> Result<i64> {
    let all = world.core(who)?.conversations()?;
    let group = all.into_iter().find(|view| view.kind == "group");
    Ok(group.context("a group")?.conversation)
}

fn say_in_group(world: &mut World, who: Who, text: &str) -> Result<()> {
    let there = Whom::Conversation(group(world, who)?);
    world.act(who, say(there, What::Text(text.to_owned())))?;
    world.settle()
}

/// Where who joins gets what was said before.
const HISTORY: Permissions = Permissions {
    members_add: false,
    members_edit: false,
    only_admins_speak: false,
    history_for_new: true,
};

#[test]
fn history_that_one_device_gave_the_others_do_not_give_again() -> Result<()> {
    let mut world = World::calm(8)?;
    let [alice, bob, carol] = ["Alice", "Bob", "Carol"].map(|name| world.sign_up(name));
    let (alice, bob, carol) = (alice?, bob?, carol?);
    let tablet = world.link(alice, "Alice's tablet")?;
    world.befriend(alice, bob)?;
    world.befriend(alice, carol)?;
    let members = vec![world.address(bob)?];
    world.act(alice, group_of("Choir", members, HISTORY))?;
    world.settle()?;
    say_in_group(&mut world, alice, "Welcome.")?;
    let conversation = group(&world, alice)?;
    let members = vec![world.address(carol)?];
    world.act(
        alice,
        Command::AddMembers {
            conversation,
            members,
        },
    )?;
    world.settle()?;
    // Longer than anybody waits whether another gives it.
    world.run_for(300_000);
    world.settle()?;
    let there = group(&world, carol)?;
    assert_eq!(
        world.chat_of(carol, there)?,
        "Alice: Welcome.\n— Alice: added:".to_owned() + &world.address(carol)?.to_string() + "\n"
    );
    for who in [alice, tablet, bob, carol] {
        let warned = world.warnings(who);
        assert!(warned.is_empty(), "{}: {warned:?}", world.name(who));
    }
    world.nothing_is_wrong()
}

#[test]
fn who_joins_by_the_link_reads_what_was_said_before() -> Result<()> {
    let mut world = World::calm(9)?;
    let [alice, bob, dora] = ["Alice", "Bob", "Dora"].map(|name| world.sign_up(name));
    let (alice, bob, dora) = (alice?, bob?, dora?);
    world.befriend(alice, bob)?;
    let members = vec![world.address(bob)?];
    world.act(alice, group_of("Choir", members, HISTORY))?;
    world.settle()?;
    say_in_group(&mut world, alice, "Welcome.")?;
    let conversation = group(&world, alice)?;
    let link = world.invitation(alice, conversation)?;
    world.act(dora, Command::JoinByInvitation { link: link.clone() })?;
    world.run_for(10_000);
    let there = group(&world, dora)?;
    let chat = world.chat_of(dora, there)?;
    assert!(chat.starts_with("Alice: Welcome.\n"), "at once: {chat}");
    // The admin's device is away: another member gives it a little later.
    let emil = world.sign_up("Emil")?;
    world.cut_off(alice, 120_000);
    world.act(emil, Command::JoinByInvitation { link })?;
    world.run_for(60_000);
    let there = group(&world, emil)?;
    let chat = world.chat_of(emil, there)?;
    assert!(chat.contains(": Welcome.\n"), "{chat}");
    world.run_for(300_000);
    world.settle()?;
    for who in [alice, bob, dora, emil] {
        let warned = world.warnings(who);
        assert!(warned.is_empty(), "{}: {warned:?}", world.name(who));
    }
    world.nothing_is_wrong()
}

#[test]
fn a_new_name_is_seen_by_all_with_whom_one_talks() -> Result<()> {
    let mut world = World::calm(10)?;
    let [alice, bob, carol] = ["Alice", "Bob", "Carol"].map(|name| world.sign_up(name));
    let (alice, bob, carol) = (alice?, bob?, carol?);
    world.befriend(alice, bob)?;
    world.befriend(alice, carol)?;
    let members = vec![world.address(bob)?, world.address(carol)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    let command = |name: &str| Command::SetProfile {
        name: Some(name.to_owned()),
        about: None,
    };
    world.act(bob, command("Robert"))?;
    world.settle()?;
    // Carol never spoke with him alone, and nobody looks at the group.
    for who in [alice, carol] {
        assert_eq!(called(&world, who, bob)?, "Robert");
    }
    // What is the same as before is told to nobody.
    let heads = |world: &World| -> Result<i64> {
        world.inspect_hub(|hub| {
            hub.query_row(
                "SELECT sum(head) FROM log WHERE kind IN (2, 3)",
                [],
                |row| row.get(0),
            )
        })
    };
    let before = heads(&world)?;
    world.act(bob, command("Robert"))?;
    world.settle()?;
    assert_eq!(heads(&world)?, before);
    world.nothing_is_wrong()
}

#[test]
fn a_line_of_a_group_is_read_when_all_read_it() -> Result<()> {
    let mut world = World::calm(11)?;
    let [alice, bob, carol] = ["Alice", "Bob", "Carol"].map(|name| world.sign_up(name));
    let (alice, bob, carol) = (alice?, bob?, carol?);
    world.befriend(alice, bob)?;
    world.befriend(alice, carol)?;
    let members = vec![world.address(bob)?, world.address(carol)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    world.cut_off(carol, 60_000);
    let there = Whom::Conversation(group(&world, alice)?);
    world.act(alice, say(there, What::Text("At six?".to_owned())))?;
    world.run_for(5_000);
    let reads = |world: &mut World, who: Who| -> Result<()> {
        let conversation = group(world, who)?;
        world.act(who, Command::MarkRead { conversation })?;
        Ok(())
    };
    let shown = |world: &World| -> Result<String> {
        let chat = world.chat_of(alice, group(world, alice)?)?;
        Ok(chat.lines().last().unwrap_or_default().to_owned())
    };
    reads(&mut world, bob)?;
    world.run_for(5_000);
    assert_eq!(shown(&world)?, "me: At six? ✓", "Carol is away");
    world.run_for(90_000);
    world.settle()?;
    assert_eq!(shown(&world)?, "me: At six? ✓✓", "Carol has it");
    reads(&mut world, carol)?;
    world.run_for(20_000);
    world.settle()?;
    assert_eq!(shown(&world)?, "me: At six? ✓✓ read");
    // Who comes later is none of those who have to read it.
    let dora = world.sign_up("Dora")?;
    world.befriend(alice, dora)?;
    let conversation = group(&world, alice)?;
    let members = vec![world.address(dora)?];
    let command = Command::AddMembers {
        conversation,
        members,
    };
    world.act(alice, command)?;
    world.settle()?;
    let chat = world.chat_of(alice, conversation)?;
    assert!(chat.contains("me: At six? ✓✓ read\n"), "{chat}");
    world.nothing_is_wrong()
}

#[test]
fn strangers_in_a_group_and_who_came_by_its_link_have_names() -> Result<()> {
    let mut world = World::calm(7)?;
    let [alice, bob, carol] = ["Alice", "Bob", "Carol"].map(|name| world.sign_up(name));
    let (alice, bob, carol) = (alice?, bob?, carol?);
    world.befriend(alice, bob)?;
    world.befriend(alice, carol)?;
    let members = vec![world.address(bob)?, world.address(carol)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    assert_eq!(called(&world, bob, carol)?, "Carol");
    assert_eq!(called(&world, carol, bob)?, "Bob");
    let groups = world.core(alice)?.conversations()?;
    let conversation = groups
        .iter()
        .find(|view| view.kind == "group")
        .context("the group")?
        .conversation;
    let link = world.invitation(alice, conversation)?;
    let dora = world.sign_up("Dora")?;
    world.act(dora, Command::JoinByInvitation { link })?;
    world.settle()?;
    for one in [alice, bob, carol] {
        assert_eq!(called(&world, one, dora)?, "Dora");
    }
    assert_eq!(called(&world, dora, bob)?, "Bob");
    world.nothing_is_wrong()
}

/// What the notes to self say by themselves.
fn own_notices(world: &World, who: Who) -> Result<Vec<String>> {
    let core = world.core(who)?;
    let all = core.conversations()?;
    let own = all.iter().find(|view| view.kind == "self");
    let own = own.context("notes to self")?.conversation;
    let items = core.timeline(own, None, 100)?.into_iter();
    let notices = items.filter(|item| item.kind == ItemKind::Notice);
    Ok(notices.map(|item| item.text).collect())
}

#[test]
fn that_a_device_became_an_owner_is_said_on_the_others() -> Result<()> {
    let mut world = World::calm(8)?;
    let bob = world.sign_up("Bob")?;
    let [second, third] = ["second", "third"].map(|name| world.link(bob, name));
    let (second, third) = (second?, third?);
    world.settle()?;
    let everyone = [bob, second, third];
    let before = everyone.map(|who| world.events(who).len());
    let device = world.core(second)?.account()?.context("signed up")?.device;
    world.act(bob, Command::PromoteDevice(device))?;
    world.settle()?;
    assert!(world.core(second)?.account()?.context("signed up")?.owner);
    for (who, since) in everyone.into_iter().zip(before) {
        let told = &world.events(who)[since..];
        let changed = |event: &Event| matches!(event, Event::DevicesChanged { .. });
        assert_eq!(told.iter().filter(|event| changed(event)).count(), 1);
        let warned = |event: &Event| matches!(event, Event::Warning { .. });
        assert!(!told.iter().any(warned), "{}: {told:?}", world.name(who));
    }
    // Where it was done, and on the device itself, it needs no saying. That has seen the third come.
    assert!(own_notices(&world, bob)?.is_empty());
    assert_eq!(own_notices(&world, second)?, ["device_added"]);
    assert_eq!(own_notices(&world, third)?, ["owner_added"]);
    world.nothing_is_wrong()
}
