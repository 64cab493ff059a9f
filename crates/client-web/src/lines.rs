//! One line of a conversation that changed, or came: told without reading the whole window again.
//!
//! Always holds: what is told is what reading the window would have told; where a line's place is not
//! certain from what it says itself, the window is read. Deliberately absent: lines that went, since
//! another comes into the window for each.

use crate::boundary::Rows;
use crate::rows::{Told, row};
use serde_json::Value;

/// What of a conversation a tab watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Window {
    /// Its newest lines, so many at most.
    Newest(usize),
    /// The first lines behind one, so many at most.
    Behind(usize),
    /// Lines before one.
    Before,
}

/// What came of telling a line.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Revised {
    /// Nothing is different.
    Same,
    /// This is.
    Rows(Rows),
    /// The window is to be read.
    Unsure,
}

/// Where a line stands: by its entry, or behind all entries while it waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stands {
    At(u64),
    Waiting,
}

/// Absent for lines that do not say: those that failed, and those of before the first entry.
fn stands(line: &Value) -> Option<Stands> {
    if let Some(seq) = line.get("seq").and_then(Value::as_u64) {
        return Some(Stands::At(seq));
    }
    let waits = line.get("status").and_then(Value::as_str) == Some("queued");
    waits.then_some(Stands::Waiting)
}

/// The keys of lines that quote this one: what they show of it may be another.
pub(crate) fn quoting<'a>(told: &'a Told, key: &'a str) -> impl Iterator<Item = &'a str> {
    told.rows().iter().filter_map(move |(other, line)| {
        let quoted = line.get("quote")?.get("message")?.as_str()?;
        (quoted == key).then_some(other.as_str())
    })
}

/// Tells a line as it is now.
pub(crate) fn revise(told: &mut Told, key: &str, now: Value, window: Window) -> Revised {
    let at = told.rows().iter().position(|(other, _)| other == key);
    match at {
        Some(at) => changed(told, at, key, now, window),
        None => came(told, key, now, window),
    }
}

fn changed(told: &mut Told, at: usize, key: &str, now: Value, window: Window) -> Revised {
    let all = told.rows();
    let Some((_, stood)) = all.get(at) else {
        return Revised::Unsure;
    };
    if *stood == now {
        return Revised::Same;
    }
    let Some(place) = stands(&now) else {
        return Revised::Unsure;
    };
    if stands(stood) != Some(place) {
        let above = at.checked_sub(1).and_then(|above| all.get(above));
        let below = all.get(at + 1);
        let behind = above
            .and_then(|(_, line)| stands(line))
            .is_some_and(|above| above < place);
        let before = match below {
            Some((_, line)) => stands(line).is_some_and(|below| place < below),
            None => has_the_end(window, all.len()),
        };
        if !behind || !before {
            return Revised::Unsure;
        }
    }
    let mut rows = Rows::default();
    rows.set.push(row(at, key, &now));
    told.set(at, now);
    Revised::Rows(rows)
}

fn came(told: &mut Told, key: &str, now: Value, window: Window) -> Revised {
    let all = told.rows();
    let newest = all.last().and_then(|(_, line)| stands(line));
    let (Some(place), Some(newest)) = (stands(&now), newest) else {
        return Revised::Unsure;
    };
    // Of lines that wait the one that was written last stands last.
    if place < newest || (place == newest && place != Stands::Waiting) {
        return Revised::Unsure;
    }
    let mut rows = Rows::default();
    match window {
        Window::Newest(limit) if all.len() >= limit => {
            // Where more wait than are in the window it may be one from before it.
            let first = all.first().and_then(|(_, line)| stands(line));
            if place == Stands::Waiting && !matches!(first, Some(Stands::At(_))) {
                return Revised::Unsure;
            }
            let Some((first, _)) = told.take_first() else {
                return Revised::Unsure;
            };
            rows.gone.push(first);
        }
        Window::Newest(_) => {}
        Window::Behind(limit) if all.len() >= limit => return Revised::Same,
        Window::Behind(_) => {}
        Window::Before => return Revised::Unsure,
    }
    rows.put.push(row(told.rows().len(), key, &now));
    told.push(key, now);
    Revised::Rows(rows)
}

