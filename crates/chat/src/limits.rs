//! How often: one table of the limits that are counted in memory.

use crate::config;
use comity_platform::Failure;
use comity_platform::clock::now_ms;
use comity_platform::rate::{Windows, network};
use comity_wire::{AccountId, Address, ErrorCode, WireError};
use std::net::IpAddr;

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The counts.
#[derive(Debug)]
pub(crate) struct Rates {
    by_network: Windows<IpAddr>,
    lookups: Windows<AccountId>,
    key_packages: Windows<(Address, AccountId)>,
    lock_proofs: Windows<AccountId>,
}

impl Rates {
    pub(crate) fn new(limits: &config::Limits) -> Self {
        Self {
            by_network: Windows::new(limits.registrations_per_address_per_hour, HOUR_MS),
            lookups: Windows::new(limits.lookups_per_day, DAY_MS),
            key_packages: Windows::new(limits.key_package_fetches_per_day, DAY_MS),
            lock_proofs: Windows::new(comity_wire::limits::LOCK_PROOFS_PER_DAY, DAY_MS),
        }
    }

    /// Counts an act of somebody who is not signed in.
    pub(crate) fn network(&self, from: IpAddr) -> Result<(), Failure> {
        self.by_network
            .take(network(from), now_ms())
            .map_err(limited)
    }

    /// Counts a look-up in the directory.
    pub(crate) fn lookup(&self, account: AccountId) -> Result<(), Failure> {
        self.lookups.take(account, now_ms()).map_err(limited)
    }

    /// Counts a guess at an account's registration lock, before it is looked at.
    pub(crate) fn lock_proof(&self, account: AccountId) -> Result<(), Failure> {
        self.lock_proofs.take(account, now_ms()).map_err(limited)
    }

    /// Whether one-time key packages may still be had by this requester from this target.
    pub(crate) fn one_time_key_packages(&self, requester: Address, target: AccountId) -> bool {
        self.key_packages
            .take((requester, target), now_ms())
            .is_ok()
    }
}

/// Too often: wait so long.
pub(crate) fn limited(wait_ms: i64) -> Failure {
    WireError::new(ErrorCode::RateLimited, "too often")
        .retry_after_ms(wait_ms)
        .into()
}
