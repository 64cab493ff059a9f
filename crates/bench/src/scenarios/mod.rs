//! The scenarios, each against a server that was started for it.

mod alone;
mod away;
mod idle;
mod lasting;
mod talk;

use crate::client;
use crate::machine::{Machine, yardstick_us};
use crate::options::{BenchArgs, Scenario};
use crate::prepare::{Need, prepare};
use crate::report::{Measured, Report};
use crate::server::{Server, Start};
use crate::world::World;
use anyhow::{Context, Result, bail};
use std::path::Path;

/// What a scenario works with.
pub(crate) struct Stage<'a> {
    pub(crate) args: &'a BenchArgs,
    pub(crate) world: &'a World,
    pub(crate) start: &'a Start,
}

/// Prepares, then runs what was asked for, one after the other.
pub(crate) async fn run(args: &BenchArgs, program: &Path, say: &dyn Fn(&str)) -> Result<Report> {
    let args = args.effective();
    let machine = Machine::look();
    let made;
    let folder = match &args.prepared {
        Some(folder) => {
            std::fs::create_dir_all(folder)?;
            folder.as_path()
        }
        None => {
            made = tempfile::tempdir()?;
            made.path()
        }
    };
    let folder = folder.canonicalize()?;
    let plain = Start {
        program: program.to_owned(),
        folder: folder.clone(),
        through: None,
        limits: None,
    };
    let mut world = World::load(&folder, args.bytes)?;
    if !args.scenarios.iter().all(|one| one.is_of_the_client()) {
        let server = plain.server().await?;
        prepare(&server, &mut world, &folder, &needs(&args), say).await?;
        server.stop().await?;
    }

    let start = Start {
        through: args.through.clone(),
        ..plain
    };
    let stage = Stage {
        args: &args,
        world: &world,
        start: &start,
    };
    let mut report = Report {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        optimised: !cfg!(debug_assertions),
        machine,
        results: Vec::new(),
        client: Vec::new(),
    };
    for scenario in &args.scenarios {
        measure(&stage, *scenario, &mut report, say)
            .await
            .with_context(|| format!("scenario {}", name(*scenario)))?;
    }
    Ok(report)
}

/// Runs one, and adds what came of it.
async fn measure(
    stage: &Stage<'_>,
    scenario: Scenario,
    report: &mut Report,
    say: &dyn Fn(&str),
) -> Result<()> {
    say(&format!("running {}", name(scenario)));
    let before = yardstick_us();
    if scenario.is_of_the_client() {
        let measured = client::run(stage.args, stage.start, scenario, say).await?;
        let after = yardstick_us();
        for mut measured in measured {
            measured.yardstick_us = [before, after];
            say(&measured.line());
            report.client.push(measured);
        }
        return Ok(());
    }
    let measured = one(stage, scenario, say).await?;
    let after = yardstick_us();
    for mut measured in measured {
        measured.yardstick_us = [before, after];
        say(&measured.line());
        report.results.push(measured);
    }
    Ok(())
}

pub(crate) fn name(scenario: Scenario) -> String {
    use clap::ValueEnum;
    scenario
        .to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned())
}

/// What has to be there for these scenarios.
fn needs(args: &BenchArgs) -> Need {
    let mut need = Need::default();
    let mut pairs = |pairs: usize| need.pairs = need.pairs.max(pairs);
    for scenario in &args.scenarios {
        match scenario {
            Scenario::Idle => pairs(args.connections.div_ceil(2)),
            Scenario::Pairs | Scenario::Paced => pairs(args.pairs),
            Scenario::Single => pairs(args.single_pairs),
            Scenario::Offline => pairs(args.away),
            Scenario::Logins => pairs(args.logins.min(256)),
            Scenario::CatchUp | Scenario::Cold | Scenario::Pair => pairs(1),
            Scenario::Lasting => pairs(lasting::PAIRS),
            Scenario::Many => need.people = need.people.max(2 * args.pairs),
            Scenario::Group8 => drop(need.groups.insert(8)),
            Scenario::Group64 => drop(need.groups.insert(64)),
            Scenario::Group1024 => drop(need.groups.insert(1_024)),
            // They make what they need themselves.
            Scenario::Encrypt
            | Scenario::Decrypt
            | Scenario::ClientCatchUp
            | Scenario::OpenStore
            | Scenario::LoadGroup
            | Scenario::Browser => {}
        }
    }
    if args.runs(Scenario::Many) {
        (need.many, need.many_pairs) = (args.conversations, args.pairs);
    }
    let largest = need.groups.iter().max().copied().unwrap_or_default();
    need.people = need.people.max(2 * need.pairs).max(largest);
    need
}

async fn one(stage: &Stage<'_>, scenario: Scenario, say: &dyn Fn(&str)) -> Result<Vec<Measured>> {
    Ok(match scenario {
        Scenario::Idle => vec![idle::idle(stage).await?],
        Scenario::Pairs => vec![talk::pairs(stage).await?],
        Scenario::Many => vec![talk::many(stage).await?],
        Scenario::Single => vec![talk::single(stage).await?],
        Scenario::Paced => vec![talk::paced(stage).await?],
        Scenario::Pair => vec![talk::pair(stage).await?],
        Scenario::Group8 => vec![talk::group(stage, 8).await?],
        Scenario::Group64 => vec![talk::group(stage, 64).await?],
        Scenario::Group1024 => vec![talk::group(stage, 1_024).await?],
        Scenario::Offline => away::offline(stage).await?,
        Scenario::CatchUp => away::catch_up(stage).await?,
        Scenario::Logins => vec![alone::logins(stage).await?],
        Scenario::Cold => vec![alone::cold(stage).await?],
        Scenario::Lasting => vec![lasting::lasting(stage, say).await?],
        Scenario::Encrypt
        | Scenario::Decrypt
        | Scenario::ClientCatchUp
        | Scenario::OpenStore
        | Scenario::LoadGroup
        | Scenario::Browser => bail!("a scenario of the client"),
    })
}

impl Stage<'_> {
    pub(crate) async fn server(&self) -> Result<Server> {
        self.start.server().await
    }

    /// The devices of the `place`th pair.
    pub(crate) fn pair(
        &self,
        place: usize,
    ) -> Result<(comity_e2ee::DeviceKeys, comity_e2ee::DeviceKeys)> {
        let people = &self.world.people;
        let first = people.get(2 * place).context("too few people")?.keys()?;
        let second = people
            .get(2 * place + 1)
            .context("too few people")?
            .keys()?;
        Ok((first, second))
    }
}
