//! Wild worlds, a few; `cargo xtask soak simulation` lives thousands.

use anyhow::Result;
use comity_simulation::planted::Bug;
use comity_simulation::wild::{self, Size};

#[test]
fn the_same_seed_is_the_same_world_whatever_was_lived_before() -> Result<()> {
    let size = Size {
        acts: 60,
        crashes: 2,
        ..Size::SEED
    };
    let mut first = Vec::new();
    for seed in [5, 1, 2] {
        first.push(wild::live(seed, size, true)?);
    }
    for one in first.iter().rev() {
        let again = wild::live(one.seed, size, true)?;
        for (line, again) in one.lines.iter().zip(&again.lines) {
            assert_eq!(line, again, "seed {}", one.seed);
        }
        assert_eq!(one.trace, again.trace, "seed {}", one.seed);
    }
    assert_ne!(first[0].trace, first[1].trace);
    Ok(())
}

#[test]
fn a_wild_world_ends_with_one_history() -> Result<()> {
    for seed in 0..4 {
        let report = wild::live(seed, Size::SEED, false)?;
        assert_eq!(report.wrong, [""; 0], "seed {seed}");
        assert!(report.crashes >= 3 && report.taken > 60, "{report:?}");
    }
    Ok(())
}

#[test]
fn a_planted_bug_is_found_and_gone_when_it_is_not_planted() -> Result<()> {
    let found = wild::first_to_find(Bug::JumpsToOwnEntry, 0, 20)?;
    let (seed, _) = found.expect("found in twenty seeds");
    assert_eq!(wild::live(seed, Size::SEED, false)?.wrong, [""; 0]);
    Ok(())
}

#[test]
fn worlds_of_two_apps_end_well() -> Result<()> {
    for seed in [0, 3] {
        let report = wild::live(seed, Size::FAMILY, false)?;
        assert_eq!(report.wrong, [""; 0], "seed {seed}");
        assert!(report.crashes >= Size::FAMILY.crashes);
    }
    Ok(())
}

#[test]
fn the_page_lists_every_bug() {
    let page = include_str!("../../../docs/simulation.md");
    for bug in Bug::ALL {
        assert!(page.contains(&format!("| `{bug:?}` |")), "{bug:?}");
    }
}
