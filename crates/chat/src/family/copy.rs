//! The follower's copy of a log.
//!
//! Always holds: entries have the hub's numbers and stand without holes behind each other; what
//! would make a hole is not taken, it is fetched. Seats are those of this app's devices. What is
//! taken is durable before anybody is told.

use super::follow::push;
use super::{Sibling, name_of};
use crate::app::App;
use crate::conversations::fits;
use crate::live::{Item, LogView, WireLog};
use crate::logs::arrivals::Arrival;
use crate::logs::book::{LogBook, LogKind, LogMeta, LogName, Published, Seat};
use crate::logs::stays;
use comity_platform::Failure;
use comity_platform::clock::now_ms;
use comity_wire::proto::{
    ConversationKind, CursorOf, Entry, EntryKind, Followed, Mark, StateChanged,
};
use comity_wire::{AccountId, Address, AppId, DeviceId, ErrorCode, limits};
use rusqlite::{Connection, params};
use std::collections::HashMap;
use std::sync::Arc;

/// A device's window in the copy.
#[derive(Debug, Clone, Copy)]
struct Reader {
    device: DeviceId,
    joined: u64,
    removed: Option<u64>,
}

impl Reader {
    fn may_read(&self, seq: u64) -> bool {
        seq > self.joined && self.removed.is_none_or(|removed| seq <= removed)
    }
}

fn broken(what: &str) -> Failure {
    Failure::refused(
        ErrorCode::Malformed,
        format!("the hub breaks a rule: {what}"),
    )
}

/// What taking something led to.
#[derive(Debug, Default)]
pub(super) struct Taken {
    published: Vec<Published>,
    /// The copy as it is now; none when there is none.
    log: Option<(LogName, LogMeta)>,
    /// The sealed state was replaced, by another act than a commit: the version that it has now.
    state: Option<u64>,
    /// This app's devices whose seats ended, perhaps without an entry that says so.
    ended: Vec<DeviceId>,
}

impl Taken {
    /// Nothing but a look.
    pub(super) fn of(name: LogName, meta: LogMeta) -> Self {
        Self {
            log: Some((name, meta)),
            ..Self::default()
        }
    }
}

/// Takes a log's state, and the entries that come with it.
pub(super) fn take(
    conn: &Connection,
    book: &mut LogBook,
    own: &AppId,
    hub: &Sibling,
    followed: Followed,
) -> Result<Taken, Failure> {
    let conversation = crate::conversations::log_name(&followed.conversation)?;
    let name = name_of(&hub.app, &conversation);
    let mut meta = match book.find(conn, &name)? {
        Some(meta) => meta,
        None => begin(conn, book, hub, name, conversation, &followed)?,
    };
    let deliver = followed.entries.unwrap_or_default();
    let from = followed.since_seq.max(deliver.gap_until_seq);
    if from > meta.head {
        jump(conn, book, &mut meta, from)?;
    }
    take_cursors(conn, meta.id, &followed.cursors)?;
    let (mut state, mut ended) = (None, Vec::new());
    if is_news(conn, meta.id, followed.as_of)? {
        let before = meta.seats.clone();
        seat(conn, own, &mut meta, &followed.seats)?;
        let gone = |seat: &&Seat| meta.seats.iter().all(|stands| stands.device != seat.device);
        ended.extend(before.iter().filter(gone).map(|seat| seat.device));
        let commits = followed.epoch.saturating_sub(meta.epoch);
        meta.epoch = meta.epoch.max(followed.epoch);
        let before: u64 = conn
            .prepare_cached("SELECT state_version FROM followed WHERE log = ?1")?
            .query_row([meta.id], |row| row.get(0))?;
        // Each commit brings its own, and who merges it knows.
        let replaced = followed.state_version.saturating_sub(before) > commits;
        state = replaced.then_some(followed.state_version);
        conn.prepare_cached("UPDATE followed SET state_version = ?2, as_of = ?3 WHERE log = ?1")?
            .execute(params![meta.id, followed.state_version, followed.as_of])?;
        take_marks(conn, meta.id, &followed.marks)?;
        take_members(conn, meta.id, &followed.members)?;
    }
    let readers = readers(conn, meta.id)?;
    book.put(name, &mut meta);
    let published = add(conn, book, name, &mut meta, &readers, deliver.entries)?;
    Ok(Taken {
        published,
        state,
        ended,
        ..Taken::of(name, meta)
    })
}

