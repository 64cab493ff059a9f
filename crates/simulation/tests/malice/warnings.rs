//! Lies that cost no line of a conversation and are said beside it: who has read, what a group is
//! called, who asks to talk, who is to be taken out.

use crate::members::make;
use crate::screen::{alice_and_bob, group, group_screen, said_beside, screen};
use anyhow::{Context as _, Result};
use comity_client::{Command, GroupDetails, Permissions, Status, What, Whom};
use comity_content::{Message as _, proto as said};
use comity_e2ee::engine::Groups;
use comity_e2ee::{DeviceKeys, envelope};
use comity_simulation::lies::Frames;
use comity_simulation::story::say;
use comity_simulation::{Honest, Who, World};
use comity_wire::proto::{
    Deliver, Entry, EntryKind, IntroductionEnvelope, ServerFrame, StateReply, reply, server_frame,
};
use comity_wire::{ConversationId, Id16};
use data_encoding::BASE64URL_NOPAD;
use openmls::messages::external_proposals::ExternalProposal;
use openmls::prelude::tls_codec::Serialize as _;
use openmls::prelude::{GroupEpoch, SenderExtensionIndex, SignatureScheme};
use openmls_basic_credential::SignatureKeyPair;
use openmls_rust_crypto::OpenMlsRustCrypto;
use std::sync::{Arc, Mutex};

#[test]
fn a_forged_read_mark_is_not_shown() -> Result<()> {
    let lie = Frames::new("Alice", |frame: &mut ServerFrame| {
        if let Some(server_frame::Frame::Marks(marks)) = &mut frame.frame {
            for mark in &mut marks.marks {
                if let Some(last) = mark.body.last_mut() {
                    *last ^= 1;
                }
            }
        }
    });
    let (mut world, alice, bob) = alice_and_bob(lie)?;
    world.say(alice, bob, "Meet me at six.")?;
    world.settle()?;
    let conversation = world.conversation(bob, alice)?.conversation;
    world.act(bob, Command::MarkRead { conversation })?;
    world.settle()?;
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
me: Meet me at six.
— warning: the server, or somebody here, says up to where someone has read, and it does not hold: it is not shown
"
    );
    let conversation = world.conversation(alice, bob)?.conversation;
    let lines = world.core(alice)?.timeline(conversation, None, 10)?;
    let status = lines.last().context("a line")?.status;
    assert_eq!(status, Status::Delivered);
    Ok(())
}

/// The answer to a question for a group's sealed state.
fn sealed_state(frame: &mut ServerFrame) -> Option<&mut StateReply> {
    match &mut frame.frame {
        Some(server_frame::Frame::Reply(answer)) => match &mut answer.result {
            Some(reply::Result::State(state)) if !state.sealed_state.is_empty() => Some(state),
            _ => None,
        },
        _ => None,
    }
}

#[test]
fn an_older_name_of_a_group_is_not_taken() -> Result<()> {
    // What Bob's device is given next: a state that it was given before.
    let (first, gives) = (
        Arc::new(Mutex::new(None::<StateReply>)),
        Arc::new(Mutex::new(false)),
    );
    let armed = gives.clone();
    let lie = Frames::new("Bob", move |frame: &mut ServerFrame| {
        let Some(state) = sealed_state(frame) else {
            return;
        };
        let mut first = first.lock().unwrap();
        let Some(known) = first.clone() else {
            *first = Some(state.clone());
            return;
        };
        if std::mem::take(&mut *armed.lock().unwrap()) {
            *state = known;
        }
    });
    let (mut world, alice, bob) = alice_and_bob(lie)?;
    make(&mut world, alice, "Choir", &[bob], Permissions::default())?;
    rename(&mut world, alice, "Choir", "Tenors")?;
    *gives.lock().unwrap() = true;
    rename(&mut world, alice, "Tenors", "Basses")?;
    world.settle()?;
    assert!(!*gives.lock().unwrap(), "it was given");
    assert_eq!(
        group_screen(&world, bob, "Basses")?,
        "\
— Alice added you
— Alice named this group “Tenors”
— Alice named this group “Basses”
— warning: an older name, picture or timer was given again, by the server or by a member with a changed program; the newer one is kept
"
    );
    world.nothing_is_wrong()
}

