//! Effects, carried out.

use super::Shell;
use crate::transfer::{self, Work};
use comity_client::{Effect, Input, Source};
use comity_wire::{Message as _, limits, proto};
use futures_util::future::abortable;
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

impl Shell {
    pub(super) fn run_effects(&self, effects: Vec<Effect>) {
        let mut frames = Vec::new();
        for effect in effects {
            match effect {
                Effect::Send(frame) => frames.push(frame),
                Effect::Connect => {
                    self.0.borrow_mut().line.wanted = true;
                    self.connect_when_due();
                }
                Effect::Reconnect => {
                    self.0.borrow_mut().line.again_soon();
                    self.input(Input::Disconnected);
                    self.connect_when_due();
                }
                Effect::Disconnect => self.0.borrow_mut().line.give_up(),
                Effect::Erase => self.erase(),
                Effect::Http {
                    call,
                    method,
                    path,
                    body,
                    token,
                } => {
                    let (shell, server) = (self.clone(), self.0.borrow().server.clone());
                    spawn_local(async move {
                        let result = server.call(method, &path, body, token.as_deref()).await;
                        shell.input(Input::HttpDone { call, result });
                    });
                }
                Effect::Upload(job) => {
                    if let Source::File(name) = &job.source {
                        let mut inner = self.0.borrow_mut();
                        inner.given.insert(job.transfer, name.clone());
                    }
                    self.moves(job.transfer, transfer::upload(self.work(), job));
                }
                Effect::Download(job) => {
                    self.moves(job.transfer, transfer::download(self.work(), job));
                }
                Effect::StopTransfer(transfer) => {
                    if let Some(moving) = self.0.borrow_mut().moving.remove(&transfer) {
                        moving.abort();
                    }
                }
            }
        }
        self.send_frames(frames);
    }

    /// Until it is over, or stopped.
    fn moves(&self, transfer: i64, work: impl Future<Output = ()> + 'static) {
        let (work, handle) = abortable(work);
        let mut inner = self.0.borrow_mut();
        inner.moving.insert(transfer, handle);
        drop(inner);
        let shell = self.clone();
        spawn_local(async move {
            if work.await.is_ok() {
                shell.0.borrow_mut().moving.remove(&transfer);
            }
        });
    }

    fn work(&self) -> Work {
        let inner = self.0.borrow();
        Work {
            server: inner.server.clone(),
            files: inner.files.clone(),
            kept: inner.kept.clone(),
            shell: self.clone(),
        }
    }

    /// All frames of a step in one message, or a few when there are many.
    fn send_frames(&self, frames: Vec<proto::ClientFrame>) {
        let mut frames = frames.into_iter().peekable();
        while frames.peek().is_some() {
            let mut batch = proto::ClientBatch::default();
            let mut bytes = 0;
            while let Some(frame) = frames.next_if(|frame| {
                batch.frames.is_empty()
                    || (batch.frames.len() < limits::BATCH_FRAMES_MAX
                        && bytes + frame.encoded_len() < limits::FRAME_BYTES_MAX / 2)
            }) {
                bytes += frame.encoded_len();
                batch.frames.push(frame);
            }
            let asks = batch.frames.iter().filter(|frame| frame.request != 0);
            let asks = asks.count();
            let sent = self.0.borrow_mut().line.send(&batch.encode_to_vec(), asks);
            if sent == Some(false) {
                self.lose_line();
                self.input(Input::Disconnected);
                return;
            }
        }
    }

    /// Deletes the store, then what unlocks it.
    fn erase(&self) {
        let (pool, files, kept) = {
            let mut inner = self.0.borrow_mut();
            inner.line.give_up();
            // The connection holds the files: it goes first.
            inner.core = None;
            (inner.pool.take(), inner.files.clone(), inner.kept.clone())
        };
        let shell = self.clone();
        spawn_local(async move {
            if let Some(pool) = pool {
                pool.erase().await;
            }
            files.erase().await;
            let erased = shell.0.borrow().outside.erased.clone();
            let _ = erased.call0(&JsValue::NULL);
            // Nothing opens these any more.
            kept.erase().await;
        });
    }
}
