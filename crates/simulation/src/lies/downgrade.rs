//! A device is made to come in anew, into a state of the conversation in a weaker suite.

use super::delivery;
use crate::Malice;
use comity_e2ee::DeviceKeys;
use comity_e2ee::engine::Groups;
use comity_membership::{Context, parse_group_info};
use comity_wire::proto::{ServerFrame, StateReply, reply, server_frame};
use comity_wire::{Address, ConversationId};

/// Says that entries are gone, and answers the device that asks for the state with one of its own.
#[derive(Debug)]
pub struct Downgrade {
    device: String,
    groups: Groups,
    whose: Option<Address>,
    gap_told: bool,
    told: u64,
}

impl Downgrade {
    /// Honest until it is armed. Its state is of the suite of these groups.
    #[must_use]
    pub fn new(device: &str, groups: Groups) -> Self {
        Self {
            device: device.to_owned(),
            groups,
            whose: None,
            gap_told: false,
            told: 0,
        }
    }

    /// From now on, with a leaf in the name of `whose`.
    pub fn arm(&mut self, whose: Address) {
        self.whose = Some(whose);
        self.gap_told = false;
    }

    /// The server thinks better of it.
    pub fn stop(&mut self) {
        self.whose = None;
    }

    /// How often such a state was given.
    #[must_use]
    pub fn told(&self) -> u64 {
        self.told
    }

    /// The conversation as the honest answer has it, alone in it a leaf of the server's.
    fn forge(&mut self, honest: &StateReply, whose: &Address) -> anyhow::Result<StateReply> {
        let info = parse_group_info(&honest.group_info)?;
        let context = Context::of_extensions(info.group_context().extensions())?;
        let id: ConversationId = context.conversation.clone();
        let mut random = |bytes: &mut [u8]| rand::Rng::fill(&mut rand::rng(), bytes);
        let keys = DeviceKeys::generate(&mut random);
        let store = rusqlite::Connection::open_in_memory()?;
        store.execute_batch(comity_e2ee::storage::SCHEMA)?;
        let made = self
            .groups
            .session(&store, &keys, whose)
            .create(&id, &context)?;
        Ok(StateReply {
            group_info: made.group_info,
            ratchet_tree: made.ratchet_tree,
            epoch: 0,
            ..honest.clone()
        })
    }
}

impl Malice for Downgrade {
    fn to_device(&mut self, device: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        let Some(whose) = self.whose.clone().filter(|_| device == self.device) else {
            return vec![frame];
        };
        if !self.gap_told
            && let Some(deliver) = delivery(&mut frame)
            && let Some(last) = deliver.entries.last()
        {
            self.gap_told = true;
            deliver.gap_until_seq = last.seq;
            deliver.entries.clear();
        }
        if let Some(server_frame::Frame::Reply(answer)) = &mut frame.frame
            && let Some(reply::Result::State(state)) = &mut answer.result
            && let Ok(forged) = self.forge(state, &whose)
        {
            self.told += 1;
            *state = forged;
        }
        vec![frame]
    }
}
