//! What wild worlds found, each as a story of its own: an answer is lost, somebody is taken out in
//! the middle of a sentence, and all ends well.

#![allow(clippy::unwrap_used)]

#[path = "healing/away.rs"]
mod away;
#[path = "healing/changes.rs"]
mod changes;
#[path = "healing/details.rs"]
mod details;
#[path = "healing/joins.rs"]
mod joins;
#[path = "healing/ticks.rs"]
mod ticks;

use anyhow::{Context, Result};
use comity_client::{Command, Event, GroupDetails, Permissions, Status, TimelineItem, What, Whom};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Malice, Who, World};
use comity_wire::proto::{ClientFrame, ConversationKind, ServerFrame};
use comity_wire::proto::{client_frame::Act, reply, server_frame::Frame};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

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

/// Keeps back what stands in a log from one device, and has none of it any more for another.
#[derive(Default)]
struct KeepsBack {
    log: Vec<u8>,
    from: &'static str,
    is_gone_for: &'static str,
    kept: Vec<ServerFrame>,
}

impl Malice for KeepsBack {
    fn to_device(&mut self, device: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        let deliver = match &mut frame.frame {
            Some(Frame::Deliver(deliver)) => deliver,
            Some(Frame::Reply(reply)) => match &mut reply.result {
                Some(reply::Result::Deliver(deliver)) => deliver,
                _ => return vec![frame],
            },
            _ => return vec![frame],
        };
        if deliver.log != self.log {
            return vec![frame];
        }
        if device == self.from {
            self.kept.push(frame);
            return Vec::new();
        }
        if device == self.is_gone_for {
            self.is_gone_for = "";
            deliver.entries.clear();
            deliver.gap_until_seq = deliver.head_seq;
        }
        vec![frame]
    }
}

/// The name of the one group's log at the hub.
fn the_groups_log(world: &World) -> Result<Vec<u8>> {
    world.inspect_hub(|hub| {
        hub.query_row("SELECT name FROM log WHERE kind = 3", [], |row| row.get(0))
    })
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
    world.act(
        alice,
        group_of("Choir", vec![member], Permissions::default()),
    )?;
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
    world.act(
        alice,
        group_of("Choir", vec![member.clone()], Permissions::default()),
    )?;
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

/// Damages the trees of the first groups that are to be made, and remembers all trees.
#[derive(Default)]
struct DamagesTrees {
    asked: usize,
    trees: BTreeSet<Vec<u8>>,
}

impl Malice for DamagesTrees {
    fn to_hub(&mut self, _: &str, mut frame: ClientFrame) -> Vec<ClientFrame> {
        if let Some(Act::CreateConversation(create)) = &mut frame.act
            && create.kind == i32::from(ConversationKind::Group)
        {
            self.asked += 1;
            self.trees.insert(create.ratchet_tree.clone());
            if self.asked <= 4 {
                create.ratchet_tree.truncate(40);
            }
        }
        vec![frame]
    }
}

#[test]
fn what_was_said_before_the_account_was_out_stands_where_it_stood_first() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    let member = world.address(alice)?;
    let members = vec![member];
    world.act(
        bob,
        group_of("Choir", members.clone(), Permissions::default()),
    )?;
    world.settle()?;
    let lie = LosesWords {
        device: "Alice's tablet",
        answered: false,
        gave: false,
    };
    world.set_malice(lie);
    let there = group(&world, tablet)?;
    let what = What::Text("Was I heard?".to_owned());
    world.act(tablet, say(Whom::Conversation(there), what))?;
    let heard = world.run_until(10_000, |world| {
        [alice, bob]
            .iter()
            .all(|who| line(world, *who, "Was I heard?").is_ok())
    });
    assert!(heard, "it was heard");
    // The hub keeps it for nobody, and does not know it any more.
    world.cut_off(tablet, 200_000);
    let conversation = group(&world, alice)?;
    world.act(alice, Command::LeaveGroup { conversation })?;
    world.run_for(240_000);
    let conversation = group(&world, bob)?;
    world.act(
        bob,
        Command::AddMembers {
            conversation,
            members,
        },
    )?;
    world.settle()?;
    let places = [alice, bob, tablet].map(|who| line(&world, who, "Was I heard?").unwrap().seq);
    assert_eq!(places, [places[0]; 3]);
    assert_eq!(world.core(tablet)?.unsent()?, 0);
    Ok(())
}

