//! A wild world: people with several devices each do what people do, in no order, while the
//! network, the clocks and the power do what they do. Then all heals, and the oracle judges.
//!
//! Always holds: which acts come, when and by whom follows from the seed and from what the screens
//! show, never from bytes of keys. Deliberately absent: malice.

use crate::clock;
use crate::dice::Dice;
use crate::network::Faults;
use crate::oracle::{self, Said};
use crate::remains;
use crate::story::{group_of, say};
use crate::world::{Standing, Who, World};
use anyhow::{Context, Result, anyhow, ensure};
use comity_client::{
    Command, ConversationView, Event, GroupDetails, ItemKind, Permissions, TimelineItem, What, Whom,
};
use comity_wire::planted::{self, Bug};
use comity_wire::{Address, MessageId};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// What people do in all.
    pub acts: usize,
    /// Power losses, of the hub or of a device, each at a storage call.
    pub crashes: u64,
    /// Apps that the people are at, in turn.
    pub apps: usize,
}

impl Size {
    /// What a seed is in the tests.
    pub const SEED: Self = Self {
        acts: 150,
        crashes: 3,
        apps: 1,
    };

    /// The same with two apps, each a hub of some conversations and a follower of others.
    pub const FAMILY: Self = Self {
        apps: 2,
        ..Self::SEED
    };
}

/// What came of a seed.
#[derive(Debug)]
pub struct Report {
    /// The seed.
    pub seed: u64,
    /// What is wrong; empty when all is well.
    pub wrong: Vec<String>,
    /// Digest of all that happened.
    pub trace: [u8; 32],
    /// What happened, a line each, when asked for.
    pub lines: Vec<String>,
    /// Acts that the cores took.
    pub taken: usize,
    /// Power losses.
    pub crashes: u64,
    /// What the devices were given in all.
    pub steps: u64,
}

/// Lives a seed and judges it.
///
/// # Errors
/// When the world can not be set up or a store not be read.
pub fn live(seed: u64, size: Size, keep_lines: bool) -> Result<Report> {
    alone(seed, || lived(seed, size, keep_lines))
}

/// On a thread of its own: what a thread keeps for its life (the keys of its hash maps, generators
/// of chance) is made in this world and goes with it.
fn alone<T: Send>(seed: u64, live: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            clock::chance_begins(seed);
            live()
        });
        thread.join().map_err(|_| anyhow!("the world panicked"))?
    })
}

fn lived(seed: u64, size: Size, keep_lines: bool) -> Result<Report> {
    let mut wild = if size.apps > 1 {
        Wild::of_two_apps(seed, size)?
    } else {
        Wild::new(seed, size, &*met(seed)?)?
    };
    if keep_lines {
        wild.world.keep_lines();
    }
    wild.mingle();
    let wrong = match wild.heal() {
        Ok(()) => oracle::judge(&wild.world, &wild.said)?,
        Err(error) => vec![format!("{error:#}")],
    };
    let (trace, mut lines) = (wild.world.trace(), wild.world.lines().to_vec());
    if keep_lines && !wrong.is_empty() {
        // Where a device is down there is less to tell.
        let remains = remains::of(&mut wild.world);
        lines.extend(remains.unwrap_or_else(|error| vec![format!("{error:#}")]));
    }
    Ok(Report {
        seed,
        wrong,
        trace,
        lines,
        taken: wild.taken,
        crashes: wild.world.crashes(),
        steps: wild.world.steps(),
    })
}

/// Plants a bug and lives up to `count` seeds from `from` on: the first that shows it, and how. A
/// seed that does not end well without the bug shows nothing of it.
///
/// # Errors
/// When a world can not be set up for another reason than the bug.
pub fn first_to_find(bug: Bug, from: u64, count: u64) -> Result<Option<(u64, String)>> {
    for seed in from..from + count {
        // Everybody met before the bug came.
        let _ = met(seed)?;
        let outcome = alone(seed, || {
            planted::plant(Some(bug));
            lived(seed, Size::SEED, false)
        });
        let wrong = match outcome {
            Ok(report) => report.wrong,
            // A bug may already show while everybody meets.
            Err(error) => vec![format!("{error:#}")],
        };
        if let Some(first) = wrong.into_iter().next()
            && live(seed, Size::SEED, false)?.wrong.is_empty()
        {
            return Ok(Some((seed, first)));
        }
    }
    Ok(None)
}

