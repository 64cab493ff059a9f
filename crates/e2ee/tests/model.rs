//! Random acts of many devices against an oracle that keeps only who was in when: every device of
//! an epoch has the same authenticator, every message is shown exactly once to everybody who was in
//! when it was written, and to nobody else.
//!
//! A device reads the log at its own pace, crashes at any act (the transaction is rolled back, the
//! groups in memory are forgotten, the act is done again), and may lose the answer to a commit.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod common;

use comity_e2ee::engine::{Pending, Plan};
use comity_membership::{Change, CommitHeader, Context, Member};
use comity_wire::limits::EPOCHS_BEHIND_MAX;
use comity_wire::proto::ConversationKind;
use common::{Hub, Phone};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// Accounts, each with two devices; the first one's are admins.
const ACCOUNTS: usize = 3;
const DEVICES: usize = ACCOUNTS * 2;

#[derive(Debug, Clone)]
enum Act {
    /// Reads on, up to so many entries.
    Read(usize, usize),
    /// Says something.
    Say(usize),
    /// Renews its keys.
    Update(usize),
    /// As [`Act::Update`], and the answer is lost: the commit comes back in the log.
    UpdateUnanswered(usize),
    /// Two devices commit at once.
    Race(usize, usize),
    /// The admin brings an account in, or puts it out.
    Account(usize),
    /// A device lets the account's other one in, or puts it out (the device list drops it).
    Sibling(usize),
    /// Joins from outside, in place of what it has.
    Rejoin(usize),
    /// As the next act, but first done once and lost in a crash.
    Crash,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let one = prop_oneof![
        6 => (0..DEVICES, 1..6_usize).prop_map(|(who, count)| Act::Read(who, count)),
        6 => (0..DEVICES).prop_map(Act::Say),
        2 => (0..DEVICES).prop_map(Act::Update),
        1 => (0..DEVICES).prop_map(Act::UpdateUnanswered),
        1 => (0..DEVICES, 0..DEVICES).prop_map(|(one, other)| Act::Race(one, other)),
        2 => (1..ACCOUNTS).prop_map(Act::Account),
        2 => (0..DEVICES).prop_map(Act::Sibling),
        1 => (0..DEVICES).prop_map(Act::Rejoin),
        2 => Just(Act::Crash),
    ];
    proptest::collection::vec(one, 10..50)
}

/// An entry of the log.
#[derive(Clone)]
enum Entry {
    Commit {
        body: Vec<u8>,
        /// Members after it.
        members: BTreeSet<usize>,
    },
    Content {
        body: Vec<u8>,
        text: String,
        by: usize,
    },
}

struct World {
    hub: Hub,
    phones: Vec<Phone>,
    log: Vec<Entry>,
    /// The next entry to read. Who was put out goes on trying.
    cursor: Vec<usize>,
    /// Whether the device takes itself for a member.
    inside: Vec<bool>,
    /// The epoch with which a member's stay began.
    since: Vec<u64>,
    /// Devices that are on their account's list.
    listed: BTreeSet<usize>,
    /// Members, as the hub has it.
    members: BTreeSet<usize>,
    authenticators: BTreeMap<u64, [u8; 8]>,
    /// What must be shown, and what was: (device, text).
    due: BTreeSet<(usize, String)>,
    shown: BTreeSet<(usize, String)>,
    crash: bool,
    said: usize,
}

fn phone(place: usize) -> Phone {
    let account = u8::try_from(place / 2).unwrap();
    let first = Phone::new(account + 1);
    if place.is_multiple_of(2) {
        first
    } else {
        Phone::of(first.address.clone(), first.root, account + 50)
    }
}

fn own_devices(account: usize) -> BTreeSet<usize> {
    BTreeSet::from([2 * account, 2 * account + 1])
}

impl World {
    fn new() -> Self {
        let mut phones: Vec<Phone> = (0..DEVICES).map(phone).collect();
        let hub = Hub::create(&mut phones[0], ConversationKind::Group, None);
        let mut world = Self {
            hub,
            phones,
            log: Vec::new(),
            cursor: vec![0; DEVICES],
            inside: (0..DEVICES).map(|place| place == 0).collect(),
            since: vec![0; DEVICES],
            listed: (0..DEVICES).step_by(2).collect(),
            members: BTreeSet::from([0]),
            authenticators: BTreeMap::new(),
            due: BTreeSet::new(),
            shown: BTreeSet::new(),
            crash: false,
            said: 0,
        };
        (0..ACCOUNTS).for_each(|account| world.publish(account));
        world
    }

    /// The hub learns an account's device list.
    fn publish(&mut self, account: usize) {
        let listed = own_devices(account);
        let devices = listed.intersection(&self.listed);
        let devices: Vec<&Phone> = devices.map(|place| &self.phones[*place]).collect();
        self.hub.knows(&devices);
    }

