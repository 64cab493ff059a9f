//! Somebody comes in by themselves, and does not hear that they are in.

use super::group;
use anyhow::{Context, Result};
use comity_client::{Command, Permissions};
use comity_simulation::story::group_of;
use comity_simulation::{Malice, Who, World};
use comity_wire::proto::{ClientFrame, EntryKind, ServerFrame};
use comity_wire::proto::{client_frame::Act, reply, server_frame::Frame};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

const MINUTE_MS: u64 = 60_000;

/// Loses what Bob is answered to his first commit, and remembers what he is answered to the same one later.
#[derive(Default)]
struct LosesCommitted {
    /// By the number of the request: the commit's key.
    asked: BTreeMap<u64, Vec<u8>>,
    lost: Option<(Vec<u8>, u64)>,
    later: Vec<Option<u64>>,
}

impl Malice for LosesCommitted {
    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        if let (Some(Act::SubmitCommit(commit)), "Bob") = (&frame.act, device) {
            self.asked
                .insert(frame.request, commit.idempotency_key.clone());
        }
        vec![frame]
    }

    fn to_device(&mut self, device: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        let Some(Frame::Reply(reply)) = &frame.frame else {
            return vec![frame];
        };
        let Some(key) = self
            .asked
            .remove(&reply.request)
            .filter(|_| device == "Bob")
        else {
            return vec![frame];
        };
        let seq = match &reply.result {
            Some(reply::Result::Committed(committed)) => Some(committed.seq),
            _ => None,
        };
        match (&self.lost, seq) {
            (None, Some(seq)) => {
                self.lost = Some((key, seq));
                return Vec::new();
            }
            (Some((lost, _)), _) if *lost == key => self.later.push(seq),
            _ => {}
        }
        vec![frame]
    }
}

#[test]
fn who_came_in_by_a_link_and_did_not_hear_of_it_is_told_so_when_all_others_have_read_it()
-> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(alice, carol)?;
    let members = vec![world.address(carol)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    let conversation = group(&world, alice)?;
    let link = world.invitation(alice, conversation)?;
    world.settle()?;
    let lie = Arc::new(Mutex::new(LosesCommitted::default()));
    world.set_malice(lie.clone());
    world.act(bob, Command::JoinByInvitation { link })?;
    let came = world.run_until(MINUTE_MS, |_| lie.lock().unwrap().lost.is_some());
    assert!(came, "Bob never came in");
    // Meanwhile Alice and Carol read it, and the server lets it go.
    world.cut_off(bob, 20 * MINUTE_MS);
    world.run_for(21 * MINUTE_MS);
    world.settle()?;
    let lie = lie.lock().unwrap();
    let seq = lie.lost.as_ref().map(|(_, seq)| *seq);
    assert_eq!(lie.later, [seq]);
    let all = world.core(bob)?.conversations()?;
    let choir = all.iter().find(|view| view.kind == "group").unwrap();
    assert_eq!(choir.state, "active");
    world.nothing_is_wrong()
}

/// What of a welcome is late at a device.
#[derive(Clone, Copy, PartialEq)]
enum Late {
    /// That there is one.
    Pointer,
    /// The welcome.
    Reply,
}

/// Keeps back one device's welcomes until it was taken out.
struct LateWelcome {
    late: Late,
    device: &'static str,
    /// What waits, in the order in which it came.
    kept: Vec<ServerFrame>,
    came_in: bool,
    over: bool,
}

impl Malice for LateWelcome {
    fn to_device(&mut self, device: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        if device != self.device || self.over {
            return vec![frame];
        }
        let pointer = |deliver: &comity_wire::proto::Deliver| {
            let mut all = deliver.entries.iter();
            all.any(|entry| entry.kind() == EntryKind::Welcome)
        };
        let keep = match &frame.frame {
            Some(Frame::Deliver(deliver)) => self.late == Late::Pointer && pointer(deliver),
            Some(Frame::Reply(reply)) => match &reply.result {
                Some(reply::Result::Deliver(deliver)) => {
                    self.late == Late::Pointer && pointer(deliver)
                }
                Some(reply::Result::Welcome(_)) => self.late == Late::Reply,
                Some(reply::Result::Committed(_)) => {
                    self.came_in = true;
                    false
                }
                _ => false,
            },
            _ => false,
        };
        if keep {
            self.kept.push(frame);
            return Vec::new();
        }
        vec![frame]
    }
}

/// How a group stands on somebody's device.
fn state(world: &World, who: Who) -> Result<String> {
    let all = world.core(who)?.conversations()?;
    let group = all.into_iter().find(|view| view.kind == "group");
    Ok(group.context("no group")?.state)
}

