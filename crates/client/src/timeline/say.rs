//! Saying something: from a person's act to the send queue.

use super::arrived::{self, Line, Reaction};
use super::refused::window_ms;
use super::{Edited, NewMessage};
use crate::CoreError;
use crate::account::proto_address;
use crate::conversations::{Conversation, State};
use crate::input::{Look, Say, What, Whom};
use crate::output::Source;
use crate::step::Step;
use comity_content::proto as said;
use comity_wire::proto::ConversationKind;
use comity_wire::{Address, MessageId, limits};
use rusqlite::OptionalExtension;

impl Step<'_> {
    pub(crate) fn say(&mut self, say: Say) -> Result<(), CoreError> {
        let me = self.me()?;
        let id = say.id.unwrap_or_else(|| MessageId::random(self.random));
        let mut content = said::Content {
            message_id: id.to_vec(),
            written_ms: self.now,
            ..Default::default()
        };
        let to = self.addressed(&say.to)?;
        if let Ok(conversation) = &to {
            self.refuse_where_nothing_goes(conversation)?;
            if self.already_said(conversation.id, &content.message_id)? {
                return Ok(());
            }
            self.introduce_before_word(conversation.id)?;
            content.expires_after_s = match &say.what {
                What::Edit { target, .. } | What::React { target, .. } => {
                    self.timer_of(conversation.id, target.as_bytes())?
                }
                What::Delete { .. } => 0,
                _ => self.timer_s(conversation)?,
            };
        }
        match say.what {
            What::Text(text) => {
                check_text(&text)?;
                content.mentions = match &to {
                    Ok(conversation) => self.mentions(conversation, &text, &say.mentions)?,
                    Err(_) => Vec::new(),
                };
                content.body = Some(said::content::Body::Text(said::Text { text }));
            }
            What::Forward {
                conversation,
                message,
            } => {
                content.forwarded = true;
                content.body = Some(self.forwarded(conversation, &message)?);
                if let Some(said::content::Body::Attachment(attachment)) = content.body.clone() {
                    let to = to.map_err(|_| first_is_a_text())?;
                    content.fallback.clone_from(&attachment.file_name);
                    self.insert_own(&to, &content, &me.address)?;
                    let source = self.kept_copy(conversation, &message)?;
                    return self.start_renewal(to.id, content.message_id, source, &attachment);
                }
            }
            What::File {
                path,
                file_name,
                media_type,
                size,
                caption,
                look,
            } => {
                check_file(&file_name, &caption, size)?;
                let attachment = said::Attachment {
                    kind: kind_of(&media_type, look.voice).into(),
                    width: look.width,
                    height: look.height,
                    duration_ms: look.duration_ms,
                    preview: preview_of(&look)?,
                    file_name,
                    media_type,
                    size,
                    caption,
                    ..Default::default()
                };
                let conversation = to.map_err(|_| first_is_a_text())?;
                content.mentions =
                    self.mentions(&conversation, &attachment.caption, &say.mentions)?;
                content.fallback.clone_from(&attachment.file_name);
                content.quote = self.quote(conversation.id, say.quote)?;
                content.body = Some(said::content::Body::Attachment(attachment.clone()));
                self.insert_own(&conversation, &content, &me.address)?;
                return self.start_upload(
                    "message",
                    Some(conversation.id),
                    Some(content.message_id),
                    Source::File(path),
                    attachment,
                );
            }
            What::React { target, emoji } => {
                let conversation = self.existing(to, &target)?;
                let reaction = Reaction::arrive(target.as_bytes(), &emoji)
                    .map_err(|_| CoreError::Refused("a reaction is one emoji".into()))?;
                let expires_ms = self.expiry(content.expires_after_s, self.now);
                self.before_change(conversation.id, &content.message_id, target.as_bytes())?;
                self.set_reaction(
                    conversation.id,
                    &me.address,
                    &reaction,
                    self.now,
                    expires_ms,
                )?;
                content.body = Some(said::content::Body::Reaction(said::Reaction {
                    target: target.to_vec(),
                    emoji,
                }));
                return self.enqueue(conversation.id, &content);
            }
            What::Edit { target, text } => {
                check_text(&text)?;
                let conversation = self.existing(to, &target)?;
                self.check_own_recent(conversation.id, &target, window_ms(true))?;
                self.check_is_text(conversation.id, &target)?;
                content.mentions = self.mentions(&conversation, &text, &say.mentions)?;
                self.before_change(conversation.id, &content.message_id, target.as_bytes())?;
                let edited = Edited {
                    text: &text,
                    mentions: &content.mentions,
                    expires_ms: None,
                };
                self.set_text(conversation.id, target.as_bytes(), edited, self.now)?;
                self.item_changed(conversation.id, target.as_bytes())?;
                content.body = Some(said::content::Body::Edit(said::Edit {
                    target: target.to_vec(),
                    text,
                }));
                return self.enqueue(conversation.id, &content);
            }
            What::Delete { target } => {
                let conversation = self.existing(to, &target)?;
                self.check_own_recent(conversation.id, &target, window_ms(false))?;
                self.before_change(conversation.id, &content.message_id, target.as_bytes())?;
                self.blank(conversation.id, target.as_bytes())?;
                self.item_changed(conversation.id, target.as_bytes())?;
                content.body = Some(said::content::Body::Deletion(said::Deletion {
                    target: target.to_vec(),
                }));
                return self.enqueue(conversation.id, &content);
            }
        }
        match to {
            Ok(conversation) => {
                content.quote = self.quote(conversation.id, say.quote)?;
                self.insert_own(&conversation, &content, &me.address)?;
                self.enqueue(conversation.id, &content)
            }
            // Both agreed already: the conversation is on its way to this device.
            Err(address) if self.is_accepted(&address)? => {
                let conversation = self.insert_conversation(
                    None,
                    ConversationKind::Direct.into(),
                    Some(&address),
                    State::Known,
                )?;
                self.insert_own(&conversation, &content, &me.address)?;
                self.enqueue(conversation.id, &content)
            }
            Err(address) => {
                let conversation = self.introduce(&address, &content)?;
                self.insert_own(&conversation, &content, &me.address)
            }
        }
    }

    /// The conversation that is meant, or the stranger.
    fn addressed(&mut self, to: &Whom) -> Result<Result<Conversation, Address>, CoreError> {
        match to {
            Whom::Conversation(id) => Ok(Ok(self.conversation(*id)?)),
            Whom::Myself => {
                self.upkeep_self_conversation()?;
                self.self_conversation()?.map(Ok).ok_or(CoreError::NotNow(
                    "the conversation with oneself is not there yet",
                ))
            }
            Whom::Person(address) if *address == self.me()?.address => {
                self.addressed(&Whom::Myself)
            }
            Whom::Person(address) => {
                if self.is_blocked(address)? {
                    return Err(CoreError::Refused(
                        "this person is blocked: unblock them first".into(),
                    ));
                }
                // Writing to someone who asked is accepting them.
                if self.conversation_with(address)?.is_none() && self.asks(address)? {
                    self.accept(address)?;
                }
                match self.conversation_with(address)? {
                    Some(conversation) => Ok(Ok(conversation)),
                    None if crate::contacts::known_manifest(self.tx, address)?.is_some() => {
                        Ok(Err(address.clone()))
                    }
                    None => Err(CoreError::NoSuch("contact")),
                }
            }
        }
    }

    fn refuse_where_nothing_goes(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        let moved: bool = match &conversation.peer {
            Some(peer) => self
                .tx
                .query_row(
                    // An account is its address: whose key was compared is known by more than a number.
                    "SELECT alias_moved AND verified_root IS NOT root_key FROM contact WHERE address = ?1",
                    [peer.to_string()],
                    |row| row.get(0),
                )
                .optional()?
                .unwrap_or(false),
            None => false,
        };
        match conversation.state {
            State::Left if conversation.peer.is_some() => Err(CoreError::AccountGone),
            State::Left => Err(CoreError::Refused(
                "this device is no longer in the conversation".into(),
            )),
            State::Refused => Err(CoreError::Refused(
                "the app changed this conversation against its rules: nothing is sent".into(),
            )),
            _ if moved => Err(CoreError::Refused(
                "this number belongs to someone else now: look up their new number, or compare safety numbers, before you write on".into(),
            )),
            _ if self.is_leaving(conversation.id)? => Err(CoreError::Refused(
                "you are leaving this group: nothing more is said".into(),
            )),
            _ if !self.may_say(conversation)? => {
                Err(CoreError::Refused("only admins speak in this group".into()))
            }
            _ => Ok(()),
        }
    }

    fn already_said(&self, conversation: i64, message_id: &[u8]) -> Result<bool, CoreError> {
        Ok(self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND message_id = ?2)
                 OR EXISTS (SELECT 1 FROM send_queue WHERE conversation = ?1 AND message_id = ?2)",
            (conversation, message_id),
            |row| row.get(0),
        )?)
    }

    fn existing(
        &self,
        to: Result<Conversation, Address>,
        target: &MessageId,
    ) -> Result<Conversation, CoreError> {
        let conversation = to.map_err(|_| CoreError::NoSuch("message"))?;
        let known: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND message_id = ?2 AND kind <> 'notice')",
            (conversation.id, target.to_vec()),
            |row| row.get(0),
        )?;
        if known {
            Ok(conversation)
        } else {
            Err(CoreError::NoSuch("message"))
        }
    }

    fn check_own_recent(
        &self,
        conversation: i64,
        target: &MessageId,
        window_ms: i64,
    ) -> Result<(), CoreError> {
        let (own, at_ms): (bool, i64) = self.tx.query_row(
            "SELECT outgoing AND deleted = 0, at_ms FROM message WHERE conversation = ?1 AND message_id = ?2",
            (conversation, target.to_vec()),
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        if !own {
            return Err(CoreError::Refused(
                "only its author changes a message".into(),
            ));
        }
        if self.now.saturating_sub(at_ms) > window_ms {
            return Err(CoreError::Refused(
                "the time in which this message could be changed is over".into(),
            ));
        }
        Ok(())
    }

    fn check_is_text(&self, conversation: i64, target: &MessageId) -> Result<(), CoreError> {
        let kind: String = self.tx.query_row(
            "SELECT kind FROM message WHERE conversation = ?1 AND message_id = ?2",
            (conversation, target.to_vec()),
            |row| row.get(0),
        )?;
        if kind == "text" {
            Ok(())
        } else {
            Err(CoreError::Refused("only a text can be changed".into()))
        }
    }

    fn quote(
        &self,
        conversation: i64,
        quote: Option<MessageId>,
    ) -> Result<Option<said::Quote>, CoreError> {
        let Some(quote) = quote else { return Ok(None) };
        let row: Option<(String, String)> = self
            .tx
            .query_row(
                "SELECT author, text FROM message WHERE conversation = ?1 AND message_id = ?2",
                (conversation, quote.to_vec()),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let Some((author, mut text)) = row else {
            return Err(CoreError::NoSuch("message to quote"));
        };
        // Words that disappear are not copied: each screen takes them from the message itself.
        if self.timer_of(conversation, quote.as_bytes())? > 0 {
            text.clear();
        }
        let author: Address = author.parse().map_err(|_| CoreError::Damaged("author"))?;
        Ok(Some(said::Quote {
            message_id: quote.to_vec(),
            author: Some(proto_address(&author)),
            preview: text.chars().take(arrived::QUOTE_CHARS_MAX).collect(),
        }))
    }

    fn insert_own(
        &mut self,
        conversation: &Conversation,
        content: &said::Content,
        author: &Address,
    ) -> Result<(), CoreError> {
        let device = self.me()?.keys.id();
        self.insert_message(NewMessage {
            conversation: conversation.id,
            seq: None,
            author: author.clone(),
            author_device: device,
            outgoing: true,
            at_ms: self.now,
            line: &Line::new(content.clone())?,
            content_bytes: None,
            status: "queued",
            franking: None,
            told_by: None,
        })
    }
}

fn first_is_a_text() -> CoreError {
    CoreError::Refused("the first message to someone is a text".into())
}

/// Shows by itself: no space, and nothing that only changes how its neighbours look (zero-width, joiners, directions).
fn is_seen(letter: char) -> bool {
    let unseen = matches!(
        letter,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}'
    );
    !unseen && !letter.is_whitespace() && !letter.is_control()
}

