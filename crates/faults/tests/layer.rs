//! The layer under a real program: this test binary, started again as the one that writes.
//!
//! Each story is one test. Its first lines say what the program does when it is started with
//! `FAULTS_FOLDER` set; the rest starts it, loses power, and looks.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use comity_faults::{Dice, Layer, Lost, Names};
use rusqlite::Connection;
use std::fs::{self, File, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The folder to work in, when this process is the program.
fn program() -> Option<PathBuf> {
    std::env::var_os("FAULTS_FOLDER").map(PathBuf::from)
}

struct Stage {
    _folder: tempfile::TempDir,
    layer: Layer,
}

impl Stage {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let layer = Layer::new(&folder.path().join("root"), &folder.path().join("log")).unwrap();
        Self {
            _folder: folder,
            layer,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.layer.root().join(name)
    }

    fn command(&self, story: &str) -> Command {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", story, "--nocapture", "--test-threads=1"]);
        command.env("FAULTS_FOLDER", self.layer.root());
        self.layer.around(&mut command);
        command
    }

    /// Runs the program of a story to its end, or to its kill.
    fn run(&self, story: &str) -> ExitStatus {
        self.command(story)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap()
    }

    fn lose_power(&self, seed: u64) -> Lost {
        self.layer.power_loss(seed, Names::Strict).unwrap()
    }
}

fn sync_folder(folder: &Path) {
    File::open(folder).unwrap().sync_all().unwrap();
}

fn durable_file(path: &Path, bytes: &[u8]) {
    let mut file = File::create(path).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_all().unwrap();
    sync_folder(path.parent().unwrap());
}

#[test]
fn what_is_synced_stays_and_what_is_not_goes() {
    if let Some(folder) = program() {
        durable_file(&folder.join("kept"), &[1; 10_000]);
        // Synced, but its folder is not: nothing promises its name.
        let mut file = File::create(folder.join("nameless")).unwrap();
        file.write_all(&[2; 10_000]).unwrap();
        file.sync_all().unwrap();
        fs::write(folder.join("lost"), [3; 10_000]).unwrap();
        let mut kept = OpenOptions::new()
            .write(true)
            .open(folder.join("kept"))
            .unwrap();
        kept.write_all(&[4; 100]).unwrap();
        return;
    }
    let (mut nameless, mut lost, mut overwritten) = (0, 0, 0);
    for seed in 0..20 {
        let stage = Stage::new();
        assert!(
            stage
                .run("what_is_synced_stays_and_what_is_not_goes")
                .success()
        );
        assert_eq!(
            fs::read(stage.path("lost")).unwrap(),
            [3; 10_000],
            "before the power loss"
        );
        stage.lose_power(seed);
        let kept = fs::read(stage.path("kept")).unwrap();
        assert_eq!(kept.len(), 10_000);
        assert_eq!(kept[100..], [1; 9_900]);
        overwritten += u32::from(kept[..100] == [1; 100]);
        nameless += u32::from(!stage.path("nameless").exists());
        lost += u32::from(fs::read(stage.path("lost")).ok() != Some(vec![3; 10_000]));
    }
    // Name and bytes of `lost` both have to survive: it is seldom all there.
    for (times, seldom) in [(nameless, 3), (lost, 8), (overwritten, 3)] {
        assert!(times >= seldom, "{nameless} {lost} {overwritten}");
    }
    for times in [nameless, overwritten] {
        assert!(times <= 17, "{nameless} {lost} {overwritten}");
    }
}

#[test]
fn in_a_journal_any_sync_makes_earlier_names_durable() {
    if let Some(folder) = program() {
        File::create(folder.join("a")).unwrap();
        let b = File::create(folder.join("b")).unwrap();
        b.sync_all().unwrap();
        File::create(folder.join("c")).unwrap();
        return;
    }
    let mut lost = 0;
    for seed in 0..10 {
        let stage = Stage::new();
        assert!(
            stage
                .run("in_a_journal_any_sync_makes_earlier_names_durable")
                .success()
        );
        stage.layer.power_loss(seed, Names::Journaled).unwrap();
        assert!(stage.path("a").exists() && stage.path("b").exists());
        lost += u32::from(!stage.path("c").exists());
    }
    assert!(lost > 0);
}

#[test]
fn names_come_back_with_what_was_in_them() {
    if let Some(folder) = program() {
        durable_file(&folder.join("removed"), b"removed");
        durable_file(&folder.join("replaced"), b"old");
        durable_file(&folder.join("new"), b"new");
        durable_file(&folder.join("cut"), &[7; 9_000]);
        fs::create_dir(folder.join("folder")).unwrap();
        sync_folder(&folder);
        // From here on nothing is synced.
        fs::remove_file(folder.join("removed")).unwrap();
        fs::rename(folder.join("new"), folder.join("replaced")).unwrap();
        fs::hard_link(folder.join("replaced"), folder.join("linked")).unwrap();
        fs::remove_dir(folder.join("folder")).unwrap();
        fs::create_dir_all(folder.join("deep/deeper")).unwrap();
        durable_file(
            &folder.join("deep/deeper/file"),
            b"its folders' names are not synced",
        );
        File::create(folder.join("cut")).unwrap();
        return;
    }
    let (mut all, mut some) = (0, 0);
    for seed in 0..40 {
        let stage = Stage::new();
        assert!(stage.run("names_come_back_with_what_was_in_them").success());
        let lost = stage.lose_power(seed);
        let read = |name: &str| fs::read(stage.path(name)).unwrap_or_default();
        // A folder keeps the first of its changes: the state is one of those that it had.
        let state = (
            stage.path("removed").exists(),
            read("replaced") == b"old",
            stage.path("linked").exists(),
            stage.path("folder").exists(),
            stage.path("deep").exists(),
        );
        let states = [
            (true, true, false, true, false),
            (false, true, false, true, false),
            (false, false, false, true, false),
            (false, false, true, true, false),
            (false, false, true, false, false),
            (false, false, true, false, true),
        ];
        assert!(states.contains(&state), "{state:?}");
        all += u32::from(state == states[0]);
        some += u32::from(state != states[0] && state != states[5]);
        assert_eq!(
            read("new"),
            if state.1 { b"new".to_vec() } else { Vec::new() }
        );
        if state.0 {
            assert_eq!(read("removed"), b"removed");
        }
        assert!([vec![7; 9_000], Vec::new()].contains(&read("cut")));
        assert_eq!(lost.sizes == 1, !read("cut").is_empty());
    }
    assert!(all > 5 && some > 5, "{all} {some}");
}

#[test]
fn writes_are_torn_at_pages_and_reordered() {
    const PAGES: usize = 16;
    if let Some(folder) = program() {
        durable_file(&folder.join("file"), &[1; PAGES * 4096]);
        let mut file = OpenOptions::new()
            .write(true)
            .open(folder.join("file"))
            .unwrap();
        file.write_all(&[2; PAGES * 4096]).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&[3; PAGES * 4096]).unwrap();
        return;
    }
    let stage = Stage::new();
    assert!(
        stage
            .run("writes_are_torn_at_pages_and_reordered")
            .success()
    );
    stage.lose_power(3);
    let mut seen = Vec::new();
    for page in fs::read(stage.path("file")).unwrap().chunks(4096) {
        assert!(page.iter().all(|byte| *byte == page[0]), "a page is whole");
        seen.push(page[0]);
    }
    assert_eq!(seen.len(), PAGES);
    assert!((1..=3).all(|version| seen.contains(&version)), "{seen:?}");
    assert!(!seen.is_sorted(), "{seen:?}");
}

