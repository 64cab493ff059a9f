//! Groups, told as stories.

use super::support::{Person, World};
use super::{ALICE, BOB, CAROL};
use serde_json::Value;
use std::collections::BTreeMap;

const DAVE: &str = "+12025550104";

/// `one` and `other` talk already.
fn acquaint(one: &Person, number: &str, other: &Person, other_number: &str) {
    one.say(other_number, "Hello");
    other.act(&["accept", number]);
    one.act(&["sync"]);
}

/// Alice talks with Bob and Carol, who do not know each other.
fn three(world: &World) -> (Person, Person, Person) {
    let alice = world.person("alice", ALICE);
    let bob = world.person("bob", BOB);
    let carol = world.person("carol", CAROL);
    acquaint(&alice, ALICE, &bob, BOB);
    acquaint(&alice, ALICE, &carol, CAROL);
    (alice, bob, carol)
}

/// Alice's group with Bob and Carol, which both of them have seen.
pub(super) fn choir(world: &World) -> (Person, Person, Person) {
    let (alice, bob, carol) = three(world);
    alice.act(&["group-create", "Choir", BOB, CAROL]);
    for one in [&bob, &carol] {
        one.act(&["sync"]);
    }
    (alice, bob, carol)
}

/// Everybody's addresses, for reading notices.
fn addresses(people: &[&Person]) -> BTreeMap<String, String> {
    people
        .iter()
        .map(|one| {
            let address = one.one(&["account"])["address"]
                .as_str()
                .unwrap()
                .to_owned();
            (address, one.name().to_owned())
        })
        .collect()
}

/// A group as somebody sees it, with names in place of addresses and who said what.
#[track_caller]
fn seen(by: &Person, group: &str, people: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    for line in by.act(&["history", group, "--limit", "500"]) {
        let author = &people[line["author"].as_str().unwrap()];
        let mut text = line["text"].as_str().unwrap().to_owned();
        for (address, name) in people {
            text = text.replace(address, name);
        }
        match line["kind"].as_str().unwrap() {
            "notice" => out.push_str(&format!("* {author}: {text}\n")),
            "unreadable" => out.push_str(&format!("! {}\n", line["failure"])),
            _ => out.push_str(&format!("{author}: {text}\n")),
        }
    }
    out
}

fn members(group: &Value) -> Vec<String> {
    let members = group["members"].as_array().unwrap().iter();
    members
        .map(|member| {
            let admin = if member["admin"] == true {
                " (admin)"
            } else {
                ""
            };
            let own = if member["own"] == true { "me" } else { "" };
            let name = member["name"].as_str().unwrap();
            format!("{}{admin}", if own.is_empty() { name } else { own })
        })
        .collect()
}

#[test]
fn three_people_talk() {
    let world = World::start();
    let (alice, bob, carol) = three(&world);
    let people = addresses(&[&alice, &bob, &carol]);
    let group = alice.one(&[
        "group-create",
        "Choir",
        BOB,
        CAROL,
        "--description",
        "Tuesdays at eight",
    ]);
    assert_eq!(group["title"], "Choir");
    assert_eq!(group["group"]["people"], 3);
    alice.say("Choir", "Welcome, both of you");
    bob.say("Choir", "Thank you!");
    carol.say("Choir", "Who is that?");
    let question = carol.find("Choir", "Thank you!");
    bob.act(&["react", "Choir", &question, "👋"]);
    assert_eq!(
        seen(&alice, "Choir", &people),
        "\
* alice: group_created
* alice: added:bob
* alice: added:carol
alice: Welcome, both of you
bob: Thank you!
carol: Who is that?
"
    );
    assert_eq!(
        seen(&bob, "Choir", &people),
        "\
* alice: added:bob
alice: Welcome, both of you
bob: Thank you!
carol: Who is that?
"
    );
    assert_eq!(
        seen(&carol, "Choir", &people),
        "\
* alice: added:carol
alice: Welcome, both of you
bob: Thank you!
carol: Who is that?
"
    );
    assert!(carol.history("Choir").contains("< Thank you! 👋"));
    // Who did not know each other has a name here, and what the group is about is known to all.
    let group = carol.one(&["group", "Choir"]);
    assert_eq!(members(&group), ["me", "alice (admin)", "bob"]);
    assert_eq!(group["group"]["description"], "Tuesdays at eight");
}

