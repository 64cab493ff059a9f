//! Making what a scenario needs and is not there yet: sign-ups, conversations, groups.
//!
//! Always holds: all of it goes the way that devices go, over the same connections and through the same checks. Only two
//! steps are left out, which the hub does not ask for: introductions, and the reading of welcomes by members of a group
//! who never write. Everything that was made is acknowledged, so that nothing of it waits for anybody.

use crate::line::{Line, Target, quiet};
use crate::person::{PEOPLE_MAX, Person, random_bytes};
use crate::server::Server;
use crate::world::{Group, Pair, Voice, World};
use anyhow::{Context, Result, bail};
use comity_e2ee::engine::{Groups, Plan, Session};
use comity_e2ee::keys::DeviceKeys;
use comity_e2ee::storage::SCHEMA;
use comity_membership::{CommitHeader, Context as GroupContext, Role, franking};
use comity_wire::proto::{
    Acknowledge, ConversationKind, CreateConversation, FetchWelcome, Position, SubmitCommit, Sync,
    client_frame::Act, reply,
};
use comity_wire::{Address, Bytes64, ConversationId, DeviceAddress, Id16, limits::ADDITIONS_MAX};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

/// Sign-ups and conversations that are under way at once.
const AT_ONCE: usize = 48;

/// What has to be there.
#[derive(Debug, Clone, Default)]
pub(crate) struct Need {
    pub(crate) people: usize,
    pub(crate) pairs: usize,
    pub(crate) many: usize,
    pub(crate) many_pairs: usize,
    pub(crate) groups: BTreeSet<usize>,
}

/// A device with its MLS state in memory.
struct Engine {
    store: Connection,
    groups: Groups,
    keys: DeviceKeys,
    address: Address,
}

impl Engine {
    fn new(person: &Person, target: &Target) -> Result<Self> {
        let store = Connection::open_in_memory()?;
        store.execute_batch(SCHEMA)?;
        Ok(Self {
            store,
            groups: Groups::new(),
            keys: person.keys()?,
            address: person.address(target),
        })
    }

    fn session(&mut self) -> Session<'_> {
        self.groups.session(&self.store, &self.keys, &self.address)
    }

    /// An entry of at least `bytes` bytes and at most 63 more, sealed; longer when nothing is as short.
    fn voice(&mut self, conversation: &ConversationId, bytes: usize) -> Result<Voice> {
        let nonce = random_bytes::<32>();
        let device = DeviceAddress::new(self.address.app.clone(), self.keys.id());
        let header = franking::Header {
            tag: random_bytes(),
            sender_commitment: franking::sender_commitment(&device, &self.address, &nonce),
            epoch_authenticator: self.session().epoch_authenticator(conversation)?,
        };
        // What is sealed is padded: the first try tells what is added.
        let mut seal = |length: usize| {
            self.session()
                .encrypt(conversation, &vec![0; length], &header.encode())
        };
        let least = seal(1)?.len();
        let body = seal(bytes.saturating_sub(least).div_ceil(64) * 64 + 1)?;
        Ok(Voice {
            conversation: conversation.id,
            epoch: self.session().epoch(conversation)?,
            body: Bytes64(body),
            nonce: Bytes64(nonce.to_vec()),
        })
    }

    /// Makes a conversation and adds devices to it, over the device's own line.
    async fn open(
        &mut self,
        line: &mut Line,
        kind: ConversationKind,
        peer: Option<&Address>,
        (app_key, key_packages): (&[u8], Vec<Vec<u8>>),
    ) -> Result<(ConversationId, u64)> {
        let conversation = ConversationId::new(self.address.app.clone(), Id16::new(random_bytes()));
        let roles = match peer {
            Some(peer) => GroupContext::direct_roles(&self.address, peer),
            None => BTreeMap::from([(self.address.clone(), Role::Admin)]),
        };
        let context = GroupContext::new(conversation.clone(), kind, app_key, roles);
        let made = self.session().create(&conversation, &context)?;
        let create = CreateConversation {
            conversation: conversation.id.to_vec(),
            kind: kind.into(),
            group_info: made.group_info,
            ratchet_tree: made.ratchet_tree,
            peer_app: peer.map(|peer| peer.app.to_string()).unwrap_or_default(),
            peer_account: peer.map(|peer| peer.account.to_vec()).unwrap_or_default(),
        };
        match line.ask(Act::CreateConversation(create)).await? {
            reply::Result::Created(created) if created.existing.is_empty() => {}
            other => bail!("a conversation was not made: {other:?}"),
        }
        let mut seq = 0;
        for add in key_packages.chunks(ADDITIONS_MAX) {
            let plan = Plan {
                add: add.to_vec(),
                ..Plan::default()
            };
            let header = CommitHeader::default();
            let pending = self.session().commit(&conversation, plan, &header)?;
            let commit = SubmitCommit {
                hub: String::new(),
                conversation: conversation.id.to_vec(),
                expected_epoch: pending.epoch_before,
                idempotency_key: random_bytes::<16>().to_vec(),
                commit: pending.commit,
                welcome: pending.welcome.unwrap_or_default(),
                group_info: pending.group_info,
                sealed_state: Vec::new(),
            };
            match line.ask(Act::SubmitCommit(commit)).await? {
                reply::Result::Committed(committed) => seq = committed.seq,
                other => bail!("a commit was not taken: {other:?}"),
            }
            self.session().confirm_pending(&conversation)?;
        }
        Ok((conversation, seq))
    }

    /// Joins by the welcome that came with a commit.
    async fn join(
        &mut self,
        line: &mut Line,
        conversation: &ConversationId,
        commit_seq: u64,
    ) -> Result<()> {
        let fetch = FetchWelcome {
            hub: String::new(),
            conversation: conversation.id.to_vec(),
            commit_seq,
        };
        let reply::Result::Welcome(welcome) = line.ask(Act::FetchWelcome(fetch)).await? else {
            bail!("no welcome")
        };
        let _joined = self
            .session()
            .join(&welcome.welcome, &welcome.ratchet_tree)?;
        Ok(())
    }
}

