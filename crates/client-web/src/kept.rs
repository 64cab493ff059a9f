//! Files that were looked at, kept so that they are there again at once, also without a network:
//! which, how many bytes of them, and the label that each has.
//!
//! What is kept is the ciphertext as it came, or as it went up: what opens it stays in the store.
//! Before it is a label, sealed, that says what it belongs to, so that the core can be asked
//! whether it is still wanted.
//!
//! Always holds: a name and a label tell nothing without this device's data key; there is one file
//! of everything that has one, so another picture takes the place of the one before.
//! Deliberately absent: the keys of files, which the core has, and the folder (`kept/folder.rs`).

#[cfg(target_family = "wasm")]
mod folder;
#[cfg(target_family = "wasm")]
pub(crate) use folder::{Keeping, Kept};

use comity_client::attachment::{Decryptor, Encryptor, FileError, FileKey};
use comity_client::{Core, CoreError, Event, FileOf};
use comity_wire::{MessageId, UnixMs};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// A larger file is not kept.
pub const FILE_BYTES_MAX: u64 = 64 << 20;
/// Bytes that are kept in all, at most.
pub const BYTES_MAX: u64 = 1 << 30;
/// Of what the browser gives this app, one part in so many.
const SHARE: u64 = 10;
/// What was used is noted in its file no more often than this.
const STAMP_MS: UnixMs = 10 * 60_000;

const NAMES: &str = "comity 2026 names of kept files of a browser's device";
const SEALS: &str = "comity 2026 labels of kept files of a browser's device";
/// What is sealed in a label, filled up: the longest address fits.
const OF_BYTES: usize = 256;
const OF_SEALED_BYTES: usize = OF_BYTES + 16;
const STAMP_BYTES: usize = 8;
const DIGEST_BYTES: usize = 32;
/// Bytes before the ciphertext: when it was used last, its BLAKE3, and sealed what it belongs to.
pub const LABEL_BYTES: usize = STAMP_BYTES + DIGEST_BYTES + OF_SEALED_BYTES;

/// What stands before a kept file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// What the file belongs to.
    pub of: FileOf,
    /// BLAKE3 of its ciphertext.
    pub blake3: [u8; DIGEST_BYTES],
    /// When it was looked at last.
    pub used_ms: UnixMs,
}

/// Names files and seals their labels, by keys that come from the device's data key.
pub struct Labels {
    names: Zeroizing<[u8; 32]>,
    seals: Zeroizing<[u8; 32]>,
}

impl Labels {
    /// For the device with this data key.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self {
            names: Zeroizing::new(blake3::derive_key(NAMES, key)),
            seals: Zeroizing::new(blake3::derive_key(SEALS, key)),
        }
    }

    /// The name of a file in its folder.
    #[must_use]
    pub fn name(&self, of: &FileOf) -> String {
        let mut name = blake3::keyed_hash(&self.names, &text(of))
            .to_hex()
            .to_string();
        name.truncate(32);
        name
    }

    /// One key for one label: the same name and digest have the same content sealed.
    fn key(&self, name: &str, digest: &[u8]) -> Result<FileKey, FileError> {
        let mut about = name.as_bytes().to_vec();
        about.extend_from_slice(digest);
        let key = Zeroizing::new(*blake3::keyed_hash(&self.seals, &about).as_bytes());
        FileKey::from_bytes(key.as_slice())
    }

    /// A label as it stands in the file.
    ///
    /// # Errors
    /// When what the file belongs to has a name that is longer than any.
    pub fn write(&self, label: &Label) -> Result<Vec<u8>, FileError> {
        let mut of = text(&label.of);
        if of.len() > OF_BYTES {
            return Err(FileError::Size);
        }
        of.resize(OF_BYTES, b' ');
        let key = self.key(&self.name(&label.of), &label.blake3)?;
        let mut bytes = stamp(label.used_ms).to_vec();
        bytes.extend_from_slice(&label.blake3);
        bytes.extend(Encryptor::new(&key, OF_BYTES as u64)?.chunk(0, &of)?);
        Ok(bytes)
    }

    /// What a file's first bytes say; absent where they are no label of this device and this
    /// name, as of a file that did not come whole.
    #[must_use]
    pub fn read(&self, name: &str, bytes: &[u8]) -> Option<Label> {
        let (used_ms, rest) = bytes.split_first_chunk::<STAMP_BYTES>()?;
        let (blake3, sealed) = rest.split_first_chunk::<DIGEST_BYTES>()?;
        let key = self.key(name, blake3).ok()?;
        let sizes = (OF_BYTES as u64, OF_SEALED_BYTES as u64);
        let mut opening = Decryptor::new(&key, sizes.0, sizes.1, blake3).ok()?;
        let of: FileOf = serde_json::from_slice(&opening.chunk(sealed).ok()?).ok()?;
        (self.name(&of) == name).then_some(Label {
            of,
            blake3: *blake3,
            used_ms: UnixMs::from_le_bytes(*used_ms),
        })
    }
}

