//! Commands about messages: which one is meant, reacting, answering, changing, files.

use super::Talk;
use crate::chat::acts::{no_file, one_emoji, post, target_path, what_file};
use crate::chat::{mentions, people, words};
use anyhow::Result;
use comity_client::{Command, Core, ItemKind, Say, Status, TimelineItem, What, Whom};
use comity_wire::MessageId;

impl Talk<'_> {
    /// Commands about a message of the conversation one is in.
    pub(super) async fn about_messages(&mut self, word: &str, rest: &str) -> Result<()> {
        let Some(conversation) = self.current().await? else {
            self.say("— first say with whom: /to NUMBER or NAME");
            return Ok(());
        };
        let wanted = |item: &TimelineItem| match word {
            "save" => item.attachment.is_some() && !item.outgoing,
            "react" | "reply" => !item.outgoing && !item.deleted && item.kind != ItemKind::Notice,
            "edit" => item.outgoing && !item.deleted && item.kind == ItemKind::Text,
            "forward" => {
                !item.deleted && matches!(item.kind, ItemKind::Text | ItemKind::Attachment)
            }
            _ => item.outgoing && !item.deleted,
        };
        let (item, rest) = match self.numbered(conversation, rest).await? {
            Some((item, rest)) => (Some(item), rest),
            None => (self.newest(conversation, wanted).await?, rest),
        };
        let Some(item) = item else {
            self.say("— there is no such line here yet");
            return Ok(());
        };
        let target = item.message;
        match word {
            "react" => {
                one_emoji(rest)?;
                let emoji = rest.to_owned();
                self.speak(What::React { target, emoji }, None).await
            }
            "reply" if rest.is_empty() => {
                self.say("— /reply TEXT, or /reply :3 TEXT to line 3");
                Ok(())
            }
            "reply" => self.speak(What::Text(rest.to_owned()), Some(target)).await,
            "edit" => {
                let text = rest.to_owned();
                self.speak(What::Edit { target, text }, None).await
            }
            "delete" if !item.outgoing => {
                self.say("— only its author can take a line back");
                Ok(())
            }
            "delete" => {
                let names = super::names(self.session).await?;
                self.say(&words::line(&names, &item));
                self.say("— take this line back from everyone? /yes to do it");
                self.asked = Some(super::Asked::Delete(target));
                Ok(())
            }
            "forward" if rest.is_empty() => {
                self.say("— /forward WHO, or /forward :3 WHO for line 3");
                Ok(())
            }
            "forward" => self.forward(conversation, target, rest).await,
            "info" => self.info(conversation, target).await,
            _ => self.save(conversation, &item, rest).await,
        }
    }

    /// The line that `:3` at the beginning names, and what follows.
    pub(super) async fn numbered<'t>(
        &self,
        conversation: i64,
        rest: &'t str,
    ) -> Result<Option<(TimelineItem, &'t str)>> {
        let (first, after) = rest.split_once(' ').unwrap_or((rest, ""));
        let Some(number) = first
            .strip_prefix(':')
            .and_then(|number| number.parse::<usize>().ok())
        else {
            return Ok(None);
        };
        let line = number
            .checked_sub(1)
            .and_then(|index| self.numbers.get(index));
        let message = match line {
            Some((of, message)) if *of == conversation => *message,
            Some(_) => anyhow::bail!("line :{number} is not in this conversation"),
            None => anyhow::bail!("there is no line :{number} yet"),
        };
        match self.session.item(conversation, message).await? {
            Some(item) => Ok(Some((item, after.trim()))),
            None => anyhow::bail!("line :{number} {VANISHED}"),
        }
    }

    /// Turns to the conversation of a numbered line, and shows what was said up to it.
    pub(super) async fn turn_to_line(&mut self, number: &str) -> Result<()> {
        let index = number.parse::<usize>().ok();
        let found = index
            .and_then(|number| number.checked_sub(1))
            .and_then(|index| self.numbers.get(index));
        let Some((conversation, message)) = found.copied() else {
            self.say(&format!("— there is no line :{number}"));
            return Ok(());
        };
        let Some(item) = self.session.item(conversation, message).await? else {
            self.say(&format!("— line :{number} {VANISHED}"));
            return Ok(());
        };
        self.with = Some(Whom::Conversation(conversation));
        (self.oldest, self.day) = (Some(message), None);
        self.more().await?;
        self.show_line(conversation, &item).await?;
        Ok(())
    }

    /// Says a text or file again to somebody else.
    async fn forward(&self, conversation: i64, message: MessageId, to: &str) -> Result<()> {
        let say = Say {
            to: people::whom(self.session, to).await?,
            quote: None,
            id: None,
            mentions: Vec::new(),
            what: What::Forward {
                conversation,
                message,
            },
        };
        post(self.session, say).await?;
        self.say("— forwarded");
        Ok(())
    }

    /// Who has a message, and who read it.
    async fn info(&self, conversation: i64, message: MessageId) -> Result<()> {
        let info = self
            .session
            .query(move |core| core.info(conversation, &message))
            .await?;
        let names = super::names(self.session).await?;
        for line in words::info(&names, &info) {
            self.say(&line);
        }
        Ok(())
    }

    async fn save(&self, conversation: i64, item: &TimelineItem, path: &str) -> Result<()> {
        let (path, _) = quoted(path).unwrap_or((path, ""));
        if path.is_empty() {
            self.say("— /save PATH, a file that does not exist yet, or a folder");
            return Ok(());
        }
        let file = item.attachment.as_ref().ok_or_else(no_file)?;
        let path = target_path(std::path::Path::new(path), Some(&file.file_name))?;
        let command = Command::SaveAttachment {
            conversation,
            message: item.message,
            path,
        };
        self.session.handle.act(command).await.map(|_| ())
    }

    pub(super) async fn newest(
        &self,
        conversation: i64,
        want: impl Fn(&TimelineItem) -> bool,
    ) -> Result<Option<TimelineItem>> {
        let items = self
            .session
            .query(move |core| core.timeline(conversation, None, 100))
            .await?;
        Ok(items.into_iter().rev().find(|item| want(item)))
    }

    /// Says something to whom one talks with.
    pub(super) async fn speak(&mut self, what: What, quote: Option<MessageId>) -> Result<()> {
        let Some(to) = self.with.clone() else {
            self.say("— first say with whom: /to NUMBER or NAME");
            return Ok(());
        };
        let amends = matches!(
            what,
            What::React { .. } | What::Edit { .. } | What::Delete { .. }
        );
        let mentions = match (&what, people::with(self.session, &to).await?) {
            (
                What::Text(text) | What::Edit { text, .. } | What::File { caption: text, .. },
                Some(conversation),
            ) => {
                let local = conversation.conversation;
                let members = self
                    .session
                    .query(move |core| core.mentionable(local))
                    .await?;
                mentions::find(text, &members)
            }
            _ => Vec::new(),
        };
        let say = Say {
            to,
            quote,
            id: None,
            mentions,
            what,
        };
        if amends {
            self.session.handle.act(Command::Send(say)).await?;
            return Ok(());
        }
        let (conversation, item) = post(self.session, say).await?;
        self.unsaid = None;
        let online = self.session.query(|core| Ok(core.is_online())).await?;
        let all = self.session.query(Core::conversations).await?;
        let asked = all
            .iter()
            .any(|one| one.conversation == conversation && one.state == "asking");
        let lines = self
            .session
            .query(move |core| core.timeline(conversation, None, 2))
            .await?;
        let waits = !online || (asked && lines.len() > 1);
        // A line that goes out at once is shown when it did.
        if waits && item.status == Status::Queued {
            self.show_line(conversation, &item).await?;
            self.say(if self.session.may_not_sign_in() {
                "— it stays on this device: the app does not let it sign in"
            } else if asked {
                "— it waits until they accept your request, and goes out by itself then"
            } else {
                "— it waits for a connection, and goes out by itself then"
            });
        }
        Ok(())
    }

    pub(super) async fn send_file(&mut self, rest: &str) -> Result<()> {
        let (path, caption) = path_and_caption(rest);
        let what = what_file(std::path::Path::new(path), caption.to_owned())?;
        self.speak(what, None).await
    }

    /// The hits, each with its number.
    pub(super) async fn search(&mut self, query: &str) -> Result<()> {
        let wanted = query.to_owned();
        let names = super::names(self.session).await?;
        let all = self.session.query(Core::conversations).await?;
        let found = self
            .session
            .query(move |core| core.search(&wanted, 20))
            .await?;
        for (conversation, item) in &found {
            let title = all.iter().find(|one| one.conversation == *conversation);
            let title = title.map_or_else(String::new, |one| words::title(&names, one));
            let number = self.number(*conversation, item.message);
            self.say(&format!(
                ":{number} #{conversation} {title}  {}",
                words::dated(&names, item)
            ));
        }
        if found.is_empty() {
            self.say("— nothing found: all words have to be in one message");
        } else {
            self.say("— /to :3 turns to where line 3 stands");
        }
        Ok(())
    }
}

