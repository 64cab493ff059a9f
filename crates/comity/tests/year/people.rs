//! Ada, Ben, Cleo and later Dan: what they do in a session, and what their devices must show.
//!
//! Always holds: everything that anybody says is noted first, in the order of the log, so that a
//! timeline can be compared line by line.

#[path = "checks.rs"]
mod checks;

use crate::calendar::{Happening, Session};
use crate::world::World;
use std::collections::BTreeMap;
use std::time::Instant;

/// A person with the device they always carry.
#[derive(Debug, Clone)]
struct Person {
    name: &'static str,
    number: &'static str,
    device: &'static str,
    /// What was said with each other person before this device was there.
    since: BTreeMap<&'static str, usize>,
}

impl Person {
    fn new(name: &'static str, number: &'static str, device: &'static str) -> Self {
        Self {
            name,
            number,
            device,
            since: BTreeMap::new(),
        }
    }
}

/// What a device shows of a conversation.
#[derive(Debug, Default)]
struct Shown {
    texts: Vec<String>,
    notices: Vec<String>,
    unreadable: Vec<String>,
    /// How many texts stand above each line that says that something is missing.
    gaps: Vec<usize>,
}

impl Shown {
    /// Places of the texts shown in what was said; texts are said once.
    fn places(&self, said: &[String]) -> Vec<usize> {
        let place = |text: &String| said.iter().position(|other| other == text);
        self.texts.iter().map(|text| place(text).unwrap()).collect()
    }

    /// Nothing is out of order, and wherever something is missing a line says so, there.
    fn says_what_is_missing(&self, said: &[String], whose: &str) {
        let places = self.places(said);
        for above in 0..=places.len() {
            let from = above.checked_sub(1).map_or(0, |last| places[last] + 1);
            let until = places.get(above).copied().unwrap_or(said.len());
            assert!(from <= until, "{whose} shows lines out of order: {self:#?}");
            assert!(
                from == until || self.gaps.contains(&above),
                "{whose} misses {:#?} and says nothing there: {self:#?}",
                &said[from..until]
            );
        }
    }
}

/// The year so far.
pub(crate) struct Story {
    world: World,
    people: Vec<Person>,
    /// Both names in order, and what was said.
    said: BTreeMap<(&'static str, &'static str), Vec<String>>,
    /// Last visit of devices that are not always there, the gaps they showed, the lines they missed.
    visits: BTreeMap<&'static str, (u64, usize, usize)>,
    phrase: String,
    file: Option<String>,
    started: Instant,
}

fn pair(one: &'static str, other: &'static str) -> (&'static str, &'static str) {
    if one < other {
        (one, other)
    } else {
        (other, one)
    }
}

impl Story {
    /// Day 0: three people sign up and accept each other; Ben has a laptop that he seldom uses.
    pub(crate) fn begin() -> Self {
        let mut story = Self {
            world: World::new(),
            people: vec![
                Person::new("ada", "+12025550101", "ada-phone"),
                Person::new("ben", "+12025550102", "ben-phone"),
                Person::new("cleo", "+12025550103", "cleo-phone"),
            ],
            said: BTreeMap::new(),
            visits: BTreeMap::new(),
            phrase: String::new(),
            file: None,
            started: Instant::now(),
        };
        for person in story.people.clone() {
            story
                .world
                .register(person.device, person.number, person.name);
        }
        let told = story.world.act("cleo-phone", &["recovery-phrase"]);
        story.phrase = told[0]["phrase"].as_str().unwrap().to_owned();
        for (from, to) in [("ada", "ben"), ("cleo", "ben"), ("ada", "cleo")] {
            story.introduce(from, to);
            story.accept(to, from);
        }
        story.world.link("ben-phone", "ben-laptop");
        story.visits.insert("ben-laptop", (0, 0, 0));
        story
    }

    fn person(&self, name: &str) -> Person {
        let found = self.people.iter().find(|person| person.name == name);
        found.unwrap().clone()
    }

    /// Who has a conversation.
    fn pairs(&self) -> Vec<(Person, Person)> {
        self.said
            .keys()
            .map(|(one, other)| (self.person(one), self.person(other)))
            .collect()
    }

