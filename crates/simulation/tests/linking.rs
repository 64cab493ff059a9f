//! What a device that is linked later knows of what was before it, whatever happens meanwhile: nothing
//! is missing there, and nothing stands there that does not stand elsewhere.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use comity_client::{Command, Event, TimelineItem, What, Whom};
use comity_simulation::story::say;
use comity_simulation::{Answer, Ask, Asked, Honest, Malice, Who, World};
use comity_wire::proto::client_frame::Act;
use comity_wire::proto::{
    ClientFrame, ConversationKind, Error, Reply, ServerFrame, reply, server_frame,
};
use std::sync::{Arc, Mutex, PoisonError};

/// Two people who talk.
fn friends(seed: u64) -> Result<(World, Who, Who)> {
    let mut world = World::calm(seed)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    Ok((world, alice, bob))
}

/// Who says it, in the conversation of two.
fn tell(world: &mut World, who: Who, with: Who, what: What) -> Result<()> {
    let to = Whom::Conversation(world.conversation(who, with)?.conversation);
    world.act(who, say(to, what))?;
    Ok(())
}

/// The line with this text, of the conversation of two.
fn line(world: &World, who: Who, with: Who, text: &str) -> Result<TimelineItem> {
    let conversation = world.conversation(who, with)?.conversation;
    let items = world.core(who)?.timeline(conversation, None, 1_000)?;
    let found = items.into_iter().find(|item| item.text == text);
    found.with_context(|| {
        let chat = world.chat_of(who, conversation).unwrap_or_default();
        format!("{} does not show {text:?}:\n{chat}", world.name(who))
    })
}

fn failures<'e>(world: &'e World, who: Who, of: &'e str) -> impl Iterator<Item = &'e str> {
    world
        .events(who)
        .iter()
        .filter_map(move |event| match event {
            Event::Failed { act, code, .. } if act == of => Some(code.as_str()),
            _ => None,
        })
}

/// How often the person was told that a device is linked.
fn linked(world: &World, who: Who) -> usize {
    let told = |event: &&Event| matches!(event, Event::Linked { .. });
    world.events(who).iter().filter(told).count()
}

/// What the device was told of its history last.
fn progress(world: &World, who: Who) -> Option<(u32, u32)> {
    world
        .events(who)
        .iter()
        .rev()
        .find_map(|event| match event {
            Event::HistoryProgress { done, total } => Some((*done, *total)),
            _ => None,
        })
}

/// A new device that shows this code.
fn offers(world: &mut World, name: &str) -> Result<(Who, String)> {
    let device = world.device(name)?;
    let device_name = name.to_owned();
    world.act(device, Command::StartLink { device_name })?;
    let code = world.wait_for(device, 0, |event| match event {
        Event::LinkCode { code, .. } => Some(code.clone()),
        _ => None,
    })?;
    Ok((device, code))
}

/// Somebody on the way answers for the app when a grant was given to it.
struct LosesAnswers;

impl Malice for LosesAnswers {
    fn answer(&mut self, _: &str, ask: &Ask, answer: Answer) -> Answer {
        if ask.method == http::Method::PUT && ask.path.ends_with("/grant") {
            return Answer {
                status: 502,
                body: Bytes::from_static(b"<h1>Bad gateway</h1>"),
            };
        }
        answer
    }
}

#[test]
fn a_device_gets_history_though_its_grant_was_not_answered() -> Result<()> {
    // The code is typed once, or again, or the phone is gone meanwhile.
    for (again, dies) in [(false, false), (true, false), (false, true)] {
        let (mut world, alice, bob) = friends(1)?;
        world.set_malice(LosesAnswers);
        let (tablet, code) = offers(&mut world, "Alice's tablet")?;
        world.act(alice, Command::ApproveLink { code: code.clone() })?;
        let failed = |world: &World| failures(world, alice, "approve_link").count() > 0;
        assert!(world.run_until(30_000, failed));
        world.set_malice(Honest);
        if dies {
            world.crash(alice, 2_000);
        }
        if again {
            let before = world.events(alice).len();
            world.act(alice, Command::ApproveLink { code })?;
            world.wait_for(alice, before, |event| {
                matches!(event, Event::Linked { .. }).then_some(())
            })?;
        }
        world.run_for(30_000);
        world.settle()?;
        assert!(linked(&world, alice) > 0, "it is linked, and that is said");
        line(&world, tablet, bob, "Hello, this is Alice.")?;
        assert_eq!(progress(&world, tablet), Some((1, 1)), "and given once");
        world.nothing_is_wrong()?;
    }
    Ok(())
}

