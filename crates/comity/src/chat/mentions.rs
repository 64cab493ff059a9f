//! Whom a text mentions: `@` and a name, as this device knows its members.

use comity_client::Mention;
use comity_wire::Address;

/// Finds the members whose name follows an `@` in the text. The longest name counts; a name that
/// several members have means none of them.
pub(crate) fn find(text: &str, members: &[(Address, String)]) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text.get(from..).and_then(|rest| rest.find('@')) {
        let start = from + at;
        from = start + 1;
        // Not in the middle of a word: that is an e-mail address.
        if text
            .get(..start)
            .is_some_and(|before| before.ends_with(char::is_alphanumeric))
        {
            continue;
        }
        let Some((address, length)) = named(text.get(from..).unwrap_or_default(), members) else {
            continue;
        };
        found.extend(mention(start, length + 1, address));
        from += length;
    }
    found
}

/// The one member whose name the text begins with, and the name's bytes.
fn named<'m>(text: &str, members: &'m [(Address, String)]) -> Option<(&'m Address, usize)> {
    let mut longest: Option<(&Address, usize)> = None;
    let mut alone = false;
    for (address, name) in members {
        let Some(length) = begins_with(text, name) else {
            continue;
        };
        match longest {
            Some((_, known)) if length < known => {}
            Some((_, known)) if length == known => alone = false,
            _ => (longest, alone) = (Some((address, length)), true),
        }
    }
    longest.filter(|_| alone)
}

/// Bytes of the text that are this name, whatever the case, and a word's end after them.
fn begins_with(text: &str, name: &str) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    let mut rest = text.chars();
    let mut length = 0;
    for wanted in name.chars() {
        let next = rest.next()?;
        if !next.to_lowercase().eq(wanted.to_lowercase()) {
            return None;
        }
        length += next.len_utf8();
    }
    rest.next()
        .is_none_or(|next| !next.is_alphanumeric())
        .then_some(length)
}

/// Adds a mention of somebody: where the text has `@` and their name, else before the text.
pub(crate) fn add(text: &mut String, mentions: &mut Vec<Mention>, member: &(Address, String)) {
    let (address, name) = member;
    if mentions.iter().any(|mention| mention.address == *address) {
        return;
    }
    let name = if name.is_empty() {
        address.to_string()
    } else {
        name.clone()
    };
    let prefix = format!("@{name} ");
    let shift = u32::try_from(prefix.len()).unwrap_or(u32::MAX);
    for other in mentions.iter_mut() {
        other.start = other.start.saturating_add(shift);
    }
    text.insert_str(0, &prefix);
    mentions.extend(mention(0, prefix.len() - 1, address));
    mentions.sort_by_key(|mention| mention.start);
}

fn mention(start: usize, length: usize, address: &Address) -> Option<Mention> {
    Some(Mention {
        start: start.try_into().ok()?,
        length: length.try_into().ok()?,
        address: address.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_wire::AccountId;

    fn member(number: u8, name: &str) -> (Address, String) {
        let app = "a.example".parse().unwrap();
        (
            Address::new(app, AccountId::new([number; 16])),
            name.to_owned(),
        )
    }

    fn found(text: &str, members: &[(Address, String)]) -> Vec<(u8, String)> {
        find(text, members)
            .into_iter()
            .map(|mention| {
                let part = text[mention.range().unwrap()].to_owned();
                (mention.address.account.as_bytes()[0], part)
            })
            .collect()
    }

    #[test]
    fn names_after_an_at_are_found() {
        let members = [member(1, "Bob"), member(2, "Bob Stone"), member(3, "Zoë")];
        let of = |text| found(text, &members);
        assert_eq!(of("@Bob hi"), [(1, "@Bob".to_owned())]);
        assert_eq!(of("hi @bob stone!"), [(2, "@bob stone".to_owned())]);
        assert_eq!(
            of("@ZOË, @Bob"),
            [(3, "@ZOË".to_owned()), (1, "@Bob".to_owned())]
        );
        assert_eq!(of("@Bobby, x@Bob, @, @Carol"), []);
    }

    #[test]
    fn a_name_of_several_means_nobody() {
        let members = [member(1, "Bob"), member(2, "bob")];
        assert_eq!(found("@Bob", &members), []);
    }

    #[test]
    fn who_is_not_in_the_text_comes_before_it() {
        let (bob, zoe) = (member(1, "Bob"), member(3, "Zoë"));
        let mut text = "@Bob look".to_owned();
        let mut mentions = find(&text, std::slice::from_ref(&bob));
        add(&mut text, &mut mentions, &bob);
        add(&mut text, &mut mentions, &zoe);
        assert_eq!(text, "@Zoë @Bob look");
        let parts: Vec<&str> = mentions.iter().map(|m| &text[m.range().unwrap()]).collect();
        assert_eq!(parts, ["@Zoë", "@Bob"]);
    }
}
