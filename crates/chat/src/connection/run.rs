//! One connection, from its first frame to its last.

use super::acts::Session;
use super::guard::{Allowance, Guarded};
use super::sign_in::{self, Challenged};
use crate::app::App;
use crate::live::Outbound;
use comity_platform::Failure;
use comity_wire::proto::{
    ClientFrame, Closing, Reply, ServerBatch, ServerFrame, client_frame::Act, reply,
    server_frame::Frame,
};
use comity_wire::{DeviceId, ErrorCode, Message as _, WireError, limits};
use futures_util::{SinkExt, StreamExt};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Message, Role, WebSocketConfig};

/// Any stream of bytes.
pub(crate) trait Bytes: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Bytes for T {}

type Socket = WebSocketStream<Box<dyn Bytes>>;

/// Why a connection ended; nothing that anybody needs to hear.
struct Ended;

/// Time that one write may take: a peer that reads nothing for so long is gone.
const WRITE_TIMEOUT: Duration = Duration::from_secs(60);

fn milliseconds(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or_default())
}

/// A connection of a device that has signed in.
struct Signed {
    socket: Socket,
    session: Session,
    /// What came with the sign-in.
    rest: Vec<ClientFrame>,
    /// When it said hello, among all.
    arrival: u64,
}

/// Runs a connection until either side ends it.
pub(crate) async fn run(app: Arc<App>, stream: Box<dyn Bytes>, exporter: Option<[u8; 32]>) {
    // What signing in needs is given back: a connection that waits is all that most of them are.
    let Some(signed) = Box::pin(admit(&app, stream, exporter)).await else {
        return;
    };
    let Signed {
        socket,
        session,
        rest,
        arrival,
    } = signed;
    app.counts.connections.add(1);
    let device = session.caller.device;
    let outbound = session.outbound.clone();
    if !app.live.connect(device, outbound.clone(), arrival) {
        outbound.close(ErrorCode::Unavailable, 0);
    }
    let _end = serve(&app, socket, session, rest).await;
    leave(&app, &device, &outbound);
}

/// The handshake's end and the sign-in; none when there is nobody to serve.
async fn admit(
    app: &Arc<App>,
    stream: Box<dyn Bytes>,
    exporter: Option<[u8; 32]>,
) -> Option<Signed> {
    // Small buffers: most connections are idle most of the time.
    let config = WebSocketConfig::default()
        .read_buffer_size(512)
        .write_buffer_size(0)
        .max_write_buffer_size(usize::MAX)
        .max_message_size(Some(limits::FRAME_BYTES_MAX))
        .max_frame_size(Some(limits::FRAME_BYTES_MAX));
    let allowance = Allowance::new();
    let guarded: Box<dyn Bytes> = Box::new(Guarded {
        stream,
        allowance: allowance.clone(),
    });
    let mut socket = WebSocketStream::from_raw_socket(guarded, Role::Server, Some(config)).await;
    let time = milliseconds(app.config.limits.sign_in_timeout_ms);
    let signed = tokio::time::timeout(time, sign(app, &mut socket, exporter)).await;
    let (session, rest, arrival) = match signed {
        Ok(Ok(signed)) => signed,
        Ok(Err(Ended)) if allowance.is_spent() => {
            let much = WireError::new(ErrorCode::TooLarge, "more than a sign-in takes");
            refuse(&mut socket, 0, much).await;
            return None;
        }
        Ok(Err(Ended)) => return None,
        Err(_) => {
            let late = WireError::new(ErrorCode::Unauthenticated, "not signed in in time");
            refuse(&mut socket, 0, late).await;
            return None;
        }
    };
    allowance.lift();
    Some(Signed {
        socket,
        session,
        rest,
        arrival,
    })
}

fn leave(app: &App, device: &DeviceId, outbound: &Arc<Outbound>) {
    // Requests that are still running find a closed queue.
    outbound.close(ErrorCode::Unavailable, 0);
    app.live.disconnect(device, outbound);
    app.counts.connections.add(-1);
}

/// Reads the next batch; pings and pongs are passed over.
async fn next(socket: &mut Socket) -> Result<Vec<ClientFrame>, Result<WireError, Ended>> {
    match socket.next().await {
        Some(Ok(Message::Binary(bytes))) => batch(&bytes).map_err(Ok),
        Some(Ok(Message::Text(_))) => Err(Ok(WireError::new(
            ErrorCode::Malformed,
            "batches are binary",
        ))),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Vec::new()),
        Some(Err(tokio_tungstenite::tungstenite::Error::Capacity(_))) => Err(Ok(WireError::new(
            ErrorCode::TooLarge,
            "the message is too large",
        ))),
        Some(Err(
            tokio_tungstenite::tungstenite::Error::Protocol(_)
            | tokio_tungstenite::tungstenite::Error::Utf8(_),
        )) => Err(Ok(WireError::new(
            ErrorCode::Malformed,
            "this is not the WebSocket protocol",
        ))),
        Some(Ok(Message::Close(_))) => {
            // The peer hears that its goodbye came.
            let _ = tokio::time::timeout(Duration::from_secs(5), socket.flush()).await;
            Err(Err(Ended))
        }
        Some(Ok(Message::Frame(_)) | Err(_)) | None => Err(Err(Ended)),
    }
}

fn batch(bytes: &[u8]) -> Result<Vec<ClientFrame>, WireError> {
    Ok(comity_wire::decode_batch(bytes)?.frames)
}

