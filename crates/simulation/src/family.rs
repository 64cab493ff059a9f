//! Worlds of several apps, each with its own server and disk, joined with each other: the hub of a
//! log and its followers both run, and what is between them fails by the dice.
//!
//! Always holds: an app reaches another only over the link, which loses, delays, doubles and breaks
//! as the network of the devices does. Deliberately absent: more than one further app in a story.

use crate::dice::Dice;
use crate::hub::Hub;
use crate::network::{Faults, Network};
use crate::world::{Sim, World};
use anyhow::{Context, Result};
use comity_chat::family::{Crossing, Fate, Switchboard, Way};
use comity_wire::AppId;
use std::time::Duration;

/// The other app's name.
const OTHER: &str = "other.example";

/// The apps besides the first, and the links.
#[derive(Default)]
pub(crate) struct Apps {
    siblings: Vec<Hub>,
    board: Switchboard,
    /// Which app new devices are at: 0 is the first.
    pub(crate) here: usize,
}

impl World {
    /// A world of two apps that are joined. People sign up at the first one until
    /// [`Self::go_to`] says otherwise.
    ///
    /// # Errors
    /// When a server does not start.
    pub fn family(seed: u64, faults: Faults) -> Result<Self> {
        let mut world = Self::new(seed, faults)?;
        world
            .runtime
            .block_on(async { world.sim.add_sibling(OTHER).await })?;
        Ok(world)
    }

    /// Reads the database of each app, the first one's first.
    ///
    /// # Errors
    /// While one does not run, and the reading's own.
    pub fn inspect_apps<T: Send + 'static>(
        &self,
        read: impl Fn(&rusqlite::Connection) -> Result<T, rusqlite::Error> + Copy + Send + 'static,
    ) -> Result<Vec<T>> {
        let mut found = Vec::new();
        for hub in self.sim.hubs() {
            let running = hub.running.as_ref().context("an app is down")?;
            found.push(self.runtime.block_on(running.inspect(read))?);
        }
        Ok(found)
    }

    /// New devices are at this app from now on: 0 is the first.
    pub fn go_to(&mut self, app: usize) {
        self.sim.family.here = app;
    }

    /// The other app's server loses power now and starts again after `pause_ms`.
    pub fn crash_sibling(&mut self, pause_ms: u64) {
        self.runtime.block_on(async {
            if let Some(hub) = self.sim.family.siblings.first() {
                hub.disk.fail();
            }
            self.sim.sibling_crashed(1, pause_ms);
        });
    }

    /// The other app's server loses power at its `calls`th storage call from now.
    pub fn crash_sibling_at(&mut self, calls: u64) {
        if let Some(hub) = self.sim.family.siblings.first() {
            hub.disk.fail_after(calls);
        }
    }

    /// The two apps do not reach each other for `ms`.
    pub fn cut_apps(&mut self, ms: u64) {
        self.runtime.block_on(async {
            self.sim.note(|| format!("the apps are cut off for {ms}"));
            let pair = self.sim.pair();
            if let Some((one, other)) = &pair {
                self.sim.family.board.cut(one, other);
            }
            self.sim.mend_apps_after(ms);
        });
    }
}

/// What becomes of what crosses between apps.
fn fates(seed: u64, network: Network) -> impl FnMut(&Crossing<'_>) -> Fate {
    let mut dice = Dice::named(seed, "links");
    move |crossing| {
        let faults = network.state().faults;
        let (lost, twice) = match crossing.way {
            Way::Push => (faults.lane_cuts, 0),
            Way::Request | Way::Reply => (faults.lost_calls, faults.repeated_calls),
        };
        Fate {
            lost: dice.per_ten_thousand(lost),
            delay: Duration::from_millis(faults.delay_ms(&mut dice)),
            twice: dice.per_ten_thousand(twice),
        }
    }
}

impl Sim {
    pub(crate) fn hubs(&self) -> impl Iterator<Item = &Hub> {
        std::iter::once(&self.hub).chain(&self.family.siblings)
    }

    fn hub_at(&self, app: usize) -> Option<&Hub> {
        self.hubs().nth(app)
    }

    /// How often an app was started.
    pub(crate) fn starts(&self, app: usize) -> u64 {
        self.hub_at(app).map_or(0, |hub| hub.start)
    }

