//! Two apps on one switchboard, and steps across them.

use super::steps::random;
use super::{House, Person, random16};
use comity_chat::Config;
use comity_chat::family::Switchboard;
use comity_e2ee::engine::Plan;
use comity_e2ee::invitation::Invitation;
use comity_e2ee::keys::sign_manifest;
use comity_membership::CommitHeader;
use comity_wire::proto::{
    Acknowledge, Append, ConversationKind, Deliver, Entry, EntryKind, Fetch, FetchState,
    FetchWelcome, LogState, Position, SubmitCommit, Sync, WelcomePointer, client_frame::Act, reply,
    server_frame::Frame,
};
use comity_wire::{ConversationId, Message as _};
use std::time::Duration;

/// The hub of the conversations, and the app that follows.
pub struct Two {
    pub one: House,
    pub other: House,
    pub board: Switchboard,
}

fn settings(config: &mut Config) {
    config.family.ask_timeout_ms = 2_000;
    config.family.back_off_min_ms = 20;
    config.family.back_off_max_ms = 200;
    config.family.report_interval_ms = 20;
    config.family.sync_interval_ms = 1_000;
    config.retention.cursor_flush_ms = 100;
}

impl Two {
    pub async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    pub async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let one = House::open_with(|config| {
            settings(config);
            change(config);
        })
        .await;
        let other = House::open_with(|config| {
            settings(config);
            config.app = "other.example".to_owned();
        })
        .await;
        let mut two = Self {
            one,
            other,
            board: Switchboard::default(),
        };
        two.connect().await;
        two
    }

    /// Joins both, or gives them their links again after a start.
    pub async fn connect(&mut self) {
        let (one, other) = (self.one.app(), self.other.app());
        for house in [&self.one, &self.other] {
            self.board.attach(house.running().door());
        }
        let (one_key, other_key) = (self.one.running().app_key(), self.other.running().app_key());
        let to_other = self.board.link(&one, &other);
        let running = self.one.running.as_mut().unwrap();
        running
            .join(other.clone(), other_key, to_other)
            .await
            .unwrap();
        let to_one = self.board.link(&other, &one);
        let running = self.other.running.as_mut().unwrap();
        running.join(one, one_key, to_one).await.unwrap();
    }

    pub fn cut(&self) {
        self.board.cut(&self.one.app(), &self.other.app());
    }

    pub fn mend(&self) {
        self.board.mend(&self.one.app(), &self.other.app());
    }

    /// Alice at the hub makes a group with a link, Bob at the other app joins by it.
    pub async fn talk(&self) -> (Person, Person, ConversationId) {
        let mut alice = Person::sign_up(&self.one, 1).await;
        let mut bob = Person::sign_up(&self.other, 2).await;
        let conversation = alice.conversation();
        alice
            .create(&self.one, &conversation, ConversationKind::Group, None)
            .await
            .unwrap();
        let link = Invitation::generate(conversation.clone(), &mut random);
        let mut context = alice.session().context(&conversation).unwrap();
        context.link_key = Some(link.public_key());
        let plan = Plan {
            context: Some(context),
            ..Plan::default()
        };
        commit(&mut alice, &conversation, plan).await;
        let seq = join(&mut bob, &conversation, &link).await.unwrap();
        follow_commits(&mut alice, &conversation, seq - 1).await;
        (alice, bob, conversation)
    }
}

/// Commits a plan and merges it; gives its number.
pub async fn commit(person: &mut Person, conversation: &ConversationId, plan: Plan) -> u64 {
    let mut submit = person.commit(conversation, plan);
    submit.hub = conversation.hub.to_string();
    let seq = match person.socket.ask(Act::SubmitCommit(submit)).await.unwrap() {
        reply::Result::Committed(committed) => committed.seq,
        other => panic!("{other:?}"),
    };
    person.session().confirm_pending(conversation).unwrap();
    seq
}

/// Joins by an invitation link, whatever app the group is at.
pub async fn join(
    person: &mut Person,
    conversation: &ConversationId,
    link: &Invitation,
) -> Result<u64, String> {
    let ask = FetchState {
        hub: conversation.hub.to_string(),
        conversation: conversation.id.to_vec(),
        link_signature: link.sign_fetch(&person.keys.id()),
        ..FetchState::default()
    };
    let shown = match person.socket.ask(Act::FetchState(ask)).await? {
        reply::Result::State(state) => state,
        other => panic!("{other:?}"),
    };
    let signature = link.sign_join(
        shown.epoch,
        &person.address.clone(),
        &person.keys.id(),
        &person.keys.public(),
    );
    let header = CommitHeader {
        version: 1,
        manifests: vec![sign_manifest(&person.manifest, Some(&person.root), None)],
        link_signature: signature,
        ..CommitHeader::default()
    };
    let pending = person
        .session()
        .prepare_external_join(
            conversation,
            &shown.group_info,
            &shown.ratchet_tree,
            &header,
            &mut |_, _, _| Ok(()),
        )
        .unwrap();
    let submit = SubmitCommit {
        hub: conversation.hub.to_string(),
        conversation: conversation.id.to_vec(),
        expected_epoch: shown.epoch,
        idempotency_key: random16().to_vec(),
        commit: pending.commit,
        group_info: pending.group_info,
        ..SubmitCommit::default()
    };
    let seq = match person.socket.ask(Act::SubmitCommit(submit)).await? {
        reply::Result::Committed(committed) => committed.seq,
        other => panic!("{other:?}"),
    };
    person.session().confirm_pending(conversation).unwrap();
    Ok(seq)
}

