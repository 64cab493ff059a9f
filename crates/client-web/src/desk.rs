//! Where tabs are answered: questions to the core, and the views that each tab watches.
//!
//! Always holds: a view is read again only after something that could have changed it; what is
//! told is the difference to what that tab was told before; of one line of a conversation no more than
//! that line is read; of many conversations those that are shown first are told before the others are
//! read. Deliberately absent: acts, which are steps of the core and belong to the shell.

use crate::boundary::{
    Ask, Change, CodeOrdered, FoundLine, LinkView, Named, Refusal, Rows, Told as Message, View,
};
use crate::lines::{self, Revised, Window};
use crate::rows::Told;
use comity_client::{Command, Core, CoreError, Event, Say, TimelineItem, TransferView, Whom};
use comity_wire::MessageId;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Conversations that are told at once: more than a screen shows.
const FIRST: usize = 40;
/// Conversations that are told with each turn after that.
const MORE: usize = 100;

/// A watched view, and what its tab was told of it.
struct Watched {
    view: View,
    stale: Stale,
    rows: Told,
    snapshot: Option<Value>,
    /// Conversations that are still to be told, the next one last.
    rest: Vec<i64>,
}

/// What of a view is to be read again.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Stale {
    Nothing,
    /// Of a list of conversations: these.
    Some(BTreeSet<i64>),
    /// Of a conversation: these lines.
    Lines(BTreeSet<MessageId>),
    All,
}

impl Stale {
    /// Something of a conversation changed.
    fn add(&mut self, conversation: i64) {
        match self {
            Self::Nothing => *self = Self::Some(BTreeSet::from([conversation])),
            Self::Some(known) => {
                known.insert(conversation);
            }
            Self::Lines(_) => *self = Self::All,
            Self::All => {}
        }
    }

    /// A line came, or changed.
    fn add_line(&mut self, message: MessageId) {
        match self {
            Self::Nothing => *self = Self::Lines(BTreeSet::from([message])),
            Self::Lines(known) => {
                known.insert(message);
            }
            Self::Some(_) => *self = Self::All,
            Self::All => {}
        }
    }
}

/// Names a watched view: the tab, and the tab's number for it.
type Name = (String, u32);

/// What all tabs watch.
#[derive(Default)]
pub struct Desk {
    watched: BTreeMap<Name, Watched>,
    transfers: BTreeMap<i64, TransferView>,
}

impl Desk {
    /// Keeps a view up to date for a tab from now on.
    pub fn watch(&mut self, tab: &str, watch: u32, view: View) {
        let watched = Watched {
            view,
            stale: Stale::All,
            rows: Told::default(),
            snapshot: None,
            rest: Vec::new(),
        };
        self.watched.insert((tab.to_owned(), watch), watched);
    }

    /// No more of a view.
    pub fn unwatch(&mut self, tab: &str, watch: u32) {
        self.watched.remove(&(tab.to_owned(), watch));
    }

    /// A tab is gone.
    pub fn forget(&mut self, tab: &str) {
        self.watched.retain(|(of, _), _| of != tab);
    }

    /// The connection changed.
    pub fn link_changed(&mut self) {
        self.touch(|view| *view == View::Link);
    }

    /// Takes note of what an event of a draft's act changes: no line of the conversation.
    pub fn heard_of_draft(&mut self, event: &Event) {
        match event {
            Event::ConversationChanged { conversation } => self.listed(*conversation),
            _ => self.heard(event),
        }
    }

    /// Takes note of what an event changes.
    pub fn heard(&mut self, event: &Event) {
        match event {
            Event::Item { conversation, item } | Event::ItemChanged { conversation, item } => {
                self.listed(*conversation);
                self.line(*conversation, item.message);
            }
            Event::Expired { conversation, .. } | Event::Receipt { conversation, .. } => {
                self.changed(*conversation)
            }
            Event::ConversationChanged { conversation }
            | Event::Invitation { conversation, .. } => {
                self.changed(*conversation);
                self.touch(|view| *view == View::Requests);
            }
            Event::ContactChanged { .. } => {
                self.touch(|view| matches!(view, View::Contacts | View::Account | View::Requests));
            }
            Event::Request { .. } => self.touch(|view| *view == View::Requests),
            Event::Transfer { .. } => self.moved(event),
            Event::CodeSent { .. } | Event::LinkCode { .. } | Event::Typing { .. } => {}
            Event::Online | Event::Offline | Event::Gone { .. } => self.link_changed(),
            // Of the account, of people, of their devices and keys: rare, and shown in many places.
            _ => self.touch(|_| true),
        }
    }

