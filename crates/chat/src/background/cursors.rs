//! Cursors: told to members at most every 200 ms (in large groups every few seconds), written a few
//! seconds late.

use super::{log_failure, stopped_within};
use crate::app::App;
use crate::live::{Item, WireLog};
use crate::logs::packed::{PACKED_MIN, Packed};
use crate::logs::{LogBook, LogName};
use comity_platform::Failure;
use comity_wire::DeviceId;
use comity_wire::proto::{CursorOf, Cursors};
use rusqlite::{Connection, params};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const ANNOUNCE_INTERVAL: Duration = Duration::from_millis(200);
/// Each so many seats of a log make it wait one interval more: what is told to everybody about
/// everybody grows with the square of a group.
const SEATS_AN_INTERVAL: usize = 64;
/// Cursors written in one job: others do not wait long behind it.
const FLUSH_LOT: usize = 2_000;

/// How long a log of so many seats is not told again after it was.
fn quiet_after(seats: usize) -> Duration {
    let more = u32::try_from(seats / SEATS_AN_INTERVAL).unwrap_or(u32::MAX);
    ANNOUNCE_INTERVAL.saturating_mul(more)
}

pub(super) async fn announce_loop(app: Arc<App>) {
    let mut quiet_until = BTreeMap::<LogName, Instant>::new();
    while !stopped_within(&app, ANNOUNCE_INTERVAL).await {
        let now = Instant::now();
        quiet_until.retain(|_, until| *until > now);
        let moved = app
            .live
            .cursors
            .take_unannounced(|log| !quiet_until.contains_key(log));
        for (log, devices) in moved {
            let Some(view) = app.live.view(&log) else {
                continue;
            };
            let quiet = quiet_after(view.seats.len());
            if !quiet.is_zero() {
                quiet_until.insert(log, now + quiet);
            }
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
                // They are in the order of the logs.
                for of_log in to_write.chunk_by(|(log, ..), (next, ..)| log == next) {
                    write(conn, book, of_log)?;
                }
                Ok(())
            })
            .await?;
        app.live.cursors.written(&lot);
    }
    Ok(())
}

/// Writes cursors of one log: few each into its seat, many into one row.
fn write(
    conn: &Connection,
    book: &mut LogBook,
    moved: &[(LogName, DeviceId, u64)],
) -> Result<(), Failure> {
    let Some((log, ..)) = moved.first() else {
        return Ok(());
    };
    let Some(mut meta) = book.find(conn, log)? else {
        return Ok(());
    };
    let head = meta.head;
    let moved = moved
        .iter()
        .map(|(_, device, seq)| (*device, head.min(*seq)));
    let mut seated = BTreeSet::new();
    if moved.len() >= PACKED_MIN && meta.kind.is_hosted() {
        seated.extend(meta.seats.iter().map(|seat| seat.device));
    }
    // Who was taken out meanwhile has it in the seat that was theirs.
    let (packs, alone): (Vec<_>, Vec<_>) = moved.partition(|(device, _)| seated.contains(device));
    let mut rows = 0;
    if !packs.is_empty() {
        let mut packed = Packed::read(conn, meta.id)?;
        let mut further = false;
        for (device, seq) in packs {
            further |= packed.advance(device, seq);
        }
        if further {
            packed.write(conn, meta.id)?;
            rows += 1;
        }
    }
    let mut update = conn.prepare_cached(
        "UPDATE seat SET cursor = ?3 WHERE log = ?1 AND device = ?2 AND cursor < ?3",
    )?;
    for (device, seq) in alone {
        rows += update.execute(params![meta.id, device.as_bytes(), seq])?;
    }
    if rows > 0 {
        // Whoever syncs later learns of it.
        book.put(*log, &mut meta);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::logs::{LogKind, Seat};
    use comity_platform::database::WriterState;
    use comity_wire::proto::ConversationKind;

    const LOG: LogName = [9; 16];
    const OUT: DeviceId = DeviceId::new([255; 16]);

    /// A group of so many that are packed, in which somebody was; nine entries were said.
    fn large_group(conn: &Connection) -> (LogBook, Vec<DeviceId>) {
        for migration in crate::migrations::MIGRATIONS {
            conn.execute_batch(migration).unwrap();
        }
        let devices: Vec<_> = (1..)
            .map(|n| DeviceId::new([n; 16]))
            .take(PACKED_MIN)
            .collect();
        let mut book = LogBook::load(conn).unwrap();
        let kind = LogKind::Conversation(ConversationKind::Group);
        let seats = devices.iter().map(|device| Seat::new(*device, 0));
        let mut meta = book.create(conn, LOG, kind, seats.collect()).unwrap();
        meta.head = 9;
        book.put(LOG, &mut meta);
        for (device, removed) in devices
            .iter()
            .zip([None; PACKED_MIN])
            .chain([(&OUT, Some(8))])
        {
            conn.execute(
                "INSERT INTO seat (log, device, address, leaf, joined, removed, cursor)
                 VALUES (?1, ?2, 'a', 0, 0, ?3, 0)",
                params![meta.id, device.as_bytes(), removed],
            )
            .unwrap();
        }
        (book, devices)
    }

    fn seat_of(conn: &Connection, device: &DeviceId) -> u64 {
        let sql = "SELECT cursor FROM seat WHERE device = ?1";
        conn.query_row(sql, [device.as_bytes()], |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn many_that_move_are_one_row_and_who_was_taken_out_has_theirs_in_the_seat() {
        let conn = Connection::open_in_memory().unwrap();
        let (mut book, devices) = large_group(&conn);
        let log = book.get(&conn, &LOG).unwrap().id;
        let mut moved: Vec<_> = devices.iter().map(|device| (LOG, *device, 5)).collect();
        moved.push((LOG, OUT, 7));
        write(&conn, &mut book, &moved).unwrap();
        let packed = Packed::read(&conn, log).unwrap();
        for device in &devices {
            assert_eq!(packed.further(device.as_bytes(), 0), 5);
            assert_eq!(seat_of(&conn, device), 0);
        }
        assert_eq!(packed.further(OUT.as_bytes(), 0), 0);
        assert_eq!(seat_of(&conn, &OUT), 7);

        // What did not move is no news for anybody.
        let activity = book.get(&conn, &LOG).unwrap().activity;
        write(&conn, &mut book, &moved).unwrap();
        assert_eq!(book.get(&conn, &LOG).unwrap().activity, activity);
        // One that moves alone, further than there is: the head is all that it can have.
        write(&conn, &mut book, &[(LOG, devices[0], 100)]).unwrap();
        assert_eq!(seat_of(&conn, &devices[0]), 9);
        assert!(book.get(&conn, &LOG).unwrap().activity > activity);
        book.before_commit(&conn).unwrap();
    }

    #[test]
    fn only_large_groups_are_told_less_often() {
        for small in [0, 2, SEATS_AN_INTERVAL - 1] {
            assert_eq!(quiet_after(small), Duration::ZERO, "{small}");
        }
        assert_eq!(quiet_after(64), Duration::from_millis(200));
        assert_eq!(quiet_after(1_024), Duration::from_millis(3_200));
    }
}
