//! One WebSocket between a device and the hub: the real framing over a stream in memory.

use bytes::Bytes;
use comity_chat::embedded::Door;
use comity_wire::Message as _;
use comity_wire::proto::{ClientBatch, ServerBatch};
use futures_util::{SinkExt, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

/// What the hub did on a lane.
#[derive(Debug)]
pub(crate) struct Arrival {
    /// Of which lane.
    pub(crate) lane: u64,
    /// What it wrote; none when it closed.
    pub(crate) batch: Option<ServerBatch>,
}

/// The device's end.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) number: u64,
    /// Which app is at the other end, and its how manyeth start that is.
    pub(crate) app: usize,
    pub(crate) hub_start: u64,
    /// The next batch each way comes no earlier than this.
    pub(crate) down_ms: u64,
    pub(crate) up_ms: u64,
    /// Nothing passes any more, though neither side may know yet.
    pub(crate) dead: bool,
    write: UnboundedSender<Vec<u8>>,
    task: JoinHandle<()>,
}

impl Drop for Lane {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Lane {
    pub(crate) fn open(
        door: &Door,
        number: u64,
        (app, hub_start): (usize, u64),
        arrivals: UnboundedSender<Arrival>,
    ) -> Self {
        let (write, written) = unbounded_channel();
        let task = tokio::spawn(carry(door.connect(), number, written, arrivals));
        Self {
            number,
            app,
            hub_start,
            down_ms: 0,
            up_ms: 0,
            dead: false,
            write,
            task,
        }
    }

    /// Gives a batch to the hub now.
    pub(crate) fn write(&self, batch: &ClientBatch) {
        // A lane that the hub has closed is about to tell so.
        let _ = self.write.send(batch.encode_to_vec());
    }
}

async fn carry(
    stream: tokio::io::DuplexStream,
    lane: u64,
    mut written: UnboundedReceiver<Vec<u8>>,
    arrivals: UnboundedSender<Arrival>,
) {
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    loop {
        tokio::select! {
            biased;
            bytes = written.recv() => {
                let Some(bytes) = bytes else { return };
                if socket.send(Message::Binary(Bytes::from(bytes))).await.is_err() {
                    break;
                }
            }
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let batch = ServerBatch::decode(&bytes[..]).ok();
                    let closed = batch.is_none();
                    if arrivals.send(Arrival { lane, batch }).is_err() || closed {
                        return;
                    }
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                Some(Ok(_)) => {}
            },
        }
    }
    let _ = arrivals.send(Arrival { lane, batch: None });
}
