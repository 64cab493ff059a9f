//! Servers that mean harm, or stand still: what they fill, where they steer, and what a person sees.

use super::support::{PATIENCE, Running, World};
use super::{ALICE, BOB, alice_and_bob};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// What a server that fills memories sends at most: the test is to have an end, too.
const WITHOUT_END: usize = 256 << 20;
/// What the system's own buffers take of it, several times over.
const TAKEN_MAX: u64 = 48 << 20;

/// Listens, and gives each connection to `serve`; the address.
fn server(serve: impl Fn(TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serve = Arc::new(serve);
    std::thread::spawn(move || {
        for near in listener.incoming().map_while(Result::ok) {
            let serve = serve.clone();
            std::thread::spawn(move || serve(near));
        }
    });
    url
}

/// A server before the real one. `answer` gets each piece of a request and writes the answer itself, or
/// lets it pass; `change` gets what the real one answers.
fn before(
    world: &World,
    answer: impl Fn(&[u8], &mut TcpStream) -> bool + Send + Sync + 'static,
    change: impl Fn(Vec<u8>) -> Vec<u8> + Send + Sync + 'static,
) -> String {
    let there = world.url().replace("http://", "");
    let change = Arc::new(change);
    server(move |mut near| {
        let Ok(mut far) = TcpStream::connect(&there) else {
            return;
        };
        let (mut from, mut to) = (far.try_clone().unwrap(), near.try_clone().unwrap());
        let change = change.clone();
        std::thread::spawn(move || {
            let mut bytes = vec![0; 65_536];
            while let Ok(count @ 1..) = from.read(&mut bytes) {
                if to.write_all(&change(bytes[..count].to_vec())).is_err() {
                    break;
                }
            }
            let _ = to.shutdown(Shutdown::Both);
        });
        let mut bytes = vec![0; 65_536];
        while let Ok(count @ 1..) = near.read(&mut bytes) {
            let piece = &bytes[..count];
            if answer(piece, &mut near) || far.write_all(piece).is_err() {
                break;
            }
        }
        let _ = far.shutdown(Shutdown::Both);
        let _ = near.shutdown(Shutdown::Both);
    })
}

/// Writes without end; how much of it was taken.
fn fill(to: &mut TcpStream, taken: &AtomicU64) {
    let piece = [b' '; 65_536];
    for _ in 0..WITHOUT_END / piece.len() {
        if to.write_all(&piece).is_err() {
            return;
        }
        taken.fetch_add(65_536, Ordering::SeqCst);
    }
}

/// The body of a request or an answer that began with these bytes.
fn body(begun: &[u8], from: &mut TcpStream) -> Vec<u8> {
    let mut all = begun.to_vec();
    let mut bytes = vec![0; 65_536];
    loop {
        let end = all.windows(4).position(|four| four == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&all[..end]).to_lowercase();
            let length = head.lines().find_map(|line| {
                let length = line.strip_prefix("content-length: ")?;
                length.trim().parse::<usize>().ok()
            });
            let whole = end + 4 + length.unwrap();
            if all.len() >= whole {
                return all[end + 4..whole].to_vec();
            }
        }
        let count = from.read(&mut bytes).unwrap();
        assert!(count > 0, "it broke off");
        all.extend_from_slice(&bytes[..count]);
    }
}

#[test]
fn bytes_behind_a_file_fill_no_memory() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let source = world.folder().join("score.bin");
    std::fs::write(&source, vec![7; 300_000]).unwrap();
    let sent = alice.one(&["file", BOB, &source.display().to_string()]);
    let message = sent["item"]["message"].as_str().unwrap();
    bob.act(&["history", ALICE]);
    let taken = Arc::new(AtomicU64::new(0));
    let counts = taken.clone();
    let there = world.url().replace("http://", "");
    let more = move |request: &[u8], near: &mut TcpStream| {
        if !request.starts_with(b"GET /v1/blobs/") {
            return false;
        }
        let mut far = TcpStream::connect(&there).unwrap();
        far.write_all(request).unwrap();
        let file = body(&[], &mut far);
        let head = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n";
        near.write_all(head).unwrap();
        if near.write_all(&file).is_ok() {
            fill(near, &counts);
        }
        true
    };
    let url = before(&world, more, |bytes| bytes);
    let saved = world.folder().join("saved").display().to_string();
    let refused = bob.refused(&["save", ALICE, message, &saved, "--server", &url]);
    assert_eq!(refused.code, "damaged", "{refused:?}");
    let taken = taken.load(Ordering::SeqCst);
    assert!(taken < TAKEN_MAX, "{taken} bytes were taken");
    bob.act(&["save", ALICE, message, &saved, "--server", &world.url()]);
}

