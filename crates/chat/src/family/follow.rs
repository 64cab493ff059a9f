//! The follower: stays connected to a hub, and keeps the copies of its logs whole.
//!
//! Always holds: pushes are an optimisation. After each break, and from time to time, the hub is
//! asked what changed since the token that was kept; the token moves only after what it covers is
//! durable, or is written down as wanted in this run. A break is followed by back-off with jitter.

use super::copy::{self, Taken};
use super::{Sibling, link::LinkError, link::Pushes, name_of, relay, sql};
use crate::app::App;
use crate::live::{Item, LogView};
use crate::logs::LogName;
use comity_platform::Failure;
use comity_wire::proto::{
    CursorOf, Cursors, Deliver, FollowFetch, FollowPosition, FollowSync, FollowTaken, Followed,
    Greet, Marks, ServerFrame, Signal, StateChanged, family_reply, family_request,
    server_frame::Frame,
};
use comity_wire::{DeviceId, ErrorCode, Id16, PROTOCOL_VERSION, decode_server_batch};
use rusqlite::params;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Logs whose positions are reported in one request.
const REPORTS_MAX: usize = 200;

/// Follows the sibling until the app stops.
pub(super) async fn run(app: Arc<App>, sibling: Arc<Sibling>) {
    let mut stop = app.stop.clone();
    while !stop.is_stopped() {
        if sibling.link().is_none() {
            tokio::select! {
                biased;
                () = sibling.wake.notified() => {}
                () = stop.wait() => return,
            }
            continue;
        }
        let ended = tokio::select! {
            biased;
            () = stop.wait() => return,
            ended = follow(&app, &sibling) => ended,
        };
        sibling.set_session(None);
        if let Err(failure) = ended {
            tracing::debug!(%failure, "a sibling can not be followed now");
        }
        sibling.failed();
        let pause = sibling.back_off(&app);
        tokio::select! {
            biased;
            () = tokio::time::sleep(pause) => {}
            () = stop.wait() => return,
        }
    }
}

/// One time of being connected.
async fn follow(app: &Arc<App>, sibling: &Arc<Sibling>) -> Result<(), Failure> {
    let family = &app.config.family;
    let link = sibling.link().ok_or_else(|| sibling.unavailable(app))?;
    let time = Duration::from_millis(family.ask_timeout_ms);
    let mut pushes = tokio::time::timeout(time, link.open())
        .await
        .unwrap_or(Err(LinkError::Late))
        .map_err(|_| sibling.unavailable(app))?;
    let greet = Greet {
        version: PROTOCOL_VERSION,
    };
    let greeted = sibling
        .ask(app, None, family_request::Act::Greet(greet))
        .await?;
    let family_reply::Result::Greeted(greeted) = greeted else {
        return Err(confused());
    };
    let session = *Id16::from_slice(&greeted.session)?.as_bytes();
    sibling.set_session(Some(session));
    sync(app, sibling, session).await?;
    sibling.succeeded();
    enqueue_reports(app, sibling).await?;
    relay::send_pending_marks(app, sibling).await?;
    listen(app, sibling, session, pushes.as_mut()).await
}

fn confused() -> Failure {
    Failure::refused(
        ErrorCode::Unavailable,
        "the hub's answer is of another kind",
    )
}

async fn listen(
    app: &Arc<App>,
    sibling: &Arc<Sibling>,
    session: [u8; 16],
    pushes: &mut dyn Pushes,
) -> Result<(), Failure> {
    let family = &app.config.family;
    let report_every = Duration::from_millis(family.report_interval_ms);
    let sync_every = Duration::from_millis(family.sync_interval_ms);
    let mut next_sync = Instant::now() + sync_every;
    let mut next_report = Instant::now() + report_every;
    loop {
        for conversation in sibling.take_wanted() {
            let caught_up = catch_up(app, sibling, conversation, None).await;
            if caught_up
                .as_ref()
                .is_err_and(|failure| relay::may_heal(failure.code()))
            {
                sibling.want(conversation);
            }
            that_log_alone(caught_up)?;
        }
        if Instant::now() >= next_report {
            next_report = Instant::now() + report_every;
            send_reports(app, sibling, session).await?;
        }
        if Instant::now() >= next_sync {
            next_sync = Instant::now() + sync_every;
            sync(app, sibling, session).await?;
        }
        let until = if sibling.has_reports() {
            next_report.min(next_sync)
        } else {
            next_sync
        };
        tokio::select! {
            biased;
            batch = pushes.next() => match batch {
                Some(bytes) => pushed(app, sibling, session, &bytes).await?,
                None => return Err(sibling.unavailable(app)),
            },
            () = sibling.wake.notified() => {}
            () = tokio::time::sleep_until(until) => {}
        }
        if sibling.session() != Some(session) {
            return Err(Failure::refused(
                ErrorCode::Unavailable,
                "the session is over",
            ));
        }
    }
}

