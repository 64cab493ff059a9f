//! Loads a server with all pairs at once, and says what that cost.
//!
//! Always holds: the same warming up and the same counting as `comity bench`; a pair that fails ends the run; after the
//! measured time everything that was said must still arrive. Deliberately absent: open loops.

use crate::flow::{Flow, Run};
use crate::options::Options;
use crate::report::Figures;
use crate::server::{PATIENCE, Server};
use crate::tree::processor_time;
use anyhow::{Context, Result, bail, ensure};
use comity_bench::yardstick_us;
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Time before anything is measured; `comity bench` has the same.
const WARMING: Duration = Duration::from_secs(1);
/// Pairs that are opened at once.
const OPENING: usize = 16;

/// All pairs at work.
pub(crate) struct Driving {
    pub(crate) run: Rc<Run>,
    pub(crate) flows: Vec<Rc<Flow>>,
    writers: JoinSet<Result<()>>,
    readers: JoinSet<Result<()>>,
}

impl Driving {
    /// Connects all pairs, then lets them begin.
    pub(crate) async fn begin(server: &Server, options: &Options) -> Result<Self> {
        let run = Rc::new(Run::default());
        let flows: Vec<_> = (0..options.pairs)
            .map(|place| {
                let run = run.clone();
                Rc::new(Flow::new(place, options.in_flight, options.bytes, run))
            })
            .collect();
        let opening = flows.iter().map(|flow| server.open(flow.clone()));
        let opened: Vec<_> = futures_util::stream::iter(opening)
            .buffered(OPENING)
            .try_collect()
            .await?;
        let (mut writers, mut readers) = (JoinSet::new(), JoinSet::new());
        for ends in opened {
            readers.spawn_local(ends.reader);
            writers.spawn_local(ends.writer);
        }
        Ok(Self {
            run,
            flows,
            writers,
            readers,
        })
    }

    /// Waits so long; a writer or reader that ends before that is a failure.
    pub(crate) async fn go_on(&mut self, time: Duration) -> Result<()> {
        let ended = tokio::select! {
            Some(ended) = self.writers.join_next() => ended?,
            Some(ended) = self.readers.join_next() => ended?,
            () = tokio::time::sleep(time) => return Ok(()),
        };
        ended?;
        bail!("one of a pair stopped before the end")
    }

    /// Says nothing more and waits until all that was said has arrived.
    async fn finish(mut self) -> Result<()> {
        self.run.stopping.set(true);
        for flow in &self.flows {
            flow.wake();
        }
        let end = Instant::now() + PATIENCE;
        while !self.writers.is_empty() {
            let left = end.saturating_duration_since(Instant::now());
            tokio::select! {
                Some(ended) = self.writers.join_next() => ended??,
                Some(ended) = self.readers.join_next() => {
                    ended??;
                    bail!("a reader stopped before the end");
                }
                () = tokio::time::sleep(left) => bail!("messages did not arrive"),
            }
        }
        Ok(())
    }
}

struct Sample {
    at: Instant,
    server: Duration,
    own: Duration,
}

impl Sample {
    fn take(server: &Server) -> Result<Self> {
        Ok(Self {
            at: Instant::now(),
            server: processor_time(&server.roots())?,
            own: own_time(),
        })
    }
}

/// Processor time of this program alone, without the servers below it.
fn own_time() -> Duration {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ProcessCPUTime);
    let nanoseconds = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), nanoseconds)
}

/// Measures a server that is prepared, once.
pub(crate) async fn measure(server: &Server, options: &Options) -> Result<Figures> {
    let yardstick_before = yardstick_us();
    let mut driving = Driving::begin(server, options).await?;
    driving.go_on(WARMING).await?;
    let before = Sample::take(server)?;
    let run = driving.run.clone();
    run.measuring.set(true);
    driving
        .go_on(Duration::from_secs_f64(options.seconds))
        .await?;
    run.measuring.set(false);
    let after = Sample::take(server)?;
    driving.finish().await?;
    let messages = run.messages.get();
    ensure!(
        messages > 0,
        "not one message arrived while it was measured"
    );
    let mut times = run.times.take();
    let per_100k = |before: Duration, after: Duration| {
        after.saturating_sub(before).as_secs_f64() * 100_000.0 / float(messages)
    };
    let seconds = after.at.duration_since(before.at).as_secs_f64();
    Ok(Figures {
        messages,
        seconds,
        per_second: float(messages) / seconds.max(1e-9),
        p50_ms: times.percentile_ms(0.5),
        p99_ms: times.percentile_ms(0.99),
        server_cpu_s_per_100k: per_100k(before.server, after.server),
        load_cpu_s_per_100k: per_100k(before.own, after.own),
        yardstick_us: f64::midpoint(yardstick_before, yardstick_us()),
    })
}

#[allow(clippy::cast_precision_loss, reason = "a count of messages")]
fn float(count: u64) -> f64 {
    count as f64
}

/// Goes on until so many messages were acknowledged.
pub(crate) async fn until_acknowledged(driving: &mut Driving, messages: u64) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while driving.run.acknowledged.get() < messages {
        driving.go_on(Duration::from_millis(5)).await?;
        ensure!(Instant::now() < end, "too slow for a proof");
    }
    Ok(())
}

/// What was acknowledged to a program whose server is gone: everything that had reached this machine's sockets is read
/// first, and nothing can follow.
pub(crate) async fn acknowledged(driving: Driving) -> Result<Vec<(usize, u64)>> {
    // Long enough for what lies in the sockets; who still waits then waits for ever.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let all = driving.flows.iter().flat_map(|flow| {
        let place = flow.place;
        flow.all_acknowledged()
            .into_iter()
            .map(move |number| (place, number))
    });
    let all: Vec<_> = all.collect();
    let count = u64::try_from(all.len())?;
    let told = driving.run.acknowledged.get();
    ensure!(count == told, "{count} acknowledged messages of {told}");
    all.first().context("nothing was acknowledged")?;
    Ok(all)
}
