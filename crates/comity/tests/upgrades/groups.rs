//! States that hold groups, too: a choir of three people with name, description, picture, timer and
//! link, in which Carol misses a line; and a band that she has left, as far as she is concerned.

use super::{HOUR_S, all_there, house::House, open, said, until_heard};
use serde_json::Value;

/// Those of the releases.
const RELEASES: [&str; 1] = ["0.1.0-groups"];
const DAVE: &str = "+12025550104";

/// As Carol saw it when the state was kept: the line that she misses has yet to be supplied.
const CAROLS: &str = "\
< I bring the score 🎶
< And I the wine «I bring the score»
";

/// The choir as somebody has it, before they connect.
fn offline(house: &House, device: &str) -> String {
    let act = ["history", "Choir", "--offline", "--limit", "1000"];
    house
        .act(device, &act)
        .iter()
        .map(super::house::line)
        .collect()
}

fn group(house: &House, device: &str, name: &str) -> Value {
    house.act(device, &["group", name]).remove(0)
}

#[test]
fn an_hour_after_an_upgrade_groups_are_whole_and_what_was_missing_comes() {
    for release in RELEASES {
        let (folder, house) = open(release, HOUR_S);
        let carols = offline(&house, "carol");
        assert_eq!(said(&carols), CAROLS, "{release}");
        assert!(carols.contains("* gap\n"), "{release}: {carols}");
        assert!(offline(&house, "bob").ends_with("> Written offline to all …\n"));
        for device in ["bob", "alice", "tablet", "carol", "alice", "carol"] {
            house.act(device, &["sync", "--stay", "1"]);
        }
        let all = "\
< I bring the score 🎶
< And I the wine «I bring the score»
< Who has the key?
< Written offline to all
";
        assert_eq!(said(&house.history("carol", "Choir")), all, "{release}");
        for device in ["alice", "tablet", "bob", "carol"] {
            let choir = group(&house, device, "Choir");
            let details = &choir["group"];
            assert_eq!(choir["timer_s"], 4 * 7 * 86_400, "{device}");
            assert_eq!(details["description"], "Tuesdays", "{device}");
            assert_eq!(
                (&details["people"], &details["devices"]),
                (&3.into(), &4.into())
            );
            let saved = folder
                .path()
                .join(format!("{device}.png"))
                .display()
                .to_string();
            house.act(device, &["group-photo", "Choir", &saved]);
            assert_eq!(std::fs::read(saved).unwrap(), b"a small picture");
        }
        // Carol is out of the band.
        assert_eq!(group(&house, "alice", "Band")["group"]["people"], 1);
        assert!(house.history("alice", "Band").ends_with("* left\n"));
        // The link that was made then is good now.
        let link = group(&house, "alice", "Choir")["group"]["link"].clone();
        house.register("dave", DAVE, "Dave");
        house.act("dave", &["group-join", link.as_str().unwrap()]);
        house.act("alice", &["sync", "--stay", "1"]);
        house.act("dave", &["sync"]);
        house.act("dave", &["send", "Choir", "From the new program"]);
        house.act("tablet", &["send", "Choir", "Welcome"]);
        for device in ["alice", "bob", "carol", "dave"] {
            house.act(device, &["sync"]);
            let history = house.history(device, "Choir");
            assert!(
                history.contains(" From the new program\n"),
                "{device}: {history}"
            );
            assert!(history.contains(" Welcome\n"), "{device}: {history}");
            assert!(!history.contains("! "), "{device}: {history}");
        }
    }
}

#[test]
fn two_years_after_it_was_left_a_group_is_there_and_its_people_go_on() {
    for release in RELEASES {
        let (_folder, house) = open(release, 2 * 365 * 24 * HOUR_S);
        // What was said with a timer is gone for good.
        assert_eq!(said(&offline(&house, "alice")), "", "{release}");
        // Who is there first goes on: the others have been away for too long.
        until_heard(|_| {
            all_there(&house, &["alice"]);
            let choir = group(&house, "alice", "Choir");
            (choir["group"]["people"] == 1, format!("{release}: {choir}"))
        });
        let link = group(&house, "alice", "Choir")["group"]["link"].clone();
        let devices = ["alice", "bob", "carol"];
        until_heard(|_| {
            all_there(&house, &devices);
            let states = ["bob", "carol"].map(|device| group(&house, device, "Choir"));
            let ended = states.iter().all(|choir| choir["state"] == "left");
            (ended, format!("{release}: {states:#?}"))
        });
        assert_eq!(said(&offline(&house, "carol")), "", "{release}");
        // What Bob never got out of the house was not said, and is there to read.
        assert_eq!(said(&offline(&house, "bob")), "> Written offline to all\n");
        // The link that was made then lets them in again.
        for device in ["bob", "carol"] {
            house.act(device, &["group-join", link.as_str().unwrap()]);
        }
        let mut histories = Vec::new();
        until_heard(|round| {
            for device in devices {
                house.act(device, &["send", "Choir", &format!("{device} {round}")]);
            }
            all_there(&house, &devices);
            histories = devices
                .iter()
                .map(|device| offline(&house, device))
                .collect();
            let has = |history: &String| {
                let mut names = devices.iter();
                names.all(|name| history.contains(&format!(" {name} {round}\n")))
            };
            let heard = histories.iter().all(has);
            (heard, format!("{release}: {histories:#?}"))
        });
        assert!(histories.iter().all(|history| !history.contains("! ")));
    }
}
