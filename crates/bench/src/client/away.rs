//! Coming back: what it takes a core to read what waits for it.

use super::device::Device;
use super::house::House;
use super::talk::words;
use crate::line::PATIENCE;
use crate::options::BenchArgs;
use crate::report::ClientMeasured;
use crate::sample::Usage;
use anyhow::{Context, Result, ensure};
use comity_client::{Event, ItemKind, Whom};
use rusqlite::Connection;
use std::time::{Duration, Instant};

/// Messages of the writer that wait for the hub's answer at once.
const WAITING_MAX: u64 = 48;
/// No fetch takes longer than this to come.
const PART: Duration = Duration::from_secs(10);

/// Messages that were said while a device was away, read when it comes back.
pub(super) async fn catch_up(args: &BenchArgs, house: &House) -> Result<ClientMeasured> {
    let file = house.store("measured");
    let mut reader = house.device(file.open()?, 0).await?;
    let mut writer = house.device(Connection::open_in_memory()?, 1).await?;
    let conversation = house.conversation(2, &[], &mut writer, &mut reader).await?;
    reader.leave().await?;
    let to = writer.local(&conversation)?.context("not come in")?;
    say_all(&mut writer, to, args).await?;

    let missed = u64::try_from(args.missed)?;
    let before = Usage::of(std::process::id())?;
    let begun = Instant::now();
    reader.tally.begin();
    reader.come_back();
    let mut came = 0;
    let mut last = Instant::now();
    while came < missed {
        reader.go_on(PART).await?;
        let new = lines(&mut reader)?;
        if new > 0 {
            came += new;
            last = Instant::now();
            reader.tally.lap(new);
        }
        ensure!(last.elapsed() < PATIENCE, "only {came} messages came");
    }
    let seconds = begun.elapsed().as_secs_f64();
    reader.settle().await?;
    ensure!(came == missed, "{came} messages came of {missed}");
    let after = Usage::of(std::process::id())?;
    let what = format!(
        "{missed} texts of {} bytes that waited at the server, from connecting to the last line; p50 and p99 of a step, \
         which is a fetch",
        args.bytes
    );
    let mut measured = ClientMeasured::of("client-catch-up", what, &reader.tally);
    measured.took(seconds);
    measured.written(&before, &after);
    measured.message_bytes = Some(writer.sealed_bytes);
    measured.store_bytes = Some(file.bytes()?);
    Ok(measured)
}

async fn say_all(writer: &mut Device, to: i64, args: &BenchArgs) -> Result<()> {
    for _ in 0..args.missed {
        writer
            .say(Whom::Conversation(to), words(args.bytes))
            .await?;
        while writer.core().unsent()? > WAITING_MAX {
            writer.go_on(PART).await?;
        }
    }
    writer.settle().await
}

/// Lines that came since this was asked last; one that can not be read is none.
fn lines(reader: &mut Device) -> Result<u64> {
    let mut new = 0;
    for event in reader.told() {
        if let Event::Item { item, .. } = event {
            ensure!(
                item.kind != ItemKind::Unreadable,
                "a message can not be read"
            );
            new += u64::from(item.kind == ItemKind::Text);
        }
    }
    Ok(new)
}