    fn say(&mut self, from: &'static str, device: &str, to: &'static str, text: String) {
        let number = self.person(to).number;
        self.world.act(device, &["send", number, &text]);
        self.said.entry(pair(from, to)).or_default().push(text);
    }

    fn introduce(&mut self, from: &'static str, to: &'static str) {
        let device = self.person(from).device;
        self.say(
            from,
            device,
            to,
            format!("Hello {to}, this is {from}. Shall we talk?"),
        );
    }

    fn accept(&self, who: &str, whom: &str) {
        let (who, whom) = (self.person(who), self.person(whom));
        let asked = self.world.act(who.device, &["requests"]);
        assert_eq!(asked.len(), 1, "{} was asked: {asked:?}", who.name);
        self.world.act(who.device, &["accept", whom.number]);
    }

    fn shown(&self, device: &str, with: &str) -> Shown {
        let number = self.person(with).number;
        let mut shown = Shown::default();
        for line in self
            .world
            .act(device, &["history", number, "--limit", "100000"])
        {
            let text = line["text"].as_str().unwrap().to_owned();
            match line["kind"].as_str().unwrap() {
                "notice" => {
                    if text == "gap" {
                        shown.gaps.push(shown.texts.len());
                    }
                    shown.notices.push(text);
                }
                "unreadable" => shown.unreadable.push(line.to_string()),
                _ => shown.texts.push(text),
            }
        }
        shown
    }

    /// Morning and evening of one day.
    pub(crate) fn live(&mut self, session: &Session) {
        let day = session.day;
        self.world.travel(day, 9);
        for person in self.people.clone() {
            self.world.act(person.device, &["sync"]);
        }
        self.swept();
        self.taken_out(session);
        for (one, other) in self.pairs() {
            let (one_name, other_name) = (one.name, other.name);
            self.say(
                one_name,
                one.device,
                other_name,
                format!("day {day}: {one_name} to {other_name}"),
            );
            self.say(
                other_name,
                other.device,
                one_name,
                format!("day {day}: {other_name} answers {one_name}"),
            );
        }
        for person in self.people.clone() {
            self.world.act(
                person.device,
                &["send", "me", &format!("note of day {day}")],
            );
        }
        for device in &session.others {
            self.come_by(day, device);
        }
        for event in &session.events {
            self.happen(*event);
        }
        // In the evening what had to wait a while is due: renewals of leaves above all.
        self.world.travel(day, 20);
        for person in self.people.clone() {
            self.world.act(person.device, &["sync"]);
        }
        let ben = self.person("ben").device;
        self.say("ada", "ada-phone", "ben", format!("day {day}: good night"));
        self.say("ben", ben, "ada", format!("day {day}: sleep well"));
        for device in &session.others {
            self.heard_last(device);
        }
        self.keys_are_fresh();
        eprintln!(
            "day {day}: {} people, {} kB, {:?}",
            self.people.len(),
            self.sizes_kb(),
            self.started.elapsed()
        );
    }

    fn happen(&mut self, event: Happening) {
        match event {
            Happening::File => self.send_file(),
            Happening::FileGone => self.file_is_gone(),
            Happening::Tablet => {
                self.world.link("ada-phone", "ada-tablet");
                for with in ["ben", "cleo"] {
                    let shown = self.shown("ada-tablet", with);
                    assert_eq!(shown.texts, self.said[&pair("ada", with)], "{with}");
                    assert!(shown.unreadable.is_empty(), "{shown:?}");
                }
            }
            Happening::Recovery => self.recover_cleo(),
            Happening::Stranger => {
                let dan = Person::new("dan", "+12025550104", "dan-phone");
                self.world.register(dan.device, dan.number, dan.name);
                self.world.act(
                    dan.device,
                    &["send", self.person("ada").number, "Hello Ada, Dan here."],
                );
            }
            Happening::Accepted => {
                let dan = Person::new("dan", "+12025550104", "dan-phone");
                self.people.push(dan);
                self.accept("ada", "dan");
                self.said
                    .insert(pair("ada", "dan"), vec!["Hello Ada, Dan here.".to_owned()]);
                self.world.act("dan-phone", &["sync"]);
            }
        }
    }

