//! A full disk, under the server and under a client: a clear error, nothing that was acknowledged
//! lost, and all goes on once there is room.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "test code"
)]

mod lost;
mod support;

use lost::{Device, Fault, Hub};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const ALICE: &str = "+12025550101";
const BOB: &str = "+12025550102";

fn two() -> (Hub, Device, Device) {
    let hub = Hub::start(Fault::Kill);
    let [alice, bob] = [("alice", ALICE), ("bob", BOB)]
        .map(|(name, number)| Device::sign_up(&hub, Fault::Kill, 1, name, number));
    lost::meet(&alice, &bob);
    (hub, alice, bob)
}

/// The server's answer to somebody who asks for a code.
fn ask_for_a_code(hub: &Hub, number: &str) -> (String, Value) {
    let body = format!("{{\"number\":\"{number}\"}}");
    let answer = hub.world().raw(&format!(
        "POST /v1/registrations HTTP/1.1\r\nhost: test.localhost\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (
        head.lines().next().unwrap().to_owned(),
        serde_json::from_str(body).unwrap(),
    )
}

#[test]
fn a_server_without_room_refuses_clearly_and_goes_on() {
    let (hub, alice, bob) = two();
    hub.layer.set_room(Some(300_000)).unwrap();

    // Typed as fast as it goes, so that many are under way when the disk is full.
    let mut chat = alice.start(&[], Stdio::piped());
    let mut keyboard = chat.stdin.take().unwrap();
    let (to, screen) = mpsc::channel();
    let lines = BufReader::new(chat.stdout.take().unwrap()).lines();
    let reading = std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            .filter(|line| to.send(line.clone()).is_ok())
            .count()
    });
    writeln!(keyboard, "/to {BOB}").unwrap();
    let (mut number, end) = (0, Instant::now() + Duration::from_secs(60));
    while !screen.try_iter().any(|line| line.contains("disk is full")) {
        assert!(Instant::now() < end, "no error on the screen");
        number += 1;
        writeln!(keyboard, "typed {number} {}", "and more ".repeat(200)).unwrap();
        std::thread::sleep(Duration::from_millis(2));
    }
    hub.layer.set_room(Some(0)).unwrap();
    // Its log has room inside that was used before: some are taken still.
    let (status, answer) = (110..150)
        .map(|last| ask_for_a_code(&hub, &format!("+12025550{last}")))
        .find(|(status, _)| status != "HTTP/1.1 200 OK")
        .unwrap();
    assert_eq!(status, "HTTP/1.1 507 Insufficient Storage");
    assert_eq!(answer["error"]["code"], "storage_full");
    assert!(answer["error"]["retry_after_ms"].as_u64().unwrap() > 0);
    // What was taken can be read meanwhile.
    assert!(!bob.history(ALICE).is_empty());

    hub.layer.set_room(None).unwrap();
    assert_eq!(ask_for_a_code(&hub, "+12025550109").0, "HTTP/1.1 200 OK");
    drop(keyboard);
    assert!(alice.reap(chat).success());
    reading.join().unwrap();
    // It may wait for as long as the server said, and start anew.
    alice.act(&["sync", "--timeout", "85"]);
    bob.act(&["sync"]);
    lost::compare(&alice, &bob);
    let heard = bob.history(ALICE);
    assert_eq!(
        heard.iter().filter(|said| !said.outgoing).count(),
        number + 1
    );
}

#[test]
fn a_client_without_room_refuses_clearly_and_goes_on() {
    let (_hub, alice, bob) = two();
    alice.layer.set_room(Some(200_000)).unwrap();
    let mut sent = Vec::new();
    let refused = loop {
        let text = format!("said {}", sent.len() + 1);
        let left = alice.run(&["send", BOB, &text]);
        if !left.status.success() {
            break serde_json::from_str::<Value>(left.stdout.trim()).unwrap();
        }
        sent.push(text);
        assert!(sent.len() < 500, "the disk is never full");
    };
    assert!(!sent.is_empty(), "{refused}");
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("disk is full"),
        "{refused}"
    );

    // What waits for the app's answer, which finds no room, ends as soon as it came.
    alice.layer.set_room(Some(0)).unwrap();
    let asked = Instant::now();
    let late = alice.run(&["lookup", BOB, "--timeout", "50"]);
    assert!(!late.status.success() && asked.elapsed() < Duration::from_secs(40));
    let late = serde_json::from_str::<Value>(late.stdout.trim()).unwrap();
    assert_eq!(late["error"], "store_failed", "{late}");

    alice.layer.set_room(None).unwrap();
    alice.act(&["send", BOB, "said at last"]);
    bob.act(&["sync"]);
    lost::compare(&alice, &bob);
    let heard = bob.history(ALICE);
    for text in &sent {
        assert_eq!(
            heard.iter().filter(|said| said.text == *text).count(),
            1,
            "{text}"
        );
    }
}

#[test]
fn a_talk_without_room_says_so_gives_back_what_was_typed_and_asks_less_and_less_often() {
    let (_hub, alice, bob) = two();
    let mut chat = alice.start(&[], Stdio::piped());
    let mut keyboard = chat.stdin.take().unwrap();
    let (to, screen) = mpsc::channel();
    let lines = BufReader::new(chat.stdout.take().unwrap()).lines();
    let reading = std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let _ = to.send(line);
        }
    });
    writeln!(keyboard, "/to {BOB}").unwrap();
    let mut seen: Vec<String> = Vec::new();
    let mut until = |text: &str| {
        while !seen.iter().any(|line| line.contains(text)) {
            match screen.recv_timeout(Duration::from_secs(60)) {
                Ok(line) => seen.push(line),
                Err(_) => panic!("no “{text}” in {seen:#?}"),
            }
        }
    };
    until("— connected");
    alice.layer.set_room(Some(0)).unwrap();
    // Its log has room inside that was used before: short lines are kept still.
    let long = "and more ".repeat(600);
    writeln!(keyboard, "Into the void {long}").unwrap();
    until("— not sent: Into the void");
    // What comes finds no room either, however often it is asked for.
    bob.act(&["send", ALICE, &long]);
    std::thread::sleep(Duration::from_secs(10));
    seen.extend(screen.try_iter());
    assert!(
        seen.iter().any(|line| line.contains("is full")),
        "{seen:#?}"
    );
    let connected = seen.iter().filter(|line| line.contains("— connected"));
    assert!(connected.count() <= 12, "{seen:#?}");
    let told = seen.iter().filter(|line| line.starts_with("— store: "));
    assert!(told.count() <= 2, "{seen:#?}");
    assert_eq!(alice.complaints(), "", "the screen is the talk's alone");

    alice.layer.set_room(None).unwrap();
    drop(keyboard);
    assert!(alice.reap(chat).success());
    reading.join().unwrap();
    alice.act(&["send", BOB, "Said at last"]);
    bob.act(&["sync"]);
    lost::compare(&alice, &bob);
}
