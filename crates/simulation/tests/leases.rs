//! Files live at the app for a lease: what people look at stays, across the lease's length.

use anyhow::{Context as _, Result};
use comity_client::{Command, Permissions};
use comity_simulation::story::group_of;
use comity_simulation::{Who, World};
use comity_wire::limits::BLOB_LEASE_MS;

const PICTURE: &[u8] = b"not really a picture, but nobody looks";

fn group(world: &World, who: Who, name: &str) -> Result<i64> {
    let all = world.core(who)?.conversations()?;
    let found = all.iter().find(|view| view.title == name);
    Ok(found.context("no such group")?.conversation)
}

/// Alice makes a group with a picture.
fn with_picture(world: &mut World, alice: Who, bob: Who, name: &str) -> Result<()> {
    let members = vec![world.address(bob)?];
    world.act(alice, group_of(name, members, Permissions::default()))?;
    world.settle()?;
    let conversation = group(world, alice, name)?;
    world.put_file(alice, "picture.jpg", PICTURE);
    world.act(
        alice,
        Command::SetGroupPhoto {
            conversation,
            path: Some("picture.jpg".into()),
            size: PICTURE.len() as u64,
            media_type: "image/jpeg".into(),
        },
    )?;
    world.settle()
}

/// The group's picture as Bob gets it now.
fn saved(world: &mut World, bob: Who, name: &str) -> Result<Option<Vec<u8>>> {
    let conversation = group(world, bob, name)?;
    let path = format!("{name}.jpg");
    world.act(
        bob,
        Command::SaveGroupPhoto {
            conversation,
            path: path.clone(),
        },
    )?;
    world.run_for(30_000);
    Ok(world.file(bob, &path).map(<[u8]>::to_vec))
}

/// Until when the blobs live that are there.
fn leases(world: &World) -> Result<Vec<i64>> {
    world.inspect_hub(|conn| {
        let mut statement = conn.prepare("SELECT until_ms FROM blob ORDER BY made_ms")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        rows.collect()
    })
}

/// All programs are off for so long: then the time passes at once.
fn away(world: &mut World, everyone: &[Who], ms: u64) -> Result<()> {
    for who in everyone {
        world.crash(*who, ms + 5_000);
    }
    world.crash_hub(ms);
    world.run_for(ms + 60_000);
    world.settle()
}

#[test]
fn pictures_outlive_their_lease_where_somebody_looks_at_them() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    with_picture(&mut world, alice, bob, "Choir")?;
    with_picture(&mut world, alice, bob, "Forgotten")?;
    world.put_file(alice, "me.jpg", PICTURE);
    world.act(
        alice,
        Command::SetPhoto {
            path: Some("me.jpg".into()),
            size: PICTURE.len() as u64,
            media_type: "image/jpeg".into(),
        },
    )?;
    world.settle()?;
    assert_eq!(leases(&world)?.len(), 3);
    let step = u64::try_from(BLOB_LEASE_MS)? * 2 / 3;
    for _ in 0..3 {
        away(&mut world, &[alice, bob], step)?;
        let conversation = group(&world, bob, "Choir")?;
        world.act(bob, Command::MarkRead { conversation })?;
        world.settle()?;
    }
    // Twice the lease is over.
    assert_eq!(saved(&mut world, bob, "Choir")?.as_deref(), Some(PICTURE));
    assert_eq!(saved(&mut world, bob, "Forgotten")?, None);
    let now = comity_simulation::clock::now_ms();
    let leases = leases(&world)?;
    assert_eq!(leases.len(), 2, "the forgotten picture made room");
    assert!(leases.iter().all(|until| *until > now));
    world.nothing_is_wrong()
}

#[test]
fn the_own_picture_goes_up_again_after_a_long_absence() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    world.put_file(alice, "me.jpg", PICTURE);
    world.act(
        alice,
        Command::SetPhoto {
            path: Some("me.jpg".into()),
            size: PICTURE.len() as u64,
            media_type: "image/jpeg".into(),
        },
    )?;
    world.settle()?;
    let long = u64::try_from(BLOB_LEASE_MS)? * 3 / 2;
    away(&mut world, &[alice], long)?;
    let now = comity_simulation::clock::now_ms();
    let leases = leases(&world)?;
    assert_eq!(leases.len(), 1);
    assert!(leases.iter().all(|until| *until > now));
    world.nothing_is_wrong()
}

#[test]
fn a_profile_is_one_on_all_devices_and_its_changes_are_seen() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.put_file(alice, "me.jpg", PICTURE);
    world.act(
        alice,
        Command::SetPhoto {
            path: Some("me.jpg".into()),
            size: PICTURE.len() as u64,
            media_type: "image/jpeg".into(),
        },
    )?;
    world.settle()?;
    // Her other device gives her another name, and the picture stays.
    world.act(
        tablet,
        Command::SetProfile {
            name: Some("Alice in the hills".into()),
            about: Some("Out".into()),
        },
    )?;
    world.settle()?;
    let phone = world.core(alice)?.account()?.context("signed up")?;
    assert_eq!(phone.name, "Alice in the hills");
    let address = world.address(alice)?;
    let seen = |world: &World| -> Result<String> {
        Ok(world.core(bob)?.contact(&address)?.context("known")?.name)
    };
    // They were told, and read it at once.
    assert_eq!(seen(&world)?, "Alice in the hills");
    let conversations = world.core(bob)?.conversations()?;
    let conversation = conversations
        .iter()
        .find(|view| view.peer.as_ref() == Some(&address))
        .context("a conversation")?
        .conversation;
    // Who looks keeps the picture.
    world.run_for(2 * 3_600_000);
    world.act(bob, Command::MarkRead { conversation })?;
    world.settle()?;
    // The phone is away, and the picture stays up for as long as the other device is used.
    let step = u64::try_from(BLOB_LEASE_MS)? * 2 / 3;
    world.crash(alice, 9 * step);
    for _ in 0..3 {
        for who in [tablet, bob] {
            world.crash(who, step + 5_000);
        }
        world.crash_hub(step);
        world.run_for(step + 600_000);
    }
    let now = comity_simulation::clock::now_ms();
    assert!(leases(&world)?.iter().any(|until| *until > now));
    Ok(())
}
