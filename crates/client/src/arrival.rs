//! Frames on arrival: numbers that no honest server sends are refused before anything is done with
//! them.
//!
//! Always holds: behind [`is_sound`] every number of a frame fits the store, with room for the next
//! one. Deliberately absent: whether the frame is true.

use comity_wire::proto::{self, reply, server_frame::Frame};

/// Places in logs, epochs and versions count from one: nobody comes near this.
const NUMBER_MAX: u64 = 1 << 62;

/// Whether this can be a place in a log.
pub(crate) const fn is_place(number: u64) -> bool {
    number <= NUMBER_MAX
}

/// Whether every number of a frame can be what it says it is.
pub(crate) fn is_sound(frame: &proto::ServerFrame) -> bool {
    match &frame.frame {
        Some(Frame::Deliver(deliver)) => delivered(deliver),
        Some(Frame::Cursors(cursors)) => all_cursors(&cursors.cursors),
        Some(Frame::Marks(marks)) => all_marks(&marks.marks),
        Some(Frame::Signal(signal)) => is_place(signal.epoch),
        Some(Frame::StateChanged(changed)) => {
            is_place(changed.epoch) && is_place(changed.state_version)
        }
        Some(Frame::Reply(reply)) => replied(reply),
        Some(Frame::Challenge(_) | Frame::Behind(_) | Frame::Closing(_)) | None => true,
    }
}

fn replied(reply: &proto::Reply) -> bool {
    match &reply.result {
        Some(reply::Result::SignedIn(signed_in)) => is_place(signed_in.manifest_seq),
        Some(reply::Result::Sync(sync)) => is_place(sync.token) && sync.logs.iter().all(log),
        Some(reply::Result::Deliver(deliver)) => delivered(deliver),
        Some(reply::Result::Appended(appended)) => is_place(appended.seq),
        Some(reply::Result::Committed(committed)) => {
            is_place(committed.seq) && is_place(committed.epoch)
        }
        Some(reply::Result::State(state)) => {
            is_place(state.epoch) && is_place(state.state_version) && is_place(state.head_seq)
        }
        _ => true,
    }
}

fn delivered(deliver: &proto::Deliver) -> bool {
    is_place(deliver.head_seq)
        && is_place(deliver.gap_until_seq)
        && deliver
            .entries
            .iter()
            .all(|entry| is_place(entry.seq) && is_place(entry.epoch))
}

fn log(log: &proto::LogState) -> bool {
    [
        log.head_seq,
        log.first_seq,
        log.cursor,
        log.epoch,
        log.state_version,
    ]
    .into_iter()
    .all(is_place)
        && all_cursors(&log.cursors)
        && all_marks(&log.marks)
}

fn all_cursors(cursors: &[proto::CursorOf]) -> bool {
    cursors.iter().all(|cursor| is_place(cursor.seq))
}

fn all_marks(marks: &[proto::Mark]) -> bool {
    marks.iter().all(|mark| is_place(mark.epoch))
}
