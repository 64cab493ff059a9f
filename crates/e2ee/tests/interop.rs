//! Our engine and another implementation of MLS in one conversation, with a hub that judges both
//! by the same rules. What two members of an epoch must agree in is compared after every commit;
//! the suite is the one that both speak, all else is as in any conversation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod common;
#[path = "interop/someone.rs"]
mod someone;

use comity_e2ee::engine::{EngineError, Plan};
use comity_membership::{Committer, Context, Permissions, PublicState, Role};
use comity_wire::ConversationId;
use comity_wire::proto::ConversationKind;
use common::{APP_SECRET, Hub, Phone, random};
use someone::{CLASSICAL, Someone, ours, theirs, theirs_for};
use std::time::Duration;

fn choir() -> ConversationId {
    "0123456789abcdef0123456789abcdef@chat.example"
        .parse()
        .unwrap()
}

/// People, of whom some are in the conversation.
struct Room {
    hub: Hub,
    people: Vec<Someone>,
    inside: Vec<bool>,
}

/// Every story is told both ways: with our engine on the one side, and on the other.
fn both_ways(story: fn(&mut Room)) {
    story(&mut Room::new(vec![ours(1), theirs(2), ours(3), theirs(4)]));
    story(&mut Room::new(vec![theirs(1), ours(2), theirs(3), ours(4)]));
}

const ALICE: usize = 0;
const BOB: usize = 1;
const CAROL: usize = 2;
const DAVE: usize = 3;

impl Room {
    /// Alice alone.
    fn new(mut people: Vec<Someone>) -> Self {
        let mut hub = people[ALICE].create(&choir());
        for person in &people {
            hub.knows(&[person.phone()]);
        }
        let inside = (0..people.len()).map(|place| place == ALICE).collect();
        Self {
            hub,
            people,
            inside,
        }
    }

    /// Commits, gives the commit to all others, and checks that all agree.
    fn commit(&mut self, by: usize, plan: Plan) -> Option<Vec<u8>> {
        let made = self.people[by].commit(&self.hub.id, plan);
        self.hub.take(&made.commit, &made.group_info).unwrap();
        self.people[by].confirm(&self.hub.id);
        self.spread(by);
        made.welcome
    }

    /// Gives the newest commit to all but the one who made it.
    fn spread(&mut self, by: usize) {
        for (place, person) in self.people.iter_mut().enumerate() {
            if self.inside[place] && place != by {
                person.take(&self.hub);
            }
        }
    }

    fn add(&mut self, by: usize, who: &[usize]) {
        let add = who
            .iter()
            .map(|place| self.people[*place].key_package())
            .collect();
        let plan = Plan {
            add,
            ..Plan::default()
        };
        let welcome = self.commit(by, plan).unwrap();
        for place in who {
            self.people[*place].join(&self.hub, &welcome);
            self.inside[*place] = true;
        }
        self.agree();
    }

    fn remove(&mut self, by: usize, who: usize) {
        let plan = Plan {
            remove: vec![self.people[who].device()],
            ..Plan::default()
        };
        self.commit(by, plan);
        self.inside[who] = false;
        self.agree();
    }

    fn update(&mut self, by: usize) {
        let plan = Plan {
            update_self: true,
            ..Plan::default()
        };
        self.commit(by, plan);
        self.agree();
    }

    fn join_from_outside(&mut self, who: usize) {
        let change = self.people[who].join_from_outside(&mut self.hub).unwrap();
        assert!(matches!(
            change.committer,
            Committer::External { ref joiner } if joiner.device == self.people[who].device()
        ));
        self.spread(who);
        self.inside[who] = true;
        self.agree();
    }

    fn agree(&mut self) {
        let members = self.hub.state().members().unwrap();
        let mut views = Vec::new();
        for (person, inside) in self.people.iter_mut().zip(&self.inside) {
            if *inside {
                views.push(person.view(&self.hub.id));
            }
        }
        assert_eq!(views.len(), members.len());
        for view in &views {
            assert_eq!(*view, views[0]);
            assert_eq!(view.epoch, self.hub.state().epoch());
            assert_eq!(view.members, members);
            assert_eq!(view.context, *self.hub.state().context());
        }
    }

    /// One says something, and exactly those inside read it, as said by that one.
    fn say(&mut self, by: usize, text: &str) {
        let entry = self.people[by].says(&self.hub.id, text);
        comity_membership::private_message_facts(&entry).unwrap();
        self.read(by, text, &entry);
    }

