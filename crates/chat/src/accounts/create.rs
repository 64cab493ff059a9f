//! Creating an account for a proven number, recovering the one there is, or taking the number over.
//!
//! Always holds: a number that belongs to an account goes to another only when its lock is not
//! set, is opened, or the account was idle; the old account keeps everything but the number; the
//! same call again is answered as it was. The decision is [`decide`].

use super::{manifests, sql};
use crate::app::App;
use crate::logs::{LogBook, outbox};
use crate::registration;
use comity_membership::manifest::{self, Device, VerifiedManifest};
use comity_platform::clock::now_ms;
use comity_platform::secret::{equal, keyed_hash};
use comity_platform::{Failure, http::Json};
use comity_wire::http::{AccountCreated, CreateAccount};
use comity_wire::proto::{AliasMoved, EntryKind, Notice, notice};
use comity_wire::{AccountId, Address, DeviceId, ErrorCode, Message, UnixMs, WireError};
use rusqlite::{Connection, params};
use std::sync::Arc;

/// What may happen to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Nobody has it.
    Take,
    /// Somebody has it, and loses it.
    TakeOver,
}

/// What is known about the account that has a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Holder {
    pub(crate) locked: bool,
    pub(crate) proof_fits: bool,
    pub(crate) active_ms: UnixMs,
}

/// Whether a proven number may go to a new account.
///
/// # Errors
/// `registration_locked`, with the time until the account counts as idle.
pub(crate) fn decide(
    holder: Option<Holder>,
    now_ms: UnixMs,
    idle_ms: i64,
) -> Result<Decision, WireError> {
    let Some(holder) = holder else {
        return Ok(Decision::Take);
    };
    let unlocked_ms = holder.active_ms.saturating_add(idle_ms);
    if !holder.locked || holder.proof_fits || now_ms >= unlocked_ms {
        return Ok(Decision::TakeOver);
    }
    Err(WireError::new(
        ErrorCode::RegistrationLocked,
        "the number has a registration lock",
    )
    .retry_after_ms(unlocked_ms - now_ms))
}

/// Hash under which a lock's proof is kept.
pub(crate) fn lock_hash(pepper: &[u8; 32], account: &AccountId, proof: &[u8]) -> [u8; 32] {
    keyed_hash(pepper, "comity lock", &[account.as_bytes(), proof])
}

/// Checks that `number` may go to another account than its holder; who loses it is returned.
pub(crate) fn may_move(
    conn: &Connection,
    app: &App,
    number: &str,
    lock_proof: Option<&[u8]>,
) -> Result<Option<AccountId>, Failure> {
    let Some(account) = sql::by_number(conn, number)? else {
        return Ok(None);
    };
    let lock = sql::lock(conn, &account)?;
    if lock_proof.is_some() && !lock.hash.is_empty() {
        app.rates.lock_proof(account)?;
    }
    let proof_fits = lock_proof
        .is_some_and(|proof| equal(&lock_hash(&app.secrets.pepper, &account, proof), &lock.hash));
    let holder = Holder {
        locked: !lock.hash.is_empty(),
        proof_fits,
        active_ms: lock.active_ms,
    };
    decide(
        Some(holder),
        now_ms(),
        app.config.retention.registration_lock_idle_ms,
    )?;
    Ok(Some(account))
}

/// `POST /v1/accounts`.
pub(crate) async fn create(
    axum::extract::State(app): axum::extract::State<Arc<App>>,
    Json(request): Json<CreateAccount>,
) -> Result<Json<AccountCreated>, Failure> {
    let manifest =
        manifest::verify(&request.manifest.0).map_err(|error| crate::error::manifest(&error))?;
    if manifest.manifest.address.app != app.id {
        return Err(Failure::refused(
            ErrorCode::WrongApp,
            "the manifest names another app",
        ));
    }
    let on_app = app.clone();
    let (number, revoked) = app
        .db
        .write(move |conn, book| store(conn, book, &on_app, &request, &manifest))
        .await?;
    app.outbox.notify_one();
    if !revoked.1.is_empty() {
        app.removals.notify_one();
    }
    for device in &revoked.1 {
        app.live.dismiss(device, ErrorCode::DeviceRevoked);
    }
    Ok(Json(AccountCreated {
        address: revoked.0,
        number,
    }))
}

