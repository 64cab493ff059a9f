//! A PostgreSQL cluster of its own, in a temporary folder.
//!
//! Always holds: it listens on loopback alone; what it says of `fsync`, `synchronous_commit` and `full_page_writes` is
//! what was asked for. Deliberately absent: tuning; everything else is as `initdb` leaves it.

use super::Person;
use crate::server::{PATIENCE, Place, Sync, free_port, lives};
use anyhow::{Context, Result, bail, ensure};
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

pub(super) const DATABASE: &str = "archive";
pub(super) const USER: &str = "postgres";
/// The tables, as ejabberd's package ships them.
const TABLES: &str = "/usr/share/ejabberd/sql/pg.sql";
/// What makes a commit durable.
const SETTINGS: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

/// A running PostgreSQL.
pub(super) struct Postgres {
    pub(super) child: Child,
    pub(super) pid: u32,
    pub(super) port: u16,
    pub(super) settings: String,
}

impl Postgres {
    /// Starts the one of this folder; makes it first when it is not there.
    pub(super) async fn start(place: &Place<'_>, person: Option<Person>) -> Result<Self> {
        let sync = place.sync;
        let programs = programs().context("PostgreSQL is not installed")?;
        let data = place.folder.join("postgres");
        if !data.exists() {
            std::fs::create_dir(&data)?;
            if let Some(person) = person {
                chown(&data, Some(person.uid), Some(person.gid))?;
            }
            initialise(&programs, &data, person).await?;
        }
        let port = free_port()?;
        let log = place.logs.join("postgres.log");
        let output = std::fs::File::create(&log)?;
        let mut command = unprivileged(&programs.join("postgres"), &data, person);
        command.arg("-D").arg(&data).args(arguments(port, sync));
        command.stdout(output.try_clone()?).stderr(output);
        let mut child = command.spawn().context("starting postgres")?;
        let pid = child.id().context("postgres is gone")?;
        while ask(&programs, port, "template1", "SELECT 1").await.is_err() {
            lives(&mut child, &log)?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let there = "SELECT count(*) FROM pg_database WHERE datname = 'archive'";
        if ask(&programs, port, "template1", there).await?.trim() == "0" {
            ask(&programs, port, "template1", "CREATE DATABASE archive").await?;
            let mut tables = client(&programs, port, DATABASE);
            finished(tables.args(["--quiet", "--file", TABLES])).await?;
        }
        let mut told = Vec::new();
        for name in SETTINGS {
            let value = ask(&programs, port, DATABASE, &format!("SHOW {name}")).await?;
            told.push((name, value.trim().to_owned()));
        }
        hold(&told, sync)?;
        let version = ask(&programs, port, DATABASE, "SHOW server_version").await?;
        let version = version.split_whitespace().next().unwrap_or_default();
        Ok(Self {
            child,
            pid,
            port,
            settings: format!("PostgreSQL {version} with {} (SHOW)", words(&told)),
        })
    }

    /// Its fast shutdown.
    pub(super) async fn stop(mut self) -> Result<()> {
        crate::tree::signal(self.pid, rustix::process::Signal::INT)?;
        tokio::time::timeout(PATIENCE, self.child.wait()).await??;
        Ok(())
    }

    /// What a query gives, one row a line.
    pub(super) async fn ask(&self, query: &str) -> Result<String> {
        let programs = programs().context("PostgreSQL is not installed")?;
        ask(&programs, self.port, DATABASE, query).await
    }
}

/// The folder with `initdb`, `postgres` and `psql` of the newest version that is installed.
pub(super) fn programs() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?.flatten();
    let found = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        let folder = entry.path().join("bin");
        let whole = ["initdb", "postgres", "psql"]
            .iter()
            .all(|name| folder.join(name).is_file());
        whole.then_some((version, folder))
    });
    found.max().map(|(_, folder)| folder)
}

