//! Bearer tokens of HTTP acts: who, until when, and the server's seal. Nothing is stored.
//!
//! Always holds: a token opens only under the key that sealed it and before its time is over.
//! Deliberately absent: whether its device was revoked since; who opens a token asks that.

use crate::secret;
use comity_wire::{AccountId, DeviceId, UnixMs};

const LEN: usize = 16 + 16 + 8 + 32;

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Whose.
    pub account: AccountId,
    /// Which of its devices signed in.
    pub device: DeviceId,
    /// Good until then.
    pub expires_ms: UnixMs,
}

impl Claim {
    fn body(&self) -> Vec<u8> {
        let mut body = Vec::with_capacity(LEN);
        body.extend_from_slice(self.account.as_bytes());
        body.extend_from_slice(self.device.as_bytes());
        body.extend_from_slice(&self.expires_ms.to_be_bytes());
        body
    }

    /// The token.
    #[must_use]
    pub fn seal(&self, key: &[u8; 32]) -> Vec<u8> {
        let mut token = self.body();
        let mac = secret::keyed_hash(key, "comity token", &[&token]);
        token.extend_from_slice(&mac);
        token
    }

    /// What a token says, when it is genuine and not over.
    #[must_use]
    pub fn open(token: &[u8], key: &[u8; 32], now_ms: UnixMs) -> Option<Self> {
        if token.len() != LEN {
            return None;
        }
        let (body, mac) = token.split_at_checked(LEN - 32)?;
        if !secret::equal(mac, &secret::keyed_hash(key, "comity token", &[body])) {
            return None;
        }
        let (account, rest) = body.split_at_checked(16)?;
        let (device, expires) = rest.split_at_checked(16)?;
        let claim = Self {
            account: AccountId::from_slice(account).ok()?,
            device: DeviceId::from_slice(device).ok()?,
            expires_ms: UnixMs::from_be_bytes(expires.try_into().ok()?),
        };
        (now_ms < claim.expires_ms).then_some(claim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_once_genuine_and_in_time() {
        let key = [3; 32];
        let claim = Claim {
            account: AccountId::new([1; 16]),
            device: DeviceId::new([2; 16]),
            expires_ms: 1_000,
        };
        let token = claim.seal(&key);
        assert_eq!(Claim::open(&token, &key, 999), Some(claim));
        assert_eq!(Claim::open(&token, &key, 1_000), None);
        assert_eq!(Claim::open(&token, &[4; 32], 999), None);
        for place in 0..token.len() {
            let mut forged = token.clone();
            forged[place] ^= 1;
            assert_eq!(Claim::open(&forged, &key, 0), None);
        }
        assert_eq!(Claim::open(&token[1..], &key, 0), None);
    }
}
