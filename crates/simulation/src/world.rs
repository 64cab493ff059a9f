//! A world: the hub, the devices, the time, and the one loop that everything happens in.
//!
//! Always holds: what happens next is the earliest of what is due; two worlds with one seed that
//! are told the same do the same. Deliberately absent: judging (a story or an oracle does that).

mod sim;
mod words;

use crate::clock;
use crate::device::Device;
use crate::dice::Dice;
use crate::family::Apps;
use crate::hub::Hub;
use crate::lane::{Arrival, Lane};
use crate::malice::{Ask, Malice};
use crate::network::{Faults, Network, Way};
use crate::transfers::{self, Download, Upload};
use anyhow::{Context, Result, bail};
use bytes::Bytes;
use comity_chat::embedded::Files;
use comity_client::{
    CallError, Command, Core, Effect, Event, Input, Method, Output, Source, Target,
};
use comity_wire::http::ErrorBody;
use comity_wire::proto::{ClientBatch, ClientFrame, ServerBatch, ServerFrame, reply, server_frame};
use comity_wire::{ErrorCode, WireError};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A device of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Who(pub(crate) usize);

/// A whole world. Its methods take virtual time, not real.
pub struct World {
    // First, so that tasks end before what they use.
    pub(crate) runtime: Runtime,
    pub(crate) sim: Sim,
}

/// Where a world stood: everybody's disks.
pub struct Standing {
    elapsed_ms: u64,
    hub: crate::Disk,
    files: Files,
    devices: Vec<(String, crate::Disk)>,
}

impl Standing {
    /// The same, so long afterwards: hub and devices were switched off meanwhile.
    #[must_use]
    pub fn later(mut self, ms: u64) -> Self {
        self.elapsed_ms += ms;
        self
    }
}

/// Something that is due.
enum Due {
    Give {
        who: usize,
        start: u64,
        input: Input,
    },
    Wake {
        who: usize,
        at_ms: u64,
    },
    Connect {
        who: usize,
        start: u64,
    },
    Connected {
        who: usize,
        start: u64,
    },
    Up {
        lane: u64,
        who: usize,
        batch: ClientBatch,
    },
    Down {
        lane: u64,
        who: usize,
        batch: ServerBatch,
    },
    Closed {
        lane: u64,
        who: usize,
    },
    StartDevice {
        who: usize,
    },
    StartHub,
    StartSibling {
        app: usize,
    },
    MendApps,
    Heal {
        who: usize,
    },
}

/// A task's word.
enum Told {
    Input {
        who: usize,
        start: u64,
        input: Input,
    },
    Saved {
        who: usize,
        start: u64,
        path: String,
        bytes: Vec<u8>,
        input: Input,
    },
}

/// Everything but the runtime.
pub(crate) struct Sim {
    pub(crate) seed: u64,
    pub(crate) dice: Dice,
    pub(crate) hub: Hub,
    /// Other apps, and what connects all.
    pub(crate) family: Apps,
    pub(crate) devices: Vec<Device>,
    pub(crate) network: Network,
    due: BTreeMap<(u64, u64), Due>,
    order: u64,
    lanes: u64,
    lane_of: BTreeMap<u64, usize>,
    /// Ends that the hub has not noticed yet to be dead.
    lingering: Vec<(u64, Lane)>,
    arrivals: (UnboundedSender<Arrival>, UnboundedReceiver<Arrival>),
    told: (UnboundedSender<Told>, UnboundedReceiver<Told>),
    /// What must not happen and did.
    pub(crate) wrong: Vec<String>,
    trace: Sha256,
    /// Lines of what happened, when asked for.
    pub(crate) lines: Option<Vec<String>>,
    pub(crate) crashes: u64,
    /// What the devices were given, in all.
    pub(crate) steps: u64,
}

impl World {
    /// A world of good days, for stories.
    ///
    /// # Errors
    /// When the runtime or the hub does not start.
    pub fn calm(seed: u64) -> Result<Self> {
        Self::new(seed, Faults::CALM)
    }

    /// A world with these faults.
    ///
    /// # Errors
    /// When the runtime or the hub does not start.
    pub fn new(seed: u64, faults: Faults) -> Result<Self> {
        clock::chance_begins(seed);
        let hub = Hub::new(crate::Disk::new(), Files::default());
        Self::on(seed, faults, hub, 0)
    }

