//! Two apps whose people share conversations, on good days and on bad ones: the hub and the
//! follower both run.

use anyhow::{Context, Result};
use comity_client::{Command, Event, ItemKind, Permissions, TimelineItem, What, Whom};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Dice, Faults, Who, World};
use std::collections::BTreeMap;

/// A group at the first app with an invitation link: its local id there, and the link.
fn invite(world: &mut World, alice: Who) -> Result<(i64, String)> {
    world.act(alice, group_of("Choir", Vec::new(), Permissions::default()))?;
    world.settle()?;
    let all = world.core(alice)?.conversations()?;
    let group = all.iter().find(|view| view.kind == "group");
    let conversation = group.context("no group")?.conversation;
    let link = world.invitation(alice, conversation)?;
    Ok((conversation, link))
}

/// Joins by the link; the local id of the group.
fn join(world: &mut World, who: Who, link: &str) -> Result<i64> {
    let link = link.to_owned();
    world.act(who, Command::JoinByInvitation { link })?;
    world.run_until(600_000, |world| group(world, who).is_some());
    group(world, who).with_context(|| {
        format!(
            "{} does not get in: {:?}",
            world.name(who),
            world.events(who).last()
        )
    })
}

fn group(world: &World, who: Who) -> Option<i64> {
    let all = world.core(who).ok()?.conversations().ok()?;
    all.into_iter()
        .find(|view| view.kind == "group" && view.state == "active")
        .map(|view| view.conversation)
}

/// Everything that was said in the group, as one device has it: number, author, text.
fn said(world: &World, who: Who, group: i64) -> Result<BTreeMap<u64, (String, String)>> {
    let mut lines = BTreeMap::new();
    for item in world.core(who)?.timeline(group, None, 10_000)? {
        anyhow::ensure!(
            item.kind != ItemKind::Unreadable,
            "{} can not read {:?}: {}",
            world.name(who),
            item.seq,
            item.failure
        );
        if item.kind == ItemKind::Text {
            let seq = item
                .seq
                .with_context(|| format!("{} has something unsent", world.name(who)))?;
            lines.insert(seq, (item.author.to_string(), item.text));
        }
    }
    Ok(lines)
}

#[test]
fn a_link_leads_into_the_group_of_another_app() -> Result<()> {
    let mut world = World::family(1, Faults::CALM)?;
    let alice = world.sign_up("Alice")?;
    let (at_alice, link) = invite(&mut world, alice)?;
    world.go_to(1);
    let bob = world.sign_up("Bob")?;
    assert_eq!(world.address(bob)?.app.as_str(), "other.example");
    let at_bob = join(&mut world, bob, &link)?;
    world.settle()?;
    let text = |text: &str| What::Text(text.to_owned());
    world.act(bob, say(Whom::Conversation(at_bob), text("Am I in?")))?;
    world.settle()?;
    world.act(alice, say(Whom::Conversation(at_alice), text("You are.")))?;
    world.settle()?;
    let here = said(&world, alice, at_alice)?;
    assert_eq!(here, said(&world, bob, at_bob)?);
    let texts: Vec<_> = here.into_values().map(|(_, text)| text).collect();
    assert_eq!(texts, ["Am I in?", "You are."]);
    assert!(world.chat_of(bob, at_bob)?.contains("me: Am I in? ✓✓"));

    // They know each other by the group: a word in private is an introduction across apps.
    let bobs = world.address(bob)?;
    let before = world.events(bob).len();
    world.act(alice, say(Whom::Person(bobs), text("Just between us?")))?;
    let asks = world.wait_for(bob, before, |event| match event {
        Event::Request { request } => Some(request.address.clone()),
        _ => None,
    })?;
    assert_eq!(asks, world.address(alice)?);
    world.act(bob, Command::Accept(asks))?;
    world.settle()?;
    world.say(bob, alice, "Sure.")?;
    world.settle()?;
    let chat = world.chat(alice, bob)?;
    assert!(
        chat.contains("me: Just between us?") && chat.contains(": Sure."),
        "{chat}"
    );
    world.nothing_is_wrong()
}

