//! Leaving a group: the account asks, the app takes nothing more from its devices and proposes
//! their removal, some member commits it.
//!
//! Always holds: who asked to leave says nothing any more, and reads on until it is committed. An
//! account that is the last one leaves at once. Deliberately absent: leaving anything but a group.

use super::{log_name, not_member};
use crate::app::{App, Caller};
use crate::family::followers;
use crate::logs::{LogKind, Seat, packed};
use comity_platform::Failure;
use comity_wire::proto::{ConversationKind, Leave};
use comity_wire::{Address, ErrorCode};
use rusqlite::{Connection, params};
use std::collections::HashSet;
use std::sync::Arc;

/// True when the account has asked to leave and is not out yet.
pub(super) fn is_leaving(
    conn: &Connection,
    log: i64,
    address: &Address,
) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM seat
                        WHERE log = ?1 AND address = ?2 AND leaving = 1 AND removed IS NULL)",
    )?
    .query_row(params![log, address.to_string()], |row| row.get(0))
}

/// Takes an account's wish to leave. Asking twice is asking once.
pub(crate) async fn leave(app: &Arc<App>, caller: Caller, request: Leave) -> Result<(), Failure> {
    app.is_here(&request.hub)?;
    let log = log_name(&request.conversation)?;
    let address = app.address_of(&caller)?.to_string();
    let (meta, ended) = app
        .db
        .write(move |conn, book| {
            let mut meta = book.get(conn, &log)?;
            if meta.seat(&caller).is_none() || !meta.kind.is_hosted() {
                return Err(not_member());
            }
            if meta.kind != LogKind::Conversation(ConversationKind::Group) {
                return Err(Failure::refused(
                    ErrorCode::Forbidden,
                    "only a group can be left",
                ));
            }
            let devices: HashSet<[u8; 16]> = conn
                .prepare_cached(
                    "UPDATE seat SET leaving = 1
                     WHERE log = ?1 AND address = ?2 AND removed IS NULL RETURNING device",
                )?
                .query_map(params![meta.id, address], |row| row.get(0))?
                .collect::<Result<_, _>>()?;
            let mut seats: Vec<Seat> = meta.seats.to_vec();
            for seat in &mut seats {
                seat.leaving |= devices.contains(seat.device.as_bytes());
            }
            let mut ended = Vec::new();
            if seats.iter().all(|seat| seat.leaving) {
                // Nobody is left who could commit anything.
                packed::unpack(conn, meta.id, seats.iter().map(|seat| seat.device))?;
                conn.prepare_cached(
                    "UPDATE seat SET removed = ?2 WHERE log = ?1 AND removed IS NULL",
                )?
                .execute(params![meta.id, meta.head])?;
                ended = std::mem::take(&mut seats);
                followers::update(conn, meta.id, &meta.seats, &seats, meta.head)?;
            }
            meta.seats = Arc::new(seats);
            book.put(log, &mut meta);
            Ok((meta, ended))
        })
        .await?;
    app.live.views.update(log, &meta);
    // No entry says so to the account's other devices.
    for seat in ended.iter().filter(|seat| seat.sibling.is_none()) {
        if let Some(outbound) = app.live.outbound(&seat.device) {
            outbound.fall_behind();
        }
    }
    app.removals.notify_one();
    Ok(())
}