/// A device that waits for being let in.
struct Linking {
    new: Who,
    owner: Who,
    approved: bool,
}

struct Wild {
    world: World,
    size: Size,
    dice: Dice,
    /// Each person's devices.
    people: Vec<Vec<Who>>,
    addresses: Vec<Address>,
    linking: Vec<Linking>,
    invitations: Vec<String>,
    said: Vec<Said>,
    taken: usize,
}

/// People who have met: four of them with two or three devices each, most of whom know each
/// other, in one group.
struct Met {
    standing: Standing,
    people: Vec<Vec<Who>>,
    addresses: Vec<Address>,
}

/// A world that ends well has come to rest long before.
const REST_MINUTES: u32 = 10;
/// Several times what any world that ended well took.
const STEPS_MAX: u64 = 60_000;
const FIRST: [&str; 4] = ["Ana", "Ben", "Cleo", "Dan"];
/// Meetings that the seeds take turns with.
const MEETINGS: u64 = 4;
/// Their seeds are no other world's: who goes on by the seed of what was before gets the same chance
/// again, so that new keys and names are those of then.
const MEETING_SEED: u64 = u64::MAX - MEETINGS;

/// Signing up and meeting is a third of a seed's time and the same for all: it is lived once a
/// process for each of a few meetings, and every seed goes on from a copy of everybody's disks.
fn met(seed: u64) -> Result<Arc<Met>> {
    static KEPT: Mutex<BTreeMap<u64, Arc<Met>>> = Mutex::new(BTreeMap::new());
    let number = seed % MEETINGS;
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(met) = kept.get(&number) {
        return Ok(met.clone());
    }
    let met =
        Arc::new(alone(MEETING_SEED + number, || meet(number)).context("while everybody met")?);
    kept.insert(number, met.clone());
    Ok(met)
}

fn meet(number: u64) -> Result<Met> {
    let mut world = World::new(MEETING_SEED + number, Faults::CALM)?;
    let (mut people, mut addresses) = (Vec::new(), Vec::new());
    for (first, index) in FIRST.iter().zip(0..) {
        let who = world.sign_up(first)?;
        let mut devices = vec![who];
        for device in 1..2 + (number + index) % 2 {
            devices.push(world.link(who, &format!("{first}'s {device}"))?);
        }
        addresses.push(world.address(who)?);
        people.push(devices);
    }
    world.settle()?;
    let firsts: Vec<Who> = people.iter().filter_map(|of| of.first().copied()).collect();
    for (index, from) in firsts.iter().enumerate() {
        for to in firsts.iter().skip(index + 1).take(2) {
            world.befriend(*from, *to)?;
        }
    }
    let maker = Who(0);
    let known = world.core(maker)?.contacts()?.into_iter();
    let members = known.map(|contact| contact.address).collect();
    let permissions = Permissions {
        members_add: number.is_multiple_of(2),
        members_edit: true,
        ..Permissions::default()
    };
    world.act(maker, group_of("Choir", members, permissions))?;
    world.settle()?;
    world.nothing_is_wrong()?;
    Ok(Met {
        standing: world.standing(),
        people,
        addresses,
    })
}

impl Wild {
    fn new(seed: u64, size: Size, met: &Met) -> Result<Self> {
        Ok(Self {
            world: World::going_on(seed, Faults::WILD, &met.standing)?,
            size,
            dice: Dice::named(seed, "acts"),
            people: met.people.clone(),
            addresses: met.addresses.clone(),
            linking: Vec::new(),
            invitations: Vec::new(),
            said: Vec::new(),
            taken: 0,
        })
    }

