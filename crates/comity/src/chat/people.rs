//! Whom a word on the command line means: a number, an address, a name, `me`.

use super::session::{Refused, Session};
use super::words;
use anyhow::{Result, bail};
use comity_client::{
    Command, ContactView, ConversationView, Event, MemberView, Whom, called, shortened,
};
use comity_wire::Address;
use rand::seq::IteratorRandom;

/// Finds whom `text` means, asking the app when it is a number that this device does not know.
pub(crate) async fn whom(session: &Session, text: &str) -> Result<Whom> {
    if text == "me" || text.eq_ignore_ascii_case("notes to self") {
        return Ok(Whom::Myself);
    }
    if let Some(id) = text.strip_prefix('#') {
        let id: Option<i64> = id.parse().ok();
        let all = session.query(comity_client::Core::conversations).await?;
        let found = all.iter().find(|one| Some(one.conversation) == id);
        let unknown = || Refused::not_found(format!("there is no conversation {text}"));
        return Ok(Whom::Conversation(found.ok_or_else(unknown)?.conversation));
    }
    if let Some(group) = group(session, text).await? {
        return Ok(Whom::Conversation(group));
    }
    let named = !is_number(text) && text.parse::<Address>().is_err();
    if named && !is_known(session, text).await? && !lacks_plus(text) {
        // A group, or a person of one, that this device has yet to hear of.
        session.online().await?;
        session.settled().await?;
        if let Some(group) = group(session, text).await? {
            return Ok(Whom::Conversation(group));
        }
    }
    Ok(Whom::Person(person(session, text).await?))
}

/// The group of that name, when there is one and nobody is called so. What could be a number or
/// an address is never the name of a group: others choose those names.
async fn group(session: &Session, text: &str) -> Result<Option<i64>> {
    if text.trim().is_empty() || is_number(text) || text.parse::<Address>().is_ok() {
        return Ok(None);
    }
    let all = session.query(comity_client::Core::conversations).await?;
    let groups: Vec<&ConversationView> = all
        .iter()
        .filter(|one| one.kind == "group" && one.title.eq_ignore_ascii_case(text))
        .collect();
    // One that was left does not stand in the way of one that goes on.
    let going_on: Vec<&&ConversationView> =
        groups.iter().filter(|one| one.state != "left").collect();
    let found = match (going_on.as_slice(), groups.as_slice()) {
        ([one], _) => one.conversation,
        ([], [one]) => one.conversation,
        ([], []) => return Ok(None),
        _ => bail!(Refused::not_found(format!(
            "several groups are called {text}: give one as #3, see `conversations`"
        ))),
    };
    let contacts = session.query(comity_client::Core::contacts).await?;
    if contacts
        .iter()
        .any(|contact| contact.name.eq_ignore_ascii_case(text))
    {
        bail!(Refused::not_found(format!(
            "a person and a group are called {text}: give a number, or the group as #3"
        )));
    }
    Ok(Some(found))
}

/// Somebody is called so.
async fn is_known(session: &Session, text: &str) -> Result<bool> {
    let contacts = session.query(comity_client::Core::contacts).await?;
    let requests = session.query(comity_client::Core::requests).await?;
    let names = contacts.iter().map(|contact| &contact.name);
    let mut names = names.chain(requests.iter().map(|request| &request.name));
    Ok(names.any(|name| name.eq_ignore_ascii_case(text)))
}

/// Finds a person to say something to: a contact by the number that the app gave them, a contact
/// by name, or whoever the app says has the number. Never by what a stranger says of themselves.
pub(crate) async fn person(session: &Session, text: &str) -> Result<Address> {
    find(session, text, Among::Contacts).await
}

/// Finds somebody to decide about: who asks to talk and who is in a group counts too, by name.
/// That a number is theirs only the app can say.
pub(crate) async fn anyone(session: &Session, text: &str) -> Result<Address> {
    find(session, text, Among::Everyone).await
}

#[derive(Clone, Copy, PartialEq)]
enum Among {
    Contacts,
    Everyone,
}

