//! Devices that ask for much and read nothing, or a byte a second; and who talks to them.

use super::Stage;
use super::field::Field;
use crate::line::{Line, PATIENCE, tcp};
use crate::person::random_bytes;
use crate::world::Voice;
use anyhow::{Context as _, Result, bail};
use comity_e2ee::keys::DeviceKeys;
use comity_wire::limits::BATCH_FRAMES_MAX;
use comity_wire::proto::{
    ClientFrame, Fetch, Reply, client_frame::Act, reply, server_frame::Frame,
};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep};

/// What the log has before anybody is slow: an answer is large then.
const BEFOREHAND: usize = 1_000;
/// Bytes that are asked for at once.
const FETCH_BYTES: u32 = 512 * 1024;
/// Answers that are asked for at once.
const FETCHES: u64 = 64;
/// How long one is slow before it comes anew, unless the server hangs up on it first.
const VISIT: Duration = Duration::from_secs(90);
/// Between two messages of who talks to it.
const TALK_MS: u64 = 50;

/// How a socket is read.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Reading {
    Freely,
    AByteASecond,
    Not,
}

/// A socket that is read in this way.
struct Slow {
    tcp: TcpStream,
    reading: Rc<Cell<Reading>>,
    next: Pin<Box<Sleep>>,
}

impl AsyncRead for Slow {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        match self.reading.get() {
            Reading::Freely => Pin::new(&mut self.tcp).poll_read(cx, buf),
            Reading::Not => Poll::Pending,
            Reading::AByteASecond => {
                ready!(self.next.as_mut().poll(cx));
                let mut one = [0];
                let mut part = ReadBuf::new(&mut one);
                ready!(Pin::new(&mut self.tcp).poll_read(cx, &mut part))?;
                buf.put_slice(part.filled());
                let next = Instant::now() + Duration::from_secs(1);
                self.next.as_mut().reset(next);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Slow {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}

pub(super) fn spawn(
    tasks: &mut JoinSet<()>,
    field: &Rc<Field>,
    stage: &Stage<'_>,
    place: usize,
    number: usize,
) -> Result<()> {
    let (talks, reads) = stage.pair(place)?;
    let voice = stage.world.pairs.get(place).context("too few pairs")?;
    let voice = voice.first.clone();
    let log = voice.conversation.to_vec();
    let manner = if number.is_multiple_of(2) {
        Reading::Not
    } else {
        Reading::AByteASecond
    };
    let filled = Rc::new(tokio::sync::Notify::new());
    let (on_field, begin) = (field.clone(), filled.clone());
    tasks.spawn_local(async move {
        if let Some(Err(error)) = on_field
            .until_end(talk(&on_field, &talks, &voice, &begin))
            .await
        {
            on_field.wrong(format!("who talks to a slow reader was stopped: {error:#}"));
        }
    });
    let field = field.clone();
    tasks.spawn_local(async move {
        field.until_end(filled.notified()).await;
        while !field.is_stopping() {
            let visit = field.until_end(visit(&field, &reads, &log, manner)).await;
            match visit {
                Some(Err(error)) => field.wrong(format!("a slow reader was not let in: {error:#}")),
                Some(Ok(true)) => field.count("a slow reader was hung up on"),
                Some(Ok(false)) | None => {}
            }
            field.pause(100).await;
        }
    });
    Ok(())
}

/// Says something again and again; each is taken in time, however slow the reader.
async fn talk(
    field: &Field,
    keys: &DeviceKeys,
    voice: &Voice,
    begin: &tokio::sync::Notify,
) -> Result<()> {
    let (mut line, _) = Line::open(&field.target, keys).await?;
    let mut left = BEFOREHAND;
    while left > 0 {
        let lot = left.min(BATCH_FRAMES_MAX);
        say_at_once(&mut line, voice, lot).await?;
        left -= lot;
    }
    begin.notify_one();
    loop {
        match line.ask(Act::Append(voice.append(random_bytes()))).await? {
            reply::Result::Appended(_) => field.count("said to a slow reader"),
            other => bail!("instead of a place: {other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(TALK_MS)).await;
    }
}

async fn say_at_once(line: &mut Line, voice: &Voice, count: usize) -> Result<()> {
    let frames = (1..).take(count).map(|request| ClientFrame {
        request,
        act: Some(Act::Append(voice.append(random_bytes()))),
    });
    line.send(frames.collect()).await?;
    let mut left = count;
    while left > 0 {
        for frame in line.frames().await? {
            match frame {
                Frame::Reply(Reply {
                    result: Some(reply::Result::Appended(_)),
                    ..
                }) => left = left.saturating_sub(1),
                Frame::Reply(reply) => bail!("instead of a place: {reply:?}"),
                _ => {}
            }
        }
    }
    Ok(())
}

/// One connection that asks for the whole log over and over and does not take the answers; true when
/// the server hung up.
async fn visit(field: &Field, keys: &DeviceKeys, log: &[u8], manner: Reading) -> Result<bool> {
    let reading = Rc::new(Cell::new(Reading::Freely));
    let slow = Slow {
        tcp: tcp(&field.target).await?,
        reading: reading.clone(),
        next: Box::pin(tokio::time::sleep(Duration::ZERO)),
    };
    let mut line = tokio::time::timeout(PATIENCE, Line::over(slow, &field.target))
        .await
        .context("no connection")??;
    line.sign_in(&field.target, keys).await?;
    reading.set(manner);
    let end = Instant::now() + VISIT;
    while Instant::now() < end {
        let fetch = |number| ClientFrame {
            request: number,
            act: Some(Act::Fetch(Fetch {
                hub: String::new(),
                log: log.to_vec(),
                after_seq: 0,
                bytes_max: FETCH_BYTES,
            })),
        };
        let frames = (1..=FETCHES).map(fetch).collect();
        // Where the server does not read on, the asking waits as well.
        let asked = tokio::time::timeout(Duration::from_secs(1), line.send(frames)).await;
        match asked {
            Ok(Ok(())) => field.count("asked by a slow reader"),
            Ok(Err(_)) => return Ok(true),
            Err(_) => {}
        }
        if manner == Reading::AByteASecond {
            let reading = tokio::time::timeout(Duration::from_millis(200), line.frames()).await;
            if let Ok(Err(_)) = reading {
                return Ok(true);
            }
        } else {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(false)
}
