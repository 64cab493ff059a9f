//! Scriptable acts: each opens the store, does one thing, says what came of it, ends.
//!
//! With `--json` the answer is one JSON object a line, its fields documented in
//! docs/terminal-client.md and held by a test.

mod groups;
mod keeping;
mod named;
mod others;
mod reading;
mod saying;
mod settings;
mod sign_up;

pub(crate) use groups::{invitation_in, timer};
pub(crate) use keeping::{How, in_order};
pub(crate) use named::{MessageName, link_code, own_device, resolve};
pub(crate) use saying::{no_file, picture, post, target_path, what_file};

use keeping::keep;
use named::{Asks, named};
use others::{accept, block, contacts, report, requests, safety};
use reading::{Wanted, conversations, history, info, search, watch};
use saying::{SayText, amend, forward, save, send_file, send_text};
use settings::{account, change_number, delete_account, profile, recovery_phrase, setting};
use sign_up::{
    Code, SignUp, approve, link, locked, number_taken, prove, register, request_code, same_number,
};

use super::people;
use super::session::{Kept, Refused, Session};
use super::words::{self, Names};
use crate::terminal::{complain, prompt, say, say_json};
use anyhow::{Context, Result, bail};
use clap::Subcommand;
use comity_client::{Command, Core, Event, Say, TimelineItem, What, Whom, called};
use comity_wire::{Address, MessageId};
use serde_json::json;
use std::path::PathBuf;

