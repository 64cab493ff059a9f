//! What people type: in the talk, and in place of whole ids, codes and addresses.

use super::support::{Person, World};
use super::{ALICE, BOB, CAROL, alice_and_bob};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

/// The screen of a talk in which these lines are typed.
#[track_caller]
fn typed(who: &Person, lines: &[u8]) -> String {
    let mut talk = who
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    talk.stdin.take().unwrap().write_all(lines).unwrap();
    let ended = talk.wait_with_output().unwrap();
    assert!(ended.status.success());
    String::from_utf8(ended.stdout).unwrap()
}

#[track_caller]
fn says(screen: &str, all: &[&str]) {
    for text in all {
        assert!(screen.contains(text), "no “{text}” in:\n{screen}");
    }
}

#[test]
fn a_slip_of_the_fingers_is_answered() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let screen = typed(
        &alice,
        b"/search\n/decline\n/to 2025550121\n/to +12025550177\n\xff\xfe/to bob\n//me\n/timer\n/delete\n/quit\n",
    );
    says(
        &screen,
        &[
            "— /search WORDS",
            "— /decline WHO",
            "a number begins with + and the country code",
            "— messages stay",
            "take this line back from everyone? /yes",
        ],
    );
    // A number that nobody has is said once.
    let failed = screen
        .lines()
        .filter(|line| *line == "— nobody has this number");
    assert_eq!(failed.count(), 1, "{screen}");
    alice.act(&["sync"]);
    assert_eq!(bob.history(ALICE), "< Hello Bob\n< /me\n");
    // Only what says yes is one, and no answer is ever said to anybody.
    let screen = typed(
        &alice,
        b"/no\n/to bob\n/delete\nn\n/delete\n/no\n/delete\nhm\n/delete\n/timer\n/quit\n",
    );
    assert_eq!(screen.matches("— not done").count(), 4, "{screen}");
    says(
        &screen,
        &[
            "nothing was asked",
            "your line was not sent",
            "messages stay",
        ],
    );
    alice.act(&["sync"]);
    assert_eq!(bob.history(ALICE), "< Hello Bob\n< /me\n");
    typed(&alice, b"/to bob\n/delete\nY\n/quit\n");
    alice.act(&["sync"]);
    assert_eq!(bob.history(ALICE), "< Hello Bob\n< (taken back)\n");
}

#[test]
fn a_list_stands_as_one_keeps_it() {
    let world = World::start();
    let (alice, _bob) = alice_and_bob(&world);
    let screen = typed(
        &alice,
        b"/pin\n/to me\nMilk\n/list\n/to bob\n/pin now\n/pin\n/mute 8h\n/list\n/archive\n/list\n/unmute\n/unread\n/list\n/mute soon\n/quit\n",
    );
    let lists: Vec<Vec<&str>> = screen
        .lines()
        // What is said elsewhere is told between them, with its ticks, and while it waits.
        .filter(|line| line.starts_with('#') && !line.contains(['✓', '⌛']))
        .collect::<Vec<_>>()
        .chunks(2)
        // One was shown at the beginning.
        .skip(1)
        .map(<[_]>::to_vec)
        .collect();
    let first = |list: usize| lists[list].first().copied().unwrap_or_default();
    let last = |list: usize| lists[list].last().copied().unwrap_or_default();
    assert_eq!(lists.len(), 4, "{screen}");
    assert!(first(0).contains("Milk"), "the newest: {screen}");
    assert!(first(1).contains(" · pinned · muted"), "{screen}");
    assert!(last(2).contains(" · archived · muted"), "{screen}");
    assert!(last(3).contains(" · archived · marked unread"), "{screen}");
    says(
        &screen,
        &[
            "— first say with whom",
            "— that takes nothing",
            "— put away",
            "soon: a time is 30s",
        ],
    );
    let refused = alice.refused(&["keep", BOB, "pin", "8h"]);
    assert_eq!(refused.code, "usage");
}

