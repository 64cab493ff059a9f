//! Messages on their way: taken, acknowledged by the server, received by their reader, counted once.
//!
//! Always holds: a message counts when the server has acknowledged it *and* its reader has it; an acknowledgement or a
//! message that comes twice, out of order or for something that was never said ends the run. Deliberately absent: how a
//! message travels; that is each peer's own.

use anyhow::{Context, Result, ensure};
use comity_bench::Times;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::ops::Range;
use std::rc::Rc;
use std::time::Instant;
use tokio::sync::Notify;

/// What all flows of a run share.
#[derive(Default)]
pub(crate) struct Run {
    /// What completes now counts.
    pub(crate) measuring: Cell<bool>,
    /// Nothing more is said.
    pub(crate) stopping: Cell<bool>,
    /// Messages that counted.
    pub(crate) messages: Cell<u64>,
    /// How long they took from their sending, once both ends had them.
    pub(crate) times: RefCell<Times>,
    /// Messages that were acknowledged, whether they counted or not.
    pub(crate) acknowledged: Cell<u64>,
}

/// What one writer has on its way to its reader. Its messages are numbered 0, 1, 2.
pub(crate) struct Flow {
    /// Of the pair, from 0.
    pub(crate) place: usize,
    in_flight: usize,
    bytes: usize,
    state: RefCell<State>,
    wake: Notify,
    run: Rc<Run>,
}

#[derive(Default)]
struct State {
    /// Number of the first slot; all before it are over.
    base: u64,
    slots: VecDeque<Slot>,
    open: usize,
    /// The number that the reader gets next.
    next_received: u64,
}

struct Slot {
    since: Instant,
    acknowledged: bool,
    received: bool,
}

impl Flow {
    /// One that has at most `in_flight` messages of `bytes` bytes on their way.
    pub(crate) fn new(place: usize, in_flight: usize, bytes: usize, run: Rc<Run>) -> Self {
        Self {
            place,
            in_flight,
            bytes,
            state: RefCell::default(),
            wake: Notify::new(),
            run,
        }
    }

    /// The numbers of what may be sent now; they are on their way from now on.
    pub(crate) fn take(&self) -> Range<u64> {
        let mut state = self.state.borrow_mut();
        let first = state.base + state.slots.len() as u64;
        if self.run.stopping.get() {
            return first..first;
        }
        let now = Instant::now();
        let mut end = first;
        while state.open < self.in_flight {
            state.open += 1;
            state.slots.push_back(Slot {
                since: now,
                acknowledged: false,
                received: false,
            });
            end += 1;
        }
        first..end
    }

    /// The server has taken this message and says that it keeps it.
    pub(crate) fn acknowledged(&self, number: u64) -> Result<()> {
        self.change(number, |slot| {
            ensure!(!slot.acknowledged, "acknowledged twice");
            slot.acknowledged = true;
            Ok(())
        })?;
        self.run.acknowledged.set(self.run.acknowledged.get() + 1);
        Ok(())
    }

    /// The reader has this message.
    pub(crate) fn received(&self, text: &[u8]) -> Result<()> {
        let (place, number) = number_of(text).context("not a message of this run")?;
        ensure!(place == self.place, "a message came to the wrong reader");
        {
            let mut state = self.state.borrow_mut();
            let next = state.next_received;
            ensure!(number == next, "{number} came where {next} was next");
            state.next_received += 1;
        }
        self.change(number, |slot| {
            ensure!(!slot.received, "received twice");
            slot.received = true;
            Ok(())
        })
    }

