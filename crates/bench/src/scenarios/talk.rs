//! Everybody is there: pairs in closed and in open loop, and groups.

use super::Stage;
use crate::report::Measured;
use crate::traffic::{Driven, Load, Route, Until, drive};
use anyhow::{Context, Result};
use comity_wire::limits::REQUESTS_IN_FLIGHT_MAX;
use std::time::Duration;

/// Cursors are written and the log is moved within this time, after the last message.
const AFTERWARDS: Duration = Duration::from_secs(5);

fn direct(stage: &Stage<'_>, pairs: usize) -> Result<Vec<Route>> {
    let made = stage.world.pairs.iter().take(pairs).enumerate();
    made.map(|(place, pair)| {
        let (writer, reader) = stage.pair(place)?;
        Ok(Route {
            writer,
            readers: vec![reader],
            voices: vec![pair.first.clone()],
        })
    })
    .collect()
}

async fn timed(
    stage: &Stage<'_>,
    name: &str,
    what: String,
    routes: Vec<Route>,
    load: Load,
) -> Result<Measured> {
    let server = stage.server().await?;
    let bytes = routes
        .first()
        .and_then(|route| route.voices.first())
        .map_or(0, |voice| voice.body.0.len());
    let mut driven = drive(&server, routes, load).await?;
    if matches!(load.until, Until::Count(_)) {
        // What acknowledgements lead to counts too, and their connections stay meanwhile.
        tokio::time::sleep(AFTERWARDS).await;
        let seconds = driven.after.at;
        driven.after = server.sample().await?;
        driven.after.at = seconds;
    }
    let Driven {
        before,
        after,
        messages,
        times,
        readers,
    } = driven;
    drop(readers);
    let mut measured = Measured::of(name, what, messages, &before, &after);
    measured.message_bytes = Some(bytes);
    measured.times(times);
    let end = server.stop().await?;
    measured.written(&before, &end);
    Ok(measured)
}

fn closed(stage: &Stage<'_>, in_flight: usize) -> Load {
    Load {
        in_flight,
        per_second: None,
        until: Until::Time(Duration::from_secs_f64(stage.args.seconds)),
    }
}

/// 64 pairs × 8 in flight.
pub(super) async fn pairs(stage: &Stage<'_>) -> Result<Measured> {
    let (pairs, in_flight) = (stage.args.pairs, stage.args.in_flight);
    let what = format!("{pairs} pairs, {in_flight} in flight each");
    let routes = direct(stage, pairs)?;
    timed(stage, "pairs", what, routes, closed(stage, in_flight)).await
}

/// The same over many conversations.
pub(super) async fn many(stage: &Stage<'_>) -> Result<Measured> {
    let (pairs, in_flight) = (stage.world.many_pairs, stage.args.in_flight);
    let count = stage.args.conversations;
    let mut routes = Vec::with_capacity(pairs);
    for place in 0..pairs {
        let (writer, reader) = stage.pair(place)?;
        let voices = stage.world.many.iter().take(count);
        routes.push(Route {
            writer,
            readers: vec![reader],
            voices: voices.skip(place).step_by(pairs).cloned().collect(),
        });
    }
    let what =
        format!("{count} conversations at random, {pairs} pairs, {in_flight} in flight each");
    timed(stage, "many", what, routes, closed(stage, in_flight)).await
}

/// Many pairs, one in flight each.
pub(super) async fn single(stage: &Stage<'_>) -> Result<Measured> {
    let pairs = stage.args.single_pairs;
    let what = format!("{pairs} pairs, one in flight each");
    let routes = direct(stage, pairs)?;
    timed(stage, "single", what, routes, closed(stage, 1)).await
}

/// Sending at a pace, whatever comes back.
pub(super) async fn paced(stage: &Stage<'_>) -> Result<Measured> {
    let (pairs, rate) = (stage.args.pairs, stage.args.rate);
    let what = format!("{rate} a second by {pairs} pairs, from when each was due");
    let load = Load {
        per_second: Some(f64::from(rate)),
        ..closed(stage, REQUESTS_IN_FLIGHT_MAX)
    };
    let routes = direct(stage, pairs)?;
    timed(stage, "paced", what, routes, load).await
}

/// One conversation of two at a group's pace: what a group's message costs is held against it.
pub(super) async fn pair(stage: &Stage<'_>) -> Result<Measured> {
    let rate = stage.args.group_rate;
    let what = format!("{rate} a second in one conversation of two");
    timed(
        stage,
        "pair",
        what,
        direct(stage, 1)?,
        at_groups_pace(stage)?,
    )
    .await
}

fn at_groups_pace(stage: &Stage<'_>) -> Result<Load> {
    Ok(Load {
        in_flight: REQUESTS_IN_FLIGHT_MAX,
        per_second: Some(f64::from(stage.args.group_rate)),
        until: Until::Count(u64::try_from(stage.args.group_messages)?),
    })
}

/// A group whose devices all acknowledge.
pub(super) async fn group(stage: &Stage<'_>, devices: usize) -> Result<Measured> {
    let group = stage.world.group(devices)?;
    let people = stage.world.people.iter().take(devices);
    let mut keys = people
        .map(|person| person.keys())
        .collect::<Result<Vec<_>>>()?;
    let readers = keys.split_off(1);
    let route = Route {
        writer: keys.pop().context("an empty group")?,
        readers,
        voices: vec![group.voice.clone()],
    };
    let rate = stage.args.group_rate;
    let load = at_groups_pace(stage)?;
    let what = format!("{rate} a second in a group of {devices} devices, all acknowledging");
    timed(stage, &format!("group-{devices}"), what, vec![route], load).await
}