    fn send_file(&mut self) {
        let path = self.world.path("photo.jpg");
        std::fs::write(&path, vec![0x5a; 300_000]).unwrap();
        let ben = self.person("ben");
        let caption = "a photo of the garden";
        let sent = self.world.act(
            "ada-phone",
            &[
                "file",
                ben.number,
                path.to_str().unwrap(),
                "--caption",
                caption,
            ],
        );
        self.said
            .get_mut(&("ada", "ben"))
            .unwrap()
            .push(caption.to_owned());
        let message = sent[0]["item"]["message"].as_str().unwrap().to_owned();
        self.world.act(ben.device, &["sync"]);
        let copy = self.world.path("copy.jpg");
        let number = self.person("ada").number;
        self.world.act(
            ben.device,
            &["save", number, &message, copy.to_str().unwrap()],
        );
        assert_eq!(std::fs::read(copy).unwrap(), std::fs::read(path).unwrap());
        self.file = Some(message);
    }

    fn file_is_gone(&self) {
        let over = format!(
            "SELECT count(*) FROM blob WHERE until_ms < {}",
            self.world.now_ms()
        );
        self.world.await_count(&over, 0);
        let copy = self.world.path("late.jpg");
        let late = self.world.try_act(
            self.person("ben").device,
            &[
                "save",
                self.person("ada").number,
                self.file.as_ref().unwrap(),
                copy.to_str().unwrap(),
            ],
        );
        assert!(late.is_err(), "a file came after its lease: {late:?}");
        assert!(!copy.exists());
    }

    fn recover_cleo(&mut self) {
        let code = self.world.code_command();
        let cleo = self.person("cleo");
        let lost = self.world.act(cleo.device, &["account"])[0]["device"].clone();
        self.world.act(
            "cleo-new",
            &[
                "register",
                cleo.number,
                "--name",
                "cleo",
                "--recover",
                &self.phrase,
                "--code-command",
                &code,
            ],
        );
        self.world
            .act("cleo-new", &["remove-device", lost.as_str().unwrap()]);
        let said = self.said.clone();
        let cleo = self.people.iter_mut().find(|person| person.name == "cleo");
        let cleo = cleo.unwrap();
        cleo.device = "cleo-new";
        for with in ["ada", "ben"] {
            cleo.since.insert(with, said[&pair("cleo", with)].len());
        }
        let gone = self.world.try_act("cleo-phone", &["sync"]);
        assert!(gone.is_err(), "the lost phone still gets in: {gone:?}");
    }

    /// A device that is not always there: it reads on after up to 30 days, and after more it says
    /// that something is missing, and can read and write again.
    fn come_by(&mut self, day: u64, device: &'static str) {
        let owner = device.split('-').next().unwrap();
        let with = if owner == "ada" { "ben" } else { "ada" };
        let owner = self.person(owner).name;
        let (last, gaps_before, missed_before) =
            self.visits.get(device).copied().unwrap_or((day, 0, 0));
        let away = day - last;
        self.world.act(device, &["sync"]);
        self.say(owner, device, with, format!("day {day}: from {device}"));
        let shown = self.shown(device, with);
        assert!(
            shown.unreadable.is_empty(),
            "{device}, away for {away} days: {:?}",
            shown.unreadable
        );
        let said = &self.said[&pair(owner, with)];
        shown.says_what_is_missing(said, device);
        let missed = said.len() - shown.texts.len();
        assert!(
            away > 30 || (missed <= missed_before && shown.gaps.len() <= gaps_before),
            "{device} was away for {away} days only: {shown:#?}"
        );
        self.visits.insert(device, (day, shown.gaps.len(), missed));
    }

    fn heard_last(&mut self, device: &'static str) {
        let owner = device.split('-').next().unwrap();
        let with = if owner == "ada" { "ben" } else { "ada" };
        let shown = self.shown(device, with);
        let said = &self.said[&("ada", "ben")];
        let tail = said.len() - 2;
        assert!(
            shown.texts.ends_with(&said[tail..]),
            "{device} does not hear: {shown:#?}"
        );
    }
}
