//! A server of its own for one scenario, and who comes to it.

use super::device::Device;
use crate::engine::Engine;
use crate::line::{Line, PATIENCE};
use crate::person::{Person, random_bytes};
use crate::prepare::all;
use crate::server::{Server, Start};
use anyhow::{Context, Result, ensure};
use comity_client::{Command, Event, Whom};
use comity_wire::ConversationId;
use comity_wire::limits::ADDITIONS_MAX;
use comity_wire::proto::ConversationKind;
use rusqlite::Connection;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Sign-ups that are under way at once.
const AT_ONCE: usize = 48;
/// The first numbers are those of real devices.
const DEVICES_MAX: usize = 16;
/// How long one device is waited for while another may have something to do.
const TURN: Duration = Duration::from_millis(20);

/// The server and where stores are kept.
pub(super) struct House {
    folder: TempDir,
    server: Server,
}

/// The file of a device's store, encrypted as the terminal client has it.
pub(super) struct StoreFile {
    path: PathBuf,
    key: [u8; 32],
}

impl StoreFile {
    /// Unlocks it, making it first if need be.
    pub(super) fn open(&self) -> Result<Connection> {
        let conn = Connection::open(&self.path)?;
        let key = data_encoding::HEXLOWER.encode(&self.key);
        conn.execute_batch(&format!("PRAGMA key = \"x'{key}'\";"))?;
        Ok(conn)
    }

    /// Bytes of its files.
    pub(super) fn bytes(&self) -> Result<u64> {
        let log = self.path.with_extension("db-wal");
        let waiting = std::fs::metadata(log).map_or(0, |facts| facts.len());
        Ok(std::fs::metadata(&self.path)?.len() + waiting)
    }
}

impl House {
    /// A fresh server beside what `start` has.
    pub(super) async fn open(start: &Start) -> Result<Self> {
        let folder = tempfile::tempdir_in(&start.folder)?;
        let start = Start {
            folder: folder.path().to_owned(),
            through: None,
            ..start.clone()
        };
        let server = start.server().await?;
        Ok(Self { folder, server })
    }

    /// Stops it.
    pub(super) async fn close(self) -> Result<()> {
        self.server.stop().await?;
        Ok(())
    }

    /// A place for a store.
    pub(super) fn store(&self, name: &str) -> StoreFile {
        StoreFile {
            path: self.folder.path().join(format!("{name}.db")),
            key: random_bytes(),
        }
    }

    /// Where the app is for a browser.
    pub(super) fn url(&self) -> String {
        self.server.target.url("")
    }

    /// Somebody who signed up, on this store.
    pub(super) async fn device(&self, conn: Connection, place: usize) -> Result<Device> {
        let name = if place == 0 { "Ana" } else { "Ben" };
        self.person(conn, name, place).await
    }

    /// The same under a name.
    pub(super) async fn person(
        &self,
        conn: Connection,
        name: &str,
        place: usize,
    ) -> Result<Device> {
        ensure!(place < DEVICES_MAX, "so many devices have no numbers");
        let mut device = Device::new(conn, &self.server.target, &self.server.http)?;
        device.sign_up(name, place).await?;
        Ok(device)
    }

    /// People whom nobody runs.
    pub(super) async fn bystanders(&self, count: usize) -> Result<Vec<Person>> {
        let work = (0..count).map(|place| {
            let (target, http) = (self.server.target.clone(), self.server.http.clone());
            async move { Person::sign_up(&target, &http, DEVICES_MAX + place).await }
        });
        all(work, AT_ONCE).await
    }

    /// A conversation of so many devices in which these two are; of two it is their own, a larger one a group that
    /// another one made.
    pub(super) async fn conversation(
        &self,
        devices: usize,
        bystanders: &[Person],
        first: &mut Device,
        second: &mut Device,
    ) -> Result<ConversationId> {
        if devices <= 2 {
            return befriend(first, second).await;
        }
        ensure!(
            (devices - 1) % ADDITIONS_MAX != 1,
            "the two would come in with two commits: take another size"
        );
        let others = bystanders.get(..devices - 2).context("too few people")?;
        let (maker, leaves) = others.split_first().context("nobody to make it")?;
        let target = &self.server.target;
        let mut packages = Vec::with_capacity(devices - 1);
        for leaf in leaves {
            let package = Engine::new(leaf, target)?.session().key_package(false)?;
            packages.push(package);
        }
        // The two come in with the last commit: there is none for them to read.
        packages.push(first.key_package()?);
        packages.push(second.key_package()?);
        let mut maker = Engine::new(maker, target)?;
        let (mut line, _) = Line::open(target, &maker.keys).await?;
        let with = (self.server.app_key.as_slice(), packages);
        let (conversation, _) = maker
            .open(&mut line, ConversationKind::Group, None, with)
            .await?;
        line.close().await;
        both_come_in(first, second, &conversation).await?;
        Ok(conversation)
    }
}

/// The first writes to the second, who accepts: both are then in one conversation.
pub(super) async fn befriend(first: &mut Device, second: &mut Device) -> Result<ConversationId> {
    let number = second.core().account()?.context("no account")?.number;
    let country = None;
    first.act(Command::Lookup { number, country }).await?;
    let found = first.until(|event| match event {
        Event::Found { contact } => Some(contact.address.clone()),
        _ => None,
    });
    let address = found.await?;
    first.say(Whom::Person(address), "Hello".to_owned()).await?;
    first.settle().await?;
    let asked = second.until(|event| match event {
        Event::Request { request } => Some(request.address.clone()),
        _ => None,
    });
    let address = asked.await?;
    second.act(Command::Accept(address)).await?;
    let end = Instant::now() + PATIENCE;
    loop {
        second.go_on(TURN).await?;
        let peer = first.address()?;
        let views = second.core().conversations()?;
        let made = views
            .iter()
            .find(|view| view.peer.as_ref() == Some(&peer) && view.state == "active");
        if let Some(view) = made
            && let Some(id) = second.core().conversation_id(view.conversation)?
        {
            both_come_in(first, second, &id).await?;
            return Ok(id);
        }
        ensure!(Instant::now() < end, "a request was not accepted");
    }
}

async fn both_come_in(
    first: &mut Device,
    second: &mut Device,
    conversation: &ConversationId,
) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while first.local(conversation)?.is_none() || second.local(conversation)?.is_none() {
        first.go_on(TURN).await?;
        second.go_on(TURN).await?;
        ensure!(Instant::now() < end, "a device did not come in");
    }
    first.settle().await?;
    second.settle().await
}
