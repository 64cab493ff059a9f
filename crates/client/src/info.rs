//! Who has a message, and who read it.
//!
//! Always holds: 'delivered' is what the hub says of a person's devices, 'read' is what they said
//! themselves; who was not in the conversation yet when it was said stands on no list, nor anybody where
//! this device does not know who was. Deliberately absent: times, which nobody tells; people who have
//! not agreed to talk.

use crate::{Core, CoreError, Status, TimelineItem};
use comity_wire::{Address, MessageId};
use rusqlite::Connection;
use serde::Serialize;

/// A message, and how far it came.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct InfoView {
    /// Local id of the conversation.
    pub conversation: i64,
    /// The line.
    pub item: TimelineItem,
    /// Of an own message: the others who were there when it was said.
    pub people: Vec<ReachView>,
    /// False where this device came into the group after it was said: it does not know who was there,
    /// and `people` is empty.
    pub people_known: bool,
}

/// How far a message came with somebody.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
pub struct ReachView {
    /// Who.
    pub address: Address,
    /// One of their devices has it.
    pub delivered: bool,
    /// They read it on one of them.
    pub read: bool,
}

impl Core {
    /// Who has a message and who read it.
    ///
    /// # Errors
    /// When there is no such message, or the store can not be read.
    pub fn info(&self, conversation: i64, message: &MessageId) -> Result<InfoView, CoreError> {
        let item = self
            .item(conversation, message)?
            .ok_or(CoreError::NoSuch("message"))?;
        let known_from = crate::views::people_known_from(self.store(), conversation)?;
        let people_known = item.seq.is_none_or(|seq| seq >= known_from);
        // What began a conversation has no place in its log.
        let first = matches!(item.status, Status::Sent | Status::Delivered | Status::Read);
        let people = match item.seq.or(first.then_some(0)) {
            Some(seq) if item.outgoing && people_known => people(self.store(), conversation, seq)?,
            _ => Vec::new(),
        };
        Ok(InfoView {
            conversation,
            item,
            people,
            people_known,
        })
    }

    /// Who else is in a conversation and can be mentioned there, with the name that this device
    /// knows them by.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn mentionable(&self, conversation: i64) -> Result<Vec<(Address, String)>, CoreError> {
        let me = crate::account::Me::load_address(self.store())?;
        let mut statement = self.store().prepare_cached(
            "SELECT DISTINCT m.address, coalesce(p.name, '') FROM member m LEFT JOIN contact p ON p.address = m.address
             WHERE m.conversation = ?1 AND m.address <> ?2 ORDER BY m.address",
        )?;
        let rows = statement.query_map((conversation, me), |row| {
            Ok((row.get::<_, String>(0)?, row.get(1)?))
        })?;
        rows.map(|row| {
            let (address, name) = row?;
            let address = address.parse().map_err(|_| CoreError::Damaged("member"))?;
            Ok((address, name))
        })
        .collect()
    }
}

/// The others who were in the conversation at `seq`, each with their furthest device.
fn people(conn: &Connection, conversation: i64, seq: u64) -> Result<Vec<ReachView>, CoreError> {
    // What began the conversation stands before its first entry.
    let reached = seq.max(1);
    let all = crate::views::people(conn, conversation)?;
    let there = all.into_iter().filter(|one| one.since <= reached);
    there
        .map(|one| {
            Ok(ReachView {
                address: one
                    .address
                    .parse()
                    .map_err(|_| CoreError::Damaged("member"))?,
                delivered: one.delivered >= reached,
                read: one.read >= reached,
            })
        })
        .collect()
}