/// What a file belongs to, as a text; it is made of numbers and identifiers, and so it has one.
fn text(of: &FileOf) -> Vec<u8> {
    serde_json::to_vec(of).unwrap_or_default()
}

/// When a file was used, as its first bytes say.
#[must_use]
pub fn stamp(used_ms: UnixMs) -> [u8; STAMP_BYTES] {
    used_ms.to_le_bytes()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Entry {
    blake3: [u8; DIGEST_BYTES],
    bytes: u64,
    used_ms: UnixMs,
}

/// Which files are kept.
#[derive(Debug)]
pub struct Index {
    files: BTreeMap<FileOf, Entry>,
    bytes: u64,
    bytes_max: u64,
}

impl Default for Index {
    /// Empty, and no larger than [`BYTES_MAX`].
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            bytes: 0,
            bytes_max: BYTES_MAX,
        }
    }
}

impl Index {
    /// From now on no more than a fair part of what the browser gives.
    pub fn share_of(&mut self, quota: u64) {
        self.bytes_max = BYTES_MAX.min(quota / SHARE);
    }

    /// Whether the file is kept, as far as is known.
    #[must_use]
    pub fn has(&self, of: &FileOf) -> bool {
        self.files.contains_key(of)
    }

    /// A file is there, whole, and has so many bytes.
    pub fn put(&mut self, label: &Label, bytes: u64) {
        self.remove(&label.of);
        let entry = Entry {
            blake3: label.blake3,
            bytes,
            used_ms: label.used_ms,
        };
        self.files.insert(label.of.clone(), entry);
        self.bytes += bytes;
    }

    /// A file is there no longer; false where it was not known.
    pub fn remove(&mut self, of: &FileOf) -> bool {
        let entry = self.files.remove(of);
        self.bytes -= entry.map_or(0, |entry| entry.bytes);
        entry.is_some()
    }

    /// A file was looked at; true when that is to be noted in it.
    pub fn used(&mut self, of: &FileOf, now: UnixMs) -> bool {
        let Some(entry) = self.files.get_mut(of) else {
            return false;
        };
        let due = (now - entry.used_ms).abs() >= STAMP_MS;
        if due {
            entry.used_ms = now;
        }
        due
    }

    /// Forgets what was not used for the longest time, until so many more bytes have room; what
    /// was forgotten.
    pub fn make_room(&mut self, bytes: u64) -> Vec<FileOf> {
        let wanted = self.bytes_max.saturating_sub(bytes);
        if self.bytes <= wanted {
            return Vec::new();
        }
        let mut oldest: Vec<(UnixMs, FileOf)> = self
            .files
            .iter()
            .map(|(of, entry)| (entry.used_ms, of.clone()))
            .collect();
        oldest.sort();
        let mut gone = Vec::new();
        for (_, of) in oldest {
            if self.bytes <= wanted {
                break;
            }
            self.remove(&of);
            gone.push(of);
        }
        gone
    }

