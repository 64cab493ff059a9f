//! The demo's people: each act is a process of `comity chat --json`.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The sample people's stores are for looking at: their passphrase is no secret.
pub(crate) const PASSPHRASE: &str = "comity demo";

/// A text in an answer; empty when there is none.
pub(crate) fn field<'v>(answer: &'v Value, pointer: &str) -> &'v str {
    answer
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// All of them.
pub(crate) struct People {
    folder: PathBuf,
    url: String,
}

impl People {
    /// Stores in `folder`, the app at `url`.
    pub(crate) fn new(folder: &Path, url: String) -> Result<Self> {
        std::fs::create_dir_all(folder.join("people"))?;
        Ok(Self {
            folder: folder.to_owned(),
            url,
        })
    }

    /// Someone's store.
    pub(crate) fn store(&self, who: &str) -> PathBuf {
        self.folder.join("people").join(who)
    }

    /// The demo's folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    fn command(&self, who: &str) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg("chat")
            .arg("--server")
            .arg(&self.url)
            .arg("--store")
            .arg(self.store(who))
            .env("COMITY_PASSPHRASE", PASSPHRASE)
            .stdin(Stdio::null());
        Ok(command)
    }

    /// An act; its lines of JSON.
    pub(crate) fn act(&self, who: &str, act: &[&str]) -> Result<Vec<Value>> {
        let output = self.command(who)?.args(act).arg("--json").output()?;
        if !output.status.success() {
            bail!(
                "{who}: comity chat {}: {}",
                act.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("{who}: {line}")))
            .collect()
    }

    /// An act as a person sees it.
    pub(crate) fn screen(&self, who: &str, act: &[&str]) -> Result<String> {
        let output = self.command(who)?.args(act).output()?;
        if !output.status.success() {
            bail!(
                "{who}: comity chat {}: {}",
                act.join(" "),
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Signs someone up; the code comes from the demo's development page.
    pub(crate) fn register(&self, who: &str, number: &str, name: &str) -> Result<()> {
        let code = format!(
            "'{}' admin codes --config '{}' --number \"$NUMBER\"",
            std::env::current_exe()?.display(),
            self.folder.join("comity.toml").display()
        );
        self.act(
            who,
            &["register", number, "--name", name, "--code-command", &code],
        )?;
        Ok(())
    }

    /// Links a second device of `owner`; the code goes from screen to screen.
    pub(crate) fn link(&self, owner: &str, device: &str, name: &str) -> Result<()> {
        let mut linking = self
            .command(device)?
            .args(["link", "--name", name, "--json"])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(linking.stdout.take().context("no output")?).lines();
        let first = lines.next().context("the new device showed no code")??;
        let shown: Value = serde_json::from_str(&first)?;
        let code = shown
            .pointer("/code")
            .and_then(Value::as_str)
            .context("the new device showed no code")?;
        self.act(owner, &["approve", code])?;
        for line in lines {
            line?;
        }
        let status = linking.wait()?;
        if !status.success() {
            bail!("linking did not end well");
        }
        Ok(())
    }

    /// Someone who stays online, accepts requests and reads what comes.
    pub(crate) fn bot(&self, who: &str) -> Result<Child> {
        Ok(self
            .command(who)?
            .args(["watch", "--accept", "--read", "--json"])
            .stdout(Stdio::piped())
            .spawn()?)
    }
}
