//! Processes with a deadline, whose output is gathered while they run.

use super::PATIENCE;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::Instant;

/// A child process; killed when dropped.
pub struct Running {
    child: Child,
    told: String,
    lines: mpsc::Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

/// How a process ended.
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Running {
    pub fn start(command: &mut Command) -> Self {
        let told = format!("{command:?}");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{told}: {error}"));
        let (to, lines) = mpsc::channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines() {
                let Ok(line) = line else { break };
                if to.send(line).is_err() {
                    break;
                }
            }
        });
        let mut complaints = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut all = Vec::new();
            let _ = complaints.read_to_end(&mut all);
            String::from_utf8_lossy(&all).into_owned()
        });
        Self {
            child,
            told,
            lines,
            stderr: Some(stderr),
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The next line of its output; `None` at its end.
    pub fn line(&mut self) -> Option<String> {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => Some(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => None,
            Err(mpsc::RecvTimeoutError::Timeout) => {
                let _ = self.child.kill();
                panic!("{}: said nothing for {PATIENCE:?}", self.told)
            }
        }
    }

    /// A line that is there already.
    pub fn line_now(&mut self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// The next line that `pick` takes, as JSON.
    pub fn until(&mut self, pick: impl Fn(&Value) -> bool) -> Value {
        let end = Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        while Instant::now() < end {
            let Some(line) = self.line() else { break };
            match serde_json::from_str::<Value>(&line) {
                Ok(value) if pick(&value) => return value,
                _ => seen.push(line),
            }
        }
        let _ = self.child.kill();
        let complaints = self.stderr();
        panic!(
            "{}: what was waited for did not come; seen:\n{}\n{complaints}",
            self.told,
            seen.join("\n"),
        )
    }

    /// As a power switch would.
    pub fn kill9(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        super::signal(self.pid(), name);
    }

    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let stdout: Vec<String> = std::iter::from_fn(|| self.line()).collect();
        let end = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > end {
                let _ = self.child.kill();
                panic!("{}: does not end", self.told);
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        };
        Ended {
            status,
            stdout: stdout.join("\n"),
            stderr: self.stderr(),
        }
    }

    fn stderr(&mut self) -> String {
        self.stderr
            .take()
            .and_then(|gathering| gathering.join().ok())
            .unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
