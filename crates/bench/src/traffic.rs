//! Messages from who writes to who reads, in closed or open loop, counted and timed.
//!
//! Always holds: a message counts when its hub has acknowledged it and every reader got it; each reader acknowledges each
//! batch; numbers of a log come without holes, or the run fails. In an open loop time counts from when a message was due,
//! not from when it was sent.

use crate::clock::Times;
use crate::line::{Line, PATIENCE, Target, quiet};
use crate::person::random_bytes;
use crate::prepare::all;
use crate::server::{Sample, Server};
use crate::world::Voice;
use anyhow::{Context, Result, bail};
use comity_e2ee::keys::DeviceKeys;
use comity_wire::limits::{BATCH_FRAMES_MAX, REQUESTS_IN_FLIGHT_MAX};
use comity_wire::proto::{
    Acknowledge, ClientFrame, Deliver, Position, Reply, client_frame::Act, reply,
    server_frame::Frame,
};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::sync::Notify;
use tokio::task::JoinSet;

/// Time before anything is measured.
const WARMING: Duration = Duration::from_secs(1);
/// Connections that are opened at once.
const OPENING: usize = 64;

/// One writer with who reads what it says.
pub(crate) struct Route {
    pub(crate) writer: DeviceKeys,
    /// None of them: they are away.
    pub(crate) readers: Vec<DeviceKeys>,
    /// Said in turn at random.
    pub(crate) voices: Vec<Voice>,
}

/// How much a writer says, and until when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    /// On their way at once, for each writer.
    pub(crate) in_flight: usize,
    /// Of all writers together; as many as there is room for when none.
    pub(crate) per_second: Option<f64>,
    pub(crate) until: Until,
}

/// When a run is over.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Until {
    /// After warming up and so long.
    Time(Duration),
    /// When each writer has said so much.
    Count(u64),
}

/// What came of it.
pub(crate) struct Driven {
    pub(crate) before: Sample,
    pub(crate) after: Sample,
    pub(crate) messages: u64,
    pub(crate) times: Times,
    /// Who reads goes on until this is dropped.
    pub(crate) readers: JoinSet<Result<()>>,
}

/// A message on its way.
struct Slot {
    since: Instant,
    /// Who is yet to say that it arrived: the hub, and each reader.
    left: usize,
}

/// What all of a run share.
#[derive(Default)]
pub(crate) struct Run {
    pub(crate) measuring: Cell<bool>,
    pub(crate) stopping: Cell<bool>,
    pub(crate) messages: Cell<u64>,
    pub(crate) times: RefCell<Times>,
}

/// When messages are due: the first, and then each so long after the one before.
pub(crate) struct Pace {
    pub(crate) first: Instant,
    pub(crate) every: Duration,
}

impl Pace {
    fn due(&self, number: u64) -> Instant {
        self.first
            + self
                .every
                .mul_f64(u32::try_from(number).map_or(f64::MAX, f64::from))
    }
}

/// What one writer has on its way.
pub(crate) struct Flow {
    voices: Vec<Voice>,
    tag: [u8; 8],
    readers: usize,
    in_flight: usize,
    pace: Option<Pace>,
    limit: Option<u64>,
    state: RefCell<State>,
    wake: Notify,
    run: Rc<Run>,
}

#[derive(Default)]
struct State {
    /// Number of the first slot.
    base: u64,
    slots: VecDeque<Slot>,
    open: usize,
}

impl Flow {
    /// Of a pair, at a pace, until its run is stopping.
    pub(crate) fn paced(voice: Voice, pace: Pace, run: Rc<Run>) -> Self {
        Self {
            voices: vec![voice],
            tag: random_bytes(),
            readers: 1,
            in_flight: REQUESTS_IN_FLIGHT_MAX,
            pace: Some(pace),
            limit: None,
            state: RefCell::default(),
            wake: Notify::new(),
            run,
        }
    }

