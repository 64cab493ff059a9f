//! The same lies in a group of people with more than one device: who is lied to notices on the
//! device that is, and what the person's other device was told in truth comes over from there.

use crate::members::{make, tell};
use crate::screen::{group, group_screen, told};
use anyhow::{Context as _, Result};
use comity_client::{Permissions, What, Whom};
use comity_simulation::lies::{Fork, Ghost, How, Log, TwoWinners};
use comity_simulation::story::say;
use comity_simulation::{Honest, Malice, Who, World};

/// Alice with a tablet, Bob with a laptop, and Carol, in the choir. The lie is there from the
/// beginning.
struct Choir {
    world: World,
    alice: Who,
    tablet: Who,
    bob: Who,
    laptop: Who,
    carol: Who,
}

fn choir(lie: impl Malice + 'static) -> Result<Choir> {
    let mut world = World::calm(1)?;
    world.set_malice(lie);
    let alice = world.sign_up("Alice")?;
    let bob = world.sign_up("Bob")?;
    let carol = world.sign_up("Carol")?;
    let tablet = world.link(alice, "Alice's tablet")?;
    let laptop = world.link(bob, "Bob's laptop")?;
    world.befriend(bob, alice)?;
    world.befriend(carol, alice)?;
    world.befriend(carol, bob)?;
    let people = [bob, carol];
    make(&mut world, alice, "Choir", &people, Permissions::default())?;
    Ok(Choir {
        world,
        alice,
        tablet,
        bob,
        laptop,
        carol,
    })
}

impl Choir {
    /// Says it in the choir, and waits a moment.
    fn say(&mut self, who: Who, text: &str) -> Result<()> {
        let to = Whom::Conversation(group(&self.world, who, "Choir")?);
        self.world.act(who, say(to, What::Text(text.into())))?;
        self.world.run_for(2_000);
        Ok(())
    }

    /// Says it in the choir, and lets all come to rest.
    fn tell(&mut self, who: Who, text: &str) -> Result<()> {
        tell(&mut self.world, who, "Choir", text)
    }

    fn screen(&self, who: Who) -> Result<String> {
        group_screen(&self.world, who, "Choir")
    }
}

#[test]
fn a_message_that_one_of_two_devices_was_not_given_shows_there() -> Result<()> {
    let lie = told(Log::in_group("Bob"));
    let mut choir = choir(lie.clone())?;
    let (alice, bob, laptop, carol) = (choir.alice, choir.bob, choir.laptop, choir.carol);
    choir.tell(alice, "We meet at six.")?;
    lie.lock().unwrap().tell(How::Drop);
    choir.tell(carol, "Make it seven.")?;
    choir.tell(alice, "Seven it is.")?;
    assert_eq!(
        choir.screen(bob)?,
        "\
— Alice added you
Alice: We meet at six.
— someone saw other messages here than you did: the server may have dropped or changed some
Alice: Seven it is.
— warning: someone saw other messages here than you did: the server may have dropped or changed some
"
    );
    assert_eq!(
        choir.screen(laptop)?,
        "\
— Alice added you
Alice: We meet at six.
Carol: Make it seven.
Alice: Seven it is.
"
    );
    Ok(())
}

#[test]
fn a_message_that_is_kept_back_from_a_group_is_missed() -> Result<()> {
    let lie = told(Log::in_group("Bob"));
    let mut choir = choir(lie.clone())?;
    let (alice, bob, carol) = (choir.alice, choir.bob, choir.carol);
    lie.lock().unwrap().tell(How::Withhold);
    choir.say(carol, "Not at six.")?;
    choir.say(alice, "At seven.")?;
    choir.world.run_for(60_000);
    assert_eq!(
        choir.screen(bob)?,
        "\
— Alice added you
— the server keeps back messages of this conversation: nothing after them is shown
— warning: the server keeps back messages of a conversation
"
    );
    lie.lock().unwrap().stop();
    choir.world.settle()?;
    assert_eq!(
        choir.screen(bob)?,
        "\
— Alice added you
— the server keeps back messages of this conversation: nothing after them is shown
Carol: Not at six.
Alice: At seven.
— warning: the server keeps back messages of a conversation
"
    );
    Ok(())
}

#[test]
fn two_branches_of_a_group_show_on_both() -> Result<()> {
    let lie = told(Fork::in_group("Bob"));
    let mut choir = choir(lie.clone())?;
    let (alice, bob, laptop, carol) = (choir.alice, choir.bob, choir.laptop, choir.carol);
    lie.lock().unwrap().part();
    choir.say(carol, "Pay him.")?;
    choir.say(bob, "Whom?")?;
    lie.lock().unwrap().join();
    choir.tell(carol, "Did you?")?;
    choir.tell(bob, "What?")?;
    assert_eq!(
        choir.screen(bob)?,
        "\
— Alice added you
me: Whom?
— someone saw other messages here than you did: the server may have dropped or changed some
Carol: Did you?
me: What?
— warning: someone saw other messages here than you did: the server may have dropped or changed some
"
    );
    // Everybody else is told by Bob's next words, on his own laptop, too.
    assert_eq!(
        choir.screen(laptop)?,
        "\
— Alice added you
Carol: Pay him.
Carol: Did you?
— someone saw other messages here than you did: the server may have dropped or changed some
me: What?
— warning: someone saw other messages here than you did: the server may have dropped or changed some
"
    );
    assert_eq!(
        choir.screen(carol)?,
        "\
— Alice added you
me: Pay him.
me: Did you?
— someone saw other messages here than you did: the server may have dropped or changed some
Bob: What?
— warning: someone saw other messages here than you did: the server may have dropped or changed some
"
    );
    assert_eq!(
        choir.screen(alice)?,
        "\
— you made this group
— you added Bob
— you added Carol
Carol: Pay him.
Carol: Did you?
— someone saw other messages here than you did: the server may have dropped or changed some
Bob: What?
— warning: someone saw other messages here than you did: the server may have dropped or changed some
"
    );
    Ok(())
}