type Stored = (String, (Address, Vec<DeviceId>));

fn store(
    conn: &Connection,
    book: &mut LogBook,
    app: &App,
    request: &CreateAccount,
    manifest: &VerifiedManifest,
) -> Result<Stored, Failure> {
    let now = now_ms();
    let address = manifest.manifest.address.clone();
    let proven = registration::sql::by_token(conn, &request.registration_token.0, now)?;
    if let Some(made) = proven.made_account {
        // The same call again, after a lost answer.
        let device = sql::device(conn, &request.device)?;
        let same = device.is_some_and(|device| device.account == made);
        return if made == address.account && same {
            Ok((proven.number, (address, Vec::new())))
        } else {
            Err(Failure::refused(
                ErrorCode::CodeExpired,
                "the registration was used",
            ))
        };
    }
    let holder = sql::by_number(conn, &proven.number)?;
    if !request.recover && is_there(conn, holder, request, manifest)? {
        // The same call again, after a lost answer, with a newer proof of the number.
        registration::sql::used(conn, &request.registration_token.0, &address.account)?;
        return Ok((proven.number, (address, Vec::new())));
    }
    if holder != proven.existing {
        return Err(Failure::refused(
            ErrorCode::NumberTaken,
            "somebody else has the number now",
        ));
    }
    let device = manifest.manifest.device(&request.device).ok_or_else(|| {
        Failure::refused(
            ErrorCode::ManifestInvalid,
            "the device is not in the manifest",
        )
    })?;
    let keys = [request.introduction_key.0.clone()];
    let mut revoked = Vec::new();
    if request.recover {
        if holder != Some(address.account) {
            return Err(Failure::refused(
                ErrorCode::NumberTaken,
                "the number is not this account's",
            ));
        }
        sql::must_exist(conn, &address.account)?;
        let before = manifests::must_get(conn, &address)?;
        if !comes_as_owner(&before, manifest, device) {
            return Err(Failure::refused(
                ErrorCode::ManifestInvalid,
                "by recovery one device comes in, as an owner",
            ));
        }
        let changed = manifests::replace(
            conn,
            book,
            &address,
            &manifest.bytes,
            &keys,
            app.seen_now_ms(),
        )?;
        revoked = changed.revoked;
    } else {
        let proof = request.lock_proof.as_ref().map(|proof| proof.0.as_slice());
        let loser = may_move(conn, app, &proven.number, proof)?;
        if manifest.manifest.seq != 1 || manifest.manifest.devices.len() != 1 {
            return Err(Failure::refused(
                ErrorCode::ManifestInvalid,
                "a new account begins with manifest 1 and one device",
            ));
        }
        let known =
            manifests::bytes(conn, &address)?.is_some() || sql::is_gone(conn, &address.account)?;
        if known {
            return Err(Failure::refused(
                ErrorCode::Exists,
                "there is such an account",
            ));
        }
        conn.prepare_cached("INSERT INTO account (id, created_ms) VALUES (?1, ?2)")?
            .execute(params![address.account.as_bytes(), now])?;
        manifests::adopt(conn, manifest)?;
        manifests::insert_device(conn, book, &address, device, &keys, app.seen_now_ms())?;
        sql::move_number(conn, &proven.number, &address.account, now)?;
        if let Some(loser) = loser {
            tell_alias_moved(conn, app, &loser, now)?;
        }
    }
    registration::sql::used(conn, &request.registration_token.0, &address.account)?;
    Ok((proven.number, (address, revoked)))
}

