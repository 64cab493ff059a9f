//! What earlier releases stored, opened by today's programs: nothing is lost, and people go on
//! talking.
//!
//! Each `upgrades/VERSION.state` was made once by the example `keep_state` with the programs of that
//! release; what stands behind the number says what the state has that an earlier one of the same
//! version lacks. It is opened on its own date, an hour and two years after it was made, so that it stays
//! what it is for ever: leaves, key packages and entries expire by the calendar.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

#[path = "upgrades/cursors.rs"]
mod cursors;
#[path = "upgrades/groups.rs"]
mod groups;
#[path = "upgrades/house.rs"]
#[allow(unreachable_pub, dead_code)]
mod house;
#[path = "upgrades/packed.rs"]
#[allow(unreachable_pub, dead_code)]
mod packed;

use house::House;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const ALICE: &str = "+12025550101";
const BOB: &str = "+12025550102";
const HOUR_S: i64 = 3_600;

/// Releases whose states are kept.
const RELEASES: [&str; 2] = ["0.1.0", "0.1.0-groups"];

/// As Bob saw it when the state was kept.
const BOBS: &str = "\
< Hello Bob
> Did you find the score? 🎶
< Yes, here «Did you find the score?»
> Rehearsal at six (edited)
> (deleted)
* device_added
< From the tablet
> Still on its way to Alice
";

fn states() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrades")
}

/// The programs of today, on a state, so long after it was made.
fn open(release: &str, later_s: i64) -> (tempfile::TempDir, House) {
    let (folder, made_s) = unpacked(release);
    let house = opened(folder.path(), made_s + later_s);
    (folder, house)
}

/// A state as it was kept, and the Unix seconds of when that was.
fn unpacked(release: &str) -> (tempfile::TempDir, i64) {
    let folder = tempfile::tempdir().unwrap();
    let state = states().join(format!("{release}.state"));
    let made_s = packed::unpack(&std::fs::read(state).unwrap(), folder.path());
    (folder, made_s)
}

/// The programs of today, on what `folder` holds, at this Unix time.
fn opened(folder: &Path, at_s: i64) -> House {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let now_s = i64::try_from(now.as_secs()).unwrap();
    let date = (faketime(), at_s - now_s);
    let program = Path::new(env!("CARGO_BIN_EXE_comity"));
    let mut house = House::new(program, folder, Some(date));
    house.open();
    house
}

/// Debian's library that gives processes another date.
fn faketime() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap();
    folders
        .filter_map(|entry| Some(entry.ok()?.path().join("faketime/libfaketimeMT.so.1")))
        .find(|path| Path::new(path).exists())
        .expect("the package faketime is missing: `cargo xtask setup` installs it")
}

/// The same conversation from the other side.
fn mirrored(history: &str) -> String {
    let turn = |line: &str| {
        let turned = match line.split_at(1) {
            (">", rest) => format!("<{rest}"),
            ("<", rest) => format!(">{rest}"),
            _ => line.to_owned(),
        };
        format!("{turned}\n")
    };
    history.lines().map(turn).collect()
}

/// Without notices, which are each device's own.
fn said(history: &str) -> String {
    let lines = history.lines().filter(|line| !line.starts_with('*'));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Devices are there at once, for a moment: some of them may wait for others who are not.
fn all_there(house: &House, devices: &[&str]) {
    std::thread::scope(|scope| {
        for device in devices {
            scope.spawn(move || house.try_act(device, &["sync", "--stay", "2"]));
        }
    });
}

/// People talk until they hear each other: how many rounds that takes is up to the delays by which
/// devices do not all act at once. Each round's programs take the time that it needs; the runner
/// ends a test soon after this gives up.
fn until_heard(mut round: impl FnMut(u32) -> (bool, String)) {
    let begun = Instant::now();
    for number in 0.. {
        let (heard, shown) = round(number);
        if heard {
            return;
        }
        assert!(begun.elapsed() < Duration::from_secs(240), "{shown}");
    }
}

#[test]
fn every_state_that_is_kept_has_its_release() {
    let mut kept: Vec<String> = std::fs::read_dir(states())
        .unwrap()
        .filter_map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            Some(name.strip_suffix(".state")?.to_owned())
        })
        .collect();
    kept.sort();
    assert_eq!(kept, RELEASES);
}

#[test]
fn an_hour_after_an_upgrade_nothing_is_lost_and_nothing_is_noticed() {
    for release in RELEASES {
        let (_folder, house) = open(release, HOUR_S);
        let offline = house.act("bob", &["sync"]);
        assert_eq!(offline.len(), 1);
        let all = format!("{BOBS}> Written offline\n");
        assert_eq!(house.history("bob", ALICE), all, "{release}");
        house.act("alice", &["send", BOB, "From the new program"]);
        house.act("tablet", &["send", BOB, "From mine, too"]);
        house.act("bob", &["send", ALICE, "I read you"]);
        let all = said(&format!(
            "{all}< From the new program\n< From mine, too\n> I read you\n"
        ));
        assert_eq!(said(&house.history("bob", ALICE)), all, "{release}");
        for device in ["alice", "tablet"] {
            house.act(device, &["sync"]);
            let theirs = said(&house.history(device, BOB));
            assert_eq!(theirs, mirrored(&all), "{release} {device}");
            assert_eq!(house.history(device, "me"), "> Buy milk\n");
        }
        // And what the old programs did not have to do.
        house.link("bob", "laptop");
        house.act("laptop", &["send", ALICE, "From a laptop"]);
        house.act("alice", &["sync"]);
        assert!(house.history("alice", BOB).ends_with("< From a laptop\n"));
    }
}

#[test]
fn two_years_after_it_was_left_a_state_is_whole_and_people_go_on() {
    for release in RELEASES {
        let (folder, house) = open(release, 2 * 365 * 24 * HOUR_S);
        let kept = house.history("bob", ALICE);
        assert!(kept.starts_with(BOBS), "{release}: {kept}");
        // The server took them out for having been away: each is let in again, and says so.
        let devices = ["alice", "bob", "carol"];
        let devices = devices.map(|device| (device, folder.path().join(device)));
        let devices = devices.iter().filter(|(_, store)| store.exists());
        let devices: Vec<&str> = devices.map(|(device, _)| *device).collect();
        until_heard(|round| {
            all_there(&house, &devices);
            house.act("alice", &["send", BOB, &format!("Are you there? {round}")]);
            house.act("bob", &["send", ALICE, &format!("I am. {round}")]);
            all_there(&house, &devices);
            let alices = house.history("alice", BOB);
            let bobs = house.history("bob", ALICE);
            let heard = alices.contains(&format!("< I am. {round}"))
                && bobs.contains(&format!("< Are you there? {round}"));
            (heard, format!("{release}:\n{alices}\n{bobs}"))
        });
        let (alices, bobs) = (house.history("alice", BOB), house.history("bob", ALICE));
        assert!(bobs.starts_with(BOBS), "{release}: {bobs}");
        assert!(
            !alices.contains("! ") && !bobs.contains("! "),
            "{alices}\n{bobs}"
        );
    }
}
