//! Deleting an account: really.
//!
//! Always holds: afterwards nothing is kept of it but its id and its devices' ids (so that these hear
//! that it is gone) and, until their members' next commit, its leaves in conversations.

use super::{manifests, sql};
use crate::access::Signed;
use crate::app::App;
use crate::logs::LogBook;
use comity_platform::clock::now_ms;
use comity_platform::{Failure, http::Json};
use comity_wire::{AccountId, BlobId, DeviceId, ErrorCode};
use rusqlite::{Connection, params};
use std::sync::Arc;

/// `DELETE /v1/me`.
pub(crate) async fn delete_me(
    axum::extract::State(app): axum::extract::State<Arc<App>>,
    signed: Signed,
) -> Result<Json<serde_json::Value>, Failure> {
    delete(&app, signed.0.account).await?;
    Ok(Json(serde_json::json!({})))
}

/// Deletes an account.
pub(crate) async fn delete(app: &Arc<App>, account: AccountId) -> Result<(), Failure> {
    let address = app.address(account).to_string();
    let (devices, blobs) = app
        .db
        .write(move |conn, book| rows(conn, book, &account, &address))
        .await?;
    for device in &devices {
        app.live.dismiss(device, ErrorCode::AccountGone);
    }
    for blob in &blobs {
        app.blobs.delete(blob).await;
    }
    app.removals.notify_one();
    app.family.devices_gone();
    Ok(())
}

fn rows(
    conn: &Connection,
    book: &mut LogBook,
    account: &AccountId,
    address: &str,
) -> Result<(Vec<DeviceId>, Vec<BlobId>), Failure> {
    let mut select = conn.prepare_cached("SELECT id FROM device WHERE account = ?1")?;
    let devices = select
        .query_map([account.as_bytes()], |row| Ok(DeviceId::new(row.get(0)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut select = conn.prepare_cached("SELECT id FROM blob WHERE account = ?1")?;
    let blobs = select
        .query_map([account.as_bytes()], |row| Ok(BlobId::new(row.get(0)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    for device in &devices {
        conn.prepare_cached("INSERT OR IGNORE INTO account_gone (id, at_ms) VALUES (?1, ?2)")?
            .execute(params![device.as_bytes(), now_ms()])?;
        book.revoke(*device);
        manifests::delete_inbox_and_packages(conn, book, device)?;
    }
    if let Some(number) = sql::number_of(conn, account)? {
        conn.execute("DELETE FROM registration WHERE number = ?1", [&number])?;
        conn.execute("DELETE FROM code_outbox WHERE number = ?1", [&number])?;
    }
    for statement in [
        "DELETE FROM device WHERE account = ?1",
        "DELETE FROM alias WHERE account = ?1",
        "DELETE FROM introduction WHERE from_account = ?1 OR to_account = ?1",
        "DELETE FROM block WHERE account = ?1",
        "DELETE FROM blob WHERE account = ?1",
        "DELETE FROM pending_mark WHERE account = ?1",
        "DELETE FROM account WHERE id = ?1",
    ] {
        conn.prepare_cached(statement)?
            .execute([account.as_bytes()])?;
    }
    conn.prepare_cached("DELETE FROM manifest WHERE address = ?1")?
        .execute([address])?;
    conn.prepare_cached("DELETE FROM block WHERE address = ?1")?
        .execute([address])?;
    let own_alone = "SELECT s.log FROM seat s JOIN log l ON l.id = s.log WHERE s.address = ?1
         AND l.kind BETWEEN 1 AND 15 AND NOT EXISTS
           (SELECT 1 FROM seat o WHERE o.log = s.log AND o.address != ?1 AND o.removed IS NULL)";
    let mut select = conn.prepare_cached(&format!(
        "SELECT id, name FROM log WHERE id IN ({own_alone})"
    ))?;
    let alone = select
        .query_map([address], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, [u8; 16]>(1)?))
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for (log, name) in alone {
        for table in [
            "entry",
            "seat",
            "stay",
            "group_state",
            "pair",
            "welcome",
            "mark",
            "proposal",
            "follower",
            "packed_cursor",
        ] {
            conn.prepare_cached(&format!("DELETE FROM {table} WHERE log = ?1"))?
                .execute([log])?;
        }
        conn.prepare_cached("DELETE FROM log WHERE id = ?1")?
            .execute([log])?;
        book.forget(&name);
    }
    conn.prepare_cached("INSERT OR IGNORE INTO account_gone (id, at_ms) VALUES (?1, ?2)")?
        .execute(params![account.as_bytes(), now_ms()])?;
    Ok((devices, blobs))
}