    fn change(&self, number: u64, change: impl Fn(&mut Slot) -> Result<()>) -> Result<()> {
        let mut state = self.state.borrow_mut();
        let place = number.checked_sub(state.base).context("over already")?;
        let slot = state.slots.get_mut(usize::try_from(place)?);
        let slot = slot.context("it was never said")?;
        change(slot)?;
        if !slot.acknowledged || !slot.received {
            return Ok(());
        }
        let since = slot.since;
        state.open -= 1;
        while state
            .slots
            .front()
            .is_some_and(|s| s.acknowledged && s.received)
        {
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

    /// Nothing more is said, and all that was has arrived at both ends.
    pub(crate) fn is_over(&self) -> bool {
        self.run.stopping.get() && self.state.borrow().open == 0
    }

    /// Waits until something may have become possible.
    pub(crate) async fn changed(&self) {
        self.wake.notified().await;
    }

    /// Has [`Self::changed`] return.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Everything that was acknowledged so far.
    pub(crate) fn all_acknowledged(&self) -> Vec<u64> {
        let state = self.state.borrow();
        let waiting = state.slots.iter().enumerate();
        let waiting = waiting.filter(|(_, slot)| slot.acknowledged);
        (0..state.base)
            .chain(waiting.map(|(at, _)| state.base + at as u64))
            .collect()
    }

    /// What a message says: its pair and number, filled up with letters to the length that was asked for.
    pub(crate) fn text(&self, number: u64) -> String {
        let mut text = format!("{} {number} ", self.place);
        let letters = b'a'..=b'z';
        let letters = letters.cycle().map(char::from);
        text.extend(letters.take(self.bytes.saturating_sub(text.len())));
        text
    }
}

/// The pair and number of a message.
pub(crate) fn number_of(text: &[u8]) -> Option<(usize, u64)> {
    let text = std::str::from_utf8(text).ok()?;
    let mut words = text.split(' ');
    let place = words.next()?.parse().ok()?;
    let number = words.next()?.parse().ok()?;
    words.next()?;
    Some((place, number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(in_flight: usize) -> (Rc<Run>, Flow) {
        let run = Rc::new(Run::default());
        run.measuring.set(true);
        (run.clone(), Flow::new(7, in_flight, 300, run))
    }

    fn receive(flow: &Flow, number: u64) -> Result<()> {
        flow.received(flow.text(number).as_bytes())
    }

    #[test]
    fn a_message_counts_once_both_ends_have_it_whichever_is_first() {
        let (run, flow) = flow(2);
        assert_eq!(flow.take(), 0..2);
        flow.acknowledged(0).unwrap();
        assert_eq!(run.messages.get(), 0);
        receive(&flow, 0).unwrap();
        assert_eq!(run.messages.get(), 1);
        receive(&flow, 1).unwrap();
        assert_eq!(run.messages.get(), 1);
        flow.acknowledged(1).unwrap();
        assert_eq!(run.messages.get(), 2);
        assert_eq!(run.acknowledged.get(), 2);
    }

    #[test]
    fn no_more_than_asked_for_are_on_their_way() {
        let (_, flow) = flow(3);
        assert_eq!(flow.take(), 0..3);
        assert!(flow.take().is_empty());
        // The second one is over first: one more may go, though the first still waits.
        flow.acknowledged(1).unwrap();
        receive(&flow, 0).unwrap();
        receive(&flow, 1).unwrap();
        assert_eq!(flow.take(), 3..4);
    }

    #[test]
    fn losses_doubles_and_inventions_end_the_run() {
        let (_, flow) = flow(4);
        let _ = flow.take();
        flow.acknowledged(2).unwrap();
        assert!(flow.acknowledged(2).is_err(), "acknowledged twice");
        assert!(flow.acknowledged(4).is_err(), "never said");
        assert!(receive(&flow, 1).is_err(), "the first one is missing");
        receive(&flow, 0).unwrap();
        assert!(receive(&flow, 0).is_err(), "received twice");
        flow.acknowledged(0).unwrap();
        assert!(flow.acknowledged(0).is_err(), "over already");
        assert!(flow.received(b"8 1 x").is_err(), "for another reader");
        assert!(flow.received(b"hello").is_err(), "no message of ours");
    }

    #[test]
    fn when_it_stops_what_is_on_its_way_still_arrives() {
        let (run, flow) = flow(1);
        let _ = flow.take();
        run.stopping.set(true);
        assert!(!flow.is_over());
        assert!(flow.take().is_empty());
        flow.acknowledged(0).unwrap();
        receive(&flow, 0).unwrap();
        assert!(flow.is_over());
    }

    #[test]
    fn what_was_acknowledged_is_known_also_before_it_was_received() {
        let (_, flow) = flow(4);
        let _ = flow.take();
        for number in [0, 1, 3] {
            flow.acknowledged(number).unwrap();
        }
        receive(&flow, 0).unwrap();
        assert_eq!(flow.all_acknowledged(), [0, 1, 3]);
    }

    #[test]
    fn a_message_has_its_length_and_tells_its_number() {
        let (_, flow) = flow(1);
        for number in [0, 12_345, u64::MAX] {
            let text = flow.text(number);
            assert_eq!(text.len(), 300);
            assert_eq!(number_of(text.as_bytes()), Some((7, number)));
        }
        for wrong in [&b"7"[..], b"7 1", b"x 1 y", b"7 -1 y", b"\xff 1 y"] {
            assert_eq!(number_of(wrong), None);
        }
    }
}
