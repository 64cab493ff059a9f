//! Lies that a server can tell, each a [`crate::Malice`] of its own: a fixture for everybody who writes a
//! client. docs/malice.md says what a client has to notice of each.
//!
//! Always holds: a lie uses what a server has (frames, answers, its database, keys of its own), and
//! is consistent towards the device that is lied to: pushes, answers and numbers fit together, so
//! that only what the lie changes can give it away. A lie is told from the moment on that a story
//! asks for it. A world whose hub goes back in time is made by [`crate::World::hub_snapshot`] and
//! [`crate::World::hub_restore`].

mod answers;
mod downgrade;
mod ghost;
mod log;
mod two_winners;
mod welcomes;

pub use answers::Answers;
pub use downgrade::Downgrade;
pub use ghost::{Captured, Ghost};
pub use log::{How, Log};
pub use two_winners::TwoWinners;
pub use welcomes::{Hoard, Welcomes};

use comity_wire::proto::client_frame::Act;
use comity_wire::proto::{
    ClientFrame, ConversationKind, Deliver, ServerFrame, reply, server_frame,
};

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