    /// Whether an act changes what no event of its step tells: whom somebody blocked. What is said in a
    /// conversation, read, kept or typed is told by its events, but for what is to move.
    #[must_use]
    pub fn is_silent(command: &Command) -> bool {
        let said_here = |say: &Say| matches!(say.to, Whom::Conversation(_));
        !matches!(command, Command::Send(say) if said_here(say))
            && !matches!(
                command,
                Command::MarkRead { .. }
                    | Command::Typing { .. }
                    | Command::SetConversation { .. }
                    | Command::SetDraft { .. }
            )
    }

    /// A person's act was done; `silent`: it changes what no event tells.
    pub fn acted(&mut self, silent: bool) {
        self.touch(|view| match view {
            View::Link => false,
            View::Transfers => true,
            _ => silent,
        });
    }

    fn touch(&mut self, concerns: impl Fn(&View) -> bool) {
        for watched in self.watched.values_mut() {
            if concerns(&watched.view) {
                watched.stale = Stale::All;
            }
        }
    }

    /// Something of a conversation changed, no one knows what.
    fn changed(&mut self, of: i64) {
        self.listed(of);
        self.touch(
            |view| matches!(view, View::Timeline { conversation, .. } if *conversation == of),
        );
    }

    /// What the list says of a conversation changed.
    fn listed(&mut self, of: i64) {
        for watched in self.watched.values_mut() {
            if watched.view == View::Conversations {
                watched.stale.add(of);
            }
        }
    }

    /// A line of a conversation came or changed.
    fn line(&mut self, of: i64, message: MessageId) {
        for watched in self.watched.values_mut() {
            if matches!(&watched.view, View::Timeline { conversation, .. } if *conversation == of) {
                watched.stale.add_line(message);
            }
        }
    }

    fn moved(&mut self, event: &Event) {
        let Event::Transfer {
            transfer,
            conversation,
            message,
            upload,
            done_bytes,
            total_bytes,
            state,
            path,
            failure,
        } = event
        else {
            return;
        };
        let view = TransferView {
            transfer: *transfer,
            conversation: *conversation,
            message: *message,
            upload: *upload,
            failure: failure.clone(),
            done_bytes: *done_bytes,
            total_bytes: *total_bytes,
            state: state.clone(),
            path: path.clone(),
        };
        self.transfers.insert(*transfer, view);
        self.touch(|view| *view == View::Transfers);
    }

    /// Whether a watched view is to be read again.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        let mut all = self.watched.values();
        all.any(|watched| watched.stale != Stale::Nothing)
    }

    /// What is different in what each tab watches: the tab, and what to tell it.
    pub fn changes(&mut self, core: &Core, link: &LinkView) -> Vec<(String, Message)> {
        let transfers = &self.transfers;
        told(&mut self.watched, |watched| {
            watched.changes(core, link, transfers)
        })
    }

    /// Whether conversations are still to be told.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.watched
            .values()
            .any(|watched| !watched.rest.is_empty())
    }

    /// Some of the conversations that are still to be told.
    pub fn more(&mut self, core: &Core) -> Vec<(String, Message)> {
        told(&mut self.watched, |watched| {
            if watched.rest.is_empty() {
                return Vec::new();
            }
            watched.tell_some(core, MORE)
        })
    }
}

/// What is to be told of each watched view, with the tab that watches it.
fn told(
    watched: &mut BTreeMap<Name, Watched>,
    changes: impl Fn(&mut Watched) -> Vec<Change>,
) -> Vec<(String, Message)> {
    let mut out = Vec::new();
    for ((tab, watch), watched) in watched {
        for change in changes(watched) {
            let watch = *watch;
            out.push((tab.clone(), Message::Change { watch, change }));
        }
    }
    out
}

