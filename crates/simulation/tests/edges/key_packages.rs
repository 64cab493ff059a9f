//! Key packages: all taken, none left, out of date, handed out twice.

use crate::screen::{said_beside, screen};
use anyhow::{Context as _, Result};
use comity_client::{Command, Event, What, Whom};
use comity_simulation::lies::Answers;
use comity_simulation::story::say;
use comity_simulation::{Faults, Who, World};
use comity_wire::Bytes64;
use comity_wire::http::{FetchKeyPackages, KeyPackagesFetched};
use comity_wire::limits::KEY_PACKAGE_FETCHES_PER_DAY;
use std::collections::BTreeSet;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// What a program that wants nothing but key packages gets of somebody's, who has one device.
fn fetch(world: &mut World, by: Who, whose: Who) -> Result<Vec<u8>> {
    let wanted = FetchKeyPackages {
        token: None,
        address: world.address(whose)?,
        devices: Vec::new(),
    };
    let body = serde_json::to_vec(&wanted)?;
    let answer = world.ask(by, http::Method::POST, "/v1/key-packages/fetch", body)?;
    anyhow::ensure!(answer.status == 200, "{}", answer.status);
    let fetched: KeyPackagesFetched = serde_json::from_slice(&answer.body)?;
    let package = fetched.packages.first().context("no key package")?;
    Ok(package.key_package.0.clone())
}

/// A row of the hub's: how long it hands the package out, and the package.
type Row = (i64, Vec<u8>);

/// The device's one-time key packages that the hub has, in the order in which they go.
fn left(world: &World, whose: Who) -> Result<Vec<Row>> {
    let account = world.core(whose)?.account()?.context("not signed up")?;
    let device = account.device.to_vec();
    world.inspect_hub(move |conn| {
        let mut rows = conn.prepare(
            "SELECT expires_ms, body FROM key_package WHERE device = ?1 AND last_resort = 0 ORDER BY id",
        )?;
        let rows = rows.query_map([device], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    })
}

#[test]
fn who_takes_all_of_somebodys_keys_keeps_nobody_from_them() -> Result<()> {
    let mut world = World::calm(1)?;
    let bob = world.sign_up("Bob")?;
    let alice = world.sign_up("Alice")?;
    let mallory = world.sign_up("Mallory")?;
    world.befriend(mallory, bob)?;
    let had = left(&world, bob)?.len();
    assert!(had > 0);
    let mut taken = Vec::new();
    for _ in 0..had + 10 {
        taken.push(fetch(&mut world, mallory, bob)?);
    }
    let different: BTreeSet<&Vec<u8>> = taken.iter().collect();
    assert_eq!(different.len(), had + 1, "each once, then the last resort");
    assert_eq!(left(&world, bob)?, []);
    // Alice notices nothing of it, and neither does Bob.
    world.befriend(bob, alice)?;
    world.say(alice, bob, "Did you find the score?")?;
    world.settle()?;
    world.say(bob, alice, "Here it is.")?;
    world.settle()?;
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
Bob: Hello, this is Bob.
me: Did you find the score?
Bob: Here it is.
"
    );
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
me: Hello, this is Bob.
Alice: Did you find the score?
me: Here it is.
"
    );
    // Within the hour Bob's program has made new ones, by itself.
    world.run_for(HOUR_MS);
    let new = left(&world, bob)?;
    assert!(!new.is_empty());
    // Of those, too, Mallory gets her part, and no more on that day.
    while taken.len() < KEY_PACKAGE_FETCHES_PER_DAY as usize {
        taken.push(fetch(&mut world, mallory, bob)?);
    }
    world.run_for(HOUR_MS);
    let new = left(&world, bob)?;
    assert!(!new.is_empty());
    let last_resort = fetch(&mut world, mallory, bob)?;
    assert_eq!(last_resort, *taken.last().unwrap());
    assert_eq!(left(&world, bob)?, new, "those are for others");
    let carol = world.sign_up("Carol")?;
    world.befriend(bob, carol)?;
    assert_eq!(left(&world, bob)?, new[1..]);
    world.nothing_is_wrong()
}

