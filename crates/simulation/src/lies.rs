//! Lies that a server can tell, each a [`crate::Malice`] of its own: a fixture for everybody who writes a
//! client. docs/malice.md says what a client has to notice of each.
//!
//! Always holds: a lie uses what a server has (frames, answers, its database, keys of its own), and
//! is consistent towards the device that is lied to: pushes, answers and numbers fit together, so
//! that only what the lie changes can give it away. A lie is told from the moment on that a story
//! asks for it. A lie about a conversation is about the newest direct one, or, where it says so, the
//! newest group. A world whose hub goes back in time is made by [`crate::World::hub_snapshot`] and
//! [`crate::World::hub_restore`].

mod answers;
mod downgrade;
mod fork;
mod frames;
mod ghost;
mod log;
mod two_winners;
mod welcomes;

pub use answers::Answers;
pub use downgrade::Downgrade;
pub use fork::Fork;
pub use frames::Frames;
pub use ghost::{Captured, Ghost};
pub use log::{How, Log};
pub use two_winners::TwoWinners;
pub use welcomes::{Hoard, Welcomes};

use comity_wire::proto::client_frame::Act;
use comity_wire::proto::{
    ClientFrame, ConversationKind, Deliver, ServerFrame, reply, server_frame,
};

/// The conversation that a lie is about: the newest of its kind that somebody created.
#[derive(Debug)]
struct Watched {
    kind: ConversationKind,
    conversation: Vec<u8>,
}

impl Watched {
    const fn new(kind: ConversationKind) -> Self {
        Self {
            kind,
            conversation: Vec::new(),
        }
    }

    /// Whether a device creates one with this frame, which is the one from now on.
    fn begins(&mut self, frame: &ClientFrame) -> bool {
        match &frame.act {
            Some(Act::CreateConversation(create)) if create.kind() == self.kind => {
                self.conversation.clone_from(&create.conversation);
                true
            }
            _ => false,
        }
    }

    fn is(&self, conversation: &[u8]) -> bool {
        !self.conversation.is_empty() && self.conversation == conversation
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