impl Watched {
    fn changes(
        &mut self,
        core: &Core,
        link: &LinkView,
        transfers: &BTreeMap<i64, TransferView>,
    ) -> Vec<Change> {
        let begun = self.snapshot.is_some();
        match std::mem::replace(&mut self.stale, Stale::Nothing) {
            Stale::Nothing => Vec::new(),
            // Before the first was told there is nothing to put it into.
            Stale::Some(ids) if begun => ids
                .into_iter()
                .filter_map(|id| self.tell_conversation(core, id))
                .collect(),
            Stale::Lines(lines) if begun => {
                let (told, whole) = self.tell_lines(core, lines);
                let told = told.into_iter().map(Change::Rows);
                let all = whole.then(|| self.tell_all(core, link, transfers));
                told.chain(all.flatten()).collect()
            }
            _ if !begun && self.view == View::Conversations => match core.conversation_ids() {
                Ok(ids) => {
                    self.rest = ids;
                    self.rest.reverse();
                    self.snapshot = Some(Value::Null);
                    self.tell_some(core, FIRST)
                }
                Err(error) => vec![Change::Refused(refusal(&error))],
            },
            _ => self.tell_all(core, link, transfers).into_iter().collect(),
        }
    }

    /// Tells the next conversations that were not told yet.
    fn tell_some(&mut self, core: &Core, count: usize) -> Vec<Change> {
        let (mut told, mut refused) = (Rows::default(), None);
        let next = self.rest.len().saturating_sub(count);
        let mut ids = self.rest.split_off(next);
        ids.reverse();
        for id in ids {
            let key = id.to_string();
            // What changed meanwhile was told as it is now.
            if self.rows.rows().iter().any(|(other, _)| *other == key) {
                continue;
            }
            match core.conversation(id) {
                Ok(view) => {
                    let view = view.as_ref().map(json);
                    if let Some(rows) = self.rows.replace(&key, view, newest_first) {
                        told.put.extend(rows.put);
                    }
                }
                Err(error) => {
                    // The others are told, and this one when all are read again.
                    self.stale = Stale::All;
                    refused = Some(Change::Refused(refusal(&error)));
                }
            }
        }
        told.more = !self.rest.is_empty();
        let mut out = vec![Change::Rows(told)];
        out.extend(refused);
        out
    }

    /// Tells one conversation as it is now; absent when nothing is different.
    fn tell_conversation(&mut self, core: &Core, id: i64) -> Option<Change> {
        let view = match core.conversation(id) {
            Ok(view) => view.as_ref().map(json),
            Err(error) => return Some(Change::Refused(refusal(&error))),
        };
        let mut rows = self.rows.replace(&id.to_string(), view, newest_first)?;
        rows.more = !self.rest.is_empty();
        Some(Change::Rows(rows))
    }

    /// Tells the whole view as it is now; absent when nothing is different.
    fn tell_all(
        &mut self,
        core: &Core,
        link: &LinkView,
        transfers: &BTreeMap<i64, TransferView>,
    ) -> Option<Change> {
        match read(core, link, transfers, &self.view) {
            Ok(Read::Snapshot(value)) if self.snapshot.as_ref() == Some(&value) => None,
            Ok(Read::Snapshot(value)) => {
                self.snapshot = Some(value.clone());
                Some(Change::Snapshot(value))
            }
            Ok(Read::Rows(rows)) => {
                // An empty list is told once, too: it is there and has nothing. So is that nothing is to come.
                let first = self.snapshot.replace(Value::Null).is_none();
                let said = first || !std::mem::take(&mut self.rest).is_empty();
                let rows = self.rows.change(rows);
                rows.or_else(|| said.then(Rows::default)).map(Change::Rows)
            }
            Err(error) => Some(Change::Refused(refusal(&error))),
        }
    }