/// Bob's tablet comes in by itself, after his phone had let it in; it is taken out; only then it hears of the
/// welcome, or gets it.
fn a_late_welcome(late: Late) -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let tablet = world.link(bob, "Bob's tablet")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(alice, carol)?;
    let members = vec![world.address(carol)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    let conversation = group(&world, alice)?;
    let link = world.invitation(alice, conversation)?;
    world.settle()?;
    let lie = Arc::new(Mutex::new(LateWelcome {
        late,
        device: "Bob's tablet",
        kept: Vec::new(),
        came_in: false,
        over: false,
    }));
    world.set_malice(lie.clone());
    world.cut_off(tablet, 10 * MINUTE_MS);
    world.act(tablet, Command::JoinByInvitation { link: link.clone() })?;
    world.act(bob, Command::JoinByInvitation { link })?;
    world.run_for(11 * MINUTE_MS);
    let came = world.run_until(MINUTE_MS, |_| {
        let lie = lie.lock().unwrap();
        lie.came_in && !lie.kept.is_empty()
    });
    assert!(
        came,
        "the tablet did not come in by itself beside a welcome"
    );
    world.run_for(5_000);
    assert_eq!(state(&world, tablet)?, "active");
    let member = world.address(bob)?;
    world.act(
        alice,
        Command::RemoveMember {
            conversation,
            member,
        },
    )?;
    let out = world.run_until(MINUTE_MS, |world| {
        state(world, tablet).is_ok_and(|state| state == "left")
    });
    assert!(out, "the tablet did not hear that it is out");
    let kept = {
        let mut lie = lie.lock().unwrap();
        lie.over = true;
        std::mem::take(&mut lie.kept)
    };
    for frame in kept {
        world.inject(tablet, frame);
    }
    world.settle()?;
    world.say(bob, alice, "Why am I out?").ok();
    world.settle()?;
    assert_eq!(state(&world, tablet)?, "left");
    assert_eq!(world.warnings(tablet), Vec::<String>::new());
    world.nothing_is_wrong()
}

#[test]
fn a_stay_that_was_over_before_a_device_came_in_by_itself_is_not_gone_into() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let tablet = world.link(bob, "Bob's tablet")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(alice, carol)?;
    let members = vec![world.address(carol)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    let conversation = group(&world, alice)?;
    let link = world.invitation(alice, conversation)?;
    world.settle()?;
    let lie = Arc::new(Mutex::new(LateWelcome {
        late: Late::Pointer,
        device: "Bob's tablet",
        kept: Vec::new(),
        came_in: false,
        over: false,
    }));
    world.set_malice(lie.clone());
    let member = world.address(bob)?;
    let remove = Command::RemoveMember {
        conversation,
        member,
    };
    // The phone lets it in, and both are out again: it hears of neither.
    world.act(bob, Command::JoinByInvitation { link })?;
    let let_in = world.run_until(MINUTE_MS, |_| !lie.lock().unwrap().kept.is_empty());
    assert!(let_in, "the phone did not let the tablet in");
    world.run_for(10_000);
    world.act(alice, remove.clone())?;
    world.run_for(MINUTE_MS);
    // It comes in by itself, and is out again.
    let kept = std::mem::take(&mut lie.lock().unwrap().kept);
    // Who was put out does not come back by the link that they had.
    let link = world.invitation(alice, conversation)?;
    world.run_for(10_000);
    world.act(tablet, Command::JoinByInvitation { link })?;
    let came = world.run_until(MINUTE_MS, |world| {
        lie.lock().unwrap().came_in && state(world, tablet).is_ok_and(|state| state == "active")
    });
    assert!(came, "the tablet did not come in by itself");
    world.run_for(10_000);
    world.act(alice, remove)?;
    let out = world.run_until(MINUTE_MS, |world| {
        state(world, tablet).is_ok_and(|state| state == "left")
    });
    assert!(out, "the tablet did not hear that it is out");
    lie.lock().unwrap().over = true;
    for frame in kept {
        world.inject(tablet, frame);
    }
    world.run_for(MINUTE_MS);
    world.settle()?;
    assert_eq!(state(&world, tablet)?, "left");
    let lines = world
        .core(tablet)?
        .timeline(group(&world, tablet)?, None, 100)?;
    let told = lines.iter().filter(|line| line.text == "removed_you");
    assert_eq!(told.count(), 1);
    assert_eq!(world.warnings(tablet), Vec::<String>::new());
    world.nothing_is_wrong()
}

#[test]
fn a_welcome_from_before_that_is_heard_of_when_all_is_over_leads_nowhere() -> Result<()> {
    a_late_welcome(Late::Pointer)
}

#[test]
fn a_welcome_from_before_that_comes_when_all_is_over_leads_nowhere() -> Result<()> {
    a_late_welcome(Late::Reply)
}

#[test]
fn a_note_about_a_conversation_that_is_in_another_one_now_keeps_nobody_offline() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.tamper_store(bob, |store| {
        // As two rows that became one left it, in the form of the store's values: true.
        store.execute(
            "INSERT INTO meta (key, value) VALUES ('unread_since_entry/999', x'f5')",
            [],
        )?;
        Ok(())
    })?;
    world.run_for(MINUTE_MS);
    world.settle()?;
    world.say(alice, bob, "Are you there?")?;
    world.settle()?;
    assert_eq!(world.conversation(bob, alice)?.last_text, "Are you there?");
    assert!(world.core(bob)?.is_online());
    Ok(())
}
