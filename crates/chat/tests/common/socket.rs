//! A raw WebSocket of batches.

use comity_e2ee::keys::DeviceKeys;
use comity_wire::proto::{
    ClientBatch, ClientFrame, Hello, Reply, ServerBatch, ServerFrame, SignIn, SignedIn,
    client_frame::Act, reply, server_frame::Frame,
};
use comity_wire::{AppId, Message as _, PROTOCOL_VERSION, sign_in_message};
use futures_util::{SinkExt, StreamExt};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

/// What a request was answered.
pub type Given = Result<reply::Result, String>;

pub trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

pub struct Socket {
    stream: WebSocketStream<Box<dyn Bytes>>,
    /// The TLS exporter of the connection, when it is to be signed.
    exporter: Option<[u8; 32]>,
    waiting: VecDeque<Frame>,
    next: u64,
}

impl Socket {
    pub async fn connect(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        Self::over(Box::new(tcp), address, None).await
    }

    pub async fn over(
        stream: Box<dyn Bytes>,
        address: SocketAddr,
        exporter: Option<[u8; 32]>,
    ) -> Self {
        let url = format!("ws://{address}/v1/connect");
        let (stream, _) = tokio_tungstenite::client_async(url, stream).await.unwrap();
        Self {
            stream,
            exporter,
            waiting: VecDeque::new(),
            next: 1,
        }
    }

    pub async fn sign_in(&mut self, app: &AppId, keys: &DeviceKeys) -> Result<SignedIn, String> {
        let nonce = self.hello(keys).await?;
        self.prove(app, keys, &nonce).await
    }

    /// Says who it is; the challenge's nonce.
    pub async fn hello(&mut self, keys: &DeviceKeys) -> Result<Vec<u8>, String> {
        let device = keys.id();
        let hello = Hello {
            version: PROTOCOL_VERSION,
            device: device.to_vec(),
            agent: "test".to_owned(),
        };
        self.send(Act::Hello(hello)).await;
        match self.frame().await {
            Some(Frame::Challenge(challenge)) => Ok(challenge.nonce),
            Some(Frame::Reply(Reply {
                result: Some(reply::Result::Error(error)),
                ..
            })) => Err(error.code),
            other => panic!("{other:?}"),
        }
    }

    /// Answers the challenge.
    pub async fn prove(
        &mut self,
        app: &AppId,
        keys: &DeviceKeys,
        nonce: &[u8],
    ) -> Result<SignedIn, String> {
        let signature = keys
            .sign(&sign_in_message(
                app,
                &keys.id(),
                nonce,
                self.exporter.as_ref().map(<[u8; 32]>::as_slice),
            ))
            .to_vec();
        match self
            .ask(Act::SignIn(SignIn {
                signature,
                exporter: self.exporter.is_some(),
            }))
            .await?
        {
            reply::Result::SignedIn(signed_in) => Ok(signed_in),
            other => panic!("{other:?}"),
        }
    }

    pub async fn send(&mut self, act: Act) -> u64 {
        let request = self.next;
        self.next += 1;
        let frame = ClientFrame {
            request,
            act: Some(act),
        };
        self.send_raw(
            ClientBatch {
                frames: vec![frame],
            }
            .encode_to_vec(),
        )
        .await;
        request
    }

    pub async fn send_raw(&mut self, bytes: Vec<u8>) {
        // The server may have closed already; what it said is read next.
        let _ = self.stream.send(Message::Binary(bytes.into())).await;
    }

    pub async fn send_text(&mut self, text: &str) {
        self.stream.send(Message::Text(text.into())).await.unwrap();
    }

    /// Closes the connection.
    pub async fn goodbye(&mut self) {
        let _ = self.stream.close(None).await;
    }

    /// The next frame, or none when the connection ended.
    pub async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                return Some(frame);
            }
            let message = tokio::time::timeout(Duration::from_secs(20), self.stream.next())
                .await
                .expect("the server says nothing");
            match message {
                Some(Ok(Message::Binary(bytes))) => {
                    let batch = ServerBatch::decode(bytes.as_ref()).unwrap();
                    let frames = batch.frames.into_iter();
                    self.waiting
                        .extend(frames.filter_map(|ServerFrame { frame }| frame));
                }
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    /// Asks and waits for the answer; pushes that come first are kept.
    pub async fn ask(&mut self, act: Act) -> Given {
        let request = self.send(act).await;
        self.answer(request).await
    }

    pub async fn answer(&mut self, request: u64) -> Given {
        let mut passed = VecDeque::new();
        let given = loop {
            match self.frame().await {
                Some(Frame::Reply(reply)) if reply.request == request => {
                    break match reply.result.unwrap() {
                        reply::Result::Error(error) => Err(error.code),
                        other => Ok(other),
                    };
                }
                Some(frame) => passed.push_back(frame),
                None => break Err("closed".to_owned()),
            }
        };
        passed.append(&mut self.waiting);
        self.waiting = passed;
        given
    }

    /// The next push that `wanted` takes; others are dropped.
    pub async fn push<T>(&mut self, mut wanted: impl FnMut(Frame) -> Option<T>) -> T {
        loop {
            let frame = self.frame().await.expect("the connection ended");
            if let Some(found) = wanted(frame) {
                return found;
            }
        }
    }
}
