//! A server and people's devices as processes of one program, in one folder, on one date.

use super::packed::PASSPHRASE;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Everything that runs.
pub struct House {
    program: PathBuf,
    folder: PathBuf,
    address: SocketAddr,
    /// Library and offset in seconds that give processes another date.
    date: Option<(PathBuf, i64)>,
    /// How long an act waits, in seconds.
    pub timeout_s: u32,
    server: Option<Child>,
}

impl House {
    /// On what `folder` holds, with the clocks `offset_s` away from the real ones.
    pub fn new(program: &Path, folder: &Path, date: Option<(PathBuf, i64)>) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
        Self {
            program: program.to_owned(),
            folder: folder.to_owned(),
            address: address.unwrap(),
            date,
            timeout_s: 40,
            server: None,
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some((library, offset_s)) = &self.date {
            command
                .env("LD_PRELOAD", library)
                .env("FAKETIME", format!("{offset_s:+}s"))
                // Timers run in real time: only the date is another.
                .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
                .env("DONT_FAKE_MONOTONIC", "1")
                .env("NO_FAKE_STAT", "1");
        }
        command.env("COMITY_PASSPHRASE", PASSPHRASE);
        command.stdin(Stdio::null());
        command
    }

    /// Starts the server.
    pub fn open(&mut self) {
        let config = self.folder.join("comity.toml");
        let text = format!(
            "app = \"state.localhost\"\nname = \"State\"\ndata = {:?}\ndevelopment = true\n\
             listen = \"{}\"\n[retention]\nsweep_interval_ms = 200\ncursor_flush_ms = 200\n\
             [limits]\ncode_interval_ms = 0\n",
            self.folder.join("server"),
            self.address,
        );
        std::fs::write(&config, text).unwrap();
        let log = std::fs::File::create(self.folder.join("server.log")).unwrap();
        let mut command = self.command();
        command.args(["serve", "--config"]).arg(&config);
        command.stdout(log.try_clone().unwrap()).stderr(log);
        self.server = Some(command.spawn().unwrap());
        let end = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect_timeout(&self.address, Duration::from_millis(200)).is_err() {
            let log = std::fs::read_to_string(self.folder.join("server.log")).unwrap();
            assert!(Instant::now() < end, "the server does not answer:\n{log}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server, which writes everything down.
    pub fn close(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let pid = rustix::process::Pid::from_child(&server);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        server.wait().unwrap();
    }

    fn chat(&self, device: &str, act: &[&str]) -> Command {
        let mut command = self.command();
        let url = format!("http://{}", self.address);
        command
            .args(["chat", "--server", &url, "--store"])
            .arg(self.folder.join(device))
            .args(["--json", "--timeout", &self.timeout_s.to_string()])
            .args(act);
        command
    }

    /// An act of a device that may fail: its lines, or what it complained of.
    pub fn try_act(&self, device: &str, act: &[&str]) -> Result<Vec<Value>, String> {
        let ended = self.chat(device, act).output().unwrap();
        let out = String::from_utf8(ended.stdout).unwrap();
        if !ended.status.success() {
            let complaint = String::from_utf8_lossy(&ended.stderr);
            return Err(format!("{device}: {act:?}: {complaint}{out}"));
        }
        let parse = |line: &str| serde_json::from_str(line).unwrap();
        Ok(out.lines().map(parse).collect())
    }

    /// An act that works.
    pub fn act(&self, device: &str, act: &[&str]) -> Vec<Value> {
        self.try_act(device, act).unwrap()
    }

    /// Signs up.
    pub fn register(&self, device: &str, number: &str, name: &str) {
        let code = format!(
            "'{}' admin codes --config '{}' --number \"$NUMBER\"",
            self.program.display(),
            self.folder.join("comity.toml").display()
        );
        let act = ["register", number, "--name", name, "--code-command", &code];
        self.act(device, &act);
    }

    /// Lets `device` in from `owner`; waits until its history is there.
    pub fn link(&self, owner: &str, device: &str) {
        let mut linking = self
            .chat(device, &["link", "--name", device])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(linking.stdout.take().unwrap()).lines();
        let shown: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        self.act(owner, &["approve", shown["code"].as_str().unwrap()]);
        lines.for_each(drop);
        assert!(linking.wait().unwrap().success());
    }

    /// A conversation as a device shows it, a line an item.
    pub fn history(&self, device: &str, with: &str) -> String {
        let items = self.act(device, &["history", with, "--limit", "1000"]);
        items.iter().map(line).collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

pub fn line(item: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut line = match (item["kind"].as_str(), item["outgoing"].as_bool()) {
        (Some("notice"), _) => format!("* {}", text(&item["text"])),
        (Some("unreadable"), _) => format!("! {}", text(&item["failure"])),
        (_, Some(true)) => format!("> {}", text(&item["text"])),
        _ => format!("< {}", text(&item["text"])),
    };
    if item["deleted"] == true {
        line.push_str("(deleted)");
    }
    if item["edited"] == true {
        line.push_str(" (edited)");
    }
    if let Some(quote) = item.get("quote") {
        line.push_str(&format!(" «{}»", text(&quote["preview"])));
    }
    for reaction in item["reactions"].as_array().into_iter().flatten() {
        line.push_str(&format!(" {}", text(&reaction["emoji"])));
    }
    if item["status"] == "queued" {
        line.push_str(" …");
    }
    line.push('\n');
    line
}
