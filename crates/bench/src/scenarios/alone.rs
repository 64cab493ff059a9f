//! Coming: sign-ins one after the other, and the start of the server itself.

use super::Stage;
use crate::clock::Times;
use crate::line::Line;
use crate::person::random_bytes;
use crate::prepare::all;
use crate::report::Measured;
use anyhow::{Context, Result};
use comity_wire::proto::client_frame::Act;
use std::time::Instant;

/// Devices that sign in at once.
const AT_ONCE: usize = 64;

/// Full handshakes and sign-ins.
pub(super) async fn logins(stage: &Stage<'_>) -> Result<Measured> {
    let server = stage.server().await?;
    let people = stage.args.logins.min(256);
    let each = stage.args.logins / people.max(1);
    let before = server.sample().await?;
    let mut work = Vec::with_capacity(people);
    for person in stage.world.people.iter().take(people) {
        work.push((server.target.clone(), person.keys()?));
    }
    let work = work.into_iter().map(|(target, keys)| async move {
        let mut taken = Vec::with_capacity(each);
        for _ in 0..each {
            let start = Instant::now();
            let (line, _) = Line::open(&target, &keys).await?;
            taken.push(start.elapsed());
            // No goodbye: a phone that loses its network says none.
            drop(line);
        }
        Ok(taken)
    });
    let taken = all(work, AT_ONCE).await?;
    let after = server.sample().await?;
    let mut times = Times::default();
    let mut count = 0;
    for time in taken.into_iter().flatten() {
        times.add(time);
        count += 1;
    }
    let what = format!("full handshakes with a device's signature, {AT_ONCE} at once");
    let mut measured = Measured::of("logins", what, count, &before, &after);
    measured.times(times);
    server.stop().await?;
    Ok(measured)
}

/// From the start of the program to the first message.
pub(super) async fn cold(stage: &Stage<'_>) -> Result<Measured> {
    let begun = Instant::now();
    let server = stage.server().await?;
    let (writer, _) = stage.pair(0)?;
    let pair = stage.world.pairs.first().context("no conversation")?;
    let (mut line, _) = Line::open(&server.target, &writer).await?;
    line.ask(Act::Append(pair.first.append(random_bytes())))
        .await?;
    let mut times = Times::default();
    times.add(begun.elapsed());
    let after = server.sample().await?;
    let mut before = after.clone();
    (before.at, before.usage.cpu) = (begun, std::time::Duration::ZERO);
    let what = "from the start of the program to the first message".to_owned();
    let mut measured = Measured::of("cold", what, 1, &before, &after);
    measured.memory_bytes = Some(after.usage.memory_bytes);
    measured.times(times);
    line.close().await;
    server.stop().await?;
    Ok(measured)
}