#[test]
fn the_same_seed_loses_the_same() {
    if let Some(folder) = program() {
        durable_file(&folder.join("file"), &[1; 40_000]);
        fs::write(folder.join("file"), [2; 30_000]).unwrap();
        return;
    }
    let outcome = |seed| {
        let stage = Stage::new();
        assert!(stage.run("the_same_seed_loses_the_same").success());
        stage.lose_power(seed);
        fs::read(stage.path("file")).unwrap()
    };
    assert_eq!(outcome(5), outcome(5));
    assert!((0..8).any(|seed| outcome(seed) != outcome(5)));
}

#[test]
fn a_full_disk_refuses_growth_only_and_has_room_again() {
    if let Some(folder) = program() {
        let full = |error: std::io::Error| {
            assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
        };
        let mut file = File::create(folder.join("file")).unwrap();
        file.write_all(&[1; 6_000]).unwrap();
        full(file.write_all(&[1; 6_000]).unwrap_err());
        assert_eq!(
            file.metadata().unwrap().len(),
            10_000,
            "what there was room for is there"
        );
        file.seek(SeekFrom::Start(0)).unwrap();
        file.write_all(&[2; 10_000]).unwrap();
        full(fs::create_dir(folder.join("folder")).unwrap_err());
        // Now the test makes room.
        println!("full");
        std::io::stdin().read_exact(&mut [0]).unwrap();
        file.write_all(&[3; 6_000]).unwrap();
        return;
    }
    let stage = Stage::new();
    stage.layer.set_room(Some(10_000)).unwrap();
    let mut program = stage
        .command("a_full_disk_refuses_growth_only_and_has_room_again")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(program.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("full")));
    assert_eq!(stage.layer.room().unwrap(), Some(0));
    stage.layer.set_room(None).unwrap();
    program.stdin.take().unwrap().write_all(b"\n").unwrap();
    lines.for_each(drop);
    assert!(program.wait().unwrap().success());
    let file = fs::read(stage.path("file")).unwrap();
    assert_eq!(file, [vec![2; 10_000], vec![3; 6_000]].concat());
}

