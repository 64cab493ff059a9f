//! Measures groups of up to 1,024 devices: what each act costs the device that does it and one that
//! reads along, in processor time and in bytes, beside the bare MLS library. docs/large-groups.md
//! has the figures.
//!
//! ```sh
//! cargo run --release --package comity-simulation --example large_group -- picture.svg 8 64 256 1024
//! ```
//!
//! Prints tables, and draws the picture. Alice, Bob, Carol, Dora and Erik are real clients at the
//! real hub. All others are bystanders: accounts with one device, a device list and a key package at
//! the hub, which nobody runs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    missing_docs
)]

#[path = "large_group/bare.rs"]
mod bare;
#[path = "large_group/bystanders.rs"]
mod bystanders;
#[path = "large_group/report.rs"]
mod report;

use anyhow::{Context as _, Result};
use bare::Bare;
use comity_client::{Command, Event, GroupDetails, Permissions, What, Whom};
use comity_simulation::story::say;
use comity_simulation::{Malice, Who, World};
use comity_wire::proto::client_frame::Act as Sent;
use comity_wire::proto::{ClientFrame, ServerFrame, reply, server_frame};
use report::{Act, Bytes, Cost, Size};
use std::sync::{Arc, Mutex};

/// One of them makes a commit, the others read it.
const EITHER: &str = "update or read";
/// Real clients in the group at its largest.
const REAL: usize = 5;

impl Malice for Bytes {
    fn to_hub(&mut self, who: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        match &frame.act {
            Some(Sent::SubmitCommit(commit)) => {
                self.commits += 1;
                who.clone_into(&mut self.by);
                self.commit = self.commit.max(commit.commit.len());
                self.welcome = self.welcome.max(commit.welcome.len());
                self.group_info = self.group_info.max(commit.group_info.len());
            }
            Some(Sent::Append(append)) => self.entry = self.entry.max(append.body.len()),
            _ => {}
        }
        vec![frame]
    }

    fn to_device(&mut self, _: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        if let Some(server_frame::Frame::Reply(answer)) = &frame.frame {
            let tree = match &answer.result {
                Some(reply::Result::Welcome(welcome)) => welcome.ratchet_tree.len(),
                Some(reply::Result::State(state)) => state.ratchet_tree.len(),
                _ => 0,
            };
            self.tree = self.tree.max(tree);
        }
        vec![frame]
    }
}

struct Measure {
    world: World,
    bytes: Arc<Mutex<Bytes>>,
    bare: Bare,
    acts: Vec<Act>,
}

