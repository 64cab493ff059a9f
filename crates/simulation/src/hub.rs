//! The hub: the real server on a disk that can lose power.

use crate::clock;
use crate::disk::Disk;
use anyhow::{Context, Result};
use comity_chat::Config;
use comity_chat::embedded::{Embedded, Files};

/// The app's name in every world.
pub(crate) const APP: &str = "hub.example";

pub(crate) struct Hub {
    pub(crate) disk: Disk,
    pub(crate) files: Files,
    pub(crate) config: Config,
    pub(crate) running: Option<Embedded>,
    /// Counts starts.
    pub(crate) start: u64,
}

impl Hub {
    pub(crate) fn new(disk: Disk, files: Files) -> Self {
        Self::named(APP, disk, files)
    }

    /// The server of an app of this name.
    pub(crate) fn named(app: &str, disk: Disk, files: Files) -> Self {
        let mut config = Config {
            app: app.to_owned(),
            development: true,
            ..Config::default()
        };
        // A world's people hurry more than the limits for strangers allow.
        config.limits.registrations_per_address_per_hour = 100_000;
        config.limits.code_interval_ms = 0;
        config.limits.introductions_per_day = 10_000;
        config.family.back_off_max_ms = 5_000;
        Self {
            disk,
            files,
            config,
            running: None,
            start: 0,
        }
    }

    /// Starts the server; inside the runtime.
    pub(crate) fn start(&mut self) -> Result<()> {
        let conn = self.disk.database("comity.db")?;
        let running = Embedded::start(self.config.clone(), conn, &self.files, clock::pace)
            .context("the hub does not start")?;
        self.running = Some(running);
        self.start += 1;
        Ok(())
    }

    /// Ends it as a crash does.
    pub(crate) fn stop(&mut self) {
        if let Some(running) = self.running.take() {
            running.crash();
        }
        self.disk.fail();
    }
}
