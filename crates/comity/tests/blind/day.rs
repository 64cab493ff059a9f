//! A day between three people with two devices each, every field filled in.

use crate::support::{Person, World};
use std::cell::RefCell;

const ALICE: &str = "+12025550101";
const BOB: &str = "+12025550102";
const CAROL: &str = "+12025550103";

/// The word of a field: letters and digits that occur nowhere else.
pub(crate) fn word(field: &str) -> String {
    let digest = blake3::hash(format!("the word of {field}").as_bytes());
    format!("zq{field}{}", digest.to_hex().get(..12).unwrap_or_default())
}

/// Gives out words and remembers them.
#[derive(Default)]
struct Words(RefCell<Vec<String>>);

impl Words {
    fn of(&self, field: &str) -> String {
        let word = word(field);
        assert!(!self.0.borrow().contains(&word), "{field} has its word");
        self.0.borrow_mut().push(word.clone());
        word
    }
}

/// Lives it; the words that were typed.
pub(crate) fn live(world: &World) -> Vec<String> {
    let words = Words::default();
    let alice = sign_up(world, &words, "alice", ALICE);
    let bob = sign_up(world, &words, "bob", BOB);
    let carol = sign_up(world, &words, "carol", CAROL);
    let tablet = link(world, &words, &alice, "tablet");

    // Requests: one accepted, one declined, one reported.
    alice.say(BOB, &words.of("request"));
    bob.act(&["requests"]);
    bob.act(&["accept", ALICE]);
    carol.say(ALICE, &words.of("declined"));
    alice.act(&["requests"]);
    alice.act(&["decline", CAROL]);

    // Talk, with two devices each.
    let laptop = link(world, &words, &bob, "laptop");
    let mut watching = tablet.watch(&["--read"]);
    let question = bob.say(ALICE, &words.of("question"));
    alice.act(&["read", BOB]);
    alice.act(&["typing", BOB]);
    alice.act(&["send", BOB, &words.of("answer"), "--reply", &question]);
    let slip = laptop.say(ALICE, &words.of("slip"));
    laptop.act(&["edit", ALICE, &slip, &words.of("edited")]);
    alice.act(&["react", BOB, &slip, "👍"]);
    let regret = alice.say(BOB, &words.of("regretted"));
    alice.act(&["delete", BOB, &regret]);
    bob.say("me", &words.of("note"));
    files(world, &words, &alice, &bob, &laptop);
    watching.until(|line| line["item"]["text"] == word("caption"));
    drop(watching);

    // The other device says something too, and finds words.
    tablet.say(BOB, &words.of("fromtablet"));
    tablet.act(&["search", &word("question")]);
    let nothing = words.of("soughtinvain");
    assert!(tablet.act(&["search", &nothing]).is_empty());
    bob.act(&["read", ALICE]);

    // A quarrel: Carol insults, is reported and blocked.
    bob.say(CAROL, &words.of("tocarol"));
    carol.act(&["requests"]);
    carol.act(&["accept", BOB]);
    let desk = link(world, &words, &carol, "desk");
    let insult = carol.say(BOB, &words.of("insult"));
    bob.act(&["read", CAROL]);
    let reason = words.of("reason");
    bob.act(&["report", CAROL, &insult, "--reason", &reason]);
    bob.act(&["block", CAROL]);
    desk.say(BOB, &words.of("unheard"));
    bob.act(&["sync"]);

    // Settings.
    let phrase = alice.one(&["recovery-phrase"])["phrase"]
        .as_str()
        .unwrap()
        .to_owned();
    words.0.borrow_mut().push(phrase);
    alice.act(&["lock", &words.of("lock")]);
    laptop.act(&["sync"]);
    desk.act(&["sync"]);
    tablet.act(&["sync"]);
    words.0.into_inner()
}

fn sign_up(world: &World, words: &Words, who: &str, number: &str) -> Person {
    let person = world.device(who);
    let name = words.of(&format!("first{who}"));
    person.register(number, &["--name", &name]);
    let photo = world
        .folder()
        .join(format!("{}.png", words.of(&format!("photo{who}"))));
    let pixels = words.of(&format!("pixels{who}")).repeat(500);
    std::fs::write(&photo, pixels).unwrap();
    person.act(&[
        "profile",
        "--name",
        &words.of(&format!("name{who}")),
        "--about",
        &words.of(&format!("about{who}")),
        "--photo",
        &photo.display().to_string(),
    ]);
    person
}

fn link(world: &World, words: &Words, owner: &Person, device: &str) -> Person {
    let new = world.device(&format!("{}-{device}", owner.name()));
    owner.link(&new, &words.of(&format!("device{device}")));
    new
}

fn files(world: &World, words: &Words, alice: &Person, bob: &Person, laptop: &Person) {
    let path = world.folder().join(format!("{}.txt", words.of("filename")));
    let content = words.of("filecontent");
    std::fs::write(&path, format!("{content}\n").repeat(20_000)).unwrap();
    let sent = alice.one(&[
        "file",
        BOB,
        &path.display().to_string(),
        "--caption",
        &words.of("caption"),
    ]);
    let message = sent["item"]["message"].as_str().unwrap();
    for (who, device) in [("bob", bob), ("laptop", laptop)] {
        let saved = world.folder().join(format!("{who}.saved"));
        device.act(&["history", ALICE]);
        device.act(&["save", ALICE, message, &saved.display().to_string()]);
        assert!(std::fs::read(&saved).unwrap() == std::fs::read(&path).unwrap());
    }
}
