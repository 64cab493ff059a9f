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

/// Hoards a real welcome, and gives it in the place of a later one: it opens, and leads into another
/// group of the same people.
#[derive(Debug)]
pub struct Hoard {
    device: String,
    hoards: bool,
    hoarded: Option<WelcomeReply>,
}

impl Hoard {
    /// Honest until it is told to hoard.
    #[must_use]
    pub fn new(device: &str) -> Self {
        Self {
            device: device.to_owned(),
            hoards: false,
            hoarded: None,
        }
    }

    /// The next welcome for the device is kept back, and nonsense given for it; the one after that
    /// is answered with what was kept.
    pub fn hoard(&mut self) {
        self.hoards = true;
    }

    /// Whether the hoarded welcome was given.
    #[must_use]
    pub fn is_told(&self) -> bool {
        !self.hoards && self.hoarded.is_none()
    }
}

impl Malice for Hoard {
    fn to_device(&mut self, device: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if device == self.device
            && let Some(server_frame::Frame::Reply(answer)) = &mut frame.frame
            && let Some(reply::Result::Welcome(welcome)) = &mut answer.result
        {
            if std::mem::take(&mut self.hoards) {
                self.hoarded = Some(std::mem::take(welcome));
            } else if let Some(hoarded) = self.hoarded.take() {
                *welcome = hoarded;
            }
        }
        vec![frame]
    }
}
