//! A group in which there is no room for one more device.
//!
//! The rules themselves are held on both sides of the edge by `membership/tests/room.rs`; here the
//! hub's refusal is made by hand, for a thousand devices would take a thousand times as long.

use crate::leaves::{LAPTOP, choir, is_active, later};
use crate::screen::{group, group_screen, said_beside, told};
use anyhow::{Context as _, Result};
use comity_client::{Command, Permissions, What, Whom};
use comity_membership::Refusal;
use comity_simulation::story::{group_of, say};
use comity_simulation::{Malice, Who, World};
use comity_wire::proto::{ClientFrame, Reply, ServerFrame, client_frame::Act, reply, server_frame};
use comity_wire::{ErrorCode, WireError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;

const TABLET: &str = "Alice's tablet";

/// Keeps what would let somebody into one conversation from the hub, and remembers the questions.
#[derive(Default)]
struct Full {
    on: bool,
    of: Vec<u8>,
    /// The conversation of the last commit that went through.
    last: Vec<u8>,
    /// A device that has no leaf there: what it commits is to let itself in.
    outside: &'static str,
    asked: Vec<(String, u64)>,
}

impl Malice for Full {
    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        if let Some(Act::SubmitCommit(commit)) = &frame.act {
            let lets_in = !commit.welcome.is_empty() || device == self.outside;
            if self.on && lets_in && commit.conversation == self.of {
                self.asked.push((device.to_owned(), frame.request));
                return Vec::new();
            }
            self.last.clone_from(&commit.conversation);
        }
        vec![frame]
    }
}

/// For so long answers as the hub of a full group does; gives which device asked how often.
fn refuse_for(world: &mut World, lie: &Arc<Mutex<Full>>, ms: u64) -> BTreeMap<String, usize> {
    let mut asked = BTreeMap::new();
    for _ in 0..ms / 1_000 {
        world.run_for(1_000);
        let requests = std::mem::take(&mut lie.lock().unwrap().asked);
        for (device, request) in requests {
            let error = WireError::new(ErrorCode::TooMany, Refusal::TooManyDevices.to_string());
            let answer = Reply {
                request,
                result: Some(reply::Result::Error(error.into())),
            };
            let frame = Some(server_frame::Frame::Reply(answer));
            let mut all = world.everyone().into_iter();
            let who = all.find(|who| world.name(*who) == device).unwrap();
            world.inject(who, ServerFrame { frame });
            *asked.entry(device).or_default() += 1;
        }
    }
    asked
}

fn asked(of: &[(&str, usize)]) -> BTreeMap<String, usize> {
    let of = of.iter();
    of.map(|(device, count)| ((*device).to_owned(), *count))
        .collect()
}

/// Alice makes a link to her choir, by whose commit the lie knows which conversation it is.
fn invitation(world: &mut World, alice: Who, lie: &Arc<Mutex<Full>>) -> Result<String> {
    let conversation = group(world, alice, "Choir")?;
    let link = world.invitation(alice, conversation)?;
    let mut lie = lie.lock().unwrap();
    lie.of = lie.last.clone();
    Ok(link)
}

/// How often the person was told that own devices have no room.
fn told_of_no_room(world: &World, who: Who) -> Result<usize> {
    let shown = group_screen(world, who, "Choir")?;
    Ok(shown.matches(NO_ROOM).count())
}

const NO_ROOM: &str = "— there is no room here for all of your devices: a conversation has at most 1024. \
A missing one comes in when somebody has left\n";

