//! Numbers that move on, and clocks that were wrong: nobody is lost by either.

use anyhow::{Context as _, Result};
use comity_client::{Command, Event};
use comity_simulation::{Ask, Asked, Malice, Who, World};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

const NEW: &str = "+49301234567";
const YEAR_MS: i64 = 365 * 24 * 3_600_000;

fn code(world: &mut World, who: Who, number: &str) -> Result<String> {
    let before = world.events(who).len();
    let (wanted, country) = (number.to_owned(), None);
    let number = wanted.clone();
    world.act(who, Command::StartRegistration { number, country })?;
    world.wait_for(who, before, |event| {
        matches!(event, Event::CodeSent { .. }).then_some(())
    })?;
    world.code(&wanted).context("no code was sent")
}

/// Somebody new signs up with the number that somebody had.
fn follows(world: &mut World, name: &str, number: &str) -> Result<Who> {
    let who = world.device(name)?;
    let code = code(world, who, number)?;
    let name = name.to_owned();
    world.act(who, Command::EnterCode { code, name })?;
    world.wait_for(who, 0, |event| matches!(event, Event::Online).then_some(()))?;
    Ok(who)
}

fn number_moved(world: &World, who: Who, of: Who) -> Result<bool> {
    let contact = world.core(who)?.contact(&world.address(of)?)?;
    Ok(contact.context("known")?.number_moved)
}

#[test]
fn a_conversation_goes_on_after_an_ordinary_change_of_number() -> Result<()> {
    for verifies in [false, true] {
        let mut world = World::calm(1)?;
        let nora = world.sign_up("Nora")?;
        let vic = world.sign_up("Vic")?;
        world.befriend(vic, nora)?;
        let laptop = world.link(vic, "Vic's laptop")?;
        world.settle()?;
        let old = world.number(nora)?;
        let code = code(&mut world, nora, NEW)?;
        world.act(nora, Command::ChangeNumber { code })?;
        world.run_for(10_000);
        let zed = follows(&mut world, "Zed", &old)?;
        // Vic writes on: he has not heard of it, and it is Nora's account as before.
        world.say(vic, nora, "Are you there?")?;
        for who in [vic, laptop] {
            world.look_up(who, zed)?;
            assert!(number_moved(&world, who, nora)?);
            let refused = world.say(who, nora, "Still there?");
            let refused = refused.err().context("it is said before the next word")?;
            assert!(
                format!("{refused:#}").contains("look up their new number"),
                "{refused:#}"
            );
        }
        if verifies {
            let address = world.address(nora)?;
            world.act(vic, Command::Verify(address))?;
        } else {
            world.look_up(vic, nora)?;
            assert!(!number_moved(&world, vic, nora)?);
        }
        world.settle()?;
        // On his other device too.
        world.say(vic, nora, "It is you, then.")?;
        world.say(laptop, nora, "Hello again.")?;
        world.settle()?;
        // Once was enough.
        world.look_up(vic, zed)?;
        world.say(vic, nora, "Good.")?;
        world.settle()?;
        let chat = world.chat(nora, vic)?;
        for text in [
            "Are you there?",
            "It is you, then.",
            "Hello again.",
            "Good.",
        ] {
            assert!(chat.contains(text), "{chat}");
        }
        let chat = world.chat(vic, nora)?;
        assert_eq!(chat.matches("number_moved").count(), 1, "{chat}");
        world.nothing_is_wrong()?;
    }
    Ok(())
}

/// A line on which no introduction arrives while it is bad.
struct NoIntroductions(Arc<AtomicBool>);

impl Malice for NoIntroductions {
    fn ask(&mut self, _: &str, ask: Ask) -> Asked {
        if ask.path == "/v1/introductions" && self.0.load(Ordering::Relaxed) {
            return Asked::Lose;
        }
        Asked::Pass(ask)
    }
}

#[test]
fn a_clock_that_was_years_ahead_keeps_no_first_word_back() -> Result<()> {
    for starts_anew in [false, true] {
        let mut world = World::calm(2)?;
        let alice = world.sign_up("Alice")?;
        let bob = world.sign_up("Bob")?;
        world.look_up(alice, bob)?;
        let bad = Arc::new(AtomicBool::new(true));
        world.set_malice(Arc::new(Mutex::new(NoIntroductions(bad.clone()))));
        world.set_clock(alice, 10 * YEAR_MS);
        world.say(alice, bob, "Hello, this is Alice.")?;
        world.run_for(30_000);
        bad.store(false, Ordering::Relaxed);
        world.set_clock(alice, 0);
        if starts_anew {
            world.crash(alice, 5_000);
        }
        world.run_for(30_000);
        // With any act it is seen what time it is.
        world.look_up(alice, bob)?;
        world.wait_for(bob, 0, |event| {
            matches!(event, Event::Request { .. }).then_some(())
        })?;
    }
    Ok(())
}

#[test]
fn what_waits_for_years_by_a_clock_that_was_wrong_is_due() -> Result<()> {
    let mut world = World::calm(3)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.cut_off(alice, 5_000);
    world.say(alice, bob, "At six?")?;
    world.alter(alice, |store| {
        let years = 4_102_444_800_000_i64;
        let changed = store.execute("UPDATE send_queue SET not_before_ms = ?1", [years])?;
        anyhow::ensure!(changed == 1, "{changed} lines wait");
        Ok(())
    })?;
    world.run_for(60_000);
    let chat = world.chat(bob, alice)?;
    assert!(chat.contains("At six?"), "{chat}");
    world.nothing_is_wrong()
}
