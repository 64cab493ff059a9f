//! Searches bytes for words in every form that a careless server could leave them in: plain,
//! base64 in all alignments and both alphabets, hex, decimal lists, UTF-16, percent-encoded, and
//! any of these inside of what zlib, gzip, deflate or zstd compressed.
//!
//! Always holds: a word of at least [`WORD_MIN`] bytes is found wherever it stands whole in one of
//! these forms. Deliberately absent: words cut in two by a page or a chunk.

#![allow(unreachable_pub, missing_docs, reason = "a module of tests")]

use aho_corasick::{AhoCorasick, MatchKind};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Shorter words would be found by chance.
pub const WORD_MIN: usize = 10;

/// Most that a compressed stream is followed.
const INFLATED_MAX: usize = 4 << 20;

/// A word that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The word.
    pub word: String,
    /// In which form.
    pub form: &'static str,
    /// Where: a file, a part of memory.
    pub place: String,
    /// At which byte, of the stream when it was compressed.
    pub at: usize,
}

/// Words to search for.
pub struct Search {
    words: Vec<String>,
    patterns: Vec<(usize, &'static str)>,
    automaton: AhoCorasick,
}

impl Search {
    pub fn new(words: &[&str]) -> Self {
        let mut forms: Vec<(usize, &'static str, Vec<u8>)> = Vec::new();
        for (index, word) in words.iter().enumerate() {
            assert!(word.len() >= WORD_MIN, "{word} is too short");
            for (form, bytes) in forms_of(word.as_bytes()) {
                forms.push((index, form, bytes));
            }
        }
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(forms.iter().map(|(_, _, bytes)| bytes))
            .unwrap();
        Self {
            words: words.iter().map(|&word| word.to_owned()).collect(),
            patterns: forms
                .into_iter()
                .map(|(index, form, _)| (index, form))
                .collect(),
            automaton,
        }
    }

    /// In bytes as they are.
    pub fn bytes(&self, place: &str, bytes: &[u8]) -> Vec<Hit> {
        self.automaton
            .find_overlapping_iter(bytes)
            .filter_map(|found| {
                let (word, form) = self.patterns.get(found.pattern().as_usize())?;
                Some(Hit {
                    word: self.words.get(*word)?.clone(),
                    form,
                    place: place.to_owned(),
                    at: found.start(),
                })
            })
            .collect()
    }

    /// In bytes and in all that is compressed in them.
    pub fn deep(&self, place: &str, bytes: &[u8]) -> Vec<Hit> {
        let mut hits = self.bytes(place, bytes);
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let share = bytes.len().div_ceil(threads).max(1);
        std::thread::scope(|scope| {
            let shares: Vec<_> = (0..bytes.len())
                .step_by(share)
                .map(|from| {
                    scope.spawn(move || {
                        self.streams(place, bytes, from..(from + share).min(bytes.len()))
                    })
                })
                .collect();
            for share in shares {
                hits.extend(share.join().unwrap());
            }
        });
        hits
    }

    /// In streams that begin in this range.
    fn streams(&self, place: &str, bytes: &[u8], starts: std::ops::Range<usize>) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut room = Room::default();
        for at in starts {
            for (format, inflated) in room.inflate(&bytes[at..]) {
                let place = format!("{place}, {format} at {at}");
                hits.extend(self.bytes(&place, inflated));
            }
        }
        hits
    }

    /// In the files of a folder, with their names.
    pub fn folder(&self, folder: &Path) -> Vec<Hit> {
        let mut hits = Vec::new();
        for file in files(folder) {
            let place = file.display().to_string();
            let name = file.strip_prefix(folder).unwrap_or(&file);
            hits.extend(self.bytes("the name of a file", name.as_os_str().as_encoded_bytes()));
            // A file may go while the server runs.
            if let Ok(bytes) = std::fs::read(&file) {
                hits.extend(self.deep(&place, &bytes));
            }
        }
        hits
    }

    /// In all that a process can read of itself; stopped meanwhile.
    pub fn memory(&self, pid: u32) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut searched = 0;
        for (place, bytes) in memory(pid) {
            searched += bytes.len();
            hits.extend(self.bytes(&place, &bytes));
        }
        assert!(searched > 1 << 20, "the memory of {pid} was not readable");
        hits
    }
}

/// All files below a folder.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The readable parts of a process's memory.
fn memory(pid: u32) -> impl Iterator<Item = (String, Vec<u8>)> {
    use std::os::unix::fs::FileExt as _;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    let parts: Vec<(u64, u64, String)> = maps
        .lines()
        .filter_map(|line| {
            let mut fields = line.split_whitespace();
            let (from, to) = fields.next()?.split_once('-')?;
            let readable = fields.next()?.starts_with('r');
            let name = fields.nth(3).unwrap_or("anonymous");
            let from = u64::from_str_radix(from, 16).ok()?;
            let to = u64::from_str_radix(to, 16).ok()?;
            let own = !matches!(name, "[vvar]" | "[vsyscall]" | "[vvar_vclock]");
            (readable && own).then(|| (from, to, name.to_owned()))
        })
        .collect();
    parts.into_iter().filter_map(move |(from, to, name)| {
        let mut bytes = vec![0; usize::try_from(to - from).ok()?];
        let read = memory.read_at(&mut bytes, from).ok()?;
        bytes.truncate(read);
        Some((format!("memory: {name}"), bytes))
    })
}