    /// Tells these lines as they are now, and those that quote them. True when that was not all: the whole
    /// window is to be read.
    fn tell_lines(&mut self, core: &Core, mut changed: BTreeSet<MessageId>) -> (Vec<Rows>, bool) {
        let mut out = Vec::new();
        let View::Timeline {
            conversation,
            before,
            after,
            limit,
        } = &self.view
        else {
            return (out, true);
        };
        let limit = usize::try_from(*limit).unwrap_or(usize::MAX);
        let window = match (before, after) {
            (None, None) => Window::Newest(limit),
            (None, Some(_)) => Window::Behind(limit),
            (Some(_), _) => Window::Before,
        };
        let quoting: Vec<MessageId> = changed
            .iter()
            .flat_map(|id| {
                let key = id.to_string();
                let all: Vec<_> = lines::quoting(&self.rows, &key)
                    .filter_map(|key| key.parse().ok())
                    .collect();
                all
            })
            .collect();
        changed.extend(quoting);
        let known = |id: &MessageId| {
            let key = id.to_string();
            self.rows.rows().iter().any(|(other, _)| *other == key)
        };
        // Which of several came first the window knows.
        if changed.iter().filter(|id| !known(id)).count() > 1 {
            return (out, true);
        }
        for id in changed {
            let Ok(Some(line)) = core.item(*conversation, &id) else {
                return (out, true);
            };
            match lines::revise(&mut self.rows, &id.to_string(), json(&line), window) {
                Revised::Same => {}
                Revised::Rows(rows) => out.push(rows),
                Revised::Unsure => return (out, true),
            }
        }
        (out, false)
    }
}

enum Read {
    Snapshot(Value),
    Rows(Vec<(String, Value)>),
}

fn read(
    core: &Core,
    link: &LinkView,
    transfers: &BTreeMap<i64, TransferView>,
    view: &View,
) -> Result<Read, CoreError> {
    Ok(match view {
        View::Account => Read::Snapshot(json(&core.account()?)),
        View::Link => Read::Snapshot(json(link)),
        View::Conversations => rows(&core.conversations()?, |row| row.conversation.to_string()),
        View::Contacts => rows(&core.contacts()?, |row| row.address.to_string()),
        View::Requests => rows(&core.requests()?, |row| row.address.to_string()),
        View::Transfers => {
            let waiting = core.transfers()?;
            // How far they are was told since; of what is tried again the earlier try is over.
            let tried_again = |row: &TransferView| {
                row.message.is_some() && waiting.iter().any(|now| now.message == row.message)
            };
            let mut all: BTreeMap<i64, &TransferView> = transfers
                .iter()
                .filter(|(_, row)| row.state == "running" || !tried_again(row))
                .map(|(id, row)| (*id, row))
                .collect();
            for row in &waiting {
                all.entry(row.transfer).or_insert(row);
            }
            Read::Rows(
                all.iter()
                    .map(|(id, row)| (id.to_string(), json(row)))
                    .collect(),
            )
        }
        View::Timeline {
            conversation,
            before,
            after,
            limit,
        } => rows(
            &lines(core, *conversation, before.as_ref(), after.as_ref(), *limit)?,
            |row| row.message.to_string(),
        ),
    })
}

/// A window of a conversation, oldest first.
fn lines(
    core: &Core,
    conversation: i64,
    before: Option<&MessageId>,
    after: Option<&MessageId>,
    limit: u32,
) -> Result<Vec<TimelineItem>, CoreError> {
    match after {
        Some(after) => core.timeline_after(conversation, after, limit),
        None => core.timeline(conversation, before, limit),
    }
}

/// Whether a conversation stands before another in the list, as [`Core::conversations`] orders them.
fn newest_first(one: &Value, other: &Value) -> bool {
    let place = |row: &Value| {
        let number = |name: &str| row.get(name).and_then(Value::as_i64);
        (number("last_ms"), number("conversation"))
    };
    place(one) > place(other)
}

fn rows<T: Serialize>(all: &[T], key: impl Fn(&T) -> String) -> Read {
    Read::Rows(all.iter().map(|row| (key(row), json(row))).collect())
}

/// Views and events are made of texts, numbers and lists: all of them have a JSON form.
fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or(Value::Null)
}

/// A core's refusal, for a tab.
#[must_use]
pub fn refusal(error: &CoreError) -> Refusal {
    Refusal {
        code: error.code().to_owned(),
        message: error.to_string(),
    }
}

