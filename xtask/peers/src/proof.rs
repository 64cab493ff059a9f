//! What a peer acknowledged outlives a power cut; and that this proof could fail.
//!
//! In the middle of the load the server is killed (SIGKILL, all its processes), then the power of the disk that its data
//! is on is cut ([`crate::disk`]): what it had written and not synced is gone. It is started anew on what is left, and
//! every message that it had acknowledged must be there.
//!
//! Always holds: what was set up before the load is synced beforehand, so that a loss is one of messages. The control is
//! the same with syncing off, and fails when nothing is lost. Deliberately absent: a proof of Comity itself, whose own
//! is `cargo xtask soak powerloss`.

use crate::disk::Disk;
use crate::drive::{Driving, acknowledged, until_acknowledged};
use crate::options::{Kind, Options};
use crate::server::{Place, Server, Sync};
use anyhow::{Result, bail, ensure};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Messages that are acknowledged before the server is killed.
const MESSAGES: u64 = 4_000;

/// What came of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proof {
    /// Messages that the server had acknowledged when it was killed.
    pub(crate) acknowledged: u64,
    /// Those of them that were gone afterwards.
    pub(crate) lost: u64,
    /// What the server said about its settings.
    pub(crate) settings: String,
    /// Why it did not come back, where it did not; then all is lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stayed_away: Option<String>,
}

/// Plays it in the first folder; what the server prints goes into the second.
pub(crate) async fn play(
    kind: Kind,
    options: &Options,
    folder: &Path,
    logs: &Path,
    sync: Sync,
) -> Result<Proof> {
    let mut disk = Disk::make(folder)?;
    let place = Place {
        options,
        folder: disk.path().join("data"),
        logs: logs.to_owned(),
        sync,
    };
    let server = Server::start(kind, &place).await?;
    let settings = server.settings().to_owned();
    server.prepare(options.pairs).await?;
    // Streams, accounts and tables are there whatever happens.
    disk.sync()?;
    let mut driving = Driving::begin(&server, options).await?;
    until_acknowledged(&mut driving, MESSAGES).await?;
    server.kill().await?;
    let acknowledged = acknowledged(driving).await?;
    disk.cut_power()?;
    let (stored, stayed_away) = match read_back(kind, &place).await {
        Ok(stored) => (stored, None),
        Err(error) => (Default::default(), Some(format!("{error:#}"))),
    };
    let lost = acknowledged.iter().filter(|one| !stored.contains(one));
    Ok(Proof {
        acknowledged: u64::try_from(acknowledged.len())?,
        lost: u64::try_from(lost.count())?,
        settings,
        stayed_away,
    })
}

async fn read_back(
    kind: Kind,
    place: &Place<'_>,
) -> Result<std::collections::BTreeSet<(usize, u64)>> {
    let server = Server::start(kind, place).await?;
    let stored = server.stored().await;
    server.stop().await?;
    stored
}

impl Proof {
    /// Fails when something was lost that was acknowledged.
    pub(crate) fn holds(&self) -> Result<()> {
        ensure!(
            self.acknowledged >= MESSAGES,
            "only {} messages were acknowledged",
            self.acknowledged
        );
        if self.lost > 0 {
            bail!("not durable: {}", self.words());
        }
        Ok(())
    }

    /// Fails when nothing was lost, though nothing was synced: then the proof sees nothing.
    pub(crate) fn sees_a_loss(&self) -> Result<()> {
        ensure!(
            self.acknowledged >= MESSAGES && self.lost > 0,
            "the proof is worth nothing here: without syncing, {}",
            self.words()
        );
        Ok(())
    }

    /// In one line.
    pub(crate) fn words(&self) -> String {
        let Self {
            acknowledged,
            lost,
            stayed_away,
            ..
        } = self;
        let mut words = format!(
            "{lost} of {acknowledged} acknowledged messages were lost by kill -9 and a power cut"
        );
        if let Some(why) = stayed_away {
            words += &format!("; it did not come back: {why}");
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof(acknowledged: u64, lost: u64) -> Proof {
        Proof {
            acknowledged,
            lost,
            settings: "as told".to_owned(),
            stayed_away: None,
        }
    }

    #[test]
    fn one_lost_message_is_enough_to_fail() {
        assert!(proof(5_000, 0).holds().is_ok());
        assert!(proof(5_000, 1).holds().is_err());
        // Nothing was said, so nothing is proven.
        assert!(proof(0, 0).holds().is_err());
    }

    #[test]
    fn a_control_that_loses_nothing_fails() {
        assert!(proof(5_000, 4_000).sees_a_loss().is_ok());
        assert!(proof(5_000, 0).sees_a_loss().is_err());
        assert!(proof(0, 0).sees_a_loss().is_err());
    }
}