impl Measure {
    /// Does an act and lets all come to rest. Each device is named with its act in the bare library.
    fn act(
        &mut self,
        what: &'static str,
        watched: &[(Who, &'static str, &str)],
        act: impl FnOnce(&mut World) -> Result<()>,
    ) -> Result<()> {
        for (who, ..) in watched {
            self.world.take_pace(*who);
        }
        *self.bytes.lock().unwrap() = Bytes::default();
        act(&mut self.world)?;
        self.world.settle()?;
        self.world.nothing_is_wrong()?;
        let bytes = self.bytes.lock().unwrap().clone();
        let mut costs = Vec::new();
        for (device, who, bare) in watched {
            let pace = self.world.take_pace(*device);
            let commits = bytes.by == self.world.name(*device);
            let bare = &match (*bare, commits) {
                (EITHER, true) => "update",
                (EITHER, false) => "update, read",
                (other, _) => other,
            };
            let bare = self.bare.iter().find(|(name, _)| name == bare);
            let bare = bare.map(|(_, time)| *time);
            costs.push(Cost { who, pace, bare });
        }
        self.acts.push(Act { what, bytes, costs });
        Ok(())
    }
}

fn group(world: &World, who: Who) -> Result<i64> {
    let all = world.core(who)?.conversations()?;
    let found = all.iter().find(|view| view.kind == "group");
    Ok(found.context("the group")?.conversation)
}

fn text(text: &str, conversation: i64) -> Command {
    say(Whom::Conversation(conversation), What::Text(text.into()))
}

/// Through everything that a group lives through.
fn measure(devices: usize) -> Result<Size> {
    let mut world = World::calm(1)?;
    // Nobody else computes anything for the devices that are measured.
    comity_membership::crypto::remember(false);
    let bytes = Arc::new(Mutex::new(Bytes::default()));
    world.set_malice(bytes.clone());
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    let dora = world.sign_up("Dora")?;
    let erik = world.sign_up("Erik")?;
    for friend in [bob, dora, erik] {
        world.befriend(friend, alice)?;
    }
    let members = bystanders::settle(&mut world, alice, devices.saturating_sub(REAL))?;
    let removed = members.last().context("bystanders")?.clone();
    let eriks = world.address(erik)?;
    let friends = vec![world.address(bob)?, world.address(dora)?];
    let mut measure = Measure {
        world,
        bytes,
        bare: bare::measure(devices)?,
        acts: Vec::new(),
    };
    let (does, reads) = ("Alice", "Bob");
    measure.act(
        "create with 2",
        &[(alice, does, ""), (bob, reads, "")],
        |world| {
            let details = GroupDetails {
                name: Some("Everybody".into()),
                ..GroupDetails::default()
            };
            let command = Command::CreateGroup {
                details,
                members: friends,
                permissions: Permissions::default(),
            };
            world.act(alice, command).map(drop)
        },
    )?;
    let alices = group(&measure.world, alice)?;
    let both = |act, read| [(alice, does, act), (bob, reads, read)];
    let watched = both("add all in lots", "add all in lots, read");
    measure.act("add all in lots", &watched, |world| {
        let conversation = alices;
        world
            .act(
                alice,
                Command::AddMembers {
                    conversation,
                    members,
                },
            )
            .map(drop)
    })?;
    let watched = both("a message", "a message, read");
    measure.act("a message", &watched, |world| {
        world.act(alice, text("Hello everybody", alices)).map(drop)
    })?;
    let bobs = group(&measure.world, bob)?;
    let watched = both("a message, read", "a message");
    measure.act("an answer by Bob", &watched, |world| {
        world.act(bob, text("Hello Alice", bobs)).map(drop)
    })?;
    let mut watched = both("add one", "add one, read").to_vec();
    watched.push((erik, "Erik, who joins by the welcome", "join by a welcome"));
    measure.act("add one", &watched, |world| {
        let (conversation, members) = (alices, vec![eriks]);
        world
            .act(
                alice,
                Command::AddMembers {
                    conversation,
                    members,
                },
            )
            .map(drop)
    })?;
    let watched = both("remove one", "remove one, read");
    measure.act("remove one", &watched, |world| {
        let (conversation, member) = (alices, removed);
        world
            .act(
                alice,
                Command::RemoveMember {
                    conversation,
                    member,
                },
            )
            .map(drop)
    })?;
    let doras = group(&measure.world, dora)?;
    let watched = [
        (dora, "Dora, who leaves", ""),
        (alice, does, EITHER),
        (bob, reads, EITHER),
    ];
    measure.act("leave", &watched, |world| {
        let conversation = doras;
        world.act(dora, Command::LeaveGroup { conversation })?;
        // One of the others commits it, after a while that grows with the group.
        world.run_for(10_000 + 200 * devices as u64);
        Ok(())
    })?;
    let watched = both("update", "update, read");
    measure.act("make a link", &watched, |world| {
        let conversation = alices;
        world
            .act(alice, Command::MakeInvitation { conversation })
            .map(drop)
    })?;
    let link = measure
        .world
        .events(alice)
        .iter()
        .rev()
        .find_map(|event| match event {
            Event::Invitation { link, .. } => Some(link.clone()),
            _ => None,
        });
    let link = link.context("a link")?;
    let read = "join from outside, read";
    let mut watched = both(read, read).to_vec();
    watched.push((carol, "Carol", "join from outside"));
    measure.act("join by the link", &watched, |world| {
        world.act(carol, Command::JoinByInvitation { link })?;
        world.run_for(5_000);
        Ok(())
    })?;
    measure.act("half an hour of rest", &both("", ""), |world| {
        world.run_for(1_800_000);
        Ok(())
    })?;
    Ok(Size {
        devices,
        acts: measure.acts,
    })
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let picture = arguments.next().context("where to draw the picture")?;
    comity_simulation::work_on_all_cores();
    let mut sizes = Vec::new();
    for argument in arguments {
        let devices: usize = argument.parse().context("how many devices")?;
        sizes.push(measure(devices)?);
    }
    println!("{}", report::markdown(&sizes)?);
    std::fs::write(picture, report::picture(&sizes)?)?;
    Ok(())
}
