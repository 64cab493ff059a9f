//! What must be true of a world that came to rest, whatever happened in it.
//!
//! Always holds: entitlement is taken from the hub's own seats (who was a member of which log from
//! which entry to which), what was said from the devices that said it. Deliberately absent: any
//! knowledge of how the world got there.

mod groups;

use crate::world::{Who, World};
use anyhow::{Context, Result};
use comity_client::{ItemKind, Status, TimelineItem};
use comity_wire::{Address, MessageId};
use std::collections::{BTreeMap, BTreeSet};

/// Sixteen bytes that name a log at the hub.
pub type LogName = [u8; 16];

/// Something that a device's core took to be said, or a line that it took to be changed.
#[derive(Debug, Clone)]
pub struct Said {
    /// By which device.
    pub who: Who,
    /// The line's name.
    pub message: MessageId,
}

/// Enough of a log's name to find it in the lines.
fn short(log: &LogName) -> String {
    data_encoding::HEXLOWER.encode(log.get(..3).unwrap_or_default())
}

/// A device's place in a log, as the hub has it.
#[derive(Debug, Clone, Copy)]
struct Seat {
    joined: u64,
    removed: Option<u64>,
    /// Its account has asked to leave, and nobody has committed that yet.
    leaving: bool,
}

/// What one device shows of one log.
struct Shown {
    who: Who,
    state: String,
    seat: Option<Seat>,
    /// What the group is, where it is one.
    group: Option<String>,
    items: Vec<TimelineItem>,
}

impl Shown {
    /// It is a member now and may read this entry.
    fn may_read(&self, seq: u64) -> bool {
        self.seat
            .is_some_and(|seat| seat.removed.is_none() && seq > seat.joined)
    }
}

/// A line as all members must see it.
fn canonical(item: &TimelineItem) -> String {
    let mut reactions: Vec<String> = item
        .reactions
        .iter()
        .map(|reaction| format!("{} {}", reaction.author, reaction.emoji))
        .collect();
    reactions.sort();
    let file = item.attachment.as_ref().map(|file| &file.file_name);
    let text = if item.deleted { "" } else { &item.text };
    format!(
        "{} {:?} {text:?} edited {} deleted {} {file:?} {reactions:?}",
        item.author,
        item.kind,
        item.edited && !item.deleted,
        item.deleted
    )
}

/// Everything that is wrong; nothing when all is well.
///
/// # Errors
/// When a store can not be read.
pub fn judge(world: &World, said: &[Said]) -> Result<Vec<String>> {
    let mut wrong: Vec<String> = world.wrong().to_vec();
    let seats = seats(world)?;
    let mut logs: BTreeMap<LogName, Vec<Shown>> = BTreeMap::new();
    for who in world.everyone() {
        if world.is_erased(who) {
            continue;
        }
        let core = world.core(who)?;
        let Some(account) = core.account()? else {
            continue;
        };
        for view in core.conversations()? {
            let Some(id) = core.conversation_id(view.conversation)? else {
                continue;
            };
            let log: LogName = *id.id.as_bytes();
            let device: [u8; 16] = *account.device.as_bytes();
            logs.entry(log).or_default().push(Shown {
                who,
                group: groups::canonical(core, &view)?,
                state: view.state,
                seat: seats.get(&(log, device)).copied(),
                items: core.timeline(view.conversation, None, u32::MAX)?,
            });
        }
    }
    let disowned = disowned(world, said)?;
    for shown in logs.values() {
        readable(world, shown, &mut wrong);
        same(world, shown, &disowned, &mut wrong);
        complete(world, shown, &disowned, &mut wrong);
        nothing_after_removal(world, shown, &mut wrong);
    }
    groups::alike(world, &logs, &mut wrong);
    seated(world, &seats, &logs, &mut wrong)?;
    kept(world, &logs, said, &mut wrong)?;
    Ok(wrong)
}

/// Lines that a device said or changed which its account took out: who knew of that before the words
/// came does not show them, so who has them depends on when each heard of it.
fn disowned(world: &World, said: &[Said]) -> Result<BTreeSet<MessageId>> {
    let mut listed: BTreeMap<Address, Vec<BTreeSet<[u8; 16]>>> = BTreeMap::new();
    for who in world.everyone() {
        if !world.is_erased(who)
            && let Some(account) = world.core(who)?.account()?
        {
            let devices = account.devices.iter();
            let devices = devices.map(|device| *device.device.as_bytes()).collect();
            listed.entry(account.address).or_default().push(devices);
        }
    }
    let mut disowned = BTreeSet::new();
    for said in said {
        let account = if world.is_erased(said.who) {
            None
        } else {
            world.core(said.who)?.account()?
        };
        let is_listed = account.is_some_and(|account| {
            let mut lists = listed.get(&account.address).into_iter().flatten();
            lists.all(|list| list.contains(account.device.as_bytes()))
        });
        if !is_listed {
            disowned.insert(said.message);
        }
    }
    Ok(disowned)
}