// ---- asking what changed ----

async fn sync(app: &Arc<App>, sibling: &Arc<Sibling>, session: [u8; 16]) -> Result<(), Failure> {
    let no = sibling.no;
    loop {
        let since = app.db.read(move |conn| Ok(sql::token(conn, no)?)).await?;
        let request = family_request::Act::Sync(FollowSync { since });
        let reply = match sibling.ask(app, Some(session), request).await? {
            family_reply::Result::Sync(reply) => reply,
            _ => return Err(confused()),
        };
        if reply.token < since {
            let hub = sibling.clone();
            app.db
                .write(move |conn, _| Ok(copy::hub_went_back(conn, &hub)?))
                .await?;
        }
        for followed in reply.logs {
            that_log_alone(changed(app, sibling, followed).await)?;
        }
        // A hub that was set back counts from an earlier number again.
        let (token, more) = (reply.token, reply.more);
        app.db
            .write(move |conn, _| Ok(sql::set_token(conn, no, token)?))
            .await?;
        if !more || token == since {
            return Ok(());
        }
    }
}

/// A log that the hub refuses, or in which it breaks a rule, stands still; the others go on. It is
/// tried again when something changes in it.
fn that_log_alone(outcome: Result<(), Failure>) -> Result<(), Failure> {
    match outcome {
        Err(failure) if !relay::may_heal(failure.code()) => {
            tracing::warn!(%failure, "a log can not be followed");
            Ok(())
        }
        outcome => outcome,
    }
}

async fn changed(
    app: &Arc<App>,
    sibling: &Arc<Sibling>,
    followed: Followed,
) -> Result<(), Failure> {
    let conversation = crate::conversations::log_name(&followed.conversation)?;
    let (own, hub) = (app.id.clone(), sibling.clone());
    // A copy without entries begins with its seats; then they are fetched.
    copy::run(app, move |conn, book| {
        copy::take(conn, book, &own, &hub, followed)
    })
    .await?;
    catch_up(app, sibling, conversation, None).await
}

/// Fetches until the copy is as long as the hub's log, or as `until`.
pub(super) async fn catch_up(
    app: &Arc<App>,
    sibling: &Arc<Sibling>,
    conversation: LogName,
    until: Option<u64>,
) -> Result<(), Failure> {
    let name = name_of(&sibling.app, &conversation);
    let turn = usize::from(name.first().copied().unwrap_or_default()) % sibling.turns.len();
    let Some(turn) = sibling.turns.get(turn) else {
        return Err(Failure::internal("no turn"));
    };
    let _turn = turn.lock().await;
    loop {
        let head = match app.view(name).await {
            Ok(view) => view.head,
            Err(failure) if failure.code() == ErrorCode::NotFound => 0,
            Err(failure) => return Err(failure),
        };
        if until.is_some_and(|until| head >= until) {
            return Ok(());
        }
        let session = sibling.session().ok_or_else(|| sibling.unavailable(app))?;
        let fetch = family_request::Act::Fetch(FollowFetch {
            conversation: conversation.to_vec(),
            after_seq: head,
            bytes_max: 0,
        });
        let followed = match sibling.ask(app, Some(session), fetch).await {
            Ok(family_reply::Result::Followed(followed)) => followed,
            Ok(_) => return Err(confused()),
            Err(failure) => {
                if failure.code() == ErrorCode::Unauthenticated {
                    sibling.forget_session(session);
                }
                return Err(failure);
            }
        };
        if followed.conversation != conversation {
            return Err(confused());
        }
        let hub_head = followed
            .entries
            .as_ref()
            .map_or(0, |deliver| deliver.head_seq);
        let (own, hub) = (app.id.clone(), sibling.clone());
        let now = copy::run(app, move |conn, book| {
            copy::take(conn, book, &own, &hub, followed)
        })
        .await?
        .unwrap_or(0);
        sibling.report_taken(conversation);
        if now >= hub_head {
            return Ok(());
        }
        if now <= head {
            return Err(confused());
        }
    }
}