#[test]
fn what_did_not_work_is_said_in_words_and_with_the_commands_of_the_talk() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    alice.act(&["group-create", "Choir"]);
    alice.act(&["timer", BOB, "8s"]);
    let screen = typed(
        &alice,
        b"/to Zoe\n/remove-device phone\n/join comity:group/AAAA\n/lock open sesame\n/lock off\n/to bob\n/info :77\n/quit\n",
    );
    says(
        &screen,
        &[
            "— nobody here is called Zoe",
            "a name that /contacts shows, or a group as /list shows it",
            "no device of yours is called phone: /devices shows them",
            "— the registration lock is set",
            "— the registration lock is taken away",
            "— there is no line :77 yet",
        ],
    );
    // Steps and codes are for scripts, which have them.
    for machine in [
        "find:",
        "join_by_invitation",
        "(not_found)",
        "(refused)",
        "lookup",
    ] {
        assert!(!screen.contains(machine), "{machine} in:\n{screen}");
    }
    assert_eq!(alice.refused(&["send", "Zoe", "Hm"]).code, "not_found");
    let ended = alice
        .command()
        .args(["send", "Zoe", "Hm"])
        .output()
        .unwrap();
    let complaint = String::from_utf8(ended.stderr).unwrap();
    assert!(
        complaint.contains("find: ") && complaint.contains("(not_found)"),
        "{complaint}"
    );
    // A line that vanished was there.
    bob.act(&["sync"]);
    bob.say(ALICE, "Soon gone");
    let mut talk = alice
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut types = talk.stdin.take().unwrap();
    let mut shown = BufReader::new(talk.stdout.take().unwrap()).lines();
    let mut until = |text: &str| shown.find(|line| line.as_ref().unwrap().contains(text));
    types.write_all(b"/to bob\n").unwrap();
    let line = until("bob: Soon gone").unwrap().unwrap();
    let number = line.split(' ').next().unwrap().to_owned();
    std::thread::sleep(std::time::Duration::from_millis(9_000));
    types
        .write_all(format!("/info {number}\n").as_bytes())
        .unwrap();
    let gone = until("has vanished: its time was over");
    assert_eq!(
        gone.unwrap().unwrap(),
        format!("— line {number} has vanished: its time was over")
    );
    types.write_all(b"/quit\n").unwrap();
    assert!(until("nothing more").is_none());
    assert!(talk.wait().unwrap().success());
}

#[test]
fn a_mute_is_taken_away_by_off_and_set_by_no_slip() {
    let world = World::start();
    let (alice, _bob) = alice_and_bob(&world);
    let muted = || {
        let all = alice.act(&["conversations"]);
        let direct = all.into_iter().find(|one| one["kind"] == "direct");
        direct.unwrap()["muted_until_ms"].as_i64().unwrap() > 0
    };
    let screen = typed(&alice, b"/to bob\n/mute 0s\n/mute 5mm\n/quit\n");
    says(&screen, &["0s: a time is 30s", "5mm: a time is 30s"]);
    assert!(!screen.contains("— muted"), "{screen}");
    assert!(!muted());
    alice.act(&["keep", BOB, "mute"]);
    assert!(muted());
    says(
        &typed(&alice, b"/to bob\n/mute off\n/quit\n"),
        &["— no longer muted"],
    );
    alice.act(&["sync"]);
    assert!(!muted());
    alice.act(&["keep", BOB, "mute", "8h"]);
    alice.act(&["keep", BOB, "mute", "off"]);
    assert!(!muted());
    assert_eq!(alice.refused(&["timer", BOB, "0s"]).code, "usage");
}

