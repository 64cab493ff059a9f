//! What is counted: each function does one thing to all that it is given, and nothing else.
//!
//! Always holds: a function is a symbol of its own, by whose name counting begins and ends; what it is given is made
//! before. [`NAMES`] names all of them.

use crate::fixture::{Chat, Group};
use comity_e2ee::envelope::{self, AuthorPosition, SealedEnvelope};
use comity_e2ee::keys::DeviceKeys;
use comity_e2ee::marks::{self, MarkKey, Place};
use comity_membership::{Member, franking, manifest, private_message_facts};
use comity_wire::proto::{Append, ClientBatch, Entry, ServerBatch};
use comity_wire::{Address, ConversationId, DeviceAddress, Message as _, decode_batch};
use std::hint::black_box;

/// The functions of this module.
pub(crate) const NAMES: &[&str] = &[
    "seal_an_envelope",
    "open_an_envelope",
    "encrypt_of_2",
    "encrypt_of_64",
    "decrypt_of_2",
    "decrypt_of_64",
    "load_a_group_of_2",
    "load_a_group_of_64",
    "make_a_commit_of_64",
    "read_a_commit_of_64",
    "seal_a_mark",
    "open_a_mark",
    "client_says",
    "client_is_answered",
    "client_hears_one",
    "client_hears_one_of_1000_unread",
    "client_hears_32_at_once",
    "client_shows_lines",
    "client_shows_conversations",
    "server_reads_appends",
    "server_writes_entries",
    "server_looks_at_an_entry",
    "server_checks_a_commitment",
    "server_seals_an_entry",
    "server_checks_a_sign_in",
];

/// Who seals an envelope.
pub(crate) struct Author {
    pub(crate) address: Address,
    pub(crate) member: Member,
    pub(crate) position: AuthorPosition,
}

#[inline(never)]
pub(crate) fn seal_an_envelope(
    author: &Author,
    contents: &[comity_content::proto::Content],
    random: &mut dyn comity_wire::Random,
) -> Vec<SealedEnvelope> {
    let mut sealed = Vec::with_capacity(contents.len());
    for content in contents {
        let (address, device) = (&author.address, &author.member.device);
        let position = &author.position;
        sealed.push(envelope::seal(
            content, address, device, position, [6; 8], random,
        ));
    }
    sealed
}

#[inline(never)]
pub(crate) fn open_an_envelope(author: &Author, sealed: &[SealedEnvelope]) {
    for one in sealed {
        black_box(envelope::open(&one.plaintext, &one.franked.header, &author.member).unwrap());
    }
}

/// Sizes of groups differ in a constant only: one function each, so that each has a symbol.
macro_rules! of_sizes {
    ($($encrypt:ident, $decrypt:ident, $load:ident;)+) => {$(
        #[inline(never)]
        pub(crate) fn $encrypt(group: &mut Group, texts: &[Vec<u8>]) -> Vec<Vec<u8>> {
            let mut entries = Vec::with_capacity(texts.len());
            for text in texts {
                entries.push(group.encrypt(text));
            }
            entries
        }

        #[inline(never)]
        pub(crate) fn $decrypt(group: &mut Group, entries: &[Vec<u8>]) {
            for entry in entries {
                let mut session = group.bob.session();
                black_box(session.decrypt(&group.id, entry).unwrap());
            }
        }

        #[inline(never)]
        pub(crate) fn $load(group: &mut Group, times: usize) {
            for _ in 0..times {
                group.bob.groups.forget_all();
                let mut session = group.bob.session();
                black_box(session.epoch(&group.id).unwrap());
            }
        }
    )+};
}

of_sizes! {
    encrypt_of_2, decrypt_of_2, load_a_group_of_2;
    encrypt_of_64, decrypt_of_64, load_a_group_of_64;
}

#[inline(never)]
pub(crate) fn make_a_commit_of_64(group: &mut Group) -> Vec<u8> {
    group.update()
}

#[inline(never)]
pub(crate) fn read_a_commit_of_64(group: &mut Group, commit: &[u8]) {
    let mut session = group.bob.session();
    let merged = session.process_commit(&group.id, commit, &mut |_, _, _| Ok(()));
    black_box(merged.unwrap());
}