fn rename(world: &mut World, who: Who, from: &str, to: &str) -> Result<()> {
    let details = GroupDetails {
        name: Some(to.into()),
        ..GroupDetails::default()
    };
    let conversation = group(world, who, from)?;
    world.act(
        who,
        Command::SetGroupDetails {
            conversation,
            details,
        },
    )?;
    world.run_for(5_000);
    Ok(())
}

#[test]
fn a_request_in_the_name_of_another_is_dropped() -> Result<()> {
    let whose = Arc::new(Mutex::new(None::<comity_wire::Address>));
    let instead = whose.clone();
    let lie = Frames::new("Bob", move |frame: &mut ServerFrame| {
        let (Some(deliver), Some(whose)) = (delivery(frame), instead.lock().unwrap().clone())
        else {
            return;
        };
        let requests = deliver
            .entries
            .iter_mut()
            .filter(|entry| entry.kind() == EntryKind::Introduction);
        for entry in requests {
            let mut envelope = IntroductionEnvelope::decode(entry.body.as_slice()).unwrap();
            envelope.from_account = whose.account.to_vec();
            entry.body = envelope.encode_to_vec();
        }
    });
    let mut world = World::calm(1)?;
    world.set_malice(lie);
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let mallory = world.sign_up("Mallory")?;
    *whose.lock().unwrap() = Some(world.address(alice)?);
    let bobs = world.look_up(mallory, bob)?;
    let text = What::Text("It is Alice. Lend me ten pounds.".into());
    world.act(mallory, say(Whom::Person(bobs), text))?;
    world.run_for(10_000);
    assert_eq!(world.core(bob)?.requests()?.len(), 0);
    assert_eq!(
        said_beside(&world, bob),
        ["— warning: a request was not from whom the server said; it is dropped"]
    );
    Ok(())
}

/// The entries that a frame brings.
fn delivery(frame: &mut ServerFrame) -> Option<&mut Deliver> {
    match &mut frame.frame {
        Some(server_frame::Frame::Deliver(deliver)) => Some(deliver),
        Some(server_frame::Frame::Reply(answer)) => match &mut answer.result {
            Some(reply::Result::Deliver(deliver)) => Some(deliver),
            _ => None,
        },
        _ => None,
    }
}

/// The device's keys, which its person has.
fn keys(store: &rusqlite::Connection) -> Result<DeviceKeys> {
    let me: Vec<u8> = store.query_row("SELECT value FROM meta WHERE key = 'me'", [], |row| {
        row.get(0)
    })?;
    let me: ciborium::Value = ciborium::from_reader(me.as_slice())?;
    let fields = me.as_map().context("a map")?;
    let device = fields
        .iter()
        .find(|(key, _)| key.as_text() == Some("device"))
        .and_then(|(_, value)| value.as_text())
        .context("keys")?;
    Ok(DeviceKeys::from_bytes(
        &BASE64URL_NOPAD.decode(device.as_bytes())?,
    )?)
}