#[test]
fn who_does_not_fit_is_told_of_and_the_group_goes_on() -> Result<()> {
    let lie = told(Full::default());
    let mut world = World::calm(1)?;
    world.set_malice(lie.clone());
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(bob, alice)?;
    world.befriend(carol, alice)?;
    let members = vec![world.address(bob)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    let conversation = group(&world, alice, "Choir")?;
    let link = invitation(&mut world, alice, &lie)?;
    // Everybody has renewed their leaves.
    world.run_for(1_800_000);
    world.settle()?;
    lie.lock().unwrap().on = true;
    let members = vec![world.address(carol)?];
    world.act(
        alice,
        Command::AddMembers {
            conversation,
            members,
        },
    )?;
    assert_eq!(refuse_for(&mut world, &lie, 60_000), asked(&[("Alice", 1)]));
    world.settle()?;
    assert_eq!(
        said_beside(&world, alice),
        ["— nobody was added: a conversation has at most 1024 devices"]
    );
    assert_eq!(world.core(alice)?.wishes_open(conversation)?, 0);
    lie.lock().unwrap().outside = "Carol";
    world.act(carol, Command::JoinByInvitation { link })?;
    assert_eq!(refuse_for(&mut world, &lie, 60_000), asked(&[("Carol", 1)]));
    world.settle()?;
    assert_eq!(
        said_beside(&world, carol),
        ["— you did not join: a conversation has at most 1024 devices"]
    );
    let all = world.core(carol)?.conversations()?;
    assert!(all.iter().all(|one| one.kind != "group"), "{all:?}");
    // Nobody asks again by themselves.
    assert_eq!(world.core(alice)?.membership_changes_due()?, 0);
    lie.lock().unwrap().on = false;
    let to = Whom::Conversation(conversation);
    let text = What::Text("We are enough.".to_owned());
    world.act(alice, say(to, text))?;
    world.settle()?;
    let shown = group_screen(&world, bob, "Choir").context("Bob's choir")?;
    assert!(shown.ends_with("Alice: We are enough.\n"), "{shown}");
    world.nothing_is_wrong()
}

#[test]
fn an_own_device_that_does_not_fit_comes_in_when_somebody_leaves() -> Result<()> {
    let lie = told(Full::default());
    let (mut world, alice, bob, _) = choir(lie.clone())?;
    invitation(&mut world, alice, &lie)?;
    world.run_for(1_800_000);
    world.settle()?;
    lie.lock().unwrap().on = true;
    lie.lock().unwrap().outside = TABLET;
    let tablet = world.link(alice, TABLET)?;
    assert_eq!(refuse_for(&mut world, &lie, 60_000), asked(&[("Alice", 1)]));
    assert_eq!(told_of_no_room(&world, alice)?, 1);
    // Nobody else is told, and nothing is asked of a hub that has said no, for a day.
    assert_eq!(told_of_no_room(&world, bob)?, 0);
    assert_eq!(world.core(alice)?.membership_changes_due()?, 0);
    let mut first = refuse_for(&mut world, &lie, 22 * HOUR_MS);
    let mut then = refuse_for(&mut world, &lie, 4 * HOUR_MS);
    // The tablet would let itself in, once an hour.
    let (day, later) = (first.remove(TABLET), then.remove(TABLET));
    assert!((11..=22).contains(&day.unwrap_or_default()), "{day:?}");
    assert!((2..=4).contains(&later.unwrap_or_default()), "{later:?}");
    assert_eq!(first, asked(&[]));
    assert_eq!(then, asked(&[("Alice", 1)]));
    assert_eq!(told_of_no_room(&world, alice)?, 1);
    // Bob puts his laptop away for good: there is room.
    lie.lock().unwrap().on = false;
    let account = world.core(bob)?.account()?.context("Bob")?;
    let other = account.devices.iter().find(|device| !device.this);
    world.act(
        bob,
        Command::RemoveDevice(other.context("a laptop")?.device),
    )?;
    let is_in = world.run_until(60_000, |world| is_active(world, tablet));
    assert!(is_in, "the tablet is not let in");
    world.settle()?;
    let to = Whom::Conversation(group(&world, tablet, "Choir")?);
    world.act(tablet, say(to, What::Text("All of me.".to_owned())))?;
    world.settle()?;
    let shown = group_screen(&world, bob, "Choir")?;
    assert!(shown.ends_with("Alice: All of me.\n"), "{shown}");
    for who in [alice, bob, tablet] {
        assert_eq!(said_beside(&world, who), [""; 0], "{}", world.name(who));
    }
    world.nothing_is_wrong()
}

#[test]
fn a_device_that_comes_back_into_a_full_group_asks_once_an_hour() -> Result<()> {
    let lie = told(Full::default());
    let (mut world, alice, bob, laptop) = choir(lie.clone())?;
    world.cut_off(laptop, 1_000 * DAY_MS);
    for step in 1..=2 {
        world = later(world, 1 + step, 20)?;
        world.set_malice(lie.clone());
        world.cut_off(laptop, 1_000 * DAY_MS);
        world.run_for(180_000);
    }
    invitation(&mut world, alice, &lie)?;
    lie.lock().unwrap().on = true;
    lie.lock().unwrap().outside = LAPTOP;
    world = later(world, 4, 1)?;
    world.set_malice(lie.clone());
    // Bob's telephone would let it in, too, and is told the same.
    let first = refuse_for(&mut world, &lie, HOUR_MS - 180_000);
    assert_eq!(first, asked(&[("Bob", 1), (LAPTOP, 1)]));
    assert_eq!(told_of_no_room(&world, bob)?, 1);
    assert_eq!(told_of_no_room(&world, laptop)?, 1);
    let second = refuse_for(&mut world, &lie, HOUR_MS + 360_000);
    assert_eq!(second, asked(&[(LAPTOP, 1)]));
    assert_eq!(told_of_no_room(&world, laptop)?, 1);
    lie.lock().unwrap().on = false;
    let is_in = world.run_until(2 * HOUR_MS + 180_000, |world| is_active(world, laptop));
    assert!(is_in, "it is not let in");
    world.nothing_is_wrong()
}
