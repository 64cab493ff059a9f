//! Marks (latest wins, stored), signals (never stored) and acknowledgements.

use super::{fits, log_name, not_member};
use crate::app::{App, Caller};
use crate::live::Item;
use crate::logs::{LogKind, LogName};
use comity_platform::Failure;
use comity_wire::proto::{Mark, Marks, Position, PutMark, SendSignal, Signal};
use comity_wire::{ErrorCode, limits};
use rusqlite::{OptionalExtension, params};
use std::sync::Arc;

/// Stores a device's mark and pushes it.
pub(crate) async fn put(app: &Arc<App>, caller: Caller, request: PutMark) -> Result<(), Failure> {
    app.is_here(&request.hub)?;
    let log = log_name(&request.conversation)?;
    fits(&request.body, limits::MARK_BYTES_MAX, "a mark")?;
    let pushed = Marks {
        hub: app.id.to_string(),
        conversation: request.conversation,
        marks: vec![Mark {
            device: caller.device.to_vec(),
            epoch: request.epoch,
            body: request.body.clone(),
        }],
    };
    let meta = app
        .db
        .write(move |conn, book| {
            let mut meta = book.get(conn, &log)?;
            if meta.active_seat(&caller).is_none() || !meta.kind.is_hosted() {
                return Err(not_member());
            }
            if request.epoch > meta.epoch {
                return Err(Failure::refused(ErrorCode::StaleEpoch, "an epoch to come"));
            }
            conn.prepare_cached(
                "INSERT INTO mark (log, device, epoch, body) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (log, device) DO UPDATE SET epoch = excluded.epoch,
                   body = excluded.body",
            )?
            .execute(params![
                meta.id,
                caller.device.as_bytes(),
                request.epoch,
                request.body
            ])?;
            book.put(log, &mut meta);
            Ok(meta)
        })
        .await?;
    app.live.views.update(log, &meta);
    let view = app.view(log).await?;
    app.live
        .push_to_others(&view, &caller, &Item::Marks(Arc::new(pushed)));
    Ok(())
}

/// Passes a signal on to who is connected.
pub(crate) async fn signal(app: &App, caller: Caller, request: SendSignal) -> Result<(), Failure> {
    app.is_here(&request.hub)?;
    let log = log_name(&request.conversation)?;
    fits(&request.body, limits::MARK_BYTES_MAX, "a signal")?;
    let view = app.view(log).await?;
    if !view.kind.is_hosted() || !view.has(&caller) {
        return Err(not_member());
    }
    if request.epoch > view.epoch {
        return Err(Failure::refused(ErrorCode::StaleEpoch, "an epoch to come"));
    }
    let signal = Signal {
        hub: app.id.to_string(),
        conversation: request.conversation,
        epoch: request.epoch,
        device: caller.device.to_vec(),
        body: request.body,
    };
    app.live
        .push_to_others(&view, &caller, &Item::Signal(Arc::new(signal)));
    Ok(())
}

/// Takes acknowledgements. A position beyond the head counts as the head; a log without a seat is
/// passed over: there is nothing to be told about it.
pub(crate) async fn acknowledge(
    app: &App,
    caller: Caller,
    positions: Vec<Position>,
) -> Result<(), Failure> {
    let mut named = Vec::with_capacity(positions.len());
    for position in positions {
        let name = (app.family).local_name(&app.id, &position.hub, &position.log)?;
        named.push((name, position.seq));
    }
    let views = app
        .look_up(named.iter().map(|(log, _)| *log).collect())
        .await?;
    // Who comes back tells where it is in all of them: in most the hub knows.
    if named.len() > 1 {
        named = further(app, caller, named).await?;
    }
    let mut after_the_end = Vec::new();
    for (log, seq) in named {
        let Some(view) = views.get(&log) else {
            continue;
        };
        let seq = seq.min(view.head);
        if view.has(&caller) {
            let announce = view.kind != LogKind::Inbox;
            app.live.cursors.advance(log, caller.device, seq, announce);
            if let Some(followed) = &view.followed {
                app.family.report(followed, caller.device, seq);
            }
        } else {
            after_the_end.push((log, seq));
        }
    }
    if after_the_end.is_empty() {
        return Ok(());
    }
    acknowledge_the_end(app, caller, after_the_end).await
}

/// Those positions that are further than what is written of the device.
async fn further(
    app: &App,
    caller: Caller,
    positions: Vec<(LogName, u64)>,
) -> Result<Vec<(LogName, u64)>, Failure> {
    let further = app
        .db
        .read(move |conn| {
            let mut select = conn.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM seat s JOIN log l ON l.id = s.log
                     WHERE l.name = ?1 AND s.device = ?2 AND s.cursor >= ?3)",
            )?;
            let mut further = Vec::new();
            for (log, seq) in positions {
                let known = select
                    .query_row(params![log, caller.device.as_bytes(), seq], |row| {
                        row.get::<_, bool>(0)
                    })?;
                if !known {
                    further.push((log, seq));
                }
            }
            Ok(further)
        })
        .await?;
    Ok(further)
}

/// Who was taken out acknowledges what came before, and that: the log is kept for it until then.
async fn acknowledge_the_end(
    app: &App,
    caller: Caller,
    positions: Vec<(LogName, u64)>,
) -> Result<(), Failure> {
    // Looked at first: who never had a seat costs no transaction.
    let moved = app
        .db
        .read(move |conn| {
            let mut select = conn.prepare_cached(
                "SELECT l.id FROM seat s JOIN log l ON l.id = s.log
                 WHERE l.name = ?1 AND s.device = ?2 AND s.cursor < min(?3, s.removed)",
            )?;
            let mut moved = Vec::new();
            for (log, seq) in positions {
                let found: Option<i64> = select
                    .query_row(params![log, caller.device.as_bytes(), seq], |row| {
                        row.get(0)
                    })
                    .optional()?;
                moved.extend(found.map(|id| (log, id, seq)));
            }
            Ok(moved)
        })
        .await?;
    if moved.is_empty() {
        return Ok(());
    }
    app.db
        .write(move |conn, book| {
            let mut update = conn.prepare_cached(
                "UPDATE seat SET cursor = min(?3, removed)
                 WHERE log = ?1 AND device = ?2 AND cursor < min(?3, removed)",
            )?;
            for (log, id, seq) in &moved {
                let changed = update.execute(params![id, caller.device.as_bytes(), seq])?;
                if changed > 0
                    && let Some(mut meta) = book.find(conn, log)?
                {
                    // What was kept for it alone is swept.
                    book.put(*log, &mut meta);
                }
            }
            Ok(())
        })
        .await
}
