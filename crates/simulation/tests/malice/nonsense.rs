//! Answers that answer nothing, and waits without an end.

use crate::screen::{alice_and_bob, screen, told};
use anyhow::Result;
use comity_simulation::{Malice, Who, World};
use comity_wire::ErrorCode;
use comity_wire::proto::{ClientFrame, Done, Error, ServerFrame};
use comity_wire::proto::{client_frame::Act, reply, server_frame::Frame};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

const MINUTE_MS: u64 = 60_000;

/// What one device asks for is not done, and is answered as the lie has it.
struct Instead {
    device: &'static str,
    what: fn(&Act) -> bool,
    /// `None` lets all through as it is.
    answer: Option<fn() -> Option<reply::Result>>,
    asked: BTreeSet<u64>,
}

impl Instead {
    fn new(device: &'static str, what: fn(&Act) -> bool) -> Self {
        Self {
            device,
            what,
            answer: None,
            asked: BTreeSet::new(),
        }
    }
}

impl Malice for Instead {
    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        let act = frame.act.as_ref();
        if self.answer.is_some() && device == self.device && act.is_some_and(self.what) {
            self.asked.insert(frame.request);
        }
        vec![frame]
    }

    fn to_device(&mut self, device: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if let Some(answer) = self.answer
            && let Some(Frame::Reply(reply)) = &mut frame.frame
            && device == self.device
            && self.asked.contains(&reply.request)
        {
            reply.result = answer();
        }
        vec![frame]
    }
}

type Lie = Arc<Mutex<Instead>>;

fn lied_to(device: &'static str, what: fn(&Act) -> bool) -> Result<(Lie, World, Who, Who)> {
    let lie = told(Instead::new(device, what));
    let (world, alice, bob) = alice_and_bob(lie.clone())?;
    Ok((lie, world, alice, bob))
}

fn begin(lie: &Lie, answer: fn() -> Option<reply::Result>) {
    lie.lock().unwrap().answer = Some(answer);
}

/// The lie ends; how often it was told.
fn end(lie: &Lie) -> usize {
    let mut lie = lie.lock().unwrap();
    lie.answer = None;
    std::mem::take(&mut lie.asked).len()
}

fn in_forty_nine_days() -> Option<reply::Result> {
    Some(reply::Result::Error(Error {
        code: ErrorCode::Unavailable.as_str().to_owned(),
        message: "\u{202E}come back later".to_owned(),
        retry_after_ms: u32::MAX,
    }))
}

fn done() -> Option<reply::Result> {
    Some(reply::Result::Done(Done {}))
}

fn nothing() -> Option<reply::Result> {
    None
}

#[test]
fn who_is_told_to_wait_for_weeks_asks_again_within_the_hour() -> Result<()> {
    let (lie, mut world, alice, bob) = lied_to("Alice", |act| matches!(act, Act::Append(_)))?;
    begin(&lie, in_forty_nine_days);
    world.say(alice, bob, "At six?")?;
    world.run_for(MINUTE_MS);
    assert_eq!(end(&lie), 1);
    world.run_for(62 * MINUTE_MS);
    world.settle()?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
Alice: At six?
"
    );
    Ok(())
}

#[test]
fn what_is_answered_with_nonsense_is_said_again_and_stands_there_once() -> Result<()> {
    for answer in [done, nothing] {
        let (lie, mut world, alice, bob) = lied_to("Alice", |act| matches!(act, Act::Append(_)))?;
        begin(&lie, answer);
        world.say(alice, bob, "At six?")?;
        world.run_for(MINUTE_MS);
        let asked = end(&lie);
        assert!((2..=10).contains(&asked), "asked {asked} times in a minute");
        world.settle()?;
        assert_eq!(
            screen(&world, bob, alice)?,
            "\
Alice: Hello, this is Alice.
Alice: At six?
"
        );
        assert_eq!(
            screen(&world, alice, bob)?,
            "\
me: Hello, this is Alice.
me: At six?
— warning: the server answered something else than was asked
— not sent: the server's answer makes no sense
"
        );
    }
    Ok(())
}

#[test]
fn who_gets_nonsense_for_a_log_asks_again_after_a_pause() -> Result<()> {
    for answer in [done, nothing] {
        let (lie, mut world, alice, bob) = lied_to("Bob", |act| matches!(act, Act::Fetch(_)))?;
        world.cut_off(bob, MINUTE_MS);
        world.say(alice, bob, "At six?")?;
        world.run_for(MINUTE_MS / 2);
        begin(&lie, answer);
        world.run_for(3 * MINUTE_MS);
        let asked = end(&lie);
        assert!(
            (2..=200).contains(&asked),
            "asked {asked} times in three minutes"
        );
        world.settle()?;
        assert_eq!(
            screen(&world, bob, alice)?,
            "\
Alice: Hello, this is Alice.
Alice: At six?
— warning: the server answered something else than was asked
— something that was asked for was not done: the server's answer makes no sense
"
        );
    }
    Ok(())
}
