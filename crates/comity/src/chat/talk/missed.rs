//! What is shown later than it came about: own lines that wait, and what others said while more came
//! at once than the talk could hear.
//!
//! Always holds: no own line stays out of sight for longer than a moment, and none that was said here
//! goes by unseen because there were many.

use super::{LINES, Talk};
use anyhow::Result;
use comity_client::{Core, Status, TimelineItem};
use comity_wire::MessageId;
use std::time::Duration;
use tokio::time::Instant;

/// An own line that has not gone out by then is shown as one that waits.
const MOMENT: Duration = Duration::from_secs(1);
/// Lines that are asked for at once.
const PAGE: u32 = 200;
/// Among so many lines at the end there is one that has its place in the log.
const NEWEST: u32 = 8;

/// An own line whose first fate is not shown yet.
pub(super) struct Waiting {
    conversation: i64,
    message: MessageId,
    /// When it is to be shown as it is; absent when it was.
    due: Option<Instant>,
}

impl Talk<'_> {
    /// Takes note of an own line that is on its way.
    pub(super) fn waits(&mut self, conversation: i64, message: MessageId) {
        if !self.waiting.iter().any(|one| one.message == message) {
            self.waiting.push(Waiting {
                conversation,
                message,
                due: Some(Instant::now() + MOMENT),
            });
        }
    }

    /// Whether it was one of those; it is none any more.
    pub(super) fn waited(&mut self, message: MessageId) -> bool {
        let before = self.waiting.len();
        self.waiting.retain(|one| one.message != message);
        self.waiting.len() < before
    }

    /// When the next own line is to be shown as one that waits.
    pub(super) fn due(&self) -> Option<Instant> {
        self.waiting.iter().filter_map(|one| one.due).min()
    }

    /// Shows what has not gone out within a moment, in the order in which it was typed.
    pub(super) async fn show_waiting(&mut self) -> Result<()> {
        let now = Instant::now();
        let mut late = Vec::new();
        for one in &mut self.waiting {
            if one.due.is_some_and(|due| due <= now) {
                one.due = None;
                late.push((one.conversation, one.message));
            }
        }
        for (conversation, message) in late {
            let item = self.session.item(conversation, message).await?;
            let item = item.filter(|item| item.status == Status::Queued);
            if let Some(item) = item.filter(|_| !self.shown.contains_key(&message)) {
                self.show_line(conversation, &item).await?;
            }
        }
        Ok(())
    }

    /// Remembers the newest line that was told of a conversation.
    pub(super) fn heard(&mut self, conversation: i64, item: &TimelineItem) {
        let Some(seq) = item.seq else { return };
        let newest = self.newest.entry(conversation).or_insert((0, item.message));
        if seq >= newest.0 {
            *newest = (seq, item.message);
        }
    }

    /// Remembers what was said before the talk began.
    pub(super) async fn begin(&mut self) -> Result<()> {
        for view in self.session.query(Core::conversations).await? {
            let conversation = view.conversation;
            let newest = self
                .session
                .query(move |core| core.timeline(conversation, None, NEWEST))
                .await?;
            for item in &newest {
                self.heard(conversation, item);
            }
        }
        Ok(())
    }

    /// Shows what was not told, because more came than can be kept until it is shown.
    pub(super) async fn read_on(&mut self) -> Result<()> {
        for one in std::mem::take(&mut self.waiting) {
            let item = self.session.item(one.conversation, one.message).await?;
            match item {
                Some(item) if item.status == Status::Queued => self.waiting.push(one),
                Some(item) => {
                    self.heard(one.conversation, &item);
                    self.show_line(one.conversation, &item).await?;
                }
                None => {}
            }
        }
        for view in self.session.query(Core::conversations).await? {
            for item in self.untold(view.conversation).await? {
                if item.outgoing && item.status == Status::Queued {
                    self.waits(view.conversation, item.message);
                } else if !(item.outgoing && self.shown.contains_key(&item.message)) {
                    self.ahead.insert(item.message);
                    self.arrived(view.conversation, &item).await?;
                }
            }
        }
        Ok(())
    }

    /// The lines after the newest that was told, oldest first; of a conversation that is new, as many
    /// as are shown when one turns to it.
    async fn untold(&self, conversation: i64) -> Result<Vec<TimelineItem>> {
        let Some((_, newest)) = self.newest.get(&conversation).copied() else {
            return self
                .session
                .query(move |core| core.timeline(conversation, None, LINES))
                .await;
        };
        let mut untold: Vec<TimelineItem> = Vec::new();
        loop {
            let before = untold.last().map(|item| item.message);
            let page = self
                .session
                .query(move |core| core.timeline(conversation, before.as_ref(), PAGE))
                .await?;
            let more = page.len() == PAGE as usize;
            let mut page = page.into_iter().rev();
            let known = page.by_ref().find_map(|item| {
                let known = item.message == newest;
                untold.extend((!known).then_some(item));
                known.then_some(())
            });
            if known.is_some() || !more {
                untold.reverse();
                return Ok(untold);
            }
        }
    }
}
