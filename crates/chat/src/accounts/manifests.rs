//! The manifests that this server holds, and what a new one changes.
//!
//! Always holds: of an account of this app the newest manifest is the one here: a commit is judged
//! by it, whatever the commit carries. Manifests of other apps' accounts are taken from commits
//! when they follow from what is known.

use super::sql;
use crate::logs::{LogBook, LogKind, Seat, outbox};
use comity_membership::manifest::{self, Device, VerifiedManifest};
use comity_membership::{Change, Committer, introduction_key};
use comity_platform::Failure;
use comity_wire::proto::{EntryKind, ManifestChanged, Notice, notice};
use comity_wire::{Address, AppId, DeviceId, ErrorCode, Message, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashMap;

/// Bytes of the newest manifest.
pub(crate) fn bytes(
    conn: &Connection,
    address: &Address,
) -> Result<Option<Vec<u8>>, rusqlite::Error> {
    conn.prepare_cached("SELECT bytes FROM manifest WHERE address = ?1")?
        .query_row([address.to_string()], |row| row.get(0))
        .optional()
}

/// The newest manifest.
pub(crate) fn get(
    conn: &Connection,
    address: &Address,
) -> Result<Option<VerifiedManifest>, Failure> {
    let Some(bytes) = bytes(conn, address)? else {
        return Ok(None);
    };
    manifest::verify(&bytes)
        .map(Some)
        .map_err(|_| Failure::internal("a stored manifest does not verify"))
}

/// The newest manifest of an account of this app.
///
/// # Errors
/// `not_found`.
pub(crate) fn must_get(conn: &Connection, address: &Address) -> Result<VerifiedManifest, Failure> {
    get(conn, address)?.ok_or_else(|| Failure::refused(ErrorCode::NotFound, "no such account"))
}

/// Stores a manifest.
pub(crate) fn adopt(conn: &Connection, next: &VerifiedManifest) -> Result<(), rusqlite::Error> {
    conn.prepare_cached(
        "INSERT INTO manifest (address, seq, bytes) VALUES (?1, ?2, ?3)
         ON CONFLICT (address) DO UPDATE SET seq = excluded.seq, bytes = excluded.bytes
         WHERE excluded.seq > manifest.seq",
    )?
    .execute(params![
        next.manifest.address.to_string(),
        next.manifest.seq,
        next.bytes
    ])?;
    Ok(())
}

/// The manifests that a commit is judged by.
#[derive(Debug)]
pub(crate) struct ForCommit {
    known: HashMap<Address, VerifiedManifest>,
    /// Those that the commit brought.
    pub(crate) adopted: Vec<VerifiedManifest>,
}

impl ForCommit {
    pub(crate) fn get(&self, address: &Address) -> Option<VerifiedManifest> {
        self.known.get(address).cloned()
    }
}

/// Collects the manifests that the commit's rules ask for.
pub(crate) fn for_commit(
    conn: &Connection,
    app: &AppId,
    change: &Change,
) -> Result<ForCommit, Failure> {
    let mut named: Vec<&Address> = Vec::new();
    for member in change
        .added
        .iter()
        .chain(&change.updated)
        .chain(&change.removed)
    {
        named.push(&member.address);
    }
    if let Committer::Member(member) | Committer::External { joiner: member } = &change.committer {
        named.push(&member.address);
    }
    named.sort();
    named.dedup();
    let mut known = HashMap::new();
    for address in named {
        if let Some(manifest) = get(conn, address)? {
            known.insert(address.clone(), manifest);
        }
    }
    let mut adopted = Vec::new();
    for bytes in &change.header.manifests {
        let carried = manifest::verify(bytes).map_err(|error| crate::error::manifest(&error))?;
        let address = carried.manifest.address.clone();
        if address.app == *app {
            continue;
        }
        let newer = match known.get(&address) {
            None => true,
            Some(before) => {
                carried.manifest.seq > before.manifest.seq
                    && manifest::verify_next(before, bytes).is_ok()
            }
        };
        if newer {
            known.insert(address, carried.clone());
            adopted.push(carried);
        }
    }
    Ok(ForCommit { known, adopted })
}

/// What a new manifest changed.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    /// Devices that may not act any more.
    pub(crate) revoked: Vec<DeviceId>,
}

