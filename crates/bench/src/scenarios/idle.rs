//! What a connection costs that does nothing.

use super::Stage;
use crate::line::{Line, PATIENCE, Target, quiet};
use crate::person::random_bytes;
use crate::prepare::all;
use crate::report::Measured;
use crate::world::{Pair, Voice};
use anyhow::{Context, Result, bail};
use comity_e2ee::keys::DeviceKeys;
use comity_wire::proto::{
    Acknowledge, Deliver, Position, client_frame::Act, reply, server_frame::Frame,
};
use std::time::Duration;

/// Pairs that are opened at once.
const OPENING: usize = 32;
/// Cursors are written and the memory for it is given back within this time.
const SETTLING: Duration = Duration::from_secs(8);
/// Where nothing is said about memory.
const QUICKLY: Duration = Duration::from_millis(500);

/// Connections after one message each way, and the memory that the server has for each.
pub(super) async fn idle(stage: &Stage<'_>) -> Result<Measured> {
    let server = stage.server().await?;
    // One comes and goes first, so that what is made once is not counted.
    let (first, _) = stage.pair(0)?;
    Line::open(&server.target, &first).await?.0.close().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = server.sample().await?;
    let pairs = stage.args.connections.div_ceil(2);
    let mut work = Vec::with_capacity(pairs);
    for (place, pair) in stage.world.pairs.iter().take(pairs).enumerate() {
        work.push((server.target.clone(), stage.pair(place)?, pair.clone()));
    }
    let connections = 2 * work.len();
    let bytes = work
        .first()
        .map_or(0, |(_, _, pair)| pair.first.body.0.len());
    let work = work
        .into_iter()
        .map(|(target, keys, pair)| async move { greet(&target, keys, &pair).await });
    let lines = all(work, OPENING).await?;
    let opened = server.sample().await?;
    let settling = if stage.args.quick { QUICKLY } else { SETTLING };
    tokio::time::sleep(settling).await;
    let after = server.sample().await?;
    let what = format!("{connections} connections, after one message each way");
    let messages = u64::try_from(connections)?;
    let mut measured = Measured::of("idle", what, messages, &before, &opened);
    measured.message_bytes = Some(bytes);
    let grown = after
        .usage
        .memory_bytes
        .saturating_sub(before.usage.memory_bytes);
    measured.bytes_per_connection = Some(grown / messages.max(1));
    drop(lines);
    server.stop().await?;
    Ok(measured)
}

async fn greet(
    target: &Target,
    (first, second): (DeviceKeys, DeviceKeys),
    pair: &Pair,
) -> Result<(Line, Line)> {
    let (mut one, _) = Line::open(target, &first).await?;
    let (mut other, _) = Line::open(target, &second).await?;
    say(&mut one, &mut other, &pair.first).await?;
    say(&mut other, &mut one, &pair.second).await?;
    Ok((one, other))
}

/// One says something; the other gets and acknowledges it.
async fn say(from: &mut Line, to: &mut Line, voice: &Voice) -> Result<()> {
    let key = random_bytes();
    match from.ask(Act::Append(voice.append(key))).await? {
        reply::Result::Appended(_) => {}
        other => bail!("a message was not taken: {other:?}"),
    }
    let deliver = tokio::time::timeout(PATIENCE, delivered(to, &key))
        .await
        .context("a message did not arrive")??;
    let positions = vec![Position {
        hub: deliver.hub,
        log: deliver.log,
        seq: deliver.head_seq,
    }];
    to.send(vec![quiet(Act::Acknowledge(Acknowledge { positions }))])
        .await
}

async fn delivered(line: &mut Line, key: &[u8; 16]) -> Result<Deliver> {
    loop {
        for frame in line.frames().await? {
            if let Frame::Deliver(deliver) = frame
                && deliver
                    .entries
                    .iter()
                    .any(|entry| entry.idempotency_key == key)
            {
                return Ok(deliver);
            }
        }
    }
}
