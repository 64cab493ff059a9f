//! What this device gives of what another one missed.
//!
//! Always holds: what is called covered is given whole; where an answer is cut off, what comes
//! behind is not called covered, and is asked for again.

use super::{Missing, overlap};
use crate::CoreError;
use crate::conversations::Conversation;
use crate::step::Step;
use crate::store::meta;
use comity_content::Message as _;
use comity_content::proto::{Again, ArchivedMessage, SeqRange, content::Body};
use comity_wire::limits;
use rusqlite::Connection;

/// Lines in answer to one question.
const LINES_MAX: usize = 500;
/// Lines before a range that go with it: edits and reactions may have been what was missed.
const BEFORE: u64 = 32;
/// Questions of a conversation that one has not read as far, or is out of.
const OWED_MAX: usize = 16;
/// Own entries of a conversation of which it is remembered that they show nothing.
const UNSHOWN_MAX: usize = 256;
/// Room for messages in one answer.
const ANSWER_BYTES: usize = limits::ENTRY_BYTES_MAX / 2;

impl Step<'_> {
    /// Everything that is shown of these ranges, for another own device.
    pub(super) fn answer_sibling(
        &mut self,
        own: &Conversation,
        meant: &Conversation,
        asked: &[SeqRange],
        device: &[u8],
    ) -> Result<(), CoreError> {
        if self.is_parting(meant.id)? {
            // What stands at these places now is known once this device is in again.
            return asked
                .iter()
                .try_for_each(|range| self.owe(meant, device, range));
        }
        let gaps = self.missing(meant.id)?;
        let (mut messages, mut covered) = (Vec::new(), Vec::new());
        for range in asked {
            if range.to >= meant.next_seq {
                self.owe(meant, device, range)?;
            }
            let wider = SeqRange {
                from: range.from.saturating_sub(BEFORE),
                to: range.to,
            };
            let mut found = self.archived_range(meant, &wider, false)?;
            let room = LINES_MAX - messages.len();
            let is_cut = found.len() >= room;
            found.truncate(room);
            // What this device has yet to read, or was never told, comes later or from others.
            let to = match found.last() {
                Some(last) if is_cut => last.seq.saturating_sub(1),
                _ => range.to.min(meant.next_seq.saturating_sub(1)),
            };
            let given = SeqRange {
                from: range.from,
                to,
            };
            if given.from <= given.to && self.has_read(meant, &gaps, &given)? {
                let too_large = found.iter().filter(|message| !fits(message));
                covered.extend(around(&given, too_large.map(|message| message.seq)));
            }
            messages.extend(found);
            if is_cut {
                break;
            }
        }
        if messages.is_empty() && covered.is_empty() {
            return Ok(());
        }
        self.say_again(own.id, device, meant, messages, covered)
    }

    fn has_read(
        &self,
        meant: &Conversation,
        gaps: &[Missing],
        range: &SeqRange,
    ) -> Result<bool, CoreError> {
        let since = meta::get(self.tx, &in_since(meant.id))?.unwrap_or(meant.joined_seq);
        Ok(range.from > since
            && range.to < meant.next_seq
            && !gaps.iter().any(|gap| overlap(&gap.range, range)))
    }

    /// Out, and nothing from here on is this account's.
    pub(crate) fn saw_the_end(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        meta::put(self.tx, &saw_end(conversation.id), &true)
    }

    /// About to be in again. Who read everything up to where it went out knows of all that was in between,
    /// too: nothing of it was for this account. Anybody else knows only of what comes.
    pub(crate) fn stays(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        let (end, since) = (saw_end(conversation.id), in_since(conversation.id));
        if meta::get(self.tx, &end)?.unwrap_or(false) {
            let known: Option<u64> = meta::get(self.tx, &since)?;
            meta::put(self.tx, &since, &known.unwrap_or(conversation.joined_seq))?;
        } else {
            meta::remove(self.tx, &since)?;
        }
        meta::remove(self.tx, &end)
    }

    /// Asked for what this device has not read yet, or what lies behind the end that it saw: whether the account
    /// came in again before that is known once this device is in again.
    fn owe(
        &mut self,
        meant: &Conversation,
        device: &[u8],
        range: &SeqRange,
    ) -> Result<(), CoreError> {
        let key = owed(meant.id);
        let mut questions: Vec<Owed> = meta::get(self.tx, &key)?.unwrap_or_default();
        let question = (device.to_vec(), range.from, range.to);
        if questions.len() < OWED_MAX && !questions.contains(&question) {
            questions.push(question);
            meta::put(self.tx, &key, &questions)?;
        }
        Ok(())
    }

    /// In again, or read as far as there is: answers what was asked in the meantime.
    pub(crate) fn answer_owed(&mut self, meant: &Conversation) -> Result<(), CoreError> {
        let key = owed(meant.id);
        let questions: Vec<Owed> = meta::get(self.tx, &key)?.unwrap_or_default();
        meta::remove(self.tx, &key)?;
        let Some(own) = self.self_conversation()?.filter(Conversation::is_active) else {
            return Ok(());
        };
        for (device, from, to) in questions {
            self.answer_sibling(&own, meant, &[SeqRange { from, to }], &device)?;
        }
        Ok(())
    }

    /// What this device said at `seq` is for programs: no timeline shows it.
    pub(crate) fn showed_nothing(&mut self, conversation: i64, seq: u64) -> Result<(), CoreError> {
        let key = unshown(conversation);
        let mut places: Vec<u64> = meta::get(self.tx, &key)?.unwrap_or_default();
        places.push(seq);
        let older = places.len().saturating_sub(UNSHOWN_MAX);
        places.drain(..older);
        meta::put(self.tx, &key, &places)
    }

    /// Places in these ranges where this device said something that no timeline shows.
    pub(super) fn unshown_in(
        &self,
        conversation: i64,
        ranges: &[SeqRange],
    ) -> Result<Vec<SeqRange>, CoreError> {
        let mut places: Vec<u64> = meta::get(self.tx, &unshown(conversation))?.unwrap_or_default();
        let asked = |place: &u64| {
            let place = SeqRange {
                from: *place,
                to: *place,
            };
            ranges.iter().any(|range| overlap(range, &place))
        };
        places.retain(asked);
        Ok(places
            .into_iter()
            .map(|place| SeqRange {
                from: place,
                to: place,
            })
            .collect())
    }

    pub(super) fn say_again(
        &mut self,
        place: i64,
        device: &[u8],
        meant: &Conversation,
        messages: Vec<ArchivedMessage>,
        covered: Vec<SeqRange>,
    ) -> Result<(), CoreError> {
        let id = meant.cid()?.clone();
        let mut again = Again {
            for_device: device.to_vec(),
            hub: id.hub.to_string(),
            conversation: id.id.to_vec(),
            ..Again::default()
        };
        let (empty, mut bytes) = (again.clone(), 0);
        for message in messages.into_iter().filter(fits).take(LINES_MAX) {
            let size = message.encoded_len();
            if bytes + size > ANSWER_BYTES {
                let full = std::mem::replace(&mut again, empty.clone());
                self.enqueue_hidden(place, Body::Again(full))?;
                bytes = 0;
            }
            bytes += size;
            again.messages.push(message);
        }
        // With the last piece: then all that there is has come.
        again.covered = covered;
        self.enqueue_hidden(place, Body::Again(again))
    }
}

