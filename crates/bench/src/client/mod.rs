//! The client, measured: the core that ships, on its encrypted store, at a real server.
//!
//! What counts is what the core's own steps take: processor time, time on the wall, bytes that its store had the kernel
//! write. The other side of a conversation is another core, which seals and opens like this one; its store is in memory,
//! so that the bytes are those of the one that is measured. Devices that are in a group only to make it large are leaves
//! whom nobody runs.
//!
//! Always holds: every message arrives, readable and once, or the run fails. Deliberately absent: a screen, and the
//! passphrase of a store, which is slow on purpose.

mod away;
mod browser;
mod copies;
mod device;
mod house;
mod stores;
mod talk;
mod tally;

use crate::options::{BenchArgs, Scenario};
use crate::report::ClientMeasured;
use crate::server::Start;
use anyhow::{Result, bail};
use house::House;

pub(crate) use tally::Tally;

/// Runs one of the client's scenarios. What it needs is made anew beside what `start` has, and thrown away.
pub(crate) async fn run(
    args: &BenchArgs,
    start: &Start,
    scenario: Scenario,
    say: &dyn Fn(&str),
) -> Result<Vec<ClientMeasured>> {
    let house = House::open(start).await?;
    let measured = match scenario {
        Scenario::Encrypt => talk::run(args, &house, talk::Side::Writes, say).await?,
        Scenario::Decrypt => talk::run(args, &house, talk::Side::Reads, say).await?,
        Scenario::ClientCatchUp => vec![away::catch_up(args, &house).await?],
        Scenario::OpenStore => vec![stores::open_store(args, &house, say).await?],
        Scenario::LoadGroup => vec![stores::load_group(args, &house, say).await?],
        Scenario::Browser => browser::run(args, &house).await.map(|()| Vec::new())?,
        other => bail!("{other:?} is a scenario of the server"),
    };
    house.close().await?;
    Ok(measured)
}
