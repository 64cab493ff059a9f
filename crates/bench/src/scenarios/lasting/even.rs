//! The even load: pairs at a pace that is within every limit, each counted for itself.

use super::{EVEN, EVEN_PER_SECOND, Stage};
use crate::clock::Times;
use crate::line::Line;
use crate::server::Server;
use crate::traffic::{Flow, Pace, Run, read, write};
use anyhow::{Context, Result, bail};
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// The pairs, talking.
pub(super) struct Even {
    flows: Vec<Rc<Flow>>,
    runs: Vec<Rc<Run>>,
    writers: JoinSet<Result<()>>,
    readers: JoinSet<Result<()>>,
    all: Times,
}

/// What arrived since it was asked for last.
pub(super) struct Taken {
    /// Messages of each pair.
    pub(super) said: Vec<u64>,
    pub(super) p99_ms: f64,
}

impl Even {
    pub(super) async fn start(stage: &Stage<'_>, server: &Server) -> Result<Self> {
        let every = Duration::from_secs(1) / EVEN_PER_SECOND;
        let mut even = Self {
            flows: Vec::new(),
            runs: Vec::new(),
            writers: JoinSet::new(),
            readers: JoinSet::new(),
            all: Times::default(),
        };
        let mut lines = Vec::new();
        for place in 0..EVEN {
            let (writer, reader) = stage.pair(place)?;
            let (writer, _) = Line::open(&server.target, &writer).await?;
            let (reader, _) = Line::open(&server.target, &reader).await?;
            lines.push((writer, reader));
        }
        let now = Instant::now();
        for (place, (writer, reader)) in (0..).zip(lines) {
            let pair = stage.world.pairs.get(even.runs.len());
            let voice = pair.context("too few pairs")?.first.clone();
            let run = Rc::new(Run::default());
            run.measuring.set(true);
            // Not all at once.
            let first = now + every * place / u32::try_from(EVEN)?;
            let pace = Pace { first, every };
            let flow = Rc::new(Flow::paced(voice, pace, run.clone()));
            even.writers.spawn_local(write(writer, flow.clone()));
            even.readers.spawn_local(read(reader, flow.clone()));
            even.flows.push(flow);
            even.runs.push(run);
        }
        Ok(even)
    }

    /// Lets them talk; one that fails ends it.
    pub(super) async fn go_on(&mut self, time: Duration) -> Result<()> {
        let failed = tokio::select! {
            Some(ended) = self.writers.join_next() => ended?,
            Some(ended) = self.readers.join_next() => ended?,
            () = tokio::time::sleep(time) => return Ok(()),
        };
        failed.context("the even load broke")?;
        bail!("one of the even load stopped before the end")
    }

    pub(super) fn take(&mut self) -> Taken {
        let mut times = Times::default();
        let mut said = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            said.push(run.messages.take());
            times.append(&run.times.take());
        }
        self.all.append(&times);
        Taken {
            said,
            p99_ms: times.percentile_ms(0.99),
        }
    }

    /// Ends it when all that was said has arrived; the times of all.
    pub(super) async fn finish(mut self) -> Result<Times> {
        self.take();
        for (flow, run) in self.flows.iter().zip(&self.runs) {
            run.stopping.set(true);
            flow.wake();
        }
        let writers = async {
            while let Some(ended) = self.writers.join_next().await {
                ended??;
            }
            Ok::<(), anyhow::Error>(())
        };
        let ended = tokio::time::timeout(crate::line::PATIENCE, writers).await;
        ended.context("messages of the even load did not arrive")??;
        Ok(self.all)
    }
}
