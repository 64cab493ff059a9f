//! Telling hubs which of this app's devices are no more: revoked, deleted with their account, or
//! stale. The hub then proposes their removal, as it does for its own.
//!
//! Always holds: it is told again until the seat has ended.

use super::Sibling;
use crate::app::App;
use crate::logs::LogName;
use comity_platform::Failure;
use comity_platform::clock::now_ms;
use comity_wire::DeviceId;
use comity_wire::proto::{FollowGone, family_request};
use rusqlite::params;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Seats looked at in one round.
const LOT: i64 = 1_000;

/// Tells the sibling, until the app stops.
pub(super) async fn run(app: Arc<App>, sibling: Arc<Sibling>) {
    let mut stop = app.stop.clone();
    let interval = Duration::from_millis(app.config.retention.sweep_interval_ms);
    loop {
        let pause = match tell(&app, &sibling).await {
            Ok(()) => interval,
            Err(failure) => {
                tracing::debug!(%failure, "a sibling is not told of devices that are gone");
                interval.min(sibling.back_off(&app))
            }
        };
        tokio::select! {
            biased;
            () = sibling.over.notified() => {}
            () = tokio::time::sleep(pause) => {}
            () = stop.wait() => return,
        }
    }
}

async fn tell(app: &App, sibling: &Sibling) -> Result<(), Failure> {
    let no = sibling.no;
    let stale_before_ms = now_ms() - app.config.retention.device_stale_ms;
    let gone = app
        .db
        .read(move |conn| {
            let mut select = conn.prepare_cached(
                "SELECT f.conversation, s.device FROM followed f JOIN seat s ON s.log = f.log
                 LEFT JOIN device d ON d.id = s.device
                 WHERE f.sibling = ?1 AND s.removed IS NULL
                   AND (d.id IS NULL OR d.revoked = 1 OR d.seen_ms < ?2) LIMIT ?3",
            )?;
            let rows = select.query_map(params![no.0, stale_before_ms, LOT], |row| {
                Ok((row.get::<_, LogName>(0)?, DeviceId::new(row.get(1)?)))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
    let mut by_log: BTreeMap<LogName, Vec<Vec<u8>>> = BTreeMap::new();
    for (conversation, device) in gone {
        by_log
            .entry(conversation)
            .or_default()
            .push(device.to_vec());
    }
    for (conversation, devices) in by_log {
        let session = sibling.session().ok_or_else(|| sibling.unavailable(app))?;
        let request = family_request::Act::Gone(FollowGone {
            conversation: conversation.to_vec(),
            devices,
        });
        match sibling.ask(app, Some(session), request).await {
            // The hub no longer counts this app in: there is nobody to be taken out.
            Err(failure) if super::relay::may_heal(failure.code()) => return Err(failure),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(())
}
