//! One device is told another log of a conversation than the hub has.

use super::{Watched, delivery};
use crate::Malice;
use comity_wire::proto::client_frame::Act;
use comity_wire::proto::{
    ClientFrame, ConversationKind, Entry, EntryKind, ServerFrame, reply, server_frame,
};
use std::collections::BTreeSet;

/// What becomes of the next message that is delivered to the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It is left out; those after it close up.
    Drop,
    /// It changes places with the one after it.
    Reorder,
    /// An earlier message comes once more before it, as a new entry.
    Replay,
    /// It is kept back with all that follow: as if nobody had said anything.
    WithholdTail,
    /// It is kept back; what follows is there.
    Withhold,
    /// It and all that follow get numbers that are higher by this.
    Renumber(u64),
    /// A byte of it is changed.
    Change,
}

/// Tells one device another log.
#[derive(Debug)]
pub struct Log {
    device: String,
    watched: Watched,
    how: Option<How>,
    /// The true number of the entry that the lie is about.
    at: Option<u64>,
    held: Option<Entry>,
    earlier: Option<Entry>,
    /// Requests of the device whose answers bear numbers of this log.
    asked: BTreeSet<u64>,
}

impl Log {
    /// Lies to this device about the direct conversation, once [`Self::tell`] was called. Set it
    /// before the conversation begins.
    #[must_use]
    pub fn new(device: &str) -> Self {
        Self::of(ConversationKind::Direct, device)
    }

    /// As [`Self::new`], about the group.
    #[must_use]
    pub fn in_group(device: &str) -> Self {
        Self::of(ConversationKind::Group, device)
    }

    fn of(kind: ConversationKind, device: &str) -> Self {
        Self {
            device: device.to_owned(),
            watched: Watched::new(kind),
            how: None,
            at: None,
            held: None,
            earlier: None,
            asked: BTreeSet::new(),
        }
    }

    /// From now on.
    pub fn tell(&mut self, how: How) {
        self.how = Some(how);
    }

    /// The truth again. Only sound for lies that keep the numbers.
    pub fn stop(&mut self) {
        self.how = None;
        self.at = None;
    }

    fn active(&self) -> Option<(How, u64)> {
        Some((self.how?, self.at?))
    }

    /// The head of the log, as the device is told.
    fn head(&self, truth: u64) -> u64 {
        let Some((how, at)) = self.active() else {
            return truth;
        };
        match how {
            How::Drop if truth >= at => truth - 1,
            How::Reorder if truth == at => at - 1,
            How::Replay if truth >= at => truth + 1,
            How::WithholdTail => truth.min(at - 1),
            How::Renumber(by) if truth >= at => truth + by,
            _ => truth,
        }
    }

    /// The true number behind one that the device says.
    fn truth(&self, said: u64) -> u64 {
        let Some((how, at)) = self.active() else {
            return said;
        };
        match how {
            How::Drop if said >= at => said + 1,
            How::Reorder if said == at => at - 1,
            How::Replay if said >= at => said - 1,
            How::Renumber(by) if said >= at + by => said - by,
            _ => said,
        }
    }

    fn entries(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        let mut told = Vec::new();
        for entry in entries {
            let content = entry.kind() == EntryKind::Content;
            if content && self.how.is_some() && self.at.is_none() {
                self.at = Some(entry.seq);
            }
            let Some((how, at)) = self.active() else {
                if content {
                    self.earlier = Some(entry.clone());
                }
                told.push(entry);
                continue;
            };
            self.entry(how, at, entry, &mut told);
        }
        told
    }

    fn entry(&mut self, how: How, at: u64, mut entry: Entry, told: &mut Vec<Entry>) {
        let truth = entry.seq;
        match how {
            How::Drop | How::Withhold if truth == at => return,
            How::WithholdTail if truth >= at => return,
            How::Reorder if truth == at => {
                self.held = Some(entry);
                return;
            }
            How::Reorder if truth == at + 1 => {
                entry.seq = at;
                told.push(entry);
                if let Some(mut held) = self.held.clone() {
                    held.seq = at + 1;
                    told.push(held);
                }
                return;
            }
            How::Replay if truth == at => {
                if let Some(mut earlier) = self.earlier.clone() {
                    earlier.seq = at;
                    told.push(earlier);
                }
            }
            How::Change if truth == at => {
                if let Some(last) = entry.body.last_mut() {
                    *last ^= 1;
                }
            }
            _ => {}
        }
        entry.seq = self.head(truth);
        told.push(entry);
    }
}

impl Malice for Log {
    fn to_device(&mut self, device: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if device != self.device {
            return vec![frame];
        }
        if let Some(deliver) = delivery(&mut frame).filter(|deliver| self.watched.is(&deliver.log))
        {
            let entries = std::mem::take(&mut deliver.entries);
            deliver.entries = self.entries(entries);
            deliver.head_seq = self.head(deliver.head_seq);
        }
        if let Some(server_frame::Frame::Reply(answer)) = &mut frame.frame {
            let ours = self.asked.remove(&answer.request);
            match &mut answer.result {
                Some(reply::Result::Appended(appended)) if ours => {
                    appended.seq = self.head(appended.seq);
                }
                Some(reply::Result::Committed(committed)) if ours => {
                    committed.seq = self.head(committed.seq);
                }
                Some(reply::Result::Sync(changes)) => {
                    for log in &mut changes.logs {
                        if self.watched.is(&log.log) {
                            log.head_seq = self.head(log.head_seq);
                        }
                    }
                }
                _ => {}
            }
        }
        vec![frame]
    }

    fn to_hub(&mut self, device: &str, mut frame: ClientFrame) -> Vec<ClientFrame> {
        self.watched.begins(&frame);
        if device != self.device {
            return vec![frame];
        }
        let request = frame.request;
        match &mut frame.act {
            Some(Act::Fetch(fetch)) if self.watched.is(&fetch.log) => {
                fetch.after_seq = self.truth(fetch.after_seq);
            }
            Some(Act::Acknowledge(acknowledge)) => {
                for position in &mut acknowledge.positions {
                    if self.watched.is(&position.log) {
                        position.seq = self.truth(position.seq);
                    }
                }
            }
            Some(Act::Append(append)) if self.watched.is(&append.conversation) => {
                self.asked.insert(request);
            }
            Some(Act::SubmitCommit(commit)) if self.watched.is(&commit.conversation) => {
                self.asked.insert(request);
            }
            _ => {}
        }
        vec![frame]
    }
}
