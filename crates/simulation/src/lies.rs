//! Lies that a server can tell, each a [`Malice`] of its own: a fixture for everybody who writes a
//! client. docs/malice.md says what a client has to notice of each.
//!
//! Always holds: a lie uses what a server has (frames, answers, its database, keys of its own), and
//! is consistent towards the device that is lied to: pushes, answers and numbers fit together, so
//! that only what the lie changes can give it away. A lie is told from the moment on that a story
//! asks for it. A world whose hub goes back in time is made by [`crate::World::hub_snapshot`] and
//! [`crate::World::hub_restore`].

mod answers;
mod ghost;
mod log;
mod two_winners;
mod welcomes;

pub use answers::Answers;
pub use ghost::{Captured, Ghost};
pub use log::{How, Log};
pub use two_winners::TwoWinners;
pub use welcomes::Welcomes;

use crate::Malice;
use comity_wire::proto::client_frame::Act;
use comity_wire::proto::{
    ClientFrame, ConversationKind, Deliver, ServerFrame, reply, server_frame,
};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A lie that the world tells and the story steers.
#[derive(Debug)]
pub struct Told<M>(Arc<Mutex<M>>);

impl<M> Clone for Told<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<M: Malice> Told<M> {
    /// To be given to [`crate::World::set_malice`], as a clone.
    #[must_use]
    pub fn new(malice: M) -> Self {
        Self(Arc::new(Mutex::new(malice)))
    }

    /// The lie, to be steered.
    pub fn steer(&self) -> MutexGuard<'_, M> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<M: Malice> Malice for Told<M> {
    fn to_device(&mut self, device: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        self.steer().to_device(device, frame)
    }

    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        self.steer().to_hub(device, frame)
    }

    fn ask(&mut self, device: &str, ask: crate::Ask) -> crate::Asked {
        self.steer().ask(device, ask)
    }

    fn answer(&mut self, device: &str, ask: &crate::Ask, answer: crate::Answer) -> crate::Answer {
        self.steer().answer(device, ask, answer)
    }
}

/// The direct conversation that a device creates with this frame.
fn created(frame: &ClientFrame) -> Option<Vec<u8>> {
    match &frame.act {
        Some(Act::CreateConversation(create)) if create.kind() == ConversationKind::Direct => {
            Some(create.conversation.clone())
        }
        _ => None,
    }
}

/// The entries that a frame brings, pushed or asked for.
fn delivery(frame: &mut ServerFrame) -> Option<&mut Deliver> {
    match &mut frame.frame {
        Some(server_frame::Frame::Deliver(deliver)) => Some(deliver),
        Some(server_frame::Frame::Reply(answer)) => match &mut answer.result {
            Some(reply::Result::Deliver(deliver)) => Some(deliver),
            _ => None,
        },
        _ => None,
    }
}
