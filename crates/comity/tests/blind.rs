//! The server is blind: nothing that a person typed is in anything the server has.
//!
//! A day of three people with two devices each, in which every field that a person fills in holds
//! a word of its own; then the server's files, logs, pages and memory are searched for the words
//! in every form. The same search finds each word that is planted.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]

#[path = "blind/day.rs"]
mod day;
#[path = "support/search.rs"]
mod search;
#[path = "blind/search_tests.rs"]
mod search_tests;
#[path = "support/mod.rs"]
mod support;

use search::{Hit, Search};
use search_tests::compressed;
use support::World;

const CONFIG: &str = "[log]\nlevel = \"trace\"\nformat = \"json\"\n";

/// Everything that the server has of the day.
fn search_all(world: &World, search: &Search) -> Vec<Hit> {
    world.signal("STOP");
    let mut hits = search.memory(world.pid());
    world.signal("CONT");
    hits.extend(search.folder(&world.data()));
    hits.extend(search.deep("log", &world.log()));
    for page in [
        "/",
        "/metrics",
        "/healthz",
        "/readyz",
        "/dev/codes",
        "/openapi.json",
        "/v1/app",
    ] {
        let answer = world.get(page);
        assert!(
            answer.starts_with(b"HTTP/1.1 200"),
            "{page}: {}",
            String::from_utf8_lossy(&answer)
        );
        hits.extend(search.deep(page, &answer));
    }
    hits
}

#[test]
fn of_a_whole_day_the_server_has_no_word() {
    let mut world = World::start_with(CONFIG);
    let words = day::live(&world);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let search = Search::new(&words);
    let files = search::files(&world.data());
    assert!(
        files
            .iter()
            .any(|file| file.to_string_lossy().contains("wal")),
        "there is a write-ahead log to search: {files:?}"
    );
    assert!(
        world.log().len() > 10_000,
        "the log is at its most verbose: {} bytes",
        world.log().len()
    );
    let hits = search_all(&world, &search);
    assert!(hits.is_empty(), "{} words: {hits:#?}", words.len());
    // Once more when everything that was in memory has found its place; streams only in new files.
    let searched = world.log().len();
    let old = files;
    world.stop();
    let mut hits = search.bytes("log", &world.log()[searched..]);
    for file in search::files(&world.data()) {
        let bytes = std::fs::read(&file).unwrap();
        let place = file.display().to_string();
        hits.extend(if old.contains(&file) {
            search.bytes(&place, &bytes)
        } else {
            search.deep(&place, &bytes)
        });
    }
    assert!(hits.is_empty(), "after the stop: {hits:#?}");
    let reports = world.admin(&[
        "reports",
        "--key",
        &world.moderation_key().display().to_string(),
    ]);
    assert!(
        reports.contains(&day::word("reason")) && reports.contains(&day::word("insult")),
        "the moderator reads the report outside of the server: {reports}"
    );
}

#[test]
fn a_word_that_is_planted_is_found() {
    let world = World::start_with(CONFIG);
    let places = [
        "inheader", "inoffer", "infile", "inhex", "inbase64", "inutf16", "inname",
    ];
    let squeezed = ["zlib", "gzip", "deflate", "stored", "zstd"];
    let words: Vec<String> = places
        .iter()
        .chain(&squeezed)
        .map(|place| day::word(place))
        .collect();
    let refs: Vec<&str> = words.iter().map(String::as_str).collect();
    let search = Search::new(&refs);
    assert!(search_all(&world, &search).is_empty());

    // A program that gives the server a word: in a header of a request that goes on, in the clear
    // where a sealed offer belongs.
    let open = world.hold(&format!(
        "GET /v1/app HTTP/1.1\r\nhost: test.localhost\r\nx-word: {}\r\n",
        day::word("inheader")
    ));
    let offer = data_encoding::BASE64URL_NOPAD.encode(day::word("inoffer").as_bytes());
    let body = format!("{{\"offer\":\"{offer}\"}}");
    let put = world.raw(&format!(
        "PUT /v1/links/00112233445566778899aabbccddeeff/offer HTTP/1.1\r\nhost: test.localhost\r\n\
         connection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert!(
        put.starts_with(b"HTTP/1.1 2"),
        "{}",
        String::from_utf8_lossy(&put)
    );
    // A server that writes what it should not.
    let plant = |name: &str, bytes: &[u8]| {
        std::fs::write(world.data().join(name), [b"....", bytes, b"...."].concat()).unwrap();
    };
    plant("1", day::word("infile").as_bytes());
    plant(
        "2",
        data_encoding::HEXUPPER
            .encode(day::word("inhex").as_bytes())
            .as_bytes(),
    );
    plant(
        "3",
        data_encoding::BASE64
            .encode(format!("x{}", day::word("inbase64")).as_bytes())
            .as_bytes(),
    );
    let utf16: Vec<u8> = day::word("inutf16")
        .encode_utf16()
        .flat_map(u16::to_be_bytes)
        .collect();
    plant("4", &utf16);
    plant(&day::word("inname"), b"");
    for format in squeezed {
        let all = compressed(&day::word(format));
        let (_, bytes) = all.iter().find(|(name, _)| *name == format).unwrap();
        plant(format, bytes);
    }

    let hits = search_all(&world, &search);
    drop(open);
    let found = |place: &str, wanted: &str| {
        hits.iter()
            .any(|hit| hit.word == day::word(place) && hit.place.contains(wanted))
    };
    for (place, wanted) in [
        ("inheader", "memory"),
        ("inoffer", "server/"),
        ("infile", "server/1"),
        ("inhex", "server/2"),
        ("inbase64", "server/3"),
        ("inutf16", "server/4"),
        ("inname", "name of a file"),
        ("zlib", "server/zlib"),
        ("gzip", "server/gzip"),
        ("deflate", "server/deflate"),
        ("stored", "server/stored"),
        ("zstd", "server/zstd"),
    ] {
        assert!(found(place, wanted), "{place} in {wanted}: {hits:#?}");
    }
}