/// A word in every uncompressed form.
fn forms_of(word: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    use data_encoding::{BASE64, BASE64URL, HEXLOWER, HEXUPPER};
    let text = String::from_utf8_lossy(word).into_owned();
    let utf16: Vec<u16> = text.encode_utf16().collect();
    let list = |separator: &str| {
        let numbers: Vec<String> = word.iter().map(u8::to_string).collect();
        numbers.join(separator).into_bytes()
    };
    let percent: String = word.iter().map(|byte| format!("%{byte:02X}")).collect();
    let mut forms = vec![
        ("plain", word.to_vec()),
        ("hex", HEXLOWER.encode(word).into_bytes()),
        ("HEX", HEXUPPER.encode(word).into_bytes()),
        (
            "UTF-16LE",
            utf16.iter().flat_map(|unit| unit.to_le_bytes()).collect(),
        ),
        (
            "UTF-16BE",
            utf16.iter().flat_map(|unit| unit.to_be_bytes()).collect(),
        ),
        ("decimal list", list(", ")),
        ("tight decimal list", list(",")),
        ("percent", percent.into_bytes()),
    ];
    for before in 0..3_usize {
        // What stands before shifts the word's bits; of the ends only whole letters are its own.
        let shifted = [&vec![0; before], word].concat();
        let first = (before * 8).div_ceil(6);
        let last = shifted.len() * 8 / 6;
        for (form, encoding) in [("base64", BASE64), ("base64url", BASE64URL)] {
            let letters = encoding.encode(&shifted).into_bytes();
            let own = letters.get(first..last).unwrap_or_default().to_vec();
            if !forms.iter().any(|(_, known)| *known == own) {
                forms.push((form, own));
            }
        }
    }
    forms
}

/// Room for what is inflated, used again and again.
#[derive(Default)]
struct Room {
    stream: Box<DecompressorOxide>,
    raw_out: Vec<u8>,
    zlib_out: Vec<u8>,
    zstd_out: Vec<u8>,
}

impl Room {
    /// Everything that these bytes may be the beginning of.
    fn inflate(&mut self, bytes: &[u8]) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.raw_out.clear();
        self.zlib_out.clear();
        self.zstd_out.clear();
        if may_be_deflate(bytes) {
            follow(&mut self.stream, bytes, 0, &mut self.raw_out);
        }
        let zlib = matches!(bytes, [head, flags, ..]
            if head & 0x0f == 8 && (u32::from(*head) * 256 + u32::from(*flags)) % 31 == 0 && flags & 0x20 == 0);
        if zlib {
            let flags = inflate_flags::TINFL_FLAG_PARSE_ZLIB_HEADER;
            follow(&mut self.stream, bytes, flags, &mut self.zlib_out);
        }
        if bytes.starts_with(&[0x1f, 0x8b, 8]) {
            // Until the end or the first fault: what came out before counts.
            let gzip = flate2::read::GzDecoder::new(bytes);
            let _ = gzip
                .take(INFLATED_MAX as u64)
                .read_to_end(&mut self.zlib_out);
        }
        if bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
            && let Ok(zstd) = ruzstd::decoding::StreamingDecoder::new(bytes)
        {
            let _ = zstd
                .take(INFLATED_MAX as u64)
                .read_to_end(&mut self.zstd_out);
        }
        [
            ("deflate", self.raw_out.as_slice()),
            ("zlib or gzip", self.zlib_out.as_slice()),
            ("zstd", self.zstd_out.as_slice()),
        ]
        .into_iter()
        .filter(|(_, inflated)| inflated.len() >= WORD_MIN)
    }
}

/// Rules out most of what can not be a deflate stream, cheaply.
fn may_be_deflate(bytes: &[u8]) -> bool {
    let [first, second, third, fourth, fifth, ..] = bytes else {
        return false;
    };
    match (first >> 1) & 3 {
        // Stored: aligned to a byte; the length and its complement. Short ones are plain anyway.
        0 => {
            let length = u16::from_le_bytes([*second, *third]);
            length == !u16::from_le_bytes([*fourth, *fifth]) && usize::from(length) >= WORD_MIN
        }
        1 => true,
        // Dynamic: at most 286 and 30 codes.
        2 => (first >> 3) <= 29 && (second & 0x1f) <= 29,
        _ => false,
    }
}

/// Inflates until the end or the first fault: what came out before counts.
fn follow(stream: &mut DecompressorOxide, bytes: &[u8], flags: u32, out: &mut Vec<u8>) {
    let flags = flags | inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
    stream.init();
    out.resize(512, 0);
    let (mut read, mut written) = (0, 0);
    loop {
        let (status, more_read, more_written) =
            decompress(stream, &bytes[read..], out, written, flags);
        read += more_read;
        written += more_written;
        if status != TINFLStatus::HasMoreOutput || out.len() >= INFLATED_MAX {
            break;
        }
        out.resize(out.len() * 4, 0);
    }
    out.truncate(written);
}
