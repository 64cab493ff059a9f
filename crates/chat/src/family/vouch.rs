//! Vouching: an app's word that one of its devices asked for something.
//!
//! Always holds: a number of a session is taken once; a session ends when the next begins; the
//! signature is over the hub, the session, the number, the device and the act's bytes. Checked and
//! forgotten: nothing of a vouch is stored. Deliberately absent: a clock.

use super::Sibling;
use crate::app::{App, Caller};
use comity_membership::manifest::holds;
use comity_platform::{Failure, secret};
use comity_wire::proto::{Vouch, VouchedAct};
use comity_wire::{AccountId, Address, DeviceId, ErrorCode, vouch_message};
use ed25519_dalek::{Signer, SigningKey};
use std::collections::BTreeSet;

/// Numbers that may come out of their order.
const NUMBERS_MAX: usize = 4_096;

/// The session that a follower has with this hub.
#[derive(Debug, Default)]
pub(super) struct Guest {
    session: Option<[u8; 16]>,
    /// Numbers up to here are used.
    floor: u64,
    used: BTreeSet<u64>,
}

impl Guest {
    /// Begins a session; what was vouched for in the one before is void.
    pub(super) fn greet(&mut self) -> [u8; 16] {
        let session = secret::random();
        *self = Self {
            session: Some(session),
            ..Self::default()
        };
        session
    }

    pub(super) fn is_current(&self, session: &[u8]) -> bool {
        self.session.as_ref().is_some_and(|own| own == session)
    }

    /// Uses a number; false when it was used.
    fn take(&mut self, number: u64) -> bool {
        if number <= self.floor || !self.used.insert(number) {
            return false;
        }
        while self.used.len() > NUMBERS_MAX || self.used.first() == Some(&(self.floor + 1)) {
            let Some(first) = self.used.pop_first() else {
                break;
            };
            self.floor = first;
        }
        true
    }
}

/// This app's word for an act of one of its devices.
pub(super) fn vouch(
    app: &App,
    hub: &Sibling,
    session: &[u8; 16],
    caller: &Caller,
    act: Vec<u8>,
) -> VouchedAct {
    let number = hub.next_number();
    let of = app.address(caller.account);
    let digest = secret::hash(&act);
    let message = vouch_message(&hub.app, session, number, &of, &caller.device, &digest);
    let signature = SigningKey::from_bytes(&app.secrets.app).sign(&message);
    VouchedAct {
        act,
        vouch: Some(Vouch {
            account: caller.account.to_vec(),
            app: of.app.to_string(),
            device: caller.device.to_vec(),
            number,
            signature: signature.to_bytes().to_vec(),
        }),
    }
}

/// Who acts, by the word of `sibling` in `session`.
///
/// # Errors
/// `vouch_invalid`.
pub(super) fn check(
    app: &App,
    sibling: &Sibling,
    session: &[u8],
    vouched: &VouchedAct,
) -> Result<Caller, Failure> {
    let refused = |what: &str| Failure::refused(ErrorCode::VouchInvalid, what);
    let vouch = vouched.vouch.as_ref().ok_or_else(|| refused("no vouch"))?;
    if vouch.app != sibling.app.as_str() {
        return Err(refused("a device of another app"));
    }
    let caller = Caller {
        account: AccountId::from_slice(&vouch.account)?,
        device: DeviceId::from_slice(&vouch.device)?,
        sibling: Some(sibling.no),
    };
    let of = Address::new(sibling.app.clone(), caller.account);
    let digest = secret::hash(&vouched.act);
    let message = vouch_message(&app.id, session, vouch.number, &of, &caller.device, &digest);
    if !holds(&sibling.key, &message, &vouch.signature) {
        return Err(refused("the signature does not verify"));
    }
    let mut guest = sibling.guest.lock().map_err(Failure::internal)?;
    if guest.is_current(session) && guest.take(vouch.number) {
        Ok(caller)
    } else {
        Err(refused("used before"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_once_in_any_order_that_is_not_too_wild() {
        let mut guest = Guest::default();
        let first = guest.greet();
        assert!(guest.take(2) && guest.take(1) && guest.take(3));
        assert!(!guest.take(1) && !guest.take(2) && !guest.take(3));
        assert!(guest.used.is_empty(), "what has no holes is one number");
        for number in 10..10 + NUMBERS_MAX as u64 + 5 {
            assert!(guest.take(number));
        }
        assert!(guest.used.len() <= NUMBERS_MAX);
        assert!(!guest.take(4), "too late");
        let second = guest.greet();
        assert!(guest.take(1), "numbers begin anew");
        assert!(guest.is_current(&second) && !guest.is_current(&first));
        assert!(!Guest::default().is_current(b""), "no session is none");
    }
}