/// What all makers share.
struct Site {
    target: Target,
    http: reqwest::Client,
    app_key: Vec<u8>,
    bytes: usize,
}

/// Makes what is not there yet, and keeps it.
pub(crate) async fn prepare(
    server: &Server,
    world: &mut World,
    folder: &Path,
    need: &Need,
    say: &dyn Fn(&str),
) -> Result<()> {
    let site = Rc::new(Site {
        target: server.target.clone(),
        http: server.http.clone(),
        app_key: server.app_key.clone(),
        bytes: world.bytes,
    });
    anyhow::ensure!(need.people <= PEOPLE_MAX, "so many people have no numbers");
    if need.many > 0 && (world.many.len() < need.many || world.many_pairs != need.many_pairs) {
        // A lot of them is spread anew.
        world.many.clear();
    }
    let old = world.people.len();
    if need.people > old {
        say(&format!("signing up {} people", need.people - old));
        let work = (old..need.people).map(|place| {
            let site = site.clone();
            async move { Person::sign_up(&site.target, &site.http, place).await }
        });
        world.people.extend(all(work, AT_ONCE).await?);
        world.save(folder)?;
    }
    let old = world.pairs.len();
    if need.pairs > old {
        say(&format!(
            "opening {} direct conversations",
            need.pairs - old
        ));
        let work = (old..need.pairs).map(|place| {
            let people = two(&world.people, place);
            let site = site.clone();
            async move { pair(&site, people?).await }
        });
        let made = all(work, AT_ONCE).await?;
        world.pairs.extend(made);
        world.save(folder)?;
    }
    if world.many.len() < need.many {
        say(&format!("opening {} conversations of two", need.many));
        let work = (0..need.many_pairs).map(|place| {
            let people = two(&world.people, place);
            let count = (need.many + need.many_pairs - 1 - place) / need.many_pairs;
            let site = site.clone();
            async move { many(&site, people?, count).await }
        });
        let made = all(work, need.many_pairs).await?;
        // In turn: the first of each, then the second of each.
        let most = made.iter().map(Vec::len).max().unwrap_or_default();
        let mut lists: Vec<_> = made.into_iter().map(Vec::into_iter).collect();
        for _ in 0..most {
            world
                .many
                .extend(lists.iter_mut().filter_map(Iterator::next));
        }
        world.many_pairs = need.many_pairs;
        world.save(folder)?;
    }
    for devices in &need.groups {
        if world.group(*devices).is_err() {
            say(&format!("making a group of {devices} devices"));
            let members = world.people.get(..*devices).context("too few people")?;
            let voice = group(&site, members).await?;
            world.groups.push(Group {
                devices: *devices,
                voice,
            });
            world.save(folder)?;
        }
    }
    Ok(())
}

fn two(people: &[Person], place: usize) -> Result<(Person, Person)> {
    let first = people.get(2 * place).context("too few people")?.clone();
    let second = people.get(2 * place + 1).context("too few people")?.clone();
    Ok((first, second))
}

