//! What is named by less than the whole: messages, own devices, link codes; and secrets that are
//! not given on the command line.
//!
//! Always holds: a beginning that several have names none of them.

use super::*;
use comity_wire::DeviceId;
use std::io::IsTerminal;
use std::str::FromStr;

/// Characters of a message's id that are shown, and the fewest that name one.
const SHOWN: usize = 8;
const FEWEST: usize = 4;

/// A message as it is named on the command line.
#[derive(Debug, Clone)]
pub(crate) enum MessageName {
    /// Its id.
    Whole(MessageId),
    /// The beginning of its id, in small hexadecimal digits.
    Beginning(String),
}

impl FromStr for MessageName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(message) = text.parse() {
            return Ok(Self::Whole(message));
        }
        let hex = text.chars().all(|c| c.is_ascii_hexdigit());
        if !hex || !(FEWEST..32).contains(&text.len()) {
            return Err(format!(
                "{text}: a message is named by its id of 32 hexadecimal digits, or by the first {FEWEST} or more of them"
            ));
        }
        Ok(Self::Beginning(text.to_ascii_lowercase()))
    }
}

/// The beginning of a message's id, as it is shown.
pub(crate) fn short(message: &MessageId) -> String {
    message.to_string().chars().take(SHOWN).collect()
}

/// The message of that name in a conversation.
pub(crate) async fn resolve(
    session: &Session,
    conversation: i64,
    name: &MessageName,
) -> Result<MessageId> {
    let beginning = match name {
        MessageName::Whole(message) => return Ok(*message),
        MessageName::Beginning(beginning) => beginning.clone(),
    };
    let wanted = beginning.clone();
    let found = session
        .query(move |core| core.messages_beginning(conversation, &wanted))
        .await?;
    match found.as_slice() {
        [one] => Ok(*one),
        [] => bail!(Refused::not_found(format!(
            "no message here begins with {beginning}: `history --ids` shows them"
        ))),
        _ => bail!(Refused::not_found(format!(
            "several messages here begin with {beginning}: give more of the id"
        ))),
    }
}

/// The conversation and the message in it that are named.
pub(super) async fn named(
    session: &Session,
    with: &str,
    message: &MessageName,
) -> Result<(i64, MessageId)> {
    let conversation = people::conversation(session, with).await?.conversation;
    if matches!(message, MessageName::Beginning(_)) {
        session.settled().await?;
    }
    Ok((conversation, resolve(session, conversation, message).await?))
}

/// The own device of that name, that id, or whose id alone begins so.
pub(crate) async fn own_device(session: &Session, name: &str) -> Result<DeviceId> {
    session.signed_up().await?;
    let account = session.query(Core::account).await?;
    let devices = account.map(|account| account.devices).unwrap_or_default();
    if let Ok(device) = name.parse() {
        return Ok(device);
    }
    let beginning = name.to_ascii_lowercase();
    let found: Vec<_> = devices
        .iter()
        .filter(|one| {
            one.name.eq_ignore_ascii_case(name)
                || (name.len() >= FEWEST && one.device.to_string().starts_with(&beginning))
        })
        .collect();
    match found.as_slice() {
        [one] if !name.is_empty() => Ok(one.device),
        [] | [_] => bail!(Refused::not_found(format!(
            "no device of yours is called {name}: `account` shows them"
        ))),
        _ => bail!(Refused::not_found(format!(
            "several devices of yours are called {name}: give the id that `account` shows"
        ))),
    }
}

/// A link code as it was copied: over several lines, or without what it begins with.
pub(crate) fn link_code(text: &str) -> String {
    const PREFIX: &str = "comity-link:";
    let code: String = text.split_whitespace().collect();
    let whole = code
        .get(..PREFIX.len())
        .is_some_and(|head| head.eq_ignore_ascii_case(PREFIX));
    if whole {
        code
    } else {
        format!("{PREFIX}{code}")
    }
}

/// What is asked for a secret.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Asks {
    /// One that is chosen now, typed twice.
    New,
    /// One that is known.
    Known,
}

/// A registration lock's passphrase: `-` is typed on the terminal, or stands on standard input.
pub(super) async fn lock_passphrase(given: Option<String>, asks: Asks) -> Result<Option<String>> {
    if given.as_deref() != Some("-") {
        return Ok(given);
    }
    let typed = secret("Passphrase of the registration lock: ", asks).await?;
    if typed.is_empty() {
        bail!(Refused::here(
            "lock",
            "usage",
            "no passphrase was given".to_owned()
        ));
    }
    Ok(Some(typed))
}

/// The twelve words of an account, typed on the terminal or on standard input; none where nothing is.
pub(super) async fn recovery_phrase() -> Result<Option<String>> {
    let typed = secret("The twelve words: ", Asks::Known).await?;
    Ok(Some(typed).filter(|typed| !typed.trim().is_empty()))
}

/// A secret: typed on the terminal, which does not show it, or the first line of standard input.
async fn secret(asked: &'static str, asks: Asks) -> Result<String> {
    let typed = tokio::task::spawn_blocking(move || -> Result<String> {
        if !std::io::stdin().is_terminal() {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line)?;
            return Ok(line.trim_end_matches(['\r', '\n']).to_owned());
        }
        let first = rpassword::prompt_password(asked)?;
        if asks == Asks::New && rpassword::prompt_password("Once more: ")? != first {
            bail!(Refused::here(
                "lock",
                "usage",
                "these two differ".to_owned()
            ));
        }
        Ok(first)
    });
    typed.await?
}

/// What the registration lock is to be; it goes only when that is said.
pub(super) async fn new_lock(given: Option<String>, off: bool) -> Result<Option<String>> {
    if off {
        return Ok(None);
    }
    let Some(passphrase) = lock_passphrase(given, Asks::New).await? else {
        bail!(Refused::here(
            "lock",
            "usage",
            "give a passphrase of at least 8 characters, `-` to be asked for one, or --off to remove the lock".to_owned()
        ));
    };
    Ok(Some(passphrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_named_by_its_beginning() {
        let of = |text: &str| text.parse::<MessageName>();
        assert!(matches!(of("00A1"), Ok(MessageName::Beginning(text)) if text == "00a1"));
        let whole = "000102030405060708090a0b0c0d0e0f";
        assert!(matches!(of(whole), Ok(MessageName::Whole(_))));
        for wrong in ["", "0a1", "hello", &format!("{whole}0")] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_link_code_is_whole_however_it_was_copied() {
        let whole = "comity-link:AEHH-IZLT";
        for text in [
            whole,
            " AEHH-IZLT",
            "AEHH-\n  IZLT",
            "comity-link:AEHH-\nIZLT",
        ] {
            assert_eq!(link_code(text), whole, "{text:?}");
        }
    }
}
