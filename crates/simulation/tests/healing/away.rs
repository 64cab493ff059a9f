//! Somebody is out of a group, or comes back, while one of their devices is away.

use super::{KeepsBack, group, the_groups_log};
use anyhow::{Context, Result};
use comity_client::{Command, ItemKind, Permissions, What, Whom};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Who, World};
use comity_wire::Address;
use std::sync::{Arc, Mutex};

/// Somebody says something in a group.
fn says(world: &mut World, who: Who, conversation: i64, text: &str) -> Result<()> {
    let what = What::Text(text.to_owned());
    world.act(who, say(Whom::Conversation(conversation), what))?;
    Ok(())
}

/// Somebody lets a person into a group.
fn lets_in(world: &mut World, who: Who, conversation: i64, member: &Address) -> Result<()> {
    let members = vec![member.clone()];
    let command = Command::AddMembers {
        conversation,
        members,
    };
    world.act(who, command)?;
    Ok(())
}

/// What the lines of the group say that a device shows.
fn shown(world: &World, who: Who) -> Result<Vec<String>> {
    let items = world.core(who)?.timeline(group(world, who)?, None, 100)?;
    Ok(items.into_iter().map(|item| item.text).collect())
}

fn the_end_is_gone_for_the_tablet(world: &mut World) -> Result<()> {
    let lie = KeepsBack {
        log: the_groups_log(world)?,
        is_gone_for: "Alice's tablet",
        ..KeepsBack::default()
    };
    world.set_malice(Arc::new(Mutex::new(lie)));
    Ok(())
}

#[test]
fn a_device_that_adds_somebody_to_a_group_which_its_account_left_learns_that_it_is_out()
-> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.act(alice, group_of("Choir", Vec::new(), Permissions::default()))?;
    world.settle()?;
    world.cut_off(tablet, 30_000);
    let conversation = group(&world, tablet)?;
    let added = world.address(bob)?;
    lets_in(&mut world, tablet, conversation, &added)?;
    let conversation = group(&world, alice)?;
    world.act(alice, Command::LeaveGroup { conversation })?;
    world.run_for(60_000);
    world.settle()?;
    for who in [alice, tablet] {
        let all = world.core(who)?.conversations()?;
        let group = all.iter().find(|view| view.kind == "group");
        let state = group.context("no group")?.state.as_str();
        assert_eq!(state, "left", "{}", world.name(who));
    }
    world.nothing_is_wrong()
}

#[test]
fn who_was_out_and_is_let_in_again_waits_for_nothing() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    let member = world.address(alice)?;
    world.act(
        bob,
        group_of("Choir", vec![member.clone()], Permissions::default()),
    )?;
    world.settle()?;
    // What took her out is there no more when the tablet comes.
    the_end_is_gone_for_the_tablet(&mut world)?;
    world.cut_off(tablet, 300_000);
    let conversation = group(&world, alice)?;
    world.act(alice, Command::LeaveGroup { conversation })?;
    world.run_until(400_000, |world| {
        world.warnings(tablet).contains(&"gap".to_owned())
    });
    // It asks to be let in, and is not.
    world.run_for(2_000);
    let conversation = group(&world, bob)?;
    lets_in(&mut world, bob, conversation, &member)?;
    world.settle()?;
    says(&mut world, bob, conversation, "Welcome back.")?;
    world.settle()?;
    let there = group(&world, tablet)?;
    let items = world.core(tablet)?.timeline(there, None, 100)?;
    let lines: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
    assert!(lines.contains(&"Welcome back."), "{lines:?}");
    assert!(!lines.contains(&"gap"), "{lines:?}");
    assert_eq!(world.warnings(tablet), ["gap"]);
    Ok(())
}

#[test]
fn who_knows_that_its_account_leaves_misses_nothing_of_what_follows() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    let member = world.address(alice)?;
    world.act(
        bob,
        group_of("Choir", vec![member.clone()], Permissions::default()),
    )?;
    world.settle()?;
    let conversation = group(&world, alice)?;
    world.act(alice, Command::LeaveGroup { conversation })?;
    let knows = world.run_until(10_000, |world| {
        let all = world
            .core(tablet)
            .and_then(|core| Ok(core.conversations()?));
        let mut all = all.into_iter().flatten();
        all.any(|view| view.group.is_some_and(|group| group.leaving))
    });
    assert!(knows, "the tablet read that Alice leaves");
    // What took her out is there no more when the tablet comes.
    the_end_is_gone_for_the_tablet(&mut world)?;
    world.cut_off(tablet, 300_000);
    world.run_for(400_000);
    world.settle()?;
    let there = group(&world, tablet)?;
    let all = world.core(tablet)?.conversations()?;
    let state = all.iter().find(|view| view.conversation == there);
    assert_eq!(state.context("the group")?.state, "left");
    let bobs = group(&world, bob)?;
    lets_in(&mut world, bob, bobs, &member)?;
    world.settle()?;
    let items = world.core(tablet)?.timeline(there, None, 100)?;
    let lines: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
    assert!(!lines.contains(&"gap"), "{lines:?}");
    assert_eq!(world.warnings(tablet), [""; 0]);
    world.nothing_is_wrong()
}