#[inline(never)]
pub(crate) fn seal_a_mark(
    (key, keys): (&MarkKey, &DeviceKeys),
    place: &Place<'_>,
    times: u64,
    random: &mut dyn comity_wire::Random,
) -> Vec<Vec<u8>> {
    let mut sealed = Vec::new();
    for counter in 0..times {
        sealed.push(marks::seal(key, keys, place, counter + 1, &[5; 12], random).unwrap());
    }
    sealed
}

#[inline(never)]
pub(crate) fn open_a_mark((key, signer): (&MarkKey, &[u8]), place: &Place<'_>, sealed: &[Vec<u8>]) {
    for one in sealed {
        black_box(marks::open(key, signer, place, one, None).unwrap());
    }
}

#[inline(never)]
pub(crate) fn client_says(chat: &mut Chat, texts: Vec<String>) -> Vec<(u64, Append)> {
    let mut appends = Vec::with_capacity(texts.len());
    for text in texts {
        appends.push(chat.seal(text));
    }
    appends
}

#[inline(never)]
pub(crate) fn client_is_answered(chat: &mut Chat, appends: Vec<(u64, Append)>) -> Vec<Entry> {
    let mut entries = Vec::with_capacity(appends.len());
    for (request, append) in appends {
        entries.push(chat.confirm(request, append));
    }
    entries
}

#[inline(never)]
pub(crate) fn client_hears_one(chat: &mut Chat, entries: Vec<Entry>) {
    for entry in entries {
        assert_eq!(chat.hear(vec![entry]), 1);
    }
}

#[inline(never)]
pub(crate) fn client_hears_one_of_1000_unread(chat: &mut Chat, entries: Vec<Entry>) {
    for entry in entries {
        assert_eq!(chat.hear(vec![entry]), 1);
    }
}

#[inline(never)]
pub(crate) fn client_hears_32_at_once(chat: &mut Chat, entries: Vec<Entry>) {
    let count = entries.len();
    assert_eq!(chat.hear(entries), count);
}

#[inline(never)]
pub(crate) fn client_shows_lines(chat: &Chat, times: usize) {
    let (core, conversation) = (&chat.bob.core, chat.bob.conversation);
    for _ in 0..times {
        assert_eq!(core.timeline(conversation, None, 20).unwrap().len(), 20);
    }
}

#[inline(never)]
pub(crate) fn client_shows_conversations(chat: &Chat, times: usize) {
    for _ in 0..times {
        assert!(!black_box(chat.bob.core.conversations().unwrap()).is_empty());
    }
}

#[inline(never)]
pub(crate) fn server_reads_appends(batch: &[u8]) {
    let batch: ClientBatch = decode_batch(black_box(batch)).unwrap();
    black_box(batch);
}

#[inline(never)]
pub(crate) fn server_writes_entries(batch: &ServerBatch) {
    black_box(black_box(batch).encode_to_vec());
}

#[inline(never)]
pub(crate) fn server_looks_at_an_entry(entries: &[Entry]) -> Vec<Vec<u8>> {
    let mut headers = Vec::with_capacity(entries.len());
    for entry in entries {
        headers.push(
            private_message_facts(&entry.body)
                .unwrap()
                .authenticated_data,
        );
    }
    headers
}

#[inline(never)]
pub(crate) fn server_checks_a_commitment(
    headers: &[Vec<u8>],
    (device, address): (&DeviceAddress, &Address),
    nonces: &[Vec<u8>],
) {
    for (header, nonce) in headers.iter().zip(nonces) {
        let header = franking::Header::decode(header).unwrap();
        let made = franking::sender_commitment(device, address, nonce);
        assert_eq!(made, header.sender_commitment);
    }
}

#[inline(never)]
pub(crate) fn server_seals_an_entry(log: &ConversationId, headers: &[Vec<u8>]) {
    let log = log.to_string();
    for header in headers {
        let what = franking::Sealed {
            log: &log,
            seq: 7,
            header,
            at_ms: 1_700_000_000_000,
        };
        black_box(franking::seal(&[1; 32], &what));
    }
}

#[inline(never)]
pub(crate) fn server_checks_a_sign_in(key: &[u8], message: &[u8], signatures: &[[u8; 64]]) {
    for signature in signatures {
        assert!(manifest::holds(key, message, signature));
    }
}
