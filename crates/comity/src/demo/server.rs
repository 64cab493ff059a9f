//! The demo's server: `comity serve` as a process of its own, so that it can be killed.

use anyhow::{Context, Result, bail};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running server.
pub(crate) struct Server {
    child: Child,
    config: PathBuf,
    log: PathBuf,
    address: SocketAddr,
    url: String,
}

impl Server {
    /// Makes a configuration in `folder` and starts the server with it.
    pub(crate) fn start(folder: &Path, port: u16) -> Result<Self> {
        // Port 0: the system chooses one that stays the same when the server comes again.
        let address = TcpListener::bind(("127.0.0.1", port))
            .with_context(|| format!("port {port} is taken: give another one with --port"))?
            .local_addr()?;
        let program = std::env::current_exe()?;
        let config = folder.join("comity.toml");
        if !config.exists() {
            let key_file = folder.join("moderation.key");
            let output = Command::new(&program)
                .args(["admin", "moderation-key", "--json", "--out"])
                .arg(&key_file)
                .output()?;
            if !output.status.success() {
                bail!(
                    "making the moderation key: {}",
                    String::from_utf8_lossy(&output.stderr)
                );
            }
            let answer: serde_json::Value = serde_json::from_slice(&output.stdout)?;
            let public = answer
                .pointer("/moderation_key")
                .and_then(serde_json::Value::as_str)
                .context("no moderation key")?;
            let mut file = std::fs::File::create(&config)?;
            writeln!(file, "app = \"demo.localhost\"")?;
            writeln!(file, "name = \"Comity Demo\"")?;
            writeln!(
                file,
                "data = {:?}",
                folder.join("server").display().to_string()
            )?;
            writeln!(file, "development = true")?;
            writeln!(file, "moderation_key = \"{public}\"")?;
            writeln!(file, "listen = \"{address}\"")?;
            writeln!(file, "[limits]\ncode_interval_ms = 0")?;
        } else {
            let text = std::fs::read_to_string(&config)?;
            let listen = format!("listen = \"{address}\"");
            let lines: Vec<&str> = text
                .lines()
                .map(|line| {
                    if line.starts_with("listen") {
                        listen.as_str()
                    } else {
                        line
                    }
                })
                .collect();
            std::fs::write(&config, lines.join("\n") + "\n")?;
        }
        let log = folder.join("server.log");
        let child = spawn(&config, &log)?;
        let mut server = Self {
            child,
            config,
            log,
            address,
            url: format!("http://{address}"),
        };
        server.wait_until_up()?;
        Ok(server)
    }

    /// Its address.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Kills it as a power switch would, and starts it again.
    pub(crate) fn kill_and_restart(&mut self) -> Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        self.child = spawn(&self.config, &self.log)?;
        self.wait_until_up()
    }

    /// Still running.
    pub(crate) fn is_up(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    fn wait_until_up(&mut self) -> Result<()> {
        let end = Instant::now() + Duration::from_secs(20);
        while Instant::now() < end {
            if TcpStream::connect_timeout(&self.address, Duration::from_millis(200)).is_ok() {
                return Ok(());
            }
            if !self.is_up()? {
                bail!("the server did not start: see {}", self.log.display());
            }
            std::thread::sleep(Duration::from_millis(30));
        }
        bail!("the server does not answer: see {}", self.log.display())
    }

    /// Asks it to stop, gracefully.
    pub(crate) fn stop(mut self) -> Result<()> {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(config: &Path, log: &Path) -> Result<Child> {
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(log)?;
    Ok(Command::new(std::env::current_exe()?)
        .args(["serve", "--config"])
        .arg(config)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()?)
}