#[test]
fn who_was_away_when_they_were_taken_out_reads_what_came_before() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(bob, alice)?;
    world.befriend(bob, carol)?;
    let (to_alice, to_carol) = (world.address(alice)?, world.address(carol)?);
    world.act(
        bob,
        group_of(
            "Choir",
            vec![to_alice.clone(), to_carol],
            Permissions::default(),
        ),
    )?;
    world.settle()?;
    let conversation = group(&world, bob)?;
    world.cut_off(alice, 600_000);
    for text in ["Who sings on Sunday?", "Not Alice, I hear"] {
        says(&mut world, bob, conversation, text)?;
    }
    let command = Command::RemoveMember {
        conversation,
        member: to_alice,
    };
    world.act(bob, command)?;
    // All the others have it, and the hub sweeps more than once.
    world.run_for(500_000);
    world.run_for(200_000);
    world.settle()?;
    let items = world
        .core(alice)?
        .timeline(group(&world, alice)?, None, 100)?;
    let lines: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
    let end = ["Who sings on Sunday?", "Not Alice, I hear", "removed_you"];
    assert!(lines.ends_with(&end), "{lines:?}");
    assert_eq!(world.warnings(alice), [""; 0]);
    // Nothing is kept for her then.
    world.run_for(200_000);
    let kept: u64 = world.inspect_hub(|conn| {
        let of = "SELECT count(*) FROM entry e JOIN log l ON l.id = e.log WHERE l.kind = 3";
        conn.query_row(of, [], |row| row.get(0))
    })?;
    assert_eq!(kept, 0);
    world.nothing_is_wrong()
}

#[test]
fn what_was_said_before_an_account_left_is_read_on_its_other_devices_too() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    let member = world.address(alice)?;
    let members = vec![member.clone()];
    world.act(bob, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    world.cut_off(tablet, 600_000);
    let bobs = group(&world, bob)?;
    for text in ["Who sings on Sunday?", "Nobody?"] {
        says(&mut world, bob, bobs, text)?;
    }
    world.run_for(20_000);
    let conversation = group(&world, alice)?;
    world.act(alice, Command::LeaveGroup { conversation })?;
    // She is out, and the hub sweeps more than once.
    world.run_for(300_000);
    world.cut_off(alice, 900_000);
    world.run_for(400_000);
    // Back, and let in again, while nobody can be asked who read it.
    lets_in(&mut world, bob, bobs, &member)?;
    world.run_for(60_000);
    let there = group(&world, tablet)?;
    let items = world.core(tablet)?.timeline(there, None, 100)?;
    let lines: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
    let at = lines
        .iter()
        .position(|line| *line == "Who sings on Sunday?");
    let at = at.with_context(|| format!("{lines:?}"))?;
    assert_eq!(lines.get(at + 1), Some(&"Nobody?"), "{lines:?}");
    assert!(!lines.contains(&"gap"), "{lines:?}");
    world.settle()?;
    assert_eq!(world.warnings(tablet), [""; 0]);
    world.nothing_is_wrong()
}