#[test]
fn a_device_that_is_asked_before_it_has_read_as_far_answers_when_it_has() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(bob, alice)?;
    world.befriend(bob, carol)?;
    let (member, other) = (world.address(alice)?, world.address(carol)?);
    world.act(bob, group_of("Choir", vec![member], Permissions::default()))?;
    world.settle()?;
    let lie = Arc::new(Mutex::new(KeepsBack {
        log: the_groups_log(&world)?,
        from: "Alice",
        is_gone_for: "Alice's tablet",
        kept: Vec::new(),
    }));
    world.set_malice(lie.clone());
    world.cut_off(tablet, 10_000);
    let conversation = group(&world, bob)?;
    let say_it = |world: &mut World, text: &str| {
        let what = What::Text(text.to_owned());
        world.act(bob, say(Whom::Conversation(conversation), what))
    };
    say_it(&mut world, "One")?;
    // An entry that nobody could say again.
    let members = vec![other];
    world.act(
        bob,
        Command::AddMembers {
            conversation,
            members,
        },
    )?;
    world.run_for(3_000);
    say_it(&mut world, "Two")?;
    let asks = world.run_until(60_000, |world| {
        world.warnings(tablet).contains(&"gap".to_owned())
    });
    assert!(asks, "the tablet misses something");
    // Alice's phone is asked, and has nothing of it yet.
    world.run_for(2_000);
    let kept = {
        let mut lie = lie.lock().unwrap();
        lie.from = "";
        std::mem::take(&mut lie.kept)
    };
    assert!(!kept.is_empty());
    for frame in kept {
        world.inject(alice, frame);
    }
    world.settle()?;
    let there = group(&world, tablet)?;
    let items = world.core(tablet)?.timeline(there, None, 100)?;
    let lines: Vec<&str> = items.iter().map(|item| item.text.as_str()).collect();
    assert!(
        lines.contains(&"One") && lines.contains(&"Two"),
        "{lines:?}"
    );
    assert!(!lines.contains(&"gap"), "{lines:?}");
    Ok(())
}

#[test]
fn a_group_that_the_hub_refuses_is_made_anew_once() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    let malice = Arc::new(Mutex::new(DamagesTrees::default()));
    world.set_malice(malice.clone());
    let member = world.address(bob)?;
    world.act(
        alice,
        group_of("Choir", vec![member], Permissions::default()),
    )?;
    world.settle()?;
    let (asked, trees) = {
        let seen = malice.lock().unwrap();
        (seen.asked, seen.trees.len())
    };
    assert_eq!((asked, trees), (5, 2));
    group(&world, bob)?;
    world.nothing_is_wrong()
}

fn line(world: &World, who: Who, text: &str) -> Result<TimelineItem> {
    let items = world
        .core(who)?
        .timeline(group(world, who)?, None, 100)?
        .into_iter();
    let mut found = items.filter(|item| item.text == text);
    let found = found.next();
    found.with_context(|| format!("{} does not show {text:?}", world.name(who)))
}

#[test]
fn a_change_that_is_refused_is_taken_back_on_its_authors_screen() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    let member = world.address(bob)?;
    world.act(
        alice,
        group_of("Choir", vec![member], Permissions::default()),
    )?;
    world.settle()?;
    let (here, there) = (group(&world, alice)?, group(&world, bob)?);
    let tell = |world: &mut World, who, to, what| {
        world.act(who, say(Whom::Conversation(to), what))?;
        anyhow::Ok(())
    };
    let text = |text: &str| What::Text(text.to_owned());
    tell(&mut world, alice, here, text("Rehearsal at six?"))?;
    tell(&mut world, bob, there, text("Six it is."))?;
    tell(&mut world, bob, there, text("I bring the score."))?;
    world.settle()?;
    let asked = line(&world, bob, "Rehearsal at six?")?.message;
    let react = |emoji: &str| What::React {
        target: asked,
        emoji: emoji.to_owned(),
    };
    tell(&mut world, bob, there, react("👍"))?;
    world.settle()?;
    // Only admins speak from now on, and Bob has yet to hear of it.
    world.cut_off(bob, 20_000);
    let permissions = Permissions {
        only_admins_speak: true,
        ..Permissions::default()
    };
    let conversation = here;
    let command = Command::SetPermissions {
        conversation,
        permissions,
    };
    world.act(alice, command)?;
    world.run_for(5_000);
    let target = line(&world, bob, "Six it is.")?.message;
    for now in ["Seven it is.", "Eight it is."] {
        let text = now.to_owned();
        tell(&mut world, bob, there, What::Edit { target, text })?;
    }
    tell(&mut world, bob, there, react("❤"))?;
    tell(&mut world, bob, there, react(""))?;
    let target = line(&world, bob, "I bring the score.")?.message;
    tell(&mut world, bob, there, What::Delete { target })?;
    line(&world, bob, "Eight it is.")?;
    world.settle()?;
    for who in [alice, bob] {
        let name = world.name(who).to_owned();
        assert!(!line(&world, who, "Six it is.")?.edited, "{name}");
        assert!(!line(&world, who, "I bring the score.")?.deleted, "{name}");
        let reactions = line(&world, who, "Rehearsal at six?")?.reactions;
        let emoji: Vec<&str> = reactions.iter().map(|one| one.emoji.as_str()).collect();
        assert_eq!(emoji, ["👍"], "{name}");
    }
    let told = world.events(bob).iter().filter(|event| {
        matches!(event, Event::Failed { act, code, .. } if act == "send" && code == "forbidden")
    });
    assert_eq!(told.count(), 5);
    world.nothing_is_wrong()
}