    /// A world of two apps, in which everybody meets before anything goes wrong.
    fn of_two_apps(seed: u64, size: Size) -> Result<Self> {
        let calm = Faults {
            skew_ms_max: Faults::WILD.skew_ms_max,
            ..Faults::CALM
        };
        let mut wild = Self {
            world: World::family(seed, calm)?,
            size,
            dice: Dice::named(seed, "acts"),
            people: Vec::new(),
            addresses: Vec::new(),
            linking: Vec::new(),
            invitations: Vec::new(),
            said: Vec::new(),
            taken: 0,
        };
        wild.meet_as_two().context("before anything went wrong")?;
        wild.world.set_faults(Faults::WILD);
        Ok(wild)
    }

    /// Everybody signs up, links, gets to know each other, and is in one group.
    fn meet_as_two(&mut self) -> Result<()> {
        for (index, first) in FIRST.into_iter().enumerate() {
            self.go_to_app_of(index);
            let who = self.world.sign_up(first)?;
            let mut devices = vec![who];
            for number in 1..2 {
                devices.push(self.world.link(who, &format!("{first}'s {number}"))?);
            }
            self.addresses.push(self.world.address(who)?);
            self.people.push(devices);
        }
        self.world.settle()?;
        let firsts: Vec<Who> = self
            .people
            .iter()
            .filter_map(|devices| devices.first().copied())
            .collect();
        for (index, from) in firsts.iter().enumerate() {
            let others = firsts.iter().enumerate().skip(index + 1).take(2);
            for (other, to) in others {
                if self.same_app(index, other) {
                    self.world.befriend(*from, *to)?;
                }
            }
        }
        self.meet_across(&firsts)
    }

    fn same_app(&self, one: usize, other: usize) -> bool {
        one % self.size.apps.max(1) == other % self.size.apps.max(1)
    }

    /// New devices are of this person.
    fn go_to_app_of(&mut self, person: usize) {
        self.world.go_to(person % self.size.apps.max(1));
    }

    /// A number is found at its own app only: across apps people meet in a group, by its link, and
    /// then in private.
    fn meet_across(&mut self, firsts: &[Who]) -> Result<()> {
        for (index, host) in firsts.iter().enumerate().take(self.size.apps) {
            let members = self.known(*host)?;
            let command = self.group(members);
            self.world.act(*host, command)?;
            self.world.settle()?;
            let all = self.world.core(*host)?.conversations()?;
            let group = all.iter().filter(|view| view.group.is_some());
            let conversation = group
                .map(|view| view.conversation)
                .max()
                .context("no group")?;
            let link = self.world.invitation(*host, conversation)?;
            for (other, who) in firsts.iter().enumerate() {
                if !self.same_app(index, other) {
                    let link = link.clone();
                    self.world.act(*who, Command::JoinByInvitation { link })?;
                    self.world.settle()?;
                }
            }
        }
        for (index, from) in firsts.iter().enumerate() {
            if let Some(to) = firsts.get(index + 1) {
                self.introduce(*from, *to)?;
            }
        }
        Ok(())
    }

    /// Someone whom a common group made known is asked to talk, and agrees.
    fn introduce(&mut self, from: Who, to: Who) -> Result<()> {
        let address = self.world.address(to)?;
        let before = self.world.events(to).len();
        let text = format!("Hello, this is {}.", self.world.name(from));
        self.world
            .act(from, say(Whom::Person(address), What::Text(text)))?;
        let asks = self.world.wait_for(to, before, |event| match event {
            Event::Request { request } => Some(request.address.clone()),
            _ => None,
        })?;
        self.world.act(to, Command::Accept(asks))?;
        self.world.settle()
    }

    /// People who agreed to talk with this device's person.
    fn known(&self, who: Who) -> Result<Vec<Address>> {
        let contacts = self.world.core(who)?.contacts()?;
        let mut known: Vec<Address> = contacts
            .into_iter()
            .filter(|contact| contact.accepted)
            .map(|contact| contact.address)
            .collect();
        // In the order in which the world made them, not of their random ids.
        known.sort_by_key(|address| self.addresses.iter().position(|other| other == address));
        Ok(known)
    }

