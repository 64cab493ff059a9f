//! Replays the committed corpus of every fuzz target on the stable compiler, and near it: each
//! input cut short at every length and with single bits flipped.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

use comity_fuzz_targets::{TARGETS, Target};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = fuzz_folder().join("corpus").join(target.name);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files
        .into_iter()
        .map(|file| std::fs::read(file).unwrap())
        .collect()
}

#[test]
fn every_target_has_a_corpus_and_stands_it() {
    for target in TARGETS {
        let inputs = corpus(target);
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        for input in inputs {
            target.run(&input);
        }
    }
}

#[test]
fn every_target_stands_what_is_near_its_corpus() {
    for target in TARGETS {
        for input in corpus(target) {
            // Long inputs in fewer places: signatures are slow to check.
            let step = input.len() / 64 + 1;
            for at in (0..input.len()).step_by(step) {
                target.run(&input[..at]);
                let mut flipped = input.clone();
                flipped[at] ^= 1 << (at % 8);
                target.run(&flipped);
            }
        }
    }
}

#[test]
fn the_fuzzer_has_a_program_for_every_target_and_no_other() {
    let names: BTreeSet<String> = TARGETS
        .iter()
        .map(|target| target.name.to_owned())
        .collect();
    let programs: BTreeSet<String> = std::fs::read_dir(fuzz_folder().join("fuzz_targets"))
        .unwrap()
        .map(|file| {
            file.unwrap()
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(programs, names);
    let manifest = std::fs::read_to_string(fuzz_folder().join("Cargo.toml")).unwrap();
    for name in names {
        assert!(
            manifest.contains(&format!("name = \"{name}\"")),
            "fuzz/Cargo.toml lacks {name}"
        );
    }
}