async fn initialise(programs: &Path, data: &Path, person: Option<Person>) -> Result<()> {
    let mut command = unprivileged(&programs.join("initdb"), data, person);
    command.arg("--pgdata").arg(data).args([
        "--auth=trust",
        "--username",
        USER,
        "--encoding=UTF8",
        "--locale=C.UTF-8",
    ]);
    finished(command.stdout(Stdio::null())).await
}

/// Settings on the command line go before those of the file.
fn arguments(port: u16, sync: Sync) -> Vec<String> {
    let on = match sync {
        Sync::Always => "on",
        Sync::Off => "off",
    };
    let port = format!("port={port}");
    let durable = SETTINGS.iter().map(|name| format!("{name}={on}"));
    let settings = [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        &port,
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(durable);
    settings.flat_map(|one| ["-c".to_owned(), one]).collect()
}

/// Holds what PostgreSQL says about itself against what was asked for.
fn hold(told: &[(&str, String)], sync: Sync) -> Result<()> {
    let asked = match sync {
        Sync::Always => "on",
        Sync::Off => "off",
    };
    let other = told.iter().find(|(_, value)| value != asked);
    ensure!(
        other.is_none() && told.len() == SETTINGS.len(),
        "PostgreSQL is set otherwise than it was told: {}",
        words(told)
    );
    Ok(())
}

fn words(told: &[(&str, String)]) -> String {
    let words = told.iter().map(|(name, value)| format!("{name} = {value}"));
    words.collect::<Vec<_>>().join(", ")
}

fn unprivileged(program: &Path, data: &Path, person: Option<Person>) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(data)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    if let Some(person) = person {
        command.uid(person.uid).gid(person.gid);
    }
    command
}

fn client(programs: &Path, port: u16, database: &str) -> Command {
    let mut command = Command::new(programs.join("psql"));
    command
        .args(["--no-psqlrc", "--tuples-only", "--no-align"])
        .args(["--set", "ON_ERROR_STOP=1", "--host", "127.0.0.1"])
        .args(["--port", &port.to_string(), "--username", USER])
        .args(["--dbname", database])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}

async fn ask(programs: &Path, port: u16, database: &str, query: &str) -> Result<String> {
    let mut command = client(programs, port, database);
    let output = command.args(["--command", query]).output().await?;
    if !output.status.success() {
        bail!("{query}: {}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(String::from_utf8(output.stdout)?)
}

async fn finished(command: &mut Command) -> Result<()> {
    let output = command.stderr(Stdio::piped()).spawn()?;
    let output = output.wait_with_output().await?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_is_durable_unless_it_is_the_control() {
        let always = arguments(5433, Sync::Always).join(" ");
        for setting in [
            "-c port=5433",
            "-c fsync=on",
            "-c synchronous_commit=on",
            "-c full_page_writes=on",
            "-c listen_addresses=127.0.0.1",
        ] {
            assert!(always.contains(setting), "{always}");
        }
        let off = arguments(5433, Sync::Off).join(" ");
        assert!(off.contains("fsync=off") && !off.contains("=on"), "{off}");
    }

    fn told(values: [&str; 3]) -> Vec<(&'static str, String)> {
        let values = values.map(str::to_owned);
        SETTINGS.into_iter().zip(values).collect()
    }

    #[test]
    fn a_database_that_is_less_durable_than_it_was_told_is_not_measured() {
        assert!(hold(&told(["on", "on", "on"]), Sync::Always).is_ok());
        assert!(hold(&told(["on", "off", "on"]), Sync::Always).is_err());
        assert!(hold(&told(["off", "on", "on"]), Sync::Always).is_err());
        // Only locally on the way to the disk.
        assert!(hold(&told(["on", "local", "on"]), Sync::Always).is_err());
        assert!(hold(&[], Sync::Always).is_err());
        assert!(hold(&told(["off", "off", "off"]), Sync::Off).is_ok());
        assert!(hold(&told(["on", "off", "off"]), Sync::Off).is_err());
    }
}
