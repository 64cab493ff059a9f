//! What a part has finished, kept in `target/soak/NAME.json`.
//!
//! Always holds: one tally is of one state of the code that its part runs on; another state starts anew.
//! Deliberately absent: failures; a failed lot is not tallied, so it runs again.

use crate::project::Project;
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Crates whose change makes earlier figures worthless.
const PROTOCOL: &[&str] = &[
    "wire",
    "membership",
    "content",
    "e2ee",
    "client",
    "chat",
    "platform",
];

/// A state of the code that a part runs on.
pub(crate) struct Code {
    /// The trees of the protocol's crates and of what the part names, as git names them.
    hash: String,
    /// The commit that was checked out.
    commit: String,
    /// The files are those of the commit.
    pub(crate) clean: bool,
}

impl Code {
    /// The code is what it was, whatever else was committed meanwhile.
    pub(crate) fn is_still(&self, before: &Self) -> bool {
        self.clean && before.clean && self.hash == before.hash
    }
}

/// The protocol code that is checked out, and these files and folders.
pub(crate) fn code(project: &Project, more: &[&str]) -> Result<Code> {
    let folders: Vec<String> = PROTOCOL
        .iter()
        .map(|name| format!("crates/{name}"))
        .chain(more.iter().map(|&path| path.to_owned()))
        .collect();
    let trees = folders.iter().map(|folder| format!("HEAD:{folder}"));
    let trees = project.read(project.command("git").arg("rev-parse").args(trees))?;
    let commit = project.read(project.command("git").args(["rev-parse", "HEAD"]))?;
    let changes = project.read(
        project
            .command("git")
            .args(["status", "--porcelain", "--"])
            .args(&folders),
    )?;
    Ok(Code {
        hash: trees
            .lines()
            .filter_map(|tree| tree.get(..16))
            .collect::<Vec<_>>()
            .join("-"),
        commit: commit.trim().to_owned(),
        clean: changes.is_empty(),
    })
}

/// What is finished.
#[derive(Serialize, Deserialize)]
pub(crate) struct Tally {
    part: String,
    code: String,
    commit: String,
    /// Ascending, none touching another.
    ranges: Vec<Range>,
}

#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Debug)]
struct Range {
    from: u64,
    until: u64,
}

impl Tally {
    /// The part's tally if it is of this code, else an empty one.
    pub(crate) fn load(project: &Project, part: &str, code: &Code) -> Result<Self> {
        let fresh = || Self {
            part: part.to_owned(),
            code: code.hash.clone(),
            commit: code.commit.clone(),
            ranges: Vec::new(),
        };
        let path = file(project, part);
        if !path.exists() {
            return Ok(fresh());
        }
        let text = std::fs::read_to_string(&path)?;
        let kept: Self =
            serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
        Ok(if kept.code == code.hash {
            kept
        } else {
            fresh()
        })
    }

    /// Writes it, whole or not at all.
    pub(crate) fn save(&self, project: &Project) -> Result<()> {
        let path = file(project, &self.part);
        let unfinished = path.with_extension("new");
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&unfinished, serde_json::to_string_pretty(self)?)?;
        std::fs::rename(&unfinished, &path)?;
        Ok(())
    }

    /// How many seeds are finished.
    pub(crate) fn done(&self) -> u64 {
        self.ranges
            .iter()
            .map(|range| range.until - range.from)
            .sum()
    }

    /// The first seed from `from` on that is not finished.
    pub(crate) fn next(&self, from: u64) -> u64 {
        let inside = self
            .ranges
            .iter()
            .find(|range| range.from <= from && from < range.until);
        inside.map_or(from, |range| range.until)
    }

    /// Notes `count` seeds from `from` on as finished.
    pub(crate) fn add(&mut self, from: u64, count: u64) {
        self.ranges.push(Range {
            from,
            until: from.saturating_add(count),
        });
        self.ranges.sort_by_key(|range| range.from);
        let mut joined: Vec<Range> = Vec::new();
        for range in &self.ranges {
            match joined.last_mut() {
                Some(last) if range.from <= last.until => last.until = last.until.max(range.until),
                _ => joined.push(*range),
            }
        }
        self.ranges = joined;
    }
}

fn file(project: &Project, part: &str) -> PathBuf {
    project.target().join("soak").join(format!("{part}.json"))
}

#[cfg(test)]
mod tests {
    use super::{Range, Tally};

    #[test]
    fn ranges_join_and_the_next_seed_is_the_first_hole() {
        let text = String::new;
        let mut tally = Tally {
            part: text(),
            code: text(),
            commit: text(),
            ranges: Vec::new(),
        };
        tally.add(20, 10);
        tally.add(0, 10);
        tally.add(5, 5);
        assert_eq!((tally.done(), tally.next(0), tally.next(12)), (20, 10, 12));
        tally.add(10, 10);
        assert_eq!(tally.ranges, [Range { from: 0, until: 30 }]);
        assert_eq!(tally.next(0), 30);
    }
}