/// One bad time: people of both apps talk while both servers crash and the link breaks.
fn bad_time(seed: u64) -> Result<()> {
    let mut world = World::family(seed, Faults::CALM)?;
    let alice = world.sign_up("Alice")?;
    let carol = world.sign_up("Carol")?;
    let (at_alice, link) = invite(&mut world, alice)?;
    let at_carol = join(&mut world, carol, &link)?;
    world.go_to(1);
    let bob = world.sign_up("Bob")?;
    let dora = world.sign_up("Dora")?;
    let at_bob = join(&mut world, bob, &link)?;
    let at_dora = join(&mut world, dora, &link)?;
    world.settle()?;
    let people = [
        (alice, at_alice),
        (carol, at_carol),
        (bob, at_bob),
        (dora, at_dora),
    ];
    let mut dice = Dice::named(seed, "bad time");
    world.set_faults(Faults::WILD);
    let mut count: BTreeMap<usize, usize> = BTreeMap::new();
    for n in 0..30 {
        let (who, group) = dice.one_of(&people);
        match dice.between(0, 12) {
            0 => world.crash_hub(dice.between(100, 20_000)),
            1 => world.crash_sibling(dice.between(100, 20_000)),
            2 => world.cut_apps(dice.between(100, 60_000)),
            3 => world.crash_hub_at(dice.between(1, 400)),
            4 => world.crash_sibling_at(dice.between(1, 400)),
            5 => world.cut_off(who, dice.between(100, 30_000)),
            _ => {
                let text = What::Text(format!("{} says {n}", world.name(who)));
                if world.core(who).is_ok() {
                    world.act(who, say(Whom::Conversation(group), text))?;
                    *count.entry(n).or_default() += 1;
                }
            }
        }
        world.run_for(dice.between(0, 8_000));
    }
    world.set_faults(Faults::CALM);
    world.run_for(90_000);
    world.settle()?;
    let wanted = said(&world, alice, at_alice)?;
    anyhow::ensure!(
        wanted.len() == count.len(),
        "{} of {}",
        wanted.len(),
        count.len()
    );
    for (who, group) in people {
        let here = said(&world, who, group)?;
        anyhow::ensure!(here == wanted, "{} has another history", world.name(who));
    }
    world.nothing_is_wrong()
}

#[test]
fn bad_times_end_with_one_history_on_both_apps() -> Result<()> {
    for seed in 1..=6 {
        bad_time(seed).with_context(|| format!("seed {seed}"))?;
    }
    Ok(())
}

#[test]
fn the_same_seed_is_the_same_run() -> Result<()> {
    let mut traces = Vec::new();
    for _ in 0..2 {
        let mut world = World::family(11, Faults::WILD)?;
        let alice = world.sign_up("Alice")?;
        let (_, link) = invite(&mut world, alice)?;
        world.go_to(1);
        let bob = world.sign_up("Bob")?;
        join(&mut world, bob, &link)?;
        world.crash_sibling(3_000);
        world.run_for(60_000);
        traces.push(world.trace());
    }
    assert_eq!(traces[0], traces[1]);
    Ok(())
}

/// Two people of two apps who know each other by a group: who is there first has the lower address.
fn acquainted(world: &mut World) -> Result<(Who, Who)> {
    let alice = world.sign_up("Alice")?;
    let (_, link) = invite(world, alice)?;
    world.go_to(1);
    let bob = world.sign_up("Bob")?;
    join(world, bob, &link)?;
    world.settle()?;
    if world.address(alice)? < world.address(bob)? {
        Ok((alice, bob))
    } else {
        Ok((bob, alice))
    }
}

/// The texts of the conversation with a person, in their order.
fn texts(world: &World, who: Who, with: Who) -> Result<Vec<String>> {
    let view = world.conversation(who, with)?;
    let items = world.core(who)?.timeline(view.conversation, None, 1_000)?;
    let texts = items.into_iter().filter(|item| item.kind == ItemKind::Text);
    Ok(texts.map(|item| item.text).collect())
}