#[test]
fn who_was_away_while_the_account_was_out_has_what_was_said_before_from_the_own_phone() -> Result<()>
{
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    let member = world.address(alice)?;
    let members = vec![member.clone()];
    world.act(bob, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    world.cut_off(tablet, 900_000);
    let bobs = group(&world, bob)?;
    says(&mut world, bob, bobs, "Who sings on Sunday?")?;
    world.run_for(20_000);
    let conversation = group(&world, alice)?;
    world.act(alice, Command::LeaveGroup { conversation })?;
    world.run_for(300_000);
    says(&mut world, bob, bobs, "Is she gone?")?;
    lets_in(&mut world, bob, bobs, &member)?;
    world.run_for(60_000);
    says(&mut world, bob, bobs, "Welcome back")?;
    // The tablet sees all of that at once.
    world.run_for(600_000);
    world.settle()?;
    let said = |who: Who| -> Result<Vec<String>> {
        let there = group(&world, who)?;
        let items = world.core(who)?.timeline(there, None, 100)?;
        let own = items.into_iter().map(|item| item.text);
        Ok(own
            .filter(|text| text.contains(' ') || text == "gap")
            .collect())
    };
    let both = ["Who sings on Sunday?", "Welcome back"].map(str::to_owned);
    assert_eq!(said(alice)?, both);
    assert_eq!(said(tablet)?, both);
    assert_eq!(world.warnings(tablet), [""; 0]);
    world.nothing_is_wrong()
}

#[test]
fn who_was_taken_out_unread_and_brought_back_reads_what_was_said_before() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    let member = world.address(alice)?;
    let members = vec![member.clone()];
    world.act(bob, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    world.cut_off(alice, 900_000);
    let conversation = group(&world, bob)?;
    let tell = |world: &mut World, text: &str| -> Result<()> {
        says(world, bob, conversation, text)?;
        world.run_for(20_000);
        Ok(())
    };
    tell(&mut world, "Who sings on Sunday?")?;
    let out = Command::RemoveMember {
        conversation,
        member: member.clone(),
    };
    world.act(bob, out)?;
    world.run_for(60_000);
    tell(&mut world, "Is she gone?")?;
    lets_in(&mut world, bob, conversation, &member)?;
    world.run_for(60_000);
    tell(&mut world, "Welcome back")?;
    world.run_for(900_000);
    world.settle()?;
    let there = group(&world, alice)?;
    let items = world.core(alice)?.timeline(there, None, 100)?;
    let texts = items.into_iter().map(|item| item.text);
    let lines: Vec<String> = texts
        .filter(|text| text.contains(' ') || text == "gap")
        .collect();
    // Not what was said while she was out.
    assert_eq!(lines, ["Who sings on Sunday?", "Welcome back"]);
    world.nothing_is_wrong()
}

#[test]
fn who_was_taken_out_and_brought_back_over_and_over_while_away_reads_each_stay() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    let member = world.address(alice)?;
    let members = vec![member.clone()];
    world.act(bob, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    let conversation = group(&world, bob)?;
    world.cut_off(alice, 600_000);
    says(&mut world, bob, conversation, "In May")?;
    for text in ["In June", "In July"] {
        world.run_for(5_000);
        let command = Command::RemoveMember {
            conversation,
            member: member.clone(),
        };
        world.act(bob, command)?;
        world.run_for(20_000);
        lets_in(&mut world, bob, conversation, &member)?;
        world.run_for(20_000);
        says(&mut world, bob, conversation, text)?;
    }
    world.run_for(600_000);
    world.settle()?;
    let lines = shown(&world, alice)?;
    let said: Vec<&String> = lines
        .iter()
        .filter(|line| line.starts_with("In "))
        .collect();
    assert_eq!(said, ["In May", "In June", "In July"], "{lines:?}");
    assert!(!lines.contains(&"gap".to_owned()), "{lines:?}");
    assert_eq!(world.warnings(alice), [""; 0]);
    world.nothing_is_wrong()
}

/// Where the other device is when somebody leaves on one.
#[derive(Clone, Copy, PartialEq)]
enum Tablet {
    There,
    Away,
    /// Away already when something was said before, and started anew so long after it is there again.
    Behind(u64),
    /// Away already when it was let in, likewise.
    NotInYet(u64),
    /// Let in once more while it is away, likewise.
    NotBackYet(u64),
}

impl Tablet {
    fn started_anew(self) -> Option<u64> {
        match self {
            Self::Behind(later_ms) | Self::NotInYet(later_ms) | Self::NotBackYet(later_ms) => {
                Some(later_ms)
            }
            Self::There | Self::Away => None,
        }
    }
}

const AWAY_MS: u64 = 60_000;

/// The last account of a group leaves it on one device.
fn the_last_one_leaves(tablet_is: Tablet) -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    world.settle()?;
    let mut there_again_ms = 0;
    let mut goes_away = |world: &mut World| {
        world.cut_off(tablet, AWAY_MS);
        there_again_ms = world.elapsed_ms() + AWAY_MS;
    };
    if let Tablet::NotInYet(_) = tablet_is {
        goes_away(&mut world);
    }
    if let Tablet::NotBackYet(_) = tablet_is {
        let bob = world.sign_up("Bob")?;
        world.befriend(bob, alice)?;
        let member = world.address(alice)?;
        let members = vec![member.clone()];
        world.act(bob, group_of("Choir", members, Permissions::default()))?;
        world.settle()?;
        let conversation = group(&world, alice)?;
        world.act(alice, Command::LeaveGroup { conversation })?;
        world.settle()?;
        goes_away(&mut world);
        let conversation = group(&world, bob)?;
        lets_in(&mut world, bob, conversation, &member)?;
        world.run_for(10_000);
        world.act(bob, Command::LeaveGroup { conversation })?;
    } else {
        world.act(alice, group_of("Choir", Vec::new(), Permissions::default()))?;
    }
    world.run_for(10_000);
    let conversation = group(&world, alice)?;
    if let Tablet::Away | Tablet::Behind(_) = tablet_is {
        goes_away(&mut world);
    }
    if tablet_is.started_anew().is_some() {
        says(&mut world, alice, conversation, "Nobody is left.")?;
        world.run_for(10_000);
    }
    world.act(alice, Command::LeaveGroup { conversation })?;
    if let Some(later_ms) = tablet_is.started_anew() {
        world.run_for(there_again_ms.saturating_sub(world.elapsed_ms()) + later_ms);
        world.crash(tablet, 1_000);
        // It is told, and has to find out nothing by what it is refused.
        world.run_for(15_000);
    } else {
        world.run_for(120_000);
        world.settle()?;
    }
    for who in [alice, tablet] {
        let all = world.core(who)?.conversations()?;
        let group = all.iter().find(|view| view.kind == "group");
        let state = group.context("no group")?.state.as_str();
        assert_eq!(state, "left", "{}", world.name(who));
    }
    if tablet_is.started_anew().is_some() {
        assert!(shown(&world, tablet)?.contains(&"Nobody is left.".to_owned()));
    }
    world.nothing_is_wrong()
}

