//! ejabberd with its message archive in a PostgreSQL of its own, both from Debian's packages, over TLS.
//!
//! Always holds: before anything is asked of it, PostgreSQL has told in its own words (`SHOW`) how durable a commit is;
//! both run as an unprivileged person. Deliberately absent: the instances that Debian starts, which are not touched; a
//! connection between Erlang nodes.

mod load;
mod postgres;
mod stream;

use crate::flow::{Flow, number_of};
use crate::server::{Ends, PATIENCE, Place, certificate, free_port, lives, tls};
use anyhow::{Context, Result, anyhow};
use futures_util::{StreamExt as _, TryStreamExt as _};
use postgres::Postgres;
use std::collections::BTreeSet;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;
use stream::{Stream, Target};
use tokio::process::{Child, Command};

/// Accounts that are made at once.
const REGISTERING: usize = 8;

/// A running ejabberd and its database.
pub(crate) struct Server {
    child: Child,
    pid: u32,
    postgres: Postgres,
    target: Target,
    pub(crate) version: String,
    pub(crate) settings: String,
}

/// Whom the programs run as: PostgreSQL does not run as root.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Person {
    uid: u32,
    gid: u32,
}

impl Server {
    /// Starts both on what is in the folder.
    pub(crate) async fn start(place: &Place<'_>) -> Result<Self> {
        let installed = installed().context(
            "ejabberd is not installed (Debian packages ejabberd, erlang-p1-pgsql, postgresql): leave it out by --only nats",
        )?;
        let folder = &place.folder;
        let tls = tls(certificate(folder)?)?;
        let person = Person::unprivileged()?;
        std::fs::create_dir_all(folder.join("spool"))?;
        let postgres = Postgres::start(place, person).await?;
        let port = free_port()?;
        std::fs::write(
            folder.join("ejabberd.yml"),
            configuration(folder, port, postgres.port),
        )?;
        if let Some(person) = person {
            for name in ["", "spool", "both.pem", "certificate.pem", "ejabberd.yml"] {
                chown(folder.join(name), Some(person.uid), Some(person.gid))?;
            }
            chown(&place.logs, Some(person.uid), Some(person.gid))?;
        }
        let log = place.logs.join("ejabberd.out");
        let mut child = erlang(&installed, place, person, &log)?;
        let pid = child.id().context("ejabberd is gone")?;
        let target = Target {
            port,
            tls: tls.into(),
        };
        while tokio::net::TcpStream::connect(("127.0.0.1", port))
            .await
            .is_err()
        {
            lives(&mut child, &log)?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let settings = format!(
            "mod_mam, stream management, archive in {}",
            postgres.settings
        );
        Ok(Self {
            child,
            pid,
            postgres,
            target,
            version: installed.version,
            settings,
        })
    }

    pub(crate) fn roots(&self) -> Vec<u32> {
        vec![self.pid, self.postgres.pid]
    }

    pub(crate) fn into_children(self) -> Vec<Child> {
        vec![self.child, self.postgres.child]
    }

    /// Kills ejabberd and lets PostgreSQL end by itself: killed, it would leave shared memory behind.
    pub(crate) async fn stop(mut self) -> Result<()> {
        crate::tree::kill(&[self.pid])?;
        self.child.wait().await?;
        self.postgres.stop().await
    }

    /// Makes the accounts.
    pub(crate) async fn prepare(&self, pairs: usize) -> Result<()> {
        let names = (0..pairs).flat_map(|place| [writer(place), reader(place)]);
        let made = names.map(|name| async move { stream::register(&self.target, &name).await });
        futures_util::stream::iter(made)
            .buffer_unordered(REGISTERING)
            .try_collect::<()>()
            .await
    }

    /// Signs in both ends of a pair.
    pub(crate) async fn open(&self, flow: Rc<Flow>) -> Result<Ends> {
        let mut reads = Stream::sign_in(&self.target, &reader(flow.place)).await?;
        reads.send("<presence/>").await?;
        let writes = Stream::sign_in(&self.target, &writer(flow.place)).await?;
        let to = stream::address(&reader(flow.place));
        Ok(Ends {
            writer: Box::pin(load::write(writes, to, flow.clone())),
            reader: Box::pin(load::read(reads, flow)),
        })
    }

    /// Everything that is in the archive of one of the two at least.
    pub(crate) async fn stored(&self) -> Result<BTreeSet<(usize, u64)>> {
        let bodies = self.postgres.ask("SELECT txt FROM archive").await?;
        let found = bodies.lines().filter_map(|body| number_of(body.as_bytes()));
        Ok(found.collect())
    }
}

fn writer(place: usize) -> String {
    format!("writer{place}")
}

fn reader(place: usize) -> String {
    format!("reader{place}")
}

/// ejabberd as Debian installs it.
struct Installed {
    /// Of the compiled modules.
    modules: PathBuf,
    version: String,
}

fn installed() -> Option<Installed> {
    let libraries = std::fs::read_dir("/usr/lib").ok()?.flatten();
    let found = libraries
        .filter_map(|library| std::fs::read_dir(library.path()).ok())
        .flat_map(|folder| folder.flatten())
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let version = name.strip_prefix("ejabberd-")?.to_owned();
            let modules = entry.path().join("ebin");
            let whole = modules.join("ejabberd_app.beam").is_file();
            whole.then_some(Installed { modules, version })
        });
    let installed = found.max_by(|one, other| one.version.cmp(&other.version))?;
    postgres::programs()?;
    Some(installed)
}

