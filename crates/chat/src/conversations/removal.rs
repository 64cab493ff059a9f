//! The app's only proposals: the removal of devices that were revoked, deleted with their account,
//! stale, or whose account leaves.
//!
//! Always holds: a proposal is an entry of the log and part of the group's public state, stored
//! together; a device is proposed once an epoch.

use super::group_state::{self, Stored};
use crate::app::App;
use crate::logs::LogName;
use crate::logs::book::read_meta;
use crate::logs::entries::{self, Added, NewEntry};
use comity_platform::clock::now_ms;
use comity_platform::{Failure, secret};
use comity_wire::proto::EntryKind;
use comity_wire::{DeviceId, UnixMs};
use rusqlite::{Connection, params};

/// Seats whose devices have to go, in logs where somebody is left to commit it.
pub(crate) fn due(
    conn: &Connection,
    stale_before_ms: UnixMs,
    count: usize,
) -> Result<Vec<(LogName, DeviceId)>, rusqlite::Error> {
    let mut select = conn.prepare_cached(
        "SELECT l.name, s.device FROM seat s JOIN log l ON l.id = s.log
         LEFT JOIN device d ON d.id = s.device AND s.sibling = 0
         WHERE s.removed IS NULL AND l.kind BETWEEN 1 AND 15
           AND (s.leaving = 1 OR s.gone = 1
                OR (s.sibling = 0 AND (d.id IS NULL OR d.revoked = 1 OR d.seen_ms < ?1)))
           AND EXISTS (SELECT 1 FROM seat o LEFT JOIN device e ON e.id = o.device AND o.sibling = 0
                       WHERE o.log = s.log AND o.removed IS NULL AND o.leaving = 0
                         AND ((o.sibling != 0 AND o.gone = 0)
                              OR (e.revoked = 0 AND e.seen_ms >= ?1)))
           AND NOT EXISTS (SELECT 1 FROM proposal p
                           WHERE p.log = s.log AND p.device = s.device AND p.epoch = l.epoch)
         LIMIT ?2",
    )?;
    let rows = select.query_map(
        params![stale_before_ms, i64::try_from(count).unwrap_or(i64::MAX)],
        |row| Ok((row.get(0)?, DeviceId::new(row.get(1)?))),
    )?;
    rows.collect()
}

/// Proposes to remove a device from a conversation.
pub(crate) async fn propose(app: &App, log: LogName, device: DeviceId) -> Result<(), Failure> {
    let key = app.secrets.app;
    // One try: whoever loses to a commit finds the device still due at the next sweep.
    let proposed = app
        .db
        .read(move |conn| {
            let Some(meta) = read_meta(conn, &log)? else {
                return Ok(None);
            };
            if !meta.kind.is_hosted() {
                return Ok(None);
            }
            let mut state = Stored::read(conn, meta.id)?.state()?;
            let invalid = |error| crate::error::mls(&error);
            let members = state.members().map_err(invalid)?;
            let Some(member) = members.iter().find(|member| member.device == device) else {
                return Ok(None);
            };
            if state.proposed_removals().contains(&member.leaf) {
                return Ok(None);
            }
            let message = state.propose_removal(member.leaf, &key).map_err(invalid)?;
            Ok(Some((meta, message, state.to_bytes().map_err(invalid)?)))
        })
        .await?;
    let Some((seen, message, public)) = proposed else {
        return Ok(());
    };
    let published = app
        .db
        .write(move |conn, book| {
            let mut meta = book.get(conn, &log)?;
            if meta.epoch != seen.epoch || meta.version != seen.version {
                return Ok(None);
            }
            let hash = secret::hash(&message);
            let new = NewEntry {
                kind: EntryKind::Proposal,
                epoch: meta.epoch,
                idempotency_key: hash.get(..16).unwrap_or_default().to_vec(),
                body: message,
                at_ms: now_ms(),
                seal: None,
            };
            meta.version += 1;
            let added = entries::add(conn, book, log, &mut meta, new)?;
            group_state::write_public(conn, meta.id, &public)?;
            conn.prepare_cached(
                "INSERT OR REPLACE INTO proposal (log, device, epoch) VALUES (?1, ?2, ?3)",
            )?
            .execute(params![meta.id, device.as_bytes(), meta.epoch])?;
            match added {
                Added::New(published) => Ok(Some(published)),
                Added::Before(_) => Ok(None),
            }
        })
        .await?;
    if let Some(published) = published {
        app.live.publish(&published, None);
    }
    Ok(())
}
