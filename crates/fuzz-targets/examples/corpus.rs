//! Writes the small corpus that the fuzzer starts from: genuine objects of each kind, made by two
//! people who talk. `cargo run --package comity-fuzz-targets --example corpus`, from the root.
//!
//! Always holds: only adds files with the names it gives; what a fuzzer found stays. Deliberately
//! absent: repeatability; MLS draws its own randomness, so each run makes other bytes.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "it makes test data"
)]

use anyhow::{Context as _, Result};
use comity_content::proto as say;
use comity_e2ee::group_state::{self, StateKey};
use comity_e2ee::invitation::Invitation;
use comity_e2ee::marks::{self, Lane, MarkKey, Place};
use comity_e2ee::{DeviceKeys, Groups, HpkeKeys, Plan, RootKey, sign_manifest, storage};
use comity_e2ee::{archive, envelope, introduction, link, profile, report};
use comity_fuzz_targets::{e2ee, join};
use comity_membership::introduction_key::IntroductionKey;
use comity_membership::manifest::{Device, Manifest};
use comity_membership::{CommitHeader, Context, PublicState, Role, manifest};
use comity_wire::proto::{self, ConversationKind};
use comity_wire::{AccountId, Address, ConversationId, Message, http};
use std::collections::BTreeMap;

const APP: &str = "chat.example";
const NOW_MS: i64 = 1_800_000_000_000;

struct Person {
    root: RootKey,
    keys: DeviceKeys,
    address: Address,
    store: rusqlite::Connection,
    groups: Groups,
}

impl Person {
    fn new(account: u8) -> Result<Self> {
        let mut random = |bytes: &mut [u8]| rand::Rng::fill(&mut rand::rng(), bytes);
        let store = rusqlite::Connection::open_in_memory()?;
        store.execute_batch(storage::SCHEMA)?;
        Ok(Self {
            root: RootKey::generate(&mut random),
            keys: DeviceKeys::generate(&mut random),
            address: Address::new(APP.parse()?, AccountId::new([account; 16])),
            store,
            groups: Groups::new(),
        })
    }

    fn manifest(&self, seq: u64, previous: &[u8], others: &[Device]) -> Vec<u8> {
        let mut devices = vec![Device::new(self.keys.public(), true, NOW_MS)];
        devices.extend_from_slice(others);
        let manifest = Manifest {
            address: self.address.clone(),
            root_key: self.root.public(),
            seq,
            previous_hash: previous.to_vec(),
            devices,
            revoked: Vec::new(),
            at_ms: NOW_MS,
        };
        sign_manifest(&manifest, Some(&self.root), Some(&self.keys))
    }
}

fn main() -> Result<()> {
    conversation()?;
    identifiers()?;
    bodies()?;
    frames()?;
    contents()?;
    between_apps()?;
    opened()
}

/// Ana makes a conversation, adds Ben and says something.
fn conversation() -> Result<()> {
    let (mut ana, mut ben) = (Person::new(1)?, Person::new(2)?);
    let first = ana.manifest(1, b"", &[]);
    let hash = manifest::verify(&first)?.hash;
    let second = ana.manifest(2, &hash, &[Device::new(ben.keys.public(), false, NOW_MS)]);
    let introduction = ana.keys.sign_introduction_key(&IntroductionKey {
        device: ana.keys.id(),
        suite: 0x4e,
        public_key: vec![9; 1216],
        made_ms: NOW_MS,
        expires_ms: NOW_MS + 1,
    });
    write(
        "manifest",
        "two_and_a_key",
        &join(&[&first, &second, &introduction]).unwrap(),
    )?;
    write("manifest", "one", &join(&[&first, b"", b""]).unwrap())?;
    write("documents", "signed_manifest", &tagged(0, &first))?;
    write(
        "documents",
        "manifest",
        &tagged(1, &proto::SignedManifest::decode(&first[..])?.manifest),
    )?;
    write("documents", "introduction_key", &tagged(6, &introduction))?;

    let id: ConversationId = format!("{}@{APP}", "07".repeat(16)).parse()?;
    let roles = BTreeMap::from([(ana.address.clone(), Role::Admin)]);
    let mut session = ana.groups.session(&ana.store, &ana.keys, &ana.address);
    let made = session.create(
        &id,
        &Context::new(
            id.clone(),
            ConversationKind::Group,
            &ben.keys.public(),
            roles,
        ),
    )?;
    let name = id.to_string();
    let created = [name.as_bytes(), &made.group_info, &made.ratchet_tree];
    write("new_conversation", "group", &join(&created).unwrap())?;
    write("mls_message", "group_info", &made.group_info)?;
    write("mls_message", "ratchet_tree", &made.ratchet_tree)?;
    let state = PublicState::create(
        &made.group_info,
        &made.ratchet_tree,
        &id,
        ConversationKind::Group,
    )?;

    let package = ben
        .groups
        .session(&ben.store, &ben.keys, &ben.address)
        .key_package(false)?;
    write("key_package", "one_time", &package)?;
    let last = ben
        .groups
        .session(&ben.store, &ben.keys, &ben.address)
        .key_package(true)?;
    write("key_package", "last_resort", &last)?;

    let plan = Plan {
        add: vec![package],
        ..Plan::default()
    };
    let header = CommitHeader::default();
    let pending = session.commit(&id, plan, &header)?;
    session.confirm_pending(&id)?;
    let parts = [&state.to_bytes()?[..], &pending.commit, &pending.group_info];
    write(
        "commit",
        "adds_one",
        &join(&parts).context("the parts are too long")?,
    )?;
    write("mls_message", "commit", &pending.commit)?;
    write(
        "mls_message",
        "welcome",
        &pending.welcome.context("nobody was welcomed")?,
    )?;
    write(
        "mls_message",
        "content",
        &session.encrypt(&id, b"good morning", b"header")?,
    )
}

