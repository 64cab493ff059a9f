//! What a person asked for is done, whatever was lost on the way and whoever asked at once: devices
//! taken out, people blocked, first words, what is known of somebody.

use anyhow::{Context as _, Result};
use bytes::Bytes;
use comity_client::{
    AccountView, Command, ContactView, Event, ItemKind, Permissions, Status, TimelineItem, What,
    Whom,
};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Answer, Ask, Asked, Malice, Who, World};
use http::Method;
use std::sync::{Arc, Mutex, PoisonError};

/// What becomes of an act.
#[derive(Clone, Copy)]
enum Fate {
    /// It does not arrive.
    Lost,
    /// It arrives; the answer does not.
    Unanswered,
    /// It is refused, to be asked again after so many milliseconds.
    Refused(&'static str, u16, u32),
}

/// A line that carries some acts of one device badly, so many times.
struct Line {
    device: &'static str,
    method: Method,
    path: String,
    fate: Fate,
    times: u32,
}

impl Line {
    fn meets(&mut self, device: &str, ask: &Ask) -> bool {
        let meets = self.times > 0
            && device == self.device
            && ask.method == self.method
            && ask.path.starts_with(&self.path);
        self.times -= u32::from(meets);
        meets
    }
}

impl Malice for Line {
    fn ask(&mut self, device: &str, ask: Ask) -> Asked {
        let fate = self.fate;
        match fate {
            Fate::Unanswered => Asked::Pass(ask),
            _ if !self.meets(device, &ask) => Asked::Pass(ask),
            Fate::Lost => Asked::Lose,
            Fate::Refused(code, status, wait_ms) => {
                let error = serde_json::json!({
                    "error": { "code": code, "message": "not now", "retry_after_ms": wait_ms }
                });
                let body = Bytes::from(error.to_string());
                Asked::Answer(Answer { status, body })
            }
        }
    }