/// Takes entries that were pushed, as far as they follow; seats do not change by them.
pub(super) fn take_pushed(
    conn: &Connection,
    book: &mut LogBook,
    name: LogName,
    entries: Vec<Entry>,
) -> Result<Taken, Failure> {
    let Some(mut meta) = book.find(conn, &name)? else {
        return Ok(Taken::default());
    };
    let readers = readers(conn, meta.id)?;
    let until_commit = entries
        .into_iter()
        .take_while(|entry| entry.kind() != EntryKind::Commit)
        .collect();
    let published = add(conn, book, name, &mut meta, &readers, until_commit)?;
    Ok(Taken {
        published,
        ..Taken::of(name, meta)
    })
}

fn begin(
    conn: &Connection,
    book: &mut LogBook,
    hub: &Sibling,
    name: LogName,
    conversation: LogName,
    followed: &Followed,
) -> Result<LogMeta, Failure> {
    let kind = match followed.kind() {
        ConversationKind::Unspecified | ConversationKind::Self_ => {
            return Err(broken("a conversation that nobody follows"));
        }
        kind => kind,
    };
    if followed.seats.is_empty() {
        return Err(broken("a log without seats of its follower"));
    }
    let mut meta = book.create(conn, name, LogKind::Followed(kind), Vec::new())?;
    conn.prepare_cached(
        "INSERT INTO followed (log, sibling, conversation, state_version) VALUES (?1, ?2, ?3, 0)",
    )?
    .execute(params![meta.id, hub.no.0, conversation.as_slice()])?;
    meta.followed = Some(Arc::new(super::Followed {
        sibling: hub.no,
        hub: hub.app.clone(),
        conversation,
    }));
    Ok(meta)
}

/// Whether an answer is as new as what the copy has: of several that are under way at once an
/// older one may come last.
fn is_news(conn: &Connection, log: i64, as_of: u64) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached("SELECT as_of <= ?2 FROM followed WHERE log = ?1")?
        .query_row(params![log, as_of], |row| row.get(0))
}

/// The hub was set back and counts from an earlier number again: what it tells next is news.
pub(super) fn hub_went_back(conn: &Connection, hub: &Sibling) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("UPDATE followed SET as_of = 0 WHERE sibling = ?1")?
        .execute([hub.no.0])?;
    Ok(())
}

/// What lies between is not to be had: the copy begins anew after `seq`.
fn jump(
    conn: &Connection,
    book: &mut LogBook,
    meta: &mut LogMeta,
    seq: u64,
) -> Result<(), rusqlite::Error> {
    meta.head = seq;
    book.cut(conn, meta, seq + 1)?;
    stays::forget(conn, meta.id, seq + 1)
}

/// Takes the seats of this app's devices.
fn seat(
    conn: &Connection,
    own: &AppId,
    meta: &mut LogMeta,
    seats: &[comity_wire::proto::FollowerSeat],
) -> Result<(), Failure> {
    // Where each device's last row stands, and how many it has: one of today, and its earlier stays.
    let mut rows: HashMap<&[u8], (usize, u32)> = HashMap::new();
    for (at, seat) in seats.iter().enumerate() {
        let (last, count) = rows.entry(seat.device.as_slice()).or_default();
        (*last, *count) = (at, *count + 1);
    }
    if rows.len() > limits::CONVERSATION_DEVICES_MAX.saturating_mul(4)
        || rows
            .values()
            .any(|(_, count)| *count > stays::STAYS_MAX + 1)
    {
        return Err(broken("more seats than there may be"));
    }
    let mut stand = Vec::new();
    for (at, seat) in seats.iter().enumerate() {
        let device = DeviceId::from_slice(&seat.device)?;
        let address = Address::new(own.clone(), AccountId::from_slice(&seat.account)?);
        let removed = (seat.removed_seq != 0).then_some(seat.removed_seq);
        let goes_on = rows
            .get(seat.device.as_slice())
            .is_some_and(|(last, _)| *last != at);
        if let Some(removed) = removed.filter(|_| goes_on) {
            stays::add(conn, meta.id, &device, seat.joined_seq, removed)?;
            continue;
        }
        conn.prepare_cached(
            "INSERT INTO seat AS seat (log, device, address, leaf, joined, removed, cursor)
             VALUES (?1, ?2, ?3, 0, ?4, ?5, ?4)
             ON CONFLICT (log, device) DO UPDATE SET address = excluded.address,
               joined = excluded.joined, removed = excluded.removed,
               cursor = CASE WHEN EXISTS (SELECT 1 FROM stay t WHERE t.log = excluded.log
                   AND t.device = excluded.device AND t.removed > seat.cursor)
                 THEN cursor ELSE max(cursor, excluded.cursor) END",
        )?
        .execute(params![
            meta.id,
            device.as_bytes(),
            address.to_string(),
            seat.joined_seq,
            removed
        ])?;
        if removed.is_none() {
            stand.push(Seat::new(device, seat.joined_seq));
        }
    }
    meta.seats = Arc::new(stand);
    Ok(())
}