#[test]
fn who_is_removed_reads_nothing_after_it_and_who_leaves_says_so() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    let people = addresses(&[&alice, &bob, &carol]);
    bob.say("Choir", "I can not sing");
    assert_eq!(
        bob.refused(&["group-remove", "Choir", ALICE]).code,
        "refused",
        "only admins do that"
    );
    alice.act(&["group-remove", "Choir", BOB]);
    alice.say("Choir", "Poor Bob");
    carol.say("Choir", "He can not read this");
    assert_eq!(
        seen(&bob, "Choir", &people),
        "\
* alice: added:bob
bob: I can not sing
* alice: removed_you
"
    );
    assert_eq!(
        bob.refused(&["send", "Choir", "Hello?"]).code,
        "refused",
        "and says nothing any more"
    );
    carol.act(&["group-leave", "Choir"]);
    assert_eq!(
        bob.act(&["conversations"])
            .iter()
            .find(|one| one["title"] == "Choir")
            .unwrap()["state"],
        "left"
    );
    alice.say("Choir", "Alone again");
    assert_eq!(
        seen(&alice, "Choir", &people),
        "\
* alice: group_created
* alice: added:bob
* alice: added:carol
bob: I can not sing
* alice: removed:bob
alice: Poor Bob
carol: He can not read this
* carol: left
alice: Alone again
"
    );
    assert!(seen(&carol, "Choir", &people).ends_with("* carol: left\n"));
    assert_eq!(members(&alice.one(&["group", "Choir"])), ["me (admin)"]);
    // Added again, Bob reads on from there; what was said meanwhile stays unknown to him.
    alice.act(&["group-add", "Choir", BOB]);
    alice.say("Choir", "Bob is back");
    assert!(seen(&bob, "Choir", &people).ends_with(
        "\
* alice: removed_you
* alice: added:bob
alice: Bob is back
"
    ));
}

#[test]
fn the_office_is_handed_on() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    let people = addresses(&[&alice, &bob, &carol]);
    assert_eq!(
        alice
            .refused(&["group-admin", "Choir", "me", "--no-longer"])
            .code,
        "refused",
        "somebody is the admin"
    );
    alice.act(&["group-admin", "Choir", BOB]);
    bob.act(&["group-allow", "Choir", "--only-admins-speak", "true"]);
    assert_eq!(
        carol.one(&["group", "Choir"])["group"]["permissions"]["only_admins_speak"],
        true
    );
    assert_eq!(carol.refused(&["send", "Choir", "And I?"]).code, "refused");
    bob.act(&[
        "group-allow",
        "Choir",
        "--only-admins-speak",
        "false",
        "--members-edit",
        "true",
    ]);
    alice.act(&["group-admin", "Choir", "me", "--no-longer"]);
    carol.act(&["group-set", "Choir", "--name", "Small choir"]);
    alice.act(&["sync"]);
    bob.act(&["group-leave", "Small choir"]);
    carol.say("Small choir", "Who is the admin now?");
    assert_eq!(
        seen(&alice, "Small choir", &people),
        "\
* alice: group_created
* alice: added:bob
* alice: added:carol
* alice: admin:bob
* bob: permissions:4
* bob: permissions:2
* alice: member:alice
* carol: name:Small choir
* bob: admin:alice
* bob: member:bob
* bob: left
carol: Who is the admin now?
"
    );
    assert_eq!(
        members(&carol.one(&["group", "Small choir"])),
        ["me", "alice (admin)"]
    );
}

