//! Members with a changed program, and lies about how one comes into a conversation.

use crate::screen::{alice_and_bob, group, group_screen, screen, told};
use anyhow::{Context as _, Result};
use comity_client::{Command, Permissions, What, Whom};
use comity_content::{Message as _, proto as said};
use comity_e2ee::engine::Groups;
use comity_simulation::lies::{Downgrade, Hoard};
use comity_simulation::story::{group_of, say};
use comity_simulation::{Who, World};
use openmls::prelude::Ciphersuite;
use said::content::Body;

/// `by` makes a group with these people.
pub(crate) fn make(
    world: &mut World,
    by: Who,
    name: &str,
    people: &[Who],
    permissions: Permissions,
) -> Result<()> {
    let members = people
        .iter()
        .map(|who| world.address(*who))
        .collect::<Result<_>>()?;
    world.act(by, group_of(name, members, permissions))?;
    world.settle()
}

/// Says it in a group, and lets all come to rest.
pub(crate) fn tell(world: &mut World, who: Who, name: &str, text: &str) -> Result<()> {
    let to = Whom::Conversation(group(world, who, name)?);
    world.act(who, say(to, What::Text(text.into())))?;
    world.settle()
}

/// Alice, Bob and Mallory, who all know each other, in the choir.
fn choir(permissions: Permissions) -> Result<(World, Who, Who, Who)> {
    let mut world = World::calm(1)?;
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let mallory = world.sign_up("Mallory")?;
    world.befriend(bob, alice)?;
    world.befriend(mallory, alice)?;
    world.befriend(mallory, bob)?;
    make(&mut world, alice, "Choir", &[bob, mallory], permissions)?;
    Ok((world, alice, bob, mallory))
}

fn address(world: &World, who: Who) -> Result<said::Address> {
    let address = world.address(who)?;
    Ok(said::Address {
        app: address.app.to_string(),
        account: address.account.to_vec(),
    })
}

/// Says in the choir what no honest program says.
fn forge(world: &mut World, from: Who, content: &said::Content) -> Result<()> {
    let conversation = group(world, from, "Choir")?;
    world.alter(from, |store| {
        store.execute(
            "INSERT INTO send_queue (conversation, message_id, content) VALUES (?1, ?2, ?3)",
            (conversation, &content.message_id, content.encode_to_vec()),
        )?;
        Ok(())
    })?;
    world.run_for(1_000);
    Ok(())
}

fn content(id: u8, body: Body) -> said::Content {
    said::Content {
        message_id: vec![id; 16],
        written_ms: 1,
        body: Some(body),
        ..Default::default()
    }
}

#[test]
fn a_hoarded_welcome_does_not_end_the_conversation_that_it_is_of() -> Result<()> {
    let lie = told(Hoard::new("Bob"));
    let (mut world, alice, bob) = alice_and_bob(lie.clone())?;
    lie.lock().unwrap().hoard();
    make(&mut world, alice, "Choir", &[bob], Permissions::default())?;
    tell(&mut world, alice, "Choir", "Sing.")?;
    // The server leads Bob into the choir once more, where he was to come into the band.
    make(&mut world, alice, "Band", &[bob], Permissions::default())?;
    assert!(lie.lock().unwrap().is_told());
    tell(&mut world, alice, "Band", "Play.")?;
    tell(&mut world, bob, "Band", "What?")?;
    tell(&mut world, alice, "Choir", "Louder.")?;
    tell(&mut world, bob, "Choir", "I do.")?;
    assert_eq!(
        group_screen(&world, bob, "Choir")?,
        "\
Alice: Sing.
Alice: Louder.
me: I do.
— warning: the server gave an invitation that this device can not use
— warning: the server led to another conversation than it said; it is not entered
"
    );
    assert_eq!(
        group_screen(&world, bob, "Band")?,
        "\
Alice: Play.
me: What?
— warning: the server gave an invitation that this device can not use
— warning: the server led to another conversation than it said; it is not entered
"
    );
    assert_eq!(
        group_screen(&world, alice, "Choir")?,
        "\
— you made this group
— you added Bob
me: Sing.
me: Louder.
Bob: I do.
"
    );
    world.nothing_is_wrong()
}

