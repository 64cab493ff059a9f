//! Devices that come, and go in every way there is.

use super::field::Field;
use crate::line::{Line, tcp};
use anyhow::Result;
use comity_e2ee::keys::DeviceKeys;
use comity_wire::proto::{Sync, client_frame::Act};
use std::rc::Rc;
use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

/// Between two visits.
const PAUSE_MS: u64 = 60;

pub(super) fn spawn(tasks: &mut JoinSet<()>, field: &Rc<Field>, keys: DeviceKeys) {
    let field = field.clone();
    tasks.spawn_local(async move {
        let mut turn = 0_u32;
        while !field.is_stopping() {
            let came = visit(&field, &keys, turn % 4);
            if let Some(Err(error)) = field.until_end(came).await {
                field.wrong(format!("who came was not let in: {error:#}"));
            }
            turn = turn.wrapping_add(1);
            field.pause(PAUSE_MS).await;
        }
    });
}

async fn visit(field: &Field, keys: &DeviceKeys, manner: u32) -> Result<()> {
    let target = &field.target;
    match manner {
        // As a client that ends.
        0 => {
            let (mut line, _) = Line::open(target, keys).await?;
            line.ask(Act::Sync(Sync { since: 0 })).await?;
            line.close().await;
            field.count("came and said goodbye");
        }
        // As a phone that loses its network, in the middle of an answer.
        1 => {
            let (mut line, _) = Line::open(target, keys).await?;
            line.send(vec![crate::line::quiet(Act::Sync(Sync { since: 0 }))])
                .await?;
            drop(line);
            field.count("came and was gone");
        }
        // In the middle of the handshake.
        2 => {
            let mut tcp = tcp(target).await?;
            tcp.write_all(&[0x16, 3, 1, 2, 0, 1]).await?;
            drop(tcp);
            field.count("gone before the handshake's end");
        }
        // With the challenge in hand.
        _ => {
            let mut line = Line::over(tcp(target).await?, target).await?;
            line.challenge(keys).await?;
            drop(line);
            field.count("gone before the sign-in");
        }
    }
    Ok(())
}
