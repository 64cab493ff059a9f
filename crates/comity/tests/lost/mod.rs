//! People talk without a break while the server and their programs are killed; in the end both
//! sides must have the same conversation.
//!
//! Two pairs: one says each text by an act of its own and hears by `watch`, so that it is known
//! what was acknowledged and what was shown; the other types into the interactive client. A seed
//! decides when which program is killed: at a moment, or before its n-th call to the disk.
//!
//! Always holds: each text answered as sent is in both histories; each history has each text once
//! and in its author's order; no text was shown twice; none is unreadable. Deliberately absent:
//! that a line which no program took yet survives.

#![allow(
    dead_code,
    unused_imports,
    unreachable_pub,
    missing_docs,
    reason = "each test takes what it needs"
)]

mod device;
mod hub;
mod people;

pub use device::Device;
pub use hub::Hub;
pub use people::meet;

use comity_faults::Dice;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What comes with a kill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The process alone.
    Kill,
    /// What was not synced is lost as well.
    PowerLoss,
}

/// The seeds that the environment asks for, or a few from 0.
pub fn range(name: &str, few: u64) -> (u64, u64) {
    let read = |what: &str, default| {
        std::env::var(format!("COMITY_{name}_{what}")).map_or(default, |text| text.parse().unwrap())
    };
    (read("FROM", 0), read("COUNT", few))
}

const ALICE: &str = "+12025550101";
const BOB: &str = "+12025550102";
const CAROL: &str = "+12025550103";
const DAVE: &str = "+12025550104";

/// One line of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub outgoing: bool,
    pub message: String,
    pub text: String,
    pub status: String,
}

/// Kills once for each seed, under load, then compares.
pub fn story(fault: Fault, from: u64, count: u64) {
    let mut hub = Hub::start(fault);
    let people: Vec<Arc<Device>> = [
        ("alice", ALICE),
        ("bob", BOB),
        ("carol", CAROL),
        ("dave", DAVE),
    ]
    .into_iter()
    .map(|(name, number)| Arc::new(Device::sign_up(&hub, fault, from, name, number)))
    .collect();
    let [alice, bob, carol, dave] = &people[..] else {
        unreachable!()
    };
    people::meet(alice, bob);
    people::meet(carol, dave);
    let speaking = people::speak(alice, BOB);
    let hearing = people::listen(bob);
    let chats = [people::chat(carol, DAVE), people::chat(dave, CAROL)];
    for seed in from..from + count {
        strike(&mut hub, &people, seed);
    }
    eprintln!("{count} killed; waiting for all to be said");
    for person in &people {
        person.quit();
    }
    let sent = speaking.join().unwrap();
    chats.into_iter().for_each(|chat| chat.join().unwrap());
    people::settle(&people);
    bob.kill();
    let shown = hearing.join().unwrap();
    compare(alice, bob);
    compare(carol, dave);
    let heard = bob.history(ALICE);
    for (message, text) in &sent {
        let times = heard
            .iter()
            .filter(|said| said.message == *message && said.text == *text);
        assert_eq!(times.count(), 1, "acknowledged to alice: {text}");
    }
    let mut once = HashSet::new();
    for message in &shown {
        assert!(once.insert(message), "shown to bob twice: {message}");
    }
    assert!(!sent.is_empty() && !shown.is_empty());
    eprintln!(
        "{} texts acknowledged, {} shown, {} typed by carol",
        sent.len(),
        shown.len(),
        carol
            .history(DAVE)
            .iter()
            .filter(|said| said.outgoing)
            .count()
    );
}

/// One kill.
fn strike(hub: &mut Hub, people: &[Arc<Device>], seed: u64) {
    let mut dice = Dice::new(seed);
    std::thread::sleep(Duration::from_millis(200 + dice.below(1_300)));
    let at_call = (dice.below(2) == 0).then(|| 1 + dice.below(60));
    let victim = dice.below(2 * u64::try_from(people.len()).unwrap());
    let started = Instant::now();
    let who = match people.get(usize::try_from(victim).unwrap()) {
        Some(person) => {
            person.strike(at_call);
            person.name()
        }
        None => {
            hub.strike(at_call, dice.throw());
            "the server"
        }
    };
    eprintln!(
        "seed {seed}: {who} killed, {at_call:?}, {:?}",
        started.elapsed()
    );
}

/// What each said is what the other heard.
pub fn compare(one: &Device, other: &Device) {
    for (author, reader) in [(one, other), (other, one)] {
        let own = author.history(reader.number());
        let theirs = reader.history(author.number());
        let said: Vec<_> = own.iter().filter(|said| said.outgoing).collect();
        let heard: Vec<_> = theirs.iter().filter(|said| !said.outgoing).collect();
        let names = (author.name(), reader.name());
        for line in &said {
            let sent = ["sent", "delivered", "read"].contains(&line.status.as_str());
            assert!(sent, "{names:?}: {line:?}");
        }
        for lines in [&said, &heard] {
            let mut messages = HashSet::new();
            let mut texts = HashSet::new();
            for line in lines {
                assert!(messages.insert(&line.message), "{names:?}: twice: {line:?}");
                assert!(
                    texts.insert(&line.text),
                    "{names:?}: twice under two names: {line:?}"
                );
            }
            let numbers: Vec<u64> = lines
                .iter()
                .filter_map(|line| line.text.split(' ').nth(1)?.parse().ok())
                .collect();
            assert!(numbers.is_sorted(), "{names:?}: out of order: {numbers:?}");
        }
        let said: Vec<_> = said
            .iter()
            .map(|line| (&line.message, &line.text))
            .collect();
        let heard: Vec<_> = heard
            .iter()
            .map(|line| (&line.message, &line.text))
            .collect();
        let missing: Vec<_> = said.iter().filter(|line| !heard.contains(line)).collect();
        let surplus: Vec<_> = heard.iter().filter(|line| !said.contains(line)).collect();
        assert!(
            missing.is_empty() && surplus.is_empty(),
            "{names:?}: not heard: {missing:?}; not said: {surplus:?}"
        );
        assert_eq!(said, heard, "{names:?}");
    }
}
