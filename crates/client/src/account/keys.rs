//! Upkeep of this device's keys: key packages, introduction keys, the newest manifest.

use super::linking::LETS_ITSELF_IN_MS;
use crate::calls::Call;
use crate::output::Method;
use crate::profiles::UNREAD;
use crate::step::Step;
use crate::store::meta;
use crate::{CallError, CoreError};
use comity_e2ee::{introduction, keys::DeviceKeys};
use comity_wire::http::{PostKeyPackages, PutIntroductionKey};
use comity_wire::{Bytes64, limits};

/// How often keys are looked after while connected.
const UPKEEP_MS: i64 = 3_600_000;
/// The last-resort key package is renewed after half its life.
const LAST_RESORT_RENEWAL_MS: i64 = limits::KEY_PACKAGE_LIFE_MS / 2;
/// One-time key packages are replaced before they can expire on the server.
const ONE_TIME_RENEWAL_MS: i64 = limits::KEY_PACKAGE_LIFE_MS * 2 / 3;

impl Step<'_> {
    pub(crate) fn pump_upkeep(&mut self) -> Result<(), CoreError> {
        if self.now < self.mem.upkeep_ms {
            self.wake(self.mem.upkeep_ms);
            return Ok(());
        }
        self.mem.upkeep_ms = self.now + UPKEEP_MS;
        self.wake(self.mem.upkeep_ms);
        self.note_clock()?;
        self.upkeep_key_packages()?;
        self.purge_key_packages()?;
        self.upkeep_introduction_key()?;
        self.forget_declined()?;
        self.upkeep_self_conversation()?;
        self.upkeep_leaves()?;
        self.upkeep_room()?;
        self.upkeep_photo()?;
        if meta::get(self.tx, UNREAD)?.unwrap_or(false) {
            let own = self.me()?.address.clone();
            self.fetch_profile(&own)?;
        } else if meta::get(self.tx, "publish_profile")?.unwrap_or(false) {
            self.publish_profile(true)?;
        }
        if let Some(at) = meta::get(self.tx, LETS_ITSELF_IN_MS)? {
            if self.now >= at {
                meta::put(self.tx, "rejoin_all", &true)?;
                meta::remove(self.tx, LETS_ITSELF_IN_MS)?;
            } else {
                self.mem.upkeep_ms = self.mem.upkeep_ms.min(at);
                self.wake(at);
            }
        }
        if meta::get(self.tx, "rejoin_all")?.unwrap_or(false) {
            self.http::<()>(
                Method::Get,
                "/v1/me/conversations",
                None,
                Call::MyConversations,
            )?;
        }
        self.http::<()>(
            Method::Get,
            "/v1/app",
            None,
            Call::AppInfo {
                then: crate::calls::AfterAppInfo::Refresh,
            },
        )
    }

    fn upkeep_key_packages(&mut self) -> Result<(), CoreError> {
        let left: u32 = meta::get(self.tx, "key_packages_left")?.unwrap_or(0);
        let last_resort_ms: i64 = meta::get(self.tx, "last_resort_ms")?.unwrap_or(0);
        let one_time_ms: i64 = meta::get(self.tx, "one_time_ms")?.unwrap_or(0);
        let left = usize::try_from(left).unwrap_or(0);
        let old = self.now - one_time_ms > ONE_TIME_RENEWAL_MS;
        let renew = self.now - last_resort_ms > LAST_RESORT_RENEWAL_MS;
        let (target, low) = self.mem.key_packages;
        if left >= low && !old && !renew {
            return Ok(());
        }
        let wanted = if old {
            target
        } else {
            target.saturating_sub(left)
        };
        let me = self.me()?;
        let mut mls = self.groups.session(self.tx, &me.keys, &me.address);
        let mut one_time = Vec::with_capacity(wanted);
        for _ in 0..wanted {
            one_time.push(Bytes64(mls.key_package(false)?));
        }
        let last_resort = renew
            .then(|| mls.key_package(true))
            .transpose()?
            .map(Bytes64);
        if renew {
            meta::put(self.tx, "last_resort_posting_ms", &self.now)?;
        }
        meta::put(self.tx, "one_time_posting_ms", &self.now)?;
        self.http(
            Method::Post,
            "/v1/me/key-packages",
            Some(&PostKeyPackages {
                one_time,
                last_resort,
            }),
            Call::KeyPackages,
        )
    }

    /// Nobody can have used what was over before any entry that is still kept.
    fn purge_key_packages(&mut self) -> Result<(), CoreError> {
        let me = self.me()?;
        let now_s = u64::try_from(self.now / 1_000).unwrap_or(0);
        self.groups
            .session(self.tx, &me.keys, &me.address)
            .purge_key_packages(now_s)?;
        Ok(())
    }

    pub(crate) fn key_packages_posted(
        &mut self,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        match crate::calls::parse::<comity_wire::http::KeyPackagesKept>(result) {
            Ok(kept) => {
                meta::put(self.tx, "key_packages_left", &kept.one_time)?;
                for (from, to) in [
                    ("last_resort_posting_ms", "last_resort_ms"),
                    ("one_time_posting_ms", "one_time_ms"),
                ] {
                    if let Some(at) = meta::get::<i64>(self.tx, from)? {
                        meta::put(self.tx, to, &at)?;
                    }
                }
                Ok(())
            }
            Err(error) => {
                self.mem.upkeep_ms = self.now + 30_000;
                self.failed("key_packages", &error);
                Ok(())
            }
        }
    }

    /// A fresh introduction key, stored; gives its signed public form.
    pub(super) fn make_introduction_key(
        &mut self,
        keys: &DeviceKeys,
    ) -> Result<Vec<u8>, CoreError> {
        let made =
            introduction::make_key(keys, self.now, self.now + limits::INTRODUCTION_KEY_LIFE_MS)
                .map_err(|error| CoreError::Crypto(error.to_string()))?;
        self.tx.execute(
            "INSERT INTO introduction_key (public_key, private_key, signed, made_ms) VALUES (?1, ?2, ?3, ?4)",
            (&made.public_key, made.private_key.as_slice(), &made.signed, self.now),
        )?;
        Ok(made.signed)
    }

    fn upkeep_introduction_key(&mut self) -> Result<(), CoreError> {
        let me = self.me()?;
        self.tx.execute(
            "DELETE FROM introduction_key WHERE made_ms < ?1",
            [self.now - limits::INTRODUCTION_KEY_LIFE_MS - limits::INTRODUCTION_KEY_ROTATION_MS],
        )?;
        let newest: Option<i64> =
            self.tx
                .query_row("SELECT max(made_ms) FROM introduction_key", [], |row| {
                    row.get(0)
                })?;
        if newest.is_none_or(|made| self.now - made > limits::INTRODUCTION_KEY_ROTATION_MS) {
            self.make_introduction_key(&me.keys)?;
        }
        let unpublished: Option<(Vec<u8>, Vec<u8>)> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT public_key, signed FROM introduction_key WHERE published = 0 ORDER BY made_ms DESC LIMIT 1",
            )?;
            let mut rows = statement.query([])?;
            rows.next()?
                .map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?)))
                .transpose()?
        };
        let Some((public_key, signed)) = unpublished else {
            return Ok(());
        };
        self.http(
            Method::Put,
            "/v1/me/introduction-key",
            Some(&PutIntroductionKey {
                introduction_key: Bytes64(signed),
            }),
            Call::IntroductionKey { public_key },
        )
    }

    pub(crate) fn introduction_key_put(
        &mut self,
        public_key: &[u8],
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        match result {
            Ok(_) => {
                self.tx.execute(
                    "UPDATE introduction_key SET published = 1 WHERE made_ms <= (SELECT made_ms FROM introduction_key WHERE public_key = ?1)",
                    [public_key],
                )?;
            }
            Err(error) => {
                self.mem.upkeep_ms = self.now + 30_000;
                self.failed("introduction_key", &error);
            }
        }
        Ok(())
    }
}
