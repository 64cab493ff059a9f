//! Sweeping what is over: entries, key packages, registrations, introductions, links, blobs.

use super::{flush_cursors, log_failure, stopped_within};
use crate::app::App;
use crate::logs::retention;
use crate::{accounts, blobs, introductions, key_packages, links, registration};
use comity_platform::Failure;
use comity_platform::clock::now_ms;
use comity_wire::limits;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::Instant;

/// Logs or rows handled in one job.
const LOT: usize = 500;
/// Rows of old entries deleted in one job: each may hold many.
const OLD_ROWS: usize = 100;
/// Between two tries.
const AGAIN: Duration = Duration::from_secs(1);

pub(super) async fn sweep_loop(app: Arc<App>) {
    log_failure("orphans", delete_orphans(&app).await);
    let Some(crowded) = crowded(&app).await else {
        return;
    };
    let interval = Duration::from_millis(app.config.retention.sweep_interval_ms);
    let mut due = Instant::now() + interval;
    loop {
        tokio::select! {
            biased;
            stopped = stopped_within(&app, due.saturating_duration_since(Instant::now())) => {
                if stopped {
                    return;
                }
                due = Instant::now() + interval;
                log_failure("seen", note_seen(&app).await);
                log_failure("old entries", sweep_old(&app).await);
                log_failure("rows", sweep_rows(&app).await);
                log_failure("blobs", sweep_blobs(&app).await);
            }
            // Early: what everybody has by now needs no key, and none in the table.
            () = early(&crowded) => log_failure("cursors", flush_cursors(&app).await),
        }
        log_failure("entries that were read", sweep_read(&app).await);
        log_failure("keys", sweep_keys(&app).await);
    }
}

/// Waits until a sweep is to begin early, and a moment at least: on a disk that takes nothing there are
/// as many keys after it.
async fn early(crowded: &Notify) {
    tokio::time::sleep(AGAIN).await;
    crowded.notified().await;
}

/// What tells that a sweep is to begin early; none when the app stops before it is had. A transaction
/// that others lose, on a full disk, must not end sweeping.
async fn crowded(app: &App) -> Option<Arc<Notify>> {
    loop {
        match app.db.write(|_, book| Ok(book.crowded())).await {
            Ok(crowded) => return Some(crowded),
            Err(Failure::Stopped) => return None,
            failed => log_failure("sweeping", failed.map(drop)),
        }
        if stopped_within(app, AGAIN).await {
            return None;
        }
    }
}

/// Keys of entries that are old by now go from memory to the table.
async fn sweep_keys(app: &App) -> Result<(), Failure> {
    app.db
        .write(|_, book| {
            book.sweep_keys();
            Ok(())
        })
        .await?;
    while app
        .db
        .write(|conn, book| Ok(book.write_keys(conn)?))
        .await?
    {}
    Ok(())
}

/// Devices that stay connected are seen, too.
async fn note_seen(app: &App) -> Result<(), Failure> {
    let seen_ms = app.seen_now_ms();
    for lot in app.live.devices().chunks(LOT) {
        let lot = lot.to_vec();
        app.db
            .write(move |conn, _| {
                for device in &lot {
                    accounts::sql::seen(conn, device, seen_ms)?;
                }
                Ok(())
            })
            .await?;
    }
    Ok(())
}

async fn sweep_read(app: &App) -> Result<(), Failure> {
    let stale_before_ms = now_ms() - app.config.retention.device_stale_ms;
    let mut after = 0;
    loop {
        let logs = app
            .db
            .read(move |conn| Ok(retention::unswept(conn, after, LOT)?))
            .await?;
        let more = logs.len() == LOT;
        after = logs.last().map_or(after, |(id, _)| *id);
        app.db
            .write(move |conn, book| {
                for (_, log) in &logs {
                    retention::sweep_read(conn, book, log, stale_before_ms)?;
                }
                Ok(())
            })
            .await?;
        if !more {
            return Ok(());
        }
    }
}

async fn sweep_old(app: &App) -> Result<(), Failure> {
    let cutoff_ms = now_ms() - app.config.retention.entry_life_ms;
    while app
        .db
        .write(move |conn, book| retention::sweep_old(conn, book, cutoff_ms, OLD_ROWS))
        .await?
    {}
    Ok(())
}

async fn sweep_rows(app: &App) -> Result<(), Failure> {
    app.db
        .write(|conn, _| {
            let now = now_ms();
            key_packages::sweep(conn, now)?;
            registration::sql::sweep(conn, now)?;
            introductions::sql::sweep(conn, now - limits::ENTRY_LIFE_MS)?;
            links::sweep(conn, now)?;
            Ok(())
        })
        .await
}

async fn sweep_blobs(app: &App) -> Result<(), Failure> {
    loop {
        let over = app
            .db
            .write(|conn, _| Ok(blobs::sql::take_over(conn, now_ms(), LOT)?))
            .await?;
        for blob in &over {
            app.blobs.delete(blob).await;
        }
        if over.len() < LOT {
            return Ok(());
        }
    }
}

/// Files that a crash left behind: their rows were deleted, or never written.
async fn delete_orphans(app: &App) -> Result<(), Failure> {
    let files = app.blobs.files().await?;
    for lot in files.chunks(LOT) {
        let lot = lot.to_vec();
        let orphans = app
            .db
            .read(move |conn| {
                let mut orphans = Vec::new();
                for blob in lot {
                    if !blobs::sql::is_known(conn, &blob)? {
                        orphans.push(blob);
                    }
                }
                Ok(orphans)
            })
            .await?;
        for blob in &orphans {
            app.blobs.delete(blob).await;
        }
    }
    Ok(())
}