fn line(world: &World, who: Who, with: Who, text: &str) -> Result<TimelineItem> {
    let conversation = world.conversation(who, with)?.conversation;
    let items = world.core(who)?.timeline(conversation, None, 100)?;
    let line = items.into_iter().find(|item| item.text == text);
    line.with_context(|| format!("{} does not show {text:?}", world.name(who)))
}

/// What they have said first is put in better words, and thought well of.
fn amend(world: &mut World, who: Who, with: Who) -> Result<()> {
    let conversation = Whom::Conversation(world.conversation(who, with)?.conversation);
    let target = line(world, who, with, "First word")?.message;
    let text = "First word, and a better one".to_owned();
    world.act(who, say(conversation.clone(), What::Edit { target, text }))?;
    let target = line(world, who, with, "It is you!")?.message;
    let emoji = "🎶".to_owned();
    world.act(who, say(conversation, What::React { target, emoji }))?;
    Ok(())
}

#[test]
fn conversations_begun_at_once_at_two_apps_become_one() -> Result<()> {
    let text = |text: &str| What::Text(text.to_owned());
    let (mut began, mut moved) = (0, 0);
    for seed in 20..28 {
        let mut world = World::family(seed, Faults::CALM)?;
        let (low, high) = acquainted(&mut world)?;
        let (lows, highs) = (world.address(low)?, world.address(high)?);
        let state = |world: &World, who, with| {
            let view = world.conversation(who, with);
            view.map(|view| view.state).unwrap_or_default()
        };
        // Both ask at once. The lower one's device begins as soon as it hears of that; the other
        // person agrees by hand before anything of it has arrived.
        world.act(low, say(Whom::Person(highs.clone()), text("Hello?")))?;
        world.act(high, say(Whom::Person(lows.clone()), text("It is you!")))?;
        world.run_until(60_000, |world| {
            let core = world.core(high);
            core.is_ok_and(|core| core.requests().is_ok_and(|all| !all.is_empty()))
        });
        if world.core(high)?.requests()?.is_empty() {
            // The other was so quick that nothing was left to agree to.
            continue;
        }
        world.act(high, Command::Accept(lows.clone()))?;
        if seed % 2 == 0 {
            world.cut_apps(700 * (seed - 19));
        }
        world.run_until(120_000, |world| state(world, high, low) == "active");
        let before = world.conversation(high, low)?.conversation;
        let begun = world
            .core(high)?
            .conversation_id(before)?
            .context("no id")?;
        began += u32::from(begun.hub == highs.app);
        world.say(high, low, "First word")?;
        world.say(low, high, "Another one")?;
        world.run_for(1_000);
        amend(&mut world, high, low)?;
        world.run_for(20_000);
        world.settle()?;
        world.say(high, low, "Are we one?")?;
        world.say(low, high, "We are.")?;
        world.settle()?;

        let mut ids = Vec::new();
        for (who, with) in [(low, high), (high, low)] {
            let view = world.conversation(who, with)?;
            let id = world.core(who)?.conversation_id(view.conversation)?;
            ids.push(id.context("no id")?);
        }
        assert_eq!(ids[0], ids[1], "seed {seed}");
        moved += u32::from(begun != ids[1]);
        for (who, with) in [(low, high), (high, low)] {
            let mut said = texts(&world, who, with)?;
            said.sort();
            let all = [
                "Another one",
                "Are we one?",
                "First word, and a better one",
                "Hello?",
                "It is you!",
                "We are.",
            ];
            assert_eq!(said, all, "seed {seed}: {}", world.name(who));
            let own = line(&world, who, with, "It is you!")?;
            let emoji = own.reactions.iter().map(|one| one.emoji.as_str());
            assert_eq!(
                emoji.collect::<Vec<_>>(),
                ["🎶"],
                "seed {seed}: {}",
                world.name(who)
            );
        }
        world.nothing_is_wrong()?;
    }
    assert!(
        began > 0 && moved > 0,
        "two were begun at once {began}, and one gave way {moved} times"
    );
    Ok(())
}