    /// A world that goes on from where another stood, by a seed of its own.
    ///
    /// # Errors
    /// When the runtime, the hub or a device does not start.
    pub fn going_on(seed: u64, faults: Faults, from: &Standing) -> Result<Self> {
        clock::chance_begins(seed);
        let hub = Hub::new(from.hub.copy(), from.files.copy());
        let mut world = Self::on(seed, faults, hub, from.elapsed_ms)?;
        for (name, disk) in &from.devices {
            let disk = disk.copy();
            world
                .runtime
                .block_on(async { world.sim.device(name, disk) })?;
        }
        Ok(world)
    }

    /// Where the world stands, for others to go on from. It should be at rest.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let devices = self.sim.devices.iter();
        Standing {
            elapsed_ms: self.runtime.block_on(async { clock::since_noon_ms() }),
            hub: self.sim.hub.disk.copy(),
            files: self.sim.hub.files.copy(),
            devices: devices
                .map(|device| (device.name.clone(), device.disk.copy()))
                .collect(),
        }
    }

    fn on(seed: u64, faults: Faults, hub: Hub, later_ms: u64) -> Result<Self> {
        crate::single::keep_to_this_thread();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()?;
        let sim = runtime.block_on(async {
            clock::begin(seed, later_ms);
            let mut sim = Sim {
                seed,
                dice: Dice::named(seed, "world"),
                hub,
                family: Apps::default(),
                devices: Vec::new(),
                network: Network::new(seed, faults),
                due: BTreeMap::new(),
                order: 0,
                lanes: 0,
                lane_of: BTreeMap::new(),
                lingering: Vec::new(),
                arrivals: unbounded_channel(),
                told: unbounded_channel(),
                wrong: Vec::new(),
                trace: Sha256::new(),
                lines: None,
                crashes: 0,
                steps: 0,
            };
            sim.start_hub()?;
            anyhow::Ok(sim)
        })?;
        Ok(Self { runtime, sim })
    }

    /// Keeps a line of everything that happens from now on.
    pub fn keep_lines(&mut self) {
        self.sim.lines = Some(Vec::new());
    }

    /// What happened, since [`Self::keep_lines`].
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.sim.lines.as_deref().unwrap_or_default()
    }

    /// A digest of everything that happened: the same for the same seed.
    #[must_use]
    pub fn trace(&self) -> [u8; 32] {
        self.sim.trace.clone().finalize().into()
    }

    /// Steps that failed though nobody's power was gone.
    #[must_use]
    pub fn wrong(&self) -> &[String] {
        &self.sim.wrong
    }

    /// From now on this stands between the hub and the devices.
    pub fn set_malice(&mut self, malice: impl Malice + 'static) {
        self.sim.network.state().malice = Box::new(malice);
    }

    /// Sets how much goes wrong from now on.
    pub fn set_faults(&mut self, faults: Faults) {
        self.sim.network.state().faults = faults;
    }

    /// A frame that the hub never sent; lost when the device is not connected.
    pub fn inject(&mut self, who: Who, frame: ServerFrame) {
        self.runtime
            .block_on(async { self.sim.deliver(who.0, vec![frame]) });
    }

    /// Virtual milliseconds since the world began.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        self.runtime.block_on(async { clock::elapsed_ms() })
    }

    /// Lets time pass.
    pub fn run_for(&mut self, ms: u64) {
        self.runtime.block_on(self.sim.run_for(ms));
    }

    /// Runs until `done`, for at most `ms`; true when it came about.
    pub fn run_until(&mut self, ms: u64, mut done: impl FnMut(&Self) -> bool) -> bool {
        let mut left = ms;
        loop {
            if done(self) {
                return true;
            }
            if left == 0 {
                return false;
            }
            let step = left.min(100);
            self.run_for(step);
            left -= step;
        }
    }

    /// Runs until nothing is under way on any device that runs, and for a moment longer, so that
    /// ticks are told.
    ///
    /// # Errors
    /// When it does not come to rest in an hour.
    pub fn settle(&mut self) -> Result<()> {
        self.settle_within(60)
    }

    /// The same, in at most so many minutes.
    ///
    /// # Errors
    /// When it does not come to rest by then.
    pub fn settle_within(&mut self, minutes: u32) -> Result<()> {
        let mut quiet = 0;
        for _ in 0..minutes * 120 {
            self.run_for(500);
            let rest = self.sim.at_rest()?;
            quiet = if rest { quiet + 1 } else { 0 };
            // Cursors are told every 200 ms; the hub's own work wakes every few seconds.
            if quiet >= 4 {
                return Ok(());
            }
        }
        bail!("no rest in {minutes} minutes: {}", self.sim.unrest())
    }

    /// What the devices were given in all: events, answers, frames, ticks.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.sim.steps
    }

    /// A new device, not signed up.
    ///
    /// # Errors
    /// When its store can not be opened.
    pub fn device(&mut self, name: &str) -> Result<Who> {
        let disk = crate::device::new_disk()?;
        self.runtime.block_on(async { self.sim.device(name, disk) })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self, who: Who) -> &str {
        self.sim
            .devices
            .get(who.0)
            .map_or("", |device| &device.name)
    }

    /// All devices.
    #[must_use]
    pub fn everyone(&self) -> Vec<Who> {
        (0..self.sim.devices.len()).map(Who).collect()
    }

    /// Gives a person's act to the core; what it told at once.
    ///
    /// # Errors
    /// When the core refuses it, or the device has crashed.
    pub fn act(&mut self, who: Who, command: Command) -> Result<Vec<Event>> {
        self.runtime
            .block_on(async { self.sim.act(who.0, command) })
    }

    /// The device's clock shows so many milliseconds more than the time, or less, from now on.
    pub fn set_clock(&mut self, who: Who, ahead_ms: i64) {
        if let Some(device) = self.sim.devices.get_mut(who.0) {
            device.skew_ms = ahead_ms;
        }
    }

    /// The core, for its views.
    ///
    /// # Errors
    /// While the device has crashed, or when its store was erased.
    pub fn core(&self, who: Who) -> Result<&Core> {
        self.sim.core(who.0)
    }

    /// What a device has told so far, in order.
    #[must_use]
    pub fn events(&self, who: Who) -> &[Event] {
        let device = self.sim.devices.get(who.0);
        device.map_or(&[], |device| &device.events)
    }

    /// The app's account erased itself from this device.
    #[must_use]
    pub fn is_erased(&self, who: Who) -> bool {
        self.sim
            .devices
            .get(who.0)
            .is_some_and(|device| device.erased)
    }

    /// Puts a file where the device's shell finds it.
    pub fn put_file(&mut self, who: Who, path: &str, bytes: &[u8]) {
        if let Some(device) = self.sim.devices.get_mut(who.0) {
            device.files.insert(path.to_owned(), bytes.to_vec());
        }
    }

    /// A file that the device has.
    #[must_use]
    pub fn file(&self, who: Who, path: &str) -> Option<&[u8]> {
        let device = self.sim.devices.get(who.0)?;
        device.files.get(path).map(Vec::as_slice)
    }

    /// The device loses power now and starts again after `pause_ms`.
    pub fn crash(&mut self, who: Who, pause_ms: u64) {
        self.runtime.block_on(async {
            if let Some(device) = self.sim.devices.get(who.0) {
                device.disk.fail();
            }
            self.sim.device_crashed(who.0, pause_ms);
        });
    }

    /// What the device's disk holds, for a copy of it.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn snapshot(&self, who: Who) -> Result<crate::Disk> {
        let device = self.sim.devices.get(who.0).context("no such device")?;
        Ok(device.disk.copy())
    }

    /// The device goes on from a copy of its disk.
    ///
    /// # Errors
    /// When there is no such device.
    pub fn restore(&mut self, who: Who, disk: &crate::Disk) -> Result<()> {
        let device = self.sim.devices.get_mut(who.0).context("no such device")?;
        device.core = None;
        device.disk = disk.copy();
        self.runtime
            .block_on(async { self.sim.device_crashed(who.0, 1) });
        Ok(())
    }

    /// Its person changes the device's store by another program, as who wants to say what this one
    /// would not: the device stops for that and starts again.
    ///
    /// # Errors
    /// When the change fails, or there is no such device.
    pub fn alter(
        &mut self,
        who: Who,
        change: impl FnOnce(&rusqlite::Connection) -> Result<()>,
    ) -> Result<()> {
        let device = self.sim.devices.get_mut(who.0).context("no such device")?;
        device.core = None;
        change(&device.disk.database("store.db")?)?;
        self.runtime
            .block_on(async { self.sim.device_crashed(who.0, 1) });
        Ok(())
    }

    /// The device loses power at its `calls`th storage call from now.
    pub fn crash_at(&mut self, who: Who, calls: u64) {
        if let Some(device) = self.sim.devices.get(who.0) {
            device.disk.fail_after(calls);
        }
    }

    /// The hub loses power now and starts again after `pause_ms`.
    pub fn crash_hub(&mut self, pause_ms: u64) {
        self.runtime.block_on(async {
            self.sim.hub.disk.fail();
            self.sim.hub_crashed(pause_ms);
        });
    }

    /// The hub loses power at its `calls`th storage call from now.
    pub fn crash_hub_at(&mut self, calls: u64) {
        self.sim.hub.disk.fail_after(calls);
    }

    /// Power losses that were ordered and have not come do not come.
    pub fn power_stays_on(&mut self) {
        for hub in self.sim.hubs() {
            hub.disk.stays_on();
        }
        for device in &self.sim.devices {
            device.disk.stays_on();
        }
    }

    /// Power losses so far.
    #[must_use]
    pub fn crashes(&self) -> u64 {
        self.sim.crashes
    }

    /// The device reaches nothing for `ms`.
    pub fn cut_off(&mut self, who: Who, ms: u64) {
        self.runtime.block_on(async { self.sim.cut_off(who.0, ms) });
    }

    /// What is on the hub's disk now, for rolling it back later.
    #[must_use]
    pub fn hub_snapshot(&self) -> crate::Disk {
        self.sim.hub.disk.copy()
    }

    /// The hub stops and goes on from this disk: rolled back, or tampered with.
    ///
    /// # Errors
    /// When it does not start from it.
    pub fn hub_restore(&mut self, disk: &crate::Disk) -> Result<()> {
        self.runtime.block_on(async {
            self.sim.hub_stops();
            self.sim.hub.disk = disk.copy();
            self.sim.start_hub()
        })
    }

    /// Reads the hub's database.
    ///
    /// # Errors
    /// While the hub does not run, and the reading's own.
    pub fn inspect_hub<T: Send + 'static>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T> {
        let running = self.sim.hub.running.as_ref().context("the hub is down")?;
        Ok(self.runtime.block_on(running.inspect(read))?)
    }

    /// Changes the hub's database behind its back; it then starts anew on the same disk.
    ///
    /// # Errors
    /// While the hub does not run, and the change's own.
    pub fn tamper_hub<T: Send + 'static>(
        &mut self,
        change: impl FnOnce(&rusqlite::Connection) -> Result<T, rusqlite::Error> + Send + 'static,
    ) -> Result<T> {
        let running = self.sim.hub.running.as_ref().context("the hub is down")?;
        let changed = self.runtime.block_on(running.tamper(change))?;
        let disk = self.hub_snapshot();
        self.hub_restore(&disk)?;
        Ok(changed)
    }

    /// Processor time that the core's steps took since this was asked last.
    pub fn take_pace(&mut self, who: Who) -> crate::Pace {
        let device = self.sim.devices.get_mut(who.0);
        device.map_or_else(crate::Pace::default, |device| {
            std::mem::take(&mut device.pace)
        })
    }

    /// Changes a device's store behind its back; it then starts anew on the same disk.
    ///
    /// # Errors
    /// The change's own, and when the device does not start.
    pub fn tamper_store(
        &mut self,
        who: Who,
        change: impl FnOnce(&rusqlite::Connection) -> Result<(), rusqlite::Error>,
    ) -> Result<()> {
        self.crash(who, 1_000);
        let device = self.sim.devices.get_mut(who.0).context("no such device")?;
        device.disk.restart(&mut device.dice);
        change(&device.disk.database("store.db")?)?;
        device.disk.fail();
        Ok(())
    }

    /// The code that was sent to a number.
    pub fn code(&mut self, number: &str) -> Option<String> {
        self.runtime.block_on(async {
            for hub in self.sim.hubs() {
                if let Some(running) = &hub.running
                    && let Some(code) = running.code(number).await
                {
                    return Some(code);
                }
            }
            None
        })
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _inside = self.runtime.enter();
        clock::end();
    }
}