    /// Does something on a device, in a transaction; after a crash, for the second time.
    fn on<T>(&mut self, who: usize, mut act: impl FnMut(&Hub, &mut Phone) -> T) -> T {
        if std::mem::take(&mut self.crash) {
            let phone = &mut self.phones[who];
            phone.store.execute_batch("BEGIN").unwrap();
            act(&self.hub, phone);
            phone.store.execute_batch("ROLLBACK").unwrap();
            phone.restart();
        }
        let phone = &mut self.phones[who];
        phone.store.execute_batch("BEGIN").unwrap();
        let outcome = act(&self.hub, phone);
        phone.store.execute_batch("COMMIT").unwrap();
        outcome
    }

    /// What a member has in its epoch is what everybody has who was there.
    fn check(&mut self, who: usize) {
        let mut session = self.phones[who].session();
        let epoch = session.epoch(&self.hub.id).unwrap();
        let authenticator = session.epoch_authenticator(&self.hub.id).unwrap();
        let first = *self.authenticators.entry(epoch).or_insert(authenticator);
        assert_eq!(first, authenticator, "device {who} in epoch {epoch}");
    }

    fn read(&mut self, who: usize, count: usize) {
        for _ in 0..count {
            let Some(entry) = self.log.get(self.cursor[who]).cloned() else {
                return;
            };
            self.cursor[who] += 1;
            match entry {
                Entry::Commit { body, members } if self.inside[who] => {
                    self.read_commit(who, &body, members.contains(&who));
                }
                Entry::Content { body, text, by } if by != who => {
                    self.read_content(who, &body, text);
                }
                _ => {}
            }
        }
    }

    fn read_content(&mut self, who: usize, body: &[u8], text: String) {
        let read = self.on(who, |hub, phone| phone.session().decrypt(&hub.id, body));
        if let Ok(read) = read {
            assert!(self.inside[who], "device {who} is out, and reads {text}");
            assert_eq!(read.plaintext, text.as_bytes());
            let first = self.shown.insert((who, text.clone()));
            assert!(first, "device {who} was shown {text} twice");
            let again = self.phones[who].session().decrypt(&self.hub.id, body);
            assert!(again.is_err(), "a key is good for one time");
        }
    }

    fn read_commit(&mut self, who: usize, body: &[u8], stays: bool) {
        let merged = self.on(who, |hub, phone| {
            // The hub judged it, by the device lists of then.
            let mut judge = |_: &Change, _: &[Member], _: &Context| Ok(());
            phone.session().process_commit(&hub.id, body, &mut judge)
        });
        let merged = merged.expect("a commit that the hub took");
        assert_eq!(merged.self_removed, !stays, "device {who}");
        self.inside[who] = stays;
        if stays {
            self.check(who);
        }
    }

    /// A member that has read all there is, which who commits must have.
    fn caught_up(&mut self, who: usize) -> bool {
        self.read(who, usize::MAX);
        self.members.contains(&who)
    }

    fn say(&mut self, who: usize) {
        self.said += 1;
        let text = format!("message {}", self.said);
        let said = self.on(who, |hub, phone| {
            phone.session().encrypt(&hub.id, text.as_bytes(), b"")
        });
        let Ok(body) = said else { return };
        assert!(self.inside[who]);
        let facts = comity_membership::private_message_facts(&body).unwrap();
        // As the hub does: from members only, and of an epoch that is not too long ago.
        let behind = self.hub.state().epoch() - facts.epoch;
        if !self.members.contains(&who) || behind > EPOCHS_BEHIND_MAX {
            return;
        }
        let readers = self.members.iter().filter(|reader| **reader != who);
        for reader in readers.filter(|reader| self.since[**reader] <= facts.epoch) {
            self.due.insert((*reader, text.clone()));
        }
        let by = who;
        self.log.push(Entry::Content { body, text, by });
    }

    /// A commit of a device that is caught up.
    fn prepare(&mut self, who: usize, plan: &Plan) -> Pending {
        self.on(who, |hub, phone| {
            let header = CommitHeader::default();
            let mut session = phone.session();
            session.commit(&hub.id, plan.clone(), &header).unwrap()
        })
    }

    /// The hub takes it.
    fn accept(&mut self, pending: &Pending, added: &BTreeSet<usize>, removed: &BTreeSet<usize>) {
        self.hub.submit(pending).unwrap();
        self.members = self.members.difference(removed).copied().collect();
        self.members.extend(added);
        self.log.push(Entry::Commit {
            body: pending.commit.clone(),
            members: self.members.clone(),
        });
        let tree = self.hub.tree();
        for place in added {
            let welcome = pending.welcome.clone().unwrap();
            self.on(*place, |_, phone| {
                drop(phone.session().join(&welcome, &tree).unwrap());
            });
            self.entered(*place);
        }
    }

    /// A stay begins: what was not read before is not read any more.
    fn entered(&mut self, who: usize) {
        self.since[who] = self.hub.state().epoch();
        self.cursor[who] = self.log.len();
        self.inside[who] = true;
        let shown = &self.shown;
        self.due
            .retain(|item| item.0 != who || shown.contains(item));
        self.check(who);
    }

    /// The hub's answer: it took the device's commit.
    fn answered(&mut self, who: usize) {
        self.on(who, |hub, phone| {
            drop(phone.session().confirm_pending(&hub.id).unwrap());
        });
        self.cursor[who] = self.log.len();
        self.check(who);
    }

