//! Whom a word on the command line means: a number, an address, a name, `me`.

use super::session::Session;
use anyhow::{Result, bail};
use comity_client::{Command, ContactView, ConversationView, Event, Whom};
use comity_wire::Address;

/// Finds whom `text` means, asking the app when it is a number that this device does not know.
pub(crate) async fn whom(session: &Session, text: &str) -> Result<Whom> {
    if text == "me" {
        return Ok(Whom::Myself);
    }
    if let Some(id) = text.strip_prefix('#') {
        return Ok(Whom::Conversation(id.parse()?));
    }
    if let Some(group) = group(session, text).await? {
        return Ok(Whom::Conversation(group));
    }
    if !is_number(text) && text.parse::<Address>().is_err() && !is_known(session, text).await? {
        // A group, or a person of one, that this device has yet to hear of.
        session.online().await?;
        session.settled().await?;
        if let Some(group) = group(session, text).await? {
            return Ok(Whom::Conversation(group));
        }
    }
    Ok(Whom::Person(person(session, text).await?))
}

/// The group of that name, when there is one and nobody is called so.
async fn group(session: &Session, text: &str) -> Result<Option<i64>> {
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
        _ => bail!("several groups are called {text}: give one as #3, see `conversations`"),
    };
    let contacts = session.query(comity_client::Core::contacts).await?;
    if contacts
        .iter()
        .any(|contact| contact.name.eq_ignore_ascii_case(text))
    {
        bail!("a person and a group are called {text}: give a number, or the group as #3");
    }
    Ok(Some(found))
}

fn is_number(text: &str) -> bool {
    text.starts_with('+')
        && text
            .chars()
            .skip(1)
            .all(|c| c.is_ascii_digit() || " -().".contains(c))
}

/// Somebody is called so.
async fn is_known(session: &Session, text: &str) -> Result<bool> {
    let contacts = session.query(comity_client::Core::contacts).await?;
    let requests = session.query(comity_client::Core::requests).await?;
    let names = contacts.iter().map(|contact| &contact.name);
    let mut names = names.chain(requests.iter().map(|request| &request.name));
    Ok(names.any(|name| name.eq_ignore_ascii_case(text)))
}

/// Finds a person.
pub(crate) async fn person(session: &Session, text: &str) -> Result<Address> {
    if let Ok(address) = text.parse::<Address>() {
        return Ok(address);
    }
    let digits = |text: &str| {
        text.chars()
            .filter(char::is_ascii_digit)
            .collect::<String>()
    };
    let is_number = is_number(text);
    let contacts = session.query(comity_client::Core::contacts).await?;
    let requests = session.query(comity_client::Core::requests).await?;
    let mut found: Vec<Address> = contacts
        .iter()
        .filter(|contact| {
            if is_number {
                digits(&contact.number) == digits(text) && !contact.number_moved
            } else {
                contact.name.eq_ignore_ascii_case(text)
            }
        })
        .map(|contact| contact.address.clone())
        .chain(
            requests
                .iter()
                .filter(|request| {
                    if is_number {
                        digits(&request.number) == digits(text)
                    } else {
                        request.name.eq_ignore_ascii_case(text)
                    }
                })
                .map(|request| request.address.clone()),
        )
        .collect();
    found.sort();
    found.dedup();
    match (found.as_slice(), is_number) {
        ([one], _) => Ok(one.clone()),
        ([], true) => Ok(lookup(session, text).await?.address),
        ([], false) => bail!("nobody here is called {text}: give a number as +49…"),
        (_, true) => Ok(lookup(session, text).await?.address),
        (_, false) => bail!("several people are called {text}: give a number or an address"),
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
        None => bail!("there is no conversation with {text} yet"),
    }
}
