//! Answers that do not come when somebody signs up, comes back, takes a number over or changes
//! it: what the app has done is found out, and nobody is locked out of what is theirs.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use comity_client::{Command, Event};
use comity_simulation::{Answer, Ask, Asked, Malice, Who, World};
use std::sync::{Arc, Mutex};

const NUMBER: &str = "+49301234567";
/// Longer than a proof of a number is good for.
const LONG_MS: u64 = 45 * 60_000;

/// A line that carries one act badly.
#[derive(Clone, Copy)]
enum Line {
    Good,
    /// What is asked for does not arrive.
    LosesAsks(&'static str),
    /// What is answered does not arrive: somebody on the way says something else.
    LosesAnswers(&'static str),
}

impl Malice for Line {
    fn ask(&mut self, _: &str, ask: Ask) -> Asked {
        match self {
            Self::LosesAsks(path) if changes(&ask, path) => Asked::Lose,
            _ => Asked::Pass(ask),
        }
    }

    fn answer(&mut self, _: &str, ask: &Ask, answer: Answer) -> Answer {
        match self {
            Self::LosesAnswers(path) if changes(ask, path) => Answer {
                status: 502,
                body: Bytes::from_static(b"<h1>Bad gateway</h1>"),
            },
            _ => answer,
        }
    }
}

fn changes(ask: &Ask, path: &str) -> bool {
    ask.method != http::Method::GET && ask.path == path
}

/// A line whose state can be changed while the world runs.
fn line(world: &mut World, first: Line) -> Arc<Mutex<Line>> {
    let line = Arc::new(Mutex::new(first));
    world.set_malice(line.clone());
    line
}

fn becomes(line: &Arc<Mutex<Line>>, next: Line) {
    if let Ok(mut line) = line.lock() {
        *line = next;
    }
}

fn count(world: &World, sql: &'static str) -> Result<i64> {
    world.inspect_hub(move |conn| conn.query_row(sql, [], |row| row.get(0)))
}

fn accounts(world: &World) -> Result<i64> {
    count(world, "SELECT count(*) FROM account")
}

/// Who has the number, in hexadecimal digits.
fn holder(world: &World) -> Result<String> {
    world.inspect_hub(|conn| {
        conn.query_row(
            "SELECT lower(hex(account)) FROM alias WHERE number = ?1 AND until_ms IS NULL",
            [NUMBER],
            |row| row.get(0),
        )
    })
}

/// Runs until the hub's database says so, and no longer: the answer is on its way.
fn until(world: &mut World, sql: &'static str, wanted: i64) -> Result<()> {
    for _ in 0..5_000 {
        if count(world, sql)? == wanted {
            return Ok(());
        }
        world.run_for(1);
    }
    anyhow::bail!("{sql} does not come to {wanted}")
}

/// A code comes to the number.
fn code(world: &mut World, who: Who, number: &str) -> Result<String> {
    let before = world.events(who).len();
    let (number, country) = (number.to_owned(), None);
    let wanted = number.clone();
    world.act(who, Command::StartRegistration { number, country })?;
    world.wait_for(who, before, |event| {
        matches!(event, Event::CodeSent { .. }).then_some(())
    })?;
    world.code(&wanted).context("no code was sent")
}

/// The code is entered; what comes of it is waited for by who calls this.
fn proves(world: &mut World, who: Who) -> Result<()> {
    let code = code(world, who, NUMBER)?;
    let name = world.name(who).to_owned();
    world.act(who, Command::EnterCode { code, name })?;
    Ok(())
}

fn ready(world: &mut World, who: Who, since: usize) -> Result<()> {
    world.wait_for(who, since, |event| {
        matches!(event, Event::Ready { .. }).then_some(())
    })?;
    world.wait_for(who, since, |event| {
        matches!(event, Event::Online).then_some(())
    })
}

fn taken(world: &mut World, who: Who, since: usize) -> Result<()> {
    world.wait_for(who, since, |event| {
        matches!(event, Event::NumberHasAccount { .. }).then_some(())
    })
}

/// Codes of the failures of an act.
fn failures(world: &World, who: Who, wanted: &str) -> Vec<String> {
    let events = world.events(who).iter();
    let failed = events.filter_map(|event| match event {
        Event::Failed { act, code, .. } if act == wanted => Some(code.clone()),
        _ => None,
    });
    failed.collect()
}

/// The number is the account's of this device, and the app has so many accounts.
fn is_theirs(world: &World, who: Who, all: i64) -> Result<()> {
    assert_eq!(accounts(world)?, all);
    assert_eq!(holder(world)?, world.address(who)?.account.to_string());
    assert_eq!(world.number(who)?, NUMBER);
    Ok(())
}

#[test]
fn a_sign_up_goes_on_by_itself_when_the_line_is_back() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.device("Alice")?;
    proves(&mut world, alice)?;
    until(&mut world, "SELECT count(*) FROM account", 1)?;
    world.cut_off(alice, 20_000);
    ready(&mut world, alice, 0)?;
    assert!(failures(&world, alice, "create_account").contains(&"unreachable".to_owned()));
    is_theirs(&world, alice, 1)?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    world.nothing_is_wrong()
}

#[test]
fn a_phone_that_dies_before_the_answer_is_signed_up_at_its_next_start() -> Result<()> {
    // The second time the proof of the number is over by then.
    for pause_ms in [5_000, LONG_MS] {
        let mut world = World::calm(2)?;
        let alice = world.device("Alice")?;
        proves(&mut world, alice)?;
        until(&mut world, "SELECT count(*) FROM account", 1)?;
        world.crash(alice, pause_ms);
        world.run_for(pause_ms);
        ready(&mut world, alice, 0)?;
        is_theirs(&world, alice, 1)?;
        let bob = world.sign_up("Bob")?;
        world.befriend(bob, alice)?;
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn whose_answers_never_come_proves_the_number_again_and_is_in() -> Result<()> {
    let mut world = World::calm(3)?;
    line(&mut world, Line::LosesAnswers("/v1/accounts"));
    let alice = world.device("Alice")?;
    proves(&mut world, alice)?;
    world.run_for(5_000);
    assert!(world.core(alice)?.account()?.is_none());
    assert_eq!(accounts(&world)?, 1);
    let waits = world.core(alice)?.sign_up_unanswered()?;
    assert_eq!(waits.as_deref(), Some(NUMBER));
    proves(&mut world, alice)?;
    ready(&mut world, alice, 0)?;
    is_theirs(&world, alice, 1)?;
    let told = world.events(alice).iter();
    let mut told = told.filter(|event| matches!(event, Event::NumberHasAccount { .. }));
    assert!(
        told.next().is_none(),
        "her own account is not held against her"
    );
    assert_eq!(world.core(alice)?.sign_up_unanswered()?, None);
    world.nothing_is_wrong()
}

/// A line on which something answers about another account, or as another app.
#[derive(Default)]
struct Stray {
    another_account: bool,
    another_app: bool,
    /// What was asked for at `/v1/accounts`.
    posts: u32,
}

impl Malice for Stray {
    fn ask(&mut self, _: &str, ask: Ask) -> Asked {
        if !changes(&ask, "/v1/accounts") {
            return Asked::Pass(ask);
        }
        self.posts += 1;
        if self.another_app {
            Asked::Lose
        } else {
            Asked::Pass(ask)
        }
    }

    fn answer(&mut self, _: &str, ask: &Ask, answer: Answer) -> Answer {
        let (key, value) = match ask.path.as_str() {
            "/v1/accounts" if self.another_account => {
                ("address", "00112233445566778899aabbccddeeff@hub.example")
            }
            "/v1/app" if self.another_app => ("app", "elsewhere.example"),
            _ => return answer,
        };
        let Ok(mut said) = serde_json::from_slice::<serde_json::Value>(&answer.body) else {
            return answer;
        };
        if let Some(said) = said.get_mut(key) {
            *said = value.into();
        }
        Answer {
            body: said.to_string().into(),
            ..answer
        }
    }
}

#[test]
fn an_answer_about_another_account_is_said_and_waited_out() -> Result<()> {
    let mut world = World::calm(13)?;
    let line = Arc::new(Mutex::new(Stray {
        another_account: true,
        ..Stray::default()
    }));
    world.set_malice(line.clone());
    let posts = |line: &Arc<Mutex<Stray>>| line.lock().map(|line| line.posts).unwrap_or_default();
    let alice = world.device("Alice")?;
    proves(&mut world, alice)?;
    world.run_for(60_000);
    assert!((3..=8).contains(&posts(&line)), "{}", posts(&line));
    let failed = failures(&world, alice, "create_account");
    assert!(failed.len() >= 3, "{failed:?}");
    assert!(failed.iter().all(|code| code == "server_confused"));
    let mut told = world.events(alice).iter();
    assert!(
        told.any(|event| matches!(event, Event::Warning { code, .. } if code == "server_confused"))
    );
    assert!(world.core(alice)?.account()?.is_none());
    if let Ok(mut line) = line.lock() {
        line.another_account = false;
    }
    ready(&mut world, alice, 0)?;
    is_theirs(&world, alice, 1)
}

#[test]
fn what_another_app_did_not_answer_is_no_hindrance_here() -> Result<()> {
    let mut world = World::calm(14)?;
    let line = Arc::new(Mutex::new(Stray {
        another_app: true,
        ..Stray::default()
    }));
    world.set_malice(line.clone());
    let alice = world.device("Alice")?;
    proves(&mut world, alice)?;
    world.run_for(10_000);
    let waits = world.core(alice)?.sign_up_unanswered()?;
    assert_eq!(waits.as_deref(), Some(NUMBER));
    if let Ok(mut line) = line.lock() {
        line.another_app = false;
    }
    proves(&mut world, alice)?;
    ready(&mut world, alice, 0)?;
    is_theirs(&world, alice, 1)?;
    world.nothing_is_wrong()
}

#[test]
fn what_never_reached_the_app_is_asked_for_with_the_same_keys() -> Result<()> {
    let mut world = World::calm(4)?;
    let line = line(&mut world, Line::LosesAsks("/v1/accounts"));
    let alice = world.device("Alice")?;
    proves(&mut world, alice)?;
    world.run_for(LONG_MS);
    // By then the proof is over: nothing is there, which is said, and a new code is asked for.
    becomes(&line, Line::Good);
    world.run_for(400_000);
    let failed = failures(&world, alice, "create_account");
    assert_eq!(failed.last().map(String::as_str), Some("code_expired"));
    assert_eq!(world.core(alice)?.sign_up_unanswered()?, None);
    proves(&mut world, alice)?;
    ready(&mut world, alice, 0)?;
    is_theirs(&world, alice, 1)?;
    world.nothing_is_wrong()
}

#[test]
fn a_number_taken_over_without_an_answer_is_ones_own_afterwards() -> Result<()> {
    let mut world = World::calm(5)?;
    let bob = world.device("Bob")?;
    proves(&mut world, bob)?;
    ready(&mut world, bob, 0)?;
    line(&mut world, Line::LosesAnswers("/v1/accounts"));
    let alice = world.device("Alice")?;
    proves(&mut world, alice)?;
    taken(&mut world, alice, 0)?;
    world.act(alice, Command::TakeOver { passphrase: None })?;
    world.run_for(5_000);
    assert!(world.core(alice)?.account()?.is_none());
    proves(&mut world, alice)?;
    ready(&mut world, alice, 0)?;
    is_theirs(&world, alice, 2)?;
    let lost = |event: &Event| matches!(event, Event::NumberLost { .. }).then_some(());
    world.wait_for(bob, 0, lost)?;
    world.nothing_is_wrong()
}

#[test]
fn who_comes_back_by_their_words_is_back_though_no_answer_came() -> Result<()> {
    for dies in [true, false] {
        let mut world = World::calm(6)?;
        let alice = world.device("Alice")?;
        proves(&mut world, alice)?;
        ready(&mut world, alice, 0)?;
        let bob = world.sign_up("Bob")?;
        world.befriend(bob, alice)?;
        let told = world.act(alice, Command::MakeRecoveryPhrase)?;
        let phrase = told.into_iter().find_map(|event| match event {
            Event::RecoveryPhrase { phrase } => Some(phrase),
            _ => None,
        });
        let phrase = phrase.context("no phrase")?;
        world.settle()?;
        let address = world.address(alice)?;
        world.cut_off(alice, 24 * 3_600_000);

        let phone = world.device("new phone")?;
        proves(&mut world, phone)?;
        taken(&mut world, phone, 0)?;
        let devices = "SELECT count(*) FROM device";
        let before = count(&world, devices)?;
        if !dies {
            line(&mut world, Line::LosesAnswers("/v1/accounts"));
        }
        world.act(phone, Command::Recover { phrase })?;
        until(&mut world, devices, before + 1)?;
        if dies {
            world.crash(phone, LONG_MS);
            world.run_for(LONG_MS);
        } else {
            world.run_for(5_000);
            proves(&mut world, phone)?;
        }
        ready(&mut world, phone, 0)?;
        assert_eq!(world.address(phone)?, address);
        is_theirs(&world, phone, 2)?;
        // It lets itself into its conversations.
        world.run_for(30_000);
        world.say(bob, phone, "Is it you?")?;
        world.run_for(30_000);
        world.say(phone, bob, "It is.")?;
        world.run_for(60_000);
        let chat = world.chat(bob, phone)?;
        assert!(chat.contains("new phone: It is."), "{chat}");
        let chat = world.chat(phone, bob)?;
        assert!(chat.contains("Is it you?"), "{chat}");
        assert_eq!(count(&world, devices)?, before + 1);
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn a_number_that_went_on_while_the_answer_was_lost_is_said_to_be_lost() -> Result<()> {
    let mut world = World::calm(7)?;
    let alice = world.device("Alice")?;
    proves(&mut world, alice)?;
    until(&mut world, "SELECT count(*) FROM account", 1)?;
    world.crash(alice, LONG_MS);
    let bob = world.device("Bob")?;
    proves(&mut world, bob)?;
    taken(&mut world, bob, 0)?;
    world.act(bob, Command::TakeOver { passphrase: None })?;
    ready(&mut world, bob, 0)?;
    world.run_for(LONG_MS);
    // Her account is there, and hers; the number is not.
    ready(&mut world, alice, 0)?;
    let lost = |event: &Event| matches!(event, Event::NumberLost { .. }).then_some(());
    world.wait_for(alice, 0, lost)?;
    assert_eq!(world.number(alice)?, "");
    is_theirs(&world, bob, 2)?;
    world.nothing_is_wrong()
}

#[test]
fn who_proves_a_number_that_went_on_meanwhile_begins_anew() -> Result<()> {
    let mut world = World::calm(8)?;
    let line = line(&mut world, Line::LosesAnswers("/v1/accounts"));
    let alice = world.device("Alice")?;
    proves(&mut world, alice)?;
    // By then her device asks every few minutes only.
    world.run_for(20 * 60_000);
    becomes(&line, Line::Good);
    let bob = world.device("Bob")?;
    proves(&mut world, bob)?;
    taken(&mut world, bob, 0)?;
    world.act(bob, Command::TakeOver { passphrase: None })?;
    ready(&mut world, bob, 0)?;
    assert!(world.core(alice)?.account()?.is_none());
    proves(&mut world, alice)?;
    taken(&mut world, alice, 0)?;
    world.act(alice, Command::TakeOver { passphrase: None })?;
    ready(&mut world, alice, 0)?;
    is_theirs(&world, alice, 3)?;
    world.nothing_is_wrong()
}

/// Alice with another number than the one that she wants, and a code for that.
fn moves(world: &mut World) -> Result<(Who, String)> {
    let alice = world.sign_up("Alice")?;
    world.settle()?;
    let code = code(world, alice, NUMBER)?;
    Ok((alice, code))
}

const MOVED: &str = "SELECT count(*) FROM alias WHERE number = '+49301234567'";

fn saved(event: &Event) -> Option<()> {
    matches!(event, Event::Saved { what } if what == "number").then_some(())
}

#[test]
fn a_number_that_moved_without_an_answer_is_known_to_have_moved() -> Result<()> {
    // The answer is another one, the line breaks off, the phone dies.
    for how in 0..3 {
        let mut world = World::calm(9 + how)?;
        let (alice, code) = moves(&mut world)?;
        if how == 0 {
            line(&mut world, Line::LosesAnswers("/v1/me/number"));
        }
        let before = world.events(alice).len();
        world.act(alice, Command::ChangeNumber { code })?;
        until(&mut world, MOVED, 1)?;
        match how {
            0 => {}
            1 => world.cut_off(alice, 20_000),
            _ => world.crash(alice, LONG_MS),
        }
        world.run_for(if how == 2 { LONG_MS } else { 1_000 });
        world.wait_for(alice, before, saved)?;
        assert_eq!(world.number(alice)?, NUMBER);
        let refused = failures(&world, alice, "number");
        assert!(!refused.contains(&"number_taken".to_owned()), "{refused:?}");
        is_theirs(&world, alice, 1)?;
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn a_number_that_did_not_move_is_not_said_to_have_moved() -> Result<()> {
    let mut world = World::calm(12)?;
    let line = line(&mut world, Line::LosesAsks("/v1/me/number"));
    let (alice, first) = moves(&mut world)?;
    let old = world.number(alice)?;
    world.act(
        alice,
        Command::ChangeNumber {
            code: first.clone(),
        },
    )?;
    world.run_for(20_000);
    assert_eq!(failures(&world, alice, "number"), ["unreachable"]);
    assert_eq!(world.number(alice)?, old);
    becomes(&line, Line::Good);
    // The same code is good still.
    let before = world.events(alice).len();
    world.act(alice, Command::ChangeNumber { code: first })?;
    world.wait_for(alice, before, saved)?;
    is_theirs(&world, alice, 1)?;
    world.nothing_is_wrong()
}