#[test]
fn what_who_leaves_changed_a_moment_before_stays() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    let member = world.address(bob)?;
    world.act(
        alice,
        group_of("Choir", vec![member], Permissions::default()),
    )?;
    world.settle()?;
    let conversation = group(&world, alice)?;
    let details = GroupDetails {
        name: Some("Choir of the old town".to_owned()),
        ..GroupDetails::default()
    };
    let command = Command::SetGroupDetails {
        conversation,
        details,
    };
    world.act(alice, command)?;
    world.act(alice, Command::LeaveGroup { conversation })?;
    world.run_for(10_000);
    world.settle()?;
    let there = world.core(bob)?.conversations()?;
    let there = there
        .iter()
        .find(|view| view.kind == "group")
        .context("no group")?;
    assert_eq!(there.title, "Choir of the old town");
    let here = world.core(alice)?.conversations()?;
    let here = here
        .iter()
        .find(|view| view.kind == "group")
        .context("no group")?;
    assert_eq!(here.state, "left");
    world.nothing_is_wrong()
}

#[test]
fn two_who_ask_each_other_at_once_both_are_heard() -> Result<()> {
    for seed in 1..13 {
        let mut world = World::calm(seed)?;
        let alice = world.sign_up("Alice")?;
        let bob = world.sign_up("Bob")?;
        let words = [(alice, bob, "Is it you?"), (bob, alice, "It is me!")];
        for (who, with, text) in words {
            let address = world.look_up(who, with)?;
            let what = What::Text(text.to_owned());
            world.act(who, say(Whom::Person(address), what))?;
            world.run_for(seed * 7);
        }
        world.settle()?;
        for (who, with, _) in words {
            let asks = world.core(who)?.requests()?;
            if let Some(request) = asks.first() {
                world.act(who, Command::Accept(request.address.clone()))?;
                world.settle()?;
            }
            world.say(who, with, "So we talk.")?;
            world.settle()?;
        }
        for (who, with, _) in words {
            let chat = world.chat(who, with)?;
            for text in ["Is it you?", "It is me!"] {
                assert_eq!(chat.matches(text).count(), 1, "seed {seed}: {chat}");
            }
            assert_eq!(world.core(who)?.unsent()?, 0, "seed {seed}: {chat}");
        }
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn two_changes_of_the_device_list_at_once_are_both_made() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.link(alice, "Alice's laptop")?;
    world.link(alice, "Alice's tablet")?;
    world.befriend(alice, bob)?;
    let list = |world: &World| -> Result<Vec<_>> {
        let account = world.core(alice)?.account()?.context("an account")?;
        Ok(account.devices)
    };
    let others = list(&world)?.into_iter().filter(|device| !device.this);
    for device in others {
        world.act(alice, Command::RemoveDevice(device.device))?;
    }
    world.settle()?;
    assert_eq!(list(&world)?.len(), 1);
    world.say(bob, alice, "Which of your devices is this?")?;
    world.say(alice, bob, "The only one")?;
    world.settle()?;
    for who in [alice, bob] {
        assert_eq!(world.warnings(who), [""; 0], "{}", world.name(who));
    }
    world.nothing_is_wrong()
}

#[test]
fn a_new_device_lets_itself_in_where_nobody_could_add_it() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    let member = world.address(bob)?;
    world.act(
        alice,
        group_of("Choir", vec![member], Permissions::default()),
    )?;
    world.settle()?;
    // It is let in, and out of reach before it has left a key for anybody who would add it.
    let tablet = world.device("Alice's tablet")?;
    let device_name = "Alice's tablet".to_owned();
    world.act(tablet, Command::StartLink { device_name })?;
    let code = world.wait_for(tablet, 0, |event| match event {
        Event::LinkCode { code, .. } => Some(code.clone()),
        _ => None,
    })?;
    world.act(alice, Command::ApproveLink { code })?;
    world.wait_for(tablet, 0, |event| {
        matches!(event, Event::Ready { .. }).then_some(())
    })?;
    world.cut_off(tablet, 600_000);
    world.run_for(900_000);
    world.settle()?;
    let what = What::Text("Are you there?".to_owned());
    world.act(bob, say(Whom::Conversation(group(&world, bob)?), what))?;
    world.settle()?;
    assert_eq!(
        world.chat(tablet, bob)?.lines().last(),
        world.chat(alice, bob)?.lines().last()
    );
    let there = group(&world, tablet)?;
    let items = world.core(tablet)?.timeline(there, None, 10)?;
    assert_eq!(items.last().context("a line")?.text, "Are you there?");
    world.nothing_is_wrong()
}
