//! Saying something, changing it, moving files.

use super::*;
use crate::chat::mentions;
use crate::chat::session::Said;
use crate::chat::words::not_moved;
use std::path::Path;

/// What `send` was asked to say.
pub(super) struct SayText {
    pub(super) text: String,
    pub(super) quote: Option<MessageName>,
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
    let quote = match (&say.quote, people::with(session, &to).await?) {
        (None, _) => None,
        (Some(MessageName::Whole(message)), _) => Some(*message),
        (Some(name), Some(with)) => Some(resolve(session, with.conversation, name).await?),
        (Some(_), None) => bail!(Refused::not_found("nothing was said there yet".to_owned())),
    };
    let members = members(session, &to).await?;
    let mut mentions = mentions::find(&say.text, &members);
    for who in &say.mention {
        let address = people::anyone(session, who).await?;
        let member = members.iter().find(|(member, _)| *member == address);
        let unknown = (address, String::new());
        mentions::add(&mut say.text, &mut mentions, member.unwrap_or(&unknown));
    }
    let what = Say {
        to,
        quote,
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
    message: MessageName,
    to: &str,
) -> Result<()> {
    session.online().await?;
    let (conversation, message) = named(session, with, &message).await?;
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
    let said = if wait {
        session.sent(conversation, item.message).await?
    } else {
        Said {
            item,
            waits_for: None,
        }
    };
    if session.json {
        say_json(&json!({
            "conversation": conversation, "item": said.item, "queued": said.is_queued(), "waits_for": said.waits_for
        }));
        return Ok(());
    }
    say(&words::line(&names(session).await?, &said.item));
    if said.is_queued() {
        complain(&words::not_sent_yet(said.waits_for.as_deref()));
    }
    Ok(())
}

/// The text of an act: `-` is what standard input holds, without its last line's end.
pub(super) async fn text(given: String) -> Result<String> {
    if given != "-" {
        return Ok(given);
    }
    let read = tokio::task::spawn_blocking(|| std::io::read_to_string(std::io::stdin())).await?;
    Ok(read?.trim_end_matches(['\r', '\n']).to_owned())
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
    let to = people::whom(session, to).await?;
    let mentions = mentions::find(&caption, &members(session, &to).await?);
    let say = Say {
        to,
        quote: None,
        id: None,
        mentions,
        what: what_file(&path, caption)?,
    };
    speak(session, say, true).await
}

/// A plain file: its whole path, its name, its bytes. A pipe or a device would be read for ever.
pub(crate) fn plain_file(path: &Path) -> Result<(String, String, u64)> {
    let refuse = |code: &str, message: &str| Refused::here("file", code, message.to_owned());
    let path = std::path::absolute(path)?;
    let facts = std::fs::metadata(&path)
        .map_err(|error| refuse("source_gone", &format!("{}: {error}", path.display())))?;
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

/// A picture's path, size and media type.
pub(crate) fn picture(path: &Path) -> Result<(String, u64, String)> {
    const BYTES_MAX: u64 = 1024 * 1024;
    let media_type = mime_guess::from_path(path)
        .first_or_octet_stream()
        .to_string();
    let (path, name, size) = plain_file(path)?;
    let why = if !media_type.starts_with("image/") {
        "this is none by its name"
    } else if size > BYTES_MAX {
        "this one is larger"
    } else {
        return Ok((path, size, media_type));
    };
    let name = crate::chat::one_line(&name);
    bail!(Refused::here(
        "photo",
        "refused",
        format!("{name}: a photo is a picture, such as JPEG or PNG, of at most 1 MiB; {why}")
    ))
}

/// What is to be said with a plain file.
pub(crate) fn what_file(path: &Path, caption: String) -> Result<What> {
    let (path, file_name, size) = plain_file(path)?;
    Ok(What::File {
        media_type: mime_guess::from_path(&path)
            .first_or_octet_stream()
            .to_string(),
        path,
        file_name,
        size,
        caption,
        look: Box::default(),
    })
}

/// Where a file is to be saved, as the core keeps it: what does not exist yet, in a folder that
/// does. A folder means a file in it, by the name that its sender gave it.
pub(crate) fn target_path(path: &Path, own_name: Option<&str>) -> Result<String> {
    let refuse = |code: &str, message: String| Refused::here("save", code, message);
    let mut target = std::path::absolute(path)?;
    if let (true, Some(name)) = (target.is_dir(), own_name) {
        target.push(file_name(name));
    }
    if target.symlink_metadata().is_ok() {
        let shown = target.display();
        bail!(refuse(
            "exists",
            format!("{shown} exists: give another name")
        ));
    }
    let folder = target.parent().unwrap_or(&target);
    if !folder.is_dir() {
        let shown = folder.display();
        bail!(refuse(
            "folder_missing",
            format!("there is no folder {shown}")
        ));
    }
    match target.to_str() {
        Some(path) => Ok(path.to_owned()),
        None => bail!(refuse(
            "file_name",
            format!("{} is not UTF-8: give another name", target.display())
        )),
    }
}

/// A name that somebody else chose, fit to be a file's in a folder: no way out of it, nothing hidden.
fn file_name(name: &str) -> String {
    let name: String = crate::chat::one_line(name)
        .chars()
        .map(|c| if matches!(c, '/' | '\\') { '_' } else { c })
        .collect();
    let name = name.trim().trim_start_matches(['.', '-']);
    match name {
        "" => "file".to_owned(),
        // File systems take 255 bytes.
        name => name.chars().take(60).collect(),
    }
}

/// There is nothing to save.
pub(crate) fn no_file() -> Refused {
    Refused::not_found("there is no file in this message".to_owned())
}

pub(super) async fn save(
    session: &Session,
    with: &str,
    message: MessageName,
    path: PathBuf,
) -> Result<()> {
    // Where it can not be is said before the app is asked.
    if !path.is_dir() {
        target_path(&path, None)?;
    }
    session.online().await?;
    let (conversation, message) = named(session, with, &message).await?;
    arrived(session, conversation, message).await?;
    let item = session.item(conversation, message).await?;
    let file = item.and_then(|item| item.attachment).ok_or_else(no_file)?;
    let own_name = file.file_name;
    let path = target_path(&path, Some(&own_name))?;
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
        Event::Transfer {
            failure: Some(code),
            ..
        } => {
            let message = format!("the file could not be fetched: {}", not_moved(&code));
            bail!(Refused::here("save", &code, message))
        }
        _ => Ok(()),
    }
}

pub(super) async fn amend(
    session: &Session,
    with: &str,
    message: MessageName,
    what: impl FnOnce(MessageId) -> What,
) -> Result<()> {
    session.online().await?;
    let (conversation, message) = named(session, with, &message).await?;
    arrived(session, conversation, message).await?;
    let what = what(message);
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
