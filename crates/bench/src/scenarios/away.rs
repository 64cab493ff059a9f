//! Somebody is away: what is stored for them, and how they get it.

use super::Stage;
use crate::line::{Line, Target, quiet};
use crate::prepare::all;
use crate::report::Measured;
use crate::server::Server;
use crate::traffic::{Load, Route, Until, drive};
use anyhow::{Context, Result, bail};
use comity_e2ee::keys::DeviceKeys;
use comity_wire::proto::{Acknowledge, Fetch, LogState, Position, Sync, client_frame::Act, reply};

/// On their way at once, of each writer.
const STORING: usize = 16;
/// Devices that come back at once.
const COMING: usize = 64;
/// What a device asks for at once.
const FETCH_BYTES: u32 = 512 * 1024;

/// Stores for people who are away, who then sign in and fetch all of it.
pub(super) async fn offline(stage: &Stage<'_>) -> Result<Vec<Measured>> {
    let (away, stored) = (stage.args.away, stage.args.stored);
    store_and_fetch(stage, away, stored / away.max(1), ["store", "drain"]).await
}

/// One device that missed a lot.
pub(super) async fn catch_up(stage: &Stage<'_>) -> Result<Vec<Measured>> {
    let both = store_and_fetch(stage, 1, stage.args.missed, ["store-one", "catch-up"]).await?;
    Ok(both.into_iter().skip(1).collect())
}

async fn store_and_fetch(
    stage: &Stage<'_>,
    away: usize,
    each: usize,
    [storing, fetching]: [&str; 2],
) -> Result<Vec<Measured>> {
    let server = stage.server().await?;
    let mut routes = Vec::with_capacity(away);
    let mut devices = Vec::with_capacity(away);
    let mut bytes = 0;
    for (place, pair) in stage.world.pairs.iter().take(away).enumerate() {
        let (writer, reader) = stage.pair(place)?;
        bytes = pair.first.body.0.len();
        routes.push(Route {
            writer,
            readers: Vec::new(),
            voices: vec![pair.first.clone()],
        });
        devices.push((reader, pair.first.conversation.to_vec()));
    }
    // What an earlier run left is not counted.
    fetch_all(&server, &devices).await?;
    let load = Load {
        in_flight: STORING,
        per_second: None,
        until: Until::Count(u64::try_from(each)?),
    };
    let driven = drive(&server, routes, load).await?;
    let what = format!("for {away} away, {STORING} in flight for each");
    let (before, after) = (&driven.before, &driven.after);
    let mut stored = Measured::of(storing, what, driven.messages, before, after);
    stored.message_bytes = Some(bytes);
    stored.times(driven.times);

    let before = server.sample().await?;
    let fetched = fetch_all(&server, &devices).await?;
    let after = server.sample().await?;
    anyhow::ensure!(
        fetched == driven.messages,
        "{} messages were stored and {fetched} fetched",
        driven.messages
    );
    let what = format!("{away} devices sign in and fetch {each} messages each");
    let mut drained = Measured::of(fetching, what, fetched, &before, &after);
    drained.message_bytes = Some(bytes);
    let end = server.stop().await?;
    stored.written(&driven.before, &end);
    Ok(vec![stored, drained])
}

/// Every device signs in and fetches what it misses of its conversation; how much that was.
async fn fetch_all(server: &Server, devices: &[(DeviceKeys, Vec<u8>)]) -> Result<u64> {
    let work: Vec<_> = devices
        .iter()
        .map(|(keys, log)| {
            let keys = DeviceKeys::from_bytes(&keys.to_bytes());
            (server.target.clone(), keys, log.clone())
        })
        .collect();
    let work = work
        .into_iter()
        .map(|(target, keys, log)| async move { fetch(&target, &keys?, &log).await });
    Ok(all(work, COMING).await?.into_iter().sum())
}

async fn fetch(target: &Target, keys: &DeviceKeys, log: &[u8]) -> Result<u64> {
    let (mut line, _) = Line::open(target, keys).await?;
    let LogState {
        cursor, head_seq, ..
    } = state(&mut line, log).await?;
    let mut after_seq = cursor;
    let mut fetched = 0;
    while after_seq < head_seq {
        let ask = Act::Fetch(Fetch {
            hub: String::new(),
            log: log.to_vec(),
            after_seq,
            bytes_max: FETCH_BYTES,
        });
        let reply::Result::Deliver(deliver) = line.ask(ask).await? else {
            bail!("no entries")
        };
        anyhow::ensure!(deliver.gap_until_seq == 0, "entries were lost");
        for entry in &deliver.entries {
            anyhow::ensure!(entry.seq == after_seq + 1, "a log has a hole");
            after_seq = entry.seq;
            fetched += 1;
        }
        let positions = vec![Position {
            hub: String::new(),
            log: log.to_vec(),
            seq: after_seq,
        }];
        line.send(vec![quiet(Act::Acknowledge(Acknowledge { positions }))])
            .await?;
    }
    line.close().await;
    Ok(fetched)
}

async fn state(line: &mut Line, log: &[u8]) -> Result<LogState> {
    let mut since = 0;
    loop {
        let reply::Result::Sync(sync) = line.ask(Act::Sync(Sync { since })).await? else {
            bail!("no answer to a sync")
        };
        if let Some(found) = sync.logs.into_iter().find(|state| state.log == log) {
            return Ok(found);
        }
        since = Some(sync.token)
            .filter(|_| sync.more)
            .context("a device does not know its conversation")?;
    }
}