async fn sign(
    app: &Arc<App>,
    socket: &mut Socket,
    exporter: Option<[u8; 32]>,
) -> Result<(Session, Vec<ClientFrame>, u64), Ended> {
    let mut challenged: Option<Challenged> = None;
    let mut arrival = 0;
    loop {
        let frames = match next(socket).await {
            Ok(frames) => frames,
            Err(Ok(error)) => {
                refuse(socket, 0, error).await;
                return Err(Ended);
            }
            Err(Err(ended)) => return Err(ended),
        };
        let mut frames = frames.into_iter();
        while let Some(frame) = frames.next() {
            let step = match (frame.act, challenged.take()) {
                (Some(Act::Hello(hello)), None) => match sign_in::challenge(app, &hello) {
                    Ok((waiting, challenge)) => {
                        arrival = waiting.arrival;
                        challenged = Some(waiting);
                        send(socket, vec![Frame::Challenge(challenge)]).await?;
                        continue;
                    }
                    Err(failure) => Err(failure),
                },
                (Some(Act::SignIn(request)), Some(waiting)) => {
                    sign_in::sign_in(app, waiting, request, exporter).await
                }
                _ => Err(Failure::refused(
                    ErrorCode::Unauthenticated,
                    "sign in first",
                )),
            };
            match step {
                Ok((caller, signed_in)) => {
                    let outbound = Arc::new(Outbound::new(app.config.limits.outbound_bytes));
                    // Before anything else that a push could bring.
                    let result = Some(reply::Result::SignedIn(signed_in));
                    let answer = Reply {
                        request: frame.request,
                        result,
                    };
                    send(socket, vec![Frame::Reply(answer)]).await?;
                    return Ok((
                        Session::new(app.clone(), caller, outbound),
                        frames.collect(),
                        arrival,
                    ));
                }
                Err(failure) => {
                    refuse(socket, frame.request, failure.into()).await;
                    return Err(Ended);
                }
            }
        }
    }
}

/// Tells why, then ends the connection.
async fn refuse(socket: &mut Socket, request: u64, error: WireError) {
    let closing = Closing {
        code: error.code.as_str().to_owned(),
        retry_after_ms: error.retry_after_ms,
    };
    let result = Some(reply::Result::Error(error.into()));
    let frames = vec![
        Frame::Reply(Reply { request, result }),
        Frame::Closing(closing),
    ];
    let _ended = send(socket, frames).await;
    close(socket).await;
}

async fn close(socket: &mut Socket) {
    let _ = tokio::time::timeout(Duration::from_secs(5), async {
        let _ = socket.close(None).await;
        // Until the peer has read what was said: a socket with unread bytes would be reset.
        while let Some(Ok(_)) = socket.next().await {}
    })
    .await;
}

async fn send(socket: &mut Socket, frames: Vec<Frame>) -> Result<(), Ended> {
    let frames = frames
        .into_iter()
        .map(|frame| ServerFrame { frame: Some(frame) })
        .collect();
    write(socket, ServerBatch { frames }).await
}

async fn write(socket: &mut Socket, batch: ServerBatch) -> Result<(), Ended> {
    let message = Message::Binary(batch.encode_to_vec().into());
    match tokio::time::timeout(WRITE_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Ended),
    }
}

async fn serve(
    app: &Arc<App>,
    mut socket: Socket,
    mut session: Session,
    first: Vec<ClientFrame>,
) -> Result<(), Ended> {
    let outbound = session.outbound.clone();
    let idle = milliseconds(app.config.limits.idle_timeout_ms);
    let mut heard = Instant::now();
    let mut pings = tokio::time::interval((idle / 3).max(Duration::from_millis(10)));
    pings.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    if app.stop.is_stopped() {
        outbound.close(ErrorCode::Unavailable, 1_000);
    }
    let mut asked = VecDeque::from(first);
    loop {
        if outbound.is_closing() {
            asked.clear();
        }
        // As many as there is room for, before anything is awaited: they then share a commit, and
        // their answers a write.
        while !asked.is_empty()
            && let Some(permit) = session.permit_now()
            && let Some(frame) = asked.pop_front()
        {
            if let Some(before) = session.take(frame, Some(permit)) {
                before.await;
            }
        }
        if asked.is_empty() && asked.capacity() > 0 {
            // A connection that waits keeps no room for what came once.
            asked = VecDeque::new();
        }
        tokio::select! {
            // What waits to be written goes first: replies must not wait for reading.
            biased;
            () = outbound.filled() => {
                let turn = outbound.take();
                if !turn.frames.is_empty() {
                    let batch = ServerBatch { frames: turn.frames };
                    tokio::select! {
                        biased;
                        written = Box::pin(write(&mut socket, batch)) => written?,
                        () = outbound.replaced() => return Err(Ended),
                    }
                }
                if turn.last {
                    Box::pin(close(&mut socket)).await;
                    return Err(Ended);
                }
            }
            // One after the other as others are answered, while their answers are written.
            permit = session.permit(), if !asked.is_empty() => {
                if let Some(frame) = asked.pop_front()
                    && let Some(before) = session.take(frame, permit)
                {
                    before.await;
                }
            }
            frames = next(&mut socket), if asked.is_empty() => {
                heard = Instant::now();
                match frames {
                    Ok(frames) => asked = VecDeque::from(frames),
                    Err(Ok(error)) => {
                        Box::pin(refuse(&mut socket, 0, error)).await;
                        return Err(Ended);
                    }
                    Err(Err(ended)) => return Err(ended),
                }
            }
            _ = pings.tick() => {
                if heard.elapsed() >= idle {
                    outbound.close(ErrorCode::Unavailable, 0);
                } else if tokio::time::timeout(WRITE_TIMEOUT, socket.send(Message::Ping(Vec::new().into()))).await.is_err() {
                    return Err(Ended);
                }
            }
        }
    }
}
