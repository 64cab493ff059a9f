//! Malice: a layer between the honest hub and the devices, which sees and may change everything
//! that a malicious server could.
//!
//! Always holds: malice has what a server has (every frame and answer, the hub's database), not
//! what a device has: it holds no device's keys and is not in its process. Deliberately absent:
//! lies themselves; each story brings its own.

use bytes::Bytes;
use comity_wire::proto::{ClientFrame, ServerFrame};
use http::{HeaderMap, Method};
use std::sync::{Arc, Mutex, PoisonError};

/// An HTTP act on its way to the hub.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// Path with query, from `/v1` on.
    pub path: String,
    /// Headers: the bearer token, offsets, ranges.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// An answer on its way to a device.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// What becomes of an HTTP act.
#[derive(Debug)]
pub enum Asked {
    /// The hub carries this out.
    Pass(Ask),
    /// The hub hears nothing of it; the device gets this.
    Answer(Answer),
    /// The hub hears nothing of it; the device's call fails.
    Lose,
}

/// What a malicious server does. Devices are named as the story named them. Every method that is
/// left out is honest.
pub trait Malice: Send {
    /// The hub sends a frame: what the device gets instead, in this order. Frames that are kept
    /// back can be given later, here or with [`crate::World::inject`].
    fn to_device(&mut self, device: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        let _ = device;
        vec![frame]
    }

    /// A device sends a frame: what the hub gets instead.
    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        let _ = device;
        vec![frame]
    }

    /// A device asks for an HTTP act.
    fn ask(&mut self, device: &str, ask: Ask) -> Asked {
        let _ = device;
        Asked::Pass(ask)
    }

    /// The hub answered one.
    fn answer(&mut self, device: &str, ask: &Ask, answer: Answer) -> Answer {
        let _ = (device, ask);
        answer
    }
}

/// A server that does as it should.
#[derive(Debug, Clone, Copy, Default)]
pub struct Honest;

impl Malice for Honest {}

/// So that a story can change its mind while the world runs.
impl<M: Malice> Malice for Arc<Mutex<M>> {
    fn to_device(&mut self, device: &str, frame: ServerFrame) -> Vec<ServerFrame> {
        let mut malice = self.lock().unwrap_or_else(PoisonError::into_inner);
        malice.to_device(device, frame)
    }

    fn to_hub(&mut self, device: &str, frame: ClientFrame) -> Vec<ClientFrame> {
        let mut malice = self.lock().unwrap_or_else(PoisonError::into_inner);
        malice.to_hub(device, frame)
    }

    fn ask(&mut self, device: &str, ask: Ask) -> Asked {
        let mut malice = self.lock().unwrap_or_else(PoisonError::into_inner);
        malice.ask(device, ask)
    }

    fn answer(&mut self, device: &str, ask: &Ask, answer: Answer) -> Answer {
        let mut malice = self.lock().unwrap_or_else(PoisonError::into_inner);
        malice.answer(device, ask, answer)
    }
}
