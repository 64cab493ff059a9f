//! Wild worlds, a few; `cargo xtask soak simulation` lives thousands.

use anyhow::Result;
use comity_simulation::planted::Bug;
use comity_simulation::wild::{self, Size};

#[test]
fn the_same_seed_is_the_same_world() -> Result<()> {
    let size = Size {
        acts: 60,
        crashes: 2,
        ..Size::SEED
    };
    let one = wild::live(5, size, true)?;
    let other = wild::live(5, size, true)?;
    for (line, again) in one.lines.iter().zip(&other.lines) {
        assert_eq!(line, again);
    }
    assert_eq!(one.trace, other.trace);
    assert_ne!(one.trace, wild::live(6, size, false)?.trace);
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