#[test]
fn a_stranger_joins_by_the_link_until_it_is_revoked() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let bob = world.person("bob", BOB);
    acquaint(&alice, ALICE, &bob, BOB);
    let carol = world.person("carol", CAROL);
    let dave = world.person("dave", DAVE);
    let people = addresses(&[&alice, &bob, &carol, &dave]);
    alice.act(&["group-create", "Choir", BOB]);
    assert_eq!(
        alice.refused(&["group-add", "Choir", CAROL]).code,
        "refused",
        "strangers are not added"
    );
    bob.act(&["sync"]);
    assert_eq!(bob.refused(&["group-link", "Choir"]).code, "refused");
    let group = alice.one(&["group-link", "Choir"]);
    let link = group["group"]["link"].as_str().unwrap().to_owned();
    assert!(link.starts_with("comity:group/"), "{link}");
    // Nobody who knows how it is called is there.
    let joined = carol.one(&["group-join", &link]);
    assert_eq!(joined["state"], "active");
    assert_eq!(joined["group"]["details_arriving"], true);
    assert_eq!(joined["title"], "");
    let list = carol.screen(&["conversations"]);
    assert!(list.contains(" (details arriving)"), "{list}");
    alice.say("Choir", "Hello stranger");
    alice.act(&["sync"]);
    carol.act(&["sync"]);
    let group = carol.one(&["group", "Choir"]);
    assert_eq!(group["group"]["people"], 3);
    assert_eq!(group["group"]["details_arriving"], false);
    let list = carol.screen(&["conversations"]);
    assert!(!list.contains("arriving"), "{list}");
    carol.say("Choir", "Hello, I am Carol");
    assert_eq!(
        seen(&bob, "Choir", &people),
        "\
* alice: added:bob
* alice: link_made
* carol: joined_by_link
alice: Hello stranger
carol: Hello, I am Carol
"
    );
    alice.act(&["group-unlink", "Choir"]);
    let refusal = dave.refused(&["group-join", &link]);
    assert_eq!(refusal.code, "forbidden", "{refusal:?}");
    assert!(
        dave.act(&["conversations"])
            .iter()
            .all(|one| one["kind"] == "self")
    );
    assert_eq!(
        dave.refused(&["group-join", "comity:group/AAAA"]).code,
        "refused"
    );
    // A new link is another one; the old one stays worthless.
    let group = alice.one(&["group-link", "Choir"]);
    let new = group["group"]["link"].as_str().unwrap();
    assert_ne!(new, link);
    assert_eq!(dave.refused(&["group-join", &link]).code, "forbidden");
    // As it is shared from a browser.
    let part = new.strip_prefix("comity:group/").unwrap();
    dave.act(&["group-join", &format!("https://chat.example/#join/{part}")]);
    alice.act(&["sync"]);
    dave.act(&["sync"]);
    dave.say("Choir", "Me too");
    assert!(seen(&alice, "Choir", &people).ends_with("* dave: joined_by_link\ndave: Me too\n"));
}

#[test]
fn two_admins_act_at_once() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    let dave = world.person("dave", DAVE);
    acquaint(&bob, BOB, &dave, DAVE);
    alice.act(&["group-admin", "Choir", BOB]);
    bob.act(&["sync"]);
    let people = addresses(&[&alice, &bob, &carol, &dave]);
    std::thread::scope(|at_once| {
        at_once.spawn(|| alice.act(&["group-remove", "Choir", CAROL]));
        at_once.spawn(|| bob.act(&["group-add", "Choir", DAVE]));
    });
    for one in [&alice, &bob, &dave] {
        one.act(&["sync"]);
    }
    dave.say("Choir", "Hello");
    for one in [&alice, &bob, &dave] {
        let mut names = members(&one.one(&["group", "Choir"]));
        names.sort();
        let own = one.name();
        let expected = [("alice", " (admin)"), ("bob", " (admin)"), ("dave", "")];
        let mut expected: Vec<String> = expected
            .iter()
            .map(|(name, admin)| {
                let name = if *name == own { "me" } else { name };
                format!("{name}{admin}")
            })
            .collect();
        expected.sort();
        assert_eq!(names, expected, "as {own} sees it");
        assert!(seen(one, "Choir", &people).ends_with("dave: Hello\n"));
    }
    let last = seen(&carol, "Choir", &people);
    assert!(last.ends_with("* alice: removed_you\n"), "{last}");
}

#[test]
fn a_device_linked_by_a_member_is_in_the_group() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    let people = addresses(&[&alice, &bob, &carol]);
    bob.say("Choir", "Before the tablet");
    let tablet = world.device("tablet");
    bob.link(&tablet, "Bob's tablet");
    alice.say("Choir", "For both of Bob's");
    tablet.say("Choir", "From the tablet");
    assert_eq!(
        seen(&tablet, "Choir", &people),
        "\
bob: Before the tablet
alice: For both of Bob's
bob: From the tablet
"
    );
    let group = carol.one(&["group", "Choir"]);
    assert_eq!(group["group"]["devices"], 4);
    assert_eq!(group["group"]["people"], 3);
    assert_eq!(
        seen(&carol, "Choir", &people),
        "\
* alice: added:carol
bob: Before the tablet
alice: For both of Bob's
bob: From the tablet
"
    );
    // Who is taken out is taken out with all devices.
    alice.act(&["group-remove", "Choir", BOB]);
    alice.say("Choir", "Without Bob");
    for one in [&bob, &tablet] {
        let last = seen(one, "Choir", &people);
        assert!(last.ends_with("* alice: removed_you\n"), "{last}");
    }
}