fn seats(world: &World) -> Result<BTreeMap<(LogName, [u8; 16]), Seat>> {
    // Of a log that an app follows its hub knows better.
    let rows = world.inspect_apps(|conn| {
        let mut statement = conn.prepare(
            "SELECT l.name, s.device, s.joined, s.removed, s.leaving FROM seat s JOIN log l ON l.id = s.log
             WHERE l.id NOT IN (SELECT log FROM followed)",
        )?;
        let rows = statement.query_map([], |row| {
            let seat = Seat {
                joined: row.get(2)?,
                removed: row.get(3)?,
                leaving: row.get(4)?,
            };
            Ok(((row.get(0)?, row.get(1)?), seat))
        })?;
        rows.collect::<Result<Vec<_>, _>>()
    });
    Ok(rows
        .context("the hub's seats")?
        .into_iter()
        .flatten()
        .collect())
}

/// Where one device of an account is a member, all are, and each shows the conversation.
fn seated(
    world: &World,
    seats: &BTreeMap<(LogName, [u8; 16]), Seat>,
    logs: &BTreeMap<LogName, Vec<Shown>>,
    wrong: &mut Vec<String>,
) -> Result<()> {
    let mut accounts: BTreeMap<Address, Vec<(Who, [u8; 16])>> = BTreeMap::new();
    for who in world.everyone() {
        if world.is_erased(who) || !world.core(who)?.is_online() {
            continue;
        }
        if let Some(account) = world.core(who)?.account()? {
            let device = *account.device.as_bytes();
            accounts
                .entry(account.address)
                .or_default()
                .push((who, device));
        }
    }
    for (log, shown) in logs {
        let has_seat = |device: &[u8; 16]| {
            let seat = seats.get(&(*log, *device));
            seat.is_some_and(|seat| seat.removed.is_none())
        };
        for devices in accounts.values() {
            if !devices.iter().any(|(_, device)| has_seat(device)) {
                continue;
            }
            for (who, device) in devices {
                let name = world.name(*who);
                if !has_seat(device) {
                    let others = shown.iter().filter(|shown| shown.may_read(u64::MAX));
                    let others: Vec<&str> = others.map(|shown| world.name(shown.who)).collect();
                    let seat = seats.get(&(*log, *device));
                    wrong.push(format!(
                        "{name} is not in a conversation of its account's ({seat:?}), {}; there: {others:?}",
                        short(log)
                    ));
                } else if !shown.iter().any(|shown| shown.who == *who) {
                    wrong.push(format!("{name} has a seat and shows no conversation"));
                }
            }
        }
    }
    Ok(())
}

/// No placeholders, no line that failed for no reason, everything active for who has a seat.
fn readable(world: &World, shown: &[Shown], wrong: &mut Vec<String>) {
    for device in shown {
        let name = world.name(device.who);
        let seated = device.seat.is_some_and(|seat| seat.removed.is_none());
        for item in &device.items {
            if item.kind == ItemKind::Unreadable {
                wrong.push(format!(
                    "{name} can not read entry {:?}: {}",
                    item.seq, item.failure
                ));
            }
            // Who is out of it for good never gets what is missing.
            let open = item.text == "healing" || (item.text == "gap" && seated);
            if item.kind == ItemKind::Notice && open {
                wrong.push(format!("{name} has a {} at {:?}", item.text, item.seq));
            }
        }
        if seated && !matches!(device.state.as_str(), "active" | "left") {
            wrong.push(format!(
                "{name} has a seat, its conversation is {}",
                device.state
            ));
        }
        if device.state == "left"
            && device
                .seat
                .is_some_and(|seat| seat.removed.is_none() && !seat.leaving)
        {
            wrong.push(format!("{name} has a seat, and shows that it is out"));
        }
        if device.state == "active" && device.seat.is_some_and(|seat| seat.removed.is_some()) {
            wrong.push(format!(
                "{name} is out, and shows a conversation that goes on"
            ));
        }
    }
}

