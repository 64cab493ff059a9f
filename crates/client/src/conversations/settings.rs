//! How a person keeps a conversation: pinned, archived, muted, marked unread; and what they began to
//! write.
//!
//! Always holds: all own devices end with the same settings, in whatever order they hear of them; a
//! setting of a conversation that is not here yet waits for it. Deliberately absent: what a screen
//! makes of them; drafts leave the device as little as what was not sent.

use super::Conversation;
use crate::input::ConversationSetting;
use crate::output::Event;
use crate::step::Step;
use crate::store::meta;
use crate::views::DraftView;
use crate::{Core, CoreError};
use comity_content::proto::{self as said, ConversationSettingKind as Kind};
use comity_wire::{Address, AppId, DeviceId, Id16, MessageId, UnixMs, limits};
use rusqlite::{Connection, OptionalExtension as _, Row};

/// The end of the year 9999: no clock says more.
const LATEST_MS: i64 = 253_402_300_799_999;

/// Settings in one message: of the longest places they fit into an entry with room to spare.
const LOT: usize = 64;

/// The own devices that were in the conversation with oneself when this one looked last.
const TOLD: &str = "settings_told";

/// The settings of a conversation.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) pinned_ms: UnixMs,
    pub(crate) archived: bool,
    pub(crate) muted_until_ms: UnixMs,
    pub(crate) marked_unread: bool,
}

/// Where a conversation's settings are kept.
pub(crate) fn place(
    peer: Option<&Address>,
    hub: Option<&str>,
    cid: Option<&[u8]>,
) -> Option<String> {
    if let Some(peer) = peer {
        return Some(peer.to_string());
    }
    let id = Id16::from_slice(cid?).ok()?;
    Some(format!("{}/{id}", hub?))
}

/// What is set of a conversation.
pub(crate) fn of(conn: &Connection, place: Option<&str>) -> Result<Settings, CoreError> {
    let mut settings = Settings::default();
    let mut statement =
        conn.prepare_cached("SELECT kind, value FROM conversation_setting WHERE place = ?1")?;
    let mut rows = statement.query([place])?;
    while let Some(row) = rows.next()? {
        let value: i64 = row.get(1)?;
        match Kind::try_from(row.get::<_, i32>(0)?) {
            Ok(Kind::Pinned) => settings.pinned_ms = value,
            Ok(Kind::Archived) => settings.archived = value != 0,
            Ok(Kind::Muted) => settings.muted_until_ms = value,
            Ok(Kind::MarkedUnread) => settings.marked_unread = value != 0,
            _ => {}
        }
    }
    Ok(settings)
}

/// What was begun to be written.
pub(crate) fn draft(text: String, quote: Option<Vec<u8>>) -> Result<Option<DraftView>, CoreError> {
    let quote = quote
        .map(|quote| MessageId::from_slice(&quote))
        .transpose()
        .map_err(|_| CoreError::Damaged("draft"))?;
    let begun = !text.is_empty() || quote.is_some();
    Ok(begun.then_some(DraftView { text, quote }))
}

fn setting(row: &Row<'_>) -> rusqlite::Result<said::ConversationSetting> {
    Ok(said::ConversationSetting {
        place: row.get(0)?,
        kind: row.get(1)?,
        value: row.get(2)?,
        changed_ms: row.get(3)?,
    })
}

/// What can have been set, by a clock that can be.
fn is_sound(set: &said::ConversationSetting) -> bool {
    let value = match set.kind() {
        Kind::Pinned | Kind::Muted => 0..=LATEST_MS,
        Kind::Archived | Kind::MarkedUnread => 0..=1,
        Kind::Unspecified => return false,
    };
    let clock = i64::try_from(set.changed_ms).is_ok_and(|at| at <= LATEST_MS);
    value.contains(&set.value) && clock && Place::of(&set.place).is_some()
}

/// Which conversation a setting is of.
enum Place {
    With(Address),
    In(AppId, Id16),
}

impl Place {
    fn of(text: &str) -> Option<Self> {
        match text.split_once('/') {
            Some((hub, id)) => Some(Self::In(hub.parse().ok()?, id.parse().ok()?)),
            None => text.parse().ok().map(Self::With),
        }
    }
}