#[test]
fn whom_one_talks_with_is_known_also_where_the_conversation_was_named() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let conversation = alice
        .act(&["conversations"])
        .into_iter()
        .find(|view| view["kind"] == "direct")
        .unwrap()["conversation"]
        .to_string();
    let screen = typed(&alice, b"/to #99\nFor nobody\n/quit\n");
    says(
        &screen,
        &["there is no conversation #99", "first say with whom"],
    );
    assert!(!screen.contains("is new here"), "{screen}");
    assert_eq!(alice.refused(&["send", "#99", "Hello"]).code, "not_found");
    let typing = format!("/to #{conversation}\n/safety\n/verify\nyes\n/quit\n");
    let screen = typed(&alice, typing.as_bytes());
    says(&screen, &["— not yet verified", "— verified"]);
    assert_eq!(alice.one(&["safety", BOB])["verified"], true);
    assert_eq!(bob.history(ALICE), "< Hello Bob\n");
}

#[test]
fn what_waits_for_a_stranger_says_so() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let carol = world.person("carol", CAROL);
    let screen = typed(
        &alice,
        b"/contacts\n/to +12025550103\nHello\nAre you there?\n/quit\n",
    );
    says(
        &screen,
        &[
            "you know nobody yet",
            "waits until they accept your request",
        ],
    );
    // A stranger is named by the beginning of their address, as the screen shows it.
    alice.act(&["sync"]);
    let asks = carol.one(&["requests"])["address"].clone();
    let shown: String = asks.as_str().unwrap().chars().take(8).collect();
    says(&carol.screen(&["requests"]), &[&format!("{shown}…")]);
    typed(&carol, format!("/accept {shown}\n/quit\n").as_bytes());
    carol.act(&["sync"]);
    alice.act(&["sync"]);
    assert!(carol.history(ALICE).ends_with("< Are you there?\n"));
}

#[test]
fn a_message_is_named_by_the_beginning_of_its_id() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let message = bob.say(ALICE, "Tea?");
    let shown = alice.screen(&["history", BOB, "--ids"]);
    let line = shown.lines().find(|line| line.ends_with("Tea?")).unwrap();
    let (id, _) = line.split_once("  ").unwrap();
    assert_eq!(id, &message[..8]);
    alice.act(&["react", BOB, id, "👍"]);
    alice.act(&["send", BOB, "Yes", "--reply", id]);
    let line = bob.act(&["history", ALICE]).pop().unwrap();
    assert_eq!(line["quote"]["message"], message.as_str());
    assert!(bob.history(ALICE).contains("> Tea? 👍\n"));
    assert_eq!(
        alice.refused(&["react", BOB, "0000", "👍"]).code,
        "not_found"
    );
    assert_eq!(alice.refused(&["react", BOB, "tea", "👍"]).code, "usage");
    // A hit has its day, and a name by which it is answered.
    let hit = alice.screen(&["search", "Tea"]);
    assert!(hit.starts_with(&format!("{id}  #")), "{hit}");
    assert!(hit.contains("  20"), "a date: {hit}");
    let screen = typed(
        &alice,
        "/search tea\n/to :1\n/react :1 🍵\n/quit\n".as_bytes(),
    );
    says(&screen, &[":1 #", "Hello Bob", "— /to :3 turns"]);
    // Whatever zone one is in, the clock is the one on its walls.
    let at_ms = line["at_ms"].as_i64().unwrap_or_default();
    let minutes = (at_ms / 60_000 + 180).rem_euclid(24 * 60);
    let shown = alice
        .command()
        .args(["history", BOB, "--ids"])
        .env("TZ", "XYZ-3")
        .output()
        .unwrap();
    says(
        &String::from_utf8(shown.stdout).unwrap(),
        &[&format!("{:02}:{:02}  me: ", minutes / 60, minutes % 60)],
    );
    // Of what somebody else said, there is an answer, too.
    let info = alice.screen(&["info", BOB, id]);
    says(&info, &["only they see who has it"]);
}

