//! Files of every size, and files that the app damaged.

use super::support::{Person, World};
use super::{ALICE, BOB, alice_and_bob};
use std::path::{Path, PathBuf};

/// A file of so many bytes, no two alike.
fn file(folder: &Path, size: usize) -> PathBuf {
    let path = folder.join(format!("file of {size}.bin"));
    let mut bytes = vec![0; size];
    let mut noise = blake3::Hasher::new();
    noise.update(&size.to_le_bytes());
    noise.finalize_xof().fill(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn send(from: &Person, path: &Path) -> String {
    let path = path.display().to_string();
    let said = from.one(&["file", BOB, &path, "--caption", "look"]);
    said["item"]["message"].as_str().unwrap().to_owned()
}

#[test]
fn files_of_every_awkward_size_arrive_whole() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    for size in [0, 1, 256 * 1024, 256 * 1024 + 1, 5 * 1024 * 1024] {
        let sent = file(world.folder(), size);
        let message = send(&alice, &sent);
        let line = bob.act(&["history", ALICE]).pop().unwrap();
        assert_eq!(line["attachment"]["size"], size);
        assert_eq!(line["text"], "look");
        let saved = world.folder().join(format!("saved {size}"));
        let act = ["save", ALICE, &message, &saved.display().to_string()];
        let done = bob.one(&act);
        assert_eq!(done["state"], "done");
        // Nothing is moved more than there is, though what is moved is sealed and padded.
        assert_eq!(
            (&done["done_bytes"], &done["total_bytes"]),
            (&size.into(), &size.into())
        );
        assert!(
            std::fs::read(&saved).unwrap() == std::fs::read(&sent).unwrap(),
            "{size} bytes"
        );
        assert!(bob.try_act(&act).is_err(), "it is there already");
    }
}

#[test]
fn a_file_that_the_server_damaged_is_refused() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let message = send(&alice, &file(world.folder(), 300_000));
    let blobs: Vec<PathBuf> = walk(&world.data())
        .into_iter()
        .filter(|path| std::fs::metadata(path).is_ok_and(|about| about.len() >= 300_000))
        .filter(|path| !path.to_string_lossy().contains(".db"))
        .filter(|path| {
            !path
                .extension()
                .is_some_and(|e| e == "sqlite" || e == "sqlite-wal")
        })
        .collect();
    let [blob] = blobs.as_slice() else {
        panic!("one blob: {blobs:?}")
    };
    let mut bytes = std::fs::read(blob).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(blob, bytes).unwrap();
    bob.act(&["history", ALICE]);
    let saved = world.folder().join("saved");
    let refusal = bob.refused(&["save", ALICE, &message, &saved.display().to_string()]);
    assert_eq!(refusal.code, "damaged");
    assert!(!saved.exists(), "nothing half or false is left");
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[cfg(unix)]
#[test]
fn saving_destroys_nothing_and_only_plain_files_are_sent() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let folder = world.folder().display().to_string();
    for odd in [folder.as_str(), "/dev/zero"] {
        assert_eq!(alice.refused(&["file", BOB, odd]).code, "not_a_file");
    }
    let message = send(&alice, &file(world.folder(), 1_000));
    bob.act(&["sync"]);
    let precious = world.folder().join("precious");
    std::fs::write(&precious, "precious").unwrap();
    let target = world.folder().join("saved");
    std::os::unix::fs::symlink(&precious, world.folder().join("saved.part")).unwrap();
    let link = world.folder().join("link");
    std::os::unix::fs::symlink(world.folder().join("nowhere"), &link).unwrap();
    let save = |to: &Path| bob.try_act(&["save", ALICE, &message, &to.display().to_string()]);
    assert!(save(&link).is_err(), "a link to nowhere is there already");
    assert!(save(&precious).is_err());
    save(&target).unwrap();
    assert_eq!(std::fs::read(&target).unwrap().len(), 1_000);
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "precious");
    let left = std::fs::read_dir(world.folder()).unwrap();
    let unfinished = left.filter(|entry| {
        let name = entry.as_ref().unwrap().file_name();
        name.to_string_lossy().starts_with(".comity-")
    });
    assert_eq!(unfinished.count(), 0);
}