#[test]
fn who_leaves_as_the_last_one_has_left_on_all_devices() -> Result<()> {
    the_last_one_leaves(Tablet::There)?;
    the_last_one_leaves(Tablet::Away)?;
    // What is left to be read is asked for while the program may end at any moment.
    for moment in 0..30 {
        let later_ms = moment * 100;
        let after = format!("{later_ms} ms after it was there again");
        the_last_one_leaves(Tablet::Behind(later_ms)).context(after.clone())?;
        the_last_one_leaves(Tablet::NotInYet(later_ms)).context(after.clone())?;
        the_last_one_leaves(Tablet::NotBackYet(later_ms)).context(after)?;
    }
    Ok(())
}

#[test]
fn a_line_that_was_deleted_looks_the_same_to_a_device_that_missed_it() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    let members = vec![world.address(alice)?];
    world.act(bob, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    the_end_is_gone_for_the_tablet(&mut world)?;
    world.cut_off(tablet, 20_000);
    let there = group(&world, bob)?;
    says(&mut world, bob, there, "Six it is.")?;
    world.run_for(2_000);
    let last = world.core(bob)?.timeline(there, None, 1)?;
    let target = last.first().context("a line")?.message;
    world.act(bob, say(Whom::Conversation(there), What::Delete { target }))?;
    world.run_for(30_000);
    world.settle()?;
    for who in [alice, tablet, bob] {
        let name = world.name(who).to_owned();
        let line = world.core(who)?.item(group(&world, who)?, &target)?;
        let line = line.with_context(|| format!("{name} does not show it"))?;
        assert!(line.deleted, "{name}");
        assert_eq!(line.kind, ItemKind::Text, "{name}");
    }
    Ok(())
}

#[test]
fn what_was_missed_is_asked_for_when_one_may_speak_again() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    let members = vec![world.address(bob)?];
    let only_admins_speak = |only_admins_speak| Permissions {
        only_admins_speak,
        ..Permissions::default()
    };
    world.act(alice, group_of("Choir", members, only_admins_speak(true)))?;
    world.settle()?;
    let lie = KeepsBack {
        log: the_groups_log(&world)?,
        is_gone_for: "Bob",
        ..KeepsBack::default()
    };
    world.set_malice(Arc::new(Mutex::new(lie)));
    world.cut_off(bob, 10_000);
    let conversation = group(&world, alice)?;
    says(&mut world, alice, conversation, "Six it is.")?;
    world.run_for(20_000);
    world.settle()?;
    assert!(shown(&world, bob)?.contains(&"gap".to_owned()));
    let permissions = only_admins_speak(false);
    let command = Command::SetPermissions {
        conversation,
        permissions,
    };
    world.act(alice, command)?;
    world.run_for(10_000);
    world.settle()?;
    let lines = shown(&world, bob)?;
    assert!(lines.contains(&"Six it is.".to_owned()), "{lines:?}");
    assert!(!lines.contains(&"gap".to_owned()), "{lines:?}");
    Ok(())
}