#[test]
fn what_could_not_be_reported_is_not_read() -> Result<()> {
    let (mut world, alice, bob) = alice_and_bob(Honest)?;
    let (conversation, own) = (
        world.conversation(alice, bob)?.conversation,
        world.address(alice)?,
    );
    // Alice's program seals one text and proves another.
    world.alter(alice, |store| {
        let (hub, cid, epoch): (String, Vec<u8>, u64) = store.query_row(
            "SELECT hub, cid, epoch FROM conversation WHERE id = ?1",
            [conversation],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        let id = ConversationId::new(hub.parse()?, Id16::from_slice(&cid)?);
        let keys = keys(store)?;
        let mut groups = Groups::default();
        let mut session = groups.session(store, &keys, &own);
        let hint = session.epoch_authenticator(&id)?;
        let sealed = |text: &str| {
            let content = said::Content {
                message_id: vec![7; 16],
                written_ms: 1,
                body: Some(said::content::Body::Text(said::Text { text: text.into() })),
                ..Default::default()
            };
            let position = envelope::AuthorPosition::default();
            let mut random = |bytes: &mut [u8]| bytes.fill(9);
            envelope::seal(&content, &own, &keys.id(), &position, hint, &mut random)
        };
        let (threat, greeting) = (sealed("I know where you live."), sealed("Good morning."));
        let header = &greeting.franked.header;
        let body = session.encrypt(&id, &threat.plaintext, header)?;
        store.execute(
            "INSERT INTO send_queue (conversation, message_id, content, idempotency_key, epoch, body,
                 franking_key, sender_nonce, header) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            rusqlite::params![
                conversation,
                [7_u8; 16],
                threat.franked.content_bytes,
                [8_u8; 16],
                epoch,
                body,
                greeting.franked.franking_key,
                greeting.franked.sender_nonce,
                header,
            ],
        )?;
        Ok(())
    })?;
    world.settle()?;
    world.say(alice, bob, "Good morning.")?;
    world.settle()?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
— a message can not be read: it is not of the form that it should be
Alice: Good morning.
— warning: somebody sent a message that could not be reported, as no honest program does: it is not shown
"
    );
    Ok(())
}

#[test]
fn a_device_that_the_app_proposes_to_add_is_not_added() -> Result<()> {
    let (mut world, alice, bob) = alice_and_bob(Honest)?;
    world.say(alice, bob, "Meet me at six.")?;
    world.settle()?;
    let secret: Vec<u8> = world.inspect_hub(|hub| {
        hub.query_row("SELECT value FROM secret WHERE name = 'app'", [], |row| {
            row.get(0)
        })
    })?;
    let (log, head, epoch, group) = {
        let conversation = world.conversation(bob, alice)?.conversation;
        let mut found = None;
        world.alter(bob, |store| {
            let (hub, cid, head, epoch): (String, Vec<u8>, u64, u64) = store.query_row(
                "SELECT hub, cid, head_seq, epoch FROM conversation WHERE id = ?1",
                [conversation],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )?;
            let id = ConversationId::new(hub.parse()?, Id16::from_slice(&cid)?);
            found = Some((cid, head, epoch, id));
            Ok(())
        })?;
        found.context("a conversation")?
    };
    world.settle()?;
    let ghost = DeviceKeys::generate(&mut |bytes: &mut [u8]| bytes.fill(66));
    let store = rusqlite::Connection::open_in_memory()?;
    store.execute_batch(comity_e2ee::storage::SCHEMA)?;
    let whose = world.address(alice)?;
    let package = Groups::default()
        .session(&store, &ghost, &whose)
        .key_package(false)?;
    let body = proposed(&secret, &group, epoch, &package)?;
    let entry = Entry {
        seq: head + 1,
        kind: EntryKind::Proposal.into(),
        epoch,
        body,
        idempotency_key: vec![7; 16],
        at_ms: 1,
        seal: Vec::new(),
    };
    world.inject(
        bob,
        ServerFrame {
            frame: Some(server_frame::Frame::Deliver(Deliver {
                log,
                head_seq: head + 1,
                entries: vec![entry],
                ..Deliver::default()
            })),
        },
    );
    world.run_for(5_000);
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
Alice: Meet me at six.
— warning: the server proposed to change who is in a conversation, and may not: it is not followed
"
    );
    Ok(())
}

/// The app's proposal to add the device of this key package.
fn proposed(
    secret: &[u8],
    conversation: &ConversationId,
    epoch: u64,
    package: &[u8],
) -> Result<Vec<u8>> {
    let signer = SignatureKeyPair::from_raw(SignatureScheme::ED25519, secret.to_vec(), Vec::new());
    let proposal = ExternalProposal::new_add::<OpenMlsRustCrypto>(
        comity_membership::parse_key_package(package)?,
        comity_membership::group_id(conversation),
        GroupEpoch::from(epoch),
        &signer,
        SenderExtensionIndex::new(0),
    )?;
    Ok(proposal.tls_serialize_detached()?)
}
