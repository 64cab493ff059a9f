//! A world for somebody who uses the app in a browser: a server with its pages, and people who talk to them. What the
//! browser does is measured there, by `npm run bench` in `web/`; here is only what it has to deal with.
//!
//! It does what lines on standard input say, and says on standard output, in a line of JSON each, what it did:
//!
//! | told | says |
//! |---|---|
//! | | `url`, once there is a server: where the app is |
//! | `ask NUMBER` | `asked`: who asks this person to talk, in which words; `friends`, once all of them were accepted |
//! | `talk` | `said` from time to time; `talked`: how much was said, in how many conversations, how much in the longest |
//! | `miss` | `missed`: how much more was said, in conversations that are there, and how much of it in the longest |
//!
//! The browser is there first, and away while all of this is said: it makes its store itself, with every message opened
//! by MLS in its own worker, by catching up. Linked to an account that has all of it, it would take the history instead,
//! which is quicker and shows less: no message would be opened in the browser.
//!
//! Always holds: groups are really made and every message is really sealed; who is in a group beside the maker and the
//! person in the browser never comes back. Deliberately absent: measuring.

use super::device::Device;
use super::house::{House, befriend};
use super::talk::words;
use crate::options::BenchArgs;
use crate::person::random_bytes;
use anyhow::{Context as _, Result, bail, ensure};
use comity_client::{Command, Event, GroupDetails, Whom};
use comity_membership::Permissions;
use comity_wire::Address;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::io::Write as _;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// Who talks. The first of them has the longest conversation.
const FRIENDS: [&str; 8] = ["Ben", "Cara", "Dan", "Eva", "Finn", "Gil", "Hana", "Ida"];
/// Who is in every group, and away.
const AWAY: &str = "Zoe";
/// Groups that are made at once.
const GROUPS_AT_ONCE: usize = 20;
/// Messages of one person that wait for the hub's answer at once.
const WAITING_MAX: u64 = 48;
/// So often it is told how far the talking is.
const TOLD_EVERY: usize = 1_000;
/// Time that somebody in a browser has to accept everybody.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long one device is waited for while another may have something to do.
const TURN: Duration = Duration::from_millis(20);
/// No answer of the hub takes longer.
const PART: Duration = Duration::from_secs(10);

/// Somebody who talks, and where.
struct Friend {
    name: &'static str,
    device: Device,
    /// The conversation with the person in the browser, then groups.
    conversations: Vec<i64>,
}

struct People {
    friends: Vec<Friend>,
    away: Address,
    /// Who uses the browser.
    reader: Option<Address>,
    said: usize,
}

/// Until standard input ends.
pub(super) async fn run(args: &BenchArgs, house: &House) -> Result<()> {
    let mut people = People::come(house).await?;
    let mut lines = lines();
    tell(&json!({ "url": house.url(), "optimised": !cfg!(debug_assertions) }))?;
    while let Some(line) = lines.recv().await {
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["ask", number] => people.ask(number).await?,
            ["talk"] => people.talk(args).await?,
            ["miss"] => people.miss(args).await?,
            _ => bail!("what is this: {line}"),
        }
    }
    Ok(())
}

/// Lines of standard input, until it ends.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (to, lines) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            let Ok(line) = line else { return };
            if to.send(line).is_err() {
                return;
            }
        }
    });
    lines
}

fn tell(what: &Value) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{what}")?;
    Ok(out.flush()?)
}

/// The words with which somebody asks to talk.
fn first_words(name: &str) -> String {
    format!("Hello, it is {name}.")
}

impl People {
    /// All of them sign up, and talk with the one who will be away.
    async fn come(house: &House) -> Result<Self> {
        let mut zoe = house
            .person(Connection::open_in_memory()?, AWAY, FRIENDS.len() + 1)
            .await?;
        let mut friends = Vec::new();
        for (place, name) in FRIENDS.into_iter().enumerate() {
            let store = Connection::open_in_memory()?;
            let mut device = house.person(store, name, place + 1).await?;
            befriend(&mut device, &mut zoe).await?;
            device.leave().await?;
            friends.push(Friend {
                name,
                device,
                conversations: Vec::new(),
            });
        }
        let away = zoe.address()?;
        zoe.leave().await?;
        Ok(Self {
            friends,
            away,
            reader: None,
            said: 0,
        })
    }

    /// All of them ask somebody to talk, and wait until they may.
    async fn ask(&mut self, number: &str) -> Result<()> {
        let mut asked = Vec::new();
        for friend in &mut self.friends {
            friend.comes().await?;
            let (number, country) = (number.to_owned(), None);
            let device = &mut friend.device;
            device.act(Command::Lookup { number, country }).await?;
            let found = device.until(|event| match event {
                Event::Found { contact } => Some(contact.address.clone()),
                _ => None,
            });
            let address = found.await?;
            let text = first_words(friend.name);
            device.say(Whom::Person(address.clone()), text).await?;
            device.settle().await?;
            asked.push(json!({ "name": friend.name, "text": first_words(friend.name) }));
            self.reader = Some(address);
        }
        tell(&json!({ "asked": asked }))?;
        let reader = self.reader()?;
        let end = Instant::now() + PATIENCE;
        while !self.friends.iter().all(|one| one.conversations.len() == 1) {
            for friend in &mut self.friends {
                friend.device.go_on(TURN).await?;
                friend.look_for(&reader)?;
            }
            ensure!(Instant::now() < end, "a request was not accepted");
        }
        for friend in &mut self.friends {
            friend.goes().await?;
        }
        tell(&json!({ "friends": self.friends.len() }))
    }

