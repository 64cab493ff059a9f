//! How far the others are in a conversation, and what an own line shows of that.
//!
//! Always holds: a line counts as delivered, or read, when it is so with everybody who was there when
//! it was said and still is; of a person the device that is furthest counts; what was so of a group
//! before somebody went stays so. Of what was said in a group before this device came, it is not known
//! who was there: nobody is counted, and ticks are for all who may have been. Looking at a line costs
//! two searches, however many people there are. Deliberately absent: own devices; people who are gone.

use super::Status;
use crate::CoreError;
use crate::store::meta;
use comity_wire::proto::ConversationKind;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};

/// With how many of the others a line of a group is how far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "boundary", derive(ts_rs::TS))]
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
}

/// The others in a conversation, by address.
pub(crate) fn people(tx: &Connection, conversation: i64) -> Result<Vec<PersonReach>, CoreError> {
    let me = crate::account::Me::load_address(tx)?;
    let mut statement = tx.prepare_cached(
        "SELECT m.address, coalesce(max(s.seq), 0), coalesce(max(c.seq), 0), coalesce(max(r.read_seq), 0)
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
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Of a group: the entry by which this device came in.
fn joined_group(tx: &Connection, conversation: i64) -> Result<Option<u64>, CoreError> {
    Ok(tx
        .prepare_cached(
            "SELECT CASE WHEN kind = ?2 THEN joined_seq END FROM conversation WHERE id = ?1",
        )?
        .query_row((conversation, ConversationKind::Group as i32), |row| {
            row.get(0)
        })?)
}

/// From which entry on this device knows who was in a conversation when it was said: in a group who
/// was there before it came stands there from the beginning, and may have come just before it.
pub(crate) fn people_known_from(tx: &Connection, conversation: i64) -> Result<u64, CoreError> {
    Ok(joined_group(tx, conversation)?.unwrap_or_default())
}

/// What was delivered to all who were there, and read by all, when somebody went: stretches of the
/// log, first and last entry, in order.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Reached {
    delivered: Vec<(u64, u64)>,
    read: Vec<(u64, u64)>,
}

impl Reached {
    fn add(&mut self, people: &[PersonReach]) {
        let delivered = reached_by_all(people, |person| person.delivered);
        let read = reached_by_all(people, |person| person.read);
        for (kept, stretch) in [(&mut self.delivered, delivered), (&mut self.read, read)] {
            kept.extend(stretch);
            kept.sort_unstable();
            kept.dedup_by(|next, last| {
                let one = next.0 <= last.1.saturating_add(1);
                if one {
                    last.1 = last.1.max(next.1);
                }
                one
            });
        }
    }

    fn at(&self, seq: u64) -> Status {
        let within =
            |kept: &[(u64, u64)]| kept.iter().any(|(from, to)| (*from..=*to).contains(&seq));
        if within(&self.read) {
            Status::Read
        } else if within(&self.delivered) {
            Status::Delivered
        } else {
            Status::Sent
        }
    }
}

/// The lines that all who were there have reached. It is one stretch: who was there when an earlier
/// one was said was there later, too.
fn reached_by_all(people: &[PersonReach], to: fn(&PersonReach) -> u64) -> Option<(u64, u64)> {
    let mut people: Vec<&PersonReach> = people.iter().collect();
    people.sort_unstable_by_key(|person| person.since);
    let from = people.first()?.since;
    let (mut least, mut furthest) = (u64::MAX, 0);
    for (index, person) in people.iter().enumerate() {
        least = least.min(to(person));
        // Up to where nobody else had come.
        let next = people.get(index + 1).map_or(u64::MAX, |next| next.since);
        let end = least.min(next.saturating_sub(1));
        if end >= person.since {
            furthest = furthest.max(end);
        }
    }
    (furthest >= from.max(1)).then_some((from, furthest))
}

fn reached_key(group: i64) -> String {
    format!("reached/{group}")
}

/// Before somebody goes from a group: what all have, or have read, by now stays shown so, up to
/// `last`, the newest entry: what they say of later ones they can not know.
pub(crate) fn keep_reached(tx: &Connection, group: i64, last: u64) -> Result<(), CoreError> {
    let key = reached_key(group);
    let mut reached: Reached = meta::get(tx, &key)?.unwrap_or_default();
    let mut people = people(tx, group)?;
    for person in &mut people {
        person.delivered = person.delivered.min(last);
        person.read = person.read.min(last);
    }
    reached.add(&people);
    if reached == Reached::default() {
        return Ok(());
    }
    meta::put(tx, &key, &reached)
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
    known_from: u64,
    reached: Reached,
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
        let joined = joined_group(tx, conversation)?;
        let reached = match joined {
            Some(_) => meta::get(tx, &reached_key(conversation))?.unwrap_or_default(),
            None => Reached::default(),
        };
        Ok(Self {
            is_group: joined.is_some(),
            known_from: joined.unwrap_or_default(),
            reached,
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
        let status = match (shown.people, self.reached.at(seq)) {
            (_, Status::Read) => Status::Read,
            (0, kept) => kept,
            (all, _) if shown.read == all => Status::Read,
            (all, _) if shown.delivered == all => Status::Delivered,
            (_, kept) => kept,
        };
        let counts = self.is_group && seq >= self.known_from;
        (status, counts.then_some(shown))
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
            known_from: 0,
            reached: Reached::default(),
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
        // Said before this device came: ticks for all who may have been there, and no counts.
        let later = Progress {
            known_from: 8,
            ..progress
        };
        assert_eq!(later.at(3), (Status::Read, None));
        assert_eq!(later.at(5), (Status::Delivered, None));
        assert!(later.at(8).1.is_some());
    }

    fn person(since: u64, read: u64) -> PersonReach {
        PersonReach {
            address: String::new(),
            since,
            delivered: read,
            read,
        }
    }

    #[test]
    fn what_all_have_read_is_one_stretch() {
        let read = |people: &[PersonReach]| reached_by_all(people, |person| person.read);
        assert_eq!(read(&[]), None);
        assert_eq!(read(&[person(0, 0)]), None);
        assert_eq!(read(&[person(0, 9), person(0, 4)]), Some((0, 4)));
        assert_eq!(read(&[person(0, 9), person(5, 6)]), Some((0, 6)));
        // Who came last has read nothing yet.
        assert_eq!(read(&[person(0, 9), person(7, 0)]), Some((0, 6)));
        assert_eq!(read(&[person(7, 0), person(3, 4)]), Some((3, 4)));
    }

    #[test]
    fn what_was_read_stays_read_when_all_have_gone() {
        let mut reached = Reached::default();
        reached.add(&[person(0, 9), person(5, 6)]);
        reached.add(&[person(0, 12)]);
        // All new, and before they came nobody was there.
        reached.add(&[person(20, 30)]);
        assert_eq!(reached.read, [(0, 12), (20, 30)]);
        let alone = Progress {
            is_group: true,
            reached,
            ..Progress::default()
        };
        let statuses = [12, 13, 19, 20].map(|seq| alone.at(seq).0);
        assert_eq!(
            statuses,
            [Status::Read, Status::Sent, Status::Sent, Status::Read]
        );
    }
}
