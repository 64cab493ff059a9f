//! Answers that do not come, codes that take their time, servers that are another's: what an act
//! answers then, and what the next one finds.

use super::support::{Running, World};
use super::{ALICE, BOB, alice_and_bob};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A way to a server on which the answers to one act get lost.
struct BadLine {
    url: String,
    /// Answers get lost.
    bad: Arc<AtomicBool>,
}

impl BadLine {
    fn to(world: &World, act: &'static str) -> Self {
        let there = world.url().replace("http://", "");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let bad = Arc::new(AtomicBool::new(true));
        let is_bad = bad.clone();
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (Ok(near), Ok(far)) = (near, TcpStream::connect(&there)) else {
                    return;
                };
                carry(&near, &far, act, is_bad.clone());
            }
        });
        Self { url, bad }
    }

    fn mend(&self) {
        self.bad.store(false, Ordering::SeqCst);
    }
}

/// Carries one connection both ways, until an answer to the act comes.
fn carry(near: &TcpStream, far: &TcpStream, act: &'static str, bad: Arc<AtomicBool>) {
    let asked = Arc::new(AtomicBool::new(false));
    let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
    let is_asked = asked.clone();
    std::thread::spawn(move || {
        pass(&mut from, &mut to, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            if text.contains(act) && bad.load(Ordering::SeqCst) {
                is_asked.store(true, Ordering::SeqCst);
            }
            true
        });
    });
    let (mut from, mut to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
    std::thread::spawn(move || pass(&mut from, &mut to, |_| !asked.load(Ordering::SeqCst)));
}

fn pass(from: &mut TcpStream, to: &mut TcpStream, mut goes: impl FnMut(&[u8]) -> bool) {
    let mut bytes = [0; 65_536];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if !goes(&bytes[..count]) || to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

fn accounts(world: &World) -> String {
    let told = world.admin(&["stats", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    told["accounts"].to_string()
}

#[test]
fn a_sign_up_whose_answer_was_lost_ends_well_when_it_is_asked_for_again() {
    let world = World::start();
    let line = BadLine::to(&world, "POST /v1/accounts ");
    let alice = world.device("alice");
    let code = alice.code_command();
    let act = ["register", ALICE, "--name", "Alice", "--code-command"];
    let act = [&act[..], &[&code, "--server", &line.url]].concat();
    let refusal = alice.refused(&act);
    assert_eq!(refusal.code, "unreachable", "{refusal:?}");
    assert_eq!(accounts(&world), "1", "the app took it");
    // While there is no answer there is none, whatever is asked for.
    let refusal = alice.refused(&["sync", "--server", &line.url]);
    assert_eq!(refusal.code, "unreachable", "{refusal:?}");
    line.mend();
    let ready = alice.one(&act);
    assert_eq!(ready["number"], ALICE);
    assert_eq!(accounts(&world), "1");
    assert_eq!(alice.one(&act), ready, "asked for once more");
    let other = ["register", super::CAROL, "--code", "123456"];
    assert_eq!(alice.refused(&other).code, "not_now", "it is signed up now");
    let bob = world.person("bob", BOB);
    bob.say(ALICE, "Hello Alice");
    assert_eq!(alice.one(&["requests"])["text"], "Hello Alice");

    // Any act finds it, without another code.
    let line = BadLine::to(&world, "POST /v1/accounts ");
    let carol = world.device("carol");
    let act = ["register", super::CAROL, "--code-command", &code];
    let refusal = carol.refused(&[&act[..], &["--server", &line.url]].concat());
    assert_eq!(refusal.code, "unreachable", "{refusal:?}");
    assert_eq!(carol.one(&["account"])["number"], super::CAROL);
    assert_eq!(accounts(&world), "3");
}

#[test]
fn who_wants_another_number_meanwhile_gets_that() {
    let world = World::start();
    let line = BadLine::to(&world, "POST /v1/accounts ");
    let alice = world.device("alice");
    let code = alice.code_command();
    let act = ["register", BOB, "--code-command", &code];
    let refusal = alice.refused(&[&act[..], &["--server", &line.url]].concat());
    assert_eq!(refusal.code, "unreachable", "{refusal:?}");
    line.mend();
    alice.act(&["request-code", ALICE]);
    let code = world.admin(&["codes", "--number", ALICE]);
    let ready = alice.one(&["register", ALICE, "--code", code.trim()]);
    assert_eq!(ready["number"], ALICE);
    assert_eq!(alice.one(&["account"])["number"], ALICE);
}

#[test]
fn a_number_that_moved_without_an_answer_is_the_own_one_at_the_next_start() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let new = "+12025550199";
    alice.act(&["request-code", new]);
    let code = world.admin(&["codes", "--number", new]);
    let line = BadLine::to(&world, "PUT /v1/me/number ");
    let act = ["change-number", new, "--code", code.trim()];
    // The account says so itself, though the answer was lost.
    alice.act(&[&act[..], &["--server", &line.url]].concat());
    assert_eq!(alice.one(&["account"])["number"], new);
    assert_eq!(bob.one(&["lookup", new])["name"], "alice");
    // Asked for once more, it is so already: no code is wanted for that.
    alice.act(&act);
}

#[test]
fn a_link_waits_for_as_long_as_its_code_is_good() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let tablet = world.device("tablet");
    std::fs::create_dir_all(tablet.store().parent().unwrap()).unwrap();
    let act = ["link", "--json", "--timeout", "8"];
    let mut linking = Running::start(tablet.command().args(act));
    let shown = linking.until(|line| line["event"] == "link_code");
    std::thread::sleep(Duration::from_secs(10));
    assert!(linking.is_running(), "the code is good still");
    alice.act(&["approve", shown["code"].as_str().unwrap()]);
    let ready = linking.until(|line| line["event"] == "ready");
    assert_eq!(ready["number"], ALICE);
    assert!(linking.end().status.success());

    // Where time runs three hundred times as fast, it is over in two seconds.
    let clock = world.device("hasty").later("+0 x300");
    let refusal = clock.refused(&["link"]);
    assert_eq!(refusal.code, "code_expired", "{refusal:?}");
    assert_eq!(refusal.lines[0]["event"], "link_code");
}

#[test]
fn a_server_that_is_not_the_right_one_is_named_and_not_waited_for() {
    let mut world = World::start();
    let alice = world.person("alice", ALICE);
    let mut other = World::start();
    other.kill9();
    std::fs::remove_dir_all(other.data()).unwrap();
    let config = std::fs::read_to_string(other.config()).unwrap();
    let config = config.replace("test.localhost", "other.localhost");
    std::fs::write(other.config(), config).unwrap();
    other.restart();
    let begun = Instant::now();
    let refusal = alice.refused(&["sync", "--server", &other.url()]);
    assert_eq!(refusal.code, "wrong_app", "{refusal:?}");
    // No TLS, and no server at all.
    let no_tls = world.url().replace("http://", "https://");
    let refusal = alice.refused(&["sync", "--server", &no_tls]);
    assert_eq!(refusal.code, "unreachable", "{refusal:?}");
    assert!(
        refusal.message.to_lowercase().contains("tls"),
        "{refusal:?}"
    );
    let waited = begun.elapsed();
    assert!(waited < Duration::from_secs(30), "it took {waited:?}");
    alice.act(&["sync", "--server", &world.url()]);
    world.stop();
    let refusal = alice.refused(&["sync", "--timeout", "3"]);
    assert_eq!(refusal.code, "unreachable", "{refusal:?}");
}