/// Everybody who has a seat, or had one.
fn readers(conn: &Connection, log: i64) -> Result<Vec<Reader>, rusqlite::Error> {
    let mut select =
        conn.prepare_cached("SELECT device, joined, removed FROM seat WHERE log = ?1")?;
    let rows = select.query_map([log], |row| {
        Ok(Reader {
            device: DeviceId::new(row.get(0)?),
            joined: row.get(1)?,
            removed: row.get(2)?,
        })
    })?;
    rows.collect()
}

pub(super) fn take_cursors(
    conn: &Connection,
    log: i64,
    cursors: &[CursorOf],
) -> Result<(), Failure> {
    for cursor in cursors {
        let device = DeviceId::from_slice(&cursor.device)?;
        conn.prepare_cached(
            "INSERT INTO followed_cursor (log, device, seq) VALUES (?1, ?2, ?3)
             ON CONFLICT (log, device) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq",
        )?
        .execute(params![log, device.as_bytes(), cursor.seq])?;
    }
    Ok(())
}

pub(super) fn take_marks(conn: &Connection, log: i64, marks: &[Mark]) -> Result<(), Failure> {
    for mark in marks {
        fits(&mark.body, limits::MARK_BYTES_MAX, "a mark")?;
        let device = DeviceId::from_slice(&mark.device)?;
        conn.prepare_cached(
            "INSERT INTO mark (log, device, epoch, body) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (log, device) DO UPDATE SET epoch = excluded.epoch, body = excluded.body",
        )?
        .execute(params![log, device.as_bytes(), mark.epoch, mark.body])?;
    }
    Ok(())
}

fn take_members(conn: &Connection, log: i64, members: &[String]) -> Result<(), Failure> {
    conn.prepare_cached("DELETE FROM followed_member WHERE log = ?1")?
        .execute([log])?;
    for address in members.iter().take(limits::CONVERSATION_DEVICES_MAX) {
        let address: Address = address.parse()?;
        conn.prepare_cached(
            "INSERT OR IGNORE INTO followed_member (log, address) VALUES (?1, ?2)",
        )?
        .execute(params![log, address.to_string()])?;
    }
    Ok(())
}

/// Adds what comes next; what was there is passed over, what would make a hole is left.
fn add(
    conn: &Connection,
    book: &mut LogBook,
    name: LogName,
    meta: &mut LogMeta,
    readers: &[Reader],
    entries: Vec<Entry>,
) -> Result<Vec<Published>, Failure> {
    let mut published = Vec::new();
    for entry in entries {
        if entry.seq <= meta.head {
            continue;
        }
        if entry.seq != meta.head + 1 {
            break;
        }
        let entry = Arc::new(entry);
        insert(conn, book, meta, &entry)?;
        meta.head = entry.seq;
        if entry.kind() == EntryKind::Commit {
            meta.epoch = meta.epoch.max(entry.epoch + 1);
        }
        book.put(name, meta);
        let may = readers.iter().filter(|reader| reader.may_read(entry.seq));
        published.push(Published {
            log: name,
            meta: meta.clone(),
            readers: Arc::new(may.map(|of| Seat::new(of.device, of.joined)).collect()),
            entry,
        });
    }
    Ok(published)
}