    /// Forgets what nobody wants any more after an event; what was forgotten. What the store can
    /// not be asked about stays until the next start.
    pub fn let_go(&mut self, core: &Core, event: &Event) -> Vec<FileOf> {
        let mut gone = self.touched(core, event).unwrap_or_default();
        gone.retain(|of| {
            let entry = self.files.get(of);
            entry.is_some_and(|entry| matches!(is_wanted(core, of, &entry.blake3), Ok(false)))
        });
        for of in &gone {
            self.remove(of);
        }
        gone
    }

    /// What an event may have made unwanted.
    fn touched(&self, core: &Core, event: &Event) -> Result<Vec<FileOf>, CoreError> {
        let file = |conversation: &i64, message: &MessageId| FileOf::Message {
            conversation: *conversation,
            message: *message,
        };
        Ok(match event {
            Event::Expired {
                conversation,
                message,
            } => vec![file(conversation, message)],
            Event::ItemChanged { conversation, item } if item.deleted => {
                vec![file(conversation, &item.message)]
            }
            Event::ContactChanged { address } => vec![FileOf::Person(address.clone())],
            // The own picture may be another.
            Event::Saved { .. } => self
                .files
                .keys()
                .filter(|of| matches!(of, FileOf::Person(_)))
                .cloned()
                .collect(),
            Event::ConversationChanged { conversation } => {
                let mut all = vec![FileOf::Group(*conversation)];
                let ends = [[0; 16], [0xff; 16]]
                    .map(|message| file(conversation, &MessageId::new(message)));
                let [first, last] = ends;
                let mut said = self.files.range(first..=last).map(|(of, _)| of).peekable();
                // It changes with each word; only when it goes its files do.
                if said.peek().is_some() && !core.has_conversation(*conversation)? {
                    all.extend(said.cloned());
                }
                all
            }
            _ => Vec::new(),
        })
    }
}

