//! Large stores: opening one and showing the first screen, and loading one group of many.

use super::copies::{self, Reader};
use super::house::{House, StoreFile};
use super::talk::words;
use super::tally::Tally;
use crate::options::BenchArgs;
use crate::report::ClientMeasured;
use anyhow::{Context, Result, ensure};
use comity_client::{Core, Event, ItemKind, Whom};
use comity_wire::ConversationId;
use rand::Rng as _;
use rusqlite::Connection;
use std::time::Instant;

/// Lines that a screen shows of a conversation.
const LINES: u32 = 20;
/// Messages in each of many groups: enough that each has a past.
const FEW: usize = 3;
/// Devices in each.
const DEVICES: usize = 3;

/// A group in which so many messages were really said and read, in a store whose core is closed again.
struct Lived {
    file: StoreFile,
    conversation: ConversationId,
    local: i64,
    /// Bytes of a message as it was sent.
    sealed_bytes: usize,
}

async fn lived(house: &House, messages: usize, bytes: usize) -> Result<Lived> {
    let file = house.store("measured");
    let mut reader = house.device(file.open()?, 0).await?;
    let mut writer = house.device(Connection::open_in_memory()?, 1).await?;
    let bystanders = house.bystanders(DEVICES - 2).await?;
    let conversation = house
        .conversation(DEVICES, &bystanders, &mut writer, &mut reader)
        .await?;
    let to = writer.local(&conversation)?.context("not come in")?;
    for _ in 0..messages {
        let text = words(bytes);
        writer.say(Whom::Conversation(to), text.clone()).await?;
        writer.sent().await?;
        reader
            .until(|event| match event {
                Event::Item { item, .. } => (item.text == text).then_some(()),
                _ => None,
            })
            .await?;
    }
    reader.settle().await?;
    let local = reader.local(&conversation)?.context("not come in")?;
    reader.leave().await?;
    Ok(Lived {
        file,
        conversation,
        local,
        sealed_bytes: writer.sealed_bytes,
    })
}

/// Opens a store and shows what a program shows first, again and again.
pub(super) async fn open_store(
    args: &BenchArgs,
    house: &House,
    say: &dyn Fn(&str),
) -> Result<ClientMeasured> {
    let conversations = args.store_conversations.max(1);
    let each = (args.store_messages / conversations).max(1);
    let made = lived(house, each, args.bytes).await?;
    say(&format!("copying it to {conversations} conversations"));
    {
        let conn = made.file.open()?;
        copies::make(&conn, made.local, &made.conversation, conversations - 1)?;
    }
    let mut tally = Tally::default();
    for _ in 0..args.openings {
        let shown = tally.time(|| first_screen(&made.file))?;
        tally.lap(1);
        ensure!(
            shown.groups == conversations,
            "{} conversations",
            shown.groups
        );
        let lines = each.min(LINES as usize);
        ensure!(shown.texts == lines, "{} lines of {lines}", shown.texts);
    }
    let what = format!(
        "openings of a store of {} messages in {conversations} conversations, with its list of conversations, contacts, \
         requests and the {LINES} newest lines of one",
        each * conversations
    );
    let mut measured = ClientMeasured::of("open-store", what, &tally);
    measured.of_equals();
    measured.store_bytes = Some(made.file.bytes()?);
    measured.message_bytes = Some(made.sealed_bytes);
    Ok(measured)
}

struct Shown {
    groups: usize,
    texts: usize,
}

fn first_screen(file: &StoreFile) -> Result<Shown> {
    let core = Core::open(file.open()?)?;
    core.account()?.context("nobody signed up")?;
    let conversations = core.conversations()?;
    core.requests()?;
    core.contacts()?;
    core.names()?;
    let groups = conversations.iter().filter(|view| view.kind == "group");
    let newest = groups.clone().next().context("an empty store")?;
    let lines = core.timeline(newest.conversation, None, LINES)?;
    let texts = lines.iter().filter(|line| line.kind == ItemKind::Text);
    Ok(Shown {
        groups: groups.count(),
        texts: texts.count(),
    })
}

/// Loads one group after the other, drawn at random, from a store of many.
pub(super) async fn load_group(
    args: &BenchArgs,
    house: &House,
    say: &dyn Fn(&str),
) -> Result<ClientMeasured> {
    let made = lived(house, FEW, args.bytes).await?;
    say(&format!("copying it to {} groups", args.store_groups));
    let ids = {
        let conn = made.file.open()?;
        let copies = args.store_groups.saturating_sub(1);
        copies::make(&conn, made.local, &made.conversation, copies)?
    };
    // As the core has it: statements that were prepared once, groups that are not in memory.
    let conn = made.file.open()?;
    let mut epoch = None;
    let mut tally = Tally::default();
    for _ in 0..args.loads {
        let place = rand::rng().random_range(0..ids.len().max(1));
        let id = ids.get(place).unwrap_or(&made.conversation);
        let mut reader = Reader::new(id)?;
        let found = tally.time(|| reader.load(&conn, id))?;
        tally.lap(1);
        ensure!(*epoch.get_or_insert(found) == found, "another epoch");
    }
    let what = format!(
        "groups of {DEVICES} devices, drawn at random of {} and not loaded before",
        args.store_groups
    );
    let begun = Instant::now();
    let core = Core::open(made.file.open()?)?;
    let opened_ms = begun.elapsed().as_secs_f64() * 1e3;
    drop(core);
    let what = format!("{what}; opening the store took {opened_ms:.1} ms");
    let mut measured = ClientMeasured::of("load-group", what, &tally);
    measured.of_equals();
    measured.store_bytes = Some(made.file.bytes()?);
    Ok(measured)
}
