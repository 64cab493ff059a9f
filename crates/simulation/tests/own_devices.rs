//! What is the account's own is the same on all of its devices: profile, number, how conversations are
//! kept; and what a screen shows of a conversation.

use anyhow::{Context as _, Result};
use comity_client::{
    AccountView, Command, ConversationSetting, DraftView, Event, FileKind, ItemKind, Look,
    Permissions, Say, Status, What, Whom,
};
use comity_simulation::story::{group_of, say};
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

fn set(conversation: i64, setting: ConversationSetting) -> Command {
    Command::SetConversation {
        conversation,
        setting,
    }
}

/// How a device keeps the conversation with somebody: whether it is pinned, archived, muted, marked.
fn kept(world: &World, who: Who, with: Who) -> Result<[bool; 4]> {
    let view = world.conversation(who, with)?;
    Ok([
        view.pinned_ms > 0,
        view.archived,
        view.muted_until_ms > 0,
        view.marked_unread,
    ])
}

#[test]
fn a_conversation_is_kept_alike_on_all_devices_whoever_was_away() -> Result<()> {
    use ConversationSetting::{Archived, MarkedUnread, MutedUntil, Pinned};
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    let on_phone = world.conversation(alice, bob)?.conversation;
    world.act(alice, set(on_phone, Pinned(true)))?;
    world.act(alice, set(on_phone, MutedUntil(i64::MAX)))?;
    world.settle()?;
    let tablet = world.link(alice, "Alice's tablet")?;
    world.settle()?;
    for who in [alice, tablet] {
        assert_eq!(kept(&world, who, bob)?, [true, false, true, false]);
    }
    // Who was away did one thing, and the phone another: the later one of the same thing stands.
    let on_tablet = world.conversation(tablet, bob)?.conversation;
    world.set_clock(tablet, -3_600_000);
    world.cut_off(tablet, 60_000);
    world.act(tablet, set(on_tablet, MarkedUnread(true)))?;
    world.act(tablet, set(on_tablet, MutedUntil(0)))?;
    world.act(alice, set(on_phone, Archived(true)))?;
    world.run_for(90_000);
    world.settle()?;
    for who in [alice, tablet] {
        assert_eq!(
            kept(&world, who, bob)?,
            [false, true, false, true],
            "what a slow clock set later stands, too"
        );
    }
    // Looking takes the mark away, everywhere.
    world.act(
        alice,
        Command::MarkRead {
            conversation: on_phone,
        },
    )?;
    world.settle()?;
    for who in [alice, tablet] {
        assert_eq!(kept(&world, who, bob)?, [false, true, false, false]);
    }
    assert_eq!(kept(&world, bob, alice)?, [false; 4], "nobody else's");
    world.nothing_is_wrong()
}

#[test]
fn what_is_shown_first_are_pinned_conversations_and_then_the_newest() -> Result<()> {
    use ConversationSetting::Pinned;
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    world.befriend(alice, bob)?;
    world.befriend(alice, carol)?;
    let members = vec![world.address(bob)?, world.address(carol)?];
    world.act(alice, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    world.say(bob, alice, "I am the newest.")?;
    world.settle()?;
    let of =
        |world: &World, who| Ok::<_, anyhow::Error>(world.conversation(alice, who)?.conversation);
    let (with_bob, with_carol) = (of(&world, bob)?, of(&world, carol)?);
    let order = |world: &World| Ok::<_, anyhow::Error>(world.core(alice)?.conversation_ids()?);
    let all = world.core(alice)?.conversations()?;
    let choir = all.iter().find(|view| view.kind == "group");
    let choir = choir.context("there is a group")?.conversation;
    let newest_first: Vec<i64> = all.iter().map(|view| view.conversation).collect();
    assert_eq!(order(&world)?, newest_first, "nothing is pinned");
    assert_eq!(newest_first.first(), Some(&with_bob));
    for pinned in [with_carol, choir] {
        world.act(alice, set(pinned, Pinned(true)))?;
    }
    let mut expected = newest_first.clone();
    expected.sort_by_key(|id| *id != with_carol && *id != choir);
    assert_ne!(expected, newest_first);
    assert_eq!(order(&world)?, expected, "one-to-one and group alike");
    for pinned in [with_carol, choir] {
        world.act(alice, set(pinned, Pinned(false)))?;
    }
    assert_eq!(order(&world)?, newest_first);
    world.settle()?;
    world.nothing_is_wrong()
}

#[test]
fn who_was_muted_while_they_were_asked_is_still_when_they_answer() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let address = world.look_up(alice, bob)?;
    let hello = What::Text("Hello, this is Alice.".to_owned());
    world.act(alice, say(Whom::Person(address), hello))?;
    let asked = world.conversation(alice, bob)?;
    assert_eq!(asked.state, "asking");
    let quiet = ConversationSetting::MutedUntil(i64::MAX);
    world.act(alice, set(asked.conversation, quiet))?;
    world.settle()?;
    let asks = world.address(alice)?;
    world.act(bob, Command::Accept(asks))?;
    world.settle()?;
    assert_eq!(world.conversation(alice, bob)?.state, "active");
    assert_eq!(
        kept(&world, alice, bob)?,
        [false, false, true, false],
        "whatever log it is in now"
    );
    world.nothing_is_wrong()
}

#[test]
fn what_nobody_read_is_not_read_on_a_new_device() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.say(bob, alice, "Are you there?")?;
    world.settle()?;
    let conversation = world.conversation(alice, bob)?.conversation;
    world.act(alice, Command::MarkRead { conversation })?;
    world.say(bob, alice, "It is urgent!")?;
    world.settle()?;
    let tablet = world.link(alice, "Alice's tablet")?;
    world.settle()?;
    for who in [alice, tablet] {
        assert_eq!(world.conversation(who, bob)?.unread, 1);
    }
    let told = world.conversation(bob, alice)?;
    assert_eq!(
        told.last_status,
        Some(Status::Delivered),
        "and Bob is not told that it was"
    );
    world.nothing_is_wrong()
}

