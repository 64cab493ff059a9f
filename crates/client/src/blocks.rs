//! Who is blocked: on all own devices alike, and at the own app.
//!
//! Always holds: of two decisions the later one stands, of two of one time the block; what was decided
//! of somebody who is not known here applies once they are; the app is told until it has answered, and
//! again where another device's decision overrules what this one told. Deliberately absent: what a block
//! keeps away, which is judged where it comes in.

use crate::account::{address_of, proto_address};
use crate::calls::Call;
use crate::output::{Event, Method};
use crate::step::Step;
use crate::store::meta;
use crate::{CallError, CoreError};
use comity_content::proto as said;
use comity_wire::http::PutBlock;
use comity_wire::{Address, UnixMs};
use rusqlite::{Connection, OptionalExtension};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Where it is kept what was decided of somebody.
const DECIDED: &str = "block/";
/// Where it is kept of whom the app is to be told.
const UNTOLD: &str = "block_put/";
/// The end of the year 9999: no clock says more.
const LATEST_MS: i64 = 253_402_300_799_999;
/// Blocked people who are looked up at once when another own device tells of them.
const LOOKED_UP_AT_ONCE: usize = 64;
/// Time until the app is told again.
const AGAIN_MS: i64 = 15_000;

/// What was decided of somebody, and when.
#[derive(Clone, Copy, Default, Serialize, Deserialize)]
struct Decided {
    blocked: bool,
    changed_ms: UnixMs,
    /// This device told the app something of them, now or before.
    told_here: bool,
}

/// The app is to be told.
#[derive(Clone, Copy, Serialize, Deserialize)]
struct Untold {
    /// Nobody waits to hear that it was.
    quiet: bool,
    /// How often it could not be.
    attempts: i64,
}

/// Whether somebody is blocked of whom nothing else is known.
pub(crate) fn is_decided(conn: &Connection, address: &Address) -> Result<bool, CoreError> {
    let decided: Option<Decided> = meta::get(conn, &format!("{DECIDED}{address}"))?;
    Ok(decided.is_some_and(|decided| decided.blocked))
}

