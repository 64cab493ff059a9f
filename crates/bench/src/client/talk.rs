//! Talking: what it takes to seal a message, and to open one, by the size of the conversation.

use super::device::Device;
use super::house::House;
use crate::options::BenchArgs;
use crate::person::random_bytes;
use crate::report::ClientMeasured;
use crate::sample::Usage;
use anyhow::{Context, Result};
use comity_client::{Event, ItemKind, Status, Whom};
use comity_wire::ConversationId;
use rusqlite::Connection;
use std::time::Duration;

/// Messages before those that count: profiles are shared with the first.
const WARM_UP: usize = 5;

/// Which side is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Who writes: from the person's act until the hub's answer is stored.
    Writes,
    /// Who reads: an entry that is pushed.
    Reads,
}

/// One size after the other, with the same two people.
pub(super) async fn run(
    args: &BenchArgs,
    house: &House,
    side: Side,
    say: &dyn Fn(&str),
) -> Result<Vec<ClientMeasured>> {
    let largest = args.devices.iter().max().copied().unwrap_or_default();
    let bystanders = house.bystanders(largest.saturating_sub(2)).await?;
    let mut measured = Vec::new();
    for devices in &args.devices {
        say(&format!("a conversation of {devices} devices"));
        let file = house.store(&format!("measured-{devices}"));
        let here = file.open()?;
        let there = Connection::open_in_memory()?;
        let (writing, reading) = match side {
            Side::Writes => (here, there),
            Side::Reads => (there, here),
        };
        // Two new people for each size: no conversation before it is in the way.
        let place = measured.len() * 2;
        let mut writer = house.device(writing, place).await?;
        let mut reader = house.device(reading, place + 1).await?;
        let conversation = house
            .conversation(*devices, &bystanders, &mut writer, &mut reader)
            .await?;
        let one = talk(args, side, *devices, &conversation, (writer, reader)).await?;
        measured.push(one);
    }
    Ok(measured)
}

async fn talk(
    args: &BenchArgs,
    side: Side,
    devices: usize,
    conversation: &ConversationId,
    (mut writer, mut reader): (Device, Device),
) -> Result<ClientMeasured> {
    let from = writer.local(conversation)?.context("not come in")?;
    for _ in 0..WARM_UP {
        exchange(&mut writer, &mut reader, from, args.bytes).await?;
    }
    writer.settle().await?;
    reader.settle().await?;
    writer.tally.begin();
    reader.tally.begin();
    let before = Usage::of(std::process::id())?;
    for _ in 0..args.said {
        exchange(&mut writer, &mut reader, from, args.bytes).await?;
        writer.tally.lap(1);
        reader.tally.lap(1);
    }
    let after = Usage::of(std::process::id())?;
    let (name, what, tally) = match side {
        Side::Writes => ("encrypt", "said, sealed, sent and confirmed", &writer.tally),
        Side::Reads => ("decrypt", "read and stored", &reader.tally),
    };
    let what = format!(
        "texts of {} bytes {what} one by one, in a conversation of {devices} devices",
        args.bytes
    );
    let mut measured = ClientMeasured::of(&format!("{name}-{devices}"), what, tally);
    measured.written(&before, &after);
    measured.message_bytes = Some(writer.sealed_bytes);
    Ok(measured)
}

/// One message, from who says it to who reads it.
async fn exchange(writer: &mut Device, reader: &mut Device, from: i64, bytes: usize) -> Result<()> {
    let text = words(bytes);
    writer.say(Whom::Conversation(from), text.clone()).await?;
    writer
        .until(|event| match event {
            Event::ItemChanged { item, .. } => {
                (item.status != Status::Queued && item.text == text).then_some(())
            }
            _ => None,
        })
        .await?;
    let read = reader
        .until(|event| match event {
            Event::Item { item, .. } if item.kind != ItemKind::Notice => Some(item.text.clone()),
            _ => None,
        })
        .await?;
    anyhow::ensure!(read == text, "another text arrived than was said");
    // How far the other one is comes with a later message, as it does where people talk.
    writer.go_on(Duration::ZERO).await?;
    Ok(())
}

/// A text of so many bytes, of words such as a search finds.
pub(super) fn words(bytes: usize) -> String {
    const BEGINS: [&str; 16] = [
        "ba", "de", "fi", "go", "hu", "ka", "le", "mi", "no", "pu", "ra", "se", "ti", "vo", "wu",
        "za",
    ];
    let mut text = String::with_capacity(bytes + 8);
    while text.len() < bytes {
        for byte in random_bytes::<2>() {
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            text.extend(BEGINS.get(high).copied());
            text.extend(BEGINS.get(low).copied());
        }
        text.push(' ');
    }
    text.truncate(bytes);
    text
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn a_text_is_as_long_as_it_is_asked_for() {
        for bytes in [1, 7, 300] {
            assert_eq!(words(bytes).len(), bytes);
        }
        assert_ne!(words(300), words(300));
    }
}