    /// Has its writer look again at what is to be done.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    fn said(&self) -> u64 {
        let state = self.state.borrow();
        state.base + state.slots.len() as u64
    }

    fn is_over(&self) -> bool {
        let all_said = self.limit.is_some_and(|limit| self.said() >= limit);
        (all_said || self.run.stopping.get()) && self.state.borrow().open == 0
    }

    /// When the next message is due, in an open loop.
    fn next_due(&self) -> Option<Instant> {
        let pace = self.pace.as_ref()?;
        // Where nothing more may be on its way, what arrives wakes.
        let full = self.state.borrow().open >= self.in_flight;
        (!full && !self.run.stopping.get()).then(|| pace.due(self.said()))
    }

    /// What may be sent now.
    fn fill(&self) -> Vec<ClientFrame> {
        let now = Instant::now();
        let mut frames = Vec::new();
        while !self.run.stopping.get() && frames.len() < BATCH_FRAMES_MAX {
            let number = self.said();
            let due = self.pace.as_ref().map_or(now, |pace| pace.due(number));
            let mut state = self.state.borrow_mut();
            let full =
                state.open >= self.in_flight || self.limit.is_some_and(|limit| number >= limit);
            if full || due > now {
                break;
            }
            state.open += 1;
            state.slots.push_back(Slot {
                since: due,
                left: self.readers + 1,
            });
            drop(state);
            let mut key = [0; 16];
            let (front, back) = key.split_at_mut(8);
            front.copy_from_slice(&number.to_be_bytes());
            back.copy_from_slice(&self.tag);
            let Some(voice) = self.voices.get(self.choose(number)) else {
                break;
            };
            frames.push(ClientFrame {
                request: number + 1,
                act: Some(Act::Append(voice.append(key))),
            });
        }
        frames
    }

    /// The voice of a message: drawn evenly, from the message's number.
    fn choose(&self, number: u64) -> usize {
        // SplitMix64: neighbours end up far from each other.
        let mut mixed = number
            .wrapping_add(u64::from_be_bytes(self.tag))
            .wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let count = self.voices.len().max(1) as u64;
        usize::try_from((mixed ^ (mixed >> 31)) % count).unwrap_or_default()
    }

    /// The message of this number arrived at one more place.
    fn arrived(&self, number: u64) -> Result<()> {
        let mut state = self.state.borrow_mut();
        let base = state.base;
        let place = number.checked_sub(base).context("a message came twice")?;
        let slot = state.slots.get_mut(usize::try_from(place)?);
        let slot = slot
            .filter(|slot| slot.left > 0)
            .context("a message came twice")?;
        slot.left -= 1;
        if slot.left > 0 {
            return Ok(());
        }
        let since = slot.since;
        state.open -= 1;
        while state.slots.front().is_some_and(|slot| slot.left == 0) {
            state.slots.pop_front();
            state.base += 1;
        }
        drop(state);
        if self.run.measuring.get() {
            self.run.messages.set(self.run.messages.get() + 1);
            self.run.times.borrow_mut().add(since.elapsed());
        }
        self.wake.notify_one();
        Ok(())
    }

    /// The number of an entry of this flow.
    fn number_of(&self, idempotency_key: &[u8]) -> Option<u64> {
        let (number, tag) = idempotency_key.split_at_checked(8)?;
        (tag == self.tag).then(|| number.try_into().ok().map(u64::from_be_bytes))?
    }
}

/// Drives all of the routes at once.
pub(crate) async fn drive(server: &Server, routes: Vec<Route>, load: Load) -> Result<Driven> {
    let run = Rc::new(Run::default());
    let target = &server.target;
    let (mut writers, mut readers) = (JoinSet::new(), JoinSet::new());
    let count = routes.len();
    let mut opened = Vec::with_capacity(count);
    for route in routes {
        let keys = std::iter::once(route.writer).chain(route.readers);
        let lines = keys.map(|keys| open(target.clone(), keys));
        opened.push((all(lines, OPENING).await?, route.voices));
    }
    let first = Instant::now() + Duration::from_millis(50);
    let mut flows = Vec::with_capacity(count);
    for (place, (lines, voices)) in opened.into_iter().enumerate() {
        let mut lines = lines.into_iter();
        let writer = lines.next().context("no writer")?;
        let every = load.per_second.map(|rate| share(count, rate));
        let flow = Rc::new(Flow {
            voices,
            tag: random_bytes(),
            readers: lines.len(),
            in_flight: load.in_flight.min(REQUESTS_IN_FLIGHT_MAX),
            pace: every.map(|every| Pace {
                first: first + every.mul_f64(part(place, count)),
                every,
            }),
            limit: match load.until {
                Until::Count(count) => Some(count),
                Until::Time(_) => None,
            },
            state: RefCell::default(),
            wake: Notify::new(),
            run: run.clone(),
        });
        for line in lines {
            readers.spawn_local(read(line, flow.clone()));
        }
        flows.push((writer, flow));
    }
    let before = match load.until {
        Until::Time(_) => None,
        Until::Count(_) => Some(measure(server, &run).await?),
    };
    let stop: Vec<_> = flows.iter().map(|(_, flow)| flow.clone()).collect();
    for (writer, flow) in flows {
        writers.spawn_local(write(writer, flow));
    }
    let (before, after) = match (before, load.until) {
        (Some(before), _) => {
            finish(&mut writers, &mut readers).await?;
            (before, server.sample().await?)
        }
        (None, Until::Time(time)) => {
            unless_failed(&mut writers, &mut readers, WARMING).await?;
            let before = measure(server, &run).await?;
            unless_failed(&mut writers, &mut readers, time).await?;
            let after = server.sample().await?;
            run.measuring.set(false);
            run.stopping.set(true);
            for flow in stop {
                flow.wake.notify_one();
            }
            finish(&mut writers, &mut readers).await?;
            (before, after)
        }
        (None, Until::Count(_)) => bail!("nothing was measured"),
    };
    Ok(Driven {
        before,
        after,
        messages: run.messages.get(),
        times: run.times.take(),
        readers,
    })
}

