//! Names that people give themselves and their groups, as far as there is something to see of them.
//!
//! Always holds: a name that shows nothing is none, so that what stands in its place (a number, an
//! address) is shown. Deliberately absent: how a screen keeps a name from steering it; letters of
//! another script that look alike.

use comity_wire::Address;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Whether nothing of it would be seen: spaces, marks of direction and joiners only.
pub(crate) fn is_blank(name: &str) -> bool {
    name.chars().all(shows_nothing)
}

/// The name, or none.
pub(crate) fn shown(name: &str) -> &str {
    if is_blank(name) { "" } else { name }
}

/// Somebody, and what they are called.
pub(crate) struct Called {
    pub(crate) address: Address,
    pub(crate) shown: String,
    /// How well this account knows them: 2 compared, 1 agreed to talk, 0 neither.
    pub(crate) known: u8,
}

/// A name as an eye takes it: without case, and without what shows nothing.
fn as_seen(name: &str) -> String {
    let seen = name.chars().filter(|c| !shows_nothing(*c));
    seen.flat_map(char::to_lowercase).collect()
}

/// Names that stand for one person each: whoever shares a name has the beginning of the address behind it,
/// but for the one who is known better than all others of that name.
pub(crate) fn told_apart(all: Vec<Called>) -> Vec<(Address, String)> {
    let mut of_name: BTreeMap<String, (u8, usize, usize)> = BTreeMap::new();
    for called in &all {
        let (best, of_them, people) = of_name.entry(as_seen(&called.shown)).or_default();
        *people += 1;
        match called.known.cmp(best) {
            Ordering::Greater => (*best, *of_them) = (called.known, 1),
            Ordering::Equal => *of_them += 1,
            Ordering::Less => {}
        }
    }
    let apart = all.into_iter().map(|called| {
        let (best, of_them, people) = of_name
            .get(&as_seen(&called.shown))
            .copied()
            .unwrap_or_default();
        let is_the_one = called.known > 0 && called.known == best && of_them == 1;
        let shown = if people < 2 || is_the_one {
            called.shown
        } else {
            format!("{} ({})", called.shown, crate::shortened(&called.address))
        };
        (called.address, shown)
    });
    apart.collect()
}

/// White space, controls, and what Unicode calls ignorable where nothing supports it, with the
/// fillers and blanks that fonts draw as nothing.
fn shows_nothing(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\u{AD}'
                | '\u{34F}'
                | '\u{61C}'
                | '\u{115F}'..='\u{1160}'
                | '\u{17B4}'..='\u{17B5}'
                | '\u{180B}'..='\u{180F}'
                | '\u{200B}'..='\u{200F}'
                | '\u{2028}'..='\u{202E}'
                | '\u{2060}'..='\u{206F}'
                | '\u{2800}'
                | '\u{3164}'
                | '\u{FE00}'..='\u{FE0F}'
                | '\u{FEFF}'
                | '\u{FFA0}'
                | '\u{FFF0}'..='\u{FFF8}'
                | '\u{1BCA0}'..='\u{1BCA3}'
                | '\u{1D173}'..='\u{1D17A}'
                | '\u{E0000}'..='\u{E0FFF}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_shares_a_name_is_told_apart() {
        let called = |digit: &str, shown: &str, known: u8| Called {
            address: format!("{}@chat.example", digit.repeat(32))
                .parse()
                .unwrap(),
            shown: shown.to_owned(),
            known,
        };
        let shown = |all: Vec<Called>| -> Vec<String> {
            told_apart(all)
                .into_iter()
                .map(|(_, shown)| shown)
                .collect()
        };
        // A stranger takes the name of somebody whom this account has compared, or agreed to talk with.
        for known in [2, 1] {
            let all = vec![
                called("1", "Alice", known),
                called("2", "\u{200B}alice ", 0),
            ];
            assert_eq!(shown(all), ["Alice", "\u{200B}alice  (22222222…)"]);
        }
        // Of two who are known alike neither has it, and a third is not taken for one of them.
        let all = vec![
            called("1", "Bob", 1),
            called("2", "Bob", 1),
            called("3", "Bob", 0),
        ];
        assert_eq!(
            shown(all),
            ["Bob (11111111…)", "Bob (22222222…)", "Bob (33333333…)"]
        );
        let all = vec![called("1", "Eve", 0), called("2", "Zoe", 0)];
        assert_eq!(shown(all), ["Eve", "Zoe"]);
    }

    #[test]
    fn what_shows_nothing_is_no_name() {
        for blank in [
            "",
            " ",
            "\u{200B}\u{200D}",
            "\u{202E}\u{202C}",
            "\u{3164}",
            "\u{2066} \u{2069}",
        ] {
            assert!(is_blank(blank), "{blank:?}");
            assert_eq!(shown(blank), "");
        }
        for name in [
            "A",
            "Åse",
            "👩\u{200D}👩\u{200D}👧",
            "\u{202E}nA",
            "שלום",
            ".",
        ] {
            assert!(!is_blank(name), "{name:?}");
            assert_eq!(shown(name), name);
        }
    }
}