// ---- what is pushed ----

async fn pushed(
    app: &Arc<App>,
    sibling: &Arc<Sibling>,
    session: [u8; 16],
    bytes: &[u8],
) -> Result<(), Failure> {
    let batch = decode_server_batch(bytes).map_err(|_| confused())?;
    for ServerFrame { frame } in batch.frames {
        match frame {
            Some(Frame::Deliver(deliver)) => {
                that_log_alone(delivered(app, sibling, deliver).await)?;
            }
            Some(Frame::Cursors(cursors)) => cursors_moved(app, sibling, cursors).await?,
            Some(Frame::Marks(marks)) => marks_put(app, sibling, marks).await?,
            Some(Frame::Signal(signal)) => signal_sent(app, sibling, signal),
            Some(Frame::StateChanged(changed)) => state_changed(app, sibling, changed).await?,
            Some(Frame::Behind(_)) => sync(app, sibling, session).await?,
            Some(Frame::Closing(_)) => return Err(sibling.unavailable(app)),
            Some(Frame::Challenge(_) | Frame::Reply(_)) | None => {}
        }
    }
    Ok(())
}

async fn delivered(
    app: &Arc<App>,
    sibling: &Arc<Sibling>,
    deliver: Deliver,
) -> Result<(), Failure> {
    let conversation = crate::conversations::log_name(&deliver.log)?;
    let name = name_of(&sibling.app, &conversation);
    let head = copy::run(app, move |conn, book| {
        let plain = deliver.entries;
        if plain.is_empty() {
            // Only that there is more.
            return Ok(match book.find(conn, &name)? {
                Some(meta) => Taken::of(name, meta),
                None => Taken::default(),
            });
        }
        copy::take_pushed(conn, book, name, plain)
    })
    .await?;
    match head {
        Some(head) if head >= deliver.head_seq => sibling.report_taken(conversation),
        _ => sibling.want(conversation),
    }
    Ok(())
}