fn identifiers() -> Result<()> {
    let digits = "0123456789abcdef".repeat(2);
    for (name, text) in [
        ("app", APP.to_owned()),
        ("app_port", "127.0.0.1:8080".to_owned()),
        ("account", digits.clone()),
        ("address", format!("{digits}@{APP}")),
        ("blob", digits.repeat(2)),
        ("code", "stale_epoch".to_owned()),
    ] {
        write("identifiers", name, text.as_bytes())?;
    }
    Ok(())
}

fn bodies() -> Result<()> {
    let number = "+4915112345678".to_owned();
    let start = http::StartRegistration {
        number: number.clone(),
        country: Some("DE".to_owned()),
    };
    write(
        "http_bodies",
        "start_registration",
        &tagged(0, &serde_json::to_vec(&start)?),
    )?;
    let packages = http::PostKeyPackages {
        one_time: vec![vec![1; 40].into()],
        last_resort: None,
    };
    write(
        "http_bodies",
        "key_packages",
        &tagged(9, &serde_json::to_vec(&packages)?),
    )?;
    let lookup = http::Lookup {
        number,
        country: None,
    };
    write(
        "http_bodies",
        "lookup",
        &tagged(11, &serde_json::to_vec(&lookup)?),
    )?;
    let address = Address::new(APP.parse()?, AccountId::new([3; 16]));
    let block = http::PutBlock {
        address: address.clone(),
        blocked: true,
    };
    write(
        "http_bodies",
        "block",
        &tagged(10, &serde_json::to_vec(&block)?),
    )?;
    let fetch = http::FetchKeyPackages {
        address,
        token: Some(vec![4; 32].into()),
        devices: vec![],
    };
    write(
        "http_bodies",
        "fetch",
        &tagged(12, &serde_json::to_vec(&fetch)?),
    )
}

fn frames() -> Result<()> {
    use proto::client_frame::Act;
    let acts = [
        Act::Hello(proto::Hello {
            version: 1,
            device: vec![1; 16],
            agent: "corpus/1".to_owned(),
        }),
        Act::Sync(proto::Sync { since: 7 }),
        Act::Append(proto::Append {
            conversation: vec![2; 16],
            epoch: 3,
            idempotency_key: vec![3; 16],
            body: vec![4; 64],
            sender_nonce: vec![5; 32],
            ..proto::Append::default()
        }),
    ];
    let frames = acts
        .into_iter()
        .zip(1..)
        .map(|(act, request)| proto::ClientFrame {
            request,
            act: Some(act),
        });
    let batch = proto::ClientBatch {
        frames: frames.collect(),
    };
    write("client_batch", "three", &batch.encode_to_vec())?;
    let entry = proto::Entry {
        seq: 9,
        kind: proto::EntryKind::Content.into(),
        epoch: 3,
        body: vec![4; 64],
        idempotency_key: vec![3; 16],
        at_ms: NOW_MS,
        seal: vec![6; 32],
    };
    let deliver = proto::Deliver {
        log: vec![2; 16],
        entries: vec![entry],
        head_seq: 9,
        ..proto::Deliver::default()
    };
    let frame = proto::ServerFrame {
        frame: Some(proto::server_frame::Frame::Deliver(deliver)),
    };
    write(
        "server_batch",
        "deliver",
        &proto::ServerBatch {
            frames: vec![frame],
        }
        .encode_to_vec(),
    )
}