/// Reads the log after a number and merges what commits are there.
pub async fn follow_commits(person: &mut Person, conversation: &ConversationId, after: u64) {
    for entry in read(person, conversation, after).await.entries {
        if entry.kind() == EntryKind::Commit {
            person
                .session()
                .process_commit(conversation, &entry.body, &mut |_, _, _| Ok(()))
                .unwrap();
        }
    }
}

pub fn entry(person: &mut Person, conversation: &ConversationId, text: &[u8]) -> Append {
    let mut append = person.entry(conversation, text);
    append.hub = conversation.hub.to_string();
    append
}

pub async fn send(person: &mut Person, append: Append) -> Result<u64, String> {
    match person.socket.ask(Act::Append(append)).await? {
        reply::Result::Appended(appended) => Ok(appended.seq),
        other => panic!("{other:?}"),
    }
}

pub async fn say(person: &mut Person, conversation: &ConversationId, text: &[u8]) -> u64 {
    let append = entry(person, conversation, text);
    send(person, append).await.unwrap()
}

/// Sends the same bytes until they are taken, as a client does.
pub async fn insist(person: &mut Person, append: Append) -> u64 {
    for _ in 0..200 {
        match send(person, append.clone()).await {
            Ok(seq) => return seq,
            Err(code) => assert_eq!(code, "unavailable"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("never taken")
}

pub async fn read(person: &mut Person, conversation: &ConversationId, after_seq: u64) -> Deliver {
    let fetch = Fetch {
        hub: conversation.hub.to_string(),
        log: conversation.id.to_vec(),
        after_seq,
        bytes_max: 0,
    };
    match person.socket.ask(Act::Fetch(fetch)).await.unwrap() {
        reply::Result::Deliver(deliver) => deliver,
        other => panic!("{other:?}"),
    }
}

/// Reads until the log has `seq`: the whole run after `after`.
pub async fn read_to(
    person: &mut Person,
    conversation: &ConversationId,
    after: u64,
    seq: u64,
) -> Vec<Entry> {
    for _ in 0..200 {
        let deliver = read(person, conversation, after).await;
        if deliver.head_seq >= seq {
            assert_eq!(deliver.gap_until_seq, 0);
            let seqs: Vec<_> = deliver.entries.iter().map(|entry| entry.seq).collect();
            assert_eq!(seqs, (after + 1..=deliver.head_seq).collect::<Vec<_>>());
            return deliver.entries;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("entry {seq} never came")
}

pub async fn acknowledge(person: &mut Person, conversation: &ConversationId, seq: u64) {
    let positions = vec![Position {
        hub: conversation.hub.to_string(),
        log: conversation.id.to_vec(),
        seq,
    }];
    person
        .socket
        .ask(Act::Acknowledge(Acknowledge { positions }))
        .await
        .unwrap();
}

pub async fn state(person: &mut Person, conversation: &ConversationId) -> LogState {
    let reply::Result::Sync(sync) = person
        .socket
        .ask(Act::Sync(Sync { since: 0 }))
        .await
        .unwrap()
    else {
        panic!()
    };
    let hub = conversation.hub.as_str();
    sync.logs
        .into_iter()
        .find(|found| found.log == conversation.id.as_bytes() && found.hub == hub)
        .unwrap()
}

/// Waits until what the app says of the log is so.
pub async fn state_is(
    person: &mut Person,
    conversation: &ConversationId,
    mut wanted: impl FnMut(&LogState) -> bool,
) -> LogState {
    for _ in 0..200 {
        let state = state(person, conversation).await;
        if wanted(&state) {
            return state;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("never so: {:?}", state(person, conversation).await)
}

/// The next pointer to a welcome that is pushed.
pub async fn pointer(person: &mut Person) -> WelcomePointer {
    person
        .socket
        .push(|frame| match frame {
            Frame::Deliver(deliver) => deliver
                .entries
                .iter()
                .find(|entry| entry.kind() == EntryKind::Welcome)
                .map(|entry| WelcomePointer::decode(entry.body.as_slice()).unwrap()),
            _ => None,
        })
        .await
}

pub async fn welcome(person: &mut Person, pointer: &WelcomePointer) {
    let fetch = FetchWelcome {
        hub: pointer.hub.clone(),
        conversation: pointer.conversation.clone(),
        commit_seq: pointer.commit_seq,
    };
    // After a break the way back may still be waiting for its next try: `unavailable` says so.
    let given = loop {
        match person.socket.ask(Act::FetchWelcome(fetch.clone())).await {
            Err(code) if code == "unavailable" => {
                tokio::time::sleep(std::time::Duration::from_millis(50)).await;
            }
            given => break given.unwrap(),
        }
    };
    let reply::Result::Welcome(welcome) = given else {
        panic!()
    };
    let _ = person
        .session()
        .join(&welcome.welcome, &welcome.ratchet_tree)
        .unwrap();
}

/// The app's own signing key, as its operator has it.
pub fn app_key_of(house: &House) -> ed25519_dalek::SigningKey {
    let conn = comity_chat::operator::open(house.data()).unwrap();
    let seed: [u8; 32] = conn
        .query_row("SELECT value FROM secret WHERE name = 'app'", [], |row| {
            row.get(0)
        })
        .unwrap();
    ed25519_dalek::SigningKey::from_bytes(&seed)
}
