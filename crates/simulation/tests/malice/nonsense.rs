//! Answers that answer nothing, and waits without an end.

use crate::screen::{alice_and_bob, group, screen, told};
use anyhow::Result;
use comity_client::{Command, Permissions};
use comity_simulation::story::group_of;
use comity_simulation::{Malice, Who, World};
use comity_wire::ErrorCode;
use comity_wire::proto::{ClientFrame, Done, Error, LogState, Mark, ServerFrame};
use comity_wire::proto::{client_frame::Act, reply, server_frame::Frame};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

const MINUTE_MS: u64 = 60_000;

/// What one device asks for is answered as the lie has it. A commit, and what is fetched, is done nevertheless; a
/// message only where it is not to be lost.
struct Instead {
    device: &'static str,
    what: fn(&Act) -> bool,
    /// `None` lets all through as it is.
    answer: Option<fn() -> Option<reply::Result>>,
    asked: BTreeSet<u64>,
    /// What is said does not come to the log.
    loses: bool,
    /// How often it was asked, lied to or not.
    times: usize,
}

impl Instead {
    fn new(device: &'static str, what: fn(&Act) -> bool) -> Self {
        Self {
            device,
            what,
            answer: None,
            asked: BTreeSet::new(),
            loses: false,
            times: 0,
        }
    }
}

impl Malice for Instead {
    fn to_hub(&mut self, device: &str, mut frame: ClientFrame) -> Vec<ClientFrame> {
        let act = frame.act.as_ref();
        if device == self.device && act.is_some_and(self.what) {
            self.times += 1;
            if self.answer.is_some() {
                self.asked.insert(frame.request);
                if let (Some(Act::Append(append)), true) = (&mut frame.act, self.loses) {
                    append.body.clear();
                }
            }
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

fn in_twenty_hours() -> Option<reply::Result> {
    Some(reply::Result::Error(Error {
        code: ErrorCode::Unavailable.as_str().to_owned(),
        message: "come \u{202E}back\u{2066} later".to_owned(),
        retry_after_ms: 20 * 60 * 60 * 1_000,
    }))
}

fn done() -> Option<reply::Result> {
    Some(reply::Result::Done(Done {}))
}

fn nothing() -> Option<reply::Result> {
    None
}

#[test]
fn who_is_told_to_wait_for_most_of_a_day_asks_again_within_the_hour() -> Result<()> {
    let (lie, mut world, alice, bob) = lied_to("Alice", |act| matches!(act, Act::Append(_)))?;
    lie.lock().unwrap().loses = true;
    begin(&lie, in_twenty_hours);
    world.say(alice, bob, "At six?")?;
    world.run_for(MINUTE_MS);
    assert_eq!(end(&lie), 1);
    let before = lie.lock().unwrap().times;
    world.run_for(61 * MINUTE_MS);
    assert_eq!(lie.lock().unwrap().times, before + 1);
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
— not sent: come back later
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

#[test]
fn a_commit_that_is_answered_with_nonsense_is_no_fork() -> Result<()> {
    for answer in [done, nothing] {
        let (lie, mut world, alice, bob) =
            lied_to("Alice", |act| matches!(act, Act::SubmitCommit(_)))?;
        let carol = world.sign_up("Carol")?;
        world.befriend(alice, carol)?;
        let members = vec![world.address(bob)?];
        world.act(alice, group_of("Choir", members, Permissions::default()))?;
        world.settle()?;
        begin(&lie, answer);
        let conversation = group(&world, alice, "Choir")?;
        let members = vec![world.address(carol)?];
        world.act(
            alice,
            Command::AddMembers {
                conversation,
                members,
            },
        )?;
        world.run_for(MINUTE_MS);
        assert!(end(&lie) >= 1, "no commit was answered with nonsense");
        world.settle()?;
        for who in [alice, bob, carol] {
            group(&world, who, "Choir")?;
            let told = world.warnings(who);
            let fork = told.iter().any(|code| code.contains("fork"));
            assert!(!fork, "{}: {told:?}", world.name(who));
        }
    }
    Ok(())
}

/// Each answer of what is new tells also of so many logs which nobody knows, or which can not be one.
struct TellsOfNothing(u64);

impl Malice for TellsOfNothing {
    fn to_device(&mut self, _: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if let Some(Frame::Reply(reply)) = &mut frame.frame
            && let Some(reply::Result::Sync(sync)) = &mut reply.result
        {
            for number in 0..self.0 {
                let nothing = |hub: String, log: Vec<u8>| LogState {
                    hub,
                    log,
                    head_seq: number,
                    marks: vec![Mark {
                        device: vec![7; 16],
                        epoch: 1,
                        body: vec![1; 40],
                    }],
                    ..LogState::default()
                };
                let id = u128::from(number).to_be_bytes().to_vec();
                sync.logs.push(nothing(String::new(), id.clone()));
                sync.logs.push(nothing("another.example".to_owned(), id));
                sync.logs.push(nothing("x/".repeat(200), vec![1; 16]));
                sync.logs.push(nothing(String::new(), vec![1; 400]));
            }
        }
        vec![frame]
    }
}

#[test]
fn of_logs_that_nobody_knows_little_is_kept() -> Result<()> {
    let lie = told(TellsOfNothing(0));
    let (mut world, alice, bob) = alice_and_bob(lie.clone())?;
    lie.lock().unwrap().0 = 400;
    world.crash(alice, 1_000);
    world.settle()?;
    let kept = |world: &mut World, prefix: &str| -> Result<(usize, usize)> {
        let mut kept = (0, 0);
        world.tamper_store(alice, |store| {
            let of = "SELECT count(*), max(length(key)) FROM meta WHERE key LIKE ?1 || '%'";
            kept = store.query_row(of, [prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(())
        })?;
        world.settle()?;
        Ok(kept)
    };
    for prefix in ["seat_ended/", "early_mark/"] {
        let (count, longest) = kept(&mut world, prefix)?;
        assert!((1..=256).contains(&count), "{prefix}: {count}");
        assert!(longest < 120, "{prefix}: {longest}");
    }
    world.say(alice, bob, "Still here")?;
    world.settle()?;
    assert!(screen(&world, bob, alice)?.contains("Alice: Still here"));
    Ok(())
}
