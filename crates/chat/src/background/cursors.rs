//! Cursors: told to members at most every 200 ms, written a few seconds late.

use super::{log_failure, stopped_within};
use crate::app::App;
use crate::live::{Item, WireLog};
use comity_platform::Failure;
use comity_wire::proto::{CursorOf, Cursors};
use rusqlite::params;
use std::sync::Arc;
use std::time::Duration;

const ANNOUNCE_INTERVAL: Duration = Duration::from_millis(200);
/// Cursors written in one job: others do not wait long behind it.
const FLUSH_LOT: usize = 2_000;

pub(super) async fn announce_loop(app: Arc<App>) {
    while !stopped_within(&app, ANNOUNCE_INTERVAL).await {
        for (log, devices) in app.live.cursors.take_unannounced() {
            let Some(view) = app.live.view(&log) else {
                continue;
            };
            let moved: Vec<_> = devices
                .iter()
                .map(|(device, seq)| CursorOf {
                    device: device.to_vec(),
                    seq: *seq,
                })
                .collect();
            let wire = WireLog::of(log, view.followed.as_ref());
            let frame = Cursors {
                hub: wire.hub(),
                conversation: wire.name.to_vec(),
                cursors: moved,
            };
            let item = Item::Cursors(Arc::new(frame));
            app.live.push_to_siblings(view.seats.iter(), &item);
            for seat in view.seats.iter().filter(|seat| seat.sibling.is_none()) {
                // Who moved alone needs not hear of itself.
                if devices.len() == 1 && devices.contains_key(&seat.device) {
                    continue;
                }
                if let Some(outbound) = app.live.outbound(&seat.device) {
                    outbound.push(item.clone());
                }
            }
        }
    }
}

pub(super) async fn flush_loop(app: Arc<App>) {
    let interval = Duration::from_millis(app.config.retention.cursor_flush_ms);
    while !stopped_within(&app, interval).await {
        log_failure("cursors", flush(&app).await);
    }
}

/// Writes all cursors that are only in memory.
pub(crate) async fn flush(app: &App) -> Result<(), Failure> {
    let unwritten = app.live.cursors.unwritten();
    for lot in unwritten.chunks(FLUSH_LOT) {
        let lot = lot.to_vec();
        let to_write = lot.clone();
        app.db
            .write(move |conn, book| {
                let mut update = conn.prepare_cached(
                    "UPDATE seat SET cursor = ?3 WHERE log = ?1 AND device = ?2 AND cursor < ?3",
                )?;
                for (log, device, seq) in &to_write {
                    let Some(mut meta) = book.find(conn, log)? else {
                        continue;
                    };
                    let seq = (*seq).min(meta.head);
                    if update.execute(params![meta.id, device.as_bytes(), seq])? > 0 {
                        // Whoever syncs later learns of it.
                        book.put(*log, &mut meta);
                    }
                }
                Ok(())
            })
            .await?;
        app.live.cursors.written(&lot);
    }
    Ok(())
}
