//! A world: the hub, the devices, the time, and the one loop that everything happens in.
//!
//! Always holds: what happens next is the earliest of what is due; two worlds with one seed that
//! are told the same do the same. Deliberately absent: judging (a story or an oracle does that).

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
        let hub = Hub::new(crate::Disk::new(), Files::default());
        Self::on(seed, faults, hub, 0)
    }

    /// A world that goes on from where another stood, by a seed of its own.
    ///
    /// # Errors
    /// When the runtime, the hub or a device does not start.
    pub fn going_on(seed: u64, faults: Faults, from: &Standing) -> Result<Self> {
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
            elapsed_ms: self.elapsed_ms(),
            hub: self.sim.hub.disk.copy(),
            files: self.sim.hub.files.copy(),
            devices: devices
                .map(|device| (device.name.clone(), device.disk.copy()))
                .collect(),
        }
    }

    fn on(seed: u64, faults: Faults, hub: Hub, later_ms: u64) -> Result<Self> {
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
        let mut quiet = 0;
        for _ in 0..7_200 {
            self.run_for(500);
            let rest = self.sim.at_rest()?;
            quiet = if rest { quiet + 1 } else { 0 };
            // Cursors are told every 200 ms; the hub's own work wakes every few seconds.
            if quiet >= 4 {
                return Ok(());
            }
        }
        bail!("no rest in an hour: {}", self.sim.unrest())
    }

    /// A new device, not signed up.
    ///
    /// # Errors
    /// When its store can not be opened.
    pub fn device(&mut self, name: &str) -> Result<Who> {
        let disk = crate::Disk::new();
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
    pub(crate) fn code(&mut self, number: &str) -> Option<String> {
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

impl Sim {
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        let line = format!("{:>9} {}", clock::elapsed_ms(), what());
        self.trace.update(line.as_bytes());
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    fn at(&mut self, at_ms: u64, due: Due) {
        self.order += 1;
        self.due.insert((at_ms, self.order), due);
    }

    pub(crate) fn start_sibling_after(&mut self, app: usize, ms: u64) {
        self.after(ms, Due::StartSibling { app });
    }

    pub(crate) fn mend_apps_after(&mut self, ms: u64) {
        self.after(ms, Due::MendApps);
    }

    fn after(&mut self, ms: u64, due: Due) {
        self.at(clock::elapsed_ms() + ms, due);
    }

    pub(crate) fn core(&self, who: usize) -> Result<&Core> {
        let device = self.devices.get(who).context("no such device")?;
        device
            .core
            .as_ref()
            .with_context(|| format!("{} does not run", device.name))
    }

    async fn run_for(&mut self, ms: u64) {
        let end_ms = clock::elapsed_ms() + ms;
        loop {
            self.look_for_crashes();
            let next = self.due.keys().next().map_or(u64::MAX, |(at, _)| *at);
            let wait_ms = next.min(end_ms);
            tokio::select! {
                biased;
                Some(arrival) = self.arrivals.1.recv() => self.arrived(arrival),
                Some(told) = self.told.1.recv() => self.hear(told),
                () = tokio::time::sleep_until(clock::instant(wait_ms)) => {
                    if next <= clock::elapsed_ms() {
                        if let Some((_, due)) = self.due.pop_first() {
                            self.happen(due);
                        }
                    } else if clock::elapsed_ms() >= end_ms {
                        return;
                    }
                }
            }
        }
    }

    fn look_for_crashes(&mut self) {
        self.look_for_crashes_of_siblings();
        if self.hub.running.is_some() && self.hub.disk.is_down() {
            let pause = self.dice.between(50, 20_000);
            self.hub_crashed(pause);
        }
        for who in 0..self.devices.len() {
            let down = self
                .devices
                .get(who)
                .is_some_and(|device| device.core.is_some() && device.disk.is_down());
            if down {
                let pause = self.dice.between(50, 20_000);
                self.device_crashed(who, pause);
            }
        }
    }

    pub(crate) fn hub_crashed(&mut self, pause_ms: u64) {
        self.crashes += 1;
        self.note(|| "hub crashes".to_owned());
        self.hub_stops();
        self.after(pause_ms, Due::StartHub);
    }

    fn hub_stops(&mut self) {
        self.hub.stop();
        self.network.state().door = None;
        self.app_stopped(0);
    }

    /// Nobody is at the other end of the lanes to this app.
    pub(crate) fn lanes_die(&mut self, app: usize) {
        self.lingering.retain(|(_, lane)| lane.app != app);
        for who in 0..self.devices.len() {
            if self
                .devices
                .get(who)
                .is_some_and(|device| device.app == app)
            {
                self.lane_dies(who);
            }
        }
    }

    fn start_hub(&mut self) -> Result<()> {
        let mut dice = Dice::named(self.seed, &format!("hub/{}", self.hub.start));
        if self.hub.disk.is_down() {
            self.hub.disk.restart(&mut dice);
        }
        self.hub.start()?;
        let mut state = self.network.state();
        state.door = self.hub.running.as_ref().map(|running| running.door());
        state.hub_start = self.hub.start;
        drop(state);
        self.app_started(0);
        Ok(())
    }

    pub(crate) fn device_crashed(&mut self, who: usize, pause_ms: u64) {
        self.crashes += 1;
        let Some(device) = self.devices.get_mut(who) else {
            return;
        };
        let name = device.name.clone();
        let lane = device.lane.take();
        device.forget();
        self.note(|| format!("{name} crashes"));
        self.linger(lane);
        self.after(pause_ms, Due::StartDevice { who });
    }

    fn start_device(&mut self, who: usize) {
        let Some(device) = self.devices.get_mut(who) else {
            return;
        };
        if device.core.is_some() || device.erased {
            return;
        }
        device.disk.restart(&mut device.dice);
        if let Err(error) = device.open() {
            let text = format!("{} does not start: {error:#}", device.name);
            self.wrong.push(text);
            return;
        }
        self.give(who, Input::Tick);
    }

    fn cut_off(&mut self, who: usize, ms: u64) {
        self.network.state().cut_off.insert(who);
        self.note(|| format!("{who} is cut off for {ms}"));
        self.lane_dies(who);
        self.after(ms, Due::Heal { who });
    }

    /// Nothing passes any more; the device notices after a while.
    fn lane_dies(&mut self, who: usize) {
        let wait = self.dice.between(1, 8_000);
        let Some(lane) = self.devices.get_mut(who).and_then(|d| d.lane.as_mut()) else {
            return;
        };
        if lane.dead {
            return;
        }
        lane.dead = true;
        let lane = lane.number;
        self.after(wait, Due::Closed { lane, who });
    }

    /// The hub notices later that nobody is at the other end.
    fn linger(&mut self, lane: Option<Lane>) {
        if let Some(lane) = lane
            && lane.hub_start == self.starts(lane.app)
        {
            let until = clock::elapsed_ms() + self.dice.between(0, 10_000);
            self.lingering.push((until, lane));
        }
    }

    fn device(&mut self, name: &str, disk: crate::Disk) -> Result<Who> {
        let skew = self.network.state().faults.skew_ms_max;
        let mut device = Device::new(self.seed, name, skew, disk);
        device.open()?;
        device.app = self.family.here;
        self.devices.push(device);
        let who = self.devices.len() - 1;
        if self.family.here > 0 {
            let here = self.family.here;
            self.network.state().apps.insert(who, here);
        }
        self.give(who, Input::Tick);
        Ok(Who(who))
    }

    fn act(&mut self, who: usize, command: Command) -> Result<Vec<Event>> {
        let before = self.devices.get(who).map_or(0, |d| d.events.len());
        let name = command_name(&command);
        self.note(|| format!("{who} {name}"));
        self.step(who, Input::Command(command))?;
        let device = self.devices.get(who).context("no such device")?;
        Ok(device.events.get(before..).unwrap_or_default().to_vec())
    }

    /// Gives an input that nobody waits for.
    fn give(&mut self, who: usize, input: Input) {
        let kind = input_name(&input);
        self.note(|| format!("{who} {kind}"));
        if let Err(error) = self.step(who, input) {
            let Some(device) = self.devices.get(who) else {
                return;
            };
            if device.disk.is_down() || device.core.is_none() {
                return;
            }
            let text = format!("{}: {kind}: {error:#}", device.name);
            self.wrong.push(text);
            self.lane_dies(who);
        }
    }

    fn step(&mut self, who: usize, input: Input) -> Result<()> {
        let device = self.devices.get_mut(who).context("no such device")?;
        let now = clock::now_ms() + device.skew_ms;
        let core = device
            .core
            .as_mut()
            .with_context(|| format!("{} does not run", device.name))?;
        let dice = &mut device.dice;
        let mut random = |bytes: &mut [u8]| dice.fill(bytes);
        let Output {
            effects,
            events,
            wake_at_ms,
        } = device
            .pace
            .take(input, |input| core.step(now, &mut random, input))?;
        device.events.extend(events);
        if let Some(at) = wake_at_ms {
            let wait = u64::try_from(at - now).unwrap_or(0);
            let at_ms = clock::elapsed_ms() + wait;
            if device.wake_ms.is_none_or(|other| at_ms < other) {
                device.wake_ms = Some(at_ms);
                self.at(at_ms, Due::Wake { who, at_ms });
            }
        }
        self.carry_out(who, effects);
        Ok(())
    }

    fn carry_out(&mut self, who: usize, effects: Vec<Effect>) {
        let mut frames = Vec::new();
        for effect in effects {
            let Some(device) = self.devices.get_mut(who) else {
                return;
            };
            let start = device.start;
            match effect {
                Effect::Send(frame) => frames.push(frame),
                Effect::Connect => {
                    device.wanted = true;
                    self.after(0, Due::Connect { who, start });
                }
                Effect::Reconnect => {
                    let lane = device.lane.take();
                    device.attempts = 0;
                    self.linger(lane);
                    let input = Input::Disconnected;
                    self.after(0, Due::Give { who, start, input });
                    self.after(200, Due::Connect { who, start });
                }
                Effect::Disconnect => {
                    device.wanted = false;
                    let lane = device.lane.take();
                    self.linger(lane);
                }
                Effect::Erase => {
                    device.wanted = false;
                    device.erased = true;
                    device.core = None;
                    let lane = device.lane.take();
                    self.linger(lane);
                }
                Effect::Http {
                    call,
                    method,
                    path,
                    body,
                    token,
                } => self.http(who, call, method, path, body, token.as_deref()),
                Effect::Upload { .. } | Effect::Download { .. } => self.transfer(who, effect),
            }
        }
        self.send(who, frames);
    }

    fn way(&self, who: usize) -> Way {
        Way {
            network: self.network.clone(),
            device: who,
            name: self
                .devices
                .get(who)
                .map(|device| device.name.clone())
                .unwrap_or_default(),
        }
    }

    fn http(
        &mut self,
        who: usize,
        call: u64,
        method: Method,
        path: String,
        body: Option<Vec<u8>>,
        token: Option<&str>,
    ) {
        let json = [("content-type", "application/json".to_owned())];
        let ask = Ask {
            method: match method {
                Method::Get => http::Method::GET,
                Method::Post => http::Method::POST,
                Method::Put => http::Method::PUT,
                Method::Delete => http::Method::DELETE,
            },
            path,
            headers: transfers::headers(token, if body.is_some() { &json } else { &[] }),
            body: Bytes::from(body.unwrap_or_default()),
        };
        let (way, told) = (self.way(who), self.told.0.clone());
        let start = self.devices.get(who).map_or(0, |device| device.start);
        tokio::spawn(async move {
            let result = match way.call(ask).await {
                Err(_) => Err(CallError::Unreachable("no answer".to_owned())),
                Ok(answer) if (200..300).contains(&answer.status) => Ok(answer.body.to_vec()),
                Ok(answer) => Err(CallError::Refused(refusal(&answer.body))),
            };
            let input = Input::HttpDone { call, result };
            let _ = told.send(Told::Input { who, start, input });
        });
    }

    fn transfer(&mut self, who: usize, effect: Effect) {
        let (way, told) = (self.way(who), self.told.0.clone());
        let Some(device) = self.devices.get(who) else {
            return;
        };
        let start = device.start;
        match effect {
            Effect::Upload(comity_client::Upload {
                transfer,
                source,
                key,
                blob,
                // Files of a world do not change: what is sealed again is what was sealed before.
                stamp: _,
                copy_of: _,
                plain_size,
                token,
            }) => {
                let plain = match source {
                    Source::Memory(bytes) => Some(bytes),
                    Source::File(path) => device.files.get(&path).cloned(),
                };
                let job = Upload {
                    transfer,
                    plain,
                    key,
                    blob,
                    plain_size,
                    token,
                };
                tokio::spawn(async move {
                    let outcome = async {
                        let (blob, new) = transfers::begin(&way, &job).await?;
                        if new {
                            let stamp = String::new();
                            let input = Input::UploadStarted {
                                transfer,
                                blob,
                                stamp,
                            };
                            let _ = told.send(Told::Input { who, start, input });
                        }
                        transfers::upload(&way, &job, blob).await
                    };
                    let input = outcome
                        .await
                        .unwrap_or_else(|stopped| Input::TransferFailed {
                            transfer,
                            code: stopped.code,
                            retry: stopped.retry,
                        });
                    let _ = told.send(Told::Input { who, start, input });
                });
            }
            Effect::Download(comity_client::Download {
                transfer,
                blob,
                key,
                blake3,
                plain_size,
                blob_size,
                target,
                token,
            }) => {
                let job = Download {
                    blob,
                    key,
                    blake3,
                    plain_size,
                    blob_size,
                    token,
                };
                tokio::spawn(async move {
                    let word = match (transfers::download(&way, &job).await, target) {
                        (Ok(bytes), Target::Memory) => Told::Input {
                            who,
                            start,
                            input: Input::DownloadDone {
                                transfer,
                                bytes: Some(bytes),
                            },
                        },
                        (Ok(bytes), Target::File(path)) => Told::Saved {
                            who,
                            start,
                            path,
                            bytes,
                            input: Input::DownloadDone {
                                transfer,
                                bytes: None,
                            },
                        },
                        (Err(stopped), _) => Told::Input {
                            who,
                            start,
                            input: Input::TransferFailed {
                                transfer,
                                code: stopped.code,
                                retry: stopped.retry,
                            },
                        },
                    };
                    let _ = told.send(word);
                });
            }
            _ => {}
        }
    }

    /// Frames of one step leave in one batch.
    fn send(&mut self, who: usize, frames: Vec<ClientFrame>) {
        if frames.is_empty() {
            return;
        }
        let faults = self.network.state().faults;
        let Some(device) = self.devices.get_mut(who) else {
            return;
        };
        let Some(lane) = device.lane.as_mut().filter(|lane| !lane.dead) else {
            return;
        };
        let frames: Vec<ClientFrame> = {
            let mut state = self.network.state();
            frames
                .into_iter()
                .flat_map(|frame| state.malice.to_hub(&device.name, frame))
                .collect()
        };
        let at_ms = lane
            .up_ms
            .max(clock::elapsed_ms() + faults.delay_ms(&mut self.dice));
        lane.up_ms = at_ms;
        let lane = lane.number;
        if self.dice.per_ten_thousand(faults.lane_cuts) {
            self.note(|| format!("{who} loses its lane going up"));
            self.lane_dies(who);
            return;
        }
        let batch = ClientBatch { frames };
        self.at(at_ms, Due::Up { lane, who, batch });
    }

    fn arrived(&mut self, arrival: Arrival) {
        let Some(&who) = self.lane_of.get(&arrival.lane) else {
            return;
        };
        let Some(lane) = self.devices.get(who).and_then(|d| d.lane.as_ref()) else {
            return;
        };
        // What a dead hub or lane wrote is lost.
        if lane.number != arrival.lane || lane.dead || lane.hub_start != self.starts(lane.app) {
            return;
        }
        match arrival.batch {
            Some(batch) => self.deliver(who, batch.frames),
            None => {
                let (lane, at_ms) = (lane.number, lane.down_ms.max(clock::elapsed_ms()));
                self.at(at_ms, Due::Closed { lane, who });
            }
        }
    }

    /// Frames on their way down.
    pub(crate) fn deliver(&mut self, who: usize, frames: Vec<ServerFrame>) {
        let faults = self.network.state().faults;
        let Some(device) = self.devices.get_mut(who) else {
            return;
        };
        let frames: Vec<ServerFrame> = {
            let mut state = self.network.state();
            frames
                .into_iter()
                .flat_map(|frame| state.malice.to_device(&device.name, frame))
                .collect()
        };
        let Some(lane) = device.lane.as_mut().filter(|lane| !lane.dead) else {
            return;
        };
        if frames.is_empty() {
            return;
        }
        let at_ms = lane
            .down_ms
            .max(clock::elapsed_ms() + faults.delay_ms(&mut self.dice));
        lane.down_ms = at_ms;
        let lane = lane.number;
        if self.dice.per_ten_thousand(faults.lane_cuts) {
            self.note(|| format!("{who} loses its lane going down"));
            self.lane_dies(who);
            return;
        }
        let batch = ServerBatch { frames };
        self.at(at_ms, Due::Down { lane, who, batch });
    }

    fn hear(&mut self, told: Told) {
        let (who, start, input) = match told {
            Told::Input { who, start, input } => (who, start, input),
            Told::Saved {
                who,
                start,
                path,
                bytes,
                input,
            } => {
                if let Some(device) = self.devices.get_mut(who)
                    && device.start == start
                {
                    device.files.insert(path, bytes);
                }
                (who, start, input)
            }
        };
        if self.is_at(who, start) {
            self.give(who, input);
        }
    }

    fn is_at(&self, who: usize, start: u64) -> bool {
        self.devices
            .get(who)
            .is_some_and(|device| device.core.is_some() && device.start == start)
    }

    /// The device's lane of this number, if it still is the one.
    fn lane(&self, who: usize, number: u64) -> Option<&Lane> {
        let lane = self.devices.get(who)?.lane.as_ref()?;
        (lane.number == number).then_some(lane)
    }

    fn happen(&mut self, due: Due) {
        let now_ms = clock::elapsed_ms();
        self.lingering.retain(|(until, _)| *until > now_ms);
        match due {
            Due::Give { who, start, input } if self.is_at(who, start) => self.give(who, input),
            Due::Wake { who, at_ms } => {
                let Some(device) = self.devices.get_mut(who) else {
                    return;
                };
                if device.wake_ms == Some(at_ms) && device.core.is_some() {
                    device.wake_ms = None;
                    self.give(who, Input::Tick);
                }
            }
            Due::Connect { who, start } if self.is_at(who, start) => self.connect(who),
            Due::Connected { who, start } if self.is_at(who, start) => self.connected(who),
            Due::Up { lane, who, batch } => {
                if let Some(lane) = self.lane(who, lane).filter(|lane| !lane.dead) {
                    lane.write(&batch);
                }
            }
            Due::Down { lane, who, batch } => self.read(who, lane, batch),
            Due::Closed { lane, who } if self.lane(who, lane).is_some() => self.closed(who),
            Due::StartDevice { who } => self.start_device(who),
            Due::StartHub if self.hub.running.is_none() => {
                self.note(|| "hub starts".to_owned());
                if let Err(error) = self.start_hub() {
                    self.wrong.push(format!("the hub: {error:#}"));
                }
            }
            Due::StartSibling { app } => self.start_sibling(app),
            Due::MendApps => self.mend_apps(),
            Due::Heal { who } => {
                self.network.state().cut_off.remove(&who);
            }
            _ => {}
        }
    }

    fn connect(&mut self, who: usize) {
        let faults = self.network.state().faults;
        let delay = faults.delay_ms(&mut self.dice);
        let Some(device) = self.devices.get_mut(who) else {
            return;
        };
        if !device.wanted || device.lane.is_some() || device.connecting {
            return;
        }
        device.connecting = true;
        let start = device.start;
        self.after(delay, Due::Connected { who, start });
    }

    fn connected(&mut self, who: usize) {
        let door = self.network.state().door_of(who);
        let Some(device) = self.devices.get_mut(who) else {
            return;
        };
        device.connecting = false;
        let Some((door, hub_start)) = door else {
            return self.come_back(who);
        };
        self.lanes += 1;
        self.lane_of.insert(self.lanes, who);
        device.lane = Some(Lane::open(
            &door,
            self.lanes,
            (device.app, hub_start),
            self.arrivals.0.clone(),
        ));
        self.give(who, Input::Connected { exporter: None });
    }

    /// Tries again: 0.2 s, 0.4 s … 30 s, with jitter, as the shell that ships.
    fn come_back(&mut self, who: usize) {
        let Some(device) = self.devices.get_mut(who) else {
            return;
        };
        let base = (200_u64 << device.attempts.min(8)).min(30_000);
        device.attempts += 1;
        let wait = base / 2 + device.dice.between(0, base / 2);
        let start = device.start;
        self.after(wait, Due::Connect { who, start });
    }

    fn closed(&mut self, who: usize) {
        let Some(device) = self.devices.get_mut(who) else {
            return;
        };
        let lane = device.lane.take();
        self.linger(lane);
        self.come_back(who);
        self.give(who, Input::Disconnected);
    }

    fn read(&mut self, who: usize, number: u64, batch: ServerBatch) {
        for frame in batch.frames {
            if self.lane(who, number).is_none_or(|lane| lane.dead) {
                return;
            }
            let signed_in = matches!(
                &frame.frame,
                Some(server_frame::Frame::Reply(reply))
                    if matches!(reply.result, Some(reply::Result::SignedIn(_)))
            );
            if signed_in && let Some(device) = self.devices.get_mut(who) {
                device.attempts = 0;
            }
            self.give(who, Input::Frame(frame));
        }
    }

    /// Nothing is under way on any device that runs.
    pub(crate) fn at_rest(&self) -> Result<bool> {
        Ok(self.restless()?.is_none())
    }

    fn restless(&self) -> Result<Option<String>> {
        if self.hub.running.is_none() {
            return Ok(Some("the hub does not run".to_owned()));
        }
        if let Some(what) = self.family_restless() {
            return Ok(Some(what));
        }
        if self.network.state().under_way > 0 {
            return Ok(Some("an act is under way".to_owned()));
        }
        let on_the_way = self.due.values().any(|due| {
            matches!(
                due,
                Due::Give { .. }
                    | Due::Up { .. }
                    | Due::Down { .. }
                    | Due::StartDevice { .. }
                    | Due::Heal { .. }
            )
        });
        if on_the_way {
            return Ok(Some("something is on its way".to_owned()));
        }
        for device in self.devices.iter().filter(|device| !device.erased) {
            let Some(core) = &device.core else {
                return Ok(Some(format!("{} does not run", device.name)));
            };
            if device.wanted && (!core.is_settled()? || core.unsent()? > 0) {
                return Ok(Some(unsettled(device, core)?));
            }
        }
        Ok(None)
    }

    pub(crate) fn unrest(&self) -> String {
        match self.restless() {
            Ok(Some(what)) => what,
            Ok(None) => "it came to rest now".to_owned(),
            Err(error) => format!("{error:#}"),
        }
    }
}

/// What keeps a device from rest, as far as its screen shows it.
fn unsettled(device: &Device, core: &Core) -> Result<String> {
    let mut what = format!(
        "{} is not settled: online {}, {} to send",
        device.name,
        core.is_online(),
        core.unsent()?
    );
    for view in core.conversations()? {
        let wishes = core.wishes_open(view.conversation)?;
        if view.state != "active" || wishes > 0 {
            what.push_str(&format!(
                "; {} {} {}, {wishes} wishes",
                view.kind, view.title, view.state
            ));
        }
    }
    let told = device.events.iter().rev().take(3);
    what.push_str(&format!("; told last: {:?}", told.collect::<Vec<_>>()));
    Ok(what)
}

fn refusal(body: &[u8]) -> WireError {
    match serde_json::from_slice::<ErrorBody>(body) {
        Ok(body) => WireError {
            code: ErrorCode::parse(&body.error.code).unwrap_or(ErrorCode::Internal),
            message: body.error.message,
            retry_after_ms: body.error.retry_after_ms,
        },
        Err(_) => WireError::new(ErrorCode::Internal, "not an answer"),
    }
}

/// The kind of an act, for the trace: nothing that depends on keys.
fn command_name(command: &Command) -> String {
    let text = format!("{command:?}");
    let end = text.find([' ', '(', '{']).unwrap_or(text.len());
    text.get(..end).unwrap_or_default().to_owned()
}

/// The kind of an input, for the trace: nothing that depends on keys.
fn input_name(input: &Input) -> String {
    match input {
        Input::Frame(frame) => match &frame.frame {
            Some(server_frame::Frame::Reply(reply)) => {
                let result = reply.result.as_ref().map(|result| format!("{result:?}"));
                let result = result.unwrap_or_default();
                let end = result.find(['(', ' ']).unwrap_or(result.len());
                format!(
                    "reply {} {}",
                    reply.request,
                    result.get(..end).unwrap_or_default()
                )
            }
            Some(server_frame::Frame::Deliver(deliver)) => {
                format!("deliver {} of {}", deliver.entries.len(), deliver.head_seq)
            }
            Some(other) => {
                let text = format!("{other:?}");
                let end = text.find('(').unwrap_or(text.len());
                text.get(..end).unwrap_or_default().to_owned()
            }
            None => "empty".to_owned(),
        },
        Input::HttpDone { call, result } => match result {
            Ok(_) => format!("answer {call}"),
            Err(CallError::Refused(error)) => format!("refused {call} {}", error.code.as_str()),
            Err(CallError::Unreachable(_)) => format!("unreachable {call}"),
        },
        Input::Connected { .. } => "connected".to_owned(),
        Input::Disconnected => "disconnected".to_owned(),
        Input::Tick => "tick".to_owned(),
        Input::Command(command) => command_name(command),
        Input::UploadStarted { .. } => "upload started".to_owned(),
        Input::UploadDone { .. } => "upload done".to_owned(),
        Input::DownloadDone { .. } => "download done".to_owned(),
        Input::TransferProgress { .. } => "progress".to_owned(),
        Input::TransferFailed { code, .. } => format!("transfer failed {code}"),
    }
}
