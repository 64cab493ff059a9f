//! Nothing is lost when the power goes: see [`lost`]. What was not synced is undone.
//!
//! `COMITY_POWERLOSS_FROM` and `COMITY_POWERLOSS_COUNT` say which; without them a few.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr
)]

mod lost;
mod support;

#[test]
fn nothing_is_lost_when_the_power_goes() {
    let (from, count) = lost::range("POWERLOSS", 5);
    lost::story(lost::Fault::PowerLoss, from, count);
}

/// Whether all that was answered as sent reaches someone who was away, after the server's power
/// went.
fn what_was_acknowledged_is_kept(hub: lost::Hub, seed: u64) -> bool {
    let mut hub = hub;
    let [alice, bob] = [("alice", "+12025550101"), ("bob", "+12025550102")]
        .map(|(name, number)| lost::Device::sign_up(&hub, lost::Fault::Kill, seed, name, number));
    lost::meet(&alice, &bob);
    let sent: Vec<String> = (1..=5).map(|number| format!("said {number}")).collect();
    for text in &sent {
        let answer = alice.act(&["send", bob.number(), text]);
        assert_eq!(answer[0]["item"]["status"], "sent");
    }
    let heard = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        hub.strike(None, seed);
        bob.history(alice.number())
    }));
    let heard = heard.unwrap_or_default();
    sent.iter()
        .all(|text| heard.iter().any(|said| said.text == *text))
}

#[test]
fn what_is_acknowledged_is_on_the_disk() {
    assert!((1..3).all(|seed| {
        what_was_acknowledged_is_kept(lost::Hub::start(lost::Fault::PowerLoss), seed)
    }));
}

#[test]
fn a_disk_that_lies_is_noticed() {
    let lying = || lost::Hub::start_on(lost::Fault::PowerLoss, comity_faults::Layer::that_lies);
    assert!((1..4).any(|seed| !what_was_acknowledged_is_kept(lying(), seed)));
}
