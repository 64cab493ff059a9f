//! What a screen asks the core for.
//!
//! Always holds: reading changes nothing. Deliberately absent: what a view holds (the parent module).

use super::*;
use crate::conversations::settings;
use crate::names;

impl Core {
    /// The own account; absent before sign-up.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn account(&self) -> Result<Option<AccountView>, CoreError> {
        let Some(me) = crate::account::Me::load(self.store())? else {
            return Ok(None);
        };
        let device = me.keys.id();
        let mut devices = Vec::new();
        for listed in &me.manifest.manifest.devices {
            let name =
                crate::store::meta::get(self.store(), &format!("device_name/{}", listed.id))?;
            devices.push(DeviceView {
                device: listed.id,
                name: name.unwrap_or_default(),
                owner: listed.owner,
                this: listed.id == device,
                added_ms: listed.added_ms,
            });
        }
        let photo: Option<Bytes64> = crate::store::meta::get(self.store(), "photo")?;
        let photo = photo
            .and_then(|bytes| said::Attachment::decode(bytes.0.as_slice()).ok())
            .and_then(|photo| picture(&photo));
        Ok(Some(AccountView {
            owner: me.root.is_some(),
            address: me.address,
            number: me.number,
            name: me.name,
            about: me.about,
            device,
            devices,
            photo,
        }))
    }

    /// All conversations, newest first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn conversations(&self) -> Result<Vec<ConversationView>, CoreError> {
        conversations(self.store(), None)
    }

    /// The local ids of all conversations: pinned ones first, the newest first among these and among the others. Much
    /// less is read for it than for [`Core::conversations`]: who wants to show some of them first begins here.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn conversation_ids(&self) -> Result<Vec<i64>, CoreError> {
        let mut statement = self.store().prepare_cached(
            "SELECT c.id FROM conversation c LEFT JOIN conversation_setting s
                 ON s.place = coalesce(c.peer, c.hub || '/' || lower(hex(c.cid))) AND s.kind = ?1 AND s.value > 0
             ORDER BY s.place IS NULL, c.last_ms DESC, c.id DESC",
        )?;
        let pinned = comity_content::proto::ConversationSettingKind::Pinned;
        let ids = statement.query_map([i32::from(pinned)], |row| row.get(0))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// One conversation; absent when there is none of that local id.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn conversation(&self, conversation: i64) -> Result<Option<ConversationView>, CoreError> {
        Ok(conversations(self.store(), Some(conversation))?.pop())
    }

    /// The id under which its hub knows a conversation; absent while it is only asked for.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn conversation_id(
        &self,
        conversation: i64,
    ) -> Result<Option<comity_wire::ConversationId>, CoreError> {
        let found: Option<(Option<String>, Option<Vec<u8>>)> = self
            .store()
            .query_row(
                "SELECT hub, cid FROM conversation WHERE id = ?1",
                [conversation],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .optional()?;
        let Some((Some(hub), Some(cid))) = found else {
            return Ok(None);
        };
        let hub = hub.parse().map_err(|_| CoreError::Damaged("hub"))?;
        let id = comity_wire::Id16::from_slice(&cid).map_err(|_| CoreError::Damaged("cid"))?;
        Ok(Some(comity_wire::ConversationId::new(hub, id)))
    }

    /// The newest `limit` lines of a conversation, oldest first; before `before` when given.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn timeline(
        &self,
        conversation: i64,
        before: Option<&MessageId>,
        limit: u32,
    ) -> Result<Vec<TimelineItem>, CoreError> {
        let conn = self.store();
        let (seq, id): (i64, i64) = match before {
            Some(message) => place(conn, conversation, message)?,
            None => (i64::MAX, i64::MAX),
        };
        let mut statement = conn.prepare_cached(&format!(
            "SELECT {ITEM} FROM message
             WHERE conversation = ?1 AND (coalesce(seq, 9223372036854775807), id) < (?2, ?3)
             ORDER BY coalesce(seq, 9223372036854775807) DESC, id DESC LIMIT ?4"
        ))?;
        let rows = statement.query_map((conversation, seq, id, limit), item)?;
        let mut items = Vec::new();
        for row in rows {
            items.push(row??.0);
        }
        items.reverse();
        complete(conn, conversation, &mut items)?;
        Ok(items)
    }

    /// The first `limit` lines of a conversation behind `after`, oldest first.
    ///
    /// # Errors
    /// When the line is not there or the store can not be read.
    pub fn timeline_after(
        &self,
        conversation: i64,
        after: &MessageId,
        limit: u32,
    ) -> Result<Vec<TimelineItem>, CoreError> {
        let conn = self.store();
        let (seq, id) = place(conn, conversation, after)?;
        let mut statement = conn.prepare_cached(&format!(
            "SELECT {ITEM} FROM message
             WHERE conversation = ?1 AND (coalesce(seq, 9223372036854775807), id) > (?2, ?3)
             ORDER BY coalesce(seq, 9223372036854775807), id LIMIT ?4"
        ))?;
        let rows = statement.query_map((conversation, seq, id, limit), item)?;
        let mut items = Vec::new();
        for row in rows {
            items.push(row??.0);
        }
        complete(conn, conversation, &mut items)?;
        Ok(items)
    }

    /// Lines that hold all words of `query`, newest first, each with its conversation.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn search(&self, query: &str, limit: u32) -> Result<Vec<(i64, TimelineItem)>, CoreError> {
        let words: Vec<String> = query
            .split_whitespace()
            .map(|word| format!("\"{}\"*", word.replace('"', "\"\"")))
            .collect();
        if words.is_empty() {
            return Ok(Vec::new());
        }
        let conn = self.store();
        let mut statement = conn.prepare_cached(&format!(
            "SELECT {ITEM} FROM message WHERE id IN (SELECT rowid FROM message_search WHERE message_search MATCH ?1)
             AND kind <> 'notice' AND deleted = 0 ORDER BY at_ms DESC LIMIT ?2"
        ))?;
        let rows = statement.query_map((words.join(" "), limit), item)?;
        let mut out = Vec::new();
        for row in rows {
            let (item, conversation) = row??;
            let mut items = [item];
            complete(conn, conversation, &mut items)?;
            let [item] = items;
            out.push((conversation, item));
        }
        Ok(out)
    }

    /// People whom this device knows, by name.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn contacts(&self) -> Result<Vec<ContactView>, CoreError> {
        let me = crate::account::Me::load_address(self.store())?;
        contacts(self.store(), "address <> ?1", [me])
    }

    /// How people are called on the screen: "you", by name, by number. Of several who go by one name, the
    /// one whom alone this account compared or agreed to talk with has it; behind the others' stands the
    /// beginning of their address.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn names(&self) -> Result<Vec<(Address, String)>, CoreError> {
        let own = crate::account::Me::load_address(self.store())?;
        let mut statement = self.store().prepare_cached(
            "SELECT address, name, alias,
               CASE WHEN verified_root IS NOT NULL AND verified_root = root_key THEN 2
                    WHEN accepted THEN 1 ELSE 0 END
             FROM contact WHERE address = ?1 OR name <> '' OR alias <> ''",
        )?;
        let mut rows = statement.query([&own])?;
        let mut all = Vec::new();
        while let Some(row) = rows.next()? {
            let address: String = row.get(0)?;
            let (name, alias): (String, String) = (row.get(1)?, row.get(2)?);
            let shown = if address == own {
                "you".to_owned()
            } else if name.is_empty() {
                alias
            } else {
                called(&name, &alias)
            };
            all.push(names::Called {
                address: address.parse().map_err(|_| CoreError::Damaged("address"))?,
                shown,
                known: row.get(3)?,
            });
        }
        Ok(names::told_apart(all))
    }

    /// A person by address.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn contact(&self, address: &Address) -> Result<Option<ContactView>, CoreError> {
        contact(self.store(), address)
    }

    /// Strangers who ask to talk, oldest first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn requests(&self) -> Result<Vec<RequestView>, CoreError> {
        requests(self.store(), "1 = 1", [])
    }

    /// Contents that are not in the log yet: zero means all that was said is safe with the app, but
    /// for what waits until a stranger accepts.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn unsent(&self) -> Result<u64, CoreError> {
        Ok(self.store().prepare_cached(
            "SELECT (SELECT count(*) FROM send_queue q JOIN conversation c ON c.id = q.conversation WHERE c.state <> 'asking') + (SELECT count(*) FROM introduction WHERE state = 'wanted')
                 + (SELECT count(*) FROM transfer WHERE direction IN ('up', 'renew') AND state = 'waiting')",
        )?.query_row([], |row| row.get(0))?)
    }

    /// The files of messages that are on their way, or wait for it, oldest first.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn transfers(&self) -> Result<Vec<TransferView>, CoreError> {
        transfers(
            self.store(),
            "state = 'waiting' AND purpose IN ('message', 'file')",
            [],
        )
    }

    /// The shell's files that are still to be sent, or failed and may be tried again.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn outgoing_files(&self) -> Result<Vec<String>, CoreError> {
        let mut statement = self.store().prepare_cached(
            "SELECT path FROM transfer t WHERE direction = 'up' AND state <> 'done' AND path IS NOT NULL
                 AND (state = 'waiting' OR message_id IS NULL OR EXISTS (SELECT 1 FROM message m
                     WHERE m.conversation = t.conversation AND m.message_id = t.message_id AND m.deleted = 0))",
        )?;
        let paths = statement.query_map([], |row| row.get(0))?;
        Ok(paths.collect::<Result<_, _>>()?)
    }

    /// Messages of a conversation whose ids begin with these small hexadecimal digits, the first
    /// few of them.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn messages_beginning(
        &self,
        conversation: i64,
        digits: &str,
    ) -> Result<Vec<MessageId>, CoreError> {
        let mut statement = self.store().prepare_cached(
            "SELECT message_id FROM message WHERE conversation = ?1
             AND substr(lower(hex(message_id)), 1, ?3) = ?2 LIMIT 2",
        )?;
        let length = i64::try_from(digits.len()).unwrap_or(i64::MAX);
        let mut rows = statement.query((conversation, digits, length))?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let message = MessageId::from_slice(&row.get::<_, Vec<u8>>(0)?);
            found.push(message.map_err(|_| CoreError::Damaged("message"))?);
        }
        Ok(found)
    }

    /// A line by its message.
    ///
    /// # Errors
    /// When the store can not be read.
    pub fn item(
        &self,
        conversation: i64,
        message: &MessageId,
    ) -> Result<Option<TimelineItem>, CoreError> {
        item_by_message(self.store(), conversation, message.as_bytes())
    }
}