    fn id(&self, app: usize) -> Option<AppId> {
        self.hub_at(app)?.config.app.parse().ok()
    }

    fn pair(&self) -> Option<(AppId, AppId)> {
        Some((self.id(0)?, self.id(1)?))
    }

    async fn add_sibling(&mut self, name: &str) -> Result<()> {
        let fates = fates(self.seed, self.network.clone());
        self.family.board.set_fates(fates);
        self.family.siblings.push(Hub::named(
            name,
            crate::Disk::new(),
            comity_chat::embedded::Files::default(),
        ));
        let app = self.family.siblings.len();
        self.run_sibling(app)?;
        let (one, other) = self.pair().context("two apps")?;
        let board = self.family.board.clone();
        let first = self.hub.running.as_mut().context("the first app runs")?;
        board.attach(first.family_door());
        let second = self.family.siblings.first_mut();
        let second = second.and_then(|hub| hub.running.as_mut());
        let second = second.context("the second app runs")?;
        let keys = (first.app_key(), second.app_key());
        let link = board.link(&one, &other);
        first.join(other.clone(), keys.1, link).await?;
        let link = board.link(&other, &one);
        second.join(one, keys.0, link).await?;
        Ok(())
    }

    fn run_sibling(&mut self, app: usize) -> Result<()> {
        let Some(hub) = self.family.siblings.get_mut(app - 1) else {
            return Ok(());
        };
        if hub.disk.is_down() {
            let name = format!("sibling {app}/{}", hub.start);
            hub.disk.restart(&mut Dice::named(self.seed, &name));
        }
        hub.start()?;
        let door = hub.running.as_ref().map(|running| running.door());
        let starts = hub.start;
        if let Some(door) = door {
            self.network.state().doors.insert(app, (door, starts));
        }
        self.app_started(app);
        Ok(())
    }

    pub(crate) fn start_sibling(&mut self, app: usize) {
        if self.hub_at(app).is_none_or(|hub| hub.running.is_some()) {
            return;
        }
        self.note(|| format!("app {app} starts"));
        if let Err(error) = self.run_sibling(app) {
            self.wrong.push(format!("app {app}: {error:#}"));
        }
    }

    pub(crate) fn look_for_crashes_of_siblings(&mut self) {
        for app in 1..=self.family.siblings.len() {
            let down = self
                .hub_at(app)
                .is_some_and(|hub| hub.running.is_some() && hub.disk.is_down());
            if down {
                let pause = self.dice.between(50, 20_000);
                self.sibling_crashed(app, pause);
            }
        }
    }

    fn sibling_crashed(&mut self, app: usize, pause_ms: u64) {
        self.crashes += 1;
        self.note(|| format!("app {app} crashes"));
        if let Some(hub) = self.family.siblings.get_mut(app - 1) {
            hub.stop();
        }
        self.network.state().doors.remove(&app);
        self.app_stopped(app);
        self.start_sibling_after(app, pause_ms);
    }

    /// An app's server runs: it is attached, and has its links again.
    pub(crate) fn app_started(&mut self, app: usize) {
        let Some(own) = self.id(app) else { return };
        let Some(running) = self.hub_at(app).and_then(|hub| hub.running.as_ref()) else {
            return;
        };
        let board = &self.family.board;
        board.attach(running.family_door());
        for other in (0..=self.family.siblings.len()).filter(|other| *other != app) {
            if let Some(other) = self.id(other) {
                // One that it does not know yet is joined when the world begins.
                let _ = running.relink(&other, board.link(&own, &other));
            }
        }
    }

    /// An app's server is gone.
    pub(crate) fn app_stopped(&mut self, app: usize) {
        if let Some(own) = self.id(app) {
            self.family.board.detach(&own);
        }
        self.lanes_die(app);
    }

    pub(crate) fn mend_apps(&mut self) {
        if let Some((one, other)) = self.pair() {
            self.family.board.mend(&one, &other);
        }
    }

    /// What siblings still have to tell each other, if there is something.
    pub(crate) fn family_restless(&self) -> Option<String> {
        for hub in self.hubs() {
            match &hub.running {
                None => return Some(format!("{} does not run", hub.config.app)),
                Some(running) => {
                    if let Some(what) = running.family_unsettled() {
                        return Some(format!("{} is not settled: {what}", hub.config.app));
                    }
                }
            }
        }
        None
    }
}
