//! The conversation on the screen: lines typed go to whom one is talking with, what arrives
//! appears above the line being typed.

mod account;
mod groups;
mod help;
mod keeping;
mod messages;
mod missed;
mod people_and_devices;
mod screen;

use super::acts::{How, in_order, names};
use super::people;
use super::refused;
use super::session::Session;
use super::shell::STORE;
use super::words;
use anyhow::Result;
use comity_client::{Command, Core, Event, ItemKind, Status, TimelineItem, What, Whom};
use comity_wire::{Address, DeviceId, MessageId};
use jiff::civil::Date;
use missed::Waiting;
use screen::{Prompt, Screen};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// How long the app's word on what was typed last is waited for.
const LAST_WORD: Duration = Duration::from_secs(5);
/// Lines that are shown when one turns to a conversation, and by each `/more`.
const LINES: u32 = 20;

/// Talks until the input ends.
pub(crate) async fn run(session: &Session) -> Result<()> {
    let mut events = session.handle.events();
    session.signed_up().await?;
    let (lines, mut input) = mpsc::channel::<String>(16);
    let mut talk = Talk {
        session,
        screen: Screen::open(lines)?,
        with: None,
        told: None,
        numbers: Vec::new(),
        shown: BTreeMap::new(),
        oldest: None,
        day: None,
        waiting: Vec::new(),
        newest: BTreeMap::new(),
        ahead: BTreeSet::new(),
        unsaid: None,
        store_failure: None,
        asked: None,
        called: None,
        lock: Vec::new(),
        joining: None,
    };
    talk.begin().await?;
    talk.say("Everything you say here is end-to-end encrypted. /help shows what you can do.");
    talk.list().await?;
    talk.ask().await?;
    'talk: loop {
        let due = talk.due();
        tokio::select! {
            line = input.recv() => {
                let Some(line) = line else { break };
                match talk.typed(line.trim()).await {
                    Ok(true) => talk.unsaid = None,
                    Ok(false) => break,
                    Err(error) => talk.say(&format!("— {}", refused::while_talking(&error))),
                }
                talk.ask().await?;
            }
            event = events.recv() => match event {
                Ok(event) => {
                    let (all, whole) = gathered(event, &mut events).await;
                    for event in all {
                        if let Event::Erased { reason } = &event {
                            talk.say(&format!("— {}", words::erased(reason)));
                            break 'talk;
                        }
                        talk.show(event).await?;
                    }
                    if !whole {
                        // What is still to be heard of is read, too.
                        events = session.handle.events();
                        talk.read_on().await?;
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    events = session.handle.events();
                    talk.read_on().await?;
                }
                Err(RecvError::Closed) => return Err(session.handle.gone()),
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {
                talk.show_waiting().await?;
            }
        }
    }
    talk.screen.shown();
    // What was typed last still goes out, and is said to be kept, if there is a connection.
    if session.query(|core| Ok(core.is_online())).await? {
        let end = Instant::now() + LAST_WORD;
        while !talk.lock.is_empty()
            && let Ok(Ok(event)) = tokio::time::timeout_at(end, events.recv()).await
        {
            talk.show(event).await?;
        }
        let _ = session.flushed().await;
    }
    Ok(())
}

/// An event, and where it begins what a member gives of earlier, what follows at once: the newest
/// comes first, and is shown last. False where some were passed over meanwhile.
async fn gathered(first: Event, events: &mut Receiver<Event>) -> (Vec<Event>, bool) {
    /// Nothing more of it comes after a silence so long.
    const SILENCE: Duration = Duration::from_millis(150);
    const MOST: usize = 200;
    let is_earlier =
        |event: &Event| matches!(event, Event::Item { item, .. } if item.told_by.is_some());
    let mut all = vec![first];
    if !all.iter().all(is_earlier) {
        return (all, true);
    }
    let mut whole = true;
    while all.len() < MOST {
        match tokio::time::timeout(SILENCE, events.recv()).await {
            Ok(Ok(event)) => all.push(event),
            Ok(Err(error)) => {
                whole = !matches!(error, RecvError::Lagged(_));
                break;
            }
            Err(_) => break,
        }
    }
    let (mut earlier, others): (Vec<Event>, Vec<Event>) = all.into_iter().partition(is_earlier);
    earlier.sort_by_key(|event| match event {
        Event::Item { conversation, item } => (*conversation, item.seq, item.at_ms),
        _ => (0, None, 0),
    });
    earlier.extend(others);
    (earlier, whole)
}

/// What waits for a `/yes`.
enum Asked {
    Verify(Address),
    Report {
        address: Address,
        messages: Vec<MessageId>,
        reason: String,
    },
    Leave(i64),
    Block(Address),
    Delete(MessageId),
    RemoveDevice(DeviceId),
    RecoveryPhrase,
    /// Something about a group.
    Do(Box<Command>),
}

/// What a line says, whoever has it by now.
fn said(names: &words::Names, item: &TimelineItem) -> String {
    let mut item = item.clone();
    if item.status != Status::Failed {
        item.status = Status::Sent;
    }
    item.progress = None;
    words::line(names, &item)
}

/// The command that a line is, without its slash. Two slashes begin a text.
fn command(line: &str) -> Option<&str> {
    let command = line.trim().strip_prefix('/');
    command.filter(|command| !command.starts_with('/'))
}

struct Talk<'a> {
    session: &'a Session,
    screen: Screen,
    with: Option<Whom>,
    /// The receipt that was told last: conversation, entry, read.
    told: Option<(i64, u64, bool)>,
    /// Lines that were shown, each with its conversation: `:1` is the first.
    numbers: Vec<(i64, MessageId)>,
    /// How each line of a conversation one was in was shown last.
    shown: BTreeMap<MessageId, String>,
    /// The oldest line that was shown of the conversation one is in.
    oldest: Option<MessageId>,
    /// The day of the line that was shown last.
    day: Option<Date>,
    /// Own lines whose first fate is not shown yet.
    waiting: Vec<Waiting>,
    /// The newest line that was told of each conversation, and its place in the log.
    newest: BTreeMap<i64, (u64, MessageId)>,
    /// Lines that were shown before they were told.
    ahead: BTreeSet<MessageId>,
    /// What was typed to be said, until it is kept here.
    unsaid: Option<String>,
    /// Why the store failed, as it was told last.
    store_failure: Option<String>,
    asked: Option<Asked>,
    /// Whom one talks with, by name, as the screen knows it.
    called: Option<String>,
    /// What to say of the registration lock once the app keeps it as it was typed.
    lock: Vec<&'static str>,
    /// A group that is being joined.
    joining: Option<i64>,
}

