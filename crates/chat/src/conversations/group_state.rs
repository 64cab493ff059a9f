//! The public group state beside a log: one blob, the group info, and the members' sealed document.

use comity_membership::PublicState;
use comity_platform::Failure;
use rusqlite::{Connection, params};

/// What is stored of a group.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) public: Vec<u8>,
    pub(super) group_info: Vec<u8>,
    pub(super) sealed_state: Vec<u8>,
    pub(super) sealed_version: u64,
}

impl Stored {
    pub(super) fn read(conn: &Connection, log: i64) -> Result<Self, Failure> {
        let stored = conn
            .prepare_cached(
                "SELECT public, group_info, sealed_state, sealed_version FROM group_state
                 WHERE log = ?1",
            )?
            .query_row([log], |row| {
                Ok(Self {
                    public: row.get(0)?,
                    group_info: row.get(1)?,
                    sealed_state: row.get(2)?,
                    sealed_version: row.get(3)?,
                })
            })?;
        Ok(stored)
    }

    pub(super) fn state(&self) -> Result<PublicState, Failure> {
        PublicState::from_bytes(&self.public).map_err(|error| crate::error::mls(&error))
    }

    pub(super) fn write(&self, conn: &Connection, log: i64) -> Result<(), rusqlite::Error> {
        conn.prepare_cached(
            "INSERT INTO group_state (log, public, group_info, sealed_state, sealed_version)
             VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (log) DO UPDATE SET public = excluded.public,
               group_info = excluded.group_info, sealed_state = excluded.sealed_state,
               sealed_version = excluded.sealed_version",
        )?
        .execute(params![
            log,
            self.public,
            self.group_info,
            self.sealed_state,
            self.sealed_version
        ])?;
        Ok(())
    }
}

/// What a commit puts in the place of what is there. `sealed`: the members' document for its epoch, where
/// the committer gave one. Gives the document that is there then.
pub(super) fn write_commit(
    conn: &Connection,
    log: i64,
    public: &[u8],
    group_info: &[u8],
    sealed: Option<&[u8]>,
) -> Result<Vec<u8>, rusqlite::Error> {
    conn.prepare_cached(
        "UPDATE group_state SET public = ?2, group_info = ?3,
           sealed_version = sealed_version + (?4 IS NOT NULL),
           sealed_state = coalesce(?4, sealed_state)
         WHERE log = ?1 RETURNING sealed_state",
    )?
    .query_row(params![log, public, group_info, sealed], |row| row.get(0))
}

/// Only the public state changes.
pub(super) fn write_public(
    conn: &Connection,
    log: i64,
    public: &[u8],
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("UPDATE group_state SET public = ?2 WHERE log = ?1")?
        .execute(params![log, public])?;
    Ok(())
}

/// Only the sealed document changes.
pub(super) fn write_sealed(
    conn: &Connection,
    log: i64,
    sealed_state: &[u8],
    sealed_version: u64,
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached(
        "UPDATE group_state SET sealed_state = ?2, sealed_version = ?3 WHERE log = ?1",
    )?
    .execute(params![log, sealed_state, sealed_version])?;
    Ok(())
}

/// Only the group info changes.
pub(super) fn write_group_info(
    conn: &Connection,
    log: i64,
    group_info: &[u8],
) -> Result<(), rusqlite::Error> {
    conn.prepare_cached("UPDATE group_state SET group_info = ?2 WHERE log = ?1")?
        .execute(params![log, group_info])?;
    Ok(())
}
