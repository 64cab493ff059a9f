//! Frames to one device are changed: what the other lies here do not tell.

use crate::Malice;
use comity_wire::proto::ServerFrame;

/// Changes the frames that one device gets.
pub struct Frames<F> {
    device: String,
    change: F,
}

impl<F> std::fmt::Debug for Frames<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Frames({})", self.device)
    }
}

impl<F: FnMut(&mut ServerFrame) + Send> Frames<F> {
    /// What this device gets is what `change` makes of it.
    pub fn new(device: &str, change: F) -> Self {
        Self {
            device: device.to_owned(),
            change,
        }
    }
}

impl<F: FnMut(&mut ServerFrame) + Send> Malice for Frames<F> {
    fn to_device(&mut self, device: &str, mut frame: ServerFrame) -> Vec<ServerFrame> {
        if device == self.device {
            (self.change)(&mut frame);
        }
        vec![frame]
    }
}
