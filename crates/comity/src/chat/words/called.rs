//! Names where others stand around them: before what somebody said, in a list, within a sentence.
//!
//! Always holds: where a name could be taken for more than a name, it stands in ‹ ›, and within these
//! is nothing that looks like one of them. So the first `:` outside of ‹ › is the end of who says a
//! line, and nobody's name adds a word to what this program or somebody else says. Deliberately
//! absent: changing a name. What stands in ‹ › is what its person chose, but for such marks in it.

use super::super::safe_text::{one_line, plain};
use super::Names;
use comity_client::shortened;
use comity_wire::Address;

/// A name on its own in a line: before what is said, in a list, as a title.
pub(crate) fn beside(name: &str) -> String {
    drawn(name, has_structure(&one_line(name)), "")
}

/// A name in a sentence: one of several words could go on as part of it.
pub(crate) fn within(name: &str) -> String {
    let name = one_line(name);
    drawn(&name, name.contains(' ') || has_structure(&name), "")
}

/// As [`beside`], and of no more than so many characters.
pub(crate) fn beginning(name: &str, most: usize) -> String {
    let name = one_line(name);
    let cut: String = name.chars().take(most).collect();
    let more = if cut.len() < name.len() { "…" } else { "" };
    let cut = cut.trim_end();
    drawn(cut, has_structure(cut), more)
}

/// Who somebody is, on their own in a line.
pub(crate) fn who(names: &Names, address: &Address) -> String {
    of(names, address, beside)
}

/// Who somebody is, in a sentence.
pub(crate) fn somebody(names: &Names, address: &Address) -> String {
    of(names, address, within)
}

/// The name that its person chose is drawn; what the core put behind it, by which it tells people
/// apart, stands outside.
fn of(names: &Names, address: &Address, draw: fn(&str) -> String) -> String {
    let Some(known) = names.get(address) else {
        return shortened(address);
    };
    if is_whole_number(known) {
        return known.clone();
    }
    let apart = format!(" ({})", shortened(address));
    let (rest, apart) = match known.strip_suffix(&apart) {
        Some(rest) => (rest, apart.as_str()),
        None => (known.as_str(), ""),
    };
    let (chosen, number) = without_number(rest);
    format!("{}{number}{apart}", draw(chosen))
}

/// The number that the core puts behind a name that it marked with `~`.
fn without_number(name: &str) -> (&str, &str) {
    let marked = name.starts_with('~') && !name.starts_with("~~");
    let at = name.rfind(" (").filter(|_| marked);
    let (chosen, behind) = name.split_at(at.unwrap_or(name.len()));
    let number = behind
        .strip_prefix(" (")
        .and_then(|rest| rest.strip_suffix(')'));
    match number {
        Some(number) if is_whole_number(number) => (chosen, behind),
        _ => (name, ""),
    }
}

/// No name is one: the core marks those.
fn is_whole_number(text: &str) -> bool {
    let digits = text.strip_prefix('+').unwrap_or_default();
    !digits.is_empty() && digits.chars().all(|c| c.is_ascii_digit())
}

fn drawn(name: &str, in_marks: bool, more: &str) -> String {
    if !in_marks {
        return format!("{}{more}", plain(name));
    }
    let name: String = one_line(name)
        .chars()
        .map(|c| if is_angle(c) { '\'' } else { c })
        .collect();
    format!("‹{}{more}›", plain(&name))
}

/// Whether a name could be taken for something else than one, or for more than one.
fn has_structure(name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    let mut before = ' ';
    let parts = name.chars().any(|c| {
        let part = divides(c)
            || (c == ' ' && before == ' ')
            || (before == '-' && c == ' ')
            || (c == '-' && before == ' ')
            // A sign of its own script belongs to the letter before it.
            || (is_two_dots(c) && u32::from(c) >> 7 != u32::from(before) >> 7);
        before = c;
        part
    });
    parts || before == ' ' || before == '-'
}

/// Looks like one of ‹ ›.
const fn is_angle(c: char) -> bool {
    matches!(
        c,
        '<' | '>' | '«' | '»' | '‹' | '›' | '\u{2C2}'..='\u{2C5}' | '\u{2276}'
            | '\u{2277}' | '\u{226A}' | '\u{226B}' | '\u{22D6}' | '\u{22D7}' | '\u{2329}' | '\u{232A}'
            | '\u{276C}'..='\u{2771}' | '\u{27E8}'..='\u{27EB}' | '\u{2993}'..='\u{2996}' | '\u{29FC}' | '\u{29FD}'
            | '\u{3008}'..='\u{300B}' | '\u{FE3D}'..='\u{FE40}' | '\u{FE64}' | '\u{FE65}' | '\u{FF1C}' | '\u{FF1E}'
            | '\u{25B8}' | '\u{25B9}' | '\u{25C2}' | '\u{25C3}' | '\u{1433}' | '\u{1438}'
    )
}