#[test]
fn what_is_said_the_moment_an_own_entry_came_goes_where_it_was_meant() -> Result<()> {
    let mut world = World::family(31, Faults::CALM)?;
    let alice = world.sign_up("Alice")?;
    let (at_alice, link) = invite(&mut world, alice)?;
    world.go_to(1);
    let bob = world.sign_up("Bob")?;
    let at_bob = join(&mut world, bob, &link)?;
    let tablet = world.link(bob, "Bob's tablet")?;
    world.settle()?;
    let text = |text: &str| What::Text(text.to_owned());
    for round in 0..8 {
        // The copy has the entry before its author is answered.
        world.act(
            bob,
            say(Whom::Conversation(at_bob), text(&format!("{round}"))),
        )?;
        world.run_until(30_000, |world| {
            said(world, bob, at_bob).is_ok_and(|lines| lines.len() == round + 1)
        });
        world.act(bob, say(Whom::Myself, text(&format!("note {round}"))))?;
    }
    world.settle()?;
    assert_eq!(said(&world, alice, at_alice)?.len(), 8);
    let all = world.core(tablet)?.conversations()?;
    let own = all
        .iter()
        .find(|view| view.kind == "self")
        .context("no self")?;
    let notes = world.core(tablet)?.timeline(own.conversation, None, 100)?;
    let notes = notes.iter().filter(|item| item.kind == ItemKind::Text);
    assert_eq!(notes.count(), 8);
    world.nothing_is_wrong()
}

#[test]
fn who_was_taken_out_unread_at_another_app_and_brought_back_reads_what_was_said_before()
-> Result<()> {
    for follows in [true, false] {
        let mut world = World::family(1, Faults::CALM)?;
        let alice = world.sign_up("Alice")?;
        let (at_alice, link) = invite(&mut world, alice)?;
        world.go_to(1);
        let bob = world.sign_up("Bob")?;
        let at_bob = join(&mut world, bob, &link)?;
        if follows {
            let carol = world.sign_up("Carol")?;
            join(&mut world, carol, &link)?;
        }
        let hello = What::Text("Hello?".to_owned());
        let (alices, member) = (world.address(alice)?, world.address(bob)?);
        world.act(alice, say(Whom::Person(member.clone()), hello))?;
        world.run_for(60_000);
        world.act(bob, Command::Accept(alices))?;
        world.settle()?;
        // Bob's phone is away while his app follows on for Carol, or his app is: then he is brought back
        // when it is there again.
        if follows {
            world.cut_off(bob, 900_000);
        } else {
            world.cut_apps(120_000);
        }
        let tell = |world: &mut World, text: &str| -> Result<()> {
            let what = What::Text(text.to_owned());
            world.act(alice, say(Whom::Conversation(at_alice), what))?;
            world.run_for(20_000);
            Ok(())
        };
        tell(&mut world, "Who sings on Sunday?")?;
        let out = Command::RemoveMember {
            conversation: at_alice,
            member: member.clone(),
        };
        world.act(alice, out)?;
        world.run_for(60_000);
        tell(&mut world, "Is he gone?")?;
        let back = Command::AddMembers {
            conversation: at_alice,
            members: vec![member],
        };
        world.act(alice, back)?;
        world.run_for(60_000);
        tell(&mut world, "Welcome back")?;
        world.run_for(900_000);
        world.settle()?;
        let items = world.core(bob)?.timeline(at_bob, None, 100)?;
        let texts = items.into_iter().map(|item| item.text);
        let lines: Vec<String> = texts
            .filter(|text| text.contains(' ') || text == "gap")
            .collect();
        assert_eq!(lines, ["Who sings on Sunday?", "Welcome back"], "{follows}");
    }
    Ok(())
}