#[test]
fn a_draft_stays_until_it_is_sent_and_leaves_no_device() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let view = world.conversation(alice, bob)?;
    let conversation = view.conversation;
    let quote = world.core(alice)?.timeline(conversation, None, 1)?;
    let draft = DraftView {
        text: "Dear Bob,".to_owned(),
        quote: quote.first().map(|line| line.message),
    };
    let begun = Command::SetDraft {
        conversation,
        draft: Some(draft.clone()),
    };
    world.act(alice, begun)?;
    world.crash(alice, 1_000);
    world.settle()?;
    assert_eq!(world.conversation(alice, bob)?.draft, Some(draft));
    assert_eq!(world.conversation(tablet, bob)?.draft, None);
    let ended = Command::SetDraft {
        conversation,
        draft: None,
    };
    world.act(alice, ended)?;
    assert_eq!(world.conversation(alice, bob)?.draft, None);
    world.nothing_is_wrong()
}

#[test]
fn a_file_is_stopped_on_its_way_and_sent_after_all() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.put_file(alice, "choir.jpg", &[7; 300_000]);
    world.cut_off(alice, 60_000);
    let picture = What::File {
        path: "choir.jpg".into(),
        file_name: "choir.jpg".into(),
        media_type: "image/jpeg".into(),
        size: 300_000,
        caption: "All of us".into(),
        look: Box::new(Look {
            width: 640,
            height: 480,
            preview: comity_wire::Bytes64(vec![1, 2, 3]),
            ..Look::default()
        }),
    };
    let to = Whom::Person(world.address(bob)?);
    world.act(alice, say(to, picture))?;
    let moving = world.core(alice)?.transfers()?;
    let moving = moving.first().context("on its way")?;
    assert!(moving.upload);
    let (transfer, conversation) = (moving.transfer, moving.conversation.context("of one")?);
    let message = moving.message.context("of a message")?;
    world.act(alice, Command::StopTransfer(transfer))?;
    world.run_for(90_000);
    world.settle()?;
    let line = world.core(alice)?.item(conversation, &message)?;
    let line = line.context("still there")?;
    assert_eq!(
        (line.status, line.failure.as_str()),
        (Status::Failed, "stopped")
    );
    assert_ne!(
        world.conversation(bob, alice)?.last_kind,
        Some(ItemKind::Attachment)
    );
    let again = Command::Retry {
        conversation,
        message,
    };
    world.act(alice, again)?;
    world.settle()?;
    let came = world.conversation(bob, alice)?;
    assert_eq!(came.last_file, Some(FileKind::Image));
    let lines = world.core(bob)?.timeline(came.conversation, None, 1)?;
    let file = lines.first().and_then(|line| line.attachment.as_ref());
    let file = file.context("a file")?;
    assert_eq!((file.width, file.height), (640, 480));
    assert_eq!(file.preview.0, [1, 2, 3]);
    world.nothing_is_wrong()
}

#[test]
fn the_newest_line_of_a_list_is_what_stands_there() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(alice, bob)?;
    world.say(alice, bob, "Monday?")?;
    world.settle()?;
    let asked = world.conversation(bob, alice)?;
    assert_eq!(
        (asked.last_text.as_str(), asked.last_deleted),
        ("Monday?", false)
    );
    let conversation = world.conversation(alice, bob)?.conversation;
    let line = world.core(alice)?.timeline(conversation, None, 1)?;
    let target = line.first().context("a line")?.message;
    let answer = Command::Send(Say {
        quote: Some(target),
        to: Whom::Conversation(asked.conversation),
        id: None,
        mentions: Vec::new(),
        what: What::Text("Yes.".to_owned()),
    });
    world.act(bob, answer)?;
    world.settle()?;
    let to = Whom::Conversation(conversation);
    world.act(alice, say(to, What::Delete { target }))?;
    world.settle()?;
    let lines = world.core(bob)?.timeline(asked.conversation, None, 1)?;
    let quote = lines.first().and_then(|line| line.quote.clone());
    let quote = quote.context("a quote")?;
    assert_eq!(quote.author, Some(world.address(alice)?));
    assert!(quote.deleted && quote.known);
    let lines = world
        .core(bob)?
        .timeline_after(asked.conversation, &target, 5)?;
    assert_eq!(lines.len(), 1, "the answer stands behind it");
    world.nothing_is_wrong()
}

/// Somebody on the way loses the first answers about an account.
struct Loses(u32);

impl Malice for Loses {
    fn ask(&mut self, _: &str, ask: Ask) -> Asked {
        if self.0 > 0 && ask.path.starts_with("/v1/accounts/") {
            self.0 -= 1;
            return Asked::Lose;
        }
        Asked::Pass(ask)
    }
}

#[test]
fn a_device_that_was_taken_out_keeps_nothing_though_the_proof_was_lost() -> Result<()> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    world.settle()?;
    let lost = own(&world, tablet)?.device;
    world.cut_off(tablet, 30_000);
    world.act(alice, Command::RemoveDevice(lost))?;
    world.run_for(20_000);
    world.set_malice(Loses(2));
    world.run_for(120_000);
    let lost = world.events(tablet).iter().filter(
        |event| matches!(event, Event::Failed { act, code, .. } if act == "refresh" && code == "unreachable"),
    );
    assert_eq!(lost.count(), 2);
    assert!(world.is_erased(tablet), "it asked until it knew");
    Ok(())
}
