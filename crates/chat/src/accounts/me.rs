//! The own account as its server sees it, and its device list.

use super::{manifests, sql};
use crate::access::Signed;
use crate::app::App;
use crate::logs::LogKind;
use axum::extract::State;
use comity_platform::{Failure, http::Json};
use comity_wire::http::{DeviceStatus, ListedConversation, Me, MyConversations, PutManifest};
use comity_wire::{Bytes64, ConversationId, DeviceId, ErrorCode, Id16};
use rusqlite::{Connection, params};
use std::sync::Arc;

/// Nothing to say.
pub(crate) type Nothing = Result<Json<serde_json::Value>, Failure>;

/// An empty answer.
pub(crate) fn nothing() -> Nothing {
    Ok(Json(serde_json::json!({})))
}

/// `GET /v1/me`.
pub(crate) async fn me(State(app): State<Arc<App>>, signed: Signed) -> Result<Json<Me>, Failure> {
    let address = app.address(signed.0.account);
    app.db
        .read(move |conn| {
            let account = &address.account;
            let manifest = manifests::bytes(conn, &address)?
                .ok_or_else(|| Failure::internal("an account without manifest"))?;
            let (locked, recoverable) = conn.query_row(
                "SELECT length(lock_hash) > 0, length(recovery_box) > 0 FROM account WHERE id = ?1",
                [account.as_bytes()],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )?;
            let blob_bytes = crate::blobs::sql::bytes_of(conn, account)?;
            Ok(Json(Me {
                number: sql::number_of(conn, account)?,
                manifest: Bytes64(manifest),
                devices: statuses(conn, account)?,
                locked,
                recoverable,
                blob_bytes,
                address,
            }))
        })
        .await
}

fn statuses(
    conn: &Connection,
    account: &comity_wire::AccountId,
) -> Result<Vec<DeviceStatus>, rusqlite::Error> {
    let mut select = conn.prepare_cached(
        "SELECT d.id, d.seen_ms, (SELECT count(*) FROM key_package k
           WHERE k.device = d.id AND k.last_resort = 0)
         FROM device d WHERE d.account = ?1 AND d.revoked = 0 ORDER BY d.id",
    )?;
    let rows = select.query_map([account.as_bytes()], |row| {
        Ok(DeviceStatus {
            device: DeviceId::new(row.get(0)?),
            last_seen_ms: row.get(1)?,
            key_packages: row.get(2)?,
        })
    })?;
    rows.collect()
}

/// `GET /v1/me/conversations`.
pub(crate) async fn conversations(
    State(app): State<Arc<App>>,
    signed: Signed,
) -> Result<Json<MyConversations>, Failure> {
    let address = app.address(signed.0.account).to_string();
    let device = signed.0.device;
    let on_app = app.clone();
    app.db
        .read(move |conn| {
            // Of direct conversations the account is a party for ever, also without a device in
            // them; so are self conversations.
            let mut select = conn.prepare_cached(
                "SELECT l.name, l.kind, b.app, f.conversation,
                        EXISTS (SELECT 1 FROM seat o WHERE o.log = l.id AND o.device = ?2
                                AND o.removed IS NULL AND o.sibling = 0)
                 FROM log l
                 LEFT JOIN followed f ON f.log = l.id LEFT JOIN sibling b ON b.id = f.sibling
                 WHERE l.kind != 0 AND
                   (l.id IN (SELECT log FROM seat WHERE address = ?1 AND removed IS NULL)
                    OR l.id IN (SELECT log FROM pair WHERE lower = ?1 OR higher = ?1))
                 ORDER BY l.id",
            )?;
            let rows = select.query_map(params![address, device.as_bytes()], |row| {
                let kind = match LogKind::of_number(row.get(1)?) {
                    LogKind::Conversation(kind) | LogKind::Followed(kind) => kind.into(),
                    LogKind::Inbox => 0,
                };
                let hub = row.get::<_, Option<String>>(2)?;
                let hub = hub.and_then(|hub| hub.parse().ok());
                let id: [u8; 16] = match &hub {
                    Some(_) => row.get(3)?,
                    None => row.get(0)?,
                };
                let hub = hub.unwrap_or_else(|| on_app.id.clone());
                Ok(ListedConversation {
                    conversation: ConversationId::new(hub, Id16::new(id)),
                    kind,
                    member: row.get(4)?,
                })
            })?;
            Ok(Json(MyConversations {
                conversations: rows.collect::<Result<_, _>>()?,
            }))
        })
        .await
}

/// `PUT /v1/me/manifest`.
pub(crate) async fn put_manifest(
    State(app): State<Arc<App>>,
    signed: Signed,
    Json(request): Json<PutManifest>,
) -> Nothing {
    let address = app.address(signed.0.account);
    let seen_ms = app.seen_now_ms();
    let changed = app
        .db
        .write(move |conn, book| {
            let keys: Vec<_> = request
                .introduction_keys
                .into_iter()
                .map(|key| key.0)
                .collect();
            manifests::replace(conn, book, &address, &request.manifest.0, &keys, seen_ms)
        })
        .await?;
    for device in &changed.revoked {
        app.live.dismiss(device, ErrorCode::DeviceRevoked);
    }
    if !changed.revoked.is_empty() {
        app.removals.notify_one();
        app.family.devices_gone();
    }
    app.outbox.notify_one();
    nothing()
}
