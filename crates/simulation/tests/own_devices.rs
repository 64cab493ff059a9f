//! What is the account's own is the same on all of its devices: profile and number.

use anyhow::{Context as _, Result};
use comity_client::{AccountView, Command, Event};
use comity_simulation::{Ask, Asked, Malice, Who, World};
use std::sync::{Arc, Mutex};

const NUMBER: &str = "+49301234567";

fn own(world: &World, who: Who) -> Result<AccountView> {
    world.core(who)?.account()?.context("signed up")
}

fn profile(name: Option<&str>, about: Option<&str>) -> Command {
    Command::SetProfile {
        name: name.map(str::to_owned),
        about: about.map(str::to_owned),
    }
}

/// What the profile is here: name and about line.
fn shown(world: &World, who: Who) -> Result<[String; 2]> {
    let own = own(world, who)?;
    Ok([own.name, own.about])
}

/// How `of` is shown to `to`.
fn seen(world: &World, to: Who, of: Who) -> Result<[String; 2]> {
    let contact = world.core(to)?.contact(&world.address(of)?)?;
    let contact = contact.context("known")?;
    Ok([contact.name, contact.about])
}

#[test]
fn a_new_device_changes_one_field_of_the_profile_and_leaves_the_others() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.act(alice, profile(None, Some("In the hills")))?;
    world.settle()?;
    let tablet = world.link(alice, "Alice's tablet")?;
    assert_eq!(own(&world, tablet)?.name, "Alice", "from the beginning");
    world.act(tablet, profile(Some("Alicia"), None))?;
    world.settle()?;
    for who in [alice, tablet] {
        assert_eq!(shown(&world, who)?, ["Alicia", "In the hills"]);
    }
    assert_eq!(seen(&world, bob, alice)?, ["Alicia", "In the hills"]);
    // Who was away changes one field of what the other device made of it meanwhile.
    world.cut_off(tablet, 60_000);
    world.act(alice, profile(None, Some("At sea")))?;
    world.run_for(5_000);
    world.act(tablet, profile(Some("Alice"), None))?;
    world.run_for(90_000);
    world.settle()?;
    for who in [alice, tablet] {
        assert_eq!(shown(&world, who)?, ["Alice", "At sea"]);
    }
    assert_eq!(seen(&world, bob, alice)?, ["Alice", "At sea"]);
    world.nothing_is_wrong()
}

/// Somebody on the way keeps the change of a number and carries it on when something else is asked.
#[derive(Default)]
struct Late {
    keeps: bool,
    kept: Option<Ask>,
}

impl Malice for Late {
    fn ask(&mut self, _: &str, ask: Ask) -> Asked {
        if self.keeps && ask.method == http::Method::PUT && ask.path == "/v1/me/number" {
            self.kept = Some(ask);
            return Asked::Lose;
        }
        match self.kept.take_if(|_| ask.path == "/v1/directory/lookup") {
            Some(kept) => Asked::Pass(kept),
            None => Asked::Pass(ask),
        }
    }
}

fn saved(event: &Event) -> Option<()> {
    matches!(event, Event::Saved { what } if what == "number").then_some(())
}

#[test]
fn a_change_of_number_reaches_all_devices_however_late_the_app_takes_it() -> Result<()> {
    for keeps in [false, true] {
        let mut world = World::calm(2)?;
        let late = Late { keeps, kept: None };
        world.set_malice(Arc::new(Mutex::new(late)));
        let alice = world.sign_up("Alice")?;
        let tablet = world.link(alice, "Alice's tablet")?;
        world.settle()?;
        let old = world.number(alice)?;
        let (number, country) = (NUMBER.to_owned(), None);
        let command = Command::StartRegistration { number, country };
        let before = world.events(alice).len();
        world.act(alice, command)?;
        world.wait_for(alice, before, |event| {
            matches!(event, Event::CodeSent { .. }).then_some(())
        })?;
        let code = world.code(NUMBER).context("no code was sent")?;
        world.act(alice, Command::ChangeNumber { code })?;
        world.run_for(20_000);
        if keeps {
            assert_eq!(world.number(alice)?, old);
            assert_eq!(world.core(alice)?.number_unanswered()?, None);
            let (number, country) = (old, None);
            world.act(alice, Command::Lookup { number, country })?;
            world.run_for(20_000);
        }
        for who in [alice, tablet] {
            assert_eq!(world.number(who)?, NUMBER);
            let times = world.events(who).iter().filter_map(saved).count();
            assert_eq!(times, 1, "it is said once");
        }
        world.nothing_is_wrong()?;
    }
    Ok(())
}