/// The Erlang machine with ejabberd in it, without a name in any network.
fn erlang(
    installed: &Installed,
    place: &Place<'_>,
    person: Option<Person>,
    log: &Path,
) -> Result<Child> {
    let folder = &place.folder;
    let output = std::fs::File::create(log)?;
    let spool = format!("{:?}", folder.join("spool").display().to_string());
    let mut command = Command::new("erl");
    command
        .args(["-noinput", "+P", "250000", "-pa"])
        .arg(&installed.modules)
        .args(["-mnesia", "dir", &spool, "-s", "ejabberd"])
        .current_dir(folder)
        .env("HOME", folder)
        .env("EJABBERD_CONFIG_PATH", folder.join("ejabberd.yml"))
        .env("EJABBERD_LOG_PATH", place.logs.join("ejabberd.log"))
        .env("ERL_CRASH_DUMP_SECONDS", "0")
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        .kill_on_drop(true);
    if let Some(person) = person {
        command.uid(person.uid).gid(person.gid);
    }
    command.spawn().context("starting erl")
}

/// What ejabberd reads.
fn configuration(folder: &Path, port: u16, postgres_port: u16) -> String {
    let path = |name: &str| folder.join(name).display().to_string();
    format!(
        "hosts: [{host:?}]
loglevel: warning
certfiles: [{both:?}]
ca_file: {certificate:?}
listen:
  -
    port: {port}
    ip: \"127.0.0.1\"
    module: ejabberd_c2s
    tls: true
    shaper: none
    access: all
auth_method: [sql]
default_db: sql
sql_type: pgsql
sql_server: \"127.0.0.1\"
sql_port: {postgres_port}
sql_database: {database:?}
sql_username: {user:?}
sql_password: \"\"
registration_timeout: infinity
negotiation_timeout: {patience} seconds
modules:
  mod_mam:
    db_type: sql
    default: always
  mod_stream_mgmt:
    ack_timeout: {patience} seconds
  mod_register:
    ip_access: all
    access: all
",
        host = stream::HOST,
        both = path("both.pem"),
        certificate = path("certificate.pem"),
        database = postgres::DATABASE,
        user = postgres::USER,
        patience = PATIENCE.as_secs(),
    )
}

impl Person {
    /// The one that PostgreSQL's packages make, when this program is root; else nobody else.
    fn unprivileged() -> Result<Option<Self>> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let people = std::fs::read_to_string("/etc/passwd")?;
        let found = people.lines().find_map(|line| Self::of(line, "postgres"));
        let missing = || anyhow!("nobody is called postgres here: is postgresql installed?");
        found.map(Some).ok_or_else(missing)
    }

    /// Of a line of passwd(5).
    fn of(line: &str, name: &str) -> Option<Self> {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Self { uid, gid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_names_what_is_compared() {
        let text = configuration(Path::new("/data"), 5222, 5432);
        for line in [
            "    port: 5222",
            "    tls: true",
            "sql_port: 5432",
            "sql_type: pgsql",
            "certfiles: [\"/data/both.pem\"]",
            "    default: always",
            "  mod_stream_mgmt:",
        ] {
            assert!(text.lines().any(|own| own == line), "{line}\n{text}");
        }
        // Tabs are no white space in YAML.
        assert!(!text.contains('\t'));
    }

    #[test]
    fn people_are_found_by_their_whole_name() {
        let line = "postgres:x:104:111:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash";
        let person = Person::of(line, "postgres").unwrap();
        assert_eq!((person.uid, person.gid), (104, 111));
        assert!(Person::of(line, "post").is_none());
        assert!(Person::of("postgres:x:none", "postgres").is_none());
    }
}
