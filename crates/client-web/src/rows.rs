//! What changed in a list, told so that a screen touches only what is different.
//!
//! Always holds: applied to the rows told before, a change gives the rows as they are now, and no
//! fewer rows stay where they are than could. Deliberately absent: what the rows mean.

use crate::boundary::{Row, Rows};
use serde_json::Value;
use std::collections::{HashMap, HashSet};

/// The rows that a tab was told: key and what it shows.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Told(Vec<(String, Value)>);

impl Told {
    /// Tells `now` in place of what was told before; absent when nothing is different.
    pub(crate) fn change(&mut self, now: Vec<(String, Value)>) -> Option<Rows> {
        if self.0 == now {
            return None;
        }
        let rows = difference(&self.0, &now);
        self.0 = now;
        Some(rows)
    }

    /// What was told.
    pub(crate) fn rows(&self) -> &[(String, Value)] {
        &self.0
    }

    /// One row shows something else in its place.
    pub(crate) fn set(&mut self, at: usize, now: Value) {
        if let Some(kept) = self.0.get_mut(at) {
            kept.1 = now;
        }
    }

    /// A row behind all others.
    pub(crate) fn push(&mut self, key: &str, now: Value) {
        self.0.push((key.to_owned(), now));
    }

    /// The first row goes.
    pub(crate) fn take_first(&mut self) -> Option<(String, Value)> {
        (!self.0.is_empty()).then(|| self.0.remove(0))
    }

    /// Tells one row as it is now, absent when it is gone, in its place among the others, which stand as
    /// `before` has them; absent when nothing is different.
    pub(crate) fn replace(
        &mut self,
        key: &str,
        now: Option<Value>,
        before: impl Fn(&Value, &Value) -> bool,
    ) -> Option<Rows> {
        let mut rows = Rows::default();
        let was = self.0.iter().position(|(other, _)| other == key);
        if let (Some(was), Some(now)) = (was, &now) {
            let stood = self.0.get(was).map(|(_, value)| value)?;
            if stood == now {
                return None;
            }
            let above = was.checked_sub(1).and_then(|at| self.0.get(at));
            let stays = above.is_none_or(|(_, above)| before(above, now))
                && self
                    .0
                    .get(was + 1)
                    .is_none_or(|(_, below)| before(now, below));
            if stays {
                rows.set.push(row(was, key, now));
                self.set(was, now.clone());
                return Some(rows);
            }
        }
        if let Some(was) = was {
            self.0.remove(was);
            rows.gone.push(key.to_owned());
        }
        if let Some(now) = now {
            let at = self.0.partition_point(|(_, other)| before(other, &now));
            rows.put.push(row(at, key, &now));
            self.0.insert(at, (key.to_owned(), now));
        }
        (rows != Rows::default()).then_some(rows)
    }
}

pub(crate) fn row(at: usize, key: &str, shows: &Value) -> Row {
    Row {
        at: u32::try_from(at).unwrap_or(u32::MAX),
        key: key.to_owned(),
        row: shows.clone(),
    }
}

fn difference(before: &[(String, Value)], now: &[(String, Value)]) -> Rows {
    let places: HashMap<&str, usize> = before
        .iter()
        .enumerate()
        .map(|(at, (key, _))| (key.as_str(), at))
        .collect();
    let common: Vec<usize> = now
        .iter()
        .filter_map(|(key, _)| places.get(key.as_str()).copied())
        .collect();
    let staying: HashSet<usize> = longest_rising(&common).into_iter().collect();
    let mut rows = Rows::default();
    for (at, (key, _)) in before.iter().enumerate() {
        if !staying.contains(&at) {
            rows.gone.push(key.clone());
        }
    }
    for (at, (key, value)) in now.iter().enumerate() {
        let row = || row(at, key, value);
        match places.get(key.as_str()) {
            Some(place) if staying.contains(place) => {
                if before.get(*place).is_some_and(|(_, old)| old != value) {
                    rows.set.push(row());
                }
            }
            _ => rows.put.push(row()),
        }
    }
    rows
}

