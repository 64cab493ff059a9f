//! Somebody comes in by themselves, and does not hear that they are in.

use super::group;
use anyhow::Result;
use comity_client::{Command, Permissions};
use comity_simulation::story::group_of;
use comity_simulation::{Malice, World};
use comity_wire::proto::{ClientFrame, ServerFrame};
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