/// Of a line that was shown and is no more.
const VANISHED: &str = "has vanished: its time was over";

/// What stands in quotes at the beginning, and what follows.
fn quoted(text: &str) -> Option<(&str, &str)> {
    let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let (inside, after) = text.get(1..)?.split_once(quote)?;
    Some((inside, after.trim()))
}

/// A path may be in quotes; without, it goes as far as there is such a file.
fn path_and_caption(text: &str) -> (&str, &str) {
    if let Some(found) = quoted(text) {
        return found;
    }
    let ends = text.match_indices(' ').map(|(at, _)| at);
    let ends: Vec<usize> = ends.chain([text.len()]).collect();
    let split = |end: usize| text.split_at_checked(end).unwrap_or((text, ""));
    let found = ends
        .iter()
        .rev()
        .map(|end| split(*end))
        .find(|(path, _)| std::path::Path::new(path).is_file());
    let (path, caption) = found.unwrap_or_else(|| split(ends.first().copied().unwrap_or(0)));
    (path, caption.trim())
}

#[cfg(test)]
mod tests {
    use super::path_and_caption;

    #[test]
    fn a_path_may_have_spaces() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("my score.txt");
        std::fs::write(&path, "la").unwrap();
        let path = path.to_str().unwrap();
        let typed = format!("{path} for you all");
        assert_eq!(path_and_caption(&typed), (path, "for you all"));
        let typed = format!("\"{path}\" for you");
        assert_eq!(path_and_caption(&typed), (path, "for you"));
        assert_eq!(path_and_caption("none.txt see"), ("none.txt", "see"));
    }
}