fn check_text(text: &str) -> Result<(), CoreError> {
    if !text.chars().any(is_seen) {
        return Err(CoreError::Refused("an empty text is not sent".into()));
    }
    if text.len() > limits::TEXT_BYTES_MAX {
        return Err(CoreError::Refused(format!(
            "a text has at most {} bytes",
            limits::TEXT_BYTES_MAX
        )));
    }
    Ok(())
}

fn check_file(file_name: &str, caption: &str, size: u64) -> Result<(), CoreError> {
    if size > limits::ATTACHMENT_BYTES_MAX {
        return Err(CoreError::Refused(format!(
            "a file has at most {} bytes",
            limits::ATTACHMENT_BYTES_MAX
        )));
    }
    if file_name.is_empty()
        || file_name.len() > arrived::NAME_BYTES_MAX
        || caption.len() > limits::TEXT_BYTES_MAX
    {
        return Err(CoreError::Refused(
            "a file name has 1 to 255 bytes, a caption the length of a text".into(),
        ));
    }
    Ok(())
}

/// What is said of a file must be what others take.
fn preview_of(look: &Look) -> Result<Vec<u8>, CoreError> {
    if look.preview.0.len() > arrived::PREVIEW_BYTES_MAX {
        return Err(CoreError::Refused("a preview is at most 4 KiB".into()));
    }
    Ok(look.preview.0.clone())
}

fn kind_of(media_type: &str, voice: bool) -> said::AttachmentKind {
    match media_type.split('/').next() {
        Some("audio") if voice => said::AttachmentKind::Voice,
        Some("image") => said::AttachmentKind::Image,
        Some("video") => said::AttachmentKind::Video,
        Some("audio") => said::AttachmentKind::Audio,
        _ => said::AttachmentKind::File,
    }
}