    fn read(&mut self, by: usize, text: &str, entry: &[u8]) {
        let leaf = self.leaf(by).unwrap();
        for place in (0..self.people.len()).filter(|place| *place != by) {
            let read = self.people[place].reads(&self.hub.id, entry);
            let expected = self.inside[place].then(|| (leaf, text.to_owned()));
            assert_eq!(read, expected, "person {place}");
        }
    }

    fn leaf(&self, who: usize) -> Option<u32> {
        let device = self.people[who].device();
        let members = self.hub.state().members().unwrap();
        let found = members.iter().find(|member| member.device == device);
        found.map(|member| member.leaf)
    }

    fn everybody_says(&mut self, text: &str) {
        for place in 0..self.people.len() {
            if self.inside[place] {
                self.say(place, text);
            }
        }
    }
}

#[test]
fn welcomes_and_messages_pass_both_ways() {
    both_ways(|room| {
        room.add(ALICE, &[BOB]);
        room.everybody_says("hello");
        room.add(ALICE, &[CAROL, DAVE]);
        for round in 0..3 {
            room.everybody_says(&format!("round {round}"));
        }
    });
}

#[test]
fn each_takes_what_the_other_commits() {
    both_ways(|room| {
        room.add(ALICE, &[BOB, CAROL]);
        for by in [BOB, ALICE, CAROL, BOB] {
            room.update(by);
            room.everybody_says("still here");
        }
        // A context that lets members add: then Bob, by the other implementation, adds Dave.
        let mut context = room.hub.state().context().clone();
        context.permissions = Permissions {
            members_add: true,
            ..Permissions::default()
        };
        let address = room.people[BOB].phone().address.clone();
        context.roles.insert(address, Role::Admin);
        let plan = Plan {
            context: Some(context),
            ..Plan::default()
        };
        room.commit(ALICE, plan);
        room.agree();
        room.add(CAROL, &[DAVE]);
        room.everybody_says("four");
        room.remove(BOB, CAROL);
        room.everybody_says("without Carol");
        room.remove(BOB, DAVE);
        room.everybody_says("two");
    });
}

#[test]
fn each_joins_from_outside_and_comes_back() {
    both_ways(|room| {
        room.add(ALICE, &[BOB, CAROL]);
        for who in [BOB, CAROL, ALICE, BOB] {
            room.join_from_outside(who);
            room.everybody_says("back");
        }
    });
}

#[test]
fn a_stranger_by_either_is_refused() {
    both_ways(|room| {
        room.add(ALICE, &[BOB]);
        let refused = room.people[CAROL].join_from_outside(&mut room.hub);
        assert!(refused.is_err());
        let refused = room.people[DAVE].join_from_outside(&mut room.hub);
        assert!(refused.is_err());
        room.agree();
    });
}

#[test]
fn the_winner_is_taken_and_the_loser_tries_again() {
    both_ways(|room| {
        room.add(ALICE, &[BOB, CAROL]);
        let id = room.hub.id.clone();
        let plan = || Plan {
            update_self: true,
            ..Plan::default()
        };
        let won = room.people[BOB].commit(&id, plan());
        let lost = room.people[ALICE].commit(&id, plan());
        room.hub.take(&won.commit, &won.group_info).unwrap();
        assert!(room.hub.take(&lost.commit, &lost.group_info).is_err());
        room.people[BOB].confirm(&id);
        room.people[ALICE].discard(&id);
        room.spread(BOB);
        room.agree();
        room.update(ALICE);
        room.everybody_says("after the race");
    });
}

#[test]
fn each_commits_what_the_app_proposes() {
    both_ways(|room| {
        room.add(ALICE, &[BOB, CAROL, DAVE]);
        for (gone, by) in [(CAROL, BOB), (DAVE, ALICE)] {
            let leaf = room.leaf(gone).unwrap();
            let mut state = room.hub.state();
            let proposal = state.propose_removal(leaf, &APP_SECRET).unwrap();
            room.hub.state = state.to_bytes().unwrap();
            for (place, person) in room.people.iter_mut().enumerate() {
                if room.inside[place] && place != gone {
                    person.take_proposal(&room.hub.id, &proposal);
                }
            }
            room.inside[gone] = false;
            room.commit(by, Plan::default());
            room.agree();
            room.everybody_says("one fewer");
        }
    });
}

