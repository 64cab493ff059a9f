//! Conversations: what this device knows of each, and the intents about their membership.

mod additions;
mod commits;
mod creating;
mod intents;
mod joining;
mod pairs;
mod parting;
mod rejoining;
pub(crate) mod settings;

pub(crate) use intents::Intent;

use crate::CoreError;
use crate::step::Step;
use comity_wire::{Address, AppId, ConversationId, Id16};
use rusqlite::{OptionalExtension, Row};

/// Where a conversation stands on this device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// An introduction was made and waits for its answer.
    Asking,
    /// This device is creating it at the hub.
    Creating,
    /// A member, reading along.
    Active,
    /// Asking the hub to be let in again.
    Rejoining,
    /// Known from history only; not a member yet.
    Known,
    /// Taken out of it.
    Left,
    /// The hub accepted a change that this device refuses: nothing more is read or sent.
    Refused,
}

impl State {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Asking => "asking",
            Self::Creating => "creating",
            Self::Active => "active",
            Self::Rejoining => "rejoining",
            Self::Known => "known",
            Self::Left => "left",
            Self::Refused => "refused",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::Asking,
            Self::Creating,
            Self::Active,
            Self::Rejoining,
            Self::Known,
            Self::Left,
            Self::Refused,
        ]
        .into_iter()
        .find(|state| state.as_str() == text)
    }
}

/// A conversation's row.
#[derive(Debug, Clone)]
pub(crate) struct Conversation {
    pub(crate) id: i64,
    pub(crate) conversation: Option<ConversationId>,
    pub(crate) kind: i32,
    pub(crate) peer: Option<Address>,
    pub(crate) state: State,
    pub(crate) peer_token: Option<Vec<u8>>,
    pub(crate) joined_seq: u64,
    pub(crate) next_seq: u64,
    pub(crate) head_seq: u64,
    pub(crate) epoch: u64,
}

const COLUMNS: &str =
    "id, hub, cid, kind, peer, state, peer_token, joined_seq, next_seq, head_seq, epoch";

impl Conversation {
    fn from_row(row: &Row<'_>) -> Result<Result<Self, CoreError>, rusqlite::Error> {
        let (hub, cid): (Option<String>, Option<Vec<u8>>) = (row.get(1)?, row.get(2)?);
        let conversation = match (hub, cid) {
            (Some(hub), Some(cid)) => match (hub.parse::<AppId>(), Id16::from_slice(&cid)) {
                (Ok(hub), Ok(id)) => Some(ConversationId::new(hub, id)),
                _ => return Ok(Err(CoreError::Damaged("conversation id"))),
            },
            _ => None,
        };
        let Some(state) = State::parse(&row.get::<_, String>(5)?) else {
            return Ok(Err(CoreError::Damaged("conversation state")));
        };
        let peer = row
            .get::<_, Option<String>>(4)?
            .map(|peer| peer.parse::<Address>())
            .transpose();
        let Ok(peer) = peer else {
            return Ok(Err(CoreError::Damaged("conversation peer")));
        };
        Ok(Ok(Self {
            id: row.get(0)?,
            conversation,
            kind: row.get(3)?,
            peer,
            state,
            peer_token: row.get(6)?,
            joined_seq: row.get(7)?,
            next_seq: row.get(8)?,
            head_seq: row.get(9)?,
            epoch: row.get(10)?,
        }))
    }

    /// Entries are taken.
    pub(crate) fn is_active(&self) -> bool {
        self.state == State::Active
    }

    /// Everything that the hub is known to have was taken.
    pub(crate) fn is_caught_up(&self) -> bool {
        self.is_active() && self.next_seq > self.head_seq
    }

    /// Its log, as frames name it.
    pub(crate) fn wire_log(&self, step: &Step<'_>) -> (String, Vec<u8>) {
        self.conversation
            .as_ref()
            .map(|id| (step.wire_hub(&id.hub), id.id.to_vec()))
            .unwrap_or_default()
    }

    pub(crate) fn cid(&self) -> Result<&ConversationId, CoreError> {
        self.conversation
            .as_ref()
            .ok_or(CoreError::NotNow("the conversation has not begun"))
    }
}

