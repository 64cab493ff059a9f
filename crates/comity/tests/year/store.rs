//! A look into a device's encrypted store, between its acts: how much there is of what.

use argon2::{Algorithm, Argon2, Params, Version};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rusqlite::Connection;
use serde_json::Value;
use std::path::Path;

fn bytes(value: &Value) -> Vec<u8> {
    data_encoding::BASE64URL_NOPAD
        .decode(value.as_str().unwrap().as_bytes())
        .unwrap()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

/// Opens the store in `folder` under its passphrase.
pub(crate) fn open(folder: &Path, passphrase: &str) -> Connection {
    let wrapped: Value =
        serde_json::from_slice(&std::fs::read(folder.join("key.json")).unwrap()).unwrap();
    let params = Params::new(
        number(&wrapped["memory_kib"]),
        number(&wrapped["passes"]),
        number(&wrapped["lanes"]),
        Some(32),
    )
    .unwrap();
    let mut wrapping = [0; 32];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
        .hash_password_into(
            passphrase.as_bytes(),
            &bytes(&wrapped["salt"]),
            &mut wrapping,
        )
        .unwrap();
    let (nonce, sealed) = (bytes(&wrapped["nonce"]), bytes(&wrapped["sealed"]));
    let payload = Payload {
        msg: &sealed,
        aad: b"comity store key v1",
    };
    let key = XChaCha20Poly1305::new(&wrapping.into())
        .decrypt(XNonce::from_slice(&nonce), payload)
        .unwrap();
    let conn = Connection::open(folder.join("store.db")).unwrap();
    let hex = data_encoding::HEXLOWER.encode(&key);
    conn.execute_batch(&format!("PRAGMA key = \"x'{hex}'\";"))
        .unwrap();
    conn
}

/// Rows of every table, the largest first.
pub(crate) fn rows(conn: &Connection) -> Vec<(i64, String)> {
    let mut tables = conn
        .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%search%'")
        .unwrap();
    let names: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    let mut counts: Vec<(i64, String)> = names
        .into_iter()
        .map(|name| {
            let sql = format!("SELECT count(*) FROM {name}");
            let count: i64 = conn.query_row(&sql, [], |row| row.get(0)).unwrap();
            (count, name)
        })
        .filter(|(count, _)| *count > 0)
        .collect();
    counts.sort_by(|one, other| other.cmp(one));
    counts
}