fn insert(
    conn: &Connection,
    book: &mut LogBook,
    meta: &LogMeta,
    entry: &Arc<Entry>,
) -> Result<(), Failure> {
    let most = match entry.kind() {
        EntryKind::Content => limits::ENTRY_BYTES_MAX,
        EntryKind::Commit | EntryKind::Proposal => limits::COMMIT_BYTES_MAX,
        _ => return Err(broken("an entry of another kind")),
    };
    fits(&entry.body, most, "an entry")?;
    let key = comity_wire::IdempotencyKey::from_slice(&entry.idempotency_key)?;
    if entry.seal.len() > 64 {
        return Err(broken("a seal of another length"));
    }
    if book.by_key(conn, meta, key.as_bytes())?.is_some() {
        return Err(broken("an idempotency key that is used twice"));
    }
    let arrival = Arrival {
        log: meta.id,
        entry: entry.clone(),
        key: *key.as_bytes(),
        taken_ms: Some(now_ms()),
    };
    book.arrive(conn, arrival)
}

/// Runs a job of the copy and publishes what it took, in the log's order; gives the copy's head.
pub(super) async fn run<F>(app: &Arc<App>, job: F) -> Result<Option<u64>, Failure>
where
    F: FnOnce(&Connection, &mut LogBook) -> Result<Taken, Failure> + Send + 'static,
{
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let on_app = app.clone();
    app.db
        .submit(job, move |taken: Result<Taken, Failure>| {
            let _ = sender.send(taken.map(|taken| {
                on_app.publish_all(&taken.published);
                for device in &taken.ended {
                    if let Some(outbound) = on_app.live.outbound(device) {
                        outbound.fall_behind();
                    }
                }
                taken.log.map(|(name, meta)| {
                    on_app.live.views.update(name, &meta);
                    if let Some(version) = taken.state {
                        tell_of_state(&on_app, name, &meta, version);
                    }
                    meta.head
                })
            }));
        })
        .await?;
    receiver.await.map_err(|_| Failure::Stopped)?
}

/// What was missed while the apps did not reach each other, for this app's devices that are here.
fn tell_of_state(app: &App, name: LogName, meta: &LogMeta, version: u64) {
    let wire = WireLog::of(name, meta.followed.as_ref());
    let changed = StateChanged {
        hub: wire.hub(),
        conversation: wire.name.to_vec(),
        epoch: meta.epoch,
        state_version: version,
        resealed: false,
    };
    let item = Item::StateChanged(Arc::new(changed));
    push(app, &LogView::of(meta), None, &item);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::family::SiblingNo;
    use crate::family::sql::SiblingRow;
    use comity_wire::proto::FollowerSeat;

    /// A hub that tells of a log with two devices of this app, the second out since entry `removed`.
    fn told(as_of: u64, removed: u64) -> Followed {
        let seat = |device: u8, removed_seq| FollowerSeat {
            account: vec![1; 16],
            device: vec![device; 16],
            joined_seq: 0,
            removed_seq,
        };
        Followed {
            conversation: vec![7; 16],
            kind: ConversationKind::Group.into(),
            as_of,
            seats: vec![seat(1, 0), seat(2, removed)],
            ..Followed::default()
        }
    }

    #[test]
    fn of_two_answers_the_newer_one_stands_whichever_comes_last() {
        let conn = Connection::open_in_memory().unwrap();
        for migration in crate::migrations::MIGRATIONS {
            conn.execute_batch(migration).unwrap();
        }
        let mut book = LogBook::load(&conn).unwrap();
        let hub = Sibling::new(SiblingRow {
            no: SiblingNo(1),
            app: "hub.example".parse().unwrap(),
            key: [0; 32],
        });
        let own: AppId = "own.example".parse().unwrap();
        let mut devices = |followed| {
            let taken = take(&conn, &mut book, &own, &hub, followed).unwrap();
            taken.log.unwrap().1.seats.len()
        };
        assert_eq!(devices(told(5, 0)), 2);
        assert_eq!(devices(told(9, 3)), 1, "one is out");
        assert_eq!(devices(told(5, 0)), 1, "what was asked before came late");
        hub_went_back(&conn, &hub).unwrap();
        assert_eq!(
            devices(told(2, 0)),
            2,
            "a hub that was set back counts anew"
        );
    }
}
