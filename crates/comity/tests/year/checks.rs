//! What must hold in a session, on the server and on devices, and at the end of the year.

use super::{Story, pair};
use crate::calendar::Session;
use std::time::{Duration, Instant};

impl Story {
    /// Of devices that were away for too long, no leaf is left once the others were there.
    pub(super) fn taken_out(&self, session: &Session) {
        for (device, (last, _, _)) in &self.visits {
            if session.day - last <= 30 {
                continue;
            }
            let account = self.person(device.split('-').next().unwrap());
            let id = self.world.act(account.device, &["account"])[0]["devices"]
                .as_array()
                .unwrap()
                .iter()
                .find(|listed| listed["name"] == *device)
                .unwrap()["device"]
                .as_str()
                .unwrap()
                .to_owned();
            let seats = format!(
                "SELECT count(*) FROM seat s JOIN log l ON l.id = s.log
                 WHERE s.device = x'{id}' AND s.removed IS NULL AND l.kind <> 0"
            );
            let end = Instant::now() + Duration::from_secs(20);
            while self.world.count(&seats) > 0 {
                assert!(Instant::now() < end, "{device} is stale and still a member");
                // Somebody of each conversation commits the removal, after a moment of chance.
                std::thread::scope(|scope| {
                    for person in &self.people {
                        let sync = || self.world.act(person.device, &["sync", "--stay", "2"]);
                        scope.spawn(sync);
                    }
                });
            }
        }
    }

    /// What is over is gone from the server.
    pub(super) fn swept(&self) {
        let now = self.world.now_ms();
        let before = now - 30 * 24 * 3_600_000;
        for sql in [
            format!("SELECT count(*) FROM entry WHERE at_ms < {before}"),
            format!("SELECT count(*) FROM welcome WHERE at_ms < {before}"),
            format!("SELECT count(*) FROM key_package WHERE expires_ms < {now}"),
            format!("SELECT count(*) FROM registration WHERE expires_ms < {now} - 86400000"),
            format!("SELECT count(*) FROM introduction WHERE at_ms < {before}"),
            "SELECT count(*) FROM outbox".to_owned(),
        ] {
            self.world.await_count(&sql, 0);
        }
    }

    /// Everybody who was there today can be added and written to for the next 29 days.
    pub(super) fn keys_are_fresh(&self) {
        let now = self.world.now_ms();
        let (day, week) = (24 * 3_600_000, 7 * 24 * 3_600_000_i64);
        for person in &self.people {
            let id = self.world.act(person.device, &["account"])[0]["device"]
                .as_str()
                .unwrap()
                .to_owned();
            let one_time = self.world.count(&format!(
                "SELECT count(*) FROM key_package WHERE device = x'{id}' AND last_resort = 0
                 AND expires_ms > {now} + {day}"
            ));
            assert!(
                (10..=100).contains(&one_time),
                "{}: {one_time}",
                person.name
            );
            let last = self.world.count(&format!(
                "SELECT count(*) FROM key_package WHERE device = x'{id}' AND last_resort = 1
                 AND expires_ms > {now} + 2 * {week}"
            ));
            assert_eq!(last, 1, "{}'s last-resort key package", person.name);
        }
    }

    pub(super) fn sizes_kb(&self) -> String {
        let size = |name: &str| {
            std::fs::metadata(self.world.path(name)).map_or(0, |meta| meta.len() / 1024)
        };
        format!(
            "server {}, ada {}, ben {}",
            size("server/comity.sqlite"),
            size("ada-phone/store.db"),
            size("ben-phone/store.db")
        )
    }

    /// The end of the year: everybody has everything, in order, and can write to everybody.
    pub(crate) fn look_back(mut self) {
        for (one, other) in self.pairs() {
            for (person, with) in [(&one, &other), (&other, &one)] {
                let shown = self.shown(person.device, with.name);
                let since = person.since.get(with.name).copied().unwrap_or(0);
                let said = &self.said[&pair(one.name, other.name)];
                assert_eq!(
                    shown.texts,
                    said[since..],
                    "{} and {}",
                    person.name,
                    with.name
                );
                assert!(shown.unreadable.is_empty(), "{shown:?}");
                assert!(
                    since > 0 || shown.gaps.is_empty(),
                    "{} misses something: {shown:#?}",
                    person.device
                );
            }
        }
        self.grew_little();
        for (one, other) in self.pairs() {
            let text = format!("happy new year, {}", other.name);
            self.say(one.name, one.device, other.name, text.clone());
            let shown = self.shown(other.device, one.name);
            assert_eq!(shown.texts.last(), Some(&text));
        }
    }
    /// Keys of the past, cursors, trails and transfers do not pile up on a device.
    fn grew_little(&self) {
        let conn = self.world.store("ada-phone");
        let counts = crate::store::rows(&conn);
        eprintln!("rows of Ada's phone: {counts:?}");
        let conversations = counts.iter().find(|(_, name)| name == "conversation");
        let conversations = conversations.unwrap().0;
        for (count, name) in counts {
            let most = match name.as_str() {
                // Key packages of two months, each with its end.
                "mls" => 500 + 40 * conversations,
                "trail" => 70 * conversations,
                "message" => continue,
                _ => 30 * conversations,
            };
            assert!(count <= most, "{count} rows of {name}");
        }
    }
}
