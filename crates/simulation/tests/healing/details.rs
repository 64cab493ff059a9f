//! What a group is called, and who commits at the same time.

use super::group;
use anyhow::{Context, Result};
use comity_client::{Command, ConversationView, GroupDetails, Permissions};
use comity_simulation::story::group_of;
use comity_simulation::{Malice, Who, World};
use comity_wire::proto::{ClientFrame, ServerFrame, client_frame::Act, reply, server_frame::Frame};
use std::sync::{Arc, Mutex};

/// Holds up the first commit of a device, and until it goes tells nobody that details changed.
#[derive(Default)]
struct HoldsUp {
    device: &'static str,
    held: Option<ClientFrame>,
    lets_go: bool,
}

impl Malice for HoldsUp {
    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        if device != self.device {
            return vec![frame];
        }
        if self.lets_go {
            return self.held.take().into_iter().chain([frame]).collect();
        }
        if self.held.is_none() && matches!(frame.act, Some(Act::SubmitCommit(_))) {
            self.held = Some(frame);
            return Vec::new();
        }
        vec![frame]
    }

    fn to_device(&mut self, _: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        match frame.frame {
            Some(Frame::StateChanged(_)) if !self.lets_go => Vec::new(),
            _ => vec![frame],
        }
    }
}

/// An answer to one device is slow, and what the hub tells it of details overtakes it.
struct Overtakes {
    device: &'static str,
    is_slow: fn(&reply::Result) -> bool,
    told: u64,
    held: Option<ServerFrame>,
}

impl Malice for Overtakes {
    fn to_device(&mut self, device: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        if device != self.device {
            return vec![frame];
        }
        match &frame.frame {
            Some(Frame::Reply(reply))
                if self.held.is_none()
                    && self.told == 0
                    && reply.result.as_ref().is_some_and(self.is_slow) =>
            {
                self.held = Some(frame);
                Vec::new()
            }
            Some(Frame::StateChanged(changed)) if self.held.is_some() => {
                self.told = changed.state_version;
                vec![frame]
            }
            _ => vec![frame],
        }
    }
}

fn view(world: &World, who: Who) -> Result<ConversationView> {
    let id = group(world, who)?;
    let all = world.core(who)?.conversations()?;
    let view = all.into_iter().find(|view| view.conversation == id);
    view.context("no group")
}

fn name(conversation: i64, name: &str) -> Command {
    let details = GroupDetails {
        name: Some(name.to_owned()),
        ..GroupDetails::default()
    };
    Command::SetGroupDetails {
        conversation,
        details,
    }
}

#[test]
fn a_commit_that_was_on_its_way_takes_no_name_from_a_group() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(alice, bob)?;
    world.befriend(bob, carol)?;
    let members = vec![world.address(bob)?];
    let all_add = Permissions {
        members_add: true,
        ..Permissions::default()
    };
    world.act(alice, group_of("Choir", members, all_add))?;
    world.settle()?;
    let lie = Arc::new(Mutex::new(HoldsUp {
        device: "Bob",
        ..HoldsUp::default()
    }));
    world.set_malice(lie.clone());
    let members = vec![world.address(carol)?];
    let conversation = group(&world, bob)?;
    world.act(
        bob,
        Command::AddMembers {
            conversation,
            members,
        },
    )?;
    let asked = world.run_until(10_000, |_| lie.lock().unwrap().held.is_some());
    assert!(asked, "Bob commits");
    let conversation = group(&world, alice)?;
    world.act(alice, name(conversation, "Choir of the old town"))?;
    world.run_for(1_000);
    // The name is there; she is away for longer than what is new is looked after for that reason.
    world.cut_off(alice, 180_000);
    world.run_for(1_000);
    lie.lock().unwrap().lets_go = true;
    let conversation = group(&world, bob)?;
    world.act(
        bob,
        Command::Typing {
            conversation,
            typing: true,
        },
    )?;
    let added = world.run_until(60_000, |world| view(world, carol).is_ok());
    assert!(added, "Bob's commit stands");
    world.run_for(200_000);
    world.settle()?;
    for who in [alice, bob, carol] {
        let title = view(&world, who)?.title;
        assert_eq!(title, "Choir of the old town", "{}", world.name(who));
        assert_eq!(world.warnings(who), [""; 0], "{}", world.name(who));
    }
    world.nothing_is_wrong()
}

#[test]
fn who_comes_back_by_the_link_brings_no_old_name_along() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(alice, bob)?;
    world.befriend(alice, carol)?;
    let members = vec![world.address(bob)?, world.address(carol)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    let conversation = group(&world, alice)?;
    let link = world.invitation(alice, conversation)?;
    world.settle()?;
    let bobs = group(&world, bob)?;
    world.act(bob, Command::LeaveGroup { conversation: bobs })?;
    world.settle()?;
    world.act(alice, name(conversation, "Choir of the old town"))?;
    world.settle()?;
    world.act(bob, Command::JoinByInvitation { link })?;
    // He renews his leaf, and with it the details are sealed anew.
    world.run_for(3_600_000);
    world.settle()?;
    for who in [alice, bob, carol] {
        let title = view(&world, who)?.title;
        assert_eq!(title, "Choir of the old town", "{}", world.name(who));
        assert_eq!(world.warnings(who), [""; 0], "{}", world.name(who));
    }
    world.nothing_is_wrong()
}

#[test]
fn a_name_that_is_told_of_while_an_older_one_is_on_its_way_is_looked_at() -> Result<()> {
    let looks: fn(&reply::Result) -> bool = |result| matches!(result, reply::Result::State(_));
    let puts: fn(&reply::Result) -> bool = |result| matches!(result, reply::Result::Done(_));
    for (by_her, is_slow) in [(false, looks), (true, puts)] {
        let mut world = World::calm(1)?;
        let alice = world.sign_up("Alice")?;
        let bob = world.sign_up("Bob")?;
        world.befriend(alice, bob)?;
        let members = vec![world.address(bob)?];
        let all_edit = Permissions {
            members_edit: true,
            ..Permissions::default()
        };
        world.act(alice, group_of("Choir", members, all_edit))?;
        world.settle()?;
        let lie = Arc::new(Mutex::new(Overtakes {
            device: "Alice",
            is_slow,
            told: 0,
            held: None,
        }));
        world.set_malice(lie.clone());
        let first = if by_her { alice } else { bob };
        let conversation = group(&world, first)?;
        world.act(first, name(conversation, "Choir of the town"))?;
        let waits = world.run_until(10_000, |_| lie.lock().unwrap().held.is_some());
        assert!(waits, "Alice waits for an answer");
        world.run_for(1_000);
        let conversation = group(&world, bob)?;
        world.act(bob, name(conversation, "Choir of the old town"))?;
        let told = world.run_until(10_000, |_| lie.lock().unwrap().told > 0);
        assert!(told, "Alice is told of another name");
        world.run_for(1_000);
        let answer = lie.lock().unwrap().held.take().unwrap();
        world.inject(alice, answer);
        world.run_for(5_000);
        world.settle()?;
        for who in [alice, bob] {
            let title = view(&world, who)?.title;
            assert_eq!(title, "Choir of the old town", "{}", world.name(who));
            assert_eq!(world.warnings(who), [""; 0], "{}", world.name(who));
        }
        world.nothing_is_wrong()?;
    }
    Ok(())
}
