//! A device is given the welcome of another conversation than it asked for.

use crate::Malice;
use comity_wire::proto::{ClientFrame, ServerFrame, WelcomeReply, reply, server_frame};

/// Keeps the first welcome that a device asks for back and answers with `instead`, or nonsense.
#[derive(Debug)]
pub struct Welcomes {
    device: String,
    /// The newest welcome that passed, for whomever.
    seen: Option<WelcomeReply>,
    told: bool,
}

impl Welcomes {
    /// The first welcome for this device is replaced by the newest one that was told before, for
    /// whomever; when there was none, by nonsense.
    #[must_use]
    pub fn new(device: &str) -> Self {
        Self {
            device: device.to_owned(),
            seen: None,
            told: false,
        }
    }
}

impl Malice for Welcomes {
    fn to_device(&mut self, device: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        let Some(server_frame::Frame::Reply(answer)) = &mut frame.frame else {
            return vec![frame];
        };
        if let Some(reply::Result::Welcome(welcome)) = &mut answer.result {
            let truth = welcome.clone();
            if device == self.device && !self.told {
                self.told = true;
                *welcome = self.seen.take().unwrap_or_default();
            }
            self.seen = Some(truth);
        }
        vec![frame]
    }

    fn to_hub(&mut self, _device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        vec![frame]
    }
}
