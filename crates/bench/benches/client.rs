//! What a client does for each message, one function at a time: `cargo bench --package comity-bench --bench client`.
//!
//! Stores are in memory and not encrypted: what the disk and the encryption of its pages add is in `comity bench encrypt`
//! and the scenarios beside it.

#![allow(clippy::unwrap_used, missing_docs)]

mod fixture;

use comity_content::{Message as _, proto as said};
use comity_e2ee::envelope::{self, AuthorPosition};
use comity_e2ee::marks::{self, Lane, Place};
use comity_membership::Member;
use comity_simulation::Dice;
use divan::{Bencher, black_box};
use fixture::{Chat, Group, text, world};
use std::cell::RefCell;

fn main() {
    divan::main();
}

/// Devices of a group.
const SIZES: [u8; 3] = [2, 8, 64];
/// Lines that were received and not read.
const UNREAD: [usize; 3] = [0, 100, 1_000];

fn content() -> said::Content {
    said::Content {
        message_id: vec![8; 16],
        written_ms: 1_700_000_000_000,
        body: Some(said::content::Body::Text(said::Text { text: text(1) })),
        ..Default::default()
    }
}

const POSITION: AuthorPosition = AuthorPosition {
    window_from: 1,
    last_seq: 32,
    running_hash: [4; 16],
};

/// Franking a text and putting it into its envelope.
#[divan::bench]
fn seal_an_envelope(bencher: Bencher<'_, '_>) {
    let group = Group::new(2);
    let (address, device) = (&group.alice.address, group.alice.keys.id());
    let content = content();
    let mut dice = Dice::named(7, "envelope");
    let mut random = |bytes: &mut [u8]| dice.fill(bytes);
    bencher.bench_local(|| {
        let content = black_box(&content);
        envelope::seal(content, address, &device, &POSITION, [6; 8], &mut random)
    });
}

/// Checking who franked it, and decoding it.
#[divan::bench]
fn open_an_envelope(bencher: Bencher<'_, '_>) {
    let group = Group::new(2);
    let alice = &group.alice;
    let sender = Member {
        leaf: 0,
        address: alice.address.clone(),
        device: alice.keys.id(),
        signature_key: alice.keys.public().to_vec(),
    };
    let mut dice = Dice::named(7, "envelope");
    let mut random = |bytes: &mut [u8]| dice.fill(bytes);
    let device = alice.keys.id();
    let sealed = envelope::seal(
        &content(),
        &alice.address,
        &device,
        &POSITION,
        [6; 8],
        &mut random,
    );
    bencher.bench_local(|| {
        envelope::open(
            black_box(&sealed.plaintext),
            &sealed.franked.header,
            &sender,
        )
        .unwrap()
    });
}

/// Whether content of others is taken.
#[divan::bench]
fn look_at_content(bencher: Bencher<'_, '_>) {
    let bytes = content().encode_to_vec();
    bencher.bench_local(|| assert!(comity_client::would_take(black_box(&bytes))));
}

/// The ratchet, the ciphertext, and the group's state stored.
#[divan::bench(args = SIZES)]
fn encrypt(bencher: Bencher<'_, '_>, devices: u8) {
    let _world = world();
    let mut group = Group::new(devices);
    let text = text(1).into_bytes();
    bencher.bench_local(|| group.encrypt(black_box(&text)));
}

/// The ratchet, the plaintext, and the group's state stored.
#[divan::bench(args = SIZES)]
fn decrypt(bencher: Bencher<'_, '_>, devices: u8) {
    let _world = world();
    let group = RefCell::new(Group::new(devices));
    let text = text(1).into_bytes();
    bencher
        .with_inputs(|| group.borrow_mut().encrypt(&text))
        .bench_local_values(|entry| {
            let group = &mut *group.borrow_mut();
            group.bob.session().decrypt(&group.id, &entry).unwrap()
        });
}

/// A group from the store.
#[divan::bench(args = SIZES)]
fn load_a_group(bencher: Bencher<'_, '_>, devices: u8) {
    let _world = world();
    let mut group = Group::new(devices);
    bencher.bench_local(|| {
        group.bob.groups.forget_all();
        group.bob.session().epoch(&group.id).unwrap()
    });
}

/// A mark, sealed and opened.
#[divan::bench]
fn mark(bencher: Bencher<'_, '_>) {
    let _world = world();
    let mut group = Group::new(2);
    let id = group.id.clone();
    let key = marks::derive_key(&mut group.alice.session(), &id).unwrap();
    let place = Place {
        conversation: &id,
        epoch: 1,
        lane: Lane::Mark,
    };
    let keys = &group.alice.keys;
    let mut dice = Dice::named(7, "marks");
    let mut random = |bytes: &mut [u8]| dice.fill(bytes);
    bencher.bench_local(|| {
        let sealed = marks::seal(&key, keys, &place, 1, &[5; 12], &mut random).unwrap();
        marks::open(&key, &keys.public(), &place, &sealed, None).unwrap()
    });
}

/// A whole step of the core: a person's act, to the sealed append.
#[divan::bench]
fn say(bencher: Bencher<'_, '_>) {
    let chat = RefCell::new(Chat::begin(&mut world(), 0));
    bencher.with_inputs(|| text(1)).bench_local_values(|text| {
        let mut chat = chat.borrow_mut();
        let (request, append) = chat.seal(text);
        // Nothing waits for its answer when the next one is said.
        chat.confirm(request, append)
    });
}

/// A whole step of the core: an entry, to the line on the screen.
#[divan::bench(args = UNREAD)]
fn hear(bencher: Bencher<'_, '_>, unread: usize) {
    let chat = RefCell::new(Chat::begin(&mut world(), unread));
    bencher
        .with_inputs(|| chat.borrow_mut().say(1))
        .bench_local_values(|entry| assert_eq!(chat.borrow_mut().hear(vec![entry]), 1));
}

/// The newest lines of a conversation.
#[divan::bench(args = UNREAD)]
fn show_lines(bencher: Bencher<'_, '_>, unread: usize) {
    let chat = Chat::begin(&mut world(), unread);
    let (core, conversation) = (&chat.bob.core, chat.bob.conversation);
    bencher.bench_local(|| core.timeline(conversation, None, 20).unwrap());
}

/// The list of conversations.
#[divan::bench(args = UNREAD)]
fn show_conversations(bencher: Bencher<'_, '_>, unread: usize) {
    let chat = Chat::begin(&mut world(), unread);
    bencher.bench_local(|| chat.bob.core.conversations().unwrap());
}
