//! How far the others are in a conversation, and what an own line shows of that.
//!
//! Always holds: a line counts as delivered, or read, when it is so with everybody who was there when
//! it was said and still is; of a person the device that is furthest counts. Looking at a line costs
//! two searches, however many people there are. Deliberately absent: own devices; people who are gone.

use super::Status;
use crate::CoreError;
use comity_wire::proto::ConversationKind;
use rusqlite::Connection;
use serde::Serialize;

/// With how many of the others a line of a group is how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ProgressView {
    /// The others who were there when it was said, and still are.
    pub people: u32,
    /// Those of them who have it on a device.
    pub delivered: u32,
    /// Those of them who read it.
    pub read: u32,
}

/// How far the others are in a conversation: delivered, read.
pub(crate) fn reach(
    tx: &Connection,
    conversation: i64,
    address: Option<&str>,
) -> Result<(u64, u64), CoreError> {
    let me = crate::account::Me::load_address(tx)?;
    let of = |table: &str, column: &str| -> Result<u64, CoreError> {
        Ok(tx
            .prepare_cached(&format!(
                "SELECT coalesce(max(t.{column}), 0) FROM {table} t JOIN member m ON m.conversation = t.conversation AND m.device = t.device
                 WHERE t.conversation = ?1 AND m.address <> ?2 AND (?3 IS NULL OR m.address = ?3)"
            ))?
            .query_row((conversation, &me, address), |row| row.get(0))?)
    };
    let read = of("mark", "read_seq")?;
    Ok((of("cursor", "seq")?.max(read), read))
}

/// How far somebody is in a conversation, by entries of its log.
pub(crate) struct PersonReach {
    pub(crate) address: String,
    /// From which entry on they are in the group; 0: from before this device was, and of a
    /// conversation of two.
    pub(crate) since: u64,
    /// Up to where a device of theirs has it.
    pub(crate) delivered: u64,
    /// Up to where they read it.
    pub(crate) read: u64,
    is_group: bool,
}

/// The others in a conversation, by address.
pub(crate) fn people(tx: &Connection, conversation: i64) -> Result<Vec<PersonReach>, CoreError> {
    let me = crate::account::Me::load_address(tx)?;
    let mut statement = tx.prepare_cached(
        "SELECT m.address, coalesce(max(s.seq), 0), coalesce(max(c.seq), 0), coalesce(max(r.read_seq), 0), v.kind
         FROM conversation v JOIN member m ON m.conversation = v.id
         LEFT JOIN cursor c ON c.conversation = m.conversation AND c.device = m.device
         LEFT JOIN mark r ON r.conversation = m.conversation AND r.device = m.device
         LEFT JOIN member_since s ON v.kind = ?3 AND s.conversation = m.conversation AND s.address = m.address
         WHERE v.id = ?1 AND m.address <> ?2 GROUP BY m.address ORDER BY m.address",
    )?;
    let group = ConversationKind::Group as i32;
    let rows = statement.query_map((conversation, me, group), |row| {
        let read = row.get(3)?;
        Ok(PersonReach {
            address: row.get(0)?,
            since: row.get(1)?,
            delivered: row.get::<_, u64>(2)?.max(read),
            read,
            is_group: row.get::<_, i32>(4)? == group,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Stretches of a log, one a person.
#[derive(Default)]
struct Stretches {
    from: Vec<u64>,
    to: Vec<u64>,
}

impl Stretches {
    /// Of these, each with its first and its last entry; those with nothing in them count nowhere.
    fn new(all: impl Iterator<Item = (u64, u64)>) -> Self {
        let (mut from, mut to): (Vec<u64>, Vec<u64>) = all.filter(|(from, to)| from <= to).unzip();
        from.sort_unstable();
        to.sort_unstable();
        Self { from, to }
    }

    /// How many of them an entry is in.
    fn around(&self, seq: u64) -> u32 {
        let begun = self.from.partition_point(|from| *from <= seq);
        let over = self.to.partition_point(|to| *to < seq);
        u32::try_from(begun - over).unwrap_or(u32::MAX)
    }
}

/// How far the others are in a conversation, to be asked of one line after the other.
#[derive(Default)]
pub(super) struct Progress {
    is_group: bool,
    people: Stretches,
    delivered: Stretches,
    read: Stretches,
}

impl Progress {
    pub(super) fn of(tx: &Connection, conversation: i64) -> Result<Self, CoreError> {
        let all = people(tx, conversation)?;
        let of = |to: fn(&PersonReach) -> u64| {
            Stretches::new(all.iter().map(|person| (person.since, to(person))))
        };
        Ok(Self {
            is_group: all.first().is_some_and(|person| person.is_group),
            people: of(|_| u64::MAX),
            delivered: of(|person| person.delivered),
            read: of(|person| person.read),
        })
    }

    /// Of a line that the app has, at its place in the log.
    pub(super) fn at(&self, seq: u64) -> (Status, Option<ProgressView>) {
        // A request stands before all entries: who has one of these took it.
        let seq = seq.max(1);
        let shown = ProgressView {
            people: self.people.around(seq),
            delivered: self.delivered.around(seq),
            read: self.read.around(seq),
        };
        let status = match shown.people {
            0 => Status::Sent,
            all if shown.read == all => Status::Read,
            all if shown.delivered == all => Status::Delivered,
            _ => Status::Sent,
        };
        (status, self.is_group.then_some(shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_when_all_who_were_there_read_it() {
        // One from the beginning, one as of entry 5, one as of entry 7 who has read nothing.
        let progress = Progress {
            is_group: true,
            people: Stretches::new([(0, u64::MAX), (5, u64::MAX), (7, u64::MAX)].into_iter()),
            delivered: Stretches::new([(0, 9), (5, 9), (7, 8)].into_iter()),
            read: Stretches::new([(0, 4), (5, 6), (7, 0)].into_iter()),
        };
        let at = |seq: u64| {
            let (status, shown) = progress.at(seq);
            let shown = shown.unwrap();
            (status, [shown.people, shown.delivered, shown.read])
        };
        assert_eq!(at(3), (Status::Read, [1, 1, 1]));
        assert_eq!(at(5), (Status::Delivered, [2, 2, 1]));
        assert_eq!(at(8), (Status::Delivered, [3, 3, 0]));
        assert_eq!(at(9), (Status::Sent, [3, 2, 0]));
        assert_eq!(at(10), (Status::Sent, [3, 0, 0]));
        // Alone there is nobody to read it.
        assert_eq!(Progress::default().at(3), (Status::Sent, None));
    }
}