#[test]
fn a_state_in_a_weaker_suite_is_not_entered() -> Result<()> {
    let weaker = Ciphersuite::MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519;
    let lie = told(Downgrade::new("Bob", Groups::of_suite(weaker)));
    let (mut world, alice, bob) = alice_and_bob(lie.clone())?;
    let whose = world.address(alice)?;
    lie.lock().unwrap().arm(whose);
    world.say(alice, bob, "Meet me at six.")?;
    world.run_for(60_000);
    assert!(lie.lock().unwrap().told() > 0);
    world.say(bob, alice, "My password is sesame.")?;
    world.run_for(60_000);
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
— some messages may be missing here: this device did not get them in time. What others still give of them is put here
— this conversation is being repaired
me: My password is sesame. ⌛
— warning: messages of a conversation are missing: the server no longer has them
— warning: the server gave a state of a conversation that does not hold; it is not entered
"
    );
    lie.lock().unwrap().stop();
    world.run_for(300_000);
    world.settle()?;
    assert_eq!(
        screen(&world, bob, alice)?,
        "\
Alice: Hello, this is Alice.
— this conversation was repaired
Alice: Meet me at six.
me: My password is sesame.
— warning: messages of a conversation are missing: the server no longer has them
— warning: the server gave a state of a conversation that does not hold; it is not entered
"
    );
    assert_eq!(
        screen(&world, alice, bob)?,
        "\
me: Hello, this is Alice.
me: Meet me at six.
Bob: My password is sesame.
"
    );
    world.nothing_is_wrong()
}

#[test]
fn a_mention_shows_who_is_meant_and_not_what_was_written() -> Result<()> {
    let (mut world, alice, bob, mallory) = choir(Permissions::default())?;
    let mention = |start, length, who: said::Address| said::Mention {
        start,
        length,
        who: Some(who),
    };
    let (alices, bobs) = (address(&world, alice)?, address(&world, bob)?);
    let stranger = said::Address {
        account: vec![9; 16],
        ..bobs.clone()
    };
    let text = |text: &str| Body::Text(said::Text { text: text.into() });
    // Bob's name over Alice's; overlapping and beyond the end; somebody who is not here.
    let mut first = content(1, text("@Alice owes me ten pounds."));
    first.mentions = vec![
        mention(0, 6, bobs),
        mention(3, 9, alices.clone()),
        mention(20, 900, alices.clone()),
        mention(u32::MAX, u32::MAX, alices),
    ];
    let mut second = content(2, text("@Alice said so."));
    second.mentions = vec![mention(0, 6, stranger)];
    forge(&mut world, mallory, &first)?;
    forge(&mut world, mallory, &second)?;
    world.settle()?;
    assert_eq!(
        group_screen(&world, alice, "Choir")?,
        "\
— you made this group
— you added Bob
— you added Mallory
Mallory: @Bob owes me ten pounds.
Mallory: @09090909… said so.
"
    );
    assert_eq!(
        group_screen(&world, bob, "Choir")?,
        "\
— Alice added you
Mallory: @you owes me ten pounds.
Mallory: @09090909… said so.
"
    );
    let unread = |who: Who| -> Result<u32> {
        let all = world.core(who)?.conversations()?;
        let choir = all.into_iter().find(|view| view.title == "Choir");
        Ok(choir.context("the choir")?.unread_mentions)
    };
    assert_eq!((unread(alice)?, unread(bob)?), (0, 1));
    world.nothing_is_wrong()
}