#[test]
fn what_is_said_to_somebody_who_left_no_keys_waits_for_them() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let address = world.look_up(bob, alice)?;
    let hello = What::Text("Hello, this is Bob.".to_owned());
    world.act(bob, say(Whom::Person(address), hello))?;
    let asks = world.wait_for(alice, 0, |event| match event {
        Event::Request { request } => Some(request.address.clone()),
        _ => None,
    })?;
    // Bob is away until all that he left is over.
    world.cut_off(bob, 20 * MINUTE_MS);
    let account = world.core(bob)?.account()?.context("not signed up")?;
    let device = account.device.to_vec();
    world.tamper_hub(move |conn| {
        conn.execute("DELETE FROM key_package WHERE device = ?1", [device])
    })?;
    world.run_for(10_000);
    world.act(alice, Command::Accept(asks))?;
    world.say(alice, bob, "There you are!")?;
    world.run_for(10 * MINUTE_MS);
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
Bob: Hello, this is Bob.
me: There you are! ⌛
— not sent: none of their devices was there for a long time: it is done when one is back
"
    );
    world.run_for(10 * MINUTE_MS);
    world.settle()?;
    world.say(bob, alice, "I was in the mountains.")?;
    world.settle()?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
me: Hello, this is Bob.
Alice: There you are!
me: I was in the mountains.
"
    );
    world.nothing_is_wrong()
}

#[test]
fn keys_that_are_out_of_date_are_refused_and_others_asked_for() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let (over_ms, old) = left(&world, bob)?.remove(0);
    let standing = world.standing().later(70 * DAY_MS);
    drop(world);
    let mut world = World::going_on(2, Faults::CALM, &standing)?;
    world.run_for(10 * MINUTE_MS);
    world.settle()?;
    // An honest hub hands none of the old ones out, and Bob has left new ones.
    let good = left(&world, bob)?;
    let is_new = |(until_ms, body): &Row| *until_ms > over_ms && *body != old;
    assert!(!good.is_empty() && good.iter().all(is_new));
    let mut told = false;
    let stale = old.clone();
    let lie = Answers::new("Alice", "/v1/key-packages/fetch", move |body: &[u8]| {
        let mut fetched: KeyPackagesFetched = serde_json::from_slice(body).unwrap();
        if !std::mem::replace(&mut told, true) {
            fetched.packages[0].key_package = Bytes64(stale.clone());
        }
        serde_json::to_vec(&fetched).unwrap()
    });
    world.set_malice(lie);
    world.befriend(bob, alice)?;
    world.say(alice, bob, "You again!")?;
    world.settle()?;
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
Bob: Hello, this is Bob.
me: You again!
— warning: the server gave keys that are out of date, or this device's clock is wrong: others are asked for
"
    );
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
me: Hello, this is Bob.
Alice: You again!
"
    );
    world.nothing_is_wrong()
}

#[test]
fn who_is_added_with_keys_that_were_used_before_comes_in_by_another_way() -> Result<()> {
    let mut world = World::calm(1)?;
    let bob = world.sign_up("Bob")?;
    let alice = world.sign_up("Alice")?;
    let carol = world.sign_up("Carol")?;
    let (until, used) = left(&world, bob)?.remove(0);
    world.befriend(bob, alice)?;
    assert!(left(&world, bob)?.iter().all(|(_, body)| *body != used));
    // The hub forgets that it gave them.
    let account = world.core(bob)?.account()?.context("not signed up")?;
    let (device, again) = (account.device.to_vec(), used.clone());
    world.tamper_hub(move |conn| {
        conn.execute(
            "INSERT INTO key_package (id, device, last_resort, expires_ms, body)
             SELECT min(id) - 1, ?1, 0, ?2, ?3 FROM key_package",
            (device, until, again),
        )
    })?;
    world.settle()?;
    assert_eq!(left(&world, bob)?[0].1, used);
    world.befriend(bob, carol)?;
    assert!(left(&world, bob)?.iter().all(|(_, body)| *body != used));
    world.say(carol, bob, "Do you hear me?")?;
    world.settle()?;
    world.say(bob, carol, "I do.")?;
    world.say(bob, alice, "And you?")?;
    world.settle()?;
    world.say(alice, bob, "I do, too.")?;
    world.settle()?;
    let warning = "— warning: the server gave an invitation that this device can not use";
    assert_eq!(
        screen(&world, bob, carol)?,
        format!(
            "\
me: Hello, this is Bob.
Carol: Do you hear me?
me: I do.
{warning}
"
        )
    );
    assert_eq!(
        screen(&world, bob, alice)?,
        format!(
            "\
me: Hello, this is Bob.
me: And you?
Alice: I do, too.
{warning}
"
        )
    );
    assert_eq!(
        screen(&world, carol, bob)?,
        "\
Bob: Hello, this is Bob.
me: Do you hear me?
Bob: I do.
"
    );
    assert_eq!(said_beside(&world, alice), [""; 0]);
    world.nothing_is_wrong()
}
