//! A person's device on the layer: its programs are started, killed, and what they leave on the
//! disk is as the fault says.

use super::{Fault, Hub, Said};
use crate::support::Person;
use comity_faults::{Dice, Layer, Names};
use serde_json::Value;
use std::fs::File;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// How long a call to the disk is waited for before the kill comes anyway.
const CALL_PATIENCE: Duration = Duration::from_secs(3);

/// A device.
pub struct Device {
    person: Person,
    number: String,
    pub layer: Layer,
    fault: Fault,
    dice: Mutex<Dice>,
    /// The program that runs now; not reaped while this is held.
    running: Mutex<Option<u32>>,
    deaths: AtomicU64,
    quit: AtomicBool,
    complaints: PathBuf,
}

/// What a program left.
pub struct Left {
    pub status: ExitStatus,
    pub stdout: String,
}

impl Device {
    /// Signs up someone new, on the layer from the first byte.
    pub fn sign_up(hub: &Hub, fault: Fault, seed: u64, name: &str, number: &str) -> Self {
        let person = hub.world().device(name);
        let log = hub.world().folder().join("layers").join(name);
        let device = Self {
            layer: Layer::new(person.store(), &log).unwrap(),
            number: number.to_owned(),
            fault,
            dice: Mutex::new(Dice::new(seed ^ number.bytes().map(u64::from).sum::<u64>())),
            running: Mutex::new(None),
            deaths: AtomicU64::new(0),
            quit: AtomicBool::new(false),
            complaints: log.join("stderr"),
            person,
        };
        let code = device.person.code_command();
        let left = device.run(&["register", number, "--name", name, "--code-command", &code]);
        assert!(
            left.status.success(),
            "{name}: {}{}",
            left.stdout,
            device.complaints()
        );
        device
    }

    pub fn name(&self) -> &str {
        self.person.name()
    }

    pub fn number(&self) -> &str {
        &self.number
    }

    pub fn complaints(&self) -> String {
        std::fs::read_to_string(&self.complaints).unwrap_or_default()
    }

    pub fn throw(&self) -> u64 {
        self.dice.lock().unwrap().throw()
    }

    /// Asks whoever drives this device to end.
    pub fn quit(&self) {
        self.quit.store(true, Ordering::SeqCst);
    }

    pub fn is_quitting(&self) -> bool {
        self.quit.load(Ordering::SeqCst)
    }

    pub fn is_running(&self) -> bool {
        self.running().is_some()
    }

    fn running(&self) -> MutexGuard<'_, Option<u32>> {
        self.running.lock().unwrap()
    }

    fn command(&self, act: &[&str]) -> Command {
        let mut command = self.person.command();
        let stderr = File::options()
            .create(true)
            .append(true)
            .open(&self.complaints)
            .unwrap();
        command.args(act).stdout(Stdio::piped()).stderr(stderr);
        self.layer.around(&mut command);
        command
    }

    /// Starts a program.
    pub fn start(&self, act: &[&str], stdin: Stdio) -> Child {
        let mut running = self.running();
        let child = self.command(act).stdin(stdin).spawn().unwrap();
        *running = Some(child.id());
        child
    }

    /// Waits for a program's end, and does to its disk what its death did.
    pub fn reap(&self, mut child: Child) -> ExitStatus {
        let status = loop {
            let mut running = self.running();
            if let Some(status) = child.try_wait().unwrap() {
                *running = None;
                break status;
            }
            drop(running);
            std::thread::sleep(Duration::from_millis(3));
        };
        if status.signal().is_some() {
            match self.fault {
                Fault::Kill => self.layer.forget().unwrap(),
                Fault::PowerLoss => {
                    let lost = self.layer.power_loss(self.throw(), Names::Strict).unwrap();
                    eprintln!("  {}: {lost:?}", self.name());
                }
            }
            self.deaths.fetch_add(1, Ordering::SeqCst);
        }
        status
    }

    /// Runs a program to its end or death.
    pub fn run(&self, act: &[&str]) -> Left {
        let act = [act, &["--json"]].concat();
        let mut child = self.start(&act, Stdio::null());
        let mut stdout = String::new();
        let pipe = child.stdout.take();
        let _ = std::io::Read::read_to_string(&mut pipe.unwrap(), &mut stdout);
        Left {
            status: self.reap(child),
            stdout,
        }
    }

    /// Kills what runs now, if something does.
    pub fn kill(&self) -> bool {
        let running = self.running();
        running.is_some_and(|pid| {
            let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok()
        })
    }

    /// Kills at a call to the disk, or at once, and waits until its driver has seen it.
    pub fn strike(&self, at_call: Option<u64>) {
        let before = self.deaths.load(Ordering::SeqCst);
        let started = Instant::now();
        self.layer.kill_in(at_call).unwrap();
        while self.deaths.load(Ordering::SeqCst) == before {
            if at_call.is_none() || started.elapsed() > CALL_PATIENCE {
                self.kill();
            }
            std::thread::sleep(Duration::from_millis(5));
            assert!(
                started.elapsed() < crate::support::PATIENCE,
                "{} lives on",
                self.name()
            );
        }
    }

    /// An act that works, with nobody killed.
    #[track_caller]
    pub fn act(&self, act: &[&str]) -> Vec<Value> {
        self.person.act(act)
    }

    /// What was said in a conversation, oldest first.
    #[track_caller]
    pub fn history(&self, with: &str) -> Vec<Said> {
        let lines = self.act(&["history", with, "--limit", "1000000"]);
        let text = |line: &Value, field: &str| line[field].as_str().unwrap_or_default().to_owned();
        for line in &lines {
            let kind = text(line, "kind");
            assert!(
                kind == "text" || kind == "notice",
                "{}: {line}",
                self.name()
            );
        }
        lines
            .iter()
            .filter(|line| line["kind"] == "text")
            .map(|line| Said {
                outgoing: line["outgoing"] == true,
                message: text(line, "message"),
                text: text(line, "text"),
                status: text(line, "status"),
            })
            .collect()
    }
}