#[test]
fn all_see_a_new_name_timer_and_picture() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    let people = addresses(&[&alice, &bob, &carol]);
    assert_eq!(
        bob.refused(&["group-set", "Choir", "--name", "Mine"]).code,
        "refused"
    );
    let photo = world.folder().join("choir.png");
    std::fs::write(&photo, b"a small picture").unwrap();
    alice.act(&[
        "group-set",
        "Choir",
        "--name",
        "Evensong",
        "--description",
        "Sundays",
        "--timer",
        "7d",
        "--photo",
        &photo.display().to_string(),
    ]);
    let picture = bob.one(&["group", "Evensong"])["group"]["photo"].clone();
    assert!(picture.is_string(), "it has a name: {picture}");
    for one in [&bob, &carol] {
        let group = one.one(&["group", "Evensong"]);
        assert_eq!(group["timer_s"], 7 * 86_400);
        assert_eq!(group["group"]["description"], "Sundays");
        assert_eq!(group["group"]["photo"], picture);
        let name = one.name();
        let saved = world.folder().join(format!("{name}.png"));
        one.act(&["group-photo", "Evensong", &saved.display().to_string()]);
        assert_eq!(std::fs::read(saved).unwrap(), b"a small picture");
        assert_eq!(
            seen(one, "Evensong", &people),
            format!(
                "\
* alice: added:{name}
* alice: now_name:Evensong
* alice: now_description
* alice: now_photo
* alice: now_timer:604800
"
            )
        );
    }
    // Said on a screen. Of two changes that they missed, they know not who made which.
    let screen = carol.screen(&["history", "Evensong"]);
    let lines: Vec<&str> = screen
        .lines()
        .filter_map(|line| line.split_once("— "))
        .map(|(_, text)| text)
        .collect();
    assert_eq!(
        lines,
        [
            "alice added you",
            "this group is called “Evensong” now",
            "the description is another one now",
            "the picture is another one now",
            "messages vanish after 7 days now",
        ]
    );
    // The timer of two is in the hands of both.
    bob.act(&["group-set", ALICE, "--timer", "1h"]);
    alice.act(&["sync"]);
    assert!(
        alice
            .screen(&["history", BOB])
            .contains("bob set messages to vanish after 1 hour")
    );
}

#[test]
fn members_are_named_by_who_never_talked_to_them() {
    let world = World::start();
    let (alice, bob, carol) = choir(&world);
    alice.act(&["group-admin", "Choir", "bob"]);
    bob.act(&["sync"]);
    carol.act(&["sync"]);
    let group = bob.one(&["group-admin", "Choir", "Carol"]);
    assert_eq!(
        members(&group),
        ["me (admin)", "alice (admin)", "carol (admin)"]
    );
    let mine = bob.one(&["group-admin", "Choir", "me", "--no-longer"]);
    assert_eq!(members(&mine), ["me", "alice (admin)", "carol (admin)"]);
    let screen = bob.screen(&["history", "Choir"]);
    assert!(screen.contains("— you are no longer an admin"), "{screen}");
    let address = mine["members"][2]["address"].as_str().unwrap();
    let shown = alice.one(&["group-remove", "Choir", &address[..8]]);
    assert_eq!(members(&shown), ["me (admin)", "bob"]);
}

#[test]
fn of_two_who_take_each_other_out_one_is_told() {
    let world = World::start();
    let (alice, bob, _) = choir(&world);
    alice.act(&["group-admin", "Choir", BOB]);
    bob.act(&["sync"]);
    let other = {
        let bob = bob.clone();
        std::thread::spawn(move || bob.try_act(&["group-remove", "Choir", ALICE]).is_ok())
    };
    let one = alice.try_act(&["group-remove", "Choir", BOB]).is_ok();
    let other = other.join().unwrap();
    assert_ne!(one, other, "one of them did it");
}
