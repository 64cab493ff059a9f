//! A world in which people sign up and talk, on a good day and on bad ones.

use anyhow::Result;
use comity_client::{Command, Permissions};
use comity_simulation::story::group_of;
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
        .expect("the group")
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
