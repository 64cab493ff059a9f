//! Scriptable acts: each opens the store, does one thing, says what came of it, ends.
//!
//! With `--json` the answer is one JSON object a line, its fields documented in
//! docs/terminal-client.md and held by a test.

use super::people;
use super::session::{Refused, Session};
use super::words::{self, Names};
use crate::terminal::{complain, prompt, say, say_json};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use comity_client::{Command, Core, Event, Say, TimelineItem, What, Whom};
use comity_wire::{Address, MessageId};
use serde_json::json;
use std::path::PathBuf;

/// One act.
#[derive(Subcommand)]
pub(crate) enum Act {
    /// Signs up with a phone number.
    Register {
        /// As +49…
        number: String,
        /// Your name, for people you talk to.
        #[arg(long, default_value = "")]
        name: String,
        /// The code; else it is asked for.
        #[arg(long)]
        code: Option<String>,
        /// Command that prints the code, for scripts; runs with NUMBER in its environment.
        #[arg(long)]
        code_command: Option<String>,
        /// The number has an account: recover it with its twelve words.
        #[arg(long)]
        recover: Option<String>,
        /// The number has an account that is not yours: begin a new one.
        #[arg(long)]
        take_over: bool,
        /// Passphrase of the registration lock.
        #[arg(long)]
        lock_passphrase: Option<String>,
    },
    /// Links this device to an account: shows a code, waits to be let in.
    Link {
        /// Shown in the device list.
        #[arg(long, default_value = "terminal")]
        name: String,
    },
    /// Lets the device with this code in.
    Approve {
        /// As the new device shows it.
        code: String,
    },
    /// Own account and devices.
    Account,
    /// Takes a device out.
    RemoveDevice {
        /// Its id.
        device: comity_wire::DeviceId,
    },
    /// Makes a device an owner.
    PromoteDevice {
        /// Its id.
        device: comity_wire::DeviceId,
    },
    /// Sets name and about.
    Profile {
        /// Name.
        #[arg(long)]
        name: Option<String>,
        /// About.
        #[arg(long)]
        about: Option<String>,
        /// A small picture.
        #[arg(long)]
        photo: Option<PathBuf>,
    },
    /// Makes a new recovery phrase.
    RecoveryPhrase,
    /// Sets or, without a passphrase, removes the registration lock.
    Lock {
        /// At least 8 characters.
        passphrase: Option<String>,
    },
    /// Moves the account to another number.
    ChangeNumber {
        /// As +49…
        number: String,
        /// The code; else it is asked for.
        #[arg(long)]
        code: Option<String>,
        /// Command that prints the code.
        #[arg(long)]
        code_command: Option<String>,
    },
    /// Deletes the account and this store.
    DeleteAccount {
        /// No way back.
        #[arg(long)]
        yes: bool,
    },
    /// Finds who has a number.
    Lookup {
        /// As +49…
        number: String,
    },
    /// Sends a text.
    Send {
        /// Number, address, name, or `me`.
        to: String,
        /// The text.
        text: String,
        /// Answers this message.
        #[arg(long)]
        reply: Option<MessageId>,
        /// Names the message, so that a repeated act says it once.
        #[arg(long)]
        id: Option<MessageId>,
        /// Does not wait until the app has it.
        #[arg(long)]
        no_wait: bool,
    },
    /// Sends a file.
    File {
        /// Number, address, name, or `me`.
        to: String,
        /// The file.
        path: PathBuf,
        /// Text with it.
        #[arg(long, default_value = "")]
        caption: String,
    },
    /// Saves the file of a message.
    Save {
        /// The conversation.
        with: String,
        /// The message.
        message: MessageId,
        /// Where to; must not exist.
        path: PathBuf,
    },
    /// Reacts with an emoji; empty takes it back.
    React {
        /// The conversation.
        with: String,
        /// The message.
        message: MessageId,
        /// One emoji.
        emoji: String,
    },
    /// Changes an own text.
    Edit {
        /// The conversation.
        with: String,
        /// The message.
        message: MessageId,
        /// The new text.
        text: String,
    },
    /// Takes an own message back from everyone.
    Delete {
        /// The conversation.
        with: String,
        /// The message.
        message: MessageId,
    },
    /// Conversations, newest first.
    Conversations,
    /// Catches up, then shows a conversation.
    History {
        /// The conversation.
        with: String,
        /// Lines.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Lines before this message.
        #[arg(long)]
        before: Option<MessageId>,
        /// Does not connect first.
        #[arg(long)]
        offline: bool,
    },
    /// Shows a conversation and marks it read.
    Read {
        /// The conversation.
        with: String,
        /// Lines.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Finds words.
    Search {
        /// Words; all must be there.
        query: String,
        /// Lines.
        #[arg(long, default_value_t = 20)]
        limit: u32,
    },
    /// Strangers who ask to talk.
    Requests,
    /// Accepts a request.
    Accept {
        /// Who.
        who: String,
    },
    /// Declines a request.
    Decline {
        /// Who.
        who: String,
    },
    /// People.
    Contacts,
    /// Shows the safety number with someone.
    Safety {
        /// Who.
        who: String,
    },
    /// Says that the safety number was compared and is the same.
    Verify {
        /// Who.
        who: String,
    },
    /// Blocks someone.
    Block {
        /// Who.
        who: String,
    },
    /// Unblocks someone.
    Unblock {
        /// Who.
        who: String,
    },
    /// Reports messages of someone, or their request, to the operator.
    Report {
        /// Who.
        who: String,
        /// Which messages; none for the request.
        messages: Vec<MessageId>,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Shows that one is typing.
    Typing {
        /// The conversation.
        with: String,
    },
    /// Connects, catches up, sends what waits, ends.
    Sync {
        /// Stays that many seconds longer.
        #[arg(long, default_value_t = 0)]
        stay: u64,
    },
    /// Connects and tells every event until stopped.
    Watch {
        /// Accepts every request (for bots and tests).
        #[arg(long)]
        accept: bool,
        /// Marks everything as read.
        #[arg(long)]
        read: bool,
        /// Ends after that many seconds; 0: never.
        #[arg(long, default_value_t = 0)]
        seconds: u64,
    },
}

/// Tells a script why there was no answer.
pub(crate) fn tell_error(error: &anyhow::Error) {
    let told = match error.downcast_ref::<Refused>() {
        Some(refused) => json!({
            "error": refused.code, "act": refused.act, "message": refused.message, "retry_after_ms": refused.retry_after_ms
        }),
        None => match error.downcast_ref::<comity_client::CoreError>() {
            Some(core) => json!({ "error": core.code(), "message": core.to_string() }),
            None => json!({ "error": "failed", "message": format!("{error:#}") }),
        },
    };
    say_json(&told);
}

/// Does the act.
pub(crate) async fn run(session: &Session, act: Act) -> Result<()> {
    match act {
        Act::Register {
            number,
            name,
            code,
            code_command,
            recover,
            take_over,
            lock_passphrase,
        } => {
            let code = Code {
                code,
                command: code_command,
            };
            register(
                session,
                number,
                name,
                code,
                recover,
                take_over,
                lock_passphrase,
            )
            .await
        }
        Act::Link { name } => link(session, name).await,
        Act::Approve { code } => approve(session, code).await,
        Act::Account => account(session).await,
        Act::RemoveDevice { device } => {
            setting(session, Command::RemoveDevice(device), "device_removed").await
        }
        Act::PromoteDevice { device } => {
            setting(session, Command::PromoteDevice(device), "device_promoted").await
        }
        Act::Profile { name, about, photo } => profile(session, name, about, photo).await,
        Act::RecoveryPhrase => recovery_phrase(session).await,
        Act::Lock { passphrase } => {
            setting(
                session,
                Command::SetRegistrationLock(passphrase),
                "registration_lock",
            )
            .await
        }
        Act::ChangeNumber {
            number,
            code,
            code_command,
        } => {
            change_number(
                session,
                number,
                Code {
                    code,
                    command: code_command,
                },
            )
            .await
        }
        Act::DeleteAccount { yes } => delete_account(session, yes).await,
        Act::Lookup { number } => {
            let contact = people::lookup(session, &number).await?;
            if session.json {
                say_json(&contact);
            } else {
                say(&format!(
                    "{} {} ({})",
                    contact.number,
                    words::plain(&contact.name),
                    contact.address
                ));
                say(
                    "Their key is as the app says: not yet verified. Compare safety numbers with `comity chat safety`.",
                );
            }
            Ok(())
        }
        Act::Send {
            to,
            text,
            reply,
            id,
            no_wait,
        } => {
            let to = people::whom(session, &to).await?;
            speak(
                session,
                Say {
                    to,
                    quote: reply,
                    id,
                    what: What::Text(text),
                },
                !no_wait,
            )
            .await
        }
        Act::File { to, path, caption } => send_file(session, &to, path, caption).await,
        Act::Save {
            with,
            message,
            path,
        } => save(session, &with, message, path).await,
        Act::React {
            with,
            message,
            emoji,
        } => {
            amend(
                session,
                &with,
                message,
                What::React {
                    target: message,
                    emoji,
                },
            )
            .await
        }
        Act::Edit {
            with,
            message,
            text,
        } => {
            amend(
                session,
                &with,
                message,
                What::Edit {
                    target: message,
                    text,
                },
            )
            .await
        }
        Act::Delete { with, message } => {
            amend(session, &with, message, What::Delete { target: message }).await
        }
        Act::Conversations => conversations(session).await,
        Act::History {
            with,
            limit,
            before,
            offline,
        } => history(session, &with, limit, before, offline, false).await,
        Act::Read { with, limit } => history(session, &with, limit, None, false, true).await,
        Act::Search { query, limit } => search(session, query, limit).await,
        Act::Requests => requests(session).await,
        Act::Accept { who } => accept(session, &who).await,
        Act::Decline { who } => {
            let address = people::person(session, &who).await?;
            session.handle.act(Command::Decline(address)).await?;
            finish(session).await
        }
        Act::Contacts => contacts(session).await,
        Act::Safety { who } => safety(session, &who).await,
        Act::Verify { who } => {
            let address = people::person(session, &who).await?;
            session.handle.act(Command::Verify(address)).await?;
            finish(session).await
        }
        Act::Block { who } => block(session, &who, true).await,
        Act::Unblock { who } => block(session, &who, false).await,
        Act::Report {
            who,
            messages,
            reason,
        } => report(session, &who, messages, reason).await,
        Act::Typing { with } => {
            session.online().await?;
            let conversation = people::conversation(session, &with).await?.conversation;
            session
                .handle
                .act(Command::Typing {
                    conversation,
                    typing: true,
                })
                .await?;
            Ok(())
        }
        Act::Sync { stay } => {
            finish(session).await?;
            tokio::time::sleep(std::time::Duration::from_secs(stay)).await;
            session.flushed().await
        }
        Act::Watch {
            accept,
            read,
            seconds,
        } => watch(session, accept, read, seconds).await,
    }
}

/// A message that was named from another screen may still be on its way here.
async fn arrived(session: &Session, conversation: i64, message: MessageId) -> Result<()> {
    if session.item(conversation, message).await?.is_none() {
        session.settled().await?;
    }
    Ok(())
}

/// Online, and nothing left to send.
async fn finish(session: &Session) -> Result<()> {
    session.online().await?;
    session.flushed().await?;
    if session.json {
        say_json(&json!({ "ok": true }));
    }
    Ok(())
}

/// Names of all people that this device knows.
pub(crate) async fn names(session: &Session) -> Result<Names> {
    let contacts = session.query(Core::contacts).await?;
    Ok(contacts
        .into_iter()
        .map(|contact| {
            let name = if contact.name.is_empty() {
                contact.number
            } else {
                contact.name
            };
            (contact.address, name)
        })
        .filter(|(_, name)| !name.is_empty())
        .collect())
}

struct Code {
    code: Option<String>,
    command: Option<String>,
}

impl Code {
    async fn get(self, number: &str) -> Result<String> {
        if let Some(code) = self.code {
            return Ok(code);
        }
        if let Some(command) = self.command {
            let output = tokio::process::Command::new("sh")
                .arg("-c")
                .arg(command)
                .env("NUMBER", number)
                .output()
                .await?;
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        prompt(&format!("Code sent to {number}: "));
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        })
        .await??;
        Ok(line.trim().to_owned())
    }
}

async fn ask_code(session: &Session, number: String) -> Result<String> {
    session
        .act_until(
            Command::StartRegistration {
                number,
                country: None,
            },
            &["connect", "register"],
            |event| match event {
                Event::CodeSent { number, .. } => Some(number.clone()),
                _ => None,
            },
        )
        .await
}

async fn register(
    session: &Session,
    number: String,
    name: String,
    code: Code,
    recover: Option<String>,
    take_over: bool,
    lock_passphrase: Option<String>,
) -> Result<()> {
    let number = ask_code(session, number).await?;
    let code = code.get(&number).await?;
    let acts = ["code", "create_account", "recover"];
    let next = |event: &Event| {
        matches!(event, Event::Ready { .. } | Event::NumberHasAccount { .. }).then(|| event.clone())
    };
    let mut told = session
        .act_until(Command::EnterCode { code, name }, &acts, next)
        .await?;
    if let Event::NumberHasAccount {
        recoverable,
        locked_until_ms,
    } = told
    {
        let command = match (recover, take_over) {
            (Some(phrase), _) => Command::Recover { phrase },
            (None, true) => Command::TakeOver {
                passphrase: lock_passphrase,
            },
            (None, false) => bail!(
                "this number has an account ({}{}). Link this device from another one, or --recover 'twelve words', or --take-over to begin a new account",
                if recoverable {
                    "it has a recovery phrase"
                } else {
                    "it has no recovery phrase"
                },
                if locked_until_ms.is_some() {
                    ", and a registration lock"
                } else {
                    ""
                }
            ),
        };
        told = session
            .act_until(command, &acts, |event| {
                matches!(event, Event::Ready { .. }).then(|| event.clone())
            })
            .await?;
    }
    session.online().await?;
    session.settled().await?;
    let Event::Ready { address, number } = told else {
        bail!("not signed up")
    };
    if session.json {
        say_json(&json!({ "address": address, "number": number }));
    } else {
        say(&format!("Signed up: {number}, {address}"));
        say(
            "Write down a recovery phrase with `comity chat recovery-phrase`: without it, losing all devices loses the account.",
        );
    }
    Ok(())
}

async fn link(session: &Session, name: String) -> Result<()> {
    let (_, mut events) = session
        .act(Command::StartLink { device_name: name })
        .await?;
    let json = session.json;
    let ready = session
        .wait(&mut events, &["connect", "link"], &mut |event| {
            if let Event::LinkCode { code, .. } = event {
                if json {
                    say_json(event);
                } else {
                    say("On a device that is signed up: comity chat approve CODE, with this code (or scan it):");
                    say(&qr(code));
                    say(code);
                }
            }
            matches!(event, Event::Ready { .. }).then(|| event.clone())
        })
        .await?;
    if json {
        say_json(&ready);
    }
    session.online().await?;
    // History comes in parts; it goes on at the next start if this one ends early.
    let _ = session
        .wait(&mut events, &[], &mut |event| match event {
            Event::HistoryProgress { done, total } => {
                if json {
                    say_json(event);
                } else {
                    say(&format!("history: {done} of {total} parts"));
                }
                (done == total).then_some(())
            }
            _ => None,
        })
        .await;
    session.flushed().await
}

/// A code as a picture of half blocks.
fn qr(text: &str) -> String {
    match qrcode::QrCode::with_error_correction_level(text.as_bytes(), qrcode::EcLevel::L) {
        Ok(code) => code
            .render::<qrcode::render::unicode::Dense1x2>()
            .quiet_zone(true)
            .build(),
        Err(_) => String::new(),
    }
}

async fn approve(session: &Session, code: String) -> Result<()> {
    session.online().await?;
    let linked = session
        .act_until(Command::ApproveLink { code }, &["approve_link"], |event| {
            matches!(event, Event::Linked { .. }).then(|| event.clone())
        })
        .await?;
    if session.json {
        say_json(&linked);
    } else if let Event::Linked { name, device } = &linked {
        say(&format!("Linked: {} ({device})", words::plain(name)));
    }
    // The new device comes online, gives its keys, is let into every conversation; history goes up.
    session.settled().await?;
    session.memberships_done().await?;
    session.flushed().await
}

async fn account(session: &Session) -> Result<()> {
    let Some(account) = session.query(Core::account).await? else {
        bail!("nobody is signed up here")
    };
    if session.json {
        say_json(&account);
        return Ok(());
    }
    say(&format!(
        "{}  {}  {}",
        words::plain(&account.name),
        account.number,
        account.address
    ));
    for device in &account.devices {
        let this = if device.this { " (this one)" } else { "" };
        let owner = if device.owner { ", owner" } else { "" };
        say(&format!(
            "  {} {}{owner}{this}",
            device.device,
            words::plain(&device.name)
        ));
    }
    Ok(())
}

async fn setting(session: &Session, command: Command, what: &str) -> Result<()> {
    session.online().await?;
    session
        .act_until(command, &[what], |event| match event {
            Event::Saved { what: saved } if saved == what => Some(()),
            _ => None,
        })
        .await?;
    session.settled().await?;
    finish(session).await
}

async fn profile(
    session: &Session,
    name: Option<String>,
    about: Option<String>,
    photo: Option<PathBuf>,
) -> Result<()> {
    let Some(account) = session.query(Core::account).await? else {
        bail!("nobody is signed up here")
    };
    session.online().await?;
    if let Some(path) = photo {
        let media_type = mime_guess::from_path(&path)
            .first_or_octet_stream()
            .to_string();
        let size = std::fs::metadata(&path)?.len();
        let path = Some(std::path::absolute(path)?.display().to_string());
        session
            .act_until(
                Command::SetPhoto {
                    path,
                    size,
                    media_type,
                },
                &["profile"],
                |event| matches!(event, Event::Saved { what } if what == "profile").then_some(()),
            )
            .await?;
    }
    let command = Command::SetProfile {
        name: name.unwrap_or(account.name),
        about: about.unwrap_or(account.about),
    };
    setting(session, command, "profile").await
}

async fn recovery_phrase(session: &Session) -> Result<()> {
    session.online().await?;
    let (told, mut events) = session.act(Command::MakeRecoveryPhrase).await?;
    session
        .wait(&mut events, &["recovery"], &mut |event| {
            matches!(event, Event::Saved { what } if what == "recovery").then_some(())
        })
        .await?;
    let phrase = told.iter().find_map(|event| match event {
        Event::RecoveryPhrase { phrase } => Some(phrase.clone()),
        _ => None,
    });
    let phrase = phrase.context("no phrase was made")?;
    if session.json {
        say_json(&json!({ "phrase": phrase }));
    } else {
        say(&phrase);
        complain(
            "write these words down: they are shown once, and whoever has them and the number has the account",
        );
    }
    Ok(())
}

async fn change_number(session: &Session, number: String, code: Code) -> Result<()> {
    session.online().await?;
    let number = ask_code(session, number).await?;
    let code = code.get(&number).await?;
    session
        .act_until(
            Command::ChangeNumber { code },
            &["code", "number"],
            |event| matches!(event, Event::Saved { what } if what == "number").then_some(()),
        )
        .await?;
    finish(session).await
}

async fn delete_account(session: &Session, yes: bool) -> Result<()> {
    if !yes {
        bail!("this deletes the account at the app and this store, with no way back: say --yes");
    }
    session.online().await?;
    let (_, mut events) = session.act(Command::DeleteAccount).await?;
    let mut pick = |event: &Event| matches!(event, Event::Erased { .. }).then_some(());
    session
        .wait(&mut events, &["delete_account"], &mut pick)
        .await?;
    if session.json {
        say_json(&json!({ "ok": true }));
    } else {
        say("The account is deleted.");
    }
    Ok(())
}

async fn speak(session: &Session, what: Say, wait: bool) -> Result<()> {
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

async fn send_file(session: &Session, to: &str, path: PathBuf, caption: String) -> Result<()> {
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

async fn save(session: &Session, with: &str, message: MessageId, path: PathBuf) -> Result<()> {
    session.online().await?;
    let conversation = people::conversation(session, with).await?.conversation;
    arrived(session, conversation, message).await?;
    let path = std::path::absolute(path)?.display().to_string();
    let wanted = path.clone();
    let (_, mut events) = session
        .act(Command::SaveAttachment {
            conversation,
            message,
            path,
        })
        .await?;
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

async fn amend(session: &Session, with: &str, message: MessageId, what: What) -> Result<()> {
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

async fn conversations(session: &Session) -> Result<()> {
    session.online().await?;
    let all = session.query(Core::conversations).await?;
    for conversation in &all {
        if session.json {
            say_json(conversation);
        } else {
            say(&words::conversation(conversation));
        }
    }
    if all.is_empty() && !session.json {
        say("No conversations yet: comity chat send +49… 'hello'");
    }
    Ok(())
}

async fn history(
    session: &Session,
    with: &str,
    limit: u32,
    before: Option<MessageId>,
    offline: bool,
    read: bool,
) -> Result<()> {
    if !offline {
        session.online().await?;
        session.settled().await?;
    }
    let conversation = people::conversation(session, with).await?.conversation;
    let items = session
        .query(move |core| core.timeline(conversation, before.as_ref(), limit))
        .await?;
    let names = names(session).await?;
    for item in &items {
        if session.json {
            say_json(item);
        } else {
            say(&words::line(&names, item));
        }
    }
    if read {
        session
            .handle
            .act(Command::MarkRead { conversation })
            .await?;
        session.settled().await?;
    }
    Ok(())
}

async fn search(session: &Session, query: String, limit: u32) -> Result<()> {
    let found = session
        .query(move |core| core.search(&query, limit))
        .await?;
    let names = names(session).await?;
    for (conversation, item) in &found {
        if session.json {
            say_json(&json!({ "conversation": conversation, "item": item }));
        } else {
            say(&format!("#{conversation} {}", words::line(&names, item)));
        }
    }
    if found.is_empty() && !session.json {
        say("Nothing found.");
    }
    Ok(())
}

async fn requests(session: &Session) -> Result<()> {
    session.online().await?;
    session.settled().await?;
    for request in session.query(Core::requests).await? {
        if session.json {
            say_json(&request);
        } else {
            say(&format!(
                "{} ({}) asks to talk: “{}”",
                words::plain(&request.name),
                words::plain(&request.number),
                words::plain(&request.text)
            ));
        }
    }
    Ok(())
}

async fn accept(session: &Session, who: &str) -> Result<()> {
    session.online().await?;
    session.settled().await?;
    let address = people::person(session, who).await?;
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
        .context("the conversation did not begin in time")??;
    session.settled().await?;
    finish(session).await
}

async fn contacts(session: &Session) -> Result<()> {
    for contact in session.query(Core::contacts).await? {
        if session.json {
            say_json(&contact);
            continue;
        }
        let state = match (contact.blocked, contact.number_moved, contact.verified) {
            (true, _, _) => "blocked",
            (_, true, _) => "their number belongs to someone else now",
            (_, _, true) => "verified",
            _ => "not yet verified",
        };
        say(&format!(
            "{}  {}  {}  ({state})",
            contact.number,
            words::plain(&contact.name),
            contact.address
        ));
    }
    Ok(())
}

async fn safety(session: &Session, who: &str) -> Result<()> {
    let address = people::person(session, who).await?;
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
        say(
            "Not yet verified: compare it with theirs by voice or side by side, then `comity chat verify`.",
        );
    }
    Ok(())
}

async fn block(session: &Session, who: &str, blocked: bool) -> Result<()> {
    let address = people::person(session, who).await?;
    setting(session, Command::Block { address, blocked }, "block").await
}

async fn report(
    session: &Session,
    who: &str,
    messages: Vec<MessageId>,
    reason: String,
) -> Result<()> {
    session.online().await?;
    let address: Address = people::person(session, who).await?;
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

async fn watch(session: &Session, accept: bool, read: bool, seconds: u64) -> Result<()> {
    let mut events = session.handle.events();
    session.online().await?;
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
            Event::Erased { reason } => bail!("the account is gone: {reason}"),
            _ => {}
        }
    }
}