/// The copy's view, when there is a copy.
async fn view(
    app: &App,
    sibling: &Sibling,
    conversation: &[u8],
) -> Result<Option<(LogName, LogView)>, Failure> {
    let conversation = crate::conversations::log_name(conversation)?;
    let name = name_of(&sibling.app, &conversation);
    match app.view(name).await {
        Ok(view) => Ok(Some((name, view))),
        Err(failure) if failure.code() == ErrorCode::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}

pub(super) fn push(app: &App, view: &LogView, except: Option<&DeviceId>, item: &Item) {
    for seat in view.seats.iter() {
        if Some(&seat.device) != except
            && let Some(outbound) = app.live.outbound(&seat.device)
        {
            outbound.push(item.clone());
        }
    }
}

async fn cursors_moved(
    app: &Arc<App>,
    sibling: &Sibling,
    mut cursors: Cursors,
) -> Result<(), Failure> {
    let Some((name, view)) = view(app, sibling, &cursors.conversation).await? else {
        return Ok(());
    };
    // Of its own devices this app knows by itself.
    let own = |cursor: &CursorOf| {
        let mut seats = view.seats.iter();
        seats.any(|seat| seat.device.as_bytes().as_slice() == cursor.device)
    };
    cursors.cursors.retain(|cursor| !own(cursor));
    if cursors.cursors.is_empty() {
        return Ok(());
    }
    let moved = cursors.cursors.clone();
    app.db
        .write(move |conn, book| {
            let mut meta = book.get(conn, &name)?;
            copy::take_cursors(conn, meta.id, &moved)?;
            book.put(name, &mut meta);
            Ok(())
        })
        .await?;
    cursors.hub = sibling.app.to_string();
    push(app, &view, None, &Item::Cursors(Arc::new(cursors)));
    Ok(())
}

async fn marks_put(app: &Arc<App>, sibling: &Sibling, mut marks: Marks) -> Result<(), Failure> {
    let Some((name, view)) = view(app, sibling, &marks.conversation).await? else {
        return Ok(());
    };
    let put = marks.marks.clone();
    app.db
        .write(move |conn, book| {
            let mut meta = book.get(conn, &name)?;
            copy::take_marks(conn, meta.id, &put)?;
            book.put(name, &mut meta);
            Ok(())
        })
        .await?;
    let author = marks.marks.first();
    let author = author.and_then(|mark| DeviceId::from_slice(&mark.device).ok());
    marks.hub = sibling.app.to_string();
    push(app, &view, author.as_ref(), &Item::Marks(Arc::new(marks)));
    Ok(())
}

fn signal_sent(app: &Arc<App>, sibling: &Sibling, mut signal: Signal) {
    let Ok(conversation) = crate::conversations::log_name(&signal.conversation) else {
        return;
    };
    // Who types to a log that nobody here looks at is not heard.
    let Some(view) = app.live.view(&name_of(&sibling.app, &conversation)) else {
        return;
    };
    let author = DeviceId::from_slice(&signal.device).ok();
    signal.hub = sibling.app.to_string();
    push(app, &view, author.as_ref(), &Item::Signal(Arc::new(signal)));
}

async fn state_changed(
    app: &Arc<App>,
    sibling: &Sibling,
    mut changed: StateChanged,
) -> Result<(), Failure> {
    let Some((name, view)) = view(app, sibling, &changed.conversation).await? else {
        return Ok(());
    };
    let version = changed.state_version;
    app.db
        .write(move |conn, book| {
            let mut meta = book.get(conn, &name)?;
            conn.prepare_cached("UPDATE followed SET state_version = ?2 WHERE log = ?1")?
                .execute(params![meta.id, version])?;
            book.put(name, &mut meta);
            Ok(())
        })
        .await?;
    changed.hub = sibling.app.to_string();
    push(app, &view, None, &Item::StateChanged(Arc::new(changed)));
    Ok(())
}

// ---- telling the hub how far it went ----

/// After a break nobody knows what the hub still knew: everything is reported again.
async fn enqueue_reports(app: &App, sibling: &Sibling) -> Result<(), Failure> {
    let no = sibling.no;
    let cursors = app
        .db
        .read(move |conn| {
            let mut select = conn.prepare_cached(
                "SELECT f.conversation, s.device, s.cursor FROM followed f
                 JOIN seat s ON s.log = f.log WHERE f.sibling = ?1 AND s.removed IS NULL",
            )?;
            let rows = select.query_map([no.0], |row| {
                Ok((
                    row.get::<_, LogName>(0)?,
                    DeviceId::new(row.get(1)?),
                    row.get::<_, u64>(2)?,
                ))
            })?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
        .await?;
    for (conversation, device, cursor) in cursors {
        let name = name_of(&sibling.app, &conversation);
        let newer = app.live.cursors.newer(&name, &device);
        sibling.report(conversation, device, newer.unwrap_or(0).max(cursor));
    }
    Ok(())
}

async fn send_reports(app: &App, sibling: &Sibling, session: [u8; 16]) -> Result<(), Failure> {
    loop {
        let reports = sibling.take_reports(REPORTS_MAX);
        if reports.is_empty() {
            return Ok(());
        }
        let mut positions = Vec::with_capacity(reports.len());
        for (conversation, cursors) in &reports {
            let name = name_of(&sibling.app, conversation);
            let taken_seq = match app.view(name).await {
                Ok(view) => view.head,
                Err(_) => continue,
            };
            let cursors = cursors.iter().map(|(device, seq)| CursorOf {
                device: device.to_vec(),
                seq: *seq,
            });
            positions.push(FollowPosition {
                conversation: conversation.to_vec(),
                taken_seq,
                cursors: cursors.collect(),
            });
        }
        let request = family_request::Act::Taken(FollowTaken { positions });
        if let Err(failure) = sibling.ask(app, Some(session), request).await {
            for (conversation, cursors) in reports {
                sibling.report_taken(conversation);
                for (device, seq) in cursors {
                    sibling.report(conversation, device, seq);
                }
            }
            return Err(failure);
        }
    }
}