/// Answers a question that changes nothing; absent for acts and watching.
///
/// # Errors
/// The core's: something that is not there, or a store that can not be read.
pub fn answer(core: &Core, ask: &Ask) -> Result<Option<Value>, CoreError> {
    Ok(Some(match ask {
        Ask::Do(_) | Ask::Watch { .. } | Ask::Unwatch(_) => return Ok(None),
        Ask::Account => json(&core.account()?),
        Ask::CodeOrdered => json(
            &core
                .code_ordered()?
                .map(|(number, expires_ms)| CodeOrdered { number, expires_ms }),
        ),
        Ask::Contact(address) => json(&core.contact(address)?),
        Ask::Members(conversation) => json(&core.group_members(*conversation)?),
        Ask::Mentionable(conversation) => json(&named(core.mentionable(*conversation)?)),
        Ask::Names => json(&named(core.names()?)),
        Ask::Timeline {
            conversation,
            before,
            after,
            limit,
        } => json(&lines(
            core,
            *conversation,
            before.as_ref(),
            after.as_ref(),
            *limit,
        )?),
        Ask::GroupsWith(address) => json(&core.groups_with(address)?),
        Ask::Item {
            conversation,
            message,
        } => json(&core.item(*conversation, message)?),
        Ask::Info {
            conversation,
            message,
        } => json(&core.info(*conversation, message)?),
        Ask::Search { query, limit } => {
            let found = core.search(query, *limit)?;
            let lines = found
                .into_iter()
                .map(|(conversation, item)| FoundLine { conversation, item });
            json(&lines.collect::<Vec<_>>())
        }
        Ask::Unsent => json(&core.unsent()?),
    }))
}

