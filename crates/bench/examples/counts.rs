//! Does what must not grow a fixed number of times, to be counted by callgrind: `cargo xtask test --share counts`.
//!
//! `--list` prints the names of the functions that are counted (all in `hot`). Without it each is done, and a line says
//! how often: `NAME TIMES`. Chance and time are a simulated world's, and so the same each time.
//!
//! Always holds: stores are in memory and not encrypted, so that no library of the system's has a part in what is
//! counted. Deliberately absent: counting, which callgrind does around it.

#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    missing_docs,
    reason = "it speaks to the task that counts"
)]

#[path = "../benches/fixture/mod.rs"]
mod fixture;
#[path = "counts/hot.rs"]
mod hot;

use comity_content::proto as said;
use comity_e2ee::envelope::AuthorPosition;
use comity_e2ee::marks::{self, Lane, Place};
use comity_membership::Member;
use comity_simulation::{Dice, World};
use comity_wire::proto::{
    Append, Appended, ClientBatch, ClientFrame, Deliver, Reply, ServerBatch, ServerFrame,
    client_frame::Act, reply, server_frame::Frame,
};
use comity_wire::{DeviceAddress, Message as _};
use fixture::{Chat, Group, text, world};

/// How often most of it is done: what differs from one to the next evens out.
const TIMES: usize = 16;

fn counted(name: &str, times: usize) {
    assert!(hot::NAMES.contains(&name), "{name} is not listed");
    println!("{name} {times}");
}

fn main() {
    if std::env::args().any(|argument| argument == "--list") {
        for name in hot::NAMES {
            println!("{name}");
        }
        return;
    }
    let mut world = world();
    envelopes();
    group_of_2();
    group_of_64();
    chat(&mut world);
    large_past(&mut world);
    drop(world);
}

fn envelopes() {
    let group = Group::new(2);
    let alice = &group.alice;
    let author = hot::Author {
        address: alice.address.clone(),
        member: Member {
            leaf: 0,
            address: alice.address.clone(),
            device: alice.keys.id(),
            signature_key: alice.keys.public().to_vec(),
        },
        position: AuthorPosition {
            window_from: 1,
            last_seq: 32,
            running_hash: [4; 16],
        },
    };
    let content = |number| said::Content {
        message_id: vec![8; 16],
        written_ms: 1_700_000_000_000,
        body: Some(said::content::Body::Text(said::Text { text: text(number) })),
        ..Default::default()
    };
    let contents: Vec<_> = (0..TIMES).map(content).collect();
    let mut dice = Dice::named(7, "envelopes");
    let mut random = |bytes: &mut [u8]| dice.fill(bytes);
    let sealed = hot::seal_an_envelope(&author, &contents, &mut random);
    counted("seal_an_envelope", TIMES);
    hot::open_an_envelope(&author, &sealed);
    counted("open_an_envelope", TIMES);
}

fn texts() -> Vec<Vec<u8>> {
    (0..TIMES).map(|number| text(number).into_bytes()).collect()
}

fn group_of_2() {
    let mut group = Group::new(2);
    let entries = hot::encrypt_of_2(&mut group, &texts());
    counted("encrypt_of_2", TIMES);
    hot::decrypt_of_2(&mut group, &entries);
    counted("decrypt_of_2", TIMES);
    hot::load_a_group_of_2(&mut group, TIMES);
    counted("load_a_group_of_2", TIMES);
    some_marks(&mut group);
}

fn some_marks(group: &mut Group) {
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
    let sealed = hot::seal_a_mark((&key, keys), &place, TIMES as u64, &mut random);
    counted("seal_a_mark", TIMES);
    hot::open_a_mark((&key, &keys.public()), &place, &sealed);
    counted("open_a_mark", TIMES);
}

