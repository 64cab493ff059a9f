//! Names that people give themselves and their groups, as far as there is something to see of them.
//!
//! Always holds: a name that shows nothing is none, so that what stands in its place (a number, an
//! address) is shown. Deliberately absent: how a screen keeps a name from steering it.

/// Whether nothing of it would be seen: spaces, marks of direction and joiners only.
pub(crate) fn is_blank(name: &str) -> bool {
    name.chars().all(shows_nothing)
}

/// The name, or none.
pub(crate) fn shown(name: &str) -> &str {
    if is_blank(name) { "" } else { name }
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