#[test]
fn messages_come_late_and_from_epochs_before() {
    both_ways(|room| {
        room.add(ALICE, &[BOB, CAROL]);
        let id = room.hub.id.clone();
        let texts: Vec<String> = (0..12).map(|n| n.to_string()).collect();
        for by in [ALICE, BOB] {
            let entries: Vec<_> = texts
                .iter()
                .map(|text| room.people[by].says(&id, text))
                .collect();
            room.update(CAROL);
            for n in [5, 0, 11, 3, 4, 1, 2, 10, 6] {
                room.read(by, &texts[n], &entries[n]);
            }
        }
    });
}

#[test]
fn a_long_walk_of_acts_by_both() {
    for seed in 0..4 {
        walk(seed);
    }
}

fn walk(seed: u8) {
    let people = (0..6).map(|n| {
        if (seed + n).is_multiple_of(2) {
            ours(n + 1)
        } else {
            theirs(n + 1)
        }
    });
    let mut room = Room::new(people.collect());
    let mut draw = random(seed);
    let mut pick = move |below: usize| {
        let mut bytes = [0; 4];
        draw(&mut bytes);
        usize::try_from(u32::from_be_bytes(bytes)).unwrap() % below
    };
    for act in 0..24 {
        let inside: Vec<usize> = (0..6).filter(|place| room.inside[*place]).collect();
        let outside: Vec<usize> = (0..6).filter(|place| !room.inside[*place]).collect();
        let someone = inside[pick(inside.len())];
        match pick(6) {
            0 | 1 if !outside.is_empty() => {
                let first = outside[pick(outside.len())];
                room.add(ALICE, &[first]);
            }
            2 if someone != ALICE => room.remove(ALICE, someone),
            3 => room.join_from_outside(someone),
            4 => room.update(someone),
            _ => room.say(someone, &format!("act {act}")),
        }
        room.everybody_says(&format!("after act {act} of {seed}"));
    }
}

#[test]
fn an_expired_leaf_keeps_nobody_out_and_an_expired_package_adds_nobody() {
    let soon = Duration::from_secs(3);
    let people = vec![
        ours(1),
        theirs_for(2, soon),
        ours(3),
        ours(4),
        theirs_for(5, soon),
    ];
    let mut room = Room::new(people);
    let package = room.people[4].key_package();
    room.add(ALICE, &[BOB]);
    std::thread::sleep(soon + Duration::from_secs(2));
    // Bob's leaf came from a package that is over, and never updated.
    room.add(ALICE, &[CAROL]);
    room.join_from_outside(CAROL);
    room.add(ALICE, &[DAVE]);
    room.everybody_says("in");
    room.update(BOB);
    room.everybody_says("renewed");
    assert!(comity_membership::parse_key_package(&package).is_err());
    let Someone::Ours(alice) = &mut room.people[ALICE] else {
        unreachable!()
    };
    let plan = Plan {
        add: vec![package],
        ..Plan::default()
    };
    let header = comity_membership::CommitHeader::default();
    let refused = alice.session().commit(&room.hub.id, plan, &header);
    assert!(matches!(refused, Err(EngineError::Malformed(_))));
    assert!(!alice.session().has_pending(&room.hub.id).unwrap());
    room.update(ALICE);
}

#[test]
fn a_conversation_never_changes_its_suite() {
    // The post-quantum engine takes nothing of a classical conversation, nor the other way round.
    let mut alice = Phone::of_suite(1, CLASSICAL);
    let mut bob = Phone::new(2);
    let roles = [(alice.address.clone(), Role::Admin)].into();
    let id = choir();
    let context = Context::new(
        id.clone(),
        ConversationKind::Group,
        &common::app_key(),
        roles,
    );
    let made = alice.session().create(&id, &context).unwrap();
    let create = |suite| {
        PublicState::create_of_suite(
            suite,
            &made.group_info,
            &made.ratchet_tree,
            &id,
            ConversationKind::Group,
        )
    };
    assert!(create(comity_membership::SUITE).is_err());
    create(CLASSICAL).unwrap();
    let package = bob.session().key_package(false).unwrap();
    let plan = Plan {
        add: vec![package],
        ..Plan::default()
    };
    let header = comity_membership::CommitHeader::default();
    assert!(alice.session().commit(&id, plan, &header).is_err());
    let refused = bob.session().prepare_external_join(
        &id,
        &made.group_info,
        &made.ratchet_tree,
        &header,
        &mut |_, _, _| Ok(()),
    );
    assert!(matches!(refused, Err(EngineError::Malformed(_))));
    // A store that holds a group of another suite is refused, too.
    alice.groups = comity_e2ee::Groups::new();
    assert!(alice.session().epoch(&id).is_err());
}