/// Where a line stands among the others.
fn place(
    conn: &Connection,
    conversation: i64,
    message: &MessageId,
) -> Result<(i64, i64), CoreError> {
    conn.prepare_cached(
        "SELECT coalesce(seq, 9223372036854775807), id FROM message WHERE conversation = ?1 AND message_id = ?2",
    )?
    .query_row((conversation, message.to_vec()), |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
    .optional()?
    .ok_or(CoreError::NoSuch("message"))
}

/// All conversations, newest first, or one.
fn conversations(conn: &Connection, only: Option<i64>) -> Result<Vec<ConversationView>, CoreError> {
    let filter = match only {
        Some(_) => "c.id = ?2",
        None => "?2 IS NULL",
    };
    let own = crate::account::Me::load_address(conn)?;
    let mut statement = conn.prepare_cached(&format!(
            "SELECT c.id, c.kind, c.peer, c.state, c.unread, c.last_ms, coalesce(p.name, ''), coalesce(p.alias, ''), coalesce(p.blocked, 0),
                 c.hub, c.cid, c.name, c.timer_s,
                 (SELECT count(*) FROM mention n CROSS JOIN message m ON m.conversation = n.conversation AND m.message_id = n.message_id
                     WHERE n.conversation = c.id AND n.address = ?1 AND m.outgoing = 0 AND coalesce(m.seq, 0) > c.read_seq), c.draft, c.draft_quote
             FROM conversation c LEFT JOIN contact p ON p.address = c.peer WHERE {filter} ORDER BY c.last_ms DESC, c.id DESC",
        ))?;
    let mut rows = statement.query((&own, only))?;
    let mut out = Vec::new();
    while let Some(row) = rows.next()? {
        let peer: Option<String> = row.get(2)?;
        let peer: Option<Address> = peer
            .map(|peer| peer.parse())
            .transpose()
            .map_err(|_| CoreError::Damaged("peer"))?;
        let kind = match row.get::<_, i32>(1)? {
            1 => "self",
            2 => "direct",
            _ => "group",
        };
        let conversation = row.get(0)?;
        let group = match kind {
            "group" => Some(groups::views::group(conn, conversation, &own)?),
            _ => None,
        };
        let arriving = group.as_ref().is_some_and(|group| group.details_arriving);
        let (name, alias): (String, String) = match kind {
            // Nothing made up stands for a name that is to come.
            "group" if arriving => (row.get(11)?, String::new()),
            "group" => (row.get(11)?, "Group".to_owned()),
            _ => (row.get(6)?, row.get(7)?),
        };
        let title = match (kind, &peer) {
            ("self", _) => "Notes to self".to_owned(),
            ("group", _) if !name.is_empty() => called(&name, ""),
            _ if !name.is_empty() => called(&name, &alias),
            _ if !alias.is_empty() => alias,
            (_, Some(peer)) => shortened(peer),
            _ => String::new(),
        };
        let (delivered_seq, read_seq) = reach(conn, conversation, None)?;
        let (hub, cid): (Option<String>, Option<Vec<u8>>) = (row.get(9)?, row.get(10)?);
        let place = settings::place(peer.as_ref(), hub.as_deref(), cid.as_deref());
        let kept = settings::of(conn, place.as_deref())?;
        let (last, last_text) = lines::last(conn, conversation)?;
        out.push(ConversationView {
            conversation,
            kind: kind.to_owned(),
            peer,
            title,
            state: row.get(3)?,
            unread: row.get(4)?,
            unread_mentions: row.get(13)?,
            last_ms: row.get(5)?,
            last_text,
            last_author: last.as_ref().map(|last| last.author.clone()),
            last_kind: last.as_ref().map(|last| last.kind),
            last_status: last
                .as_ref()
                .filter(|last| last.outgoing)
                .map(|last| last.status),
            last_deleted: last.as_ref().is_some_and(|last| last.deleted),
            last_file: last
                .as_ref()
                .and_then(|last| last.attachment.as_ref())
                .map(|file| file.kind),
            pinned_ms: kept.pinned_ms,
            archived: kept.archived,
            muted_until_ms: kept.muted_until_ms,
            marked_unread: kept.marked_unread,
            draft: settings::draft(row.get(14)?, row.get(15)?)?,
            delivered_seq,
            read_seq,
            blocked: row.get(8)?,
            timer_s: row.get(12)?,
            group,
        });
    }
    Ok(out)
}