impl Step<'_> {
    /// The person sets something of a conversation.
    pub(crate) fn set_conversation(
        &mut self,
        conversation: i64,
        setting: ConversationSetting,
    ) -> Result<(), CoreError> {
        let conversation = self.conversation(conversation)?;
        // What is put away stands above nothing.
        let changes = match setting {
            ConversationSetting::Pinned(true) => vec![
                (Kind::Pinned, self.now.clamp(1, LATEST_MS)),
                (Kind::Archived, 0),
            ],
            ConversationSetting::Pinned(false) => vec![(Kind::Pinned, 0)],
            ConversationSetting::Archived(true) => vec![(Kind::Archived, 1), (Kind::Pinned, 0)],
            ConversationSetting::Archived(false) => vec![(Kind::Archived, 0)],
            ConversationSetting::MutedUntil(at) => vec![(Kind::Muted, at.clamp(0, LATEST_MS))],
            ConversationSetting::MarkedUnread(on) => vec![(Kind::MarkedUnread, on.into())],
        };
        self.change_settings(&conversation, &changes)
    }

    /// Somebody looked: it is not to be looked at again.
    pub(crate) fn no_longer_marked(
        &mut self,
        conversation: &Conversation,
    ) -> Result<(), CoreError> {
        self.change_settings(conversation, &[(Kind::MarkedUnread, 0)])
    }

    fn change_settings(
        &mut self,
        conversation: &Conversation,
        changes: &[(Kind, i64)],
    ) -> Result<(), CoreError> {
        let place = self
            .place_of(conversation)?
            .ok_or(CoreError::Damaged("conversation"))?;
        let (mut differs, mut at) = (false, self.now);
        for (kind, value) in changes {
            let (before, set_at) = self.setting_of(&place, (*kind).into())?.unwrap_or((0, 0));
            differs |= before != *value;
            // After what it changes, whatever the clock says.
            at = at.max(set_at + 1);
        }
        if !differs {
            return Ok(());
        }
        // What goes along with it is said, too: another device may have set it meanwhile.
        let told: Vec<_> = changes
            .iter()
            .map(|(kind, value)| said::ConversationSetting {
                place: place.clone(),
                kind: (*kind).into(),
                value: *value,
                changed_ms: u64::try_from(at.clamp(0, LATEST_MS)).unwrap_or(0),
            })
            .collect();
        self.settings_synced(&told)?;
        self.sync_devices(said::DeviceSync {
            settings: told,
            ..Default::default()
        })
    }

    fn place_of(&self, conversation: &Conversation) -> Result<Option<String>, CoreError> {
        Ok(self.tx.query_row(
            "SELECT hub, cid FROM conversation WHERE id = ?1",
            [conversation.id],
            |row| {
                let (hub, cid): (Option<String>, Option<Vec<u8>>) = (row.get(0)?, row.get(1)?);
                Ok(place(
                    conversation.peer.as_ref(),
                    hub.as_deref(),
                    cid.as_deref(),
                ))
            },
        )?)
    }

    /// Value and time of a setting.
    fn setting_of(&self, place: &str, kind: i32) -> Result<Option<(i64, i64)>, CoreError> {
        Ok(self
            .tx
            .query_row(
                "SELECT value, changed_ms FROM conversation_setting WHERE place = ?1 AND kind = ?2",
                (place, kind),
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?)
    }

    /// What was set on an own device.
    pub(crate) fn settings_synced(
        &mut self,
        settings: &[said::ConversationSetting],
    ) -> Result<(), CoreError> {
        for set in settings.iter().filter(|set| is_sound(set)) {
            let changed = self.tx.execute(
                "INSERT INTO conversation_setting (place, kind, value, changed_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (place, kind) DO UPDATE SET value = excluded.value, changed_ms = excluded.changed_ms
                     WHERE (excluded.changed_ms, excluded.value) > (changed_ms, value)",
                (&set.place, set.kind, set.value, set.changed_ms),
            )?;
            let here = match Place::of(&set.place).filter(|_| changed > 0) {
                Some(Place::With(peer)) => self.conversation_with(&peer)?,
                Some(Place::In(hub, id)) => {
                    self.conversation_by_cid(hub.as_str(), id.as_bytes())?
                }
                None => None,
            };
            if let Some(conversation) = here {
                self.event(Event::ConversationChanged {
                    conversation: conversation.id,
                });
            }
        }
        Ok(())
    }

    /// Who of the own devices came into the conversation with oneself, or back into it, may have missed
    /// what was set meanwhile.
    pub(crate) fn settings_to_fresh(&mut self, own: &Conversation) -> Result<(), CoreError> {
        let mut here: Vec<DeviceId> = self
            .members(own.id)?
            .into_iter()
            .map(|(device, _)| device)
            .collect();
        here.sort_unstable();
        let known: Vec<DeviceId> = meta::get(self.tx, TOLD)?.unwrap_or_default();
        if known == here {
            return Ok(());
        }
        meta::put(self.tx, TOLD, &here)?;
        let settings = self.settings_to_sync()?;
        if settings.is_empty() || here.iter().all(|device| known.contains(device)) {
            return Ok(());
        }
        for lot in settings.chunks(LOT) {
            self.sync_devices(said::DeviceSync {
                settings: lot.to_vec(),
                ..Default::default()
            })?;
        }
        Ok(())
    }

    /// All settings, for a device that is let in.
    pub(crate) fn settings_to_sync(&self) -> Result<Vec<said::ConversationSetting>, CoreError> {
        let mut statement = self
            .tx
            .prepare_cached("SELECT place, kind, value, changed_ms FROM conversation_setting")?;
        let rows = statement.query_map([], setting)?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// What a person began to write stays until it is sent.
    pub(crate) fn set_draft(
        &mut self,
        conversation: i64,
        draft: Option<DraftView>,
    ) -> Result<(), CoreError> {
        let id = self.conversation(conversation)?.id;
        let draft = draft.unwrap_or_default();
        if draft.text.len() > limits::TEXT_BYTES_MAX {
            return Err(CoreError::Refused("a text is at most 16 KiB".into()));
        }
        let changed = self.tx.execute(
            "UPDATE conversation SET draft = ?2, draft_quote = ?3 WHERE id = ?1 AND (draft <> ?2 OR draft_quote IS NOT ?3)",
            (id, &draft.text, draft.quote.map(|quote| quote.to_vec())),
        )?;
        if changed > 0 {
            self.event(Event::ConversationChanged { conversation: id });
        }
        Ok(())
    }
}

impl Core {
    /// The groups that somebody is in together with the own account.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn groups_with(&self, address: &Address) -> Result<Vec<i64>, CoreError> {
        let mut statement = self.store().prepare_cached(
            "SELECT DISTINCT c.id FROM member m JOIN conversation c ON c.id = m.conversation
             WHERE m.address = ?1 AND c.kind = 3 AND c.state IN ('active', 'rejoining') ORDER BY c.last_ms DESC, c.id DESC",
        )?;
        let found = statement.query_map([address.to_string()], |row| row.get(0))?;
        Ok(found.collect::<Result<_, _>>()?)
    }
}
