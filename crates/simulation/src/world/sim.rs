//! What happens in a world, one thing after the other.
//!
//! Always holds: whatever is due happens in the order of its time; nothing happens without the
//! clock. Deliberately absent: what a story may ask for (the parent module).

use super::words::{command_name, frame_name, input_name, places, refusal, unsettled};
use super::*;

impl Sim {
    pub(crate) fn note(&mut self, what: impl FnOnce() -> String) {
        let line = format!("{:>9} {}", clock::elapsed_ms(), what());
        self.trace.update(line.as_bytes());
        if let Some(lines) = &mut self.lines {
            lines.push(line);
        }
    }

    /// For people only: it may hold what depends on keys, so it is no part of the trace.
    fn tell(&mut self, what: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>9}   {}", clock::elapsed_ms(), what()));
        }
    }

    pub(super) fn at(&mut self, at_ms: u64, due: Due) {
        self.order += 1;
        self.due.insert((at_ms, self.order), due);
    }

    pub(crate) fn start_sibling_after(&mut self, app: usize, ms: u64) {
        self.after(ms, Due::StartSibling { app });
    }

    pub(crate) fn mend_apps_after(&mut self, ms: u64) {
        self.after(ms, Due::MendApps);
    }

    pub(super) fn after(&mut self, ms: u64, due: Due) {
        self.at(clock::elapsed_ms() + ms, due);
    }

    pub(crate) fn core(&self, who: usize) -> Result<&Core> {
        let device = self.devices.get(who).context("no such device")?;
        device
            .core
            .as_ref()
            .with_context(|| format!("{} does not run", device.name))
    }

    pub(super) async fn run_for(&mut self, ms: u64) {
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

    pub(super) fn look_for_crashes(&mut self) {
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

    pub(super) fn hub_stops(&mut self) {
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

    pub(super) fn start_hub(&mut self) -> Result<()> {
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

    pub(super) fn start_device(&mut self, who: usize) {
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

    pub(super) fn cut_off(&mut self, who: usize, ms: u64) {
        self.network.state().cut_off.insert(who);
        self.note(|| format!("{who} is cut off for {ms}"));
        self.lane_dies(who);
        self.after(ms, Due::Heal { who });
    }

    /// Nothing passes any more; the device notices after a while.
    pub(super) fn lane_dies(&mut self, who: usize) {
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
    pub(super) fn linger(&mut self, lane: Option<Lane>) {
        if let Some(lane) = lane
            && lane.hub_start == self.starts(lane.app)
        {
            let until = clock::elapsed_ms() + self.dice.between(0, 10_000);
            self.lingering.push((until, lane));
        }
    }

    pub(super) fn device(&mut self, name: &str, disk: crate::Disk) -> Result<Who> {
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

    pub(super) fn act(&mut self, who: usize, command: Command) -> Result<Vec<Event>> {
        let before = self.devices.get(who).map_or(0, |d| d.events.len());
        let name = command_name(&command);
        self.note(|| format!("{who} {name}"));
        self.step(who, Input::Command(command))?;
        let device = self.devices.get(who).context("no such device")?;
        Ok(device.events.get(before..).unwrap_or_default().to_vec())
    }

    /// Gives an input that nobody waits for.
    pub(super) fn give(&mut self, who: usize, input: Input) {
        let kind = input_name(&input);
        self.note(|| format!("{who} {kind}"));
        if self.lines.is_some()
            && let Some(places) = places(&input)
        {
            self.tell(|| places);
        }
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

    pub(super) fn step(&mut self, who: usize, input: Input) -> Result<()> {
        self.steps += 1;
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
        if let Some(lines) = &mut self.lines {
            let told = events
                .iter()
                .filter(|event| matches!(event, Event::Warning { .. } | Event::Failed { .. }));
            let at_ms = clock::elapsed_ms();
            lines.extend(told.map(|event| format!("{at_ms:>9} {who} tells {event:?}")));
        }
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

    pub(super) fn carry_out(&mut self, who: usize, effects: Vec<Effect>) {
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
                // Nobody in a world stops one; what still came of it the core would pass over.
                Effect::StopTransfer(_) => {}
            }
        }
        self.send(who, frames);
    }

    pub(crate) fn way(&self, who: usize) -> Way {
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

    pub(super) fn http(
        &mut self,
        who: usize,
        call: u64,
        method: Method,
        path: String,
        body: Option<Vec<u8>>,
        token: Option<&str>,
    ) {
        self.tell(|| format!("{who} asks {call} {path}"));
        if let (Some(device), Some(token)) = (self.devices.get_mut(who), token) {
            device.token = Some(token.to_owned());
        }
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

    pub(super) fn transfer(&mut self, who: usize, effect: Effect) {
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
    pub(super) fn send(&mut self, who: usize, frames: Vec<ClientFrame>) {
        if frames.is_empty() {
            return;
        }
        let faults = self.network.state().faults;
        for frame in &frames {
            let name = frame_name(frame);
            self.tell(|| format!("{who} sends {name}"));
        }
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

    pub(super) fn arrived(&mut self, arrival: Arrival) {
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

    pub(super) fn hear(&mut self, told: Told) {
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

    pub(super) fn is_at(&self, who: usize, start: u64) -> bool {
        self.devices
            .get(who)
            .is_some_and(|device| device.core.is_some() && device.start == start)
    }

    /// The device's lane of this number, if it still is the one.
    pub(super) fn lane(&self, who: usize, number: u64) -> Option<&Lane> {
        let lane = self.devices.get(who)?.lane.as_ref()?;
        (lane.number == number).then_some(lane)
    }

    pub(super) fn happen(&mut self, due: Due) {
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

    pub(super) fn connect(&mut self, who: usize) {
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

    pub(super) fn connected(&mut self, who: usize) {
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
    pub(super) fn come_back(&mut self, who: usize) {
        let Some(device) = self.devices.get_mut(who) else {
            return;
        };
        let base = (200_u64 << device.attempts.min(8)).min(30_000);
        device.attempts += 1;
        let wait = base / 2 + device.dice.between(0, base / 2);
        let start = device.start;
        self.after(wait, Due::Connect { who, start });
    }

    pub(super) fn closed(&mut self, who: usize) {
        let Some(device) = self.devices.get_mut(who) else {
            return;
        };
        let lane = device.lane.take();
        self.linger(lane);
        self.come_back(who);
        self.give(who, Input::Disconnected);
    }

    pub(super) fn read(&mut self, who: usize, number: u64, batch: ServerBatch) {
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

    pub(super) fn restless(&self) -> Result<Option<String>> {
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
