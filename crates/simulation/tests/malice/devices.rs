//! Lies about who is in a conversation, and device lists by who has an account's words.

use crate::screen::{alice_and_bob, own_screen, screen, told};
use anyhow::{Context as _, Result};
use comity_client::{Command, Event};
use comity_e2ee::keys::{DeviceKeys, RootKey, sign_manifest};
use comity_e2ee::recovery;
use comity_membership::manifest::{self, Device, Manifest, SEQ_MAX};
use comity_simulation::lies::Ghost;
use comity_simulation::{Honest, Who, World};

#[test]
fn a_ghost_that_joins_from_outside_ends_the_conversation_aloud() -> Result<()> {
    let lie = told(Ghost::new());
    let (mut world, alice, bob) = alice_and_bob(lie.clone())?;
    let captured = lie.lock().unwrap().captured().context("a conversation")?;
    let ghost = captured.entry(&world.address(alice)?)?;
    world.inject(bob, ghost);
    world.run_for(5_000);
    let refused = world.say(bob, alice, "Who else is here?").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the app changed this conversation against its rules: nothing is sent"
    );
    world.run_for(5_000);
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
— the server changed this conversation against its rules (a device is not in its account's manifest): nothing more is sent or read here
— warning: the server accepted a change of a conversation that breaks its rules; it is refused
"
    );
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
"
    );
    Ok(())
}

/// What the twelve words open, for whoever has them.
fn root(world: &mut World, who: Who) -> Result<RootKey> {
    let told = world.act(who, Command::MakeRecoveryPhrase)?;
    let phrase = told.into_iter().find_map(|event| match event {
        Event::RecoveryPhrase { phrase } => Some(phrase),
        _ => None,
    });
    world.settle()?;
    let address = world.address(who)?;
    let account = address.account.to_vec();
    let sealed: Vec<u8> = world.inspect_hub(move |hub| {
        let sql = "SELECT recovery_box FROM account WHERE id = ?1";
        hub.query_row(sql, [account], |row| row.get(0))
    })?;
    let opened = recovery::open_box(&phrase.context("no phrase")?, &sealed, &address);
    Ok(opened.ok().context("the words do not open")?.root)
}

/// The server has a list of this account that only the root key has signed, and the device hears of it.
fn puts(
    world: &mut World,
    who: Who,
    root: &RootKey,
    change: impl FnOnce(&mut Manifest),
) -> Result<()> {
    let address = world.address(who)?.to_string();
    let whose = address.clone();
    let bytes: Vec<u8> = world.inspect_hub(move |hub| {
        let sql = "SELECT bytes FROM manifest WHERE address = ?1";
        hub.query_row(sql, [whose], |row| row.get(0))
    })?;
    let known = manifest::verify(&bytes)?;
    let mut list = known.manifest;
    list.seq += 1;
    list.previous_hash = known.hash.to_vec();
    change(&mut list);
    let bytes = sign_manifest(&list, Some(root), None);
    world.tamper_hub(move |hub| {
        let sql = "UPDATE manifest SET seq = ?2, bytes = ?3 WHERE address = ?1";
        hub.execute(sql, (address, list.seq, bytes))?;
        Ok(())
    })?;
    world.cut_off(who, 1_000);
    world.run_for(10_000);
    Ok(())
}

#[test]
fn a_thief_of_the_words_is_told_of_at_every_step() -> Result<()> {
    let (mut world, alice, _) = alice_and_bob(Honest)?;
    let root = root(&mut world, alice)?;
    let thief = DeviceKeys::generate(&mut |bytes: &mut [u8]| bytes.fill(66));
    // Not as an owner, and so like one that an own device let in: none of them signed it.
    let comes = Device::new(thief.public(), false, 1);
    puts(&mut world, alice, &root, |list| list.devices.push(comes))?;
    let recovered = own_screen(&world, alice)?;
    let words = "your account was recovered with its phrase, on a new device";
    assert!(recovered.contains(words), "{recovered}");
    assert!(
        recovered.contains("warning: a new device was added to your account with its recovery"),
        "{recovered}"
    );
    assert!(!recovered.contains("may change"), "{recovered}");
    // Then it becomes one.
    puts(&mut world, alice, &root, |list| {
        for device in &mut list.devices {
            device.owner = true;
        }
    })?;
    let shown = own_screen(&world, alice)?;
    for words in [
        "\n— one more device of yours may change your device list",
        "— warning: one more device of yours may change your device list",
    ] {
        assert!(
            format!("\n{shown}").contains(words),
            "{words} is not in {shown}"
        );
    }
    Ok(())
}

#[test]
fn a_list_that_would_use_up_the_numbers_is_not_taken() -> Result<()> {
    let (mut world, alice, _) = alice_and_bob(Honest)?;
    let root = root(&mut world, alice)?;
    let tablet = world.link(alice, "tablet")?;
    world.settle()?;
    let tablet = world.core(tablet)?.account()?.context("signed up")?.device;
    let before = world.hub_snapshot();
    puts(&mut world, alice, &root, |list| list.seq = SEQ_MAX)?;
    let shown = own_screen(&world, alice)?;
    assert!(
        shown.contains("warning: the server gave a device list whose number no account comes to"),
        "{shown}"
    );
    // With a server that has what is true the list goes on.
    world.hub_restore(&before)?;
    world.run_for(20_000);
    world.act(alice, Command::RemoveDevice(tablet))?;
    world.run_for(20_000);
    let account = world.core(alice)?.account()?.context("signed up")?;
    assert_eq!(account.devices.len(), 1);
    Ok(())
}
