//! A person with a changed program says things that no honest one says: they cost a line each, and
//! stop nothing.

#[path = "forged/groups.rs"]
mod groups;

use anyhow::Result;
use comity_client::ItemKind;
use comity_content::{Message as _, proto as said};
use comity_simulation::{Who, World};
use said::content::Body;

/// Queues contents as a changed program would.
fn forge(world: &mut World, from: Who, to: Who, contents: &[said::Content]) -> Result<()> {
    let conversation = world.conversation(from, to)?.conversation;
    forge_in(world, from, conversation, contents)
}

fn forge_in(
    world: &mut World,
    from: Who,
    conversation: i64,
    contents: &[said::Content],
) -> Result<()> {
    world.alter(from, |store| {
        for (index, content) in contents.iter().enumerate() {
            let id = [u8::try_from(index)?; 16];
            store.execute(
                "INSERT INTO send_queue (conversation, message_id, content) VALUES (?1, ?2, ?3)",
                (conversation, id, content.encode_to_vec()),
            )?;
        }
        Ok(())
    })?;
    world.settle()
}

fn content(id: &[u8], body: Body) -> said::Content {
    said::Content {
        message_id: id.to_vec(),
        written_ms: 1,
        body: Some(body),
        ..Default::default()
    }
}

fn text(text: &str) -> Body {
    Body::Text(said::Text { text: text.into() })
}

fn file(change: impl FnOnce(&mut said::Attachment)) -> Body {
    let mut file = said::Attachment {
        file_name: "score.pdf".into(),
        size: 5,
        blob: "ab".repeat(32),
        app: "chat.example".into(),
        key: vec![1; 32],
        blake3: vec![2; 32],
        blob_size: 65_552,
        ..Default::default()
    };
    change(&mut file);
    Body::Attachment(file)
}

#[test]
fn what_is_malformed_costs_a_line_and_stops_nothing() -> Result<()> {
    let mut world = World::calm(21)?;
    let alice = world.sign_up("Alice")?;
    let mallory = world.sign_up("Mallory")?;
    world.befriend(mallory, alice)?;
    let ids: [&[u8]; 3] = [b"", b"x", &[9; 17]];
    let mut unreadable: Vec<said::Content> = Vec::new();
    for id in ids {
        unreadable.push(content(id, text("a short id")));
        let target = id.to_vec();
        let edit = said::Edit {
            target: target.clone(),
            text: "x".into(),
        };
        let emoji = said::Reaction {
            target: target.clone(),
            emoji: "x".into(),
        };
        unreadable.push(content(&[1; 16], Body::Edit(edit)));
        unreadable.push(content(&[2; 16], Body::Reaction(emoji)));
        let deletion = said::Deletion { target };
        unreadable.push(content(&[3; 16], Body::Deletion(deletion)));
        let profile_key = id.to_vec();
        let shared = said::ProfileShared {
            profile_key,
            ask: false,
        };
        unreadable.push(content(&[4; 16], Body::ProfileShared(shared)));
    }
    for (index, body) in [
        file(|file| file.size = u64::MAX),
        file(|file| file.blob_size = u64::MAX),
        file(|file| file.file_name = "n".repeat(300)),
        text(&"T".repeat(60_000)),
    ]
    .into_iter()
    .enumerate()
    {
        let id = [0x40 + u8::try_from(index)?; 16];
        unreadable.push(content(&id, body));
    }
    forge(&mut world, mallory, alice, &unreadable)?;
    // What is odd and can be read does no harm either.
    let quote = said::Quote {
        message_id: b"x".to_vec(),
        author: Some(said::Address {
            app: "\n".into(),
            account: b"x".to_vec(),
        }),
        preview: "P".repeat(50_000),
    };
    let mention = said::Mention {
        start: u32::MAX,
        length: u32::MAX,
        who: None,
    };
    let mut odd = content(&[0x60; 16], text("a word with a strange quote"));
    odd.quote = Some(quote);
    odd.mentions = vec![mention; 100];
    odd.written_ms = i64::MIN;
    let part = said::HistoryPart {
        for_device: b"x".to_vec(),
        index: u32::MAX,
        total: u32::MAX,
        archive: None,
    };
    let sync = said::DeviceSync {
        requests: vec![said::RequestState::default()],
        ..Default::default()
    };
    forge(
        &mut world,
        mallory,
        alice,
        &[
            odd,
            content(&[0x61; 16], Body::HistoryPart(part)),
            content(&[0x62; 16], Body::DeviceSync(sync)),
            content(
                &[0x63; 16],
                Body::GroupHistory(said::GroupHistory::default()),
            ),
        ],
    )?;
    world.say(mallory, alice, "Still here?")?;
    world.settle()?;
    world.say(alice, mallory, "Yes.")?;
    world.settle()?;
    world.nothing_is_wrong()?;
    let conversation = world.conversation(alice, mallory)?.conversation;
    let lines = world.core(alice)?.timeline(conversation, None, 100)?;
    let mut failures: Vec<&str> = Vec::new();
    for line in lines
        .iter()
        .filter(|line| line.kind == ItemKind::Unreadable)
    {
        failures.push(&line.failure);
    }
    let expected = [vec!["malformed"; 15], vec!["too_large"; 4]].concat();
    assert_eq!(failures, expected);
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    assert!(texts.contains(&"a word with a strange quote"));
    assert!(texts.contains(&"Still here?"));
    assert!(world.chat(mallory, alice)?.contains("Alice: Yes."));
    Ok(())
}