/// Takes the next manifest of an account of this app: new devices get an inbox, those that went
/// are revoked, the account's other devices are told.
pub(crate) fn replace(
    conn: &Connection,
    book: &mut LogBook,
    address: &Address,
    bytes: &[u8],
    introduction_keys: &[Vec<u8>],
    seen_ms: UnixMs,
) -> Result<Changed, Failure> {
    let before = must_get(conn, address)?;
    // It must stand alone, too: who meets the account for the first time has none before it.
    manifest::verify(bytes).map_err(|error| crate::error::manifest(&error))?;
    let next =
        manifest::verify_step(&before, bytes).map_err(|error| crate::error::manifest(&error))?;
    if next.manifest.seq == before.manifest.seq {
        return Ok(Changed::default());
    }
    adopt(conn, &next)?;
    for device in &next.manifest.devices {
        if before.manifest.device(&device.id).is_none() {
            insert_device(conn, book, address, device, introduction_keys, seen_ms)?;
        }
    }
    let mut changed = Changed::default();
    for device in &before.manifest.devices {
        if next.manifest.device(&device.id).is_none() {
            revoke(conn, book, &device.id)?;
            changed.revoked.push(device.id);
        }
    }
    let notice = Notice {
        notice: Some(notice::Notice::ManifestChanged(ManifestChanged {
            account: address.account.to_vec(),
            seq: next.manifest.seq,
        })),
    }
    .encode_to_vec();
    for device in sql::devices(conn, &address.account)? {
        let what: [&[u8]; 3] = [
            b"manifest",
            address.account.as_bytes(),
            &next.manifest.seq.to_be_bytes(),
        ];
        outbox::queue(conn, (None, &device), EntryKind::Notice, &what, &notice)?;
    }
    Ok(changed)
}

/// Stores a device of a manifest with its introduction key, and makes its inbox.
pub(crate) fn insert_device(
    conn: &Connection,
    book: &mut LogBook,
    address: &Address,
    device: &Device,
    introduction_keys: &[Vec<u8>],
    seen_ms: UnixMs,
) -> Result<(), Failure> {
    // A device that is linked brings its own once it signs in; until then nobody introduces
    // themselves to it.
    let key = introduction_keys
        .iter()
        .find(|key| introduction_key::verify(key, device).is_ok())
        .cloned()
        .unwrap_or_default();
    if key.is_empty() && !introduction_keys.is_empty() {
        return Err(Failure::refused(
            ErrorCode::SignatureInvalid,
            "an introduction key is not a new device's",
        ));
    }
    if sql::device(conn, &device.id)?.is_some() || book.find(conn, device.id.as_bytes())?.is_some()
    {
        return Err(Failure::refused(
            ErrorCode::Exists,
            "the device is known already",
        ));
    }
    conn.prepare_cached(
        "INSERT INTO device (id, account, signature_key, introduction_key, seen_ms)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![
        device.id.as_bytes(),
        address.account.as_bytes(),
        device.signature_key.as_slice(),
        key,
        seen_ms
    ])?;
    let seat = Seat::new(device.id, 0);
    let meta = book.create(conn, *device.id.as_bytes(), LogKind::Inbox, vec![seat])?;
    conn.prepare_cached(
        "INSERT INTO seat (log, device, address, leaf, joined, cursor) VALUES (?1, ?2, ?3, 0, 0, 0)",
    )?
    .execute(params![meta.id, device.id.as_bytes(), address.to_string()])?;
    Ok(())
}

/// Takes a device's rights and what is kept for it; its seats end by commits.
fn revoke(conn: &Connection, book: &mut LogBook, device: &DeviceId) -> Result<(), Failure> {
    book.revoke(*device);
    conn.prepare_cached("UPDATE device SET revoked = 1, introduction_key = x'' WHERE id = ?1")?
        .execute([device.as_bytes()])?;
    delete_inbox_and_packages(conn, book, device)
}

/// Deletes a device's key packages and inbox.
pub(super) fn delete_inbox_and_packages(
    conn: &Connection,
    book: &mut LogBook,
    device: &DeviceId,
) -> Result<(), Failure> {
    conn.prepare_cached("DELETE FROM key_package WHERE device = ?1")?
        .execute([device.as_bytes()])?;
    conn.prepare_cached("DELETE FROM outbox WHERE device = ?1")?
        .execute([device.as_bytes()])?;
    if let Some(mut inbox) = book.find(conn, device.as_bytes())?
        && inbox.kind == LogKind::Inbox
    {
        let behind_all = inbox.head + 1;
        book.cut(conn, &mut inbox, behind_all)?;
        conn.prepare_cached("DELETE FROM seat WHERE log = ?1")?
            .execute([inbox.id])?;
        conn.prepare_cached("DELETE FROM log WHERE id = ?1")?
            .execute([inbox.id])?;
        book.forget(device.as_bytes());
    }
    Ok(())
}
