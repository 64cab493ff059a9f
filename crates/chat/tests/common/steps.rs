//! Steps that several stories take.

use super::{House, Person};
use comity_e2ee::engine::Plan;
use comity_wire::ConversationId;
use comity_wire::proto::{
    Acknowledge, ConversationKind, Deliver, Entry, EntryKind, Fetch, LogState, Position, Sync,
    client_frame::Act, reply, server_frame::Frame,
};

pub fn random(bytes: &mut [u8]) {
    rand::RngCore::fill_bytes(&mut rand::rng(), bytes);
}

/// Alice makes a group and adds the others.
pub async fn group(
    house: &House,
    alice: &mut Person,
    others: &mut [&mut Person],
) -> ConversationId {
    let conversation = alice.conversation();
    alice
        .create(house, &conversation, ConversationKind::Group, None)
        .await
        .unwrap();
    let mut add = Vec::new();
    for other in others.iter_mut() {
        add.push(other.session().key_package(false).unwrap());
    }
    let commit = alice.commit(
        &conversation,
        Plan {
            add,
            ..Plan::default()
        },
    );
    let seq = match alice.socket.ask(Act::SubmitCommit(commit)).await.unwrap() {
        reply::Result::Committed(committed) => committed.seq,
        other => panic!("{other:?}"),
    };
    alice.session().confirm_pending(&conversation).unwrap();
    for other in others {
        let fetch = comity_wire::proto::FetchWelcome {
            hub: String::new(),
            conversation: conversation.id.to_vec(),
            commit_seq: seq,
        };
        let reply::Result::Welcome(welcome) =
            other.socket.ask(Act::FetchWelcome(fetch)).await.unwrap()
        else {
            panic!()
        };
        let _ = other
            .session()
            .join(&welcome.welcome, &welcome.ratchet_tree)
            .unwrap();
    }
    conversation
}

pub async fn say(person: &mut Person, conversation: &ConversationId, text: &[u8]) -> u64 {
    let entry = person.entry(conversation, text);
    match person.socket.ask(Act::Append(entry)).await.unwrap() {
        reply::Result::Appended(appended) => appended.seq,
        other => panic!("{other:?}"),
    }
}

pub async fn fetch(person: &mut Person, log: &[u8], after_seq: u64) -> Deliver {
    let fetch = Fetch {
        hub: String::new(),
        log: log.to_vec(),
        after_seq,
        bytes_max: 0,
    };
    match person.socket.ask(Act::Fetch(fetch)).await.unwrap() {
        reply::Result::Deliver(deliver) => deliver,
        other => panic!("{other:?}"),
    }
}

pub async fn acknowledge(person: &mut Person, log: &[u8], seq: u64) {
    let positions = vec![Position {
        hub: String::new(),
        log: log.to_vec(),
        seq,
    }];
    person
        .socket
        .ask(Act::Acknowledge(Acknowledge { positions }))
        .await
        .unwrap();
}

pub async fn state(person: &mut Person, log: &[u8]) -> LogState {
    match person
        .socket
        .ask(Act::Sync(Sync { since: 0 }))
        .await
        .unwrap()
    {
        reply::Result::Sync(sync) => sync
            .logs
            .into_iter()
            .find(|found| found.log == log)
            .unwrap(),
        other => panic!("{other:?}"),
    }
}

pub async fn proposal(person: &mut Person, log: &[u8]) -> Entry {
    person
        .socket
        .push(|frame| match frame {
            Frame::Deliver(deliver) if deliver.log == log => deliver
                .entries
                .into_iter()
                .find(|entry| entry.kind() == EntryKind::Proposal),
            _ => None,
        })
        .await
}
