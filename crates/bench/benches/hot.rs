//! What a server does for each message, one function at a time: `cargo bench --package comity-bench`.
//!
//! Deliberately absent: the database and the network, which `comity bench` measures with everything around them.

#![allow(clippy::unwrap_used, missing_docs)]

use comity_e2ee::engine::Groups;
use comity_e2ee::keys::DeviceKeys;
use comity_e2ee::storage::SCHEMA;
use comity_membership::{Context, Role, franking, manifest, private_message_facts};
use comity_wire::proto::{
    Append, Appended, ClientBatch, ClientFrame, ConversationKind, Deliver, Entry, Reply,
    ServerBatch, ServerFrame, client_frame::Act, reply, server_frame::Frame,
};
use comity_wire::{AccountId, Address, ConversationId, DeviceAddress, Id16, Message, decode_batch};
use divan::{Bencher, black_box};
use std::collections::BTreeMap;

fn main() {
    divan::main();
}

struct Sealed {
    keys: DeviceKeys,
    address: Address,
    conversation: ConversationId,
    header: Vec<u8>,
    append: Append,
}

/// An entry as a device seals it.
fn sealed() -> Sealed {
    let keys = DeviceKeys::generate(&mut |bytes: &mut [u8]| bytes.fill(7));
    let address = Address::new("chat.example".parse().unwrap(), AccountId::new([1; 16]));
    let conversation = ConversationId::new(address.app.clone(), Id16::new([2; 16]));
    let store = rusqlite::Connection::open_in_memory().unwrap();
    store.execute_batch(SCHEMA).unwrap();
    let mut groups = Groups::new();
    let mut session = groups.session(&store, &keys, &address);
    let roles = BTreeMap::from([(address.clone(), Role::Admin)]);
    let context = Context::new(
        conversation.clone(),
        ConversationKind::Group,
        &[3; 32],
        roles,
    );
    session.create(&conversation, &context).unwrap();
    let device = DeviceAddress::new(address.app.clone(), keys.id());
    let header = franking::Header {
        tag: [4; 32],
        sender_commitment: franking::sender_commitment(&device, &address, &[5; 32]),
        epoch_authenticator: [6; 8],
    };
    let header = header.encode();
    let body = session.encrypt(&conversation, &[0; 65], &header).unwrap();
    let append = Append {
        hub: String::new(),
        conversation: conversation.id.to_vec(),
        epoch: 0,
        idempotency_key: vec![8; 16],
        body,
        sender_nonce: vec![5; 32],
    };
    Sealed {
        keys,
        address,
        conversation,
        header,
        append,
    }
}

/// A batch with so many appends, from its bytes.
#[divan::bench(args = [1, 8, 64])]
fn read_appends(bencher: Bencher<'_, '_>, count: usize) {
    let act = Some(Act::Append(sealed().append));
    let frames = vec![ClientFrame { request: 1, act }; count];
    let bytes = ClientBatch { frames }.encode_to_vec();
    bencher
        .counter(count)
        .bench(|| decode_batch(black_box(&bytes)).unwrap());
}

/// A batch with so many answers and so many entries, to its bytes.
#[divan::bench(args = [1, 8, 64])]
fn write_answers_and_entries(bencher: Bencher<'_, '_>, count: usize) {
    let sealed = sealed();
    let appended = Appended {
        seq: 70_000,
        at_ms: 1_700_000_000_000,
        seal: vec![9; 32],
    };
    let answer = Frame::Reply(Reply {
        request: 1_000,
        result: Some(reply::Result::Appended(appended)),
    });
    let entry = Entry {
        seq: 70_000,
        kind: 1,
        epoch: 3,
        body: sealed.append.body,
        idempotency_key: vec![8; 16],
        at_ms: 1_700_000_000_000,
        seal: vec![9; 32],
    };
    let deliver = Frame::Deliver(Deliver {
        hub: String::new(),
        log: sealed.conversation.id.to_vec(),
        entries: vec![entry; count],
        head_seq: 70_000,
        gap_until_seq: 0,
    });
    let mut frames = vec![
        ServerFrame {
            frame: Some(answer)
        };
        count
    ];
    frames.push(ServerFrame {
        frame: Some(deliver),
    });
    let batch = ServerBatch { frames };
    bencher
        .counter(count)
        .bench(|| black_box(&batch).encode_to_vec());
}

/// What a hub reads of a private message: group, epoch, clear data.
#[divan::bench]
fn look_at_an_entry(bencher: Bencher<'_, '_>) {
    let sealed = sealed();
    bencher.bench(|| private_message_facts(black_box(&sealed.append.body)).unwrap());
}

/// Whether the franking header commits to the sender.
#[divan::bench]
fn check_the_commitment(bencher: Bencher<'_, '_>) {
    let Sealed {
        keys,
        address,
        header,
        ..
    } = sealed();
    let device = DeviceAddress::new(address.app.clone(), keys.id());
    bencher.bench(|| {
        let header = franking::Header::decode(black_box(&header)).unwrap();
        franking::sender_commitment(&device, &address, &[5; 32]) == header.sender_commitment
    });
}

/// The hub's seal.
#[divan::bench]
fn seal_an_entry(bencher: Bencher<'_, '_>) {
    let Sealed {
        conversation,
        header,
        ..
    } = sealed();
    let log = conversation.to_string();
    bencher.bench(|| {
        let what = franking::Sealed {
            log: &log,
            seq: black_box(7),
            header: &header,
            at_ms: 1_700_000_000_000,
        };
        franking::seal(&[1; 32], &what)
    });
}

/// The signature of a sign-in.
#[divan::bench]
fn check_a_sign_in(bencher: Bencher<'_, '_>) {
    let keys = sealed().keys;
    let message = [1; 120];
    let (key, signature) = (keys.public(), keys.sign(&message));
    bencher.bench(|| assert!(manifest::holds(black_box(&key), &message, &signature)));
}