#[test]
fn answers_without_end_or_sense_do_not_end_an_upload() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let source = world.folder().join("score.bin");
    std::fs::write(&source, vec![7; 300_000]).unwrap();
    for head in [
        "200 OK\r\ncontent-length: 2\r\n\r\nhm",
        "200 OK\r\nconnection: close\r\n\r\n",
        "503 Service Unavailable\r\nconnection: close\r\n\r\n",
    ] {
        let taken = Arc::new(AtomicU64::new(0));
        let (counts, asked) = (taken.clone(), AtomicU64::new(0));
        let first = move |request: &[u8], near: &mut TcpStream| {
            if !request.starts_with(b"PATCH ") || asked.fetch_add(1, Ordering::SeqCst) > 0 {
                return false;
            }
            // What is not read would break the line, and the answer would be lost.
            body(request, near);
            near.write_all(format!("HTTP/1.1 {head}").as_bytes())
                .unwrap();
            if !head.contains("content-length") {
                fill(near, &counts);
            }
            true
        };
        let url = before(&world, first, |bytes| bytes);
        let path = source.display().to_string();
        let sent = alice.one(&["file", BOB, &path, "--server", &url]);
        assert_eq!(sent["queued"], false, "{head:?}: {sent}");
        let taken = taken.load(Ordering::SeqCst);
        assert!(taken < TAKEN_MAX, "{head:?}: {taken} bytes were taken");
    }
    let heard = bob.act(&["history", ALICE]);
    let files = heard.iter().filter(|line| line["kind"] == "attachment");
    assert_eq!(files.count(), 3);
}

#[track_caller]
fn steers_nothing(shown: &str) {
    let steers = |c: &char| c.is_control() && *c != '\n' || matches!(c, '\u{202A}'..='\u{202E}');
    assert!(shown.chars().find(steers).is_none(), "{shown:?}");
}

