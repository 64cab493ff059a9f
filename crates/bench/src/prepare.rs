//! Making what a scenario needs and is not there yet: sign-ups, conversations, groups.
//!
//! Always holds: all of it goes the way that devices go, over the same connections and through the same checks. Only two
//! steps are left out, which the hub does not ask for: introductions, and the reading of welcomes by members of a group
//! who never write. Everything that was made is acknowledged, so that nothing of it waits for anybody.

use crate::engine::Engine;
use crate::line::{Line, Target, quiet};
use crate::person::{PEOPLE_MAX, Person};
use crate::server::Server;
use crate::world::{Group, Pair, Voice, World};
use anyhow::{Context, Result, bail};
use comity_wire::proto::{Acknowledge, ConversationKind, Position, Sync, client_frame::Act, reply};
use std::collections::BTreeSet;
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
