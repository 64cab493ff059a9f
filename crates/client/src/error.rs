//! What can go wrong inside the core itself.

use comity_e2ee::engine::EngineError;

/// A fault of this device: its store, or this program. Peers' and people's mistakes are events.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The store failed: full, damaged or locked.
    #[error("the store failed: {0}")]
    Store(#[from] rusqlite::Error),
    /// The store was written by a newer program.
    #[error("the store has version {found}; this program knows up to {known}")]
    NewerStore {
        /// Version found.
        found: i64,
        /// Newest version known.
        known: i64,
    },
    /// Stored bytes do not have the form that this program wrote.
    #[error("the store holds something unreadable: {0}")]
    Damaged(&'static str),
    /// The group state failed in a way that no peer can cause.
    #[error("group state: {0}")]
    Engine(#[from] EngineError),
    /// A cryptographic operation on own data failed.
    #[error("cryptography: {0}")]
    Crypto(String),
    /// The act asks for an account that is signed up, or for one that is not.
    #[error("{0}")]
    NotNow(&'static str),
    /// What the caller asked for does not exist.
    #[error("there is no such {0}")]
    NoSuch(&'static str),
    /// Whom it is for is no more.
    #[error("their account was deleted: this conversation has ended")]
    AccountGone,
    /// What the caller asked for is against a rule or limit.
    #[error("{0}")]
    Refused(String),
}

impl CoreError {
    /// The store itself failed, and not a value that has no place in it.
    pub(crate) fn is_of_the_store(&self) -> bool {
        match self {
            Self::Store(
                rusqlite::Error::ToSqlConversionFailure(_)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::QueryReturnedNoRows,
            ) => false,
            Self::Store(_) | Self::NewerStore { .. } | Self::Engine(EngineError::Storage(_)) => {
                true
            }
            _ => false,
        }
    }

    /// Stable code for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Store(_) => "store_failed",
            Self::NewerStore { .. } => "store_newer",
            Self::Damaged(_) => "store_damaged",
            Self::Engine(_) => "group_state",
            Self::Crypto(_) => "cryptography",
            Self::NotNow(_) => "not_now",
            Self::NoSuch(_) => "not_found",
            Self::AccountGone => "account_gone",
            Self::Refused(_) => "refused",
        }
    }
}
