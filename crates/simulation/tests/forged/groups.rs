//! A member of a group with a changed program: what only others may do, they can not do either.

use super::{content, file, forge_in};
use anyhow::{Context as _, Result};
use comity_client::{
    Command, ConversationView, Event, GroupDetails, ItemKind, Permissions, TimelineItem, What, Whom,
};
use comity_content::proto as said;
use comity_e2ee::engine::Groups;
use comity_e2ee::{DeviceKeys, group_state};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Who, World};
use comity_wire::proto::{ServerFrame, StateChanged, server_frame};
use comity_wire::{Address, ConversationId, Id16};
use data_encoding::BASE64URL_NOPAD;
use said::content::Body;

fn group(world: &World, who: Who) -> Result<ConversationView> {
    let all = world.core(who)?.conversations()?;
    let group = all.into_iter().find(|view| view.kind == "group");
    group.with_context(|| format!("{} has no group", world.name(who)))
}

fn name(name: &str) -> GroupDetails {
    GroupDetails {
        name: Some(name.to_owned()),
        ..GroupDetails::default()
    }
}

/// Alice's group, with everybody in it; all have come to rest.
fn make_group(world: &mut World, alice: Who, members: &[Who], may: Permissions) -> Result<()> {
    let mut addresses = Vec::new();
    for member in members {
        world.befriend(alice, *member)?;
        addresses.push(world.address(*member)?);
    }
    world.act(alice, group_of("Choir", addresses, may))?;
    world.settle()
}

