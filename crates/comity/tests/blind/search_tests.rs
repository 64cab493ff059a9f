//! The search finds what it must, and nothing in noise.

use crate::search::Search;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use std::io::Write as _;

/// The word in text, compressed in each way.
pub(crate) fn compressed(word: &str) -> Vec<(&'static str, Vec<u8>)> {
    let text = format!("{{\"text\":\"the word is {word}, {word}!\"}}").repeat(3);
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::default());
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
    let mut stored = DeflateEncoder::new(Vec::new(), Compression::none());
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    zlib.write_all(text.as_bytes()).unwrap();
    gzip.write_all(&utf16).unwrap();
    raw.write_all(text.as_bytes()).unwrap();
    stored.write_all(text.as_bytes()).unwrap();
    vec![
        ("zlib", zlib.finish().unwrap()),
        ("gzip", gzip.finish().unwrap()),
        ("deflate", raw.finish().unwrap()),
        ("stored", stored.finish().unwrap()),
        (
            "zstd",
            ruzstd::encoding::compress_to_vec(
                text.as_bytes(),
                ruzstd::encoding::CompressionLevel::Fastest,
            ),
        ),
    ]
}

const WORD: &str = "zaqmarker7w0rd";

fn noise(length: usize) -> Vec<u8> {
    let mut hash = blake3::Hasher::new().finalize_xof();
    let mut bytes = vec![0; length];
    hash.fill(&mut bytes);
    bytes
}

fn found(bytes: &[u8]) -> Vec<&'static str> {
    let hits = Search::new(&["otherword0th3r", WORD]).deep("here", bytes);
    assert!(hits.iter().all(|hit| hit.word == WORD));
    hits.into_iter().map(|hit| hit.form).collect()
}

#[test]
fn a_word_is_found_in_every_form_and_alignment() {
    use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
    for before in 0..5 {
        for after in 0..5 {
            let text = [&noise(before), WORD.as_bytes(), &noise(after)].concat();
            for encoded in [
                BASE64.encode(&text),
                BASE64URL_NOPAD.encode(&text),
                HEXLOWER.encode(&text),
                HEXUPPER.encode(&text),
                format!("{text:?}"),
            ] {
                assert!(!found(encoded.as_bytes()).is_empty(), "{encoded}");
            }
            assert_eq!(found(&text), ["plain"]);
        }
    }
    let utf16 = |to: fn(u16) -> [u8; 2]| -> Vec<u8> { WORD.encode_utf16().flat_map(to).collect() };
    assert_eq!(found(&utf16(u16::to_le_bytes)), ["UTF-16LE"]);
    assert_eq!(found(&utf16(u16::to_be_bytes)), ["UTF-16BE"]);
}

#[test]
fn a_word_is_found_in_what_is_compressed_amid_noise() {
    for (format, bytes) in compressed(WORD) {
        for before in [0, 1, 777] {
            let amid = [noise(before), bytes.clone(), noise(500)].concat();
            assert!(!found(&amid).is_empty(), "{format} after {before}");
        }
        let cut = &bytes[..bytes.len() - 3];
        assert!(!found(cut).is_empty(), "{format}, cut off");
    }
}

#[test]
fn nothing_is_found_in_noise() {
    assert!(found(&noise(100_000)).is_empty());
    assert!(found(&WORD.as_bytes()[1..]).is_empty());
}

#[test]
fn a_word_in_the_memory_of_this_process_is_found() {
    // Made here, so that it stands nowhere but on the heap.
    let word: String = WORD.chars().rev().collect();
    let hits = Search::new(&[&word]).memory(std::process::id());
    assert!(hits.iter().any(|hit| hit.form == "plain"), "{hits:?}");
}
