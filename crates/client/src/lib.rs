//! The application core: everything a Comity client decides, without a socket, clock, thread or
//! file of its own.
//!
//! [`Core::step`] takes one [`Input`], the time and randomness; it is one SQLite transaction. What
//! has to happen outside comes back as [`Effect`]s, to be carried out after the commit; each is
//! safe to repeat. What a person should notice comes back as [`Event`]s.
//!
//! Always holds: after an error nothing of the step remains, neither in the store nor in memory.
//! An entry is acknowledged only by an effect of the transaction that stored it.
//! Deliberately absent: async, networking, the encryption of the store (the shell hands over a
//! connection that is already unlocked), words shown to people.

mod account;
mod arrival;
mod blocks;
mod calls;
mod connection;
mod contacts;
mod conversations;
mod copies;
mod error;
mod files;
mod groups;
mod history;
mod info;
mod input;
mod introductions;
mod leases;
mod logs;
mod marks;
mod missing;
mod names;
mod output;
mod profiles;
mod reports;
mod send_queue;
mod shared;
mod step;
mod store;
mod timeline;
mod transfers;
mod views;
mod waits;

/// How files are sealed: the shell moves their bytes, and is not to know how.
pub use comity_e2ee::attachment;
pub use comity_membership::Permissions;
pub use error::CoreError;
pub use files::{FileOf, FileView};
pub use groups::views::{GroupView, MemberView, PermissionsView};
pub use info::{InfoView, ReachView};
pub use input::{
    CallError, Command, ConversationSetting, GroupDetails, Input, Look, Mention, Say, What, Whom,
};
pub use output::{CopyOf, Download, Effect, Event, Method, Output, Source, Target, Upload};
pub use views::{
    AccountView, AttachmentView, ContactView, ConversationView, DeviceView, DraftView, FileKind,
    ItemKind, MentionView, ProgressView, QuoteView, ReactionView, RequestView, Status,
    TimelineItem, TransferView, called, shortened,
};

use comity_e2ee::engine::Groups;
use comity_wire::{Random, UnixMs};
use rusqlite::Connection;
use step::{Memory, Step};

/// Whether these bytes are content that a core takes from others: every id has its length, and
/// nothing is longer than what this program would say.
#[must_use]
pub fn would_take(content: &[u8]) -> bool {
    timeline::arrived::Said::decode(content).is_ok()
}

/// What is due within this time counts as under way.
const SOON_MS: i64 = 500;
/// What is put off for longer than this does not: longer than any back-off.
const LONG_MS: i64 = 10 * 60_000;

/// One person's client on one device.
pub struct Core {
    conn: Connection,
    groups: Groups,
    memory: Memory,
}

impl Core {
    /// Opens the store on an unlocked connection, bringing its schema up to date.
    ///
    /// # Errors
    /// When the store can not be read, or was written by a newer program.
    pub fn open(conn: Connection) -> Result<Self, CoreError> {
        store::migrate(&conn)?;
        let memory = Memory::load(&conn)?;
        Ok(Self {
            conn,
            groups: Groups::default(),
            memory,
        })
    }

    /// Keeps `target` one-time key packages at the app, making new ones below `low`, instead of
    /// the usual [`comity_wire::limits`]: more for who is added often, few where time is short.
    #[must_use]
    pub fn keeping_key_packages(mut self, target: usize, low: usize) -> Self {
        self.memory.key_packages = (target, low);
        self
    }

    /// Takes one input. On an error nothing of it remains.
    ///
    /// # Errors
    /// A fault of the store or of this program. What peers and people do wrong comes as events.
    pub fn step(
        &mut self,
        now: UnixMs,
        random: &mut dyn Random,
        input: Input,
    ) -> Result<Output, CoreError> {
        let before = self.memory.clone();
        let tx = self.conn.unchecked_transaction()?;
        let rows = store::Rows(&tx);
        let mut step = Step::new(&rows, &mut self.groups, &mut self.memory, now, random);
        let outcome = step.take(input).map(|()| step.finish());
        let outcome = match outcome {
            Ok(output) => tx.commit().map(|()| output).map_err(CoreError::from),
            Err(error) => {
                drop(tx);
                Err(error)
            }
        };
        if outcome.is_err() {
            self.groups.forget_all();
            self.memory = before;
        }
        outcome
    }

    /// Signed in and caught up with what there was.
    #[must_use]
    pub fn is_online(&self) -> bool {
        matches!(self.memory.link, step::Link::Up { synced: true, .. })
    }

    /// The token of the app's HTTP API that this session has, and until when it is good.
    #[must_use]
    pub fn token(&self) -> Option<(String, UnixMs)> {
        match &self.memory.link {
            step::Link::Up { token, .. } => Some((token.clone(), self.memory.token_until_ms)),
            _ => None,
        }
    }

    /// Nothing is under way that would change what there is to show: no entries to fetch, no
    /// answers waited for, no change of membership that is due.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn is_settled(&self) -> Result<bool, CoreError> {
        let waiting: bool = self.conn.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM welcome WHERE attempts < 3)
                 OR EXISTS (SELECT 1 FROM conversation c WHERE state IN ('creating', 'rejoining')
                     AND NOT EXISTS (SELECT 1 FROM intent WHERE conversation = c.id AND kind = 'rejoin' AND not_before_ms > ?2))
                 OR EXISTS (SELECT 1 FROM transfer WHERE state = 'waiting' AND direction = 'down' AND purpose IN ('history', 'group_history')
                     AND not_before_ms <= ?1)
                 OR EXISTS (SELECT 1 FROM conversation WHERE state = 'active' AND next_seq <= head_seq)
                 OR EXISTS (SELECT 1 FROM intent WHERE not_before_ms <= ?1 OR frame IS NOT NULL)",
        )?.query_row((self.memory.now_ms + SOON_MS, self.memory.now_ms + LONG_MS), |row| row.get(0))?;
        Ok(self.is_online()
            && self.memory.calls.is_empty()
            && self.memory.requests.is_empty()
            && !waiting)
    }

    /// Conversations whose leaves this device still has to bring in line with a device list.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn membership_changes_due(&self) -> Result<u64, CoreError> {
        Ok(self.conn.query_row(
            "SELECT count(*) FROM intent WHERE kind = 'reconcile' AND attempts > 0",
            [],
            |row| row.get(0),
        )?)
    }

    /// What a person wants of a conversation and is neither so nor refused yet.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn wishes_open(&self, conversation: i64) -> Result<u64, CoreError> {
        Ok(self.conn.query_row(
            "SELECT (SELECT count(*) FROM wish WHERE conversation = ?1)
                 + (SELECT count(*) FROM intent WHERE conversation = ?1 AND kind IN ('create', 'leave', 'rejoin'))
                 + (SELECT count(*) FROM transfer WHERE conversation = ?1 AND purpose = 'group_photo' AND state = 'waiting')",
            [conversation],
            |row| row.get(0),
        )?)
    }

    /// The number that a code was ordered for and until when the code is good.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn code_ordered(&self) -> Result<Option<(String, UnixMs)>, CoreError> {
        let started: Option<comity_wire::http::RegistrationStarted> =
            store::meta::get(&self.conn, "registration")?;
        Ok(started.map(|started| (started.number, started.expires_ms)))
    }

    /// The store, for reading.
    pub(crate) fn store(&self) -> &Connection {
        &self.conn
    }
}
