//! The family: other apps that this one is joined with. As a hub, this app lets a sibling's server
//! follow the logs that the sibling's people are in, and takes acts that the sibling vouches for.
//! As a follower, it keeps a copy of a sibling's logs for its own people and relays what they do.
//!
//! Always holds: only the hub numbers a log; a follower's copy has the hub's numbers and no holes.
//! A sibling is told of a log only while its people are in it, and vouches only for devices of its
//! own; the vouch is checked and forgotten. A sibling that is slow or away delays nobody else.
//! Deliberately absent: sockets. A [`Link`] carries bytes; how they cross is its own matter.

pub(crate) mod accounts;
mod copy;
mod door;
mod follow;
pub(crate) mod followers;
mod gone;
mod hand_over;
mod in_process;
mod link;
pub(crate) mod relay;
mod sibling;
pub(crate) mod sql;
mod vouch;

pub use door::Door;
pub use in_process::{Crossing, Fate, Switchboard, Way};
pub use link::{BoxFuture, Link, LinkError, Pushes};
pub(crate) use sibling::Sibling;

use crate::app::App;
use crate::logs::LogName;
use comity_platform::{Failure, secret};
use comity_wire::{AppId, DeviceId, ErrorCode, Id16};
use rusqlite::{Connection, Row};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, RwLock};
use tokio::task::JoinSet;

/// A sibling's number in this server's database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SiblingNo(pub(crate) i64);

impl SiblingNo {
    /// From a column in which 0 is this app.
    pub(crate) fn of_column(number: i64) -> Option<Self> {
        (number != 0).then_some(Self(number))
    }

    /// For a column in which 0 is this app.
    pub(crate) fn column(sibling: Option<Self>) -> i64 {
        sibling.map_or(0, |no| no.0)
    }
}

/// Where a followed log is at home.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Followed {
    pub(crate) sibling: SiblingNo,
    pub(crate) hub: AppId,
    /// Its name there.
    pub(crate) conversation: LogName,
}

impl Followed {
    /// From three columns, from `at` on, that are null for other logs.
    pub(crate) fn of_row(row: &Row<'_>, at: usize) -> Result<Option<Self>, rusqlite::Error> {
        let Some(sibling) = row.get::<_, Option<i64>>(at)? else {
            return Ok(None);
        };
        let hub: String = row.get(at + 1)?;
        let invalid = |error: comity_wire::IdError| {
            rusqlite::Error::FromSqlConversionFailure(
                at + 1,
                rusqlite::types::Type::Text,
                Box::new(error),
            )
        };
        Ok(Some(Self {
            sibling: SiblingNo(sibling),
            hub: hub.parse().map_err(invalid)?,
            conversation: row.get(at + 2)?,
        }))
    }
}

/// The name of a followed log in this server's books: nothing that a hub chooses can be the name
/// of another log here.
fn name_of(hub: &AppId, conversation: &LogName) -> LogName {
    let mut bytes = b"comity followed log".to_vec();
    bytes.extend_from_slice(hub.as_str().as_bytes());
    bytes.extend_from_slice(conversation);
    let mut name = [0; 16];
    for (to, from) in name.iter_mut().zip(secret::hash(&bytes)) {
        *to = from;
    }
    name
}

/// The siblings.
#[derive(Debug, Default)]
pub(crate) struct Family {
    siblings: RwLock<BTreeMap<SiblingNo, Arc<Sibling>>>,
}

impl Family {
    pub(crate) fn load(conn: &Connection) -> Result<Self, rusqlite::Error> {
        let known = sql::siblings(conn)?.into_iter();
        let siblings = known
            .map(|row| (row.no, Arc::new(Sibling::new(row))))
            .collect();
        Ok(Self {
            siblings: RwLock::new(siblings),
        })
    }

    pub(crate) fn all(&self) -> Vec<Arc<Sibling>> {
        self.siblings
            .read()
            .map(|siblings| siblings.values().cloned().collect())
            .unwrap_or_default()
    }

    fn get(&self, no: SiblingNo) -> Result<Arc<Sibling>, Failure> {
        let siblings = self.siblings.read().map_err(Failure::internal)?;
        siblings
            .get(&no)
            .cloned()
            .ok_or_else(|| Failure::internal("a sibling that is not known"))
    }

    pub(crate) fn app(&self, no: SiblingNo) -> Result<AppId, Failure> {
        Ok(self.get(no)?.app.clone())
    }

