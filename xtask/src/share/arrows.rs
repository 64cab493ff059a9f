//! Which crate may use which: ARCHITECTURE's table, held against `cargo metadata`.
//!
//! Always holds: a crate that the table does not name is an error, so a new one has to take its
//! place there first. Deliberately absent: test-only dependencies, which ship to nobody.

use super::{Count, findings};
use crate::project::Project;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Each crate with the crates of the project that it may name.
const MAY_USE: &[(&str, &[&str])] = &[
    ("comity-wire", &[]),
    ("comity-public", &["comity-wire"]),
    ("comity-content", &["comity-public", "comity-wire"]),
    ("comity-membership", &["comity-wire"]),
    (
        "comity-e2ee",
        &["comity-membership", "comity-content", "comity-wire"],
    ),
    (
        "comity-client",
        &[
            "comity-e2ee",
            "comity-membership",
            "comity-content",
            "comity-public",
            "comity-wire",
        ],
    ),
    (
        "comity-client-web",
        &["comity-client", "comity-content", "comity-wire"],
    ),
    ("comity-platform", &["comity-wire"]),
    (
        "comity-chat",
        &[
            "comity-platform",
            "comity-membership",
            "comity-public",
            "comity-wire",
        ],
    ),
    (
        "comity-social",
        &["comity-platform", "comity-public", "comity-wire"],
    ),
    (
        "comity-business",
        &[
            "comity-client",
            "comity-content",
            "comity-public",
            "comity-platform",
            "comity-wire",
        ],
    ),
    (
        "comity-ads",
        &["comity-platform", "comity-public", "comity-wire"],
    ),
    (
        "comity-sharing",
        &["comity-platform", "comity-public", "comity-wire"],
    ),
    (
        "comity-bench",
        &[
            "comity-client",
            "comity-e2ee",
            "comity-membership",
            "comity-wire",
        ],
    ),
    ("comity", ANY),
    ("comity-faults", &[]),
    ("comity-peers", &["comity-bench"]),
    ("comity-fuzz-targets", ANY),
    ("comity-simulation", ANY),
    ("xtask", &[]),
    ("xtask-at-rest", &[]),
    ("xtask-codegen", &["comity-client-web", "comity-wire"]),
    ("xtask-web", &[]),
];

/// May use every crate of the project.
const ANY: &[&str] = &["*"];

/// What must never be reached, not even through others: servers can not read what people say,
/// and what sells or shares can not reach the messenger.
const NEVER_REACH: &[(&str, &[&str])] = &[
    ("comity-platform", READERS),
    ("comity-chat", READERS),
    ("comity-social", READERS),
    ("comity-ads", READERS),
    ("comity-sharing", READERS),
    ("comity-ads", &["comity-chat"]),
    ("comity-sharing", &["comity-chat"]),
];
const READERS: &[&str] = &["comity-content", "comity-e2ee", "comity-client"];

type Graph = BTreeMap<String, BTreeSet<String>>;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}
#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}
#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

/// Holds the workspace to the table.
pub(crate) fn run(project: &Project) -> Result<Count> {
    let text = project.read(project.cargo().args([
        "metadata",
        "--format-version",
        "1",
        "--no-deps",
        "--locked",
    ]))?;
    let metadata: Metadata = serde_json::from_str(&text).context("reading cargo metadata")?;
    let graph = metadata
        .packages
        .into_iter()
        .map(|package| {
            let uses = package.dependencies.into_iter();
            let uses = uses.filter(|d| d.path.is_some() && d.kind.as_deref() != Some("dev"));
            (
                package.name,
                uses.map(|dependency| dependency.name).collect(),
            )
        })
        .collect();
    let found = judge(&graph);
    Ok(findings(
        u64::try_from(graph.values().map(BTreeSet::len).sum::<usize>())?,
        &found,
    ))
}

fn judge(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for (name, uses) in graph {
        let Some((_, may)) = MAY_USE.iter().find(|(of, _)| of == name) else {
            found.push(format!("{name} has no place in the table of crates"));
            continue;
        };
        for used in uses {
            if *may != ANY && !may.contains(&used.as_str()) {
                found.push(format!("{name} may not use {used}"));
            }
        }
    }
    for (name, never) in NEVER_REACH {
        for reached in reach(graph, name) {
            if never.contains(&reached.as_str()) {
                found.push(format!("{name} reaches {reached}, which it never may"));
            }
        }
    }
    found
}

fn reach(graph: &Graph, from: &str) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    let mut open = vec![from.to_owned()];
    while let Some(name) = open.pop() {
        for used in graph.get(&name).into_iter().flatten() {
            if reached.insert(used.clone()) {
                open.push(used.clone());
            }
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::{Graph, judge};

    fn graph(arrows: &[(&str, &[&str])]) -> Graph {
        let own = |uses: &[&str]| uses.iter().map(|name| (*name).to_owned()).collect();
        arrows
            .iter()
            .map(|(name, uses)| ((*name).to_owned(), own(uses)))
            .collect()
    }

    #[test]
    fn a_server_that_comes_to_read_is_found_however_long_the_way() {
        let sound: &[(&str, &[&str])] = &[("comity-chat", &["comity-platform"])];
        assert!(judge(&graph(sound)).is_empty());
        let bent: &[(&str, &[&str])] = &[
            ("comity-chat", &["comity-platform"]),
            ("comity-platform", &["comity-wire"]),
            ("comity-wire", &["comity-content"]),
        ];
        let found = judge(&graph(bent));
        assert!(
            found.contains(&"comity-wire may not use comity-content".to_owned()),
            "{found:?}"
        );
        assert!(
            found.contains(&"comity-chat reaches comity-content, which it never may".to_owned()),
            "{found:?}"
        );
    }

    #[test]
    fn a_crate_without_a_place_is_found() {
        assert_eq!(judge(&graph(&[("comity-new", &[])])).len(), 1);
    }
}