/// What a hub and a follower say to each other.
fn between_apps() -> Result<()> {
    use proto::{family_reply, family_request, relayed_act};
    let request = |act| proto::FamilyRequest {
        session: vec![1; 16],
        act: Some(act),
    };
    let fetch = proto::FollowFetch {
        conversation: vec![2; 16],
        after_seq: 7,
        bytes_max: 0,
    };
    let fetch = request(family_request::Act::Fetch(fetch));
    write("family", "fetch", &tagged(0, &fetch.encode_to_vec()))?;
    let append = proto::client_frame::Act::Append(proto::Append {
        conversation: vec![2; 16],
        epoch: 3,
        idempotency_key: vec![3; 16],
        body: vec![4; 64],
        sender_nonce: vec![5; 32],
        ..proto::Append::default()
    });
    let act = proto::RelayedAct {
        act: Some(relayed_act::Act::Frame(proto::ClientFrame {
            request: 0,
            act: Some(append),
        })),
    }
    .encode_to_vec();
    write("family", "act", &tagged(2, &act))?;
    let vouched = proto::VouchedAct {
        act,
        vouch: Some(proto::Vouch {
            account: vec![6; 16],
            app: APP.to_owned(),
            device: vec![7; 16],
            number: 1,
            signature: vec![8; 64],
        }),
    };
    let relay = request(family_request::Act::Relay(proto::Relay {
        acts: vec![vouched],
    }));
    write("family", "relay", &tagged(0, &relay.encode_to_vec()))?;
    let followed = proto::Followed {
        conversation: vec![2; 16],
        kind: ConversationKind::Group.into(),
        since_seq: 4,
        epoch: 3,
        as_of: 12,
        seats: vec![proto::FollowerSeat {
            account: vec![6; 16],
            device: vec![7; 16],
            joined_seq: 4,
            removed_seq: 0,
        }],
        members: vec![format!("{}@{APP}", "0f".repeat(16))],
        ..proto::Followed::default()
    };
    let reply = proto::FamilyReply {
        result: Some(family_reply::Result::Followed(followed)),
    };
    write("family", "followed", &tagged(1, &reply.encode_to_vec()))
}

fn contents() -> Result<()> {
    let content = say::Content {
        message_id: vec![1; 16],
        written_ms: NOW_MS,
        fallback: "good morning".to_owned(),
        body: Some(say::content::Body::Text(say::Text {
            text: "good morning".to_owned(),
        })),
        ..say::Content::default()
    };
    write("content", "text", &tagged(1, &content.encode_to_vec()))?;
    write("arrived", "text", &content.encode_to_vec())?;
    let reaction = say::Content {
        body: Some(say::content::Body::Reaction(say::Reaction {
            target: vec![2; 16],
            emoji: "🎶".to_owned(),
        })),
        ..content.clone()
    };
    write("arrived", "reaction", &reaction.encode_to_vec())?;
    let file = say::Content {
        body: Some(say::content::Body::Attachment(say::Attachment {
            file_name: "score.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            size: 9,
            ..say::Attachment::default()
        })),
        ..content.clone()
    };
    write("arrived", "file", &file.encode_to_vec())?;
    let question = say::Content {
        body: Some(say::content::Body::Unread(say::Unread {
            device: vec![3; 16],
            ranges: vec![say::SeqRange { from: 4, to: 6 }],
            ..say::Unread::default()
        })),
        ..content.clone()
    };
    write("arrived", "unread", &question.encode_to_vec())?;
    let envelope = say::Envelope {
        version: 1,
        content: content.encode_to_vec(),
        franking_key: vec![2; 32],
        sender_nonce: vec![3; 32],
        ..say::Envelope::default()
    };
    write("content", "envelope", &tagged(0, &envelope.encode_to_vec()))
}

