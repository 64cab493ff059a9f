//! The part `browser`: the browser of somebody who uses the app is killed at random moments (`web/tests/core/killed.browser.ts`).
//!
//! Always holds: it runs on the pages and programs of what is checked out, which it builds first; where they are
//! there already, that is a moment. Deliberately absent: what has to hold; the story has it.

use crate::project::Project;
use crate::share::web;
use crate::web::How;
use anyhow::Result;

/// The story, below `web/`.
const STORY: &str = "tests/core/killed.browser.ts";

/// What it runs on beside the protocol code. The parts of the story that are no page are in it: another
/// way to kill is another figure.
pub(crate) const MORE: &[&str] = &[
    "crates/client-web",
    "crates/comity/src",
    "web/src/app",
    "web/src/core",
    "web/src/sw",
    "web/src/ui",
    "web/tests/core",
    "web/index.html",
    "web/package-lock.json",
    "web/policy.txt",
    "web/vite.config.ts",
];

/// Runs the kills `from` to `from + count`.
pub(crate) fn run(project: &Project, from: u64, count: u64) -> Result<()> {
    crate::web::run(project, How::Quick)?;
    project.build_tests()?;
    let mut story = web::npm(project);
    story
        // One that is not whole tells what it is by the first that went wrong.
        .args(["run", "core", "--", "--bail=1", STORY])
        .env("CARGO_TARGET_DIR", project.target())
        .env("COMITY_KILLS_FROM", from.to_string())
        .env("COMITY_KILLS", count.to_string());
    project.run(&mut story)
}

#[cfg(test)]
mod tests {
    use super::{MORE, STORY};

    #[test]
    fn what_it_names_is_there() {
        let root = std::path::Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        let story = format!("web/{STORY}");
        for path in MORE.iter().copied().chain([story.as_str()]) {
            assert!(root.join(path).exists(), "{path}");
        }
    }
}