#[test]
fn a_chosen_call_kills_and_a_chosen_call_fails() {
    if let Some(folder) = program() {
        let mut file = File::create(folder.join("file")).unwrap();
        let failed = (0..10).filter(|_| file.write_all(b"x").is_err()).count();
        assert!(failed <= 1);
        assert_eq!(failed == 1, std::env::var_os("FAULTS_FAILS").is_some());
        return;
    }
    let story = "a_chosen_call_kills_and_a_chosen_call_fails";
    let stage = Stage::new();
    stage.layer.kill_in(Some(5)).unwrap();
    assert!(!stage.run(story).success());
    // The creation, then three writes; the fifth call did not happen.
    assert_eq!(fs::read(stage.path("file")).unwrap(), b"xxx");
    assert_eq!(stage.layer.calls().unwrap(), 5);
    stage.layer.forget().unwrap();
    stage.layer.fail_in(Some(4)).unwrap();
    assert!(
        stage
            .command(story)
            .env("FAULTS_FAILS", "1")
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(fs::read(stage.path("file")).unwrap(), b"xxxxxxxxx");
}

/// Commits numbers until it is killed, saying each after its commit.
fn commit_numbers(folder: &Path, synchronous: &str) {
    let mut conn = Connection::open(folder.join("numbers.db")).unwrap();
    conn.pragma_update(None, "journal_mode", "WAL").unwrap();
    conn.pragma_update(None, "synchronous", synchronous)
        .unwrap();
    // Small, so that a run has checkpoints and begins its log anew.
    conn.pragma_update(None, "wal_autocheckpoint", 20).unwrap();
    conn.execute_batch("CREATE TABLE IF NOT EXISTS numbers (n INTEGER PRIMARY KEY, filler BLOB)")
        .unwrap();
    sync_folder(folder);
    let next: i64 = conn
        .query_row("SELECT coalesce(max(n), 0) + 1 FROM numbers", [], |row| {
            row.get(0)
        })
        .unwrap();
    for n in next..next + 200 {
        let transaction = conn.transaction().unwrap();
        transaction
            .execute(
                "INSERT INTO numbers VALUES (?1, zeroblob(?2))",
                (n, n * 997 % 6_000),
            )
            .unwrap();
        transaction.commit().unwrap();
        println!("committed {n}");
    }
}

/// Starts the program, has it killed at a chosen call, loses power, and does so again and again
/// on the same database. Gives how many of the power losses took a commit or broke the database.
fn numbers_lost(story: &str, losses: u64, seed: u64) -> u64 {
    let mut caught = 0;
    let mut dice = Dice::new(seed);
    let mut stage = Stage::new();
    let mut committed = 0_i64;
    for loss in 0..losses {
        stage.layer.kill_in(Some(1 + dice.below(300))).unwrap();
        let output = stage.command(story).stderr(Stdio::null()).output().unwrap();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            if let Some((_, n)) = line.split_once("committed ") {
                committed = n.parse().unwrap();
            }
        }
        stage.lose_power(dice.throw());
        let survived = survivors(&stage.path("numbers.db"));
        // One commit more than was said may have been made.
        let whole = survived
            .is_ok_and(|(count, max)| count == max && (max == committed || max == committed + 1));
        if !whole {
            caught += 1;
        }
        // A fresh database now and then: the creation is part of what may be interrupted.
        if !whole || loss % 10 == 9 {
            stage = Stage::new();
            committed = 0;
        } else {
            committed = survivors(&stage.path("numbers.db")).unwrap().1;
            stage.layer.forget().unwrap();
        }
    }
    caught
}

fn survivors(file: &Path) -> rusqlite::Result<(i64, i64)> {
    if !file.exists() {
        return Ok((0, 0));
    }
    let conn = Connection::open(file)?;
    let sound: String = conn.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    assert!(!sound.is_empty());
    if sound != "ok" {
        return Err(rusqlite::Error::InvalidQuery);
    }
    let tables: i64 = conn.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    if tables == 0 {
        return Ok((0, 0));
    }
    conn.query_row(
        "SELECT count(*), coalesce(max(n), 0) FROM numbers",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

#[test]
fn full_commits_survive_two_hundred_power_losses() {
    if let Some(folder) = program() {
        return commit_numbers(&folder, "FULL");
    }
    assert_eq!(
        numbers_lost("full_commits_survive_two_hundred_power_losses", 200, 1),
        0
    );
}

#[test]
fn commits_that_are_not_synced_are_caught() {
    if let Some(folder) = program() {
        return commit_numbers(&folder, "OFF");
    }
    let caught = numbers_lost("commits_that_are_not_synced_are_caught", 20, 1);
    assert!(caught >= 5, "{caught} of 20");
}

#[test]
fn without_the_layer_nothing_is_logged_and_nothing_lost() {
    if let Some(folder) = program() {
        fs::write(folder.join("file"), b"text").unwrap();
        return;
    }
    let stage = Stage::new();
    let mut command = stage.command("without_the_layer_nothing_is_logged_and_nothing_lost");
    assert!(command.env_remove("LD_PRELOAD").status().unwrap().success());
    assert_eq!(stage.lose_power(1), Lost::default());
    assert_eq!(fs::read(stage.path("file")).unwrap(), b"text");
}
