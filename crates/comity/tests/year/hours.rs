//! Lives that are counted in minutes: tokens, codes, link offers.

use crate::world::World;
use std::time::{Duration, Instant};

/// Somebody stays connected for hours: what needs a bearer token still works.
pub(crate) fn outlive_the_token() {
    let mut world = World::new();
    world.register("ada-phone", "+12025550101", "Ada");
    world.register("eve-phone", "+12025550105", "Eve");
    let _watching = world.running("ada-phone", &["watch", "--accept", "--read"]);
    until(|| world.told("ada-phone").contains("watching"), "watching");
    world.pass_hours(2);
    // To accept her, Ada's device fetches key packages: an act by HTTP, under a token.
    world.act("eve-phone", &["send", "+12025550101", "Are you still up?"]);
    until(
        || {
            let all = world.act("eve-phone", &["conversations"]);
            all.iter()
                .any(|one| one["kind"] == "direct" && one["state"] == "active")
        },
        "the conversation to begin",
    );
    world.act("eve-phone", &["send", "+12025550101", "Good."]);
    until(|| world.told("ada-phone").contains("Good."), "the text");
}

/// What is good for minutes is over after them.
pub(crate) fn expire() {
    let mut world = World::new();
    world.register("ada-phone", "+12025550101", "Ada");
    // Who reads the code types it no sooner than the clock has gone on.
    let (read, typed) = (world.path("read"), world.path("typed"));
    let late = format!(
        "{} && touch '{}' && until [ -e '{}' ]; do sleep 0.1; done",
        world.code_command(),
        read.display(),
        typed.display()
    );
    std::thread::scope(|scope| {
        let number = "+12025550106";
        let act = scope.spawn({
            let world = &world;
            let late = late.clone();
            move || world.try_act("fay-phone", &["register", number, "--code-command", &late])
        });
        until(|| read.exists(), "the code");
        // The clock file is what all processes read.
        world.set_hours_later(1);
        std::fs::write(&typed, "").unwrap();
        let outcome = act.join().unwrap();
        assert!(
            outcome
                .as_ref()
                .is_err_and(|error| error.contains("code_expired")),
            "{outcome:?}"
        );
    });
    let offering = world.running("tablet", &["link"]);
    until(|| world.told("tablet").contains("code"), "the link code");
    let told: serde_json::Value =
        serde_json::from_str(world.told("tablet").lines().next().unwrap()).unwrap();
    world.pass_hours(3);
    let approved = world.try_act("ada-phone", &["approve", told["code"].as_str().unwrap()]);
    assert!(approved.is_err(), "{approved:?}");
    drop(offering);
}

fn until(mut is_so: impl FnMut() -> bool, what: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "still waiting for {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}
