//! Entries opened and applied.

use super::arrived::{Reaction, Said};
use super::refused::window_ms;
use super::{Edited, NewMessage, mentions};
use crate::CoreError;
use crate::conversations::Conversation;
use crate::step::{Hint, Step};
use comity_content::{Message as _, proto as said};
use comity_e2ee::engine::{EngineError, Unreadable};
use comity_e2ee::envelope::{self, Opened};
use comity_membership::{Member, franking};
use comity_wire::Address;
use comity_wire::proto::{self, ConversationKind};
use rusqlite::OptionalExtension;

/// The clock of who revoked a device, and that of the hub, may be so far apart.
const CLOCKS_APART_MS: i64 = 300_000;

/// After a hint that was followed none is for so long: in a large group, where all follow it, longer.
const HINT_WAIT_MS: i64 = 60_000;
const HINT_WAIT_EACH_MS: i64 = 1_000;
const HINT_WAIT_MAX_MS: i64 = 6 * 3_600_000;

/// Stable word for why an entry can not be read.
fn reason(error: &EngineError) -> &'static str {
    match error {
        EngineError::StaleEpoch | EngineError::Unreadable(Unreadable::EpochGone) => "epoch_gone",
        EngineError::FutureEpoch => "epoch_ahead",
        EngineError::SecretReused => "secret_used",
        EngineError::OwnMessage => "own_message",
        EngineError::ForkSuspected => "fork_suspected",
        EngineError::Unreadable(Unreadable::TooFarAhead) => "too_far_ahead",
        EngineError::Unreadable(Unreadable::Sender) => "sender_unknown",
        EngineError::Unreadable(Unreadable::Undecryptable) => "undecryptable",
        _ => "malformed",
    }
}