/// Whether a list lets in this device alone, as an owner. One that came as less and became an owner by
/// a later list would look on the account's devices like one that they had let in.
fn comes_as_owner(before: &VerifiedManifest, next: &VerifiedManifest, device: &Device) -> bool {
    let mut new = next.manifest.devices.iter();
    device.owner
        && new.all(|other| other.id == device.id || before.manifest.device(&other.id).is_some())
}

/// Whether the number's holder is the account that this manifest begins, of this device, and has no
/// later one.
fn is_there(
    conn: &Connection,
    holder: Option<AccountId>,
    request: &CreateAccount,
    manifest: &VerifiedManifest,
) -> Result<bool, Failure> {
    let address = &manifest.manifest.address;
    if holder != Some(address.account) || manifest.manifest.device(&request.device).is_none() {
        return Ok(false);
    }
    Ok(manifests::bytes(conn, address)?.is_some_and(|bytes| bytes == manifest.bytes))
}

/// Tells an account's devices, and those who talk to it, that its number belongs to somebody else now.
pub(crate) fn tell_alias_moved(
    conn: &Connection,
    app: &App,
    from: &AccountId,
    now_ms: UnixMs,
) -> Result<(), Failure> {
    let mut select = conn.prepare_cached(
        "SELECT DISTINCT o.device FROM seat s JOIN seat o ON o.log = s.log
         JOIN log l ON l.id = s.log
         WHERE s.address = ?1 AND l.kind != 0 AND s.removed IS NULL AND o.removed IS NULL
           AND o.address != ?1 AND o.sibling = 0
         UNION SELECT id FROM device WHERE account = ?2 AND revoked = 0 LIMIT 10000",
    )?;
    let own = (app.address(*from).to_string(), from.as_bytes());
    let rows = select
        .query_map(own, |row| Ok(DeviceId::new(row.get(0)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    queue_alias_moved(conn, from, &rows, now_ms)
}

/// Tells an account's own devices that its number is another now: each asks which.
pub(crate) fn tell_number_changed(
    conn: &Connection,
    account: &AccountId,
    now_ms: UnixMs,
) -> Result<(), Failure> {
    let rows = conn
        .prepare_cached("SELECT id FROM device WHERE account = ?1 AND revoked = 0")?
        .query_map([account.as_bytes()], |row| Ok(DeviceId::new(row.get(0)?)))?
        .collect::<Result<Vec<_>, _>>()?;
    queue_alias_moved(conn, account, &rows, now_ms)
}

fn queue_alias_moved(
    conn: &Connection,
    from: &AccountId,
    devices: &[DeviceId],
    now_ms: UnixMs,
) -> Result<(), Failure> {
    let body = Notice {
        notice: Some(notice::Notice::AliasMoved(AliasMoved {
            from_account: from.to_vec(),
        })),
    }
    .encode_to_vec();
    for device in devices {
        let what: [&[u8]; 3] = [b"alias", from.as_bytes(), &now_ms.to_be_bytes()];
        outbox::queue(conn, (None, device), EntryKind::Notice, &what, &body)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOLDER: Holder = Holder {
        locked: true,
        proof_fits: false,
        active_ms: 1_000,
    };

    #[test]
    fn a_locked_number_waits_for_its_proof_or_for_idle_time() {
        let refused = decide(Some(HOLDER), 1_500, 1_000).unwrap_err();
        assert_eq!(refused.code, ErrorCode::RegistrationLocked);
        assert_eq!(refused.retry_after_ms, 500);
        let proven = Holder {
            proof_fits: true,
            ..HOLDER
        };
        assert_eq!(decide(Some(proven), 1_500, 1_000), Ok(Decision::TakeOver));
        assert_eq!(decide(Some(HOLDER), 2_000, 1_000), Ok(Decision::TakeOver));
    }

    #[test]
    fn a_number_without_lock_or_holder_is_free_to_go() {
        let open = Holder {
            locked: false,
            ..HOLDER
        };
        assert_eq!(decide(Some(open), 1_500, 1_000), Ok(Decision::TakeOver));
        assert_eq!(decide(None, 0, 1_000), Ok(Decision::Take));
    }
}
