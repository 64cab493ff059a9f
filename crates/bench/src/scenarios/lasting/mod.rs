//! Load that lasts: an even load of pairs, and beside it everything that a server meets in the open. Devices come and
//! go, read nothing or a byte a second, flood and send what is none of the protocol's.
//!
//! Always holds: the server has its limits on; the even load keeps within them and is judged by what it gets, the others
//! by how they are refused. What has to hold is in `verdict`, each of which can be made to fail by a limit that is set
//! otherwise. Deliberately absent: speed.

mod abuse;
mod comers;
mod even;
mod field;
mod floods;
mod slow;
mod verdict;

use super::Stage;
use crate::report::Measured;
use crate::server::{Sample, Server, Start};
use anyhow::{Result, bail};
use even::Even;
use field::Field;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use verdict::{Course, Ends, Window, judge};

/// Pairs that talk evenly, and how many messages a second each.
const EVEN: usize = 16;
const EVEN_PER_SECOND: u32 = 10;
/// Pairs of whom one reads slowly.
const SLOW: usize = 4;
/// Pairs of whom one floods.
const FLOODS: usize = 2;
/// Devices that come and go, in pairs.
const COMERS: usize = 4;
/// Devices that abuse, in pairs.
const ABUSERS: usize = 2;
/// Pairs that all of it needs.
pub(super) const PAIRS: usize = EVEN + SLOW + FLOODS + COMERS + ABUSERS;

/// Within this time after all have gone the server has closed what was open, and given back what it kept for them.
const LEAVING: Duration = Duration::from_secs(30);

/// Runs it and judges what came of it.
pub(super) async fn lasting(stage: &Stage<'_>, say: &dyn Fn(&str)) -> Result<Measured> {
    let own = if stage.args.quick { QUICKLY } else { IN_FULL };
    let start = Start {
        limits: Some(limits(own, &stage.args.limit)?),
        ..stage.start.clone()
    };
    let server = start.server().await?;
    let before = server.sample().await?;
    let at_start = ends(&server, &before)?;
    let time = Duration::from_secs_f64(stage.args.seconds);
    let mut even = Even::start(stage, &server).await?;
    // Alone at first: what it is held against.
    let quiet = (time / 6).max(Duration::from_secs(1));
    even.go_on(quiet).await?;
    even.take();
    even.go_on(quiet).await?;
    let quiet_p99_ms = even.take().p99_ms;
    say(&format!("the even load alone: p99 {quiet_p99_ms:.1} ms"));

    let sign_in_ms = if stage.args.quick {
        SIGN_IN_QUICKLY_MS
    } else {
        SIGN_IN_MS
    };
    let field = Rc::new(Field::new(&server, Duration::from_millis(sign_in_ms)));
    let mut guests = guests(stage, &field)?;
    let length = (time / 12).clamp(Duration::from_millis(500), Duration::from_secs(30));
    let begun = Instant::now();
    let mut windows = Vec::new();
    while begun.elapsed() < time {
        let from = Instant::now();
        even.go_on(length).await?;
        let taken = even.take();
        windows.push(Window {
            seconds: from.elapsed().as_secs_f64(),
            memory_bytes: server.usage()?.memory_bytes,
            files: server.open_files()?,
            p99_ms: taken.p99_ms,
            said: taken.said,
        });
        if let Some(window) = windows.last() {
            say(&window.line());
        }
    }
    let after = server.sample().await?;
    field.stop();
    while let Some(ended) = guests.join_next().await {
        ended?;
    }
    let times = even.finish().await?;
    let at_end = settled(&server, at_start).await?;
    server.stop().await?;

    let course = Course {
        per_second: EVEN_PER_SECOND,
        quiet_p99_ms,
        at_start,
        windows,
        at_end,
        seen: field.take(),
    };
    for (what, count) in &course.seen.counts {
        say(&format!("{count:>9} × {what}"));
    }
    let findings = judge(&course);
    if !findings.is_empty() {
        bail!("it did not hold:\n- {}", findings.join("\n- "));
    }
    let what = format!("{EVEN} pairs at {EVEN_PER_SECOND} a second each; {course}");
    let mut measured = Measured::of("lasting", what, course.said(), &before, &after);
    measured.memory_bytes = Some(course.most_memory());
    measured.times(times);
    Ok(measured)
}

/// Limits that differ from the server's own: none where there is time, and where there is little some are
/// reached sooner.
const IN_FULL: &[(&str, u64)] = &[("sign_in_timeout_ms", SIGN_IN_MS)];
const QUICKLY: &[(&str, u64)] = &[
    ("sign_in_timeout_ms", SIGN_IN_QUICKLY_MS),
    ("registrations_per_address_per_hour", 5),
    ("appends_burst", 1_100),
];
const SIGN_IN_MS: u64 = 10_000;
const SIGN_IN_QUICKLY_MS: u64 = 1_000;

/// Those limits, but for what was asked for otherwise.
fn limits(own: &[(&str, u64)], otherwise: &[String]) -> Result<String> {
    let own = own.iter().map(|(name, value)| (*name, value.to_string()));
    let mut lines: BTreeMap<&str, String> = own.collect();
    for one in otherwise {
        let Some((name, value)) = one.split_once('=') else {
            bail!("--limit {one}: NAME=VALUE");
        };
        lines.insert(name, value.to_owned());
    }
    let lines = lines
        .iter()
        .map(|(name, value)| format!("{name} = {value}\n"));
    Ok(lines.collect())
}

/// Everybody but the even load.
fn guests(stage: &Stage<'_>, field: &Rc<Field>) -> Result<JoinSet<()>> {
    let mut tasks = JoinSet::new();
    let mut places = EVEN..;
    let mut next = || places.next().unwrap_or_default();
    for number in 0..SLOW {
        let place = next();
        slow::spawn(&mut tasks, field, stage, place, number)?;
    }
    for _ in 0..FLOODS {
        floods::spawn_appends(&mut tasks, field, stage, next())?;
    }
    for _ in 0..COMERS {
        let (one, other) = stage.pair(next())?;
        comers::spawn(&mut tasks, field, one);
        comers::spawn(&mut tasks, field, other);
    }
    for _ in 0..ABUSERS {
        let (one, other) = stage.pair(next())?;
        abuse::spawn(&mut tasks, field, one, other);
    }
    floods::spawn_others(&mut tasks, field);
    Ok(tasks)
}

fn ends(server: &Server, sample: &Sample) -> Result<Ends> {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let connections = sample.metrics.get("comity_connections").max(0.0) as u64;
    Ok(Ends {
        memory_bytes: sample.usage.memory_bytes,
        files: server.open_files()?,
        connections,
    })
}

/// What is left when all are gone; waits while there is more than there was.
async fn settled(server: &Server, at_start: Ends) -> Result<Ends> {
    let end = Instant::now() + LEAVING;
    loop {
        let now = ends(server, &server.sample().await?)?;
        if now.is_empty_as(&at_start) || Instant::now() > end {
            return Ok(now);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
