//! SQL of accounts, devices and aliases.

use comity_platform::Failure;
use comity_wire::{AccountId, DeviceId, ErrorCode, UnixMs};
use rusqlite::{Connection, OptionalExtension, params};

/// A device as it is stored.
#[derive(Debug, Clone)]
pub(crate) struct DeviceRow {
    pub(crate) account: AccountId,
    pub(crate) signature_key: Vec<u8>,
    pub(crate) revoked: bool,
}

/// The device of this id.
pub(crate) fn device(
    conn: &Connection,
    device: &DeviceId,
) -> Result<Option<DeviceRow>, rusqlite::Error> {
    conn.prepare_cached("SELECT account, signature_key, revoked FROM device WHERE id = ?1")?
        .query_row([device.as_bytes()], |row| {
            Ok(DeviceRow {
                account: AccountId::new(row.get(0)?),
                signature_key: row.get(1)?,
                revoked: row.get(2)?,
            })
        })
        .optional()
}

/// Refuses an account that is not, or no longer, or not now.
///
/// # Errors
/// `account_gone` or `not_found`.
pub(crate) fn must_exist(conn: &Connection, account: &AccountId) -> Result<(), Failure> {
    let suspended: Option<bool> = conn
        .prepare_cached("SELECT suspended FROM account WHERE id = ?1")?
        .query_row([account.as_bytes()], |row| row.get(0))
        .optional()?;
    match suspended {
        Some(false) => Ok(()),
        Some(true) => Err(Failure::refused(
            ErrorCode::AccountGone,
            "the account is suspended",
        )),
        None if is_gone(conn, account)? => Err(Failure::refused(
            ErrorCode::AccountGone,
            "the account was deleted",
        )),
        None => Err(Failure::refused(ErrorCode::NotFound, "no such account")),
    }
}

/// Whether there was such an account.
pub(crate) fn is_gone(conn: &Connection, account: &AccountId) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM account_gone WHERE id = ?1)")?
        .query_row([account.as_bytes()], |row| row.get(0))
}

/// Whether there was such a device, of an account that was deleted.
pub(crate) fn is_device_gone(
    conn: &Connection,
    device: &DeviceId,
) -> Result<bool, rusqlite::Error> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM account_gone WHERE id = ?1)")?
        .query_row([device.as_bytes()], |row| row.get(0))
}

/// Whether the device may act for the account now.
///
/// # Errors
/// `unauthenticated`, `device_revoked` or `account_gone`.
pub(crate) fn may_act(
    conn: &Connection,
    account: &AccountId,
    id: &DeviceId,
) -> Result<(), Failure> {
    match device(conn, id)? {
        Some(row) if row.account != *account => Err(Failure::refused(
            ErrorCode::Unauthenticated,
            "unknown device",
        )),
        Some(row) if row.revoked => Err(Failure::refused(
            ErrorCode::DeviceRevoked,
            "the device was revoked",
        )),
        Some(_) => must_exist(conn, account),
        None if is_gone(conn, account)? => Err(Failure::refused(
            ErrorCode::AccountGone,
            "the account was deleted",
        )),
        None => Err(Failure::refused(
            ErrorCode::Unauthenticated,
            "unknown device",
        )),
    }
}

/// The account that has this number now.
pub(crate) fn by_number(
    conn: &Connection,
    number: &str,
) -> Result<Option<AccountId>, rusqlite::Error> {
    conn.prepare_cached("SELECT account FROM alias WHERE number = ?1 AND until_ms IS NULL")?
        .query_row([number], |row| Ok(AccountId::new(row.get(0)?)))
        .optional()
}

/// The number that the account has now.
pub(crate) fn number_of(
    conn: &Connection,
    account: &AccountId,
) -> Result<Option<String>, rusqlite::Error> {
    conn.prepare_cached("SELECT number FROM alias WHERE account = ?1 AND until_ms IS NULL")?
        .query_row([account.as_bytes()], |row| row.get(0))
        .optional()
}

/// Ends the account's numbers and those who had `number`, then gives it to the account.
pub(crate) fn move_number(
    conn: &Connection,
    number: &str,
    account: &AccountId,
    now_ms: UnixMs,
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached(
        "UPDATE alias SET until_ms = ?3 WHERE until_ms IS NULL AND (number = ?1 OR account = ?2)",
    )?
    .execute(params![number, account.as_bytes(), now_ms])?;
    conn.prepare_cached("INSERT INTO alias (number, account, since_ms) VALUES (?1, ?2, ?3)")?
        .execute(params![number, account.as_bytes(), now_ms])?;
    Ok(())
}

/// The registration lock of an account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lock {
    /// Hash of the proof; empty when there is no lock.
    pub(crate) hash: Vec<u8>,
    pub(crate) salt: Vec<u8>,
    /// When one of its devices was last here.
    pub(crate) active_ms: UnixMs,
}

/// The lock of an account.
pub(crate) fn lock(conn: &Connection, account: &AccountId) -> Result<Lock, rusqlite::Error> {
    let found = conn
        .prepare_cached(
            "SELECT lock_hash, lock_salt,
                    coalesce((SELECT max(seen_ms) FROM device WHERE account = ?1), 0)
             FROM account WHERE id = ?1",
        )?
        .query_row([account.as_bytes()], |row| {
            Ok(Lock {
                hash: row.get(0)?,
                salt: row.get(1)?,
                active_ms: row.get(2)?,
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// Devices of an account that are not revoked.
pub(crate) fn devices(
    conn: &Connection,
    account: &AccountId,
) -> Result<Vec<DeviceId>, rusqlite::Error> {
    let mut select = conn
        .prepare_cached("SELECT id FROM device WHERE account = ?1 AND revoked = 0 ORDER BY id")?;
    let rows = select.query_map([account.as_bytes()], |row| Ok(DeviceId::new(row.get(0)?)))?;
    rows.collect()
}

/// Signed introduction keys of an account's devices.
pub(crate) fn introduction_keys(
    conn: &Connection,
    account: &AccountId,
) -> Result<Vec<Vec<u8>>, rusqlite::Error> {
    let mut select = conn.prepare_cached(
        "SELECT introduction_key FROM device
         WHERE account = ?1 AND revoked = 0 AND length(introduction_key) > 0 ORDER BY id",
    )?;
    let rows = select.query_map([account.as_bytes()], |row| row.get(0))?;
    rows.collect()
}

/// The device was here.
pub(crate) fn seen(
    conn: &Connection,
    device: &DeviceId,
    at_ms: UnixMs,
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("UPDATE device SET seen_ms = ?2 WHERE id = ?1 AND seen_ms < ?2")?
        .execute(params![device.as_bytes(), at_ms])?;
    Ok(())
}
