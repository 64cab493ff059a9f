//! Pointers for inboxes of siblings' devices: from the outbox over the link, and into inboxes.
//!
//! Always holds: what is in the outbox is handed over until the sibling took it; there it arrives
//! once, by a name that only that sibling's pointers can have. A sibling can point to its own
//! conversations only.

use super::Sibling;
use crate::app::App;
use crate::logs::entries::{NewEntry, add_to_inbox};
use comity_platform::clock::now_ms;
use comity_platform::{Failure, secret};
use comity_wire::proto::{EntryKind, HandOver, HandedOver, WelcomePointer, family_request};
use comity_wire::{DeviceId, ErrorCode, Message};
use rusqlite::params;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Entries in one request.
const LOT: usize = 128;
/// A pointer is small.
const BODY_BYTES_MAX: usize = 1_024;
/// The outbox is looked at this often without being asked.
const INTERVAL: Duration = Duration::from_secs(30);

/// Hands over what is in the outbox for the sibling, until the app stops.
pub(super) async fn run(app: Arc<App>, sibling: Arc<Sibling>) {
    let mut stop = app.stop.clone();
    loop {
        let pause = match send(&app, &sibling).await {
            Ok(()) => INTERVAL,
            Err(failure) => {
                tracing::debug!(%failure, "pointers wait for a sibling");
                sibling.back_off(&app)
            }
        };
        tokio::select! {
            biased;
            () = sibling.pointers.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = stop.wait() => return,
        }
    }
}

async fn send(app: &Arc<App>, sibling: &Sibling) -> Result<(), Failure> {
    let no = sibling.no;
    loop {
        let waiting = app
            .db
            .read(move |conn| {
                let mut select = conn.prepare_cached(
                    "SELECT id, device, kind, idempotency_key, body FROM outbox
                     WHERE sibling = ?1 ORDER BY id LIMIT ?2",
                )?;
                let limit = i64::try_from(LOT).unwrap_or(i64::MAX);
                let rows = select.query_map(params![no.0, limit], |row| {
                    Ok((
                        row.get::<_, i64>(0)?,
                        HandedOver {
                            device: row.get(1)?,
                            kind: row.get(2)?,
                            idempotency_key: row.get(3)?,
                            body: row.get(4)?,
                        },
                    ))
                })?;
                Ok(rows.collect::<Result<Vec<_>, _>>()?)
            })
            .await?;
        sibling
            .handing_over
            .store(!waiting.is_empty(), Ordering::Relaxed);
        if waiting.is_empty() {
            return Ok(());
        }
        let (ids, entries): (Vec<_>, Vec<_>) = waiting.into_iter().unzip();
        let request = family_request::Act::HandOver(HandOver { entries });
        sibling.ask(app, None, request).await?;
        app.db
            .write(move |conn, _| {
                let mut delete = conn.prepare_cached("DELETE FROM outbox WHERE id = ?1")?;
                for id in &ids {
                    delete.execute([id])?;
                }
                Ok(())
            })
            .await?;
    }
}

/// Takes what a sibling hands over.
pub(super) async fn take(
    app: &Arc<App>,
    sibling: &Sibling,
    request: HandOver,
) -> Result<(), Failure> {
    let refused = |what: &str| Failure::refused(ErrorCode::Malformed, what);
    if request.entries.len() > LOT {
        return Err(Failure::refused(ErrorCode::TooLarge, "too many entries"));
    }
    let mut entries = Vec::with_capacity(request.entries.len());
    for entry in request.entries {
        let device = DeviceId::from_slice(&entry.device)?;
        if entry.kind() != EntryKind::Welcome || entry.body.len() > BODY_BYTES_MAX {
            return Err(refused("not a pointer"));
        }
        let pointer =
            WelcomePointer::decode(entry.body.as_slice()).map_err(|_| refused("not a pointer"))?;
        if pointer.hub != sibling.app.as_str() {
            return Err(Failure::refused(
                ErrorCode::Forbidden,
                "a pointer to another app's conversation",
            ));
        }
        let mut name = b"comity handed over".to_vec();
        name.extend_from_slice(sibling.app.as_str().as_bytes());
        name.push(0);
        name.extend_from_slice(&entry.idempotency_key);
        let new = NewEntry {
            kind: EntryKind::Welcome,
            epoch: 0,
            idempotency_key: secret::hash(&name).get(..16).unwrap_or_default().to_vec(),
            body: entry.body,
            at_ms: now_ms(),
            seal: None,
        };
        entries.push((device, new));
    }
    let published = app
        .db
        .write(move |conn, book| {
            let mut published = Vec::new();
            for (device, new) in entries {
                published.extend(add_to_inbox(conn, book, &device, new)?);
            }
            Ok(published)
        })
        .await?;
    app.publish_all(&published);
    Ok(())
}
