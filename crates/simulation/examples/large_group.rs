//! Measures a group of up to 1,024 devices: what each act costs the device that does it and one
//! that reads along, in time and in bytes, beside the bare MLS library. docs/large-groups.md has the
//! figures.
//!
//! ```sh
//! cargo run --release --package comity-simulation --example large_group -- 1024
//! ```
//!
//! Alice, Bob, Carol and Dora are real clients at the real hub. All others are bystanders: accounts
//! with one device, a device list and a key package at the hub, which nobody runs.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

#[path = "large_group/bare.rs"]
mod bare;
#[path = "large_group/bystanders.rs"]
mod bystanders;

use anyhow::{Context as _, Result};
use comity_client::{Command, Event, GroupDetails, Permissions, Whom};
use comity_simulation::{Malice, Pace, Who, World};
use comity_wire::proto::client_frame::Act;
use comity_wire::proto::{ClientFrame, ServerFrame, reply, server_frame};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Bytes of what passed since it was asked last.
#[derive(Default)]
struct Bytes {
    commit: usize,
    welcome: usize,
    tree: usize,
    entry: usize,
    commits: usize,
}

impl Malice for Bytes {
    fn to_hub(&mut self, _: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        match &frame.act {
            Some(Act::SubmitCommit(commit)) => {
                self.commits += 1;
                self.commit = self.commit.max(commit.commit.len());
                self.welcome = self.welcome.max(commit.welcome.len());
            }
            Some(Act::Append(append)) => self.entry = self.entry.max(append.body.len()),
            _ => {}
        }
        vec![frame]
    }

    fn to_device(&mut self, _: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        if let Some(server_frame::Frame::Reply(answer)) = &frame.frame {
            match &answer.result {
                Some(reply::Result::Welcome(welcome)) => self.tree = welcome.ratchet_tree.len(),
                Some(reply::Result::State(state)) => {
                    self.tree = self.tree.max(state.ratchet_tree.len());
                }
                _ => {}
            }
        }
        vec![frame]
    }
}

struct Measure {
    world: World,
    bytes: Arc<Mutex<Bytes>>,
    watched: Vec<(Who, &'static str)>,
}

impl Measure {
    /// Does an act, lets all come to rest, prints a row a device.
    fn act(&mut self, what: &str, act: impl FnOnce(&mut World) -> Result<()>) -> Result<()> {
        for (who, _) in &self.watched {
            self.world.take_pace(*who);
        }
        *self.bytes.lock().unwrap() = Bytes::default();
        act(&mut self.world)?;
        self.world.settle()?;
        self.world.nothing_is_wrong()?;
        let bytes = std::mem::take(&mut *self.bytes.lock().unwrap());
        println!(
            "{what}: {} commits, largest {} B, welcome {} B, tree {} B, entry {} B",
            bytes.commits, bytes.commit, bytes.welcome, bytes.tree, bytes.entry
        );
        for (who, name) in &self.watched {
            row(name, &self.world.take_pace(*who));
        }
        Ok(())
    }
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn row(name: &str, pace: &Pace) {
    println!(
        "    {name:<6} {:>5} steps {:>9.1} ms, longest {:>7.1} ms ({})",
        pace.steps,
        ms(pace.total),
        ms(pace.longest),
        pace.longest_of
    );
}

fn main() -> Result<()> {
    let argument = std::env::args().nth(1).unwrap_or_else(|| "1024".to_owned());
    let devices: usize = argument.parse().context("how many devices")?;
    bare::measure(devices)?;
    println!("the client, at {devices} devices:");
    let mut world = World::calm(1)?;
    let bytes = Arc::new(Mutex::new(Bytes::default()));
    world.set_malice(bytes.clone());
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    let dora = world.sign_up("Dora")?;
    for friend in [bob, dora] {
        world.befriend(friend, alice)?;
    }
    // Alice, Bob, Dora, and in the end Carol.
    let others = bystanders::settle(&mut world, alice, devices.saturating_sub(4))?;
    let watched = vec![(alice, "Alice"), (bob, "Bob")];
    let mut measure = Measure {
        world,
        bytes,
        watched,
    };
    let (first, rest) = (others[0].clone(), others[1..].to_vec());
    let friends = vec![measure.world.address(bob)?, measure.world.address(dora)?];
    measure.act("create with 2", |world| {
        let details = GroupDetails {
            name: Some("Everybody".into()),
            ..GroupDetails::default()
        };
        let permissions = Permissions::default();
        world.act(
            alice,
            Command::CreateGroup {
                details,
                members: friends,
                permissions,
            },
        )?;
        Ok(())
    })?;
    let group = |world: &World, who: Who| -> Result<i64> {
        let all = world.core(who)?.conversations()?;
        let found = all.iter().find(|view| view.kind == "group");
        Ok(found.context("the group")?.conversation)
    };
    let alices = group(&measure.world, alice)?;
    let say = |text: &str, conversation: i64| {
        comity_simulation::story::say(
            Whom::Conversation(conversation),
            comity_client::What::Text(text.into()),
        )
    };
    let last = rest.last().context("bystanders")?.clone();
    measure.act("add all others in lots", |world| {
        let (conversation, members) = (alices, rest);
        world.act(
            alice,
            Command::AddMembers {
                conversation,
                members,
            },
        )?;
        Ok(())
    })?;
    measure.act("a message", |world| {
        world.act(alice, say("Hello everybody", alices)).map(drop)
    })?;
    let bobs = group(&measure.world, bob)?;
    measure.act("an answer", |world| {
        world.act(bob, say("Hello Alice", bobs)).map(drop)
    })?;
    measure.act("add one", |world| {
        let (conversation, members) = (alices, vec![first]);
        world.act(
            alice,
            Command::AddMembers {
                conversation,
                members,
            },
        )?;
        Ok(())
    })?;
    measure.act("remove one", |world| {
        let (conversation, member) = (alices, last);
        world.act(
            alice,
            Command::RemoveMember {
                conversation,
                member,
            },
        )?;
        Ok(())
    })?;
    let doras = group(&measure.world, dora)?;
    measure.act("one leaves", |world| {
        let conversation = doras;
        world.act(dora, Command::LeaveGroup { conversation })?;
        world.run_for(10_000);
        Ok(())
    })?;
    measure.act("make a link", |world| {
        let conversation = alices;
        world.act(alice, Command::MakeInvitation { conversation })?;
        Ok(())
    })?;
    let world = &measure.world;
    let link = world
        .events(alice)
        .iter()
        .rev()
        .find_map(|event| match event {
            Event::Invitation { link, .. } => Some(link.clone()),
            _ => None,
        });
    let link = link.context("a link")?;
    measure.watched.push((carol, "Carol"));
    measure.act("one joins by the link", |world| {
        world.act(carol, Command::JoinByInvitation { link })?;
        world.run_for(5_000);
        Ok(())
    })?;
    measure.act("leaves are renewed (30 minutes)", |world| {
        world.run_for(1_800_000);
        Ok(())
    })
}