    fn reader(&self) -> Result<Address> {
        self.reader.clone().context("nobody was asked to talk")
    }

    /// One after the other makes groups, and says what is to be said there and to the person alone.
    async fn talk(&mut self, args: &BenchArgs) -> Result<()> {
        let count = self.friends.len();
        ensure!(
            args.store_conversations > count,
            "there are {count} conversations without any group"
        );
        let (members, others) = (
            [self.reader()?, self.away.clone()],
            args.store_conversations - 1,
        );
        let each = args.store_messages.saturating_sub(args.store_longest) / others;
        let longest = args.store_messages - each * others;
        let groups = args.store_conversations - count;
        for (place, friend) in self.friends.iter_mut().enumerate() {
            friend.comes().await?;
            let names: Vec<String> = (place..groups)
                .step_by(count)
                .map(|group| format!("Group {}", group + 1))
                .collect();
            friend.make_groups(&names, &members).await?;
            for at in 0..friend.conversations.len() {
                let long = place == 0 && at == 0;
                for number in 1..=if long { longest } else { each } {
                    friend.say(at, number, args.bytes).await?;
                    self.said += 1;
                    if self.said.is_multiple_of(TOLD_EVERY) {
                        tell(&json!({ "said": self.said }))?;
                    }
                }
            }
            friend.goes().await?;
        }
        let (said, conversations) = (self.said, args.store_conversations);
        tell(&json!({ "talked": said, "conversations": conversations, "longest": longest }))
    }

    /// More is said: half of it in the longest conversation, the rest in some of everybody's.
    async fn miss(&mut self, args: &BenchArgs) -> Result<()> {
        const PLACES: usize = 5;
        let others = self.friends.len() - 1;
        let share = args.missed / 2 / others.max(1);
        let longest = args.missed - share * others;
        let mut missed = 0;
        for (place, friend) in self.friends.iter_mut().enumerate() {
            friend.comes().await?;
            let (share, places) = if place == 0 {
                (longest, 1)
            } else {
                (share, PLACES.min(friend.conversations.len()))
            };
            for number in 1..=share {
                friend
                    .say(number % places.max(1), number, args.bytes)
                    .await?;
                missed += 1;
            }
            friend.goes().await?;
        }
        self.said += missed;
        tell(&json!({ "missed": missed, "longest": longest }))
    }
}

impl Friend {
    async fn comes(&mut self) -> Result<()> {
        self.device.come_back();
        let online = |event: &Event| matches!(event, Event::Online).then_some(());
        self.device.until(online).await
    }

    /// Leaves when all that was said is with the hub.
    async fn goes(&mut self) -> Result<()> {
        self.device.settle().await?;
        self.device.leave().await
    }

    /// Notes the conversation with this person, once it is there.
    fn look_for(&mut self, reader: &Address) -> Result<()> {
        if self.conversations.is_empty() {
            let views = self.device.core().conversations()?;
            let found = views
                .iter()
                .find(|view| view.peer.as_ref() == Some(reader) && view.state == "active");
            self.conversations
                .extend(found.map(|view| view.conversation));
        }
        Ok(())
    }

    async fn make_groups(&mut self, names: &[String], members: &[Address]) -> Result<()> {
        for lot in names.chunks(GROUPS_AT_ONCE) {
            for name in lot {
                let details = GroupDetails {
                    name: Some(name.clone()),
                    ..GroupDetails::default()
                };
                self.device
                    .act(Command::CreateGroup {
                        details,
                        members: members.to_vec(),
                        permissions: Permissions::default(),
                    })
                    .await?;
            }
            self.device.settle().await?;
        }
        let core = self.device.core();
        for view in core.conversations()? {
            if view.kind != "group" || view.state != "active" {
                continue;
            }
            let in_it = core.group_members(view.conversation)?.len();
            ensure!(in_it == members.len() + 1, "a group of {in_it}");
            self.conversations.push(view.conversation);
        }
        let made = self.conversations.len() - 1;
        ensure!(made == names.len(), "{made} groups of {}", names.len());
        Ok(())
    }

    /// Says something in one of the conversations: its number there, and some words.
    async fn say(&mut self, at: usize, number: usize, bytes: usize) -> Result<()> {
        let conversation = *self.conversations.get(at).context("no conversation")?;
        // From an eighth of the length to twice as much: as people write, short and long.
        let [eighths] = random_bytes::<1>();
        let length = bytes * (usize::from(eighths % 16) + 1) / 8;
        let text = format!("{number} {}", words(length).trim_end());
        self.device
            .say(Whom::Conversation(conversation), text)
            .await?;
        while self.device.core().unsent()? > WAITING_MAX {
            self.device.go_on(PART).await?;
        }
        // Nobody waits for what the core told.
        self.device.told().for_each(drop);
        Ok(())
    }
}