impl Step<'_> {
    pub(crate) fn is_blocked(&self, address: &Address) -> Result<bool, CoreError> {
        let known = self
            .tx
            .prepare_cached("SELECT blocked FROM contact WHERE address = ?1")?
            .query_row([address.to_string()], |row| row.get(0))
            .optional()?;
        match known {
            Some(blocked) => Ok(blocked),
            None => is_decided(self.tx, address),
        }
    }

    /// What stands: of who was blocked before decisions were kept, only that.
    fn decided(&self, address: &Address) -> Result<Decided, CoreError> {
        match meta::get(self.tx, &format!("{DECIDED}{address}"))? {
            Some(decided) => Ok(decided),
            None => Ok(Decided {
                blocked: self.is_blocked(address)?,
                ..Decided::default()
            }),
        }
    }

    /// The person blocks somebody, or takes that back.
    pub(crate) fn block(&mut self, address: &Address, blocked: bool) -> Result<(), CoreError> {
        if crate::contacts::known_manifest(self.tx, address)?.is_none() {
            return Err(CoreError::NoSuch("contact"));
        }
        // After what it changes, whatever the clock says.
        let before = self.decided(address)?.changed_ms;
        let changed_ms = self.now.max(before + 1).clamp(0, LATEST_MS);
        self.decide(
            address,
            Decided {
                blocked,
                changed_ms,
                told_here: true,
            },
        )?;
        self.sync_devices(said::DeviceSync {
            blocked: vec![said::Blocked {
                address: Some(proto_address(address)),
                blocked,
                changed_ms: u64::try_from(changed_ms).unwrap_or(0),
            }],
            ..Default::default()
        })?;
        let untold = Untold {
            quiet: false,
            attempts: 0,
        };
        self.put_untold(address, untold)?;
        self.mem.blocks_again_ms = None;
        if self.token().is_none() {
            let error = CallError::Unreachable("not connected".to_owned());
            self.failed("block", &error);
        }
        Ok(())
    }

    /// Everybody who is blocked, for a device that is let in.
    pub(crate) fn blocks_to_sync(&self) -> Result<Vec<said::Blocked>, CoreError> {
        let mut addresses: BTreeSet<String> = {
            let mut statement = self
                .tx
                .prepare_cached("SELECT address FROM contact WHERE blocked = 1")?;
            statement
                .query_map([], |row| row.get(0))?
                .collect::<Result<_, _>>()?
        };
        addresses.extend(meta::under(self.tx, DECIDED)?);
        let mut told = Vec::new();
        for address in addresses {
            let address: Address = address.parse().map_err(|_| CoreError::Damaged("address"))?;
            let decided = self.decided(&address)?;
            if decided.blocked {
                told.push(said::Blocked {
                    address: Some(proto_address(&address)),
                    blocked: true,
                    changed_ms: u64::try_from(decided.changed_ms).unwrap_or(0),
                });
            }
        }
        Ok(told)
    }

    /// Blocked people who are not known here are looked up, so that they stand where they can be let
    /// in again.
    pub(crate) fn look_up_blocked(&mut self, blocks: &[said::Blocked]) -> Result<(), CoreError> {
        let addresses = blocks.iter().filter_map(|one| one.address.as_ref());
        for address in addresses.filter_map(address_of).take(LOOKED_UP_AT_ONCE) {
            if crate::contacts::known_manifest(self.tx, &address)?.is_none() {
                self.refresh_contact(&address)?;
            }
        }
        Ok(())
    }

    /// Another own device says what was decided there.
    pub(crate) fn blocks_synced(&mut self, told: &[said::Blocked]) -> Result<(), CoreError> {
        for one in told {
            self.block_synced(one)?;
        }
        Ok(())
    }

    fn block_synced(&mut self, told: &said::Blocked) -> Result<(), CoreError> {
        let (Some(address), Ok(changed_ms)) = (
            told.address.as_ref().and_then(address_of),
            UnixMs::try_from(told.changed_ms),
        ) else {
            return Ok(());
        };
        let before = self.decided(&address)?;
        let changed_ms = changed_ms.min(LATEST_MS);
        if (changed_ms, told.blocked) <= (before.changed_ms, before.blocked) {
            return Ok(());
        }
        if before.told_here && before.blocked != told.blocked {
            // What this device told the app may have come last there.
            let waits: Option<Untold> = meta::get(self.tx, &format!("{UNTOLD}{address}"))?;
            let untold = waits.unwrap_or(Untold {
                quiet: true,
                attempts: 0,
            });
            self.put_untold(&address, untold)?;
        }
        self.decide(
            &address,
            Decided {
                blocked: told.blocked,
                changed_ms,
                told_here: before.told_here,
            },
        )
    }

    fn decide(&mut self, address: &Address, decided: Decided) -> Result<(), CoreError> {
        meta::put(self.tx, &format!("{DECIDED}{address}"), &decided)?;
        let known = self.tx.execute(
            "UPDATE contact SET blocked = ?2, changed_ms = ?3 WHERE address = ?1",
            (address.to_string(), decided.blocked, decided.changed_ms),
        )?;
        if known == 0 {
            return Ok(());
        }
        if decided.blocked {
            self.forget_request(address)?;
        }
        self.event(Event::ContactChanged {
            address: address.clone(),
        });
        if let Some(conversation) = self.conversation_with(address)? {
            self.event(Event::ConversationChanged {
                conversation: conversation.id,
            });
        }
        Ok(())
    }

    fn put_untold(&mut self, address: &Address, untold: Untold) -> Result<(), CoreError> {
        self.mem.no_blocks_untold = false;
        meta::put(self.tx, &format!("{UNTOLD}{address}"), &untold)
    }

    /// Tells the app what it has not answered for.
    pub(crate) fn pump_blocks(&mut self) -> Result<(), CoreError> {
        if self.mem.no_blocks_untold {
            return Ok(());
        }
        let untold = meta::under(self.tx, UNTOLD)?;
        if untold.is_empty() {
            self.mem.no_blocks_untold = true;
            return Ok(());
        }
        if let Some(at) = self.mem.blocks_again_ms {
            if self.now < at {
                self.wake(at);
                return Ok(());
            }
            self.mem.blocks_again_ms = None;
        }
        for address in untold {
            let address: Address = address.parse().map_err(|_| CoreError::Damaged("address"))?;
            // One after another: what was decided last is told last.
            let mut under_way = self.mem.calls.values();
            let told =
                |call: &Call| matches!(call, Call::Block { address: of, .. } if *of == address);
            if under_way.any(told) {
                continue;
            }
            let blocked = self.decided(&address)?.blocked;
            let body = PutBlock {
                address: address.clone(),
                blocked,
            };
            let call = Call::Block { address, blocked };
            self.http(Method::Put, "/v1/me/blocks", Some(&body), call)?;
        }
        Ok(())
    }

    pub(crate) fn block_put(
        &mut self,
        address: &Address,
        blocked: bool,
        result: Result<Vec<u8>, CallError>,
    ) -> Result<(), CoreError> {
        let key = format!("{UNTOLD}{address}");
        let Some(mut untold) = meta::get::<Untold>(self.tx, &key)? else {
            return Ok(());
        };
        let error = match result {
            // Something else was decided meanwhile, and is told next.
            Ok(_) if self.decided(address)?.blocked != blocked => return Ok(()),
            Ok(_) => {
                if !untold.quiet {
                    self.event(Event::Saved {
                        what: "block".to_owned(),
                    });
                }
                return meta::remove(self.tx, &key);
            }
            Err(error) => error,
        };
        if !error.may_pass() {
            if !untold.quiet {
                self.failed("block", &error);
            }
            return meta::remove(self.tx, &key);
        }
        if !untold.quiet && untold.attempts == 0 {
            self.failed_for_now("block", &error);
        }
        let pause_ms = self.back_off_ms(untold.attempts).max(AGAIN_MS);
        let at = self.now + pause_ms.max(error.wait_ms());
        self.mem.blocks_again_ms = Some(at);
        self.wake(at);
        untold.attempts += 1;
        self.put_untold(address, untold)
    }
}
