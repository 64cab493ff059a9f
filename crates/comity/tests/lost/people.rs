//! What the people do while their programs die: each is a thread that starts the program again.

use super::Device;
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Tries of one act before something is wrong with more than a kill.
const TRIES_MAX: u32 = 60;

/// Makes a conversation of two.
pub fn meet(one: &Device, other: &Device) {
    one.act(&["send", other.number(), "hello 0"]);
    other.act(&["accept", one.number()]);
    other.act(&["send", one.number(), "hello 0"]);
    one.act(&["sync"]);
}

/// Says one text after the other, each by an act that is repeated until it is answered; gives
/// those that were acknowledged.
pub fn speak(device: &Arc<Device>, to: &str) -> JoinHandle<Vec<(String, String)>> {
    let (device, to) = (device.clone(), to.to_owned());
    std::thread::spawn(move || {
        let mut sent = Vec::new();
        let mut number = 1;
        while !device.is_quitting() {
            let id = format!("{:016x}{:016x}", device.throw(), device.throw());
            let text = format!("said {number} by an act");
            for tries in 0.. {
                let left = device.run(&["send", &to, &text, "--id", &id]);
                if left.status.success() {
                    let told: Value = serde_json::from_str(left.stdout.trim()).unwrap();
                    assert_eq!(told["item"]["message"], id.as_str());
                    assert_ne!(told["item"]["status"], "queued", "{told}");
                    break;
                }
                assert!(
                    tries < TRIES_MAX,
                    "{}\n{}",
                    left.stdout,
                    device.complaints()
                );
                std::thread::sleep(Duration::from_millis(50));
            }
            sent.push((id, text));
            number += 1;
        }
        sent
    })
}

/// Hears until killed after the end; gives the messages that were shown, in that order.
pub fn listen(device: &Arc<Device>) -> JoinHandle<Vec<String>> {
    let device = device.clone();
    std::thread::spawn(move || {
        let mut shown = Vec::new();
        loop {
            let mut child = device.start(&["watch", "--json", "--accept", "--read"], Stdio::null());
            for line in BufReader::new(child.stdout.take().unwrap()).lines() {
                // The last line may be cut by the kill.
                let Ok(Ok(event)) = line.map(|line| serde_json::from_str::<Value>(&line)) else {
                    break;
                };
                let incoming = event["event"] == "item" && event["item"]["outgoing"] == false;
                if let (true, Some(message)) = (incoming, event["item"]["message"].as_str()) {
                    shown.push(message.to_owned());
                }
            }
            device.reap(child);
            if device.is_quitting() {
                return shown;
            }
        }
    })
}

/// Types one line after the other into the interactive client.
pub fn chat(device: &Arc<Device>, with: &str) -> JoinHandle<()> {
    let (device, with) = (device.clone(), with.to_owned());
    std::thread::spawn(move || {
        let mut number = 1;
        while !device.is_quitting() {
            let mut child = device.start(&[], Stdio::piped());
            let mut keyboard = child.stdin.take().unwrap();
            let screen = BufReader::new(child.stdout.take().unwrap());
            let reading = std::thread::spawn(move || screen.lines().map_while(Result::ok).count());
            let mut typed = writeln!(keyboard, "/to {with}");
            while typed.is_ok() && !device.is_quitting() {
                typed = writeln!(keyboard, "typed {number} by {}", device.name());
                number += 1;
                std::thread::sleep(Duration::from_millis(20 + device.throw() % 80));
            }
            // Its end ends the program, after it sent what it took.
            drop(keyboard);
            device.reap(child);
            reading.join().unwrap();
        }
    })
}

/// Everybody sends what waits.
pub fn settle(people: &[Arc<Device>]) {
    for person in people {
        // One has a program under way still, which does it.
        if !person.is_running() {
            person.act(&["sync"]);
        }
    }
    std::thread::sleep(Duration::from_secs(1));
}
