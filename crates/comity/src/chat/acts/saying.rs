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
    let path = std::path::absolute(path)?;
    let size = std::fs::metadata(&path)
        .with_context(|| format!("{}", path.display()))?
        .len();
    let file_name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .context("not a file")?;
    let media_type = mime_guess::from_path(&path)
        .first_or_octet_stream()
        .to_string();
    let what = What::File {
        path: path.display().to_string(),
        file_name,
        media_type,
        size,
        caption,
    };
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

pub(super) async fn save(
    session: &Session,
    with: &str,
    message: MessageId,
    path: PathBuf,
) -> Result<()> {
    session.online().await?;
    let conversation = people::conversation(session, with).await?.conversation;
    arrived(session, conversation, message).await?;
    let path = std::path::absolute(path)?.display().to_string();
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
