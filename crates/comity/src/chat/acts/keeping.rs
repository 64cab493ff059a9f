//! How a conversation is kept: pinned, archived, muted, marked unread; the same on all own devices.

use super::*;
use comity_client::{ConversationSetting, ConversationView};
use comity_wire::UnixMs;

/// What can be done with a conversation in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum How {
    /// It stands above the others.
    Pin,
    /// It does not any more.
    Unpin,
    /// It is put away.
    Archive,
    /// It is brought back.
    Unarchive,
    /// No notification is shown of it.
    Mute,
    /// They are shown again.
    Unmute,
    /// It stands as unread, until somebody looks.
    Unread,
}

/// No end.
const FOR_EVER_MS: UnixMs = UnixMs::MAX;

impl How {
    /// By the command's name in the prompt.
    pub(crate) fn called(word: &str) -> Option<Self> {
        <Self as clap::ValueEnum>::from_str(word, false).ok()
    }

    /// As it is asked for: `mute off` takes a mute away.
    pub(crate) fn meant(self, seconds: Option<u32>) -> Self {
        match (self, seconds) {
            (Self::Mute, Some(0)) => Self::Unmute,
            _ => self,
        }
    }

    /// What it sets, at `now`; `seconds` of a mute, else it has no end.
    pub(crate) fn setting(self, now: UnixMs, seconds: Option<u32>) -> ConversationSetting {
        use ConversationSetting::{Archived, MarkedUnread, MutedUntil, Pinned};
        match self.meant(seconds) {
            Self::Pin => Pinned(true),
            Self::Unpin => Pinned(false),
            Self::Archive => Archived(true),
            Self::Unarchive => Archived(false),
            Self::Mute => MutedUntil(match seconds {
                Some(seconds) => now.saturating_add(i64::from(seconds) * 1000),
                None => FOR_EVER_MS,
            }),
            Self::Unmute => MutedUntil(0),
            Self::Unread => MarkedUnread(true),
        }
    }
}

pub(super) async fn keep(
    session: &Session,
    with: &str,
    how: How,
    seconds: Option<u32>,
) -> Result<()> {
    if seconds.is_some() && how != How::Mute {
        bail!(Refused::here(
            "keep",
            "usage",
            "only `mute` takes a time".to_owned()
        ));
    }
    session.online().await?;
    let conversation = people::conversation(session, with).await?.conversation;
    let setting = how.setting(words::now_ms(), seconds);
    session
        .handle
        .act(Command::SetConversation {
            conversation,
            setting,
        })
        .await?;
    finish(session).await
}

/// As a list shows them: what is pinned first, the last pinned above; what is put away last.
pub(crate) fn in_order(mut all: Vec<ConversationView>) -> Vec<ConversationView> {
    all.sort_by_key(|view| (view.archived, std::cmp::Reverse(view.pinned_ms)));
    all
}