#[test]
fn what_one_does_is_shown_once() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    bob.say(ALICE, "Tea?");
    let mut talk = alice
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut types = talk.stdin.take().unwrap();
    let mut shown = BufReader::new(talk.stdout.take().unwrap()).lines();
    let mut seen = Vec::new();
    let mut until = |text: &str| loop {
        let line = shown.next().unwrap().unwrap();
        let found = line.contains(text);
        seen.push(line);
        if found {
            return;
        }
    };
    types.write_all(b"/to bob\n").unwrap();
    until("Tea?");
    types.write_all("/react 🍵\n".as_bytes()).unwrap();
    until("🍵");
    // What is said after it is shown when the app has it, and thus has the reaction, too.
    types.write_all(b"Yes\n").unwrap();
    until("me: Yes");
    types.write_all(b"/quit\n").unwrap();
    let rest: Vec<String> = shown.map(Result::unwrap).collect();
    assert!(talk.wait().unwrap().success());
    seen.extend(rest);
    let times = seen.iter().filter(|line| line.contains('🍵')).count();
    assert_eq!(times, 1, "{seen:#?}");
}

#[test]
fn a_file_is_saved_into_a_folder_under_its_own_name() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let source = world.folder().join("score.txt");
    std::fs::write(&source, "la la").unwrap();
    let sent = alice.one(&["file", BOB, &source.display().to_string()]);
    let message = sent["item"]["message"].as_str().unwrap();
    let folder = world.folder().join("saved");
    let to = format!("{}/", folder.display());
    let save = |to: &str| bob.try_act(&["save", ALICE, message, to]);
    assert_eq!(save(&format!("{to}a")).unwrap_err().code, "folder_missing");
    std::fs::create_dir(&folder).unwrap();
    save(&to).unwrap();
    assert_eq!(
        std::fs::read_to_string(folder.join("score.txt")).unwrap(),
        "la la"
    );
    assert_eq!(save(&to).unwrap_err().code, "exists");
}

#[test]
fn a_device_is_named_by_its_name_and_a_code_without_its_beginning() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let tablet = world.device("tablet");
    alice.link(&tablet, "Alice's tablet");
    let shown = alice.screen(&["account"]);
    says(
        &shown,
        &["terminal  ", ", owner (this one)", "Alice's tablet  "],
    );
    let code = |act: &[&str]| alice.refused(act).code;
    assert_eq!(code(&["remove-device", "phone"]), "not_found");
    assert_eq!(code(&["approve", "AEHH-IZLT"]), "code_wrong");
    alice.act(&["remove-device", "alice's TABLET"]);
    let devices = alice.one(&["account"])["devices"].clone();
    assert_eq!(devices.as_array().unwrap().len(), 1);
}

#[test]
fn a_group_is_left_only_when_one_says_yes() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    alice.act(&["group-create", "Choir"]);
    let state = || {
        let all = alice.act(&["conversations"]);
        let group = all.into_iter().find(|one| one["title"] == "Choir");
        group.unwrap()["state"].clone()
    };
    typed(&alice, b"/to Choir\n/leave\n/quit\n");
    assert_eq!(state(), "active");
    // What is so already is asked of nobody.
    says(
        &typed(&alice, b"/to Choir\n/allow members-add off\n/quit\n"),
        &["— it is so already"],
    );
    let screen = typed(
        &alice,
        b"/to Choir\n/allow members-add on\n/leave\n/yes\n/more\n/quit\n",
    );
    says(&screen, &["— you left it", "first say with whom"]);
    alice.act(&["sync"]);
    assert_eq!(state(), "left");
}

#[test]
fn what_members_may_do_is_said_when_it_changed() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    alice.act(&["group-create", "Choir"]);
    let mut talk = alice
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut types = talk.stdin.take().unwrap();
    let mut shown = BufReader::new(talk.stdout.take().unwrap()).lines();
    let changes = b"/to Choir\n/allow members-add on\n";
    types.write_all(changes).unwrap();
    let said = shown.find(|line| {
        line.as_ref()
            .unwrap()
            .contains("changed what members may do")
    });
    assert!(said.is_some());
    let now = shown.next().unwrap().unwrap();
    assert_eq!(now, "— now: members may add people");
    types.write_all(b"/quit\n").unwrap();
    for line in shown {
        assert!(!line.unwrap().is_empty());
    }
    assert!(talk.wait().unwrap().success());
}