/// Said in the log: notices are each device's own, and placeholders are told apart.
fn is_said(item: &TimelineItem) -> bool {
    !matches!(item.kind, ItemKind::Notice | ItemKind::Unreadable)
}

/// One message is one line, at one place, the same at everybody who is a member and had it from
/// the log.
fn same(world: &World, shown: &[Shown], disowned: &BTreeSet<MessageId>, wrong: &mut Vec<String>) {
    let mut first: BTreeMap<MessageId, (Who, String)> = BTreeMap::new();
    let mut places: BTreeMap<MessageId, u64> = BTreeMap::new();
    for device in shown {
        let name = world.name(device.who);
        let (mut last, mut ids) = (0, BTreeSet::new());
        for item in device.items.iter().filter(|item| is_said(item)) {
            if !ids.insert(item.message) {
                wrong.push(format!("{name} shows {} twice", item.message));
            }
            let Some(seq) = item.seq else { continue };
            // An introduction stands before the log at who had it as one.
            if seq > 0 {
                if seq <= last {
                    wrong.push(format!("{name}: entry {seq} after {last}"));
                }
                last = seq;
                let place = *places.entry(item.message).or_insert(seq);
                if place != seq {
                    wrong.push(format!("{name}: {} at {seq}, not {place}", item.message));
                }
            }
            if !device.may_read(seq) || disowned.contains(&item.message) {
                continue;
            }
            let line = canonical(item);
            match first.get(&item.message) {
                None => {
                    first.insert(item.message, (device.who, line));
                }
                Some((other, as_other)) if *as_other != line => wrong.push(format!(
                    "{name} shows {line}, {} shows {as_other}",
                    world.name(*other)
                )),
                Some(_) => {}
            }
        }
    }
}

/// What one has from the log, all have who were members then and are now.
fn complete(
    world: &World,
    shown: &[Shown],
    disowned: &BTreeSet<MessageId>,
    wrong: &mut Vec<String>,
) {
    let all: BTreeMap<MessageId, (u64, String)> = shown
        .iter()
        .flat_map(|device| device.items.iter().filter(|item| is_said(item)))
        .filter_map(|item| {
            let seq = item.seq.filter(|seq| *seq > 0)?;
            Some((item.message, (seq, canonical(item))))
        })
        .collect();
    for device in shown.iter().filter(|device| device.state == "active") {
        let here: BTreeSet<MessageId> = device.items.iter().map(|item| item.message).collect();
        for (message, (seq, line)) in &all {
            if device.may_read(*seq) && !here.contains(message) && !disowned.contains(message) {
                let name = world.name(device.who);
                let seat = device.seat.map_or(0, |seat| seat.joined);
                wrong.push(format!(
                    "{name}, there since {seat}, misses entry {seq}: {line}"
                ));
            }
        }
    }
}

/// A device that was taken out has nothing of what came after.
fn nothing_after_removal(world: &World, shown: &[Shown], wrong: &mut Vec<String>) {
    for device in shown {
        let Some(removed) = device.seat.and_then(|seat| seat.removed) else {
            continue;
        };
        for item in device.items.iter().filter(|item| is_said(item)) {
            if item.seq.is_some_and(|seq| seq > removed) {
                wrong.push(format!(
                    "{} was removed by entry {removed} and shows entry {:?}",
                    world.name(device.who),
                    item.seq
                ));
            }
        }
    }
}

/// What a device took to be said is in the log, or its author is told why not.
fn kept(
    world: &World,
    logs: &BTreeMap<LogName, Vec<Shown>>,
    said: &[Said],
    wrong: &mut Vec<String>,
) -> Result<()> {
    for said in said {
        if world.is_erased(said.who) {
            continue;
        }
        let name = world.name(said.who);
        let core = world.core(said.who)?;
        if core.account()?.is_none() || !core.is_online() {
            // It was taken out and said so.
            continue;
        }
        let found = logs.values().flatten().find_map(|device| {
            let items = device.items.iter();
            let mut own = items.filter(|_| device.who == said.who);
            let item = own.find(|item| item.message == said.message)?;
            Some((device, item))
        });
        match found {
            Some((device, item)) if device.state == "active" => {
                if matches!(item.status, Status::Queued) {
                    wrong.push(format!("{name} still has {} to send", said.message));
                }
            }
            Some(_) => {}
            None => wrong.push(format!("{name} no longer shows {}", said.message)),
        }
    }
    Ok(())
}