/// What a device opens with the targets' own keys.
fn opened() -> Result<()> {
    let (own, keys) = e2ee::address()
        .zip(e2ee::device())
        .context("the fixed account")?;
    let id = e2ee::conversation().context("the fixed conversation")?;
    let mut fixed = |bytes: &mut [u8]| bytes.fill(e2ee::KEY[0]);

    let made_key = introduction::make_key(&keys, NOW_MS, NOW_MS + 1)?;
    let made = link::make_offer(
        &keys,
        "laptop",
        made_key.signed.clone(),
        own.app.clone(),
        &mut fixed,
    )?;
    let code = made.code.to_string();
    write(
        "link_code",
        "offer",
        &join(&[code.as_bytes(), &made.offer]).unwrap(),
    )?;

    let archive = say::HistoryArchive {
        messages: vec![say::ArchivedMessage {
            content: vec![1; 500],
            ..Default::default()
        }],
        ..Default::default()
    };
    let file = archive::seal(&archive, &mut fixed)?;
    let parts = [&file.size.to_be_bytes()[..], &file.blake3, &file.sealed];
    write("file", "archive", &join(&parts).unwrap())?;

    let content = say::Content {
        message_id: vec![1; 16],
        body: Some(say::content::Body::Text(say::Text {
            text: "good morning".to_owned(),
        })),
        ..Default::default()
    };
    let position = envelope::AuthorPosition {
        last_seq: 4,
        running_hash: [5; 16],
        window_from: 1,
    };
    let sealed = envelope::seal(&content, &own, &keys.id(), &position, [6; 8], &mut fixed);
    let parts = [&sealed.franked.header[..], &sealed.plaintext];
    write("envelope", "text", &join(&parts).unwrap())?;

    let invitation = Invitation::generate(id.clone(), &mut fixed).to_string();
    write("invitation", "link", invitation.as_bytes())?;
    let broken = invitation.replacen('/', "/ \r\n ", 1);
    write("invitation", "in_a_mail", broken.as_bytes())?;
    let state = say::GroupState {
        name: "Choir".to_owned(),
        ..say::GroupState::default()
    };
    let document = group_state::sign(&keys, &own, &id, &state);
    let state_key = StateKey::from_bytes(&e2ee::KEY)?;
    let bytes = group_state::seal(&state_key, &id, &document, &mut fixed)?;
    write("group_state", "sealed", &tagged(0, &bytes))?;
    write(
        "group_state",
        "signed",
        &tagged(1, &document.encode_to_vec()),
    )?;

    let profile = say::Profile {
        name: "Ana".to_owned(),
        ..Default::default()
    };
    let bytes = profile::seal(&e2ee::KEY, &own, &profile, &mut fixed)?;
    write("sealed", "profile", &tagged(0, &bytes))?;
    let key = MarkKey::from_bytes(&e2ee::KEY)?;
    let place = Place {
        conversation: &id,
        epoch: 3,
        lane: Lane::Mark,
    };
    let body = say::MarkBody { read_seq: 9 }.encode_to_vec();
    let bytes = marks::seal(&key, &keys, &place, 1, &body, &mut fixed)?;
    write("sealed", "mark", &tagged(1, &bytes))?;
    let pair = HpkeKeys::generate()?;
    let bytes = report::seal(&say::Report::default(), &pair.public)?;
    write("sealed", "report", &tagged(3, &bytes))?;
    let reported = say::ReportedMessage {
        content: sealed.franked.content_bytes.clone(),
        franking_key: sealed.franked.franking_key.to_vec(),
        sender_nonce: sealed.franked.sender_nonce.to_vec(),
        header: sealed.franked.header.clone(),
        author_device: keys.id().to_vec(),
        ..Default::default()
    };
    write("sealed", "reported", &tagged(5, &reported.encode_to_vec()))?;
    let introduction = introduction::make_key(&keys, NOW_MS, NOW_MS + 1)?;
    write(
        "sealed",
        "introduction_key",
        &tagged(6, &introduction.signed),
    )
}

fn tagged(kind: u8, bytes: &[u8]) -> Vec<u8> {
    [&[kind], bytes].concat()
}

fn write(target: &str, name: &str, bytes: &[u8]) -> Result<()> {
    let folder = std::path::Path::new("fuzz/corpus").join(target);
    std::fs::create_dir_all(&folder)?;
    Ok(std::fs::write(folder.join(name), bytes)?)
}
