//! Making a conversation of one member.
//!
//! Always holds: there is one self conversation an account and one direct conversation a pair of
//! addresses; whoever makes a second one is given the first.

use super::group_state::Stored;
use super::{fits, log_name};
use crate::app::{App, Caller};
use crate::family::SiblingNo;
use crate::logs::book::LogMeta;
use crate::logs::{LogBook, LogKind, LogName, Seat, stays};
use comity_membership::{Member, PublicState};
use comity_platform::Failure;
use comity_wire::proto::{ConversationKind, CreateConversation, Created};
use comity_wire::{AccountId, Address, ConversationId, ErrorCode, Id16, limits};
use rusqlite::{Connection, OptionalExtension, params};
use std::sync::Arc;

/// Everything that was checked before the writer decides.
#[derive(Debug)]
struct Prepared {
    log: LogName,
    kind: ConversationKind,
    /// Lower and higher address, for kinds that are unique by them.
    pair: Option<(String, String)>,
    peer: Option<Address>,
    member: Member,
    stored: Stored,
}

/// Makes it.
pub(crate) async fn create(
    app: &Arc<App>,
    caller: Caller,
    request: CreateConversation,
) -> Result<Created, Failure> {
    let on_app = app.clone();
    let prepared = comity_platform::off_thread(move || prepare(&on_app, caller, &request)).await?;
    let log = prepared.log;
    let (created, meta) = app
        .db
        .write(move |conn, book| store(conn, book, caller, &prepared))
        .await?;
    if let Some(meta) = meta {
        app.live.views.update(log, &meta);
    }
    Ok(created)
}

fn prepare(app: &App, caller: Caller, request: &CreateConversation) -> Result<Prepared, Failure> {
    let log = log_name(&request.conversation)?;
    fits(
        &request.group_info,
        limits::COMMIT_BYTES_MAX,
        "a group info",
    )?;
    fits(&request.ratchet_tree, limits::COMMIT_BYTES_MAX, "a tree")?;
    let own = app.address_of(&caller)?;
    let kind = request.kind();
    let (pair, peer) = match kind {
        ConversationKind::Self_ => (Some(pair(&own, &own)), None),
        ConversationKind::Direct => {
            let account = AccountId::from_slice(&request.peer_account)?;
            let peer = match app.family.hub(&app.id, &request.peer_app)? {
                None => app.address(account),
                Some(sibling) => Address::new(sibling.app.clone(), account),
            };
            (Some(pair(&own, &peer)), Some(peer))
        }
        ConversationKind::Group => (None, None),
        ConversationKind::Unspecified => {
            return Err(Failure::refused(
                ErrorCode::Malformed,
                "a conversation has a kind",
            ));
        }
    };
    if peer.as_ref() == Some(&own) {
        return Err(Failure::refused(
            ErrorCode::Malformed,
            "for oneself there is kind self",
        ));
    }
    let id = ConversationId::new(app.id.clone(), Id16::new(log));
    let state = PublicState::create(&request.group_info, &request.ratchet_tree, &id, kind)
        .map_err(|error| crate::error::mls(&error))?;
    let context = state.context();
    let invalid = |what: &str| Failure::refused(ErrorCode::MlsInvalid, what);
    if context.app_key != app.secrets.app_public() {
        return Err(invalid("the app is not the group's external sender"));
    }
    if peer.as_ref().is_some_and(|peer| !context.names(peer)) {
        return Err(invalid("the group's context names another peer"));
    }
    let members = state.members().map_err(|error| crate::error::mls(&error))?;
    let [member] = members.as_slice() else {
        return Err(invalid("not one member"));
    };
    if member.address != own || member.device != caller.device {
        return Err(invalid("the member is another device"));
    }
    let stored = Stored {
        public: state
            .to_bytes()
            .map_err(|error| crate::error::mls(&error))?,
        group_info: request.group_info.clone(),
        sealed_state: Vec::new(),
        sealed_version: 0,
    };
    Ok(Prepared {
        log,
        kind,
        pair,
        peer,
        member: member.clone(),
        stored,
    })
}

fn pair(one: &Address, other: &Address) -> (String, String) {
    let (lower, higher) = if one <= other {
        (one, other)
    } else {
        (other, one)
    };
    (lower.to_string(), higher.to_string())
}

fn store(
    conn: &Connection,
    book: &mut LogBook,
    caller: Caller,
    prepared: &Prepared,
) -> Result<(Created, Option<LogMeta>), Failure> {
    book.may_act(&caller)?;
    if let Some(meta) = book.find(conn, &prepared.log)? {
        // A retry after a lost answer.
        return if meta.seat(&caller).is_some() && meta.kind.is_hosted() {
            Ok((Created::default(), None))
        } else {
            Err(Failure::refused(ErrorCode::Exists, "this id is in use"))
        };
    }
    if let Some((lower, higher)) = &prepared.pair
        && let Some(existing) = of_pair(conn, lower, higher)?
    {
        let existing = existing.to_vec();
        return Ok((Created { existing }, None));
    }
    // Whether a sibling has the account is found when its key packages are asked for.
    if let Some(peer) = &prepared.peer
        && peer.app == prepared.member.address.app
    {
        crate::accounts::sql::must_exist(conn, &peer.account)?;
    }
    let kind = LogKind::Conversation(prepared.kind);
    let seat = Seat::new(caller.device, 0);
    let meta = book.create(conn, prepared.log, kind, vec![seat])?;
    insert_seat(conn, meta.id, &prepared.member, None, 0)?;
    prepared.stored.write(conn, meta.id)?;
    if let Some((lower, higher)) = &prepared.pair {
        conn.prepare_cached("INSERT INTO pair (lower, higher, log) VALUES (?1, ?2, ?3)")?
            .execute(params![lower, higher, meta.id])?;
    }
    Ok((Created::default(), Some(meta)))
}

fn of_pair(
    conn: &Connection,
    lower: &str,
    higher: &str,
) -> Result<Option<LogName>, rusqlite::Error> {
    conn.prepare_cached(
        "SELECT l.name FROM pair p JOIN log l ON l.id = p.log WHERE p.lower = ?1 AND p.higher = ?2",
    )?
    .query_row([lower, higher], |row| row.get(0))
    .optional()
}

/// Gives a device its seat, from after entry `joined` on. It may have had one before: what that one gave
/// it and it has not read stays its own, and its cursor stays before that.
pub(super) fn insert_seat(
    conn: &Connection,
    log: i64,
    member: &Member,
    sibling: Option<SiblingNo>,
    joined: u64,
) -> Result<(), rusqlite::Error> {
    stays::keep(conn, log, &member.device)?;
    conn.prepare_cached(
        "INSERT INTO seat (log, device, address, leaf, joined, removed, cursor, sibling)
         VALUES (?1, ?2, ?3, ?4, ?5, NULL, ?5, ?6)
         ON CONFLICT (log, device) DO UPDATE SET address = excluded.address,
           leaf = excluded.leaf, joined = excluded.joined, removed = NULL, muted = 0,
           leaving = 0, gone = 0, sibling = excluded.sibling, came_key = NULL,
           cursor = CASE WHEN removed > cursor THEN cursor ELSE max(cursor, excluded.cursor) END",
    )?
    .execute(params![
        log,
        member.device.as_bytes(),
        member.address.to_string(),
        member.leaf,
        joined,
        SiblingNo::column(sibling)
    ])?;
    Ok(())
}
