//! Floods: appends beyond the pace, requests beyond the limits, giant messages, heads that never end, connections that
//! say nothing.

use super::Stage;
use super::field::Field;
use crate::line::{Line, quiet, secured, tcp};
use crate::person::random_bytes;
use crate::world::Voice;
use anyhow::{Context, Result};
use comity_e2ee::keys::DeviceKeys;
use comity_wire::limits::{BATCH_FRAMES_MAX, FRAME_BYTES_MAX, SIGN_IN_BYTES_MAX};
use comity_wire::proto::{
    Acknowledge, ClientFrame, Position, Reply, client_frame::Act, reply, server_frame::Frame,
};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;

/// Connections of each silent kind at once.
const SILENT: usize = 4;
/// The server ends what says nothing no later than this after it may.
const GRACE: Duration = Duration::from_secs(10);
/// How long the server waits for the TLS handshake, and for the head of a request.
const HANDSHAKE: Duration = Duration::from_secs(10);
const HEAD: Duration = Duration::from_secs(15);

/// One of the pair floods, the other reads what of it is taken.
pub(super) fn spawn_appends(
    tasks: &mut JoinSet<()>,
    field: &Rc<Field>,
    stage: &Stage<'_>,
    place: usize,
) -> Result<()> {
    let (floods, reads) = stage.pair(place)?;
    let voice = stage.world.pairs.get(place).context("too few pairs")?;
    let voice = voice.first.clone();
    let of = field.clone();
    tasks.spawn_local(async move {
        while !of.is_stopping() {
            // It may be hung up on, and comes again.
            if let Some(Err(_)) = of.until_end(appends(&of, &floods, &voice)).await {
                of.count("a flood was hung up on");
            }
            of.pause(200).await;
        }
    });
    let of = field.clone();
    tasks.spawn_local(async move {
        if let Some(Err(error)) = of.until_end(drain(&of, &reads)).await {
            of.wrong(format!("who reads a flood was stopped: {error:#}"));
        }
    });
    Ok(())
}