#[test]
fn what_nothing_brings_back_is_asked_first() {
    let world = World::start();
    let (alice, _bob) = alice_and_bob(&world);
    alice.act(&["group-create", "Choir", BOB]);
    let group = || alice.one(&["group", "Choir"]);
    let link = || group()["group"]["link"].as_str().map(str::to_owned);
    // The first link takes nothing away; another one does.
    typed(&alice, b"/to Choir\n/link\n/quit\n");
    let first = link();
    assert!(first.is_some());
    let screen = typed(
        &alice,
        b"/to Choir\n/link\n/no\n/remove bob\n/no\n/no-admin me\n/no\n/quit\n",
    );
    says(
        &screen,
        &[
            "make a new link?",
            "take bob out",
            "your own rights",
            "— not done",
        ],
    );
    assert_eq!(link(), first);
    assert_eq!(group()["members"].as_array().unwrap().len(), 2);
    typed(&alice, b"/to Choir\n/remove bob\n/yes\n/quit\n");
    alice.act(&["sync"]);
    assert_eq!(group()["members"].as_array().unwrap().len(), 1);
    let screen = typed(&alice, b"/recovery-phrase\n/no\n/quit\n");
    says(&screen, &["Earlier ones are worthless then", "— not done"]);
    assert!(!screen.contains("write these words down"), "{screen}");
    let screen = typed(&alice, b"/recovery-phrase\n/yes\n/quit\n");
    says(&screen, &["write these words down"]);
    // Where to who is meant is not here, nobody hears what was meant for them.
    let screen = typed(&alice, b"/to Choir\n/to Zoe\nFor Zoe alone\n/quit\n");
    says(
        &screen,
        &["nobody here is called Zoe", "first say with whom"],
    );
}

