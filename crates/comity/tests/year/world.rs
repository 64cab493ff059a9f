//! A server and people's devices as real processes that share one faked date.
//!
//! Always holds: the date is that of the file `clock` for every process, running ones included;
//! no act outlives its deadline; nothing is tried twice. Deliberately absent: what happens when.

use serde_json::Value;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The program under test.
pub(crate) const COMITY: &str = env!("CARGO_BIN_EXE_comity");
/// Of every device's store.
const PASSPHRASE: &str = "a year in a story";
/// Longest that one act may take.
const ACT_MAX: Duration = Duration::from_secs(90);
const HOUR: u64 = 3_600;
/// Hours in a day.
pub(crate) const DAY: u64 = 24 * HOUR;

/// Everything that runs.
pub(crate) struct World {
    folder: tempfile::TempDir,
    library: PathBuf,
    address: SocketAddr,
    server: Option<Child>,
    /// Seconds since the story began.
    now_s: u64,
}

/// A process that is killed when the story is over.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl World {
    /// A fresh server on day 0.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let mut world = Self {
            library: faketime(),
            folder,
            address,
            server: None,
            now_s: 0,
        };
        world.set_clock(0);
        let key = Command::new(COMITY)
            .args(["admin", "moderation-key", "--json", "--out"])
            .arg(world.path("moderation.key"))
            .output()
            .unwrap();
        let key: Value = serde_json::from_slice(&key.stdout).unwrap();
        let config = format!(
            "app = \"year.localhost\"\nname = \"Year\"\ndata = {:?}\ndevelopment = true\n\
             moderation_key = {}\nlisten = \"{address}\"\n\
             [retention]\nsweep_interval_ms = 200\ncursor_flush_ms = 200\n\
             [limits]\ncode_interval_ms = 0\n",
            world.path("server"),
            key["moderation_key"],
        );
        std::fs::write(world.path("comity.toml"), config).unwrap();
        world.start_server();
        world
    }

    /// A path in the story's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The app's address.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Milliseconds since the Unix epoch, as the story has it.
    pub(crate) fn now_ms(&self) -> i64 {
        let real = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap();
        i64::try_from((real + Duration::from_secs(self.now_s)).as_millis()).unwrap()
    }

    fn set_clock(&mut self, now_s: u64) {
        self.now_s = now_s;
        let fresh = self.path("clock.new");
        std::fs::write(&fresh, format!("+{now_s}s")).unwrap();
        std::fs::rename(fresh, self.path("clock")).unwrap();
    }

    /// The server is stopped, time goes by, the server is started.
    pub(crate) fn travel(&mut self, day: u64, hour: u64) {
        self.stop_server();
        self.set_clock(day * DAY + hour * HOUR);
        self.start_server();
    }

    /// Time goes by for processes that keep running.
    pub(crate) fn pass_hours(&mut self, hours: u64) {
        self.set_clock(self.now_s + hours * HOUR);
        // Processes look at the clock file once a second.
        std::thread::sleep(Duration::from_millis(1_500));
    }

    /// As [`World::pass_hours`], while acts of other threads are under way.
    pub(crate) fn set_hours_later(&self, hours: u64) {
        let later = self.now_s + hours * HOUR;
        let fresh = self.path("clock.new");
        std::fs::write(&fresh, format!("+{later}s")).unwrap();
        std::fs::rename(fresh, self.path("clock")).unwrap();
        std::thread::sleep(Duration::from_millis(1_500));
    }

    fn fake(&self, command: &mut Command) {
        command
            .env("LD_PRELOAD", &self.library)
            .env("FAKETIME_TIMESTAMP_FILE", self.path("clock"))
            // Looked at once a second: it counts whole seconds, and looks only where more than so many passed.
            .env("FAKETIME_CACHE_DURATION", "0")
            // Timers run in real time: only the date is another.
            .env("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            .env("DONT_FAKE_MONOTONIC", "1")
            .env("NO_FAKE_STAT", "1")
            .env("COMITY_PASSPHRASE", PASSPHRASE)
            .stdin(Stdio::null());
    }

    fn start_server(&mut self) {
        let log = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path("server.log"))
            .unwrap();
        let mut command = Command::new(COMITY);
        command
            .args(["serve", "--config"])
            .arg(self.path("comity.toml"));
        self.fake(&mut command);
        let child = command
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(child);
        let end = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect_timeout(&self.address, Duration::from_millis(200)).is_err() {
            let log = || std::fs::read_to_string(self.path("server.log")).unwrap_or_default();
            assert!(
                Instant::now() < end,
                "the server does not answer:\n{}",
                log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn stop_server(&mut self) {
        let Some(mut server) = self.server.take() else {
            return;
        };
        let pid = rustix::process::Pid::from_child(&server);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        wait_for(&mut server, "the server to stop");
    }

    fn chat(&self, device: &str, act: &[&str]) -> Command {
        let mut command = Command::new(COMITY);
        command
            .args(["chat", "--server", &self.url(), "--store"])
            .arg(self.path(device))
            .args(["--json", "--timeout", "40"])
            .args(act);
        self.fake(&mut command);
        command
    }

    /// An act of a device: its lines, or what it complained of.
    pub(crate) fn try_act(&self, device: &str, act: &[&str]) -> Result<Vec<Value>, String> {
        let (out, err) = (
            self.path(&format!("{device}.out")),
            self.path(&format!("{device}.err")),
        );
        let begun = Instant::now();
        let mut child = self
            .chat(device, act)
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap())
            .spawn()
            .unwrap();
        let ok = wait_for(&mut child, &format!("{device}: {act:?}"));
        let (out, err) = (
            std::fs::read_to_string(out).unwrap(),
            std::fs::read_to_string(err).unwrap(),
        );
        if std::env::var_os("COMITY_YEAR_TRACE").is_some() {
            eprintln!("{:>7.2?} {device} {act:?}", begun.elapsed());
        }
        if !ok {
            return Err(format!("{device}: {act:?}: {err}{out}"));
        }
        Ok(out
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect())
    }

    /// An act that must succeed.
    pub(crate) fn act(&self, device: &str, act: &[&str]) -> Vec<Value> {
        match self.try_act(device, act) {
            Ok(lines) => lines,
            Err(error) => {
                let day = self.now_s / DAY;
                let log = std::fs::read_to_string(self.path("server.log")).unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(8).collect();
                panic!("day {day}: {error}\nthe server's newest lines: {tail:#?}");
            }
        }
    }

    /// An act that goes on until it is dropped.
    pub(crate) fn running(&self, device: &str, act: &[&str]) -> Running {
        let log = File::create(self.path(&format!("{device}.watch"))).unwrap();
        let child = self
            .chat(device, act)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Running(child)
    }

    /// What a running act has told so far.
    pub(crate) fn told(&self, device: &str) -> String {
        std::fs::read_to_string(self.path(&format!("{device}.watch"))).unwrap_or_default()
    }

    /// Command that prints the newest code to `$NUMBER`.
    pub(crate) fn code_command(&self) -> String {
        format!(
            "'{COMITY}' admin codes --config '{}' --number \"$NUMBER\"",
            self.path("comity.toml").display()
        )
    }

    /// Signs up.
    pub(crate) fn register(&self, device: &str, number: &str, name: &str) {
        let code = self.code_command();
        self.act(
            device,
            &["register", number, "--name", name, "--code-command", &code],
        );
    }

    /// Lets `device` in from `owner`; waits until its history is there.
    pub(crate) fn link(&self, owner: &str, device: &str) {
        let mut linking = self
            .chat(device, &["link", "--name", device])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(linking.stdout.take().unwrap()).lines();
        let shown: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        self.act(owner, &["approve", shown["code"].as_str().unwrap()]);
        for line in lines {
            line.unwrap();
        }
        assert!(wait_for(&mut linking, "the new device to be linked"));
    }

    /// The store of a device that is not running.
    pub(crate) fn store(&self, device: &str) -> rusqlite::Connection {
        crate::store::open(&self.path(device), PASSPHRASE)
    }

    /// Asks the server's database, read-only, for one number.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        let path = self.path("server").join("comity.sqlite");
        let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY;
        let conn = rusqlite::Connection::open_with_flags(path, flags).unwrap();
        conn.busy_timeout(Duration::from_secs(5)).unwrap();
        conn.query_row(sql, [], |row| row.get(0)).unwrap()
    }

    /// Waits until a number of the server's database is `wanted`: sweeps take a moment.
    pub(crate) fn await_count(&self, sql: &str, wanted: i64) {
        let end = Instant::now() + Duration::from_secs(15);
        loop {
            let found = self.count(sql);
            if found == wanted {
                return;
            }
            assert!(Instant::now() < end, "{sql}: {found} instead of {wanted}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(server) = &mut self.server {
            let _ = server.kill();
            let _ = server.wait();
        }
        if std::thread::panicking()
            && let Some(kept) = std::env::var_os("COMITY_YEAR_KEEP")
        {
            let _ = Command::new("cp")
                .arg("-r")
                .arg(self.folder.path())
                .arg(kept)
                .status();
        }
    }
}

/// Waits for the end of a process; true when it ended well.
fn wait_for(child: &mut Child, what: &str) -> bool {
    let end = Instant::now() + ACT_MAX;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.success();
        }
        if Instant::now() > end {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{what}: nothing came of it in {ACT_MAX:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Debian's library that gives processes another date.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap();
    folders
        .filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|path| Path::new(path).exists())
        .expect("the package faketime is missing: `cargo xtask setup` installs it")
}
