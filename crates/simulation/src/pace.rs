//! How long a device is busy: processor time of its core's steps, for measuring. What happens in a
//! world does not depend on it, and but for `blocked` it does not depend on what else the machine
//! does.

use comity_client::Input;
use std::time::Duration;

/// Processor time that this process has used, the library's own threads with it.
#[must_use]
pub fn processor_time() -> Duration {
    read(rustix::time::ClockId::ProcessCPUTime)
}

/// The machine's time, not the world's.
fn machine_time() -> Duration {
    read(rustix::time::ClockId::Monotonic)
}

fn read(clock: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), nanos)
}

/// Processor time of steps.
#[derive(Debug, Clone, Default)]
pub struct Pace {
    /// How many.
    pub steps: u64,
    /// All together.
    pub total: Duration,
    /// The longest.
    pub longest: Duration,
    /// The longest by the clock on the wall: for so long the program that called it waited.
    pub blocked: Duration,
    /// What the longest was about.
    pub longest_of: String,
}

impl Pace {
    /// Times a step.
    pub(crate) fn take<T>(&mut self, input: Input, step: impl FnOnce(Input) -> T) -> T {
        let what = kind(&input);
        let (begun, at) = (processor_time(), machine_time());
        let outcome = step(input);
        let took = processor_time().saturating_sub(begun);
        self.blocked = self.blocked.max(machine_time().saturating_sub(at));
        self.steps += 1;
        self.total += took;
        if took > self.longest {
            self.longest = took;
            what.clone_into(&mut self.longest_of);
        }
        outcome
    }
}

fn kind(input: &Input) -> &'static str {
    use comity_wire::proto::{reply::Result, server_frame::Frame};
    match input {
        Input::Command(_) => "command",
        Input::HttpDone { .. } => "answer",
        Input::Tick => "tick",
        Input::Frame(frame) => match &frame.frame {
            Some(Frame::Deliver(_)) => "deliver",
            Some(Frame::Reply(reply)) => match &reply.result {
                Some(Result::Deliver(_)) => "deliver (asked)",
                Some(Result::Committed(_)) => "committed",
                Some(Result::Welcome(_)) => "welcome",
                Some(Result::State(_)) => "state",
                Some(Result::Created(_)) => "created",
                Some(Result::Appended(_)) => "appended",
                Some(Result::Error(_)) => "error",
                _ => "reply",
            },
            _ => "frame",
        },
        _ => "other",
    }
}