async fn appends(field: &Field, keys: &DeviceKeys, voice: &Voice) -> Result<()> {
    let (mut line, _) = Line::open(&field.target, keys).await?;
    loop {
        let frames = (1..).take(BATCH_FRAMES_MAX).map(|request| ClientFrame {
            request,
            act: Some(Act::Append(voice.append(random_bytes()))),
        });
        line.send(frames.collect()).await?;
        let mut left = BATCH_FRAMES_MAX;
        while left > 0 {
            for frame in line.frames().await? {
                let Frame::Reply(Reply {
                    result: Some(result),
                    ..
                }) = frame
                else {
                    continue;
                };
                left = left.saturating_sub(1);
                match result {
                    reply::Result::Error(error) => {
                        field.refused("append", &error.code, error.retry_after_ms.into());
                    }
                    _ => field.count("append: taken"),
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Reads and acknowledges.
async fn drain(field: &Field, keys: &DeviceKeys) -> Result<()> {
    let (mut line, _) = Line::open(&field.target, keys).await?;
    loop {
        let frames = line.frames().await?.into_iter();
        let positions: Vec<_> = frames
            .filter_map(|frame| match frame {
                Frame::Deliver(deliver) => Some(Position {
                    hub: deliver.hub,
                    log: deliver.log,
                    seq: deliver.head_seq,
                }),
                _ => None,
            })
            .collect();
        if !positions.is_empty() {
            let acknowledge = Act::Acknowledge(Acknowledge { positions });
            line.send(vec![quiet(acknowledge)]).await?;
        }
    }
}

/// Those that need no account.
pub(super) fn spawn_others(tasks: &mut JoinSet<()>, field: &Rc<Field>) {
    let of = field.clone();
    tasks.spawn_local(async move {
        // Each number once in a long time: the limit of a number is another one.
        let mut numbers = (0..10_000).cycle();
        while !of.is_stopping() {
            let number = numbers.next().unwrap_or_default();
            if let Some(Err(error)) = of.until_end(register(&of, number)).await {
                of.wrong(format!("a registration had no answer: {error:#}"));
            }
            of.pause(10).await;
        }
    });
    let of = field.clone();
    tasks.spawn_local(async move {
        while !of.is_stopping() {
            if let Some(Err(error)) = of.until_end(giant(&of)).await {
                of.wrong(format!("a giant was not let near: {error:#}"));
            }
            of.pause(500).await;
        }
    });
    for _ in 0..SILENT {
        for kind in [Silence::Tcp, Silence::Head, Silence::Socket] {
            let of = field.clone();
            tasks.spawn_local(async move {
                while !of.is_stopping() {
                    if let Some(Err(error)) = of.until_end(silence(&of, kind)).await {
                        of.wrong(format!("{}: {error:#}", kind.name()));
                    }
                    of.pause(50).await;
                }
            });
        }
    }
}

/// A code for some number: one network has so many in an hour.
async fn register(field: &Field, number: u32) -> Result<()> {
    let body = serde_json::json!({ "number": format!("+1228555{number:04}") });
    let url = field.target.url("/v1/registrations");
    let response = field.http.post(url).json(&body).send().await?;
    if response.status().is_success() {
        field.count("registration: taken");
        return Ok(());
    }
    let wait = response.headers().get("retry-after");
    let wait = wait.and_then(|wait| wait.to_str().ok()?.parse::<u64>().ok());
    let error: serde_json::Value = response.json().await?;
    let code = error.pointer("/error/code");
    let code = code.and_then(serde_json::Value::as_str);
    let wait_ms = 1_000 * wait.unwrap_or_default();
    field.refused("registration", code.unwrap_or_default(), wait_ms);
    Ok(())
}

/// More than may come before a sign-in, in one message; and a message that says that it is larger than any may be.
async fn giant(field: &Field) -> Result<()> {
    for (what, bytes) in [
        ("giant message", SIGN_IN_BYTES_MAX + 1_024),
        ("giant frame", FRAME_BYTES_MAX + 1_024),
    ] {
        let mut line = Line::over(tcp(&field.target).await?, &field.target).await?;
        let told = async {
            // The end may come in the middle of it.
            let _ = line.send_bytes(vec![0; bytes]).await;
            line.last_word().await
        };
        match tokio::time::timeout(GRACE, told).await {
            Ok(Some(closing)) => {
                field.refused(what, &closing.code, closing.retry_after_ms.into());
            }
            Ok(None) => field.count(format!("{what}: hung up on")),
            Err(_) => field.wrong(format!("{what}: nothing came of it")),
        }
    }
    Ok(())
}

/// How far somebody comes who then says nothing.
#[derive(Debug, Clone, Copy)]
enum Silence {
    /// Not to TLS.
    Tcp,
    /// Into the head of a request.
    Head,
    /// To the WebSocket, without signing in.
    Socket,
}

impl Silence {
    fn name(self) -> &'static str {
        match self {
            Self::Tcp => "silent connection",
            Self::Head => "head without end",
            Self::Socket => "silent WebSocket",
        }
    }
}

/// Says nothing until the server hangs up.
async fn silence(field: &Field, kind: Silence) -> Result<()> {
    let target = &field.target;
    let (time, ended) = match kind {
        Silence::Tcp => {
            let tcp = tcp(target).await?;
            (HANDSHAKE, hung_up(tcp, HANDSHAKE).await)
        }
        Silence::Head => {
            let mut stream = secured(tcp(target).await?, target).await?;
            stream
                .write_all(b"GET /v1/app HTTP/1.1\r\nhost: localhost\r\nx-never")
                .await?;
            (HEAD, hung_up(stream, HEAD).await)
        }
        Silence::Socket => {
            let mut line = Line::over(tcp(target).await?, target).await?;
            let said = tokio::time::timeout(field.sign_in + GRACE, line.last_word()).await;
            if let Ok(Some(closing)) = &said {
                field.refused(kind.name(), &closing.code, closing.retry_after_ms.into());
            }
            (field.sign_in, said.is_ok())
        }
    };
    if ended {
        field.count(format!("{}: hung up on", kind.name()));
    } else {
        let (name, seconds) = (kind.name(), time.as_secs());
        field.wrong(format!(
            "{name}: is there long after the {seconds} s that it has"
        ));
    }
    Ok(())
}

/// Whether the other side ends it within its time.
async fn hung_up(mut stream: impl AsyncRead + Unpin, time: Duration) -> bool {
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(time + GRACE, stream.read_to_end(&mut rest));
    ended.await.is_ok()
}
