//! The server of a world, in a folder of its own.

use super::process::Running;
use super::{PATIENCE, PROGRAM, Person};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server and the folder that everything of this test is in.
pub struct World {
    folder: tempfile::TempDir,
    server: Option<Child>,
    address: SocketAddr,
    environment: Vec<(String, String)>,
}

/// A loopback address of this process alone: while its server is down, no other test's server comes
/// to stand at its port.
fn own_address() -> Ipv4Addr {
    let [a, b, c, d] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 1 + (a ^ b) % 200, c, d)
}

impl World {
    /// With the limits that tests need: no waiting between two codes.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// With more lines of configuration, sections included (`[limits]` is taken).
    pub fn start_with(more: &str) -> Self {
        Self::start_in(more, &[])
    }

    /// The same, with variables in the server's environment.
    pub fn start_in(more: &str, environment: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("world-").tempdir().unwrap();
        let made = Command::new(PROGRAM)
            .args(["admin", "moderation-key", "--json", "--out"])
            .arg(folder.path().join("moderation.key"))
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let made: serde_json::Value = serde_json::from_slice(&made.stdout).unwrap();
        let text = format!(
            "app = \"test.localhost\"\nname = \"Test\"\nlisten = \"{}:0\"\ndata = {:?}\n\
             development = true\nmoderation_key = {}\n\
             [limits]\ncode_interval_ms = 0\nregistrations_per_address_per_hour = 100000\n{more}",
            own_address(),
            folder.path().join("server"),
            made["moderation_key"],
        );
        std::fs::write(folder.path().join("comity.toml"), text).unwrap();
        let mut world = Self {
            folder,
            server: None,
            address: SocketAddr::from((own_address(), 0)),
            environment: environment
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        };
        world.restart();
        // The port that the system gave is the server's from now on.
        let config = std::fs::read_to_string(world.config()).unwrap();
        let any_port = format!("{}:0", own_address());
        let config = config.replace(&any_port, &world.address.to_string());
        std::fs::write(world.config(), config).unwrap();
        world
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.folder.path().join("comity.toml")
    }

    /// Database and blobs.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("server")
    }

    pub fn moderation_key(&self) -> PathBuf {
        self.folder.path().join("moderation.key")
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    pub fn log(&self) -> Vec<u8> {
        std::fs::read(self.log_file()).unwrap_or_default()
    }

    pub fn pid(&self) -> u32 {
        self.server.as_ref().map(Child::id).unwrap()
    }

    /// Sets a variable of the server's environment, from its next start on.
    pub fn environment(&mut self, name: &str, value: &str) {
        self.environment.retain(|(known, _)| known != name);
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Starts it, again or for the first time.
    pub fn restart(&mut self) {
        self.kill9();
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_file())
            .unwrap();
        let seen = std::fs::metadata(self.log_file()).map_or(0, |about| about.len());
        let child = Command::new(PROGRAM)
            .args(["serve", "--config"])
            .arg(self.config())
            .envs(self.environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(child);
        self.wait_until_up(seen);
    }

    fn wait_until_up(&mut self, seen: u64) {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            let log = self.log();
            let new = log
                .get(usize::try_from(seen).unwrap()..)
                .unwrap_or_default();
            let said = String::from_utf8_lossy(new);
            let listening = said
                .lines()
                .filter(|line| line.ends_with(|c: char| c.is_ascii_digit()))
                .find_map(|line| line.strip_prefix("listening on http://"));
            if let Some(address) = listening {
                self.address = address.parse().unwrap();
                if TcpStream::connect_timeout(&self.address, Duration::from_secs(1)).is_ok() {
                    return;
                }
            }
            let running = self
                .server
                .as_mut()
                .is_some_and(|child| matches!(child.try_wait(), Ok(None)));
            assert!(running, "the server did not start:\n{said}");
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!(
            "the server does not answer:\n{}",
            String::from_utf8_lossy(&self.log())
        );
    }

    /// As a power switch would.
    pub fn kill9(&mut self) {
        if let Some(mut child) = self.server.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Sends the server a signal by name.
    pub fn signal(&self, name: &str) {
        super::signal(self.pid(), name);
    }

    /// Asks it to stop, and waits until it did.
    pub fn stop(&mut self) {
        self.signal("TERM");
        let Some(mut child) = self.server.take() else {
            return;
        };
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = child.try_wait().unwrap() {
                assert!(status.success(), "the server stopped with {status}");
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = child.kill();
        panic!("the server does not stop");
    }

    /// What `comity admin` says.
    pub fn admin(&self, args: &[&str]) -> String {
        let mut command = Command::new(PROGRAM);
        command.arg("admin").args(args).arg("--config");
        let ended = Running::start(command.arg(self.config())).end();
        assert!(ended.status.success(), "admin {args:?}: {}", ended.stderr);
        ended.stdout
    }

    /// The newest code that went to a number.
    pub fn code(&self, number: &str) -> String {
        self.admin(&["codes", "--number", number])
    }

    /// `GET` without a token: status line, headers and body.
    pub fn get(&self, path: &str) -> Vec<u8> {
        self.raw(&format!(
            "GET {path} HTTP/1.1\r\nhost: test.localhost\r\nconnection: close\r\n\r\n"
        ))
    }

    /// These bytes to the server, and what it answers until it closes.
    pub fn raw(&self, request: &str) -> Vec<u8> {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }

    /// The beginning of a request on a connection that stays open.
    pub fn hold(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect_timeout(&self.address, PATIENCE).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        // The server reads it when it comes to it; nothing tells when.
        std::thread::sleep(Duration::from_millis(200));
        stream
    }

    /// A device's store that is empty yet.
    pub fn device(&self, name: &str) -> Person {
        Person::new(self, name)
    }

    /// Someone who signs up.
    pub fn person(&self, name: &str, number: &str) -> Person {
        let person = self.device(name);
        person.register(number, &["--name", name]);
        person
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.kill9();
    }
}
