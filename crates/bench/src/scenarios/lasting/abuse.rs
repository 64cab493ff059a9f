//! Abuse: signatures of nobody, logs that are none, frames that are none.

use super::field::Field;
use crate::line::{Line, quiet, tcp};
use crate::person::random_bytes;
use anyhow::{Result, bail};
use comity_e2ee::keys::DeviceKeys;
use comity_wire::proto::{
    Acknowledge, Fetch, Position, SendSignal, SignIn, client_frame::Act, reply,
};
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Between two of each.
const PAUSE_MS: u64 = 40;
/// An answer comes within this time.
const PATIENCE: Duration = Duration::from_secs(30);
/// Logs in one acknowledgement that are none.
const UNKNOWN: usize = 2_000;

/// Who can not sign in, and who has signed in.
pub(super) fn spawn(
    tasks: &mut JoinSet<()>,
    field: &Rc<Field>,
    outside: DeviceKeys,
    inside: DeviceKeys,
) {
    let of = field.clone();
    tasks.spawn_local(async move {
        while !of.is_stopping() {
            if let Some(Err(error)) = of.until_end(from_outside(&of, &outside)).await {
                of.wrong(format!("abuse before the sign-in: {error:#}"));
            }
            of.pause(PAUSE_MS).await;
        }
    });
    let of = field.clone();
    tasks.spawn_local(async move {
        while !of.is_stopping() {
            if let Some(Err(error)) = of.until_end(from_inside(&of, &inside)).await {
                of.wrong(format!("abuse after the sign-in: {error:#}"));
            }
            of.pause(PAUSE_MS).await;
        }
    });
}

async fn last_word<S>(field: &Field, what: &str, line: &mut Line<S>) -> Result<()>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    match tokio::time::timeout(PATIENCE, line.last_word()).await {
        Ok(Some(closing)) => {
            field.refused(what, &closing.code, closing.retry_after_ms.into());
            Ok(())
        }
        Ok(None) => bail!("{what}: hung up on without a word"),
        Err(_) => bail!("{what}: nothing came of it"),
    }
}

async fn from_outside(field: &Field, keys: &DeviceKeys) -> Result<()> {
    let target = &field.target;
    let mut line = Line::over(tcp(target).await?, target).await?;
    line.challenge(keys).await?;
    let sign_in = Act::SignIn(SignIn {
        signature: random_bytes::<64>().to_vec(),
        exporter: true,
    });
    line.send(vec![quiet(sign_in)]).await?;
    last_word(field, "wrong signature", &mut line).await?;

    let mut line = Line::over(tcp(target).await?, target).await?;
    line.send_bytes(vec![0xff; 300]).await?;
    last_word(field, "malformed frame", &mut line).await
}

async fn from_inside(field: &Field, keys: &DeviceKeys) -> Result<()> {
    let (mut line, _) = Line::open(&field.target, keys).await?;
    let unknown = || random_bytes::<16>().to_vec();
    let fetch = Act::Fetch(Fetch {
        hub: String::new(),
        log: unknown(),
        after_seq: 0,
        bytes_max: 1_024,
    });
    let signal = Act::SendSignal(SendSignal {
        hub: String::new(),
        conversation: unknown(),
        epoch: 1,
        body: vec![0; 16],
    });
    for (what, act) in [("unknown log", fetch), ("signal nowhere", signal)] {
        match line.answer(act).await? {
            reply::Result::Error(error) => {
                field.refused(what, &error.code, error.retry_after_ms.into());
            }
            other => bail!("{what}: {other:?}"),
        }
    }
    let positions = (0..UNKNOWN).map(|_| Position {
        hub: String::new(),
        log: unknown(),
        seq: 1,
    });
    let acknowledge = Act::Acknowledge(Acknowledge {
        positions: positions.collect(),
    });
    // There is nothing to be told about them.
    match line.answer(acknowledge).await? {
        reply::Result::Done(_) => field.count("unknown logs acknowledged"),
        other => bail!("an acknowledgement of nothing: {other:?}"),
    }
    line.send_bytes(vec![0xff; 300]).await?;
    last_word(field, "malformed frame", &mut line).await
}
