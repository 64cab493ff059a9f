//! Lies about people: their keys, their device lists, who has a number.

use crate::screen::{said_beside, screen, told};
use crate::words;
use anyhow::{Context as _, Result};
use comity_client::{Command, ContactView, Event, What, Whom};
use comity_e2ee::engine::Groups;
use comity_e2ee::{DeviceKeys, sign_manifest};
use comity_membership::manifest::{self, Device};
use comity_simulation::lies::{Answers, Welcomes};
use comity_simulation::story::say;
use comity_simulation::{Who, World};
use comity_wire::http::{Found, KeyPackagesFetched};
use comity_wire::{Address, Bytes64};
use openmls::prelude::Ciphersuite;
use std::sync::{Arc, Mutex};

fn keys() -> DeviceKeys {
    DeviceKeys::generate(&mut |bytes: &mut [u8]| bytes.fill(66))
}

/// The first answer with key packages that Bob gets holds the server's own, of this suite.
fn swapped_packages(suite: Ciphersuite) -> Result<String> {
    let mut swapped = false;
    let lie = Answers::new("Bob", "/v1/key-packages/fetch", move |body: &[u8]| {
        let mut fetched: KeyPackagesFetched = serde_json::from_slice(body).unwrap();
        if std::mem::replace(&mut swapped, true) {
            return body.to_vec();
        }
        let whose = manifest::verify(&fetched.manifest.0).unwrap();
        let store = rusqlite::Connection::open_in_memory().unwrap();
        store.execute_batch(comity_e2ee::storage::SCHEMA).unwrap();
        let (keys, mut groups) = (keys(), Groups::of_suite(suite));
        let package = groups
            .session(&store, &keys, &whose.manifest.address)
            .key_package(false)
            .unwrap();
        fetched.packages[0].key_package = Bytes64(package);
        serde_json::to_vec(&fetched).unwrap()
    });
    let mut world = World::calm(1)?;
    world.set_malice(lie);
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.say(bob, alice, "Is it you?")?;
    world.settle()?;
    let alices = screen(&world, alice, bob)?;
    Ok(format!("{}\n{alices}", screen(&world, bob, alice)?))
}

/// Bob's screen and Alice's. The server's keys got nowhere; with the right ones they talk.
const REFUSED: &str = "\
Alice: Hello, this is Alice.
me: Is it you?
— warning: the server gave keys that are not that person's; they are refused

me: Hello, this is Alice.
Bob: Is it you?
";

#[test]
fn swapped_key_packages_are_refused() -> Result<()> {
    assert_eq!(swapped_packages(comity_membership::SUITE)?, REFUSED);
    Ok(())
}

#[test]
fn key_packages_of_a_weaker_suite_are_refused() -> Result<()> {
    let weaker = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
    assert_eq!(swapped_packages(weaker)?, REFUSED);
    Ok(())
}

#[test]
fn the_welcome_of_another_conversation_is_not_entered() -> Result<()> {
    let mut world = World::calm(1)?;
    world.set_malice(Welcomes::new("Carol"));
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(alice, bob)?;
    world.befriend(carol, bob)?;
    world.settle()?;
    world.say(bob, carol, "Is it you?")?;
    world.settle()?;
    world.say(carol, bob, "It is.")?;
    world.settle()?;
    assert_eq!(
        screen(&world, carol, bob)?,
        "\
me: Hello, this is Carol.
Bob: Is it you?
me: It is.
— warning: the server gave an invitation that this device can not use
"
    );
    assert_eq!(
        screen(&world, bob, carol)?,
        "\
Carol: Hello, this is Carol.
me: Is it you?
Carol: It is.
"
    );
    Ok(())
}

/// Alice knows Bob; then she is given what `change` makes of his device list.
fn changed_list(change: impl Fn(&[u8]) -> Vec<u8> + Send + 'static) -> Result<(World, Who, Who)> {
    let on = Arc::new(Mutex::new(false));
    let armed = on.clone();
    let lie = Answers::new("Alice", "/v1/directory/lookup", move |body: &[u8]| {
        if !*armed.lock().unwrap() {
            return body.to_vec();
        }
        let mut found: Found = serde_json::from_slice(body).unwrap();
        found.manifest = Bytes64(change(&found.manifest.0));
        serde_json::to_vec(&found).unwrap()
    });
    let mut world = World::calm(1)?;
    world.set_malice(lie);
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.link(bob, "Bob's laptop")?;
    world.settle()?;
    *on.lock().unwrap() = true;
    let number = world.number(bob)?;
    let country = None;
    world.act(alice, Command::Lookup { number, country })?;
    world.settle()?;
    Ok((world, alice, bob))
}

#[test]
fn a_ghost_in_the_device_list_is_refused() -> Result<()> {
    let (world, alice, bob) = changed_list(|bytes| {
        let list = manifest::verify(bytes).unwrap();
        let mut next = list.manifest.clone();
        next.seq += 1;
        next.previous_hash = list.hash.to_vec();
        next.devices.push(Device::new(keys().public(), true, 0));
        sign_manifest(&next, None, Some(&keys()))
    })?;
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
— Bob uses a new device
— warning: the server gave a device list that is not that person's; it is refused
"
    );
    Ok(())
}