    fn answer(&mut self, device: &str, ask: &Ask, answer: Answer) -> Answer {
        if matches!(self.fate, Fate::Unanswered) && self.meets(device, ask) {
            let body = Bytes::from_static(b"<h1>Bad gateway</h1>");
            return Answer { status: 502, body };
        }
        answer
    }
}

fn line(
    world: &mut World,
    device: &'static str,
    method: Method,
    path: impl Into<String>,
    fate: Fate,
) -> Arc<Mutex<Line>> {
    let line = Arc::new(Mutex::new(Line {
        device,
        method,
        path: path.into(),
        fate,
        times: u32::MAX,
    }));
    world.set_malice(line.clone());
    line
}

fn mends(line: &Arc<Mutex<Line>>) {
    line.lock().unwrap_or_else(PoisonError::into_inner).times = 0;
}

fn own(world: &World, who: Who) -> Result<AccountView> {
    world.core(who)?.account()?.context("signed up")
}

fn known(world: &World, by: Who, who: Who) -> Result<ContactView> {
    let contact = world.core(by)?.contact(&world.address(who)?)?;
    contact.context("known")
}

/// Alice on her phone and on her tablet, and Bob; nobody knows anybody.
fn three(seed: u64) -> Result<(World, [Who; 3])> {
    let mut world = World::calm(seed)?;
    let alice = world.sign_up("Alice")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let bob = world.sign_up("Bob")?;
    world.settle()?;
    Ok((world, [alice, tablet, bob]))
}

fn saved(world: &World, who: Who, wanted: &str) -> usize {
    let told = world.events(who).iter();
    told.filter(|event| matches!(event, Event::Saved { what } if what == wanted))
        .count()
}

fn failed(world: &World, who: Who, wanted: &str) -> Vec<String> {
    let told = world.events(who).iter();
    let codes = told.filter_map(|event| match event {
        Event::Failed { act, code, .. } if act == wanted => Some(code.clone()),
        _ => None,
    });
    codes.collect()
}

#[test]
fn a_stolen_phone_is_taken_out_though_the_other_one_died_over_it() -> Result<()> {
    for fate in [Fate::Lost, Fate::Unanswered] {
        let (mut world, [alice, stolen, _]) = three(1)?;
        let line = line(&mut world, "Alice", Method::PUT, "/v1/me/manifest", fate);
        let device = own(&world, stolen)?.device;
        world.act(alice, Command::RemoveDevice(device))?;
        if matches!(fate, Fate::Unanswered) {
            world.run_for(500);
        }
        world.crash(alice, 5_000);
        world.run_for(1_000);
        mends(&line);
        world.run_for(60_000);
        assert!(world.is_erased(stolen));
        assert_eq!(own(&world, alice)?.devices.len(), 1);
        assert_eq!(saved(&world, alice, "device_removed"), 1, "it is said");
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn a_device_is_taken_out_when_the_line_is_back() -> Result<()> {
    let (mut world, [alice, stolen, _]) = three(2)?;
    world.cut_off(alice, 30_000);
    world.run_for(5_000);
    let device = own(&world, stolen)?.device;
    world.act(alice, Command::RemoveDevice(device))?;
    world.run_for(90_000);
    assert_eq!(failed(&world, alice, "device_removed"), ["unreachable"]);
    assert!(world.is_erased(stolen));
    assert_eq!(saved(&world, alice, "device_removed"), 1);
    world.nothing_is_wrong()
}

#[test]
fn a_server_that_has_no_time_takes_a_device_out_later() -> Result<()> {
    let (mut world, [alice, stolen, _]) = three(3)?;
    let busy = Fate::Refused("rate_limited", 429, 40_000);
    let line = line(&mut world, "Alice", Method::PUT, "/v1/me/manifest", busy);
    let device = own(&world, stolen)?.device;
    world.act(alice, Command::RemoveDevice(device))?;
    world.run_for(10_000);
    mends(&line);
    world.run_for(20_000);
    assert!(!world.is_erased(stolen), "it is not pressed before");
    world.run_for(30_000);
    assert!(world.is_erased(stolen));
    assert_eq!(failed(&world, alice, "device_removed"), ["rate_limited"]);
    world.nothing_is_wrong()
}

#[test]
fn a_device_list_that_the_app_refuses_is_not_asked_for_again() -> Result<()> {
    let (mut world, [alice, tablet, _]) = three(4)?;
    for code in ["forbidden", "manifest_invalid"] {
        let status = if code == "forbidden" { 403 } else { 409 };
        let refused = Fate::Refused(code, status, 0);
        let line = line(&mut world, "Alice", Method::PUT, "/v1/me/manifest", refused);
        let device = own(&world, tablet)?.device;
        world.act(alice, Command::RemoveDevice(device))?;
        world.run_for(30_000);
        mends(&line);
        world.crash(alice, 1_000);
        world.run_for(60_000);
        assert_eq!(
            failed(&world, alice, "device_removed")
                .last()
                .map(String::as_str),
            Some(code)
        );
    }
    assert_eq!(
        failed(&world, alice, "device_removed").len(),
        2,
        "each is said once"
    );
    assert!(!world.is_erased(tablet));
    world.nothing_is_wrong()
}

#[test]
fn two_owners_who_change_the_list_at_once_both_have_their_way() -> Result<()> {
    let (mut world, [alice, tablet, _]) = three(5)?;
    let [laptop, watch] = ["Alice's laptop", "Alice's watch"].map(|name| world.link(alice, name));
    let (laptop, watch) = (laptop?, watch?);
    let device = own(&world, tablet)?.device;
    world.act(alice, Command::PromoteDevice(device))?;
    world.settle()?;
    let goes = own(&world, laptop)?.device;
    world.act(alice, Command::RemoveDevice(goes))?;
    let goes = own(&world, watch)?.device;
    world.act(tablet, Command::RemoveDevice(goes))?;
    world.run_for(60_000);
    assert!(world.is_erased(laptop) && world.is_erased(watch));
    for who in [alice, tablet] {
        assert_eq!(own(&world, who)?.devices.len(), 2);
        assert_eq!(
            saved(&world, who, "device_removed"),
            1,
            "{}",
            world.name(who)
        );
        assert_eq!(failed(&world, who, "device_removed"), [""; 0]);
    }
    world.nothing_is_wrong()
}

#[test]
fn who_is_made_an_owner_gets_the_key_though_the_giver_died_over_it() -> Result<()> {
    let (mut world, [alice, tablet, _]) = three(6)?;
    let path = format!("/v1/accounts/{}", world.address(alice)?.account);
    let line = line(&mut world, "Alice", Method::GET, path, Fate::Lost);
    let device = own(&world, tablet)?.device;
    world.act(alice, Command::PromoteDevice(device))?;
    world.run_until(10_000, |world| {
        let list = own(world, alice).map(|own| own.devices).unwrap_or_default();
        list.iter().all(|one| one.owner)
    });
    world.crash(alice, 5_000);
    mends(&line);
    world.run_for(60_000);
    world.settle()?;
    assert!(own(&world, tablet)?.owner);
    let told = world.act(tablet, Command::MakeRecoveryPhrase)?;
    let phrase = |event: &Event| matches!(event, Event::RecoveryPhrase { .. });
    assert!(told.iter().any(phrase), "it has the key: {told:?}");
    assert_eq!(saved(&world, alice, "device_promoted"), 1);
    world.nothing_is_wrong()
}

/// The texts of a conversation, sorted: two first words have no order.
fn texts(world: &World, who: Who, with: Who) -> Result<Vec<String>> {
    let mut texts: Vec<String> = lines(world, who, with)?
        .into_iter()
        .map(|line| line.text)
        .collect();
    texts.sort();
    Ok(texts)
}

fn lines(world: &World, who: Who, with: Who) -> Result<Vec<TimelineItem>> {
    let conversation = world.conversation(who, with)?.conversation;
    let lines = world.core(who)?.timeline(conversation, None, 100)?;
    Ok(lines
        .into_iter()
        .filter(|line| line.kind == ItemKind::Text)
        .collect())
}

fn says_first(world: &mut World, who: Who, to: Who, text: &str) -> Result<()> {
    let to = Whom::Person(world.address(to)?);
    world.act(who, say(to, What::Text(text.to_owned())))?;
    Ok(())
}

#[test]
fn two_devices_that_write_first_are_both_heard() -> Result<()> {
    let (mut world, [phone, tablet, bob]) = three(7)?;
    let laptop = world.link(bob, "Bob's laptop")?;
    world.settle()?;
    for device in [phone, tablet] {
        world.look_up(device, bob)?;
    }
    world.cut_off(phone, 30_000);
    world.run_for(5_000);
    says_first(&mut world, phone, bob, "Hi")?;
    says_first(&mut world, tablet, bob, "Hello")?;
    world.run_for(90_000);
    world.settle()?;
    let asks = world.address(phone)?;
    world.act(bob, Command::Accept(asks))?;
    world.settle()?;
    for device in [phone, tablet] {
        assert_eq!(texts(&world, device, bob)?, ["Hello", "Hi"]);
        for line in lines(&world, device, bob)? {
            assert_ne!(line.status, Status::Queued, "{}", line.text);
        }
    }
    for device in [bob, laptop] {
        assert_eq!(texts(&world, device, phone)?, ["Hello", "Hi"]);
    }
    world.nothing_is_wrong()
}

#[test]
fn of_a_request_that_was_declined_nothing_comes_back() -> Result<()> {
    // He has the lower address, and would be the one to begin.
    let (mut world, [phone, tablet, bob]) = (22..)
        .map(three)
        .find(|made| {
            let Ok((world, [phone, _, bob])) = made else {
                return true;
            };
            matches!((world.address(*phone), world.address(*bob)), (Ok(one), Ok(other)) if one > other)
        })
        .context("a world")??;
    for device in [phone, tablet] {
        world.look_up(device, bob)?;
    }
    says_first(&mut world, phone, bob, "Hi")?;
    says_first(&mut world, tablet, bob, "Hello")?;
    world.settle()?;
    let asks = world.address(phone)?;
    world.act(bob, Command::Decline(asks.clone()))?;
    world.settle()?;
    // Later he writes to them by himself.
    world.run_for(600_000);
    world.look_up(bob, phone)?;
    says_first(&mut world, bob, phone, "Good day")?;
    world.settle()?;
    assert_eq!(texts(&world, bob, phone)?, ["Good day"]);
    for device in [phone, tablet, bob] {
        let with = if device == bob { phone } else { bob };
        assert_eq!(world.conversation(device, with)?.state, "active");
    }
    world.nothing_is_wrong()
}

fn block(world: &mut World, who: Who, whom: Who, blocked: bool) -> Result<()> {
    let address = world.address(whom)?;
    world.act(who, Command::Block { address, blocked })?;
    Ok(())
}

fn blocked_by_the_app(world: &World) -> Result<i64> {
    world.inspect_hub(|conn| conn.query_row("SELECT count(*) FROM block", [], |row| row.get(0)))
}

#[test]
fn who_is_blocked_on_one_device_and_not_on_another_is_so_as_was_said_last() -> Result<()> {
    for blocked in [false, true] {
        let (mut world, [phone, tablet, bob]) = three(9)?;
        world.befriend(phone, bob)?;
        block(&mut world, phone, bob, !blocked)?;
        block(&mut world, phone, bob, blocked)?;
        world.settle()?;
        world.cut_off(tablet, 30_000);
        world.run_for(5_000);
        block(&mut world, tablet, bob, !blocked)?;
        world.run_for(5_000);
        block(&mut world, phone, bob, !blocked)?;
        block(&mut world, phone, bob, blocked)?;
        world.run_for(90_000);
        world.settle()?;
        for device in [phone, tablet] {
            let there = known(&world, device, bob)?.blocked;
            assert_eq!(there, blocked, "{}", world.name(device));
        }
        assert_eq!(blocked_by_the_app(&world)?, i64::from(blocked));
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn who_was_blocked_is_blocked_on_a_device_that_meets_them_later() -> Result<()> {
    let (mut world, [phone, tablet, bob]) = three(10)?;
    world.look_up(phone, bob)?;
    block(&mut world, phone, bob, true)?;
    world.settle()?;
    world.look_up(tablet, bob)?;
    assert!(known(&world, tablet, bob)?.blocked);
    block(&mut world, phone, bob, false)?;
    world.settle()?;
    assert!(!known(&world, tablet, bob)?.blocked);
    world.nothing_is_wrong()
}

#[test]
fn the_app_learns_who_is_blocked_whatever_was_lost() -> Result<()> {
    for dies in [false, true] {
        let (mut world, [phone, _, bob]) = three(11)?;
        world.befriend(phone, bob)?;
        let line = line(
            &mut world,
            "Alice",
            Method::PUT,
            "/v1/me/blocks",
            Fate::Lost,
        );
        block(&mut world, phone, bob, true)?;
        if dies {
            world.crash(phone, 5_000);
        } else {
            world.run_for(5_000);
        }
        mends(&line);
        world.run_for(60_000);
        assert_eq!(blocked_by_the_app(&world)?, 1);
        assert_eq!(saved(&world, phone, "block"), 1);
        // Off the line, and back.
        world.cut_off(phone, 20_000);
        world.run_for(5_000);
        block(&mut world, phone, bob, false)?;
        world.run_for(60_000);
        assert_eq!(blocked_by_the_app(&world)?, 0);
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn a_number_that_one_device_knows_is_not_forgotten_for_one_that_does_not() -> Result<()> {
    let (mut world, [phone, tablet, bob]) = three(12)?;
    let carol = world.sign_up("Carol")?;
    world.befriend(carol, phone)?;
    world.befriend(carol, bob)?;
    let members = vec![world.address(phone)?, world.address(bob)?];
    world.act(carol, group_of("Choir", members, Permissions::default()))?;
    world.settle()?;
    world.look_up(phone, bob)?;
    says_first(&mut world, phone, bob, "Hello")?;
    world.settle()?;
    let asks = world.address(phone)?;
    world.act(bob, Command::Accept(asks))?;
    world.settle()?;
    let number = world.number(bob)?;
    for device in [phone, tablet] {
        assert_eq!(
            known(&world, device, bob)?.number,
            number,
            "{}",
            world.name(device)
        );
    }
    world.nothing_is_wrong()
}

#[test]
fn who_is_asked_for_while_their_app_is_away_gets_a_name_when_it_is_back() -> Result<()> {
    for (code, status) in [
        ("unavailable", 503),
        ("rate_limited", 429),
        ("internal", 500),
    ] {
        let mut world = World::calm(13)?;
        let [alice, bob, hal] = ["Alice", "Bob", "Hal"].map(|name| world.sign_up(name));
        let (alice, bob, hal) = (alice?, bob?, hal?);
        world.befriend(alice, bob)?;
        world.befriend(alice, hal)?;
        let members = vec![world.address(bob)?, world.address(hal)?];
        world.act(alice, group_of("Choir", members, Permissions::default()))?;
        world.settle()?;
        let path = format!("/v1/accounts/{}", world.address(hal)?.account);
        let away = Fate::Refused(code, status, 0);
        let line = line(&mut world, "Bob's tablet", Method::GET, path, away);
        let tablet = world.link(bob, "Bob's tablet")?;
        world.run_for(60_000);
        let asked = u32::MAX - line.lock().unwrap_or_else(PoisonError::into_inner).times;
        assert!(asked < 30, "with pauses: {asked}");
        mends(&line);
        world.run_for(120_000);
        world.settle()?;
        assert_eq!(known(&world, tablet, hal)?.name, "Hal", "{code}");
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn first_words_that_were_refused_are_so_on_all_devices_and_can_be_said_again_on_each() -> Result<()>
{
    for again_on_tablet in [false, true] {
        let (mut world, [phone, tablet, bob]) = three(14)?;
        for device in [phone, tablet] {
            world.look_up(device, bob)?;
        }
        let no = Fate::Refused("forbidden", 403, 0);
        let line = line(&mut world, "Alice", Method::POST, "/v1/introductions", no);
        says_first(&mut world, phone, bob, "Hello")?;
        world.settle()?;
        for device in [phone, tablet] {
            let [first] = &lines(&world, device, bob)?[..] else {
                anyhow::bail!("one line");
            };
            assert_eq!(first.status, Status::Failed, "{}", world.name(device));
            assert_eq!(first.failure, "forbidden");
        }
        mends(&line);
        let again = if again_on_tablet { tablet } else { phone };
        let conversation = world.conversation(again, bob)?.conversation;
        let message = lines(&world, again, bob)?[0].message;
        let command = Command::Retry {
            conversation,
            message,
        };
        world.act(again, command)?;
        world.settle()?;
        for device in [phone, tablet] {
            let status = lines(&world, device, bob)?[0].status;
            assert_ne!(status, Status::Failed, "{}", world.name(device));
        }
        let asks = world.address(phone)?;
        world.act(bob, Command::Accept(asks))?;
        world.settle()?;
        for (device, with) in [(phone, bob), (tablet, bob), (bob, phone)] {
            assert_eq!(texts(&world, device, with)?, ["Hello"]);
        }
        world.nothing_is_wrong()?;
    }
    Ok(())
}

fn profile(name: Option<&str>, about: Option<&str>) -> Command {
    Command::SetProfile {
        name: name.map(str::to_owned),
        about: about.map(str::to_owned),
    }
}

#[test]
fn two_devices_change_two_fields_of_the_profile_at_once_and_both_stand() -> Result<()> {
    for seed in 15..=20 {
        let (mut world, [phone, tablet, bob]) = three(seed)?;
        world.befriend(phone, bob)?;
        world.act(phone, profile(Some("Alicia"), None))?;
        world.act(tablet, profile(None, Some("At sea")))?;
        world.run_for(30_000);
        world.settle()?;
        for device in [phone, tablet] {
            let own = own(&world, device)?;
            assert_eq!([own.name, own.about], ["Alicia", "At sea"]);
        }
        let seen = known(&world, bob, phone)?;
        assert_eq!([seen.name, seen.about], ["Alicia", "At sea"]);
        // Of one field the later word stands.
        world.cut_off(tablet, 20_000);
        world.run_for(1_000);
        world.act(tablet, profile(Some("Ali"), None))?;
        world.run_for(1_000);
        world.act(phone, profile(Some("Alice"), None))?;
        world.run_for(60_000);
        world.settle()?;
        let names = [phone, tablet].map(|device| own(&world, device).map(|own| own.name));
        let [first, second] = names;
        assert_eq!(first?, second?, "they agree");
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn who_may_ask_nobody_today_talks_with_who_asks_them() -> Result<()> {
    let mut world = World::calm(21)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let alice_is_higher = world.address(alice)? > world.address(bob)?;
    let (higher, lower) = if alice_is_higher {
        (alice, bob)
    } else {
        (bob, alice)
    };
    let name = if alice_is_higher { "Alice" } else { "Bob" };
    world.look_up(higher, lower)?;
    world.look_up(lower, higher)?;
    let over = Fate::Refused("rate_limited", 429, 86_400_000);
    line(&mut world, name, Method::POST, "/v1/introductions", over);
    says_first(&mut world, higher, lower, "Shall we talk?")?;
    world.run_for(20_000);
    says_first(&mut world, lower, higher, "Let us talk.")?;
    world.run_for(60_000);
    world.settle()?;
    for (who, with) in [(higher, lower), (lower, higher)] {
        assert_eq!(world.conversation(who, with)?.state, "active");
        assert_eq!(
            texts(&world, who, with)?,
            ["Let us talk.", "Shall we talk?"]
        );
    }
    world.nothing_is_wrong()
}
