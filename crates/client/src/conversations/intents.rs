//! Intents: what this device wants of a conversation's membership.
//!
//! Always holds: an intent persists until it is fulfilled; a commit that lost its race is thrown
//! away and made anew from the intent. One commit of this device is under way per conversation.

use super::{Conversation, State};
use crate::calls::Call;
use crate::step::{Request, Step};
use crate::store::meta;
use crate::{CallError, CoreError};
use comity_wire::proto::{self, ConversationKind, client_frame::Act};
use comity_wire::{ConversationId, ErrorCode, Id16, Message as _, WireError};
use rusqlite::OptionalExtension;

/// A row of `intent`.
pub(crate) struct Intent {
    pub(crate) id: i64,
    pub(crate) conversation: i64,
    pub(crate) kind: String,
    pub(crate) frame: Option<Vec<u8>>,
    pub(crate) attempts: i64,
}

/// Times that the details are looked at, without success, before a commit is made all the same.
const LOOKS_BEFORE_COMMIT: i64 = 3;

impl Step<'_> {
    /// Wants something of a conversation, not before `delay_ms` from now.
    pub(crate) fn want(
        &mut self,
        conversation: i64,
        kind: &str,
        delay_ms: i64,
    ) -> Result<(), CoreError> {
        let id = self.fresh_id("intent")?;
        self.tx.execute(
            "INSERT INTO intent (conversation, kind, not_before_ms, id) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (conversation, kind) DO UPDATE SET not_before_ms = min(not_before_ms, excluded.not_before_ms)
                WHERE frame IS NULL",
            (conversation, kind, self.now + delay_ms, id),
        )?;
        self.wake(self.now + delay_ms);
        Ok(())
    }

    /// Wants it now, unless it is wanted already.
    pub(crate) fn want_if_not_wanted(
        &mut self,
        conversation: i64,
        kind: &str,
    ) -> Result<(), CoreError> {
        let wanted: bool = self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM intent WHERE conversation = ?1 AND kind = ?2)",
            (conversation, kind),
            |row| row.get(0),
        )?;
        if wanted {
            Ok(())
        } else {
            self.want(conversation, kind, 0)
        }
    }

    /// A delay by which members of a large conversation do not all act at once.
    pub(crate) fn spread_ms(&mut self, conversation: i64, each_ms: i64) -> Result<i64, CoreError> {
        let members: i64 = self
            .tx
            .prepare_cached("SELECT count(*) FROM member WHERE conversation = ?1")?
            .query_row([conversation], |row| row.get(0))?;
        let part = i64::from(u16::from_be_bytes(self.random_bytes()));
        Ok(part * members.max(1) * each_ms / 65_536)
    }

    /// Brings every conversation's leaves in line with the device lists.
    pub(crate) fn reconcile_all(&mut self, delay_ms: i64) -> Result<(), CoreError> {
        for conversation in self.conversations_in(State::Active)? {
            self.want(conversation.id, "reconcile", delay_ms)?;
        }
        Ok(())
    }

    /// The conversation with oneself exists from the first day.
    pub(crate) fn upkeep_self_conversation(&mut self) -> Result<(), CoreError> {
        let me = self.me()?;
        if me.self_conversation.is_some() || meta::get(self.tx, "rejoin_all")?.unwrap_or(false) {
            return Ok(());
        }
        let id = ConversationId::new(me.address.app.clone(), Id16::random(self.random));
        let row = self.insert_conversation(
            Some(&id),
            ConversationKind::Self_ as i32,
            None,
            State::Creating,
        )?;
        self.change_me(|me| me.self_conversation = Some(id.id))?;
        self.want(row.id, "create", 0)
    }

    /// A leaf that never updated expires and would block joiners: renew it while young.
    pub(crate) fn upkeep_leaves(&mut self) -> Result<(), CoreError> {
        const LEAF_RENEWAL_S: u64 = 7 * 24 * 3_600;
        let me = self.me()?;
        let now_s = u64::try_from(self.now / 1_000).unwrap_or(0);
        for conversation in self.conversations_in(State::Active)? {
            let Some(id) = conversation.conversation.clone() else {
                continue;
            };
            let made = self
                .groups
                .session(self.tx, &me.keys, &me.address)
                .own_leaf_made_s(&id)?;
            if made.is_none_or(|made| now_s.saturating_sub(made) > LEAF_RENEWAL_S) {
                let delay = i64::from(u16::from_be_bytes(self.random_bytes())) * 10;
                self.want(conversation.id, "update", delay)?;
            }
        }
        Ok(())
    }

    pub(crate) fn pump_intents(&mut self) -> Result<(), CoreError> {
        let due: Vec<Intent> = {
            let mut statement = self.tx.prepare_cached(
                "SELECT id, conversation, kind, frame, attempts FROM intent WHERE not_before_ms <= ?1 ORDER BY frame IS NULL, id",
            )?;
            statement
                .query_map([self.now], |row| {
                    Ok(Intent {
                        id: row.get(0)?,
                        conversation: row.get(1)?,
                        kind: row.get(2)?,
                        frame: row.get(3)?,
                        attempts: row.get(4)?,
                    })
                })?
                .collect::<Result<_, _>>()?
        };
        for intent in due {
            if !self.is_under_way(intent.id) {
                self.pursuing(intent.id, |step| step.pursue(&intent))?;
            }
        }
        let next: Option<i64> = self.tx.query_row(
            "SELECT min(not_before_ms) FROM intent WHERE not_before_ms > ?1",
            [self.now],
            |row| row.get(0),
        )?;
        if let Some(next) = next {
            self.wake(next);
        }
        Ok(())
    }

    fn is_under_way(&self, intent: i64) -> bool {
        self.mem
            .requests
            .values()
            .any(|request| request.intent() == Some(intent))
            || self
                .mem
                .calls
                .values()
                .any(|call| matches!(call, Call::KeyPackagesFor(lot) if lot.intent == intent))
    }

    fn pursue(&mut self, intent: &Intent) -> Result<(), CoreError> {
        let conversation = self.conversation(intent.conversation)?;
        if let Some(frame) = &intent.frame {
            // Sent before, answer unknown: the same bytes again, answered only once.
            let commit = proto::SubmitCommit::decode(frame.as_slice())
                .map_err(|_| CoreError::Damaged("intent"))?;
            if conversation.state == State::Rejoining || conversation.is_caught_up() {
                self.request(
                    Request::Commit { intent: intent.id },
                    Act::SubmitCommit(commit),
                );
            }
            return Ok(());
        }
        let over = !conversation.is_active()
            && !matches!(conversation.state, State::Creating | State::Rejoining);
        match intent.kind.as_str() {
            "create" => self.pursue_create(intent, conversation),
            "rejoin" => self.pursue_rejoin(intent, &conversation),
            // The own other devices may have what was missed before the end.
            "ask" if over => self.pursue_ask(intent, &conversation),
            _ if over => self.fulfilled(intent.id),
            _ if !conversation.is_caught_up() || self.is_reading(&conversation) => Ok(()),
            "leave" => self.pursue_leave(intent, &conversation),
            "details" => self.pursue_details(intent, &conversation),
            "ask" => self.pursue_ask(intent, &conversation),
            // A commit carries the details: what is newer at the hub is taken first.
            "reconcile" | "update"
                if !self.has_commit_under_way(conversation.id)?
                    && !self.are_details_first(conversation.id)? =>
            {
                self.pursue_membership(intent, &conversation)
            }
            _ => Ok(()),
        }
    }

    /// Does something for an intent. When it can not be done, what was wished is given up, and the
    /// person is told; what else the intent is for is tried later. It keeps nobody from anything
    /// else, now or in the next step.
    pub(crate) fn pursuing(
        &mut self,
        intent: i64,
        what: impl FnOnce(&mut Self) -> Result<(), CoreError>,
    ) -> Result<(), CoreError> {
        let Err(error) = self.attempt(what)? else {
            return Ok(());
        };
        let Some(intent) = self.intent_row(intent)? else {
            return Ok(());
        };
        let details = match intent.kind.as_str() {
            "details" => true,
            "reconcile" => false,
            _ => return self.try_later(&intent),
        };
        for wish in self.wishes(intent.conversation)? {
            if wish.is_detail() == details {
                self.wish_failed(&wish, error.code(), &error.to_string())?;
            }
        }
        self.try_later(&intent)
    }

    /// Whether the details are another's now and still to be looked at: then that is done, before a
    /// commit puts what this device knows in their place. What keeps failing holds up no commit.
    fn are_details_first(&mut self, conversation: i64) -> Result<bool, CoreError> {
        if !self.mem.details_unseen.contains_key(&conversation) {
            return self.are_details_under_way(conversation);
        }
        let details: Option<(i64, i64)> = self
            .tx
            .prepare_cached(
                "SELECT id, not_before_ms FROM intent
                 WHERE conversation = ?1 AND kind = 'details' AND attempts <= ?2",
            )?
            .query_row((conversation, LOOKS_BEFORE_COMMIT), |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        let Some((intent, due_ms)) = details else {
            return Ok(false);
        };
        if due_ms > self.now {
            self.tx.execute(
                "UPDATE intent SET not_before_ms = ?2 WHERE id = ?1",
                (intent, self.now),
            )?;
            self.wake(self.now);
        }
        Ok(true)
    }

    fn are_details_under_way(&self, conversation: i64) -> Result<bool, CoreError> {
        let details: Option<i64> = self
            .tx
            .prepare_cached("SELECT id FROM intent WHERE conversation = ?1 AND kind = 'details'")?
            .query_row([conversation], |row| row.get(0))
            .optional()?;
        Ok(details.is_some_and(|intent| self.is_under_way(intent)))
    }

    pub(super) fn has_commit_under_way(&self, conversation: i64) -> Result<bool, CoreError> {
        Ok(self.tx.query_row(
            "SELECT EXISTS (SELECT 1 FROM intent WHERE conversation = ?1 AND frame IS NOT NULL)",
            [conversation],
            |row| row.get(0),
        )?)
    }

    pub(crate) fn fulfilled(&mut self, intent: i64) -> Result<(), CoreError> {
        self.mem.joining.remove(&intent);
        self.tx
            .execute("DELETE FROM intent WHERE id = ?1", [intent])?;
        Ok(())
    }

    pub(crate) fn intent_row(&self, id: i64) -> Result<Option<Intent>, CoreError> {
        Ok(self
            .tx
            .query_row(
                "SELECT id, conversation, kind, frame, attempts FROM intent WHERE id = ?1",
                [id],
                |row| {
                    Ok(Intent {
                        id: row.get(0)?,
                        conversation: row.get(1)?,
                        kind: row.get(2)?,
                        frame: row.get(3)?,
                        attempts: row.get(4)?,
                    })
                },
            )
            .optional()?)
    }

    pub(crate) fn try_later(&mut self, intent: &Intent) -> Result<(), CoreError> {
        let wait = self.back_off_ms(intent.attempts);
        self.put_off(intent, wait)
    }

    /// What was made for it is thrown away, and it is weighed anew in so long.
    pub(crate) fn put_off(&mut self, intent: &Intent, wait_ms: i64) -> Result<(), CoreError> {
        let at = self.now + wait_ms;
        self.tx.execute(
            "UPDATE intent SET attempts = attempts + 1, not_before_ms = ?2, frame = NULL, idempotency_key = NULL WHERE id = ?1",
            (intent.id, at),
        )?;
        self.wake(at);
        Ok(())
    }

    pub(crate) fn intent_refused(
        &mut self,
        intent: i64,
        error: &WireError,
    ) -> Result<(), CoreError> {
        let Some(row) = self.intent_row(intent)? else {
            return Ok(());
        };
        let mut conversation = self.conversation(row.conversation)?;
        // Whether it was taken is not known: another app's hub may have, and the answer was lost
        // behind the own app. The same bytes go again, and are answered with what came of them.
        if row.frame.is_some() && says_nothing_of_the_hub(error.code) {
            self.failed(&row.kind, &CallError::Refused(error.clone()));
            return self.send_again(&row, error.retry_after_ms);
        }
        if row.frame.is_some() {
            self.drop_pending(&conversation)?;
        }
        match error.code {
            // Lost the race: the winner is in the log; the intent is weighed anew after it.
            ErrorCode::StaleEpoch => {
                self.tx.execute(
                    "UPDATE intent SET frame = NULL, idempotency_key = NULL WHERE id = ?1",
                    [intent],
                )?;
                if row.kind == "rejoin" {
                    return self.try_later(&row);
                }
                let (hub, log) = conversation.wire_log(self);
                self.fetch(&hub, &log, conversation.next_seq - 1);
                Ok(())
            }
            ErrorCode::NotMember | ErrorCode::Forbidden | ErrorCode::NotFound
                if row.kind == "rejoin" =>
            {
                if self.joining_by(&conversation)?.is_some() {
                    return self.invitation_refused(&conversation, error);
                }
                if self.is_leaving(conversation.id)? {
                    return self.close_left(&mut conversation);
                }
                if row.attempts >= 4 {
                    return self.shut_out(&mut conversation);
                }
                self.try_later(&row)
            }
            // Out of it, and no entry said so: the last account that leaves is out at once.
            ErrorCode::NotMember | ErrorCode::NotFound
                if matches!(row.kind.as_str(), "reconcile" | "update") =>
            {
                self.try_later(&row)?;
                let (hub, log) = conversation.wire_log(self);
                self.log_closed(&hub, &log)
            }
            // A removal that the app proposed in the meantime was not in it: no more than a lost race.
            ErrorCode::MlsInvalid
                if matches!(row.kind.as_str(), "reconcile" | "update") && row.attempts < 2 =>
            {
                let (hub, log) = conversation.wire_log(self);
                self.fetch(&hub, &log, conversation.next_seq - 1);
                self.try_later(&row)
            }
            ErrorCode::Forbidden | ErrorCode::MlsInvalid
                if row.kind == "reconcile" && row.attempts >= 2 =>
            {
                self.wishes_refused(&conversation, error)?;
                self.try_later(&row)
            }
            ErrorCode::TooMany if matches!(row.kind.as_str(), "reconcile" | "update") => {
                self.wishes_refused(&conversation, error)?;
                if self.no_room_at_hub(&conversation)? || row.kind == "update" {
                    self.try_later(&row)
                } else {
                    self.fulfilled(row.id)
                }
            }
            ErrorCode::TooMany if row.kind == "rejoin" => self.no_room_to_join(&row, &conversation),
            // What was made for the hub is not what it takes: another one next time, once. A hub that
            // takes none would have this device make groups for ever.
            ErrorCode::MlsInvalid if row.kind == "create" => {
                let made_anew = made_anew(conversation.id);
                if let Some(id) = &conversation.conversation
                    && !meta::get(self.tx, &made_anew)?.unwrap_or(false)
                {
                    meta::put(self.tx, &made_anew, &true)?;
                    let me = self.me()?;
                    self.groups
                        .session(self.tx, &me.keys, &me.address)
                        .delete(id)?;
                }
                self.failed(&row.kind, &CallError::Refused(error.clone()));
                self.try_later(&row)
            }
            // At an app that the own one is not joined with.
            ErrorCode::WrongApp if self.joining_by(&conversation)?.is_some() => {
                self.invitation_refused(&conversation, error)
            }
            _ => {
                self.failed(&row.kind, &CallError::Refused(error.clone()));
                self.try_later(&row)
            }
        }
    }

    /// The same bytes go once more, later.
    fn send_again(&mut self, intent: &Intent, retry_after_ms: u32) -> Result<(), CoreError> {
        let wait = self
            .back_off_ms(intent.attempts)
            .max(i64::from(retry_after_ms));
        let at = self.now + wait;
        self.tx.execute(
            "UPDATE intent SET attempts = attempts + 1, not_before_ms = ?2 WHERE id = ?1",
            (intent.id, at),
        )?;
        self.wake(at);
        Ok(())
    }

    /// A commit of this device will not be: the group goes on without it.
    fn drop_pending(&mut self, conversation: &Conversation) -> Result<(), CoreError> {
        let Some(id) = &conversation.conversation else {
            return Ok(());
        };
        let me = self.me()?;
        self.groups
            .session(self.tx, &me.keys, &me.address)
            .discard_pending(id)?;
        Ok(())
    }
}

/// Where it is kept that a conversation's first group was refused, and another made.
pub(super) fn made_anew(conversation: i64) -> String {
    format!("made_anew/{conversation}")
}

/// A refusal that the app gives while the hub may have taken what was asked.
const fn says_nothing_of_the_hub(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::Unavailable | ErrorCode::RateLimited)
}