/// Whether nothing of the conversation stands behind the window.
fn has_the_end(window: Window, lines: usize) -> bool {
    match window {
        Window::Newest(_) => true,
        Window::Behind(limit) => lines < limit,
        Window::Before => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A line in the store: its row's number there, its entry, what it says and quotes.
    #[derive(Clone)]
    struct Line {
        row: u64,
        seq: Option<u64>,
        failed: bool,
        text: u64,
    }

    impl Line {
        fn key(&self) -> String {
            format!("m{}", self.row)
        }

        fn shown(&self) -> Value {
            let status = match (self.failed, self.seq) {
                (true, _) => "failed",
                (false, None) => "queued",
                (false, Some(_)) => "sent",
            };
            let seq = self.seq.filter(|seq| *seq > 0 && !self.failed);
            json!({ "seq": seq, "status": status, "text": self.text })
        }
    }

    fn place(line: &Line) -> (u64, u64) {
        (line.seq.unwrap_or(u64::MAX), line.row)
    }

    /// As the core reads it.
    fn read(store: &[Line], window: Window, from: (u64, u64)) -> Vec<(String, Value)> {
        let mut all: Vec<&Line> = store.iter().collect();
        all.sort_by_key(|line| place(line));
        let shown = |line: &&Line| (line.key(), line.shown());
        match window {
            Window::Newest(limit) => {
                let from = all.len().saturating_sub(limit);
                all[from..].iter().map(shown).collect()
            }
            Window::Behind(limit) => {
                let behind = all.iter().filter(|line| place(line) > from);
                behind.take(limit).map(shown).collect()
            }
            Window::Before => {
                let before = all.iter().filter(|line| place(line) < from);
                before.map(shown).collect()
            }
        }
    }

    /// As `web/src/core/rows.ts` does it.
    fn apply(screen: &mut Vec<(String, Value)>, change: &Rows) {
        screen.retain(|(key, _)| !change.gone.contains(key));
        for row in &change.put {
            screen.insert(row.at as usize, (row.key.clone(), row.row.clone()));
        }
        for row in &change.set {
            screen[row.at as usize] = (row.key.clone(), row.row.clone());
        }
    }

    #[test]
    fn whatever_happens_to_a_line_is_told_as_reading_would_tell_it() {
        let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
        let mut draw = |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        let windows = [Window::Newest(4), Window::Behind(4), Window::Before];
        let (mut told_alone, mut read_again) = (0, 0);
        for round in 0..300 {
            let window = windows[round % windows.len()];
            let mut store: Vec<Line> = (1..=3)
                .map(|row| Line {
                    row,
                    seq: Some(row),
                    failed: false,
                    text: 0,
                })
                .collect();
            let from = (2, 2);
            let mut told = Told::default();
            let mut screen = Vec::new();
            if let Some(rows) = told.change(read(&store, window, from)) {
                apply(&mut screen, &rows);
            }
            let mut head = 3;
            for row in 4..40 {
                let changed = match draw(6) {
                    // Somebody writes.
                    0 | 1 => {
                        store.push(Line {
                            row,
                            seq: None,
                            failed: false,
                            text: 0,
                        });
                        store.len() - 1
                    }
                    // Somebody else is heard.
                    2 => {
                        head += 1 + draw(2);
                        store.push(Line {
                            row,
                            seq: Some(head),
                            failed: false,
                            text: 0,
                        });
                        store.len() - 1
                    }
                    // What waits is taken, or fails, and is tried again; anything is edited.
                    what => {
                        let at = draw(store.len() as u64) as usize;
                        let line = &mut store[at];
                        match (what, line.seq) {
                            (3 | 4, None) if !line.failed => {
                                head += 1;
                                line.seq = Some(head);
                            }
                            (5, None) => line.failed = !line.failed,
                            _ => line.text += 1,
                        }
                        at
                    }
                };
                let line = store[changed].clone();
                let whole = read(&store, window, from);
                match revise(&mut told, &line.key(), line.shown(), window) {
                    Revised::Same => told_alone += 1,
                    Revised::Rows(rows) => {
                        told_alone += 1;
                        apply(&mut screen, &rows);
                    }
                    Revised::Unsure => {
                        read_again += 1;
                        if let Some(rows) = told.change(whole.clone()) {
                            apply(&mut screen, &rows);
                        }
                    }
                }
                assert_eq!(
                    screen,
                    whole,
                    "round {round}, {window:?}, line {}",
                    line.key()
                );
                assert_eq!(told.rows(), screen);
            }
        }
        assert!(told_alone > 3_000, "{told_alone} told, {read_again} read");
    }

    #[test]
    fn of_an_ordinary_talk_no_window_is_read_again() {
        let (mut told, window) = (Told::default(), Window::Newest(4));
        let line = |row, seq| Line {
            row,
            seq,
            failed: false,
            text: 0,
        };
        told.change(
            (1..=4)
                .map(|row| (line(row, Some(row)).key(), line(row, Some(row)).shown()))
                .collect(),
        );
        for row in 5..60 {
            // Every third line is another's; own ones wait, then are taken.
            let steps = if row % 3 == 0 {
                vec![Some(row)]
            } else {
                vec![None, Some(row)]
            };
            for seq in steps {
                let line = line(row, seq);
                let revised = revise(&mut told, &line.key(), line.shown(), window);
                assert!(matches!(revised, Revised::Rows(_)), "{row} {seq:?}");
            }
            let keys: Vec<&str> = told.rows().iter().map(|(key, _)| key.as_str()).collect();
            let newest: Vec<String> = (row - 3..=row).map(|row| format!("m{row}")).collect();
            assert_eq!(keys, newest);
        }
    }

    #[test]
    fn what_quotes_a_line_is_told_with_it() {
        let mut told = Told::default();
        told.change(vec![
            ("m1".to_owned(), json!({ "text": "Six?" })),
            (
                "m2".to_owned(),
                json!({ "quote": { "message": "m1", "preview": "Six?" } }),
            ),
            (
                "m3".to_owned(),
                json!({ "quote": { "message": null, "preview": "Six?" } }),
            ),
        ]);
        assert_eq!(quoting(&told, "m1").collect::<Vec<_>>(), ["m2"]);
        assert_eq!(quoting(&told, "m2").count(), 0);
    }
}