/// Whether this can only be meant as a phone number.
pub(crate) fn is_number(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('+')
        && text
            .chars()
            .skip(1)
            .all(|c| c.is_ascii_digit() || " -().".contains(c))
}

/// A number as one writes it who forgets that here it begins with + and the country code.
fn lacks_plus(text: &str) -> bool {
    let number = text
        .chars()
        .all(|c| c.is_ascii_digit() || " -().".contains(c));
    number && digits(text).len() >= 5
}

/// Whether `text` is the beginning of an address, as it is shown where a name would stand. Few
/// digits name nobody: an address is drawn by the app.
fn begins(address: &Address, text: &str) -> bool {
    let text = text.strip_suffix('…').unwrap_or(text);
    text.len() >= 6 && address.to_string().starts_with(&text.to_ascii_lowercase())
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

async fn find(session: &Session, text: &str, among: Among) -> Result<Address> {
    if let Ok(address) = text.parse::<Address>() {
        return Ok(address);
    }
    if text.trim().is_empty() {
        bail!(Refused::not_found(
            "nobody has an empty name: give a number, + and the country code first".to_owned()
        ));
    }
    let contacts = session.query(comity_client::Core::contacts).await?;
    if is_number(text) {
        let known: Vec<&ContactView> = contacts
            .iter()
            .filter(|one| digits(&one.number) == digits(text) && !one.number_moved)
            .collect();
        return match known.as_slice() {
            [one] => Ok(one.address.clone()),
            _ => Ok(lookup(session, text).await?.address),
        };
    }
    let requests = session.query(comity_client::Core::requests).await?;
    // A stranger's words about themselves make nobody a contact.
    let known = |contact: &&ContactView| {
        among == Among::Everyone || contact.accepted || !contact.number.is_empty()
    };
    let mut found: Vec<Address> = contacts
        .iter()
        .filter(known)
        .filter(|contact| contact.name.eq_ignore_ascii_case(text))
        .map(|contact| contact.address.clone())
        .collect();
    if among == Among::Everyone {
        let asking = requests
            .iter()
            .filter(|request| request.name.eq_ignore_ascii_case(text));
        found.extend(asking.map(|request| request.address.clone()));
    }
    let all = contacts.iter().map(|contact| &contact.address);
    let all = all.chain(requests.iter().map(|request| &request.address));
    found.extend(all.filter(|address| begins(address, text)).cloned());
    found.sort();
    found.dedup();
    match found.as_slice() {
        [one] => Ok(one.clone()),
        [] if requests
            .iter()
            .any(|request| request.name.eq_ignore_ascii_case(text)) =>
        {
            bail!(Refused::not_found(format!(
                "{text} only asks to talk: accept them first, or give a number, + and the country code first"
            )))
        }
        [] if contacts
            .iter()
            .any(|one| one.name.eq_ignore_ascii_case(text)) =>
        {
            let same = contacts
                .iter()
                .filter(|one| one.name.eq_ignore_ascii_case(text));
            let same: Vec<String> = same.map(|one| shortened(&one.address)).collect();
            bail!(Refused::not_found(format!(
                "{text} is no contact of yours, only somebody in a group calls themselves so: give the beginning of the address, {}",
                same.join(" or ")
            )))
        }
        [] if lacks_plus(text) => bail!(Refused::not_found(format!(
            "{text}: a number begins with + and the country code, as +49 for Germany"
        ))),
        [] => bail!(Refused::not_found(format!(
            "nobody here is called {text}: give a number, + and the country code first, a name that `contacts` shows, or a group as `conversations` shows it"
        ))),
        _ => bail!(Refused::not_found(format!(
            "several people are called {text}: give a number or an address"
        ))),
    }
}

/// Somebody in a group: by address or its beginning, by number, by name, `me`. Who is in none of
/// these ways is anyone.
pub(crate) async fn member(session: &Session, group: i64, text: &str) -> Result<Address> {
    let members = session.query(move |core| core.group_members(group)).await?;
    if text == "me"
        && let Some(own) = members.iter().find(|member| member.own)
    {
        return Ok(own.address.clone());
    }
    let meant = |member: &&MemberView| {
        let number = is_number(text) && digits(&member.number) == digits(text);
        let name = !text.is_empty()
            && (member.name.eq_ignore_ascii_case(text)
                || called(&member.name, &member.number).eq_ignore_ascii_case(text));
        number || name || begins(&member.address, text)
    };
    let found: Vec<&MemberView> = members.iter().filter(meant).collect();
    match found.as_slice() {
        [one] => Ok(one.address.clone()),
        [] if text == "me" => bail!(Refused::not_found("you are not in this group".to_owned())),
        [] => anyone(session, text).await,
        _ => bail!(Refused::not_found(format!(
            "several members are called {text}: give a number, or the beginning of an address"
        ))),
    }
}

/// Asks the app who has a number.
pub(crate) async fn lookup(session: &Session, number: &str) -> Result<ContactView> {
    session.online().await?;
    session
        .act_until(
            Command::Lookup {
                number: number.to_owned(),
                country: None,
            },
            &["lookup"],
            |event| match event {
                Event::Found { contact } => Some(contact.clone()),
                _ => None,
            },
        )
        .await
}

/// The conversation with somebody, once there is one.
pub(crate) async fn with(session: &Session, whom: &Whom) -> Result<Option<ConversationView>> {
    let all = session.query(comity_client::Core::conversations).await?;
    Ok(all.into_iter().find(|conversation| match whom {
        Whom::Conversation(id) => conversation.conversation == *id,
        Whom::Person(address) => conversation.peer.as_ref() == Some(address),
        Whom::Myself => conversation.kind == "self",
    }))
}

/// The conversation that is meant.
pub(crate) async fn conversation(session: &Session, text: &str) -> Result<ConversationView> {
    let whom = whom(session, text).await?;
    match with(session, &whom).await? {
        Some(found) => Ok(found),
        None => bail!(Refused::not_found(format!(
            "there is no conversation with {text} yet"
        ))),
    }
}

/// Asks the app whether the numbers that strangers say are theirs are so, or that of one of them.
/// A few at a time: each costs one of the day's look-ups, and the stranger chose it.
pub(crate) async fn check_numbers(session: &Session, of: Option<&Address>) -> Result<()> {
    const AT_ONCE: usize = 5;
    if !session.query(|core| Ok(core.is_online())).await? {
        return Ok(());
    }
    let requests = session.query(comity_client::Core::requests).await?;
    let unsure = requests.iter().filter(|request| {
        let meant = of.is_none_or(|address| *address == request.address);
        meant && !request.number_confirmed && is_number(&request.number)
    });
    // Any of them: whoever comes first, and lies, must not keep the others from being asked about.
    for request in unsure.choose_multiple(&mut rand::rng(), AT_ONCE) {
        // Nobody has it, or the app gives no answer: it stays unconfirmed.
        let _ = lookup(session, &request.number).await;
    }
    Ok(())
}

/// What to say when somebody who was asked to talk accepted.
pub(crate) fn accepted(names: &words::Names, who: &Address) -> String {
    let who = words::somebody(names, who);
    format!("— {who} accepted: you can talk now")
}

#[cfg(test)]
mod tests {
    use super::*;
    use comity_wire::AccountId;

    #[test]
    fn a_number_without_plus_is_seen_as_one() {
        for number in ["2025550121", "(202) 555-0121", "0049 30 123456"] {
            assert!(lacks_plus(number), "{number}");
        }
        for other in ["+2025550121", "4711", "Bob", "2025550121x"] {
            assert!(!lacks_plus(other), "{other}");
        }
    }

    #[test]
    fn an_address_is_named_by_its_beginning() {
        let address = Address::new("a.example".parse().unwrap(), AccountId::new([0x6a; 16]));
        for beginning in ["6a6a6a6a…", "6a6a6a6a", "6A6A6A"] {
            assert!(begins(&address, beginning), "{beginning}");
        }
        for other in ["6a6a", "", "…", "6a6a6b", "a6a6a6a6"] {
            assert!(!begins(&address, other), "{other}");
        }
    }
}
