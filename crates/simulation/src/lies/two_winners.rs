//! Two commits of one epoch are accepted: each of two devices is told that its own won. From there
//! on the conversation has two branches.

use super::{Watched, delivery};
use crate::Malice;
use comity_wire::proto::client_frame::Act;
use comity_wire::proto::{
    ClientFrame, Committed, ConversationKind, EntryKind, ServerFrame, reply, server_frame,
};

/// Tells one device that its commit won, though another one did.
#[derive(Debug)]
pub struct TwoWinners {
    loser: String,
    watched: Watched,
    armed: bool,
    /// The number of the true winner, which the loser is not told.
    fork_seq: Option<u64>,
    /// The loser's request and the epoch that it was for.
    lost: Option<(u64, u64)>,
}

impl TwoWinners {
    /// Lies to this device about the direct conversation, once [`Self::arm`] was called. Set it
    /// before the conversation begins.
    #[must_use]
    pub fn new(loser: &str) -> Self {
        Self::of(ConversationKind::Direct, loser)
    }

    /// As [`Self::new`], about the group.
    #[must_use]
    pub fn in_group(loser: &str) -> Self {
        Self::of(ConversationKind::Group, loser)
    }

    fn of(kind: ConversationKind, loser: &str) -> Self {
        Self {
            loser: loser.to_owned(),
            watched: Watched::new(kind),
            armed: false,
            fork_seq: None,
            lost: None,
        }
    }

    /// The next commit of somebody else is not told to the loser; its own next one "wins".
    pub fn arm(&mut self) {
        self.armed = true;
    }

    /// True when the loser was told that it won.
    #[must_use]
    pub fn is_told(&self) -> bool {
        self.fork_seq.is_some() && !self.armed
    }
}

impl Malice for TwoWinners {
    fn to_device(&mut self, device: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if device != self.loser {
            return vec![frame];
        }
        if let Some(deliver) = delivery(&mut frame).filter(|deliver| self.watched.is(&deliver.log))
        {
            for entry in &deliver.entries {
                if self.armed && self.fork_seq.is_none() && entry.kind() == EntryKind::Commit {
                    self.fork_seq = Some(entry.seq);
                }
            }
            if let Some(fork) = self.fork_seq {
                // Until its own commit has "won", the log ends before the true winner.
                let armed = self.armed;
                let keep = |seq: u64| if armed { seq < fork } else { seq != fork };
                deliver.entries.retain(|entry| keep(entry.seq));
                if armed {
                    deliver.head_seq = deliver.head_seq.min(fork - 1);
                }
            }
        }
        if let (Some(server_frame::Frame::Reply(answer)), Some((request, epoch)), Some(fork)) =
            (&mut frame.frame, self.lost, self.fork_seq)
            && answer.request == request
            && matches!(answer.result, Some(reply::Result::Error(_)))
        {
            answer.result = Some(reply::Result::Committed(Committed {
                seq: fork,
                epoch: epoch + 1,
                at_ms: crate::clock::now_ms(),
            }));
            self.armed = false;
            self.lost = None;
        }
        vec![frame]
    }

    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        self.watched.begins(&frame);
        if let Some(Act::SubmitCommit(commit)) = &frame.act
            && self.armed
            && device == self.loser
            && self.watched.is(&commit.conversation)
        {
            self.lost = Some((frame.request, commit.expected_epoch));
        }
        vec![frame]
    }
}
