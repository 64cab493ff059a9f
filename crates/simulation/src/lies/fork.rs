//! The conversation is parted: what one device says there nobody else is told, and it is told nothing
//! that others say. Then the two branches are told as one again.

use super::{Watched, delivery};
use crate::Malice;
use comity_wire::proto::client_frame::Act;
use comity_wire::proto::{
    Appended, ClientFrame, ConversationKind, Fetch, ServerFrame, reply, server_frame,
};
use std::collections::BTreeMap;

/// Where the log parted, and what became of it since.
#[derive(Debug, Clone, Copy)]
struct Parted {
    /// The last number that both branches have.
    at: u64,
    /// Entries of the device's own branch.
    own: u64,
    /// The last true number that is not told to the device.
    hidden: u64,
    /// They are told as one again.
    joined: bool,
}

/// Parts one device from the others.
#[derive(Debug)]
pub struct Fork {
    device: String,
    watched: Watched,
    /// The last true number that the device was told.
    last: u64,
    parts: bool,
    parted: Option<Parted>,
    /// Requests of the device that the hub does not hear of, and the number each gets.
    kept: BTreeMap<u64, u64>,
    /// Requests of the device whose answers bear numbers of the log.
    asked: Vec<u64>,
}

impl Fork {
    /// Lies to this device about the direct conversation, once [`Self::part`] was called. Set it
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
            last: 0,
            parts: false,
            parted: None,
            kept: BTreeMap::new(),
            asked: Vec::new(),
        }
    }

    /// From now on. Only what is said is parted: nobody is to come or go until [`Self::join`].
    pub fn part(&mut self) {
        self.parts = true;
    }

    /// What is said from now on is told to all again, behind what each of them has.
    pub fn join(&mut self) {
        if let Some(parted) = &mut self.parted {
            parted.joined = true;
        }
    }

    fn parted(&mut self) -> Option<&mut Parted> {
        if self.parts && self.parted.is_none() {
            self.parted = Some(Parted {
                at: self.last,
                own: 0,
                hidden: self.last,
                joined: false,
            });
        }
        self.parted.as_mut()
    }

    /// The number that the device is told for a true one.
    fn told(&self, truth: u64) -> u64 {
        match self.parted {
            Some(parted) if truth > parted.at => {
                let since = truth.saturating_sub(parted.hidden);
                parted.at + parted.own + if parted.joined { since } else { 0 }
            }
            _ => truth,
        }
    }

    /// The true number behind one that the device says.
    fn truth(&self, said: u64) -> u64 {
        match self.parted {
            Some(parted) if said > parted.at => {
                parted.hidden + said.saturating_sub(parted.at + parted.own)
            }
            _ => said,
        }
    }
}

impl Malice for Fork {
    fn to_device(&mut self, device: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if device != self.device {
            return vec![frame];
        }
        self.parted();
        if let Some(deliver) = delivery(&mut frame).filter(|deliver| self.watched.is(&deliver.log))
        {
            for entry in &deliver.entries {
                match &mut self.parted {
                    Some(parted) if !parted.joined => {
                        parted.hidden = parted.hidden.max(entry.seq);
                    }
                    _ => self.last = self.last.max(entry.seq),
                }
            }
            let hidden = self.parted.map(|parted| parted.at + 1..=parted.hidden);
            deliver.entries.retain(|entry| {
                !hidden
                    .as_ref()
                    .is_some_and(|gone| gone.contains(&entry.seq))
            });
            for entry in &mut deliver.entries {
                entry.seq = self.told(entry.seq);
            }
            deliver.head_seq = self.told(deliver.head_seq);
        }
        if let Some(server_frame::Frame::Reply(answer)) = &mut frame.frame {
            let known = self.asked.iter().position(|asked| *asked == answer.request);
            if let Some(index) = known {
                self.asked.swap_remove(index);
            }
            let kept = self.kept.remove(&answer.request);
            match &mut answer.result {
                result if kept.is_some() => {
                    *result = Some(reply::Result::Appended(Appended {
                        seq: kept.unwrap_or_default(),
                        at_ms: crate::clock::now_ms(),
                        seal: vec![7; 32],
                    }));
                }
                Some(reply::Result::Appended(appended)) if known.is_some() => {
                    self.last = self.last.max(appended.seq);
                    appended.seq = self.told(appended.seq);
                }
                Some(reply::Result::Committed(committed)) if known.is_some() => {
                    self.last = self.last.max(committed.seq);
                    committed.seq = self.told(committed.seq);
                }
                Some(reply::Result::Sync(changes)) => {
                    for log in &mut changes.logs {
                        if self.watched.is(&log.log) {
                            log.head_seq = self.told(log.head_seq);
                            log.cursor = self.told(log.cursor);
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
        self.parted();
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
                match &mut self.parted {
                    Some(parted) if !parted.joined => {
                        parted.own += 1;
                        self.kept.insert(request, parted.at + parted.own);
                        // The hub answers something, which gives way to what the device hopes for.
                        let log = append.conversation.clone();
                        frame.act = Some(Act::Fetch(Fetch {
                            log,
                            after_seq: self.last,
                            bytes_max: 1,
                            ..Fetch::default()
                        }));
                    }
                    _ => self.asked.push(request),
                }
            }
            Some(Act::SubmitCommit(commit)) if self.watched.is(&commit.conversation) => {
                self.asked.push(request);
            }
            _ => {}
        }
        vec![frame]
    }
}
