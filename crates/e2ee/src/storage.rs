//! Where OpenMLS keeps its state: one table on the caller's SQLite connection, so that what a
//! message did to the ratchets and what it said are saved by one transaction, or not at all.
//!
//! Values are CBOR. A key is the CBOR of the library's key (group id, or the like). Always holds:
//! nothing here begins or ends a transaction. After a rollback every group in memory is ahead of
//! the table and must be forgotten (`Groups::forget_all`).

mod cbor;
mod provider;

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// The table; part of the client's schema.
pub const SCHEMA: &str = "CREATE TABLE mls (
    kind INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;";

/// What a row holds. The numbers are stored: they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub(crate) enum Kind {
    JoinConfig = 1,
    OwnLeafNodes = 2,
    Proposal = 3,
    ProposalRefs = 4,
    Tree = 5,
    Transcript = 6,
    Context = 7,
    ConfirmationTag = 8,
    GroupState = 9,
    MessageSecrets = 10,
    ResumptionPsks = 11,
    OwnLeafIndex = 12,
    EpochSecrets = 13,
    SignatureKeys = 14,
    EncryptionKeys = 15,
    EpochEncryptionKeys = 16,
    KeyPackage = 17,
    Psk = 18,
    /// Ours: a commit that was made and not yet accepted.
    Pending = 100,
    /// Ours: when a key package is over.
    KeyPackageExpiry = 101,
    /// Ours: when the own leaf was made.
    LeafMade = 102,
}

/// The state could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// SQLite failed.
    #[error("the store failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A value is not what it should be.
    #[error("a stored value can not be encoded or decoded")]
    Codec,
}

/// OpenMLS's storage on a connection.
#[derive(Debug)]
pub struct Storage<'a>(pub &'a Connection);

pub(crate) type Result<T> = std::result::Result<T, StorageError>;

fn encode<T: Serialize + ?Sized>(value: &T) -> Result<Zeroizing<Vec<u8>>> {
    cbor4ii::serde::to_vec(Vec::new(), &value)
        .map(Zeroizing::new)
        .map_err(|_| StorageError::Codec)
}

fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    cbor4ii::serde::from_slice(bytes).map_err(|_| StorageError::Codec)
}

impl Storage<'_> {
    pub(crate) fn put<T: Serialize + ?Sized>(
        &self,
        kind: Kind,
        key: &(impl Serialize + ?Sized),
        value: &T,
    ) -> Result<()> {
        self.put_encoded(kind, key, &encode(value)?)
    }

    /// Message secrets, of this epoch and earlier ones.
    pub(crate) fn put_message_secrets<T: Serialize + ?Sized>(
        &self,
        key: &(impl Serialize + ?Sized),
        value: &T,
    ) -> Result<()> {
        let mut bytes = Zeroizing::new(Vec::new());
        value
            .serialize(&mut cbor::Encoder::without_old_keys(&mut bytes))
            .map_err(|_| StorageError::Codec)?;
        self.put_encoded(Kind::MessageSecrets, key, &bytes)
    }

    fn put_encoded(&self, kind: Kind, key: &(impl Serialize + ?Sized), value: &[u8]) -> Result<()> {
        self.0
            .prepare_cached("INSERT OR REPLACE INTO mls (kind, key, value) VALUES (?, ?, ?)")?
            .execute(params![kind as i64, *encode(key)?, value])?;
        Ok(())
    }

    pub(crate) fn get<T: DeserializeOwned>(
        &self,
        kind: Kind,
        key: &(impl Serialize + ?Sized),
    ) -> Result<Option<T>> {
        let bytes: Option<Vec<u8>> = self
            .0
            .prepare_cached("SELECT value FROM mls WHERE kind = ? AND key = ?")?
            .query_row(params![kind as i64, *encode(key)?], |row| row.get(0))
            .optional()?;
        bytes
            .map(Zeroizing::new)
            .map(|bytes| decode(&bytes))
            .transpose()
    }

    pub(crate) fn forget(&self, kind: Kind, key: &(impl Serialize + ?Sized)) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM mls WHERE kind = ? AND key = ?")?
            .execute(params![kind as i64, *encode(key)?])?;
        Ok(())
    }

    /// All keys of one kind, as they are stored, with their values.
    pub(crate) fn all<T: DeserializeOwned>(&self, kind: Kind) -> Result<Vec<(Vec<u8>, T)>> {
        let mut statement = self
            .0
            .prepare_cached("SELECT key, value FROM mls WHERE kind = ?")?;
        let rows = statement.query_map(params![kind as i64], |row| {
            Ok((row.get(0)?, row.get::<_, Vec<u8>>(1)?))
        })?;
        rows.map(|row| {
            row.map_err(Into::into)
                .and_then(|(key, value)| Ok((key, decode(&value)?)))
        })
        .collect()
    }

    /// Deletes by a key as [`Self::all`] gave it.
    pub(crate) fn forget_raw(&self, kind: Kind, key: &[u8]) -> Result<()> {
        self.0
            .prepare_cached("DELETE FROM mls WHERE kind = ? AND key = ?")?
            .execute(params![kind as i64, key])?;
        Ok(())
    }

    pub(crate) fn list<T: DeserializeOwned>(
        &self,
        kind: Kind,
        key: &(impl Serialize + ?Sized),
    ) -> Result<Vec<T>> {
        Ok(self.get(kind, key)?.unwrap_or_default())
    }
}