    fn group(&mut self, members: Vec<Address>) -> Command {
        let name = format!("Choir {}", self.dice.between(1_000, 9_999));
        let permissions = Permissions {
            members_add: self.dice.percent(50),
            members_edit: self.dice.percent(50),
            only_admins_speak: false,
            history_for_new: self.dice.percent(30),
        };
        group_of(&name, members, permissions)
    }

    /// Everything at once.
    fn mingle(&mut self) {
        let mut crash_at: Vec<usize> = (0..self.size.crashes)
            .map(|_| self.dice.index(self.size.acts))
            .collect();
        crash_at.sort_unstable();
        for number in 0..self.size.acts {
            for _ in crash_at.iter().filter(|at| **at == number) {
                self.lose_power();
            }
            if self.size.apps > 1 && self.dice.percent(3) {
                let ms = self.dice.between(500, 60_000);
                self.world.cut_apps(ms);
            }
            self.let_in();
            // A refusal is an answer, too: the screen would have said so.
            if let Ok(true) = self.act() {
                self.taken += 1;
            }
            if self.dice.percent(75) {
                let pause = self.dice.between(1, 2_500);
                self.world.run_for(pause);
            }
            if self.works_without_end().is_err() {
                return;
            }
        }
    }

    /// Devices that ask each other or the hub the same thing again and again never fall silent; what
    /// they would still do is not waited for.
    fn works_without_end(&self) -> Result<()> {
        let steps = self.world.steps();
        ensure!(
            steps <= STEPS_MAX,
            "no rest: the devices were given {steps} things, and no end is near"
        );
        Ok(())
    }

    /// The hub or a device loses power at one of the next storage calls.
    fn lose_power(&mut self) {
        let calls = self.dice.between(0, 40);
        if self.dice.percent(40) {
            if self.size.apps > 1 && self.dice.percent(50) {
                self.world.crash_sibling_at(calls);
            } else {
                self.world.crash_hub_at(calls);
            }
        } else {
            let victim = self.someone();
            self.world.crash_at(victim, calls);
        }
    }

    fn someone(&mut self) -> Who {
        let everyone = self.world.everyone();
        let index = self.dice.index(everyone.len());
        everyone.get(index).copied().unwrap_or(Who(0))
    }

    /// New devices show their code, their owners type it in.
    fn let_in(&mut self) {
        for linking in &mut self.linking {
            if linking.approved {
                continue;
            }
            let events = self.world.events(linking.new).iter();
            let code = events.rev().find_map(|event| match event {
                Event::LinkCode { code, .. } => Some(code.clone()),
                _ => None,
            });
            if let Some(code) = code {
                linking.approved = true;
                let _ = self.world.act(linking.owner, Command::ApproveLink { code });
            }
        }
    }

    /// Everything is well again: all power is on, nothing is lost any more.
    fn heal(&mut self) -> Result<()> {
        self.world.set_faults(Faults::CALM);
        self.world.power_stays_on();
        let missing = self.size.crashes.saturating_sub(self.world.crashes());
        for _ in 0..missing {
            let who = self.someone();
            self.world.crash(who, 500);
        }
        for _ in 0..20 {
            self.let_in();
            self.world.run_for(2_000);
        }
        // What was refused is tried again after up to five minutes.
        for _ in 0..200 {
            self.world.run_for(2_000);
            self.works_without_end()?;
        }
        for _ in 1..REST_MINUTES {
            if self.world.settle_within(1).is_ok() {
                return Ok(());
            }
            self.works_without_end()?;
        }
        let last = self.world.settle_within(1);
        last.with_context(|| format!("the last of {REST_MINUTES} minutes"))
    }
}

/// What people do.
impl Wild {
    /// One act of someone; false when there was nothing to do.
    fn act(&mut self) -> Result<bool> {
        let person = self.dice.index(self.people.len());
        let devices = self.people.get(person).cloned().unwrap_or_default();
        let index = self.dice.index(devices.len());
        let who = devices.get(index).copied().unwrap_or(Who(0));
        let what = self.dice.between(1, 100);
        if self.world.core(who).is_err() {
            return Ok(false);
        }
        match what {
            1..=44 => self.say_something(who),
            45..=50 => self.edit(who),
            51..=54 => self.delete(who),
            55..=62 => self.react(who),
            63..=68 => self.read(who),
            69..=71 => self.file(who),
            72..=90 => self.in_a_group(who, what),
            91..=93 => self.link(person, who),
            94 => self.remove_device(who),
            95..=97 => {
                let ms = self.dice.between(500, 60_000);
                self.world.cut_off(who, ms);
                Ok(true)
            }
            _ => self.new_group(who),
        }
    }