/// One act.
#[derive(Subcommand)]
pub(crate) enum Act {
    /// Orders a code to a number, for `register` or `change-number` with --code.
    RequestCode {
        /// + and the country code first.
        number: String,
    },
    /// Signs up with a phone number.
    Register {
        /// + and the country code first.
        number: String,
        /// Your name, for people you talk to.
        #[arg(long, default_value = "")]
        name: String,
        /// The code that `request-code` ordered; else one is ordered and asked for.
        #[arg(long)]
        code: Option<String>,
        /// This device's name in the device list.
        #[arg(long)]
        device_name: Option<String>,
        /// Command that prints the code, for scripts; runs with NUMBER in its environment.
        #[arg(long)]
        code_command: Option<String>,
        /// The number has an account: recover it with its twelve words; `-` asks for them, or reads the
        /// first line of standard input.
        #[arg(long, env = "COMITY_RECOVERY_PHRASE", hide_env_values = true)]
        recover: Option<String>,
        /// The number has an account that is not yours: begin a new one.
        #[arg(long)]
        take_over: bool,
        /// Passphrase of the registration lock; `-` asks for it, or reads the first line of standard input.
        #[arg(long, env = "COMITY_LOCK_PASSPHRASE", hide_env_values = true)]
        lock_passphrase: Option<String>,
    },
    /// Links this device to an account: shows a code, waits to be let in.
    Link {
        /// This device's name in the device list.
        #[arg(long = "device-name", alias = "name", default_value = "terminal")]
        name: String,
    },
    /// Lets the device with this code in.
    Approve {
        /// As the new device shows it.
        code: String,
    },
    /// Own account and devices.
    Account {
        /// Does not connect first.
        #[arg(long)]
        offline: bool,
    },
    /// Takes a device out.
    RemoveDevice {
        /// Its name or id, or the beginning of the id, as `account` shows them.
        device: String,
    },
    /// Makes a device an owner.
    PromoteDevice {
        /// Its name or id, or the beginning of the id, as `account` shows them.
        device: String,
    },
    /// Sets name and about.
    Profile {
        /// Name.
        #[arg(long)]
        name: Option<String>,
        /// About.
        #[arg(long)]
        about: Option<String>,
        /// A picture, such as JPEG or PNG, of at most 1 MiB.
        #[arg(long)]
        photo: Option<PathBuf>,
    },
    /// Makes a new recovery phrase.
    RecoveryPhrase,
    /// Sets the registration lock, or removes it.
    Lock {
        /// At least 8 characters; `-` asks for it, or reads the first line of standard input.
        #[arg(env = "COMITY_LOCK_PASSPHRASE", hide_env_values = true)]
        passphrase: Option<String>,
        /// Removes the lock.
        #[arg(long)]
        off: bool,
    },
    /// Moves the account to another number.
    ChangeNumber {
        /// + and the country code first.
        number: String,
        /// The code that `request-code` ordered; else one is ordered and asked for.
        #[arg(long)]
        code: Option<String>,
        /// Command that prints the code.
        #[arg(long)]
        code_command: Option<String>,
        /// The number has an account: take it from there.
        #[arg(long)]
        take_over: bool,
        /// Passphrase of that account's registration lock; `-` asks for it, or reads the first line
        /// of standard input.
        #[arg(long, env = "COMITY_LOCK_PASSPHRASE", hide_env_values = true)]
        lock_passphrase: Option<String>,
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
        /// The text; `-` takes it from standard input.
        text: String,
        /// Answers this message: its id, or the beginning of it, as `history --ids` shows it.
        #[arg(long)]
        reply: Option<MessageName>,
        /// Names the message, so that a repeated act says it once.
        #[arg(long)]
        id: Option<MessageId>,
        /// Mentions a member; whom the text names with @NAME is mentioned, too.
        #[arg(long)]
        mention: Vec<String>,
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
        /// The message: its id, or the beginning of it, as `history --ids` shows it.
        message: MessageName,
        /// Where to; must not exist.
        path: PathBuf,
    },
    /// Reacts with an emoji; empty takes it back.
    React {
        /// The conversation.
        with: String,
        /// The message: its id, or the beginning of it, as `history --ids` shows it.
        message: MessageName,
        /// One emoji.
        emoji: String,
    },
    /// Changes an own text.
    Edit {
        /// The conversation.
        with: String,
        /// The message: its id, or the beginning of it, as `history --ids` shows it.
        message: MessageName,
        /// The new text.
        text: String,
    },
    /// Takes an own message back from everyone.
    Delete {
        /// The conversation.
        with: String,
        /// The message: its id, or the beginning of it, as `history --ids` shows it.
        message: MessageName,
    },
    /// Says a text or file of a conversation again, to somebody else.
    Forward {
        /// The conversation that it stands in.
        with: String,
        /// The message: its id, or the beginning of it, as `history --ids` shows it.
        message: MessageName,
        /// Number, address, name, or `me`.
        to: String,
    },
    /// Shows after which time messages of a conversation vanish, or sets it.
    Timer {
        /// The conversation.
        with: String,
        /// 30s, 5m, 8h, 7d, 4w; `off`: they stay.
        #[arg(value_parser = timer)]
        after: Option<u32>,
    },
    /// Shows who has a message and who read it.
    Info {
        /// The conversation.
        with: String,
        /// The message: its id, or the beginning of it, as `history --ids` shows it.
        message: MessageName,
    },
    #[command(flatten)]
    Group(groups::GroupAct),
    /// Conversations, newest first.
    Conversations {
        /// Does not connect first.
        #[arg(long)]
        offline: bool,
    },
    /// Pins a conversation, puts it away, mutes it, or marks it unread; on all own devices.
    Keep {
        /// The conversation.
        with: String,
        /// What.
        how: How,
        /// How long it is muted: 8h, 7d; `off`: no longer; else until `unmute`.
        #[arg(value_parser = timer)]
        time: Option<u32>,
    },
    /// Catches up, then shows a conversation.
    History {
        /// The conversation.
        with: String,
        /// Lines.
        #[arg(long, default_value_t = 50)]
        limit: u32,
        /// Lines before this message.
        #[arg(long)]
        before: Option<MessageName>,
        /// Shows before each line the beginning of its id, by which other acts know it.
        #[arg(long)]
        ids: bool,
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
        /// Shows before each line the beginning of its id, by which other acts know it.
        #[arg(long)]
        ids: bool,
        /// Does not connect first: the others learn later that it was read.
        #[arg(long)]
        offline: bool,
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
    Requests {
        /// Does not connect first.
        #[arg(long)]
        offline: bool,
    },
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
    Contacts {
        /// Does not connect first.
        #[arg(long)]
        offline: bool,
    },
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
        /// Who; or the group in which they were said.
        who: String,
        /// Which messages, as `history --ids` shows them; none for the request.
        messages: Vec<MessageName>,
        /// Why.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Shows that one is typing.
    Typing {
        /// The conversation.
        with: String,
    },
    /// Signs in and tells a bearer token of the app's HTTP API, for programs of your own.
    Token,
    /// After a copy of this store was used elsewhere: it goes on here, and nowhere else.
    GoOnHere,
    /// Connects, catches up, sends what waits, ends.
    Sync {
        /// Stays that many seconds longer.
        #[arg(long, default_value_t = 0, value_parser = crate::chat::seconds())]
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
        #[arg(long, default_value_t = 0, value_parser = crate::chat::seconds())]
        seconds: u64,
    },
}

impl Act {
    /// The number (E.164) that this orders a code for, and does nothing else.
    pub(crate) fn orders_code(&self) -> Option<String> {
        match self {
            Self::RequestCode { number } => {
                let digits = number.chars().filter(char::is_ascii_digit);
                Some(std::iter::once('+').chain(digits).collect())
            }
            _ => None,
        }
    }

