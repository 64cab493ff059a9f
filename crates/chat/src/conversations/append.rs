//! Appending a content entry.
//!
//! Always holds: the entry is an MLS application message of this conversation and of an epoch that
//! is still taken; its franking header commits to the device that is connected; a retry gets the
//! first answer. The sender's nonce and the sender are forgotten.

use super::{fits, idempotency_key, log_name, not_member};
use crate::app::{App, Caller};
use crate::logs::entries::{self, Added, NewEntry, SealWith};
use crate::logs::{LogBook, LogName};
use comity_membership::{franking, private_message_facts};
use comity_platform::Failure;
use comity_platform::clock::now_ms;
use comity_platform::secret::equal;
use comity_wire::proto::{Append, Appended, Entry, EntryKind};
use comity_wire::{DeviceAddress, ErrorCode, limits};
use rusqlite::Connection;

/// An append that is well-formed.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) log: LogName,
    epoch: u64,
    entry: NewEntry,
}

/// Whether content of `epoch` is taken while the log is at `current`. Nothing from before the
/// newest joining (`read_from`) is: who came in then could not read it.
fn epoch_is_taken(epoch: u64, current: u64, read_from: u64) -> bool {
    epoch >= read_from && epoch <= current && epoch + limits::EPOCHS_BEHIND_MAX >= current
}

/// Checks everything that needs no database.
pub(crate) fn check(app: &App, caller: Caller, append: Append) -> Result<Checked, Failure> {
    app.is_here(&append.hub)?;
    let log = log_name(&append.conversation)?;
    fits(&append.body, limits::ENTRY_BYTES_MAX, "an entry")?;
    let refused = |what: &str| Failure::refused(ErrorCode::MlsInvalid, what);
    let facts = private_message_facts(&append.body).map_err(|error| crate::error::mls(&error))?;
    if !facts.is_application {
        return Err(refused("not an application message"));
    }
    let of_this_log = facts
        .conversation
        .as_ref()
        .is_some_and(|of| of.hub == app.id && *of.id.as_bytes() == log);
    if !of_this_log {
        return Err(refused("a message of another group"));
    }
    if facts.epoch != append.epoch {
        return Err(refused("a message of another epoch than announced"));
    }
    let header = franking::Header::decode(&facts.authenticated_data)
        .map_err(|error| crate::error::mls(&error))?;
    let address = app.address_of(&caller)?;
    let device = DeviceAddress::new(address.app.clone(), caller.device);
    let commitment = franking::sender_commitment(&device, &address, &append.sender_nonce);
    if append.sender_nonce.len() != 32 || !equal(&commitment, &header.sender_commitment) {
        return Err(Failure::refused(
            ErrorCode::SignatureInvalid,
            "the franking header does not commit to the sender",
        ));
    }
    let entry = NewEntry {
        kind: EntryKind::Content,
        epoch: append.epoch,
        idempotency_key: idempotency_key(append.idempotency_key)?,
        body: append.body,
        at_ms: 0,
        seal: Some(SealWith {
            key: app.secrets.franking,
            log: entries::log_text(&app.id, &log),
            header: facts.authenticated_data,
        }),
    };
    Ok(Checked {
        log,
        epoch: append.epoch,
        entry,
    })
}

/// Adds it, in the writer.
pub(crate) fn add(
    conn: &Connection,
    book: &mut LogBook,
    caller: &Caller,
    mut checked: Checked,
) -> Result<Added, Failure> {
    book.may_act(caller)?;
    let mut meta = book.get(conn, &checked.log)?;
    let seat = meta
        .active_seat(caller)
        .filter(|_| meta.kind.is_hosted())
        .ok_or_else(not_member)?;
    let refusal = if seat.muted {
        Some(Failure::refused(
            ErrorCode::Forbidden,
            "in this group only admins speak",
        ))
    } else if !epoch_is_taken(checked.epoch, meta.epoch, meta.read_from) {
        Some(Failure::refused(
            ErrorCode::StaleEpoch,
            format!("the log is at epoch {}", meta.epoch),
        ))
    } else {
        None
    };
    if let Some(refusal) = refusal {
        // What was taken while it was right stays taken.
        let before = book.by_key(conn, &meta, &checked.entry.idempotency_key)?;
        return before.map(Added::Before).ok_or(refusal);
    }
    checked.entry.at_ms = now_ms();
    entries::add(conn, book, checked.log, &mut meta, checked.entry)
}

/// The answer for an entry.
pub(crate) fn answer(entry: &Entry) -> Appended {
    Appended {
        seq: entry.seq,
        at_ms: entry.at_ms,
        seal: entry.seal.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_epochs_back_is_taken_and_four_is_not() {
        assert!(epoch_is_taken(10, 10, 0));
        assert!(epoch_is_taken(7, 10, 0));
        assert!(!epoch_is_taken(6, 10, 0));
        assert!(!epoch_is_taken(11, 10, 0));
        assert!(epoch_is_taken(0, 3, 0));
    }

    #[test]
    fn what_a_newcomer_could_not_read_is_not_taken() {
        assert!(epoch_is_taken(9, 10, 9));
        assert!(!epoch_is_taken(8, 10, 9));
    }
}
