//! Commands about how the conversation one is in is kept.

use super::Talk;
use crate::chat::acts::{How, timer};
use crate::chat::words;
use anyhow::Result;
use comity_client::Command;

impl Talk<'_> {
    /// `/pin`, `/archive`, `/mute` and what undoes them.
    pub(super) async fn keep(&mut self, how: How, rest: &str) -> Result<()> {
        let Some(conversation) = self.current().await? else {
            self.say("— first say with whom: /to NUMBER or NAME");
            return Ok(());
        };
        let time = match (how, rest) {
            (_, "") => None,
            (How::Mute, rest) => Some(timer(rest).map_err(anyhow::Error::msg)?),
            _ => {
                self.say("— that takes nothing: it is about whom you talk with");
                return Ok(());
            }
        };
        let setting = how.setting(words::now_ms(), time);
        self.session
            .handle
            .act(Command::SetConversation {
                conversation,
                setting,
            })
            .await?;
        self.say(match how.meant(time) {
            How::Pin => "— pinned",
            How::Unpin => "— no longer pinned",
            How::Archive => "— put away",
            How::Unarchive => "— brought back",
            How::Mute => "— muted",
            How::Unmute => "— no longer muted",
            How::Unread => "— marked unread",
        });
        Ok(())
    }
}