impl Talk<'_> {
    fn say(&self, line: &str) {
        self.screen.say(line);
    }

    /// Lets the next line be typed, under the name of whom it goes to.
    async fn ask(&mut self) -> Result<()> {
        let text = self.prompt().await?;
        let person = self.whom().await?;
        self.called = match person {
            Some(person) => Some(words::somebody(&names(self.session).await?, &person)),
            None => None,
        };
        let names = self.people().await?;
        self.screen.ask(Prompt {
            text,
            names,
            // Where a yes or no is asked for, nothing typed is sent.
            is_said: self.with.is_some() && self.asked.is_none(),
            typed: self.unsaid.take().unwrap_or_default(),
        });
        Ok(())
    }

    /// What stands before the line being typed.
    async fn prompt(&self) -> Result<String> {
        let title = match &self.with {
            None => String::new(),
            Some(Whom::Myself) => "notes to self".to_owned(),
            Some(Whom::Person(address)) => words::prompt(&names(self.session).await?, address),
            Some(Whom::Conversation(id)) => {
                let names = names(self.session).await?;
                let all = self.session.query(Core::conversations).await?;
                let found = all.iter().find(|one| one.conversation == *id);
                found.map_or_else(String::new, |one| words::prompt_in(&names, one))
            }
        };
        Ok(format!("{title}> "))
    }

    /// What people and groups are called, for completing what is typed.
    async fn people(&self) -> Result<Vec<String>> {
        let contacts = self.session.query(Core::contacts).await?;
        let all = self.session.query(Core::conversations).await?;
        let groups = all.into_iter().filter(|one| one.kind == "group");
        let names = contacts.into_iter().map(|contact| contact.name);
        let names = names.chain(groups.map(|group| group.title));
        // What would steer a screen is not typed for anybody.
        Ok(names
            .filter(|name| !name.is_empty() && words::plain(name) == *name)
            .collect())
    }

    /// The local id of whom one is talking with, when there is a conversation.
    async fn current(&self) -> Result<Option<i64>> {
        let Some(with) = self.with.clone() else {
            return Ok(None);
        };
        let found = people::with(self.session, &with).await?;
        Ok(found.map(|conversation| conversation.conversation))
    }

    /// Whom one talks with has another name: it stands before the line being typed, and is said.
    async fn follow_name(&mut self, event: &Event) -> Result<()> {
        match event {
            Event::ContactChanged { .. } | Event::Accepted { .. } => {
                self.screen.asks_as(&self.prompt().await?);
                let Some(person) = self.whom().await? else {
                    return Ok(());
                };
                let now = words::somebody(&names(self.session).await?, &person);
                if let Some(before) = self.called.replace(now.clone()).filter(|it| *it != now) {
                    self.say(&format!("— {before} is called {now} now"));
                }
            }
            Event::ConversationChanged { .. } => self.screen.asks_as(&self.prompt().await?),
            _ => {}
        }
        Ok(())
    }

    async fn show(&mut self, event: Event) -> Result<()> {
        if matches!(&event, Event::Failed { act, .. } if act == "join_by_invitation") {
            self.not_joined();
        }
        self.follow_name(&event).await?;
        match &event {
            Event::Item { conversation, item } => {
                self.store_failure = None;
                if self.ahead.remove(&item.message) {
                    return Ok(());
                }
                if item.outgoing && item.status == Status::Queued {
                    self.waits(*conversation, item.message);
                    return Ok(());
                }
                self.arrived(*conversation, item).await?;
            }
            // As often as it is tried again.
            Event::Failed { act, message, .. }
                if act == STORE && self.store_failure.as_ref() == Some(message) => {}
            Event::ItemChanged { conversation, item } => {
                let plain =
                    item.outgoing && !item.edited && !item.deleted && item.reactions.is_empty();
                self.heard(*conversation, item);
                // An own line is shown when it went out; what follows tell the receipts.
                let first = item.status != Status::Queued && self.waited(item.message);
                if !plain || first || item.status == Status::Failed {
                    // What one did oneself is told as it is done, and again when the app has it.
                    let said = said(&names(self.session).await?, item);
                    if first || self.shown.get(&item.message) != Some(&said) {
                        self.show_line(*conversation, item).await?;
                    }
                }
            }
            Event::Receipt {
                conversation,
                address,
                ..
            } => {
                let who = words::somebody(&names(self.session).await?, address);
                self.receipt(*conversation, &who).await?;
            }
            Event::Accepted { address, .. } => {
                let names = names(self.session).await?;
                self.say(&people::accepted(&names, address));
            }
            Event::Saved { what } if what == "registration_lock" && !self.lock.is_empty() => {
                let lock = self.lock.remove(0);
                self.say(lock);
            }
            other => {
                if let Event::Failed { act, message, .. } = other
                    && act == STORE
                {
                    self.store_failure = Some(message.clone());
                }
                let names = names(self.session).await?;
                if let Some(line) = words::event(&names, other) {
                    self.say(&line);
                }
            }
        }
        Ok(())
    }

    /// A line that is new here.
    async fn arrived(&mut self, conversation: i64, item: &TimelineItem) -> Result<()> {
        self.heard(conversation, item);
        let here = self.show_line(conversation, item).await?;
        if here && item.kind == ItemKind::Notice && words::changes_permissions(item) {
            self.say_permissions(conversation).await?;
        }
        if here && !item.outgoing {
            let read = Command::MarkRead { conversation };
            // That is no reason to end: the line is shown.
            if let Err(error) = self.session.handle.act(read).await {
                self.say(&format!("— {}", refused::while_talking(&error)));
            }
        }
        Ok(())
    }

    /// Shows a line with its number, after the date when the day is another; whether it is of the
    /// conversation one is in.
    async fn show_line(&mut self, conversation: i64, item: &TimelineItem) -> Result<bool> {
        let names = names(self.session).await?;
        let here = self.current().await? == Some(conversation);
        let day = words::day(item.at_ms);
        if self.day.replace(day) != Some(day) {
            self.say(&words::date(day));
        }
        let line = words::line(&names, item);
        if !here {
            let all = self.session.query(Core::conversations).await?;
            let title = all.iter().find(|one| one.conversation == conversation);
            let title = title.map_or_else(String::new, |one| words::title(&names, one));
            self.say(&format!("#{conversation} {title}  {line}"));
            return Ok(false);
        }
        let number = self.number(conversation, item.message);
        self.say(&format!(":{number} {line}"));
        self.shown.insert(item.message, said(&names, item));
        Ok(true)
    }

    /// By which number commands name a line.
    fn number(&mut self, conversation: i64, message: MessageId) -> usize {
        let place = (conversation, message);
        let known = self.numbers.iter().position(|one| *one == place);
        let at = known.unwrap_or_else(|| {
            self.numbers.push(place);
            self.numbers.len() - 1
        });
        at + 1
    }

    /// Says once that the newest own line was delivered, and once that it was read: in a group when
    /// it is so with all.
    async fn receipt(&mut self, conversation: i64, who: &str) -> Result<()> {
        if self.current().await? != Some(conversation) {
            return Ok(());
        }
        // Who answered has it: only of what stands last it is of use to say so.
        let last = self
            .newest(conversation, |item| item.kind != ItemKind::Notice)
            .await?;
        let Some(last) = last.filter(|item| item.outgoing) else {
            return Ok(());
        };
        // What began a conversation has no place in its log.
        let seq = last.seq.unwrap_or_default();
        let who = last.progress.map_or(who, |_| "everybody");
        let read = last.status == Status::Read;
        let delivered = read || last.status == Status::Delivered;
        if (!read && !delivered)
            || self
                .told
                .is_some_and(|told| told >= (conversation, seq, read))
        {
            return Ok(());
        }
        self.told = Some((conversation, seq, read));
        let what = if read {
            "has read it"
        } else {
            "has it on a device"
        };
        self.say(&format!("— {who} {what} ✓✓"));
        Ok(())
    }

    /// One typed line; false ends the talk.
    async fn typed(&mut self, line: &str) -> Result<bool> {
        if line.is_empty() {
            return Ok(true);
        }
        if let Some(asked) = self.asked.take()
            && self.answered(asked, line).await?
        {
            return Ok(true);
        }
        let Some(command) = command(line) else {
            // A text that begins with a slash has two of them here.
            let text = line.strip_prefix('/').unwrap_or(line).to_owned();
            self.unsaid = Some(line.to_owned());
            self.speak(What::Text(text), None).await?;
            return Ok(true);
        };
        let (word, rest) = command.split_once(' ').unwrap_or((command, ""));
        let rest = rest.trim();
        if let Some(how) = How::called(word) {
            self.keep(how, rest).await?;
            return Ok(true);
        }
        match word {
            "quit" | "q" => return Ok(false),
            "help" => self.say(&help::about(rest)),
            "yes" | "no" => self.say("— nothing was asked"),
            "to" if rest.is_empty() => self.say("— /to NUMBER, NAME, a group, or me"),
            "to" if rest.starts_with(':') => {
                self.turn_to_line(rest.trim_start_matches(':')).await?
            }
            "to" => self.turn_to(rest).await?,
            "more" => self.more().await?,
            "list" => self.list().await?,
            "requests" => self.requests().await?,
            "accept" | "decline" if rest.is_empty() => {
                self.say(&format!("— /{word} WHO; /requests shows who asks to talk"));
            }
            "accept" => {
                let address = people::anyone(self.session, rest).await?;
                people::check_numbers(self.session, Some(&address)).await?;
                self.session
                    .handle
                    .act(Command::Accept(address.clone()))
                    .await?;
                self.with = Some(Whom::Person(address.clone()));
                self.say("— accepted");
                self.first_contact(address).await?;
            }
            "decline" => {
                let address = people::anyone(self.session, rest).await?;
                self.session.handle.act(Command::Decline(address)).await?;
                self.say("— declined; they are not told");
            }
            "file" if rest.is_empty() => self.say("— /file PATH [CAPTION]"),
            "file" => self.send_file(rest).await?,
            "search" if rest.is_empty() => {
                self.say("— /search WORDS finds the lines that have all of them");
            }
            "search" => self.search(rest).await?,
            "contacts" => self.contacts().await?,
            // In a group these are about it.
            "about" | "photo" if !self.is_in_group().await? => {
                self.about_account(word, rest).await?;
            }
            _ if account::COMMANDS.contains(&word) => self.about_account(word, rest).await?,
            "report" => self.report(rest).await?,
            "safety" | "verify" | "block" | "unblock" => {
                self.about_person(word, rest).await?;
            }
            "react" | "reply" | "save" | "edit" | "delete" | "forward" | "info" => {
                self.about_messages(word, rest).await?;
            }
            _ if groups::COMMANDS.contains(&word) => self.about_groups(word, rest).await?,
            other => self.say(&format!("— no command /{other}; /help shows them")),
        }
        Ok(true)
    }

    async fn list(&self) -> Result<()> {
        let names = names(self.session).await?;
        let all = in_order(self.session.query(Core::conversations).await?);
        for conversation in &all {
            self.say(&words::conversation(&names, conversation));
        }
        if all.is_empty() {
            self.say("— no conversations yet: /to NUMBER begins one");
        }
        Ok(())
    }

    /// Whether one is in a group.
    async fn is_in_group(&self) -> Result<bool> {
        let Some(with) = self.with.clone() else {
            return Ok(false);
        };
        let found = people::with(self.session, &with).await?;
        Ok(found.is_some_and(|conversation| conversation.kind == "group"))
    }

    async fn turn_to(&mut self, who: &str) -> Result<()> {
        // What is typed next is meant for nobody else.
        self.with = None;
        self.with = Some(people::whom(self.session, who).await?);
        (self.oldest, self.day) = (None, None);
        let Some(conversation) = self.current().await? else {
            self.say(&format!(
                "— {} is new here: your first line is a request, which they can accept or decline",
                words::plain(who)
            ));
            if let Some(Whom::Person(address)) = self.with.clone() {
                self.first_contact(address).await?;
            }
            return Ok(());
        };
        self.more().await?;
        self.session
            .handle
            .act(Command::MarkRead { conversation })
            .await?;
        Ok(())
    }

    /// Whose word it is that this is their key, before the first words to somebody.
    async fn first_contact(&self, address: Address) -> Result<()> {
        let found = self
            .session
            .query(move |core| core.contact(&address))
            .await?;
        if let Some(contact) = found {
            let words = words::first_contact(&contact, "/safety");
            self.say(&format!("— {words}"));
        }
        Ok(())
    }

    /// Lines before those that were shown.
    async fn more(&mut self) -> Result<()> {
        let Some(conversation) = self.current().await? else {
            self.say("— first say with whom: /to NUMBER or NAME");
            return Ok(());
        };
        let before = self.oldest;
        let items = self
            .session
            .query(move |core| core.timeline(conversation, before.as_ref(), LINES))
            .await?;
        let Some(first) = items.first() else {
            self.say(if before.is_some() {
                "— this is where it begins"
            } else {
                "— nothing was said here yet"
            });
            return Ok(());
        };
        self.oldest = Some(first.message);
        self.day = None;
        for item in &items {
            self.show_line(conversation, item).await?;
        }
        if before.is_none() && items.len() == LINES as usize {
            self.say("— /more shows earlier lines");
        }
        Ok(())
    }
}