/// The hub is slow with what brings anybody into the conversation of two, or with what is said there
/// by one device.
#[derive(Default)]
struct Slow {
    of: Vec<u8>,
    commits: bool,
    words_of: &'static str,
    kept: Vec<ClientFrame>,
    /// Files do not come down.
    no_files: bool,
}

impl Malice for Slow {
    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        match &frame.act {
            Some(Act::CreateConversation(create)) if create.kind() == ConversationKind::Direct => {
                self.of.clone_from(&create.conversation);
            }
            Some(Act::SubmitCommit(commit)) if self.commits && commit.conversation == self.of => {
                self.kept.push(frame);
                return Vec::new();
            }
            Some(Act::Append(append))
                if device == self.words_of && append.conversation == self.of =>
            {
                self.kept.push(frame);
                return Vec::new();
            }
            _ => {}
        }
        vec![frame]
    }

    fn ask(&mut self, _: &str, ask: Ask) -> Asked {
        if self.no_files && ask.method == http::Method::GET && ask.path.starts_with("/v1/blobs") {
            return Asked::Lose;
        }
        Asked::Pass(ask)
    }
}

/// Two people whose hub can be slow.
fn at_a_slow_hub(seed: u64) -> Result<(World, Who, Who, Arc<Mutex<Slow>>)> {
    let mut world = World::calm(seed)?;
    let slow = Arc::new(Mutex::new(Slow::default()));
    world.set_malice(slow.clone());
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    Ok((world, alice, bob, slow))
}

fn set(slow: &Arc<Mutex<Slow>>, change: impl FnOnce(&mut Slow)) {
    change(&mut slow.lock().unwrap_or_else(PoisonError::into_inner));
}

/// The phone's lane breaks, and it says again what was not answered.
fn comes_back(world: &mut World, who: Who) {
    world.cut_off(who, 1_000);
    world.run_for(20_000);
}