#[test]
fn what_a_server_says_steers_no_terminal() {
    let world = World::start();
    let alice = world.device("alice");
    // As long as the number that stood there: the answer says how long it is.
    let change = |bytes: Vec<u8>| {
        let (from, to) = (ALICE.as_bytes(), &br"\u001b[2J+12"[..]);
        assert_eq!(from.len(), to.len());
        let mut bytes = bytes;
        let at: Vec<usize> = bytes
            .windows(from.len())
            .enumerate()
            .filter_map(|(at, part)| (part == from).then_some(at))
            .collect();
        for at in at {
            bytes[at..at + to.len()].copy_from_slice(to);
        }
        bytes
    };
    let url = before(&world, |_, _| false, change);
    let shown = alice.screen(&["request-code", ALICE, "--server", &url]);
    assert!(shown.contains("[2J+12"), "{shown}");
    steers_nothing(&shown);
    let code = alice.code_command().replace("\"$NUMBER\"", ALICE);
    let act = ["register", ALICE, "--name", "Alice", "--code-command"];
    let shown = alice.screen(&[&act[..], &[&code, "--server", &url]].concat());
    assert!(shown.contains("[2J+12"), "{shown}");
    steers_nothing(&shown);
    let shown = alice.screen(&["account", "--offline"]);
    assert!(shown.contains("Alice"), "{shown}");
    steers_nothing(&shown);

    // Its words about a refusal, too.
    let url = server(|mut near| {
        let mut request = [0; 4_096];
        let _ = near.read(&mut request);
        let body = r#"{"error":{"code":"forbidden","message":"no \u202e\u001b[2J way","retry_after_ms":0}}"#;
        let _ = write!(
            near,
            "HTTP/1.1 403 Forbidden\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
    });
    let mut act = world.device("carol").command();
    let ended = Running::start(act.args(["request-code", ALICE, "--server", &url])).end();
    assert!(!ended.status.success());
    assert!(ended.stderr.contains("way"), "{}", ended.stderr);
    steers_nothing(&ended.stderr);
}

/// A talk whose lines come from a file.
struct Talk {
    child: Child,
    lines: mpsc::Receiver<String>,
    seen: Vec<String>,
}

impl Talk {
    fn start(who: &super::Person, more: &[&str]) -> Self {
        let mut child = who
            .command()
            .args(more)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, lines) = mpsc::channel();
        let shown = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            for line in shown.map_while(Result::ok) {
                if to.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            seen: Vec::new(),
        }
    }

    fn signal(&self, name: &str) {
        crate::support::signal(self.child.id(), name);
    }

    fn types(&mut self, line: &str) {
        let mut keyboard = self.child.stdin.as_ref().unwrap();
        writeln!(keyboard, "{line}").unwrap();
    }

    /// The next line that holds this, and how long it took.
    #[track_caller]
    fn until(&mut self, text: &str) -> Duration {
        let begun = Instant::now();
        loop {
            let left = PATIENCE.saturating_sub(begun.elapsed());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("no “{text}” in:\n{}", self.seen.join("\n"));
            };
            let found = line.contains(text);
            self.seen.push(line);
            if found {
                return begun.elapsed();
            }
        }
    }

    #[track_caller]
    fn ends(mut self) -> Vec<String> {
        self.types("/quit");
        assert!(self.child.wait().unwrap().success());
        self.seen.extend(self.lines.iter());
        std::mem::take(&mut self.seen)
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_line_that_is_silent_is_noticed_and_what_waits_is_shown() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let mut talk = Talk::start(&alice, &[]);
    talk.until("— connected");
    talk.types("/to bob");
    talk.until("Hello Bob");
    world.signal("STOP");
    talk.types("Are you there?");
    talk.types("I can wait");
    // In the order in which they were typed, at once, and not only when the line is known to be dead.
    let shown = talk.until("me: Are you there? ⌛") + talk.until("me: I can wait ⌛");
    assert!(shown < Duration::from_secs(15), "shown after {shown:?}");
    let noticed = talk.until("— no connection");
    assert!(
        noticed < Duration::from_secs(45),
        "noticed after {noticed:?}"
    );
    world.signal("CONT");
    talk.until("me: I can wait ✓");
    let seen = talk.ends();
    let sent = seen
        .iter()
        .filter(|line| line.contains("me: Are you there? ✓"));
    assert_eq!(sent.count(), 1, "{seen:#?}");
    assert_eq!(
        bob.history(ALICE),
        "< Hello Bob\n< Are you there?\n< I can wait\n"
    );
}

#[test]
fn more_than_a_talk_can_hear_of_is_read() {
    const LINES: usize = 4_600;
    let world = World::start_with("appends_per_second = 100000\nappends_burst = 100000\n");
    let (alice, bob) = alice_and_bob(&world);
    let mut alices = Talk::start(&alice, &[]);
    alices.until("— connected");
    alices.signal("STOP");
    let mut talk = Talk::start(&bob, &[]);
    talk.until("— connected");
    talk.types(&format!("/to {ALICE}"));
    for n in 1..=LINES {
        talk.types(&format!("line {n}."));
    }
    talk.until(&format!("line {LINES}. ✓"));
    talk.ends();
    // All of it comes at once, and faster than it is shown.
    alices.signal("CONT");
    alices.until(&format!("bob: line {LINES}."));
    let mut seen: Vec<usize> = alices
        .seen
        .iter()
        .filter_map(|line| {
            let (_, number) = line.split_once("bob: line ")?;
            number.strip_suffix('.')?.parse().ok()
        })
        .collect();
    seen.sort_unstable();
    let missing: Vec<usize> = (1..=LINES).filter(|n| !seen.contains(n)).collect();
    assert_eq!(missing, [0; 0], "never shown");
    let twice = seen.windows(2).filter(|pair| pair[0] == pair[1]);
    let twice: Vec<usize> = twice.map(|pair| pair[0]).collect();
    assert_eq!(twice, [0; 0], "shown twice");
    alices.ends();
}
