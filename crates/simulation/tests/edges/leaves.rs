//! Leaves that their devices never renewed, for longer than they last.

use crate::screen::{group, group_screen, said_beside};
use anyhow::{Context as _, Result};
use comity_client::{Command, Event, Permissions, What, Whom};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Faults, Malice, Who, World};
use comity_wire::proto::{ClientFrame, client_frame::Act};

const DAY_MS: u64 = 86_400_000;
pub(crate) const LAPTOP: &str = "Bob's laptop";
/// Longer than a leaf that came with a key package lasts, in steps in which nobody becomes stale.
const STEPS: u64 = 4;
const STEP_DAYS: u64 = 20;

/// Nothing that the laptop commits reaches the hub: its leaf stays as it was added.
struct NeverRenews;

impl Malice for NeverRenews {
    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        let commits = matches!(frame.act, Some(Act::SubmitCommit(_)));
        if commits && device == LAPTOP {
            return Vec::new();
        }
        vec![frame]
    }
}

fn tell(world: &mut World, who: Who, text: &str) -> Result<()> {
    let to = Whom::Conversation(group(world, who, "Choir")?);
    world.act(who, say(to, What::Text(text.to_owned())))?;
    Ok(())
}

/// Alice's choir with Bob, whose laptop has come in a moment ago.
pub(crate) fn choir(malice: impl Malice + 'static) -> Result<(World, Who, Who, Who)> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    let members = vec![world.address(bob)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    world.set_malice(malice);
    let laptop = world.link(bob, LAPTOP)?;
    assert!(world.run_until(60_000, |world| is_active(world, laptop)));
    Ok((world, alice, bob, laptop))
}

/// The device is in the choir.
pub(crate) fn is_active(world: &World, who: Who) -> bool {
    let all = world.core(who).and_then(|core| Ok(core.conversations()?));
    let all = all.unwrap_or_default();
    all.iter()
        .any(|one| one.kind == "group" && one.title == "Choir" && one.state == "active")
}

/// Everything is switched off for so long.
pub(crate) fn later(world: World, seed: u64, days: u64) -> Result<World> {
    let standing = world.standing().later(days * DAY_MS);
    drop(world);
    World::going_on(seed, Faults::CALM, &standing)
}

#[test]
fn a_leaf_that_is_long_over_keeps_nobody_out() -> Result<()> {
    let (mut world, alice, bob, laptop) = choir(NeverRenews)?;
    for step in 1..=STEPS {
        world = later(world, 1 + step, STEP_DAYS)?;
        world.set_malice(NeverRenews);
        world.run_for(180_000);
        tell(&mut world, laptop, &format!("I am here, {step}."))?;
        world.run_for(60_000);
    }
    // By a welcome, and by the link.
    let carol = world.sign_up("Carol")?;
    let dora = world.sign_up("Dora")?;
    let address = world.look_up(carol, alice)?;
    let hello = What::Text("Hello, this is Carol.".to_owned());
    world.act(carol, say(Whom::Person(address), hello))?;
    let asks = world.wait_for(alice, 0, |event| match event {
        Event::Request { request } => Some(request.address.clone()),
        _ => None,
    })?;
    world.act(alice, Command::Accept(asks.clone()))?;
    world.run_for(60_000);
    let conversation = group(&world, alice, "Choir")?;
    let members = vec![asks];
    world.act(
        alice,
        Command::AddMembers {
            conversation,
            members,
        },
    )?;
    world.run_for(60_000);
    let link = world.invitation(alice, conversation)?;
    world.act(dora, Command::JoinByInvitation { link })?;
    world.run_for(60_000);
    tell(&mut world, laptop, "Who is new?")?;
    world.run_for(30_000);
    tell(&mut world, carol, "I am Carol.")?;
    world.run_for(30_000);
    tell(&mut world, dora, "And I am Dora.")?;
    world.run_for(60_000);
    let ends = [
        (
            alice,
            "Bob: Who is new?\nCarol: I am Carol.\nDora: And I am Dora.\n",
        ),
        (
            bob,
            "me: Who is new?\nCarol: I am Carol.\nDora: And I am Dora.\n",
        ),
        (
            laptop,
            "me: Who is new?\nCarol: I am Carol.\nDora: And I am Dora.\n",
        ),
        (
            carol,
            "Bob: Who is new?\nme: I am Carol.\nDora: And I am Dora.\n",
        ),
        (
            dora,
            "Bob: Who is new?\nCarol: I am Carol.\nme: And I am Dora.\n",
        ),
    ];
    for (who, end) in ends {
        let shown = group_screen(&world, who, "Choir")?;
        assert!(shown.ends_with(end), "{}:\n{shown}", world.name(who));
        assert_eq!(said_beside(&world, who), [""; 0], "{}", world.name(who));
    }
    // What kept the laptop from it is over.
    world.set_malice(comity_simulation::Honest);
    world.cut_off(laptop, 1_000);
    world.settle()?;
    tell(&mut world, laptop, "Now I am as new as you.")?;
    world.settle()?;
    let shown = group_screen(&world, dora, "Choir")?;
    assert!(shown.ends_with("Bob: Now I am as new as you.\n"), "{shown}");
    world.nothing_is_wrong()
}

#[test]
fn a_device_that_went_before_it_renewed_its_leaf_is_taken_out_and_comes_back() -> Result<()> {
    let (mut world, alice, bob, laptop) = choir(comity_simulation::Honest)?;
    world.cut_off(laptop, 1_000 * DAY_MS);
    for step in 1..=STEPS {
        world = later(world, 1 + step, STEP_DAYS)?;
        world.cut_off(laptop, 1_000 * DAY_MS);
        world.run_for(180_000);
        tell(&mut world, alice, &format!("Rehearsal {step}."))?;
        world.run_for(60_000);
    }
    let devices = |world: &World| -> Result<u32> {
        let all = world.core(alice)?.conversations()?;
        let choir = all.into_iter().find(|one| one.title == "Choir");
        Ok(choir.and_then(|one| one.group).context("no choir")?.devices)
    };
    assert_eq!(devices(&world)?, 2, "it was away too long");
    world = later(world, 9, 1)?;
    world.run_for(60_000);
    world.settle()?;
    assert_eq!(devices(&world)?, 3);
    tell(&mut world, laptop, "I am back.")?;
    world.settle()?;
    tell(&mut world, alice, "Welcome.")?;
    world.settle()?;
    for (who, by) in [(alice, "Bob"), (bob, "me")] {
        let shown = group_screen(&world, who, "Choir")?;
        let welcomed = match by {
            "me" => "me: I am back.\nAlice: Welcome.\n",
            _ => "Bob: I am back.\nme: Welcome.\n",
        };
        assert!(shown.ends_with(welcomed), "{shown}");
    }
    // What the hub no longer had came from Bob's other device, and the line that it is missing went.
    assert_eq!(
        group_screen(&world, laptop, "Choir")?,
        "\
Alice: Rehearsal 1.
— this conversation was repaired
Alice: Rehearsal 2.
Alice: Rehearsal 3.
Alice: Rehearsal 4.
me: I am back.
Alice: Welcome.
— warning: messages of a conversation are missing: the server no longer has them
"
    );
    world.nothing_is_wrong()
}