#[test]
fn what_is_said_while_a_device_is_brought_in_is_there() -> Result<()> {
    // Some seconds, or longer than anybody waits.
    for wait_ms in [8_000, 240_000] {
        let (mut world, alice, bob, slow) = at_a_slow_hub(2)?;
        tell(
            &mut world,
            bob,
            alice,
            What::Text("The key is 4711.".into()),
        )?;
        tell(&mut world, bob, alice, What::Text("At six?".into()))?;
        world.settle()?;
        set(&slow, |slow| slow.commits = true);
        let tablet = world.link(alice, "Alice's tablet")?;
        world.run_for(wait_ms);
        let target = line(&world, bob, alice, "The key is 4711.")?.message;
        tell(&mut world, bob, alice, What::Delete { target })?;
        let target = line(&world, bob, alice, "At six?")?.message;
        let text = "At seven?".to_owned();
        tell(&mut world, bob, alice, What::Edit { target, text })?;
        tell(
            &mut world,
            bob,
            alice,
            What::Text("Bring the score.".into()),
        )?;
        world.run_for(5_000);
        set(&slow, |slow| slow.commits = false);
        comes_back(&mut world, alice);
        world.settle()?;
        assert!(
            world.conversation(tablet, bob)?.state == "active",
            "it was let in"
        );
        line(&world, tablet, bob, "Hello, this is Alice.")?;
        line(&world, tablet, bob, "Bring the score.")?;
        line(&world, tablet, bob, "At seven?")?;
        let items = world.chat(tablet, bob)?;
        assert!(!items.contains("4711"), "it was taken back:\n{items}");
        let (done, total) = progress(&world, tablet).context("history")?;
        assert_eq!(done, total);
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn history_begins_while_a_device_is_still_brought_in_elsewhere() -> Result<()> {
    let (mut world, alice, bob, slow) = at_a_slow_hub(3)?;
    world.act(alice, say(Whom::Myself, What::Text("Buy milk.".into())))?;
    world.settle()?;
    set(&slow, |slow| slow.commits = true);
    let tablet = world.link(alice, "Alice's tablet")?;
    world.run_for(15_000);
    let notes = |world: &World| -> Result<String> {
        let all = world.core(tablet)?.conversations()?;
        let own = all.into_iter().find(|view| view.kind == "self");
        world.chat_of(tablet, own.context("notes")?.conversation)
    };
    assert!(notes(&world)?.contains("Buy milk."));
    let (done, total) = progress(&world, tablet).context("history")?;
    assert!(done < total, "more is to come: {done} of {total}");
    // Who waits for it is given what there is.
    world.run_for(200_000);
    line(&world, tablet, bob, "Hello, this is Alice.")?;
    world.nothing_is_wrong()
}

/// Someone asks, and it has come.
fn asks(world: &mut World, from: Who, to: Who) -> Result<()> {
    let address = world.look_up(from, to)?;
    let before = world.events(to).len();
    let hello = What::Text(format!("Hello, this is {}.", world.name(from)));
    world.act(from, say(Whom::Person(address), hello))?;
    world.wait_for(to, before, |event| {
        matches!(event, Event::Request { .. }).then_some(())
    })
}

#[test]
fn who_asked_before_a_device_came_has_their_first_words_there() -> Result<()> {
    for on_tablet in [false, true] {
        let mut world = World::calm(4)?;
        let alice = world.sign_up("Alice")?;
        let bob = world.sign_up("Bob")?;
        asks(&mut world, bob, alice)?;
        let tablet = world.link(alice, "Alice's tablet")?;
        world.run_for(30_000);
        world.settle()?;
        let waiting = world.core(tablet)?.requests()?;
        let texts: Vec<&str> = waiting.iter().map(|one| one.text.as_str()).collect();
        assert_eq!(texts, ["Hello, this is Bob."]);
        let accepts = if on_tablet { tablet } else { alice };
        let asker = world.address(bob)?;
        world.act(accepts, Command::Accept(asker))?;
        world.run_for(30_000);
        world.settle()?;
        for device in [alice, tablet] {
            line(&world, device, bob, "Hello, this is Bob.")?;
            assert!(world.core(device)?.requests()?.is_empty());
        }
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn whom_one_asked_before_a_device_came_was_asked_there_too() -> Result<()> {
    let mut world = World::calm(5)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    asks(&mut world, alice, bob)?;
    let tablet = world.link(alice, "Alice's tablet")?;
    world.run_for(30_000);
    world.settle()?;
    let asked = world.conversation(tablet, bob)?;
    assert_eq!(asked.state, "asking");
    assert_eq!(asked.title, world.conversation(alice, bob)?.title);
    line(&world, tablet, bob, "Hello, this is Alice.")?;
    let asker = world.address(alice)?;
    world.act(bob, Command::Accept(asker))?;
    world.run_for(30_000);
    world.settle()?;
    for device in [alice, tablet] {
        assert_eq!(world.conversation(device, bob)?.state, "active");
        let chat = world.chat(device, bob)?;
        assert_eq!(chat.matches("Hello, this is Alice.").count(), 1, "{chat}");
    }
    world.nothing_is_wrong()
}

#[test]
fn who_is_accepted_on_one_device_and_declined_on_another_was_understood_on_both() -> Result<()> {
    let mut world = World::calm(6)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    world.settle()?;
    let bob = world.sign_up("Bob")?;
    let asker = world.address(bob)?;
    asks(&mut world, bob, alice)?;
    world.settle()?;
    world.cut_off(tablet, 20_000);
    world.act(tablet, Command::Decline(asker.clone()))?;
    assert!(world.core(tablet)?.requests()?.is_empty());
    assert!(world.act(tablet, Command::Decline(asker.clone())).is_err());
    world.act(alice, Command::Accept(asker))?;
    world.run_for(60_000);
    world.settle()?;
    for device in [alice, tablet] {
        line(&world, device, bob, "Hello, this is Bob.")?;
        assert!(world.core(device)?.requests()?.is_empty());
    }
    // What is declined is shown on none of them, and stays so.
    let carol = world.sign_up("Carol")?;
    asks(&mut world, carol, alice)?;
    world.settle()?;
    let asker = world.address(carol)?;
    world.act(alice, Command::Decline(asker))?;
    world.settle()?;
    world.crash(tablet, 1_000);
    world.run_for(10_000);
    world.settle()?;
    for device in [alice, tablet] {
        assert!(world.core(device)?.requests()?.is_empty());
        assert!(world.conversation(device, carol).is_err());
    }
    world.nothing_is_wrong()
}

#[test]
fn who_is_blocked_is_blocked_on_a_device_that_is_linked_later() -> Result<()> {
    let (mut world, alice, bob) = friends(7)?;
    let hal = world.sign_up("Hal")?;
    asks(&mut world, hal, alice)?;
    for who in [bob, hal] {
        let address = world.address(who)?;
        let blocked = true;
        world.act(alice, Command::Block { address, blocked })?;
    }
    world.settle()?;
    let tablet = world.link(alice, "Alice's tablet")?;
    world.run_for(30_000);
    world.settle()?;
    tell(&mut world, bob, alice, What::Text("Why not?".into()))?;
    world.run_for(10_000);
    world.settle()?;
    for device in [alice, tablet] {
        for who in [bob, hal] {
            let contact = world.core(device)?.contact(&world.address(who)?)?;
            let contact = contact.with_context(|| world.name(who).to_owned())?;
            assert!(contact.blocked, "{}: {contact:?}", world.name(device));
            assert_eq!(contact.accepted, who == bob, "{contact:?}");
        }
        assert!(line(&world, device, bob, "Why not?").is_err());
        assert!(world.conversation(device, bob)?.blocked);
    }
    // And is let in again on any of them.
    let address = world.address(hal)?;
    let blocked = false;
    world.act(tablet, Command::Block { address, blocked })?;
    world.settle()?;
    for device in [alice, tablet] {
        let contact = world.core(device)?.contact(&world.address(hal)?)?;
        assert!(contact.is_some_and(|contact| !contact.blocked && !contact.accepted));
    }
    world.nothing_is_wrong()
}

#[test]
fn a_change_that_the_hub_does_not_take_stands_on_no_new_device() -> Result<()> {
    let (mut world, alice, bob, slow) = at_a_slow_hub(8)?;
    tell(&mut world, alice, bob, What::Text("At six?".into()))?;
    tell(&mut world, bob, alice, What::Text("Yes.".into()))?;
    tell(&mut world, alice, bob, What::Text("My room is 12.".into()))?;
    world.settle()?;
    set(&slow, |slow| slow.words_of = "Alice");
    let react = |target, emoji: &str| What::React {
        target,
        emoji: emoji.to_owned(),
    };
    let target = line(&world, alice, bob, "At six?")?.message;
    for text in ["At seven?", "At eight?"] {
        let text = text.to_owned();
        tell(&mut world, alice, bob, What::Edit { target, text })?;
    }
    let target = line(&world, alice, bob, "My room is 12.")?.message;
    tell(&mut world, alice, bob, What::Delete { target })?;
    let yes = line(&world, alice, bob, "Yes.")?.message;
    tell(&mut world, alice, bob, react(yes, "❤"))?;
    tell(&mut world, bob, alice, react(yes, "👍"))?;
    let tablet = world.link(alice, "Alice's tablet")?;
    world.run_for(20_000);
    line(&world, alice, bob, "At eight?")?;
    // What is on its way is none of the history: it comes, or does not.
    let kept = std::mem::take(&mut slow.lock().unwrap_or_else(PoisonError::into_inner).kept);
    assert!(!kept.is_empty());
    set(&slow, |slow| slow.words_of = "");
    for frame in kept {
        let error = Error {
            code: "forbidden".to_owned(),
            ..Error::default()
        };
        let answer = Reply {
            request: frame.request,
            result: Some(reply::Result::Error(error)),
        };
        let frame = Some(server_frame::Frame::Reply(answer));
        world.inject(alice, ServerFrame { frame });
    }
    world.run_for(10_000);
    world.settle()?;
    for device in [alice, tablet] {
        line(&world, device, bob, "At six?")?;
        line(&world, device, bob, "My room is 12.")?;
        let reactions = line(&world, device, bob, "Yes.")?.reactions;
        let emoji: Vec<&str> = reactions.iter().map(|one| one.emoji.as_str()).collect();
        assert_eq!(emoji, ["👍"], "{}", world.name(device));
    }
    world.nothing_is_wrong()
}

#[test]
fn a_change_counts_from_its_place_on_a_new_device_whatever_the_phones_clock_says() -> Result<()> {
    let (mut world, alice, bob, slow) = at_a_slow_hub(9)?;
    tell(&mut world, bob, alice, What::Text("At six?".into()))?;
    world.settle()?;
    world.set_clock(alice, 150_000);
    let target = line(&world, alice, bob, "At six?")?.message;
    let react = |emoji: &str| What::React {
        target,
        emoji: emoji.to_owned(),
    };
    set(&slow, |slow| slow.words_of = "Alice");
    tell(&mut world, alice, bob, react("❤"))?;
    set(&slow, |slow| slow.no_files = true);
    let tablet = world.link(alice, "Alice's tablet")?;
    world.run_for(10_000);
    set(&slow, |slow| slow.words_of = "");
    comes_back(&mut world, alice);
    tell(&mut world, alice, bob, react("👍"))?;
    world.run_for(10_000);
    set(&slow, |slow| slow.no_files = false);
    world.run_for(60_000);
    world.settle()?;
    for device in [alice, bob, tablet] {
        let with = if device == bob { alice } else { bob };
        let reactions = line(&world, device, with, "At six?")?.reactions;
        let emoji: Vec<&str> = reactions.iter().map(|one| one.emoji.as_str()).collect();
        assert_eq!(emoji, ["👍"], "{}", world.name(device));
    }
    Ok(())
}

/// The app has no room for what the account puts up.
struct Full(bool);

impl Malice for Full {
    fn ask(&mut self, _: &str, ask: Ask) -> Asked {
        if self.0 && ask.method == http::Method::POST && ask.path == "/v1/blobs" {
            let error =
                r#"{"error":{"code":"quota_exceeded","message":"full","retry_after_ms":0}}"#;
            return Asked::Answer(Answer {
                status: 507,
                body: Bytes::from_static(error.as_bytes()),
            });
        }
        Asked::Pass(ask)
    }
}

#[test]
fn history_that_finds_no_room_is_told_and_given_once_there_is_some() -> Result<()> {
    let (mut world, alice, bob) = friends(10)?;
    let full = Arc::new(Mutex::new(Full(true)));
    world.set_malice(full.clone());
    let tablet = world.link(alice, "Alice's tablet")?;
    world.run_for(120_000);
    let told: Vec<&str> = failures(&world, alice, "history").collect();
    assert_eq!(told, ["quota_exceeded"], "once");
    assert_eq!(progress(&world, tablet), None);
    full.lock().unwrap_or_else(PoisonError::into_inner).0 = false;
    world.run_for(15 * 60_000);
    world.settle()?;
    assert_eq!(progress(&world, tablet), Some((1, 1)));
    line(&world, tablet, bob, "Hello, this is Alice.")?;
    world.nothing_is_wrong()
}

#[test]
fn no_history_waits_for_a_device_that_was_taken_out() -> Result<()> {
    let (mut world, alice, _) = friends(11)?;
    world.set_malice(Full(true));
    let tablet = world.link(alice, "Alice's tablet")?;
    world.run_for(30_000);
    let device = world.core(tablet)?.account()?.context("signed up")?.device;
    world.act(alice, Command::RemoveDevice(device))?;
    world.run_for(60_000);
    assert_eq!(world.core(alice)?.unsent()?, 0, "nothing is put up for it");
    world.nothing_is_wrong()
}
