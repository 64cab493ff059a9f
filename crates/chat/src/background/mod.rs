//! What runs beside the acts: the outbox, cursors, proposals of removals, sweeping what is over.
//!
//! Always holds: each of these can be interrupted at any point and goes on after a restart.

mod certificate;
mod cursors;
mod orders;
mod sweep;

use crate::app::App;
use crate::conversations::removal;
use crate::logs::outbox;
use comity_platform::Failure;
use comity_platform::clock::now_ms;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

pub(crate) use certificate::renew as renew_certificate;
pub(crate) use cursors::flush as flush_cursors;

/// Pointers moved in one transaction.
const OUTBOX_LOT: usize = 256;
/// Removals looked for at once.
const REMOVALS_LOT: usize = 256;

/// Starts all of it; the tasks end when the app stops.
pub(crate) fn start(app: &Arc<App>) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    tasks.spawn(outbox_loop(app.clone()));
    tasks.spawn(removals_loop(app.clone()));
    tasks.spawn(cursors::announce_loop(app.clone()));
    tasks.spawn(cursors::flush_loop(app.clone()));
    tasks.spawn(sweep::sweep_loop(app.clone()));
    tasks.spawn(orders::orders_loop(app.clone()));
    tasks
}

/// Waits; true when the app is stopping.
async fn stopped_within(app: &App, time: Duration) -> bool {
    let mut stop = app.stop.clone();
    tokio::time::timeout(time, stop.wait()).await.is_ok()
}

fn log_failure(what: &'static str, result: Result<(), Failure>) {
    if let Err(failure) = result
        && !matches!(failure, Failure::Stopped)
    {
        tracing::warn!(what, %failure, "background work failed");
    }
}

async fn outbox_loop(app: Arc<App>) {
    let mut stop = app.stop.clone();
    loop {
        log_failure("outbox", drain_outbox(&app).await);
        tokio::select! {
            biased;
            () = app.outbox.notified() => {}
            () = tokio::time::sleep(Duration::from_secs(5)) => {}
            () = stop.wait() => return,
        }
    }
}

async fn drain_outbox(app: &App) -> Result<(), Failure> {
    loop {
        let waiting: bool = app
            .db
            .read(|conn| {
                let sql = "SELECT EXISTS (SELECT 1 FROM outbox WHERE sibling = 0)";
                Ok(conn.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
            })
            .await?;
        if !waiting {
            return Ok(());
        }
        let (published, more) = app
            .db
            .write(|conn, book| outbox::drain(conn, book, now_ms(), OUTBOX_LOT))
            .await?;
        app.publish_all(&published);
        if !more {
            return Ok(());
        }
    }
}

async fn removals_loop(app: Arc<App>) {
    let mut stop = app.stop.clone();
    let interval = Duration::from_millis(app.config.retention.sweep_interval_ms);
    loop {
        log_failure("removals", propose_removals(&app).await);
        tokio::select! {
            biased;
            () = app.removals.notified() => {}
            () = tokio::time::sleep(interval) => {}
            () = stop.wait() => return,
        }
    }
}

async fn propose_removals(app: &App) -> Result<(), Failure> {
    let stale_before_ms = now_ms() - app.config.retention.device_stale_ms;
    loop {
        let due = app
            .db
            .read(move |conn| Ok(removal::due(conn, stale_before_ms, REMOVALS_LOT)?))
            .await?;
        let full = due.len() == REMOVALS_LOT;
        let mut proposed = 0;
        for (log, device) in due {
            match removal::propose(app, log, device).await {
                Ok(()) => proposed += 1,
                Err(Failure::Stopped) => return Err(Failure::Stopped),
                Err(failure) => log_failure("removal", Err(failure)),
            }
        }
        if !full || proposed == 0 || app.stop.is_stopped() {
            return Ok(());
        }
    }
}