fn share(count: usize, rate: f64) -> Duration {
    Duration::from_secs_f64(part(count, 1) / rate.max(0.001))
}

#[allow(clippy::cast_precision_loss)]
fn part(of: usize, whole: usize) -> f64 {
    of as f64 / whole.max(1) as f64
}

async fn open(target: Target, keys: DeviceKeys) -> Result<Line> {
    Ok(Line::open(&target, &keys).await?.0)
}

/// From now on it counts.
async fn measure(server: &Server, run: &Run) -> Result<Sample> {
    let sample = server.sample().await?;
    run.measuring.set(true);
    Ok(sample)
}

type Tasks = JoinSet<Result<()>>;

/// Waits; a writer or reader that fails ends it at once.
async fn unless_failed(writers: &mut Tasks, readers: &mut Tasks, time: Duration) -> Result<()> {
    let failed = tokio::select! {
        Some(ended) = writers.join_next() => ended?,
        Some(ended) = readers.join_next() => ended?,
        () = tokio::time::sleep(time) => return Ok(()),
    };
    failed?;
    bail!("a device stopped before the end")
}

/// Waits until all is said and has arrived.
async fn finish(writers: &mut Tasks, readers: &mut Tasks) -> Result<()> {
    loop {
        let ended = tokio::time::timeout(PATIENCE * 5, async {
            tokio::select! {
                ended = writers.join_next() => ended.map(|ended| (ended, true)),
                Some(ended) = readers.join_next() => Some((ended, false)),
            }
        });
        match ended.await.context("messages did not arrive")? {
            None => return Ok(()),
            Some((ended, writes)) => {
                ended??;
                anyhow::ensure!(writes, "a reader stopped before the end");
            }
        }
    }
}

/// Says what is due, until all is said and arrived.
pub(crate) async fn write(mut line: Line, flow: Rc<Flow>) -> Result<()> {
    loop {
        let frames = flow.fill();
        if !frames.is_empty() {
            line.send(frames).await?;
        }
        if flow.is_over() {
            line.close().await;
            return Ok(());
        }
        let due = flow.next_due();
        let due = async {
            match due {
                Some(due) => tokio::time::sleep_until(due.into()).await,
                None => std::future::pending().await,
            }
        };
        let frames = tokio::select! {
            biased;
            frames = line.frames() => frames?,
            () = flow.wake.notified() => continue,
            () = due => continue,
        };
        for frame in frames {
            match frame {
                Frame::Reply(Reply {
                    request,
                    result: Some(reply::Result::Appended(_)),
                }) => flow.arrived(request - 1)?,
                Frame::Reply(reply) => bail!("a message was not taken: {reply:?}"),
                Frame::Closing(closing) => bail!("closed: {}", closing.code),
                // How far others are.
                _ => {}
            }
        }
    }
}

/// Reads and acknowledges for as long as the line lasts.
pub(crate) async fn read(mut line: Line, flow: Rc<Flow>) -> Result<()> {
    let mut heads = HashMap::new();
    loop {
        let mut positions: Vec<Position> = Vec::new();
        for frame in line.frames().await? {
            match frame {
                Frame::Deliver(deliver) => positions.extend(take(&flow, &mut heads, deliver)?),
                Frame::Behind(_) => bail!("a reader was too slow"),
                Frame::Closing(closing) => bail!("closed: {}", closing.code),
                _ => {}
            }
        }
        if !positions.is_empty() {
            let acknowledge = Act::Acknowledge(Acknowledge { positions });
            line.send(vec![quiet(acknowledge)]).await?;
        }
    }
}

/// Takes what was delivered; how far the log is read now.
fn take(
    flow: &Flow,
    heads: &mut HashMap<Vec<u8>, u64>,
    deliver: Deliver,
) -> Result<Option<Position>> {
    let mut seq = 0;
    for entry in &deliver.entries {
        let head = heads.get(&deliver.log).copied().unwrap_or(entry.seq - 1);
        let head = head.max(seq);
        anyhow::ensure!(
            entry.seq == head + 1,
            "a log has a hole, or its order is lost"
        );
        seq = entry.seq;
        if let Some(number) = flow.number_of(&entry.idempotency_key) {
            flow.arrived(number)?;
        }
    }
    if seq == 0 {
        return Ok(None);
    }
    match heads.get_mut(&deliver.log) {
        Some(head) => *head = seq,
        None => drop(heads.insert(deliver.log.clone(), seq)),
    }
    Ok(Some(Position {
        hub: deliver.hub,
        log: deliver.log,
        seq,
    }))
}