    /// A conversation that is open on this device.
    fn somewhere(&mut self, who: Who, group: bool) -> Result<Option<ConversationView>> {
        let mut open: Vec<ConversationView> = self
            .world
            .core(who)?
            .conversations()?
            .into_iter()
            .filter(|view| view.state == "active" && (!group || view.group.is_some()))
            .collect();
        open.sort_by_key(|view| view.conversation);
        let index = self.dice.index(open.len());
        Ok(open.into_iter().nth(index))
    }

    /// One of the newest lines that fit.
    fn some_line(
        &mut self,
        who: Who,
        fits: impl Fn(&TimelineItem) -> bool,
    ) -> Result<Option<(i64, MessageId)>> {
        let Some(view) = self.somewhere(who, false)? else {
            return Ok(None);
        };
        let items = self
            .world
            .core(who)?
            .timeline(view.conversation, None, 30)?;
        let items: Vec<TimelineItem> = items.into_iter().filter(|item| fits(item)).collect();
        let index = self.dice.index(items.len());
        Ok(items
            .get(index)
            .map(|item| (view.conversation, item.message)))
    }

    fn done(&mut self, who: Who, command: Command) -> Result<bool> {
        self.world.act(who, command)?;
        Ok(true)
    }

    /// Changes a line.
    fn change(
        &mut self,
        who: Who,
        conversation: i64,
        message: MessageId,
        what: What,
    ) -> Result<bool> {
        self.world
            .act(who, say(Whom::Conversation(conversation), what))?;
        self.said.push(Said { who, message });
        Ok(true)
    }

    fn say_something(&mut self, who: Who) -> Result<bool> {
        let Some(view) = self.somewhere(who, false)? else {
            return Ok(false);
        };
        let text = format!("{} {}", self.world.name(who), self.said.len());
        self.put(who, view.conversation, What::Text(text))
    }

    /// Says something that has a line.
    fn put(&mut self, who: Who, conversation: i64, what: What) -> Result<bool> {
        let mut id = [0; 16];
        self.dice.fill(&mut id);
        let message = MessageId::new(id);
        let mut command = say(Whom::Conversation(conversation), what);
        if let Command::Send(say) = &mut command {
            say.id = Some(message);
        }
        self.world.act(who, command)?;
        self.said.push(Said { who, message });
        Ok(true)
    }

    fn edit(&mut self, who: Who) -> Result<bool> {
        let fits = |item: &TimelineItem| {
            item.outgoing && item.kind == ItemKind::Text && !item.deleted && item.seq.is_some()
        };
        let Some((conversation, target)) = self.some_line(who, fits)? else {
            return Ok(false);
        };
        let text = format!("better {}", self.dice.between(0, 999));
        let what = What::Edit { target, text };
        self.change(who, conversation, target, what)
    }

    fn delete(&mut self, who: Who) -> Result<bool> {
        let fits = |item: &TimelineItem| {
            item.outgoing && item.kind == ItemKind::Text && !item.deleted && item.seq.is_some()
        };
        let Some((conversation, target)) = self.some_line(who, fits)? else {
            return Ok(false);
        };
        let what = What::Delete { target };
        self.change(who, conversation, target, what)
    }

    fn react(&mut self, who: Who) -> Result<bool> {
        let fits = |item: &TimelineItem| {
            item.kind == ItemKind::Text && !item.deleted && item.seq.is_some()
        };
        let Some((conversation, target)) = self.some_line(who, fits)? else {
            return Ok(false);
        };
        let emoji = self.dice.one_of(&["👍", "🎶", "❤", ""]).to_owned();
        let what = What::React { target, emoji };
        self.change(who, conversation, target, what)
    }