impl Step<'_> {
    fn one_conversation<P: rusqlite::Params>(
        &self,
        filter: &str,
        params: P,
    ) -> Result<Option<Conversation>, CoreError> {
        self.tx
            .prepare_cached(&format!(
                "SELECT {COLUMNS} FROM conversation WHERE {filter}"
            ))?
            .query_row(params, Conversation::from_row)
            .optional()?
            .transpose()
    }

    pub(crate) fn conversation(&self, id: i64) -> Result<Conversation, CoreError> {
        self.one_conversation("id = ?1", [id])?
            .ok_or(CoreError::NoSuch("conversation"))
    }

    /// By its hub as frames name it.
    pub(crate) fn conversation_by_cid(
        &self,
        hub: &str,
        cid: &[u8],
    ) -> Result<Option<Conversation>, CoreError> {
        let hub = if hub.is_empty() {
            self.app()?.as_str().to_owned()
        } else {
            hub.to_owned()
        };
        self.one_conversation("hub = ?1 AND cid = ?2", (hub, cid))
    }

    pub(crate) fn conversation_with(
        &self,
        peer: &Address,
    ) -> Result<Option<Conversation>, CoreError> {
        self.one_conversation("peer = ?1", [peer.to_string()])
    }

    pub(crate) fn conversations_in(&self, state: State) -> Result<Vec<Conversation>, CoreError> {
        let mut statement = self.tx.prepare_cached(&format!(
            "SELECT {COLUMNS} FROM conversation WHERE state = ?1 ORDER BY id"
        ))?;
        let rows = statement.query_map([state.as_str()], Conversation::from_row)?;
        rows.map(|row| row?).collect()
    }

    pub(crate) fn insert_conversation(
        &mut self,
        conversation: Option<&ConversationId>,
        kind: i32,
        peer: Option<&Address>,
        state: State,
    ) -> Result<Conversation, CoreError> {
        self.tx.execute(
            "INSERT INTO conversation (hub, cid, kind, peer, state, last_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            (
                conversation.map(|id| id.hub.to_string()),
                conversation.map(|id| id.id.to_vec()),
                kind,
                peer.map(ToString::to_string),
                state.as_str(),
                self.now,
            ),
        )?;
        let id = self.tx.last_insert_rowid();
        self.event(crate::Event::ConversationChanged { conversation: id });
        self.conversation(id)
    }

    pub(crate) fn set_state(
        &mut self,
        conversation: &mut Conversation,
        state: State,
    ) -> Result<(), CoreError> {
        conversation.state = state;
        self.look_at_promises();
        self.tx.execute(
            "UPDATE conversation SET state = ?2 WHERE id = ?1",
            (conversation.id, state.as_str()),
        )?;
        self.event(crate::Event::ConversationChanged {
            conversation: conversation.id,
        });
        Ok(())
    }

    /// The hub has ended this device's seat without an entry that says so: with the last account that was in
    /// it, the log has an end, and nobody commits anything.
    pub(crate) fn log_ended(&mut self, conversation: &mut Conversation) -> Result<(), CoreError> {
        let me = self.me()?;
        let members = self.members(conversation.id)?;
        let group = conversation.kind == comity_wire::proto::ConversationKind::Group as i32;
        if group && members.iter().all(|(_, address)| *address == me.address) {
            return self.close_left(conversation);
        }
        let (hub, log) = conversation.wire_log(self);
        self.log_closed(&hub, &log)
    }

    /// The server no longer lets this device read the log.
    pub(crate) fn log_closed(&mut self, hub: &str, log: &[u8]) -> Result<(), CoreError> {
        let Some(mut conversation) = self.conversation_by_cid(hub, log)? else {
            return Ok(());
        };
        if conversation.is_active() {
            if self.is_leaving(conversation.id)? {
                return self.close_left(&mut conversation);
            }
            // Perhaps only stale: ask to be let in again, which is refused if it was on purpose. What was to be
            // committed in the seat that ended is not.
            self.tx.execute(
                "DELETE FROM intent WHERE conversation = ?1 AND kind NOT IN ('rejoin', 'leave', 'details', 'ask')",
                [conversation.id],
            )?;
            self.want(conversation.id, "rejoin", 0)?;
            self.set_state(&mut conversation, State::Rejoining)?;
        }
        Ok(())
    }
}