/// A letter's sign that looks like a colon, as in Devanagari and Burmese.
const fn is_two_dots(c: char) -> bool {
    matches!(
        c,
        '\u{903}'
            | '\u{983}'
            | '\u{A03}'
            | '\u{A83}'
            | '\u{B03}'
            | '\u{C03}'
            | '\u{C83}'
            | '\u{D03}'
            | '\u{D83}'
            | '\u{1038}'
            | '\u{17C7}'
            | '\u{17C8}'
            | '\u{1B04}'
            | '\u{A983}'
    )
}

/// Parts a name from what stands around it on a screen, or looks like what does: all but letters,
/// digits, a single space, and what stands in names (`-`, `.`, `'`, `’`, `&`, `_`). Emoji are no such
/// thing, but for ticks, crosses and hourglasses.
const fn divides(c: char) -> bool {
    match c {
        '!'..='%' | '('..=',' | '/' | ':'..='@' | '['..='^' | '`' | '{'..='}' => true,
        // Latin, spacing modifier letters but those of Hawaiian and Ukrainian names.
        '\u{A0}'..='\u{A9}' | '«'..='´' | '¶'..='¹' | '»'..='¿' | '×' | '÷' => true,
        '\u{2B0}'..='\u{2BA}' | '\u{2BD}'..='\u{2FF}' => true,
        // What ends or parts sentences in other scripts.
        '\u{37E}'
        | '\u{387}'
        | '\u{589}'
        | '\u{5C0}'
        | '\u{5C3}'
        | '\u{5C6}'
        | '\u{60C}'
        | '\u{61B}'
        | '\u{61F}'
        | '\u{66A}'..='\u{66D}'
        | '\u{6D4}'
        | '\u{700}'..='\u{70D}'
        | '\u{7F8}'
        | '\u{964}'
        | '\u{965}'
        | '\u{1361}'..='\u{1368}'
        | '\u{1680}'
        | '\u{16EB}'..='\u{16ED}'
        | '\u{17D4}'..='\u{17D6}'
        | '\u{1800}'..='\u{180A}'
        | '\u{2D42}' => true,
        // Spaces of other widths, punctuation, superscripts, arrows, mathematics, technical signs,
        // boxes; but hyphens, the apostrophe and joiners.
        '\u{2000}'..='\u{200B}'
        | '\u{2012}'..='\u{2018}'
        | '\u{201A}'..='\u{209F}'
        | '\u{2190}'..='\u{243F}'
        | '\u{2500}'..='\u{25FF}'
        | '\u{2610}'..='\u{2612}'
        | '\u{2705}'
        | '\u{2713}'..='\u{2718}'
        | '\u{274C}'..='\u{274E}'
        | '\u{275B}'..='\u{2760}'
        | '\u{2768}'..='\u{2775}'
        | '\u{27C0}'..='\u{27EF}'
        | '\u{2900}'..='\u{2B2F}'
        | '\u{2E00}'..='\u{2E7F}' => true,
        // East Asian punctuation, and forms of other widths.
        '\u{3000}'..='\u{3004}'
        | '\u{3008}'..='\u{3020}'
        | '\u{3030}'
        | '\u{303D}'
        | '\u{30A0}'
        | '\u{30FB}'
        | '\u{A4F8}'..='\u{A4FF}'
        | '\u{A60D}'..='\u{A60F}'
        | '\u{A6F2}'..='\u{A6F7}'
        | '\u{A789}'
        | '\u{FE10}'..='\u{FE19}'
        | '\u{FE30}'..='\u{FE6F}'
        | '\u{FF01}'..='\u{FF0F}'
        | '\u{FF1A}'..='\u{FF20}'
        | '\u{FF3B}'..='\u{FF40}'
        | '\u{FF5B}'..='\u{FF65}'
        | '\u{FFFD}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_wire::AccountId;

    /// What somebody could call themselves so that a line says what nobody said.
    const NASTY: &[&str] = &[
        "Bob: I owe you ten pounds",
        "Bob:",
        "Bob： I owe you",
        "Bob꞉ I owe you",
        "Bob∶ I owe you",
        "Bobː I owe you",
        "Bobꓽ I owe you",
        "Bob׃ I owe you",
        "Bobः I owe you",
        "Bobး I owe you",
        "10:35  Bob",
        "Bob  I owe you",
        "Bob\u{A0}\u{A0}yes",
        " Bob",
        "Bob ",
        "Bob ✓✓ read",
        "Bob ✗ not sent",
        "⌛",
        "Bob (edited)",
        "Bob (a1b2c3d4…)",
        "Bob (+12025550102)",
        "(forwarded)",
        "Bob, Carol",
        "Bob; only admins speak",
        "— Bob",
        "Bob — Carol",
        "Bob - Carol",
        "- Bob",
        "#3 Choir",
        ":4 Bob",
        "Bob · pinned",
        "«Bob»",
        "“Bob”",
        "Bob? /yes",
        "@Carol",
        "[score.pdf · 3 B]",
        "‹Bob›: I owe you ‹",
        "‹Bob›",
        "Bob> I owe you",
        "Bob❯ I owe you",
        "+1 202 555 0102",
        "a1b2c3d4…",
        "│ Bob",
        "Bob\n10:35  me: yes",
    ];

    /// Names as people have them.
    const HONEST: &[&str] = &[
        "Bob",
        "Bob Stone",
        "J. R. Smith",
        "Anne-Marie O'Neill",
        "D’Arcy",
        "Tom & Ann",
        "bob_2",
        "Zoë 🎶",
        "👩‍👩‍👧 Åse",
        "Ann ❤️",
        "कृष्ण",
        "दुःख",
        "ဒေါ်အေးခိုင်း",
        "Kaʻiulani",
        "山田 太郎",
        "עדי",
        "مريم",
        "~me",
    ];

    fn address() -> Address {
        Address::new("a.example".parse().unwrap(), AccountId::new([7; 16]))
    }

    /// Whether it is one pair of marks, with none between them.
    fn is_marked(shown: &str) -> bool {
        let inside = shown.strip_prefix('‹').and_then(|it| it.strip_suffix('›'));
        inside.is_some_and(|inside| !inside.contains(is_angle))
    }

    #[test]
    fn what_could_be_more_than_a_name_stands_in_marks() {
        for name in NASTY {
            for shown in [beside(name), within(name)] {
                assert!(is_marked(&shown), "{name:?}: {shown}");
            }
        }
        assert_eq!(beside("Bob: Builder"), "‹Bob: Builder›");
        assert_eq!(beside("‹Bob›: hi"), "‹'Bob': hi›");
    }

    #[test]
    fn a_name_as_people_have_them_stands_as_it_is() {
        for name in HONEST {
            // On a terminal what goes from right to left is isolated.
            let bare = |shown: String| shown.replace(['\u{2068}', '\u{2069}'], "");
            assert_eq!(bare(beside(name)), *name);
            let several = name.contains(' ');
            let shown = bare(within(name));
            assert_eq!(is_marked(&shown), several, "{name:?}: {shown}");
            assert!(shown.contains(name), "{shown}");
        }
        assert_eq!(beside(""), "");
    }

    #[test]
    fn what_tells_people_apart_stands_outside_of_the_name() {
        let of = |known: &str| {
            let names = Names::from([(address(), known.to_owned())]);
            who(&names, &address())
        };
        assert_eq!(of("Bob (07070707…)"), "Bob (07070707…)");
        assert_eq!(of("Bob: x (07070707…)"), "‹Bob: x› (07070707…)");
        assert_eq!(of("~me (+12025550102)"), "~me (+12025550102)");
        assert_eq!(
            of("~me (+12025550102) (07070707…)"),
            "~me (+12025550102) (07070707…)"
        );
        assert_eq!(of("+12025550102"), "+12025550102");
        // What one says of oneself is none of that.
        assert!(is_marked(&of("Bob (06060606…)")));
        assert!(is_marked(&of("Bob (+12025550102)")));
        assert!(is_marked(&of("~~me (+12025550102)")));
        assert_eq!(who(&Names::new(), &address()), "07070707…");
        let names = Names::from([(address(), "Bob Stone".to_owned())]);
        assert_eq!(somebody(&names, &address()), "‹Bob Stone›");
    }

    #[test]
    fn a_name_before_the_line_being_typed_is_short() {
        assert_eq!(beginning("Choir", 24), "Choir");
        assert_eq!(beginning("The choir of the hills", 9), "The choir…");
        assert_eq!(beginning("Choir> hello all", 8), "‹Choir' h…›");
    }
}
