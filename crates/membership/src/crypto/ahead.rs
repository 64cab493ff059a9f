//! Signatures that were checked in a step before the one that needs them.
//!
//! Always holds: only what held is noted, by all that it was checked with (its SHA-256); nothing is
//! noted unless that was asked for. Deliberately absent: a choice of what to check ahead.

use openmls_traits::types::CryptoError;
use sha2::{Digest, Sha256};
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Leaves of a group of the largest size, twice: then it begins anew.
const NOTED_MAX: usize = 2_048;

pub(super) type Key = [u8; 32];

/// The digest of these parts, which differ where any of them does.
pub(super) fn key(kind: &str, parts: &[&[u8]]) -> Key {
    let mut digest = Sha256::new().chain_update(kind).chain_update([0]);
    for part in parts {
        digest.update(part.len().to_be_bytes());
        digest.update(part);
    }
    digest.finalize().into()
}

#[derive(Debug, Default)]
struct Noted {
    is_noting: bool,
    hold: HashSet<Key>,
}

/// What was checked ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead(Mutex<Noted>);

impl Ahead {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        // A set of digests is whole at any time.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn note(&self, on: bool) {
        self.noted().is_noting = on;
    }

    /// A signature that `verify` says holds, or said so when it was checked ahead.
    pub(super) fn verified(
        &self,
        parts: [&[u8]; 4],
        verify: impl FnOnce() -> Result<(), CryptoError>,
    ) -> Result<(), CryptoError> {
        let noted = self.noted();
        if !noted.is_noting && noted.hold.is_empty() {
            drop(noted);
            return verify();
        }
        let key = key("signature", &parts);
        let is_known = noted.hold.contains(&key);
        drop(noted);
        if is_known {
            return Ok(());
        }
        verify()?;
        let mut noted = self.noted();
        if noted.is_noting {
            if noted.hold.len() >= NOTED_MAX {
                noted.hold.clear();
            }
            noted.hold.insert(key);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn what_was_checked_ahead_is_computed_once() {
        let ahead = Ahead::default();
        let computed = Cell::new(0);
        let check = |signature: &[u8], holds: bool| {
            ahead.verified([b"scheme", b"data", b"key", signature], || {
                computed.set(computed.get() + 1);
                let outcome = holds.then_some(());
                outcome.ok_or(CryptoError::InvalidSignature)
            })
        };
        check(b"good", true).unwrap();
        check(b"good", true).unwrap();
        assert_eq!(computed.get(), 2, "nothing is noted unasked");
        ahead.note(true);
        check(b"good", true).unwrap();
        check(b"bad", false).unwrap_err();
        ahead.note(false);
        assert_eq!(computed.get(), 4);
        check(b"good", true).unwrap();
        assert_eq!(computed.get(), 4, "it is known");
        check(b"bad", false).unwrap_err();
        check(b"other", true).unwrap();
        check(b"other", true).unwrap();
        assert_eq!(
            computed.get(),
            7,
            "what did not hold, or came later, is not"
        );
        ahead.note(true);
        for n in 0..NOTED_MAX {
            check(&n.to_be_bytes(), true).unwrap();
        }
        let before = computed.get();
        check(b"good", true).unwrap();
        assert_eq!(computed.get(), before + 1, "it began anew");
    }

    #[test]
    fn parts_do_not_run_together() {
        assert_ne!(key("a", &[b"b", b"cd"]), key("a", &[b"bc", b"d"]));
    }
}
