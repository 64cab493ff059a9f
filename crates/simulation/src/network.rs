//! The network between devices and the hub: delays, losses, repeats, partitions.
//!
//! Always holds: a lane (one WebSocket) keeps its order and loses nothing in the middle, as a TCP
//! stream does: what is lost takes the lane with it. HTTP acts overtake each other and the lane;
//! one can be lost before it was carried out or after, or be carried out twice.

use crate::clock;
use crate::dice::Dice;
use crate::malice::{Answer, Ask, Asked, Honest, Malice};
use comity_chat::embedded::Door;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How much goes wrong.
#[derive(Debug, Clone, Copy)]
pub struct Faults {
    /// Longest usual delay of one way, in milliseconds.
    pub delay_ms_max: u64,
    /// Of ten thousand batches on a lane, so many take it down.
    pub lane_cuts: u64,
    /// Of ten thousand HTTP acts, so many are lost on the way there, and again on the way back.
    pub lost_calls: u64,
    /// Of ten thousand HTTP acts, so many are carried out twice.
    pub repeated_calls: u64,
    /// Devices' clocks differ from the hub's by up to this, in milliseconds.
    pub skew_ms_max: u64,
}

impl Faults {
    /// A good day: nothing is lost, and clocks are right.
    pub const CALM: Self = Self {
        delay_ms_max: 40,
        lane_cuts: 0,
        lost_calls: 0,
        repeated_calls: 0,
        skew_ms_max: 0,
    };

    /// A train with a bad line.
    pub const WILD: Self = Self {
        delay_ms_max: 1_500,
        lane_cuts: 150,
        lost_calls: 300,
        repeated_calls: 200,
        skew_ms_max: 180_000,
    };

    /// One way's delay: mostly short, sometimes long.
    pub(crate) fn delay_ms(&self, dice: &mut Dice) -> u64 {
        let most = self.delay_ms_max;
        if dice.percent(85) {
            dice.between(1, most / 8 + 1)
        } else {
            dice.between(1, most + 1)
        }
    }
}

/// What tasks share. Clones are the same network.
#[derive(Clone)]
pub(crate) struct Network(Arc<Mutex<State>>);

pub(crate) struct State {
    pub(crate) seed: u64,
    pub(crate) faults: Faults,
    pub(crate) door: Option<Door>,
    /// Counts the hub's starts.
    pub(crate) hub_start: u64,
    /// Doors of other apps than the first, with their counts, and the devices that are at those.
    pub(crate) doors: BTreeMap<usize, (Door, u64)>,
    pub(crate) apps: BTreeMap<usize, usize>,
    /// Devices that reach nothing.
    pub(crate) cut_off: BTreeSet<usize>,
    pub(crate) malice: Box<dyn Malice>,
    pub(crate) calls: u64,
    /// Calls that are under way.
    pub(crate) under_way: u64,
}

/// The hub was not reached, or its answer was not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Unreachable;

/// A device's way to the hub.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) network: Network,
    pub(crate) device: usize,
    pub(crate) name: String,
}

impl Network {
    pub(crate) fn new(seed: u64, faults: Faults) -> Self {
        Self(Arc::new(Mutex::new(State {
            seed,
            faults,
            door: None,
            hub_start: 0,
            doors: BTreeMap::new(),
            apps: BTreeMap::new(),
            cut_off: BTreeSet::new(),
            malice: Box::new(Honest),
            calls: 0,
            under_way: 0,
        })))
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The door of a device's app with the count of its starts, when the device reaches it now.
    pub(crate) fn door_of(&self, device: usize) -> Option<(Door, u64)> {
        if self.cut_off.contains(&device) {
            return None;
        }
        match self.apps.get(&device) {
            None => Some((self.door.clone()?, self.hub_start)),
            Some(app) => self.doors.get(app).cloned(),
        }
    }
}

impl Way {
    /// The door, when the device reaches it now.
    fn door(&self) -> Option<(Door, u64)> {
        self.network.state().door_of(self.device)
    }

    /// Carries out an HTTP act, as far as the network lets it.
    pub(crate) async fn call(&self, ask: Ask) -> Result<Answer, Unreachable> {
        let (faults, mut dice) = {
            let mut state = self.network.state();
            state.calls += 1;
            state.under_way += 1;
            let name = format!("call/{}", state.calls);
            (state.faults, Dice::named(state.seed, &name))
        };
        let outcome = self.carry(ask, faults, &mut dice).await;
        if outcome.is_err() {
            // How soon it is noticed.
            tokio::time::sleep(Duration::from_millis(dice.between(1, 5_000))).await;
        }
        self.network.state().under_way -= 1;
        outcome
    }

    async fn carry(
        &self,
        ask: Ask,
        faults: Faults,
        dice: &mut Dice,
    ) -> Result<Answer, Unreachable> {
        sleep_ms(faults.delay_ms(dice)).await;
        if dice.per_ten_thousand(faults.lost_calls) {
            return Err(Unreachable);
        }
        let (door, start) = self.door().ok_or(Unreachable)?;
        let asked = self.network.state().malice.ask(&self.name, ask);
        let answer = match asked {
            Asked::Lose => return Err(Unreachable),
            Asked::Answer(answer) => answer,
            Asked::Pass(ask) => {
                let mut answer = at_hub(&door, &ask).await?;
                if dice.per_ten_thousand(faults.repeated_calls) {
                    sleep_ms(dice.between(0, 200)).await;
                    let again = at_hub(&door, &ask).await?;
                    if dice.percent(50) {
                        answer = again;
                    }
                }
                let mut state = self.network.state();
                state.malice.answer(&self.name, &ask, answer)
            }
        };
        sleep_ms(faults.delay_ms(dice)).await;
        let there = self.door().is_some_and(|(_, now)| now == start);
        if !there || dice.per_ten_thousand(faults.lost_calls) {
            return Err(Unreachable);
        }
        Ok(answer)
    }
}

async fn sleep_ms(ms: u64) {
    tokio::time::sleep_until(clock::instant(clock::elapsed_ms() + ms)).await;
}

async fn at_hub(door: &Door, ask: &Ask) -> Result<Answer, Unreachable> {
    let mut request = http::Request::builder()
        .method(ask.method.clone())
        .uri(&ask.path)
        .body(ask.body.clone())
        .map_err(|_| Unreachable)?;
    request.headers_mut().clone_from(&ask.headers);
    let (status, body) = door.call(request).await;
    Ok(Answer {
        status: status.as_u16(),
        body,
    })
}