/// A longest subsequence that rises (patience sorting, Fredman 1975).
fn longest_rising(numbers: &[usize]) -> Vec<usize> {
    // The end of the best run of each length, and for each number the one before it in its run.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: HashMap<usize, usize> = HashMap::new();
    for &number in numbers {
        let length = ends.partition_point(|end| *end < number);
        if let Some(last) = length.checked_sub(1).and_then(|at| ends.get(at)) {
            before.insert(number, *last);
        }
        match ends.get_mut(length) {
            Some(end) => *end = number,
            None => ends.push(number),
        }
    }
    let mut run = Vec::new();
    let mut at = ends.last().copied();
    while let Some(number) = at {
        run.push(number);
        at = before.get(&number).copied();
    }
    run.reverse();
    run
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) type List = Vec<(String, Value)>;

    fn list(rows: &[(&str, u64)]) -> List {
        rows.iter()
            .map(|(key, shows)| ((*key).to_owned(), Value::from(*shows)))
            .collect()
    }

    /// As `web/src/core/rows.ts` does it.
    pub(crate) fn apply(mut rows: List, change: &Rows) -> List {
        rows.retain(|(key, _)| !change.gone.contains(key));
        for row in &change.put {
            rows.insert(row.at as usize, (row.key.clone(), row.row.clone()));
        }
        for row in &change.set {
            rows[row.at as usize] = (row.key.clone(), row.row.clone());
        }
        rows
    }

    #[test]
    fn a_conversation_that_comes_to_the_top_is_all_that_moves() {
        let mut told = Told::default();
        told.change(list(&[("a", 1), ("b", 1), ("c", 1)]));
        let change = told.change(list(&[("c", 2), ("a", 1), ("b", 1)])).unwrap();
        assert_eq!(change.gone, ["c"]);
        assert_eq!(change.put.len(), 1);
        assert!(change.set.is_empty());
        assert_eq!(told.change(list(&[("c", 2), ("a", 1), ("b", 1)])), None);
    }

    #[test]
    fn one_row_changes_comes_and_goes_in_its_place() {
        let before = |one: &Value, other: &Value| one.as_u64() > other.as_u64();
        let mut told = Told::default();
        told.change(list(&[("a", 9), ("b", 7), ("c", 5)]));
        let mut screen = told.0.clone();
        for (key, now, expected) in [
            ("b", Some(8), [("a", 9), ("b", 8), ("c", 5)].as_slice()),
            ("c", Some(20), &[("c", 20), ("a", 9), ("b", 8)]),
            ("d", Some(1), &[("c", 20), ("a", 9), ("b", 8), ("d", 1)]),
            ("a", None, &[("c", 20), ("b", 8), ("d", 1)]),
            ("c", Some(2), &[("b", 8), ("c", 2), ("d", 1)]),
        ] {
            let change = told.replace(key, now.map(Value::from), before).unwrap();
            screen = apply(screen, &change);
            assert_eq!(screen, list(expected));
            assert_eq!(told.0, screen);
        }
        assert_eq!(told.replace("c", Some(Value::from(2)), before), None);
        assert_eq!(told.replace("z", None, before), None);
    }

    #[test]
    fn any_list_becomes_any_other() {
        let mut seed = 0x2545_f491_4f6c_dd1d_u64;
        let mut draw = |below: u64| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            seed % below
        };
        let mut told = Told::default();
        let mut screen = List::new();
        for _ in 0..2_000 {
            let mut now = List::new();
            for _ in 0..draw(12) {
                let key = format!("k{}", draw(15));
                if !now.iter().any(|(other, _)| *other == key) {
                    now.push((key, Value::from(draw(3))));
                }
            }
            match told.change(now.clone()) {
                Some(change) => screen = apply(screen, &change),
                None => assert_eq!(screen, now),
            }
            assert_eq!(screen, now);
        }
    }
}
