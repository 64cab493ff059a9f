//! A person at a terminal: what they see, and that they get the terminal back.

use super::support::{PATIENCE, Person, World};
use super::{BOB, alice_and_bob};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A terminal and what runs on it.
struct Terminal {
    ours: File,
    theirs: File,
    shown: mpsc::Receiver<Vec<u8>>,
    seen: String,
    child: Child,
}

impl Terminal {
    fn start(who: &Person, act: &[&str], columns: u16) -> Self {
        Self::run(who.command().args(act), columns)
    }

    /// As in a session of its own, whose terminal it is: secrets are asked for there.
    fn own(who: &Person, act: &[&str]) -> Self {
        let command = who.command();
        let mut own = Command::new("setsid");
        own.arg("--ctty").arg(command.get_program());
        own.args(command.get_args()).args(act);
        let set = command.get_envs();
        own.envs(set.filter_map(|(name, value)| Some((name, value?))));
        Self::run(&mut own, 200)
    }

    fn run(command: &mut Command, columns: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name.to_str().unwrap())
            .unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&theirs, size).unwrap();
        let stdio = || Stdio::from(theirs.try_clone().unwrap());
        let child = command
            .env("TERM", "xterm")
            .stdin(stdio())
            .stdout(stdio())
            .stderr(stdio())
            .spawn()
            .unwrap();
        let ours = File::from(ours);
        let mut reader = ours.try_clone().unwrap();
        let (to, shown) = mpsc::channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4_096];
            while let Ok(bytes) = reader.read(&mut buffer) {
                if to.send(buffer[..bytes].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            ours,
            theirs,
            shown,
            seen: String::new(),
            child,
        }
    }

    fn until(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.seen.contains(text) {
            let left = end.saturating_duration_since(Instant::now());
            match self.shown.recv_timeout(left) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("no “{text}” in:\n{}", self.seen),
            }
        }
    }

    fn types(&mut self, line: &str) {
        self.ours.write_all(format!("{line}\r").as_bytes()).unwrap();
    }

    /// Until what is typed is not shown.
    fn hides(&self) {
        let end = Instant::now() + PATIENCE;
        let is_shown = || {
            let modes = tcgetattr(&self.theirs).unwrap().local_modes;
            modes.contains(LocalModes::ECHO)
        };
        while is_shown() {
            assert!(Instant::now() < end, "what is typed is shown");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// As a shell wants it: lines are gathered, echoed, and Ctrl-C interrupts.
    fn is_usable(&self) -> bool {
        let wanted = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        tcgetattr(&self.theirs)
            .unwrap()
            .local_modes
            .contains(wanted)
    }

    fn ends(&mut self) {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "it does not end:\n{}", self.seen);
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

#[test]
fn the_terminal_is_given_back_however_talk_ends() {
    let world = World::start();
    let alice = world.person("alice", super::ALICE);
    let mut terminal = Terminal::start(&alice, &[], 80);
    terminal.until("/help shows");
    terminal.until("> ");
    terminal.types("/quit");
    terminal.ends();
    assert!(terminal.is_usable(), "after /quit:\n{}", terminal.seen);

    let mut terminal = Terminal::start(&alice, &[], 80);
    terminal.until("> ");
    assert!(!terminal.is_usable(), "a line is being edited");
    let pid = terminal.child.id();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    terminal.ends();
    assert!(terminal.is_usable(), "after a signal:\n{}", terminal.seen);

    let mut terminal = Terminal::start(&world.device("nobody"), &[], 80);
    terminal.ends();
    terminal.until("nobody is signed up");
    assert!(terminal.is_usable(), "where nobody is signed up");
}

#[test]
fn talk_on_a_screen() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    bob.say(
        super::ALICE,
        "One two three four five six seven eight nine ten",
    );
    let mut terminal = Terminal::start(&alice, &[], 40);
    terminal.until("> ");
    terminal.types(&format!("/to {BOB}"));
    terminal.until("nine ten");
    terminal.until("bob> ");
    // Wider than 40 columns: broken, between words.
    assert!(
        !terminal
            .seen
            .contains("One two three four five six seven eight nine ten")
    );
    for word in ["three", "four", "five", "six", "seven"] {
        assert!(terminal.seen.contains(word), "{word}: {}", terminal.seen);
    }
    terminal.types("Hello from here");
    terminal.until("me: Hello from here ✓");
    terminal.types("/search nowhere");
    terminal.until("nothing found");
    terminal.types("/quit");
    terminal.ends();
}

#[test]
fn what_could_not_be_kept_is_given_back() {
    let world = World::start();
    let (alice, _bob) = alice_and_bob(&world);
    alice.act(&["group-create", "Choir", BOB]);
    alice.act(&["group-leave", "Choir"]);
    let mut terminal = Terminal::start(&alice, &[], 80);
    terminal.until("> ");
    terminal.types("/to Choir");
    terminal.until("Choir> ");
    // Why is said, and the line stands at the prompt again: what is typed next is its end.
    terminal.types("La la la");
    terminal.types("!!");
    terminal.until("Choir> La la la!!");
    terminal.types("\u{15}/quit");
    terminal.ends();
    assert!(terminal.is_usable());
}

#[test]
fn lines_are_typed_while_others_arrive() {
    let world = World::start();
    let (alice, _bob) = alice_and_bob(&world);
    let mut terminal = Terminal::start(&alice, &[], 80);
    terminal.until("> ");
    terminal.types(&format!("/to {BOB}"));
    terminal.until("bob> ");
    // A paste: each line goes out, and is shown, while the next is being typed.
    for n in 1..=60 {
        terminal.types(&format!("line {n}."));
    }
    for n in 1..=60 {
        terminal.until(&format!("me: line {n}. ✓"));
    }
    terminal.types("/quit");
    terminal.ends();
}

#[test]
fn who_has_lost_everything_is_asked_for_the_words_where_the_number_was_proved() {
    let world = World::start();
    let alice = world.person("alice", super::ALICE);
    let phrase = alice.one(&["recovery-phrase"])["phrase"].clone();
    let phrase = phrase.as_str().unwrap();
    let phone = world.device("phone");
    let code = phone.code_command();
    let register = ["register", super::ALICE, "--code-command", &code];
    std::fs::create_dir_all(phone.store().parent().unwrap()).unwrap();
    let mut terminal = Terminal::own(&phone, &register);
    terminal.until("This number has an account.");
    terminal.until("The twelve words: ");
    terminal.hides();
    terminal.types("these are none");
    terminal.until("once more");
    terminal.hides();
    terminal.types(phrase);
    terminal.until("Signed up: ");
    // How one begins to talk is said; the words are not asked for again.
    terminal.until("To talk: ");
    terminal.ends();
    assert!(
        !terminal.seen.contains("recovery-phrase"),
        "{}",
        terminal.seen
    );
    assert!(!terminal.seen.contains(phrase), "they are not shown");
    let own = alice.one(&["account"])["address"].clone();
    assert_eq!(phone.one(&["account"])["address"], own);
    // Nothing typed leaves the account as it is, and says what else there is.
    let mut terminal = Terminal::own(&world.device("other"), &register);
    terminal.until("The twelve words: ");
    terminal.types("");
    terminal.until("--take-over to begin a new account");
    terminal.ends();
}

#[test]
fn a_paste_of_several_lines_is_taken_away_when_it_is_shown_as_said() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let mut terminal = Terminal::start(&alice, &[], 80);
    terminal.until("> ");
    terminal.types(&format!("/to {BOB}"));
    terminal.until("bob> ");
    terminal.types("\x1b[200~first\nsecond\nthird\x1b[201~");
    terminal.until("me: first");
    assert!(
        terminal.seen.contains("\x1b[3A\r\x1b[J"),
        "{:?}",
        terminal.seen
    );
    terminal.types("/quit");
    terminal.ends();
    assert!(
        bob.history(super::ALICE)
            .ends_with("< first\nsecond\nthird\n")
    );
}

#[test]
fn who_takes_another_name_is_called_so_while_one_types() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let mut terminal = Terminal::start(&alice, &[], 80);
    terminal.until("> ");
    terminal.types(&format!("/to {BOB}"));
    terminal.until("bob> ");
    terminal.seen.clear();
    bob.act(&["profile", "--name", "Jo"]);
    terminal.until("— bob is called Jo now");
    terminal.until(" Jo> ");
    terminal.seen.clear();
    // The columns that it began with are kept until the next line.
    bob.act(&["profile", "--name", "Robert"]);
    terminal.until("— Jo is called Robert now");
    terminal.until("Ro…> ");
    terminal.types("Hello");
    terminal.until("Robert> ");
    terminal.types("/quit");
    terminal.ends();
}