#[test]
fn two_winners_in_a_group_show_and_heal() -> Result<()> {
    let lie = told(TwoWinners::in_group("Bob"));
    let mut choir = choir(lie.clone())?;
    let (alice, bob, laptop, carol) = (choir.alice, choir.bob, choir.laptop, choir.carol);
    lie.lock().unwrap().arm();
    choir.world.link(carol, "Carol's tablet")?;
    choir.world.run_for(5_000);
    choir.world.link(bob, "Bob's watch")?;
    let is_told = choir
        .world
        .run_until(60_000, |_| lie.lock().unwrap().is_told());
    assert!(is_told);
    choir.tell(carol, "Are we alone?")?;
    choir.tell(bob, "We are now.")?;
    assert_eq!(
        choir.screen(bob)?,
        "\
— Alice added you
— this conversation was repaired
Carol: Are we alone?
me: We are now.
— warning: the server may have told you and others two different stories; the conversation is being repaired
"
    );
    assert_eq!(
        choir.screen(laptop)?,
        "\
— Alice added you
Carol: Are we alone?
me: We are now.
"
    );
    assert_eq!(
        choir.screen(alice)?,
        "\
— you made this group
— you added Bob
— you added Carol
Carol: Are we alone?
Bob: We are now.
"
    );
    Ok(())
}

#[test]
fn a_ghost_in_a_group_ends_it_aloud() -> Result<()> {
    let lie = told(Ghost::in_group());
    let mut choir = choir(lie.clone())?;
    let (alice, tablet, bob) = (choir.alice, choir.tablet, choir.bob);
    choir.tell(alice, "We meet at six.")?;
    let captured = lie.lock().unwrap().captured().context("a group")?;
    let ghost = captured.entry(&choir.world.address(alice)?)?;
    choir.world.inject(bob, ghost);
    choir.world.run_for(5_000);
    let refused = choir.say(bob, "Who else is here?").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the app changed this conversation against its rules: nothing is sent"
    );
    choir.tell(tablet, "Bob?")?;
    assert_eq!(
        choir.screen(bob)?,
        "\
— Alice added you
Alice: We meet at six.
— the server changed this conversation against its rules (a device is not in its account's manifest): nothing more is sent or read here
— warning: the server accepted a change of a conversation that breaks its rules; it is refused
"
    );
    Ok(())
}

#[test]
fn a_server_that_goes_back_in_time_is_told_of_in_a_group() -> Result<()> {
    let mut choir = choir(Honest)?;
    let (alice, bob, laptop, carol) = (choir.alice, choir.bob, choir.laptop, choir.carol);
    choir.tell(alice, "We meet at six.")?;
    let before = choir.world.hub_snapshot();
    choir.tell(alice, "No, at seven.")?;
    choir.tell(bob, "At seven.")?;
    // Bob's devices are there first, the laptop before the other.
    choir.world.cut_off(bob, 5_000);
    for later in [alice, choir.tablet, carol] {
        choir.world.cut_off(later, 30_000);
    }
    choir.world.hub_restore(&before)?;
    choir.world.run_for(15_000);
    choir.say(bob, "Hello?")?;
    choir.world.run_for(60_000);
    choir.world.settle()?;
    choir.tell(bob, "Are you there?")?;
    choir.tell(carol, "I am.")?;
    let at_once = "\
— Alice added you
Alice: We meet at six.
Alice: No, at seven.
me: At seven.
— the server lost or hid the newest messages of this conversation: it went back to an earlier state
— this conversation was repaired
me: Hello?
me: Are you there?
Carol: I am.
— warning: the server lost or hid the newest messages of a conversation
";
    assert_eq!(choir.screen(laptop)?, at_once);
    // The laptop was in again before him: what it did there is no message, but who comes later can not know.
    let gap = "— some messages may be missing here: this device did not get them in time. What others still give of them is put here";
    let repaired = "— this conversation was repaired\n";
    let second = at_once.replacen(repaired, &format!("{repaired}{gap}\n"), 1);
    assert_eq!(choir.screen(bob)?, second);
    // Who comes when the log is as long again finds other entries in it.
    assert_eq!(
        choir.screen(carol)?,
        "\
— Alice added you
Alice: We meet at six.
Alice: No, at seven.
Bob: At seven.
— the server has something else now in the place of what it gave this device: it went back to an earlier state, or tells two stories
— this conversation was repaired
— some messages may be missing here: this device did not get them in time. What others still give of them is put here
Bob: Hello?
Bob: Are you there?
me: I am.
— warning: the server has something else now in the place of what it gave this device: it went back to an earlier state, or tells two stories
"
    );
    Ok(())
}