#[test]
fn several_people_are_added_at_once() {
    let world = World::start();
    let (alice, bob) = alice_and_bob(&world);
    let carol = world.person("Carol, of the hills", CAROL);
    carol.say(ALICE, "Hello");
    alice.act(&["sync"]);
    alice.act(&["accept", CAROL]);
    carol.act(&["sync"]);
    alice.act(&["group-create", "Choir"]);
    let screen = typed(
        &alice,
        b"/to Choir\n/add bob, Zoe\n/add\n/add +12025550103 , bob,\n/quit\n",
    );
    says(&screen, &["nobody here is called Zoe", "— /add NAME, NAME"]);
    alice.act(&["sync"]);
    let members = || {
        alice.one(&["group", "Choir"])["members"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(members(), 3);
    alice.act(&["group-remove", "Choir", CAROL]);
    assert_eq!(members(), 2);
    // A comma in a name is part of it.
    typed(&alice, b"/to Choir\n/add Carol, of the hills\n/quit\n");
    alice.act(&["sync"]);
    assert_eq!(members(), 3);
    drop(bob);
}

#[test]
fn who_leaves_a_group_as_its_only_admin_is_told_who_will_be_it() {
    let world = World::start();
    let (alice, _bob) = alice_and_bob(&world);
    alice.act(&["group-create", "Choir", BOB]);
    says(
        &typed(&alice, b"/to Choir\n/leave\n/quit\n"),
        &["with all your devices? bob will be its admin (/admin NAME first"],
    );
}

#[test]
fn the_passphrase_of_the_lock_need_not_stand_on_the_command_line() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let lock = |input: &[u8]| {
        let mut act = alice.command();
        let mut act = act
            .args(["lock", "-", "--json"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        act.stdin.take().unwrap().write_all(input).unwrap();
        act.wait().unwrap().success()
    };
    assert!(!lock(b"\n"));
    assert!(lock(b"open sesame\n"));
    let other = world.device("other");
    let code = other.code_command();
    let take = ["register", ALICE, "--code-command", &code, "--take-over"];
    let refused = other.refused(&take);
    assert!(!refused.code.is_empty(), "{refused:?}");
    let taken = other
        .command()
        .args(take)
        .env("COMITY_LOCK_PASSPHRASE", "open sesame")
        .output()
        .unwrap();
    assert!(taken.status.success(), "{taken:?}");
}

#[test]
fn the_words_of_recovery_need_not_stand_on_the_command_line() {
    let world = World::start();
    let alice = world.person("alice", ALICE);
    let phrase = alice.one(&["recovery-phrase"])["phrase"].clone();
    let phrase = phrase.as_str().unwrap();
    // After the refusal the code that was sent is good still.
    let phone = world.device("phone");
    let code = phone.code_command();
    let refused = phone.refused(&["register", ALICE, "--code-command", &code]);
    assert_eq!(refused.code, "number_taken", "{refused:?}");
    assert!(refused.message.contains("--recover - "), "{refused:?}");
    let code = world.code(ALICE);
    let recover = ["register", ALICE, "--code", code.trim(), "--recover", "-"];
    let given = |input: &str| {
        let mut act = phone.command();
        act.args(recover)
            .arg("--json")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut act = act.spawn().unwrap();
        act.stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        String::from_utf8(act.wait_with_output().unwrap().stdout).unwrap()
    };
    assert!(given("").contains("no words were given"));
    assert!(given("none of them\n").contains("phrase_wrong"));
    let own = alice.one(&["account"])["address"].clone();
    assert!(given(&format!("{phrase}\n")).contains(own.as_str().unwrap()));
    let other = world.device("other");
    let recovered = other
        .command()
        .args(["register", ALICE, "--code-command", &other.code_command()])
        .env("COMITY_RECOVERY_PHRASE", phrase)
        .output()
        .unwrap();
    assert!(recovered.status.success(), "{recovered:?}");
    assert_eq!(other.one(&["account"])["address"], own);
}

#[test]
fn who_joins_by_a_link_reads_what_was_said_in_its_order_and_talks_there() {
    let world = World::start();
    let (alice, _bob) = alice_and_bob(&world);
    let carol = world.person("carol", CAROL);
    alice.act(&["group-create", "Choir", BOB, "--history-for-new", "true"]);
    for n in 1..=8 {
        alice.say("Choir", &format!("line {n}."));
    }
    let group = alice.one(&["group-link", "Choir"]);
    let link = group["group"]["link"].as_str().unwrap();
    let admin = alice.watch(&[]);
    let mut talk = carol
        .command()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut types = talk.stdin.take().unwrap();
    let mut shown = BufReader::new(talk.stdout.take().unwrap()).lines();
    types
        .write_all(format!("/join {link}\n").as_bytes())
        .unwrap();
    for n in 1..=8 {
        let line = shown.find(|line| line.as_ref().unwrap().contains("alice: line "));
        let line = line.unwrap().unwrap();
        assert!(line.contains(&format!("alice: line {n}.")), "{line}");
    }
    types.write_all(b"Hello all\n").unwrap();
    assert!(shown.any(|line| line.unwrap().contains("me: Hello all")));
    types.write_all(b"/quit\n").unwrap();
    assert!(shown.all(|line| line.is_ok()));
    assert!(talk.wait().unwrap().success());
    admin.kill9();
    assert!(alice.history("Choir").ends_with("< Hello all\n"));
    // A link that leads nowhere turns to nobody.
    alice.act(&["group-unlink", "Choir"]);
    let screen = typed(
        &world.person("dave", "+12025550104"),
        format!("/join {link}\n/quit\n").as_bytes(),
    );
    assert!(!screen.contains("join_by_invitation"), "{screen}");
}
