//! Other people: requests, keys, blocking, reports.

use super::*;

pub(super) async fn requests(session: &Session, offline: bool) -> Result<()> {
    session.catch_up(offline).await?;
    if !offline {
        people::check_numbers(session, None).await?;
    }
    let requests = session.query(Core::requests).await?;
    if requests.is_empty() && !session.json {
        say("Nobody asks to talk.");
    }
    for request in requests {
        if session.json {
            say_json(&request);
        } else {
            say(&words::request(&request));
        }
    }
    Ok(())
}

pub(super) async fn accept(session: &Session, who: &str) -> Result<()> {
    session.online().await?;
    session.settled().await?;
    let address = people::anyone(session, who).await?;
    people::check_numbers(session, Some(&address)).await?;
    session.handle.act(Command::Accept(address.clone())).await?;
    let begun = async {
        loop {
            let wanted = address.clone();
            let active =
                session
                    .query(Core::conversations)
                    .await?
                    .into_iter()
                    .any(|conversation| {
                        conversation.peer.as_ref() == Some(&wanted)
                            && conversation.state == "active"
                    });
            if active {
                return anyhow::Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        }
    };
    tokio::time::timeout(session.timeout, begun)
        .await
        .map_err(|_| Kept(session.late("accept", "the conversation did not begin")))??;
    session.settled().await?;
    let contact = session.query(move |core| core.contact(&address)).await?;
    if let Some(contact) = contact.filter(|contact| !session.json && !contact.verified) {
        let safety = session.hint(&format!("safety {who}"));
        say(&words::first_contact(&contact, &safety));
    }
    finish(session).await
}

pub(super) async fn contacts(session: &Session, offline: bool) -> Result<()> {
    session.catch_up(offline).await?;
    let contacts = session.query(Core::contacts).await?;
    if contacts.is_empty() && !session.json {
        say("You know nobody yet: who accepts your request, or asks you to talk, stands here.");
    }
    for contact in contacts {
        if session.json {
            say_json(&contact);
        } else {
            say(&words::contact(&contact, true));
        }
    }
    Ok(())
}

pub(super) async fn safety(session: &Session, who: &str) -> Result<()> {
    let address = people::anyone(session, who).await?;
    let contact = session
        .query(move |core| core.contact(&address))
        .await?
        .context("nobody known")?;
    if session.json {
        say_json(&contact);
        return Ok(());
    }
    say(&contact.safety_number);
    if contact.verified {
        say("You compared this number, and it still holds.");
    } else {
        say(&format!(
            "Not yet verified: compare it with theirs by voice or side by side, then {}",
            session.hint(&format!("verify {who}"))
        ));
    }
    Ok(())
}

pub(super) async fn block(session: &Session, who: &str, blocked: bool) -> Result<()> {
    let address = people::anyone(session, who).await?;
    setting(session, Command::Block { address, blocked }, "block").await
}

/// Who wrote these lines of a group: a report is about one person.
async fn author(session: &Session, group: i64, messages: &[MessageId]) -> Result<Address> {
    let mut authors = std::collections::BTreeSet::new();
    for message in messages {
        let item = session.item(group, *message).await?;
        let item = item.ok_or_else(|| Refused::not_found("no such message there".to_owned()))?;
        authors.insert(item.author);
    }
    match (authors.pop_first(), authors.is_empty()) {
        (Some(one), true) => Ok(one),
        _ => bail!(Refused::here(
            "report",
            "refused",
            "these are by several people: report each on their own".to_owned()
        )),
    }
}

pub(super) async fn report(
    session: &Session,
    who: &str,
    names: Vec<MessageName>,
    reason: String,
) -> Result<()> {
    session.online().await?;
    let whom = match names.as_slice() {
        // Without messages it is a person's request that is meant.
        [] => Whom::Person(people::anyone(session, who).await?),
        _ => people::whom(session, who).await?,
    };
    let mut messages = Vec::new();
    for name in &names {
        messages.push(match (name, people::with(session, &whom).await?) {
            (MessageName::Whole(message), _) => *message,
            (_, Some(with)) => resolve(session, with.conversation, name).await?,
            (_, None) => bail!(Refused::not_found(
                "nothing was said with them yet".to_owned()
            )),
        });
    }
    let address: Address = match whom {
        Whom::Person(address) => address,
        Whom::Conversation(group) => author(session, group, &messages).await?,
        Whom::Myself => bail!(Refused::here(
            "report",
            "refused",
            "these are your own notes".to_owned()
        )),
    };
    session
        .act_until(
            Command::Report {
                address,
                messages,
                reason,
            },
            &["report"],
            |event| matches!(event, Event::Reported).then_some(()),
        )
        .await?;
    if session.json {
        say_json(&json!({ "ok": true }));
    } else {
        say("Reported. Only the operator's moderators can read what you sent with it.");
    }
    Ok(())
}