fn group_of_64() {
    let mut group = Group::new(64);
    let entries = hot::encrypt_of_64(&mut group, &texts());
    counted("encrypt_of_64", TIMES);
    hot::decrypt_of_64(&mut group, &entries);
    counted("decrypt_of_64", TIMES);
    hot::load_a_group_of_64(&mut group, 2);
    counted("load_a_group_of_64", 2);
    let commit = hot::make_a_commit_of_64(&mut group);
    counted("make_a_commit_of_64", 1);
    hot::read_a_commit_of_64(&mut group, &commit);
    counted("read_a_commit_of_64", 1);
}

fn chat(world: &mut World) {
    let mut chat = Chat::begin(world, 0);
    let texts = (0..TIMES).map(text).collect();
    let appends = hot::client_says(&mut chat, texts);
    counted("client_says", TIMES);
    server(&chat, &appends);
    let entries = hot::client_is_answered(&mut chat, appends);
    counted("client_is_answered", TIMES);
    hot::client_hears_one(&mut chat, entries);
    counted("client_hears_one", TIMES);
    let entries = chat.entries(32);
    hot::client_hears_32_at_once(&mut chat, entries);
    counted("client_hears_32_at_once", 32);
    hot::client_shows_lines(&chat, TIMES);
    counted("client_shows_lines", TIMES);
}

fn large_past(world: &mut World) {
    let mut chat = Chat::begin(world, 1_000);
    let entries = chat.entries(TIMES);
    hot::client_hears_one_of_1000_unread(&mut chat, entries);
    counted("client_hears_one_of_1000_unread", TIMES);
    hot::client_shows_conversations(&chat, TIMES);
    counted("client_shows_conversations", TIMES);
}

/// What a server does for each message, with what a client really sent.
fn server(chat: &Chat, appends: &[(u64, Append)]) {
    let frames = appends.iter().map(|(request, append)| ClientFrame {
        request: *request,
        act: Some(Act::Append(append.clone())),
    });
    let batch = ClientBatch {
        frames: frames.collect(),
    };
    hot::server_reads_appends(&batch.encode_to_vec());
    counted("server_reads_appends", TIMES);

    let entries: Vec<_> = appends
        .iter()
        .map(|(_, append)| comity_wire::proto::Entry {
            seq: 70_000,
            kind: 1,
            epoch: append.epoch,
            body: append.body.clone(),
            idempotency_key: append.idempotency_key.clone(),
            at_ms: 1_700_000_000_000,
            seal: vec![9; 32],
        })
        .collect();
    let answer = Frame::Reply(Reply {
        request: 1_000,
        result: Some(reply::Result::Appended(Appended {
            seq: 70_000,
            at_ms: 1_700_000_000_000,
            seal: vec![9; 32],
        })),
    });
    let deliver = Frame::Deliver(Deliver {
        hub: String::new(),
        log: vec![2; 16],
        entries: entries.clone(),
        head_seq: 70_000,
        gap_until_seq: 0,
    });
    let mut frames = vec![answer; TIMES];
    frames.push(deliver);
    let frames = frames
        .into_iter()
        .map(|frame| ServerFrame { frame: Some(frame) });
    hot::server_writes_entries(&ServerBatch {
        frames: frames.collect(),
    });
    counted("server_writes_entries", TIMES);

    let headers = hot::server_looks_at_an_entry(&entries);
    counted("server_looks_at_an_entry", TIMES);
    let account = chat.alice.core.account().unwrap().unwrap();
    let device = DeviceAddress::new(account.address.app.clone(), account.device);
    let nonces: Vec<_> = appends
        .iter()
        .map(|(_, append)| append.sender_nonce.clone())
        .collect();
    hot::server_checks_a_commitment(&headers, (&device, &account.address), &nonces);
    counted("server_checks_a_commitment", TIMES);
    let log = chat
        .alice
        .core
        .conversation_id(chat.alice.conversation)
        .unwrap()
        .unwrap();
    hot::server_seals_an_entry(&log, &headers);
    counted("server_seals_an_entry", TIMES);

    let keys = Group::new(2).alice.keys;
    let message = [1; 120];
    let signatures = vec![keys.sign(&message); TIMES];
    hot::server_checks_a_sign_in(&keys.public(), &message, &signatures);
    counted("server_checks_a_sign_in", TIMES);
}