    /// Refuses what needs neither store nor app to be seen as wrong.
    pub(crate) fn check(&self) -> Result<()> {
        match self {
            Self::RequestCode { number }
            | Self::Register { number, .. }
            | Self::ChangeNumber { number, .. }
            | Self::Lookup { number } => a_number(number),
            Self::React { emoji, .. } => one_emoji(emoji),
            _ => Ok(()),
        }
    }
}

fn a_number(number: &str) -> Result<()> {
    let number = number.trim();
    let digits = number.chars().filter(char::is_ascii_digit).count();
    if number.starts_with('+') && digits > 0 {
        return Ok(());
    }
    bail!(Refused::here(
        "check",
        "number_invalid",
        format!("{number}: a number begins with + and the country code, as +49 for Germany")
    ))
}

/// One sign as people see it, or nothing, which takes a reaction back.
pub(crate) fn one_emoji(emoji: &str) -> Result<()> {
    use unicode_segmentation::UnicodeSegmentation;
    // A letter is one only where it is asked to look like a picture.
    let letters = emoji.chars().any(char::is_alphabetic) && !emoji.contains('\u{FE0F}');
    let plain = !emoji.is_empty() && emoji.is_ascii()
        || letters
        || emoji.chars().any(|c| c.is_whitespace() || c.is_control());
    if emoji.graphemes(true).count() > 1 || plain {
        bail!(Refused::here(
            "react",
            "malformed",
            format!("{emoji}: a reaction is one emoji, or nothing to take it back")
        ));
    }
    Ok(())
}

/// Tells a script why there was no answer.
pub(crate) fn tell_error(error: &anyhow::Error) {
    let kept = error.downcast_ref::<Kept>().map(|kept| &kept.0);
    let told = match kept.or_else(|| error.downcast_ref::<Refused>()) {
        Some(refused) => {
            let mut told = json!({
                "error": refused.code, "act": refused.act, "message": refused.message, "retry_after_ms": refused.retry_after_ms
            });
            if let (true, Some(told)) = (kept.is_some(), told.as_object_mut()) {
                told.insert("queued".to_owned(), true.into());
            }
            told
        }
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
            device_name,
            code_command,
            recover,
            take_over,
            lock_passphrase,
        } => {
            let code = Code {
                code,
                command: code_command,
            };
            let how = SignUp {
                name,
                device_name,
                recover: recover.filter(|phrase| !phrase.trim().is_empty()),
                take_over,
                lock_passphrase: named::lock_passphrase(lock_passphrase, Asks::Known).await?,
            };
            register(session, number, code, how).await
        }
        Act::RequestCode { number } => request_code(session, number).await,
        Act::Link { name } => link(session, name).await,
        Act::Approve { code } => approve(session, code).await,
        Act::Account { offline } => account(session, offline).await,
        Act::RemoveDevice { device } => {
            let device = own_device(session, &device).await?;
            setting(session, Command::RemoveDevice(device), "device_removed").await
        }
        Act::PromoteDevice { device } => {
            let device = own_device(session, &device).await?;
            setting(session, Command::PromoteDevice(device), "device_promoted").await
        }
        Act::Profile { name, about, photo } => profile(session, name, about, photo).await,
        Act::RecoveryPhrase => recovery_phrase(session).await,
        Act::Lock { passphrase, off } => {
            let passphrase = named::new_lock(passphrase, off).await?;
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
            take_over,
            lock_passphrase,
        } => {
            let code = Code {
                code,
                command: code_command,
            };
            let lock = named::lock_passphrase(lock_passphrase, Asks::Known).await?;
            change_number(session, number, code, take_over, lock).await
        }
        Act::DeleteAccount { yes } => delete_account(session, yes).await,
        Act::Lookup { number } => {
            let contact = people::lookup(session, &number).await?;
            if session.json {
                say_json(&contact);
            } else {
                say(&format!(
                    "{} {} ({})",
                    words::plain(&contact.number),
                    words::beside(&called(&contact.name, "")),
                    contact.address
                ));
                let safety = session.hint(&format!("safety {number}"));
                say(&words::first_contact(&contact, &safety));
            }
            Ok(())
        }
        Act::Send {
            to,
            text,
            reply,
            id,
            mention,
            no_wait,
        } => {
            let say = SayText {
                text: saying::text(text).await?,
                quote: reply,
                id,
                mention,
            };
            send_text(session, &to, say, !no_wait).await
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
            amend(session, &with, message, |target| What::React {
                target,
                emoji,
            })
            .await
        }
        Act::Edit {
            with,
            message,
            text,
        } => {
            amend(session, &with, message, |target| What::Edit {
                target,
                text,
            })
            .await
        }
        Act::Delete { with, message } => {
            amend(session, &with, message, |target| What::Delete { target }).await
        }
        Act::Forward { with, message, to } => forward(session, &with, message, &to).await,
        Act::Timer { with, after } => groups::disappear(session, &with, after).await,
        Act::Info { with, message } => info(session, &with, message).await,
        Act::Group(act) => groups::run(session, act).await,
        Act::Conversations { offline } => conversations(session, offline).await,
        Act::Keep { with, how, time } => keep(session, &with, how, time).await,
        Act::History {
            with,
            limit,
            before,
            ids,
            offline,
        } => {
            let wanted = Wanted {
                limit,
                before,
                ids,
                offline,
                read: false,
            };
            history(session, &with, wanted).await
        }
        Act::Read {
            with,
            limit,
            ids,
            offline,
        } => {
            let wanted = Wanted {
                limit,
                before: None,
                ids,
                offline,
                read: true,
            };
            history(session, &with, wanted).await
        }
        Act::Search { query, limit } => search(session, query, limit).await,
        Act::Requests { offline } => requests(session, offline).await,
        Act::Accept { who } => accept(session, &who).await,
        Act::Decline { who } => {
            let address = people::anyone(session, &who).await?;
            session.handle.act(Command::Decline(address)).await?;
            finish(session).await
        }
        Act::Contacts { offline } => contacts(session, offline).await,
        Act::Safety { who } => safety(session, &who).await,
        Act::Verify { who } => {
            let address = people::anyone(session, &who).await?;
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
        Act::Token => settings::token(session).await,
        Act::GoOnHere => {
            session.handle.act(Command::GoOnHere).await?;
            session.online().await?;
            session.settled().await?;
            finish(session).await
        }
        Act::Sync { stay } => {
            session.online().await?;
            session.settled().await?;
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
    } else {
        say("Done.");
    }
    Ok(())
}

/// Names of all people that this device knows, and "you".
pub(crate) async fn names(session: &Session) -> Result<Names> {
    Ok(session.query(Core::names).await?.into_iter().collect())
}