    fn commit(
        &mut self,
        by: usize,
        plan: &Plan,
        added: &BTreeSet<usize>,
        removed: &BTreeSet<usize>,
    ) {
        let pending = self.prepare(by, plan);
        self.accept(&pending, added, removed);
        self.answered(by);
    }

    fn add(&mut self, by: usize, who: &BTreeSet<usize>) {
        let mut packages = Vec::new();
        for place in who {
            packages.push(self.on(*place, |_, phone| {
                phone.session().key_package(false).unwrap()
            }));
        }
        let plan = Plan {
            add: packages,
            ..Plan::default()
        };
        self.commit(by, &plan, who, &BTreeSet::new());
    }

    fn remove(&mut self, by: usize, who: &BTreeSet<usize>) {
        let plan = Plan {
            remove: who
                .iter()
                .map(|place| self.phones[*place].keys.id())
                .collect(),
            update_self: true,
            ..Plan::default()
        };
        self.commit(by, &plan, &BTreeSet::new(), who);
    }

    fn update(&mut self, by: usize, answered: bool) {
        let none = BTreeSet::new();
        let pending = self.prepare(by, &UPDATE);
        self.accept(&pending, &none, &none);
        if answered {
            self.answered(by);
        } else {
            self.phones[by].restart();
        }
    }

    fn race(&mut self, winner: usize, loser: usize) {
        if winner == loser || !self.caught_up(winner) || !self.caught_up(loser) {
            return;
        }
        let lost = self.prepare(loser, &UPDATE);
        self.update(winner, true);
        assert!(self.hub.submit(&lost).is_err());
    }

    /// An admin lets an account in, or puts it out.
    fn account(&mut self, account: usize) {
        let admins = own_devices(0);
        let admin = *admins.intersection(&self.members).next().unwrap();
        assert!(self.caught_up(admin));
        let devices = own_devices(account);
        let here: BTreeSet<usize> = devices.intersection(&self.members).copied().collect();
        if here.is_empty() {
            self.add(
                admin,
                &devices.intersection(&self.listed).copied().collect(),
            );
        } else {
            self.remove(admin, &here);
        }
    }

    /// A device lets the account's other one in, or puts it out.
    fn sibling(&mut self, who: usize) {
        if !self.caught_up(who) {
            return;
        }
        let other = BTreeSet::from([who ^ 1]);
        if self.members.contains(&(who ^ 1)) {
            self.listed.remove(&(who ^ 1));
            self.publish(who / 2);
            self.remove(who, &other);
        } else {
            self.listed.insert(who ^ 1);
            self.publish(who / 2);
            self.add(who, &other);
        }
    }

    /// Joins from outside: by the right of an account that is in.
    fn rejoin(&mut self, who: usize) {
        let mut account = own_devices(who / 2).into_iter();
        if !self.listed.contains(&who) || !account.any(|place| self.members.contains(&place)) {
            return;
        }
        let pending = self.on(who, |hub, phone| {
            let header = CommitHeader::default();
            let mut judge = |change: &Change, before: &[Member], context: &Context| {
                hub.judge(change, before, context)
            };
            let (info, tree) = (&hub.group_info, hub.tree());
            phone
                .session()
                .prepare_external_join(&hub.id, info, &tree, &header, &mut judge)
                .unwrap()
        });
        self.accept(&pending, &BTreeSet::new(), &BTreeSet::new());
        self.members.insert(who);
        if let Some(Entry::Commit { members, .. }) = self.log.last_mut() {
            members.insert(who);
        }
        self.answered(who);
        self.entered(who);
    }

    fn take(&mut self, act: &Act) {
        match *act {
            Act::Read(who, count) => self.read(who, count),
            Act::Say(who) => self.say(who),
            Act::Update(who) if self.caught_up(who) => self.update(who, true),
            Act::UpdateUnanswered(who) if self.caught_up(who) => self.update(who, false),
            Act::Update(_) | Act::UpdateUnanswered(_) => {}
            Act::Race(one, other) => self.race(one, other),
            Act::Account(account) => self.account(account),
            Act::Sibling(who) => self.sibling(who),
            Act::Rejoin(who) => self.rejoin(who),
            Act::Crash => self.crash = true,
        }
    }
}

const UPDATE: Plan = Plan {
    add: Vec::new(),
    remove: Vec::new(),
    update_self: true,
    context: None,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, ..ProptestConfig::default() })]
    #[test]
    fn every_message_is_shown_once_to_whom_it_was_for(acts in acts()) {
        let mut world = World::new();
        for act in &acts {
            world.take(act);
        }
        for who in 0..DEVICES {
            world.read(who, usize::MAX);
        }
        let epoch = world.hub.state().epoch();
        for who in world.members.clone() {
            prop_assert_eq!(world.phones[who].session().epoch(&world.hub.id).unwrap(), epoch);
            world.check(who);
        }
        prop_assert_eq!(&world.shown, &world.due);
    }
}
