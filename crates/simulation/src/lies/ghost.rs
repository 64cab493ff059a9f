//! A ghost: a device that nobody's account lists joins the conversation from outside, with what
//! the server holds of it, and in the name of one of its people.

use super::Watched;
use crate::Malice;
use comity_e2ee::DeviceKeys;
use comity_e2ee::engine::Groups;
use comity_membership::CommitHeader;
use comity_wire::proto::client_frame::Act;
use comity_wire::proto::{
    ClientFrame, ConversationKind, Deliver, Entry, EntryKind, ServerFrame, WelcomeReply, reply,
    server_frame,
};
use comity_wire::{Address, ConversationId, Id16};
use std::collections::BTreeSet;

/// What a server holds of the conversation.
#[derive(Debug, Clone, Default)]
pub struct Captured {
    conversation: Vec<u8>,
    group_info: Vec<u8>,
    ratchet_tree: Vec<u8>,
    head_seq: u64,
}

/// Notes what a ghost needs. Set it before the conversation begins.
#[derive(Debug)]
pub struct Ghost {
    watched: Watched,
    captured: Captured,
    /// Devices and their requests whose answers bear numbers of the log, or a welcome to it.
    asked: BTreeSet<(String, u64)>,
}

impl Default for Ghost {
    fn default() -> Self {
        Self::new()
    }
}

impl Ghost {
    /// Nothing noted yet; of the direct conversation.
    #[must_use]
    pub fn new() -> Self {
        Self::of(ConversationKind::Direct)
    }

    /// As [`Self::new`], of the group.
    #[must_use]
    pub fn in_group() -> Self {
        Self::of(ConversationKind::Group)
    }

    fn of(kind: ConversationKind) -> Self {
        Self {
            watched: Watched::new(kind),
            captured: Captured::default(),
            asked: BTreeSet::new(),
        }
    }

    /// The conversation's state after the newest welcome; `None` before there was one.
    #[must_use]
    pub fn captured(&self) -> Option<Captured> {
        (!self.captured.ratchet_tree.is_empty()).then(|| self.captured.clone())
    }
}

impl Captured {
    /// The entry that lets a ghost in, in the name of `whose`, at the end of the log.
    ///
    /// # Errors
    /// When what was captured does not fit together.
    pub fn entry(&self, whose: &Address) -> anyhow::Result<ServerFrame> {
        let mut random = |bytes: &mut [u8]| rand::Rng::fill(&mut rand::rng(), bytes);
        let keys = DeviceKeys::generate(&mut random);
        let store = rusqlite::Connection::open_in_memory()?;
        store.execute_batch(comity_e2ee::storage::SCHEMA)?;
        let id = ConversationId::new(whose.app.clone(), Id16::from_slice(&self.conversation)?);
        let mut groups = Groups::new();
        let pending = groups.session(&store, &keys, whose).prepare_external_join(
            &id,
            &self.group_info,
            &self.ratchet_tree,
            &CommitHeader::default(),
            &mut |_, _, _| Ok(()),
        )?;
        let entry = Entry {
            seq: self.head_seq + 1,
            kind: EntryKind::Commit.into(),
            epoch: pending.epoch_before,
            body: pending.commit,
            idempotency_key: vec![7; 16],
            at_ms: crate::clock::now_ms(),
            seal: Vec::new(),
        };
        Ok(ServerFrame {
            frame: Some(server_frame::Frame::Deliver(Deliver {
                hub: String::new(),
                log: self.conversation.clone(),
                head_seq: entry.seq,
                entries: vec![entry],
                gap_until_seq: 0,
            })),
        })
    }
}

impl Malice for Ghost {
    fn to_device(&mut self, device: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        if let Some(server_frame::Frame::Reply(answer)) = &frame.frame {
            let ours = self.asked.remove(&(device.to_owned(), answer.request));
            match &answer.result {
                Some(reply::Result::Welcome(WelcomeReply { ratchet_tree, .. })) if ours => {
                    self.captured.ratchet_tree.clone_from(ratchet_tree);
                }
                Some(reply::Result::Appended(appended)) if ours => {
                    self.captured.head_seq = self.captured.head_seq.max(appended.seq);
                }
                Some(reply::Result::Committed(committed)) if ours => {
                    self.captured.head_seq = self.captured.head_seq.max(committed.seq);
                }
                _ => {}
            }
        }
        vec![frame]
    }

    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        if self.watched.begins(&frame) {
            self.captured = Captured {
                conversation: self.watched.conversation.clone(),
                ..Captured::default()
            };
        }
        let ours = match &frame.act {
            Some(Act::SubmitCommit(commit)) if self.watched.is(&commit.conversation) => {
                self.captured.group_info.clone_from(&commit.group_info);
                true
            }
            Some(Act::Append(append)) => self.watched.is(&append.conversation),
            Some(Act::FetchWelcome(fetch)) => self.watched.is(&fetch.conversation),
            _ => false,
        };
        if ours {
            self.asked.insert((device.to_owned(), frame.request));
        }
        vec![frame]
    }
}
