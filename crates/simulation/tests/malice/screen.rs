//! A device's screen as text: the conversation, and what was said beside it.

use crate::words;
use anyhow::{Context as _, Result};
use comity_client::Event;
use comity_simulation::{Malice, Who, World};
use std::sync::{Arc, Mutex};

/// Alice and Bob, who know each other; whoever is named first is asked by the other. The lie is
/// there from the beginning and honest until it is steered.
pub(crate) fn alice_and_bob(lie: impl Malice + 'static) -> Result<(World, Who, Who)> {
    let mut world = World::calm(1)?;
    world.set_malice(lie);
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    Ok((world, alice, bob))
}

/// A lie on which the story keeps its hand.
pub(crate) fn told<M: Malice>(lie: M) -> Arc<Mutex<M>> {
    Arc::new(Mutex::new(lie))
}

/// What stands on the screen of `who`, in the conversation with `with`: without clock times and
/// ticks, then what was said beside the conversation, each once.
pub(crate) fn screen(world: &World, who: Who, with: Who) -> Result<String> {
    let view = world.conversation(who, with)?;
    screen_of(world, who, view.conversation)
}

/// A group by its name, as this device counts it.
pub(crate) fn group(world: &World, who: Who, name: &str) -> Result<i64> {
    let all = world.core(who)?.conversations()?;
    let found = all.iter().find(|view| view.title == name);
    Ok(found.context("no such group")?.conversation)
}

/// As [`screen`], of a group.
pub(crate) fn group_screen(world: &World, who: Who, name: &str) -> Result<String> {
    screen_of(world, who, group(world, who, name)?)
}

/// As [`screen`], of the notes to self.
pub(crate) fn own_screen(world: &World, who: Who) -> Result<String> {
    let all = world.core(who)?.conversations()?;
    let own = all.iter().find(|view| view.kind == "self");
    screen_of(world, who, own.context("no notes to self")?.conversation)
}

fn screen_of(world: &World, who: Who, conversation: i64) -> Result<String> {
    let core = world.core(who)?;
    let mut names = words::Names::new();
    names.insert(world.address(who)?, "you".to_owned());
    for contact in core.contacts()? {
        if !contact.name.is_empty() {
            names.insert(contact.address, contact.name);
        }
    }
    let mut text = String::new();
    for item in core.timeline(conversation, None, 10_000)? {
        let line = words::line(&names, &item);
        let line = line.get(7..).unwrap_or_default();
        let line = line.split(" ✓").next().unwrap_or_default();
        text.push_str(&format!("{line}\n"));
    }
    for line in said_beside(world, who) {
        text.push_str(&format!("{line}\n"));
    }
    Ok(text)
}

/// Warnings and failures that the device has told, in words, each once.
pub(crate) fn said_beside(world: &World, who: Who) -> Vec<String> {
    let mut said = Vec::new();
    for event in world.events(who) {
        if matches!(event, Event::Warning { .. } | Event::Failed { .. }) {
            let line = words::event(&words::Names::new(), event);
            said.extend(line.filter(|line| !said.contains(line)));
        }
    }
    said
}