fn named(all: Vec<(comity_wire::Address, String)>) -> Vec<Named> {
    all.into_iter()
        .map(|(address, name)| Named { address, name })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boundary::Question;
    use crate::rows::tests::{List, apply};

    fn offline() -> LinkView {
        LinkView {
            online: false,
            wanted: false,
            retry_ms: None,
            ended: None,
        }
    }

    fn core() -> Core {
        Core::open(rusqlite::Connection::open_in_memory().unwrap()).unwrap()
    }

    #[test]
    fn a_view_is_told_once_and_then_only_when_it_changed() {
        let (core, mut desk) = (core(), Desk::default());
        desk.watch("tab", 1, View::Conversations);
        desk.watch("tab", 2, View::Account);
        assert_eq!(desk.changes(&core, &offline()).len(), 2);
        desk.acted(true);
        assert!(desk.is_stale());
        assert!(desk.changes(&core, &offline()).is_empty());
        assert!(!desk.is_stale());
    }

    /// A core of `count` conversations, and its store.
    fn many(name: &str, count: i64) -> (Core, rusqlite::Connection) {
        let at = format!("file:{name}?mode=memory&cache=shared");
        let core = Core::open(rusqlite::Connection::open(&at).unwrap()).unwrap();
        let store = rusqlite::Connection::open(at).unwrap();
        for number in 1..=count {
            let sql = "INSERT INTO conversation (kind, state, last_ms) VALUES (1, 'active', ?1)";
            store.execute(sql, [number * 7 % 100]).unwrap();
        }
        (core, store)
    }

    /// What a screen has after `told`, and whether more is to come.
    fn screen(list: &mut List, told: Vec<(String, Message)>) -> bool {
        let mut more = false;
        for (_, told) in told {
            let Message::Change {
                change: Change::Rows(rows),
                ..
            } = told
            else {
                panic!("no rows: {told:?}");
            };
            *list = apply(std::mem::take(list), &rows);
            more = rows.more;
        }
        more
    }

    fn as_it_is(core: &Core) -> List {
        let all = core.conversations().unwrap();
        all.iter()
            .map(|row| (row.conversation.to_string(), json(row)))
            .collect()
    }

    #[test]
    fn of_many_conversations_the_first_are_told_before_the_others_are_read() {
        let (core, store) = many("desk-first", 250);
        let (mut desk, mut list) = (Desk::default(), List::new());
        desk.watch("tab", 1, View::Conversations);
        assert!(screen(&mut list, desk.changes(&core, &offline())));
        assert_eq!(list.len(), FIRST);
        assert_eq!(list, as_it_is(&core)[..FIRST]);
        // The newest is told at once; one that is told already is not told again in its turn.
        let sql = "UPDATE conversation SET last_ms = 1000 + id WHERE id IN (99, 100)";
        store.execute(sql, []).unwrap();
        for conversation in [99, 100] {
            desk.heard(&Event::ConversationChanged { conversation });
        }
        assert!(screen(&mut list, desk.changes(&core, &offline())));
        assert_eq!(list.first().map(|(key, _)| key.as_str()), Some("100"));
        // What is gone before it was told is not told of.
        let sql = "DELETE FROM conversation WHERE id IN (SELECT id FROM conversation ORDER BY last_ms, id LIMIT 1)";
        store.execute(sql, []).unwrap();
        let mut turns = 0;
        while desk.has_more() {
            let more = screen(&mut list, desk.more(&core));
            assert_eq!(more, desk.has_more());
            turns += 1;
        }
        assert_eq!((turns, list.len()), (3, 249));
        assert_eq!(list, as_it_is(&core));
    }

    #[test]
    fn what_is_told_whole_leaves_nothing_to_be_told() {
        let (core, store) = many("desk-whole", 60);
        let (mut desk, mut list) = (Desk::default(), List::new());
        desk.watch("tab", 1, View::Conversations);
        assert!(screen(&mut list, desk.changes(&core, &offline())));
        desk.acted(true);
        assert!(!screen(&mut list, desk.changes(&core, &offline())));
        assert!(!desk.has_more());
        assert_eq!(list, as_it_is(&core));
        // The last of them goes before it was told: that it was the last is said.
        desk.watch("tab", 2, View::Conversations);
        list.clear();
        assert!(screen(&mut list, desk.changes(&core, &offline())));
        let told: Vec<i64> = list.iter().map(|(key, _)| key.parse().unwrap()).collect();
        store
            .execute_batch(&format!(
                "DELETE FROM conversation WHERE id NOT IN ({})",
                told.iter()
                    .map(i64::to_string)
                    .collect::<Vec<_>>()
                    .join(",")
            ))
            .unwrap();
        desk.unwatch("tab", 1);
        desk.acted(true);
        let told = desk.changes(&core, &offline());
        assert_eq!(told.len(), 1);
        assert!(!screen(&mut list, told));
        assert!(!desk.has_more());
    }

    #[test]
    fn each_tab_has_its_own_numbers() {
        let (core, mut desk) = (core(), Desk::default());
        desk.watch("one", 1, View::Link);
        desk.watch("two", 1, View::Link);
        assert_eq!(desk.changes(&core, &offline()).len(), 2);
        desk.forget("one");
        let online = LinkView {
            online: true,
            ..offline()
        };
        desk.heard(&Event::Online);
        let told = desk.changes(&core, &online);
        assert!(matches!(told.as_slice(), [(tab, _)] if tab == "two"));
    }

    #[test]
    fn questions_are_read_as_typescript_writes_them() {
        let read = |text: &str| serde_json::from_str::<Question>(text).unwrap().ask;
        assert!(matches!(read(r#"{"id":1,"ask":"account"}"#), Ask::Account));
        assert!(matches!(
            read(
                r#"{"id":2,"ask":{"watch":{"watch":3,"view":{"timeline":{"conversation":1,"limit":50}}}}}"#
            ),
            Ask::Watch {
                watch: 3,
                view: View::Timeline {
                    limit: 50,
                    before: None,
                    ..
                }
            }
        ));
        let say = r#"{"id":3,"ask":{"do":{"send":{"to":"myself","what":{"text":"Milk"}}}}}"#;
        assert!(matches!(
            read(say),
            Ask::Do(comity_client::Command::Send(_))
        ));
        let group = r#"{"id":4,"ask":{"do":{"create_group":{"details":{"name":"Choir"},"members":[],"permissions":{"members_add":true,"members_edit":false,"only_admins_speak":false,"history_for_new":true}}}}}"#;
        assert!(matches!(
            read(group),
            Ask::Do(comity_client::Command::CreateGroup { permissions, .. }) if permissions.history_for_new
        ));
        assert!(serde_json::from_str::<Question>(r#"{"id":5,"ask":"everything"}"#).is_err());
    }

    #[test]
    fn what_is_not_there_is_refused_with_a_stable_code() {
        let message = "00112233445566778899aabbccddeeff".parse().unwrap();
        let ask = Ask::Info {
            conversation: 1,
            message,
        };
        let refused = answer(&core(), &ask).unwrap_err();
        assert_eq!(refusal(&refused).code, "not_found");
    }
}