impl Step<'_> {
    /// A content entry whose turn it is.
    pub(crate) fn content_entry(
        &mut self,
        conversation: &mut Conversation,
        entry: &proto::Entry,
    ) -> Result<(), CoreError> {
        if self.take_own_entry(conversation, entry)? {
            return Ok(());
        }
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let decrypted = match self
            .groups
            .session(self.tx, &me.keys, &me.address)
            .decrypt(&id, &entry.body)
        {
            Ok(decrypted) => decrypted,
            Err(EngineError::Storage(error)) => return Err(EngineError::Storage(error).into()),
            Err(error) => return self.unreadable(conversation, entry, &error),
        };
        let opened = match envelope::open(
            &decrypted.plaintext,
            &decrypted.authenticated_data,
            &decrypted.sender,
        ) {
            Ok(opened) => opened,
            Err(_) => {
                self.warn("franking_invalid", Some(conversation.id));
                self.insert_unreadable(
                    conversation,
                    entry,
                    &decrypted.sender.address,
                    "malformed",
                )?;
                return Ok(());
            }
        };
        self.check_author_position(conversation, &decrypted.sender.device, &opened)?;
        if !self.could_say(conversation, entry, &decrypted.sender)? {
            // A device that its account no longer listed then: its words are not shown.
            self.warn("author_revoked", Some(conversation.id));
            return Ok(());
        }
        let direct_blocked = conversation.kind == ConversationKind::Direct as i32
            && decrypted.sender.address != me.address
            && self.is_blocked(&decrypted.sender.address)?;
        if direct_blocked {
            return Ok(());
        }
        self.apply(
            conversation,
            entry,
            &decrypted.sender,
            &opened,
            &decrypted.authenticated_data,
        )
    }

    /// Whether the account listed its device when the hub took the entry. What a device said before
    /// it was revoked stands, also with who reads it only after: all have the same history. The hub
    /// says when it was; where the log went on after the revocation, nothing is from before it.
    fn could_say(
        &self,
        conversation: &Conversation,
        entry: &proto::Entry,
        sender: &Member,
    ) -> Result<bool, CoreError> {
        let list = crate::contacts::known_manifest(self.tx, &sender.address)?;
        let Some(list) = list.filter(|list| list.manifest.revoked.contains(&sender.device)) else {
            return Ok(true);
        };
        let until_ms = list.manifest.at_ms.saturating_add(CLOCKS_APART_MS);
        let went_on: bool = self
            .tx
            .prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM message WHERE conversation = ?1
                     AND seq > 0 AND seq < ?2 AND at_ms > ?3 AND kind <> 'notice')",
            )?
            .query_row((conversation.id, entry.seq, until_ms), |row| row.get(0))?;
        Ok(entry.at_ms <= until_ms && !went_on)
    }

    fn unreadable(
        &mut self,
        conversation: &mut Conversation,
        entry: &proto::Entry,
        error: &EngineError,
    ) -> Result<(), CoreError> {
        if matches!(error, EngineError::SecretReused | EngineError::OwnMessage)
            && self.is_own_device_entry(conversation, entry)?
        {
            return Ok(());
        }
        if self.stood_before(conversation.id, entry)? {
            self.warn_once("contents_repeated", conversation.id);
            return Ok(());
        }
        let nobody = Address::new(self.app()?, comity_wire::AccountId::new([0; 16]));
        let line = self.insert_unreadable(conversation, entry, &nobody, reason(error))?;
        self.note_missing(conversation.id, entry.seq, entry.seq, &line)?;
        let fork = matches!(error, EngineError::ForkSuspected | EngineError::FutureEpoch)
            || (matches!(error, EngineError::Unreadable(Unreadable::Undecryptable))
                && self.is_of_another_branch(conversation, entry)?);
        if fork && self.is_hint_followed(conversation.id)? {
            return self.heal(conversation, "fork_suspected");
        }
        // Words of this device that it does not know: its store is an older copy, and what it says
        // next would be sealed under keys that were used. A new leaf has new ones.
        if matches!(error, EngineError::OwnMessage) {
            // Where the hub says that this device has read them, a copy did: that is dealt with
            // once all of it was read.
            if self.mem.ahead.contains_key(&conversation.id) {
                return Ok(());
            }
            if self.is_hint_followed(conversation.id)? {
                return self.heal(conversation, "was_restored");
            }
        }
        self.warn("entry_unreadable", Some(conversation.id));
        Ok(())
    }

    /// Whether an entry that does not decrypt says that its author's epoch of this number is
    /// another one than ours. Only a hint: nothing vouches for it.
    fn is_of_another_branch(
        &mut self,
        conversation: &Conversation,
        entry: &proto::Entry,
    ) -> Result<bool, CoreError> {
        let header = comity_membership::private_message_facts(&entry.body)
            .ok()
            .and_then(|facts| {
                let header = franking::Header::decode(&facts.authenticated_data).ok()?;
                Some((facts.epoch, header))
            });
        let Some((epoch, header)) = header else {
            return Ok(false);
        };
        let me = self.me()?;
        let id = conversation.cid()?.clone();
        let mut mls = self.groups.session(self.tx, &me.keys, &me.address);
        Ok(mls.epoch(&id)? == epoch && mls.epoch_authenticator(&id)? != header.epoch_authenticator)
    }

    /// Whether a hint that a conversation needs repair, which any member can make up, is followed. Each
    /// makes the next one wait twice as long, so that nobody keeps the others from talking. What is
    /// not followed stays a line that is asked for.
    fn is_hint_followed(&mut self, conversation: i64) -> Result<bool, CoreError> {
        let known = self.mem.hints.get(&conversation).copied();
        let wait_ms = match known {
            Some(hint) if self.now < hint.until_ms => return Ok(false),
            // After as long a silence it is as if there had been none.
            Some(hint) if self.now < hint.until_ms.saturating_add(hint.wait_ms) => {
                hint.wait_ms.saturating_mul(2).min(HINT_WAIT_MAX_MS)
            }
            _ => HINT_WAIT_MS + self.members(conversation)?.len() as i64 * HINT_WAIT_EACH_MS,
        };
        let until_ms = self.now + wait_ms;
        self.mem
            .hints
            .insert(conversation, Hint { until_ms, wait_ms });
        Ok(true)
    }

    /// An own entry that was already taken (its answer came before the log did).
    fn is_own_device_entry(
        &self,
        conversation: &Conversation,
        entry: &proto::Entry,
    ) -> Result<bool, CoreError> {
        Ok(self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM message WHERE conversation = ?1 AND seq = ?2 AND outgoing = 1)",
            (conversation.id, entry.seq),
            |row| row.get(0),
        )?)
    }

    fn insert_unreadable(
        &mut self,
        conversation: &Conversation,
        entry: &proto::Entry,
        author: &Address,
        why: &str,
    ) -> Result<[u8; 16], CoreError> {
        let message_id: [u8; 16] = self.random_bytes();
        self.tx.execute(
            "INSERT INTO message (conversation, seq, message_id, author, author_device, outgoing, at_ms, kind, status, text, content, failure)
             VALUES (?1, ?2, ?3, ?4, zeroblob(16), 0, ?5, 'unreadable', 'received', '', x'', ?6)",
            rusqlite::params![conversation.id, entry.seq, message_id, author.to_string(), entry.at_ms, why],
        )?;
        if let Some(item) = crate::views::item_by_message(self.tx, conversation.id, &message_id)? {
            self.event(crate::Event::Item {
                conversation: conversation.id,
                item,
            });
        }
        self.count_one_more(conversation.id, &message_id)?;
        Ok(message_id)
    }

    fn apply(
        &mut self,
        conversation: &Conversation,
        entry: &proto::Entry,
        sender: &Member,
        opened: &Opened,
        header: &[u8],
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        let own = sender.address == me.address;
        let said = match Said::arrive(opened.content.clone()) {
            Ok(said) => said,
            Err(unfit) => {
                self.warn("entry_unreadable", Some(conversation.id));
                self.insert_unreadable(conversation, entry, &sender.address, unfit.0)?;
                return Ok(());
            }
        };
        // Only own devices in the conversation with oneself may steer this one.
        let from_own_device = own && conversation.kind == ConversationKind::Self_ as i32;
        let at_ms = entry.at_ms;
        let expires_ms = self.expiry(opened.content.expires_after_s, at_ms);
        match said {
            Said::Reaction(reaction) => self.apply_reaction(
                conversation.id,
                &sender.address,
                &reaction,
                at_ms,
                expires_ms,
            ),
            Said::Edit { target, text } => self.apply_amendment(
                conversation.id,
                &sender.address,
                target.as_bytes(),
                Some(Edited {
                    text: &text,
                    mentions: &opened.content.mentions,
                    expires_ms,
                }),
                at_ms,
            ),
            Said::Deletion { target } => self.apply_amendment(
                conversation.id,
                &sender.address,
                target.as_bytes(),
                None,
                at_ms,
            ),
            Said::ProfileShared { .. } if own => Ok(()),
            Said::ProfileShared { key, ask } => {
                self.profile_shared(&sender.address, &key)?;
                if ask {
                    self.profile_asked(conversation, &sender.address)?;
                }
                Ok(())
            }
            Said::HistoryPart(part) if from_own_device => self.history_part(&part),
            Said::DeviceSync(sync) if from_own_device => self.device_sync(&sync),
            Said::HistoryPart(_) | Said::DeviceSync(_) => Ok(()),
            Said::Left => self.says_left(conversation, &sender.address),
            Said::Unread(question) => self.unread_asked(conversation, sender, &question),
            Said::Again(again) => self.said_again(conversation, sender, &again),
            Said::GroupHistory(given) => self.group_history(conversation, &sender.address, &given),
            Said::Line(line) => self.insert_message(NewMessage {
                conversation: conversation.id,
                seq: Some(entry.seq),
                author: sender.address.clone(),
                author_device: sender.device,
                outgoing: own,
                at_ms,
                line: &line,
                content_bytes: Some(&opened.content_bytes),
                status: if own { "sent" } else { "received" },
                franking: Some([
                    opened.franking_key.to_vec(),
                    opened.sender_nonce.to_vec(),
                    header.to_vec(),
                    entry.seal.clone(),
                ]),
                told_by: None,
            }),
        }
    }

    /// A reaction that the log has.
    pub(crate) fn apply_reaction(
        &mut self,
        conversation: i64,
        author: &Address,
        reaction: &Reaction,
        at_ms: i64,
        expires_ms: Option<i64>,
    ) -> Result<(), CoreError> {
        if *author == self.me()?.address
            && self.reacted_before(conversation, reaction, at_ms, expires_ms)?
        {
            return Ok(());
        }
        self.set_reaction(conversation, author, reaction, at_ms, expires_ms)
    }

    /// A reaction is shown from now on.
    pub(super) fn set_reaction(
        &mut self,
        conversation: i64,
        author: &Address,
        reaction: &Reaction,
        at_ms: i64,
        expires_ms: Option<i64>,
    ) -> Result<(), CoreError> {
        let target = reaction.target.as_bytes();
        // Of a deleted line nothing stays, in whatever order the two came; while the deletion is on its way
        // the line may come back. One that was taken back stays as an empty one: an older archive does not
        // bring it again.
        self.tx.execute(
            "INSERT OR REPLACE INTO reaction (conversation, target, author, emoji, at_ms, expires_ms)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE NOT EXISTS
                 (SELECT 1 FROM message WHERE conversation = ?1 AND message_id = ?2 AND deleted = 1)
                 OR EXISTS (SELECT 1 FROM before_change WHERE conversation = ?1 AND target = ?2)",
            (conversation, target, author.to_string(), &reaction.emoji, at_ms, expires_ms),
        )?;
        self.item_changed(conversation, target)
    }

    /// An own entry has its place in the log: what it changed counts from there, after whatever
    /// stood before it and came to this device only since it was said here.
    pub(super) fn own_change_in_place(
        &mut self,
        conversation: i64,
        content: &said::Content,
        (seq, at_ms): (u64, i64),
    ) -> Result<(), CoreError> {
        let me = self.me()?;
        match &content.body {
            Some(said::content::Body::Reaction(said)) => {
                let Ok(reaction) = Reaction::arrive(&said.target, &said.emoji) else {
                    return Ok(());
                };
                let expires_ms = self.expiry(content.expires_after_s, at_ms);
                self.apply_reaction(conversation, &me.address, &reaction, at_ms, expires_ms)
            }
            Some(said::content::Body::Edit(said)) => {
                let edited = Edited {
                    text: &said.text,
                    mentions: &content.mentions,
                    expires_ms: self.expiry(content.expires_after_s, at_ms),
                };
                self.apply_amendment(conversation, &me.address, &said.target, Some(edited), at_ms)
            }
            Some(said::content::Body::Deletion(said)) => {
                self.apply_amendment(conversation, &me.address, &said.target, None, at_ms)
            }
            Some(said::content::Body::ProfileShared(_) | said::content::Body::Unread(_)) => {
                self.showed_nothing(conversation, seq)
            }
            _ => Ok(()),
        }
    }

    /// An edit (with text) or a deletion (without) by `author` that the log has.
    pub(crate) fn apply_amendment(
        &mut self,
        conversation: i64,
        author: &Address,
        target: &[u8],
        edited: Option<Edited<'_>>,
        at_ms: i64,
    ) -> Result<(), CoreError> {
        let known: Option<(String, i64, String)> = self
            .tx
            .query_row(
                "SELECT author, at_ms, kind FROM message WHERE conversation = ?1 AND message_id = ?2",
                (conversation, target),
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((written_by, written_ms, kind)) = known else {
            // Its target may come later, with history. What was deleted stays so.
            let mentions = edited.map(|edited| {
                said::Content {
                    mentions: edited.mentions.to_vec(),
                    ..Default::default()
                }
                .encode_to_vec()
            });
            self.tx.execute(
                "INSERT INTO amendment (conversation, target, author, text, mentions, at_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (conversation, target, author) DO UPDATE SET text = excluded.text, mentions = excluded.mentions,
                     at_ms = excluded.at_ms, expires_ms = excluded.expires_ms WHERE amendment.text IS NOT NULL",
                (
                    conversation, target, author.to_string(), edited.map(|edited| edited.text), mentions, at_ms,
                    edited.and_then(|edited| edited.expires_ms),
                ),
            )?;
            return Ok(());
        };
        if written_by != author.to_string()
            || at_ms.saturating_sub(written_ms) > window_ms(edited.is_some())
            || (edited.is_some() && kind == "notice")
        {
            self.warn("amendment_refused", Some(conversation));
            return Ok(());
        }
        match edited {
            Some(edited) => {
                self.retext(conversation, target, edited, at_ms)?;
            }
            None => {
                // Nor does it come back when something else is refused.
                for table in ["reaction", "before_change"] {
                    self.tx.execute(
                        &format!("DELETE FROM {table} WHERE conversation = ?1 AND target = ?2"),
                        (conversation, target),
                    )?;
                }
                self.blank(conversation, target)?;
            }
        }
        self.item_changed(conversation, target)
    }

    /// A line shows that it was deleted. The content itself goes, with what would be needed to show or report
    /// it; its reactions are not shown.
    pub(super) fn blank(&mut self, conversation: i64, target: &[u8]) -> Result<(), CoreError> {
        self.tx.execute(
            "UPDATE message SET text = '', content = x'', deleted = 1, franking_key = NULL, sender_nonce = NULL, header = NULL, seal = NULL
             WHERE conversation = ?1 AND message_id = ?2",
            (conversation, target),
        )?;
        mentions::forget(self.tx, conversation, target)?;
        self.count_unread(conversation)
    }

    /// A text is another now, as the log has it. `edited` keeps since when (stores of before have 1 there): an older
    /// archive does not bring an older text again.
    pub(crate) fn retext(
        &mut self,
        conversation: i64,
        target: &[u8],
        edited: Edited<'_>,
        at_ms: i64,
    ) -> Result<(), CoreError> {
        if self.retexted_before(conversation, target, edited, at_ms.max(1))? {
            return Ok(());
        }
        self.set_text(conversation, target, edited, at_ms)
    }

    /// A line shows another text.
    pub(super) fn set_text(
        &mut self,
        conversation: i64,
        target: &[u8],
        edited: Edited<'_>,
        at_ms: i64,
    ) -> Result<(), CoreError> {
        let changed = self.tx.execute(
            "UPDATE message SET text = ?3, edited = ?4 WHERE conversation = ?1 AND message_id = ?2 AND deleted = 0 AND kind = 'text'",
            (conversation, target, edited.text, at_ms.max(1)),
        )?;
        if changed > 0 {
            mentions::store(self.tx, conversation, target, edited.text, edited.mentions)?;
        }
        Ok(())
    }

    /// Edits and deletions that came before their message.
    pub(super) fn apply_amendments(
        &mut self,
        conversation: i64,
        target: &[u8],
        author: &Address,
    ) -> Result<(), CoreError> {
        let waiting: Option<(Option<String>, Option<Vec<u8>>, i64)> = self
            .tx
            .query_row(
                "DELETE FROM amendment WHERE conversation = ?1 AND target = ?2 AND author = ?3 RETURNING text, mentions, at_ms",
                (conversation, target, author.to_string()),
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((text, mentions, at_ms)) = waiting else {
            return Ok(());
        };
        let mentions = said::Content::decode(mentions.unwrap_or_default().as_slice())
            .unwrap_or_default()
            .mentions;
        let edited = text.as_deref().map(|text| Edited {
            text,
            mentions: &mentions,
            expires_ms: None,
        });
        self.apply_amendment(conversation, author, target, edited, at_ms)
    }

    /// The content of a line.
    pub(crate) fn stored_content(
        &self,
        conversation: i64,
        message_id: &[u8],
    ) -> Result<Option<said::Content>, CoreError> {
        let bytes: Option<Vec<u8>> = self
            .tx
            .query_row(
                "SELECT content FROM message WHERE conversation = ?1 AND message_id = ?2",
                (conversation, message_id),
                |row| row.get(0),
            )
            .optional()?;
        bytes
            .map(|bytes| {
                said::Content::decode(bytes.as_slice()).map_err(|_| CoreError::Damaged("message"))
            })
            .transpose()
    }
}