    /// The sibling of this name.
    pub(crate) fn named(&self, app: &str) -> Option<Arc<Sibling>> {
        let siblings = self.siblings.read().ok()?;
        let mut all = siblings.values();
        all.find(|sibling| sibling.app.as_str() == app).cloned()
    }

    /// The sibling that is this hub; nothing when it is this app, which an empty name means too.
    ///
    /// # Errors
    /// `wrong_app` when it is neither.
    pub(crate) fn hub(&self, own: &AppId, hub: &str) -> Result<Option<Arc<Sibling>>, Failure> {
        if hub.is_empty() || hub == own.as_str() {
            return Ok(None);
        }
        self.named(hub).map(Some).ok_or_else(|| {
            Failure::refused(ErrorCode::WrongApp, "this app is not joined with that one")
        })
    }

    /// What a log that frames name so is called here.
    ///
    /// # Errors
    /// `wrong_app` or `malformed`.
    pub(crate) fn local_name(
        &self,
        own: &AppId,
        hub: &str,
        log: &[u8],
    ) -> Result<LogName, Failure> {
        let log = *Id16::from_slice(log)?.as_bytes();
        Ok(match self.hub(own, hub)? {
            None => log,
            Some(sibling) => name_of(&sibling.app, &log),
        })
    }

    /// A device of this app has read a followed log up to here: its hub is to know.
    pub(crate) fn report(&self, followed: &Followed, device: DeviceId, seq: u64) {
        if let Ok(sibling) = self.get(followed.sibling) {
            sibling.report(followed.conversation, device, seq);
        }
    }

    #[cfg(feature = "simulation")]
    /// What is under way that siblings or this app would still learn: for who waits for rest.
    pub(crate) fn unsettled(&self) -> Option<String> {
        let all = self.all();
        all.iter().find_map(|sibling| {
            let what = sibling.unsettled()?;
            Some(format!("{} {what}", sibling.app))
        })
    }

    #[cfg(feature = "simulation")]
    /// Gives a sibling that is known a new link; false when it is not known.
    pub(crate) fn relink(&self, app: &AppId, link: Arc<dyn Link>) -> bool {
        let sibling = self.named(app.as_str());
        if let Some(sibling) = &sibling {
            sibling.set_link(link);
        }
        sibling.is_some()
    }

    /// Devices of this app are no more: hubs are to take them out.
    pub(crate) fn devices_gone(&self) {
        for sibling in self.all() {
            sibling.over.notify_one();
        }
    }

    /// Something for inboxes of siblings' devices may be in the outbox.
    pub(crate) fn wake_pointers(&self) {
        for sibling in self.all() {
            sibling.handing_over.store(true, Ordering::Relaxed);
            sibling.pointers.notify_one();
        }
    }
}

/// Joins this app with another, or gives a new link to one that it is joined with.
///
/// # Errors
/// `exists` when the app was joined with another key: it was pinned.
pub(crate) async fn join(
    app: &Arc<App>,
    tasks: &mut JoinSet<()>,
    id: AppId,
    key: [u8; 32],
    link: Arc<dyn Link>,
) -> Result<(), Failure> {
    if id == app.id {
        return Err(Failure::refused(ErrorCode::WrongApp, "this is the app"));
    }
    let (pinned, seen_ms) = (id.clone(), app.seen_now_ms());
    let row = app
        .db
        .write(move |conn, _| sql::pin(conn, &pinned, &key, seen_ms))
        .await?;
    let (sibling, new) = {
        let mut siblings = app.family.siblings.write().map_err(Failure::internal)?;
        let new = !siblings.contains_key(&row.no);
        let sibling = siblings
            .entry(row.no)
            .or_insert_with(|| Arc::new(Sibling::new(row)));
        (sibling.clone(), new)
    };
    sibling.set_link(link);
    if new {
        start_one(app, tasks, sibling);
    }
    Ok(())
}

/// Starts what runs for the siblings that are known; it waits for their links.
pub(crate) fn start(app: &Arc<App>, tasks: &mut JoinSet<()>) {
    for sibling in app.family.all() {
        start_one(app, tasks, sibling);
    }
}

fn start_one(app: &Arc<App>, tasks: &mut JoinSet<()>, sibling: Arc<Sibling>) {
    tasks.spawn(follow::run(app.clone(), sibling.clone()));
    tasks.spawn(hand_over::run(app.clone(), sibling.clone()));
    tasks.spawn(gone::run(app.clone(), sibling));
}