    fn read(&mut self, who: Who) -> Result<bool> {
        let Some(view) = self.somewhere(who, false)? else {
            return Ok(false);
        };
        let conversation = view.conversation;
        self.done(who, Command::MarkRead { conversation })
    }

    fn file(&mut self, who: Who) -> Result<bool> {
        let Some(view) = self.somewhere(who, false)? else {
            return Ok(false);
        };
        let size = self.dice.between(1, 3_000);
        let path = format!("/file {}", self.said.len());
        let bytes = vec![7; usize::try_from(size).unwrap_or(0)];
        self.world.put_file(who, &path, &bytes);
        let what = What::File {
            path,
            file_name: "score.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            size,
            caption: String::new(),
            look: Box::default(),
        };
        self.put(who, view.conversation, what)
    }

    fn new_group(&mut self, who: Who) -> Result<bool> {
        let mut members = self.known(who)?;
        let keep = self.dice.index(members.len() + 1);
        members.truncate(keep);
        let command = self.group(members);
        self.done(who, command)
    }

    fn in_a_group(&mut self, who: Who, what: u64) -> Result<bool> {
        let Some(view) = self.somewhere(who, true)? else {
            return self.join(who);
        };
        let conversation = view.conversation;
        let index = self.dice.index(self.addresses.len());
        let Some(member) = self.addresses.get(index).cloned() else {
            return Ok(false);
        };
        let command = match what {
            72..=75 => Command::AddMembers {
                conversation,
                members: vec![member],
            },
            76..=78 => Command::RemoveMember {
                conversation,
                member,
            },
            79..=81 => Command::SetRole {
                conversation,
                member,
                admin: self.dice.percent(70),
            },
            82..=84 => Command::SetGroupDetails {
                conversation,
                details: GroupDetails {
                    name: Some(format!("Choir {}", self.dice.between(1, 999))),
                    ..GroupDetails::default()
                },
            },
            85 => Command::SetPermissions {
                conversation,
                permissions: Permissions {
                    members_add: self.dice.percent(50),
                    members_edit: self.dice.percent(50),
                    only_admins_speak: self.dice.percent(20),
                    history_for_new: self.dice.percent(30),
                },
            },
            86 => Command::MakeInvitation { conversation },
            87 => Command::RevokeInvitation { conversation },
            88 => Command::LeaveGroup { conversation },
            _ => return self.join(who),
        };
        self.done(who, command)
    }

    /// Joins by a link that someone made.
    fn join(&mut self, who: Who) -> Result<bool> {
        self.invitations.clear();
        for other in self.world.everyone() {
            for event in self.world.events(other) {
                if let Event::Invitation { link, .. } = event {
                    self.invitations.push(link.clone());
                }
            }
        }
        let index = self.dice.index(self.invitations.len());
        let Some(link) = self.invitations.get(index).cloned() else {
            return Ok(false);
        };
        self.done(who, Command::JoinByInvitation { link })
    }

    fn link(&mut self, person: usize, owner: Who) -> Result<bool> {
        let Some(devices) = self.people.get_mut(person) else {
            return Ok(false);
        };
        if devices.len() > 3 {
            return Ok(false);
        }
        let name = format!("{}'s new", self.world.name(owner));
        self.world.go_to(person % self.size.apps.max(1));
        let new = self.world.device(&name)?;
        self.world
            .act(new, Command::StartLink { device_name: name })?;
        devices.push(new);
        self.linking.push(Linking {
            new,
            owner,
            approved: false,
        });
        Ok(true)
    }

    /// A person takes a device that is not the one at hand out of the account.
    fn remove_device(&mut self, who: Who) -> Result<bool> {
        let Some(account) = self.world.core(who)?.account()? else {
            return Ok(false);
        };
        let mut others: Vec<_> = account
            .devices
            .iter()
            .filter(|device| !device.this && !device.owner)
            .collect();
        others.sort_by_key(|device| device.added_ms);
        let index = self.dice.index(others.len());
        let Some(device) = others.get(index).map(|device| device.device) else {
            return Ok(false);
        };
        self.done(who, Command::RemoveDevice(device))
    }
}
