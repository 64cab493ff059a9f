//! Bugs that the simulation's own test plants into the code that ships, to see that it finds them.
//!
//! Always holds: without the feature `planted-bugs`, which only the simulation turns on, nothing
//! is ever planted and the compiler leaves the bugs out; with it, nothing is planted until a test
//! says so, on its own thread. Deliberately absent: bugs; each stands where it would be made.

/// A bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The hub answers before its disk has the commit.
    HubDoesNotSync,
    /// A device acknowledges before its disk has the entry.
    DeviceDoesNotSync,
    /// A retry is sealed anew, under a new idempotency key, before the log was read.
    SealsRetriesAnew,
    /// A device merges its own commit before the hub took it.
    MergesEarly,
    /// A device takes an entry though others before it are missing.
    TakesAHole,
    /// The hub drops a pointer to a welcome on its way through the outbox.
    LosesWelcomes,
    /// A device forgets an epoch's keys with the next commit.
    ForgetsPastEpochs,
    /// A device that has something to say takes for read what stands before it.
    JumpsToOwnEntry,
    /// The hub does not recognise an append that comes again.
    HubForgetsKeys,
    /// Who sees another's commit before the own one is there gives up what it wanted.
    LoserGivesUp,
    /// A device does not remember what its inbox still holds.
    ForgetsTheInbox,
    /// A device acknowledges what it was told of, not what it read.
    AcknowledgesUnread,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::HubDoesNotSync,
        Self::DeviceDoesNotSync,
        Self::SealsRetriesAnew,
        Self::MergesEarly,
        Self::TakesAHole,
        Self::LosesWelcomes,
        Self::ForgetsPastEpochs,
        Self::JumpsToOwnEntry,
        Self::HubForgetsKeys,
        Self::LoserGivesUp,
        Self::ForgetsTheInbox,
        Self::AcknowledgesUnread,
    ];
}

#[cfg(feature = "planted-bugs")]
thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug on this thread, or none.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted.
#[cfg(feature = "planted-bugs")]
#[must_use]
pub fn is(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

/// Nothing is planted.
#[cfg(not(feature = "planted-bugs"))]
#[must_use]
pub const fn is(_: Bug) -> bool {
    false
}