fn rename(world: &mut World, who: Who, to: &str) -> Result<()> {
    let conversation = group(world, who)?.conversation;
    let details = name(to);
    let command = Command::SetGroupDetails {
        conversation,
        details,
    };
    world.act(who, command)?;
    world.settle()
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

/// The hub has a document that `who` sealed as a member may, signed in the name of `author`.
fn plant(
    world: &mut World,
    who: Who,
    author: &Address,
    state: &said::GroupState,
) -> Result<Vec<u8>> {
    let group = group(world, who)?;
    let own = world.address(who)?;
    let (mut log, mut sealed) = (Vec::new(), Vec::new());
    world.alter(who, |store| {
        let (hub, cid): (String, Vec<u8>) = store.query_row(
            "SELECT hub, cid FROM conversation WHERE id = ?1",
            [group.conversation],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let id = ConversationId::new(hub.parse()?, Id16::from_slice(&cid)?);
        log = cid;
        let keys = keys(store)?;
        let document = group_state::sign(&keys, author, &id, state);
        let mut groups = Groups::default();
        let key = group_state::key(&mut groups.session(store, &keys, &own), &id)?;
        sealed = group_state::seal(&key, &id, &document, &mut |bytes: &mut [u8]| bytes.fill(7))?;
        Ok(())
    })?;
    let named = log.clone();
    let changed = world.tamper_hub(move |hub| {
        hub.execute(
            "UPDATE group_state SET sealed_state = ?2, sealed_version = sealed_version + 1
             WHERE log = (SELECT id FROM log WHERE name = ?1)",
            (log, sealed),
        )
    })?;
    assert_eq!(changed, 1);
    Ok(named)
}

fn details(view: &ConversationView) -> (String, String, u32) {
    let group = view.group.as_ref();
    let description = group.map(|group| group.description.clone());
    (
        view.title.clone(),
        description.unwrap_or_default(),
        view.timer_s,
    )
}

#[test]
fn nobody_has_the_last_word_by_a_number() -> Result<()> {
    for version in [u64::MAX, group_state::VERSION_MAX] {
        let mut world = World::calm(31)?;
        let alice = world.sign_up("Alice")?;
        let mallory = world.sign_up("Mallory")?;
        let everybody = Permissions {
            members_edit: true,
            ..Permissions::default()
        };
        make_group(&mut world, alice, &[mallory], everybody)?;
        let state = said::GroupState {
            name: "Mine".into(),
            version,
            ..Default::default()
        };
        let author = world.address(mallory)?;
        plant(&mut world, mallory, &author, &state)?;
        world.settle()?;
        rename(&mut world, alice, "Concert choir")?;
        world.nothing_is_wrong()?;
        for who in [alice, mallory] {
            assert_eq!(group(&world, who)?.title, "Concert choir", "{version}");
            let conversation = group(&world, who)?.conversation;
            assert_eq!(world.core(who)?.wishes_open(conversation)?, 0);
        }
    }
    Ok(())
}

#[test]
fn who_comes_by_the_link_takes_details_from_nobody_without_the_right() -> Result<()> {
    let mut world = World::calm(32)?;
    let alice = world.sign_up("Alice")?;
    let mallory = world.sign_up("Mallory")?;
    let dan = world.sign_up("Dan")?;
    make_group(&mut world, alice, &[mallory], Permissions::default())?;
    let link = invitation(&mut world, alice)?;
    let state = said::GroupState {
        name: "Mine".into(),
        description: "send money".into(),
        expires_after_s: 1,
        version: 1_000,
        ..Default::default()
    };
    // In the own name, which has no right, and in Alice's, whose device she has not.
    for author in [mallory, alice] {
        world.cut_off(alice, 600_000);
        world.alter(mallory, |store| {
            store.execute("UPDATE conversation SET details = NULL WHERE kind = 3", [])?;
            Ok(())
        })?;
        let link = link.clone();
        world.act(dan, Command::JoinByInvitation { link })?;
        world.run_for(20_000);
        let author = world.address(author)?;
        let conversation = plant(&mut world, mallory, &author, &state)?;
        world.run_for(20_000);
        let changed = StateChanged {
            conversation,
            ..StateChanged::default()
        };
        let frame = Some(server_frame::Frame::StateChanged(changed));
        world.inject(dan, ServerFrame { frame });
        world.run_for(20_000);
        let (title, description, timer_s) = details(&group(&world, dan)?);
        assert_ne!(title, "Mine");
        assert_eq!((description.as_str(), timer_s), ("", 0));
        assert!(world.warnings(dan).contains(&"details_refused".to_owned()));
        // Alice comes, and all have what is true.
        world.run_for(600_000);
        world.settle()?;
        for who in [alice, mallory, dan] {
            let choir = ("Choir".to_owned(), String::new(), 0);
            assert_eq!(details(&group(&world, who)?), choir, "{}", world.name(who));
        }
        let conversation = group(&world, dan)?.conversation;
        world.act(dan, Command::LeaveGroup { conversation })?;
        world.settle()?;
        world.alter(dan, |store| {
            store.execute("DELETE FROM conversation WHERE kind = 3", [])?;
            Ok(())
        })?;
        world.settle()?;
    }
    world.nothing_is_wrong()
}

#[test]
fn details_outlive_who_set_them() -> Result<()> {
    let mut world = World::calm(33)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    make_group(&mut world, alice, &[bob], Permissions::default())?;
    let conversation = group(&world, alice)?.conversation;
    world.act(alice, Command::LeaveGroup { conversation })?;
    world.settle()?;
    world.befriend(bob, carol)?;
    let conversation = group(&world, bob)?.conversation;
    let members = vec![world.address(carol)?];
    let command = Command::AddMembers {
        conversation,
        members,
    };
    world.act(bob, command)?;
    world.settle()?;
    assert_eq!(group(&world, carol)?.title, "Choir");
    world.nothing_is_wrong()
}

/// Everything that can be set, while the others are away.
fn set_all(world: &mut World, alice: Who, away: &[(Who, u64)]) -> Result<()> {
    for (who, ms) in away {
        world.cut_off(*who, *ms);
    }
    let conversation = group(world, alice)?.conversation;
    let details = GroupDetails {
        name: Some("Concert choir".to_owned()),
        description: Some("We sing.".to_owned()),
        expires_after_s: Some(3_600),
    };
    let command = Command::SetGroupDetails {
        conversation,
        details,
    };
    world.act(alice, command)?;
    world.run_for(30_000);
    Ok(())
}

fn make_admin(world: &mut World, alice: Who, who: Who, admin: bool) -> Result<()> {
    let conversation = group(world, alice)?.conversation;
    let member = world.address(who)?;
    let command = Command::SetRole {
        conversation,
        member,
        admin,
    };
    world.act(alice, command)?;
    world.run_for(30_000);
    Ok(())
}

fn all_set() -> (String, String, u32) {
    ("Concert choir".to_owned(), "We sing.".to_owned(), 3_600)
}

#[test]
fn what_was_set_last_outlives_who_set_it_and_left_while_all_were_away() -> Result<()> {
    // Who comes back first: the one who is admin now, or the other.
    for (other_ms, heir_ms) in [(900_000, 300_000), (300_000, 900_000)] {
        let mut world = World::calm(41)?;
        let alice = world.sign_up("Alice")?;
        let bob = world.sign_up("Bob")?;
        let carol = world.sign_up("Carol")?;
        make_group(&mut world, alice, &[carol, bob], Permissions::default())?;
        let conversation = group(&world, alice)?.conversation;
        let inherits = world.core(alice)?.heir(conversation)?;
        let (heir, other) = if inherits == Some(world.address(bob)?) {
            (bob, carol)
        } else {
            (carol, bob)
        };
        set_all(&mut world, alice, &[(other, other_ms), (heir, heir_ms)])?;
        world.act(alice, Command::LeaveGroup { conversation })?;
        world.run_for(1_000_000);
        world.settle()?;
        for who in [bob, carol] {
            assert_eq!(details(&group(&world, who)?), all_set(), "{other_ms}");
        }
        // Who finds what Alice set is told that she did; who finds what the heir said anew, who did
        // nothing of it, is told what is so now.
        let first = [(heir, 1), (other, usize::from(other_ms < heir_ms))];
        for (who, credited) in first {
            assert_eq!(told_lines(&world, who, "name:")?, credited, "{other_ms}");
            assert_eq!(told_lines(&world, who, "now_name:")?, 1 - credited);
        }
        world.nothing_is_wrong()?;
    }
    Ok(())
}

#[test]
fn an_admin_who_was_away_takes_over_what_was_set() -> Result<()> {
    let mut world = World::calm(42)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    let dora = world.sign_up("Dora")?;
    let members = [bob, carol, dora];
    make_group(&mut world, alice, &members, Permissions::default())?;
    set_all(&mut world, alice, &[(carol, 300_000), (dora, 900_000)])?;
    make_admin(&mut world, alice, carol, true)?;
    make_admin(&mut world, alice, alice, false)?;
    world.run_for(300_000);
    for who in [alice, bob, carol] {
        assert_eq!(details(&group(&world, who)?), all_set());
        assert_eq!(told_lines(&world, who, "name:")?, 1, "Alice did it");
        assert_eq!(told_lines(&world, who, "now_")?, 0);
    }
    // Dora finds what Carol says anew, who did nothing of it.
    world.run_for(600_000);
    world.settle()?;
    assert_eq!(details(&group(&world, dora)?), all_set());
    assert_eq!(told_lines(&world, dora, "name:")?, 0);
    for told in ["now_name:", "now_description", "now_timer:"] {
        assert_eq!(told_lines(&world, dora, told)?, 1, "{told}");
    }
    // Who is no admin any more has no word, with a changed program neither.
    let author = world.address(alice)?;
    let state = said::GroupState {
        name: "Mine".into(),
        version: 50,
        ..Default::default()
    };
    let conversation = plant(&mut world, alice, &author, &state)?;
    world.run_for(20_000);
    for who in [bob, carol, dora] {
        let changed = StateChanged {
            conversation: conversation.clone(),
            ..StateChanged::default()
        };
        let frame = Some(server_frame::Frame::StateChanged(changed));
        world.inject(who, ServerFrame { frame });
    }
    world.run_for(60_000);
    world.settle()?;
    for who in [bob, carol, dora] {
        assert_eq!(details(&group(&world, who)?), all_set());
    }
    // Whoever looked first put back what stands.
    let refused = "details_refused".to_owned();
    let all = [alice, bob, carol, dora];
    assert!(
        all.iter()
            .any(|who| world.warnings(*who).contains(&refused))
    );
    Ok(())
}

fn invitation(world: &mut World, who: Who) -> Result<String> {
    let conversation = group(world, who)?.conversation;
    let link = world.invitation(who, conversation)?;
    world.settle()?;
    Ok(link)
}

#[test]
fn an_act_that_changes_nothing_is_over_at_once() -> Result<()> {
    let mut world = World::calm(34)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    make_group(&mut world, alice, &[bob], Permissions::default())?;
    let conversation = group(&world, alice)?.conversation;
    let (own, member) = (world.address(alice)?, world.address(bob)?);
    let acts = [
        Command::AddMembers {
            conversation,
            members: vec![member.clone()],
        },
        Command::SetPermissions {
            conversation,
            permissions: Permissions::default(),
        },
        Command::SetRole {
            conversation,
            member: own,
            admin: true,
        },
        Command::SetRole {
            conversation,
            member,
            admin: false,
        },
        Command::RevokeInvitation { conversation },
    ];
    for act in acts {
        let what = format!("{act:?}");
        world.act(alice, act)?;
        world.run_for(3_000);
        assert_eq!(world.core(alice)?.wishes_open(conversation)?, 0, "{what}");
    }
    let failed = |event: &Event| matches!(event, Event::Failed { .. });
    assert!(!world.events(alice).iter().any(failed));
    world.nothing_is_wrong()
}

fn lines(world: &World, who: Who) -> Result<Vec<TimelineItem>> {
    let conversation = group(world, who)?.conversation;
    Ok(world.core(who)?.timeline(conversation, None, 100)?)
}

fn notices(world: &World, who: Who, what: &str) -> Result<usize> {
    let lines = lines(world, who)?;
    Ok(lines.iter().filter(|line| line.text == what).count())
}

/// Lines that begin so.
fn told_lines(world: &World, who: Who, with: &str) -> Result<usize> {
    let lines = lines(world, who)?;
    let lines = lines.iter().filter(|line| line.kind == ItemKind::Notice);
    Ok(lines.filter(|line| line.text.starts_with(with)).count())
}

#[test]
fn who_only_says_to_have_left_has_not() -> Result<()> {
    let mut world = World::calm(35)?;
    let alice = world.sign_up("Alice")?;
    let mallory = world.sign_up("Mallory")?;
    make_group(&mut world, alice, &[mallory], Permissions::default())?;
    let conversation = group(&world, mallory)?.conversation;
    let left = content(&[7; 16], Body::Left(said::Left {}));
    forge_in(&mut world, mallory, conversation, &[left])?;
    assert_eq!(notices(&world, alice, "left")?, 0);
    world.act(mallory, Command::LeaveGroup { conversation })?;
    world.settle()?;
    assert_eq!(notices(&world, alice, "left")?, 1);
    let alices = group(&world, alice)?.conversation;
    assert_eq!(world.core(alice)?.group_members(alices)?.len(), 1);
    world.nothing_is_wrong()
}

#[test]
fn who_is_put_out_does_not_come_back_by_the_link() -> Result<()> {
    let mut world = World::calm(36)?;
    let alice = world.sign_up("Alice")?;
    let mallory = world.sign_up("Mallory")?;
    make_group(&mut world, alice, &[mallory], Permissions::default())?;
    let link = invitation(&mut world, alice)?;
    let conversation = group(&world, alice)?.conversation;
    let member = world.address(mallory)?;
    let remove = Command::RemoveMember {
        conversation,
        member,
    };
    world.act(alice, remove)?;
    world.settle()?;
    world.act(mallory, Command::JoinByInvitation { link })?;
    world.settle()?;
    assert_eq!(world.core(alice)?.group_members(conversation)?.len(), 1);
    assert_eq!(notices(&world, alice, "link_revoked")?, 1);
    let shown = group(&world, alice)?.group.context("a group")?;
    assert_eq!(shown.link, None);
    let fresh = invitation(&mut world, alice)?;
    world.act(mallory, Command::JoinByInvitation { link: fresh })?;
    world.settle()?;
    assert_eq!(world.core(alice)?.group_members(conversation)?.len(), 2);
    world.nothing_is_wrong()
}

#[test]
fn nothing_is_fetched_as_history_that_is_not_expected() -> Result<()> {
    let mut world = World::calm(37)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let mallory = world.sign_up("Mallory")?;
    let history = Permissions {
        history_for_new: true,
        ..Permissions::default()
    };
    make_group(&mut world, alice, &[bob, mallory], history)?;
    let Body::Attachment(archive) = file(|file| {
        file.size = 400 << 20;
        file.blob_size = 401 << 20;
    }) else {
        anyhow::bail!("no file");
    };
    let account = world.address(bob)?;
    let given = |index: u8, joined_epoch: u64| {
        let history = said::GroupHistory {
            for_account: Some(said::Address {
                app: account.app.to_string(),
                account: account.account.to_vec(),
            }),
            joined_epoch,
            index: index.into(),
            total: 40,
            archive: Some(archive.clone()),
        };
        content(&[0x70 + index; 16], Body::GroupHistory(history))
    };
    let contents: Vec<said::Content> = (0..8).map(|index| given(index, 1)).collect();
    let conversation = group(&world, mallory)?.conversation;
    forge_in(&mut world, mallory, conversation, &contents)?;
    let mut fetched: i64 = -1;
    world.alter(bob, |store| {
        fetched = store.query_row(
            "SELECT count(*) FROM transfer WHERE purpose = 'group_history'",
            [],
            |row| row.get(0),
        )?;
        Ok(())
    })?;
    assert_eq!(fetched, 0);
    let warned = world.warnings(bob);
    let refused = warned.iter().filter(|code| *code == "history_refused");
    assert_eq!(refused.count(), 1, "{warned:?}");
    world.settle()?;
    world.nothing_is_wrong()
}

#[test]
fn nobody_is_told_by_another_what_they_did_themselves() -> Result<()> {
    let mut world = World::calm(38)?;
    let mallory = world.sign_up("Mallory")?;
    let bob = world.sign_up("Bob")?;
    let dan = world.sign_up("Dan")?;
    let history = Permissions {
        history_for_new: true,
        ..Permissions::default()
    };
    make_group(&mut world, mallory, &[bob], history)?;
    let conversation = group(&world, mallory)?.conversation;
    let text = What::Text("Dan owes me 1000.".to_owned());
    world.act(mallory, say(Whom::Conversation(conversation), text))?;
    world.settle()?;
    world.befriend(mallory, dan)?;
    let (dans, bobs) = (world.address(dan)?, world.address(bob)?);
    // In her own store, from which she gives.
    world.alter(mallory, |store| {
        for who in [&dans, &bobs] {
            store.execute(
                "INSERT INTO reaction (conversation, target, author, emoji, at_ms)
                 SELECT conversation, message_id, ?2, '👍', ?3 FROM message
                 WHERE conversation = ?1 AND kind = 'text'",
                (conversation, who.to_string(), i64::MAX),
            )?;
        }
        Ok(())
    })?;
    let command = Command::AddMembers {
        conversation,
        members: vec![dans.clone()],
    };
    world.run_for(5_000);
    world.act(mallory, command)?;
    world.settle()?;
    let lines = lines(&world, dan)?;
    let given = lines.iter().find(|line| line.text == "Dan owes me 1000.");
    let given = given.context("what was said before")?;
    assert!(given.told_by.is_some());
    let by: Vec<&Address> = given.reactions.iter().map(|one| &one.author).collect();
    assert_eq!(by, [&bobs]);
    world.nothing_is_wrong()
}

#[test]
fn a_name_of_which_nothing_is_seen_is_none() -> Result<()> {
    let mut world = World::calm(39)?;
    let alice = world.sign_up("Alice")?;
    let mallory = world.sign_up("Mallory")?;
    let everybody = Permissions {
        members_edit: true,
        ..Permissions::default()
    };
    make_group(&mut world, alice, &[mallory], everybody)?;
    let blank = "\u{200B}\u{202E}";
    assert!(rename(&mut world, mallory, blank).is_err());
    let state = said::GroupState {
        name: blank.into(),
        version: 2,
        ..Default::default()
    };
    let author = world.address(mallory)?;
    plant(&mut world, mallory, &author, &state)?;
    // Who changes something else looks at what there is.
    let conversation = group(&world, alice)?.conversation;
    let details = GroupDetails {
        description: Some("We sing.".to_owned()),
        ..GroupDetails::default()
    };
    let command = Command::SetGroupDetails {
        conversation,
        details,
    };
    world.act(alice, command)?;
    world.settle()?;
    assert_eq!(group(&world, alice)?.title, "Group");
    assert_eq!(notices(&world, alice, "name:")?, 0);
    world.nothing_is_wrong()
}

#[test]
fn one_wish_that_can_not_be_carried_out_stops_nothing_else() -> Result<()> {
    let mut world = World::calm(40)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    make_group(&mut world, alice, &[bob], Permissions::default())?;
    // As an earlier program could have left it.
    world.alter(alice, |store| {
        store.execute("UPDATE conversation SET details = x'ff' WHERE kind = 3", [])?;
        Ok(())
    })?;
    world.run_for(5_000);
    let conversation = group(&world, alice)?.conversation;
    let command = Command::SetGroupDetails {
        conversation,
        details: name("Concert choir"),
    };
    world.act(alice, command)?;
    world.run_for(20_000);
    let told = world.events(alice).iter();
    let codes = told.filter_map(|event| match event {
        Event::Failed { code, .. } => Some(code.as_str()),
        _ => None,
    });
    assert_eq!(codes.collect::<Vec<_>>(), ["store_damaged"]);
    assert_eq!(world.core(alice)?.wishes_open(conversation)?, 0);
    world.say(alice, bob, "Still here.")?;
    world.run_for(20_000);
    assert!(world.chat(bob, alice)?.contains("Alice: Still here."));
    world.nothing_is_wrong()
}