/// Asked by this device, from one place to another.
type Owed = (Vec<u8>, u64, u64);

/// Of places behind `common` nothing is known any more.
pub(super) fn forget_places(
    conn: &Connection,
    conversation: i64,
    common: u64,
) -> Result<(), CoreError> {
    let mut shown_nowhere: Vec<u64> = meta::get(conn, &unshown(conversation))?.unwrap_or_default();
    shown_nowhere.retain(|place| *place <= common);
    meta::put(conn, &unshown(conversation), &shown_nowhere)?;
    let since: Option<u64> = meta::get(conn, &in_since(conversation))?;
    if since.is_some_and(|since| since > common) {
        meta::remove(conn, &in_since(conversation))?;
    }
    Ok(())
}

/// Where it is kept that this device read everything up to where its account went out.
fn saw_end(conversation: i64) -> String {
    format!("saw_end/{conversation}")
}

/// Where it is kept since which place everything is known: read, missing, or not this account's.
fn in_since(conversation: i64) -> String {
    format!("in_since/{conversation}")
}

/// Where it is kept which own entries show nothing, in order.
fn unshown(conversation: i64) -> String {
    format!("unshown/{conversation}")
}

/// Where it is kept what other devices asked while the account was out.
fn owed(conversation: i64) -> String {
    format!("owed/{conversation}")
}

fn fits(message: &ArchivedMessage) -> bool {
    message.encoded_len() <= ANSWER_BYTES
}

/// What is left of a range without these places, which are in order.
fn around(range: &SeqRange, without: impl Iterator<Item = u64>) -> Vec<SeqRange> {
    let (mut parts, mut from) = (Vec::new(), range.from);
    for place in without.filter(|place| *place >= range.from && *place <= range.to) {
        if from < place {
            parts.push(SeqRange {
                from,
                to: place - 1,
            });
        }
        from = place + 1;
    }
    if from <= range.to {
        parts.push(SeqRange { from, to: range.to });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(from: u64, to: u64, without: &[u64]) -> Vec<(u64, u64)> {
        let found = around(&SeqRange { from, to }, without.iter().copied());
        found.iter().map(|part| (part.from, part.to)).collect()
    }

    #[test]
    fn a_range_without_some_places_is_what_lies_around_them() {
        assert_eq!(parts(3, 9, &[]), [(3, 9)]);
        assert_eq!(parts(3, 9, &[1, 5, 12]), [(3, 4), (6, 9)]);
        assert_eq!(parts(3, 9, &[3, 4, 9]), [(5, 8)]);
        assert_eq!(parts(3, 3, &[3]), []);
        assert_eq!(parts(4, 3, &[]), []);
    }
}