/// Runs all of them, so many at once, and gives what came of them in their order.
pub(crate) async fn all<T: 'static>(
    work: impl Iterator<Item = impl Future<Output = Result<T>> + 'static>,
    at_once: usize,
) -> Result<Vec<T>> {
    use futures_util::StreamExt;
    let mut running = futures_util::stream::FuturesOrdered::new();
    let mut made = Vec::new();
    for future in work {
        running.push_back(tokio::task::spawn_local(future));
        if running.len() >= at_once
            && let Some(done) = running.next().await
        {
            made.push(done??);
        }
    }
    while let Some(done) = running.next().await {
        made.push(done??);
    }
    Ok(made)
}

/// A direct conversation in which both can write.
async fn pair(site: &Site, (first, second): (Person, Person)) -> Result<Pair> {
    let (mut one, mut other) = (
        Engine::new(&first, &site.target)?,
        Engine::new(&second, &site.target)?,
    );
    let (mut line, _) = Line::open(&site.target, &one.keys).await?;
    let (mut other_line, _) = Line::open(&site.target, &other.keys).await?;
    let package = other.session().key_package(false)?;
    let peer = other.address.clone();
    let with = (site.app_key.as_slice(), vec![package]);
    let (conversation, seq) = one
        .open(&mut line, ConversationKind::Direct, Some(&peer), with)
        .await?;
    other.join(&mut other_line, &conversation, seq).await?;
    let made = Pair {
        first: one.voice(&conversation, site.bytes)?,
        second: other.voice(&conversation, site.bytes)?,
    };
    settle(line).await?;
    settle(other_line).await?;
    Ok(made)
}

/// Conversations of two in which the first writes.
async fn many(site: &Site, (first, second): (Person, Person), count: usize) -> Result<Vec<Voice>> {
    let mut reader = Engine::new(&second, &site.target)?;
    let mut voices = Vec::with_capacity(count);
    let keys = first.keys()?;
    let (mut line, _) = Line::open(&site.target, &keys).await?;
    for _ in 0..count {
        // A store of its own for each: nobody reads there.
        let mut one = Engine::new(&first, &site.target)?;
        let package = reader.session().key_package(false)?;
        let with = (site.app_key.as_slice(), vec![package]);
        let (conversation, _) = one
            .open(&mut line, ConversationKind::Group, None, with)
            .await?;
        voices.push(one.voice(&conversation, site.bytes)?);
    }
    settle(line).await?;
    let (line, _) = Line::open(&site.target, &reader.keys).await?;
    settle(line).await?;
    Ok(voices)
}

/// A group in which the first writes.
async fn group(site: &Site, members: &[Person]) -> Result<Voice> {
    let (first, others) = members.split_first().context("an empty group")?;
    let mut one = Engine::new(first, &site.target)?;
    let mut packages = Vec::with_capacity(others.len());
    for other in others {
        packages.push(
            Engine::new(other, &site.target)?
                .session()
                .key_package(false)?,
        );
    }
    let (mut line, _) = Line::open(&site.target, &one.keys).await?;
    let with = (site.app_key.as_slice(), packages);
    let (conversation, _) = one
        .open(&mut line, ConversationKind::Group, None, with)
        .await?;
    let voice = one.voice(&conversation, site.bytes)?;
    settle(line).await?;
    let work: Vec<_> = others
        .iter()
        .map(|other| (site.target.clone(), other.keys()))
        .collect();
    let work = work.into_iter().map(|(target, keys)| async move {
        let (line, _) = Line::open(&target, &keys?).await?;
        settle(line).await
    });
    all(work, AT_ONCE).await?;
    Ok(voice)
}

/// Acknowledges everything that there is for a device, and hangs up.
async fn settle(mut line: Line) -> Result<()> {
    let mut since = 0;
    loop {
        let reply::Result::Sync(sync) = line.ask(Act::Sync(Sync { since })).await? else {
            bail!("no answer to a sync")
        };
        let positions = sync.logs.iter().map(|log| Position {
            hub: log.hub.clone(),
            log: log.log.clone(),
            seq: log.head_seq,
        });
        let acknowledge = Acknowledge {
            positions: positions.collect(),
        };
        line.send(vec![quiet(Act::Acknowledge(acknowledge))])
            .await?;
        since = sync.token;
        if !sync.more {
            break;
        }
    }
    // What was sent before is done before the answer.
    line.ask(Act::Sync(Sync { since })).await?;
    line.close().await;
    Ok(())
}