#[test]
fn an_older_device_list_is_refused() -> Result<()> {
    let first = Arc::new(Mutex::new(Vec::new()));
    let kept = first.clone();
    // The list of one device, as the server had it at first.
    let mut world = World::calm(1)?;
    let lie = told(Answers::new("Alice", "/v1/", move |body: &[u8]| {
        let Ok(mut found) = serde_json::from_slice::<Found>(body) else {
            return body.to_vec();
        };
        let mut kept = kept.lock().unwrap();
        if kept.is_empty() {
            kept.clone_from(&found.manifest.0);
        }
        found.manifest = Bytes64(kept.clone());
        serde_json::to_vec(&found).unwrap()
    }));
    world.set_malice(lie.clone());
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.link(bob, "Bob's laptop")?;
    world.settle()?;
    let (number, country) = (world.number(bob)?, None);
    world.act(alice, Command::Lookup { number, country })?;
    world.settle()?;
    assert!(!first.lock().unwrap().is_empty());
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
— Bob uses a new device
— warning: the server gave an old device list of someone; the newer one is kept
"
    );
    Ok(())
}

/// Mallory's account, for whoever looks Bob up.
fn instead_of_bob(world: &mut World, mallory: Who, alice: &str) -> Result<()> {
    let found = Arc::new(Mutex::new(None::<Found>));
    let seen = found.clone();
    world.set_malice(Answers::new(
        "Mallory",
        "/v1/directory/lookup",
        move |body: &[u8]| {
            *seen.lock().unwrap() = serde_json::from_slice(body).ok();
            body.to_vec()
        },
    ));
    let (number, country) = (world.number(mallory)?, None);
    world.act(mallory, Command::Lookup { number, country })?;
    world.settle()?;
    let account = found.lock().unwrap().clone().context("an account")?;
    world.set_malice(Answers::new(
        alice,
        "/v1/directory/lookup",
        move |body: &[u8]| {
            let mut found: Found = serde_json::from_slice(body).unwrap();
            let number = found.number.take();
            serde_json::to_vec(&Found {
                number,
                ..account.clone()
            })
            .unwrap()
        },
    ));
    Ok(())
}

#[test]
fn at_first_contact_the_server_is_believed_and_the_screen_says_so() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let mallory = world.sign_up("Mallory")?;
    instead_of_bob(&mut world, mallory, "Alice")?;
    let found = world.look_up(alice, bob)?;
    assert_eq!(found, world.address(mallory)?, "nobody could have noticed");
    assert_eq!(trust(&world, alice, &found)?, "not yet verified");
    assert_eq!(
        words::first_contact(&contact(&world, alice, &found)?, "/safety"),
        "Their key is as the app says: not yet verified. Compare safety numbers: /safety"
    );
    // She writes to who is given for Bob, who is asked and agrees.
    let before = world.events(mallory).len();
    let text = What::Text("Bob? It is Alice.".into());
    world.act(alice, say(Whom::Person(found.clone()), text))?;
    let asks = world.wait_for(mallory, before, |event| match event {
        Event::Request { request } => Some(request.clone()),
        _ => None,
    })?;
    assert_eq!(
        words::request(&asks),
        "Alice (says that +49301100000 is theirs: not yet confirmed by the app; 76db9b62…; their key is as the app says, until you compare safety numbers) asks to talk: “Bob? It is Alice.”"
    );
    let alices = world.address(alice)?;
    world.act(mallory, Command::Accept(alices.clone()))?;
    world.settle()?;
    world.say(mallory, alice, "It is me. Send the money.")?;
    world.settle()?;
    assert_eq!(
        screen(&world, alice, mallory)?,
        "\
me: Bob? It is Alice.
Mallory: It is me. Send the money.
"
    );
    assert_eq!(trust(&world, alice, &found)?, "not yet verified");
    // When she compares with Bob, by voice, it shows: it is not the number that he reads out.
    world.set_malice(comity_simulation::Honest);
    world.look_up(bob, alice)?;
    assert_ne!(
        contact(&world, bob, &alices)?.safety_number,
        contact(&world, alice, &found)?.safety_number
    );
    // And when the server tells the truth for once, the screen says that it was another.
    let true_bob = world.look_up(alice, bob)?;
    assert_eq!(true_bob, world.address(bob)?);
    world.settle()?;
    assert_eq!(
        screen(&world, alice, mallory)?,
        "\
me: Bob? It is Alice.
Mallory: It is me. Send the money.
— this number now belongs to someone else: look up their new one, or compare safety numbers, before you write on
"
    );
    assert_eq!(
        trust(&world, alice, &found)?,
        "their number belongs to someone else now"
    );
    assert_eq!(trust(&world, alice, &true_bob)?, "not yet verified");
    Ok(())
}

/// Somebody, as this device knows them.
fn contact(world: &World, who: Who, address: &Address) -> Result<ContactView> {
    let found = world.core(who)?.contact(address)?;
    found.context("nobody known")
}

/// How far the screen says that they are to be trusted.
fn trust(world: &World, who: Who, address: &Address) -> Result<&'static str> {
    Ok(words::trust(&contact(world, who, address)?))
}

#[test]
fn another_account_behind_a_known_number_is_said() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let mallory = world.sign_up("Mallory")?;
    world.befriend(alice, bob)?;
    let address = world.address(bob)?;
    world.act(alice, Command::Verify(address.clone()))?;
    instead_of_bob(&mut world, mallory, "Alice")?;
    world.look_up(alice, bob)?;
    world.settle()?;
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
— this number now belongs to someone else: look up their new one, or compare safety numbers, before you write on
"
    );
    assert_eq!(
        trust(&world, alice, &address)?,
        "their number belongs to someone else now"
    );
    assert_eq!(said_beside(&world, alice), [""; 0]);
    Ok(())
}
