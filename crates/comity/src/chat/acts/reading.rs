//! Reading: lists, timelines, search, and everything as it happens.

use super::*;

pub(super) async fn conversations(session: &Session, offline: bool) -> Result<()> {
    session.catch_up(offline).await?;
    let all = in_order(session.query(Core::conversations).await?);
    let names = names(session).await?;
    for conversation in &all {
        if session.json {
            say_json(conversation);
        } else {
            say(&words::conversation(&names, conversation));
        }
    }
    if all.is_empty() && !session.json {
        say(&format!(
            "No conversations yet: {}",
            session.hint("send +49… 'hello'")
        ));
    }
    Ok(())
}

/// Which lines of a conversation, and how.
pub(super) struct Wanted {
    pub(super) limit: u32,
    pub(super) before: Option<MessageName>,
    /// With the beginning of each message's id.
    pub(super) ids: bool,
    pub(super) offline: bool,
    /// The others learn that it was read.
    pub(super) read: bool,
}

pub(super) async fn history(session: &Session, with: &str, wanted: Wanted) -> Result<()> {
    session.catch_up(wanted.offline).await?;
    let conversation = people::conversation(session, with).await?.conversation;
    let before = match &wanted.before {
        Some(name) => Some(resolve(session, conversation, name).await?),
        None => None,
    };
    let limit = wanted.limit;
    let items = session
        .query(move |core| core.timeline(conversation, before.as_ref(), limit))
        .await?;
    let names = names(session).await?;
    let mut day = words::day(words::now_ms());
    for item in &items {
        if session.json {
            say_json(item);
            continue;
        }
        // Lines of today alone need no date.
        let other = words::day(item.at_ms);
        if std::mem::replace(&mut day, other) != other {
            say(&words::date(other));
        }
        let line = words::line(&names, item);
        if wanted.ids {
            say(&format!("{}  {line}", named::short(&item.message)));
        } else {
            say(&line);
        }
    }
    if wanted.read {
        session
            .handle
            .act(Command::MarkRead { conversation })
            .await?;
        if session.query(|core| Ok(core.is_online())).await? {
            session.settled().await?;
        }
    }
    Ok(())
}

/// Who has a message, and who read it.
pub(super) async fn info(session: &Session, with: &str, message: MessageName) -> Result<()> {
    session.online().await?;
    session.settled().await?;
    let (conversation, message) = named(session, with, &message).await?;
    let info = session
        .query(move |core| core.info(conversation, &message))
        .await?;
    if session.json {
        say_json(&info);
    } else {
        for line in words::info(&names(session).await?, &info) {
            say(&line);
        }
    }
    Ok(())
}

pub(super) async fn search(session: &Session, query: String, limit: u32) -> Result<()> {
    session.signed_up().await?;
    let found = session
        .query(move |core| core.search(&query, limit))
        .await?;
    let names = names(session).await?;
    let all = session.query(Core::conversations).await?;
    let title = |id: i64| all.iter().find(|one| one.conversation == id);
    for (conversation, item) in &found {
        if session.json {
            say_json(&json!({ "conversation": conversation, "item": item }));
        } else {
            let title =
                title(*conversation).map_or_else(String::new, |one| words::title(&names, one));
            let (id, line) = (named::short(&item.message), words::dated(&names, item));
            say(&format!("{id}  #{conversation} {title}  {line}"));
        }
    }
    if found.is_empty() && !session.json {
        say("Nothing found.");
    }
    Ok(())
}

pub(super) async fn watch(session: &Session, accept: bool, read: bool, seconds: u64) -> Result<()> {
    let mut events = session.handle.events();
    session.online().await?;
    session.settled().await?;
    if session.json {
        say_json(&json!({ "event": "watching" }));
    }
    let end = tokio::time::Instant::now()
        + std::time::Duration::from_secs(if seconds == 0 {
            u64::from(u32::MAX)
        } else {
            seconds
        });
    if accept {
        for request in session.query(Core::requests).await? {
            session.handle.act(Command::Accept(request.address)).await?;
        }
    }
    loop {
        let event = tokio::select! {
            event = events.recv() => event,
            () = tokio::time::sleep_until(end) => return Ok(()),
            _ = tokio::signal::ctrl_c() => return Ok(()),
        };
        let event = match event {
            Ok(event) => event,
            Err(tokio::sync::broadcast::error::RecvError::Lagged(missed)) => {
                complain(&format!(
                    "{missed} events were not told: this reader is too slow"
                ));
                continue;
            }
            Err(_) => bail!("the program's core has stopped"),
        };
        let names = names(session).await?;
        if session.json {
            say_json(&event);
        } else {
            match &event {
                Event::Item { item, .. } => say(&words::line(&names, item)),
                Event::Accepted { address, .. } => say(&people::accepted(&names, address)),
                other => words::event(&names, other)
                    .iter()
                    .for_each(|line| say(line)),
            }
        }
        match event {
            Event::Request { request } if accept => {
                session.handle.act(Command::Accept(request.address)).await?;
            }
            Event::Item { conversation, item } if read && !item.outgoing => {
                session
                    .handle
                    .act(Command::MarkRead { conversation })
                    .await?;
            }
            Event::Erased { reason } => bail!("{}", words::erased(&reason)),
            Event::Failed {
                act,
                code,
                message,
                retry_after_ms,
            } if code == crate::chat::session::USED_ELSEWHERE => {
                bail!(Refused {
                    act,
                    code,
                    message,
                    retry_after_ms
                })
            }
            Event::Gone { reason } if reason == "account_gone" => {
                bail!(Refused::account_gone())
            }
            _ => {}
        }
    }
}