#[test]
fn history_that_a_member_gives_is_that_members_word() -> Result<()> {
    let permissions = Permissions {
        members_add: true,
        history_for_new: true,
        ..Permissions::default()
    };
    let (mut world, alice, bob, mallory) = choir(permissions)?;
    let dan = world.sign_up("Dan")?;
    for friend in [alice, mallory] {
        world.befriend(dan, friend)?;
    }
    tell(&mut world, alice, "Choir", "Nobody owes me anything.")?;
    tell(&mut world, bob, "Choir", "Good.")?;
    let choir = group(&world, mallory, "Choir")?;
    world.alter(mallory, |store| {
        let forged = "Dan owes me ten pounds.";
        let bytes: Vec<u8> = store.query_row(
            "SELECT content FROM message WHERE conversation = ?1 AND text LIKE 'Nobody%'",
            [choir],
            |row| row.get(0),
        )?;
        let mut content = said::Content::decode(bytes.as_slice())?;
        let text = forged.to_owned();
        content.body = Some(Body::Text(said::Text { text }));
        store.execute(
            "UPDATE message SET text = ?2, content = ?3 WHERE conversation = ?1 AND text LIKE 'Nobody%'",
            (choir, forged, content.encode_to_vec()),
        )?;
        Ok(())
    })?;
    world.settle()?;
    let (conversation, members) = (choir, vec![world.address(dan)?]);
    world.act(
        mallory,
        Command::AddMembers {
            conversation,
            members,
        },
    )?;
    world.run_for(120_000);
    world.settle()?;
    assert_eq!(
        group_screen(&world, dan, "Choir")?,
        "\
Alice: Dan owes me ten pounds. (as Mallory tells it)
Bob: Good. (as Mallory tells it)
— Mallory added you
"
    );
    world.nothing_is_wrong()
}

#[test]
fn who_claims_a_message_that_another_claims_is_told_of() -> Result<()> {
    let (mut world, alice, bob, mallory) = choir(Permissions::default())?;
    tell(&mut world, alice, "Choir", "Nobody owes me anything.")?;
    let choir = group(&world, bob, "Choir")?;
    world.cut_off(alice, 90_000);
    let bobs = world.core(bob)?.account()?.context("an account")?.device;
    let own = world
        .core(mallory)?
        .account()?
        .context("an account")?
        .device;
    // Bob could not read it.
    let mut seq = 0_u64;
    world.alter(bob, |store| {
        seq = store.query_row(
            "SELECT seq FROM message WHERE conversation = ?1 AND text LIKE 'Nobody%'",
            [choir],
            |row| row.get(0),
        )?;
        store.execute(
            "UPDATE message SET kind = 'unreadable', failure = 'undecryptable', text = '', content = x'',
                 message_id = zeroblob(16) WHERE conversation = ?1 AND seq = ?2",
            (choir, seq),
        )?;
        store.execute(
            "INSERT INTO missing (conversation, from_seq, to_seq, line) VALUES (?1, ?2, ?2, zeroblob(16))",
            (choir, seq),
        )?;
        store.execute(
            "INSERT INTO intent (conversation, kind) VALUES (?1, 'ask')",
            [choir],
        )?;
        Ok(())
    })?;
    let claim = |world: &World, id: u8, whose: Who, text: &str| -> Result<said::Content> {
        let text = text.to_owned();
        let message = said::ArchivedMessage {
            seq,
            author: Some(address(world, whose)?),
            author_device: own.to_vec(),
            content: content(id, Body::Text(said::Text { text })).encode_to_vec(),
            ..Default::default()
        };
        let again = said::Again {
            for_device: bobs.to_vec(),
            messages: vec![message],
            ..Default::default()
        };
        Ok(content(id, Body::Again(again)))
    };
    world.run_for(1_000);
    // In Alice's name it is nothing, in her own she wins the race.
    let inserted = claim(&world, 7, alice, "Bob owes me ten pounds.")?;
    forge(&mut world, mallory, &inserted)?;
    let own_words = claim(&world, 8, mallory, "I was never here.")?;
    forge(&mut world, mallory, &own_words)?;
    let others = claim(&world, 9, mallory, "I was here.")?;
    forge(&mut world, mallory, &others)?;
    world.run_for(30_000);
    assert_eq!(
        group_screen(&world, bob, "Choir")?,
        "\
— Alice added you
Mallory: I was never here.
"
    );
    // Alice comes back and answers, too.
    world.run_for(120_000);
    world.settle()?;
    assert_eq!(
        group_screen(&world, bob, "Choir")?,
        "\
— Alice added you
Mallory: I was never here.
Alice: Nobody owes me anything.
— Alice and someone else both say that one message here was theirs: one of them does not tell the truth
— warning: two people say that one message of a conversation was theirs: one of them does not tell the truth
"
    );
    world.nothing_is_wrong()
}