/// Whether a file with this digest is still what the core speaks of. Of an own file that is just up
/// it does not know the digest yet.
///
/// # Errors
/// When the store can not be read.
pub fn is_wanted(core: &Core, of: &FileOf, blake3: &[u8]) -> Result<bool, CoreError> {
    let file = core.file(of)?;
    Ok(file.is_some_and(|file| file.blake3.is_empty() || file.blake3 == blake3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::Connection;

    fn message(conversation: i64, n: u8) -> FileOf {
        FileOf::Message {
            conversation,
            message: MessageId::new([n; 16]),
        }
    }

    fn person(app: &str) -> FileOf {
        let address = format!("00112233445566778899aabbccddeeff@{app}");
        FileOf::Person(address.parse().unwrap())
    }

    fn label(of: FileOf, used_ms: UnixMs) -> Label {
        Label {
            of,
            blake3: [7; 32],
            used_ms,
        }
    }

    fn all() -> [FileOf; 4] {
        // The longest name that an app can have.
        let longest = format!("{}.example", "a".repeat(92));
        [
            message(1, 1),
            message(1, 2),
            person(&longest),
            FileOf::Group(i64::MAX),
        ]
    }

    #[test]
    fn a_label_opens_under_its_own_name_and_key() {
        let (labels, other) = (Labels::new(&[1; 32]), Labels::new(&[2; 32]));
        for of in all() {
            let (name, was) = (labels.name(&of), label(of, 1_700_000_000_000));
            let bytes = labels.write(&was).unwrap();
            assert_eq!(bytes.len(), LABEL_BYTES);
            assert_eq!(labels.read(&name, &bytes), Some(was.clone()));
            assert_eq!(other.read(&name, &bytes), None);
            assert_eq!(labels.read(&labels.name(&message(9, 9)), &bytes), None);
            // Half a file has none yet; a digest or a seal that was changed is none.
            assert_eq!(labels.read(&name, &[0; LABEL_BYTES]), None);
            assert_eq!(labels.read(&name, &bytes[..LABEL_BYTES - 1]), None);
            for at in [STAMP_BYTES, LABEL_BYTES - 1] {
                let mut changed = bytes.clone();
                changed[at] ^= 1;
                assert_eq!(labels.read(&name, &changed), None);
            }
            let mut used = bytes.clone();
            used[..STAMP_BYTES].copy_from_slice(&stamp(5));
            assert_eq!(labels.read(&name, &used).unwrap().used_ms, 5);
        }
    }

    #[test]
    fn names_and_labels_tell_nothing() {
        let (labels, other) = (Labels::new(&[1; 32]), Labels::new(&[2; 32]));
        let of = person("chat.example");
        let name = labels.name(&of);
        assert_eq!(name.len(), 32);
        assert!(name.bytes().all(|b| b.is_ascii_hexdigit()));
        assert_ne!(name, other.name(&of));
        assert_ne!(name, labels.name(&message(1, 1)));
        let bytes = labels.write(&label(of, 1)).unwrap();
        for said in ["chat.example", "0011223344", "person"] {
            let said = said.as_bytes();
            assert!(!bytes.windows(said.len()).any(|part| part == said));
        }
        // Another picture of the same person is sealed under another key.
        let second = Label {
            blake3: [8; 32],
            ..label(person("chat.example"), 1)
        };
        assert_ne!(bytes[40..], labels.write(&second).unwrap()[40..]);
    }

    #[test]
    fn what_was_not_used_for_the_longest_goes_first() {
        let mut index = Index::default();
        index.share_of(1_000);
        for n in 1..=4 {
            index.put(&label(message(1, n), i64::from(n) * STAMP_MS), 20);
        }
        assert!(index.make_room(20).is_empty());
        assert!(index.used(&message(1, 1), 9 * STAMP_MS));
        assert!(!index.used(&message(1, 1), 9 * STAMP_MS + 1));
        assert!(!index.used(&message(5, 5), 1));
        assert_eq!(index.make_room(50), [message(1, 2), message(1, 3)]);
        assert!(index.make_room(0).is_empty());
        // A file in the place of another counts once.
        index.put(&label(message(1, 1), 1), 60);
        assert_eq!(index.bytes, 80);
        // What is larger than all that there may be leaves nothing, and no debt.
        assert_eq!(index.make_room(u64::MAX).len(), 2);
        assert_eq!(index.bytes, 0);
        assert!(!index.remove(&message(1, 1)));
        index.share_of(u64::MAX);
        assert_eq!(index.bytes_max, BYTES_MAX);
    }

    #[test]
    fn what_an_event_speaks_of_is_asked_about_again() {
        let core = Core::open(Connection::open_in_memory().unwrap()).unwrap();
        let mut index = Index::default();
        let files = [
            message(1, 1),
            message(1, 2),
            message(2, 1),
            person("chat.example"),
            FileOf::Group(2),
        ];
        for of in files.clone() {
            index.put(&label(of, 1), 10);
        }
        let expired = Event::Expired {
            conversation: 1,
            message: MessageId::new([2; 16]),
        };
        assert!(index.let_go(&core, &Event::Online).is_empty());
        assert_eq!(index.let_go(&core, &expired), [message(1, 2)]);
        assert!(index.let_go(&core, &expired).is_empty());
        // There is no such conversation in this store: all of it goes.
        let changed = Event::ConversationChanged { conversation: 2 };
        assert_eq!(
            index.let_go(&core, &changed),
            [FileOf::Group(2), message(2, 1)]
        );
        let saved = Event::Saved {
            what: "photo".to_owned(),
        };
        assert_eq!(index.let_go(&core, &saved), [person("chat.example")]);
        assert!(index.has(&message(1, 1)));
        assert_eq!(index.bytes, 10);
    }
}
