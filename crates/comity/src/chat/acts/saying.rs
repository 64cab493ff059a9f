//! Saying something, changing it, moving files.

use super::*;

pub(super) async fn speak(session: &Session, what: Say, wait: bool) -> Result<()> {
    let (conversation, item) = post(session, what).await?;
    let item = if wait {
        session.sent(conversation, item.message).await?
    } else {
        item
    };
    if session.json {
        say_json(&json!({ "conversation": conversation, "item": item }));
    } else {
        say(&words::line(&names(session).await?, &item));
    }
    Ok(())
}

/// Says something and gives its line.
pub(crate) async fn post(session: &Session, what: Say) -> Result<(i64, TimelineItem)> {
    session.online_for(&what.to).await?;
    let (to, id) = (what.to.clone(), what.id);
    let told = session.handle.act(Command::Send(what)).await?;
    let said = told.into_iter().find_map(|event| match event {
        Event::Item { conversation, item } if item.outgoing => Some((conversation, item)),
        _ => None,
    });
    if let Some(said) = said {
        return Ok(said);
    }
    // Said before under this id.
    let Some(id) = id else {
        bail!("nothing was said")
    };
    let all = session.query(Core::conversations).await?;
    let conversation = all.iter().find(|conversation| match &to {
        Whom::Conversation(local) => conversation.conversation == *local,
        Whom::Person(address) => conversation.peer.as_ref() == Some(address),
        Whom::Myself => conversation.kind == "self",
    });
    let conversation = conversation.context("no such conversation")?.conversation;
    let item = session
        .item(conversation, id)
        .await?
        .context("no such message")?;
    Ok((conversation, item))
}

pub(super) async fn send_file(
    session: &Session,
    to: &str,
    path: PathBuf,
    caption: String,
) -> Result<()> {
    let what = what_file(&path, caption)?;
    let to = people::whom(session, to).await?;
    speak(
        session,
        Say {
            to,
            quote: None,
            id: None,
            what,
        },
        true,
    )
    .await
}

/// A plain file: its whole path, its name, its bytes. A pipe or a device would be read for ever.
pub(crate) fn plain_file(path: &std::path::Path) -> Result<(String, String, u64)> {
    let refuse = |code: &str, message: &str| Refused {
        act: "file".to_owned(),
        code: code.to_owned(),
        message: message.to_owned(),
        retry_after_ms: 0,
    };
    let path = std::path::absolute(path)?;
    let facts = std::fs::metadata(&path).with_context(|| format!("{}", path.display()))?;
    if !facts.is_file() {
        bail!(refuse(
            "not_a_file",
            "this is a folder, a device or a pipe: only plain files are sent"
        ));
    }
    let (Some(whole), Some(name)) = (
        path.to_str(),
        path.file_name().and_then(|name| name.to_str()),
    ) else {
        bail!(refuse(
            "file_name",
            "the path is not UTF-8: give the file another name"
        ));
    };
    Ok((whole.to_owned(), name.to_owned(), facts.len()))
}

/// What is to be said with a plain file.
pub(crate) fn what_file(path: &std::path::Path, caption: String) -> Result<What> {
    let (path, file_name, size) = plain_file(path)?;
    Ok(What::File {
        media_type: mime_guess::from_path(&path)
            .first_or_octet_stream()
            .to_string(),
        path,
        file_name,
        size,
        caption,
    })
}

/// Where a file is to be saved, as the core keeps it.
pub(crate) fn target_path(path: &std::path::Path) -> Result<String> {
    let path = std::path::absolute(path)?;
    match path.to_str() {
        Some(path) => Ok(path.to_owned()),
        None => bail!("{} is not UTF-8: give another name", path.display()),
    }
}

pub(super) async fn save(
    session: &Session,
    with: &str,
    message: MessageId,
    path: PathBuf,
) -> Result<()> {
    session.online().await?;
    let conversation = people::conversation(session, with).await?.conversation;
    arrived(session, conversation, message).await?;
    let path = target_path(&path)?;
    let command = Command::SaveAttachment {
        conversation,
        message,
        path: path.clone(),
    };
    fetched(session, command, path).await
}

/// Gives an act that fetches a file to `path`, and waits until it is there.
pub(super) async fn fetched(session: &Session, command: Command, wanted: String) -> Result<()> {
    let (_, mut events) = session.act(command).await?;
    let mut pick = |event: &Event| match event {
        Event::Transfer {
            path: Some(path),
            state,
            ..
        } if *path == wanted && state != "running" => Some(event.clone()),
        _ => None,
    };
    let done = session.wait(&mut events, &[], &mut pick).await?;
    if session.json {
        say_json(&done);
    }
    match done {
        Event::Transfer { state, .. } if state == "done" => Ok(()),
        _ => bail!("the file could not be fetched, or is not what its sender sent"),
    }
}

pub(super) async fn amend(
    session: &Session,
    with: &str,
    message: MessageId,
    what: What,
) -> Result<()> {
    session.online().await?;
    let conversation = people::conversation(session, with).await?.conversation;
    arrived(session, conversation, message).await?;
    session
        .handle
        .act(Command::Send(Say {
            to: Whom::Conversation(conversation),
            quote: None,
            id: None,
            what,
        }))
        .await?;
    session.flushed().await?;
    let item = session.item(conversation, message).await?;
    if session.json {
        say_json(&json!({ "conversation": conversation, "item": item }));
    } else if let Some(item) = item {
        say(&words::line(&names(session).await?, &item));
    }
    Ok(())
}