#[test]
fn a_store_that_kept_such_a_thing_opens_again() -> Result<()> {
    let mut world = World::calm(22)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    let conversation = world.conversation(alice, bob)?.conversation;
    // As the version before left it.
    world.alter(alice, |store| {
        store.execute_batch(
            "ALTER TABLE contact DROP COLUMN profile_ms;
             ALTER TABLE message DROP COLUMN introduction;
             DROP TABLE before_change;
             UPDATE message SET message_id = x'78' WHERE outgoing = 0;
             DROP TABLE former_editor;
             ALTER TABLE conversation DROP COLUMN details_epoch;
             DROP TABLE conversation_setting;
             ALTER TABLE conversation DROP COLUMN draft_quote;
             ALTER TABLE message DROP COLUMN sealed_seq;
             PRAGMA user_version = 3;",
        )?;
        Ok(())
    })?;
    world.settle()?;
    world.nothing_is_wrong()?;
    let lines = world.core(alice)?.timeline(conversation, None, 100)?;
    assert!(
        lines
            .iter()
            .any(|line| line.kind == ItemKind::Unreadable && line.failure == "malformed")
    );
    world.say(bob, alice, "Better now?")?;
    world.settle()?;
    assert!(world.chat(alice, bob)?.contains("Bob: Better now?"));
    world.nothing_is_wrong()
}

#[test]
fn a_copied_store_sends_nothing_until_its_person_says_so() -> Result<()> {
    let mut world = World::calm(23)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    world.befriend(bob, alice)?;
    let copy = world.snapshot(alice)?;
    world.say(alice, bob, "Said by the one that was copied.")?;
    world.settle()?;
    let original = world.snapshot(alice)?;
    // The copy takes its place: the hub has seen more of this device than it knows of.
    world.restore(alice, &copy)?;
    world.run_for(20_000);
    assert!(world.core(alice)?.is_used_elsewhere());
    world.say(alice, bob, "Said by the copy.")?;
    world.run_for(20_000);
    assert!(!world.chat(bob, alice)?.contains("Said by the copy."));
    world.act(alice, comity_client::Command::GoOnHere)?;
    world.settle()?;
    assert!(world.chat(bob, alice)?.contains("Said by the copy."));
    world.say(bob, alice, "Which one are you?")?;
    world.settle()?;
    assert!(world.chat(alice, bob)?.contains("Bob: Which one are you?"));
    assert!(!world.core(alice)?.is_used_elsewhere());
    // And the one that was copied is now the one that knows too little.
    world.restore(alice, &original)?;
    world.run_for(20_000);
    assert!(world.core(alice)?.is_used_elsewhere());
    world.nothing_is_wrong()
}
