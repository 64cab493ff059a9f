//! The operator's tool beside a running server: what it shows, and that a report proves itself.

#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr
)]

#[path = "support/mod.rs"]
mod support;

use comity_content::Message as _;
use comity_content::proto::content::Body;
use comity_content::proto::{Address, Content, Report, ReportedMessage, Text};
use serde_json::Value;
use support::World;

const ALICE: &str = "+12025550101";
const BOB: &str = "+12025550102";

fn json(text: &str) -> Value {
    serde_json::from_str(text.trim()).unwrap()
}

#[test]
fn a_report_shows_what_was_said_and_that_it_was_said() {
    let world = World::start();
    let (alice, bob) = (world.person("alice", ALICE), world.person("bob", BOB));
    alice.say(BOB, "Hello Bob");
    bob.act(&["requests"]);
    bob.act(&["accept", ALICE]);
    alice.act(&["sync"]);
    alice.say(BOB, "something nasty");
    bob.act(&["sync"]);
    let message = bob.find(ALICE, "something nasty");
    // The first line of all was a request, which the server sealed under another name.
    let first = bob.find(ALICE, "Hello Bob");
    bob.act(&["report", ALICE, &first, &message, "--reason", "insult"]);

    let key = world.moderation_key().display().to_string();
    let report = json(&world.admin(&["reports", "--json", "--key", &key]));
    assert_eq!(report["reason"], "insult");
    let messages = report["messages"].as_array().unwrap();
    let of = |texts: &[Value]| -> Vec<(Value, Value)> {
        let of = |message: &Value| (message["text"].clone(), message["genuine"].clone());
        texts.iter().map(of).collect()
    };
    let genuine = |text: &str| (Value::from(text), Value::from(true));
    assert_eq!(
        of(messages),
        [genuine("Hello Bob"), genuine("something nasty")]
    );
    let number = report["report"].to_string();
    world.admin(&["reports", "--key", &key, "--delete", &number]);
    assert_eq!(world.admin(&["reports", "--json", "--key", &key]), "");
    // The request alone, though it is accepted.
    bob.act(&["report", ALICE, "--reason", "from the beginning"]);
    let report = json(&world.admin(&["reports", "--json", "--key", &key]));
    let messages = report["messages"].as_array().unwrap();
    assert_eq!(of(messages), [genuine("Hello Bob")]);
    assert_ne!(
        report["report"].to_string(),
        number,
        "a number means one report for ever"
    );
    let number = report["report"].to_string();
    world.admin(&["reports", "--key", &key, "--delete", &number]);

    // What was said in a group.
    bob.act(&["group-create", "Choir", ALICE]);
    alice.act(&["sync"]);
    alice.act(&["send", "Choir", "loud and nasty"]);
    bob.act(&["sync"]);
    let message = bob.find("Choir", "loud and nasty");
    bob.act(&["report", "Choir", &message]);
    let report = json(&world.admin(&["reports", "--json", "--key", &key]));
    let messages = report["messages"].as_array().unwrap();
    assert_eq!(of(messages), [genuine("loud and nasty")]);
    let address = alice.one(&["account"])["address"].clone();
    assert_eq!(report["reported"], address);
}

/// A report that whoever has the server's database can put into it: sealed to the operator, with
/// what `author` is said to have written.
fn made_up(world: &World, author: &str, message: ReportedMessage) {
    let key = std::fs::read_to_string(world.moderation_key()).unwrap();
    let public = key.lines().find_map(|line| line.strip_prefix("public "));
    let public = data_encoding::BASE64URL_NOPAD
        .decode(public.unwrap().trim().as_bytes())
        .unwrap();
    let author: comity_wire::Address = author.parse().unwrap();
    let report = Report {
        reported: Some(Address {
            app: author.app.to_string(),
            account: author.account.to_vec(),
        }),
        hub: author.app.to_string(),
        conversation: vec![1; 16],
        messages: vec![message],
        ..Report::default()
    };
    let sealed = comity_e2ee::report::seal(&report, &public).unwrap();
    let conn = rusqlite::Connection::open(world.data().join("comity.sqlite")).unwrap();
    conn.execute(
        "INSERT INTO report (at_ms, sealed) VALUES (1, ?1)",
        [sealed],
    )
    .unwrap();
}

#[test]
fn a_report_that_is_made_up_proves_nothing() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let address = alice.one(&["account"])["address"]
        .as_str()
        .unwrap()
        .to_owned();
    let content = Content {
        body: Some(Body::Text(Text {
            text: "something worse".to_owned(),
        })),
        ..Content::default()
    };
    // By the server, which has nothing of hers.
    let mut message = ReportedMessage {
        content: content.encode_to_vec(),
        franking_key: vec![1; 32],
        sender_nonce: vec![2; 32],
        header: vec![3; 72],
        seal: vec![4; 32],
        author_device: vec![5; 16],
        ..ReportedMessage::default()
    };
    made_up(&world, &address, message.clone());
    // By somebody who can make a tag for any words, but not the server's seal.
    let author: comity_wire::Address = address.parse().unwrap();
    let device = comity_wire::DeviceId::new([5; 16]);
    let said = comity_e2ee::envelope::seal(
        &content,
        &author,
        &device,
        &Default::default(),
        [0; 8],
        &mut |bytes: &mut [u8]| bytes.fill(9),
    );
    message.content = said.franked.content_bytes.clone();
    message.franking_key = said.franked.franking_key.to_vec();
    message.sender_nonce = said.franked.sender_nonce.to_vec();
    message.header = said.franked.header.clone();
    made_up(&world, &address, message);

    let key = world.moderation_key().display().to_string();
    let shown = world.admin(&["reports", "--key", &key]);
    let verdicts: Vec<&str> = shown.lines().filter(|line| line.contains('[')).collect();
    assert_eq!(
        verdicts,
        [
            "  [NOT PROVEN: the bytes are not a franking header] 1970-01-01 00:00:00Z  something worse",
            "  [NOT PROVEN: this server did not seal it] 1970-01-01 00:00:00Z  something worse",
        ]
    );
}

#[test]
fn accounts_are_counted_shown_suspended_and_backed_up() {
    let mut world = World::start();
    world.person("alice", ALICE);
    let stats = json(&world.admin(&["stats", "--json"]));
    assert_eq!(
        (&stats["accounts"], &stats["devices"]),
        (&1.into(), &1.into())
    );
    let shown = json(&world.admin(&["account", "show", ALICE, "--json"]));
    assert_eq!(shown["suspended"], false);
    let id = shown["account"].as_str().unwrap().to_owned();
    let key = json(&world.admin(&["app-key", "--json"]));
    assert_eq!(key["app_key"].as_str().unwrap().len(), 43);

    world.admin(&["account", "suspend", &id]);
    let shown = json(&world.admin(&["account", "show", &id, "--json"]));
    assert_eq!(shown["suspended"], true);
    world.admin(&["account", "resume", &id]);

    let backup = world.folder().join("backup");
    let backup = backup.display().to_string();
    world.admin(&["backup", &backup]);
    world.stop();
    std::fs::remove_dir_all(world.data()).unwrap();
    let done = json(&world.admin(&["restore", &backup, "--json"]));
    assert_eq!(done["done"], "restore");
    world.restart();
    assert_eq!(json(&world.admin(&["stats", "--json"]))["accounts"], 1);
    assert!(world.folder().join("backup").exists());
}
