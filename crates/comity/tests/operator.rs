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

/// A half of the key pair that reports are sealed to.
fn moderation(world: &World, half: &str) -> Vec<u8> {
    let key = std::fs::read_to_string(world.moderation_key()).unwrap();
    let half = key.lines().find_map(|line| line.strip_prefix(half));
    data_encoding::BASE64URL_NOPAD
        .decode(half.unwrap().trim().as_bytes())
        .unwrap()
}

/// A report that whoever has the server's database can put into it: sealed to the operator, with
/// what `author` is said to have written.
fn made_up(world: &World, author: &str, message: ReportedMessage) {
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
    put(world, &report);
}

fn put(world: &World, report: &Report) {
    let sealed = comity_e2ee::report::seal(report, &moderation(world, "public ")).unwrap();
    let conn = rusqlite::Connection::open(world.data().join("comity.sqlite")).unwrap();
    conn.execute(
        "INSERT INTO report (at_ms, sealed) VALUES (1, ?1)",
        [sealed],
    )
    .unwrap();
}

#[test]
fn a_genuine_report_with_other_words_proves_nothing() {
    let world = World::start();
    let (alice, bob) = (world.person("alice", ALICE), world.person("bob", BOB));
    alice.say(BOB, "Hello Bob");
    bob.act(&["requests"]);
    bob.act(&["accept", ALICE]);
    alice.act(&["sync"]);
    alice.say(BOB, "See you at eight");
    bob.act(&["sync"]);
    bob.act(&["report", ALICE, &bob.find(ALICE, "See you at eight")]);
    let conn = rusqlite::Connection::open(world.data().join("comity.sqlite")).unwrap();
    let sealed: Vec<u8> = conn
        .query_row("SELECT sealed FROM report", [], |row| row.get(0))
        .unwrap();
    let (public, private) = (
        moderation(&world, "public "),
        moderation(&world, "private "),
    );
    let genuine = comity_e2ee::report::open(&public, &private, &sealed).unwrap();
    let said = genuine.messages[0].clone();
    let mut content = Content::decode(said.content.as_slice()).unwrap();
    content.body = Some(Body::Text(Text {
        text: "I know where you live".to_owned(),
    }));
    // Whoever reports has everything that proves the words, and may put others above it,
    let reworded = ReportedMessage {
        content: content.encode_to_vec(),
        ..said.clone()
    };
    // or prove the others with a tag of their own, below what the server sealed;
    let whose = genuine.reported.clone().unwrap();
    let whose = comity_wire::Address::new(
        whose.app.parse().unwrap(),
        comity_wire::AccountId::from_slice(&whose.account).unwrap(),
    );
    let device = comity_wire::DeviceId::from_slice(&said.author_device).unwrap();
    let mut given = [said.franking_key.clone(), said.sender_nonce.clone()].into_iter();
    let mut random = |bytes: &mut [u8]| bytes.copy_from_slice(&given.next().unwrap());
    let franked = comity_e2ee::envelope::frank(&content, &whose, &device, &mut random);
    let tagged = ReportedMessage {
        content: franked.content_bytes.clone(),
        header: franked.header.clone(),
        ..said.clone()
    };
    // or say that it was at another time.
    let later = ReportedMessage {
        at_ms: said.at_ms + 86_400_000,
        ..said
    };
    for message in [reworded, tagged, later] {
        put(
            &world,
            &Report {
                messages: vec![message],
                ..genuine.clone()
            },
        );
    }
    let key = world.moderation_key().display().to_string();
    let shown = world.admin(&["reports", "--key", &key]);
    let verdicts: Vec<(&str, &str)> = shown
        .lines()
        .filter_map(|line| line.trim().strip_prefix('['))
        .map(|line| {
            (
                line.split(']').next().unwrap(),
                line.split("  ").last().unwrap(),
            )
        })
        .collect();
    let unsealed = "NOT PROVEN: this server did not seal it";
    assert_eq!(
        verdicts,
        [
            ("genuine", "See you at eight"),
            (
                "NOT PROVEN: the franking tag is not the content's",
                "I know where you live"
            ),
            (unsealed, "I know where you live"),
            (unsealed, "See you at eight"),
        ]
    );
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
    // A number is written as one writes it; `register` takes it so, too.
    let written = "+1 (202) 555-0101";
    assert_eq!(world.code(written), world.code(ALICE));
    let shown = json(&world.admin(&["account", "show", written, "--json"]));
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

#[test]
fn who_signed_up_after_the_back_up_is_told_what_is_left_to_do() {
    let mut world = World::start();
    let alice = world.person("alice", ALICE);
    let backup = world.folder().join("backup").display().to_string();
    world.admin(&["backup", &backup]);
    let bob = world.person("bob", BOB);
    bob.say(ALICE, "Hello Alice");
    world.stop();
    std::fs::remove_dir_all(world.data()).unwrap();
    world.admin(&["restore", &backup]);
    world.restart();
    alice.act(&["sync"]);
    let refused = bob.refused(&["sync"]);
    assert_eq!(refused.code, "unauthenticated", "{refused:?}");
    for said in ["was put back", "sign up anew, with another --store"] {
        assert!(refused.message.contains(said), "{refused:?}");
    }
    let said = bob.command().args(["send", ALICE, "Hm?"]).output().unwrap();
    let complaint = String::from_utf8(said.stderr).unwrap();
    assert!(complaint.contains("nothing goes out"), "{complaint}");
    assert!(!complaint.contains("by itself"), "{complaint}");
    // In a new store the same number is a person again.
    world.person("bob anew", BOB).say(ALICE, "Here I am");
    assert_eq!(alice.one(&["requests"])["text"], "Here I am");
}
