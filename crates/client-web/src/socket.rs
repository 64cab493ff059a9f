//! The one WebSocket.
//!
//! Always holds: dropped, it is closed and says nothing more. Deliberately absent: pings, which a
//! browser does not let a page send; the app sends them, and [`crate::shell`] notices a line that
//! owes an answer.

use crate::shell::{Shell, Signal};
use js_sys::{ArrayBuffer, Uint8Array};
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{BinaryType, MessageEvent, WebSocket};

pub(crate) struct Socket {
    socket: WebSocket,
    /// Kept for as long as the socket may call them.
    _handlers: (
        Closure<dyn FnMut()>,
        Closure<dyn FnMut(MessageEvent)>,
        Closure<dyn FnMut()>,
    ),
}

impl Socket {
    /// Begins to connect; the shell hears of it what `session` tells apart.
    pub(crate) fn open(url: &str, shell: &Shell, session: u64) -> Result<Self, JsValue> {
        let socket = WebSocket::new(url)?;
        socket.set_binary_type(BinaryType::Arraybuffer);
        let to = shell.clone();
        let opened = Closure::<dyn FnMut()>::new(move || to.signal(Signal::Opened(session)));
        let to = shell.clone();
        let message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            // What is no binary message is none of Comity's, and ends the connection there.
            let bytes = event
                .data()
                .dyn_into::<ArrayBuffer>()
                .map(|buffer| Uint8Array::new(&buffer).to_vec())
                .unwrap_or_else(|_| vec![0xff]);
            to.signal(Signal::Batch(session, bytes));
        });
        let to = shell.clone();
        let closed = Closure::<dyn FnMut()>::new(move || to.signal(Signal::Closed(session)));
        socket.set_onopen(Some(opened.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(message.as_ref().unchecked_ref()));
        socket.set_onclose(Some(closed.as_ref().unchecked_ref()));
        Ok(Self {
            socket,
            _handlers: (opened, message, closed),
        })
    }

    /// False when it is no longer open.
    pub(crate) fn send(&self, bytes: &[u8]) -> bool {
        self.socket.send_with_u8_array(bytes).is_ok()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close();
    }
}
