//! Saying something, changing it, moving files.

use super::*;
use crate::chat::mentions;

/// What `send` was asked to say.
pub(super) struct SayText {
    pub(super) text: String,
    pub(super) quote: Option<MessageId>,
    pub(super) id: Option<MessageId>,
    /// Whom to mention, as typed.
    pub(super) mention: Vec<String>,
}

pub(super) async fn send_text(
    session: &Session,
    to: &str,
    mut say: SayText,
    wait: bool,
) -> Result<()> {
    let to = people::whom(session, to).await?;
    let members = members(session, &to).await?;
    let mut mentions = mentions::find(&say.text, &members);
    for who in &say.mention {
        let address = people::person(session, who).await?;
        let member = members.iter().find(|(member, _)| *member == address);
        let unknown = (address, String::new());
        mentions::add(&mut say.text, &mut mentions, member.unwrap_or(&unknown));
    }
    let what = Say {
        to,
        quote: say.quote,
        id: say.id,
        mentions,
        what: What::Text(say.text),
    };
    speak(session, what, wait).await
}

/// Who can be mentioned where `to` leads.
async fn members(session: &Session, to: &Whom) -> Result<Vec<(Address, String)>> {
    match people::with(session, to).await? {
        Some(with) => {
            session
                .query(move |core| core.mentionable(with.conversation))
                .await
        }
        None => Ok(Vec::new()),
    }
}

pub(super) async fn forward(
    session: &Session,
    with: &str,
    message: MessageId,
    to: &str,
) -> Result<()> {
    session.online().await?;
    let conversation = people::conversation(session, with).await?.conversation;
    arrived(session, conversation, message).await?;
    let what = Say {
        to: people::whom(session, to).await?,
        quote: None,
        id: None,
        mentions: Vec::new(),
        what: What::Forward {
            conversation,
            message,
        },
    };
    speak(session, what, true).await
}

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
    let conversation = people::with(session, &to)
        .await?
        .context("no such conversation")?
        .conversation;
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
            mentions: Vec::new(),
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
    let to = Whom::Conversation(conversation);
    let mentions = match &what {
        What::Edit { text, .. } => mentions::find(text, &members(session, &to).await?),
        _ => Vec::new(),
    };
    session
        .handle
        .act(Command::Send(Say {
            to,
            quote: None,
            id: None,
            mentions,
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
